// SPDX-License-Identifier: GPL-2.0-only
/*
 * What release 3 adds beside waiting, which is in wait_test.c: a certain
 * frequency, numbers of grants, what is given back by them, and labels; and how
 * the releases before answer.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define HELD	FREQ_ENTRY_ALLOCATED
#define KEPT	(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP)
#define MINE	FREQ_ENTRY_MINE

/* What is injected where more than a batch is needed. */
#define MORE_FIRST	1000
#define MORE		300

FIXTURE(grant) {
	struct snapshot before;
	int log;
	int fd;
};

/* 10 to 15, all free. */
FIXTURE_SETUP(grant)
{
	ASSERT_EQ(0, server_start("freq_v3", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(grant)
{
	snapshot_free(&self->before);
	EXPECT_EQ(0, test_clean());
}

/* From here on, nothing is to change. */
#define REMEMBER() ({							\
	snapshot_free(&self->before);					\
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));		\
})

static __u64 last_grant(int fd)
{
	struct freq_info_v3 info;

	return try_info_v3(fd, &info) ? 0 : info.grant;
}

static int inject_more(int fd)
{
	__u64 list[MORE];
	int i;

	for (i = 0; i < MORE; i++)
		list[i] = MORE_FIRST + i;
	return try_inject(fd, list, MORE, NULL);
}

/* ---- INFO_V3 */

TEST_F(grant, info)
{
	struct freq_info_v3 info;
	struct freq_info old;
	int other = open_client();

	ASSERT_GE(other, 0);
	test_allocate(self->fd, 10);
	memset(&info, 0xa5, sizeof(info));
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_INFO_V3, &info));
	test_info(self->fd, &old);
	EXPECT_EQ(0, memcmp(&info, &old, sizeof(old)));
	EXPECT_EQ(3, info.release);
	EXPECT_EQ(2, info.clients);
	EXPECT_EQ(5, info.free);
	EXPECT_EQ(1, info.allocated);
	EXPECT_EQ(FEATURES_V3, info.features);
	EXPECT_EQ(grant_of(self->fd, 10), info.grant);
	EXPECT_EQ(0, info.waiters);
	EXPECT_EQ(0, info.subscriptions);
}

/* Behind what the caller asks for, nothing is written. */
TEST_F(grant, info_sizes)
{
	static const size_t sizes[] = { 32, 33, 40, 44, 47, 48, 49, 56, 5000 };
	struct freq_info_v3 whole;
	static char argument[8192];
	size_t i, j;

	test_allocate(self->fd, 10);
	ASSERT_EQ(0, try_info_v3(self->fd, &whole));
	for (i = 0; i < sizeof(struct freq_info); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd,
					     sized(FREQ_IOC_INFO, i),
					     argument));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t known = sizes[i] < sizeof(whole) ? sizes[i] :
							  sizeof(whole);

		memset(argument, 0xa5, sizeof(argument));
		ASSERT_EQ(0, try_ioctl(self->fd, sized(FREQ_IOC_INFO, sizes[i]),
				       argument));
		EXPECT_EQ(0, memcmp(&whole, argument, known));
		for (j = known; j < sizes[i]; j++)
			ASSERT_EQ(0, argument[j]);
		EXPECT_EQ((char)0xa5, argument[sizes[i]]);
	}
}

static __u64 real_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* The numbers begin with the real time. */
TEST(first_grant)
{
	struct freq_info_v3 info;
	int fd;

	ASSERT_EQ(0, server_start("freq_v3", NULL));
	fd = open_client();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, try_info_v3(fd, &info));
	EXPECT_LT(real_time(), info.grant + 1000000000ULL);
	EXPECT_EQ(0, info.waiters);
	test_err_deallocate_grant(ENOENT, fd, 10, 1);
	EXPECT_EQ(0, grant_of(fd, 10));
	test_allocate(fd, 10);
	EXPECT_LT(info.grant, last_grant(fd));
	EXPECT_EQ(0, test_clean());
}

/* ---- Numbers */

/* The number of what was just allocated; it is higher than all before. */
#define EXPECT_NEXT(frequency) ({					\
	__u64 __grant = grant_of(self->fd, frequency);			\
									\
	EXPECT_LT(last, __grant);					\
	EXPECT_EQ(__grant, last_grant(self->fd));			\
	last = __grant;							\
})

/* By whatever request, and of whatever kind. */
TEST_F(grant, each_has_a_number)
{
	struct freq_allocate_v3 allocate = {
		.frequency = 14,
		.grant = ~0ULL,
	};
	__u64 last = last_grant(self->fd);
	int other = open_client();

	ASSERT_GE(other, 0);
	test_allocate(self->fd, 10);
	EXPECT_NEXT(10);
	test_keep(other, 11);
	EXPECT_NEXT(11);
	test_allocate_exact(self->fd, 15);
	EXPECT_NEXT(15);
	ASSERT_EQ(0, try_allocate_v3(self->fd, &allocate));
	EXPECT_EQ(12, allocate.frequency);
	EXPECT_NEXT(12);
	EXPECT_EQ(last, allocate.grant);
	test_allocate_batch(other, 13, 14);
	EXPECT_LT(last, grant_of(self->fd, 13));
	last = grant_of(self->fd, 13);
	EXPECT_NEXT(14);
	/* Anew, of the same one. */
	test_deallocate(other, 14);
	EXPECT_EQ(0, grant_of(self->fd, 14));
	EXPECT_EQ(last, last_grant(self->fd));
	test_allocate(other, 14);
	EXPECT_NEXT(14);
	/* The others have theirs. */
	EXPECT_EQ(allocate.grant, grant_of(other, 12));
}

TEST_F(grant, batch_rises)
{
	__u64 list[FREQ_BATCH_MAX], last = last_grant(self->fd), grant;
	__u64 seed = 9;
	int i;

	ASSERT_EQ(0, inject_more(self->fd));
	/* In another order than that of the numbers */
	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, FREQ_BATCH_MAX));
	shuffle(list, FREQ_BATCH_MAX, &seed);
	ASSERT_EQ(0, try_deallocate_batch(self->fd, list, FREQ_BATCH_MAX,
					  NULL));
	ASSERT_EQ(0, try_allocate_batch(self->fd, FREQ_ALLOCATE_KEEP, list,
					FREQ_BATCH_MAX));
	for (i = 0; i < FREQ_BATCH_MAX; i++) {
		grant = grant_of(self->fd, list[i]);
		ASSERT_LT(last, grant) {
			TH_LOG("at %d", i);
		}
		last = grant;
	}
	EXPECT_EQ(last, last_grant(self->fd));
}

