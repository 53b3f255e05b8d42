// SPDX-License-Identifier: GPL-2.0-only
/*
 * Subscriptions and records: one record per event, in order, with the holder;
 * filters; FREQ_SUBSCRIBE_PRESENT; the limit of subscribers. read() and poll()
 * are tested in record_read_test.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "sleeper.h"
#include "stream.h"

STREAM_FIXTURE(record)

/* ---- SUBSCRIBE */

/* A read-only descriptor is enough. */
TEST_F(record, subscribe)
{
	int reader = open_reader(O_NONBLOCK);

	ASSERT_GE(reader, 0);
	EXPECT_EQ(1, subscriptions_of(self->fd));
	test_subscribe(self->fd, ALL_KINDS, 0);
	EXPECT_EQ(2, subscriptions_of(self->fd));
	EXPECT_EQ(2, subscriptions_of(reader));
	test_subscribe(reader, KIND(ALLOCATED), 0);
	EXPECT_EQ(3, subscriptions_of(self->fd));
	/* A second SUBSCRIBE replaces the first: no change in the count */
	test_subscribe(reader, ALL_KINDS, 0);
	EXPECT_EQ(3, subscriptions_of(self->fd));
	test_err_read_records(EAGAIN, reader);
	close(reader);
	EXPECT_EQ(2, subscriptions_of(self->fd));
	EXPECT_TRUE(log_silent(self->log));
}

/* Earlier events are not reported. */
TEST_F(record, begins_with_the_subscription)
{
	struct stream late;

	test_allocate(self->fd, 10);
	START_STREAM(&late, ALL_KINDS, 0);
	EXPECT_NO_MORE(&late);
	test_allocate(self->fd, 11);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 11);
	EXPECT_NEXT(&late, ALLOCATED, .frequency = 11);
	EXPECT_EQ(self->all.last, late.last);
	EXPECT_NO_MORE(&late);
}

/* A failed SUBSCRIBE leaves the subscription as it was. */
#define EXPECT_UNDISTURBED() ({						\
	test_allocate(self->fd, 10);					\
	test_deallocate(self->fd, 10);					\
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);		\
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);		\
	EXPECT_NO_MORE(&self->all);					\
	EXPECT_EQ(1, subscriptions_of(self->fd));			\
	EXPECT_TRUE(log_silent(self->log));				\
})

TEST_F(record, unknown_kinds_and_flags)
{
	int other = open_client();
	int fds[] = { self->all.fd, other };
	__u32 bit;
	size_t i;

	ASSERT_GE(other, 0);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		for (bit = 1; bit; bit <<= 1) {
			if (!(bit & (ALL_KINDS | KIND(OUTCOME)))) {
				test_err_subscribe(EINVAL, fds[i], bit, 0);
				test_err_subscribe(EINVAL, fds[i],
						   bit | ALL_KINDS, 0);
			}
			if (bit & FREQ_SUBSCRIBE_PRESENT)
				continue;
			test_err_subscribe(EINVAL, fds[i], ALL_KINDS, bit);
			test_err_subscribe(EINVAL, fds[i], 0, bit);
		}
	}
	EXPECT_UNDISTURBED();
}

TEST_F(record, bad_record_sizes)
{
	struct freq_subscribe subscribe = { };
	__u32 size;

	for (size = 0; size <= 512; size++) {
		if (size >= FREQ_RECORD_SIZE_MIN &&
		    size <= FREQ_RECORD_SIZE_MAX && size % 8 == 0)
			continue;
		subscribe.record_size = size;
		subscribe.kinds = ALL_KINDS;
		EXPECT_EQ(-EINVAL, try_subscribe(self->all.fd, &subscribe)) {
			TH_LOG("%u bytes", size);
		}
		subscribe.kinds = 0;
		EXPECT_EQ(-EINVAL, try_subscribe(self->all.fd, &subscribe));
	}
	subscribe.kinds = ALL_KINDS;
	for (size = 96; size; size <<= 1) {
		subscribe.record_size = ~size + 1;
		EXPECT_EQ(-EINVAL, try_subscribe(self->all.fd, &subscribe));
	}
	EXPECT_UNDISTURBED();
}

TEST_F(record, bad_spans)
{
	static const __u32 absurd[] = { FREQ_SPANS_MAX + 1, 1U << 31, ~0U };
	struct freq_span spans[FREQ_SPANS_MAX + 1] = { };
	void *bad[] = {
		NULL, (void *)-1L, page_map(PROT_NONE),
		page_straddle(2 * sizeof(*spans) - 1),
	};
	struct freq_subscribe subscribe = {
		.kinds = ALL_KINDS,
		.record_size = sizeof(struct freq_record),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		subscribe.spans = (uintptr_t)bad[i];
		subscribe.span_count = 2;
		EXPECT_EQ(-EFAULT, try_subscribe(self->all.fd, &subscribe));
	}
	subscribe.spans = (uintptr_t)spans;
	for (i = 0; i < ARRAY_SIZE(absurd); i++) {
		subscribe.span_count = absurd[i];
		EXPECT_EQ(-E2BIG, try_subscribe(self->all.fd, &subscribe));
	}
	/* Any of the spans can be reversed. */
	for (i = 0; i < FREQ_SPANS_MAX; i++) {
		spans[i] = (struct freq_span) { .first = 11, .last = 10 };
		subscribe.span_count = FREQ_SPANS_MAX;
		EXPECT_EQ(-ERANGE, try_subscribe(self->all.fd, &subscribe));
		spans[i] = (struct freq_span) { .first = ~0ULL };
		subscribe.span_count = i + 1;
		EXPECT_EQ(-ERANGE, try_subscribe(self->all.fd, &subscribe));
		spans[i] = (struct freq_span) { };
	}
	EXPECT_UNDISTURBED();

	/* With a count of 0, the address is ignored. */
	subscribe.spans = -1ULL;
	subscribe.span_count = 0;
	EXPECT_EQ(0, try_subscribe(self->all.fd, &subscribe));
	EXPECT_UNDISTURBED();
}

/* The argument can grow: longer ones must be zero beyond the known fields. */
TEST_F(record, argument_sizes)
{
	static const size_t sizes[] = { 24, 25, 32, 64, 128, 136, 5000 };
	static char argument[8192];
	struct freq_subscribe *subscribe = (void *)argument;
	size_t i;

	*subscribe = (struct freq_subscribe) {
		.kinds = ALL_KINDS,
		.record_size = sizeof(struct freq_record),
	};
	for (i = 0; i < sizeof(*subscribe); i++)
		EXPECT_EQ(-EINVAL, try_ioctl(self->all.fd,
					     sized(FREQ_IOC_SUBSCRIBE, i),
					     argument));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long request = sized(FREQ_IOC_SUBSCRIBE, sizes[i]);

		EXPECT_EQ(0, try_ioctl(self->all.fd, request, argument));
		if (sizes[i] == sizeof(*subscribe))
			continue;
		argument[sizes[i] - 1] = 1;
		EXPECT_EQ(-E2BIG, try_ioctl(self->all.fd, request, argument));
		argument[sizes[i] - 1] = 0;
		argument[sizeof(*subscribe)] = (char)0x80;
		EXPECT_EQ(-E2BIG, try_ioctl(self->all.fd, request, argument));
		argument[sizeof(*subscribe)] = 0;
	}
	EXPECT_EQ(-EFAULT, try_subscribe(self->all.fd, NULL));
	EXPECT_UNDISTURBED();
}

