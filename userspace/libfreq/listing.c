// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk over the frequencies of the server, page by page.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "libfreq.h"

struct freq_listing {
	int fd;
	__u32 flags;
	/* Where the next page begins; 0 behind the last, unless !begun. */
	__u64 cursor;
	int begun;
	/* The rest of the page: from next to count. */
	__u32 next;
	__u32 count;
	struct freq_entry page[FREQ_LIST_MAX];
};

struct freq_listing *freq_client_list(struct freq_client *client,
				      __u32 flags)
{
	struct freq_listing *listing = malloc(sizeof(*listing));

	if (!listing)
		return NULL;
	listing->fd = freq_client_fd(client);
	listing->flags = flags;
	listing->cursor = 0;
	listing->begun = 0;
	listing->next = 0;
	listing->count = 0;
	return listing;
}

static int read_page(struct freq_listing *listing)
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
	listing->begun = 1;
	listing->next = 0;
	listing->count = arg.count;
	return 0;
}

int freq_listing_next(struct freq_listing *listing, struct freq_entry *entry)
{
	/* A page can be empty and yet not the last. */
	while (listing->next == listing->count) {
		if (listing->begun && !listing->cursor)
			return 0;
		if (read_page(listing))
			return -1;
	}
	*entry = listing->page[listing->next++];
	return 1;
}

void freq_listing_free(struct freq_listing *listing)
{
	free(listing);
}
