// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alternatives to /dev/freq, one after the other, each in the same rounds as a
 * no-op ioctl and a pair of requests.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <linux/gpio.h>

#include "../freq_test.h"
#include "client.h"
#include "daemon.h"
#include "measure.h"
#include "parts.h"

#define LOCK_FILE	"/tmp/bench.lock"

#define FREQUENCIES	1000
#define CALLS		200
#define ROUNDS		51

static struct client client;

/**
 * struct peer - an alternative to /dev/freq
 * @name: name as an argument and in the report
 * @begin: sets it up; NULL: nothing to do
 * @pair: acquires and releases once
 * @end: undoes @begin
 * @fd: file descriptor or IPC identifier
 */
struct peer {
	const char *name;
	void (*begin)(struct peer *peer);
	void (*pair)(void *data, unsigned int i);
	void (*end)(struct peer *peer);
	int fd;
};

static void begin_file(struct peer *peer)
{
	peer->fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(peer->fd >= 0);
}

static void end_file(struct peer *peer)
{
	close(peer->fd);
	unlink(LOCK_FILE);
}

static void pair_flock(void *data, unsigned int i)
{
	struct peer *peer = data;

	(void)i;
	if (flock(peer->fd, LOCK_EX) || flock(peer->fd, LOCK_UN))
		die("flock: %m");
}

/* Locks byte @i of the file. */
static void pair_ofd(void *data, unsigned int i)
{
	struct peer *peer = data;
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = i,
		.l_len = 1,
	};

	if (fcntl(peer->fd, F_OFD_SETLK, &lock))
		die("F_OFD_SETLK: %m");
	lock.l_type = F_UNLCK;
	if (fcntl(peer->fd, F_OFD_SETLK, &lock))
		die("F_OFD_SETLK: %m");
}

static void begin_semaphore(struct peer *peer)
{
	union {
		int value;
		struct semid_ds *unused;
	} argument = { .value = 1 };

	peer->fd = semget(IPC_PRIVATE, 1, 0600);
	must(peer->fd >= 0 && !semctl(peer->fd, 0, SETVAL, argument));
}

static void end_semaphore(struct peer *peer)
{
	semctl(peer->fd, 0, IPC_RMID);
}

static void pair_semaphore(void *data, unsigned int i)
{
	struct peer *peer = data;
	struct sembuf down = { .sem_op = -1, .sem_flg = SEM_UNDO };
	struct sembuf up = { .sem_op = 1, .sem_flg = SEM_UNDO };

	(void)i;
	if (semop(peer->fd, &down, 1) || semop(peer->fd, &up, 1))
		die("semop: %m");
}

static void pair_lock_file(void *data, unsigned int i)
{
	int fd = open(LOCK_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		      0600);

	(void)data;
	(void)i;
	if (fd < 0 || close(fd) || unlink(LOCK_FILE))
		die(LOCK_FILE ": %m");
}

/* $GPIO_CHIP is a chip without other users. */
static void begin_gpio(struct peer *peer)
{
	const char *path = getenv("GPIO_CHIP");

	if (!path)
		die("GPIO_CHIP is not set");
	peer->fd = open(path, O_RDWR | O_CLOEXEC);
	if (peer->fd < 0)
		die("%s: %m", path);
}

static void end_gpio(struct peer *peer)
{
	close(peer->fd);
}

static void pair_gpio(void *data, unsigned int i)
{
	struct peer *peer = data;
	struct gpio_v2_line_request request = {
		.num_lines = 1,
		.consumer = "bench",
		.config.flags = GPIO_V2_LINE_FLAG_INPUT,
	};

	(void)i;
	if (ioctl(peer->fd, GPIO_V2_GET_LINE_IOCTL, &request) ||
	    close(request.fd))
		die("GPIO line: %m");
}

static void begin_daemon(struct peer *peer)
{
	daemon_begin(FREQUENCIES);
	peer->fd = daemon_connect();
}

static void end_daemon(struct peer *peer)
{
	close(peer->fd);
	daemon_end();
}

static void pair_daemon(void *data, unsigned int i)
{
	struct peer *peer = data;
	__u64 frequency;

	(void)i;
	if (daemon_allocate(peer->fd, &frequency) ||
	    daemon_deallocate(peer->fd, frequency))
		die("daemon: %m");
}

static struct peer peers[] = {
	{
		.name = "flock",
		.begin = begin_file,
		.pair = pair_flock,
		.end = end_file,
	},
	{
		.name = "OFD lock",
		.begin = begin_file,
		.pair = pair_ofd,
		.end = end_file,
	},
	{
		.name = "semaphore",
		.begin = begin_semaphore,
		.pair = pair_semaphore,
		.end = end_semaphore,
	},
	{
		.name = "lock file",
		.pair = pair_lock_file,
	},
	{
		.name = "GPIO line",
		.begin = begin_gpio,
		.pair = pair_gpio,
		.end = end_gpio,
	},
	{
		.name = "daemon",
		.begin = begin_daemon,
		.pair = pair_daemon,
		.end = end_daemon,
	},
};

static void measure_peer(struct peer *peer)
{
	const struct loop loops[] = {
		{ "floor", call_floor, &client },
		{ "freq", call_pair, &client },
		{ peer->name, peer->pair, peer },
	};
	struct figure figures[ARRAY_SIZE(loops)];

	if (peer->begin)
		peer->begin(peer);
	measure(loops, ARRAY_SIZE(loops), CALLS, ROUNDS, figures);
	/* The floor and freq are reported again with each peer. */
	report_measured("peers", loops, 2, figures, NULL, 0);
	report_measured("peers", loops + 2, 1, figures + 2, NULL, 0);
	if (peer->end)
		peer->end(peer);
}

void part_peers(int argc, char **argv)
{
	unsigned int i;

	fresh_server_of(FREQUENCIES);
	client_open(&client);
	for (; argc--; argv++) {
		for (i = 0; i < ARRAY_SIZE(peers); i++) {
			if (!strcmp(peers[i].name, *argv))
				break;
		}
		if (i == ARRAY_SIZE(peers))
			die("no such peer: %s", *argv);
		measure_peer(&peers[i]);
	}
	client_close(&client);
	end_server();
}
