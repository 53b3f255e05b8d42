// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 1: allocate and deallocate.
 */
#include "release.h"

FREQ_RELEASE(1, FREQ_REQUEST_INFO,
	     FREQ_REQUEST_LIST,
	     FREQ_REQUEST_ALLOCATE,
	     FREQ_REQUEST_DEALLOCATE,
	     FREQ_REQUEST_ALLOCATE_BATCH_UNDO);

MODULE_DESCRIPTION("Frequency allocator: release 1");
