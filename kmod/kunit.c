// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the parts of a release that need no server: the pool, with
 * its tables and mirror, the holders, and the notation of frequencies.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "contract/handoff.h"
#include "spec.h"
#include "state/map.h"
#include "state/mirror.h"
#include "state/pool.h"
#include "state/state.h"
#include "state/table.h"

/* Spans several chunks, and is no multiple of one. */
#define MANY (5 * FREQ_CHUNK + 77)

/* Distinct, in no order, and over all of the 64 bits: the factor is odd. */
static u64 scattered(u32 i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL;
}

static int reserve(struct freq_pool *pool, u32 count)
{
	struct freq_call call = { };
	int ret;

	do {
		ret = freq_pool_reserve(pool, count, &call);
	} while (freq_memory_serve(&call, &ret));
	return ret;
}

static int pool_test_init(struct kunit *test)
{
	struct freq_pool *pool;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return -ENOMEM;
	test->priv = pool;
	freq_pool_init(pool);
	return reserve(pool, 1);
}

static void pool_test_exit(struct kunit *test)
{
	struct freq_pool *pool = test->priv;
	struct freq_call call = { };
	int ret;

	do {
		ret = freq_pool_dismantle(pool, &call);
	} while (freq_memory_serve(&call, &ret));
	kfree(pool);
}

static bool stage(struct freq_pool *pool, u64 number)
{
	return !reserve(pool, pool->slot_count + 2) &&
	       freq_pool_stage(pool, &number, 1);
}

static void stage_all(struct kunit *test, u64 (*number)(u32 i), u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		KUNIT_ASSERT_TRUE(test, stage(test->priv, number(i)));
}

static void sort_all(struct kunit *test)
{
	struct freq_pool *pool = test->priv;
	u32 calls;

	/* Two passes for each byte of a number, and some to begin and end. */
	for (calls = 0; !freq_pool_sort(pool); calls++)
		KUNIT_ASSERT_LT(test, calls, 20U * (MANY / 128 + 2));
}

static void staged_is_not_found(struct kunit *test)
{
	struct freq_pool *pool = test->priv;
	u32 i;

	stage_all(test, scattered, MANY);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, 0U, freq_pool_find(pool, scattered(i)));
	KUNIT_EXPECT_EQ(test, 0U, pool->free.count);
}

static void published_is_found(struct kunit *test)
{
	struct freq_pool *pool = test->priv;
	u32 i, index;

	stage_all(test, scattered, MANY);
	freq_pool_publish(pool);
	KUNIT_EXPECT_EQ(test, (u32)MANY, pool->free.count);
	for (i = 0; i < MANY; i++) {
		index = freq_pool_find(pool, scattered(i));
		KUNIT_ASSERT_NE(test, 0U, index);
		KUNIT_EXPECT_EQ(test, scattered(i),
				freq_pool_slot(pool, index)->number);
	}
	KUNIT_EXPECT_EQ(test, 0U, freq_pool_find(pool, 1));
	KUNIT_EXPECT_EQ(test, 0U, freq_pool_find(pool, 0));
}

static void twice_is_refused(struct kunit *test)
{
	struct freq_pool *pool = test->priv;

	stage_all(test, scattered, 3);
	KUNIT_EXPECT_FALSE(test, stage(pool, scattered(1)));
	freq_pool_publish(pool);
	KUNIT_EXPECT_FALSE(test, stage(pool, scattered(1)));
	KUNIT_EXPECT_EQ(test, 3U, pool->slot_count);
}

static void unstaged_never_was(struct kunit *test)
{
	struct freq_pool *pool = test->priv;
	u32 i;

	stage_all(test, scattered, MANY);
	for (i = 0; i < MANY - 10; i++)
		freq_pool_unstage(pool);
	freq_pool_publish(pool);
	KUNIT_EXPECT_EQ(test, 10U, pool->free.count);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, i < 10,
				!!freq_pool_find(pool, scattered(i)));
	for (i = 10; i < MANY; i++)
		KUNIT_ASSERT_TRUE(test, stage(pool, scattered(i)));
	freq_pool_publish(pool);
	KUNIT_EXPECT_EQ(test, (u32)MANY, pool->free.count);
}

