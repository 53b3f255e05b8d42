// SPDX-License-Identifier: GPL-2.0-only
/*
 * Releases: loading one makes it take over from the one that runs; the one
 * before is then idle, and can be removed. The running one cannot, since the
 * server holds a reference to it.
 *
 * One change is made at a time: two upgrades at once would have the same
 * predecessor, and one of them would leave a module behind. modprobe(8) takes
 * no such lock, so a change by it can come in between at any time. Therefore a
 * release is loaded on the condition that the one runs which was seen to run
 * before, if the module has a parameter for that.
 *
 * Functions report their failure on stderr, and set errno.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel_log.h"
#include "lock.h"
#include "module.h"
#include "obstacle.h"
#include "parameters.h"
#include "rehearsal_device.h"
#include "release.h"
#include "release_name.h"
#include "running.h"
#include "signals.h"

/*
 * There is no event for the last reference to a module: how often to look, in
 * milliseconds.
 */
#define USERS_INTERVAL 100

/**
 * struct wait - a wait until a release can be removed
 * @fd: from running_open(), or -1
 * @running: the running release at the last try
 * @ran: the release was the running one at the last try
 * @tries: how many tries ago that changed
 */
struct wait {
	int fd;
	unsigned int running;
	bool ran;
	unsigned int tries;
};

#define LOCK "freqctl"

/**
 * release_lock() - begin a change of releases
 * @lock: out: the lock, for release_unlock()
 *
 * Waits for the end of a change by another freqctl. Then holds signals, since a
 * change that ends in the middle leaves a module behind.
 *
 * There is no lock without /run, nor for a user who may not write there; the
 * kernel refuses changes by the latter anyway.
 */
void release_lock(struct release_lock *lock)
{
	lock->fd = lock_take(LOCK, false);
	if (lock->fd < 0 && errno == EWOULDBLOCK) {
		warnx("waiting for another freqctl, which changes releases");
		lock->fd = lock_take(LOCK, true);
	}
	signals_hold(&lock->mask);
}

/**
 * release_unlock() - end a change of releases
 * @lock: from release_lock()
 *
 * Writes the output first. errno stays as it is.
 */
void release_unlock(struct release_lock *lock)
{
	int err = errno;

	fflush(stdout);
	if (lock->fd >= 0)
		close(lock->fd);
	signals_restore(&lock->mask);
	errno = err;
}

static int is_busy(int err)
{
	return err == EBUSY || err == EAGAIN;
}

/*
 * Removes a release that did not run a moment ago. Returns 0; -EEXIST if
 * another program loads or removes it; or another negative errno, after a
 * message.
 */
static int remove_idle(unsigned int number)
{
	int ret;

	if (rehearsal_device_release() == number)
		rehearsal_device_end_abandoned();
	ret = module_remove(number);
	if (!ret || ret == -ENOENT)
		return 0;
	if (!is_busy(-ret)) {
		obstacle_report_remove(number, -ret);
		return ret;
	}
	/* Busy can also mean that another program removes it. */
	if (module_state(number) != MODULE_LIVE || running_number() == number)
		return -EEXIST;
	obstacle_report_users(number, 0);
	return -EBUSY;
}

