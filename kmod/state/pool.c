// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: The pool
 *
 * A frequency is in the pool once, in a slot, and the slot never moves. All
 * that refers to a slot does so by its index: the queues, the hash chains, the
 * order of the numbers. So the pool can be copied, slot by slot, into another
 * layout.
 *
 * Slots are found by hash. Each slot has two buckets, whatever its frequency,
 * so their number follows that of the slots one by one (linear hashing: new
 * buckets take their share of one old pair), and no addition costs more than
 * another.
 *
 * Frequencies that are added are staged first: they get slots, and a place in
 * the hash that keeps others from adding them too, but nobody finds them.
 * Publishing makes all of them appear at once, behind the free ones. Only one
 * addition can be under way, and none while the state has a mirror.
 *
 * The order of the numbers is needed by readers only. So it is brought up to
 * date when one comes, in steps: by appending, as long as what was added
 * ascends, else by a radix sort of the whole.
 *
 * No function here takes a lock, touches user memory, or prints.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "state/map.h"
#include "state/pool.h"
#include "state/table.h"

/* How many slots one step of the sorting handles. */
#define SORT_STEP 256

static u32 *rank_at(const struct freq_table *table, u32 rank)
{
	return freq_table_at(table, rank, sizeof(u32));
}

/**
 * freq_pool_init() - make an empty pool
 * @pool: where
 *
 * It needs room for slot 0 before anything is done with it, see
 * freq_pool_reserve().
 */
void freq_pool_init(struct freq_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
}

/**
 * freq_pool_dismantle() - free all that a pool has
 * @pool: the pool
 * @call: the call that frees it
 *
 * Return: as freq_table_dismantle().
 */
int freq_pool_dismantle(struct freq_pool *pool, struct freq_call *call)
{
	return freq_map_dismantle(pool, call) ?:
	       freq_table_dismantle(&pool->grants, call) ?:
	       freq_table_dismantle(&pool->spare, call) ?:
	       freq_table_dismantle(&pool->sorted, call) ?:
	       freq_table_dismantle(&pool->slots, call);
}

/* Splits an old bucket: moves the slots that belong to the new one. */
static __always_inline void split_bucket(struct freq_pool *pool, u32 *link,
					 u32 *end, u32 new, u32 mask)
{
	struct freq_slot *slot;
	u32 index;

	for (index = *link; index; index = slot->chain) {
		slot = freq_pool_write(pool, index);
		if ((freq_pool_hash(slot->number) & mask) == new) {
			*end = index;
			end = &slot->chain;
		} else {
			*link = index;
			link = &slot->chain;
		}
	}
	*link = 0;
	*end = 0;
}

/* Opens the buckets of the next slot. */
static __always_inline void add_buckets(struct freq_pool *pool)
{
	u32 new = pool->bucket_last + 1, *from, *to, mask;

	if (unlikely(new > pool->bucket_mask))
		pool->bucket_mask = 2 * pool->bucket_mask + 1;
	mask = pool->bucket_mask;
	pool->bucket_last = new;
	from = freq_pool_write(pool, new & (mask >> 1))->buckets;
	to = freq_pool_write(pool, new)->buckets;
	split_bucket(pool, &from[0], &to[0], new, mask);
	split_bucket(pool, &from[1], &to[1], new, mask);
}

/**
 * freq_pool_reserve() - see to it that a pool can have slots
 * @pool: the pool
 * @count: how many, slot 0 among them
 * @call: the call that provides the memory
 *
 * Return: as freq_table_reserve().
 */
int freq_pool_reserve(struct freq_pool *pool, u32 count,
		      struct freq_call *call)
{
	return freq_table_reserve(&pool->slots, count,
				  sizeof(struct freq_slot), call) ?:
	       freq_table_reserve(&pool->grants, count, sizeof(u64), call) ?:
	       freq_table_reserve(&pool->sorted, count, sizeof(u32), call) ?:
	       freq_table_reserve(&pool->spare, count, sizeof(u32), call) ?:
	       freq_map_reserve(pool, count, call);
}

