// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queued requests in the line of all that wait: which of them gets a frequency,
 * and what is reserved.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "queued.h"

/* Of the model */
#define STEPS	2000

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

/* ---- One line for all */

/* By the time of the request, whether its thread sleeps or not */
TEST_F(queue, one_line)
{
	int other = open_hearing(KIND(OUTCOME));
	struct sleeper *first, *second;

	ASSERT_GE(other, 0);
	test_queue(self->own, ANY(1));
	first = SLEEP_ANY();
	test_queue(other, EXACT(12, 1));
	test_queue(self->own, BAND(11, 12, 2));
	second = SLEEP_ANY();
	test_queue(self->own, RESERVE(12, 13, 2, 3));
	test_queue(other, ANY(2));
	EXPECT_WAITING(7);

	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
	test_deallocate(self->own, 12);
	EXPECT_TRUE(sleeper_got(first, 12));
	test_deallocate(first->fd, 12);
	EXPECT_OUTCOME(other, 1, 12);
	test_deallocate(other, 12);
	EXPECT_OUTCOME(self->own, 2, 12);
	EXPECT_WAITING(3);
	test_deallocate(self->own, 12);
	EXPECT_TRUE(sleeper_got(second, 12));
	test_deallocate(second->fd, 12);
	/* Reserved now: it waits for one more, before the last one. */
	EXPECT_WAITING(2);
	EXPECT_SILENT(other);
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 3, 12);
	EXPECT_OUTCOME(self->own, 3, 13);
	test_deallocate(self->own, 13);
	EXPECT_OUTCOME(other, 2, 13);
	EXPECT_WAITING(0);
	EXPECT_SILENT(self->own);
	EXPECT_SILENT(other);
}

/* One that waits for another frequency is not in the way. */
TEST_F(queue, not_in_the_way)
{
	test_queue(self->own, EXACT(10, 1));
	test_queue(self->own, BAND(10, 11, 2));
	test_queue(self->own, RESERVE(10, 11, 2, 3));
	test_queue(self->own, ANY(4));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(self->own, 4, 12);
	test_deallocate(self->fd, 13);
	EXPECT_TRUE(sysfs_is("free", "13\n"));
	test_deallocate(self->fd, 11);
	EXPECT_OUTCOME(self->own, 2, 11);
	test_deallocate(self->fd, 10);
	EXPECT_OUTCOME(self->own, 1, 10);
	EXPECT_WAITING(1);
}

/* Who does not wait gets nothing before it; nor does who has given it back. */
TEST_F(queue, nobody_overtakes)
{
	test_queue(self->own, BAND(12, 13, 1));
	test_deallocate(self->fd, 12);
	test_err_allocate(ENOSPC, self->fd);
	test_err_allocate_exact(EBUSY, self->fd, 12);
	EXPECT_OUTCOME(self->own, 1, 12);
}

TEST_F(queue, inject_serves)
{
	test_queue(self->own, ANY(1));
	test_queue(self->own, BAND(15, 40, 2));
	test_queue(self->own, RESERVE(14, 40, 2, 3));
	test_inject(self->fd, 31, 30, 32, 33, 50);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_OUTCOME(self->own, 1, 31);
	EXPECT_OUTCOME(self->own, 2, 30);
	EXPECT_OUTCOME(self->own, 3, 32);
	EXPECT_OUTCOME(self->own, 3, 33);
	EXPECT_TRUE(sysfs_is("free", "50\n"));
}

/**
 * struct queued - a request that is queued
 * @wish: the request
 * @client: whose it is
 * @got: what it has reserved
 * @have: how much that is
 */
struct queued {
	struct wish wish;
	int client;
	__u64 got[4];
	__u32 have;
};

/**
 * struct model - who holds and who waits, as it should be
 * @fds: the clients
 * @holders: index of the client that holds 10 + i; -1: none does
 * @free: the free frequencies, the next one first
 * @nr_free: how many
 * @line: what is queued, the first one first
 * @nr_line: how many
 * @release: index of the release that runs
 * @cookie: the last one that was used
 */
struct model {
	int fds[4];
	int holders[6];
	__u64 free[6];
	int nr_free;
	struct queued line[40];
	int nr_line;
	int release;
	__u64 cookie;
};

static bool wants(const struct wish *wish, __u64 frequency)
{
	if (wish->is_group)
		return frequency >= wish->first && frequency <= wish->last;
	return !(wish->flags & FREQ_ALLOCATE_EXACT) || frequency == wish->first;
}

