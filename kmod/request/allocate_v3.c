// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_ALLOCATE_V3: a certain frequency or any, now or later.
 *
 * 1. The call tries to get one.
 * 2. If it is to wait, it sleeps as a waiter (see state/wait.c). Who frees a
 *    frequency makes it the client's, and wakes the call.
 * 3. The call writes its reply. If the page is not there, the frequency goes to
 *    who waits next, and the call begins anew when the door has faulted it in.
 *    It keeps its ticket: only those go before it that waited longer.
 *
 * With FREQ_ALLOCATE_QUEUE, the waiter is no call's (see state/queue.c).
 */
#include <linux/errno.h>
#include <linux/ktime.h>

#include "request/request.h"
#include "state/queue.h"

static_assert(FREQ_ALLOCATE_KEEP == FREQ_RECORD_KEEP);

static u32 *phase_of(struct freq_call *call)
{
	return &call->progress[FREQ_PROGRESS_CLAIM];
}

/* Finds a frequency that is free. Returns as freq_state_peek(). */
static int find(struct freq_state *state, struct freq_call *call, u32 *index)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;

	if (!(asked->flags & FREQ_ALLOCATE_EXACT))
		return freq_state_peek(state, call, index);
	if (freq_wait_settle(state, call))
		return FREQ_WANT_AGAIN;
	*index = freq_pool_find(&state->pool, asked->frequency);
	if (!*index)
		return -ENOENT;
	if (freq_state_holder(state, freq_pool_slot(&state->pool, *index)))
		return -EBUSY;
	return freq_state_need_holder(state, call);
}

static int reply(struct freq_state *state, struct freq_call *call, u32 index,
		 u64 grant)
{
	struct freq_allocate_v3 reply =
		*(struct freq_allocate_v3 *)call->argument;

	reply.frequency = freq_pool_slot(&state->pool, index)->number;
	reply.grant = grant;
	return freq_request_reply(call, &reply, sizeof(reply));
}

static void join(struct freq_state *state, struct freq_call *call)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;
	bool is_exact = asked->flags & FREQ_ALLOCATE_EXACT;
	struct freq_waiter *waiter = call->memory;

	waiter->call = call;
	waiter->client = call->client;
	waiter->wish = is_exact ? FREQ_WISH_EXACT : FREQ_WISH_ANY;
	waiter->number = is_exact ? asked->frequency : 0;
	waiter->flags = asked->flags & FREQ_ALLOCATE_KEEP;
	waiter->count = 1;
	waiter->have = 0;
	if (!waiter->ticket)
		freq_log_waiting(state, call, waiter->number,
				 waiter->flags |
				 (is_exact ? 0 : FREQ_RECORD_ANY),
				 asked->deadline);
	freq_wait_join(state, waiter);
}

/* Does not sleep. The reply has no grant. */
static int queue(struct freq_state *state, struct freq_call *call)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;
	struct freq_allocate_v3 answer = *asked;
	int ret;

	answer.grant = 0;
	ret = freq_request_reply(call, &answer, sizeof(answer));
	if (ret)
		return ret;
	join(state, call);
	freq_queue_add(state, call, asked->grant, asked->deadline);
	return 0;
}

static int wait(struct freq_state *state, struct freq_call *call)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;
	bool is_queued = asked->flags & FREQ_ALLOCATE_QUEUE;
	int ret;

	/* What is copied has no more waiters than when the copy began. */
	if (state->claimed)
		return freq_state_await_claim(state, call, phase_of(call),
					      is_queued ? KTIME_MAX :
							  asked->deadline);
	ret = freq_state_need_holder(state, call);
	if (ret)
		return ret;
	if (call->memory_size != sizeof(struct freq_waiter)) {
		call->want = sizeof(struct freq_waiter);
		return call->status == -ENOMEM ? -ENOMEM : FREQ_WANT_MEMORY;
	}
	freq_state_own_holder(state, call->client);
	if (is_queued)
		return queue(state, call);
	if (asked->deadline <= (s64)ktime_get_ns())
		return -ETIMEDOUT;
	join(state, call);
	*phase_of(call) = FREQ_WAIT_QUEUED;
	return freq_door_sleep(call, asked->deadline, CLOCK_MONOTONIC);
}

