/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool: every frequency that there is, the order in which the free ones
 * are given out, and the order of their numbers. Part of the format
 * freq-state-1 (see state.h).
 */
#ifndef FREQ_POOL_H
#define FREQ_POOL_H

#include <linux/build_bug.h>
#include <linux/types.h>

#include <linux/freq.h>

#include "table.h"

/**
 * struct freq_slot - a frequency of the pool
 * @number: the frequency
 * @next: index of the slot behind it in its queue, 0 if it is the last
 * @prev: index of the slot before it in its queue, 0 if it is the first
 * @chain: index of the next slot with this hash, 0 if there is none
 * @owner: for who uses the pool: whose it is
 */
struct freq_slot {
	u64 number;
	u32 next;
	u32 prev;
	u32 chain;
	u32 owner;
};

/**
 * struct freq_queue - a queue of slots
 * @first: index of the first, 0 if it is empty
 * @last: index of the last, 0 if it is empty
 * @count: how many they are
 */
struct freq_queue {
	u32 first;
	u32 last;
	u32 count;
};

/**
 * struct freq_pool - all frequencies
 * @slots: table of struct freq_slot; 0 is none
 * @buckets: table of u32: the slots by hash
 * @sorted: table of u32: the slots by number, as far as @sorted_count
 * @spare: table of u32: where sorting puts what it moves
 * @slot_count: the slots 1 to this one are in use
 * @visible: the slots 1 to this one are in the pool; those above it are
 *	staged
 * @bucket_count: number of buckets
 * @bucket_mask: the next power of two, less 1
 * @sorted_count: the slots 1 to this one are in @sorted, in order
 * @sort_count: as many are being sorted; 0: no sorting is under way
 * @sort_at: how far this pass of the sorting has come
 * @sort_shift: by which bits this pass sorts
 * @sort_moving: this pass has counted and now moves
 * @sort_bins: how many, then where to, by those bits
 * @free: the queue of free slots: the first is given out next
 *
 * The pool has no lock; whoever owns the state serialises.
 */
struct freq_pool {
	struct freq_table slots;
	struct freq_table buckets;
	struct freq_table sorted;
	struct freq_table spare;
	u32 slot_count;
	u32 visible;
	u32 bucket_count;
	u32 bucket_mask;
	u32 sorted_count;
	u32 sort_count;
	u32 sort_at;
	u16 sort_shift;
	u16 sort_moving;
	u32 sort_bins[256];
	struct freq_queue free;
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_slot) == 24);
static_assert(sizeof(struct freq_pool) == 64 + 32 + 1024 + 16);
#endif

/**
 * freq_pool_slot() - find a slot
 * @pool: the pool
 * @index: its index, 1 to the pool's slot_count
 *
 * Return: the slot.
 */
static inline struct freq_slot *freq_pool_slot(const struct freq_pool *pool,
					       u32 index)
{
	return freq_table_at(&pool->slots, index, sizeof(struct freq_slot));
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
struct freq_slot *freq_pool_ranked(const struct freq_pool *pool, u32 rank);

#endif /* FREQ_POOL_H */
