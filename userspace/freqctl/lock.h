/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks between several freqctl.
 */
#ifndef FREQCTL_LOCK_H
#define FREQCTL_LOCK_H

#include <stdbool.h>

int lock_take(const char *name, bool wait);
int lock_take_in(const char *folder, const char *name, bool wait);

#endif /* FREQCTL_LOCK_H */
