// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables: elements of one size, by index, that never move.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "state/table.h"

/* Room for chunks that the first one brings. */
#define ROOM_MIN 8

/* How many chunks one hold hands over to be freed. */
#define DISMANTLE_STEP 64

/**
 * freq_memory_pop() - take the memory that was asked for
 * @call: the call
 * @size: how much is needed, in bytes
 *
 * Return: that much, zeroed, now the caller's; or NULL, and then the operation
 * returns FREQ_WANT_MEMORY.
 */
void *freq_memory_pop(struct freq_call *call, u32 size)
{
	call->want = size;
	if (call->memory_size != size)
		return NULL;
	call->memory_size = 0;
	return call->memory;
}

/**
 * freq_memory_serve() - stand in for the door
 * @call: a call that the door knows nothing of, zeroed at first
 * @ret: return value of a function that was given @call
 *
 * For a state that nobody else can reach.
 *
 * Context: process context; may sleep; without the mutex.
 * Return: true if that function is to be called again; else nothing is left in
 * @call.
 */
bool freq_memory_serve(struct freq_call *call, int *ret)
{
	void *block;

	while (call->garbage) {
		block = call->garbage;
		call->garbage = *(void **)block;
		kvfree(block);
	}
	cond_resched();
	if (*ret == FREQ_WANT_AGAIN)
		return true;
	if (call->memory_size)
		kvfree(call->memory);
	call->memory_size = 0;
	if (*ret != FREQ_WANT_MEMORY)
		return false;
	call->memory = kvzalloc(call->want, GFP_KERNEL_ACCOUNT);
	if (call->memory)
		call->memory_size = call->want;
	else
		*ret = -ENOMEM;
	return call->memory;
}

/* Makes room for twice as many chunks. */
static int widen(struct freq_table *table, struct freq_call *call)
{
	u32 room = max(2 * table->room, (u32)ROOM_MIN);
	void **chunks = freq_memory_pop(call, room * sizeof(*chunks));

	if (!chunks)
		return FREQ_WANT_MEMORY;
	if (table->count)
		memcpy(chunks, table->chunks, table->count * sizeof(*chunks));
	freq_door_free(call, table->chunks);
	table->chunks = chunks;
	table->room = room;
	return FREQ_WANT_AGAIN;
}

/**
 * freq_table_reserve() - see to it that a table has elements
 * @table: the table
 * @count: it will have at least the elements 0 to @count - 1; new ones are 0
 * @size: size of an element, in bytes
 * @call: the call that provides the memory
 *
 * A chunk a hold. Chunks stay after a failure, for the next call.
 *
 * Return: 0 if it has them; FREQ_WANT_MEMORY or FREQ_WANT_AGAIN, to be called
 * anew; -ENOMEM.
 */
int freq_table_reserve(struct freq_table *table, u32 count, size_t size,
		       struct freq_call *call)
{
	void *chunk;

	if ((u64)table->count * FREQ_CHUNK >= count)
		return 0;
	if (call->status == -ENOMEM)
		return -ENOMEM;
	if (table->count == table->room)
		return widen(table, call);
	chunk = freq_memory_pop(call, FREQ_CHUNK * size);
	if (!chunk)
		return FREQ_WANT_MEMORY;
	table->chunks[table->count++] = chunk;
	return (u64)table->count * FREQ_CHUNK >= count ? 0 : FREQ_WANT_AGAIN;
}

/**
 * freq_table_dismantle() - free the chunks of a table
 * @table: the table; is empty in the end
 * @call: the call that frees it
 *
 * Return: 0 if it is empty; FREQ_WANT_AGAIN.
 */
int freq_table_dismantle(struct freq_table *table, struct freq_call *call)
{
	u32 end = table->count - min_t(u32, table->count, DISMANTLE_STEP);

	while (table->count > end)
		freq_door_free(call, table->chunks[--table->count]);
	if (end)
		return FREQ_WANT_AGAIN;
	freq_door_free(call, table->chunks);
	memset(table, 0, sizeof(*table));
	return 0;
}
