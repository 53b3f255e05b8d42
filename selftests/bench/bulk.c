// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bulk operations: batches, INJECT, and memory per frequency.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../freq_test.h"
#include "client.h"
#include "measure.h"
#include "parts.h"

#define ROUNDS		101
#define ROUNDS_MAX	101

static struct client client;

/**
 * struct batch - data of the batch loops
 * @fd: open file of /dev/freq
 * @count: frequencies per batch
 * @numbers: frequencies of the last ALLOCATE_BATCH
 */
struct batch {
	int fd;
	unsigned int count;
	__u64 numbers[FREQ_BATCH_MAX];
};

static struct batch batch;

static void request_batch(struct batch *batch, unsigned long request)
{
	struct freq_batch argument = {
		.frequencies = (uintptr_t)batch->numbers,
		.count = batch->count,
	};

	if (ioctl(batch->fd, request, &argument))
		die("batch request: %m");
}

static void call_allocate_batch(void *data, unsigned int i)
{
	(void)i;
	request_batch(data, FREQ_IOC_ALLOCATE_BATCH);
}

static void call_deallocate_batch(void *data, unsigned int i)
{
	(void)i;
	request_batch(data, FREQ_IOC_DEALLOCATE_BATCH);
}

/* ALLOCATE_BATCH and DEALLOCATE_BATCH in turn, by batch size */
void part_batch(int argc, char **argv)
{
	static const struct loop loops[] = {
		{ "allocate batch", call_allocate_batch, &batch },
		{ "deallocate batch", call_deallocate_batch, &batch },
	};
	struct figure figures[ARRAY_SIZE(loops)];
	struct freq_info info;

	fresh_server_of(100000);
	client_open(&client);
	must(!try_info(client.fd, &info));
	if (!(info.features & FREQ_FEATURE_BATCH)) {
		fputs("bench: batch: not supported by this release\n", stderr);
		argc = 0;
	}
	client_shuffle(&client, 100000);
	batch.fd = client.fd;
	for (; argc--; argv++) {
		batch.count = to_count(*argv, FREQ_BATCH_MAX);
		measure(loops, ARRAY_SIZE(loops), 1, ROUNDS, figures);
		report_measured("batch", loops, ARRAY_SIZE(loops), figures,
				"count", batch.count);
	}
	client_close(&client);
	end_server();
}

static void measure_inject(unsigned int count, unsigned int rounds,
			   bool ascend)
{
	__u64 *numbers = make_numbers(count, ascend);
	double values[ROUNDS_MAX];
	struct figure figure;
	unsigned int i;
	__u64 begin;

	for (i = 0; i < rounds; i++) {
		fresh_server_of(6);
		client_open(&client);
		begin = now();
		must(!try_inject(client.fd, numbers, count, NULL));
		values[i] = now() - begin;
		client_close(&client);
	}
	figure_of(&figure, values, rounds);
	figure.calls = 1;
	report_begin("inject", ascend ? "ascending" : "random");
	report_count("count", count);
	report_figure(&figure);
	report_end();
	free(numbers);
}

void part_inject(int argc, char **argv)
{
	unsigned int count, rounds;

	must(argc == 2);
	count = to_count(argv[0], FREQ_INJECT_MAX);
	rounds = to_count(argv[1], ROUNDS_MAX);
	measure_inject(count, rounds, true);
	measure_inject(count, rounds, false);
	end_server();
}

/*
 * Free memory of all zones, in bytes: free pages and those on the per-CPU
 * lists. MemFree in /proc/meminfo lacks the latter, which can be many.
 */
static __u64 memory_free_now(void)
{
	char *text = read_text("/proc/zoneinfo");
	unsigned long long pages, all = 0;
	char *line;

	must(text);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, " nr_free_pages %llu", &pages) == 1 ||
		    sscanf(line, " count: %llu", &pages) == 1)
			all += pages;
	}
	free(text);
	return all * sysconf(_SC_PAGESIZE);
}

/*
 * Drops the caches, then waits until the figure is stable, so that deferred
 * frees are done.
 */
static __u64 memory_free(void)
{
	FILE *file = fopen("/proc/sys/vm/drop_caches", "we");
	unsigned int same = 0, i;
	__u64 last = 0, free;

	must(file && fputs("3\n", file) >= 0 && !fclose(file));
	while (same < 5) {
		for (i = 0; i < 20; i++)
			nap();
		free = memory_free_now();
		same = free == last ? same + 1 : 0;
		last = free;
	}
	return last;
}

struct memory {
	const char *what;
	double values[ROUNDS_MAX];
};

enum { INJECTED, ALLOCATED, LISTED, STAGES };

static void measure_memory(const __u64 *numbers, unsigned int count,
			   struct memory *memory, unsigned int round)
{
	struct freq_entry entry;
	struct freq_list list = {
		.entries = (uintptr_t)&entry,
		.count = 1,
	};
	__u64 before, frequency;
	unsigned int i;

	fresh_server_of(6);
	client_open(&client);
	before = memory_free();
	must(!try_inject(client.fd, numbers, count, NULL));
	memory[INJECTED].values[round] =
		((double)before - memory_free()) / count;
	for (i = 0; i < count; i++)
		must(!try_allocate(client.fd, 0, &frequency));
	memory[ALLOCATED].values[round] =
		((double)before - memory_free()) / count;
	must(!try_list(client.fd, &list));
	memory[LISTED].values[round] =
		((double)before - memory_free()) / count;
	client_close(&client);
}

void part_memory(int argc, char **argv)
{
	static struct memory memory[STAGES] = {
		[INJECTED] = { .what = "injected" },
		[ALLOCATED] = { .what = "allocated" },
		[LISTED] = { .what = "listed" },
	};
	unsigned int count, rounds, i;
	struct figure figure;
	__u64 *numbers;

	must(argc == 2);
	count = to_count(argv[0], FREQ_INJECT_MAX);
	rounds = to_count(argv[1], ROUNDS_MAX);
	numbers = make_numbers(count, false);
	/* Warm-up; round 0 overwrites its figures. */
	measure_memory(numbers, count, memory, 0);
	for (i = 0; i < rounds; i++)
		measure_memory(numbers, count, memory, i);
	for (i = 0; i < STAGES; i++) {
		figure_of(&figure, memory[i].values, rounds);
		figure.calls = 1;
		report_begin("memory", memory[i].what);
		report_count("count", count);
		report_figure(&figure);
		report_end();
	}
	free(numbers);
	end_server();
}
