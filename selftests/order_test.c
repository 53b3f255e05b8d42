// SPDX-License-Identifier: GPL-2.0-only
/*
 * The discipline of the lists: allocate takes the head of the free list,
 * deallocate puts back at the head, inject appends at the tail, and a client
 * that closes leaves the free list as if it had never taken anything.
 *
 * The last test compares the server with a simple model of it, over long
 * random sequences of requests and upgrades.
 */
#define _GNU_SOURCE
#include "../kselftest_harness.h"
#include "freq_test.h"

FIXTURE(order) {
	int fd;
};

FIXTURE_VARIANT(order) {
	const char *release;
	const char *other;
	bool injects;
};

RELEASE_VARIANT(order, v1, .other = "freq_v2");
RELEASE_VARIANT(order, v2, .other = "freq_v1", .injects = true);
RELEASE_VARIANT(order, v3, .other = "freq_v2", .injects = true);

FIXTURE_SETUP(order)
{
	ASSERT_EQ(0, server_start(variant->release, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(order)
{
	EXPECT_EQ(0, test_clean());
}

/* The exercise, step by step. */
TEST_F(order, exercise)
{
	__u64 i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	test_err_allocate(ENOSPC, self->fd);
	if (!variant->injects) {
		test_err_inject(ENOTTY, self->fd, 30, 31, 32);
		ASSERT_EQ(0, module_load(variant->other, NULL));
		ASSERT_EQ(0, module_unload(variant->release));
		test_err_allocate(ENOSPC, self->fd);
	}
	test_inject(self->fd, 30, 31, 32);
	for (i = 30; i <= 32; i++)
		test_allocate(self->fd, i);
	test_err_allocate(ENOSPC, self->fd);
	EXPECT_TRUE(sysfs_is("free", "\n"));
	EXPECT_TRUE(sysfs_is("allocated", "10-15,30-32\n"));
}

TEST_F(order, deallocate_puts_at_the_head)
{
	test_allocate(self->fd, 10);
	test_allocate(self->fd, 11);
	test_allocate(self->fd, 12);
	test_deallocate(self->fd, 11);
	test_allocate(self->fd, 11);
	test_deallocate(self->fd, 10);
	test_deallocate(self->fd, 12);
	EXPECT_ORDER(12, 10, 13, 14, 15);
}

TEST_F(order, inject_appends_at_the_tail)
{
	if (!variant->injects)
		return;
	test_inject(self->fd, 32, 30);
	test_inject(self->fd, 31);
	EXPECT_ORDER(10, 11, 12, 13, 14, 15, 32, 30, 31);
	test_allocate(self->fd, 10);
	test_deallocate(self->fd, 10);
	test_inject(self->fd, 1);
	EXPECT_ORDER(10, 11, 12, 13, 14, 15, 32, 30, 31, 1);
}

TEST_F(order, inject_into_an_empty_list)
{
	__u64 i;

	if (!variant->injects)
		return;
	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	test_inject(self->fd, ~0ULL, 0);
	EXPECT_ORDER(~0ULL, 0);
	test_deallocate(self->fd, 14);
	EXPECT_ORDER(14, ~0ULL, 0);
}

/* It may be injected again only if it is not there: so never again. */
TEST_F(order, inject_never_doubles)
{
	if (!variant->injects)
		return;
	test_allocate(self->fd, 10);
	test_err_inject(EEXIST, self->fd, 10);
	test_err_inject(EEXIST, self->fd, 11);
	test_err_inject(EEXIST, self->fd, 30, 30);
	test_deallocate(self->fd, 10);
	test_err_inject(EEXIST, self->fd, 10);
	EXPECT_ORDER(10, 11, 12, 13, 14, 15);
}

TEST_F(order, deallocate_never_doubles)
{
	test_allocate(self->fd, 10);
	test_deallocate(self->fd, 10);
	test_err_deallocate(ENOENT, self->fd, 10);
	test_err_deallocate(ENOENT, self->fd, 11);
	test_err_deallocate(ENOENT, self->fd, 30);
	EXPECT_ORDER(10, 11, 12, 13, 14, 15);
}

TEST_F(order, close_as_if_never_taken)
{
	int one = open_client();
	int other = open_client();

	ASSERT_GE(one, 0);
	ASSERT_GE(other, 0);
	test_allocate(one, 10);
	test_allocate(other, 11);
	test_allocate(one, 12);
	test_allocate(other, 13);
	close(one);
	EXPECT_ORDER(10, 12, 14, 15);
	close(other);
	EXPECT_ORDER(11, 13, 10, 12, 14, 15);
}

/* It is the order of the allocations that counts, not that of numbers. */
TEST_F(order, close_in_order_of_allocation)
{
	int one = open_client();

	ASSERT_GE(one, 0);
	test_allocate(one, 10);
	test_allocate(one, 11);
	test_allocate(one, 12);
	test_deallocate(one, 10);
	test_allocate(one, 10);
	test_allocate(one, 13);
	test_deallocate(one, 12);
	close(one);
	EXPECT_ORDER(11, 10, 13, 12, 14, 15);
}

TEST_F(order, close_leaves_kept)
{
	int one = open_client();

	ASSERT_GE(one, 0);
	test_allocate(one, 10);
	test_keep(one, 11);
	test_allocate(one, 12);
	test_keep(one, 13);
	close(one);
	EXPECT_ORDER(10, 12, 14, 15);
	test_deallocate(self->fd, 11);
	test_deallocate(self->fd, 13);
	EXPECT_ORDER(13, 11, 10, 12, 14, 15);
}

TEST_F(order, close_after_upgrade)
{
	int one = open_client();

	ASSERT_GE(one, 0);
	test_allocate(one, 10);
	test_allocate(one, 11);
	test_deallocate(one, 10);
	test_allocate(one, 10);
	ASSERT_EQ(0, server_upgrade(variant->release, variant->other));
	test_allocate(one, 12);
	close(one);
	EXPECT_ORDER(11, 10, 12, 13, 14, 15);
}

TEST_F(order, free_list_survives_upgrade)
{
	int i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	test_deallocate(self->fd, 12);
	test_deallocate(self->fd, 15);
	test_deallocate(self->fd, 10);
	test_deallocate(self->fd, 14);
	ASSERT_EQ(0, server_upgrade(variant->release, variant->other));
	EXPECT_ORDER(14, 10, 15, 12);
	ASSERT_EQ(0, server_upgrade(variant->other, variant->release));
	EXPECT_ORDER(14, 10, 15, 12);
}

/* As the parameter says, not ascending. */
TEST(parameter_tells_the_order)
{
	int fd;

	ASSERT_EQ(0, server_start("freq_v1", "frequencies=20-22,7,3-9/3,1k"));
	fd = open_client();
	ASSERT_GE(fd, 0);
	test_allocate(fd, 20);
	test_allocate(fd, 21);
	test_allocate(fd, 22);
	test_allocate(fd, 7);
	test_allocate(fd, 3);
	test_allocate(fd, 6);
	test_allocate(fd, 9);
	test_allocate(fd, 1000);
	test_err_allocate(ENOSPC, fd);
	EXPECT_EQ(0, test_clean());
}

/*
 * The model: the exercise's server with its three faults mended, as plainly
 * as it can be written.
 */
#define MODEL_MAX	600
#define MODEL_CLIENTS	6

struct model_held {
	__u64 frequency;
	int client;		/* -1: closed, the allocation is kept */
	bool keep;
};

struct model {
	__u64 available[MODEL_MAX];	/* [0] is the head */
	int nr_free;
	struct model_held held[MODEL_MAX];	/* in order of allocation */
	int nr_held;
};

static void model_push(struct model *model, __u64 frequency)
{
	memmove(model->available + 1, model->available,
		model->nr_free * sizeof(*model->available));
	model->available[0] = frequency;
	model->nr_free++;
}

static int model_allocate(struct model *model, int client, bool keep,
			  __u64 *frequency)
{
	if (!model->nr_free)
		return -ENOSPC;
	*frequency = model->available[0];
	model->nr_free--;
	memmove(model->available, model->available + 1,
		model->nr_free * sizeof(*model->available));
	model->held[model->nr_held++] = (struct model_held) {
		.frequency = *frequency,
		.client = client,
		.keep = keep,
	};
	return 0;
}

static void model_drop(struct model *model, int i)
{
	model->nr_held--;
	memmove(&model->held[i], &model->held[i + 1],
		(model->nr_held - i) * sizeof(*model->held));
}

static int model_deallocate(struct model *model, int client, __u64 frequency)
{
	int i;

	for (i = 0; i < model->nr_held; i++) {
		if (model->held[i].frequency == frequency)
			break;
	}
	if (i == model->nr_held)
		return -ENOENT;
	if (!model->held[i].keep && model->held[i].client != client)
		return -EPERM;
	model_drop(model, i);
	model_push(model, frequency);
	return 0;
}

/* As many as single requests would give, if there are as many. */
static int model_allocate_batch(struct model *model, int client, bool keep,
				__u64 *list, __u32 count)
{
	__u32 i;

	if (model->nr_free < (int)count)
		return -ENOSPC;
	for (i = 0; i < count; i++)
		model_allocate(model, client, keep, &list[i]);
	return 0;
}

/* One by one, in a model that counts only if that comes to its end. */
static int model_deallocate_batch(struct model *model, int client,
				  const __u64 *list, __u32 count,
				  __u32 *index)
{
	static struct model trial;
	int error;
	__u32 i;

	trial = *model;
	for (i = 0; i < count; i++) {
		error = model_deallocate(&trial, client, list[i]);
		if (error) {
			*index = i;
			return error;
		}
	}
	*model = trial;
	return 0;
}

static bool model_has(const struct model *model, __u64 frequency)
{
	int i;

	for (i = 0; i < model->nr_free; i++) {
		if (model->available[i] == frequency)
			return true;
	}
	for (i = 0; i < model->nr_held; i++) {
		if (model->held[i].frequency == frequency)
			return true;
	}
	return false;
}

static int model_inject(struct model *model, const __u64 *list, __u32 count,
			__u32 *index)
{
	__u32 i, j;

	for (i = 0; i < count; i++) {
		*index = i;
		if (model_has(model, list[i]))
			return -EEXIST;
		for (j = 0; j < i; j++) {
			if (list[j] == list[i])
				return -EEXIST;
		}
	}
	memcpy(model->available + model->nr_free, list, count * sizeof(*list));
	model->nr_free += count;
	return 0;
}

static void model_close(struct model *model, int client)
{
	int i;

	/* From the last to the first, so that the first ends up foremost. */
	for (i = model->nr_held - 1; i >= 0; i--) {
		if (model->held[i].client != client)
			continue;
		if (model->held[i].keep) {
			model->held[i].client = -1;
			continue;
		}
		model_push(model, model->held[i].frequency);
		model_drop(model, i);
	}
}

/* Whether LIST, asked by a client, shows just what the model has. */
static int model_compare(const struct model *model, int client, int fd)
{
	const struct freq_entry *entry;
	struct listing listing;
	struct freq_info info;
	__u32 flags;
	int i;

	if (differ(0, try_info(fd, &info)) ||
	    differ(model->nr_free, info.free) ||
	    differ(model->nr_held, info.allocated) ||
	    differ(MODEL_CLIENTS, info.clients) ||
	    differ(0, listing_take(&listing, fd, 0, 1 + info.free % 50)) ||
	    differ(model->nr_free + model->nr_held, listing.count))
		return -1;
	listing_sort(&listing);
	for (i = 0; i < model->nr_free; i++) {
		entry = listing_find(&listing, model->available[i]);
		if (fails(entry) || differ(0, entry->flags))
			return -1;
	}
	for (i = 0; i < model->nr_held; i++) {
		const struct model_held *held = &model->held[i];

		entry = listing_find(&listing, held->frequency);
		flags = FREQ_ENTRY_ALLOCATED;
		if (held->keep)
			flags |= FREQ_ENTRY_KEEP;
		if (held->client == client)
			flags |= FREQ_ENTRY_MINE;
		if (fails(entry) || differ(flags, entry->flags) ||
		    differ(held->client < 0 ? 0 : getpid(), entry->pid) ||
		    differ(getuid(), entry->uid))
			return -1;
	}
	listing_free(&listing);
	return fails(sysfs_agrees(fd)) ? -1 : 0;
}

/* The server, the model, and a walk of random steps that both take. */
struct walk {
	const char *running;
	const char *other;
	int clients[MODEL_CLIENTS];
	struct model *model;
	__u64 random;
	int batches_done[2];
};

FIXTURE(model) {
	struct walk walk;
	int counts[5];
	int batches[2];
};

FIXTURE_VARIANT(model) {
	__u64 seed;
	/* Of 1000 steps, so many allocate, so many deallocate. */
	int allocate;
	int deallocate;
	/* Of 100 of these, so many are of several frequencies. */
	int batches;
};

FIXTURE_VARIANT_ADD(model, balanced) {
	.seed = 1, .allocate = 430, .deallocate = 430,
};

FIXTURE_VARIANT_ADD(model, mostly_empty) {
	.seed = 2, .allocate = 560, .deallocate = 300,
};

FIXTURE_VARIANT_ADD(model, mostly_full) {
	.seed = 3, .allocate = 300, .deallocate = 560,
};

FIXTURE_VARIANT_ADD(model, much_else) {
	.seed = 4, .allocate = 250, .deallocate = 200,
};

FIXTURE_VARIANT_ADD(model, batches) {
	.seed = 5, .allocate = 430, .deallocate = 430, .batches = 80,
};

FIXTURE_VARIANT_ADD(model, batches_and_much_else) {
	.seed = 6, .allocate = 250, .deallocate = 250, .batches = 50,
};

FIXTURE_SETUP(model)
{
	const char *seed = getenv("FREQ_TEST_SEED");
	struct walk *walk = &self->walk;
	int i;

	walk->running = "freq_v1";
	walk->other = "freq_v2";
	walk->random = seed ? strtoull(seed, NULL, 0) : variant->seed;
	TH_LOG("FREQ_TEST_SEED=%llu", walk->random);
	ASSERT_EQ(0, server_start(walk->running, NULL));
	for (i = 0; i < MODEL_CLIENTS; i++) {
		walk->clients[i] = open_client();
		ASSERT_GE(walk->clients[i], 0);
	}
	walk->model = calloc(1, sizeof(*walk->model));
	ASSERT_NE(NULL, walk->model);
	for (i = 10; i <= 15; i++)
		walk->model->available[walk->model->nr_free++] = i;
}

FIXTURE_TEARDOWN(model)
{
	free(self->walk.model);
	EXPECT_EQ(0, test_clean());
}

static int step_allocate(struct walk *walk, int client)
{
	bool keep = !random_below(&walk->random, 8);
	__u64 want = 0, seen = 0;
	int expected = model_allocate(walk->model, client, keep, &want);

	if (differ(expected, try_allocate(walk->clients[client],
					  keep ? FREQ_ALLOCATE_KEEP : 0,
					  &seen)))
		return -1;
	return !expected && differ(want, seen);
}

/* Mostly one that somebody holds, not always the one who asks. */
static int step_deallocate(struct walk *walk, int client)
{
	struct model *model = walk->model;
	__u64 frequency = random_below(&walk->random, 700);

	if (model->nr_held && random_below(&walk->random, 10)) {
		int i = random_below(&walk->random, model->nr_held);

		frequency = model->held[i].frequency;
		if (model->held[i].client >= 0 &&
		    random_below(&walk->random, 4))
			client = model->held[i].client;
	}
	return differ(model_deallocate(model, client, frequency),
		      try_deallocate(walk->clients[client], frequency));
}

static bool knows_batches(const struct walk *walk)
{
	return !strcmp(walk->running, "freq_v2");
}

/* Mostly few; now and then as many as may be, or more than there can be. */
static __u32 batch_size(struct walk *walk)
{
	if (random_below(&walk->random, 20))
		return 1 + random_below(&walk->random, 8);
	return 1 + random_below(&walk->random, FREQ_BATCH_MAX);
}

static int step_allocate_batch(struct walk *walk, int client)
{
	bool keep = !random_below(&walk->random, 8);
	__u32 count = batch_size(walk), i;
	__u64 want[FREQ_BATCH_MAX], seen[FREQ_BATCH_MAX];
	int expected = -ENOTTY;

	if (knows_batches(walk))
		expected = model_allocate_batch(walk->model, client, keep,
						want, count);
	if (differ(expected, try_allocate_batch(walk->clients[client],
						keep ? FREQ_ALLOCATE_KEEP : 0,
						seen, count)))
		return -1;
	for (i = 0; !expected && i < count; i++) {
		if (differ(want[i], seen[i]))
			return -1;
	}
	walk->batches_done[0] += !expected;
	return 0;
}

/*
 * Mostly what the client may give back, each once; and mostly not all of it,
 * in whatever order.
 */
static int step_deallocate_batch(struct walk *walk, int client)
{
	struct model *model = walk->model;
	__u32 count = 0, limit = batch_size(walk), want = 0, seen = 0;
	int start = model->nr_held ?
		    random_below(&walk->random, model->nr_held) : 0;
	__u64 list[FREQ_BATCH_MAX];
	int expected = -ENOTTY;
	int i;

	for (i = 0; i < model->nr_held && count < limit; i++) {
		const struct model_held *held =
			&model->held[(start + i) % model->nr_held];

		if (held->client == client || held->keep)
			list[count++] = held->frequency;
	}
	if (!count)
		list[count++] = random_below(&walk->random, 700);
	for (i = count - 1; i > 0; i--) {
		int j = random_below(&walk->random, i + 1);
		__u64 other = list[i];

		list[i] = list[j];
		list[j] = other;
	}
	/* One that is there twice, is held by another, or by nobody. */
	i = random_below(&walk->random, count);
	switch (random_below(&walk->random, 12)) {
	case 0:
		list[i] = list[random_below(&walk->random, count)];
		break;
	case 1:
		if (model->nr_held)
			list[i] = model->held[start].frequency;
		break;
	case 2:
		list[i] = random_below(&walk->random, 700);
		break;
	}

	if (knows_batches(walk))
		expected = model_deallocate_batch(model, client, list, count,
						  &want);
	if (differ(expected, try_deallocate_batch(walk->clients[client], list,
						  count, &seen)))
		return -1;
	walk->batches_done[1] += !expected;
	return differ(want, seen);
}

static int step_inject(struct walk *walk, int client)
{
	struct model *model = walk->model;
	__u32 want = 0, seen = 0;
	__u64 list[5];
	__u32 count = 1 + random_below(&walk->random, ARRAY_SIZE(list));
	int expected;
	__u32 i;

	for (i = 0; i < count; i++) {
		list[i] = 16 + random_below(&walk->random, 3000);
		/* Far apart, up to the largest there is. */
		if (list[i] % 3 == 0)
			list[i] = ~0ULL - list[i] * 0x123456789ULL;
	}
	if (model->nr_free + model->nr_held + count > MODEL_MAX)
		return 0;
	expected = strcmp(walk->running, "freq_v2") ? -ENOTTY :
		   model_inject(model, list, count, &want);
	if (differ(expected, try_inject(walk->clients[client], list, count,
					&seen)))
		return -1;
	return expected == -EEXIST && differ(want, seen);
}

static int step_close(struct walk *walk, int client)
{
	model_close(walk->model, client);
	if (fails(!close(walk->clients[client])))
		return -1;
	walk->clients[client] = open_client();
	return fails(walk->clients[client] >= 0);
}

static int step_upgrade(struct walk *walk)
{
	const char *before = walk->running;

	if (differ(0, server_upgrade(walk->running, walk->other)))
		return -1;
	walk->running = walk->other;
	walk->other = before;
	return 0;
}

TEST_F_TIMEOUT(model, agrees, 120)
{
	struct walk *walk = &self->walk;
	const int steps = rounds(12000);
	int step;

	for (step = 0; step < steps; step++) {
		int client = random_below(&walk->random, MODEL_CLIENTS);
		int kind = random_below(&walk->random, 1000);
		bool batch = variant->batches &&
			     random_below(&walk->random, 100) <
				     variant->batches;
		int error;

		if (!random_below(&walk->random, 1000)) {
			self->counts[0]++;
			error = step_upgrade(walk);
		} else if (batch && kind < variant->allocate) {
			self->batches[0]++;
			error = step_allocate_batch(walk, client);
		} else if (batch &&
			   kind < variant->allocate + variant->deallocate) {
			self->batches[1]++;
			error = step_deallocate_batch(walk, client);
		} else if (kind < variant->allocate) {
			self->counts[1]++;
			error = step_allocate(walk, client);
		} else if (kind < variant->allocate + variant->deallocate) {
			self->counts[2]++;
			error = step_deallocate(walk, client);
		} else if (kind % 3) {
			self->counts[3]++;
			error = step_inject(walk, client);
		} else {
			self->counts[4]++;
			error = step_close(walk, client);
		}
		if (!error && step % 400 == 0)
			error = model_compare(walk->model, client,
					      walk->clients[client]);
		ASSERT_EQ(0, error) {
			TH_LOG("at step %d", step);
		}
	}
	ASSERT_EQ(0, model_compare(walk->model, 0, walk->clients[0]));
	TH_LOG("%d upgrades, %d allocate, %d deallocate, %d inject, %d close",
	       self->counts[0], self->counts[1], self->counts[2],
	       self->counts[3], self->counts[4]);
	if (variant->batches)
		TH_LOG("batches: %d of %d allocate, %d of %d deallocate",
		       walk->batches_done[0], self->batches[0],
		       walk->batches_done[1], self->batches[1]);
}

TEST_HARNESS_MAIN
