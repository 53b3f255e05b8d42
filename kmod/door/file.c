// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clients: open file descriptions of the device. A client pins freq.ko,
 * never a release.
 */
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>

#include "compat.h"
#include "door/hold.h"
#include "door/words.h"

/* The most that a release shows in a client's fdinfo, in bytes. */
#define FDINFO_SIZE 128

/**
 * struct client - an open file description
 * @public: the part that releases see
 * @server: the server
 * @wait: its pollers
 */
struct client {
	struct freq_client public;
	struct freq_server *server;
	wait_queue_head_t wait;
};

static int call(struct file *file, enum freq_op op, struct freq_call *call)
{
	struct client *client = file->private_data;

	call->size = sizeof(*call);
	call->op = op;
	call->server = &client->server->info;
	call->client = &client->public;
	return freq_server_call(client->server, call);
}

/* Counts the client in, if the release lets it. */
static int admit(struct file *file, struct freq_server *server)
{
	struct client *client = file->private_data;
	struct freq_call call = {
		.size = sizeof(call),
		.op = FREQ_OP_OPEN,
		.server = &server->info,
		.client = &client->public,
	};
	int err;

	freq_server_lock(server);
	client->public.id = ++server->last_id;
	err = server->ops[FREQ_OP_OPEN](server->state, &call);
	/* A rehearsal that has ended is about to go. */
	if (!server->running && server->info.flags & FREQ_SERVER_REHEARSAL)
		err = -ENODEV;
	if (!err)
		server->info.clients++;
	freq_server_unlock(server);
	return err > 0 ? -EPROTO : err;
}

