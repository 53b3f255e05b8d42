// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of release 3, and the cost of records: to make one, by the number of
 * clients that subscribe and are behind, and to read one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../freq_test.h"
#include "client.h"
#include "measure.h"
#include "parts.h"

#define ROUNDS		101

#define SUBSCRIBERS_MAX	10000

/* How many records one read() returns. */
#define RECORDS		64

/* Calls of a round that reads: what they read fits in the log. */
#define READS		32

static struct client client;

static int subscriber(void)
{
	struct freq_subscribe all = {
		.kinds = 1 << FREQ_RECORD_ALLOCATED |
			 1 << FREQ_RECORD_DEALLOCATED,
		.record_size = sizeof(struct freq_record),
	};
	int fd = open_client();

	must(fd >= 0 && !ioctl(fd, FREQ_IOC_SUBSCRIBE, &all));
	return fd;
}

static void call_exact(void *data, unsigned int i)
{
	struct client *exact = data;
	struct freq_allocate_v3 allocate = {
		.frequency = i + 1,
		.flags = FREQ_ALLOCATE_EXACT,
	};

	if (ioctl(exact->fd, FREQ_IOC_ALLOCATE_V3, &allocate))
		die("ALLOCATE_V3: %m");
	exact->numbers[i] = i + 1;
}

static void call_grant(void *data, unsigned int i)
{
	struct client *grant = data;
	struct freq_allocate_v3 allocate = {};

	if (ioctl(grant->fd, FREQ_IOC_ALLOCATE_V3, &allocate))
		die("ALLOCATE_V3: %m");
	grant->numbers[i] = allocate.frequency;
}

static void call_make(void *data, unsigned int i)
{
	unsigned int pair;

	for (pair = 0; pair < RECORDS / 2; pair++)
		call_pair(data, i);
}

static void call_read(void *data, unsigned int i)
{
	static struct freq_record records[RECORDS];
	int *fd = data;

	if (read(*fd, records, sizeof(records)) != sizeof(records))
		die("read() %u: %m", i);
}

static const struct loop loops[] = {
	{ "floor", call_floor, &client },
	{ "allocate", call_allocate, &client },
	{ "deallocate", call_deallocate, &client },
	{ "exact", call_exact, &client },
	{ NULL, call_deallocate, &client },
	{ "grant", call_grant, &client },
	{ NULL, call_deallocate, &client },
};

static void measure_reading(void)
{
	int fd = subscriber();
	const struct loop reading[] = {
		{ NULL, call_make, &client },
		{ "read", call_read, &fd },
	};
	struct figure figures[ARRAY_SIZE(reading)];

	measure(reading, ARRAY_SIZE(reading), READS, ROUNDS, figures);
	report_measured("records", reading, ARRAY_SIZE(reading), figures,
			"records", RECORDS);
	close(fd);
}

static void call_band(void *data, unsigned int i)
{
	struct client *band = data;
	struct freq_granted granted;
	struct freq_group group = {
		.granted = (uintptr_t)&granted,
		.count = 1,
	};

	if (ioctl(band->fd, FREQ_IOC_ALLOCATE_GROUP, &group))
		die("ALLOCATE_GROUP: %m");
	band->numbers[i] = granted.frequency;
}

/* Has all frequencies but the last @free ones allocated. */
static void take_all_but(unsigned int count, unsigned int free)
{
	__u64 numbers[FREQ_BATCH_MAX];
	unsigned int some;

	for (count -= free; count; count -= some) {
		some = count < FREQ_BATCH_MAX ? count : FREQ_BATCH_MAX;
		must(!try_allocate_batch(client.fd, 0, numbers, some));
	}
}

/* In a band of which nearly all is taken */
void part_band(int argc, char **argv)
{
	const struct loop band[] = {
		{ "floor", call_floor, &client },
		{ "band", call_band, &client },
		{ NULL, call_deallocate, &client },
	};
	struct figure figures[ARRAY_SIZE(band)];
	unsigned int count, free;
	char parameter[32];

	for (; argc--; argv++) {
		count = to_count(*argv, FREQ_POOL_MAX);
		free = count / 2 < CALLS_MAX ? count / 2 : CALLS_MAX;
		snprintf(parameter, sizeof(parameter), "frequencies=1-%u",
			 count);
		fresh_server("freq_v3", parameter);
		client_open(&client);
		take_all_but(count, free);
		measure(band, ARRAY_SIZE(band), free, ROUNDS, figures);
		report_measured("band", band, ARRAY_SIZE(band), figures,
				"frequencies", count);
		client_close(&client);
	}
	end_server();
}

static void measure_making(unsigned int subscribers)
{
	struct figure figures[ARRAY_SIZE(loops)];

	measure(loops, ARRAY_SIZE(loops), CALLS_MAX, ROUNDS, figures);
	report_measured("records", loops, ARRAY_SIZE(loops), figures,
			"subscribers", subscribers);
}

void part_records(int argc, char **argv)
{
	const struct rlimit limit = {
		.rlim_cur = SUBSCRIBERS_MAX + 100,
		.rlim_max = SUBSCRIBERS_MAX + 100,
	};
	int *fds = calloc(SUBSCRIBERS_MAX, sizeof(*fds));
	unsigned int count, opened = 0;

	must(fds && !setrlimit(RLIMIT_NOFILE, &limit));
	fresh_server("freq_v3", "frequencies=1-1000");
	client_open(&client);
	client_shuffle(&client, CALLS_MAX);
	measure_making(0);
	for (; argc--; argv++) {
		count = to_count(*argv, SUBSCRIBERS_MAX);
		for (; opened < count; opened++)
			fds[opened] = subscriber();
		measure_making(count);
	}
	while (opened)
		close(fds[--opened]);
	measure_reading();
	client_close(&client);
	free(fds);
	end_server();
}
