// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contention: throughput and latency of threads that use the server at once.
 *
 * Absolute rates do not compare across machines. One thread and THREADS take
 * turns, and the report has the ratio.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "measure.h"
#include "parts.h"

#define THREADS		8
#define ROUNDS_MAX	101

/* Latency histogram: 8 bins per power of two, up to minutes */
#define BINS_SHIFT	3
#define BINS		(40 << BINS_SHIFT)

/**
 * struct thread - a contending thread
 * @thread: the thread
 * @client: its own open file
 * @call: the call that it repeats
 * @waits: true if each call is timed
 * @calls: number of calls made
 * @worst: longest call, in ns
 * @bins: latency histogram of the calls
 */
struct thread {
	_Alignas(128) pthread_t thread;
	struct client client;
	void (*call)(void *data, unsigned int i);
	bool waits;
	unsigned long calls;
	__u64 worst;
	unsigned long bins[BINS];
};

static struct thread threads[THREADS];
static pthread_barrier_t start;
static bool stop;

static unsigned int bin_of(__u64 ns)
{
	unsigned int shift = 0;

	while (ns >> shift >= 2 << BINS_SHIFT)
		shift++;
	return (shift << BINS_SHIFT) + (ns >> shift);
}

/* Midpoint of a bin, in ns */
static double bin_value(unsigned int bin)
{
	unsigned int shift = bin >> BINS_SHIFT;

	if (shift)
		shift--;
	return ((bin - (shift << BINS_SHIFT)) + 0.5) * (1ULL << shift);
}

static void *contend(void *data)
{
	struct thread *thread = data;
	__u64 wait, begin = 0;

	pthread_barrier_wait(&start);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (thread->waits)
			begin = now();
		thread->call(&thread->client, 0);
		thread->calls++;
		if (!thread->waits)
			continue;
		wait = now() - begin;
		thread->bins[bin_of(wait)]++;
		if (wait > thread->worst)
			thread->worst = wait;
	}
	return NULL;
}

/* Runs @count threads for @ms milliseconds; returns calls per second. */
static double run(void (*call)(void *data, unsigned int i), int count,
		  bool waits, unsigned int ms)
{
	const struct timespec time = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000,
	};
	unsigned long calls = 0;
	__u64 begin;
	int i;

	stop = false;
	must(!pthread_barrier_init(&start, NULL, count + 1));
	for (i = 0; i < count; i++) {
		threads[i].call = call;
		threads[i].waits = waits;
		threads[i].calls = 0;
		must(!pthread_create(&threads[i].thread, NULL, contend,
				     &threads[i]));
	}
	pthread_barrier_wait(&start);
	begin = now();
	nanosleep(&time, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < count; i++) {
		pthread_join(threads[i].thread, NULL);
		calls += threads[i].calls;
	}
	pthread_barrier_destroy(&start);
	return calls * 1e9 / (now() - begin);
}

static void measure_throughput(const char *what,
			       void (*call)(void *data, unsigned int i),
			       unsigned int ms, unsigned int rounds)
{
	double values[ROUNDS_MAX];
	struct figure figure;
	unsigned int i;
	double one;

	for (i = 0; i < rounds; i++) {
		/* Baseline before and after, to average out other load. */
		one = run(call, 1, false, ms / 2);
		values[i] = run(call, THREADS, false, ms);
		one = (one + run(call, 1, false, ms / 2)) / 2;
		values[i] /= one;
	}
	figure_of(&figure, values, rounds);
	figure.calls = 1;
	report_begin("throughput", what);
	report_count("threads", THREADS);
	report_figure(&figure);
	report_end();
}

/* Percentile: @part of all calls took at most this long, in ns. */
static double part_within(const unsigned long *bins, double part)
{
	unsigned long calls = 0, seen = 0;
	unsigned int i;

	for (i = 0; i < BINS; i++)
		calls += bins[i];
	for (i = 0; i < BINS - 1; i++) {
		seen += bins[i];
		if (seen >= calls * part)
			break;
	}
	return bin_value(i);
}

static double measure_waits(const char *what,
			    void (*call)(void *data, unsigned int i),
			    int count, double unit, unsigned int ms)
{
	unsigned long bins[BINS] = {};
	unsigned int i, j;
	__u64 worst = 0;
	double usual;

	for (i = 0; i < THREADS; i++) {
		memset(threads[i].bins, 0, sizeof(threads[i].bins));
		threads[i].worst = 0;
	}
	run(call, count, true, ms);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < BINS; j++)
			bins[j] += threads[i].bins[j];
		if (threads[i].worst > worst)
			worst = threads[i].worst;
	}
	usual = part_within(bins, 0.5);
	if (!unit)
		unit = usual;
	report_begin("waits", what);
	report_count("threads", count);
	report_value("half", usual / unit);
	report_value("99 %", part_within(bins, 0.99) / unit);
	report_value("99.9 %", part_within(bins, 0.999) / unit);
	report_value("worst", worst / unit);
	report_end();
	return usual;
}

void part_contention(int argc, char **argv)
{
	static const struct {
		const char *what;
		void (*call)(void *data, unsigned int i);
	} contended[] = {
		{ "floor", call_floor },
		{ "freq", call_pair },
	};
	unsigned int ms, rounds, i;
	double unit;

	must(argc == 2);
	ms = to_count(argv[0], 100000);
	rounds = to_count(argv[1], ROUNDS_MAX);
	fresh_server_of(10000);
	for (i = 0; i < THREADS; i++)
		client_open(&threads[i].client);
	for (i = 0; i < ARRAY_SIZE(contended); i++) {
		measure_throughput(contended[i].what, contended[i].call, ms,
				   rounds);
		unit = measure_waits(contended[i].what, contended[i].call, 1,
				     0, ms * 4);
		measure_waits(contended[i].what, contended[i].call, THREADS,
			      unit, ms * 4);
	}
	for (i = 0; i < THREADS; i++)
		client_close(&threads[i].client);
	end_server();
}
