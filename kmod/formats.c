// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of a release that knows only its own.
 */
#include "format.h"
#include "formats.h"

const struct freq_format freq_formats_given[] = {
	{ .name = FREQ_FORMAT },
	{ }
};

const struct freq_format freq_formats_taken[] = {
	{ .name = FREQ_FORMAT },
	{ }
};
