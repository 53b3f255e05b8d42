// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_ALLOCATE_BATCH and FREQ_IOC_DEALLOCATE_BATCH: several frequencies
 * or none.
 */
#include <linux/errno.h>

#include "request/request.h"

#define BATCH_ARRAY {							\
		.pointer = offsetof(struct freq_batch, frequencies),	\
		.count = offsetof(struct freq_batch, count),		\
		.element = sizeof(__u64),				\
		.max = FREQ_BATCH_MAX,					\
	}

static int allocate(struct freq_state *state, struct freq_call *call)
{
	const struct freq_batch *asked = (void *)call->argument;
	int ret;

	if (asked->flags & ~FREQ_ALLOCATE_KEEP || asked->index || asked->pad)
		return -EINVAL;
	ret = freq_state_peek_all(state, call, call->buffer, asked->count);
	if (ret)
		return ret;
	ret = freq_door_copy_out(call, asked->frequencies, call->buffer,
				 asked->count * sizeof(__u64));
	if (ret)
		return ret;
	ret = freq_request_reply(call, asked, sizeof(*asked));
	if (ret)
		return ret;
	freq_state_allocate_all(state, call, asked->flags & FREQ_ALLOCATE_KEEP,
				asked->count);
	return 0;
}

static int deallocate(struct freq_state *state, struct freq_call *call)
{
	const struct freq_batch *asked = (void *)call->argument;
	struct freq_batch reply = *asked;
	int err, ret;

	if (asked->flags || asked->index || asked->pad)
		return -EINVAL;
	err = freq_state_deallocate_all(state, call, call->buffer,
					asked->count, &reply.index);
	if (err >= 0)
		return err;
	ret = freq_request_reply(call, &reply, sizeof(reply));
	return ret ?: err;
}

const struct freq_request freq_request_allocate_batch = {
	.command = FREQ_IOC_ALLOCATE_BATCH,
	.size = sizeof(struct freq_batch),
	.flags = FREQ_REQUEST_WRITE | FREQ_REQUEST_ARRAY,
	.array = BATCH_ARRAY,
	.handle = allocate,
};

const struct freq_request freq_request_deallocate_batch = {
	.command = FREQ_IOC_DEALLOCATE_BATCH,
	.size = sizeof(struct freq_batch),
	.flags = FREQ_REQUEST_WRITE | FREQ_REQUEST_ARRAY |
		 FREQ_REQUEST_ARRAY_IN,
	.array = BATCH_ARRAY,
	.handle = deallocate,
};
