// SPDX-License-Identifier: GPL-2.0-only
/*
 * What freqctl itself tries on a release that is rehearsed.
 *
 * Nobody else uses the copy, so that after each request its whole list is
 * known beforehand, and compared. The server that it is a copy of is in use:
 * what is compared with that is only what cannot have changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "failure.h"
#include "signals.h"

/* How many frequencies to allocate at once, if there are as many. */
#define SOME 3

/* If no more than this are free, they are all allocated, to see the order. */
#define FEW 64

/*
 * What seems to differ from the server is looked at for so long, in seconds,
 * and so many times, whether it changes.
 */
#define WATCH_TIME 5
#define WATCH_TIMES 10
#define WATCH_INTERVAL 5000

/* Numbers that no request has, among the door's and among the releases'. */
static const unsigned int unknown_requests[] = { 0x0f, 0xff };

static int failed(int length)
{
	(void)length;
	return -1;
}

/* Says why in the manner of printf(); -1, for the caller to return. */
#define fail(check, ...) \
	failed(snprintf((check)->why, CHECK_WHY_SIZE, __VA_ARGS__))

static int fail_errno(struct check *check, const char *what)
{
	return fail(check, "%s: %s", what, failure_text(errno));
}

/* "free", or who has it and how; valid until the next call but one. */
static const char *describe(const struct freq_entry *entry)
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

/* ---- The list of the copy, and what it has to be */

static size_t count_free(const struct entries *entries)
{
	size_t count = 0, i;

	for (i = 0; i < entries->count; i++)
		count += !(entries->values[i].flags & FREQ_ENTRY_ALLOCATED);
	return count;
}

static int expect_counts(struct check *check)
{
	struct freq_client *copy = check->rehearsal->copy;
	size_t unused = count_free(&check->now);
	size_t held = check->now.count - unused;
	struct freq_info info = { 0 };

	if (freq_client_info(copy, &info, sizeof(info)))
		return fail_errno(check, "INFO");
	if (info.free != unused || info.allocated != held)
		return fail(check,
			    "INFO counts %llu free and %llu allocated, LIST has %zu and %zu",
			    info.free, info.allocated, unused, held);
	return 0;
}

/* Where two lists part; the shorter one can be the beginning of the other. */
static size_t first_difference(const struct entries *a,
			       const struct entries *b)
{
	size_t i;

	for (i = 0; i < a->count && i < b->count; i++)
		if (!entries_equal(&a->values[i], &b->values[i]))
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
		return fail(check, "after %s, LIST lacks %llu", after,
			    wanted->frequency);
	if (i == check->now.count || got->frequency < wanted->frequency)
		return fail(check, "after %s, LIST has %llu in addition",
			    after, got->frequency);
	return fail(check, "after %s, LIST has %llu as %s, not as %s", after,
		    got->frequency, describe(got), describe(wanted));
}

/* Whether the list of the copy is what it has to be. */
static int expect(struct check *check, const char *after)
{
	struct entries seen = { 0 };
	int ret = 0;
	size_t i;

	if (entries_read(&seen, check->rehearsal->copy)) {
		ret = fail_errno(check, "LIST");
	} else {
		i = first_difference(&check->now, &seen);
		if (i < check->now.count || i < seen.count)
			ret = report_difference(check, &seen, i, after);
	}
	entries_free(&seen);
	return ret ? ret : expect_counts(check);
}

/* ---- Requests that change the copy, and with it what its list has to be */

static int take(struct check *check, __u64 frequency, __u32 flags)
{
	struct freq_entry *entry = entries_find(&check->now, frequency);

	if (!entry)
		return fail(check, "%llu was allocated, which is not in LIST",
			    frequency);
	if (entry->flags & FREQ_ENTRY_MINE)
		return fail(check, "%llu was allocated twice", frequency);
	if (entry->flags & FREQ_ENTRY_ALLOCATED)
		return fail(check, "%llu was allocated, but is not free",
			    frequency);
	entry->flags = flags | FREQ_ENTRY_ALLOCATED;
	entry->uid = geteuid();
	entry->pid = getpid();
	if (freq_array_add(&check->tried, frequency))
		return fail_errno(check, "the check");
	return 0;
}

