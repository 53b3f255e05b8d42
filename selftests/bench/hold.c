// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lock hold times of bulk operations, by the tracepoint freq_hold. They include
 * the overhead of tracing. A lock hold is skipped if an interrupt came since
 * the one before.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../freq_test.h"
#include "client.h"
#include "measure.h"
#include "parts.h"

#define TRACING	"/sys/kernel/debug/tracing/"
#define EVENT	"events/freq/freq_hold/"

/* Trace buffer per CPU, in KiB: large enough to lose no event */
#define BUFFER_KIB	"131072"

#define BATCHES		100

/*
 * After closing many files: deferred work is done by then, and cannot run in an
 * interrupt during a lock hold.
 */
#define SETTLE_US	100000

static void put(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("%s: %m", path);
	close(fd);
}

static void begin(void)
{
	put("trace", "\n");
	put("tracing_on", "1");
}

static void trace_events(const char *enable)
{
	put(EVENT "enable", enable);
	put("events/irq_vectors/enable", enable);
	put("events/irq/irq_handler_entry/enable", enable);
}

/* Reports the lock holds since begin(). */
static void end(const char *what, unsigned int count)
{
	static const char name[] = " freq_hold: caller=";
	static const char field[] = "duration=";
	unsigned int room = 1000, holds = 0;
	double *values = calloc(room, sizeof(*values));
	char *line = NULL, *at, *duration;
	char where[64] = "";
	double most = -1;
	bool interrupted = false;
	size_t length = 0;
	struct figure figure;
	FILE *file;

	put("tracing_on", "0");
	file = fopen(TRACING "trace", "re");
	must(file && values);
	while (getline(&line, &length, file) > 0) {
		if (line[0] == '#')
			continue;
		at = strstr(line, name);
		if (!at || interrupted) {
			interrupted = !at;
			continue;
		}
		at += strlen(name);
		duration = strstr(at, field);
		must(duration);
		if (holds == room) {
			room *= 2;
			values = reallocarray(values, room, sizeof(*values));
			must(values);
		}
		values[holds] = strtoull(duration + strlen(field), NULL, 10);
		if (values[holds] > most) {
			most = values[holds];
			snprintf(where, sizeof(where), "%.*s",
				 (int)strcspn(at, "+ "), at);
		}
		holds++;
	}
	free(line);
	fclose(file);

	if (!holds)
		die("%s: no uninterrupted lock hold", what);
	figure_of(&figure, values, holds);
	figure.calls = 1;
	report_begin("hold", what);
	report_count("count", count);
	report_text("where", where);
	report_figure(&figure);
	report_end();
	free(values);
}

/* Traces one request of the pair; the other one only undoes it. */
static void hold_batch(int fd, const char *what, bool allocate)
{
	__u64 numbers[FREQ_BATCH_MAX];
	struct freq_batch batch = {
		.frequencies = (uintptr_t)numbers,
		.count = FREQ_BATCH_MAX,
	};
	unsigned int i;

	put("trace", "\n");
	for (i = 0; i < BATCHES; i++) {
		put("tracing_on", allocate ? "1" : "0");
		must(!try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH, &batch));
		put("tracing_on", allocate ? "0" : "1");
		must(!try_ioctl(fd, FREQ_IOC_DEALLOCATE_BATCH, &batch));
	}
	end(what, FREQ_BATCH_MAX);
}

/* Opens a client of user @uid for each frequency of a batch. */
static void open_batch(int *clients, uid_t uid)
{
	unsigned int i;

	must(!seteuid(uid));
	for (i = 0; i < FREQ_BATCH_MAX; i++) {
		clients[i] = open_client();
		must(clients[i] >= 0);
	}
	must(!seteuid(0));
}

/*
 * Worst case: each frequency was allocated by a different client, closed since.
 * Those of DEALLOCATE_BATCH are still kept, for another user.
 */
static void hold_batch_of_others(int fd, const char *what, bool allocate)
{
	__u64 numbers[FREQ_BATCH_MAX];
	struct freq_batch batch = {
		.frequencies = (uintptr_t)numbers,
		.count = FREQ_BATCH_MAX,
	};
	int clients[FREQ_BATCH_MAX];
	unsigned int i, round;

	put("trace", "\n");
	for (round = 0; round < BATCHES; round++) {
		open_batch(clients, allocate ? 0 : 1);
		for (i = 0; i < FREQ_BATCH_MAX; i++)
			must(!try_allocate(clients[i],
					   allocate ? 0 : FREQ_ALLOCATE_KEEP,
					   &numbers[i]));
		for (i = 0; i < FREQ_BATCH_MAX; i++)
			close(clients[i]);
		usleep(SETTLE_US);
		put("tracing_on", allocate ? "1" : "0");
		if (allocate)
			must(!try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH, &batch));
		put("tracing_on", allocate ? "0" : "1");
		must(!try_ioctl(fd, FREQ_IOC_DEALLOCATE_BATCH, &batch));
		put("tracing_on", "0");
	}
	end(what, FREQ_BATCH_MAX);
}

