/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frequencies as people list them: on a command line, in a file, in a shell.
 */
#ifndef FREQCTL_SPECS_H
#define FREQCTL_SPECS_H

#include <libfreq.h>

struct command;

int specs_refuse(const struct command *command, const char *spec, int err);
int specs_add_arguments(const struct command *command,
			struct freq_array *array, int argc, char **argv);
int specs_parse_one(const char *text, __u64 *frequency);
int specs_add_text(struct freq_array *array, char *text, unsigned long *line);

#endif /* FREQCTL_SPECS_H */