TEST_F(grant, since)
{
	struct freq_grant_entry entry, later;
	__s64 before, after;

	before = boottime_coarse_ns();
	test_allocate(self->fd, 10);
	after = boottime_ns();
	ASSERT_EQ(0, grant_find(self->fd, 10, &entry));
	EXPECT_LE(before - tick_ns(), entry.since);
	EXPECT_GE(after + tick_ns(), entry.since);
	/* It does not go on, and is of its own grant. */
	ASSERT_TRUE(wait_until(boottime_coarse_ns() > after + 3 * tick_ns()));
	before = boottime_coarse_ns();
	test_allocate(self->fd, 11);
	ASSERT_EQ(0, grant_find(self->fd, 11, &later));
	EXPECT_LE(before - tick_ns(), later.since);
	EXPECT_LT(entry.since, later.since);
	ASSERT_EQ(0, grant_find(self->fd, 10, &later));
	EXPECT_EQ(entry.since, later.since);
	test_deallocate(self->fd, 10);
	ASSERT_EQ(0, grant_find(self->fd, 10, &entry));
	EXPECT_EQ(0, entry.since);
	EXPECT_EQ(0, entry.grant);
	EXPECT_EQ(0, entry.flags);
}

/* Threads that allocate at the same time never have the same number. */
#define THREADS	4
#define ROUNDS	2000

struct taker {
	pthread_t thread;
	int fd;
	__u64 grants[ROUNDS];
	int count;
	int error;
};

static int take(struct taker *taker)
{
	__u64 last = 0;
	int error;

	while (taker->count < ROUNDS) {
		struct freq_allocate_v3 allocate = { };

		error = try_allocate_v3(taker->fd, &allocate);
		if (differ(0, error) || fails(allocate.grant > last) ||
		    fails(last_grant(taker->fd) >= allocate.grant) ||
		    differ(0, try_deallocate_grant(taker->fd,
						   allocate.frequency,
						   allocate.grant)))
			return -1;
		last = allocate.grant;
		taker->grants[taker->count++] = last;
	}
	return 0;
}

static void *take_in_thread(void *data)
{
	struct taker *taker = data;

	taker->error = take(taker);
	return NULL;
}

static int compare_numbers(const void *a, const void *b)
{
	const __u64 *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

TEST_F(grant, threads)
{
	static struct taker takers[THREADS];
	static __u64 all[THREADS * ROUNDS];
	int i;

	for (i = 0; i < THREADS; i++) {
		takers[i].fd = open_client();
		ASSERT_EQ(0, pthread_create(&takers[i].thread, NULL,
					    take_in_thread, &takers[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(takers[i].thread, NULL));
		ASSERT_EQ(0, takers[i].error);
		memcpy(&all[i * ROUNDS], takers[i].grants,
		       sizeof(takers[i].grants));
	}
	qsort(all, ARRAY_SIZE(all), sizeof(*all), compare_numbers);
	for (i = 1; i < ARRAY_SIZE(all); i++)
		ASSERT_LT(all[i - 1], all[i]);
	EXPECT_EQ(all[i - 1], last_grant(self->fd));
}

/* ---- A certain one */

/* The others stay in the order in which they are given out. */
TEST_F(grant, exact)
{
	static const __u64 line[] = { 13, 11, 14, 10, 15, 12 };
	const int count = ARRAY_SIZE(line);
	__u64 frequency;
	int i, j;

	for (i = 0; i < count; i++) {
		for (j = count; j--;)
			test_allocate_exact(self->fd, line[j]);
		for (j = count; j--;)
			test_deallocate(self->fd, line[j]);
		test_allocate_exact(self->fd, line[i]);
		test_err_allocate_exact(EBUSY, self->fd, line[i]);
		for (j = 0; j < count; j++) {
			if (j == i)
				continue;
			ASSERT_EQ(0, try_allocate(self->fd, 0, &frequency));
			EXPECT_EQ(line[j], frequency);
		}
		test_err_allocate(ENOSPC, self->fd);
		for (j = 0; j < count; j++)
			test_deallocate(self->fd, line[j]);
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* Given back, it is the next one, as any. */
TEST_F(grant, exact_is_given_back)
{
	int other = open_client();

	ASSERT_GE(other, 0);
	test_allocate_exact(other, 13);
	test_allocate_exact(other, 11);
	EXPECT_ORDER(10, 12, 14, 15);
	test_deallocate(other, 13);
	EXPECT_ORDER(13, 10, 12, 14, 15);
	close(other);
	EXPECT_ORDER(11, 13, 10, 12, 14, 15);
	test_inject(self->fd, 40);
	test_allocate_exact(self->fd, 40);
	EXPECT_ORDER(11, 13, 10, 12, 14, 15);
}

TEST_F(grant, exact_that_cannot_be_had)
{
	static const __u64 unknown[] = {
		0, 9, 16, 1ULL << 32 | 10, 1ULL << 63, ~0ULL,
	};
	int other = open_client();
	size_t i;

	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	test_keep(other, 11);
	REMEMBER();
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		test_err_allocate_exact(ENOENT, self->fd, unknown[i]);
	test_err_allocate_exact(EBUSY, self->fd, 10);
	test_err_allocate_exact(EBUSY, other, 10);
	test_err_allocate_exact(EBUSY, self->fd, 11);
	EXPECT_UNCHANGED();
}

/* Whatever the words are that have no meaning, or not for this request. */
TEST_F(grant, words_without_a_meaning)
{
	struct freq_allocate_v3 allocate;
	struct freq_deallocate_v3 deallocate;
	__u64 grant;
	__u32 bit;

	test_allocate(self->fd, 10);
	grant = grant_of(self->fd, 10);
	REMEMBER();
	for (bit = 1; bit; bit <<= 1) {
		allocate = (struct freq_allocate_v3) { .pad = bit };
		EXPECT_EQ(-EINVAL, try_allocate_v3(self->fd, &allocate));
		allocate.flags = FREQ_ALLOCATE_EXACT;
		EXPECT_EQ(-EINVAL, try_allocate_v3(self->fd, &allocate));
		deallocate = (struct freq_deallocate_v3) {
			.frequency = 10, .flags = bit, .grant = grant,
		};
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE_V3,
					     &deallocate));
		deallocate.flags = 0;
		deallocate.pad = bit;
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE_V3,
					     &deallocate));
		if (bit & (FREQ_ALLOCATE_KEEP | FREQ_ALLOCATE_EXACT))
			continue;
		allocate = (struct freq_allocate_v3) { .flags = bit };
		EXPECT_EQ(-EINVAL, try_allocate_v3(self->fd, &allocate));
	}
	EXPECT_UNCHANGED();
}

/* The forms of the releases before have no other flag than before. */
TEST_F(grant, exact_elsewhere)
{
	struct freq_allocate allocate = {
		.frequency = 12,
		.flags = FREQ_ALLOCATE_EXACT,
	};
	__u64 list[] = { 12, 13 };

	EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_ALLOCATE, &allocate));
	EXPECT_EQ(-EINVAL, try_allocate_batch(self->fd, FREQ_ALLOCATE_EXACT,
					      list, 2));
	EXPECT_UNCHANGED();
}

