// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl deallocate: gives back what was allocated to be kept.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "server.h"
#include "specs.h"

static int give_back(const struct freq_array *frequencies)
{
	struct freq_client *client = server_open(O_RDWR);
	int status = EXIT_DONE;
	size_t i;

	if (!client)
		return EXIT_FAILED;
	for (i = 0; i < frequencies->count; i++) {
		if (!freq_client_deallocate(client, frequencies->values[i]))
			continue;
		warnx("cannot deallocate %llu: %s", frequencies->values[i],
		      errno == EPERM ? "someone else holds it" :
				       failure_text(errno));
		status = EXIT_FAILED;
		break;
	}
	freq_client_close(client);
	return status;
}

static int run(int argc, char **argv)
{
	const struct command *command = &deallocate_command;
	struct freq_array frequencies = { 0 };
	int status;

	while (command_option(command, argc, argv) != -1)
		;
	if (optind == argc) {
		warnx("deallocate which frequencies?");
		return command_usage(command);
	}

	status = specs_add_arguments(command, &frequencies, argc - optind,
				     argv + optind);
	if (status == EXIT_DONE)
		status = give_back(&frequencies);
	freq_array_free(&frequencies);
	return status;
}

const struct command deallocate_command = {
	.name = "deallocate",
	.arguments = "SPEC...",
	.description = "Give back kept frequencies, up to the first that fails",
	.run = run,
};
