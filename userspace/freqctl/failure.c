// SPDX-License-Identifier: GPL-2.0-only
/*
 * The errors of the server: a word for programs that use freqctl shell, and a
 * text for people.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "failure.h"

struct failure {
	int err;
	const char *word;
	const char *text;
};

static const struct failure failures[] = {
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
	{ ESTALE, "other_grant", "another grant has it by now" },
	{ ETIMEDOUT, "timed_out", "none came free in time" },
	{ EILSEQ, "bad_request", "a label cannot have control characters" },
};

/* Of the allocation of a certain frequency, where they differ */
static const struct failure exact_failures[] = {
	{ EBUSY, "allocated", "it is allocated" },
	{ ENOENT, "not_in_pool", "it is not in the pool" },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The failure with an errno, in a table; or NULL. */
static const struct failure *find(const struct failure *table, size_t count,
				  int err)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (table[i].err == err)
			return &table[i];
	return NULL;
}

/**
 * failure_word() - the word of freqctl shell for an error
 * @err: an errno
 *
 * Return: a word; "failed" for an error that is none of a request.
 */
const char *failure_word(int err)
{
	const struct failure *failure = find(failures, COUNT(failures), err);

	return failure ? failure->word : "failed";
}

/**
 * failure_exact_word() - that word, if the allocation of a frequency failed
 * @err: an errno
 *
 * Return: a word.
 */
const char *failure_exact_word(int err)
{
	const struct failure *failure;

	failure = find(exact_failures, COUNT(exact_failures), err);
	return failure ? failure->word : failure_word(err);
}

/**
 * failure_text() - describe an error of a request
 * @err: an errno
 *
 * Return: a text, valid until the next call.
 */
const char *failure_text(int err)
{
	const struct failure *failure = find(failures, COUNT(failures), err);

	return failure ? failure->text : strerror(err);
}

/**
 * failure_v3_text() - describe an error of a request that release 3 has added
 * @err: an errno
 *
 * Return: a text, valid until the next call.
 */
const char *failure_v3_text(int err)
{
	return err == ENOTTY ? "release 3 is needed" : failure_text(err);
}

/**
 * failure_exact_text() - describe why a certain frequency was not allocated
 * @err: an errno
 *
 * Return: a text, valid until the next call.
 */
const char *failure_exact_text(int err)
{
	const struct failure *failure;

	failure = find(exact_failures, COUNT(exact_failures), err);
	return failure ? failure->text : failure_v3_text(err);
}
