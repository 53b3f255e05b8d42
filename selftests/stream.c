// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams: see stream.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "freq_test.h"
#include "stream.h"

/* A read-only client */
int open_reader(int flags)
{
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC | flags);

	return fd < 0 ? -errno : fd;
}

/* A read-only subscriber to all frequencies; its read() blocks. */
int open_subscriber(__u32 kinds)
{
	int fd = open_reader(0);

	return fd < 0 ? fd : try_subscribe_to(fd, kinds, 0) ?: fd;
}

/* Current events, without waiting */
short poll_events(int fd)
{
	struct pollfd polled = { .fd = fd, .events = SHRT_MAX };

	return poll(&polled, 1, 0) < 0 ? -errno : polled.revents;
}

/* Part of FREQ_SUBSCRIBE_PRESENT */
static bool is_present(const struct freq_record *record)
{
	return record->flags & FREQ_RECORD_PRESENT ||
	       record->kind == FREQ_RECORD_PRESENT_END;
}

static bool has_client(const struct freq_record *record)
{
	return record->kind <= FREQ_RECORD_WAITING;
}

bool has_grant(const struct freq_record *record)
{
	return record->kind == FREQ_RECORD_ALLOCATED ||
	       record->kind == FREQ_RECORD_DEALLOCATED;
}

/**
 * check_record() - compare all fields but sequence, lost and time
 * @seen: the record
 * @want: the expected record; .grant 0: any grant; .pid 0: this process, for
 *	kinds with a client
 */
int check_record(const struct freq_record *seen, struct freq_record want)
{
	if (has_client(&want) && !want.pid)
		want.pid = getpid();
	if (want.pid == NO_PID)
		want.pid = 0;
	if (has_grant(&want) && !want.grant)
		want.grant = seen->grant;
	if (!differ(want.kind, seen->kind) &&
	    !differ(want.frequency, seen->frequency) &&
	    !differ(want.flags, seen->flags) &&
	    !differ(want.value, seen->value) &&
	    !differ(want.grant, seen->grant) &&
	    !differ(has_grant(&want), !!seen->grant) &&
	    !differ(want.uid, seen->uid) && !differ(want.pid, seen->pid) &&
	    !fails(!memcmp(want.label, seen->label, sizeof(want.label))))
		return 0;
	fprintf(stderr, "# in record %llu, of kind %u, frequency %llu\n",
		seen->sequence, seen->kind, seen->frequency);
	return -1;
}

/* Compares the record of a current allocation with LIST_GRANTS. */
int check_listed(int fd, const struct freq_record *record)
{
	__u32 flags = FREQ_ENTRY_ALLOCATED;
	struct freq_grant_entry entry;

	if (record->flags & FREQ_RECORD_KEEP)
		flags |= FREQ_ENTRY_KEEP;
	return differ(0, grant_find(fd, record->frequency, &entry)) ||
	       differ(entry.grant, record->grant) ||
	       differ(entry.since, record->time) ||
	       differ(flags, entry.flags & ~FREQ_ENTRY_MINE) ||
	       differ(entry.uid, record->uid) ||
	       differ(entry.pid, record->pid) ||
	       fails(!memcmp(entry.label, record->label,
			     sizeof(entry.label)));
}

/* Opens the client, and subscribes with the size of struct freq_record. */
int stream_start(struct stream *stream, struct freq_subscribe *subscribe)
{
	subscribe->record_size = sizeof(struct freq_record);
	*stream = (struct stream) {
		.fd = open_reader(O_NONBLOCK),
		.filtered = subscribe->kinds != ALL_KINDS ||
			    subscribe->span_count,
	};
	if (stream->fd < 0)
		return stream->fd;
	return try_subscribe(stream->fd, subscribe);
}

/* Checks that sequence and lost continue those of the previous record. */
int stream_check(struct stream *stream, const struct freq_record *seen)
{
	__u64 next = stream->last + seen->lost + 1;

	if (is_present(seen))
		return differ(0, seen->lost) ||
		       fails(seen->sequence >= stream->last);
	if (!stream->last || stream->filtered) {
		stream->last = seen->sequence;
		return fails(seen->sequence >= next);
	}
	stream->last = seen->sequence;
	return differ(next, seen->sequence);
}

/* Reads one record, and compares all of it but the time. */
int stream_next(struct stream *stream, struct freq_record want,
		struct freq_record *seen)
{
	memset(seen, 0xa5, sizeof(*seen));
	return differ(1, try_read_records(stream->fd, seen, 1)) ||
	       check_record(seen, want) || stream_check(stream, seen) ||
	       differ(want.lost, seen->lost);
}

/* Reads until EAGAIN: the number of records, or -1. */
int stream_drain(struct stream *stream)
{
	struct freq_record records[READ_MAX];
	int total = 0, count, i;

	while ((count = try_read_records(stream->fd, records, READ_MAX)) > 0) {
		for (i = 0; i < count; i++) {
			if (stream_check(stream, &records[i]))
				return -1;
		}
		total += count;
	}
	return differ(-EAGAIN, count) ? -1 : total;
}
