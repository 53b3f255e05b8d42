// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server inside freqctl, so that freqctl can be tested without the module:
 * linked with --wrap, it answers the requests for any descriptor. Each
 * descriptor is a client. A rehearsal has a copy of it, behind /dev/zero.
 *
 *	FAKE_RELEASE	number of its release; 0: none runs; without it, 2
 *	FAKE_FREE	a SPEC: the free frequencies; without it, 10-15
 *	FAKE_KEPT	a SPEC: frequencies that another user keeps
 *	FAKE_KEPT_BY	the uid of that user
 *	FAKE_HELD	a SPEC: frequencies that a client of that user holds
 *	FAKE_HELD_PID	the process that opened its client; without it, 1
 *	FAKE_KEPT_ELSE	a SPEC: frequencies that a third user keeps
 *	FAKE_FREED	a SPEC: frequencies that become free after the first
 *			listing
 *	FAKE_LOST	a SPEC: frequencies that a client of the third user
 *			holds after it
 *	FAKE_KEPT_AGAIN	a SPEC: frequencies that the first of these users keeps
 *			once a deallocation was refused
 *	FAKE_ADMIN	freqctl may give back the frequencies of all users, and
 *			reserve for as long as it likes
 *	FAKE_LEFT	a file: how many are allocated when freqctl exits
 *	FAKE_REQUESTS	a file: the numbers of the requests, a line each
 *	FAKE_GROUPS	a file: the arguments of FREQ_IOC_ALLOCATE_GROUP
 *	FAKE_LISTS	a folder for the files that sysfs has of a rehearsal
 *	FAKE_USER_NAME	the name of every user
 *	FAKE_USERS	a file: the uids whose names were looked up, a line each
 *	FAKE_SIGNAL_REQUEST
 *			a signal to freqctl itself, before its first allocation
 *	FAKE_SIGNAL_WAIT
 *			a signal to it before a request begins to sleep
 *	FAKE_WAITED	a SPEC: frequencies that become free when the first
 *			request is to wait
 *	FAKE_WAITERS	how many requests of others wait
 *	FAKE_SUBSCRIPTIONS
 *			how many clients subscribe
 *	FAKE_GRANT	the grant of what others have at first; without it, 1
 *	FAKE_SINCE	the time at which it was made, in seconds of the real
 *			time; without it, now
 *	FAKE_LABEL	the label of the client of FAKE_HELD
 *	FAKE_LABELS	a file: the labels that were set, a line each
 *	FAKE_LIST_PAGES	after so many pages, release 2 takes over
 *	FAKE_STAYS	a rehearsal cannot be ended
 *	FAKE_BUG	a defect of the release that is rehearsed
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <libfreq.h>

#include "../freqctl/signals.h"
#include "fake_group.h"
#include "fake_modules.h"
#include "fake_records.h"
#include "fake_server.h"

#define COPY_DEVICE "/dev/zero"

/* Small, so that listings have several pages. */
#define PAGE 4

#define OTHER_USER 4000000000U
#define THIRD_USER 4000000001U

#define HELD_MAX 8192
#define DESCRIPTORS 64

#define SECOND 1000000000LL

/* The descriptor of the client that has it is -1 if it is gone. */
struct held {
	struct freq_entry entry;
	int owner;
	__u64 grant;
	__s64 since;
};

struct server {
	unsigned int release;
	struct freq_array unused;
	struct held held[HELD_MAX];
	size_t held_count;
	__u64 grant;
};

static struct server live, copy;
static int begun;
static int kept_again;

/* Of each descriptor */
static __u8 labels[DESCRIPTORS][FREQ_LABEL_MAX];

static int has_bug(const struct server *server, const char *name)
{
	const char *bug = getenv("FAKE_BUG");

	return server == &copy && bug && !strcmp(bug, name);
}

static __s64 now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

static void hold(struct server *server, __u64 frequency, __u32 flags,
		 __u32 uid, __s32 pid, int owner)
{
	if (server->held_count == HELD_MAX)
		abort();
	server->held[server->held_count++] = (struct held){
		.entry = {
			.frequency = frequency,
			.flags = flags | FREQ_ENTRY_ALLOCATED,
			.uid = uid,
			.pid = pid,
		},
		.owner = owner,
		.grant = ++server->grant,
		.since = now(CLOCK_BOOTTIME),
	};
}

