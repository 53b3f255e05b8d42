/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lists: what is free and what is allocated, as texts in sysfs.
 */
#ifndef FREQ_LISTS_H
#define FREQ_LISTS_H

#include "door.h"

#define FREQ_LISTS 2
extern const struct freq_attribute freq_lists[FREQ_LISTS];

#endif /* FREQ_LISTS_H */
