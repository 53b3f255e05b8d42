/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The release that is being rehearsed, if one is: its device and its number.
 */
#ifndef FREQCTL_REHEARSAL_DEVICE_H
#define FREQCTL_REHEARSAL_DEVICE_H

#include <sys/types.h>

#define REHEARSAL_DEVICE "/dev/freq-rehearsal"
#define REHEARSAL_SYSFS "/sys/class/misc/freq-rehearsal"

int rehearsal_device_lock(void);
unsigned int rehearsal_device_release(void);
dev_t rehearsal_device_rdev(void);
int rehearsal_device_list_openers(pid_t **pids, size_t *count);
void rehearsal_device_end_unused(void);
void rehearsal_device_end_abandoned(void);

#endif /* FREQCTL_REHEARSAL_DEVICE_H */
