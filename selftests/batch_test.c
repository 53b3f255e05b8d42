// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches: as many single requests in one, with nothing of others in between,
 * and all of it or nothing.
 *
 * What all requests have in common is in request_test.c, and a comparison of
 * long random sequences with a model in order_test.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

/* What is injected where 10 to 15 are not enough: more than one batch. */
#define MORE_FIRST	1000
#define MORE		300

#define HELD	FREQ_ENTRY_ALLOCATED
#define KEPT	(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP)
#define MINE	FREQ_ENTRY_MINE

FIXTURE(batch) {
	struct snapshot before;
	int log;
	int fd;
};

/* 10 to 15, as usual. */
FIXTURE_SETUP(batch)
{
	ASSERT_EQ(0, server_start("freq_v2", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(batch)
{
	snapshot_free(&self->before);
	EXPECT_EQ(0, test_clean());
}

/* From here on, nothing is to change. */
#define REMEMBER() ({							\
	snapshot_free(&self->before);					\
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));		\
})

static bool entry_is(int fd, __u64 frequency, __u32 flags, __u32 uid,
		     __s32 pid)
{
	const struct freq_entry *entry;
	struct listing listing;
	bool same;

	if (fails(!listing_take(&listing, fd, 0, FREQ_LIST_MAX)))
		return false;
	listing_sort(&listing);
	entry = listing_find(&listing, frequency);
	same = !fails(entry) && !differ(flags, entry->flags) &&
	       !differ(uid, entry->uid) && !differ(pid, entry->pid);
	listing_free(&listing);
	return same;
}

static __u64 allocated(int fd)
{
	struct freq_info info;

	return try_info(fd, &info) ? ~0ULL : info.allocated;
}

static int inject_more(int fd)
{
	__u64 list[MORE];
	int i;

	for (i = 0; i < MORE; i++)
		list[i] = MORE_FIRST + i;
	return try_inject(fd, list, MORE, NULL);
}

TEST_F(batch, is_a_feature)
{
	struct freq_info info;

	test_info(self->fd, &info);
	EXPECT_TRUE(info.features & FREQ_FEATURE_BATCH);
}

/* Whatever the line is, and however much of it is asked for. */
TEST_F(batch, allocates_in_turn)
{
	static const __u64 line[] = { 13, 11, 14, 10, 15, 12 };
	__u64 seen[ARRAY_SIZE(line)];
	__u32 count, i;

	test_allocate_batch(self->fd, 10, 11, 12, 13, 14, 15);
	for (i = ARRAY_SIZE(line); i--;)
		test_deallocate(self->fd, line[i]);
	for (count = 1; count <= ARRAY_SIZE(line); count++) {
		ASSERT_EQ(0, try_allocate_batch(self->fd, 0, seen, count));
		EXPECT_EQ(count, allocated(self->fd));
		for (i = 0; i < count; i++)
			EXPECT_EQ(line[i], seen[i]);
		while (i--)
			test_deallocate(self->fd, seen[i]);
	}
	EXPECT_ORDER(13, 11, 14, 10, 15, 12);
}

