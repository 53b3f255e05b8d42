/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool: every frequency that there is, the order in which the free ones
 * are given out, and the order of their numbers.
 */
#ifndef FREQ_STATE_POOL_H
#define FREQ_STATE_POOL_H

#include <linux/hash.h>
#include <linux/math64.h>
#include <linux/types.h>

#include <linux/freq.h>

#include "contract/format.h"
#include "state/mirror.h"
#include "state/table.h"

/**
 * freq_pool_slot() - find a slot
 * @pool: the pool
 * @index: its index, 1 to the pool's slot_count
 *
 * Return: the slot, to be read.
 */
static inline const struct freq_slot *
freq_pool_slot(const struct freq_pool *pool, u32 index)
{
	return freq_table_at(&pool->slots, index, sizeof(struct freq_slot));
}

/* A slot that is marked, or need not be. */
static inline struct freq_slot *freq_pool_write(struct freq_pool *pool,
						u32 index)
{
	return freq_table_at(&pool->slots, index, sizeof(struct freq_slot));
}

/**
 * freq_pool_change() - find a slot that is about to change
 * @pool: the pool
 * @index: its index, 1 to the pool's slot_count
 *
 * Return: the slot, to be written before the mutex is dropped.
 */
static inline struct freq_slot *freq_pool_change(struct freq_pool *pool,
						 u32 index)
{
	freq_mirror_slot(pool->mirror, index);
	return freq_pool_write(pool, index);
}

/**
 * freq_pool_grant() - find the number of a slot's grant
 * @pool: the pool
 * @index: the index of the slot
 *
 * Return: where it is. If it changes, the slot is marked as for a change of it.
 */
static inline u64 *freq_pool_grant(const struct freq_pool *pool, u32 index)
{
	return freq_table_at(&pool->grants, index, sizeof(u64));
}

/*
 * Both halves of the product, since the frequencies of a plan are evenly
 * spaced: either half alone leaves some plans with long chains.
 */
static inline u32 freq_pool_hash(u64 number)
{
	return mul_u64_u64_shr(number, GOLDEN_RATIO_64, 64) ^
	       mul_u64_u64_shr(number, GOLDEN_RATIO_64, 0);
}

void freq_pool_init(struct freq_pool *pool);
int freq_pool_dismantle(struct freq_pool *pool, struct freq_call *call);

/**
 * freq_pool_room() - count the frequencies that can still be added
 * @pool: the pool
 *
 * Return: how many frequencies.
 */
static inline u32 freq_pool_room(const struct freq_pool *pool)
{
	return FREQ_POOL_MAX - pool->slot_count;
}

int freq_pool_reserve(struct freq_pool *pool, u32 count,
		      struct freq_call *call);
void freq_pool_copy_counts(struct freq_pool *to, const struct freq_pool *from);

u32 freq_pool_stage(struct freq_pool *pool, const u64 *numbers, u32 count);
void freq_pool_unstage(struct freq_pool *pool);
void freq_pool_publish(struct freq_pool *pool);

/**
 * freq_pool_bucket() - find a bucket
 * @pool: the pool
 * @hash: the hash of the frequencies in it
 *
 * The low bits of the hash select the slot that has the bucket, the highest one
 * selects one of its two.
 *
 * Return: the index of the first slot in it.
 */
static inline u32 *freq_pool_bucket(struct freq_pool *pool, u32 hash)
{
	u32 index = hash & pool->bucket_mask;

	if (index > pool->bucket_last)
		index &= pool->bucket_mask >> 1;
	return &freq_pool_write(pool, index)->buckets[hash >> 31];
}

/* As freq_pool_find(), but also for staged slots. */
static inline u32 freq_pool_find_any(struct freq_pool *pool, u64 number)
{
	u32 index = *freq_pool_bucket(pool, freq_pool_hash(number));
	const struct freq_slot *slot;

	for (; index; index = slot->chain) {
		slot = freq_pool_slot(pool, index);
		if (slot->number == number)
			break;
	}
	return index;
}

/**
 * freq_pool_find() - find a frequency
 * @pool: the pool
 * @number: the frequency
 *
 * Return: the index of its slot, or 0 if it is not in the pool.
 */
