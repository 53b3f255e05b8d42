/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the linker puts in the place of module.c, running.c and lock.c.
 */
#ifndef FREQ_FAKE_MODULES_H
#define FREQ_FAKE_MODULES_H

#include "../freqctl/module.h"
#include "../freqctl/running.h"

int __real_module_list_loaded(unsigned int **numbers, size_t *count);
enum module_state __real_module_state(unsigned int number);
int __real_module_references(unsigned int number);
int __real_module_find_file(unsigned int number);
bool __real_module_has_parameter(unsigned int number, const char *name);
int __real_module_insert(unsigned int number, const char *parameters);
int __real_module_remove(unsigned int number);
unsigned int __real_running_number(void);
int __real_running_open(void);
int __real_lock_take(const char *name, bool wait);

int __wrap_module_list_loaded(unsigned int **numbers, size_t *count);
enum module_state __wrap_module_state(unsigned int number);
int __wrap_module_references(unsigned int number);
int __wrap_module_find_file(unsigned int number);
bool __wrap_module_has_parameter(unsigned int number, const char *name);
int __wrap_module_insert(unsigned int number, const char *parameters);
int __wrap_module_remove(unsigned int number);
unsigned int __wrap_running_number(void);
int __wrap_running_open(void);
int __wrap_lock_take(const char *name, bool wait);

/* Called by fake_server.c. */
void fake_modules_end_rehearsal(void);

#endif /* FREQ_FAKE_MODULES_H */
