// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_CANCEL: a request that is queued is not wanted any more.
 */
#include "request/request.h"
#include "state/queue.h"

static int cancel(struct freq_state *state, struct freq_call *call)
{
	const struct freq_cancel *asked = (void *)call->argument;

	return freq_queue_cancel(state, call, asked->cookie);
}

const struct freq_request freq_request_cancel = {
	.command = FREQ_IOC_CANCEL,
	.size = sizeof(struct freq_cancel),
	.flags = FREQ_REQUEST_WRITE,
	.handle = cancel,
};
