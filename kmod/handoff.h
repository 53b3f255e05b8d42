/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a release and the next one know of each other.
 *
 * This is a contract, as door.h is: fields are only ever appended, and what
 * cannot be done so bumps FREQ_HANDOFF_ABI. symbol_get() checks no version of
 * a symbol, so both sides check these words.
 */
#ifndef FREQ_HANDOFF_H
#define FREQ_HANDOFF_H

#include <linux/build_bug.h>
#include <linux/types.h>

/**
 * DOC: The handoff symbol
 *
 * Release N exports one symbol, freq_vN_handoff: a struct freq_handoff. The
 * incoming release asks the door for the number of the running one, gets hold
 * of that symbol, and picks the first of its formats that it can take: the
 * form in which the state changes hands. Newer releases know older formats,
 * so an upgrade and a downgrade are the same thing.
 *
 * A format is a name for the layout and the meaning of the state's objects in
 * memory. Whoever changes a structure of the state gives it a new name.
 *
 * A release gives, and takes, its own format as it is: the object moves. For
 * any other format it brings a conversion, for giving or for taking. Only one
 * of the two sides may need one.
 */

/**
 * DOC: Conversions
 *
 * A conversion builds a new state beside the live one, while that one serves:
 *
 * 1. begin() attaches to the live state: from then on, what changes in it is
 *    noted down.
 * 2. step() copies some of it, and copies again what was noted, until nothing
 *    is left. Others get their turn between two steps.
 * 3. finish() detaches, and gives the new state. It follows the last step in
 *    the same hold of the mutex.
 * 4. free() frees what the conversion itself needed.
 *
 * If it is to end before that, abort() detaches, and free() frees the unfinished
 * state too.
 *
 * begin(), step(), finish() and abort() are called under the mutex, through
 * the door; free() is called without it.
 */

#define FREQ_HANDOFF_MAGIC	0x68616e64	/* "hand" */
#define FREQ_HANDOFF_ABI	1

/**
 * struct freq_conversion - how a state is built from one of another format
 * @begin: attaches to the state @from, and puts what the conversion needs at
 *	@conversion. Returns 0; -ENOMEM; or -EOPNOTSUPP if @from has something
 *	that the new format cannot express. May sleep.
 * @step: does a part of the work. Returns 0 if nothing is left to do,
 *	FREQ_AGAIN, or an error as begin(). May sleep.
 * @finish: detaches from @from and returns the new state. Cannot fail, and
 *	does not sleep.
 * @abort: detaches from @from, whether or not a step failed
 * @free: frees the conversion, and the new state if it was not finished. May
 *	sleep.
 */
struct freq_conversion {
	int (*begin)(void *from, void **conversion);
	int (*step)(void *from, void *conversion);
	void *(*finish)(void *from, void *conversion);
	void (*abort)(void *from, void *conversion);
	void (*free)(void *conversion);
};

/**
 * struct freq_format - a format that a release can give or take
 * @name: its name
 * @conversion: between it and the release's own format; NULL: it is that
 */
struct freq_format {
	const char *name;
	const struct freq_conversion *conversion;
};

/**
 * struct freq_handoff - how the state of a release can be had
 * @magic: FREQ_HANDOFF_MAGIC
 * @abi: FREQ_HANDOFF_ABI
 * @size: sizeof(struct freq_handoff) as the release that gives knows it
 * @format_size: sizeof(struct freq_format) as the release that gives knows it
 * @pad: 0
 * @formats: the formats in which it can give its state, the best first; ends
 *	with one that has no name
 */
struct freq_handoff {
	u32 magic;
	u16 abi;
	u16 size;
	u32 format_size;
	u32 pad;
	const struct freq_format *formats;
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_conversion) == 40);
static_assert(sizeof(struct freq_format) == 16);
static_assert(sizeof(struct freq_handoff) == 24);
#endif

#endif /* FREQ_HANDOFF_H */
