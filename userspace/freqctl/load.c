// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl load and upgrade: a release takes over from the one that runs.
 */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "parameters.h"
#include "rehearse.h"
#include "release.h"
#include "release_name.h"

static int do_load(unsigned int number, const char *parameters)
{
	struct release_change change;

	switch (release_load(number, parameters, &change)) {
	case RELEASE_CHANGED:
		if (change.before)
			printf("v%u -> v%u, v%u idle\n", change.before, number,
			       change.before);
		else
			printf("v%u started\n", number);
		return EXIT_DONE;
	case RELEASE_UNCHANGED:
		printf("v%u runs already\n", number);
		return EXIT_DONE;
	default:
		return EXIT_FAILED;
	}
}

static int do_upgrade(unsigned int number, const char *parameters)
{
	struct release_change change;

	switch (release_upgrade(number, parameters, &change)) {
	case RELEASE_CHANGED:
		if (change.before)
			printf("v%u -> v%u, v%u removed\n", change.before,
			       number, change.before);
		else
			printf("v%u started\n", number);
		return EXIT_DONE;
	case RELEASE_UNCHANGED:
		printf("v%u runs already\n", number);
		return EXIT_DONE;
	default:
		if (change.before)
			printf("v%u -> v%u, v%u not removed\n", change.before,
			       number, change.before);
		return EXIT_FAILED;
	}
}

/* Holds the lock until the output is written. */
static int locked(unsigned int number, const char *parameters,
		  int (*act)(unsigned int number, const char *parameters))
{
	struct release_lock lock;
	int status;

	release_lock(&lock);
	status = act(number, parameters);
	release_unlock(&lock);
	return status;
}

static int load(unsigned int number, const char *parameters)
{
	return locked(number, parameters, do_load);
}

static int upgrade(unsigned int number, const char *parameters)
{
	return locked(number, parameters, do_upgrade);
}

/* Upgrades only if the release passes a rehearsal. */
static int upgrade_rehearsed(unsigned int number, const char *parameters)
{
	char *expecting = rehearse_upgrade(number, parameters);
	int status = EXIT_FAILED;

	if (expecting)
		status = upgrade(number, expecting);
	free(expecting);
	return status;
}

/* Parses the arguments, and runs @act. */
static int run(const struct command *command, int argc, char **argv,
	       int (*act)(unsigned int number, const char *parameters))
{
	unsigned int number;
	char *parameters;
	int status;

	if (optind == argc) {
		warnx("missing argument: RELEASE");
		return command_usage(command);
	}
	if (release_name_parse(argv[optind], &number))
		return command_usage(command);
	parameters = parameters_join(argc - optind - 1, argv + optind + 1);
	if (!parameters)
		return command_usage(command);

	status = act(number, parameters);
	free(parameters);
	return status;
}

static int run_load(int argc, char **argv)
{
	while (command_option(&load_command, argc, argv) != -1)
		;
	return run(&load_command, argc, argv, load);
}

enum {
	OPTION_REHEARSE = 0x100,
};

static const struct command_option upgrade_options[] = {
	{ OPTION_REHEARSE, "rehearse", NULL,
	  "only if the release passes a rehearsal" },
	{ 0 }
};

static int run_upgrade(int argc, char **argv)
{
	bool rehearsed = false;

	while (command_option(&upgrade_command, argc, argv) == OPTION_REHEARSE)
		rehearsed = true;
	return run(&upgrade_command, argc, argv,
		   rehearsed ? upgrade_rehearsed : upgrade);
}

const struct command load_command = {
	.name = "load",
	.arguments = "RELEASE [PARAMETER=VALUE...]",
	.description = "Load a release, which takes over; keep its predecessor, idle",
	.run = run_load,
};

const struct command upgrade_command = {
	.name = "upgrade",
	.arguments = "[--rehearse] RELEASE [PARAMETER=VALUE...]",
	.description = "Load a release, which takes over; remove its predecessor",
	.options = upgrade_options,
	.run = run_upgrade,
};
