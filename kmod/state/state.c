// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Holders
 *
 * A client that allocates for the first time gets a holder, whose index is the
 * client's data. Each slot of an allocated frequency names its holder as its
 * owner, and is in one of the holder's two queues.
 *
 * When the client is closed, its queue of slots that are not kept is spliced in
 * front of the free slots. They still name the holder; but a holder whose
 * client is closed owns kept slots only, so they are free, and each forgets the
 * holder when it is allocated next. A holder is used again when no slot names
 * it.
 *
 * The functions here run under the server's mutex (see contract/door.h).
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "state/queue.h"
#include "state/state.h"
#include "state/subscription.h"

/* Up to how many frequencies are looked up and freed in one hold. */
#define FREE_AT_ONCE 32

/* Up to how many slots forget their holders in one hold. */
#define FORGET_STEP 64

/* How many such holds there are before a batch is allocated as it is. */
#define FORGET_MAX 4

/* Phases of freq_state_deallocate_all(), in the progress of a call */
enum {
	TRY,	/* free them if all are held by the client */
	FIND,	/* replace frequencies by indices */
	FREE,
};

/* Up to how many frequencies a close frees one by one in one hold. */
#define CLOSE_STEP 128

/* How many holders one hold dismantles. */
#define DISMANTLE_STEP 256

/**
 * freq_state_create() - make a state that has nothing yet
 *
 * It needs room for slot 0 and holder 0 before anything is done with it, see
 * freq_state_reserve().
 *
 * Context: may sleep; without the mutex.
 * Return: the state, which freq_state_destroy() frees; or an ERR_PTR of
 * -ENOMEM.
 */
struct freq_state *freq_state_create(void)
{
	struct freq_state *state;

	state = kvzalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return ERR_PTR(-ENOMEM);
	freq_pool_init(&state->pool);
	INIT_LIST_HEAD(&state->claimants);
	INIT_LIST_HEAD(&state->readers);
	return state;
}

/**
 * freq_state_reserve() - see to it that a state can have slots and holders
 * @state: the state
 * @slots: how many slots, slot 0 among them
 * @holders: how many holders, holder 0 among them
 * @call: the call that provides the memory
 *
 * Return: as freq_table_reserve().
 */
int freq_state_reserve(struct freq_state *state, u32 slots, u32 holders,
		       struct freq_call *call)
{
	return freq_pool_reserve(&state->pool, slots, call) ?:
	       freq_table_reserve(&state->holders, holders,
				  sizeof(struct freq_holder), call);
}

/**
 * freq_state_destroy() - FREQ_OP_DESTROY
 * @data: the state
 * @call: the call that frees it
 *
 * Return: 0 if it is gone; FREQ_WANT_AGAIN.
 */
int freq_state_destroy(void *data, struct freq_call *call)
{
	struct freq_state *state = data;
	struct freq_reader *reader, *next;
	u32 left = DISMANTLE_STEP;
	int ret;

	ret = freq_log_dismantle(state, call);
	if (ret)
		return ret;
	while (state->holder_count) {
		put_pid(freq_state_holder_at(state,
					     state->holder_count--)->pid);
		if (!--left)
			return FREQ_WANT_AGAIN;
	}
	ret = freq_table_dismantle(&state->holders, call) ?:
	      freq_pool_dismantle(&state->pool, call);
	if (ret)
		return ret;
	list_for_each_entry_safe(reader, next, &state->readers, list)
		freq_door_free(call, reader);
	freq_door_free(call, state);
	return 0;
}

/**
 * freq_state_claim() - claim the state for a multistep operation
 * @state: the state
 * @call: the call that wants to
 * @phase: enum freq_claim, in the call's progress; 0 at first
 *
 * One call at a time adds slots, or makes a copy of the state. A release takes
 * over only with the claim, so a multistep operation ends in the release in
 * which it began. Others sleep, and are woken all when the claim ends: so no
 * list of theirs is left to a release that may not know their request.
 *
 * Return: 0 if it is the call's now, until freq_state_unclaim();
 * FREQ_WANT_SLEEP; -ERESTARTSYS by a signal.
 */