/* What it gets of the free ones; 0: none. */
static __u64 model_find(const struct model *model, const struct wish *wish)
{
	__u64 found = 0;
	int i;

	for (i = 0; i < model->nr_free; i++) {
		if (!wants(wish, model->free[i]))
			continue;
		if (!wish->is_group)
			return model->free[i];
		if (!found || model->free[i] < found)
			found = model->free[i];
	}
	return found;
}

static void model_take(struct model *model, __u64 frequency, int client)
{
	int i, count = 0;

	for (i = 0; i < model->nr_free; i++) {
		if (model->free[i] != frequency)
			model->free[count++] = model->free[i];
	}
	model->nr_free = count;
	model->holders[frequency - 10] = client;
}

static void model_free(struct model *model, __u64 frequency)
{
	memmove(&model->free[1], &model->free[0],
		model->nr_free++ * sizeof(*model->free));
	model->free[0] = frequency;
	model->holders[frequency - 10] = -1;
}

static void model_remove(struct model *model, int at)
{
	model->nr_line--;
	memmove(&model->line[at], &model->line[at + 1],
		(model->nr_line - at) * sizeof(*model->line));
}

/* Returns 1 if it has enough, after its records have been read; or -1. */
static int model_grant(struct model *model, int at, __u64 frequency)
{
	struct queued *queued = &model->line[at];
	int fd = model->fds[queued->client];
	__u32 i;

	model_take(model, frequency, queued->client);
	queued->got[queued->have++] = frequency;
	if (queued->have < queued->wish.count)
		return 0;
	for (i = 0; i < queued->have; i++) {
		if (!has_outcome(fd, queued->wish.cookie, queued->got[i]))
			return -1;
	}
	model_remove(model, at);
	return 1;
}

static int model_serve(struct model *model)
{
	__u64 frequency;
	int at = 0, got;

	while (at < model->nr_line) {
		frequency = model_find(model, &model->line[at].wish);
		got = frequency ? model_grant(model, at, frequency) : 0;
		if (got < 0)
			return -1;
		at += !frequency;
	}
	return 0;
}

/* It is given back; a request that has reserved it has it no more. */
static void model_give(struct model *model, __u64 frequency)
{
	struct queued *queued;
	__u32 i, count;

	for (queued = model->line; queued < model->line + model->nr_line;
	     queued++) {
		for (i = count = 0; i < queued->have; i++) {
			if (queued->got[i] != frequency)
				queued->got[count++] = queued->got[i];
		}
		queued->have = count;
	}
	model_free(model, frequency);
}

static int model_deallocate(struct model *model, __u64 *seed)
{
	__u64 list[3], frequency;
	int client = -1;
	__u32 count = 0, most = 1 + random_below(seed, 3), i;

	for (i = 0; i < 12 && count < most; i++) {
		frequency = 10 + random_below(seed, 6);
		if (model->holders[frequency - 10] < 0 ||
		    (count && model->holders[frequency - 10] != client))
			continue;
		if (count && (list[0] == frequency ||
			      list[count - 1] == frequency))
			continue;
		client = model->holders[frequency - 10];
		list[count++] = frequency;
	}
	if (!count)
		return 0;
	if (differ(0, count == 1 ?
		   try_deallocate(model->fds[client], list[0]) :
		   try_deallocate_batch(model->fds[client], list, count, NULL)))
		return -1;
	for (i = 0; i < count; i++)
		model_give(model, list[i]);
	return 0;
}

static int model_cancel(struct model *model, __u64 *seed)
{
	struct queued queued;
	int at;

	if (!model->nr_line)
		return 0;
	at = random_below(seed, model->nr_line);
	queued = model->line[at];
	if (differ(0, try_cancel(model->fds[queued.client],
				 queued.wish.cookie)))
		return -1;
	model_remove(model, at);
	while (queued.have)
		model_free(model, queued.got[--queued.have]);
	return 0;
}

static struct wish any_wish(__u64 *seed, __u64 cookie)
{
	__u64 low = 10 + random_below(seed, 6);
	__u64 high = low + random_below(seed, 16 - low);
	__u32 most = high - low + 1 < 4 ? high - low + 1 : 4;

	switch (random_below(seed, 4)) {
	case 0:
		return ANY(cookie);
	case 1:
		return EXACT(low, cookie);
	case 2:
		return BAND(low, high, cookie);
	default:
		return RESERVE(low, high, 1 + random_below(seed, most), cookie);
	}
}

