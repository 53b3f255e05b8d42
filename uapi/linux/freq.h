/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/freq: allocation of frequencies, or of any exclusive numbers, to the
 * programs of a machine.
 */
#ifndef _UAPI_LINUX_FREQ_H
#define _UAPI_LINUX_FREQ_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: The contract of all requests
 *
 * A *client* is an open file description of /dev/freq: what one open() made,
 * however many descriptors, threads and processes share it. Its user and its
 * process are those that opened it. What a client holds is given back when
 * its last descriptor is closed, also by exit and by a signal.
 *
 * A *frequency* is a __u64: hertz by convention, but any number will do.
 *
 * A request either is done completely, or fails and has not begun. The reply
 * is written in the same hold of the mutex in which the request is done: if it
 * cannot be written, nothing has been done, and there is nothing to undo.
 *
 * FREQ_IOC_INJECT can wait for its turn, FREQ_IOC_ALLOCATE_V3 and
 * FREQ_IOC_ALLOCATE_GROUP for frequencies, and read() for a record. A signal
 * ends the wait: the request has not begun, and fails with EINTR or is
 * restarted, as SA_RESTART says. A request that was restarted waits behind all
 * others.
 *
 * Argument structures can grow. The size that the caller knows is in the
 * request number (_IOC_SIZE). A caller that knows fewer fields than the
 * running release has zero in the others; a caller that knows more must have
 * zero in what the release does not know. Flags and padding without a meaning
 * must be zero.
 *
 * These errors mean the same for every request:
 *
 * ========  ===============================================================
 * ENODEV    No release runs: the door is there, the server is not.
 * ENOTTY    The running release does not know this request.
 * EPERM     The descriptor is not open for writing and the request changes
 *           something, or the request needs CAP_SYS_ADMIN in the initial
 *           user namespace.
 * EFAULT    The argument, or what it points to, cannot be read or written.
 * E2BIG     The argument goes in, is larger than what the running release
 *           knows, and not zero there; or a count is larger than its limit.
 * EINVAL    The argument is smaller than its first version, an unknown flag
 *           or padding is not zero, or a count is zero.
 * ENOMEM    Out of memory.
 * ========  ===============================================================
 *
 * Where several apply, the first in this order is returned: ENODEV, ENOTTY,
 * EPERM, then the others.
 */

#define FREQ_IOC_MAGIC		0xF7

/**
 * struct freq_info - argument of FREQ_IOC_INFO
 * @release: out: number of the running release
 * @clients: out: number of clients, the caller among them
 * @free: out: number of free frequencies
 * @allocated: out: number of allocated frequencies
 * @features: out: FREQ_FEATURE_*: what the running release knows beside
 *	INFO, LIST, ALLOCATE and DEALLOCATE
 */
struct freq_info {
	__u32 release;
	__u32 clients;
	__u64 free;
	__u64 allocated;
	__u64 features;
};

/* The running release knows FREQ_IOC_INJECT. */
#define FREQ_FEATURE_INJECT	0x1ULL
/* It knows FREQ_IOC_ALLOCATE_BATCH and FREQ_IOC_DEALLOCATE_BATCH. */
#define FREQ_FEATURE_BATCH	0x2ULL
/*
 * It knows the _V3 forms of requests, FREQ_IOC_ALLOCATE_GROUP,
 * FREQ_IOC_LIST_GRANTS, FREQ_IOC_LABEL, FREQ_IOC_CANCEL and FREQ_IOC_SUBSCRIBE.
 */
#define FREQ_FEATURE_GRANTS	0x4ULL

/**
 * struct freq_info_v3 - argument of FREQ_IOC_INFO_V3
 * @release: out: as in struct freq_info
 * @clients: out: as in struct freq_info
 * @free: out: as in struct freq_info
 * @allocated: out: as in struct freq_info
 * @features: out: as in struct freq_info
 * @grant: out: a number that no grant exceeds, and each later one does
 * @waiters: out: number of requests that wait for a frequency
 * @subscriptions: out: number of clients that subscribe to records
 */
struct freq_info_v3 {
	__u32 release;
	__u32 clients;
	__u64 free;
	__u64 allocated;
	__u64 features;
	__u64 grant;
	__u32 waiters;
	__u32 subscriptions;
};

