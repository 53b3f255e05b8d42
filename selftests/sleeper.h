/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sleepers: threads with a call that sleeps.
 */
#ifndef FREQ_SLEEPER_H
#define FREQ_SLEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include <linux/freq.h>

#define FOR_ANY		((struct freq_allocate_v3) {			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define FOR_EXACT(number)	((struct freq_allocate_v3) {			\
				.frequency = (number),			\
				.flags = FREQ_ALLOCATE_EXACT,		\
				.deadline = FREQ_FOR_EVER,		\
			})

/**
 * struct sleeper - a thread with a call that sleeps
 * @thread: the thread
 * @tid: its thread ID; 0 until it runs
 * @call: the call
 * @fd: its client
 * @records: room for records
 * @buffer: buffer of read(): @records, or a page
 * @room: capacity of @buffer, in records
 * @argument: argument of FREQ_IOC_ALLOCATE_V3, and its reply
 * @at: address of the argument: @argument, or a page
 * @result: result of the call
 * @done: the call has returned
 * @joined: the thread was joined
 */
struct sleeper {
	pthread_t thread;
	pid_t tid;
	int (*call)(struct sleeper *sleeper);
	int fd;
	struct freq_record records[4];
	struct freq_record *buffer;
	int room;
	struct freq_allocate_v3 argument;
	struct freq_allocate_v3 *at;
	int result;
	bool done;
	bool joined;
};

/* Calls: read(); poll(), whose result is the events; FREQ_IOC_ALLOCATE_V3 */
int call_read(struct sleeper *sleeper);
int call_poll(struct sleeper *sleeper);
int call_allocate(struct sleeper *sleeper);

struct sleeper *sleeper_make(int (*call)(struct sleeper *sleeper), int fd);
bool sleeper_create(struct sleeper *sleeper);
bool sleeper_run(struct sleeper *sleeper);
struct sleeper *sleeper_start(int (*call)(struct sleeper *sleeper), int fd);
struct sleeper *waiter_start(int fd, struct freq_allocate_v3 argument);
bool is_done(const struct sleeper *sleeper);
bool is_asleep(const struct sleeper *sleeper);
bool ended(struct sleeper *sleeper, int result);
bool sleepers_end(void);

int handle_signals(void);
int nr_handled(void);

#define STILL_ASLEEP(...) ({						\
	struct sleeper *__sleeper = (__VA_ARGS__);			\
									\
	ASSERT_NE(NULL, __sleeper);					\
	ASSERT_FALSE(is_done(__sleeper)) {				\
		TH_LOG("it returned %d", __sleeper->result);		\
	}								\
	__sleeper;							\
})

/* Threads that sleep in read(), in poll(), or in FREQ_IOC_ALLOCATE_V3 */
#define READER(fd)	STILL_ASLEEP(sleeper_start(call_read, fd))
#define POLLER(fd)	STILL_ASLEEP(sleeper_start(call_poll, fd))
#define WAITER(...)							\
	STILL_ASLEEP(waiter_start(open_client(), __VA_ARGS__))

/* The read() has returned this record, and no other. */
#define EXPECT_READ(reader, name, ...) ({				\
	struct sleeper *__reader = (reader);				\
									\
	ASSERT_TRUE(ended(__reader, 1));				\
	EXPECT_EQ(0, check_record(__reader->buffer,			\
				  (struct freq_record) {		\
			.kind = FREQ_RECORD_ ## name, __VA_ARGS__	\
		}));							\
})

#endif /* FREQ_SLEEPER_H */
