/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: what changes in a state while it is being copied. Part of the
 * format freq-state-1 (see format.h).
 */
#ifndef FREQ_JOURNAL_H
#define FREQ_JOURNAL_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "table.h"

/**
 * struct freq_changes - the elements of one kind that were changed
 * @links: table of u32: the element that was noted before this one, or this
 *	one itself if it was the first; 0: it is not noted
 * @last: the element that was noted last, 0 if none is
 * @count: how many are noted
 * @end: the elements below this one were copied; changes of the others are not
 *	noted
 *
 * However often an element changes, it is noted once: so there is always room.
 */
struct freq_changes {
	struct freq_table links;
	u32 last;
	u32 count;
	u32 end;
};

/**
 * struct freq_journal - what has changed
 * @slots: which slots
 * @holders: which holders
 */
struct freq_journal {
	struct freq_changes slots;
	struct freq_changes holders;
};

void freq_changes_note(struct freq_changes *changes, u32 index);
u32 freq_changes_take(struct freq_changes *changes);

/**
 * freq_journal_slot() - note that a slot changes
 * @journal: the journal, or NULL if nobody wants to know
 * @index: the slot, or 0, which is none
 */
static inline void freq_journal_slot(struct freq_journal *journal, u32 index)
{
	if (unlikely(journal))
		freq_changes_note(&journal->slots, index);
}

/**
 * freq_journal_holder() - note that a holder changes
 * @journal: the journal, or NULL if nobody wants to know
 * @index: the holder
 */
static inline void freq_journal_holder(struct freq_journal *journal, u32 index)
{
	if (unlikely(journal))
		freq_changes_note(&journal->holders, index);
}

#endif /* FREQ_JOURNAL_H */
