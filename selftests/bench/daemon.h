/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon that one would write instead of /dev/freq: a process that allocates
 * frequencies to those who ask through a Unix socket.
 */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include <linux/types.h>

/* A daemon in a process of its own, with the frequencies from 1 on. */
void daemon_begin(unsigned int frequencies);
void daemon_end(void);

/* A client; what it holds is given back when it is closed. */
int daemon_connect(void);
int daemon_allocate(int fd, __u64 *frequency);
int daemon_deallocate(int fd, __u64 frequency);

#endif /* BENCH_DAEMON_H */
