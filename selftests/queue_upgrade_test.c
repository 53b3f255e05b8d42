// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queued requests while the release is changed, and releases that do not know them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "queued.h"

FIXTURE(queue) {
	int log;
	int fd;
	int own;
};

FIXTURE_SETUP(queue)
{
	ASSERT_EQ(0, queued_start("freq_v3", &self->fd, &self->own));
	self->log = log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(queue)
{
	EXPECT_TRUE(sleepers_end());
	EXPECT_EQ(0, test_clean());
}

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
	ASSERT_EQ(0, queued_start(variant->from, &self->fd, &self->own));
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
	struct sleeper *poller;
	__s64 deadline = monotonic_ns(500 * NS_PER_MS);
	int i;

	for (i = 0; i < 10; i++)
		test_queue(self->own, until(i % 2 ? ANY(i) : EXACT(12, i),
					    deadline + i * 20 * NS_PER_MS));
	test_queue(self->own, until(ANY(10), monotonic_ns(NS_PER_HOUR)));
	poller = POLL_ONE(self->own, false);
	UPGRADE();
	EXPECT_TRUE(poller_has(poller, 0, 0));
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

	ASSERT_EQ(0, ask_many(self->own, FREQ_QUEUED_MAX, 0));
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

/* ---- Deadlines while a release takes over */

/* How many requests reserve one each */
#define PAIRS	128
#define TURNS	16

FIXTURE(pairs) {
	int fd;
	int own;
	int other;
};

/* 1 to 2 * PAIRS; the even ones are held. */
FIXTURE_SETUP(pairs)
{
	int i;

	ASSERT_EQ(0, server_start("freq_v3", "frequencies=1-256"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	for (i = 2; i <= 2 * PAIRS; i += 2)
		test_allocate_exact(self->fd, i);
	self->own = open_hearing(KIND(OUTCOME));
	self->other = open_hearing(KIND(OUTCOME));
	ASSERT_GE(self->own, 0);
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(pairs)
{
	EXPECT_EQ(0, test_clean());
}

/* By each odd frequency: the second request for it came after the deadline. */
static bool is_late[2 * PAIRS];

/* Each is reserved by one, and wanted by another behind it. */
static int queue_pairs(int own, int other, __s64 deadline)
{
	int i, result;

	for (i = 1; i < 2 * PAIRS; i += 2) {
		if (differ(QUEUED, ask(own, until(RESERVE(i, i + 1, 2, i),
						  deadline))))
			return -1;
		result = ask(other, EXACT(i, i));
		is_late[i] = result == GRANTED;
		if (fails(result == QUEUED || result == GRANTED))
			return -1;
	}
	return 0;
}

static int take_pairs(int own, int other)
{
	int i;

	for (i = 1; i < 2 * PAIRS; i += 2) {
		if (!has_timed_out(own, i) ||
		    (!is_late[i] && !has_outcome(other, i, i)) ||
		    !holds(other, i, grant_of(other, i), 0))
			return -1;
	}
	return 0;
}

/*
 * What they had is given to others while it is copied, which is at some time of
 * the loading of the release: each turn aims at another one.
 */
TEST_F_TIMEOUT(pairs, expire, 120)
{
	static const char * const releases[] = { "freq_v3", "freq_v90" };
	__s64 begun, deadline, asking = 100 * NS_PER_MS, loading = NS_PER_MS;
	int turn, i;

	for (turn = 0; turn < rounds(TURNS); turn++) {
		begun = monotonic_ns(0);
		deadline = begun + 2 * asking + loading;
		ASSERT_EQ(0, queue_pairs(self->own, self->other, deadline));
		asking = monotonic_ns(0) - begun;
		while (monotonic_ns(0) < deadline - loading * (turn % 16) / 16)
			;
		begun = monotonic_ns(0);
		ASSERT_EQ(0, module_load(releases[1 - turn % 2], NULL));
		loading = monotonic_ns(0) - begun;
		ASSERT_EQ(0, module_unload(releases[turn % 2]));
		ASSERT_EQ(0, take_pairs(self->own, self->other));
		for (i = 1; i < 2 * PAIRS; i += 2)
			test_deallocate(self->other, i);
		ASSERT_EQ(0, waiters_of(self->fd));
		EXPECT_SILENT(self->own);
		EXPECT_SILENT(self->other);
	}
}

/* ---- Upgrades that fail, or are refused */

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

/**
 * struct asker - a thread that asks for something
 * @thread: the thread
 * @fd: its client
 * @id: what it is in /proc
 * @wish: what it asks for
 * @result: as of ask()
 * @done: it has an answer
 */
struct asker {
	pthread_t thread;
	int fd;
	pid_t id;
	struct wish wish;
	int result;
	bool done;
};

static void *ask_in_thread(void *data)
{
	struct asker *asker = data;

	__atomic_store_n(&asker->id, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	asker->result = ask(asker->fd, asker->wish);
	__atomic_store_n(&asker->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Returns when it has been answered, or sleeps. */
static int asker_start(struct asker *asker, int fd, struct wish wish)
{
	pid_t id;

	*asker = (struct asker) { .fd = fd, .wish = wish };
	return differ(0, pthread_create(&asker->thread, NULL, ask_in_thread,
					asker)) ||
	       fails(wait_until(__atomic_load_n(&asker->done,
						__ATOMIC_SEQ_CST) ||
				((id = __atomic_load_n(&asker->id,
						       __ATOMIC_SEQ_CST)) &&
				 process_state(id) == 'S')));
}

static void *load_in_thread(void *data)
{
	*(int *)data = module_load("freq_v90", "fail=step-waits");
	return NULL;
}

/* Meanwhile none is added to the line; each is queued all the same. */
TEST_F(queue, asked_during_an_upgrade)
{
	const struct wish wishes[] = {
		until(ANY(3), 1),
		until(RESERVE(14, 15, 2, 4), 1),
		until(EXACT(11, 5), monotonic_ns(NS_PER_HOUR)),
		ANY(6),
	};
	static struct asker askers[4];
	static int error;
	pthread_t loader;
	int i;

	test_queue(self->own, EXACT(12, 1));
	test_queue(self->own, EXACT(11, 2));
	ASSERT_EQ(0, pthread_create(&loader, NULL, load_in_thread, &error));
	ASSERT_TRUE(wait_until(knob_waits()));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, asker_start(&askers[i], self->own, wishes[i]));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
	test_cancel(self->own, 2);
	EXPECT_EQ(0, set_knob("none"));
	ASSERT_EQ(0, pthread_join(loader, NULL));
	ASSERT_EQ(0, error);
	ASSERT_EQ(0, module_unload("freq_v3"));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(askers[i].thread, NULL));
		EXPECT_EQ(QUEUED, askers[i].result);
	}
	EXPECT_TRUE(is_readable(self->own, DEADLINE_MS));
	ASSERT_TRUE(wait_until(waiters_of(self->fd) == 2));
	test_cancel(self->own, 5);
	test_cancel(self->own, 6);
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

TEST_HARNESS_MAIN