TEST_F(record, ends)
{
	int other = open_reader(O_NONBLOCK);
	__u64 last;

	ASSERT_GE(other, 0);
	/* Without a subscription: success, no effect */
	test_subscribe(other, 0, 0);
	test_subscribe(other, 0, FREQ_SUBSCRIBE_PRESENT);
	EXPECT_EQ(1, subscriptions_of(self->fd));
	test_allocate(self->fd, 10);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	test_deallocate(self->fd, 10);
	EXPECT_READABLE(self->all.fd);
	test_subscribe(self->all.fd, 0, 0);
	EXPECT_EQ(0, subscriptions_of(self->fd));
	test_err_read_records(EINVAL, self->all.fd);
	test_subscribe(self->all.fd, 0, 0);
	test_allocate_batch(self->fd, 10, 11);
	test_err_read_records(EINVAL, self->all.fd);

	/* No old records; sequence numbers continue. */
	last = self->all.last;
	test_subscribe(self->all.fd, ALL_KINDS, 0);
	self->all.last = 0;
	EXPECT_EQ(1, subscriptions_of(self->fd));
	EXPECT_QUIET(self->all.fd);
	test_allocate(self->fd, 12);
	EXPECT_LT(last, EXPECT_NEXT(&self->all, ALLOCATED,
				    .frequency = 12).sequence);
	EXPECT_NO_MORE(&self->all);
}

/* Filter, record size and unread records are replaced. */
TEST_F(record, is_replaced)
{
	struct freq_subscribe subscribe = {
		.kinds = KIND(DEALLOCATED),
		.record_size = 104,
	};
	struct freq_record records[2];

	test_allocate(self->fd, 10);
	test_allocate(self->fd, 11);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	ASSERT_EQ(0, try_subscribe(self->all.fd, &subscribe));
	EXPECT_QUIET(self->all.fd);
	test_allocate(self->fd, 12);
	EXPECT_QUIET(self->all.fd);
	test_deallocate(self->fd, 12);
	EXPECT_READABLE(self->all.fd);
	test_err_read_records(EINVAL, self->all.fd);
	EXPECT_EQ(104, read(self->all.fd, records, sizeof(records)));
	EXPECT_EQ(FREQ_RECORD_DEALLOCATED, records[0].kind);
	EXPECT_EQ(self->all.last + 3, records[0].sequence);
	EXPECT_EQ(0, records[0].lost);
	EXPECT_EQ(1, subscriptions_of(self->fd));
}

/* The last close ends the subscription. */
TEST_F(record, ends_with_the_client)
{
	int same = dup(self->all.fd);

	ASSERT_GE(same, 0);
	close(self->all.fd);
	EXPECT_EQ(1, subscriptions_of(self->fd));
	self->all.fd = same;
	test_allocate(self->fd, 10);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	close(same);
	EXPECT_EQ(0, subscriptions_of(self->fd));
	test_allocate(self->fd, 11);
	/* The next client does not inherit it. */
	same = open_client();
	ASSERT_GE(same, 0);
	test_err_read_records(EINVAL, same);
}

TEST_F(record, no_subscription)
{
	struct freq_record records[2];
	int other = open_client();
	size_t size;

	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	for (size = 0; size <= sizeof(records); size += 8) {
		EXPECT_EQ(-1, read(other, records, size));
		EXPECT_EQ(EINVAL, errno);
	}
}

/* ---- Records of each kind */

/* Each form of the request */
TEST_F(record, allocate)
{
	struct freq_allocate_v3 allocate = { };
	int other = open_client_as(USER_A);
	struct freq_record record;

	ASSERT_GE(other, 0);
	test_client_label(other, "radio");
	test_allocate(self->fd, 10);
	test_keep(other, 11);
	ASSERT_EQ(0, try_allocate_v3(other, &allocate));
	test_allocate_exact(self->fd, 15);
	EXPECT_LISTED(&self->all, .frequency = 10);
	EXPECT_LISTED(&self->all, .frequency = 11, .uid = USER_A,
		      .flags = FREQ_RECORD_KEEP, .label = "radio");
	record = EXPECT_LISTED(&self->all, .frequency = 12, .uid = USER_A,
			       .label = "radio");
	EXPECT_EQ(allocate.grant, record.grant);
	EXPECT_LISTED(&self->all, .frequency = 15);
	EXPECT_NO_MORE(&self->all);
}

/* One record per frequency, in the order of the array */
TEST_F(record, allocate_batch)
{
	test_allocate(self->fd, 10);
	test_allocate_exact(self->fd, 12);
	test_deallocate(self->fd, 10);
	test_deallocate(self->fd, 12);
	EXPECT_EQ(4, stream_drain(&self->all));
	test_allocate_batch(self->fd, 12, 10, 11);
	test_keep_batch(self->fd, 13, 14);
	EXPECT_LISTED(&self->all, .frequency = 12);
	EXPECT_LISTED(&self->all, .frequency = 10);
	EXPECT_LISTED(&self->all, .frequency = 11);
	EXPECT_LISTED(&self->all, .frequency = 13, .flags = FREQ_RECORD_KEEP);
	EXPECT_LISTED(&self->all, .frequency = 14, .flags = FREQ_RECORD_KEEP);
	EXPECT_NO_MORE(&self->all);
}

TEST_F(record, large_batches)
{
	static struct freq_record records[2 * FREQ_BATCH_MAX];
	__u64 list[FREQ_BATCH_MAX], seed = 1;
	int count = 0, got, i;

	ASSERT_EQ(0, try_inject_range(self->fd, 300));
	EXPECT_EQ(1, stream_drain(&self->all));
	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, FREQ_BATCH_MAX));
	shuffle(list, FREQ_BATCH_MAX, &seed);
	ASSERT_EQ(0, try_deallocate_batch(self->fd, list, FREQ_BATCH_MAX,
					  NULL));
	while ((got = try_read_records(self->all.fd, &records[count], 50)) > 0)
		count += got;
	EXPECT_EQ(-EAGAIN, got);
	ASSERT_EQ(2 * FREQ_BATCH_MAX, count);
	for (i = 0; i < FREQ_BATCH_MAX; i++) {
		ASSERT_EQ(FREQ_RECORD_ALLOCATED, records[i].kind);
		if (i)
			ASSERT_LT(records[i - 1].grant, records[i].grant);
		ASSERT_EQ(list[i], records[i + FREQ_BATCH_MAX].frequency);
	}
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, stream_check(&self->all, &records[i]));
}

/* The record has the number of the grant. */
TEST_F(record, deallocate)
{
	struct freq_record record;
	__u64 grants[4];
	int i;

	test_allocate_batch(self->fd, 10, 11, 12, 13);
	for (i = 0; i < 4; i++)
		grants[i] = EXPECT_NEXT(&self->all, ALLOCATED,
					.frequency = 10 + i).grant;
	test_deallocate(self->fd, 12);
	test_deallocate_grant(self->fd, 10, grants[0]);
	test_deallocate_batch(self->fd, 13, 11);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 12,
		    .grant = grants[2]);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10,
		    .grant = grants[0]);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 13,
		    .grant = grants[3]);
	record = EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 11,
			     .grant = grants[1]);
	EXPECT_EQ(0, record.value);
	EXPECT_NO_MORE(&self->all);
}

