// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How a state is copied while it changes
 *
 * The elements of a state refer to each other by index. So a copy is right when
 * each element was copied after it changed last.
 *
 * 1. Elements are copied in order, some in each hold of the mutex: the
 *    converter's, or a client's. So load does not delay a conversion.
 * 2. An element that changes after it was copied is marked, and copied again at
 *    the end of the hold.
 * 3. When all have been copied, the copy is right at the end of each hold.
 *
 * Slots are not added meanwhile: that waits (see freq_state_claim()). Before a
 * holder is added, room for it is reserved in the copy; if there is no memory
 * for that, the conversion fails, and not the request.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include "contract/handoff.h"
#include "state/mirror.h"
#include "state/table.h"

/* How many elements of each kind are copied in order in one hold. */
#define COPY_STEP 150

static u32 *link_of(const struct freq_dirty *dirty, u32 index)
{
	return freq_table_at(&dirty->links, index, sizeof(u32));
}

/**
 * freq_dirty_mark() - mark an element that is to change
 * @dirty: the elements of its kind
 * @index: the element; 0 is none
 */
void freq_dirty_mark(struct freq_dirty *dirty, u32 index)
{
	u32 *link;

	if (!index || (index >= dirty->done && index < dirty->end))
		return;
	link = link_of(dirty, index);
	if (*link)
		return;
	*link = dirty->last ?: index;
	dirty->last = index;
}

static u32 pop_marked(struct freq_dirty *dirty)
{
	u32 index = dirty->last, *link;

	if (!index)
		return 0;
	link = link_of(dirty, index);
	dirty->last = *link == index ? 0 : *link;
	*link = 0;
	return index;
}

static void copy_kind(struct freq_mirror *mirror, const void *from,
		      struct freq_dirty *dirty,
		      void (*copy)(void *to, const void *from, u32 index))
{
	u32 end = min(dirty->done + COPY_STEP, dirty->end), index;

	while ((index = pop_marked(dirty)))
		copy(mirror->to, from, index);
	while (dirty->done < end)
		copy(mirror->to, from, dirty->done++);
}

/**
 * freq_mirror_settle() - bring a mirror up to date, and a step further
 * @mirror: the mirror
 * @from: the state that it mirrors
 *
 * Context: under the mutex, at the end of a hold.
 */
void freq_mirror_settle(struct freq_mirror *mirror, const void *from)
{
	const struct freq_conversion *conversion = mirror->conversion;

	copy_kind(mirror, from, &mirror->slots, conversion->slot);
	copy_kind(mirror, from, &mirror->holders, conversion->holder);
}

/**
 * freq_mirror_is_complete() - test whether all has been copied
 * @mirror: the mirror
 *
 * Return: true if it is right at the end of this hold.
 */
bool freq_mirror_is_complete(const struct freq_mirror *mirror)
{
	return mirror->slots.done == mirror->slots.end &&
	       mirror->holders.done == mirror->holders.end;
}

/**
 * freq_mirror_reserve() - see to it that a mirror can have elements
 * @mirror: the mirror
 * @slots: how many slots, slot 0 among them
 * @holders: how many holders, holder 0 among them
 * @call: the call that provides the memory
 *
 * Return: as freq_table_reserve().
 */
int freq_mirror_reserve(struct freq_mirror *mirror, u32 slots, u32 holders,
			struct freq_call *call)
{
	return mirror->conversion->reserve(mirror->to, slots, holders, call) ?:
	       freq_table_reserve(&mirror->slots.links, slots, sizeof(u32),
				  call) ?:
	       freq_table_reserve(&mirror->holders.links, holders, sizeof(u32),
				  call);
}
