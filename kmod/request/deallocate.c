// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_DEALLOCATE and FREQ_IOC_DEALLOCATE_V3: a frequency is given back.
 */
#include <linux/errno.h>

#include "request/request.h"

static int deallocate(struct freq_state *state, struct freq_call *call)
{
	const struct freq_deallocate *asked = (void *)call->argument;

	if (asked->flags || asked->pad)
		return -EINVAL;
	return freq_state_deallocate(state, call, asked->frequency, 0);
}

const struct freq_request freq_request_deallocate = {
	.command = FREQ_IOC_DEALLOCATE,
	.size = sizeof(struct freq_deallocate),
	.flags = FREQ_REQUEST_WRITE,
	.handle = deallocate,
};

static int deallocate_v3(struct freq_state *state, struct freq_call *call)
{
	const struct freq_deallocate_v3 *asked = (void *)call->argument;

	if (likely(call->command == FREQ_IOC_DEALLOCATE))
		return deallocate(state, call);
	if (asked->flags || asked->pad)
		return -EINVAL;
	return freq_state_deallocate(state, call, asked->frequency,
				     asked->grant);
}

const struct freq_request freq_request_deallocate_v3 = {
	.command = FREQ_IOC_DEALLOCATE,
	.grown = FREQ_IOC_DEALLOCATE_V3,
	.size = sizeof(struct freq_deallocate_v3),
	.flags = FREQ_REQUEST_WRITE,
	.handle = deallocate_v3,
};
