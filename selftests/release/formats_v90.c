// SPDX-License-Identifier: GPL-2.0-only
/*
 * The conversions between freq-state-2 and freq-state-test, both ways.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "contract/layout.h"
#include "release/release.h"
#include "state/state.h"
#include "format_2.h"
#include "knobs.h"
#include "later.h"
#include "services.h"

/* ---- what both ways share ---- */

/* @slots: those that the copy has already. */
static bool room_fails(const struct freq_table *slots)
{
	return freq_knob_is("room") ||
	       (freq_knob_is("room-late") && slots->count);
}

static void *slot_of(const struct freq_table *slots, u32 index, size_t size)
{
	return freq_table_at(slots, index, size);
}

/* ---- from freq-state-2: an upgrade ---- */

static void two_attach(void *data, struct freq_mirror *mirror)
{
	struct freq2_state *from = data;

	from->pool.mirror = mirror;
}

static void two_count(const void *data, u32 *slots, u32 *holders)
{
	const struct freq2_state *from = data;

	*slots = from->pool.slot_count + 1;
	*holders = from->holder_count + 1;
}

static void *up_create(void)
{
	freq_knob_wait("step-waits");
	if (freq_knob_is("begin"))
		return ERR_PTR(-ENOMEM);
	return freq_state_create();
}

static int up_reserve(void *data, u32 slots, u32 holders,
		      struct freq_call *call)
{
	struct freq_state *to = data;

	if (room_fails(&to->pool.slots))
		return -ENOMEM;
	return freq_state_reserve(to, slots, holders, call);
}

static void up_slot(void *data, const void *old, u32 index)
{
	const struct freq2_state *from = old;
	struct freq_state *to = data;
	const struct freq2_slot *slot = slot_of(&from->pool.slots, index,
						sizeof(*slot));
	struct freq_slot *copy = slot_of(&to->pool.slots, index,
					 sizeof(*copy));

	copy->owner = slot->owner & ~FREQ2_OWNER_KEEP;
	if (slot->owner & FREQ2_OWNER_KEEP)
		copy->owner |= FREQ_OWNER_KEEP;
	copy->chain = slot->chain;
	copy->tag = 0;
	copy->prev = slot->prev;
	copy->next = slot->next;
	copy->buckets[0] = slot->buckets[0];
	copy->buckets[1] = slot->buckets[1];
	*(u64 *)slot_of(&to->pool.grants, index, sizeof(u64)) =
		*(u64 *)slot_of(&from->pool.grants, index, sizeof(u64));
	copy->number = slot->number;
}

static void up_queue(struct freq_queue *to, const struct freq2_queue *from)
{
	to->count = from->count;
	to->last = from->last;
	to->first = from->first;
}

static void up_holder(void *data, const void *old, u32 index)
{
	const struct freq2_state *from = old;
	struct freq_state *to = data;
	const struct freq2_holder *holder = slot_of(&from->holders, index,
						    sizeof(*holder));
	struct freq_holder *copy = slot_of(&to->holders, index, sizeof(*copy));

	put_pid(copy->pid);
	copy->pid = get_pid(holder->pid);
	copy->uid = holder->uid;
	copy->stale = holder->stale;
	up_queue(&copy->held, &holder->held);
	up_queue(&copy->kept, &holder->kept);
	copy->next = holder->next;
	memcpy(copy->label, holder->label, sizeof(copy->label));
	to->holder_count = max(to->holder_count, index);
}

static void up_finish(void *data, const void *old)
{
	const struct freq2_state *from = old;
	struct freq_state *to = data;

	to->pool.slot_count = from->pool.slot_count;
	to->pool.visible = from->pool.visible;
	to->pool.bucket_last = from->pool.bucket_last;
	to->pool.bucket_mask = from->pool.bucket_mask;
	to->pool.map_given = from->pool.map_given + 1;
	up_queue(&to->pool.free, &from->pool.free);
	freq_knob_holders = from->holder_count;
	to->holder_count = from->holder_count;
	to->unused_holder = from->unused_holder;
	to->waiting = from->waiting;
	to->undelivered = from->undelivered;
	to->base = from->base;
}

