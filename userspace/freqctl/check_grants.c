// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the check: certain frequencies, waiting, grants and labels.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "check_model.h"
#include "check_parts.h"

#define NS_PER_SECOND 1000000000LL

/* How long to wait in vain, in ns: longer than a tick of the clock */
#define WAIT (NS_PER_SECOND / 50)
/* A deadline that is past, in ns */
#define PAST 1

/* By how much times of grants can be behind, in ns: more than a tick */
#define BEHIND NS_PER_SECOND

static const char label[] = "freqctl rehearse";

static __s64 now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

/* Tries an allocation of this frequency, or of any if it is NULL. */
static int refuses_until(struct check *check, const __u64 *wanted,
			 __s64 deadline, int err)
{
	__u64 frequency = wanted ? *wanted : 0;
	char text[32] = "any";

	if (wanted)
		snprintf(text, sizeof(text), "%llu", *wanted);
	if (!freq_client_allocate_until(check->rehearsal->copy,
					wanted ? FREQ_ALLOCATE_EXACT : 0,
					deadline, &frequency, NULL))
		return check_fail(check, "ALLOCATE of %s gave %llu, expected %s",
				  text, frequency, strerrorname_np(err));
	if (errno != err)
		return check_fail(check, "ALLOCATE of %s failed with %s, expected %s",
				  text, strerrorname_np(errno),
				  strerrorname_np(err));
	return 0;
}

/* Refuses a frequency that is allocated, at once and after a wait. */
static int refuses_allocated(struct check *check, __u64 frequency)
{
	__s64 deadline;

	if (refuses_until(check, &frequency, 0, EBUSY) ||
	    refuses_until(check, &frequency, PAST, ETIMEDOUT))
		return -1;
	deadline = now(CLOCK_MONOTONIC) + WAIT;
	if (refuses_until(check, &frequency, deadline, ETIMEDOUT))
		return -1;
	if (now(CLOCK_MONOTONIC) < deadline)
		return check_fail(check, "ALLOCATE of %llu did not wait until its deadline",
				  frequency);
	return 0;
}

/* The free frequency with the highest number; there has to be one. */
static __u64 last_free(const struct check *check)
{
	size_t i = check->now.count;

	while (check->now.values[--i].flags & FREQ_ENTRY_ALLOCATED)
		;
	return check->now.values[i].frequency;
}

static int allocate_exact(struct check *check, __u64 wanted, __u64 *grant)
{
	__u64 frequency = wanted;

	if (freq_client_allocate_until(check->rehearsal->copy,
				       FREQ_ALLOCATE_EXACT, 0, &frequency,
				       grant))
		return check_fail_errno(check, "ALLOCATE of a certain frequency");
	if (frequency != wanted)
		return check_fail(check, "ALLOCATE of %llu gave %llu", wanted,
				  frequency);
	if (model_take(check, frequency, FREQ_ENTRY_MINE))
		return -1;
	if (freq_array_add(&check->mine, frequency))
		return check_fail_errno(check, "the check");
	return model_expect(check, "ALLOCATE of a certain frequency");
}

/**
 * check_exact() - certain frequencies, and waiting
 * @check: the check
 *
 * Return: 0; -1 with the cause in @check.
 */
int check_exact(struct check *check)
{
	const struct freq_entry *held = model_find_held(check);
	__u64 absent = model_new_number(check), frequency;

	if (refuses_until(check, &absent, 0, ENOENT) ||
	    refuses_until(check, &absent, FREQ_FOR_EVER, ENOENT) ||
	    refuses_until(check, NULL, -1, EINVAL) ||
	    (held && refuses_allocated(check, held->frequency)))
		return -1;
	if (!model_count_free(&check->now))
		return refuses_until(check, NULL, PAST, ETIMEDOUT);

	frequency = last_free(check);
	if (allocate_exact(check, frequency, NULL) ||
	    refuses_allocated(check, frequency) ||
	    model_expect(check, "ALLOCATE that was refused") ||
	    model_deallocate_all(check))
		return -1;
	return model_expect(check, "DEALLOCATE of a certain frequency");
}