/* Before the kernel would give back frequencies that are not kept. */
static void report_left(void)
{
	const char *path = getenv("FAKE_LEFT");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fprintf(file, "%zu\n", live.held_count);
	fclose(file);
}

/* The SPEC of a variable, for freq_array_free(). */
static struct freq_array read_spec(const char *name, const char *preset)
{
	const char *spec = getenv(name);
	struct freq_array array = { 0 };

	if (freq_array_add_spec(&array, spec ? spec : preset))
		abort();
	return array;
}

static void hold_spec(const char *name, __u32 flags, __u32 uid, __s32 pid)
{
	struct freq_array array = read_spec(name, "");
	size_t i;

	for (i = 0; i < array.count; i++)
		hold(&live, array.values[i], flags, uid, pid, -1);
	freq_array_free(&array);
}

/* In the middle of that second */
static __s64 boot_time(const char *seconds)
{
	return strtoll(seconds, NULL, 10) * SECOND + SECOND / 2 -
	       now(CLOCK_REALTIME) + now(CLOCK_BOOTTIME);
}

/* What there is at first was made by one grant. */
static void set_grants(void)
{
	const char *grant = getenv("FAKE_GRANT"), *since = getenv("FAKE_SINCE");
	size_t i;

	live.grant = grant ? strtoull(grant, NULL, 10) : 1;
	for (i = 0; i < live.held_count; i++) {
		live.held[i].grant = live.grant;
		if (since)
			live.held[i].since = boot_time(since);
	}
}

static void begin(void)
{
	const char *release = getenv("FAKE_RELEASE");
	const char *keeper = getenv("FAKE_KEPT_BY");
	const char *pid = getenv("FAKE_HELD_PID");
	__u32 uid = keeper ? strtoul(keeper, NULL, 10) : OTHER_USER;

	begun = 1;
	atexit(report_left);
	live.release = release ? atoi(release) : 2;
	live.unused = read_spec("FAKE_FREE", "10-15");
	hold_spec("FAKE_KEPT", FREQ_ENTRY_KEEP, uid, 0);
	hold_spec("FAKE_HELD", 0, uid, pid ? atoi(pid) : 1);
	hold_spec("FAKE_KEPT_ELSE", FREQ_ENTRY_KEEP, THIRD_USER, 0);
	set_grants();
}

static __u64 features(const struct server *server)
{
	__u64 features = 0;

	if (server->release > 1)
		features |= FREQ_FEATURE_INJECT | FREQ_FEATURE_BATCH;
	if (server->release > 2)
		features |= FREQ_FEATURE_GRANTS;
	return features;
}

static int fake_info(const struct server *server, struct freq_info *info)
{
	*info = (struct freq_info){
		.release = server->release,
		.clients = 1,
		.free = server->unused.count + has_bug(server, "count"),
		.allocated = server->held_count,
		.features = features(server),
	};
	return 0;
}

static int fake_info_v3(const struct server *server, struct freq_info_v3 *info)
{
	const char *waiters = getenv("FAKE_WAITERS");
	const char *subscriptions = getenv("FAKE_SUBSCRIPTIONS");

	*info = (struct freq_info_v3){ 0 };
	fake_info(server, (struct freq_info *)info);
	if (server->release < 3)
		return 0;
	info->grant = server->grant - has_bug(server, "last grant");
	if (has_bug(server, "waiters") || (server == &live && waiters))
		info->waiters = waiters ? atoi(waiters) : 1;
	if (server == &live && subscriptions)
		info->subscriptions = atoi(subscriptions);
	return 0;
}

static int fake_allocate(struct server *server, struct freq_allocate *arg,
			 int fd)
{
	struct freq_array *unused = &server->unused;
	struct freq_allocate leak = { 0 };

	if (arg->flags & ~FREQ_ALLOCATE_KEEP && !has_bug(server, "flags"))
		return -EINVAL;
	if (!unused->count)
		return -ENOSPC;
	arg->frequency = *unused->values;
	if (has_bug(server, "twice"))
		return 0;
	memmove(unused->values, unused->values + 1,
		--unused->count * sizeof(*unused->values));
	hold(server, arg->frequency,
	     arg->flags & FREQ_ALLOCATE_KEEP ? FREQ_ENTRY_KEEP : 0,
	     geteuid(), getpid(), fd);
	if (has_bug(server, "leak"))
		fake_allocate(&live, &leak, fd);
	return 0;
}

