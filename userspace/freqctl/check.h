/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What freqctl itself tries on a release that is rehearsed.
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
 * @rehearsal: what is checked
 * @before: the list of the server, from before the copy was made
 * @now: the list of the copy, as it has to be
 * @mine: what the check has allocated in the copy, in this order
 * @tried: all that it ever has
 * @injected: what it has injected into the copy
 * @note: where to write what there is to say of a part that passes
 * @why: why it has failed
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

/* Says why in the manner of printf(); -1, for the caller to return. */
#define check_fail(check, ...) \
	check_failed(snprintf((check)->why, CHECK_WHY_SIZE, __VA_ARGS__))

int check_failed(int length);
int check_fail_errno(struct check *check, const char *what);
int check_prepare(struct check *check, struct rehearsal *rehearsal);
int check_run(struct check *check, bool print);
void check_free(struct check *check);

#endif /* FREQCTL_CHECK_H */