/* A queue is linked both ways. */
static void expect_queue(struct kunit *test, const struct freq_queue *queue,
			 const u32 *indices, u32 count)
{
	u32 i, index = queue->first, last = 0;
	const struct freq_slot *slot;

	KUNIT_EXPECT_EQ(test, count, queue->count);
	for (i = 0; i < count; i++) {
		KUNIT_ASSERT_EQ(test, indices[i], index);
		slot = freq_pool_slot(test->priv, index);
		if (i)
			KUNIT_EXPECT_EQ(test, last, slot->prev);
		last = index;
		index = slot->next;
	}
	KUNIT_EXPECT_EQ(test, 0U, index);
	KUNIT_EXPECT_EQ(test, last, queue->last);
}

static void expect_free(struct kunit *test, const u32 *indices, u32 count)
{
	const struct freq_pool *pool = test->priv;

	expect_queue(test, &pool->free, indices, count);
}

static void push(struct freq_pool *pool, u32 index)
{
	struct freq_queue one = { .first = index, .last = index, .count = 1 };

	freq_pool_write(pool, index)->next = 0;
	freq_pool_splice(pool, one, &pool->free);
}

static void append(struct freq_pool *pool, struct freq_queue *to, u32 index)
{
	freq_pool_append(pool, to, freq_pool_write(pool, index), index);
}

static void remove(struct freq_pool *pool, struct freq_queue *from, u32 index)
{
	freq_pool_unlink(pool, from, freq_pool_slot(pool, index), index);
	from->count--;
}

static void queue_of_the_free(struct kunit *test)
{
	struct freq_pool *pool = test->priv;
	struct freq_queue front = { 0 };

	stage_all(test, scattered, 4);
	freq_pool_publish(pool);
	expect_free(test, (u32[]){ 1, 2, 3, 4 }, 4);
	freq_pool_pop(&pool->free, freq_pool_slot(pool, 1));
	freq_pool_pop(&pool->free, freq_pool_slot(pool, 2));
	freq_pool_pop(&pool->free, freq_pool_slot(pool, 3));
	expect_free(test, (u32[]){ 4 }, 1);
	freq_pool_pop(&pool->free, freq_pool_slot(pool, 4));
	expect_free(test, NULL, 0);

	push(pool, 3);
	expect_free(test, (u32[]){ 3 }, 1);
	push(pool, 1);
	expect_free(test, (u32[]){ 1, 3 }, 2);
	freq_pool_splice(pool, front, &pool->free);
	expect_free(test, (u32[]){ 1, 3 }, 2);
	append(pool, &front, 4);
	append(pool, &front, 2);
	freq_pool_splice(pool, front, &pool->free);
	expect_free(test, (u32[]){ 4, 2, 1, 3 }, 4);
	front = pool->free;
	memset(&pool->free, 0, sizeof(pool->free));
	freq_pool_splice(pool, front, &pool->free);
	expect_free(test, (u32[]){ 4, 2, 1, 3 }, 4);
	remove(pool, &pool->free, 1);
	expect_free(test, (u32[]){ 4, 2, 3 }, 3);
	freq_pool_push(pool, &pool->free, freq_pool_write(pool, 1), 1);
	expect_free(test, (u32[]){ 1, 4, 2, 3 }, 4);
}

static void first_of_a_queue(struct kunit *test)
{
	struct freq_pool *pool = test->priv;
	struct freq_queue held = { 0 };

	stage_all(test, scattered, 6);
	freq_pool_publish(pool);
	freq_pool_append_first(pool, &pool->free, &held, 2, 2);
	expect_free(test, (u32[]){ 3, 4, 5, 6 }, 4);
	expect_queue(test, &held, (u32[]){ 1, 2 }, 2);
	freq_pool_append_first(pool, &pool->free, &held, 3, 1);
	expect_queue(test, &held, (u32[]){ 1, 2, 3 }, 3);
	freq_pool_append_first(pool, &pool->free, &held, 6, 3);
	expect_queue(test, &held, (u32[]){ 1, 2, 3, 4, 5, 6 }, 6);
	expect_free(test, NULL, 0);
}

