// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storms against requests with replies: memory that is unmapped, protected or
 * copied on write, and clients that are killed, stopped or frozen, at any
 * moment. Afterwards no frequency is lost, and none has two holders: what the
 * replies said is what LIST says.
 *
 * FREQ_TEST_STORM in the environment is the number of times.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "load.h"

#define STORM		200

#define POOL		1000
#define POOL_PARAMETER	"frequencies=1-1000"
#define POOL_FREE	"1-1000\n"
#define CLIENTS		4

/* The most that one request allocates. */
#define BATCH		8

static int wanted_storm(void)
{
	const char *wanted = getenv("FREQ_TEST_STORM");

	return wanted ? atoi(wanted) : STORM;
}

union argument {
	struct freq_allocate allocate;
	struct freq_batch batch;
	char room[64];
};

/*
 * The argument and the array of a request. As many of them as there are in a
 * page are all within the page, so that each is written whole or not at all.
 */
struct message {
	union argument argument;
	__u64 numbers[BATCH];
};

/**
 * struct memory - what a client makes its requests with
 * @there: the client's own view, which the storm does not reach
 * @page: the kernel is given this address
 * @file: of both, so that they are the same page; -1 if they are one address
 */
struct memory {
	struct message *there;
	struct message *page;
	int file;
};

static int memory_map(struct memory *memory, bool twice)
{
	const int access = PROT_READ | PROT_WRITE;

	memory->file = -1;
	memory->page = page_map(access);
	memory->there = memory->page;
	if (!twice)
		return fails(memory->page);
	memory->file = memfd_create("freq", MFD_CLOEXEC);
	if (fails(memory->page) || fails(memory->file >= 0) ||
	    fails(!ftruncate(memory->file, page_size())))
		return -1;
	memory->there = mmap(NULL, page_size(), access, MAP_SHARED,
			     memory->file, 0);
	return fails(memory->there != MAP_FAILED) ||
	       fails(mmap(memory->page, page_size(), access,
			  MAP_SHARED | MAP_FIXED, memory->file, 0) ==
		     memory->page);
}

/**
 * struct storm - what goes on against the clients
 * @memory: a client's each
 * @may_fault: requests may fail with EFAULT
 * @faults: how many did
 */
struct storm {
	struct memory memory[CLIENTS];
	bool may_fault;
	unsigned long faults;
};

static struct memory *memory_of(struct load_thread *thread)
{
	struct storm *storm = thread->data;

	/* The clients are the first threads. */
	return &storm->memory[thread->index - 1];
}

/* Makes the request, whose argument is there; whether it is done. */
static int request(struct load_thread *thread, unsigned long number,
		   bool *done)
{
	struct memory *memory = memory_of(thread);
	struct storm *storm = thread->data;
	int error = try_ioctl(thread->fd, number, &memory->page->argument);

	*done = !error;
	if (error == -EFAULT && storm->may_fault) {
		__atomic_fetch_add(&storm->faults, 1, __ATOMIC_SEQ_CST);
		return 0;
	}
	thread->requests++;
	return differ(0, error);
}

static int client_allocate(struct load_thread *thread, __u32 keep)
{
	struct message *there = memory_of(thread)->there;
	bool done;

	there->argument.allocate = (struct freq_allocate) { .flags = keep };
	if (request(thread, FREQ_IOC_ALLOCATE, &done))
		return -1;
	return done ? load_obtain(thread, there->argument.allocate.frequency,
				  keep ? LOAD_KEEP : 0) : 0;
}

static int client_allocate_batch(struct load_thread *thread, __u32 keep,
				 __u32 count)
{
	struct memory *memory = memory_of(thread);
	bool done;
	__u32 i;

	memory->there->argument.batch = (struct freq_batch) {
		.frequencies = (uintptr_t)memory->page->numbers,
		.count = count,
		.flags = keep,
	};
	if (request(thread, FREQ_IOC_ALLOCATE_BATCH, &done))
		return -1;
	for (i = 0; done && i < count; i++) {
		if (load_obtain(thread, memory->there->numbers[i],
				keep ? LOAD_KEEP : 0))
			return -1;
	}
	return 0;
}

