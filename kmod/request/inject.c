// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_INJECT: frequencies are added to the pool.
 *
 * 1. The state is claimed: one addition at a time.
 * 2. The frequencies are staged, some in each hold.
 * 3. All of them appear at once, and the claim ends.
 *
 * If one is in the pool already, if there is no memory, or the caller is
 * killed, all of them are unstaged, some in each hold. The reply comes after
 * the claim has ended: a page fault on it blocks no other call.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include "request/request.h"

/* How many frequencies one hold handles. */
#define INJECT_STEP 64

/* The words of a call's progress */
enum {
	PROGRESS_STAGED,	/* how many frequencies are staged */
	PROGRESS_ERROR,		/* the errno that made it give up, or 0 */
	PROGRESS_INDEX,		/* where that was */
	PROGRESS_CLAIM = FREQ_PROGRESS_CLAIM,
};

static void stage_some(struct freq_pool *pool, struct freq_call *call,
		       u32 count)
{
	const u64 *numbers = call->buffer;
	u32 *progress = call->progress, done;

	done = freq_pool_stage(pool, numbers + progress[PROGRESS_STAGED],
			       count);
	progress[PROGRESS_STAGED] += done;
	if (done < count) {
		progress[PROGRESS_ERROR] = EEXIST;
		progress[PROGRESS_INDEX] = progress[PROGRESS_STAGED];
	}
}

static void unstage_some(struct freq_pool *pool, u32 *staged)
{
	u32 end = *staged - min_t(u32, *staged, INJECT_STEP);

	for (; *staged > end; --*staged)
		freq_pool_unstage(pool);
}

/* With the claim. Returns 0 when all are staged, or a FREQ_WANT_*. */
static int stage(struct freq_state *state, struct freq_call *call, u32 count)
{
	struct freq_pool *pool = &state->pool;
	u32 *progress = call->progress;
	int ret;

	if (count > FREQ_POOL_MAX - pool->visible)
		progress[PROGRESS_ERROR] = E2BIG;
	else if (call->status)
		progress[PROGRESS_ERROR] = -call->status;
	if (progress[PROGRESS_ERROR]) {
		unstage_some(pool, &progress[PROGRESS_STAGED]);
		return progress[PROGRESS_STAGED] ? FREQ_WANT_AGAIN : 0;
	}

	count = min_t(u32, count - progress[PROGRESS_STAGED], INJECT_STEP);
	if (!count)
		return 0;
	ret = freq_pool_reserve(pool, pool->slot_count + count + 1, call);
	if (!ret)
		stage_some(pool, call, count);
	return ret > 0 ? ret : FREQ_WANT_AGAIN;
}

static int reply_error(struct freq_call *call)
{
	struct freq_inject reply = *(const struct freq_inject *)call->argument;
	int err = call->progress[PROGRESS_ERROR], ret = 0;

	if (err == EEXIST) {
		reply.index = call->progress[PROGRESS_INDEX];
		ret = freq_request_reply(call, &reply, sizeof(reply));
	}
	return ret ?: -err;
}

static int inject(struct freq_state *state, struct freq_call *call)
{
	const struct freq_inject *asked = (void *)call->argument;
	u32 *progress = call->progress;
	int ret;

	if (asked->flags || asked->index || asked->pad)
		return -EINVAL;
	if (progress[PROGRESS_CLAIM] == FREQ_WAIT_SERVING)
		return freq_wait_finish(state, call);
	if (progress[PROGRESS_ERROR] && !progress[PROGRESS_CLAIM])
		return reply_error(call);
	ret = freq_state_claim(state, call, &progress[PROGRESS_CLAIM]) ?:
	      stage(state, call, asked->count);
	if (ret)
		return ret;
	freq_state_unclaim(state);
	progress[PROGRESS_CLAIM] = FREQ_CLAIM_NONE;
	if (progress[PROGRESS_ERROR])
		return reply_error(call);
	freq_pool_publish(&state->pool);
	freq_log_injected(state, call, *(u64 *)call->buffer, asked->count);
	freq_wait_offer_all(state);
	return freq_wait_finish(state, call);
}

const struct freq_request freq_request_inject = {
	.command = FREQ_IOC_INJECT,
	.size = sizeof(struct freq_inject),
	.flags = FREQ_REQUEST_WRITE | FREQ_REQUEST_ADMIN |
		 FREQ_REQUEST_ARRAY | FREQ_REQUEST_ARRAY_IN,
	.array = {
		.pointer = offsetof(struct freq_inject, frequencies),
		.count = offsetof(struct freq_inject, count),
		.element = sizeof(__u64),
		.max = FREQ_INJECT_MAX,
	},
	.handle = inject,
};
