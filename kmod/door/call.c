// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How a call is served
 *
 * 1. With the mutex taken, the running release is looked up and its operation
 *    entered: one hold.
 * 2. If the operation wants something, the mutex is dropped, the door does it,
 *    and step 1 begins anew, perhaps in another release.
 *
 * The unhappy paths: a failure to get something is reported in
 * &freq_call.status, and the operation decides. A page that cannot be faulted
 * in ends the call with EFAULT; the operation has changed nothing then. With no
 * release, the call ends with ENODEV.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "door/hold.h"
#include "door/words.h"

/* How often in a call a page may vanish before it is written. */
#define TURNS_MAX 64

/**
 * freq_hold_trace() - trace the end of a hold
 * @server: the server; its tracepoint is enabled
 *
 * The event names the caller of this.
 */
void freq_hold_trace(struct freq_server *server)
{
	if (server->held_since)
		trace_freq_hold(_RET_IP_, ktime_get_ns() - server->held_since);
}

/* ---- Operations that a release does not have, or that no release has ---- */

static int no_release(void *state, struct freq_call *call)
{
	return -ENODEV;
}

static int no_request(void *state, struct freq_call *call)
{
	return -ENOTTY;
}

static int no_data(void *state, struct freq_call *call)
{
	return -EINVAL;
}

static int no_text(void *state, struct freq_call *call)
{
	return -EIO;
}

static int nothing(void *state, struct freq_call *call)
{
	return 0;
}

/* read() does not wait: it fails at once. */
static int readable(void *state, struct freq_call *call)
{
	call->result = (__force u32)(EPOLLIN | EPOLLRDNORM);
	return 0;
}

static const freq_operation absent[FREQ_OPS] = {
	[FREQ_OP_OPEN] = nothing,
	[FREQ_OP_CLOSE] = nothing,
	[FREQ_OP_FLUSH] = nothing,
	[FREQ_OP_IOCTL] = no_request,
	[FREQ_OP_READ] = no_data,
	[FREQ_OP_WRITE] = no_data,
	[FREQ_OP_POLL] = nothing,
	[FREQ_OP_FDINFO] = nothing,
	[FREQ_OP_SHOW] = no_text,
	[FREQ_OP_STORE] = no_text,
	[FREQ_OP_TIMER] = nothing,
	[FREQ_OP_DESTROY] = nothing,
};

/* The operations of a server behind which nothing runs */
const freq_operation freq_server_no_ops[FREQ_OPS] = {
	[FREQ_OP_OPEN] = nothing,
	[FREQ_OP_CLOSE] = nothing,
	[FREQ_OP_FLUSH] = nothing,
	[FREQ_OP_IOCTL] = no_release,
	[FREQ_OP_READ] = no_release,
	[FREQ_OP_WRITE] = no_release,
	[FREQ_OP_POLL] = readable,
	[FREQ_OP_FDINFO] = nothing,
	[FREQ_OP_SHOW] = no_release,
	[FREQ_OP_STORE] = no_release,
	[FREQ_OP_TIMER] = nothing,
	[FREQ_OP_DESTROY] = nothing,
};

/**
 * freq_server_set_ops() - complete the operations of a release
 * @release: the release; missing operations are filled in, and behave as
 *	those of a device without them
 */
void freq_server_set_ops(struct freq_release *release)
{
	u32 op;

	for (op = 0; op < FREQ_OPS; op++)
		release->ops[op] = release->ops[op] ?: absent[op];
}

/* ---- Services to operations ---- */

/**
 * freq_server_free_garbage() - free the garbage of a hold
 * @call: the call
 *
 * Context: process context; may sleep.
 */
void freq_server_free_garbage(struct freq_call *call)
{
	void *block;

	while (call->garbage) {
		block = call->garbage;
		call->garbage = *(void **)block;
		kvfree(block);
	}
	call->left &= ~FREQ_LEFT_GARBAGE;
}

static int allocate(void **block, u32 *size, u32 want, gfp_t flags)
{
	flags |= GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	if (*size)
		kvfree(*block);
	*block = want && want <= FREQ_WANT_MAX ? kvmalloc(want, flags) : NULL;
	*size = *block ? want : 0;
	return *block ? 0 : -ENOMEM;
}

