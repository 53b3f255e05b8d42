/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test release says of itself: kmod/contract/ as it may be one day.
 * Each structure has a field more, which is 0 and asks for nothing. None is
 * constant, for knobs.c to make it wrong.
 */
#ifndef FREQ_LATER_H
#define FREQ_LATER_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "contract/door.h"
#include "contract/handoff.h"

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

extern struct freq_file freq_later_files[];
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

extern struct freq_later_format freq_later_formats[];
/* The name of the format that takes a conversion. */
extern char freq_later_format_name[];
/* Its name is the release's; knobs.c is linked to both. */
extern struct freq_later_handoff FREQ_LATER_HANDOFF;

#endif /* FREQ_LATER_H */
