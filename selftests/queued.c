// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queued requests, and the records that their clients read. See queued.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queued.h"

__s64 monotonic_ns(__s64 ahead)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec + ahead;
}

struct wish keeping(struct wish wish)
{
	wish.flags |= FREQ_ALLOCATE_KEEP;
	return wish;
}

struct wish until(struct wish wish, __s64 deadline)
{
	wish.deadline = deadline;
	return wish;
}

static int ask_v3(int fd, const struct wish *wish, struct freq_granted *granted)
{
	struct freq_allocate_v3 argument = {
		.frequency = wish->first,
		.flags = wish->flags | FREQ_ALLOCATE_QUEUE,
		.deadline = wish->deadline,
		.grant = wish->cookie,
	};
	int error = try_allocate_v3(fd, &argument);

	granted->frequency = argument.frequency;
	granted->grant = argument.grant;
	return error;
}

static int ask_group(int fd, const struct wish *wish,
		     struct freq_granted *granted)
{
	struct freq_span span = { .first = wish->first, .last = wish->last };
	struct freq_group argument = {
		.spans = (uintptr_t)&span,
		.granted = (uintptr_t)granted,
		.span_count = 1,
		.count = wish->count,
		.flags = wish->flags | FREQ_ALLOCATE_QUEUE,
		.deadline = wish->deadline,
		.cookie = wish->cookie,
	};

	return try_ioctl(fd, FREQ_IOC_ALLOCATE_GROUP, &argument);
}

/* QUEUED; GRANTED, with what it got; or a negative errno. */
int ask_for(int fd, struct wish wish, struct freq_granted *granted)
{
	int error;

	granted->grant = ~0ULL;
	error = wish.is_group ? ask_group(fd, &wish, granted) :
				ask_v3(fd, &wish, granted);
	return error ?: granted->grant ? GRANTED : QUEUED;
}

int ask(int fd, struct wish wish)
{
	struct freq_granted granted[FREQ_GROUP_MAX];

	return ask_for(fd, wish, granted);
}

/* Of all kinds; none can have what it wants. */
int ask_many(int fd, int count, __u64 first)
{
	struct wish kinds[] = EACH_KIND(0), *wish;
	int i;

	for (i = 0; i < count; i++) {
		wish = &kinds[i % (sizeof(kinds) / sizeof(*kinds))];
		wish->cookie = first + i;
		if (differ(QUEUED, ask(fd, *wish)))
			return -1;
	}
	return 0;
}

/* ---- Records */

int hear_of(int fd, __u32 kinds, const struct freq_span *span)
{
	struct freq_subscribe subscribe = {
		.spans = (uintptr_t)span,
		.span_count = !!span,
		.kinds = kinds,
		.record_size = sizeof(struct freq_record),
	};

	return try_ioctl(fd, FREQ_IOC_SUBSCRIBE, &subscribe);
}

/* A client that reads records of these kinds, and whose read() never sleeps. */
int open_hearing(__u32 kinds)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fails(fd >= 0) || differ(0, hear_of(fd, kinds, NULL)) ? -1 : fd;
}

int read_record(int fd, struct freq_record *record)
{
	ssize_t got = read(fd, record, sizeof(*record));

	if (got < 0)
		return -errno;
	return got == sizeof(*record) ? 0 : -EPROTO;
}

bool is_readable(int fd, int ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, ms) == 1 && ready.revents == POLLIN;
}

int next_record(int fd, struct freq_record *record)
{
	memset(record, 0, sizeof(*record));
	return is_readable(fd, DEADLINE_MS) ? read_record(fd, record) :
					      -ETIMEDOUT;
}

/* There is nothing to read: what has happened is there at once. */
bool is_silent(int fd)
{
	struct freq_record record;

	if (!differ(-EAGAIN, read_record(fd, &record)))
		return !fails(!is_readable(fd, 0));
	fprintf(stderr, "# kind %u, frequency %llu, value %llu, flags %#x\n",
		record.kind, record.frequency, record.value, record.flags);
	return false;
}

/* LIST_GRANTS has the frequency as the client's: by this grant. */
bool holds(int fd, __u64 frequency, __u64 grant, __u32 flags)
{
	struct freq_grant_entry entry;

	return !differ(0, grant_find(fd, frequency, &entry)) &&
	       !differ(HELD | MINE | flags, entry.flags) &&
	       !differ(grant, entry.grant);
}

