/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The check that freqctl itself makes of a release in a rehearsal.
 */
#ifndef FREQCTL_CHECK_H
#define FREQCTL_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "entries.h"
#include "rehearsal_session.h"

#define CHECK_WHY_SIZE 240

/**
 * struct check - the state of the check
 * @rehearsal: the rehearsal of the release
 * @before: the list of the server, from before the copy was made
 * @now: the list of the copy, as it has to be
 * @mine: the frequencies that the check holds in the copy, in this order
 * @tried: all frequencies that it has allocated
 * @injected: the frequencies that it has injected into the copy
 * @note: remarks on a part that passes
 * @why: the cause of a failure
 */
struct check {
	struct rehearsal *rehearsal;
	struct entries before;
	struct entries now;
	struct freq_array mine;
	struct freq_array tried;
	struct freq_array injected;
	FILE *note;
	char why[CHECK_WHY_SIZE];
};

/* Sets the cause, as printf() does; the value is -1, for a return. */
#define check_fail(check, ...) \
	check_failed(snprintf((check)->why, CHECK_WHY_SIZE, __VA_ARGS__))

int check_failed(int length);
int check_fail_errno(struct check *check, const char *what);
int check_prepare(struct check *check, struct rehearsal *rehearsal);
int check_run(struct check *check, bool print);
void check_free(struct check *check);

#endif /* FREQCTL_CHECK_H */
