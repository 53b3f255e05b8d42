// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random requests and upgrades: a model predicts each record, field by field.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "sleeper.h"
#include "stream.h"

/* ---- The model */

#define MODEL_STEPS	2000
#define MODEL_CLIENTS	12
#define MODEL_SLOTS	64
#define MODEL_POOL	"frequencies=100-123"
#define FOLLOWERS	3
#define OPENERS		3

/**
 * struct model_client - expected state of a client
 * @fd: the client; -1: closed
 * @uid: its user
 * @pid: its process
 * @label: its label
 * @waiter: its thread that waits for a frequency; NULL: none
 */
struct model_client {
	int fd;
	uid_t uid;
	pid_t pid;
	__u8 label[FREQ_LABEL_MAX];
	struct sleeper *waiter;
};

/**
 * struct model_slot - expected state of a frequency
 * @frequency: the frequency
 * @allocated: it is not free
 * @keep: allocated with FREQ_ALLOCATE_KEEP
 * @holder: index of the client; -1: closed
 * @uid: its user
 * @grant: number of the grant; 0: not known yet
 * @since: time of the allocation; 0: not known yet
 */
struct model_slot {
	__u64 frequency;
	bool allocated;
	bool keep;
	int holder;
	uid_t uid;
	__u64 grant;
	__s64 since;
};

/**
 * struct expected - an expected record
 * @record: its fields, except sequence and lost; @record.grant and
 *	@record.time are 0 if unknown
 * @earliest: lower bound of an unknown time
 * @latest: upper bound of an unknown time
 * @group: consecutive records of one group can be in any order; 0: no group
 */
struct expected {
	struct freq_record record;
	__s64 earliest;
	__s64 latest;
	__u32 group;
};

/**
 * struct follower - a subscriber with a filter
 * @fd: the client, nonblocking
 * @subscribe: its subscription
 * @next: index of the next record of the history to compare
 */
struct follower {
	int fd;
	struct freq_subscribe subscribe;
	size_t next;
};

/**
 * struct model - expected state of the server, and expected records
 * @release: the running release
 * @seed: state of the random numbers
 * @openers: child processes that open clients
 * @uids: their users
 * @clients: clients
 * @slots: the pool
 * @nr_slots: its size
 * @fresh: the next frequency to inject
 * @grant: the highest number of a grant so far
 * @entries: the last LIST_GRANTS
 * @watch: a client for INFO and LIST_GRANTS
 * @reader: a subscriber to all records, nonblocking
 * @base: sequence of the first expected record; 0: none was read yet
 * @expected: all expected records, in order
 * @history: the records read by @reader
 * @nr_expected: number of expected records
 * @nr_read: number of records read by @reader
 * @room: capacity of both arrays
 * @begun: time before the current step
 * @group: number of the last group
 * @followers: subscribers with filters
 */
struct model {
	const char *release;
	__u64 seed;
	struct child openers[OPENERS];
	uid_t uids[OPENERS];
	struct model_client clients[MODEL_CLIENTS];
	struct model_slot slots[MODEL_SLOTS];
	int nr_slots;
	__u64 fresh;
	__u64 grant;
	struct freq_grant_entry entries[MODEL_SLOTS];
	int watch;
	int reader;
	__u64 base;
	struct expected *expected;
	struct freq_record *history;
	size_t nr_expected;
	size_t nr_read;
	size_t room;
	__s64 begun;
	__u32 group;
	struct follower followers[FOLLOWERS];
};

static const struct freq_span follower_spans[] = {
	{ 105, 110 }, { 118, 118 }, { 130, 1000 },
};

static const struct freq_subscribe follower_filters[FOLLOWERS] = {
	{
		.kinds = KIND(ALLOCATED) | KIND(DEALLOCATED),
		.span_count = ARRAY_SIZE(follower_spans),
		.record_size = sizeof(struct freq_record),
	},
	{
		.kinds = KIND(WAITING) | KIND(INJECTED) | KIND(UPGRADED),
		.span_count = 2,
		.record_size = 128,
	},
	{
		.kinds = ALL_KINDS,
		.record_size = FREQ_RECORD_SIZE_MAX,
	},
};

