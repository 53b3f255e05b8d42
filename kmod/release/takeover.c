// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How a release takes over
 *
 * All of it happens in the init of the release's module:
 *
 * 1. begin: the door checks the release, and keeps all others from exchanging
 *    the one that runs.
 * 2. If none runs, a fresh state is made from the parameter "frequencies", and
 *    the release takes over with that.
 * 3. If one runs, its handoff symbol is looked up, which also pins its module,
 *    and the first of its formats is picked that this release can import.
 * 4. The running release is asked to keep still.
 * 5. If the format wants a conversion, a copy is made beside the live state,
 *    and attached as its mirror (see contract/handoff.h).
 * 6. In the hold in which nothing is left to do, this release takes over.
 * 7. end: the release before is idle, and its handoff symbol let go.
 *
 * A failure in 1 to 5 undoes the steps before, in reverse, logs the step and
 * the errno in one line, and fails the loading of the module. The release that
 * runs has noticed nothing.
 *
 * With the parameter "expect", this release takes over from that one only: of
 * two that want to at the same time, one is refused.
 *
 * With the parameter "rehearse", the state is always copied, and this release
 * runs on the copy, beside the one that runs, until the device of the rehearsal
 * is closed.
 */
#include <linux/err.h>
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "release/release.h"
#include "spec.h"
#include "state/clone.h"

static char *frequencies = "10-15";
module_param(frequencies, charp, 0444);
MODULE_PARM_DESC(frequencies,
		 "frequencies of a fresh server, such as 10-15,868.1MHz (default: 10-15)");

static bool rehearse;
module_param(rehearse, bool, 0444);
MODULE_PARM_DESC(rehearse,
		 "run on a copy of the state, behind /dev/freq-rehearsal (default: no)");

static int expect = -1;
module_param(expect, int, 0444);
MODULE_PARM_DESC(expect,
		 "number of the release that has to run, 0: none (default: -1, any)");

/* For how many new holders a copy has room from the beginning. */
#define HOLDERS_AHEAD (8 * FREQ_CHUNK)

static const char symbol_format[] __initconst = "freq_v%u_handoff";

/**
 * struct takeover - this release on its way in
 * @loading: the handle from freq_door_begin()
 * @running: the release that runs, NULL if none does
 * @handoff: its handoff symbol
 * @conversion: between its format and this release's; NULL: none
 * @mirror: of its state, if there is a conversion
 * @state: the fresh state, if none runs
 * @slots: how many slots the copy has room for
 * @holders: how many holders it has room for
 * @attached: the mirror is attached
 * @obstacle: what of the state this release cannot take over, or NULL
 */
struct takeover {
	void *loading;
	const struct freq_release *running;
	const struct freq_handoff *handoff;
	const struct freq_conversion *conversion;
	struct freq_mirror mirror;
	struct freq_state *state;
	u32 slots;
	u32 holders;
	bool attached;
	const char *obstacle;
};

static struct takeover incoming __initdata;

/**
 * freq_takeover_quiesce() - quiesce() of a struct freq_handoff
 * @state: the state
 * @call: a call of the incoming release; the last word of its progress is used
 *
 * Return: as freq_state_claim().
 */
int freq_takeover_quiesce(void *state, struct freq_call *call)
{
	return freq_state_claim(state, call,
				&call->progress[FREQ_PROGRESS_CLAIM]);
}

/**
 * freq_takeover_resume() - resume() of a struct freq_handoff
 * @state: the state
 */
void freq_takeover_resume(void *state)
{
	freq_state_unclaim(state);
}

/* ---- with no release running ---- */

/* Adds one number. Returns as an operation does, 0 when it is there. */
static int __init add(struct freq_state *state, u64 number,
		      struct freq_call *call)
{
	struct freq_pool *pool = &state->pool;
	int ret;

	ret = freq_state_reserve(state, pool->slot_count + 2, 1, call);
	if (ret)
		return ret;
	/* Not -EEXIST: modprobe would take that for success. */
	return freq_pool_stage(pool, &number, 1) ? 0 : -EINVAL;
}

static int __init fill(struct freq_state *state)
{
	struct freq_pool *pool = &state->pool;
	const char *spec = frequencies;
	struct freq_call call = { };
	struct freq_range range;
	u64 step, last;
	int ret;

	while ((ret = freq_spec_next(&spec, &range)) > 0) {
		last = freq_range_last(&range);
		if (last >= freq_pool_room(pool))
			return -E2BIG;
		for (step = 0; step <= last; step++) {
			do {
				ret = add(state, range.start +
					  step * range.step, &call);
			} while (freq_memory_serve(&call, &ret));
			if (ret)
				return ret;
		}
	}
	freq_pool_publish(pool);
	return ret;
}

