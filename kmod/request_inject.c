// SPDX-License-Identifier: GPL-2.0-only
/*
 * The request that release 2 brought: add frequencies to the pool.
 */
#include <linux/freq.h>

#include "door.h"
#include "requests.h"
#include "state.h"

/**
 * freq_request_inject() - FREQ_IOC_INJECT
 * @data: the state
 * @call: the call; its array is of u64
 *
 * Return: 0; -EINVAL for a flag, index or padding that is not 0; otherwise as
 * freq_pool_add(), and with -EEXIST the index is told.
 */
int freq_request_inject(void *data, struct freq_call *call)
{
	struct freq_inject *inject = call->argument;
	struct freq_state *state = data;

	if (inject->flags || inject->index || inject->pad)
		return -EINVAL;
	return freq_pool_add(&state->pool, call->array, call->count,
			     &inject->index);
}
