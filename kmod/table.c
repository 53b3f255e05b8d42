// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables: elements of one size, by index, that never move.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "door.h"
#include "table.h"

/* Room for chunks that the first one brings. */
#define ROOM_MIN 8

/**
 * freq_table_init() - make an empty table
 * @table: where
 */
void freq_table_init(struct freq_table *table)
{
	memset(table, 0, sizeof(*table));
}

/* To allocate it takes as long as to copy: each is a step. */
static int add_room(struct freq_table *table)
{
	u32 room = max(2 * table->room, (u32)ROOM_MIN);

	if (!table->wider) {
		table->wider = kvmalloc_array(room, sizeof(*table->wider),
					      GFP_KERNEL);
		return table->wider ? FREQ_AGAIN : -ENOMEM;
	}
	if (table->count)
		memcpy(table->wider, table->chunks,
		       table->count * sizeof(*table->chunks));
	kvfree(table->chunks);
	table->chunks = table->wider;
	table->wider = NULL;
	table->room = room;
	return FREQ_AGAIN;
}

/**
 * freq_table_grow() - see to it that a table has elements
 * @table: the table
 * @count: it will have at least the elements 0 to @count - 1; new ones are 0
 * @size: size of an element, in bytes
 *
 * One chunk at a time, since many would take long. What a failure leaves behind
 * is found by the next call.
 *
 * Context: may sleep.
 * Return: 0 if it has them; FREQ_AGAIN if it has more than before, and is to be
 * called again; or -ENOMEM.
 */
int freq_table_grow(struct freq_table *table, u32 count, size_t size)
{
	void *chunk;

	if ((u64)table->count * FREQ_CHUNK >= count)
		return 0;
	if (table->count == table->room)
		return add_room(table);
	chunk = kvcalloc(FREQ_CHUNK, size, GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	table->chunks[table->count++] = chunk;
	return FREQ_AGAIN;
}

/**
 * freq_table_destroy() - free what a table has
 * @table: the table; is empty then
 *
 * Context: may sleep.
 */
void freq_table_destroy(struct freq_table *table)
{
	while (table->count)
		kvfree(table->chunks[--table->count]);
	kvfree(table->wider);
	kvfree(table->chunks);
	freq_table_init(table);
}
