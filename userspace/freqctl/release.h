/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Releases: the modules freq_v1, freq_v2, … and which of them runs.
 */
#ifndef FREQCTL_RELEASE_H
#define FREQCTL_RELEASE_H

#include <stdbool.h>
#include <stddef.h>

#define RELEASE_NAME_SIZE 32

/* The parameter of every release that makes it run beside the running one. */
#define RELEASE_REHEARSE "rehearse"

/* What became of a release that was to be loaded or removed. */
enum release_result {
	RELEASE_FAILED = -1,
	RELEASE_CHANGED,
	RELEASE_UNCHANGED,
};

/**
 * struct release_change - what loading a release changed
 * @before: number of the release that ran before, or 0
 * @removed: that one was removed
 */
struct release_change {
	unsigned int before;
	bool removed;
};

int release_parse(const char *text, unsigned int *number);
void release_module_name(unsigned int number, char name[RELEASE_NAME_SIZE]);
unsigned int release_module_number(const char *name);
bool release_is_parameter(const char *text);
unsigned int release_running(void);
int release_list_loaded(unsigned int **numbers, size_t *count);
enum release_result release_load(unsigned int number, const char *parameters,
				 struct release_change *change);
enum release_result release_upgrade(unsigned int number,
				    const char *parameters,
				    struct release_change *change);
int release_rehearse(unsigned int number, const char *parameters);
void release_remove_rehearsed(void);
enum release_result release_purge(unsigned int number, bool soft);

#endif /* FREQCTL_RELEASE_H */