static void queue_of_a_holder(struct kunit *test)
{
	static const u32 all[] = { 1, 2, 3, 4 };
	struct freq_pool *pool = test->priv;
	struct freq_queue held = { 0 };
	u32 i;

	stage_all(test, scattered, 4);
	for (i = 1; i <= 4; i++)
		append(pool, &held, i);
	expect_queue(test, &held, all, 4);

	remove(pool, &held, 2);
	expect_queue(test, &held, (u32[]){ 1, 3, 4 }, 3);
	remove(pool, &held, 4);
	expect_queue(test, &held, (u32[]){ 1, 3 }, 2);
	remove(pool, &held, 1);
	expect_queue(test, &held, (u32[]){ 3 }, 1);
	remove(pool, &held, 3);
	expect_queue(test, &held, NULL, 0);
}

static void expect_order(struct kunit *test, u32 count)
{
	const struct freq_pool *pool = test->priv;
	const struct freq_slot *slot, *last = NULL;
	u32 rank;

	for (rank = 0; rank < count; rank++) {
		slot = freq_pool_ranked(pool, rank);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, slot);
		if (last)
			KUNIT_ASSERT_LT(test, last->number, slot->number);
		KUNIT_EXPECT_EQ(test, rank,
				freq_pool_rank(pool, slot->number));
		last = slot;
	}
	KUNIT_EXPECT_TRUE(test, !freq_pool_ranked(pool, count));
	KUNIT_EXPECT_EQ(test, 0U, freq_pool_rank(pool, 0));
}

static void order_of_none(struct kunit *test)
{
	sort_all(test);
	expect_order(test, 0);
}

static void order_of_scattered(struct kunit *test)
{
	stage_all(test, scattered, MANY);
	freq_pool_publish(test->priv);
	sort_all(test);
	expect_order(test, MANY);
}

static u64 ascending(u32 i)
{
	return 1000 + 3 * i;
}

static void order_of_ascending(struct kunit *test)
{
	const struct freq_pool *pool = test->priv;

	stage_all(test, ascending, MANY);
	freq_pool_publish(test->priv);
	sort_all(test);
	expect_order(test, MANY);
	/* Between two of them, and behind the last. */
	KUNIT_EXPECT_EQ(test, 1U, freq_pool_rank(pool, 1001));
	KUNIT_EXPECT_EQ(test, (u32)MANY, freq_pool_rank(pool, U64_MAX));
}

/* Frequencies that are added while the others are sorted are sorted next. */
static void order_of_what_came_later(struct kunit *test)
{
	struct freq_pool *pool = test->priv;

	stage_all(test, scattered, MANY);
	freq_pool_publish(pool);
	KUNIT_EXPECT_FALSE(test, freq_pool_sort(pool));
	KUNIT_EXPECT_FALSE(test, freq_pool_sort(pool));
	stage_all(test, ascending, 10);
	freq_pool_publish(pool);
	sort_all(test);
	expect_order(test, MANY + 10);
}

