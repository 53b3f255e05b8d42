// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests that every release knows.
 */
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/uidgid.h>

#include <linux/freq.h>

#include "release.h"

/* How many frequencies one delivery of FREQ_IOC_LIST looks at. */
#define LIST_STEP 192

static bool knows(unsigned int nr)
{
	return nr < freq_this_release.request_count &&
	       freq_this_release.requests[nr].handle;
}

/**
 * freq_request_info() - FREQ_IOC_INFO
 * @data: the state
 * @call: the call
 *
 * Return: 0.
 */
int freq_request_info(void *data, struct freq_call *call)
{
	struct freq_info *info = call->argument;
	const struct freq_state *state = data;

	info->release = freq_this_release.version;
	info->clients = call->clients;
	info->free = state->pool.free.count;
	info->allocated = freq_state_allocated(state);
	if (knows(_IOC_NR(FREQ_IOC_INJECT)))
		info->features |= FREQ_FEATURE_INJECT;
	if (knows(_IOC_NR(FREQ_IOC_ALLOCATE_BATCH)))
		info->features |= FREQ_FEATURE_BATCH;
	return 0;
}

static void describe(struct freq_entry *entry, const struct freq_slot *slot,
		     const struct freq_holder *holder, const void *data)
{
	entry->frequency = slot->number;
	if (!holder)
		return;
	entry->flags = FREQ_ENTRY_ALLOCATED;
	if (slot->owner & FREQ_OWNER_KEEP)
		entry->flags |= FREQ_ENTRY_KEEP;
	if (freq_state_is_owner(slot, data))
		entry->flags |= FREQ_ENTRY_MINE;
	entry->uid = from_kuid_munged(current_user_ns(), holder->uid);
	entry->pid = pid_vnr(holder->pid);
}

/**
 * freq_request_list() - FREQ_IOC_LIST
 * @data: the state
 * @call: the call; its array is of struct freq_entry
 *
 * The cursor is the lowest frequency that was not looked at. It is never 0
 * before the end, since at least one lower frequency was looked at.
 *
 * Return: 0, or FREQ_AGAIN, with the number of entries filled as the progress;
 * or -EINVAL for an unknown flag.
 */
int freq_request_list(void *data, struct freq_call *call)
{
	struct freq_list *list = call->argument;
	struct freq_entry *entries = call->array;
	struct freq_state *state = data;
	const struct freq_holder *holder;
	const struct freq_slot *slot;
	u32 filled, wanted, rank, end;

	if (list->flags & ~(FREQ_LIST_FREE | FREQ_LIST_ALLOCATED))
		return -EINVAL;
	if (!freq_pool_sort(&state->pool))
		return FREQ_AGAIN;

	wanted = list->flags ?: FREQ_LIST_FREE | FREQ_LIST_ALLOCATED;
	filled = call->progress[0];
	rank = freq_pool_rank(&state->pool, list->cursor);
	end = rank + LIST_STEP;
	for (; (slot = freq_pool_ranked(&state->pool, rank)); rank++) {
		if (rank == end || filled == call->count)
			break;
		holder = freq_state_holder(state, slot);
		if (wanted & (holder ? FREQ_LIST_ALLOCATED : FREQ_LIST_FREE))
			describe(&entries[filled++], slot, holder,
				 *call->data);
	}

	list->cursor = slot ? slot->number : 0;
	if (slot && filled < call->count) {
		call->progress[0] = filled;
		return FREQ_AGAIN;
	}
	list->count = filled;
	call->count = filled;
	return 0;
}

/**
 * freq_request_allocate() - FREQ_IOC_ALLOCATE
 * @data: the state
 * @call: the call
 *
 * Return: 0; -EINVAL for an unknown flag or padding that is not 0; otherwise
 * as freq_state_allocate().
 */
int freq_request_allocate(void *data, struct freq_call *call)
{
	struct freq_allocate *allocate = call->argument;

	if (allocate->flags & ~FREQ_ALLOCATE_KEEP || allocate->pad)
		return -EINVAL;
	return freq_state_allocate_one(data, call,
				       allocate->flags & FREQ_ALLOCATE_KEEP,
				       &allocate->frequency);
}

/**
 * freq_request_allocate_undo() - take back a FREQ_IOC_ALLOCATE
 * @data: the state
 * @call: the call that allocated
 *
 * Nobody was told of the frequency. Should another thread of the client have
 * guessed it and deallocated it meanwhile, there is nothing left to do.
 */
void freq_request_allocate_undo(void *data, struct freq_call *call)
{
	const struct freq_allocate *allocate = call->argument;

	freq_state_deallocate(data, call, allocate->frequency);
}

/**
 * freq_request_allocate_batch_undo() - take back a FREQ_IOC_ALLOCATE_BATCH
 * @data: the state
 * @call: the call that allocated
 *
 * As freq_request_allocate_undo(), the last one first, so that the order is as
 * it was. Every release has it, also one that does not know the request: its
 * reply may fail after a downgrade.
 */
void freq_request_allocate_batch_undo(void *data, struct freq_call *call)
{
	const u64 *numbers = call->array;
	u32 i = call->count;

	while (i--)
		freq_state_deallocate_one(data, call, numbers[i]);
}

/**
 * freq_request_deallocate() - FREQ_IOC_DEALLOCATE
 * @data: the state
 * @call: the call
 *
 * Return: 0; -EINVAL for a flag or padding that is not 0; otherwise as
 * freq_state_deallocate().
 */
int freq_request_deallocate(void *data, struct freq_call *call)
{
	const struct freq_deallocate *deallocate = call->argument;

	if (deallocate->flags || deallocate->pad)
		return -EINVAL;
	return freq_state_deallocate_one(data, call, deallocate->frequency);
}
