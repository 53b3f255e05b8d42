// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 2: frequencies can be injected while it runs, and allocated and
 * deallocated in batches.
 */
#include "release.h"

FREQ_RELEASE(2, FREQ_REQUEST_INFO,
	     FREQ_REQUEST_LIST,
	     FREQ_REQUEST_ALLOCATE,
	     FREQ_REQUEST_DEALLOCATE,
	     FREQ_REQUEST_INJECT,
	     FREQ_REQUEST_ALLOCATE_BATCH,
	     FREQ_REQUEST_DEALLOCATE_BATCH);

MODULE_DESCRIPTION("Frequency allocator: release 2");
