// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How a request is delivered
 *
 * 1. The argument is copied in, as much of it as the caller's request number
 *    says, before anything is known of the request: what is known of it stands
 *    in the tables of the running release, and those may be looked at under
 *    the mutex only.
 * 2. Under the mutex, the request is looked up and checked. If an array hangs
 *    off its argument, the mutex is dropped again, the array is made ready,
 *    and step 2 begins anew: by now, another release may run.
 * 3. Its handler runs. If it has more to do than others should wait for, it
 *    says so, and step 2 begins anew.
 * 4. Outside the mutex, the reply is copied out. If that fails, the request is
 *    taken back by whichever release runs by then.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/freq.h>

#include "client.h"
#include "server.h"

/**
 * struct client - an open file description
 * @public: what a release sees of it
 * @data: what the state of the running release has of it, NULL if none runs;
 *	under the server's mutex
 * @server: the server
 */
struct client {
	struct freq_client public;
	void *data;
	struct freq_server *server;
};

/**
 * struct delivery - a request on its way
 * @client: who makes it
 * @file: the open file description, for its mode
 * @user: the argument in user memory
 * @command: the request's number, with the size that the caller knows
 * @copied: 0, or why the argument could not be copied in
 * @valid: how many bytes of the argument are what the caller gave, or zero
 * @has_steps_lock: the server's steps_lock is held
 * @array: the array that is ready in @call, if it has elements
 * @call: what the release gets of it; its argument has room for
 *	FREQ_ARGUMENT_MAX bytes
 */
struct delivery {
	struct client *client;
	const struct file *file;
	void __user *user;
	unsigned int command;
	int copied;
	u32 valid;
	bool has_steps_lock;
	struct freq_array array;
	struct freq_call call;
};

static int client_open(struct inode *inode, struct file *file)
{
	struct freq_server *server = container_of(file->private_data,
						  struct freq_server, misc);
	struct client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;

	client->public.size = sizeof(client->public);
	client->public.uid = file->f_cred->euid;
	client->public.pid = get_pid(task_tgid(current));
	client->server = server;
	file->private_data = client;

	freq_server_lock(server);
	client->public.id = ++server->last_id;
	server->clients++;
	freq_server_unlock(server);

	return stream_open(inode, file);
}

static int client_release(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;
	struct freq_server *server = client->server;

	freq_server_lock(server);
	if (client->data)
		server->running->close(server->state, &client->data);
	server->clients--;
	freq_server_unlock(server);

	freq_server_end_rehearsal(server);
	put_pid(client->public.pid);
	kfree(client);
	return 0;
}

static int copy_argument_in(struct delivery *delivery)
{
	u32 size = _IOC_SIZE(delivery->command);

	delivery->valid = 0;
	if (!(_IOC_DIR(delivery->command) & _IOC_WRITE))
		return 0;
	delivery->valid = min_t(u32, size, FREQ_ARGUMENT_MAX);
	/* It is made longer by fit_argument() only, if at all. */
	return copy_struct_from_user(delivery->call.argument, delivery->valid,
				     delivery->user, size);
}

/* The line of the running release's table for a request, NULL if it is short. */
static __always_inline const struct freq_request *
find_line(const struct freq_server *server, unsigned int command)
{
	const struct freq_release *running = server->running;
	u32 nr = _IOC_NR(command);

	lockdep_assert_held(&server->lock);

	if (!running || nr >= running->request_count)
		return NULL;
	return (const void *)running->requests +
	       (size_t)nr * running->request_size;
}

static int find_request(const struct delivery *delivery,
			const struct freq_request **found)
{
	const struct freq_server *server = delivery->client->server;
	unsigned int command = delivery->command;
	const struct freq_request *request = find_line(server, command);

	if (!server->running)
		return -ENODEV;
	if (!request || !request->handle ||
	    _IOC_DIR(request->command) != _IOC_DIR(command))
		return -ENOTTY;
	*found = request;
	return 0;
}

