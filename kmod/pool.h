/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool: every frequency that there is, the order in which the free ones
 * are given out, and the order of their numbers.
 */
#ifndef FREQ_POOL_H
#define FREQ_POOL_H

#include <linux/types.h>

#include <linux/freq.h>

#include "format.h"
#include "journal.h"
#include "table.h"

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
	freq_journal_note(pool->journal, index);
	return freq_table_at(&pool->slots, index, sizeof(struct freq_slot));
}

/**
 * freq_pool_bucket() - find a bucket
 * @pool: the pool
 * @bucket: its index, 0 to the pool's bucket_count - 1
 *
 * Return: the index of the first slot in it.
 */
static inline u32 *freq_pool_bucket(const struct freq_pool *pool, u32 bucket)
{
	return freq_table_at(&pool->buckets, bucket, sizeof(u32));
}

int freq_pool_init(struct freq_pool *pool);
void freq_pool_destroy(struct freq_pool *pool);

/**
 * freq_pool_room() - tell how much can still be added
 * @pool: the pool
 *
 * Return: how many frequencies.
 */
static inline u32 freq_pool_room(const struct freq_pool *pool)
{
	return FREQ_POOL_MAX - pool->slot_count;
}

int freq_pool_make_room(struct freq_pool *pool, u32 index);
void freq_pool_copy_counts(struct freq_pool *to, const struct freq_pool *from);

int freq_pool_stage(struct freq_pool *pool, u64 number);
void freq_pool_unstage(struct freq_pool *pool);
void freq_pool_publish(struct freq_pool *pool);

u32 freq_pool_find(const struct freq_pool *pool, u64 number);

void freq_pool_push(struct freq_pool *pool, struct freq_queue *queue,
		    u32 index);
void freq_pool_append(struct freq_pool *pool, struct freq_queue *queue,
		      u32 index);
void freq_pool_remove(struct freq_pool *pool, struct freq_queue *queue,
		      u32 index);
void freq_pool_splice(struct freq_pool *pool, struct freq_queue *front,
		      struct freq_queue *queue);

bool freq_pool_sort(struct freq_pool *pool);
u32 freq_pool_rank(const struct freq_pool *pool, u64 number);
const struct freq_slot *freq_pool_ranked(const struct freq_pool *pool, u32 rank);

#endif /* FREQ_POOL_H */
