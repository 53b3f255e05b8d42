// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_ALLOCATE_GROUP: the lowest free frequencies of some spans, or a row
 * of them, now or later.
 *
 * 1. The call looks for all that it wants, in the map of the free frequencies.
 * 2. If it is to wait for one, or reserves, it sleeps as a waiter that gets
 *    what comes free, until it has enough (see state/wait.c).
 * 3. If it is to wait for several, or a row, it is woken to look again.
 * 4. The call writes its reply. If the page is not there, what it got by waiting
 *    goes to who waits next, and the call begins anew when the door has faulted
 *    it in. It keeps its ticket.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "request/request.h"
#include "state/queue.h"

/* How many frequencies of a row one hold looks at. */
#define ROW_STEP 256

/* The words of a call's progress */
enum {
	PROGRESS_ERROR,		/* how the call ends when it has served others */
	PROGRESS_PHASE = FREQ_PROGRESS_CLAIM,
};

static const struct freq_group *asked_of(const struct freq_call *call)
{
	return (const void *)call->argument;
}

static bool is_row(const struct freq_group *asked)
{
	return asked->flags & FREQ_GROUP_ROW;
}

static bool is_queued(const struct freq_group *asked)
{
	return asked->flags & FREQ_ALLOCATE_QUEUE;
}

static bool reserves(const struct freq_group *asked)
{
	return asked->flags & FREQ_GROUP_RESERVE;
}

/* ---- the argument ---- */

static const struct freq_span *spans_of(const struct freq_call *call,
					u32 *count)
{
	return freq_spans_or_all(call->buffer, asked_of(call)->span_count,
				 count);
}

/* Nobody would look for a row, or for several, on behalf of its client. */
static bool can_be_queued(const struct freq_group *asked)
{
	return asked->deadline && !is_row(asked) &&
	       (asked->count == 1 || reserves(asked));
}

static bool is_valid(const struct freq_group *asked)
{
	const u32 known = FREQ_ALLOCATE_KEEP | FREQ_ALLOCATE_QUEUE |
			  FREQ_GROUP_ROW | FREQ_GROUP_RESERVE;

	if (asked->flags & ~known || asked->pad || asked->deadline < 0 ||
	    !asked->count)
		return false;
	if (is_row(asked) != !!asked->spacing)
		return false;
	if (is_queued(asked) ? !can_be_queued(asked) : asked->cookie)
		return false;
	return !reserves(asked) || (asked->deadline && !is_row(asked));
}

static int check(const struct freq_state *state, const struct freq_call *call)
{
	const struct freq_group *asked = asked_of(call);
	const struct freq_span *spans;
	u64 length;
	u32 count;

	if (reserves(asked) &&
	    asked->deadline - (s64)ktime_get_ns() > FREQ_RESERVE_MAX_NS &&
	    !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!is_valid(asked))
		return -EINVAL;
	if (asked->count > FREQ_GROUP_MAX)
		return -E2BIG;
	spans = spans_of(call, &count);
	for (; count--; spans++)
		if (spans->last < spans->first)
			return -ERANGE;
	if (check_mul_overflow(asked->spacing, (u64)asked->count - 1, &length))
		return -ERANGE;
	return is_queued(asked) ? freq_queue_check(state, call->client,
						   asked->cookie) : 0;
}

/*
 * Sees to it that there is memory for a waiter and what it gets, or for what is
 * found; and for the spans, of one that is queued.
 */
static int need_memory(struct freq_call *call)
{
	const struct freq_group *asked = asked_of(call);
	u32 size = sizeof(struct freq_waiter) +
		   asked->span_count * sizeof(struct freq_span) +
		   asked->count * (sizeof(struct freq_granted) + sizeof(u32));

	if (call->memory_size == size)
		return 0;
	call->want = size;
	return call->status == -ENOMEM ? -ENOMEM : FREQ_WANT_MEMORY;
}

/* ---- looking for the lowest ones ---- */

/* The span with this number that was looked through before, or NULL */
static const struct freq_span *looked_through(const struct freq_span *spans,
					      u32 before, u64 number)
{
	for (; before--; spans++)
		if (number >= spans->first && number <= spans->last)
			return spans;
	return NULL;
}

