// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be made to go wrong: something that the release says of itself is
 * not so, or a step of the conversion fails, or waits.
 *
 * The kernel sets parameters before it calls the module's init, so what is
 * wrong then is wrong for the door. What the release that runs says to those
 * that come after it can be made wrong, and right again, at any time.
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

#include "../../kmod/door.h"
#include "../../kmod/handoff.h"
#include "knobs.h"
#include "later.h"
#include "release_v90.h"

/**
 * struct knob - a value of the parameter
 * @name: as it is written
 * @place: what is wrong then; NULL if others ask for this value
 * @wrong: what it becomes
 * @size: of both, in bytes
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
#define PLAIN		freq_later_requests[_IOC_NR(FREQ_IOC_LABEL)]
#define ARRAY		freq_later_requests[_IOC_NR(FREQ_IOC_LIST)]
#define ATTRIBUTE	freq_later_attributes[0]
#define HANDOFF		freq_v90_handoff.known

#define ARRAY_SIZE_MIN	offsetofend(struct freq_list, flags)
#define ARRAY_MAX	(INT_MAX / sizeof(struct freq_entry))

#define LABEL_COMMAND(type, number, size)				\
	_IOC(_IOC_WRITE, type, number, size)
#define LABEL_TYPE	_IOC_TYPE(FREQ_IOC_LABEL)
#define LABEL_NUMBER	_IOC_NR(FREQ_IOC_LABEL)
#define LABEL_SIZE	sizeof(struct freq_label)

/* The longest name that an attribute may have. */
#define LONG_NAME	"0123456789abcdef0123456789abcde"
static_assert(sizeof(LONG_NAME) - 1 == FREQ_ATTRIBUTE_NAME_MAX);

static const struct knob knobs[] = {
	{ .name = "none" },

	/* What the door refuses; each is wrong by as little as it can be. */
	FAULT("magic", RELEASE.magic, FREQ_DOOR_MAGIC + 1),
	FAULT("abi", RELEASE.abi, FREQ_DOOR_ABI + 1),
	FAULT("size", RELEASE.size,
	      offsetofend(struct freq_release, destroy) - 1),
	FAULT("later", freq_later_release.later, 1),
	FAULT("version-0", RELEASE.version, 0),
	FAULT("version-1", RELEASE.version, 1),
	FAULT("version-2", RELEASE.version, 2),
	FAULT("owner", RELEASE.owner, NULL),
	FAULT("close", RELEASE.close, NULL),
	FAULT("busy", RELEASE.busy, NULL),
	FAULT("destroy", RELEASE.destroy, NULL),
	FAULT("request-size", RELEASE.request_size,
	      offsetofend(struct freq_request, undo) - 1),
	FAULT("request-later", PLAIN.later, 1),
	FAULT("request-type", PLAIN.command,
	      LABEL_COMMAND(LABEL_TYPE + 1, LABEL_NUMBER, LABEL_SIZE)),
	FAULT("request-number", PLAIN.command,
	      LABEL_COMMAND(LABEL_TYPE, LABEL_NUMBER + 1, LABEL_SIZE)),
	FAULT("request-large", PLAIN.command,
	      LABEL_COMMAND(LABEL_TYPE, LABEL_NUMBER, FREQ_ARGUMENT_MAX + 1)),
	FAULT("request-min-0", PLAIN.size_min, 0),
	FAULT("request-min", PLAIN.size_min, LABEL_SIZE + 1),
	FAULT("request-flag", PLAIN.flags, FREQ_REQUEST_STEPS << 1),
	FAULT("array-pointer", ARRAY.array.pointer,
	      ARRAY_SIZE_MIN - sizeof(u64) + 1),
	FAULT("array-count", ARRAY.array.count,
	      ARRAY_SIZE_MIN - sizeof(u32) + 1),
	FAULT("array-max-0", ARRAY.array.max, 0),
	FAULT("array-max", ARRAY.array.max, ARRAY_MAX + 1),
	FAULT("attribute-size", RELEASE.attribute_size,
	      offsetofend(struct freq_attribute, read) - 1),
	FAULT("attribute-later", ATTRIBUTE.later, 1),
	FAULT("attribute-read", ATTRIBUTE.known.read, NULL),
	FAULT("attribute-name", ATTRIBUTE.known.name, NULL),
	FAULT("attribute-long", ATTRIBUTE.known.name, LONG_NAME "f"),

	/* What it just does not refuse. */
	FAULT("request-large-fits", PLAIN.command,
	      LABEL_COMMAND(LABEL_TYPE, LABEL_NUMBER, FREQ_ARGUMENT_MAX)),
	FAULT("array-pointer-fits", ARRAY.array.pointer,
	      ARRAY_SIZE_MIN - sizeof(u64)),
	FAULT("array-count-fits", ARRAY.array.count,
	      ARRAY_SIZE_MIN - sizeof(u32)),
	FAULT("array-max-fits", ARRAY.array.max, ARRAY_MAX),
	FAULT("attribute-long-fits", ATTRIBUTE.known.name, LONG_NAME),

	/* What the next release refuses. */
	FAULT("handoff-magic", HANDOFF.magic, FREQ_HANDOFF_MAGIC + 1),
	FAULT("handoff-abi", HANDOFF.abi, FREQ_HANDOFF_ABI + 1),
	FAULT("handoff-size", HANDOFF.size,
	      offsetofend(struct freq_handoff, formats) - 1),
	FAULT("handoff-format-size", HANDOFF.format_size,
	      offsetofend(struct freq_format, conversion) - 1),

	/* There is no format that both know. */
	FAULT("format", freq_later_format_name[0], '?'),

	/* The conversion: fails, or waits for another value. */
	{ .name = "check" },
	{ .name = "begin" },
	{ .name = "room" },
	{ .name = "room-late" },
	{ .name = "step-waits" },
	{ .name = "free-waits" },
};

static const struct knob *turned_to = &knobs[0];
/* What stood where something is wrong now; the largest is a pointer. */
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
MODULE_PARM_DESC(fail, "what goes wrong (default: none)");

static bool waits;
module_param(waits, bool, 0444);
MODULE_PARM_DESC(waits, "whether it waits for another value of fail");

/**
 * freq_knob_is() - tell what is to go wrong
 * @name: a value of the parameter
 *
 * Return: whether it has this value.
 */
bool freq_knob_is(const char *name)
{
	return !strcmp(READ_ONCE(turned_to)->name, name);
}

/**
 * freq_knob_wait() - wait as long as the parameter has a value
 * @name: the value
 *
 * Context: process context; sleeps, until the process is killed at the latest.
 */
void freq_knob_wait(const char *name)
{
	WRITE_ONCE(waits, true);
	wait_event_killable(turned, !freq_knob_is(name));
	WRITE_ONCE(waits, false);
}
