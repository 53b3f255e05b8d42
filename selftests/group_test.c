// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_ALLOCATE_GROUP: the lowest free frequencies of spans, rows of them,
 * and waiting for one, for several at once, or with a reservation.
 *
 * A model of the whole server predicts each answer: which frequencies a request
 * gets, in which order the others are free, and who is served by what.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

/* Threads that wait at a time, at most */
#define WAITERS		256

#define POOL		100
#define POOL_PARAMETER	"frequencies=100-199"
#define POOL_FIRST	100ULL

#define NS_PER_MS	1000000LL
#define NS_PER_S	1000000000LL
#define NS_PER_HOUR	3600000000000LL

#define EXACT		FREQ_ALLOCATE_EXACT
#define KEEP		FREQ_ALLOCATE_KEEP
#define ROW		FREQ_GROUP_ROW
#define RESERVE		FREQ_GROUP_RESERVE

/**
 * struct ask - a request for frequencies
 * @single: FREQ_IOC_ALLOCATE_V3; with EXACT, of the first number of @spans
 * @group: the argument, or what that of ALLOCATE_V3 is made of
 * @spans: the spans
 * @granted: the reply
 * @reply: where it is to be written; NULL: to @granted
 */
struct ask {
	bool single;
	struct freq_group group;
	struct freq_span spans[FREQ_SPANS_MAX + 1];
	struct freq_granted granted[FREQ_GROUP_MAX];
	struct freq_granted *reply;
};

#define SPAN_COUNT(...)							\
	(sizeof((struct freq_span []){ __VA_ARGS__ }) /			\
	 sizeof(struct freq_span))

/* The lowest ones of these spans */
#define LOWEST(number, ...)						\
	((struct ask) {							\
		.group = {						\
			.count = (number),				\
			.span_count = SPAN_COUNT(__VA_ARGS__),		\
		},							\
		.spans = { __VA_ARGS__ },				\
	})
#define ROW_OF(number, apart, ...)					\
	((struct ask) {							\
		.group = {						\
			.count = (number),				\
			.span_count = SPAN_COUNT(__VA_ARGS__),		\
			.flags = ROW,					\
			.spacing = (apart),				\
		},							\
		.spans = { __VA_ARGS__ },				\
	})
/* The same, waiting */
#define WAIT(...)							\
	wait_for(LOWEST(__VA_ARGS__), 0, FREQ_FOR_EVER)
#define WAIT_ROW(...)							\
	wait_for(ROW_OF(__VA_ARGS__), 0, FREQ_FOR_EVER)
#define WAIT_RESERVE(...)						\
	wait_for(LOWEST(__VA_ARGS__), RESERVE, FREQ_FOR_EVER)
#define WAIT_FOR_ANY()							\
	wait_for(single_of(0, 0), 0, FREQ_FOR_EVER)
#define WAIT_FOR_EXACT(number)						\
	wait_for(single_of(EXACT, number), 0, FREQ_FOR_EVER)

/**
 * struct waiter - a client, and a thread of it that asks
 * @thread: the thread
 * @tid: its ID
 * @fd: the client; -1: closed
 * @ask: what it asks for
 * @result: what the request returned
 * @done: it has returned
 * @joined: and is no thread any more
 * @waits: in the model: it waits
 * @want: in the model: what the request returns, once it does not wait
 * @have: in the model: the frequencies that it gets
 * @nr_have: how many
 */
struct waiter {
	pthread_t thread;
	pid_t tid;
	int fd;
	struct ask ask;
	int result;
	bool done;
	bool joined;
	bool waits;
	int want;
	__u64 have[FREQ_GROUP_MAX];
	__u32 nr_have;
};

/* Static, so that none is left with a stack that is gone if a test fails. */
static struct waiter waiters[WAITERS];
static int nr_waiters;

/* How often the handler of a signal ran. */
static int handled;

static __s64 monotonic_ns(__s64 ahead)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec + ahead;
}

static struct ask wait_for(struct ask ask, __u32 flags, __s64 deadline)
{
	ask.group.flags |= flags;
	ask.group.deadline = deadline;
	return ask;
}

static struct ask single_of(__u32 flags, __u64 number)
{
	return (struct ask) {
		.single = true,
		.group.flags = flags,
		.group.count = 1,
		.spans = { { number, number } },
	};
}

static int try_ask(int fd, struct ask *ask)
{
	struct freq_allocate_v3 single = {
		.frequency = ask->spans[0].first,
		.flags = ask->group.flags,
		.deadline = ask->group.deadline,
	};
	int error;

	if (ask->single) {
		error = try_allocate_v3(fd, &single);
		ask->granted[0].frequency = single.frequency;
		ask->granted[0].grant = single.grant;
		return error;
	}
	ask->group.spans = (uintptr_t)ask->spans;
	ask->group.granted = (uintptr_t)(ask->reply ?: ask->granted);
	return try_allocate_group(fd, &ask->group);
}

/* Whether LIST_GRANTS has it as the client's, by this grant. */
static bool is_granted(int fd, const struct freq_granted *granted)
{
	struct freq_grant_entry entry;

	return !differ(0, grant_find(fd, granted->frequency, &entry)) &&
	       !fails(entry.flags & FREQ_ENTRY_MINE ||
		      entry.flags & FREQ_ENTRY_KEEP) &&
	       !differ(entry.grant, granted->grant);
}

/* These, in this order; grants that rise, one by one if made at once. */
static bool reply_is(int fd, const struct ask *ask, const __u64 *want,
		     __u32 count)
{
	const struct freq_granted *granted = ask->reply ?: ask->granted;
	bool at_once = !(ask->group.flags & RESERVE);
	__u32 i;

	if (differ(count, ask->group.count))
		return false;
	for (i = 0; i < count; i++) {
		if (differ(want[i], granted[i].frequency) ||
		    !is_granted(fd, &granted[i]))
			return false;
		if (i && (fails(granted[i].grant > granted[i - 1].grant) ||
			  (at_once && differ(granted[i - 1].grant + 1,
					     granted[i].grant))))
			return false;
	}
	return true;
}

static bool ask_gets(int fd, struct ask ask, const __u64 *want, __u32 count)
{
	return !differ(0, try_ask(fd, &ask)) &&
	       reply_is(fd, &ask, want, count);
}

static int ask_error(int fd, struct ask ask)
{
	return try_ask(fd, &ask);
}

/* The request succeeds with just these. */
#define EXPECT_GETS(fd, ask, ...) ({					\
	const __u64 __want[] = { __VA_ARGS__ };				\
									\
	EXPECT_TRUE(ask_gets(fd, ask, __want, ARRAY_SIZE(__want)));	\
})
#define EXPECT_ERROR(err, fd, ask)					\
	EXPECT_EQ(-(err), ask_error(fd, ask))

/* ---- Threads */

static bool is_done(const struct waiter *waiter)
{
	return __atomic_load_n(&waiter->done, __ATOMIC_SEQ_CST);
}

static void *ask_in_thread(void *data)
{
	struct waiter *waiter = data;

	__atomic_store_n(&waiter->tid, (pid_t)syscall(SYS_gettid),
			 __ATOMIC_SEQ_CST);
	waiter->result = try_ask(waiter->fd, &waiter->ask);
	__atomic_store_n(&waiter->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* A new waiter, in place of one that was joined if there is one */
static struct waiter *waiter_make(int fd, struct ask ask)
{
	struct waiter *waiter;

	for (waiter = waiters; waiter < waiters + nr_waiters; waiter++)
		if (waiter->joined && waiter->fd < 0)
			break;
	if (fails(fd >= 0) || fails(waiter < waiters + WAITERS))
		return NULL;
	nr_waiters += waiter == waiters + nr_waiters;
	memset(waiter, 0, sizeof(*waiter));
	waiter->joined = true;
	waiter->fd = fd;
	waiter->ask = ask;
	return waiter;
}

static bool waiter_begin(struct waiter *waiter)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	error = pthread_create(&waiter->thread, &attributes, ask_in_thread,
			       waiter);
	pthread_attr_destroy(&attributes);
	waiter->joined = error;
	return !differ(0, error);
}

/* Returns when it waits, or has ended at once. */
static bool waiter_run(struct waiter *waiter, int watch)
{
	__u32 before = waiters_of(watch);

	return !fails(before != ~0U) && waiter_begin(waiter) &&
	       wait_until(waiters_of(watch) == before + 1 || is_done(waiter));
}

static struct waiter *waiter_start(int watch, int fd, struct ask ask)
{
	struct waiter *waiter = waiter_make(fd, ask);

	return waiter && waiter_run(waiter, watch) ? waiter : NULL;
}

/* A waiter that is the last in the queue now. */
#define QUEUE_OF(client, ask) ({					\
	struct waiter *__waiter = waiter_start(self->fd, client, ask);	\
									\
	ASSERT_NE(NULL, __waiter);					\
	ASSERT_FALSE(is_done(__waiter)) {				\
		TH_LOG("it does not wait: %d", __waiter->result);	\
	}								\
	__waiter;							\
})
#define QUEUE(ask)							\
	QUEUE_OF(open_client(), ask)

/* They wait and have been given nothing. */
#define EXPECT_WAITING(count)						\
	EXPECT_EQ(count, waiters_of(self->fd))

static bool waiter_join(struct waiter *waiter)
{
	if (fails(wait_until(is_done(waiter))) ||
	    differ(0, pthread_join(waiter->thread, NULL)))
		return false;
	waiter->joined = true;
	return true;
}

static bool ended(struct waiter *waiter, int error)
{
	return waiter_join(waiter) && !differ(error, waiter->result);
}

static bool got(struct waiter *waiter, const __u64 *want, __u32 count)
{
	return ended(waiter, 0) && reply_is(waiter->fd, &waiter->ask, want,
					    count);
}

#define EXPECT_GOT(waiter, ...) ({					\
	const __u64 __want[] = { __VA_ARGS__ };				\
									\
	EXPECT_TRUE(got(waiter, __want, ARRAY_SIZE(__want)));		\
})

static void waiter_close(struct waiter *waiter)
{
	if (waiter->fd >= 0)
		close(waiter->fd);
	waiter->fd = -1;
}

/* By a signal that is repeated until it meets the wait. */
static bool waiter_stop(struct waiter *waiter)
{
	if (waiter->joined)
		return true;
	return wait_until(is_done(waiter) ||
			  pthread_kill(waiter->thread, SIGUSR1)) &&
	       waiter_join(waiter);
}

static bool waiters_end(void)
{
	bool ok = true;
	int i;

	for (i = 0; i < nr_waiters; i++) {
		ok &= waiter_stop(&waiters[i]);
		waiter_close(&waiters[i]);
	}
	nr_waiters = 0;
	return ok;
}

/* Each waiter that was woken sleeps again, or has returned. */
static bool is_settled(void)
{
	const struct waiter *waiter;
	int pass;

	for (pass = 0; pass < 2; pass++)
		for (waiter = waiters; waiter < waiters + nr_waiters; waiter++)
			if (!waiter->joined && !is_done(waiter) &&
			    process_state(waiter->tid) != 'S')
				return false;
	return true;
}

static void count_signal(int signal)
{
	__atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}

/* SIGUSR1 ends a request, SIGUSR2 has it restarted. */
static int handle_signals(void)
{
	struct sigaction action = { .sa_handler = count_signal };

	if (sigaction(SIGUSR1, &action, NULL))
		return -errno;
	action.sa_flags = SA_RESTART;
	return sigaction(SIGUSR2, &action, NULL) ? -errno : 0;
}

/* Clients have a descriptor each. */
static int allow_descriptors(void)
{
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };

	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

static int hold_all(int fd, __u32 count)
{
	__u64 room[FREQ_BATCH_MAX];

	return try_allocate_batch(fd, 0, room, count);
}

static int count_free(int fd)
{
	struct freq_info info;
	int error = try_info(fd, &info);

	return error ?: (int)info.free;
}

FIXTURE(group) {
	struct snapshot before;
	int log;
	int fd;
};

FIXTURE_VARIANT(group) {
	const char *release;
	const char *other;
};

RELEASE_VARIANT(group, v3, .other = "freq_v90");
RELEASE_VARIANT(group, v90, .other = "freq_v3");
SHORT_VARIANTS(group, "v3")