static void give_back(struct server *server, size_t i)
{
	struct freq_array *unused = &server->unused;
	__u64 frequency = server->held[i].entry.frequency;

	server->held_count--;
	memmove(&server->held[i], &server->held[i + 1],
		(server->held_count - i) * sizeof(*server->held));

	if (freq_array_add(unused, frequency))
		abort();
	if (has_bug(server, "order"))
		return;
	memmove(unused->values + 1, unused->values,
		(unused->count - 1) * sizeof(*unused->values));
	*unused->values = frequency;
}

/* The errno of giving back the frequency at index @i; 0 if that succeeds. */
static int refuse_back(const struct server *server, size_t i, int fd)
{
	const struct freq_entry *held = &server->held[i].entry;

	if (i == server->held_count)
		return has_bug(server, "absent") ? 0 : -ENOENT;
	if (server->held[i].owner == fd || has_bug(server, "owner"))
		return 0;
	if (held->flags & FREQ_ENTRY_KEEP &&
	    (held->uid == geteuid() || getenv("FAKE_ADMIN")))
		return 0;
	return -EPERM;
}

static size_t find_held(const struct server *server, __u64 frequency)
{
	size_t i;

	for (i = 0; i < server->held_count; i++)
		if (server->held[i].entry.frequency == frequency)
			break;
	return i;
}

static int fake_deallocate(struct server *server,
			   const struct freq_deallocate *arg, int fd)
{
	size_t i = find_held(server, arg->frequency);
	int err = refuse_back(server, i, fd);

	if (!err && i < server->held_count)
		give_back(server, i);
	if (err == -EPERM && !kept_again) {
		kept_again = 1;
		hold_spec("FAKE_KEPT_AGAIN", FREQ_ENTRY_KEEP, OTHER_USER, 0);
	}
	return err;
}

static void give_back_spec(const char *name)
{
	struct freq_array array = read_spec(name, "");
	size_t i, at;

	for (i = 0; i < array.count; i++) {
		at = find_held(&live, array.values[i]);
		if (at < live.held_count)
			give_back(&live, at);
	}
	freq_array_free(&array);
}

static size_t find_unused(const struct server *server, __u64 frequency)
{
	size_t i;

	for (i = 0; i < server->unused.count; i++)
		if (server->unused.values[i] == frequency)
			break;
	return i;
}

/* Makes the wanted frequency the first in line, if it is free. */
static int prefer(struct server *server, __u64 frequency)
{
	size_t i = find_unused(server, frequency);
	__u64 *values;

	if (i == server->unused.count) {
		i = find_held(server, frequency);
		if (i == server->held_count)
			return has_bug(server, "exact absent") ? -EBUSY :
								 -ENOENT;
		if (!has_bug(server, "exact twice"))
			return -EBUSY;
		give_back(server, i);
		i = 0;
	}
	if (has_bug(server, "exact other"))
		return 0;
	values = server->unused.values;
	memmove(values + 1, values, i * sizeof(*values));
	*values = frequency;
	return 0;
}

/* Without waiting */
static int allocate_now(struct server *server, struct freq_allocate_v3 *arg,
			int fd)
{
	struct freq_allocate one = {
		.flags = arg->flags & ~FREQ_ALLOCATE_EXACT,
	};
	int err = 0;

	if (arg->flags & FREQ_ALLOCATE_EXACT)
		err = prefer(server, arg->frequency);
	if (!err)
		err = fake_allocate(server, &one, fd);
	if (err)
		return err;
	arg->frequency = one.frequency;
	arg->grant = server->grant;
	if (has_bug(server, "grant falls"))
		arg->grant = 1;
	return 0;
}

static void signal_once(const char *name)
{
	const char *number = getenv(name);

	if (number)
		kill(getpid(), atoi(number));
	unsetenv(name);
}