/* A thread of the same client can have given it back meanwhile. */
static bool is_granted(const struct freq_state *state,
		       const struct freq_waiter *waiter)
{
	const struct freq_pool *pool = &state->pool;

	return freq_state_holder(state, freq_pool_slot(pool, waiter->index)) &&
	       *freq_pool_grant(pool, waiter->index) == waiter->grant;
}

static int deliver(struct freq_state *state, struct freq_call *call)
{
	const struct freq_waiter *waiter = call->memory;
	int ret = reply(state, call, waiter->index, waiter->grant);

	state->undelivered--;
	*phase_of(call) = FREQ_WAIT_TURN;
	if (ret) {
		freq_state_free(state, call, waiter->index);
		freq_wait_offer(state, call, waiter->index);
	}
	return ret;
}

/* After a sleep. Returns 0 if the call is to try anew, or how it ends. */
static int wake_up(struct freq_state *state, struct freq_call *call)
{
	int status = call->status;

	switch (*phase_of(call)) {
	case FREQ_WAIT_QUEUED:
		freq_wait_leave(state, call->memory);
		break;
	case FREQ_WAIT_GRANTED:
		state->undelivered--;
		status = 0;
		break;
	case FREQ_CLAIM_WAITING:
		list_del_init(&call->link);
		break;
	}
	*phase_of(call) = status ? FREQ_CLAIM_NONE : FREQ_WAIT_TURN;
	return status == -ETIME ? -ETIMEDOUT : status;
}

static int allocate_now(struct freq_state *state, struct freq_call *call,
			u32 index)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;
	u64 grant = freq_grant_next(call, 1);
	int ret = reply(state, call, index, grant);

	if (!ret)
		freq_state_allocate(state, call, call->client,
				    asked->flags & FREQ_ALLOCATE_KEEP, index,
				    grant, false);
	return ret;
}

/* Whether it would wait or not */
static int check_queue(const struct freq_state *state,
		       const struct freq_call *call)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;

	return asked->deadline ?
	       freq_queue_check(state, call->client, asked->grant) : -EINVAL;
}

static int allocate(struct freq_state *state, struct freq_call *call)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;
	u32 phase = *phase_of(call), index;
	int ret;

	if (asked->flags & ~(FREQ_ALLOCATE_KEEP | FREQ_ALLOCATE_EXACT |
			     FREQ_ALLOCATE_QUEUE) ||
	    asked->pad || asked->deadline < 0)
		return -EINVAL;
	if (unlikely(asked->flags & FREQ_ALLOCATE_QUEUE)) {
		ret = check_queue(state, call);
		if (ret)
			return ret;
	}
	if (phase == FREQ_WAIT_GRANTED && is_granted(state, call->memory))
		return deliver(state, call);
	ret = phase == FREQ_CLAIM_NONE ? 0 : wake_up(state, call);
	if (ret)
		return ret;
	ret = find(state, call, &index);
	if (asked->deadline && (ret == -ENOSPC || ret == -EBUSY))
		return wait(state, call);
	return ret ?: allocate_now(state, call, index);
}

static int allocate_any(struct freq_state *state, struct freq_call *call)
{
	if (likely(call->command == FREQ_IOC_ALLOCATE))
		return freq_allocate_next(state, call);
	return allocate(state, call);
}

const struct freq_request freq_request_allocate_v3 = {
	.command = FREQ_IOC_ALLOCATE,
	.grown = FREQ_IOC_ALLOCATE_V3,
	.size = sizeof(struct freq_allocate_v3),
	.flags = FREQ_REQUEST_WRITE,
	.handle = allocate_any,
};
