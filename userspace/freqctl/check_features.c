// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the check: the requests that not every release has.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "check_model.h"
#include "check_parts.h"

/* The most free frequencies to allocate, all of them, for their order. */
#define FEW 64

static int refuses_inject(struct check *check, __u64 first, __u64 second)
{
	__u64 numbers[] = { first, second };
	size_t index = 0;

	if (!freq_client_inject(check->rehearsal->copy, numbers, 2, &index))
		return check_fail(check, "INJECT of %llu and %llu succeeded, expected EEXIST",
				  first, second);
	if (errno != EEXIST)
		return check_fail(check, "INJECT of %llu failed with %s, expected EEXIST",
				  second, strerrorname_np(errno));
	if (index != 1)
		return check_fail(check, "INJECT of %llu and %llu reported the wrong index, %zu",
				  first, second, index);
	return model_expect(check, "INJECT that was refused");
}

/* Injected frequencies are allocated last. */
static int check_turn(struct check *check, __u64 injected)
{
	__u64 last;

	while (model_count_free(&check->now))
		if (model_allocate(check))
			return -1;
	last = check->mine.values[check->mine.count - 1];
	if (last != injected)
		return check_fail(check, "ALLOCATE gave %llu last, not %llu, which was injected",
				  last, injected);
	if (model_expect(check, "ALLOCATE of all that is free") ||
	    model_refuses_allocate(check, 0, ENOSPC) ||
	    model_deallocate_all(check))
		return -1;
	return model_expect(check, "DEALLOCATE of all that was free");
}

static int check_inject(struct check *check)
{
	__u64 number = model_new_number(check), other;

	if (freq_client_inject(check->rehearsal->copy, &number, 1, NULL))
		return check_fail_errno(check, "INJECT");
	if (entries_insert(&check->now, number) ||
	    freq_array_add(&check->injected, number))
		return check_fail_errno(check, "the check");
	if (model_expect(check, "INJECT"))
		return -1;
	other = model_new_number(check);
	if (refuses_inject(check, other, number) ||
	    refuses_inject(check, other, other))
		return -1;
	if (model_count_free(&check->now) <= FEW)
		return check_turn(check, number);
	fprintf(check->note, " (order not checked: too many are free)");
	return 0;
}

/* The array has room for one more than FREQ_BATCH_MAX. */
static int refuses_batch(struct check *check, __u32 flags, size_t count,
			 int err)
{
	__u64 numbers[FREQ_BATCH_MAX + 1];

	if (!freq_client_allocate_batch(check->rehearsal->copy, flags, numbers,
					count))
		return check_fail(check, "ALLOCATE_BATCH of %zu succeeded, expected %s",
				  count, strerrorname_np(err));
	if (errno != err)
		return check_fail(check, "ALLOCATE_BATCH of %zu failed with %s, expected %s",
				  count, strerrorname_np(errno),
				  strerrorname_np(err));
	return model_expect(check, "ALLOCATE_BATCH that was refused");
}

/* All of @check->mine, then one that cannot be deallocated. */
static int refuses_back(struct check *check, __u64 bad, int err)
{
	__u64 numbers[CHECK_SOME + 1];
	size_t count = check->mine.count, index = 0;

	memcpy(numbers, check->mine.values, count * sizeof(*numbers));
	numbers[count] = bad;
	if (!freq_client_deallocate_batch(check->rehearsal->copy, numbers,
					  count + 1, &index))
		return check_fail(check,
				  "DEALLOCATE_BATCH of %llu succeeded, expected %s",
				  bad, strerrorname_np(err));
	if (errno != err)
		return check_fail(check, "DEALLOCATE_BATCH of %llu failed with %s, expected %s",
				  bad, strerrorname_np(errno),
				  strerrorname_np(err));
	if (index != count)
		return check_fail(check, "DEALLOCATE_BATCH of %llu reported the wrong index, %zu",
				  bad, index);
	return model_expect(check, "DEALLOCATE_BATCH that was refused");
}