/* Elements stay where they are while more are added, a chunk for each hold. */
static void table_grows(struct kunit *test)
{
	const u32 chunks = 100;
	struct freq_table table = { }, before;
	struct freq_call call = { };
	u32 *element, i;
	int ret;

	for (i = 0; i < chunks; i++) {
		do {
			before = table;
			ret = freq_table_reserve(&table, i * FREQ_CHUNK + 1,
						 sizeof(*element), &call);
			KUNIT_ASSERT_LE(test, 0, ret);
			KUNIT_ASSERT_LE(test, table.count - before.count +
					(table.room != before.room), 1U);
		} while (freq_memory_serve(&call, &ret));
		KUNIT_ASSERT_EQ(test, i + 1, table.count);
		element = freq_table_at(&table, i * FREQ_CHUNK, sizeof(*element));
		KUNIT_EXPECT_EQ(test, 0U, *element);
		*element = i;
		KUNIT_EXPECT_EQ(test, 0,
				freq_table_reserve(&table, (i + 1) * FREQ_CHUNK,
						   sizeof(*element), &call));
	}
	for (i = 0; i < chunks; i++) {
		element = freq_table_at(&table, i * FREQ_CHUNK, sizeof(*element));
		KUNIT_EXPECT_EQ(test, i, *element);
	}
	/* No memory: nothing has changed, and the next call may find some. */
	call.status = -ENOMEM;
	before = table;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			freq_table_reserve(&table, chunks * FREQ_CHUNK + 1,
					   sizeof(*element), &call));
	KUNIT_EXPECT_TRUE(test, !memcmp(&table, &before, sizeof(table)));
	do {
		ret = freq_table_dismantle(&table, &call);
	} while (freq_memory_serve(&call, &ret));
	KUNIT_EXPECT_TRUE(test, !memchr_inv(&table, 0, sizeof(table)));
}

/* The elements that the conversion of a test was asked to copy, in order */
static u32 copied[16], copied_count;

static void copy_element(void *to, const void *from, u32 index)
{
	if (copied_count < ARRAY_SIZE(copied))
		copied[copied_count++] = index;
}

static void expect_copied(struct kunit *test, const struct freq_pool *pool,
			  const u32 *indices, u32 count)
{
	u32 i;

	copied_count = 0;
	freq_mirror_settle(pool->mirror, pool);
	KUNIT_EXPECT_EQ(test, count, copied_count);
	for (i = 0; i < min(count, copied_count); i++)
		KUNIT_EXPECT_EQ(test, indices[i], copied[i]);
	/* At the end of a hold, nothing is left. */
	KUNIT_EXPECT_EQ(test, 0U, pool->mirror->slots.last);
}

static void dirty_slots_are_copied(struct kunit *test)
{
	static const struct freq_conversion conversion = {
		.slot = copy_element,
		.holder = copy_element,
	};
	struct freq_mirror mirror = { .conversion = &conversion };
	struct freq_dirty *slots = &mirror.slots;
	struct freq_pool *pool = test->priv;
	struct freq_queue held = { 0 };
	struct freq_call call = { };
	int ret;
	u32 i;

	do {
		ret = freq_table_reserve(&slots->links, 7, sizeof(u32), &call);
	} while (freq_memory_serve(&call, &ret));
	KUNIT_ASSERT_EQ(test, 0, ret);
	stage_all(test, scattered, 5);
	for (i = 1; i <= 5; i++)
		append(pool, &held, i);

	pool->mirror = &mirror;
	/* 0 to 3 were copied, 4 and 5 are to be. */
	slots->done = 4;
	slots->end = 6;
	freq_pool_mark_remove(pool, 2);
	remove(pool, &held, 2);
	for (i = 0; i < 3; i++)
		freq_pool_change(pool, 1);
	freq_pool_change(pool, 0);
	freq_pool_change(pool, 4);
	KUNIT_EXPECT_FALSE(test, freq_mirror_is_complete(&mirror));
	expect_copied(test, pool, (u32[]){ 3, 1, 2, 4, 5 }, 5);
	KUNIT_EXPECT_TRUE(test, freq_mirror_is_complete(&mirror));
	/* All was copied: whatever changes is copied again, once. */
	freq_pool_change(pool, 2);
	freq_pool_change(pool, 5);
	expect_copied(test, pool, (u32[]){ 5, 2 }, 2);
	/* So are those that were added since. */
	freq_dirty_mark(slots, 6);
	expect_copied(test, pool, (u32[]){ 6 }, 1);
	expect_copied(test, pool, NULL, 0);
	pool->mirror = NULL;
	do {
		ret = freq_table_dismantle(&slots->links, &call);
	} while (freq_memory_serve(&call, &ret));
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(staged_is_not_found),
	KUNIT_CASE(published_is_found),
	KUNIT_CASE(twice_is_refused),
	KUNIT_CASE(unstaged_never_was),
	KUNIT_CASE(queue_of_the_free),
	KUNIT_CASE(first_of_a_queue),
	KUNIT_CASE(queue_of_a_holder),
	KUNIT_CASE(order_of_none),
	KUNIT_CASE(order_of_scattered),
	KUNIT_CASE(order_of_ascending),
	KUNIT_CASE(order_of_what_came_later),
	KUNIT_CASE(table_grows),
	KUNIT_CASE(dirty_slots_are_copied),
	{ }
};

