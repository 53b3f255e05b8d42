// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that can be queued: what is asked for, how it is answered, who reads of
 * the outcome, and how a request is cancelled.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "queued.h"

#define RACES	2000

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

/* ---- Granted at once, or later */

/* What is free is allocated, as ever: the reply says so, and no record does. */
TEST_F(queue, free_ones_at_once)
{
	const struct wish wishes[] = EACH_KIND(7);
	struct freq_granted granted[2];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		ASSERT_EQ(0, give(self->fd));
		ASSERT_EQ(GRANTED, ask_for(self->own, wishes[i], granted));
		for (j = 0; j < wishes[i].count; j++) {
			EXPECT_TRUE(holds(self->own, granted[j].frequency,
					  granted[j].grant, 0));
			test_deallocate(self->own, granted[j].frequency);
		}
		EXPECT_SILENT(self->own);
		EXPECT_WAITING(0);
		/* The cookie is nobody's. */
		test_err_cancel(ENOENT, self->own, 7);
		ASSERT_EQ(GRANTED, ask(self->own, until(wishes[i], 1)));
		EXPECT_SILENT(self->own);
		ASSERT_EQ(0, regain(self->fd, self->own));
		EXPECT_TRUE(allocated_is(self->fd, 6));
	}
}

TEST_F(queue, later)
{
	static const __u64 cookies[] = { 0, 1, ~0ULL };
	size_t i, j;

	for (j = 0; j < ARRAY_SIZE(cookies); j++) {
		const struct wish wishes[] = EACH_KIND(cookies[j]);

		for (i = 0; i < ARRAY_SIZE(wishes); i++) {
			test_queue(self->own, wishes[i]);
			EXPECT_WAITING(1);
			EXPECT_TRUE(allocated_is(self->fd, 6));
			EXPECT_SILENT(self->own);
			ASSERT_EQ(0, give(self->fd));
			EXPECT_WAITING(0);
			/* All that ANY and BAND want is the first one. */
			EXPECT_OUTCOME(self->own, cookies[j], 12);
			if (wishes[i].count == 2)
				EXPECT_OUTCOME(self->own, cookies[j], 13);
			EXPECT_SILENT(self->own);
			test_err_cancel(ENOENT, self->own, cookies[j]);
			ASSERT_EQ(0, regain(self->fd, self->own));
		}
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* The caller's argument stays as it was, but for the grant. */
TEST_F(queue, reply)
{
	struct freq_allocate_v3 argument = {
		.frequency = 12,
		.flags = FREQ_ALLOCATE_EXACT | FREQ_ALLOCATE_QUEUE |
			 FREQ_ALLOCATE_KEEP,
		.deadline = monotonic_ns(NS_PER_HOUR),
		.grant = 5,
	};
	struct freq_allocate_v3 before = argument;

	ASSERT_EQ(0, try_allocate_v3(self->own, &argument));
	before.grant = 0;
	EXPECT_EQ(0, memcmp(&before, &argument, sizeof(before)));
	test_cancel(self->own, 5);
}

/* All that the record says */
TEST_F(queue, record)
{
	struct freq_info_v3 info;
	struct freq_record record;
	int i;

	test_client_label(self->own, "asks");
	for (i = 0; i < 2; i++) {
		test_queue(self->own, keeping(i ? RESERVE(12, 12, 1, 77) :
						  ANY(77)));
		test_deallocate(self->fd, 12);
		ASSERT_EQ(0, next_record(self->own, &record));
		EXPECT_EQ(FREQ_RECORD_OUTCOME, record.kind);
		EXPECT_EQ(FREQ_RECORD_KEEP, record.flags);
		EXPECT_EQ(12, record.frequency);
		EXPECT_EQ(77, record.value);
		EXPECT_EQ(0, record.lost);
		EXPECT_EQ(getuid(), record.uid);
		EXPECT_EQ(getpid(), record.pid);
		EXPECT_STREQ("asks", (char *)record.label);
		ASSERT_EQ(0, try_info_v3(self->fd, &info));
		EXPECT_GE(info.grant, record.grant);
		EXPECT_TRUE(holds(self->own, 12, record.grant,
				  FREQ_ENTRY_KEEP));
		test_deallocate(self->own, 12);
		test_allocate(self->fd, 12);
	}
}

/* It outlives its client if that asked for it. */
TEST_F(queue, kept)
{
	struct freq_grant_entry entry;

	test_queue(self->own, keeping(EXACT(12, 1)));
	test_deallocate(self->fd, 12);
	close(self->own);
	ASSERT_EQ(0, grant_find(self->fd, 12, &entry));
	EXPECT_EQ(HELD | FREQ_ENTRY_KEEP, entry.flags);
	test_deallocate(self->fd, 12);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
}

TEST_F(queue, times_out)
{
	const struct wish wishes[] = EACH_KIND(7);
	__s64 deadline;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(wishes); i++) {
		deadline = i % 2 ? 1 : monotonic_ns(10 * NS_PER_MS);
		test_queue(self->own, until(wishes[i / 2], deadline));
		EXPECT_TIMED_OUT(self->own, 7);
		EXPECT_LE(deadline, monotonic_ns(0));
		EXPECT_SILENT(self->own);
		EXPECT_WAITING(0);
		test_err_cancel(ENOENT, self->own, 7);
	}
	ASSERT_EQ(0, give(self->fd));
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(sysfs_is("free", "12-13\n"));
}

/* ---- Who reads it */

/* Others hear that it waits, and what it has been given, in the same order. */
TEST_F(queue, only_its_client_reads_it)
{
	int other = open_hearing(ALL_KINDS);
	int same = dup(self->own);
	struct freq_record own[4], record;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, hear_of(self->own, ALL_KINDS, NULL));
	test_queue(self->own, ANY(3));
	test_deallocate(self->fd, 12);

	record = EXPECT_RECORD(other, WAITING, 0, FREQ_RECORD_ANY);
	EXPECT_EQ(FREQ_FOR_EVER, record.value);
	EXPECT_RECORD(other, DEALLOCATED, 12, 0);
	record = EXPECT_RECORD(other, ALLOCATED, 12, 0);
	EXPECT_EQ(getpid(), record.pid);
	EXPECT_SILENT(other);

	own[0] = EXPECT_RECORD(same, WAITING, 0, FREQ_RECORD_ANY);
	own[1] = EXPECT_RECORD(self->own, DEALLOCATED, 12, 0);
	own[2] = EXPECT_RECORD(same, ALLOCATED, 12, 0);
	own[3] = EXPECT_RECORD(same, OUTCOME, 12, 0);
	EXPECT_EQ(3, own[3].value);
	EXPECT_EQ(own[2].grant, own[3].grant);
	EXPECT_EQ(own[0].sequence + 3, own[3].sequence);
	EXPECT_EQ(record.sequence, own[2].sequence);
	EXPECT_SILENT(self->own);

	/* The number of what it did not read is no loss to it. */
	test_deallocate(same, 12);
	record = EXPECT_RECORD(other, DEALLOCATED, 12, 0);
	EXPECT_EQ(own[3].sequence + 1, record.sequence);
	EXPECT_EQ(0, record.lost);
}

