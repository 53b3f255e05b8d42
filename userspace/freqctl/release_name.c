// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of releases: v1 for a person, freq_v1 for the kernel.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "release_name.h"

#define MODULE_PREFIX "freq_v"

/**
 * release_name_parse() - parse the name of a release
 * @text: as in v2, 2 or freq_v2
 * @number: out: its number
 *
 * Return: 0; -1 with errno EINVAL if @text is no such name, after a message.
 */
int release_name_parse(const char *text, unsigned int *number)
{
	const char *digits = text;
	unsigned long value;
	char *end;

	if (!strncmp(digits, MODULE_PREFIX, strlen(MODULE_PREFIX)))
		digits += strlen(MODULE_PREFIX);
	else if (*digits == 'v')
		digits++;

	/* No leading zeros: a release has one name. */
	if (*digits >= '1' && *digits <= '9') {
		errno = 0;
		value = strtoul(digits, &end, 10);
		if (!*end && !errno && value == (unsigned int)value) {
			*number = value;
			return 0;
		}
	}
	warnx("'%s' is not a release, as v1 or v2", text);
	errno = EINVAL;
	return -1;
}

/**
 * release_name_module() - the name of the module of a release
 * @number: the release
 * @name: out: the name
 */
void release_name_module(unsigned int number, char name[RELEASE_NAME_SIZE])
{
	snprintf(name, RELEASE_NAME_SIZE, MODULE_PREFIX "%u", number);
}

/**
 * release_name_number() - the release that a module has
 * @module: the name of the module
 *
 * Return: the number of the release; 0 if the module is none.
 */
unsigned int release_name_number(const char *module)
{
	char again[RELEASE_NAME_SIZE];
	unsigned int number;

	if (strncmp(module, MODULE_PREFIX, strlen(MODULE_PREFIX)))
		return 0;
	number = strtoul(module + strlen(MODULE_PREFIX), NULL, 10);
	release_name_module(number, again);
	return strcmp(module, again) ? 0 : number;
}