/* As many as were allocated one by one, and in the same order. */
static int allocate_batch(struct check *check, const __u64 *wanted,
			  size_t count)
{
	__u64 numbers[CHECK_SOME];
	size_t i;

	if (freq_client_allocate_batch(check->rehearsal->copy, 0, numbers,
				       count))
		return check_fail_errno(check, "ALLOCATE_BATCH");
	for (i = 0; i < count; i++) {
		if (model_take(check, numbers[i], FREQ_ENTRY_MINE))
			return -1;
		if (freq_array_add(&check->mine, numbers[i]))
			return check_fail_errno(check, "the check");
	}
	for (i = 0; i < count; i++)
		if (numbers[i] != wanted[i])
			return check_fail(check,
					  "ALLOCATE_BATCH gave %llu, where %llu is next in line",
					  numbers[i], wanted[i]);
	return model_expect(check, "ALLOCATE_BATCH");
}

/* From the last to the first, so that the line is as it was before. */
static int deallocate_batch(struct check *check)
{
	size_t count = check->mine.count, i;
	__u64 numbers[CHECK_SOME];

	for (i = 0; i < count; i++)
		numbers[i] = check->mine.values[count - 1 - i];
	if (freq_client_deallocate_batch(check->rehearsal->copy, numbers,
					 count, NULL))
		return check_fail_errno(check, "DEALLOCATE_BATCH");
	for (i = 0; i < count; i++)
		model_give_back(check, numbers[i]);
	check->mine.count = 0;
	return model_expect(check, "DEALLOCATE_BATCH");
}

static int check_batch_of(struct check *check, size_t count)
{
	const struct freq_entry *held = model_find_held(check);
	__u64 line[CHECK_SOME];
	size_t i;

	for (i = 0; i < count; i++) {
		if (model_allocate(check))
			return -1;
		line[i] = check->mine.values[i];
	}
	if (model_deallocate_all(check) ||
	    allocate_batch(check, line, count) ||
	    refuses_back(check, model_new_number(check), ENOENT) ||
	    refuses_back(check, *line, ENOENT) ||
	    (held && refuses_back(check, held->frequency, EPERM)) ||
	    deallocate_batch(check))
		return -1;
	for (i = 0; i < count; i++) {
		if (model_allocate(check))
			return -1;
		if (check->mine.values[i] != line[i])
			return check_fail(check,
					  "DEALLOCATE_BATCH left %llu next in line, not %llu",
					  check->mine.values[i], line[i]);
	}
	return model_deallocate_all(check);
}

static int check_batch(struct check *check)
{
	size_t count = model_count_free(&check->now);

	if (refuses_batch(check, 0, 0, EINVAL) ||
	    refuses_batch(check, 0, FREQ_BATCH_MAX + 1, E2BIG) ||
	    refuses_batch(check, 1U << 31, 1, EINVAL) ||
	    (count < FREQ_BATCH_MAX &&
	     refuses_batch(check, 0, count + 1, ENOSPC)))
		return -1;
	if (count > CHECK_SOME)
		count = CHECK_SOME;
	return count ? check_batch_of(check, count) : 0;
}

/* The features that the check knows, and the parts that some consist of. */
static const struct {
	__u64 feature;
	const char *name;
	int (*run)(struct check *check);
} features[] = {
	{ FREQ_FEATURE_INJECT, "inject", check_inject },
	{ FREQ_FEATURE_BATCH, "batch", check_batch },
	{ FREQ_FEATURE_GRANTS, "exact", check_exact },
	{ FREQ_FEATURE_GRANTS, "grants", check_grants },
	{ FREQ_FEATURE_GRANTS, "label", check_label },
};

/* Features that the running release does not have are marked as new. */
int check_features(struct check *check)
{
	struct freq_info copy = { 0 }, live = { 0 };
	const char *separator = "";
	__u64 unknown;
	size_t i;

	if (freq_client_info(check->rehearsal->copy, &copy, sizeof(copy)))
		return check_fail_errno(check, "INFO");
	if (freq_client_info(check->rehearsal->live, &live, sizeof(live)))
		return check_fail_errno(check, "INFO of the server");

	unknown = copy.features;
	for (i = 0; i < sizeof(features) / sizeof(*features); i++) {
		if (!(copy.features & features[i].feature))
			continue;
		fprintf(check->note, "%s%s%s", separator, features[i].name,
			live.features & features[i].feature ? "" : " (new)");
		if (features[i].run(check))
			return -1;
		separator = ", ";
		unknown &= ~features[i].feature;
	}
	if (unknown)
		fprintf(check->note, "; unknown to freqctl, not tried: %#llx",
			unknown);
	if (!copy.features)
		fprintf(check->note, "none");
	return 0;
}