TEST_F(grant, allocate_sizes)
{
	static const size_t sizes[] = {
		17, 20, 24, 25, 31, 32, 33, 40, 128, 136, 200, 5000,
	};
	static char argument[8192];
	struct freq_allocate_v3 *allocate = (void *)argument;
	size_t i, j, size;

	for (i = 0; i < sizeof(struct freq_allocate); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd,
					     sized(FREQ_IOC_ALLOCATE, i),
					     argument));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i];
		memset(argument, 0, sizeof(argument));
		memset(argument + size, 0xa5, 64);
		*allocate = (struct freq_allocate_v3) {
			.frequency = 13,
			.flags = FREQ_ALLOCATE_EXACT,
		};
		if (size < sizeof(*allocate))
			memset(argument + size, 0xa5, 64);
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(FREQ_IOC_ALLOCATE, size),
				       argument)) {
			TH_LOG("of %zu bytes", size);
		}
		EXPECT_EQ(13, allocate->frequency);
		if (size >= sizeof(*allocate))
			EXPECT_EQ(grant_of(self->fd, 13), allocate->grant);
		for (j = sizeof(*allocate); j < size; j++)
			ASSERT_EQ(0, argument[j]);
		for (j = size; j < size + 64; j++)
			ASSERT_EQ((char)0xa5, argument[j]);
		test_deallocate(self->fd, 13);
	}
	for (; i--;) {
		if (sizes[i] <= sizeof(*allocate))
			continue;
		memset(argument, 0, sizeof(argument));
		argument[sizes[i] - 1] = 1;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd,
					    sized(FREQ_IOC_ALLOCATE, sizes[i]),
					    argument));
		argument[sizes[i] - 1] = 0;
		argument[sizeof(*allocate)] = (char)0x80;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd,
					    sized(FREQ_IOC_ALLOCATE, sizes[i]),
					    argument));
	}
}

/* A reply that cannot be written, or only in part: nothing is allocated. */
TEST_F(grant, bad_reply)
{
	struct freq_allocate_v3 *allocate = page_map(PROT_READ | PROT_WRITE);
	static const __u32 flags[] = {
		0, FREQ_ALLOCATE_KEEP, FREQ_ALLOCATE_EXACT,
	};
	struct freq_allocate_v3 *across;
	size_t i, at;

	ASSERT_NE(NULL, allocate);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, mprotect(allocate, page_size(),
				      PROT_READ | PROT_WRITE));
		allocate->frequency = 13;
		allocate->flags = flags[i];
		ASSERT_EQ(0, mprotect(allocate, page_size(), PROT_READ));
		EXPECT_EQ(-EFAULT, try_allocate_v3(self->fd, allocate));
		for (at = 8; at < sizeof(*across); at += 8) {
			across = page_straddle(at);
			ASSERT_NE(NULL, across);
			memcpy(across, allocate, at);
			ASSERT_EQ(0, mprotect((char *)across + at, page_size(),
					      PROT_READ));
			EXPECT_EQ(-EFAULT, try_allocate_v3(self->fd, across));
		}
	}
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_INFO_V3, allocate));
	EXPECT_EQ(-EFAULT, try_allocate_v3(self->fd, NULL));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE_V3, NULL));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_LABEL, NULL));
	EXPECT_EQ(-EFAULT, try_list_grants(self->fd, NULL));
	EXPECT_UNCHANGED();
}

/* ---- Given back by its number */

TEST_F(grant, deallocate)
{
	__u64 grant, later;

	test_allocate(self->fd, 10);
	grant = grant_of(self->fd, 10);
	test_err_deallocate_grant(ESTALE, self->fd, 10, grant - 1);
	test_err_deallocate_grant(ESTALE, self->fd, 10, grant + 1);
	test_err_deallocate_grant(ESTALE, self->fd, 10, ~0ULL);
	EXPECT_EQ(grant, grant_of(self->fd, 10));
	test_deallocate_grant(self->fd, 10, grant);
	test_err_deallocate_grant(ENOENT, self->fd, 10, grant);

	/* What was sent before it was allocated anew. */
	test_allocate(self->fd, 10);
	later = grant_of(self->fd, 10);
	test_err_deallocate_grant(ESTALE, self->fd, 10, grant);
	EXPECT_EQ(later, grant_of(self->fd, 10));
	/* Whichever it is. */
	test_deallocate_grant(self->fd, 10, 0);
	test_allocate(self->fd, 10);
	test_deallocate(self->fd, 10);
	EXPECT_UNCHANGED();
}

/* ENOENT comes before ESTALE, and that before EPERM. */
TEST_F(grant, deallocate_errors)
{
	int other = open_client();
	__u64 grant;

	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	grant = grant_of(self->fd, 10);
	REMEMBER();
	test_err_deallocate_grant(ENOENT, self->fd, 9, grant);
	test_err_deallocate_grant(ENOENT, self->fd, 11, grant);
	test_err_deallocate_grant(ENOENT, self->fd, 11, 0);
	test_err_deallocate_grant(ESTALE, self->fd, 10, grant + 1);
	test_err_deallocate_grant(EPERM, self->fd, 10, grant);
	test_err_deallocate_grant(EPERM, self->fd, 10, 0);
	EXPECT_UNCHANGED();
	test_deallocate_grant(other, 10, grant);
}

