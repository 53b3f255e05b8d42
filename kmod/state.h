/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state: the pool, and who holds what of it.
 */
#ifndef FREQ_STATE_H
#define FREQ_STATE_H

#include <linux/types.h>

#include "format.h"
#include "handoff.h"
#include "pool.h"

struct freq_client;

struct freq_state *freq_state_create(void);
void freq_state_destroy(void *state);
bool freq_state_busy(void *state);
u32 freq_state_allocated(const struct freq_state *state);
const struct freq_holder *freq_state_holder(const struct freq_state *state,
					    const struct freq_slot *slot);

bool freq_state_is_owner(const struct freq_slot *slot, const void *data);

int freq_state_allocate(struct freq_state *state,
			const struct freq_client *client, void **data,
			bool keep, u64 *number);
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_client *client, void *data,
			  u64 number);
void freq_state_close(void *state, void **data);

#endif /* FREQ_STATE_H */
