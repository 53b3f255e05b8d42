// SPDX-License-Identifier: GPL-2.0-only
/*
 * For how long what is large holds the mutex, as the tracepoint tells.
 */
#include "measure.h"
#include "parts.h"

void part_hold(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("bench: hold: not yet\n", stderr);
}
