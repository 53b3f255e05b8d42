/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of the copy, as it has to be after each request.
 */
#ifndef FREQCTL_CHECK_MODEL_H
#define FREQCTL_CHECK_MODEL_H

#include "check.h"

const char *model_describe(const struct freq_entry *entry);
size_t model_count_free(const struct entries *entries);
bool model_matches(const struct freq_entry *wanted,
		   const struct freq_entry *seen);
int model_expect_counts(struct check *check);
int model_expect(struct check *check, const char *after);
int model_take(struct check *check, __u64 frequency, __u32 flags);
void model_give_back(struct check *check, __u64 frequency);
int model_allocate(struct check *check);
int model_deallocate(struct check *check);
int model_deallocate_all(struct check *check);
int model_refuses_allocate(struct check *check, __u32 flags, int err);
int model_refuses_deallocate(struct check *check, struct freq_client *client,
			     __u64 frequency, int err);
__u64 model_new_number(const struct check *check);
const struct freq_entry *model_find_held(const struct check *check);

#endif /* FREQCTL_CHECK_MODEL_H */