/* What a batch leaves is what single requests leave. */
TEST_F(batch, deallocates_as_one_by_one)
{
	__u64 list[] = { 10, 11, 12, 13, 14, 15 }, again[ARRAY_SIZE(list)];
	struct snapshot singly, together;
	__u32 count, i;
	__u64 seed = 7;
	int turn;

	test_allocate_batch(self->fd, 10, 11, 12, 13, 14, 15);
	for (turn = 0; turn < 40; turn++) {
		shuffle(list, ARRAY_SIZE(list), &seed);
		count = 1 + random_below(&seed, ARRAY_SIZE(list));
		for (i = 0; i < count; i++)
			test_deallocate(self->fd, list[i]);
		ASSERT_EQ(0, snapshot_take(&singly, self->fd));
		EXPECT_EQ(list[count - 1], singly.order[0]);
		EXPECT_EQ(list[0], singly.order[count - 1]);
		ASSERT_EQ(0, try_allocate_batch(self->fd, 0, again, count));

		ASSERT_EQ(0, try_deallocate_batch(self->fd, list, count, NULL));
		ASSERT_EQ(0, snapshot_take(&together, self->fd));
		EXPECT_TRUE(snapshot_same(&singly, &together));
		ASSERT_EQ(0, try_allocate_batch(self->fd, 0, again, count));
		snapshot_free(&singly);
		snapshot_free(&together);
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* What was allocated by other batches, or by none. */
TEST_F(batch, deallocates_whatever_is_held)
{
	test_allocate(self->fd, 10);
	test_allocate_batch(self->fd, 11, 12);
	test_keep(self->fd, 13);
	test_keep_batch(self->fd, 14, 15);
	test_deallocate_batch(self->fd, 15, 12, 10, 13);
	EXPECT_ORDER(13, 10, 12, 15);
	test_deallocate(self->fd, 14);
	test_deallocate(self->fd, 11);
	EXPECT_ORDER(11, 14, 13, 10, 12, 15);
}

TEST_F(batch, takes_none_if_too_few)
{
	__u32 count;

	for (count = 7; count <= FREQ_BATCH_MAX; count += 83)
		test_err_allocate_batch(ENOSPC, self->fd, count);
	EXPECT_UNCHANGED();
	test_allocate_batch(self->fd, 10, 11, 12, 13);
	test_err_allocate_batch(ENOSPC, self->fd, 3);
	test_allocate_batch(self->fd, 14, 15);
	test_err_allocate_batch(ENOSPC, self->fd, 1);
	test_deallocate_batch(self->fd, 15, 14, 13, 12, 11, 10);
	EXPECT_UNCHANGED();
}

/* 10 to 12 are the client's, 13 it keeps, 14 is another's, 15 is free. */
TEST_F(batch, gives_back_none_if_one_cannot_be)
{
	static const struct {
		__u64 list[6];
		__u32 count;
		__u32 index;
		int error;
	} cases[] = {
		{ { 15 }, 1, 0, ENOENT },			/* free */
		{ { 77 }, 1, 0, ENOENT },			/* not there */
		{ { 14 }, 1, 0, EPERM },			/* another's */
		{ { 10, 15 }, 2, 1, ENOENT },
		{ { 10, 11, 12, 13, ~0ULL }, 5, 4, ENOENT },
		{ { 10, 11, 14, 12 }, 4, 2, EPERM },
		{ { 13, 12, 11, 10, 14 }, 5, 4, EPERM },
		{ { 14, 15 }, 2, 0, EPERM },
		{ { 15, 14 }, 2, 0, ENOENT },
		{ { 10, 14, 15, 10 }, 4, 1, EPERM },
		{ { 10, 15, 14, 10 }, 4, 1, ENOENT },
		{ { 10, 10 }, 2, 1, ENOENT },			/* twice */
		{ { 13, 13 }, 2, 1, ENOENT },
		{ { 14, 14 }, 2, 0, EPERM },
		{ { 10, 11, 12, 11, 10 }, 5, 3, ENOENT },
		{ { 10, 11, 12, 13, 10, 14 }, 6, 4, ENOENT },
		{ { 10, 11, 12, 13, 14, 10 }, 6, 4, EPERM },
		{ { 0, 10 }, 2, 0, ENOENT },
		{ { 10, 1ULL << 32 | 10 }, 2, 1, ENOENT },
	};
	int other = open_client();
	__u32 index;
	size_t i;

	ASSERT_GE(other, 0);
	test_allocate_batch(self->fd, 10, 11, 12);
	test_keep(self->fd, 13);
	test_allocate(other, 14);
	REMEMBER();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		index = ~0U;
		EXPECT_EQ(-cases[i].error,
			  try_deallocate_batch(self->fd, cases[i].list,
					       cases[i].count, &index)) {
			TH_LOG("case %zu", i);
		}
		EXPECT_EQ(cases[i].index, index) {
			TH_LOG("case %zu", i);
		}
		EXPECT_UNCHANGED();
	}
	close(other);
}

/* In the longest array that there can be, wherever it is. */
TEST_F(batch, tells_the_first_bad_place)
{
	__u64 list[FREQ_BATCH_MAX], good;
	__u64 seed = 11;
	__u32 index, i;
	int turn;

	ASSERT_EQ(0, inject_more(self->fd));
	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, FREQ_BATCH_MAX));
	REMEMBER();
	for (turn = 0; turn < 30; turn++) {
		shuffle(list, FREQ_BATCH_MAX, &seed);
		i = 1 + random_below(&seed, FREQ_BATCH_MAX - 1);
		good = list[i];
		list[i] = turn % 2 ? list[random_below(&seed, i)] : 9;
		ASSERT_EQ(-ENOENT, try_deallocate_batch(self->fd, list,
							FREQ_BATCH_MAX,
							&index));
		ASSERT_EQ(i, index) {
			TH_LOG("turn %d", turn);
		}
		list[i] = good;
	}
	EXPECT_UNCHANGED();
	ASSERT_EQ(0, try_deallocate_batch(self->fd, list, FREQ_BATCH_MAX,
					  NULL));
	EXPECT_EQ(0, allocated(self->fd));
}