static u32 next_rank(const struct freq_pool *pool, u32 rank, bool of_any)
{
	return of_any ? rank : freq_map_next(pool, rank);
}

/**
 * struct found - frequencies that were found
 * @granted: what the reply says of each
 * @slots: its slot
 *
 * One is on the stack, several are in the memory of the call.
 */
struct found {
	struct freq_granted *granted;
	u32 *slots;
};

static void set_found(const struct found *found, u32 at,
		      const struct freq_pool *pool, u32 slot)
{
	found->granted[at].frequency = freq_pool_slot(pool, slot)->number;
	found->slots[at] = slot;
}

static void found_in_memory(struct found *found, const struct freq_call *call)
{
	struct freq_waiter *waiter = call->memory;

	found->granted = (void *)(waiter + 1) +
			 asked_of(call)->span_count * sizeof(struct freq_span);
	found->slots = (void *)(found->granted + asked_of(call)->count);
}

/*
 * Finds up to @count frequencies: free ones, or any. Stores them in @found, if
 * that is not NULL. Returns how many.
 */
static u32 find_lowest(struct freq_pool *pool, const struct freq_call *call,
		       u32 count, const struct found *found, bool of_any)
{
	const struct freq_span *spans, *before;
	u32 span_count, at, rank, index, nr = 0;
	const struct freq_slot *slot;

	spans = spans_of(call, &span_count);
	for (at = 0; at < span_count && nr < count; at++) {
		rank = freq_map_first(pool, spans[at].first);
		while (nr < count) {
			rank = next_rank(pool, rank, of_any);
			if (rank >= pool->map_count)
				break;
			index = freq_pool_index(pool, rank);
			slot = freq_pool_slot(pool, index);
			if (slot->number > spans[at].last)
				break;
			before = looked_through(spans, at, slot->number);
			if (before && before->last >= spans[at].last)
				break;
			if (before) {
				rank = freq_map_first(pool, before->last + 1);
				continue;
			}
			if (found)
				set_found(found, nr, pool, index);
			nr++;
			rank++;
		}
	}
	return nr;
}

/* ---- looking for a row ---- */

/* How many frequencies there are up to this number */
static u32 count_to(struct freq_pool *pool, u64 number)
{
	return freq_pool_rank(pool, number) + !!freq_pool_find(pool, number);
}

static bool is_too_much(struct freq_pool *pool, const struct freq_call *call)
{
	const struct freq_span *spans;
	u64 sum = 0;
	u32 count;

	spans = spans_of(call, &count);
	for (; count--; spans++)
		sum += count_to(pool, spans->last) -
		       freq_pool_rank(pool, spans->first);
	return sum > FREQ_ROW_SEARCH_MAX;
}

static bool fits(struct freq_state *state, u32 index, bool of_any)
{
	return index && (of_any ||
			 !freq_state_holder(state,
					    freq_pool_slot(&state->pool,
							   index)));
}

/* Tests the row that begins with this number. Counts @left down. */
static bool try_row(struct freq_state *state, const struct freq_group *asked,
		    u64 number, u64 last, const struct found *found,
		    bool of_any, s32 *left)
{
	u64 length = (asked->count - 1) * asked->spacing;
	u32 i, index;

	if (number > last || last - number < length)
		return false;
	for (i = 0; i < asked->count; i++, number += asked->spacing) {
		--*left;
		index = freq_pool_find(&state->pool, number);
		if (!fits(state, index, of_any))
			return false;
		set_found(found, i, &state->pool, index);
	}
	return true;
}

static struct freq_row *row_of(const struct freq_call *call)
{
	struct freq_waiter *waiter = call->memory;

	return &waiter->row;
}

