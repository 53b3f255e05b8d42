// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl run: frequencies for the time that a command runs.
 *
 * 1. A client allocates them. They are not kept: should everything that has
 *    its descriptor be killed, the kernel gives them back.
 * 2. The command inherits the descriptor, so that they stay its own if only
 *    this program is killed.
 * 3. When the command has ended, they are given back by request, since some
 *    daemon that it left behind can have the descriptor, too.
 */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libfreq.h>

#include "child.h"
#include "command.h"
#include "held.h"
#include "server.h"

#define VARIABLE "FREQ_FREQUENCIES"

/* MAX_ARG_STRLEN of the kernel: with the name and the end of the text */
static size_t variable_max(void)
{
	return 32 * sysconf(_SC_PAGESIZE);
}

/* Returns 0; or the exit status, after a message. */
static int export_frequencies(const struct freq_array *frequencies)
{
	size_t size, i;
	char *text;
	int ret = EXIT_FAILED;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out) {
		warn("cannot set " VARIABLE);
		return ret;
	}
	for (i = 0; i < frequencies->count; i++)
		fprintf(out, "%s%llu", i ? "," : "", frequencies->values[i]);
	if (fclose(out)) {
		warn("cannot set " VARIABLE);
	} else if (strlen(VARIABLE "=") + size >= variable_max()) {
		warnx("cannot run the command: " VARIABLE " is too long: %zu bytes",
		      size);
		ret = CHILD_CANNOT_RUN;
	} else if (setenv(VARIABLE, text, 1)) {
		warn("cannot set " VARIABLE);
	} else {
		ret = 0;
	}
	free(text);
	return ret;
}

static int hold(struct freq_client *client, __u32 count, char **argv)
{
	struct freq_array frequencies = { 0 };
	int status;

	if (held_allocate(client, 0, count, &frequencies))
		return EXIT_FAILED;
	status = export_frequencies(&frequencies);
	if (!status)
		status = child_run(argv, freq_client_fd(client), NULL);
	held_deallocate(client, &frequencies);
	freq_array_free(&frequencies);
	return status;
}

static const struct command_option options[] = {
	{ 'n', "count", "N", "hold N, all or none; the default is 1" },
	{ 0 }
};

static int parse_and_run(int argc, char **argv)
{
	const struct command *command = &run_command;
	struct freq_client *client;
	__u32 count = 1;
	int status;

	while (command_option(command, argc, argv) == 'n')
		if (command_count(optarg, &count))
			return command_usage(command);
	if (optind == argc) {
		warnx("missing argument: COMMAND");
		return command_usage(command);
	}

	client = server_open(O_RDWR);
	if (!client)
		return EXIT_FAILED;
	status = hold(client, count, argv + optind);
	freq_client_close(client);
	return status;
}

const struct command run_command = {
	.name = "run",
	.arguments = "[-n N] -- COMMAND [ARGUMENT...]",
	.description = "Hold frequencies while a command runs",
	.options = options,
	.run = parse_and_run,
};
