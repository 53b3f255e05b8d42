/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test release says of itself: kmod/door.h and kmod/handoff.h as they
 * may be one day. Each structure has a field more, which is 0 and asks for
 * nothing. None is constant, for knobs.c to make it wrong.
 */
#ifndef FREQ_LATER_H
#define FREQ_LATER_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/stddef.h>
#include <linux/types.h>

#include "../../kmod/door.h"
#include "../../kmod/handoff.h"

/**
 * struct freq_later_request - struct freq_request, for its table's macros
 * @command: as there
 * @size_min: as there
 * @flags: as there
 * @array: as there
 * @handle: as there
 * @undo: as there
 * @later: what a later door knows
 */
struct freq_later_request {
	u32 command;
	u16 size_min;
	u16 flags;
	struct freq_array array;
	int (*handle)(void *state, struct freq_call *call);
	void (*undo)(void *state, struct freq_call *call);
	u64 later;
};

static_assert(offsetof(struct freq_later_request, later) ==
	      sizeof(struct freq_request));

/**
 * struct freq_later_attribute - struct freq_attribute
 * @known: as this door knows it
 * @later: what a later door knows
 */
struct freq_later_attribute {
	struct freq_attribute known;
	u64 later;
};

/**
 * struct freq_later_release - struct freq_release
 * @known: as this door knows it
 * @later: what a later door knows
 */
struct freq_later_release {
	struct freq_release known;
	u64 later;
};

/**
 * struct freq_later_format - struct freq_format
 * @known: as releases know it now
 * @later: what later releases know
 */
struct freq_later_format {
	struct freq_format known;
	u64 later;
};

/**
 * struct freq_later_handoff - struct freq_handoff
 * @known: as releases know it now
 * @later: what later releases know
 */
struct freq_later_handoff {
	struct freq_handoff known;
	u64 later;
};

extern struct freq_later_request freq_later_requests[];
extern struct freq_later_attribute freq_later_attributes[];
extern struct freq_later_release freq_later_release;

/**
 * FREQ_LATER_RELEASE_IS_THIS() - make it the release of the module
 *
 * To stand where it is defined. All that comes from kmod/ has that constant,
 * so it is another name of the same object.
 */
#define FREQ_LATER_RELEASE_IS_THIS()					\
	extern const struct freq_release freq_this_release		\
		__alias(freq_later_release)

/* In which the name of the format is that takes a conversion. */
extern const struct freq_later_format freq_later_formats[];
extern char freq_later_format_name[];
extern struct freq_later_handoff freq_v90_handoff;

#endif /* FREQ_LATER_H */