/* What it gives back, it does so from memory that is there. */
static int client_turn(struct load_thread *thread)
{
	__u32 keep = random_below(&thread->random, 4) ? 0 : FREQ_ALLOCATE_KEEP;
	__u32 count = 1 + random_below(&thread->random, BATCH);
	__u64 which;

	if (thread->nr_held + count <= LOAD_HOLD_MAX)
		return count == 1 ? client_allocate(thread, keep) :
				    client_allocate_batch(thread, keep, count);
	which = random_below(&thread->random, thread->nr_held);
	thread->requests++;
	return differ(0, try_deallocate(thread->fd,
					load_forget(thread, which)));
}

static int storm_start(struct load *load, struct storm *storm, bool twice)
{
	int i;

	memset(storm, 0, sizeof(*storm));
	storm->may_fault = twice;
	for (i = 0; i < CLIENTS; i++) {
		if (memory_map(&storm->memory[i], twice))
			return -1;
	}
	return differ(0, load_init(load, POOL)) ||
	       differ(0, load_add(load, CLIENTS, true, client_turn, storm));
}

/* All pause, and are compared with what the server says. */
static int storm_end(struct load *load)
{
	int fd = open_client();
	int error;

	if (fails(fd >= 0))
		return -1;
	load_pause(load);
	error = load_check(load, fd);
	load_resume(load);
	close(fd);
	return load_finish(load) || error;
}

/* ---- Memory */

static struct memory *any_memory(struct load_thread *thread)
{
	struct storm *storm = thread->data;

	return &storm->memory[random_below(&thread->random, CLIENTS)];
}

static int unmap_turn(struct load_thread *thread)
{
	struct memory *memory = any_memory(thread);

	if (fails(!munmap(memory->page, page_size())))
		return -1;
	sched_yield();
	thread->requests++;
	return fails(mmap(memory->page, page_size(), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, memory->file, 0) ==
		     memory->page);
}

static int protect_turn(struct load_thread *thread)
{
	int less = random_below(&thread->random, 2) ? PROT_READ : PROT_NONE;
	struct memory *memory = any_memory(thread);

	if (fails(!mprotect(memory->page, page_size(), less)))
		return -1;
	sched_yield();
	thread->requests++;
	return fails(!mprotect(memory->page, page_size(),
			       PROT_READ | PROT_WRITE));
}

/* Each page is copied at the next write. */
static int fork_turn(struct load_thread *thread)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(0);
	thread->requests++;
	return fails(pid > 0) || fails(waitpid(pid, &status, 0) == pid);
}

FIXTURE(memory) {
	struct load load;
	struct storm storm;
};

FIXTURE_VARIANT(memory) {
	int (*turn)(struct load_thread *thread);
	bool may_fault;
};

FIXTURE_VARIANT_ADD(memory, munmap) {
	.turn = unmap_turn,
	.may_fault = true,
};

FIXTURE_VARIANT_ADD(memory, mprotect) {
	.turn = protect_turn,
	.may_fault = true,
};

FIXTURE_VARIANT_ADD(memory, fork) {
	.turn = fork_turn,
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, server_start("freq_v2", POOL_PARAMETER));
}

FIXTURE_TEARDOWN(memory)
{
	EXPECT_EQ(0, test_clean());
}

static unsigned long requests_of(const struct load *load, int index)
{
	return __atomic_load_n(&load->threads[index].requests,
			       __ATOMIC_RELAXED);
}

TEST_F_TIMEOUT(memory, storm, 3600)
{
	unsigned long wanted = wanted_storm();
	struct load *load = &self->load;
	unsigned long requests = 0;
	int i;

	ASSERT_LT(0, wanted);
	ASSERT_EQ(0, storm_start(load, &self->storm, variant->may_fault));
	ASSERT_EQ(0, load_add(load, 1, false, variant->turn, &self->storm));
	/* Until some have met it, if any can. */
	while (requests_of(load, CLIENTS) < wanted ||
	       (variant->may_fault &&
		!__atomic_load_n(&self->storm.faults, __ATOMIC_SEQ_CST))) {
		ASSERT_FALSE(load_failed(load));
		nap();
	}
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_TRUE(wait_until(requests_of(load, i) ||
				       load_failed(load)));
		requests += requests_of(load, i);
	}
	TH_LOG("%lu times against %lu requests, %lu faults",
	       requests_of(load, CLIENTS), requests, self->storm.faults);
	ASSERT_EQ(0, storm_end(load));
	EXPECT_TRUE(sysfs_is("free", POOL_FREE));
}

