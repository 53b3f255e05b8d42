// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load: see load.h.
 *
 * Each thread writes down what it was given, in a table for all of them: so a
 * frequency that is given to two of them is noticed at once, by the second.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "freq_test.h"
#include "load.h"

/* How many entries of LIST a thread asks for. */
#define PAGE_ENTRIES	64

/* A frequency was given to the thread: nobody else may have it. */
int load_obtain(struct load_thread *thread, __u64 frequency, __u32 keep)
{
	struct load *load = thread->load;
	__u32 none = 0;

	if (fails(frequency >= 1 && frequency <= load->count) ||
	    fails(__atomic_compare_exchange_n(&load->owners[frequency], &none,
					      thread->index | keep, false,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST)))
		return -1;
	thread->held[thread->nr_held++] = frequency;
	return 0;
}

/* To be called before it is given back. */
__u64 load_forget(struct load_thread *thread, unsigned int which)
{
	__u64 frequency = thread->held[which];

	thread->held[which] = thread->held[--thread->nr_held];
	__atomic_store_n(&thread->load->owners[frequency], 0,
			 __ATOMIC_SEQ_CST);
	return frequency;
}

static int turn_allocate(struct load_thread *thread, __u32 flags)
{
	__u64 frequency;

	if (differ(0, try_allocate(thread->fd, flags, &frequency)))
		return -1;
	thread->requests++;
	return load_obtain(thread, frequency, flags ? LOAD_KEEP : 0);
}

static int turn_deallocate(struct load_thread *thread)
{
	__u64 which = random_below(&thread->random, thread->nr_held);

	thread->requests++;
	return differ(0, try_deallocate(thread->fd, load_forget(thread, which)));
}

static int turn_info(struct load_thread *thread)
{
	struct freq_info info;

	thread->requests++;
	return differ(0, try_info(thread->fd, &info)) ||
	       differ(thread->load->count, info.free + info.allocated);
}

/* What is reported as its own has to be just that. */
static int turn_list(struct load_thread *thread)
{
	struct load *load = thread->load;
	struct freq_entry entries[PAGE_ENTRIES];
	struct freq_list list = {
		.entries = (uintptr_t)entries,
		.cursor = random_below(&thread->random, load->count),
		.count = PAGE_ENTRIES,
	};
	__u32 i;

	if (differ(0, try_list(thread->fd, &list)) ||
	    fails(list.count <= PAGE_ENTRIES))
		return -1;
	thread->requests++;
	for (i = 0; i < list.count; i++) {
		__u64 frequency = entries[i].frequency;
		__u32 owner, flags = 0;

		if (fails(frequency >= 1 && frequency <= load->count) ||
		    fails(!i || frequency == entries[i - 1].frequency + 1))
			return -1;
		owner = __atomic_load_n(&load->owners[frequency],
					__ATOMIC_SEQ_CST);
		if ((owner & ~LOAD_KEEP) == thread->index) {
			flags = FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_MINE;
			if (owner & LOAD_KEEP)
				flags |= FREQ_ENTRY_KEEP;
			if (differ(flags, entries[i].flags) ||
			    differ(getpid(), entries[i].pid))
				return -1;
		} else if (fails(!(entries[i].flags & FREQ_ENTRY_MINE))) {
			return -1;
		}
	}
	return 0;
}

static int user_turn(struct load_thread *thread)
{
	switch (random_below(&thread->random, 8)) {
	case 0:
	case 1:
	case 2:
		if (thread->nr_held < LOAD_HOLD_MAX)
			return turn_allocate(thread, 0);
		break;
	case 3:
		if (thread->nr_held < LOAD_HOLD_MAX)
			return turn_allocate(thread, FREQ_ALLOCATE_KEEP);
		break;
	case 4:
		return turn_list(thread);
	case 5:
		thread->requests++;
		return differ(-ENOENT, try_deallocate(thread->fd, 0));
	case 6:
		return turn_info(thread);
	}
	return thread->nr_held ? turn_deallocate(thread) : 0;
}

