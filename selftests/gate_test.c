// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long an upgrade closes the gate, in instructions. Needs a guest whose
 * clock counts instructions, one per nanosecond, and with memory for two pools
 * of a million frequencies (vm/run -i -m 1024).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "release/release_v90.h"

/* Limits in instructions: with one format, and with a conversion */
#define GATE_MAX		200
#define GATE_MAX_CONVERTED	500

/* Limit of the longest by the shortest with one format, in percent */
#define GROWTH_MAX		110

#define FILES_MAX	10000
#define SLEEPERS	10000
/* Stack of a sleeping thread, in bytes */
#define STACK		32768UL
#define UPGRADES	4
#define CHANGERS	4

static const int pools[] = { 6, 1000, 1000000 };
static const int files[] = { 1, 100, FILES_MAX };

FIXTURE(gate) {
	int *fds;
	int nr_fds;
};

FIXTURE_SETUP(gate)
{
	const struct rlimit limit = {
		.rlim_cur = FILES_MAX + 100,
		.rlim_max = FILES_MAX + 100,
	};

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	self->fds = calloc(FILES_MAX, sizeof(int));
	ASSERT_NE(NULL, self->fds);
	self->nr_fds = 0;
}

FIXTURE_TEARDOWN(gate)
{
	EXPECT_EQ(0, test_clean());
}

static int start(int pool)
{
	char parameter[32];

	snprintf(parameter, sizeof(parameter), "frequencies=1-%d", pool);
	return server_start("freq_v1", parameter);
}

/* Opens clients. Each owns a frequency, as long as the pool has one. */
static int open_files(int *fds, int from, int to, int pool)
{
	__u64 frequency;

	for (; from < to; from++) {
		fds[from] = open_client();
		if (fails(fds[from] >= 0))
			return -1;
		if (from < pool &&
		    differ(0, try_allocate(fds[from], 0, &frequency)))
			return -1;
	}
	return 0;
}

/* A takeover moves two pointers, whatever the size of the state. */
TEST_F_TIMEOUT(gate, unchanged_format, 1200)
{
	__u64 least = ~0ULL, most = 0;
	__u64 gate;
	int i, j, n;

	TH_LOG("frequencies  open files  gate closed, instructions");
	for (i = 0; i < ARRAY_SIZE(pools); i++) {
		ASSERT_EQ(0, start(pools[i]));
		self->nr_fds = 0;
		for (j = 0; j < ARRAY_SIZE(files); j++) {
			ASSERT_EQ(0, open_files(self->fds, self->nr_fds,
						files[j], pools[i]));
			self->nr_fds = files[j];
			for (n = 0; n < UPGRADES; n++) {
				const char *to = n % 2 ? "freq_v1" : "freq_v2";
				const char *from = n % 2 ? "freq_v2" : "freq_v1";

				ASSERT_EQ(0, server_upgrade(from, to));
				gate = upgrade_figure("gate_last_ns");
				TH_LOG("%11d  %10d  %llu", pools[i], files[j],
				       gate);
				least = gate < least ? gate : least;
				most = gate > most ? gate : most;
			}
		}
		while (self->nr_fds)
			close(self->fds[--self->nr_fds]);
	}
	EXPECT_LE(most, GATE_MAX);
	EXPECT_LE(most * 100, least * GROWTH_MAX);
}

static void *sleep_in_thread(void *data)
{
	struct freq_sleep sleep = {
		.deadline = -1,
		.clock = CLOCK_MONOTONIC,
	};

	return (void *)(intptr_t)try_ioctl(*(int *)data, FREQ_IOC_SLEEP,
					   &sleep);
}

/* Number of sleeping threads of this process */
static int count_sleeping(void)
{
	struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");
	char path[300], *text;
	int count = 0;

	while (tasks && (entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/stat",
			 entry->d_name);
		text = entry->d_name[0] == '.' ? NULL : read_text(path);
		count += text && strstr(text, ") S ");
		free(text);
	}
	closedir(tasks);
	return count;
}

static int start_sleepers(pthread_t *threads, char *stacks, int *fd)
{
	pthread_attr_t attributes;
	int i;

	for (i = 0; i < SLEEPERS; i++) {
		pthread_attr_init(&attributes);
		pthread_attr_setstack(&attributes, stacks + i * STACK, STACK);
		if (differ(0, pthread_create(&threads[i], &attributes,
					     sleep_in_thread, fd)))
			return -1;
	}
	return fails(wait_until(count_sleeping() == SLEEPERS)) ? -1 : 0;
}