int freq_state_claim(struct freq_state *state, struct freq_call *call,
		     u32 *phase)
{
	if (*phase == FREQ_CLAIM_HELD)
		return 0;
	if (*phase == FREQ_CLAIM_WAITING) {
		list_del_init(&call->link);
		*phase = FREQ_CLAIM_NONE;
		if (call->status)
			return call->status;
	}
	if (!state->claimed) {
		state->claimed = 1;
		*phase = FREQ_CLAIM_HELD;
		return 0;
	}
	return freq_state_await_claim(state, call, phase, KTIME_MAX);
}

/**
 * freq_state_await_claim() - sleep until a claim ends
 * @state: the state, which is claimed
 * @call: the call; when it has been woken, it leaves the claimants
 * @phase: enum freq_claim, in the call's progress
 * @deadline: until when, in ns of CLOCK_MONOTONIC
 *
 * Return: FREQ_WANT_SLEEP.
 */
int freq_state_await_claim(struct freq_state *state, struct freq_call *call,
			   u32 *phase, s64 deadline)
{
	list_add_tail(&call->link, &state->claimants);
	*phase = FREQ_CLAIM_WAITING;
	return freq_door_sleep(call, deadline, CLOCK_MONOTONIC);
}

/**
 * freq_state_unclaim() - end a claim
 * @state: the state
 */
void freq_state_unclaim(struct freq_state *state)
{
	struct freq_call *call, *next;

	state->claimed = 0;
	list_for_each_entry_safe(call, next, &state->claimants, link) {
		list_del_init(&call->link);
		freq_door_wake(call);
	}
}

/**
 * freq_state_allocated() - count the allocated frequencies
 * @state: the state
 *
 * Return: the number of allocated frequencies.
 */
u32 freq_state_allocated(const struct freq_state *state)
{
	return state->pool.visible - state->pool.free.count;
}

/**
 * freq_state_holder() - find the holder of a slot
 * @state: the state
 * @slot: the slot
 *
 * Return: its holder, or NULL if it is free.
 */
const struct freq_holder *freq_state_holder(const struct freq_state *state,
					    const struct freq_slot *slot)
{
	const struct freq_holder *holder;

	if (!slot->owner)
		return NULL;
	holder = freq_state_holder_at(state, slot->owner & ~FREQ_OWNER_FLAGS);
	if (!holder->pid && !(slot->owner & FREQ_OWNER_KEEP))
		return NULL;
	return holder;
}

/**
 * freq_state_reserve_holder() - see to it that there is room for a new holder
 * @state: the state
 * @call: the call that provides the memory
 *
 * Return: as freq_table_reserve().
 */
int freq_state_reserve_holder(struct freq_state *state,
			      struct freq_call *call)
{
	struct freq_mirror *mirror = state->pool.mirror;
	u32 count = state->holder_count + 2;
	int ret;

	if (state->unused_holder)
		return 0;
	ret = freq_table_reserve(&state->holders, count,
				 sizeof(struct freq_holder), call);
	if (ret || !mirror)
		return ret;
	ret = freq_mirror_reserve(mirror, mirror->slots.end, count, call);
	if (ret != -ENOMEM)
		return ret;
	/* That ends the conversion, not the request. */
	mirror->err = ret;
	state->pool.mirror = NULL;
	return 0;
}

/**
 * freq_state_need_holder() - see to it that a client can have a holder
 * @state: the state
 * @call: the call of the client, which provides the memory
 *
 * Return: as freq_table_reserve().
 */
int freq_state_need_holder(struct freq_state *state, struct freq_call *call)
{
	return call->client->data ? 0 : freq_state_reserve_holder(state, call);
}