static void give_back(struct check *check, __u64 frequency)
{
	struct freq_entry *entry = entries_find(&check->now, frequency);

	*entry = (struct freq_entry){ .frequency = frequency };
}

/* Allocates at the end of @mine. */
static int allocate(struct check *check)
{
	__u64 frequency;

	if (freq_client_allocate(check->rehearsal->copy, 0, &frequency))
		return fail_errno(check, "ALLOCATE");
	if (take(check, frequency, FREQ_ENTRY_MINE))
		return -1;
	if (freq_array_add(&check->mine, frequency))
		return fail_errno(check, "the check");
	return 0;
}

/* Deallocates from the end of @mine. */
static int deallocate(struct check *check)
{
	__u64 frequency = check->mine.values[check->mine.count - 1];

	if (freq_client_deallocate(check->rehearsal->copy, frequency))
		return fail(check, "DEALLOCATE of %llu, which is allocated: %s",
			    frequency, failure_text(errno));
	check->mine.count--;
	give_back(check, frequency);
	return 0;
}

static int deallocate_all(struct check *check)
{
	while (check->mine.count)
		if (deallocate(check))
			return -1;
	return 0;
}

static int refuses_allocate(struct check *check, __u32 flags, int err)
{
	__u64 frequency;

	if (!freq_client_allocate(check->rehearsal->copy, flags, &frequency))
		return fail(check, "ALLOCATE gave %llu, where it should say %s",
			    frequency, strerrorname_np(err));
	if (errno != err)
		return fail(check, "ALLOCATE says %s, not %s",
			    strerrorname_np(errno), strerrorname_np(err));
	return 0;
}

static int refuses_deallocate(struct check *check, struct freq_client *client,
			      __u64 frequency, int err)
{
	if (!freq_client_deallocate(client, frequency))
		return fail(check, "DEALLOCATE of %llu succeeded, where it should say %s",
			    frequency, strerrorname_np(err));
	if (errno != err)
		return fail(check, "DEALLOCATE of %llu says %s, not %s",
			    frequency, strerrorname_np(errno),
			    strerrorname_np(err));
	return 0;
}

/* A number that the copy does not have, and nobody else will think of. */
static __u64 new_number(const struct check *check)
{
	__u64 number;

	if (getrandom(&number, sizeof(number), 0) < 0)
		number = time(NULL);
	number |= 1ULL << 63;
	while (entries_find(&check->now, number))
		number++;
	return number;
}

/* ---- The parts of the check */

static int check_order(struct check *check)
{
	const struct entries *now = &check->now;
	size_t i;

	for (i = 1; i < now->count; i++) {
		if (now->values[i].frequency > now->values[i - 1].frequency)
			continue;
		return fail(check, "LIST has %llu %s",
			    now->values[i].frequency,
			    now->values[i].frequency ==
			    now->values[i - 1].frequency ? "twice" :
							   "out of order");
	}
	for (i = 0; i < now->count; i++) {
		if (now->values[i].flags & FREQ_ENTRY_ALLOCATED ?
		    !(now->values[i].flags & FREQ_ENTRY_MINE) :
		    !strcmp(describe(&now->values[i]), "free"))
			continue;
		return fail(check, "LIST has %llu as %s",
			    now->values[i].frequency,
			    describe(&now->values[i]));
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
		ret = fail(check, "the file '%s' in sysfs cannot be compared",
			   name);
	else if (strcmp(seen, wanted))
		ret = fail(check, "the file '%s' in sysfs has %.80s, LIST has %.80s",
			   name, seen, wanted);
	free(seen);
	free(wanted);
	return ret;
}

static int check_lists(struct check *check)
{
	struct freq_client *copy = check->rehearsal->copy;
	struct freq_info info = { 0 };
	size_t unused;

	if (entries_read(&check->now, copy))
		return fail_errno(check, "LIST");
	if (check_order(check) || expect_counts(check) ||
	    check_file(check, "free", 0) ||
	    check_file(check, "allocated", FREQ_ENTRY_ALLOCATED))
		return -1;
	if (freq_client_info(copy, &info, sizeof(info)))
		return fail_errno(check, "INFO");
	if (info.release != check->rehearsal->number)
		return fail(check, "INFO says that v%u runs", info.release);
	unused = count_free(&check->now);
	fprintf(check->note, "%zu free, %zu allocated", unused,
		check->now.count - unused);
	return 0;
}

/* The first of one list that another does not have; NULL if there is none. */
static const struct freq_entry *find_missing(const struct entries *from,
					     const struct entries *in)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		if (!entries_find(in, from->values[i].frequency))
			return &from->values[i];
	return NULL;
}

