// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Waiting
 *
 * A call that waits for frequencies has a ticket, which says since when. One
 * tree has all of them in the order of the tickets. Others have them by what
 * they want: any frequency, a certain one, or those of certain spans. Of those
 * that want the same spans, one leads, and has the others in a tree of its own.
 *
 * What comes free goes to the one that waits longest of those that want it, in
 * the same hold: it is never free for others. If one frequency came free, that
 * one is looked up by what it wants. If many did, all that wait are gone
 * through, from the lowest ticket on, some in a hold. Until that has ended,
 * every allocation first continues it.
 *
 * So when nobody goes through them, no frequency is free that anybody waits
 * for. If there are too many sets of spans to look through, the door's timer
 * goes through all.
 *
 * Who wants several at once, and does not reserve them, waits until enough are
 * free that nobody else wants. When something is left free, the one that waits
 * longest is woken to look; whether it finds enough or not, it then wakes the
 * next one.
 *
 * The client holds a frequency at once; the thread of the call writes the
 * reply later. If the page of the reply is not there then, the frequency
 * goes to the next one: the door may end the call, and would not say so.
 *
 * The functions here run under the server's mutex (see contract/door.h).
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/string.h>

#include "state/grant.h"
#include "state/map.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/wait.h"

/* How many waiters one hold looks at, and how many it wakes. */
#define LOOK_STEP 128
#define WAKE_STEP 4

/* Up to how many sets of spans are looked through when one comes free. */
#define BANDS_MAX 64

static struct freq_waiter *of_ticket(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_waiter, by_ticket);
}

static struct freq_waiter *of_wish(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_waiter, by_wish);
}

static struct freq_waiter *of_spans(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_waiter, by_spans);
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
	if (waiter->wish == FREQ_WISH_ANY)
		return -1;
	return waiter->number < number ? -1 : waiter->number > number;
}

static bool is_before(struct rb_node *node, const struct rb_node *other)
{
	const struct freq_waiter *a = rb_entry(node, struct freq_waiter,
					       by_wish);
	const struct freq_waiter *b = rb_entry(other, struct freq_waiter,
					       by_wish);

	if (a->wish != b->wish)
		return a->wish < b->wish;
	if (a->number != b->number)
		return a->number < b->number;
	return a->ticket < b->ticket;
}

/**
 * freq_wait_spans() - get the spans that a waiter wants frequencies of
 * @waiter: it
 * @count: out: how many they are, not 0
 *
 * Return: the spans, for this hold.
 */
const struct freq_span *freq_wait_spans(const struct freq_waiter *waiter,
					u32 *count)
{
	return freq_spans_or_all(waiter->spans, waiter->span_count, count);
}

/**
 * freq_spans_or_all() - get the spans of an argument
 * @spans: the spans
 * @span_count: how many; 0: it means all frequencies
 * @count: out: how many they are, not 0
 *
 * Return: the spans, for this hold.
 */
const struct freq_span *freq_spans_or_all(const struct freq_span *spans,
					  u32 span_count, u32 *count)
{
	static const struct freq_span all = { .last = U64_MAX };

	*count = span_count ?: 1;
	return span_count ? spans : &all;
}

static int compare_spans(const struct freq_waiter *a,
			 const struct freq_waiter *b)
{
	u32 count_a, count_b;
	const struct freq_span *spans_a = freq_wait_spans(a, &count_a);
	const struct freq_span *spans_b = freq_wait_spans(b, &count_b);

	if (count_a != count_b)
		return count_a < count_b ? -1 : 1;
	return memcmp(spans_a, spans_b, count_a * sizeof(*spans_a));
}

static bool has_lower_spans(struct rb_node *node, const struct rb_node *other)
{
	return compare_spans(of_spans(node), rb_entry(other, struct freq_waiter,
						      by_spans)) < 0;
}

