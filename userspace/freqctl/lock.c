// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks between several freqctl: flock(2) on files that only root can open. Any
 * user with read access could block a lock on the device or a module file. The
 * kernel drops a lock when its process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "lock.h"

#define FOLDER "/run"

/**
 * lock_take_in() - take a lock whose file is in a certain folder
 * @folder: the folder
 * @name: the name of the lock
 * @wait: wait until no other process has it
 *
 * Return: as lock_take() does.
 */
int lock_take_in(const char *folder, const char *name, bool wait)
{
	int fd, ret, err;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.lock", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	do {
		ret = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
	} while (ret && errno == EINTR);
	if (!ret)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/**
 * lock_take() - take a lock
 * @name: the name of the lock
 * @wait: wait until no other process has it
 *
 * Return: a descriptor, which holds the lock until it is closed; -1 with errno:
 * EWOULDBLOCK if another process has the lock, or an error of open(2).
 */
int lock_take(const char *name, bool wait)
{
	return lock_take_in(FOLDER, name, wait);
}
