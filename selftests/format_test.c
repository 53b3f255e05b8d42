// SPDX-License-Identifier: GPL-2.0-only
/*
 * Releases whose states have different layouts take over from each other. Each
 * such upgrade, and downgrade, converts the state while clients go on, and
 * nothing of it gets lost or is doubled; what would get lost is refused.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "release/release_v90.h"

FIXTURE(format) {
	int fd;
};

FIXTURE_SETUP(format)
{
	self->fd = -1;
}

FIXTURE_TEARDOWN(format)
{
	EXPECT_EQ(0, test_clean());
}

/* Up and up, down and down. */
TEST_F(format, round_trip)
{
	static const char * const way[] = {
		"freq_v1", "freq_v90", "freq_v2", "freq_v90", "freq_v1",
		"freq_v2", "freq_v90", "freq_v3", "freq_v90", "freq_v3",
		"freq_v2", "freq_v3", "freq_v1",
	};
	struct snapshot before, after;
	int other;
	size_t i;

	ASSERT_EQ(0, server_start(way[0],
				  "frequencies=0,7,18446744073709551610-18446744073709551615"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	other = open_client();
	ASSERT_GE(other, 0);
	test_allocate(self->fd, 0);
	test_keep(other, 7);
	test_allocate(other, 18446744073709551610ULL);
	test_allocate(self->fd, 18446744073709551611ULL);
	test_deallocate(other, 18446744073709551610ULL);
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	for (i = 1; i < ARRAY_SIZE(way); i++) {
		ASSERT_EQ(0, server_upgrade(way[i - 1], way[i]));
		ASSERT_EQ(0, snapshot_take(&after, self->fd));
		ASSERT_TRUE(state_same(&before, &after));
		snapshot_free(&after);
		/* Each of them changes it, and changes it back. */
		test_allocate(other, 18446744073709551610ULL);
		test_deallocate(other, 18446744073709551610ULL);
	}
	/* It began with this release, so not even INFO differs. */
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
	snapshot_free(&after);
	snapshot_free(&before);
}

/*
 * Clients that come and go take a handful of holders between them: else the
 * state would grow for as long as it serves. A new holder is needed before the
 * slot forgets the one before.
 */
TEST_F(format, holders_are_used_again)
{
	char *holders;
	int i;

	ASSERT_EQ(0, server_start("freq_v2", "frequencies=10-12"));
	for (i = 0; i < 100; i++) {
		self->fd = open_client();
		ASSERT_GE(self->fd, 0);
		test_allocate(self->fd, 10);
		if (i % 2)
			test_deallocate(self->fd, 10);
		close(self->fd);
	}
	self->fd = -1;
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
	holders = read_text(KNOBS "holders");
	ASSERT_NE(NULL, holders);
	EXPECT_GE(2, atoi(holders)) {
		TH_LOG("%s", holders);
	}
	free(holders);
}

static int try_tag(int fd, __u64 frequency, __u64 tag)
{
	struct freq_tag argument = {
		.frequency = frequency,
		.tag = tag,
	};

	return try_ioctl(fd, FREQ_IOC_TAG, &argument);
}

/* What the older format cannot express keeps the newer release. */
TEST_F(format, downgrade_that_would_lose)
{
	static const char * const older[] = { "freq_v1", "freq_v2" };
	struct snapshot before, after;
	size_t i;

	ASSERT_EQ(0, server_start("freq_v2", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	test_allocate(self->fd, 10);
	EXPECT_EQ(-ENOTTY, try_tag(self->fd, 10, 1));
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
	EXPECT_EQ(-ENOENT, try_tag(self->fd, 9, 1));
	ASSERT_EQ(0, try_tag(self->fd, 10, 5));
	ASSERT_EQ(0, try_tag(self->fd, 15, 6));
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	for (i = 0; i < ARRAY_SIZE(older); i++) {
		EXPECT_EQ(-EOPNOTSUPP, module_load(older[i], NULL));
		EXPECT_FALSE(module_loaded(older[i]));
		EXPECT_EQ(i + 1, upgrade_figure("refused"));
		ASSERT_EQ(0, snapshot_take(&after, self->fd));
		EXPECT_TRUE(snapshot_same(&before, &after));
		snapshot_free(&after);
	}
	/* One is as bad as two. */
	ASSERT_EQ(0, try_tag(self->fd, 10, 0));
	EXPECT_EQ(-EOPNOTSUPP, module_load("freq_v2", NULL));
	ASSERT_EQ(0, try_tag(self->fd, 15, 0));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
}

/* Injected on one side, it is there on the other, at the same place. */
TEST_F(format, inject_before_and_after)
{
	struct snapshot before, after;

	ASSERT_EQ(0, server_start("freq_v90", "frequencies=10-11"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	test_inject(self->fd, 30, 29, 28);
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(state_same(&before, &after));
	test_err_inject(EEXIST, self->fd, 29);
	test_inject(self->fd, 5);
	EXPECT_TRUE(sysfs_is("free", "5,10-11,28-30\n"));
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
	test_err_inject(EEXIST, self->fd, 5);
	EXPECT_TRUE(sysfs_is("free", "5,10-11,28-30\n"));
	test_inject(self->fd, 6);
	test_allocate(self->fd, 10);
}

/*
 * A model of the server, for one thread that has several clients. It knows the
 * order of the free list, so it knows the answer to each request.
 */
#define MODEL_POOL	100000
#define MODEL_CLIENTS	8

/* The lists: what each client holds, then what is free. */
#define MODEL_FREE	MODEL_CLIENTS
#define MODEL_LISTS	(MODEL_CLIENTS + 1)

/* In no list, but kept: by a client that may be closed. */
#define MODEL_KEPT	0x100

struct model {
	/* By frequency; element 0 ends lists. */
	__u32 next[MODEL_POOL + 1];
	__u32 prev[MODEL_POOL + 1];
	/* A list; or, if it is kept, MODEL_KEPT and who has it, or all. */
	__u16 where[MODEL_POOL + 1];
	__u32 first[MODEL_LISTS];
	__u32 last[MODEL_LISTS];
	int fds[MODEL_CLIENTS];
	__u64 random;
	unsigned long requests;
	pthread_t thread;
	bool stop;
	int error;
};

/* Kept by a client that is closed. */
#define MODEL_NOBODY	(MODEL_KEPT | MODEL_FREE)

static void model_append(struct model *model, int list, __u32 frequency)
{
	model->where[frequency] = list;
	model->next[frequency] = 0;
	model->prev[frequency] = model->last[list];
	if (model->last[list])
		model->next[model->last[list]] = frequency;
	else
		model->first[list] = frequency;
	model->last[list] = frequency;
}

static void model_push(struct model *model, int list, __u32 frequency)
{
	model->where[frequency] = list;
	model->prev[frequency] = 0;
	model->next[frequency] = model->first[list];
	if (model->first[list])
		model->prev[model->first[list]] = frequency;
	else
		model->last[list] = frequency;
	model->first[list] = frequency;
}

static void model_remove(struct model *model, int list, __u32 frequency)
{
	__u32 next = model->next[frequency];
	__u32 prev = model->prev[frequency];

	if (prev)
		model->next[prev] = next;
	else
		model->first[list] = next;
	if (next)
		model->prev[next] = prev;
	else
		model->last[list] = prev;
}

static int model_allocate(struct model *model, int client, bool keep)
{
	__u32 want = model->first[MODEL_FREE];
	__u64 frequency;
	int error;

	error = try_allocate(model->fds[client],
			     keep ? FREQ_ALLOCATE_KEEP : 0, &frequency);
	if (differ(want ? 0 : -ENOSPC, error) ||
	    (want && differ(want, frequency)))
		return -1;
	if (!want)
		return 0;
	model_remove(model, MODEL_FREE, want);
	if (keep)
		model->where[want] = MODEL_KEPT | client;
	else
		model_append(model, client, want);
	return 0;
}

static int model_deallocate(struct model *model, int client, __u32 frequency)
{
	int where = model->where[frequency];
	int want = 0;

	/* The test is privileged, so it may take back all that is kept. */
	if (where == MODEL_FREE)
		want = -ENOENT;
	else if (!(where & MODEL_KEPT) && where != client)
		want = -EPERM;
	if (differ(want, try_deallocate(model->fds[client], frequency)))
		return -1;
	if (want)
		return 0;
	if (!(where & MODEL_KEPT))
		model_remove(model, where, frequency);
	model_push(model, MODEL_FREE, frequency);
	return 0;
}

/* Another one takes its place, which has nothing. */
static int model_close(struct model *model, int client)
{
	__u32 frequency;

	close(model->fds[client]);
	model->fds[client] = open_client();
	if (fails(model->fds[client] >= 0))
		return -1;
	while ((frequency = model->last[client])) {
		model_remove(model, client, frequency);
		model_push(model, MODEL_FREE, frequency);
	}
	for (frequency = 1; frequency <= MODEL_POOL; frequency++) {
		if (model->where[frequency] == (MODEL_KEPT | client))
			model->where[frequency] = MODEL_NOBODY;
	}
	return 0;
}

static int model_turn(struct model *model)
{
	__u64 *random = &model->random;
	int client = random_below(random, MODEL_CLIENTS);

	model->requests++;
	switch (random_below(random, 1000)) {
	case 0:
		return model_close(model, client);
	case 1 ... 99:
		return model_allocate(model, client, true);
	case 100 ... 499:
		return model_allocate(model, client, false);
	default:
		return model_deallocate(model, client,
					1 + random_below(random, MODEL_POOL));
	}
}

/* Half of it is held, all over the pool, by all of them. */
static int model_start(struct model *model)
{
	__u32 i;

	for (i = 1; i <= MODEL_POOL; i++)
		model_append(model, MODEL_FREE, i);
	for (i = 0; i < MODEL_CLIENTS; i++) {
		model->fds[i] = open_client();
		if (fails(model->fds[i] >= 0))
			return -1;
	}
	for (i = 0; i < MODEL_POOL / 2; i++) {
		if (model_allocate(model, random_below(&model->random,
						       MODEL_CLIENTS),
				   !random_below(&model->random, 8)))
			return -1;
	}
	return 0;
}

static void *model_in_thread(void *data)
{
	struct model *model = data;

	while (!model->error &&
	       !__atomic_load_n(&model->stop, __ATOMIC_RELAXED))
		model->error = model_turn(model);
	return NULL;
}

static int model_check_entry(const struct model *model, int client,
			     const struct freq_entry *entry)
{
	int where = model->where[entry->frequency];
	__u32 flags = 0;

	if (where != MODEL_FREE)
		flags |= FREQ_ENTRY_ALLOCATED;
	if (where & MODEL_KEPT)
		flags |= FREQ_ENTRY_KEEP;
	if ((where & ~MODEL_KEPT) == client)
		flags |= FREQ_ENTRY_MINE;
	return differ(flags, entry->flags) || differ(0, entry->uid) ||
	       differ(where == MODEL_FREE || where == MODEL_NOBODY ?
		      0 : getpid(), entry->pid);
}

/* LIST, as each client sees it; then the order, by taking all that is free. */
static int model_check(const struct model *model)
{
	struct snapshot snapshot;
	struct listing list;
	__u32 frequency;
	int client;
	size_t i;

	for (client = 0; client < MODEL_CLIENTS; client++) {
		if (differ(0, listing_take(&list, model->fds[client], 0,
					   FREQ_LIST_MAX)) ||
		    differ(MODEL_POOL, list.count))
			return -1;
		for (i = 0; i < list.count; i++) {
			if (differ(i + 1, list.entries[i].frequency) ||
			    model_check_entry(model, client, &list.entries[i]))
				return -1;
		}
		listing_free(&list);
	}
	if (differ(0, snapshot_take(&snapshot, model->fds[0])))
		return -1;
	frequency = model->first[MODEL_FREE];
	for (i = 0; i < snapshot.nr_order; i++) {
		if (differ(frequency, snapshot.order[i]))
			return -1;
		frequency = model->next[frequency];
	}
	snapshot_free(&snapshot);
	return differ(0, frequency);
}

/* Each answer, and at the end all of it, is as if nothing else happened. */
TEST_F_TIMEOUT(format, large_while_it_changes, 120)
{
	static struct model model;
	const char *from = "freq_v2";
	unsigned long before;
	int i;

	ASSERT_EQ(0, server_start(from, "frequencies=1-100000"));
	ASSERT_EQ(0, model_start(&model));
	ASSERT_EQ(0, pthread_create(&model.thread, NULL, model_in_thread,
				    &model));
	for (i = 0; i < 8; i++) {
		const char *to = i % 2 ? "freq_v1" : "freq_v90";

		before = __atomic_load_n(&model.requests, __ATOMIC_RELAXED);
		ASSERT_EQ(0, server_upgrade(from, to));
		from = to;
		TH_LOG("%lu requests during the upgrade",
		       __atomic_load_n(&model.requests, __ATOMIC_RELAXED) -
		       before);
	}
	__atomic_store_n(&model.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(model.thread, NULL));
	ASSERT_EQ(0, model.error);
	EXPECT_EQ(0, model_check(&model));
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v90"));
	EXPECT_EQ(0, model_check(&model));
	EXPECT_TRUE(sysfs_agrees(model.fds[0]));
}

struct injector {
	pthread_t thread;
	int fd;
	bool stop;
	__u64 done;
	int spanned;
	int error;
};

static int inject_some(struct injector *injector)
{
	struct freq_info before, after;
	__u64 one;

	while (!__atomic_load_n(&injector->stop, __ATOMIC_RELAXED)) {
		one = 1000000 + injector->done;
		if (differ(0, try_info(injector->fd, &before)) ||
		    differ(0, try_inject(injector->fd, &one, 1, NULL)) ||
		    differ(0, try_info(injector->fd, &after)))
			return -1;
		injector->done++;
		if (before.release != after.release)
			__atomic_fetch_add(&injector->spanned, 1,
					   __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void *inject_in_thread(void *data)
{
	struct injector *injector = data;

	injector->error = inject_some(injector);
	return NULL;
}

/* What adds to the pool waits for the end of the conversion, then succeeds. */
TEST_F_TIMEOUT(format, inject_waits, 120)
{
	unsigned long long end = now_ms() + DEADLINE_MS;
	struct injector injector = {};
	const char *from = "freq_v2";
	const char *to = "freq_v90";
	struct freq_info info;
	int i;

	ASSERT_EQ(0, server_start(from, "frequencies=1-100000"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	injector.fd = open_client();
	ASSERT_GE(injector.fd, 0);
	ASSERT_EQ(0, pthread_create(&injector.thread, NULL, inject_in_thread,
				    &injector));
	/* Until some that had begun before a takeover ended after it. */
	for (i = 0; i < 4 || (__atomic_load_n(&injector.spanned,
					      __ATOMIC_SEQ_CST) < 2 &&
			      now_ms() < end); i++) {
		const char *before = from;

		ASSERT_EQ(0, server_upgrade(from, to));
		from = to;
		to = before;
	}
	__atomic_store_n(&injector.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(injector.thread, NULL));
	EXPECT_EQ(0, injector.error);
	EXPECT_LE(2, injector.spanned);
	test_info(self->fd, &info);
	EXPECT_EQ(100000 + injector.done, info.free);
	EXPECT_TRUE(sysfs_agrees(self->fd));
	TH_LOG("%llu were injected during %d upgrades, %d in a takeover",
	       injector.done, i, injector.spanned);
}

/* The test release alone: a fresh server, like any other's. */
TEST_F(format, fresh)
{
	ASSERT_EQ(0, server_start("freq_v90", "frequencies=1-3"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	EXPECT_TRUE(release_runs("freq_v90"));
	test_allocate(self->fd, 1);
	test_deallocate(self->fd, 1);
	ASSERT_EQ(0, try_tag(self->fd, 1, 1));
	test_stop(self->fd);
	EXPECT_EQ(0, module_unload("freq_v90"));
	EXPECT_EQ(-EINVAL, module_load("freq_v90", "frequencies=3,3"));
	ASSERT_EQ(0, module_load("freq_v90", "frequencies=5"));
	/* The tag went with the pool. */
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v1"));
	test_allocate(self->fd, 5);
}

TEST_HARNESS_MAIN