/* 100 to 199, all free. */
FIXTURE_SETUP(group)
{
	ASSERT_EQ(0, allow_descriptors());
	ASSERT_EQ(0, handle_signals());
	ASSERT_EQ(0, server_start(variant->release, POOL_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(group)
{
	snapshot_free(&self->before);
	EXPECT_TRUE(waiters_end());
	EXPECT_EQ(0, test_clean());
}

/* ---- The lowest ones */

TEST_F(group, lowest_of_the_first_span)
{
	int fd = self->fd;

	EXPECT_GETS(fd, LOWEST(1), 100);
	EXPECT_GETS(fd, LOWEST(3), 101, 102, 103);
	EXPECT_GETS(fd, LOWEST(3, { 150, 151 }, { 120, 129 }), 150, 151, 120);
	EXPECT_GETS(fd, LOWEST(2, { 150, 151 }, { 120, 129 }), 121, 122);
	/* Each counts once, wherever the spans overlap. */
	EXPECT_GETS(fd, LOWEST(4, { 161, 162 }, { 160, 163 }, { 160, 163 }),
		    161, 162, 160, 163);
	EXPECT_ERROR(ENOENT, fd, LOWEST(5, { 160, 163 }, { 160, 163 }));
	/* The lowest, not the one that came free last. */
	test_deallocate(fd, 102);
	test_deallocate(fd, 101);
	test_deallocate(fd, 103);
	EXPECT_GETS(fd, LOWEST(2), 101, 102);
	EXPECT_GETS(fd, LOWEST(2, { 0, ~0ULL }), 103, 104);
	EXPECT_TRUE(log_silent(self->log));
}

TEST_F(group, all_or_none)
{
	int fd = self->fd;

	EXPECT_GETS(fd, LOWEST(64), 100, 101, 102, 103, 104, 105, 106, 107, 108,
		    109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120,
		    121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132,
		    133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144,
		    145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156,
		    157, 158, 159, 160, 161, 162, 163);
	EXPECT_ERROR(ENOSPC, fd, LOWEST(37));
	EXPECT_ERROR(ENOSPC, fd, LOWEST(37, { 120, 199 }));
	EXPECT_ERROR(ENOSPC, fd, LOWEST(1, { 100, 163 }));
	EXPECT_ERROR(ETIMEDOUT, fd, wait_for(LOWEST(37), 0, 1));
	EXPECT_ERROR(ETIMEDOUT, fd, wait_for(LOWEST(1, { 100, 163 }), 0, 1));
	EXPECT_ERROR(ETIMEDOUT, fd, wait_for(LOWEST(37), RESERVE, 1));
	EXPECT_EQ(36, count_free(fd));
	EXPECT_GETS(fd, wait_for(LOWEST(2), 0, 1), 164, 165);
	EXPECT_GETS(fd, wait_for(LOWEST(2), RESERVE, 1), 166, 167);
	EXPECT_GETS(fd, WAIT(1, { 170, 170 }), 170);
	EXPECT_WAITING(0);
}

TEST_F(group, not_in_the_pool)
{
	static const __s64 deadlines[] = { 0, 1, FREQ_FOR_EVER };
	int fd = self->fd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(deadlines); i++) {
		__s64 at = deadlines[i];

		EXPECT_ERROR(ENOENT, fd, wait_for(LOWEST(1, { 0, 99 }), 0, at));
		EXPECT_ERROR(ENOENT, fd,
			     wait_for(LOWEST(1, { 200, ~0ULL }), 0, at));
		EXPECT_ERROR(ENOENT, fd,
			     wait_for(LOWEST(11, { 110, 119 }, { 111, 118 }), 0,
				      at));
		EXPECT_ERROR(ENOENT, fd, wait_for(ROW_OF(2, 100), 0, at));
		EXPECT_ERROR(ENOENT, fd,
			     wait_for(ROW_OF(4, 10, { 100, 129 },
					     { 130, 159 }), 0, at));
	}
	ASSERT_EQ(0, hold_all(fd, POOL));
	EXPECT_ERROR(ENOENT, fd, WAIT(11, { 110, 119 }));
	EXPECT_ERROR(ENOENT, fd,
		     wait_for(LOWEST(11, { 110, 119 }), RESERVE,
			      monotonic_ns(NS_PER_S)));
	EXPECT_ERROR(ENOENT, fd, WAIT_ROW(11, 10));
	EXPECT_WAITING(0);
}

TEST_F(group, ends_of_the_numbers)
{
	int fd = self->fd;

	test_inject(fd, ~0ULL, 0, ~0ULL - 1, 1);
	EXPECT_GETS(fd, LOWEST(2), 0, 1);
	EXPECT_GETS(fd, LOWEST(2, { 200, ~0ULL }), ~0ULL - 1, ~0ULL);
	test_deallocate_batch(fd, 0, ~0ULL, 1, ~0ULL - 1);
	EXPECT_GETS(fd, LOWEST(2, { ~0ULL, ~0ULL }, { 0, 0 }), ~0ULL, 0);
	EXPECT_ERROR(ENOSPC, fd, LOWEST(1, { ~0ULL, ~0ULL }, { 0, 0 }));
	test_deallocate_batch(fd, 0, ~0ULL);
	EXPECT_GETS(fd, LOWEST(3, { 200, ~0ULL - 1 }, { 0, 99 }),
		    ~0ULL - 1, 0, 1);
	test_deallocate_batch(fd, 0, 1, ~0ULL - 1);
	/* A row over the whole of them, and one that would leave them. */
	EXPECT_GETS(fd, ROW_OF(2, ~0ULL), 0, ~0ULL);
	EXPECT_ERROR(ENOSPC, fd, ROW_OF(2, ~0ULL));
	test_deallocate_batch(fd, 0, ~0ULL);
	EXPECT_ERROR(ERANGE, fd, ROW_OF(3, 1ULL << 63));
	EXPECT_ERROR(ERANGE, fd, ROW_OF(64, ~0ULL / 63 + 1));
	EXPECT_ERROR(ENOENT, fd, ROW_OF(64, ~0ULL / 63));
	EXPECT_ERROR(ENOENT, fd, ROW_OF(3, ~0ULL / 2));
	EXPECT_GETS(fd, ROW_OF(2, 1, { 200, ~0ULL }), ~0ULL - 1, ~0ULL);
	test_deallocate_batch(fd, ~0ULL - 1, ~0ULL);
	EXPECT_EQ(POOL + 4, count_free(fd));
}

TEST_F(group, kept)
{
	int other = open_client();
	struct freq_grant_entry entry;
	struct ask ask = LOWEST(2, { 120, 129 });
	struct waiter *waiter;

	ASSERT_GE(other, 0);
	ask.group.flags = KEEP;
	EXPECT_GETS(other, ask, 120, 121);
	close(other);
	ASSERT_EQ(0, grant_find(self->fd, 121, &entry));
	EXPECT_EQ(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP, entry.flags);
	test_deallocate_batch(self->fd, 120, 121);

	/* Also what it got by waiting. */
	ASSERT_EQ(0, hold_all(self->fd, POOL));
	waiter = QUEUE(wait_for(LOWEST(1, { 120, 129 }), KEEP, FREQ_FOR_EVER));
	test_deallocate(self->fd, 122);
	EXPECT_GOT(waiter, 122);
	waiter_close(waiter);
	waiter = QUEUE(wait_for(LOWEST(2, { 130, 139 }), KEEP | RESERVE,
				monotonic_ns(NS_PER_HOUR)));
	test_deallocate_batch(self->fd, 131, 130);
	EXPECT_GOT(waiter, 130, 131);
	waiter_close(waiter);
	ASSERT_EQ(0, grant_find(self->fd, 122, &entry));
	EXPECT_EQ(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP, entry.flags);
	ASSERT_EQ(0, grant_find(self->fd, 130, &entry));
	EXPECT_EQ(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP, entry.flags);
}

/* ---- Rows */

TEST_F(group, rows)
{
	int fd = self->fd;

	EXPECT_GETS(fd, ROW_OF(3, 1), 100, 101, 102);
	EXPECT_GETS(fd, ROW_OF(3, 10), 103, 113, 123);
	/* Within one span each, and the first span that has one. */
	EXPECT_GETS(fd, ROW_OF(3, 4, { 130, 137 }, { 150, 158 }, { 140, 149 }),
		    150, 154, 158);
	EXPECT_GETS(fd, ROW_OF(1, 7, { 160, 169 }), 160);
	EXPECT_GETS(fd, ROW_OF(2, 9, { 160, 169 }, { 170, 179 }), 170, 179);
	test_deallocate(fd, 113);
	EXPECT_GETS(fd, ROW_OF(4, 2, { 104, 150 }), 104, 106, 108, 110);
	EXPECT_ERROR(ENOSPC, fd, ROW_OF(50, 2));
	EXPECT_ERROR(ENOSPC, fd, ROW_OF(2, 99));
	EXPECT_ERROR(ENOENT, fd, ROW_OF(51, 2));
	EXPECT_ERROR(ENOENT, fd, ROW_OF(2, 100));
}

TEST_F(group, rows_in_too_many)
{
	__u64 list[4097];
	int fd = self->fd;
	int i;

	for (i = 0; i < 4097; i++)
		list[i] = 10000 + 2 * i;
	ASSERT_EQ(0, try_inject(fd, list, 4097, NULL));
	EXPECT_ERROR(E2BIG, fd, ROW_OF(2, 1));
	EXPECT_ERROR(E2BIG, fd, ROW_OF(2, 2, { 10000, list[4096] }));
	EXPECT_ERROR(E2BIG, fd, WAIT_ROW(2, 2, { 10000, ~0ULL }));
	EXPECT_ERROR(E2BIG, fd, ROW_OF(2, 2, { 10000, list[2047] },
				       { list[2048], list[4096] }));
	EXPECT_GETS(fd, ROW_OF(2, 2, { 10000, list[4095] }), 10000, 10002);
	EXPECT_GETS(fd, ROW_OF(2, 2 * 4094, { 10002, list[4096] }),
		    10004, list[4096]);
	/* From end to end, in many holds. */
	EXPECT_ERROR(ENOSPC, fd, ROW_OF(2, 2 * 4094, { 10002, list[4096] }));
	EXPECT_ERROR(ENOENT, fd, ROW_OF(2, 2 * 4096, { 10002, list[4096] }));
}

/* Whatever the row would be. */
TEST_F(group, row_of_one_in_too_many)
{
	__u64 list[4097];
	int i;

	for (i = 0; i < 4097; i++)
		list[i] = 10000 + i;
	ASSERT_EQ(0, try_inject(self->fd, list, 4097, NULL));
	EXPECT_ERROR(E2BIG, self->fd, ROW_OF(1, 1));
	EXPECT_ERROR(E2BIG, self->fd, ROW_OF(1, 1, { 10000, 14096 }));
	EXPECT_GETS(self->fd, ROW_OF(1, 1, { 10000, 14095 }), 10000);
}

/* ---- The argument */

TEST_F(group, bad_arguments)
{
	const __u32 any = ROW | KEEP;
	struct ask ask;
	int fd = self->fd;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		ask = LOWEST(1);
		ask.group.flags = 1U << bit;
		/* Each of the two needs another field. */
		if (!(any & ask.group.flags) || ask.group.flags == ROW)
			EXPECT_ERROR(EINVAL, fd, ask);
		ask.group.flags |= ROW;
		ask.group.spacing = 1;
		if (ask.group.flags & ~any)
			EXPECT_ERROR(EINVAL, fd, ask);
		ask = LOWEST(1);
		ask.group.pad = 1U << bit;
		EXPECT_ERROR(EINVAL, fd, ask);
	}
	ask = LOWEST(1);
	ask.group.spacing = 1;
	EXPECT_ERROR(EINVAL, fd, ask);
	EXPECT_ERROR(EINVAL, fd, ROW_OF(2, 0));
	EXPECT_ERROR(EINVAL, fd, wait_for(LOWEST(2), RESERVE, 0));
	EXPECT_ERROR(EINVAL, fd, wait_for(ROW_OF(2, 1), RESERVE, 1));
	EXPECT_ERROR(EINVAL, fd, LOWEST(0));
	EXPECT_ERROR(EINVAL, fd, LOWEST(0, { 100, 101 }));
	EXPECT_ERROR(EINVAL, fd, wait_for(LOWEST(1), 0, -1));
	EXPECT_ERROR(EINVAL, fd, wait_for(LOWEST(1), 0, INT64_MIN));
	EXPECT_ERROR(EINVAL, fd, wait_for(LOWEST(1), RESERVE, -1));
	EXPECT_ERROR(E2BIG, fd, LOWEST(FREQ_GROUP_MAX + 1));
	EXPECT_ERROR(E2BIG, fd, LOWEST(~0U));
	EXPECT_ERROR(ERANGE, fd, LOWEST(1, { 101, 100 }));
	EXPECT_ERROR(ERANGE, fd, LOWEST(1, { 100, 110 }, { ~0ULL, 0 }));
	ask = LOWEST(1, { 0, 99 });
	ask.group.span_count = FREQ_SPANS_MAX + 1;
	EXPECT_ERROR(E2BIG, fd, ask);
	ask.group.span_count = ~0U;
	EXPECT_ERROR(E2BIG, fd, ask);
	EXPECT_UNCHANGED();
	ask.group.span_count = FREQ_SPANS_MAX;
	memset(ask.spans, 0, sizeof(ask.spans));
	ask.spans[FREQ_SPANS_MAX - 1].last = 100;
	EXPECT_GETS(fd, ask, 100);
}

TEST_F(group, bad_addresses)
{
	struct freq_group group = { .count = 2, .span_count = 2 };
	const struct freq_span spans[] = { { 100, 109 }, { 120, 129 } };
	struct freq_granted room[2];
	struct freq_span *across;
	void *page;
	size_t i;

	/* Ignored with no spans. */
	group.span_count = 0;
	group.spans = 1;
	group.granted = (uintptr_t)room;
	test_allocate_group(self->fd, &group);
	test_deallocate_batch(self->fd, 101, 100);
	group.span_count = 2;
	test_err_allocate_group(EFAULT, self->fd, &group);
	group.spans = 0;
	test_err_allocate_group(EFAULT, self->fd, &group);
	for (i = 0; i < sizeof(spans); i += 8) {
		across = page_straddle(i);
		ASSERT_NE(NULL, across);
		memcpy(across, spans, i);
		group.spans = (uintptr_t)across;
		test_err_allocate_group(EFAULT, self->fd, &group);
	}
	group.spans = (uintptr_t)spans;
	for (i = 0; i < sizeof(room); i += 8) {
		group.granted = (uintptr_t)page_straddle(i);
		ASSERT_NE(0, group.granted);
		test_err_allocate_group(EFAULT, self->fd, &group);
		group.flags = KEEP;
		test_err_allocate_group(EFAULT, self->fd, &group);
		group.flags = ROW;
		group.spacing = 1;
		test_err_allocate_group(EFAULT, self->fd, &group);
		group.flags = 0;
		group.spacing = 0;
		group.deadline = FREQ_FOR_EVER;
		test_err_allocate_group(EFAULT, self->fd, &group);
		group.deadline = 0;
	}
	page = page_map(PROT_READ);
	ASSERT_NE(NULL, page);
	group.granted = (uintptr_t)page;
	test_err_allocate_group(EFAULT, self->fd, &group);
	EXPECT_EQ(-EFAULT, try_allocate_group(self->fd, page_straddle(8)));
	EXPECT_UNCHANGED();
	/* Aligned to nothing, and in a page that is not there yet. */
	page = page_map(PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, page);
	group.granted = (uintptr_t)page + 3;
	test_allocate_group(self->fd, &group);
}

TEST_F(group, permissions)
{
	const __s64 ahead = FREQ_RESERVE_MAX_NS + 10 * NS_PER_S;
	int user, reader;
	struct ask ask;

	reader = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(reader, 0);
	EXPECT_ERROR(EPERM, reader, LOWEST(1));
	EXPECT_ERROR(EPERM, reader, LOWEST(0));
	EXPECT_ERROR(EPERM, reader, LOWEST(~0U, { 2, 1 }));
	EXPECT_EQ(-EPERM, try_ioctl(reader, FREQ_IOC_ALLOCATE_GROUP, (void *)8));
	close(reader);
	EXPECT_UNCHANGED();

	/* As root, for as long as it likes. */
	EXPECT_GETS(self->fd, wait_for(LOWEST(1), RESERVE, FREQ_FOR_EVER), 100);
	user = open_client_as(USER_A);
	ASSERT_GE(user, 0);
	ASSERT_EQ(0, seteuid(USER_A));
	ask = wait_for(LOWEST(1), RESERVE, monotonic_ns(ahead));
	EXPECT_ERROR(EPERM, user, ask);
	EXPECT_ERROR(EPERM, user, wait_for(LOWEST(1), RESERVE, FREQ_FOR_EVER));
	/* For 60 s, and until some time that is past. */
	EXPECT_GETS(user, wait_for(LOWEST(1), RESERVE,
				   monotonic_ns(FREQ_RESERVE_MAX_NS)), 101);
	EXPECT_GETS(user, wait_for(LOWEST(1), RESERVE, 1), 102);
	EXPECT_ERROR(ETIMEDOUT, user,
		     wait_for(LOWEST(2, { 102, 103 }), RESERVE, 1));
	/* Without reserving, for ever. */
	EXPECT_GETS(user, WAIT(1), 103);
	ASSERT_EQ(0, seteuid(0));
	close(user);
}

#define grown_to(size)	sized(FREQ_IOC_ALLOCATE_GROUP, size)

TEST_F(group, sizes)
{
	static const size_t longer[] = { 57, 64, 72, 127, 128, 129, 200, 5000 };
	static char argument[8192];
	struct freq_group *group = (void *)argument;
	struct freq_granted room[1];
	size_t i;

	*group = (struct freq_group) {
		.granted = (uintptr_t)room,
		.count = 1,
	};
	for (i = 0; i < sizeof(*group); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, grown_to(i), argument));
	EXPECT_UNCHANGED();
	for (i = 0; i < ARRAY_SIZE(longer); i++) {
		ASSERT_EQ(0, try_ioctl(self->fd, grown_to(longer[i]), argument));
		EXPECT_EQ(100, room[0].frequency);
		test_deallocate(self->fd, 100);
		argument[sizeof(*group)] = 1;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd, grown_to(longer[i]),
					    argument));
		argument[sizeof(*group)] = 0;
		if (longer[i] > ARGUMENT_MAX)
			continue;
		argument[longer[i] - 1] = 1;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd, grown_to(longer[i]),
					    argument));
		argument[longer[i] - 1] = 0;
	}
	/* The argument only goes in. */
	EXPECT_EQ(1, group->count);
	EXPECT_UNCHANGED();
}

