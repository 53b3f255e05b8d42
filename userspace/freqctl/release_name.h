/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of releases: v1 for a person, freq_v1 for the kernel.
 */
#ifndef FREQCTL_RELEASE_NAME_H
#define FREQCTL_RELEASE_NAME_H

#define RELEASE_NAME_SIZE 32

int release_name_parse(const char *text, unsigned int *number);
void release_name_module(unsigned int number, char name[RELEASE_NAME_SIZE]);
unsigned int release_name_number(const char *module);

#endif /* FREQCTL_RELEASE_NAME_H */