/* Until the deadline or a signal; the others have given back all they will. */
static int sleep_until(__s64 deadline)
{
	struct timespec time = {
		.tv_sec = deadline / SECOND,
		.tv_nsec = deadline % SECOND,
	};
	int err;

	signal_once("FAKE_SIGNAL_WAIT");
	err = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
	return err ? -err : -ETIMEDOUT;
}

static int fake_allocate_v3(struct server *server, struct freq_allocate_v3 *arg,
			    int fd)
{
	int err;

	if (server->release < 3)
		return arg->deadline || arg->grant ? -E2BIG :
		       fake_allocate(server, (struct freq_allocate *)arg, fd);
	if (arg->flags & ~(FREQ_ALLOCATE_KEEP | FREQ_ALLOCATE_EXACT) ||
	    arg->pad || (arg->deadline < 0 && !has_bug(server, "negative")))
		return -EINVAL;
	err = allocate_now(server, arg, fd);
	if ((err != -ENOSPC && err != -EBUSY) || !arg->deadline ||
	    has_bug(server, "impatient"))
		return err;
	give_back_spec("FAKE_WAITED");
	unsetenv("FAKE_WAITED");
	err = allocate_now(server, arg, fd);
	if (!err)
		return 0;
	if (has_bug(server, "early") && arg->deadline > now(CLOCK_MONOTONIC))
		return -ETIMEDOUT;
	return sleep_until(arg->deadline);
}

static int fake_deallocate_v3(struct server *server,
			      const struct freq_deallocate_v3 *arg, int fd)
{
	const struct freq_deallocate *first = (const void *)arg;
	size_t i = find_held(server, arg->frequency);

	if (server->release < 3 && arg->grant)
		return -E2BIG;
	if (arg->flags || arg->pad)
		return -EINVAL;
	if (i == server->held_count && has_bug(server, "grant ignored"))
		return -ESTALE;
	if (i < server->held_count && arg->grant &&
	    arg->grant != server->held[i].grant && !has_bug(server, "stale"))
		return -ESTALE;
	return fake_deallocate(server, first, fd);
}

static int check_group(const struct server *server,
		       const struct freq_group *arg)
{
	const int row = arg->flags & FREQ_GROUP_ROW;
	const int reserve = arg->flags & FREQ_GROUP_RESERVE;

	if (server->release < 3)
		return -ENOTTY;
	if (arg->count > FREQ_GROUP_MAX || arg->span_count > FREQ_SPANS_MAX)
		return -E2BIG;
	if (arg->flags & ~(FREQ_ALLOCATE_KEEP | FREQ_GROUP_ROW |
			   FREQ_GROUP_RESERVE) ||
	    !arg->count || arg->pad || arg->deadline < 0 ||
	    !row != !arg->spacing || (reserve && (row || !arg->deadline)))
		return -EINVAL;
	if (reserve && !getenv("FAKE_ADMIN") &&
	    arg->deadline - now(CLOCK_MONOTONIC) > FREQ_RESERVE_MAX_NS)
		return -EPERM;
	return 0;
}

static int choose_group(const struct server *server,
			const struct freq_group *arg, __u64 *chosen)
{
	struct freq_array pool = { 0 }, unused = { 0 };
	size_t i;
	int err;

	for (i = 0; i < server->unused.count; i++)
		if (freq_array_add(&pool, server->unused.values[i]) ||
		    freq_array_add(&unused, server->unused.values[i]))
			abort();
	for (i = 0; i < server->held_count; i++)
		if (freq_array_add(&pool, server->held[i].entry.frequency))
			abort();
	freq_array_sort(&pool);
	freq_array_sort(&unused);
	err = fake_group_choose(arg, &pool, &unused, chosen);
	freq_array_free(&pool);
	freq_array_free(&unused);
	return err;
}

static int fake_allocate_group(struct server *server,
			       const struct freq_group *arg, int fd)
{
	struct freq_granted *granted = (struct freq_granted *)(uintptr_t)
				       arg->granted;
	__u64 chosen[FREQ_GROUP_MAX];
	int err = check_group(server, arg);
	__u32 i;

	if (err)
		return err;
	fake_group_note(arg);
	err = choose_group(server, arg, chosen);
	if (err == -ENOSPC && arg->deadline) {
		give_back_spec("FAKE_WAITED");
		unsetenv("FAKE_WAITED");
		err = choose_group(server, arg, chosen);
		if (err == -ENOSPC)
			return sleep_until(arg->deadline);
	}
	for (i = 0; !err && i < arg->count; i++) {
		struct freq_allocate_v3 one = {
			.frequency = chosen[i],
			.flags = FREQ_ALLOCATE_EXACT |
				 (arg->flags & FREQ_ALLOCATE_KEEP),
		};

		err = allocate_now(server, &one, fd);
		granted[i].frequency = one.frequency;
		granted[i].grant = one.grant;
	}
	return err;
}

