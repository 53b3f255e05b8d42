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
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <libkmod.h>

#include "kernel_log.h"
#include "obstacle.h"
#include "rehearsed.h"
#include "release.h"

#define RUNNING_PATH "/sys/class/misc/freq/release"
#define MODULE_PREFIX "freq_v"

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

/**
 * release_module_name() - the name of the module of a release
 * @number: the release
 * @name: out: the name
 */
void release_module_name(unsigned int number, char name[RELEASE_NAME_SIZE])
{
	snprintf(name, RELEASE_NAME_SIZE, MODULE_PREFIX "%u", number);
}

/**
 * release_parse() - read the name of a release
 * @text: as in v2, 2 or freq_v2
 * @number: out: its number
 *
 * Return: 0; -1 if @text is no such name, after a message.
 */
int release_parse(const char *text, unsigned int *number)
{
	const char *digits = text;
	unsigned long value;
	char *end;

	if (!strncmp(digits, MODULE_PREFIX, strlen(MODULE_PREFIX)))
		digits += strlen(MODULE_PREFIX);
	else if (*digits == 'v')
		digits++;

	/* A name is written in one way: no zeros in front. */
	if (*digits >= '1' && *digits <= '9') {
		errno = 0;
		value = strtoul(digits, &end, 10);
		if (!*end && !errno && value == (unsigned int)value) {
			*number = value;
			return 0;
		}
	}
	warnx("'%s' is no release: v1, v2, ...", text);
	errno = EINVAL;
	return -1;
}

/**
 * release_is_parameter() - whether a text can be a parameter of a release
 * @text: the text
 *
 * Printable ASCII only, without blanks and quotes. The kernel splits parameters
 * at blanks, among them \v, \f and 0xa0. To rehearse a release is another
 * command than to load it.
 *
 * Return: true if it is PARAMETER=VALUE.
 */
bool release_is_parameter(const char *text)
{
	const char *equals = strchr(text, '=');
	const unsigned char *c;

	for (c = (const unsigned char *)text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '"')
			return false;
	return equals > text &&
	       strncmp(text, RELEASE_REHEARSE "=", equals - text + 1);
}

/* The text also arms poll() for the next change. */
static unsigned int read_running(int fd)
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
 * release_running() - which release runs
 *
 * This asks sysfs, and so is no client of the server.
 *
 * Return: its number; 0 if none does.
 */
unsigned int release_running(void)
{
	int fd = open(RUNNING_PATH, O_RDONLY | O_CLOEXEC);
	unsigned int number;

	if (fd < 0)
		return 0;
	number = read_running(fd);
	close(fd);
	return number;
}

static struct kmod_ctx *open_kmod(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	/* Messages are made here, where the cause is known better. */
	if (ctx)
		kmod_set_log_priority(ctx, LOG_CRIT);
	else
		warnx("cannot read the configuration of modules");
	return ctx;
}

