/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of a release's module.
 *
 * A release is a module of its own, freq_vN. The file vN.c has the table of the
 * requests that it knows; all else is linked to it, so that each release
 * carries the code that it runs.
 */
#ifndef FREQ_RELEASE_RELEASE_H
#define FREQ_RELEASE_RELEASE_H

#include <linux/kernel.h>
#include <linux/module.h>

#include "compat.h"
#include "contract/door.h"
#include "contract/handoff.h"
#include "request/request.h"
#include "state/record.h"
#include "state/state.h"
#include "state/subscription.h"

/* The formats that it exports and imports; the last has no name. */
extern const struct freq_format freq_formats_exported[];
extern const struct freq_format freq_formats_imported[];

#define FREQ_FILES 2
extern const struct freq_file freq_files[FREQ_FILES];
int freq_sysfs_show(void *state, struct freq_call *call);

int freq_takeover_quiesce(void *state, struct freq_call *call);
void freq_takeover_resume(void *state);

/**
 * FREQ_RELEASE() - define the release of a module
 * @number: its version
 *
 * The table freq_requests stands above it.
 */
#define FREQ_RELEASE(number)						\
	const u32 freq_request_count = ARRAY_SIZE(freq_requests);	\
	const struct freq_release freq_this_release = {			\
		.magic = FREQ_DOOR_MAGIC,				\
		.abi = FREQ_DOOR_ABI,					\
		.size = sizeof(struct freq_release),			\
		.version = (number),					\
		.owner = THIS_MODULE,					\
		.files = freq_files,					\
		.file_count = FREQ_FILES,				\
		.ops = {						\
			[FREQ_OP_IOCTL] = freq_request_enter,		\
			[FREQ_OP_CLOSE] = freq_state_close,		\
			[FREQ_OP_READ] = freq_record_read,		\
			[FREQ_OP_POLL] = freq_record_poll,		\
			[FREQ_OP_TIMER] = freq_state_tick,		\
			[FREQ_OP_SHOW] = freq_sysfs_show,		\
			[FREQ_OP_DESTROY] = freq_state_destroy,		\
		},							\
	};								\
	extern const struct freq_handoff freq_v##number##_handoff;	\
	const struct freq_handoff freq_v##number##_handoff = {		\
		.magic = FREQ_HANDOFF_MAGIC,				\
		.abi = FREQ_HANDOFF_ABI,				\
		.size = sizeof(struct freq_handoff),			\
		.format_size = sizeof(struct freq_format),		\
		.formats = freq_formats_exported,			\
		.quiesce = freq_takeover_quiesce,			\
		.resume = freq_takeover_resume,				\
	};								\
	EXPORT_SYMBOL_FREQ(freq_v##number##_handoff)

#endif /* FREQ_RELEASE_RELEASE_H */
