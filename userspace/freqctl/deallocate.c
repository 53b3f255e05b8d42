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

static const struct command_option options[] = {
	{ 'u', "user", "USER", "the frequencies that USER keeps; a name or a uid" },
	{ 0 }
};

static int run(int argc, char **argv)
{
	const struct command *command = &deallocate_command;
	struct freq_array frequencies = { 0 };
	const char *user = NULL;
	__u32 uid;
	int status;

	while (command_option(command, argc, argv) == 'u')
		user = optarg;
	if (user && user_find(user, &uid))
		return command_usage(command);
	if (!user && optind == argc) {
		warnx("missing argument: SPEC or --user USER");
		return command_usage(command);
	}

	status = specs_add_arguments(command, &frequencies, argc - optind,
				     argv + optind);
	if (status == EXIT_DONE)
		status = user ? give_back_kept(uid, &frequencies) :
				give_back(&frequencies);
	freq_array_free(&frequencies);
	return status;
}

const struct command deallocate_command = {
	.name = "deallocate",
	.arguments = "SPEC...|--user USER [SPEC...]",
	.description = "Give back kept frequencies",
	.options = options,
	.run = run,
};
