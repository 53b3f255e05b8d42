/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readers of files in sysfs. Part of the format freq-state-1 (see format.h).
 */
#ifndef FREQ_CONTRACT_READER_H
#define FREQ_CONTRACT_READER_H

#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct file;

/* The longest part of a text that a reader remembers, in bytes. */
#define FREQ_READER_TEXT (4096 - 88)

/**
 * struct freq_reader - how far an open file in sysfs was read
 * @list: in the state's readers, the most recent first
 * @file: the open file, an address to compare: it may be gone
 * @uid: user that opened it
 * @list_id: which list it reads
 * @next: the lowest frequency that was not looked at
 * @first: the range that was found but not written, from this one
 * @last: to this one
 * @place: how far the text has come
 * @length: length of @text, in bytes
 * @start: offset in the file of @text, in bytes
 * @pad: 0
 * @text: the part of the file that was read last
 */
struct freq_reader {
	struct list_head list;
	const struct file *file;
	kuid_t uid;
	u32 list_id;
	u64 next;
	u64 first;
	u64 last;
	u32 place;
	u32 length;
	s64 start;
	u64 pad[2];
	char text[FREQ_READER_TEXT];
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_reader) == 4096);
#endif

#endif /* FREQ_CONTRACT_READER_H */
