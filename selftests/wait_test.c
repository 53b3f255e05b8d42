// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that wait for a frequency: which of them gets it, and that none is
 * lost, however a wait ends.
 *
 * The order in which they are served is that of the numbers of their grants. In
 * which order their threads run then is up to the scheduler.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

/* The most at a time, in a whole run */
#define WAITERS		1000
/* How often the release is changed while they wait: to another one and back */
#define UPGRADES	50
#define RACES		400
#define KILLS		50

#define NS_PER_MS	1000000LL
#define NS_PER_HOUR	3600000000000LL

#define ANY		((struct freq_allocate_v3) {			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define EXACT(number)	((struct freq_allocate_v3) {			\
				.frequency = (number),			\
				.flags = FREQ_ALLOCATE_EXACT,		\
				.deadline = FREQ_FOR_EVER,		\
			})

/**
 * struct waiter - a thread with a client that allocates
 * @thread: the thread
 * @fd: its client; -1: closed
 * @gives_back: it deallocates what it got
 * @argument: of FREQ_IOC_ALLOCATE_V3, and the reply
 * @at: where that is: @argument, or a page
 * @result: what the request returned
 * @done: it has returned
 * @joined: and is no thread any more
 */
struct waiter {
	pthread_t thread;
	int fd;
	bool gives_back;
	struct freq_allocate_v3 argument;
	struct freq_allocate_v3 *at;
	int result;
	bool done;
	bool joined;
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
	return now.tv_sec * 1000000000LL + now.tv_nsec + ahead;
}

static void count_signal(int signal)
{
	__atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}

static int nr_handled(void)
{
	return __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
}

static bool is_done(const struct waiter *waiter)
{
	return __atomic_load_n(&waiter->done, __ATOMIC_SEQ_CST);
}

static int count_done(void)
{
	int count = 0, i;

	for (i = 0; i < nr_waiters; i++)
		count += is_done(&waiters[i]);
	return count;
}

static void *allocate_in_thread(void *data)
{
	struct waiter *waiter = data;
	int result = try_allocate_v3(waiter->fd, waiter->at);

	if (!result && waiter->gives_back)
		result = try_deallocate(waiter->fd, waiter->at->frequency);
	waiter->result = result;
	__atomic_store_n(&waiter->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* The next one, with this client. */
static struct waiter *waiter_make(int fd, struct freq_allocate_v3 argument)
{
	struct waiter *waiter = &waiters[nr_waiters];

	if (fails(fd >= 0) || fails(nr_waiters < WAITERS))
		return NULL;
	memset(waiter, 0, sizeof(*waiter));
	waiter->fd = fd;
	waiter->argument = argument;
	waiter->at = &waiter->argument;
	return waiter;
}

/* Returns when it waits, or has ended at once. */
static bool waiter_run(struct waiter *waiter, int watch)
{
	__u32 before = waiters_of(watch);
	pthread_attr_t attributes;

	if (fails(before != ~0U))
		return false;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	if (differ(0, pthread_create(&waiter->thread, &attributes,
				     allocate_in_thread, waiter)))
		return false;
	nr_waiters++;
	pthread_attr_destroy(&attributes);
	return wait_until(waiters_of(watch) == before + 1 || is_done(waiter));
}

static struct waiter *waiter_start(int watch, struct freq_allocate_v3 argument)
{
	struct waiter *waiter = waiter_make(open_client(), argument);

	return waiter && waiter_run(waiter, watch) ? waiter : NULL;
}

/* A waiter that is the last in the queue now. */
#define QUEUE(...) ({							\
	struct waiter *__waiter = waiter_start(self->fd, __VA_ARGS__);	\
									\
	ASSERT_NE(NULL, __waiter);					\
	ASSERT_FALSE(is_done(__waiter)) {				\
		TH_LOG("it does not wait");				\
	}								\
	__waiter;							\
})

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

/* Whether LIST_GRANTS has the frequency as the client's. */
static bool holds(int fd, __u64 frequency)
{
	struct freq_grant_entry entry;

	return !grant_find(fd, frequency, &entry) &&
	       entry.flags & FREQ_ENTRY_MINE;
}

static bool got(struct waiter *waiter, __u64 frequency)
{
	return ended(waiter, 0) && !differ(frequency, waiter->at->frequency) &&
	       !fails(holds(waiter->fd, frequency)) &&
	       !differ(grant_of(waiter->fd, frequency), waiter->at->grant);
}

/* It is the waiter's already, whether its thread has run since or not. */
#define EXPECT_SERVED(who, frequency) ({				\
	struct waiter *__served = (who);				\
									\
	EXPECT_TRUE(holds(__served->fd, frequency));			\
	EXPECT_TRUE(got(__served, frequency));				\
})

/* They wait and have been given nothing. */
#define EXPECT_WAITING(count)						\
	EXPECT_EQ(count, waiters_of(self->fd))

static void waiter_close(struct waiter *waiter)
{
	if (waiter->fd >= 0)
		close(waiter->fd);
	waiter->fd = -1;
}

/* Ends all: by a signal that is repeated until it meets the wait. */
static bool waiters_end(void)
{
	bool ok = true;
	int i;

	for (i = 0; i < nr_waiters; i++) {
		struct waiter *waiter = &waiters[i];

		if (!waiter->joined)
			ok &= wait_until(is_done(waiter) ||
					 pthread_kill(waiter->thread, SIGUSR1));
		if (ok && !waiter->joined)
			pthread_join(waiter->thread, NULL);
		waiter_close(waiter);
	}
	nr_waiters = 0;
	return ok;
}

