// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queued requests: in the same line as those that sleep, and each has one
 * outcome, a record that its client reads, or is cancelled.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define RACES		2000
#define DEADLINES	1000
#define UPGRADES	20

#define NS_PER_MS	1000000LL
#define NS_PER_S	1000000000LL
#define NS_PER_HOUR	3600000000000LL

#define KIND(kind)	(1U << FREQ_RECORD_ ## kind)
#define HELD		FREQ_ENTRY_ALLOCATED
#define MINE		FREQ_ENTRY_MINE

/* What became of a request that did not fail */
enum {
	QUEUED,
	GRANTED,
};

/**
 * struct wish - a request that is queued if it would have to wait
 * @is_group: by FREQ_IOC_ALLOCATE_GROUP, else FREQ_IOC_ALLOCATE_V3
 * @first: of the span; the frequency with FREQ_ALLOCATE_EXACT
 * @last: of the span
 * @count: how many frequencies
 * @flags: of the request, but for FREQ_ALLOCATE_QUEUE
 * @cookie: its cookie
 * @deadline: its deadline
 */
struct wish {
	bool is_group;
	__u64 first;
	__u64 last;
	__u32 count;
	__u32 flags;
	__u64 cookie;
	__s64 deadline;
};

#define ANY(name)	((struct wish) {				\
				.count = 1,				\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define EXACT(number, name)	((struct wish) {			\
				.first = (number),			\
				.count = 1,				\
				.flags = FREQ_ALLOCATE_EXACT,		\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define BAND(low, high, name)	((struct wish) {			\
				.is_group = true,			\
				.first = (low),				\
				.last = (high),				\
				.count = 1,				\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define RESERVE(low, high, many, name)	((struct wish) {		\
				.is_group = true,			\
				.first = (low),				\
				.last = (high),				\
				.count = (many),			\
				.flags = FREQ_GROUP_RESERVE,		\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})

/* One of each: all are granted once 12 and 13 have been given back. */
#define EACH_KIND(name)	{						\
		ANY(name), EXACT(12, name), BAND(12, 13, name),		\
		RESERVE(12, 13, 2, name),				\
	}

static __s64 monotonic_ns(__s64 ahead)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec + ahead;
}

static struct wish keeping(struct wish wish)
{
	wish.flags |= FREQ_ALLOCATE_KEEP;
	return wish;
}

static struct wish until(struct wish wish, __s64 deadline)
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
static int ask_for(int fd, struct wish wish, struct freq_granted *granted)
{
	int error;

	granted->grant = ~0ULL;
	error = wish.is_group ? ask_group(fd, &wish, granted) :
				ask_v3(fd, &wish, granted);
	return error ?: granted->grant ? GRANTED : QUEUED;
}

static int ask(int fd, struct wish wish)
{
	struct freq_granted granted[FREQ_GROUP_MAX];

	return ask_for(fd, wish, granted);
}

#define test_queue(fd, ...)						\
	ASSERT_EQ(QUEUED, ask(fd, __VA_ARGS__))
#define test_err_queue(err, fd, ...)					\
	EXPECT_EQ(-(err), ask(fd, __VA_ARGS__))

/* ---- Records */

static int hear_of(int fd, __u32 kinds, const struct freq_span *span)
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
static int open_hearing(__u32 kinds)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fails(fd >= 0) || differ(0, hear_of(fd, kinds, NULL)) ? -1 : fd;
}

static int read_record(int fd, struct freq_record *record)
{
	ssize_t got = read(fd, record, sizeof(*record));

	if (got < 0)
		return -errno;
	return got == sizeof(*record) ? 0 : -EPROTO;
}

static bool is_readable(int fd, int ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, ms) == 1 && ready.revents == POLLIN;
}

static int next_record(int fd, struct freq_record *record)
{
	memset(record, 0, sizeof(*record));
	return is_readable(fd, DEADLINE_MS) ? read_record(fd, record) :
					      -ETIMEDOUT;
}

/* There is nothing to read: what has happened is there at once. */
static bool is_silent(int fd)
{
	struct freq_record record;

	if (!differ(-EAGAIN, read_record(fd, &record)))
		return !fails(!is_readable(fd, 0));
	fprintf(stderr, "# kind %u, frequency %llu, value %llu, flags %#x\n",
		record.kind, record.frequency, record.value, record.flags);
	return false;
}

/* LIST_GRANTS has the frequency as the client's: by this grant. */
static bool holds(int fd, __u64 frequency, __u64 grant, __u32 flags)
{
	struct freq_grant_entry entry;

	return !differ(0, grant_find(fd, frequency, &entry)) &&
	       !differ(HELD | MINE | flags, entry.flags) &&
	       !differ(grant, entry.grant);
}

static bool has_outcome(int fd, __u64 cookie, __u64 frequency)
{
	struct freq_record record;

	return !differ(0, next_record(fd, &record)) &&
	       !differ(FREQ_RECORD_OUTCOME, record.kind) &&
	       !differ(cookie, record.value) && !differ(0, record.flags) &&
	       !differ(frequency, record.frequency) &&
	       !fails(holds(fd, frequency, record.grant, 0));
}

static bool has_timed_out(int fd, __u64 cookie)
{
	struct freq_record record;

	return !differ(0, next_record(fd, &record)) &&
	       !differ(FREQ_RECORD_OUTCOME, record.kind) &&
	       !differ(FREQ_RECORD_TIMED_OUT, record.flags) &&
	       !differ(cookie, record.value) && !differ(0, record.frequency) &&
	       !differ(0, record.grant);
}

#define EXPECT_OUTCOME(fd, cookie, frequency)				\
	EXPECT_TRUE(has_outcome(fd, cookie, frequency))
#define EXPECT_TIMED_OUT(fd, cookie)					\
	EXPECT_TRUE(has_timed_out(fd, cookie))
#define EXPECT_SILENT(fd)						\
	EXPECT_TRUE(is_silent(fd))
#define EXPECT_WAITING(count)						\
	EXPECT_EQ(count, waiters_of(self->fd))

/*
 * What many frequencies that came free at once are to be given to may be left to
 * whoever allocates next: this one does, and gets nothing.
 */
static int serve_all(int fd)
{
	return differ(-ENOENT, try_allocate_exact(fd, 0));
}

/* None lost and none doubled, and so many of six held. */
static bool allocated_is(int fd, __u64 allocated)
{
	struct freq_info_v3 info;

	return !differ(0, try_info_v3(fd, &info)) &&
	       !differ(6, info.free + info.allocated) &&
	       !differ(allocated, info.allocated);
}

static bool clients_are(int fd, __u32 clients)
{
	struct freq_info_v3 info;

	return !try_info_v3(fd, &info) && info.clients == clients;
}

/* ---- Threads that sleep in a request */

struct sleeper {
	pthread_t thread;
	int fd;
	struct freq_allocate_v3 argument;
	int result;
	bool done;
};

/* Static, so that none is left with a stack that is gone if a test fails. */
static struct sleeper sleepers[8];
static int nr_sleepers;

static bool is_done(const struct sleeper *sleeper)
{
	return __atomic_load_n(&sleeper->done, __ATOMIC_SEQ_CST);
}

static void *sleep_in_thread(void *data)
{
	struct sleeper *sleeper = data;

	sleeper->result = try_allocate_v3(sleeper->fd, &sleeper->argument);
	__atomic_store_n(&sleeper->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Returns when it waits. */
static struct sleeper *sleeper_start(int watch, __u32 flags, __u64 frequency)
{
	struct sleeper *sleeper = &sleepers[nr_sleepers++];
	__u32 before = waiters_of(watch);

	sleeper->fd = open_client();
	sleeper->argument = (struct freq_allocate_v3) {
		.frequency = frequency,
		.flags = flags,
		.deadline = FREQ_FOR_EVER,
	};
	if (fails(sleeper->fd >= 0) ||
	    differ(0, pthread_create(&sleeper->thread, NULL, sleep_in_thread,
				     sleeper)) ||
	    fails(wait_until(waiters_of(watch) == before + 1)))
		return NULL;
	return sleeper;
}

#define SLEEP_ANY() ({							\
	struct sleeper *__sleeper = sleeper_start(self->fd, 0, 0);	\
									\
	ASSERT_NE(NULL, __sleeper);					\
	__sleeper;							\
})

static bool sleeper_got(struct sleeper *sleeper, __u64 frequency)
{
	return !fails(holds(sleeper->fd, frequency,
			    grant_of(sleeper->fd, frequency), 0)) &&
	       !fails(wait_until(is_done(sleeper))) &&
	       !differ(0, sleeper->result) &&
	       !differ(frequency, sleeper->argument.frequency);
}

/* By a signal that is repeated until it meets the wait. */
static bool sleepers_end(void)
{
	bool ok = true;
	int i;

	for (i = 0; i < nr_sleepers; i++)
		ok &= wait_until(is_done(&sleepers[i]) ||
				 pthread_kill(sleepers[i].thread, SIGUSR1));
	return ok;
}

static void ignore_signal(int signal)
{
}

FIXTURE(queue) {
	int log;
	int fd;
	int own;
};

