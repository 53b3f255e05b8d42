/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parameters of a release's module.
 */
#ifndef FREQCTL_PARAMETERS_H
#define FREQCTL_PARAMETERS_H

char *parameters_join(int argc, char **argv);

#endif /* FREQCTL_PARAMETERS_H */