static struct kunit_suite pool_suite = {
	.name = "freq_pool",
	.init = pool_test_init,
	.exit = pool_test_exit,
	.test_cases = pool_cases,
};

/* More than forget their holders in one hold. */
#define MANY_HELD 100

/* Grants get their numbers from it. */
static u64 words[FREQ_DOOR_WORDS];
static const struct freq_server_info server = { .words = words };

/* A state of frequencies 0 to @count - 1, all free. */
static struct freq_state *new_state(struct kunit *test, u32 count)
{
	struct freq_state *state = freq_state_create();
	struct freq_call call = { };
	u64 number;
	int ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, state);
	do {
		ret = freq_state_reserve(state, count + 1, 1, &call);
	} while (freq_memory_serve(&call, &ret));
	KUNIT_ASSERT_EQ(test, 0, ret);
	for (number = 0; number < count; number++)
		KUNIT_ASSERT_EQ(test, 1U,
				freq_pool_stage(&state->pool, &number, 1));
	freq_pool_publish(&state->pool);
	return state;
}

static void end_state(struct freq_state *state)
{
	struct freq_call call = { };
	int ret;

	do {
		ret = freq_state_destroy(state, &call);
	} while (freq_memory_serve(&call, &ret));
}

/* Has @client allocate the next @count, which the test leaves room for. */
static void allocate(struct kunit *test, struct freq_state *state,
		     struct freq_client *client, bool keep, u32 count)
{
	struct freq_call call = { .server = &server, .client = client };
	static u64 numbers[MANY_HELD];
	int ret;

	client->pid = task_tgid(current);
	client->uid = current_uid();
	do {
		ret = freq_state_peek_all(state, &call, numbers, count);
	} while (freq_memory_serve(&call, &ret));
	KUNIT_ASSERT_EQ(test, 0, ret);
	freq_state_allocate_all(state, &call, keep, count);
}

static void close_client(struct freq_state *state, struct freq_client *client)
{
	struct freq_call call = { .server = &server, .client = client };

	freq_state_close(state, &call);
}

/* A holder is used again when the last that it kept is deallocated. */
static void holder_of_a_batch_is_used_again(struct kunit *test)
{
	struct freq_state *state = new_state(test, 4);
	struct freq_client kept = { }, other = { };
	struct freq_call call = { .server = &server, .client = &other };
	u64 numbers[] = { 0, 1, 2 };
	u32 holder, failed = 0;
	int ret;

	allocate(test, state, &kept, true, ARRAY_SIZE(numbers));
	holder = kept.data;
	close_client(state, &kept);
	KUNIT_EXPECT_EQ(test, 0U, state->unused_holder);
	do {
		ret = freq_state_deallocate_all(state, &call, numbers,
						ARRAY_SIZE(numbers), &failed);
	} while (ret == FREQ_WANT_AGAIN);
	KUNIT_EXPECT_EQ(test, 0, ret);
	KUNIT_EXPECT_EQ(test, holder, state->unused_holder);
	allocate(test, state, &other, false, 1);
	KUNIT_EXPECT_EQ(test, holder, (u32)other.data);
	KUNIT_EXPECT_EQ(test, holder, state->holder_count);
	close_client(state, &other);
	end_state(state);
}

