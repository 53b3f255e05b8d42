// SPDX-License-Identifier: GPL-2.0-only
/*
 * The conversions between freq-state-1 and freq-state-test, both ways.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../../kmod/copy.h"
#include "../../kmod/door.h"
#include "../../kmod/formats.h"
#include "../../kmod/state.h"
#include "format_1.h"
#include "knobs.h"
#include "later.h"

/* ---- what both ways share ---- */

/* From how many slots on room-late fails: several steps of copying. */
#define LATE 500

static int room_fails(const struct freq_copy_count *count)
{
	if (freq_knob_is("room") ||
	    (freq_knob_is("room-late") && count->slots > LATE))
		return -ENOMEM;
	return 0;
}

static void *slot_of(const struct freq_table *slots, u32 index, size_t size)
{
	return freq_table_at(slots, index, size);
}

/* ---- from freq-state-1: an upgrade ---- */

static void one_attach(void *data, struct freq_journal *journal)
{
	struct freq1_state *from = data;

	from->pool.journal = journal;
}

static void one_count(const void *data, struct freq_copy_count *count)
{
	const struct freq1_state *from = data;

	count->slots = from->pool.slot_count + 1;
	count->holders = from->holder_count + 1;
}

static void *up_create(void)
{
	if (freq_knob_is("begin"))
		return ERR_PTR(-ENOMEM);
	return freq_state_create();
}

static int up_make_room(void *data, const struct freq_copy_count *count)
{
	struct freq_state *to = data;
	int err;

	err = room_fails(count);
	if (err)
		return err;
	return freq_state_make_room(to, count->slots - 1, count->holders - 1);
}

static void up_slot(void *data, const void *old, u32 index)
{
	const struct freq1_state *from = old;
	struct freq_state *to = data;
	const struct freq1_slot *slot = slot_of(&from->pool.slots, index,
						sizeof(*slot));
	struct freq_slot *copy = slot_of(&to->pool.slots, index,
					 sizeof(*copy));

	copy->owner = slot->owner & ~FREQ1_OWNER_KEEP;
	if (slot->owner & FREQ1_OWNER_KEEP)
		copy->owner |= FREQ_OWNER_KEEP;
	copy->chain = slot->chain;
	copy->label = 0;
	copy->prev = slot->prev;
	copy->next = slot->next;
	copy->buckets[0] = slot->buckets[0];
	copy->buckets[1] = slot->buckets[1];
	copy->number = slot->number;
}

static void up_queue(struct freq_queue *to, const struct freq1_queue *from)
{
	to->count = from->count;
	to->last = from->last;
	to->first = from->first;
}

static void up_holder(void *data, const void *old, u32 index)
{
	const struct freq1_state *from = old;
	struct freq_state *to = data;
	const struct freq1_holder *holder = slot_of(&from->holders, index,
						    sizeof(*holder));
	struct freq_holder *copy = slot_of(&to->holders, index, sizeof(*copy));

	put_pid(copy->pid);
	copy->pid = get_pid(holder->pid);
	copy->uid = holder->uid;
	copy->stale = holder->stale;
	up_queue(&copy->held, &holder->held);
	up_queue(&copy->kept, &holder->kept);
	copy->next = holder->next;
	to->holder_count = max(to->holder_count, index);
}

static void up_finish(void *data, const void *old)
{
	const struct freq1_state *from = old;
	struct freq_state *to = data;

	to->pool.slot_count = from->pool.slot_count;
	to->pool.visible = from->pool.visible;
	to->pool.bucket_last = from->pool.bucket_last;
	to->pool.bucket_mask = from->pool.bucket_mask;
	up_queue(&to->pool.free, &from->pool.free);
	to->holder_count = from->holder_count;
	to->unused_holder = from->unused_holder;
}

static const struct freq_copy_ops up_ops = {
	.attach = one_attach,
	.count = one_count,
	.create = up_create,
	.make_room = up_make_room,
	.slot = up_slot,
	.holder = up_holder,
	.finish = up_finish,
	.destroy = freq_state_destroy,
};

/* ---- to freq-state-1: a downgrade ---- */

/* A label would be lost. */
static int down_check(const void *data)
{
	const struct freq_state *from = data;

	return from->labels || freq_knob_is("check") ? -EOPNOTSUPP : 0;
}

static void test_attach(void *data, struct freq_journal *journal)
{
	struct freq_state *from = data;

	from->pool.journal = journal;
}

static void test_count(const void *data, struct freq_copy_count *count)
{
	const struct freq_state *from = data;

	count->slots = from->pool.slot_count + 1;
	count->holders = from->holder_count + 1;
}

static void *down_create(void)
{
	struct freq1_state *to;

	if (freq_knob_is("begin"))
		return ERR_PTR(-ENOMEM);
	to = kzalloc(sizeof(*to), GFP_KERNEL);
	return to ?: ERR_PTR(-ENOMEM);
}

