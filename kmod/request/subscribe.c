// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_SUBSCRIBE: a client reads records of what happens.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "request/request.h"
#include "state/subscription.h"

/* Those that can be asked for. */
#define KINDS ((BIT(FREQ_RECORD_PRESENT_END) - 1) | BIT(FREQ_RECORD_OUTCOME))

static int check(const struct freq_subscribe *asked,
		 const struct freq_span *spans)
{
	u32 i;

	if (asked->kinds & ~KINDS || asked->flags & ~FREQ_SUBSCRIBE_PRESENT ||
	    asked->record_size % 8 ||
	    asked->record_size < FREQ_RECORD_SIZE_MIN ||
	    asked->record_size > FREQ_RECORD_SIZE_MAX)
		return -EINVAL;
	for (i = 0; i < asked->span_count; i++)
		if (spans[i].last < spans[i].first)
			return -ERANGE;
	return 0;
}

static enum freq_present first_phase(const struct freq_subscribe *asked)
{
	if (!(asked->flags & FREQ_SUBSCRIBE_PRESENT))
		return FREQ_PRESENT_NONE;
	return asked->kinds & BIT(FREQ_RECORD_ALLOCATED) ? FREQ_PRESENT_SOME :
							   FREQ_PRESENT_END;
}

static int subscribe(struct freq_state *state, struct freq_call *call)
{
	const struct freq_subscribe *asked = (void *)call->argument;
	struct freq_subscription wanted = {
		.place.phase = first_phase(asked),
		.kinds = asked->kinds,
		.record_size = asked->record_size,
		.span_count = asked->span_count,
	};
	int err = check(asked, call->buffer);

	if (err)
		return err;
	if (!asked->kinds)
		return freq_subscription_end(state, call);
	if (asked->span_count)
		memcpy(wanted.spans, call->buffer,
		       asked->span_count * sizeof(wanted.spans[0]));
	return freq_subscription_set(state, call, &wanted);
}

const struct freq_request freq_request_subscribe = {
	.command = FREQ_IOC_SUBSCRIBE,
	.size = sizeof(struct freq_subscribe),
	.flags = FREQ_REQUEST_ARRAY | FREQ_REQUEST_ARRAY_IN |
		 FREQ_REQUEST_ARRAY_NONE,
	.array = {
		.pointer = offsetof(struct freq_subscribe, spans),
		.count = offsetof(struct freq_subscribe, span_count),
		.element = sizeof(struct freq_span),
		.max = FREQ_SPANS_MAX,
	},
	.handle = subscribe,
};

static_assert(sizeof(struct freq_record) == FREQ_RECORD_SIZE_MIN);
