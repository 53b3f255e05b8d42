/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state: the pool, and its holders.
 */
#ifndef FREQ_STATE_STATE_H
#define FREQ_STATE_STATE_H

#include <linux/types.h>

#include "contract/door.h"
#include "contract/format.h"
#include "contract/handoff.h"
#include "state/grant.h"
#include "state/log.h"
#include "state/map.h"
#include "state/pool.h"
#include "state/wait.h"

/* What the owner of a slot has beside the index of its holder. */
#define FREQ_OWNER_FLAGS (FREQ_OWNER_KEEP | FREQ_OWNER_MARK)

/*
 * The word of a call's progress that is the phase of its claim. As long as it
 * is not FREQ_CLAIM_NONE, the handler looks at &freq_call.status itself. There
 * are more phases in enum freq_wait.
 */
#define FREQ_PROGRESS_CLAIM	3

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
int freq_state_await_claim(struct freq_state *state, struct freq_call *call,
			   u32 *phase, s64 deadline);
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

/**
 * freq_state_grant() - get the number of a grant
 * @state: the state
 * @index: index of a slot that is allocated
 *
 * Return: the number.
 */
static inline u64 freq_state_grant(const struct freq_state *state, u32 index)
{
	return *freq_pool_grant(&state->pool, index) ?: state->base;
}

int freq_state_reserve_holder(struct freq_state *state,
			      struct freq_call *call);
int freq_state_need_holder(struct freq_state *state, struct freq_call *call);
void freq_state_create_holder(struct freq_state *state,
			      struct freq_client *client);

/**
 * freq_state_own_holder() - get the holder of a client, or make it one
 * @state: the state
 * @client: the client. If it has no holder yet, there is room for it: see
 *	freq_state_need_holder().
 *
 * Return: the index of the holder.
 */
static __always_inline u32 freq_state_own_holder(struct freq_state *state,
						 struct freq_client *client)
{
	if (unlikely(!client->data))
		freq_state_create_holder(state, client);
	return client->data;
}

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

/* A free slot, which is marked, forgets the holder whose client was closed. */
static __always_inline void freq_state_forget_holder(struct freq_state *state,
						     struct freq_slot *slot)
{
	u32 index = slot->owner;
	struct freq_holder *holder = freq_state_change_holder(state, index);

	holder->stale--;
	freq_state_put_holder(state, holder, index);
	slot->owner = 0;
}

/**
 * freq_state_peek() - look which frequency is next
 * @state: the state
 * @call: the call of the client
 * @index: out: its slot, for freq_state_allocate() in the same hold
 *
 * Return: 0; -ENOSPC if none is free; -ENOMEM; or a FREQ_WANT_*.
 */
static __always_inline int freq_state_peek(struct freq_state *state,
					   struct freq_call *call, u32 *index)
{
	if (unlikely(freq_wait_settle(state, call)))
		return FREQ_WANT_AGAIN;
	*index = state->pool.free.first;
	if (unlikely(!*index))
		return -ENOSPC;
	return likely(call->client->data) ? 0 :
	       freq_state_reserve_holder(state, call);
}

/* Allocates a free frequency; @is_first: the next one. Its holder is marked. */
static __always_inline void freq_state_append(struct freq_state *state,
					      struct freq_queue *to,
					      u32 owner, u32 index, u64 grant,
					      bool is_first)
{
	struct freq_pool *pool = &state->pool;
	struct freq_slot *slot = freq_pool_write(pool, index);

	if (unlikely(pool->mirror)) {
		freq_pool_mark_remove(pool, index);
		freq_mirror_slot(pool->mirror, to->last);
	}
	if (unlikely(slot->owner))
		freq_state_forget_holder(state, slot);
	if (is_first) {
		freq_pool_pop(&pool->free, slot);
	} else {
		freq_pool_unlink(pool, &pool->free, slot, index);
		pool->free.count--;
	}
	freq_pool_append(pool, to, slot, index);
	slot->owner = owner;
	*freq_pool_grant(pool, index) = grant;
	freq_map_take(pool, index);
}

/**
 * freq_state_place() - allocate a frequency, of which the caller makes a record
 * @state: the state
 * @client: the client. If it has no holder yet, freq_state_reserve_holder() has
 *	made room for it in this hold.
 * @keep: whether the allocation outlives the client
 * @index: slot of the frequency, which is free
 * @grant: number of the grant
 * @is_first: whether it is known to be the next one
 *
 * Context: under the mutex; cannot fail.
 */
static __always_inline void
freq_state_place(struct freq_state *state, struct freq_client *client,
		 bool keep, u32 index, u64 grant, bool is_first)
{
	u32 own = freq_state_own_holder(state, client);
	struct freq_holder *holder = freq_state_change_holder(state, own);

	if (unlikely(keep))
		freq_state_append(state, &holder->kept, own | FREQ_OWNER_KEEP,
				  index, grant, is_first);
	else
		freq_state_append(state, &holder->held, own, index, grant,
				  is_first);
}

/**
 * freq_state_allocate() - allocate a frequency
 * @state: the state
 * @call: a call of its server
 * @client: as for freq_state_place()
 * @keep: as for freq_state_place()
 * @index: as for freq_state_place()
 * @grant: as for freq_state_place()
 * @is_first: as for freq_state_place()
 *
 * Context: under the mutex; cannot fail.
 */
static __always_inline void
freq_state_allocate(struct freq_state *state, struct freq_call *call,
		    struct freq_client *client, bool keep, u32 index, u64 grant,
		    bool is_first)
{
	freq_state_place(state, client, keep, index, grant, is_first);
	freq_log_allocated(state, call, index);
}

int freq_state_peek_all(struct freq_state *state, struct freq_call *call,
			u64 *numbers, u32 count);
void freq_state_allocate_all(struct freq_state *state,
			     struct freq_call *call, bool keep, u32 count);
int freq_state_deallocate(struct freq_state *state, struct freq_call *call,
			  u64 number, u64 grant);
void freq_state_free(struct freq_state *state, struct freq_call *call,
		     u32 index);
int freq_state_deallocate_all(struct freq_state *state, struct freq_call *call,
			      u64 *numbers, u32 count, u32 *failed);
int freq_state_close(void *state, struct freq_call *call);
int freq_state_tick(void *state, struct freq_call *call);

/* A time that has come */
#define FREQ_NOW 1

void freq_state_wake_at(struct freq_state *state, struct freq_call *call,
			s64 at);

#endif /* FREQ_STATE_STATE_H */
