/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of what happens, and who subscribes to it. Part of the format
 * freq-state-2 (see format.h).
 */
#ifndef FREQ_CONTRACT_LOG_H
#define FREQ_CONTRACT_LOG_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <linux/freq.h>

struct freq_client;
struct pid;

/* How much the log has room for, in words of 8 bytes: 4 MiB. */
#define FREQ_LOG_WORDS BIT(19)

/* Of the grant of an item: FREQ_RECORD_KEEP. A number never is so high. */
#define FREQ_LOG_KEEP BIT_ULL(63)

/**
 * struct freq_log_item - what a record has that differs within an entry
 * @frequency: see struct freq_record
 * @grant: see struct freq_record; with FREQ_LOG_KEEP
 */
struct freq_log_item {
	u64 frequency;
	u64 grant;
};

/**
 * struct freq_log_entry - records that were made in one hold, of one holder
 * @words: its length, in words
 * @count: number of items, each of which is a record; 0: it fills the log up to
 *	its end, and its other fields are undefined
 * @kind: see struct freq_record
 * @flags: see struct freq_record
 * @time: see struct freq_record
 * @value: see struct freq_record
 * @pid: of the holder, with a reference; NULL: none
 * @uid: of the holder; INVALID_UID: there is none
 * @pad: 0
 * @client: FREQ_RECORD_OUTCOME: id of the client that it is for; else 0
 * @label: of the holder
 *
 * Its items lie behind it.
 */
struct freq_log_entry {
	u16 words;
	u16 count;
	u16 kind;
	u16 flags;
	s64 time;
	u64 value;
	struct pid *pid;
	kuid_t uid;
	u32 pad;
	u64 client;
	u8 label[FREQ_LABEL_MAX];
};

/**
 * struct freq_place - a place in the log
 * @at: where the entry is, in words since the log was made
 * @sequence: number of the record
 * @item: index of its item
 * @pad: 0
 * @lost: records that the subscriber was too late for since the last one that
 *	it has read
 * @present: FREQ_SUBSCRIBE_PRESENT: the lowest frequency that was not looked at
 * @phase: enum freq_present
 * @pad_2: 0
 */
struct freq_place {
	u64 at;
	u64 sequence;
	u32 item;
	u32 pad;
	u64 lost;
	u64 present;
	u32 phase;
	u32 pad_2;
};

/**
 * enum freq_present - what a subscriber reads next
 * @FREQ_PRESENT_NONE: the log
 * @FREQ_PRESENT_SOME: what there is at present
 * @FREQ_PRESENT_END: that it has read all of that
 */
enum freq_present {
	FREQ_PRESENT_NONE,
	FREQ_PRESENT_SOME,
	FREQ_PRESENT_END,
};

/**
 * struct freq_subscription - a client that subscribes to the log
 * @node: in the log's tree
 * @idle: in one of the log's lists, or in none
 * @calls: reads that sleep, by &freq_call.link
 * @queued: requests of the client that are queued: tree of struct freq_waiter
 * @client: the client
 * @place: what it reads next
 * @kinds: see struct freq_subscribe
 * @record_size: see struct freq_subscribe
 * @span_count: how many spans
 * @queued_count: how many there are in @queued
 * @spans: see struct freq_subscribe
 */
struct freq_subscription {
	struct rb_node node;
	struct list_head idle;
	struct list_head calls;
	struct rb_root queued;
	struct freq_client *client;
	struct freq_place place;
	u32 kinds;
	u32 record_size;
	u32 span_count;
	u32 queued_count;
	struct freq_span spans[FREQ_SPANS_MAX];
};

/**
 * struct freq_log - the log; there is one as long as somebody subscribes
 * @subscriptions: tree of struct freq_subscription, by user, then by client
 * @idle: those that have read all and sleep, in read() or in poll()
 * @due: those of them that are to be woken if there is something for them
 * @head: where the next entry begins, in words since the log was made
 * @tail: where the oldest entry begins
 * @sequence: number of the last record
 * @tail_sequence: number of the first record of the oldest entry
 * @count: number of subscriptions
 * @is_set: the timer is set, which wakes those that are idle
 * @words: the entries: that at N begins in word N % FREQ_LOG_WORDS
 */
struct freq_log {
	struct rb_root subscriptions;
	struct list_head idle;
	struct list_head due;
	u64 head;
	u64 tail;
	u64 sequence;
	u64 tail_sequence;
	u32 count;
	u32 is_set;
	u64 words[FREQ_LOG_WORDS];
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_log_entry) == 80);
static_assert(sizeof(struct freq_subscription) == 136 + 16 * FREQ_SPANS_MAX);
static_assert(sizeof(struct freq_log) == 80 + 8 * FREQ_LOG_WORDS);
#endif

#endif /* FREQ_CONTRACT_LOG_H */