static __u64 draw(struct model *model, __u64 limit)
{
	return random_below(&model->seed, limit);
}

static bool knows_grants(const struct model *model)
{
	return release_number(model->release) >= 3;
}

static struct model_slot *slot_of(struct model *model, __u64 frequency)
{
	int i;

	for (i = 0; i < model->nr_slots; i++) {
		if (model->slots[i].frequency == frequency)
			return &model->slots[i];
	}
	return NULL;
}

static int compare_slots(const void *a, const void *b)
{
	const struct model_slot *one = a, *other = b;

	return (one->frequency > other->frequency) -
	       (one->frequency < other->frequency);
}

/* ---- Expected records */

static struct freq_record *expect(struct model *model, __u32 kind)
{
	struct expected *expected;

	if (model->nr_expected == model->room) {
		model->room = 2 * model->room + 1024;
		model->expected = realloc(model->expected, model->room *
					  sizeof(*model->expected));
		model->history = realloc(model->history, model->room *
					 sizeof(*model->history));
		if (!model->expected || !model->history)
			abort();
	}
	expected = &model->expected[model->nr_expected++];
	*expected = (struct expected) {
		.record.kind = kind,
		.earliest = model->begun,
	};
	return &expected->record;
}

static void set_client(struct freq_record *record,
		       const struct model_client *client)
{
	record->uid = client->uid;
	record->pid = client->pid;
	memcpy(record->label, client->label, sizeof(record->label));
}

static void set_slot(const struct model *model, struct freq_record *record,
		     const struct model_slot *slot)
{
	record->frequency = slot->frequency;
	record->grant = slot->grant;
	record->flags = slot->keep ? FREQ_RECORD_KEEP : 0;
	record->uid = slot->uid;
	if (slot->holder >= 0)
		set_client(record, &model->clients[slot->holder]);
}

static const struct freq_grant_entry *entry_of(const struct model *model,
					       __u64 frequency)
{
	int i;

	for (i = 0; i < model->nr_slots; i++) {
		if (model->entries[i].frequency == frequency)
			return &model->entries[i];
	}
	return NULL;
}

static int model_look(struct model *model)
{
	struct freq_list_grants list = {
		.entries = (uintptr_t)model->entries,
		.count = MODEL_SLOTS,
		.entry_size = sizeof(*model->entries),
	};

	if (!knows_grants(model))
		return 0;
	return differ(0, try_list_grants(model->watch, &list)) ||
	       differ(model->nr_slots, list.count) || differ(0, list.cursor);
}

/* Takes an unknown grant and time from the record. */
static void model_learn(struct model *model, const struct freq_record *seen)
{
	struct model_slot *slot = slot_of(model, seen->frequency);

	slot->grant = seen->grant;
	slot->since = seen->time;
	model->grant = seen->grant;
}

/* A client has allocated it. @grant: number in the reply; 0: none */
static int model_obtain(struct model *model, int client, __u64 frequency,
			bool keep, __u64 grant)
{
	struct model_slot *slot = slot_of(model, frequency);
	const struct freq_grant_entry *entry;
	struct freq_record *record;

	if (fails(slot) || fails(!slot->allocated))
		return -1;
	slot->allocated = true;
	slot->keep = keep;
	slot->holder = client;
	slot->uid = model->clients[client].uid;
	slot->grant = 0;
	slot->since = 0;
	if (knows_grants(model)) {
		entry = entry_of(model, frequency);
		if (fails(entry) || fails(entry->grant > model->grant) ||
		    (grant && differ(grant, entry->grant)))
			return -1;
		slot->grant = entry->grant;
		slot->since = entry->since;
		model->grant = entry->grant;
	}
	record = expect(model, FREQ_RECORD_ALLOCATED);
	set_slot(model, record, slot);
	record->time = slot->since;
	return 0;
}

