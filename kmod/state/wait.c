// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Waiting
 *
 * A call that waits for a frequency has a ticket, which says since when. Two
 * trees have all of them: one in the order of the tickets, one by what they
 * want.
 *
 * What comes free goes to the one that waits longest of those that want it, in
 * the same hold: it is never free for others. If one frequency came free, that
 * one is looked up by what it wants. If many did, all that wait are gone
 * through, from the lowest ticket on, some in a hold. Until that has ended,
 * every allocation first continues it.
 *
 * So when nobody goes through them, no frequency is free that anybody waits
 * for.
 *
 * The client holds the frequency at once; the thread of the call writes the
 * reply later. If the page of the reply is not there then, the frequency
 * goes to the next one: the door may end the call, and would not say so.
 *
 * The functions here run under the server's mutex (see contract/door.h).
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/rbtree.h>

#include "state/grant.h"
#include "state/state.h"
#include "state/wait.h"

/* How many waiters one hold looks at, and how many it wakes. */
#define LOOK_STEP 128
#define WAKE_STEP 4

static struct freq_waiter *of_ticket(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_waiter, by_ticket);
}

static struct freq_waiter *of_wish(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_waiter, by_wish);
}

static bool has_lower_ticket(struct rb_node *node,
			     const struct rb_node *other)
{
	return rb_entry(node, struct freq_waiter, by_ticket)->ticket <
	       rb_entry(other, struct freq_waiter, by_ticket)->ticket;
}

/* Less than 0 if @waiter comes before all waiters for @number. */
static int compare_wish(const struct freq_waiter *waiter, u64 number)
{
	if (waiter->any)
		return -1;
	return waiter->number < number ? -1 : waiter->number > number;
}

static bool is_before(struct rb_node *node, const struct rb_node *other)
{
	const struct freq_waiter *a = rb_entry(node, struct freq_waiter,
					       by_wish);
	const struct freq_waiter *b = rb_entry(other, struct freq_waiter,
					       by_wish);

	if (a->any != b->any)
		return a->any;
	if (a->number != b->number)
		return a->number < b->number;
	return a->ticket < b->ticket;
}

/**
 * freq_wait_join() - have a call wait
 * @state: the state
 * @waiter: it; in the memory of its call. Its client has a holder. If it has
 *	waited before, it keeps its ticket.
 */
void freq_wait_join(struct freq_state *state, struct freq_waiter *waiter)
{
	waiter->ticket = waiter->ticket ?: ++state->last_ticket;
	rb_add(&waiter->by_ticket, &state->by_ticket, has_lower_ticket);
	rb_add(&waiter->by_wish, &state->by_wish, is_before);
	state->waiting++;
}

/**
 * freq_wait_leave() - have a call wait no longer
 * @state: the state
 * @waiter: it
 */
void freq_wait_leave(struct freq_state *state, struct freq_waiter *waiter)
{
	rb_erase(&waiter->by_ticket, &state->by_ticket);
	rb_erase(&waiter->by_wish, &state->by_wish);
	state->waiting--;
}

static void grant(struct freq_state *state, struct freq_call *call,
		  struct freq_waiter *waiter, u32 index)
{
	const struct freq_allocate_v3 *asked = (void *)waiter->call->argument;

	freq_wait_leave(state, waiter);
	waiter->index = index;
	waiter->grant = freq_grant_next(call, 1);
	freq_state_allocate(state, call, waiter->call->client,
			    asked->flags & FREQ_ALLOCATE_KEEP, index,
			    waiter->grant, false);
	waiter->call->progress[FREQ_PROGRESS_CLAIM] = FREQ_WAIT_GRANTED;
	state->undelivered++;
	freq_door_wake(waiter->call);
}

/* The one with the lowest ticket of those that want this frequency only */
static struct freq_waiter *find_exact(const struct freq_state *state,
				      u64 number)
{
	struct rb_node *node = state->by_wish.rb_node;
	struct freq_waiter *waiter, *found = NULL;
	int order;

	while (node) {
		waiter = of_wish(node);
		order = compare_wish(waiter, number);
		if (!order)
			found = waiter;
		node = order < 0 ? node->rb_right : node->rb_left;
	}
	return found;
}

/**
 * freq_wait_offer_slot() - freq_wait_offer() if somebody waits
 * @state: the state
 * @call: a call of its server
 * @index: slot of the frequency, which has just come free
 */
void freq_wait_offer_slot(struct freq_state *state,
			  struct freq_call *call, u32 index)
{
	u64 number = freq_pool_slot(&state->pool, index)->number;
	struct freq_waiter *any = of_wish(rb_first(&state->by_wish));
	struct freq_waiter *exact = find_exact(state, number);

	if (!any->any)
		any = NULL;
	if (!any || (exact && exact->ticket < any->ticket))
		any = exact;
	if (any)
		grant(state, call, any, index);
}

/* Of the waiters with this ticket or a higher one, that with the lowest */
static struct freq_waiter *find_ticket(const struct freq_state *state,
				       u64 ticket)
{
	struct rb_node *node = state->by_ticket.rb_node;
	struct freq_waiter *waiter, *found = NULL;

	while (node) {
		waiter = of_ticket(node);
		if (waiter->ticket < ticket) {
			node = node->rb_right;
		} else {
			found = waiter;
			node = node->rb_left;
		}
	}
	return found;
}

/* The slot of a free frequency that the waiter wants, 0 if there is none */
static u32 find_free(struct freq_state *state, const struct freq_waiter *waiter)
{
	u32 index;

	if (waiter->any)
		return state->pool.free.first;
	index = freq_pool_find(&state->pool, waiter->number);
	return freq_state_holder(state, freq_pool_slot(&state->pool, index)) ?
	       0 : index;
}

/**
 * freq_wait_serve() - go on with what freq_wait_offer_all() began
 * @state: the state; &freq_state.serving is set
 * @call: a call of its server
 *
 * Return: 0 when it is done, or FREQ_WANT_AGAIN.
 */
int freq_wait_serve(struct freq_state *state, struct freq_call *call)
{
	struct freq_waiter *waiter = find_ticket(state, state->serve_from);
	u32 looks = LOOK_STEP, wakes = WAKE_STEP, index;
	struct freq_waiter *next;

	for (; waiter && state->pool.free.count; waiter = next) {
		if (!looks-- || !wakes) {
			state->serve_from = waiter->ticket;
			return FREQ_WANT_AGAIN;
		}
		next = of_ticket(rb_next(&waiter->by_ticket));
		index = find_free(state, waiter);
		if (!index)
			continue;
		grant(state, call, waiter, index);
		wakes--;
	}
	state->serving = 0;
	return 0;
}

/**
 * freq_wait_finish() - end a request that has freed many
 * @state: the state
 * @call: the call; returns to this with its phase FREQ_WAIT_SERVING
 *
 * Return: 0, or FREQ_WANT_AGAIN: the request is done, the call is not.
 */
int freq_wait_finish(struct freq_state *state, struct freq_call *call)
{
	int ret = state->serving ? freq_wait_serve(state, call) : 0;
	u32 *phase = &call->progress[FREQ_PROGRESS_CLAIM];

	state->finishing -= *phase == FREQ_WAIT_SERVING;
	state->finishing += !!ret;
	*phase = ret ? FREQ_WAIT_SERVING : FREQ_CLAIM_NONE;
	return ret;
}