static int compare(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

/**
 * release_module_number() - which release a module is
 * @name: the name of the module
 *
 * Return: the number of the release; 0 if it is none.
 */
unsigned int release_module_number(const char *name)
{
	unsigned int number;
	char again[RELEASE_NAME_SIZE];

	if (strncmp(name, MODULE_PREFIX, strlen(MODULE_PREFIX)))
		return 0;
	number = strtoul(name + strlen(MODULE_PREFIX), NULL, 10);
	release_module_name(number, again);
	return strcmp(name, again) ? 0 : number;
}

/**
 * release_list_loaded() - which releases are loaded
 * @numbers: out: their numbers, ascending, to be freed
 * @count: out: how many they are
 *
 * Return: 0; -1 with errno, after a message.
 */
int release_list_loaded(unsigned int **numbers, size_t *count)
{
	struct kmod_list *list = NULL, *item;
	unsigned int number, *more;
	struct kmod_module *module;
	struct kmod_ctx *ctx;
	int ret;

	*numbers = NULL;
	*count = 0;
	ctx = open_kmod();
	if (!ctx)
		return -1;
	ret = kmod_module_new_from_loaded(ctx, &list);
	/* This kernel has no modules. */
	if (ret == -ENOENT)
		ret = 0;
	kmod_list_foreach(item, list) {
		module = kmod_module_get_module(item);
		number = release_module_number(kmod_module_get_name(module));
		kmod_module_unref(module);
		if (!number)
			continue;
		more = reallocarray(*numbers, *count + 1, sizeof(*more));
		if (!more) {
			ret = -ENOMEM;
			break;
		}
		more[(*count)++] = number;
		*numbers = more;
	}
	kmod_module_unref_list(list);
	kmod_unref(ctx);

	if (ret < 0) {
		free(*numbers);
		errno = -ret;
		warn("cannot list the modules");
		return -1;
	}
	if (*count)
		qsort(*numbers, *count, sizeof(**numbers), compare);
	return 0;
}

static int is_busy(int err)
{
	return err == EBUSY || err == EAGAIN;
}

/* Returns 0 or a negative errno; -ENOENT if it is not loaded. */
static int try_remove(struct kmod_module *module)
{
	int ret;

	if (kmod_module_get_initstate(module) < 0)
		return -ENOENT;
	ret = kmod_module_remove_module(module, KMOD_REMOVE_NOWAIT |
						KMOD_REMOVE_NOLOG);
	return ret < 0 ? ret : 0;
}

/*
 * Removes a release that did not run a moment ago. Returns 0; -EEXIST if
 * someone else is at it; or another negative errno, after a message.
 */
static int remove_idle(struct kmod_ctx *ctx, unsigned int number)
{
	struct kmod_module *module;
	char name[RELEASE_NAME_SIZE];
	int state, ret;

	if (rehearsed_number() == number)
		rehearsed_end_left();
	release_module_name(number, name);
	ret = kmod_module_new_from_name(ctx, name, &module);
	if (ret < 0) {
		obstacle_tell_remove(number, -ret);
		return ret;
	}
	ret = try_remove(module);
	/* Being removed by someone else is another way of being busy. */
	state = kmod_module_get_initstate(module);
	kmod_module_unref(module);

	if (!ret || ret == -ENOENT)
		return 0;
	if (!is_busy(-ret)) {
		obstacle_tell_remove(number, -ret);
		return ret;
	}
	if (state != KMOD_MODULE_LIVE || release_running() == number)
		return -EEXIST;
	obstacle_tell_users(number, 0);
	return -EBUSY;
}

/* A release that does not know how to be rehearsed would take over instead. */
static bool can_be_rehearsed(struct kmod_module *module)
{
	struct kmod_list *info = NULL, *item;
	bool found = false;

	if (kmod_module_get_info(module, &info) < 0)
		return false;
	kmod_list_foreach(item, info)
		if (!strcmp(kmod_module_info_get_key(item), "parm") &&
		    !strncmp(kmod_module_info_get_value(item),
			     RELEASE_REHEARSE ":",
			     strlen(RELEASE_REHEARSE ":")))
			found = true;
	kmod_module_info_free_list(info);
	return found;
}

static int probe(struct kmod_module *module, unsigned int number,
		 const char *parameters, bool rehearse)
{
	int log, ret;

	if (rehearse && !can_be_rehearsed(module)) {
		warnx("v%u cannot be rehearsed: it is too old for that",
		      number);
		return -EOPNOTSUPP;
	}
	log = kernel_log_open();
	ret = kmod_module_probe_insert_module(module,
					      KMOD_PROBE_FAIL_ON_LOADED,
					      parameters, NULL, NULL, NULL);
	if (ret > 0)
		ret = -EPERM;
	if (ret < 0 && ret != -EEXIST)
		obstacle_tell_load(number, -ret, rehearse, log);
	if (log >= 0)
		close(log);
	return ret;
}

/* Returns 0; -EEXIST; or another negative errno, after a message. */
static int insert(struct kmod_ctx *ctx, unsigned int number,
		  const char *parameters, bool rehearse)
{
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	char name[RELEASE_NAME_SIZE];
	int ret;

	release_module_name(number, name);
	ret = kmod_module_new_from_lookup(ctx, name, &list);
	if (ret < 0 || !list) {
		warnx("there is no module %s for this kernel", name);
		return ret < 0 ? ret : -ENOENT;
	}
	module = kmod_module_get_module(list);
	ret = probe(module, number, parameters, rehearse);
	kmod_module_unref(module);
	kmod_module_unref_list(list);
	return ret;
}

/* Loads what the disk has. Returns as insert() does. */
static int load(unsigned int number, const char *parameters, bool rehearse)
{
	struct kmod_ctx *ctx = open_kmod();
	int ret;

	if (!ctx)
		return -ENOMEM;
	ret = remove_idle(ctx, number);
	if (!ret)
		ret = insert(ctx, number, parameters, rehearse);
	kmod_unref(ctx);
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

	*change = (struct release_change){ .before = release_running() };
	if (change->before == number)
		return RELEASE_UNCHANGED;

	ret = load(number, parameters, false);
	if (!ret)
		return RELEASE_CHANGED;
	if (ret == -EEXIST) {
		/* Someone else did the same at the same time. */
		if (release_running() == number)
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
	if (asprintf(&all, "%s%s" RELEASE_REHEARSE "=1", parameters,
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
	char path[96];
	FILE *file;
	int c;

	snprintf(path, sizeof(path),
		 "/sys/module/" MODULE_PREFIX "%u/parameters/"
		 RELEASE_REHEARSE, number);
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

	if (release_list_loaded(&numbers, &count))
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

static int remove_waiting(struct kmod_module *module, unsigned int number,
			  bool soft)
{
	struct wait wait = { .fd = open(RUNNING_PATH, O_RDONLY | O_CLOEXEC) };
	int ret;

	for (;;) {
		/* Read first: a change after it then ends the wait. */
		wait.running = wait.fd < 0 ? 0 : read_running(wait.fd);
		ret = try_remove(module);
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
	struct kmod_module *module;
	char name[RELEASE_NAME_SIZE];
	struct kmod_ctx *ctx;
	int ret;

	if (rehearsed_number() == number)
		rehearsed_end_left();
	ctx = open_kmod();
	if (!ctx)
		return RELEASE_FAILED;
	release_module_name(number, name);
	ret = kmod_module_new_from_name(ctx, name, &module);
	if (!ret) {
		ret = remove_waiting(module, number, soft);
		kmod_module_unref(module);
	}
	kmod_unref(ctx);

	if (!ret)
		return RELEASE_CHANGED;
	if (ret == -ENOENT)
		return RELEASE_UNCHANGED;
	if (!is_busy(-ret))
		obstacle_tell_remove(number, -ret);
	errno = is_busy(-ret) ? EBUSY : -ret;
	return RELEASE_FAILED;
}
