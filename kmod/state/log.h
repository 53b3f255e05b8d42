/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens, for those who subscribe to it.
 */
#ifndef FREQ_STATE_LOG_H
#define FREQ_STATE_LOG_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "contract/door.h"
#include "contract/format.h"

void freq_log_append_allocated(struct freq_state *state, struct freq_call *call,
			       u32 index);
void freq_log_append_freed(struct freq_state *state, struct freq_call *call,
			   u32 index);
void freq_log_allocated_all(struct freq_state *state, struct freq_call *call,
			    const u64 *numbers, u32 step, u32 count, u32 owner,
			    u64 grant);
void freq_log_freed_all(struct freq_state *state, struct freq_call *call,
			const u64 *indices, u32 count);
void freq_log_closed(struct freq_state *state, struct freq_call *call,
		     const struct freq_holder *holder, u32 first, u32 count);
void freq_log_injected(struct freq_state *state, struct freq_call *call,
		       u64 first, u32 count);
void freq_log_waiting(struct freq_state *state, struct freq_call *call,
		      u64 frequency, u32 flags, s64 deadline);
void freq_log_outcome(struct freq_state *state, struct freq_call *call,
		      const struct freq_waiter *waiter, u32 flags);
void freq_log_upgraded(struct freq_state *state, struct freq_call *call,
		       u32 release);

/**
 * freq_log_allocated() - log that a frequency was allocated
 * @state: the state
 * @call: a call of its server
 * @index: its slot
 *
 * Context: under the mutex; cannot fail.
 */
static __always_inline void freq_log_allocated(struct freq_state *state,
					       struct freq_call *call,
					       u32 index)
{
	if (unlikely(state->log))
		freq_log_append_allocated(state, call, index);
}

/**
 * freq_log_freed() - log that a frequency is about to be free
 * @state: the state
 * @call: a call of its server
 * @index: its slot, which is allocated
 *
 * Context: under the mutex; cannot fail.
 */
static __always_inline void freq_log_freed(struct freq_state *state,
					   struct freq_call *call, u32 index)
{
	if (unlikely(state->log))
		freq_log_append_freed(state, call, index);
}

/**
 * freq_log_entry_at() - find an entry
 * @log: the log
 * @at: where it begins, in words since the log was made
 *
 * Return: it.
 */
static inline struct freq_log_entry *freq_log_entry_at(struct freq_log *log,
						       u64 at)
{
	return (void *)&log->words[at % FREQ_LOG_WORDS];
}

/**
 * freq_log_items() - find the items of an entry
 * @entry: the entry
 *
 * Return: the first.
 */
static inline struct freq_log_item *
freq_log_items(struct freq_log_entry *entry)
{
	return (void *)(entry + 1);
}

void freq_log_drop(struct freq_log *log);

#endif /* FREQ_STATE_LOG_H */
