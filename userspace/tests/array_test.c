// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays of frequencies: texts that are parsed, refused and written.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libfreq.h>

#include "tap.h"

#define MAX "18446744073709551615"

static const struct {
	const char *spec;
	size_t count;
	__u64 values[8];
} good[] = {
	{ "", 0, { 0 } },
	{ "0", 1, { 0 } },
	{ "10", 1, { 10 } },
	{ "007", 1, { 7 } },
	{ "10-15", 6, { 10, 11, 12, 13, 14, 15 } },
	{ "10-10", 1, { 10 } },
	{ "0-0/1", 1, { 0 } },
	{ "10-15/2", 3, { 10, 12, 14 } },
	{ "10-15/5", 2, { 10, 15 } },
	{ "10-15/6", 1, { 10 } },
	{ "10-15/" MAX, 1, { 10 } },
	{ "30,31,32", 3, { 30, 31, 32 } },
	{ "3,1,1-2,1", 5, { 3, 1, 1, 2, 1 } },
	{ "1k", 1, { 1000 } },
	{ "1kHz", 1, { 1000 } },
	{ "1M", 1, { 1000000 } },
	{ "1G", 1, { 1000000000 } },
	{ "1Hz", 1, { 1 } },
	{ "868.1MHz", 1, { 868100000 } },
	{ "868.1M", 1, { 868100000 } },
	{ "5.18GHz", 1, { 5180000000 } },
	{ "0.001k", 1, { 1 } },
	{ "1.000", 1, { 1 } },
	{ "1.0010000k", 1, { 1001 } },
	{ "446.00625MHz-446.03125MHz/12.5kHz", 3,
	  { 446006250, 446018750, 446031250 } },
	{ "1kHz-1002Hz", 3, { 1000, 1001, 1002 } },
	{ MAX, 1, { UINT64_MAX } },
	{ "18446744073709551614-" MAX, 2, { UINT64_MAX - 1, UINT64_MAX } },
	{ "0-" MAX "/" MAX, 2, { 0, UINT64_MAX } },
	{ "1-" MAX "/9223372036854775807", 3,
	  { 1, 0x8000000000000000, UINT64_MAX } },
	{ "18446744073.709551615G", 1, { UINT64_MAX } },
};

static const struct {
	const char *spec;
	int err;
} bad[] = {
	{ " ", EINVAL },
	{ " 10", EINVAL },
	{ "10 ", EINVAL },
	{ "10\n", EINVAL },
	{ "+10", EINVAL },
	{ "-10", EINVAL },
	{ "ten", EINVAL },
	{ "0x10", EINVAL },
	{ "1e3", EINVAL },
	{ ",", EINVAL },
	{ ",10", EINVAL },
	{ "10,", EINVAL },
	{ "10,,11", EINVAL },
	{ "10-", EINVAL },
	{ "10-15/", EINVAL },
	{ "10-15/0", EINVAL },
	{ "10-15/0k", EINVAL },
	{ "10/2", EINVAL },
	{ "10-15-20", EINVAL },
	{ "15-10", EINVAL },
	{ "10;11", EINVAL },
	{ ".5k", EINVAL },
	{ "1.k", EINVAL },
	{ "1.5", EINVAL },
	{ "1.5Hz", EINVAL },
	{ "1.0001k", EINVAL },
	{ "1m", EINVAL },
	{ "1mhz", EINVAL },
	{ "1H", EINVAL },
	{ "1kk", EINVAL },
	{ "1Hzk", EINVAL },
	{ "446-447MHz", EINVAL },
	{ "446MHz-447", EINVAL },
	{ "18446744073709551616", ERANGE },
	{ "99999999999999999999999999999", ERANGE },
	{ "0-18446744073709551616", ERANGE },
	{ "0-1/18446744073709551616", ERANGE },
	{ "18446744073709551615k", ERANGE },
	{ "18446744074G", ERANGE },
	{ "18446744073.709551616G", ERANGE },
	{ "0-1048576", E2BIG },
	{ "0-" MAX, E2BIG },
	{ "1-" MAX, E2BIG },
	{ "0-1048575,5", E2BIG },
	{ "5,0-1048575", E2BIG },
	{ "5,0-" MAX, E2BIG },
};

