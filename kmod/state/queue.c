// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Queued requests
 *
 * A queued request is a waiter as others are, but belongs to the subscription of
 * its client, not to a call. What it gets, and that its deadline has come, is
 * appended to the log as a record for this client. It ends with the
 * subscription.
 *
 * The functions here run under the server's mutex (see contract/door.h).
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/rbtree.h>
#include <linux/timekeeping.h>

#include "state/log.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/subscription.h"
#include "state/wait.h"

/* How many requests, and frequencies that they reserve, one hold ends. */
#define END_STEP 32

static struct freq_waiter *of_cookie(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_waiter, by_cookie);
}

static struct freq_waiter *of_deadline(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_waiter, by_deadline);
}

static bool has_lower_cookie(struct rb_node *a, const struct rb_node *b)
{
	return of_cookie(a)->cookie <
	       rb_entry(b, struct freq_waiter, by_cookie)->cookie;
}

static bool has_earlier_deadline(struct rb_node *a, const struct rb_node *b)
{
	return of_deadline(a)->deadline <
	       rb_entry(b, struct freq_waiter, by_deadline)->deadline;
}

static struct freq_waiter *find(const struct freq_subscription *subscription,
				u64 cookie)
{
	struct rb_node *node = subscription->queued.rb_node;

	while (node && of_cookie(node)->cookie != cookie)
		node = cookie < of_cookie(node)->cookie ? node->rb_left :
							  node->rb_right;
	return of_cookie(node);
}

/**
 * freq_queue_check() - test whether a client can have another request queued
 * @state: the state
 * @client: the client
 * @cookie: the cookie of the request
 *
 * Return: 0; -EINVAL without a subscription to the outcome; -EEXIST; -EDQUOT.
 */
int freq_queue_check(const struct freq_state *state,
		     const struct freq_client *client, u64 cookie)
{
	const struct freq_subscription *subscription =
		freq_subscription_find(state, client);

	if (!subscription ||
	    !(subscription->kinds & BIT(FREQ_RECORD_OUTCOME)))
		return -EINVAL;
	if (find(subscription, cookie))
		return -EEXIST;
	return subscription->queued_count == FREQ_QUEUED_MAX ? -EDQUOT : 0;
}

/**
 * freq_queue_add() - queue the request of a call
 * @state: the state; freq_queue_check() was called in this hold
 * @call: the call, whose memory is its waiter, which waits already, and which
 *	becomes the state's
 * @cookie: its cookie
 * @deadline: its deadline
 */
void freq_queue_add(struct freq_state *state, struct freq_call *call,
		    u64 cookie, s64 deadline)
{
	struct freq_subscription *subscription =
		freq_subscription_find(state, call->client);
	struct freq_waiter *waiter = call->memory;

	call->memory_size = 0;
	waiter->call = NULL;
	waiter->cookie = cookie;
	waiter->deadline = deadline;
	rb_add(&waiter->by_cookie, &subscription->queued, has_lower_cookie);
	subscription->queued_count++;
	if (deadline == FREQ_FOR_EVER)
		return;
	rb_add(&waiter->by_deadline, &state->deadlines, has_earlier_deadline);
	freq_queue_set_timer(state, call);
}

/* Ends a request that does not wait any more. */
static void end(struct freq_state *state, struct freq_call *call,
		struct freq_waiter *waiter)
{
	struct freq_subscription *subscription =
		freq_subscription_find(state, waiter->client);

	rb_erase(&waiter->by_cookie, &subscription->queued);
	subscription->queued_count--;
	if (waiter->deadline != FREQ_FOR_EVER)
		rb_erase(&waiter->by_deadline, &state->deadlines);
	freq_door_free(call, waiter);
}

/**
 * freq_queue_finish() - end a request that has got what it wants
 * @state: the state
 * @call: a call of its server
 * @waiter: the request; is freed
 */
void freq_queue_finish(struct freq_state *state, struct freq_call *call,
		       struct freq_waiter *waiter)
{
	freq_log_outcome(state, call, waiter, 0);
	end(state, call, waiter);
}