/**
 * struct freq_entry - one frequency in the reply to FREQ_IOC_LIST
 * @frequency: the frequency
 * @flags: FREQ_ENTRY_*
 * @uid: user of the client that allocated it, as the caller's user namespace
 *	sees it; 0 if it is free
 * @pid: process that opened the client that holds it, as the caller's pid
 *	namespace sees it; 0 if it is free, if that client is closed (see
 *	FREQ_ALLOCATE_KEEP), if that process has ended, or if the caller cannot
 *	see it
 * @pad: 0
 */
struct freq_entry {
	__u64 frequency;
	__u32 flags;
	__u32 uid;
	__s32 pid;
	__u32 pad;
};

/* It is allocated; without this flag, it is free. */
#define FREQ_ENTRY_ALLOCATED	0x1
/* It was allocated with FREQ_ALLOCATE_KEEP. */
#define FREQ_ENTRY_KEEP		0x2
/* The client that asks holds it. */
#define FREQ_ENTRY_MINE		0x4

/**
 * struct freq_list - argument of FREQ_IOC_LIST
 * @entries: in: address of an array of struct freq_entry, to be filled in
 *	ascending order of the frequencies
 * @cursor: in: 0 to begin, else what the page before returned; out: where the
 *	next page begins, or 0 if this was the last
 * @count: in: entries that the array has room for, 1 to FREQ_LIST_MAX;
 *	out: entries filled, which can be fewer, and none, on any page
 * @flags: in: FREQ_LIST_*: which entries to report; 0: all
 */
struct freq_list {
	__aligned_u64 entries;
	__u64 cursor;
	__u32 count;
	__u32 flags;
};

/* Report the free frequencies only. */
#define FREQ_LIST_FREE		0x1
/* Report the allocated frequencies only. */
#define FREQ_LIST_ALLOCATED	0x2

/* The most entries of one page of FREQ_IOC_LIST. */
#define FREQ_LIST_MAX		4096

/* The longest label, in bytes. */
#define FREQ_LABEL_MAX		32

/**
 * struct freq_grant_entry - one frequency in the reply to FREQ_IOC_LIST_GRANTS
 * @frequency: as in struct freq_entry
 * @grant: number of the grant by which it is allocated; 0 if it is free
 * @since: when it was allocated, in ns of CLOCK_BOOTTIME, to a tick's length; 0
 *	if it is free
 * @flags: as in struct freq_entry
 * @uid: as in struct freq_entry
 * @pid: as in struct freq_entry
 * @pad: 0
 * @label: label of the client that holds it: text, then zeros; all 0 if there
 *	is none, and once that client is closed. Without a NUL if it is
 *	FREQ_LABEL_MAX bytes long.
 */
struct freq_grant_entry {
	__u64 frequency;
	__u64 grant;
	__s64 since;
	__u32 flags;
	__u32 uid;
	__s32 pid;
	__u32 pad;
	__u8 label[FREQ_LABEL_MAX];
};

/**
 * struct freq_list_grants - argument of FREQ_IOC_LIST_GRANTS
 * @entries: in: as in struct freq_list, of struct freq_grant_entry
 * @cursor: in, out: as in struct freq_list; a cursor of the one is valid for
 *	the other
 * @count: in, out: as in struct freq_list
 * @flags: in: as in struct freq_list
 * @entry_size: in: sizeof(struct freq_grant_entry) as the caller knows it: a
 *	multiple of 8, FREQ_GRANT_ENTRY_SIZE_MIN to FREQ_GRANT_ENTRY_SIZE_MAX.
 *	What the release does not know of an entry is 0.
 * @pad: in: must be 0
 */
struct freq_list_grants {
	__aligned_u64 entries;
	__u64 cursor;
	__u32 count;
	__u32 flags;
	__u32 entry_size;
	__u32 pad;
};

/* The first size of struct freq_grant_entry, and the most it will ever have. */
#define FREQ_GRANT_ENTRY_SIZE_MIN	72
#define FREQ_GRANT_ENTRY_SIZE_MAX	256

/**
 * struct freq_allocate - argument of FREQ_IOC_ALLOCATE
 * @frequency: in: ignored; out: the frequency that the caller now holds
 * @flags: in: FREQ_ALLOCATE_*
 * @pad: in: must be 0
 */
