// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timed loops and their report: see measure.h.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"

#define LOOPS_MAX	8

const char *variant = "";

void die(const char *format, ...)
{
	va_list arguments;

	fputs("bench: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("\n", stderr);
	exit(1);
}

/* Parses an argument: a number from 1 to @most. */
unsigned int to_count(const char *text, unsigned int most)
{
	char *end;
	unsigned long count = strtoul(text, &end, 10);

	if (!count || count > most || *end)
		die("not a number from 1 to %u: %s", most, text);
	return count;
}

__u64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a;
	double other = *(const double *)b;

	return (one > other) - (one < other);
}

/* Sorts @values in place. */
void figure_of(struct figure *figure, double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	figure->least = values[0];
	figure->median = count % 2 ? values[count / 2] :
		(values[count / 2 - 1] + values[count / 2]) / 2;
	figure->most = values[count - 1];
	figure->rounds = count;
}

static void call_nothing(void *data, unsigned int i)
{
	(void)data;
	(void)i;
}

static double run(const struct loop *loop, unsigned int calls)
{
	__u64 begin = now();
	unsigned int i;

	for (i = 0; i < calls; i++)
		loop->call(loop->data, i);
	return (double)(now() - begin) / calls;
}

/**
 * measure() - time loops, interleaved
 * @loops: the loops, in the order in which each round runs them
 * @count: number of loops
 * @calls: calls per loop and round, timed together
 * @rounds: number of rounds
 * @figures: results, one per loop
 *
 * Each round also runs an empty loop, whose median is subtracted from all
 * figures.
 */
void measure(const struct loop *loops, unsigned int count,
	     unsigned int calls, unsigned int rounds, struct figure *figures)
{
	/* Called by pointer, like the others: not optimised away. */
	struct loop all[LOOPS_MAX + 1] = { { .call = call_nothing } };
	double *values[LOOPS_MAX + 1];
	struct figure empty;
	unsigned int round, i;

	must(count <= LOOPS_MAX);
	memcpy(&all[1], loops, count * sizeof(*loops));
	for (i = 0; i <= count; i++) {
		values[i] = calloc(rounds, sizeof(double));
		must(values[i]);
		/* Prefault: no page fault while timing. */
		memset(values[i], 1, rounds * sizeof(double));
	}
	/* Round 0 is a warm-up; the last round overwrites it. */
	for (round = 0; round <= rounds; round++) {
		for (i = 0; i <= count; i++)
			values[i][round % rounds] = run(&all[i], calls);
	}

	figure_of(&empty, values[0], rounds);
	for (i = 0; i < count; i++) {
		figure_of(&figures[i], values[i + 1], rounds);
		figures[i].least -= empty.median;
		figures[i].median -= empty.median;
		figures[i].most -= empty.median;
		figures[i].calls = calls;
	}
	for (i = 0; i <= count; i++)
		free(values[i]);
}

void report_begin(const char *part, const char *what)
{
	printf("{\"part\":\"%s\",\"what\":\"%s\"", part, what);
	if (*variant)
		printf(",\"variant\":\"%s\"", variant);
}

void report_count(const char *name, unsigned long long value)
{
	printf(",\"%s\":%llu", name, value);
}

void report_value(const char *name, double value)
{
	printf(",\"%s\":%.3f", name, value);
}

void report_text(const char *name, const char *text)
{
	printf(",\"%s\":\"%s\"", name, text);
}

void report_figure(const struct figure *figure)
{
	report_value("least", figure->least);
	report_value("median", figure->median);
	report_value("most", figure->most);
	report_count("rounds", figure->rounds);
	report_count("calls", figure->calls);
}

void report_end(void)
{
	puts("}");
	fflush(stdout);
}

void report_measured(const char *part, const struct loop *loops,
		     unsigned int count, const struct figure *figures,
		     const char *name, unsigned long long value)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!loops[i].what)
			continue;
		report_begin(part, loops[i].what);
		if (name)
			report_count(name, value);
		report_figure(&figures[i]);
		report_end();
	}
}
