/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Load: threads that use the server without pause, and notice whatever goes
 * wrong. The pool is 1 to some number, and large enough for all of them, so
 * that no request may fail, for whatever reason.
 */
#ifndef FREQ_LOAD_H
#define FREQ_LOAD_H

#include <pthread.h>
#include <stdbool.h>

#include <linux/types.h>

#define LOAD_THREADS_MAX	16

/* The most that one thread has allocated at a time. */
#define LOAD_HOLD_MAX		16

struct load;

/**
 * struct load_thread - one of them
 * @load: all of them
 * @thread: the thread
 * @index: its index, from 1 on: it is the owner of what it has allocated
 * @turn: what it does, again and again; not 0 if that failed
 * @fd: its client, or -1
 * @random: its random numbers
 * @held: what it has allocated
 * @nr_held: how much that is
 * @requests: how many requests succeeded as they should
 * @opens: how many opens did
 * @error: whether anything failed; the thread has ended then
 * @data: for the turn
 */
struct load_thread {
	struct load *load;
	pthread_t thread;
	__u32 index;
	int (*turn)(struct load_thread *thread);
	int fd;
	__u64 random;
	__u64 held[LOAD_HOLD_MAX];
	unsigned int nr_held;
	unsigned long requests;
	unsigned long opens;
	int error;
	void *data;
};

/**
 * struct load - threads, and what each has allocated
 * @count: the pool is 1 to this
 * @owners: by frequency: the index of the thread that holds it, 0 if none does
 * @threads: the threads
 * @nr_threads: how many
 * @lock: of the fields that follow
 * @change: of these fields
 * @pause: the threads are to wait
 * @stop: the threads are to end
 * @resting: how many wait, or have ended
 */
struct load {
	__u64 count;
	__u32 *owners;
	struct load_thread threads[LOAD_THREADS_MAX];
	int nr_threads;
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool pause;
	bool stop;
	int resting;
};

/* Of an owner: allocated with FREQ_ALLOCATE_KEEP. */
#define LOAD_KEEP	0x10000
/* An owner that is no thread: the test itself answers for it. */
#define LOAD_OTHER	0x20000

int load_init(struct load *load, __u64 count);
void load_hold(struct load *load, __u64 frequency);

/* What threads can do: requests; open and close; read sysfs. */
int load_add_users(struct load *load, int count);
int load_add_visitors(struct load *load, int count);
int load_add_readers(struct load *load, int count);

/* Or anything else, with these two for what it allocates and gives back. */
int load_add(struct load *load, int count, bool client,
	     int (*turn)(struct load_thread *thread), void *data);
int load_obtain(struct load_thread *thread, __u64 frequency, __u32 keep);
__u64 load_forget(struct load_thread *thread, unsigned int which);

void load_pause(struct load *load);
void load_resume(struct load *load);
bool load_failed(struct load *load);
int load_check(struct load *load, int fd);
int load_finish(struct load *load);

#endif /* FREQ_LOAD_H */
