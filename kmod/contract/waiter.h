/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that wait for a frequency. Part of the format freq-state-2 (see
 * format.h).
 */
#ifndef FREQ_CONTRACT_WAITER_H
#define FREQ_CONTRACT_WAITER_H

#include <linux/build_bug.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include <linux/freq.h>

struct freq_call;
struct freq_client;

/**
 * enum freq_wish - what a call waits for
 * @FREQ_WISH_ANY: any frequency
 * @FREQ_WISH_EXACT: a certain one
 * @FREQ_WISH_SPANS: those of certain spans, until it has enough
 * @FREQ_WISH_GROUP: several at once; it is woken to look for them
 * @FREQ_WISH_NONE: nothing any more: a queued request that is about to end
 */
enum freq_wish {
	FREQ_WISH_ANY,
	FREQ_WISH_EXACT,
	FREQ_WISH_SPANS,
	FREQ_WISH_GROUP,
	FREQ_WISH_NONE,
};

/**
 * struct freq_row - how far the search of a row has come
 * @from: the lowest frequency of the span that was not looked at
 * @span: index of the span
 * @given: &freq_pool.map_given when it began
 * @of_any: whether it may be allocated
 * @is_begun: it is under way
 */
struct freq_row {
	u64 from;
	u32 span;
	u32 given;
	u32 of_any;
	u32 is_begun;
};

/**
 * struct freq_waiter - a call that waits for frequencies, or a queued request
 * @by_ticket: in the state's tree of that name, in the order of the tickets
 * @by_wish: with the same wish, equals by ticket. FREQ_WISH_ANY and EXACT: in the
 *	state's tree of that name, the latter by @number; FREQ_WISH_SPANS: in
 *	@mates; FREQ_WISH_GROUP: in the state's groups
 * @by_spans: FREQ_WISH_SPANS: in the state's bands, if @leads
 * @mates: if @leads: all that want the same spans, itself among them
 * @by_cookie: if it is queued: in its subscription's tree
 * @by_deadline: if it is queued and has a deadline: in the state's tree
 * @ticket: who has a lower one waits longer; 0: it has not waited yet
 * @number: FREQ_WISH_EXACT: the wanted frequency; else 0
 * @grant: number of the grant that it got
 * @deadline: until when, in ns of CLOCK_MONOTONIC
 * @cookie: if it is queued: see FREQ_ALLOCATE_QUEUE
 * @call: the call; this is its memory. NULL: it is queued
 * @client: its client
 * @spans: FREQ_WISH_SPANS: the spans; in the buffer of the call, or behind this
 * @granted: FREQ_IOC_ALLOCATE_GROUP: what it got; behind this
 * @span_count: how many spans; 0: the whole pool
 * @count: how many frequencies it wants
 * @have: how many of them it has
 * @flags: FREQ_ALLOCATE_KEEP
 * @index: slot of the frequency that it got
 * @wish: enum freq_wish
 * @leads: it stands for all that want the same spans
 * @row: FREQ_IOC_ALLOCATE_GROUP: its search
 */
struct freq_waiter {
	struct rb_node by_ticket;
	struct rb_node by_wish;
	struct rb_node by_spans;
	struct rb_root mates;
	struct rb_node by_cookie;
	struct rb_node by_deadline;
	u64 ticket;
	u64 number;
	u64 grant;
	s64 deadline;
	u64 cookie;
	struct freq_call *call;
	struct freq_client *client;
	const struct freq_span *spans;
	struct freq_granted *granted;
	u32 span_count;
	u32 count;
	u32 have;
	u32 flags;
	u32 index;
	u16 wish;
	u16 leads;
	struct freq_row row;
};

/**
 * enum freq_wait - more phases of a call, where that of its claim is
 * @FREQ_WAIT_QUEUED: it waits
 * @FREQ_WAIT_GRANTED: it got a frequency, which its caller does not know yet
 * @FREQ_WAIT_TURN: it has waited, and tries anew
 * @FREQ_WAIT_SERVING: it is done, and serves waiters
 * @FREQ_WAIT_LOOKING: it has waited for several, and looks for them
 */
enum freq_wait {
	FREQ_WAIT_QUEUED = 0x10,
	FREQ_WAIT_GRANTED,
	FREQ_WAIT_TURN,
	FREQ_WAIT_SERVING,
	FREQ_WAIT_LOOKING,
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_waiter) == 248);
#endif

#endif /* FREQ_CONTRACT_WAITER_H */
