// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Who holds what
 *
 * A client that allocates for the first time gets a holder, and the door
 * remembers it with the client's open file. Each of its frequencies points to
 * the holder and stands in one of its two lists. Closing the client gives back
 * what is in the first; a holder that then has nothing in the second goes
 * too, else it stays, without a process, until its last frequency is
 * deallocated.
 *
 * The functions here run under the server's mutex (see door.h).
 */
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "door.h"
#include "state.h"

const char *const freq_state_formats[FREQ_STATE_FORMATS] = {
	"freq-state-1",
};

/**
 * freq_state_give() - give the state to the next release
 * @state: the state
 * @format: index in freq_state_formats: the only one, that of @state itself
 *
 * Return: @state.
 */
void *freq_state_give(void *state, u32 format)
{
	return state;
}

/**
 * freq_state_create() - make the state of a fresh server
 * @numbers: its frequencies, all free, in the order in which to give them out
 * @count: how many they are
 * @index: out, if the errno is EEXIST: index of the first duplicate
 *
 * Context: may sleep.
 * Return: the state, to be freed by freq_state_destroy(); or an ERR_PTR of
 * what freq_pool_add() returns.
 */
struct freq_state *freq_state_create(const u64 *numbers, u32 count,
				     u32 *index)
{
	struct freq_state *state;
	int err;

	state = kzalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return ERR_PTR(-ENOMEM);
	freq_pool_init(&state->pool);
	err = freq_pool_add(&state->pool, numbers, count, index);
	if (err) {
		kfree(state);
		return ERR_PTR(err);
	}
	return state;
}

/**
 * freq_state_destroy() - free the state
 * @data: the state; nothing is allocated, and no client has a holder
 */
void freq_state_destroy(void *data)
{
	struct freq_state *state = data;

	freq_pool_destroy(&state->pool);
	kfree(state);
}

/**
 * freq_state_busy() - tell whether anything is allocated
 * @data: the state
 *
 * Return: whether.
 */
bool freq_state_busy(void *data)
{
	const struct freq_state *state = data;

	return state->pool.allocated_count;
}

static struct freq_holder *create_holder(const struct freq_client *client)
{
	struct freq_holder *holder;

	holder = kzalloc(sizeof(*holder), GFP_KERNEL_ACCOUNT);
	if (!holder)
		return NULL;
	INIT_LIST_HEAD(&holder->held);
	INIT_LIST_HEAD(&holder->kept);
	holder->pid = get_pid(client->pid);
	holder->uid = client->uid;
	return holder;
}

/* Frees a holder that nobody needs any more. */
static void release_holder(struct freq_holder *holder)
{
	if (!holder->pid && list_empty(&holder->kept))
		kfree(holder);
}

/**
 * freq_state_allocate() - allocate a frequency to a client
 * @state: the state
 * @client: the client
 * @data: its place for its holder
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
	struct freq_holder *holder = *data;
	struct freq_slot *slot;

	if (!state->pool.free_count)
		return -ENOSPC;
	if (!holder) {
		holder = create_holder(client);
		if (!holder)
			return -ENOMEM;
		*data = holder;
	}

	slot = freq_pool_take(&state->pool, holder,
			      keep ? &holder->kept : &holder->held);
	slot->keep = keep;
	*number = slot->number;
	return 0;
}

/* What is kept is the user's; all else is the one client's only. */
static bool may_deallocate(const struct freq_slot *slot,
			   const struct freq_client *client, const void *data)
{
	const struct freq_holder *holder = slot->holder;

	if (holder == data)
		return true;
	return slot->keep && (uid_eq(holder->uid, client->uid) ||
			      capable(CAP_SYS_ADMIN));
}

/**
 * freq_state_deallocate() - make a frequency free again
 * @state: the state
 * @client: who wants that
 * @data: its holder, or NULL
 * @number: the frequency
 *
 * Return: 0; -ENOENT if it is not in the pool, or not allocated; -EPERM if it
 * is somebody else's.
 */
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_client *client, void *data,
			  u64 number)
{
	struct freq_slot *slot = freq_pool_find(&state->pool, number);
	struct freq_holder *holder;

	if (!slot || !slot->holder)
		return -ENOENT;
	if (!may_deallocate(slot, client, data))
		return -EPERM;

	holder = slot->holder;
	freq_pool_give_back(&state->pool, slot);
	release_holder(holder);
	return 0;
}

/**
 * freq_state_close() - end what a client holds
 * @data: the state
 * @place: the client's place for its holder; becomes NULL
 *
 * What goes back stands in front of the free frequencies as if it had never
 * been taken: the last one allocated goes first.
 */
void freq_state_close(void *data, void **place)
{
	struct freq_holder *holder = *place;
	struct freq_state *state = data;
	struct freq_slot *slot, *next;

	list_for_each_entry_safe_reverse(slot, next, &holder->held, link)
		freq_pool_give_back(&state->pool, slot);
	put_pid(holder->pid);
	holder->pid = NULL;
	release_holder(holder);
	*place = NULL;
}
