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

/*
 * A piece goes on while two elements fit: the next, and the one that was found
 * before it, with which the text may end.
 */
static_assert(2 * ELEMENT_MAX <= FREQ_PIECE_MIN);

/* How many frequencies one piece looks at, and elements it has. */
#define LOOK_STEP 192
#define WRITE_STEP 8

/* What the words of a struct freq_cursor are to a list. */
enum {
	CURSOR_NEXT,	/* the lowest frequency that was not looked at */
	CURSOR_FIRST,	/* the range that was found but not written, */
	CURSOR_LAST,	/* from here to there */
	CURSOR_PLACE,	/* enum place */
};

enum place {
	AT_BEGIN,	/* no range was found */
	AT_FIRST,	/* one was found, nothing was written */
	AT_OTHER,	/* one was found, others were written */
	AT_END,		/* the newline was written */
};

static size_t write_range(struct freq_cursor *cursor, char *text, size_t size)
{
	const char *comma = "";
	u64 first = cursor->word[CURSOR_FIRST];
	u64 last = cursor->word[CURSOR_LAST];

	if (cursor->word[CURSOR_PLACE] == AT_BEGIN)
		return 0;
	if (cursor->word[CURSOR_PLACE] == AT_OTHER)
		comma = ",";
	cursor->word[CURSOR_PLACE] = AT_OTHER;
	if (first == last)
		return scnprintf(text, size, "%s%llu", comma, first);
	return scnprintf(text, size, "%s%llu-%llu", comma, first, last);
}

static int read_list(struct freq_state *state, bool allocated,
		     struct freq_cursor *cursor, char *text, size_t size,
		     size_t *length)
{
	u32 rank, looked = 0, written = 0;
	const struct freq_slot *slot;
	size_t used = 0;

	*length = 0;
	if (cursor->word[CURSOR_PLACE] == AT_END)
		return 0;
	if (!freq_pool_sort(&state->pool))
		return FREQ_AGAIN;

	rank = freq_pool_rank(&state->pool, cursor->word[CURSOR_NEXT]);
	for (; (slot = freq_pool_ranked(&state->pool, rank)); rank++) {
		if (looked++ == LOOK_STEP || written == WRITE_STEP ||
		    size - used < 2 * ELEMENT_MAX)
			break;
		if (!freq_state_holder(state, slot) == allocated)
			continue;
		if (cursor->word[CURSOR_PLACE] != AT_BEGIN &&
		    slot->number == cursor->word[CURSOR_LAST] + 1) {
			cursor->word[CURSOR_LAST]++;
			continue;
		}
		used += write_range(cursor, text + used, size - used);
		written++;
		if (cursor->word[CURSOR_PLACE] == AT_BEGIN)
			cursor->word[CURSOR_PLACE] = AT_FIRST;
		cursor->word[CURSOR_FIRST] = slot->number;
		cursor->word[CURSOR_LAST] = slot->number;
	}

	if (slot) {
		cursor->word[CURSOR_NEXT] = slot->number;
	} else {
		used += write_range(cursor, text + used, size - used);
		text[used++] = '\n';
		cursor->word[CURSOR_PLACE] = AT_END;
	}
	*length = used;
	return used ? 0 : FREQ_AGAIN;
}

static int read_free(void *state, struct freq_cursor *cursor, char *text,
		     size_t size, size_t *length)
{
	return read_list(state, false, cursor, text, size, length);
}

static int read_allocated(void *state, struct freq_cursor *cursor, char *text,
			  size_t size, size_t *length)
{
	return read_list(state, true, cursor, text, size, length);
}

/* The attributes of every release. */
const struct freq_attribute freq_lists[FREQ_LISTS] = {
	{ .name = "free", .read = read_free },
	{ .name = "allocated", .read = read_allocated },
};