static void up_move(void *data, void *old)
{
	struct freq2_state *from = old;
	struct freq_state *to = data;

	to->open_holders = from->open_holders;
	list_splice_init(&from->readers, &to->readers);
	to->by_ticket = from->by_ticket;
	to->by_wish = from->by_wish;
	to->last_ticket = from->last_ticket;
	to->serve_from = from->serve_from;
	to->serving = from->serving;
	to->finishing = from->finishing;
	to->bands = from->bands;
	to->groups = from->groups;
	to->looking = from->looking;
	to->band_count = from->band_count;
	to->look_again = from->look_again;
	to->deadlines = from->deadlines;
	to->timer_at = from->timer_at;
	to->log = from->log;
	from->log = NULL;
}

/* The release runs, and yet its loading has not ended. */
static int up_destroy(void *to, struct freq_call *call)
{
	freq_knob_wait("free-waits");
	return to ? freq_state_destroy(to, call) : 0;
}

static const struct freq_conversion upgrade = {
	.size = sizeof(struct freq_conversion),
	.count = two_count,
	.attach = two_attach,
	.create = up_create,
	.reserve = up_reserve,
	.slot = up_slot,
	.holder = up_holder,
	.finish = up_finish,
	.move = up_move,
	.destroy = up_destroy,
};

/* ---- to freq-state-2: a downgrade ---- */

/* A tag or a sleeper would be lost. */
static int down_check(const void *data)
{
	const struct freq_state *from = data;

	return from->tags || freq_services_sleep_now(from) ||
	       freq_knob_is("check") ? -EOPNOTSUPP : 0;
}

static void test_attach(void *data, struct freq_mirror *mirror)
{
	struct freq_state *from = data;

	from->pool.mirror = mirror;
}

static void test_count(const void *data, u32 *slots, u32 *holders)
{
	const struct freq_state *from = data;

	*slots = from->pool.slot_count + 1;
	*holders = from->holder_count + 1;
}

static void *down_create(void)
{
	struct freq2_state *to;

	freq_knob_wait("step-waits");
	if (freq_knob_is("begin"))
		return ERR_PTR(-ENOMEM);
	to = kvzalloc(sizeof(*to), GFP_KERNEL_ACCOUNT);
	if (!to)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&to->claimants);
	INIT_LIST_HEAD(&to->readers);
	return to;
}

static int down_destroy(void *data, struct freq_call *call)
{
	struct freq2_state *to = data;
	const struct freq2_holder *holder;
	int ret;

	if (!to)
		return 0;
	for (; to->holder_count; to->holder_count--) {
		holder = slot_of(&to->holders, to->holder_count,
				 sizeof(*holder));
		put_pid(holder->pid);
	}
	ret = freq_table_dismantle(&to->holders, call) ?:
	      freq_table_dismantle(&to->pool.map_words, call) ?:
	      freq_table_dismantle(&to->pool.map, call) ?:
	      freq_table_dismantle(&to->pool.ranks, call) ?:
	      freq_table_dismantle(&to->pool.grants, call) ?:
	      freq_table_dismantle(&to->pool.spare, call) ?:
	      freq_table_dismantle(&to->pool.sorted, call) ?:
	      freq_table_dismantle(&to->pool.slots, call);
	if (!ret)
		freq_door_free(call, to);
	return ret;
}

static int down_reserve(void *data, u32 slots, u32 holders,
			struct freq_call *call)
{
	struct freq2_state *to = data;

	if (room_fails(&to->pool.slots))
		return -ENOMEM;
	return freq_table_reserve(&to->pool.slots, slots,
				  sizeof(struct freq2_slot), call) ?:
	       freq_table_reserve(&to->pool.grants, slots, sizeof(u64),
				  call) ?:
	       freq_table_reserve(&to->pool.sorted, slots, sizeof(u32),
				  call) ?:
	       freq_table_reserve(&to->pool.spare, slots, sizeof(u32),
				  call) ?:
	       freq_table_reserve(&to->pool.ranks, slots, sizeof(u32),
				  call) ?:
	       freq_table_reserve(&to->pool.map, slots / 64 + 1, sizeof(u64),
				  call) ?:
	       freq_table_reserve(&to->pool.map_words, slots / 4096 + 1,
				  sizeof(u64), call) ?:
	       freq_table_reserve(&to->holders, holders,
				  sizeof(struct freq2_holder), call);
}

