// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_STOP: the end of the server.
 */
#include <linux/errno.h>

#include "request/request.h"
#include "state/subscription.h"

/*
 * A frequency that is held vetoes it, and so does a client that has allocated
 * something: it could do so again, and would find its state gone.
 */
static int stop(struct freq_state *state, struct freq_call *call)
{
	u32 own = !!call->client->data;
	int err;

	/* A rehearsal ends when it is closed. */
	if (call->server->flags & FREQ_SERVER_REHEARSAL)
		return -ENOTTY;
	if (freq_state_allocated(state) || state->open_holders > own ||
	    state->claimed || state->waiting)
		return -EBUSY;
	err = freq_door_stop(call);
	if (err)
		return err;
	call->client->data = 0;
	freq_subscription_detach(state);
	return 0;
}

const struct freq_request freq_request_stop = {
	.command = FREQ_IOC_STOP,
	.flags = FREQ_REQUEST_WRITE | FREQ_REQUEST_ADMIN,
	.handle = stop,
};