/* Given the number of what another user keeps, at 10. */
static int be_another_user(int line, void *data)
{
	__u64 grant = *(__u64 *)data;
	int fd;

	if (differ(0, become(USER_B)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) || differ(grant, grant_of(fd, 10)) ||
	       differ(-ESTALE, try_deallocate_grant(fd, 10, grant - 1)) ||
	       differ(-EPERM, try_deallocate_grant(fd, 10, grant)) ||
	       differ(-EPERM, try_deallocate_grant(fd, 10, 0));
}

static int be_the_user(int line, void *data)
{
	__u64 grant = *(__u64 *)data;
	int fd;

	if (differ(0, become(USER_A)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) ||
	       differ(-ESTALE, try_deallocate_grant(fd, 10, grant - 1)) ||
	       differ(0, try_deallocate_grant(fd, 10, grant));
}

TEST_F(grant, deallocate_kept)
{
	int holder = open_client_as(USER_A);
	struct child child;
	__u64 grant;

	ASSERT_GE(holder, 0);
	test_keep(holder, 10);
	close(holder);
	grant = grant_of(self->fd, 10);
	ASSERT_EQ(0, child_start(&child, be_another_user, &grant));
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, child_start(&child, be_the_user, &grant));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, grant_of(self->fd, 10));

	/* The administrator's right has the same limit. */
	holder = open_client_as(USER_A);
	ASSERT_GE(holder, 0);
	test_keep(holder, 10);
	test_err_deallocate_grant(ESTALE, self->fd, 10, grant);
	test_deallocate_grant(self->fd, 10, grant_of(self->fd, 10));
}

TEST_F(grant, deallocate_sizes)
{
	static const size_t sizes[] = { 17, 23, 24, 25, 32, 128, 136, 5000 };
	static char argument[8192];
	struct freq_deallocate_v3 *deallocate = (void *)argument;
	size_t i;

	deallocate->frequency = 10;
	for (i = 0; i < sizeof(struct freq_deallocate); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd,
					     sized(FREQ_IOC_DEALLOCATE, i),
					     argument));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long request = sized(FREQ_IOC_DEALLOCATE, sizes[i]);

		test_allocate(self->fd, 10);
		if (sizes[i] > sizeof(*deallocate)) {
			argument[sizeof(*deallocate)] = 1;
			EXPECT_EQ(-E2BIG, try_ioctl(self->fd, request,
						    argument));
			argument[sizeof(*deallocate)] = 0;
			argument[sizes[i] - 1] = (char)0x80;
			EXPECT_EQ(-E2BIG, try_ioctl(self->fd, request,
						    argument));
			argument[sizes[i] - 1] = 0;
		}
		if (sizes[i] >= sizeof(*deallocate)) {
			deallocate->grant = 1;
			EXPECT_EQ(-ESTALE, try_ioctl(self->fd, request,
						     argument));
			deallocate->grant = grant_of(self->fd, 10);
		}
		EXPECT_EQ(0, try_ioctl(self->fd, request, argument));
		deallocate->grant = 0;
	}
	EXPECT_UNCHANGED();
}

/* ---- LIST_GRANTS */

static struct freq_list_grants list_of(void *entries, __u32 count)
{
	return (struct freq_list_grants) {
		.entries = (uintptr_t)entries,
		.count = count,
		.entry_size = sizeof(struct freq_grant_entry),
	};
}

/* What both lists have is the same in both, with the same pages. */
static int lists_agree(int fd, __u32 flags, __u32 page)
{
	struct freq_grant_entry grants[FREQ_LIST_MAX / 8];
	struct freq_entry entries[FREQ_LIST_MAX / 8];
	struct freq_list list = { .entries = (uintptr_t)entries };
	struct freq_list_grants other = list_of(grants, page);
	__u32 i;

	list.flags = flags;
	other.flags = flags;
	list.count = page;
	if (differ(0, try_list(fd, &list)) ||
	    differ(0, try_list_grants(fd, &other)) ||
	    differ(list.count, other.count) ||
	    differ(list.cursor, other.cursor) || differ(flags, other.flags))
		return -1;
	for (i = 0; i < list.count; i++) {
		bool is_free = !(grants[i].flags & FREQ_ENTRY_ALLOCATED);

		if (differ(entries[i].frequency, grants[i].frequency) ||
		    differ(entries[i].flags, grants[i].flags) ||
		    differ(entries[i].uid, grants[i].uid) ||
		    differ(entries[i].pid, grants[i].pid) ||
		    differ(0, grants[i].pad) ||
		    differ(is_free, !grants[i].grant) ||
		    differ(is_free, !grants[i].since))
			return -1;
	}
	return 0;
}

/* As the caller's namespaces have them. */
static int see_elsewhere(int line, void *data)
{
	int fd = *(int *)data;

	return differ(0, unshare(CLONE_NEWUSER)) || lists_agree(fd, 0, 6);
}

TEST_F(grant, list_as_before)
{
	static const __u32 flags[] = {
		0, FREQ_LIST_FREE, FREQ_LIST_ALLOCATED,
		FREQ_LIST_FREE | FREQ_LIST_ALLOCATED,
	};
	int other = open_client_as(USER_A);
	int closed = open_client();
	struct child child;
	size_t i;

	ASSERT_GE(other, 0);
	ASSERT_GE(closed, 0);
	test_allocate(self->fd, 10);
	test_keep(self->fd, 11);
	test_allocate(other, 12);
	test_keep(other, 13);
	test_keep(closed, 14);
	close(closed);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(0, lists_agree(self->fd, flags[i], 6));
		EXPECT_EQ(0, lists_agree(other, flags[i], 6));
		EXPECT_EQ(0, lists_agree(self->fd, flags[i], 4));
	}
	ASSERT_EQ(0, child_start(&child, see_elsewhere, &self->fd));
	EXPECT_EQ(0, child_wait(&child));
}

