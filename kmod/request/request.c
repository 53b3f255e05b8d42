// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_OP_IOCTL: how a request comes to its handler.
 *
 * The argument that the caller gave is fitted to the size that this release
 * knows. Permissions come before all that depends on the argument.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "request/request.h"

/* Direction, type and number, without the size. */
#define COMMAND_MASK (~_IOC(0, 0, 0, _IOC_SIZEMASK))

static_assert(FREQ_IOC_MAGIC == FREQ_DOOR_IOC_TYPE);
static_assert(FREQ_REQUEST_WRITE == (__force u32)FMODE_WRITE);

/* Makes the argument one of the size that this release knows. */
static noinline int fit_argument(const struct freq_request *request,
				 struct freq_call *call)
{
	u32 given = _IOC_SIZE(call->command);
	void *argument = call->argument;
	u32 known = request->size;

	if (!_IOC_DIR(call->command))
		return -ENOTTY;
	if (given < _IOC_SIZE(request->command))
		return -EINVAL;
	if (!(_IOC_DIR(call->command) & _IOC_WRITE))
		return 0;
	given = min_t(u32, given, FREQ_ARGUMENT_MAX);
	if (given < known)
		memset(argument + given, 0, known - given);
	else if (memchr_inv(argument + known, 0, given - known))
		return -E2BIG;
	return 0;
}

/* Sees to it that the array is in the buffer. Returns as an operation does. */
static int prepare_array(const struct freq_request *request,
			 struct freq_call *call)
{
	const struct freq_array *array = &request->array;
	void *argument = call->argument;
	u32 count = *(u32 *)(argument + array->count), size = array->element;

	if (array->element_size) {
		size = *(u32 *)(argument + array->element_size);
		if (size % 8 || size < array->element ||
		    size > FREQ_GRANT_ENTRY_SIZE_MAX)
			return -EINVAL;
	}
	if (!count)
		return request->flags & FREQ_REQUEST_ARRAY_NONE ? 0 : -EINVAL;
	if (count > array->max)
		return -E2BIG;
	if (call->buffer_size == count * size)
		return 0;
	call->from = *(u64 *)(argument + array->pointer);
	call->want = count * size;
	return request->flags & FREQ_REQUEST_ARRAY_IN ? FREQ_WANT_COPY_IN :
							FREQ_WANT_BUFFER;
}

/* Once the argument has the size that this release knows */
static bool has_array(const struct freq_request *request,
		      const struct freq_call *call)
{
	const void *argument = call->argument;

	if (!(request->flags & FREQ_REQUEST_ARRAY_NONE))
		return request->flags & FREQ_REQUEST_ARRAY;
	return *(const u32 *)(argument + request->array.count);
}

/* Permissions, sizes, arrays. Returns as an operation does. */
static int prepare(const struct freq_request *request, struct freq_call *call)
{
	bool lacks_array = has_array(request, call) && !call->buffer_size;
	int ret;

	/* A call that has claimed the state is not stopped half-way. */
	if (!call->progress[FREQ_PROGRESS_CLAIM]) {
		if (request->flags & FREQ_REQUEST_WRITE &&
		    !call->client->writable)
			return -EPERM;
		if (request->flags & FREQ_REQUEST_ADMIN &&
		    !capable(CAP_SYS_ADMIN))
			return -EPERM;
		/* Without memory for the state, the handler decides. */
		if (call->status && (call->status != -ENOMEM || lacks_array))
			return call->status;
	}
	if (request->command != call->command) {
		ret = fit_argument(request, call);
		if (ret)
			return ret;
	}
	return request->flags & FREQ_REQUEST_ARRAY ?
	       prepare_array(request, call) : 0;
}

/* All requests, and with a mirror of the state. */
static noinline int enter(const struct freq_request *request,
			  struct freq_state *state, struct freq_call *call)
{
	int ret;

	if (!request || (request->command ^ call->command) & COMMAND_MASK)
		return -ENOTTY;
	ret = prepare(request, call) ?: request->handle(state, call);
	if (state->pool.mirror)
		freq_mirror_settle(state->pool.mirror, state);
	return ret;
}

/**
 * freq_request_enter() - FREQ_OP_IOCTL
 * @data: the state
 * @call: the call
 *
 * Fast path: nothing has to be prepared.
 *
 * Return: as an operation; -ENOTTY if the release does not know the request;
 * -EPERM; -EFAULT, -E2BIG or -EINVAL for an argument that cannot be had or has
 * a wrong size; -ENOMEM.
 */
int freq_request_enter(void *data, struct freq_call *call)
{
	const struct freq_request *request = NULL;
	struct freq_state *state = data;
	u32 nr = _IOC_NR(call->command);

	if (likely(nr < freq_request_count))
		request = freq_requests[nr];
	if (unlikely(!request ||
		     (request->command != call->command &&
		      request->grown != call->command) ||
		     request->flags & ~call->client->writable ||
		     call->status || state->pool.mirror))
		return enter(request, state, call);
	return request->handle(state, call);
}

/**
 * freq_request_reply_long() - freq_request_reply() to a newer caller
 * @call: the call
 * @reply: the argument with its out-fields
 * @size: size of the argument as this release knows it, in bytes
 *
 * Return: as freq_door_copy_out().
 */
int freq_request_reply_long(struct freq_call *call, const void *reply, u32 size)
{
	const void *zeros = page_address(ZERO_PAGE(0));
	u32 given = _IOC_SIZE(call->command), at;
	int ret;

	ret = freq_door_copy_out(call, call->address, reply, size);
	for (at = size; !ret && at < given; at += PAGE_SIZE)
		ret = freq_door_copy_out(call, call->address + at, zeros,
					 min_t(u32, given - at, PAGE_SIZE));
	return ret;
}
