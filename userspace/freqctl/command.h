/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Subcommands, and the parsing of their arguments.
 */
#ifndef FREQCTL_COMMAND_H
#define FREQCTL_COMMAND_H

#include <stdbool.h>

#include <linux/types.h>

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

/**
 * struct command_option - an option of a subcommand
 * @value: the return value of command_option(): the letter of its short form;
 *	above 255 if it has none
 * @name: its long form
 * @argument: the name of its argument; NULL if it takes none
 * @optional: the argument can be left out; only for an option without a short
 *	form
 * @description: one line
 */
struct command_option {
	int value;
	const char *name;
	const char *argument;
	const char *description;
	bool optional;
};

/**
 * struct command - a subcommand, as --help and the manual page show it
 * @name: as typed
 * @arguments: its arguments, without the options common to all
 * @description: one line
 * @options: ended by one without a name; NULL if there are none
 * @details: prints more for --help; NULL if there is none
 * @run: gets its arguments with its name as the first; returns EXIT_*
 */
struct command {
	const char *name;
	const char *arguments;
	const char *description;
	const struct command_option *options;
	void (*details)(void);
	int (*run)(int argc, char **argv);
};

extern const struct command allocate_command;
extern const struct command deallocate_command;
extern const struct command inject_command;
extern const struct command list_command;
extern const struct command load_command;
extern const struct command purge_command;
extern const struct command rehearse_command;
extern const struct command run_command;
extern const struct command shell_command;
extern const struct command status_command;
extern const struct command stop_command;
extern const struct command upgrade_command;
extern const struct command watch_command;

int command_option(const struct command *command, int argc, char **argv);
int command_no_arguments(const struct command *command, int argc, char **argv);
int command_usage(const struct command *command);
int command_count(const char *text, __u32 *count);
int command_grant(const char *text, __u64 *grant);

#endif /* FREQCTL_COMMAND_H */
