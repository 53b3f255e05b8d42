// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl inject: more frequencies for the server.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "server.h"
#include "specs.h"

/* Reads to the end; NULL after a message. */
static char *read_all(FILE *file, const char *name)
{
	size_t size = 0, length;
	char *text = NULL;
	ssize_t got;

	/* Up to a NUL, of which a text has none, is up to its end. */
	got = getdelim(&text, &size, '\0', file);
	length = got < 0 ? 0 : got;
	if (ferror(file)) {
		warn("cannot read %s", name);
		free(text);
		return NULL;
	}
	if (length && !text[length - 1]) {
		warnx("%s is not a text file", name);
		free(text);
		return NULL;
	}
	if (length)
		return text;
	/* getdelim() has allocated, but read nothing. */
	free(text);
	return strdup("");
}

/* Returns EXIT_*, after a message. */
static int add_file(struct freq_array *frequencies, const char *path)
{
	const char *name = strcmp(path, "-") ? path : "the standard input";
	FILE *file = name == path ? fopen(path, "re") : stdin;
	int status = EXIT_DONE;
	unsigned long line;
	char *text;

	if (!file) {
		warn("cannot open %s", name);
		return EXIT_FAILED;
	}
	text = read_all(file, name);
	if (file != stdin)
		fclose(file);
	if (!text)
		return EXIT_FAILED;

	if (specs_add_text(frequencies, text, &line)) {
		warnx("%s, line %lu: %s", name, line,
		      errno == EINVAL ? "not a list of frequencies" :
					failure_text(errno));
		status = EXIT_FAILED;
	}
	free(text);
	return status;
}

static int send(const struct freq_array *frequencies)
{
	struct freq_client *client;
	int status = EXIT_DONE;
	size_t index;

	if (!frequencies->count) {
		warnx("no frequencies to inject");
		return EXIT_FAILED;
	}
	client = server_open(O_RDWR);
	if (!client)
		return EXIT_FAILED;
	if (freq_client_inject(client, frequencies->values, frequencies->count,
			       &index)) {
		if (errno == EEXIST)
			warnx("cannot inject: %llu exists already, or is repeated",
			      frequencies->values[index]);
		else
			warnx("cannot inject: %s", failure_text(errno));
		status = EXIT_FAILED;
	}
	freq_client_close(client);
	return status;
}

static const struct command_option options[] = {
	{ 'f', "file", "PATH", "read SPECs from a file; - is the standard input" },
	{ 0 }
};

static int run(int argc, char **argv)
{
	const struct command *command = &inject_command;
	struct freq_array frequencies = { 0 };
	const char *path = NULL;
	int status;

	while (command_option(command, argc, argv) == 'f')
		path = optarg;
	if (path ? optind < argc : optind == argc) {
		warnx("inject takes either SPECs or --file");
		return command_usage(command);
	}

	if (path)
		status = add_file(&frequencies, path);
	else
		status = specs_add_arguments(command, &frequencies,
					     argc - optind, argv + optind);
	if (status == EXIT_DONE)
		status = send(&frequencies);
	freq_array_free(&frequencies);
	return status;
}

const struct command inject_command = {
	.name = "inject",
	.arguments = "SPEC...|--file PATH",
	.description = "Add frequencies to the server, all or none",
	.options = options,
	.run = run,
};
