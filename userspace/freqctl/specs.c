// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frequencies as people list them: on a command line, in a file, in a shell.
 */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "../../kmod/spec.h"
#include "command.h"
#include "failure.h"
#include "specs.h"

static int add(struct freq_array *array, const char *spec)
{
	/* An empty SPEC is a slip, such as a variable that was never set. */
	if (!*spec) {
		errno = EINVAL;
		return -1;
	}
	return freq_array_add_spec(array, spec);
}

/**
 * specs_refuse() - report an argument that is no SPEC, or too large a one
 * @command: the command
 * @spec: the argument
 * @err: an errno: EINVAL if it is no SPEC
 *
 * Return: the exit status of the command: EXIT_USAGE if the argument is no SPEC,
 * else EXIT_FAILED.
 */
int specs_refuse(const struct command *command, const char *spec, int err)
{
	warnx("'%s': %s", spec,
	      err == EINVAL ? "not a frequency, range or list" :
			      failure_text(err));
	if (err == EINVAL || err == ERANGE)
		return command_usage(command);
	return EXIT_FAILED;
}

/**
 * specs_add_arguments() - append the frequencies of some arguments
 * @command: the command
 * @array: where to
 * @argc: the length of @argv
 * @argv: the arguments, a SPEC each
 *
 * Return: EXIT_DONE; or the exit status of the command, after a message:
 * EXIT_USAGE if an argument is no SPEC, else EXIT_FAILED.
 */
int specs_add_arguments(const struct command *command,
			struct freq_array *array, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (add(array, argv[i]))
			return specs_refuse(command, argv[i], errno);
	return EXIT_DONE;
}

/**
 * specs_parse_one() - read a single number
 * @text: as in "10" or "12.5kHz"
 * @frequency: out: the number, in hertz
 *
 * Return: 0; -1 with errno: EINVAL if @text is no such number, ERANGE if it is
 * 2^64 or more.
 */
int specs_parse_one(const char *text, __u64 *frequency)
{
	struct freq_range range;
	int ret;

	/* No list, and no range */
	if (!*text || strpbrk(text, ",-")) {
		errno = EINVAL;
		return -1;
	}
	ret = freq_spec_next(&text, &range);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	*frequency = range.start;
	return 0;
}

/**
 * specs_add_text() - append the frequencies of a text
 * @array: where to
 * @text: SPECs, separated by blanks, ends of line, or one comma among these;
 *	# makes the rest of its line a comment. It is overwritten.
 * @line: out, on an error: in which line it is, from 1; can be NULL
 *
 * Return: 0; -1 with errno as freq_array_add_spec() has it.
 */
int specs_add_text(struct freq_array *array, char *text, unsigned long *line)
{
	int may_end = 1, may_separate = 0;
	unsigned long at = 1;
	size_t length;
	char c;

	for (;;) {
		length = strcspn(text, " \t\r\n,#");
		c = text[length];
		text[length] = '\0';
		if (length) {
			if (add(array, text))
				goto fail;
			may_end = 1;
			may_separate = 1;
		}
		text += length + 1;

		if (c == '#') {
			text += strcspn(text, "\n");
			c = *text;
			if (c)
				text++;
		}
		if (c == ',') {
			if (!may_separate)
				goto invalid;
			may_separate = 0;
			may_end = 0;
		}
		if (!c)
			break;
		if (c == '\n')
			at++;
	}
	if (may_end)
		return 0;
invalid:
	errno = EINVAL;
fail:
	if (line)
		*line = at;
	return -1;
}
