// SPDX-License-Identifier: GPL-2.0-only
/*
 * A daemon as an alternative to /dev/freq: see daemon.h.
 *
 * It does what the module does, in constant time per request: a queue of free
 * frequencies, a hash table of all, and for each client a list of those that
 * it owns, which are freed when it disconnects. One thread polls all sockets.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "measure.h"

#define SOCKET		"/tmp/bench.socket"
#define CLIENTS_MAX	64

enum { ALLOCATE, DEALLOCATE };

/**
 * struct message - a request or the reply to it
 * @request: ALLOCATE or DEALLOCATE
 * @error: reply: 0 or a negative errno
 * @frequency: the frequency to free, or the allocated one
 */
struct message {
	__u32 request;
	__s32 error;
	__u64 frequency;
};

/**
 * struct slot - a frequency, or the head of a list
 * @frequency: the frequency; unused in a head
 * @next: next slot of the free list or of the owner's list
 * @prev: previous slot of that list
 * @chain: next slot of the same bucket, NULL at the end
 * @owner: index of the owning client, 0 if free
 */
struct slot {
	__u64 frequency;
	struct slot *next;
	struct slot *prev;
	struct slot *chain;
	unsigned int owner;
};

/**
 * struct pool - the state of the daemon
 * @slots: all frequencies
 * @buckets: first slot of each hash bucket
 * @mask: number of buckets, minus 1
 * @held: list heads: frequencies by owner; @held[0] is the free list
 */
struct pool {
	struct slot *slots;
	struct slot **buckets;
	__u64 mask;
	struct slot held[CLIENTS_MAX];
};

static struct pool pool;
static pid_t process;

static struct slot **bucket_of(__u64 frequency)
{
	return &pool.buckets[(frequency * 0x9e3779b97f4a7c15) >> 32 &
			     pool.mask];
}

static void leave(struct slot *slot)
{
	slot->next->prev = slot->prev;
	slot->prev->next = slot->next;
}

static void enter(struct slot *slot, struct slot *behind, unsigned int owner)
{
	slot->owner = owner;
	slot->prev = behind;
	slot->next = behind->next;
	slot->next->prev = slot;
	behind->next = slot;
}

static void pool_init(unsigned int frequencies)
{
	unsigned int i;

	pool.mask = 1;
	while (pool.mask < frequencies)
		pool.mask *= 2;
	pool.slots = calloc(frequencies, sizeof(*pool.slots));
	pool.buckets = calloc(pool.mask--, sizeof(*pool.buckets));
	must(pool.slots && pool.buckets);
	for (i = 0; i < CLIENTS_MAX; i++) {
		pool.held[i].next = &pool.held[i];
		pool.held[i].prev = &pool.held[i];
	}
	for (i = 0; i < frequencies; i++) {
		struct slot *slot = &pool.slots[i];
		struct slot **bucket;

		slot->frequency = i + 1;
		bucket = bucket_of(slot->frequency);
		slot->chain = *bucket;
		*bucket = slot;
		enter(slot, pool.held[0].prev, 0);
	}
}

static int allocate(unsigned int owner, __u64 *frequency)
{
	struct slot *slot = pool.held[0].next;

	if (slot == &pool.held[0])
		return -EBUSY;
	leave(slot);
	enter(slot, pool.held[owner].prev, owner);
	*frequency = slot->frequency;
	return 0;
}

static int deallocate(unsigned int owner, __u64 frequency)
{
	struct slot *slot = *bucket_of(frequency);

	while (slot && slot->frequency != frequency)
		slot = slot->chain;
	if (!slot || !slot->owner)
		return -ENOENT;
	if (slot->owner != owner)
		return -EPERM;
	leave(slot);
	enter(slot, &pool.held[0], 0);
	return 0;
}

/* Last allocated first: the free list gets them back in their old order. */
static void give_back(unsigned int owner)
{
	struct slot *slot;

	while ((slot = pool.held[owner].prev) != &pool.held[owner]) {
		leave(slot);
		enter(slot, &pool.held[0], 0);
	}
}

/* Serves one request; false if the client is gone or sent a short message. */
static bool serve_client(int fd, unsigned int owner)
{
	struct message message;

	if (recv(fd, &message, sizeof(message), 0) != sizeof(message))
		return false;
	switch (message.request) {
	case ALLOCATE:
		message.error = allocate(owner, &message.frequency);
		break;
	case DEALLOCATE:
		message.error = deallocate(owner, message.frequency);
		break;
	default:
		message.error = -ENOTTY;
	}
	return send(fd, &message, sizeof(message), MSG_NOSIGNAL) ==
	       sizeof(message);
}

/* Index 0 is the listening socket, the others are clients. */
static _Noreturn void serve(int listener)
{
	struct pollfd polled[CLIENTS_MAX];
	unsigned int i;

	for (i = 0; i < CLIENTS_MAX; i++)
		polled[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	polled[0].fd = listener;

	for (;;) {
		if (poll(polled, CLIENTS_MAX, -1) < 0)
			die("poll: %m");
		for (i = 1; i < CLIENTS_MAX; i++) {
			if (polled[i].fd < 0 || !polled[i].revents ||
			    serve_client(polled[i].fd, i))
				continue;
			give_back(i);
			close(polled[i].fd);
			polled[i].fd = -1;
		}
		if (!polled[0].revents)
			continue;
		for (i = 1; i < CLIENTS_MAX && polled[i].fd >= 0; i++)
			;
		must(i < CLIENTS_MAX);
		polled[i].fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		polled[i].revents = 0;
	}
}

static const struct sockaddr_un address = {
	.sun_family = AF_UNIX,
	.sun_path = SOCKET,
};

void daemon_begin(unsigned int frequencies)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	must(listener >= 0);
	unlink(SOCKET);
	must(!bind(listener, (const struct sockaddr *)&address,
		   sizeof(address)));
	must(!listen(listener, CLIENTS_MAX));
	process = fork();
	must(process >= 0);
	if (!process) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pool_init(frequencies);
		serve(listener);
	}
	close(listener);
}

void daemon_end(void)
{
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
	unlink(SOCKET);
}

int daemon_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	must(!connect(fd, (const struct sockaddr *)&address,
		      sizeof(address)));
	return fd;
}

/* Returns 0, or -1 with errno set. */
static int ask(int fd, struct message *message)
{
	if (send(fd, message, sizeof(*message), MSG_NOSIGNAL) < 0 ||
	    recv(fd, message, sizeof(*message), 0) < 0)
		return -1;
	if (!message->error)
		return 0;
	errno = -message->error;
	return -1;
}

int daemon_allocate(int fd, __u64 *frequency)
{
	struct message message = { .request = ALLOCATE };
	int error = ask(fd, &message);

	*frequency = message.frequency;
	return error;
}

int daemon_deallocate(int fd, __u64 frequency)
{
	struct message message = {
		.request = DEALLOCATE,
		.frequency = frequency,
	};

	return ask(fd, &message);
}
