/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that are queued: they wait for frequencies, and no call sleeps.
 */
#ifndef FREQ_STATE_QUEUE_H
#define FREQ_STATE_QUEUE_H

#include "contract/door.h"
#include "contract/format.h"

int freq_queue_check(const struct freq_state *state,
		     const struct freq_client *client, u64 cookie);
void freq_queue_add(struct freq_state *state, struct freq_call *call,
		    u64 cookie, s64 deadline);
void freq_queue_finish(struct freq_state *state, struct freq_call *call,
		       struct freq_waiter *waiter);
int freq_queue_cancel(struct freq_state *state, struct freq_call *call,
		      u64 cookie);
int freq_queue_cancel_all(struct freq_state *state, struct freq_call *call);
int freq_queue_expire(struct freq_state *state, struct freq_call *call);
void freq_queue_set_timer(struct freq_state *state, struct freq_call *call);

#endif /* FREQ_STATE_QUEUE_H */