/* Nor does another one that has a request with the same cookie. */
TEST_F(queue, cookies_are_of_a_client)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	test_queue(self->own, ANY(3));
	test_queue(other, ANY(3));
	test_deallocate(self->fd, 12);
	EXPECT_SILENT(other);
	EXPECT_OUTCOME(self->own, 3, 12);
	test_err_cancel(ENOENT, self->own, 3);
	test_cancel(other, 3);
	test_deallocate(self->own, 12);
	EXPECT_SILENT(other);
	EXPECT_SILENT(self->own);
}

TEST_F(queue, spans_do_not_hide_it)
{
	const struct freq_span spans[] = {
		{ .first = 100, .last = 200 },
		{ .first = 0, .last = 0 },
		{ .first = 13, .last = ~0ULL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spans); i++) {
		ASSERT_EQ(0, hear_of(self->own, ALL_KINDS, &spans[i]));
		test_queue(self->own, EXACT(12, i));
		test_deallocate(self->fd, 12);
		EXPECT_OUTCOME(self->own, i, 12);
		EXPECT_SILENT(self->own);
		test_queue(self->own, until(EXACT(11, i), 1));
		EXPECT_TIMED_OUT(self->own, i);
		EXPECT_SILENT(self->own);
		test_deallocate(self->own, 12);
		test_allocate_exact(self->fd, 12);
	}
}