/* Each once, whatever the size of a page is. */
TEST_F(grant, list_pages)
{
	static const __u32 pages[] = { 1, 2, 5, 127, 128, 129, 300, 4096 };
	static struct freq_grant_entry entries[FREQ_LIST_MAX];
	struct freq_list_grants list;
	__u64 last, seen;
	size_t i;
	__u32 j;

	ASSERT_EQ(0, inject_more(self->fd));
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		list = list_of(entries, 0);
		seen = 0;
		last = 0;
		do {
			list.count = pages[i];
			ASSERT_EQ(0, try_list_grants(self->fd, &list));
			ASSERT_LE(list.count, pages[i]);
			for (j = 0; j < list.count; j++) {
				ASSERT_LT(last, entries[j].frequency);
				last = entries[j].frequency;
			}
			seen += list.count;
		} while (list.cursor);
		EXPECT_EQ(6 + MORE, seen);
	}
}

/* What the release does not know of a longer entry is zero. */
TEST_F(grant, list_entry_sizes)
{
	static const __u32 bad[] = {
		0, 1, 8, 64, 71, 73, 76, 79, 255, 257, 260, 264, 1U << 31,
		~0U, ~0U - 7,
	};
	struct freq_grant_entry want[6];
	struct freq_list_grants list;
	static char room[7 * 256];
	__u32 size, i, j;

	test_allocate_exact(self->fd, 12);
	test_client_label(self->fd, "label");
	list = list_of(want, 6);
	ASSERT_EQ(0, try_list_grants(self->fd, &list));
	for (size = FREQ_GRANT_ENTRY_SIZE_MIN; size <= FREQ_GRANT_ENTRY_SIZE_MAX;
	     size += 8) {
		memset(room, 0xa5, sizeof(room));
		list = list_of(room, 6);
		list.entry_size = size;
		ASSERT_EQ(0, try_list_grants(self->fd, &list));
		EXPECT_EQ(6, list.count);
		EXPECT_EQ(size, list.entry_size);
		for (i = 0; i < 6; i++) {
			EXPECT_EQ(0, memcmp(&want[i], &room[i * size],
					    sizeof(*want)));
			for (j = sizeof(*want); j < size; j++)
				ASSERT_EQ(0, room[i * size + j]);
		}
		EXPECT_EQ((char)0xa5, room[6 * size]);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		list = list_of(room, 6);
		list.entry_size = bad[i];
		EXPECT_EQ(-EINVAL, try_list_grants(self->fd, &list)) {
			TH_LOG("entries of %u bytes", bad[i]);
		}
	}
}

TEST_F(grant, list_bad)
{
	static const __u32 absurd[] = {
		FREQ_LIST_MAX + 1, 0x80000000, 0xffffffff,
	};
	struct freq_grant_entry entries[6];
	struct freq_list_grants list;
	void *bad[] = {
		NULL, (void *)-1L, page_map(PROT_NONE), page_map(PROT_READ),
		page_straddle(sizeof(entries) - 1),
	};
	__u32 bit;
	size_t i;

	list = list_of(entries, 0);
	EXPECT_EQ(-EINVAL, try_list_grants(self->fd, &list));
	for (i = 0; i < ARRAY_SIZE(absurd); i++) {
		list = list_of(entries, absurd[i]);
		EXPECT_EQ(-E2BIG, try_list_grants(self->fd, &list));
		list.entry_size = FREQ_GRANT_ENTRY_SIZE_MAX;
		EXPECT_EQ(-E2BIG, try_list_grants(self->fd, &list));
	}
	for (bit = 1; bit; bit <<= 1) {
		list = list_of(entries, 6);
		list.pad = bit;
		EXPECT_EQ(-EINVAL, try_list_grants(self->fd, &list));
		list.pad = 0;
		list.flags = bit;
		EXPECT_EQ(bit & (FREQ_LIST_FREE | FREQ_LIST_ALLOCATED) ? 0 :
			  -EINVAL, try_list_grants(self->fd, &list));
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		list = list_of(bad[i], 6);
		EXPECT_EQ(-EFAULT, try_list_grants(self->fd, &list));
	}
	EXPECT_UNCHANGED();
}

TEST_F(grant, list_sizes)
{
	static const size_t sizes[] = { 32, 33, 40, 128, 136, 5000 };
	struct freq_grant_entry entries[6];
	static char argument[8192];
	struct freq_list_grants *list = (void *)argument;
	size_t i, j;

	for (i = 0; i < sizeof(*list); i++) {
		*list = list_of(entries, 6);
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd,
					     sized(FREQ_IOC_LIST_GRANTS, i),
					     argument));
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long request = sized(FREQ_IOC_LIST_GRANTS, sizes[i]);

		memset(argument, 0, sizeof(argument));
		*list = list_of(entries, 6);
		ASSERT_EQ(0, try_ioctl(self->fd, request, argument));
		EXPECT_EQ(6, list->count);
		for (j = sizeof(*list); j < sizes[i]; j++)
			ASSERT_EQ(0, argument[j]);
		if (sizes[i] == sizeof(*list))
			continue;
		*list = list_of(entries, 6);
		argument[sizes[i] - 1] = 1;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd, request, argument));
		argument[sizes[i] - 1] = 0;
		argument[sizeof(*list)] = (char)0x80;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd, request, argument));
	}
	EXPECT_UNCHANGED();
}

/* ---- Labels */

static bool label_is(int fd, __u64 frequency, const char *text)
{
	__u8 want[FREQ_LABEL_MAX] = { };
	struct freq_grant_entry entry;

	memcpy(want, text, strnlen(text, FREQ_LABEL_MAX));
	if (differ(0, grant_find(fd, frequency, &entry)))
		return false;
	if (!memcmp(want, entry.label, sizeof(want)))
		return true;
	fprintf(stderr, "# label of %llu: wanted %s, saw %.32s\n", frequency,
		text, entry.label);
	return false;
}