/* The entry of a frequency in LIST_GRANTS. */
static int find_grant(struct check *check, __u64 frequency,
		      struct freq_grant_entry *entry)
{
	struct freq_listing *listing;
	int ret;

	listing = freq_client_list_grants(check->rehearsal->copy, 0,
					  sizeof(*entry));
	if (!listing)
		return check_fail_errno(check, "the check");
	do {
		ret = freq_listing_next_grant(listing, entry);
	} while (ret > 0 && entry->frequency != frequency);
	if (ret < 0)
		check_fail_errno(check, "LIST_GRANTS");
	freq_listing_free(listing);
	if (!ret)
		return check_fail(check, "LIST_GRANTS lacks %llu", frequency);
	return ret < 0 ? -1 : 0;
}

/* What only LIST_GRANTS has of an entry, which is not one of the check. */
static int check_entry(struct check *check,
		       const struct freq_grant_entry *entry, __u64 last)
{
	if (!(entry->flags & FREQ_ENTRY_ALLOCATED)) {
		if (entry->grant || entry->since || *entry->label)
			return check_fail(check,
					  "LIST_GRANTS has %llu, which is free, as granted",
					  entry->frequency);
		return 0;
	}
	if (!entry->grant || entry->grant > last)
		return check_fail(check,
				  "LIST_GRANTS has %llu by grant %llu, the last is %llu",
				  entry->frequency, entry->grant, last);
	return 0;
}

/* Both lists have the same frequencies and holders. */
static int compare_lists(struct check *check, struct freq_listing *listing,
			 __u64 last)
{
	struct freq_grant_entry entry;
	size_t i = 0;
	int ret;

	while ((ret = freq_listing_next_grant(listing, &entry)) > 0) {
		struct freq_entry plain = {
			.frequency = entry.frequency,
			.flags = entry.flags,
			.uid = entry.uid,
			.pid = entry.pid,
			.pad = entry.pad,
		};

		if (i == check->now.count ||
		    !model_matches(&check->now.values[i], &plain))
			return check_fail(check, "LIST_GRANTS has %llu as %s, unlike LIST",
					  entry.frequency,
					  model_describe(&plain));
		if (check_entry(check, &entry, last))
			return -1;
		i++;
	}
	if (ret < 0)
		return check_fail_errno(check, "LIST_GRANTS");
	if (i < check->now.count)
		return check_fail(check, "LIST_GRANTS lacks %llu",
				  check->now.values[i].frequency);
	return 0;
}

static int check_list_grants(struct check *check, __u64 last)
{
	struct freq_listing *listing;
	int ret;

	listing = freq_client_list_grants(check->rehearsal->copy, 0,
					  sizeof(struct freq_grant_entry));
	if (!listing)
		return check_fail_errno(check, "the check");
	ret = compare_lists(check, listing, last);
	freq_listing_free(listing);
	return ret;
}

/* Nobody else uses the copy, so nobody waits there. */
static int read_last_grant(struct check *check, __u64 *last)
{
	struct freq_info_v3 info = { 0 };

	if (freq_client_info(check->rehearsal->copy, &info, sizeof(info)))
		return check_fail_errno(check, "INFO");
	if (info.waiters)
		return check_fail(check, "INFO counts %u waiters, there are none",
				  info.waiters);
	*last = info.grant;
	return 0;
}

static int refuses_grant(struct check *check, __u64 frequency, __u64 grant,
			 int err)
{
	if (!freq_client_deallocate_grant(check->rehearsal->copy, frequency,
					  grant))
		return check_fail(check, "DEALLOCATE of %llu by grant %llu succeeded, expected %s",
				  frequency, grant, strerrorname_np(err));
	if (errno != err)
		return check_fail(check,
				  "DEALLOCATE of %llu by grant %llu failed with %s, expected %s",
				  frequency, grant, strerrorname_np(errno),
				  strerrorname_np(err));
	return 0;
}

