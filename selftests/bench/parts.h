/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the bench. Each gets the arguments behind its name.
 */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H

/* COUNT...: cost of a request, by the number of frequencies */
void part_frequencies(int argc, char **argv);
/* COUNT...: cost of a request, by the number of open files */
void part_files(int argc, char **argv);
/* COUNT: a batch, and the requests that it stands for */
void part_batch(int argc, char **argv);
/* COUNT ROUNDS: one INJECT of so many */
void part_inject(int argc, char **argv);
/* COUNT ROUNDS: the memory that so many frequencies take */
void part_memory(int argc, char **argv);
/* COUNT...: the gate, by the number of frequencies, and by that of files */
void part_gate(int argc, char **argv);
/* COUNT HELD: the longest hold of the mutex by what is large */
void part_hold(int argc, char **argv);
/* [PEER...]: what people would use instead */
void part_peers(int argc, char **argv);
/* MILLISECONDS ROUNDS: throughput and waits of threads that contend */
void part_contention(int argc, char **argv);

#endif /* BENCH_PARTS_H */