static int copy_in(struct freq_call *call)
{
	int err = allocate(&call->buffer, &call->buffer_size, call->want, 0);

	if (err)
		return err;
	if (call->op == FREQ_OP_WRITE)
		return copy_from_iter(call->buffer, call->want, call->iter) ==
		       call->want ? 0 : -EFAULT;
	return copy_from_user(call->buffer, u64_to_user_ptr(call->from),
			      call->want) ? -EFAULT : 0;
}

static int fault_in(struct freq_call *call)
{
	size_t left;

	if (call->turns++ == TURNS_MAX || fatal_signal_pending(current))
		return -EFAULT;
	cond_resched();
	if (call->op == FREQ_OP_READ)
		left = fault_in_iov_iter_writeable(call->iter, call->want);
	else
		left = fault_in_safe_writeable(u64_to_user_ptr(call->out),
					       call->want);
	return left ? -EFAULT : 0;
}

/* Success beats a signal, and a signal beats the deadline. */
static int sleep_until_woken(struct freq_call *call)
{
	ktime_t deadline = call->deadline;
	int err = -EINTR;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		if (READ_ONCE(call->woken) || signal_pending(current) || !err)
			break;
		err = schedule_hrtimeout_range_clock(deadline == KTIME_MAX ?
						     NULL : &deadline, 0,
						     HRTIMER_MODE_ABS,
						     call->clock);
	}
	__set_current_state(TASK_RUNNING);
	if (READ_ONCE(call->woken))
		return 0;
	return signal_pending(current) ? -ERESTARTSYS : -ETIME;
}