/* Each waiter has a descriptor. */
static int allow_descriptors(void)
{
	struct rlimit limit = {
		.rlim_cur = 2 * WAITERS,
		.rlim_max = 2 * WAITERS,
	};

	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
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

FIXTURE(wait) {
	int log;
	int fd;
};

/* 10 to 15, all of them held. */
FIXTURE_SETUP(wait)
{
	__u64 i;

	ASSERT_EQ(0, allow_descriptors());
	ASSERT_EQ(0, handle_signals());
	ASSERT_EQ(0, server_start("freq_v3", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(wait)
{
	EXPECT_TRUE(waiters_end());
	EXPECT_EQ(0, test_clean());
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

TEST_F(wait, is_served)
{
	struct freq_info_v3 info;
	struct waiter *waiter = QUEUE(ANY);

	EXPECT_WAITING(1);
	EXPECT_TRUE(allocated_is(self->fd, 6));
	test_deallocate(self->fd, 12);
	/* In the same hold: nobody has seen it free. */
	EXPECT_WAITING(0);
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_SERVED(waiter, 12);
	ASSERT_EQ(0, try_info_v3(self->fd, &info));
	EXPECT_EQ(waiter->at->grant, info.grant);
	EXPECT_EQ(2, info.clients);
	test_err_deallocate(EPERM, self->fd, 12);
	waiter_close(waiter);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	EXPECT_TRUE(log_silent(self->log));
}

TEST_F(wait, as_it_was_asked)
{
	struct freq_grant_entry entry;
	struct waiter *waiter = QUEUE((struct freq_allocate_v3) {
		.frequency = 13,
		.flags = FREQ_ALLOCATE_EXACT | FREQ_ALLOCATE_KEEP,
		.deadline = monotonic_ns(NS_PER_HOUR),
	});

	test_deallocate(self->fd, 13);
	EXPECT_SERVED(waiter, 13);
	waiter_close(waiter);
	ASSERT_EQ(0, grant_find(self->fd, 13, &entry));
	EXPECT_EQ(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP, entry.flags);
	EXPECT_EQ(waiter->at->grant, entry.grant);
	test_deallocate(self->fd, 13);
}

static int allocate_by(int fd, struct freq_allocate_v3 argument,
		       __s64 deadline)
{
	argument.deadline = deadline;
	return try_allocate_v3(fd, &argument);
}

/* Without a deadline, or with one that is past, nobody waits. */
TEST_F(wait, no_wait)
{
	static const __s64 none[] = { 0, 1 };
	static const __s64 negative[] = { -1, -1000000000, INT64_MIN };
	int fd = self->fd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		EXPECT_EQ(none[i] ? -ETIMEDOUT : -ENOSPC,
			  allocate_by(fd, ANY, none[i]));
		EXPECT_EQ(none[i] ? -ETIMEDOUT : -EBUSY,
			  allocate_by(fd, EXACT(12), none[i]));
	}
	for (i = 0; i < ARRAY_SIZE(negative); i++) {
		EXPECT_EQ(-EINVAL, allocate_by(fd, ANY, negative[i]));
		EXPECT_EQ(-EINVAL, allocate_by(fd, EXACT(12), negative[i]));
	}
	EXPECT_TRUE(allocated_is(fd, 6));

	/* What is free is given, whatever the deadline. */
	for (i = 0; i < ARRAY_SIZE(none); i++) {
		test_deallocate(fd, 12);
		EXPECT_EQ(-EINVAL, allocate_by(fd, ANY, -1));
		EXPECT_EQ(0, allocate_by(fd, ANY, none[i]));
		test_deallocate(fd, 12);
		EXPECT_EQ(-EINVAL, allocate_by(fd, EXACT(12), -1));
		EXPECT_EQ(0, allocate_by(fd, EXACT(12), none[i]));
	}
	test_deallocate(fd, 12);
	EXPECT_EQ(0, allocate_by(fd, ANY, FREQ_FOR_EVER));
	EXPECT_TRUE(allocated_is(fd, 6));
	EXPECT_WAITING(0);
}

/* It does not wait for what may be injected some time. */
TEST_F(wait, not_in_the_pool)
{
	const __s64 deadlines[] = {
		0, 1, monotonic_ns(NS_PER_HOUR), FREQ_FOR_EVER,
	};
	static const __u64 unknown[] = { 0, 9, 16, 1ULL << 32 | 12, ~0ULL };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(deadlines); i++) {
		for (j = 0; j < ARRAY_SIZE(unknown); j++)
			EXPECT_EQ(-ENOENT, allocate_by(self->fd,
						       EXACT(unknown[j]),
						       deadlines[i]));
	}
	EXPECT_WAITING(0);
}

TEST_F(wait, ends_at_its_deadline)
{
	const struct freq_allocate_v3 kinds[] = { ANY, EXACT(12) };
	__s64 deadline;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		deadline = monotonic_ns(i * 10 * NS_PER_MS);
		EXPECT_EQ(-ETIMEDOUT, allocate_by(self->fd, kinds[i % 2],
						  deadline));
		EXPECT_LE(deadline, monotonic_ns(0));
		EXPECT_WAITING(0);
	}
	test_deallocate(self->fd, 12);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
}

/* The one behind it is not in its place, but at its own. */
TEST_F(wait, timeout_of_the_first)
{
	struct freq_allocate_v3 brief = ANY;
	struct waiter *first, *second;

	brief.deadline = monotonic_ns(1000 * NS_PER_MS);
	first = QUEUE(brief);
	second = QUEUE(ANY);
	EXPECT_TRUE(ended(first, -ETIMEDOUT));
	EXPECT_WAITING(1);
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(second, 10);
}

/* ---- Order */

static int queue_many(int watch, int count, bool gives_back)
{
	struct waiter *waiter;
	int i;

	for (i = 0; i < count; i++) {
		waiter = waiter_make(open_client(), ANY);
		if (!waiter)
			return -1;
		waiter->gives_back = gives_back;
		if (!waiter_run(waiter, watch) || fails(!is_done(waiter)))
			return -1;
	}
	return 0;
}

/* One frequency, which each gives back: first come, first served. */
TEST_F_TIMEOUT(wait, many_in_order, 120)
{
	int count = rounds(WAITERS);
	__u64 last = 0;
	int i;

	ASSERT_EQ(0, queue_many(self->fd, count, true));
	EXPECT_WAITING(count);
	EXPECT_EQ(0, count_done());
	test_deallocate(self->fd, 13);
	for (i = 0; i < count; i++) {
		ASSERT_TRUE(ended(&waiters[i], 0));
		ASSERT_EQ(13, waiters[i].at->frequency);
		ASSERT_LT(last, waiters[i].at->grant) {
			TH_LOG("number %d was overtaken", i);
		}
		last = waiters[i].at->grant;
	}
	EXPECT_WAITING(0);
	EXPECT_TRUE(allocated_is(self->fd, 5));
}

/* Upgrades wake nobody and change no place. */
TEST_F_TIMEOUT(wait, many_through_upgrades, 240)
{
	int count = rounds(WAITERS);
	int holder = self->fd;
	int i;

	ASSERT_EQ(0, queue_many(self->fd, count, false));
	for (i = 0; i < count; i++) {
		if (i < rounds(UPGRADES)) {
			ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
			ASSERT_EQ(count - i, waiters_of(self->fd));
		}
		test_deallocate(holder, 13);
		if (i < rounds(UPGRADES))
			ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v3"));
		holder = waiters[i].fd;
		ASSERT_TRUE(holds(holder, 13));
		ASSERT_EQ(count - i - 1, waiters_of(self->fd));
		ASSERT_TRUE(got(&waiters[i], 13));
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* An upgrade that fails leaves them where they are. */
TEST_F(wait, failed_upgrade)
{
	struct waiter *first = QUEUE(ANY);
	struct waiter *second = QUEUE(ANY);

	EXPECT_EQ(-ENOMEM, module_load("freq_v90", "fail=room"));
	EXPECT_WAITING(2);
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(first, 10);
	test_deallocate(self->fd, 11);
	EXPECT_SERVED(second, 11);
}

/* Who waits for another one is not served, and does not hinder. */
TEST_F(wait, exact_is_not_in_the_way)
{
	struct waiter *exact = QUEUE(EXACT(10));
	struct waiter *any = QUEUE(ANY);

	test_deallocate(self->fd, 11);
	EXPECT_SERVED(any, 11);
	test_deallocate(self->fd, 12);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	test_allocate(self->fd, 12);
	test_deallocate_batch(self->fd, 13, 14);
	test_allocate_batch(self->fd, 14, 13);
	EXPECT_WAITING(1);
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(exact, 10);
}

TEST_F(wait, exact_in_its_turn)
{
	struct waiter *any = QUEUE(ANY);
	struct waiter *one = QUEUE(EXACT(10));
	struct waiter *other = QUEUE(EXACT(10));
	struct waiter *last = QUEUE(ANY);

	test_deallocate(self->fd, 10);
	EXPECT_SERVED(any, 10);
	test_deallocate(any->fd, 10);
	EXPECT_SERVED(one, 10);
	test_deallocate(one->fd, 10);
	EXPECT_SERVED(other, 10);
	EXPECT_WAITING(1);
	test_deallocate(other->fd, 10);
	EXPECT_SERVED(last, 10);
	EXPECT_LT(any->at->grant, one->at->grant);
	EXPECT_LT(one->at->grant, other->at->grant);
	EXPECT_LT(other->at->grant, last->at->grant);
}

/* It is as long in the queue as it waits, wherever it stands. */
TEST_F(wait, leaves_from_anywhere)
{
	struct waiter *queue[5];
	int i;

	for (i = 0; i < 5; i++)
		queue[i] = QUEUE(i % 2 ? EXACT(10) : ANY);
	for (i = 0; i < 5; i += 2) {
		/* The first, the one in the middle, the last. */
		ASSERT_EQ(0, pthread_kill(queue[i]->thread, SIGUSR1));
		EXPECT_TRUE(ended(queue[i], -EINTR));
	}
	EXPECT_WAITING(2);
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(queue[1], 10);
	test_deallocate(queue[1]->fd, 10);
	EXPECT_SERVED(queue[3], 10);
	waiter_close(queue[3]);
	EXPECT_TRUE(sysfs_is("free", "10\n"));
}

/**
 * struct model - who holds and who waits, as it should be
 * @holders: clients, by frequency - 10; -1: free
 * @queue: those that wait, the first one first
 * @nr_queue: how many
 */
struct model {
	int holders[6];
	struct waiter *queue[64];
	int nr_queue;
};

static bool fits(const struct waiter *waiter, __u64 frequency)
{
	return !(waiter->argument.flags & FREQ_ALLOCATE_EXACT) ||
	       waiter->argument.frequency == frequency;
}

/* Takes who is to get it from the queue; NULL: nobody. */
static struct waiter *model_serve(struct model *model, __u64 frequency)
{
	struct waiter *waiter;
	int i;

	for (i = 0; i < model->nr_queue; i++) {
		waiter = model->queue[i];
		if (!fits(waiter, frequency))
			continue;
		model->nr_queue--;
		memmove(&model->queue[i], &model->queue[i + 1],
			(model->nr_queue - i) * sizeof(*model->queue));
		return waiter;
	}
	return NULL;
}

static int model_give_back(struct model *model, __u64 frequency)
{
	int *holder = &model->holders[frequency - 10];
	struct waiter *waiter;

	if (*holder < 0)
		return 0;
	waiter = model_serve(model, frequency);
	if (differ(0, try_deallocate(*holder, frequency)))
		return -1;
	*holder = waiter ? waiter->fd : -1;
	return waiter && fails(got(waiter, frequency));
}

/* One of either kind; no wait where it would be served at once. */
static int model_wait(struct model *model, int watch, __u64 frequency)
{
	struct waiter *waiter;
	bool exact = frequency < 16;
	int i;

	for (i = 0; i < 6; i++) {
		if (model->holders[i] < 0 &&
		    (!exact || frequency == (__u64)i + 10))
			return 0;
	}
	if (model->nr_queue == 64)
		return 0;
	waiter = waiter_start(watch, exact ? EXACT(frequency) : ANY);
	if (!waiter)
		return -1;
	model->queue[model->nr_queue++] = waiter;
	return 0;
}

/* By the client that waits for nothing. */
static int model_allocate(struct model *model, int fd)
{
	__u64 frequency;
	int error = try_allocate(fd, 0, &frequency);
	int is_free = 0;
	int i;

	for (i = 0; i < 6; i++)
		is_free += model->holders[i] < 0;
	if (differ(is_free ? 0 : -ENOSPC, error))
		return -1;
	if (!is_free)
		return 0;
	if (differ(-1, model->holders[frequency - 10]))
		return -1;
	model->holders[frequency - 10] = fd;
	return 0;
}

static int model_step(struct model *model, int fd, __u64 *seed)
{
	__u64 frequency = 10 + random_below(seed, 6);

	switch (random_below(seed, 6)) {
	case 0:
		return model_allocate(model, fd);
	case 1:
	case 2:
		return model_give_back(model, frequency);
	case 3:
		return model_wait(model, fd, 16);
	default:
		return model_wait(model, fd, frequency);
	}
}

TEST_F_TIMEOUT(wait, as_the_model, 120)
{
	struct model model = { };
	__u64 seed = 5;
	int i;

	for (i = 0; i < 6; i++)
		model.holders[i] = self->fd;
	for (i = 0; i < rounds(1000); i++) {
		ASSERT_EQ(0, model_step(&model, self->fd, &seed)) {
			TH_LOG("step %d", i);
		}
		ASSERT_EQ(model.nr_queue, waiters_of(self->fd));
	}
	TH_LOG("%d have waited, %d still do", nr_waiters, model.nr_queue);
	for (i = 0; model.nr_queue; i++)
		ASSERT_EQ(0, model_give_back(&model, 10 + i % 6));
	EXPECT_WAITING(0);
	EXPECT_EQ(nr_waiters, count_done());
}

/* ---- Who asks later, and does not wait */

struct attacker {
	pthread_t thread;
	int fd;
	bool stop;
	unsigned long tries;
	int error;
};

static int attack(struct attacker *attacker)
{
	__u64 frequency;

	while (!__atomic_load_n(&attacker->stop, __ATOMIC_SEQ_CST)) {
		if (differ(-ENOSPC, try_allocate(attacker->fd, 0,
						 &frequency)) ||
		    differ(-ENOSPC, try_allocate_batch(attacker->fd, 0,
						       &frequency, 1)) ||
		    differ(-ENOSPC, allocate_by(attacker->fd, ANY, 0)) ||
		    differ(-ETIMEDOUT, allocate_by(attacker->fd, ANY, 1)) ||
		    differ(-EBUSY, try_allocate_exact(attacker->fd, 13)))
			return -1;
		attacker->tries++;
	}
	return 0;
}

static void *attack_in_thread(void *data)
{
	struct attacker *attacker = data;

	attacker->error = attack(attacker);
	return NULL;
}

static void attackers_stop(struct attacker *attackers, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		__atomic_store_n(&attackers[i].stop, true, __ATOMIC_SEQ_CST);
		pthread_join(attackers[i].thread, NULL);
	}
}

/* Until nobody waits any more, none of them gets anything. */
TEST_F_TIMEOUT(wait, nobody_overtakes, 60)
{
	static struct attacker attackers[2];
	int count = rounds(200);
	int holder = self->fd;
	int i;

	ASSERT_EQ(0, queue_many(self->fd, count, false));
	for (i = 0; i < 2; i++) {
		attackers[i].fd = open_client();
		ASSERT_GE(attackers[i].fd, 0);
		ASSERT_EQ(0, pthread_create(&attackers[i].thread, NULL,
					    attack_in_thread, &attackers[i]));
	}
	for (i = 0; i < nr_waiters; i++) {
		EXPECT_EQ(0, try_deallocate(holder, 13));
		holder = waiters[i].fd;
		if (!got(&waiters[i], 13))
			break;
	}
	attackers_stop(attackers, 2);
	EXPECT_EQ(count, i);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, attackers[i].error);
		TH_LOG("%lu tries", attackers[i].tries);
	}
}

/* Nor does the one that has just given it back. */
TEST_F(wait, giver_is_last)
{
	struct waiter *waiter = QUEUE(ANY);

	test_deallocate(self->fd, 10);
	test_err_allocate(ENOSPC, self->fd);
	test_err_allocate_exact(EBUSY, self->fd, 10);
	EXPECT_SERVED(waiter, 10);
}

/* ---- Who gives back */

TEST_F(wait, batch_serves)
{
	struct waiter *any = QUEUE(ANY);
	struct waiter *exact = QUEUE(EXACT(11));
	struct waiter *later = QUEUE(ANY);
	struct waiter *still = QUEUE(EXACT(15));

	/* Who waits longest gets the first in line, once all are free. */
	test_deallocate_batch(self->fd, 12, 11, 10, 13);
	EXPECT_WAITING(1);
	EXPECT_SERVED(any, 13);
	EXPECT_SERVED(exact, 11);
	EXPECT_SERVED(later, 10);
	EXPECT_LT(any->at->grant, exact->at->grant);
	EXPECT_LT(exact->at->grant, later->at->grant);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	EXPECT_FALSE(is_done(still));

	/* One that cannot be done serves nobody. */
	test_allocate(self->fd, 12);
	test_err_deallocate_batch(EPERM, 1, self->fd, 15, 10);
	test_err_deallocate_batch(ENOENT, 2, self->fd, 15, 12, 9);
	EXPECT_WAITING(1);
	test_deallocate_batch(self->fd, 12, 15);
	EXPECT_SERVED(still, 15);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
}

TEST_F(wait, grant_that_ends_serves)
{
	__u64 grant = grant_of(self->fd, 10);
	struct waiter *waiter = QUEUE(ANY);

	test_err_deallocate_grant(ESTALE, self->fd, 10, grant + 1);
	EXPECT_WAITING(1);
	test_deallocate_grant(self->fd, 10, grant);
	EXPECT_SERVED(waiter, 10);
	EXPECT_LT(grant, waiter->at->grant);
	test_err_deallocate_grant(ESTALE, self->fd, 10, grant);
}

TEST_F(wait, inject_serves)
{
	struct waiter *one = QUEUE(ANY);
	struct waiter *other = QUEUE(ANY);
	struct waiter *exact = QUEUE(EXACT(12));
	struct waiter *third = QUEUE(ANY);

	test_inject(self->fd, 31, 30);
	EXPECT_WAITING(2);
	EXPECT_SERVED(one, 31);
	EXPECT_SERVED(other, 30);
	EXPECT_LT(one->at->grant, other->at->grant);

	/* One that fails serves nobody. */
	test_err_inject(EEXIST, self->fd, 32, 33, 10);
	EXPECT_WAITING(2);
	test_inject(self->fd, 34, 33, 32);
	EXPECT_SERVED(third, 34);
	EXPECT_WAITING(1);
	EXPECT_TRUE(sysfs_is("free", "32-33\n"));
	EXPECT_ORDER(33, 32);
	test_deallocate(self->fd, 12);
	EXPECT_SERVED(exact, 12);
}

TEST_F(wait, kept_ones_serve)
{
	struct waiter *waiter;
	int other = open_client();

	ASSERT_GE(other, 0);
	test_deallocate(self->fd, 10);
	test_keep(other, 10);
	close(other);
	waiter = QUEUE(EXACT(10));
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(waiter, 10);
}

TEST_F(wait, close_serves)
{
	int other = open_client();
	struct waiter *exact, *any;

	ASSERT_GE(other, 0);
	test_deallocate_batch(self->fd, 11, 10);
	test_allocate_batch(other, 10, 11);
	exact = QUEUE(EXACT(11));
	any = QUEUE(ANY);
	close(other);
	EXPECT_WAITING(0);
	EXPECT_SERVED(exact, 11);
	EXPECT_SERVED(any, 10);
}

/* ---- Many are served by the end of one client */

#define POOL		100
#define POOL_PARAMETER	"frequencies=1-100"
#define MANY		60

FIXTURE(many) {
	struct child child;
	int fd;
};

FIXTURE_VARIANT(many) {
	bool killed;
};

FIXTURE_VARIANT_ADD(many, exit) { };
FIXTURE_VARIANT_ADD(many, kill) {
	.killed = true,
};

/* Its client ends with it. */
static int hold_all(int line, void *data)
{
	__u64 list[POOL];
	int fd = open_client();

	return fails(fd >= 0) ||
	       differ(0, try_allocate_batch(fd, 0, list, POOL)) ||
	       line_say(line, 'a') || line_hear(line, 'b');
}

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, allow_descriptors());
	ASSERT_EQ(0, handle_signals());
	ASSERT_EQ(0, server_start("freq_v3", POOL_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, child_start(&self->child, hold_all, NULL));
	ASSERT_EQ(0, line_hear(self->child.line, 'a'));
}

