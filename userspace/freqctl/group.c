// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several frequencies, or those of some ranges, by one request of release 3: all
 * of them, or none.
 */
#include <err.h>
#include <errno.h>

#include "failure.h"
#include "group.h"
#include "held.h"

/**
 * group_is_needed() - whether only FREQ_IOC_ALLOCATE_GROUP can do a request
 * @request: the request
 *
 * Several are waited for together: of two that wait and hold some meanwhile, each
 * could have what the other one lacks.
 *
 * Return: true if it is needed.
 */
bool group_is_needed(const struct held_request *request)
{
	if (request->exact.count)
		return false;
	return request->in.count ||
	       request->flags & (FREQ_GROUP_ROW | FREQ_GROUP_RESERVE) ||
	       (request->count > 1 && request->wait.deadline);
}

/**
 * group_allocate() - allocate some frequencies at once
 * @client: the client
 * @request: in which ranges, and for how long to wait
 * @granted: out: the frequencies and their grants
 * @count: how many of the request, up to FREQ_GROUP_MAX
 *
 * Return: 0; -1 with errno as freq_client_allocate_group() has it.
 */
int group_allocate(struct freq_client *client,
		   const struct held_request *request,
		   struct freq_granted *granted, __u32 count)
{
	return freq_client_allocate_group(client, request->flags,
					  request->in.values, request->in.count,
					  request->spacing,
					  request->wait.deadline, granted,
					  count);
}

static void report_row(const struct held_request *request, int err)
{
	const char *of = request->in.count ? "ranges have" : "pool has";
	unsigned long long spacing = request->spacing;
	__u32 count = request->count;

	if (err == ENOENT)
		warnx("cannot allocate: the %s no row of %u, %llu apart", of,
		      count, spacing);
	else if (err == ENOSPC)
		warnx("cannot allocate: no row of %u, %llu apart, is free",
		      count, spacing);
	else if (err == ETIMEDOUT)
		warnx("cannot allocate: no row of %u, %llu apart, came free within %s s",
		      count, spacing, request->wait.seconds);
	else if (err == E2BIG)
		warnx("cannot allocate: a row is searched among up to %d frequencies",
		      FREQ_ROW_SEARCH_MAX);
	else if (err == ERANGE)
		warnx("cannot allocate: a row of %u, %llu apart, does not end below 2^64",
		      count, spacing);
	else
		warnx("cannot allocate: %s", failure_v3_text(err));
}

/* How many of what, too few of which are somewhere */
static void report_too_few(const struct held_request *request,
			   const char *where)
{
	const char *of = request->in.count ? " of the ranges" : "";

	if (request->count == 1)
		warnx("cannot allocate: no frequency%s is %s", of, where);
	else
		warnx("cannot allocate: fewer than %u frequencies%s are %s",
		      request->count, of, where);
}

static void report_late(const struct held_request *request)
{
	const char *of = request->in.count ? " of the ranges" : "";

	warnx("cannot allocate: %s%s came free within %s s",
	      request->count == 1 ? "no frequency" : "too few frequencies", of,
	      request->wait.seconds);
}

/**
 * group_report() - report why some frequencies could not be allocated
 * @request: the request
 * @err: the errno of group_allocate()
 */
void group_report(const struct held_request *request, int err)
{
	if (err == EPERM && request->flags & FREQ_GROUP_RESERVE)
		warnx("cannot allocate: --reserve for more than %lld s is for the administrator",
		      FREQ_RESERVE_MAX_NS / 1000000000);
	else if (request->flags & FREQ_GROUP_ROW)
		report_row(request, err);
	else if (err == ENOENT)
		report_too_few(request, "in the pool");
	else if (err == ENOSPC)
		report_too_few(request, "free");
	else if (err == ETIMEDOUT)
		report_late(request);
	else
		warnx("cannot allocate: %s", failure_v3_text(err));
}