/* Called with misc_mtx held: so it does not wait, for memory either. */
static int file_open(struct inode *inode, struct file *file)
{
	struct freq_server *server = container_of(file->private_data,
						  struct freq_server, misc);
	struct client *client;
	int err;

	client = kzalloc(sizeof(*client), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->public.size = sizeof(client->public);
	client->public.writable = (__force u16)(file->f_mode & FMODE_WRITE);
	client->public.uid = file->f_cred->euid;
	client->public.pid = get_pid(task_tgid(current));
	client->server = server;
	init_waitqueue_head(&client->wait);
	file->private_data = client;

	err = admit(file, server);
	if (!err)
		return stream_open(inode, file);
	put_pid(client->public.pid);
	kfree(client);
	return err;
}

static int file_release(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;
	struct freq_server *server = client->server;
	struct freq_call close = { };

	call(file, FREQ_OP_CLOSE, &close);
	freq_load_leave(server);
	put_pid(client->public.pid);
	kfree(client);
	return 0;
}

static int file_flush(struct file *file, fl_owner_t id)
{
	struct freq_call flush = { };

	return call(file, FREQ_OP_FLUSH, &flush);
}

/* The part beyond FREQ_ARGUMENT_MAX must be zero: no release here knows it. */
static noinline int copy_long(void *to, const void __user *from, u32 size)
{
	int ret;

	if (size <= FREQ_WORDS_MAX * sizeof(u64) && !(size % sizeof(u64)))
		return freq_words_read(to, from, size / sizeof(u64)) ?
		       0 : -EFAULT;
	if (copy_from_user(to, from, min_t(u32, size, FREQ_ARGUMENT_MAX)))
		return -EFAULT;
	if (size <= FREQ_ARGUMENT_MAX)
		return 0;
	ret = check_zeroed_user(from + FREQ_ARGUMENT_MAX,
				size - FREQ_ARGUMENT_MAX);
	return ret < 0 ? ret : ret ? 0 : -E2BIG;
}

static __always_inline int copy_argument(void *to, const void __user *from,
					 u32 size)
{
	might_fault();
	if (unlikely(size != 2 * sizeof(u64)))
		return copy_long(to, from, size);
	return likely(freq_words_read(to, from, 2)) ? 0 : -EFAULT;
}

static __always_inline long request(struct file *file, unsigned int command,
				    unsigned long address)
{
	struct client *client = file->private_data;
	struct freq_server *server = client->server;
	struct freq_call request __uninitialized;
	int ret;

	if (_IOC_TYPE(command) != FREQ_DOOR_IOC_TYPE)
		return -ENOTTY;
	/* One by one: all of it costs as much as the mutex. */
	request.size = sizeof(request);
	request.op = FREQ_OP_IOCTL;
	request.pad = 0;
	request.command = command;
	request.status = 0;
	request.server = &server->info;
	request.client = &client->public;
	request.address = address;
	memset(request.progress, 0, sizeof(request.progress));
	request.garbage = NULL;
	request.buffer_size = 0;
	request.memory_size = 0;
	request.left = 0;
	request.turns = 0;
	if (_IOC_DIR(command) & _IOC_WRITE) {
		ret = copy_argument(request.argument, (void __user *)address,
				    _IOC_SIZE(command));
		if (unlikely(ret))
			request.status = ret;
	}

	ret = freq_hold(server, &request, FREQ_OP_IOCTL);
	if (unlikely(ret > 0 || request.left))
		ret = freq_server_complete(server, &request, ret);
	return ret;
}

static noinline long request_traced(struct file *file, unsigned int command,
				    unsigned long address)
{
	const struct client *client = file->private_data;
	u64 start = ktime_get_ns();
	long ret = request(file, command, address);

	trace_freq_request(_IOC_NR(command), client->public.id, ret,
			   ktime_get_ns() - start);
	return ret;
}

static long file_ioctl(struct file *file, unsigned int command,
		       unsigned long address)
{
	if (trace_freq_request_enabled())
		return request_traced(file, command, address);
	return request(file, command, address);
}

static ssize_t transfer(struct kiocb *iocb, struct iov_iter *iter,
			enum freq_op op)
{
	struct freq_call transfer = {
		.iter = iter,
		.text_size = min_t(size_t, iov_iter_count(iter), INT_MAX),
		.may_wait = !(iocb->ki_flags & IOCB_NOWAIT ||
			      iocb->ki_filp->f_flags & O_NONBLOCK),
	};
	int ret = call(iocb->ki_filp, op, &transfer);

	return ret ?: transfer.result;
}

static ssize_t file_read(struct kiocb *iocb, struct iov_iter *to)
{
	return transfer(iocb, to, FREQ_OP_READ);
}

static ssize_t file_write(struct kiocb *iocb, struct iov_iter *from)
{
	return transfer(iocb, from, FREQ_OP_WRITE);
}

static __poll_t file_poll(struct file *file, struct poll_table_struct *table)
{
	struct client *client = file->private_data;
	struct freq_call poll = {
		.events = (__force u32)poll_requested_events(table),
	};
	int ret;

	poll_wait(file, &client->wait, table);
	ret = call(file, FREQ_OP_POLL, &poll);
	return ret ? 0 : (__force __poll_t)poll.result;
}

static void file_show_fdinfo(struct seq_file *seq, struct file *file)
{
	char text[FDINFO_SIZE];
	struct freq_call show = {
		.text = text,
		.text_size = sizeof(text),
	};

	if (!call(file, FREQ_OP_FDINFO, &show))
		seq_write(seq, text, show.result);
}

const struct file_operations freq_file_operations = {
	.owner = THIS_MODULE,
	.open = file_open,
	.release = file_release,
	.flush = file_flush,
	.unlocked_ioctl = file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = file_read,
	.write_iter = file_write,
	.poll = file_poll,
	.show_fdinfo = file_show_fdinfo,
};

/**
 * freq_door_wake_poll() - wake the pollers of a client
 * @data: the struct freq_client
 * @events: EPOLL*
 *
 * Context: under the mutex.
 */
void freq_door_wake_poll(void *data, u32 events)
{
	struct client *client = container_of(data, struct client, public);

	wake_up_interruptible_poll(&client->wait, (__force __poll_t)events);
}
EXPORT_SYMBOL_FREQ(freq_door_wake_poll);
