/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libasyncfile, in the works that other contenders can do, too: with chains of
 * futures, and operations that work in place. costs.c has the other works.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ours.h"

_Thread_local struct af_loop *loop;
static _Thread_local char block[BENCH_BLOCK];

void check(int r, const char *what)
{
	if (r >= 0)
		return;
	errno = -r;
	bench_die(what);
}

struct af_process *spawn(char **argv, enum af_stdio_kind in)
{
	struct af_spawn_options options = {
		.in.kind = in,
		.out.kind = AFIO_PIPE,
	};
	struct af_process *child =
		af_spawn(loop, (const char *const *)argv, &options);

	if (!child)
		bench_die(argv[0]);
	return child;
}

static int on_chunk(const char *data, size_t len, unsigned flags, void *got)
{
	(void)data;
	(void)flags;
	*(size_t *)got += len;
	return 0;
}

/* Waits for f, and then for the child to exit. */
static void finish(struct af_future *f, struct af_process *child)
{
	check(af_await(f), "read");
	af_future_unref(f);
	f = af_process_wait(child, NULL);
	check(af_await(f), "wait");
	bench_expect("status of the child", (size_t)af_future_status(f), 0);
	af_future_unref(f);
	af_process_free(child);
}

static void read_all(struct af_process *child, size_t n)
{
	size_t got = 0;

	finish(af_file_each_chunk(af_process_stdout(child), on_chunk, &got),
	       child);
	bench_expect("bytes", got, n);
}

static double pipe_in(size_t n, size_t size)
{
	double start = bench_now();

	(void)size;
	loop = af_loop_new(NULL);
	read_all(spawn(bench_argv("lines", n, 1), AFIO_INHERIT), n);
	return bench_now() - start;
}

static void on_written(struct af_future *done, void *child)
{
	check(af_future_error(done), "write");
	af_process_close_stdin(child);
}

static double through_memory(size_t n, size_t size)
{
	char *memory = bench_bytes(n);
	double start = bench_now();
	struct af_process *cat;

	(void)size;
	loop = af_loop_new(NULL);
	cat = spawn(bench_argv("cat", 0, 0), AFIO_PIPE);
	af_on_done(af_file_write(af_process_stdin(cat), memory, n,
				 AFIO_FULL | AFIO_BORROW, NULL),
		   on_written, cat);
	read_all(cat, n);
	return bench_now() - start;
}

static double through_file(size_t n, size_t size)
{
	int fd = bench_file(n);
	double start = bench_now();
	struct af_process *cat;
	struct af_file *file;

	(void)size;
	loop = af_loop_new(NULL);
	cat = spawn(bench_argv("cat", 0, 0), AFIO_PIPE);
	file = af_file_new(loop, fd, 0);
	af_on_done(af_file_copy(file, af_process_stdin(cat), -1, NULL),
		   on_written, cat);
	read_all(cat, n);
	af_file_close(file);
	return bench_now() - start;
}

static int count_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	return bench_line(data, len, arg);
}

static double lines(size_t n, size_t size)
{
	struct bench_count count = { 0 };
	double start = bench_now();
	struct af_process *child;

	loop = af_loop_new(NULL);
	child = spawn(bench_argv("lines", n, size), AFIO_INHERIT);
	finish(af_file_each_line(af_process_stdout(child), count_line, &count),
	       child);
	bench_expect("lines", count.lines, n);
	return bench_now() - start;
}

struct chain {
	struct af_file *file;
	struct bench_count count;
};

/* The continuation of each line reads the next one. */
static void on_line(struct af_future *done, void *arg)
{
	struct chain *chain = arg;
	const char *line;
	size_t len;

	check(af_future_error(done), "readline");
	line = af_future_data(done, &len);
	if (len == 0)
		return;
	bench_line(line, len, &chain->count);
	af_on_done(af_file_readline(chain->file, 0, 0, 0, NULL), on_line,
		   chain);
}

static double lines_chain(size_t n, size_t size)
{
	struct chain chain = { 0 };
	double start = bench_now();
	struct af_process *child;

	loop = af_loop_new(NULL);
	child = spawn(bench_argv("lines", n, size), AFIO_INHERIT);
	chain.file = af_process_stdout(child);
	af_on_done(af_file_readline(chain.file, 0, 0, 0, NULL), on_line,
		   &chain);
	check(af_loop_run(loop), "af_loop_run");
	bench_expect("lines", chain.count.lines, n);
	return bench_now() - start;
}

static double lines_await(size_t n, size_t size)
{
	struct bench_count count = { 0 };
	double start = bench_now();
	struct af_process *child;
	struct af_file *out;
	size_t len = 1;

	loop = af_loop_new(NULL);
	child = spawn(bench_argv("lines", n, size), AFIO_INHERIT);
	out = af_process_stdout(child);
	while (len > 0) {
		struct af_future *f = af_file_readline(out, 0, 0, 0, NULL);

		check(af_await(f), "readline");
		const char *line = af_future_data(f, &len);

		if (len > 0)
			bench_line(line, len, &count);
		af_future_unref(f);
	}
	bench_expect("lines", count.lines, n);
	return bench_now() - start;
}

struct game {
	struct af_file *in, *out;
	size_t size;
	size_t *left;
};

static void on_pong(struct af_future *done, void *arg);

static void ping(struct game *game)
{
	af_future_unref(
		af_file_write(game->in, block, game->size, AFIO_FULL, NULL));
	af_on_done(af_file_read(game->out, game->size, AFIO_FULL, NULL),
		   on_pong, game);
}