/* It is freed. */
static void model_give_back(struct model *model, struct model_slot *slot,
			    __u32 flags)
{
	struct freq_record *record = expect(model, FREQ_RECORD_DEALLOCATED);

	set_slot(model, record, slot);
	record->flags |= flags;
	slot->allocated = false;
}

/* The expected result of a deallocation, with CAP_SYS_ADMIN */
static int may_give_back(const struct model_slot *slot, int client)
{
	if (!slot || !slot->allocated)
		return -ENOENT;
	return slot->holder == client || slot->keep ? 0 : -EPERM;
}

static __u32 nr_waiting(const struct model *model)
{
	__u32 count = 0;
	int i;

	for (i = 0; i < MODEL_CLIENTS; i++)
		count += !!model->clients[i].waiter;
	return count;
}

/* The client whose waiter has returned with this grant; -1: none */
static int find_served(const struct model *model,
		       const struct freq_grant_entry *entry)
{
	const struct sleeper *waiter;
	int i;

	for (i = 0; i < MODEL_CLIENTS; i++) {
		waiter = model->clients[i].waiter;
		if (waiter && is_done(waiter) && !waiter->result &&
		    waiter->at->frequency == entry->frequency &&
		    waiter->at->grant == entry->grant)
			return i;
	}
	return -1;
}

/* The lowest grant that is new to the model */
static const struct freq_grant_entry *next_grant(const struct model *model)
{
	const struct freq_grant_entry *entry, *next = NULL;
	int i;

	for (i = 0; i < model->nr_slots; i++) {
		entry = &model->entries[i];
		if (entry->grant > model->grant &&
		    (!next || entry->grant < next->grant))
			next = entry;
	}
	return next;
}

/* Updates the model for the waiters that the last request has served. */
static int model_serve(struct model *model)
{
	const struct freq_grant_entry *entry;
	struct sleeper *waiter;
	int client;

	while ((entry = next_grant(model))) {
		if (fails(wait_until(find_served(model, entry) >= 0)))
			return -1;
		client = find_served(model, entry);
		waiter = model->clients[client].waiter;
		model->clients[client].waiter = NULL;
		if (!ended(waiter, 0) ||
		    model_obtain(model, client, entry->frequency,
				 waiter->argument.flags & FREQ_ALLOCATE_KEEP,
				 entry->grant))
			return -1;
	}
	return knows_grants(model) &&
	       differ(nr_waiting(model), waiters_of(model->watch));
}

/* ---- Comparison */

/* Within a group, moves the record of this frequency to the front. */
static void choose_of_group(struct model *model, size_t index,
			    __u64 frequency)
{
	struct expected *first = &model->expected[index], *other = first;
	const struct expected *end = model->expected + model->nr_expected;
	struct expected swap = *first;

	while (first->group && other < end && other->group == first->group) {
		if (other->record.frequency == frequency) {
			*first = *other;
			*other = swap;
			return;
		}
		other++;
	}
}

static int model_compare(struct model *model, const struct freq_record *seen)
{
	size_t index = model->nr_read;
	const struct expected *next;
	struct freq_record want;

	if (fails(index < model->nr_expected))
		return -1;
	choose_of_group(model, index, seen->frequency);
	next = &model->expected[index];
	want = next->record;
	if (!model->base)
		model->base = seen->sequence;
	want.sequence = model->base + index;
	if (!want.time) {
		if (fails(seen->time >= next->earliest) ||
		    fails(seen->time <= next->latest)) {
			fprintf(stderr, "# kind %u: %lld, not from %lld to %lld\n",
				seen->kind, seen->time, next->earliest,
				next->latest);
			return -1;
		}
		want.time = seen->time;
	}
	if (has_grant(&want) && !want.grant) {
		if (fails(seen->grant > model->grant))
			return -1;
		model_learn(model, seen);
		want.grant = seen->grant;
	}
	if (memcmp(&want, seen, sizeof(want))) {
		differ(want.sequence, seen->sequence);
		differ(want.lost, seen->lost);
		differ(want.time, seen->time);
		want.pid = want.pid ?: NO_PID;
		check_record(seen, want);
		return -1;
	}
	model->history[index] = *seen;
	model->nr_read++;
	return 0;
}

