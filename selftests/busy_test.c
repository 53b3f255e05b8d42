// SPDX-License-Identifier: GPL-2.0-only
/*
 * Busy clients without any privilege, and what they must not cost others: a
 * reader of sysfs, and an upgrade that converts the state. Each figure is
 * compared with that of the same run without them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define NOBODY		65534

#define POOL		200000
#define POOL_PARAMETER	"frequencies=10000000-10399998/2"

static int compare_times(const void *one, const void *other)
{
	unsigned long long a = *(const unsigned long long *)one;
	unsigned long long b = *(const unsigned long long *)other;

	return (a > b) - (a < b);
}

static unsigned long long median(unsigned long long *times, int count)
{
	qsort(times, count, sizeof(*times), compare_times);
	return times[count / 2];
}

FIXTURE(busy) {
	int fd;
};

FIXTURE_SETUP(busy)
{
	ASSERT_EQ(0, server_start("freq_v2", POOL_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(busy)
{
	EXPECT_EQ(0, test_clean());
}

/* ---- Readers of sysfs */

#define READERS		8
#define LOOKS		101
#define FAR		0x10000000000LL

/* Far behind the end, again and again. */
static int read_far(int line, void *data)
{
	char byte;
	int fd;

	if (setpriority(PRIO_PROCESS, 0, 0) || differ(0, become(NOBODY)))
		return -1;
	fd = open(SYSFS "free", O_RDONLY | O_CLOEXEC);
	if (fails(fd >= 0))
		return -1;
	/* It is busy from now on. */
	if (line_say(line, 'a'))
		return -1;
	for (;;)
		pread(fd, &byte, 1, FAR);
}

/* A short list is read as cat reads it; 0 if that failed. */
static unsigned long long time_read(void)
{
	unsigned long long start = now_us();
	char *text = read_text(SYSFS "allocated");
	bool right = text && !strcmp(text, "10000000\n");

	free(text);
	return right ? now_us() - start + 1 : 0;
}

/*
 * The usual time of so many reads. It takes no more of them when it is plain
 * that this is above the limit.
 */
static int time_reads(unsigned long long *usual, unsigned long long limit)
{
	static unsigned long long times[LOOKS];
	int count, slow = 0;

	for (count = 0; count < LOOKS && slow <= LOOKS / 2; count++) {
		times[count] = time_read();
		if (fails(times[count]))
			return -1;
		slow += times[count] > limit;
	}
	*usual = median(times, count);
	return 0;
}

TEST_F_TIMEOUT(busy, readers, 180)
{
	unsigned long long idle, busy, us, longest = 0;
	struct child readers[READERS];
	int i;

	test_allocate(self->fd, 10000000);
	/* It may wait for the others, but not for the processor. */
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, -20));
	ASSERT_EQ(0, time_reads(&idle, ~0ULL));
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, child_start(&readers[i], read_far, NULL));
		ASSERT_EQ(0, line_hear(readers[i].line, 'a'));
	}
	ASSERT_EQ(0, time_reads(&busy, 4 * idle));
	for (i = 0; i < READERS; i++) {
		EXPECT_EQ(128 + SIGKILL, child_kill_timed(&readers[i], &us));
		longest = us > longest ? us : longest;
	}
	TH_LOG("usually %llu us, with %d readers %llu us", idle, READERS,
	       busy);
	TH_LOG("each reader ended within %llu us", longest);
	/* Each of its holds may wait for one of theirs. */
	EXPECT_LE(busy, 4 * idle);
}

/* ---- Conversions */

#define THREADS		32
#define SETS		20
#define TURNS		3

/*
 * Takes much of the pool, then gives back and takes again, for ever: each time
 * numbers from all over the pool.
 */
static void *change_in_thread(void *data)
{
	static __thread __u64 sets[SETS][FREQ_BATCH_MAX];
	int fd = open_client();
	int *ready = data;
	__u64 random = fd;
	int i;

	for (i = 0; i < SETS; i++) {
		if (differ(0, try_allocate_batch(fd, 0, sets[i],
						 FREQ_BATCH_MAX)))
			_exit(1);
	}
	shuffle(sets[0], SETS * FREQ_BATCH_MAX, &random);
	__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
	for (i = 0;; i = (i + 1) % SETS) {
		if (differ(0, try_deallocate_batch(fd, sets[i], FREQ_BATCH_MAX,
						   NULL)) ||
		    differ(0, try_allocate_batch(fd, 0, sets[i],
						 FREQ_BATCH_MAX)))
			_exit(1);
	}
}

