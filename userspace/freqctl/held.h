/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several frequencies, allocated and given back together.
 */
#ifndef FREQCTL_HELD_H
#define FREQCTL_HELD_H

#include <signal.h>

#include <libfreq.h>

#include "spans.h"
#include "wait.h"

/**
 * struct held_request - which frequencies to allocate
 * @flags: FREQ_ALLOCATE_KEEP, FREQ_GROUP_*, or 0
 * @count: how many, if @exact is empty
 * @exact: these, and no others
 * @in: the lowest ones of these, if not empty
 * @spacing: distance of neighbours with FREQ_GROUP_ROW, in hertz
 * @wait: for how long to wait for them, together
 * @mask: from signals_hold(), for held signals to end the wait; NULL if none
 *	are held
 */
struct held_request {
	__u32 flags;
	__u32 count;
	struct freq_array exact;
	struct spans in;
	__u64 spacing;
	struct wait wait;
	const sigset_t *mask;
};

void held_request_free(struct held_request *request);
int held_allocate(struct freq_client *client,
		  const struct held_request *request,
		  struct freq_array *frequencies);
void held_deallocate(struct freq_client *client,
		     const struct freq_array *frequencies);
int held_give_back(struct freq_client *client,
		   const struct freq_array *frequencies, size_t *index);

#endif /* FREQCTL_HELD_H */
