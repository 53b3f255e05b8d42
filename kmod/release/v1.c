// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 1: allocate and deallocate.
 */
#include "release/release.h"

const struct freq_request *const freq_requests[] = {
	[_IOC_NR(FREQ_IOC_INFO)] = &freq_request_info,
	[_IOC_NR(FREQ_IOC_LIST)] = &freq_request_list,
	[_IOC_NR(FREQ_IOC_ALLOCATE)] = &freq_request_allocate,
	[_IOC_NR(FREQ_IOC_DEALLOCATE)] = &freq_request_deallocate,
	[_IOC_NR(FREQ_IOC_STOP)] = &freq_request_stop,
};

FREQ_RELEASE(1);

MODULE_DESCRIPTION("Frequency allocator: release 1");