/* Clients that close between its holds do not keep a batch for ever. */
static void batch_ends_while_clients_close(struct kunit *test)
{
	struct freq_state *state = new_state(test, MANY_HELD);
	struct freq_client client = { }, closing = { };
	struct freq_call call = { .server = &server, .client = &client };
	static u64 numbers[MANY_HELD];
	u32 holds = 0;
	int ret;

	for (;;) {
		allocate(test, state, &closing, false, MANY_HELD);
		close_client(state, &closing);
		do {
			ret = freq_state_peek_all(state, &call, numbers,
						  MANY_HELD);
		} while (ret != FREQ_WANT_AGAIN &&
			 freq_memory_serve(&call, &ret));
		if (ret != FREQ_WANT_AGAIN)
			break;
		KUNIT_ASSERT_LT(test, holds++, 10U);
	}
	KUNIT_EXPECT_EQ(test, 0, ret);
	KUNIT_EXPECT_LT(test, 0U, holds);
	freq_state_allocate_all(state, &call, false, MANY_HELD);
	KUNIT_EXPECT_EQ(test, (u32)MANY_HELD, freq_state_allocated(state));
	close_client(state, &client);
	end_state(state);
}

/* ---- The map, against a bitmap of the numbers that are free ---- */

/* Numbers are below this, with room for those that are not in the pool. */
#define MAP_NUMBERS (262144 + 512)

/**
 * struct map_model - a state with a map, and what is to be in that
 * @state: the state; its client holds all that is not free
 * @client: the client
 * @is_in: the numbers of the pool
 * @is_free: those that are free
 * @span: nearly all numbers of the pool are below it
 * @seed: of the random numbers
 */
struct map_model {
	struct freq_state *state;
	struct freq_client client;
	unsigned long *is_in;
	unsigned long *is_free;
	u32 span;
	u64 seed;
};

static u32 random_below(struct map_model *model, u32 limit)
{
	model->seed = model->seed * 6364136223846793005ULL + 1;
	return (model->seed >> 33) % limit;
}

static void map_add(struct kunit *test, struct map_model *model, u64 number)
{
	struct freq_pool *pool = &model->state->pool;

	KUNIT_ASSERT_EQ(test, 0, reserve(pool, pool->slot_count + 2));
	KUNIT_ASSERT_EQ(test, 1U, freq_pool_stage(pool, &number, 1));
	set_bit(number, model->is_in);
	set_bit(number, model->is_free);
}

/* Frees what is allocated, and the other way round. */
static void map_toggle(struct map_model *model, u32 number)
{
	struct freq_call call = { .server = &server, .client = &model->client };
	u32 index = freq_pool_find(&model->state->pool, number);

	if (!index)
		return;
	if (test_and_change_bit(number, model->is_free))
		freq_state_allocate(model->state, &call, &model->client, false,
				    index, freq_grant_next(&call, 1), false);
	else
		freq_state_free(model->state, &call, index);
}

/* All of some numbers are allocated, or free, so that there are long gaps. */
static void map_set_run(struct map_model *model, bool is_free)
{
	u32 number = random_below(model, model->span), count;

	count = random_below(model, 2) ? 200 : 9000;
	for (; count-- && number < MAP_NUMBERS; number++)
		if (test_bit(number, model->is_free) != is_free)
			map_toggle(model, number);
}

/* Changes some in each step of the building, and many in the first. */
static void map_finish(struct kunit *test, struct map_model *model)
{
	u32 steps = 0;

	while (!freq_map_build(model->state)) {
		if (!steps)
			map_set_run(model, false);
		map_toggle(model, random_below(model, MAP_NUMBERS));
		map_toggle(model, random_below(model, 64));
		KUNIT_ASSERT_LT(test, steps++,
				30U * (MAP_NUMBERS / 256 + 10));
	}
}

/* The lowest free one that is not lower than this number */
static void map_check(struct kunit *test, struct map_model *model, u32 number)
{
	u32 want = find_next_bit(model->is_free, MAP_NUMBERS, number), rank;
	struct freq_pool *pool = &model->state->pool;
	const struct freq_slot *slot;

	rank = freq_map_first(pool, number);
	slot = freq_pool_ranked(pool, rank);
	KUNIT_ASSERT_EQ(test, (u64)find_next_bit(model->is_in, MAP_NUMBERS,
						 number),
			slot ? slot->number : MAP_NUMBERS);
	rank = freq_map_next(pool, rank);
	if (want == MAP_NUMBERS) {
		KUNIT_ASSERT_EQ(test, FREQ_RANK_NONE, rank);
		return;
	}
	KUNIT_ASSERT_LT(test, rank, pool->map_count);
	slot = freq_pool_slot(pool, freq_pool_index(pool, rank));
	KUNIT_ASSERT_EQ(test, (u64)want, slot->number);
}