/**
 * freq_state_create_holder() - make a client a holder
 * @state: the state, with room for it: see freq_state_reserve_holder()
 * @client: the client, which has none
 */
void freq_state_create_holder(struct freq_state *state,
			      struct freq_client *client)
{
	u32 index = state->unused_holder;
	struct freq_holder *holder;

	if (!index)
		index = ++state->holder_count;
	holder = freq_state_change_holder(state, index);
	state->unused_holder = holder->next;
	memset(holder, 0, sizeof(*holder));
	holder->pid = get_pid(client->pid);
	holder->uid = client->uid;
	state->open_holders++;
	client->data = index;
}

/* Of its owner, the queue that a slot is in */
static __always_inline struct freq_queue *queue_of(struct freq_holder *holder,
						   u32 owner)
{
	return owner & FREQ_OWNER_KEEP ? &holder->kept : &holder->held;
}

/* Some of the slots that are next forget their holders. */
static int forget_some(struct freq_state *state, u32 count)
{
	struct freq_pool *pool = &state->pool;
	u32 index = pool->free.first, left = FORGET_STEP;
	struct freq_slot *slot;

	for (; count && left; count--) {
		slot = freq_pool_change(pool, index);
		if (slot->owner) {
			freq_state_forget_holder(state, slot);
			left--;
		}
		index = slot->next;
	}
	return FREQ_WANT_AGAIN;
}

/**
 * freq_state_peek_all() - look which frequencies are next
 * @state: the state
 * @call: the call of the client; its first word of progress is used
 * @numbers: out: the frequencies
 * @count: how many; not 0
 *
 * In the same hold, freq_state_allocate_all() allocates them and cannot fail.
 *
 * Slots that name holders of closed clients forget them first, some in a hold.
 * The number of these holds is limited, since clients that are closed meanwhile
 * bring more such slots.
 *
 * Return: 0; -ENOSPC if fewer are free; -ENOMEM; or a FREQ_WANT_*.
 */
int freq_state_peek_all(struct freq_state *state, struct freq_call *call,
			u64 *numbers, u32 count)
{
	const struct freq_pool *pool = &state->pool;
	u32 index = pool->free.first, owners = 0, i;
	const struct freq_slot *slot;
	int ret;

	if (unlikely(freq_wait_settle(state, call)))
		return FREQ_WANT_AGAIN;
	if (count > pool->free.count)
		return -ENOSPC;
	ret = freq_state_need_holder(state, call);
	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		slot = freq_pool_slot(pool, index);
		numbers[i] = slot->number;
		owners |= slot->owner;
		index = slot->next;
	}
	if (likely(!owners) || count <= FORGET_STEP ||
	    call->progress[0] == FORGET_MAX)
		return 0;
	call->progress[0]++;
	return forget_some(state, count);
}

static void mark_first(struct freq_pool *pool, u32 count)
{
	u32 index = pool->free.first;

	for (; count--; index = freq_pool_slot(pool, index)->next)
		freq_mirror_slot(pool->mirror, index);
}

/**
 * freq_state_allocate_all() - allocate the frequencies that are next
 * @state: the state
 * @call: the call of the client; its buffer has their frequencies
 * @keep: whether the allocations outlive the client
 * @count: how many, as in freq_state_peek_all() before
 *
 * They stay a queue: 46 instructions each, where one by one takes 64.
 */
void freq_state_allocate_all(struct freq_state *state,
			     struct freq_call *call, bool keep, u32 count)
{
	struct freq_client *client = call->client;
	u64 grant = freq_grant_next(call, count);
	struct freq_pool *pool = &state->pool;
	u32 index = pool->free.first, owner, i;
	struct freq_holder *holder;
	struct freq_queue *to;
	struct freq_slot *slot;

