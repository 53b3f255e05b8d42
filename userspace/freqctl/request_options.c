// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of the commands that allocate: how many frequencies, where to look, and
 * for how long to wait.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "command.h"
#include "failure.h"
#include "held.h"
#include "request_options.h"
#include "specs.h"
#include "wait.h"

#define GROUP_FLAGS (FREQ_GROUP_ROW | FREQ_GROUP_RESERVE)

static int parse_row(const char *spacing, struct held_request *request)
{
	request->flags |= FREQ_GROUP_ROW;
	errno = 0;
	if (!specs_parse_one(spacing, &request->spacing) && request->spacing)
		return 0;
	if (errno == ERANGE)
		warnx("'%s': %s", spacing, failure_text(ERANGE));
	else
		warnx("'%s' is not a distance of frequencies", spacing);
	return -1;
}

/**
 * request_parse() - read an option of a command that allocates
 * @command: the command
 * @option: from command_option(): 'n' or REQUEST_*
 * @request: where to note it; its count is 0 until there is one
 *
 * Return: EXIT_DONE; or the exit status of the command, after a message.
 */
int request_parse(const struct command *command, int option,
		  struct held_request *request)
{
	int bad = 0;

	switch (option) {
	case 'n':
		bad = command_count(optarg, &request->count);
		break;
	case REQUEST_IN:
		return spans_add_argument(command, &request->in, optarg);
	case REQUEST_ROW:
		bad = parse_row(optarg, request);
		break;
	case REQUEST_RESERVE:
		request->flags |= FREQ_GROUP_RESERVE;
		break;
	case REQUEST_WAIT:
		bad = wait_parse(optarg, &request->wait);
		break;
	}
	return bad ? command_usage(command) : EXIT_DONE;
}

/* Returns 0; -1 after a message. */
static int check_exact(const struct held_request *request, const char *exact)
{
	const char *other = NULL;

	if (request->count)
		other = "count";
	else if (request->in.count)
		other = "in";
	else if (request->flags & FREQ_GROUP_RESERVE)
		other = "reserve";
	if (!exact || !other)
		return 0;
	warnx("--%s and %s exclude each other", other, exact);
	return -1;
}

/* Returns 0; -1 after a message. */
static int check_group(const struct held_request *request)
{
	const bool row = request->flags & FREQ_GROUP_ROW;

	if (row && !request->count) {
		warnx("--row needs --count: how many are in the row");
		return -1;
	}
	if (row && request->flags & FREQ_GROUP_RESERVE) {
		warnx("--row and --reserve exclude each other");
		return -1;
	}
	if (request->flags & FREQ_GROUP_RESERVE && !request->wait.deadline) {
		warnx("--reserve needs --wait, for more than 0 s");
		return -1;
	}
	if ((request->in.count || request->flags & GROUP_FLAGS) &&
	    request->count > FREQ_GROUP_MAX) {
		warnx("--in, --row and --reserve take a --count of up to %d",
		      FREQ_GROUP_MAX);
		return -1;
	}
	return 0;
}

/**
 * request_check() - see whether the options go together
 * @command: the command
 * @request: as request_parse() has left it; its count becomes 1 if there was none
 * @exact: what of the command line names certain frequencies, or NULL
 *
 * Return: EXIT_DONE; EXIT_USAGE after a message.
 */
int request_check(const struct command *command, struct held_request *request,
		  const char *exact)
{
	if (check_exact(request, exact) || check_group(request))
		return command_usage(command);
	if (!request->count)
		request->count = 1;
	return EXIT_DONE;
}
