// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in the way of changing a release, told on stderr.
 *
 * The kernel says with an errno that something is; what that is, is looked for
 * afterwards, and can have gone by then.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_log.h"
#include "obstacle.h"
#include "process.h"
#include "rehearsed.h"
#include "release.h"

/**
 * struct module - a line of /proc/modules
 * @name: its name
 * @references: how many references to it there are
 * @state: Live, Loading or Unloading
 */
struct module {
	char name[64];
	int references;
	char state[16];
};

static bool next_module(FILE *modules, struct module *module)
{
	char line[4096];

	while (fgets(line, sizeof(line), modules))
		if (sscanf(line, "%63s %*s %d %*s %15s", module->name,
			   &module->references, module->state) == 3)
			return true;
	return false;
}

static bool find_module(const char *name, struct module *module)
{
	FILE *modules = fopen("/proc/modules", "re");
	bool found = false;

	if (!modules)
		return false;
	while (!found && next_module(modules, module))
		found = !strcmp(module->name, name);
	fclose(modules);
	return found;
}

/* Whether it is on its way in or out; tells so. */
static bool tell_change(const struct module *module)
{
	if (!strcmp(module->state, "Loading"))
		warnx("%s is just being loaded", module->name);
	else if (!strcmp(module->state, "Unloading"))
		warnx("%s is just being removed", module->name);
	else
		return false;
	return true;
}

/**
 * obstacle_tell_changes() - tell which releases are being loaded or removed
 *
 * Return: how many they are.
 */
size_t obstacle_tell_changes(void)
{
	FILE *modules = fopen("/proc/modules", "re");
	struct module module;
	size_t count = 0;

	if (!modules)
		return 0;
	while (next_module(modules, &module))
		if (release_module_number(module.name))
			count += tell_change(&module);
	fclose(modules);
	return count;
}

/**
 * obstacle_tell_processes() - tell which processes have a device open
 * @pids: the processes
 * @count: how many they are
 */
void obstacle_tell_processes(const pid_t *pids, size_t count)
{
	const char *name;
	size_t i;

	for (i = 0; i < count; i++) {
		name = process_name(pids[i]);
		warnx("open in process %d (%s)", (int)pids[i],
		      name ? name : "gone");
	}
}

/**
 * obstacle_tell_rehearsal() - tell which release is rehearsed, and by whom
 */
void obstacle_tell_rehearsal(void)
{
	unsigned int number = rehearsed_number();
	size_t count;
	pid_t *pids;

	if (!number)
		return;
	warnx("v%u is being rehearsed", number);
	if (rehearsed_list_openers(&pids, &count))
		return;
	obstacle_tell_processes(pids, count);
	free(pids);
}

/* The modules that use one, each behind a blank; empty if none does. */
static void list_holders(const char *name, char *text, size_t size)
{
	struct dirent *entry;
	size_t length = 0;
	char path[96];
	DIR *holders;

	*text = '\0';
	snprintf(path, sizeof(path), "/sys/module/%s/holders", name);
	holders = opendir(path);
	if (!holders)
		return;
	while ((entry = readdir(holders)))
		if (*entry->d_name != '.' && length < size)
			length += snprintf(text + length, size - length, " %s",
					   entry->d_name);
	closedir(holders);
}

/**
 * obstacle_tell_users() - tell what keeps a release from being removed
 * @number: the release
 * @running: the release that runs, or 0
 */
void obstacle_tell_users(unsigned int number, unsigned int running)
{
	char name[RELEASE_NAME_SIZE], users[256];
	struct module module;

	release_module_name(number, name);
	if (number == running) {
		warnx("%s runs; it can go when another release takes over",
		      name);
		return;
	}
	if (number == rehearsed_number()) {
		obstacle_tell_rehearsal();
		return;
	}
	if (!find_module(name, &module) || tell_change(&module))
		return;
	list_holders(name, users, sizeof(users));
	if (*users)
		warnx("%s does not run, but is used by%s", name, users);
	else
		warnx("%s does not run, but is in use: %d references", name,
		      module.references);
}

/*
 * Why a release could not be loaded. For a module, the kernel uses some errors
 * in senses of its own.
 */
static const struct {
	int err;
	const char *text;
} load_failures[] = {
	{ EPERM, "not permitted" },
	{ EACCES, "not permitted" },
	{ ENOENT, "unknown symbol or parameter" },
	{ ENOEXEC, "not a module for this kernel" },
	{ EBUSY, "another change is under way" },
	{ ENODEV, "no release runs" },
	{ EPROTO, "it does not understand the running release or the device" },
	{ EOPNOTSUPP, "it cannot express all that there is" },
	{ E2BIG, "too many frequencies, or it needs a newer device" },
	{ EINVAL, "it has an invalid parameter, or contradicts itself" },
	{ ERANGE, "a number is too large" },
	{ ENOMEM, "out of memory" },
};

static const char *load_failure(int err)
{
	size_t i;

	for (i = 0; i < sizeof(load_failures) / sizeof(*load_failures); i++)
		if (load_failures[i].err == err)
			return load_failures[i].text;
	return strerror(err);
}

/**
 * obstacle_tell_load() - tell why a release could not be loaded
 * @number: the release
 * @err: the errno
 * @rehearse: it was to be rehearsed
 * @log: from kernel_log_open(), before the attempt
 */
void obstacle_tell_load(unsigned int number, int err, bool rehearse, int log)
{
	char name[RELEASE_NAME_SIZE], start[RELEASE_NAME_SIZE + 2];
	bool permitted = err != EPERM && err != EACCES;
	char *line;

	release_module_name(number, name);
	snprintf(start, sizeof(start), "%s: ", name);
	line = kernel_log_newest(log, start);
	warnx("cannot load %s: %s%s", name, load_failure(err),
	      line || !permitted ? "" : "; see the kernel log");
	if (line)
		warnx("the kernel says: %s", line);
	free(line);

	if (err != EBUSY)
		return;
	if (rehearse)
		obstacle_tell_rehearsal();
	if (!obstacle_tell_changes() && !(rehearse && rehearsed_number()))
		warnx("it has ended meanwhile: try again");
}

/**
 * obstacle_tell_remove() - tell why a release could not be removed
 * @number: the release
 * @err: the errno
 */
void obstacle_tell_remove(unsigned int number, int err)
{
	char name[RELEASE_NAME_SIZE];

	release_module_name(number, name);
	warnx("cannot remove %s: %s", name,
	      err == EPERM ? "not permitted" : strerror(err));
}
