/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time of a wait: in a continuation, and in a libevent callback, where all
 * pending operations move to a private base and back. With a number N as its
 * argument, only the work await-N.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <asyncfile.h>

#define ROUNDS 9

static struct af_loop *loop;
static struct af_file *ready; /* its writes are done at once */
static unsigned waits;	      /* for each measurement */
static double elapsed;

static void die(const char *what)
{
	fprintf(stderr, "await: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

/* Awaits a continuation that is ready to run, so only the wait takes time. */
static void wait_often(void)
{
	double start = now();

	for (unsigned i = 0; i < waits; i++) {
		struct af_future *f;

		f = af_then(af_file_write(ready, NULL, 0, 0, NULL), pass, NULL);
		if (af_await(f) != 0)
			die("af_await");
		af_future_unref(f);
	}
	elapsed = now() - start;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	wait_often();
	af_loop_stop(loop);
}

static struct af_future *continuation(struct af_future *done, void *arg)
{
	(void)arg;
	(void)done;
	wait_often();
	af_loop_stop(loop);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Returns the nanoseconds of one wait, the median of ROUNDS. */
static double measure(bool in_callback)
{
	const struct timeval at_once = { 0, 0 };
	double seen[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		if (in_callback)
			event_base_once(af_loop_base(loop), -1, EV_TIMEOUT,
					on_timer, NULL, &at_once);
		else
			af_future_unref(
				af_then(af_file_write(ready, NULL, 0, 0, NULL),
					continuation, NULL));
		if (af_loop_run(loop) != 0)
			die("af_loop_run");
		seen[i] = elapsed / waits * 1e9;
	}
	qsort(seen, ROUNDS, sizeof(seen[0]), by_value);
	return seen[ROUNDS / 2];
}

static void print_row(unsigned pending)
{
	double outside = measure(false);
	double inside = measure(true);

	printf("%-8u %16.0f %16.0f %16.0f\n", pending, outside, inside,
	       pending ? (inside - outside) / pending : 0.0);
}

/* As one work of make bench, in the form of the other contenders. */
static const char *work;

static void print_work(unsigned pending)
{
	double outside = measure(false);

	printf("await-%s %.4g ns\n", work, (measure(true) - outside) / pending);
}

/* Measures with pending reads on a pipe that never has data. */
static void run(unsigned pending, void (*print)(unsigned))
{
	struct af_file **files = calloc(pending ? pending : 1, sizeof(*files));
	const char *scale = getenv("BENCH_SCALE");
	int ends[2];

	if (!files || pipe(ends) < 0)
		die("pipe");
	for (unsigned i = 0; i < pending; i++) {
		files[i] = af_file_new(loop, dup(ends[0]), 0);
		if (!files[i])
			die("af_file_new");
		af_future_unref(af_file_read(files[i], 1, 0, NULL));
	}
	waits = 1 +
		(unsigned)(200000 * (scale ? atof(scale) : 1)) / (pending + 10);
	print(pending);
	for (unsigned i = 0; i < pending; i++)
		af_file_close(files[i]);
	close(ends[0]);
	close(ends[1]);
	free(files);
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	unsigned most;
	int ends[2];

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	loop = af_loop_new(NULL);
	if (!loop || pipe(ends) < 0)
		die("af_loop_new");
	ready = af_file_new(loop, ends[1], 0);
	if (!ready)
		die("af_file_new");
	/* A file on a pipe has two descriptors. */
	most = limit.rlim_cur < 20100 ? (unsigned)limit.rlim_cur / 2 - 50
				      : 10000;
	if (argc > 1) {
		work = argv[1];
		run((unsigned)atoi(work) < most ? (unsigned)atoi(work) : most,
		    print_work);
		return 0;
	}
	printf("af_await, in nanoseconds\n%-8s %16s %16s %16s\n", "pending",
	       "a continuation", "a raw callback", "for each pending");
	run(0, print_row);
	run(1, print_row);
	run(100, print_row);
	run(most, print_row);
	af_file_close(ready);
	close(ends[0]);
	af_loop_free(loop);
	return 0;
}
