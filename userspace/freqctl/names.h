/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cache of the names of holders.
 */
#ifndef FREQCTL_NAMES_H
#define FREQCTL_NAMES_H

#include <sys/types.h>

#include <linux/types.h>

struct names;

struct names *names_new(dev_t device);
const char *names_process(struct names *names, pid_t pid);
const char *names_user(struct names *names, __u32 uid);
void names_free(struct names *names);

#endif /* FREQCTL_NAMES_H */