FIXTURE_TEARDOWN(many)
{
	EXPECT_TRUE(waiters_end());
	EXPECT_EQ(0, test_clean());
}

static bool is_exact(const struct waiter *waiter)
{
	return waiter->argument.flags & FREQ_ALLOCATE_EXACT;
}

/* Whether an earlier one than this has what it waits for. */
static bool earlier_has_it(const struct waiter *waiter)
{
	const struct waiter *other;

	for (other = waiters; other < waiter; other++) {
		if (is_done(other) &&
		    other->at->frequency == waiter->argument.frequency)
			return true;
	}
	return false;
}

/* All earlier ones that wanted just any were served before. */
static bool was_its_turn(const struct waiter *waiter)
{
	const struct waiter *other;

	for (other = waiters; other < waiter; other++) {
		if (!is_exact(other) &&
		    (fails(is_done(other)) ||
		     fails(other->at->grant < waiter->at->grant)))
			return false;
	}
	return true;
}

static int check_waiters(const bool *seen)
{
	const struct waiter *waiter, *end = waiters + nr_waiters;

	for (waiter = waiters; waiter < end; waiter++) {
		if (!is_done(waiter)) {
			if (fails(is_exact(waiter)) ||
			    fails(earlier_has_it(waiter)))
				return -1;
			continue;
		}
		if (differ(0, waiter->result) || fails(was_its_turn(waiter)) ||
		    fails(seen[waiter->at->frequency]) ||
		    fails(!is_exact(waiter) || !earlier_has_it(waiter)))
			return -1;
	}
	return 0;
}

