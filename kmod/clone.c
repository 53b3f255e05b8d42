// SPDX-License-Identifier: GPL-2.0-only
/*
 * A copy of a state in the same format, for a rehearsal.
 */
#include <linux/minmax.h>
#include <linux/pid.h>

#include "copy.h"
#include "formats.h"
#include "state.h"

static void clone_attach(void *from, struct freq_journal *journal)
{
	struct freq_state *state = from;

	state->pool.journal = journal;
}

static void clone_count(const void *from, struct freq_copy_count *count)
{
	const struct freq_state *state = from;

	count->slots = state->pool.slot_count + 1;
	count->holders = state->holder_count + 1;
}

static void *clone_create(void)
{
	return freq_state_create();
}

static int clone_make_room(void *data, const struct freq_copy_count *count)
{
	struct freq_state *to = data;

	return freq_state_make_room(to, count->slots - 1, count->holders - 1);
}

static void clone_slot(void *data, const void *from, u32 index)
{
	const struct freq_state *state = from;
	struct freq_state *to = data;

	*freq_pool_write(&to->pool, index) =
		*freq_pool_slot(&state->pool, index);
}

static void clone_holder(void *data, const void *from, u32 index)
{
	const struct freq_state *state = from;
	struct freq_state *to = data;
	struct freq_holder *holder;

	holder = freq_table_at(&to->holders, index, sizeof(*holder));
	put_pid(holder->pid);
	*holder = *(struct freq_holder *)freq_table_at(&state->holders, index,
						       sizeof(*holder));
	get_pid(holder->pid);
	/* So that a copy that is not finished can be freed as a state. */
	to->holder_count = max(to->holder_count, index);
}

static void clone_finish(void *data, const void *from)
{
	const struct freq_state *state = from;
	struct freq_state *to = data;

	freq_pool_copy_counts(&to->pool, &state->pool);
	to->holder_count = state->holder_count;
	to->unused_holder = state->unused_holder;
}

static const struct freq_copy_ops clone_ops = {
	.attach = clone_attach,
	.count = clone_count,
	.create = clone_create,
	.make_room = clone_make_room,
	.slot = clone_slot,
	.holder = clone_holder,
	.finish = clone_finish,
	.destroy = freq_state_destroy,
};

static int clone_begin(void *from, void **conversion)
{
	return freq_copy_begin(&clone_ops, from, conversion);
}

const struct freq_conversion freq_clone = {
	.begin = clone_begin,
	.step = freq_copy_step,
	.finish = freq_copy_finish,
	.abort = freq_copy_abort,
	.free = freq_copy_free,
};
