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

static int make_room(struct freq_state *state, u32 holder)
{
	int ret;

	do
		ret = freq_table_grow(&state->holders, holder + 1,
				      sizeof(struct freq_holder));
	while (ret == FREQ_AGAIN);
	return ret;
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
	/* Holder 0 is none, but is copied as the others are. */
	if (freq_pool_init(&state->pool) || make_room(state, 0)) {
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
		put_pid(freq_state_holder_at(state, index)->pid);
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
	holder = freq_state_holder_at(state, slot->owner & ~FREQ_OWNER_KEEP);
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
		holder = freq_state_change_holder(state, index);
		state->unused_holder = holder->next;
		memset(holder, 0, sizeof(*holder));
	} else {
		index = state->holder_count + 1;
		if (make_room(state, index))
			return 0;
		state->holder_count = index;
		holder = freq_state_change_holder(state, index);
	}
	holder->pid = get_pid(client->pid);
	holder->uid = client->uid;
	return index;
}

/* Makes a holder unused if nothing names it any more. */
static void release_holder(struct freq_state *state, u32 index)
{
	const struct freq_holder *holder = freq_state_holder_at(state, index);

	if (holder->pid || holder->kept.count || holder->stale)
		return;
	freq_state_change_holder(state, index)->next = state->unused_holder;
	state->unused_holder = index;
}

/* A free slot is to forget a holder that was closed. */
static __always_inline void forget_holder(struct freq_state *state,
					  struct freq_slot *slot)
{
	u32 index = slot->owner & ~FREQ_OWNER_KEEP;

	slot->owner = 0;
	freq_state_change_holder(state, index)->stale--;
	release_holder(state, index);
}

/**
 * freq_state_allocate() - allocate frequencies to a client
 * @state: the state
 * @call: the call of the client
 * @keep: whether the allocations outlive the client
 * @numbers: out: the frequencies
 * @count: how many
 *
 * Context: may sleep.
 * Return: 0; -ENOSPC if not so many are free; -ENOMEM.
 */
int freq_state_allocate(struct freq_state *state, const struct freq_call *call,
			bool keep, u64 *numbers, u32 count)
{
	u32 holding = freq_state_holder_of(*call->data), owner, index;
	struct freq_pool *pool = &state->pool;
	struct freq_holder *holder;
	struct freq_queue *to;
	struct freq_slot *slot;

	if (count > pool->free.count)
		return -ENOSPC;
	if (!holding) {
		holding = create_holder(state, call->client);
		if (!holding)
			return -ENOMEM;
		*call->data = (void *)(uintptr_t)holding;
	}

	owner = keep ? holding | FREQ_OWNER_KEEP : holding;
	holder = freq_state_change_holder(state, holding);
	to = keep ? &holder->kept : &holder->held;
	for (; count; count--) {
		index = pool->free.first;
		freq_pool_note_move(pool, index, to);
		slot = freq_pool_write(pool, index);
		if (slot->owner)
			forget_holder(state, slot);
		freq_state_hand_out(state, to, slot, index, owner);
		*numbers++ = slot->number;
	}
	return 0;
}

/* What is kept is the user's; all else is the one client's only. */
static int check_owner(const struct freq_state *state,
		       const struct freq_slot *slot,
		       const struct freq_call *call)
{
	const struct freq_holder *holder = freq_state_holder(state, slot);

	if (!holder)
		return -ENOENT;
	if (freq_state_is_owner(slot, *call->data))
		return 0;
	if (slot->owner & FREQ_OWNER_KEEP &&
	    (uid_eq(holder->uid, call->client->uid) || capable(CAP_SYS_ADMIN)))
		return 0;
	return -EPERM;
}

/*
 * Takes a slot from whoever holds it: 0, or why the client may not have that.
 * It then names a holder that is to be forgotten. Slot 0, which no frequency
 * has, is free.
 */
static noinline int take_away(struct freq_state *state,
			      const struct freq_call *call, u32 index)
{
	struct freq_pool *pool = &state->pool;
	const struct freq_slot *slot = freq_pool_slot(pool, index);
	struct freq_holder *holder;
	int err;

	err = check_owner(state, slot, call);
	if (err)
		return err;
	holder = freq_state_change_holder(state,
					  slot->owner & ~FREQ_OWNER_KEEP);
	freq_pool_note_move(pool, index, &pool->free);
	freq_pool_remove(pool, freq_state_queue(holder, slot), slot, index);
	holder->stale++;
	return 0;
}

