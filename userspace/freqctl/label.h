/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Labels of clients.
 */
#ifndef FREQCTL_LABEL_H
#define FREQCTL_LABEL_H

#include <linux/freq.h>

/* A label with its NUL */
#define LABEL_SIZE (FREQ_LABEL_MAX + 1)
/* Made printable: each byte can become four. */
#define LABEL_TEXT_SIZE (4 * FREQ_LABEL_MAX + 1)

int label_check(const char *label);
const char *label_of_command(const char *path, char label[LABEL_SIZE]);
const char *label_escape(const __u8 label[FREQ_LABEL_MAX],
			 char text[LABEL_TEXT_SIZE]);

#endif /* FREQCTL_LABEL_H */
