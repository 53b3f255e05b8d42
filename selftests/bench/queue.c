// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cost of a deallocation that serves a queued request, by the number of
 * requests that are queued, of the same spans or of mixed ones.
 *
 * The clients queue requests in turn, and each is served in its turn: so who
 * gets a frequency is known.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../freq_test.h"
#include "measure.h"
#include "client.h"
#include "parts.h"

#define ROUNDS		101
#define CALLS		100

#define CLIENTS		10
#define QUEUED_MAX	(CLIENTS * FREQ_QUEUED_MAX - CALLS)

/* As many sets of spans, if they are mixed */
#define BANDS		50

/**
 * struct queue - requests that are queued
 * @fds: the clients
 * @numbers: frequencies that are allocated
 * @holders: client that holds each
 * @bands: number of sets of spans
 * @queued: number of requests that were queued so far
 * @served: number of them that were served
 */
struct queue {
	int fds[CLIENTS];
	__u64 numbers[CALLS];
	int holders[CALLS];
	unsigned int bands;
	__u64 queued;
	__u64 served;
};

static struct queue queue;

static void call_queue(void *data, unsigned int i)
{
	struct queue *q = data;
	struct freq_granted granted;
	struct freq_span span = { .last = 1000 + q->queued % q->bands };
	struct freq_group group = {
		.spans = (uintptr_t)&span,
		.granted = (uintptr_t)&granted,
		.span_count = 1,
		.count = 1,
		.flags = FREQ_ALLOCATE_QUEUE,
		.deadline = FREQ_FOR_EVER,
		.cookie = q->queued,
	};

	if (ioctl(q->fds[q->queued++ % CLIENTS], FREQ_IOC_ALLOCATE_GROUP,
		  &group) || granted.grant)
		die("queue %u: %m", i);
}

static void call_serve(void *data, unsigned int i)
{
	struct queue *q = data;
	struct freq_deallocate deallocate = { .frequency = q->numbers[i] };

	if (ioctl(q->holders[i], FREQ_IOC_DEALLOCATE, &deallocate))
		die("DEALLOCATE: %m");
	q->holders[i] = q->fds[q->served++ % CLIENTS];
}

static void begin(unsigned int bands)
{
	struct freq_subscribe outcome = {
		.kinds = 1 << FREQ_RECORD_OUTCOME,
		.record_size = sizeof(struct freq_record),
	};
	char parameter[32];
	unsigned int i;

	snprintf(parameter, sizeof(parameter), "frequencies=1-%u", CALLS);
	fresh_server("freq_v3", parameter);
	queue = (struct queue){ .bands = bands };
	for (i = 0; i < CLIENTS; i++) {
		queue.fds[i] = open_client();
		must(queue.fds[i] >= 0);
		must(!ioctl(queue.fds[i], FREQ_IOC_SUBSCRIBE, &outcome));
	}
	for (i = 0; i < CALLS; i++) {
		queue.holders[i] = queue.fds[0];
		must(!try_allocate(queue.fds[0], 0, &queue.numbers[i]));
	}
}

static void measure_queue(unsigned int count, unsigned int bands)
{
	const struct loop loops[] = {
		{ NULL, call_queue, &queue },
		{ bands == 1 ? "one band" : "mixed bands", call_serve, &queue },
	};
	struct figure figures[ARRAY_SIZE(loops)];
	unsigned int i;

	begin(bands);
	for (i = 0; i < count; i++)
		call_queue(&queue, i);
	measure(loops, ARRAY_SIZE(loops), CALLS, ROUNDS, figures);
	report_measured("queue", loops, ARRAY_SIZE(loops), figures, "queued",
			count);
	for (i = 0; i < CLIENTS; i++)
		close(queue.fds[i]);
}

void part_queue(int argc, char **argv)
{
	unsigned int count;

	for (; argc--; argv++) {
		count = to_count(*argv, QUEUED_MAX);
		measure_queue(count, 1);
		measure_queue(count, BANDS);
	}
	end_server();
}