static void __init destroy(int (*destroy)(void *state, struct freq_call *call),
			   void *state)
{
	struct freq_call call = { };
	int ret;

	do {
		ret = destroy(state, &call);
	} while (freq_memory_serve(&call, &ret));
}

static int __init create_fresh(void)
{
	struct freq_state *state = freq_state_create();
	struct freq_call call = { };
	int err;

	if (IS_ERR(state))
		return PTR_ERR(state);
	do {
		err = freq_state_reserve(state, 1, 1, &call);
	} while (freq_memory_serve(&call, &err));
	err = err ?: fill(state);
	if (err) {
		destroy(freq_state_destroy, state);
		return err;
	}
	incoming.state = state;
	return 0;
}

static int __init step_fresh(void *state, void *call)
{
	freq_door_take_over(incoming.loading, incoming.state);
	return 0;
}

static int __init start_fresh(const char **step)
{
	int err;

	*step = "making a fresh state";
	err = create_fresh();
	return err ?: freq_door_run(incoming.loading, step_fresh);
}

/* ---- with a release running ---- */

static bool __init is_valid(const struct freq_handoff *handoff)
{
	/* A release that errs in its version would have another's found. */
	return within_module((unsigned long)handoff, incoming.running->owner) &&
	       handoff->magic == FREQ_HANDOFF_MAGIC &&
	       handoff->abi == FREQ_HANDOFF_ABI &&
	       handoff->size >= offsetofend(struct freq_handoff, resume) &&
	       handoff->format_size >= offsetofend(struct freq_format,
						   conversion);
}

static const struct freq_format * __init
find_imported(const struct freq_format *exported)
{
	const struct freq_format *format;

	for (format = freq_formats_imported; format->name; format++)
		if (!strcmp(format->name, exported->name))
			return format->checksum == exported->checksum ?
			       format : NULL;
	return NULL;
}

/* The formats are in the order of the exporting release's preference. */
static int __init pick_format(void)
{
	const struct freq_format *exported, *imported;
	const struct freq_conversion *conversion;
	const void *at = incoming.handoff->formats;

	for (; (exported = at)->name; at += incoming.handoff->format_size) {
		imported = find_imported(exported);
		if (!imported || (exported->conversion && imported->conversion))
			continue;
		conversion = exported->conversion ?: imported->conversion;
		if (conversion && conversion->size < sizeof(*conversion))
			continue;
		incoming.conversion = conversion;
		if (rehearse && !incoming.conversion)
			incoming.conversion = &freq_clone;
		return 0;
	}
	return -EPROTO;
}

/* A release without these requests would fail the calls that wait. */
static int __init check_waiters(const struct freq_state *state)
{
	if (freq_request_is_known(FREQ_IOC_LIST_GRANTS))
		return 0;
	if (!state->waiting && !state->undelivered)
		return 0;
	incoming.obstacle = "requests wait for a frequency";
	return -EOPNOTSUPP;
}

/* Without a conversion: the state is taken over as soon as it keeps still. */
static int __init step_move(void *state, void *call)
{
	int ret = incoming.handoff->quiesce(state, call);

	if (ret)
		return ret;
	ret = check_waiters(state);
	if (!ret) {
		freq_door_take_over(incoming.loading, state);
		freq_log_upgraded(state, call, freq_this_release.version);
	}
	freq_takeover_resume(state);
	return ret;
}

static int __init step_quiesce(void *state, void *call)
{
	const struct freq_conversion *conversion = incoming.conversion;
	int ret = incoming.handoff->quiesce(state, call);

	if (ret)
		return ret;
	ret = conversion->check ? conversion->check(state) : 0;
	if (ret)
		incoming.handoff->resume(state);
	else
		conversion->count(state, &incoming.slots, &incoming.holders);
	return ret;
}

/* Makes a copy with room for all that was counted, without the mutex. */
static int __init create_copy(void)
{
	struct freq_mirror *mirror = &incoming.mirror;
	struct freq_call call = { };
	int ret;

	mirror->conversion = incoming.conversion;
	mirror->to = incoming.conversion->create();
	if (IS_ERR(mirror->to)) {
		ret = PTR_ERR(mirror->to);
		mirror->to = NULL;
		return ret;
	}
	/* For clients that come meanwhile: their memory may be limited. */
	incoming.holders += HOLDERS_AHEAD;
	do {
		ret = freq_mirror_reserve(mirror, incoming.slots,
					  incoming.holders, &call);
	} while (freq_memory_serve(&call, &ret));
	return ret;
}

static void __init destroy_copy(void)
{
	struct freq_mirror *mirror = &incoming.mirror;
	struct freq_call call = { };
	int ret;

	destroy(incoming.conversion->destroy, mirror->to);
	do {
		ret = freq_table_dismantle(&mirror->slots.links, &call) ?:
		      freq_table_dismantle(&mirror->holders.links, &call);
	} while (freq_memory_serve(&call, &ret));
}