#ifdef __x86_64__
TEST_F(group, from_32_bit)
{
	char *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct freq_group *group = (void *)page;
	struct freq_span *spans = (void *)(page + 128);
	struct freq_granted *granted = (void *)(page + 256);

	ASSERT_NE(MAP_FAILED, page);
	spans[0] = (struct freq_span) { 150, 150 };
	spans[1] = (struct freq_span) { 120, 129 };
	group->spans = (uintptr_t)spans;
	group->granted = (uintptr_t)granted;
	group->span_count = 2;
	group->count = 2;
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_ALLOCATE_GROUP, group));
	EXPECT_EQ(150, granted[0].frequency);
	EXPECT_EQ(120, granted[1].frequency);
	EXPECT_EQ(grant_of(self->fd, 120), granted[1].grant);
	group->count = 10;
	EXPECT_EQ(-ENOSPC, compat_ioctl(self->fd, FREQ_IOC_ALLOCATE_GROUP,
					group));
	group->deadline = 1;
	EXPECT_EQ(-ETIMEDOUT, compat_ioctl(self->fd, FREQ_IOC_ALLOCATE_GROUP,
					   group));
}
#endif

/* ---- Releases that do not know it */

FIXTURE(older) { };

FIXTURE_VARIANT(older) {
	const char *release;
};

RELEASE_VARIANT(older, v1);
RELEASE_VARIANT(older, v2);

FIXTURE_SETUP(older)
{
	ASSERT_EQ(0, server_start(variant->release, NULL));
}

FIXTURE_TEARDOWN(older)
{
	EXPECT_EQ(0, test_clean());
}

