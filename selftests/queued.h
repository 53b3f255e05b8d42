/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queued requests, and the records that their clients read, for the tests of
 * them. As in freq_test.h, nothing here knows the harness: results are 0 or a
 * negative errno unless said otherwise.
 */
#ifndef FREQ_QUEUED_H
#define FREQ_QUEUED_H

#include "freq_test.h"
#include "sleeper.h"

#define NS_PER_MS	1000000LL
#define NS_PER_S	1000000000LL
#define NS_PER_HOUR	3600000000000LL

#define KIND(kind)	(1U << FREQ_RECORD_ ## kind)
#define HELD		FREQ_ENTRY_ALLOCATED
#define MINE		FREQ_ENTRY_MINE

/* What became of a request that did not fail */
enum {
	QUEUED,
	GRANTED,
};

/**
 * struct wish - a request that is queued if it would have to wait
 * @is_group: by FREQ_IOC_ALLOCATE_GROUP, else FREQ_IOC_ALLOCATE_V3
 * @first: of the span; the frequency with FREQ_ALLOCATE_EXACT
 * @last: of the span
 * @count: how many frequencies
 * @flags: of the request, but for FREQ_ALLOCATE_QUEUE
 * @cookie: its cookie
 * @deadline: its deadline
 */
struct wish {
	bool is_group;
	__u64 first;
	__u64 last;
	__u32 count;
	__u32 flags;
	__u64 cookie;
	__s64 deadline;
};

#define ANY(name)	((struct wish) {				\
				.count = 1,				\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define EXACT(number, name)	((struct wish) {			\
				.first = (number),			\
				.count = 1,				\
				.flags = FREQ_ALLOCATE_EXACT,		\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define BAND(low, high, name)	((struct wish) {			\
				.is_group = true,			\
				.first = (low),				\
				.last = (high),				\
				.count = 1,				\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})
#define RESERVE(low, high, many, name)	((struct wish) {		\
				.is_group = true,			\
				.first = (low),				\
				.last = (high),				\
				.count = (many),			\
				.flags = FREQ_GROUP_RESERVE,		\
				.cookie = (name),			\
				.deadline = FREQ_FOR_EVER,		\
			})

/* One of each: all are granted once 12 and 13 have been given back. */
#define EACH_KIND(name)	{						\
		ANY(name), EXACT(12, name), BAND(12, 13, name),		\
		RESERVE(12, 13, 2, name),				\
	}

__s64 monotonic_ns(__s64 ahead);
struct wish keeping(struct wish wish);
struct wish until(struct wish wish, __s64 deadline);
int ask_for(int fd, struct wish wish, struct freq_granted *granted);
int ask(int fd, struct wish wish);
int ask_many(int fd, int count, __u64 first);

#define test_queue(fd, ...)						\
	ASSERT_EQ(QUEUED, ask(fd, __VA_ARGS__))
#define test_err_queue(err, fd, ...)					\
	EXPECT_EQ(-(err), ask(fd, __VA_ARGS__))

int hear_of(int fd, __u32 kinds, const struct freq_span *span);
int open_hearing(__u32 kinds);
int read_record(int fd, struct freq_record *record);
int next_record(int fd, struct freq_record *record);
bool is_readable(int fd, int ms);
bool is_silent(int fd);
bool has_outcome(int fd, __u64 cookie, __u64 frequency);
bool has_timed_out(int fd, __u64 cookie);

#define EXPECT_OUTCOME(fd, cookie, frequency)				\
	EXPECT_TRUE(has_outcome(fd, cookie, frequency))
#define EXPECT_TIMED_OUT(fd, cookie)					\
	EXPECT_TRUE(has_timed_out(fd, cookie))
#define EXPECT_SILENT(fd)						\
	EXPECT_TRUE(is_silent(fd))
#define EXPECT_WAITING(count)						\
	EXPECT_EQ(count, waiters_of(self->fd))

#define ALL_KINDS	(KIND(ALLOCATED) | KIND(DEALLOCATED) |		\
			 KIND(INJECTED) | KIND(WAITING) |		\
			 KIND(UPGRADED) | KIND(OUTCOME))

#define EXPECT_RECORD(fd, what, number, kind_flags) ({			\
	struct freq_record __record;					\
									\
	ASSERT_EQ(0, next_record(fd, &__record));			\
	EXPECT_EQ(FREQ_RECORD_ ## what, __record.kind);			\
	EXPECT_EQ(number, __record.frequency);				\
	EXPECT_EQ(kind_flags, __record.flags);				\
	__record;							\
})

int queued_start(const char *release, int *fd, int *own);
bool holds(int fd, __u64 frequency, __u64 grant, __u32 flags);
bool allocated_is(int fd, __u64 allocated);
bool clients_are(int fd, __u32 clients);
int serve_all(int fd);
int give(int fd);
int regain(int fd, int other);

struct sleeper *sleep_for_any(int watch);
bool sleeper_got(struct sleeper *sleeper, __u64 frequency);

#define SLEEP_ANY() ({							\
	struct sleeper *__sleeper = sleep_for_any(self->fd);		\
									\
	ASSERT_NE(NULL, __sleeper);					\
	__sleeper;							\
})

struct sleeper *poller_start(int fd, bool reads);
bool poller_has(struct sleeper *poller, __u64 cookie, __u64 frequency);

#define POLL_ONE(fd, reads) ({						\
	struct sleeper *__poller = poller_start(fd, reads);		\
									\
	ASSERT_NE(NULL, __poller);					\
	__poller;							\
})

#endif /* FREQ_QUEUED_H */
