// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of a release that knows only its own.
 */
#include "contract/format.h"
#include "contract/layout.h"
#include "release/release.h"

const struct freq_format freq_formats_exported[] = {
	{ .name = FREQ_FORMAT, .checksum = FREQ_LAYOUT_CHECKSUM },
	{ }
};

const struct freq_format freq_formats_imported[] = {
	{ .name = FREQ_FORMAT, .checksum = FREQ_LAYOUT_CHECKSUM },
	{ }
};