/* Comes, takes some, and leaves, for the server to take it all back. */
static int visitor_turn(struct load_thread *thread)
{
	bool reads = !random_below(&thread->random, 8);
	int count, error = 0;

	thread->fd = open(DEVICE, (reads ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (differ(0, thread->fd < 0 ? -errno : 0))
		return -1;
	thread->opens++;
	if (reads) {
		error = turn_info(thread);
	} else {
		count = random_below(&thread->random, 4);
		while (!error && count--)
			error = turn_allocate(thread, 0);
		if (!error && thread->nr_held > 1)
			error = turn_deallocate(thread);
	}
	while (thread->nr_held)
		load_forget(thread, 0);
	close(thread->fd);
	thread->fd = -1;
	return error;
}

/* Numbers and ranges that ascend, within the pool. */
static bool is_list(const char *text, __u64 count)
{
	__u64 last = 0;
	char *end;

	if (!strcmp(text, "\n"))
		return true;
	for (;;) {
		__u64 first = strtoull(text, &end, 10);

		if (end == text || first <= last || first > count)
			return false;
		last = first;
		if (*end == '-') {
			text = end + 1;
			last = strtoull(text, &end, 10);
			if (end == text || last <= first || last > count)
				return false;
		}
		if (*end != ',')
			return !strcmp(end, "\n");
		text = end + 1;
	}
}

static int reader_turn(struct load_thread *thread)
{
	static const char * const paths[] = {
		SYSFS "free", SYSFS "allocated",
	};
	const char *path = paths[random_below(&thread->random, 2)];
	char *text = read_text(path);
	int error = 0;

	if (fails(text)) {
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (fails(is_list(text, thread->load->count))) {
		fprintf(stderr, "# %s: %s", path, text);
		error = -1;
	}
	free(text);
	thread->requests++;
	return error;
}

static bool may_go_on(struct load *load)
{
	bool stop;

	if (!__atomic_load_n(&load->pause, __ATOMIC_RELAXED) &&
	    !__atomic_load_n(&load->stop, __ATOMIC_RELAXED))
		return true;
	pthread_mutex_lock(&load->lock);
	load->resting++;
	pthread_cond_broadcast(&load->change);
	while (load->pause && !load->stop)
		pthread_cond_wait(&load->change, &load->lock);
	stop = load->stop;
	/* One that ends rests for good. */
	if (!stop)
		load->resting--;
	pthread_mutex_unlock(&load->lock);
	return !stop;
}

static void *run(void *data)
{
	struct load_thread *thread = data;
	struct load *load = thread->load;

	while (may_go_on(load)) {
		if (!thread->turn(thread))
			continue;
		fprintf(stderr, "# in thread %u, after %lu requests\n",
			thread->index, thread->requests);
		__atomic_store_n(&thread->error, -1, __ATOMIC_SEQ_CST);
		pthread_mutex_lock(&load->lock);
		load->resting++;
		pthread_cond_broadcast(&load->change);
		pthread_mutex_unlock(&load->lock);
		break;
	}
	return NULL;
}

/* The pool has to be 1 to count. */
int load_init(struct load *load, __u64 count)
{
	memset(load, 0, sizeof(*load));
	load->count = count;
	load->owners = calloc(count + 1, sizeof(*load->owners));
	pthread_mutex_init(&load->lock, NULL);
	pthread_cond_init(&load->change, NULL);
	return load->owners ? 0 : -ENOMEM;
}

/* The test holds it, by clients of its own. */
void load_hold(struct load *load, __u64 frequency)
{
	load->owners[frequency] = LOAD_OTHER;
}

/* Threads for a turn, each with a client of its own, or with none. */
int load_add(struct load *load, int count, bool client,
	     int (*turn)(struct load_thread *thread), void *data)
{
	struct load_thread *thread;
	int error;

	while (count--) {
		if (load->nr_threads == LOAD_THREADS_MAX)
			return -E2BIG;
		thread = &load->threads[load->nr_threads];
		*thread = (struct load_thread) {
			.load = load,
			.index = load->nr_threads + 1,
			.random = load->nr_threads,
			.turn = turn,
			.fd = client ? open_client() : -1,
			.data = data,
		};
		if (client && thread->fd < 0)
			return thread->fd;
		error = pthread_create(&thread->thread, NULL, run, thread);
		if (error)
			return -error;
		load->nr_threads++;
	}
	return 0;
}

int load_add_users(struct load *load, int count)
{
	return load_add(load, count, true, user_turn, NULL);
}

int load_add_visitors(struct load *load, int count)
{
	return load_add(load, count, false, visitor_turn, NULL);
}

int load_add_readers(struct load *load, int count)
{
	return load_add(load, count, false, reader_turn, NULL);
}

/* Until each thread waits between two turns. */
void load_pause(struct load *load)
{
	pthread_mutex_lock(&load->lock);
	__atomic_store_n(&load->pause, true, __ATOMIC_RELAXED);
	while (load->resting < load->nr_threads)
		pthread_cond_wait(&load->change, &load->lock);
	pthread_mutex_unlock(&load->lock);
}

void load_resume(struct load *load)
{
	pthread_mutex_lock(&load->lock);
	__atomic_store_n(&load->pause, false, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&load->change);
	pthread_mutex_unlock(&load->lock);
}

/* Whether anything did that should not have. */
bool load_failed(struct load *load)
{
	int i;

	for (i = 0; i < load->nr_threads; i++) {
		if (__atomic_load_n(&load->threads[i].error, __ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

/* One entry of LIST against what the threads know. */
static int check_entry(const struct load *load, const struct freq_entry *entry)
{
	__u32 owner = load->owners[entry->frequency];
	__u32 flags = 0;

	/* Another client asks, so none is its own. */
	if (owner == LOAD_OTHER)
		return fails(entry->flags & FREQ_ENTRY_ALLOCATED);
	if (owner)
		flags |= FREQ_ENTRY_ALLOCATED;
	if (owner & LOAD_KEEP)
		flags |= FREQ_ENTRY_KEEP;
	return differ(flags, entry->flags) ||
	       differ(owner ? getpid() : 0, entry->pid) ||
	       differ(getuid(), entry->uid);
}

/**
 * load_check() - compare all that the server knows with what the threads know
 * @load: the threads, which pause
 * @fd: another client, which holds nothing
 *
 * Return: 0 if each frequency is there once, is free or allocated, has the
 * holder that it was given to, and can be allocated if it is free.
 */
int load_check(struct load *load, int fd)
{
	const struct freq_entry *entry;
	struct snapshot snapshot;
	int error = -1;
	size_t i;

	if (differ(0, snapshot_take(&snapshot, fd)) ||
	    differ(load->count, snapshot.list.count) ||
	    differ(snapshot.info.free, snapshot.nr_order) ||
	    differ(load->count, snapshot.info.free + snapshot.info.allocated))
		goto free_snapshot;
	for (i = 0; i < snapshot.list.count; i++) {
		entry = &snapshot.list.entries[i];
		if (differ(i + 1, entry->frequency) ||
		    check_entry(load, entry)) {
			fprintf(stderr, "# of frequency %llu\n",
				entry->frequency);
			goto free_snapshot;
		}
	}
	for (i = 0; i < snapshot.nr_order; i++) {
		if (differ(0, load->owners[snapshot.order[i]]))
			goto free_snapshot;
	}
	if (!fails(sysfs_agrees(fd)))
		error = 0;
free_snapshot:
	snapshot_free(&snapshot);
	return error;
}

/* The end of them all, and of what they hold; 0 if nothing went wrong. */
int load_finish(struct load *load)
{
	int error = 0;
	int i;

	pthread_mutex_lock(&load->lock);
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&load->change);
	pthread_mutex_unlock(&load->lock);

	for (i = 0; i < load->nr_threads; i++) {
		struct load_thread *thread = &load->threads[i];

		pthread_join(thread->thread, NULL);
		error |= thread->error;
		/* Each has to have done something. */
		if (fails(thread->requests))
			error = -1;
		while (thread->nr_held) {
			if (differ(0, try_deallocate(thread->fd,
						     load_forget(thread, 0))))
				error = -1;
		}
		if (thread->fd >= 0)
			close(thread->fd);
	}
	free(load->owners);
	load->owners = NULL;
	return error;
}
