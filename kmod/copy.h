/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copying a state while it changes: what all conversions have in common.
 */
#ifndef FREQ_COPY_H
#define FREQ_COPY_H

#include <linux/types.h>

#include "journal.h"

/**
 * struct freq_copy_count - the elements of a state
 * @slots: the slots 0 to this one, less 1
 * @holders: the holders 0 to this one, less 1; 0 is none, and never noted
 */
struct freq_copy_count {
	u32 slots;
	u32 holders;
};

/**
 * struct freq_copy_ops - how the elements of one format become another's
 * @check: whether @from can be expressed in the other format: 0 or
 *	-EOPNOTSUPP; NULL if it always can. What it finds must stay so while the
 *	release is being changed.
 * @attach: lets @from note its changes in @journal; NULL: nowhere any more
 * @count: tells how many elements @from has
 * @create: makes an empty state; an ERR_PTR of -ENOMEM if it cannot
 * @make_room: sees to it that @to can have so many elements; 0, FREQ_AGAIN if
 *	it is not done with that, or -ENOMEM
 * @slot: copies a slot
 * @holder: copies a holder; @to may have an older copy of it
 * @finish: copies what is no element; does not sleep
 * @destroy: frees a state that may not be complete
 */
struct freq_copy_ops {
	int (*check)(const void *from);
	void (*attach)(void *from, struct freq_journal *journal);
	void (*count)(const void *from, struct freq_copy_count *count);
	void *(*create)(void);
	int (*make_room)(void *to, const struct freq_copy_count *count);
	void (*slot)(void *to, const void *from, u32 index);
	void (*holder)(void *to, const void *from, u32 index);
	void (*finish)(void *to, const void *from);
	void (*destroy)(void *to);
};

int freq_copy_begin(const struct freq_copy_ops *ops, void *from,
		    void **conversion);
int freq_copy_step(void *from, void *conversion);
void *freq_copy_finish(void *from, void *conversion);
void freq_copy_abort(void *from, void *conversion);
void freq_copy_free(void *conversion);

#endif /* FREQ_COPY_H */
