/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change of a state that has a mirror brings that up to date, in the same
 * hold.
 */
#ifndef FREQ_STATE_MIRROR_H
#define FREQ_STATE_MIRROR_H

#include <linux/compiler.h>

#include "contract/door.h"
#include "contract/mirror.h"

void freq_dirty_mark(struct freq_dirty *dirty, u32 index);
void freq_mirror_settle(struct freq_mirror *mirror, const void *from);
bool freq_mirror_is_complete(const struct freq_mirror *mirror);
int freq_mirror_reserve(struct freq_mirror *mirror, u32 slots, u32 holders,
			struct freq_call *call);

/**
 * freq_mirror_slot() - mark a slot that is to change
 * @mirror: the mirror, or NULL
 * @index: the slot
 */
static inline void freq_mirror_slot(struct freq_mirror *mirror, u32 index)
{
	if (unlikely(mirror))
		freq_dirty_mark(&mirror->slots, index);
}

/**
 * freq_mirror_holder() - mark a holder that is to change
 * @mirror: the mirror, or NULL
 * @index: the holder
 */
static inline void freq_mirror_holder(struct freq_mirror *mirror, u32 index)
{
	if (unlikely(mirror))
		freq_dirty_mark(&mirror->holders, index);
}

#endif /* FREQ_STATE_MIRROR_H */
