/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server of client_queue_test.c: the linker has its name.
 */
#ifndef FREQ_CLIENT_QUEUE_TEST_H
#define FREQ_CLIENT_QUEUE_TEST_H

int __wrap_ioctl(int fd, unsigned long request, ...);

#endif /* FREQ_CLIENT_QUEUE_TEST_H */
