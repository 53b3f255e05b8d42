// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upgrade under fire: many upgrades back to back while clients of all kinds
 * use the server. No request fails, no open fails, no module has to be removed
 * twice, and after each upgrade each frequency is where it was.
 *
 * FREQ_TEST_UPGRADES in the environment says how many.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/resource.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "load.h"

#define UPGRADES	100

/* After how many of them all stops and is compared. */
#define CHECK_EVERY	10

#define POOL		1000
#define USERS		8
#define VISITORS	2
#define READERS		2

/* Processes that hold, their descriptors, and what each of those holds. */
#define HOLDERS		8
#define DESCRIPTORS	8
#define FREQUENCIES	(HOLDERS * DESCRIPTORS * 2)

FIXTURE(fire) {
	int fd;
	struct child holders[HOLDERS];
	struct load load;
};

FIXTURE_VARIANT(fire) {
	const char *from;
	const char *to;
};

FIXTURE_VARIANT_ADD(fire, v1_and_v2) {
	.from = "freq_v1",
	.to = "freq_v2",
};

/* Each of these upgrades converts the state. */
FIXTURE_VARIANT_ADD(fire, v3_and_v90) {
	.from = "freq_v3",
	.to = "freq_v90",
};

/* A frequency that is given back, and one that stays. */
static __u64 held_by(int holder, int descriptor)
{
	return 1 + (holder * DESCRIPTORS + descriptor) * 2;
}

static int take_two(int fd, __u64 want)
{
	__u64 plain, kept;

	return differ(0, try_allocate(fd, 0, &plain)) ||
	       differ(want, plain) ||
	       differ(0, try_allocate(fd, FREQ_ALLOCATE_KEEP, &kept)) ||
	       differ(want + 1, kept);
}

/* Just these two are its own, and still can be given back. */
static int still_has_two(int fd, __u64 want)
{
	struct listing list;
	__u32 wanted, flags;
	int error = 0;
	size_t i;

	if (differ(0, listing_take(&list, fd, FREQ_LIST_ALLOCATED,
				   FREQ_LIST_MAX)))
		return -1;
	for (i = 0; i < list.count; i++) {
		flags = list.entries[i].flags;
		wanted = FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_MINE;
		if (list.entries[i].frequency == want + 1)
			wanted |= FREQ_ENTRY_KEEP;
		else if (list.entries[i].frequency != want)
			wanted = flags & ~FREQ_ENTRY_MINE;
		if (differ(wanted, flags))
			error = -1;
	}
	listing_free(&list);
	return error || differ(0, try_deallocate(fd, want)) ||
	       differ(0, try_deallocate(fd, want + 1));
}

static int hold(int line, void *data)
{
	int holder = *(int *)data;
	int fds[DESCRIPTORS];
	int i;

	for (i = 0; i < DESCRIPTORS; i++) {
		fds[i] = open_client();
		if (fails(fds[i] >= 0) ||
		    take_two(fds[i], held_by(holder, i)))
			return -1;
	}
	if (line_say(line, 'a'))
		return -1;
	/* As long as it takes. */
	while (line_hear(line, 'b') == -ETIMEDOUT)
		;
	for (i = 0; i < DESCRIPTORS; i++) {
		if (still_has_two(fds[i], held_by(holder, i)))
			return -1;
	}
	return 0;
}

FIXTURE_SETUP(fire)
{
	char parameter[32];
	int i;

	snprintf(parameter, sizeof(parameter), "frequencies=1-%d", POOL);
	ASSERT_EQ(0, server_start(variant->from, parameter));
	for (i = 0; i < HOLDERS; i++) {
		ASSERT_EQ(0, child_start(&self->holders[i], hold, &i));
		ASSERT_EQ(0, line_hear(self->holders[i].line, 'a'));
	}
	ASSERT_EQ(0, load_init(&self->load, POOL));
	for (i = 1; i <= FREQUENCIES; i++)
		load_hold(&self->load, i);
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(fire)
{
	EXPECT_EQ(0, test_clean());
}

/* Asked while all others go on. */
static int holders_stay(struct child *holders, int fd)
{
	const struct freq_entry *entry;
	struct listing list;
	int error = 0;
	__u32 flags;
	__u64 i;

	if (differ(0, listing_take(&list, fd, FREQ_LIST_ALLOCATED,
				   FREQ_LIST_MAX)))
		return -1;
	for (i = 0; !error && i < FREQUENCIES; i++) {
		flags = FREQ_ENTRY_ALLOCATED | (i % 2 ? FREQ_ENTRY_KEEP : 0);
		entry = listing_find(&list, i + 1);
		error = fails(entry) || differ(flags, entry->flags) ||
			differ(0, entry->uid) ||
			differ(holders[i / (2 * DESCRIPTORS)].pid, entry->pid);
	}
	listing_free(&list);
	return error;
}

static int wanted_upgrades(void)
{
	const char *wanted = getenv("FREQ_TEST_UPGRADES");

	return wanted ? atoi(wanted) : rounds(UPGRADES);
}

TEST_F_TIMEOUT(fire, back_to_back, 3600)
{
	unsigned long requests = 0, opens = 0;
	int wanted = wanted_upgrades();
	const char *from = variant->from;
	const char *to = variant->to;
	unsigned long long start;
	int i;

	ASSERT_LT(0, wanted);
	ASSERT_EQ(0, load_add_users(&self->load, USERS));
	ASSERT_EQ(0, load_add_visitors(&self->load, VISITORS));
	ASSERT_EQ(0, load_add_readers(&self->load, READERS));

	/* The loader is one of many, and shall not wait for all of them. */
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, -20));
	start = now_ms();
	for (i = 1; i <= wanted; i++) {
		const char *before = from;

		ASSERT_EQ(0, module_load(to, NULL));
		ASSERT_EQ(0, module_unload(from));
		ASSERT_TRUE(release_runs(to));
		ASSERT_EQ(0, holders_stay(self->holders, self->fd));
		ASSERT_FALSE(load_failed(&self->load));
		if (i % CHECK_EVERY == 0 || i == wanted) {
			load_pause(&self->load);
			ASSERT_EQ(0, load_check(&self->load, self->fd));
			load_resume(&self->load);
		}
		from = to;
		to = before;
	}
	EXPECT_EQ(wanted, upgrade_figure("count"));
	EXPECT_EQ(0, upgrade_figure("refused"));

	for (i = 0; i < self->load.nr_threads; i++) {
		requests += self->load.threads[i].requests;
		opens += self->load.threads[i].opens;
	}
	TH_LOG("%d upgrades in %llu ms; %lu requests, %lu opens", wanted,
	       now_ms() - start, requests, opens);
	TH_LOG("the gate was closed for at most %llu ns",
	       upgrade_figure("gate_longest_ns"));
	ASSERT_EQ(0, load_finish(&self->load));
	for (i = 0; i < HOLDERS; i++) {
		ASSERT_EQ(0, line_say(self->holders[i].line, 'b'));
		EXPECT_EQ(0, child_wait(&self->holders[i]));
	}
	EXPECT_TRUE(sysfs_is("free", "1-1000\n"));
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
}

TEST_HARNESS_MAIN
