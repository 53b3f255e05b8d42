// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spans of frequencies, as requests have them, from SPECs.
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

/*
 * What no earlier span has of one, in ascending order. Where it goes on from the
 * last of them, the two are one.
 */
static int add_uncovered(struct spans *spans, __u64 first, __u64 last)
{
	struct freq_span *before;
	size_t i;

	for (i = 0; i < spans->count; i++) {
		const struct freq_span span = spans->values[i];

		if (span.last < first || span.first > last)
			continue;
		if (span.first > first &&
		    add_uncovered(spans, first, span.first - 1))
			return -1;
		if (span.last >= last)
			return 0;
		first = span.last + 1;
	}
	before = spans->count ? &spans->values[spans->count - 1] : NULL;
	if (!before || !first || before->last != first - 1)
		return add(spans, first, last);
	before->last = last;
	return 0;
}

static int refuse(const struct command *command, const char *spec)
{
	if (errno != E2BIG)
		return specs_refuse(command, spec, errno);
	warnx("'%s': too many with a step: up to %d, or a range without a step",
	      spec, FREQ_SPANS_MAX);
	return EXIT_FAILED;
}

static int check_count(const struct spans *spans)
{
	if (spans->count <= FREQ_SPANS_MAX)
		return EXIT_DONE;
	warnx("too many separate ranges: %zu; up to %d, or all frequencies",
	      spans->count, FREQ_SPANS_MAX);
	return EXIT_FAILED;
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

	for (i = 0; i < argc; i++)
		if (add_spec(spans, argv[i]))
			return refuse(command, argv[i]);
	join(spans);
	return check_count(spans);
}

/**
 * spans_add_argument() - append the spans of an argument
 * @command: the command
 * @spans: where to: disjoint, in the order of the arguments. For spans_free(),
 *	after an error, too.
 * @spec: the argument, a SPEC
 *
 * What @spans have already is left out.
 *
 * Return: as spans_from_arguments().
 */
int spans_add_argument(const struct command *command, struct spans *spans,
		       const char *spec)
{
	struct spans more = { 0 };
	size_t i;
	int ret;

	ret = add_spec(&more, spec);
	for (i = 0; !ret && i < more.count; i++)
		ret = add_uncovered(spans, more.values[i].first,
				    more.values[i].last);
	spans_free(&more);
	return ret ? refuse(command, spec) : check_count(spans);
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