static int check_permission(const struct delivery *delivery,
			    const struct freq_request *request)
{
	if (request->flags & FREQ_REQUEST_WRITE &&
	    !(delivery->file->f_mode & FMODE_WRITE))
		return -EPERM;
	if (request->flags & FREQ_REQUEST_ADMIN && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return 0;
}

/* Makes the argument one of the size that the release knows. */
static int fit_argument(struct delivery *delivery,
			const struct freq_request *request)
{
	void *argument = delivery->call.argument;
	u32 known = _IOC_SIZE(request->command);

	if (delivery->copied)
		return delivery->copied;
	if (_IOC_SIZE(delivery->command) < request->size_min)
		return -EINVAL;
	if (delivery->valid > known &&
	    memchr_inv(argument + known, 0, delivery->valid - known))
		return -E2BIG;
	if (delivery->valid < known) {
		memset(argument + delivery->valid, 0, known - delivery->valid);
		delivery->valid = known;
	}
	return 0;
}

static void __user *array_address(const struct delivery *delivery)
{
	return u64_to_user_ptr(*(u64 *)(delivery->call.argument +
					delivery->array.pointer));
}

static u32 array_count(const struct delivery *delivery)
{
	return *(u32 *)(delivery->call.argument + delivery->array.count);
}

/* Whether the array of a request is ready, or it has none and needs none. */
static bool has_array(const struct delivery *delivery,
		      const struct freq_array *array)
{
	if (!(array->element | delivery->array.element))
		return true;
	return !memcmp(array, &delivery->array, sizeof(*array));
}

/* Makes the array of a request ready in kernel memory, outside the mutex. */
static int prepare_array(struct delivery *delivery,
			 const struct freq_array *array, bool in)
{
	struct freq_call *call = &delivery->call;
	size_t size;

	kvfree(call->array);
	call->array = NULL;
	memset(call->progress, 0, sizeof(call->progress));
	delivery->array = *array;
	if (!array->element)
		return 0;

	call->count = array_count(delivery);
	if (!call->count)
		return -EINVAL;
	if (call->count > array->max)
		return -E2BIG;
	size = (size_t)call->count * array->element;
	if (!in) {
		call->array = kvzalloc(size, GFP_KERNEL_ACCOUNT);
		return call->array ? 0 : -ENOMEM;
	}
	call->array = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!call->array)
		return -ENOMEM;
	if (copy_from_user(call->array, array_address(delivery), size))
		return -EFAULT;
	return 0;
}

static int copy_reply_out(const struct delivery *delivery, u32 known,
			  bool array_out)
{
	const struct freq_call *call = &delivery->call;
	u32 given = _IOC_SIZE(delivery->command);
	void __user *user = delivery->user;

	if (array_out && copy_to_user(array_address(delivery), call->array,
				      (size_t)call->count *
				      delivery->array.element))
		return -EFAULT;
	if (!(_IOC_DIR(delivery->command) & _IOC_READ))
		return 0;
	if (copy_to_user(user, call->argument, min(given, known)))
		return -EFAULT;
	if (given > known && clear_user(user + known, given - known))
		return -EFAULT;
	return 0;
}

/* The caller was not told of what its request did: takes that back. */
static noinline void undo(struct freq_server *server, unsigned int command,
			  struct freq_call *call)
{
	const struct freq_request *request;

	freq_server_lock(server);
	request = find_line(server, command);
	if (request && request->undo)
		request->undo(server->state, call);
	freq_server_unlock(server);
}

static void drop_steps_lock(struct delivery *delivery)
{
	if (delivery->has_steps_lock)
		mutex_unlock(&delivery->client->server->steps_lock);
	delivery->has_steps_lock = false;
}

static int deliver(struct delivery *delivery)
{
	struct freq_server *server = delivery->client->server;
	struct freq_call *call = &delivery->call;
	const struct freq_request *request;
	struct freq_array array;
	u32 flags, known;
	bool tell;
	int err;

	delivery->copied = copy_argument_in(delivery);
again:
	freq_server_lock(server);
	err = find_request(delivery, &request);
	if (!err)
		err = check_permission(delivery, request);
	if (!err)
		err = fit_argument(delivery, request);
	if (err) {
		freq_server_unlock(server);
		return err;
	}

	flags = request->flags;
	if (!has_array(delivery, &request->array)) {
		array = request->array;
		freq_server_unlock(server);
		/* User memory can take its time; upgrades need not wait. */
		drop_steps_lock(delivery);
		err = prepare_array(delivery, &array,
				    flags & FREQ_REQUEST_ARRAY_IN);
		if (err)
			return err;
		goto again;
	}
	if (flags & FREQ_REQUEST_STEPS && !delivery->has_steps_lock) {
		freq_server_unlock(server);
		mutex_lock(&server->steps_lock);
		delivery->has_steps_lock = true;
		goto again;
	}

	call->clients = server->clients;
	err = request->handle(server->state, call);
	known = _IOC_SIZE(request->command);
	freq_server_unlock(server);
	if (err == FREQ_AGAIN) {
		cond_resched();
		goto again;
	}
	drop_steps_lock(delivery);

	tell = !err ^ !!(flags & FREQ_REQUEST_TELL_ERROR);
	if (tell && copy_reply_out(delivery, known, !err && call->array &&
				   !(flags & FREQ_REQUEST_ARRAY_IN))) {
		if (!err)
			undo(server, delivery->command, call);
		err = -EFAULT;
	}
	return err;
}