/* An outcome wakes read() and poll(). */
TEST_F(queue, wakes_its_reader)
{
	struct sleeper *poller;
	int i;

	for (i = 0; i < 4; i++) {
		bool reads = i % 2;

		test_queue(self->own, i < 2 ? ANY(i) : EXACT(12, i));
		poller = POLL_ONE(self->own, reads);
		test_deallocate(self->fd, 12);
		EXPECT_TRUE(poller_has(poller, i, 12));

		test_queue(self->own, until(ANY(9), monotonic_ns(100 * NS_PER_MS)));
		poller = POLL_ONE(self->own, reads);
		EXPECT_TRUE(poller_has(poller, 9, 0));
		test_deallocate(self->own, 12);
		test_allocate(self->fd, 12);
	}
}

/* ---- Errors */

/* Whether it would have to wait or not */
TEST_F(queue, needs_a_subscription)
{
	static const __u32 kinds[] = { 0, KIND(ALLOCATED), 0 };
	const struct wish wishes[] = EACH_KIND(1);
	size_t i, j;
	int turn;

	for (turn = 0; turn < 2; turn++) {
		int fd = open_client();

		ASSERT_GE(fd, 0);
		for (i = 0; i < ARRAY_SIZE(kinds); i++) {
			ASSERT_EQ(0, hear_of(fd, kinds[i], NULL));
			for (j = 0; j < ARRAY_SIZE(wishes); j++)
				test_err_queue(EINVAL, fd, wishes[j]);
		}
		test_err_cancel(ENOENT, fd, 1);
		close(fd);
		EXPECT_WAITING(0);
		EXPECT_TRUE(allocated_is(self->fd, turn ? 4 : 6));
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
}

TEST_F(queue, needs_a_deadline)
{
	static const __s64 wrong[] = { 0, -1, INT64_MIN };
	const struct wish wishes[] = EACH_KIND(1);
	size_t i, j;
	int turn;

	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < ARRAY_SIZE(wishes); i++) {
			for (j = 0; j < ARRAY_SIZE(wrong); j++)
				test_err_queue(EINVAL, self->own,
					       until(wishes[i], wrong[j]));
		}
		EXPECT_WAITING(0);
		EXPECT_TRUE(allocated_is(self->fd, turn ? 4 : 6));
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
	EXPECT_SILENT(self->own);
}

/* A row, and several that are not reserved; as many as there can be. */
TEST_F(queue, several)
{
	struct freq_granted granted[FREQ_GROUP_MAX];
	struct freq_group row = {
		.granted = (uintptr_t)granted,
		.count = 2,
		.flags = FREQ_ALLOCATE_QUEUE | FREQ_GROUP_ROW,
		.spacing = 1,
		.deadline = FREQ_FOR_EVER,
	};
	int turn;

	for (turn = 0; turn < 2; turn++) {
		for (row.count = 1; row.count < 3; row.count++)
			EXPECT_EQ(-EINVAL, try_ioctl(self->own,
						     FREQ_IOC_ALLOCATE_GROUP,
						     &row));
		row.flags |= FREQ_GROUP_RESERVE;
		EXPECT_EQ(-EINVAL, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
					     &row));
		row.flags &= ~FREQ_GROUP_RESERVE;
		for (row.count = 2; row.count < 5; row.count++) {
			struct wish wish = BAND(10, 15, 1);

			wish.count = row.count;
			test_err_queue(EINVAL, self->own, wish);
		}
		test_err_queue(E2BIG, self->own, RESERVE(10, 15, 65, 1));
		test_err_queue(ENOENT, self->own, RESERVE(10, 15, 7, 1));
		test_err_queue(ERANGE, self->own, RESERVE(15, 10, 2, 1));
		test_err_queue(EINVAL, self->own, RESERVE(10, 15, 0, 1));
		EXPECT_WAITING(0);
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
	EXPECT_TRUE(allocated_is(self->fd, 4));
	EXPECT_SILENT(self->own);
}

