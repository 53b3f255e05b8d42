// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: The map
 *
 * The rank of a frequency is its place in the order of the numbers. The map has
 * a bit for each rank, which is set if the frequency is free; above it, a bit
 * for each word that is not 0; and above that, once more. So the next free rank
 * is three words away, however many frequencies are allocated.
 *
 * Ranks change if what is added is not higher than all that there was. The map
 * is built anew then, in steps, by who needs it next. As far as it is built, all
 * that is allocated and freed meanwhile is kept up to date.
 */
#include <linux/bitops.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "state/map.h"
#include "state/pool.h"
#include "state/state.h"
#include "state/table.h"

/* How many ranks one hold maps. */
#define BUILD_STEP 128

/* Ranks of a word of each level: 2^6, 2^12, 2^18. */
#define LEVEL_BITS 6

static u64 *word_at(const struct freq_table *table, u32 word)
{
	return freq_table_at(table, word, sizeof(u64));
}

static u32 *rank_of(const struct freq_pool *pool, u32 index)
{
	return freq_table_at(&pool->ranks, index, sizeof(u32));
}

static void set_free(struct freq_pool *pool, u32 rank)
{
	u32 low = rank >> LEVEL_BITS, high = low >> LEVEL_BITS;
	u64 *word = word_at(&pool->map, low);
	bool is_set = *word;

	*word |= BIT_ULL(rank % 64);
	if (is_set)
		return;
	*word_at(&pool->map_words, high) |= BIT_ULL(low % 64);
	pool->map_top[high >> LEVEL_BITS] |= BIT_ULL(high % 64);
}

static void set_allocated(struct freq_pool *pool, u32 rank)
{
	u32 low = rank >> LEVEL_BITS, high = low >> LEVEL_BITS;
	u64 *word = word_at(&pool->map, low);

	*word &= ~BIT_ULL(rank % 64);
	if (*word)
		return;
	word = word_at(&pool->map_words, high);
	*word &= ~BIT_ULL(low % 64);
	if (!*word)
		pool->map_top[high >> LEVEL_BITS] &= ~BIT_ULL(high % 64);
}

/**
 * freq_map_set() - freq_map_take() and freq_map_give() if there is a map
 * @pool: the pool
 * @index: the slot
 * @is_free: whether it is free now
 */
void freq_map_set(struct freq_pool *pool, u32 index, bool is_free)
{
	u32 rank = *rank_of(pool, index);

	pool->map_given += is_free;
	/* A rank that is not mapped yet can be one of before. */
	if (rank >= pool->map_count || freq_pool_index(pool, rank) != index)
		return;
	if (is_free)
		set_free(pool, rank);
	else
		set_allocated(pool, rank);
}

/**
 * freq_map_reserve() - see to it that a map has room
 * @pool: the pool
 * @count: for how many slots, slot 0 among them
 * @call: the call that provides the memory
 *
 * Return: as freq_table_reserve().
 */
int freq_map_reserve(struct freq_pool *pool, u32 count, struct freq_call *call)
{
	u32 words = DIV_ROUND_UP(count, 64);

	return freq_table_reserve(&pool->ranks, count, sizeof(u32), call) ?:
	       freq_table_reserve(&pool->map, words, sizeof(u64), call) ?:
	       freq_table_reserve(&pool->map_words, DIV_ROUND_UP(words, 64),
				  sizeof(u64), call);
}

/**
 * freq_map_dismantle() - free the map
 * @pool: the pool
 * @call: the call that frees it
 *
 * Return: as freq_table_dismantle().
 */
int freq_map_dismantle(struct freq_pool *pool, struct freq_call *call)
{
	return freq_table_dismantle(&pool->map_words, call) ?:
	       freq_table_dismantle(&pool->map, call) ?:
	       freq_table_dismantle(&pool->ranks, call);
}

/* Words are cleared as ranks of them are mapped. */
static void map_rank(struct freq_state *state, u32 rank)
{
	struct freq_pool *pool = &state->pool;
	u32 index = freq_pool_index(pool, rank);

	if (!rank)
		memset(pool->map_top, 0, sizeof(pool->map_top));
	if (!(rank % 64))
		*word_at(&pool->map, rank / 64) = 0;
	if (!(rank % 4096))
		*word_at(&pool->map_words, rank / 4096) = 0;
	*rank_of(pool, index) = rank;
	if (!freq_state_holder(state, freq_pool_slot(pool, index)))
		set_free(pool, rank);
}

/**
 * freq_map_build() - bring the map up to date, a step of it
 * @state: the state; its pool has a map from now on
 *
 * Return: whether it was ready; if not, this is all that a hold should do.
 */
bool freq_map_build(struct freq_state *state)
{
	struct freq_pool *pool = &state->pool;
	u32 end;

	if (freq_map_is_ready(pool))
		return true;
	pool->has_map = 1;
	if (!freq_pool_sort(pool))
		return false;
	end = min(pool->visible, pool->map_count + BUILD_STEP);
	for (; pool->map_count < end; pool->map_count++)
		map_rank(state, pool->map_count);
	return false;
}

/**
 * freq_map_first() - find the first rank of a span
 * @pool: the pool, with its map
 * @number: the first number of it
 *
 * Return: the rank of the lowest frequency that is not lower.
 */
u32 freq_map_first(struct freq_pool *pool, u64 number)
{
	const struct freq_slot *lowest = freq_pool_ranked(pool, 0);
	u32 index;

	if (!lowest || number <= lowest->number)
		return 0;
	/* 30 instructions, where the search takes 15 for each halving. */
	index = freq_pool_find(pool, number);
	return index ? *rank_of(pool, index) : freq_pool_rank(pool, number);
}

/* The next bit that is set in a word, from @bit on, or 64 */
static u32 next_bit(u64 word, u32 bit)
{
	word = bit < 64 ? word & (~0ULL << bit) : 0;
	return word ? __ffs64(word) : 64;
}

/**
 * freq_map_next_far() - freq_map_next() if it is not in the same word
 * @pool: the pool, with its map
 * @rank: a rank; the rest of its word is 0
 *
 * Return: as freq_map_next().
 */
u32 freq_map_next_far(const struct freq_pool *pool, u32 rank)
{
	u32 low = rank / 64, high = low / 64, top, bit;

	if (rank >= pool->map_count)
		return FREQ_RANK_NONE;
	bit = next_bit(*word_at(&pool->map_words, high), low % 64 + 1);
	if (bit == 64) {
		top = high / 64;
		bit = next_bit(pool->map_top[top], high % 64 + 1);
		while (bit == 64 && ++top < ARRAY_SIZE(pool->map_top))
			bit = next_bit(pool->map_top[top], 0);
		if (bit == 64)
			return FREQ_RANK_NONE;
		high = top * 64 + bit;
		bit = __ffs64(*word_at(&pool->map_words, high));
	}
	low = high * 64 + bit;
	return low * 64 + __ffs64(*word_at(&pool->map, low));
}
