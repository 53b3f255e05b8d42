// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several frequencies, allocated and given back together.
 */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "failure.h"
#include "group.h"
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

/**
 * struct attempt - a request that can wait
 * @flags: FREQ_ALLOCATE_*, beside those of the struct held_request
 * @frequency: of one that is allocated
 * @granted: has room for @count
 * @count: how many at once; 0: one, by FREQ_IOC_ALLOCATE_V3
 */
struct attempt {
	__u32 flags;
	__u64 frequency;
	struct freq_granted *granted;
	__u32 count;
};

static int attempt_once(struct freq_client *client,
			const struct held_request *request,
			struct attempt *attempt)
{
	if (attempt->count)
		return group_allocate(client, request, attempt->granted,
				      attempt->count);
	return freq_client_allocate_until(client,
					  request->flags | attempt->flags,
					  request->wait.deadline,
					  &attempt->frequency, NULL);
}

/* A held signal ends the wait. */
static int attempt_waiting(struct freq_client *client,
			   const struct held_request *request,
			   struct attempt *attempt)
{
	struct signals_admitted admitted;
	int ret = -1;

	if (!request->mask || !request->wait.deadline)
		return attempt_once(client, request, attempt);
	signals_admit(request->mask, &admitted);
	if (signals_noted())
		errno = EINTR;
	else
		ret = attempt_once(client, request, attempt);
	signals_withdraw(&admitted);
	return ret;
}

static int wait_for_one(struct freq_client *client,
			const struct held_request *request,
			struct freq_array *frequencies)
{
	struct attempt attempt = { 0 };

	if (make_room(frequencies, 1) ||
	    attempt_waiting(client, request, &attempt))
		return -1;
	return freq_array_add(frequencies, attempt.frequency);
}

static int allocate_group(struct freq_client *client,
			  const struct held_request *request, __u32 count,
			  struct freq_array *frequencies)
{
	struct freq_granted granted[FREQ_GROUP_MAX];
	struct attempt attempt = { .granted = granted, .count = count };
	int ret;
	__u32 i;

	if (make_room(frequencies, count) ||
	    attempt_waiting(client, request, &attempt))
		return -1;
	for (ret = 0, i = 0; !ret && i < count; i++)
		ret = freq_array_add(frequencies, granted[i].frequency);
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
	if (errno == EINTR)
		return;
	if (group_is_needed(request))
		group_report(request, errno);
	else if (errno == ETIMEDOUT)
		warnx("cannot allocate: nobody gave one back within %s s",
		      request->wait.seconds);
	else if (errno == ENOSPC && request->count > 1)
		report_too_few(client, had, request->count);
	else if (request->wait.deadline)
		warnx("cannot allocate: %s", failure_v3_text(errno));
	else
		warnx("cannot allocate: %s", failure_text(errno));
}

/* The next ones, as many as one request can have. */
static int allocate_next(struct freq_client *client,
			 const struct held_request *request,
			 struct freq_array *frequencies)
{
	__u32 some = request->count - frequencies->count, most;

	most = group_is_needed(request) ? FREQ_GROUP_MAX : FREQ_BATCH_MAX;
	if (some > most)
		some = most;
	if (group_is_needed(request))
		return allocate_group(client, request, some, frequencies);
	if (request->wait.deadline)
		return wait_for_one(client, request, frequencies);
	return allocate_some(client, request->flags, some, frequencies);
}

static int allocate_any(struct freq_client *client,
			const struct held_request *request,
			struct freq_array *frequencies)
{
	int err;

	while (frequencies->count < request->count) {
		if (!allocate_next(client, request, frequencies))
			continue;
		err = errno;
		report_any(client, request, frequencies->count);
		errno = err;
		return -1;
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
	struct attempt attempt = { .flags = FREQ_ALLOCATE_EXACT };
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
		attempt.frequency = frequencies->values[i];
		if (!attempt_waiting(client, request, &attempt))
			continue;
		err = errno;
		report_exact(request, attempt.frequency);
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
 * held_request_free() - give back the memory of a request
 * @request: the request
 */
void held_request_free(struct held_request *request)
{
	freq_array_free(&request->exact);
	spans_free(&request->in);
}

/**
 * held_allocate() - allocate some frequencies, or none
 * @client: the client
 * @request: which ones
 * @frequencies: an empty array; out: the frequencies, in the order of the
 *	request, or else of their allocation; empty on an error
 *
 * Unless they are certain ones, up to FREQ_BATCH_MAX are allocated by one request
 * if the release can do that. Otherwise a failure gives back the ones allocated
 * before it.
 *
 * Return: 0; -1 with errno as freq_client_allocate_until() or
 * freq_client_allocate_group() has it, after a message; EINTR without one; EINVAL
 * if one of @request is repeated.
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