/* 10 to 15, all of them held by one client; another one can have requests. */
FIXTURE_SETUP(queue)
{
	const struct sigaction action = { .sa_handler = ignore_signal };
	__u64 i;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, server_start("freq_v3", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	self->own = open_hearing(KIND(OUTCOME));
	ASSERT_GE(self->own, 0);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(queue)
{
	EXPECT_TRUE(sleepers_end());
	EXPECT_EQ(0, test_clean());
}

/* 12 and 13 are given back; and are held by the first client again. */
static int give(int fd)
{
	return differ(0, try_deallocate(fd, 12)) ||
	       differ(0, try_deallocate(fd, 13));
}

static int regain(int fd, int other)
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

/* ---- Granted at once, or later */

/* What is free is allocated, as ever: the reply says so, and no record does. */
TEST_F(queue, free_ones_at_once)
{
	const struct wish wishes[] = EACH_KIND(7);
	struct freq_granted granted[2];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		ASSERT_EQ(0, give(self->fd));
		ASSERT_EQ(GRANTED, ask_for(self->own, wishes[i], granted));
		for (j = 0; j < wishes[i].count; j++) {
			EXPECT_TRUE(holds(self->own, granted[j].frequency,
					  granted[j].grant, 0));
			test_deallocate(self->own, granted[j].frequency);
		}
		EXPECT_SILENT(self->own);
		EXPECT_WAITING(0);
		/* The cookie is nobody's. */
		test_err_cancel(ENOENT, self->own, 7);
		ASSERT_EQ(GRANTED, ask(self->own, until(wishes[i], 1)));
		EXPECT_SILENT(self->own);
		ASSERT_EQ(0, regain(self->fd, self->own));
		EXPECT_TRUE(allocated_is(self->fd, 6));
	}
}

TEST_F(queue, later)
{
	static const __u64 cookies[] = { 0, 1, ~0ULL };
	size_t i, j;

	for (j = 0; j < ARRAY_SIZE(cookies); j++) {
		const struct wish wishes[] = EACH_KIND(cookies[j]);

		for (i = 0; i < ARRAY_SIZE(wishes); i++) {
			test_queue(self->own, wishes[i]);
			EXPECT_WAITING(1);
			EXPECT_TRUE(allocated_is(self->fd, 6));
			EXPECT_SILENT(self->own);
			ASSERT_EQ(0, give(self->fd));
			EXPECT_WAITING(0);
			/* All that ANY and BAND want is the first one. */
			EXPECT_OUTCOME(self->own, cookies[j], 12);
			if (wishes[i].count == 2)
				EXPECT_OUTCOME(self->own, cookies[j], 13);
			EXPECT_SILENT(self->own);
			test_err_cancel(ENOENT, self->own, cookies[j]);
			ASSERT_EQ(0, regain(self->fd, self->own));
		}
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* The caller's argument stays as it was, but for the grant. */
TEST_F(queue, reply)
{
	struct freq_allocate_v3 argument = {
		.frequency = 12,
		.flags = FREQ_ALLOCATE_EXACT | FREQ_ALLOCATE_QUEUE |
			 FREQ_ALLOCATE_KEEP,
		.deadline = monotonic_ns(NS_PER_HOUR),
		.grant = 5,
	};
	struct freq_allocate_v3 before = argument;

	ASSERT_EQ(0, try_allocate_v3(self->own, &argument));
	before.grant = 0;
	EXPECT_EQ(0, memcmp(&before, &argument, sizeof(before)));
	test_cancel(self->own, 5);
}

/* All that the record says */
TEST_F(queue, record)
{
	struct freq_info_v3 info;
	struct freq_record record;
	int i;

	test_client_label(self->own, "asks");
	for (i = 0; i < 2; i++) {
		test_queue(self->own, keeping(i ? RESERVE(12, 12, 1, 77) :
						  ANY(77)));
		test_deallocate(self->fd, 12);
		ASSERT_EQ(0, next_record(self->own, &record));
		EXPECT_EQ(FREQ_RECORD_OUTCOME, record.kind);
		EXPECT_EQ(FREQ_RECORD_KEEP, record.flags);
		EXPECT_EQ(12, record.frequency);
		EXPECT_EQ(77, record.value);
		EXPECT_EQ(0, record.lost);
		EXPECT_EQ(getuid(), record.uid);
		EXPECT_EQ(getpid(), record.pid);
		EXPECT_STREQ("asks", (char *)record.label);
		ASSERT_EQ(0, try_info_v3(self->fd, &info));
		EXPECT_GE(info.grant, record.grant);
		EXPECT_TRUE(holds(self->own, 12, record.grant,
				  FREQ_ENTRY_KEEP));
		test_deallocate(self->own, 12);
		test_allocate(self->fd, 12);
	}
}

/* It outlives its client if that asked for it. */
TEST_F(queue, kept)
{
	struct freq_grant_entry entry;

	test_queue(self->own, keeping(EXACT(12, 1)));
	test_deallocate(self->fd, 12);
	close(self->own);
	ASSERT_EQ(0, grant_find(self->fd, 12, &entry));
	EXPECT_EQ(HELD | FREQ_ENTRY_KEEP, entry.flags);
	test_deallocate(self->fd, 12);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
}

TEST_F(queue, times_out)
{
	const struct wish wishes[] = EACH_KIND(7);
	__s64 deadline;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(wishes); i++) {
		deadline = i % 2 ? 1 : monotonic_ns(10 * NS_PER_MS);
		test_queue(self->own, until(wishes[i / 2], deadline));
		EXPECT_TIMED_OUT(self->own, 7);
		EXPECT_LE(deadline, monotonic_ns(0));
		EXPECT_SILENT(self->own);
		EXPECT_WAITING(0);
		test_err_cancel(ENOENT, self->own, 7);
	}
	ASSERT_EQ(0, give(self->fd));
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(sysfs_is("free", "12-13\n"));
}

/* ---- Who reads it */

#define ALL_KINDS	(KIND(ALLOCATED) | KIND(DEALLOCATED) |		\
			 KIND(INJECTED) | KIND(WAITING) |		\
			 KIND(UPGRADED) | KIND(OUTCOME))

#define EXPECT_RECORD(fd, what, number, kind_flags) ({			\
	struct freq_record __record;					\
									\
	ASSERT_EQ(0, next_record(fd, &__record));			\
	EXPECT_EQ(FREQ_RECORD_ ## what, __record.kind);			\
	EXPECT_EQ(number, __record.frequency);				\
	EXPECT_EQ(kind_flags, __record.flags);				\
	__record;							\
})

/* Others hear that it waits, and what it has been given, in the same order. */
TEST_F(queue, only_its_client_reads_it)
{
	int other = open_hearing(ALL_KINDS);
	int same = dup(self->own);
	struct freq_record own[4], record;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, hear_of(self->own, ALL_KINDS, NULL));
	test_queue(self->own, ANY(3));
	test_deallocate(self->fd, 12);

	record = EXPECT_RECORD(other, WAITING, 0, FREQ_RECORD_ANY);
	EXPECT_EQ(FREQ_FOR_EVER, record.value);
	EXPECT_RECORD(other, DEALLOCATED, 12, 0);
	record = EXPECT_RECORD(other, ALLOCATED, 12, 0);
	EXPECT_EQ(getpid(), record.pid);
	EXPECT_SILENT(other);

	own[0] = EXPECT_RECORD(same, WAITING, 0, FREQ_RECORD_ANY);
	own[1] = EXPECT_RECORD(self->own, DEALLOCATED, 12, 0);
	own[2] = EXPECT_RECORD(same, ALLOCATED, 12, 0);
	own[3] = EXPECT_RECORD(same, OUTCOME, 12, 0);
	EXPECT_EQ(3, own[3].value);
	EXPECT_EQ(own[2].grant, own[3].grant);
	EXPECT_EQ(own[0].sequence + 3, own[3].sequence);
	EXPECT_EQ(record.sequence, own[2].sequence);
	EXPECT_SILENT(self->own);

	/* The number of what it did not read is no loss to it. */
	test_deallocate(same, 12);
	record = EXPECT_RECORD(other, DEALLOCATED, 12, 0);
	EXPECT_EQ(own[3].sequence + 1, record.sequence);
	EXPECT_EQ(0, record.lost);
}

/* Nor does another one that has a request with the same cookie. */
TEST_F(queue, cookies_are_of_a_client)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	test_queue(self->own, ANY(3));
	test_queue(other, ANY(3));
	test_deallocate(self->fd, 12);
	EXPECT_SILENT(other);
	EXPECT_OUTCOME(self->own, 3, 12);
	test_err_cancel(ENOENT, self->own, 3);
	test_cancel(other, 3);
	test_deallocate(self->own, 12);
	EXPECT_SILENT(other);
	EXPECT_SILENT(self->own);
}

TEST_F(queue, spans_do_not_hide_it)
{
	const struct freq_span spans[] = {
		{ .first = 100, .last = 200 },
		{ .first = 0, .last = 0 },
		{ .first = 13, .last = ~0ULL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spans); i++) {
		ASSERT_EQ(0, hear_of(self->own, ALL_KINDS, &spans[i]));
		test_queue(self->own, EXACT(12, i));
		test_deallocate(self->fd, 12);
		EXPECT_OUTCOME(self->own, i, 12);
		EXPECT_SILENT(self->own);
		test_queue(self->own, until(EXACT(11, i), 1));
		EXPECT_TIMED_OUT(self->own, i);
		EXPECT_SILENT(self->own);
		test_deallocate(self->own, 12);
		test_allocate_exact(self->fd, 12);
	}
}

/**
 * struct poller - a thread that sleeps until there is a record
 * @thread: the thread
 * @fd: its client
 * @reads: by read(), else by poll()
 * @id: what it is in /proc
 * @result: 0, or a negative errno
 * @record: what it has read
 */
struct poller {
	pthread_t thread;
	int fd;
	bool reads;
	pid_t id;
	int result;
	struct freq_record record;
};

static void *poll_in_thread(void *data)
{
	struct poller *poller = data;

	__atomic_store_n(&poller->id, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	poller->result = poller->reads ?
			 read_record(poller->fd, &poller->record) :
			 next_record(poller->fd, &poller->record);
	return NULL;
}

/* Returns when it sleeps. */
static int poller_start(struct poller *poller, int fd, bool reads)
{
	static struct poller none;
	pid_t id;

	*poller = none;
	poller->fd = fd;
	poller->reads = reads;
	if (reads && differ(0, fcntl(fd, F_SETFL, 0)))
		return -1;
	return differ(0, pthread_create(&poller->thread, NULL, poll_in_thread,
					poller)) ||
	       fails(wait_until((id = __atomic_load_n(&poller->id,
						      __ATOMIC_SEQ_CST)) &&
				process_state(id) == 'S'));
}

static bool poller_has(struct poller *poller, __u64 cookie, __u64 frequency)
{
	return !differ(0, pthread_join(poller->thread, NULL)) &&
	       !differ(0, poller->result) &&
	       !differ(FREQ_RECORD_OUTCOME, poller->record.kind) &&
	       !differ(cookie, poller->record.value) &&
	       !differ(frequency, poller->record.frequency);
}

/* Whoever sleeps until there is a record is woken. */
TEST_F(queue, wakes_its_reader)
{
	static struct poller poller;
	int i;

	for (i = 0; i < 4; i++) {
		bool reads = i % 2;

		test_queue(self->own, i < 2 ? ANY(i) : EXACT(12, i));
		ASSERT_EQ(0, poller_start(&poller, self->own, reads));
		test_deallocate(self->fd, 12);
		EXPECT_TRUE(poller_has(&poller, i, 12));

		test_queue(self->own, until(ANY(9), monotonic_ns(100 * NS_PER_MS)));
		ASSERT_EQ(0, poller_start(&poller, self->own, reads));
		EXPECT_TRUE(poller_has(&poller, 9, 0));
		test_deallocate(self->own, 12);
		test_allocate(self->fd, 12);
	}
}

/* ---- Errors */

/* Whether it would have to wait or not */
TEST_F(queue, needs_a_subscription)
{
	static const __u32 kinds[] = { 0, KIND(ALLOCATED), 0 };
	const struct wish wishes[] = EACH_KIND(1);
	size_t i, j;
	int turn;

	for (turn = 0; turn < 2; turn++) {
		int fd = open_client();

		ASSERT_GE(fd, 0);
		for (i = 0; i < ARRAY_SIZE(kinds); i++) {
			ASSERT_EQ(0, hear_of(fd, kinds[i], NULL));
			for (j = 0; j < ARRAY_SIZE(wishes); j++)
				test_err_queue(EINVAL, fd, wishes[j]);
		}
		test_err_cancel(ENOENT, fd, 1);
		close(fd);
		EXPECT_WAITING(0);
		EXPECT_TRUE(allocated_is(self->fd, turn ? 4 : 6));
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
}

TEST_F(queue, needs_a_deadline)
{
	static const __s64 wrong[] = { 0, -1, INT64_MIN };
	const struct wish wishes[] = EACH_KIND(1);
	size_t i, j;
	int turn;

	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < ARRAY_SIZE(wishes); i++) {
			for (j = 0; j < ARRAY_SIZE(wrong); j++)
				test_err_queue(EINVAL, self->own,
					       until(wishes[i], wrong[j]));
		}
		EXPECT_WAITING(0);
		EXPECT_TRUE(allocated_is(self->fd, turn ? 4 : 6));
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
	EXPECT_SILENT(self->own);
}

/* A row, and several that are not reserved; as many as there can be. */
TEST_F(queue, several)
{
	struct freq_granted granted[FREQ_GROUP_MAX];
	struct freq_group row = {
		.granted = (uintptr_t)granted,
		.count = 2,
		.flags = FREQ_ALLOCATE_QUEUE | FREQ_GROUP_ROW,
		.spacing = 1,
		.deadline = FREQ_FOR_EVER,
	};
	int turn;

	for (turn = 0; turn < 2; turn++) {
		for (row.count = 1; row.count < 3; row.count++)
			EXPECT_EQ(-EINVAL, try_ioctl(self->own,
						     FREQ_IOC_ALLOCATE_GROUP,
						     &row));
		row.flags |= FREQ_GROUP_RESERVE;
		EXPECT_EQ(-EINVAL, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
					     &row));
		row.flags &= ~FREQ_GROUP_RESERVE;
		for (row.count = 2; row.count < 5; row.count++) {
			struct wish wish = BAND(10, 15, 1);

			wish.count = row.count;
			test_err_queue(EINVAL, self->own, wish);
		}
		test_err_queue(E2BIG, self->own, RESERVE(10, 15, 65, 1));
		test_err_queue(ENOENT, self->own, RESERVE(10, 15, 7, 1));
		test_err_queue(ERANGE, self->own, RESERVE(15, 10, 2, 1));
		test_err_queue(EINVAL, self->own, RESERVE(10, 15, 0, 1));
		EXPECT_WAITING(0);
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
	EXPECT_TRUE(allocated_is(self->fd, 4));
	EXPECT_SILENT(self->own);
}

TEST_F(queue, not_in_the_pool)
{
	test_err_queue(ENOENT, self->own, EXACT(9, 1));
	test_err_queue(ENOENT, self->own, until(EXACT(16, 1), 1));
	test_err_queue(ENOENT, self->own, BAND(16, ~0ULL, 1));
	EXPECT_WAITING(0);
	EXPECT_SILENT(self->own);
}

/* The cookie is for what is queued. */
TEST_F(queue, cookie_without_queue)
{
	struct freq_granted granted;
	struct freq_group group = {
		.granted = (uintptr_t)&granted,
		.count = 1,
		.cookie = 1,
	};
	struct freq_allocate_v3 allocate = { .grant = 1 };

	test_deallocate(self->fd, 12);
	EXPECT_EQ(-EINVAL, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
				     &group));
	ASSERT_EQ(0, try_allocate_v3(self->own, &allocate));
	EXPECT_EQ(12, allocate.frequency);
	EXPECT_SILENT(self->own);
}