/* The waiter that leads those that want the same spans, or NULL */
static struct freq_waiter *find_leader(const struct freq_state *state,
				       const struct freq_waiter *waiter)
{
	struct rb_node *node = state->bands.rb_node;
	int order;

	while (node) {
		order = compare_spans(waiter, of_spans(node));
		if (!order)
			break;
		node = order < 0 ? node->rb_left : node->rb_right;
	}
	return of_spans(node);
}

static void join_band(struct freq_state *state, struct freq_waiter *waiter)
{
	struct freq_waiter *leader = find_leader(state, waiter);

	if (!leader) {
		leader = waiter;
		leader->leads = 1;
		leader->mates = RB_ROOT;
		rb_add(&leader->by_spans, &state->bands, has_lower_spans);
		state->band_count++;
	}
	rb_add(&waiter->by_wish, &leader->mates, is_before);
}

static void leave_band(struct freq_state *state, struct freq_waiter *waiter)
{
	struct freq_waiter *leader = find_leader(state, waiter), *next;

	rb_erase(&waiter->by_wish, &leader->mates);
	if (!waiter->leads)
		return;
	waiter->leads = 0;
	next = of_wish(rb_first(&waiter->mates));
	if (!next) {
		rb_erase(&waiter->by_spans, &state->bands);
		state->band_count--;
		return;
	}
	next->leads = 1;
	next->mates = waiter->mates;
	rb_replace_node(&waiter->by_spans, &next->by_spans, &state->bands);
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
	if (waiter->wish == FREQ_WISH_SPANS)
		join_band(state, waiter);
	else if (waiter->wish == FREQ_WISH_GROUP)
		rb_add(&waiter->by_wish, &state->groups, is_before);
	else
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
	if (waiter->wish == FREQ_WISH_SPANS)
		leave_band(state, waiter);
	else if (waiter->wish == FREQ_WISH_GROUP)
		rb_erase(&waiter->by_wish, &state->groups);
	else
		rb_erase(&waiter->by_wish, &state->by_wish);
	state->waiting--;
}

static u32 *phase_of(struct freq_waiter *waiter)
{
	return &waiter->call->progress[FREQ_PROGRESS_CLAIM];
}

/**
 * freq_wait_take() - allocate a frequency to a waiter
 * @state: the state
 * @call: a call of its server
 * @waiter: it
 * @index: slot of the frequency
 */
void freq_wait_take(struct freq_state *state, struct freq_call *call,
		    struct freq_waiter *waiter, u32 index)
{
	waiter->index = index;
	waiter->grant = freq_grant_next(call, 1);
	if (waiter->granted)
		waiter->granted[waiter->have] = (struct freq_granted){
			.frequency = freq_pool_slot(&state->pool,
						    index)->number,
			.grant = waiter->grant,
		};
	waiter->have++;
	freq_state_allocate(state, call, waiter->client,
			    waiter->flags & FREQ_ALLOCATE_KEEP, index,
			    waiter->grant, false);
}

/**
 * freq_wait_slot() - find what a waiter got
 * @state: the state
 * @granted: one of the frequencies that it got
 *
 * Return: its slot; 0 if its client has given it back meanwhile.
 */
u32 freq_wait_slot(struct freq_state *state, const struct freq_granted *granted)
{
	struct freq_pool *pool = &state->pool;
	u32 index = freq_pool_find(pool, granted->frequency);

	if (!freq_state_holder(state, freq_pool_slot(pool, index)) ||
	    *freq_pool_grant(pool, index) != granted->grant)
		return 0;
	return index;
}

/**
 * freq_wait_give_back() - free what a waiter has got
 * @state: the state
 * @call: a call of its server
 * @waiter: it
 *
 * Who waits for any of it is served by freq_wait_serve().
 */
void freq_wait_give_back(struct freq_state *state, struct freq_call *call,
			 struct freq_waiter *waiter)
{
	u32 index;

