// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: freq-state-1
 *
 * The format of releases 1 and 2 until release 3. What is different there:
 *
 * 1. Grants have no numbers, clients no labels, and nobody waits.
 * 2. A free slot does not know the one before it in its queue.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "contract/format_1.h"
#include "state/convert.h"
#include "state/state.h"
#include "state/subscription.h"

static void *element(const struct freq_table *table, u32 index, size_t size)
{
	return freq_table_at(table, index, size);
}

static const struct freq1_slot *slot1_at(const struct freq1_state *state,
					 u32 index)
{
	return element(&state->pool.slots, index, sizeof(struct freq1_slot));
}

/* ---- from freq-state-1: an upgrade ---- */

static void one_attach(void *data, struct freq_mirror *mirror)
{
	struct freq1_state *from = data;

	from->pool.mirror = mirror;
}

static void one_count(const void *data, u32 *slots, u32 *holders)
{
	const struct freq1_state *from = data;

	*slots = from->pool.slot_count + 1;
	*holders = from->holder_count + 1;
}

static void *up_create(void)
{
	return freq_state_create();
}

static int up_reserve(void *to, u32 slots, u32 holders, struct freq_call *call)
{
	return freq_state_reserve(to, slots, holders, call);
}

static bool is_free(const struct freq1_state *from,
		    const struct freq1_slot *slot)
{
	const struct freq1_holder *holder;

	if (!slot->owner || slot->owner & FREQ1_OWNER_KEEP)
		return !slot->owner;
	holder = element(&from->holders, slot->owner, sizeof(*holder));
	return !holder->pid;
}

static void up_slot(void *data, const void *old, u32 index)
{
	const struct freq1_state *from = old;
	const struct freq1_slot *slot = slot1_at(from, index);
	struct freq_state *to = data;
	struct freq_slot *copy = freq_pool_write(&to->pool, index);

	copy->number = slot->number;
	copy->next = slot->next;
	/* A free slot has no valid prev: its predecessor sets it, below. */
	if (!is_free(from, slot))
		copy->prev = slot->prev;
	if (slot->next)
		freq_pool_write(&to->pool, slot->next)->prev = index;
	copy->chain = slot->chain;
	copy->owner = slot->owner;
	copy->buckets[0] = slot->buckets[0];
	copy->buckets[1] = slot->buckets[1];
	*freq_pool_grant(&to->pool, index) = 0;
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
	const struct freq1_holder *holder = element(&from->holders, index,
						    sizeof(*holder));
	struct freq_holder *copy = element(&to->holders, index, sizeof(*copy));

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

static void up_move(void *data, void *old)
{
	struct freq1_state *from = old;
	struct freq_state *to = data;

	to->open_holders = from->open_holders;
	list_splice_init(&from->readers, &to->readers);
}

static int up_destroy(void *to, struct freq_call *call)
{
	return to ? freq_state_destroy(to, call) : 0;
}

const struct freq_conversion freq_from_state_1 = {
	.size = sizeof(struct freq_conversion),
	.count = one_count,
	.attach = one_attach,
	.create = up_create,
	.reserve = up_reserve,
	.slot = up_slot,
	.holder = up_holder,
	.finish = up_finish,
	.move = up_move,
	.destroy = up_destroy,
};

/* ---- to freq-state-1: a downgrade ---- */

/*
 * Labels, the numbers of grants and subscriptions are dropped; nobody can be
 * made to wait, and a call that is done would be begun anew there.
 */
static int down_check(const void *data)
{
	const struct freq_state *from = data;

	return from->waiting || from->undelivered || from->finishing ?
	       -EOPNOTSUPP : 0;
}

static void own_attach(void *data, struct freq_mirror *mirror)
{
	struct freq_state *from = data;

	from->pool.mirror = mirror;
}

static void own_count(const void *data, u32 *slots, u32 *holders)
{
	const struct freq_state *from = data;

	*slots = from->pool.slot_count + 1;
	*holders = from->holder_count + 1;
}

static void *down_create(void)
{
	struct freq1_state *to;

	to = kvzalloc(sizeof(*to), GFP_KERNEL_ACCOUNT);
	if (!to)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&to->claimants);
	INIT_LIST_HEAD(&to->readers);
	return to;
}

static int down_destroy(void *data, struct freq_call *call)
{
	struct freq1_state *to = data;
	const struct freq1_holder *holder;
	int ret;

	if (!to)
		return 0;
	for (; to->holder_count; to->holder_count--) {
		holder = element(&to->holders, to->holder_count,
				 sizeof(*holder));
		put_pid(holder->pid);
	}
	ret = freq_table_dismantle(&to->holders, call) ?:
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
	struct freq1_state *to = data;

	return freq_table_reserve(&to->pool.slots, slots,
				  sizeof(struct freq1_slot), call) ?:
	       freq_table_reserve(&to->pool.sorted, slots, sizeof(u32),
				  call) ?:
	       freq_table_reserve(&to->pool.spare, slots, sizeof(u32),
				  call) ?:
	       freq_table_reserve(&to->holders, holders,
				  sizeof(struct freq1_holder), call);
}

static void down_slot(void *data, const void *old, u32 index)
{
	const struct freq_state *from = old;
	const struct freq_slot *slot = freq_pool_slot(&from->pool, index);
	struct freq1_state *to = data;
	struct freq1_slot *copy = element(&to->pool.slots, index,
					  sizeof(*copy));

	copy->number = slot->number;
	copy->next = slot->next;
	copy->prev = slot->prev;
	copy->chain = slot->chain;
	copy->owner = slot->owner;
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
	const struct freq_holder *holder = element(&from->holders, index,
						   sizeof(*holder));
	struct freq1_holder *copy = element(&to->holders, index,
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

static void down_move(void *data, void *old)
{
	struct freq_state *from = old;
	struct freq1_state *to = data;

	to->open_holders = from->open_holders;
	list_splice_init(&from->readers, &to->readers);
	freq_subscription_detach(from);
}

const struct freq_conversion freq_to_state_1 = {
	.size = sizeof(struct freq_conversion),
	.check = down_check,
	.count = own_count,
	.attach = own_attach,
	.create = down_create,
	.reserve = down_reserve,
	.slot = down_slot,
	.holder = down_holder,
	.finish = down_finish,
	.move = down_move,
	.destroy = down_destroy,
};

static_assert(FREQ1_OWNER_KEEP == FREQ_OWNER_KEEP);