static int is_label(const __u8 *label)
{
	size_t i;

	for (i = 0; i < FREQ_LABEL_MAX && label[i]; i++)
		if (label[i] < 0x20 || label[i] == 0x7f)
			return 0;
	for (; i < FREQ_LABEL_MAX; i++)
		if (label[i])
			return 0;
	return 1;
}

static void note_label(const struct freq_label *arg)
{
	const char *path = getenv("FAKE_LABELS");
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (!file)
		return;
	fprintf(file, "%.*s\n", FREQ_LABEL_MAX, arg->label);
	fclose(file);
}

static int fake_label(const struct server *server, const struct freq_label *arg,
		      int fd)
{
	if (server->release < 3)
		return -ENOTTY;
	if (!is_label(arg->label) && !has_bug(server, "label of anything"))
		return -EILSEQ;
	if (fd >= DESCRIPTORS)
		abort();
	if (!has_bug(server, "no label") &&
	    (*arg->label || !has_bug(server, "label stays")))
		memcpy(labels[fd], arg->label, sizeof(labels[fd]));
	note_label(arg);
	return 0;
}

static int check_batch(const struct server *server,
		       const struct freq_batch *arg)
{
	if (server->release < 2)
		return -ENOTTY;
	if (arg->index || arg->pad ||
	    (!arg->count && !has_bug(server, "batch of none")))
		return -EINVAL;
	if (arg->count > FREQ_BATCH_MAX && !has_bug(server, "batch of many"))
		return -E2BIG;
	return 0;
}

static int fake_allocate_batch(struct server *server, struct freq_batch *arg,
			       int fd)
{
	__u64 *frequencies = (__u64 *)(uintptr_t)arg->frequencies;
	struct freq_allocate one = { .flags = arg->flags };
	int err = check_batch(server, arg);
	__u32 i, at;

	if (err)
		return err;
	if (arg->flags & ~FREQ_ALLOCATE_KEEP)
		return -EINVAL;
	if (arg->count > server->unused.count &&
	    !has_bug(server, "batch in part"))
		return -ENOSPC;
	for (i = 0; i < arg->count && !err; i++) {
		at = has_bug(server, "batch turned") ? arg->count - 1 - i : i;
		err = fake_allocate(server, &one, fd);
		frequencies[at] = one.frequency;
	}
	return err;
}

static int is_earlier(const __u64 *frequencies, __u32 i)
{
	__u32 j;

	for (j = 0; j < i; j++)
		if (frequencies[j] == frequencies[i])
			return 1;
	return 0;
}

static int fake_deallocate_batch(struct server *server, struct freq_batch *arg,
				 int fd)
{
	const __u64 *frequencies = (const __u64 *)(uintptr_t)arg->frequencies;
	int err = check_batch(server, arg);
	__u32 i, at;

	if (!err && arg->flags)
		err = -EINVAL;
	if (err)
		return err;
	for (i = 0; i < arg->count; i++) {
		err = refuse_back(server, find_held(server, frequencies[i]),
				  fd);
		if (!err && is_earlier(frequencies, i) &&
		    !has_bug(server, "batch of twice"))
			err = -ENOENT;
		if (!err)
			continue;
		arg->index = has_bug(server, "batch index") ? 0 : i;
		if (has_bug(server, "batch back in part"))
			give_back(server, find_held(server, *frequencies));
		return err;
	}
	for (i = 0; i < arg->count; i++) {
		at = has_bug(server, "batch line") ? arg->count - 1 - i : i;
		at = find_held(server, frequencies[at]);
		if (at < server->held_count)
			give_back(server, at);
	}
	return 0;
}

