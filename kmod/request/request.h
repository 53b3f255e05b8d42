/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests: from an argument of the uapi to a change of the state.
 */
#ifndef FREQ_REQUEST_REQUEST_H
#define FREQ_REQUEST_REQUEST_H

#include <linux/bits.h>
#include <linux/stddef.h>

#include <linux/freq.h>

#include "contract/door.h"
#include "state/state.h"

/**
 * struct freq_array - an array that hangs off the argument of a request
 * @pointer: offset in the argument of its address, a __u64
 * @count: offset in the argument of its number of elements, a __u32
 * @element: size of an element, in bytes
 * @element_size: if not 0, offset in the argument of the size that the caller
 *	has for an element, a __u32: a multiple of 8, @element at the least,
 *	FREQ_GRANT_ENTRY_SIZE_MAX at the most
 * @max: the most elements; more are refused with E2BIG, none with EINVAL
 */
struct freq_array {
	u16 pointer;
	u16 count;
	u16 element;
	u16 element_size;
	u32 max;
};

/* Refused with EPERM on a descriptor not open for writing: FMODE_WRITE. */
#define FREQ_REQUEST_WRITE	BIT(1)
/* Refused with EPERM without CAP_SYS_ADMIN in the initial user namespace. */
#define FREQ_REQUEST_ADMIN	BIT(2)
/* It has an array, */
#define FREQ_REQUEST_ARRAY	BIT(3)
/* which goes from the caller to the release, */
#define FREQ_REQUEST_ARRAY_IN	BIT(4)
/* and which can have no elements: there is no buffer then. */
#define FREQ_REQUEST_ARRAY_NONE	BIT(5)

/**
 * struct freq_request - a request
 * @command: its FREQ_IOC_* number, with direction and size of the first version
 *	of its argument; never changes
 * @grown: the same with the size of the argument as this release knows it, if
 *	that is another, and if the argument comes without an array
 * @size: size of the argument as this release knows it, in bytes
 * @flags: FREQ_REQUEST_*
 * @array: the array that hangs off the argument, if any: in the call's buffer
 * @handle: an operation (see contract/door.h) that does it. If it does not
 *	return 0, the state is unchanged. In the argument it changes out-fields
 *	only.
 */
struct freq_request {
	u32 command;
	u32 grown;
	u16 size;
	u16 flags;
	struct freq_array array;
	int (*handle)(struct freq_state *state, struct freq_call *call);
};

/* The release that this file is linked into */
extern const struct freq_release freq_this_release;

/* The requests of the release, by _IOC_NR(); NULL: an unknown one */
extern const struct freq_request *const freq_requests[];
extern const u32 freq_request_count;

extern const struct freq_request freq_request_info;
extern const struct freq_request freq_request_list;
extern const struct freq_request freq_request_allocate;
extern const struct freq_request freq_request_deallocate;
extern const struct freq_request freq_request_inject;
extern const struct freq_request freq_request_allocate_batch;
extern const struct freq_request freq_request_deallocate_batch;
extern const struct freq_request freq_request_stop;
extern const struct freq_request freq_request_info_v3;
extern const struct freq_request freq_request_allocate_v3;
extern const struct freq_request freq_request_deallocate_v3;
extern const struct freq_request freq_request_list_grants;
extern const struct freq_request freq_request_label;
extern const struct freq_request freq_request_allocate_group;
extern const struct freq_request freq_request_cancel;
extern const struct freq_request freq_request_subscribe;

int freq_allocate_next(struct freq_state *state, struct freq_call *call);

int freq_request_enter(void *state, struct freq_call *call);
int freq_request_reply_long(struct freq_call *call, const void *reply,
			    u32 size);

/**
 * freq_request_reply() - write the reply of a request
 * @call: the call
 * @reply: the argument with its out-fields
 * @size: size of the argument as this release knows it, in bytes
 *
 * Fields that only the caller knows become zero.
 *
 * Return: as freq_door_copy_out().
 */
static __always_inline int freq_request_reply(struct freq_call *call,
					      const void *reply, u32 size)
{
	u32 given = _IOC_SIZE(call->command);

	if (unlikely(given > size))
		return freq_request_reply_long(call, reply, size);
	return freq_door_copy_out(call, call->address, reply, given);
}

/**
 * freq_request_is_known() - test whether the release knows a request
 * @command: its number
 *
 * Return: true if it does.
 */
static inline bool freq_request_is_known(u32 command)
{
	return _IOC_NR(command) < freq_request_count &&
	       freq_requests[_IOC_NR(command)];
}

#endif /* FREQ_REQUEST_REQUEST_H */