TEST_F(batch, limits_of_the_count)
{
	static const __u32 absurd[] = {
		FREQ_BATCH_MAX + 1, 0x80000000, 0xffffffff,
	};
	static __u64 list[MORE];
	__u32 index;
	size_t i;

	ASSERT_EQ(0, inject_more(self->fd));
	REMEMBER();
	EXPECT_EQ(-EINVAL, try_allocate_batch(self->fd, 0, list, 0));
	EXPECT_EQ(-EINVAL, try_allocate_batch(self->fd, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, try_deallocate_batch(self->fd, list, 0, &index));
	EXPECT_EQ(0, index);
	EXPECT_EQ(-EINVAL, try_deallocate_batch(self->fd, NULL, 0, NULL));
	for (i = 0; i < ARRAY_SIZE(absurd); i++) {
		EXPECT_EQ(-E2BIG, try_allocate_batch(self->fd, 0, list,
						     absurd[i]));
		EXPECT_EQ(-E2BIG, try_deallocate_batch(self->fd, list,
						       absurd[i], &index));
		EXPECT_EQ(0, index);
	}
	EXPECT_UNCHANGED();

	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, FREQ_BATCH_MAX));
	for (i = 0; i < FREQ_BATCH_MAX; i++)
		EXPECT_EQ(i < 6 ? 10 + i : MORE_FIRST + i - 6, list[i]);
	EXPECT_EQ(FREQ_BATCH_MAX, allocated(self->fd));
	EXPECT_TRUE(sysfs_agrees(self->fd));
	for (i = 0; i < FREQ_BATCH_MAX / 2; i++) {
		__u64 other = list[i];

		list[i] = list[FREQ_BATCH_MAX - 1 - i];
		list[FREQ_BATCH_MAX - 1 - i] = other;
	}
	ASSERT_EQ(0, try_deallocate_batch(self->fd, list, FREQ_BATCH_MAX,
					  NULL));
	EXPECT_UNCHANGED();
}

/* Each bit that has no meaning, in each word. */
TEST_F(batch, words_without_a_meaning)
{
	__u64 list[] = { 10, 11 };
	struct freq_batch good = {
		.frequencies = (uintptr_t)list,
		.count = 2,
	};
	struct freq_batch batch;
	int fd = self->fd;
	__u32 bit;

	test_allocate_batch(fd, 10, 11);
	REMEMBER();
	for (bit = 1; bit; bit <<= 1) {
		batch = good;
		batch.index = bit;
		EXPECT_EQ(-EINVAL, try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH,
					     &batch));
		EXPECT_EQ(-EINVAL, try_ioctl(fd, FREQ_IOC_DEALLOCATE_BATCH,
					     &batch));
		batch = good;
		batch.pad = bit;
		EXPECT_EQ(-EINVAL, try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH,
					     &batch));
		EXPECT_EQ(-EINVAL, try_ioctl(fd, FREQ_IOC_DEALLOCATE_BATCH,
					     &batch));
		batch = good;
		batch.flags = bit;
		EXPECT_EQ(-EINVAL, try_ioctl(fd, FREQ_IOC_DEALLOCATE_BATCH,
					     &batch));
		if (bit == FREQ_ALLOCATE_KEEP)
			continue;
		EXPECT_EQ(-EINVAL, try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH,
					     &batch));
		batch.flags |= FREQ_ALLOCATE_KEEP;
		EXPECT_EQ(-EINVAL, try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH,
					     &batch));
	}
	EXPECT_UNCHANGED();
}

