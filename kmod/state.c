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

/**
 * freq_state_create() - make a state that has nothing yet
 *
 * It needs room for slot 0 and holder 0 before anything is done with it, see
 * freq_state_make_room().
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
	freq_pool_init(&state->pool);
	freq_table_init(&state->holders);
	return state;
}

/**
 * freq_state_make_room() - see to it that a state can have a slot and a holder
 * @state: the state
 * @slot: the index of the slot
 * @holder: the index of the holder
 *
 * Context: may sleep.
 * Return: 0; or FREQ_AGAIN or -ENOMEM, as freq_table_grow().
 */
int freq_state_make_room(struct freq_state *state, u32 slot, u32 holder)
{
	return freq_pool_make_room(&state->pool, slot) ?:
	       freq_table_grow(&state->holders, holder + 1,
			       sizeof(struct freq_holder));
}

/**
 * freq_state_make_all_room() - freq_state_make_room(), however long it takes
 * @state: the state
 * @slot: the index of the slot
 * @holder: the index of the holder
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int freq_state_make_all_room(struct freq_state *state, u32 slot, u32 holder)
{
	int ret;

	do
		ret = freq_state_make_room(state, slot, holder);
	while (ret == FREQ_AGAIN);
	return ret;
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
		if (freq_state_make_all_room(state, 0, index))
			return 0;
		state->holder_count = index;
		holder = freq_state_change_holder(state, index);
	}
	holder->pid = get_pid(client->pid);
	holder->uid = client->uid;
	return index;
}

/* Makes a holder, whose change is noted, unused if nothing names it any more. */
static __always_inline void release_holder(struct freq_state *state,
					   struct freq_holder *holder,
					   u32 index)
{
	if (holder->stale || holder->kept.count || holder->pid)
		return;
	holder->next = state->unused_holder;
	state->unused_holder = index;
}

/* A free slot is to forget a holder that was closed. */
static __always_inline void forget_holder(struct freq_state *state,
					  struct freq_slot *slot)
{
	u32 index = slot->owner;
	struct freq_holder *holder = freq_state_change_holder(state, index);

	slot->owner = 0;
	holder->stale--;
	release_holder(state, holder, index);
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
		freq_pool_note_append(pool, to, index);
		slot = freq_pool_write(pool, index);
		if (slot->owner)
			forget_holder(state, slot);
		freq_state_hand_out(state, to, slot, index, owner);
		*numbers++ = slot->number;
	}
	return 0;
}

/**
 * struct taking - taking frequencies away
 * @state: the state
 * @call: the call of who does that
 * @queue: where they are taken from: it has counted all that are left as gone
 * @touched: index of the holder with a closed client that was touched last, 0
 *	if there is none; each has the one before as its next, and the first
 *	has itself
 * @is_admin: the caller is known to be an administrator
 */
struct taking {
	struct freq_state *state;
	const struct freq_call *call;
	struct freq_queue *queue;
	u32 touched;
	bool is_admin;
};

/* What is kept is the user's; all else is the one client's only. */
static int check_owner(struct taking *taking, const struct freq_slot *slot)
{
	const struct freq_holder *holder = freq_state_holder(taking->state,
							     slot);
	const struct freq_call *call = taking->call;

	if (!holder)
		return -ENOENT;
	if (freq_state_is_owner(slot, *call->data))
		return 0;
	if (!(slot->owner & FREQ_OWNER_KEEP))
		return -EPERM;
	if (uid_eq(holder->uid, call->client->uid) || taking->is_admin)
		return 0;
	taking->is_admin = capable(CAP_SYS_ADMIN);
	return taking->is_admin ? 0 : -EPERM;
}

/*
 * Goes on to the queue of a slot, from which, as far as is known, all that are
 * left will be taken. Returns 0, or why this one may not be.
 */
