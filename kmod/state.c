// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Who holds what
 *
 * A client that allocates for the first time gets a holder. The door keeps the
 * holder's index for it, as the client's data. Each slot of an allocated
 * frequency names its holder as its owner, and stands in one of the holder's
 * two queues.
 *
 * When the client is closed, its queue of what goes back is put in front of
 * the free slots, in one go. The slots in it still name the holder then; but
 * a holder that is closed owns only what is kept, so they are free, and each
 * forgets it when it is allocated next. The holder is used again when no slot
 * names it.
 *
 * The functions here run under the server's mutex (see door.h).
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "door.h"
#include "state.h"

static const struct freq_holder *holder_at(const struct freq_state *state,
					   u32 index)
{
	return freq_table_at(&state->holders, index,
			     sizeof(struct freq_holder));
}

static struct freq_holder *change_holder(struct freq_state *state, u32 index)
{
	freq_journal_note(state->pool.journal, index | FREQ_JOURNAL_HOLDER);
	return freq_table_at(&state->holders, index,
			     sizeof(struct freq_holder));
}

/**
 * freq_state_create() - make the state of a fresh server, without frequencies
 *
 * Context: may sleep.
 * Return: the state, to be freed by freq_state_destroy(); or an ERR_PTR of
 * -ENOMEM.
 */
struct freq_state *freq_state_create(void)
{
	struct freq_state *state;

	state = kzalloc(sizeof(*state), GFP_KERNEL);
	if (!state)
		return ERR_PTR(-ENOMEM);
	freq_table_init(&state->holders);
	if (freq_pool_init(&state->pool)) {
		freq_state_destroy(state);
		return ERR_PTR(-ENOMEM);
	}
	return state;
}

/**
 * freq_state_destroy() - free the state
 * @data: the state; clients that have a holder forget it
 */
void freq_state_destroy(void *data)
{
	struct freq_state *state = data;
	u32 index;

	for (index = 1; index <= state->holder_count; index++)
		put_pid(holder_at(state, index)->pid);
	freq_table_destroy(&state->holders);
	freq_pool_destroy(&state->pool);
	kfree(state);
}

/**
 * freq_state_allocated() - count what is allocated
 * @state: the state
 *
 * Return: the number of allocated frequencies.
 */
u32 freq_state_allocated(const struct freq_state *state)
{
	return state->pool.visible - state->pool.free.count;
}

/**
 * freq_state_busy() - tell whether anything is allocated
 * @state: the state
 *
 * Return: whether.
 */
bool freq_state_busy(void *state)
{
	return freq_state_allocated(state);
}

/* What the door keeps for a client is the index of its holder. */
static u32 index_of(const void *data)
{
	return (uintptr_t)data;
}

/**
 * freq_state_holder() - find whose a slot is
 * @state: the state
 * @slot: the slot
 *
 * Return: its holder, or NULL if it is free.
 */
const struct freq_holder *freq_state_holder(const struct freq_state *state,
					    const struct freq_slot *slot)
{
	const struct freq_holder *holder;

	if (!slot->owner)
		return NULL;
	holder = holder_at(state, slot->owner & ~FREQ_OWNER_KEEP);
	if (!holder->pid && !(slot->owner & FREQ_OWNER_KEEP))
		return NULL;
	return holder;
}

/* Returns the index of a new holder, 0 if there is no memory. */
static u32 create_holder(struct freq_state *state,
			 const struct freq_client *client)
{
	struct freq_holder *holder;
	u32 index;

	index = state->unused_holder;
	if (index) {
		holder = change_holder(state, index);
		state->unused_holder = holder->next;
		memset(holder, 0, sizeof(*holder));
	} else {
		index = state->holder_count + 1;
		if (freq_table_grow(&state->holders, index + 1,
				    sizeof(*holder)))
			return 0;
		state->holder_count = index;
		holder = change_holder(state, index);
	}
	holder->pid = get_pid(client->pid);
	holder->uid = client->uid;
	return index;
}

/* Makes a holder unused if nothing names it any more. */
static void release_holder(struct freq_state *state, u32 index)
{
	const struct freq_holder *holder = holder_at(state, index);

	if (holder->pid || holder->kept.count || holder->stale)
		return;
	change_holder(state, index)->next = state->unused_holder;
	state->unused_holder = index;
}

