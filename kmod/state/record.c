// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records: what a subscriber reads.
 */
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "state/record.h"
#include "state/state.h"
#include "state/subscription.h"

/* How many records one hold looks at. */
#define LOOK_STEP 128

/* The most records of one read(). */
#define READ_MAX 64

/* Phases of a read, in the first word of its progress */
enum {
	READ_AWAKE,
	READ_SLEEPS,
};

/* The lowest frequency from @from on that is wanted; false: there is none. */
static bool find_wanted(const struct freq_subscription *subscription, u64 from,
			u64 *found)
{
	const struct freq_span *span = subscription->spans;
	const struct freq_span *end = span + subscription->span_count;
	bool has_found = false;
	u64 first;

	if (span == end) {
		*found = from;
		return true;
	}
	for (; span < end; span++) {
		first = max(span->first, from);
		if (first > span->last || (has_found && first >= *found))
			continue;
		*found = first;
		has_found = true;
	}
	return has_found;
}

static __always_inline bool
is_wanted(const struct freq_subscription *subscription,
	  struct freq_log_entry *entry, u32 item)
{
	u64 frequency = freq_log_items(entry)[item].frequency, found;

	if (likely(!subscription->span_count) ||
	    entry->kind == FREQ_RECORD_INJECTED ||
	    entry->kind == FREQ_RECORD_UPGRADED ||
	    entry->kind == FREQ_RECORD_OUTCOME ||
	    entry->flags & (FREQ_RECORD_ANY | FREQ_RECORD_GROUP))
		return true;
	return find_wanted(subscription, frequency, &found) &&
	       found == frequency;
}

/*
 * Goes on to the next record that is wanted. Returns its entry; NULL if there
 * is none, or if @left records were looked at: that is 0 then.
 */
static __always_inline struct freq_log_entry *
find_next(struct freq_log *log, const struct freq_subscription *subscription,
	  struct freq_place *place, u32 *left)
{
	struct freq_log_entry *entry;

	if (place->at < log->tail) {
		place->lost += log->tail_sequence - place->sequence;
		place->sequence = log->tail_sequence;
		place->at = log->tail;
		place->item = 0;
	}
	while (place->at != log->head) {
		entry = freq_log_entry_at(log, place->at);
		if (place->item == entry->count ||
		    !(BIT(entry->kind) & subscription->kinds) ||
		    (unlikely(entry->client) &&
		     entry->client != subscription->client->id)) {
			place->sequence += entry->count - place->item;
			place->at += entry->words;
			place->item = 0;
		} else {
			if (is_wanted(subscription, entry, place->item))
				return entry;
			place->sequence++;
			place->item++;
		}
		if (!--*left)
			break;
	}
	return NULL;
}

/**
 * struct numbers - of a user and a process, as the reader sees them
 * @uid: the user; INVALID_UID: nobody
 * @pid: the process; NULL: none
 * @uid_number: number of the user; 0: nobody
 * @pid_number: number of the process; 0: none
 */
struct numbers {
	kuid_t uid;
	const struct pid *pid;
	u32 uid_number;
	s32 pid_number;
};

/* Records in a row are often of one client: 60 instructions less for each. */
static __always_inline void set_numbers(struct freq_record *record,
					struct numbers *numbers, kuid_t uid,
					struct pid *pid)
{
	if (unlikely(pid != numbers->pid || !uid_eq(uid, numbers->uid))) {
		numbers->uid = uid;
		numbers->pid = pid;
		numbers->uid_number = uid_valid(uid) ?
				      from_kuid_munged(current_user_ns(), uid) :
				      0;
		numbers->pid_number = pid_vnr(pid);
	}
	record->uid = numbers->uid_number;
	record->pid = numbers->pid_number;
}

static __always_inline void describe(struct freq_record *record,
				     struct freq_log_entry *entry,
				     const struct freq_place *place,
				     struct numbers *numbers)
{
	const struct freq_log_item *item = freq_log_items(entry) + place->item;

