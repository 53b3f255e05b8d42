// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: what changes in a state while it is being copied.
 */
#include "journal.h"

/**
 * freq_journal_write() - write down that something changes
 * @journal: the journal
 * @note: what changes
 */
void freq_journal_write(struct freq_journal *journal, u32 note)
{
	if (!kfifo_put(&journal->notes, note))
		journal->overflow = true;
}