static void map_check_some(struct kunit *test, struct map_model *model,
			   u32 count)
{
	static const u32 edges[] = { 0, 64, 4096, 262144 };
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(edges); i++)
		for (j = edges[i] ? edges[i] - 3 : 0; j < edges[i] + 3; j++)
			map_check(test, model, j);
	for (i = 0; i < count; i++)
		map_check(test, model, random_below(model, MAP_NUMBERS));
}

static void map_churn(struct kunit *test, struct map_model *model)
{
	u32 span = model->span, i;

	map_finish(test, model);
	map_check_some(test, model, 100);
	for (i = 0; i < 400; i++) {
		map_toggle(model, random_below(model, span));
		map_check(test, model, random_below(model, span));
		map_toggle(model, span - 1 - random_below(model, min(span, 5U)));
		map_check(test, model, span - 1 -
			  random_below(model, min(span, 70U)));
	}
	for (i = 0; i < 6; i++) {
		map_set_run(model, i % 3 == 2);
		map_check_some(test, model, 50);
	}
}

/* All are allocated but one, wherever that is. */
static void map_drain(struct kunit *test, struct map_model *model)
{
	u32 span = model->span, number, i;

	for_each_set_bit(number, model->is_free, MAP_NUMBERS)
		map_toggle(model, number);
	map_check_some(test, model, 10);
	for (i = 0; i < 50; i++) {
		number = i < 4 ? (span - 1) * (i % 2) :
				 random_below(model, span);
		map_toggle(model, number);
		map_check_some(test, model, 10);
		map_toggle(model, number);
	}
	for (i = 0; i < span; i += 1 + i / 64)
		map_toggle(model, i);
	map_check_some(test, model, 100);
}

/*
 * @from is added, and the map is in use; then the others, ascending or not.
 */
static void map_of(struct kunit *test, u32 from, u32 count, bool ascends)
{
	struct map_model model = {
		.span = count,
		.seed = count + from + ascends,
	};
	size_t size = BITS_TO_LONGS(MAP_NUMBERS) * sizeof(long);
	struct freq_call call = { };
	u32 i;
	int ret;

	model.client.pid = task_tgid(current);
	model.client.uid = current_uid();
	model.is_in = kvzalloc(size, GFP_KERNEL);
	model.is_free = kvzalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model.is_in);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model.is_free);
	model.state = new_state(test, 0);
	do {
		ret = freq_state_reserve_holder(model.state, &call);
	} while (freq_memory_serve(&call, &ret));

	for (i = 0; i < from; i++)
		map_add(test, &model, ascends ? i : count - 1 - i);
	freq_pool_publish(&model.state->pool);
	map_churn(test, &model);
	for (; i < count; i++)
		map_add(test, &model, ascends ? i : count - 1 - i);
	freq_pool_publish(&model.state->pool);
	map_churn(test, &model);
	/* One more, which is higher than all, and others which are not. */
	map_add(test, &model, MAP_NUMBERS - 1);
	freq_pool_publish(&model.state->pool);
	map_churn(test, &model);
	map_add(test, &model, count + 2);
	map_add(test, &model, count + 1);
	freq_pool_publish(&model.state->pool);
	map_churn(test, &model);
	map_drain(test, &model);
	KUNIT_EXPECT_EQ(test, bitmap_weight(model.is_free, MAP_NUMBERS),
			model.state->pool.free.count);

	close_client(model.state, &model.client);
	end_state(model.state);
	kvfree(model.is_free);
	kvfree(model.is_in);
}

