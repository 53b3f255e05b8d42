/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hold of the mutex: all that every request goes through.
 */
#ifndef FREQ_DOOR_HOLD_H
#define FREQ_DOOR_HOLD_H

#include <linux/preempt.h>
#include <linux/timekeeping.h>

#include "door/server.h"
#include "door/trace.h"

void freq_hold_trace(struct freq_server *server);

/**
 * freq_server_lock() - begin a hold
 * @server: the server
 *
 * Context: process context; takes the mutex, then disables preemption: a holder
 * that is throttled would keep the others waiting.
 */
static __always_inline void freq_server_lock(struct freq_server *server)
{
	mutex_lock(&server->lock);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
	if (trace_freq_hold_enabled())
		server->held_since = ktime_get_ns();
}

/**
 * freq_server_unlock() - end a hold
 * @server: the server
 */
static __always_inline void freq_server_unlock(struct freq_server *server)
{
	if (trace_freq_hold_enabled())
		freq_hold_trace(server);
	server->held_since = 0;
	mutex_unlock(&server->lock);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

/* Enters the operation @op, which is the call's, in the running release. */
static __always_inline int freq_hold(struct freq_server *server,
				     struct freq_call *call, u16 op)
{
	int ret;

	freq_server_lock(server);
	ret = server->ops[op](server->state, call);
	freq_server_unlock(server);
	return ret;
}

#endif /* FREQ_DOOR_HOLD_H */
