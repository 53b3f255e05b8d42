// SPDX-License-Identifier: GPL-2.0-only
/*
 * The request that release 2 brought: add frequencies to the pool.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include <linux/freq.h>

#include "door.h"
#include "requests.h"
#include "state.h"

/* How many frequencies one delivery handles. */
#define INJECT_STEP 64

/* What the words of a call's progress are. */
enum {
	PROGRESS_STAGED,	/* how many frequencies are staged */
	PROGRESS_ERROR,		/* the errno that made it give up, or 0 */
	PROGRESS_INDEX,		/* where that was */
};

static void stage_some(struct freq_pool *pool, struct freq_call *call)
{
	const u64 *numbers = call->array;
	u32 *staged = &call->progress[PROGRESS_STAGED];
	u32 count = min_t(u32, call->count - *staged, INJECT_STEP), done;
	int ret;

	ret = freq_pool_make_room(pool, pool->slot_count + count);
	if (ret == FREQ_AGAIN)
		return;
	if (ret) {
		call->progress[PROGRESS_ERROR] = -ret;
		return;
	}
	done = freq_pool_stage(pool, numbers + *staged, count);
	*staged += done;
	if (done < count) {
		call->progress[PROGRESS_ERROR] = EEXIST;
		call->progress[PROGRESS_INDEX] = *staged;
	}
}

static void unstage_some(struct freq_pool *pool, struct freq_call *call)
{
	u32 *staged = &call->progress[PROGRESS_STAGED];
	u32 end = *staged - min_t(u32, *staged, INJECT_STEP);

	for (; *staged > end; --*staged)
		freq_pool_unstage(pool);
}

/**
 * freq_request_inject() - FREQ_IOC_INJECT
 * @data: the state
 * @call: the call; its array is of u64
 *
 * Return: 0, or FREQ_AGAIN; -EINVAL for a flag, index or padding that is not
 * 0; -E2BIG if the pool would have more than FREQ_POOL_MAX; -EEXIST if one is
 * in the pool already, or there twice, and then the index is told; -ENOMEM.
 */
int freq_request_inject(void *data, struct freq_call *call)
{
	struct freq_inject *inject = call->argument;
	struct freq_state *state = data;
	int err;

	if (inject->flags || inject->index || inject->pad)
		return -EINVAL;
	if (!call->progress[PROGRESS_STAGED] &&
	    call->count > freq_pool_room(&state->pool))
		return -E2BIG;

	if (!call->progress[PROGRESS_ERROR])
		stage_some(&state->pool, call);
	err = call->progress[PROGRESS_ERROR];
	if (err) {
		unstage_some(&state->pool, call);
		if (call->progress[PROGRESS_STAGED])
			return FREQ_AGAIN;
		if (err == EEXIST)
			inject->index = call->progress[PROGRESS_INDEX];
		return -err;
	}
	if (call->progress[PROGRESS_STAGED] < call->count)
		return FREQ_AGAIN;
	freq_pool_publish(&state->pool);
	return 0;
}
