/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon as an alternative to /dev/freq: a process that allocates frequencies
 * to the clients of a Unix socket.
 */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include <linux/types.h>

/* Starts the daemon as a child, with frequencies 1 to @frequencies. */
void daemon_begin(unsigned int frequencies);
void daemon_end(void);

/* A client; closing it frees the frequencies that it owns. */
int daemon_connect(void);
int daemon_allocate(int fd, __u64 *frequency);
int daemon_deallocate(int fd, __u64 frequency);

#endif /* BENCH_DAEMON_H */