/* It is of all that the client holds, then and later, and seen by all. */
TEST_F(grant, label)
{
	int reader = open(DEVICE, O_RDONLY | O_CLOEXEC);
	int other = open_client_as(USER_A);

	ASSERT_GE(reader, 0);
	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	EXPECT_TRUE(label_is(self->fd, 10, ""));
	test_client_label(other, "lora gateway");
	test_keep(other, 11);
	test_allocate(self->fd, 12);
	EXPECT_TRUE(label_is(self->fd, 10, "lora gateway"));
	EXPECT_TRUE(label_is(reader, 11, "lora gateway"));
	EXPECT_TRUE(label_is(other, 11, "lora gateway"));
	EXPECT_TRUE(label_is(self->fd, 12, ""));
	EXPECT_TRUE(label_is(self->fd, 13, ""));
	test_client_label(self->fd, "me");
	test_client_label(other, "x");
	EXPECT_TRUE(label_is(reader, 10, "x"));
	EXPECT_TRUE(label_is(reader, 12, "me"));
	/* Given back, it has none; the one who gets it has its own. */
	test_deallocate(other, 10);
	EXPECT_TRUE(label_is(reader, 10, ""));
	test_allocate(self->fd, 10);
	EXPECT_TRUE(label_is(reader, 10, "me"));
	test_client_label(other, "");
	EXPECT_TRUE(label_is(reader, 11, ""));
	EXPECT_TRUE(label_is(reader, 12, "me"));
}

/* What is kept has none when the client is closed. */
TEST_F(grant, label_ends_with_the_client)
{
	int other = open_client();
	int same = dup(other);

	ASSERT_GE(other, 0);
	test_client_label(same, "short-lived");
	test_allocate(other, 10);
	test_keep(other, 11);
	close(same);
	EXPECT_TRUE(label_is(self->fd, 11, "short-lived"));
	close(other);
	EXPECT_TRUE(label_is(self->fd, 10, ""));
	EXPECT_TRUE(label_is(self->fd, 11, ""));
	test_client_label(self->fd, "another");
	EXPECT_TRUE(label_is(self->fd, 11, ""));
	/* The next client, in the same place perhaps, has none. */
	other = open_client();
	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	EXPECT_TRUE(label_is(self->fd, 10, ""));
	test_deallocate(self->fd, 11);
}

TEST_F(grant, label_lengths)
{
	char text[FREQ_LABEL_MAX + 1] = "";
	int length;

	test_allocate(self->fd, 10);
	for (length = 0; length <= FREQ_LABEL_MAX; length++) {
		memset(text, 'a' + length % 26, length);
		text[length] = '\0';
		test_client_label(self->fd, text);
		EXPECT_TRUE(label_is(self->fd, 10, text));
	}
	/* A shorter one has nothing of the longer one. */
	test_client_label(self->fd, "b");
	EXPECT_TRUE(label_is(self->fd, 10, "b"));
}

/* Each byte at each place; UTF-8 and others above 0x7f are the caller's. */
TEST_F(grant, label_bytes)
{
	unsigned int byte, at;

	test_allocate(self->fd, 10);
	test_client_label(self->fd, "stays");
	for (byte = 1; byte < 256; byte++) {
		bool is_text = byte >= 0x20 && byte != 0x7f;

		for (at = 0; at < FREQ_LABEL_MAX; at++) {
			struct freq_label label;

			memset(&label, 'x', sizeof(label));
			label.label[at] = byte;
			ASSERT_EQ(is_text ? 0 : -EILSEQ,
				  try_ioctl(self->fd, FREQ_IOC_LABEL,
					    &label)) {
				TH_LOG("%#x at %u", byte, at);
			}
		}
		if (is_text)
			test_client_label(self->fd, "stays");
	}
	/* One that is refused changes nothing. */
	EXPECT_TRUE(label_is(self->fd, 10, "stays"));
}

TEST_F(grant, label_behind_a_zero)
{
	struct freq_label label;
	unsigned int zero, at;

	test_allocate(self->fd, 10);
	test_client_label(self->fd, "stays");
	for (zero = 0; zero < FREQ_LABEL_MAX - 1; zero++) {
		for (at = zero + 1; at < FREQ_LABEL_MAX; at++) {
			memset(&label, 0, sizeof(label));
			memset(&label, 'x', zero);
			label.label[at] = 'y';
			ASSERT_EQ(-EILSEQ, try_ioctl(self->fd, FREQ_IOC_LABEL,
						     &label));
		}
	}
	EXPECT_TRUE(label_is(self->fd, 10, "stays"));
}

TEST_F(grant, label_sizes)
{
	static const size_t sizes[] = { 32, 33, 40, 128, 136, 5000 };
	static char argument[8192];
	size_t i;

	test_allocate(self->fd, 10);
	strcpy(argument, "text");
	for (i = 0; i < sizeof(struct freq_label); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd,
					     sized(FREQ_IOC_LABEL, i),
					     argument));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long request = sized(FREQ_IOC_LABEL, sizes[i]);

		test_client_label(self->fd, "");
		ASSERT_EQ(0, try_ioctl(self->fd, request, argument));
		EXPECT_TRUE(label_is(self->fd, 10, "text"));
		if (sizes[i] == sizeof(struct freq_label))
			continue;
		argument[sizeof(struct freq_label)] = 1;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd, request, argument));
		argument[sizeof(struct freq_label)] = 0;
		argument[sizes[i] - 1] = (char)0x80;
		EXPECT_EQ(-E2BIG, try_ioctl(self->fd, request, argument));
		argument[sizes[i] - 1] = 0;
	}
}

/* A stop would take it away from a client that stays. */
TEST_F(grant, label_hinders_a_stop)
{
	int other = open_client();

	ASSERT_GE(other, 0);
	test_client_label(other, "idle");
	EXPECT_EQ(-EBUSY, try_ioctl(self->fd, FREQ_IOC_STOP, NULL));
	close(other);
	test_stop(self->fd);
}

/* ---- Who may */

TEST_F(grant, read_only_descriptor)
{
	struct freq_allocate_v3 allocate = { .flags = ~0U };
	struct freq_info_v3 info;
	__u64 grant;
	int fd;

	test_allocate(self->fd, 10);
	grant = grant_of(self->fd, 10);
	REMEMBER();
	fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, try_info_v3(fd, &info));
	EXPECT_EQ(grant, grant_of(fd, 10));
	EXPECT_EQ(-EPERM, try_allocate_v3(fd, &allocate));
	EXPECT_EQ(-EPERM, try_allocate_v3(fd, NULL));
	test_err_allocate_exact(EPERM, fd, 9);
	test_err_deallocate_grant(EPERM, fd, 10, grant);
	test_err_deallocate_grant(EPERM, fd, 10, grant + 1);
	test_err_deallocate_grant(EPERM, fd, 9, 0);
	test_err_client_label(EPERM, fd, "text");
	test_err_client_label(EPERM, fd, "\n");
	close(fd);
	EXPECT_UNCHANGED();
}

