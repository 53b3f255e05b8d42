// SPDX-License-Identifier: GPL-2.0-only
/*
 * freq.ko, the door: /dev/freq, its open files, the mutex; copying, sleeping,
 * waking, time. It stays while the releases behind it come and go, and knows
 * no request.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "compat.h"
#include "door/hold.h"

#define CREATE_TRACE_POINTS
#include "door/trace.h"

struct freq_server freq_server;

static void enter_timer(struct work_struct *work)
{
	struct freq_server *server = container_of(work, struct freq_server,
						  work);
	struct freq_call call = {
		.size = sizeof(call),
		.op = FREQ_OP_TIMER,
		.server = &server->info,
	};

	freq_server_call(server, &call);
}

static enum hrtimer_restart expire(struct hrtimer *timer)
{
	schedule_work(&container_of(timer, struct freq_server, timer)->work);
	return HRTIMER_NORESTART;
}

/**
 * freq_server_init() - make a server behind which nothing runs
 * @server: where; zeroed
 * @name: name of its device, which the caller registers
 * @mode: permissions of the device
 */
void freq_server_init(struct freq_server *server, const char *name,
		      umode_t mode)
{
	strscpy(server->name, name, sizeof(server->name));
	mutex_init(&server->lock);
	INIT_LIST_HEAD(&server->files);
	freq_hrtimer_setup(&server->timer, expire, CLOCK_BOOTTIME,
			   HRTIMER_MODE_ABS);
	INIT_WORK(&server->work, enter_timer);
	server->ops = freq_server_no_ops;
	server->info.size = sizeof(server->info);
	server->info.words = server->words;
	server->misc.minor = MISC_DYNAMIC_MINOR;
	server->misc.name = server->name;
	server->misc.fops = &freq_file_operations;
	server->misc.groups = freq_sysfs_groups;
	server->misc.mode = mode;
}

/**
 * freq_server_exit() - stop the timer of a server, and its work
 * @server: the server; nothing runs behind it
 *
 * Context: process context; may sleep.
 */
void freq_server_exit(struct freq_server *server)
{
	hrtimer_cancel(&server->timer);
	cancel_work_sync(&server->work);
}

static int __init freq_init(void)
{
	freq_server_init(&freq_server, "freq", 0660);
	return misc_register(&freq_server.misc);
}

/*
 * No release is loaded, since they depend on this module, and no file open,
 * since that pins it: the server has stopped.
 */
static void __exit freq_exit(void)
{
	misc_deregister(&freq_server.misc);
	freq_server_exit(&freq_server);
}

module_init(freq_init);
module_exit(freq_exit);

MODULE_DESCRIPTION("Frequency allocator: the device");
MODULE_AUTHOR("The freq authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(FREQ_VERSION);
