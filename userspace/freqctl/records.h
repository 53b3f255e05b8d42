/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of what happens, in words.
 */
#ifndef FREQCTL_RECORDS_H
#define FREQCTL_RECORDS_H

#include <stdbool.h>

#include <linux/freq.h>

struct names;

/**
 * struct records - how to print records
 * @names: a cache of names
 * @offset: from boot_time_offset()
 * @json: for programs
 */
struct records {
	struct names *names;
	__s64 offset;
	bool json;
};

/* All kinds that can be asked for, in the order of their numbers */
#define RECORDS_KINDS "allocated, deallocated, injected, waiting, upgraded"

int records_find_kind(const char *name, unsigned int *kind);
void records_print_heading(void);
int records_print(const struct records *records,
		  const struct freq_record *record);

#endif /* FREQCTL_RECORDS_H */
