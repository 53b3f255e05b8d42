/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output in JSON.
 */
#ifndef FREQCTL_JSON_H
#define FREQCTL_JSON_H

#include <jansson.h>

#include <linux/types.h>

json_t *json_number(__u64 number);
int json_print(json_t *value, const char *end);

#endif /* FREQCTL_JSON_H */
