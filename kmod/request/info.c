// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_INFO: the running release, and the size of the pool.
 */
#include "request/request.h"

static int info(struct freq_state *state, struct freq_call *call)
{
	struct freq_info reply = {
		.release = freq_this_release.version,
		.clients = call->server->clients,
		.free = state->pool.free.count,
		.allocated = freq_state_allocated(state),
	};

	if (freq_request_is_known(FREQ_IOC_INJECT))
		reply.features |= FREQ_FEATURE_INJECT;
	if (freq_request_is_known(FREQ_IOC_ALLOCATE_BATCH))
		reply.features |= FREQ_FEATURE_BATCH;
	return freq_request_reply(call, &reply, sizeof(reply));
}

const struct freq_request freq_request_info = {
	.command = FREQ_IOC_INFO,
	.size_min = offsetofend(struct freq_info, features),
	.handle = info,
};
