/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP, as far as a test program in C needs it.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdio.h>

static int tap_count, tap_failed;

/* Reports one test; the rest is as for printf(), and names it. */
#define ok(condition, ...) do {						\
	int tap_good = !!(condition);					\
									\
	tap_failed += !tap_good;					\
	printf("%sok %d - ", tap_good ? "" : "not ", ++tap_count);	\
	printf(__VA_ARGS__);						\
	putchar('\n');							\
} while (0)

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return !!tap_failed;
}

#endif /* TESTS_TAP_H */