static void down_slot(void *data, const void *old, u32 index)
{
	const struct freq_state *from = old;
	struct freq2_state *to = data;
	const struct freq_slot *slot = slot_of(&from->pool.slots, index,
					       sizeof(*slot));
	struct freq2_slot *copy = slot_of(&to->pool.slots, index,
					  sizeof(*copy));

	copy->number = slot->number;
	copy->next = slot->next;
	copy->prev = slot->prev;
	copy->chain = slot->chain;
	copy->owner = slot->owner & ~FREQ_OWNER_KEEP;
	if (slot->owner & FREQ_OWNER_KEEP)
		copy->owner |= FREQ2_OWNER_KEEP;
	copy->buckets[0] = slot->buckets[0];
	copy->buckets[1] = slot->buckets[1];
	*(u64 *)slot_of(&to->pool.grants, index, sizeof(u64)) =
		*(u64 *)slot_of(&from->pool.grants, index, sizeof(u64));
}

static void down_queue(struct freq2_queue *to, const struct freq_queue *from)
{
	to->first = from->first;
	to->last = from->last;
	to->count = from->count;
}

static void down_holder(void *data, const void *old, u32 index)
{
	const struct freq_state *from = old;
	struct freq2_state *to = data;
	const struct freq_holder *holder = slot_of(&from->holders, index,
						   sizeof(*holder));
	struct freq2_holder *copy = slot_of(&to->holders, index,
					    sizeof(*copy));

	put_pid(copy->pid);
	copy->pid = get_pid(holder->pid);
	copy->uid = holder->uid;
	copy->stale = holder->stale;
	down_queue(&copy->held, &holder->held);
	down_queue(&copy->kept, &holder->kept);
	copy->next = holder->next;
	memcpy(copy->label, holder->label, sizeof(copy->label));
	to->holder_count = max(to->holder_count, index);
}

static void down_finish(void *data, const void *old)
{
	const struct freq_state *from = old;
	struct freq2_state *to = data;

	to->pool.slot_count = from->pool.slot_count;
	to->pool.visible = from->pool.visible;
	to->pool.bucket_last = from->pool.bucket_last;
	to->pool.bucket_mask = from->pool.bucket_mask;
	to->pool.map_given = from->pool.map_given + 1;
	down_queue(&to->pool.free, &from->pool.free);
	to->holder_count = from->holder_count;
	to->unused_holder = from->unused_holder;
	to->waiting = from->waiting;
	to->undelivered = from->undelivered;
	to->base = from->base;
}

static void down_move(void *data, void *old)
{
	struct freq_state *from = old;
	struct freq2_state *to = data;

	to->open_holders = from->open_holders;
	list_splice_init(&from->readers, &to->readers);
	to->by_ticket = from->by_ticket;
	to->by_wish = from->by_wish;
	to->last_ticket = from->last_ticket;
	to->serve_from = from->serve_from;
	to->serving = from->serving;
	to->finishing = from->finishing;
	to->bands = from->bands;
	to->groups = from->groups;
	to->looking = from->looking;
	to->band_count = from->band_count;
	to->look_again = from->look_again;
	to->deadlines = from->deadlines;
	to->timer_at = from->timer_at;
	to->log = from->log;
	from->log = NULL;
}

static const struct freq_conversion downgrade = {
	.size = sizeof(struct freq_conversion),
	.check = down_check,
	.count = test_count,
	.attach = test_attach,
	.create = down_create,
	.reserve = down_reserve,
	.slot = down_slot,
	.holder = down_holder,
	.finish = down_finish,
	.move = down_move,
	.destroy = down_destroy,
};

char freq_later_format_name[] = FREQ2_FORMAT;

/* The layout of its own format has no file: it is that of the sources. */
#define TEST_CHECKSUM 0x7465737431ULL

struct freq_later_format freq_later_formats[] = {
	{ { .name = FREQ_FORMAT, .checksum = TEST_CHECKSUM } },
	{ { .name = freq_later_format_name, .checksum = FREQ_LAYOUT_STATE_2,
	    .conversion = &downgrade } },
	{ }
};

const struct freq_format freq_formats_imported[] = {
	{ .name = FREQ_FORMAT, .checksum = TEST_CHECKSUM },
	{ .name = freq_later_format_name, .checksum = FREQ_LAYOUT_STATE_2,
	  .conversion = &upgrade },
	{ }
};
