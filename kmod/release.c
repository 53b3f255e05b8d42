// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How a release takes over
 *
 * All of it happens in the init of the release's module:
 *
 * 1. The door is asked which release runs, and told to let nobody else change
 *    that.
 * 2. If one runs, its handoff symbol is looked up, which also pins its module,
 *    and the first of its formats is picked that this release can take. If none
 *    runs, a fresh state is made from the parameter "frequencies".
 * 3. If the format wants a conversion, that goes on in steps under the mutex,
 *    while the running release serves between them.
 * 4. In the hold of the last step, or the only one, the door commits: the state
 *    changes hands and this release runs.
 * 5. What is not needed any more is freed, and the handoff symbol let go. The
 *    release before is idle.
 *
 * A failure in 1 to 3 undoes what was done, in reverse, tells the step and the
 * reason in one line of the log, and fails the loading of the module. The
 * release that runs has noticed nothing.
 *
 * With the parameter "rehearse", the state is always copied, and this release
 * runs on the copy, beside the one that runs, until the device of the
 * rehearsal is closed.
 */
#include <linux/err.h>
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include <linux/freq.h>

#include "release.h"
#include "spec.h"

static char *frequencies = "10-15";
module_param(frequencies, charp, 0444);
MODULE_PARM_DESC(frequencies,
		 "frequencies of a fresh server, such as 10-15,868.1MHz (default: 10-15)");

static bool rehearse;
module_param(rehearse, bool, 0444);
MODULE_PARM_DESC(rehearse,
		 "run on a copy of the state, behind /dev/freq-rehearsal (default: no)");

static const char symbol_format[] __initconst = "freq_v%u_handoff";

/* What the functions that the door calls to commit need. */
static struct {
	const struct freq_conversion *conversion;
	void *progress;
	bool begun;
	struct freq_state *fresh;
} incoming __initdata;

static int __init fill(struct freq_state *state)
{
	struct freq_pool *pool = &state->pool;
	const char *spec = frequencies;
	struct freq_range range;
	u64 step, last, number;
	int ret, err;

	while ((ret = freq_spec_next(&spec, &range)) > 0) {
		last = freq_range_last(&range);
		if (last >= freq_pool_room(pool))
			return -E2BIG;
		err = freq_state_make_all_room(state,
					       pool->slot_count + last + 1, 0);
		if (err)
			return err;
		for (step = 0; step <= last; step++) {
			number = range.start + step * range.step;
			if (!freq_pool_stage(pool, &number, 1))
				return -EEXIST;
		}
	}
	freq_pool_publish(pool);
	return ret;
}

/*
 * The parameter cannot fail with -EEXIST: that is how the kernel says that a
 * module is loaded already, which modprobe takes for success.
 */

static int __init start_fresh(void)
{
	struct freq_state *state;
	int err;

	state = freq_state_create();
	if (IS_ERR(state))
		return PTR_ERR(state);
	err = freq_state_make_all_room(state, 0, 0) ?: fill(state);
	if (err) {
		freq_state_destroy(state);
		return err == -EEXIST ? -EINVAL : err;
	}
	incoming.fresh = state;
	return 0;
}

/* The symbol is found by name: a release that errs in its version has another. */
static bool __init is_sound(const struct freq_handoff *handoff,
			    const struct module *owner)
{
	return within_module((unsigned long)handoff, owner) &&
	       handoff->magic == FREQ_HANDOFF_MAGIC &&
	       handoff->abi == FREQ_HANDOFF_ABI &&
	       handoff->size >= offsetofend(struct freq_handoff, formats) &&
	       handoff->format_size >= offsetofend(struct freq_format,
						   conversion);
}

static const struct freq_format * __init find_taken(const char *name)
{
	const struct freq_format *format;

	for (format = freq_formats_taken; format->name; format++)
		if (!strcmp(format->name, name))
			return format;
	return NULL;
}

/* The formats are in the order of the giver's preference. */
static int __init pick_format(const struct freq_handoff *handoff)
{
	const struct freq_format *given = handoff->formats, *taken;

	for (; given->name;
	     given = (const void *)given + handoff->format_size) {
		taken = find_taken(given->name);
		if (!taken || (given->conversion && taken->conversion))
			continue;
		incoming.conversion = given->conversion ?: taken->conversion;
		if (rehearse && !incoming.conversion)
			incoming.conversion = &freq_clone;
		return 0;
	}
	return -EPROTO;
}

static int __init convert_step(void *state)
{
	const struct freq_conversion *conversion = incoming.conversion;
	int ret;

	if (!incoming.begun) {
		ret = conversion->begin(state, &incoming.progress);
		incoming.begun = !ret;
		return ret ?: FREQ_AGAIN;
	}
	ret = conversion->step(state, incoming.progress);
	if (ret < 0)
		conversion->abort(state, incoming.progress);
	return ret;
}

static void * __init take_converted(void *state)
{
	return incoming.conversion->finish(state, incoming.progress);
}

static void * __init take_as_it_is(void *state)
{
	return state;
}

static void * __init take_fresh(void *state)
{
	return incoming.fresh;
}

static int __init commit(void)
{
	int err;

	if (!incoming.conversion)
		return freq_door_commit(&freq_this_release, NULL,
					take_as_it_is);
	err = freq_door_commit(&freq_this_release, convert_step,
			       take_converted);
	if (incoming.begun)
		incoming.conversion->free(incoming.progress);
	return err;
}

/* Takes over from the release that runs. Returns 0, or an error and its step. */
static int __init take_over(u32 version, const struct module *owner,
			    const char **step)
{
	char name[sizeof(symbol_format) + 10];
	const struct freq_handoff *handoff;
	int err;

	snprintf(name, sizeof(name), symbol_format, version);
	*step = "finding the handoff symbol";
	handoff = __symbol_get(name);
	/* If it runs and cannot be had, its loading has not ended yet. */
	if (!handoff)
		return -EBUSY;

	*step = "checking the handoff symbol";
	err = is_sound(handoff, owner) ? 0 : -EPROTO;
	if (!err) {
		*step = "choosing a state format";
		err = pick_format(handoff);
	}
	if (!err) {
		*step = "converting the state";
		err = commit();
	}
	__symbol_put(name);
	return err;
}

static int __init release_init(void)
{
	const char *step = "preparing at the door";
	struct module *owner;
	u32 running;
	int err;

	err = freq_door_prepare(&freq_this_release,
				rehearse ? FREQ_DOOR_REHEARSE : 0, &running,
				&owner);
	if (err)
		goto complain;

	if (running) {
		err = take_over(running, owner, &step);
	} else {
		step = "making a fresh state";
		err = start_fresh();
		if (!err)
			err = freq_door_commit(&freq_this_release, NULL,
					       take_fresh);
	}
	if (!err)
		return 0;

	freq_door_abort(&freq_this_release, err);
complain:
	pr_err("freq_v%u: %s: error %d; the release is not loaded\n",
	       freq_this_release.version, step, -err);
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
IMPORT_SYMBOLS_FREQ();
