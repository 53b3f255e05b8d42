// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 90, for the tests: another format of the state, a request and a file
 * that need it, and knobs that make each step of an upgrade fail.
 */
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "release/release.h"
#include "later.h"
#include "release_v90.h"
#include "services.h"

/* Release 91 is made of this file too. */
#ifndef NUMBER
#define NUMBER 90
#endif

static bool broken;
module_param(broken, bool, 0444);
MODULE_PARM_DESC(broken, "allocate the same frequency again and again");

/* What a copy was checked for must stay so: waits while one is made. */
static int tag(struct freq_state *state, struct freq_call *call)
{
	const struct freq_tag *asked = (void *)call->argument;
	struct freq_slot *slot;
	u32 index;
	int ret;

	ret = freq_state_claim(state, call,
			       &call->progress[FREQ_PROGRESS_CLAIM]);
	if (ret)
		return ret;
	freq_state_unclaim(state);
	index = freq_pool_find(&state->pool, asked->frequency);
	if (!index)
		return -ENOENT;
	slot = freq_pool_change(&state->pool, index);
	state->tags += !!asked->tag;
	state->tags -= !!slot->tag;
	slot->tag = asked->tag;
	return 0;
}

static const struct freq_request request_tag = {
	.command = FREQ_IOC_TAG,
	.size = sizeof(struct freq_tag),
	.flags = FREQ_REQUEST_WRITE,
	.handle = tag,
};

/* What a rehearsal is to find out. */
static int allocate(struct freq_state *state, struct freq_call *call)
{
	struct freq_allocate reply = { };
	u32 index = state->pool.free.first;

	if (!broken || !index)
		return freq_request_allocate_v3.handle(state, call);
	reply.frequency = freq_pool_slot(&state->pool, index)->number;
	return freq_request_reply(call, &reply, sizeof(reply));
}

static const struct freq_request request_allocate = {
	.command = FREQ_IOC_ALLOCATE,
	.size = sizeof(struct freq_allocate_v3),
	.flags = FREQ_REQUEST_WRITE,
	.handle = allocate,
};

const struct freq_request *const freq_requests[] = {
	[_IOC_NR(FREQ_IOC_INFO)] = &freq_request_info_v3,
	[_IOC_NR(FREQ_IOC_LIST)] = &freq_request_list,
	[_IOC_NR(FREQ_IOC_ALLOCATE)] = &request_allocate,
	[_IOC_NR(FREQ_IOC_DEALLOCATE)] = &freq_request_deallocate_v3,
	[_IOC_NR(FREQ_IOC_INJECT)] = &freq_request_inject,
	[_IOC_NR(FREQ_IOC_ALLOCATE_BATCH)] = &freq_request_allocate_batch,
	[_IOC_NR(FREQ_IOC_DEALLOCATE_BATCH)] = &freq_request_deallocate_batch,
	[_IOC_NR(FREQ_IOC_LIST_GRANTS)] = &freq_request_list_grants,
	[_IOC_NR(FREQ_IOC_LABEL)] = &freq_request_label,
	[_IOC_NR(FREQ_IOC_ALLOCATE_GROUP)] = &freq_request_allocate_group,
	[_IOC_NR(FREQ_IOC_CANCEL)] = &freq_request_cancel,
	[_IOC_NR(FREQ_IOC_SUBSCRIBE)] = &freq_request_subscribe,
	[_IOC_NR(FREQ_IOC_STOP)] = &freq_request_stop,
	[_IOC_NR(FREQ_IOC_TAG)] = &request_tag,
	[_IOC_NR(FREQ_IOC_SLEEP)] = &freq_services_sleep,
	[_IOC_NR(FREQ_IOC_WAKE)] = &freq_services_wake,
	[_IOC_NR(FREQ_IOC_TIMER)] = &freq_services_timer,
};

const u32 freq_request_count = ARRAY_SIZE(freq_requests);

/* Two that no other release has, then the lists, which all have. */
struct freq_file freq_later_files[] = {
	{ .name = "tags", .mode = 0444 },
	{ .name = "services", .mode = 0644 },
	{ .name = "free", .mode = 0444 },
	{ .name = "allocated", .mode = 0444 },
};

/* How many frequencies have a tag. */
static int show(void *data, struct freq_call *call)
{
	const struct freq_state *state = data;

	if (!strcmp(call->name, "free") || !strcmp(call->name, "allocated"))
		return freq_sysfs_show(data, call);
	if (!strcmp(call->name, "services"))
		return freq_services_show(data, call);
	call->result = call->offset ? 0 :
		       scnprintf(call->text, call->text_size, "%llu\n",
				 state->tags);
	return 0;
}

struct freq_later_release freq_later_release = {
	.known = {
		.magic = FREQ_DOOR_MAGIC,
		.abi = FREQ_DOOR_ABI,
		.size = sizeof(struct freq_later_release),
		.version = NUMBER,
		.owner = THIS_MODULE,
		.files = freq_later_files,
		.file_count = ARRAY_SIZE(freq_later_files),
		.ops = {
			[FREQ_OP_IOCTL] = freq_request_enter,
			[FREQ_OP_OPEN] = freq_services_open,
			[FREQ_OP_CLOSE] = freq_services_close,
			[FREQ_OP_FLUSH] = freq_services_flush,
			[FREQ_OP_READ] = freq_services_read,
			[FREQ_OP_WRITE] = freq_services_write,
			[FREQ_OP_POLL] = freq_services_poll,
			[FREQ_OP_FDINFO] = freq_services_fdinfo,
			[FREQ_OP_TIMER] = freq_services_tick,
			[FREQ_OP_STORE] = freq_services_store,
			[FREQ_OP_SHOW] = show,
			[FREQ_OP_DESTROY] = freq_state_destroy,
		},
	},
};

FREQ_LATER_RELEASE_IS_THIS();

struct freq_later_handoff FREQ_LATER_HANDOFF = {
	.known = {
		.magic = FREQ_HANDOFF_MAGIC,
		.abi = FREQ_HANDOFF_ABI,
		.size = sizeof(struct freq_later_handoff),
		.format_size = sizeof(struct freq_later_format),
		.formats = (const void *)freq_later_formats,
		.quiesce = freq_takeover_quiesce,
		.resume = freq_takeover_resume,
	},
};

/* The macro does not expand the name of what it exports. */
#if NUMBER == 90
EXPORT_SYMBOL_FREQ(freq_v90_handoff);
#else
EXPORT_SYMBOL_FREQ(freq_v91_handoff);
#endif

MODULE_DESCRIPTION("Frequency allocator: a release for tests");