	owner = freq_state_own_holder(state, client);
	holder = freq_state_change_holder(state, owner);
	owner |= keep ? FREQ_OWNER_KEEP : 0;
	to = queue_of(holder, owner);
	if (unlikely(pool->mirror)) {
		mark_first(pool, count);
		freq_mirror_slot(pool->mirror, to->last);
	}
	for (i = 0;; index = slot->next) {
		slot = freq_pool_write(pool, index);
		if (unlikely(slot->owner))
			freq_state_forget_holder(state, slot);
		slot->owner = owner;
		*freq_pool_grant(pool, index) = grant + i;
		freq_map_take(pool, index);
		if (++i == count)
			break;
	}
	freq_pool_append_first(pool, &pool->free, to, index, count);
	if (unlikely(state->log))
		freq_log_allocated_all(state, call, call->buffer, 1, count,
				       owner, grant);
}

/*
 * A kept frequency belongs to a user, any other to a client. @is_admin, if not
 * NULL, caches the answer of capable().
 */
static noinline int check_other(const struct freq_state *state,
				const struct freq_call *call, u32 owner,
				bool *is_admin)
{
	const struct freq_holder *holder =
		freq_state_holder_at(state, owner & ~FREQ_OWNER_FLAGS);

	/* In one request twice: the second time it is not allocated. */
	if ((owner & FREQ_OWNER_FLAGS) != FREQ_OWNER_KEEP)
		return !owner || owner & FREQ_OWNER_MARK || !holder->pid ?
		       -ENOENT : -EPERM;
	if (uid_eq(holder->uid, call->client->uid) || (is_admin && *is_admin))
		return 0;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (is_admin)
		*is_admin = true;
	return 0;
}

static __always_inline bool is_own(const struct freq_call *call, u32 owner)
{
	return owner && (owner & ~FREQ_OWNER_KEEP) == call->client->data;
}

/* Allows for the client's own without a call. */
static __always_inline int check_owner(const struct freq_state *state,
				       const struct freq_call *call, u32 owner,
				       bool *is_admin)
{
	return likely(is_own(call, owner)) ? 0 :
	       check_other(state, call, owner, is_admin);
}

static __always_inline void free_slot(struct freq_state *state,
				      struct freq_call *call, u32 index)
{
	struct freq_pool *pool = &state->pool;
	struct freq_slot *slot = freq_pool_write(pool, index);
	u32 owner = slot->owner, holder_index = owner & ~FREQ_OWNER_KEEP;
	struct freq_holder *holder;
	struct freq_queue *queue;

	freq_log_freed(state, call, index);
	if (unlikely(pool->mirror)) {
		freq_pool_mark_remove(pool, index);
		freq_mirror_slot(pool->mirror, pool->free.first);
	}
	holder = freq_state_change_holder(state, holder_index);
	queue = queue_of(holder, owner);
	freq_pool_unlink(pool, queue, slot, index);
	queue->count--;
	slot->owner = 0;
	freq_pool_push(pool, &pool->free, slot, index);
	freq_map_give(pool, index);
	freq_state_put_holder(state, holder, holder_index);
}

/**
 * freq_state_free() - make a frequency free
 * @state: the state
 * @call: a call of its server
 * @index: its slot, which is allocated
 */
void freq_state_free(struct freq_state *state, struct freq_call *call,
		     u32 index)
{
	free_slot(state, call, index);
}

/**
 * freq_state_deallocate() - make a frequency free again, on behalf of a client
 * @state: the state
 * @call: the call
 * @number: the frequency
 * @grant: number of the grant that is to end; 0: whichever it is
 *
 * Return: 0; -ENOENT if it is not in the pool, or not allocated; -ESTALE if
 * that is by another grant; -EPERM if it is somebody else's.
 */
int freq_state_deallocate(struct freq_state *state, struct freq_call *call,
			  u64 number, u64 grant)
{
	u32 index = freq_pool_find_any(&state->pool, number);
	const struct freq_slot *slot = freq_pool_slot(&state->pool, index);
	int err;

	if (grant && freq_state_holder(state, slot) &&
	    freq_state_grant(state, index) != grant)
		return -ESTALE;
	err = check_owner(state, call, slot->owner, NULL);
	if (unlikely(err))
		return err;
	free_slot(state, call, index);
	freq_wait_offer(state, call, index);
	return 0;
}

