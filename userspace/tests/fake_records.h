/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A subscription to the server of fake_server.c.
 */
#ifndef FREQ_FAKE_RECORDS_H
#define FREQ_FAKE_RECORDS_H

#include <sys/types.h>

#include <linux/freq.h>

int fake_subscribe(const struct freq_subscribe *arg, int fd);
ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);

#endif /* FREQ_FAKE_RECORDS_H */
