// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parts of the check: the lists of the copy agree with each other, and with
 * those of the server.
 *
 * The server is in use meanwhile. Only what cannot have changed is compared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "check_model.h"
#include "check_parts.h"
#include "signals.h"

/*
 * The least time, in seconds, and the least number of looks, a pause of
 * microseconds between them, to see a holder change on the server.
 */
#define WATCH_TIME 5
#define WATCH_TIMES 10
#define WATCH_INTERVAL 5000

static int check_order(struct check *check)
{
	const struct entries *now = &check->now;
	size_t i;

	for (i = 1; i < now->count; i++) {
		if (now->values[i].frequency > now->values[i - 1].frequency)
			continue;
		return check_fail(check, "LIST has %llu %s",
				  now->values[i].frequency,
				  now->values[i].frequency ==
				  now->values[i - 1].frequency ? "twice" :
							   "out of order");
	}
	for (i = 0; i < now->count; i++) {
		if (now->values[i].flags & FREQ_ENTRY_ALLOCATED ?
		    !(now->values[i].flags & FREQ_ENTRY_MINE) :
		    !strcmp(model_describe(&now->values[i]), "free"))
			continue;
		return check_fail(check, "LIST has %llu as %s",
				  now->values[i].frequency,
				  model_describe(&now->values[i]));
	}
	return 0;
}

/* A list of sysfs, without the end of its line; NULL if it cannot be read. */
static char *read_file(const struct check *check, const char *name)
{
	char path[256], *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", check->rehearsal->lists, name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = NULL;
	} else {
		text[strcspn(text, "\n")] = '\0';
	}
	fclose(file);
	return text;
}

static char *format_list(const struct check *check, __u32 flag)
{
	const struct entries *now = &check->now;
	struct freq_array array = { 0 };
	char *text;
	size_t i;

	for (i = 0; i < now->count; i++)
		if ((now->values[i].flags & FREQ_ENTRY_ALLOCATED) == flag &&
		    freq_array_add(&array, now->values[i].frequency))
			break;
	text = i < now->count ? NULL : freq_array_format(&array);
	freq_array_free(&array);
	return text;
}

static int check_file(struct check *check, const char *name, __u32 flag)
{
	char *seen = read_file(check, name);
	char *wanted = format_list(check, flag);
	int ret = 0;

	if (!seen || !wanted)
		ret = check_fail(check, "the file '%s' in sysfs cannot be compared",
				 name);
	else if (strcmp(seen, wanted))
		ret = check_fail(check, "the file '%s' in sysfs has %.80s, LIST has %.80s",
				 name, seen, wanted);
	free(seen);
	free(wanted);
	return ret;
}

int check_lists(struct check *check)
{
	struct freq_client *copy = check->rehearsal->copy;
	struct freq_info info = { 0 };
	size_t unused;

	if (entries_read(&check->now, copy))
		return check_fail_errno(check, "LIST");
	if (check_order(check) || model_expect_counts(check) ||
	    check_file(check, "free", 0) ||
	    check_file(check, "allocated", FREQ_ENTRY_ALLOCATED))
		return -1;
	if (freq_client_info(copy, &info, sizeof(info)))
		return check_fail_errno(check, "INFO");
	if (info.release != check->rehearsal->number)
		return check_fail(check, "INFO reports v%u as running", info.release);
	unused = model_count_free(&check->now);
	fprintf(check->note, "%zu free, %zu allocated", unused,
		check->now.count - unused);
	return 0;
}

/* The first entry of @from whose frequency @in lacks; or NULL. */
static const struct freq_entry *find_missing(const struct entries *from,
					     const struct entries *in)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		if (!entries_find(in, from->values[i].frequency))
			return &from->values[i];
	return NULL;
}

/* Removes the entries that differ in the list. */
static void keep_equal(struct entries *entries, const struct entries *list)
{
	const struct freq_entry *entry;
	size_t from, to = 0;

	for (from = 0; from < entries->count; from++) {
		entry = entries_find(list, entries->values[from].frequency);
		if (entry && entries_equal(entry, &entries->values[from]))
			entries->values[to++] = entries->values[from];
	}
	entries->count = to;
}

