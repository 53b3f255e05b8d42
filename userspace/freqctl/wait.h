/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For how long to wait for a frequency.
 */
#ifndef FREQCTL_WAIT_H
#define FREQCTL_WAIT_H

#include <linux/types.h>

/**
 * struct wait - for how long to wait for a frequency
 * @deadline: until then, in ns of CLOCK_MONOTONIC; 0: not at all; FREQ_FOR_EVER
 * @seconds: that time as the user has written it; NULL without a limit
 */
struct wait {
	__s64 deadline;
	const char *seconds;
};

int wait_parse(const char *seconds, struct wait *wait);

#endif /* FREQCTL_WAIT_H */
