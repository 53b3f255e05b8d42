// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients stuck in a page fault: on the argument, on an array, or on the reply.
 * A stuck request has not begun: it owns no frequency and delays neither other
 * clients nor upgrades. The release that runs when the page arrives answers it.
 * SIGKILL ends it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

/* Pool: 1 to POOL; injected: FRESH and up; never in the pool: UNKNOWN */
#define POOL		100
#define POOL_PARAMETER	"frequencies=1-100"
#define FRESH		1000
#define UNKNOWN		5000

#define UPGRADES	10

/* Where the request faults */
enum place {
	ARGUMENT,	/* reading the argument; writing it if it is out only */
	ARRAY,		/* reading or writing the array */
	REPLY,		/* writing the argument, which can be read */
};

/**
 * struct call - a request that gets stuck
 * @name: name in the log
 * @request: number of the request
 * @place: where it faults
 * @error: expected result, of a release that knows the request
 * @flags: flags in the argument
 * @allocated: change in the number of allocated frequencies
 * @injected: number of frequencies that it adds
 */
struct call {
	const char *name;
	unsigned int request;
	enum place place;
	int error;
	__u32 flags;
	int allocated;
	int injected;
};

#define CALL(number, where, ...)					\
	{								\
		.name = #number ", " #where,				\
		.request = FREQ_IOC_##number,				\
		.place = where,						\
		__VA_ARGS__						\
	}

static const struct call calls[] = {
	CALL(INFO, ARGUMENT),
	CALL(LIST, ARGUMENT),
	CALL(LIST, ARRAY),
	CALL(LIST, REPLY),
	CALL(ALLOCATE, ARGUMENT, .allocated = 1),
	CALL(ALLOCATE, REPLY, .allocated = 1),
	CALL(DEALLOCATE, ARGUMENT, .allocated = -1),
	CALL(INJECT, ARGUMENT, .injected = 2),
	CALL(INJECT, ARRAY, .injected = 2),
	CALL(INJECT, REPLY, .error = -EEXIST),
	CALL(ALLOCATE_BATCH, ARGUMENT, .allocated = 3),
	CALL(ALLOCATE_BATCH, ARRAY, .allocated = 3),
	CALL(DEALLOCATE_BATCH, ARGUMENT, .allocated = -2),
	CALL(DEALLOCATE_BATCH, ARRAY, .allocated = -2),
	CALL(DEALLOCATE_BATCH, REPLY, .error = -ENOENT),
};

#define CALLS	((int)(sizeof(calls) / sizeof(*calls)))

union argument {
	struct freq_info info;
	struct freq_list list;
	struct freq_allocate allocate;
	struct freq_deallocate deallocate;
	struct freq_inject inject;
	struct freq_batch batch;
};

/**
 * struct caller - a thread with a stuck request
 * @call: the request
 * @slow: the missing page
 * @thread: the thread
 * @fd: its client
 * @argument: the argument, or its content once the page arrives
 * @entries: the array of LIST, or its content once the page arrives
 * @numbers: the same for the array of other requests
 * @at: address of the argument
 * @array: address of the array
 * @done: true once the request was answered
 * @error: its result
 */
struct caller {
	const struct call *call;
	struct slow_page slow;
	pthread_t thread;
	int fd;
	union argument argument;
	struct freq_entry entries[POOL];
	__u64 numbers[4];
	union argument *at;
	void *array;
	bool done;
	int error;
};

static bool is_list(const struct call *call)
{
	return call->request == FREQ_IOC_LIST;
}

/* Sets up the client, its frequencies, its argument and its array. */
static int caller_prepare(struct caller *caller, const struct call *call)
{
	union argument *argument = &caller->argument;
	__u64 *numbers = caller->numbers;

	caller->call = call;
	caller->fd = open_client();
	if (fails(caller->fd >= 0))
		return -1;
	switch (call->request) {
	case FREQ_IOC_LIST:
		argument->list.count = POOL;
		break;
	case FREQ_IOC_ALLOCATE:
		argument->allocate.flags = call->flags;
		break;
	case FREQ_IOC_DEALLOCATE:
		return differ(0, try_allocate(caller->fd, 0,
					      &argument->deallocate.frequency));
	case FREQ_IOC_INJECT:
		numbers[0] = FRESH + 2 * (call - calls);
		numbers[1] = call->error ? 1 : numbers[0] + 1;
		argument->inject.count = 2;
		break;
	case FREQ_IOC_ALLOCATE_BATCH:
		argument->batch.count = call->allocated;
		argument->batch.flags = call->flags;
		break;
	case FREQ_IOC_DEALLOCATE_BATCH:
		argument->batch.count = 2;
		if (differ(0, try_allocate_batch(caller->fd, 0, numbers, 2)))
			return -1;
		if (call->error)
			numbers[1] = UNKNOWN;
		break;
	}
	return 0;
}