/* Reads and compares all unread records. */
static int model_read(struct model *model)
{
	struct freq_record records[READ_MAX];
	int count, i;

	while ((count = try_read_records(model->reader, records, 1 +
					 draw(model, READ_MAX))) > 0) {
		for (i = 0; i < count; i++) {
			if (model_compare(model, &records[i]))
				return -1;
		}
	}
	return differ(-EAGAIN, count) ||
	       differ(model->nr_expected, model->nr_read);
}

static bool passes(const struct freq_subscribe *filter,
		   const struct freq_record *record)
{
	__u32 i;

	if (!(filter->kinds & 1U << record->kind))
		return false;
	if (!filter->span_count || record->kind == FREQ_RECORD_INJECTED ||
	    record->kind == FREQ_RECORD_UPGRADED ||
	    record->flags & FREQ_RECORD_ANY)
		return true;
	for (i = 0; i < filter->span_count; i++) {
		if (record->frequency >= follower_spans[i].first &&
		    record->frequency <= follower_spans[i].last)
			return true;
	}
	return false;
}

/* The next record that passes the filter of the follower; NULL: none */
static const struct freq_record *follower_next(const struct model *model,
					       struct follower *follower)
{
	while (follower->next < model->nr_read) {
		const struct freq_record *record =
			&model->history[follower->next++];

		if (passes(&follower->subscribe, record))
			return record;
	}
	return NULL;
}

static bool is_zero(const char *bytes, size_t size)
{
	while (size--) {
		if (*bytes++)
			return false;
	}
	return true;
}

/* One read(); with @all, until EAGAIN */
static int follower_read(struct model *model, struct follower *follower,
			 bool all)
{
	static char room[READ_MAX * FREQ_RECORD_SIZE_MAX];
	const size_t size = follower->subscribe.record_size;
	const struct freq_record *want;
	ssize_t got, at;

	do {
		got = read(follower->fd, room,
			   size * (1 + draw(model, READ_MAX)));
		if (got < 0)
			return differ(EAGAIN, errno) ||
			       fails(!follower_next(model, follower));
		if (differ(0, got % size))
			return -1;
		for (at = 0; at < got; at += size) {
			want = follower_next(model, follower);
			if (fails(want) ||
			    fails(!memcmp(want, room + at, sizeof(*want))) ||
			    fails(is_zero(room + at + sizeof(*want),
					  size - sizeof(*want))))
				return -1;
		}
	} while (all);
	return 0;
}

/* FREQ_SUBSCRIBE_PRESENT reports the state of the model. */
static int model_check_present(struct model *model)
{
	struct freq_record record, want;
	struct model_slot *slot;
	int fd, i;

	if (!knows_grants(model))
		return 0;
	fd = open_reader(O_NONBLOCK);
	if (fails(fd >= 0) ||
	    differ(0, try_subscribe_to(fd, ALL_KINDS,
				       FREQ_SUBSCRIBE_PRESENT)))
		return -1;
	qsort(model->slots, model->nr_slots, sizeof(*model->slots),
	      compare_slots);
	for (i = 0; i < model->nr_slots; i++) {
		slot = &model->slots[i];
		if (!slot->allocated)
			continue;
		want = (struct freq_record) {
			.kind = FREQ_RECORD_ALLOCATED,
		};
		set_slot(model, &want, slot);
		want.flags |= FREQ_RECORD_PRESENT;
		want.time = slot->since;
		if (differ(1, try_read_records(fd, &record, 1)))
			return -1;
		want.sequence = model->nr_expected ?
			model->base + model->nr_expected - 1 :
			record.sequence;
		if (fails(!memcmp(&want, &record, sizeof(want)))) {
			check_record(&record, want);
			return -1;
		}
	}
	if (differ(1, try_read_records(fd, &record, 1)) ||
	    differ(FREQ_RECORD_PRESENT_END, record.kind) ||
	    (model->nr_expected &&
	     differ(model->base + model->nr_expected - 1, record.sequence)) ||
	    differ(-EAGAIN, try_read_records(fd, &record, 1)))
		return -1;
	close(fd);
	return 0;
}

