// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: The pool
 *
 * A frequency is in the pool once, in a slot that is free or has a holder.
 * Slots are found by number, and the free ones stand in the order in which
 * they will be given out: the head goes first, what comes back becomes the
 * head, what is added goes to the tail.
 *
 * No function here takes a lock, touches user memory, or prints.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <linux/freq.h>

#include "pool.h"

/**
 * struct batch - slots that were added together
 * @link: in the pool's batches
 * @slots: the slots
 */
struct batch {
	struct list_head link;
	struct freq_slot slots[];
};

/**
 * freq_pool_init() - make an empty pool
 * @pool: where
 */
void freq_pool_init(struct freq_pool *pool)
{
	pool->numbers = RB_ROOT;
	INIT_LIST_HEAD(&pool->free);
	INIT_LIST_HEAD(&pool->batches);
	pool->free_count = 0;
	pool->allocated_count = 0;
}

/**
 * freq_pool_destroy() - free all slots of a pool
 * @pool: the pool; must be initialised again before its next use
 *
 * Context: may sleep.
 */
void freq_pool_destroy(struct freq_pool *pool)
{
	struct batch *batch, *next;

	list_for_each_entry_safe(batch, next, &pool->batches, link)
		kvfree(batch);
}

/* Whether it could be added: its number was not in the pool. */
static bool add_slot(struct freq_pool *pool, struct freq_slot *slot)
{
	struct rb_node **link = &pool->numbers.rb_node, *parent = NULL;
	const struct freq_slot *other;

	while (*link) {
		parent = *link;
		other = rb_entry(parent, struct freq_slot, node);
		if (slot->number == other->number)
			return false;
		if (slot->number < other->number)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&slot->node, parent, link);
	rb_insert_color(&slot->node, &pool->numbers);
	return true;
}

/**
 * freq_pool_add() - add frequencies, free, behind all that are free
 * @pool: the pool
 * @numbers: the frequencies, in the order in which to give them out
 * @count: how many they are
 * @index: out, on -EEXIST: index of the first of them that is in the pool
 *	already, or earlier in @numbers
 *
 * All of them are added, or none.
 *
 * Context: may sleep.
 * Return: 0; -EEXIST; -E2BIG if the pool would have more than FREQ_POOL_MAX;
 * -ENOMEM.
 */
int freq_pool_add(struct freq_pool *pool, const u64 *numbers, u32 count,
		  u32 *index)
{
	struct freq_slot *slot;
	struct batch *batch;
	LIST_HEAD(added);
	u32 i;

	if (!count)
		return 0;
	if (count > FREQ_POOL_MAX -
		    (pool->free_count + pool->allocated_count))
		return -E2BIG;
	batch = kvmalloc(struct_size(batch, slots, count), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return -ENOMEM;

	for (i = 0; i < count; i++) {
		slot = &batch->slots[i];
		slot->number = numbers[i];
		slot->holder = NULL;
		slot->keep = 0;
		slot->pad = 0;
		if (!add_slot(pool, slot))
			goto remove_added;
		list_add_tail(&slot->link, &added);
	}

	list_splice_tail(&added, &pool->free);
	list_add(&batch->link, &pool->batches);
	pool->free_count += count;
	return 0;

remove_added:
	list_for_each_entry(slot, &added, link)
		rb_erase(&slot->node, &pool->numbers);
	kvfree(batch);
	*index = i;
	return -EEXIST;
}

/**
 * freq_pool_take() - allocate the frequency at the head
 * @pool: the pool
 * @holder: whose it will be, not NULL
 * @list: the list of the holder's to put it at the end of
 *
 * Return: its slot, or NULL if none is free.
 */
struct freq_slot *freq_pool_take(struct freq_pool *pool, void *holder,
				 struct list_head *list)
{
	struct freq_slot *slot;

	slot = list_first_entry_or_null(&pool->free, struct freq_slot, link);
	if (!slot)
		return NULL;
	list_move_tail(&slot->link, list);
	slot->holder = holder;
	pool->free_count--;
	pool->allocated_count++;
	return slot;
}

/**
 * freq_pool_give_back() - make a frequency free again, at the head
 * @pool: the pool
 * @slot: a slot of it that has a holder
 */
void freq_pool_give_back(struct freq_pool *pool, struct freq_slot *slot)
{
	list_move(&slot->link, &pool->free);
	slot->holder = NULL;
	slot->keep = 0;
	pool->allocated_count--;
	pool->free_count++;
}

/**
 * freq_pool_from() - find the lowest frequency that is not below a number
 * @pool: the pool
 * @number: the number
 *
 * Return: its slot, or NULL if there is none.
 */
struct freq_slot *freq_pool_from(const struct freq_pool *pool, u64 number)
{
	struct rb_node *node = pool->numbers.rb_node;
	struct freq_slot *found = NULL, *slot;

	while (node) {
		slot = rb_entry(node, struct freq_slot, node);
		if (slot->number == number)
			return slot;
		if (slot->number > number) {
			found = slot;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/**
 * freq_pool_find() - find a frequency
 * @pool: the pool
 * @number: the frequency
 *
 * Return: its slot, or NULL if it is not in the pool.
 */
struct freq_slot *freq_pool_find(const struct freq_pool *pool, u64 number)
{
	struct freq_slot *slot = freq_pool_from(pool, number);

	return slot && slot->number == number ? slot : NULL;
}

/**
 * freq_pool_next() - find the next higher frequency
 * @slot: a slot of a pool
 *
 * Return: the slot, or NULL if @slot has the highest of its pool.
 */
struct freq_slot *freq_pool_next(const struct freq_slot *slot)
{
	struct rb_node *node = rb_next(&slot->node);

	return node ? rb_entry(node, struct freq_slot, node) : NULL;
}
