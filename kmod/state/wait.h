/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who waits for a frequency, and how what comes free gets to them.
 */
#ifndef FREQ_STATE_WAIT_H
#define FREQ_STATE_WAIT_H

#include "contract/door.h"
#include "contract/format.h"

void freq_wait_join(struct freq_state *state, struct freq_waiter *waiter);
void freq_wait_leave(struct freq_state *state, struct freq_waiter *waiter);
void freq_wait_offer_slot(struct freq_state *state,
			  struct freq_call *call, u32 index);
int freq_wait_serve(struct freq_state *state, struct freq_call *call);
const struct freq_span *freq_wait_spans(const struct freq_waiter *waiter,
					u32 *count);
const struct freq_span *freq_spans_or_all(const struct freq_span *spans,
					  u32 span_count, u32 *count);
u32 freq_wait_slot(struct freq_state *state,
		   const struct freq_granted *granted);
u32 freq_wait_find(struct freq_pool *pool, const struct freq_span *spans,
		   u32 count);
void freq_wait_take(struct freq_state *state, struct freq_call *call,
		    struct freq_waiter *waiter, u32 index);
void freq_wait_give_back(struct freq_state *state, struct freq_call *call,
			 struct freq_waiter *waiter);
void freq_wait_looked(struct freq_state *state, struct freq_waiter *waiter);
int freq_wait_finish(struct freq_state *state, struct freq_call *call);

/**
 * freq_wait_settle() - go on with what freq_wait_offer_all() began, if it did
 * @state: the state
 * @call: a call of its server
 *
 * Return: as freq_wait_serve().
 */
static __always_inline int freq_wait_settle(struct freq_state *state,
					    struct freq_call *call)
{
	return unlikely(state->serving) ? freq_wait_serve(state, call) : 0;
}

/**
 * freq_wait_offer() - give a frequency to who waits for it
 * @state: the state
 * @call: a call of its server
 * @index: slot of the frequency, which has just come free
 *
 * Context: under the mutex; cannot fail.
 */
static __always_inline void freq_wait_offer(struct freq_state *state,
					    struct freq_call *call,
					    u32 index)
{
	if (unlikely(state->waiting))
		freq_wait_offer_slot(state, call, index);
}

/**
 * freq_wait_offer_all() - give to who waits, when many have come free
 * @state: the state
 *
 * Until that is done, every allocation calls freq_wait_serve() first.
 */
static inline void freq_wait_offer_all(struct freq_state *state)
{
	if (likely(!state->waiting))
		return;
	state->serving = 1;
	state->serve_from = 0;
}

#endif /* FREQ_STATE_WAIT_H */
