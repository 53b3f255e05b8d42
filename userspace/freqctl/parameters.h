/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parameters of a release's module.
 */
#ifndef FREQCTL_PARAMETERS_H
#define FREQCTL_PARAMETERS_H

#include <stdbool.h>

/* Makes a release run beside the running one: for freqctl rehearse only. */
#define PARAMETER_REHEARSE "rehearse"

bool parameters_is_one(const char *text);
char *parameters_join(int argc, char **argv);

#endif /* FREQCTL_PARAMETERS_H */
