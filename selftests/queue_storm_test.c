// SPDX-License-Identifier: GPL-2.0-only
/*
 * A storm of queued requests: threads with event loops ask, give back, cancel and
 * close at random, while the release is changed. No frequency ever has two holders,
 * and each request has one end.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "queued.h"

#define UPGRADES	20

#define STORM_THREADS	4
#define STORM_POOL	8
#define STORM_COOKIES	12
/* How many requests there are at least from one upgrade to the next */
#define STORM_TURNS	400

/**
 * struct rider - a thread with an event loop
 * @thread: the thread
 * @index: its index, from 1 on
 * @fd: its client
 * @random: its random numbers
 * @expected: by cookie: how many records are still to come; 0: it is not queued
 * @counts: by cookie: how many frequencies it wanted
 * @grants: by frequency: by which it holds it; 0: it does not
 * @turns: how often it did anything
 * @granted: how often a record said that it got one
 * @timed_out: how often one said that it did not
 * @cancelled: how many were cancelled
 * @closed: how often it was closed
 * @error: whether anything was wrong
 */
struct rider {
	pthread_t thread;
	__u32 index;
	int fd;
	__u64 random;
	__u32 expected[STORM_COOKIES];
	__u32 counts[STORM_COOKIES];
	__u64 grants[STORM_POOL + 1];
	unsigned long turns;
	unsigned long granted;
	unsigned long timed_out;
	unsigned long cancelled;
	unsigned long closed;
	int error;
};

static struct rider riders[STORM_THREADS];
/* By frequency: the index of who knows that it holds it */
static __u32 storm_owners[STORM_POOL + 1];
static bool storm_stops;

static int rider_obtain(struct rider *rider, __u64 frequency, __u64 grant)
{
	__u32 nobody = 0;

	if (fails(frequency >= 1 && frequency <= STORM_POOL) ||
	    fails(__atomic_compare_exchange_n(&storm_owners[frequency], &nobody,
					      rider->index, false,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST)))
		return -1;
	rider->grants[frequency] = grant;
	return 0;
}

static void rider_forget(struct rider *rider, __u64 frequency)
{
	rider->grants[frequency] = 0;
	__atomic_store_n(&storm_owners[frequency], 0, __ATOMIC_SEQ_CST);
}

static int rider_note(struct rider *rider, const struct freq_record *record)
{
	__u64 cookie = record->value;

	if (differ(FREQ_RECORD_OUTCOME, record->kind) ||
	    differ(0, record->lost) || fails(cookie < STORM_COOKIES) ||
	    fails(rider->expected[cookie]))
		return -1;
	if (record->flags & FREQ_RECORD_TIMED_OUT) {
		if (differ(rider->counts[cookie], rider->expected[cookie]))
			return -1;
		rider->expected[cookie] = 0;
		rider->timed_out++;
		return 0;
	}
	rider->expected[cookie]--;
	rider->granted++;
	return rider_obtain(rider, record->frequency, record->grant);
}

/* All that there is */
static int rider_read(struct rider *rider)
{
	struct freq_record record;
	int error;

	while (!(error = read_record(rider->fd, &record))) {
		if (rider_note(rider, &record))
			return -1;
	}
	return differ(-EAGAIN, error);
}

static __s64 storm_deadline(struct rider *rider, bool reserves)
{
	switch (random_below(&rider->random, 8)) {
	case 0:
		return 1;
	case 1:
	case 2:
		return monotonic_ns(random_below(&rider->random,
						 5 * NS_PER_MS));
	default:
		/* Two that reserve may wait for each other. */
		return reserves ? monotonic_ns(20 * NS_PER_MS) : FREQ_FOR_EVER;
	}
}

static struct wish storm_wish(struct rider *rider, __u64 cookie)
{
	__u64 low = 1 + random_below(&rider->random, STORM_POOL - 3);
	struct wish wish;

	switch (random_below(&rider->random, 4)) {
	case 0:
		wish = ANY(cookie);
		break;
	case 1:
		wish = EXACT(low, cookie);
		break;
	case 2:
		wish = BAND(low, low + 3, cookie);
		break;
	default:
		wish = RESERVE(low, low + 3,
			       1 + random_below(&rider->random, 3), cookie);
	}
	wish.deadline = storm_deadline(rider, wish.flags & FREQ_GROUP_RESERVE);
	return wish;
}

static int rider_ask(struct rider *rider)
{
	__u64 cookie = random_below(&rider->random, STORM_COOKIES);
	struct wish wish = storm_wish(rider, cookie);
	struct freq_granted granted[4];
	int result;
	__u32 i;

	if (rider->expected[cookie])
		return 0;
	result = ask_for(rider->fd, wish, granted);
	if (result == QUEUED) {
		rider->expected[cookie] = wish.count;
		rider->counts[cookie] = wish.count;
		return 0;
	}
	if (differ(GRANTED, result))
		return -1;
	for (i = 0; i < wish.count; i++) {
		if (rider_obtain(rider, granted[i].frequency, granted[i].grant))
			return -1;
	}
	return 0;
}

static int rider_give(struct rider *rider)
{
	__u64 frequency = 1 + random_below(&rider->random, STORM_POOL);
	__u64 grant = rider->grants[frequency];

	if (!grant)
		return 0;
	rider_forget(rider, frequency);
	return differ(0, try_deallocate_grant(rider->fd, frequency, grant));
}

