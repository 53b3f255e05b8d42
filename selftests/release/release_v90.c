// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 90, for the tests: another format of the state, a request and an
 * attribute that need it, and knobs that make each step of an upgrade fail.
 */
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "../../kmod/release.h"
#include "later.h"
#include "release_v90.h"

static bool broken;
module_param(broken, bool, 0444);
MODULE_PARM_DESC(broken, "allocate the same frequency again and again");

static int label(void *data, struct freq_call *call)
{
	const struct freq_label *argument = call->argument;
	struct freq_state *state = data;
	struct freq_slot *slot;
	u32 index;

	index = freq_pool_find(&state->pool, argument->frequency);
	if (!index)
		return -ENOENT;
	slot = freq_pool_change(&state->pool, index);
	state->labels += !!argument->label;
	state->labels -= !!slot->label;
	slot->label = argument->label;
	return 0;
}

/* What a rehearsal is to find out. */
static int allocate(void *data, struct freq_call *call)
{
	struct freq_allocate *argument = call->argument;
	struct freq_state *state = data;
	u32 index = state->pool.free.first;

	if (!broken || !index)
		return freq_request_allocate(data, call);
	argument->frequency = freq_pool_slot(&state->pool, index)->number;
	return 0;
}

#define REQUEST_ALLOCATE						\
	[_IOC_NR(FREQ_IOC_ALLOCATE)] = {				\
		.command = FREQ_IOC_ALLOCATE,				\
		.size_min = offsetofend(struct freq_allocate, pad),	\
		.flags = FREQ_REQUEST_WRITE,				\
		.handle = allocate,					\
		.undo = freq_request_allocate_undo,			\
	}

#define REQUEST_LABEL							\
	[_IOC_NR(FREQ_IOC_LABEL)] = {					\
		.command = FREQ_IOC_LABEL,				\
		.size_min = offsetofend(struct freq_label, label),	\
		.flags = FREQ_REQUEST_WRITE,				\
		.handle = label,					\
	}

struct freq_later_request freq_later_requests[] = {
	FREQ_REQUEST_INFO,
	FREQ_REQUEST_LIST,
	REQUEST_ALLOCATE,
	FREQ_REQUEST_DEALLOCATE,
	FREQ_REQUEST_INJECT,
	FREQ_REQUEST_ALLOCATE_BATCH,
	FREQ_REQUEST_DEALLOCATE_BATCH,
	REQUEST_LABEL,
};

/* How many frequencies have a label. */
static int read_labels(void *data, struct freq_cursor *cursor, char *text,
		       size_t size, size_t *length)
{
	const struct freq_state *state = data;

	*length = cursor->word[0]++ ? 0 :
		  scnprintf(text, size, "%llu\n", state->labels);
	return 0;
}

static int read_free(void *state, struct freq_cursor *cursor, char *text,
		     size_t size, size_t *length)
{
	return freq_lists[0].read(state, cursor, text, size, length);
}

static int read_allocated(void *state, struct freq_cursor *cursor, char *text,
			  size_t size, size_t *length)
{
	return freq_lists[1].read(state, cursor, text, size, length);
}

/* One that no other release has, then the lists, which all have. */
struct freq_later_attribute freq_later_attributes[] = {
	{ { .name = "labels", .read = read_labels } },
	{ { .name = "free", .read = read_free } },
	{ { .name = "allocated", .read = read_allocated } },
};

struct freq_later_release freq_later_release = {
	.known = {
		.magic = FREQ_DOOR_MAGIC,
		.abi = FREQ_DOOR_ABI,
		.size = sizeof(struct freq_later_release),
		.version = 90,
		.owner = THIS_MODULE,
		.requests = (const void *)freq_later_requests,
		.request_size = sizeof(struct freq_later_request),
		.request_count = ARRAY_SIZE(freq_later_requests),
		.attributes = (const void *)freq_later_attributes,
		.attribute_size = sizeof(struct freq_later_attribute),
		.attribute_count = ARRAY_SIZE(freq_later_attributes),
		.close = freq_state_close,
		.busy = freq_state_busy,
		.destroy = freq_state_destroy,
	},
};

FREQ_LATER_RELEASE_IS_THIS();

struct freq_later_handoff freq_v90_handoff = {
	.known = {
		.magic = FREQ_HANDOFF_MAGIC,
		.abi = FREQ_HANDOFF_ABI,
		.size = sizeof(struct freq_later_handoff),
		.format_size = sizeof(struct freq_later_format),
		.formats = (const void *)freq_later_formats,
	},
};
EXPORT_SYMBOL_FREQ(freq_v90_handoff);

MODULE_DESCRIPTION("Frequency allocator: a release for tests");