/* Each frequency has one holder. */
static int find_held(bool *held)
{
	const struct waiter *waiter, *end = waiters + nr_waiters;

	memset(held, 0, POOL + 1);
	for (waiter = waiters; waiter < end; waiter++) {
		if (!is_done(waiter))
			continue;
		if (fails(waiter->at->frequency <= POOL) ||
		    differ(false, held[waiter->at->frequency]))
			return -1;
		held[waiter->at->frequency] = true;
	}
	return 0;
}

/* Half of them want a certain one, some of them the same. */
TEST_F_TIMEOUT(many, served_by_one_close, 60)
{
	struct freq_info_v3 info;
	bool held[POOL + 1];
	__u64 seed = 3;
	int i;

	for (i = 0; i < MANY; i++) {
		__u64 wanted = 1 + random_below(&seed, POOL / 2);

		QUEUE(random_below(&seed, 2) ? ANY : EXACT(wanted));
	}
	if (!variant->killed)
		ASSERT_EQ(0, line_say(self->child.line, 'b'));
	EXPECT_EQ(variant->killed ? 128 + SIGKILL : 0,
		  variant->killed ? child_kill(&self->child) :
				    child_wait(&self->child));
	/* All is done when it has ended, but for the threads. */
	ASSERT_EQ(0, try_info_v3(self->fd, &info));
	EXPECT_EQ(POOL, info.free + info.allocated);
	EXPECT_EQ(MANY, info.waiters + info.allocated);
	ASSERT_TRUE(wait_until(count_done() == MANY - info.waiters));
	ASSERT_EQ(0, find_held(held));
	EXPECT_EQ(0, check_waiters(held));
	TH_LOG("%u still wait", info.waiters);

	/* Those that still wait are served by those that do not. */
	for (i = 0; i < MANY; i++) {
		ASSERT_TRUE(wait_until(is_done(&waiters[i])));
		waiter_close(&waiters[i]);
	}
	EXPECT_WAITING(0);
	EXPECT_TRUE(wait_until(clients_are(self->fd, 1)));
	EXPECT_TRUE(sysfs_is("free", "1-100\n"));
}