/* ---- Clients that do not run */

/* Clients in a process of their own, until they are told to end. */
static int be_clients(int line, void *data)
{
	static struct storm storm;
	static struct load load;
	int error;

	if (storm_start(&load, &storm, false) || line_say(line, 'a'))
		return -1;
	do {
		error = line_hear(line, 'b');
	} while (error == -ETIMEDOUT);
	return error || storm_end(&load);
}

static int stop_clients(pid_t pid)
{
	int status;

	return fails(!kill(pid, SIGSTOP)) ||
	       fails(waitpid(pid, &status, WUNTRACED) == pid) ||
	       fails(WIFSTOPPED(status));
}

static int continue_clients(pid_t pid)
{
	int status;

	return fails(!kill(pid, SIGCONT)) ||
	       fails(waitpid(pid, &status, WCONTINUED) == pid) ||
	       fails(WIFCONTINUED(status));
}

#define CGROUPS	"/tmp/freq-cgroups"
#define CGROUP	CGROUPS "/clients/"

static bool is_frozen(bool frozen)
{
	char *text = read_text(CGROUP "cgroup.events");
	bool same = text && strstr(text, frozen ? "frozen 1" : "frozen 0");

	free(text);
	return same;
}

static int freeze_clients(pid_t pid)
{
	return differ(0, write_text(CGROUP "cgroup.freeze", "1")) ||
	       fails(wait_until(is_frozen(true)));
}

static int thaw_clients(pid_t pid)
{
	return differ(0, write_text(CGROUP "cgroup.freeze", "0")) ||
	       fails(wait_until(is_frozen(false)));
}

FIXTURE(pause) {
	struct child clients;
	int fd;
};

FIXTURE_VARIANT(pause) {
	int (*begin)(pid_t pid);
	int (*end)(pid_t pid);
};

FIXTURE_VARIANT_ADD(pause, stop) {
	.begin = stop_clients,
	.end = continue_clients,
};

FIXTURE_VARIANT_ADD(pause, freeze) {
	.begin = freeze_clients,
	.end = thaw_clients,
};

FIXTURE_SETUP(pause)
{
	char pid[16];

	ASSERT_EQ(0, server_start("freq_v2", POOL_PARAMETER));
	ASSERT_EQ(0, child_start(&self->clients, be_clients, NULL));
	ASSERT_EQ(0, line_hear(self->clients.line, 'a'));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);

	mkdir(CGROUPS, 0700);
	ASSERT_EQ(0, mount("none", CGROUPS, "cgroup2", 0, NULL)) {
		TH_LOG("no cgroup2: %s", strerror(errno));
	}
	ASSERT_EQ(0, mkdir(CGROUP, 0700));
	snprintf(pid, sizeof(pid), "%d", self->clients.pid);
	ASSERT_EQ(0, write_text(CGROUP "cgroup.procs", pid));
}

FIXTURE_TEARDOWN(pause)
{
	EXPECT_EQ(0, test_clean());
	EXPECT_TRUE(wait_until(!rmdir(CGROUP)));
	EXPECT_EQ(0, umount2(CGROUPS, MNT_DETACH));
}

TEST_F_TIMEOUT(pause, storm, 3600)
{
	int wanted = wanted_storm();
	__u64 random = 1;
	int turn, looks;

	ASSERT_LT(0, wanted);
	for (turn = 0; turn < wanted; turn++) {
		ASSERT_EQ(0, variant->begin(self->clients.pid));
		/* Others are served meanwhile. */
		for (looks = random_below(&random, 4); looks >= 0; looks--) {
			__u64 numbers[BATCH];

			ASSERT_EQ(0, try_allocate_batch(self->fd, 0, numbers,
							BATCH));
			ASSERT_EQ(0, try_deallocate_batch(self->fd, numbers,
							  BATCH, NULL));
		}
		ASSERT_EQ(0, variant->end(self->clients.pid));
	}
	ASSERT_EQ(0, line_say(self->clients.line, 'b'));
	EXPECT_EQ(0, child_wait(&self->clients));
	EXPECT_TRUE(sysfs_is("free", POOL_FREE));
}