static void map_of_some(struct kunit *test)
{
	static const u32 counts[] = { 1, 2, 63, 64, 65, 127, 128, 129, 300 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		map_of(test, 0, counts[i], true);
		map_of(test, counts[i] / 2, counts[i], false);
		map_of(test, counts[i] - 1, counts[i], true);
	}
}

static void map_of_thousands(struct kunit *test)
{
	static const u32 counts[] = { 4095, 4096, 4097, 8192, 8257 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		map_of(test, counts[i] - 2, counts[i], true);
		map_of(test, counts[i] / 2, counts[i], false);
	}
}

static void map_of_a_quarter_million(struct kunit *test)
{
	map_of(test, 262143, 262144 + 70, true);
	map_of(test, 262144, 262144 + 1, false);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(holder_of_a_batch_is_used_again),
	KUNIT_CASE(batch_ends_while_clients_close),
	KUNIT_CASE(map_of_some),
	KUNIT_CASE(map_of_thousands),
	KUNIT_CASE(map_of_a_quarter_million),
	{ }
};

static struct kunit_suite state_suite = {
	.name = "freq_state",
	.test_cases = state_cases,
};

static void good_specs(struct kunit *test)
{
	static const struct {
		const char *text;
		struct freq_range range;
	} specs[] = {
		{ "0", { 0, 0, 1 } },
		{ "10-15", { 10, 15, 1 } },
		{ "10-16/2", { 10, 16, 2 } },
		{ "868.1MHz", { 868100000, 868100000, 1 } },
		{ "446.00625MHz-446.19375MHz/12.5kHz",
		  { 446006250, 446193750, 12500 } },
		{ "1.5G", { 1500000000, 1500000000, 1 } },
		{ "1.0000k", { 1000, 1000, 1 } },
		{ "18446744073709551615", { U64_MAX, U64_MAX, 1 } },
	};
	struct freq_range range;
	const char *text;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(specs); i++) {
		text = specs[i].text;
		KUNIT_EXPECT_EQ(test, 1, freq_spec_next(&text, &range));
		KUNIT_EXPECT_EQ(test, specs[i].range.start, range.start);
		KUNIT_EXPECT_EQ(test, specs[i].range.end, range.end);
		KUNIT_EXPECT_EQ(test, specs[i].range.step, range.step);
		KUNIT_EXPECT_EQ(test, 0, freq_spec_next(&text, &range));
	}
}

static void bad_specs(struct kunit *test)
{
	static const struct {
		const char *text;
		int err;
	} specs[] = {
		{ ",", -EINVAL }, { "1,", -EINVAL }, { "-1", -EINVAL },
		{ "15-10", -EINVAL }, { "1-2/0", -EINVAL },
		{ "1.5", -EINVAL }, { "0.0001k", -EINVAL },
		{ "1-2MHz", -EINVAL }, { "1m", -EINVAL }, { "1 ", -EINVAL },
		{ "1.", -EINVAL }, { "1H", -EINVAL }, { "1-2/x", -EINVAL },
		{ "18446744073709551616", -ERANGE },
		{ "100000000000000000000", -ERANGE },
		{ "18446744073.709551616G", -ERANGE },
		{ "18446744074G", -ERANGE },
	};
	struct freq_range range;
	const char *text;
	u32 i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(specs); i++) {
		text = specs[i].text;
		do {
			ret = freq_spec_next(&text, &range);
		} while (ret > 0);
		KUNIT_EXPECT_EQ_MSG(test, specs[i].err, ret, "%s",
				    specs[i].text);
	}
}

static struct kunit_case spec_cases[] = {
	KUNIT_CASE(good_specs),
	KUNIT_CASE(bad_specs),
	{ }
};

static struct kunit_suite spec_suite = {
	.name = "freq_spec",
	.test_cases = spec_cases,
};

kunit_test_suites(&pool_suite, &state_suite, &spec_suite);

MODULE_DESCRIPTION("Frequency allocator: unit tests");
MODULE_AUTHOR("The freq authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(FREQ_VERSION);
IMPORT_SYMBOLS_FREQ();
