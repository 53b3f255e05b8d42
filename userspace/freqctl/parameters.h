/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parameters of a release's module.
 */
#ifndef FREQCTL_PARAMETERS_H
#define FREQCTL_PARAMETERS_H

#include <stdbool.h>

/* Makes a release run beside the running one: for freqctl rehearse only. */
#define PARAMETER_REHEARSE "rehearse"

/* The number of the release that has to run, 0 for none. */
#define PARAMETER_EXPECT "expect"

bool parameters_is_one(const char *text);
bool parameters_have(const char *parameters, const char *name);
char *parameters_join(int argc, char **argv);

#endif /* FREQCTL_PARAMETERS_H */
