/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The request that only the test release has: give a frequency a label.
 */
#ifndef FREQ_RELEASE_V90_H
#define FREQ_RELEASE_V90_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <linux/freq.h>

/**
 * struct freq_label - argument of FREQ_IOC_LABEL
 * @frequency: a frequency of the pool
 * @label: its label; 0: none
 */
struct freq_label {
	__u64 frequency;
	__u64 label;
};

#define FREQ_IOC_LABEL _IOW(FREQ_IOC_MAGIC, 0x70, struct freq_label)

#endif /* FREQ_RELEASE_V90_H */