/* ---- Clients that are killed */

/* The requests that a client can make before it has to be killed. */
#define REQUESTS	64

/**
 * struct record - the requests of one client, which outlive it
 * @messages: each written by the client, then by the kernel with the reply
 * @count: how many it has begun
 */
struct record {
	struct message messages[REQUESTS];
	int count;
};

static __u32 keep_of(int index)
{
	return index % 4 ? 0 : FREQ_ALLOCATE_KEEP;
}

/* Allocates until it is killed. */
static int be_killed(int line, void *data)
{
	struct record *record = data;
	int fd = open_client();
	int i;

	if (fails(fd >= 0))
		return -1;
	for (i = 0; i < REQUESTS; i++) {
		struct message *message = &record->messages[i];

		__atomic_store_n(&record->count, i + 1, __ATOMIC_SEQ_CST);
		message->argument.batch = (struct freq_batch) {
			.frequencies = (uintptr_t)message->numbers,
			.count = BATCH,
			.flags = keep_of(i),
		};
		if (differ(0, try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH,
					&message->argument)))
			return -1;
	}
	return line_hear(line, 'b');
}

/* Whether a reply said that the client keeps this. */
static bool is_recorded(const struct record *record, __u64 frequency)
{
	int i, j;

	for (i = 0; i < record->count; i++) {
		for (j = 0; keep_of(i) && j < BATCH; j++) {
			if (record->messages[i].numbers[j] == frequency)
				return true;
		}
	}
	return false;
}

/* What the replies said is kept, is. All else is free. */
static int check_killed(const struct record *record, int fd)
{
	struct listing kept;
	size_t told = 0;
	int error, i, j;

	for (i = 0; i < record->count; i++) {
		for (j = 0; keep_of(i) && j < BATCH; j++)
			told += !!record->messages[i].numbers[j];
	}
	if (differ(0, listing_take(&kept, fd, FREQ_LIST_ALLOCATED,
				   FREQ_LIST_MAX)))
		return -1;
	error = differ(told, kept.count);
	for (i = 0; !error && i < kept.count; i++) {
		const struct freq_entry *entry = &kept.entries[i];

		error = differ(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP,
			       entry->flags) ||
			differ(0, entry->pid) ||
			fails(is_recorded(record, entry->frequency)) ||
			differ(0, try_deallocate(fd, entry->frequency));
	}
	listing_free(&kept);
	return error;
}

FIXTURE(killed) {
	struct record *record;
	int fd;
};

FIXTURE_SETUP(killed)
{
	ASSERT_EQ(0, server_start("freq_v2", POOL_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->record = mmap(NULL, sizeof(*self->record),
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	ASSERT_NE(MAP_FAILED, self->record);
}

FIXTURE_TEARDOWN(killed)
{
	EXPECT_EQ(0, test_clean());
}

TEST_F_TIMEOUT(killed, storm, 3600)
{
	unsigned long requests = 0;
	int wanted = wanted_storm();
	struct freq_info info;
	struct child child;
	__u64 random = 1;
	int turn;

	ASSERT_LT(0, wanted);
	for (turn = 0; turn < wanted; turn++) {
		int until = random_below(&random, REQUESTS);

		memset(self->record, 0, sizeof(*self->record));
		ASSERT_EQ(0, child_start(&child, be_killed, self->record));
		while (__atomic_load_n(&self->record->count,
				       __ATOMIC_SEQ_CST) < until)
			sched_yield();
		ASSERT_EQ(128 + SIGKILL, child_kill(&child));
		ASSERT_EQ(0, check_killed(self->record, self->fd)) {
			TH_LOG("turn %d", turn);
		}
		requests += self->record->count;
		test_info(self->fd, &info);
		ASSERT_EQ(POOL, info.free);
		ASSERT_EQ(1, info.clients);
	}
	TH_LOG("%d times, %lu requests", wanted, requests);
	EXPECT_TRUE(sysfs_is("free", POOL_FREE));
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

TEST_HARNESS_MAIN