/* ---- A wait ends in other ways */

TEST_F(wait, interrupted)
{
	struct waiter *one = QUEUE(ANY);
	struct waiter *exact = QUEUE(EXACT(10));
	struct waiter *last = QUEUE(ANY);

	ASSERT_EQ(0, pthread_kill(one->thread, SIGUSR1));
	EXPECT_TRUE(ended(one, -EINTR));
	EXPECT_WAITING(2);
	ASSERT_EQ(0, pthread_kill(exact->thread, SIGUSR1));
	EXPECT_TRUE(ended(exact, -EINTR));
	EXPECT_WAITING(1);
	EXPECT_EQ(2, nr_handled());
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(last, 10);
}

/* It waits anew, behind those that came meanwhile. */
TEST_F(wait, restarted)
{
	struct waiter *first = QUEUE(ANY);
	struct waiter *second = QUEUE(ANY);

	ASSERT_EQ(0, pthread_kill(first->thread, SIGUSR2));
	/* Its handler runs when it has left the queue. */
	ASSERT_TRUE(wait_until(nr_handled() == 1 &&
			       waiters_of(self->fd) == 2));
	EXPECT_EQ(0, count_done());
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(second, 10);
	EXPECT_WAITING(1);
	test_deallocate(second->fd, 10);
	EXPECT_SERVED(first, 10);
}

/* The deadline is that of the first time. */
TEST_F(wait, restarted_with_deadline)
{
	struct freq_allocate_v3 brief = ANY;
	struct waiter *waiter;

	brief.deadline = monotonic_ns(1000 * NS_PER_MS);
	waiter = QUEUE(brief);
	ASSERT_EQ(0, pthread_kill(waiter->thread, SIGUSR2));
	EXPECT_TRUE(ended(waiter, -ETIMEDOUT));
	EXPECT_LE(brief.deadline, monotonic_ns(0));
	EXPECT_EQ(1, nr_handled());
}

