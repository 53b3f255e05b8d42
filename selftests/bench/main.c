// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench [-v VARIANT] PART [ARGUMENT...]: run one part, in the guest.
 */
#include <fcntl.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../freq_test.h"
#include "measure.h"
#include "parts.h"

static const struct {
	const char *name;
	void (*measure)(int argc, char **argv);
} parts[] = {
	{ "frequencies", part_frequencies },
	{ "files", part_files },
	{ "records", part_records },
	{ "band", part_band },
	{ "queue", part_queue },
	{ "batch", part_batch },
	{ "inject", part_inject },
	{ "memory", part_memory },
	{ "gate", part_gate },
	{ "hold", part_hold },
	{ "peers", part_peers },
	{ "contention", part_contention },
};

/*
 * The kernel's allocators draw random numbers. A machine that has been up for a
 * while has a seeded generator. The guest has no source of entropy, and each
 * draw would take the slow path of an unseeded one.
 */
static void seed_random(void)
{
	struct {
		struct rand_pool_info info;
		__u32 words[64 / sizeof(__u32)];
	} seed = {
		.info.entropy_count = 8 * sizeof(seed.words),
		.info.buf_size = sizeof(seed.words),
	};
	int fd = open("/dev/random", O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && !ioctl(fd, RNDADDENTROPY, &seed));
	close(fd);
}

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
		seed_random();
		parts[i].measure(argc - optind - 1, argv + optind + 1);
		return 0;
	}
	fputs("usage: bench [-v VARIANT] PART [ARGUMENT...]\nparts:", stderr);
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		fprintf(stderr, " %s", parts[i].name);
	fputs("\n", stderr);
	return 2;
}