/* A success leaves the argument as it was. */
TEST_F(batch, leaves_the_argument)
{
	__u64 list[3] = {};
	const struct freq_batch good = {
		.frequencies = (uintptr_t)list,
		.count = 3,
	};
	struct freq_batch batch = good;

	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_ALLOCATE_BATCH, &batch));
	EXPECT_EQ(0, memcmp(&good, &batch, sizeof(good)));
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE_BATCH, &batch));
	EXPECT_EQ(0, memcmp(&good, &batch, sizeof(good)));
	EXPECT_EQ(10, list[0]);
	EXPECT_EQ(11, list[1]);
	EXPECT_EQ(12, list[2]);
	EXPECT_ORDER(12, 11, 10, 13, 14, 15);
}

/*
 * An array that cannot be written, or only in part: nothing is allocated.
 */
TEST_F(batch, allocates_to_nowhere)
{
	void *bad[] = {
		NULL,
		(void *)8,
		(void *)-1L,
		(void *)-8L,
		page_map(PROT_NONE),
		page_map(PROT_READ),
	};
	static const __u32 flags[] = { 0, FREQ_ALLOCATE_KEEP };
	int fd = self->fd;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		for (j = 0; j < ARRAY_SIZE(bad); j++)
			EXPECT_EQ(-EFAULT, try_allocate_batch(fd, flags[i],
							      bad[j], 6));
		for (j = 1; j < 6 * sizeof(__u64); j++)
			EXPECT_EQ(-EFAULT,
				  try_allocate_batch(fd, flags[i],
						     page_straddle(j), 6));
	}
	EXPECT_UNCHANGED();

	/* Also if the client holds others, and if the array is a long one. */
	ASSERT_EQ(0, inject_more(fd));
	test_allocate_batch(fd, 10, 11, 12, 13);
	test_keep_batch(fd, 14, 15);
	test_deallocate_batch(fd, 11, 14);
	REMEMBER();
	for (j = 0; j < FREQ_BATCH_MAX * sizeof(__u64); j += 511)
		EXPECT_EQ(-EFAULT,
			  try_allocate_batch(fd, flags[j % 2],
					     page_straddle(j),
					     FREQ_BATCH_MAX));
	EXPECT_UNCHANGED();
}

/* The array is written, and then the argument cannot be. */
TEST_F(batch, argument_that_cannot_be_written)
{
	struct freq_batch *batch = page_map(PROT_READ | PROT_WRITE);
	__u64 list[6];

	ASSERT_NE(NULL, batch);
	batch->frequencies = (uintptr_t)list;
	batch->count = 6;
	ASSERT_EQ(0, mprotect(batch, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_ALLOCATE_BATCH,
				     batch));
	EXPECT_UNCHANGED();

	/* Nor can the index of a bad one be written. */
	test_allocate_batch(self->fd, 10, 11, 12, 13, 14);
	REMEMBER();
	memcpy(list, (__u64 []){ 10, 11, 12, 13, 14, 15 }, sizeof(list));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE_BATCH,
				     batch));
	EXPECT_UNCHANGED();

	/* Without one, nothing is written. */
	test_allocate(self->fd, 15);
	EXPECT_EQ(0, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE_BATCH, batch));
	EXPECT_ORDER(15, 14, 13, 12, 11, 10);
}

TEST_F(batch, deallocates_from_nowhere)
{
	static const __u64 list[] = { 10, 11, 12 };
	void *bad[] = {
		NULL,
		(void *)8,
		(void *)-1L,
		(void *)-8L,
		page_map(PROT_NONE),
	};
	__u32 index;
	size_t i;
	char *at;

	test_allocate_batch(self->fd, 10, 11, 12);
	REMEMBER();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT, try_deallocate_batch(self->fd, bad[i], 3,
							&index));
		EXPECT_EQ(0, index);
	}
	for (i = 1; i < sizeof(list); i++) {
		at = page_straddle(i);
		ASSERT_NE(NULL, at);
		memcpy(at, list, i);
		EXPECT_EQ(-EFAULT, try_deallocate_batch(self->fd, (void *)at, 3,
							NULL));
	}
	EXPECT_UNCHANGED();

	/* It is only read. */
	at = page_map(PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, at);
	memcpy(at, list, sizeof(list));
	ASSERT_EQ(0, mprotect(at, page_size(), PROT_READ));
	EXPECT_EQ(0, try_deallocate_batch(self->fd, (void *)at, 3, NULL));
	EXPECT_ORDER(12, 11, 10, 13, 14, 15);
}

