/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Works with several threads, as far as they are the same for all contenders:
 * a loop in each of several threads, and posts from a thread to a loop.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

/* The sockets of each thread. */
#define PAIRS 500

/* Restricts this thread, and what it starts, to one core. */
static void pin(size_t core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return;
	if (!getenv("BENCH_QUIET"))
		fprintf(stderr, "%s: skipped, it needs core %zu\n",
			program_invocation_short_name, core);
	exit(77);
}

struct player {
	pthread_t thread;
	bench_echo_fn play;
	int *fds;
	size_t n;
};

static pthread_barrier_t start_line;

static void *run_player(void *arg)
{
	struct player *player = arg;

	pthread_barrier_wait(&start_line);
	player->play(player->fds, PAIRS, player->n);
	return NULL;
}

/* A new thread has the core of the one that makes it; so has its child. */
double bench_threads(size_t n, size_t threads, bench_echo_fn play)
{
	struct player *players = calloc(threads, sizeof(*players));
	struct bench_child child;
	double start;

	pthread_barrier_init(&start_line, NULL, (unsigned)threads + 1);
	for (size_t i = 0; i < threads; i++) {
		pin(i);
		players[i].play = play;
		players[i].fds = bench_pairs(PAIRS, &child);
		players[i].n = (n + threads - 1) / threads;
		errno = pthread_create(&players[i].thread, NULL, run_player,
				       &players[i]);
		if (errno != 0)
			bench_die("pthread_create");
	}
	start = bench_now();
	pthread_barrier_wait(&start_line);
	for (size_t i = 0; i < threads; i++)
		pthread_join(players[i].thread, NULL);
	return bench_now() - start;
}

/* Only the loop's thread changes these, while the other one waits. */
static size_t to_run, ran;
static double ended;
static sem_t burst_ended;

bool bench_posted(void)
{
	bool last = --to_run == 0;

	if (++ran < BENCH_BURST && !last)
		return false;
	ran = 0;
	ended = bench_now();
	sem_post(&burst_ended);
	return last;
}

/* How often this process has called write(2) and its relatives. */
static size_t writes(void)
{
	FILE *io = fopen("/proc/self/io", "re");
	unsigned long n;

	if (!io || fscanf(io, "%*s %*u %*s %*u %*s %*u syscw: %lu", &n) != 1)
		bench_die("/proc/self/io");
	fclose(io);
	return n;
}

struct poster {
	void (*post)(void);
	size_t n, core;
	struct bench_posts result;
};

static void *run_poster(void *arg)
{
	struct poster *poster = arg;
	size_t left = poster->n;
	size_t before = writes();

	pin(poster->core);
	while (left > 0) {
		size_t burst = left < BENCH_BURST ? left : BENCH_BURST;
		double start = bench_now();

		for (size_t i = 0; i < burst; i++)
			poster->post();
		while (sem_wait(&burst_ended) < 0)
			;
		poster->result.seconds += ended - start;
		left -= burst;
	}
	poster->result.wakes = writes() - before;
	return NULL;
}

struct bench_posts bench_post(size_t n, size_t cores, void (*post)(void),
			      void (*run)(void))
{
	struct poster poster = { .post = post, .n = n, .core = cores - 1 };
	pthread_t thread;

	pin(0);
	to_run = n;
	sem_init(&burst_ended, 0, 0);
	errno = pthread_create(&thread, NULL, run_poster, &poster);
	if (errno != 0)
		bench_die("pthread_create");
	run();
	pthread_join(thread, NULL);
	return poster.result;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bench_note *first, **tail = &first;

bool bench_queue_put(void)
{
	struct bench_note *note = malloc(sizeof(*note));
	bool was_empty;

	if (!note)
		bench_die("malloc");
	note->next = NULL;
	pthread_mutex_lock(&lock);
	was_empty = !first;
	*tail = note;
	tail = &note->next;
	pthread_mutex_unlock(&lock);
	return was_empty;
}

bool bench_queue_run(void)
{
	struct bench_note *note, *next;
	bool last = false;

	pthread_mutex_lock(&lock);
	note = first;
	first = NULL;
	tail = &first;
	pthread_mutex_unlock(&lock);
	for (; note; note = next) {
		next = note->next;
		free(note);
		last = bench_posted();
	}
	return last;
}
