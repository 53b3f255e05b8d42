/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole list of a server, in memory.
 */
#ifndef FREQCTL_ENTRIES_H
#define FREQCTL_ENTRIES_H

#include <stdbool.h>

#include <libfreq.h>

/**
 * struct entries - all entries of FREQ_IOC_LIST
 * @values: the entries, in the order of the reply
 * @count: the number of entries
 * @room: the capacity of @values
 *
 * All zero is an empty list. entries_free() gives the memory back.
 */
struct entries {
	struct freq_entry *values;
	size_t count;
	size_t room;
};

int entries_read(struct entries *entries, struct freq_client *client);
int entries_copy(struct entries *to, const struct entries *from);
int entries_insert(struct entries *entries, __u64 frequency);
struct freq_entry *entries_find(const struct entries *entries,
				__u64 frequency);
bool entries_equal(const struct freq_entry *a, const struct freq_entry *b);
void entries_free(struct entries *entries);

#endif /* FREQCTL_ENTRIES_H */
