// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who subscribes to the log, and how they are woken: see log.c.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "state/queue.h"
#include "state/record.h"
#include "state/state.h"
#include "state/subscription.h"
#include "state/table.h"

/* How many records one hold looks at, how many entries it drops. */
#define LOOK_STEP 128
#define DROP_STEP 256

/* How many sleepers one hold wakes. */
#define WAKE_STEP 4

static struct freq_subscription *of_node(struct rb_node *node)
{
	return rb_entry_safe(node, struct freq_subscription, node);
}

/* By user, then by client. A client with id 0 comes before all of its user. */
static int compare(const struct freq_client *a, const struct freq_client *b)
{
	uid_t uid_a = __kuid_val(a->uid), uid_b = __kuid_val(b->uid);

	if (uid_a != uid_b)
		return uid_a < uid_b ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static bool is_before(struct rb_node *a, const struct rb_node *b)
{
	return compare(of_node(a)->client,
		       rb_entry(b, struct freq_subscription, node)->client) < 0;
}

/**
 * freq_subscription_find() - find the subscription of a client
 * @state: the state
 * @client: the client
 *
 * Return: it, or NULL.
 */
struct freq_subscription *
freq_subscription_find(const struct freq_state *state,
		       const struct freq_client *client)
{
	struct rb_node *node = NULL;
	int order;

	if (state->log)
		node = state->log->subscriptions.rb_node;
	while (node) {
		order = compare(client, of_node(node)->client);
		if (!order)
			break;
		node = order < 0 ? node->rb_left : node->rb_right;
	}
	return of_node(node);
}

/* How many clients of a user subscribe, counted up to FREQ_SUBSCRIBERS_MAX */
static u32 count_of_user(const struct freq_log *log, kuid_t uid)
{
	const struct freq_client first = { .uid = uid };
	struct rb_node *node = log->subscriptions.rb_node, *found = NULL;
	u32 count;

	while (node) {
		if (compare(&first, of_node(node)->client) < 0) {
			found = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	for (count = 0; found && count < FREQ_SUBSCRIBERS_MAX; count++) {
		if (!uid_eq(of_node(found)->client->uid, uid))
			break;
		found = rb_next(found);
	}
	return count;
}

/* Sees to it that there is a log. */
static int need_log(struct freq_state *state, struct freq_call *call)
{
	struct freq_log *log = state->log;

	if (log)
		return 0;
	log = freq_memory_pop(call, sizeof(*log));
	if (!log)
		return call->status == -ENOMEM ? -ENOMEM : FREQ_WANT_MEMORY;
	log->subscriptions = RB_ROOT;
	INIT_LIST_HEAD(&log->idle);
	INIT_LIST_HEAD(&log->due);
	log->sequence = call->server->words[FREQ_WORD_RECORD];
	log->tail_sequence = log->sequence + 1;
	state->log = log;
	return 0;
}

/* Makes a subscription, or says what is wanted for it. */
static int create(struct freq_state *state, struct freq_call *call,
		  struct freq_subscription **created)
{
	struct freq_subscription *subscription;
	struct freq_log *log = state->log;

	subscription = freq_memory_pop(call, sizeof(*subscription));
	if (!subscription && call->status == -ENOMEM) {
		if (!log->count)
			freq_state_wake_at(state, call, FREQ_NOW);
		return -ENOMEM;
	}
	if (!subscription)
		return FREQ_WANT_MEMORY;
	*created = subscription;
	subscription->client = call->client;
	subscription->queued = RB_ROOT;
	INIT_LIST_HEAD(&subscription->idle);
	INIT_LIST_HEAD(&subscription->calls);
	rb_add(&subscription->node, &log->subscriptions, is_before);
	log->count++;
	return 0;
}

/**
 * freq_subscription_set() - subscribe to records
 * @state: the state
 * @call: the call of the client
 * @wanted: what it subscribes to; its place and below
 *
 * Return: 0; -EDQUOT; -ENOMEM; or a FREQ_WANT_*.
 */
int freq_subscription_set(struct freq_state *state, struct freq_call *call,
			  const struct freq_subscription *wanted)
{
	struct freq_subscription *subscription;
	const struct freq_client *client = call->client;
	struct freq_log *log;
	int ret;

	ret = need_log(state, call);
	if (ret)
		return ret;
	log = state->log;
	subscription = freq_subscription_find(state, client);
	if (!subscription) {
		if (count_of_user(log, client->uid) == FREQ_SUBSCRIBERS_MAX &&
		    !capable(CAP_SYS_ADMIN))
			return -EDQUOT;
		ret = create(state, call, &subscription);
		if (ret)
			return ret;
	}
	subscription->place = wanted->place;
	subscription->place.at = log->head;
	subscription->place.sequence = log->sequence + 1;
	subscription->kinds = wanted->kinds;
	subscription->record_size = wanted->record_size;
	subscription->span_count = wanted->span_count;
	memcpy(subscription->spans, wanted->spans, sizeof(wanted->spans));
	/* Wakes readers, and edge-triggered pollers, if there is a record. */
	freq_subscription_idle(log, subscription);
	freq_state_wake_at(state, call, FREQ_NOW);
	return 0;
}

/* Wakes those who sleep. Returns false if there are more than @left. */
static bool wake(struct freq_subscription *subscription, u32 *left)
{
	struct freq_call *call, *next;

	list_for_each_entry_safe(call, next, &subscription->calls, link) {
		if (!*left)
			return false;
		--*left;
		list_del_init(&call->link);
		freq_door_wake(call);
	}
	freq_door_wake_poll(subscription->client,
			    (__force u32)(EPOLLIN | EPOLLRDNORM));
	*left -= !!*left;
	return true;
}

static void erase(struct freq_log *log, struct freq_call *call,
		  struct freq_subscription *subscription)
{
	list_del(&subscription->idle);
	rb_erase(&subscription->node, &log->subscriptions);
	freq_door_free(call, subscription);
	log->count--;
}

/**
 * freq_subscription_end() - end the subscription of a client, if it has one
 * @state: the state
 * @call: the call of the client
 *
 * Requests of the client that are queued end with it.
 *
 * Return: 0; or FREQ_WANT_AGAIN.
 */
int freq_subscription_end(struct freq_state *state, struct freq_call *call)
{
	struct freq_subscription *subscription =
		freq_subscription_find(state, call->client);
	u32 left = WAKE_STEP;

	if (!subscription)
		return 0;
	if (freq_queue_cancel_all(state, call))
		return FREQ_WANT_AGAIN;
	if (!wake(subscription, &left))
		return FREQ_WANT_AGAIN;
	erase(state->log, call, subscription);
	if (!state->log->count)
		freq_state_wake_at(state, call, FREQ_NOW);
	return 0;
}

/**
 * freq_subscription_detach() - let go of all clients that subscribe
 * @state: the state, which is about to be destroyed
 *
 * Wakes all that sleep, in this one hold.
 */
void freq_subscription_detach(struct freq_state *state)
{
	struct freq_subscription *subscription, *next;
	u32 left = U32_MAX;

	if (!state->log)
		return;
	rbtree_postorder_for_each_entry_safe(subscription, next,
					     &state->log->subscriptions, node)
		wake(subscription, &left);
}

/**
 * freq_log_dismantle() - free the log, and the subscriptions that it has
 * @state: the state
 * @call: the call that frees it
 *
 * Return: 0 if there is none; FREQ_WANT_AGAIN.
 */
int freq_log_dismantle(struct freq_state *state, struct freq_call *call)
{
	struct freq_log *log = state->log;
	u32 left = DROP_STEP;

	if (!log)
		return 0;
	for (; log->count && left; left--)
		erase(log, call, of_node(rb_first(&log->subscriptions)));
	for (; log->tail != log->head && left; left--)
		freq_log_drop(log);
	if (!left)
		return FREQ_WANT_AGAIN;
	if (call->server)
		call->server->words[FREQ_WORD_RECORD] = log->sequence;
	state->log = NULL;
	freq_door_free(call, log);
	return 0;
}

/**
 * freq_subscription_idle() - have it looked at when something has happened
 * @log: the log
 * @subscription: it; there is nothing for it now
 */
void freq_subscription_idle(struct freq_log *log,
			    struct freq_subscription *subscription)
{
	if (list_empty(&subscription->idle))
		list_add_tail(&subscription->idle, &log->idle);
}

/**
 * freq_log_tick() - wake those for whom there is something
 * @state: the state
 * @call: the call; the first word of its progress is used
 *
 * Return: 0; or FREQ_WANT_AGAIN.
 */
int freq_log_tick(struct freq_state *state, struct freq_call *call)
{
	struct freq_subscription *subscription;
	u32 look = LOOK_STEP, wakes = WAKE_STEP;
	struct freq_log *log = state->log;

	if (!log || !log->count)
		return freq_log_dismantle(state, call);
	if (!call->progress[0]) {
		call->progress[0] = 1;
		log->is_set = 0;
		list_splice_tail_init(&log->idle, &log->due);
	}
	while (!list_empty(&log->due)) {
		subscription = list_first_entry(&log->due,
						struct freq_subscription, idle);
		if (freq_record_is_there(state, subscription, &look)) {
			if (!wake(subscription, &wakes))
				return FREQ_WANT_AGAIN;
			list_del_init(&subscription->idle);
		} else if (look) {
			list_move_tail(&subscription->idle, &log->idle);
			look--;
		}
		if (!look || !wakes)
			return FREQ_WANT_AGAIN;
	}
	return 0;
}
