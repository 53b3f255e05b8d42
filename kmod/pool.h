/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool: every frequency that there is, and the order in which the free
 * ones are given out. Part of the format freq-state-1 (see handoff.h).
 */
#ifndef FREQ_POOL_H
#define FREQ_POOL_H

#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct freq_slot - a frequency of the pool
 * @node: in the pool's @numbers
 * @link: in the pool's @free if it is free, else in a list of its holder's
 * @number: the frequency
 * @holder: whose it is, NULL if it is free
 * @keep: it outlives the client that allocated it
 * @pad: 0
 */
struct freq_slot {
	struct rb_node node;
	struct list_head link;
	u64 number;
	void *holder;
	u32 keep;
	u32 pad;
};

/**
 * struct freq_pool - all frequencies
 * @numbers: the slots by number
 * @free: the slots that are free; the head is given out next
 * @batches: the memory of the slots, as it was allocated
 * @free_count: number of free frequencies
 * @allocated_count: number of allocated frequencies
 *
 * The pool has no lock; whoever owns the state serialises.
 */
struct freq_pool {
	struct rb_root numbers;
	struct list_head free;
	struct list_head batches;
	u64 free_count;
	u64 allocated_count;
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_slot) == 64);
static_assert(sizeof(struct freq_pool) == 56);
#endif

void freq_pool_init(struct freq_pool *pool);
void freq_pool_destroy(struct freq_pool *pool);
int freq_pool_add(struct freq_pool *pool, const u64 *numbers, u32 count,
		  u32 *index);
struct freq_slot *freq_pool_take(struct freq_pool *pool, void *holder,
				 struct list_head *list);
void freq_pool_give_back(struct freq_pool *pool, struct freq_slot *slot);
struct freq_slot *freq_pool_find(const struct freq_pool *pool, u64 number);
struct freq_slot *freq_pool_from(const struct freq_pool *pool, u64 number);
struct freq_slot *freq_pool_next(const struct freq_slot *slot);

#endif /* FREQ_POOL_H */
