// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test users of services of the door that no other release uses yet: sleep and
 * wake, read, write, poll, the timer, a refused open, a close in slices,
 * fdinfo, store, and words that outlive a stop.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/string.h>

#include "state/record.h"
#include "state/state.h"
#include "state/subscription.h"
#include "knobs.h"
#include "release_v90.h"
#include "services.h"

/* Slices per close of a client, each in a lock hold of its own */
#define SLICES 3

/* Index of the word that counts opens */
#define WORD_OPENS (FREQ_DOOR_WORDS - 1)

/**
 * freq_services_sleep_now() - test for sleeping calls
 * @state: the state
 *
 * Context: under the server's mutex.
 * Return: true if at least one call sleeps.
 */
bool freq_services_sleep_now(const struct freq_state *state)
{
	return state->sleepers.next && !list_empty(&state->sleepers);
}

/* The release that made the state may not know of sleepers. */
static void init(struct freq_state *state)
{
	if (!state->sleepers.next)
		INIT_LIST_HEAD(&state->sleepers);
}

static int sleep(struct freq_state *state, struct freq_call *call)
{
	const struct freq_sleep *asked = (void *)call->argument;
	u32 *phase = &call->progress[FREQ_PROGRESS_CLAIM];

	init(state);
	if (*phase == FREQ_CLAIM_WAITING) {
		*phase = FREQ_CLAIM_NONE;
		if (!call->status)
			return 0;
		list_del_init(&call->link);
		return call->status == -ETIME ? -ETIMEDOUT : call->status;
	}
	/* The copy of a running conversion cannot represent sleepers. */
	if (state->claimed)
		return -EBUSY;
	list_add_tail(&call->link, &state->sleepers);
	*phase = FREQ_CLAIM_WAITING;
	return freq_door_sleep(call, asked->deadline < 0 ? KTIME_MAX :
			       asked->deadline, asked->clock);
}

const struct freq_request freq_services_sleep = {
	.command = FREQ_IOC_SLEEP,
	.size = sizeof(struct freq_sleep),
	.flags = FREQ_REQUEST_WRITE,
	.handle = sleep,
};

static int wake(struct freq_state *state, struct freq_call *call)
{
	struct freq_call *sleeper;

	init(state);
	sleeper = list_first_entry_or_null(&state->sleepers, struct freq_call,
					   link);
	if (!sleeper)
		return -ENOENT;
	list_del_init(&sleeper->link);
	freq_door_wake(sleeper);
	return 0;
}

const struct freq_request freq_services_wake = {
	.command = FREQ_IOC_WAKE,
	.flags = FREQ_REQUEST_WRITE,
	.handle = wake,
};

static int timer(struct freq_state *state, struct freq_call *call)
{
	const struct freq_sleep *asked = (void *)call->argument;

	freq_door_set_timer(call, asked->deadline < 0 ? KTIME_MAX :
			    asked->deadline);
	return 0;
}

const struct freq_request freq_services_timer = {
	.command = FREQ_IOC_TIMER,
	.size = sizeof(struct freq_sleep),
	.flags = FREQ_REQUEST_WRITE,
	.handle = timer,
};

int freq_services_tick(void *data, struct freq_call *call)
{
	struct freq_state *state = data;
	bool is_own = !state->timer_at && !call->progress[1];
	int ret = freq_state_tick(data, call);

	if (ret || !is_own)
		return ret;
	state->ticks++;
	if (freq_knob_is("notify-nobody"))
		freq_door_notify(call, "", "");
	else
		freq_door_notify(call, "services", "TICK=1");
	return 0;
}

int freq_services_open(void *state, struct freq_call *call)
{
	if (freq_knob_is("open"))
		return -EACCES;
	if (freq_knob_is("open-wants"))
		return FREQ_WANT_AGAIN;
	call->server->words[WORD_OPENS]++;
	return 0;
}

int freq_services_close(void *data, struct freq_call *call)
{
	struct freq_state *state = data;

	if (state->poller == call->client)
		state->poller = NULL;
	state->slices++;
	if (++call->progress[0] < SLICES)
		return FREQ_WANT_AGAIN;
	return freq_state_close(state, call);
}

int freq_services_flush(void *data, struct freq_call *call)
{
	struct freq_state *state = data;

	state->flushes++;
	return 0;
}

