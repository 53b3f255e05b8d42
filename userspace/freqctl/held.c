// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several frequencies, allocated and given back together.
 */
#include <err.h>
#include <errno.h>

#include "failure.h"
#include "held.h"

/**
 * held_allocate() - allocate some frequencies, or none
 * @client: the client
 * @flags: FREQ_ALLOCATE_*
 * @count: how many
 * @frequencies: an empty array; out: the frequencies, in the order of their
 *	allocation; empty on an error
 *
 * Return: 0; -1 after a message.
 */
int held_allocate(struct freq_client *client, __u32 flags, __u32 count,
		  struct freq_array *frequencies)
{
	__u64 frequency;
	int err;

	while (frequencies->count < count) {
		if (freq_client_allocate(client, flags, &frequency)) {
			err = errno;
			goto fail;
		}
		if (freq_array_add(frequencies, frequency)) {
			err = errno;
			freq_client_deallocate(client, frequency);
			goto fail;
		}
	}
	return 0;

fail:
	if (err == ENOSPC && count > 1)
		warnx("only %zu of %u frequencies are free", frequencies->count,
		      count);
	else
		warnx("cannot allocate: %s", failure_text(err));
	held_deallocate(client, frequencies);
	freq_array_free(frequencies);
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
