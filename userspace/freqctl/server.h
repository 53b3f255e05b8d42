/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server: its device, and the processes that use it.
 */
#ifndef FREQCTL_SERVER_H
#define FREQCTL_SERVER_H

#include <sys/types.h>

#include <libfreq.h>

struct freq_client *server_open(int access);
dev_t server_device(struct freq_client *client);
void server_report_users(struct freq_client *client);

#endif /* FREQCTL_SERVER_H */