/* Requests that know no cookie, and unknown flags beside it. */
TEST_F(queue, other_requests)
{
	const __u32 flags = FREQ_ALLOCATE_QUEUE;
	__u64 frequencies[2];
	int turn;

	for (turn = 0; turn < 2; turn++) {
		EXPECT_EQ(-EINVAL, try_allocate(self->own, flags, frequencies));
		EXPECT_EQ(-EINVAL, try_allocate(self->own, flags |
						FREQ_ALLOCATE_KEEP,
						frequencies));
		EXPECT_EQ(-EINVAL, try_allocate_batch(self->own, flags,
						      frequencies, 1));
		EXPECT_EQ(-EINVAL, try_allocate_batch(self->own, flags,
						      frequencies, 2));
		EXPECT_EQ(-EINVAL, try_allocate_batch(self->own, 0x20,
						      frequencies, 2));
		EXPECT_WAITING(0);
		EXPECT_TRUE(allocated_is(self->fd, turn ? 4 : 6));
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
	EXPECT_SILENT(self->own);
}

TEST_F(queue, unknown_flags)
{
	const struct wish wishes[] = EACH_KIND(1);
	size_t i;
	int bit;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		for (bit = 5; bit < 32; bit++) {
			struct wish wish = wishes[i];

			wish.flags |= 1U << bit;
			test_err_queue(EINVAL, self->own, wish);
		}
	}
	EXPECT_WAITING(0);
}

/* Also if the second one would be granted at once. */
TEST_F(queue, cookie_that_is_in_use)
{
	const struct wish first[] = EACH_KIND(7);
	struct wish second[] = EACH_KIND(7);
	size_t i, j;

	for (j = 0; j < ARRAY_SIZE(second); j++)
		second[j].first = second[j].first ? 14 : 0;
	second[2].last = 14;
	second[3].last = 15;
	for (i = 0; i < ARRAY_SIZE(first); i++) {
		test_queue(self->own, first[i]);
		for (j = 0; j < ARRAY_SIZE(second); j++)
			test_err_queue(EEXIST, self->own, second[j]);
		EXPECT_WAITING(1);
		if (i)
			test_deallocate_batch(self->fd, 14, 15);
		for (j = 0; j < ARRAY_SIZE(second); j++)
			test_err_queue(EEXIST, self->own, second[j]);
		EXPECT_TRUE(allocated_is(self->fd, i ? 4 : 6));
		if (i)
			test_allocate_batch(self->fd, 15, 14);

		/* It is free after a cancel, an outcome, and a deadline. */
		test_cancel(self->own, 7);
		test_queue(self->own, first[i]);
		ASSERT_EQ(0, give(self->fd));
		EXPECT_OUTCOME(self->own, 7, 12);
		if (first[i].count == 2)
			EXPECT_OUTCOME(self->own, 7, 13);
		ASSERT_EQ(0, regain(self->fd, self->own));
		test_queue(self->own, until(first[i], 1));
		EXPECT_TIMED_OUT(self->own, 7);
	}
	EXPECT_SILENT(self->own);
}

static int queue_many(int fd, int count, __u64 first)
{
	const struct wish kinds[] = EACH_KIND(0);
	struct wish wish;
	int i;

	for (i = 0; i < count; i++) {
		wish = kinds[i % ARRAY_SIZE(kinds)];
		wish.cookie = first + i;
		if (differ(QUEUED, ask(fd, wish)))
			return -1;
	}
	return 0;
}

TEST_F(queue, quota)
{
	const struct wish wishes[] = EACH_KIND(FREQ_QUEUED_MAX);
	int other = open_hearing(KIND(OUTCOME));
	size_t i;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, queue_many(self->own, FREQ_QUEUED_MAX, 0));
	EXPECT_WAITING(FREQ_QUEUED_MAX);
	for (i = 0; i < ARRAY_SIZE(wishes); i++)
		test_err_queue(EDQUOT, self->own, wishes[i]);
	test_err_queue(EEXIST, self->own, ANY(0));
	/* Each client has its own. */
	test_queue(other, ANY(0));
	EXPECT_WAITING(FREQ_QUEUED_MAX + 1);
	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_cancel(self->own, FREQ_QUEUED_MAX / 2 + i);
		test_queue(self->own, wishes[i]);
		test_err_queue(EDQUOT, self->own, ANY(~0ULL));
		test_cancel(self->own, FREQ_QUEUED_MAX);
		test_queue(self->own, ANY(FREQ_QUEUED_MAX / 2 + i));
	}
	/* One has its outcome, and there is room for another. */
	test_deallocate(self->fd, 10);
	EXPECT_OUTCOME(self->own, 0, 10);
	test_queue(self->own, ANY(0));
	test_err_queue(EDQUOT, self->own, ANY(FREQ_QUEUED_MAX));
	close(self->own);
	EXPECT_OUTCOME(other, 0, 10);
	EXPECT_WAITING(0);
}

TEST_F(queue, read_only_descriptor)
{
	const struct wish wishes[] = EACH_KIND(1);
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	size_t i;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, hear_of(fd, KIND(OUTCOME), NULL));
	for (i = 0; i < ARRAY_SIZE(wishes); i++)
		test_err_queue(EPERM, fd, wishes[i]);
	test_err_cancel(EPERM, fd, 1);
	EXPECT_EQ(-EPERM, try_ioctl(fd, FREQ_IOC_CANCEL, NULL));
	EXPECT_WAITING(0);
	close(fd);
}

/* Only an administrator can reserve for longer than a minute. */
TEST_F(queue, reserve_for_long)
{
	const struct wish wish = RESERVE(12, 13, 2, 1);
	static const __s64 far[] = {
		FREQ_RESERVE_MAX_NS + 10 * NS_PER_S, NS_PER_HOUR,
	};
	size_t i;

	test_queue(self->own, wish);
	test_cancel(self->own, 1);
	ASSERT_EQ(0, seteuid(USER_A));
	test_err_queue(EPERM, self->own, wish);
	for (i = 0; i < ARRAY_SIZE(far); i++)
		test_err_queue(EPERM, self->own,
			       until(wish, monotonic_ns(far[i])));
	EXPECT_WAITING(0);
	test_queue(self->own, until(wish, monotonic_ns(FREQ_RESERVE_MAX_NS)));
	test_queue(self->own, ANY(2));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_WAITING(2);
}

/* ---- The reply's page */

/* Nothing is queued if the reply cannot be written. */
TEST_F(queue, reply_that_cannot_be_written)
{
	struct freq_allocate_v3 *allocate = page_map(PROT_READ | PROT_WRITE);
	struct freq_granted *granted = page_map(PROT_READ);
	struct freq_group group = {
		.granted = (uintptr_t)granted,
		.count = 2,
		.flags = FREQ_ALLOCATE_QUEUE | FREQ_GROUP_RESERVE,
		.deadline = FREQ_FOR_EVER,
		.cookie = 4,
	};

	ASSERT_NE(NULL, allocate);
	ASSERT_NE(NULL, granted);
	*allocate = (struct freq_allocate_v3) {
		.flags = FREQ_ALLOCATE_QUEUE,
		.deadline = FREQ_FOR_EVER,
		.grant = 4,
	};
	ASSERT_EQ(0, mprotect(allocate, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, try_allocate_v3(self->own, allocate));
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
				     &group));
	group.granted = 0;
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
				     &group));
	EXPECT_WAITING(0);
	test_err_cancel(ENOENT, self->own, 4);
	ASSERT_EQ(0, give(self->fd));
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(sysfs_is("free", "12-13\n"));
}

/**
 * struct stuck - a thread whose request is stuck in the write of its reply
 * @thread: the thread
 * @slow: the page of the reply
 * @fd: its client
 * @argument: of FREQ_IOC_ALLOCATE_V3
 * @result: what the request returned
 */
struct stuck {
	pthread_t thread;
	struct slow_page slow;
	int fd;
	struct freq_allocate_v3 argument;
	int result;
};

static void *stick_in_thread(void *data)
{
	struct stuck *stuck = data;

	stuck->result = try_allocate_v3(stuck->fd, stuck->slow.page);
	return NULL;
}

static int stuck_start(struct stuck *stuck, int fd)
{
	stuck->fd = fd;
	stuck->argument = (struct freq_allocate_v3) {
		.flags = FREQ_ALLOCATE_QUEUE,
		.deadline = FREQ_FOR_EVER,
		.grant = 4,
	};
	return differ(0, slow_page_map_protected(&stuck->slow, &stuck->argument,
						 sizeof(stuck->argument))) ||
	       differ(0, pthread_create(&stuck->thread, NULL, stick_in_thread,
					stuck)) ||
	       differ(0, slow_page_wait(&stuck->slow));
}

static int stuck_end(struct stuck *stuck)
{
	return differ(0, slow_page_deliver(&stuck->slow, &stuck->argument,
					   sizeof(stuck->argument))) ||
	       differ(0, pthread_join(stuck->thread, NULL));
}

/* It is not queued before that is written, and looks again then. */
TEST_F(queue, reply_that_is_stuck)
{
	struct freq_allocate_v3 *reply;
	static struct stuck stuck;

	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	EXPECT_WAITING(0);
	test_err_cancel(ENOENT, self->own, 4);
	ASSERT_EQ(0, stuck_end(&stuck));
	reply = stuck.slow.page;
	EXPECT_EQ(0, stuck.result);
	EXPECT_EQ(0, reply->grant);
	EXPECT_WAITING(1);
	test_cancel(self->own, 4);

	/* What it wants is free by then. */
	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	test_deallocate(self->fd, 12);
	ASSERT_EQ(0, stuck_end(&stuck));
	reply = stuck.slow.page;
	EXPECT_EQ(0, stuck.result);
	EXPECT_EQ(12, reply->frequency);
	EXPECT_TRUE(holds(self->own, 12, reply->grant, 0));
	EXPECT_SILENT(self->own);
	EXPECT_WAITING(0);

	/* The cookie is in use by then; the subscription has ended. */
	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	test_queue(self->own, EXACT(13, 4));
	ASSERT_EQ(0, stuck_end(&stuck));
	EXPECT_EQ(-EEXIST, stuck.result);
	EXPECT_WAITING(1);
	test_cancel(self->own, 4);
	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	ASSERT_EQ(0, hear_of(self->own, 0, NULL));
	ASSERT_EQ(0, stuck_end(&stuck));
	EXPECT_EQ(-EINVAL, stuck.result);
	EXPECT_WAITING(0);
}

/* ---- CANCEL */

TEST_F(queue, cancel)
{
	const struct wish wishes[] = EACH_KIND(7);
	int other = open_hearing(KIND(OUTCOME));
	size_t i;

	ASSERT_GE(other, 0);
	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_queue(self->own, wishes[i]);
		test_err_cancel(ENOENT, self->own, 8);
		test_err_cancel(ENOENT, self->own, 0);
		test_err_cancel(ENOENT, other, 7);
		test_err_cancel(ENOENT, self->fd, 7);
		EXPECT_WAITING(1);
		test_cancel(self->own, 7);
		EXPECT_WAITING(0);
		test_err_cancel(ENOENT, self->own, 7);
		ASSERT_EQ(0, give(self->fd));
		EXPECT_SILENT(self->own);
		EXPECT_TRUE(sysfs_is("free", "12-13\n"));
		ASSERT_EQ(0, regain(self->fd, self->own));
	}
	EXPECT_SILENT(other);
}

