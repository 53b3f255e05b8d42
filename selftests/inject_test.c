// SPDX-License-Identifier: GPL-2.0-only
/*
 * A long INJECT, and what all others see of it while it is under way: all of
 * it or nothing, whether it succeeds, fails at its end, is killed, or meets
 * an upgrade.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define MANY		30000
#define ROUNDS		10

FIXTURE(inject) {
	int fd;
};

/* 10 to 15, as usual. */
FIXTURE_SETUP(inject)
{
	ASSERT_EQ(0, server_start("freq_v2", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(inject)
{
	EXPECT_EQ(0, test_clean());
}

static __u64 total(int fd)
{
	struct freq_info info;

	return try_info(fd, &info) ? 0 : info.free + info.allocated;
}

/* So many numbers from the first on, in disorder; a prime steps over all. */
static __u64 *make_list(__u64 first, __u32 count)
{
	__u64 *list = calloc(count, sizeof(*list));
	__u64 at = 0;
	__u32 i;

	for (i = 0; list && i < count; i++) {
		list[i] = first + at;
		at = (at + 7919) % count;
	}
	return list;
}

struct injector {
	pthread_t thread;
	int fd;
	bool fails;	/* each time, at the very end of the list */
	bool may_be_unknown;
	bool may_collide;	/* with what another one has injected */
	bool stop;
	pthread_barrier_t *start;
	__u32 rounds;
	__u64 first;		/* of the first list */
	__u32 begun;
	__u32 done;
	int error;
};

/* The number of the request that is under way, 0 if none is */
static __u32 request_of(const struct injector *injector)
{
	__u32 done = __atomic_load_n(&injector->done, __ATOMIC_SEQ_CST);
	__u32 begun = __atomic_load_n(&injector->begun, __ATOMIC_SEQ_CST);

	return begun > done ? begun : 0;
}

static int inject_rounds(struct injector *injector)
{
	__u64 first = injector->first ?: 1000000;
	__u32 index;
	__u64 *list;
	int error;
	__u32 i;

	for (i = 0; i < injector->rounds; i++, first += MANY) {
		if (__atomic_load_n(&injector->stop, __ATOMIC_RELAXED))
			break;
		list = make_list(first, MANY);
		if (fails(list))
			return -1;
		if (injector->fails)
			list[MANY - 1] = 15;
		if (injector->start)
			pthread_barrier_wait(injector->start);
		__atomic_fetch_add(&injector->begun, 1, __ATOMIC_SEQ_CST);
		error = try_inject(injector->fd, list, MANY, &index);
		free(list);
		if (error == -ENOTTY && injector->may_be_unknown) {
			__atomic_fetch_sub(&injector->begun, 1,
					   __ATOMIC_SEQ_CST);
			continue;
		}
		if (error == -EEXIST && index < MANY - 1 &&
		    injector->may_collide)
			return 0;
		if (injector->fails) {
			if (differ(-EEXIST, error) || differ(MANY - 1, index))
				return -1;
			/* The same again, and again. */
			first -= MANY;
		} else if (differ(0, error)) {
			return -1;
		}
		__atomic_fetch_add(&injector->done, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void *inject_in_thread(void *data)
{
	struct injector *injector = data;

	injector->error = inject_rounds(injector);
	injector->stop = true;
	return NULL;
}

static bool ended(struct injector *injector)
{
	return __atomic_load_n(&injector->stop, __ATOMIC_RELAXED);
}

static int finish(struct injector *injector)
{
	__atomic_store_n(&injector->stop, true, __ATOMIC_RELAXED);
	return pthread_join(injector->thread, NULL);
}

/* Counted at any moment, there are all of a list or none. */
TEST_F(inject, all_at_once)
{
	struct injector injector = { .fd = open_client(), .rounds = ROUNDS };
	unsigned long looks = 0, hits = 0;

	ASSERT_GE(injector.fd, 0);
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	while (!ended(&injector)) {
		__u32 before = request_of(&injector);
		__u64 now = total(self->fd);

		ASSERT_EQ(6, now % MANY) {
			TH_LOG("there are %llu", now);
		}
		looks++;
		hits += before && before == request_of(&injector);
	}
	ASSERT_EQ(0, finish(&injector));
	EXPECT_EQ(0, injector.error);
	EXPECT_EQ(6 + ROUNDS * MANY, total(self->fd));
	EXPECT_LT(0, hits);
	TH_LOG("looked %lu times, %lu of them during a request", looks, hits);
}

/*
 * What a list that fails would have added is at no moment there: it cannot be
 * allocated, and it does not stand in the way of others who add the same.
 */
TEST_F(inject, nothing_of_a_failure)
{
	struct injector injector = {
		.fd = open_client(),
		.fails = true,
		.rounds = ~0U,
	};
	__u64 fresh, frequency;
	int i;

	ASSERT_GE(injector.fd, 0);
	/* Four are left, so that the head of the free list is known. */
	test_allocate(self->fd, 10);
	test_allocate(self->fd, 11);
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(6, total(self->fd));
		ASSERT_EQ(0, try_allocate(self->fd, 0, &frequency));
		ASSERT_EQ(12, frequency);
		test_deallocate(self->fd, 12);
		test_err_deallocate(ENOENT, self->fd, 1000000);
	}
	ASSERT_TRUE(wait_until(__atomic_load_n(&injector.done,
					       __ATOMIC_SEQ_CST) > 3));
	ASSERT_EQ(0, finish(&injector));
	EXPECT_EQ(0, injector.error);

	/* With rounds of its own that are shorter than the failing ones. */
	injector.stop = false;
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	for (i = 0; i < 5; i++) {
		fresh = 2000000 + i;
		ASSERT_EQ(0, try_inject(self->fd, &fresh, 1, NULL));
	}
	ASSERT_EQ(0, finish(&injector));
	EXPECT_EQ(0, injector.error);
	EXPECT_EQ(11, total(self->fd));
	/* One that the failing list had, too. */
	test_inject(self->fd, 1000000);
	EXPECT_TRUE(sysfs_is("free", "12-15,1000000,2000000-2000004\n"));
}

/* One that fails and one that succeeds with the same number, at one time. */
TEST_F(inject, beside_a_failure)
{
	struct injector injector = {
		.fd = open_client(),
		.fails = true,
		.may_collide = true,
		.rounds = ~0U,
	};
	__u64 same = 1000000 + MANY / 2;

	ASSERT_GE(injector.fd, 0);
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	ASSERT_TRUE(wait_until(__atomic_load_n(&injector.done,
					       __ATOMIC_SEQ_CST)));
	EXPECT_EQ(0, try_inject(self->fd, &same, 1, NULL));
	/* From here on, it is that number at which the other one fails. */
	ASSERT_EQ(0, finish(&injector));
	EXPECT_EQ(0, injector.error);
	EXPECT_EQ(7, total(self->fd));
}

/*
 * Two with the same list, until they were at it at the same time: one of them
 * has it, whole.
 */
TEST_F(inject, race)
{
	unsigned long long end = now_ms() + DEADLINE_MS;
	pthread_barrier_t start;
	int turn, i, met = 0;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 2));
	for (turn = 0; !met && turn < 20 && now_ms() < end; turn++) {
		struct injector injectors[2];

		for (i = 0; i < 2; i++) {
			injectors[i] = (struct injector) {
				.fd = open_client(),
				.start = &start,
				.may_collide = true,
				.rounds = 1,
				.first = 1000000 + turn * MANY,
			};
			ASSERT_GE(injectors[i].fd, 0);
			ASSERT_EQ(0, pthread_create(&injectors[i].thread, NULL,
						    inject_in_thread,
						    &injectors[i]));
		}
		while (!ended(&injectors[0]) && !ended(&injectors[1]))
			met += request_of(&injectors[0]) && request_of(&injectors[1]);
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, pthread_join(injectors[i].thread, NULL));
			EXPECT_EQ(0, injectors[i].error);
			close(injectors[i].fd);
		}
		EXPECT_EQ(1, injectors[0].done + injectors[1].done);
		EXPECT_EQ(6 + (turn + 1) * MANY, total(self->fd));
	}
	EXPECT_LT(0, met);
	TH_LOG("seen together %d times in turn %d", met, turn);
}

/* A page that the test shares with a child which injects */
struct shared {
	__u64 first;
	bool begun;
};

static int inject_once(int line, void *data)
{
	struct shared *shared = data;
	__u64 *list = make_list(shared->first, 10 * MANY);
	int fd = open_client();

	if (fails(list) || fails(fd >= 0) || line_say(line, 'a'))
		return -1;
	__atomic_store_n(&shared->begun, true, __ATOMIC_SEQ_CST);
	return differ(0, try_inject(fd, list, 10 * MANY, NULL));
}

#define KILLS	3

/*
 * Killed in the middle of it, it is done or it is not. How long it takes is found
 * out first; then it is killed earlier, until it has been so some times before
 * its end.
 */
TEST_F_TIMEOUT(inject, killed, 60)
{
	unsigned long long start, life = 0, end = now_ms() + DEADLINE_MS;
	int turn, status, early = 0;
	struct shared *shared;
	struct child child;
	__u64 expected = 6;
	__u64 random = 1;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	for (turn = 0; early < KILLS && now_ms() < end; turn++) {
		shared->first = 1000000 + turn * 10ULL * MANY;
		shared->begun = false;
		ASSERT_EQ(0, child_start(&child, inject_once, shared));
		ASSERT_EQ(0, line_hear(child.line, 'a'));
		ASSERT_TRUE(wait_until(__atomic_load_n(&shared->begun,
						       __ATOMIC_SEQ_CST)));
		start = now_us();
		if (!turn) {
			ASSERT_EQ(0, child_wait(&child));
			life = now_us() - start;
			expected += 10 * MANY;
			ASSERT_EQ(expected, total(self->fd));
			continue;
		}
		/* Less and less, if it ended before that. */
		start += life / 8 + random_below(&random, 1 + life / turn);
		while (now_us() < start)
			nap();
		status = child_kill(&child);
		if (status) {
			ASSERT_EQ(128 + SIGKILL, status);
			early += total(self->fd) == expected;
		}
		if (total(self->fd) != expected)
			expected += 10 * MANY;
		ASSERT_EQ(expected, total(self->fd));
	}
	EXPECT_EQ(KILLS, early);
	TH_LOG("one took %llu us; %d were killed", life, turn - 1);
	/* The server lives, and so do those who come now. */
	test_inject(self->fd, 30, 31);
	test_allocate(self->fd, 10);
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

static void ignore(int signal)
{
}

/* Waits for the end of a conversion, with a handler for SIGUSR1. */
static int inject_with_handler(int line, void *data)
{
	const int *flags = data;
	struct sigaction action = {
		.sa_handler = ignore,
		.sa_flags = *flags,
	};
	const __u64 fresh = 30 + *flags;
	int fd = open_client();

	if (fails(fd >= 0) || fails(!sigaction(SIGUSR1, &action, NULL)) ||
	    line_say(line, 'a'))
		return -1;
	return differ(*flags ? 0 : -EINTR, try_inject(fd, &fresh, 1, NULL));
}

static int load_v90(int line, void *data)
{
	return differ(0, module_load("freq_v90", "fail=step-waits"));
}

static bool asleep(pid_t pid)
{
	char state = process_state(pid);

	return state == 'S' || state == 'D';
}

/* With SA_RESTART it goes on to wait; without, it ends, and nothing is added. */
TEST_F(inject, signal_while_it_waits)
{
	static const int flags[] = { 0, SA_RESTART };
	struct child loader, injectors[2];
	char wanted[64];
	int i;

	ASSERT_EQ(0, child_start(&loader, load_v90, NULL));
	ASSERT_TRUE(wait_until(knob_waits()));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, child_start(&injectors[i], inject_with_handler,
					 (void *)&flags[i]));
		ASSERT_EQ(0, line_hear(injectors[i].line, 'a'));
		ASSERT_TRUE(wait_until(asleep(injectors[i].pid)));
	}
	/* Until one is hit while it waits, not just before. */
	ASSERT_TRUE(wait_until(!kill(injectors[0].pid, SIGUSR1) &&
			       process_state(injectors[0].pid) == 'Z'));
	EXPECT_EQ(0, child_wait(&injectors[0]));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, kill(injectors[1].pid, SIGUSR1));
		nap();
	}
	EXPECT_TRUE(wait_until(asleep(injectors[1].pid)));
	EXPECT_TRUE(knob_waits());
	EXPECT_EQ(6, total(self->fd));

	ASSERT_EQ(0, set_knob("none"));
	EXPECT_EQ(0, child_wait(&loader));
	EXPECT_EQ(0, child_wait(&injectors[1]));
	EXPECT_EQ(0, module_unload("freq_v2"));
	snprintf(wanted, sizeof(wanted), "10-15,%d\n", 30 + SA_RESTART);
	EXPECT_TRUE(sysfs_is("free", wanted));
}