static int is_known(const struct server *server, __u64 frequency)
{
	size_t i;

	for (i = 0; i < server->unused.count; i++)
		if (server->unused.values[i] == frequency)
			return 1;
	for (i = 0; i < server->held_count; i++)
		if (server->held[i].entry.frequency == frequency)
			return 1;
	return 0;
}

static int fake_inject(struct server *server, struct freq_inject *arg)
{
	const __u64 *frequencies = (const __u64 *)(uintptr_t)arg->frequencies;
	struct freq_array *unused = &server->unused;
	size_t before = unused->count;
	__u32 i;

	if (server->release < 2)
		return -ENOTTY;
	if (!arg->count || arg->flags || arg->index || arg->pad)
		return -EINVAL;
	for (i = 0; i < arg->count; i++) {
		if (is_known(server, frequencies[i])) {
			if (!has_bug(server, "part"))
				unused->count = before;
			arg->index = has_bug(server, "index") ? 0 : i;
			return -EEXIST;
		}
		if (freq_array_add(unused, frequencies[i]))
			abort();
	}
	if (has_bug(server, "turn")) {
		unused->values[unused->count - 1] = *unused->values;
		*unused->values = *frequencies;
	}
	if (has_bug(server, "leak inject"))
		fake_inject(&live, arg);
	return 0;
}

static int compare(const void *a, const void *b)
{
	__u64 x = ((const struct freq_entry *)a)->frequency;
	__u64 y = ((const struct freq_entry *)b)->frequency;

	return x < y ? -1 : x > y;
}

/* All that there is, ascending; to be freed. */
static struct freq_entry *all_entries(const struct server *server, int fd,
				      size_t *count)
{
	struct freq_entry *entries;
	size_t i;

	*count = server->unused.count + server->held_count;
	entries = calloc(*count + 1, sizeof(*entries));
	if (!entries)
		abort();
	for (i = 0; i < server->held_count; i++) {
		entries[i] = server->held[i].entry;
		if (server->held[i].owner == fd)
			entries[i].flags |= FREQ_ENTRY_MINE;
	}
	for (; i < *count; i++)
		entries[i].frequency =
			server->unused.values[i - server->held_count];
	if (!has_bug(server, "unsorted"))
		qsort(entries, *count, sizeof(*entries), compare);
	return entries;
}

/* Other clients act after the first listing. */
static void act_as_others(void)
{
	struct freq_array lost = read_spec("FAKE_LOST", "");
	size_t i, at;

	give_back_spec("FAKE_FREED");
	for (i = 0; i < lost.count; i++) {
		at = find_held(&live, lost.values[i]);
		if (at == live.held_count)
			continue;
		live.held[at].entry.flags &= ~FREQ_ENTRY_KEEP;
		live.held[at].entry.uid = THIRD_USER;
	}
	freq_array_free(&lost);
}

/* The cursor counts half pages: each other one has nothing. */
static int fake_list(const struct server *server, struct freq_list *arg, int fd)
{
	struct freq_entry *entries = (struct freq_entry *)(uintptr_t)
				     arg->entries, *all;
	size_t i = arg->cursor / 2 * PAGE, end = i + PAGE, total;
	__u32 count = 0, flag;

	if (arg->flags & ~(FREQ_LIST_FREE | FREQ_LIST_ALLOCATED) ||
	    arg->count < PAGE)
		return -EINVAL;
	all = all_entries(server, fd, &total);
	if (arg->cursor % 2)
		end = i;
	for (; i < end && i < total; i++) {
		flag = all[i].flags & FREQ_ENTRY_ALLOCATED ?
		       FREQ_LIST_ALLOCATED : FREQ_LIST_FREE;
		if (!arg->flags || arg->flags & flag)
			entries[count++] = all[i];
	}
	free(all);
	arg->count = count;
	arg->cursor++;
	if (arg->cursor / 2 * PAGE >= total)
		arg->cursor = 0;
	if (!arg->cursor && server == &live)
		act_as_others();
	return 0;
}

/* Of a free frequency, there is no more to say. */
static void add_grant(const struct server *server,
		      const struct freq_entry *plain,
		      struct freq_grant_entry *entry)
{
	const char *label = getenv("FAKE_LABEL");
	size_t i = find_held(server, plain->frequency);
	const struct held *held = &server->held[i];

