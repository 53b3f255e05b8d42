/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server: a device, the release that runs behind it, and its state.
 */
#ifndef FREQ_DOOR_SERVER_H
#define FREQ_DOOR_SERVER_H

#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "contract/door.h"

/* The figures of a server that sysfs shows. */
enum {
	FREQ_FIGURE_RELEASE,		/* version of the running release */
	FREQ_FIGURE_UPGRADES,		/* releases that took over */
	FREQ_FIGURE_REFUSED,		/* releases that could not */
	FREQ_FIGURE_GATE_LAST,		/* hold of the last takeover, in ns */
	FREQ_FIGURE_GATE_LONGEST,	/* the longest of these, in ns */
	FREQ_FIGURES
};

/**
 * struct freq_server - a device, the release behind it, and its state
 * @lock: the mutex. Held in each entry of a release and in each change of the
 *	fields below that are marked; nothing sleeps and nothing touches user
 *	memory under it.
 * @ops: operations of @running, or those of a server behind which nothing runs;
 *	under @lock
 * @state: state of @running, or NULL; under @lock
 * @running: the release that runs, a copy in the heap, or NULL; under @lock.
 *	The server holds a reference to its owner.
 * @info: the part that releases see; under @lock
 * @held_since: when @lock was taken, in ns, 0 if nobody wants to know; under
 *	@lock
 * @changing: a release is being loaded, or the running one stopped. Set and
 *	cleared under @lock; who set it is the only one to change @running.
 * @misc: the device
 * @name: its name
 * @last_id: id of the client that was opened last; under @lock
 * @figures: under @lock
 * @words: of the releases; under @lock
 * @files: files of the releases in sysfs; belongs to who set @changing
 * @rehearsal: a rehearsal of this server exists; under @lock
 * @timer: expires when the running release wants to be entered
 * @work: enters it
 */
struct freq_server {
	/* the mutex */
	struct mutex lock;
	const freq_operation *ops;
	void *state;
	const struct freq_release *running;
	struct freq_server_info info;
	u64 held_since;
	bool changing;
	struct miscdevice misc;
	char name[FREQ_NAME_MAX + 1];
	u64 last_id;
	u64 figures[FREQ_FIGURES];
	u64 words[FREQ_DOOR_WORDS];
	struct list_head files;
	bool rehearsal;
	struct hrtimer timer;
	struct work_struct work;
};

/* /dev/freq. A rehearsal is another one, in the heap. */
extern struct freq_server freq_server;

extern const struct file_operations freq_file_operations;
extern const struct attribute_group *freq_sysfs_groups[];

int freq_server_call(struct freq_server *server, struct freq_call *call);
int freq_server_complete(struct freq_server *server, struct freq_call *call,
			 int ret);
void freq_server_free_garbage(struct freq_call *call);
void freq_server_set_ops(struct freq_release *release);
extern const freq_operation freq_server_no_ops[FREQ_OPS];
void freq_server_init(struct freq_server *server, const char *name,
		      umode_t mode);
void freq_server_exit(struct freq_server *server);

void freq_load_retire(struct freq_server *server,
		      const struct freq_release *release, void *state);
void freq_load_stopped(struct freq_server *server,
		       const struct freq_release *stopped);
void freq_load_leave(struct freq_server *server);

bool freq_sysfs_has_own(struct freq_server *server, const char *name);
int freq_sysfs_add(struct freq_server *server,
		   const struct freq_release *release);
void freq_sysfs_prune(struct freq_server *server,
		      const struct freq_release *release);
void freq_sysfs_notify(struct freq_server *server, const char *file,
		       const char *uevent);

static inline struct freq_server *
freq_server_of(const struct freq_server_info *info)
{
	return container_of(info, struct freq_server, info);
}

#endif /* FREQ_DOOR_SERVER_H */
