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
	info->free = state->pool.free_count;
	info->allocated = state->pool.allocated_count;
	if (knows(_IOC_NR(FREQ_IOC_INJECT)))
		info->features |= FREQ_FEATURE_INJECT;
	return 0;
}

static void describe(struct freq_entry *entry, const struct freq_slot *slot,
		     const struct freq_call *call)
{
	const struct freq_holder *holder = slot->holder;

	entry->frequency = slot->number;
	if (!holder)
		return;
	entry->flags = FREQ_ENTRY_ALLOCATED;
	if (slot->keep)
		entry->flags |= FREQ_ENTRY_KEEP;
	if (holder == *call->data)
		entry->flags |= FREQ_ENTRY_MINE;
	entry->uid = from_kuid_munged(current_user_ns(), holder->uid);
	entry->pid = pid_vnr(holder->pid);
}

/**
 * freq_request_list() - FREQ_IOC_LIST
 * @data: the state
 * @call: the call; its array is of struct freq_entry
 *
 * The cursor is the frequency of the first entry of the next page. It is never
 * 0, since at least one lower frequency was on this page.
 *
 * Return: 0, or -EINVAL for an unknown flag.
 */
int freq_request_list(void *data, struct freq_call *call)
{
	struct freq_list *list = call->argument;
	struct freq_entry *entries = call->array;
	const struct freq_state *state = data;
	const struct freq_slot *slot;
	u32 filled = 0, wanted;

	if (list->flags & ~(FREQ_LIST_FREE | FREQ_LIST_ALLOCATED))
		return -EINVAL;
	wanted = list->flags ?: FREQ_LIST_FREE | FREQ_LIST_ALLOCATED;

	slot = freq_pool_from(&state->pool, list->cursor);
	list->cursor = 0;
	for (; slot; slot = freq_pool_next(slot)) {
		if (!(wanted & (slot->holder ? FREQ_LIST_ALLOCATED :
						FREQ_LIST_FREE)))
			continue;
		if (filled == call->count) {
			list->cursor = slot->number;
			break;
		}
		describe(&entries[filled++], slot, call);
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
	return freq_state_allocate(data, call->client, call->data,
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

	freq_state_deallocate(data, call->client, *call->data,
			      allocate->frequency);
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
	return freq_state_deallocate(data, call->client, *call->data,
				     deallocate->frequency);
}
