// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release 91, for the tests: release 90 once more, so that there are two of one
 * format with all services.
 */
#define NUMBER 91
#include "release_v90.c"
