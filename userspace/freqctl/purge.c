// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl purge: the code of a release that does not run any more.
 */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "command.h"
#include "release.h"
#include "release_name.h"

static int purge(unsigned int number, bool soft)
{
	switch (release_purge(number, soft)) {
	case RELEASE_CHANGED:
		printf("v%u removed\n", number);
		return EXIT_DONE;
	case RELEASE_UNCHANGED:
		printf("v%u is not loaded\n", number);
		return EXIT_DONE;
	default:
		return EXIT_FAILED;
	}
}

static const struct command_option options[] = {
	{ 's', "soft", NULL, "do not wait: fail if the release is in use" },
	{ 0 }
};

static int run(int argc, char **argv)
{
	const struct command *command = &purge_command;
	unsigned int number;
	bool soft = false;

	while (command_option(command, argc, argv) == 's')
		soft = true;
	if (argc - optind != 1) {
		warnx("purge takes one release");
		return command_usage(command);
	}
	if (release_name_parse(argv[optind], &number))
		return command_usage(command);
	return purge(number, soft);
}

const struct command purge_command = {
	.name = "purge",
	.arguments = "[--soft] RELEASE",
	.description = "Remove a release, as soon as it is unused",
	.options = options,
	.run = run,
};
