/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals that wait for the end of a step.
 */
#ifndef FREQCTL_SIGNALS_H
#define FREQCTL_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#define SIGNALS_HELD 5

/**
 * struct signals_admitted - what signals_admit() has replaced
 * @is_handled: of each held signal: it has a handler now
 * @actions: of each that has: its action before
 * @alarm: the action of SIGALRM before
 */
struct signals_admitted {
	bool is_handled[SIGNALS_HELD];
	struct sigaction actions[SIGNALS_HELD];
	struct sigaction alarm;
};

void signals_hold(sigset_t *before);
void signals_admit(const sigset_t *before, struct signals_admitted *admitted);
bool signals_noted(void);
void signals_withdraw(const struct signals_admitted *admitted);
bool signals_pending(const sigset_t *before);
void signals_restore(const sigset_t *before);

#endif /* FREQCTL_SIGNALS_H */
