// SPDX-License-Identifier: GPL-2.0-only
/*
 * Labels of clients: who holds a frequency, in the words of the holder.
 */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "label.h"

/**
 * label_check() - see whether a text is short enough for a label
 * @label: the text
 *
 * Return: 0; -1 after a message.
 */
int label_check(const char *label)
{
	if (strlen(label) <= FREQ_LABEL_MAX)
		return 0;
	warnx("the label is longer than %d bytes", FREQ_LABEL_MAX);
	return -1;
}

/* Whether a byte goes on with a character of UTF-8. */
static int is_continuation(char byte)
{
	return (byte & 0xc0) == 0x80;
}

/**
 * label_of_command() - make a label of a command
 * @path: the command
 * @label: out: its name without folders, as much of it as a label can have
 *
 * Return: @label.
 */
const char *label_of_command(const char *path, char label[LABEL_SIZE])
{
	const char *name = strrchr(path, '/');
	size_t length;

	name = name ? name + 1 : path;
	length = strlen(name);
	if (length > FREQ_LABEL_MAX) {
		length = FREQ_LABEL_MAX;
		/* No part of a character */
		while (length && is_continuation(name[length]))
			length--;
	}
	memcpy(label, name, length);
	label[length] = '\0';
	return label;
}

/**
 * label_escape() - make a label printable
 * @label: the label
 * @text: out: the label, where a backslash and each byte that is not printable
 *	ASCII begin with a backslash
 *
 * Return: @text.
 */
const char *label_escape(const __u8 label[FREQ_LABEL_MAX],
			 char text[LABEL_TEXT_SIZE])
{
	char *to = text;
	size_t i;

	for (i = 0; i < FREQ_LABEL_MAX && label[i]; i++) {
		if (label[i] == '\\')
			to += sprintf(to, "\\\\");
		else if (isascii(label[i]) && isprint(label[i]))
			*to++ = label[i];
		else
			to += sprintf(to, "\\x%02x", label[i]);
	}
	*to = '\0';
	return text;
}
