// SPDX-License-Identifier: GPL-2.0-only
/*
 * How queued requests end: with the subscription, at the deadline, and when nobody
 * reads of it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "queued.h"

#define RACES		200
#define DEADLINES	1000

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

/* ---- Its end with the subscription */

/* How the requests of a client end */
enum ending {
	UNSUBSCRIBE,
	CLOSE,
	KILL,
};

FIXTURE(end) {
	struct child child;
	int fd;
	int other;
};

FIXTURE_VARIANT(end) {
	enum ending ending;
};

FIXTURE_VARIANT_ADD(end, unsubscribe) {
	.ending = UNSUBSCRIBE,
};

FIXTURE_VARIANT_ADD(end, close) {
	.ending = CLOSE,
};

FIXTURE_VARIANT_ADD(end, kill) {
	.ending = KILL,
};

/* A process with a client, which takes commands over the line */
static int be_client(int line, void *data)
{
	int fd = open_hearing(KIND(OUTCOME));

	if (fails(fd >= 0) || line_send_fd(line, fd) || line_hear(line, 'u') ||
	    differ(0, hear_of(fd, 0, NULL)) || line_say(line, 'u'))
		return -1;
	return line_hear(line, 'e');
}

/* 1 to 64, all of them held by one client */
FIXTURE_SETUP(end)
{
	__u64 list[64];

	ASSERT_EQ(0, server_start("freq_v3", "frequencies=1-64"));
	ASSERT_EQ(0, child_start(&self->child, be_client, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, 64));
	self->other = open_hearing(KIND(OUTCOME));
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(end)
{
	EXPECT_EQ(0, test_clean());
}

/* Ends the requests of the child's client, which is this as well. */
static int end_requests(struct child *child, int fd, enum ending ending)
{
	switch (ending) {
	case UNSUBSCRIBE:
		close(fd);
		return line_say(child->line, 'u') || line_hear(child->line, 'u');
	case CLOSE:
		close(fd);
		shutdown(child->line, SHUT_RDWR);
		return differ(1, child_wait(child));
	default:
		close(fd);
		return differ(128 + SIGKILL, child_kill(child));
	}
}

/* All of them, and what they have reserved goes to others. */
TEST_F(end, requests_end)
{
	struct freq_info_v3 info;
	int fd = line_receive_fd(self->child.line);
	int i;

	ASSERT_GE(fd, 0);
	test_queue(fd, keeping(RESERVE(1, 4, 4, 5)));
	test_queue(fd, RESERVE(5, 64, 60, 6));
	for (i = 7; i < FREQ_QUEUED_MAX + 5; i++)
		test_queue(fd, i % 2 ? RESERVE(10, 13, 3, i) : EXACT(20, i));
	test_queue(self->other, EXACT(2, 1));
	test_queue(self->other, EXACT(60, 2));
	test_queue(self->other, BAND(50, 60, 3));
	for (i = 1; i < 4; i++)
		test_deallocate(self->fd, i);
	for (i = 30; i < 64; i++)
		test_deallocate(self->fd, i);
	EXPECT_EQ(FREQ_QUEUED_MAX + 3, waiters_of(self->fd));
	ASSERT_EQ(0, try_info_v3(self->fd, &info));
	EXPECT_EQ(64, info.allocated);
	EXPECT_TRUE(is_silent(self->other));

	ASSERT_EQ(0, end_requests(&self->child, fd, variant->ending));
	EXPECT_OUTCOME(self->other, 1, 2);
	EXPECT_OUTCOME(self->other, 2, 60);
	EXPECT_OUTCOME(self->other, 3, 50);
	EXPECT_EQ(0, waiters_of(self->fd));
	EXPECT_TRUE(sysfs_is("free", "1,3,30-49,51-59,61-63\n"));
	EXPECT_EQ(variant->ending != UNSUBSCRIBE,
		  clients_are(self->fd, 2));
}

/*
 * What is given back does not go to another request of the client, one that is
 * about to end: nobody would hear of that.
 */
TEST_F(end, not_to_itself)
{
	int fd = line_receive_fd(self->child.line);
	int i;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 8; i++)
		test_queue(fd, RESERVE(1 + 4 * i, 4 + 4 * i, 4, i));
	for (; i < FREQ_QUEUED_MAX; i++)
		test_queue(fd, keeping(EXACT(1 + 4 * (i % 8), i)));
	for (i = 0; i < 8; i++)
		test_deallocate(self->fd, 1 + 4 * i);
	EXPECT_EQ(FREQ_QUEUED_MAX, waiters_of(self->fd));
	ASSERT_EQ(0, end_requests(&self->child, fd, variant->ending));
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_EQ(0, waiters_of(self->fd));
	EXPECT_TRUE(sysfs_is("free", "1,5,9,13,17,21,25,29\n"));
}

