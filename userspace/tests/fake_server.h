/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the linker puts in the place of functions of freqctl and of libc.
 */
#ifndef FREQ_FAKE_SERVER_H
#define FREQ_FAKE_SERVER_H

#include <pwd.h>

#include "../freqctl/rehearsal_session.h"

int __wrap_ioctl(int fd, unsigned long request, ...);
struct passwd *__real_getpwuid(uid_t uid);
struct passwd *__wrap_getpwuid(uid_t uid);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_rehearsal_session_prepare(struct rehearsal *rehearsal,
				     unsigned int number);
int __wrap_rehearsal_session_begin(struct rehearsal *rehearsal,
				   const char *parameters);
int __wrap_rehearsal_session_end(struct rehearsal *rehearsal);

#endif /* FREQ_FAKE_SERVER_H */
