/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spans of frequencies, as requests have them, from SPECs.
 */
#ifndef FREQCTL_SPANS_H
#define FREQCTL_SPANS_H

#include <stddef.h>

#include <linux/freq.h>

struct command;

/**
 * struct spans - spans, in a memory block that grows
 * @values: the spans
 * @count: the number of spans
 * @room: the capacity of @values
 *
 * All zero is empty. spans_free() gives the memory back.
 */
struct spans {
	struct freq_span *values;
	size_t count;
	size_t room;
};

int spans_from_arguments(const struct command *command, struct spans *spans,
			 int argc, char **argv);
int spans_add_argument(const struct command *command, struct spans *spans,
		       const char *spec);
void spans_free(struct spans *spans);

#endif /* FREQCTL_SPANS_H */
