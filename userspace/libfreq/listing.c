// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk over the frequencies of the server, page by page, with their grants or
 * without.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "libfreq.h"

/**
 * struct freq_listing - a walk
 * @fd: the descriptor of the client
 * @flags: FREQ_LIST_*
 * @cursor: where the next page begins; 0 behind the last, unless !@begun
 * @grant_size: size of an entry with its grant; 0 in a walk without grants
 * @begun: a page was read
 * @next: the first entry of the page that was not returned yet
 * @count: the number of entries of the page
 * @page: FREQ_LIST_MAX entries, whose size is @grant_size or else that of
 *	struct freq_entry
 */
struct freq_listing {
	int fd;
	__u32 flags;
	__u64 cursor;
	__u32 grant_size;
	int begun;
	__u32 next;
	__u32 count;
	__u64 page[];
};

static struct freq_listing *begin(struct freq_client *client, __u32 flags,
				  size_t entry_size, __u32 grant_size)
{
	struct freq_listing *listing;

	listing = malloc(sizeof(*listing) + FREQ_LIST_MAX * entry_size);
	if (!listing)
		return NULL;
	listing->fd = freq_client_fd(client);
	listing->flags = flags;
	listing->cursor = 0;
	listing->grant_size = grant_size;
	listing->begun = 0;
	listing->next = 0;
	listing->count = 0;
	return listing;
}

struct freq_listing *freq_client_list(struct freq_client *client,
				      __u32 flags)
{
	return begin(client, flags, sizeof(struct freq_entry), 0);
}

struct freq_listing *freq_client_list_grants(struct freq_client *client,
					     __u32 flags, size_t size)
{
	if (size < FREQ_GRANT_ENTRY_SIZE_MIN ||
	    size > FREQ_GRANT_ENTRY_SIZE_MAX || size % 8) {
		errno = EINVAL;
		return NULL;
	}
	return begin(client, flags, size, size);
}

static int request_entries(struct freq_listing *listing)
{
	struct freq_list arg = {
		.entries = (uintptr_t)listing->page,
		.cursor = listing->cursor,
		.count = FREQ_LIST_MAX,
		.flags = listing->flags,
	};

	if (ioctl(listing->fd, FREQ_IOC_LIST, &arg))
		return -1;
	listing->cursor = arg.cursor;
	listing->count = arg.count;
	return 0;
}

static int request_grants(struct freq_listing *listing)
{
	struct freq_list_grants arg = {
		.entries = (uintptr_t)listing->page,
		.cursor = listing->cursor,
		.count = FREQ_LIST_MAX,
		.flags = listing->flags,
		.entry_size = listing->grant_size,
	};

	if (ioctl(listing->fd, FREQ_IOC_LIST_GRANTS, &arg))
		return -1;
	listing->cursor = arg.cursor;
	listing->count = arg.count;
	return 0;
}

/* Returns 1 if the page has another entry, which @next is then behind. */
static int advance(struct freq_listing *listing)
{
	/* A page can be empty and yet not the last. */
	while (listing->next == listing->count) {
		if (listing->begun && !listing->cursor)
			return 0;
		if (listing->grant_size ? request_grants(listing) :
					  request_entries(listing))
			return -1;
		listing->begun = 1;
		listing->next = 0;
	}
	listing->next++;
	return 1;
}

static int next(struct freq_listing *listing, void *entry, size_t size)
{
	const char *page = (const char *)listing->page;
	int ret = advance(listing);

	if (ret > 0)
		memcpy(entry, page + (listing->next - 1) * size, size);
	return ret;
}

int freq_listing_next(struct freq_listing *listing, struct freq_entry *entry)
{
	if (listing->grant_size) {
		errno = EINVAL;
		return -1;
	}
	return next(listing, entry, sizeof(*entry));
}

int freq_listing_next_grant(struct freq_listing *listing,
			    struct freq_grant_entry *entry)
{
	if (!listing->grant_size) {
		errno = EINVAL;
		return -1;
	}
	return next(listing, entry, listing->grant_size);
}

void freq_listing_free(struct freq_listing *listing)
{
	free(listing);
}
