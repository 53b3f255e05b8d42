/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables: elements of one size, by index, that never move. Part of the format
 * freq-state-1 (see format.h).
 *
 * They are what lib/generic-radix-tree.c offers, with a lookup of four
 * instructions where that has a function call and a loop: an allocation looks
 * up four elements.
 */
#ifndef FREQ_CONTRACT_TABLE_H
#define FREQ_CONTRACT_TABLE_H

#include <linux/types.h>

/* Elements of a chunk. */
#define FREQ_CHUNK 1024

/**
 * struct freq_table - a table
 * @chunks: the chunks, of FREQ_CHUNK elements each
 * @count: number of chunks
 * @room: number of chunks that @chunks has room for
 */
struct freq_table {
	void **chunks;
	u32 count;
	u32 room;
};

/**
 * freq_table_at() - find an element
 * @table: the table
 * @index: the index; below what freq_table_reserve() was called for
 * @size: size of an element, in bytes; a constant
 *
 * Return: the element.
 */
static __always_inline void *freq_table_at(const struct freq_table *table,
					   u32 index, size_t size)
{
	return table->chunks[index / FREQ_CHUNK] + index % FREQ_CHUNK * size;
}

#endif /* FREQ_CONTRACT_TABLE_H */
