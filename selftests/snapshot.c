// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that a client can see of the server, to be compared: LIST, INFO, the order
 * of the free list, and what sysfs shows.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "freq_test.h"

static int entry_compare(const void *a, const void *b)
{
	const struct freq_entry *one = a;
	const struct freq_entry *other = b;

	return (one->frequency > other->frequency) -
	       (one->frequency < other->frequency);
}

void listing_sort(struct listing *listing)
{
	if (listing->count)
		qsort(listing->entries, listing->count,
		      sizeof(*listing->entries), entry_compare);
}

/* In a sorted list; NULL if it is not there. */
const struct freq_entry *listing_find(const struct listing *listing,
				      __u64 frequency)
{
	const struct freq_entry key = { .frequency = frequency };

	if (!listing->count)
		return NULL;
	return bsearch(&key, listing->entries, listing->count, sizeof(key),
		       entry_compare);
}

/**
 * listing_format() - a list as sysfs has to show it
 * @sorted: a list in ascending order
 * @allocated: the allocated of it, or the free
 *
 * Return: a string to be freed, with its newline.
 */
char *listing_format(const struct listing *sorted, bool allocated)
{
	/* Two numbers, a dash and a comma an entry. */
	char *text = malloc(sorted->count * 44 + 2);
	__u64 first = 0, last = 0;
	bool open = false;
	char *end = text;
	size_t i;

	if (!text)
		return NULL;
	*end = '\0';
	for (i = 0; i <= sorted->count; i++) {
		const struct freq_entry *entry = NULL;

		if (i < sorted->count) {
			entry = &sorted->entries[i];
			if (allocated != !!(entry->flags &
					    FREQ_ENTRY_ALLOCATED))
				continue;
			if (open && entry->frequency - 1 == last) {
				last = entry->frequency;
				continue;
			}
		}
		if (open) {
			if (end != text)
				*end++ = ',';
			end += sprintf(end, "%llu", first);
			if (first != last)
				end += sprintf(end, "-%llu", last);
		}
		if (entry) {
			first = entry->frequency;
			last = first;
			open = true;
		}
	}
	strcpy(end, "\n");
	return text;
}

/* The order is found by a client that takes all and is closed again. */
static int snapshot_order(struct snapshot *snapshot)
{
	__u64 frequency;
	size_t room = snapshot->info.free + 1;
	int error;
	int fd;

	snapshot->order = calloc(room, sizeof(*snapshot->order));
	if (!snapshot->order)
		return -ENOMEM;
	fd = open_client();
	if (fd < 0)
		return fd;
	while (!(error = try_allocate(fd, 0, &frequency))) {
		if (snapshot->nr_order == room) {
			error = -EOVERFLOW;
			break;
		}
		snapshot->order[snapshot->nr_order++] = frequency;
	}
	close(fd);
	return error == -ENOSPC ? 0 : error;
}

int snapshot_take(struct snapshot *snapshot, int fd)
{
	int error;

	memset(snapshot, 0, sizeof(*snapshot));
	error = try_info(fd, &snapshot->info);
	if (!error)
		error = listing_take(&snapshot->list, fd, 0, FREQ_LIST_MAX);
	if (!error)
		error = snapshot_order(snapshot);
	listing_sort(&snapshot->list);
	return error;
}

static bool info_same(const struct freq_info *one,
		      const struct freq_info *other)
{
	if (!memcmp(one, other, sizeof(*one)))
		return true;
	fprintf(stderr,
		"# INFO differs: release %u %u, clients %u %u, free %llu %llu, allocated %llu %llu, features %#llx %#llx\n",
		one->release, other->release, one->clients, other->clients,
		one->free, other->free, one->allocated, other->allocated,
		one->features, other->features);
	return false;
}

bool listing_same(const struct listing *one, const struct listing *other)
{
	size_t i;

	if (one->count != other->count) {
		fprintf(stderr, "# LIST has %zu entries, then %zu\n",
			one->count, other->count);
		return false;
	}
	for (i = 0; i < one->count; i++) {
		const struct freq_entry *a = &one->entries[i];
		const struct freq_entry *b = &other->entries[i];

		if (!memcmp(a, b, sizeof(*a)))
			continue;
		fprintf(stderr,
			"# LIST differs: frequency %llu %llu, flags %#x %#x, uid %u %u, pid %d %d, pad %u %u\n",
			a->frequency, b->frequency, a->flags, b->flags,
			a->uid, b->uid, a->pid, b->pid, a->pad, b->pad);
		return false;
	}
	return true;
}

/* True if both are the same; prints the first difference. */
bool snapshot_same(const struct snapshot *one, const struct snapshot *other)
{
	size_t i;

	if (!info_same(&one->info, &other->info) ||
	    !listing_same(&one->list, &other->list))
		return false;
	if (one->nr_order != other->nr_order) {
		fprintf(stderr, "# %zu could be allocated, then %zu\n",
			one->nr_order, other->nr_order);
		return false;
	}
	for (i = 0; i < one->nr_order; i++) {
		if (one->order[i] == other->order[i])
			continue;
		fprintf(stderr,
			"# free list differs at %zu: %llu %llu\n", i,
			one->order[i], other->order[i]);
		return false;
	}
	return true;
}

/* Whether nothing changed but which release it is, and what that one knows. */
bool state_same(const struct snapshot *one, const struct snapshot *other)
{
	struct snapshot same = *one;

	same.info.release = other->info.release;
	same.info.features = other->info.features;
	return snapshot_same(&same, other);
}

void snapshot_free(struct snapshot *snapshot)
{
	listing_free(&snapshot->list);
	free(snapshot->order);
	memset(snapshot, 0, sizeof(*snapshot));
}

static bool sysfs_is_in(const char *folder, const char *name,
			const char *text)
{
	char path[PATH_MAX];
	char *seen;
	bool same;

	snprintf(path, sizeof(path), "%s%s", folder, name);
	seen = read_text(path);
	same = seen && !strcmp(seen, text);
	if (!same)
		fprintf(stderr, "# %s: wanted %.200s# saw %.200s", name, text,
			seen ?: "nothing\n");
	free(seen);
	return same;
}

bool sysfs_is(const char *name, const char *text)
{
	return sysfs_is_in(SYSFS, name, text);
}

/* True if the files in a folder of sysfs agree with LIST. */
bool sysfs_agrees_in(const char *folder, int fd)
{
	struct listing list;
	char *available, *allocated;
	bool same;

	if (listing_take(&list, fd, 0, FREQ_LIST_MAX))
		return false;
	listing_sort(&list);
	available = listing_format(&list, false);
	allocated = listing_format(&list, true);
	same = available && allocated &&
	       sysfs_is_in(folder, "free", available) &&
	       sysfs_is_in(folder, "allocated", allocated);
	free(available);
	free(allocated);
	listing_free(&list);
	return same;
}

bool sysfs_agrees(int fd)
{
	return sysfs_agrees_in(SYSFS, fd);
}

bool release_runs(const char *module)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", release_number(module));
	return sysfs_is("release", text);
}

/* Its device, and all that sysfs had of it. */
bool rehearsal_gone(void)
{
	return access(REHEARSAL, F_OK) && errno == ENOENT &&
	       access(REHEARSAL_SYSFS, F_OK) && errno == ENOENT;
}
