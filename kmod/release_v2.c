// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 2: frequencies can be injected while it runs.
 */
#include "release.h"

FREQ_RELEASE(2, FREQ_REQUEST_INFO,
	     FREQ_REQUEST_LIST,
	     FREQ_REQUEST_ALLOCATE,
	     FREQ_REQUEST_DEALLOCATE,
	     FREQ_REQUEST_INJECT);

MODULE_DESCRIPTION("Frequency allocator: release 2");
