/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state: the pool, and who holds what of it.
 */
#ifndef FREQ_STATE_H
#define FREQ_STATE_H

#include <linux/types.h>

#include "door.h"
#include "format.h"
#include "handoff.h"
#include "pool.h"

struct freq_state *freq_state_create(void);
int freq_state_make_room(struct freq_state *state, u32 slot, u32 holder);
int freq_state_make_all_room(struct freq_state *state, u32 slot, u32 holder);
void freq_state_destroy(void *state);
bool freq_state_busy(void *state);
u32 freq_state_allocated(const struct freq_state *state);
const struct freq_holder *freq_state_holder(const struct freq_state *state,
					    const struct freq_slot *slot);

/**
 * freq_state_holder_of() - find the holder of a client
 * @data: what the state has of the client
 *
 * What the door keeps for a client is the index of its holder.
 *
 * Return: that index, 0 if it has none.
 */
static inline u32 freq_state_holder_of(const void *data)
{
	return (uintptr_t)data;
}

/**
 * freq_state_is_owner() - tell whether a client holds a slot
 * @slot: a slot that is allocated
 * @data: what the state has of the client
 *
 * Return: whether.
 */
static inline bool freq_state_is_owner(const struct freq_slot *slot,
				       const void *data)
{
	return (slot->owner & ~FREQ_OWNER_KEEP) == freq_state_holder_of(data);
}

/**
 * freq_state_holder_at() - find a holder
 * @state: the state
 * @index: its index, 1 to the state's holder_count
 *
 * Return: the holder, to be read.
 */
static inline const struct freq_holder *
freq_state_holder_at(const struct freq_state *state, u32 index)
{
	return freq_table_at(&state->holders, index,
			     sizeof(struct freq_holder));
}

/**
 * freq_state_change_holder() - find a holder that is about to change
 * @state: the state
 * @index: its index, 1 to the state's holder_count
 *
 * Return: the holder, to be written before the mutex is dropped.
 */
static inline struct freq_holder *
freq_state_change_holder(struct freq_state *state, u32 index)
{
	freq_journal_holder(state->pool.journal, index);
	return freq_table_at(&state->holders, index,
			     sizeof(struct freq_holder));
}

/* The queue of its holder in which an allocated slot stands. */
static inline struct freq_queue *freq_state_queue(struct freq_holder *holder,
						  const struct freq_slot *slot)
{
	return slot->owner & FREQ_OWNER_KEEP ? &holder->kept : &holder->held;
}

int freq_state_allocate(struct freq_state *state, const struct freq_call *call,
			bool keep, u64 *numbers, u32 count);
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_call *call, u64 number);
int freq_state_deallocate_all(struct freq_state *state,
			      const struct freq_call *call, u64 *numbers,
			      u32 count, u32 *failed);

/* Moves the first free slot to the end of a holder's queue. */
static __always_inline void freq_state_hand_out(struct freq_state *state,
						struct freq_queue *to,
						struct freq_slot *slot,
						u32 index, u32 owner)
{
	freq_pool_take(&state->pool.free, slot);
	freq_pool_append(&state->pool, to, slot, index);
	slot->owner = owner;
}

/**
 * freq_state_allocate_one() - freq_state_allocate() of one, quickly
 * @state: the state
 * @call: the call of the client
 * @keep: whether the allocation outlives the client
 * @number: out: the frequency
 *
 * What is out of the ordinary is left to that: the first allocation of a
 * client, a slot that a closed client had, a state that is being copied.
 *
 * Return: as freq_state_allocate().
 */
static __always_inline int freq_state_allocate_one(struct freq_state *state,
						   const struct freq_call *call,
						   bool keep, u64 *number)
{
	u32 holding = freq_state_holder_of(*call->data);
	struct freq_pool *pool = &state->pool;
	u32 index = pool->free.first;
	struct freq_slot *slot = freq_pool_write(pool, index);
	struct freq_holder *holder;

	if (unlikely(!index || slot->owner || !holding || pool->journal))
		return freq_state_allocate(state, call, keep, number, 1);
	holder = freq_state_change_holder(state, holding);
	freq_state_hand_out(state, keep ? &holder->kept : &holder->held, slot,
			    index, keep ? holding | FREQ_OWNER_KEEP : holding);
	*number = slot->number;
	return 0;
}

/**
 * freq_state_deallocate_one() - freq_state_deallocate(), quickly
 * @state: the state
 * @call: the call of the client
 * @number: the frequency
 *
 * What is out of the ordinary is left to that: what is kept, or not the
 * client's, or not allocated, and a state that is being copied.
 *
 * Return: as freq_state_deallocate().
 */
static __always_inline int
freq_state_deallocate_one(struct freq_state *state,
			  const struct freq_call *call, u64 number)
{
	u32 holding = freq_state_holder_of(*call->data);
	struct freq_pool *pool = &state->pool;
	u32 index = freq_pool_find_any(pool, number);
	struct freq_slot *slot = freq_pool_write(pool, index);

	if (unlikely(slot->owner != holding || !holding || pool->journal))
		return freq_state_deallocate(state, call, number);
	freq_pool_remove(pool, &freq_state_change_holder(state, holding)->held,
			 slot, index);
	slot->owner = 0;
	freq_pool_push(&pool->free, slot, index);
	return 0;
}

void freq_state_close(void *state, void **data);

#endif /* FREQ_STATE_H */