/* The record has the holder, not the caller. */
TEST_F(record, deallocated_by_another)
{
	int holder = open_client_as(USER_A);
	int closed = open_client_as(USER_B);
	__u64 grant;

	ASSERT_GE(holder, 0);
	ASSERT_GE(closed, 0);
	test_client_label(holder, "holder");
	test_client_label(closed, "closed");
	test_keep(holder, 10);
	test_keep(closed, 11);
	test_keep_batch(holder, 12, 13);
	grant = EXPECT_LISTED(&self->all, .frequency = 10, .uid = USER_A,
			      .flags = FREQ_RECORD_KEEP,
			      .label = "holder").grant;
	EXPECT_LISTED(&self->all, .frequency = 11, .uid = USER_B,
		      .flags = FREQ_RECORD_KEEP, .label = "closed");
	EXPECT_EQ(2, stream_drain(&self->all));
	close(closed);
	EXPECT_NO_MORE(&self->all);
	test_client_label(self->fd, "other");
	test_deallocate(self->fd, 10);
	test_deallocate_batch(self->fd, 11, 13);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10, .uid = USER_A,
		    .flags = FREQ_RECORD_KEEP, .grant = grant,
		    .label = "holder");
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 11, .uid = USER_B,
		    .flags = FREQ_RECORD_KEEP, .pid = NO_PID);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 13, .uid = USER_A,
		    .flags = FREQ_RECORD_KEEP, .label = "holder");
	/* The next record has the new holder. */
	test_allocate(self->fd, 13);
	EXPECT_LISTED(&self->all, .frequency = 13, .label = "other");
}

/* The label at the time of the event */
TEST_F(record, label)
{
	test_allocate(self->fd, 10);
	test_client_label(self->fd, "first");
	test_allocate(self->fd, 11);
	test_client_label(self->fd, "of thirty-two bytes, and no more");
	test_deallocate(self->fd, 10);
	test_client_label(self->fd, "");
	test_inject(self->fd, 90);
	test_client_label(self->fd, "last");
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 11, .label = "first");
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10,
		    .label = "of thirty-two bytes, and no more");
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 90, .value = 1);
	EXPECT_NO_MORE(&self->all);
}

/* Kept frequencies are not reported at close. */
TEST_F(record, close)
{
	int other = open_client_as(USER_A);
	struct freq_record first, second;
	int same = dup(other);

	ASSERT_GE(other, 0);
	test_client_label(other, "gone");
	test_allocate(other, 10);
	test_keep(other, 11);
	test_allocate(other, 12);
	EXPECT_EQ(3, stream_drain(&self->all));
	close(same);
	EXPECT_NO_MORE(&self->all);
	close(other);
	test_read_records(self->all.fd, &first, 1);
	test_read_records(self->all.fd, &second, 1);
	EXPECT_EQ(0, stream_check(&self->all, &first));
	EXPECT_EQ(0, stream_check(&self->all, &second));
	EXPECT_EQ(22, first.frequency + second.frequency);
	EXPECT_EQ(0, check_record(&first, (struct freq_record) {
			.kind = FREQ_RECORD_DEALLOCATED,
			.flags = FREQ_RECORD_CLOSED,
			.frequency = first.frequency,
			.uid = USER_A,
			.label = "gone",
		}));
	EXPECT_EQ(0, check_record(&second, (struct freq_record) {
			.kind = FREQ_RECORD_DEALLOCATED,
			.flags = FREQ_RECORD_CLOSED,
			.frequency = 22 - first.frequency,
			.uid = USER_A,
			.label = "gone",
		}));
	EXPECT_NO_MORE(&self->all);
}

/* In parts, the last part first; each frequency once */
TEST_F(record, close_of_many)
{
	static bool seen[2000], held[2000];
	__u64 lists[3][FREQ_BATCH_MAX];
	int other = open_client();
	struct freq_record record;
	int i, j;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, try_inject_range(self->fd, 800));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, try_allocate_batch(other, i == 1 ?
						FREQ_ALLOCATE_KEEP : 0,
						lists[i], FREQ_BATCH_MAX));
		for (j = 0; j < FREQ_BATCH_MAX; j++)
			held[lists[i][j]] = i != 1;
	}
	EXPECT_EQ(1 + 3 * FREQ_BATCH_MAX, stream_drain(&self->all));
	close(other);
	for (i = 0; i < 2 * FREQ_BATCH_MAX; i++) {
		test_read_records(self->all.fd, &record, 1);
		ASSERT_EQ(0, stream_check(&self->all, &record));
		ASSERT_EQ(0, check_record(&record, (struct freq_record) {
				.kind = FREQ_RECORD_DEALLOCATED,
				.flags = FREQ_RECORD_CLOSED,
				.frequency = record.frequency,
			}));
		ASSERT_LT(record.frequency, 2000);
		ASSERT_TRUE(held[record.frequency]);
		for (j = 0; i < 128 && j < 128; j++)
			ASSERT_NE(record.frequency, lists[0][j]);
		ASSERT_FALSE(seen[record.frequency]);
		seen[record.frequency] = true;
	}
	EXPECT_NO_MORE(&self->all);
}

static int hold_in_child(int line, void *data)
{
	__u64 frequency;
	int fd;

	/* Inherited descriptors would keep clients open. */
	if (syscall(SYS_close_range, line + 1, ~0U, 0))
		return -1;
	fd = open_client();
	return fails(fd >= 0) || differ(0, try_client_label(fd, "child")) ||
	       differ(0, try_allocate(fd, 0, &frequency)) ||
	       line_say(line, 'a') || line_hear(line, 'b');
}

/* exit and SIGKILL are reported as close() is. */
TEST_F(record, holder_ends)
{
	struct child child;
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, child_start(&child, hold_in_child, NULL));
		ASSERT_EQ(0, line_hear(child.line, 'a'));
		EXPECT_LISTED(&self->all, .frequency = 10, .pid = child.pid,
			      .label = "child");
		if (i % 2) {
			EXPECT_EQ(128 + SIGKILL, child_kill(&child));
		} else {
			ASSERT_EQ(0, line_say(child.line, 'b'));
			EXPECT_EQ(0, child_wait(&child));
		}
		EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10,
			    .pid = child.pid, .flags = FREQ_RECORD_CLOSED,
			    .label = "child");
		EXPECT_NO_MORE(&self->all);
	}
}

/* One record per request */
TEST_F(record, inject)
{
	int other = open_client_as(USER_A);

	ASSERT_GE(other, 0);
	test_client_label(other, "source");
	test_inject(self->fd, 99);
	test_inject(other, 31, 30, 32);
	ASSERT_EQ(0, try_inject_range(self->fd, 500));
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 99, .value = 1);
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 31, .value = 3,
		    .uid = USER_A, .label = "source");
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 1000, .value = 500);
	EXPECT_NO_MORE(&self->all);
}

