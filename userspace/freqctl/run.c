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
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libfreq.h>

#include "child.h"
#include "command.h"
#include "failure.h"
#include "held.h"
#include "label.h"
#include "request_options.h"
#include "server.h"
#include "specs.h"

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

/* The name of the command is no failure where there are no labels. */
static int set_label(struct freq_client *client, const char *label,
		     const char *path)
{
	char name[LABEL_SIZE];

	if (!label) {
		freq_client_set_label(client, label_of_command(path, name));
		return 0;
	}
	if (!freq_client_set_label(client, label))
		return 0;
	warnx("cannot set the label: %s", failure_v3_text(errno));
	return -1;
}

static int hold(struct freq_client *client, const struct held_request *request,
		const char *label, char **argv)
{
	struct freq_array frequencies = { 0 };
	int status;

	if (set_label(client, label, *argv) ||
	    held_allocate(client, request, &frequencies))
		return EXIT_FAILED;
	status = export_frequencies(&frequencies);
	if (!status)
		status = child_run(argv, freq_client_fd(client), NULL);
	held_deallocate(client, &frequencies);
	freq_array_free(&frequencies);
	return status;
}

enum {
	OPTION_EXACT = 0x100,
	OPTION_LABEL,
};

static const struct command_option options[] = {
	{ 'n', "count", "N", "hold N, all or none; the default is 1" },
	{ OPTION_EXACT, "exact", "SPEC", "hold these, all or none" },
	{ REQUEST_IN, "in", "SPEC", "the lowest free ones of these; can be repeated" },
	{ REQUEST_ROW, "row", "SPACING", "N in a row, SPACING apart" },
	{ REQUEST_RESERVE, "reserve", NULL, "hold what comes free until there are N" },
	{ REQUEST_WAIT, "wait", "SECONDS", "wait for them; without SECONDS, for ever",
	  .optional = true },
	{ OPTION_LABEL, "label", "TEXT", "say so in the list; without it, COMMAND" },
	{ 0 }
};

/**
 * struct arguments - the options of run
 * @request: what to allocate; its count is 0 without --count
 * @label: the argument of --label, or NULL
 */
struct arguments {
	struct held_request request;
	const char *label;
};

/* Returns EXIT_DONE; or the exit status, after a message. */
static int parse_option(int option, struct arguments *arguments)
{
	struct held_request *request = &arguments->request;
	const struct command *command = &run_command;

	switch (option) {
	case OPTION_EXACT:
		return specs_add_arguments(command, &request->exact, 1,
					   &optarg);
	case OPTION_LABEL:
		arguments->label = optarg;
		return label_check(optarg) ? command_usage(command) : EXIT_DONE;
	default:
		return request_parse(command, option, request);
	}
}

/* Returns EXIT_DONE; or the exit status, after a message. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
	struct held_request *request = &arguments->request;
	const struct command *command = &run_command;
	int option, status;

	while ((option = command_option(command, argc, argv)) != -1) {
		status = parse_option(option, arguments);
		if (status != EXIT_DONE)
			return status;
	}
	status = request_check(command, request,
			       request->exact.count ? "--exact" : NULL);
	if (status != EXIT_DONE)
		return status;
	if (optind == argc) {
		warnx("missing argument: COMMAND");
		return command_usage(command);
	}
	return EXIT_DONE;
}

static int open_and_hold(const struct arguments *arguments, char **argv)
{
	struct freq_client *client = server_open(O_RDWR);
	int status;

	if (!client)
		return EXIT_FAILED;
	status = hold(client, &arguments->request, arguments->label, argv);
	freq_client_close(client);
	return status;
}

static int parse_and_run(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	status = parse(argc, argv, &arguments);
	if (status == EXIT_DONE)
		status = open_and_hold(&arguments, argv + optind);
	held_request_free(&arguments.request);
	return status;
}

const struct command run_command = {
	.name = "run",
	.arguments =
		"[-n N|--exact SPEC] [--in SPEC]... [--row SPACING] [--reserve] [--wait[=SECONDS]] [--label TEXT] -- COMMAND [ARGUMENT...]",
	.description = "Hold frequencies while a command runs",
	.options = options,
	.run = parse_and_run,
};
