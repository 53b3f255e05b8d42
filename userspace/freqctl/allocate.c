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
#include "held.h"
#include "server.h"
#include "signals.h"
#include "specs.h"
#include "wait.h"

static int print(const struct freq_array *frequencies)
{
	size_t i;

	for (i = 0; i < frequencies->count; i++)
		printf("%llu\n", frequencies->values[i]);
	return fflush(stdout);
}

static int allocate(struct freq_client *client,
		    const struct held_request *request)
{
	struct freq_array frequencies = { 0 };
	int status = EXIT_DONE;

	if (held_allocate(client, request, &frequencies)) {
		/* The signal that has ended the wait ends the program. */
		if (errno == EINTR)
			signals_restore(request->mask);
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

static int open_and_allocate(struct held_request *request)
{
	struct freq_client *client = server_open(O_RDWR);
	sigset_t mask;
	int status;

	if (!client)
		return EXIT_FAILED;
	/* None may come between the allocation and its output. */
	signals_hold(&mask);
	request->mask = &mask;
	status = allocate(client, request);
	freq_client_close(client);
	return status;
}

enum {
	OPTION_WAIT = 0x100,
};

static const struct command_option options[] = {
	{ 'n', "count", "N", "allocate N, all or none; the default is 1" },
	{ OPTION_WAIT, "wait", "SECONDS", "wait for them; without SECONDS, for ever",
	  .optional = true },
	{ 0 }
};

static int run(int argc, char **argv)
{
	struct held_request request = { .flags = FREQ_ALLOCATE_KEEP };
	const struct command *command = &allocate_command;
	int option, status;

	while ((option = command_option(command, argc, argv)) != -1) {
		if (option == 'n' ? command_count(optarg, &request.count) :
				    wait_parse(optarg, &request.wait))
			return command_usage(command);
	}
	if (request.count && optind < argc) {
		warnx("--count and SPECs exclude each other");
		return command_usage(command);
	}
	if (!request.count)
		request.count = 1;

	status = specs_add_arguments(command, &request.exact, argc - optind,
				     argv + optind);
	if (status == EXIT_DONE)
		status = open_and_allocate(&request);
	freq_array_free(&request.exact);
	return status;
}

const struct command allocate_command = {
	.name = "allocate",
	.arguments = "[--wait[=SECONDS]] [-n N|SPEC...]",
	.description = "Allocate frequencies, kept until deallocated",
	.options = options,
	.run = run,
};
