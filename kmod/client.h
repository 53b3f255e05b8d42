/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clients: open file descriptions of the device, and their requests.
 */
#ifndef FREQ_CLIENT_H
#define FREQ_CLIENT_H

#include <linux/fs.h>

extern const struct file_operations freq_client_fops;

#endif /* FREQ_CLIENT_H */
