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
 * of that symbol, and picks the first of its formats that it knows itself: the
 * form in which the state changes hands. Newer releases know older formats,
 * so an upgrade and a downgrade are the same thing.
 *
 * A format is a name for the layout and the meaning of the state's objects in
 * memory, pointers included. Whoever changes a structure in state.h or pool.h
 * gives it a new name.
 */

#define FREQ_HANDOFF_MAGIC	0x68616e64	/* "hand" */
#define FREQ_HANDOFF_ABI	1

/**
 * struct freq_handoff - how the state of a release can be had
 * @magic: FREQ_HANDOFF_MAGIC
 * @abi: FREQ_HANDOFF_ABI
 * @size: sizeof(struct freq_handoff) as the release that gives knows it
 * @format_count: elements of @formats
 * @pad: 0
 * @formats: the formats in which it can give its state, newest first
 * @give: gives the state in the format of that index. Called under the
 *	server's mutex, through the door, in the incoming release's commit;
 *	must not fail or allocate. What it returns is the incoming release's
 *	from then on, and what it was given no longer is the giver's.
 */
struct freq_handoff {
	u32 magic;
	u16 abi;
	u16 size;
	u32 format_count;
	u32 pad;
	const char *const *formats;
	void *(*give)(void *state, u32 format);
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_handoff) == 32);
#endif

#endif /* FREQ_HANDOFF_H */
