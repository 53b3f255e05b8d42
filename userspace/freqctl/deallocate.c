// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl deallocate: gives kept frequencies back.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "held.h"
#include "kept.h"
#include "process.h"
#include "server.h"
#include "specs.h"

static const char *reason(const struct freq_array *frequencies, size_t index)
{
	size_t i;

	if (errno == EPERM)
		return "another client holds it";
	if (errno == ENOENT)
		for (i = 0; i < index; i++)
			if (frequencies->values[i] ==
			    frequencies->values[index])
				return "it is repeated";
	return failure_text(errno);
}

static int give_back(const struct freq_array *frequencies)
{
	struct freq_client *client = server_open(O_RDWR);
	int status = EXIT_DONE;
	size_t index;

	if (!client)
		return EXIT_FAILED;
	if (held_give_back(client, frequencies, &index)) {
		warnx("cannot deallocate %llu: %s", frequencies->values[index],
		      reason(frequencies, index));
		status = EXIT_FAILED;
	}
	freq_client_close(client);
	return status;
}

static int give_back_grant(__u64 frequency, __u64 grant)
{
	struct freq_client *client = server_open(O_RDWR);
	int status = EXIT_DONE;

	if (!client)
		return EXIT_FAILED;
	if (freq_client_deallocate_grant(client, frequency, grant)) {
		warnx("cannot deallocate %llu: %s", frequency,
		      errno == EPERM ? "another client holds it" :
				       failure_v3_text(errno));
		status = EXIT_FAILED;
	}
	freq_client_close(client);
	return status;
}

static int give_back_kept(__u32 uid, struct freq_array *only)
{
	struct freq_client *client = server_open(O_RDWR);
	int status = EXIT_DONE;

	if (!client)
		return EXIT_FAILED;
	if (kept_give_back(client, uid, only))
		status = EXIT_FAILED;
	freq_client_close(client);
	return status;
}

/**
 * struct arguments - what to give back
 * @frequencies: these; with @user, of these only those that it keeps, unless
 *	this is empty
 * @grant: only this grant of the one frequency; 0: whichever it is
 * @user: the argument of --user, or NULL
 * @uid: that user
 */
struct arguments {
	struct freq_array frequencies;
	__u64 grant;
	const char *user;
	__u32 uid;
};

enum {
	OPTION_GRANT = 0x100,
};

static const struct command_option options[] = {
	{ 'u', "user", "USER", "the frequencies that USER keeps; a name or a uid" },
	{ OPTION_GRANT, "grant", "N", "only if it is allocated by this grant still" },
	{ 0 }
};

/* Returns EXIT_DONE; or the exit status, after a message. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
	const struct command *command = &deallocate_command;
	int option, status;

	while ((option = command_option(command, argc, argv)) != -1) {
		if (option == 'u')
			arguments->user = optarg;
		else if (command_grant(optarg, &arguments->grant))
			return command_usage(command);
	}
	if (arguments->user && user_find(arguments->user, &arguments->uid))
		return command_usage(command);
	if (arguments->user && arguments->grant) {
		warnx("--user and --grant exclude each other");
		return command_usage(command);
	}
	if (!arguments->user && optind == argc) {
		warnx("missing argument: SPEC or --user USER");
		return command_usage(command);
	}
	status = specs_add_arguments(command, &arguments->frequencies,
				     argc - optind, argv + optind);
	if (status == EXIT_DONE && arguments->grant &&
	    arguments->frequencies.count != 1) {
		warnx("--grant takes one frequency");
		return command_usage(command);
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	status = parse(argc, argv, &arguments);
	if (status != EXIT_DONE)
		goto free;
	if (arguments.user)
		status = give_back_kept(arguments.uid, &arguments.frequencies);
	else if (arguments.grant)
		status = give_back_grant(*arguments.frequencies.values,
					 arguments.grant);
	else
		status = give_back(&arguments.frequencies);
free:
	freq_array_free(&arguments.frequencies);
	return status;
}

const struct command deallocate_command = {
	.name = "deallocate",
	.arguments = "SPEC...|--user USER [SPEC...]|--grant N SPEC",
	.description = "Give back kept frequencies",
	.options = options,
	.run = run,
};
