/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarations of the test releases, by kmod/contract/ as it may be one day:
 * each structure has one more field, which is 0 and requires nothing. They are
 * not const, so that knobs.c can overwrite them.
 */
#ifndef FREQ_LATER_H
#define FREQ_LATER_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "contract/door.h"
#include "contract/handoff.h"

/**
 * struct freq_later_release - struct freq_release with one more field
 * @known: the fields that today's door knows
 * @later: a field that only a later door knows
 */
struct freq_later_release {
	struct freq_release known;
	u64 later;
};

/**
 * struct freq_later_format - struct freq_format with one more field
 * @known: the fields that today's releases know
 * @later: a field that only later releases know
 */
struct freq_later_format {
	struct freq_format known;
	u64 later;
};

/**
 * struct freq_later_handoff - struct freq_handoff with one more field
 * @known: the fields that today's releases know
 * @later: a field that only later releases know
 */
struct freq_later_handoff {
	struct freq_handoff known;
	u64 later;
};

extern struct freq_file freq_later_files[];
extern struct freq_later_release freq_later_release;

/**
 * FREQ_LATER_RELEASE_IS_THIS() - make freq_later_release the module's release
 *
 * For the file that defines freq_later_release. Code from kmod/ refers to
 * freq_this_release, which is const, hence the alias.
 */
#define FREQ_LATER_RELEASE_IS_THIS()					\
	extern const struct freq_release freq_this_release		\
		__alias(freq_later_release)

extern struct freq_later_format freq_later_formats[];
/* Name of the format that needs a conversion */
extern char freq_later_format_name[];
/* Differs by release: knobs.c is compiled once for each. */
extern struct freq_later_handoff FREQ_LATER_HANDOFF;

#endif /* FREQ_LATER_H */
