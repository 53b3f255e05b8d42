// SPDX-License-Identifier: GPL-2.0-only
/*
 * Releases: loading one makes it take over from the one that runs; the one
 * before is then idle, and can be removed. The running one cannot, since the
 * server holds a reference to it.
 *
 * Functions here tell on stderr why they fail, and set errno.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel_log.h"
#include "module.h"
#include "obstacle.h"
#include "parameters.h"
#include "rehearsed.h"
#include "release.h"
#include "release_name.h"
#include "running.h"

/*
 * Nothing announces that a module's users are gone, other than that another
 * release runs: how often to look, in milliseconds.
 */
#define USERS_INTERVAL 100

/**
 * struct wait - a wait until a release can be removed
 * @fd: the attribute that tells which release runs; -1 if there is none
 * @running: the release that it told
 * @ran: the release was the running one at the last try
 * @tries: how many tries ago that changed
 */
struct wait {
	int fd;
	unsigned int running;
	bool ran;
	unsigned int tries;
};

static int is_busy(int err)
{
	return err == EBUSY || err == EAGAIN;
}

/*
 * Removes a release that did not run a moment ago. Returns 0; -EEXIST if
 * someone else is at it; or another negative errno, after a message.
 */
static int remove_idle(unsigned int number)
{
	int ret;

	if (rehearsed_number() == number)
		rehearsed_end_left();
	ret = module_remove(number);
	if (!ret || ret == -ENOENT)
		return 0;
	if (!is_busy(-ret)) {
		obstacle_tell_remove(number, -ret);
		return ret;
	}
	/* Being removed by someone else is another way of being busy. */
	if (module_state(number) != MODULE_LIVE || running_number() == number)
		return -EEXIST;
	obstacle_tell_users(number, 0);
	return -EBUSY;
}

/* Returns 0; -EEXIST; or another negative errno, after a message. */
static int insert(unsigned int number, const char *parameters, bool rehearse)
{
	char name[RELEASE_NAME_SIZE];
	int log, ret;

	release_name_module(number, name);
	ret = module_find_file(number);
	if (ret) {
		warnx("there is no module %s for this kernel", name);
		return ret;
	}
	/* A release that does not know how would take over instead. */
	if (rehearse && !module_has_parameter(number, PARAMETER_REHEARSE)) {
		warnx("v%u cannot be rehearsed: it is too old for that",
		      number);
		return -EOPNOTSUPP;
	}
	log = kernel_log_open();
	ret = module_insert(number, parameters);
	if (ret < 0 && ret != -EEXIST)
		obstacle_tell_load(number, -ret, rehearse, log);
	if (log >= 0)
		close(log);
	return ret;
}

/* Loads what the disk has. Returns as insert() does. */
static int load(unsigned int number, const char *parameters, bool rehearse)
{
	int ret = remove_idle(number);

	if (!ret)
		ret = insert(number, parameters, rehearse);
	return ret;
}

static void tell_other(unsigned int number)
{
	warnx("freq_v%u is being loaded or removed by someone else", number);
}

/**
 * release_load() - make a release run
 * @number: the release
 * @parameters: of its module, as in "frequencies=10-15", blanks between them
 * @change: out, unless it fails: what was changed
 *
 * A module cannot be loaded twice: if the release is loaded and idle, that
 * code is removed, and what is loaded is what the disk has.
 *
 * Return: RELEASE_CHANGED; RELEASE_UNCHANGED if it ran already;
 * RELEASE_FAILED with errno, after a message.
 */
enum release_result release_load(unsigned int number, const char *parameters,
				 struct release_change *change)
{
	int ret;

	*change = (struct release_change){ .before = running_number() };
	if (change->before == number)
		return RELEASE_UNCHANGED;

	ret = load(number, parameters, false);
	if (!ret)
		return RELEASE_CHANGED;
	if (ret == -EEXIST) {
		/* Someone else did the same at the same time. */
		if (running_number() == number)
			return RELEASE_UNCHANGED;
		tell_other(number);
		ret = -EBUSY;
	}
	errno = -ret;
	return RELEASE_FAILED;
}

/**
 * release_rehearse() - make a release run beside the running one
 * @number: the release
 * @parameters: of its module, as for release_load()
 *
 * As for release_load(), what is loaded is what the disk has.
 *
 * Return: 0; -1 with errno, after a message.
 */