/* Returns 0 if the operation is to be entered anew, else how the call ends. */
static int serve(struct freq_call *call, int want)
{
	call->status = 0;
	switch (want) {
	case FREQ_WANT_AGAIN:
		cond_resched();
		if (fatal_signal_pending(current))
			call->status = -EINTR;
		return 0;
	case FREQ_WANT_MEMORY:
		call->status = allocate(&call->memory, &call->memory_size,
					call->want, __GFP_ZERO);
		return 0;
	case FREQ_WANT_BUFFER:
		call->status = allocate(&call->buffer, &call->buffer_size,
					call->want, __GFP_ZERO);
		return 0;
	case FREQ_WANT_COPY_IN:
		call->status = copy_in(call);
		return 0;
	case FREQ_WANT_FAULT:
		return fault_in(call);
	case FREQ_WANT_SLEEP:
		call->status = sleep_until_woken(call);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Enters a call anew. */
static int enter(struct freq_server *server, struct freq_call *call)
{
	int ret;

	if (call->op != FREQ_OP_STEP)
		return freq_hold(server, call, call->op);
	freq_server_lock(server);
	/* A takeover wants to know how long it took. */
	server->held_since = server->held_since ?: ktime_get_ns();
	ret = call->step(server->state, call);
	freq_server_unlock(server);
	return ret;
}

/* Delivers the results of a call, and frees its memory. */
static int finish(struct freq_server *server, struct freq_call *call, int ret)
{
	if (call->left & FREQ_LEFT_STOP)
		freq_load_stopped(server, call->stopped);
	if (!ret && call->left & FREQ_LEFT_DELIVERY &&
	    copy_to_user(u64_to_user_ptr(call->out), call->buffer,
			 call->out_size))
		ret = -EFAULT;
	if (!ret && call->left & FREQ_LEFT_NOTICE)
		freq_sysfs_notify(server, call->notify, call->uevent);
	if (call->buffer_size)
		kvfree(call->buffer);
	if (call->memory_size)
		kvfree(call->memory);
	return ret;
}

/**
 * freq_server_complete() - serve a call behind its first hold
 * @server: the server
 * @call: the call
 * @ret: return value of the operation; 0 and errors need this function only
 *	if &freq_call.left is not 0
 *
 * Context: process context; may sleep; takes the mutex.
 * Return: as freq_server_call().
 */
int freq_server_complete(struct freq_server *server, struct freq_call *call,
			 int ret)
{
	freq_server_free_garbage(call);
	while (ret > 0) {
		ret = serve(call, ret);
		if (ret)
			break;
		ret = enter(server, call);
		freq_server_free_garbage(call);
	}
	return finish(server, call, ret);
}

/**
 * freq_server_call() - serve a call
 * @server: the server
 * @call: the call; nothing is left in it
 *
 * Context: process context; may sleep; takes the mutex.
 * Return: 0 or the errno of the operation; -ENODEV if no release runs; -EFAULT.
 */
int freq_server_call(struct freq_server *server, struct freq_call *call)
{
	return freq_server_complete(server, call, enter(server, call));
}

static int fault(struct freq_call *call, u64 to, u32 size)
{
	call->out = to;
	call->want = size;
	return FREQ_WANT_FAULT;
}

static int copy_to_data(struct freq_call *call, const void *from, u32 size)
{
	size_t copied;

	pagefault_disable();
	copied = copy_to_iter(from, size, call->iter);
	pagefault_enable();
	if (copied == size)
		return 0;
	iov_iter_revert(call->iter, copied);
	return fault(call, 0, size);
}

static noinline int copy_long(struct freq_call *call, u64 to, const void *from,
			      u32 size)
{
	void __user *address = u64_to_user_ptr(to);
	bool done;

	if (call->op == FREQ_OP_READ)
		return copy_to_data(call, from, size);
	pagefault_disable();
	if (size <= FREQ_WORDS_MAX * sizeof(u64) && !(size % sizeof(u64)))
		done = freq_words_write(address, from, size / sizeof(u64));
	else
		done = access_ok(address, size) &&
		       !__copy_to_user_inatomic(address, from, size);
	pagefault_enable();
	return done ? 0 : fault(call, to, size);
}

/**
 * freq_door_copy_out() - write a reply in the hold in which it is decided
 * @data: the struct freq_call
 * @to: user address; of no meaning for FREQ_OP_READ
 * @from: the reply
 * @size: in bytes
 *
 * Context: under the mutex; for FREQ_OP_READ once in an entry.
 * Return: 0; or FREQ_WANT_FAULT, which the operation returns with nothing
 * changed.
 */
int freq_door_copy_out(void *data, u64 to, const void *from, u32 size)
{
	struct freq_call *call = data;
	bool done;

	if (unlikely(size != 2 * sizeof(u64) || call->op == FREQ_OP_READ))
		return copy_long(call, to, from, size);
	pagefault_disable();
	done = freq_words_write(u64_to_user_ptr(to), from, 2);
	pagefault_enable();
	return likely(done) ? 0 : fault(call, to, size);
}
EXPORT_SYMBOL_FREQ(freq_door_copy_out);

/**
 * freq_door_sleep() - prepare to sleep
 * @data: the struct freq_call, which the state refers to from now on
 * @deadline: absolute time, in ns; KTIME_MAX: none
 * @clock: CLOCK_MONOTONIC or CLOCK_BOOTTIME
 *
 * The operation is entered anew before the call ends, so the state's reference
 * to it is valid for as long as it can be found.
 *
 * Context: under the mutex, in the thread of the call.
 * Return: FREQ_WANT_SLEEP, for the operation to return.
 */
int freq_door_sleep(void *data, s64 deadline, u32 clock)
{
	struct freq_call *call = data;

	call->task = current;
	call->woken = 0;
	call->deadline = deadline;
	call->clock = clock;
	return FREQ_WANT_SLEEP;
}
EXPORT_SYMBOL_FREQ(freq_door_sleep);

/**
 * freq_door_wake() - wake a call that sleeps
 * @data: the struct freq_call
 *
 * Context: under the mutex.
 */
void freq_door_wake(void *data)
{
	struct freq_call *call = data;

	WRITE_ONCE(call->woken, 1);
	wake_up_process(call->task);
}
EXPORT_SYMBOL_FREQ(freq_door_wake);

/**
 * freq_door_set_timer() - set when FREQ_OP_TIMER is entered
 * @data: a struct freq_call of the server
 * @at: absolute time of CLOCK_BOOTTIME, in ns; KTIME_MAX: never
 *
 * CLOCK_BOOTTIME goes on while the machine is suspended: a time that has passed
 * meanwhile is served at resume.
 *
 * Context: under the mutex.
 */
void freq_door_set_timer(void *data, s64 at)
{
	const struct freq_call *call = data;
	struct freq_server *server = freq_server_of(call->server);

	if (at == KTIME_MAX)
		hrtimer_try_to_cancel(&server->timer);
	else
		hrtimer_start(&server->timer, at, HRTIMER_MODE_ABS);
}
EXPORT_SYMBOL_FREQ(freq_door_set_timer);
