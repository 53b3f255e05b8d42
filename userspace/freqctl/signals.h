/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals that wait for the end of a step.
 */
#ifndef FREQCTL_SIGNALS_H
#define FREQCTL_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

void signals_hold(sigset_t *before);
bool signals_pending(const sigset_t *before);
void signals_restore(const sigset_t *before);

#endif /* FREQCTL_SIGNALS_H */
