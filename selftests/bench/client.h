/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The measured requests, as callbacks of struct loop.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>

#include <linux/types.h>

/* Maximum number of calls per round */
#define CALLS_MAX	1000

/**
 * struct client - a measured client
 * @fd: open file of /dev/freq
 * @null: open file of /dev/null, for call_floor()
 * @numbers: frequencies allocated in this round, by index of the call
 */
struct client {
	int fd;
	int null;
	__u64 numbers[CALLS_MAX];
};

void fresh_server(const char *release, const char *parameters);
void fresh_server_of(unsigned int frequencies);
void end_server(void);
__u64 *make_numbers(unsigned int count, bool ascend);
void client_open(struct client *client);
void client_close(struct client *client);
void client_shuffle(struct client *client, unsigned int count);

/* Callbacks: a no-op ioctl, ALLOCATE, DEALLOCATE, and a pair of both */
void call_floor(void *data, unsigned int i);
void call_allocate(void *data, unsigned int i);
void call_deallocate(void *data, unsigned int i);
void call_pair(void *data, unsigned int i);

#endif /* BENCH_CLIENT_H */
