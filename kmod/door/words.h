/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A few words, copied in line: arguments and replies of the requests that are
 * there the most. A function for any length costs as much as all the rest of
 * such a request.
 */
#ifndef FREQ_DOOR_WORDS_H
#define FREQ_DOOR_WORDS_H

#include <linux/types.h>
#include <linux/uaccess.h>

/* The most words that are copied in line. */
#define FREQ_WORDS_MAX 8

/**
 * freq_words_read() - copy words from user memory
 * @to: the words
 * @from: user address
 * @count: how many
 *
 * Return: true if all were copied.
 */
static __always_inline bool freq_words_read(u64 *to, const u64 __user *from,
					    u32 count)
{
	u32 i;

	if (!user_read_access_begin(from, count * sizeof(*from)))
		return false;
	for (i = 0; i < count; i++)
		unsafe_get_user(to[i], &from[i], fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

/**
 * freq_words_write() - copy words to user memory
 * @to: user address
 * @from: the words
 * @count: how many
 *
 * Return: true if all were copied.
 */
static __always_inline bool freq_words_write(u64 __user *to, const u64 *from,
					     u32 count)
{
	u32 i;

	if (!user_write_access_begin(to, count * sizeof(*to)))
		return false;
	for (i = 0; i < count; i++)
		unsafe_put_user(from[i], &to[i], fault);
	user_write_access_end();
	return true;

fault:
	user_write_access_end();
	return false;
}

#endif /* FREQ_DOOR_WORDS_H */