/* A free slot is to forget a holder that was closed. */
static void forget_holder(struct freq_state *state, struct freq_slot *slot)
{
	u32 index = slot->owner;

	slot->owner = 0;
	change_holder(state, index)->stale--;
	release_holder(state, index);
}

/**
 * freq_state_allocate() - allocate a frequency to a client
 * @state: the state
 * @client: the client
 * @data: its place for what the state has of it
 * @keep: whether the allocation outlives the client
 * @number: out: the frequency
 *
 * Context: may sleep.
 * Return: 0; -ENOSPC if none is free; -ENOMEM.
 */
int freq_state_allocate(struct freq_state *state,
			const struct freq_client *client, void **data,
			bool keep, u64 *number)
{
	struct freq_pool *pool = &state->pool;
	u32 index = pool->free.first;
	struct freq_holder *holder;
	struct freq_slot *slot;
	u32 owner;

	if (!index)
		return -ENOSPC;
	owner = index_of(*data);
	if (!owner) {
		owner = create_holder(state, client);
		if (!owner)
			return -ENOMEM;
		*data = (void *)(uintptr_t)owner;
	}

	slot = freq_pool_change(pool, index);
	if (slot->owner)
		forget_holder(state, slot);
	holder = change_holder(state, owner);
	freq_pool_remove(pool, &pool->free, index);
	if (keep) {
		freq_pool_append(pool, &holder->kept, index);
		owner |= FREQ_OWNER_KEEP;
	} else {
		freq_pool_append(pool, &holder->held, index);
	}
	slot->owner = owner;
	*number = slot->number;
	return 0;
}

/**
 * freq_state_is_owner() - tell whether a client holds a slot
 * @slot: a slot that is allocated
 * @data: what the state has of the client
 *
 * Return: whether.
 */
bool freq_state_is_owner(const struct freq_slot *slot, const void *data)
{
	return (slot->owner & ~FREQ_OWNER_KEEP) == index_of(data);
}

/* What is kept is the user's; all else is the one client's only. */
static bool may_deallocate(const struct freq_state *state,
			   const struct freq_slot *slot,
			   const struct freq_client *client, const void *data)
{
	if (freq_state_is_owner(slot, data))
		return true;
	return slot->owner & FREQ_OWNER_KEEP &&
	       (uid_eq(freq_state_holder(state, slot)->uid, client->uid) ||
		capable(CAP_SYS_ADMIN));
}

/**
 * freq_state_deallocate() - make a frequency free again
 * @state: the state
 * @client: who wants that
 * @data: what the state has of it
 * @number: the frequency
 *
 * Return: 0; -ENOENT if it is not in the pool, or not allocated; -EPERM if it
 * is somebody else's.
 */
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_client *client, void *data,
			  u64 number)
{
	struct freq_pool *pool = &state->pool;
	u32 index = freq_pool_find(pool, number);
	const struct freq_slot *slot;
	struct freq_holder *holder;
	u32 owner;

	if (!index)
		return -ENOENT;
	slot = freq_pool_slot(pool, index);
	if (!freq_state_holder(state, slot))
		return -ENOENT;
	owner = slot->owner & ~FREQ_OWNER_KEEP;
	if (!may_deallocate(state, slot, client, data))
		return -EPERM;

	holder = change_holder(state, owner);
	freq_pool_remove(pool, slot->owner & FREQ_OWNER_KEEP ? &holder->kept :
							       &holder->held,
			 index);
	freq_pool_change(pool, index)->owner = 0;
	freq_pool_push(pool, &pool->free, index);
	release_holder(state, owner);
	return 0;
}

/**
 * freq_state_close() - end what a client holds
 * @data: the state
 * @place: the client's place for what the state has of it; becomes NULL
 *
 * What goes back stands in front of the free frequencies as if it had never
 * been taken.
 */
void freq_state_close(void *data, void **place)
{
	struct freq_state *state = data;
	u32 index = index_of(*place);
	struct freq_holder *holder = change_holder(state, index);

	put_pid(holder->pid);
	holder->pid = NULL;
	holder->stale = holder->held.count;
	freq_pool_splice(&state->pool, &holder->held, &state->pool.free);
	release_holder(state, index);
	*place = NULL;
}
