/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes a module a release.
 *
 * A release is a module of its own, freq_vN. The file release_vN.c has the
 * table of the requests that it knows; all else is linked to it, so that each
 * release carries the code that it runs.
 */
#ifndef FREQ_RELEASE_H
#define FREQ_RELEASE_H

#include <linux/kernel.h>
#include <linux/module.h>

#include "compat.h"
#include "door.h"
#include "formats.h"
#include "handoff.h"
#include "lists.h"
#include "requests.h"
#include "state.h"

/* The release that this file is linked into. */
extern const struct freq_release freq_this_release;

/**
 * FREQ_RELEASE() - define the release of a module
 * @number: its version
 * @...: the requests that it knows, FREQ_REQUEST_*
 */
#define FREQ_RELEASE(number, ...)					\
	static const struct freq_request freq_requests[] = {		\
		__VA_ARGS__						\
	};								\
	const struct freq_release freq_this_release = {			\
		.magic = FREQ_DOOR_MAGIC,				\
		.abi = FREQ_DOOR_ABI,					\
		.size = sizeof(struct freq_release),			\
		.version = (number),					\
		.owner = THIS_MODULE,					\
		.requests = freq_requests,				\
		.request_size = sizeof(struct freq_request),		\
		.request_count = ARRAY_SIZE(freq_requests),		\
		.attributes = freq_lists,				\
		.attribute_size = sizeof(struct freq_attribute),	\
		.attribute_count = FREQ_LISTS,				\
		.close = freq_state_close,				\
		.busy = freq_state_busy,				\
		.destroy = freq_state_destroy,				\
	};								\
	extern const struct freq_handoff freq_v##number##_handoff;	\
	const struct freq_handoff freq_v##number##_handoff = {		\
		.magic = FREQ_HANDOFF_MAGIC,				\
		.abi = FREQ_HANDOFF_ABI,				\
		.size = sizeof(struct freq_handoff),			\
		.format_size = sizeof(struct freq_format),		\
		.formats = freq_formats_given,				\
	};								\
	EXPORT_SYMBOL_FREQ(freq_v##number##_handoff)

#endif /* FREQ_RELEASE_H */
