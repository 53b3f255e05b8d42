// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: what changes in a state while it is being copied.
 */
#include "journal.h"

static u32 *link_of(const struct freq_changes *changes, u32 index)
{
	return freq_table_at(&changes->links, index, sizeof(u32));
}

/**
 * freq_changes_note() - note that an element changes
 * @changes: what has changed of its kind
 * @index: the element, or 0, which is none
 */
void freq_changes_note(struct freq_changes *changes, u32 index)
{
	u32 *link;

	if (!index || index >= changes->end)
		return;
	link = link_of(changes, index);
	if (*link)
		return;
	*link = changes->last ?: index;
	changes->last = index;
	changes->count++;
}

/**
 * freq_changes_take() - strike out an element that was noted
 * @changes: what has changed of its kind
 *
 * Return: the element, or 0 if none is noted.
 */
u32 freq_changes_take(struct freq_changes *changes)
{
	u32 index = changes->last, *link;

	if (!index)
		return 0;
	link = link_of(changes, index);
	changes->last = *link == index ? 0 : *link;
	changes->count--;
	*link = 0;
	return index;
}
