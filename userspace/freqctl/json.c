// SPDX-License-Identifier: GPL-2.0-only
/*
 * Output in JSON.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "label.h"

/**
 * json_number() - a number that every reader of JSON reads exactly
 * @number: the number
 *
 * Many readers make all numbers floating-point, and larger ones than 2^53 - 1
 * inexact. RFC 7493 asks to write these as strings.
 *
 * Return: an integer, or a string of decimal digits; NULL if out of memory.
 */
json_t *json_number(__u64 number)
{
	if (number < 1ULL << 53)
		return json_integer(number);
	return json_sprintf("%llu", number);
}

/**
 * json_label() - the label of a client
 * @label: the label
 *
 * Return: a string, escaped by label_escape() if it is not UTF-8; null if there
 * is no label; NULL if out of memory.
 */
json_t *json_label(const __u8 label[FREQ_LABEL_MAX])
{
	const char *bytes = (const char *)label;
	char text[LABEL_TEXT_SIZE];
	json_t *value;

	if (!*label)
		return json_null();
	value = json_stringn(bytes, strnlen(bytes, FREQ_LABEL_MAX));
	return value ? value : json_string(label_escape(label, text));
}

/**
 * json_print() - print a value on stdout
 * @value: the value, freed by this; NULL if there was no memory for it
 * @end: the text after it
 *
 * What is not ASCII is escaped: a terminal could take it as a command.
 *
 * Return: 0; -1 after a message.
 */
int json_print(json_t *value, const char *end)
{
	int ret = -1;

	if (value)
		ret = json_dumpf(value, stdout,
				 JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(value);
	if (ret) {
		warnx("cannot make the output");
		return -1;
	}
	fputs(end, stdout);
	return 0;
}
