/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conversions between freq-state-1 and the format of contract/format.h.
 */
#ifndef FREQ_STATE_CONVERT_H
#define FREQ_STATE_CONVERT_H

#include "contract/handoff.h"

extern const struct freq_conversion freq_from_state_1;
extern const struct freq_conversion freq_to_state_1;

#endif /* FREQ_STATE_CONVERT_H */