TEST_F(queue, not_in_the_pool)
{
	test_err_queue(ENOENT, self->own, EXACT(9, 1));
	test_err_queue(ENOENT, self->own, until(EXACT(16, 1), 1));
	test_err_queue(ENOENT, self->own, BAND(16, ~0ULL, 1));
	EXPECT_WAITING(0);
	EXPECT_SILENT(self->own);
}

/* The cookie is for what is queued. */
TEST_F(queue, cookie_without_queue)
{
	struct freq_granted granted;
	struct freq_group group = {
		.granted = (uintptr_t)&granted,
		.count = 1,
		.cookie = 1,
	};
	struct freq_allocate_v3 allocate = { .grant = 1 };

	test_deallocate(self->fd, 12);
	EXPECT_EQ(-EINVAL, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
				     &group));
	ASSERT_EQ(0, try_allocate_v3(self->own, &allocate));
	EXPECT_EQ(12, allocate.frequency);
	EXPECT_SILENT(self->own);
}

/* Requests that know no cookie, and unknown flags beside it. */
TEST_F(queue, other_requests)
{
	const __u32 flags = FREQ_ALLOCATE_QUEUE;
	__u64 frequencies[2];
	int turn;

	for (turn = 0; turn < 2; turn++) {
		EXPECT_EQ(-EINVAL, try_allocate(self->own, flags, frequencies));
		EXPECT_EQ(-EINVAL, try_allocate(self->own, flags |
						FREQ_ALLOCATE_KEEP,
						frequencies));
		EXPECT_EQ(-EINVAL, try_allocate_batch(self->own, flags,
						      frequencies, 1));
		EXPECT_EQ(-EINVAL, try_allocate_batch(self->own, flags,
						      frequencies, 2));
		EXPECT_EQ(-EINVAL, try_allocate_batch(self->own, 0x20,
						      frequencies, 2));
		EXPECT_WAITING(0);
		EXPECT_TRUE(allocated_is(self->fd, turn ? 4 : 6));
		if (!turn)
			ASSERT_EQ(0, give(self->fd));
	}
	EXPECT_SILENT(self->own);
}

TEST_F(queue, unknown_flags)
{
	const struct wish wishes[] = EACH_KIND(1);
	size_t i;
	int bit;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		for (bit = 5; bit < 32; bit++) {
			struct wish wish = wishes[i];

			wish.flags |= 1U << bit;
			test_err_queue(EINVAL, self->own, wish);
		}
	}
	EXPECT_WAITING(0);
}

/* Also if the second one would be granted at once. */
TEST_F(queue, cookie_that_is_in_use)
{
	const struct wish first[] = EACH_KIND(7);
	struct wish second[] = EACH_KIND(7);
	size_t i, j;

	for (j = 0; j < ARRAY_SIZE(second); j++)
		second[j].first = second[j].first ? 14 : 0;
	second[2].last = 14;
	second[3].last = 15;
	for (i = 0; i < ARRAY_SIZE(first); i++) {
		test_queue(self->own, first[i]);
		for (j = 0; j < ARRAY_SIZE(second); j++)
			test_err_queue(EEXIST, self->own, second[j]);
		EXPECT_WAITING(1);
		if (i)
			test_deallocate_batch(self->fd, 14, 15);
		for (j = 0; j < ARRAY_SIZE(second); j++)
			test_err_queue(EEXIST, self->own, second[j]);
		EXPECT_TRUE(allocated_is(self->fd, i ? 4 : 6));
		if (i)
			test_allocate_batch(self->fd, 15, 14);

		/* It is free after a cancel, an outcome, and a deadline. */
		test_cancel(self->own, 7);
		test_queue(self->own, first[i]);
		ASSERT_EQ(0, give(self->fd));
		EXPECT_OUTCOME(self->own, 7, 12);
		if (first[i].count == 2)
			EXPECT_OUTCOME(self->own, 7, 13);
		ASSERT_EQ(0, regain(self->fd, self->own));
		test_queue(self->own, until(first[i], 1));
		EXPECT_TIMED_OUT(self->own, 7);
	}
	EXPECT_SILENT(self->own);
}

