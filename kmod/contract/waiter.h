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

struct freq_call;

/**
 * struct freq_waiter - a call that waits for a frequency
 * @by_ticket: in the state's tree of that name, in the order of the tickets
 * @by_wish: in the state's tree of that name: those that take any frequency,
 *	then the others by @number; those that are equal by ticket
 * @ticket: who has a lower one waits longer; 0: it has not waited yet
 * @number: the wanted frequency; 0 with @any
 * @grant: number of the grant that it got
 * @call: the call; this is its memory
 * @index: slot of the frequency that it got
 * @any: takes any frequency
 */
struct freq_waiter {
	struct rb_node by_ticket;
	struct rb_node by_wish;
	u64 ticket;
	u64 number;
	u64 grant;
	struct freq_call *call;
	u32 index;
	u32 any;
};

/**
 * enum freq_wait - more phases of a call, where that of its claim is
 * @FREQ_WAIT_QUEUED: it waits
 * @FREQ_WAIT_GRANTED: it got a frequency, which its caller does not know yet
 * @FREQ_WAIT_TURN: it has waited, and tries anew
 * @FREQ_WAIT_SERVING: it is done, and serves waiters
 */
enum freq_wait {
	FREQ_WAIT_QUEUED = 0x10,
	FREQ_WAIT_GRANTED,
	FREQ_WAIT_TURN,
	FREQ_WAIT_SERVING,
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_waiter) == 88);
#endif

#endif /* FREQ_CONTRACT_WAITER_H */
