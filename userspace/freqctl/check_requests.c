// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parts of the check: the requests that every release has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "check.h"
#include "check_model.h"
#include "check_parts.h"

/* Unused request numbers: one of the door's, one of the releases'. */
static const unsigned int unknown_requests[] = { 0x0f, 0xff };

int check_allocate(struct check *check)
{
	size_t count = model_count_free(&check->now);
	const char *separator = "";
	size_t i;

	if (!count) {
		fprintf(check->note, "nothing is free");
		return model_refuses_allocate(check, 0, ENOSPC);
	}
	for (i = 0; i < count && i < CHECK_SOME; i++)
		if (model_allocate(check))
			return -1;
	if (model_expect(check, "ALLOCATE"))
		return -1;
	for (i = 0; i < check->mine.count; i++) {
		fprintf(check->note, "%s%llu", separator, check->mine.values[i]);
		separator = ", ";
	}
	return 0;
}

/* Deallocates the frequencies of check_allocate(), the last one first. */
int check_deallocate(struct check *check)
{
	size_t count = check->mine.count, i;
	__u64 first[CHECK_SOME];

	for (i = 0; i < count; i++)
		first[i] = check->mine.values[i];
	while (check->mine.count)
		if (model_deallocate(check) || model_expect(check, "DEALLOCATE"))
			return -1;

	/* The one deallocated last is the first to be allocated. */
	for (i = 0; i < count; i++) {
		if (model_allocate(check))
			return -1;
		if (check->mine.values[i] != first[i])
			return check_fail(check,
					  "ALLOCATE gave %llu, where %llu is the first in line",
					  check->mine.values[i], first[i]);
	}
	return model_deallocate_all(check) || model_expect(check, "DEALLOCATE") ? -1 : 0;
}

int check_refusals(struct check *check)
{
	struct freq_client *copy = check->rehearsal->copy;
	const struct freq_entry *held = model_find_held(check);
	__u64 frequency;

	if (model_refuses_allocate(check, 1U << 31, EINVAL))
		return -1;
	frequency = model_new_number(check);
	if (model_refuses_deallocate(check, copy, frequency, ENOENT) ||
	    (held &&
	     model_refuses_deallocate(check, copy, held->frequency, EPERM)))
		return -1;
	if (model_count_free(&check->now)) {
		if (model_allocate(check))
			return -1;
		frequency = *check->mine.values;
		if (model_deallocate(check) ||
		    model_refuses_deallocate(check, copy, frequency, ENOENT))
			return -1;
	}
	return model_expect(check, "what was refused");
}

/* Allocations of another client, and their state when it has ended. */
static int check_other(struct check *check, struct freq_client **other)
{
	struct freq_client *copy = check->rehearsal->copy;
	__u64 held, kept;

	if (freq_client_allocate(*other, 0, &held) ||
	    freq_client_allocate(*other, FREQ_ALLOCATE_KEEP, &kept))
		return check_fail_errno(check, "ALLOCATE of another client");
	if (model_take(check, held, 0) ||
	    model_take(check, kept, FREQ_ENTRY_KEEP) ||
	    model_expect(check, "ALLOCATE of another client") ||
	    model_refuses_deallocate(check, copy, held, EPERM))
		return -1;

	freq_client_close(*other);
	*other = NULL;
	model_give_back(check, held);
	entries_find(&check->now, kept)->pid = 0;
	if (model_expect(check, "the end of another client"))
		return -1;

	if (freq_client_deallocate(copy, kept))
		return check_fail_errno(check, "DEALLOCATE of what is kept");
	model_give_back(check, kept);
	return model_expect(check, "DEALLOCATE of what was kept");
}

int check_clients(struct check *check)
{
	struct freq_client *other;
	int ret;

	if (model_count_free(&check->now) < 2) {
		fprintf(check->note, "not tried: too few are free");
		return 0;
	}
	other = freq_client_open(check->rehearsal->device, O_RDWR);
	if (!other)
		return check_fail_errno(check, "another client");
	ret = check_other(check, &other);
	freq_client_close(other);
	return ret;
}

int check_unknown(struct check *check)
{
	int fd = freq_client_fd(check->rehearsal->copy);
	size_t i;

	for (i = 0; i < sizeof(unknown_requests) / sizeof(unsigned int); i++) {
		unsigned int nr = unknown_requests[i];

		if (!ioctl(fd, _IO(FREQ_IOC_MAGIC, nr)))
			return check_fail(check, "the unknown request %#x succeeded",
					  nr);
		if (errno != ENOTTY)
			return check_fail(check,
					  "the unknown request %#x failed with %s, expected ENOTTY",
					  nr, strerrorname_np(errno));
	}
	return model_expect(check, "unknown requests");
}