TEST_F(grant, no_server)
{
	struct freq_grant_entry entries[6];
	struct freq_list_grants list = list_of(entries, 6);
	struct freq_allocate_v3 allocate = { };
	struct freq_info_v3 info;

	test_stop(self->fd);
	EXPECT_EQ(-ENODEV, try_info_v3(self->fd, &info));
	EXPECT_EQ(-ENODEV, try_allocate_v3(self->fd, &allocate));
	test_err_deallocate_grant(ENODEV, self->fd, 10, 0);
	EXPECT_EQ(-ENODEV, try_list_grants(self->fd, &list));
	test_err_client_label(ENODEV, self->fd, "text");
}

/* ---- Across a stop, and across releases */

/* Not across the door: that begins anew. */
TEST_F(grant, rises_across_a_stop)
{
	__u64 last;
	int i;

	for (i = 0; i < 5; i++) {
		test_allocate_batch(self->fd, 10, 11, 12);
		last = last_grant(self->fd);
		test_deallocate_batch(self->fd, 12, 11, 10);
		test_stop(self->fd);
		ASSERT_EQ(0, module_unload("freq_v3"));
		/* A release that knows of none in between. */
		if (i % 2) {
			ASSERT_EQ(0, module_load("freq_v1", NULL));
			test_allocate(self->fd, 10);
			test_deallocate(self->fd, 10);
			test_stop(self->fd);
			ASSERT_EQ(0, module_unload("freq_v1"));
		}
		ASSERT_EQ(0, module_load("freq_v3", NULL));
		EXPECT_LE(last, last_grant(self->fd));
		test_allocate(self->fd, 10);
		EXPECT_LT(last, grant_of(self->fd, 10));
		test_deallocate(self->fd, 10);
	}
}

/* All that LIST_GRANTS has of 10 to 15 */
static int take_grants(int fd, struct freq_grant_entry *entries)
{
	struct freq_list_grants list = list_of(entries, 6);

	return try_list_grants(fd, &list) ?: list.count == 6 ? 0 : -1;
}

TEST_F(grant, up_and_down)
{
	struct freq_grant_entry before[6], after[6];
	__u64 last;
	int i;

	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v1"));
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	test_allocate_batch(self->fd, 11, 12);
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v3"));
	test_allocate(self->fd, 13);
	ASSERT_EQ(0, take_grants(self->fd, before));
	for (i = 1; i < 4; i++)
		EXPECT_LT(before[i - 1].grant, before[i].grant);
	EXPECT_EQ(before[3].grant, last_grant(self->fd));

	/* Grants that are held keep their numbers; new ones have higher ones. */
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v2"));
	test_deallocate_batch(self->fd, 12, 11);
	test_allocate_batch(self->fd, 11, 12);
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	test_allocate(self->fd, 14);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v3"));
	ASSERT_EQ(0, take_grants(self->fd, after));
	EXPECT_EQ(0, memcmp(&before[0], &after[0], sizeof(*before)));
	EXPECT_EQ(0, memcmp(&before[3], &after[3], sizeof(*before)));
	EXPECT_LT(before[3].grant, after[1].grant);
	EXPECT_LT(after[1].grant, after[2].grant);
	EXPECT_LT(after[2].grant, after[4].grant);
	last = after[4].grant;
	EXPECT_EQ(last, last_grant(self->fd));
	test_allocate(self->fd, 15);
	EXPECT_LT(last, grant_of(self->fd, 15));
}

/* Numbers, times and labels are as they were in all of today's releases. */
TEST_F(grant, upgrades_change_nothing)
{
	static const char * const releases[] = {
		"freq_v3", "freq_v90", "freq_v3", "freq_v2", "freq_v1",
		"freq_v3",
	};
	struct freq_grant_entry before[6], after[6];
	int other = open_client();
	size_t i;

	ASSERT_GE(other, 0);
	test_client_label(self->fd, "label of one");
	test_client_label(other, "and of another");
	test_allocate_exact(self->fd, 12);
	test_keep(other, 10);
	test_allocate_batch(other, 11, 13);
	ASSERT_EQ(0, take_grants(self->fd, before));
	for (i = 1; i < ARRAY_SIZE(releases); i++) {
		ASSERT_EQ(0, server_upgrade(releases[i - 1], releases[i]));
		if (release_number(releases[i]) < 3)
			continue;
		ASSERT_EQ(0, take_grants(self->fd, after));
		EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
		EXPECT_LE(before[3].grant, last_grant(self->fd));
		test_err_deallocate_grant(ESTALE, self->fd, 12, 1);
		test_err_allocate_exact(EBUSY, self->fd, 12);
	}
	test_deallocate_grant(self->fd, 12, before[2].grant);
}

/* From a release of an earlier commit: one number for all of it. */
TEST(from_an_earlier_release)
{
	struct freq_grant_entry entries[6];
	__s64 before;
	int fd;

	ASSERT_EQ(0, server_clean());
	ASSERT_EQ(0, module_load("freq", NULL));
	ASSERT_EQ(0, module_load_earlier("freq_v2"));
	fd = open_client();
	ASSERT_GE(fd, 0);
	test_allocate(fd, 10);
	test_keep(fd, 11);
	test_allocate_batch(fd, 12, 13);
	before = boottime_coarse_ns();
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v3"));
	ASSERT_EQ(0, take_grants(fd, entries));
	EXPECT_LT(0, entries[0].grant);
	EXPECT_EQ(entries[0].grant, entries[1].grant);
	EXPECT_EQ(entries[0].grant, entries[2].grant);
	EXPECT_EQ(entries[0].grant, entries[3].grant);
	EXPECT_LE(before - tick_ns(), entries[0].since);
	EXPECT_EQ(0, entries[4].grant);
	EXPECT_EQ(entries[0].grant, last_grant(fd));
	/* Each can be given back by it, and gets a higher one then. */
	test_deallocate_grant(fd, 12, entries[0].grant);
	test_allocate_exact(fd, 12);
	EXPECT_LT(entries[0].grant, grant_of(fd, 12));
	test_err_deallocate_grant(ESTALE, fd, 12, entries[0].grant);
	test_deallocate_grant(fd, 13, entries[0].grant);
	EXPECT_EQ(0, test_clean());
}

