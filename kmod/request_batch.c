// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests that release 2 brought: allocate, or deallocate, several
 * frequencies or none. A batch is so small that it needs no steps.
 */
#include <linux/errno.h>

#include <linux/freq.h>

#include "door.h"
#include "requests.h"
#include "state.h"

/**
 * freq_request_allocate_batch() - FREQ_IOC_ALLOCATE_BATCH
 * @data: the state
 * @call: the call; its array is of u64
 *
 * Return: 0; -EINVAL for an unknown flag, or an index or padding that is not
 * 0; otherwise as freq_state_allocate().
 */
int freq_request_allocate_batch(void *data, struct freq_call *call)
{
	const struct freq_batch *batch = call->argument;

	if (batch->flags & ~FREQ_ALLOCATE_KEEP || batch->index || batch->pad)
		return -EINVAL;
	return freq_state_allocate(data, call,
				   batch->flags & FREQ_ALLOCATE_KEEP,
				   call->array, call->count);
}

/**
 * freq_request_deallocate_batch() - FREQ_IOC_DEALLOCATE_BATCH
 * @data: the state
 * @call: the call; its array is of u64
 *
 * Return: 0; -EINVAL for a flag, index or padding that is not 0; otherwise as
 * freq_state_deallocate_all(), and then the index is told.
 */
int freq_request_deallocate_batch(void *data, struct freq_call *call)
{
	struct freq_batch *batch = call->argument;

	if (batch->flags || batch->index || batch->pad)
		return -EINVAL;
	return freq_state_deallocate_all(data, call, call->array, call->count,
					 &batch->index);
}