/* Failed requests leave no record. */
TEST_F(record, failed_requests)
{
	int other = open_client_as(USER_A);
	__u64 list[FREQ_BATCH_MAX];
	int i;

	ASSERT_GE(other, 0);
	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	EXPECT_EQ(6, stream_drain(&self->all));
	test_err_allocate(ENOSPC, other);
	test_err_allocate_batch(ENOSPC, other, 2);
	test_err_allocate_exact(EBUSY, other, 12);
	test_err_allocate_exact(ENOENT, other, 9);
	test_err_deallocate(EPERM, other, 12);
	test_err_deallocate(ENOENT, other, 9);
	test_err_deallocate_grant(ESTALE, self->fd, 12, 1);
	test_err_deallocate_batch(ENOENT, 2, self->fd, 10, 11, 9);
	test_err_deallocate_batch(ENOENT, 1, self->fd, 10, 10);
	test_err_inject(EEXIST, self->fd, 30, 31, 10);
	test_err_stop(EBUSY, self->fd);
	test_deallocate(self->fd, 10);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);
	EXPECT_EQ(-EFAULT, try_ioctl(other, FREQ_IOC_ALLOCATE,
				     page_map(PROT_NONE)));
	EXPECT_EQ(-EFAULT, try_allocate_batch(other, 0,
					      page_map(PROT_READ), 1));
	EXPECT_EQ(-EFAULT, try_inject(other, page_map(PROT_NONE), 1, NULL));
	close(other);
	EXPECT_NO_MORE(&self->all);
	EXPECT_EQ(0, try_allocate_batch(self->fd, 0, list, 1));
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
}

/* Within a tick of the request */
TEST_F(record, time)
{
	__s64 before, after = 0;
	struct freq_record record;
	int i;

	for (i = 0; i < 12; i++) {
		ASSERT_TRUE(wait_until(boottime_coarse_ns() > after + 2 * tick_ns()));
		before = boottime_coarse_ns();
		if (i % 3 == 0)
			test_allocate(self->fd, 10);
		else if (i % 3 == 1)
			test_inject(self->fd, 100 + i);
		else
			test_deallocate(self->fd, 10);
		after = boottime_ns();
		test_read_records(self->all.fd, &record, 1);
		EXPECT_LE(before - tick_ns(), record.time);
		EXPECT_GE(after + tick_ns(), record.time);
	}
}

/* ---- Records of requests that wait */

TEST_F(record, waiting)
{
	struct freq_allocate_v3 exact = FOR_EXACT(13), kept = FOR_ANY;
	struct sleeper *one, *other, *third;
	__s64 hour;
	int i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	EXPECT_EQ(6, stream_drain(&self->all));
	hour = now_ms() * 1000000LL + 3600000000000LL;
	exact.deadline = hour;
	one = WAITER(FOR_ANY);
	EXPECT_NEXT(&self->all, WAITING, .flags = FREQ_RECORD_ANY,
		    .value = FREQ_FOR_EVER);
	test_client_label(one->fd, "waits");
	other = WAITER(exact);
	EXPECT_NEXT(&self->all, WAITING, .frequency = 13, .value = hour);
	third = waiter_start(one->fd, FOR_EXACT(15));
	ASSERT_NE(NULL, third);
	EXPECT_NEXT(&self->all, WAITING, .frequency = 15, .label = "waits",
		    .value = FREQ_FOR_EVER);
	kept.flags = FREQ_ALLOCATE_KEEP;
	WAITER(kept);
	EXPECT_NEXT(&self->all, WAITING, .value = FREQ_FOR_EVER,
		    .flags = FREQ_RECORD_ANY | FREQ_RECORD_KEEP);

	/* A signal or a timeout leaves no record. */
	ASSERT_EQ(0, pthread_kill(other->thread, SIGUSR1));
	EXPECT_TRUE(ended(other, -EINTR));
	kept.deadline = now_ms() * 1000000LL + 500000000;
	kept.flags = 0;
	other = waiter_start(self->fd, kept);
	ASSERT_NE(NULL, other);
	EXPECT_TRUE(ended(other, -ETIMEDOUT));
	EXPECT_NEXT(&self->all, WAITING, .flags = FREQ_RECORD_ANY,
		    .value = kept.deadline);
	EXPECT_NO_MORE(&self->all);

	/* The waiter is the holder. */
	test_deallocate(self->fd, 15);
	EXPECT_TRUE(ended(one, 0));
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 15);
	EXPECT_LISTED(&self->all, .frequency = 15, .label = "waits",
		      .grant = one->at->grant);
	test_deallocate(self->fd, 14);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 14);
	EXPECT_LISTED(&self->all, .frequency = 14,
		      .flags = FREQ_RECORD_KEEP);
	EXPECT_NO_MORE(&self->all);
}

/* Immediate success or failure: no FREQ_RECORD_WAITING */
TEST_F(record, no_wait)
{
	struct freq_allocate_v3 any = FOR_ANY, exact = FOR_EXACT(13);
	__u64 i;

	ASSERT_EQ(0, try_allocate_v3(self->fd, &any));
	ASSERT_EQ(0, try_allocate_v3(self->fd, &exact));
	EXPECT_LISTED(&self->all, .frequency = 10, .grant = any.grant);
	EXPECT_LISTED(&self->all, .frequency = 13, .grant = exact.grant);
	for (i = 11; i <= 15; i++) {
		if (i != 13)
			test_allocate(self->fd, i);
	}
	EXPECT_EQ(4, stream_drain(&self->all));
	exact.frequency = 9;
	EXPECT_EQ(-ENOENT, try_allocate_v3(self->fd, &exact));
	EXPECT_NO_MORE(&self->all);
}

/* Nor with a deadline in the past */
TEST_F(record, no_wait_after_the_deadline)
{
	struct freq_allocate_v3 any = FOR_ANY, exact = FOR_EXACT(13);
	__u64 list[6];

	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, 6));
	EXPECT_EQ(6, stream_drain(&self->all));
	any.deadline = 1;
	exact.deadline = 1;
	EXPECT_EQ(-ETIMEDOUT, try_allocate_v3(self->fd, &any));
	EXPECT_EQ(-ETIMEDOUT, try_allocate_v3(self->fd, &exact));
	EXPECT_NO_MORE(&self->all);
}

/* Waiters are served after the whole array is freed. */
TEST_F(record, batch_serves)
{
	struct sleeper *exact, *any;
	int i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	exact = WAITER(FOR_EXACT(11));
	any = WAITER(FOR_ANY);
	EXPECT_EQ(8, stream_drain(&self->all));
	test_deallocate_batch(self->fd, 10, 11, 12);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 11);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 12);
	EXPECT_LISTED(&self->all, .frequency = 11);
	EXPECT_LISTED(&self->all, .frequency = 12);
	EXPECT_NO_MORE(&self->all);
	EXPECT_TRUE(ended(exact, 0));
	EXPECT_TRUE(ended(any, 0));
	EXPECT_EQ(12, any->at->frequency);
}

TEST_F(record, inject_serves)
{
	int i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	for (i = 0; i < 10; i++)
		WAITER(FOR_ANY);
	EXPECT_EQ(16, stream_drain(&self->all));
	ASSERT_EQ(0, try_inject_range(self->fd, 12));
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 1000, .value = 12);
	for (i = 0; i < 10; i++)
		EXPECT_LISTED(&self->all, .frequency = 1000 + i,
			      .grant = grant_of(self->fd, 1000 + i));
	EXPECT_NO_MORE(&self->all);
}