/*
 * Finds a frequency that is probably in the slot @guess, if that is not 0: a
 * third of a batch's cost, if it is given back in the order of its allocation.
 */
static __always_inline u32 find_guessed(struct freq_pool *pool, u64 number,
					u32 guess)
{
	if (guess && likely(freq_pool_slot(pool, guess)->number == number))
		return guess;
	return freq_pool_find_any(pool, number);
}

/*
 * Replaces frequencies that the client holds and does not keep by the indices
 * of their slots, and marks these, in one pass. Returns false, with nothing
 * changed, if one of them is another's, kept, or free.
 */
static bool mark_own(struct freq_pool *pool, u32 own, u64 *numbers, u32 count)
{
	struct freq_slot *slot;
	u32 index = 0, i;

	for (i = 0; i < count; i++) {
		index = find_guessed(pool, numbers[i], index);
		slot = freq_pool_write(pool, index);
		if (unlikely(slot->owner != own))
			goto unmark;
		slot->owner = own | FREQ_OWNER_MARK;
		numbers[i] = index;
		index = slot->next;
	}
	return true;

unmark:
	while (i--) {
		slot = freq_pool_write(pool, numbers[i]);
		slot->owner = own;
		numbers[i] = slot->number;
	}
	return false;
}

/* Replaces each frequency by the index of its slot, 0 if there is none. */
static void find_all(struct freq_pool *pool, u64 *numbers, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		numbers[i] = freq_pool_find_any(pool, numbers[i]);
}

static void unmark(struct freq_pool *pool, const u64 *indices, u32 count)
{
	while (count--)
		freq_pool_write(pool, indices[count])->owner &=
			~FREQ_OWNER_MARK;
}

static int mark_all(struct freq_state *state, const struct freq_call *call,
		    const u64 *indices, u32 count, u32 *failed)
{
	/* Flags of an owner that needs no look: none has all of these. */
	u32 allowed = FREQ_OWNER_FLAGS | 1, i, owner;
	bool is_admin = false;
	struct freq_slot *slot;
	int err;

	for (i = 0; i < count; i++) {
		slot = freq_pool_write(&state->pool, indices[i]);
		owner = slot->owner;
		if ((owner & FREQ_OWNER_FLAGS) != allowed) {
			err = check_owner(state, call, owner, &is_admin);
			if (unlikely(err)) {
				*failed = i;
				unmark(&state->pool, indices, i);
				return err;
			}
			allowed = is_admin ? FREQ_OWNER_KEEP : allowed;
		}
		slot->owner = owner | FREQ_OWNER_MARK;
	}
	return 0;
}

static void mark_removal(struct freq_state *state, const u64 *indices,
			 u32 count)
{
	struct freq_pool *pool = &state->pool;
	u32 i, owner;

	for (i = 0; i < count; i++) {
		owner = freq_pool_slot(pool, indices[i])->owner;
		freq_mirror_holder(pool->mirror, owner & ~FREQ_OWNER_FLAGS);
		freq_pool_mark_remove(pool, indices[i]);
	}
}

/*
 * Frees marked slots, in order: the last is the next to be allocated. With @own
 * not 0, all are that holder's and not kept: 54 instructions each, else 70.
 */
