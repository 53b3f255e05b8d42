// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl stop: detach the running release.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "server.h"

static int detach(struct freq_client *client)
{
	struct freq_info info = { 0 };

	/* The number is not known any more when it has stopped. */
	if (!freq_client_info(client, &info, sizeof(info)) &&
	    !freq_client_stop(client)) {
		printf("v%u stopped\n", info.release);
		return EXIT_DONE;
	}
	warnx("cannot stop: %s", failure_text(errno));
	if (errno == EBUSY)
		server_report_users(client);
	return EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	struct freq_client *client;
	int status;

	if (command_no_arguments(&stop_command, argc, argv))
		return command_usage(&stop_command);
	client = server_open(O_RDWR);
	if (!client)
		return EXIT_FAILED;
	status = detach(client);
	freq_client_close(client);
	return status;
}

const struct command stop_command = {
	.name = "stop",
	.arguments = "",
	.description = "Stop the server, unless it is in use",
	.run = run,
};
