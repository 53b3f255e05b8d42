/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes and users.
 */
#ifndef FREQCTL_PROCESS_H
#define FREQCTL_PROCESS_H

#include <sys/types.h>

#include <linux/types.h>

const char *process_name(pid_t pid);
const char *user_name(__u32 uid);
int user_find(const char *text, __u32 *uid);
int process_list_openers(dev_t device, pid_t **pids, size_t *count);

#endif /* FREQCTL_PROCESS_H */