static __always_inline void free_marked(struct freq_state *state,
					struct freq_call *call,
					const u64 *indices, u32 count, u32 own)
{
	struct freq_pool *pool = &state->pool;
	struct freq_queue freed = { .last = indices[0], .count = count };
	struct freq_slot *before = freq_pool_write(pool, freed.last), *slot;
	struct freq_holder *holder = NULL;
	u32 index, i, owner = own;
	struct freq_queue *queue;

	if (unlikely(state->log))
		freq_log_freed_all(state, call, indices, count);
	if (unlikely(pool->mirror))
		mark_removal(state, indices, count);
	if (own)
		holder = freq_table_at(&state->holders, own, sizeof(*holder));
	for (i = 0; i < count; i++) {
		index = indices[i];
		slot = freq_pool_write(pool, index);
		if (!own) {
			owner = slot->owner;
			holder = freq_table_at(&state->holders,
					       owner & ~FREQ_OWNER_FLAGS,
					       sizeof(*holder));
		}
		queue = queue_of(holder, owner);
		freq_pool_unlink(pool, queue, slot, index);
		queue->count--;
		if (!own)
			freq_state_put_holder(state, holder,
					      owner & ~FREQ_OWNER_FLAGS);
		slot->owner = 0;
		slot->next = freed.first;
		freed.first = index;
		before->prev = index;
		before = slot;
	}
	for (i = 0; unlikely(pool->has_map) && i < count; i++)
		freq_map_set(pool, indices[i], true);
	freq_pool_splice(pool, freed, &pool->free);
	freq_wait_offer_all(state);
}

/**
 * freq_state_deallocate_all() - make frequencies free again, or none of them
 * @state: the state
 * @call: the call; its progress is used, but for the third word
 * @numbers: the frequencies; clobbered
 * @count: how many; not 0
 * @failed: out: at an error, the index in @numbers of the one it is about
 *
 * Marks all, then frees them. That is one hold if all are the client's; else
 * many are looked up in a hold before. Indices stay valid, since a slot never
 * moves and never goes.
 *
 * Return: 0; -ENOENT if one is not in the pool, or not allocated, or there
 * twice; -EPERM if it is somebody else's; -ENODEV if the server was stopped
 * between the two holds; or a FREQ_WANT_*.
 */
int freq_state_deallocate_all(struct freq_state *state, struct freq_call *call,
			      u64 *numbers, u32 count, u32 *failed)
{
	u32 own = call->client->data;
	int err;

	if (call->progress[FREQ_PROGRESS_CLAIM] == FREQ_WAIT_SERVING)
		return freq_wait_finish(state, call);
	if (call->progress[0] == TRY) {
		if (likely(own) &&
		    mark_own(&state->pool, own, numbers, count)) {
			free_marked(state, call, numbers, count, own);
			return freq_wait_finish(state, call);
		}
		call->progress[0] = FIND;
		if (count > FREE_AT_ONCE)
			return FREQ_WANT_AGAIN;
	}
	if (call->progress[0] == FIND) {
		find_all(&state->pool, numbers, count);
		call->progress[0] = FREE;
		call->progress[1] = call->server->stops;
		if (count > FREE_AT_ONCE)
			return FREQ_WANT_AGAIN;
	}
	/* Of a server that was stopped since, it was. */
	if (call->progress[1] != call->server->stops)
		return -ENODEV;
	err = mark_all(state, call, numbers, count, failed);
	if (err)
		return err;
	free_marked(state, call, numbers, count, 0);
	return freq_wait_finish(state, call);
}

/*
 * Takes the last slots out of what a holder has, as many as one hold logs or
 * maps, and makes them free.
 */
static void free_last(struct freq_state *state, struct freq_call *call,
		      struct freq_holder *holder)
{
	struct freq_queue part = { .last = holder->held.last };
	struct freq_pool *pool = &state->pool;
	u32 index = part.last;
	struct freq_slot *slot;

	for (; part.count < CLOSE_STEP; part.count++) {
		slot = freq_pool_change(pool, index);
		part.first = index;
		index = slot->prev;
	}
	if (state->log)
		freq_log_closed(state, call, holder, part.first, part.count);
	for (index = part.first; index; index = slot->next) {
		slot = freq_pool_write(pool, index);
		slot->owner = 0;
		freq_map_give(pool, index);
	}
	holder->held.last = freq_pool_slot(pool, part.first)->prev;
	holder->held.count -= part.count;
	freq_pool_change(pool, holder->held.last)->next = 0;
	freq_pool_splice(pool, part, &pool->free);
	freq_wait_offer_all(state);
}

