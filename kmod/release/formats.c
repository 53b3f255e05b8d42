// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of a release: that of contract/format.h, and freq-state-1.
 */
#include "contract/format.h"
#include "contract/format_1.h"
#include "contract/layout.h"
#include "release/release.h"
#include "state/convert.h"

const struct freq_format freq_formats_exported[] = {
	{ .name = FREQ_FORMAT, .checksum = FREQ_LAYOUT_CHECKSUM },
	{ .name = FREQ1_FORMAT, .checksum = FREQ_LAYOUT_STATE_1,
	  .conversion = &freq_to_state_1 },
	{ }
};

const struct freq_format freq_formats_imported[] = {
	{ .name = FREQ_FORMAT, .checksum = FREQ_LAYOUT_CHECKSUM },
	{ .name = FREQ1_FORMAT, .checksum = FREQ_LAYOUT_STATE_1,
	  .conversion = &freq_from_state_1 },
	{ }
};
