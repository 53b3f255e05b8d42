// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory of the device in sysfs: the figures of the server, and the
 * files of the running release.
 */
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "compat.h"
#include "door/hold.h"

/**
 * struct sysfs_file - a file of a release
 * @list: in the server's files
 * @bin: its attribute
 * @name: its name; the release that has asked for it may be gone
 */
struct sysfs_file {
	struct list_head list;
	struct bin_attribute bin;
	char name[FREQ_NAME_MAX + 1];
};

static struct freq_server *server_of(struct kobject *kobj)
{
	struct miscdevice *misc = dev_get_drvdata(kobj_to_dev(kobj));

	return container_of(misc, struct freq_server, misc);
}

static ssize_t transfer(enum freq_op op, struct file *file,
			struct kobject *kobj, const char *name, char *text,
			loff_t offset, size_t size)
{
	struct freq_server *server = server_of(kobj);
	struct freq_call call = {
		.size = sizeof(call),
		.op = op,
		.server = &server->info,
		.name = name,
		.file = file,
		.uid = file->f_cred->euid,
		.offset = offset,
		.text = text,
		.text_size = size,
	};
	int ret = freq_server_call(server, &call);

	return ret ?: call.result;
}

static ssize_t file_read(struct file *file, struct kobject *kobj,
			 freq_const_bin_attribute *attribute, char *text,
			 loff_t offset, size_t size)
{
	return transfer(FREQ_OP_SHOW, file, kobj, attribute->attr.name, text,
			offset, size);
}

static ssize_t file_write(struct file *file, struct kobject *kobj,
			  freq_const_bin_attribute *attribute, char *text,
			  loff_t offset, size_t size)
{
	return transfer(FREQ_OP_STORE, file, kobj, attribute->attr.name, text,
			offset, size);
}

static ssize_t figure_show(struct device *dev, struct device_attribute *attr,
			   char *text)
{
	const struct dev_ext_attribute *figure =
		container_of(attr, struct dev_ext_attribute, attr);
	struct freq_server *server = server_of(&dev->kobj);
	u64 value;

	freq_server_lock(server);
	value = server->figures[(uintptr_t)figure->var];
	freq_server_unlock(server);
	return sysfs_emit(text, "%llu\n", value);
}

#define FIGURE(name, index)						\
	static struct dev_ext_attribute figure_##name = {		\
		__ATTR(name, 0444, figure_show, NULL), (void *)(index)	\
	}

FIGURE(release, FREQ_FIGURE_RELEASE);
FIGURE(count, FREQ_FIGURE_UPGRADES);
FIGURE(refused, FREQ_FIGURE_REFUSED);
FIGURE(gate_last_ns, FREQ_FIGURE_GATE_LAST);
FIGURE(gate_longest_ns, FREQ_FIGURE_GATE_LONGEST);

static struct attribute *attributes[] = {
	&figure_release.attr.attr,
	NULL
};

static const struct attribute_group attribute_group = {
	.attrs = attributes,
};

static struct attribute *upgrade_attributes[] = {
	&figure_count.attr.attr,
	&figure_refused.attr.attr,
	&figure_gate_last_ns.attr.attr,
	&figure_gate_longest_ns.attr.attr,
	NULL
};

static const struct attribute_group upgrade_group = {
	.name = "upgrades",
	.attrs = upgrade_attributes,
};

const struct attribute_group *freq_sysfs_groups[] = {
	&attribute_group,
	&upgrade_group,
	NULL
};

static bool has_file(const struct freq_release *release, const char *name)
{
	u32 i;

	for (i = 0; release && i < release->file_count; i++)
		if (!strcmp(release->files[i].name, name))
			return true;
	return false;
}

static bool is_made(const struct freq_server *server, const char *name)
{
	const struct sysfs_file *file;

	list_for_each_entry(file, &server->files, list)
		if (!strcmp(file->name, name))
			return true;
	return false;
}

/**
 * freq_sysfs_has_own() - test whether a name is taken
 * @server: a server that is registered; the caller has claimed its change
 * @name: the name
 *
 * Return: true if the directory has a file of that name that is no release's.
 */
bool freq_sysfs_has_own(struct freq_server *server, const char *name)
{
	struct kernfs_node *node;

	node = sysfs_get_dirent(server->misc.this_device->kobj.sd, name);
	sysfs_put(node);
	return node && !is_made(server, name);
}

static int add_file(struct freq_server *server, const struct freq_file *wanted)
{
	struct kobject *kobj = &server->misc.this_device->kobj;
	struct sysfs_file *file;
	int err;

	if (is_made(server, wanted->name))
		return 0;
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	strscpy(file->name, wanted->name, sizeof(file->name));
	sysfs_bin_attr_init(&file->bin);
	file->bin.attr.name = file->name;
	file->bin.attr.mode = wanted->mode;
	file->bin.read = file_read;
	file->bin.write = file_write;
	err = sysfs_create_bin_file(kobj, &file->bin);
	if (err) {
		kfree(file);
		return err;
	}
	list_add(&file->list, &server->files);
	return 0;
}

/**
 * freq_sysfs_add() - make the files that a release wants
 * @server: the server; the caller has claimed its change
 * @release: the release
 *
 * Context: process context; may sleep; without the mutex.
 * Return: 0; or, with none made: -ENOMEM, or the errno of
 * sysfs_create_bin_file().
 */
int freq_sysfs_add(struct freq_server *server,
		   const struct freq_release *release)
{
	int err;
	u32 i;

	for (i = 0; i < release->file_count; i++) {
		err = add_file(server, &release->files[i]);
		if (err) {
			freq_sysfs_prune(server, server->running);
			return err;
		}
	}
	return 0;
}

/**
 * freq_sysfs_prune() - remove the files that a release does not have
 * @server: the server; the caller has claimed its change
 * @release: the release; NULL: all files go
 *
 * Waits for readers of these files.
 *
 * Context: process context; may sleep; without the mutex.
 */
void freq_sysfs_prune(struct freq_server *server,
		      const struct freq_release *release)
{
	struct sysfs_file *file, *next;

	list_for_each_entry_safe(file, next, &server->files, list) {
		if (has_file(release, file->name))
			continue;
		sysfs_remove_bin_file(&server->misc.this_device->kobj,
				      &file->bin);
		list_del(&file->list);
		kfree(file);
	}
}

/**
 * freq_sysfs_notify() - notify user space of a change
 * @server: the server
 * @file: a file whose pollers are woken, or ""
 * @uevent: "KEY=VALUE" for a uevent "change", or ""
 *
 * Context: process context; may sleep; without the mutex.
 */
void freq_sysfs_notify(struct freq_server *server, const char *file,
		       const char *uevent)
{
	struct kobject *kobj = &server->misc.this_device->kobj;
	char *env[2] = { (char *)uevent };

	if (*file)
		sysfs_notify(kobj, NULL, file);
	/* It may be lost for want of memory, as any uevent. */
	if (*uevent)
		kobject_uevent_env(kobj, KOBJ_CHANGE, env);
}
