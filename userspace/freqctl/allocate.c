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
#include "request_options.h"
#include "server.h"
#include "signals.h"
#include "specs.h"

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

static const struct command_option options[] = {
	{ 'n', "count", "N", "allocate N, all or none; the default is 1" },
	{ REQUEST_IN, "in", "SPEC", "the lowest free ones of these; can be repeated" },
	{ REQUEST_ROW, "row", "SPACING", "N in a row, SPACING apart" },
	{ REQUEST_RESERVE, "reserve", NULL, "hold what comes free until there are N" },
	{ REQUEST_WAIT, "wait", "SECONDS", "wait for them; without SECONDS, for ever",
	  .optional = true },
	{ 0 }
};

/* Returns EXIT_DONE; or the exit status, after a message. */
static int parse(int argc, char **argv, struct held_request *request)
{
	const struct command *command = &allocate_command;
	int option, status;

	while ((option = command_option(command, argc, argv)) != -1) {
		status = request_parse(command, option, request);
		if (status != EXIT_DONE)
			return status;
	}
	status = request_check(command, request, optind < argc ? "SPECs" : NULL);
	if (status != EXIT_DONE)
		return status;
	return specs_add_arguments(command, &request->exact, argc - optind,
				   argv + optind);
}

static int run(int argc, char **argv)
{
	struct held_request request = { .flags = FREQ_ALLOCATE_KEEP };
	int status;

	status = parse(argc, argv, &request);
	if (status == EXIT_DONE)
		status = open_and_allocate(&request);
	held_request_free(&request);
	return status;
}

const struct command allocate_command = {
	.name = "allocate",
	.arguments =
		"[--in SPEC]... [--row SPACING] [--reserve] [--wait[=SECONDS]] [-n N|SPEC...]",
	.description = "Allocate frequencies, kept until deallocated",
	.options = options,
	.run = run,
};