static noinline int deliver_any(struct file *file, unsigned int command,
				unsigned long argument)
{
	struct client *client = file->private_data;
	u64 buffer[FREQ_ARGUMENT_MAX / sizeof(u64)] __uninitialized;
	struct delivery delivery = {
		.client = client,
		.file = file,
		.command = command,
		.user = (void __user *)argument,
		.call.size = sizeof(delivery.call),
		.call.client = &client->public,
		.call.data = &client->data,
		.call.argument = buffer,
	};
	int err;

	if (_IOC_TYPE(command) != FREQ_IOC_MAGIC)
		return -ENOTTY;
	if (command == FREQ_IOC_STOP)
		return freq_server_stop(client->server,
					file->f_mode & FMODE_WRITE &&
					capable(CAP_SYS_ADMIN), &client->data);
	err = deliver(&delivery);
	drop_steps_lock(&delivery);
	kvfree(delivery.call.array);
	return err;
}

/*
 * The argument of a plain request is copied as such: the general way is made
 * for what is larger, and costs as much as all the rest.
 */
static __always_inline bool is_two_words_in(unsigned int command)
{
	const u32 mask = _IOC(_IOC_WRITE, 0, 0, _IOC_SIZEMASK);

	return (command & mask) == _IOC(_IOC_WRITE, 0, 0,
					sizeof(struct freq_two_words));
}

static __always_inline bool
copy_words_in(struct freq_two_words *to,
	      const struct freq_two_words __user *from)
{
	might_fault();
	if (!user_read_access_begin(from, sizeof(*from)))
		return false;
	unsafe_get_user(to->first, &from->first, fault);
	unsafe_get_user(to->second, &from->second, fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

static __always_inline bool
copy_words_out(struct freq_two_words __user *to,
	       const struct freq_two_words *from)
{
	might_fault();
	if (!user_write_access_begin(to, sizeof(*to)))
		return false;
	unsafe_put_user(from->first, &to->first, fault);
	unsafe_put_user(from->second, &to->second, fault);
	user_write_access_end();
	return true;

fault:
	user_write_access_end();
	return false;
}

/*
 * Delivers what is nearly all: a plain request, by a caller that knows it as
 * the running release does. It does what deliver() would do, and leaves to that
 * whatever is not so, before anything has happened.
 */
static __always_inline int deliver_plain(struct file *file,
					 unsigned int command,
					 unsigned long argument)
{
	struct client *client = file->private_data;
	struct freq_server *server = client->server;
	struct freq_two_words __user *user = (void __user *)argument;
	struct freq_two_words words __uninitialized;
	struct freq_call call __uninitialized;
	const struct freq_plain *plain;
	int err;

	if (!is_two_words_in(command) || !copy_words_in(&words, user))
		return deliver_any(file, command, argument);

	freq_server_lock(server);
	plain = &server->plain[command % FREQ_PLAIN];
	if (unlikely(plain->command != command ||
		     plain->mode & ~file->f_mode)) {
		freq_server_unlock(server);
		return deliver_any(file, command, argument);
	}
	/* One by one: the other fields are for requests that are not plain. */
	call.size = sizeof(call);
	call.clients = server->clients;
	call.client = &client->public;
	call.data = &client->data;
	call.argument = &words;
	err = plain->handle(server->state, &call);
	freq_server_unlock(server);

	if (likely(!err) && _IOC_DIR(command) & _IOC_READ &&
	    unlikely(!copy_words_out(user, &words))) {
		undo(server, command, &call);
		return -EFAULT;
	}
	return err;
}

static noinline long deliver_traced(struct file *file, unsigned int command,
				    unsigned long argument)
{
	const struct client *client = file->private_data;
	u64 start = local_clock();
	int err = deliver_plain(file, command, argument);

	trace_freq_request(_IOC_NR(command), client->public.id, err,
			   local_clock() - start);
	return err;
}

static long client_ioctl(struct file *file, unsigned int command,
			 unsigned long argument)
{
	if (trace_freq_request_enabled())
		return deliver_traced(file, command, argument);
	return deliver_plain(file, command, argument);
}

const struct file_operations freq_client_fops = {
	.owner = THIS_MODULE,
	.open = client_open,
	.release = client_release,
	.unlocked_ioctl = client_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
