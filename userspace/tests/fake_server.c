// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server inside freqctl, so that freqctl can be tested without the module:
 * linked with --wrap=ioctl, it answers the requests for any descriptor. It
 * knows one client, which is the program.
 *
 *	FAKE_RELEASE	number of its release; 0: none runs; without it, 2
 *	FAKE_FREE	a SPEC: what is free; without it, 10-15
 *	FAKE_KEPT	a SPEC: what an other user keeps
 *	FAKE_LEFT	a file: how many are allocated when freqctl exits
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfreq.h>

int __wrap_ioctl(int fd, unsigned long request, ...);

/* Small, so that listings have several pages. */
#define PAGE 4

#define OTHER_USER 4000000000U

static struct {
	int begun;
	unsigned int release;
	struct freq_array unused;
	struct freq_entry held[64];
	size_t held_count;
} server;

static void hold(__u64 frequency, __u32 flags, __u32 uid, __s32 pid)
{
	if (server.held_count == sizeof(server.held) / sizeof(*server.held))
		abort();
	server.held[server.held_count++] = (struct freq_entry){
		.frequency = frequency,
		.flags = flags | FREQ_ENTRY_ALLOCATED,
		.uid = uid,
		.pid = pid,
	};
}

/* Before the kernel would give back what is not kept. */
static void tell_left(void)
{
	const char *path = getenv("FAKE_LEFT");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fprintf(file, "%zu\n", server.held_count);
	fclose(file);
}

static void begin(void)
{
	const char *release = getenv("FAKE_RELEASE");
	const char *unused = getenv("FAKE_FREE"), *kept = getenv("FAKE_KEPT");
	struct freq_array others = { 0 };
	size_t i;

	server.begun = 1;
	atexit(tell_left);
	server.release = release ? atoi(release) : 2;
	if (freq_array_add_spec(&server.unused, unused ? unused : "10-15") ||
	    freq_array_add_spec(&others, kept ? kept : ""))
		abort();
	for (i = 0; i < others.count; i++)
		hold(others.values[i], FREQ_ENTRY_KEEP, OTHER_USER, 0);
	freq_array_free(&others);
}

static int fake_info(struct freq_info *info)
{
	*info = (struct freq_info){
		.release = server.release,
		.clients = 1,
		.free = server.unused.count,
		.allocated = server.held_count,
		.features = server.release > 1 ? FREQ_FEATURE_INJECT : 0,
	};
	return 0;
}

static int fake_allocate(struct freq_allocate *arg)
{
	struct freq_array *unused = &server.unused;

	if (!unused->count)
		return -ENOSPC;
	arg->frequency = *unused->values;
	memmove(unused->values, unused->values + 1,
		--unused->count * sizeof(*unused->values));
	hold(arg->frequency, FREQ_ENTRY_MINE |
	     (arg->flags & FREQ_ALLOCATE_KEEP ? FREQ_ENTRY_KEEP : 0), 0, 1);
	return 0;
}

static int fake_deallocate(const struct freq_deallocate *arg)
{
	struct freq_array *unused = &server.unused;
	size_t i;

	for (i = 0; i < server.held_count; i++)
		if (server.held[i].frequency == arg->frequency)
			break;
	if (i == server.held_count)
		return -ENOENT;
	if (!(server.held[i].flags & FREQ_ENTRY_MINE))
		return -EPERM;
	memmove(&server.held[i], &server.held[i + 1],
		(--server.held_count - i) * sizeof(*server.held));

	if (freq_array_add(unused, 0))
		abort();
	memmove(unused->values + 1, unused->values,
		(unused->count - 1) * sizeof(*unused->values));
	*unused->values = arg->frequency;
	return 0;
}

static int is_known(__u64 frequency)
{
	size_t i;

	for (i = 0; i < server.unused.count; i++)
		if (server.unused.values[i] == frequency)
			return 1;
	for (i = 0; i < server.held_count; i++)
		if (server.held[i].frequency == frequency)
			return 1;
	return 0;
}

static int fake_inject(struct freq_inject *arg)
{
	const __u64 *frequencies = (const __u64 *)(uintptr_t)arg->frequencies;
	size_t before = server.unused.count;
	__u32 i;

	if (server.release < 2)
		return -ENOTTY;
	if (!arg->count || arg->flags || arg->index || arg->pad)
		return -EINVAL;
	for (i = 0; i < arg->count; i++) {
		if (is_known(frequencies[i])) {
			server.unused.count = before;
			arg->index = i;
			return -EEXIST;
		}
		if (freq_array_add(&server.unused, frequencies[i]))
			abort();
	}
	return 0;
}

/*
 * The cursor counts half pages: each other one has nothing. The free ones
 * come first.
 */
static int fake_list(struct freq_list *arg)
{
	struct freq_entry *entries = (struct freq_entry *)(uintptr_t)
				     arg->entries;
	size_t total = server.unused.count + server.held_count;
	size_t i = arg->cursor / 2 * PAGE, end = i + PAGE;
	__u32 count = 0;

	if (arg->flags & ~(FREQ_LIST_FREE | FREQ_LIST_ALLOCATED) ||
	    arg->count < PAGE)
		return -EINVAL;
	if (arg->cursor % 2)
		end = i;
	for (; i < end && i < total; i++) {
		if (i < server.unused.count) {
			if (arg->flags != FREQ_LIST_ALLOCATED)
				entries[count++] = (struct freq_entry){
					.frequency = server.unused.values[i],
				};
		} else if (arg->flags != FREQ_LIST_FREE) {
			entries[count++] = server.held[i -
						       server.unused.count];
		}
	}
	arg->count = count;
	arg->cursor++;
	if (arg->cursor / 2 * PAGE >= total)
		arg->cursor = 0;
	return 0;
}

static int answer(unsigned long request, void *arg)
{
	if (!server.begun)
		begin();
	if (!server.release)
		return -ENODEV;
	switch (request) {
	case FREQ_IOC_STOP:
		if (server.held_count)
			return -EBUSY;
		server.release = 0;
		return 0;
	case FREQ_IOC_INFO:
		return fake_info(arg);
	case FREQ_IOC_LIST:
		return fake_list(arg);
	case FREQ_IOC_ALLOCATE:
		return fake_allocate(arg);
	case FREQ_IOC_DEALLOCATE:
		return fake_deallocate(arg);
	case FREQ_IOC_INJECT:
		return fake_inject(arg);
	default:
		return -ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	int ret;

	(void)fd;
	va_start(args, request);
	ret = answer(request, va_arg(args, void *));
	va_end(args);
	if (!ret)
		return 0;
	errno = -ret;
	return -1;
}
