// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upgrades that meet other upgrades, long requests, readers, clients that come
 * and die, and the death of who wants the upgrade.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "load.h"

static const char * const releases[] = { "freq_v1", "freq_v2", "freq_v90" };

/* The index of the one that runs, or -1. */
static int running(int fd)
{
	struct freq_info info;
	int i;

	if (try_info(fd, &info))
		return -1;
	for (i = 0; i < ARRAY_SIZE(releases); i++) {
		if (release_number(releases[i]) == info.release)
			return i;
	}
	return -1;
}

FIXTURE(concurrency) {
	int fd;
};

FIXTURE_SETUP(concurrency)
{
	self->fd = -1;
}

FIXTURE_TEARDOWN(concurrency)
{
	EXPECT_EQ(0, test_clean());
}

#define START(release, parameters) ({					\
	ASSERT_EQ(0, server_start(release, parameters));		\
	self->fd = open_client();					\
	ASSERT_GE(self->fd, 0);						\
})

struct loader {
	pthread_t thread;
	pthread_barrier_t *start;
	const char *module;
	int error;
};

static void *load_in_thread(void *data)
{
	struct loader *loader = data;

	pthread_barrier_wait(loader->start);
	loader->error = module_load(loader->module, NULL);
	return NULL;
}

/*
 * Two upgrades at once, under load. The one that comes during the other is
 * refused, and leaves no trace.
 */
TEST_F_TIMEOUT(concurrency, two_upgrades_at_once, 120)
{
	struct loader loaders[2] = {};
	pthread_barrier_t start;
	int refused = 0, done = 0;
	struct load load;
	int turn, at, i;

	START("freq_v90", "frequencies=1-20000");
	ASSERT_EQ(0, load_init(&load, 20000));
	ASSERT_EQ(0, load_add_users(&load, 2));
	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 2));
	for (turn = 0; turn < 30; turn++) {
		at = running(self->fd);
		ASSERT_LE(0, at);
		for (i = 0; i < 2; i++) {
			loaders[i].start = &start;
			loaders[i].module = releases[(at + 1 + i) % 3];
			ASSERT_EQ(0, pthread_create(&loaders[i].thread, NULL,
						    load_in_thread,
						    &loaders[i]));
		}
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_join(loaders[i].thread, NULL));

		EXPECT_TRUE(!loaders[0].error || !loaders[1].error);
		for (i = 0; i < 2; i++) {
			done += !loaders[i].error;
			if (!loaders[i].error)
				continue;
			refused++;
			EXPECT_EQ(-EBUSY, loaders[i].error);
			EXPECT_FALSE(module_loaded(loaders[i].module));
		}
		ASSERT_LE(0, running(self->fd));
		ASSERT_NE(at, running(self->fd));
		/* The one that runs stays, the others go at once. */
		for (i = 0; i < 3; i++) {
			if (i == running(self->fd)) {
				EXPECT_EQ(1, module_references(releases[i]));
				continue;
			}
			if (module_loaded(releases[i]))
				ASSERT_EQ(0, module_unload(releases[i]));
		}
		ASSERT_FALSE(load_failed(&load));
	}
	EXPECT_EQ(done, upgrade_figure("count"));
	EXPECT_EQ(refused, upgrade_figure("refused"));
	EXPECT_LT(0, refused);
	TH_LOG("%d were done, %d refused", done, refused);
	load_pause(&load);
	EXPECT_EQ(0, load_check(&load, self->fd));
	load_resume(&load);
	EXPECT_EQ(0, load_finish(&load));
}

/* Round and round, with and without a conversion, and back. */
TEST_F_TIMEOUT(concurrency, there_and_back, 60)
{
	static const int way[] = { 1, 0, 1, 0, 1, 2, 1, 2, 0, 2, 0, 1, 2, 0 };
	struct load load;
	int at = 0;
	size_t i;

	START("freq_v1", "frequencies=1-1000");
	ASSERT_EQ(0, load_init(&load, 1000));
	ASSERT_EQ(0, load_add_users(&load, 2));
	ASSERT_EQ(0, load_add_visitors(&load, 2));
	ASSERT_EQ(0, load_add_readers(&load, 1));
	for (i = 0; i < ARRAY_SIZE(way); i++) {
		ASSERT_EQ(0, server_upgrade(releases[at], releases[way[i]]));
		at = way[i];
		ASSERT_FALSE(load_failed(&load));
		load_pause(&load);
		ASSERT_EQ(0, load_check(&load, self->fd));
		load_resume(&load);
	}
	EXPECT_EQ(0, load_finish(&load));
}

