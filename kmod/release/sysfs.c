// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Lists of any length in sysfs
 *
 * "free" and "allocated", in the kernel's list format: ascending, neighbours as
 * a range, 10-15,30.
 *
 * sysfs hands out a page at a time and does not say when a file is opened or
 * closed. So the state remembers of each reader the part of the text that it
 * was given last, and where the text goes on: as a frequency, not as a number
 * of bytes, which would point to somewhere else after each change.
 *
 * 1. A read at offset 0 begins a text. One at the end of the part that was read
 *    last goes on behind it, with a new part. One within that part is answered
 *    from it. Any other gets ESTALE: the reader begins anew.
 * 2. A part is written in as many holds as it takes, to memory that only this
 *    read knows. So no reader waits for another.
 * 3. When it is complete, it takes the place of the part before.
 *
 * The frequencies ascend from part to part, so none is in a text twice. A user
 * has a number of readers, whose least recently used is evicted; it gets
 * ESTALE. An open file is known by its address. If that was closed, and another
 * one got its address, a read at 0 begins a text as ever, and a read elsewhere
 * continues one that is right in itself.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "release/release.h"

/* The longest element: a comma, two numbers of 20 digits, a hyphen, a NUL. */
#define ELEMENT_MAX 43

/*
 * What one hold does: so many frequencies are looked at, less what it takes to
 * write an element for each that is written.
 */
#define LOOK_STEP 340
#define WRITE_COST 80

/* How many readers are remembered, of one user and altogether. */
#define READERS_PER_USER 32
#define READERS_MAX 512

enum list_id {
	LIST_FREE,
	LIST_ALLOCATED,
};

enum place {
	AT_BEGIN,	/* no range was found */
	AT_FIRST,	/* one was found, nothing was written */
	AT_OTHER,	/* one was found, others were written */
	AT_END,		/* the newline was written */
};

const struct freq_file freq_files[FREQ_FILES] = {
	[LIST_FREE] = { .name = "free", .mode = 0444 },
	[LIST_ALLOCATED] = { .name = "allocated", .mode = 0444 },
};

static void write_range(struct freq_reader *reader)
{
	char *text = reader->text + reader->length;
	size_t size = sizeof(reader->text) - reader->length;
	const char *comma = reader->place == AT_OTHER ? "," : "";

	if (reader->place == AT_BEGIN)
		return;
	if (reader->first == reader->last)
		reader->length += scnprintf(text, size, "%s%llu", comma,
					    reader->first);
	else
		reader->length += scnprintf(text, size, "%s%llu-%llu", comma,
					    reader->first, reader->last);
	reader->place = AT_OTHER;
}

/*
 * Writes some of the text. A part goes on while two elements fit: the next, and
 * the one that was found before it, with which the text may end. Returns true
 * when the part is complete.
 */
static bool write_some(struct freq_state *state, struct freq_reader *reader)
{
	const u32 full = sizeof(reader->text) - 2 * ELEMENT_MAX;
	bool wants_allocated = reader->list_id == LIST_ALLOCATED;
	u32 rank, cost = 0;
	const struct freq_slot *slot;

	if (!freq_pool_sort(&state->pool))
		return false;
	rank = freq_pool_rank(&state->pool, reader->next);
	for (; (slot = freq_pool_ranked(&state->pool, rank)); rank++) {
		if (cost++ >= LOOK_STEP || reader->length > full)
			break;
		if (!freq_state_holder(state, slot) == wants_allocated)
			continue;
		if (reader->place != AT_BEGIN &&
		    slot->number == reader->last + 1) {
			reader->last++;
			continue;
		}
		write_range(reader);
		cost += WRITE_COST;
		if (reader->place == AT_BEGIN)
			reader->place = AT_FIRST;
		reader->first = slot->number;
		reader->last = slot->number;
	}
	if (slot) {
		reader->next = slot->number;
		return reader->length > full;
	}
	write_range(reader);
	reader->text[reader->length++] = '\n';
	reader->place = AT_END;
	return true;
}

static struct freq_reader *find_reader(struct freq_state *state,
				       const struct freq_call *call,
				       u32 list_id)
{
	struct freq_reader *reader;

	list_for_each_entry(reader, &state->readers, list)
		if (reader->file == call->file && reader->list_id == list_id &&
		    uid_eq(reader->uid, call->uid))
			return reader;
	return NULL;
}

static void evict(struct freq_call *call, struct freq_reader *reader)
{
	list_del(&reader->list);
	freq_door_free(call, reader);
}

/* Remembers a reader, in place of @old. */
static void remember(struct freq_state *state, struct freq_call *call,
		     struct freq_reader *reader, struct freq_reader *old)
{
	struct freq_reader *other, *last = NULL;
	u32 own = 0, all = 0;

	if (old)
		evict(call, old);
	list_for_each_entry(other, &state->readers, list) {
		all++;
		if (!uid_eq(other->uid, call->uid))
			continue;
		own++;
		last = other;
	}
	if (own >= READERS_PER_USER)
		evict(call, last);
	else if (all >= READERS_MAX)
		evict(call, list_last_entry(&state->readers,
					    struct freq_reader, list));
	list_add(&reader->list, &state->readers);
}

/* Makes @reader one that goes on where @old is, or begins. */
static void begin_part(struct freq_reader *reader, const struct freq_call *call,
		       const struct freq_reader *old, u32 list_id)
{
	if (call->offset) {
		reader->next = old->next;
		reader->first = old->first;
		reader->last = old->last;
		reader->place = old->place;
	}
	reader->start = call->offset;
	reader->file = call->file;
	reader->uid = call->uid;
	reader->list_id = list_id;
}

static void serve(const struct freq_reader *reader, struct freq_call *call)
{
	u32 at = call->offset - reader->start;

	call->result = min(call->text_size, reader->length - at);
	memcpy(call->text, reader->text + at, call->result);
}

/**
 * freq_sysfs_show() - FREQ_OP_SHOW
 * @data: the state
 * @call: the call
 *
 * Return: 0; a FREQ_WANT_*; -ESTALE if the text cannot be continued there;
 * -EINTR; -ENOMEM.
 */
int freq_sysfs_show(void *data, struct freq_call *call)
{
	u32 list_id = !strcmp(call->name, freq_files[LIST_ALLOCATED].name);
	struct freq_reader *reader = call->memory, *old;
	struct freq_state *state = data;

	if (call->status)
		return call->status;
	old = find_reader(state, call, list_id);
	if (!call->progress[0]) {
		if (call->offset && (!old || call->offset < old->start ||
				     call->offset > old->start + old->length))
			return -ESTALE;
		if (old && call->offset &&
		    (old->place == AT_END ||
		     call->offset < old->start + old->length)) {
			serve(old, call);
			/* At the end of the text: the first to be evicted. */
			if (call->result)
				list_move(&old->list, &state->readers);
			else
				list_move_tail(&old->list, &state->readers);
			return 0;
		}
		if (!call->memory_size) {
			call->want = sizeof(*reader);
			return FREQ_WANT_MEMORY;
		}
		begin_part(reader, call, old, list_id);
		call->progress[0] = 1;
	}
	if (!write_some(state, reader))
		return FREQ_WANT_AGAIN;
	call->memory_size = 0;
	remember(state, call, reader, old);
	serve(reader, call);
	return 0;
}
