// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lists: what is free and what is allocated, in the kernel's list format:
 * ascending, neighbours as a range, 10-15,30.
 */
#include <linux/kernel.h>

#include "lists.h"
#include "state.h"

/* The longest element: a comma, two numbers of 20 digits, a hyphen, a NUL. */
#define ELEMENT_MAX 43

/* What the words of a struct freq_cursor are to a list. */
enum {
	CURSOR_NUMBER,	/* the lowest frequency that was not looked at yet */
	CURSOR_PLACE,	/* enum place */
};

enum place {
	AT_BEGIN,	/* nothing was written */
	AT_ELEMENT,	/* elements were written, a comma comes first */
	AT_END,		/* all elements and the newline were written */
};

/* The slot that ends the range of neighbours of one kind. */
static const struct freq_slot *end_of_range(const struct freq_slot *slot)
{
	const struct freq_slot *next;

	for (;;) {
		next = freq_pool_next(slot);
		if (!next || next->number != slot->number + 1 ||
		    !next->holder != !slot->holder)
			return slot;
		slot = next;
	}
}

static size_t write_element(char *text, size_t size, enum place place,
			    const struct freq_slot *first,
			    const struct freq_slot *last)
{
	const char *comma = place == AT_ELEMENT ? "," : "";

	if (first == last)
		return scnprintf(text, size, "%s%llu", comma, first->number);
	return scnprintf(text, size, "%s%llu-%llu", comma, first->number,
			 last->number);
}

static size_t read_list(struct freq_state *state, bool allocated,
			struct freq_cursor *cursor, char *text, size_t size)
{
	const struct freq_slot *slot, *last;
	enum place place = cursor->word[CURSOR_PLACE];
	size_t length = 0;

	if (place == AT_END)
		return 0;

	slot = freq_pool_from(&state->pool, cursor->word[CURSOR_NUMBER]);
	for (; slot && size - length >= ELEMENT_MAX;
	     slot = freq_pool_next(slot)) {
		if (!slot->holder == allocated)
			continue;
		last = end_of_range(slot);
		length += write_element(text + length, size - length, place,
					slot, last);
		place = AT_ELEMENT;
		slot = last;
	}

	if (slot) {
		cursor->word[CURSOR_NUMBER] = slot->number;
	} else {
		text[length++] = '\n';
		place = AT_END;
	}
	cursor->word[CURSOR_PLACE] = place;
	return length;
}

static size_t read_free(void *state, struct freq_cursor *cursor, char *text,
			size_t size)
{
	return read_list(state, false, cursor, text, size);
}

static size_t read_allocated(void *state, struct freq_cursor *cursor,
			     char *text, size_t size)
{
	return read_list(state, true, cursor, text, size);
}

/* The attributes of every release. */
const struct freq_attribute freq_lists[FREQ_LISTS] = {
	{ .name = "free", .read = read_free },
	{ .name = "allocated", .read = read_allocated },
};
