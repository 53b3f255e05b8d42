// SPDX-License-Identifier: GPL-2.0-only
/*
 * Services of the door that only the test releases use: sleep and wake, read,
 * write, poll, the timer, a refused open, a close in slices, fdinfo, and words
 * that outlive a stop. Releases 90 and 91 share a format, so sleeping calls
 * survive upgrades between them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "release/release_v90.h"

#define SLEEPERS	8
#define UPGRADES	10

struct services {
	unsigned int ticks;
	unsigned int flushes;
	unsigned int slices;
	unsigned long long opens;
};

static int services_look(struct services *services)
{
	char *text = read_text(SYSFS "services");
	int count = 0;

	if (text)
		count = sscanf(text, "ticks %u flushes %u slices %u opens %llu",
			       &services->ticks, &services->flushes,
			       &services->slices, &services->opens);
	free(text);
	return count == 4 ? 0 : -EINVAL;
}

static unsigned int ticks(void)
{
	struct services services = { };

	services_look(&services);
	return services.ticks;
}

static __s64 clock_ns(clockid_t clock, long long ahead)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec + ahead;
}

FIXTURE(services) {
	int fd;
};

FIXTURE_SETUP(services)
{
	ASSERT_EQ(0, server_start("freq_v90", ""));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(services)
{
	set_knob("none");
	EXPECT_EQ(0, test_clean());
}

/**
 * struct sleeper - a thread in FREQ_IOC_SLEEP
 * @thread: the thread
 * @fd: its client
 * @argument: argument of the request
 * @result: result of the request
 * @order: its rank among the sleepers that returned
 * @tid: thread ID, 0 until the thread runs
 */
struct sleeper {
	pthread_t thread;
	int fd;
	struct freq_sleep argument;
	int result;
	int order;
	pid_t tid;
};

static int woken;

static void *sleep_in_thread(void *data)
{
	struct sleeper *sleeper = data;

	__atomic_store_n(&sleeper->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	sleeper->result = try_ioctl(sleeper->fd, FREQ_IOC_SLEEP,
				    &sleeper->argument);
	sleeper->order = __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* True in state S of /proc: in an interruptible sleep */
static bool sleeps(const struct sleeper *sleeper)
{
	char path[64], *text, *at;
	bool is;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
		 __atomic_load_n(&sleeper->tid, __ATOMIC_SEQ_CST));
	text = read_text(path);
	at = text ? strrchr(text, ')') : NULL;
	is = at && at[2] == 'S';
	free(text);
	return is;
}

static int sleeper_start(struct sleeper *sleeper, int fd, __s64 deadline,
			 __u32 clock)
{
	memset(sleeper, 0, sizeof(*sleeper));
	sleeper->fd = fd;
	sleeper->argument.deadline = deadline;
	sleeper->argument.clock = clock;
	if (pthread_create(&sleeper->thread, NULL, sleep_in_thread, sleeper))
		return -1;
	return wait_until(sleeps(sleeper)) ? 0 : -1;
}

static void ignore(int signal)
{
}

/* FIFO order; no spurious wakeup, and none by an upgrade. */
TEST_F_TIMEOUT(services, sleepers_and_upgrades, 120)
{
	static const char * const releases[] = { "freq_v90", "freq_v91" };
	struct sleeper sleepers[SLEEPERS];
	int i;

	EXPECT_EQ(-ENOENT, try_ioctl(self->fd, FREQ_IOC_WAKE, NULL));
	for (i = 0; i < SLEEPERS; i++)
		ASSERT_EQ(0, sleeper_start(&sleepers[i], self->fd, -1,
					   CLOCK_MONOTONIC));
	for (i = 0; i < UPGRADES; i++) {
		ASSERT_EQ(0, module_load(releases[1 - i % 2], NULL));
		ASSERT_EQ(0, module_unload(releases[i % 2]));
	}
	/* The format of releases 1 and 2 cannot represent sleepers. */
	EXPECT_EQ(-EOPNOTSUPP, module_load("freq_v2", NULL));
	EXPECT_EQ(0, __atomic_load_n(&woken, __ATOMIC_SEQ_CST));
	for (i = 0; i < SLEEPERS; i++) {
		ASSERT_TRUE(sleeps(&sleepers[i]));
		ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_WAKE, NULL));
		ASSERT_EQ(0, pthread_join(sleepers[i].thread, NULL));
		EXPECT_EQ(0, sleepers[i].result);
		EXPECT_EQ(i, sleepers[i].order);
	}
	EXPECT_EQ(-ENOENT, try_ioctl(self->fd, FREQ_IOC_WAKE, NULL));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
}

