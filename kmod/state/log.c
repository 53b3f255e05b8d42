// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: The log
 *
 * What happens is appended to the log in the hold in which it happens, so
 * records are in the order of the events. The log is a ring, which is there as
 * long as somebody subscribes. It knows no readers: an append overwrites the
 * oldest entries, and costs the same for any number of subscriptions.
 *
 * Each subscription has a place in the log, and filters as it reads. One that
 * comes to its place too late goes on with the oldest entry, and counts what it
 * has lost.
 *
 * A subscription that has read all, and whose client sleeps in read() or
 * poll(), is idle. The first append that finds one sets the door's timer; at
 * that time, those that are idle are looked through, and those for which there
 * is something are woken, some in a hold. So an append wakes nobody, and many
 * appends wake once.
 *
 * When the last subscription has ended, the timer empties the log, and frees
 * it.
 *
 * The functions here run under the server's mutex (see contract/door.h).
 */
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/string.h>

#include "state/log.h"
#include "state/state.h"

/* For how long wake-ups are gathered, in ns. */
#define GATHER_NS 1000000

static __always_inline void drop_oldest(struct freq_log *log)
{
	const struct freq_log_entry *entry = freq_log_entry_at(log, log->tail);

	if (entry->count)
		put_pid(entry->pid);
	log->tail += entry->words;
	log->tail_sequence += entry->count;
}

/**
 * freq_log_drop() - drop the oldest entry
 * @log: the log; it has an entry
 */
void freq_log_drop(struct freq_log *log)
{
	drop_oldest(log);
}

static __always_inline void make_room(struct freq_log *log, u32 words)
{
	while (log->head + words - log->tail > FREQ_LOG_WORDS)
		drop_oldest(log);
}

/* Goes on at the start of the ring. */
static noinline void fill(struct freq_log *log, u32 words)
{
	struct freq_log_entry *entry;

	make_room(log, words);
	entry = freq_log_entry_at(log, log->head);
	entry->words = words;
	entry->count = 0;
	log->head += words;
}

/* Makes room for an entry that lies in one piece. */
static __always_inline struct freq_log_entry *reserve(struct freq_log *log,
						      u32 words)
{
	u32 rest = FREQ_LOG_WORDS - log->head % FREQ_LOG_WORDS;

	if (unlikely(rest < words))
		fill(log, rest);
	make_room(log, words);
	return freq_log_entry_at(log, log->head);
}

/* Those that are idle are woken together. */
static noinline void wake_soon(struct freq_state *state, struct freq_call *call)
{
	state->log->is_set = 1;
	freq_state_wake_at(state, call, ktime_get_boottime_ns() + GATHER_NS);
}

/* Whom a record is about */
struct who {
	struct pid *pid;
	kuid_t uid;
	const u8 *label;
};

/*
 * Appends records, of which the caller sets the items. Inlined where one
 * frequency is allocated or freed: 40 instructions of 240.
 */
static __always_inline struct freq_log_item *
append_entry(struct freq_state *state, struct freq_call *call,
	     const struct freq_log_entry head, struct who who)
{
	struct freq_log *log = state->log;
	struct freq_log_entry *entry;
	u32 words = (sizeof(head) +
		     head.count * sizeof(struct freq_log_item)) /
		    sizeof(log->words[0]);

	entry = reserve(log, words);
	entry->words = words;
	entry->count = head.count;
	entry->kind = head.kind;
	entry->flags = head.flags;
	entry->time = head.time;
	entry->value = head.value;
	entry->pid = get_pid(who.pid);
	entry->uid = who.uid;
	entry->pad = 0;
	entry->client = head.client;
	memcpy(entry->label, who.label, sizeof(entry->label));
	log->head += words;
	log->sequence += head.count;
	if (unlikely(!list_empty(&log->idle) && !log->is_set))
		wake_soon(state, call);
	return freq_log_items(entry);
}

static const u8 no_label[FREQ_LABEL_MAX];

static __always_inline struct who who_holds(const struct freq_holder *holder)
{
	return (struct who){
		.pid = holder->pid,
		.uid = holder->uid,
		.label = holder->label,
	};
}

static struct who who_is(const struct freq_state *state,
			 const struct freq_client *client)
{
	if (client->data)
		return who_holds(freq_state_holder_at(state, client->data));
	return (struct who){
		.pid = client->pid,
		.uid = client->uid,
		.label = no_label,
	};
}

static __always_inline u64 keep_of(u32 owner)
{
	return owner & FREQ_OWNER_KEEP ? FREQ_LOG_KEEP : 0;
}

