/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times since the boot, as people have them.
 */
#ifndef FREQCTL_BOOT_TIME_H
#define FREQCTL_BOOT_TIME_H

#include <linux/types.h>

/* As 2026-01-31T23:59:59+01:00, with room for a year of more digits */
#define BOOT_TIME_SIZE 40

__s64 boot_time_offset(void);
__s64 boot_time_seconds(__s64 time, __s64 offset);
__s64 boot_time_deadline(__s64 deadline);
const char *boot_time_format(__s64 seconds, char text[BOOT_TIME_SIZE]);

#endif /* FREQCTL_BOOT_TIME_H */
