/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checksums of the formats, of their lines in the file layout. Written by
 * scripts/layout.
 */
#ifndef FREQ_CONTRACT_LAYOUT_H
#define FREQ_CONTRACT_LAYOUT_H

#define FREQ_LAYOUT_STATE_1 0xe8f7b120238c7b1fULL
#define FREQ_LAYOUT_STATE_2 0x56e025b063ac3411ULL

/* The format of contract/format.h. */
#define FREQ_LAYOUT_CHECKSUM FREQ_LAYOUT_STATE_2

#endif /* FREQ_CONTRACT_LAYOUT_H */