struct freq_allocate {
	__u64 frequency;
	__u32 flags;
	__u32 pad;
};

/*
 * The allocation outlives the client. It ends when any client of the same
 * user, or one with CAP_SYS_ADMIN, deallocates it.
 */
#define FREQ_ALLOCATE_KEEP	0x1

/**
 * struct freq_allocate_v3 - argument of FREQ_IOC_ALLOCATE_V3
 * @frequency: in: the wanted frequency with FREQ_ALLOCATE_EXACT, else ignored;
 *	out: the frequency that the caller now holds
 * @flags: in: FREQ_ALLOCATE_*
 * @pad: in: must be 0
 * @deadline: in: until when to wait: an absolute time of CLOCK_MONOTONIC in ns;
 *	0: not at all; FREQ_FOR_EVER
 * @grant: in: the cookie with FREQ_ALLOCATE_QUEUE, else ignored; out: number of
 *	the grant; 0: it is queued
 *
 * Of those that wait, the one that waits longest gets a frequency that comes
 * free, if it wants that one. Grants are numbered as they are made: a later one
 * has a higher number, in whatever release, and also after a stop.
 *
 * ENOSPC with no frequency free, or EBUSY with FREQ_ALLOCATE_EXACT and a
 * frequency that is allocated, if it is not to wait; ENOENT with
 * FREQ_ALLOCATE_EXACT and a frequency that is not in the pool; ETIMEDOUT at the
 * deadline, or if that is past and nothing is free; EINVAL with a negative
 * deadline.
 */
struct freq_allocate_v3 {
	__u64 frequency;
	__u32 flags;
	__u32 pad;
	__s64 deadline;
	__u64 grant;
};

/* FREQ_IOC_ALLOCATE_V3 only: the frequency of the argument, and no other. */
#define FREQ_ALLOCATE_EXACT	0x2

/*
 * Not FREQ_IOC_ALLOCATE and FREQ_IOC_ALLOCATE_BATCH: a request that is to wait
 * does not sleep. Its outcome will be a record, FREQ_RECORD_OUTCOME, which has
 * the cookie that the client gave. The client has to subscribe to these records;
 * the request is cancelled when its subscription ends.
 *
 * EINVAL without such a subscription, or without a deadline; EEXIST if a request
 * of the client with this cookie is queued; EDQUOT with FREQ_QUEUED_MAX of them.
 */
#define FREQ_ALLOCATE_QUEUE	0x10

/* How many requests of a client can be queued. */
#define FREQ_QUEUED_MAX		1024

/* A deadline that never comes: INT64_MAX. */
#define FREQ_FOR_EVER		0x7fffffffffffffffLL

/**
 * struct freq_deallocate - argument of FREQ_IOC_DEALLOCATE
 * @frequency: in: the frequency to give back
 * @flags: in: must be 0
 * @pad: in: must be 0
 */
struct freq_deallocate {
	__u64 frequency;
	__u32 flags;
	__u32 pad;
};

/**
 * struct freq_deallocate_v3 - argument of FREQ_IOC_DEALLOCATE_V3
 * @frequency: in: the frequency to give back
 * @flags: in: must be 0
 * @pad: in: must be 0
 * @grant: in: number of the grant that is to end; 0: whichever it is
 *
 * ESTALE if the frequency is allocated by another grant, whoever's. That comes
 * before EPERM, and ENOENT before it.
 */
struct freq_deallocate_v3 {
	__u64 frequency;
	__u32 flags;
	__u32 pad;
	__u64 grant;
};

/**
 * struct freq_span - the frequencies from one to another
 * @first: the lowest
 * @last: the highest
 */
struct freq_span {
	__u64 first;
	__u64 last;
};

/* The most spans of one request. */
#define FREQ_SPANS_MAX		16

/**
 * struct freq_granted - a frequency that a request has allocated
 * @frequency: the frequency
 * @grant: number of its grant
 */
struct freq_granted {
	__u64 frequency;
	__u64 grant;
};

