// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_ALLOCATE: the frequency that is next.
 */
#include <linux/errno.h>

#include "request/request.h"

static int allocate(struct freq_state *state, struct freq_call *call)
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
	freq_state_allocate(state, call, asked->flags & FREQ_ALLOCATE_KEEP,
			    index);
	return 0;
}

const struct freq_request freq_request_allocate = {
	.command = FREQ_IOC_ALLOCATE,
	.size_min = offsetofend(struct freq_allocate, pad),
	.flags = FREQ_REQUEST_WRITE,
	.handle = allocate,
};
