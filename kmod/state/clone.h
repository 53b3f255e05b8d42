/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The copy of a state in the same format.
 */
#ifndef FREQ_STATE_CLONE_H
#define FREQ_STATE_CLONE_H

#include "contract/handoff.h"

extern const struct freq_conversion freq_clone;

#endif /* FREQ_STATE_CLONE_H */
