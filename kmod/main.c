// SPDX-License-Identifier: GPL-2.0-only
/*
 * freq.ko, the door: /dev/freq, its open files, the mutex. It stays while the
 * releases behind it come and go, and knows nothing of frequencies.
 */
#include <linux/module.h>

#include "attribute.h"
#include "client.h"
#include "server.h"

struct freq_server freq_server = {
	.misc = {
		.minor = MISC_DYNAMIC_MINOR,
		.name = "freq",
		.fops = &freq_client_fops,
		.groups = freq_attribute_groups,
		/*
		 * For everybody: who may do what is decided by the release,
		 * and a machine that wants it narrower says so in udev.
		 */
		.mode = 0666,
	},
	.plain = freq_no_plain,
	.lock = __MUTEX_INITIALIZER(freq_server.lock),
	.steps_lock = __MUTEX_INITIALIZER(freq_server.steps_lock),
	.attribute_lock = __MUTEX_INITIALIZER(freq_server.attribute_lock),
	.attributes = LIST_HEAD_INIT(freq_server.attributes),
	.readers = LIST_HEAD_INIT(freq_server.readers),
};

/* Its device is there only while it runs, and for the administrator only. */
struct freq_server freq_rehearsal = {
	.misc = {
		.name = "freq-rehearsal",
		.fops = &freq_client_fops,
		.groups = freq_attribute_groups,
		.mode = 0600,
	},
	.plain = freq_no_plain,
	.lock = __MUTEX_INITIALIZER(freq_rehearsal.lock),
	.steps_lock = __MUTEX_INITIALIZER(freq_rehearsal.steps_lock),
	.attribute_lock = __MUTEX_INITIALIZER(freq_rehearsal.attribute_lock),
	.attributes = LIST_HEAD_INIT(freq_rehearsal.attributes),
	.readers = LIST_HEAD_INIT(freq_rehearsal.readers),
};

static int __init freq_init(void)
{
	return misc_register(&freq_server.misc);
}

/*
 * No release can be loaded (they depend on this module) and no file be open
 * (they pin it), so the server has stopped.
 */
static void __exit freq_exit(void)
{
	misc_deregister(&freq_server.misc);
	freq_attributes_forget_readers(&freq_server);
	freq_attributes_forget_readers(&freq_rehearsal);
}

module_init(freq_init);
module_exit(freq_exit);

MODULE_DESCRIPTION("Frequency allocator: the device");
MODULE_AUTHOR("The freq authors");
MODULE_LICENSE("GPL");
