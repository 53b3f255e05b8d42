/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command that freqctl runs and waits for.
 */
#ifndef FREQCTL_CHILD_H
#define FREQCTL_CHILD_H

#include <signal.h>

/* As shells and flock(1) have it. */
enum {
	CHILD_CANNOT_RUN = 126,
	CHILD_NOT_FOUND = 127,
	CHILD_SIGNAL = 128,
};

int child_run(char **argv, int fd, const sigset_t *mask);

#endif /* FREQCTL_CHILD_H */
