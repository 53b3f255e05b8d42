// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that wait for the end of a step: between an allocation and its
 * output, or within a change of releases, none may end the program.
 */
#include <errno.h>
#include <stddef.h>

#include "signals.h"

static const int signals[] = {
	SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM,
};

#define SIGNALS (sizeof(signals) / sizeof(*signals))

static bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) &&
	       action.sa_handler == SIG_IGN;
}

/**
 * signals_hold() - block the signals that end a program
 * @before: out: the mask before, for signals_restore()
 *
 * An ignored signal is left alone: the kernel keeps a blocked one pending even
 * so. While SIGPIPE waits, a write fails with EPIPE.
 */
void signals_hold(sigset_t *before)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < SIGNALS; i++)
		if (!is_ignored(signals[i]))
			sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

/**
 * signals_pending() - whether a held signal waits
 * @before: from signals_hold()
 *
 * Return: true if signals_restore() will end the program.
 */
bool signals_pending(const sigset_t *before)
{
	sigset_t pending;
	size_t i;

	sigpending(&pending);
	for (i = 0; i < SIGNALS; i++)
		if (sigismember(&pending, signals[i]) &&
		    !sigismember(before, signals[i]))
			return true;
	return false;
}

/**
 * signals_restore() - let held signals take effect
 * @before: from signals_hold()
 */
void signals_restore(const sigset_t *before)
{
	int err = errno;

	sigprocmask(SIG_SETMASK, before, NULL);
	errno = err;
}