/* Upgrades to a release that does not know INJECT, and back. */
TEST_F_TIMEOUT(inject, during_upgrades, 60)
{
	struct injector injector = {
		.fd = open_client(),
		.may_be_unknown = true,
		.rounds = 40,
	};
	int i;

	ASSERT_GE(injector.fd, 0);
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
		ASSERT_EQ(6, total(self->fd) % MANY);
		ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	}
	ASSERT_EQ(0, finish(&injector));
	EXPECT_EQ(0, injector.error);
	EXPECT_EQ(6 + (__u64)injector.done * MANY, total(self->fd));
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

/* The most that one request can add. */
TEST_F_TIMEOUT(inject, largest, 60)
{
	__u64 *list = make_list(1000000, FREQ_INJECT_MAX);
	__u32 index;

	ASSERT_NE(NULL, list);
	ASSERT_EQ(0, try_inject(self->fd, list, FREQ_INJECT_MAX, NULL));
	EXPECT_EQ(6 + FREQ_INJECT_MAX, total(self->fd));
	EXPECT_EQ(-EEXIST, try_inject(self->fd, list, FREQ_INJECT_MAX, &index));
	EXPECT_EQ(0, index);
	free(list);
	EXPECT_TRUE(sysfs_is("free", "10-15,1000000-2048575\n"));
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	EXPECT_EQ(6 + FREQ_INJECT_MAX, total(self->fd));
	test_deallocate(self->fd, 10);
	test_stop(self->fd);
}

TEST_HARNESS_MAIN