TEST_F(queue, quota)
{
	const struct wish wishes[] = EACH_KIND(FREQ_QUEUED_MAX);
	int other = open_hearing(KIND(OUTCOME));
	size_t i;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, ask_many(self->own, FREQ_QUEUED_MAX, 0));
	EXPECT_WAITING(FREQ_QUEUED_MAX);
	for (i = 0; i < ARRAY_SIZE(wishes); i++)
		test_err_queue(EDQUOT, self->own, wishes[i]);
	test_err_queue(EEXIST, self->own, ANY(0));
	/* Each client has its own. */
	test_queue(other, ANY(0));
	EXPECT_WAITING(FREQ_QUEUED_MAX + 1);
	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_cancel(self->own, FREQ_QUEUED_MAX / 2 + i);
		test_queue(self->own, wishes[i]);
		test_err_queue(EDQUOT, self->own, ANY(~0ULL));
		test_cancel(self->own, FREQ_QUEUED_MAX);
		test_queue(self->own, ANY(FREQ_QUEUED_MAX / 2 + i));
	}
	/* One has its outcome, and there is room for another. */
	test_deallocate(self->fd, 10);
	EXPECT_OUTCOME(self->own, 0, 10);
	test_queue(self->own, ANY(0));
	test_err_queue(EDQUOT, self->own, ANY(FREQ_QUEUED_MAX));
	close(self->own);
	EXPECT_OUTCOME(other, 0, 10);
	EXPECT_WAITING(0);
}

TEST_F(queue, read_only_descriptor)
{
	const struct wish wishes[] = EACH_KIND(1);
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	size_t i;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, hear_of(fd, KIND(OUTCOME), NULL));
	for (i = 0; i < ARRAY_SIZE(wishes); i++)
		test_err_queue(EPERM, fd, wishes[i]);
	test_err_cancel(EPERM, fd, 1);
	EXPECT_EQ(-EPERM, try_ioctl(fd, FREQ_IOC_CANCEL, NULL));
	EXPECT_WAITING(0);
	close(fd);
}

/* Only an administrator can reserve for longer than a minute. */
TEST_F(queue, reserve_for_long)
{
	const struct wish wish = RESERVE(12, 13, 2, 1);
	static const __s64 far[] = {
		FREQ_RESERVE_MAX_NS + 10 * NS_PER_S, NS_PER_HOUR,
	};
	size_t i;

	test_queue(self->own, wish);
	test_cancel(self->own, 1);
	ASSERT_EQ(0, seteuid(USER_A));
	test_err_queue(EPERM, self->own, wish);
	for (i = 0; i < ARRAY_SIZE(far); i++)
		test_err_queue(EPERM, self->own,
			       until(wish, monotonic_ns(far[i])));
	EXPECT_WAITING(0);
	test_queue(self->own, until(wish, monotonic_ns(FREQ_RESERVE_MAX_NS)));
	test_queue(self->own, ANY(2));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_WAITING(2);
}

/* ---- The reply's page */

