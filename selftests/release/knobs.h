/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection by the module parameter "fail": see knobs.c.
 */
#ifndef FREQ_KNOBS_H
#define FREQ_KNOBS_H

#include <linux/types.h>

/* Number of holders in the last converted state */
extern unsigned int freq_knob_holders;

bool freq_knob_is(const char *name);
void freq_knob_wait(const char *name);

#endif /* FREQ_KNOBS_H */