/* Leaves of some entries those that a list has just so. */
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

/* Leaves of some entries those that a list has in another way. */
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
 * What was one thing before the copy was made, another in it, and the former
 * again afterwards, has changed twice, or was copied wrongly. Some change all
 * the time, and so they do if they are watched.
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
			return fail(check, "interrupted");
		usleep(WATCH_INTERVAL);
		if (entries_read(live, check->rehearsal->live))
			return fail_errno(check, "LIST of the server");
		keep_equal(suspects, live);
	}
	return 0;
}

static int compare_holders(struct check *check, struct entries *live)
{
	struct entries *same = &check->before;
	const struct freq_entry *suspect;
	struct entries suspects = { 0 };
	int ret;

	keep_equal(same, live);
	if (entries_copy(&suspects, same))
		return fail_errno(check, "the check");
	keep_different(&suspects, &check->now);

	ret = watch(check, &suspects, live);
	suspect = suspects.values;
	if (!ret && suspects.count)
		ret = fail(check, "%llu is %s, on the server %s",
			   suspect->frequency,
			   describe(entries_find(&check->now,
						 suspect->frequency)),
			   describe(suspect));
	fprintf(check->note, "%zu are as on the server, of %zu", same->count,
		check->now.count);
	entries_free(&suspects);
	return ret;
}

/* Frequencies come, and never go. */
static int check_copy(struct check *check)
{
	const struct freq_entry *missing;
	struct entries live = { 0 };
	int ret;

	if (entries_read(&live, check->rehearsal->live)) {
		ret = fail_errno(check, "LIST of the server");
		goto free;
	}
	missing = find_missing(&check->before, &check->now);
	if (missing) {
		ret = fail(check, "%llu of the server is missing",
			   missing->frequency);
		goto free;
	}
	missing = find_missing(&check->now, &live);
	if (missing) {
		ret = fail(check, "%llu is not on the server",
			   missing->frequency);
		goto free;
	}
	ret = compare_holders(check, &live);
free:
	entries_free(&live);
	return ret;
}

static int check_allocate(struct check *check)
{
	size_t count = count_free(&check->now);
	const char *separator = "";
	size_t i;

	if (!count) {
		fprintf(check->note, "nothing is free");
		return refuses_allocate(check, 0, ENOSPC);
	}
	for (i = 0; i < count && i < SOME; i++)
		if (allocate(check))
			return -1;
	if (expect(check, "ALLOCATE"))
		return -1;
	for (i = 0; i < check->mine.count; i++) {
		fprintf(check->note, "%s%llu", separator, check->mine.values[i]);
		separator = ", ";
	}
	return 0;
}

/* Gives back what the part before has allocated, the last one first. */
static int check_deallocate(struct check *check)
{
	size_t count = check->mine.count, i;
	__u64 first[SOME];

	for (i = 0; i < count; i++)
		first[i] = check->mine.values[i];
	while (check->mine.count)
		if (deallocate(check) || expect(check, "DEALLOCATE"))
			return -1;

	/* The one deallocated last is the first in line. */
	for (i = 0; i < count; i++) {
		if (allocate(check))
			return -1;
		if (check->mine.values[i] != first[i])
			return fail(check, "ALLOCATE gave %llu, where %llu is the first in line",
				    check->mine.values[i], first[i]);
	}
	return deallocate_all(check) || expect(check, "DEALLOCATE") ? -1 : 0;
}

/* One that is allocated, for as long as its client is there; or NULL. */
static const struct freq_entry *find_held(const struct check *check)
{
	size_t i;

	for (i = 0; i < check->now.count; i++)
		if ((check->now.values[i].flags &
		     (FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP)) ==
		    FREQ_ENTRY_ALLOCATED)
			return &check->now.values[i];
	return NULL;
}