TEST_F(record, close_serves)
{
	int other = open_client();
	int i, freed = 0, sum = 0;
	struct freq_record record;

	ASSERT_GE(other, 0);
	for (i = 10; i <= 15; i++)
		test_allocate(other, i);
	WAITER(FOR_ANY);
	WAITER(FOR_EXACT(13));
	EXPECT_EQ(8, stream_drain(&self->all));
	close(other);
	/* Each ALLOCATED follows the DEALLOCATED of its frequency. */
	for (i = 0; i < 8; i++) {
		test_read_records(self->all.fd, &record, 1);
		EXPECT_EQ(0, stream_check(&self->all, &record));
		if (record.kind == FREQ_RECORD_DEALLOCATED) {
			EXPECT_EQ(FREQ_RECORD_CLOSED, record.flags);
			freed |= 1 << record.frequency;
			sum += record.frequency;
			continue;
		}
		EXPECT_EQ(FREQ_RECORD_ALLOCATED, record.kind);
		EXPECT_EQ(0, check_listed(self->fd, &record));
		EXPECT_TRUE(freed & 1 << record.frequency);
	}
	EXPECT_EQ(75, sum);
	EXPECT_EQ(0xfc00, freed);
	EXPECT_NO_MORE(&self->all);
}

/* The reply faults: the frequency is freed, and goes to the next waiter. */
TEST_F(record, waiter_cannot_be_answered)
{
	struct sleeper *waiter, *next;
	__u64 grant;
	int i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	EXPECT_EQ(6, stream_drain(&self->all));
	waiter = sleeper_make(call_allocate, open_client());
	ASSERT_NE(NULL, waiter);
	test_client_label(waiter->fd, "unlucky");
	waiter->at = page_map(PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, waiter->at);
	*waiter->at = FOR_ANY;
	ASSERT_TRUE(sleeper_run(waiter));
	ASSERT_FALSE(is_done(waiter));
	ASSERT_EQ(0, mprotect(waiter->at, page_size(), PROT_READ));
	EXPECT_NEXT(&self->all, WAITING, .flags = FREQ_RECORD_ANY,
		    .value = FREQ_FOR_EVER, .label = "unlucky");
	next = WAITER(FOR_ANY);
	EXPECT_NEXT(&self->all, WAITING, .flags = FREQ_RECORD_ANY,
		    .value = FREQ_FOR_EVER);
	test_deallocate(self->fd, 10);
	EXPECT_TRUE(ended(waiter, -EFAULT));
	EXPECT_TRUE(ended(next, 0));
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);
	grant = EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10,
			    .label = "unlucky").grant;
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10,
		    .label = "unlucky", .grant = grant);
	EXPECT_LISTED(&self->all, .frequency = 10, .grant = next->at->grant);
	EXPECT_NO_MORE(&self->all);
}

/* The reply page is missing: the waiter is requeued, without a second record. */
TEST_F(record, waiter_waits_again)
{
	struct sleeper *waiter, *next;
	struct slow_page slow;
	int i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	waiter = sleeper_make(call_allocate, open_client());
	ASSERT_NE(NULL, waiter);
	waiter->argument = FOR_ANY;
	ASSERT_EQ(0, slow_page_map_protected(&slow, &waiter->argument,
					     sizeof(waiter->argument)));
	waiter->at = slow.page;
	ASSERT_TRUE(sleeper_run(waiter));
	ASSERT_FALSE(is_done(waiter));
	next = WAITER(FOR_ANY);
	EXPECT_EQ(8, stream_drain(&self->all));
	test_deallocate(self->fd, 10);
	ASSERT_EQ(0, slow_page_wait(&slow));
	EXPECT_TRUE(ended(next, 0));
	EXPECT_EQ(4, stream_drain(&self->all));
	ASSERT_EQ(0, slow_page_deliver(&slow, NULL, 0));
	ASSERT_TRUE(wait_until(waiters_of(self->fd) == 1));
	EXPECT_NO_MORE(&self->all);
	/* The first write after the protection ends */
	waiter->at->grant = 0;
	test_deallocate(next->fd, 10);
	EXPECT_TRUE(ended(waiter, 0));
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);
	EXPECT_LISTED(&self->all, .frequency = 10, .grant = waiter->at->grant);
	EXPECT_NO_MORE(&self->all);
}

/* ---- Filters */

/* Waits until a signal interrupts it. */
static int wait_in_vain(int fd, struct freq_allocate_v3 argument)
{
	struct sleeper *waiter = waiter_start(fd, argument);

	return fails(waiter) || fails(!is_done(waiter)) ||
	       differ(0, pthread_kill(waiter->thread, SIGUSR1)) ||
	       fails(ended(waiter, -EINTR));
}

/* Fourteen records: each kind, and both forms of WAITING */
static int make_one_of_each(int fd)
{
	__u64 list[6];

	return differ(0, try_allocate_batch(fd, 0, list, 6)) ||
	       differ(0, try_inject(fd, (__u64 []){ 70 }, 1, NULL)) ||
	       wait_in_vain(fd, FOR_EXACT(11)) ||
	       differ(0, try_allocate_exact(fd, 70)) ||
	       wait_in_vain(fd, FOR_ANY) ||
	       differ(0, try_deallocate_batch(fd, list, 3, NULL)) ||
	       differ(0, server_upgrade("freq_v3", "freq_v90"));
}

/* All combinations of kinds */
TEST_F(record, kinds)
{
	static struct freq_record all[32];
	struct freq_record record;
	int fds[ALL_KINDS + 1];
	int count, i;
	__u32 kinds;

	for (kinds = 1; kinds <= ALL_KINDS; kinds++) {
		fds[kinds] = open_reader(O_NONBLOCK);
		ASSERT_GE(fds[kinds], 0);
		test_subscribe(fds[kinds], kinds, 0);
	}
	ASSERT_EQ(0, make_one_of_each(self->fd));
	count = try_read_records(self->all.fd, all, 32);
	ASSERT_EQ(14, count);
	for (kinds = 1; kinds <= ALL_KINDS; kinds++) {
		for (i = 0; i < count; i++) {
			if (!(kinds & 1U << all[i].kind))
				continue;
			EXPECT_READABLE(fds[kinds]);
			test_read_records(fds[kinds], &record, 1);
			ASSERT_EQ(0, memcmp(&all[i], &record,
					    sizeof(record)));
		}
		EXPECT_QUIET(fds[kinds]);
		test_err_read_records(EAGAIN, fds[kinds]);
	}
}

/* INJECTED, UPGRADED and WAITING for any pass each span filter. */
TEST_F(record, spans)
{
	struct stream none, some;

	START_SPANS(&none, ALL_KINDS, 0, { 500, 600 });
	START_SPANS(&some, ALL_KINDS, 0, { 12, 12 }, { 70, 80 }, { 11, 13 },
		    { 15, 15 });
	ASSERT_EQ(0, make_one_of_each(self->fd));
	EXPECT_NEXT(&none, INJECTED, .frequency = 70, .value = 1);
	EXPECT_NEXT(&none, WAITING, .flags = FREQ_RECORD_ANY,
		    .value = FREQ_FOR_EVER);
	EXPECT_NEXT(&none, UPGRADED, .value = 90);
	EXPECT_NO_MORE(&none);

	EXPECT_NEXT(&some, ALLOCATED, .frequency = 11);
	EXPECT_NEXT(&some, ALLOCATED, .frequency = 12);
	EXPECT_NEXT(&some, ALLOCATED, .frequency = 13);
	EXPECT_NEXT(&some, ALLOCATED, .frequency = 15);
	EXPECT_EQ(7, stream_drain(&some));
	EXPECT_EQ(14, stream_drain(&self->all));
	EXPECT_EQ(self->all.last, some.last);
	EXPECT_EQ(self->all.last, none.last);
}

