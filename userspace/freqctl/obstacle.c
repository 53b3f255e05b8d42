// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports, on stderr, why a release cannot be changed.
 *
 * The kernel returns an errno only. The obstacle is looked for afterwards, and
 * can be gone by then.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_log.h"
#include "module.h"
#include "obstacle.h"
#include "process.h"
#include "rehearsal_device.h"
#include "release_name.h"
#include "running.h"

/* Returns true, after a message, if a release is being loaded or removed. */
static bool report_change(unsigned int number)
{
	char name[RELEASE_NAME_SIZE];

	release_name_module(number, name);
	switch (module_state(number)) {
	case MODULE_LOADING:
		warnx("%s is being loaded", name);
		return true;
	case MODULE_REMOVING:
		warnx("%s is being removed", name);
		return true;
	default:
		return false;
	}
}

/**
 * obstacle_report_changes() - report releases that are being loaded or removed
 *
 * Return: their number.
 */
size_t obstacle_report_changes(void)
{
	size_t count, i, changes = 0;
	unsigned int *numbers;

	if (module_list_loaded(&numbers, &count))
		return 0;
	for (i = 0; i < count; i++)
		changes += report_change(numbers[i]);
	free(numbers);
	return changes;
}

/**
 * obstacle_report_processes() - report processes that have a device open
 * @pids: the processes
 * @count: the length of @pids
 */
void obstacle_report_processes(const pid_t *pids, size_t count)
{
	char text[PROCESS_NAME_SIZE];
	const char *name;
	size_t i;

	for (i = 0; i < count; i++) {
		name = process_name(pids[i], text);
		warnx("open in process %d (%s)", (int)pids[i],
		      name ? name : "gone");
	}
}

/**
 * obstacle_report_rehearsal() - report the rehearsal and its processes
 */
void obstacle_report_rehearsal(void)
{
	unsigned int number = rehearsal_device_release();
	size_t count;
	pid_t *pids;

	if (!number)
		return;
	warnx("v%u is being rehearsed", number);
	if (rehearsal_device_list_openers(&pids, &count))
		return;
	obstacle_report_processes(pids, count);
	free(pids);
}

/**
 * obstacle_report_users() - report why a release cannot be removed
 * @number: the release
 * @running: the release that runs, or 0
 */
void obstacle_report_users(unsigned int number, unsigned int running)
{
	char name[RELEASE_NAME_SIZE], users[256];

	release_name_module(number, name);
	if (number == running) {
		warnx("%s runs; it can go when another release takes over",
		      name);
		return;
	}
	if (number == rehearsal_device_release()) {
		obstacle_report_rehearsal();
		return;
	}
	if (module_state(number) == MODULE_ABSENT || report_change(number))
		return;
	module_list_users(number, users, sizeof(users));
	if (*users)
		warnx("%s does not run, but is used by%s", name, users);
	else
		warnx("%s does not run, but is in use: %d references", name,
		      module_references(number));
}

/*
 * Why a release could not be loaded. Some errors of the module loader have a
 * meaning of their own.
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
	{ EPROTO, "it does not support the state format of the running release, or the device" },
	{ EOPNOTSUPP, "its state format cannot represent the current state" },
	{ E2BIG, "too many frequencies, or it needs a newer device" },
	{ EINVAL, "an invalid parameter, or an inconsistent release" },
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

/* The release that was expected to run does not. */
static void report_taken_over(const char *name)
{
	unsigned int running = running_number();

	if (running)
		warnx("cannot load %s: another release has taken over meanwhile: release %u runs",
		      name, running);
	else
		warnx("cannot load %s: the server was stopped meanwhile", name);
}

/**
 * obstacle_report_load() - report why a release could not be loaded
 * @number: the release
 * @err: the errno
 * @rehearse: it was to be rehearsed
 * @log: from kernel_log_open(), before the attempt
 */
void obstacle_report_load(unsigned int number, int err, bool rehearse, int log)
{
	char name[RELEASE_NAME_SIZE], start[RELEASE_NAME_SIZE + 2];
	bool permitted = err != EPERM && err != EACCES;
	char *line;

	release_name_module(number, name);
	if (err == ESTALE) {
		report_taken_over(name);
		return;
	}
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
		obstacle_report_rehearsal();
	if (!obstacle_report_changes() &&
	    !(rehearse && rehearsal_device_release()))
		warnx("the other change has ended: try again");
}

/**
 * obstacle_report_remove() - report why a release could not be removed
 * @number: the release
 * @err: the errno
 */
void obstacle_report_remove(unsigned int number, int err)
{
	char name[RELEASE_NAME_SIZE];

	release_name_module(number, name);
	warnx("cannot remove %s: %s", name,
	      err == EPERM ? "not permitted" : strerror(err));
}
