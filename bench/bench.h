/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the contenders share: the list of works, the clock, and the child that
 * all of them talk to, so that only what lies between differs.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads and writes of all: what a pipe holds. */
#define BENCH_BLOCK 65536
/* Messages of the work "many", in bytes. */
#define BENCH_MESSAGE 64
/* Children at once, at most. */
#define BENCH_AT_ONCE 64

/*
 * Does a kind of work n times; what size is depends on the kind. Returns the
 * seconds it took (the kind "idle": the bytes it took).
 */
typedef double (*bench_fn)(size_t n, size_t size);

struct bench_kind {
	const char *name; /* NULL ends a list */
	bench_fn run;
	size_t less; /* so many times slower than others: does n/less */
};

/* main() of a contender: CONTENDER WORK [N]. 77 if it has no such kind. */
int bench_main(int argc, char **argv, const struct bench_kind *kinds);

double bench_now(void);
/* Bytes of memory this process has in use. */
double bench_memory(void);
__attribute__((noreturn)) void bench_die(const char *what);
/* Ends the program if something came out otherwise. */
void bench_expect(const char *what, size_t seen, size_t expected);

/* The arguments of bench/child; they live until the next call. */
char **bench_argv(const char *mode, size_t n, size_t size);
extern char *bench_true[];

struct bench_child {
	pid_t pid;
	int in, out; /* our ends of its stdin (-1: none) and stdout */
};

/* Starts a child as fast as the system can. */
void bench_spawn(struct bench_child *child, char **argv, bool with_stdin);
/* Our ends are closed already. */
void bench_reap(const struct bench_child *child);
/* Pairs of pipe ends that no child inherits. */
void bench_pipe(int ends[2]);
void bench_nonblock(int fd);

/* An on-disk file of n bytes, in the page cache, open to be read. */
int bench_file(size_t n);
extern const char bench_file_path[];
/* n bytes that have been touched. */
char *bench_bytes(size_t n);
/* Our ends of n socket pairs; one child echoes on all the others. */
int *bench_pairs(size_t n, struct bench_child *child);
/* n descriptors of a pipe in which nothing ever comes. */
int *bench_silent(size_t n);

/* What is done with a line: it is counted. */
struct bench_count {
	size_t lines, bytes;
};

static inline int bench_line(const char *data, size_t len, void *arg)
{
	struct bench_count *count = arg;

	(void)data;
	count->lines++;
	count->bytes += len;
	return 0;
}

/* For those who split by hand: read up to BENCH_BLOCK at bench_split_at(). */
struct bench_split {
	struct bench_count count;
	size_t len; /* of the line that has begun */
	char buf[2 * BENCH_BLOCK];
};
char *bench_split_at(struct bench_split *split);
void bench_split(struct bench_split *split, size_t n);

#endif