/* From 0 to the highest 64-bit number */
TEST_F(record, extreme_spans)
{
	struct freq_span spans[FREQ_SPANS_MAX] = { };
	struct freq_subscribe subscribe = {
		.spans = (uintptr_t)spans,
		.span_count = FREQ_SPANS_MAX,
		.kinds = KIND(ALLOCATED),
	};
	struct stream lowest, highest, whole, last;

	test_inject(self->fd, 0, ~0ULL, 1ULL << 63, ~0ULL - 1);
	START_SPANS(&lowest, KIND(ALLOCATED), 0, { 0, 0 });
	START_SPANS(&highest, KIND(ALLOCATED), 0, { ~0ULL, ~0ULL });
	START_SPANS(&whole, KIND(ALLOCATED), 0, { 0, ~0ULL });
	spans[FREQ_SPANS_MAX - 1] = (struct freq_span) { 1ULL << 63,
							 ~0ULL - 1 };
	ASSERT_EQ(0, stream_start(&last, &subscribe));
	/* The kernel has its own copy of the array. */
	memset(spans, 0xff, sizeof(spans));
	test_allocate(self->fd, 10);
	test_allocate_exact(self->fd, ~0ULL);
	test_allocate_exact(self->fd, 0);
	test_allocate_exact(self->fd, ~0ULL - 1);
	test_allocate_exact(self->fd, 1ULL << 63);
	EXPECT_NEXT(&lowest, ALLOCATED, .frequency = 0);
	EXPECT_NO_MORE(&lowest);
	EXPECT_NEXT(&highest, ALLOCATED, .frequency = ~0ULL);
	EXPECT_NO_MORE(&highest);
	EXPECT_EQ(5, stream_drain(&whole));
	EXPECT_NEXT(&last, ALLOCATED, .frequency = 0);
	EXPECT_NEXT(&last, ALLOCATED, .frequency = ~0ULL - 1);
	EXPECT_NEXT(&last, ALLOCATED, .frequency = 1ULL << 63);
	EXPECT_NO_MORE(&last);
}

/* Each subscriber has its own cursor. */
TEST_F(record, subscribers_are_independent)
{
	struct stream others[3];
	int i;

	for (i = 0; i < 3; i++)
		START_STREAM(&others[i], ALL_KINDS, 0);
	for (i = 0; i < 300; i++) {
		test_allocate(self->fd, 10);
		if (i % 3 == 0)
			ASSERT_LT(0, stream_drain(&others[0]));
		if (i % 70 == 0)
			ASSERT_LT(0, stream_drain(&others[1]));
		test_deallocate(self->fd, 10);
	}
	EXPECT_LT(0, stream_drain(&others[0]));
	EXPECT_LT(0, stream_drain(&others[1]));
	close(others[1].fd);
	EXPECT_EQ(600, stream_drain(&others[2]));
	EXPECT_EQ(600, stream_drain(&self->all));
	EXPECT_EQ(self->all.last, others[0].last);
	EXPECT_EQ(self->all.last, others[1].last);
	EXPECT_EQ(self->all.last, others[2].last);
}

/* ---- FREQ_SUBSCRIBE_PRESENT */

/* In ascending order; all fields as in LIST_GRANTS */
TEST_F(record, present)
{
	int other = open_client_as(USER_A);
	int closed = open_client_as(USER_B);
	struct stream stream;

	ASSERT_GE(other, 0);
	ASSERT_GE(closed, 0);
	test_client_label(other, "present");
	test_allocate_exact(other, 14);
	test_allocate_exact(self->fd, 11);
	test_inject(self->fd, 5);
	ASSERT_EQ(0, try_allocate_exact(other, 5));
	test_deallocate(self->fd, 11);
	test_keep(closed, 11);
	test_keep(closed, 10);
	close(closed);
	EXPECT_EQ(7, stream_drain(&self->all));
	START_STREAM(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	EXPECT_READABLE(stream.fd);
	EXPECT_EQ(self->all.last,
		  EXPECT_LISTED(&stream, .frequency = 5, .uid = USER_A,
				.flags = FREQ_RECORD_PRESENT,
				.label = "present").sequence);
	EXPECT_LISTED(&stream, .frequency = 10, .uid = USER_B, .pid = NO_PID,
		      .flags = FREQ_RECORD_PRESENT | FREQ_RECORD_KEEP);
	EXPECT_LISTED(&stream, .frequency = 11, .uid = USER_B, .pid = NO_PID,
		      .flags = FREQ_RECORD_PRESENT | FREQ_RECORD_KEEP);
	EXPECT_EQ(self->all.last,
		  EXPECT_LISTED(&stream, .frequency = 14, .uid = USER_A,
				.flags = FREQ_RECORD_PRESENT,
				.label = "present").sequence);
	EXPECT_READABLE(stream.fd);
	EXPECT_EQ(self->all.last, EXPECT_END(&stream).sequence);
	EXPECT_NO_MORE(&stream);
	EXPECT_QUIET(stream.fd);
	test_deallocate(other, 14);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 14, .uid = USER_A,
		    .label = "present");
	EXPECT_NEXT(&stream, DEALLOCATED, .frequency = 14, .uid = USER_A,
		    .label = "present");
	EXPECT_EQ(self->all.last, stream.last);
}