/**
 * struct freq_group - argument of FREQ_IOC_ALLOCATE_GROUP
 * @spans: in: address of an array of struct freq_span: where to look, the first
 *	span first; ignored with no spans
 * @granted: in: address of an array of struct freq_granted, to be filled with
 *	the frequencies that the caller now holds, in the order in which they were
 *	found. After an error, what is in it means nothing.
 * @span_count: in: how many spans, at most FREQ_SPANS_MAX; 0: the whole pool
 * @count: in: how many frequencies, 1 to FREQ_GROUP_MAX
 * @flags: in: FREQ_ALLOCATE_KEEP, FREQ_ALLOCATE_QUEUE, FREQ_GROUP_*
 * @pad: in: must be 0
 * @spacing: in: distance of neighbours with FREQ_GROUP_ROW, else must be 0
 * @deadline: in: until when to wait, as in struct freq_allocate_v3
 * @cookie: in: as @grant in struct freq_allocate_v3, else must be 0. If the
 *	request is queued, the first of @granted has no grant.
 *
 * Allocates the lowest free frequencies of the first span, then those of the
 * next one, until there are enough: all of them or none.
 *
 * ENOENT if the spans do not have so many frequencies, or no such row, allocated
 * or not; ENOSPC if too few are free, and it is not to wait; ETIMEDOUT as for
 * FREQ_IOC_ALLOCATE_V3; ERANGE if a span ends before it begins, or if no 64-bit
 * number is the last one of the row; E2BIG with FREQ_GROUP_ROW if the spans have
 * more than FREQ_ROW_SEARCH_MAX frequencies; EPERM with FREQ_GROUP_RESERVE and a
 * deadline that is more than FREQ_RESERVE_MAX_NS ahead, without CAP_SYS_ADMIN in
 * the initial user namespace.
 */
struct freq_group {
	__aligned_u64 spans;
	__aligned_u64 granted;
	__u32 span_count;
	__u32 count;
	__u32 flags;
	__u32 pad;
	__u64 spacing;
	__s64 deadline;
	__u64 cookie;
};

/*
 * Frequencies that are @spacing apart, all in one span; the lowest such row. A
 * row cannot be queued, and neither can several without FREQ_GROUP_RESERVE.
 */
#define FREQ_GROUP_ROW		0x4
/*
 * While it waits, what comes free is allocated to it until it has enough. Not
 * with FREQ_GROUP_ROW; needs a deadline.
 */
#define FREQ_GROUP_RESERVE	0x8

/* The most frequencies of one group. */
#define FREQ_GROUP_MAX		64

/* Among how many frequencies a row can be looked for. */
#define FREQ_ROW_SEARCH_MAX	4096

/* For how long a request can reserve: 60 s. */
#define FREQ_RESERVE_MAX_NS	60000000000LL

/**
 * struct freq_cancel - argument of FREQ_IOC_CANCEL
 * @cookie: in: of a request of the client that is queued
 *
 * Nothing comes of that request any more. ENOENT if there is none: its outcome
 * has been a record then.
 */
struct freq_cancel {
	__u64 cookie;
};

/**
 * struct freq_label - argument of FREQ_IOC_LABEL
 * @label: in: label of the client from now on: text, then zeros; all 0: none
 *
 * It is seen by all who list the frequencies that the client holds. EILSEQ with
 * a control character (a byte below 0x20, or 0x7f) or a byte behind a zero.
 */
struct freq_label {
	__u8 label[FREQ_LABEL_MAX];
};

/**
 * struct freq_subscribe - argument of FREQ_IOC_SUBSCRIBE
 * @spans: in: address of an array of struct freq_span: the frequencies that the
 *	client wants to hear of; ignored with no spans
 * @span_count: in: how many spans, at most FREQ_SPANS_MAX; 0: all frequencies
 * @kinds: in: which records, 1 << FREQ_RECORD_* of each kind; 0: the
 *	subscription ends
 * @flags: in: FREQ_SUBSCRIBE_*
 * @record_size: in: sizeof(struct freq_record) as the caller knows it: a
 *	multiple of 8, FREQ_RECORD_SIZE_MIN to FREQ_RECORD_SIZE_MAX. What the
 *	release does not know of a record is 0.
 *
 * From now on, read() returns records of what happens. A subscription that the
 * client has already is replaced, with the records that were not read.
 *
 * ERANGE with a span that ends before it begins. EDQUOT if FREQ_SUBSCRIBERS_MAX
 * other clients of the same user subscribe, without CAP_SYS_ADMIN in the
 * initial user namespace.
 */
