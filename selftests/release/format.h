/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The format freq-state-test: other fields, in another order, of other sizes,
 * and tags, which freq-state-2 cannot express. It comes before
 * kmod/contract/format.h and stands in for it.
 */
#ifndef FREQ_CONTRACT_FORMAT_H
#define FREQ_CONTRACT_FORMAT_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <linux/freq.h>

#include "contract/log.h"
#include "contract/mirror.h"
#include "contract/reader.h"
#include "contract/table.h"
#include "contract/waiter.h"

struct freq_client;
struct pid;

#define FREQ_FORMAT "freq-state-test"

/**
 * struct freq_slot - a frequency of the pool
 * @owner: index of its holder, with FREQ_OWNER_*; 0: it is free
 * @chain: index of the next slot with this hash, 0 if there is none
 * @tag: given by a request that only this release has; 0: none
 * @prev: index of the slot before it in its queue; undefined for the first
 * @next: index of the slot behind it in its queue, 0 if it is the last
 * @buckets: two buckets
 * @number: the frequency
 */
struct freq_slot {
	u32 owner;
	u32 chain;
	u64 tag;
	u32 prev;
	u32 next;
	u32 buckets[2];
	u64 number;
};

/**
 * struct freq_queue - a queue of slots
 * @count: how many they are
 * @last: index of the last, 0 if it is empty
 * @first: index of the first, 0 if it is empty
 */
struct freq_queue {
	u32 count;
	u32 last;
	u32 first;
};

/**
 * struct freq_pool - all frequencies; the fields are those of freq-state-2
 * @map_given: counts what has come free since
 * @has_map: the map is in use
 * @map_count: the ranks below this one are mapped
 * @map_top: the same for the words of @map_words
 * @map_words: table of u64: a bit for each word of @map
 * @map: table of u64: a bit for each rank
 * @ranks: table of u32
 * @mirror: the mirror of the state, or NULL
 * @free: the queue of free slots
 * @visible: the slots 1 to this one are in the pool
 * @slot_count: the slots 1 to this one are in use
 * @bucket_mask: the next power of two, less 1
 * @bucket_last: the slots 0 to this one have buckets that are in use
 * @sort_bins: how many, then where to, by those bits
 * @sort_moving: this pass has counted and now moves
 * @sort_shift: by which bits this pass sorts
 * @sort_at: how far this pass of the sorting has come
 * @sort_count: as many are being sorted
 * @sorted_count: the slots 1 to this one are in @sorted, in order
 * @spare: table of u32
 * @sorted: table of u32
 * @grants: table of u64
 * @slots: table of struct freq_slot
 */
struct freq_pool {
	u32 map_given;
	u32 has_map;
	u32 map_count;
	u64 map_top[64];
	struct freq_table map_words;
	struct freq_table map;
	struct freq_table ranks;
	struct freq_mirror *mirror;
	struct freq_queue free;
	u32 visible;
	u32 slot_count;
	u32 bucket_mask;
	u32 bucket_last;
	u32 sort_bins[256];
	u16 sort_moving;
	u16 sort_shift;
	u32 sort_at;
	u32 sort_count;
	u32 sorted_count;
	struct freq_table spare;
	struct freq_table sorted;
	struct freq_table grants;
	struct freq_table slots;
};

/**
 * struct freq_holder - a client that has allocated something
 * @label: see FREQ_IOC_LABEL
 * @next: index of the next unused holder, 0 if there is none
 * @kept: its slots that stay
 * @held: its slots that go back when it closes
 * @stale: number of free slots that still name it their owner
 * @uid: user that opened it
 * @pid: thread group that opened it, with a reference; NULL once it is closed
 */
struct freq_holder {
	u8 label[FREQ_LABEL_MAX];
	u32 next;
	struct freq_queue kept;
	struct freq_queue held;
	u32 stale;
	kuid_t uid;
	struct pid *pid;
};

/* Of the owner of a slot: the allocation outlives the client. */
#define FREQ_OWNER_KEEP BIT(30)

/* Of the owner of a slot: within one hold, it is about to be freed. */
#define FREQ_OWNER_MARK BIT(31)

/**
 * struct freq_state - what the server knows
 * @tags: how many slots have a tag
 * @base: number of grants that have none
 * @log: the log, or NULL
 * @timer_at: when the door's timer expires, or 0
 * @deadlines: tree of struct freq_waiter
 * @look_again: something has come free since
 * @band_count: how many are in @bands
 * @looking: ticket of the one that has been woken to look, or 0
 * @groups: tree of struct freq_waiter
 * @bands: tree of struct freq_waiter
 * @finishing: how many calls are done and serve waiters
 * @serving: frequencies have come free that waiters may want
 * @undelivered: how many got a frequency, which their callers do not know yet
 * @waiting: how many wait
 * @serve_from: from this ticket on, waiters have to be looked at
 * @last_ticket: of the waiters
 * @by_wish: tree of struct freq_waiter
 * @by_ticket: tree of struct freq_waiter
 * @sleepers: calls that sleep until FREQ_IOC_WAKE, by &freq_call.link
 * @poller: the client that polled last and is open, or NULL
 * @mail: what was written and not read
 * @has_mail: whether there is any
 * @flushes: how often a descriptor was closed
 * @slices: how many slices closes have taken
 * @ticks: how often the timer has expired
 * @readers: who reads files in sysfs, list of struct freq_reader
 * @claimants: calls that wait for the claim to end
 * @claimed: something is under way that takes several holds
 * @open_holders: how many holders have a client that is open
 * @unused_holder: index of the first unused holder, 0 if there is none
 * @holder_count: the holders 1 to this one are in use, or were
 * @holders: table of struct freq_holder; 0 is none
 * @pool: the frequencies
 */
struct freq_state {
	u64 tags;
	u64 base;
	struct freq_log *log;
	s64 timer_at;
	struct rb_root deadlines;
	u32 look_again;
	u32 band_count;
	u64 looking;
	struct rb_root groups;
	struct rb_root bands;
	u32 finishing;
	u32 serving;
	u32 undelivered;
	u32 waiting;
	u64 serve_from;
	u64 last_ticket;
	struct rb_root by_wish;
	struct rb_root by_ticket;
	struct list_head sleepers;
	struct freq_client *poller;
	u64 mail;
	u32 has_mail;
	u32 flushes;
	u32 slices;
	u32 ticks;
	struct list_head readers;
	struct list_head claimants;
	u32 claimed;
	u32 open_holders;
	u32 unused_holder;
	u32 holder_count;
	struct freq_table holders;
	struct freq_pool pool;
};

#endif /* FREQ_CONTRACT_FORMAT_H */
