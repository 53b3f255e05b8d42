/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mirror: a copy of the state, in another format, that is kept up to date
 * while the state serves. Part of the format freq-state-1 (see format.h).
 */
#ifndef FREQ_CONTRACT_MIRROR_H
#define FREQ_CONTRACT_MIRROR_H

#include <linux/types.h>

#include "contract/table.h"

struct freq_conversion;

/**
 * struct freq_dirty - the elements of one kind, and which were changed
 * @links: table of u32: the element that was marked before this one, or this
 *	one itself if it was the first; 0: it is not marked
 * @last: the element that was marked last, 0 if none is
 * @done: the elements below this one were copied
 * @end: the elements from @done to this one, exclusive, are still to be copied;
 *	later ones were added since
 * @pad: 0
 */
struct freq_dirty {
	struct freq_table links;
	u32 last;
	u32 done;
	u32 end;
	u32 pad;
};

/**
 * struct freq_mirror - a mirror of a state
 * @conversion: how an element is copied; in the incoming or the running release
 * @to: the copy
 * @slots: the slots
 * @holders: the holders; 0 is none, and never marked
 * @err: -ENOMEM once the copy has failed: nobody goes on with it
 * @pad: 0
 *
 * At the end of each hold no element is marked.
 */
struct freq_mirror {
	const struct freq_conversion *conversion;
	void *to;
	struct freq_dirty slots;
	struct freq_dirty holders;
	s32 err;
	u32 pad;
};

#endif /* FREQ_CONTRACT_MIRROR_H */
