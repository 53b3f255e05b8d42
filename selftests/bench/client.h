/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests that are measured, as calls of a loop.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>

#include <linux/types.h>

/* The most calls of a round. */
#define CALLS_MAX	1000

/**
 * struct client - one that allocates and gives back
 * @fd: its open file of /dev/freq
 * @null: an open file of /dev/null, for the floor
 * @numbers: what it was given in this round, the i-th by the i-th call
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

/* Of loops: nothing at all, the requests, and the two in one. */
void call_floor(void *data, unsigned int i);
void call_allocate(void *data, unsigned int i);
void call_deallocate(void *data, unsigned int i);
void call_pair(void *data, unsigned int i);

#endif /* BENCH_CLIENT_H */
