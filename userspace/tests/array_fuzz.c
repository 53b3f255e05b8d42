// SPDX-License-Identifier: GPL-2.0-only
/*
 * A target for libFuzzer: whatever is read is no more than its text said, and
 * is the same after it was written and read again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libfreq.h>

/* The name is libFuzzer's, the style is ours. */
int read_or_refuse(const __u8 *data, size_t size)
	__asm__("LLVMFuzzerTestOneInput");

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *spec)
{
	struct freq_array array = { 0 }, again = { 0 };
	char *text;

	if (freq_array_add_spec(&array, spec)) {
		check(errno == EINVAL || errno == ERANGE || errno == E2BIG);
		check(!array.count && !array.values);
		return;
	}
	check(array.count <= FREQ_INJECT_MAX);

	freq_array_sort(&array);
	text = freq_array_format(&array);
	check(!!text);
	check(!freq_array_add_spec(&again, text));
	check(again.count == array.count);
	check(!array.count || !memcmp(again.values, array.values,
				      array.count * sizeof(*array.values)));
	free(text);
	freq_array_free(&array);
	freq_array_free(&again);
}

int read_or_refuse(const __u8 *data, size_t size)
{
	char *spec = strndup((const char *)data, size);

	check(!!spec);
	check_text(spec);
	free(spec);
	return 0;
}
