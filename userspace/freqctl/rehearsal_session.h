/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A release that runs beside the running one, on a copy of its state.
 */
#ifndef FREQCTL_REHEARSAL_SESSION_H
#define FREQCTL_REHEARSAL_SESSION_H

#include <signal.h>

#include <libfreq.h>

/**
 * struct rehearsal - a rehearsal
 * @number: the release
 * @live: a client of the server
 * @copy: a client of the copy; keeps it alive
 * @device: the device of the copy
 * @lists: the folder of the copy in sysfs
 * @lock: from rehearsal_device_lock(), or -1
 * @mask: the signals that were blocked before
 */
struct rehearsal {
	unsigned int number;
	struct freq_client *live;
	struct freq_client *copy;
	const char *device;
	const char *lists;
	int lock;
	sigset_t mask;
};

int rehearsal_session_prepare(struct rehearsal *rehearsal, unsigned int number);
int rehearsal_session_begin(struct rehearsal *rehearsal,
			    const char *parameters);
int rehearsal_session_end(struct rehearsal *rehearsal);

#endif /* FREQCTL_REHEARSAL_SESSION_H */