/* ---- Random steps */

/* A random client that does not wait; -1: none */
static int any_client(struct model *model)
{
	int first = draw(model, MODEL_CLIENTS), i, client;

	for (i = 0; i < MODEL_CLIENTS; i++) {
		client = (first + i) % MODEL_CLIENTS;
		if (model->clients[client].fd >= 0 &&
		    !model->clients[client].waiter)
			return client;
	}
	return -1;
}

/* Opens clients on request, and passes the descriptors. */
static int open_for_model(int line, void *data)
{
	uid_t *uid = data;
	int fd, error;

	if (*uid && differ(0, become(*uid)))
		return -1;
	while ((error = line_hear(line, 'o')) != -EPIPE) {
		if (error == -ETIMEDOUT)
			continue;
		fd = open_client();
		if (error || fails(fd >= 0) || line_send_fd(line, fd))
			return -1;
		close(fd);
		if (line_say(line, 'k'))
			return -1;
	}
	return 0;
}

/* Opened by a random process. Returns the index, or -1. */
static int model_open(struct model *model)
{
	int opener = draw(model, OPENERS + 1), client = 0;
	struct model_client *opened;

	while (client < MODEL_CLIENTS && model->clients[client].fd >= 0)
		client++;
	if (client == MODEL_CLIENTS)
		return -1;
	opened = &model->clients[client];
	*opened = (struct model_client) { .pid = getpid() };
	if (opener == OPENERS) {
		opened->fd = open_client();
	} else {
		int line = model->openers[opener].line;

		opened->uid = model->uids[opener];
		opened->pid = model->openers[opener].pid;
		if (differ(0, line_say(line, 'o')))
			return -1;
		opened->fd = line_receive_fd(line);
		if (differ(0, line_hear(line, 'k')))
			return -1;
	}
	return fails(opened->fd >= 0) ? -1 : client;
}

static int model_relabel(struct model *model, int client)
{
	struct model_client *relabelled = &model->clients[client];
	char text[FREQ_LABEL_MAX + 1] = "";

	snprintf(text, sizeof(text), "%llx", random_next(&model->seed));
	text[draw(model, 17)] = '\0';
	if (!knows_grants(model))
		return differ(-ENOTTY, try_client_label(relabelled->fd, text));
	memset(relabelled->label, 0, sizeof(relabelled->label));
	memcpy(relabelled->label, text, strlen(text));
	return differ(0, try_client_label(relabelled->fd, text));
}

static int nr_free(const struct model *model)
{
	int count = 0, i;

	for (i = 0; i < model->nr_slots; i++)
		count += !model->slots[i].allocated;
	return count;
}

static int model_allocate(struct model *model, int client)
{
	struct freq_allocate_v3 allocate = {
		.flags = draw(model, 4) ? 0 : FREQ_ALLOCATE_KEEP,
	};
	int fd = model->clients[client].fd;
	int want = nr_free(model) ? 0 : -ENOSPC;

	if (draw(model, 2) || !knows_grants(model)) {
		if (differ(want, try_allocate(fd, allocate.flags,
					      &allocate.frequency)))
			return -1;
	} else {
		/* A deadline makes no difference if a frequency is free. */
		if (!want && draw(model, 2))
			allocate.deadline = FREQ_FOR_EVER;
		if (differ(want, try_allocate_v3(fd, &allocate)))
			return -1;
	}
	return !want && (model_look(model) ||
			 model_obtain(model, client, allocate.frequency,
				      allocate.flags, allocate.grant));
}

static __u64 any_frequency(struct model *model)
{
	return model->slots[draw(model, model->nr_slots)].frequency;
}