/* Nothing is queued if the reply cannot be written. */
TEST_F(queue, reply_that_cannot_be_written)
{
	struct freq_allocate_v3 *allocate = page_map(PROT_READ | PROT_WRITE);
	struct freq_granted *granted = page_map(PROT_READ);
	struct freq_group group = {
		.granted = (uintptr_t)granted,
		.count = 2,
		.flags = FREQ_ALLOCATE_QUEUE | FREQ_GROUP_RESERVE,
		.deadline = FREQ_FOR_EVER,
		.cookie = 4,
	};

	ASSERT_NE(NULL, allocate);
	ASSERT_NE(NULL, granted);
	*allocate = (struct freq_allocate_v3) {
		.flags = FREQ_ALLOCATE_QUEUE,
		.deadline = FREQ_FOR_EVER,
		.grant = 4,
	};
	ASSERT_EQ(0, mprotect(allocate, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, try_allocate_v3(self->own, allocate));
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
				     &group));
	group.granted = 0;
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_ALLOCATE_GROUP,
				     &group));
	EXPECT_WAITING(0);
	test_err_cancel(ENOENT, self->own, 4);
	ASSERT_EQ(0, give(self->fd));
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(sysfs_is("free", "12-13\n"));
}

/**
 * struct stuck - a thread whose request is stuck in the write of its reply
 * @thread: the thread
 * @slow: the page of the reply
 * @fd: its client
 * @argument: of FREQ_IOC_ALLOCATE_V3
 * @result: what the request returned
 */
struct stuck {
	pthread_t thread;
	struct slow_page slow;
	int fd;
	struct freq_allocate_v3 argument;
	int result;
};

static void *stick_in_thread(void *data)
{
	struct stuck *stuck = data;

	stuck->result = try_allocate_v3(stuck->fd, stuck->slow.page);
	return NULL;
}

static int stuck_start(struct stuck *stuck, int fd)
{
	stuck->fd = fd;
	stuck->argument = (struct freq_allocate_v3) {
		.flags = FREQ_ALLOCATE_QUEUE,
		.deadline = FREQ_FOR_EVER,
		.grant = 4,
	};
	return differ(0, slow_page_map_protected(&stuck->slow, &stuck->argument,
						 sizeof(stuck->argument))) ||
	       differ(0, pthread_create(&stuck->thread, NULL, stick_in_thread,
					stuck)) ||
	       differ(0, slow_page_wait(&stuck->slow));
}

static int stuck_end(struct stuck *stuck)
{
	return differ(0, slow_page_deliver(&stuck->slow, &stuck->argument,
					   sizeof(stuck->argument))) ||
	       differ(0, pthread_join(stuck->thread, NULL));
}

/* It is not queued before that is written, and looks again then. */
TEST_F(queue, reply_that_is_stuck)
{
	struct freq_allocate_v3 *reply;
	static struct stuck stuck;

	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	EXPECT_WAITING(0);
	test_err_cancel(ENOENT, self->own, 4);
	ASSERT_EQ(0, stuck_end(&stuck));
	reply = stuck.slow.page;
	EXPECT_EQ(0, stuck.result);
	EXPECT_EQ(0, reply->grant);
	EXPECT_WAITING(1);
	test_cancel(self->own, 4);

	/* What it wants is free by then. */
	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	test_deallocate(self->fd, 12);
	ASSERT_EQ(0, stuck_end(&stuck));
	reply = stuck.slow.page;
	EXPECT_EQ(0, stuck.result);
	EXPECT_EQ(12, reply->frequency);
	EXPECT_TRUE(holds(self->own, 12, reply->grant, 0));
	EXPECT_SILENT(self->own);
	EXPECT_WAITING(0);

	/* The cookie is in use by then; the subscription has ended. */
	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	test_queue(self->own, EXACT(13, 4));
	ASSERT_EQ(0, stuck_end(&stuck));
	EXPECT_EQ(-EEXIST, stuck.result);
	EXPECT_WAITING(1);
	test_cancel(self->own, 4);
	ASSERT_EQ(0, stuck_start(&stuck, self->own));
	ASSERT_EQ(0, hear_of(self->own, 0, NULL));
	ASSERT_EQ(0, stuck_end(&stuck));
	EXPECT_EQ(-EINVAL, stuck.result);
	EXPECT_WAITING(0);
}

/* ---- CANCEL */