struct injector {
	pthread_t thread;
	int fd;
	__u64 *list;
	bool done;
	int error;
};

static void *inject_in_thread(void *data)
{
	struct injector *injector = data;

	injector->error = try_inject(injector->fd, injector->list,
				     FREQ_INJECT_MAX, NULL);
	__atomic_store_n(&injector->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* As many as one request can add: all or nothing, and the upgrade is done. */
TEST_F_TIMEOUT(concurrency, inject_of_a_million, 120)
{
	struct injector injector = {};
	struct freq_info info;
	int upgrades_done = 0;
	int i;

	START("freq_v2", NULL);
	injector.fd = open_client();
	ASSERT_GE(injector.fd, 0);
	injector.list = calloc(FREQ_INJECT_MAX, sizeof(__u64));
	ASSERT_NE(NULL, injector.list);
	for (i = 0; i < FREQ_INJECT_MAX; i++)
		injector.list[i] = 1000000 + i;
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	/* Before it, after it, and whenever it lets others have their turn. */
	do {
		bool ended = __atomic_load_n(&injector.done, __ATOMIC_SEQ_CST);
		const char *to = upgrades_done % 2 ? "freq_v2" : "freq_v90";
		const char *from = upgrades_done % 2 ? "freq_v90" : "freq_v2";

		ASSERT_EQ(0, server_upgrade(from, to));
		upgrades_done++;
		test_info(self->fd, &info);
		ASSERT_TRUE(info.free == 6 || info.free == 6 + FREQ_INJECT_MAX);
		/* One that has ended and added nothing will not do so later. */
		ASSERT_FALSE(ended && info.free == 6) {
			TH_LOG("INJECT failed: %d", injector.error);
		}
	} while (info.free == 6);
	ASSERT_EQ(0, pthread_join(injector.thread, NULL));
	EXPECT_EQ(0, injector.error);
	free(injector.list);
	EXPECT_TRUE(sysfs_is("free", "10-15,1000000-2048575\n"));
	test_allocate(self->fd, 10);
	TH_LOG("%d upgrades", upgrades_done);
}

#define LISTED 20000

/* Readers of what does not change: it has to be whole, every time. */
struct reader {
	pthread_t thread;
	int fd;
	bool stop;
	unsigned long times;
	int error;
};

static int read_list(struct reader *reader)
{
	struct listing list;
	size_t i;

	if (differ(0, listing_take(&list, reader->fd, 0, 512)) ||
	    differ(LISTED, list.count))
		return -1;
	for (i = 0; i < LISTED; i++) {
		if (differ(2 * (i + 1), list.entries[i].frequency) ||
		    differ(i < 100 ? FREQ_ENTRY_ALLOCATED : 0,
			   list.entries[i].flags))
			return -1;
	}
	listing_free(&list);
	return 0;
}

static void *list_in_thread(void *data)
{
	struct reader *reader = data;

	while (!reader->error &&
	       !__atomic_load_n(&reader->stop, __ATOMIC_RELAXED)) {
		reader->error = read_list(reader);
		reader->times++;
	}
	return NULL;
}

static void *sysfs_in_thread(void *data)
{
	struct reader *reader = data;

	while (!reader->error &&
	       !__atomic_load_n(&reader->stop, __ATOMIC_RELAXED)) {
		reader->error = fails(sysfs_agrees(reader->fd));
		reader->times++;
	}
	return NULL;
}

TEST_F_TIMEOUT(concurrency, readers, 120)
{
	struct reader readers[3] = {};
	__u64 frequency;
	int turn, at = 0;
	int i;

	START("freq_v1", "frequencies=2-40000/2");
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, try_allocate(self->fd, 0, &frequency));
	for (i = 0; i < 3; i++) {
		readers[i].fd = open_client();
		ASSERT_GE(readers[i].fd, 0);
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL,
					    i ? list_in_thread :
						sysfs_in_thread,
					    &readers[i]));
	}
	for (turn = 0; turn < 15; turn++) {
		ASSERT_EQ(0, server_upgrade(releases[at],
					    releases[(at + 1) % 3]));
		at = (at + 1) % 3;
	}
	for (i = 0; i < 3; i++) {
		/* Each has seen an end at least. */
		EXPECT_TRUE(wait_until(readers[i].times || readers[i].error));
		__atomic_store_n(&readers[i].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(readers[i].thread, NULL));
		EXPECT_EQ(0, readers[i].error);
		TH_LOG("read %lu times", readers[i].times);
	}
}

