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

/**
 * freq_log_drop() - drop the oldest entry
 * @log: the log; it has an entry
 */
void freq_log_drop(struct freq_log *log)
{
	const struct freq_log_entry *entry = freq_log_entry_at(log, log->tail);

	if (entry->count)
		put_pid(entry->pid);
	log->tail += entry->words;
	log->tail_sequence += entry->count;
}

/* Makes room for an entry that lies in one piece. */
static struct freq_log_entry *reserve(struct freq_log *log, u32 words)
{
	u32 rest = FREQ_LOG_WORDS - log->head % FREQ_LOG_WORDS;
	u32 fill = rest < words ? rest : 0;
	struct freq_log_entry *entry;

	while (log->head + fill + words - log->tail > FREQ_LOG_WORDS)
		freq_log_drop(log);
	if (fill) {
		entry = freq_log_entry_at(log, log->head);
		entry->words = fill;
		entry->count = 0;
		log->head += fill;
	}
	return freq_log_entry_at(log, log->head);
}

/**
 * freq_log_set_timer() - have freq_log_tick() entered
 * @log: the log
 * @call: a call of its server
 * @delay: when, from now on, in ns
 */
void freq_log_set_timer(struct freq_log *log, struct freq_call *call, u32 delay)
{
	log->is_set = 1;
	freq_door_set_timer(call, ktime_get_boottime_ns() + delay);
}

/* Appends records, of which the caller sets what is 0 or not set yet. */
static struct freq_log_entry *append(struct freq_log *log,
				     struct freq_call *call, u32 kind,
				     u32 count)
{
	struct freq_log_entry *entry;
	u32 words = (sizeof(*entry) + count * sizeof(struct freq_log_item)) /
		    sizeof(log->words[0]);

	entry = reserve(log, words);
	memset(entry, 0, sizeof(*entry));
	entry->words = words;
	entry->count = count;
	entry->kind = kind;
	log->head += words;
	log->sequence += count;
	if (unlikely(!list_empty(&log->idle) && !log->is_set))
		freq_log_set_timer(log, call, GATHER_NS);
	return entry;
}

static void set_holder(struct freq_log_entry *entry,
		       const struct freq_holder *holder)
{
	entry->pid = get_pid(holder->pid);
	entry->uid = holder->uid;
	memcpy(entry->label, holder->label, sizeof(entry->label));
}

static void set_client(const struct freq_state *state,
		       struct freq_log_entry *entry,
		       const struct freq_client *client)
{
	if (client->data) {
		set_holder(entry, freq_state_holder_at(state, client->data));
		return;
	}
	entry->pid = get_pid(client->pid);
	entry->uid = client->uid;
}

static u64 keep_of(u32 owner)
{
	return owner & FREQ_OWNER_KEEP ? FREQ_LOG_KEEP : 0;
}

static void set_slot(const struct freq_state *state,
		     struct freq_log_item *item, u32 index)
{
	const struct freq_slot *slot = freq_pool_slot(&state->pool, index);

	item->frequency = slot->number;
	item->grant = freq_state_grant(state, index) | keep_of(slot->owner);
}

static struct freq_log_entry *append_slot(struct freq_state *state,
					  struct freq_call *call, u32 kind,
					  u32 index)
{
	u32 owner = freq_pool_slot(&state->pool, index)->owner;
	struct freq_log_entry *entry;

	entry = append(state->log, call, kind, 1);
	set_holder(entry,
		   freq_state_holder_at(state, owner & ~FREQ_OWNER_FLAGS));
	set_slot(state, freq_log_items(entry), index);
	return entry;
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
	struct freq_log_entry *entry =
		append_slot(state, call, FREQ_RECORD_ALLOCATED, index);

	entry->time = freq_grant_since(call, freq_state_grant(state, index));
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
	struct freq_log_entry *entry =
		append_slot(state, call, FREQ_RECORD_DEALLOCATED, index);

	entry->time = ktime_get_coarse_boottime_ns();
}