	*entry = (struct freq_grant_entry){
		.frequency = plain->frequency,
		.flags = plain->flags,
		.uid = plain->uid,
		.pid = plain->pid,
	};
	entry->grant = has_bug(server, "grant of free");
	if (i == server->held_count)
		return;
	entry->grant = held->grant;
	if (has_bug(server, "grant of none"))
		entry->grant = 0;
	if (has_bug(server, "grant of list") && held->owner >= 0)
		entry->grant++;
	entry->since = has_bug(server, "since") ? 1 : held->since;
	if (has_bug(server, "holder of grant"))
		entry->pid++;
	if (held->owner >= 0)
		memcpy(entry->label, labels[held->owner], sizeof(entry->label));
	else if (label && !(plain->flags & FREQ_ENTRY_KEEP))
		memcpy(entry->label, label,
		       strnlen(label, sizeof(entry->label)));
}

/* The pages are those of fake_list(). */
static int fake_list_grants(struct server *server, struct freq_list_grants *arg,
			    int fd)
{
	struct freq_entry plain[PAGE];
	struct freq_list list = {
		.entries = (uintptr_t)plain,
		.cursor = arg->cursor,
		.count = arg->count,
		.flags = arg->flags,
	};
	const char *pages = getenv("FAKE_LIST_PAGES");
	static int page;
	int err;
	__u32 i;

	if (server->release < 3 || (pages && page++ == atoi(pages)))
		return -ENOTTY;
	if (arg->entry_size != sizeof(struct freq_grant_entry) || arg->pad)
		return -EINVAL;
	err = fake_list(server, &list, fd);
	if (err)
		return err;
	for (i = 0; i < list.count; i++)
		add_grant(server, &plain[i], (struct freq_grant_entry *)
			  (uintptr_t)arg->entries + i);
	if (has_bug(server, "grant missing") && list.count)
		list.count--;
	arg->count = list.count;
	arg->cursor = list.cursor;
	return 0;
}

static int is_copy(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && status.st_rdev == makedev(1, 5);
}

static void note_request(unsigned long request)
{
	const char *path = getenv("FAKE_REQUESTS");
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (!file)
		return;
	fprintf(file, "%#lx\n", _IOC_NR(request));
	fclose(file);
}

