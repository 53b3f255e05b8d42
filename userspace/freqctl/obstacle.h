/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports, on stderr, why a release cannot be changed.
 */
#ifndef FREQCTL_OBSTACLE_H
#define FREQCTL_OBSTACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

void obstacle_report_processes(const pid_t *pids, size_t count);
void obstacle_report_rehearsal(void);
size_t obstacle_report_changes(void);
void obstacle_report_users(unsigned int number, unsigned int running);
void obstacle_report_load(unsigned int number, int err, bool rehearse, int log);
void obstacle_report_remove(unsigned int number, int err);

#endif /* FREQCTL_OBSTACLE_H */