TEST_F(services, sleep_ends)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct sigaction action = { .sa_handler = ignore };
	struct sleeper sleeper;
	struct freq_sleep argument = { };
	__s64 deadline;
	size_t i;

	/* At the deadline of the given clock, not before */
	for (i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		argument.clock = clocks[i];
		deadline = clock_ns(clocks[i], 20000000);
		argument.deadline = deadline;
		EXPECT_EQ(-ETIMEDOUT, try_ioctl(self->fd, FREQ_IOC_SLEEP,
						&argument));
		EXPECT_LE(deadline, clock_ns(clocks[i], 0));
		argument.deadline = 1;
		EXPECT_EQ(-ETIMEDOUT, try_ioctl(self->fd, FREQ_IOC_SLEEP,
						&argument));
	}
	/* By a signal; no sleeper is left to wake. */
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, sleeper_start(&sleeper, self->fd, -1, CLOCK_MONOTONIC));
	ASSERT_EQ(0, pthread_kill(sleeper.thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(sleeper.thread, NULL));
	EXPECT_EQ(-EINTR, sleeper.result);
	EXPECT_EQ(-ENOENT, try_ioctl(self->fd, FREQ_IOC_WAKE, NULL));
}

/* SIGKILL ends a sleeper at once, and no wakeup goes to it. */
static int sleep_in_child(int line, void *data)
{
	struct freq_sleep argument = { .deadline = -1 };
	int fd = open_client();

	if (line_say(line, 'a'))
		return -1;
	return try_ioctl(fd, FREQ_IOC_SLEEP, &argument);
}