/* Removes the entries that are equal in the list. */
static void keep_different(struct entries *entries, const struct entries *list)
{
	const struct freq_entry *entry;
	size_t from, to = 0;

	for (from = 0; from < entries->count; from++) {
		entry = entries_find(list, entries->values[from].frequency);
		if (!entry || !entries_equal(entry, &entries->values[from]))
			entries->values[to++] = entries->values[from];
	}
	entries->count = to;
}

/*
 * A suspect has one state in the copy, and another on the server, before and
 * after the copy was made. Either the copy is wrong, or the suspect has changed
 * twice meanwhile. In the second case it is in use, and soon changes again.
 */
static int watch(struct check *check, struct entries *suspects,
		 struct entries *live)
{
	time_t end = time(NULL) + WATCH_TIME;
	unsigned int times;

	for (times = 0; suspects->count; times++) {
		if (times >= WATCH_TIMES && time(NULL) > end)
			break;
		if (signals_pending(&check->rehearsal->mask))
			return check_fail(check, "interrupted");
		usleep(WATCH_INTERVAL);
		if (entries_read(live, check->rehearsal->live))
			return check_fail_errno(check, "LIST of the server");
		keep_equal(suspects, live);
	}
	return 0;
}

static int compare_holders(struct check *check, struct entries *live)
{
	struct entries *same = &check->before;
	const struct freq_entry *suspect, *copied;
	struct entries suspects = { 0 };
	int ret;

	keep_equal(same, live);
	if (entries_copy(&suspects, same))
		return check_fail_errno(check, "the check");
	keep_different(&suspects, &check->now);

	ret = watch(check, &suspects, live);
	suspect = suspects.values;
	if (!ret && suspects.count) {
		copied = entries_find(&check->now, suspect->frequency);
		ret = check_fail(check, "%llu is %s, on the server %s",
				 suspect->frequency, model_describe(copied),
				 model_describe(suspect));
	}
	fprintf(check->note, "%zu of %zu are as on the server", same->count,
		check->now.count);
	entries_free(&suspects);
	return ret;
}

/* The server can get new frequencies meanwhile, but loses none. */
int check_copy(struct check *check)
{
	const struct freq_entry *missing;
	struct entries live = { 0 };
	int ret;

	if (entries_read(&live, check->rehearsal->live)) {
		ret = check_fail_errno(check, "LIST of the server");
		goto free;
	}
	missing = find_missing(&check->before, &check->now);
	if (missing) {
		ret = check_fail(check, "%llu of the server is missing",
				 missing->frequency);
		goto free;
	}
	missing = find_missing(&check->now, &live);
	if (missing) {
		ret = check_fail(check, "%llu is not on the server",
				 missing->frequency);
		goto free;
	}
	ret = compare_holders(check, &live);
free:
	entries_free(&live);
	return ret;
}

/* Requests to the copy must not have reached the server. */
int check_live(struct check *check)
{
	const struct freq_entry *entry, *before;
	struct entries live = { 0 };
	int ret = 0;
	size_t i;

	if (entries_read(&live, check->rehearsal->live)) {
		ret = check_fail_errno(check, "LIST of the server");
		goto free;
	}
	entry = find_missing(&check->before, &live);
	if (entry)
		ret = check_fail(check, "%llu has vanished from the server",
				 entry->frequency);
	for (i = 0; !ret && i < check->injected.count; i++)
		if (entries_find(&live, check->injected.values[i]))
			ret = check_fail(check, "%llu was injected into the server",
					 check->injected.values[i]);
	for (i = 0; !ret && i < check->tried.count; i++) {
		entry = entries_find(&live, check->tried.values[i]);
		before = entries_find(&check->before, check->tried.values[i]);
		/* A process can have other clients than those of the check. */
		if (entry && entry->pid == getpid() &&
		    before && !entries_equal(entry, before))
			ret = check_fail(check, "%llu was allocated on the server",
					 entry->frequency);
	}
free:
	entries_free(&live);
	return ret;
}
