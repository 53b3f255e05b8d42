// SPDX-License-Identifier: GPL-2.0-only
/*
 * For how long to wait for a frequency.
 */
#include <ctype.h>
#include <err.h>
#include <stddef.h>
#include <time.h>

#include <linux/freq.h>

#include "wait.h"

#define NS_PER_SECOND 1000000000LL

/* Appends a digit to a number of nanoseconds. */
static int add_digit(__s64 *time, char digit, __s64 unit)
{
	__s64 part;

	return __builtin_mul_overflow(unit, digit - '0', &part) ||
	       __builtin_add_overflow(*time, part, time);
}

/* In ns; a fraction is cut off after its ninth digit. Returns 0. */
static int parse_seconds(const char *text, __s64 *time)
{
	__s64 unit = NS_PER_SECOND;

	*time = 0;
	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(*time, 10, time) ||
		    add_digit(time, *text, NS_PER_SECOND))
			return -1;
	if (*text == '.') {
		if (!isdigit((unsigned char)*++text))
			return -1;
		for (; isdigit((unsigned char)*text); text++) {
			unit /= 10;
			if (add_digit(time, *text, unit))
				return -1;
		}
	}
	return *text ? -1 : 0;
}

/**
 * wait_parse() - begin to wait
 * @seconds: for how long: a decimal number, with a fraction or without; 0 for
 *	not at all, NULL for ever
 * @wait: out: until when, counted from now; refers to @seconds
 *
 * Return: 0; -1 if @seconds is no such number, or too large, after a message.
 */
int wait_parse(const char *seconds, struct wait *wait)
{
	struct timespec now;
	__s64 time;

	*wait = (struct wait){ .seconds = seconds };
	if (!seconds) {
		wait->deadline = FREQ_FOR_EVER;
		return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (parse_seconds(seconds, &time) ||
	    __builtin_add_overflow(now.tv_sec * NS_PER_SECOND + now.tv_nsec,
				   time, &wait->deadline)) {
		warnx("'%s' is not a number of seconds", seconds);
		return -1;
	}
	if (!time)
		wait->deadline = 0;
	return 0;
}