TEST_F(services, sleeper_is_killed)
{
	struct child child;

	ASSERT_EQ(0, child_start(&child, sleep_in_child, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_EQ(-ENOENT, try_ioctl(self->fd, FREQ_IOC_WAKE, NULL));
}

TEST_F(services, read_write_poll)
{
	struct pollfd polled = { .fd = self->fd, .events = POLLIN | POLLOUT };
	__u64 word = 0x123456789abcdef, got = 0, large[2] = { };
	void *nowhere = page_map(PROT_NONE);
	int other = open_client();

	ASSERT_GE(other, 0);
	ASSERT_NE(NULL, nowhere);
	EXPECT_EQ(-1, read(self->fd, &got, sizeof(got)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(1, poll(&polled, 1, 0));
	EXPECT_EQ(POLLOUT, polled.revents);
	EXPECT_EQ(-1, write(other, large, sizeof(large)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(other, nowhere, sizeof(word)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(sizeof(word), write(other, &word, sizeof(word)));
	EXPECT_EQ(-1, write(other, &word, sizeof(word)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(1, poll(&polled, 1, 0));
	EXPECT_EQ(POLLIN, polled.revents);
	/* A word that cannot be copied out is not lost. */
	EXPECT_EQ(-1, read(self->fd, nowhere, sizeof(got)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(sizeof(got), read(self->fd, &got, sizeof(got)));
	EXPECT_EQ(word, got);
	EXPECT_EQ(-1, read(self->fd, &got, sizeof(got)));
	/* A release without the operation acts as a device without it. */
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	EXPECT_EQ(-1, write(self->fd, &word, sizeof(word)));
	EXPECT_EQ(EINVAL, errno);
	/* One that has it, and no subscription */
	EXPECT_EQ(-1, read(self->fd, &got, sizeof(got)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, poll(&polled, 1, 0));
	EXPECT_EQ(POLLIN, polled.revents);
	close(other);
}

/* An invalid FREQ_WANT_* ends the call, and the server runs on. */
TEST_F(services, wants)
{
	static const struct {
		const char *knob;
		int error;
	} wants[] = {
		{ "want-nothing", ENOMEM },
		{ "want-too-much", ENOMEM },
		{ "want-unknown", EPROTO },
		/* The page is there already: no endless retry. */
		{ "want-page", EFAULT },
		/* The operation checked the memory that it got. */
		{ "want-twice", EALREADY },
		{ "none", EAGAIN },
	};
	__u64 got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wants); i++) {
		ASSERT_EQ(0, set_knob(wants[i].knob));
		EXPECT_EQ(-1, read(self->fd, &got, sizeof(got)));
		EXPECT_EQ(wants[i].error, errno) {
			TH_LOG("with %s", wants[i].knob);
		}
	}
}

TEST_F(services, failures)
{
	struct pollfd polled = { .fd = self->fd, .events = POLLIN | POLLOUT };
	struct services before, after;
	char path[64], *text;

	/* FREQ_OP_OPEN cannot wait. */
	ASSERT_EQ(0, services_look(&before));
	ASSERT_EQ(0, set_knob("open-wants"));
	EXPECT_EQ(-EPROTO, open_client());
	ASSERT_EQ(0, services_look(&after));
	EXPECT_EQ(before.opens, after.opens);
	/* FREQ_OP_POLL and FREQ_OP_FDINFO cannot report errors. */
	EXPECT_EQ(1, poll(&polled, 1, 0));
	ASSERT_EQ(0, set_knob("poll"));
	EXPECT_EQ(0, poll(&polled, 1, 0));
	ASSERT_EQ(0, set_knob("fdinfo"));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	text = read_text(path);
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "pos:"));
	EXPECT_EQ(NULL, strstr(text, "freq-client:"));
	free(text);
}

struct poller {
	pthread_t thread;
	pid_t tid;
	int fd;
	int ready;
};

static void *poll_in_thread(void *data)
{
	struct poller *poller = data;
	struct pollfd polled = { .fd = poller->fd, .events = POLLIN };

	__atomic_store_n(&poller->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	poller->ready = poll(&polled, 1, DEADLINE_MS);
	return NULL;
}

static bool poller_sleeps(struct poller *poller)
{
	pid_t tid = __atomic_load_n(&poller->tid, __ATOMIC_SEQ_CST);

	return tid && process_state(tid) == 'S';
}

TEST_F(services, poll_is_woken)
{
	struct poller poller = { .fd = self->fd };
	int other = open_client();
	__u64 word = 7;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, pthread_create(&poller.thread, NULL, poll_in_thread,
				    &poller));
	/* It sleeps, so the release has it as its poller. */
	ASSERT_TRUE(wait_until(poller_sleeps(&poller)));
	ASSERT_EQ(sizeof(word), write(other, &word, sizeof(word)));
	ASSERT_EQ(0, pthread_join(poller.thread, NULL));
	EXPECT_EQ(1, poller.ready);
	close(other);
}

TEST_F(services, timer)
{
	struct pollfd polled = { .events = POLLPRI };
	struct freq_sleep argument = { .clock = CLOCK_BOOTTIME };
	char text[128];

	polled.fd = open(SYSFS "services", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(polled.fd, 0);
	ASSERT_LT(0, pread(polled.fd, text, sizeof(text), 0));
	/* Cancelled before it expires. */
	argument.deadline = clock_ns(CLOCK_BOOTTIME, 3600000000000);
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_TIMER, &argument));
	argument.deadline = -1;
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_TIMER, &argument));
	EXPECT_EQ(0, ticks());
	argument.deadline = clock_ns(CLOCK_BOOTTIME, 10000000);
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_TIMER, &argument));
	/* The timer wakes pollers of the file. */
	EXPECT_EQ(1, poll(&polled, 1, DEADLINE_MS));
	EXPECT_EQ(1, ticks());
	/* To a release without FREQ_OP_TIMER */
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	close(polled.fd);
}

/* freq_door_notify() without a file and a uevent wakes no poller. */
TEST_F(services, silent_timer)
{
	struct pollfd polled = { .events = POLLPRI };
	struct freq_sleep argument = { .deadline = 1 };
	char text[128];

	polled.fd = open(SYSFS "services", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(polled.fd, 0);
	ASSERT_LT(0, pread(polled.fd, text, sizeof(text), 0));
	ASSERT_EQ(0, set_knob("notify-nobody"));
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_TIMER, &argument));
	EXPECT_TRUE(wait_until(ticks() == 1));
	EXPECT_EQ(0, poll(&polled, 1, 0));
	close(polled.fd);
}

TEST_F(services, timer_outlives_an_upgrade)
{
	struct freq_sleep argument = {
		.deadline = clock_ns(CLOCK_BOOTTIME, 1000000000),
	};

	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_TIMER, &argument));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v91"));
	EXPECT_TRUE(wait_until(ticks() == 1));
	EXPECT_LE(argument.deadline, clock_ns(CLOCK_BOOTTIME, 0));
	ASSERT_EQ(0, server_upgrade("freq_v91", "freq_v90"));
}

