// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Texts of any length
 *
 * sysfs hands out a page at a time and tells nobody when a file is opened or
 * closed. So the door remembers, for the few files that are being read, how
 * far each has come: as a cursor of the release's, not as a number of bytes,
 * which would point to somewhere else after each change of the text.
 *
 * A reader that was forgotten, or that jumps backwards, is walked to its
 * place from the beginning. So the memory can be small, and may be wrong
 * about who still reads.
 */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "attribute.h"
#include "compat.h"
#include "server.h"

/* Who comes while so many read takes the place of the least recent one. */
#define READERS_MAX 16

/**
 * struct attribute_file - the file of an attribute
 * @list: in the server's attributes
 * @bin: what sysfs knows of it
 * @name: its name; the release that gave it may be gone
 */
struct attribute_file {
	struct list_head list;
	struct bin_attribute bin;
	char name[FREQ_ATTRIBUTE_NAME_MAX + 1];
};

/**
 * struct reader - how far an open file of an attribute was read
 * @list: in the server's readers, the most recent first
 * @file: the open file; an address to compare, it may be gone
 * @attribute: the attribute; likewise
 * @cursor: where the text goes on after this
 * @start: offset in the file of @text, in bytes
 * @length: of @text, in bytes
 * @text: the part of the file that was read last
 */
struct reader {
	struct list_head list;
	const struct file *file;
	const struct bin_attribute *attribute;
	struct freq_cursor cursor;
	loff_t start;
	size_t length;
	char text[PAGE_SIZE - 128];
};

static_assert(sizeof(struct reader) <= PAGE_SIZE);

static struct freq_server *server_of(struct kobject *kobj)
{
	struct miscdevice *misc = dev_get_drvdata(kobj_to_dev(kobj));

	return container_of(misc, struct freq_server, misc);
}

static const struct freq_attribute *
find_attribute(const struct freq_release *release, const char *name)
{
	const struct freq_attribute *attribute;
	const void *at = release->attributes;
	u32 i;

	for (i = 0; i < release->attribute_count; i++) {
		attribute = at;
		if (!strcmp(attribute->name, name))
			return attribute;
		at += release->attribute_size;
	}
	return NULL;
}

static void forget_reader(struct freq_server *server, struct reader *reader)
{
	lockdep_assert_held(&server->attribute_lock);

	list_del(&reader->list);
	server->reader_count--;
	kfree(reader);
}

static void rewind_reader(struct reader *reader)
{
	memset(&reader->cursor, 0, sizeof(reader->cursor));
	reader->start = 0;
	reader->length = 0;
}

static struct reader *find_reader(struct freq_server *server,
				  const struct file *file,
				  const struct bin_attribute *attribute)
{
	struct reader *reader;

	lockdep_assert_held(&server->attribute_lock);

	list_for_each_entry(reader, &server->readers, list) {
		if (reader->file == file && reader->attribute == attribute) {
			list_move(&reader->list, &server->readers);
			return reader;
		}
	}

	reader = kmalloc(sizeof(*reader), GFP_KERNEL);
	if (!reader)
		return NULL;
	reader->file = file;
	reader->attribute = attribute;
	rewind_reader(reader);
	list_add(&reader->list, &server->readers);
	if (++server->reader_count > READERS_MAX)
		forget_reader(server, list_last_entry(&server->readers,
						      struct reader, list));
	return reader;
}

/* Asks for a piece behind the text. Returns 0, FREQ_AGAIN, or an error. */
static int read_piece(struct freq_server *server, struct reader *reader,
		      size_t *length)
{
	const struct freq_attribute *attribute = NULL;
	int ret = -ENODEV;

	freq_server_lock(server);
	if (server->running)
		attribute = find_attribute(server->running,
					   reader->attribute->attr.name);
	if (attribute)
		ret = attribute->read(server->state, &reader->cursor,
				      reader->text + reader->length,
				      sizeof(reader->text) - reader->length,
				      length);
	freq_server_unlock(server);
	return ret;
}

/* Goes on to the next text. Returns its length, 0 at the end, or an error. */
static ssize_t read_text(struct freq_server *server, struct reader *reader)
{
	size_t length = 0;
	int ret;

	reader->start += reader->length;
	reader->length = 0;
	do {
		ret = read_piece(server, reader, &length);
		if (ret < 0)
			return ret;
		if (!ret)
			reader->length += length;
		cond_resched();
	} while (ret == FREQ_AGAIN ||
		 (length && sizeof(reader->text) - reader->length >=
			    FREQ_PIECE_MIN));
	return reader->length;
}

static ssize_t attribute_read(struct file *file, struct kobject *kobj,
			      freq_const_bin_attribute *attribute, char *text,
			      loff_t offset, size_t size)
{
	struct freq_server *server = server_of(kobj);
	struct reader *reader;
	ssize_t ret;

	mutex_lock(&server->attribute_lock);
	reader = find_reader(server, file, attribute);
	if (!reader) {
		ret = -ENOMEM;
		goto unlock;
	}

	if (!offset || offset < reader->start)
		rewind_reader(reader);
	while (offset >= reader->start + reader->length) {
		ret = read_text(server, reader);
		if (ret <= 0) {
			forget_reader(server, reader);
			goto unlock;
		}
	}

	offset -= reader->start;
	ret = min_t(size_t, size, reader->length - offset);
	memcpy(text, reader->text + offset, ret);
unlock:
	mutex_unlock(&server->attribute_lock);
	return ret;
}

