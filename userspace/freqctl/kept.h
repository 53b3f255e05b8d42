/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deallocation of the frequencies that a user keeps.
 */
#ifndef FREQCTL_KEPT_H
#define FREQCTL_KEPT_H

#include <libfreq.h>

int kept_give_back(struct freq_client *client, __u32 uid,
		   struct freq_array *only);

#endif /* FREQCTL_KEPT_H */