TEST_F(record, present_of_nothing)
{
	struct freq_record record;
	int fd;

	/* Nothing is allocated. */
	fd = open_reader(O_NONBLOCK);
	ASSERT_GE(fd, 0);
	test_subscribe(fd, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	EXPECT_READABLE(fd);
	ASSERT_EQ(1, try_read_records(fd, &record, 1));
	EXPECT_EQ(0, check_record(&record, (struct freq_record) {
			.kind = FREQ_RECORD_PRESENT_END,
			.flags = FREQ_RECORD_PRESENT,
		}));
	test_err_read_records(EAGAIN, fd);

	/* ALLOCATED is not among the kinds. */
	test_allocate(self->fd, 10);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	test_subscribe(fd, ALL_KINDS & ~KIND(ALLOCATED),
		       FREQ_SUBSCRIBE_PRESENT);
	EXPECT_READABLE(fd);
	ASSERT_EQ(1, try_read_records(fd, &record, 1));
	EXPECT_EQ(FREQ_RECORD_PRESENT_END, record.kind);
	EXPECT_EQ(self->all.last, record.sequence);
	test_err_read_records(EAGAIN, fd);
}

TEST_F(record, present_in_spans)
{
	struct stream stream;
	int i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	START_SPANS(&stream, KIND(ALLOCATED), FREQ_SUBSCRIBE_PRESENT,
		    { 14, 14 }, { 11, 12 }, { 12, 12 }, { 0, 9 },
		    { 16, ~0ULL });
	EXPECT_LISTED(&stream, .frequency = 11, .flags = FREQ_RECORD_PRESENT);
	EXPECT_LISTED(&stream, .frequency = 12, .flags = FREQ_RECORD_PRESENT);
	EXPECT_LISTED(&stream, .frequency = 14, .flags = FREQ_RECORD_PRESENT);
	EXPECT_END(&stream);
	EXPECT_NO_MORE(&stream);
	START_SPANS(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT, { 16, 99 });
	EXPECT_END(&stream);
	EXPECT_NO_MORE(&stream);
}

TEST_F(record, present_of_extreme_numbers)
{
	struct stream stream;

	test_inject(self->fd, ~0ULL, 0, 1ULL << 63);
	test_allocate_exact(self->fd, ~0ULL);
	test_allocate_exact(self->fd, 1ULL << 63);
	test_allocate_exact(self->fd, 0);
	test_allocate_exact(self->fd, 15);
	START_STREAM(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	EXPECT_LISTED(&stream, .frequency = 0, .flags = FREQ_RECORD_PRESENT);
	EXPECT_LISTED(&stream, .frequency = 15, .flags = FREQ_RECORD_PRESENT);
	EXPECT_LISTED(&stream, .frequency = 1ULL << 63,
		      .flags = FREQ_RECORD_PRESENT);
	EXPECT_LISTED(&stream, .frequency = ~0ULL,
		      .flags = FREQ_RECORD_PRESENT);
	EXPECT_END(&stream);
	EXPECT_NO_MORE(&stream);
	START_SPANS(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT,
		    { ~0ULL, ~0ULL });
	EXPECT_LISTED(&stream, .frequency = ~0ULL,
		      .flags = FREQ_RECORD_PRESENT);
	EXPECT_END(&stream);
}

/* The state at the time of the read(); the events since SUBSCRIBE follow. */
TEST_F(record, present_is_of_the_time)
{
	struct stream stream;
	__u64 first;

	test_allocate(self->fd, 10);
	test_allocate_exact(self->fd, 14);
	EXPECT_EQ(2, stream_drain(&self->all));
	first = self->all.last;
	START_STREAM(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	test_deallocate(self->fd, 10);
	test_allocate_exact(self->fd, 12);
	EXPECT_EQ(first + 2,
		  EXPECT_LISTED(&stream, .frequency = 12,
				.flags = FREQ_RECORD_PRESENT).sequence);
	/* Below and above the position of the reader */
	test_allocate_exact(self->fd, 11);
	test_allocate_exact(self->fd, 13);
	EXPECT_EQ(first + 4,
		  EXPECT_LISTED(&stream, .frequency = 13,
				.flags = FREQ_RECORD_PRESENT).sequence);
	EXPECT_LISTED(&stream, .frequency = 14, .flags = FREQ_RECORD_PRESENT);
	test_allocate(self->fd, 10);
	EXPECT_EQ(first + 5, EXPECT_END(&stream).sequence);
	stream.last = first;
	EXPECT_NEXT(&stream, DEALLOCATED, .frequency = 10);
	EXPECT_NEXT(&stream, ALLOCATED, .frequency = 12);
	EXPECT_NEXT(&stream, ALLOCATED, .frequency = 11);
	EXPECT_NEXT(&stream, ALLOCATED, .frequency = 13);
	EXPECT_NEXT(&stream, ALLOCATED, .frequency = 10);
	EXPECT_NO_MORE(&stream);
	EXPECT_EQ(5, stream_drain(&self->all));
	EXPECT_EQ(stream.last, self->all.last);
}

/* Page by page, with upgrades and faults in between */
TEST_F(record, present_of_many)
{
	static struct freq_record records[700];
	static const char * const releases[] = {
		"freq_v3", "freq_v90", "freq_v2", "freq_v1", "freq_v3",
	};
	__u64 list[FREQ_BATCH_MAX], expected = 0;
	int fd = open_subscriber(ALL_KINDS);
	int count = 0, pages = 0, got, i;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, try_inject_range(self->fd, 600));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list,
						FREQ_BATCH_MAX));
	test_subscribe(fd, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	do {
		EXPECT_READABLE(fd);
		EXPECT_EQ(-EFAULT, try_read_records(fd, page_map(PROT_READ),
						    READ_MAX));
		got = try_read_records(fd, &records[count], 100);
		ASSERT_LT(0, got);
		ASSERT_GE(READ_MAX, got);
		count += got;
		if (pages + 1 < ARRAY_SIZE(releases))
			ASSERT_EQ(0, server_upgrade(releases[pages],
						    releases[pages + 1]));
		pages++;
	} while (records[count - 1].kind != FREQ_RECORD_PRESENT_END &&
		 records[count - 1].flags & FREQ_RECORD_PRESENT);
	for (i = 0; i < 2 * FREQ_BATCH_MAX; i++) {
		ASSERT_EQ(FREQ_RECORD_PRESENT, records[i].flags);
		ASSERT_LE(expected, records[i].frequency);
		expected = records[i].frequency + 1;
		if (i)
			ASSERT_LE(records[i - 1].sequence,
				  records[i].sequence);
	}
	EXPECT_EQ(FREQ_RECORD_PRESENT_END, records[i].kind);
	/* The upgrades since SUBSCRIBE */
	while (count < i + 5) {
		got = try_read_records(fd, &records[count], 1);
		ASSERT_EQ(1, got);
		count++;
	}
	for (i++, pages = 1; i < count; i++, pages++) {
		EXPECT_EQ(FREQ_RECORD_UPGRADED, records[i].kind);
		EXPECT_EQ(release_number(releases[pages]), records[i].value);
	}
	EXPECT_QUIET(fd);
}

/* A second SUBSCRIBE restarts it. */
TEST_F(record, present_again)
{
	struct stream stream;

	test_allocate_batch(self->fd, 10, 11, 12);
	START_STREAM(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	EXPECT_LISTED(&stream, .frequency = 10, .flags = FREQ_RECORD_PRESENT);
	test_subscribe(stream.fd, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	test_deallocate(self->fd, 10);
	EXPECT_LISTED(&stream, .frequency = 11, .flags = FREQ_RECORD_PRESENT);
	test_subscribe(stream.fd, ALL_KINDS, 0);
	EXPECT_NO_MORE(&stream);
}

/* ---- The number of subscribers */

/* An unprivileged user; at last in its own user namespace */
static int subscribe_as_user(int line, void *data)
{
	struct freq_record record;
	int fds[FREQ_SUBSCRIBERS_MAX + 2];
	__u64 frequency;
	int i;

	if (differ(0, become(USER_A)))
		return -1;
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open_client();
		if (fails(fds[i] >= 0) ||
		    differ(i < FREQ_SUBSCRIBERS_MAX ? 0 : -EDQUOT,
			   try_subscribe_to(fds[i], ALL_KINDS, 0)))
			return -1;
	}
	/* Replacing a subscription needs no quota. */
	if (differ(0, try_subscribe_to(fds[5], ALL_KINDS,
				       FREQ_SUBSCRIBE_PRESENT)) ||
	    differ(0, try_subscribe_to(fds[5], ALL_KINDS, 0)) ||
	    differ(0, try_subscribe_to(fds[i - 1], 0, 0)) ||
	    differ(-EINVAL, try_read_records(fds[i - 1], &record, 1)))
		return -1;
	/* All of them get the record. */
	if (differ(0, try_allocate(fds[0], 0, &frequency)))
		return -1;
	for (i = 0; i < FREQ_SUBSCRIBERS_MAX; i++) {
		if (differ(1, try_read_records(fds[i], &record, 1)) ||
		    differ(frequency, record.frequency))
			return -1;
	}
	if (line_say(line, 'a') || line_hear(line, 'b'))
		return -1;
	/* A close, or the end of a subscription, makes room. */
	close(fds[7]);
	if (differ(0, try_subscribe_to(fds[64], ALL_KINDS, 0)) ||
	    differ(-EDQUOT, try_subscribe_to(fds[65], ALL_KINDS, 0)) ||
	    differ(0, try_subscribe_to(fds[8], 0, 0)) ||
	    differ(0, try_subscribe_to(fds[65], ALL_KINDS, 0)) ||
	    differ(-EDQUOT, try_subscribe_to(fds[8], ALL_KINDS, 0)))
		return -1;
	/* A capability in another user namespace does not count. */
	return differ(0, unshare(CLONE_NEWUSER)) ||
	       differ(-EDQUOT, try_subscribe_to(fds[8], ALL_KINDS, 0)) ||
	       line_say(line, 'c') || line_hear(line, 'd');
}

static int subscribe_once(int line, void *data)
{
	int fd;

	if (differ(0, become(USER_B)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) ||
	       differ(0, try_subscribe_to(fd, ALL_KINDS, 0));
}

TEST_F(record, many_subscribers)
{
	struct child user, other;
	int i, fds[100];

	ASSERT_EQ(0, child_start(&user, subscribe_as_user, NULL));
	ASSERT_EQ(0, line_hear(user.line, 'a'));
	EXPECT_EQ(1 + FREQ_SUBSCRIBERS_MAX, subscriptions_of(self->fd));
	/* Other users have their own quota. */
	ASSERT_EQ(0, child_start(&other, subscribe_once, NULL));
	EXPECT_EQ(0, child_wait(&other));
	EXPECT_EQ(1 + FREQ_SUBSCRIBERS_MAX, subscriptions_of(self->fd));

	/* CAP_SYS_ADMIN: no limit, also on clients of other users */
	for (i = 0; i < 100; i++) {
		fds[i] = i % 2 ? open_client() : open_client_as(USER_A);
		ASSERT_GE(fds[i], 0);
		test_subscribe(fds[i], ALL_KINDS, 0);
	}
	EXPECT_EQ(101 + FREQ_SUBSCRIBERS_MAX, subscriptions_of(self->fd));
	for (i = 0; i < 100; i += 2)
		close(fds[i]);
	EXPECT_EQ(51 + FREQ_SUBSCRIBERS_MAX, subscriptions_of(self->fd));
	ASSERT_EQ(0, line_say(user.line, 'b'));
	ASSERT_EQ(0, line_hear(user.line, 'c'));
	EXPECT_EQ(51 + FREQ_SUBSCRIBERS_MAX, subscriptions_of(self->fd));
	ASSERT_EQ(0, line_say(user.line, 'd'));
	EXPECT_EQ(0, child_wait(&user));
	EXPECT_EQ(51, subscriptions_of(self->fd));
}

/* More than are woken in one lock hold */
TEST_F(record, many_sleepers)
{
	int i, fds[100];
	struct sleeper *readers[100];

	for (i = 0; i < 100; i++) {
		fds[i] = open_subscriber(i % 10 == 9 ? KIND(UPGRADED) :
						     ALL_KINDS);
		readers[i] = i % 3 ? READER(fds[i]) : POLLER(fds[i]);
	}
	test_allocate(self->fd, 10);
	for (i = 0; i < 100; i++) {
		if (i % 10 == 9)
			continue;
		EXPECT_TRUE(ended(readers[i], i % 3 ? 1 : POLLIN));
	}
	for (i = 9; i < 100; i += 10)
		EXPECT_FALSE(is_done(readers[i]));
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
	for (i = 9; i < 100; i += 10)
		EXPECT_TRUE(ended(readers[i], i % 3 ? 1 : POLLIN));
}

/* ---- Releases without SUBSCRIBE */

FIXTURE(older) {
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
}

FIXTURE_TEARDOWN(older)
{
	EXPECT_EQ(0, test_clean());
}

/* ENOTTY whatever the argument */
TEST_F(older, subscribe)
{
	int reader = open_reader(0);

	ASSERT_GE(reader, 0);
	test_err_subscribe(ENOTTY, self->fd, ALL_KINDS, 0);
	test_err_subscribe(ENOTTY, reader, ALL_KINDS, 0);
	test_err_subscribe(ENOTTY, self->fd, 0, 0);
	test_err_subscribe(ENOTTY, self->fd, ~0U, ~0U);
	EXPECT_EQ(-ENOTTY, try_subscribe(self->fd, NULL));
	test_allocate(self->fd, 10);
	test_err_read_records(EINVAL, reader);
	test_err_read_records(EINVAL, self->fd);
	EXPECT_READABLE(reader);
	/* After an upgrade */
	ASSERT_EQ(0, server_upgrade(variant->release, "freq_v3"));
	test_subscribe(reader, ALL_KINDS, 0);
	EXPECT_EQ(1, subscriptions_of(self->fd));
	EXPECT_QUIET(reader);
}

#ifdef __x86_64__
/* ---- 32-bit system calls: same arguments and records */

TEST_F(record, from_32_bit)
{
	char *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct freq_subscribe *subscribe = (void *)page;
	struct freq_span *span = (void *)(page + 64);
	struct freq_record *records = (void *)(page + 1024);
	const size_t size = sizeof(*records);
	int fd = open_reader(O_NONBLOCK);
	struct freq_record want;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_GE(fd, 0);
	span->first = 11;
	span->last = ~0ULL;
	*subscribe = (struct freq_subscribe) {
		.spans = (uintptr_t)span,
		.span_count = 1,
		.kinds = ALL_KINDS,
		.flags = FREQ_SUBSCRIBE_PRESENT,
		.record_size = size,
	};
	test_allocate_batch(self->fd, 10, 11);
	ASSERT_EQ(0, compat_call(COMPAT_IOCTL, fd, FREQ_IOC_SUBSCRIBE,
				 subscribe));
	EXPECT_READABLE(fd);
	EXPECT_EQ(-EINVAL, compat_call(COMPAT_READ, fd,
				       (uintptr_t)records,
				       (void *)(size - 1)));
	EXPECT_EQ(2 * size, compat_call(COMPAT_READ, fd, (uintptr_t)records,
					(void *)(3 * size - 1)));
	EXPECT_EQ(11, records[0].frequency);
	EXPECT_EQ(FREQ_RECORD_PRESENT, records[0].flags);
	EXPECT_EQ(FREQ_RECORD_PRESENT_END, records[1].kind);
	EXPECT_EQ(2, stream_drain(&self->all));
	test_client_label(self->fd, "label");
	test_keep(self->fd, 12);
	EXPECT_EQ(size, compat_call(COMPAT_READ, fd, (uintptr_t)records,
				    (void *)size));
	test_read_records(self->all.fd, &want, 1);
	EXPECT_EQ(0, memcmp(&want, records, size));
	EXPECT_EQ(-EAGAIN, compat_call(COMPAT_READ, fd, (uintptr_t)records,
				       (void *)size));
	test_allocate(self->fd, 13);
	EXPECT_EQ(-EFAULT, compat_call(COMPAT_READ, fd, 16, (void *)size));
	subscribe->record_size = 95;
	EXPECT_EQ(-EINVAL, compat_call(COMPAT_IOCTL, fd, FREQ_IOC_SUBSCRIBE,
				       subscribe));
}
#endif

TEST_HARNESS_MAIN
