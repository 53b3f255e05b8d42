/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests: from an argument of the uapi to a change of the state.
 *
 * Each handler is for a struct freq_request (see door.h, also for what its
 * parameters are). It runs under the server's mutex.
 */
#ifndef FREQ_REQUESTS_H
#define FREQ_REQUESTS_H

#include <linux/stddef.h>

#include <linux/freq.h>

#include "door.h"

int freq_request_info(void *state, struct freq_call *call);
int freq_request_list(void *state, struct freq_call *call);
int freq_request_allocate(void *state, struct freq_call *call);
void freq_request_allocate_undo(void *state, struct freq_call *call);
int freq_request_deallocate(void *state, struct freq_call *call);
int freq_request_inject(void *state, struct freq_call *call);
int freq_request_allocate_batch(void *state, struct freq_call *call);
void freq_request_allocate_batch_undo(void *state, struct freq_call *call);
int freq_request_deallocate_batch(void *state, struct freq_call *call);

/*
 * The lines of a release's table, each at the place that its number gives it.
 * size_min ends with the last field of the argument's first version, and never
 * changes.
 */
#define FREQ_REQUEST_INFO						\
	[_IOC_NR(FREQ_IOC_INFO)] = {					\
		.command = FREQ_IOC_INFO,				\
		.size_min = offsetofend(struct freq_info, features),	\
		.handle = freq_request_info,				\
	}

#define FREQ_REQUEST_LIST						\
	[_IOC_NR(FREQ_IOC_LIST)] = {					\
		.command = FREQ_IOC_LIST,				\
		.size_min = offsetofend(struct freq_list, flags),	\
		.array = {						\
			.pointer = offsetof(struct freq_list, entries),	\
			.count = offsetof(struct freq_list, count),	\
			.element = sizeof(struct freq_entry),		\
			.max = FREQ_LIST_MAX,				\
		},							\
		.handle = freq_request_list,				\
	}

#define FREQ_REQUEST_ALLOCATE						\
	[_IOC_NR(FREQ_IOC_ALLOCATE)] = {				\
		.command = FREQ_IOC_ALLOCATE,				\
		.size_min = offsetofend(struct freq_allocate, pad),	\
		.flags = FREQ_REQUEST_WRITE,				\
		.handle = freq_request_allocate,			\
		.undo = freq_request_allocate_undo,			\
	}

#define FREQ_REQUEST_DEALLOCATE						\
	[_IOC_NR(FREQ_IOC_DEALLOCATE)] = {				\
		.command = FREQ_IOC_DEALLOCATE,				\
		.size_min = offsetofend(struct freq_deallocate, pad),	\
		.flags = FREQ_REQUEST_WRITE,				\
		.handle = freq_request_deallocate,			\
	}

#define FREQ_REQUEST_INJECT						\
	[_IOC_NR(FREQ_IOC_INJECT)] = {					\
		.command = FREQ_IOC_INJECT,				\
		.size_min = offsetofend(struct freq_inject, pad),	\
		.flags = FREQ_REQUEST_WRITE | FREQ_REQUEST_ADMIN |	\
			 FREQ_REQUEST_ARRAY_IN |			\
			 FREQ_REQUEST_TELL_ERROR | FREQ_REQUEST_STEPS,	\
		.array = {						\
			.pointer = offsetof(struct freq_inject,		\
					    frequencies),		\
			.count = offsetof(struct freq_inject, count),	\
			.element = sizeof(__u64),			\
			.max = FREQ_INJECT_MAX,				\
		},							\
		.handle = freq_request_inject,				\
	}

#define FREQ_REQUEST_BATCH_ARRAY {					\
		.pointer = offsetof(struct freq_batch, frequencies),	\
		.count = offsetof(struct freq_batch, count),		\
		.element = sizeof(__u64),				\
		.max = FREQ_BATCH_MAX,					\
	}

#define FREQ_REQUEST_ALLOCATE_BATCH					\
	[_IOC_NR(FREQ_IOC_ALLOCATE_BATCH)] = {				\
		.command = FREQ_IOC_ALLOCATE_BATCH,			\
		.size_min = offsetofend(struct freq_batch, pad),	\
		.flags = FREQ_REQUEST_WRITE,				\
		.array = FREQ_REQUEST_BATCH_ARRAY,			\
		.handle = freq_request_allocate_batch,			\
		.undo = freq_request_allocate_batch_undo,		\
	}

/* For a release that can only take back what a later one has done. */
#define FREQ_REQUEST_ALLOCATE_BATCH_UNDO				\
	[_IOC_NR(FREQ_IOC_ALLOCATE_BATCH)] = {				\
		.command = FREQ_IOC_ALLOCATE_BATCH,			\
		.size_min = offsetofend(struct freq_batch, pad),	\
		.undo = freq_request_allocate_batch_undo,		\
	}

#define FREQ_REQUEST_DEALLOCATE_BATCH					\
	[_IOC_NR(FREQ_IOC_DEALLOCATE_BATCH)] = {			\
		.command = FREQ_IOC_DEALLOCATE_BATCH,			\
		.size_min = offsetofend(struct freq_batch, pad),	\
		.flags = FREQ_REQUEST_WRITE | FREQ_REQUEST_ARRAY_IN |	\
			 FREQ_REQUEST_TELL_ERROR,			\
		.array = FREQ_REQUEST_BATCH_ARRAY,			\
		.handle = freq_request_deallocate_batch,		\
	}

#endif /* FREQ_REQUESTS_H */
