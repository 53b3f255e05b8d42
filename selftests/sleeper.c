// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleepers: see sleeper.h.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "freq_test.h"
#include "sleeper.h"

#define SLEEPERS	256

/* Static: a test that fails leaves threads behind. */
static struct sleeper sleepers[SLEEPERS];
static int nr_sleepers;

/* How often the handler of a signal ran */
static int handled;

int call_read(struct sleeper *sleeper)
{
	return try_read_records(sleeper->fd, sleeper->buffer, sleeper->room);
}

int call_poll(struct sleeper *sleeper)
{
	struct pollfd polled = { .fd = sleeper->fd, .events = POLLIN };

	return poll(&polled, 1, -1) < 0 ? -errno : polled.revents;
}

int call_allocate(struct sleeper *sleeper)
{
	return try_allocate_v3(sleeper->fd, sleeper->at);
}

static void *call_in_thread(void *data)
{
	struct sleeper *sleeper = data;

	__atomic_store_n(&sleeper->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	sleeper->result = sleeper->call(sleeper);
	__atomic_store_n(&sleeper->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

bool is_done(const struct sleeper *sleeper)
{
	return __atomic_load_n(&sleeper->done, __ATOMIC_SEQ_CST);
}

bool is_asleep(const struct sleeper *sleeper)
{
	pid_t tid = __atomic_load_n(&sleeper->tid, __ATOMIC_SEQ_CST);

	return tid && process_state(tid) == 'S';
}

/* Not running yet; NULL if there are too many. */
struct sleeper *sleeper_make(int (*call)(struct sleeper *sleeper), int fd)
{
	struct sleeper *sleeper = sleepers;

	while (sleeper < sleepers + nr_sleepers && !sleeper->joined)
		sleeper++;
	if (fails(fd >= 0) || fails(sleeper < sleepers + SLEEPERS))
		return NULL;
	*sleeper = (struct sleeper) {
		.call = call,
		.fd = fd,
		.buffer = sleeper->records,
		.room = 1,
		.at = &sleeper->argument,
		.joined = true,
	};
	return sleeper;
}

/* Returns at once. */
bool sleeper_create(struct sleeper *sleeper)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	error = pthread_create(&sleeper->thread, &attributes, call_in_thread,
			       sleeper);
	pthread_attr_destroy(&attributes);
	if (differ(0, error))
		return false;
	sleeper->joined = false;
	if (sleeper == sleepers + nr_sleepers)
		nr_sleepers++;
	return true;
}

/* Returns when the thread sleeps, or has ended. */
bool sleeper_run(struct sleeper *sleeper)
{
	return sleeper_create(sleeper) &&
	       wait_until(is_asleep(sleeper) || is_done(sleeper));
}

struct sleeper *sleeper_start(int (*call)(struct sleeper *sleeper), int fd)
{
	struct sleeper *sleeper = sleeper_make(call, fd);

	return sleeper && sleeper_run(sleeper) ? sleeper : NULL;
}

/* A sleeper in FREQ_IOC_ALLOCATE_V3 */
struct sleeper *waiter_start(int fd, struct freq_allocate_v3 argument)
{
	struct sleeper *sleeper = sleeper_make(call_allocate, fd);

	if (!sleeper)
		return NULL;
	sleeper->argument = argument;
	return sleeper_run(sleeper) ? sleeper : NULL;
}

/* Waits for its end, and compares the result. */
bool ended(struct sleeper *sleeper, int result)
{
	if (fails(wait_until(is_done(sleeper))) ||
	    differ(0, pthread_join(sleeper->thread, NULL)))
		return false;
	sleeper->joined = true;
	return !differ(result, sleeper->result);
}

/* Interrupts all: the signal is repeated until the sleep is hit. */
bool sleepers_end(void)
{
	bool ok = true;
	int i;

	for (i = 0; i < nr_sleepers; i++) {
		struct sleeper *sleeper = &sleepers[i];

		if (sleeper->joined)
			continue;
		ok &= wait_until(is_done(sleeper) ||
				 pthread_kill(sleeper->thread, SIGUSR1));
		if (ok)
			pthread_join(sleeper->thread, NULL);
	}
	nr_sleepers = 0;
	return ok;
}

static void count_signal(int signal)
{
	__atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}

int nr_handled(void)
{
	return __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
}

/* SIGUSR1 ends a call, SIGUSR2 has it restarted. */
int handle_signals(void)
{
	struct sigaction action = { .sa_handler = count_signal };

	if (sigaction(SIGUSR1, &action, NULL))
		return -errno;
	action.sa_flags = SA_RESTART;
	return sigaction(SIGUSR2, &action, NULL) ? -errno : 0;
}
