// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that wait for the end of a step: between an allocation and its
 * output, or within a change of releases, none may end the program.
 *
 * A step in which a request waits for a frequency is ended by a signal:
 *
 * 1. signals_admit() installs a handler, and unblocks.
 * 2. The handler notes the signal. The request fails with EINTR, or is done: a
 *    frequency that was allocated is never lost.
 * 3. signals_withdraw() blocks again, and raises what was noted, which is
 *    pending then as if it had been blocked all the while.
 *
 * A signal can come after the last look at signals_admitted() and before the
 * request sleeps. It would be slept through: therefore the handler has an alarm
 * follow each second.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "signals.h"

static const int signals[SIGNALS_HELD] = {
	SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM,
};

#define SIGNALS SIGNALS_HELD

static atomic_bool noted[SIGNALS];

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

static void alarm_again(int signal)
{
	(void)signal;
	alarm(1);
}

static void note(int signal)
{
	static const struct sigaction again = { .sa_handler = alarm_again };
	size_t i;

	for (i = 0; i < SIGNALS; i++)
		if (signals[i] == signal)
			noted[i] = true;
	sigaction(SIGALRM, &again, NULL);
	alarm(1);
}

/**
 * signals_admit() - let held signals end a request that waits
 * @before: from signals_hold()
 * @admitted: out: for signals_withdraw()
 */
void signals_admit(const sigset_t *before, struct signals_admitted *admitted)
{
	struct sigaction action = { .sa_handler = note };
	size_t i;

	sigfillset(&action.sa_mask);
	sigaction(SIGALRM, NULL, &admitted->alarm);
	for (i = 0; i < SIGNALS; i++) {
		noted[i] = false;
		admitted->is_handled[i] = !is_ignored(signals[i]);
		if (admitted->is_handled[i])
			sigaction(signals[i], &action, &admitted->actions[i]);
	}
	sigprocmask(SIG_SETMASK, before, NULL);
}

/**
 * signals_noted() - whether a signal came since signals_admit()
 *
 * Return: true if it did.
 */
bool signals_noted(void)
{
	size_t i;

	for (i = 0; i < SIGNALS; i++)
		if (noted[i])
			return true;
	return false;
}

/**
 * signals_withdraw() - hold signals again
 * @admitted: from signals_admit()
 *
 * errno is preserved.
 */
void signals_withdraw(const struct signals_admitted *admitted)
{
	sigset_t unused;
	int err = errno;
	size_t i;

	signals_hold(&unused);
	if (signals_noted())
		alarm(0);
	sigaction(SIGALRM, &admitted->alarm, NULL);
	for (i = 0; i < SIGNALS; i++) {
		if (admitted->is_handled[i])
			sigaction(signals[i], &admitted->actions[i], NULL);
		if (noted[i])
			raise(signals[i]);
	}
	errno = err;
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