static int model_allocate_exact(struct model *model, int client)
{
	struct freq_allocate_v3 allocate = {
		.frequency = draw(model, 10) ? any_frequency(model) : 99,
		.flags = FREQ_ALLOCATE_EXACT |
			 (draw(model, 4) ? 0 : FREQ_ALLOCATE_KEEP),
	};
	struct model_slot *slot = slot_of(model, allocate.frequency);
	int want = !slot ? -ENOENT : slot->allocated ? -EBUSY : 0;

	if (!knows_grants(model))
		want = -EINVAL;
	if (differ(want, try_allocate_v3(model->clients[client].fd,
					 &allocate)))
		return -1;
	return !want && (model_look(model) ||
			 model_obtain(model, client, slot->frequency,
				      allocate.flags & FREQ_ALLOCATE_KEEP,
				      allocate.grant));
}

static int model_allocate_batch(struct model *model, int client)
{
	__u32 flags = draw(model, 4) ? 0 : FREQ_ALLOCATE_KEEP;
	__u32 count = 1 + draw(model, 6), i;
	int want = nr_free(model) >= count ? 0 : -ENOSPC;
	__u64 list[6];

	if (differ(want, try_allocate_batch(model->clients[client].fd, flags,
					    list, count)))
		return -1;
	if (!want && model_look(model))
		return -1;
	for (i = 0; !want && i < count; i++) {
		if (model_obtain(model, client, list[i], flags, 0))
			return -1;
	}
	return 0;
}

static int model_deallocate(struct model *model, int client)
{
	__u64 frequency = draw(model, 20) ? any_frequency(model) : 99;
	struct model_slot *slot = slot_of(model, frequency);
	int fd = model->clients[client].fd;
	int want = may_give_back(slot, client);
	bool by_grant = draw(model, 2) && knows_grants(model);

	if (by_grant && want != -ENOENT && !draw(model, 4))
		return differ(-ESTALE, try_deallocate_grant(fd, frequency,
							    slot->grant - 1));
	if (differ(want, by_grant && slot ?
			 try_deallocate_grant(fd, frequency, slot->grant) :
			 try_deallocate(fd, frequency)))
		return -1;
	if (want)
		return 0;
	model_give_back(model, slot, 0);
	return model_look(model) || model_serve(model);
}

static int model_deallocate_batch(struct model *model, int client)
{
	__u64 list[MODEL_SLOTS];
	__u32 count = 0, i;

	for (i = 0; i < model->nr_slots; i++) {
		if (!may_give_back(&model->slots[i], client) &&
		    draw(model, 2))
			list[count++] = model->slots[i].frequency;
	}
	if (!count)
		return 0;
	shuffle(list, count, &model->seed);
	if (differ(0, try_deallocate_batch(model->clients[client].fd, list,
					   count, NULL)))
		return -1;
	for (i = 0; i < count; i++)
		model_give_back(model, slot_of(model, list[i]), 0);
	return model_look(model) || model_serve(model);
}

static int model_close(struct model *model, int client)
{
	struct model_slot *slot;
	int i;

	model->group++;
	for (i = 0; i < model->nr_slots; i++) {
		slot = &model->slots[i];
		if (!slot->allocated || slot->holder != client)
			continue;
		if (slot->keep) {
			slot->holder = -1;
			continue;
		}
		model_give_back(model, slot, FREQ_RECORD_CLOSED);
		model->expected[model->nr_expected - 1].group = model->group;
	}
	close(model->clients[client].fd);
	model->clients[client].fd = -1;
	return model_look(model) || model_serve(model);
}

static int model_inject(struct model *model, int client)
{
	__u32 count = 1 + draw(model, 3), i;
	struct freq_record *record;
	__u64 list[3];

	if (model->nr_slots + count > MODEL_SLOTS)
		return 0;
	for (i = 0; i < count; i++) {
		list[i] = model->fresh++;
		model->slots[model->nr_slots++] = (struct model_slot) {
			.frequency = list[i],
		};
	}
	shuffle(list, count, &model->seed);
	if (differ(0, try_inject(model->clients[client].fd, list, count,
				 NULL)))
		return -1;
	record = expect(model, FREQ_RECORD_INJECTED);
	set_client(record, &model->clients[client]);
	record->frequency = list[0];
	record->value = count;
	return model_look(model) || model_serve(model);
}