	while (waiter->have) {
		index = freq_wait_slot(state, &waiter->granted[--waiter->have]);
		if (!index)
			continue;
		freq_state_free(state, call, index);
		freq_wait_offer_all(state);
	}
}

/* Forgets what the client has given back meanwhile. */
static void forget_some(struct freq_state *state, struct freq_waiter *waiter)
{
	u32 have = waiter->have, i;

	waiter->have = 0;
	for (i = 0; i < have; i++)
		if (freq_wait_slot(state, &waiter->granted[i]))
			waiter->granted[waiter->have++] = waiter->granted[i];
}

/* Returns whether the waiter has all that it wants now. */
static bool grant(struct freq_state *state, struct freq_call *call,
		  struct freq_waiter *waiter, u32 index)
{
	freq_wait_take(state, call, waiter, index);
	if (waiter->have == waiter->count && waiter->count > 1)
		forget_some(state, waiter);
	if (waiter->have < waiter->count)
		return false;
	freq_wait_leave(state, waiter);
	if (!waiter->call) {
		freq_queue_finish(state, call, waiter);
		return true;
	}
	*phase_of(waiter) = FREQ_WAIT_GRANTED;
	state->undelivered++;
	freq_door_wake(waiter->call);
	return true;
}

/* Of the waiters of a tree with this ticket or a higher one, the first */
static __always_inline struct freq_waiter *
find_ticket(const struct rb_root *tree,
	    struct freq_waiter *(*waiter_of)(struct rb_node *node), u64 ticket)
{
	struct freq_waiter *waiter, *found = NULL;
	struct rb_node *node = tree->rb_node;

	while (node) {
		waiter = waiter_of(node);
		if (waiter->ticket < ticket) {
			node = node->rb_right;
		} else {
			found = waiter;
			node = node->rb_left;
		}
	}
	return found;
}

/*
 * Wakes the first of those that want several and have at least this ticket. It
 * counts as waiting while it looks.
 */
static void wake_group(struct freq_state *state, u64 ticket)
{
	struct freq_waiter *found = find_ticket(&state->groups, of_wish,
						ticket);

	state->looking = found ? found->ticket : 0;
	if (!found)
		return;
	freq_wait_leave(state, found);
	state->waiting++;
	*phase_of(found) = FREQ_WAIT_LOOKING;
	freq_door_wake(found->call);
}

/* Something is free that nobody else wants. */
static void offer_groups(struct freq_state *state)
{
	if (likely(!state->groups.rb_node && !state->looking))
		return;
	if (state->looking)
		state->look_again = 1;
	else
		wake_group(state, 0);
}

/**
 * freq_wait_looked() - a call that was woken to look has done so
 * @state: the state
 * @waiter: it
 */
