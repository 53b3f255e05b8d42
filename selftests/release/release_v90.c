// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 90, for the tests: another format of the state, a request that needs
 * it, and knobs that make each step of an upgrade fail.
 */
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "../../kmod/release.h"
#include "knobs.h"
#include "release_v90.h"

static char fail[16];
module_param_string(fail, fail, sizeof(fail), 0644);
MODULE_PARM_DESC(fail, "the step that fails: check, begin, room, room-late");

static bool broken;
module_param(broken, bool, 0444);
MODULE_PARM_DESC(broken, "allocate the same frequency again and again");

/**
 * freq_knob_fails() - tell whether a step is to fail
 * @step: its name
 *
 * Return: whether.
 */
bool freq_knob_fails(const char *step)
{
	return sysfs_streq(fail, step);
}

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

FREQ_RELEASE(90, FREQ_REQUEST_INFO,
	     FREQ_REQUEST_LIST,
	     REQUEST_ALLOCATE,
	     FREQ_REQUEST_DEALLOCATE,
	     FREQ_REQUEST_INJECT,
	     FREQ_REQUEST_ALLOCATE_BATCH,
	     FREQ_REQUEST_DEALLOCATE_BATCH,
	     REQUEST_LABEL);

MODULE_DESCRIPTION("Frequency allocator: a release for tests");
