/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In each file with mutants, of kernel and user space: whether a mutant is the
 * chosen one, and a note that it was reached.
 */
#ifndef MUTANT_H
#define MUTANT_H

#define MUTANTS_MAX 8192

#ifdef __KERNEL__

#include <linux/compiler.h>
#include <linux/types.h>

extern unsigned int mutant_chosen;
extern u8 mutant_reached[MUTANTS_MAX];

static __always_inline bool mutant(unsigned int number)
{
	WRITE_ONCE(mutant_reached[number], 1);
	return unlikely(READ_ONCE(mutant_chosen) == number);
}

#else

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Before the first that is reached does anything, since it may end the program. */
static inline void mutant_note(unsigned int number)
{
	const char *path = getenv("FREQ_MUTANT_REACHED");
	int error = errno, fd, length;
	char line[16];

	fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	if (fd >= 0) {
		length = snprintf(line, sizeof(line), "%u\n", number);
		if (write(fd, line, length) != length)
			abort();
		close(fd);
	}
	errno = error;
}

static inline int mutant(unsigned int number)
{
	static unsigned char reached[MUTANTS_MAX];
	static int chosen = -1;
	const char *text;

	if (chosen < 0) {
		text = getenv("FREQ_MUTANT");
		chosen = text ? atoi(text) : 0;
	}
	if (!reached[number]) {
		reached[number] = 1;
		mutant_note(number);
	}
	return chosen == (int)number;
}

#endif

#endif /* MUTANT_H */
