/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several frequencies, allocated and given back together.
 */
#ifndef FREQCTL_HELD_H
#define FREQCTL_HELD_H

#include <libfreq.h>

int held_allocate(struct freq_client *client, __u32 flags, __u32 count,
		  struct freq_array *frequencies);
void held_deallocate(struct freq_client *client,
		     const struct freq_array *frequencies);
int held_give_back(struct freq_client *client,
		   const struct freq_array *frequencies, size_t *index);

#endif /* FREQCTL_HELD_H */
