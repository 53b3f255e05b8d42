// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cost of a request, by the number of frequencies and of open files.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../freq_test.h"
#include "client.h"
#include "measure.h"
#include "parts.h"

#define ROUNDS		101

/* At most this many free frequencies are shuffled. */
#define SHUFFLE_MAX	100000

#define FILES_MAX	100000

static struct client client;

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static const struct loop loops[] = {
	{ "floor", call_floor, &client },
	{ "allocate", call_allocate, &client },
	{ "deallocate", call_deallocate, &client },
	{ "pair", call_pair, &client },
};

/* A round has CALLS_MAX calls, fewer only in a smaller pool. */
void part_frequencies(int argc, char **argv)
{
	struct figure figures[ARRAY_SIZE(loops)];
	unsigned int count;

	for (; argc--; argv++) {
		count = to_count(*argv, FREQ_POOL_MAX);
		fresh_server_of(count);
		client_open(&client);
		client_shuffle(&client, least(count, SHUFFLE_MAX));
		measure(loops, ARRAY_SIZE(loops), least(count, CALLS_MAX),
			ROUNDS, figures);
		report_measured("frequencies", loops, ARRAY_SIZE(loops),
				figures, "frequencies", count);
		client_close(&client);
	}
	end_server();
}

void part_files(int argc, char **argv)
{
	const struct rlimit limit = {
		.rlim_cur = FILES_MAX + 100,
		.rlim_max = FILES_MAX + 100,
	};
	struct figure figures[ARRAY_SIZE(loops)];
	unsigned int count, files, opened = 0;
	__u64 frequency;
	int *fds = calloc(FILES_MAX, sizeof(*fds));

	must(fds && !setrlimit(RLIMIT_NOFILE, &limit));
	fresh_server_of(2 * FILES_MAX);
	client_open(&client);
	for (; argc--; argv++) {
		count = to_count(*argv, FILES_MAX);
		/* The measured client is one of the files. */
		for (; opened < count - 1; opened++) {
			fds[opened] = open_client();
			must(fds[opened] >= 0);
			must(!try_allocate(fds[opened], 0, &frequency));
		}
		measure(loops, ARRAY_SIZE(loops), CALLS_MAX, ROUNDS, figures);
		report_measured("files", loops, ARRAY_SIZE(loops), figures,
				"files", count);
	}
	for (files = 0; files < opened; files++)
		close(fds[files]);
	client_close(&client);
	free(fds);
	end_server();
}