/* Maps the missing page, and sets the addresses. */
static int caller_map(struct caller *caller)
{
	void *array = is_list(caller->call) ? (void *)caller->entries :
					      (void *)caller->numbers;
	union argument *argument = &caller->argument;
	struct slow_page *slow = &caller->slow;
	enum place place = caller->call->place;

	if (place != REPLY && differ(0, slow_page_map(slow)))
		return -1;
	caller->array = place == ARRAY ? slow->page : array;
	/* The first word of each argument with an array is its address. */
	switch (caller->call->request) {
	case FREQ_IOC_LIST:
	case FREQ_IOC_INJECT:
	case FREQ_IOC_ALLOCATE_BATCH:
	case FREQ_IOC_DEALLOCATE_BATCH:
		argument->list.entries = (uintptr_t)caller->array;
	}
	if (place == REPLY &&
	    differ(0, slow_page_map_protected(slow, argument,
					      sizeof(*argument))))
		return -1;
	caller->at = place == ARRAY ? argument : slow->page;
	return 0;
}

static void *call_in_thread(void *data)
{
	struct caller *caller = data;

	caller->error = try_ioctl(caller->fd, caller->call->request,
				  caller->at);
	__atomic_store_n(&caller->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Returns once the thread is stuck. */
static int caller_start(struct caller *caller)
{
	return caller_map(caller) ||
	       differ(0, pthread_create(&caller->thread, NULL, call_in_thread,
					caller)) ||
	       differ(0, slow_page_wait(&caller->slow));
}

static bool caller_done(struct caller *caller)
{
	return __atomic_load_n(&caller->done, __ATOMIC_SEQ_CST);
}

/* Delivers the page; returns once the request is answered. */
static int caller_deliver(struct caller *caller)
{
	const void *content = &caller->argument;
	size_t size = sizeof(caller->argument);

	if (caller->call->place == ARRAY) {
		content = is_list(caller->call) ? (void *)caller->entries :
						  (void *)caller->numbers;
		size = is_list(caller->call) ? sizeof(caller->entries) :
					       sizeof(caller->numbers);
	}
	return fails(!caller_done(caller)) ||
	       differ(0, slow_page_deliver(&caller->slow, content, size)) ||
	       differ(0, pthread_join(caller->thread, NULL));
}

/* Unmaps the page; returns once the request is answered. */
static int caller_refuse(struct caller *caller)
{
	return fails(!caller_done(caller)) ||
	       differ(0, slow_page_refuse(&caller->slow)) ||
	       differ(0, pthread_join(caller->thread, NULL));
}

static int check_list(const struct caller *caller)
{
	const struct freq_entry *entries = caller->array;
	__u64 i;

	if (differ(POOL, caller->at->list.count))
		return -1;
	for (i = 0; i < POOL; i++) {
		if (differ(i + 1, entries[i].frequency))
			return -1;
	}
	return 0;
}

/* The client got the first free frequencies, and owns them. */
static int check_given(const struct caller *caller,
		       const struct snapshot *before, const __u64 *given)
{
	struct listing mine;
	int error = -1;
	int i;

	if (differ(0, listing_take(&mine, caller->fd, FREQ_LIST_ALLOCATED,
				   FREQ_LIST_MAX)))
		return -1;
	for (i = 0; i < caller->call->allocated; i++) {
		const struct freq_entry *entry = listing_find(&mine, given[i]);

		if (differ(before->order[i], given[i]) || fails(entry) ||
		    fails(entry->flags & FREQ_ENTRY_MINE))
			goto free_listing;
	}
	error = 0;
free_listing:
	listing_free(&mine);
	return error;
}

/* The reply, of a release that knows the request */
static int check_reply(const struct caller *caller,
		       const struct snapshot *before)
{
	const union argument *at = caller->at;

	switch (caller->call->request) {
	case FREQ_IOC_INFO:
		return differ(before->info.release, at->info.release) ||
		       differ(before->info.features, at->info.features) ||
		       differ(before->info.free, at->info.free) ||
		       differ(before->info.allocated, at->info.allocated);
	case FREQ_IOC_LIST:
		return check_list(caller);
	case FREQ_IOC_ALLOCATE:
		return check_given(caller, before, &at->allocate.frequency);
	case FREQ_IOC_ALLOCATE_BATCH:
		return check_given(caller, before, caller->array);
	case FREQ_IOC_INJECT:
		return differ(caller->call->error ? 1 : 0, at->inject.index);
	case FREQ_IOC_DEALLOCATE_BATCH:
		return differ(caller->call->error ? 1 : 0, at->batch.index);
	}
	return 0;
}

static bool release_knows(const char *release, const struct call *call)
{
	return release_number(release) > 1 ||
	       _IOC_NR(call->request) < _IOC_NR(FREQ_IOC_INJECT);
}

/* Delivers the page: @release answers, and the request is done once. */
static int check_answer(struct caller *caller, const char *release, int fd)
{
	const struct call *call = caller->call;
	bool knows = release_knows(release, call);
	struct snapshot before, after;
	int error = -1;

	if (differ(0, snapshot_take(&before, fd)) || caller_deliver(caller) ||
	    differ(0, snapshot_take(&after, fd)))
		return -1;
	if (differ(knows ? call->error : -ENOTTY, caller->error))
		goto free_snapshots;
	if (!knows || (!call->allocated && !call->injected)) {
		if (fails(snapshot_same(&before, &after)))
			goto free_snapshots;
	} else if (differ(before.info.allocated + call->allocated,
			  after.info.allocated) ||
		   differ(before.list.count + call->injected,
			  after.list.count)) {
		goto free_snapshots;
	}
	if (!knows || !check_reply(caller, &before))
		error = 0;
free_snapshots:
	snapshot_free(&before);
	snapshot_free(&after);
	return error;
}

/* Another client makes each request once. */
static int serve(int fd, const char *release)
{
	struct freq_info info;
	struct listing list;
	__u64 numbers[2];
	int error;

	if (differ(0, try_info(fd, &info)) ||
	    differ(release_number(release), info.release) ||
	    differ(0, try_allocate(fd, 0, numbers)) ||
	    differ(0, try_deallocate(fd, *numbers)) ||
	    differ(0, listing_take(&list, fd, 0, FREQ_LIST_MAX)))
		return -1;
	error = differ(POOL, list.count);
	listing_free(&list);
	if (error || release_number(release) == 1)
		return error;
	return differ(0, try_allocate_batch(fd, 0, numbers, 2)) ||
	       differ(0, try_deallocate_batch(fd, numbers, 2, NULL)) ||
	       differ(-EEXIST, try_inject(fd, (__u64 []){ 1 }, 1, NULL));
}

/* ---- Upgrades */

FIXTURE(stuck) {
	int fd;
	struct caller *callers;
};

/* Release 2 runs when the requests get stuck. */
FIXTURE_VARIANT(stuck) {
	const char *other;
	int upgrades;
};

FIXTURE_VARIANT_ADD(stuck, v1_and_back) {
	.other = "freq_v1",
	.upgrades = UPGRADES,
};

FIXTURE_VARIANT_ADD(stuck, v90_and_back) {
	.other = "freq_v90",
	.upgrades = UPGRADES,
};

FIXTURE_VARIANT_ADD(stuck, v1) {
	.other = "freq_v1",
	.upgrades = UPGRADES + 1,
};

FIXTURE_VARIANT_ADD(stuck, v90) {
	.other = "freq_v90",
	.upgrades = UPGRADES + 1,
};

SHORT_VARIANTS(stuck, "v1_and_back v90")

FIXTURE_SETUP(stuck)
{
	int i;

	ASSERT_EQ(0, server_start("freq_v2", POOL_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->callers = calloc(CALLS, sizeof(*self->callers));
	ASSERT_NE(NULL, self->callers);
	for (i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, caller_prepare(&self->callers[i], &calls[i]));
		ASSERT_EQ(0, caller_start(&self->callers[i])) {
			TH_LOG("%s", calls[i].name);
		}
	}
}

FIXTURE_TEARDOWN(stuck)
{
	EXPECT_EQ(0, test_clean());
}

TEST_F_TIMEOUT(stuck, upgrades, 120)
{
	const char *from = "freq_v2", *to = variant->other;
	int i, n;

	for (n = 0; n < variant->upgrades; n++) {
		const char *before = from;

		ASSERT_EQ(0, serve(self->fd, from));
		ASSERT_EQ(0, module_load(to, NULL));
		ASSERT_EQ(0, module_unload(from));
		from = to;
		to = before;
	}
	ASSERT_EQ(0, serve(self->fd, from));
	for (i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, check_answer(&self->callers[i], from, self->fd)) {
			TH_LOG("%s", calls[i].name);
		}
	}
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

/* ---- A stuck request owns nothing */

FIXTURE(reply) {
	int fd;
	struct caller caller;
};

FIXTURE_VARIANT(reply) {
	struct call call;
};

FIXTURE_VARIANT_ADD(reply, allocate_argument) {
	.call = CALL(ALLOCATE, ARGUMENT, .allocated = 1),
};

FIXTURE_VARIANT_ADD(reply, allocate) {
	.call = CALL(ALLOCATE, REPLY, .allocated = 1),
};

FIXTURE_VARIANT_ADD(reply, keep) {
	.call = CALL(ALLOCATE, REPLY, .allocated = 1,
		     .flags = FREQ_ALLOCATE_KEEP),
};

FIXTURE_VARIANT_ADD(reply, batch) {
	.call = CALL(ALLOCATE_BATCH, ARRAY, .allocated = 3),
};

FIXTURE_VARIANT_ADD(reply, keep_batch) {
	.call = CALL(ALLOCATE_BATCH, ARRAY, .allocated = 3,
		     .flags = FREQ_ALLOCATE_KEEP),
};

/* With the default pool: 10 to 15 */
FIXTURE_SETUP(reply)
{
	ASSERT_EQ(0, server_start("freq_v2", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, caller_prepare(&self->caller, &variant->call));
	ASSERT_EQ(0, caller_start(&self->caller));
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
}

FIXTURE_TEARDOWN(reply)
{
	EXPECT_EQ(0, test_clean());
}

/* Another client allocates the whole pool meanwhile. */
TEST_F(reply, none_left)
{
	__u64 i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	ASSERT_EQ(0, caller_deliver(&self->caller));
	EXPECT_EQ(-ENOSPC, self->caller.error);
	for (i = 10; i <= 15; i++)
		test_deallocate(self->fd, i);
	EXPECT_ORDER(15, 14, 13, 12, 11, 10);
}

/* Another client changes the free list meanwhile. */
TEST_F(reply, next_in_line)
{
	struct snapshot before;

	test_allocate(self->fd, 10);
	test_allocate(self->fd, 11);
	test_allocate(self->fd, 12);
	test_deallocate(self->fd, 10);
	test_err_deallocate(ENOENT, self->caller.fd, 10);
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	ASSERT_EQ(0, caller_deliver(&self->caller));
	EXPECT_EQ(0, self->caller.error);
	EXPECT_EQ(0, check_reply(&self->caller, &before));
	snapshot_free(&before);
}

TEST_F(reply, unmapped)
{
	__u64 i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	test_deallocate(self->fd, 11);
	test_deallocate(self->fd, 13);
	ASSERT_EQ(0, caller_refuse(&self->caller));
	EXPECT_EQ(-EFAULT, self->caller.error);
	EXPECT_TRUE(sysfs_is("allocated", "10,12,14-15\n"));
	close(self->caller.fd);
	EXPECT_ORDER(13, 11);
}

/* The reply faults after a takeover: the request had no effect. */
TEST_F(reply, unmapped_after_a_takeover)
{
	__u64 i;

	for (i = 10; i <= 15; i++)
		test_allocate(self->fd, i);
	test_deallocate(self->fd, 11);
	test_deallocate(self->fd, 13);
	test_deallocate(self->fd, 12);
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v90"));
	ASSERT_EQ(0, caller_refuse(&self->caller));
	EXPECT_EQ(-EFAULT, self->caller.error);
	EXPECT_TRUE(sysfs_is("allocated", "10,14-15\n"));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	close(self->caller.fd);
	EXPECT_ORDER(12, 13, 11);
}

/* ---- A failed batch is answered once, with the index of the bad element */

/* A thread whose request is stuck in its reply */
struct stuck_request {
	pthread_t thread;
	struct slow_page slow;
	int fd;
	unsigned int number;
	int error;
};

static void *request_in_thread(void *data)
{
	struct stuck_request *request = data;

	request->error = try_ioctl(request->fd, request->number,
				   request->slow.page);
	return NULL;
}

static int request_start(struct stuck_request *request, const void *argument,
			 size_t size)
{
	return differ(0, slow_page_map_protected(&request->slow, argument,
						 size)) ||
	       differ(0, pthread_create(&request->thread, NULL,
					request_in_thread, request)) ||
	       differ(0, slow_page_wait(&request->slow));
}

/* Resolves the fault; returns once the request is answered. */
static int request_end(struct stuck_request *request)
{
	return differ(0, slow_page_deliver(&request->slow, NULL, 0)) ||
	       differ(0, pthread_join(request->thread, NULL));
}

FIXTURE(failing) {
	int fd;
	int other;
	struct stuck_request request;
};

/* DEALLOCATE_BATCH with a bad element */
FIXTURE_VARIANT(failing) {
	__u32 count;		/* looked up in one lock hold, or in several */
	__u32 place;		/* index of the bad element */
	__u64 number;		/* the bad element; 0: the first one again */
	int error;
	const char *to;		/* release that takes over meanwhile */
};

#define NOT_HELD	(FREQ_BATCH_MAX + 1)
#define OTHERS		(FREQ_BATCH_MAX + 2)
#define FAILING_POOL	"frequencies=1-300"

FIXTURE_VARIANT_ADD(failing, not_held) {
	.count = 3, .place = 1, .number = NOT_HELD, .error = -ENOENT,
};

FIXTURE_VARIANT_ADD(failing, not_held_of_many) {
	.count = FREQ_BATCH_MAX, .place = 200, .number = NOT_HELD,
	.error = -ENOENT,
};

FIXTURE_VARIANT_ADD(failing, not_in_the_pool) {
	.count = FREQ_BATCH_MAX, .place = 255, .number = UNKNOWN,
	.error = -ENOENT,
};

FIXTURE_VARIANT_ADD(failing, twice) {
	.count = FREQ_BATCH_MAX, .place = 100, .error = -ENOENT,
};

FIXTURE_VARIANT_ADD(failing, of_another) {
	.count = 4, .place = 3, .number = OTHERS, .error = -EPERM,
};

FIXTURE_VARIANT_ADD(failing, of_another_of_many) {
	.count = FREQ_BATCH_MAX, .place = 0, .number = OTHERS, .error = -EPERM,
};

FIXTURE_VARIANT_ADD(failing, not_held_and_converted) {
	.count = FREQ_BATCH_MAX, .place = 77, .number = NOT_HELD,
	.error = -ENOENT, .to = "freq_v90",
};

FIXTURE_VARIANT_ADD(failing, twice_and_converted) {
	.count = 5, .place = 4, .error = -ENOENT, .to = "freq_v90",
};

FIXTURE_SETUP(failing)
{
	ASSERT_EQ(0, server_start("freq_v2", FAILING_POOL));
	self->fd = open_client();
	self->request.fd = open_client();
	self->request.number = FREQ_IOC_DEALLOCATE_BATCH;
	self->other = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->request.fd, 0);
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(failing)
{
	EXPECT_EQ(0, test_clean());
}

TEST_F(failing, reported_once)
{
	static __u64 numbers[FREQ_BATCH_MAX + 2];
	const struct freq_batch *reply;
	struct snapshot before, after;
	int fd = self->request.fd;
	struct freq_batch batch = {
		.frequencies = (uintptr_t)numbers,
		.count = variant->count,
	};
	__u64 given;

	ASSERT_EQ(0, try_allocate_batch(fd, 0, numbers, FREQ_BATCH_MAX));
	ASSERT_EQ(0, try_allocate(fd, 0, &given));
	ASSERT_EQ(NOT_HELD, given);
	ASSERT_EQ(0, try_allocate(self->other, 0, &given));
	ASSERT_EQ(OTHERS, given);
	test_deallocate(fd, NOT_HELD);
	numbers[variant->place] = variant->number ?: numbers[0];
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	ASSERT_EQ(0, request_start(&self->request, &batch, sizeof(batch)));
	if (variant->to)
		ASSERT_EQ(0, server_upgrade("freq_v2", variant->to));
	ASSERT_EQ(0, request_end(&self->request));
	reply = self->request.slow.page;
	EXPECT_EQ(variant->error, self->request.error);
	EXPECT_EQ(variant->place, reply->index);
	/* No frequency changed its holder. */
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(state_same(&before, &after));
	snapshot_free(&before);
	snapshot_free(&after);

	/* No mark is left: the batch succeeds without the bad element. */
	numbers[variant->place] = variant->place + 1;
	EXPECT_EQ(0, try_deallocate_batch(fd, numbers, variant->count, NULL));
}

/* ---- Data that an earlier entry of a call left */

FIXTURE(entries) {
	int fd;
};

FIXTURE_SETUP(entries)
{
	ASSERT_EQ(0, server_start("freq_v2", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(entries)
{
	EXPECT_EQ(0, test_clean());
}

/* LIST has nothing of the last holder of a frequency that is free now. */
TEST_F(entries, are_zeroed)
{
	struct freq_entry entries[6];
	const struct freq_list asked = {
		.entries = (uintptr_t)entries,
		.count = 6,
	};
	struct stuck_request request = {
		.fd = self->fd,
		.number = FREQ_IOC_LIST,
	};
	int i, holder = open_client_as(USER_A);
	const struct freq_list *reply;

	ASSERT_GE(holder, 0);
	test_keep(holder, 10);
	test_allocate(holder, 11);
	test_keep(self->fd, 12);
	memset(entries, 0xff, sizeof(entries));
	ASSERT_EQ(0, request_start(&request, &asked, sizeof(asked)));
	for (i = 10; i <= 12; i++)
		test_deallocate(i < 12 ? holder : self->fd, i);
	ASSERT_EQ(0, request_end(&request));
	ASSERT_EQ(0, request.error);
	reply = request.slow.page;
	EXPECT_EQ(6, reply->count);
	for (i = 0; i < 6; i++) {
		const struct freq_entry want = { .frequency = 10 + i };

		EXPECT_EQ(0, memcmp(&want, &entries[i], sizeof(want))) {
			TH_LOG("%llu: flags %#x, uid %u, pid %d, pad %u",
			       entries[i].frequency, entries[i].flags,
			       entries[i].uid, entries[i].pid, entries[i].pad);
		}
	}
}

/* ---- One frequency, two holders */

FIXTURE(holders) {
	int fds[4];
	struct caller caller;
};

/*
 * A is stuck in an allocation. B tries to give its frequency back, C allocates,
 * A gets EFAULT, D allocates. C and D must get different frequencies.
 */
FIXTURE_VARIANT(holders) {
	uid_t uids[4];
	__u32 flags;
	bool same;	/* A, B and C are one client */
};

FIXTURE_VARIANT_ADD(holders, of_one_user) {
	.uids = { USER_A, USER_A, USER_A, USER_B },
	.flags = FREQ_ALLOCATE_KEEP,
};

FIXTURE_VARIANT_ADD(holders, of_three_users) {
	.uids = { 0, 0, USER_A, USER_B },
	.flags = FREQ_ALLOCATE_KEEP,
};

FIXTURE_VARIANT_ADD(holders, of_one_client) {
	.uids = { USER_A, USER_A, USER_A, USER_B },
	.same = true,
};

FIXTURE_SETUP(holders)
{
	int i;

	ASSERT_EQ(0, server_start("freq_v2", NULL));
	for (i = 0; i < 4; i++) {
		self->fds[i] = variant->same && i && i < 3 ?
				       self->fds[0] :
				       open_client_as(variant->uids[i]);
		ASSERT_GE(self->fds[i], 0);
	}
}

FIXTURE_TEARDOWN(holders)
{
	EXPECT_EQ(0, test_clean());
}

TEST_F(holders, differ)
{
	const struct call call = CALL(ALLOCATE_BATCH, ARRAY, .allocated = 1,
				      .flags = variant->flags);
	const struct freq_entry *entry;
	struct listing list;
	__u64 given[2];
	int i;

	ASSERT_EQ(0, caller_prepare(&self->caller, &call));
	close(self->caller.fd);
	self->caller.fd = self->fds[0];
	ASSERT_EQ(0, caller_start(&self->caller));
	test_err_deallocate(ENOENT, self->fds[1], 10);
	ASSERT_EQ(0, try_allocate(self->fds[2], variant->flags, &given[0]));
	ASSERT_EQ(0, caller_refuse(&self->caller));
	EXPECT_EQ(-EFAULT, self->caller.error);
	ASSERT_EQ(0, try_allocate(self->fds[3], 0, &given[1]));
	EXPECT_NE(given[0], given[1]);

	ASSERT_EQ(0, listing_take(&list, self->fds[3], FREQ_LIST_ALLOCATED,
				  FREQ_LIST_MAX));
	EXPECT_EQ(2, list.count);
	for (i = 0; i < 2; i++) {
		entry = listing_find(&list, given[i]);
		ASSERT_NE(NULL, entry);
		EXPECT_EQ(variant->uids[2 + i], entry->uid);
	}
	listing_free(&list);
}

/* ---- SIGKILL */

FIXTURE(killed) {
	int fd;
};

FIXTURE_SETUP(killed)
{
	ASSERT_EQ(0, server_start("freq_v2", POOL_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(killed)
{
	set_knob("none");
	EXPECT_EQ(0, test_clean());
}

/* Sends the userfaultfd to the parent, then gets stuck. */
static int get_stuck(int line, void *data)
{
	static struct caller caller;

	if (caller_prepare(&caller, data) || caller_map(&caller) ||
	    differ(0, line_send_fd(line, caller.slow.fault)))
		return -1;
	call_in_thread(&caller);
	return fails(!"the request did not get stuck");
}

TEST_F(killed, in_a_page_fault)
{
	unsigned long long us, longest = 0;
	struct slow_page slow;
	struct child child;
	int i;

	for (i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, child_start(&child, get_stuck,
					 (void *)&calls[i]));
		slow.fault = line_receive_fd(child.line);
		ASSERT_GE(slow.fault, 0);
		ASSERT_EQ(0, slow_page_wait(&slow));
		ASSERT_EQ(128 + SIGKILL, child_kill_timed(&child, &us)) {
			TH_LOG("%s", calls[i].name);
		}
		close(slow.fault);
		longest = us > longest ? us : longest;
		EXPECT_TRUE(sysfs_is("free", "1-100\n"));
		EXPECT_TRUE(sysfs_is("allocated", "\n"));
	}
	TH_LOG("each request ended within %llu us", longest);
}

/* More than there is capacity for until the conversion ends */
#define MANY	100000

static int load_v90(int line, void *data)
{
	return differ(0, module_load("freq_v90", "fail=step-waits"));
}

static int inject_many(int line, void *data)
{
	__u64 *list = calloc(MANY, sizeof(*list));
	int fd = open_client();
	int i;

	if (fails(list) || fails(fd >= 0))
		return -1;
	for (i = 0; i < MANY; i++)
		list[i] = FRESH + i;
	return line_say(line, 'a') ||
	       differ(0, try_inject(fd, list, MANY, NULL));
}

static bool is_asleep(pid_t pid)
{
	char state = process_state(pid);

	return state == 'S' || state == 'D';
}

TEST_F_TIMEOUT(killed, waiting_for_a_conversion, 60)
{
	int references = module_references("freq_v2");
	struct child loader, injector;
	unsigned long long us;
	int status;

	ASSERT_EQ(0, child_start(&loader, load_v90, NULL));
	ASSERT_TRUE(wait_until(module_references("freq_v2") > references));
	ASSERT_EQ(0, child_start(&injector, inject_many, NULL));
	ASSERT_EQ(0, line_hear(injector.line, 'a'));
	ASSERT_TRUE(wait_until(is_asleep(injector.pid)));
	test_allocate(self->fd, 1);
	test_deallocate(self->fd, 1);
	status = child_kill_timed(&injector, &us);
	ASSERT_EQ(0, set_knob("none"));
	ASSERT_EQ(128 + SIGKILL, status);
	TH_LOG("the request ended within %llu us", us);
	EXPECT_EQ(0, child_wait(&loader));
	EXPECT_EQ(0, module_unload("freq_v2"));
	EXPECT_TRUE(sysfs_is("free", "1-100\n"));
	EXPECT_EQ(0, serve(self->fd, "freq_v90"));
}

TEST_HARNESS_MAIN
