// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several frequencies, allocated and given back together.
 */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "failure.h"
#include "held.h"
#include "signals.h"

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

/* One, by a request of release 3. */
static int allocate_until(struct freq_client *client,
			  const struct held_request *request, __u32 flags,
			  __u64 *frequency)
{
	struct signals_admitted admitted;
	int ret = -1;

	flags |= request->flags;
	if (!request->mask || !request->wait.deadline)
		return freq_client_allocate_until(client, flags,
						  request->wait.deadline,
						  frequency, NULL);
	signals_admit(request->mask, &admitted);
	if (signals_noted())
		errno = EINTR;
	else
		ret = freq_client_allocate_until(client, flags,
						 request->wait.deadline,
						 frequency, NULL);
	signals_withdraw(&admitted);
	return ret;
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

/* After a signal, which ends the program, there is nothing to say. */
static void report_any(struct freq_client *client,
		       const struct held_request *request, size_t had)
{
	const char *seconds = request->wait.seconds;

	if (errno == EINTR)
		return;
	if (errno == ETIMEDOUT && request->count > 1)
		warnx("only %zu of %u frequencies came free within %s s", had,
		      request->count, seconds);
	else if (errno == ETIMEDOUT)
		warnx("cannot allocate: nobody gave one back within %s s",
		      seconds);
	else if (errno == ENOSPC && request->count > 1)
		report_too_few(client, had, request->count);
	else if (request->wait.deadline)
		warnx("cannot allocate: %s", failure_v3_text(errno));
	else
		warnx("cannot allocate: %s", failure_text(errno));
}

static int allocate_any(struct freq_client *client,
			const struct held_request *request,
			struct freq_array *frequencies)
{
	__u64 frequency;
	__u32 some;
	int ret;

	while (frequencies->count < request->count) {
		some = request->count - frequencies->count;
		if (request->wait.deadline) {
			ret = make_room(frequencies, 1);
			if (!ret)
				ret = allocate_until(client, request, 0,
						     &frequency);
			if (!ret)
				ret = freq_array_add(frequencies, frequency);
		} else {
			if (some > FREQ_BATCH_MAX)
				some = FREQ_BATCH_MAX;
			ret = allocate_some(client, request->flags, some,
					    frequencies);
		}
		if (ret) {
			int err = errno;

			report_any(client, request, frequencies->count);
			errno = err;
			return -1;
		}
	}
	return 0;
}

static void report_exact(const struct held_request *request, __u64 frequency)
{
	if (errno == EINTR)
		return;
	if (errno == ETIMEDOUT)
		warnx("cannot allocate %llu: nobody gave it back within %s s",
		      frequency, request->wait.seconds);
	else
		warnx("cannot allocate %llu: %s", frequency,
		      failure_exact_text(errno));
}

/*
 * In ascending order, whatever the order of the request is: of two that wait
 * while they hold some, none then waits for the other.
 */
static int allocate_exact(struct freq_client *client,
			  const struct held_request *request,
			  struct freq_array *frequencies)
{
	const struct freq_array *wanted = &request->exact;
	__u64 frequency;
	size_t i;
	int err;

	if (make_room(frequencies, wanted->count)) {
		warnx("cannot allocate: %s", failure_text(errno));
		return -1;
	}
	memcpy(frequencies->values, wanted->values,
	       wanted->count * sizeof(*wanted->values));
	frequencies->count = wanted->count;
	freq_array_sort(frequencies);
	if (frequencies->count < wanted->count) {
		warnx("cannot allocate: a frequency is repeated");
		frequencies->count = 0;
		errno = EINVAL;
		return -1;
	}

	for (i = 0; i < wanted->count; i++) {
		frequency = frequencies->values[i];
		if (!allocate_until(client, request, FREQ_ALLOCATE_EXACT,
				    &frequency))
			continue;
		err = errno;
		report_exact(request, frequency);
		/* Those allocated before it */
		frequencies->count = i;
		errno = err;
		return -1;
	}
	memcpy(frequencies->values, wanted->values,
	       wanted->count * sizeof(*wanted->values));
	return 0;
}

/**
 * held_allocate() - allocate some frequencies, or none
 * @client: the client
 * @request: which ones
 * @frequencies: an empty array; out: the frequencies, in the order of the
 *	request, or else of their allocation; empty on an error
 *
 * If there is nothing to wait for, up to FREQ_BATCH_MAX are allocated by one
 * request if the release can do that. Otherwise a failure gives back the ones
 * allocated before it.
 *
 * Return: 0; -1 with errno as freq_client_allocate_until() has it, after a
 * message; EINTR without one; EINVAL if one of @request is repeated.
 */
int held_allocate(struct freq_client *client,
		  const struct held_request *request,
		  struct freq_array *frequencies)
{
	int err;

	if (request->exact.count ?
	    !allocate_exact(client, request, frequencies) :
	    !allocate_any(client, request, frequencies))
		return 0;
	err = errno;
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