/* Each of many can be cancelled, in any order. */
TEST_F(queue, cancel_of_many)
{
	__u64 cookies[200], seed = 11;
	int i;

	for (i = 0; i < 200; i++)
		cookies[i] = random_next(&seed);
	for (i = 0; i < 200; i++)
		test_queue(self->own, i % 2 ? ANY(cookies[i]) :
					      BAND(12, 12 + i % 3, cookies[i]));
	shuffle(cookies, 200, &seed);
	for (i = 0; i < 200; i++) {
		test_cancel(self->own, cookies[i]);
		ASSERT_EQ(199 - i, waiters_of(self->fd));
		test_err_cancel(ENOENT, self->own, cookies[i]);
	}
	ASSERT_EQ(0, give(self->fd));
	EXPECT_SILENT(self->own);
}

static unsigned long sized(unsigned long request, size_t size)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request),
		    size);
}

TEST_F(queue, cancel_sizes)
{
	static const size_t sizes[] = { 8, 9, 16, 128, 136, 5000 };
	static char argument[8192];
	size_t i;

	argument[0] = 7;
	for (i = 0; i < sizeof(struct freq_cancel); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->own,
					     sized(FREQ_IOC_CANCEL, i),
					     argument));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long request = sized(FREQ_IOC_CANCEL, sizes[i]);

		test_queue(self->own, ANY(7));
		if (sizes[i] != sizeof(struct freq_cancel)) {
			argument[sizeof(struct freq_cancel)] = 1;
			EXPECT_EQ(-E2BIG, try_ioctl(self->own, request,
						    argument));
			argument[sizeof(struct freq_cancel)] = 0;
			argument[sizes[i] - 1] = (char)0x80;
			EXPECT_EQ(-E2BIG, try_ioctl(self->own, request,
						    argument));
			argument[sizes[i] - 1] = 0;
		}
		EXPECT_WAITING(1);
		ASSERT_EQ(0, try_ioctl(self->own, request, argument));
		EXPECT_WAITING(0);
	}
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_CANCEL, NULL));
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_CANCEL,
				     page_straddle(4)));
}

/* What it has reserved goes to others: the one that waits longest first. */
TEST_F(queue, cancel_gives_back)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	test_queue(self->own, RESERVE(10, 13, 4, 1));
	test_queue(other, EXACT(12, 1));
	test_queue(other, ANY(2));
	test_deallocate_batch(self->fd, 10, 12, 13);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_WAITING(3);
	EXPECT_TRUE(allocated_is(self->fd, 6));
	test_cancel(self->own, 1);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_WAITING(0);
	EXPECT_OUTCOME(other, 1, 12);
	EXPECT_OUTCOME(other, 2, 10);
	EXPECT_TRUE(sysfs_is("free", "13\n"));
	EXPECT_SILENT(self->own);
}

/* Nobody needs to allocate for that. */
TEST_F(queue, cancel_gives_back_by_itself)
{
	int other = open_hearing(KIND(OUTCOME));
	int i;

	ASSERT_GE(other, 0);
	for (i = 0; i < 10; i++) {
		test_queue(self->own, RESERVE(12, 14, 3, 1));
		test_queue(other, ANY(1));
		ASSERT_EQ(0, give(self->fd));
		EXPECT_SILENT(other);
		test_cancel(self->own, 1);
		EXPECT_OUTCOME(other, 1, 12);
		ASSERT_EQ(0, regain(self->fd, other));
	}
}

/**
 * struct race - a thread that gives a frequency back when it is its turn
 * @thread: the thread
 * @fd: its client
 * @turn: odd: it is; rises
 * @pause: how long it waits first, in turns of a loop
 * @stop: it is to end
 * @error: whether that failed
 */
struct race {
	pthread_t thread;
	int fd;
	unsigned int turn;
	unsigned int pause;
	bool stop;
	int error;
};

static void race_pause(unsigned int turns)
{
	volatile unsigned int i;

	for (i = 0; i < turns; i++)
		;
}

