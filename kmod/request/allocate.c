// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_ALLOCATE: the frequency that is next.
 */
#include <linux/errno.h>

#include "request/request.h"

/**
 * freq_allocate_next() - FREQ_IOC_ALLOCATE
 * @state: the state
 * @call: the call
 *
 * Return: as an operation does; -EINVAL; -ENOSPC if none is free; -ENOMEM.
 */
int freq_allocate_next(struct freq_state *state, struct freq_call *call)
{
	struct freq_allocate *asked = (void *)call->argument;
	u32 index;
	int ret;

	if (asked->flags & ~FREQ_ALLOCATE_KEEP || asked->pad)
		return -EINVAL;
	ret = freq_state_peek(state, call, &index);
	if (unlikely(ret))
		return ret;
	asked->frequency = freq_pool_slot(&state->pool, index)->number;
	ret = freq_request_reply(call, asked, sizeof(*asked));
	if (unlikely(ret))
		return ret;
	freq_state_allocate(state, call, call->client,
			    asked->flags & FREQ_ALLOCATE_KEEP, index,
			    freq_grant_next(call, 1), true);
	return 0;
}

const struct freq_request freq_request_allocate = {
	.command = FREQ_IOC_ALLOCATE,
	.size = sizeof(struct freq_allocate),
	.flags = FREQ_REQUEST_WRITE,
	.handle = freq_allocate_next,
};
