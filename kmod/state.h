/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state: the pool, and who holds what of it.
 *
 * The structures here and in pool.h are the format freq-state-1. They pass
 * from release to release as they are, so nothing in them may depend on the
 * release or point into it, and no field may change without a new format.
 */
#ifndef FREQ_STATE_H
#define FREQ_STATE_H

#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "pool.h"

struct freq_client;
struct pid;

/**
 * struct freq_holder - a client that has allocated something
 * @held: its slots that go back when it closes, in the order of allocation
 * @kept: its slots that stay
 * @pid: thread group that opened it, with a reference; NULL once it is closed
 * @uid: user that opened it
 * @pad: 0
 *
 * It exists from a client's first allocation until the client is closed and
 * nothing is left in @kept.
 */
struct freq_holder {
	struct list_head held;
	struct list_head kept;
	struct pid *pid;
	kuid_t uid;
	u32 pad;
};

/**
 * struct freq_state - what the server knows
 * @pool: the frequencies; who holds one is a struct freq_holder
 */
struct freq_state {
	struct freq_pool pool;
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_holder) == 48);
static_assert(sizeof(struct freq_state) == 56);
#endif

#define FREQ_STATE_FORMATS 1
extern const char *const freq_state_formats[FREQ_STATE_FORMATS];

void *freq_state_give(void *state, u32 format);

struct freq_state *freq_state_create(const u64 *numbers, u32 count,
				     u32 *index);
void freq_state_destroy(void *state);
bool freq_state_busy(void *state);

int freq_state_allocate(struct freq_state *state,
			const struct freq_client *client, void **data,
			bool keep, u64 *number);
int freq_state_deallocate(struct freq_state *state,
			  const struct freq_client *client, void *data,
			  u64 number);
void freq_state_close(void *state, void **data);

#endif /* FREQ_STATE_H */
