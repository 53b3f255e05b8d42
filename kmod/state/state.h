/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state: the pool, and who holds what of it.
 */
#ifndef FREQ_STATE_STATE_H
#define FREQ_STATE_STATE_H

#include <linux/types.h>

#include "contract/door.h"
#include "contract/format.h"
#include "contract/handoff.h"
#include "state/pool.h"

/* Phases of a claim, in the progress of a call: see freq_state_claim(). */
enum freq_claim {
	FREQ_CLAIM_NONE,
	FREQ_CLAIM_WAITING,
	FREQ_CLAIM_HELD,
};

struct freq_state *freq_state_create(void);
int freq_state_reserve(struct freq_state *state, u32 slots, u32 holders,
		       struct freq_call *call);
int freq_state_destroy(void *state, struct freq_call *call);

int freq_state_claim(struct freq_state *state, struct freq_call *call,
		     u32 *phase);
void freq_state_unclaim(struct freq_state *state);

u32 freq_state_allocated(const struct freq_state *state);
const struct freq_holder *freq_state_holder(const struct freq_state *state,
					    const struct freq_slot *slot);

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
 * freq_state_is_owner() - test whether a client holds a slot
 * @slot: a slot that is allocated
 * @client: the client
 *
 * Return: true if it does.
 */
static inline bool freq_state_is_owner(const struct freq_slot *slot,
				       const struct freq_client *client)
{
	return (slot->owner & ~FREQ_OWNER_KEEP) == client->data;
}

int freq_state_reserve_holder(struct freq_state *state,
			      struct freq_call *call);
u32 freq_state_create_holder(struct freq_state *state,
			     const struct freq_client *client);

/* A holder that is to change before the mutex is dropped. */
static __always_inline struct freq_holder *
freq_state_change_holder(struct freq_state *state, u32 index)
{
	freq_mirror_holder(state->pool.mirror, index);
	return freq_table_at(&state->holders, index,
			     sizeof(struct freq_holder));
}

/* Makes a holder, which is marked, unused if nothing names it any more. */
static __always_inline void freq_state_put_holder(struct freq_state *state,
						  struct freq_holder *holder,
						  u32 index)
{
	if (holder->pid || holder->stale || holder->kept.count)
		return;
	holder->next = state->unused_holder;
	state->unused_holder = index;
}

/* A free slot forgets the holder whose client was closed. */
static __always_inline void freq_state_forget_holder(struct freq_state *state,
						     struct freq_slot *slot)
{
	u32 index = slot->owner;
	struct freq_holder *holder = freq_state_change_holder(state, index);

	holder->stale--;
	freq_state_put_holder(state, holder, index);
}

/**
 * freq_state_peek() - look which frequencies are next
 * @state: the state
 * @call: the call of the client
 * @numbers: out: the frequencies
 * @count: how many; not 0
 *
 * In the same hold, freq_state_allocate() allocates them and cannot fail.
 *
 * Return: 0; -ENOSPC if fewer are free; -ENOMEM; or a FREQ_WANT_*.
 */
static __always_inline int
freq_state_peek(struct freq_state *state, struct freq_call *call,
		u64 *numbers, u32 count)
{
	const struct freq_pool *pool = &state->pool;
	u32 index = pool->free.first;
	const struct freq_slot *slot;
	int ret;

	if (unlikely(count > pool->free.count))
		return -ENOSPC;
	if (unlikely(!call->client->data)) {
		ret = freq_state_reserve_holder(state, call);
		if (ret)
			return ret;
	}
	do {
		slot = freq_pool_slot(pool, index);
		*numbers++ = slot->number;
		index = slot->next;
	} while (--count);
	return 0;
}

/**
 * freq_state_allocate() - allocate the frequencies that are next
 * @state: the state
 * @call: the call of the client
 * @keep: whether the allocations outlive the client
 * @count: how many, as in freq_state_peek() before
 */
static __always_inline void
freq_state_allocate(struct freq_state *state, const struct freq_call *call,
		    bool keep, u32 count)
{
	struct freq_pool *pool = &state->pool;
	struct freq_holder *holder;
	struct freq_queue *to;
	struct freq_slot *slot;
	u32 owner, index;

	if (unlikely(!call->client->data))
		call->client->data = freq_state_create_holder(state, call->client);
	owner = call->client->data;
	holder = freq_state_change_holder(state, owner);
	to = keep ? &holder->kept : &holder->held;
	if (keep)
		owner |= FREQ_OWNER_KEEP;
	do {
		index = pool->free.first;
		freq_pool_mark_append(pool, to, index);
		slot = freq_pool_write(pool, index);
		if (unlikely(slot->owner))
			freq_state_forget_holder(state, slot);
		freq_pool_pop(&pool->free, slot);
		freq_pool_append(pool, to, slot, index);
		slot->owner = owner;
	} while (--count);
}

int freq_state_deallocate(struct freq_state *state, struct freq_call *call,
			  u64 *numbers, u32 count, u32 *failed);
int freq_state_close(void *state, struct freq_call *call);

#endif /* FREQ_STATE_STATE_H */
