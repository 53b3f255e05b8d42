/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The release that is being rehearsed, if one is: its device and its number.
 */
#ifndef FREQCTL_REHEARSED_H
#define FREQCTL_REHEARSED_H

#include <sys/types.h>

#define REHEARSED_DEVICE "/dev/freq-rehearsal"
#define REHEARSED_SYSFS "/sys/class/misc/freq-rehearsal"

int rehearsed_lock(void);
unsigned int rehearsed_number(void);
dev_t rehearsed_device(void);
int rehearsed_list_openers(pid_t **pids, size_t *count);
void rehearsed_end_unused(void);
void rehearsed_end_left(void);

#endif /* FREQCTL_REHEARSED_H */