/* A takeover does not touch sleeping calls, whatever their number. */
TEST_F_TIMEOUT(gate, sleepers, 600)
{
	pthread_t *threads = calloc(SLEEPERS, sizeof(*threads));
	char *stacks = mmap(NULL, SLEEPERS * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	__u64 least = ~0ULL, most = 0, gate;
	void *error;
	int fd, i;

	ASSERT_NE(NULL, threads);
	ASSERT_NE(MAP_FAILED, stacks);
	ASSERT_EQ(0, write_text("/proc/sys/kernel/threads-max", "30000"));
	ASSERT_EQ(0, server_start("freq_v90", NULL));
	fd = open_client();
	ASSERT_GE(fd, 0);
	TH_LOG("sleepers  gate closed, instructions");
	for (i = 0; i < 2 * UPGRADES; i++) {
		if (i == UPGRADES)
			ASSERT_EQ(0, start_sleepers(threads, stacks, &fd));
		ASSERT_EQ(0, server_upgrade(i % 2 ? "freq_v91" : "freq_v90",
					    i % 2 ? "freq_v90" : "freq_v91"));
		gate = upgrade_figure("gate_last_ns");
		TH_LOG("%8d  %llu", i < UPGRADES ? 0 : SLEEPERS, gate);
		least = gate < least ? gate : least;
		most = gate > most ? gate : most;
	}
	for (i = 0; i < SLEEPERS; i++)
		ASSERT_EQ(0, try_ioctl(fd, FREQ_IOC_WAKE, NULL));
	EXPECT_EQ(-ENOENT, try_ioctl(fd, FREQ_IOC_WAKE, NULL));
	for (i = 0; i < SLEEPERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &error));
		ASSERT_EQ(NULL, error);
	}
	EXPECT_LE(most, GATE_MAX);
	EXPECT_LE(most * 100, least * GROWTH_MAX);
}

/* A thread that allocates and deallocates at random */
struct changer {
	pthread_t thread;
	__u64 random;
	bool stop;
	unsigned long requests;
	int error;
};

static int change(struct changer *changer)
{
	__u64 held[64] = {};
	int fd = open_client();

	if (fails(fd >= 0))
		return -1;
	while (!__atomic_load_n(&changer->stop, __ATOMIC_RELAXED)) {
		__u64 *one = &held[random_below(&changer->random, 64)];
		int error;

		if (*one) {
			error = try_deallocate(fd, *one);
			*one = 0;
		} else {
			error = try_allocate(fd, 0, one);
		}
		if (differ(0, error))
			return -1;
		changer->requests++;
	}
	return close(fd);
}

static void *change_in_thread(void *data)
{
	struct changer *changer = data;

	changer->error = change(changer);
	return NULL;
}

TEST_F_TIMEOUT(gate, changed_format, 300)
{
	struct changer changers[CHANGERS] = {};
	__u64 gate, most = 0;
	int i;

	ASSERT_EQ(0, start(pools[ARRAY_SIZE(pools) - 1]));
	for (i = 0; i < CHANGERS; i++) {
		changers[i].random = i;
		ASSERT_EQ(0, pthread_create(&changers[i].thread, NULL,
					    change_in_thread, &changers[i]));
	}
	TH_LOG("gate closed, conversion of a million frequencies, instructions");
	for (i = 0; i < UPGRADES; i++) {
		const char *to = i % 2 ? "freq_v1" : "freq_v90";
		const char *from = i % 2 ? "freq_v90" : "freq_v1";
		unsigned long requests = 0;
		int j;

		ASSERT_EQ(0, server_upgrade(from, to));
		gate = upgrade_figure("gate_last_ns");
		for (j = 0; j < CHANGERS; j++)
			requests += changers[j].requests;
		TH_LOG("to %s: %llu, %lu requests so far", to, gate, requests);
		most = gate > most ? gate : most;
	}
	for (i = 0; i < CHANGERS; i++)
		__atomic_store_n(&changers[i].stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < CHANGERS; i++) {
		ASSERT_EQ(0, pthread_join(changers[i].thread, NULL));
		EXPECT_EQ(0, changers[i].error);
		EXPECT_LT(0, changers[i].requests);
	}
	EXPECT_LE(most, GATE_MAX_CONVERTED);
}

TEST_HARNESS_MAIN
