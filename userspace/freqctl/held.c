// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several frequencies, allocated and given back together.
 */
#include <err.h>
#include <errno.h>

#include "failure.h"
#include "held.h"

/* Memory first: no frequency is lost for lack of it. */
static int make_room(struct freq_array *frequencies, size_t count)
{
	size_t before = frequencies->count;
	int ret = 0;

	while (!ret && frequencies->count < before + count)
		ret = freq_array_add(frequencies, 0);
	frequencies->count = before;
	return ret;
}

/* At once, or one by one where the release does not know how. */
static int allocate_some(struct freq_client *client, __u32 flags, size_t count,
			 struct freq_array *frequencies)
{
	__u64 *values;

	if (make_room(frequencies, count))
		return -1;
	values = frequencies->values + frequencies->count;
	if (count > 1) {
		if (!freq_client_allocate_batch(client, flags, values, count)) {
			frequencies->count += count;
			return 0;
		}
		if (errno != ENOTTY)
			return -1;
	}
	for (; count; count--) {
		if (freq_client_allocate(client, flags, values++))
			return -1;
		frequencies->count++;
	}
	return 0;
}

/* The count may have changed since the failure. */
static void report_too_few(struct freq_client *client, size_t had, __u32 count)
{
	struct freq_info info = { 0 };

	if (freq_client_info(client, &info, sizeof(info)) ||
	    info.free + had >= count)
		warnx("fewer than %u frequencies are free", count);
	else
		warnx("only %llu of %u frequencies are free", info.free + had,
		      count);
}

/**
 * held_allocate() - allocate some frequencies, or none
 * @client: the client
 * @flags: FREQ_ALLOCATE_*
 * @count: how many
 * @frequencies: an empty array; out: the frequencies, in the order of their
 *	allocation; empty on an error
 *
 * Up to FREQ_BATCH_MAX are allocated by one request if the release can do
 * that. Otherwise a failure gives back the ones allocated before it.
 *
 * Return: 0; -1 with errno as freq_client_allocate() has it, after a message.
 */
int held_allocate(struct freq_client *client, __u32 flags, __u32 count,
		  struct freq_array *frequencies)
{
	__u32 some;
	int err;

	while (frequencies->count < count) {
		some = count - frequencies->count;
		if (some > FREQ_BATCH_MAX)
			some = FREQ_BATCH_MAX;
		if (allocate_some(client, flags, some, frequencies))
			goto fail;
	}
	return 0;

fail:
	err = errno;
	if (err == ENOSPC && count > 1)
		report_too_few(client, frequencies->count, count);
	else
		warnx("cannot allocate: %s", failure_text(err));
	held_deallocate(client, frequencies);
	freq_array_free(frequencies);
	errno = err;
	return -1;
}

/**
 * held_deallocate() - give frequencies back, those allocated last first
 * @client: the client
 * @frequencies: the frequencies
 *
 * The free frequencies are then in the order in which they were before. The
 * other way of ending an allocation, by someone else, is no failure here.
 */
void held_deallocate(struct freq_client *client,
		     const struct freq_array *frequencies)
{
	size_t i = frequencies->count;

	while (i--) {
		if (!freq_client_deallocate(client, frequencies->values[i]))
			continue;
		if (errno == ENOENT || errno == EPERM)
			continue;
		warnx("cannot give back %llu: %s", frequencies->values[i],
		      failure_text(errno));
	}
}

/**
 * held_give_back() - give back frequencies that the user has named
 * @client: the client
 * @frequencies: the frequencies, at least one
 * @index: out, on an error: which of them is the first that cannot be given
 *	back
 *
 * All or none are given back if they are at most FREQ_BATCH_MAX and the release
 * can do that; otherwise those before the first that cannot be.
 *
 * Return: 0; -1 with errno as freq_client_deallocate() has it.
 */
int held_give_back(struct freq_client *client,
		   const struct freq_array *frequencies, size_t *index)
{
	const __u64 *values = frequencies->values;
	size_t count = frequencies->count;

	*index = 0;
	if (count > 1 && count <= FREQ_BATCH_MAX) {
		if (!freq_client_deallocate_batch(client, values, count, index))
			return 0;
		if (errno != ENOTTY)
			return -1;
	}
	for (; *index < count; ++*index)
		if (freq_client_deallocate(client, values[*index]))
			return -1;
	return 0;
}