/* No thread of the same processor runs before this one waits. */
static int be_first(void)
{
	const struct sched_param priority = { .sched_priority = 10 };

	return sched_setscheduler(0, SCHED_FIFO, &priority) ? -errno : 0;
}

static int be_as_others(void)
{
	const struct sched_param none = { };

	return sched_setscheduler(0, SCHED_OTHER, &none) ? -errno : 0;
}

/* It has been served when the signal comes, and does not know yet. */
TEST_F(wait, success_wins_over_a_signal)
{
	struct waiter *waiter;
	cpu_set_t processor;
	int i;

	CPU_ZERO(&processor);
	CPU_SET(0, &processor);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(processor), &processor));
	for (i = 0; i < 20; i++) {
		waiter = QUEUE(ANY);
		ASSERT_EQ(0, be_first());
		test_deallocate(self->fd, 10);
		ASSERT_EQ(0, pthread_kill(waiter->thread, SIGUSR1));
		EXPECT_FALSE(is_done(waiter));
		ASSERT_EQ(0, be_as_others());
		EXPECT_SERVED(waiter, 10);
		EXPECT_EQ(i + 1, nr_handled());
		test_deallocate(waiter->fd, 10);
		test_allocate(self->fd, 10);
		ASSERT_TRUE(waiters_end());
	}
}

/* Both at about the same time: it is held, or free. */
TEST_F_TIMEOUT(wait, signal_races, 60)
{
	int served = 0, i;

	for (i = 0; i < rounds(RACES); i++) {
		struct waiter *waiter = QUEUE(i % 4 < 2 ? ANY : EXACT(10));

		if (i % 2)
			test_deallocate(self->fd, 10);
		ASSERT_EQ(0, pthread_kill(waiter->thread, SIGUSR1));
		if (!(i % 2))
			test_deallocate(self->fd, 10);
		ASSERT_TRUE(waiter_join(waiter));
		ASSERT_TRUE(!waiter->result || waiter->result == -EINTR);
		ASSERT_TRUE(allocated_is(self->fd, waiter->result ? 5 : 6));
		if (i % 2)
			ASSERT_EQ(0, waiter->result);
		served += !waiter->result;
		waiter_close(waiter);
		test_allocate(self->fd, 10);
		ASSERT_TRUE(waiters_end());
	}
	TH_LOG("served %d of %d times", served, i);
}

/*
 * The deadline at about the same time. Given back a bit later after each time
 * that it was in time, and earlier if it was not, so that it comes to the edge.
 */
TEST_F_TIMEOUT(wait, deadline_races, 120)
{
	unsigned long long end = now_ms() + 3 * DEADLINE_MS;
	__s64 aim = 0;
	int served = 0, i;

	for (i = 0; i < rounds(RACES) || !served || served == i; i++) {
		struct freq_allocate_v3 argument = i % 2 ? ANY : EXACT(10);
		struct waiter *waiter;

		ASSERT_LT(now_ms(), end);
		argument.deadline = monotonic_ns(5 * NS_PER_MS);
		waiter = waiter_start(self->fd, argument);
		ASSERT_NE(NULL, waiter);
		while (monotonic_ns(0) < argument.deadline + aim)
			;
		test_deallocate(self->fd, 10);
		ASSERT_TRUE(waiter_join(waiter));
		ASSERT_TRUE(!waiter->result || waiter->result == -ETIMEDOUT);
		ASSERT_TRUE(allocated_is(self->fd, waiter->result ? 5 : 6));
		ASSERT_EQ(!waiter->result, holds(waiter->fd, 10));
		served += !waiter->result;
		aim += waiter->result ? -50000 : 50000;
		waiter_close(waiter);
		test_allocate(self->fd, 10);
		ASSERT_TRUE(waiters_end());
	}
	TH_LOG("served %d of %d times, at %lld us", served, i, aim / 1000);
}

/* Says what it has got, and has it until it is told. */
static int wait_in_child(int line, void *data)
{
	struct freq_allocate_v3 argument = ANY;
	int fd = open_client();

	if (fails(fd >= 0) || line_say(line, 'a') ||
	    differ(0, try_allocate_v3(fd, &argument)) ||
	    differ(10, argument.frequency))
		return -1;
	return line_say(line, 'g') || line_hear(line, 'b');
}

static int start_waiting_child(struct child *child, int watch)
{
	__u32 before = waiters_of(watch);

	return child_start(child, wait_in_child, NULL) ||
	       line_hear(child->line, 'a') ||
	       fails(wait_until(waiters_of(watch) == before + 1));
}

TEST_F(wait, killed)
{
	struct waiter *waiter;
	struct child child;

	ASSERT_EQ(0, start_waiting_child(&child, self->fd));
	waiter = QUEUE(ANY);
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_WAITING(1);
	EXPECT_TRUE(clients_are(self->fd, 2));
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(waiter, 10);
}

/* Served just before or just after it is killed: the next one has it then. */
TEST_F_TIMEOUT(wait, kill_races, 120)
{
	struct waiter *waiter;
	struct child child;
	int i;

	for (i = 0; i < rounds(KILLS); i++) {
		ASSERT_EQ(0, start_waiting_child(&child, self->fd));
		waiter = QUEUE(i % 4 < 2 ? ANY : EXACT(10));
		if (i % 2)
			test_deallocate(self->fd, 10);
		ASSERT_EQ(0, kill(child.pid, SIGKILL));
		if (!(i % 2))
			test_deallocate(self->fd, 10);
		ASSERT_EQ(128 + SIGKILL, child_wait(&child));
		EXPECT_SERVED(waiter, 10);
		EXPECT_TRUE(allocated_is(self->fd, 6));
		waiter_close(waiter);
		test_allocate(self->fd, 10);
		ASSERT_TRUE(waiters_end());
	}
}

/* As by a signal with SA_RESTART: it waits anew when it goes on. */
TEST_F(wait, stopped)
{
	struct waiter *waiter;
	struct child child;

	ASSERT_EQ(0, start_waiting_child(&child, self->fd));
	waiter = QUEUE(ANY);
	ASSERT_EQ(0, kill(child.pid, SIGSTOP));
	ASSERT_TRUE(wait_until(process_state(child.pid) == 'T'));
	EXPECT_WAITING(1);
	ASSERT_EQ(0, kill(child.pid, SIGCONT));
	ASSERT_TRUE(wait_until(waiters_of(self->fd) == 2));
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(waiter, 10);
	EXPECT_WAITING(1);
	test_deallocate(waiter->fd, 10);
	EXPECT_EQ(0, line_hear(child.line, 'g'));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_TRUE(sysfs_is("free", "10\n"));
}

