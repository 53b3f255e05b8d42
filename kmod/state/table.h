/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How tables grow and go: with memory that the door provides.
 */
#ifndef FREQ_STATE_TABLE_H
#define FREQ_STATE_TABLE_H

#include "contract/door.h"
#include "contract/table.h"

int freq_table_reserve(struct freq_table *table, u32 count, size_t size,
		       struct freq_call *call);
int freq_table_dismantle(struct freq_table *table, struct freq_call *call);

void *freq_memory_pop(struct freq_call *call, u32 size);
bool freq_memory_serve(struct freq_call *call, int *ret);

#endif /* FREQ_STATE_TABLE_H */
