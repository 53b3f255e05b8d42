/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the benchmark. Each gets the arguments after its name.
 */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H

/* COUNT...: cost of a request, by number of frequencies */
void part_frequencies(int argc, char **argv);
/* COUNT...: cost of a request, by number of open files */
void part_files(int argc, char **argv);
/* COUNT...: cost of requests of release 3, and of records, by subscribers */
void part_records(int argc, char **argv);
/* COUNT...: cost of a frequency of a band, by number of frequencies */
void part_band(int argc, char **argv);
/* COUNT...: cost of serving a queued request, by number of these */
void part_queue(int argc, char **argv);
/* COUNT...: cost of batch requests, by batch size */
void part_batch(int argc, char **argv);
/* COUNT ROUNDS: cost of one INJECT of COUNT frequencies */
void part_inject(int argc, char **argv);
/* COUNT ROUNDS: memory of COUNT frequencies */
void part_memory(int argc, char **argv);
/* COUNT...: gate time, by number of frequencies and of open files */
void part_gate(int argc, char **argv);
/* COUNT HELD: lock hold times of bulk operations */
void part_hold(int argc, char **argv);
/* [PEER...]: cost of alternatives to /dev/freq */
void part_peers(int argc, char **argv);
/* MILLISECONDS ROUNDS: throughput and latency under contention */
void part_contention(int argc, char **argv);

#endif /* BENCH_PARTS_H */
