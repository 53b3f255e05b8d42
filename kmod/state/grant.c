// SPDX-License-Identifier: GPL-2.0-only
/*
 * The numbers of grants.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>

#include "state/grant.h"

/**
 * freq_grant_read_clock() - raise the last number to the present time
 * @words: the words of the door
 * @tick: now, in jiffies; the clock goes on once in each
 */
void freq_grant_read_clock(u64 *words, u64 tick)
{
	u64 now = ktime_get_coarse_boottime_ns();
	s64 offset = words[FREQ_WORD_OFFSET];

	if (!offset) {
		offset = ktime_get_real_ns() - ktime_get_boottime_ns();
		words[FREQ_WORD_OFFSET] = max_t(s64, offset, 1);
	}
	words[FREQ_WORD_GRANT] = max(words[FREQ_WORD_GRANT],
				     now + words[FREQ_WORD_OFFSET] - 1);
	words[FREQ_WORD_TICK] = tick;
	words[FREQ_WORD_NOW] = now;
}