/* Goes on with a span. Returns 0 with a row; -ENOSPC; FREQ_WANT_AGAIN. */
static int find_row_in(struct freq_state *state, const struct freq_call *call,
		       const struct freq_span *span, const struct found *found,
		       s32 *left)
{
	struct freq_row *row = row_of(call);
	const struct freq_slot *slot;
	u32 rank;

	rank = freq_map_first(&state->pool, max(span->first, row->from));
	for (; (slot = freq_pool_ranked(&state->pool, rank)); rank++) {
		row->from = slot->number;
		if (slot->number > span->last)
			break;
		if (*left <= 0)
			return FREQ_WANT_AGAIN;
		--*left;
		if (try_row(state, asked_of(call), slot->number, span->last,
			    found, row->of_any, left))
			return 0;
	}
	return -ENOSPC;
}

/* Goes on with all spans. Returns as find_row_in(). */
static int find_row_some(struct freq_state *state, const struct freq_call *call,
			 const struct found *found)
{
	struct freq_row *row = row_of(call);
	const struct freq_span *spans;
	s32 left = ROW_STEP;
	int ret = -ENOSPC;
	u32 count;

	spans = spans_of(call, &count);
	for (; row->span < count; row->span++, row->from = 0) {
		ret = find_row_in(state, call, &spans[row->span], found, &left);
		if (ret != -ENOSPC)
			break;
	}
	return ret;
}

static void begin_row(const struct freq_pool *pool,
		      const struct freq_call *call, bool of_any)
{
	*row_of(call) = (struct freq_row){
		.is_begun = 1,
		.of_any = of_any,
		.given = pool->map_given,
	};
}

/* Others may free without end. */
static int begin_anew(const struct freq_call *call)
{
	if (signal_pending(current))
		return -ERESTARTSYS;
	return asked_of(call)->deadline <= (s64)ktime_get_ns() ?
	       -ETIMEDOUT : FREQ_WANT_AGAIN;
}

/*
 * First looks for a free row, then for any. If something has come free
 * meanwhile, a call that waits begins anew. Returns 0 with the row; -ENOSPC;
 * -ENOENT; -E2BIG; a FREQ_WANT_*.
 */
static int find_row(struct freq_state *state, struct freq_call *call,
		    const struct found *found)
{
	struct freq_pool *pool = &state->pool;
	bool of_any, has_changed;
	int ret;

	if (!row_of(call)->is_begun) {
		if (is_too_much(pool, call))
			return -E2BIG;
		begin_row(pool, call, false);
	}
	ret = find_row_some(state, call, found);
	if (ret > 0)
		return ret;
	of_any = row_of(call)->of_any;
	has_changed = row_of(call)->given != pool->map_given;
	row_of(call)->is_begun = 0;
	if (!ret && !of_any)
		return 0;
	if (has_changed && asked_of(call)->deadline)
		return begin_anew(call);
	if (of_any)
		return ret ? -ENOENT : -ENOSPC;
	begin_row(pool, call, true);
	return FREQ_WANT_AGAIN;
}

/* Returns 0 with all in @found; -ENOSPC, -ENOENT, -E2BIG; a FREQ_WANT_*. */
static int find(struct freq_state *state, struct freq_call *call,
		const struct found *found)
{
	const struct freq_group *asked = asked_of(call);
	struct freq_pool *pool = &state->pool;

	if (freq_wait_settle(state, call))
		return FREQ_WANT_AGAIN;
	if (!freq_map_build(state))
		return FREQ_WANT_AGAIN;
	if (is_row(asked))
		return find_row(state, call, found);
	if (find_lowest(pool, call, asked->count, found, false) == asked->count)
		return 0;
	return find_lowest(pool, call, asked->count, NULL, true) ==
	       asked->count ? -ENOSPC : -ENOENT;
}

/* ---- allocating ---- */

static int allocate_now(struct freq_state *state, struct freq_call *call,
			const struct found *found)
{
	const struct freq_group *asked = asked_of(call);
	bool keep = asked->flags & FREQ_ALLOCATE_KEEP;
	u64 first = freq_grant_next(call, asked->count);
	u32 i, owner;
	int ret;

	for (i = 0; i < asked->count; i++)
		found->granted[i].grant = first + i;
	ret = freq_door_copy_out(call, asked->granted, found->granted,
				 asked->count * sizeof(*found->granted));
	if (ret)
		return ret;
	for (i = 0; i < asked->count; i++)
		freq_state_place(state, call->client, keep, found->slots[i],
				 first + i, false);
	owner = call->client->data | (keep ? FREQ_OWNER_KEEP : 0);
	if (state->log)
		freq_log_allocated_all(state, call,
				       &found->granted->frequency,
				       sizeof(*found->granted) / sizeof(u64),
				       asked->count, owner, first);
	return 0;
}