TEST_F(services, open_flush_close_store)
{
	struct services before, after;
	int fd, other, store;

	ASSERT_EQ(0, set_knob("open"));
	EXPECT_EQ(-EACCES, open_client());
	ASSERT_EQ(0, set_knob("none"));
	ASSERT_EQ(0, services_look(&before));
	fd = open_client();
	ASSERT_GE(fd, 0);
	other = dup(fd);
	close(other);
	close(fd);
	ASSERT_EQ(0, services_look(&after));
	EXPECT_EQ(before.opens + 1, after.opens);
	EXPECT_EQ(before.flushes + 2, after.flushes);
	EXPECT_EQ(before.slices + 3, after.slices);
	store = open(SYSFS "services", O_WRONLY | O_CLOEXEC);
	ASSERT_GE(store, 0);
	EXPECT_EQ(-1, write(store, "1\n", 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(2, write(store, "0\n", 2));
	close(store);
	ASSERT_EQ(0, services_look(&after));
	EXPECT_EQ(0, after.slices);
}

TEST_F(services, fdinfo)
{
	char path[64];
	char *text;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	text = read_text(path);
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "freq-client:\t"));
	free(text);
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	text = read_text(path);
	ASSERT_NE(NULL, text);
	EXPECT_EQ(NULL, strstr(text, "freq-client:"));
	free(text);
}

/* Words outlive a downgrade and a stop: counters in them never go back. */
TEST_F(services, words)
{
	struct services before, after;

	ASSERT_EQ(0, services_look(&before));
	EXPECT_LT(0, before.opens);
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v1"));
	test_stop(self->fd);
	ASSERT_EQ(0, module_unload("freq_v1"));
	ASSERT_EQ(0, module_load("freq_v90", NULL));
	ASSERT_EQ(0, services_look(&after));
	EXPECT_EQ(before.opens, after.opens);
}

/* Without FREQ_OP_IOCTL: ENOTTY. Without FREQ_OP_SHOW: EIO from read(). */
TEST_F(services, absent_operations)
{
	struct freq_info info;
	char text[8];
	int file;

	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v1"));
	ASSERT_EQ(0, module_load("freq_v90", "fail=no-ioctl"));
	EXPECT_EQ(-ENOTTY, try_info(self->fd, &info));
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	ASSERT_EQ(0, module_unload("freq_v1"));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v1"));
	EXPECT_EQ(0, try_info(self->fd, &info));

	ASSERT_EQ(0, module_load("freq_v90", "fail=no-show"));
	file = open(SYSFS "free", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(file, 0);
	EXPECT_EQ(-1, read(file, text, sizeof(text)));
	EXPECT_EQ(EIO, errno);
	close(file);
	EXPECT_EQ(0, try_info(self->fd, &info));
	ASSERT_EQ(0, module_unload("freq_v1"));
}

TEST_HARNESS_MAIN
