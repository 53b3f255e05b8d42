// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running release, by its attribute in sysfs. A read of it makes no client
 * of the server.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "running.h"

#define RUNNING_PATH "/sys/class/misc/freq/release"

/**
 * running_open() - open the attribute
 *
 * poll() on it reports POLLPRI after the next change.
 *
 * Return: a descriptor; -1 with errno if there is no server.
 */
int running_open(void)
{
	return open(RUNNING_PATH, O_RDONLY | O_CLOEXEC);
}

/**
 * running_read() - read the attribute, and arm poll() for the next change
 * @fd: from running_open(), or -1
 *
 * Return: the number of the running release; 0 if none runs.
 */
unsigned int running_read(int fd)
{
	char text[16];
	ssize_t length;

	length = pread(fd, text, sizeof(text) - 1, 0);
	if (length < 0)
		return 0;
	text[length] = '\0';
	return strtoul(text, NULL, 10);
}

/**
 * running_number() - the running release
 *
 * Return: its number; 0 if none runs.
 */
unsigned int running_number(void)
{
	int fd = running_open();
	unsigned int number;

	if (fd < 0)
		return 0;
	number = running_read(fd);
	close(fd);
	return number;
}