static int check_refusals(struct check *check)
{
	struct freq_client *copy = check->rehearsal->copy;
	const struct freq_entry *held = find_held(check);
	__u64 frequency;

	if (refuses_allocate(check, 1U << 31, EINVAL) ||
	    refuses_deallocate(check, copy, new_number(check), ENOENT) ||
	    (held && refuses_deallocate(check, copy, held->frequency, EPERM)))
		return -1;
	if (count_free(&check->now)) {
		if (allocate(check))
			return -1;
		frequency = *check->mine.values;
		if (deallocate(check) ||
		    refuses_deallocate(check, copy, frequency, ENOENT))
			return -1;
	}
	return expect(check, "what was refused");
}

/* What another client allocates, and what becomes of it when that ends. */
static int check_other(struct check *check, struct freq_client **other)
{
	struct freq_client *copy = check->rehearsal->copy;
	__u64 held, kept;

	if (freq_client_allocate(*other, 0, &held) ||
	    freq_client_allocate(*other, FREQ_ALLOCATE_KEEP, &kept))
		return fail_errno(check, "ALLOCATE of another client");
	if (take(check, held, 0) ||
	    take(check, kept, FREQ_ENTRY_KEEP) ||
	    expect(check, "ALLOCATE of another client") ||
	    refuses_deallocate(check, copy, held, EPERM))
		return -1;

	freq_client_close(*other);
	*other = NULL;
	give_back(check, held);
	entries_find(&check->now, kept)->pid = 0;
	if (expect(check, "the end of another client"))
		return -1;

	if (freq_client_deallocate(copy, kept))
		return fail_errno(check, "DEALLOCATE of what is kept");
	give_back(check, kept);
	return expect(check, "DEALLOCATE of what was kept");
}

static int check_clients(struct check *check)
{
	struct freq_client *other;
	int ret;

	if (count_free(&check->now) < 2) {
		fprintf(check->note, "not tried: too few are free");
		return 0;
	}
	other = freq_client_open(check->rehearsal->device, O_RDWR);
	if (!other)
		return fail_errno(check, "another client");
	ret = check_other(check, &other);
	freq_client_close(other);
	return ret;
}

static int refuses_inject(struct check *check, __u64 first, __u64 second)
{
	__u64 numbers[] = { first, second };
	size_t index = 0;

	if (!freq_client_inject(check->rehearsal->copy, numbers, 2, &index))
		return fail(check, "INJECT of %llu and %llu succeeded, where it should fail",
			    first, second);
	if (errno != EEXIST)
		return fail(check, "INJECT of what is there says %s, not EEXIST",
			    strerrorname_np(errno));
	if (index != 1)
		return fail(check, "INJECT of %llu and %llu tells the wrong index, %zu",
			    first, second, index);
	return expect(check, "INJECT that was refused");
}

/* What was injected comes last. */
static int check_turn(struct check *check, __u64 injected)
{
	__u64 last;

	while (count_free(&check->now))
		if (allocate(check))
			return -1;
	last = check->mine.values[check->mine.count - 1];
	if (last != injected)
		return fail(check, "ALLOCATE gave %llu last, not %llu, which was injected",
			    last, injected);
	if (expect(check, "ALLOCATE of all that is free") ||
	    refuses_allocate(check, 0, ENOSPC) || deallocate_all(check))
		return -1;
	return expect(check, "DEALLOCATE of all that was free");
}

static int check_inject(struct check *check)
{
	__u64 number = new_number(check), other;

	if (freq_client_inject(check->rehearsal->copy, &number, 1, NULL))
		return fail_errno(check, "INJECT");
	if (entries_insert(&check->now, number) ||
	    freq_array_add(&check->injected, number))
		return fail_errno(check, "the check");
	if (expect(check, "INJECT"))
		return -1;
	other = new_number(check);
	if (refuses_inject(check, other, number) ||
	    refuses_inject(check, other, other))
		return -1;
	if (count_free(&check->now) <= FEW)
		return check_turn(check, number);
	fprintf(check->note, " (not allocated in its turn: too many are free)");
	return 0;
}

