// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spans of frequencies, as a subscription has them, from SPECs.
 *
 * A range is a span, whatever its length, and is not made an array first. One
 * with a step is a span for each of its frequencies.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include "../../kmod/spec.h"
#include "command.h"
#include "spans.h"
#include "specs.h"

static int add(struct spans *spans, __u64 first, __u64 last)
{
	struct freq_span *more;
	size_t room;

	if (spans->count == spans->room) {
		room = spans->room ? 2 * spans->room : 16;
		more = reallocarray(spans->values, room, sizeof(*more));
		if (!more)
			return -1;
		spans->values = more;
		spans->room = room;
	}
	spans->values[spans->count++] = (struct freq_span){
		.first = first,
		.last = last,
	};
	return 0;
}

/* E2BIG for a range with a step that is too many spans. */
static int add_range(struct spans *spans, const struct freq_range *range)
{
	__u64 last = freq_range_last(range), i, frequency;

	if (range->step == 1)
		return add(spans, range->start, range->end);
	if (last >= FREQ_SPANS_MAX) {
		errno = E2BIG;
		return -1;
	}
	for (i = 0; i <= last; i++) {
		frequency = range->start + i * range->step;
		if (add(spans, frequency, frequency))
			return -1;
	}
	return 0;
}

static int add_spec(struct spans *spans, const char *spec)
{
	struct freq_range range;
	int ret;

	if (!*spec) {
		errno = EINVAL;
		return -1;
	}
	while ((ret = freq_spec_next(&spec, &range)) > 0)
		if (add_range(spans, &range))
			return -1;
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	__u64 x = ((const struct freq_span *)a)->first;
	__u64 y = ((const struct freq_span *)b)->first;

	return x < y ? -1 : x > y;
}

/* Puts them in ascending order, and joins those without a gap between. */
static void join(struct spans *spans)
{
	struct freq_span *to = spans->values, *from;

	if (!spans->count)
		return;
	qsort(spans->values, spans->count, sizeof(*to), compare);
	for (from = to + 1; from < spans->values + spans->count; from++) {
		if (from->first > to->last && from->first - to->last > 1)
			*++to = *from;
		else if (from->last > to->last)
			to->last = from->last;
	}
	spans->count = to - spans->values + 1;
}

/**
 * spans_from_arguments() - the spans of some arguments
 * @command: the command
 * @spans: out: as few as possible, in ascending order; empty before. For
 *	spans_free(), after an error, too.
 * @argc: the length of @argv
 * @argv: the arguments, a SPEC each
 *
 * Return: EXIT_DONE; or the exit status of the command, after a message:
 * EXIT_USAGE if an argument is no SPEC, else EXIT_FAILED.
 */
int spans_from_arguments(const struct command *command, struct spans *spans,
			 int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!add_spec(spans, argv[i]))
			continue;
		if (errno != E2BIG)
			return specs_refuse(command, argv[i], errno);
		warnx("'%s': too many with a step: up to %d, or a range without a step",
		      argv[i], FREQ_SPANS_MAX);
		return EXIT_FAILED;
	}
	join(spans);
	if (spans->count <= FREQ_SPANS_MAX)
		return EXIT_DONE;
	warnx("too many separate ranges: %zu; up to %d, or all frequencies",
	      spans->count, FREQ_SPANS_MAX);
	return EXIT_FAILED;
}

/**
 * spans_free() - give back the memory of spans
 * @spans: the spans, empty afterwards
 */
void spans_free(struct spans *spans)
{
	free(spans->values);
	*spans = (struct spans){ 0 };
}