/* The other descriptors of it keep a client open. */
TEST_F(queue, end_with_the_last_descriptor)
{
	int same = dup(self->own);

	test_queue(self->own, ANY(1));
	close(self->own);
	EXPECT_WAITING(1);
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(same, 1, 12);
	test_queue(same, EXACT(12, 2));
	close(same);
	EXPECT_WAITING(0);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
}

/* Outcomes that nobody has read go with the client. */
TEST_F(queue, closed_with_outcomes)
{
	test_queue(self->own, ANY(1));
	test_queue(self->own, RESERVE(13, 14, 2, 2));
	test_deallocate(self->fd, 12);
	test_deallocate_batch(self->fd, 13, 14);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_WAITING(0);
	close(self->own);
	EXPECT_TRUE(sysfs_is("free", "12-14\n"));
}

/* Nothing comes of it when the client subscribes again. */
TEST_F(queue, subscribed_again)
{
	test_queue(self->own, ANY(1));
	test_queue(self->own, RESERVE(12, 13, 2, 2));
	ASSERT_EQ(0, hear_of(self->own, 0, NULL));
	EXPECT_WAITING(0);
	test_err_cancel(ENOENT, self->own, 1);
	ASSERT_EQ(0, hear_of(self->own, KIND(OUTCOME), NULL));
	test_err_cancel(ENOENT, self->own, 1);
	test_deallocate(self->fd, 12);
	EXPECT_SILENT(self->own);
	test_queue(self->own, EXACT(13, 1));
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 1, 13);
}

/* A subscription that is replaced has them still. */
TEST_F(queue, subscribed_anew)
{
	const struct freq_span span = { .first = 1, .last = 5 };
	const struct wish wishes[] = EACH_KIND(7);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_queue(self->own, wishes[i]);
		ASSERT_EQ(0, hear_of(self->own, KIND(UPGRADED), NULL));
		EXPECT_WAITING(1);
		test_err_queue(EINVAL, self->own, ANY(8));
		ASSERT_EQ(0, hear_of(self->own, KIND(OUTCOME), &span));
		test_err_queue(EEXIST, self->own, wishes[i]);
		EXPECT_SILENT(self->own);
		ASSERT_EQ(0, give(self->fd));
		EXPECT_OUTCOME(self->own, 7, 12);
		if (wishes[i].count == 2)
			EXPECT_OUTCOME(self->own, 7, 13);
		EXPECT_SILENT(self->own);
		ASSERT_EQ(0, regain(self->fd, self->own));
	}

	/* With kinds that do not have the outcome, it is granted all the same. */
	test_queue(self->own, ANY(1));
	ASSERT_EQ(0, hear_of(self->own, KIND(UPGRADED), NULL));
	test_deallocate(self->fd, 12);
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(holds(self->own, 12, grant_of(self->own, 12), 0));
	test_err_cancel(ENOENT, self->own, 1);
	/* What came before is not read. */
	ASSERT_EQ(0, hear_of(self->own, KIND(OUTCOME), NULL));
	EXPECT_SILENT(self->own);
}

/* ---- Deadlines */

/* Past, near, far, or never */
static __s64 deadline_of(__u64 *seed)
{
	switch (random_below(seed, 8)) {
	case 0:
		return 1 + random_below(seed, monotonic_ns(0));
	case 1:
		return monotonic_ns(NS_PER_HOUR + random_below(seed, NS_PER_HOUR));
	case 2:
		return FREQ_FOR_EVER;
	default:
		return monotonic_ns(random_below(seed, 500 * NS_PER_MS));
	}
}

static bool is_near(__s64 deadline)
{
	return deadline < monotonic_ns(NS_PER_HOUR / 2);
}

/* One that has ended: not before its deadline, and for the first time */
static bool check_deadline(const struct freq_record *record, __s64 *deadlines,
			   int count)
{
	__s64 deadline;

	if (differ(FREQ_RECORD_OUTCOME, record->kind) ||
	    differ(FREQ_RECORD_TIMED_OUT, record->flags) ||
	    differ(0, record->frequency) || fails(record->value < count))
		return false;
	deadline = deadlines[record->value];
	deadlines[record->value] = 0;
	return !fails(deadline) && !fails(deadline <= monotonic_ns(0));
}

