/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: what a subscriber reads.
 */
#ifndef FREQ_STATE_RECORD_H
#define FREQ_STATE_RECORD_H

#include <linux/types.h>

#include "contract/door.h"
#include "contract/format.h"

bool freq_record_is_there(struct freq_state *state,
			  struct freq_subscription *subscription, u32 *left);
int freq_record_read(void *state, struct freq_call *call);
int freq_record_poll(void *state, struct freq_call *call);

#endif /* FREQ_STATE_RECORD_H */