/* Whatever the argument is. */
TEST_F(older, unknown)
{
	int fd = open_client();
	int reader = open(DEVICE, O_RDONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_GE(reader, 0);
	EXPECT_ERROR(ENOTTY, fd, LOWEST(1));
	EXPECT_ERROR(ENOTTY, fd, LOWEST(0));
	EXPECT_ERROR(ENOTTY, reader, WAIT(1));
	EXPECT_EQ(-ENOTTY, try_ioctl(fd, FREQ_IOC_ALLOCATE_GROUP, NULL));
}

/* ---- A model */

#define MODEL_MAX	800
#define NOBODY		(-1)

/**
 * struct frequency - one frequency, as it should be
 * @number: the frequency
 * @owner: index in waiters of the client that holds it, or NOBODY
 * @since: the order of the allocations
 */
struct frequency {
	__u64 number;
	int owner;
	__u64 since;
};

/**
 * struct model - all of the server, as it should be
 * @pool: by number
 * @nr_pool: how many
 * @free: those that are free, in the order in which they are given out
 * @nr_free: how many
 * @queue: those that wait, the one that does so longest first
 * @nr_queue: how many
 * @last: number of the last allocation
 * @fd: the client that watches
 * @release: the module that runs
 * @seed: of the random numbers
 */
struct model {
	struct frequency pool[MODEL_MAX];
	int nr_pool;
	__u64 free[MODEL_MAX];
	int nr_free;
	struct waiter *queue[WAITERS];
	int nr_queue;
	__u64 last;
	int fd;
	const char *release;
	__u64 seed;
};

static struct model model;

static int index_of(const struct waiter *waiter)
{
	return waiter - waiters;
}

/* Where a number is, or would be, in the pool. */
static int place_of(__u64 number)
{
	int low = 0, high = model.nr_pool;

	while (low < high) {
		int middle = (low + high) / 2;

		if (model.pool[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct frequency *find(__u64 number)
{
	int at = place_of(number);

	return at < model.nr_pool && model.pool[at].number == number ?
	       &model.pool[at] : NULL;
}

static bool is_in(const struct freq_span *span, __u64 number)
{
	return number >= span->first && number <= span->last;
}

static const struct freq_span all = { 0, ~0ULL };

/* The spans of a request; that of the whole pool if it has none. */
static const struct freq_span *spans_of(const struct ask *ask, __u32 *count)
{
	*count = ask->group.span_count ?: 1;
	return ask->group.span_count ? ask->spans : &all;
}

/* Takes one from where it stands among the free ones. */
static void model_take(struct waiter *waiter, __u64 number)
{
	struct frequency *frequency = find(number);
	int i;

	for (i = 0; model.free[i] != number; i++)
		;
	model.nr_free--;
	memmove(&model.free[i], &model.free[i + 1],
		(model.nr_free - i) * sizeof(*model.free));
	frequency->owner = index_of(waiter);
	frequency->since = ++model.last;
	waiter->have[waiter->nr_have++ % FREQ_GROUP_MAX] = number;
}

/* In front of the free ones. */
static void model_put(__u64 number)
{
	memmove(&model.free[1], &model.free[0],
		model.nr_free++ * sizeof(*model.free));
	model.free[0] = number;
	find(number)->owner = NOBODY;
}

static void model_add(__u64 number)
{
	int at = place_of(number);

	memmove(&model.pool[at + 1], &model.pool[at],
		(model.nr_pool++ - at) * sizeof(*model.pool));
	model.pool[at] = (struct frequency) {
		.number = number,
		.owner = NOBODY,
	};
	model.free[model.nr_free++] = number;
}

static bool usable(const struct frequency *frequency, bool of_any)
{
	return frequency && (of_any || frequency->owner == NOBODY);
}

static __u32 model_lowest(const struct ask *ask, __u32 count, bool of_any,
			  __u64 *found)
{
	static bool seen[MODEL_MAX];
	const struct freq_span *spans;
	__u32 nr_spans, at, nr = 0;
	int i;

	memset(seen, 0, sizeof(seen));
	spans = spans_of(ask, &nr_spans);
	for (at = 0; at < nr_spans; at++) {
		for (i = 0; i < model.nr_pool && nr < count; i++) {
			if (seen[i] || !usable(&model.pool[i], of_any) ||
			    !is_in(&spans[at], model.pool[i].number))
				continue;
			seen[i] = true;
			found[nr++] = model.pool[i].number;
		}
	}
	return nr;
}

static bool model_row_at(const struct ask *ask, const struct freq_span *span,
			 __u64 number, bool of_any, __u64 *found)
{
	__u32 i;

	for (i = 0; i < ask->group.count; i++) {
		if (!is_in(span, number) || !usable(find(number), of_any))
			return false;
		found[i] = number;
		if (i + 1 < ask->group.count &&
		    number + ask->group.spacing < number)
			return false;
		number += ask->group.spacing;
	}
	return true;
}

static bool model_row(const struct ask *ask, bool of_any, __u64 *found)
{
	const struct freq_span *spans;
	__u32 nr_spans, at;
	int i;

	spans = spans_of(ask, &nr_spans);
	for (at = 0; at < nr_spans; at++)
		for (i = 0; i < model.nr_pool; i++)
			if (model_row_at(ask, &spans[at], model.pool[i].number,
					 of_any, found))
				return true;
	return false;
}

/* What the request would be answered with: 0, or the errno. */
static int model_find(const struct ask *ask, __u64 *found)
{
	__u32 count = ask->group.count;
	struct frequency *one;
	__u64 room[FREQ_GROUP_MAX];

	if (ask->single && ask->group.flags & EXACT) {
		one = find(ask->spans[0].first);
		found[0] = ask->spans[0].first;
		return !one ? -ENOENT : one->owner == NOBODY ? 0 : -EBUSY;
	}
	if (ask->single) {
		found[0] = model.free[0];
		return model.nr_free ? 0 : -ENOSPC;
	}
	if (ask->group.flags & ROW) {
		if (model_row(ask, false, found))
			return 0;
		return model_row(ask, true, room) ? -ENOSPC : -ENOENT;
	}
	if (model_lowest(ask, count, false, found) == count)
		return 0;
	return model_lowest(ask, count, true, room) == count ? -ENOSPC :
							       -ENOENT;
}

static bool wants_one(const struct ask *ask)
{
	return ask->single || ask->group.count == 1 ||
	       ask->group.flags & RESERVE;
}

static void model_leave(struct waiter *waiter, int result)
{
	int i;

	for (i = 0; model.queue[i] != waiter; i++)
		;
	model.nr_queue--;
	memmove(&model.queue[i], &model.queue[i + 1],
		(model.nr_queue - i) * sizeof(*model.queue));
	waiter->waits = false;
	waiter->want = result;
}

/* Returns whether the waiter still waits. */
static bool model_give(struct waiter *waiter, __u64 number)
{
	model_take(waiter, number);
	if (waiter->nr_have == waiter->ask.group.count)
		model_leave(waiter, 0);
	return waiter->waits;
}

/* One of those that a waiter for single ones would take, if there is any */
static bool model_fits(const struct ask *ask, __u64 *number)
{
	if (!wants_one(ask))
		return false;
	if (ask->single)
		return !model_find(ask, number);
	return model_lowest(ask, 1, false, number);
}

/* Those that want several look, the oldest first. */
static void model_look(void)
{
	__u64 found[FREQ_GROUP_MAX];
	struct waiter *waiter;
	int i = 0;
	__u32 j;

	while (i < model.nr_queue) {
		waiter = model.queue[i];
		if (wants_one(&waiter->ask) ||
		    model_find(&waiter->ask, found)) {
			i++;
			continue;
		}
		for (j = 0; j < waiter->ask.group.count; j++)
			model_take(waiter, found[j]);
		model_leave(waiter, 0);
	}
}

/* When many have come free: each gets what it wants, the oldest first. */
static void model_serve(void)
{
	struct waiter *waiter;
	__u64 number;
	int i = 0;

	while (i < model.nr_queue) {
		waiter = model.queue[i];
		if (!model_fits(&waiter->ask, &number))
			i++;
		else
			model_give(waiter, number);
	}
	model_look();
}

/* When one has come free: the oldest that it fits. */
static void model_offer(__u64 number)
{
	const struct ask *ask;
	const struct freq_span *spans;
	__u32 nr_spans, at;
	int i;

	model_put(number);
	for (i = 0; i < model.nr_queue; i++) {
		ask = &model.queue[i]->ask;
		if (!wants_one(ask))
			continue;
		spans = spans_of(ask, &nr_spans);
		if (ask->single) {
			spans = ask->group.flags & EXACT ? ask->spans : &all;
			nr_spans = 1;
		}
		for (at = 0; at < nr_spans; at++)
			if (is_in(&spans[at], number))
				break;
		if (at < nr_spans) {
			model_give(model.queue[i], number);
			return;
		}
	}
	model_look();
}

static int model_begin(int fd, const char *release, __u64 seed)
{
	__u64 i;

	memset(&model, 0, sizeof(model));
	model.fd = fd;
	model.release = release;
	model.seed = seed;
	for (i = 0; i < POOL; i++)
		model_add(POOL_FIRST + i);
	return 0;
}

static __u64 below(__u64 limit)
{
	return random_below(&model.seed, limit);
}

/* LIST has the same frequencies, and the same ones of them are free. */
static int model_compare(void)
{
	static struct freq_entry entries[MODEL_MAX + 1];
	struct freq_list list = {
		.entries = (uintptr_t)entries,
		.count = MODEL_MAX + 1,
	};
	int i;

	if (differ(0, try_list(model.fd, &list)))
		return -1;
	/* The first page can be short while the order is made anew. */
	if (list.cursor) {
		struct listing listing;

		if (differ(0, listing_take(&listing, model.fd, 0,
					   FREQ_LIST_MAX)))
			return -1;
		if (differ(model.nr_pool, listing.count))
			return -1;
		memcpy(entries, listing.entries,
		       listing.count * sizeof(*entries));
		list.count = listing.count;
		listing_free(&listing);
	}
	if (differ(model.nr_pool, list.count))
		return -1;
	for (i = 0; i < model.nr_pool; i++)
		if (differ(model.pool[i].number, entries[i].frequency) ||
		    differ(model.pool[i].owner != NOBODY,
			   !!(entries[i].flags & FREQ_ENTRY_ALLOCATED)))
			return -1;
	return 0;
}

static struct freq_span random_span(void)
{
	const struct frequency *one = &model.pool[below(model.nr_pool)];
	const struct frequency *other = &model.pool[below(model.nr_pool)];
	__u64 first = one->number, last = other->number;

	switch (below(8)) {
	case 0:
		last = first;
		break;
	case 1:
		first -= below(3);
		break;
	case 2:
		last += below(3);
		break;
	case 3:
		first = 0;
		break;
	case 4:
		last = ~0ULL;
		break;
	case 5:
		last = first + below(20);
		break;
	case 6:
		first = below(2) ? last : last - below(last / 2 + 1);
		break;
	}
	return first <= last ? (struct freq_span) { first, last } :
			       (struct freq_span) { last, first };
}

static struct ask random_lowest(__u32 count, __u32 nr_spans)
{
	struct ask ask = { .group.count = count, .group.span_count = nr_spans };

	while (nr_spans--)
		ask.spans[nr_spans] = random_span();
	return ask;
}

static struct ask random_row(__u32 count, __u32 nr_spans)
{
	struct ask ask = random_lowest(count, nr_spans);

	ask.group.flags = ROW;
	ask.group.spacing = 1 + below(3);
	return ask;
}

/* Some of what a client holds, in any order. */
static __u32 random_held(const struct waiter *owner, __u64 *list, __u32 max)
{
	__u32 count = 0;
	int i;

	for (i = 0; i < model.nr_pool && count < max; i++)
		if (model.pool[i].owner == index_of(owner) && below(3))
			list[count++] = model.pool[i].number;
	if (count)
		shuffle(list, count, &model.seed);
	return count;
}

static int model_deallocate(struct waiter *owner)
{
	__u64 list[MODEL_MAX];

	if (!random_held(owner, list, MODEL_MAX))
		return 0;
	model_offer(list[0]);
	return differ(0, try_deallocate(owner->fd, list[0]));
}

static int model_deallocate_batch(struct waiter *owner, __u32 max)
{
	__u64 list[FREQ_BATCH_MAX];
	__u32 count = random_held(owner, list, max), i;

	if (!count)
		return 0;
	for (i = 0; i < count; i++)
		model_put(list[i]);
	model_serve();
	return differ(0, try_deallocate_batch(owner->fd, list, count, NULL));
}

/* In the order of the allocations, in front of the others. */
static void model_close(struct waiter *owner)
{
	struct frequency *last;
	bool any = false;
	int i;

	for (;;) {
		last = NULL;
		for (i = 0; i < model.nr_pool; i++)
			if (model.pool[i].owner == index_of(owner) &&
			    (!last || model.pool[i].since > last->since))
				last = &model.pool[i];
		if (!last)
			break;
		any = true;
		model_put(last->number);
	}
	if (any)
		model_serve();
	waiter_close(owner);
}

static int model_inject(__u32 max)
{
	__u64 list[64], number;
	bool ascends = below(2);
	__u32 count = 0, tries, i;

	for (tries = 0; tries < max && model.nr_pool + max < MODEL_MAX;
	     tries++) {
		number = model.pool[model.nr_pool - 1].number;
		number = ascends && number < ~0ULL - 100 ?
			 number + count + 1 + (count ? 0 : below(3)) :
			 below(1000);
		if (ascends && count)
			number = list[count - 1] + 1 + below(3);
		if (!below(200))
			number = below(2) ? ~0ULL : 0;
		for (i = 0; i < count && list[i] != number; i++)
			;
		if (i == count && !find(number))
			list[count++] = number;
	}
	if (!count)
		return 0;
	for (i = 0; i < count; i++)
		model_add(list[i]);
	model_serve();
	return differ(0, try_inject(model.fd, list, count, NULL));
}

static int model_upgrade(const char *to)
{
	const char *from = model.release;

	model.release = to;
	return differ(0, server_upgrade(from, to));
}

static int model_toggle(void)
{
	return model_upgrade(strcmp(model.release, "freq_v3") ? "freq_v3" :
								"freq_v90");
}

/* ---- The model, without waiting */

#define CLIENTS		4

/* Of a request that does not wait: the answer, and what is so then. */
static int model_ask(struct waiter *client, struct ask ask)
{
	__u64 found[FREQ_GROUP_MAX];
	int want = model_find(&ask, found);
	__u32 i;

	if (differ(want, try_ask(client->fd, &ask)))
		return -1;
	for (i = 0; !want && i < ask.group.count; i++) {
		if (differ(found[i], ask.granted[i].frequency))
			return -1;
		model_take(client, found[i]);
	}
	return !want && !below(16) &&
	       !reply_is(client->fd, &ask, found, ask.group.count);
}

static int step_without_waiting(void)
{
	struct waiter *client = &waiters[below(CLIENTS)];

	switch (below(24)) {
	case 0 ... 6:
		return model_ask(client, random_lowest(1 + below(12),
						       below(17)));
	case 7:
		return model_ask(client, random_lowest(1 + below(64),
						       below(3)));
	case 8 ... 10:
		return model_ask(client, random_row(1 + below(6), below(5)));
	case 11:
		return model_ask(client, single_of(0, 0));
	case 12:
		return model_ask(client,
				 single_of(EXACT, random_span().first));
	case 13 ... 18:
		return model_deallocate(client);
	case 19:
	case 20:
		return model_deallocate_batch(client, 1 + below(64));
	case 21:
		if (below(4))
			return 0;
		model_close(client);
		client->fd = open_client();
		return fails(client->fd >= 0);
	case 22:
		return model_inject(1 + below(20));
	default:
		if (!below(40))
			return model_upgrade("freq_v2") ||
			       model_upgrade("freq_v1") ||
			       model_upgrade("freq_v3");
		return below(8) ? 0 : model_toggle();
	}
}

TEST_F_TIMEOUT(group, as_the_model, 120)
{
	int i;

	ASSERT_EQ(0, model_begin(self->fd, variant->release,
				 release_number(variant->release)));
	for (i = 0; i < CLIENTS; i++) {
		waiters[i].fd = open_client();
		ASSERT_GE(waiters[i].fd, 0);
		waiters[i].joined = true;
	}
	nr_waiters = CLIENTS;
	for (i = 0; i < rounds(2000); i++) {
		ASSERT_EQ(0, step_without_waiting()) {
			TH_LOG("step %d", i);
		}
		if (!(i % 16))
			ASSERT_EQ(0, model_compare()) {
				TH_LOG("step %d", i);
			}
	}
	TH_LOG("%d frequencies in the end, %d free", model.nr_pool,
	       model.nr_free);
	EXPECT_TRUE(log_silent(self->log));
}

/* All that a close gives back, in several holds, is found again. */
TEST_F(group, closed_with_many)
{
	struct ask ask = LOWEST(64);
	int other = open_client();
	__u64 list[200];
	int i, j;

	ASSERT_GE(other, 0);
	for (i = 0; i < 200; i++)
		list[i] = 1000 - i;
	ASSERT_EQ(0, try_inject(self->fd, list, 200, NULL));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, try_ask(other, &ask));
	EXPECT_EQ(300 - 256, count_free(self->fd));
	close(other);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, try_ask(self->fd, &ask));
		for (j = 0; j < 64; j++) {
			int rank = i * 64 + j;

			ASSERT_EQ(rank < 100 ? 100 + rank : 701 + rank,
				  ask.granted[j].frequency);
		}
	}
}

/* ---- The model, with waiting */

/* How many of the model's waiters there are at a time. */
#define WAITING_MAX	14

static bool model_ended(struct waiter *waiter)
{
	bool ok = ended(waiter, waiter->want);

	if (ok && !waiter->want)
		ok = reply_is(waiter->fd, &waiter->ask, waiter->have,
			      waiter->nr_have);
	waiter->nr_have = 0;
	return ok;
}

/* Each that is to have been served is, and no other. */
static int model_settle(void)
{
	struct waiter *waiter;

	for (waiter = waiters; waiter < waiters + nr_waiters; waiter++) {
		if (!waiter->joined && !waiter->waits && !model_ended(waiter))
			return -1;
	}
	if (fails(wait_until(is_settled())))
		return -1;
	for (waiter = waiters; waiter < waiters + nr_waiters; waiter++)
		if (waiter->waits && fails(!is_done(waiter)))
			return -1;
	return differ(model.nr_queue, waiters_of(model.fd)) ||
	       model_compare();
}

static struct ask random_ask(void)
{
	switch (below(8)) {
	case 0:
		return WAIT_FOR_ANY();
	case 1:
		return wait_for(single_of(EXACT, random_span().first), 0,
				FREQ_FOR_EVER);
	case 2:
	case 3:
		return wait_for(random_lowest(1, below(5)), 0, FREQ_FOR_EVER);
	case 4:
		return wait_for(random_lowest(1 + below(6), below(4)), RESERVE,
				FREQ_FOR_EVER);
	case 5:
		return wait_for(random_row(2 + below(3), below(4)), 0,
				FREQ_FOR_EVER);
	default:
		return wait_for(random_lowest(2 + below(8), below(5)), 0,
				FREQ_FOR_EVER);
	}
}

static int model_queue(void)
{
	struct ask ask = random_ask();
	struct waiter *waiter;
	__u64 found[FREQ_GROUP_MAX];
	__u32 count, i;

	if (model.nr_queue == WAITING_MAX)
		return 0;
	waiter = waiter_make(open_client(), ask);
	if (!waiter)
		return -1;
	waiter->want = model_find(&ask, found);
	count = waiter->want ? 0 : ask.group.count;
	if (waiter->want == -ENOSPC || waiter->want == -EBUSY) {
		waiter->waits = true;
		model.queue[model.nr_queue++] = waiter;
		if (ask.group.flags & RESERVE)
			count = model_lowest(&ask, ask.group.count, false,
					     found);
	}
	for (i = 0; i < count; i++)
		model_take(waiter, found[i]);
	return !waiter_run(waiter, model.fd);
}

static int model_interrupt(void)
{
	struct waiter *waiter;

	if (!model.nr_queue)
		return 0;
	waiter = model.queue[below(model.nr_queue)];
	model_leave(waiter, -EINTR);
	while (waiter->nr_have)
		model_put(waiter->have[--waiter->nr_have]);
	if (waiter->ask.group.flags & RESERVE)
		model_serve();
	return differ(0, pthread_kill(waiter->thread, SIGUSR1));
}

/* One that waits for nothing, and has something, or has nothing any more. */
static struct waiter *random_owner(void)
{
	struct waiter *waiter = &waiters[below(nr_waiters)];

	return waiter->joined && waiter->fd >= 0 ? waiter : &waiters[0];
}

static int model_end_one(void)
{
	struct waiter *waiter = random_owner();

	if (waiter != &waiters[0])
		model_close(waiter);
	return 0;
}

static int step_with_waiting(void)
{
	switch (below(20)) {
	case 0 ... 4:
		return model_queue();
	case 5 ... 10:
		return model_deallocate(random_owner());
	case 11 ... 13:
		return model_deallocate_batch(random_owner(), 1 + below(12));
	case 14:
	case 15:
		return model_end_one();
	case 16:
		return model_ask(&waiters[0], single_of(0, 0));
	case 17:
		return model_interrupt();
	case 18:
		return below(4) ? 0 : model_inject(1 + below(4));
	default:
		return below(4) ? 0 : model_toggle();
	}
}

TEST_F_TIMEOUT(group, waiting_as_the_model, 240)
{
	int asked = 0, i;

	ASSERT_EQ(0, model_begin(self->fd, variant->release,
				 release_number(variant->release)));
	waiters[0].fd = open_client();
	waiters[0].joined = true;
	nr_waiters = 1;
	ASSERT_EQ(0, hold_all(waiters[0].fd, POOL));
	for (i = 0; i < POOL; i++)
		model_take(&waiters[0], POOL_FIRST + i);
	for (i = 0; i < rounds(500); i++) {
		asked = model.nr_queue;
		ASSERT_EQ(0, step_with_waiting() || model_settle()) {
			TH_LOG("step %d, %d in the queue", i, asked);
		}
	}
	TH_LOG("%d still wait, for %d of %d", model.nr_queue, model.nr_free,
	       model.nr_pool);
	while (model.nr_queue)
		ASSERT_EQ(0, model_interrupt() || model_settle());
	EXPECT_TRUE(log_silent(self->log));
}

/* ---- Waiting for one */

static int nr_handled(void)
{
	return __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
}

static bool holds(int fd, __u64 frequency)
{
	struct freq_grant_entry entry;

	return !grant_find(fd, frequency, &entry) &&
	       entry.flags & FREQ_ENTRY_MINE;
}

/* It is the waiter's already, whether its thread has run since or not. */
#define EXPECT_SERVED(who, frequency) ({				\
	struct waiter *__served = (who);				\
									\
	EXPECT_TRUE(holds(__served->fd, frequency));			\
	EXPECT_GOT(__served, frequency);				\
})