/* ---- waiting ---- */

static u32 *phase_of(struct freq_call *call)
{
	return &call->progress[PROGRESS_PHASE];
}

/* Takes what is free already. */
static void reserve(struct freq_state *state, struct freq_call *call)
{
	const struct freq_group *asked = asked_of(call);
	struct found found;
	u32 count, i;

	found_in_memory(&found, call);
	count = find_lowest(&state->pool, call, asked->count, &found, false);
	for (i = 0; i < count; i++)
		freq_wait_take(state, call, call->memory, found.slots[i]);
}

static void join(struct freq_state *state, struct freq_call *call)
{
	const struct freq_group *asked = asked_of(call);
	u32 flags = asked->span_count ? FREQ_RECORD_GROUP : FREQ_RECORD_ANY, nr;
	struct freq_waiter *waiter = call->memory;
	struct found found;

	found_in_memory(&found, call);
	waiter->call = call;
	waiter->client = call->client;
	waiter->granted = found.granted;
	waiter->spans = (void *)(waiter + 1);
	waiter->span_count = asked->span_count;
	waiter->count = asked->count;
	waiter->flags = asked->flags & FREQ_ALLOCATE_KEEP;
	waiter->wish = asked->count == 1 || reserves(asked) ?
		       FREQ_WISH_SPANS : FREQ_WISH_GROUP;
	if (asked->span_count)
		memcpy(waiter + 1, call->buffer,
		       asked->span_count * sizeof(struct freq_span));
	if (!waiter->ticket)
		freq_log_waiting(state, call, spans_of(call, &nr)->first,
				 flags | waiter->flags, asked->deadline);
	freq_wait_join(state, waiter);
	if (reserves(asked))
		reserve(state, call);
}

/* Does not sleep. The reply has no grant. */
static int queue(struct freq_state *state, struct freq_call *call)
{
	const struct freq_group *asked = asked_of(call);
	const struct freq_granted none = { };
	int ret;

	ret = freq_queue_check(state, call->client, asked->cookie) ?:
	      freq_door_copy_out(call, asked->granted, &none, sizeof(none));
	if (ret)
		return ret;
	join(state, call);
	freq_queue_add(state, call, asked->cookie, asked->deadline);
	return 0;
}

static int wait(struct freq_state *state, struct freq_call *call)
{
	const struct freq_group *asked = asked_of(call);
	s64 until = is_queued(asked) ? KTIME_MAX : asked->deadline;
	int ret;

	/* What is copied has no more waiters than when the copy began. */
	if (state->claimed)
		return freq_state_await_claim(state, call, phase_of(call),
					      until);
	ret = freq_state_need_holder(state, call) ?: need_memory(call);
	if (ret)
		return ret;
	freq_state_own_holder(state, call->client);
	if (is_queued(asked))
		return queue(state, call);
	if (asked->deadline <= (s64)ktime_get_ns())
		return -ETIMEDOUT;
	join(state, call);
	*phase_of(call) = FREQ_WAIT_QUEUED;
	return freq_door_sleep(call, asked->deadline, CLOCK_MONOTONIC);
}

/* A thread of the same client can have given some back meanwhile. */
static bool has_all(struct freq_state *state, struct freq_call *call)
{
	struct freq_waiter *waiter = call->memory;
	u64 i;

	for (i = 0; i < waiter->have; i++)
		if (!freq_wait_slot(state, &waiter->granted[i]))
			return false;
	return waiter->have == asked_of(call)->count;
}

/* Ends or goes on when others have got what this call has given back. */
static int serve_others(struct freq_state *state, struct freq_call *call,
			int ret)
{
	if (ret < 0)
		call->progress[PROGRESS_ERROR] = -ret;
	ret = freq_wait_finish(state, call);
	if (ret)
		return ret;
	return -(int)call->progress[PROGRESS_ERROR];
}

