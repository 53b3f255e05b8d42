// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times since the boot, as people have them.
 *
 * The server has times of CLOCK_BOOTTIME, which nobody sets. The clock that
 * people set is ahead of it by an offset, of which only the present one is
 * known: a time that was before the clock was set comes out as if it had been
 * right then already.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "boot_time.h"

#define NS_PER_SECOND 1000000000LL

static __s64 now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

/**
 * boot_time_offset() - by how much the real time is ahead
 *
 * Return: the present offset, in ns.
 */
__s64 boot_time_offset(void)
{
	return now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME);
}

/**
 * boot_time_seconds() - the real time of a time since the boot
 * @time: that time, in ns of CLOCK_BOOTTIME
 * @offset: from boot_time_offset()
 *
 * Return: the time in seconds since 1970.
 */
__s64 boot_time_seconds(__s64 time, __s64 offset)
{
	return (time + offset) / NS_PER_SECOND;
}

/**
 * boot_time_deadline() - the real time of a deadline
 * @deadline: in ns of CLOCK_MONOTONIC, which stands still while the machine is
 *	suspended: as if it were not suspended from now on
 *
 * Return: the time in seconds since 1970.
 */
__s64 boot_time_deadline(__s64 deadline)
{
	__s64 offset = now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC), time;

	if (__builtin_add_overflow(deadline, offset, &time))
		time = INT64_MAX;
	return time / NS_PER_SECOND;
}

/**
 * boot_time_format() - write a time as ISO 8601 has it
 * @seconds: from boot_time_seconds()
 * @text: out: the local time, and its distance from UTC; "-" for a time that
 *	no calendar has
 *
 * Return: @text.
 */
const char *boot_time_format(__s64 seconds, char text[BOOT_TIME_SIZE])
{
	time_t time = seconds;
	struct tm local;
	size_t length = 0;

	if (localtime_r(&time, &local))
		length = strftime(text, BOOT_TIME_SIZE - 1, "%FT%T%z", &local);
	if (length < 2)
		return strcpy(text, "-");
	/* Hours and minutes of the distance are written with a colon, too. */
	memmove(text + length - 1, text + length - 2, 3);
	text[length - 2] = ':';
	return text;
}
