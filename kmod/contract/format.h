/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The format freq-state-2: the state as it lies in memory.
 *
 * It passes from release to release as it is, so nothing in it depends on the
 * release or points into it; its elements refer to each other by index; and no
 * field here, in table.h, mirror.h, reader.h, waiter.h or log.h changes in
 * place, size or meaning without a new name of format. This file is kept then,
 * under another name and with other names in it, for the conversions.
 */
#ifndef FREQ_CONTRACT_FORMAT_H
#define FREQ_CONTRACT_FORMAT_H

#include <linux/bits.h>
#include <linux/build_bug.h>
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

struct pid;

#define FREQ_FORMAT "freq-state-2"

/**
 * struct freq_slot - a frequency of the pool
 * @number: the frequency
 * @next: index of the slot behind it in its queue, 0 if it is the last
 * @prev: index of the slot before it in its queue; undefined for the first
 * @chain: index of the next slot in its bucket, 0 if it is the last
 * @owner: index of its holder, with FREQ_OWNER_*; 0: it is free
 * @buckets: two of the pool's buckets, which have nothing to do with this
 *	frequency: each is the index of the first slot in it, or 0
 */
struct freq_slot {
	u64 number;
	u32 next;
	u32 prev;
	u32 chain;
	u32 owner;
	u32 buckets[2];
};

/**
 * struct freq_queue - a queue of slots
 * @first: index of the first, 0 if it is empty
 * @last: index of the last, 0 if it is empty
 * @count: how many they are
 */
struct freq_queue {
	u32 first;
	u32 last;
	u32 count;
};

/**
 * struct freq_pool - all frequencies
 * @slots: table of struct freq_slot; 0 is no frequency, but has buckets
 * @grants: table of u64: number of the grant by which a slot is allocated; 0:
 *	by a release that gave none, see &freq_state.base; undefined if it is free
 * @sorted: table of u32: the slots by number, as far as @sorted_count
 * @spare: table of u32: the target of the sorting
 * @slot_count: the slots 1 to this one are in use
 * @visible: the slots 1 to this one are in the pool; those above it are
 *	staged
 * @bucket_last: the slots 0 to this one have buckets that are in use
 * @bucket_mask: the next power of two, less 1
 * @sorted_count: the slots 1 to this one are in @sorted, in order
 * @sort_count: as many are being sorted; 0: no sorting is under way
 * @sort_at: how far this pass of the sorting has come
 * @sort_shift: by which bits this pass sorts
 * @sort_moving: this pass has counted and now moves
 * @sort_bins: how many, then where to, by those bits
 * @free: the queue of free slots: the first is given out next
 * @mirror: the mirror of the state, or NULL
 * @ranks: table of u32: of each slot, its place in @sorted, if it is mapped
 * @map: table of u64: a bit for each rank that is mapped, set if it is free
 * @map_words: table of u64: a bit for each word of @map, set if that is not 0
 * @map_top: the same for the words of @map_words
 * @map_count: the ranks below this one are mapped
 * @has_map: the map is in use, and kept up to date
 * @map_given: counts what has come free since
 * @pad: 0
 *
 * The pool has no lock; whoever owns the state serialises.
 */
struct freq_pool {
	struct freq_table slots;
	struct freq_table grants;
	struct freq_table sorted;
	struct freq_table spare;
	u32 slot_count;
	u32 visible;
	u32 bucket_last;
	u32 bucket_mask;
	u32 sorted_count;
	u32 sort_count;
	u32 sort_at;
	u16 sort_shift;
	u16 sort_moving;
	u32 sort_bins[256];
	struct freq_queue free;
	struct freq_mirror *mirror;
	struct freq_table ranks;
	struct freq_table map;
	struct freq_table map_words;
	u64 map_top[64];
	u32 map_count;
	u32 has_map;
	u32 map_given;
	u32 pad;
};

/**
 * struct freq_holder - a client that has allocated something
 * @pid: thread group that opened it, with a reference; NULL once it is closed
 * @uid: user that opened it
 * @stale: number of free slots that still name it their owner
 * @held: its slots that go back when it closes, in the order of allocation
 * @kept: its slots that stay
 * @next: index of the next unused holder, 0 if there is none
 * @pad: 0
 * @label: see FREQ_IOC_LABEL; all 0 once it is closed
 */
struct freq_holder {
	struct pid *pid;
	kuid_t uid;
	u32 stale;
	struct freq_queue held;
	struct freq_queue kept;
	u32 next;
	u32 pad;
	u8 label[FREQ_LABEL_MAX];
};

/* Of the owner of a slot: the allocation outlives the client. */
#define FREQ_OWNER_KEEP BIT(31)

/* Of the owner of a slot: within one hold, it is about to be freed. */
#define FREQ_OWNER_MARK BIT(30)

/**
 * struct freq_state - the state of a server
 * @pool: the frequencies
 * @holders: table of struct freq_holder; 0 is none
 * @holder_count: the holders 1 to this one are in use, or were
 * @unused_holder: index of the first unused holder, 0 if there is none
 * @open_holders: how many holders have a client that is open
 * @claimed: something is under way that takes several holds: see
 *	freq_state_claim()
 * @claimants: calls that wait for that to end, by &freq_call.link
 * @readers: readers of files in sysfs, list of struct freq_reader
 * @by_ticket: calls that wait for a frequency: tree of struct freq_waiter
 * @by_wish: the same ones
 * @last_ticket: of these
 * @serve_from: while @serving: the lowest ticket that is to be looked at
 * @waiting: how many wait
 * @undelivered: how many got a frequency, which their callers do not know yet
 * @serving: frequencies have come free that waiters may want
 * @finishing: how many calls are done and serve waiters: see FREQ_WAIT_SERVING
 * @base: number of the grants of all slots that have none, see
 *	freq_state_grant(); 0: there are no such slots
 * @bands: the same ones that want a frequency of certain spans: one waiter for
 *	each set of spans, by that set; see &freq_waiter.mates
 * @groups: the same ones that want several at once: by ticket
 * @looking: ticket of the one of these that has been woken to look; 0: none
 * @band_count: how many are in @bands
 * @look_again: something has come free since
 * @deadlines: requests that are queued and have a deadline, by it: tree of
 *	struct freq_waiter
 * @timer_at: when the door's timer expires, in ns of CLOCK_BOOTTIME; 0: it is
 *	not set
 * @log: what happens, for those who subscribe to it; NULL: there is no log
 */
struct freq_state {
	struct freq_pool pool;
	struct freq_table holders;
	u32 holder_count;
	u32 unused_holder;
	u32 open_holders;
	u32 claimed;
	struct list_head claimants;
	struct list_head readers;
	struct rb_root by_ticket;
	struct rb_root by_wish;
	u64 last_ticket;
	u64 serve_from;
	u32 waiting;
	u32 undelivered;
	u32 serving;
	u32 finishing;
	u64 base;
	struct rb_root bands;
	struct rb_root groups;
	u64 looking;
	u32 band_count;
	u32 look_again;
	struct rb_root deadlines;
	s64 timer_at;
	struct freq_log *log;
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_slot) == 32);
static_assert(sizeof(struct freq_pool) == 64 + 32 + 1024 + 24 + 48 + 512 + 16);
static_assert(sizeof(struct freq_holder) == 80);
static_assert(sizeof(struct freq_state) == sizeof(struct freq_pool) + 176);
#endif

#endif /* FREQ_CONTRACT_FORMAT_H */
