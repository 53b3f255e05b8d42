// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_DEALLOCATE: a frequency is given back.
 */
#include <linux/errno.h>

#include "request/request.h"

static int deallocate(struct freq_state *state, struct freq_call *call)
{
	const struct freq_deallocate *asked = (void *)call->argument;

	if (asked->flags || asked->pad)
		return -EINVAL;
	return freq_state_deallocate(state, call, asked->frequency);
}

const struct freq_request freq_request_deallocate = {
	.command = FREQ_IOC_DEALLOCATE,
	.size_min = offsetofend(struct freq_deallocate, pad),
	.flags = FREQ_REQUEST_WRITE,
	.handle = deallocate,
};