/* Holders can have been added meanwhile. */
static int __init attach(void *state, struct freq_call *call)
{
	const struct freq_conversion *conversion = incoming.conversion;
	struct freq_mirror *mirror = &incoming.mirror;
	int ret;

	conversion->count(state, &incoming.slots, &incoming.holders);
	ret = freq_mirror_reserve(mirror, incoming.slots, incoming.holders,
				  call);
	if (ret)
		return ret;
	mirror->slots.end = incoming.slots;
	mirror->holders.end = incoming.holders;
	conversion->attach(state, mirror);
	incoming.attached = true;
	return FREQ_WANT_AGAIN;
}

/* With the copy that is complete. */
static int __init take_copy(void *state, struct freq_call *call)
{
	const struct freq_conversion *conversion = incoming.conversion;
	struct freq_state *copy = incoming.mirror.to;
	int err;

	conversion->attach(state, NULL);
	conversion->finish(copy, state);
	if (rehearse) {
		copy->waiting = 0;
		copy->undelivered = 0;
	}
	err = check_waiters(copy);
	if (err)
		return err;
	if (!rehearse && conversion->move)
		conversion->move(copy, state);
	copy->base = copy->base ?: freq_grant_next(call, 1);
	freq_door_take_over(incoming.loading, copy);
	freq_log_upgraded(copy, call, freq_this_release.version);
	incoming.handoff->resume(state);
	incoming.mirror.to = NULL;
	return 0;
}

static int __init step_convert(void *state, void *data)
{
	struct freq_mirror *mirror = &incoming.mirror;
	struct freq_call *call = data;

	if (mirror->err)
		return mirror->err;
	if (!incoming.attached)
		return attach(state, call);
	if (!freq_mirror_is_complete(mirror)) {
		freq_mirror_settle(mirror, state);
		return FREQ_WANT_AGAIN;
	}
	return take_copy(state, call);
}

static int __init step_abort(void *state, void *call)
{
	incoming.conversion->attach(state, NULL);
	incoming.handoff->resume(state);
	return 0;
}

static int __init convert(const char **step)
{
	int err;

	*step = "converting the state";
	err = freq_door_run(incoming.loading, step_quiesce);
	if (err)
		return err;
	err = create_copy();
	if (!err)
		err = freq_door_run(incoming.loading, step_convert);
	if (err)
		freq_door_run(incoming.loading, step_abort);
	return err;
}

static int __init take_over(const char **step)
{
	*step = "checking the handoff symbol";
	if (!is_valid(incoming.handoff))
		return -EPROTO;
	*step = "choosing a state format";
	if (pick_format())
		return -EPROTO;
	if (incoming.conversion)
		return convert(step);
	*step = "taking over the state";
	return freq_door_run(incoming.loading, step_move);
}

static int __init load(void)
{
	const char *step = "preparing at the door";
	char name[sizeof(symbol_format) + 10];
	const void *running;
	int err, version;

	incoming.loading = freq_door_begin(&freq_this_release,
					   rehearse ? "freq-rehearsal" : NULL,
					   &running);
	err = PTR_ERR_OR_ZERO(incoming.loading);
	if (err)
		goto complain;
	incoming.running = running;

	version = running ? incoming.running->version : 0;
	if (expect >= 0 && expect != version) {
		step = "another release runs than was expected";
		err = -ESTALE;
	} else if (running) {
		step = "finding the handoff symbol";
		snprintf(name, sizeof(name), symbol_format,
			 incoming.running->version);
		incoming.handoff = __symbol_get(name);
		/* If it cannot be had, its module is still being loaded. */
		err = incoming.handoff ? take_over(&step) : -EBUSY;
	} else {
		err = start_fresh(&step);
	}
	err = freq_door_end(incoming.loading, err);
	if (incoming.mirror.conversion)
		destroy_copy();
	if (incoming.handoff)
		__symbol_put(name);
	if (!err)
		return 0;

complain:
	/* By a signal: not to be begun anew. */
	if (err == -ERESTARTSYS)
		err = -EINTR;
	pr_err("freq_v%u: %s: error %d; the release is not loaded\n",
	       freq_this_release.version, incoming.obstacle ?: step, -err);
	return err;
}

/* Clients that keep the processors busy do not stretch it either. */
static int __init release_init(void)
{
	int nice = task_nice(current), err;

	set_user_nice(current, MIN_NICE);
	err = load();
	set_user_nice(current, nice);
	return err;
}

/* The door has pinned this module for as long as it runs, so it is idle. */
static void __exit release_exit(void)
{
}

module_init(release_init);
module_exit(release_exit);

MODULE_AUTHOR("The freq authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(FREQ_VERSION);
IMPORT_SYMBOLS_FREQ();
