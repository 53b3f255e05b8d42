// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes and users: from /proc and the user database.
 */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "process.h"

static int is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* People and processes name themselves, and could write to a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (!isascii(*text) || !isprint(*text))
			*text = '?';
}

/**
 * process_name() - the command name of a process
 * @pid: the process
 * @name: out: its name, made printable
 *
 * Return: @name; NULL if the process is gone or 0.
 */
const char *process_name(pid_t pid, char name[PROCESS_NAME_SIZE])
{
	char path[32];
	FILE *file;
	bool known;

	if (!pid)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	known = fgets(name, PROCESS_NAME_SIZE, file);
	fclose(file);
	if (!known)
		return NULL;
	name[strcspn(name, "\n")] = '\0';
	make_printable(name);
	return name;
}

/**
 * user_name() - the name of a user
 * @uid: the user
 * @name: out: the name, made printable, or the number if it has none
 *
 * Return: @name.
 */
const char *user_name(__u32 uid, char name[USER_NAME_SIZE])
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(name, USER_NAME_SIZE, "%s", user->pw_name);
	else
		snprintf(name, USER_NAME_SIZE, "%u", uid);
	make_printable(name);
	return name;
}

/**
 * user_find() - find a user
 * @text: a name or a uid
 * @uid: out: the uid
 *
 * A name takes precedence over a uid. A uid need not have a name.
 *
 * Return: 0; -1 with errno EINVAL if there is no such user, after a message.
 */
int user_find(const char *text, __u32 *uid)
{
	const struct passwd *user = getpwnam(text);
	unsigned long value;

	if (user) {
		*uid = user->pw_uid;
		return 0;
	}
	if (is_number(text)) {
		errno = 0;
		value = strtoul(text, NULL, 10);
		/* (uid_t)-1 is no user. */
		if (!errno && value < UINT32_MAX) {
			*uid = value;
			return 0;
		}
	}
	warnx("there is no user '%s'", text);
	errno = EINVAL;
	return -1;
}

/*
 * Whether a descriptor of a process is a device. A file on a network or FUSE
 * server that does not answer must not block this.
 */
static bool is_device(int fds, const char *fd, dev_t device)
{
	struct statx status;

	return !statx(fds, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		      STATX_TYPE, &status) &&
	       S_ISCHR(status.stx_mode) &&
	       makedev(status.stx_rdev_major, status.stx_rdev_minor) == device;
}

enum opens {
	OPENS_UNKNOWN = -1,
	OPENS_NOT,
	OPENS,
};

/* Whether a process has a device open. */
static enum opens has_open(pid_t pid, dev_t device)
{
	enum opens opens = OPENS_NOT;
	struct dirent *entry;
	char path[32];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (!fds)
		return OPENS_UNKNOWN;
	while (opens == OPENS_NOT && (entry = readdir(fds)))
		if (is_number(entry->d_name) &&
		    is_device(dirfd(fds), entry->d_name, device))
			opens = OPENS;
	closedir(fds);
	return opens;
}

/**
 * process_holder_name() - the command name of a process that holds frequencies
 * @pid: the process that opened the client of the holder, or 0
 * @device: the device of the client; 0 if it is not known
 * @name: out: its name
 *
 * The kernel reports the pid of a process that has ended, too, and another
 * process can have got it since. One that does not have the device open, as far
 * as the caller may look at it, is not the holder.
 *
 * Return: @name; NULL if the process is gone, is another one, or is 0.
 */
const char *process_holder_name(pid_t pid, dev_t device,
				char name[PROCESS_NAME_SIZE])
{
	if (pid && device && has_open(pid, device) == OPENS_NOT)
		return NULL;
	return process_name(pid, name);
}

/**
 * process_list_openers() - list the other processes that have a device open
 * @device: the device
 * @pids: out: the processes that the caller may look at, to be freed
 * @count: out: the length of @pids
 *
 * Return: 0; -1 with errno.
 */
int process_list_openers(dev_t device, pid_t **pids, size_t *count)
{
	struct dirent *entry;
	pid_t *more, pid;
	DIR *proc;

	*pids = NULL;
	*count = 0;
	proc = opendir("/proc");
	if (!proc)
		return -1;
	while ((entry = readdir(proc))) {
		if (!is_number(entry->d_name))
			continue;
		pid = atoi(entry->d_name);
		if (pid == getpid() || has_open(pid, device) != OPENS)
			continue;
		more = reallocarray(*pids, *count + 1, sizeof(*more));
		if (!more) {
			free(*pids);
			closedir(proc);
			errno = ENOMEM;
			return -1;
		}
		more[(*count)++] = pid;
		*pids = more;
	}
	closedir(proc);
	return 0;
}
