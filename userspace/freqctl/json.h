/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output in JSON.
 */
#ifndef FREQCTL_JSON_H
#define FREQCTL_JSON_H

#include <jansson.h>

#include <linux/freq.h>

json_t *json_number(__u64 number);
json_t *json_label(const __u8 label[FREQ_LABEL_MAX]);
int json_print(json_t *value, const char *end);

#endif /* FREQCTL_JSON_H */
