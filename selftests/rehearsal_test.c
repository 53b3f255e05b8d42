// SPDX-License-Identifier: GPL-2.0-only
/*
 * A release runs beside the running one, on a copy of its state: it is just
 * like the original, neither notices anything of the other, and no trace of it
 * stays.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "load.h"
#include "release/release_v90.h"

FIXTURE(rehearsal) {
	int fd;
	__u64 upgrades;
	__u64 refused;
};

FIXTURE_VARIANT(rehearsal) {
	const char *live;
	const char *release;
};

FIXTURE_VARIANT_ADD(rehearsal, v2_beside_v1) {
	.live = "freq_v1",
	.release = "freq_v2",
};

FIXTURE_VARIANT_ADD(rehearsal, v1_beside_v2) {
	.live = "freq_v2",
	.release = "freq_v1",
};

FIXTURE_VARIANT_ADD(rehearsal, v90_beside_v2) {
	.live = "freq_v2",
	.release = "freq_v90",
};

FIXTURE_VARIANT_ADD(rehearsal, v2_beside_v90) {
	.live = "freq_v90",
	.release = "freq_v2",
};

SHORT_VARIANTS(rehearsal, "v2_beside_v1 v90_beside_v2")

/* 10 kept, 11 held, 12 kept by a client that is gone, and 14 before 13. */
FIXTURE_SETUP(rehearsal)
{
	int closed;

	ASSERT_EQ(0, server_start(variant->live, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	closed = open_client();
	ASSERT_GE(closed, 0);
	test_keep(self->fd, 10);
	test_allocate(self->fd, 11);
	test_keep(closed, 12);
	test_allocate(self->fd, 13);
	test_allocate(self->fd, 14);
	test_deallocate(self->fd, 13);
	test_deallocate(self->fd, 14);
	close(closed);
	self->upgrades = upgrade_figure("count");
	self->refused = upgrade_figure("refused");
}

FIXTURE_TEARDOWN(rehearsal)
{
	EXPECT_EQ(0, test_clean());
}

/* All free frequencies of a server, in order, through the one descriptor. */
static int take_all(int fd, __u64 *order, int room)
{
	__u64 frequency;
	int count = 0;
	int error;

	while (!(error = try_allocate(fd, 0, &frequency))) {
		if (count == room)
			return -EOVERFLOW;
		order[count++] = frequency;
	}
	return error == -ENOSPC ? count : error;
}

/* LIST but for whose is whose: in the copy, nothing is the caller's. */
static int compare_listings(int live, int copy)
{
	struct listing one, other;
	int error = -1;
	size_t i;

	if (differ(0, listing_take(&one, live, 0, FREQ_LIST_MAX)) ||
	    differ(0, listing_take(&other, copy, 0, FREQ_LIST_MAX)))
		return -1;
	for (i = 0; i < one.count; i++)
		one.entries[i].flags &= ~FREQ_ENTRY_MINE;
	if (!fails(listing_same(&one, &other)))
		error = 0;
	listing_free(&one);
	listing_free(&other);
	return error;
}

/* After each test: it can be removed, and what it was is gone. */
static int check_ended(const char *release)
{
	return fails(rehearsal_gone()) ||
	       differ(0, module_references(release)) ||
	       differ(0, module_unload(release)) ||
	       fails(!module_loaded(release));
}

TEST_F(rehearsal, copy_is_equal)
{
	const __u64 want[] = { 14, 13, 15 };
	struct snapshot before, after;
	struct freq_info live, copy;
	__u64 order[8];
	int fd;

	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	test_info(self->fd, &live);
	test_info(fd, &copy);
	EXPECT_EQ(release_number(variant->release), copy.release);
	EXPECT_EQ(release_number(variant->live), live.release);
	EXPECT_EQ(live.free, copy.free);
	EXPECT_EQ(live.allocated, copy.allocated);
	EXPECT_EQ(1, copy.clients);
	EXPECT_EQ(0, compare_listings(self->fd, fd));
	EXPECT_TRUE(sysfs_agrees_in(REHEARSAL_SYSFS, fd));
	EXPECT_TRUE(release_runs(variant->live));

	ASSERT_EQ(3, take_all(fd, order, ARRAY_SIZE(order)));
	EXPECT_EQ(0, memcmp(want, order, sizeof(want)));
	close(fd);
	EXPECT_EQ(0, check_ended(variant->release));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
	EXPECT_EQ(self->upgrades, upgrade_figure("count"));
	EXPECT_EQ(self->refused, upgrade_figure("refused"));
}

TEST_F(rehearsal, worlds_apart)
{
	struct snapshot before, after;
	int fd, other;

	ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	/* What a closed client kept, what a live one kept, what one holds. */
	test_deallocate(fd, 12);
	test_deallocate(fd, 10);
	test_err_deallocate(EPERM, fd, 11);
	test_allocate(fd, 10);
	other = open_rehearsal();
	ASSERT_GE(other, 0);
	test_keep(other, 12);
	test_err_deallocate(EPERM, other, 10);
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
	snapshot_free(&after);
	snapshot_free(&before);

	/* And the other way round. */
	ASSERT_EQ(0, snapshot_take(&before, fd));
	test_deallocate(self->fd, 11);
	test_deallocate(self->fd, 10);
	test_allocate(self->fd, 10);
	test_keep(self->fd, 11);
	ASSERT_EQ(0, snapshot_take(&after, fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
	EXPECT_TRUE(sysfs_agrees(self->fd));
	EXPECT_TRUE(sysfs_agrees_in(REHEARSAL_SYSFS, fd));
	close(fd);
	/* One is still there. */
	EXPECT_EQ(1, module_references(variant->release));
	EXPECT_EQ(-EAGAIN, module_unload(variant->release));
	close(other);
	EXPECT_EQ(0, check_ended(variant->release));
}

/* What only one of the two knows is known by that one only. */
TEST_F(rehearsal, requests_of_the_release)
{
	struct freq_tag tag = { .frequency = 11, .tag = 1 };
	bool injects = strcmp(variant->release, "freq_v1");
	bool tags = !strcmp(variant->release, "freq_v90");
	int fd;

	ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	if (injects)
		test_inject(fd, 30, 31);
	else
		test_err_inject(ENOTTY, fd, 30, 31);
	EXPECT_EQ(tags ? 0 : -ENOTTY, try_ioctl(fd, FREQ_IOC_TAG, &tag));
	EXPECT_TRUE(sysfs_is("free", "13-15\n"));
	test_err_stop(ENOTTY, fd);
	close(fd);
	EXPECT_EQ(0, check_ended(variant->release));
	test_err_deallocate(ENOENT, self->fd, 30);
}

static int open_as_user(int line, void *data)
{
	int fd;

	if (become(USER_A))
		return -1;
	fd = open_client();
	return fails(fd >= 0) || differ(-EACCES, open_rehearsal());
}

TEST_F(rehearsal, for_the_administrator_only)
{
	struct child child;
	struct stat status;
	int fd;

	ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
	ASSERT_EQ(0, stat(REHEARSAL, &status));
	EXPECT_EQ(S_IFCHR | 0600, status.st_mode);
	EXPECT_EQ(0, status.st_uid);
	ASSERT_EQ(0, child_start(&child, open_as_user, NULL));
	EXPECT_EQ(0, child_wait(&child));
	/* Who was refused has not had it open: it goes on. */
	EXPECT_EQ(1, module_references(variant->release));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(0, check_ended(variant->release));
}

static int hold_rehearsal(int line, void *data)
{
	int fd = open_rehearsal();
	__u64 frequency;

	if (fails(fd >= 0) ||
	    differ(0, try_allocate(fd, FREQ_ALLOCATE_KEEP, &frequency)) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    line_say(line, 'a'))
		return -1;
	return line_hear(line, 'b');
}

TEST_F(rehearsal, holder_is_killed)
{
	struct child child;

	ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
	ASSERT_EQ(0, child_start(&child, hold_rehearsal, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_EQ(-EAGAIN, module_unload(variant->release));
	child_kill(&child);
	EXPECT_EQ(0, check_ended(variant->release));
	EXPECT_TRUE(sysfs_is("free", "13-15\n"));
}

/* The first leaves nothing that the second could stumble on. */
TEST_F(rehearsal, again_and_again)
{
	int turn;
	int fd;

	for (turn = 0; turn < 5; turn++) {
		ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
		fd = open_rehearsal();
		ASSERT_GE(fd, 0);
		EXPECT_EQ(0, compare_listings(self->fd, fd));
		test_allocate(fd, 14);
		/* Each one sees what is new. */
		test_allocate(self->fd, 14);
		test_keep(self->fd, 13);
		test_deallocate(self->fd, 14);
		test_deallocate(self->fd, 13);
		test_allocate(self->fd, 13);
		test_allocate(self->fd, 14);
		test_deallocate(self->fd, 13);
		test_deallocate(self->fd, 14);
		close(fd);
		ASSERT_EQ(0, check_ended(variant->release));
	}
	ASSERT_EQ(0, server_upgrade(variant->live, variant->release));
	ASSERT_EQ(0, module_load(variant->live, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(0, check_ended(variant->live));
}

/* It ended, but its module is there: an upgrade takes it away first. */
TEST_F(rehearsal, upgrade_after_it)
{
	int fd;

	ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(-EEXIST, module_load(variant->release, NULL));
	EXPECT_TRUE(release_runs(variant->live));
	ASSERT_EQ(0, module_unload(variant->release));
	ASSERT_EQ(0, server_upgrade(variant->live, variant->release));
	EXPECT_TRUE(release_runs(variant->release));
	test_allocate(self->fd, 14);
}

/* The live server is upgraded to a third while this one is rehearsed. */
TEST_F(rehearsal, upgrade_beside_it)
{
	static const char * const all[] = { "freq_v1", "freq_v2", "freq_v90" };
	struct snapshot before, after, copy;
	const char *third = all[0];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i], variant->live) &&
		    strcmp(all[i], variant->release))
			third = all[i];
	}
	ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	test_deallocate(fd, 12);
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	ASSERT_EQ(0, server_upgrade(variant->live, third));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(state_same(&before, &after));
	EXPECT_TRUE(release_runs(third));
	test_info(fd, &copy.info);
	EXPECT_EQ(release_number(variant->release), copy.info.release);
	EXPECT_EQ(4, copy.info.free);
	test_allocate(fd, 12);
	EXPECT_EQ(self->upgrades + 1, upgrade_figure("count"));
	EXPECT_EQ(-EAGAIN, module_unload(variant->release));
	close(fd);
	EXPECT_EQ(0, check_ended(variant->release));
	ASSERT_EQ(0, server_upgrade(third, variant->release));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(state_same(&before, &after));
}

/* Of which the live one's clients notice nothing, and which is right. */
TEST_F_TIMEOUT(rehearsal, under_load, 60)
{
	struct load load;
	__u64 frequency;
	int turn;
	int fd;

	close(self->fd);
	ASSERT_EQ(0, server_start(variant->live, "frequencies=1-1000"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, load_init(&load, 1000));
	ASSERT_EQ(0, load_add_users(&load, 3));
	ASSERT_EQ(0, load_add_visitors(&load, 1));
	for (turn = 0; turn < 5; turn++) {
		struct freq_info info;
		struct listing list;

		ASSERT_EQ(0, module_load(variant->release, "rehearse=1"));
		fd = open_rehearsal();
		ASSERT_GE(fd, 0);
		/* Some moment of the other's, and it stays that. */
		ASSERT_EQ(0, listing_take(&list, fd, FREQ_LIST_FREE,
					  FREQ_LIST_MAX));
		test_info(fd, &info);
		EXPECT_EQ(1000, info.free + info.allocated);
		EXPECT_EQ(list.count, info.free);
		EXPECT_TRUE(sysfs_agrees_in(REHEARSAL_SYSFS, fd));
		while (info.free--) {
			ASSERT_EQ(0, try_allocate(fd, 0, &frequency));
			EXPECT_NE(NULL, listing_find(&list, frequency));
		}
		test_err_allocate(ENOSPC, fd);
		listing_free(&list);
		close(fd);
		ASSERT_EQ(0, check_ended(variant->release));
		ASSERT_FALSE(load_failed(&load));
	}
	load_pause(&load);
	EXPECT_EQ(0, load_check(&load, self->fd));
	load_resume(&load);
	EXPECT_EQ(0, load_finish(&load));
}

/* What the rehearsal is for. */
TEST(broken_release_is_caught)
{
	__u64 first, second;
	struct load load;
	int live, fd;

	ASSERT_EQ(0, server_start("freq_v2", "frequencies=1-1000"));
	ASSERT_EQ(0, load_init(&load, 1000));
	ASSERT_EQ(0, load_add_users(&load, 2));
	live = open_client();
	ASSERT_GE(live, 0);
	ASSERT_EQ(0, module_load("freq_v90", "rehearse=1 broken=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, try_allocate(fd, 0, &first));
	ASSERT_EQ(0, try_allocate(fd, 0, &second));
	EXPECT_EQ(first, second);
	EXPECT_EQ(-ENOENT, try_deallocate(fd, first));
	/* The same, where it matters. */
	ASSERT_EQ(0, try_allocate(live, 0, &first));
	ASSERT_EQ(0, try_allocate(live, 0, &second));
	EXPECT_NE(first, second);
	test_deallocate(live, second);
	test_deallocate(live, first);
	close(fd);
	EXPECT_EQ(0, check_ended("freq_v90"));
	load_pause(&load);
	EXPECT_EQ(0, load_check(&load, live));
	load_resume(&load);
	EXPECT_EQ(0, load_finish(&load));
	EXPECT_EQ(0, test_clean());
}

/* ---- The end is never lost, whatever else changes just then */

FIXTURE(end) {
	int fd;
};

FIXTURE_SETUP(end)
{
	ASSERT_EQ(0, server_start("freq_v1", NULL));
	ASSERT_EQ(0, module_load("freq_v2", "rehearse=1"));
	self->fd = open_rehearsal();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(end)
{
	set_knob("none");
	EXPECT_EQ(0, test_clean());
}

/* Enough for a long INJECT. */
#define MANY	FREQ_INJECT_MAX

/**
 * struct changer - a thread that changes the rehearsal, or wants to
 * @thread: the thread
 * @tid: its id, once it has begun
 * @fd: the client that injects
 * @list: what it injects
 * @done: it is done, or has to be
 * @error: how that went
 */
struct changer {
	pthread_t thread;
	pid_t tid;
	int fd;
	__u64 *list;
	bool done;
	int error;
};

static bool is_done(struct changer *changer)
{
	return __atomic_load_n(&changer->done, __ATOMIC_SEQ_CST);
}

static int begin_on_first_cpu(struct changer *changer)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	__atomic_store_n(&changer->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	return sched_setaffinity(0, sizeof(first), &first) ? -errno : 0;
}

static void *inject_in_thread(void *data)
{
	struct changer *changer = data;

	changer->error = begin_on_first_cpu(changer) ?:
			 try_inject(changer->fd, changer->list, MANY, NULL);
	__atomic_store_n(&changer->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Until it has to be done, or is not refused. */
static void *rehearse_in_thread(void *data)
{
	struct changer *changer = data;

	changer->error = begin_on_first_cpu(changer);
	while (!is_done(changer) &&
	       (!changer->error || changer->error == -EBUSY)) {
		changer->error = module_load("freq_v90", "rehearse=1");
		if (!changer->error)
			break;
	}
	return NULL;
}

/* It waits in the kernel, and not just for a grace period of RCU. */
static bool waits(struct changer *changer)
{
	pid_t tid = __atomic_load_n(&changer->tid, __ATOMIC_SEQ_CST);
	int looks;

	for (looks = 0; looks < 100; looks++) {
		if (!tid || process_state(tid) != 'D')
			return false;
		nap();
	}
	return true;
}

/* The device goes, the module can be removed, another can be rehearsed. */
static int check_end(const char *release)
{
	int fd;

	if (fails(wait_until(rehearsal_gone())) ||
	    differ(0, module_unload(release)) ||
	    differ(0, module_load(release, "rehearse=1")))
		return -1;
	fd = open_rehearsal();
	if (fails(fd >= 0))
		return -1;
	close(fd);
	return check_ended(release);
}

/* A rehearsal of release 90 that could begin has to end, too. */
static int end_other(void)
{
	int fd = open_rehearsal();

	if (fails(fd >= 0))
		return -1;
	close(fd);
	return fails(wait_until(rehearsal_gone())) ||
	       differ(0, module_unload("freq_v90"));
}

/*
 * The last descriptor closes with the end of an INJECT, for which the loader
 * of another rehearsal may wait. Both are on one processor, and the loader has
 * the lower priority: what it has claimed by then, it keeps during the close.
 */
TEST_F_TIMEOUT(end, meets_one_that_is_refused, 60)
{
	struct sched_param priority = { .sched_priority = 1 };
	struct changer injector = { .fd = self->fd };
	struct changer loader = {};
	int i;

	injector.list = calloc(MANY, sizeof(*injector.list));
	ASSERT_NE(NULL, injector.list);
	for (i = 0; i < MANY; i++)
		injector.list[i] = 1000 + i;
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	ASSERT_EQ(0, pthread_create(&loader.thread, NULL, rehearse_in_thread,
				    &loader));
	ASSERT_TRUE(wait_until(is_done(&injector) || waits(&loader)));
	TH_LOG("the loader %s", is_done(&injector) ? "was refused at once" :
						     "waits");
	sched_setscheduler(injector.tid, SCHED_FIFO, &priority);
	close(self->fd);
	__atomic_store_n(&loader.done, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(injector.thread, NULL));
	ASSERT_EQ(0, pthread_join(loader.thread, NULL));
	EXPECT_EQ(0, injector.error);
	EXPECT_EQ(0, loader.error ? differ(-EBUSY, loader.error) :
				    end_other());
	EXPECT_EQ(0, check_end("freq_v2"));
	free(injector.list);
}

static void *rehearse_until_done(void *data)
{
	struct changer *changer = data;
	int error;

	while (!is_done(changer)) {
		error = module_load("freq_v90", "rehearse=1");
		if (error ? differ(-EBUSY, error) : end_other())
			changer->error = -1;
	}
	return NULL;
}

/* The same, at any moment of a loader's. */
TEST_F_TIMEOUT(end, meets_others, 60)
{
	struct changer loader = {};
	int turn, error;

	ASSERT_EQ(0, pthread_create(&loader.thread, NULL, rehearse_until_done,
				    &loader));
	for (turn = 0; turn < 20; turn++) {
		close(self->fd);
		ASSERT_TRUE(wait_until(!module_unload("freq_v2"))) {
			TH_LOG("turn %d", turn);
		}
		ASSERT_TRUE(wait_until(!(error = module_load("freq_v2",
							     "rehearse=1")) ||
				       error != -EBUSY));
		ASSERT_EQ(0, error);
		self->fd = open_rehearsal();
		ASSERT_GE(self->fd, 0);
	}
	__atomic_store_n(&loader.done, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(loader.thread, NULL));
	EXPECT_EQ(0, loader.error);
	close(self->fd);
	EXPECT_EQ(0, check_end("freq_v2"));
}

struct closer {
	pthread_t thread;
	pthread_barrier_t *start;
	int fd;
};

static void *close_in_thread(void *data)
{
	struct closer *closer = data;

	pthread_barrier_wait(closer->start);
	close(closer->fd);
	return NULL;
}

/*
 * Several clients close at once, and it ends once. A client of the running
 * server closes with them, and nothing of that one ends.
 */
TEST_F_TIMEOUT(end, has_several_closers, 60)
{
	struct closer closers[4];
	pthread_barrier_t start;
	struct freq_info info;
	__u64 frequency;
	int turn, i, live;

	live = open_client();
	ASSERT_GE(live, 0);
	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 4));
	for (turn = 0; turn < rounds(50); turn++) {
		for (i = 0; i < 4; i++) {
			closers[i].start = &start;
			closers[i].fd = !i ? open_client() :
					i > 1 ? open_rehearsal() : self->fd;
			ASSERT_GE(closers[i].fd, 0);
			/* What it holds takes a while to be given back. */
			ASSERT_EQ(0, try_allocate(closers[i].fd, 0,
						  &frequency));
			ASSERT_EQ(0, pthread_create(&closers[i].thread, NULL,
						    close_in_thread,
						    &closers[i]));
		}
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, pthread_join(closers[i].thread, NULL));
		EXPECT_EQ(0, check_ended("freq_v2"));
		test_info(live, &info);
		EXPECT_EQ(1, info.release);
		EXPECT_EQ(1, info.clients);
		EXPECT_EQ(0, info.allocated);
		ASSERT_EQ(0, module_load("freq_v2", "rehearse=1"));
		self->fd = open_rehearsal();
		ASSERT_GE(self->fd, 0);
	}
	close(self->fd);
	EXPECT_EQ(0, check_ended("freq_v2"));
}

static void *upgrade_in_thread(void *data)
{
	struct changer *changer = data;

	changer->error = module_load("freq_v90", "fail=step-waits");
	return NULL;
}

/* The running release is just being upgraded. */
TEST_F(end, meets_an_upgrade)
{
	int references = module_references("freq_v1");
	struct changer loader = {};

	ASSERT_EQ(0, pthread_create(&loader.thread, NULL, upgrade_in_thread,
				    &loader));
	ASSERT_TRUE(wait_until(module_references("freq_v1") > references));
	close(self->fd);
	EXPECT_EQ(0, check_ended("freq_v2"));
	ASSERT_EQ(0, set_knob("none"));
	ASSERT_EQ(0, pthread_join(loader.thread, NULL));
	EXPECT_EQ(0, loader.error);
	EXPECT_TRUE(release_runs("freq_v90"));
	EXPECT_EQ(0, module_unload("freq_v1"));
	ASSERT_EQ(0, module_load("freq_v2", "rehearse=1"));
	self->fd = open_rehearsal();
	ASSERT_GE(self->fd, 0);
	close(self->fd);
	EXPECT_EQ(0, check_ended("freq_v2"));
}

static void *rehearse_v90_in_thread(void *data)
{
	struct changer *changer = data;

	changer->error = module_load("freq_v90", "rehearse=1 fail=step-waits");
	return NULL;
}

/*
 * A descriptor is of one rehearsal. If the device can be opened before the
 * rehearsal begins, and it does not begin, the descriptor is of none.
 */
TEST_F(end, descriptor_of_an_aborted_one)
{
	int references = module_references("freq_v1");
	struct changer loader = {};
	struct freq_info info;
	int early, fd;

	close(self->fd);
	ASSERT_EQ(0, check_ended("freq_v2"));
	ASSERT_EQ(0, pthread_create(&loader.thread, NULL,
				    rehearse_v90_in_thread, &loader));
	ASSERT_TRUE(wait_until(module_references("freq_v1") > references));
	early = open_rehearsal();
	if (early >= 0)
		test_err_info(ENODEV, early);
	ASSERT_EQ(0, set_knob("room"));
	ASSERT_EQ(0, pthread_join(loader.thread, NULL));
	ASSERT_EQ(-ENOMEM, loader.error);
	EXPECT_TRUE(rehearsal_gone());
	EXPECT_FALSE(module_loaded("freq_v90"));

	ASSERT_EQ(0, module_load("freq_v2", "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	test_info(fd, &info);
	EXPECT_EQ(1, info.clients);
	if (early >= 0) {
		test_err_info(ENODEV, early);
		test_err_allocate(ENODEV, early);
		TH_LOG("the device could be opened early");
	}
	/* Nor does it keep one going. */
	close(fd);
	EXPECT_EQ(0, check_ended("freq_v2"));
	if (early >= 0)
		close(early);
}

TEST_HARNESS_MAIN