static void down_destroy(void *data)
{
	struct freq1_state *to = data;
	const struct freq1_holder *holder;
	u32 index;

	for (index = 1; index <= to->holder_count; index++) {
		holder = slot_of(&to->holders, index, sizeof(*holder));
		put_pid(holder->pid);
	}
	freq_table_destroy(&to->holders);
	freq_table_destroy(&to->pool.spare);
	freq_table_destroy(&to->pool.sorted);
	freq_table_destroy(&to->pool.slots);
	kfree(to);
}

static int down_make_room(void *data, const struct freq_copy_count *count)
{
	struct freq1_state *to = data;
	int err;

	err = room_fails(count);
	if (err)
		return err;
	return freq_table_grow(&to->pool.slots, count->slots,
			       sizeof(struct freq1_slot)) ?:
	       freq_table_grow(&to->pool.sorted, count->slots, sizeof(u32)) ?:
	       freq_table_grow(&to->pool.spare, count->slots, sizeof(u32)) ?:
	       freq_table_grow(&to->holders, count->holders,
			       sizeof(struct freq1_holder));
}

static void down_slot(void *data, const void *old, u32 index)
{
	const struct freq_state *from = old;
	struct freq1_state *to = data;
	const struct freq_slot *slot = slot_of(&from->pool.slots, index,
					       sizeof(*slot));
	struct freq1_slot *copy = slot_of(&to->pool.slots, index,
					  sizeof(*copy));

	copy->number = slot->number;
	copy->next = slot->next;
	copy->prev = slot->prev;
	copy->chain = slot->chain;
	copy->owner = slot->owner & ~FREQ_OWNER_KEEP;
	if (slot->owner & FREQ_OWNER_KEEP)
		copy->owner |= FREQ1_OWNER_KEEP;
	copy->buckets[0] = slot->buckets[0];
	copy->buckets[1] = slot->buckets[1];
}

static void down_queue(struct freq1_queue *to, const struct freq_queue *from)
{
	to->first = from->first;
	to->last = from->last;
	to->count = from->count;
}

static void down_holder(void *data, const void *old, u32 index)
{
	const struct freq_state *from = old;
	struct freq1_state *to = data;
	const struct freq_holder *holder = slot_of(&from->holders, index,
						   sizeof(*holder));
	struct freq1_holder *copy = slot_of(&to->holders, index,
					    sizeof(*copy));

	put_pid(copy->pid);
	copy->pid = get_pid(holder->pid);
	copy->uid = holder->uid;
	copy->stale = holder->stale;
	down_queue(&copy->held, &holder->held);
	down_queue(&copy->kept, &holder->kept);
	copy->next = holder->next;
	to->holder_count = max(to->holder_count, index);
}

static void down_finish(void *data, const void *old)
{
	const struct freq_state *from = old;
	struct freq1_state *to = data;

	to->pool.slot_count = from->pool.slot_count;
	to->pool.visible = from->pool.visible;
	to->pool.bucket_last = from->pool.bucket_last;
	to->pool.bucket_mask = from->pool.bucket_mask;
	down_queue(&to->pool.free, &from->pool.free);
	to->holder_count = from->holder_count;
	to->unused_holder = from->unused_holder;
}

static const struct freq_copy_ops down_ops = {
	.check = down_check,
	.attach = test_attach,
	.count = test_count,
	.create = down_create,
	.make_room = down_make_room,
	.slot = down_slot,
	.holder = down_holder,
	.finish = down_finish,
	.destroy = down_destroy,
};

/* ---- the conversions ---- */

static int up_begin(void *from, void **conversion)
{
	return freq_copy_begin(&up_ops, from, conversion);
}

static int down_begin(void *from, void **conversion)
{
	return freq_copy_begin(&down_ops, from, conversion);
}

/* It may take as long as it likes, but for who gave up loading the release. */
static int convert_step(void *from, void *conversion)
{
	if (freq_knob_is("step-waits") && !fatal_signal_pending(current))
		return FREQ_AGAIN;
	return freq_copy_step(from, conversion);
}

/* The release runs, and yet its loading has not ended. */
static void convert_free(void *conversion)
{
	freq_knob_wait("free-waits");
	freq_copy_free(conversion);
}

static const struct freq_conversion upgrade = {
	.begin = up_begin,
	.step = convert_step,
	.finish = freq_copy_finish,
	.abort = freq_copy_abort,
	.free = convert_free,
};

static const struct freq_conversion downgrade = {
	.begin = down_begin,
	.step = convert_step,
	.finish = freq_copy_finish,
	.abort = freq_copy_abort,
	.free = convert_free,
};

char freq_later_format_name[] = FREQ1_FORMAT;

const struct freq_later_format freq_later_formats[] = {
	{ { .name = FREQ_FORMAT } },
	{ { .name = freq_later_format_name, .conversion = &downgrade } },
	{ }
};

const struct freq_format freq_formats_taken[] = {
	{ .name = FREQ_FORMAT },
	{ .name = freq_later_format_name, .conversion = &upgrade },
	{ }
};