static inline u32 freq_pool_find(struct freq_pool *pool, u64 number)
{
	u32 index = freq_pool_find_any(pool, number);

	return index <= pool->visible ? index : 0;
}

/**
 * freq_pool_pop() - pop the first slot of a queue
 * @queue: the queue
 * @slot: the slot
 *
 * As others that move slots, but for a splice, this marks nothing itself.
 */
static inline void freq_pool_pop(struct freq_queue *queue,
				 const struct freq_slot *slot)
{
	queue->first = slot->next;
	if (!queue->first)
		queue->last = 0;
	queue->count--;
}

void freq_pool_mark_remove(struct freq_pool *pool, u32 index);

/**
 * freq_pool_push() - put a slot first in the queue of the free ones
 * @pool: the pool
 * @queue: the queue
 * @slot: the slot; it is in no queue
 * @index: its index
 */
static inline void freq_pool_push(struct freq_pool *pool,
				  struct freq_queue *queue,
				  struct freq_slot *slot, u32 index)
{
	u32 first = queue->first;

	slot->next = first;
	if (first)
		freq_pool_write(pool, first)->prev = index;
	else
		queue->last = index;
	queue->first = index;
	queue->count++;
}

/**
 * freq_pool_append() - put a slot last in a holder's queue
 * @pool: the pool
 * @queue: the queue
 * @slot: the slot; it is in no queue
 * @index: its index
 */
static inline void freq_pool_append(struct freq_pool *pool,
				    struct freq_queue *queue,
				    struct freq_slot *slot, u32 index)
{
	u32 last = queue->last;

	slot->next = 0;
	slot->prev = last;
	if (last)
		freq_pool_write(pool, last)->next = index;
	else
		queue->first = index;
	queue->last = index;
	queue->count++;
}

/**
 * freq_pool_append_first() - move the first slots of a queue behind another
 * @pool: the pool
 * @from: the queue
 * @to: the other one
 * @last: index of the last slot that is moved
 * @count: how many are moved
 */
static inline void freq_pool_append_first(struct freq_pool *pool,
					  struct freq_queue *from,
					  struct freq_queue *to, u32 last,
					  u32 count)
{
	struct freq_slot *end = freq_pool_write(pool, last);
	u32 first = from->first;

	from->first = end->next;
	if (!from->first)
		from->last = 0;
	from->count -= count;
	end->next = 0;
	freq_pool_write(pool, first)->prev = to->last;
	if (to->last)
		freq_pool_write(pool, to->last)->next = first;
	else
		to->first = first;
	to->last = last;
	to->count += count;
}

/**
 * freq_pool_unlink() - take a slot out of its queue, but for the count
 * @pool: the pool
 * @queue: the queue that it is in
 * @slot: the slot
 * @index: its index
 */
static inline void freq_pool_unlink(struct freq_pool *pool,
				    struct freq_queue *queue,
				    const struct freq_slot *slot, u32 index)
{
	u32 next = slot->next, prev;

	if (queue->first == index) {
		queue->first = next;
		if (!next)
			queue->last = 0;
		return;
	}
	prev = slot->prev;
	freq_pool_write(pool, prev)->next = next;
	if (next)
		freq_pool_write(pool, next)->prev = prev;
	else
		queue->last = prev;
}

void freq_pool_splice(struct freq_pool *pool, struct freq_queue front,
		      struct freq_queue *queue);

/**
 * freq_pool_index() - find the index of a slot by its place in the order
 * @pool: the pool, with that order up to date
 * @rank: the place, 0 is the lowest; below the pool's sorted_count
 *
 * Return: the index.
 */
static inline u32 freq_pool_index(const struct freq_pool *pool, u32 rank)
{
	return *(u32 *)freq_table_at(&pool->sorted, rank, sizeof(u32));
}

bool freq_pool_sort(struct freq_pool *pool);
u32 freq_pool_rank(const struct freq_pool *pool, u64 number);
const struct freq_slot *freq_pool_ranked(const struct freq_pool *pool,
					 u32 rank);

#endif /* FREQ_STATE_POOL_H */
