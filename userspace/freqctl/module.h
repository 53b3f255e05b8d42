/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel modules of releases, by way of libkmod.
 */
#ifndef FREQCTL_MODULE_H
#define FREQCTL_MODULE_H

#include <stdbool.h>
#include <stddef.h>

enum module_state {
	MODULE_ABSENT,
	MODULE_LOADING,
	MODULE_LIVE,
	MODULE_REMOVING,
};

int module_list_loaded(unsigned int **numbers, size_t *count);
enum module_state module_state(unsigned int number);
int module_references(unsigned int number);
void module_list_users(unsigned int number, char *text, size_t size);
int module_find_file(unsigned int number);
bool module_has_parameter(unsigned int number, const char *name);
int module_insert(unsigned int number, const char *parameters);
int module_remove(unsigned int number);

#endif /* FREQCTL_MODULE_H */
