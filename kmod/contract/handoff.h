/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between a release and the next one.
 *
 * It grows as door.h does: fields are only ever appended, and any other change
 * bumps FREQ_HANDOFF_ABI. symbol_get() checks no version of a symbol, so both
 * sides check these words.
 */
#ifndef FREQ_CONTRACT_HANDOFF_H
#define FREQ_CONTRACT_HANDOFF_H

#include <linux/build_bug.h>
#include <linux/types.h>

struct freq_call;
struct freq_mirror;

/**
 * DOC: The handoff symbol
 *
 * Release N exports one symbol, freq_vN_handoff: a struct freq_handoff. The
 * incoming release learns from the door which release runs, gets hold of that
 * one's symbol, and picks the first of its formats that it can import: the form
 * in which the state changes hands. Newer releases know older formats, so an
 * upgrade and a downgrade are the same thing.
 *
 * A format is a name for the layout and the meaning of the state's objects in
 * memory. Whoever changes a structure of the state gives it a new name. That
 * nobody forgets to is seen to by a checksum of the layouts: one name with two
 * checksums is refused.
 *
 * A release exports and imports its own format as it is: the object moves. For
 * any other format it brings a conversion, for exporting or for importing.
 */

/**
 * DOC: Conversions
 *
 * A conversion builds a new state beside the live one, while that one serves:
 *
 * 1. The running release is asked to keep still: nothing that takes several
 *    holds is under way until it is let go (&freq_handoff.quiesce).
 * 2. A copy with room for all elements is made, without the mutex.
 * 3. It is attached as the mirror of the live state. From then on each hold,
 *    whoever's, copies some elements, and again those that it has changed.
 * 4. In the hold in which nothing is left to copy, finish() completes the copy,
 *    and the incoming release takes over with it.
 *
 * A failure before that detaches the mirror, destroys it, and lets the running
 * release go on.
 */

#define FREQ_HANDOFF_MAGIC	0x68616e64	/* "hand" */
#define FREQ_HANDOFF_ABI	2

/**
 * struct freq_conversion - how a state is built from one of another format
 * @size: sizeof(struct freq_conversion) as its module knows it
 * @pad: 0
 * @check: 0; -EOPNOTSUPP if the other format cannot express @from. What it
 *	finds must stay so while the running release keeps still. NULL: it
 *	always can.
 * @count: stores how many elements @from has, 0 among them
 * @attach: makes @mirror the mirror of @from, NULL: none any more
 * @create: makes an empty state; an ERR_PTR of -ENOMEM. May sleep.
 * @reserve: sees to it that @to can have elements; returns as an operation does
 *	(see door.h)
 * @slot: copies a slot
 * @holder: copies a holder; @to may have an older copy of it
 * @finish: copies all that is no element
 * @move: moves what belongs to clients and readers, which only one state can
 *	have; not called for a rehearsal. NULL: nothing
 * @destroy: comes last: frees a copy that was not finished, @to is NULL if it
 *	was; returns as an operation does. May sleep.
 *
 * All are called under the mutex, but for @create, @destroy, and @reserve for a
 * copy that is not attached yet.
 */
struct freq_conversion {
	u32 size;
	u32 pad;
	int (*check)(const void *from);
	void (*count)(const void *from, u32 *slots, u32 *holders);
	void (*attach)(void *from, struct freq_mirror *mirror);
	void *(*create)(void);
	int (*reserve)(void *to, u32 slots, u32 holders,
		       struct freq_call *call);
	void (*slot)(void *to, const void *from, u32 index);
	void (*holder)(void *to, const void *from, u32 index);
	void (*finish)(void *to, const void *from);
	void (*move)(void *to, void *from);
	int (*destroy)(void *to, struct freq_call *call);
};

/**
 * struct freq_format - a format that a release can export or import
 * @name: its name
 * @checksum: of the layouts that the name stands for
 * @conversion: between it and the release's own format; NULL: it is that
 */
struct freq_format {
	const char *name;
	u64 checksum;
	const struct freq_conversion *conversion;
};

/**
 * struct freq_handoff - how the state of a release can be had
 * @magic: FREQ_HANDOFF_MAGIC
 * @abi: FREQ_HANDOFF_ABI
 * @size: sizeof(struct freq_handoff) as the release that exports knows it
 * @format_size: sizeof(struct freq_format) as the release that exports knows it
 * @pad: 0
 * @formats: the formats in which it can export its state, the best first; ends
 *	with one that has no name
 * @quiesce: makes the state keep still. Returns as an operation does (see
 *	door.h): 0; a FREQ_WANT_*; -ERESTARTSYS. Called under the mutex.
 * @resume: lets it go. Called under the mutex.
 */
struct freq_handoff {
	u32 magic;
	u16 abi;
	u16 size;
	u32 format_size;
	u32 pad;
	const struct freq_format *formats;
	int (*quiesce)(void *state, struct freq_call *call);
	void (*resume)(void *state);
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_conversion) == 88);
static_assert(sizeof(struct freq_format) == 24);
static_assert(sizeof(struct freq_handoff) == 40);
#endif

#endif /* FREQ_CONTRACT_HANDOFF_H */
