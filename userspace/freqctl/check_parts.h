/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the check. Each returns 0; or -1 with the cause in the check.
 * They run in the order of check.c: check_lists() fills the model, and
 * check_deallocate() gives back what check_allocate() has allocated.
 */
#ifndef FREQCTL_CHECK_PARTS_H
#define FREQCTL_CHECK_PARTS_H

struct check;

/* How many frequencies to allocate at once, if so many are free. */
#define CHECK_SOME 3

/* check_lists.c */
int check_lists(struct check *check);
int check_copy(struct check *check);
int check_live(struct check *check);

/* check_requests.c */
int check_allocate(struct check *check);
int check_deallocate(struct check *check);
int check_refusals(struct check *check);
int check_clients(struct check *check);
int check_unknown(struct check *check);

/* check_features.c */
int check_features(struct check *check);

/* check_grants.c, called by check_features() */
int check_exact(struct check *check);
int check_grants(struct check *check);
int check_label(struct check *check);

#endif /* FREQCTL_CHECK_PARTS_H */