static ssize_t release_show(struct device *dev, struct device_attribute *attr,
			    char *text)
{
	return sysfs_emit(text, "%u\n",
			  freq_server_version(server_of(&dev->kobj)));
}
static DEVICE_ATTR_RO(release);

static struct attribute *attributes[] = {
	&dev_attr_release.attr,
	NULL
};

static const struct attribute_group attribute_group = {
	.attrs = attributes,
};

static ssize_t show_count(struct device *dev, char *text, size_t offset)
{
	struct freq_server *server = server_of(&dev->kobj);
	u64 count;

	freq_server_lock(server);
	count = *(u64 *)((void *)server + offset);
	freq_server_unlock(server);
	return sysfs_emit(text, "%llu\n", count);
}

#define COUNT_ATTRIBUTE(name, field)					\
	static ssize_t name##_show(struct device *dev,			\
				   struct device_attribute *attr,	\
				   char *text)				\
	{								\
		return show_count(dev, text,				\
				  offsetof(struct freq_server, field));	\
	}								\
	static DEVICE_ATTR_RO(name)

COUNT_ATTRIBUTE(count, upgrades);
COUNT_ATTRIBUTE(refused, refused);
COUNT_ATTRIBUTE(gate_last_ns, gate_last);
COUNT_ATTRIBUTE(gate_longest_ns, gate_longest);

static struct attribute *upgrade_attributes[] = {
	&dev_attr_count.attr,
	&dev_attr_refused.attr,
	&dev_attr_gate_last_ns.attr,
	&dev_attr_gate_longest_ns.attr,
	NULL
};

static const struct attribute_group upgrade_group = {
	.name = "upgrades",
	.attrs = upgrade_attributes,
};

/* The door's own attributes. */
const struct attribute_group *freq_attribute_groups[] = {
	&attribute_group,
	&upgrade_group,
	NULL
};

static bool has_file(const struct freq_server *server, const char *name)
{
	const struct attribute_file *file;

	list_for_each_entry(file, &server->attributes, list)
		if (!strcmp(file->name, name))
			return true;
	return false;
}

static int add_file(struct freq_server *server, const char *name)
{
	struct attribute_file *file;
	int err;

	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	strscpy(file->name, name, sizeof(file->name));
	sysfs_bin_attr_init(&file->bin);
	file->bin.attr.name = file->name;
	file->bin.attr.mode = 0444;
	file->bin.read = attribute_read;

	err = sysfs_create_bin_file(&server->misc.this_device->kobj,
				    &file->bin);
	if (err) {
		kfree(file);
		return err;
	}
	list_add(&file->list, &server->attributes);
	return 0;
}

/**
 * freq_attributes_add() - make the files that a release needs
 * @server: the server; the caller has claimed its change
 * @release: the release
 *
 * Files that are there already serve the release as they are.
 *
 * Context: process context; may sleep; none of the server's locks held.
 * Return: 0; -ENOMEM; or, with none made, the errno of
 * sysfs_create_bin_file().
 */
int freq_attributes_add(struct freq_server *server,
			const struct freq_release *release)
{
	const struct freq_attribute *attribute;
	const void *at = release->attributes;
	int err;
	u32 i;

	for (i = 0; i < release->attribute_count; i++) {
		attribute = at;
		if (!has_file(server, attribute->name)) {
			err = add_file(server, attribute->name);
			if (err) {
				freq_attributes_prune(server, server->running);
				return err;
			}
		}
		at += release->attribute_size;
	}
	return 0;
}

/**
 * freq_attributes_prune() - remove the files that a release does not need
 * @server: the server; the caller has claimed its change
 * @release: the release, or NULL for none
 *
 * Waits for who is reading them.
 *
 * Context: process context; may sleep; none of the server's locks held.
 */
void freq_attributes_prune(struct freq_server *server,
			   const struct freq_release *release)
{
	struct attribute_file *file, *next;

	list_for_each_entry_safe(file, next, &server->attributes, list) {
		if (release && find_attribute(release, file->name))
			continue;
		sysfs_remove_bin_file(&server->misc.this_device->kobj,
				      &file->bin);
		list_del(&file->list);
		kfree(file);
	}
}

/**
 * freq_attributes_forget_readers() - free what is known of readers
 * @server: the server; its attributes have no files any more
 *
 * Context: process context; may sleep; takes the attribute lock.
 */
void freq_attributes_forget_readers(struct freq_server *server)
{
	struct reader *reader, *next;

	mutex_lock(&server->attribute_lock);
	list_for_each_entry_safe(reader, next, &server->readers, list)
		forget_reader(server, reader);
	mutex_unlock(&server->attribute_lock);
}

/**
 * freq_attributes_notify() - tell user space of a change of release
 * @server: the server; the caller has claimed its change
 * @version: the release that runs now, 0 if none does
 *
 * Wakes those who poll its attribute, and sends the uevent "change".
 *
 * Context: process context; may sleep; none of the server's locks held.
 */
void freq_attributes_notify(struct freq_server *server, u32 version)
{
	struct kobject *kobj = &server->misc.this_device->kobj;
	char text[] = "RELEASE=4294967295", *env[] = { text, NULL };

	sysfs_notify(kobj, NULL, "release");
	snprintf(text, sizeof(text), "RELEASE=%u", version);
	/* It may be lost for want of memory, as any uevent. */
	kobject_uevent_env(kobj, KOBJ_CHANGE, env);
}
