/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running release, by its attribute in sysfs.
 */
#ifndef FREQCTL_RUNNING_H
#define FREQCTL_RUNNING_H

int running_open(void);
unsigned int running_read(int fd);
unsigned int running_number(void);

#endif /* FREQCTL_RUNNING_H */
