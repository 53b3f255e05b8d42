// SPDX-License-Identifier: GPL-2.0-only
/*
 * The release that is being rehearsed, if one is: its device and its number.
 *
 * The rehearsal ends when the last descriptor of its device is closed. It is
 * abandoned if the process that loaded the release is killed before it opens
 * the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lock.h"
#include "process.h"
#include "rehearsal_device.h"

/* Held from before the release is loaded until it is removed. */
#define LOCK "freqctl-rehearsal"

/**
 * rehearsal_device_lock() - keep others from rehearsing with freqctl
 *
 * Return: as lock_take() does, without a wait.
 */
int rehearsal_device_lock(void)
{
	return lock_take(LOCK, false);
}

/**
 * rehearsal_device_release() - the release that is rehearsed
 *
 * Return: its number; 0 if none is.
 */
unsigned int rehearsal_device_release(void)
{
	FILE *file = fopen(REHEARSAL_SYSFS "/release", "re");
	unsigned int number = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%u", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

/**
 * rehearsal_device_rdev() - the device of the rehearsal
 *
 * Return: its number; 0 if there is none.
 */
dev_t rehearsal_device_rdev(void)
{
	FILE *file = fopen(REHEARSAL_SYSFS "/dev", "re");
	unsigned int major, minor;
	int found;

	if (!file)
		return 0;
	found = fscanf(file, "%u:%u", &major, &minor);
	fclose(file);
	return found == 2 ? makedev(major, minor) : 0;
}

/**
 * rehearsal_device_list_openers() - list the other processes that have it open
 * @pids: out: as process_list_openers() has it
 * @count: out: the length of @pids
 *
 * Return: 0; -1 with errno.
 */
int rehearsal_device_list_openers(pid_t **pids, size_t *count)
{
	dev_t device = rehearsal_device_rdev();

	*pids = NULL;
	*count = 0;
	if (!device) {
		errno = ENODEV;
		return -1;
	}
	return process_list_openers(device, pids, count);
}

static int is_open(void)
{
	size_t count;
	pid_t *pids;

	if (rehearsal_device_list_openers(&pids, &count))
		return 0;
	free(pids);
	return !!count;
}

/**
 * rehearsal_device_end_unused() - end a rehearsal unless a process has it open
 */
void rehearsal_device_end_unused(void)
{
	int fd;

	if (is_open())
		return;
	/* The last close() ends it. */
	fd = open(REHEARSAL_DEVICE, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

/**
 * rehearsal_device_end_abandoned() - end a rehearsal that no freqctl runs
 */
void rehearsal_device_end_abandoned(void)
{
	int lock;

	if (!rehearsal_device_release())
		return;
	lock = rehearsal_device_lock();
	if (lock < 0)
		return;
	rehearsal_device_end_unused();
	close(lock);
}
