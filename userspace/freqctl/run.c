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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libfreq.h>

#include "command.h"
#include "held.h"
#include "server.h"

#define VARIABLE "FREQ_FREQUENCIES"

/* As shells and flock(1) have it. */
enum {
	STATUS_CANNOT_RUN = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128,
};

/* What a program is told to do by others is the command's to do. */
static const int forwarded[] = { SIGHUP, SIGTERM, SIGUSR1, SIGUSR2 };

/* What a terminal sends reaches the command without help. */
static const int ignored[] = { SIGINT, SIGQUIT };

#define IGNORED (sizeof(ignored) / sizeof(*ignored))

struct signals {
	sigset_t mask;
	struct sigaction ignored[IGNORED];
	struct sigaction child;
};

/* Makes the forwarded signals, and that of the command's end, wait for us. */
static void take_signals(sigset_t *taken, struct signals *before)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };
	static const struct sigaction usual = { .sa_handler = SIG_DFL };
	size_t i;

	sigemptyset(taken);
	sigaddset(taken, SIGCHLD);
	for (i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaddset(taken, forwarded[i]);
	sigprocmask(SIG_BLOCK, taken, &before->mask);

	for (i = 0; i < IGNORED; i++)
		sigaction(ignored[i], &ignore, &before->ignored[i]);
	/* If it were ignored, the command's status would be lost. */
	sigaction(SIGCHLD, &usual, &before->child);
}

static void return_signals(const struct signals *before)
{
	size_t i;

	sigaction(SIGCHLD, &before->child, NULL);
	for (i = 0; i < IGNORED; i++)
		sigaction(ignored[i], &before->ignored[i], NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static int export_frequencies(const struct freq_array *frequencies)
{
	size_t size, i;
	char *text;
	FILE *out;
	int ret;

	out = open_memstream(&text, &size);
	if (!out)
		return -1;
	for (i = 0; i < frequencies->count; i++)
		fprintf(out, "%s%llu", i ? "," : "", frequencies->values[i]);
	ret = fclose(out) ? -1 : setenv(VARIABLE, text, 1);
	free(text);
	return ret;
}

/*
 * Hands the descriptor over. Shell scripts use those up to 9 for themselves,
 * and would close it.
 */
static int inherit(int fd)
{
	if (fcntl(fd, F_DUPFD, 10) >= 0)
		return 0;
	return fcntl(fd, F_SETFD, 0);
}

static noreturn void execute(struct freq_client *client, char **argv,
			     const struct signals *before)
{
	int status;

	if (inherit(freq_client_fd(client)))
		err(STATUS_CANNOT_RUN, "cannot hand the device over");
	return_signals(before);
	execvp(*argv, argv);
	status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
	warn("cannot run '%s'", *argv);
	_exit(status);
}

static int wait_for(pid_t pid, const sigset_t *taken)
{
	int signal, status;
	pid_t ended;

	for (;;) {
		signal = sigwaitinfo(taken, NULL);
		if (signal < 0)
			continue;
		if (signal != SIGCHLD) {
			kill(pid, signal);
			continue;
		}
		ended = waitpid(pid, &status, WNOHANG);
		if (ended < 0)
			err(EXIT_FAILED, "cannot wait for the command");
		if (ended == pid)
			break;
	}
	if (WIFSIGNALED(status))
		return STATUS_SIGNAL + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int run_holding(struct freq_client *client, char **argv)
{
	struct signals before;
	sigset_t taken;
	pid_t pid;

	take_signals(&taken, &before);
	pid = fork();
	if (pid < 0) {
		warn("cannot start a process");
		return EXIT_FAILED;
	}
	if (!pid)
		execute(client, argv, &before);
	return wait_for(pid, &taken);
}

static int hold(struct freq_client *client, __u32 count, char **argv)
{
	struct freq_array frequencies = { 0 };
	int status = EXIT_FAILED;

	if (held_allocate(client, 0, count, &frequencies))
		return EXIT_FAILED;
	if (export_frequencies(&frequencies))
		warn("cannot set " VARIABLE);
	else
		status = run_holding(client, argv);
	held_deallocate(client, &frequencies);
	freq_array_free(&frequencies);
	return status;
}

static const struct command_option options[] = {
	{ 'n', "count", "N", "hold N, all or none; without it, 1" },
	{ 0 }
};

static int parse_and_run(int argc, char **argv)
{
	const struct command *command = &run_command;
	struct freq_client *client;
	__u32 count = 1;
	int status;

	while (command_option(command, argc, argv) == 'n')
		if (command_count(optarg, &count))
			return command_usage(command);
	if (optind == argc) {
		warnx("run which command?");
		return command_usage(command);
	}

	client = server_open(O_RDWR);
	if (!client)
		return EXIT_FAILED;
	status = hold(client, count, argv + optind);
	freq_client_close(client);
	return status;
}

const struct command run_command = {
	.name = "run",
	.arguments = "[-n N] -- COMMAND [ARGUMENT...]",
	.description = "Hold frequencies while a command runs",
	.options = options,
	.run = parse_and_run,
};
