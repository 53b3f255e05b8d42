// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel modules of releases, by way of libkmod.
 *
 * Each function has a libkmod context of its own: the configuration and the
 * index of modules can change while freqctl shell is open.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <libkmod.h>

#include "module.h"
#include "release_name.h"

static struct kmod_ctx *open_kmod(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	/* obstacle.c knows the causes better. */
	if (ctx)
		kmod_set_log_priority(ctx, LOG_CRIT);
	else
		warnx("cannot read the configuration of modules");
	return ctx;
}

/* The context goes with close_module(). */
static struct kmod_module *open_module(unsigned int number)
{
	struct kmod_module *module = NULL;
	char name[RELEASE_NAME_SIZE];
	struct kmod_ctx *ctx;

	ctx = open_kmod();
	if (!ctx)
		return NULL;
	release_name_module(number, name);
	kmod_module_new_from_name(ctx, name, &module);
	kmod_unref(ctx);
	return module;
}

static void close_module(struct kmod_module *module)
{
	if (module)
		kmod_module_unref(module);
}

static int compare(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

static int add_numbers(struct kmod_list *list, unsigned int **numbers,
		       size_t *count)
{
	unsigned int number, *more;
	struct kmod_module *module;
	struct kmod_list *item;

	kmod_list_foreach(item, list) {
		module = kmod_module_get_module(item);
		number = release_name_number(kmod_module_get_name(module));
		kmod_module_unref(module);
		if (!number)
			continue;
		more = reallocarray(*numbers, *count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		more[(*count)++] = number;
		*numbers = more;
	}
	return 0;
}

/**
 * module_list_loaded() - list the releases that are loaded
 * @numbers: out: their numbers, ascending, to be freed
 * @count: out: the length of @numbers
 *
 * Those that are being loaded or removed are among them.
 *
 * Return: 0; -1 with errno, after a message.
 */
int module_list_loaded(unsigned int **numbers, size_t *count)
{
	struct kmod_list *list = NULL;
	struct kmod_ctx *ctx;
	int ret;

	*numbers = NULL;
	*count = 0;
	ctx = open_kmod();
	if (!ctx)
		return -1;
	ret = kmod_module_new_from_loaded(ctx, &list);
	if (!ret)
		ret = add_numbers(list, numbers, count);
	else if (ret == -ENOENT)
		ret = 0; /* a kernel without modules */
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

/**
 * module_state() - the state of the module of a release
 * @number: the release
 *
 * Return: MODULE_*; MODULE_ABSENT on an error, too.
 */
enum module_state module_state(unsigned int number)
{
	struct kmod_module *module = open_module(number);
	int state = -1;

	if (module)
		state = kmod_module_get_initstate(module);
	close_module(module);
	switch (state) {
	case KMOD_MODULE_COMING:
		return MODULE_LOADING;
	case KMOD_MODULE_LIVE:
		return MODULE_LIVE;
	case KMOD_MODULE_GOING:
		return MODULE_REMOVING;
	default:
		return MODULE_ABSENT;
	}
}

/**
 * module_references() - the reference count of the module of a release
 * @number: the release
 *
 * Return: the count; 0 if it is not known.
 */
int module_references(unsigned int number)
{
	struct kmod_module *module = open_module(number);
	int count = 0;

	if (module)
		count = kmod_module_get_refcnt(module);
	close_module(module);
	return count > 0 ? count : 0;
}

/**
 * module_list_users() - the modules that use that of a release
 * @number: the release
 * @text: out: their names, a blank before each; empty if there are none
 * @size: of @text
 */
void module_list_users(unsigned int number, char *text, size_t size)
{
	struct kmod_module *module = open_module(number), *user;
	struct kmod_list *list = NULL, *item;
	size_t length = 0;

	*text = '\0';
	if (module)
		list = kmod_module_get_holders(module);
	kmod_list_foreach(item, list) {
		user = kmod_module_get_module(item);
		if (length < size)
			length += snprintf(text + length, size - length, " %s",
					   kmod_module_get_name(user));
		kmod_module_unref(user);
	}
	kmod_module_unref_list(list);
	close_module(module);
}

/* The module as modprobe(8) would find it; NULL with errno. */
static struct kmod_module *look_up(unsigned int number)
{
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;
	char name[RELEASE_NAME_SIZE];
	struct kmod_ctx *ctx;
	int ret;

	ctx = open_kmod();
	if (!ctx) {
		errno = ENOMEM;
		return NULL;
	}
	release_name_module(number, name);
	ret = kmod_module_new_from_lookup(ctx, name, &list);
	if (list)
		module = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	if (!module)
		errno = ret < 0 ? -ret : ENOENT;
	return module;
}

/**
 * module_find_file() - whether there is a module of a release for this kernel
 * @number: the release
 *
 * Return: 0; or a negative errno, -ENOENT if there is no file.
 */
int module_find_file(unsigned int number)
{
	struct kmod_module *module = look_up(number);
	const char *path;
	int ret = 0;

	if (!module)
		return -errno;
	/* The index can name a file that is gone. */
	path = kmod_module_get_path(module);
	if (path && access(path, R_OK))
		ret = -errno;
	kmod_module_unref(module);
	return ret;
}

/**
 * module_has_parameter() - whether the module file of a release has a parameter
 * @number: the release
 * @name: the name of the parameter
 *
 * Return: true if it has; false on an error, too.
 */
bool module_has_parameter(unsigned int number, const char *name)
{
	struct kmod_module *module = look_up(number);
	struct kmod_list *info = NULL, *item;
	size_t length = strlen(name);
	const char *value;
	bool found = false;

	if (!module)
		return false;
	if (kmod_module_get_info(module, &info) < 0)
		info = NULL;
	kmod_list_foreach(item, info) {
		if (strcmp(kmod_module_info_get_key(item), "parm"))
			continue;
		/* "name:description" */
		value = kmod_module_info_get_value(item);
		if (!strncmp(value, name, length) && value[length] == ':')
			found = true;
	}
	kmod_module_info_free_list(info);
	kmod_module_unref(module);
	return found;
}

/**
 * module_insert() - load the module of a release from its file
 * @number: the release
 * @parameters: as in "frequencies=10-15", blanks between them
 *
 * Return: 0; or a negative errno: -EEXIST if it is loaded.
 */
int module_insert(unsigned int number, const char *parameters)
{
	struct kmod_module *module = look_up(number);
	int ret;

	if (!module)
		return -errno;
	ret = kmod_module_probe_insert_module(module,
					      KMOD_PROBE_FAIL_ON_LOADED,
					      parameters, NULL, NULL, NULL);
	kmod_module_unref(module);
	/* A positive value: the configuration forbids it. */
	return ret > 0 ? -EPERM : ret;
}

/**
 * module_remove() - remove the module of a release
 * @number: the release
 *
 * Return: 0; or a negative errno: -ENOENT if it is not loaded, -EBUSY or
 * -EAGAIN if it is in use.
 */
int module_remove(unsigned int number)
{
	struct kmod_module *module = open_module(number);
	int ret;

	if (!module)
		return -ENOMEM;
	if (kmod_module_get_initstate(module) < 0)
		ret = -ENOENT;
	else
		ret = kmod_module_remove_module(module, KMOD_REMOVE_NOWAIT |
							KMOD_REMOVE_NOLOG);
	close_module(module);
	return ret < 0 ? ret : 0;
}
