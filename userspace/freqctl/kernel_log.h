/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of the kernel, which has the cause when the errno of a module is not
 * enough.
 */
#ifndef FREQCTL_KERNEL_LOG_H
#define FREQCTL_KERNEL_LOG_H

int kernel_log_open(void);
char *kernel_log_newest(int fd, const char *start);

#endif /* FREQCTL_KERNEL_LOG_H */
