// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 2: frequencies can be injected while it runs, and allocated and
 * deallocated in batches.
 */
#include "release/release.h"

const struct freq_request *const freq_requests[] = {
	[_IOC_NR(FREQ_IOC_INFO)] = &freq_request_info,
	[_IOC_NR(FREQ_IOC_LIST)] = &freq_request_list,
	[_IOC_NR(FREQ_IOC_ALLOCATE)] = &freq_request_allocate,
	[_IOC_NR(FREQ_IOC_DEALLOCATE)] = &freq_request_deallocate,
	[_IOC_NR(FREQ_IOC_INJECT)] = &freq_request_inject,
	[_IOC_NR(FREQ_IOC_ALLOCATE_BATCH)] = &freq_request_allocate_batch,
	[_IOC_NR(FREQ_IOC_DEALLOCATE_BATCH)] = &freq_request_deallocate_batch,
	[_IOC_NR(FREQ_IOC_STOP)] = &freq_request_stop,
};

FREQ_RELEASE(2);

MODULE_DESCRIPTION("Frequency allocator: release 2");
