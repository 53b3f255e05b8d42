/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be made to go wrong, by the parameter "fail" of the module.
 */
#ifndef FREQ_KNOBS_H
#define FREQ_KNOBS_H

#include <linux/types.h>

/* How many holders the state had that was converted last. */
extern unsigned int freq_knob_holders;

bool freq_knob_is(const char *name);
void freq_knob_wait(const char *name);

#endif /* FREQ_KNOBS_H */
