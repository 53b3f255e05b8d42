// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of the kernel, which has the cause when the errno of a module is not
 * enough.
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
 * Return: a descriptor, for close(); -1 if the log cannot be read.
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

/* Out-of-tree modules taint the kernel; that is no cause. */
static int is_cause(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start)) && !strstr(text, "taint");
}

/**
 * kernel_log_newest() - the newest line since the log was opened
 * @fd: from kernel_log_open(), or -1
 * @start: the beginning of the line
 *
 * Return: the line, for free(); NULL if there is none.
 */
char *kernel_log_newest(int fd, const char *start)
{
	char record[RECORD_MAX + 1], *text, *newest = NULL;
	ssize_t length;

	if (fd < 0)
		return NULL;
	for (;;) {
		length = read(fd, record, RECORD_MAX);
		/* Records were overwritten before they could be read. */
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