static noinline int change_queue(struct taking *taking, u32 index, u32 left)
{
	struct freq_pool *pool = &taking->state->pool;
	const struct freq_slot *slot = freq_pool_slot(pool, index);
	u32 holding = slot->owner & ~FREQ_OWNER_KEEP;
	struct freq_holder *holder;
	int err;

	taking->queue->count += left;
	err = check_owner(taking, slot);
	if (err)
		return err;
	holder = freq_state_change_holder(taking->state, holding);
	/* This may be the last that names it. */
	if (!holder->pid && !holder->next) {
		holder->next = taking->touched ?: holding;
		taking->touched = holding;
	}
	freq_pool_note_remove(pool, index);
	taking->queue = freq_state_queue(holder, slot);
	taking->queue->count -= left;
	return 0;
}

static void release_touched(struct taking *taking)
{
	struct freq_holder *holder;
	u32 index, next;

	for (index = taking->touched; index; index = next) {
		holder = freq_state_change_holder(taking->state, index);
		next = holder->next == index ? 0 : holder->next;
		holder->next = 0;
		release_holder(taking->state, holder, index);
	}
}

/*
 * Gives back the slot that was taken away last, by what was left of it: whose
 * it was, and which one stood behind it. Returns the one taken before that.
 */
static u32 give_again(struct freq_state *state, u32 index, u64 was)
{
	struct freq_slot *slot = freq_pool_write(&state->pool, index);
	struct freq_holder *holder;
	u32 before = slot->next;

	slot->next = lower_32_bits(was);
	slot->owner = upper_32_bits(was);
	holder = freq_state_change_holder(state,
					  slot->owner & ~FREQ_OWNER_KEEP);
	freq_pool_restore(&state->pool, freq_state_queue(holder, slot), slot,
			  index);
	return before;
}

/**
 * freq_state_deallocate_all() - make frequencies free again, or none of them
 * @state: the state
 * @call: the call of who wants that
 * @numbers: the frequencies; what is there afterwards is of no use
 * @count: how many; not 0
 * @failed: out: at an error, the index of the one that it is about
 *
 * The first is freed first: so the last is the next to be given out.
 *
 * Return: 0; -ENOENT if one is not in the pool, or not allocated, or there
 * twice; -EPERM if it is somebody else's.
 */
int freq_state_deallocate_all(struct freq_state *state,
			      const struct freq_call *call, u64 *numbers,
			      u32 count, u32 *failed)
{
	/* What no slot has, so that the first one asks for its queue. */
	u32 owner = FREQ_OWNER_KEEP;
	struct freq_queue taken, none = { .count = -count };
	u64 *at, *end = numbers + count, was = 0;
	u32 index, next, first = 0, last = 0;
	struct freq_pool *pool = &state->pool;
	struct taking taking = {
		.state = state,
		.call = call,
		.queue = &none,
	};
	struct freq_queue *queue = &none;
	struct freq_slot *slot;
	int err = 0;

	for (at = numbers; at < end; at++) {
		/* Slot 0, which no frequency has, is free. */
		index = freq_pool_find_any(pool, *at);
		slot = freq_pool_write(pool, index);
		if (unlikely(slot->owner != owner)) {
			err = change_queue(&taking, index, end - at);
			if (err)
				goto give_again;
			queue = taking.queue;
			was = (u64)slot->owner << 32;
			/* While changes are noted, each has to come here. */
			if (!pool->journal)
				owner = slot->owner;
			if (at == numbers)
				last = index;
		}
		next = slot->next;
		freq_pool_unlink(pool, queue, slot, index);
		*at = was | next;
		/* What is free cannot be taken twice. */
		slot->owner = 0;
		slot->next = first;
		first = index;
	}
	taken = (struct freq_queue) {
		.first = first,
		.last = last,
		.count = count,
	};
	freq_pool_splice(pool, taken, &pool->free);
	goto release;

give_again:
	*failed = at - numbers;
	while (at > numbers)
		first = give_again(state, first, *--at);
release:
	release_touched(&taking);
	return err;
}

/**
 * freq_state_deallocate() - make a frequency free again
 * @state: the state
 * @call: the call of who wants that
 * @number: the frequency
 *
 * Return: as freq_state_deallocate_all().
 */
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_call *call, u64 number)
{
	u32 failed;

	return freq_state_deallocate_all(state, call, &number, 1, &failed);
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
	freq_pool_splice(&state->pool, holder->held, &state->pool.free);
	memset(&holder->held, 0, sizeof(holder->held));
	release_holder(state, holder, index);
	*place = NULL;
}
