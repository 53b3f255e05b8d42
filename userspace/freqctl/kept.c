// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deallocation of the frequencies that a user keeps.
 *
 * Listing and deallocation are two requests. In between, a frequency can be
 * deallocated, and allocated by another user.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "failure.h"
#include "kept.h"
#include "process.h"

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static bool contains(const struct freq_array *sorted, __u64 frequency)
{
	return sorted->count &&
	       bsearch(&frequency, sorted->values, sorted->count,
		       sizeof(frequency), compare);
}

static void reverse(struct freq_array *array)
{
	size_t i, j = array->count;
	__u64 value;

	for (i = 0; i < array->count / 2; i++) {
		value = array->values[i];
		array->values[i] = array->values[--j];
		array->values[j] = value;
	}
}

static int add_kept(struct freq_listing *listing, __u32 uid,
		    const struct freq_array *only, struct freq_array *kept)
{
	struct freq_entry entry;
	int ret;

	while ((ret = freq_listing_next(listing, &entry)) > 0) {
		if (!(entry.flags & FREQ_ENTRY_KEEP) || entry.uid != uid)
			continue;
		if (only->count && !contains(only, entry.frequency))
			continue;
		if (freq_array_add(kept, entry.frequency))
			return -1;
	}
	return ret;
}

/* Descending: the last one to be deallocated becomes the first in line. */
static int list_kept(struct freq_client *client, __u32 uid,
		     const struct freq_array *only, struct freq_array *kept)
{
	struct freq_listing *listing;
	int ret = -1, err;

	kept->count = 0;
	listing = freq_client_list(client, FREQ_LIST_ALLOCATED);
	if (listing)
		ret = add_kept(listing, uid, only, kept);
	err = errno;
	freq_listing_free(listing);
	if (ret)
		warnx("cannot list: %s", failure_text(err));
	errno = err;
	reverse(kept);
	return ret;
}

static size_t give_back_each(struct freq_client *client, const __u64 *values,
			     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (freq_client_deallocate(client, values[i]))
			break;
	return i;
}

/*
 * Deallocates up to FREQ_BATCH_MAX, and stops at the first failure. Returns
 * their number; if 0, errno is that of the first frequency.
 */
static size_t give_back_some(struct freq_client *client, const __u64 *values,
			     size_t count)
{
	size_t index = 0;

	if (count > FREQ_BATCH_MAX)
		count = FREQ_BATCH_MAX;
	while (count) {
		if (!freq_client_deallocate_batch(client, values, count,
						  &index))
			break;
		if (errno == ENOTTY)
			return give_back_each(client, values, count);
		if (errno != ENOENT && errno != EPERM)
			return 0;
		/* None was deallocated: try those before the failure. */
		count = index;
	}
	return count;
}

/*
 * After EPERM for kept->values[*next]. The caller lacks the privilege if the
 * user still keeps this frequency. Otherwise it has a new holder, and so may
 * the others: list anew, and go on below this frequency.
 */
static int skip_lost(struct freq_client *client, __u32 uid,
		     const struct freq_array *only, struct freq_array *kept,
		     size_t *next)
{
	__u64 frequency = kept->values[*next];
	char name[USER_NAME_SIZE];

	if (list_kept(client, uid, only, kept))
		return -1;
	for (*next = 0; *next < kept->count; ++*next)
		if (kept->values[*next] <= frequency)
			break;
	if (*next == kept->count || kept->values[*next] != frequency)
		return 0;

	warnx("cannot deallocate %llu: %s keeps it, and you are not the administrator",
	      frequency, user_name(uid, name));
	errno = EPERM;
	return -1;
}

static int give_back_all(struct freq_client *client, __u32 uid,
			 const struct freq_array *only, struct freq_array *kept)
{
	size_t next = 0, count;
	int err;

	while (next < kept->count) {
		count = give_back_some(client, kept->values + next,
				       kept->count - next);
		next += count;
		if (count)
			continue;
		err = errno;
		switch (err) {
		case ENOENT:
			next++;
			break;
		case EPERM:
			if (skip_lost(client, uid, only, kept, &next))
				return -1;
			break;
		default:
			warnx("cannot deallocate %llu: %s", kept->values[next],
			      failure_text(err));
			errno = err;
			return -1;
		}
	}
	return 0;
}

/**
 * kept_give_back() - deallocate the frequencies that a user keeps
 * @client: a client of this user, or of the administrator
 * @uid: the user
 * @only: restricts it to these frequencies, unless empty; is sorted
 *
 * Skips a frequency that the user does not keep any more. On an error, some
 * may have been deallocated.
 *
 * Return: 0; -1 with errno, after a message: EPERM if the client is of another
 * user without CAP_SYS_ADMIN; errors of freq_listing_next() and
 * freq_client_deallocate().
 */
int kept_give_back(struct freq_client *client, __u32 uid,
		   struct freq_array *only)
{
	struct freq_array kept = { 0 };
	int ret, err;

	freq_array_sort(only);
	ret = list_kept(client, uid, only, &kept);
	if (!ret)
		ret = give_back_all(client, uid, only, &kept);
	err = errno;
	freq_array_free(&kept);
	errno = err;
	return ret;
}