TEST_F(batch, modes_of_the_descriptor)
{
	__u64 list[2];
	__u32 index;
	int fd;

	test_allocate_batch(self->fd, 10, 11);
	REMEMBER();
	fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EPERM, try_allocate_batch(fd, 0, list, 2));
	EXPECT_EQ(-EPERM, try_deallocate_batch(fd, (__u64 []){ 10, 11 }, 2,
					       &index));
	EXPECT_EQ(0, index);
	EXPECT_EQ(-EPERM, try_deallocate_batch(fd, NULL, 0, NULL));
	close(fd);
	EXPECT_UNCHANGED();

	fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	test_allocate_batch(fd, 12, 13);
	test_deallocate_batch(fd, 13, 12);
	close(fd);
	EXPECT_UNCHANGED();
}

/* Each is as if it had been allocated alone. */
TEST_F(batch, holder)
{
	__u64 i;

	test_allocate_batch(self->fd, 10, 11);
	test_keep_batch(self->fd, 12, 13);
	for (i = 10; i <= 15; i++) {
		__u32 flags = i < 12 ? HELD | MINE : i < 14 ? KEPT | MINE : 0;

		EXPECT_TRUE(entry_is(self->fd, i, flags, flags ? getuid() : 0,
				     flags ? getpid() : 0));
	}
	EXPECT_TRUE(sysfs_is("allocated", "10-13\n"));
	EXPECT_TRUE(sysfs_is("free", "14-15\n"));
	test_err_stop(EBUSY, self->fd);
	test_deallocate(self->fd, 12);
	test_deallocate(self->fd, 10);
	EXPECT_TRUE(entry_is(self->fd, 10, 0, 0, 0));
	EXPECT_TRUE(entry_is(self->fd, 11, HELD | MINE, getuid(), getpid()));
}

/* Held and kept, in the order in which they were allocated. */
TEST_F(batch, end_of_the_client)
{
	int other = open_client();

	ASSERT_GE(other, 0);
	test_allocate_batch(other, 10, 11);
	test_allocate(self->fd, 12);
	test_allocate_batch(other, 13, 14, 15);
	test_deallocate_batch(other, 11, 13);
	test_allocate_batch(other, 13, 11);
	close(other);
	EXPECT_ORDER(10, 14, 15, 13, 11);
	EXPECT_TRUE(entry_is(self->fd, 12, HELD | MINE, getuid(), getpid()));

	other = open_client();
	ASSERT_GE(other, 0);
	test_allocate_batch(other, 10, 14);
	test_keep_batch(other, 15, 13);
	close(other);
	EXPECT_ORDER(10, 14, 11);
	EXPECT_TRUE(entry_is(self->fd, 15, KEPT, getuid(), 0));
	test_deallocate_batch(self->fd, 15, 12, 13);
	EXPECT_ORDER(13, 12, 15, 10, 14, 11);
}

/* A user's client: two held, two kept; then it waits to be killed. */
static int hold(int line, void *data)
{
	__u64 list[2];
	int fd;

	if (differ(0, become(USER_A)))
		return -1;
	fd = open_client();
	if (fails(fd >= 0) ||
	    differ(0, try_allocate_batch(fd, 0, list, 2)) ||
	    differ(10, list[0]) || differ(11, list[1]) ||
	    differ(0, try_allocate_batch(fd, FREQ_ALLOCATE_KEEP, list, 2)) ||
	    differ(12, list[0]) || differ(13, list[1]))
		return -1;
	return line_say(line, 'a') || line_hear(line, 'b');
}