/* The argument is in a page that is read-only when it is served. */
static struct waiter *start_with_page(int watch, struct freq_allocate_v3 asked)
{
	struct waiter *waiter = waiter_make(open_client(), asked);

	if (!waiter)
		return NULL;
	waiter->at = page_map(PROT_READ | PROT_WRITE);
	if (fails(waiter->at))
		return NULL;
	*waiter->at = asked;
	if (!waiter_run(waiter, watch) || fails(!is_done(waiter)) ||
	    differ(0, mprotect(waiter->at, page_size(), PROT_READ)))
		return NULL;
	return waiter;
}

TEST_F(wait, reply_that_cannot_be_written)
{
	struct freq_allocate_v3 kept = EXACT(10);
	struct waiter *waiter, *next;

	waiter = start_with_page(self->fd, ANY);
	ASSERT_NE(NULL, waiter);
	next = QUEUE(ANY);
	test_deallocate(self->fd, 10);
	EXPECT_TRUE(ended(waiter, -EFAULT));
	EXPECT_SERVED(next, 10);

	/* With nobody behind it, and to be kept. */
	kept.flags |= FREQ_ALLOCATE_KEEP;
	waiter = start_with_page(self->fd, kept);
	ASSERT_NE(NULL, waiter);
	test_deallocate(next->fd, 10);
	EXPECT_TRUE(ended(waiter, -EFAULT));
	EXPECT_TRUE(allocated_is(self->fd, 5));
	EXPECT_TRUE(sysfs_is("free", "10\n"));
	EXPECT_TRUE(clients_are(self->fd, 4));
}

/* All of them but the last one: it is passed on through the whole queue. */
TEST_F(wait, replies_that_cannot_be_written)
{
	struct waiter *last;
	int i;

	for (i = 0; i < 10; i++)
		ASSERT_NE(NULL, start_with_page(self->fd, i % 2 ? ANY :
								EXACT(10)));
	last = QUEUE(ANY);
	test_deallocate(self->fd, 10);
	for (i = 0; i < 10; i++)
		EXPECT_TRUE(ended(&waiters[i], -EFAULT));
	EXPECT_SERVED(last, 10);
}

/* A page that can be read at first, and whose write is stuck then. */
static struct waiter *start_with_slow_page(int watch, struct slow_page *slow)
{
	struct waiter *waiter = waiter_make(open_client(), ANY);

	if (!waiter ||
	    differ(0, slow_page_map_protected(slow, &waiter->argument,
					      sizeof(waiter->argument))))
		return NULL;
	waiter->at = slow->page;
	return waiter_run(waiter, watch) && !fails(!is_done(waiter)) ? waiter :
								       NULL;
}

/* Meanwhile it has nothing: the next one gets it. It keeps its place. */
TEST_F(wait, reply_that_is_stuck)
{
	struct waiter *waiter, *next, *last;
	struct slow_page slow;

	waiter = start_with_slow_page(self->fd, &slow);
	ASSERT_NE(NULL, waiter);
	next = QUEUE(ANY);
	last = QUEUE(ANY);
	test_deallocate(self->fd, 10);
	ASSERT_EQ(0, slow_page_wait(&slow));
	EXPECT_SERVED(next, 10);
	EXPECT_WAITING(1);
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
	ASSERT_EQ(0, slow_page_deliver(&slow, &waiter->argument,
				       sizeof(waiter->argument)));
	ASSERT_TRUE(wait_until(waiters_of(self->fd) == 2));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v3"));
	/* The page is made writable by the first write since. */
	waiter->at->grant = 0;
	test_deallocate(next->fd, 10);
	EXPECT_SERVED(waiter, 10);
	EXPECT_FALSE(is_done(last));
	test_deallocate(waiter->fd, 10);
	EXPECT_SERVED(last, 10);
}

/* What is free when the page comes is given out as to anybody. */
TEST_F(wait, reply_that_is_late)
{
	struct waiter *waiter;
	struct slow_page slow;

	waiter = start_with_slow_page(self->fd, &slow);
	ASSERT_NE(NULL, waiter);
	test_deallocate(self->fd, 10);
	ASSERT_EQ(0, slow_page_wait(&slow));
	EXPECT_TRUE(sysfs_is("free", "10\n"));
	EXPECT_WAITING(0);
	ASSERT_EQ(0, slow_page_deliver(&slow, &waiter->argument,
				       sizeof(waiter->argument)));
	EXPECT_TRUE(got(waiter, 10));
}

TEST_F(wait, reply_that_is_stuck_in_vain)
{
	struct waiter *waiter, *next;
	struct slow_page slow;

	waiter = start_with_slow_page(self->fd, &slow);
	ASSERT_NE(NULL, waiter);
	next = QUEUE(ANY);
	test_deallocate(self->fd, 10);
	ASSERT_EQ(0, slow_page_wait(&slow));
	EXPECT_SERVED(next, 10);
	ASSERT_EQ(0, slow_page_refuse(&slow));
	EXPECT_TRUE(ended(waiter, -EFAULT));
	EXPECT_WAITING(0);
	test_deallocate(next->fd, 10);
	EXPECT_TRUE(sysfs_is("free", "10\n"));
}

/* ---- The client of a request that waits */

/* It is open until the request returns, and gives back what that got. */
TEST_F(wait, closed_meanwhile)
{
	struct waiter *waiter = QUEUE(ANY);
	struct waiter *next = QUEUE(ANY);

	waiter_close(waiter);
	EXPECT_WAITING(2);
	test_deallocate(self->fd, 10);
	EXPECT_TRUE(ended(waiter, 0));
	EXPECT_EQ(10, waiter->at->frequency);
	ASSERT_TRUE(wait_until(is_done(next)));
	EXPECT_SERVED(next, 10);
	EXPECT_LT(waiter->at->grant, next->at->grant);
}

