// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 3: a client can ask for a certain frequency, wait for one, say who it
 * is, and read records of what happens; grants have numbers.
 */
#include "release/release.h"

const struct freq_request *const freq_requests[] = {
	[_IOC_NR(FREQ_IOC_INFO)] = &freq_request_info_v3,
	[_IOC_NR(FREQ_IOC_LIST)] = &freq_request_list,
	[_IOC_NR(FREQ_IOC_ALLOCATE)] = &freq_request_allocate_v3,
	[_IOC_NR(FREQ_IOC_DEALLOCATE)] = &freq_request_deallocate_v3,
	[_IOC_NR(FREQ_IOC_INJECT)] = &freq_request_inject,
	[_IOC_NR(FREQ_IOC_ALLOCATE_BATCH)] = &freq_request_allocate_batch,
	[_IOC_NR(FREQ_IOC_DEALLOCATE_BATCH)] = &freq_request_deallocate_batch,
	[_IOC_NR(FREQ_IOC_LIST_GRANTS)] = &freq_request_list_grants,
	[_IOC_NR(FREQ_IOC_LABEL)] = &freq_request_label,
	[_IOC_NR(FREQ_IOC_ALLOCATE_GROUP)] = &freq_request_allocate_group,
	[_IOC_NR(FREQ_IOC_CANCEL)] = &freq_request_cancel,
	[_IOC_NR(FREQ_IOC_SUBSCRIBE)] = &freq_request_subscribe,
	[_IOC_NR(FREQ_IOC_STOP)] = &freq_request_stop,
};

FREQ_RELEASE(3);

MODULE_DESCRIPTION("Frequency allocator: release 3");