static __always_inline void set_slot(const struct freq_state *state,
				     struct freq_log_item *item, u32 index)
{
	const struct freq_slot *slot = freq_pool_slot(&state->pool, index);

	item->frequency = slot->number;
	item->grant = freq_state_grant(state, index) | keep_of(slot->owner);
}

static __always_inline void append_slot(struct freq_state *state,
					struct freq_call *call, u32 kind,
					s64 time, u32 index, u64 grant)
{
	const struct freq_slot *slot = freq_pool_slot(&state->pool, index);
	u32 owner = slot->owner & ~FREQ_OWNER_FLAGS;
	const struct freq_log_entry head = {
		.count = 1,
		.kind = kind,
		.time = time,
	};
	struct freq_log_item *item;

	item = append_entry(state, call, head,
			    who_holds(freq_state_holder_at(state, owner)));
	item->frequency = slot->number;
	item->grant = grant | keep_of(slot->owner);
}

/**
 * freq_log_append_allocated() - freq_log_allocated() if there is a log
 * @state: the state
 * @call: a call of its server
 * @index: the slot
 */
void freq_log_append_allocated(struct freq_state *state, struct freq_call *call,
			       u32 index)
{
	u64 grant = freq_state_grant(state, index);

	append_slot(state, call, FREQ_RECORD_ALLOCATED,
		    freq_grant_since(call, grant), index, grant);
}

/**
 * freq_log_append_freed() - freq_log_freed() if there is a log
 * @state: the state
 * @call: a call of its server
 * @index: the slot
 */
void freq_log_append_freed(struct freq_state *state, struct freq_call *call,
			   u32 index)
{
	append_slot(state, call, FREQ_RECORD_DEALLOCATED,
		    freq_grant_now(call), index,
		    freq_state_grant(state, index));
}

/**
 * freq_log_allocated_all() - log that frequencies were allocated together
 * @state: the state, with a log
 * @call: the call of the client
 * @numbers: the first of the frequencies
 * @step: how many words the next one is away from it
 * @count: how many, at most FREQ_BATCH_MAX
 * @owner: owner of their slots
 * @grant: number of the grant of the first; the others follow
 */
void freq_log_allocated_all(struct freq_state *state, struct freq_call *call,
			    const u64 *numbers, u32 step, u32 count, u32 owner,
			    u64 grant)
{
	const struct freq_log_entry head = {
		.count = count,
		.kind = FREQ_RECORD_ALLOCATED,
		.time = freq_grant_since(call, grant),
	};
	u64 keep = keep_of(owner);
	struct freq_log_item *items;
	u32 i;

	items = append_entry(state, call, head,
			     who_is(state, call->client));
	for (i = 0; i < count; i++, numbers += step) {
		items[i].frequency = *numbers;
		items[i].grant = (grant + i) | keep;
	}
}

/* Of a closed client, nothing but the user is left. */
static bool is_same(const struct freq_state *state, u32 a, u32 b)
{
	const struct freq_holder *one, *other;

	if (!((a ^ b) & ~FREQ_OWNER_FLAGS))
		return true;
	one = freq_state_holder_at(state, a & ~FREQ_OWNER_FLAGS);
	other = freq_state_holder_at(state, b & ~FREQ_OWNER_FLAGS);
	return !one->pid && !other->pid && uid_eq(one->uid, other->uid);
}

/* How many of the slots, from the first on, make records of one entry */
static u32 count_same(const struct freq_state *state, const u64 *indices,
		      u32 count)
{
	const struct freq_pool *pool = &state->pool;
	u32 owner = freq_pool_slot(pool, indices[0])->owner, i;

	for (i = 1; i < count; i++)
		if (!is_same(state, owner,
			     freq_pool_slot(pool, indices[i])->owner))
			break;
	return i;
}

/**
 * freq_log_freed_all() - log that frequencies are about to be free
 * @state: the state, with a log
 * @call: the call
 * @indices: their slots
 * @count: how many, at most FREQ_BATCH_MAX
 */
void freq_log_freed_all(struct freq_state *state, struct freq_call *call,
			const u64 *indices, u32 count)
{
	struct freq_log_entry head = {
		.kind = FREQ_RECORD_DEALLOCATED,
		.time = freq_grant_now(call),
	};
	struct freq_pool *pool = &state->pool;
	struct freq_log_item *items;
	u32 owner, i;
	struct who who;

	for (; count; count -= head.count, indices += head.count) {
		owner = freq_pool_slot(pool, indices[0])->owner;
		owner &= ~FREQ_OWNER_FLAGS;
		who = who_holds(freq_state_holder_at(state, owner));
		head.count = count_same(state, indices, count);
		items = append_entry(state, call, head, who);
		for (i = 0; i < head.count; i++)
			set_slot(state, &items[i], indices[i]);
	}
}