TEST_F(queue, cancel)
{
	const struct wish wishes[] = EACH_KIND(7);
	int other = open_hearing(KIND(OUTCOME));
	size_t i;

	ASSERT_GE(other, 0);
	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_queue(self->own, wishes[i]);
		test_err_cancel(ENOENT, self->own, 8);
		test_err_cancel(ENOENT, self->own, 0);
		test_err_cancel(ENOENT, other, 7);
		test_err_cancel(ENOENT, self->fd, 7);
		EXPECT_WAITING(1);
		test_cancel(self->own, 7);
		EXPECT_WAITING(0);
		test_err_cancel(ENOENT, self->own, 7);
		ASSERT_EQ(0, give(self->fd));
		EXPECT_SILENT(self->own);
		EXPECT_TRUE(sysfs_is("free", "12-13\n"));
		ASSERT_EQ(0, regain(self->fd, self->own));
	}
	EXPECT_SILENT(other);
}

/* Each of many can be cancelled, in any order. */
TEST_F(queue, cancel_of_many)
{
	__u64 cookies[200], seed = 11;
	int i;

	for (i = 0; i < 200; i++)
		cookies[i] = random_next(&seed);
	for (i = 0; i < 200; i++)
		test_queue(self->own, i % 2 ? ANY(cookies[i]) :
					      BAND(12, 12 + i % 3, cookies[i]));
	shuffle(cookies, 200, &seed);
	for (i = 0; i < 200; i++) {
		test_cancel(self->own, cookies[i]);
		ASSERT_EQ(199 - i, waiters_of(self->fd));
		test_err_cancel(ENOENT, self->own, cookies[i]);
	}
	ASSERT_EQ(0, give(self->fd));
	EXPECT_SILENT(self->own);
}

TEST_F(queue, cancel_sizes)
{
	static const size_t sizes[] = { 8, 9, 16, 128, 136, 5000 };
	static char argument[8192];
	size_t i;

	argument[0] = 7;
	for (i = 0; i < sizeof(struct freq_cancel); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->own,
					     sized(FREQ_IOC_CANCEL, i),
					     argument));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long request = sized(FREQ_IOC_CANCEL, sizes[i]);

		test_queue(self->own, ANY(7));
		if (sizes[i] != sizeof(struct freq_cancel)) {
			argument[sizeof(struct freq_cancel)] = 1;
			EXPECT_EQ(-E2BIG, try_ioctl(self->own, request,
						    argument));
			argument[sizeof(struct freq_cancel)] = 0;
			argument[sizes[i] - 1] = (char)0x80;
			EXPECT_EQ(-E2BIG, try_ioctl(self->own, request,
						    argument));
			argument[sizes[i] - 1] = 0;
		}
		EXPECT_WAITING(1);
		ASSERT_EQ(0, try_ioctl(self->own, request, argument));
		EXPECT_WAITING(0);
	}
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_CANCEL, NULL));
	EXPECT_EQ(-EFAULT, try_ioctl(self->own, FREQ_IOC_CANCEL,
				     page_straddle(4)));
}

/* What it has reserved goes to others: the one that waits longest first. */
TEST_F(queue, cancel_gives_back)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	test_queue(self->own, RESERVE(10, 13, 4, 1));
	test_queue(other, EXACT(12, 1));
	test_queue(other, ANY(2));
	test_deallocate_batch(self->fd, 10, 12, 13);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_WAITING(3);
	EXPECT_TRUE(allocated_is(self->fd, 6));
	test_cancel(self->own, 1);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_WAITING(0);
	EXPECT_OUTCOME(other, 1, 12);
	EXPECT_OUTCOME(other, 2, 10);
	EXPECT_TRUE(sysfs_is("free", "13\n"));
	EXPECT_SILENT(self->own);
}

/* Nobody needs to allocate for that. */
TEST_F(queue, cancel_gives_back_by_itself)
{
	int other = open_hearing(KIND(OUTCOME));
	int i;

	ASSERT_GE(other, 0);
	for (i = 0; i < 10; i++) {
		test_queue(self->own, RESERVE(12, 14, 3, 1));
		test_queue(other, ANY(1));
		ASSERT_EQ(0, give(self->fd));
		EXPECT_SILENT(other);
		test_cancel(self->own, 1);
		EXPECT_OUTCOME(other, 1, 12);
		ASSERT_EQ(0, regain(self->fd, other));
	}
}