static void on_pong(struct af_future *done, void *arg)
{
	struct game *game = arg;

	check(af_future_error(done), "read");
	if (*game->left == 0)
		return;
	if (--*game->left == 0)
		af_loop_stop(loop);
	else
		ping(game);
}

double play(size_t n, size_t size)
{
	struct game game = { .size = size, .left = &n };
	struct af_process *child =
		spawn(bench_argv("echo", 0, size), AFIO_PIPE);
	double start;

	game.in = af_process_stdin(child);
	game.out = af_process_stdout(child);
	start = bench_now();
	ping(&game);
	check(af_loop_run(loop), "af_loop_run");
	bench_expect("round trips left", n, 0);
	return bench_now() - start;
}

static double ping_pong(size_t n, size_t size)
{
	loop = af_loop_new(NULL);
	return play(n, size);
}

/* Whenever a child has ended, another one is started, n in all. */
static size_t to_start, to_end;

static void spawn_one(void);

static void on_true_exit(struct af_future *done, void *child)
{
	check(af_future_error(done), "wait");
	bench_expect("status of the child", (size_t)af_future_status(done), 0);
	af_process_free(child);
	to_end--;
	if (to_start > 0)
		spawn_one();
}

static struct af_future *on_true_output(struct af_future *done, void *child)
{
	bench_expect("bytes", af_future_count(done), 0);
	return af_process_wait(child, NULL);
}

static void spawn_one(void)
{
	struct af_process *child = spawn(bench_true, AFIO_INHERIT);
	struct af_file *out = af_process_stdout(child);

	to_start--;
	af_on_done(
		af_then(af_file_read(out, 0, 0, NULL), on_true_output, child),
		on_true_exit, child);
}

static double spawn_all(size_t n, size_t at_once)
{
	double start = bench_now();

	loop = af_loop_new(NULL);
	to_start = to_end = n;
	for (size_t i = 0; i < at_once && to_start > 0; i++)
		spawn_one();
	check(af_loop_run(loop), "af_loop_run");
	bench_expect("children left", to_end, 0);
	return bench_now() - start;
}

static void echo(int *fds, size_t pairs, size_t n)
{
	struct game *games = calloc(pairs, sizeof(*games));

	loop = af_loop_new(NULL);
	for (size_t i = 0; i < pairs; i++) {
		games[i].in = games[i].out = af_file_new(loop, fds[i], 0);
		games[i].size = BENCH_MESSAGE;
		games[i].left = &n;
		ping(&games[i]);
	}
	check(af_loop_run(loop), "af_loop_run");
	bench_expect("echoes left", n, 0);
}

static double many(size_t n, size_t pairs)
{
	struct bench_child child;
	int *fds = bench_pairs(pairs, &child);
	double start = bench_now();

	echo(fds, pairs, n);
	return bench_now() - start;
}

static double threads(size_t n, size_t threads)
{
	return bench_threads(n, threads, echo);
}

static struct af_loop *posts_to; /* is read by another thread */

static void on_post(void *arg)
{
	(void)arg;
	if (bench_posted())
		af_loop_stop(loop);
}

static void post_one(void)
{
	check(af_loop_post(posts_to, on_post, NULL), "af_loop_post");
}

static void run_posts(void)
{
	/* While a future is pending, the loop waits for posts. */
	struct af_future *never = af_future_new(loop, NULL, NULL);

	check(af_loop_run(loop), "af_loop_run");
	af_future_unref(never);
}

double post_time(size_t n, size_t cores)
{
	posts_to = loop = af_loop_new(NULL);
	return bench_post(n, cores, post_one, run_posts).seconds;
}

double post_wakes(size_t n, size_t cores)
{
	posts_to = loop = af_loop_new(NULL);
	return (double)bench_post(n, cores, post_one, run_posts).wakes;
}

void read_silent(size_t files)
{
	int *fds = bench_silent(files);

	for (size_t i = 0; i < files; i++) {
		struct af_file *file = af_file_new(loop, fds[i], 0);

		if (!file)
			bench_die("af_file_new");
		af_future_unref(af_file_read(file, 1, 0, NULL));
	}
}

static double idle(size_t n, size_t files)
{
	double before;

	(void)n;
	loop = af_loop_new(NULL);
	event_base_loop(af_loop_base(loop), EVLOOP_NONBLOCK);
	before = bench_memory();
	read_silent(files);
	event_base_loop(af_loop_base(loop), EVLOOP_NONBLOCK);
	return (bench_memory() - before) / (double)files;
}

int main(int argc, char **argv)
{
	static const struct bench_kind kinds[] = {
		{ "pipe-in", pipe_in, 0 },
		{ "through-memory", through_memory, 0 },
		{ "through-file", through_file, 0 },
		{ "lines", lines, 0 },
		{ "lines-chain", lines_chain, 0 },
		{ "lines-await", lines_await, 0 },
		{ "ping-pong", ping_pong, 0 },
		{ "spawn", spawn_all, 0 },
		{ "many", many, 0 },
		{ "accept", accept_all, 0 },
		{ "threads", threads, 0 },
		{ "post", post_time, 0 },
		{ "post-wakes", post_wakes, 0 },
		{ "file-read", file_read, 0 },
		{ "file-copy", file_copy, 0 },
		{ "idle", idle, 0 },
		{ "future-resolve", future_resolve, 0 },
		{ "future-then", future_then, 0 },
		{ "future-await", future_await, 0 },
		{ "growth-idle", growth_idle, 0 },
		{ "growth-queue", growth_queue, 0 },
#ifdef WITH_TLS
		{ "tls-in", tls_in, 0 },
#endif
		{ NULL, NULL, 0 },
	};

	return bench_main(argc, argv, kinds);
}
