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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"

static int is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/**
 * process_name() - the command name of a process
 * @pid: the process
 *
 * The one asked for last is remembered: a client can hold a million.
 *
 * Return: its name, made printable, valid until the next call; NULL if it is
 * gone or 0.
 */
const char *process_name(pid_t pid)
{
	static char name[64];
	static pid_t last;
	char path[32], *c;
	FILE *file;

	if (!pid)
		return NULL;
	if (pid == last)
		return name;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	last = 0;
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (fgets(name, sizeof(name), file)) {
		name[strcspn(name, "\n")] = '\0';
		/* A process names itself, and could write to our terminal. */
		for (c = name; *c; c++)
			if (!isascii(*c) || !isprint(*c))
				*c = '?';
		last = pid;
	}
	fclose(file);
	return last ? name : NULL;
}

/**
 * user_name() - the name of a user
 * @uid: the user
 *
 * Return: the name, or the number if it has none; valid until the next call.
 */
const char *user_name(__u32 uid)
{
	static char name[64];
	static __u32 last;
	struct passwd *user;

	if (*name && uid == last)
		return name;
	user = getpwuid(uid);
	if (user)
		snprintf(name, sizeof(name), "%s", user->pw_name);
	else
		snprintf(name, sizeof(name), "%u", uid);
	last = uid;
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

/* Whether a process has the device open; no, if it cannot be looked at. */
static int has_open(const char *pid, dev_t device)
{
	char path[32];
	struct dirent *entry;
	struct stat status;
	int found = 0;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.10s/fd", pid);
	fds = opendir(path);
	if (!fds)
		return 0;
	while (!found && (entry = readdir(fds)))
		found = is_number(entry->d_name) &&
			!fstatat(dirfd(fds), entry->d_name, &status, 0) &&
			S_ISCHR(status.st_mode) && status.st_rdev == device;
	closedir(fds);
	return found;
}

/**
 * process_list_openers() - which other processes have a device open
 * @device: the device
 * @pids: out: the processes that the caller may look at, to be freed
 * @count: out: how many they are
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
		if (pid == getpid() || !has_open(entry->d_name, device))
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
