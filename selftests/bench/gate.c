// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long an upgrade closes the gate, by the size of the state.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../freq_test.h"
#include "client.h"
#include "measure.h"
#include "parts.h"

#define FILES_MAX	10000
#define UPGRADES	8

/* As counted by the door. No other task runs, so nothing is subtracted. */
static void measure_gate(const char *name, unsigned int frequencies,
			 unsigned int files)
{
	static const char * const releases[] = { "freq_v2", "freq_v1" };
	double values[UPGRADES];
	struct figure figure;
	unsigned int i;

	for (i = 0; i < UPGRADES; i++) {
		must(!server_upgrade(releases[i % 2], releases[!(i % 2)]));
		values[i] = upgrade_figure("gate_last_ns");
	}
	figure_of(&figure, values, UPGRADES);
	figure.calls = 1;
	report_begin("gate", name);
	report_count("frequencies", frequencies);
	report_count("files", files);
	report_figure(&figure);
	report_end();
}

/* Each file owns one frequency. */
static void measure_files(unsigned int frequencies, unsigned int most)
{
	int *fds = calloc(most, sizeof(*fds));
	unsigned int files, opened = 0;
	__u64 frequency;

	must(fds);
	for (files = 1; files <= most; files *= 10) {
		for (; opened < files; opened++) {
			fds[opened] = open_client();
			must(fds[opened] >= 0);
			must(!try_allocate(fds[opened], 0, &frequency));
		}
		measure_gate("by files", frequencies, files);
	}
	while (opened)
		close(fds[--opened]);
	free(fds);
}

/* By frequencies, with one file; then by files, with the last count. */
void part_gate(int argc, char **argv)
{
	const struct rlimit limit = {
		.rlim_cur = FILES_MAX + 100,
		.rlim_max = FILES_MAX + 100,
	};
	unsigned int count = 0;
	int fd;

	must(!setrlimit(RLIMIT_NOFILE, &limit));
	for (; argc--; argv++) {
		count = to_count(*argv, FREQ_POOL_MAX);
		fresh_server_of(count);
		fd = open_client();
		must(fd >= 0);
		measure_gate("by frequencies", count, 1);
		close(fd);
	}
	measure_files(count, count < FILES_MAX ? count : FILES_MAX);
	end_server();
}