/* Another user may not give back what is kept, whatever it has of its own. */
static int be_other_user(int line, void *data)
{
	__u64 list[] = { 14, 15, 12, 10 };
	__u32 index;
	int fd;

	if (differ(0, become(USER_B)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) ||
	       differ(0, try_allocate_batch(fd, 0, list, 2)) ||
	       differ(14, list[0]) || differ(15, list[1]) ||
	       differ(-EPERM, try_deallocate_batch(fd, list, 3, &index)) ||
	       differ(2, index) ||
	       differ(-EPERM, try_deallocate_batch(fd, &list[3], 1, &index)) ||
	       differ(0, index) ||
	       fails(entry_is(fd, 14, HELD | MINE, USER_B, getpid())) ||
	       differ(0, try_deallocate_batch(fd, (__u64 []){ 15, 14 }, 2,
					      NULL));
}

static int be_same_user(int line, void *data)
{
	__u32 index;
	int fd;

	if (differ(0, become(USER_A)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) ||
	       differ(-EPERM, try_deallocate_batch(fd, (__u64 []){ 12, 10 }, 2,
						   &index)) ||
	       differ(1, index) ||
	       differ(0, try_deallocate_batch(fd, (__u64 []){ 13, 12 }, 2,
					      NULL));
}

TEST_F(batch, users)
{
	struct child holder, child;

	ASSERT_EQ(0, child_start(&holder, hold, NULL));
	ASSERT_EQ(0, line_hear(holder.line, 'a'));
	EXPECT_TRUE(entry_is(self->fd, 10, HELD, USER_A, holder.pid));
	EXPECT_TRUE(entry_is(self->fd, 11, HELD, USER_A, holder.pid));
	EXPECT_TRUE(entry_is(self->fd, 12, KEPT, USER_A, holder.pid));
	EXPECT_TRUE(entry_is(self->fd, 13, KEPT, USER_A, holder.pid));
	REMEMBER();
	ASSERT_EQ(0, child_start(&child, be_other_user, NULL));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_UNCHANGED();

	/* The administrator may end what is kept, and nothing else. */
	test_err_deallocate_batch(EPERM, 2, self->fd, 12, 13, 11);
	EXPECT_UNCHANGED();
	ASSERT_EQ(0, child_start(&child, be_same_user, NULL));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_ORDER(12, 13, 14, 15);
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	EXPECT_ORDER(10, 11, 12, 13, 14, 15);

	ASSERT_EQ(0, child_start(&holder, hold, NULL));
	ASSERT_EQ(0, line_hear(holder.line, 'a'));
	test_deallocate_batch(self->fd, 13, 12);
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	EXPECT_ORDER(10, 11, 12, 13, 14, 15);
}

/* Release 1 has what it never could have allocated so. */
TEST_F(batch, across_releases)
{
	int other = open_client();

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	test_allocate(other, 10);
	test_err_allocate_batch(ENOTTY, other, 2);
	test_err_deallocate_batch(ENOTTY, 0, other, 10);
	EXPECT_TRUE(entry_is(self->fd, 10, HELD, getuid(), getpid()));

	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	test_allocate_batch(other, 11, 12);
	test_keep_batch(other, 13, 14);
	REMEMBER();
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	test_err_deallocate_batch(ENOTTY, 0, other, 11, 12);
	test_err_allocate_batch(ENOTTY, other, 1);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	EXPECT_UNCHANGED();

	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	test_deallocate(other, 11);
	test_deallocate(self->fd, 13);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	test_err_deallocate_batch(ENOENT, 1, other, 10, 11);
	test_err_deallocate_batch(EPERM, 1, self->fd, 14, 12);
	test_deallocate_batch(other, 14, 10);
	EXPECT_ORDER(10, 14, 13, 11, 15);
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	close(other);
	EXPECT_ORDER(12, 10, 14, 13, 11, 15);
	EXPECT_TRUE(log_silent(self->log));
}

/* ---- Several at a time */

#define ROUNDS	300
#define FOUR	4

struct taker {
	pthread_t thread;
	int fd;
	unsigned int *owners;	/* by frequency - 10 */
	__u32 successes;
	bool stop;
	int error;
};

static __u32 successes(struct taker *taker)
{
	return __atomic_load_n(&taker->successes, __ATOMIC_SEQ_CST);
}

/* Takes four of six, and gives them back in disorder. */
static int take_rounds(struct taker *taker)
{
	__u64 list[FOUR], seed = taker->fd;
	int j, error;

	while (!__atomic_load_n(&taker->stop, __ATOMIC_SEQ_CST)) {
		error = try_allocate_batch(taker->fd, 0, list, FOUR);
		if (error == -ENOSPC)
			continue;
		if (differ(0, error))
			return -1;
		for (j = 0; j < FOUR; j++) {
			if (differ(0, __atomic_fetch_add(&taker->owners[list[j] - 10],
							 1, __ATOMIC_SEQ_CST)))
				return -1;
		}
		for (j = 0; j < FOUR; j++)
			__atomic_fetch_sub(&taker->owners[list[j] - 10], 1,
					   __ATOMIC_SEQ_CST);
		shuffle(list, FOUR, &seed);
		if (differ(0, try_deallocate_batch(taker->fd, list, FOUR,
						   NULL)))
			return -1;
		__atomic_fetch_add(&taker->successes, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void *take_in_thread(void *data)
{
	struct taker *taker = data;

	taker->error = take_rounds(taker);
	return NULL;
}

static int takers_start(struct taker *takers, int count)
{
	static unsigned int owners[6];
	int i;

	for (i = 0; i < count; i++) {
		takers[i] = (struct taker) {
			.fd = open_client(),
			.owners = owners,
		};
		if (fails(takers[i].fd >= 0) ||
		    differ(0, pthread_create(&takers[i].thread, NULL,
					     take_in_thread, &takers[i])))
			return -1;
	}
	return 0;
}

static int takers_stop(struct taker *takers, int count)
{
	int error = 0;
	int i;

	for (i = 0; i < count; i++)
		__atomic_store_n(&takers[i].stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < count; i++) {
		if (differ(0, pthread_join(takers[i].thread, NULL)))
			return -1;
		error |= takers[i].error;
		close(takers[i].fd);
	}
	return error;
}

/* At any moment, one of them has four, or none has any. */
TEST_F(batch, all_at_once)
{
	unsigned long long end = now_ms() + DEADLINE_MS;
	struct taker takers[2];
	unsigned long looks = 0, held = 0;

	ASSERT_EQ(0, takers_start(takers, 2));
	while (successes(&takers[0]) < ROUNDS ||
	       successes(&takers[1]) < ROUNDS || !held || held == looks) {
		__u64 now = allocated(self->fd);

		ASSERT_TRUE(now == 0 || now == FOUR) {
			TH_LOG("there are %llu", now);
		}
		looks++;
		held += now == FOUR;
		ASSERT_LT(now_ms(), end) {
			TH_LOG("%u and %u rounds", successes(&takers[0]),
			       successes(&takers[1]));
		}
	}
	EXPECT_EQ(0, takers_stop(takers, 2));
	EXPECT_EQ(0, allocated(self->fd));
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	TH_LOG("looked %lu times at %u and %u", looks, takers[0].successes,
	       takers[1].successes);
}

/* Nor do upgrades show, to another format of the state and back. */
TEST_F_TIMEOUT(batch, during_upgrades, 60)
{
	struct taker takers[2];
	int i;

	ASSERT_EQ(0, takers_start(takers, 2));
	for (i = 0; i < rounds(10); i++) {
		ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
		ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	}
	EXPECT_EQ(0, takers_stop(takers, 2));
	EXPECT_NE(0, takers[0].successes + takers[1].successes);
	EXPECT_EQ(0, allocated(self->fd));
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	TH_LOG("%u and %u rounds", takers[0].successes, takers[1].successes);
}

/* Killed at whatever it does, it has all or nothing, and then nothing. */
static int take_until_killed(int line, void *data)
{
	__u64 list[FOUR];
	int fd = open_client();

	if (fails(fd >= 0) || line_say(line, 'a'))
		return -1;
	for (;;) {
		if (differ(0, try_allocate_batch(fd, 0, list, FOUR)) ||
		    differ(0, try_deallocate_batch(fd, list, FOUR, NULL)))
			return -1;
	}
}

TEST_F(batch, killed)
{
	unsigned long long end = now_ms() + DEADLINE_MS;
	struct child child;
	int turn, held = 0;

	for (turn = 0; turn < 20 || !held || held == turn; turn++) {
		ASSERT_LT(now_ms(), end);
		ASSERT_EQ(0, child_start(&child, take_until_killed, NULL));
		ASSERT_EQ(0, line_hear(child.line, 'a'));
		nap();
		/* Just before it is killed, as far as can be seen */
		held += allocated(self->fd) == FOUR;
		EXPECT_EQ(128 + SIGKILL, child_kill(&child));
		ASSERT_EQ(0, allocated(self->fd));
	}
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	EXPECT_TRUE(log_silent(self->log));
}

TEST_HARNESS_MAIN
