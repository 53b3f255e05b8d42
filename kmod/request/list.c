// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_LIST and FREQ_IOC_LIST_GRANTS: the frequencies and their holders.
 *
 * The cursor is the lowest frequency that was not looked at. It is never 0
 * before the end, since at least one lower frequency was looked at.
 */
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "request/request.h"

/* How many frequencies one hold looks at. */
#define LIST_STEP 184
#define LIST_GRANTS_STEP 128

/* The words of a call's progress */
enum {
	PROGRESS_FILLED,	/* entries that are filled, and BEGUN */
	PROGRESS_CURSOR,	/* low and high half of where to go on */
};

/* The cursor in the progress is valid. */
#define BEGUN BIT(31)

static_assert(FREQ_LIST_MAX < BEGUN);

/* The arguments begin with the same fields. */
static_assert(offsetof(struct freq_list, entries) ==
	      offsetof(struct freq_list_grants, entries));
static_assert(offsetof(struct freq_list, cursor) ==
	      offsetof(struct freq_list_grants, cursor));
static_assert(offsetof(struct freq_list, count) ==
	      offsetof(struct freq_list_grants, count));
static_assert(offsetof(struct freq_list, flags) ==
	      offsetof(struct freq_list_grants, flags));

static void describe(struct freq_entry *entry, const struct freq_slot *slot,
		     const struct freq_holder *holder,
		     const struct freq_client *client)
{
	*entry = (struct freq_entry){ .frequency = slot->number };
	if (!holder)
		return;
	entry->flags = FREQ_ENTRY_ALLOCATED;
	if (slot->owner & FREQ_OWNER_KEEP)
		entry->flags |= FREQ_ENTRY_KEEP;
	if (freq_state_is_owner(slot, client))
		entry->flags |= FREQ_ENTRY_MINE;
	entry->uid = from_kuid_munged(current_user_ns(), holder->uid);
	/* Of a process that is gone, the number may be another's by now. */
	if (holder->pid && pid_has_task(holder->pid, PIDTYPE_TGID))
		entry->pid = pid_vnr(holder->pid);
}

static void describe_grant(void *data, u32 size, struct freq_state *state,
			   u32 index, const struct freq_holder *holder,
			   const struct freq_call *call)
{
	const struct freq_slot *slot = freq_pool_slot(&state->pool, index);
	struct freq_grant_entry *entry = data;
	struct freq_entry common;

	describe(&common, slot, holder, call->client);
	memset(data, 0, size);
	entry->frequency = common.frequency;
	entry->flags = common.flags;
	entry->uid = common.uid;
	entry->pid = common.pid;
	if (!holder)
		return;
	entry->grant = freq_state_grant(state, index);
	entry->since = freq_grant_since(call, entry->grant);
	memcpy(entry->label, holder->label, sizeof(entry->label));
}

/* The size that the caller has for an entry with a grant; 0: it wants none. */
static u32 grant_entry_size(const struct freq_call *call)
{
	const struct freq_list_grants *asked = (void *)call->argument;

	return _IOC_NR(call->command) == _IOC_NR(FREQ_IOC_LIST_GRANTS) ?
	       asked->entry_size : 0;
}

/* Fills entries from @cursor on. Returns where to go on, NULL at the end. */
static const struct freq_slot *fill(struct freq_state *state,
				    struct freq_call *call, u32 wanted,
				    u32 *filled, u64 cursor)
{
	u32 count = ((const struct freq_list *)call->argument)->count;
	u32 size = grant_entry_size(call), rank, end;
	struct freq_entry *entries = call->buffer;
	const struct freq_holder *holder;
	const struct freq_slot *slot;

	rank = freq_pool_rank(&state->pool, cursor);
	end = rank + (size ? LIST_GRANTS_STEP : LIST_STEP);
	for (; (slot = freq_pool_ranked(&state->pool, rank)); rank++) {
		if (rank == end || *filled == count)
			break;
		holder = freq_state_holder(state, slot);
		if (!(wanted & (holder ? FREQ_LIST_ALLOCATED : FREQ_LIST_FREE)))
			continue;
		if (size)
			describe_grant(call->buffer + *filled * size, size,
				       state,
				       freq_pool_index(&state->pool, rank),
				       holder, call);
		else
			describe(&entries[*filled], slot, holder, call->client);
		++*filled;
	}
	return slot;
}

