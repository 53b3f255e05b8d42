/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be made to go wrong, by parameters of the module.
 */
#ifndef FREQ_KNOBS_H
#define FREQ_KNOBS_H

#include <linux/types.h>

bool freq_knob_fails(const char *step);

#endif /* FREQ_KNOBS_H */