static void *race_in_thread(void *data)
{
	struct race *race = data;

	while (!__atomic_load_n(&race->stop, __ATOMIC_SEQ_CST)) {
		if (!(__atomic_load_n(&race->turn, __ATOMIC_SEQ_CST) % 2)) {
			sched_yield();
			continue;
		}
		race_pause(race->pause);
		race->error |= differ(0, try_deallocate(race->fd, 12));
		__atomic_fetch_add(&race->turn, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void race_run(struct race *race)
{
	__atomic_fetch_add(&race->turn, 1, __ATOMIC_SEQ_CST);
}

static void race_wait(const struct race *race)
{
	while (__atomic_load_n(&race->turn, __ATOMIC_SEQ_CST) % 2)
		sched_yield();
}

static void race_end(struct race *race)
{
	__atomic_store_n(&race->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(race->thread, NULL);
}

/* Either it is cancelled, or granted: then the record is there already. */
static int check_race(int fd, int own, const struct wish *wish, int cancelled)
{
	__u32 i;

	if (fails(!cancelled || cancelled == -ENOENT))
		return -1;
	for (i = 0; cancelled && i < wish->count; i++) {
		if (fails(has_outcome(own, wish->cookie, 12 + (i ^ (wish->count - 1)))))
			return -1;
	}
	return fails(is_silent(own)) || differ(0, waiters_of(fd)) ||
	       fails(allocated_is(fd, cancelled ? 6 : 6 - wish->count)) ||
	       regain(fd, own);
}

/*
 * At about the same time as what it waits for is given back. That is later after
 * each time that it was too early, and earlier after the others.
 */
TEST_F_TIMEOUT(queue, cancel_races, 120)
{
	unsigned long long end = now_ms() + 3 * DEADLINE_MS;
	static struct race race;
	int pause = 0, cancelled, i, nr_cancelled = 0;

	race.fd = self->fd;
	ASSERT_EQ(0, pthread_create(&race.thread, NULL, race_in_thread, &race));
	for (i = 0; i < rounds(RACES) || !nr_cancelled || nr_cancelled == i;
	     i++) {
		const struct wish wishes[] = EACH_KIND(i);
		const struct wish *wish = &wishes[i % ARRAY_SIZE(wishes)];

		if (now_ms() > end)
			break;
		if (wish->count == 2 && differ(0, try_deallocate(self->fd, 13)))
			break;
		if (differ(QUEUED, ask(self->own, *wish)))
			break;
		race.pause = pause > 0 ? pause : 0;
		race_run(&race);
		race_pause(pause < 0 ? -pause : 0);
		cancelled = try_cancel(self->own, i);
		race_wait(&race);
		if (race.error || serve_all(self->fd) ||
		    check_race(self->fd, self->own, wish, cancelled))
			break;
		nr_cancelled += !cancelled;
		pause += cancelled ? 100 : -100;
	}
	race_end(&race);
	EXPECT_EQ(0, race.error);
	EXPECT_LE(rounds(RACES), i);
	TH_LOG("cancelled %d of %d times", nr_cancelled, i);
	EXPECT_LT(0, nr_cancelled);
	EXPECT_LT(nr_cancelled, i);
}

/* ---- One line for all */

/* By the time of the request, whether its thread sleeps or not */
TEST_F(queue, one_line)
{
	int other = open_hearing(KIND(OUTCOME));
	struct sleeper *first, *second;

	ASSERT_GE(other, 0);
	test_queue(self->own, ANY(1));
	first = SLEEP_ANY();
	test_queue(other, EXACT(12, 1));
	test_queue(self->own, BAND(11, 12, 2));
	second = SLEEP_ANY();
	test_queue(self->own, RESERVE(12, 13, 2, 3));
	test_queue(other, ANY(2));
	EXPECT_WAITING(7);

	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
	test_deallocate(self->own, 12);
	EXPECT_TRUE(sleeper_got(first, 12));
	test_deallocate(first->fd, 12);
	EXPECT_OUTCOME(other, 1, 12);
	test_deallocate(other, 12);
	EXPECT_OUTCOME(self->own, 2, 12);
	EXPECT_WAITING(3);
	test_deallocate(self->own, 12);
	EXPECT_TRUE(sleeper_got(second, 12));
	test_deallocate(second->fd, 12);
	/* Reserved now: it waits for one more, before the last one. */
	EXPECT_WAITING(2);
	EXPECT_SILENT(other);
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 3, 12);
	EXPECT_OUTCOME(self->own, 3, 13);
	test_deallocate(self->own, 13);
	EXPECT_OUTCOME(other, 2, 13);
	EXPECT_WAITING(0);
	EXPECT_SILENT(self->own);
	EXPECT_SILENT(other);
}

/* One that waits for another frequency is not in the way. */
TEST_F(queue, not_in_the_way)
{
	test_queue(self->own, EXACT(10, 1));
	test_queue(self->own, BAND(10, 11, 2));
	test_queue(self->own, RESERVE(10, 11, 2, 3));
	test_queue(self->own, ANY(4));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 4, 12);
	test_deallocate(self->fd, 13);
	EXPECT_TRUE(sysfs_is("free", "13\n"));
	test_deallocate(self->fd, 11);
	EXPECT_OUTCOME(self->own, 2, 11);
	test_deallocate(self->fd, 10);
	EXPECT_OUTCOME(self->own, 1, 10);
	EXPECT_WAITING(1);
}

/* Who does not wait gets nothing before it; nor does who has given it back. */
TEST_F(queue, nobody_overtakes)
{
	test_queue(self->own, BAND(12, 13, 1));
	test_deallocate(self->fd, 12);
	test_err_allocate(ENOSPC, self->fd);
	test_err_allocate_exact(EBUSY, self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
}

TEST_F(queue, inject_serves)
{
	test_queue(self->own, ANY(1));
	test_queue(self->own, BAND(15, 40, 2));
	test_queue(self->own, RESERVE(14, 40, 2, 3));
	test_inject(self->fd, 31, 30, 32, 33, 50);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_OUTCOME(self->own, 1, 31);
	EXPECT_OUTCOME(self->own, 2, 30);
	EXPECT_OUTCOME(self->own, 3, 32);
	EXPECT_OUTCOME(self->own, 3, 33);
	EXPECT_TRUE(sysfs_is("free", "50\n"));
}

/**
 * struct queued - a request that is queued
 * @wish: the request
 * @client: whose it is
 * @got: what it has reserved
 * @have: how much that is
 */
struct queued {
	struct wish wish;
	int client;
	__u64 got[4];
	__u32 have;
};

/**
 * struct model - who holds and who waits, as it should be
 * @fds: the clients
 * @holders: index of the client that holds 10 + i; -1: none does
 * @free: the free frequencies, the next one first
 * @nr_free: how many
 * @line: what is queued, the first one first
 * @nr_line: how many
 * @release: index of the release that runs
 * @cookie: the last one that was used
 */
struct model {
	int fds[4];
	int holders[6];
	__u64 free[6];
	int nr_free;
	struct queued line[40];
	int nr_line;
	int release;
	__u64 cookie;
};

static bool wants(const struct wish *wish, __u64 frequency)
{
	if (wish->is_group)
		return frequency >= wish->first && frequency <= wish->last;
	return !(wish->flags & FREQ_ALLOCATE_EXACT) || frequency == wish->first;
}

/* What it gets of the free ones; 0: none. */
static __u64 model_find(const struct model *model, const struct wish *wish)
{
	__u64 found = 0;
	int i;

	for (i = 0; i < model->nr_free; i++) {
		if (!wants(wish, model->free[i]))
			continue;
		if (!wish->is_group)
			return model->free[i];
		if (!found || model->free[i] < found)
			found = model->free[i];
	}
	return found;
}

static void model_take(struct model *model, __u64 frequency, int client)
{
	int i, count = 0;

	for (i = 0; i < model->nr_free; i++) {
		if (model->free[i] != frequency)
			model->free[count++] = model->free[i];
	}
	model->nr_free = count;
	model->holders[frequency - 10] = client;
}

static void model_free(struct model *model, __u64 frequency)
{
	memmove(&model->free[1], &model->free[0],
		model->nr_free++ * sizeof(*model->free));
	model->free[0] = frequency;
	model->holders[frequency - 10] = -1;
}

static void model_remove(struct model *model, int at)
{
	model->nr_line--;
	memmove(&model->line[at], &model->line[at + 1],
		(model->nr_line - at) * sizeof(*model->line));
}

/* Returns 1 if it has enough, after its records have been read; or -1. */
static int model_grant(struct model *model, int at, __u64 frequency)
{
	struct queued *queued = &model->line[at];
	int fd = model->fds[queued->client];
	__u32 i;

	model_take(model, frequency, queued->client);
	queued->got[queued->have++] = frequency;
	if (queued->have < queued->wish.count)
		return 0;
	for (i = 0; i < queued->have; i++) {
		if (!has_outcome(fd, queued->wish.cookie, queued->got[i]))
			return -1;
	}
	model_remove(model, at);
	return 1;
}

static int model_serve(struct model *model)
{
	__u64 frequency;
	int at = 0, got;

	while (at < model->nr_line) {
		frequency = model_find(model, &model->line[at].wish);
		got = frequency ? model_grant(model, at, frequency) : 0;
		if (got < 0)
			return -1;
		at += !frequency;
	}
	return 0;
}

/* It is given back; a request that has reserved it has it no more. */
static void model_give(struct model *model, __u64 frequency)
{
	struct queued *queued;
	__u32 i, count;

	for (queued = model->line; queued < model->line + model->nr_line;
	     queued++) {
		for (i = count = 0; i < queued->have; i++) {
			if (queued->got[i] != frequency)
				queued->got[count++] = queued->got[i];
		}
		queued->have = count;
	}
	model_free(model, frequency);
}

static int model_deallocate(struct model *model, __u64 *seed)
{
	__u64 list[3], frequency;
	int client = -1;
	__u32 count = 0, most = 1 + random_below(seed, 3), i;

	for (i = 0; i < 12 && count < most; i++) {
		frequency = 10 + random_below(seed, 6);
		if (model->holders[frequency - 10] < 0 ||
		    (count && model->holders[frequency - 10] != client))
			continue;
		if (count && (list[0] == frequency ||
			      list[count - 1] == frequency))
			continue;
		client = model->holders[frequency - 10];
		list[count++] = frequency;
	}
	if (!count)
		return 0;
	if (differ(0, count == 1 ?
		   try_deallocate(model->fds[client], list[0]) :
		   try_deallocate_batch(model->fds[client], list, count, NULL)))
		return -1;
	for (i = 0; i < count; i++)
		model_give(model, list[i]);
	return 0;
}

static int model_cancel(struct model *model, __u64 *seed)
{
	struct queued queued;
	int at;

	if (!model->nr_line)
		return 0;
	at = random_below(seed, model->nr_line);
	queued = model->line[at];
	if (differ(0, try_cancel(model->fds[queued.client],
				 queued.wish.cookie)))
		return -1;
	model_remove(model, at);
	while (queued.have)
		model_free(model, queued.got[--queued.have]);
	return 0;
}

static struct wish any_wish(__u64 *seed, __u64 cookie)
{
	__u64 low = 10 + random_below(seed, 6);
	__u64 high = low + random_below(seed, 16 - low);
	__u32 most = high - low + 1 < 4 ? high - low + 1 : 4;

	switch (random_below(seed, 4)) {
	case 0:
		return ANY(cookie);
	case 1:
		return EXACT(low, cookie);
	case 2:
		return BAND(low, high, cookie);
	default:
		return RESERVE(low, high, 1 + random_below(seed, most), cookie);
	}
}

static int model_ask(struct model *model, __u64 *seed)
{
	struct wish wish = any_wish(seed, ++model->cookie);
	int client = random_below(seed, 3), is_free = 0, i;
	struct queued *queued = &model->line[model->nr_line];
	struct freq_granted granted[4];
	__u64 frequency;

	if (model->nr_line == ARRAY_SIZE(model->line))
		return 0;
	for (i = 0; i < model->nr_free; i++)
		is_free += wants(&wish, model->free[i]);
	if (differ(is_free >= wish.count ? GRANTED : QUEUED,
		   ask_for(model->fds[client], wish, granted)))
		return -1;
	if (is_free < wish.count) {
		*queued = (struct queued) { .wish = wish, .client = client };
		model->nr_line++;
		return 0;
	}
	for (i = 0; i < wish.count; i++) {
		frequency = model_find(model, &wish);
		if (differ(frequency, granted[i].frequency))
			return -1;
		model_take(model, frequency, client);
	}
	return 0;
}

static int model_step(struct model *model, __u64 *seed)
{
	static const char * const releases[] = { "freq_v3", "freq_v90" };
	int release = model->release;

	switch (random_below(seed, 32)) {
	case 0:
		model->release = !release;
		return differ(0, server_upgrade(releases[release],
						releases[!release]));
	case 1 ... 4:
		return model_cancel(model, seed);
	case 5 ... 17:
		return model_ask(model, seed);
	default:
		return model_deallocate(model, seed);
	}
}

static int model_check(const struct model *model)
{
	struct freq_grant_entry entry;
	int i;

	if (differ(model->nr_line, waiters_of(model->fds[3])))
		return -1;
	for (i = 0; i < 3; i++) {
		if (!is_silent(model->fds[i]))
			return -1;
	}
	for (i = 0; i < 6; i++) {
		int holder = model->holders[i];

		if (differ(0, grant_find(model->fds[holder < 0 ? 3 : holder],
					 10 + i, &entry)) ||
		    differ(holder < 0 ? 0 : HELD | MINE, entry.flags))
			return -1;
	}
	return 0;
}

/* Requests of all kinds at random, given back and cancelled at random */
TEST_F_TIMEOUT(queue, as_the_model, 120)
{
	struct model model = { };
	__u64 seed = 6;
	int i, most = 0;

	for (i = 0; i < 3; i++) {
		model.fds[i] = open_hearing(KIND(OUTCOME));
		ASSERT_GE(model.fds[i], 0);
	}
	model.fds[3] = self->fd;
	for (i = 0; i < 6; i++)
		model.holders[i] = 3;
	for (i = 0; i < rounds(4000); i++) {
		if (model_step(&model, &seed) || serve_all(self->fd) ||
		    model_serve(&model) || model_check(&model))
			break;
		most = model.nr_line > most ? model.nr_line : most;
	}
	ASSERT_EQ(rounds(4000), i);
	TH_LOG("%llu were asked for, up to %d were queued", model.cookie, most);
	for (i = 0; i < 3; i++)
		close(model.fds[i]);
	EXPECT_WAITING(0);
}

/* A pool without any: what waits for it alone hinders a stop. */
TEST(stop)
{
	int fd, other;

	ASSERT_EQ(0, server_start("freq_v3", "frequencies="));
	fd = open_hearing(KIND(OUTCOME));
	other = open_client();
	ASSERT_GE(fd, 0);
	ASSERT_GE(other, 0);
	test_queue(fd, ANY(1));
	EXPECT_EQ(1, waiters_of(fd));
	test_err_stop(EBUSY, fd);
	test_err_stop(EBUSY, other);
	EXPECT_TRUE(is_silent(fd));
	test_cancel(fd, 1);
	test_err_stop(EBUSY, other);
	test_stop(fd);
	EXPECT_EQ(-ENODEV, ask(fd, ANY(1)));
	test_err_cancel(ENODEV, fd, 1);
	EXPECT_EQ(0, test_clean());
}

/* ---- What is reserved */

/* What it has so far is its client's, and all can see that. */
TEST_F(queue, reserves)
{
	int other = open_hearing(KIND(ALLOCATED) | KIND(DEALLOCATED));
	struct freq_record record;

	ASSERT_GE(other, 0);
	test_deallocate(self->fd, 14);
	EXPECT_RECORD(other, DEALLOCATED, 14, 0);
	test_queue(self->own, RESERVE(12, 14, 3, 1));
	record = EXPECT_RECORD(other, ALLOCATED, 14, 0);
	EXPECT_TRUE(holds(self->own, 14, record.grant, 0));
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_WAITING(1);
	test_deallocate(self->fd, 12);
	EXPECT_RECORD(other, DEALLOCATED, 12, 0);
	record = EXPECT_RECORD(other, ALLOCATED, 12, 0);
	EXPECT_TRUE(holds(self->own, 12, record.grant, 0));
	EXPECT_SILENT(self->own);
	test_err_deallocate(EPERM, self->fd, 12);
	test_deallocate(self->fd, 13);
	EXPECT_RECORD(other, DEALLOCATED, 13, 0);
	EXPECT_RECORD(other, ALLOCATED, 13, 0);
	EXPECT_OUTCOME(self->own, 1, 14);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_OUTCOME(self->own, 1, 13);
	EXPECT_SILENT(self->own);
	EXPECT_SILENT(other);
}

TEST_F(queue, reserved_at_the_deadline)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, give(self->fd));
	test_queue(self->own, keeping(until(RESERVE(12, 14, 3, 1),
					    monotonic_ns(100 * NS_PER_MS))));
	test_queue(other, EXACT(13, 1));
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_OUTCOME(other, 1, 13);
	EXPECT_TRUE(is_readable(self->own, DEADLINE_MS));
	EXPECT_WAITING(0);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	test_deallocate(self->fd, 14);
	EXPECT_TRUE(sysfs_is("free", "12,14\n"));
}

/* The client gives some of it back: it waits for as many as ever. */
TEST_F(queue, reserved_and_given_back)
{
	int other = open_hearing(KIND(OUTCOME));
	int i;

	ASSERT_GE(other, 0);
	test_deallocate(self->fd, 12);
	test_queue(self->own, RESERVE(11, 14, 3, 1));
	test_queue(other, EXACT(12, 2));
	/* It is the first in line for it again. */
	for (i = 0; i < 10; i++) {
		test_deallocate(self->own, 12);
		EXPECT_WAITING(2);
		EXPECT_TRUE(holds(self->own, 12, grant_of(self->own, 12), 0));
	}
	EXPECT_SILENT(self->own);
	test_deallocate(self->fd, 14);
	EXPECT_WAITING(2);
	for (i = 0; i < 10; i++)
		test_deallocate(self->own, i % 2 ? 12 : 14);
	EXPECT_WAITING(2);
	EXPECT_SILENT(self->own);
	test_deallocate(self->fd, 13);
	EXPECT_WAITING(1);
	EXPECT_OUTCOME(self->own, 1, 14);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_OUTCOME(self->own, 1, 13);
	EXPECT_SILENT(self->own);
	test_deallocate(self->own, 12);
	EXPECT_OUTCOME(other, 2, 12);
}

/* It goes to one that is before it; the request needs another one then. */
TEST_F(queue, reserved_and_lost)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	test_queue(other, EXACT(12, 1));
	test_queue(other, EXACT(12, 2));
	test_queue(self->own, RESERVE(11, 14, 2, 1));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(other, 1, 12);
	test_deallocate(self->fd, 13);
	EXPECT_TRUE(holds(self->own, 13, grant_of(self->own, 13), 0));
	test_queue(other, EXACT(13, 3));
	test_cancel(other, 2);
	test_deallocate(other, 12);
	EXPECT_OUTCOME(self->own, 1, 13);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_SILENT(self->own);
	test_deallocate(self->own, 13);
	EXPECT_OUTCOME(other, 3, 13);

	/* By its number, and then allocated by another request of the client. */
	test_queue(self->own, RESERVE(10, 11, 2, 2));
	test_deallocate(self->fd, 10);
	test_queue(self->own, EXACT(10, 3));
	test_deallocate_grant(self->own, 10, grant_of(self->own, 10));
	EXPECT_TRUE(holds(self->own, 10, grant_of(self->own, 10), 0));
	EXPECT_WAITING(2);
	test_cancel(self->own, 2);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_OUTCOME(self->own, 3, 10);
	EXPECT_WAITING(0);
	EXPECT_TRUE(holds(self->own, 10, grant_of(self->own, 10), 0));
}

/* What the client got by another request is not given back by a cancel. */
TEST_F(queue, reserved_and_changed)
{
	test_deallocate(self->fd, 12);
	test_queue(self->own, EXACT(13, 1));
	test_queue(self->own, RESERVE(12, 13, 2, 2));
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 1, 13);
	test_cancel(self->own, 2);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	EXPECT_TRUE(holds(self->own, 13, grant_of(self->own, 13), 0));
}

/* ---- Its end with the subscription */

/* How the requests of a client end */
enum ending {
	UNSUBSCRIBE,
	CLOSE,
	KILL,
};

