// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl allocate: frequencies that outlive it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdio_ext.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "held.h"
#include "server.h"
#include "signals.h"

static int print(const struct freq_array *frequencies)
{
	size_t i;

	for (i = 0; i < frequencies->count; i++)
		printf("%llu\n", frequencies->values[i]);
	return fflush(stdout);
}

static int allocate(struct freq_client *client, __u32 count)
{
	struct freq_array frequencies = { 0 };
	int status = EXIT_DONE;

	if (held_allocate(client, FREQ_ALLOCATE_KEEP, count, &frequencies)) {
		status = EXIT_FAILED;
	} else if (print(&frequencies)) {
		/* Nobody knows their numbers, to give them back. */
		warn("cannot write the output");
		__fpurge(stdout);
		clearerr(stdout);
		held_deallocate(client, &frequencies);
		status = EXIT_FAILED;
	}
	freq_array_free(&frequencies);
	return status;
}

static const struct command_option options[] = {
	{ 'n', "count", "N", "allocate N, all or none; the default is 1" },
	{ 0 }
};

static int run(int argc, char **argv)
{
	const struct command *command = &allocate_command;
	struct freq_client *client;
	__u32 count = 1;
	sigset_t mask;
	int status;

	while (command_option(command, argc, argv) == 'n')
		if (command_count(optarg, &count))
			return command_usage(command);
	if (optind < argc) {
		warnx("unexpected argument '%s'", argv[optind]);
		return command_usage(command);
	}

	client = server_open(O_RDWR);
	if (!client)
		return EXIT_FAILED;
	/* None may come between the allocation and its output. */
	signals_hold(&mask);
	status = allocate(client, count);
	freq_client_close(client);
	return status;
}

const struct command allocate_command = {
	.name = "allocate",
	.arguments = "[-n N]",
	.description = "Allocate frequencies, kept until deallocated",
	.options = options,
	.run = run,
};