/* A grant is numbered above those before it, and listed with its time. */
static int allocate_grant(struct check *check, __u64 frequency, __u64 *grant)
{
	struct freq_grant_entry entry;
	__u64 before, after;
	__s64 begin, end;

	begin = now(CLOCK_BOOTTIME) - BEHIND;
	if (read_last_grant(check, &before) ||
	    allocate_exact(check, frequency, grant) ||
	    read_last_grant(check, &after) ||
	    find_grant(check, frequency, &entry))
		return -1;
	end = now(CLOCK_BOOTTIME);
	if (*grant <= before)
		return check_fail(check, "ALLOCATE made grant %llu, the last was %llu",
				  *grant, before);
	if (after != *grant)
		return check_fail(check, "INFO has %llu as the last grant, it is %llu",
				  after, *grant);
	if (entry.grant != *grant)
		return check_fail(check, "LIST_GRANTS has %llu by grant %llu, not %llu",
				  frequency, entry.grant, *grant);
	if (entry.since < begin || entry.since > end)
		return check_fail(check, "LIST_GRANTS has %llu since %lld ns, not %lld",
				  frequency, entry.since, end);
	return 0;
}

static int deallocate_grant(struct check *check, __u64 grant)
{
	__u64 frequency = check->mine.values[--check->mine.count];

	if (freq_client_deallocate_grant(check->rehearsal->copy, frequency,
					 grant))
		return check_fail_errno(check, "DEALLOCATE by grant");
	model_give_back(check, frequency);
	return model_expect(check, "DEALLOCATE by grant");
}

/**
 * check_grants() - numbers of grants, and the list that has them
 * @check: the check
 *
 * Return: 0; -1 with the cause in @check.
 */
int check_grants(struct check *check)
{
	const struct freq_entry *held = model_find_held(check);
	struct freq_grant_entry entry;
	__u64 last, first, second;
	__u64 frequency;

	if (read_last_grant(check, &last) || check_list_grants(check, last) ||
	    refuses_grant(check, model_new_number(check), 1, ENOENT))
		return -1;
	if (held && (find_grant(check, held->frequency, &entry) ||
		     refuses_grant(check, held->frequency, entry.grant, EPERM) ||
		     refuses_grant(check, held->frequency, entry.grant + 1,
				   ESTALE)))
		return -1;
	if (!model_count_free(&check->now))
		return 0;

	frequency = last_free(check);
	if (allocate_grant(check, frequency, &first) ||
	    refuses_grant(check, frequency, first - 1, ESTALE) ||
	    deallocate_grant(check, first) ||
	    refuses_grant(check, frequency, first, ENOENT) ||
	    allocate_grant(check, frequency, &second) ||
	    refuses_grant(check, frequency, first, ESTALE) ||
	    model_expect(check, "DEALLOCATE that was refused"))
		return -1;
	return deallocate_grant(check, second);
}

static int expect_label(struct check *check, __u64 frequency,
			const char *expected)
{
	struct freq_grant_entry entry;

	if (find_grant(check, frequency, &entry))
		return -1;
	if (strncmp((const char *)entry.label, expected, sizeof(entry.label)))
		return check_fail(check, "LIST_GRANTS has another label than '%s'",
				  expected);
	return 0;
}

/**
 * check_label() - labels of clients
 * @check: the check
 *
 * Return: 0; -1 with the cause in @check.
 */
int check_label(struct check *check)
{
	struct freq_client *copy = check->rehearsal->copy;
	__u64 frequency;

	if (freq_client_set_label(copy, label))
		return check_fail_errno(check, "LABEL");
	if (!freq_client_set_label(copy, "two\nlines"))
		return check_fail(check, "LABEL of two lines succeeded, expected EILSEQ");
	if (errno != EILSEQ)
		return check_fail(check, "LABEL of two lines failed with %s, expected EILSEQ",
				  strerrorname_np(errno));
	if (model_count_free(&check->now)) {
		if (model_allocate(check))
			return -1;
		frequency = *check->mine.values;
		if (expect_label(check, frequency, label))
			return -1;
		if (freq_client_set_label(copy, NULL))
			return check_fail_errno(check, "LABEL of nothing");
		if (expect_label(check, frequency, "") ||
		    model_deallocate_all(check))
			return -1;
	} else if (freq_client_set_label(copy, NULL)) {
		return check_fail_errno(check, "LABEL of nothing");
	}
	return model_expect(check, "LABEL");
}
