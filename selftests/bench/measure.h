/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all parts of the bench share: timed loops, and their report.
 *
 * The clock is CLOCK_MONOTONIC. Where the guest's clock counts instructions,
 * one a nanosecond, all figures are instructions, in the kernel and outside.
 *
 * A report is a line of JSON for each figure. An error ends the program.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdio.h>

#include <linux/types.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The same modules were built in another way, if this is not empty. */
extern const char *variant;

_Noreturn void die(const char *format, ...);

/* Ends the program if what was expected is not so. */
#define must(condition)							\
	((condition) ? (void)0 :					\
	 die("%s:%d: not so: %s", __FILE__, __LINE__, #condition))

unsigned int to_count(const char *text, unsigned int most);
__u64 now(void);

/**
 * struct loop - calls that are measured together
 * @what: its name in the report, NULL if it is not to be reported
 * @call: one call, the i-th of its round
 * @data: for @call
 */
struct loop {
	const char *what;
	void (*call)(void *data, unsigned int i);
	void *data;
};

/* What came out for a loop: each is per call, less an empty loop's. */
struct figure {
	double least;
	double median;
	double most;
	unsigned int rounds;
	unsigned int calls;
};

void figure_of(struct figure *figure, double *values, unsigned int count);

void measure(const struct loop *loops, unsigned int count,
	     unsigned int calls, unsigned int rounds, struct figure *figures);

/* A line of the report: its beginning, its fields one by one, its end. */
void report_begin(const char *part, const char *what);
void report_count(const char *name, unsigned long long value);
void report_value(const char *name, double value);
void report_text(const char *name, const char *text);
void report_figure(const struct figure *figure);
void report_end(void);

/* All of it, for what depends on one number. */
void report_measured(const char *part, const struct loop *loops,
		     unsigned int count, const struct figure *figures,
		     const char *name, unsigned long long value);

#endif /* BENCH_MEASURE_H */
