/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state: the pool, and who holds what of it.
 *
 * The structures here, in pool.h and in table.h are the format freq-state-1.
 * They pass from release to release as they are, so nothing in them depends
 * on the release or points into it, and no field changes without a new
 * format.
 */
#ifndef FREQ_STATE_H
#define FREQ_STATE_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "pool.h"
#include "table.h"

struct freq_client;
struct pid;

/**
 * struct freq_holder - a client that has allocated something
 * @pid: thread group that opened it, with a reference; NULL once it is closed
 * @uid: user that opened it
 * @stale: number of free slots that still name it their owner
 * @held: its slots that go back when it closes, in the order of allocation
 * @kept: its slots that stay
 * @next: index of the next unused holder, 0 if there is none
 * @pad: 0
 */
struct freq_holder {
	struct pid *pid;
	kuid_t uid;
	u32 stale;
	struct freq_queue held;
	struct freq_queue kept;
	u32 next;
	u32 pad;
};

/* Of the owner of a slot: the allocation outlives the client. */
#define FREQ_OWNER_KEEP BIT(31)

/**
 * struct freq_state - what the server knows
 * @pool: the frequencies. The owner of a slot is the index of a holder, and
 *	FREQ_OWNER_KEEP if it is in the holder's @kept; 0: it is free.
 * @holders: table of struct freq_holder; 0 is none
 * @holder_count: the holders 1 to this one are in use, or were
 * @unused_holder: index of the first unused holder, 0 if there is none
 */
struct freq_state {
	struct freq_pool pool;
	struct freq_table holders;
	u32 holder_count;
	u32 unused_holder;
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_holder) == 48);
static_assert(sizeof(struct freq_state) == sizeof(struct freq_pool) + 24);
#endif

#define FREQ_STATE_FORMATS 1
extern const char *const freq_state_formats[FREQ_STATE_FORMATS];

void *freq_state_give(void *state, u32 format);

struct freq_state *freq_state_create(void);
void freq_state_destroy(void *state);
bool freq_state_busy(void *state);
u32 freq_state_allocated(const struct freq_state *state);
const struct freq_holder *freq_state_holder(const struct freq_state *state,
					    const struct freq_slot *slot);

bool freq_state_is_owner(const struct freq_slot *slot, const void *data);

int freq_state_allocate(struct freq_state *state,
			const struct freq_client *client, void **data,
			bool keep, u64 *number);
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_client *client, void *data,
			  u64 number);
void freq_state_close(void *state, void **data);

#endif /* FREQ_STATE_H */
