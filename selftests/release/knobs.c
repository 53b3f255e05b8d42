// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection by the module parameter "fail". A value, a knob, selects a
 * wrong field in what the release declares, or a fault in an operation or a
 * step of the conversion, which fails or waits.
 *
 * The kernel sets parameters before it calls the module's init, so the door
 * sees a fault that is given on load. What the running release declares to its
 * successors can be made wrong, and right again, at any time.
 */
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/wait.h>

#include <linux/freq.h>

#include "contract/door.h"
#include "contract/handoff.h"
#include "knobs.h"
#include "later.h"
#include "release_v90.h"

/**
 * struct knob - a value of the parameter
 * @name: the value
 * @place: field to overwrite; NULL: other code tests for this value
 * @wrong: wrong content of the field
 * @size: size of the field, in bytes
 */
struct knob {
	const char *name;
	void *place;
	const void *wrong;
	size_t size;
};

#define FAULT(called, field, ...)					\
	{								\
		.name = (called),					\
		.place = &(field),					\
		.wrong = &(const typeof(field)){ __VA_ARGS__ },		\
		.size = sizeof(field),					\
	}

#define RELEASE		freq_later_release.known
#define FILE		freq_later_files[0]
#define HANDOFF		FREQ_LATER_HANDOFF.known

/* The longest valid name of a file */
#define LONG_NAME	"0123456789abcdef0123456789abcde"
static_assert(sizeof(LONG_NAME) - 1 == FREQ_NAME_MAX);

static const struct knob knobs[] = {
	{ .name = "none" },

	/* Refused by the door; each value is just out of range. */
	FAULT("magic", RELEASE.magic, FREQ_DOOR_MAGIC + 1),
	FAULT("abi", RELEASE.abi, FREQ_DOOR_ABI + 1),
	FAULT("size", RELEASE.size,
	      offsetofend(struct freq_release, files) - 1),
	FAULT("later", freq_later_release.later, 1),
	FAULT("features", RELEASE.features, FREQ_DOOR_FEATURES + 1),
	FAULT("version-0", RELEASE.version, 0),
	FAULT("version-1", RELEASE.version, 1),
	FAULT("version-2", RELEASE.version, 2),
	FAULT("owner", RELEASE.owner, NULL),
	FAULT("file-flags", FILE.flags, 1),
	FAULT("file-name", FILE.name, NULL),
	FAULT("file-long", FILE.name, LONG_NAME "f"),
	FAULT("file-taken", FILE.name, "release"),

	/* Just accepted by the door */
	FAULT("file-long-fits", FILE.name, LONG_NAME),

	/* Refused by the next release */
	FAULT("handoff-magic", HANDOFF.magic, FREQ_HANDOFF_MAGIC + 1),
	FAULT("handoff-abi", HANDOFF.abi, FREQ_HANDOFF_ABI + 1),
	FAULT("handoff-size", HANDOFF.size,
	      offsetofend(struct freq_handoff, resume) - 1),
	FAULT("handoff-format-size", HANDOFF.format_size,
	      offsetofend(struct freq_format, conversion) - 1),

	/* No common format, or none of the same layout */
	FAULT("format", freq_later_format_name[0], '?'),
	FAULT("layout", freq_later_formats[1].known.checksum, 1),

	/* The conversion fails, or waits until the parameter changes. */
	{ .name = "check" },
	{ .name = "begin" },
	{ .name = "room" },
	{ .name = "room-late" },
	{ .name = "step-waits" },
	{ .name = "free-waits" },

	/* Absent operations */
	FAULT("no-ioctl", RELEASE.ops[FREQ_OP_IOCTL], NULL),
	FAULT("no-show", RELEASE.ops[FREQ_OP_SHOW], NULL),

	/* Operations that fail, or return an invalid FREQ_WANT_* */
	{ .name = "open" },
	{ .name = "open-wants" },
	{ .name = "poll" },
	{ .name = "fdinfo" },
	{ .name = "want-nothing" },
	{ .name = "want-too-much" },
	{ .name = "want-unknown" },
	{ .name = "want-page" },

	/* Valid, but done by no other release */
	{ .name = "want-twice" },
	{ .name = "notify-nobody" },
};

static const struct knob *turned_to = &knobs[0];
/* Saved content of the overwritten field, at most a word */
static char right[sizeof(u64)];
static DECLARE_WAIT_QUEUE_HEAD(turned);

static const struct knob *find_knob(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		if (sysfs_streq(knobs[i].name, name))
			return &knobs[i];
	return NULL;
}

static int set_fail(const char *name, const struct kernel_param *param)
{
	const struct knob *before = turned_to, *knob = find_knob(name);

	if (!knob)
		return -EINVAL;
	if (before->place)
		memcpy(before->place, right, before->size);
	if (knob->place) {
		memcpy(right, knob->place, knob->size);
		memcpy(knob->place, knob->wrong, knob->size);
	}
	WRITE_ONCE(turned_to, knob);
	wake_up_all(&turned);
	return 0;
}

static int get_fail(char *text, const struct kernel_param *param)
{
	return scnprintf(text, PAGE_SIZE, "%s\n", turned_to->name);
}

static const struct kernel_param_ops fail_ops = {
	.set = set_fail,
	.get = get_fail,
};

module_param_cb(fail, &fail_ops, NULL, 0644);
MODULE_PARM_DESC(fail, "fault to inject (default: none)");

static bool waits;
module_param(waits, bool, 0444);
MODULE_PARM_DESC(waits, "true while it waits for fail to change");

unsigned int freq_knob_holders;
module_param_named(holders, freq_knob_holders, uint, 0444);
MODULE_PARM_DESC(holders, "number of holders in the last converted state");

/**
 * freq_knob_is() - test the parameter "fail"
 * @name: a value of the parameter
 *
 * Context: any.
 * Return: true if the parameter has this value.
 */
bool freq_knob_is(const char *name)
{
	return !strcmp(READ_ONCE(turned_to)->name, name);
}

/**
 * freq_knob_wait() - wait while the parameter "fail" has a value
 * @name: the value
 *
 * Context: process context; sleeps until the parameter changes or a fatal
 * signal arrives.
 */
void freq_knob_wait(const char *name)
{
	/* For other values, waits stays false: tests poll it. */
	if (!freq_knob_is(name))
		return;
	WRITE_ONCE(waits, true);
	wait_event_killable(turned, !freq_knob_is(name));
	WRITE_ONCE(waits, false);
}