FIXTURE(waiting) {
	int log;
	int fd;
};

FIXTURE_VARIANT(waiting) {
	const char *release;
	const char *other;
};

RELEASE_VARIANT(waiting, v3, .other = "freq_v90");

/* 100 to 199, all of them held. */
FIXTURE_SETUP(waiting)
{
	ASSERT_EQ(0, allow_descriptors());
	ASSERT_EQ(0, handle_signals());
	ASSERT_EQ(0, server_start(variant->release, POOL_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, hold_all(self->fd, POOL));
	self->log = log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(waiting)
{
	EXPECT_TRUE(waiters_end());
	EXPECT_EQ(0, test_clean());
}

/* Whatever the spans of who subscribes */
TEST_F(waiting, is_recorded)
{
	struct freq_span elsewhere = { 5, 6 };
	struct freq_subscribe wanted = {
		.spans = (uintptr_t)&elsewhere,
		.span_count = 1,
		.kinds = 1 << FREQ_RECORD_WAITING,
		.record_size = sizeof(struct freq_record),
	};
	int watcher = open_client();
	struct freq_record record;
	struct ask pool = WAIT(2);

	ASSERT_GE(watcher, 0);
	ASSERT_EQ(0, try_subscribe(watcher, &wanted));
	QUEUE(WAIT(1, { 130, 139 }, { 110, 119 }));
	test_read_records(watcher, &record, 1);
	EXPECT_EQ(FREQ_RECORD_GROUP, record.flags);
	EXPECT_EQ(130, record.frequency);
	EXPECT_EQ(FREQ_FOR_EVER, record.value);
	QUEUE(pool);
	test_read_records(watcher, &record, 1);
	EXPECT_EQ(FREQ_RECORD_ANY, record.flags);
	EXPECT_EQ(0, record.frequency);
	close(watcher);
}

TEST_F(waiting, served_in_turn)
{
	struct waiter *band, *any, *exact, *mate, *other;
	int fd = self->fd;

	other = QUEUE(WAIT(1, { 150, 159 }));
	band = QUEUE(WAIT(1, { 110, 119 }, { 130, 139 }));
	any = QUEUE(WAIT_FOR_ANY());
	exact = QUEUE(WAIT_FOR_EXACT(131));
	mate = QUEUE(WAIT(1, { 110, 119 }, { 130, 139 }));

	/* In the same hold: nobody has seen it free. */
	test_deallocate(fd, 131);
	EXPECT_WAITING(4);
	EXPECT_EQ(0, count_free(fd));
	EXPECT_SERVED(band, 131);
	test_deallocate(band->fd, 131);
	EXPECT_SERVED(any, 131);
	test_deallocate(any->fd, 131);
	EXPECT_SERVED(exact, 131);
	test_deallocate(exact->fd, 131);
	EXPECT_SERVED(mate, 131);
	/* The one of another band has not been in the way. */
	EXPECT_FALSE(is_done(other));
	test_deallocate(mate->fd, 131);
	EXPECT_EQ(1, count_free(fd));
	EXPECT_WAITING(1);
	test_deallocate(fd, 159);
	EXPECT_SERVED(other, 159);
	EXPECT_LT(band->ask.granted[0].grant, any->ask.granted[0].grant);
	EXPECT_LT(any->ask.granted[0].grant, exact->ask.granted[0].grant);
	EXPECT_LT(exact->ask.granted[0].grant, mate->ask.granted[0].grant);
	EXPECT_TRUE(log_silent(self->log));
}

TEST_F(waiting, whole_pool_is_a_band)
{
	struct waiter *whole, *spelled, *any;

	whole = QUEUE(WAIT(1));
	spelled = QUEUE(WAIT(1, { 0, ~0ULL }));
	any = QUEUE(WAIT_FOR_ANY());
	test_deallocate_batch(self->fd, 150, 120, 180, 190);
	EXPECT_WAITING(0);
	EXPECT_SERVED(whole, 120);
	EXPECT_SERVED(spelled, 150);
	EXPECT_SERVED(any, 190);
	EXPECT_TRUE(sysfs_is("free", "180\n"));
}

TEST_F(waiting, ends_at_its_deadline)
{
	struct ask kinds[] = {
		LOWEST(1, { 120, 129 }), LOWEST(5, { 120, 129 }),
		ROW_OF(3, 2), LOWEST(2),
	};
	__s64 deadline;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		deadline = monotonic_ns(i * 5 * NS_PER_MS);
		EXPECT_ERROR(ETIMEDOUT, self->fd,
			     wait_for(kinds[i % 4], i % 4 == 3 ? RESERVE : 0,
				      deadline));
		EXPECT_LE(deadline, monotonic_ns(0));
		EXPECT_WAITING(0);
	}
	EXPECT_EQ(0, count_free(self->fd));
}

/* Each of the waiters for the same spans can leave, also the first. */
TEST_F(waiting, leaves_from_anywhere)
{
	struct waiter *queue[7];
	int i;

	for (i = 0; i < 7; i++)
		queue[i] = QUEUE(i == 3 ? WAIT(1, { 120, 120 }) :
					  WAIT(1, { 120, 129 }));
	for (i = 0; i < 7; i += 2) {
		ASSERT_EQ(0, pthread_kill(queue[i]->thread, SIGUSR1));
		EXPECT_TRUE(ended(queue[i], -EINTR));
	}
	EXPECT_WAITING(3);
	for (i = 1; i < 7; i += 2) {
		test_deallocate(i == 1 ? self->fd : queue[i - 2]->fd, 120);
		EXPECT_SERVED(queue[i], 120);
	}
	EXPECT_WAITING(0);
}

/* It waits anew, behind those that came meanwhile. */
TEST_F(waiting, restarted)
{
	struct waiter *first, *second;

	first = QUEUE(WAIT(1, { 120, 129 }));
	second = QUEUE(WAIT(1, { 120, 129 }));
	ASSERT_EQ(0, pthread_kill(first->thread, SIGUSR2));
	/* Its handler runs when it has left the queue. */
	ASSERT_TRUE(wait_until(nr_handled() == 1 &&
			       waiters_of(self->fd) == 2));
	test_deallocate(self->fd, 120);
	EXPECT_SERVED(second, 120);
	test_deallocate(second->fd, 120);
	EXPECT_SERVED(first, 120);
}

static int ask_in_child(int line, void *data)
{
	int fd = open_client();

	if (fails(fd >= 0) || line_say(line, 'a') ||
	    differ(0, try_ask(fd, data)))
		return -1;
	return line_say(line, 'g') || line_hear(line, 'b');
}

static int start_child(struct child *child, int watch, struct ask ask)
{
	__u32 before = waiters_of(watch);

	return child_start(child, ask_in_child, &ask) ||
	       line_hear(child->line, 'a') ||
	       fails(wait_until(waiters_of(watch) == before + 1));
}

/* The leader of a band, a mate, and those that want several. */
TEST_F(waiting, killed)
{
	const struct ask kinds[] = {
		WAIT(1, { 120, 129 }), WAIT(1, { 120, 129 }),
		WAIT(3, { 120, 129 }), WAIT_ROW(2, 2, { 120, 129 }),
	};
	struct child children[ARRAY_SIZE(kinds)];
	struct waiter *band, *several;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		ASSERT_EQ(0, start_child(&children[i], self->fd, kinds[i]));
	band = QUEUE(WAIT(1, { 120, 129 }));
	several = QUEUE(WAIT(2, { 120, 129 }));
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		EXPECT_EQ(128 + SIGKILL, child_kill(&children[i]));
	EXPECT_WAITING(2);
	test_deallocate(self->fd, 120);
	EXPECT_SERVED(band, 120);
	test_deallocate(self->fd, 122);
	test_deallocate(self->fd, 121);
	EXPECT_GOT(several, 121, 122);
}

/* ---- Many that wait */

#define MANY		200

/* No frequency is free that somebody waits for. */
static bool nobody_fits(int fd)
{
	struct freq_entry entries[POOL];
	struct freq_list list = {
		.entries = (uintptr_t)entries,
		.count = POOL,
		.flags = FREQ_LIST_FREE,
	};
	bool fits = try_list(fd, &list) || list.cursor;
	__u32 i;
	int j;

	for (i = 0; i < list.count; i++)
		for (j = 0; j < nr_waiters; j++)
			fits |= !is_done(&waiters[j]) &&
				is_in(waiters[j].ask.spans,
				      entries[i].frequency);
	return !fits;
}

/* More sets of spans than are looked through in the hold of who frees. */
TEST_F_TIMEOUT(waiting, many_bands, 60)
{
	struct waiter *queue[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		queue[i] = QUEUE(WAIT(1, { i, POOL_FIRST + i % POOL }));
	/* 0 to 199 - i % 100: 199 is in two of them only, 100 in all. */
	test_deallocate(self->fd, 199);
	EXPECT_GOT(queue[99], 199);
	EXPECT_WAITING(MANY - 1);
	test_deallocate(queue[99]->fd, 199);
	EXPECT_GOT(queue[199], 199);
	ASSERT_EQ(0, server_upgrade(variant->release, variant->other));
	EXPECT_WAITING(MANY - 2);
	for (i = 0; i < 20; i++) {
		test_deallocate(i ? queue[i - 1]->fd : self->fd, 100);
		EXPECT_GOT(queue[i], 100);
	}
	/* What is asked for before the timer has run is not given away. */
	test_deallocate(queue[19]->fd, 100);
	test_err_allocate(ENOSPC, self->fd);
	EXPECT_GOT(queue[20], 100);
	for (i = 21; i < MANY; i += 3)
		ASSERT_EQ(0, pthread_kill(queue[i]->thread, SIGUSR1));
	for (i = 21; i < MANY; i += 3)
		if (i != 99)
			EXPECT_TRUE(ended(queue[i], -EINTR));
	/* All the others at once. */
	for (i = 0; i < POOL; i++)
		if (i && i != 99)
			test_deallocate(self->fd, POOL_FIRST + i);
	test_deallocate(queue[20]->fd, 100);
	test_deallocate(queue[199]->fd, 199);
	EXPECT_TRUE(wait_until(nobody_fits(self->fd)));
	TH_LOG("%u still wait, %d are free", waiters_of(self->fd),
	       count_free(self->fd));
	EXPECT_TRUE(log_silent(self->log));
}

TEST_F_TIMEOUT(waiting, many_mates, 60)
{
	struct waiter *queue[MANY];
	int holder = self->fd;
	int i;

	for (i = 0; i < MANY; i++)
		queue[i] = QUEUE(WAIT(1, { 120, 129 }, { 110, 119 }));
	for (i = 0; i < MANY; i++) {
		if (i == 50)
			ASSERT_EQ(0, server_upgrade(variant->release,
						    variant->other));
		if (i == 100)
			ASSERT_EQ(0, server_upgrade(variant->other,
						    variant->release));
		test_deallocate(holder, 115);
		holder = queue[i]->fd;
		ASSERT_TRUE(holds(holder, 115));
		EXPECT_GOT(queue[i], 115);
	}
}

static int hold_in_child(int line, void *data)
{
	int fd = open_client();

	return fails(fd >= 0) || differ(0, hold_all(fd, POOL)) ||
	       line_say(line, 'a') || line_hear(line, 'b');
}

/* What a process leaves serves as many as it can. */
TEST_F_TIMEOUT(waiting, many_served_by_one_close, 60)
{
	int served[3] = { }, i;
	struct child child;

	close(self->fd);
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, child_start(&child, hold_in_child, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	for (i = 0; i < 60; i++)
		QUEUE(i % 2 ? WAIT(1, { 100, 124 }) :
			      WAIT(1, { 125, 125 + i }));
	for (i = 0; i < 5; i++)
		QUEUE(WAIT(3, { 150, 199 }));
	QUEUE(WAIT_RESERVE(10, { 190, 199 }));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	/* 25 of 30, all 30 of the others, which also take from 150 on. */
	EXPECT_TRUE(wait_until(is_settled() && waiters_of(self->fd) == 5));
	for (i = 0; i < 66; i++)
		served[i >= 60 ? 2 : i % 2] += is_done(&waiters[i]);
	EXPECT_EQ(30, served[0]);
	EXPECT_EQ(25, served[1]);
	EXPECT_EQ(6, served[2]);
	EXPECT_EQ(POOL - 30 - 25 - 15 - 10, count_free(self->fd));
}

/* What is injected in between the others: their order is made anew. */
TEST_F(waiting, injected)
{
	struct waiter *band, *several, *row, *reserved;

	test_inject(self->fd, 1000, 1010, 1020);
	test_allocate_batch(self->fd, 1000, 1010, 1020);
	band = QUEUE(WAIT(1, { 1000, 1009 }));
	reserved = QUEUE(WAIT_RESERVE(2, { 1010, 1019 }, { 1020, 1020 }));
	row = QUEUE(WAIT_ROW(3, 10, { 1000, 1030 }));
	several = QUEUE(WAIT(2, { 1000, 1020 }));
	EXPECT_WAITING(4);
	test_inject(self->fd, 1021, 5, 1005, 1);
	EXPECT_SERVED(band, 1005);
	EXPECT_WAITING(3);
	test_inject(self->fd, 1015, 3, 1004);
	EXPECT_WAITING(3);
	EXPECT_TRUE(holds(reserved->fd, 1015));
	ASSERT_TRUE(wait_until(is_settled()));
	EXPECT_FALSE(is_done(several));
	test_inject(self->fd, 1003, 1012);
	EXPECT_GOT(reserved, 1015, 1012);
	EXPECT_GOT(several, 1003, 1004);
	test_deallocate_batch(self->fd, 1010, 1000, 1020);
	EXPECT_GOT(row, 1000, 1010, 1020);
}

/* ---- Several at once */

TEST_F(waiting, several_keep_nothing)
{
	struct waiter *big, *small, *row;
	int fd = self->fd;

	big = QUEUE(WAIT(5, { 100, 149 }));
	row = QUEUE(WAIT_ROW(2, 30));
	small = QUEUE(WAIT(2, { 140, 160 }));
	test_deallocate(fd, 141);
	test_deallocate(fd, 101);
	test_deallocate(fd, 102);
	ASSERT_TRUE(wait_until(is_settled()));
	EXPECT_TRUE(sysfs_is("free", "101-102,141\n"));
	/* Anybody can have it. */
	test_allocate_exact(fd, 101);
	/* The big one is asked first, but only the small one can be served. */
	test_deallocate(fd, 142);
	EXPECT_GOT(small, 141, 142);
	EXPECT_WAITING(2);
	/* 102 and 132 are a row, and too few for the other one. */
	test_deallocate(fd, 132);
	EXPECT_GOT(row, 102, 132);
	test_deallocate_batch(small->fd, 141, 142);
	test_deallocate_batch(row->fd, 102, 132);
	ASSERT_TRUE(wait_until(is_settled()));
	EXPECT_EQ(4, count_free(fd));
	test_deallocate(fd, 149);
	EXPECT_GOT(big, 102, 132, 141, 142, 149);
	EXPECT_EQ(0, count_free(fd));
}

/* Those that wait for one come first, however long the others have waited. */
TEST_F(waiting, single_ones_first)
{
	struct waiter *several, *band;

	several = QUEUE(WAIT(2, { 120, 121 }));
	band = QUEUE(WAIT(1, { 120, 129 }));
	test_deallocate_batch(self->fd, 120, 121);
	EXPECT_SERVED(band, 120);
	ASSERT_TRUE(wait_until(is_settled()));
	EXPECT_FALSE(is_done(several));
	test_deallocate(band->fd, 120);
	EXPECT_GOT(several, 120, 121);
}

/* ---- With a reservation */

TEST_F(waiting, reserve_keeps)
{
	struct waiter *first, *second, *any;
	int fd = self->fd;

	test_deallocate_batch(fd, 125, 121, 180);
	first = QUEUE(WAIT_RESERVE(4, { 120, 129 }));
	/* What was free is its own at once. */
	EXPECT_TRUE(holds(first->fd, 121));
	EXPECT_TRUE(holds(first->fd, 125));
	EXPECT_TRUE(sysfs_is("free", "180\n"));
	test_allocate_exact(fd, 180);
	any = QUEUE(WAIT_FOR_ANY());
	second = QUEUE(WAIT_RESERVE(2, { 120, 139 }));
	test_deallocate(fd, 130);
	EXPECT_SERVED(any, 130);
	test_deallocate(fd, 124);
	EXPECT_TRUE(holds(first->fd, 124));
	EXPECT_FALSE(is_done(first));
	EXPECT_WAITING(2);
	ASSERT_EQ(0, server_upgrade(variant->release, variant->other));
	test_deallocate(fd, 131);
	EXPECT_TRUE(holds(second->fd, 131));
	test_deallocate(fd, 120);
	EXPECT_GOT(first, 121, 125, 124, 120);
	EXPECT_WAITING(1);
	test_deallocate(first->fd, 120);
	EXPECT_GOT(second, 131, 120);
	EXPECT_EQ(0, count_free(fd));
}

/* All that it has kept is free again, and goes to who waits. */
TEST_F(waiting, reserve_ends)
{
	struct waiter *queue[2], *band, *several, *last;
	struct child child;
	struct ask ask;
	int fd = self->fd;
	int i;

	for (i = 0; i < 3; i++) {
		test_deallocate_batch(fd, 120, 121, 122, 123);
		ask = wait_for(LOWEST(5, { 120, 129 }), RESERVE,
			       i ? FREQ_FOR_EVER : monotonic_ns(NS_PER_S));
		if (i < 2)
			queue[i] = QUEUE(ask);
		if (i == 2)
			ASSERT_EQ(0, start_child(&child, fd, ask));
		EXPECT_EQ(0, count_free(fd));
		EXPECT_WAITING(1);
		several = QUEUE(WAIT(2, { 120, 129 }));
		band = QUEUE(WAIT(1, { 121, 129 }));
		last = QUEUE(WAIT_RESERVE(2, { 121, 129 }));
		if (i == 2)
			EXPECT_EQ(128 + SIGKILL, child_kill(&child));
		if (i == 1)
			ASSERT_EQ(0, pthread_kill(queue[i]->thread, SIGUSR1));
		if (i < 2)
			EXPECT_TRUE(ended(queue[i], i ? -EINTR : -ETIMEDOUT));
		EXPECT_SERVED(band, 121);
		EXPECT_GOT(last, 122, 123);
		ASSERT_TRUE(wait_until(is_settled()));
		EXPECT_FALSE(is_done(several));
		test_deallocate(band->fd, 121);
		EXPECT_GOT(several, 120, 121);
		ASSERT_TRUE(waiters_end());
		EXPECT_EQ(4, count_free(fd));
		for (; count_free(fd);)
			ASSERT_EQ(0, hold_all(fd, 1));
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* ---- A reply that cannot be written */

static const struct ask *kinds_of_waits(void)
{
	static struct ask kinds[4];

	kinds[0] = WAIT(1, { 120, 129 });
	kinds[1] = WAIT(3, { 120, 129 });
	kinds[2] = WAIT_RESERVE(3, { 120, 129 });
	kinds[3] = WAIT_ROW(3, 1, { 120, 129 });
	return kinds;
}

TEST_F(waiting, reply_that_cannot_be_written)
{
	const struct ask *kinds = kinds_of_waits();
	static const __u64 all_three[] = { 120, 121, 122 };
	struct waiter *waiter, *one, *several;
	struct ask ask;
	int i;

	for (i = 0; i < 8; i++) {
		ask = kinds[i / 2];
		ask.reply = page_map(PROT_READ | PROT_WRITE);
		ASSERT_NE(NULL, ask.reply);
		waiter = QUEUE(ask);
		one = i / 2 % 2 ? NULL : QUEUE(WAIT(1, { 120, 120 }));
		several = QUEUE(one ? WAIT(2, { 121, 122 }) :
				      WAIT(3, { 120, 122 }));
		ASSERT_EQ(0, i % 2 ? munmap(ask.reply, page_size()) :
				     mprotect(ask.reply, page_size(),
					      PROT_READ));
		test_deallocate_batch(self->fd, 122, 121, 120);
		EXPECT_TRUE(ended(waiter, -EFAULT));
		if (one)
			EXPECT_GOT(one, 120);
		EXPECT_TRUE(got(several, &all_three[!!one], one ? 2 : 3));
		EXPECT_WAITING(0);
		ASSERT_TRUE(waiters_end());
		EXPECT_EQ(3, count_free(self->fd));
		ASSERT_EQ(0, hold_all(self->fd, 3));
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* Meanwhile it has nothing. When the page comes, it is in its old place. */
TEST_F(waiting, reply_that_is_stuck)
{
	const struct ask *kinds = kinds_of_waits();
	static const char zeros[64 * sizeof(struct freq_granted)];
	struct waiter *waiter, *next;
	struct slow_page slow;
	struct ask ask;
	int i;

	for (i = 0; i < 8; i++) {
		const char *from = i % 2 ? variant->other : variant->release;
		const char *to = i % 2 ? variant->release : variant->other;

		ask = kinds[i / 2];
		ASSERT_EQ(0, slow_page_map(&slow));
		ask.reply = slow.page;
		waiter = QUEUE(ask);
		test_deallocate_batch(self->fd, 122, 121, 120);
		ASSERT_EQ(0, slow_page_wait(&slow));
		EXPECT_EQ(3, count_free(self->fd));
		next = waiter_make(open_client(), WAIT(2, { 121, 129 }));
		ASSERT_TRUE(waiter_run(next, self->fd));
		EXPECT_GOT(next, 121, 122);
		ASSERT_EQ(0, server_upgrade(from, to));
		if (i % 2) {
			ASSERT_EQ(0, slow_page_refuse(&slow));
			EXPECT_TRUE(ended(waiter, -EFAULT));
			EXPECT_WAITING(0);
		} else {
			ASSERT_EQ(0, slow_page_deliver(&slow, zeros,
						       sizeof(zeros)));
			if (i / 2) {
				ASSERT_TRUE(wait_until(waiters_of(self->fd) ==
						       1));
				test_deallocate(next->fd, 121);
				test_deallocate(next->fd, 122);
				EXPECT_GOT(waiter, 120, 121, 122);
			} else {
				EXPECT_GOT(waiter, 120);
			}
		}
		ASSERT_TRUE(waiters_end());
		EXPECT_EQ(3, count_free(self->fd));
		ASSERT_EQ(0, hold_all(self->fd, 3));
	}
}

/* ---- Threads of the same client */

/* No thread of the same processor runs before this one waits. */
static int be_first(bool first)
{
	const struct sched_param priority = { .sched_priority = 10 * first };

	return sched_setscheduler(0, first ? SCHED_FIFO : SCHED_OTHER,
				  &priority) ? -errno : 0;
}

static int use_one_processor(void)
{
	cpu_set_t processor;

	CPU_ZERO(&processor);
	CPU_SET(0, &processor);
	return sched_setaffinity(0, sizeof(processor), &processor) ? -errno : 0;
}

/* It has been served, and does not know yet when a part of it is gone. */
TEST_F(waiting, given_back_by_another_thread)
{
	struct waiter *waiter, *next;
	int fd = self->fd;

	ASSERT_EQ(0, use_one_processor());
	/* One: nobody else wants it, so it gets it anew. */
	waiter = QUEUE_OF(dup(fd), WAIT(1, { 120, 129 }));
	ASSERT_EQ(0, be_first(true));
	test_deallocate(fd, 120);
	EXPECT_TRUE(holds(fd, 120));
	test_deallocate(fd, 120);
	EXPECT_EQ(1, count_free(fd));
	EXPECT_FALSE(is_done(waiter));
	ASSERT_EQ(0, be_first(false));
	EXPECT_GOT(waiter, 120);

	/* One, which the next one gets. */
	waiter = QUEUE_OF(dup(fd), WAIT(1, { 120, 129 }));
	next = QUEUE(WAIT(1, { 120, 125 }));
	ASSERT_EQ(0, be_first(true));
	test_deallocate(fd, 120);
	test_deallocate(fd, 120);
	EXPECT_FALSE(is_done(waiter));
	ASSERT_EQ(0, be_first(false));
	EXPECT_GOT(next, 120);
	EXPECT_WAITING(1);
	test_deallocate(fd, 121);
	EXPECT_GOT(waiter, 121);

	/* Three, reserved: the others are freed, and allocated anew. */
	test_deallocate(next->fd, 120);
	test_allocate_exact(fd, 120);
	waiter = QUEUE_OF(dup(fd), WAIT_RESERVE(3, { 120, 129 }));
	ASSERT_EQ(0, be_first(true));
	test_deallocate(fd, 120);
	test_deallocate(fd, 122);
	test_deallocate(fd, 121);
	EXPECT_WAITING(0);
	test_deallocate(fd, 122);
	ASSERT_EQ(0, be_first(false));
	EXPECT_GOT(waiter, 120, 121, 122);

	/* While it still waits, also by grants that it does not know. */
	waiter = QUEUE_OF(dup(fd), WAIT_RESERVE(3, { 120, 129 }));
	test_deallocate(fd, 120);
	test_deallocate(fd, 121);
	EXPECT_WAITING(1);
	test_deallocate(fd, 120);
	/* It comes back to it, and is one of three that it has then. */
	ASSERT_TRUE(wait_until(is_settled() || is_done(waiter)));
	EXPECT_FALSE(is_done(waiter));
	EXPECT_WAITING(1);
	EXPECT_EQ(0, count_free(fd));
	test_deallocate(fd, 122);
	EXPECT_GOT(waiter, 121, 120, 122);
	EXPECT_EQ(0, count_free(fd));
}

/* ---- The one that was woken to look */

/* It has been woken, and has not looked, when the signal comes. */
TEST_F(waiting, signal_while_it_looks)
{
	struct waiter *first, *second;
	struct child child;
	int i;

	ASSERT_EQ(0, use_one_processor());
	for (i = 0; i < rounds(8); i++) {
		/* Too few for the first: the next one is asked. */
		first = QUEUE(WAIT(3, { 120, 129 }));
		second = QUEUE(i % 2 ? WAIT(2, { 120, 129 }) :
				       WAIT_ROW(2, 2, { 120, 129 }));
		ASSERT_EQ(0, be_first(true));
		test_deallocate_batch(self->fd, 120, 122);
		ASSERT_EQ(0, pthread_kill(first->thread, SIGUSR1));
		EXPECT_FALSE(is_done(first));
		ASSERT_EQ(0, be_first(false));
		EXPECT_TRUE(ended(first, -EINTR));
		EXPECT_GOT(second, 120, 122);
		ASSERT_TRUE(waiters_end());
		ASSERT_EQ(0, hold_all(self->fd, 2));

		/* Enough: it has it, and leaves it to the next one. */
		ASSERT_EQ(0, start_child(&child, self->fd,
					 WAIT(2 + i % 2, { 120, 129 })));
		second = QUEUE(WAIT(2, { 120, 129 }));
		ASSERT_EQ(0, be_first(true));
		test_deallocate_batch(self->fd, 120, 122);
		ASSERT_EQ(0, kill(child.pid, SIGKILL));
		ASSERT_EQ(0, be_first(false));
		EXPECT_EQ(128 + SIGKILL, child_wait(&child));
		EXPECT_GOT(second, 120, 122);
		ASSERT_TRUE(waiters_end());
		ASSERT_EQ(0, hold_all(self->fd, 2));
	}
	EXPECT_WAITING(0);
	EXPECT_EQ(0, count_free(self->fd));
}

/* What comes free meanwhile is looked at again, by the oldest first. */
TEST_F(waiting, freed_while_it_looks)
{
	struct waiter *first, *second;
	int i;

	ASSERT_EQ(0, use_one_processor());
	for (i = 0; i < rounds(8); i++) {
		first = QUEUE(WAIT(3, { 120, 129 }));
		second = QUEUE(WAIT(2, { 120, 129 }));
		ASSERT_EQ(0, be_first(true));
		test_deallocate(self->fd, 120);
		ASSERT_EQ(0, server_upgrade(i % 2 ? variant->other :
						    variant->release,
					    i % 2 ? variant->release :
						    variant->other));
		test_deallocate(self->fd, 122);
		test_deallocate(self->fd, 121);
		ASSERT_EQ(0, be_first(false));
		ASSERT_TRUE(wait_until(is_done(first) || is_done(second)));
		if (is_done(first)) {
			EXPECT_GOT(first, 120, 121, 122);
			test_deallocate_batch(first->fd, 120, 121, 122);
		}
		EXPECT_GOT(second, 120, 121);
		test_deallocate_batch(second->fd, 120, 121);
		if (!first->joined)
			EXPECT_GOT(first, 120, 121, 122);
		ASSERT_TRUE(waiters_end());
		ASSERT_EQ(0, hold_all(self->fd, 3));
	}
}

/* ---- All of it at a time */

#define WORKERS		6
/* So few are left free. */
#define CONTENDED	24

/**
 * struct worker - a thread that allocates and gives back
 * @thread: the thread
 * @seed: of its random numbers
 * @rounds: how often it is to do so
 * @done: how often it has
 * @error: it has failed
 */
struct worker {
	pthread_t thread;
	__u64 seed;
	unsigned int rounds;
	unsigned int done;
	int error;
};

static struct worker workers[WORKERS];
static bool workers_stop;

static bool is_stopped(void)
{
	return __atomic_load_n(&workers_stop, __ATOMIC_SEQ_CST);
}

static __u32 rounds_done(void)
{
	__u32 sum = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		sum += __atomic_load_n(&workers[i].done, __ATOMIC_SEQ_CST);
	return sum;
}

/* Something that is in the pool, and that nobody keeps for ever. */
static struct ask contended_ask(__u64 *seed)
{
	__u64 first = POOL_FIRST + random_below(seed, CONTENDED - 8);
	__u64 last = POOL_FIRST + CONTENDED - 1;
	__u32 count = 1 + random_below(seed, 7);

	switch (random_below(seed, 8)) {
	case 0:
		return WAIT_FOR_EXACT(first);
	case 1:
		return WAIT(1, { first, last });
	case 2:
		return WAIT_ROW(count, 1 + random_below(seed, 3),
				{ POOL_FIRST, last });
	case 3:
		return wait_for(LOWEST(count, { first, last }), RESERVE,
				monotonic_ns(5 * NS_PER_MS));
	case 4:
		return WAIT(count, { first, first + 2 },
			    { POOL_FIRST, POOL_FIRST + 3 }, { first, last });
	case 5:
		return WAIT(count + 10, { POOL_FIRST, last });
	default:
		return WAIT(count, { first, last });
	}
}

/* In any order, and in any way. */
static int give_back(int *fd, struct ask *ask, __u64 *seed)
{
	__u64 list[FREQ_GROUP_MAX];
	__u32 i;

	if (!random_below(seed, 8)) {
		close(*fd);
		*fd = open_client();
		return fails(*fd >= 0);
	}
	for (i = 0; i < ask->group.count; i++)
		list[i] = ask->granted[i].frequency;
	shuffle(list, ask->group.count, seed);
	if (!random_below(seed, 8))
		return differ(0, try_deallocate_batch(*fd, list,
						      ask->group.count, NULL));
	for (i = 0; i < ask->group.count; i++)
		if (differ(0, try_deallocate(*fd, list[i])))
			return -1;
	return 0;
}

static int work(struct worker *worker)
{
	int fd = open_client(), error = fails(fd >= 0);
	struct ask ask;

	while (!error && worker->done < worker->rounds && !is_stopped()) {
		ask = contended_ask(&worker->seed);
		error = try_ask(fd, &ask);
		if (!error)
			error = give_back(&fd, &ask, &worker->seed);
		else if (error == -EINTR || (error == -ETIMEDOUT &&
					     ask.group.flags & RESERVE))
			error = 0;
		else
			differ(0, error);
		__atomic_fetch_add(&worker->done, 1, __ATOMIC_SEQ_CST);
	}
	if (fd >= 0)
		close(fd);
	return error;
}

static void *work_in_thread(void *data)
{
	struct worker *worker = data;

	worker->error = work(worker);
	return NULL;
}

static int workers_start(int fd, unsigned int rounds_each)
{
	__u64 list[CONTENDED];
	int i;

	for (i = 0; i < CONTENDED; i++)
		list[i] = POOL_FIRST + i;
	if (differ(0, try_deallocate_batch(fd, list, CONTENDED, NULL)))
		return -1;
	workers_stop = false;
	for (i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker) {
			.seed = i + 1,
			.rounds = rounds_each,
		};
		if (differ(0, pthread_create(&workers[i].thread, NULL,
					     work_in_thread, &workers[i])))
			return -1;
	}
	return 0;
}

/* Goes on until all is done, or nothing has been for long. */
static bool workers_go_on(void)
{
	static unsigned long long since;
	static __u32 last;
	__u32 done = rounds_done();
	__u32 all_rounds = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		all_rounds += workers[i].rounds;
	if (done != last || !since) {
		last = done;
		since = now_ms();
	}
	if (done == all_rounds) {
		since = 0;
		return false;
	}
	return !fails(now_ms() < since + DEADLINE_MS);
}

/* The workers end, also after a failure. */
static bool workers_end(void)
{
	bool ok = true;
	__u32 i;

	for (i = 0; i < WORKERS; i++)
		ok &= workers[i].done == workers[i].rounds;
	__atomic_store_n(&workers_stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < WORKERS; i++) {
		while (!ok && pthread_tryjoin_np(workers[i].thread, NULL)) {
			pthread_kill(workers[i].thread, SIGUSR1);
			nap();
		}
		if (ok)
			pthread_join(workers[i].thread, NULL);
		ok &= !workers[i].error;
	}
	return ok;
}

TEST_F_TIMEOUT(waiting, no_wake_up_is_lost, 120)
{
	ASSERT_EQ(0, workers_start(self->fd, rounds(2000)));
	while (workers_go_on())
		nap();
	EXPECT_TRUE(workers_end());
	EXPECT_WAITING(0);
	EXPECT_EQ(CONTENDED, count_free(self->fd));
	EXPECT_TRUE(log_silent(self->log));
}

/* Nor by signals to any of them. */
TEST_F_TIMEOUT(waiting, no_wake_up_is_lost_by_signals, 120)
{
	__u64 seed = 9;
	__u32 i;

	ASSERT_EQ(0, workers_start(self->fd, rounds(1500)));
	while (workers_go_on()) {
		for (i = 0; i < 4; i++) {
			struct worker *one =
				&workers[random_below(&seed, WORKERS)];

			pthread_kill(one->thread, random_below(&seed, 2) ?
						  SIGUSR1 : SIGUSR2);
		}
		nap();
	}
	EXPECT_TRUE(workers_end());
	EXPECT_WAITING(0);
	EXPECT_EQ(CONTENDED, count_free(self->fd));
	EXPECT_TRUE(log_silent(self->log));
}

TEST_F_TIMEOUT(waiting, no_wake_up_is_lost_by_upgrades, 120)
{
	int upgrades = 0;

	ASSERT_EQ(0, workers_start(self->fd, rounds(2500)));
	while (workers_go_on()) {
		EXPECT_EQ(0, server_upgrade(upgrades % 2 ? variant->other :
							   variant->release,
					    upgrades % 2 ? variant->release :
							   variant->other));
		upgrades++;
	}
	EXPECT_TRUE(workers_end());
	TH_LOG("%d upgrades", upgrades);
	EXPECT_WAITING(0);
	EXPECT_EQ(CONTENDED, count_free(self->fd));
	EXPECT_TRUE(log_silent(self->log));
}

static int work_for_ever(int line, void *data)
{
	struct worker worker = {
		.seed = *(__u64 *)data,
		.rounds = ~0U,
	};

	return line_say(line, 'a') || work(&worker);
}

/* Nor by the end of processes that wait, look, or have got something. */
TEST_F_TIMEOUT(waiting, no_wake_up_is_lost_by_kills, 120)
{
	struct child processes[3];
	__u64 seed = 77;
	int kills = 0, i;

	ASSERT_EQ(0, workers_start(self->fd, rounds(250)));
	for (i = 0; i < 3; i++, seed++)
		EXPECT_EQ(0, child_start(&processes[i], work_for_ever, &seed));
	for (i = 0; workers_go_on(); i = (i + 1) % 3) {
		if (line_hear(processes[i].line, 'a'))
			break;
		nap();
		EXPECT_EQ(128 + SIGKILL, child_kill(&processes[i]));
		kills++;
		seed++;
		EXPECT_EQ(0, child_start(&processes[i], work_for_ever, &seed));
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(128 + SIGKILL, child_kill(&processes[i]));
	EXPECT_TRUE(workers_end());
	TH_LOG("%d processes killed", kills);
	EXPECT_TRUE(wait_until(!waiters_of(self->fd)));
	EXPECT_TRUE(wait_until(count_free(self->fd) == CONTENDED));
	EXPECT_TRUE(log_silent(self->log));
}

/* ---- More than a row is looked for in */

#define WIDE		4000

/**
 * struct churner - a thread that gives back and takes again, and so on
 * @thread: the thread
 * @fd: its client
 * @frequency: what it gives back
 */
struct churner {
	pthread_t thread;
	int fd;
	__u64 frequency;
};

#define CHURNERS	4

static void *churn_in_thread(void *data)
{
	const struct churner *churner = data;
	int error = 0;

	while (!error && !is_stopped())
		error = try_deallocate(churner->fd, churner->frequency) ?:
			try_allocate_exact(churner->fd, churner->frequency);
	return NULL;
}

static int churn(struct churner *churners, int fd)
{
	int i;

	workers_stop = false;
	for (i = 0; i < CHURNERS; i++) {
		churners[i].fd = fd;
		churners[i].frequency = 10000 + i % 2 + i / 2 * 120;
		if (differ(0, pthread_create(&churners[i].thread, NULL,
					     churn_in_thread, &churners[i])))
			return -1;
	}
	return 0;
}

static void churn_no_more(struct churner *churners)
{
	int i;

	__atomic_store_n(&workers_stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < CHURNERS; i++)
		pthread_join(churners[i].thread, NULL);
}

static int hold_wide(int fd)
{
	__u64 list[WIDE];
	int i;

	for (i = 0; i < WIDE; i++)
		list[i] = 10000 + i;
	if (try_inject(fd, list, WIDE, NULL))
		return -1;
	for (i = 0; i < WIDE; i += FREQ_BATCH_MAX / 2)
		if (i < WIDE && hold_all(fd, WIDE - i < FREQ_BATCH_MAX / 2 ?
					     WIDE - i : FREQ_BATCH_MAX / 2))
			return -1;
	return 0;
}

/* All free but some, so that a row of 64 nearly fits everywhere. */
static int free_most(int fd)
{
	int i;

	for (i = 0; i < WIDE; i++)
		if (i % 120 > 3 && try_deallocate(fd, 10000 + i))
			return -1;
	return 0;
}

/*
 * What comes free while a row is looked for, in many holds, does not keep the
 * request from its end: by the deadline, by a signal, or by SIGKILL.
 */
TEST_F_TIMEOUT(waiting, row_ends_while_others_come_free, 120)
{
	struct ask ask = ROW_OF(64, 2, { 10000, 10000 + WIDE });
	static struct churner churners[CHURNERS];
	struct waiter *waiter;
	unsigned long long us = 0;
	struct child child;
	bool ok = true;

	ASSERT_EQ(0, hold_wide(self->fd));
	ASSERT_EQ(0, free_most(self->fd));
	ASSERT_EQ(0, churn(churners, self->fd));
	waiter = waiter_make(open_client(),
			     wait_for(ask, 0, monotonic_ns(NS_PER_S / 5)));
	ok &= waiter_begin(waiter) && wait_until(is_done(waiter));
	EXPECT_TRUE(ok) {
		TH_LOG("the deadline passed, and it goes on");
	}
	if (ok)
		EXPECT_TRUE(ended(waiter, -ETIMEDOUT));

	waiter = waiter_make(open_client(), wait_for(ask, 0, FREQ_FOR_EVER));
	ok = ok && waiter_begin(waiter) && waiter_stop(waiter);
	EXPECT_TRUE(ok) {
		TH_LOG("a signal does not end it");
	}
	EXPECT_EQ(0, child_start(&child, ask_in_child,
				 &(struct ask []){ wait_for(ask, 0,
							    FREQ_FOR_EVER) }));
	EXPECT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_TRUE(ok && child_kill_timed(&child, &us) == 128 + SIGKILL) {
		TH_LOG("SIGKILL does not end it");
	}
	churn_no_more(churners);
}

/* A row that comes free while it is looked for, where it was looked already. */
TEST_F_TIMEOUT(waiting, row_comes_free_while_it_is_looked_for, 120)
{
	struct waiter *waiter;
	int i;

	ASSERT_EQ(0, hold_wide(self->fd));
	for (i = 0; i < rounds(24); i++) {
		waiter = waiter_make(open_client(),
				     WAIT_ROW(3, 7, { 10000, 10000 + WIDE }));
		ASSERT_TRUE(waiter_begin(waiter));
		ASSERT_TRUE(wait_until(__atomic_load_n(&waiter->tid,
						       __ATOMIC_SEQ_CST)));
		if (i % 4 == 3)
			ASSERT_EQ(0, server_upgrade(i % 8 == 3 ?
						    variant->release :
						    variant->other,
						    i % 8 == 3 ?
						    variant->other :
						    variant->release));
		test_deallocate(self->fd, 10000);
		test_deallocate(self->fd, 10007);
		test_deallocate(self->fd, 10014);
		EXPECT_GOT(waiter, 10000, 10007, 10014);
		ASSERT_TRUE(waiters_end());
		ASSERT_EQ(0, hold_all(self->fd, 3));
	}
}

/* ---- Many clients */

/* As many as there is room for from the beginning, with the one of the test. */
#define CLIENTS_MANY	1023

/*
 * The first request of the client that needs more room: it waits, in any way,
 * or need not.
 */
TEST_F_TIMEOUT(waiting, room_for_clients, 120)
{
	static __u64 list[CLIENTS_MANY];
	const struct ask kinds[] = {
		LOWEST(1, { 120, 129 }), WAIT(1, { 110, 111 }),
		WAIT(2, { 110, 111 }), WAIT_RESERVE(2, { 110, 111 }),
		WAIT_ROW(2, 1, { 110, 111 }), ROW_OF(2, 1, { 120, 129 }),
	};
	struct waiter *waiter;
	size_t i;
	int j;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		ASSERT_EQ(0, test_clean());
		ASSERT_EQ(0, server_start(variant->release, POOL_PARAMETER));
		self->fd = open_client();
		for (j = 0; j < CLIENTS_MANY; j++)
			list[j] = 10000 + j;
		ASSERT_EQ(0, try_inject(self->fd, list, CLIENTS_MANY, NULL));
		test_allocate_exact(self->fd, 110);
		for (j = 1; j < CLIENTS_MANY; j++)
			test_allocate_exact(open_client(), 10000 + j);
		waiter = waiter_start(self->fd, open_client(), kinds[i]);
		ASSERT_NE(NULL, waiter) {
			TH_LOG("kind %zu", i);
		}
		if (kinds[i].group.deadline)
			test_deallocate(self->fd, 110);
		EXPECT_TRUE(ended(waiter, 0));
		EXPECT_TRUE(holds(waiter->fd,
				  waiter->ask.granted[0].frequency));
		nr_waiters = 0;
	}
}

/* ---- Other releases, and the end of the server */

TEST_F(waiting, downgrade_is_refused)
{
	const struct ask *kinds = kinds_of_waits();
	struct waiter *waiter;
	int i;

	for (i = 0; i < 4; i++) {
		waiter = QUEUE(kinds[i]);
		EXPECT_EQ(-EOPNOTSUPP, module_load("freq_v1", NULL));
		EXPECT_EQ(-EOPNOTSUPP, module_load("freq_v2", NULL));
		EXPECT_TRUE(release_runs(variant->release));
		EXPECT_WAITING(1);
		ASSERT_EQ(0, pthread_kill(waiter->thread, SIGUSR1));
		EXPECT_TRUE(ended(waiter, -EINTR));
	}
	ASSERT_EQ(0, server_upgrade(variant->release, "freq_v2"));
	EXPECT_ERROR(ENOTTY, self->fd, WAIT(1));
	ASSERT_EQ(0, server_upgrade("freq_v2", variant->release));
	waiter = QUEUE(kinds[1]);
	test_deallocate_batch(self->fd, 120, 121, 122);
	EXPECT_GOT(waiter, 120, 121, 122);
}

TEST_F(waiting, hinders_a_stop)
{
	const struct ask *kinds = kinds_of_waits();
	struct waiter *queue[4];
	int other = open_client();
	int i;

	ASSERT_GE(other, 0);
	for (i = 0; i < 4; i++)
		queue[i] = QUEUE(kinds[i]);
	test_err_stop(EBUSY, other);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(waiter_stop(queue[i]));
	close(self->fd);
	/* Their clients are still there. */
	test_err_stop(EBUSY, other);
	ASSERT_TRUE(waiters_end());
	test_stop(other);
	EXPECT_ERROR(ENODEV, other, WAIT(1));
}

TEST_HARNESS_MAIN
