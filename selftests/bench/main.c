// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench PART [ARGUMENT...]: measure one part, in a guest that has the modules.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "parts.h"

static const struct {
	const char *name;
	void (*measure)(int argc, char **argv);
} parts[] = {
	{ "frequencies", part_frequencies },
	{ "files", part_files },
	{ "batch", part_batch },
	{ "inject", part_inject },
	{ "memory", part_memory },
	{ "gate", part_gate },
	{ "hold", part_hold },
	{ "peers", part_peers },
	{ "contention", part_contention },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int option;

	while ((option = getopt(argc, argv, "+v:")) != -1) {
		if (option != 'v')
			return 2;
		variant = optarg;
	}
	for (i = 0; optind < argc && i < ARRAY_SIZE(parts); i++) {
		if (strcmp(parts[i].name, argv[optind]))
			continue;
		parts[i].measure(argc - optind - 1, argv + optind + 1);
		return 0;
	}
	fputs("usage: bench [-v VARIANT] PART [ARGUMENT...]\nparts:", stderr);
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		fprintf(stderr, " %s", parts[i].name);
	fputs("\n", stderr);
	return 2;
}
