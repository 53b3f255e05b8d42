// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_ALLOCATE_GROUP of the server of fake_server.c: which frequencies.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_group.h"

/* Frequencies that are found, and how many are looked for. */
struct search {
	const struct freq_array *among;
	__u64 *chosen;
	__u32 found;
	__u32 count;
};

static const struct freq_span *spans_of(const struct freq_group *arg,
					__u32 *count)
{
	static const struct freq_span all = { .last = UINT64_MAX };

	*count = arg->span_count;
	if (arg->span_count)
		return (const struct freq_span *)(uintptr_t)arg->spans;
	*count = 1;
	return &all;
}

/**
 * fake_group_note() - note the argument of a request
 * @arg: the argument
 *
 * In the file FAKE_GROUPS: the count, the flags, the spacing and the spans.
 */
void fake_group_note(const struct freq_group *arg)
{
	const char *path = getenv("FAKE_GROUPS");
	FILE *file = path ? fopen(path, "ae") : NULL;
	const struct freq_span *spans;
	__u32 count, i;

	if (!file)
		return;
	fprintf(file, "%u %#x %llu", arg->count, arg->flags, arg->spacing);
	spans = spans_of(arg, &count);
	for (i = 0; i < arg->span_count; i++)
		fprintf(file, " %llu-%llu", spans[i].first, spans[i].last);
	fputc('\n', file);
	fclose(file);
}

static void find_lowest(struct search *search, const struct freq_span *span)
{
	const struct freq_array *among = search->among;
	size_t i;

	for (i = 0; i < among->count && search->found < search->count; i++)
		if (among->values[i] >= span->first &&
		    among->values[i] <= span->last)
			search->chosen[search->found++] = among->values[i];
}

static int has(const struct freq_array *among, __u64 frequency)
{
	size_t i;

	for (i = 0; i < among->count; i++)
		if (among->values[i] == frequency)
			return 1;
	return 0;
}

static int is_row(const struct search *search, const struct freq_span *span,
		  __u64 first, __u64 spacing)
{
	__u64 way = spacing * (search->count - 1);
	__u32 i;

	if (first < span->first || first > span->last ||
	    span->last - first < way)
		return 0;
	for (i = 0; i < search->count; i++)
		if (!has(search->among, first + i * spacing))
			return 0;
	return 1;
}

static void find_row(struct search *search, const struct freq_span *span,
		     __u64 spacing)
{
	const struct freq_array *among = search->among;
	__u64 first;
	size_t i;

	for (i = 0; i < among->count && !search->found; i++) {
		first = among->values[i];
		if (!is_row(search, span, first, spacing))
			continue;
		for (; search->found < search->count; search->found++)
			search->chosen[search->found] =
				first + search->found * spacing;
	}
}

/* Whether there are enough among these. */
static int find(const struct freq_group *arg, const struct freq_array *among,
		__u64 *chosen)
{
	struct search search = {
		.among = among,
		.chosen = chosen,
		.count = arg->count,
	};
	const struct freq_span *spans;
	__u32 count, i;

	spans = spans_of(arg, &count);
	for (i = 0; i < count; i++) {
		if (arg->flags & FREQ_GROUP_ROW)
			find_row(&search, &spans[i], arg->spacing);
		else
			find_lowest(&search, &spans[i]);
	}
	return search.found == arg->count;
}

static int check_spans(const struct freq_group *arg,
		       const struct freq_array *pool)
{
	const struct freq_span *spans;
	size_t many = 0, i;
	__u32 count, at;

	spans = spans_of(arg, &count);
	for (at = 0; at < count; at++) {
		if (spans[at].first > spans[at].last)
			return -ERANGE;
		for (i = 0; i < pool->count; i++)
			many += pool->values[i] >= spans[at].first &&
				pool->values[i] <= spans[at].last;
	}
	return arg->flags & FREQ_GROUP_ROW && many > FREQ_ROW_SEARCH_MAX ?
	       -E2BIG : 0;
}

/**
 * fake_group_choose() - choose frequencies, as FREQ_IOC_ALLOCATE_GROUP does
 * @arg: the argument
 * @pool: all frequencies, ascending
 * @unused: those that are free, ascending
 * @chosen: out: has room for @arg->count
 *
 * Return: 0; -ENOENT, -ENOSPC, -ERANGE or -E2BIG.
 */
int fake_group_choose(const struct freq_group *arg,
		      const struct freq_array *pool,
		      const struct freq_array *unused, __u64 *chosen)
{
	__u64 way;
	int err;

	if (__builtin_mul_overflow(arg->spacing, arg->count - 1, &way))
		return -ERANGE;
	err = check_spans(arg, pool);
	if (err)
		return err;
	if (!find(arg, pool, chosen))
		return -ENOENT;
	return find(arg, unused, chosen) ? 0 : -ENOSPC;
}