/* With room for one more than any release may take. */
static int refuses_batch(struct check *check, __u32 flags, size_t count,
			 int err)
{
	__u64 numbers[FREQ_BATCH_MAX + 1];

	if (!freq_client_allocate_batch(check->rehearsal->copy, flags, numbers,
					count))
		return fail(check, "ALLOCATE_BATCH of %zu succeeded, where it should say %s",
			    count, strerrorname_np(err));
	if (errno != err)
		return fail(check, "ALLOCATE_BATCH of %zu says %s, not %s",
			    count, strerrorname_np(errno),
			    strerrorname_np(err));
	return expect(check, "ALLOCATE_BATCH that was refused");
}

/* What is allocated, and then one that cannot be given back. */
static int refuses_back(struct check *check, __u64 bad, int err)
{
	__u64 numbers[SOME + 1];
	size_t count = check->mine.count, index = 0;

	memcpy(numbers, check->mine.values, count * sizeof(*numbers));
	numbers[count] = bad;
	if (!freq_client_deallocate_batch(check->rehearsal->copy, numbers,
					  count + 1, &index))
		return fail(check, "DEALLOCATE_BATCH of %llu succeeded, where it should say %s",
			    bad, strerrorname_np(err));
	if (errno != err)
		return fail(check, "DEALLOCATE_BATCH of %llu says %s, not %s",
			    bad, strerrorname_np(errno), strerrorname_np(err));
	if (index != count)
		return fail(check, "DEALLOCATE_BATCH of %llu tells the wrong index, %zu",
			    bad, index);
	return expect(check, "DEALLOCATE_BATCH that was refused");
}

/* As many as were allocated one by one, and in the same order. */
static int allocate_batch(struct check *check, const __u64 *wanted,
			  size_t count)
{
	__u64 numbers[SOME];
	size_t i;

	if (freq_client_allocate_batch(check->rehearsal->copy, 0, numbers,
				       count))
		return fail_errno(check, "ALLOCATE_BATCH");
	for (i = 0; i < count; i++) {
		if (take(check, numbers[i], FREQ_ENTRY_MINE))
			return -1;
		if (freq_array_add(&check->mine, numbers[i]))
			return fail_errno(check, "the check");
	}
	for (i = 0; i < count; i++)
		if (numbers[i] != wanted[i])
			return fail(check, "ALLOCATE_BATCH gave %llu, where %llu is next in line",
				    numbers[i], wanted[i]);
	return expect(check, "ALLOCATE_BATCH");
}

/* From the last to the first, so that the line is as it was before. */
static int deallocate_batch(struct check *check)
{
	size_t count = check->mine.count, i;
	__u64 numbers[SOME];

	for (i = 0; i < count; i++)
		numbers[i] = check->mine.values[count - 1 - i];
	if (freq_client_deallocate_batch(check->rehearsal->copy, numbers,
					 count, NULL))
		return fail_errno(check, "DEALLOCATE_BATCH");
	for (i = 0; i < count; i++)
		give_back(check, numbers[i]);
	check->mine.count = 0;
	return expect(check, "DEALLOCATE_BATCH");
}

static int check_batch_of(struct check *check, size_t count)
{
	const struct freq_entry *held = find_held(check);
	__u64 line[SOME];
	size_t i;

	for (i = 0; i < count; i++) {
		if (allocate(check))
			return -1;
		line[i] = check->mine.values[i];
	}
	if (deallocate_all(check) ||
	    allocate_batch(check, line, count) ||
	    refuses_back(check, new_number(check), ENOENT) ||
	    refuses_back(check, *line, ENOENT) ||
	    (held && refuses_back(check, held->frequency, EPERM)) ||
	    deallocate_batch(check))
		return -1;
	for (i = 0; i < count; i++) {
		if (allocate(check))
			return -1;
		if (check->mine.values[i] != line[i])
			return fail(check, "DEALLOCATE_BATCH left %llu next in line, not %llu",
				    check->mine.values[i], line[i]);
	}
	return deallocate_all(check);
}

