/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The numbers of grants.
 *
 * A grant's number is the time at which it was made, or the number after that
 * of the grant before, whichever is higher. So numbers only rise, and contain
 * the time of the allocation. The time is that of CLOCK_BOOTTIME, read
 * once in a tick, plus an offset that makes it the real time of the first
 * grant: so the numbers rise across boots, too, unless the real time was set
 * back.
 */
#ifndef FREQ_STATE_GRANT_H
#define FREQ_STATE_GRANT_H

#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/types.h>

#include "contract/door.h"

/* The words of the door that are in use: they outlive a stop. */
enum freq_word {
	FREQ_WORD_OFFSET,	/* from CLOCK_BOOTTIME to a number */
	FREQ_WORD_GRANT,	/* the last number */
	FREQ_WORD_TICK,		/* when the clock was read last, in jiffies */
	FREQ_WORD_RECORD,	/* number of the last record of the last log */
	FREQ_WORD_NOW,		/* what the clock showed then, in ns */
};

void freq_grant_read_clock(u64 *words, u64 tick);

/**
 * freq_grant_next() - get numbers for grants
 * @call: the call that makes the grants
 * @count: how many
 *
 * Context: under the mutex.
 * Return: the first of @count numbers in a row.
 */
static __always_inline u64 freq_grant_next(const struct freq_call *call,
					   u32 count)
{
	u64 *words = call->server->words, tick = get_jiffies_64(), last;

	if (unlikely(words[FREQ_WORD_TICK] != tick))
		freq_grant_read_clock(words, tick);
	last = words[FREQ_WORD_GRANT];
	words[FREQ_WORD_GRANT] = last + count;
	return last + 1;
}

/**
 * freq_grant_last() - get an upper bound of all numbers so far
 * @call: a call
 *
 * A rehearsal begins with grants, and with none of its own.
 *
 * Return: a number that no grant exceeds, and each later one does.
 */
static inline u64 freq_grant_last(const struct freq_call *call)
{
	u64 *words = call->server->words;

	if (!words[FREQ_WORD_TICK])
		freq_grant_read_clock(words, get_jiffies_64());
	return words[FREQ_WORD_GRANT];
}

/**
 * freq_grant_now() - read the clock that grants are numbered by
 * @call: a call
 *
 * Context: under the mutex.
 * Return: the time, in ns of CLOCK_BOOTTIME, to a tick's length.
 */
static __always_inline s64 freq_grant_now(const struct freq_call *call)
{
	u64 *words = call->server->words, tick = get_jiffies_64();

	if (unlikely(words[FREQ_WORD_TICK] != tick))
		freq_grant_read_clock(words, tick);
	return words[FREQ_WORD_NOW];
}

/**
 * freq_grant_since() - get the time of a grant
 * @call: a call
 * @grant: its number
 *
 * Return: the time, in ns of CLOCK_BOOTTIME.
 */
static inline s64 freq_grant_since(const struct freq_call *call, u64 grant)
{
	return grant - call->server->words[FREQ_WORD_OFFSET];
}

#endif /* FREQ_STATE_GRANT_H */