static int answer(int fd, unsigned long request, void *arg)
{
	struct server *server = is_copy(fd) ? &copy : &live;

	if (_IOC_NR(request) == _IOC_NR(FREQ_IOC_ALLOCATE) ||
	    _IOC_NR(request) == _IOC_NR(FREQ_IOC_ALLOCATE_GROUP))
		signal_once("FAKE_SIGNAL_REQUEST");
	if (!begun)
		begin();
	note_request(request);
	if (!server->release)
		return -ENODEV;
	switch (request) {
	case FREQ_IOC_STOP:
		if (server->held_count)
			return -EBUSY;
		server->release = 0;
		return 0;
	case FREQ_IOC_INFO:
		return fake_info(server, arg);
	case FREQ_IOC_INFO_V3:
		return fake_info_v3(server, arg);
	case FREQ_IOC_LIST:
		return fake_list(server, arg, fd);
	case FREQ_IOC_ALLOCATE:
		return fake_allocate(server, arg, fd);
	case FREQ_IOC_DEALLOCATE:
		return fake_deallocate(server, arg, fd);
	case FREQ_IOC_ALLOCATE_V3:
		return fake_allocate_v3(server, arg, fd);
	case FREQ_IOC_DEALLOCATE_V3:
		return fake_deallocate_v3(server, arg, fd);
	case FREQ_IOC_ALLOCATE_GROUP:
		return fake_allocate_group(server, arg, fd);
	case FREQ_IOC_LIST_GRANTS:
		return fake_list_grants(server, arg, fd);
	case FREQ_IOC_LABEL:
		return fake_label(server, arg, fd);
	case FREQ_IOC_SUBSCRIBE:
		return server->release < 3 ? -ENOTTY : fake_subscribe(arg, fd);
	case FREQ_IOC_INJECT:
		return fake_inject(server, arg);
	case FREQ_IOC_ALLOCATE_BATCH:
		return fake_allocate_batch(server, arg, fd);
	case FREQ_IOC_DEALLOCATE_BATCH:
		return fake_deallocate_batch(server, arg, fd);
	default:
		return has_bug(server, "unknown") ? 0 : -ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	int ret;

	va_start(args, request);
	ret = answer(fd, request, va_arg(args, void *));
	va_end(args);
	if (!ret)
		return 0;
	errno = -ret;
	return -1;
}

struct passwd *__wrap_getpwuid(uid_t uid)
{
	static struct passwd user;
	const char *path = getenv("FAKE_USERS");
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (file) {
		fprintf(file, "%u\n", uid);
		fclose(file);
	}
	user.pw_name = getenv("FAKE_USER_NAME");
	return user.pw_name ? &user : __real_getpwuid(uid);
}

/* The end of a client; that of the live server is seen by report_left(). */
int __wrap_close(int fd)
{
	size_t i = is_copy(fd) ? copy.held_count : 0;

	if (fd >= 0 && fd < DESCRIPTORS)
		memset(labels[fd], 0, sizeof(labels[fd]));
	while (i--) {
		if (copy.held[i].owner != fd)
			continue;
		copy.held[i].owner = -1;
		if (copy.held[i].entry.flags & FREQ_ENTRY_KEEP)
			copy.held[i].entry.pid = 0;
		else if (!has_bug(&copy, "close"))
			give_back(&copy, i);
	}
	return __real_close(fd);
}

/* ---- A rehearsal */

static void write_list(const char *name, const struct freq_array *list)
{
	struct freq_array sorted = { 0 };
	char path[256], *text;
	FILE *file;
	size_t i;

	for (i = has_bug(&copy, name); i < list->count; i++)
		if (freq_array_add(&sorted, list->values[i]))
			abort();
	freq_array_sort(&sorted);
	text = freq_array_format(&sorted);
	snprintf(path, sizeof(path), "%s/%s", getenv("FAKE_LISTS"), name);
	file = fopen(path, "we");
	if (!file || !text)
		abort();
	fprintf(file, "%s\n", text);
	fclose(file);
	free(text);
	freq_array_free(&sorted);
}

static void write_lists(void)
{
	struct freq_array held = { 0 };
	size_t i;

	for (i = 0; i < copy.held_count; i++)
		if (freq_array_add(&held, copy.held[i].entry.frequency))
			abort();
	write_list("free", &copy.unused);
	write_list("allocated", &held);
	freq_array_free(&held);
}

static void copy_server(unsigned int release)
{
	size_t i = 0;

	copy = live;
	copy.release = release;
	copy.unused = (struct freq_array){ 0 };
	if (has_bug(&copy, "lost"))
		i++;
	for (; i < live.unused.count; i++)
		if (freq_array_add(&copy.unused, live.unused.values[i]))
			abort();
	if (has_bug(&copy, "more") && freq_array_add(&copy.unused, 1000))
		abort();
	if (has_bug(&copy, "holder"))
		copy.held[0].entry.uid++;
	if (has_bug(&copy, "number"))
		copy.release++;
}

static void free_copy(void)
{
	freq_array_free(&copy.unused);
}

int __wrap_rehearsal_session_prepare(struct rehearsal *rehearsal,
				     unsigned int number)
{
	*rehearsal = (struct rehearsal){ .number = number, .lock = -1 };
	signals_hold(&rehearsal->mask);
	rehearsal->live = freq_client_open(NULL, O_RDONLY);
	return rehearsal->live ? 0 : -1;
}

int __wrap_rehearsal_session_begin(struct rehearsal *rehearsal,
				   const char *parameters)
{
	/* The only parameter that matters here */
	if (!strcmp(parameters, "refuses=1")) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (!begun)
		begin();
	copy_server(rehearsal->number);
	if (getenv("FAKE_LISTS"))
		write_lists();
	rehearsal->device = COPY_DEVICE;
	rehearsal->lists = getenv("FAKE_LISTS");
	rehearsal->copy = freq_client_open(rehearsal->device, O_RDWR);
	return rehearsal->copy ? 0 : -1;
}

int __wrap_rehearsal_session_end(struct rehearsal *rehearsal)
{
	freq_client_close(rehearsal->copy);
	freq_client_close(rehearsal->live);
	free_copy();
	fake_modules_end_rehearsal();
	return getenv("FAKE_STAYS") ? -1 : 0;
}
