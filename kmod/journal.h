/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: what changes in a state while it is being copied. Part of the
 * format freq-state-1 (see format.h).
 */
#ifndef FREQ_JOURNAL_H
#define FREQ_JOURNAL_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/kfifo.h>
#include <linux/types.h>

/* How many changes it can have. */
#define FREQ_JOURNAL_ROOM 16384

/* A note is the index of a slot, or that of a holder and this. */
#define FREQ_JOURNAL_HOLDER BIT(31)

/**
 * struct freq_journal - indices of what has changed
 * @notes: the indices, the same one perhaps several times
 * @overflow: some are missing
 */
struct freq_journal {
	DECLARE_KFIFO(notes, u32, FREQ_JOURNAL_ROOM);
	bool overflow;
};

void freq_journal_write(struct freq_journal *journal, u32 note);

/**
 * freq_journal_note() - note that something changes
 * @journal: the journal, or NULL if nobody wants to know
 * @note: what changes
 */
static inline void freq_journal_note(struct freq_journal *journal, u32 note)
{
	if (unlikely(journal))
		freq_journal_write(journal, note);
}

#endif /* FREQ_JOURNAL_H */
