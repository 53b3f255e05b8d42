/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of the commands that allocate: how many frequencies, where to look, and
 * for how long to wait.
 */
#ifndef FREQCTL_REQUEST_OPTIONS_H
#define FREQCTL_REQUEST_OPTIONS_H

struct command;
struct held_request;

/* Beside 'n'; above the values that a command has for options of its own */
enum {
	REQUEST_IN = 0x200,
	REQUEST_ROW,
	REQUEST_RESERVE,
	REQUEST_WAIT,
};

int request_parse(const struct command *command, int option,
		  struct held_request *request);
int request_check(const struct command *command, struct held_request *request,
		  const char *exact);

#endif /* FREQCTL_REQUEST_OPTIONS_H */