/* Threads of one client, one of which gives back what the other waits for. */
TEST_F(wait, one_client)
{
	struct waiter *own, *any;

	own = waiter_make(dup(self->fd), EXACT(10));
	ASSERT_NE(NULL, own);
	ASSERT_TRUE(waiter_run(own, self->fd));
	any = waiter_make(dup(self->fd), ANY);
	ASSERT_NE(NULL, any);
	ASSERT_TRUE(waiter_run(any, self->fd));
	EXPECT_WAITING(2);
	test_deallocate(self->fd, 10);
	EXPECT_SERVED(own, 10);
	test_deallocate(self->fd, 11);
	EXPECT_SERVED(any, 11);
	EXPECT_TRUE(clients_are(self->fd, 1));
}

/* It counts as one that has allocated something. */
TEST_F(wait, client_hinders_a_stop)
{
	struct waiter *interrupted = QUEUE(ANY);
	int late = open_client();

	ASSERT_GE(late, 0);
	EXPECT_EQ(-ETIMEDOUT, allocate_by(late, ANY, monotonic_ns(NS_PER_MS)));
	test_err_stop(EBUSY, self->fd);
	ASSERT_EQ(0, pthread_kill(interrupted->thread, SIGUSR1));
	EXPECT_TRUE(ended(interrupted, -EINTR));
	test_deallocate_batch(self->fd, 10, 11, 12, 13, 14, 15);
	test_err_stop(EBUSY, self->fd);
	close(late);
	test_err_stop(EBUSY, self->fd);
	waiter_close(interrupted);
	test_stop(self->fd);
	EXPECT_EQ(-ENODEV, allocate_by(self->fd, ANY, FREQ_FOR_EVER));
}

TEST_F(wait, read_only_descriptor)
{
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EPERM, allocate_by(fd, ANY, FREQ_FOR_EVER));
	EXPECT_EQ(-EPERM, allocate_by(fd, EXACT(9), -1));
	EXPECT_EQ(0, waiters_of(fd));
	close(fd);
}

/* ---- Other releases */

/* Whether one of the records of ours since then has this word. */
static bool log_has(int log, const char *word)
{
	char record[8192];
	bool has = false;
	ssize_t got;

	while ((got = read(log, record, sizeof(record) - 1)) > 0) {
		record[got] = '\0';
		has |= strstr(record, "freq") && strstr(record, word);
	}
	return has;
}

TEST_F(wait, downgrade_is_refused)
{
	static const char * const older[] = { "freq_v1", "freq_v2" };
	struct waiter *waiter = QUEUE(EXACT(11));
	__u64 refused = upgrade_figure("refused");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(older); i++) {
		EXPECT_EQ(-EOPNOTSUPP, module_load(older[i], NULL));
		EXPECT_FALSE(module_loaded(older[i]));
		EXPECT_TRUE(release_runs("freq_v3"));
		EXPECT_EQ(refused + i + 1, upgrade_figure("refused"));
		/* It is said why. */
		EXPECT_TRUE(log_has(self->log, "wait"));
		EXPECT_WAITING(1);
	}
	test_deallocate(self->fd, 10);
	EXPECT_EQ(-EOPNOTSUPP, module_load("freq_v2", NULL));
	EXPECT_TRUE(log_has(self->log, "wait"));
	test_deallocate(self->fd, 11);
	EXPECT_SERVED(waiter, 11);

	/* Now nobody waits. */
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v2"));
	EXPECT_EQ(-E2BIG, allocate_by(self->fd, ANY, FREQ_FOR_EVER));
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v3"));
	waiter = QUEUE(EXACT(11));
	test_deallocate(waiters[0].fd, 11);
	EXPECT_SERVED(waiter, 11);
}

/* From the release that is tried, too. */
TEST_F(wait, downgrade_from_another_release)
{
	struct waiter *waiter = QUEUE(ANY);

	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
	EXPECT_EQ(-EOPNOTSUPP, module_load("freq_v1", NULL));
	ASSERT_EQ(0, pthread_kill(waiter->thread, SIGUSR1));
	EXPECT_TRUE(ended(waiter, -EINTR));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v1"));
	EXPECT_TRUE(allocated_is(self->fd, 6));
}

/* Requests that begin to wait while upgrades go on, and end in any way. */
TEST_F_TIMEOUT(wait, during_upgrades, 120)
{
	static const char * const releases[] = { "freq_v3", "freq_v90" };
	struct waiter *waiter;
	int i;

	for (i = 0; i < rounds(40); i++) {
		waiter = QUEUE(i % 3 ? ANY : EXACT(10));
		ASSERT_EQ(0, server_upgrade(releases[i % 2],
					    releases[1 - i % 2]));
		EXPECT_WAITING(1);
		if (i % 4 < 2) {
			test_deallocate(self->fd, 10);
			EXPECT_SERVED(waiter, 10);
		} else {
			ASSERT_EQ(0, pthread_kill(waiter->thread, SIGUSR1));
			EXPECT_TRUE(ended(waiter, -EINTR));
		}
		ASSERT_TRUE(waiters_end());
		if (i % 4 < 2)
			test_allocate(self->fd, 10);
		EXPECT_TRUE(allocated_is(self->fd, 6));
	}
}

/* Neither knows of the other's. */
TEST_F(wait, rehearsal)
{
	struct waiter *waiter, *other;
	int copy;

	test_deallocate(self->fd, 10);
	test_keep(self->fd, 10);
	waiter = QUEUE(ANY);
	ASSERT_EQ(0, module_load("freq_v90", "rehearse=1"));
	copy = open_rehearsal();
	ASSERT_GE(copy, 0);
	EXPECT_EQ(0, waiters_of(copy));
	EXPECT_WAITING(1);
	/* It is not passed on to anybody, there or here. */
	test_deallocate(copy, 10);
	EXPECT_EQ(0, grant_of(copy, 10));
	EXPECT_WAITING(1);
	test_allocate(copy, 10);

	/* One that waits in the rehearsal. */
	other = waiter_make(open_rehearsal(), ANY);
	ASSERT_NE(NULL, other);
	ASSERT_TRUE(waiter_run(other, copy));
	EXPECT_EQ(1, waiters_of(copy));
	EXPECT_WAITING(1);
	test_deallocate(self->fd, 12);
	EXPECT_SERVED(waiter, 12);
	EXPECT_EQ(1, waiters_of(copy));
	test_deallocate(copy, 10);
	EXPECT_SERVED(other, 10);
	waiter_close(other);
	close(copy);
	EXPECT_TRUE(wait_until(rehearsal_gone()));
	EXPECT_EQ(0, module_unload("freq_v90"));
	EXPECT_TRUE(allocated_is(self->fd, 6));
}

TEST_HARNESS_MAIN