static void wake_poller(struct freq_state *state, u32 events)
{
	if (state->poller)
		freq_door_wake_poll(state->poller, events);
}

/*
 * Wants buffers, each larger than the last, then memory. Checks size and
 * content of the last of each. The door frees both after the call.
 */
static int want_twice(struct freq_call *call)
{
	u32 *entries = &call->progress[0];

	if (*entries == SLICES)
		return call->buffer_size == (SLICES - 1) * sizeof(u64) &&
		       call->memory_size == SLICES * sizeof(u64) &&
		       !memchr_inv(call->buffer, 0, call->buffer_size) &&
		       !memchr_inv(call->memory, 0, call->memory_size) ?
		       -EALREADY : -EIO;
	++*entries;
	call->want = *entries * sizeof(u64);
	return *entries == SLICES ? FREQ_WANT_MEMORY : FREQ_WANT_BUFFER;
}

/* The FREQ_WANT_* that a knob asks for, or 0; most of them are invalid. */
static int unusual_want(struct freq_call *call)
{
	if (freq_knob_is("want-unknown"))
		return FREQ_WANT_SLEEP + 1;
	if (freq_knob_is("want-page")) {
		call->want = sizeof(u64);
		return FREQ_WANT_FAULT;
	}
	if (call->status)
		return call->status;
	if (freq_knob_is("want-nothing")) {
		call->want = 0;
		return FREQ_WANT_BUFFER;
	}
	if (freq_knob_is("want-too-much")) {
		call->want = FREQ_WANT_MAX + 1;
		return FREQ_WANT_MEMORY;
	}
	return freq_knob_is("want-twice") ? want_twice(call) : 0;
}

int freq_services_read(void *data, struct freq_call *call)
{
	struct freq_state *state = data;
	int ret;

	if (freq_subscription_find(state, call->client))
		return freq_record_read(data, call);
	ret = unusual_want(call);
	if (ret)
		return ret;
	if (call->text_size < sizeof(state->mail))
		return -EINVAL;
	if (!state->has_mail)
		return -EAGAIN;
	ret = freq_door_copy_out(call, 0, &state->mail, sizeof(state->mail));
	if (ret)
		return ret;
	state->has_mail = 0;
	wake_poller(state, (__force u32)EPOLLOUT);
	call->result = sizeof(state->mail);
	return 0;
}

int freq_services_write(void *data, struct freq_call *call)
{
	struct freq_state *state = data;

	if (call->status)
		return call->status;
	if (call->text_size != sizeof(state->mail))
		return -EINVAL;
	if (!call->buffer_size) {
		call->want = sizeof(state->mail);
		return FREQ_WANT_COPY_IN;
	}
	if (state->has_mail)
		return -EAGAIN;
	state->mail = *(u64 *)call->buffer;
	state->has_mail = 1;
	wake_poller(state, (__force u32)EPOLLIN);
	call->result = sizeof(state->mail);
	return 0;
}

int freq_services_poll(void *data, struct freq_call *call)
{
	struct freq_state *state = data;

	if (freq_subscription_find(state, call->client))
		return freq_record_poll(data, call);
	if (freq_knob_is("poll"))
		return -EIO;
	state->poller = call->client;
	call->result = (__force u32)(state->has_mail ? EPOLLIN : EPOLLOUT);
	return 0;
}

int freq_services_fdinfo(void *state, struct freq_call *call)
{
	if (freq_knob_is("fdinfo"))
		return -EIO;
	call->result = scnprintf(call->text, call->text_size,
				 "freq-client:\t%llu\n", call->client->id);
	return 0;
}

int freq_services_show(void *data, struct freq_call *call)
{
	const struct freq_state *state = data;

	call->result = call->offset ? 0 :
		       scnprintf(call->text, call->text_size,
				 "ticks %u flushes %u slices %u opens %llu\n",
				 state->ticks, state->flushes, state->slices,
				 call->server->words[WORD_OPENS]);
	return 0;
}

int freq_services_store(void *data, struct freq_call *call)
{
	struct freq_state *state = data;

	if (strcmp(call->name, "services") || call->text_size < 1 ||
	    call->text[0] != '0')
		return -EINVAL;
	state->ticks = 0;
	state->flushes = 0;
	state->slices = 0;
	call->result = call->text_size;
	return 0;
}