static int deliver(struct freq_state *state, struct freq_call *call)
{
	const struct freq_group *asked = asked_of(call);
	const struct freq_waiter *waiter = call->memory;
	int ret;

	state->undelivered--;
	*phase_of(call) = FREQ_WAIT_TURN;
	if (!has_all(state, call)) {
		freq_wait_give_back(state, call, call->memory);
		return FREQ_WANT_AGAIN;
	}
	ret = freq_door_copy_out(call, asked->granted, waiter->granted,
				 asked->count * sizeof(struct freq_granted));
	if (ret) {
		freq_wait_give_back(state, call, call->memory);
		if (state->serving)
			freq_state_wake_at(state, call, FREQ_NOW);
	}
	return ret;
}

/* After a sleep. Returns 0 if the call is to try anew, or how it ends. */
static int end_sleep(struct freq_state *state, struct freq_call *call)
{
	int status = call->status;

	switch (*phase_of(call)) {
	case FREQ_WAIT_QUEUED:
		freq_wait_leave(state, call->memory);
		break;
	case FREQ_CLAIM_WAITING:
		list_del_init(&call->link);
		break;
	}
	if (!status) {
		*phase_of(call) = FREQ_WAIT_TURN;
		return 0;
	}
	*phase_of(call) = FREQ_CLAIM_NONE;
	if (call->memory_size)
		freq_wait_give_back(state, call, call->memory);
	return serve_others(state, call, status == -ETIME ? -ETIMEDOUT :
							    status);
}

static int try_one(struct freq_state *state, struct freq_call *call)
{
	struct freq_granted granted;
	u32 slot;
	const struct found found = { .granted = &granted, .slots = &slot };
	int ret = find(state, call, &found) ?:
		  freq_state_need_holder(state, call);

	return ret ?: allocate_now(state, call, &found);
}

/* Tries once. Returns as an operation does; it has not been done if not 0. */
static int try(struct freq_state *state, struct freq_call *call)
{
	struct found found;
	int ret;

	if (likely(asked_of(call)->count == 1 && !is_row(asked_of(call))))
		return try_one(state, call);
	/* The other way round, each would take the memory of the other. */
	ret = freq_state_need_holder(state, call) ?: need_memory(call);
	if (ret)
		return ret;
	found_in_memory(&found, call);
	ret = find(state, call, &found);
	return ret ?: allocate_now(state, call, &found);
}

/* It was woken to look. */
static int look(struct freq_state *state, struct freq_call *call)
{
	int ret = try(state, call);

	if (ret == FREQ_WANT_AGAIN || ret == FREQ_WANT_MEMORY)
		return ret;
	*phase_of(call) = FREQ_WAIT_TURN;
	freq_wait_looked(state, call->memory);
	return ret == -ENOSPC ? wait(state, call) : ret;
}

static int allocate_group(struct freq_state *state, struct freq_call *call)
{
	u32 phase = *phase_of(call);
	int ret;

	if (phase == FREQ_WAIT_SERVING)
		return serve_others(state, call, 0);
	if (phase == FREQ_WAIT_GRANTED)
		return deliver(state, call);
	if (phase == FREQ_WAIT_LOOKING)
		return look(state, call);
	if (phase == FREQ_CLAIM_NONE || phase == FREQ_WAIT_TURN)
		ret = check(state, call);
	else
		ret = end_sleep(state, call);
	ret = ret ?: try(state, call);
	return ret == -ENOSPC && asked_of(call)->deadline ? wait(state, call) :
							    ret;
}

const struct freq_request freq_request_allocate_group = {
	.command = FREQ_IOC_ALLOCATE_GROUP,
	.size = sizeof(struct freq_group),
	.flags = FREQ_REQUEST_WRITE | FREQ_REQUEST_ARRAY |
		 FREQ_REQUEST_ARRAY_IN | FREQ_REQUEST_ARRAY_NONE,
	.array = {
		.pointer = offsetof(struct freq_group, spans),
		.count = offsetof(struct freq_group, span_count),
		.element = sizeof(struct freq_span),
		.max = FREQ_SPANS_MAX,
	},
	.handle = allocate_group,
};