/* A new client waits for an allocated frequency, or for any. */
static int model_wait(struct model *model)
{
	struct model_slot *slot = &model->slots[draw(model, model->nr_slots)];
	struct freq_allocate_v3 argument = FOR_EXACT(slot->frequency);
	struct model_client *client;
	struct freq_record *record;
	int index;

	if (!knows_grants(model) || nr_waiting(model) > 4 || !slot->allocated)
		return 0;
	if (!nr_free(model) && draw(model, 4))
		argument = FOR_ANY;
	if (!draw(model, 3))
		argument.flags |= FREQ_ALLOCATE_KEEP;
	if (draw(model, 2))
		argument.deadline -= draw(model, 1ULL << 40);
	index = model_open(model);
	if (index < 0)
		return 0;
	client = &model->clients[index];
	if (draw(model, 2) && model_relabel(model, index))
		return -1;
	client->waiter = waiter_start(client->fd, argument);
	if (fails(client->waiter) || fails(!is_done(client->waiter)))
		return -1;
	record = expect(model, FREQ_RECORD_WAITING);
	set_client(record, client);
	record->value = argument.deadline;
	if (argument.flags & FREQ_ALLOCATE_EXACT)
		record->frequency = argument.frequency;
	else
		record->flags = FREQ_RECORD_ANY;
	if (argument.flags & FREQ_ALLOCATE_KEEP)
		record->flags |= FREQ_RECORD_KEEP;
	return differ(nr_waiting(model), waiters_of(model->watch));
}

/* A signal ends a wait without a record. */
static int model_interrupt(struct model *model)
{
	int index = draw(model, MODEL_CLIENTS);
	struct model_client *client = &model->clients[index];
	struct sleeper *waiter = client->waiter;

	if (client->fd < 0 || !waiter)
		return 0;
	client->waiter = NULL;
	return differ(0, pthread_kill(waiter->thread, SIGUSR1)) ||
	       fails(ended(waiter, -EINTR));
}

/* Releases 1 and 2 refuse to take over from a server with waiters. */
static int model_upgrade(struct model *model)
{
	static const char * const releases[] = {
		"freq_v2", "freq_v3", "freq_v90",
	};
	const char *to = releases[draw(model, ARRAY_SIZE(releases))];

	if (to == model->release || (to == releases[0] && nr_waiting(model)))
		return 0;
	if (differ(0, server_upgrade(model->release, to)))
		return -1;
	model->release = to;
	expect(model, FREQ_RECORD_UPGRADED)->value = release_number(to);
	return model_look(model);
}

static int model_act(struct model *model)
{
	__u64 action = draw(model, 80);
	int client = any_client(model);

	if (action >= 78)
		return model_upgrade(model);
	if (action >= 70)
		return model_wait(model);
	if (action >= 68)
		return model_interrupt(model);
	if (client < 0 || action >= 64)
		return model_open(model) < -1;
	if (action >= 61)
		return model_close(model, client);
	if (action >= 58)
		return model_relabel(model, client);
	if (action >= 56)
		return model_inject(model, client);
	if (action >= 50)
		return model_deallocate_batch(model, client);
	if (action >= 44)
		return model_allocate_batch(model, client);
	if (action >= 24)
		return model_deallocate(model, client);
	if (action >= 14)
		return model_allocate_exact(model, client);
	return model_allocate(model, client);
}

static int model_step(struct model *model)
{
	size_t before = model->nr_expected;
	int i;

	model->begun = boottime_coarse_ns() - tick_ns();
	if (model_act(model))
		return -1;
	for (; before < model->nr_expected; before++)
		model->expected[before].latest = boottime_ns() + tick_ns();
	/* Without LIST_GRANTS, grants are known from the records only. */
	if (!knows_grants(model) || !draw(model, 5)) {
		if (model_read(model))
			return -1;
		for (i = 0; i < FOLLOWERS; i++) {
			if (!draw(model, 4) &&
			    follower_read(model, &model->followers[i],
					  draw(model, 2)))
				return -1;
		}
	}
	return !draw(model, 40) &&
	       (model_read(model) || model_check_present(model));
}