/* Returns false if it is in the pool already. */
static __always_inline bool stage(struct freq_pool *pool, u32 index, u64 number)
{
	u32 *bucket = freq_pool_bucket(pool, freq_pool_hash(number)), other;
	struct freq_slot *slot;

	for (other = *bucket; other; other = slot->chain) {
		slot = freq_pool_write(pool, other);
		if (unlikely(slot->number == number))
			return false;
	}
	slot = freq_pool_write(pool, index);
	slot->number = number;
	slot->owner = 0;
	slot->chain = *bucket;
	*bucket = index;
	/* Staged slots are a queue already: publishing only has to join it. */
	slot->next = index + 1;
	slot->prev = index - 1;
	return true;
}

/**
 * freq_pool_stage() - add frequencies that nobody finds yet
 * @pool: the pool; it has room for them, see freq_pool_reserve()
 * @numbers: the frequencies
 * @count: how many
 *
 * Return: how many were staged. If these are fewer, the next one is in the
 * pool, or staged, already.
 */
u32 freq_pool_stage(struct freq_pool *pool, const u64 *numbers, u32 count)
{
	u32 index = pool->slot_count, i;

	while (pool->bucket_last < index + count)
		add_buckets(pool);
	for (i = 0; i < count; i++)
		if (!stage(pool, ++index, numbers[i]))
			break;
	pool->slot_count += i;
	return i;
}

/**
 * freq_pool_unstage() - take the frequency back that was staged last
 * @pool: the pool; something is staged
 */
void freq_pool_unstage(struct freq_pool *pool)
{
	u32 index = pool->slot_count, *link;
	const struct freq_slot *slot = freq_pool_slot(pool, index);

	link = freq_pool_bucket(pool, freq_pool_hash(slot->number));
	for (; *link != index; link = &freq_pool_write(pool, *link)->chain)
		;
	*link = slot->chain;
	pool->slot_count--;
}

/**
 * freq_pool_publish() - append the staged slots to the free ones
 * @pool: the pool
 */
void freq_pool_publish(struct freq_pool *pool)
{
	struct freq_queue staged = {
		.first = pool->visible + 1,
		.last = pool->slot_count,
		.count = pool->slot_count - pool->visible,
	};

	if (!staged.count)
		return;
	freq_pool_write(pool, staged.last)->next = 0;
	freq_pool_splice(pool, pool->free, &staged);
	pool->free = staged;
	pool->visible = pool->slot_count;
	pool->map_given++;
}

/**
 * freq_pool_copy_counts() - make a copy of all slots a pool
 * @to: the pool that they were copied to
 * @from: the pool that they were copied from
 *
 * The order of the numbers is made anew when it is needed.
 */
void freq_pool_copy_counts(struct freq_pool *to, const struct freq_pool *from)
{
	to->slot_count = from->slot_count;
	to->visible = from->visible;
	to->bucket_last = from->bucket_last;
	to->bucket_mask = from->bucket_mask;
	to->free = from->free;
	/* Who looks for a row begins anew. */
	to->map_given = from->map_given + 1;
}

/**
 * freq_pool_mark_remove() - mark the slots that freq_pool_unlink() changes
 * @pool: the pool, with a mirror
 * @index: the slot
 */
void freq_pool_mark_remove(struct freq_pool *pool, u32 index)
{
	const struct freq_slot *slot = freq_pool_slot(pool, index);

	freq_mirror_slot(pool->mirror, index);
	/* That of the first is undefined, but was a slot once. */
	freq_mirror_slot(pool->mirror, slot->prev);
	freq_mirror_slot(pool->mirror, slot->next);
}

/**
 * freq_pool_splice() - put slots in front of a queue of free ones
 * @pool: the pool
 * @front: the slots, a copy of their queue
 * @queue: the queue
 */
void freq_pool_splice(struct freq_pool *pool, struct freq_queue front,
		      struct freq_queue *queue)
{
	if (!front.count)
		return;
	if (queue->count) {
		freq_pool_change(pool, front.last)->next = queue->first;
		freq_pool_change(pool, queue->first)->prev = front.last;
	} else {
		queue->last = front.last;
	}
	queue->first = front.first;
	queue->count += front.count;
}

/*
 * Takes over, in the order of the slots, what ascends. Returns whether that
 * was all that this step looked at.
 */
