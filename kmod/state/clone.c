// SPDX-License-Identifier: GPL-2.0-only
/*
 * A copy of a state in the same format, for a rehearsal.
 */
#include <linux/minmax.h>
#include <linux/pid.h>

#include "state/clone.h"
#include "state/state.h"

static void clone_count(const void *data, u32 *slots, u32 *holders)
{
	const struct freq_state *from = data;

	*slots = from->pool.slot_count + 1;
	*holders = from->holder_count + 1;
}

static void clone_attach(void *data, struct freq_mirror *mirror)
{
	struct freq_state *from = data;

	from->pool.mirror = mirror;
}

static void *clone_create(void)
{
	return freq_state_create();
}

static int clone_reserve(void *to, u32 slots, u32 holders,
			 struct freq_call *call)
{
	return freq_state_reserve(to, slots, holders, call);
}

static void clone_slot(void *data, const void *from, u32 index)
{
	const struct freq_state *state = from;
	struct freq_state *to = data;

	*freq_pool_write(&to->pool, index) =
		*freq_pool_slot(&state->pool, index);
	*freq_pool_grant(&to->pool, index) =
		*freq_pool_grant(&state->pool, index);
}

static void clone_holder(void *data, const void *from, u32 index)
{
	const struct freq_holder *holder = freq_state_holder_at(from, index);
	struct freq_state *to = data;
	struct freq_holder *copy = freq_table_at(&to->holders, index,
						 sizeof(*copy));

	put_pid(copy->pid);
	*copy = *holder;
	get_pid(copy->pid);
	/* So that a copy that is not finished can be freed as a state. */
	to->holder_count = max(to->holder_count, index);
}

/* Clients and readers stay with the original, so nobody closes what is held. */
static void clone_finish(void *data, const void *from)
{
	const struct freq_state *state = from;
	struct freq_state *to = data;

	freq_pool_copy_counts(&to->pool, &state->pool);
	to->holder_count = state->holder_count;
	to->unused_holder = state->unused_holder;
	to->base = state->base;
}

static int clone_destroy(void *to, struct freq_call *call)
{
	return to ? freq_state_destroy(to, call) : 0;
}

const struct freq_conversion freq_clone = {
	.size = sizeof(struct freq_conversion),
	.count = clone_count,
	.attach = clone_attach,
	.create = clone_create,
	.reserve = clone_reserve,
	.slot = clone_slot,
	.holder = clone_holder,
	.finish = clone_finish,
	.destroy = clone_destroy,
};