static int model_ask(struct model *model, __u64 *seed)
{
	struct wish wish = any_wish(seed, ++model->cookie);
	int client = random_below(seed, 3), is_free = 0, i;
	struct queued *queued = &model->line[model->nr_line];
	struct freq_granted granted[4];
	__u64 frequency;

	if (model->nr_line == ARRAY_SIZE(model->line))
		return 0;
	for (i = 0; i < model->nr_free; i++)
		is_free += wants(&wish, model->free[i]);
	if (differ(is_free >= wish.count ? GRANTED : QUEUED,
		   ask_for(model->fds[client], wish, granted)))
		return -1;
	if (is_free < wish.count) {
		*queued = (struct queued) { .wish = wish, .client = client };
		model->nr_line++;
		return 0;
	}
	for (i = 0; i < wish.count; i++) {
		frequency = model_find(model, &wish);
		if (differ(frequency, granted[i].frequency))
			return -1;
		model_take(model, frequency, client);
	}
	return 0;
}

static int model_step(struct model *model, __u64 *seed)
{
	static const char * const releases[] = { "freq_v3", "freq_v90" };
	int release = model->release;

	switch (random_below(seed, 32)) {
	case 0:
		model->release = !release;
		return differ(0, server_upgrade(releases[release],
						releases[!release]));
	case 1 ... 4:
		return model_cancel(model, seed);
	case 5 ... 17:
		return model_ask(model, seed);
	default:
		return model_deallocate(model, seed);
	}
}

static int model_check(const struct model *model)
{
	struct freq_grant_entry entry;
	int i;

	if (differ(model->nr_line, waiters_of(model->fds[3])))
		return -1;
	for (i = 0; i < 3; i++) {
		if (!is_silent(model->fds[i]))
			return -1;
	}
	for (i = 0; i < 6; i++) {
		int holder = model->holders[i];

		if (differ(0, grant_find(model->fds[holder < 0 ? 3 : holder],
					 10 + i, &entry)) ||
		    differ(holder < 0 ? 0 : HELD | MINE, entry.flags))
			return -1;
	}
	return 0;
}

/* Requests of all kinds at random, given back and cancelled at random */
TEST_F_TIMEOUT(queue, as_the_model, 120)
{
	struct model model = { };
	__u64 seed = 6;
	int i, most = 0;

	for (i = 0; i < 3; i++) {
		model.fds[i] = open_hearing(KIND(OUTCOME));
		ASSERT_GE(model.fds[i], 0);
	}
	model.fds[3] = self->fd;
	for (i = 0; i < 6; i++)
		model.holders[i] = 3;
	for (i = 0; i < rounds(STEPS); i++) {
		if (model_step(&model, &seed) || serve_all(self->fd) ||
		    model_serve(&model) || model_check(&model))
			break;
		most = model.nr_line > most ? model.nr_line : most;
	}
	ASSERT_EQ(rounds(STEPS), i);
	TH_LOG("%llu were asked for, up to %d were queued", model.cookie, most);
	for (i = 0; i < 3; i++)
		close(model.fds[i]);
	EXPECT_WAITING(0);
}

/* A pool without any: what waits for it alone hinders a stop. */
TEST(stop)
{
	int fd, other;

	ASSERT_EQ(0, server_start("freq_v3", "frequencies="));
	fd = open_hearing(KIND(OUTCOME));
	other = open_client();
	ASSERT_GE(fd, 0);
	ASSERT_GE(other, 0);
	test_queue(fd, ANY(1));
	EXPECT_EQ(1, waiters_of(fd));
	test_err_stop(EBUSY, fd);
	test_err_stop(EBUSY, other);
	EXPECT_TRUE(is_silent(fd));
	test_cancel(fd, 1);
	test_err_stop(EBUSY, other);
	test_stop(fd);
	EXPECT_EQ(-ENODEV, ask(fd, ANY(1)));
	test_err_cancel(ENODEV, fd, 1);
	EXPECT_EQ(0, test_clean());
}

/* ---- What is reserved */

/* What it has so far is its client's, and all can see that. */
TEST_F(queue, reserves)
{
	int other = open_hearing(KIND(ALLOCATED) | KIND(DEALLOCATED));
	struct freq_record record;

	ASSERT_GE(other, 0);
	test_deallocate(self->fd, 14);
	EXPECT_RECORD(other, DEALLOCATED, 14, 0);
	test_queue(self->own, RESERVE(12, 14, 3, 1));
	record = EXPECT_RECORD(other, ALLOCATED, 14, 0);
	EXPECT_TRUE(holds(self->own, 14, record.grant, 0));
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_WAITING(1);
	test_deallocate(self->fd, 12);
	EXPECT_RECORD(other, DEALLOCATED, 12, 0);
	record = EXPECT_RECORD(other, ALLOCATED, 12, 0);
	EXPECT_TRUE(holds(self->own, 12, record.grant, 0));
	EXPECT_SILENT(self->own);
	test_err_deallocate(EPERM, self->fd, 12);
	test_deallocate(self->fd, 13);
	EXPECT_RECORD(other, DEALLOCATED, 13, 0);
	EXPECT_RECORD(other, ALLOCATED, 13, 0);
	EXPECT_OUTCOME(self->own, 1, 14);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_OUTCOME(self->own, 1, 13);
	EXPECT_SILENT(self->own);
	EXPECT_SILENT(other);
}

