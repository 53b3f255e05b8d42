// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How a state is copied while it changes
 *
 * Since all elements of a state refer to each other by index, a copy is right
 * when each element was copied after it changed last. So elements are copied
 * one by one, those that change meanwhile are noted in the journal, and what
 * is noted is copied again. What was not reached yet need not be noted.
 *
 * Nothing is added to the pool while the release is being changed (see
 * FREQ_REQUEST_STEPS), so slots are as many at the end as they were at the
 * beginning. Holders can become more.
 *
 * The last step has only so little to copy that the mutex is held no longer
 * than for a few requests. Where clients change things so fast that this never
 * comes, it is allowed twice as much after a number of tries, and so on: the
 * end comes, whatever they do.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "copy.h"
#include "door.h"

/* How many elements of each kind are copied in a step. */
#define COPY_STEP 96

/* How many that were noted the last step may copy, */
#define LAST_STEP 16

/* and how many tries it takes to double that, as often as need be. */
#define LAST_TRIES 16

/**
 * struct copy - a copy being made
 * @ops: how
 * @to: the copy, NULL once it was handed out
 * @journal: what changes meanwhile
 * @done: what was copied
 * @noted: how much the step before found noted, if it was too much to be last
 * @tries: how many such steps have found no less than the one before
 */
struct copy {
	const struct freq_copy_ops *ops;
	void *to;
	struct freq_journal journal;
	struct freq_copy_count done;
	u32 noted;
	u32 tries;
};

/**
 * freq_copy_begin() - begin() of a struct freq_conversion, but for its ops
 * @ops: how the elements are copied
 * @from: the live state
 * @conversion: out: what the other functions are given
 *
 * Context: under the server's mutex; may sleep.
 * Return: 0; -ENOMEM; or the errno of the ops' check().
 */
int freq_copy_begin(const struct freq_copy_ops *ops, void *from,
		    void **conversion)
{
	struct copy *copy;
	int err;

	err = ops->check ? ops->check(from) : 0;
	if (err)
		return err;
	copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	copy->ops = ops;
	copy->to = ops->create();
	if (IS_ERR(copy->to)) {
		err = PTR_ERR(copy->to);
		kfree(copy);
		return err;
	}
	ops->attach(from, &copy->journal);
	*conversion = copy;
	return 0;
}

static void copy_noted(struct copy *copy, const void *from, u32 limit)
{
	struct freq_journal *journal = &copy->journal;
	u32 index;

	for (; limit && (index = freq_changes_take(&journal->slots)); limit--)
		copy->ops->slot(copy->to, from, index);
	for (; limit && (index = freq_changes_take(&journal->holders)); limit--)
		copy->ops->holder(copy->to, from, index);
}

/* Makes room for copies, and for the notes that these have changed. */
static int make_room(struct copy *copy, const struct freq_copy_count *count)
{
	struct freq_journal *journal = &copy->journal;

	return copy->ops->make_room(copy->to, count) ?:
	       freq_table_grow(&journal->slots.links, count->slots,
			       sizeof(u32)) ?:
	       freq_table_grow(&journal->holders.links, count->holders,
			       sizeof(u32));
}

static int copy_some(struct copy *copy, const void *from,
		     const struct freq_copy_count *all)
{
	struct freq_copy_count *done = &copy->done;
	struct freq_copy_count end = {
		.slots = min(done->slots + COPY_STEP, all->slots),
		.holders = min(done->holders + COPY_STEP, all->holders),
	};
	int err;

	err = make_room(copy, &end);
	if (err)
		return err;
	while (done->slots < end.slots)
		copy->ops->slot(copy->to, from, done->slots++);
	while (done->holders < end.holders)
		copy->ops->holder(copy->to, from, done->holders++);
	copy->journal.slots.end = done->slots;
	copy->journal.holders.end = done->holders;
	return FREQ_AGAIN;
}

/**
 * freq_copy_step() - step() of a struct freq_conversion
 * @from: the live state
 * @conversion: what freq_copy_begin() gave
 *
 * Context: under the server's mutex; may sleep.
 * Return: 0 if the copy is complete, FREQ_AGAIN, or -ENOMEM.
 */
int freq_copy_step(void *from, void *conversion)
{
	struct copy *copy = conversion;
	struct freq_copy_count all;
	u32 noted, allowed;

	copy->ops->count(from, &all);
	if (memcmp(&copy->done, &all, sizeof(all)))
		return copy_some(copy, from, &all);

	noted = copy->journal.slots.count + copy->journal.holders.count;
	allowed = LAST_STEP << min(copy->tries / LAST_TRIES, 20U);
	copy_noted(copy, from, max_t(u32, allowed, COPY_STEP));
	if (noted <= allowed)
		return 0;
	if (noted >= copy->noted)
		copy->tries++;
	copy->noted = noted;
	return FREQ_AGAIN;
}

/**
 * freq_copy_finish() - finish() of a struct freq_conversion
 * @from: the live state; is as it was before freq_copy_begin()
 * @conversion: what freq_copy_begin() gave
 *
 * Context: under the server's mutex, in the hold of a freq_copy_step() that
 * returned 0.
 * Return: the copy.
 */
void *freq_copy_finish(void *from, void *conversion)
{
	struct copy *copy = conversion;
	void *to = copy->to;

	copy->ops->attach(from, NULL);
	copy->ops->finish(to, from);
	copy->to = NULL;
	return to;
}

/**
 * freq_copy_abort() - abort() of a struct freq_conversion
 * @from: the live state; is as it was before freq_copy_begin()
 * @conversion: what freq_copy_begin() gave
 *
 * Context: under the server's mutex.
 */
void freq_copy_abort(void *from, void *conversion)
{
	const struct copy *copy = conversion;

	copy->ops->attach(from, NULL);
}

/**
 * freq_copy_free() - free() of a struct freq_conversion
 * @conversion: what freq_copy_begin() gave; finished or aborted
 *
 * Context: may sleep.
 */
void freq_copy_free(void *conversion)
{
	struct copy *copy = conversion;

	if (copy->to)
		copy->ops->destroy(copy->to);
	freq_table_destroy(&copy->journal.holders.links);
	freq_table_destroy(&copy->journal.slots.links);
	kfree(copy);
}
