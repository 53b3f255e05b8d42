// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl rehearse: a release is tried beside the running one.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "child.h"
#include "command.h"
#include "failure.h"
#include "parameters.h"
#include "rehearsal_session.h"
#include "rehearse.h"
#include "release.h"
#include "release_name.h"
#include "running.h"
#include "signals.h"

#define VARIABLE "FREQ_DEVICE"

enum verdict {
	NO_VERDICT = -1,
	PASSES,
	FAILS,
};

/* Whether it is the release's fault that it could not be loaded. */
static enum verdict load_verdict(int err, char *why, size_t size)
{
	if (err != EOPNOTSUPP && err != EPROTO)
		return NO_VERDICT;
	snprintf(why, size, "it cannot adopt the state");
	return FAILS;
}

static enum verdict try_check(struct rehearsal *rehearsal,
			      const char *parameters, bool print, char *why,
			      size_t size)
{
	enum verdict verdict = NO_VERDICT;
	struct check check;

	if (check_prepare(&check, rehearsal)) {
		warnx("cannot list the frequencies: %s", failure_text(errno));
	} else if (rehearsal_session_begin(rehearsal, parameters)) {
		verdict = load_verdict(errno, why, size);
	} else if (check_run(&check, print)) {
		snprintf(why, size, "%s", check.why);
		verdict = FAILS;
	} else {
		verdict = PASSES;
	}
	check_free(&check);
	return verdict;
}

static enum verdict command_verdict(int status, char *why, size_t size)
{
	if (!status)
		return PASSES;
	if (status > CHILD_SIGNAL)
		snprintf(why, size, "the command was killed by signal %d",
			 status - CHILD_SIGNAL);
	else
		snprintf(why, size, "the command exited with status %d",
			 status);
	return FAILS;
}

static enum verdict try_command(struct rehearsal *rehearsal,
				const char *parameters, char **argv, char *why,
				size_t size)
{
	int status;

	if (rehearsal_session_begin(rehearsal, parameters))
		return load_verdict(errno, why, size);
	if (setenv(VARIABLE, rehearsal->device, 1)) {
		warn("cannot set " VARIABLE);
		return NO_VERDICT;
	}
	status = child_run(argv, -1, &rehearsal->mask);
	return command_verdict(status, why, size);
}

static int rehearse(unsigned int number, const char *parameters, char **argv)
{
	enum verdict verdict = NO_VERDICT;
	struct rehearsal rehearsal;
	char why[300];

	if (!rehearsal_session_prepare(&rehearsal, number))
		verdict = *argv ? try_command(&rehearsal, parameters, argv,
					      why, sizeof(why)) :
				  try_check(&rehearsal, parameters, true, why,
					    sizeof(why));
	if (rehearsal_session_end(&rehearsal) && verdict == PASSES) {
		snprintf(why, sizeof(why), "the copy is still open");
		verdict = FAILS;
	}
	if (verdict == PASSES)
		printf("v%u passes\n", number);
	else if (verdict == FAILS)
		printf("v%u fails: %s\n", number, why);
	fflush(stdout);
	signals_restore(&rehearsal.mask);
	return verdict == PASSES ? EXIT_DONE : EXIT_FAILED;
}

/**
 * rehearse_quietly() - rehearse a release, with the built-in check
 * @number: the release
 * @parameters: of its module, as for release_load()
 *
 * Return: 0 if it passes; -1 with errno, after a message: ECANCELED if it
 * fails, or why it could not be tried.
 */
int rehearse_quietly(unsigned int number, const char *parameters)
{
	enum verdict verdict = NO_VERDICT;
	struct rehearsal rehearsal;
	char why[300];
	int err;

	if (!rehearsal_session_prepare(&rehearsal, number))
		verdict = try_check(&rehearsal, parameters, false, why,
				    sizeof(why));
	err = errno;
	if (rehearsal_session_end(&rehearsal)) {
		err = errno;
		verdict = NO_VERDICT;
	}
	if (verdict == FAILS) {
		warnx("v%u fails its rehearsal: %s", number, why);
		err = ECANCELED;
	}
	signals_restore(&rehearsal.mask);
	errno = err;
	return verdict == PASSES ? 0 : -1;
}

/**
 * rehearse_upgrade() - rehearse a release that is to take over
 * @number: the release
 * @parameters: of its module, as for release_load()
 *
 * One that runs is not rehearsed.
 *
 * Return: the parameters for release_upgrade(), for free(), with which it takes
 * over from that release only beside which it was rehearsed; NULL with errno as
 * rehearse_quietly() has it, after a message.
 */
char *rehearse_upgrade(unsigned int number, const char *parameters)
{
	unsigned int running = running_number();

	if (running != number && rehearse_quietly(number, parameters))
		return NULL;
	return release_expect(number, parameters, running);
}

/* Where the command begins, behind "--"; where the arguments end, if nowhere. */
static int find_command(int argc, char **argv)
{
	int i = optind;

	while (i < argc && strcmp(argv[i], "--"))
		i++;
	return i;
}

static int run(int argc, char **argv)
{
	const struct command *command = &rehearse_command;
	unsigned int number;
	char *parameters;
	int status, end;

	while (command_option(command, argc, argv) != -1)
		;
	end = find_command(argc, argv);
	if (optind == end) {
		warnx("missing argument: RELEASE");
		return command_usage(command);
	}
	if (end == argc - 1) {
		warnx("missing argument: COMMAND");
		return command_usage(command);
	}
	if (release_name_parse(argv[optind], &number))
		return command_usage(command);
	parameters = parameters_join(end - optind - 1, argv + optind + 1);
	if (!parameters)
		return command_usage(command);

	status = rehearse(number, parameters,
			  argv + (end == argc ? end : end + 1));
	free(parameters);
	return status;
}

const struct command rehearse_command = {
	.name = "rehearse",
	.arguments = "RELEASE [PARAMETER=VALUE...] [-- COMMAND [ARGUMENT...]]",
	.description = "Try a release on a copy of the state",
	.run = run,
};