/* Each ends at its own, through upgrades too, and those that are far do not. */
TEST_F_TIMEOUT(queue, many_deadlines, 60)
{
	static __s64 deadlines[DEADLINES];
	const struct wish kinds[] = EACH_KIND(0);
	struct freq_record record;
	int i, nr_near = 0;
	__u64 seed = 21;

	for (i = 0; i < DEADLINES; i++) {
		struct wish wish = kinds[i % ARRAY_SIZE(kinds)];

		wish.cookie = i;
		deadlines[i] = deadline_of(&seed);
		nr_near += is_near(deadlines[i]);
		test_queue(self->own, until(wish, deadlines[i]));
	}
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
	for (i = 0; i < nr_near; i++) {
		ASSERT_EQ(0, next_record(self->own, &record));
		ASSERT_TRUE(check_deadline(&record, deadlines, DEADLINES));
		if (i == nr_near / 2)
			ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v3"));
	}
	EXPECT_SILENT(self->own);
	EXPECT_WAITING(DEADLINES - nr_near);
	for (i = 0; i < DEADLINES; i++)
		ASSERT_EQ(deadlines[i] ? 0 : -ENOENT, try_cancel(self->own, i));
	EXPECT_WAITING(0);
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_TRUE(log_silent(self->log));
}

/* One that was cancelled, or granted, does not end again. */
TEST_F(queue, deadline_of_none)
{
	__s64 deadline = monotonic_ns(100 * NS_PER_MS);
	int i;

	for (i = 0; i < 20; i++)
		test_queue(self->own, until(i % 2 ? EXACT(12, i) : ANY(i),
					    deadline + i));
	for (i = 0; i < 20; i += 2)
		test_cancel(self->own, i);
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
	for (i = 3; i < 20; i += 2)
		EXPECT_TIMED_OUT(self->own, i);
	EXPECT_SILENT(self->own);
	EXPECT_WAITING(0);
}

/* Whatever the timer is set to meanwhile: for readers, and for deadlines. */
TEST_F(queue, deadlines_and_readers)
{
	int other = open_hearing(KIND(DEALLOCATED));
	struct freq_record record;
	int i;

	ASSERT_GE(other, 0);
	test_queue(self->own, until(EXACT(11, 98), monotonic_ns(NS_PER_HOUR)));
	test_queue(self->own, until(EXACT(11, 99), FREQ_FOR_EVER - 1));
	for (i = 0; i < 20; i++) {
		struct sleeper *poller;
		__s64 deadline = monotonic_ns(i * 5 * NS_PER_MS);

		test_queue(self->own, until(EXACT(11, i), deadline));
		/* Asleep, and woken for something else. */
		poller = POLL_ONE(other, false);
		test_deallocate(self->fd, 13);
		ASSERT_TRUE(ended(poller, 0));
		EXPECT_EQ(13, poller->buffer->frequency);
		if (i % 3)
			test_allocate(self->fd, 13);
		EXPECT_TIMED_OUT(self->own, i);
		EXPECT_LE(deadline, monotonic_ns(0));
		if (!(i % 3))
			test_allocate(self->fd, 13);
	}
	EXPECT_EQ(-EAGAIN, read_record(other, &record));
	EXPECT_WAITING(2);
}

/*
 * A deadline at about the time when it is given back: granted or ended. Given
 * back a bit later after each time that it was in time, and earlier if not.
 */
TEST_F_TIMEOUT(queue, deadline_races, 120)
{
	unsigned long long end = now_ms() + 3 * DEADLINE_MS;
	int i, granted = 0;
	__s64 aim = 0;

	for (i = 0; i < rounds(RACES) || !granted || granted == i; i++) {
		__s64 deadline = monotonic_ns(2 * NS_PER_MS);
		struct freq_record record;

		ASSERT_LT(now_ms(), end);
		test_queue(self->own, until(i % 2 ? EXACT(12, i) : ANY(i),
					    deadline));
		while (monotonic_ns(0) < deadline + aim)
			;
		test_deallocate(self->fd, 12);
		ASSERT_EQ(0, next_record(self->own, &record));
		ASSERT_EQ(FREQ_RECORD_OUTCOME, record.kind);
		ASSERT_EQ(i, record.value);
		ASSERT_EQ(record.flags ? 0 : 12, record.frequency);
		EXPECT_SILENT(self->own);
		ASSERT_TRUE(allocated_is(self->fd, record.flags ? 5 : 6));
		ASSERT_EQ(0, waiters_of(self->fd));
		granted += !record.flags;
		aim += record.flags ? -50000 : 50000;
		ASSERT_EQ(0, regain(self->fd, self->own));
	}
	TH_LOG("granted %d of %d times, at %lld us", granted, i, aim / 1000);
}

