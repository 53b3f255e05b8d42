// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of the copy, as it has to be after each request. Requests that
 * change the copy change the model with it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "check_model.h"
#include "failure.h"

/**
 * model_describe() - the state of a frequency in words
 * @entry: the frequency
 *
 * Return: a text, valid until the next call but one.
 */
const char *model_describe(const struct freq_entry *entry)
{
	static char texts[2][96];
	static unsigned int next;
	char *text = texts[next++ % 2];

	if (!entry->flags && !entry->uid && !entry->pid && !entry->pad)
		return "free";
	snprintf(text, sizeof(*texts), "%s%s%s by user %u, process %d",
		 entry->flags & FREQ_ENTRY_ALLOCATED ? "allocated" :
						       "not allocated",
		 entry->flags & FREQ_ENTRY_KEEP ? " to be kept" : "",
		 entry->flags & FREQ_ENTRY_MINE ? " by this client," : "",
		 entry->uid, entry->pid);
	return text;
}

/**
 * model_count_free() - count the free frequencies of a list
 * @entries: the list
 *
 * Return: their number.
 */
size_t model_count_free(const struct entries *entries)
{
	size_t count = 0, i;

	for (i = 0; i < entries->count; i++)
		count += !(entries->values[i].flags & FREQ_ENTRY_ALLOCATED);
	return count;
}

/**
 * model_expect_counts() - compare the counts of the copy with its list
 * @check: the check
 *
 * Return: 0 if they agree; -1 with the cause in @check.
 */
int model_expect_counts(struct check *check)
{
	struct freq_client *copy = check->rehearsal->copy;
	size_t unused = model_count_free(&check->now);
	size_t held = check->now.count - unused;
	struct freq_info info = { 0 };

	if (freq_client_info(copy, &info, sizeof(info)))
		return check_fail_errno(check, "INFO");
	if (info.free != unused || info.allocated != held)
		return check_fail(check,
				  "INFO counts %llu free and %llu allocated, LIST has %zu and %zu",
				  info.free, info.allocated, unused, held);
	return 0;
}

/**
 * model_matches() - compare an entry of the copy with the expected one
 * @wanted: the expected one
 * @seen: that of the copy
 *
 * The process of a client of the server can end at any time.
 *
 * Return: true if they agree.
 */
bool model_matches(const struct freq_entry *wanted,
		   const struct freq_entry *seen)
{
	struct freq_entry expected = *wanted;

	if (!seen->pid && wanted->pid != getpid())
		expected.pid = 0;
	return entries_equal(&expected, seen);
}

/* Where two lists part; the shorter one can be the beginning of the other. */
static size_t first_difference(const struct entries *wanted,
			       const struct entries *seen)
{
	size_t i;

	for (i = 0; i < wanted->count && i < seen->count; i++)
		if (!model_matches(&wanted->values[i], &seen->values[i]))
			break;
	return i;
}

static int report_difference(struct check *check, const struct entries *seen,
			     size_t i, const char *after)
{
	const struct freq_entry *wanted = &check->now.values[i];
	const struct freq_entry *got = &seen->values[i];

	if (i == seen->count || (i < check->now.count &&
				 got->frequency > wanted->frequency))
		return check_fail(check, "after %s, LIST lacks %llu", after,
				  wanted->frequency);
	if (i == check->now.count || got->frequency < wanted->frequency)
		return check_fail(check, "after %s, LIST has %llu in addition",
				  after, got->frequency);
	return check_fail(check, "after %s, LIST has %llu as %s, not as %s", after,
			  got->frequency, model_describe(got),
			  model_describe(wanted));
}

/**
 * model_expect() - compare the list of the copy with the expected one
 * @check: the check
 * @after: the request before, for the cause
 *
 * Return: 0 if they agree; -1 with the cause in @check.
 */
int model_expect(struct check *check, const char *after)
{
	struct entries seen = { 0 };
	int ret = 0;
	size_t i;

	if (entries_read(&seen, check->rehearsal->copy)) {
		ret = check_fail_errno(check, "LIST");
	} else {
		i = first_difference(&check->now, &seen);
		if (i < check->now.count || i < seen.count)
			ret = report_difference(check, &seen, i, after);
	}
	entries_free(&seen);
	return ret ? ret : model_expect_counts(check);
}

/**
 * model_take() - expect a frequency to be allocated from now on
 * @check: the check
 * @frequency: the frequency, which the copy has allocated
 * @flags: FREQ_ENTRY_* in addition
 *
 * Return: 0; -1 with the cause in @check if it was not free.
 */