/**
 * struct race - a thread that gives a frequency back when it is its turn
 * @thread: the thread
 * @fd: its client
 * @turn: odd: it is; rises
 * @pause: how long it waits first, in turns of a loop
 * @stop: it is to end
 * @error: whether that failed
 */
struct race {
	pthread_t thread;
	int fd;
	unsigned int turn;
	unsigned int pause;
	bool stop;
	int error;
};

static void race_pause(unsigned int turns)
{
	unsigned int i;

	for (i = 0; i < turns; i++)
		__asm__ volatile("" : : "r" (i));
}

static void *race_in_thread(void *data)
{
	struct race *race = data;

	while (!__atomic_load_n(&race->stop, __ATOMIC_SEQ_CST)) {
		if (!(__atomic_load_n(&race->turn, __ATOMIC_SEQ_CST) % 2)) {
			sched_yield();
			continue;
		}
		race_pause(race->pause);
		race->error |= differ(0, try_deallocate(race->fd, 12));
		__atomic_fetch_add(&race->turn, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void race_run(struct race *race)
{
	__atomic_fetch_add(&race->turn, 1, __ATOMIC_SEQ_CST);
}

static void race_wait(const struct race *race)
{
	while (__atomic_load_n(&race->turn, __ATOMIC_SEQ_CST) % 2)
		sched_yield();
}

static void race_end(struct race *race)
{
	__atomic_store_n(&race->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(race->thread, NULL);
}

/* Either it is cancelled, or granted: then the record is there already. */
static int check_race(int fd, int own, const struct wish *wish, int cancelled)
{
	__u32 i;

	if (fails(!cancelled || cancelled == -ENOENT))
		return -1;
	for (i = 0; cancelled && i < wish->count; i++) {
		if (fails(has_outcome(own, wish->cookie, 12 + (i ^ (wish->count - 1)))))
			return -1;
	}
	return fails(is_silent(own)) || differ(0, waiters_of(fd)) ||
	       fails(allocated_is(fd, cancelled ? 6 : 6 - wish->count)) ||
	       regain(fd, own);
}

/*
 * At about the same time as what it waits for is given back. That is later after
 * each time that it was too early, and earlier after the others.
 */
TEST_F_TIMEOUT(queue, cancel_races, 120)
{
	unsigned long long end = now_ms() + 3 * DEADLINE_MS;
	static struct race race;
	int pause = 0, cancelled, i, nr_cancelled = 0;

	race.fd = self->fd;
	ASSERT_EQ(0, pthread_create(&race.thread, NULL, race_in_thread, &race));
	for (i = 0; i < rounds(RACES) || !nr_cancelled || nr_cancelled == i;
	     i++) {
		const struct wish wishes[] = EACH_KIND(i);
		const struct wish *wish = &wishes[i % ARRAY_SIZE(wishes)];

		if (now_ms() > end)
			break;
		if (wish->count == 2 && differ(0, try_deallocate(self->fd, 13)))
			break;
		if (differ(QUEUED, ask(self->own, *wish)))
			break;
		race.pause = pause > 0 ? pause : 0;
		race_run(&race);
		race_pause(pause < 0 ? -pause : 0);
		cancelled = try_cancel(self->own, i);
		race_wait(&race);
		if (race.error || serve_all(self->fd) ||
		    check_race(self->fd, self->own, wish, cancelled))
			break;
		nr_cancelled += !cancelled;
		pause += cancelled ? 100 : -100;
	}
	race_end(&race);
	EXPECT_EQ(0, race.error);
	EXPECT_LE(rounds(RACES), i);
	TH_LOG("cancelled %d of %d times", nr_cancelled, i);
	EXPECT_LT(0, nr_cancelled);
	EXPECT_LT(nr_cancelled, i);
}

TEST_HARNESS_MAIN