void freq_wait_looked(struct freq_state *state, struct freq_waiter *waiter)
{
	state->waiting--;
	wake_group(state, waiter->ticket + 1);
	if (!state->looking && state->look_again) {
		state->look_again = 0;
		wake_group(state, 0);
	}
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

static bool is_in(const struct freq_waiter *waiter, u64 number)
{
	const struct freq_span *span;
	u32 count;

	span = freq_wait_spans(waiter, &count);
	for (; count--; span++)
		if (number >= span->first && number <= span->last)
			return true;
	return false;
}

static struct freq_waiter *earlier(struct freq_waiter *a, struct freq_waiter *b)
{
	if (!a || !b)
		return a ?: b;
	return a->ticket < b->ticket ? a : b;
}

/* The one with the lowest ticket of those that want spans with this frequency */
static struct freq_waiter *find_band(const struct freq_state *state, u64 number)
{
	struct rb_node *node = rb_first(&state->bands);
	struct freq_waiter *leader, *found = NULL;

	for (; node; node = rb_next(node)) {
		leader = of_spans(node);
		if (is_in(leader, number))
			found = earlier(found,
					of_wish(rb_first(&leader->mates)));
	}
	return found;
}

/**
 * freq_wait_offer_slot() - freq_wait_offer() if somebody waits
 * @state: the state
 * @call: a call of its server
 * @index: slot of the frequency, which has just come free
 */
void freq_wait_offer_slot(struct freq_state *state, struct freq_call *call,
			  u32 index)
{
	u64 number = freq_pool_slot(&state->pool, index)->number;
	struct freq_waiter *waiter = of_wish(rb_first(&state->by_wish));

	if (unlikely(state->band_count > BANDS_MAX)) {
		freq_wait_offer_all(state);
		freq_state_wake_at(state, call, FREQ_NOW);
		return;
	}
	if (waiter && waiter->wish != FREQ_WISH_ANY)
		waiter = NULL;
	waiter = earlier(waiter, find_exact(state, number));
	waiter = earlier(waiter, find_band(state, number));
	if (waiter)
		grant(state, call, waiter, index);
	else
		offer_groups(state);
}

/**
 * freq_wait_find() - find a free frequency of some spans
 * @pool: the pool, with its map
 * @spans: the spans
 * @count: how many
 *
 * Return: the slot of the lowest one of the first span that has any; 0 if none
 * has.
 */
u32 freq_wait_find(struct freq_pool *pool, const struct freq_span *spans,
		   u32 count)
{
	const struct freq_slot *slot;
	u32 rank;

	for (; count--; spans++) {
		rank = freq_map_next(pool, freq_map_first(pool, spans->first));
		slot = freq_pool_ranked(pool, rank);
		if (slot && slot->number <= spans->last)
			return freq_pool_index(pool, rank);
	}
	return 0;
}

/* The slot of a free frequency that the waiter wants, 0 if there is none */
static u32 find_free(struct freq_state *state, const struct freq_waiter *waiter)
{
	struct freq_pool *pool = &state->pool;
	const struct freq_span *spans;
	u32 index, count;

	switch (waiter->wish) {
	case FREQ_WISH_ANY:
		return pool->free.first;
	case FREQ_WISH_EXACT:
		index = freq_pool_find(pool, waiter->number);
		return freq_state_holder(state, freq_pool_slot(pool, index)) ?
		       0 : index;
	case FREQ_WISH_SPANS:
		spans = freq_wait_spans(waiter, &count);
		return freq_wait_find(pool, spans, count);
	default:
		return 0;
	}
}

/* How many others could be looked at instead of one that wants spans. */
static u32 looks_of(const struct freq_waiter *waiter)
{
	u32 count = 0;

	if (waiter->wish == FREQ_WISH_SPANS)
		freq_wait_spans(waiter, &count);
	return 1 + 2 * count;
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
	s32 looks = LOOK_STEP, wakes = WAKE_STEP;
	struct freq_waiter *waiter, *next;
	u32 index;

	if (state->band_count && !freq_map_build(state))
		return FREQ_WANT_AGAIN;
	waiter = find_ticket(&state->by_ticket, of_ticket, state->serve_from);
	/* One that reserves is looked at until it has enough. */
	while (waiter && state->pool.free.count) {
		looks -= looks_of(waiter);
		if (looks < 0 || !wakes) {
			state->serve_from = waiter->ticket;
			return FREQ_WANT_AGAIN;
		}
		next = of_ticket(rb_next(&waiter->by_ticket));
		index = find_free(state, waiter);
		if (index && !grant(state, call, waiter, index))
			continue;
		wakes -= !!index;
		waiter = next;
	}
	state->serving = 0;
	if (state->pool.free.count)
		offer_groups(state);
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
	int ret = freq_wait_settle(state, call);
	u32 *phase = &call->progress[FREQ_PROGRESS_CLAIM];

	state->finishing -= *phase == FREQ_WAIT_SERVING;
	state->finishing += !!ret;
	*phase = ret ? FREQ_WAIT_SERVING : FREQ_CLAIM_NONE;
	return ret;
}
