// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records across upgrades: subscriptions, cursors and sleepers are kept; mirrors
 * of the pool stay correct under load; a rehearsal has its own subscriptions.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "load.h"
#include "sleeper.h"
#include "stream.h"

STREAM_FIXTURE(upgraded)

/* ---- Records of upgrades */

TEST_F(upgraded, upgrade)
{
	static const char * const releases[] = {
		"freq_v3", "freq_v90", "freq_v2", "freq_v1", "freq_v90",
		"freq_v3",
	};
	__s64 before, after;
	struct freq_record record;
	size_t i;

	for (i = 1; i < ARRAY_SIZE(releases); i++) {
		before = boottime_coarse_ns();
		ASSERT_EQ(0, server_upgrade(releases[i - 1], releases[i]));
		after = boottime_ns();
		record = EXPECT_NEXT(&self->all, UPGRADED,
				     .value = release_number(releases[i]));
		EXPECT_LE(before - tick_ns(), record.time);
		EXPECT_GE(after + tick_ns(), record.time);
		EXPECT_NO_MORE(&self->all);
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* A failed upgrade leaves no record. */
TEST_F(upgraded, upgrade_fails)
{
	static const char * const faults[] = {
		"fail=begin", "fail=room", "fail=magic",
	};
	int fd = open_subscriber(KIND(ALLOCATED));
	struct sleeper *reader;
	size_t i;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	test_inject(self->fd, 50);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		EXPECT_EQ(i < 2 ? -ENOMEM : -EPROTO,
			  module_load("freq_v90", faults[i]));
		EXPECT_EQ(2, subscriptions_of(self->fd));
	}
	EXPECT_FALSE(is_done(reader));
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 50, .value = 1);
	EXPECT_NO_MORE(&self->all);
	test_allocate(self->fd, 10);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
}

/* A reader sleeps through several upgrades. */
TEST_F_TIMEOUT(upgraded, sleep_through_many, 60)
{
	static const char * const releases[] = {
		"freq_v3", "freq_v90", "freq_v2", "freq_v1",
	};
	int fd = open_subscriber(KIND(ALLOCATED));
	struct sleeper *reader;
	int i;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	for (i = 0; i < rounds(40); i++) {
		ASSERT_EQ(0, server_upgrade(releases[i % 4],
					    releases[(i + 1) % 4]));
		EXPECT_FALSE(is_done(reader));
		if (i % 3)
			continue;
		test_allocate(self->fd, 10);
		test_deallocate(self->fd, 10);
		EXPECT_READ(reader, ALLOCATED, .frequency = 10);
		EXPECT_LE(3, stream_drain(&self->all));
		reader = READER(fd);
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* Records are overwritten in one release, the loss is reported by the next. */
TEST_F_TIMEOUT(upgraded, lost_is_kept, 60)
{
	static const char * const releases[] = {
		"freq_v3", "freq_v90", "freq_v1", "freq_v2", "freq_v3",
	};
	struct freq_record record;
	__u64 lost = 0, seen = 0;
	size_t i, j;

	for (i = 1; i < ARRAY_SIZE(releases); i++) {
		for (j = 0; j < 24000; j++) {
			test_allocate(self->fd, 10);
			test_deallocate(self->fd, 10);
		}
		ASSERT_EQ(0, server_upgrade(releases[i - 1], releases[i]));
		EXPECT_READABLE(self->all.fd);
		test_read_records(self->all.fd, &record, 1);
		EXPECT_LT(0, record.lost);
		EXPECT_EQ(0, stream_check(&self->all, &record));
		lost += record.lost;
		seen += 1 + stream_drain(&self->all);
	}
	EXPECT_EQ((i - 1) * (2 * 24000 + 1), lost + seen);
}

/* ---- Each pair of releases */

FIXTURE(pair) {
	struct stream all;
	int log;
	int fd;
};

FIXTURE_VARIANT(pair) {
	const char *from;
	const char *to;
};

UPGRADE_VARIANTS(pair);

SHORT_VARIANTS(pair, "v3_to_v2 v2_to_v90 v90_to_v1 v1_to_v3")

static bool knows_batches(const char *release)
{
	return release_number(release) >= 2;
}

static bool knows_subscribe(const char *release)
{
	return release_number(release) >= 3;
}

/* 10 to 15, all free; @all subscribes in release 3. */
FIXTURE_SETUP(pair)
{
	ASSERT_EQ(0, handle_signals());
	ASSERT_EQ(0, server_start("freq_v3", NULL));
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	START_STREAM(&self->all, ALL_KINDS, 0);
}

FIXTURE_TEARDOWN(pair)
{
	EXPECT_TRUE(sleepers_end());
	EXPECT_EQ(0, test_clean());
}

/* From release 3 to the first release of the pair */
#define ENTER_FIRST() ({						\
	if (release_number(variant->from) != 3)				\
		ASSERT_EQ(0, server_upgrade("freq_v3", variant->from));	\
})

