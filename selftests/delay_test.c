// SPDX-License-Identifier: GPL-2.0-only
/*
 * For how long anybody waits for another, in instructions: to be run where the
 * clock counts these, one a nanosecond, on one processor (vm/run -i).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "release/release_v90.h"

/* A request is handed over for this much of what a futex takes, in percent. */
#define HANDOVER_MAX	90
#define HANDOVERS	2000

/* A process that is killed has to be gone within, in us. */
#define KILL_MAX	10000

/* The longest request while a client is throttled, in us, and how long that is. */
#define DELAY_MAX	1000
#define THROTTLED_MS	3000

/* Where scheduling can be made as preemptive as it gets. */
#define DEBUGFS		"/tmp/freq-debug"
#define PREEMPT		DEBUGFS "/sched/preempt"
#define CGROUPS		"/tmp/freq-cgroups"
#define CGROUP		CGROUPS "/clients/"

static unsigned long long now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* Who is woken does not preempt who has woken him, but comes before all else. */
static int be_first(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &first) ? -errno : 0;
}

static int sleep_at_door(int fd)
{
	struct freq_sleep sleep = {
		.deadline = -1,
		.clock = CLOCK_MONOTONIC,
	};

	return try_ioctl(fd, FREQ_IOC_SLEEP, &sleep);
}

/* ---- Handing over ---- */

/**
 * struct turns - two processes that take turns
 * @mine: the futex that the first waits for
 * @yours: the futex that the second waits for
 */
struct turns {
	int mine;
	int yours;
};

FIXTURE(handover) {
	struct turns *turns;
	struct child other;
	int fd;
};

FIXTURE_SETUP(handover)
{
	ASSERT_EQ(0, server_start("freq_v90", NULL));
	self->turns = mmap(NULL, sizeof(*self->turns), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->turns);
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, be_first());
}

FIXTURE_TEARDOWN(handover)
{
	EXPECT_EQ(0, test_clean());
}

static long futex(int *word, int op, int value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void futex_post(int *word)
{
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	futex(word, FUTEX_WAKE, 1);
}

static void futex_take(int *word)
{
	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
		futex(word, FUTEX_WAIT, 0);
	__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
}

static int answer_futex(int line, void *data)
{
	struct turns *turns = data;
	int i;

	for (i = 0; i < HANDOVERS; i++) {
		futex_take(&turns->yours);
		futex_post(&turns->mine);
	}
	return 0;
}

static int answer_door(int line, void *data)
{
	int fd = open_client();
	int i;

	if (fails(fd >= 0) || line_say(line, 'o'))
		return -1;
	for (i = 0; i < HANDOVERS; i++)
		if (differ(0, sleep_at_door(fd)) ||
		    differ(0, try_ioctl(fd, FREQ_IOC_WAKE, NULL)))
			return -1;
	return 0;
}

/* One wakes the other and sleeps, and so does the other. */
TEST_F(handover, against_futex)
{
	unsigned long long start, by_futex, by_door;
	int i;

	ASSERT_EQ(0, child_start(&self->other, answer_futex, self->turns));
	start = now_ns();
	for (i = 0; i < HANDOVERS; i++) {
		futex_post(&self->turns->yours);
		futex_take(&self->turns->mine);
	}
	by_futex = now_ns() - start;
	ASSERT_EQ(0, child_wait(&self->other));

	ASSERT_EQ(0, child_start(&self->other, answer_door, NULL));
	ASSERT_EQ(0, line_hear(self->other.line, 'o'));
	ASSERT_TRUE(wait_until(process_state(self->other.pid) == 'S'));
	start = now_ns();
	for (i = 0; i < HANDOVERS; i++) {
		ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_WAKE, NULL));
		/* The other has nobody to wake but this. */
		ASSERT_EQ(0, sleep_at_door(self->fd));
	}
	by_door = now_ns() - start;
	ASSERT_EQ(0, child_wait(&self->other));

	TH_LOG("instructions of a hand-over: futex %llu, door %llu",
	       by_futex / (2 * HANDOVERS), by_door / (2 * HANDOVERS));
	EXPECT_LE(by_door * 100, by_futex * HANDOVER_MAX);
}

/* ---- SIGKILL ---- */

/* What is killed while it waits */
static int wait_sleeping(int line, void *data)
{
	int fd = open_client();

	if (fails(fd >= 0) || line_say(line, 'w'))
		return -1;
	return sleep_at_door(fd);
}

static int wait_for_claim(int line, void *data)
{
	const __u64 number = 1000;
	int fd = open_client();

	if (fails(fd >= 0) || line_say(line, 'w'))
		return -1;
	return try_inject(fd, &number, 1, NULL);
}

static int wait_for_page(int line, void *data)
{
	struct slow_page slow;
	int fd = open_client();

	if (fails(fd >= 0) || fails(!slow_page_map(&slow)) ||
	    line_say(line, 'w'))
		return -1;
	return try_ioctl(fd, FREQ_IOC_INFO, slow.page);
}

FIXTURE(killed) {
	pthread_t loader;
	int loaded;
};

FIXTURE_VARIANT(killed) {
	int (*body)(int line, void *data);
	bool claimed;
};

