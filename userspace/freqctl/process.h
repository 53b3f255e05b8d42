/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes and users.
 */
#ifndef FREQCTL_PROCESS_H
#define FREQCTL_PROCESS_H

#include <sys/types.h>

#include <linux/types.h>

/* The kernel has 16 bytes for the name of a process, 64 for its own threads. */
#define PROCESS_NAME_SIZE 64
/* As LOGIN_NAME_MAX; a longer name is cut off. */
#define USER_NAME_SIZE 256

const char *process_name(pid_t pid, char name[PROCESS_NAME_SIZE]);
const char *process_holder_name(pid_t pid, dev_t device,
				char name[PROCESS_NAME_SIZE]);
const char *user_name(__u32 uid, char name[USER_NAME_SIZE]);
int user_find(const char *text, __u32 *uid);
int process_list_openers(dev_t device, pid_t **pids, size_t *count);

#endif /* FREQCTL_PROCESS_H */
