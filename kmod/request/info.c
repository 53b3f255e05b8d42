// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_INFO: the running release, and the size of the pool.
 */
#include "request/request.h"

static u64 features(void)
{
	u64 features = 0;

	if (freq_request_is_known(FREQ_IOC_INJECT))
		features |= FREQ_FEATURE_INJECT;
	if (freq_request_is_known(FREQ_IOC_ALLOCATE_BATCH))
		features |= FREQ_FEATURE_BATCH;
	if (freq_request_is_known(FREQ_IOC_LIST_GRANTS))
		features |= FREQ_FEATURE_GRANTS;
	return features;
}

/* @size: how much of the reply the release knows */
static int reply(struct freq_state *state, struct freq_call *call, u32 size)
{
	struct freq_info_v3 reply = {
		.release = freq_this_release.version,
		.clients = call->server->clients,
		.free = state->pool.free.count,
		.allocated = freq_state_allocated(state),
		.features = features(),
		.grant = freq_grant_last(call),
		.waiters = state->waiting,
		.subscriptions = state->log ? state->log->count : 0,
	};

	return freq_request_reply(call, &reply, size);
}

static int info(struct freq_state *state, struct freq_call *call)
{
	return reply(state, call, sizeof(struct freq_info));
}

static int info_v3(struct freq_state *state, struct freq_call *call)
{
	return reply(state, call, sizeof(struct freq_info_v3));
}

const struct freq_request freq_request_info = {
	.command = FREQ_IOC_INFO,
	.size = sizeof(struct freq_info),
	.handle = info,
};

const struct freq_request freq_request_info_v3 = {
	.command = FREQ_IOC_INFO,
	.size = sizeof(struct freq_info_v3),
	.handle = info_v3,
};
