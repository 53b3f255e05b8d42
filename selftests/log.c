// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's log: what the modules have written to it since a test began.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "freq_test.h"

/* The kernel's log, from here on. */
int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

/* The next record; its length, 0 if there is none yet, or a negative errno. */
static ssize_t log_next(int log, char *record, size_t size)
{
	ssize_t got;

	/* EPIPE: overtaken by newer records, which are read next. */
	do {
		got = read(log, record, size - 1);
	} while (got < 0 && errno == EPIPE);
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	record[got] = '\0';
	return got;
}

/**
 * log_count() - what of ours was logged since log_open(), or this was asked
 * @log: the log
 * @text: what it has to be
 *
 * A machine that is up may have things of its own to say.
 *
 * Return: the number of records, or -1, after telling, if there was another.
 */
int log_count(int log, const char *text)
{
	char record[8192];
	int count = 0;
	ssize_t got;

	while ((got = log_next(log, record, sizeof(record))) > 0) {
		if (!strstr(record, "freq") && !strstr(record, "Call Trace"))
			continue;
		if (text && strstr(record, text)) {
			count += count >= 0;
			continue;
		}
		fprintf(stderr, "# logged: %s", record);
		count = -1;
	}
	return got < 0 ? -1 : count;
}

/* Whether nothing of ours was logged since then. */
bool log_silent(int log)
{
	return !log_count(log, NULL);
}