TEST_F(queue, reserved_at_the_deadline)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, give(self->fd));
	test_queue(self->own, keeping(until(RESERVE(12, 14, 3, 1),
					    monotonic_ns(100 * NS_PER_MS))));
	test_queue(other, EXACT(13, 1));
	EXPECT_TRUE(allocated_is(self->fd, 6));
	EXPECT_OUTCOME(other, 1, 13);
	EXPECT_TRUE(is_readable(self->own, DEADLINE_MS));
	EXPECT_WAITING(0);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	test_deallocate(self->fd, 14);
	EXPECT_TRUE(sysfs_is("free", "12,14\n"));
}

/* The client gives some of it back: it waits for as many as ever. */
TEST_F(queue, reserved_and_given_back)
{
	int other = open_hearing(KIND(OUTCOME));
	int i;

	ASSERT_GE(other, 0);
	test_deallocate(self->fd, 12);
	test_queue(self->own, RESERVE(11, 14, 3, 1));
	test_queue(other, EXACT(12, 2));
	/* It is the first in line for it again. */
	for (i = 0; i < 10; i++) {
		test_deallocate(self->own, 12);
		EXPECT_WAITING(2);
		EXPECT_TRUE(holds(self->own, 12, grant_of(self->own, 12), 0));
	}
	EXPECT_SILENT(self->own);
	test_deallocate(self->fd, 14);
	EXPECT_WAITING(2);
	for (i = 0; i < 10; i++)
		test_deallocate(self->own, i % 2 ? 12 : 14);
	EXPECT_WAITING(2);
	EXPECT_SILENT(self->own);
	test_deallocate(self->fd, 13);
	EXPECT_WAITING(1);
	EXPECT_OUTCOME(self->own, 1, 14);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_OUTCOME(self->own, 1, 13);
	EXPECT_SILENT(self->own);
	test_deallocate(self->own, 12);
	EXPECT_OUTCOME(other, 2, 12);
}

/* It goes to one that is before it; the request needs another one then. */
TEST_F(queue, reserved_and_lost)
{
	int other = open_hearing(KIND(OUTCOME));

	ASSERT_GE(other, 0);
	test_queue(other, EXACT(12, 1));
	test_queue(other, EXACT(12, 2));
	test_queue(self->own, RESERVE(11, 14, 2, 1));
	test_deallocate(self->fd, 12);
	EXPECT_OUTCOME(other, 1, 12);
	test_deallocate(self->fd, 13);
	EXPECT_TRUE(holds(self->own, 13, grant_of(self->own, 13), 0));
	test_queue(other, EXACT(13, 3));
	test_cancel(other, 2);
	test_deallocate(other, 12);
	EXPECT_OUTCOME(self->own, 1, 13);
	EXPECT_OUTCOME(self->own, 1, 12);
	EXPECT_SILENT(self->own);
	test_deallocate(self->own, 13);
	EXPECT_OUTCOME(other, 3, 13);

	/* By its number, and then allocated by another request of the client. */
	test_queue(self->own, RESERVE(10, 11, 2, 2));
	test_deallocate(self->fd, 10);
	test_queue(self->own, EXACT(10, 3));
	test_deallocate_grant(self->own, 10, grant_of(self->own, 10));
	EXPECT_TRUE(holds(self->own, 10, grant_of(self->own, 10), 0));
	EXPECT_WAITING(2);
	test_cancel(self->own, 2);
	ASSERT_EQ(0, serve_all(self->fd));
	EXPECT_OUTCOME(self->own, 3, 10);
	EXPECT_WAITING(0);
	EXPECT_TRUE(holds(self->own, 10, grant_of(self->own, 10), 0));
}

/* What the client got by another request is not given back by a cancel. */
TEST_F(queue, reserved_and_changed)
{
	test_deallocate(self->fd, 12);
	test_queue(self->own, EXACT(13, 1));
	test_queue(self->own, RESERVE(12, 13, 2, 2));
	test_deallocate(self->fd, 13);
	EXPECT_OUTCOME(self->own, 1, 13);
	test_cancel(self->own, 2);
	EXPECT_TRUE(sysfs_is("free", "12\n"));
	EXPECT_TRUE(holds(self->own, 13, grant_of(self->own, 13), 0));
}

TEST_HARNESS_MAIN