/**
 * freq_log_allocated_all() - log that frequencies were allocated together
 * @state: the state, with a log
 * @call: the call of the client
 * @numbers: the frequencies
 * @count: how many, at most FREQ_BATCH_MAX
 * @owner: owner of their slots
 * @grant: number of the grant of the first; the others follow
 */
void freq_log_allocated_all(struct freq_state *state, struct freq_call *call,
			    const u64 *numbers, u32 count, u32 owner, u64 grant)
{
	struct freq_log_entry *entry =
		append(state->log, call, FREQ_RECORD_ALLOCATED, count);
	struct freq_log_item *items = freq_log_items(entry);
	u64 keep = keep_of(owner);
	u32 i;

	set_client(state, entry, call->client);
	entry->time = freq_grant_since(call, grant);
	for (i = 0; i < count; i++) {
		items[i].frequency = numbers[i];
		items[i].grant = (grant + i) | keep;
	}
}

/* How many of the slots, from the first on, have one holder */
static u32 count_same(const struct freq_pool *pool, const u64 *indices,
		      u32 count)
{
	u32 owner = freq_pool_slot(pool, indices[0])->owner, i;

	for (i = 1; i < count; i++)
		if ((freq_pool_slot(pool, indices[i])->owner ^ owner) &
		    ~FREQ_OWNER_FLAGS)
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
	s64 now = ktime_get_coarse_boottime_ns();
	struct freq_pool *pool = &state->pool;
	struct freq_log_entry *entry;
	u32 same, owner, i;

	for (; count; count -= same, indices += same) {
		same = count_same(pool, indices, count);
		owner = freq_pool_slot(pool, indices[0])->owner;
		entry = append(state->log, call, FREQ_RECORD_DEALLOCATED, same);
		set_holder(entry,
			   freq_state_holder_at(state,
						owner & ~FREQ_OWNER_FLAGS));
		entry->time = now;
		for (i = 0; i < same; i++)
			set_slot(state, freq_log_items(entry) + i, indices[i]);
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
	struct freq_log_entry *entry =
		append(state->log, call, FREQ_RECORD_DEALLOCATED, count);
	u32 i;

	set_holder(entry, holder);
	entry->flags = FREQ_RECORD_CLOSED;
	entry->time = ktime_get_coarse_boottime_ns();
	for (i = 0; i < count; i++) {
		set_slot(state, freq_log_items(entry) + i, first);
		first = freq_pool_slot(&state->pool, first)->next;
	}
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
	struct freq_log_entry *entry;

	if (!state->log)
		return;
	entry = append(state->log, call, FREQ_RECORD_INJECTED, 1);
	set_client(state, entry, call->client);
	entry->time = ktime_get_coarse_boottime_ns();
	entry->value = count;
	*freq_log_items(entry) = (struct freq_log_item){ .frequency = first };
}

/**
 * freq_log_waiting() - log that a call waits for a frequency
 * @state: the state
 * @call: the call
 */
void freq_log_waiting(struct freq_state *state, struct freq_call *call)
{
	const struct freq_allocate_v3 *asked = (void *)call->argument;
	const struct freq_waiter *waiter = call->memory;
	struct freq_log_entry *entry;

	if (!state->log)
		return;
	entry = append(state->log, call, FREQ_RECORD_WAITING, 1);
	set_client(state, entry, call->client);
	entry->flags = waiter->any ? FREQ_RECORD_ANY : 0;
	entry->time = ktime_get_coarse_boottime_ns();
	entry->value = asked->deadline;
	*freq_log_items(entry) = (struct freq_log_item){
		.frequency = waiter->number,
	};
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
	struct freq_log_entry *entry;

	if (!state->log)
		return;
	entry = append(state->log, call, FREQ_RECORD_UPGRADED, 1);
	entry->time = ktime_get_coarse_boottime_ns();
	entry->value = release;
	*freq_log_items(entry) = (struct freq_log_item){ };
}
