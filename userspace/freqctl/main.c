// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl: the frequency server from the command line.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const struct command *const commands[] = {
	&status_command,
	&list_command,
	&watch_command,
	&allocate_command,
	&deallocate_command,
	&inject_command,
	&run_command,
	&load_command,
	&rehearse_command,
	&upgrade_command,
	&purge_command,
	&stop_command,
	&shell_command,
};

static void print_help(FILE *out)
{
	size_t i;

	fputs("Usage: freqctl [COMMAND [ARGUMENT...]]\n\n"
	      "Allocate frequencies, and control the server that manages them.\n"
	      "Without COMMAND: status.\n\nCommands:\n", out);
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-12s %s\n", commands[i]->name,
			commands[i]->description);
	fputs("\nOptions:\n"
	      "  -h, --help     print this help, or the help of COMMAND\n"
	      "  -V, --version  print the version\n\n"
	      "Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n",
	      out);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int usage(void)
{
	fputs("Try 'freqctl --help'.\n", stderr);
	return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ .name = "help", .val = 'h' },
		{ .name = "version", .val = 'V' },
		{ 0 }
	};
	const struct command *command;

	switch (getopt_long(argc, argv, "+hV", options, NULL)) {
	case 'h':
		print_help(stdout);
		return EXIT_DONE;
	case 'V':
		puts("freqctl " FREQ_VERSION);
		return EXIT_DONE;
	case '?':
		return usage();
	}

	if (optind == argc) {
		optind = 0;
		return status_command.run(1, argv);
	}

	command = find_command(argv[optind]);
	if (!command) {
		warnx("no command '%s'", argv[optind]);
		return usage();
	}
	argc -= optind;
	argv += optind;
	/* The GNU way to make getopt_long() start anew. */
	optind = 0;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);

	/* An answer that did not get out is no answer. */
	if (fflush(stdout) || ferror(stdout)) {
		warnx("cannot write the output");
		return status ? status : EXIT_FAILED;
	}
	return status;
}