FIXTURE_VARIANT_ADD(killed, sleeper) {
	.body = wait_sleeping,
};

FIXTURE_VARIANT_ADD(killed, inject) {
	.body = wait_for_claim,
	.claimed = true,
};

FIXTURE_VARIANT_ADD(killed, page) {
	.body = wait_for_page,
};

static void *load_next(void *data)
{
	*(int *)data = module_load("freq_v1", NULL);
	return NULL;
}

FIXTURE_SETUP(killed)
{
	ASSERT_EQ(0, server_start("freq_v90", NULL));
	if (!variant->claimed)
		return;
	/* A conversion that waits has claimed the state. */
	ASSERT_EQ(0, set_knob("step-waits"));
	ASSERT_EQ(0, pthread_create(&self->loader, NULL, load_next,
				    &self->loaded));
	ASSERT_TRUE(wait_until(knob_waits()));
}

FIXTURE_TEARDOWN(killed)
{
	set_knob("none");
	if (variant->claimed)
		pthread_join(self->loader, NULL);
	EXPECT_EQ(0, test_clean());
}

TEST_F(killed, at_once)
{
	unsigned long long us;
	struct child waiter;

	ASSERT_EQ(0, child_start(&waiter, variant->body, NULL));
	ASSERT_EQ(0, line_hear(waiter.line, 'w'));
	ASSERT_TRUE(wait_until(process_state(waiter.pid) == 'S' ||
			       process_state(waiter.pid) == 'D'));
	ASSERT_EQ(128 + SIGKILL, child_kill_timed(&waiter, &us));
	TH_LOG("gone after %llu us", us);
	EXPECT_LE(us, KILL_MAX);
}

/* ---- A client that gets next to nothing of the processor ---- */

FIXTURE(throttled) {
	struct child client;
	int fd;
};

static int hammer(int line, void *data)
{
	__u64 numbers[FREQ_BATCH_MAX];
	int fd = open_client();

	if (fails(fd >= 0) || line_say(line, 'h') || line_hear(line, 'g'))
		return -1;
	for (;;) {
		if (differ(0, try_allocate_batch(fd, 0, numbers,
						 FREQ_BATCH_MAX)) ||
		    differ(0, try_deallocate_batch(fd, numbers, FREQ_BATCH_MAX,
						   NULL)))
			return -1;
	}
}

FIXTURE_SETUP(throttled)
{
	char pid[16];

	mkdir(DEBUGFS, 0700);
	ASSERT_EQ(0, mount("none", DEBUGFS, "debugfs", 0, NULL));
	ASSERT_EQ(0, write_text(PREEMPT, "full"));
	mkdir(CGROUPS, 0700);
	ASSERT_EQ(0, mount("none", CGROUPS, "cgroup2", 0, NULL));
	ASSERT_EQ(0, write_text(CGROUPS "/cgroup.subtree_control", "+cpu"));
	ASSERT_EQ(0, mkdir(CGROUP, 0700));
	ASSERT_EQ(0, write_text(CGROUP "cpu.max", "1000 100000"));

	ASSERT_EQ(0, server_start("freq_v2", "frequencies=1-1000"));
	ASSERT_EQ(0, child_start(&self->client, hammer, NULL));
	ASSERT_EQ(0, line_hear(self->client.line, 'h'));
	snprintf(pid, sizeof(pid), "%d", self->client.pid);
	ASSERT_EQ(0, write_text(CGROUP "cgroup.procs", pid));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(throttled)
{
	EXPECT_EQ(0, test_clean());
	EXPECT_TRUE(wait_until(!rmdir(CGROUP)));
	EXPECT_EQ(0, umount2(CGROUPS, MNT_DETACH));
	EXPECT_EQ(0, write_text(PREEMPT, "voluntary"));
	EXPECT_EQ(0, umount2(DEBUGFS, MNT_DETACH));
}

static unsigned long times_throttled(void)
{
	char *text = read_text(CGROUP "cpu.stat");
	const char *at = text ? strstr(text, "nr_throttled ") : NULL;
	unsigned long times = at ? strtoul(at + 13, NULL, 10) : 0;

	free(text);
	return times;
}

/* A holder of the mutex that is throttled would keep it for a tenth of a second. */
TEST_F(throttled, delays_nobody)
{
	unsigned long long start, end, took, most = 0;
	unsigned long requests = 0;
	__u64 frequency;

	ASSERT_EQ(0, be_first());
	ASSERT_EQ(0, line_say(self->client.line, 'g'));
	end = now_ms() + THROTTLED_MS;
	do {
		start = now_us();
		ASSERT_EQ(0, try_allocate(self->fd, 0, &frequency));
		ASSERT_EQ(0, try_deallocate(self->fd, frequency));
		took = now_us() - start;
		most = took > most ? took : most;
		requests += 2;
		/* Whenever the other is, as good as by chance */
		usleep(37);
	} while (now_ms() < end);
	TH_LOG("%lu requests, the longest two %llu us; throttled %lu times",
	       requests, most, times_throttled());
	EXPECT_LE(most, DELAY_MAX);
	EXPECT_LE(10UL, times_throttled());
}

TEST_HARNESS_MAIN
