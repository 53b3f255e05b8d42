// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options, --help and --version of the subcommands, from their tables.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/freq.h>

#include "command.h"

#define MAX_OPTIONS 8

static int argument_kind(const struct command_option *option)
{
	if (!option->argument)
		return no_argument;
	return option->optional ? optional_argument : required_argument;
}

static void print_option(const struct command_option *option)
{
	char form[32];
	int length;

	length = snprintf(form, sizeof(form), "--%s", option->name);
	if (option->argument)
		snprintf(form + length, sizeof(form) - length,
			 option->optional ? "[=%s]" : "=%s", option->argument);
	if (option->value <= 0xff)
		printf("  -%c, %-18s %s\n", option->value, form,
		       option->description);
	else
		printf("      %-18s %s\n", form, option->description);
}

static void print_help(const struct command *command)
{
	static const struct command_option common[] = {
		{ 'h', "help", NULL, "print this help" },
		{ 'V', "version", NULL, "print the version" },
	};
	const struct command_option *option;
	size_t i;

	printf("Usage: freqctl %s%s%s\n\n%s.\n\nOptions:\n", command->name,
	       *command->arguments ? " " : "", command->arguments,
	       command->description);
	for (option = command->options; option && option->name; option++)
		print_option(option);
	for (i = 0; i < sizeof(common) / sizeof(*common); i++)
		print_option(&common[i]);
	if (command->details)
		command->details();
}

/**
 * command_usage() - point to the help, after an error message
 * @command: the subcommand that was misused
 *
 * Return: EXIT_USAGE.
 */
int command_usage(const struct command *command)
{
	fprintf(stderr, "Try 'freqctl %s --help'.\n", command->name);
	return EXIT_USAGE;
}

/**
 * command_option() - the next option of a subcommand
 * @command: the subcommand
 * @argc: count of @argv
 * @argv: its arguments, with its name as the first
 *
 * Options end at the first argument that is none. --help, --version and a
 * wrong option end the program.
 *
 * Return: the value of the option, its argument in optarg, which is NULL if it
 * was left out; -1 at the end, the index of the next argument in optind.
 */
int command_option(const struct command *command, int argc, char **argv)
{
	struct option longs[MAX_OPTIONS + 3] = { 0 }, *l = longs;
	char shorts[2 * MAX_OPTIONS + 4], *s = shorts;
	const struct command_option *option;
	int value;

	*s++ = '+';
	for (option = command->options; option && option->name; option++) {
		*l++ = (struct option){
			.name = option->name,
			.has_arg = argument_kind(option),
			.val = option->value,
		};
		if (option->value > 0xff)
			continue;
		*s++ = option->value;
		if (option->argument)
			*s++ = ':';
	}
	*l++ = (struct option){ .name = "help", .val = 'h' };
	*l++ = (struct option){ .name = "version", .val = 'V' };
	*s++ = 'h';
	*s++ = 'V';
	*s = '\0';

	/* getopt_long() begins its messages with this. */
	argv[0] = program_invocation_short_name;
	value = getopt_long(argc, argv, shorts, longs, NULL);
	switch (value) {
	case 'h':
		print_help(command);
		exit(EXIT_DONE);
	case 'V':
		puts("freqctl " FREQ_VERSION);
		exit(EXIT_DONE);
	case '?':
		exit(command_usage(command));
	}
	return value;
}

/**
 * command_no_arguments() - read the arguments of a subcommand without any
 * @command: the subcommand, which has no options of its own either
 * @argc: count of @argv
 * @argv: its arguments, with its name as the first
 *
 * Return: 0; -1 if there are any, after a message.
 */
int command_no_arguments(const struct command *command, int argc, char **argv)
{
	while (command_option(command, argc, argv) != -1)
		;
	if (optind == argc)
		return 0;
	warnx("unexpected argument '%s'", argv[optind]);
	return -1;
}

/* Returns 0 if a text is a decimal number up to a limit, and not 0. */
static int parse_number(const char *text, __u64 max, __u64 *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	/* strtoull() would take blanks and a sign, too. */
	if (!isdigit((unsigned char)*text) || *end || errno || !*number ||
	    *number > max)
		return -1;
	return 0;
}

/**
 * command_count() - parse a number of frequencies
 * @text: a decimal number
 * @count: out: 1 to FREQ_POOL_MAX
 *
 * Return: 0; -1 if @text is no such number, after a message.
 */
int command_count(const char *text, __u32 *count)
{
	__u64 number;

	if (parse_number(text, FREQ_POOL_MAX, &number)) {
		warnx("'%s' is not a number from 1 to %u", text, FREQ_POOL_MAX);
		return -1;
	}
	*count = number;
	return 0;
}

/**
 * command_grant() - parse the number of a grant
 * @text: a decimal number
 * @grant: out: the number, not 0
 *
 * Return: 0; -1 if @text is no such number, after a message.
 */
int command_grant(const char *text, __u64 *grant)
{
	if (parse_number(text, UINT64_MAX, grant)) {
		warnx("'%s' is not the number of a grant", text);
		return -1;
	}
	return 0;
}