static int check_batch(struct check *check)
{
	size_t count = count_free(&check->now);

	if (refuses_batch(check, 0, 0, EINVAL) ||
	    refuses_batch(check, 0, FREQ_BATCH_MAX + 1, E2BIG) ||
	    refuses_batch(check, 1U << 31, 1, EINVAL) ||
	    (count < FREQ_BATCH_MAX &&
	     refuses_batch(check, 0, count + 1, ENOSPC)))
		return -1;
	return count ? check_batch_of(check, count < SOME ? count : SOME) : 0;
}

/* What a release can know beyond allocating. */
static const struct {
	__u64 feature;
	const char *name;
	int (*run)(struct check *check);
} features[] = {
	{ FREQ_FEATURE_INJECT, "inject", check_inject },
	{ FREQ_FEATURE_BATCH, "batch", check_batch },
};

/* The more interesting if the running release does not know it. */
static int check_features(struct check *check)
{
	struct freq_info copy = { 0 }, live = { 0 };
	const char *separator = "";
	__u64 unknown;
	size_t i;

	if (freq_client_info(check->rehearsal->copy, &copy, sizeof(copy)))
		return fail_errno(check, "INFO");
	if (freq_client_info(check->rehearsal->live, &live, sizeof(live)))
		return fail_errno(check, "INFO of the server");

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
		fprintf(check->note, "; not tried, since freqctl does not know them: %#llx",
			unknown);
	if (!copy.features)
		fprintf(check->note, "none");
	return 0;
}

static int check_unknown(struct check *check)
{
	int fd = freq_client_fd(check->rehearsal->copy);
	size_t i;

	for (i = 0; i < sizeof(unknown_requests) / sizeof(unsigned int); i++) {
		unsigned int nr = unknown_requests[i];

		if (!ioctl(fd, _IO(FREQ_IOC_MAGIC, nr)))
			return fail(check, "the request %#x, which there is not, succeeds",
				    nr);
		if (errno != ENOTTY)
			return fail(check, "the request %#x, which there is not: %s, not ENOTTY",
				    nr, strerrorname_np(errno));
	}
	return expect(check, "unknown requests");
}

/* Whether what was done to the copy was done to the server, too. */
static int check_live(struct check *check)
{
	const struct freq_entry *entry, *before;
	struct entries live = { 0 };
	int ret = 0;
	size_t i;

	if (entries_read(&live, check->rehearsal->live)) {
		ret = fail_errno(check, "LIST of the server");
		goto free;
	}
	entry = find_missing(&check->before, &live);
	if (entry)
		ret = fail(check, "%llu has vanished from the server",
			   entry->frequency);
	for (i = 0; !ret && i < check->injected.count; i++)
		if (entries_find(&live, check->injected.values[i]))
			ret = fail(check, "%llu was injected into the server",
				   check->injected.values[i]);
	for (i = 0; !ret && i < check->tried.count; i++) {
		entry = entries_find(&live, check->tried.values[i]);
		before = entries_find(&check->before, check->tried.values[i]);
		/* A process can have other clients than those of the check. */
		if (entry && entry->pid == getpid() &&
		    before && !entries_equal(entry, before))
			ret = fail(check, "%llu was allocated on the server",
				   entry->frequency);
	}
free:
	entries_free(&live);
	return ret;
}

/* ---- All of it */

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
 * check_prepare() - do what comes before the copy is made
 * @check: out: the check, to be given to check_free() even if this fails
 * @rehearsal: what will be checked, prepared
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
		return fail_errno(check, "the check");
	ret = parts[i].run(check);
	fclose(check->note);
	if (print)
		printf("%-10s  %s%s%s\n", parts[i].name, ret ? "failed" : "ok",
		       !ret && size ? ": " : "", ret ? "" : text);
	free(text);
	return ret;
}

/**
 * check_run() - check a release
 * @check: the check; its rehearsal has begun
 * @print: print a line for each part
 *
 * Return: 0 if the release passes; -1, and then @check tells why it does not.
 */
int check_run(struct check *check, bool print)
{
	char why[CHECK_WHY_SIZE];
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (signals_pending(&check->rehearsal->mask))
			return fail(check, "interrupted");
		if (!run_part(check, i, print))
			continue;
		memcpy(why, check->why, sizeof(why));
		return fail(check, "%s: %.200s", parts[i].name, why);
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
