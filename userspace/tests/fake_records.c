// SPDX-License-Identifier: GPL-2.0-only
/*
 * A subscription to the server of fake_server.c: its records come from a file,
 * whatever was asked for.
 *
 *	FAKE_RECORDS	that file; without it, or at its end, the server is
 *			stopped
 *	FAKE_SUBSCRIBED	a file: what was asked for
 *	FAKE_SUBSCRIBE	the errno of the request
 *
 * A line of the file is one of these:
 *
 *	record KIND FREQUENCY GRANT VALUE FLAGS UID PID TIME LOST [LABEL]
 *			TIME is in seconds of the real time, and so is the VALUE
 *			of FREQ_RECORD_WAITING; there, 0 is for ever, and 1 the
 *			deadline before that
 *	read		no read goes beyond this
 *	fail ERRNO	a read fails
 *	signal NUMBER	a read gets a signal while it waits
 *	write TEXT	the text is written to the standard error by then
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake_records.h"

#define SECOND 1000000000LL
/* The most records of one read */
#define READ_MAX 64

static int subscriber = -1;
static FILE *lines;
static char line[256];
static __u64 sequence = 100;

static __s64 now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* In the middle of a second of the real time */
static __s64 time_of(clockid_t clock, long long seconds)
{
	return seconds * SECOND + SECOND / 2 - now(CLOCK_REALTIME) + now(clock);
}

static void note(const struct freq_subscribe *arg)
{
	const struct freq_span *span = (const void *)(uintptr_t)arg->spans;
	const char *path = getenv("FAKE_SUBSCRIBED");
	FILE *file = path ? fopen(path, "we") : NULL;
	__u32 i;

	if (!file)
		return;
	fprintf(file, "kinds %#x flags %#x spans", arg->kinds, arg->flags);
	for (i = 0; i < arg->span_count; i++)
		fprintf(file, " %llu-%llu", span[i].first, span[i].last);
	fprintf(file, "\n");
	fclose(file);
}

int fake_subscribe(const struct freq_subscribe *arg, int fd)
{
	const char *path = getenv("FAKE_RECORDS");
	const char *err = getenv("FAKE_SUBSCRIBE");

	if (err)
		return -atoi(err);
	if (arg->record_size != sizeof(struct freq_record) ||
	    arg->flags & ~FREQ_SUBSCRIBE_PRESENT || !arg->kinds)
		return -EINVAL;
	if (arg->span_count > FREQ_SPANS_MAX)
		return -E2BIG;
	note(arg);
	subscriber = fd;
	lines = path ? fopen(path, "re") : NULL;
	return 0;
}

/* The next line stays until it was used. */
static const char *peek(void)
{
	if (!*line && (!lines || !fgets(line, sizeof(line), lines)))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void use(void)
{
	*line = '\0';
}

static __s64 deadline(__u64 value)
{
	if (value <= 1)
		return FREQ_FOR_EVER - (__s64)value;
	return time_of(CLOCK_MONOTONIC, value);
}

static int parse(const char *text, struct freq_record *record)
{
	long long seconds;
	int end = 0;

	*record = (struct freq_record){ 0 };
	if (sscanf(text, "record %u %llu %llu %llu %u %u %d %lld %llu%n",
		   &record->kind, &record->frequency, &record->grant,
		   &record->value, &record->flags, &record->uid, &record->pid,
		   &seconds, &record->lost, &end) != 9)
		return 0;
	if (text[end])
		memcpy(record->label, text + end + 1,
		       strnlen(text + end + 1, sizeof(record->label)));
	sequence += record->lost + 1;
	record->sequence = sequence;
	record->time = time_of(CLOCK_BOOTTIME, seconds);
	if (record->kind == FREQ_RECORD_WAITING)
		record->value = deadline(record->value);
	return 1;
}

/* A line that is no record: the errno of the read, 0 if it goes on. */
static int act(const char *text)
{
	int number;

	if (sscanf(text, "fail %d", &number) == 1)
		return number;
	if (sscanf(text, "signal %d", &number) == 1)
		raise(number);
	else if (!strncmp(text, "write ", 6))
		fprintf(stderr, "%s\n", text + 6);
	else if (strcmp(text, "read"))
		abort();
	return 0;
}

static ssize_t read_records(struct freq_record *records, size_t room)
{
	const char *text;
	size_t n = 0;
	int err;

	while (n < room && n < READ_MAX) {
		text = peek();
		if (text && parse(text, &records[n])) {
			use();
			n++;
			continue;
		}
		if (n)
			break;
		err = text ? act(text) : ENODEV;
		use();
		if (err)
			return -err;
	}
	return n ? (ssize_t)(n * sizeof(*records)) : -EINVAL;
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
	ssize_t ret;

	if (fd < 0 || fd != subscriber)
		return __real_read(fd, buffer, size);
	ret = read_records(buffer, size / sizeof(struct freq_record));
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}
