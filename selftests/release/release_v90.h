/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests that only the test release has.
 */
#ifndef FREQ_RELEASE_V90_H
#define FREQ_RELEASE_V90_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <linux/freq.h>

/**
 * struct freq_tag - argument of FREQ_IOC_TAG
 * @frequency: a frequency of the pool
 * @tag: its tag; 0: none
 */
struct freq_tag {
	__u64 frequency;
	__u64 tag;
};

#define FREQ_IOC_TAG _IOW(FREQ_IOC_MAGIC, 0x70, struct freq_tag)

/**
 * struct freq_sleep - argument of FREQ_IOC_SLEEP and FREQ_IOC_TIMER
 * @deadline: absolute time, in ns; -1: none
 * @clock: of the deadline: CLOCK_MONOTONIC or CLOCK_BOOTTIME
 * @pad: 0
 */
struct freq_sleep {
	__s64 deadline;
	__u32 clock;
	__u32 pad;
};

/* Sleeps until woken: 0; ETIMEDOUT; EINTR. */
#define FREQ_IOC_SLEEP _IOW(FREQ_IOC_MAGIC, 0x71, struct freq_sleep)
/* Wakes the call that sleeps longest: 0; ENOENT. */
#define FREQ_IOC_WAKE _IO(FREQ_IOC_MAGIC, 0x72)
/* Sets the timer. */
#define FREQ_IOC_TIMER _IOW(FREQ_IOC_MAGIC, 0x73, struct freq_sleep)

#endif /* FREQ_RELEASE_V90_H */