FIXTURE(end) {
	struct child child;
	int fd;
	int other;
};

FIXTURE_VARIANT(end) {
	enum ending ending;
};

FIXTURE_VARIANT_ADD(end, unsubscribe) {
	.ending = UNSUBSCRIBE,
};

FIXTURE_VARIANT_ADD(end, close) {
	.ending = CLOSE,
};

FIXTURE_VARIANT_ADD(end, kill) {
	.ending = KILL,
};

/* The client is in a process of its own, and does what it is told. */
static int be_client(int line, void *data)
{
	int fd = open_hearing(KIND(OUTCOME));

	if (fails(fd >= 0) || line_send_fd(line, fd) || line_hear(line, 'u') ||
	    differ(0, hear_of(fd, 0, NULL)) || line_say(line, 'u'))
		return -1;
	return line_hear(line, 'e');
}

/* 1 to 64, all of them held by one client */
FIXTURE_SETUP(end)
{
	__u64 list[64];

	ASSERT_EQ(0, server_start("freq_v3", "frequencies=1-64"));
	ASSERT_EQ(0, child_start(&self->child, be_client, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, 64));
	self->other = open_hearing(KIND(OUTCOME));
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(end)
{
	EXPECT_EQ(0, test_clean());
}

/* Ends the requests of the child's client, which is this as well. */
static int end_requests(struct child *child, int fd, enum ending ending)
{
	switch (ending) {
	case UNSUBSCRIBE:
		close(fd);
		return line_say(child->line, 'u') || line_hear(child->line, 'u');
	case CLOSE:
		close(fd);
		shutdown(child->line, SHUT_RDWR);
		return differ(1, child_wait(child));
	default:
		close(fd);
		return differ(128 + SIGKILL, child_kill(child));
	}
}

/* All of them, and what they have reserved goes to others. */
TEST_F(end, requests_end)
{
	struct freq_info_v3 info;
	int fd = line_receive_fd(self->child.line);
	int i;

	ASSERT_GE(fd, 0);
	test_queue(fd, keeping(RESERVE(1, 4, 4, 5)));
	test_queue(fd, RESERVE(5, 64, 60, 6));
	for (i = 7; i < FREQ_QUEUED_MAX + 5; i++)
		test_queue(fd, i % 2 ? RESERVE(10, 13, 3, i) : EXACT(20, i));
	test_queue(self->other, EXACT(2, 1));
	test_queue(self->other, EXACT(60, 2));
	test_queue(self->other, BAND(50, 60, 3));
	for (i = 1; i < 4; i++)
		test_deallocate(self->fd, i);
	for (i = 30; i < 64; i++)
		test_deallocate(self->fd, i);
	EXPECT_EQ(FREQ_QUEUED_MAX + 3, waiters_of(self->fd));
	ASSERT_EQ(0, try_info_v3(self->fd, &info));
	EXPECT_EQ(64, info.allocated);
	EXPECT_TRUE(is_silent(self->other));

	ASSERT_EQ(0, end_requests(&self->child, fd, variant->ending));
	EXPECT_OUTCOME(self->other, 1, 2);
	EXPECT_OUTCOME(self->other, 2, 60);
	EXPECT_OUTCOME(self->other, 3, 50);
	EXPECT_EQ(0, waiters_of(self->fd));
	EXPECT_TRUE(sysfs_is("free", "1,3,30-49,51-59,61-63\n"));
	EXPECT_EQ(variant->ending != UNSUBSCRIBE,
		  clients_are(self->fd, 2));
}

/*
 * What is given back does not go to another request of the client, one that is
 * about to end: nobody would hear of that.
 */
TEST_F(end, not_to_itself)
{
	int fd = line_receive_fd(self->child.line);
	int i;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 8; i++)
		test_queue(fd, RESERVE(1 + 4 * i, 4 + 4 * i, 4, i));
	for (; i < FREQ_QUEUED_MAX; i++)
		test_queue(fd, keeping(EXACT(1 + 4 * (i % 8), i)));
	for (i = 0; i < 8; i++)
		test_deallocate(self->fd, 1 + 4 * i);
	EXPECT_EQ(FREQ_QUEUED_MAX, waiters_of(self->fd));
	ASSERT_EQ(0, end_requests(&self->child, fd, variant->ending));
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_EQ(0, waiters_of(self->fd));
	EXPECT_TRUE(sysfs_is("free", "1,5,9,13,17,21,25,29\n"));
}

/* The other descriptors of it keep a client open. */
TEST_F(queue, end_with_the_last_descriptor)
{
	int same = dup(self->own);

	test_queue(self->own, ANY(1));
	close(self->own);
	EXPECT_WAITING(1);
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(same, 1, 12);
	test_queue(same, EXACT(12, 2));
	close(same);
	EXPECT_WAITING(0);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
}

/* Outcomes that nobody has read go with the client. */
TEST_F(queue, closed_with_outcomes)
{
	test_queue(self->own, ANY(1));
	test_queue(self->own, RESERVE(13, 14, 2, 2));
	test_deallocate(self->fd, 12);
	test_deallocate_batch(self->fd, 13, 14);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_WAITING(0);
	close(self->own);
	EXPECT_TRUE(sysfs_is("free", "12-14\n"));
}

/* Nothing comes of it when the client subscribes again. */
TEST_F(queue, subscribed_again)
{
	test_queue(self->own, ANY(1));
	test_queue(self->own, RESERVE(12, 13, 2, 2));
	ASSERT_EQ(0, hear_of(self->own, 0, NULL));
	EXPECT_WAITING(0);
	test_err_cancel(ENOENT, self->own, 1);
	ASSERT_EQ(0, hear_of(self->own, KIND(OUTCOME), NULL));
	test_err_cancel(ENOENT, self->own, 1);
	test_deallocate(self->fd, 12);
	EXPECT_SILENT(self->own);
	test_queue(self->own, EXACT(13, 1));
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 1, 13);
}

/* A subscription that is replaced has them still. */
TEST_F(queue, subscribed_anew)
{
	const struct freq_span span = { .first = 1, .last = 5 };
	const struct wish wishes[] = EACH_KIND(7);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_queue(self->own, wishes[i]);
		ASSERT_EQ(0, hear_of(self->own, KIND(UPGRADED), NULL));
		EXPECT_WAITING(1);
		test_err_queue(EINVAL, self->own, ANY(8));
		ASSERT_EQ(0, hear_of(self->own, KIND(OUTCOME), &span));
		test_err_queue(EEXIST, self->own, wishes[i]);
		EXPECT_SILENT(self->own);
		ASSERT_EQ(0, give(self->fd));
		EXPECT_OUTCOME(self->own, 7, 12);
		if (wishes[i].count == 2)
			EXPECT_OUTCOME(self->own, 7, 13);
		EXPECT_SILENT(self->own);
		ASSERT_EQ(0, regain(self->fd, self->own));
	}

	/* With kinds that do not have the outcome, it is granted all the same. */
	test_queue(self->own, ANY(1));
	ASSERT_EQ(0, hear_of(self->own, KIND(UPGRADED), NULL));
	test_deallocate(self->fd, 12);
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(holds(self->own, 12, grant_of(self->own, 12), 0));
	test_err_cancel(ENOENT, self->own, 1);
	/* What came before is not read. */
	ASSERT_EQ(0, hear_of(self->own, KIND(OUTCOME), NULL));
	EXPECT_SILENT(self->own);
}

/* ---- Deadlines */

/* Past, near, far, or never */
static __s64 deadline_of(__u64 *seed)
{
	switch (random_below(seed, 8)) {
	case 0:
		return 1 + random_below(seed, monotonic_ns(0));
	case 1:
		return monotonic_ns(NS_PER_HOUR + random_below(seed, NS_PER_HOUR));
	case 2:
		return FREQ_FOR_EVER;
	default:
		return monotonic_ns(random_below(seed, 500 * NS_PER_MS));
	}
}

static bool is_near(__s64 deadline)
{
	return deadline < monotonic_ns(NS_PER_HOUR / 2);
}

/* One that has ended: not before its deadline, and for the first time */
static bool check_deadline(const struct freq_record *record, __s64 *deadlines,
			   int count)
{
	__s64 deadline;

	if (differ(FREQ_RECORD_OUTCOME, record->kind) ||
	    differ(FREQ_RECORD_TIMED_OUT, record->flags) ||
	    differ(0, record->frequency) || fails(record->value < count))
		return false;
	deadline = deadlines[record->value];
	deadlines[record->value] = 0;
	return !fails(deadline) && !fails(deadline <= monotonic_ns(0));
}

/* Each ends at its own, through upgrades too, and those that are far do not. */
TEST_F_TIMEOUT(queue, many_deadlines, 60)
{
	static __s64 deadlines[DEADLINES];
	const struct wish kinds[] = EACH_KIND(0);
	struct freq_record record;
	int i, nr_near = 0;
	__u64 seed = 21;

	for (i = 0; i < DEADLINES; i++) {
		struct wish wish = kinds[i % ARRAY_SIZE(kinds)];

		wish.cookie = i;
		deadlines[i] = deadline_of(&seed);
		nr_near += is_near(deadlines[i]);
		test_queue(self->own, until(wish, deadlines[i]));
	}
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
	for (i = 0; i < nr_near; i++) {
		ASSERT_EQ(0, next_record(self->own, &record));
		ASSERT_TRUE(check_deadline(&record, deadlines, DEADLINES));
		if (i == nr_near / 2)
			ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v3"));
	}
	EXPECT_SILENT(self->own);
	EXPECT_WAITING(DEADLINES - nr_near);
	for (i = 0; i < DEADLINES; i++)
		ASSERT_EQ(deadlines[i] ? 0 : -ENOENT, try_cancel(self->own, i));
	EXPECT_WAITING(0);
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_TRUE(log_silent(self->log));
}

/* One that was cancelled, or granted, does not end again. */
TEST_F(queue, deadline_of_none)
{
	__s64 deadline = monotonic_ns(100 * NS_PER_MS);
	int i;

	for (i = 0; i < 20; i++)
		test_queue(self->own, until(i % 2 ? EXACT(12, i) : ANY(i),
					    deadline + i));
	for (i = 0; i < 20; i += 2)
		test_cancel(self->own, i);
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
	for (i = 3; i < 20; i += 2)
		EXPECT_TIMED_OUT(self->own, i);
	EXPECT_SILENT(self->own);
	EXPECT_WAITING(0);
}

/* Whatever the timer is set to meanwhile: for readers, and for deadlines. */
TEST_F(queue, deadlines_and_readers)
{
	int other = open_hearing(KIND(DEALLOCATED));
	struct freq_record record;
	int i;

	ASSERT_GE(other, 0);
	test_queue(self->own, until(EXACT(11, 98), monotonic_ns(NS_PER_HOUR)));
	test_queue(self->own, until(EXACT(11, 99), FREQ_FOR_EVER - 1));
	for (i = 0; i < 20; i++) {
		static struct poller poller;
		__s64 deadline = monotonic_ns(i * 5 * NS_PER_MS);

		test_queue(self->own, until(EXACT(11, i), deadline));
		/* Asleep, and woken for something else. */
		ASSERT_EQ(0, poller_start(&poller, other, false));
		test_deallocate(self->fd, 13);
		ASSERT_EQ(0, pthread_join(poller.thread, NULL));
		EXPECT_EQ(0, poller.result);
		EXPECT_EQ(13, poller.record.frequency);
		if (i % 3)
			test_allocate(self->fd, 13);
		EXPECT_TIMED_OUT(self->own, i);
		EXPECT_LE(deadline, monotonic_ns(0));
		if (!(i % 3))
			test_allocate(self->fd, 13);
	}
	EXPECT_EQ(-EAGAIN, read_record(other, &record));
	EXPECT_WAITING(2);
}

/*
 * A deadline at about the time when it is given back: granted or ended. Given
 * back a bit later after each time that it was in time, and earlier if not.
 */