static int model_start(struct model *model, __u64 seed)
{
	int i;

	model->release = "freq_v3";
	model->seed = seed;
	model->fresh = 200;
	for (i = 0; i < MODEL_CLIENTS; i++)
		model->clients[i].fd = -1;
	for (i = 0; i < 24; i++)
		model->slots[model->nr_slots++].frequency = 100 + i;
	model->uids[1] = USER_A;
	model->uids[2] = USER_B;
	for (i = 0; i < OPENERS; i++) {
		if (differ(0, child_start(&model->openers[i], open_for_model,
					  &model->uids[i])))
			return -1;
	}
	model->watch = open_client();
	model->reader = open_reader(O_NONBLOCK);
	if (fails(model->watch >= 0) || fails(model->reader >= 0) ||
	    differ(0, try_subscribe_to(model->reader, ALL_KINDS, 0)))
		return -1;
	for (i = 0; i < FOLLOWERS; i++) {
		struct follower *follower = &model->followers[i];

		follower->fd = open_reader(O_NONBLOCK);
		follower->subscribe = follower_filters[i];
		follower->subscribe.spans = (uintptr_t)follower_spans;
		if (fails(follower->fd >= 0) ||
		    differ(0, try_subscribe(follower->fd,
					    &follower->subscribe)))
			return -1;
	}
	return 0;
}

/* Reads all unread records of all subscribers. */
static int model_finish(struct model *model)
{
	int i;

	if (model_read(model))
		return -1;
	for (i = 0; i < FOLLOWERS; i++) {
		if (follower_read(model, &model->followers[i], true))
			return -1;
	}
	return 0;
}

FIXTURE(model) {
	struct model *model;
	int log;
};

FIXTURE_VARIANT(model) {
	__u64 seed;
};

FIXTURE_VARIANT_ADD(model, seed_1) { .seed = 1 };
FIXTURE_VARIANT_ADD(model, seed_2) { .seed = 2 };
FIXTURE_VARIANT_ADD(model, seed_3) { .seed = 3 };

SHORT_VARIANTS(model, "seed_1")

FIXTURE_SETUP(model)
{
	ASSERT_EQ(0, handle_signals());
	ASSERT_EQ(0, server_start("freq_v3", MODEL_POOL));
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	self->model = calloc(1, sizeof(*self->model));
	ASSERT_NE(NULL, self->model);
	ASSERT_EQ(0, model_start(self->model, variant->seed));
}

FIXTURE_TEARDOWN(model)
{
	EXPECT_TRUE(sleepers_end());
	EXPECT_EQ(0, test_clean());
}

TEST_F_TIMEOUT(model, records, 120)
{
	struct model *model = self->model;
	int kinds[FREQ_RECORD_PRESENT_END] = { };
	size_t i;

	for (i = 0; i < MODEL_STEPS; i++) {
		ASSERT_EQ(0, model_step(model)) {
			TH_LOG("seed %llu, step %zu", variant->seed, i);
		}
	}
	ASSERT_EQ(0, model_finish(model));
	for (i = 0; i < model->nr_read; i++)
		kinds[model->history[i].kind]++;
	TH_LOG("%d allocated, %d deallocated, %d injected, %d waiting, %d upgraded",
	       kinds[FREQ_RECORD_ALLOCATED], kinds[FREQ_RECORD_DEALLOCATED],
	       kinds[FREQ_RECORD_INJECTED], kinds[FREQ_RECORD_WAITING],
	       kinds[FREQ_RECORD_UPGRADED]);
	/* The seed covers each kind. */
	for (i = 0; i < FREQ_RECORD_PRESENT_END; i++)
		EXPECT_LT(5, kinds[i]);
	EXPECT_TRUE(log_silent(self->log));
}

TEST_HARNESS_MAIN