/* A shuffled batch whose last frequency belongs to another client */
static void hold_batch_that_fails(int fd, int other)
{
	const unsigned int own = FREQ_BATCH_MAX - 1;
	__u64 numbers[FREQ_BATCH_MAX], random = own;
	unsigned int round, failed;

	put("trace", "\n");
	for (round = 0; round < BATCHES; round++) {
		must(!try_allocate_batch(fd, 0, numbers, own));
		must(!try_allocate(other, 0, &numbers[own]));
		shuffle(numbers, own, &random);
		put("tracing_on", "1");
		must(try_deallocate_batch(fd, numbers, FREQ_BATCH_MAX,
					  &failed) == -EPERM);
		put("tracing_on", "0");
		must(!try_deallocate_batch(fd, numbers, own, &failed));
		must(!try_deallocate(other, numbers[own]));
	}
	end("deallocate batch that fails", FREQ_BATCH_MAX);
}

/* The two lists in sysfs, which together have the whole pool */
static void hold_reads(unsigned int held)
{
	char *text;

	begin();
	text = read_text(SYSFS "allocated");
	must(text);
	end("read", held);
	free(text);
	begin();
	text = read_text(SYSFS "free");
	must(text);
	end("read free", held);
	free(text);
}

/* The lowest frequencies of two spans, as many as there can be */
static void hold_group(int fd)
{
	struct freq_granted granted[FREQ_GROUP_MAX];
	struct freq_span spans[] = { { .last = 1 }, { .last = ~0ULL } };
	struct freq_group group = {
		.spans = (uintptr_t)spans,
		.granted = (uintptr_t)granted,
		.span_count = ARRAY_SIZE(spans),
		.count = FREQ_GROUP_MAX,
	};
	unsigned int i, round;

	put("trace", "\n");
	for (round = 0; round < BATCHES; round++) {
		put("tracing_on", "1");
		must(!try_ioctl(fd, FREQ_IOC_ALLOCATE_GROUP, &group));
		put("tracing_on", "0");
		for (i = 0; i < FREQ_GROUP_MAX; i++)
			must(!try_deallocate(fd, granted[i].frequency));
	}
	end("group", FREQ_GROUP_MAX);
}

/* With a map, and with a client that subscribes and is behind */
static void hold_watched(int fd, unsigned int held)
{
	struct freq_subscribe all = {
		.kinds = 0x1f,
		.record_size = sizeof(struct freq_record),
	};
	int watcher = open_client(), other = open_client();
	__u64 frequency;
	unsigned int i;

	must(watcher >= 0 && other >= 0);
	must(!try_ioctl(watcher, FREQ_IOC_SUBSCRIBE, &all));
	hold_group(fd);
	hold_batch(fd, "watched allocate batch", true);
	hold_batch(fd, "watched deallocate batch", false);
	hold_batch_of_others(fd, "watched deallocate batch of others", false);
	for (i = 0; i < held; i++)
		must(!try_allocate(other, 0, &frequency));
	begin();
	close(other);
	end("watched close", held);
	begin();
	close(watcher);
	usleep(SETTLE_US);
	end("end of the log", 1);
}

static void hold_all(unsigned int count, unsigned int held)
{
	__u64 *numbers = make_numbers(count, false);
	struct listing listing;
	struct freq_info info;
	__u64 frequency;
	unsigned int i;
	int fd, other;

	fresh_server_of(6);
	trace_events("1");
	fd = open_client();
	other = open_client();
	must(fd >= 0 && other >= 0);

	begin();
	must(!try_inject(fd, numbers, count, NULL));
	end("inject", count);

	begin();
	must(!listing_take(&listing, fd, 0, FREQ_LIST_MAX));
	end("list", count);
	listing_free(&listing);

	begin();
	for (i = 0; i < held; i++)
		must(!try_allocate(other, 0, &frequency));
	end("allocate", 1);
	hold_reads(held);
	begin();
	close(other);
	end("close", held);
	other = open_client();
	must(other >= 0);

	must(!try_info(fd, &info));
	if (info.features & FREQ_FEATURE_BATCH) {
		hold_batch(fd, "allocate batch", true);
		hold_batch(fd, "deallocate batch", false);
		hold_batch_of_others(fd, "allocate batch of others", true);
		hold_batch_of_others(fd, "deallocate batch of others", false);
		hold_batch_that_fails(fd, other);
	}
	begin();
	must(!server_upgrade("freq_v2", "freq_v90"));
	end("conversion", count);
	must(!server_upgrade("freq_v90", "freq_v3"));
	hold_watched(fd, held);
	close(other);
	begin();
	must(!try_stop(fd));
	end("stop", count);
	close(fd);
	free(numbers);
}

void part_hold(int argc, char **argv)
{
	unsigned int count, held;

	must(argc == 2);
	count = to_count(argv[0], FREQ_INJECT_MAX);
	held = to_count(argv[1], count);
	fresh_server_of(6);
	if (access(TRACING EVENT "enable", F_OK)) {
		fputs("bench: hold: the modules have no tracepoint\n", stderr);
	} else {
		put("buffer_size_kb", BUFFER_KIB);
		put("tracing_on", "0");
		hold_all(count, held);
		put("buffer_size_kb", "1");
	}
	end_server();
}
