/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Streams: subscribers whose records are read and compared one by one.
 */
#ifndef FREQ_STREAM_H
#define FREQ_STREAM_H

#include <poll.h>
#include <stdbool.h>

#include <linux/freq.h>

#define KIND(name)	(1U << FREQ_RECORD_ ## name)
/* Without FREQ_RECORD_OUTCOME, which only the client of a queued request gets */
#define ALL_KINDS	(KIND(ALLOCATED) | KIND(DEALLOCATED) |		\
			 KIND(INJECTED) | KIND(WAITING) | KIND(UPGRADED))

/* The most records of one read() */
#define READ_MAX	64

/* The events of a subscriber with a record to read */
#define READABLE	(POLLIN | POLLRDNORM)

/* Of an expected record: no process */
#define NO_PID		(-1)

/**
 * struct stream - a subscriber whose records are read one by one
 * @fd: the client, nonblocking
 * @last: sequence of the last record; 0: none yet
 * @filtered: records in between may be skipped
 */
struct stream {
	int fd;
	__u64 last;
	bool filtered;
};

int open_reader(int flags);
int open_subscriber(__u32 kinds);
short poll_events(int fd);
bool has_grant(const struct freq_record *record);
int check_record(const struct freq_record *seen, struct freq_record want);
int check_listed(int fd, const struct freq_record *record);

int stream_start(struct stream *stream, struct freq_subscribe *subscribe);
int stream_check(struct stream *stream, const struct freq_record *seen);
int stream_next(struct stream *stream, struct freq_record want,
		struct freq_record *seen);
int stream_drain(struct stream *stream);

/* Subscribes to all frequencies. */
#define START_STREAM(stream, mask, options) ({				\
	struct freq_subscribe __subscribe = {				\
		.kinds = (mask),					\
		.flags = (options),					\
	};								\
									\
	ASSERT_EQ(0, stream_start(stream, &__subscribe));		\
})

/* Subscribes to spans of frequencies. */
#define START_SPANS(stream, mask, options, ...) ({			\
	const struct freq_span __spans[] = { __VA_ARGS__ };		\
	struct freq_subscribe __subscribe = {				\
		.spans = (uintptr_t)__spans,				\
		.span_count = ARRAY_SIZE(__spans),			\
		.kinds = (mask),					\
		.flags = (options),					\
	};								\
									\
	ASSERT_EQ(0, stream_start(stream, &__subscribe));		\
})

/* Compares the next record; its value is a copy of the record. */
#define EXPECT_NEXT(stream, name, ...) ({				\
	struct freq_record __record;					\
									\
	ASSERT_EQ(0, stream_next(stream, (struct freq_record) {		\
			.kind = FREQ_RECORD_ ## name, __VA_ARGS__	\
		}, &__record));						\
	__record;							\
})

/* The same, for a current allocation: compares it with LIST_GRANTS, too. */
#define EXPECT_LISTED(stream, ...) ({					\
	struct freq_record __listed = EXPECT_NEXT(stream, ALLOCATED,	\
						  __VA_ARGS__);		\
									\
	EXPECT_EQ(0, check_listed(self->fd, &__listed));		\
	__listed;							\
})

/* The end of FREQ_SUBSCRIBE_PRESENT */
#define EXPECT_END(stream)						\
	EXPECT_NEXT(stream, PRESENT_END, .flags = FREQ_RECORD_PRESENT)

#define EXPECT_NO_MORE(stream)						\
	test_err_read_records(EAGAIN, (stream)->fd)

#define EXPECT_READABLE(fd)						\
	EXPECT_EQ(READABLE, poll_events(fd))
#define EXPECT_QUIET(fd)						\
	EXPECT_EQ(0, poll_events(fd))

/* A server with 10 to 15, all free; @all subscribes to all records. */
#define STREAM_FIXTURE(name)						\
	FIXTURE(name) {							\
		struct stream all;					\
		int log;						\
		int fd;							\
	};								\
									\
	FIXTURE_SETUP(name)						\
	{								\
		ASSERT_EQ(0, handle_signals());				\
		ASSERT_EQ(0, server_start("freq_v3", NULL));		\
		self->log = log_open();					\
		ASSERT_GE(self->log, 0);				\
		self->fd = open_client();				\
		ASSERT_GE(self->fd, 0);					\
		START_STREAM(&self->all, ALL_KINDS, 0);			\
	}								\
									\
	FIXTURE_TEARDOWN(name)						\
	{								\
		EXPECT_TRUE(sleepers_end());				\
		EXPECT_EQ(0, test_clean());				\
	}

#endif /* FREQ_STREAM_H */
