// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl load and upgrade: a release takes over from the one that runs.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "release.h"

/* One line, as the module loader wants them; NULL after a message. */
static char *join_parameters(int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *out;
	int i;

	out = open_memstream(&text, &size);
	if (!out)
		err(EXIT_FAILED, NULL);
	for (i = 0; i < argc; i++) {
		if (!release_is_parameter(argv[i])) {
			warnx("'%s' is not PARAMETER=VALUE", argv[i]);
			fclose(out);
			free(text);
			return NULL;
		}
		fprintf(out, "%s%s", i ? " " : "", argv[i]);
	}
	if (fclose(out))
		err(EXIT_FAILED, NULL);
	return text;
}

static int load(unsigned int number, const char *parameters)
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

static int upgrade(unsigned int number, const char *parameters)
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

static int run(const struct command *command, int argc, char **argv,
	       int (*act)(unsigned int number, const char *parameters))
{
	unsigned int number;
	char *parameters;
	int status;

	while (command_option(command, argc, argv) != -1)
		;
	if (optind == argc) {
		warnx("%s which release?", command->name);
		return command_usage(command);
	}
	if (release_parse(argv[optind], &number))
		return command_usage(command);
	parameters = join_parameters(argc - optind - 1, argv + optind + 1);
	if (!parameters)
		return command_usage(command);

	status = act(number, parameters);
	free(parameters);
	return status;
}

static int run_load(int argc, char **argv)
{
	return run(&load_command, argc, argv, load);
}

static int run_upgrade(int argc, char **argv)
{
	return run(&upgrade_command, argc, argv, upgrade);
}

const struct command load_command = {
	.name = "load",
	.arguments = "RELEASE [PARAMETER=VALUE...]",
	.description = "Make a release run; the one before stays loaded, idle",
	.run = run_load,
};

const struct command upgrade_command = {
	.name = "upgrade",
	.arguments = "RELEASE [PARAMETER=VALUE...]",
	.description = "Make a release run, and remove the one before",
	.run = run_upgrade,
};
