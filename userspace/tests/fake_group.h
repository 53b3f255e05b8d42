/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FREQ_IOC_ALLOCATE_GROUP of the server of fake_server.c: which frequencies.
 */
#ifndef FREQ_FAKE_GROUP_H
#define FREQ_FAKE_GROUP_H

#include <libfreq.h>

void fake_group_note(const struct freq_group *arg);
int fake_group_choose(const struct freq_group *arg,
		      const struct freq_array *pool,
		      const struct freq_array *unused, __u64 *chosen);

#endif /* FREQ_FAKE_GROUP_H */