static bool append_ascending(struct freq_pool *pool)
{
	u32 end = min(pool->visible, pool->sorted_count + SORT_STEP);
	u64 number, last = 0;
	u32 rank;

	if (pool->sorted_count)
		last = freq_pool_slot(pool, *rank_at(&pool->sorted,
						     pool->sorted_count - 1))
			->number;
	for (rank = pool->sorted_count; rank < end; rank++) {
		number = freq_pool_slot(pool, rank + 1)->number;
		if (number < last)
			break;
		last = number;
		*rank_at(&pool->sorted, rank) = rank + 1;
	}
	pool->sorted_count = rank;
	return rank == end;
}

static void begin_pass(struct freq_pool *pool, u32 shift)
{
	pool->sort_shift = shift;
	pool->sort_moving = false;
	pool->sort_at = 0;
	memset(pool->sort_bins, 0, sizeof(pool->sort_bins));
}

static u32 *bin_of(struct freq_pool *pool, u32 index)
{
	u64 number = freq_pool_slot(pool, index)->number;

	return &pool->sort_bins[(number >> pool->sort_shift) & 0xff];
}

static void count_some(struct freq_pool *pool, u32 end)
{
	u32 rank;

	for (rank = pool->sort_at; rank < end; rank++) {
		/* Slots that were never sorted come in order of addition. */
		if (!pool->sort_shift && rank >= pool->sorted_count)
			*rank_at(&pool->sorted, rank) = rank + 1;
		(*bin_of(pool, *rank_at(&pool->sorted, rank)))++;
	}
}

static void move_some(struct freq_pool *pool, u32 end)
{
	u32 rank, index;

	for (rank = pool->sort_at; rank < end; rank++) {
		index = *rank_at(&pool->sorted, rank);
		*rank_at(&pool->spare, (*bin_of(pool, index))++) = index;
	}
}

/* From how many are in each bin to where each begins. */
static void begin_moving(struct freq_pool *pool)
{
	u32 bin, count, start = 0;

	for (bin = 0; bin < ARRAY_SIZE(pool->sort_bins); bin++) {
		count = pool->sort_bins[bin];
		pool->sort_bins[bin] = start;
		start += count;
	}
	pool->sort_moving = true;
	pool->sort_at = 0;
}

static void sort_some(struct freq_pool *pool)
{
	u32 end = min(pool->sort_count, pool->sort_at + SORT_STEP);

	if (pool->sort_moving)
		move_some(pool, end);
	else
		count_some(pool, end);
	pool->sort_at = end;
	if (end < pool->sort_count)
		return;

	/* If all are in one bin, they are in order already. */
	if (!pool->sort_moving &&
	    *bin_of(pool, *rank_at(&pool->sorted, 0)) != pool->sort_count) {
		begin_moving(pool);
		return;
	}
	if (pool->sort_moving)
		swap(pool->sorted, pool->spare);
	if (pool->sort_shift < 56) {
		begin_pass(pool, pool->sort_shift + 8);
	} else {
		pool->sorted_count = pool->sort_count;
		pool->sort_count = 0;
	}
}

/**
 * freq_pool_sort() - bring the order of the numbers up to date, a step of it
 * @pool: the pool
 *
 * Return: whether it is up to date now; if not, it wants more calls.
 */
bool freq_pool_sort(struct freq_pool *pool)
{
	if (pool->sort_count) {
		sort_some(pool);
	} else if (!append_ascending(pool)) {
		pool->sort_count = pool->visible;
		pool->map_count = 0;
		begin_pass(pool, 0);
	}
	return !pool->sort_count && pool->sorted_count == pool->visible;
}

/**
 * freq_pool_rank() - find a place in the order of the numbers
 * @pool: the pool, with that order up to date
 * @number: any number
 *
 * Return: how many frequencies are below it.
 */
u32 freq_pool_rank(const struct freq_pool *pool, u64 number)
{
	u32 low = 0, high = pool->sorted_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (freq_pool_ranked(pool, middle)->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/**
 * freq_pool_ranked() - find a slot by its place in the order of the numbers
 * @pool: the pool, with that order up to date
 * @rank: the place, 0 is the lowest
 *
 * Return: the slot, or NULL if there are not so many.
 */
const struct freq_slot *freq_pool_ranked(const struct freq_pool *pool, u32 rank)
{
	if (rank >= pool->sorted_count)
		return NULL;
	return freq_pool_slot(pool, freq_pool_index(pool, rank));
}