TEST_F_TIMEOUT(queue, deadline_races, 120)
{
	unsigned long long end = now_ms() + 3 * DEADLINE_MS;
	int i, granted = 0;
	__s64 aim = 0;

	for (i = 0; i < rounds(RACES / 10) || !granted || granted == i; i++) {
		__s64 deadline = monotonic_ns(2 * NS_PER_MS);
		struct freq_record record;

		ASSERT_LT(now_ms(), end);
		test_queue(self->own, until(i % 2 ? EXACT(12, i) : ANY(i),
					    deadline));
		while (monotonic_ns(0) < deadline + aim)
			;
		test_deallocate(self->fd, 12);
		ASSERT_EQ(0, next_record(self->own, &record));
		ASSERT_EQ(FREQ_RECORD_OUTCOME, record.kind);
		ASSERT_EQ(i, record.value);
		ASSERT_EQ(record.flags ? 0 : 12, record.frequency);
		EXPECT_SILENT(self->own);
		ASSERT_TRUE(allocated_is(self->fd, record.flags ? 5 : 6));
		ASSERT_EQ(0, waiters_of(self->fd));
		granted += !record.flags;
		aim += record.flags ? -50000 : 50000;
		ASSERT_EQ(0, regain(self->fd, self->own));
	}
	TH_LOG("granted %d of %d times, at %lld us", granted, i, aim / 1000);
}

/* ---- The timer at rest */

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/freq_queue_test"

static void trace_end(void)
{
	write_text(INSTANCE "/events/freq/enable", "0");
	rmdir(INSTANCE);
}

/* How often the timer's work held the mutex */
static int count_ticks(void)
{
	char *text = read_text(INSTANCE "/trace"), *at = text;
	int count = 0;

	while (at && (at = strstr(at, "kworker")))
		count++, at++;
	free(text);
	return count;
}

/* A deadline that is so far ahead that it has nearly no number */
TEST_F(queue, deadline_that_is_far)
{
	static const __s64 before[] = { 1, 2, 1000, NS_PER_S, NS_PER_HOUR };
	struct freq_allocate_v3 brief;
	size_t i;

	if (access(TRACEFS "/instances", F_OK))
		ASSERT_EQ(0, mount("tracefs", TRACEFS, "tracefs", 0, NULL));
	trace_end();
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, write_text(INSTANCE "/events/freq/freq_hold/enable", "1"));
	for (i = 0; i < ARRAY_SIZE(before); i++) {
		test_queue(self->own, until(ANY(i), FREQ_FOR_EVER - before[i]));
		/* One that sleeps needs no timer of the server. */
		brief = (struct freq_allocate_v3) {
			.deadline = monotonic_ns(50 * NS_PER_MS),
		};
		EXPECT_EQ(-ETIMEDOUT, try_allocate_v3(self->fd, &brief));
		EXPECT_SILENT(self->own);
		EXPECT_GT(5, count_ticks());
		test_cancel(self->own, i);
		ASSERT_EQ(0, write_text(INSTANCE "/trace", ""));
	}
	trace_end();
}

/* ---- Records that were lost */

/* More than there is room for in the log */
static int overflow_log(int fd)
{
	__u64 list[FREQ_BATCH_MAX];
	int i;

	for (i = 0; i < 700; i++) {
		if (differ(0, try_allocate_batch(fd, 0, list, 250)) ||
		    differ(0, try_deallocate_batch(fd, list, 250, NULL)))
			return -1;
	}
	return 0;
}

TEST_F(queue, outcome_that_is_lost)
{
	__u64 list[FREQ_BATCH_MAX], sequence;
	struct freq_record record;
	int busy = open_client();
	int i;

	ASSERT_GE(busy, 0);
	test_queue(self->own, EXACT(12, 1));
	test_queue(self->own, until(EXACT(11, 2), monotonic_ns(NS_PER_MS)));
	test_queue(self->own, EXACT(13, 3));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_TIMED_OUT(self->own, 2);
	test_deallocate(self->own, 12);
	test_allocate(self->fd, 12);

	test_queue(self->own, EXACT(12, 1));
	test_queue(self->own, until(EXACT(11, 2), monotonic_ns(NS_PER_MS)));
	test_deallocate(self->fd, 12);
	ASSERT_TRUE(wait_until(waiters_of(self->fd) == 1));
	for (i = 0; i < 250; i++)
		list[i] = 1000 + i;
	ASSERT_EQ(0, try_inject(busy, list, 250, NULL));
	ASSERT_EQ(1, try_deallocate(self->fd, 12) == -EPERM);
	ASSERT_EQ(0, overflow_log(busy));

	/* It is there to be seen, and the cookies can be used. */
	test_queue(self->own, EXACT(14, 1));
	test_queue(self->own, until(EXACT(11, 2), 1));
	test_deallocate(self->fd, 14);
	ASSERT_EQ(0, next_record(self->own, &record));
	EXPECT_EQ(FREQ_RECORD_OUTCOME, record.kind);
	EXPECT_LT(2000, record.lost);
	sequence = record.sequence;
	ASSERT_EQ(0, next_record(self->own, &record));
	EXPECT_EQ(0, record.lost);
	EXPECT_LT(sequence, record.sequence);
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(holds(self->own, 12, grant_of(self->own, 12), 0));
	EXPECT_TRUE(holds(self->own, 14, grant_of(self->own, 14), 0));
	/* One that was queued before all that still is. */
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 3, 13);
	EXPECT_WAITING(0);
}

/* ---- Other releases */

FIXTURE(across) {
	int log;
	int fd;
	int own;
};

FIXTURE_VARIANT(across) {
	const char *from;
	const char *to;
};

UPGRADE_VARIANT(across, v3, v90);
UPGRADE_VARIANT(across, v90, v3);

FIXTURE_SETUP(across)
{
	__u64 i;

	ASSERT_EQ(0, server_start(variant->from, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	self->own = open_hearing(KIND(OUTCOME));
	ASSERT_GE(self->own, 0);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(across)
{
	EXPECT_TRUE(sleepers_end());
	EXPECT_EQ(0, test_clean());
}

#define UPGRADE()							\
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to))
#define BACK()								\
	ASSERT_EQ(0, server_upgrade(variant->to, variant->from))

/* One of each, some of it reserved; each keeps its place. */
TEST_F(across, each_kind)
{
	int other = open_hearing(KIND(OUTCOME));
	struct sleeper *sleeper;

	ASSERT_GE(other, 0);
	test_queue(self->own, RESERVE(12, 15, 3, 1));
	test_deallocate(self->fd, 12);
	test_queue(self->own, EXACT(12, 2));
	test_queue(other, BAND(12, 13, 1));
	sleeper = SLEEP_ANY();
	test_queue(other, keeping(ANY(2)));
	UPGRADE();
	EXPECT_WAITING(5);
	EXPECT_TRUE(holds(self->own, 12, grant_of(self->own, 12), 0));
	test_err_queue(EEXIST, self->own, ANY(1));
	test_deallocate(self->fd, 14);
	BACK();
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_OUTCOME(self->own, 1, 14);
	EXPECT_OUTCOME(self->own, 1, 13);
	test_deallocate(self->own, 12);
	UPGRADE();
	/* An outcome is read in whatever release. */
	EXPECT_OUTCOME(self->own, 2, 12);
	test_deallocate(self->own, 12);
	EXPECT_OUTCOME(other, 1, 12);
	BACK();
	test_deallocate(other, 12);
	EXPECT_TRUE(sleeper_got(sleeper, 12));
	EXPECT_WAITING(1);
	test_cancel(other, 2);
	test_deallocate(sleeper->fd, 12);
	EXPECT_SILENT(other);
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	EXPECT_TRUE(log_silent(self->log));
}

TEST_F(across, reserved_goes_to_others)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	test_deallocate(self->fd, 12);
	test_queue(self->own, until(RESERVE(12, 15, 3, 1),
				    monotonic_ns(200 * NS_PER_MS)));
	test_queue(self->own, RESERVE(10, 11, 2, 2));
	test_queue(other, ANY(1));
	test_queue(other, EXACT(10, 2));
	test_deallocate(self->fd, 10);
	UPGRADE();
	EXPECT_TIMED_OUT(self->own, 1);
	EXPECT_OUTCOME(other, 1, 12);
	EXPECT_SILENT(other);
	close(self->own);
	EXPECT_OUTCOME(other, 2, 10);
	EXPECT_WAITING(0);
}

/* An upgrade does not move it, and neither does one back. */
TEST_F(across, deadline)
{
	static struct poller poller;
	__s64 deadline = monotonic_ns(500 * NS_PER_MS);
	int i;

	for (i = 0; i < 10; i++)
		test_queue(self->own, until(i % 2 ? ANY(i) : EXACT(12, i),
					    deadline + i * 20 * NS_PER_MS));
	test_queue(self->own, until(ANY(10), monotonic_ns(NS_PER_HOUR)));
	ASSERT_EQ(0, poller_start(&poller, self->own, false));
	UPGRADE();
	EXPECT_TRUE(poller_has(&poller, 0, 0));
	EXPECT_LE(deadline, monotonic_ns(0));
	for (i = 1; i < 10; i++) {
		EXPECT_TIMED_OUT(self->own, i);
		EXPECT_LE(deadline + i * 20 * NS_PER_MS, monotonic_ns(0));
		if (i == 4)
			BACK();
	}
	EXPECT_WAITING(1);
	EXPECT_SILENT(self->own);
}

TEST_F(across, many)
{
	int i;

	ASSERT_EQ(0, queue_many(self->own, FREQ_QUEUED_MAX, 0));
	for (i = 0; i < 2; i++) {
		UPGRADE();
		EXPECT_WAITING(FREQ_QUEUED_MAX);
		test_err_queue(EDQUOT, self->own, ANY(~0ULL));
		BACK();
	}
	UPGRADE();
	test_cancel(self->own, 512);
	EXPECT_WAITING(FREQ_QUEUED_MAX - 1);
	close(self->own);
	EXPECT_WAITING(0);
	EXPECT_TRUE(allocated_is(self->fd, 6));
}

/* They stay where they are if the upgrade fails. */
TEST_F(queue, failed_upgrade)
{
	test_queue(self->own, RESERVE(12, 13, 2, 1));
	test_queue(self->own, until(ANY(2), monotonic_ns(NS_PER_MS)));
	test_deallocate(self->fd, 12);
	EXPECT_GT(0, module_load("freq_v90", "fail=step"));
	EXPECT_TIMED_OUT(self->own, 2);
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_OUTCOME(self->own, 1, 13);
}

/* They do not know it, and do not take over while one is queued. */
TEST_F(queue, downgrade_is_refused)
{
	static const char * const older[] = { "freq_v1", "freq_v2" };
	const struct wish wishes[] = EACH_KIND(7);
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_queue(self->own, wishes[i]);
		for (j = 0; j < ARRAY_SIZE(older); j++) {
			EXPECT_EQ(-EOPNOTSUPP, module_load(older[j], NULL));
			EXPECT_FALSE(module_loaded(older[j]));
			EXPECT_TRUE(release_runs("freq_v3"));
			EXPECT_WAITING(1);
		}
		ASSERT_EQ(0, give(self->fd));
		EXPECT_OUTCOME(self->own, 7, 12);
		if (wishes[i].count == 2)
			EXPECT_OUTCOME(self->own, 7, 13);
		ASSERT_EQ(0, regain(self->fd, self->own));
	}
	ASSERT_EQ(0, hear_of(self->own, 0, NULL));
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v2"));
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v3"));
	ASSERT_EQ(0, hear_of(self->own, KIND(OUTCOME), NULL));
	test_queue(self->own, ANY(1));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
}

FIXTURE(older) {
	struct snapshot before;
	int log;
	int fd;
};

FIXTURE_VARIANT(older) {
	const char *release;
};

RELEASE_VARIANT(older, v1);
RELEASE_VARIANT(older, v2);