static int change_much(int line, void *data)
{
	static int ready;
	pthread_t thread;
	int i;

	if (setpriority(PRIO_PROCESS, 0, 0) || differ(0, become(NOBODY)))
		return -1;
	for (i = 0; i < THREADS; i++) {
		if (differ(0, pthread_create(&thread, NULL, change_in_thread,
					     &ready)))
			return -1;
	}
	if (fails(wait_until(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) ==
			     THREADS)))
		return -1;
	if (line_say(line, 'a'))
		return -1;
	for (;;)
		pause();
}

/*
 * From one release to another and back, so many times: the usual time of each,
 * in microseconds.
 */
static int time_upgrades(const char *from, const char *to,
			 unsigned long long *up, unsigned long long *down)
{
	unsigned long long times[2][TURNS];
	int i;

	for (i = 0; i < TURNS; i++) {
		times[0][i] = now_us();
		if (differ(0, module_load(to, NULL)))
			return -1;
		times[0][i] = now_us() - times[0][i];
		if (differ(0, module_unload(from)))
			return -1;
		times[1][i] = now_us();
		if (differ(0, module_load(from, NULL)))
			return -1;
		times[1][i] = now_us() - times[1][i];
		if (differ(0, module_unload(to)))
			return -1;
	}
	*up = median(times[0], TURNS);
	*down = median(times[1], TURNS);
	return 0;
}

/*
 * Busy threads take the processor, from whatever is loaded: so a conversion is
 * compared with an upgrade of the same size and load that converts nothing.
 */
TEST_F_TIMEOUT(busy, conversion, 180)
{
	unsigned long long idle_up, idle_down, up, down, plain_up, plain_down;
	struct child changers;

	ASSERT_EQ(0, time_upgrades("freq_v2", "freq_v90", &idle_up,
				   &idle_down));
	ASSERT_EQ(0, child_start(&changers, change_much, NULL));
	ASSERT_EQ(0, line_hear(changers.line, 'a'));
	ASSERT_EQ(0, time_upgrades("freq_v2", "freq_v90", &up, &down));
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
	ASSERT_EQ(0, time_upgrades("freq_v90", "freq_v91", &plain_up,
				   &plain_down));
	TH_LOG("v2 to v90: %llu us, with %d busy threads %llu us, to v91 %llu us",
	       idle_up, THREADS, up, plain_up);
	TH_LOG("v90 to v2: %llu us, with %d busy threads %llu us, from v91 %llu us",
	       idle_down, THREADS, down, plain_down);
	EXPECT_LE(up, 3 * (idle_up + plain_up));
	EXPECT_LE(down, 3 * (idle_down + plain_down));
	EXPECT_EQ(128 + SIGKILL, child_kill(&changers));
	EXPECT_TRUE(sysfs_agrees(self->fd));
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
}

/* Loaded with the highest priority, as by freqctl, it gets the processor at once. */
TEST_F_TIMEOUT(busy, conversion_with_priority, 180)
{
	unsigned long long idle_up, idle_down, up, down;
	struct child changers;

	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, -20));
	ASSERT_EQ(0, time_upgrades("freq_v2", "freq_v90", &idle_up,
				   &idle_down));
	ASSERT_EQ(0, child_start(&changers, change_much, NULL));
	ASSERT_EQ(0, line_hear(changers.line, 'a'));
	ASSERT_EQ(0, time_upgrades("freq_v2", "freq_v90", &up, &down));
	TH_LOG("v2 to v90: %llu us, with %d busy threads %llu us", idle_up,
	       THREADS, up);
	TH_LOG("v90 to v2: %llu us, with %d busy threads %llu us", idle_down,
	       THREADS, down);
	EXPECT_LE(up, 3 * idle_up);
	EXPECT_LE(down, 3 * idle_down);
	EXPECT_EQ(128 + SIGKILL, child_kill(&changers));
}

TEST_HARNESS_MAIN