static void map_free(struct freq_pool *pool, u32 index)
{
	for (; index; index = freq_pool_slot(pool, index)->next)
		freq_map_set(pool, index, true);
}

static void close_holder(struct freq_state *state, struct freq_call *call,
			 struct freq_holder *holder, u32 index)
{
	if (state->log && holder->held.count)
		freq_log_closed(state, call, holder, holder->held.first,
				holder->held.count);
	if (state->pool.has_map)
		map_free(&state->pool, holder->held.first);
	put_pid(holder->pid);
	holder->pid = NULL;
	memset(holder->label, 0, sizeof(holder->label));
	holder->stale = holder->held.count;
	if (holder->stale)
		freq_wait_offer_all(state);
	freq_pool_splice(&state->pool, holder->held, &state->pool.free);
	memset(&holder->held, 0, sizeof(holder->held));
	state->open_holders--;
	freq_state_put_holder(state, holder, index);
}

/* Returns as an operation does. */
static int close_some(struct freq_state *state, struct freq_call *call)
{
	u32 index = call->client->data;
	struct freq_holder *holder = freq_state_change_holder(state, index);

	if ((state->log || state->pool.has_map) &&
	    holder->held.count > CLOSE_STEP) {
		free_last(state, call, holder);
		return FREQ_WANT_AGAIN;
	}
	close_holder(state, call, holder, index);
	call->client->data = 0;
	call->progress[1] = 1;
	return 0;
}

/**
 * freq_state_close() - FREQ_OP_CLOSE: free the frequencies of a client
 * @data: the state
 * @call: the call; the second word of its progress is used
 *
 * They are in front of the free ones again, in their order of before. With a
 * log or a map, some in a hold, from the last on.
 *
 * Return: 0; or FREQ_WANT_AGAIN, while they are freed and given to who waits.
 */
int freq_state_close(void *data, struct freq_call *call)
{
	struct freq_state *state = data;
	int ret = 0;

	/* Before its holder, which would get what they wait for. */
	if (state->log)
		ret = freq_queue_cancel_all(state, call);
	if (!ret && call->client->data)
		ret = close_some(state, call);
	if (!ret && state->log)
		ret = freq_subscription_end(state, call);
	if (!ret && call->progress[1])
		ret = freq_wait_settle(state, call);
	if (unlikely(state->pool.mirror))
		freq_mirror_settle(state->pool.mirror, state);
	return ret;
}

static int tick(struct freq_state *state, struct freq_call *call)
{
	return freq_queue_expire(state, call) ?:
	       freq_wait_settle(state, call) ?:
	       freq_log_tick(state, call);
}

/**
 * freq_state_tick() - FREQ_OP_TIMER: deadlines, who waits, who subscribes
 * @data: the state
 * @call: the call; the first two words of its progress are used
 *
 * Return: 0; or FREQ_WANT_AGAIN.
 */
int freq_state_tick(void *data, struct freq_call *call)
{
	struct freq_state *state = data;
	int ret;

	if (!call->progress[1]) {
		call->progress[1] = 1;
		state->timer_at = 0;
	}
	ret = tick(state, call);
	if (!ret)
		freq_queue_set_timer(state, call);
	if (unlikely(state->pool.mirror))
		freq_mirror_settle(state->pool.mirror, state);
	return ret;
}

/**
 * freq_state_wake_at() - have freq_state_tick() entered
 * @state: the state
 * @call: a call of its server
 * @at: when at the latest, in ns of CLOCK_BOOTTIME; FREQ_NOW
 */
void freq_state_wake_at(struct freq_state *state, struct freq_call *call,
			s64 at)
{
	if (state->timer_at && state->timer_at <= at)
		return;
	state->timer_at = at;
	freq_door_set_timer(call, at);
}
