// SPDX-License-Identifier: GPL-2.0-only
/*
 * The check that freqctl itself makes of a release in a rehearsal.
 *
 * Nobody else uses the copy. So its whole list is known before each request,
 * and compared after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "check_parts.h"
#include "failure.h"
#include "signals.h"

/**
 * check_failed() - the return value of a check that failed
 * @length: from the message, unused
 *
 * Return: -1.
 */
int check_failed(int length)
{
	(void)length;
	return -1;
}

/**
 * check_fail_errno() - say that a request failed, by errno
 * @check: the check
 * @what: the request
 *
 * Return: -1.
 */
int check_fail_errno(struct check *check, const char *what)
{
	return check_fail(check, "%s: %s", what, failure_text(errno));
}

static const struct {
	const char *name;
	int (*run)(struct check *check);
} parts[] = {
	{ "lists", check_lists },
	{ "copy", check_copy },
	{ "allocate", check_allocate },
	{ "deallocate", check_deallocate },
	{ "refusals", check_refusals },
	{ "clients", check_clients },
	{ "features", check_features },
	{ "unknown", check_unknown },
	{ "server", check_live },
};

/**
 * check_prepare() - list the server, before the copy is made
 * @check: out: the check, to be given to check_free() even if this fails
 * @rehearsal: the rehearsal, prepared
 *
 * Return: 0; -1 with errno.
 */
int check_prepare(struct check *check, struct rehearsal *rehearsal)
{
	*check = (struct check){ .rehearsal = rehearsal };
	return entries_read(&check->before, rehearsal->live);
}

static int run_part(struct check *check, size_t i, bool print)
{
	char *text = NULL;
	size_t size;
	int ret;

	check->note = open_memstream(&text, &size);
	if (!check->note)
		return check_fail_errno(check, "the check");
	ret = parts[i].run(check);
	fclose(check->note);
	if (print) {
		printf("%-10s  %s%s%s\n", parts[i].name, ret ? "failed" : "ok",
		       !ret && size ? ": " : "", ret ? "" : text);
		fflush(stdout);
	}
	free(text);
	return ret;
}

/**
 * check_run() - check a release
 * @check: the check; its rehearsal has begun
 * @print: print a line for each part
 *
 * Return: 0 if the release passes; -1 with the cause in @check.
 */
int check_run(struct check *check, bool print)
{
	char why[CHECK_WHY_SIZE];
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (signals_pending(&check->rehearsal->mask))
			return check_fail(check, "interrupted");
		if (!run_part(check, i, print))
			continue;
		memcpy(why, check->why, sizeof(why));
		return check_fail(check, "%s: %.200s", parts[i].name, why);
	}
	return 0;
}

/**
 * check_free() - give back the memory of a check
 * @check: the check
 */
void check_free(struct check *check)
{
	entries_free(&check->before);
	entries_free(&check->now);
	freq_array_free(&check->mine);
	freq_array_free(&check->tried);
	freq_array_free(&check->injected);
}
