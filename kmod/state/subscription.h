/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who subscribes to the log.
 */
#ifndef FREQ_STATE_SUBSCRIPTION_H
#define FREQ_STATE_SUBSCRIPTION_H

#include "contract/door.h"
#include "contract/format.h"

struct freq_subscription *
freq_subscription_find(const struct freq_state *state,
		       const struct freq_client *client);
int freq_subscription_set(struct freq_state *state, struct freq_call *call,
			  const struct freq_subscription *wanted);
int freq_subscription_end(struct freq_state *state, struct freq_call *call);
void freq_subscription_idle(struct freq_log *log,
			    struct freq_subscription *subscription);
void freq_subscription_detach(struct freq_state *state);
int freq_log_dismantle(struct freq_state *state, struct freq_call *call);
int freq_log_tick(struct freq_state *state, struct freq_call *call);

#endif /* FREQ_STATE_SUBSCRIPTION_H */