/* Records of one release are read in the next. */
TEST_F(pair, records_are_kept)
{
	struct freq_record record;
	__u64 grant;
	int fd;

	ENTER_FIRST();
	if (release_number(variant->from) != 3)
		EXPECT_NEXT(&self->all, UPGRADED,
			    .value = release_number(variant->from));
	test_allocate(self->fd, 10);
	test_keep(self->fd, 11);
	test_allocate(self->fd, 12);
	test_deallocate(self->fd, 12);
	if (knows_batches(variant->from)) {
		test_inject(self->fd, 40);
		test_allocate_batch(self->fd, 12, 13);
	}
	grant = EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10).grant;
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	EXPECT_READABLE(self->all.fd);
	test_deallocate(self->fd, 10);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 11,
		    .flags = FREQ_RECORD_KEEP);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 12);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 12);
	if (knows_batches(variant->from)) {
		EXPECT_NEXT(&self->all, INJECTED, .frequency = 40, .value = 1);
		EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 12);
		EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 13);
	}
	EXPECT_NEXT(&self->all, UPGRADED,
		    .value = release_number(variant->to));
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10, .grant = grant);
	EXPECT_NO_MORE(&self->all);
	EXPECT_QUIET(self->all.fd);
	EXPECT_EQ(knows_subscribe(variant->to) ? 1 : 0,
		  subscriptions_of(self->fd));

	/* Releases 1 and 2 serve subscriptions without knowing the request. */
	fd = open_client();
	ASSERT_GE(fd, 0);
	if (!knows_subscribe(variant->to)) {
		test_err_subscribe(ENOTTY, fd, ALL_KINDS, 0);
		test_err_subscribe(ENOTTY, self->all.fd, 0, 0);
		test_err_read_records(EINVAL, fd);
		EXPECT_READABLE(fd);
	} else {
		test_subscribe(fd, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
		EXPECT_EQ(2, subscriptions_of(self->fd));
	}
	test_allocate(self->fd, 10);
	EXPECT_READABLE(self->all.fd);
	EXPECT_EQ(-1, read(self->all.fd, &record, sizeof(record) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EFAULT, try_read_records(self->all.fd,
					    page_map(PROT_READ), 1));
	close(fd);
	test_keep(self->fd, knows_batches(variant->from) ? 14 : 12);
	close(self->fd);
	self->fd = open_client();
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	ASSERT_EQ(1, try_read_records(self->all.fd, &record, 1));
	EXPECT_EQ(0, stream_check(&self->all, &record));
	EXPECT_EQ(FREQ_RECORD_KEEP, record.flags);
	while (try_read_records(self->all.fd, &record, 1) == 1) {
		EXPECT_EQ(0, stream_check(&self->all, &record));
		EXPECT_EQ(FREQ_RECORD_DEALLOCATED, record.kind);
		EXPECT_EQ(FREQ_RECORD_CLOSED, record.flags);
		EXPECT_EQ(getpid(), record.pid);
	}
	EXPECT_TRUE(log_silent(self->log));
}

/* Sleepers sleep through the upgrade; the next release wakes them. */
TEST_F(pair, sleepers_are_kept)
{
	int fd = open_subscriber(KIND(ALLOCATED));
	int polled = open_subscriber(KIND(ALLOCATED));
	int upgraded = open_subscriber(KIND(UPGRADED));
	struct sleeper *reader, *poller, *woken[2];
	struct freq_record record;

	ASSERT_GE(fd, 0);
	ASSERT_GE(polled, 0);
	ASSERT_GE(upgraded, 0);
	ENTER_FIRST();
	ASSERT_LE(0, stream_drain(&self->all));
	while (poll_events(upgraded))
		test_read_records(upgraded, &record, 1);
	reader = READER(fd);
	poller = POLLER(polled);
	woken[0] = READER(upgraded);
	woken[1] = POLLER(self->all.fd);
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	EXPECT_READ(woken[0], UPGRADED, .value = release_number(variant->to));
	EXPECT_TRUE(ended(woken[1], POLLIN));
	EXPECT_FALSE(is_done(reader));
	EXPECT_FALSE(is_done(poller));
	test_allocate(self->fd, 10);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
	EXPECT_TRUE(ended(poller, POLLIN));

	/* And back, with a restart by a signal in between */
	reader = READER(fd);
	ASSERT_EQ(0, server_upgrade(variant->to, variant->from));
	ASSERT_EQ(0, pthread_kill(reader->thread, SIGUSR2));
	ASSERT_TRUE(wait_until(nr_handled() == 1 && is_asleep(reader)));
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	test_allocate(self->fd, 11);
	EXPECT_READ(reader, ALLOCATED, .frequency = 11);
}

/* FREQ_SUBSCRIBE_PRESENT is continued by the next release. */
TEST_F(pair, present_is_kept)
{
	struct stream stream;
	__u64 last;

	test_allocate_batch(self->fd, 10, 11, 12);
	START_SPANS(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT, { 11, 15 });
	ENTER_FIRST();
	ASSERT_LT(0, stream_drain(&self->all));
	EXPECT_READABLE(stream.fd);
	EXPECT_NEXT(&stream, ALLOCATED, .frequency = 11,
		    .flags = FREQ_RECORD_PRESENT);
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	test_allocate(self->fd, 13);
	EXPECT_EQ(2, stream_drain(&self->all));
	last = self->all.last;
	EXPECT_NEXT(&stream, ALLOCATED, .frequency = 12,
		    .flags = FREQ_RECORD_PRESENT);
	EXPECT_EQ(last, EXPECT_NEXT(&stream, ALLOCATED, .frequency = 13,
				    .flags = FREQ_RECORD_PRESENT).sequence);
	EXPECT_EQ(last, EXPECT_END(&stream).sequence);
	if (release_number(variant->from) != 3)
		EXPECT_NEXT(&stream, UPGRADED,
			    .value = release_number(variant->from));
	EXPECT_NEXT(&stream, UPGRADED,
		    .value = release_number(variant->to));
	EXPECT_NEXT(&stream, ALLOCATED, .frequency = 13);
	EXPECT_NO_MORE(&stream);
}

/* ---- Events during a conversion */

FIXTURE(converting) {
	struct stream all;
	struct child loader;
	int log;
	int fd;
};

FIXTURE_VARIANT(converting) {
	const char *from;
	const char *to;
	bool fails;
};

UPGRADE_VARIANT(converting, v3, v90);
UPGRADE_VARIANT(converting, v90, v3);
UPGRADE_VARIANT(converting, v2, v90);
UPGRADE_VARIANT(converting, v90, v1);
FIXTURE_VARIANT_ADD(converting, v3_fails) {
	.from = "freq_v3",
	.to = "freq_v90",
	.fails = true,
};

/* 10 to 15; 14 is held. */
FIXTURE_SETUP(converting)
{
	ASSERT_EQ(0, handle_signals());
	ASSERT_EQ(0, server_start("freq_v3", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	test_allocate_exact(self->fd, 14);
	START_STREAM(&self->all, ALL_KINDS, 0);
	ENTER_FIRST();
	ASSERT_LE(0, stream_drain(&self->all));
	self->log = log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(converting)
{
	set_knob("none");
	EXPECT_TRUE(sleepers_end());
	EXPECT_EQ(0, test_clean());
}

/* Reports success (y) or failure (n). */
static int load_release(int line, void *data)
{
	const char *module = data;
	int error = module_load(module, release_number(module) == 90 ?
					"fail=step-waits" : NULL);

	return line_say(line, error ? 'n' : 'y');
}

TEST_F(converting, records)
{
	bool knows = knows_subscribe(variant->from);
	int fd = open_reader(0), ends = open_reader(0), closed = open_reader(0);
	struct sleeper *reader = NULL, *other = NULL;
	struct stream late;
	int i, client;

	/* Releases 1 and 2 have the subscription of the fixture only. */
	if (knows) {
		test_subscribe(fd, KIND(DEALLOCATED), 0);
		test_subscribe(ends, KIND(UPGRADED), 0);
		test_subscribe(closed, KIND(UPGRADED), 0);
		reader = READER(fd);
		other = READER(ends);
	}
	if (release_number(variant->from) == 90)
		ASSERT_EQ(0, set_knob("step-waits"));
	ASSERT_EQ(0, child_start(&self->loader, load_release,
				 (void *)variant->to));
	ASSERT_TRUE(wait_until(knob_waits()));

	if (knows) {
		START_STREAM(&late, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
		EXPECT_EQ(5, subscriptions_of(self->fd));
		test_subscribe(ends, 0, 0);
		/* read() of release 90 has another use without a subscription. */
		EXPECT_TRUE(ended(other, release_number(variant->from) == 90 ?
					 -EAGAIN : -EINVAL));
		EXPECT_EQ(4, subscriptions_of(self->fd));
		EXPECT_NEXT(&late, ALLOCATED, .frequency = 14,
			    .flags = FREQ_RECORD_PRESENT);
	}
	client = open_client();
	ASSERT_GE(client, 0);
	test_allocate(client, 10);
	test_keep(self->fd, 11);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	close(client);
	for (i = 0; i < 500; i++) {
		test_allocate(self->fd, 10);
		test_deallocate(self->fd, 10);
	}
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 11,
		    .flags = FREQ_RECORD_KEEP);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10,
		    .flags = FREQ_RECORD_CLOSED);
	for (i = 0; i < 250; i++) {
		EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
		EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);
	}
	if (knows)
		EXPECT_READ(reader, DEALLOCATED, .frequency = 10,
			    .flags = FREQ_RECORD_CLOSED);

	ASSERT_EQ(0, set_knob(variant->fails ? "room" : "none"));
	EXPECT_EQ(0, line_hear(self->loader.line, variant->fails ? 'n' : 'y'));
	EXPECT_EQ(0, child_wait(&self->loader));
	if (!variant->fails)
		ASSERT_EQ(0, module_unload(variant->from));
	EXPECT_EQ(500, stream_drain(&self->all) - !variant->fails);
	if (knows) {
		EXPECT_EQ(variant->fails ? 0 : READABLE, poll_events(closed));
		close(closed);
		EXPECT_EQ(knows_subscribe(variant->to) ? 3 : 0,
			  subscriptions_of(self->fd));
		EXPECT_END(&late);
		EXPECT_EQ(1003 + !variant->fails, stream_drain(&late));
		EXPECT_EQ(self->all.last, late.last);
	}
	test_deallocate(self->fd, 14);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 14);
	EXPECT_NO_MORE(&self->all);
}

/* An earlier commit has another state format: subscriptions end. */
TEST_F(upgraded, earlier_release)
{
	int fd = open_subscriber(KIND(DEALLOCATED));
	struct sleeper *one, *other;

	ASSERT_GE(fd, 0);
	test_allocate(self->fd, 10);
	one = READER(fd);
	other = READER(fd);
	ASSERT_EQ(0, module_load_earlier("freq_v1"));
	ASSERT_EQ(0, module_unload("freq_v3"));
	EXPECT_TRUE(ended(one, -EINVAL));
	EXPECT_TRUE(ended(other, -EINVAL));
	test_err_read_records(EINVAL, fd);
	test_err_read_records(EINVAL, self->all.fd);
	test_allocate(self->fd, 11);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v3"));
	EXPECT_EQ(0, subscriptions_of(self->fd));
	test_err_read_records(EINVAL, self->all.fd);
	test_err_read_records(EINVAL, fd);

	test_subscribe(self->all.fd, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	self->all.last = 0;
	EXPECT_LISTED(&self->all, .frequency = 10,
		      .flags = FREQ_RECORD_PRESENT);
	EXPECT_LISTED(&self->all, .frequency = 11,
		      .flags = FREQ_RECORD_PRESENT);
	EXPECT_END(&self->all);
	test_deallocate(self->fd, 10);
	EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);
}

/* ---- A rehearsal */

/* Of release 3: read() of release 90 has another use without a subscription */
TEST_F(upgraded, rehearsal)
{
	struct stream own, copy;
	struct sleeper *reader;
	int fd, blocking;

	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
	test_keep(self->fd, 10);
	EXPECT_EQ(2, stream_drain(&self->all));
	START_STREAM(&own, ALL_KINDS, 0);
	ASSERT_EQ(0, module_load("freq_v3", "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	/* Subscriptions are not copied. */
	EXPECT_EQ(0, subscriptions_of(fd));
	EXPECT_EQ(2, subscriptions_of(self->fd));
	test_err_read_records(EINVAL, fd);
	test_allocate(fd, 11);
	EXPECT_NO_MORE(&self->all);

	/* It can have its own. */
	copy = (struct stream) { .fd = open_rehearsal() };
	ASSERT_GE(copy.fd, 0);
	ASSERT_EQ(0, fcntl(copy.fd, F_SETFL, O_NONBLOCK));
	test_subscribe(copy.fd, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	EXPECT_EQ(1, subscriptions_of(fd));
	EXPECT_EQ(2, subscriptions_of(self->fd));
	EXPECT_NEXT(&copy, ALLOCATED, .frequency = 10,
		    .flags = FREQ_RECORD_PRESENT | FREQ_RECORD_KEEP);
	EXPECT_NEXT(&copy, ALLOCATED, .frequency = 11,
		    .flags = FREQ_RECORD_PRESENT);
	EXPECT_END(&copy);
	test_allocate(fd, 12);
	test_inject(self->fd, 50);
	EXPECT_NEXT(&copy, ALLOCATED, .frequency = 12);
	EXPECT_NO_MORE(&copy);
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 50, .value = 1);
	EXPECT_NO_MORE(&self->all);

	/* Sleepers are woken by events of the rehearsal only. */
	blocking = open_rehearsal();
	ASSERT_GE(blocking, 0);
	test_subscribe(blocking, KIND(DEALLOCATED), 0);
	reader = READER(blocking);
	test_allocate(self->fd, 11);
	test_deallocate(self->fd, 11);
	EXPECT_FALSE(is_done(reader));
	test_deallocate(fd, 11);
	EXPECT_READ(reader, DEALLOCATED, .frequency = 11);
	close(blocking);
	close(copy.fd);
	close(fd);
	EXPECT_TRUE(wait_until(rehearsal_gone()));
	EXPECT_EQ(0, module_unload("freq_v3"));
	EXPECT_EQ(2, stream_drain(&self->all));
	EXPECT_EQ(3, stream_drain(&own));
	EXPECT_EQ(self->all.last, own.last);
}

/* ---- Mirrors of the pool under load */

#define STORM_POOL	200
#define STORM_PARAMETER	"frequencies=1-200"
#define STORM_UPGRADES	20
/* Injected at the end, when the load is paused */
#define STORM_END	100000

/**
 * struct mirror - a copy of the pool, maintained from records
 * @fd: the subscriber
 * @thread: its thread
 * @restart: subscribe again after this many records; 0: never
 * @last: sequence of the last record; 0: none since SUBSCRIBE
 * @present: PRESENT_END was not read yet
 * @end: sequence of PRESENT_END
 * @stale: a new SUBSCRIBE is due
 * @calm: the load is paused; only the injection of STORM_END may follow
 * @ended: read INJECTED, or subscribed while @calm
 * @known: by frequency: the record of its allocation; .grant 0: free
 * @records: number of records read, without those of the present
 * @lost: number of lost records
 * @restarts: number of SUBSCRIBE requests
 * @error: not 0 after a wrong record
 */
struct mirror {
	int fd;
	pthread_t thread;
	unsigned int restart;
	__u64 last;
	bool present;
	__u64 end;
	bool stale;
	bool calm;
	bool ended;
	struct freq_record known[STORM_POOL + 1];
	unsigned long records;
	unsigned long lost;
	unsigned long restarts;
	int error;
};

static int mirror_subscribe(struct mirror *mirror)
{
	bool calm = __atomic_load_n(&mirror->calm, __ATOMIC_SEQ_CST);
	int error = try_subscribe_to(mirror->fd, ALL_KINDS,
				     FREQ_SUBSCRIBE_PRESENT);

	/* Releases 1 and 2: retried in a later release */
	if (error == -ENOTTY)
		return 0;
	mirror->ended |= calm;
	mirror->stale = false;
	mirror->last = 0;
	mirror->present = true;
	mirror->end = 0;
	mirror->restarts++;
	memset(mirror->known, 0, sizeof(mirror->known));
	return differ(0, error);
}

static int mirror_allocated(struct mirror *mirror,
			    const struct freq_record *record)
{
	struct freq_record *known = &mirror->known[record->frequency];

	/* Older than the present, which includes it */
	if (record->sequence <= known->sequence)
		return 0;
	if (record->sequence > mirror->end && differ(0, known->grant))
		return -1;
	*known = *record;
	return 0;
}

static int mirror_deallocated(struct mirror *mirror,
			      const struct freq_record *record)
{
	struct freq_record *known = &mirror->known[record->frequency];

	if (record->sequence <= known->sequence)
		return 0;
	if (record->sequence > mirror->end &&
	    (differ(known->grant, record->grant) ||
	     differ(known->flags & FREQ_RECORD_KEEP,
		    record->flags & FREQ_RECORD_KEEP) ||
	     differ(known->uid, record->uid) ||
	     differ(known->pid, record->pid) ||
	     fails(known->time <= record->time + tick_ns())))
		return -1;
	*known = (struct freq_record) { .sequence = record->sequence };
	return 0;
}

static int mirror_add(struct mirror *mirror, const struct freq_record *record)
{
	if (has_grant(record) && fails(record->frequency >= 1 &&
				       record->frequency <= STORM_POOL))
		return -1;
	if (record->kind == FREQ_RECORD_PRESENT_END) {
		mirror->present = false;
		mirror->end = record->sequence;
		return 0;
	}
	if (record->flags & FREQ_RECORD_PRESENT) {
		if (fails(mirror->present) ||
		    differ(0, mirror->known[record->frequency].grant))
			return -1;
		mirror->known[record->frequency] = *record;
		return 0;
	}
	mirror->records++;
	mirror->lost += record->lost;
	/* No gap that @lost does not report */
	if (mirror->last ?
	    differ(mirror->last + 1 + record->lost, record->sequence) :
	    fails(record->lost || record->sequence <= mirror->end + 1))
		return -1;
	mirror->last = record->sequence;
	if (record->lost || (mirror->restart &&
			     mirror->records % mirror->restart == 0))
		mirror->stale = true;
	if (mirror->stale)
		return 0;
	switch (record->kind) {
	case FREQ_RECORD_ALLOCATED:
		return mirror_allocated(mirror, record);
	case FREQ_RECORD_DEALLOCATED:
		return mirror_deallocated(mirror, record);
	}
	return fails(record->kind == FREQ_RECORD_UPGRADED ||
		     record->kind == FREQ_RECORD_INJECTED);
}

/* Runs until @ended. */
static int mirror_run(struct mirror *mirror)
{
	struct freq_record records[READ_MAX];
	int count, i;

	while (!mirror->ended || mirror->stale || mirror->present) {
		if (mirror->stale && mirror_subscribe(mirror))
			return -1;
		count = try_read_records(mirror->fd, records, READ_MAX);
		if (fails(count > 0))
			return -1;
		for (i = 0; i < count; i++) {
			if (mirror_add(mirror, &records[i]))
				return -1;
			mirror->ended |= records[i].kind ==
					 FREQ_RECORD_INJECTED;
		}
	}
	return 0;
}

static void *mirror_in_thread(void *data)
{
	struct mirror *mirror = data;

	mirror->error = mirror_run(mirror);
	return NULL;
}

static int mirror_start(struct mirror *mirror, unsigned int restart)
{
	memset(mirror, 0, sizeof(*mirror));
	mirror->restart = restart;
	mirror->fd = open_reader(0);
	return fails(mirror->fd >= 0) || mirror_subscribe(mirror) ||
	       differ(0, pthread_create(&mirror->thread, NULL,
					mirror_in_thread, mirror));
}

/* Compares it with LIST_GRANTS, with the load paused. */
static int mirror_check(const struct mirror *mirror, int fd)
{
	static struct freq_grant_entry entries[STORM_POOL + 1];
	struct freq_list_grants list = {
		.entries = (uintptr_t)entries,
		.count = STORM_POOL + 1,
		.entry_size = sizeof(*entries),
	};
	const struct freq_record *known;
	int i;

	if (differ(0, try_list_grants(fd, &list)) ||
	    differ(STORM_POOL + 1, list.count))
		return -1;
	for (i = 0; i < STORM_POOL; i++) {
		known = &mirror->known[entries[i].frequency];
		if (differ(entries[i].grant, known->grant) ||
		    differ(entries[i].since, known->time) ||
		    differ(entries[i].uid, known->uid) ||
		    differ(entries[i].pid, known->pid) ||
		    differ(!!(entries[i].flags & FREQ_ENTRY_KEEP),
			   !!(known->flags & FREQ_RECORD_KEEP))) {
			fprintf(stderr, "# of frequency %llu\n",
				entries[i].frequency);
			return -1;
		}
	}
	return 0;
}

FIXTURE(storm) {
	struct load load;
	struct mirror mirrors[3];
	int fd;
};

FIXTURE_SETUP(storm)
{
	ASSERT_EQ(0, server_start("freq_v3", STORM_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(storm)
{
	EXPECT_EQ(0, test_clean());
}

/* One from the start, one that restarts often, one from half-way on */
TEST_F_TIMEOUT(storm, mirrors, 120)
{
	static const char * const releases[] = {
		"freq_v3", "freq_v90", "freq_v2", "freq_v3", "freq_v90",
		"freq_v1",
	};
	const int count = ARRAY_SIZE(releases);
	const char *release = releases[0];
	struct mirror *mirrors = self->mirrors;
	struct load *load = &self->load;
	int i;

	ASSERT_EQ(0, mirror_start(&mirrors[0], 0));
	ASSERT_EQ(0, mirror_start(&mirrors[1], 300));
	ASSERT_EQ(0, load_init(load, STORM_POOL));
	ASSERT_EQ(0, load_add_users(load, 2));
	ASSERT_EQ(0, load_add_visitors(load, 1));
	for (i = 1; i <= STORM_UPGRADES; i++) {
		const char *next = releases[i % count];

		ASSERT_EQ(0, server_upgrade(release, next));
		release = next;
		if (i == STORM_UPGRADES / 2) {
			ASSERT_LE(3, release_number(release));
			ASSERT_EQ(0, mirror_start(&mirrors[2], 0));
		}
		ASSERT_FALSE(load_failed(load));
	}
	load_pause(load);
	if (strcmp(release, "freq_v3"))
		ASSERT_EQ(0, server_upgrade(release, "freq_v3"));
	for (i = 0; i < 3; i++)
		__atomic_store_n(&mirrors[i].calm, true, __ATOMIC_SEQ_CST);
	test_inject(self->fd, STORM_END);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(mirrors[i].thread, NULL));
		EXPECT_EQ(0, mirrors[i].error);
		EXPECT_EQ(0, mirror_check(&mirrors[i], self->fd));
		TH_LOG("%lu records, %lu lost, %lu subscriptions",
		       mirrors[i].records, mirrors[i].lost,
		       mirrors[i].restarts);
	}
	/* STORM_END is unknown to the load, which must not run again. */
	EXPECT_EQ(0, load_finish(load));
}

TEST_HARNESS_MAIN
