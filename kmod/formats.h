/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The formats in which a release can give the state, and take it.
 */
#ifndef FREQ_FORMATS_H
#define FREQ_FORMATS_H

#include "handoff.h"

/* Each ends with one that has no name. */
extern const struct freq_format freq_formats_given[];
extern const struct freq_format freq_formats_taken[];

/* A copy of the state, in the same format. */
extern const struct freq_conversion freq_clone;

#endif /* FREQ_FORMATS_H */
