// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole list of a server, in memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"

static int add(struct entries *entries, const struct freq_entry *entry)
{
	struct freq_entry *more;
	size_t room;

	if (entries->count == entries->room) {
		room = entries->room ? 2 * entries->room : 64;
		more = reallocarray(entries->values, room, sizeof(*more));
		if (!more)
			return -1;
		entries->values = more;
		entries->room = room;
	}
	entries->values[entries->count++] = *entry;
	return 0;
}

/**
 * entries_read() - read the whole list of a server
 * @entries: out: the list; the former one is overwritten
 * @client: a client of the server
 *
 * Return: 0; -1 with errno, and then @entries is empty.
 */
int entries_read(struct entries *entries, struct freq_client *client)
{
	struct freq_listing *listing;
	struct freq_entry entry;
	int ret, err;

	entries->count = 0;
	listing = freq_client_list(client, 0);
	if (!listing)
		return -1;
	while ((ret = freq_listing_next(listing, &entry)) > 0) {
		ret = add(entries, &entry);
		if (ret)
			break;
	}
	err = errno;
	freq_listing_free(listing);
	if (ret)
		entries->count = 0;
	errno = err;
	return ret;
}

/**
 * entries_copy() - copy a list
 * @to: where to; empty
 * @from: the list
 *
 * Return: 0; -1 with errno ENOMEM.
 */
int entries_copy(struct entries *to, const struct entries *from)
{
	if (!from->count)
		return 0;
	to->values = reallocarray(NULL, from->count, sizeof(*to->values));
	if (!to->values)
		return -1;
	memcpy(to->values, from->values, from->count * sizeof(*to->values));
	to->count = from->count;
	to->room = from->count;
	return 0;
}

static int compare(const void *a, const void *b)
{
	__u64 x = ((const struct freq_entry *)a)->frequency;
	__u64 y = ((const struct freq_entry *)b)->frequency;

	return x < y ? -1 : x > y;
}

/**
 * entries_insert() - add a free frequency
 * @entries: where to; in ascending order
 * @frequency: the frequency
 *
 * Return: 0; -1 with errno ENOMEM.
 */
int entries_insert(struct entries *entries, __u64 frequency)
{
	struct freq_entry entry = { .frequency = frequency };

	if (add(entries, &entry))
		return -1;
	qsort(entries->values, entries->count, sizeof(entry), compare);
	return 0;
}

/**
 * entries_find() - find a frequency
 * @entries: where; in ascending order
 * @frequency: the frequency
 *
 * Return: its entry; NULL if it is not there.
 */
struct freq_entry *entries_find(const struct entries *entries, __u64 frequency)
{
	struct freq_entry wanted = { .frequency = frequency };

	if (!entries->count)
		return NULL;
	return bsearch(&wanted, entries->values, entries->count,
		       sizeof(wanted), compare);
}

/**
 * entries_equal() - compare two entries
 * @a: the one
 * @b: the other
 *
 * Return: true if all their fields are equal.
 */
bool entries_equal(const struct freq_entry *a, const struct freq_entry *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/**
 * entries_free() - give back the memory of a list
 * @entries: the list, empty afterwards
 */
void entries_free(struct entries *entries)
{
	free(entries->values);
	*entries = (struct entries){ 0 };
}