bool has_outcome(int fd, __u64 cookie, __u64 frequency)
{
	struct freq_record record;

	return !differ(0, next_record(fd, &record)) &&
	       !differ(FREQ_RECORD_OUTCOME, record.kind) &&
	       !differ(cookie, record.value) && !differ(0, record.flags) &&
	       !differ(frequency, record.frequency) &&
	       !fails(holds(fd, frequency, record.grant, 0));
}

bool has_timed_out(int fd, __u64 cookie)
{
	struct freq_record record;

	return !differ(0, next_record(fd, &record)) &&
	       !differ(FREQ_RECORD_OUTCOME, record.kind) &&
	       !differ(FREQ_RECORD_TIMED_OUT, record.flags) &&
	       !differ(cookie, record.value) && !differ(0, record.frequency) &&
	       !differ(0, record.grant);
}

/*
 * Frequencies that came free together may be given to waiters by the next
 * allocation only. This is one; it fails.
 */
int serve_all(int fd)
{
	return differ(-ENOENT, try_allocate_exact(fd, 0));
}

/* None lost and none doubled, and so many of six held. */
bool allocated_is(int fd, __u64 allocated)
{
	struct freq_info_v3 info;

	return !differ(0, try_info_v3(fd, &info)) &&
	       !differ(6, info.free + info.allocated) &&
	       !differ(allocated, info.allocated);
}

bool clients_are(int fd, __u32 clients)
{
	struct freq_info_v3 info;

	return !try_info_v3(fd, &info) && info.clients == clients;
}

/* ---- Threads that sleep in a request */

/* Returns when it waits. */
struct sleeper *sleep_for_any(int watch)
{
	__u32 before = waiters_of(watch);
	struct sleeper *sleeper = waiter_start(open_client(), FOR_ANY);

	return sleeper && !fails(wait_until(waiters_of(watch) == before + 1)) ?
	       sleeper : NULL;
}

bool sleeper_got(struct sleeper *sleeper, __u64 frequency)
{
	return !fails(holds(sleeper->fd, frequency,
			    grant_of(sleeper->fd, frequency), 0)) &&
	       ended(sleeper, 0) &&
	       !differ(frequency, sleeper->argument.frequency);
}

/**
 * queued_start() - a server with requests that can be queued
 * @release: the module that runs
 * @fd: filled: a client that holds all there is, 10 to 15
 * @own: filled: a client that reads of outcomes
 */
int queued_start(const char *release, int *fd, int *own)
{
	__u64 list[6];

	if (handle_signals() ||
	    differ(0, server_start(release, NULL)))
		return -1;
	*fd = open_client();
	if (fails(*fd >= 0) ||
	    differ(0, try_allocate_batch(*fd, 0, list, 6)))
		return -1;
	*own = open_hearing(KIND(OUTCOME));
	return fails(*own >= 0);
}

/* 12 and 13 are given back; and are held by the first client again. */
int give(int fd)
{
	return differ(0, try_deallocate(fd, 12)) ||
	       differ(0, try_deallocate(fd, 13));
}

int regain(int fd, int other)
{
	struct freq_grant_entry entry;
	__u64 i;

	for (i = 12; i <= 13; i++) {
		if (differ(0, grant_find(fd, i, &entry)))
			return -1;
		if (entry.flags & MINE)
			continue;
		if (entry.grant && differ(0, try_deallocate(other, i)))
			return -1;
		if (differ(0, try_allocate_exact(fd, i)))
			return -1;
	}
	return 0;
}

/* ---- Threads that sleep until there is a record */

static int call_read_one(struct sleeper *sleeper)
{
	return read_record(sleeper->fd, sleeper->buffer);
}

static int call_poll_one(struct sleeper *sleeper)
{
	return next_record(sleeper->fd, sleeper->buffer);
}

/* Returns when it sleeps: in read(), else in poll(). */
struct sleeper *poller_start(int fd, bool reads)
{
	struct sleeper *sleeper =
		sleeper_make(reads ? call_read_one : call_poll_one, fd);

	if (!sleeper || (reads && differ(0, fcntl(fd, F_SETFL, 0))) ||
	    !sleeper_create(sleeper) || fails(wait_until(is_asleep(sleeper))))
		return NULL;
	return sleeper;
}

bool poller_has(struct sleeper *poller, __u64 cookie, __u64 frequency)
{
	return ended(poller, 0) &&
	       !differ(FREQ_RECORD_OUTCOME, poller->buffer->kind) &&
	       !differ(cookie, poller->buffer->value) &&
	       !differ(frequency, poller->buffer->frequency);
}