static void leave(struct freq_state *state, struct freq_waiter *waiter)
{
	if (waiter->wish == FREQ_WISH_NONE)
		return;
	freq_wait_leave(state, waiter);
	waiter->wish = FREQ_WISH_NONE;
}

/* Ends a request that waits. What it has reserved goes to others. */
static void cancel(struct freq_state *state, struct freq_call *call,
		   struct freq_waiter *waiter)
{
	leave(state, waiter);
	freq_wait_give_back(state, call, waiter);
	if (state->serving)
		freq_state_wake_at(state, call, FREQ_NOW);
	end(state, call, waiter);
}

/**
 * freq_queue_cancel() - cancel a request
 * @state: the state
 * @call: the call of its client
 * @cookie: its cookie
 *
 * Return: 0; -ENOENT if there is no such request.
 */
int freq_queue_cancel(struct freq_state *state, struct freq_call *call,
		      u64 cookie)
{
	const struct freq_subscription *subscription =
		freq_subscription_find(state, call->client);
	struct freq_waiter *waiter = NULL;

	if (subscription)
		waiter = find(subscription, cookie);
	if (!waiter)
		return -ENOENT;
	cancel(state, call, waiter);
	return 0;
}

/*
 * All that are about to end leave the line first: none of them gets what another
 * one gives back. Returns whether none is left; counts @left down.
 */
static bool leave_all(struct freq_state *state,
		      struct freq_subscription *subscription, s32 *left)
{
	struct rb_node *node = rb_first(&subscription->queued);

	for (; node; node = rb_next(node)) {
		if (of_cookie(node)->wish == FREQ_WISH_NONE)
			continue;
		if (!*left)
			return false;
		leave(state, of_cookie(node));
		--*left;
	}
	return true;
}

/**
 * freq_queue_cancel_all() - cancel the requests of a client
 * @state: the state
 * @call: the call of the client
 *
 * Return: 0 if it has none; FREQ_WANT_AGAIN.
 */
int freq_queue_cancel_all(struct freq_state *state, struct freq_call *call)
{
	struct freq_subscription *subscription =
		freq_subscription_find(state, call->client);
	struct freq_waiter *waiter;
	s32 left = END_STEP;

	if (subscription && !leave_all(state, subscription, &left))
		return FREQ_WANT_AGAIN;
	while (subscription && subscription->queued_count && left > 0) {
		waiter = of_cookie(rb_first(&subscription->queued));
		left -= 1 + waiter->have;
		cancel(state, call, waiter);
	}
	return subscription && subscription->queued_count ? FREQ_WANT_AGAIN : 0;
}

/**
 * freq_queue_expire() - end the requests whose deadline has come
 * @state: the state
 * @call: a call of its server
 *
 * Return: 0; or FREQ_WANT_AGAIN.
 */
int freq_queue_expire(struct freq_state *state, struct freq_call *call)
{
	struct freq_waiter *waiter;
	s32 left = END_STEP;
	s64 now;

	if (likely(!state->deadlines.rb_node))
		return 0;
	now = ktime_get_ns();
	while ((waiter = of_deadline(rb_first(&state->deadlines)))) {
		if (waiter->deadline > now)
			return 0;
		if (left <= 0)
			return FREQ_WANT_AGAIN;
		left -= 1 + waiter->have;
		freq_log_outcome(state, call, waiter, FREQ_RECORD_TIMED_OUT);
		cancel(state, call, waiter);
	}
	return 0;
}

/**
 * freq_queue_set_timer() - set the timer to the first deadline
 * @state: the state
 * @call: a call of its server
 *
 * CLOCK_MONOTONIC stands still while the machine is suspended, and the timer's
 * clock does not: then it expires too early, and is set again.
 */
void freq_queue_set_timer(struct freq_state *state, struct freq_call *call)
{
	const struct freq_waiter *waiter =
		of_deadline(rb_first(&state->deadlines));
	ktime_t ahead = ktime_mono_to_any(0, TK_OFFS_BOOT);

	if (waiter)
		freq_state_wake_at(state, call,
				   ktime_add_safe(waiter->deadline, ahead));
}
