/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server: which release runs, on which state, for how many clients.
 */
#ifndef FREQ_SERVER_H
#define FREQ_SERVER_H

#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/sched/clock.h>

#include "door.h"
#include "trace.h"

/* The argument of a plain request. */
struct freq_two_words {
	u64 first;
	u64 second;
};

/* How many plain requests a release can have, each with another nr % this. */
#define FREQ_PLAIN 32

/**
 * struct freq_plain - what the door knows of a plain request
 * @command: its number; 0: there is none here
 * @mode: the mode that the open file description must have
 * @handle: its handler
 *
 * A request is plain if its argument goes in and has the size of a
 * struct freq_two_words, and it needs nothing but, perhaps, FREQ_REQUEST_WRITE.
 * Such are nearly all that are made, and the rest of a release's table does not
 * matter to them.
 */
struct freq_plain {
	u32 command;
	fmode_t mode;
	int (*handle)(void *state, struct freq_call *call);
};

/**
 * struct freq_copied - the door's own copy of a release
 * @release: the release
 * @plain: its plain requests, by nr % FREQ_PLAIN; of two at one place, one
 */
struct freq_copied {
	struct freq_release release;
	struct freq_plain plain[FREQ_PLAIN];
};

/* The plain requests of no release. */
extern const struct freq_plain freq_no_plain[FREQ_PLAIN];

/**
 * struct freq_server - a device node and what runs behind it
 * @misc: the device; open() finds the server by its address
 * @lock: the mutex. It is held while a release runs, for each request, close,
 *	piece of an attribute and change of release, and nothing is done under
 *	it that waits for user space.
 * @held_since: when @lock was taken, if somebody wants to know; under @lock
 * @steps_lock: held, outside @lock, while a request is delivered that changes
 *	the state in steps, and while the release is changed
 * @running: the release that runs, in @releases, or NULL; under @lock. The
 *	server holds one reference to its owner.
 * @plain: the plain requests of @running, freq_no_plain if none runs; under
 *	@lock
 * @state: what @running works on, or NULL; under @lock
 * @changing: a release is between freq_door_prepare() and its commit or
 *	abort, or the running one is being stopped. Set and cleared under
 *	@lock; whoever set it is the only one to change @running, and owns the
 *	fields marked "changing".
 * @target: the server in which the incoming release will run; changing
 * @releases: the door's own copies of the running release and, changing, of
 *	the incoming one
 * @last_id: id of the client that was opened last; under @lock
 * @clients: number of clients; under @lock
 * @attribute_lock: keeps the pieces of an attribute's text in order; taken by
 *	its readers, outside @lock
 * @attributes: the attributes that have a file; changing. Files are removed
 *	outside both locks, since that waits for their readers.
 * @upgrades: how often a release took over from another; under @lock
 * @refused: how many could not; under @lock
 * @gate_last: how long the mutex was held for that the last time, in ns;
 *	under @lock
 * @gate_longest: the longest of these times, in ns; under @lock
 * @readers: who is reading an attribute; under @attribute_lock
 * @reader_count: how many those are; under @attribute_lock
 */
struct freq_server {
	struct miscdevice misc;
	/* the mutex */
	struct mutex lock;
	u64 held_since;
	/* outside the mutex */
	struct mutex steps_lock;
	const struct freq_release *running;
	const struct freq_plain *plain;
	void *state;
	bool changing;
	struct freq_server *target;
	struct freq_copied releases[2];
	u64 last_id;
	u32 clients;
	/* outside the mutex */
	struct mutex attribute_lock;
	struct list_head attributes;
	u64 upgrades;
	u64 refused;
	u64 gate_last;
	u64 gate_longest;
	struct list_head readers;
	u32 reader_count;
};

/* /dev/freq, and /dev/freq-rehearsal while a release is rehearsed. */
extern struct freq_server freq_server;
extern struct freq_server freq_rehearsal;

/**
 * freq_server_lock() - take the mutex
 * @server: the server
 *
 * Context: process context; may sleep.
 */
static __always_inline void freq_server_lock(struct freq_server *server)
{
	mutex_lock(&server->lock);
	server->held_since = 0;
	if (trace_freq_hold_enabled())
		server->held_since = local_clock();
}

/**
 * freq_server_unlock() - drop the mutex
 * @server: the server
 */
static __always_inline void freq_server_unlock(struct freq_server *server)
{
	if (trace_freq_hold_enabled() && server->held_since)
		trace_freq_hold(_THIS_IP_, local_clock() - server->held_since);
	mutex_unlock(&server->lock);
}

int freq_server_stop(struct freq_server *server, bool allowed, void **data);
void freq_server_end_rehearsal(struct freq_server *server);
u32 freq_server_version(struct freq_server *server);

#endif /* FREQ_SERVER_H */
