// SPDX-License-Identifier: GPL-2.0-only
/*
 * The errors of the server: a word for programs that use freqctl shell, and a
 * text for people.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "failure.h"

static const struct {
	int err;
	const char *word;
	const char *text;
} failures[] = {
	{ ENOSPC, "no_frequency", "no frequency is free" },
	{ ENOENT, "not_allocated", "it is not allocated" },
	{ EPERM, "not_permitted", "not permitted" },
	{ EACCES, "not_permitted", "not permitted" },
	{ EROFS, "not_permitted", "not permitted" },
	{ EEXIST, "duplicate", "it exists already" },
	{ ENOTTY, "not_supported", "not supported by the running release" },
	{ EINVAL, "bad_request", "invalid request" },
	{ ERANGE, "bad_request", "a number is too large" },
	{ EBUSY, "busy", "busy" },
	{ EAGAIN, "busy", "busy" },
	{ E2BIG, "too_many", "too many frequencies" },
	{ ENODEV, "no_server", "no release runs" },
	{ ENOMEM, "no_memory", "out of memory" },
};

/**
 * failure_word() - the word of freqctl shell for an error
 * @err: an errno
 *
 * Return: a word; "failed" for an error that is none of a request.
 */
const char *failure_word(int err)
{
	size_t i;

	for (i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (failures[i].err == err)
			return failures[i].word;
	return "failed";
}

/**
 * failure_text() - describe an error of a request
 * @err: an errno
 *
 * Return: a text, valid until the next call.
 */
const char *failure_text(int err)
{
	size_t i;

	for (i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (failures[i].err == err)
			return failures[i].text;
	return strerror(err);
}