struct freq_subscribe {
	__aligned_u64 spans;
	__u32 span_count;
	__u32 kinds;
	__u32 flags;
	__u32 record_size;
};

/*
 * What is allocated already comes first, as records of FREQ_RECORD_ALLOCATED
 * with FREQ_RECORD_PRESENT, if @kinds has these; then one of
 * FREQ_RECORD_PRESENT_END, in any case.
 */
#define FREQ_SUBSCRIBE_PRESENT	0x1

/* How many clients of a user can subscribe. */
#define FREQ_SUBSCRIBERS_MAX	64

/* Kinds of records */
#define FREQ_RECORD_ALLOCATED	0
#define FREQ_RECORD_DEALLOCATED	1
#define FREQ_RECORD_INJECTED	2
/* A request waits for a frequency. */
#define FREQ_RECORD_WAITING	3
/* Another release runs. */
#define FREQ_RECORD_UPGRADED	4
#define FREQ_RECORD_PRESENT_END	5
/* What became of a request that was queued; for the client that made it. */
#define FREQ_RECORD_OUTCOME	6

/**
 * struct freq_record - what read() returns: something that has happened
 * @sequence: its number: 1 more than that of the record before, of whatever
 *	kind. With FREQ_RECORD_PRESENT, and of FREQ_RECORD_PRESENT_END, the number
 *	of the last record that is in what it tells.
 * @lost: how many records between the one that was read before and this one
 *	the client was too late for, wanted or not
 * @time: when it happened, in ns of CLOCK_BOOTTIME, to a tick's length
 * @frequency: the frequency; FREQ_RECORD_INJECTED: the first of them;
 *	FREQ_RECORD_GROUP: where the first span begins; 0 if there is none
 * @grant: number of the grant by which it is or was allocated; else 0
 * @value: FREQ_RECORD_INJECTED: how many frequencies; FREQ_RECORD_WAITING: the
 *	deadline; FREQ_RECORD_UPGRADED: number of the release;
 *	FREQ_RECORD_OUTCOME: the cookie; else 0
 * @kind: FREQ_RECORD_*, of the kinds
 * @flags: FREQ_RECORD_*, of the flags
 * @uid: user of the client that holds or held it, waits or injects, as the
 *	reader's user namespace sees it; 0 if there is none
 * @pid: process that opened that client, as the reader's pid namespace sees
 *	it; 0 if the reader cannot see it, or if that client was closed before
 * @label: label that the client had
 */
struct freq_record {
	__u64 sequence;
	__u64 lost;
	__s64 time;
	__u64 frequency;
	__u64 grant;
	__u64 value;
	__u32 kind;
	__u32 flags;
	__u32 uid;
	__s32 pid;
	__u8 label[FREQ_LABEL_MAX];
};

/* The first size of struct freq_record, and the most it will ever have. */
#define FREQ_RECORD_SIZE_MIN	96
#define FREQ_RECORD_SIZE_MAX	256

/* Flags of records */
/* FREQ_ALLOCATE_KEEP */
#define FREQ_RECORD_KEEP	0x1
/* It was so already when the record was read: see FREQ_SUBSCRIBE_PRESENT. */
#define FREQ_RECORD_PRESENT	0x2
/* FREQ_RECORD_DEALLOCATED: the client was closed. */
#define FREQ_RECORD_CLOSED	0x4
/* FREQ_RECORD_WAITING: for any frequency. */
#define FREQ_RECORD_ANY		0x8
/* FREQ_RECORD_WAITING: for several, or for one of some spans. */
#define FREQ_RECORD_GROUP	0x10
/* FREQ_RECORD_OUTCOME: the deadline came first, nothing was allocated. */
#define FREQ_RECORD_TIMED_OUT	0x20

/**
 * struct freq_inject - argument of FREQ_IOC_INJECT
 * @frequencies: in: address of an array of __u64: the frequencies to add
 * @count: in: how many they are, 1 to FREQ_INJECT_MAX
 * @flags: in: must be 0
 * @index: in: must be 0; out, on EEXIST only: index in the array of the first
 *	frequency that is in the pool already, or earlier in the array
 * @pad: in: must be 0
 */