/* To one, and back: labels are dropped, and numbers rise all the same. */
TEST_F(grant, to_an_earlier_release)
{
	struct freq_grant_entry entry;
	__u64 last;

	test_client_label(self->fd, "dropped");
	test_allocate_exact(self->fd, 12);
	test_keep(self->fd, 10);
	last = last_grant(self->fd);
	ASSERT_EQ(0, module_load_earlier("freq_v1"));
	ASSERT_EQ(0, module_unload("freq_v3"));
	EXPECT_TRUE(sysfs_is("allocated", "10,12\n"));
	test_allocate(self->fd, 11);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v3"));
	ASSERT_EQ(0, grant_find(self->fd, 10, &entry));
	EXPECT_EQ(KEPT | MINE, entry.flags);
	ASSERT_EQ(0, grant_find(self->fd, 12, &entry));
	EXPECT_LT(last, entry.grant);
	EXPECT_EQ(entry.grant, grant_of(self->fd, 11));
	EXPECT_EQ(0, entry.label[0]);
	test_allocate(self->fd, 13);
	EXPECT_LT(entry.grant, grant_of(self->fd, 13));
	EXPECT_TRUE(label_is(self->fd, 13, ""));
	test_client_label(self->fd, "again");
	EXPECT_TRUE(label_is(self->fd, 12, "again"));
}

/* ---- Releases that do not know it */

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

/* 10 held. */
FIXTURE_SETUP(older)
{
	ASSERT_EQ(0, server_start(variant->release, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	test_allocate(self->fd, 10);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(older)
{
	snapshot_free(&self->before);
	EXPECT_EQ(0, test_clean());
}

TEST_F(older, info)
{
	struct freq_info_v3 info;
	struct freq_info old;

	memset(&info, 0xa5, sizeof(info));
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_INFO_V3, &info));
	test_info(self->fd, &old);
	EXPECT_EQ(0, memcmp(&info, &old, sizeof(old)));
	EXPECT_EQ(0, info.features & FREQ_FEATURE_GRANTS);
	EXPECT_EQ(0, info.grant);
	EXPECT_EQ(0, info.waiters);
	EXPECT_EQ(0, info.subscriptions);
}

/* The longer argument is refused unless it says what the shorter one says. */
TEST_F(older, allocate)
{
	struct freq_allocate_v3 asked[] = {
		{ .deadline = 1 },
		{ .deadline = FREQ_FOR_EVER },
		{ .deadline = -1 },
		{ .grant = 1 },
		{ .flags = FREQ_ALLOCATE_EXACT, .deadline = 1 },
	};
	struct freq_allocate_v3 plain = { .frequency = 15 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(asked); i++)
		EXPECT_EQ(-E2BIG, try_allocate_v3(self->fd, &asked[i]));
	test_err_allocate_exact(EINVAL, self->fd, 12);
	EXPECT_UNCHANGED();
	ASSERT_EQ(0, try_allocate_v3(self->fd, &plain));
	EXPECT_EQ(11, plain.frequency);
	EXPECT_EQ(0, plain.deadline);
	EXPECT_EQ(0, plain.grant);
	test_deallocate_grant(self->fd, 11, 0);
	EXPECT_UNCHANGED();
}

TEST_F(older, deallocate)
{
	test_err_deallocate_grant(E2BIG, self->fd, 10, 1);
	test_err_deallocate_grant(E2BIG, self->fd, 9, 1);
	EXPECT_UNCHANGED();
	test_deallocate_grant(self->fd, 10, 0);
}

/* Whatever the argument is. */
TEST_F(older, unknown_requests)
{
	struct freq_grant_entry entries[6];
	struct freq_list_grants list = list_of(entries, 6);
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-ENOTTY, try_list_grants(self->fd, &list));
	EXPECT_EQ(-ENOTTY, try_list_grants(self->fd, NULL));
	EXPECT_EQ(-ENOTTY, try_list_grants(fd, &list));
	test_err_client_label(ENOTTY, self->fd, "text");
	test_err_client_label(ENOTTY, self->fd, "\n");
	test_err_client_label(ENOTTY, fd, "text");
	close(fd);
	EXPECT_UNCHANGED();
}

#ifdef __x86_64__
TEST_F(grant, from_32_bit)
{
	char *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct freq_allocate_v3 *allocate = (void *)page;
	struct freq_deallocate_v3 *deallocate = (void *)(page + 64);
	struct freq_list_grants *list = (void *)(page + 128);
	struct freq_label *label = (void *)(page + 192);
	struct freq_info_v3 *info = (void *)(page + 256);
	struct freq_grant_entry *entries = (void *)(page + 1024);

	ASSERT_NE(MAP_FAILED, page);
	allocate->frequency = 12;
	allocate->flags = FREQ_ALLOCATE_EXACT;
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_ALLOCATE_V3, allocate));
	EXPECT_EQ(12, allocate->frequency);
	allocate->deadline = 1;
	EXPECT_EQ(-ETIMEDOUT, compat_ioctl(self->fd, FREQ_IOC_ALLOCATE_V3,
					   allocate));
	strcpy((char *)label->label, "i386");
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_LABEL, label));
	*list = list_of(entries, 6);
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_LIST_GRANTS, list));
	EXPECT_EQ(6, list->count);
	EXPECT_EQ(12, entries[2].frequency);
	EXPECT_EQ(HELD | MINE, entries[2].flags);
	EXPECT_EQ(allocate->grant, entries[2].grant);
	EXPECT_STREQ("i386", (char *)entries[2].label);
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_INFO_V3, info));
	EXPECT_EQ(allocate->grant, info->grant);
	deallocate->frequency = 12;
	deallocate->grant = allocate->grant + 1;
	EXPECT_EQ(-ESTALE, compat_ioctl(self->fd, FREQ_IOC_DEALLOCATE_V3,
					deallocate));
	deallocate->grant--;
	EXPECT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_DEALLOCATE_V3,
				  deallocate));
}
#endif

TEST_HARNESS_MAIN
