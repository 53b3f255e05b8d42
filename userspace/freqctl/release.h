/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes of the running release.
 */
#ifndef FREQCTL_RELEASE_H
#define FREQCTL_RELEASE_H

#include <signal.h>
#include <stdbool.h>

/**
 * struct release_lock - the right to change releases
 * @fd: from lock_take(), or -1
 * @mask: from signals_hold()
 */
struct release_lock {
	int fd;
	sigset_t mask;
};

/* The result of a change of releases. */
enum release_result {
	RELEASE_FAILED = -1,
	RELEASE_CHANGED,
	RELEASE_UNCHANGED,
};

/**
 * struct release_change - the effect of loading a release
 * @before: number of the release that ran before, or 0
 * @removed: that one was removed
 */
struct release_change {
	unsigned int before;
	bool removed;
};

void release_lock(struct release_lock *lock);
void release_unlock(struct release_lock *lock);
char *release_expect(unsigned int number, const char *parameters,
		     unsigned int running);
enum release_result release_load(unsigned int number, const char *parameters,
				 struct release_change *change);
enum release_result release_upgrade(unsigned int number,
				    const char *parameters,
				    struct release_change *change);
int release_rehearse(unsigned int number, const char *parameters);
void release_remove_rehearsed(void);
enum release_result release_purge(unsigned int number, bool soft);

#endif /* FREQCTL_RELEASE_H */