FIXTURE_SETUP(older)
{
	ASSERT_EQ(0, server_start(variant->release, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(older)
{
	snapshot_free(&self->before);
	EXPECT_EQ(0, test_clean());
}

TEST_F(older, unknown_requests)
{
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	__u64 frequency;

	ASSERT_GE(fd, 0);
	test_err_cancel(ENOTTY, self->fd, 1);
	test_err_cancel(ENOTTY, fd, 1);
	EXPECT_EQ(-ENOTTY, try_ioctl(self->fd, FREQ_IOC_CANCEL, NULL));
	test_err_queue(ENOTTY, self->fd, BAND(10, 11, 1));
	test_err_queue(ENOTTY, self->fd, RESERVE(10, 11, 2, 1));
	test_err_queue(E2BIG, self->fd, ANY(1));
	test_err_queue(E2BIG, self->fd, EXACT(12, 1));
	test_err_queue(EINVAL, self->fd, until(ANY(0), 0));
	EXPECT_EQ(-EINVAL, try_allocate(self->fd, FREQ_ALLOCATE_QUEUE,
					&frequency));
	close(fd);
	EXPECT_UNCHANGED();
}

/* Neither knows of the other's. */
TEST_F(queue, rehearsal)
{
	int copy, other;

	test_deallocate(self->fd, 10);
	test_keep(self->fd, 10);
	test_queue(self->own, ANY(1));
	test_queue(self->own, until(ANY(2), monotonic_ns(200 * NS_PER_MS)));
	ASSERT_EQ(0, module_load("freq_v90", "rehearse=1"));
	copy = open_rehearsal();
	other = open_rehearsal();
	ASSERT_GE(copy, 0);
	ASSERT_GE(other, 0);
	EXPECT_EQ(0, waiters_of(copy));
	test_err_cancel(ENOENT, copy, 1);
	ASSERT_EQ(0, hear_of(copy, KIND(OUTCOME), NULL));
	test_queue(copy, ANY(1));
	test_queue(copy, until(EXACT(11, 2), monotonic_ns(NS_PER_MS)));
	EXPECT_TIMED_OUT(copy, 2);
	EXPECT_TIMED_OUT(self->own, 2);
	EXPECT_SILENT(self->own);
	EXPECT_WAITING(1);
	test_deallocate(other, 10);
	EXPECT_OUTCOME(copy, 1, 10);
	EXPECT_SILENT(self->own);
	test_queue(copy, ANY(1));
	test_queue(copy, RESERVE(11, 12, 2, 2));
	/* It ends with requests that are queued. */
	close(copy);
	close(other);
	EXPECT_TRUE(wait_until(rehearsal_gone()));
	EXPECT_EQ(0, module_unload("freq_v90"));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
}

/* ---- A storm */

#define STORM_THREADS	4
#define STORM_POOL	8
#define STORM_COOKIES	12
/* How many requests there are at least from one upgrade to the next */
#define STORM_TURNS	400

/**
 * struct rider - a thread with an event loop
 * @thread: the thread
 * @index: its index, from 1 on
 * @fd: its client
 * @random: its random numbers
 * @expected: by cookie: how many records are still to come; 0: it is not queued
 * @counts: by cookie: how many frequencies it wanted
 * @grants: by frequency: by which it holds it; 0: it does not
 * @turns: how often it did anything
 * @granted: how often a record said that it got one
 * @timed_out: how often one said that it did not
 * @cancelled: how many were cancelled
 * @closed: how often it was closed
 * @error: whether anything was wrong
 */
struct rider {
	pthread_t thread;
	__u32 index;
	int fd;
	__u64 random;
	__u32 expected[STORM_COOKIES];
	__u32 counts[STORM_COOKIES];
	__u64 grants[STORM_POOL + 1];
	unsigned long turns;
	unsigned long granted;
	unsigned long timed_out;
	unsigned long cancelled;
	unsigned long closed;
	int error;
};

static struct rider riders[STORM_THREADS];
/* By frequency: the index of who knows that it holds it */
static __u32 storm_owners[STORM_POOL + 1];
static bool storm_stops;

static int rider_obtain(struct rider *rider, __u64 frequency, __u64 grant)
{
	__u32 nobody = 0;

	if (fails(frequency >= 1 && frequency <= STORM_POOL) ||
	    fails(__atomic_compare_exchange_n(&storm_owners[frequency], &nobody,
					      rider->index, false,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST)))
		return -1;
	rider->grants[frequency] = grant;
	return 0;
}

static void rider_forget(struct rider *rider, __u64 frequency)
{
	rider->grants[frequency] = 0;
	__atomic_store_n(&storm_owners[frequency], 0, __ATOMIC_SEQ_CST);
}

static int rider_note(struct rider *rider, const struct freq_record *record)
{
	__u64 cookie = record->value;

	if (differ(FREQ_RECORD_OUTCOME, record->kind) ||
	    differ(0, record->lost) || fails(cookie < STORM_COOKIES) ||
	    fails(rider->expected[cookie]))
		return -1;
	if (record->flags & FREQ_RECORD_TIMED_OUT) {
		if (differ(rider->counts[cookie], rider->expected[cookie]))
			return -1;
		rider->expected[cookie] = 0;
		rider->timed_out++;
		return 0;
	}
	rider->expected[cookie]--;
	rider->granted++;
	return rider_obtain(rider, record->frequency, record->grant);
}

/* All that there is */
static int rider_read(struct rider *rider)
{
	struct freq_record record;
	int error;

	while (!(error = read_record(rider->fd, &record))) {
		if (rider_note(rider, &record))
			return -1;
	}
	return differ(-EAGAIN, error);
}

static __s64 storm_deadline(struct rider *rider, bool reserves)
{
	switch (random_below(&rider->random, 8)) {
	case 0:
		return 1;
	case 1:
	case 2:
		return monotonic_ns(random_below(&rider->random,
						 5 * NS_PER_MS));
	default:
		/* Two that reserve may wait for each other. */
		return reserves ? monotonic_ns(20 * NS_PER_MS) : FREQ_FOR_EVER;
	}
}

static struct wish storm_wish(struct rider *rider, __u64 cookie)
{
	__u64 low = 1 + random_below(&rider->random, STORM_POOL - 3);
	struct wish wish;

	switch (random_below(&rider->random, 4)) {
	case 0:
		wish = ANY(cookie);
		break;
	case 1:
		wish = EXACT(low, cookie);
		break;
	case 2:
		wish = BAND(low, low + 3, cookie);
		break;
	default:
		wish = RESERVE(low, low + 3,
			       1 + random_below(&rider->random, 3), cookie);
	}
	wish.deadline = storm_deadline(rider, wish.flags & FREQ_GROUP_RESERVE);
	return wish;
}

static int rider_ask(struct rider *rider)
{
	__u64 cookie = random_below(&rider->random, STORM_COOKIES);
	struct wish wish = storm_wish(rider, cookie);
	struct freq_granted granted[4];
	int result;
	__u32 i;

	if (rider->expected[cookie])
		return 0;
	result = ask_for(rider->fd, wish, granted);
	if (result == QUEUED) {
		rider->expected[cookie] = wish.count;
		rider->counts[cookie] = wish.count;
		return 0;
	}
	if (differ(GRANTED, result))
		return -1;
	for (i = 0; i < wish.count; i++) {
		if (rider_obtain(rider, granted[i].frequency, granted[i].grant))
			return -1;
	}
	return 0;
}

static int rider_give(struct rider *rider)
{
	__u64 frequency = 1 + random_below(&rider->random, STORM_POOL);
	__u64 grant = rider->grants[frequency];

	if (!grant)
		return 0;
	rider_forget(rider, frequency);
	return differ(0, try_deallocate_grant(rider->fd, frequency, grant));
}

/* Either no record comes, or it is there. */
static int rider_cancel(struct rider *rider, __u64 cookie)
{
	int result;

	if (!rider->expected[cookie])
		return 0;
	result = try_cancel(rider->fd, cookie);
	if (!result) {
		rider->cancelled++;
		if (differ(rider->counts[cookie], rider->expected[cookie]))
			return -1;
		rider->expected[cookie] = 0;
		return 0;
	}
	return differ(-ENOENT, result) || rider_read(rider) ||
	       differ(0, rider->expected[cookie]);
}

static void rider_close(struct rider *rider)
{
	__u64 i;

	for (i = 1; i <= STORM_POOL; i++) {
		if (rider->grants[i])
			rider_forget(rider, i);
	}
	memset(rider->expected, 0, sizeof(rider->expected));
	close(rider->fd);
}

/* Goes on when there is something, if all that it can do is wait. */
static int rider_wait(struct rider *rider)
{
	bool is_queued = false;
	__u64 i;

	for (i = 1; i <= STORM_POOL; i++) {
		if (rider->grants[i])
			return 0;
	}
	for (i = 0; i < STORM_COOKIES; i++)
		is_queued |= rider->expected[i];
	return is_queued && fails(is_readable(rider->fd, DEADLINE_MS));
}

static int rider_turn(struct rider *rider)
{
	__u64 which = random_below(&rider->random, 64);

	__atomic_fetch_add(&rider->turns, 1, __ATOMIC_RELAXED);
	if (which < 24)
		return rider_ask(rider);
	if (which < 48)
		return rider_give(rider);
	if (which < 58)
		return rider_cancel(rider, random_below(&rider->random,
							STORM_COOKIES));
	if (which < 63)
		return rider_wait(rider);
	rider_close(rider);
	rider->closed++;
	rider->fd = open_hearing(KIND(OUTCOME));
	return fails(rider->fd >= 0);
}

/* LIST_GRANTS has what the records and the replies have said, and no more. */
static int rider_check(struct rider *rider)
{
	struct freq_grant_entry entry;
	__u64 i;

	for (i = 0; i < STORM_COOKIES; i++) {
		if (rider_cancel(rider, i))
			return -1;
	}
	if (rider_read(rider))
		return -1;
	for (i = 1; i <= STORM_POOL; i++) {
		if (differ(0, grant_find(rider->fd, i, &entry)) ||
		    differ(rider->grants[i],
			   entry.flags & MINE ? entry.grant : 0))
			return -1;
	}
	return 0;
}

static void *ride(void *data)
{
	struct rider *rider = data;

	while (!rider->error &&
	       !__atomic_load_n(&storm_stops, __ATOMIC_SEQ_CST))
		rider->error = rider_turn(rider) || rider_read(rider);
	if (!rider->error)
		rider->error = rider_check(rider);
	rider_close(rider);
	return NULL;
}

static unsigned long storm_turns(void)
{
	unsigned long turns = 0;
	int i;

	for (i = 0; i < STORM_THREADS; i++)
		turns += __atomic_load_n(&riders[i].turns, __ATOMIC_RELAXED);
	return turns;
}

FIXTURE(storm) {
	struct snapshot before;
	int fd;
};

FIXTURE_SETUP(storm)
{
	ASSERT_EQ(0, server_start("freq_v3", "frequencies=1-8"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(storm)
{
	snapshot_free(&self->before);
	EXPECT_EQ(0, test_clean());
}

static int riders_start(void)
{
	int i;

	for (i = 0; i < STORM_THREADS; i++) {
		riders[i].index = i + 1;
		riders[i].random = i;
		riders[i].fd = open_hearing(KIND(OUTCOME));
		if (fails(riders[i].fd >= 0) ||
		    differ(0, pthread_create(&riders[i].thread, NULL, ride,
					     &riders[i])))
			return -1;
	}
	return 0;
}

/* No frequency ever has two holders, and no request has two ends, or none. */
TEST_F_TIMEOUT(storm, through_upgrades, 120)
{
	static const char * const releases[] = { "freq_v3", "freq_v90" };
	struct snapshot after;
	unsigned long turns;
	int i;

	ASSERT_EQ(0, riders_start());
	for (i = 0; i < UPGRADES; i++) {
		turns = storm_turns() + STORM_TURNS;
		EXPECT_TRUE(wait_until(storm_turns() >= turns));
		EXPECT_EQ(0, server_upgrade(releases[i % 2],
					    releases[1 - i % 2]));
	}
	__atomic_store_n(&storm_stops, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < STORM_THREADS; i++) {
		ASSERT_EQ(0, pthread_join(riders[i].thread, NULL));
		EXPECT_EQ(0, riders[i].error);
		TH_LOG("%lu turns: %lu granted, %lu timed out, %lu cancelled, %lu closed",
		       riders[i].turns, riders[i].granted, riders[i].timed_out,
		       riders[i].cancelled, riders[i].closed);
	}
	EXPECT_EQ(0, waiters_of(self->fd));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_EQ(0, memcmp(&self->before.info, &after.info,
			    sizeof(after.info)));
	EXPECT_TRUE(listing_same(&self->before.list, &after.list));
	snapshot_free(&after);
}

TEST_HARNESS_MAIN