/* Returns 0; or a negative errno, after a message. */
static int find(unsigned int number, bool rehearse)
{
	char name[RELEASE_NAME_SIZE];
	int ret;

	ret = module_find_file(number);
	if (ret) {
		release_name_module(number, name);
		warnx("there is no module %s for this kernel", name);
		return ret;
	}
	/* A release without this parameter would take over. */
	if (rehearse && !module_has_parameter(number, PARAMETER_REHEARSE)) {
		warnx("v%u does not support rehearsals",
		      number);
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * With the highest priority that this process may have: so clients that keep all
 * processors busy do not delay it. Returns 0; -EEXIST; or another negative
 * errno, after a message.
 */
static int insert(unsigned int number, const char *parameters, bool rehearse)
{
	int nice = getpriority(PRIO_PROCESS, 0), log, ret;

	log = kernel_log_open();
	setpriority(PRIO_PROCESS, 0, PRIO_MIN);
	ret = module_insert(number, parameters);
	setpriority(PRIO_PROCESS, 0, nice);
	if (ret < 0 && ret != -EEXIST)
		obstacle_report_load(number, -ret, rehearse, log);
	if (log >= 0)
		close(log);
	return ret == -ESTALE ? -EBUSY : ret;
}

/*
 * Loads the file on disk, in place of an idle module. Looks for the file before
 * it removes the module. Returns as insert() does.
 */
static int load(unsigned int number, const char *parameters, bool rehearse)
{
	int ret;

	ret = find(number, rehearse);
	if (!ret)
		ret = remove_idle(number);
	if (!ret)
		ret = insert(number, parameters, rehearse);
	return ret;
}

/**
 * release_expect() - have a release take over from a certain one only
 * @number: the release
 * @parameters: of its module, as for release_load(). What they expect already
 *	comes first.
 * @running: the number of that one, or 0 for none
 *
 * A module that was built before there was the parameter takes over from any.
 *
 * Return: the parameters for release_load(), for free(); NULL with errno, after a
 * message.
 */
char *release_expect(unsigned int number, const char *parameters,
		     unsigned int running)
{
	char *all;
	int ret;

	if (parameters_have(parameters, PARAMETER_EXPECT) ||
	    !module_has_parameter(number, PARAMETER_EXPECT))
		ret = asprintf(&all, "%s", parameters);
	else
		ret = asprintf(&all, "%s%s" PARAMETER_EXPECT "=%u", parameters,
			       *parameters ? " " : "", running);
	if (ret >= 0)
		return all;
	warn(NULL);
	errno = ENOMEM;
	return NULL;
}

/* As load(), to take over from a certain release only, or from none. */
static int load_expecting(unsigned int number, const char *parameters,
			  unsigned int running)
{
	char *all = release_expect(number, parameters, running);
	int ret;

	if (!all)
		return -errno;
	ret = load(number, all, false);
	free(all);
	return ret;
}

/*
 * Whether a release that was loaded runs. If not, it is removed: modprobe.d can
 * have made a rehearsal of it. Returns 0; or -EIO, after a message.
 */
static int verify(unsigned int number)
{
	unsigned int running = running_number();
	char name[RELEASE_NAME_SIZE];

	if (running == number)
		return 0;
	release_name_module(number, name);
	if (running)
		warnx("%s was loaded, but v%u runs", name, running);
	else
		warnx("%s was loaded, but no release runs", name);
	if (rehearsal_device_release() == number)
		rehearsal_device_end_abandoned();
	module_remove(number);
	return -EIO;
}

static void report_other(unsigned int number)
{
	warnx("freq_v%u is being loaded or removed by another program", number);
}

/**
 * release_load() - make a release run
 * @number: the release
 * @parameters: of its module, as in "frequencies=10-15", blanks between them
 * @change: out, unless it fails: the change
 *
 * An idle module of the release is removed first, so that the file on disk is
 * the code that runs.
 *
 * Context: release_lock().
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

	ret = load_expecting(number, parameters, change->before);
	if (!ret)
		ret = verify(number);
	if (!ret)
		return RELEASE_CHANGED;
	if (ret == -EEXIST) {
		/* Another program has loaded the same release. */
		if (running_number() == number)
			return RELEASE_UNCHANGED;
		report_other(number);
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
 * As for release_load(), the code is that of the file on disk.
 *
 * Return: 0; -1 with errno, after a message.
 */
int release_rehearse(unsigned int number, const char *parameters)
{
	struct release_lock lock;
	char *all;
	int ret;

	/* Of parameters with one name, the last one counts. */
	if (asprintf(&all, "%s%s" PARAMETER_REHEARSE "=1", parameters,
		     *parameters ? " " : "") < 0) {
		warn(NULL);
		return -1;
	}
	release_lock(&lock);
	ret = load(number, all, true);
	release_unlock(&lock);
	free(all);
	if (!ret)
		return 0;
	if (ret == -EEXIST) {
		report_other(number);
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
 * release_remove_rehearsed() - remove the modules of ended rehearsals
 *
 * A release that was loaded to be rehearsed never comes to run.
 */
void release_remove_rehearsed(void)
{
	unsigned int rehearsed = rehearsal_device_release(), *numbers;
	size_t count, i;

	if (module_list_loaded(&numbers, &count))
		return;
	for (i = 0; i < count; i++)
		if (numbers[i] != rehearsed && was_rehearsed(numbers[i]))
			release_purge(numbers[i], true);
	free(numbers);
}

/* Returns 0; or a negative errno, after a message. */
static int remove_before(unsigned int number)
{
	int ret = module_remove(number);

	if (!ret || ret == -ENOENT)
		return 0;
	if (is_busy(-ret))
		obstacle_report_users(number, running_number());
	else
		obstacle_report_remove(number, -ret);
	return ret;
}

/**
 * release_upgrade() - make a release run, and remove the one before
 * @number: the release
 * @parameters: of its module, as for release_load()
 * @change: out: the change. On a failure, @before is 0 if the release
 *	does not run, else that one could not be removed.
 *
 * Context: release_lock().
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
	err = -remove_before(change->before);
	if (err) {
		errno = is_busy(err) ? EBUSY : err;
		return RELEASE_FAILED;
	}
	change->removed = true;
	return RELEASE_CHANGED;
}

/*
 * Waits until it makes sense to try again, and reports the obstacle. If the
 * release runs, another one has to take over first: poll() sees that.
 */
static void wait_for_users(struct wait *wait, unsigned int number)
{
	struct pollfd change = { .fd = wait->fd, .events = POLLPRI };
	bool runs = wait->running == number;

	wait->tries = runs == wait->ran ? wait->tries + 1 : 1;
	wait->ran = runs;
	/* A takeover uses the predecessor for a moment longer. */
	if (wait->tries == (runs ? 1 : 2))
		obstacle_report_users(number, wait->running);
	poll(&change, 1, runs ? -1 : USERS_INTERVAL);
}

/* Locked for this try only: another release can take over in a wait. */
static int try_remove(unsigned int number)
{
	struct release_lock lock;
	int ret;

	release_lock(&lock);
	ret = module_remove(number);
	release_unlock(&lock);
	return ret;
}

static int remove_waiting(unsigned int number, bool soft)
{
	struct wait wait = { .fd = running_open() };
	int ret;

	for (;;) {
		/* Read first: a change after it then ends the wait. */
		wait.running = running_read(wait.fd);
		ret = try_remove(number);
		if (!is_busy(-ret))
			break;
		if (soft) {
			obstacle_report_users(number, wait.running);
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
 * Context: takes release_lock() itself.
 *
 * Return: RELEASE_CHANGED; RELEASE_UNCHANGED if it was not loaded;
 * RELEASE_FAILED with errno, after a message: EBUSY if it is in use and
 * @soft is set.
 */
enum release_result release_purge(unsigned int number, bool soft)
{
	int ret;

	if (rehearsal_device_release() == number)
		rehearsal_device_end_abandoned();
	ret = remove_waiting(number, soft);
	if (!ret)
		return RELEASE_CHANGED;
	if (ret == -ENOENT)
		return RELEASE_UNCHANGED;
	if (!is_busy(-ret))
		obstacle_report_remove(number, -ret);
	errno = is_busy(-ret) ? EBUSY : -ret;
	return RELEASE_FAILED;
}
