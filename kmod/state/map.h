/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map of the free frequencies, in the order of their numbers.
 *
 * It is kept from the first request on that looks for the lowest free one of
 * some frequencies; until then, it costs memory only.
 */
#ifndef FREQ_STATE_MAP_H
#define FREQ_STATE_MAP_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/types.h>

#include "contract/door.h"
#include "contract/format.h"

/* No rank */
#define FREQ_RANK_NONE U32_MAX

void freq_map_set(struct freq_pool *pool, u32 index, bool is_free);
int freq_map_reserve(struct freq_pool *pool, u32 count,
		     struct freq_call *call);
int freq_map_dismantle(struct freq_pool *pool, struct freq_call *call);
bool freq_map_build(struct freq_state *state);
u32 freq_map_first(struct freq_pool *pool, u64 number);
u32 freq_map_next_far(const struct freq_pool *pool, u32 rank);

/**
 * freq_map_next() - find the next free frequency
 * @pool: the pool, with its map
 * @rank: a rank
 *
 * Return: the lowest free rank that is not lower, or FREQ_RANK_NONE.
 */
static inline u32 freq_map_next(const struct freq_pool *pool, u32 rank)
{
	u64 word;

	if (likely(rank < pool->map_count)) {
		word = *(u64 *)freq_table_at(&pool->map, rank / 64,
					     sizeof(u64)) >> (rank % 64);
		if (word)
			return rank + __ffs64(word);
	}
	return freq_map_next_far(pool, rank);
}

/**
 * freq_map_is_ready() - test whether the map says which frequencies are free
 * @pool: the pool
 *
 * Return: true if it does; else it is to be built.
 */
static inline bool freq_map_is_ready(const struct freq_pool *pool)
{
	return pool->has_map && pool->map_count == pool->visible &&
	       pool->sorted_count == pool->visible;
}

/**
 * freq_map_take() - a frequency is free no more
 * @pool: the pool
 * @index: its slot
 */
static __always_inline void freq_map_take(struct freq_pool *pool, u32 index)
{
	if (unlikely(pool->has_map))
		freq_map_set(pool, index, false);
}

/**
 * freq_map_give() - a frequency is free
 * @pool: the pool
 * @index: its slot
 */
static __always_inline void freq_map_give(struct freq_pool *pool, u32 index)
{
	if (unlikely(pool->has_map))
		freq_map_set(pool, index, true);
}

#endif /* FREQ_STATE_MAP_H */