/* Opens, takes some, and exits, or stays until it is killed. */
static int come_and_end(int line, void *data)
{
	int index = *(int *)data;
	__u64 frequency;
	int fd, i;

	for (i = 0; i < 4; i++) {
		fd = open_client();
		if (fails(fd >= 0) ||
		    differ(0, try_allocate(fd, 0, &frequency)) ||
		    differ(0, try_allocate(fd, 0, &frequency)))
			return -1;
		if (i % 2)
			close(fd);
	}
	return index % 2 ? line_hear(line, 'b') : 0;
}

TEST_F_TIMEOUT(concurrency, clients_that_end, 120)
{
	struct child children[6] = {};
	int turn, at = 0;
	int i;

	START("freq_v1", "frequencies=1-1000");
	for (turn = 0; turn < 12; turn++) {
		for (i = 0; i < 6; i++)
			ASSERT_EQ(0, child_start(&children[i], come_and_end,
						 &i));
		ASSERT_EQ(0, server_upgrade(releases[at],
					    releases[(at + 1) % 3]));
		at = (at + 1) % 3;
		for (i = 0; i < 6; i++) {
			int ended = i % 2 ? child_kill(&children[i]) :
					    child_wait(&children[i]);

			EXPECT_EQ(i % 2 ? 128 + SIGKILL : 0, ended);
		}
		ASSERT_TRUE(sysfs_is("allocated", "\n"));
		ASSERT_TRUE(sysfs_is("free", "1-1000\n"));
	}
}

#define BATCH		100
#define BATCH_POOL	20000
#define CONVERSIONS	20

struct batcher {
	pthread_t thread;
	int fd;
	bool ends;
	int error;
	unsigned int batches;
};

