/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies of arguments and replies, by words: these are short, and a function
 * for any length costs as much as all the rest of a request.
 */
#ifndef FREQ_DOOR_USER_H
#define FREQ_DOOR_USER_H

#include <linux/uaccess.h>

/**
 * freq_user_read() - copy from user memory
 * @to: kernel address, aligned to words
 * @from: user address
 * @size: in bytes
 *
 * Return: true if all of it was copied.
 */
static __always_inline bool freq_user_read(void *to, const void __user *from,
					   u32 size)
{
	const void __user *end = from + size;

	if (!user_read_access_begin(from, size))
		return false;
	for (; from + sizeof(u64) <= end; from += sizeof(u64)) {
		unsafe_get_user(*(u64 *)to, (u64 __user *)from, fault);
		to += sizeof(u64);
	}
	for (; unlikely(from < end); from++)
		unsafe_get_user(*(u8 *)to++, (u8 __user *)from, fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

/**
 * freq_user_write() - copy to user memory
 * @to: user address
 * @from: kernel address, aligned to words
 * @size: in bytes
 *
 * Return: true if all of it was copied.
 */
static __always_inline bool freq_user_write(void __user *to, const void *from,
					    u32 size)
{
	void __user *end = to + size;

	if (!user_write_access_begin(to, size))
		return false;
	for (; to + sizeof(u64) <= end; to += sizeof(u64)) {
		unsafe_put_user(*(u64 *)from, (u64 __user *)to, fault);
		from += sizeof(u64);
	}
	for (; unlikely(to < end); to++)
		unsafe_put_user(*(u8 *)from++, (u8 __user *)to, fault);
	user_write_access_end();
	return true;

fault:
	user_write_access_end();
	return false;
}

#endif /* FREQ_DOOR_USER_H */
