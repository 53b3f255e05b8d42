/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two words, copied in line: arguments and replies of the requests that are
 * there the most. A function for any length costs as much as all the rest of
 * such a request.
 */
#ifndef FREQ_DOOR_PAIR_H
#define FREQ_DOOR_PAIR_H

#include <linux/types.h>
#include <linux/uaccess.h>

struct freq_pair {
	u64 words[2];
};

/**
 * freq_pair_read() - copy a pair from user memory
 * @to: the pair
 * @from: user address
 *
 * Return: true if all of it was copied.
 */
static __always_inline bool freq_pair_read(struct freq_pair *to,
					   const struct freq_pair __user *from)
{
	if (!user_read_access_begin(from, sizeof(*from)))
		return false;
	unsafe_get_user(to->words[0], &from->words[0], fault);
	unsafe_get_user(to->words[1], &from->words[1], fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

/**
 * freq_pair_write() - copy a pair to user memory
 * @to: user address
 * @from: the pair
 *
 * Return: true if all of it was copied.
 */
static __always_inline bool freq_pair_write(struct freq_pair __user *to,
					    const struct freq_pair *from)
{
	if (!user_write_access_begin(to, sizeof(*to)))
		return false;
	unsafe_put_user(from->words[0], &to->words[0], fault);
	unsafe_put_user(from->words[1], &to->words[1], fault);
	user_write_access_end();
	return true;

fault:
	user_write_access_end();
	return false;
}

#endif /* FREQ_DOOR_PAIR_H */
