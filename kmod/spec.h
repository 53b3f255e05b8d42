/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The notation in which people write frequencies: 10, 10-15, 868.1MHz,
 * 446.00625MHz-446.19375MHz/12.5kHz, and lists of these, with commas.
 *
 * The one parser of it: the releases use it for their parameter, and libfreq
 * is built from the same file.
 */
#ifndef FREQ_SPEC_H
#define FREQ_SPEC_H

#include <linux/types.h>

/**
 * struct freq_range - the frequencies start, start + step, … up to end
 * @start: the first, in hertz
 * @end: none is above this one; not below @start
 * @step: distance of neighbours, in hertz; not 0
 */
struct freq_range {
	__u64 start;
	__u64 end;
	__u64 step;
};

int freq_spec_next(const char **spec, struct freq_range *range);

/**
 * freq_range_last() - which step of a range is its last
 * @range: a range as freq_spec_next() fills it
 *
 * Return: how many steps lead from the first frequency to the last: the
 * number of frequencies less one, since the number itself can be 2^64.
 */
static inline __u64 freq_range_last(const struct freq_range *range)
{
	return (range->end - range->start) / range->step;
}

#endif /* FREQ_SPEC_H */
