// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command that freqctl runs and waits for.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdnoreturn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "command.h"

/* Signals from other processes are meant for the command. */
static const int forwarded[] = { SIGHUP, SIGTERM, SIGUSR1, SIGUSR2 };

/* A terminal sends these to the command, too. */
static const int ignored[] = { SIGINT, SIGQUIT };

#define IGNORED (sizeof(ignored) / sizeof(*ignored))

struct signals {
	sigset_t mask;
	struct sigaction ignored[IGNORED];
	struct sigaction child;
};

/* Blocks the forwarded signals and SIGCHLD, for sigwaitinfo(). */
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

/*
 * Hands the descriptor over. Shell scripts use those up to 9 for themselves,
 * and would close it.
 */
static int inherit(int fd)
{
	if (fd < 0 || fcntl(fd, F_DUPFD, 10) >= 0)
		return 0;
	return fcntl(fd, F_SETFD, 0);
}

static noreturn void execute(char **argv, int fd, const struct signals *before)
{
	int status;

	if (inherit(fd)) {
		warn("cannot hand the device over");
		_exit(CHILD_CANNOT_RUN);
	}
	return_signals(before);
	execvp(*argv, argv);
	status = errno == ENOENT ? CHILD_NOT_FOUND : CHILD_CANNOT_RUN;
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
		if (ended < 0) {
			warn("cannot wait for the command");
			return EXIT_FAILED;
		}
		if (ended == pid)
			break;
	}
	if (WIFSIGNALED(status))
		return CHILD_SIGNAL + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/**
 * child_run() - run a command, and wait for its end
 * @argv: the command and its arguments, ended by NULL
 * @fd: a descriptor that it inherits; -1 for none
 * @mask: the signals that it has blocked; NULL for those of the caller
 *
 * Signals from other processes are passed on to the command, and stay blocked
 * after its end. Those of a terminal are ignored.
 *
 * Return: its status, or CHILD_*; EXIT_FAILED after a message.
 */
int child_run(char **argv, int fd, const sigset_t *mask)
{
	struct signals before;
	sigset_t taken;
	pid_t pid;

	take_signals(&taken, &before);
	if (mask)
		before.mask = *mask;
	pid = fork();
	if (pid < 0) {
		warn("cannot start a process");
		return EXIT_FAILED;
	}
	if (!pid)
		execute(argv, fd, &before);
	return wait_for(pid, &taken);
}
