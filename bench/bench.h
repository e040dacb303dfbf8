/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Used by all contenders: the list of works, the clock, and the child. The
 * child is the same for all, so that only the parent's side is compared.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The size of all reads and writes: the capacity of a pipe. */
#define BENCH_BLOCK 65536
/* The size of a message in the work "many", in bytes. */
#define BENCH_MESSAGE 64
/* How many children may run at once. */
#define BENCH_AT_ONCE 64
/* After so many posts, a thread waits until they have run. */
#define BENCH_BURST 1000

/*
 * Does a kind of work n times. The meaning of size depends on the kind. Returns
 * the time in seconds; for the kind "idle", the memory in bytes.
 */
typedef double (*bench_fn)(size_t n, size_t size);

struct bench_kind {
	const char *name; /* NULL ends a list */
	bench_fn run;
	size_t less; /* this contender is slow: do n/less; 0: n */
};

/* main() of a contender: CONTENDER WORK [N]. 77 if it has no such kind. */
int bench_main(int argc, char **argv, const struct bench_kind *kinds);

double bench_now(void);
/* The resident memory of this process in bytes. */
double bench_memory(void);
__attribute__((noreturn)) void bench_die(const char *what);
/* Exits with a message unless the two are equal. */
void bench_expect(const char *what, size_t seen, size_t expected);

/* Of bench/child, or child-tls for "tls"; valid until the next call. */
char **bench_argv(const char *mode, size_t n, size_t size);
extern char *bench_true[];

struct bench_child {
	pid_t pid;
	int in, out; /* the parent's ends of stdin (-1: none) and stdout */
};

/* Starts a child in the fastest way the system has. */
void bench_spawn(struct bench_child *child, char **argv, bool with_stdin);
/* The child's stdin is a socket, whose other end is out. */
void bench_spawn_on_socket(struct bench_child *child, char **argv);
/* Waits for a child whose parent's ends are closed. */
void bench_reap(const struct bench_child *child);
/* Makes a pipe that no child inherits. */
void bench_pipe(int ends[2]);
void bench_nonblock(int fd);

/* disk.c. Opens an on-disk file of n bytes that is in the page cache. */
int bench_file(size_t n);
/* The same file, not in the page cache; exits with 77 if that fails. */
int bench_cold_file(size_t n);
extern const char bench_file_path[];
extern const char bench_copy_path[];
/* Checks and removes the copy. */
void bench_copied(size_t n);
/* Allocates n bytes and touches them. */
char *bench_bytes(size_t n);
/* Makes n socket pairs; a child echoes on their other ends. */
int *bench_pairs(size_t n, struct bench_child *child);
/* Returns n descriptors of a pipe that never has data. */
int *bench_silent(size_t n);

/*
 * threads.c. An echo function makes a loop in this thread, sends a message on
 * each of the sockets, and again whenever it has come back, n times in all.
 */
typedef void (*bench_echo_fn)(int *fds, size_t pairs, size_t n);
/* Calls play in threads with a core and a child each. Returns the seconds. */
double bench_threads(size_t n, size_t threads, bench_echo_fn play);

struct bench_posts {
	double seconds; /* from the first post of each burst until all have run */
	size_t wakes;	/* how often write(2) was called */
};

/*
 * Calls post n times in another thread, on the first core or the second one,
 * while run runs the loop. The loop must call bench_posted() for each post, and
 * end when that returns true.
 */
struct bench_posts bench_post(size_t n, size_t cores, void (*post)(void),
			      void (*run)(void));
bool bench_posted(void);

/* For contenders that have no queue: a list under a lock. */
struct bench_note {
	struct bench_note *next;
};
/* Returns whether the queue was empty. */
bool bench_queue_put(void);
/* Calls bench_posted() for all in the queue. */
bool bench_queue_run(void);

/*
 * accept.c. Makes a blocking socket that listens, and starts a child that
 * connects to it n times. The parent must send each connection a byte and close
 * it.
 */
int bench_listen(size_t n, struct bench_child *child);
/* Checks the count of connections, and waits for the child. */
void bench_connected(const struct bench_child *child, size_t seen, size_t n);

/* Each line is counted, and nothing else is done with it. */
struct bench_count {
	size_t lines, bytes;
};

static inline int bench_line(const char *data, size_t len, void *arg)
{
	struct bench_count *count = (struct bench_count *)arg;

	(void)data;
	count->lines++;
	count->bytes += len;
	return 0;
}

/* To split lines by hand: read at most BENCH_BLOCK at bench_split_at(). */
struct bench_split {
	struct bench_count count;
	size_t len; /* of the incomplete line at the beginning */
	char buf[2 * BENCH_BLOCK];
};
char *bench_split_at(struct bench_split *split);
void bench_split(struct bench_split *split, size_t n);

/* Works that a contender may have in another file than its main(). */
double accept_all(size_t n, size_t size);
double file_copy(size_t n, size_t size);
double file_read(size_t n, size_t size);
double post_time(size_t n, size_t cores);
double post_wakes(size_t n, size_t cores);
double tls_in(size_t n, size_t size);

#ifdef __cplusplus
}
#endif

#endif
