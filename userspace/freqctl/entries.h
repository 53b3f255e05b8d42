/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole list of a server, in memory.
 */
#ifndef FREQCTL_ENTRIES_H
#define FREQCTL_ENTRIES_H

#include <stdbool.h>

#include <libfreq.h>

/**
 * struct entries - what FREQ_IOC_LIST tells of all frequencies
 * @values: an entry for each, in the order in which they were told
 * @count: how many they are
 * @room: how many @values has memory for
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