/* Writes the argument with @reply in place of what both requests begin with. */
static int reply_page(struct freq_call *call, const struct freq_list *reply)
{
	struct freq_list_grants grants;

	if (!grant_entry_size(call))
		return freq_request_reply(call, reply, sizeof(*reply));
	grants = *(struct freq_list_grants *)call->argument;
	grants.cursor = reply->cursor;
	grants.count = reply->count;
	return freq_request_reply(call, &grants, sizeof(grants));
}

static int list(struct freq_state *state, struct freq_call *call)
{
	const struct freq_list *asked = (void *)call->argument;
	u32 *progress = call->progress, wanted, filled;
	struct freq_list reply = *asked;
	const struct freq_slot *slot;
	u64 cursor = asked->cursor;
	int ret;

	if (asked->flags & ~(FREQ_LIST_FREE | FREQ_LIST_ALLOCATED))
		return -EINVAL;
	if (!freq_pool_sort(&state->pool))
		return FREQ_WANT_AGAIN;

	filled = progress[PROGRESS_FILLED] & ~BEGUN;
	if (progress[PROGRESS_FILLED] & BEGUN)
		cursor = (u64)progress[PROGRESS_CURSOR + 1] << 32 |
			 progress[PROGRESS_CURSOR];
	wanted = asked->flags ?: FREQ_LIST_FREE | FREQ_LIST_ALLOCATED;
	slot = fill(state, call, wanted, &filled, cursor);
	reply.cursor = slot ? slot->number : 0;
	if (slot && filled < asked->count) {
		progress[PROGRESS_FILLED] = filled | BEGUN;
		progress[PROGRESS_CURSOR] = lower_32_bits(slot->number);
		progress[PROGRESS_CURSOR + 1] = upper_32_bits(slot->number);
		return FREQ_WANT_AGAIN;
	}
	reply.count = filled;
	ret = reply_page(call, &reply);
	if (ret)
		return ret;
	freq_door_deliver(call, asked->entries, reply.count *
			  (grant_entry_size(call) ?:
			   sizeof(struct freq_entry)));
	return 0;
}

static int list_grants(struct freq_state *state, struct freq_call *call)
{
	const struct freq_list_grants *asked = (void *)call->argument;

	return asked->pad ? -EINVAL : list(state, call);
}

const struct freq_request freq_request_list = {
	.command = FREQ_IOC_LIST,
	.size = sizeof(struct freq_list),
	.flags = FREQ_REQUEST_ARRAY,
	.array = {
		.pointer = offsetof(struct freq_list, entries),
		.count = offsetof(struct freq_list, count),
		.element = sizeof(struct freq_entry),
		.max = FREQ_LIST_MAX,
	},
	.handle = list,
};

const struct freq_request freq_request_list_grants = {
	.command = FREQ_IOC_LIST_GRANTS,
	.size = sizeof(struct freq_list_grants),
	.flags = FREQ_REQUEST_ARRAY,
	.array = {
		.pointer = offsetof(struct freq_list_grants, entries),
		.count = offsetof(struct freq_list_grants, count),
		.element = sizeof(struct freq_grant_entry),
		.element_size = offsetof(struct freq_list_grants, entry_size),
		.max = FREQ_LIST_MAX,
	},
	.handle = list_grants,
};

static_assert(sizeof(struct freq_grant_entry) == FREQ_GRANT_ENTRY_SIZE_MIN);
