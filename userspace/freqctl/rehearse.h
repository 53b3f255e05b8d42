/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * freqctl rehearse, for the other commands that can begin with a rehearsal.
 */
#ifndef FREQCTL_REHEARSE_H
#define FREQCTL_REHEARSE_H

int rehearse_quietly(unsigned int number, const char *parameters);
char *rehearse_upgrade(unsigned int number, const char *parameters);

#endif /* FREQCTL_REHEARSE_H */