int model_take(struct check *check, __u64 frequency, __u32 flags)
{
	struct freq_entry *entry = entries_find(&check->now, frequency);

	if (!entry)
		return check_fail(check, "%llu was allocated, but LIST does not have it",
				  frequency);
	if (entry->flags & FREQ_ENTRY_MINE)
		return check_fail(check, "%llu was allocated twice", frequency);
	if (entry->flags & FREQ_ENTRY_ALLOCATED)
		return check_fail(check, "%llu was allocated, but is not free",
				  frequency);
	entry->flags = flags | FREQ_ENTRY_ALLOCATED;
	entry->uid = geteuid();
	entry->pid = getpid();
	if (freq_array_add(&check->tried, frequency))
		return check_fail_errno(check, "the check");
	return 0;
}

/**
 * model_give_back() - expect a frequency to be free from now on
 * @check: the check
 * @frequency: the frequency
 */
void model_give_back(struct check *check, __u64 frequency)
{
	struct freq_entry *entry = entries_find(&check->now, frequency);

	*entry = (struct freq_entry){ .frequency = frequency };
}

/**
 * model_allocate() - allocate a frequency, at the end of @check->mine
 * @check: the check
 *
 * Return: 0; -1 with the cause in @check.
 */
int model_allocate(struct check *check)
{
	__u64 frequency;

	if (freq_client_allocate(check->rehearsal->copy, 0, &frequency))
		return check_fail_errno(check, "ALLOCATE");
	if (model_take(check, frequency, FREQ_ENTRY_MINE))
		return -1;
	if (freq_array_add(&check->mine, frequency))
		return check_fail_errno(check, "the check");
	return 0;
}

/**
 * model_deallocate() - deallocate a frequency, from the end of @check->mine
 * @check: the check
 *
 * Return: 0; -1 with the cause in @check.
 */
int model_deallocate(struct check *check)
{
	__u64 frequency = check->mine.values[check->mine.count - 1];

	if (freq_client_deallocate(check->rehearsal->copy, frequency))
		return check_fail(check, "DEALLOCATE of %llu, which is allocated, failed: %s",
				  frequency, failure_text(errno));
	check->mine.count--;
	model_give_back(check, frequency);
	return 0;
}

/**
 * model_deallocate_all() - deallocate all of @check->mine
 * @check: the check
 *
 * Return: 0; -1 with the cause in @check.
 */
int model_deallocate_all(struct check *check)
{
	while (check->mine.count)
		if (model_deallocate(check))
			return -1;
	return 0;
}

/**
 * model_refuses_allocate() - try an allocation that has to fail
 * @check: the check
 * @flags: FREQ_ALLOCATE_*
 * @err: the expected errno
 *
 * Return: 0 if it fails so; -1 with the cause in @check.
 */
int model_refuses_allocate(struct check *check, __u32 flags, int err)
{
	__u64 frequency;

	if (!freq_client_allocate(check->rehearsal->copy, flags, &frequency))
		return check_fail(check, "ALLOCATE gave %llu, expected %s",
				  frequency, strerrorname_np(err));
	if (errno != err)
		return check_fail(check, "ALLOCATE failed with %s, expected %s",
				  strerrorname_np(errno), strerrorname_np(err));
	return 0;
}

/**
 * model_refuses_deallocate() - try a deallocation that has to fail
 * @check: the check
 * @client: the client
 * @frequency: the frequency
 * @err: the expected errno
 *
 * Return: 0 if it fails so; -1 with the cause in @check.
 */
int model_refuses_deallocate(struct check *check, struct freq_client *client,
			     __u64 frequency, int err)
{
	if (!freq_client_deallocate(client, frequency))
		return check_fail(check, "DEALLOCATE of %llu succeeded, expected %s",
				  frequency, strerrorname_np(err));
	if (errno != err)
		return check_fail(check, "DEALLOCATE of %llu failed with %s, expected %s",
				  frequency, strerrorname_np(errno),
				  strerrorname_np(err));
	return 0;
}

/**
 * model_new_number() - choose a number that the copy does not have
 * @check: the check
 *
 * Return: a large random number.
 */
__u64 model_new_number(const struct check *check)
{
	__u64 number;

	if (getrandom(&number, sizeof(number), 0) < 0)
		number = time(NULL);
	number |= 1ULL << 63;
	while (entries_find(&check->now, number))
		number++;
	return number;
}

/**
 * model_find_held() - find a frequency that a client of the server holds
 * @check: the check
 *
 * Return: the frequency; NULL if none is held.
 */
const struct freq_entry *model_find_held(const struct check *check)
{
	size_t i;

	for (i = 0; i < check->now.count; i++)
		if ((check->now.values[i].flags &
		     (FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP)) ==
		    FREQ_ENTRY_ALLOCATED)
			return &check->now.values[i];
	return NULL;
}
