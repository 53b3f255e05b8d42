// SPDX-License-Identifier: GPL-2.0-only
/*
 * The release that is being rehearsed, if one is: its device and its number.
 *
 * The rehearsal ends when its device is closed by the last who had it open. It
 * is left over if whoever loaded the release was killed before that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lock.h"
#include "process.h"
#include "rehearsed.h"

/* Held from before the release is loaded until it is removed. */
#define LOCK "freqctl-rehearsal"

/**
 * rehearsed_lock() - keep others from rehearsing with freqctl
 *
 * Return: as lock_take() does, without a wait.
 */
int rehearsed_lock(void)
{
	return lock_take(LOCK, false);
}

/**
 * rehearsed_number() - which release is being rehearsed
 *
 * Return: its number; 0 if none is.
 */
unsigned int rehearsed_number(void)
{
	FILE *file = fopen(REHEARSED_SYSFS "/release", "re");
	unsigned int number = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%u", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

/**
 * rehearsed_device() - the device of the rehearsal
 *
 * Return: its number; 0 if there is none.
 */
dev_t rehearsed_device(void)
{
	FILE *file = fopen(REHEARSED_SYSFS "/dev", "re");
	unsigned int major, minor;
	int found;

	if (!file)
		return 0;
	found = fscanf(file, "%u:%u", &major, &minor);
	fclose(file);
	return found == 2 ? makedev(major, minor) : 0;
}

/**
 * rehearsed_list_openers() - which other processes have the device open
 * @pids: out: as process_list_openers() has it
 * @count: out: how many they are
 *
 * Return: 0; -1 with errno.
 */
int rehearsed_list_openers(pid_t **pids, size_t *count)
{
	dev_t device = rehearsed_device();

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

	if (rehearsed_list_openers(&pids, &count))
		return 0;
	free(pids);
	return !!count;
}

/**
 * rehearsed_end_unused() - end a rehearsal that no other process has open
 */
void rehearsed_end_unused(void)
{
	int fd;

	if (is_open())
		return;
	/* This is what ends it. */
	fd = open(REHEARSED_DEVICE, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

/**
 * rehearsed_end_left() - the same, unless a freqctl is at it
 */
void rehearsed_end_left(void)
{
	int lock;

	if (!rehearsed_number())
		return;
	lock = rehearsed_lock();
	if (lock < 0)
		return;
	rehearsed_end_unused();
	close(lock);
}