struct freq_inject {
	__aligned_u64 frequencies;
	__u32 count;
	__u32 flags;
	__u32 index;
	__u32 pad;
};

/* The most frequencies of one FREQ_IOC_INJECT: 2^20. */
#define FREQ_INJECT_MAX		0x100000
/* The most frequencies that the pool can have: 2^24. */
#define FREQ_POOL_MAX		0x1000000

/**
 * struct freq_batch - argument of FREQ_IOC_ALLOCATE_BATCH and
 *	FREQ_IOC_DEALLOCATE_BATCH
 * @frequencies: in: address of an array of __u64. ALLOCATE_BATCH fills it with
 *	the frequencies that the caller now holds, in the order in which as
 *	many FREQ_IOC_ALLOCATE would have given them out; DEALLOCATE_BATCH
 *	gives back those in it, as if one by one, the first one first; requests
 *	that wait are served once all are free. After an error of
 *	ALLOCATE_BATCH, what is in it means nothing.
 * @count: in: how many they are, 1 to FREQ_BATCH_MAX
 * @flags: in: ALLOCATE_BATCH: FREQ_ALLOCATE_*, for all; DEALLOCATE_BATCH: must
 *	be 0
 * @index: in: must be 0; out, on ENOENT and EPERM of DEALLOCATE_BATCH only:
 *	index in the array of the first frequency that cannot be given back; of
 *	one that is there twice, the second place (ENOENT)
 * @pad: in: must be 0
 */
struct freq_batch {
	__aligned_u64 frequencies;
	__u32 count;
	__u32 flags;
	__u32 index;
	__u32 pad;
};

/* The most frequencies of one batch. */
#define FREQ_BATCH_MAX		256

/*
 * Stops the server. Refused with EBUSY if a frequency is allocated, if another
 * client that is open has ever allocated something, waited for it or labelled
 * itself, or if another release is taking over. Numbers 0x01 to 0x0f are
 * reserved.
 */
#define FREQ_IOC_STOP		_IO(FREQ_IOC_MAGIC, 0x00)
#define FREQ_IOC_INFO		_IOR(FREQ_IOC_MAGIC, 0x10, struct freq_info)
#define FREQ_IOC_LIST		_IOWR(FREQ_IOC_MAGIC, 0x11, struct freq_list)
#define FREQ_IOC_ALLOCATE	_IOWR(FREQ_IOC_MAGIC, 0x12, \
				      struct freq_allocate)
#define FREQ_IOC_DEALLOCATE	_IOW(FREQ_IOC_MAGIC, 0x13, \
				     struct freq_deallocate)
#define FREQ_IOC_INJECT		_IOWR(FREQ_IOC_MAGIC, 0x14, struct freq_inject)
#define FREQ_IOC_ALLOCATE_BATCH	_IOWR(FREQ_IOC_MAGIC, 0x15, struct freq_batch)
#define FREQ_IOC_DEALLOCATE_BATCH \
				_IOWR(FREQ_IOC_MAGIC, 0x16, struct freq_batch)
/* Since release 3. The _V3 forms are the same requests with more fields. */
#define FREQ_IOC_INFO_V3	_IOR(FREQ_IOC_MAGIC, 0x10, struct freq_info_v3)
#define FREQ_IOC_ALLOCATE_V3	_IOWR(FREQ_IOC_MAGIC, 0x12, \
				      struct freq_allocate_v3)
#define FREQ_IOC_DEALLOCATE_V3	_IOW(FREQ_IOC_MAGIC, 0x13, \
				     struct freq_deallocate_v3)
#define FREQ_IOC_LIST_GRANTS	_IOWR(FREQ_IOC_MAGIC, 0x17, \
				      struct freq_list_grants)
#define FREQ_IOC_LABEL		_IOW(FREQ_IOC_MAGIC, 0x18, struct freq_label)
#define FREQ_IOC_ALLOCATE_GROUP	_IOW(FREQ_IOC_MAGIC, 0x19, struct freq_group)
#define FREQ_IOC_CANCEL		_IOW(FREQ_IOC_MAGIC, 0x1a, struct freq_cancel)
#define FREQ_IOC_SUBSCRIBE	_IOW(FREQ_IOC_MAGIC, 0x1d, \
				     struct freq_subscribe)

#endif /* _UAPI_LINUX_FREQ_H */
