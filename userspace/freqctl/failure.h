/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failed requests, in words.
 */
#ifndef FREQCTL_FAILURE_H
#define FREQCTL_FAILURE_H

const char *failure_word(int err);
const char *failure_exact_word(int err);
const char *failure_text(int err);
const char *failure_v3_text(int err);
const char *failure_exact_text(int err);

#endif /* FREQCTL_FAILURE_H */