	record->sequence = place->sequence;
	record->lost = place->lost;
	record->time = entry->time;
	if (entry->kind == FREQ_RECORD_ALLOCATED)
		record->time += place->item;
	record->frequency = item->frequency;
	record->grant = item->grant & ~FREQ_LOG_KEEP;
	record->value = entry->value;
	record->kind = entry->kind;
	record->flags = entry->flags |
			(item->grant & FREQ_LOG_KEEP ? FREQ_RECORD_KEEP : 0);
	set_numbers(record, numbers, entry->uid, entry->pid);
	memcpy(record->label, entry->label, sizeof(record->label));
}

static void describe_present(struct freq_record *record,
			     const struct freq_state *state,
			     const struct freq_call *call, u32 index)
{
	const struct freq_slot *slot = freq_pool_slot(&state->pool, index);
	const struct freq_holder *holder = freq_state_holder(state, slot);
	struct numbers numbers = { .uid = INVALID_UID };

	record->frequency = slot->number;
	record->grant = freq_state_grant(state, index);
	record->time = freq_grant_since(call, record->grant);
	record->kind = FREQ_RECORD_ALLOCATED;
	if (slot->owner & FREQ_OWNER_KEEP)
		record->flags |= FREQ_RECORD_KEEP;
	set_numbers(record, &numbers, holder->uid, holder->pid);
	memcpy(record->label, holder->label, sizeof(record->label));
}

/**
 * struct reading - records that are read
 * @state: the state
 * @call: the read
 * @subscription: the subscription
 * @place: how far it has come; that of the subscription, once it has them
 * @filled: how many there are in the call's buffer
 * @count: how many there is room for
 * @left: how much may be looked at in this hold
 */
struct reading {
	struct freq_state *state;
	struct freq_call *call;
	struct freq_subscription *subscription;
	struct freq_place place;
	u32 filled;
	u32 count;
	u32 left;
};

/* The next record of a page, zeroed, with what all have in common */
static struct freq_record *next_record(struct reading *reading)
{
	u32 size = reading->subscription->record_size;
	struct freq_record *record;

	record = reading->call->buffer + reading->filled++ * size;
	memset(record, 0, size);
	record->sequence = reading->state->log->sequence;
	record->flags = FREQ_RECORD_PRESENT;
	return record;
}

/* What is allocated at present; the order of the numbers is up to date. */
static void fill_present(struct reading *reading)
{
	const struct freq_pool *pool = &reading->state->pool;
	u64 wanted = reading->place.present;
	const struct freq_slot *slot;
	u32 rank;

	rank = freq_pool_rank(pool, wanted);
	for (; (slot = freq_pool_ranked(pool, rank)); rank++) {
		reading->place.present = slot->number;
		if (reading->filled == reading->count || !reading->left)
			return;
		reading->left--;
		if (!find_wanted(reading->subscription, slot->number, &wanted))
			break;
		if (wanted != slot->number) {
			rank = freq_pool_rank(pool, wanted) - 1;
			continue;
		}
		if (!freq_state_holder(reading->state, slot))
			continue;
		describe_present(next_record(reading), reading->state,
				 reading->call, freq_pool_index(pool, rank));
	}
	reading->place.phase = FREQ_PRESENT_END;
}

static void fill_present_end(struct reading *reading)
{
	struct freq_record *record = next_record(reading);

	record->kind = FREQ_RECORD_PRESENT_END;
	record->time = freq_grant_now(reading->call);
	reading->place.phase = FREQ_PRESENT_NONE;
}

static void fill_log(struct reading *reading)
{
	u32 size = reading->subscription->record_size;
	struct freq_log *log = reading->state->log;
	struct numbers numbers = { .uid = INVALID_UID };
	struct freq_log_entry *entry;
	struct freq_record *record;

	for (; reading->filled < reading->count; reading->filled++) {
		if (!reading->left)
			break;
		entry = find_next(log, reading->subscription, &reading->place,
				  &reading->left);
		if (!entry)
			break;
		record = reading->call->buffer + reading->filled * size;
		if (unlikely(size > sizeof(*record)))
			memset(record, 0, size);
		describe(record, entry, &reading->place, &numbers);
		reading->place.sequence++;
		reading->place.item++;
		reading->place.lost = 0;
	}
}

