// SPDX-License-Identifier: GPL-2.0-only
/*
 * A release that runs beside the running one, on a copy of its state.
 *
 * It leaves nothing behind: signals wait until it has ended. The kernel ends it
 * when its device is closed, also by SIGKILL; the module that is then left is
 * removed by the next rehearsal.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "obstacle.h"
#include "rehearsal_device.h"
#include "rehearsal_session.h"
#include "release.h"
#include "running.h"
#include "server.h"
#include "signals.h"

/*
 * How long a process that the command left behind may have the device open: the
 * number of tries, and the pause between them in microseconds.
 */
#define END_TRIES 20
#define END_INTERVAL 50000

/* A missing /run is no obstacle: there is no lock then. */
static int take_lock(int *lock)
{
	rehearsal_device_end_abandoned();
	*lock = rehearsal_device_lock();
	if (*lock < 0 && errno == EWOULDBLOCK) {
		warnx("cannot rehearse: another rehearsal is in progress");
		obstacle_report_rehearsal();
		errno = EBUSY;
		return -1;
	}
	release_remove_rehearsed();
	return 0;
}

/**
 * rehearsal_session_prepare() - lock, and open the server
 * @rehearsal: out: the rehearsal, for rehearsal_session_end() even if this
 *	fails
 * @number: the release
 *
 * Return: 0; -1 with errno, after a message: EBUSY if the release runs, or a
 * rehearsal is going on; ENODEV if none runs; or why it cannot be done.
 */
int rehearsal_session_prepare(struct rehearsal *rehearsal, unsigned int number)
{
	unsigned int running = running_number();

	*rehearsal = (struct rehearsal){ .number = number, .lock = -1 };
	signals_hold(&rehearsal->mask);
	if (running == number) {
		warnx("v%u runs: the running release cannot be rehearsed",
		      number);
		errno = EBUSY;
		return -1;
	}
	rehearsal->live = server_open(O_RDONLY);
	if (!rehearsal->live)
		return -1;
	if (!running) {
		warnx("cannot rehearse: no release runs");
		errno = ENODEV;
		return -1;
	}
	return take_lock(&rehearsal->lock);
}

/**
 * rehearsal_session_begin() - make the copy, and the release run on it
 * @rehearsal: the rehearsal
 * @parameters: of the release's module, as for release_load()
 *
 * Return: 0; -1 with errno, after a message.
 */
int rehearsal_session_begin(struct rehearsal *rehearsal,
			    const char *parameters)
{
	if (release_rehearse(rehearsal->number, parameters))
		return -1;
	rehearsal->device = REHEARSAL_DEVICE;
	rehearsal->lists = REHEARSAL_SYSFS;
	rehearsal->copy = freq_client_open(rehearsal->device, O_RDWR);
	if (rehearsal->copy)
		return 0;
	warn("cannot open %s", rehearsal->device);
	return -1;
}

static int throw_away(unsigned int number)
{
	int tries = END_TRIES;

	while (rehearsal_device_release() == number && tries--) {
		rehearsal_device_end_unused();
		usleep(END_INTERVAL);
	}
	if (rehearsal_device_release() == number) {
		obstacle_report_rehearsal();
		return -1;
	}
	return release_purge(number, true) == RELEASE_FAILED ? -1 : 0;
}

/**
 * rehearsal_session_end() - throw the copy away, and remove the release
 * @rehearsal: the rehearsal
 *
 * Signals wait on, until signals_restore() of the rehearsal's mask.
 *
 * Return: 0; -1 with errno, after a message.
 */
int rehearsal_session_end(struct rehearsal *rehearsal)
{
	int ret = 0, err = errno;

	freq_client_close(rehearsal->copy);
	if (rehearsal->device)
		ret = throw_away(rehearsal->number);
	if (rehearsal->lock >= 0)
		close(rehearsal->lock);
	freq_client_close(rehearsal->live);
	if (!ret)
		errno = err;
	return ret;
}
