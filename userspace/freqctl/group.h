/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several frequencies, or those of some ranges, by one request of release 3.
 */
#ifndef FREQCTL_GROUP_H
#define FREQCTL_GROUP_H

#include <stdbool.h>

#include <libfreq.h>

struct held_request;

bool group_is_needed(const struct held_request *request);
int group_allocate(struct freq_client *client,
		   const struct held_request *request,
		   struct freq_granted *granted, __u32 count);
void group_report(const struct held_request *request, int err);

#endif /* FREQCTL_GROUP_H */
