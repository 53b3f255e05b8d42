// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays of frequencies: from the notation in which people write them, and to
 * the one in which the kernel does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "libfreq.h"
#include "../../kmod/spec.h"

static int reserve(struct freq_array *array, size_t count)
{
	size_t room = array->room ? array->room : 16;
	__u64 *values;

	if (count <= array->room)
		return 0;
	/* By doubling, so that adding one by one stays linear. */
	while (room < count)
		if (__builtin_mul_overflow(room, 2, &room))
			room = count;
	values = reallocarray(array->values, room, sizeof(*values));
	if (!values)
		return -1;
	array->values = values;
	array->room = room;
	return 0;
}

int freq_array_add(struct freq_array *array, __u64 frequency)
{
	if (reserve(array, array->count + 1))
		return -1;
	array->values[array->count++] = frequency;
	return 0;
}

/* How many frequencies a text describes; no further than up to the limit. */
static int count_spec(const char *spec, size_t limit, size_t *count)
{
	struct freq_range range;
	int ret;

	*count = 0;
	while ((ret = freq_spec_next(&spec, &range)) > 0) {
		if (freq_range_last(&range) >= limit - *count) {
			errno = E2BIG;
			return -1;
		}
		*count += freq_range_last(&range) + 1;
	}
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return 0;
}

int freq_array_add_spec(struct freq_array *array, const char *spec)
{
	struct freq_range range;
	__u64 last, i;
	size_t limit = 0, count;

	if (array->count < FREQ_INJECT_MAX)
		limit = FREQ_INJECT_MAX - array->count;
	if (count_spec(spec, limit, &count))
		return -1;
	if (reserve(array, array->count + count))
		return -1;

	while (freq_spec_next(&spec, &range) > 0) {
		last = freq_range_last(&range);
		for (i = 0; i <= last; i++)
			array->values[array->count++] =
				range.start + i * range.step;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

void freq_array_sort(struct freq_array *array)
{
	size_t from, to = 1;

	if (array->count < 2)
		return;
	qsort(array->values, array->count, sizeof(*array->values), compare);
	for (from = 1; from < array->count; from++)
		if (array->values[from] != array->values[to - 1])
			array->values[to++] = array->values[from];
	array->count = to;
}

/* Where the run of neighbours that begins at an index ends. */
static size_t run_end(const struct freq_array *array, size_t begin)
{
	size_t end = begin;

	while (end + 1 < array->count &&
	       array->values[end + 1] - array->values[end] == 1)
		end++;
	return end;
}

static int is_ascending(const struct freq_array *array)
{
	size_t i;

	for (i = 1; i < array->count; i++)
		if (array->values[i] <= array->values[i - 1])
			return 0;
	return 1;
}

char *freq_array_format(const struct freq_array *array)
{
	size_t begin, end, size;
	char *text;
	FILE *out;

	if (!is_ascending(array)) {
		errno = EINVAL;
		return NULL;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;

	for (begin = 0; begin < array->count; begin = end + 1) {
		end = run_end(array, begin);
		fprintf(out, "%s%llu", begin ? "," : "",
			array->values[begin]);
		if (end > begin)
			fprintf(out, "-%llu", array->values[end]);
	}

	/* Memory is the only thing that such a stream can run out of. */
	if (fclose(out)) {
		free(text);
		errno = ENOMEM;
		return NULL;
	}
	return text;
}

void freq_array_free(struct freq_array *array)
{
	free(array->values);
	*array = (struct freq_array){ 0 };
}