static void fill(struct reading *reading)
{
	if (unlikely(reading->place.phase == FREQ_PRESENT_SOME))
		fill_present(reading);
	if (unlikely(reading->place.phase == FREQ_PRESENT_END) &&
	    reading->filled < reading->count)
		fill_present_end(reading);
	if (likely(reading->place.phase == FREQ_PRESENT_NONE))
		fill_log(reading);
}

static int sleep(struct freq_state *state, struct freq_call *call,
		 struct freq_subscription *subscription)
{
	freq_subscription_idle(state->log, subscription);
	if (!freq_call_may_wait(call))
		return -EAGAIN;
	list_add_tail(&call->link, &subscription->calls);
	call->progress[0] = READ_SLEEPS;
	return freq_door_sleep(call, KTIME_MAX, CLOCK_MONOTONIC);
}

/* With a buffer for the reading. */
static int read(struct reading *reading)
{
	struct freq_subscription *subscription = reading->subscription;
	struct freq_call *call = reading->call;
	u32 size;
	int ret;

	fill(reading);
	size = reading->filled * subscription->record_size;
	if (size) {
		ret = freq_door_copy_out(call, 0, call->buffer, size);
		if (ret)
			return ret;
	}
	subscription->place = reading->place;
	if (!size && !reading->left)
		return FREQ_WANT_AGAIN;
	if (!size)
		return sleep(reading->state, call, subscription);
	if (reading->filled < reading->count && reading->left)
		freq_subscription_idle(reading->state->log, subscription);
	call->result = size;
	return 0;
}

/**
 * freq_record_read() - FREQ_OP_READ
 * @data: the state
 * @call: the call; the first word of its progress is used
 *
 * Return: as an operation; -EINVAL without a subscription, or without room for
 * a record; -EAGAIN if there is none, and the call may not wait; -ERESTARTSYS
 * or -EINTR by a signal; -ENOMEM.
 */
int freq_record_read(void *data, struct freq_call *call)
{
	struct reading reading = {
		.state = data,
		.call = call,
		.left = LOOK_STEP,
	};
	u32 size;

	if (call->progress[0] == READ_SLEEPS) {
		list_del_init(&call->link);
		call->progress[0] = READ_AWAKE;
	}
	if (call->status)
		return call->status;
	reading.subscription = freq_subscription_find(reading.state,
						      call->client);
	if (!reading.subscription)
		return -EINVAL;
	reading.place = reading.subscription->place;
	if (reading.place.phase == FREQ_PRESENT_SOME &&
	    !freq_pool_sort(&reading.state->pool))
		return FREQ_WANT_AGAIN;
	size = reading.subscription->record_size;
	reading.count = min_t(u32, call->text_size / size, READ_MAX);
	if (!reading.count)
		return -EINVAL;
	if (call->buffer_size < reading.count * size) {
		call->want = reading.count * size;
		return FREQ_WANT_BUFFER;
	}
	return read(&reading);
}

/**
 * freq_record_is_there() - test whether there is something to read
 * @state: the state
 * @subscription: the subscription; goes on to it
 * @left: how many records may be looked at, not 0; counted down
 *
 * Return: true if there is; false, with @left 0, if not so far.
 */
bool freq_record_is_there(struct freq_state *state,
			  struct freq_subscription *subscription, u32 *left)
{
	struct freq_place *place = &subscription->place;

	return place->phase != FREQ_PRESENT_NONE ||
	       find_next(state->log, subscription, place, left);
}

/**
 * freq_record_poll() - FREQ_OP_POLL
 * @data: the state
 * @call: the call
 *
 * Return: 0; or FREQ_WANT_AGAIN.
 */
int freq_record_poll(void *data, struct freq_call *call)
{
	struct freq_state *state = data;
	struct freq_subscription *subscription =
		freq_subscription_find(state, call->client);
	u32 left = LOOK_STEP;

	/* Without one, read() fails at once. */
	if (!subscription ||
	    freq_record_is_there(state, subscription, &left)) {
		call->result = (__force u32)(EPOLLIN | EPOLLRDNORM);
		return 0;
	}
	if (!left && !call->status)
		return FREQ_WANT_AGAIN;
	freq_subscription_idle(state->log, subscription);
	return 0;
}