/* Held and kept in turn: these are given back in different ways. */
static void *batch_in_thread(void *data)
{
	struct batcher *batcher = data;
	__u64 numbers[BATCH];
	__u32 flags = 0, index;

	while (!__atomic_load_n(&batcher->ends, __ATOMIC_SEQ_CST)) {
		batcher->error = try_allocate_batch(batcher->fd, flags,
						    numbers, BATCH);
		if (batcher->error)
			break;
		batcher->error = try_deallocate_batch(batcher->fd, numbers,
						      BATCH, &index);
		if (batcher->error)
			break;
		flags ^= FREQ_ALLOCATE_KEEP;
		__atomic_fetch_add(&batcher->batches, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static unsigned int batches_made(struct batcher *batcher)
{
	return __atomic_load_n(&batcher->batches, __ATOMIC_SEQ_CST);
}

/* How many can be allocated, each of them once; all are held afterwards. */
static int count_different(int fd)
{
	static bool seen[BATCH_POOL + 1];
	__u64 numbers[BATCH];
	int i, count = 0;

	memset(seen, 0, sizeof(seen));
	while (!try_allocate_batch(fd, 0, numbers, BATCH)) {
		for (i = 0; i < BATCH; i++) {
			if (numbers[i] > BATCH_POOL || seen[numbers[i]])
				return -1;
			seen[numbers[i]] = true;
			count++;
		}
	}
	return count;
}

/* What a batch gives back while the state is converted is free in both. */
TEST_F_TIMEOUT(concurrency, batches_in_conversions, 120)
{
	struct batcher batchers[2] = { };
	unsigned int before;
	int i, j;

	START("freq_v2", "frequencies=1-20000");
	for (i = 0; i < ARRAY_SIZE(batchers); i++) {
		batchers[i].fd = open_client();
		ASSERT_GE(batchers[i].fd, 0);
		ASSERT_EQ(0, pthread_create(&batchers[i].thread, NULL,
					    batch_in_thread, &batchers[i]));
	}
	for (i = 0; i < rounds(CONVERSIONS); i++) {
		before = batches_made(&batchers[0]);
		ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
		ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
		/* Nobody is kept waiting until the end. */
		EXPECT_LT(before, batches_made(&batchers[0]));
	}
	for (j = 0; j < ARRAY_SIZE(batchers); j++) {
		__atomic_store_n(&batchers[j].ends, true, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, pthread_join(batchers[j].thread, NULL));
		EXPECT_EQ(0, batchers[j].error);
	}
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
	EXPECT_TRUE(sysfs_is("free", "1-20000\n"));
	EXPECT_EQ(BATCH_POOL, count_different(self->fd));
}

#define KILLS 50

static pid_t start_modprobe(const char *module)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	execlp("modprobe", "modprobe", module, NULL);
	_exit(127);
}

/*
 * The loader is killed at any moment of its life, of which the length is
 * found out first. What was before it goes on, or what it wanted does: both have
 * to be seen.
 */
TEST_F_TIMEOUT(concurrency, loader_is_killed, 120)
{
	int status, turn, before, at, i, done = 0, early = 0, late = 0;
	unsigned long long start, life, deadline;
	__u64 random = 1;
	struct load load;
	pid_t pid;

	START("freq_v1", "frequencies=1-5000");
	ASSERT_EQ(0, load_init(&load, 5000));
	ASSERT_EQ(0, load_add_users(&load, 1));
	start = now_us();
	pid = start_modprobe("freq_v90");
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	life = now_us() - start;
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, module_unload("freq_v1"));

	deadline = now_ms() + 4 * DEADLINE_MS;
	for (turn = 0; turn < rounds(KILLS) || !early || !late; turn++) {
		unsigned long long end;

		ASSERT_LT(now_ms(), deadline);
		before = running(self->fd);
		ASSERT_LE(0, before);
		end = now_us() + random_below(&random, 2 * life);
		pid = start_modprobe(releases[(before + 1 + turn % 2) % 3]);
		ASSERT_LT(0, pid);
		while (now_us() < end)
			sched_yield();
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (!WIFSIGNALED(status))
			EXPECT_EQ(0, WEXITSTATUS(status));

		at = running(self->fd);
		ASSERT_LE(0, at);
		done += at != before;
		if (WIFSIGNALED(status)) {
			/* It died before the release ran, or after. */
			early += at == before;
			late += at != before;
		}
		EXPECT_TRUE(at == before ||
			    at == (before + 1 + turn % 2) % 3);
		EXPECT_TRUE(rehearsal_gone());
		for (i = 0; i < 3; i++) {
			if (i == at) {
				EXPECT_EQ(1, module_references(releases[i]));
				continue;
			}
			if (module_loaded(releases[i]))
				ASSERT_EQ(0, module_unload(releases[i]));
		}
		ASSERT_FALSE(load_failed(&load));
	}
	EXPECT_EQ(done + 1, upgrade_figure("count"));
	EXPECT_EQ(0, upgrade_figure("refused"));
	EXPECT_LT(0, early);
	EXPECT_LT(0, late);
	TH_LOG("%d died before, %d after the takeover; %d ended", early, late,
	       turn - early - late);
	load_pause(&load);
	EXPECT_EQ(0, load_check(&load, self->fd));
	load_resume(&load);
	/* And it can be upgraded as ever. */
	at = running(self->fd);
	ASSERT_EQ(0, server_upgrade(releases[at], releases[(at + 1) % 3]));
	EXPECT_EQ(0, load_finish(&load));
}

TEST_HARNESS_MAIN