int release_rehearse(unsigned int number, const char *parameters)
{
	char *all;
	int ret;

	/* The last one counts: whatever the others are. */
	if (asprintf(&all, "%s%s" PARAMETER_REHEARSE "=1", parameters,
		     *parameters ? " " : "") < 0) {
		warn(NULL);
		return -1;
	}
	ret = load(number, all, true);
	free(all);
	if (!ret)
		return 0;
	if (ret == -EEXIST) {
		tell_other(number);
		ret = -EBUSY;
	}
	errno = -ret;
	return -1;
}

/* Whether a release that is loaded was loaded to be rehearsed. */
static bool was_rehearsed(unsigned int number)
{
	char path[96], name[RELEASE_NAME_SIZE];
	FILE *file;
	int c;

	release_name_module(number, name);
	snprintf(path, sizeof(path),
		 "/sys/module/%s/parameters/" PARAMETER_REHEARSE, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	c = getc(file);
	fclose(file);
	return c == 'Y';
}

/**
 * release_remove_rehearsed() - remove what rehearsals have left loaded
 *
 * A release that was loaded to be rehearsed never comes to run.
 */
void release_remove_rehearsed(void)
{
	unsigned int rehearsed = rehearsed_number(), *numbers;
	size_t count, i;

	if (module_list_loaded(&numbers, &count))
		return;
	for (i = 0; i < count; i++)
		if (numbers[i] != rehearsed && was_rehearsed(numbers[i]))
			release_purge(numbers[i], true);
	free(numbers);
}

/**
 * release_upgrade() - make a release run, and remove the one before
 * @number: the release
 * @parameters: of its module, as for release_load()
 * @change: out: what was changed. On a failure, @before is 0 if the release
 *	does not run, else that one could not be removed.
 *
 * Return: as release_load() does.
 */
enum release_result release_upgrade(unsigned int number,
				    const char *parameters,
				    struct release_change *change)
{
	enum release_result result;
	int err;

	result = release_load(number, parameters, change);
	if (result == RELEASE_FAILED) {
		err = errno;
		*change = (struct release_change){ 0 };
		errno = err;
		return RELEASE_FAILED;
	}
	if (result == RELEASE_UNCHANGED || !change->before)
		return result;
	if (release_purge(change->before, true) == RELEASE_FAILED)
		return RELEASE_FAILED;
	change->removed = true;
	return RELEASE_CHANGED;
}

/*
 * Tells what it waits for, and waits until it makes sense to try again. If
 * the release runs, another one must take over first, and sysfs tells when.
 */
static void wait_for_users(struct wait *wait, unsigned int number)
{
	struct pollfd change = { .fd = wait->fd, .events = POLLPRI };
	bool runs = wait->running == number;

	wait->tries = runs == wait->ran ? wait->tries + 1 : 1;
	wait->ran = runs;
	/* Whoever takes over uses the release before for a moment longer. */
	if (wait->tries == (runs ? 1 : 2))
		obstacle_tell_users(number, wait->running);
	poll(&change, 1, runs ? -1 : USERS_INTERVAL);
}

static int remove_waiting(unsigned int number, bool soft)
{
	struct wait wait = { .fd = running_open() };
	int ret;

	for (;;) {
		/* Read first: a change after it then ends the wait. */
		wait.running = running_read(wait.fd);
		ret = module_remove(number);
		if (!is_busy(-ret))
			break;
		if (soft) {
			obstacle_tell_users(number, wait.running);
			break;
		}
		wait_for_users(&wait, number);
	}
	if (wait.fd >= 0)
		close(wait.fd);
	return ret;
}

/**
 * release_purge() - remove a release
 * @number: the release
 * @soft: do not wait until it can be removed
 *
 * Return: RELEASE_CHANGED; RELEASE_UNCHANGED if it was not loaded;
 * RELEASE_FAILED with errno, after a message: EBUSY if it is in use and
 * @soft is set.
 */
enum release_result release_purge(unsigned int number, bool soft)
{
	int ret;

	if (rehearsed_number() == number)
		rehearsed_end_left();
	ret = remove_waiting(number, soft);
	if (!ret)
		return RELEASE_CHANGED;
	if (ret == -ENOENT)
		return RELEASE_UNCHANGED;
	if (!is_busy(-ret))
		obstacle_tell_remove(number, -ret);
	errno = is_busy(-ret) ? EBUSY : -ret;
	return RELEASE_FAILED;
}
