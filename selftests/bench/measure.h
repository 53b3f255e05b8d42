/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by all parts of the benchmark: timed loops and their report.
 *
 * The clock is CLOCK_MONOTONIC. In a guest whose clock counts instructions, one
 * per nanosecond, all figures are instructions, of the kernel and of programs.
 *
 * The report is a line of JSON per figure. Any error exits.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdio.h>

#include <linux/types.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* How the modules were built, for the report; "": as usual */
extern const char *variant;

_Noreturn void die(const char *format, ...);

/* Exits if the condition is false. */
#define must(condition)							\
	((condition) ? (void)0 :					\
	 die("%s:%d: failed: %s", __FILE__, __LINE__, #condition))

unsigned int to_count(const char *text, unsigned int most);
__u64 now(void);

/**
 * struct loop - a measured call
 * @what: name in the report, NULL: not reported
 * @call: the callback; i is the index of the call in its round
 * @data: first argument of @call
 */
struct loop {
	const char *what;
	void (*call)(void *data, unsigned int i);
	void *data;
};

/* Result of a loop, per call, minus the cost of an empty loop */
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

/* One line of the report: begin, a call per field, end */
void report_begin(const char *part, const char *what);
void report_count(const char *name, unsigned long long value);
void report_value(const char *name, double value);
void report_text(const char *name, const char *text);
void report_figure(const struct figure *figure);
void report_end(void);

/* Whole lines, one per loop; @name: @value is the parameter of the run. */
void report_measured(const char *part, const struct loop *loops,
		     unsigned int count, const struct figure *figures,
		     const char *name, unsigned long long value);

#endif /* BENCH_MEASURE_H */
