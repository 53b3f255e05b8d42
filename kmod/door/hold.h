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

static __always_inline void freq_hold_begin(struct freq_server *server)
{
	mutex_lock(&server->lock);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
	if (trace_freq_hold_enabled())
		server->held_since = ktime_get_ns();
}

static __always_inline void freq_hold_end(struct freq_server *server,
					  unsigned long caller)
{
	if (trace_freq_hold_enabled() && server->held_since)
		trace_freq_hold(caller, ktime_get_ns() - server->held_since);
	server->held_since = 0;
	mutex_unlock(&server->lock);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

int freq_hold_enter_other(struct freq_server *server, struct freq_call *call);

/* Looks up the running release, and enters its operation, which is @op. */
static __always_inline int freq_hold(struct freq_server *server,
				     struct freq_call *call, u16 op)
{
	freq_operation enter = NULL;
	int ret;

	freq_hold_begin(server);
	if (likely(op < FREQ_OPS && server->running))
		enter = server->running->ops[op];
	if (likely(enter))
		ret = enter(server->state, call);
	else
		ret = freq_hold_enter_other(server, call);
	freq_hold_end(server, _THIS_IP_);
	return ret;
}

#endif /* FREQ_DOOR_HOLD_H */