/**
 * freq_state_deallocate() - make a frequency free again
 * @state: the state
 * @call: the call of who wants that
 * @number: the frequency
 *
 * Return: 0; -ENOENT if it is not in the pool, or not allocated; -EPERM if it
 * is somebody else's.
 */
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_call *call, u64 number)
{
	struct freq_pool *pool = &state->pool;
	u32 index = freq_pool_find_any(pool, number);
	struct freq_slot *slot = freq_pool_write(pool, index);
	int err;

	err = take_away(state, call, index);
	if (err)
		return err;
	forget_holder(state, slot);
	freq_pool_push(pool, &pool->free, slot, index);
	return 0;
}

/* Takes back what freq_state_deallocate_all() took last. */
static void give_again(struct freq_state *state, u32 index, u32 owner,
		       bool is_other)
{
	struct freq_slot *slot = freq_pool_write(&state->pool, index);
	struct freq_holder *holder;

	slot->owner = owner;
	holder = freq_state_change_holder(state, owner & ~FREQ_OWNER_KEEP);
	holder->stale -= is_other;
	freq_pool_restore(&state->pool, freq_state_queue(holder, slot), slot,
			  index);
}

/* Those that were taken away by take_away() forget their holder. */
static void forget_holders(struct freq_state *state, const u64 *numbers,
			   u32 count)
{
	struct freq_slot *slot;
	u32 i;

	for (i = 0; i < count; i++) {
		if (!(numbers[i] >> 32))
			continue;
		slot = freq_pool_write(&state->pool, numbers[i]);
		slot->owner = numbers[i] >> 32;
		forget_holder(state, slot);
	}
}

/**
 * freq_state_deallocate_all() - make frequencies free again, or none of them
 * @state: the state
 * @call: the call of who wants that
 * @numbers: the frequencies; what is there afterwards is of no use
 * @count: how many
 * @failed: out: at an error, the index of the one that it is about
 *
 * The first is freed first: so the last is the next to be given out.
 *
 * Return: as freq_state_deallocate(); -ENOENT also if one is there twice.
 */
int freq_state_deallocate_all(struct freq_state *state,
			      const struct freq_call *call, u64 *numbers,
			      u32 count, u32 *failed)
{
	u32 holding = freq_state_holder_of(*call->data) ?: FREQ_OWNER_KEEP;
	struct freq_pool *pool = &state->pool;
	struct freq_queue *held;
	struct freq_slot *slot;
	bool others = false;
	u32 i, index, owner;
	int err;

	/* That of holder 0, if it has none: no slot has such an owner. */
	held = &freq_state_change_holder(state, holding &
					 ~FREQ_OWNER_KEEP)->held;
	/* What was taken away has no owner, so it is not taken twice. */
	for (i = 0; i < count; i++) {
		index = freq_pool_find_any(pool, numbers[i]);
		slot = freq_pool_write(pool, index);
		numbers[i] = index;
		if (likely(slot->owner == holding)) {
			freq_pool_note_move(pool, index, &pool->free);
			freq_pool_remove(pool, held, slot, index);
		} else {
			err = take_away(state, call, index);
			if (err)
				goto give_again;
			numbers[i] |= (u64)slot->owner << 32;
			others = true;
		}
		slot->owner = 0;
	}
	if (unlikely(others))
		forget_holders(state, numbers, count);
	freq_pool_push_all(pool, &pool->free, numbers, count);
	return 0;

give_again:
	*failed = i;
	while (i--) {
		owner = numbers[i] >> 32;
		give_again(state, numbers[i], owner ?: holding, owner);
	}
	return err;
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
	u32 index = freq_state_holder_of(*place);
	struct freq_holder *holder = freq_state_change_holder(state, index);

	put_pid(holder->pid);
	holder->pid = NULL;
	holder->stale = holder->held.count;
	freq_pool_splice(&state->pool, &holder->held, &state->pool.free);
	release_holder(state, index);
	*place = NULL;
}