/**
 * freq_log_closed() - log that frequencies are about to be free by a close
 * @state: the state, with a log
 * @call: the call of the client
 * @holder: its holder
 * @first: the first of their slots; the others follow it in the holder's queue
 * @count: how many, at most FREQ_BATCH_MAX
 */
void freq_log_closed(struct freq_state *state, struct freq_call *call,
		     const struct freq_holder *holder, u32 first, u32 count)
{
	const struct freq_log_entry head = {
		.count = count,
		.kind = FREQ_RECORD_DEALLOCATED,
		.flags = FREQ_RECORD_CLOSED,
		.time = freq_grant_now(call),
	};
	struct freq_log_item *items;
	u32 i;

	items = append_entry(state, call, head, who_holds(holder));
	for (i = 0; i < count; i++) {
		set_slot(state, &items[i], first);
		first = freq_pool_slot(&state->pool, first)->next;
	}
}

/* Appends what is about no frequency that is allocated. */
static void append_event(struct freq_state *state, struct freq_call *call,
			 struct freq_log_entry head, u64 frequency,
			 struct who who)
{
	head.count = 1;
	head.time = freq_grant_now(call);
	*append_entry(state, call, head, who) = (struct freq_log_item){
		.frequency = frequency,
	};
}

/**
 * freq_log_injected() - log that frequencies were added
 * @state: the state
 * @call: the call of the client
 * @first: the first of them
 * @count: how many
 */
void freq_log_injected(struct freq_state *state, struct freq_call *call,
		       u64 first, u32 count)
{
	const struct freq_log_entry head = {
		.kind = FREQ_RECORD_INJECTED,
		.value = count,
	};

	if (state->log)
		append_event(state, call, head, first,
			     who_is(state, call->client));
}

/**
 * freq_log_waiting() - log that a call waits for a frequency
 * @state: the state
 * @call: the call
 * @frequency: see struct freq_record
 * @flags: see struct freq_record
 * @deadline: until when
 */
void freq_log_waiting(struct freq_state *state, struct freq_call *call,
		      u64 frequency, u32 flags, s64 deadline)
{
	const struct freq_log_entry head = {
		.kind = FREQ_RECORD_WAITING,
		.flags = flags,
		.value = deadline,
	};

	if (state->log)
		append_event(state, call, head, frequency,
			     who_is(state, call->client));
}

/**
 * freq_log_upgraded() - log that another release runs
 * @state: the state
 * @call: a call of its server
 * @release: number of the release
 */
void freq_log_upgraded(struct freq_state *state, struct freq_call *call,
		       u32 release)
{
	const struct freq_log_entry head = {
		.kind = FREQ_RECORD_UPGRADED,
		.value = release,
	};
	const struct who nobody = { .uid = INVALID_UID, .label = no_label };

	if (state->log)
		append_event(state, call, head, 0, nobody);
}

/**
 * freq_log_outcome() - log what became of a request that was queued
 * @state: the state, with a log
 * @call: a call of its server
 * @waiter: the request
 * @flags: see struct freq_record; 0: it has got what it wants
 */
void freq_log_outcome(struct freq_state *state, struct freq_call *call,
		      const struct freq_waiter *waiter, u32 flags)
{
	const struct freq_log_entry head = {
		.count = flags ? 1 : waiter->count,
		.kind = FREQ_RECORD_OUTCOME,
		.flags = flags | waiter->flags,
		.time = freq_grant_now(call),
		.value = waiter->cookie,
		.client = waiter->client->id,
	};
	const struct freq_pool *pool = &state->pool;
	struct freq_log_item *items;
	u32 i;

	items = append_entry(state, call, head, who_is(state, waiter->client));
	if (flags) {
		*items = (struct freq_log_item){ };
		return;
	}
	if (!waiter->granted) {
		items->frequency = freq_pool_slot(pool, waiter->index)->number;
		items->grant = waiter->grant;
		return;
	}
	for (i = 0; i < waiter->count; i++) {
		items[i].frequency = waiter->granted[i].frequency;
		items[i].grant = waiter->granted[i].grant;
	}
}