/* Either no record comes, or it is there. */
static int rider_cancel(struct rider *rider, __u64 cookie)
{
	int result;

	if (!rider->expected[cookie])
		return 0;
	result = try_cancel(rider->fd, cookie);
	if (!result) {
		rider->cancelled++;
		if (differ(rider->counts[cookie], rider->expected[cookie]))
			return -1;
		rider->expected[cookie] = 0;
		return 0;
	}
	return differ(-ENOENT, result) || rider_read(rider) ||
	       differ(0, rider->expected[cookie]);
}

static void rider_close(struct rider *rider)
{
	__u64 i;

	for (i = 1; i <= STORM_POOL; i++) {
		if (rider->grants[i])
			rider_forget(rider, i);
	}
	memset(rider->expected, 0, sizeof(rider->expected));
	close(rider->fd);
}

/* Goes on when there is something, if all that it can do is wait. */
static int rider_wait(struct rider *rider)
{
	bool is_queued = false;
	__u64 i;

	for (i = 1; i <= STORM_POOL; i++) {
		if (rider->grants[i])
			return 0;
	}
	for (i = 0; i < STORM_COOKIES; i++)
		is_queued |= rider->expected[i];
	return is_queued && fails(is_readable(rider->fd, DEADLINE_MS));
}

static int rider_turn(struct rider *rider)
{
	__u64 which = random_below(&rider->random, 64);

	__atomic_fetch_add(&rider->turns, 1, __ATOMIC_RELAXED);
	if (which < 24)
		return rider_ask(rider);
	if (which < 48)
		return rider_give(rider);
	if (which < 58)
		return rider_cancel(rider, random_below(&rider->random,
							STORM_COOKIES));
	if (which < 63)
		return rider_wait(rider);
	rider_close(rider);
	rider->closed++;
	rider->fd = open_hearing(KIND(OUTCOME));
	return fails(rider->fd >= 0);
}

/* LIST_GRANTS has what the records and the replies have said, and no more. */
static int rider_check(struct rider *rider)
{
	struct freq_grant_entry entry;
	__u64 i;

	for (i = 0; i < STORM_COOKIES; i++) {
		if (rider_cancel(rider, i))
			return -1;
	}
	if (rider_read(rider))
		return -1;
	for (i = 1; i <= STORM_POOL; i++) {
		if (differ(0, grant_find(rider->fd, i, &entry)) ||
		    differ(rider->grants[i],
			   entry.flags & MINE ? entry.grant : 0))
			return -1;
	}
	return 0;
}

static void *ride(void *data)
{
	struct rider *rider = data;

	while (!rider->error &&
	       !__atomic_load_n(&storm_stops, __ATOMIC_SEQ_CST))
		rider->error = rider_turn(rider) || rider_read(rider);
	if (!rider->error)
		rider->error = rider_check(rider);
	rider_close(rider);
	return NULL;
}

static unsigned long storm_turns(void)
{
	unsigned long turns = 0;
	int i;

	for (i = 0; i < STORM_THREADS; i++)
		turns += __atomic_load_n(&riders[i].turns, __ATOMIC_RELAXED);
	return turns;
}

FIXTURE(storm) {
	struct snapshot before;
	int fd;
};

FIXTURE_SETUP(storm)
{
	ASSERT_EQ(0, server_start("freq_v3", "frequencies=1-8"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(storm)
{
	snapshot_free(&self->before);
	EXPECT_EQ(0, test_clean());
}

static int riders_start(void)
{
	int i;

	for (i = 0; i < STORM_THREADS; i++) {
		riders[i].index = i + 1;
		riders[i].random = i;
		riders[i].fd = open_hearing(KIND(OUTCOME));
		if (fails(riders[i].fd >= 0) ||
		    differ(0, pthread_create(&riders[i].thread, NULL, ride,
					     &riders[i])))
			return -1;
	}
	return 0;
}

/* No frequency ever has two holders, and no request has two ends, or none. */
TEST_F_TIMEOUT(storm, through_upgrades, 120)
{
	static const char * const releases[] = { "freq_v3", "freq_v90" };
	struct snapshot after;
	unsigned long turns;
	int i;

	ASSERT_EQ(0, riders_start());
	for (i = 0; i < UPGRADES; i++) {
		turns = storm_turns() + STORM_TURNS;
		EXPECT_TRUE(wait_until(storm_turns() >= turns));
		EXPECT_EQ(0, server_upgrade(releases[i % 2],
					    releases[1 - i % 2]));
	}
	__atomic_store_n(&storm_stops, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < STORM_THREADS; i++) {
		ASSERT_EQ(0, pthread_join(riders[i].thread, NULL));
		EXPECT_EQ(0, riders[i].error);
		TH_LOG("%lu turns: %lu granted, %lu timed out, %lu cancelled, %lu closed",
		       riders[i].turns, riders[i].granted, riders[i].timed_out,
		       riders[i].cancelled, riders[i].closed);
	}
	EXPECT_EQ(0, waiters_of(self->fd));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_EQ(0, memcmp(&self->before.info, &after.info,
			    sizeof(after.info)));
	EXPECT_TRUE(listing_same(&self->before.list, &after.list));
	snapshot_free(&after);
}

TEST_HARNESS_MAIN
