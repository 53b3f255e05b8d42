// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How a release takes over
 *
 * All of it happens in the init of the release's module:
 *
 * 1. The door is asked which release runs, and told to let nobody else change
 *    that.
 * 2. If one runs, its handoff symbol is looked up, which also pins its module,
 *    and the first of its formats is picked that this release knows too. If
 *    none runs, a fresh state is made from the parameter "frequencies".
 * 3. The door commits: under the mutex, the state changes hands and this
 *    release runs.
 * 4. The handoff symbol is let go. The release before is idle.
 *
 * A failure in 1 or 2 undoes what was done, in reverse, tells the step and the
 * reason in one line of the log, and fails the loading of the module. The
 * release that runs has noticed nothing.
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

static const char symbol_format[] __initconst = "freq_v%u_handoff";

/* What the functions that the door calls to commit need. */
static struct {
	const struct freq_handoff *handoff;
	u32 format;
	struct freq_state *fresh;
} incoming __initdata;

static void __init complain(const char *step, int err)
{
	pr_err("freq_v%u: %s: error %d; the release is not loaded\n",
	       freq_this_release.version, step, -err);
}

static int __init fill(struct freq_pool *pool)
{
	const char *spec = frequencies;
	struct freq_range range;
	u64 step, last;
	int ret, err;

	while ((ret = freq_spec_next(&spec, &range)) > 0) {
		last = freq_range_last(&range);
		if (last >= freq_pool_room(pool))
			return -E2BIG;
		for (step = 0; step <= last; step++) {
			err = freq_pool_stage(pool, range.start +
						    step * range.step);
			if (err)
				return err;
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
	err = fill(&state->pool);
	if (err) {
		freq_state_destroy(state);
		return err == -EEXIST ? -EINVAL : err;
	}
	incoming.fresh = state;
	return 0;
}

static bool __init is_sound(const struct freq_handoff *handoff)
{
	return handoff->magic == FREQ_HANDOFF_MAGIC &&
	       handoff->abi == FREQ_HANDOFF_ABI &&
	       handoff->size >= offsetofend(struct freq_handoff, give);
}

/* Its formats are in the order of its preference; what we can do decides. */
static bool __init pick_format(const struct freq_handoff *handoff)
{
	u32 theirs;

	for (theirs = 0; theirs < handoff->format_count; theirs++) {
		if (match_string(freq_state_formats, FREQ_STATE_FORMATS,
				 handoff->formats[theirs]) >= 0) {
			incoming.format = theirs;
			return true;
		}
	}
	return false;
}

static int __init get_handoff(u32 version)
{
	char name[sizeof(symbol_format) + 10];
	const struct freq_handoff *handoff;

	snprintf(name, sizeof(name), symbol_format, version);
	handoff = __symbol_get(name);
	if (!handoff) {
		/* It runs, but the loading of its module has not ended. */
		complain("finding the handoff symbol", -EBUSY);
		return -EBUSY;
	}
	if (!is_sound(handoff)) {
		complain("checking the handoff symbol", -EPROTO);
		goto put_symbol;
	}
	if (!pick_format(handoff)) {
		complain("choosing a state format", -EPROTO);
		goto put_symbol;
	}
	incoming.handoff = handoff;
	return 0;

put_symbol:
	__symbol_put(name);
	return -EPROTO;
}

static void __init put_handoff(u32 version)
{
	char name[sizeof(symbol_format) + 10];

	snprintf(name, sizeof(name), symbol_format, version);
	__symbol_put(name);
}

static void * __init take_over(void *state)
{
	return incoming.handoff->give(state, incoming.format);
}

static void * __init take_fresh(void *state)
{
	return incoming.fresh;
}

static int __init release_init(void)
{
	u32 running;
	int err;

	err = freq_door_prepare(&freq_this_release, &running);
	if (err) {
		complain("preparing at the door", err);
		return err;
	}

	if (!running) {
		err = start_fresh();
		if (err) {
			complain("making a fresh state", err);
			goto abort;
		}
		freq_door_commit(&freq_this_release, take_fresh);
		return 0;
	}

	err = get_handoff(running);
	if (err)
		goto abort;
	freq_door_commit(&freq_this_release, take_over);
	put_handoff(running);
	return 0;

abort:
	freq_door_abort(&freq_this_release);
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