/* ---- The timer at rest */

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/freq_queue_test"

static void trace_end(void)
{
	write_text(INSTANCE "/events/freq/enable", "0");
	rmdir(INSTANCE);
}

/* How often the timer's work held the mutex */
static int count_ticks(void)
{
	char *text = read_text(INSTANCE "/trace"), *at = text;
	int count = 0;

	while (at && (at = strstr(at, "kworker")))
		count++, at++;
	free(text);
	return count;
}

/* A deadline that is so far ahead that it has nearly no number */
TEST_F(queue, deadline_that_is_far)
{
	static const __s64 before[] = { 1, 2, 1000, NS_PER_S, NS_PER_HOUR };
	struct freq_allocate_v3 brief;
	size_t i;

	if (access(TRACEFS "/instances", F_OK))
		ASSERT_EQ(0, mount("tracefs", TRACEFS, "tracefs", 0, NULL));
	trace_end();
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, write_text(INSTANCE "/events/freq/freq_hold/enable", "1"));
	for (i = 0; i < ARRAY_SIZE(before); i++) {
		test_queue(self->own, until(ANY(i), FREQ_FOR_EVER - before[i]));
		/* One that sleeps needs no timer of the server. */
		brief = (struct freq_allocate_v3) {
			.deadline = monotonic_ns(50 * NS_PER_MS),
		};
		EXPECT_EQ(-ETIMEDOUT, try_allocate_v3(self->fd, &brief));
		EXPECT_SILENT(self->own);
		EXPECT_GT(5, count_ticks());
		test_cancel(self->own, i);
		ASSERT_EQ(0, write_text(INSTANCE "/trace", ""));
	}
	trace_end();
}

/* ---- Records that were lost */

/* More than there is room for in the log */
static int overflow_log(int fd)
{
	__u64 list[FREQ_BATCH_MAX];
	int i;

	for (i = 0; i < 700; i++) {
		if (differ(0, try_allocate_batch(fd, 0, list, 250)) ||
		    differ(0, try_deallocate_batch(fd, list, 250, NULL)))
			return -1;
	}
	return 0;
}

TEST_F(queue, outcome_that_is_lost)
{
	__u64 list[FREQ_BATCH_MAX], sequence;
	struct freq_record record;
	int busy = open_client();
	int i;

	ASSERT_GE(busy, 0);
	test_queue(self->own, EXACT(12, 1));
	test_queue(self->own, until(EXACT(11, 2), monotonic_ns(NS_PER_MS)));
	test_queue(self->own, EXACT(13, 3));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_TIMED_OUT(self->own, 2);
	test_deallocate(self->own, 12);
	test_allocate(self->fd, 12);

	test_queue(self->own, EXACT(12, 1));
	test_queue(self->own, until(EXACT(11, 2), monotonic_ns(NS_PER_MS)));
	test_deallocate(self->fd, 12);
	ASSERT_TRUE(wait_until(waiters_of(self->fd) == 1));
	for (i = 0; i < 250; i++)
		list[i] = 1000 + i;
	ASSERT_EQ(0, try_inject(busy, list, 250, NULL));
	test_err_deallocate(EPERM, self->fd, 12);
	ASSERT_EQ(0, overflow_log(busy));

	/* It is there to be seen, and the cookies can be used. */
	test_queue(self->own, EXACT(14, 1));
	test_queue(self->own, until(EXACT(11, 2), 1));
	test_deallocate(self->fd, 14);
	ASSERT_EQ(0, next_record(self->own, &record));
	EXPECT_EQ(FREQ_RECORD_OUTCOME, record.kind);
	EXPECT_LT(2000, record.lost);
	sequence = record.sequence;
	ASSERT_EQ(0, next_record(self->own, &record));
	EXPECT_EQ(0, record.lost);
	EXPECT_LT(sequence, record.sequence);
	EXPECT_SILENT(self->own);
	EXPECT_TRUE(holds(self->own, 12, grant_of(self->own, 12), 0));
	EXPECT_TRUE(holds(self->own, 14, grant_of(self->own, 14), 0));
	/* One that was queued before all that still is. */
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 3, 13);
	EXPECT_WAITING(0);
}

TEST_HARNESS_MAIN