static const struct {
	const char *spec;
	const char *text;
} written[] = {
	{ "", "" },
	{ "0", "0" },
	{ "10-15,30", "10-15,30" },
	{ "10,11", "10-11" },
	{ "1,3,5", "1,3,5" },
	{ "1-3,5-6,8", "1-3,5-6,8" },
	{ "0-1,18446744073709551614-" MAX, "0-1,18446744073709551614-" MAX },
};

static void test_good(void)
{
	struct freq_array array = { 0 };
	size_t i;
	int ret;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ret = freq_array_add_spec(&array, good[i].spec);
		ok(!ret && array.count == good[i].count &&
		   (!array.count || !memcmp(array.values, good[i].values,
					    array.count * sizeof(__u64))),
		   "'%s' is read", good[i].spec);
		freq_array_free(&array);
	}
}

static void test_bad(void)
{
	struct freq_array array = { 0 };
	size_t i;
	int ret;

	freq_array_add(&array, 77);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		errno = 0;
		ret = freq_array_add_spec(&array, bad[i].spec);
		ok(ret == -1 && errno == bad[i].err && array.count == 1 &&
		   *array.values == 77, "'%.12s' is refused with %d",
		   strcmp(bad[i].spec, "10\n") ? bad[i].spec : "10\\n",
		   bad[i].err);
	}
	freq_array_free(&array);
}

static void test_written(void)
{
	struct freq_array array = { 0 };
	char *text;
	size_t i;

	for (i = 0; i < sizeof(written) / sizeof(*written); i++) {
		freq_array_add_spec(&array, written[i].spec);
		text = freq_array_format(&array);
		ok(text && !strcmp(text, written[i].text), "'%s' is written",
		   written[i].text);
		free(text);
		freq_array_free(&array);
	}
}

static void test_order(void)
{
	struct freq_array array = { 0 };

	freq_array_add_spec(&array, "3,1,2");
	errno = 0;
	ok(!freq_array_format(&array) && errno == EINVAL,
	   "another order is not written");
	freq_array_free(&array);

	freq_array_add_spec(&array, "1,1");
	errno = 0;
	ok(!freq_array_format(&array) && errno == EINVAL,
	   "a repetition is not written");
	freq_array_free(&array);

	freq_array_add_spec(&array, "3,1,2,3,1," MAX ",0");
	freq_array_sort(&array);
	ok(array.count == 5 && array.values[0] == 0 && array.values[3] == 3 &&
	   array.values[4] == UINT64_MAX, "sorting drops repetitions");
	freq_array_free(&array);
	freq_array_sort(&array);
	ok(!array.count, "nothing is sorted");
}

static void test_limit(void)
{
	struct freq_array array = { 0 };
	int ret;

	ret = freq_array_add_spec(&array, "1-1048576");
	ok(!ret && array.count == FREQ_INJECT_MAX &&
	   array.values[FREQ_INJECT_MAX - 1] == FREQ_INJECT_MAX,
	   "as many as can be injected are read");
	errno = 0;
	ret = freq_array_add_spec(&array, "0");
	ok(ret == -1 && errno == E2BIG && array.count == FREQ_INJECT_MAX,
	   "one more is refused");
	ok(!freq_array_add_spec(&array, ""), "none more is not");
	ok(!freq_array_add(&array, 0) && array.count == FREQ_INJECT_MAX + 1,
	   "an array by itself has no such limit");
	errno = 0;
	ret = freq_array_add_spec(&array, "0");
	ok(ret == -1 && errno == E2BIG, "beyond it, more are refused, too");
	freq_array_free(&array);
}

/* Any set is the same after it was written and read. */
static void test_round_trips(void)
{
	struct freq_array array = { 0 }, again = { 0 };
	unsigned int seed, i, failed = 0;
	char *text;

	for (seed = 1; seed <= 200; seed++) {
		srandom(seed);
		for (i = 0; i < seed; i++)
			freq_array_add(&array, random() % (3 * seed));
		freq_array_sort(&array);
		text = freq_array_format(&array);
		if (!text || freq_array_add_spec(&again, text) ||
		    again.count != array.count ||
		    memcmp(again.values, array.values,
			   array.count * sizeof(__u64)))
			failed++;
		free(text);
		freq_array_free(&array);
		freq_array_free(&again);
	}
	ok(!failed, "200 sets are the same after writing and reading");
}

int main(void)
{
	test_good();
	test_bad();
	test_written();
	test_order();
	test_limit();
	test_round_trips();
	return tap_done();
}
