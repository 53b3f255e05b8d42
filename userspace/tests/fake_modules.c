// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules of releases in a folder, so that freqctl can change releases without
 * a kernel that has them. Without FAKE_MODULES, the real ones.
 *
 *	FAKE_MODULES	a folder: the file disk.N is the module file of release
 *			N, and has the names of its parameters but for rehearse,
 *			a line each; loaded.N is its module; running has the
 *			number of the running release
 *	FAKE_LOG	a file: each insertion and removal, a line each
 *	FAKE_NICE	a file: the priority at each insertion and removal, a line
 *			each, as nice(1) prints it
 *	FAKE_DELAY	how long a takeover lasts, in microseconds
 *	FAKE_SIGNAL	a signal in the middle of a takeover, to freqctl itself
 *	FAKE_IDLE	an inserted release does not take over
 *	FAKE_OTHER	a release that another program makes run when one is to be
 *			inserted; 0: it stops the server
 *	FAKE_OTHER_AFTER_REHEARSAL
 *			one that another program makes run then
 *	FAKE_REFERENCES	the references to each release that does not run
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../freqctl/lock.h"
#include "../freqctl/parameters.h"
#include "fake_modules.h"

#define LARGEST 99

static const char *folder(void)
{
	return getenv("FAKE_MODULES");
}

static const char *path_of(const char *kind, unsigned int number)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s.%u", folder(), kind, number);
	return path;
}

static bool is_there(const char *kind, unsigned int number)
{
	return !access(path_of(kind, number), F_OK);
}

static void write_line(const char *path, const char *mode, const char *text)
{
	FILE *file = fopen(path, mode);

	if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file))
		abort();
}

static void set_running(const char *number)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/running", folder());
	write_line(path, "we", number);
}

static void log_action(const char *action, unsigned int number,
		       const char *parameters)
{
	char text[256];

	if (!getenv("FAKE_LOG"))
		return;
	snprintf(text, sizeof(text), "%s %u%s%s", action, number,
		 *parameters ? " " : "", parameters);
	write_line(getenv("FAKE_LOG"), "ae", text);
}

static void log_priority(void)
{
	char text[16];

	if (!getenv("FAKE_NICE"))
		return;
	snprintf(text, sizeof(text), "%d", getpriority(PRIO_PROCESS, 0));
	write_line(getenv("FAKE_NICE"), "ae", text);
}

int __wrap_running_open(void)
{
	char path[256];

	if (!folder())
		return __real_running_open();
	snprintf(path, sizeof(path), "%s/running", folder());
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* As the real one, by way of the descriptor of this file. */
unsigned int __wrap_running_number(void)
{
	unsigned int number;
	int fd;

	if (!folder())
		return __real_running_number();
	fd = __wrap_running_open();
	if (fd < 0)
		return 0;
	number = running_read(fd);
	close(fd);
	return number;
}

int __wrap_module_list_loaded(unsigned int **numbers, size_t *count)
{
	unsigned int number;

	if (!folder())
		return __real_module_list_loaded(numbers, count);
	*count = 0;
	*numbers = calloc(LARGEST, sizeof(**numbers));
	if (!*numbers)
		abort();
	for (number = 1; number <= LARGEST; number++)
		if (is_there("loaded", number))
			(*numbers)[(*count)++] = number;
	return 0;
}

enum module_state __wrap_module_state(unsigned int number)
{
	if (!folder())
		return __real_module_state(number);
	return is_there("loaded", number) ? MODULE_LIVE : MODULE_ABSENT;
}

int __wrap_lock_take(const char *name, bool wait)
{
	return folder() ? lock_take_in(folder(), name, wait) :
			  __real_lock_take(name, wait);
}

static int fake_references(void)
{
	const char *references = getenv("FAKE_REFERENCES");

	return references ? atoi(references) : 0;
}

int __wrap_module_references(unsigned int number)
{
	return folder() ? fake_references() : __real_module_references(number);
}

int __wrap_module_find_file(unsigned int number)
{
	if (!folder())
		return __real_module_find_file(number);
	return is_there("disk", number) ? 0 : -ENOENT;
}

/* Whether a module file has a parameter among its lines. */
static bool is_listed(unsigned int number, const char *name)
{
	FILE *file = fopen(path_of("disk", number), "re");
	bool found = false;
	char line[64];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found |= !strcmp(line, name);
	}
	if (file)
		fclose(file);
	return found;
}

bool __wrap_module_has_parameter(unsigned int number, const char *name)
{
	if (!folder())
		return __real_module_has_parameter(number, name);
	return is_there("disk", number) && (!strcmp(name, PARAMETER_REHEARSE) ||
					    is_listed(number, name));
}

/* As the kernel's parameter does: of several, the last one counts. */
static bool is_expected(const char *parameters)
{
	const char *at = parameters;
	int expected = -1;

	while ((at = strstr(at, PARAMETER_EXPECT "="))) {
		at += strlen(PARAMETER_EXPECT "=");
		expected = atoi(at);
	}
	return expected < 0 ||
	       __wrap_running_number() == (unsigned int)expected;
}

int __wrap_module_insert(unsigned int number, const char *parameters)
{
	char text[16];

	log_priority();
	if (!folder())
		return __real_module_insert(number, parameters);
	if (!is_there("disk", number))
		return -ENOENT;
	if (is_there("loaded", number))
		return -EEXIST;
	log_action("insert", number, parameters);
	if (getenv("FAKE_OTHER"))
		set_running(getenv("FAKE_OTHER"));
	if (!is_expected(parameters))
		return -ESTALE;
	write_line(path_of("loaded", number), "we", "");
	if (getenv("FAKE_SIGNAL"))
		kill(getpid(), atoi(getenv("FAKE_SIGNAL")));
	if (getenv("FAKE_DELAY"))
		usleep(atoi(getenv("FAKE_DELAY")));
	if (getenv("FAKE_IDLE"))
		return 0;
	snprintf(text, sizeof(text), "%u", number);
	set_running(text);
	return 0;
}

void fake_modules_end_rehearsal(void)
{
	if (folder() && getenv("FAKE_OTHER_AFTER_REHEARSAL"))
		set_running(getenv("FAKE_OTHER_AFTER_REHEARSAL"));
}

int __wrap_module_remove(unsigned int number)
{
	log_priority();
	if (!folder())
		return __real_module_remove(number);
	if (!is_there("loaded", number))
		return -ENOENT;
	if (__wrap_running_number() == number || fake_references())
		return -EBUSY;
	if (unlink(path_of("loaded", number)))
		return -ENOENT;
	log_action("remove", number, "");
	return 0;
}
