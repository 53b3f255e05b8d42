// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of the kernel, which has the cause of a failure that the errno of a
 * module does not tell.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel_log.h"

/* The kernel promises that no record is longer. */
#define RECORD_MAX 8192

/**
 * kernel_log_open() - remember where the log ends
 *
 * Return: a descriptor, to be given to close(); -1 if it cannot be read.
 */
int kernel_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Cuts the text of a record out of it, printable; NULL if it has none. */
static char *record_text(char *record)
{
	char *text = strchr(record, ';'), *c;

	if (!text)
		return NULL;
	text++;
	text[strcspn(text, "\n")] = '\0';
	for (c = text; *c; c++)
		if (!isascii(*c) || !isprint(*c))
			*c = '?';
	return text;
}

/* Every module that is not of the kernel itself may be told to taint it. */
static int is_cause(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start)) && !strstr(text, "taint");
}

/**
 * kernel_log_newest() - the newest line since the log was opened
 * @fd: from kernel_log_open(), or -1
 * @start: what the line begins with
 *
 * Return: the line, to be given to free(); NULL if there is none.
 */
char *kernel_log_newest(int fd, const char *start)
{
	char record[RECORD_MAX + 1], *text, *newest = NULL;
	ssize_t length;

	if (fd < 0)
		return NULL;
	for (;;) {
		length = read(fd, record, RECORD_MAX);
		/* Some were overwritten before they were read. */
		if (length < 0 && errno == EPIPE)
			continue;
		if (length <= 0)
			break;
		record[length] = '\0';
		text = record_text(record);
		if (text && is_cause(text, start)) {
			free(newest);
			newest = strdup(text);
		}
	}
	return newest;
}
