/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GLib: GSubprocess and the asynchronous functions of GIO's streams, used as in
 * its manual.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>

#include "bench.h"

static _Thread_local GMainLoop *loop;
static _Thread_local char block[BENCH_BLOCK];

/* Takes the error's address, as arguments may be evaluated in any order. */
static void check(bool good, GError **error, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "glib: %s: %s\n", what,
		*error ? (*error)->message : "?");
	exit(1);
}

static GSubprocess *spawn(char **argv, GSubprocessFlags flags)
{
	GError *error = NULL;
	GSubprocess *child = g_subprocess_newv(
		(const char *const *)argv,
		flags | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);

	check(child != NULL, &error, argv[0]);
	/* Its pipes are blocking, and one large write would never end. */
	if (flags & G_SUBPROCESS_FLAGS_STDIN_PIPE)
		bench_nonblock(g_unix_output_stream_get_fd(G_UNIX_OUTPUT_STREAM(
			g_subprocess_get_stdin_pipe(child))));
	return child;
}

/* Returns how many bytes were read; 0 at the end of the stream. */
static size_t read_end(GObject *in, GAsyncResult *result)
{
	GError *error = NULL;
	gssize n =
		g_input_stream_read_finish(G_INPUT_STREAM(in), result, &error);

	check(n >= 0, &error, "read");
	return (size_t)n;
}

static void on_bytes(GObject *in, GAsyncResult *result, void *got)
{
	size_t n = read_end(in, result);

	if (n == 0) {
		g_main_loop_quit(loop);
		return;
	}
	*(size_t *)got += n;
	g_input_stream_read_async(G_INPUT_STREAM(in), block, sizeof(block),
				  G_PRIORITY_DEFAULT, NULL, on_bytes, got);
}

/* Reads the child's output to its end. */
static void read_all(GSubprocess *child, size_t n)
{
	size_t got = 0;

	g_input_stream_read_async(g_subprocess_get_stdout_pipe(child), block,
				  sizeof(block), G_PRIORITY_DEFAULT, NULL,
				  on_bytes, &got);
	g_main_loop_run(loop);
	bench_expect("bytes", got, n);
}

static double pipe_in(size_t n, size_t size)
{
	double start = bench_now();

	(void)size;
	loop = g_main_loop_new(NULL, FALSE);
	read_all(spawn(bench_argv("lines", n, 1), 0), n);
	return bench_now() - start;
}

static void on_written(GObject *to, GAsyncResult *result, void *arg)
{
	GError *error = NULL;

	(void)arg;
	check(g_output_stream_write_all_finish(G_OUTPUT_STREAM(to), result,
					       NULL, &error),
	      &error, "write");
	g_output_stream_close(G_OUTPUT_STREAM(to), NULL, NULL);
}

static double through_memory(size_t n, size_t size)
{
	char *memory = bench_bytes(n);
	double start = bench_now();
	GSubprocess *cat;

	(void)size;
	loop = g_main_loop_new(NULL, FALSE);
	cat = spawn(bench_argv("cat", 0, 0), G_SUBPROCESS_FLAGS_STDIN_PIPE);
	g_output_stream_write_all_async(g_subprocess_get_stdin_pipe(cat),
					memory, n, G_PRIORITY_DEFAULT, NULL,
					on_written, NULL);
	read_all(cat, n);
	return bench_now() - start;
}

static double through_file(size_t n, size_t size)
{
	GFile *path = g_file_new_for_path(bench_file_path);
	GError *error = NULL;
	GFileInputStream *file;
	GSubprocess *cat;
	double start;

	(void)size;
	close(bench_file(n));
	start = bench_now();
	file = g_file_read(path, NULL, &error);
	check(file != NULL, &error, bench_file_path);
	loop = g_main_loop_new(NULL, FALSE);
	cat = spawn(bench_argv("cat", 0, 0), G_SUBPROCESS_FLAGS_STDIN_PIPE);
	g_output_stream_splice_async(g_subprocess_get_stdin_pipe(cat),
				     G_INPUT_STREAM(file),
				     G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
				     G_PRIORITY_DEFAULT, NULL, NULL, NULL);
	read_all(cat, n);
	return bench_now() - start;
}

static void on_read_line(GObject *in, GAsyncResult *result, void *count)
{
	GError *error = NULL;
	gsize len;
	char *line = g_data_input_stream_read_line_finish(
		G_DATA_INPUT_STREAM(in), result, &len, &error);

	check(!error, &error, "read_line");
	if (!line) {
		g_main_loop_quit(loop);
		return;
	}
	bench_line(line, len, count);
	g_free(line);
	g_data_input_stream_read_line_async(G_DATA_INPUT_STREAM(in),
					    G_PRIORITY_DEFAULT, NULL,
					    on_read_line, count);
}

static double lines(size_t n, size_t size)
{
	struct bench_count count = { 0 };
	double start = bench_now();
	GDataInputStream *in;
	GSubprocess *child;

	loop = g_main_loop_new(NULL, FALSE);
	child = spawn(bench_argv("lines", n, size), 0);
	in = g_data_input_stream_new(g_subprocess_get_stdout_pipe(child));
	g_buffered_input_stream_set_buffer_size(G_BUFFERED_INPUT_STREAM(in),
						BENCH_BLOCK);
	g_data_input_stream_read_line_async(in, G_PRIORITY_DEFAULT, NULL,
					    on_read_line, &count);
	g_main_loop_run(loop);
	bench_expect("lines", count.lines, n);
	return bench_now() - start;
}

struct game {
	GOutputStream *in;
	GInputStream *out;
	size_t left, size;
	size_t *shared_left;
	char message[1024];
};

static void ping(struct game *game);

static void on_sent(GObject *to, GAsyncResult *result, void *arg)
{
	GError *error = NULL;

	(void)arg;
	check(g_output_stream_write_all_finish(G_OUTPUT_STREAM(to), result,
					       NULL, &error),
	      &error, "write");
}

static void on_pong(GObject *out, GAsyncResult *result, void *arg)
{
	struct game *game = arg;
	GError *error = NULL;
	gsize n = 0;

	check(g_input_stream_read_all_finish(G_INPUT_STREAM(out), result, &n,
					     &error),
	      &error, "read");
	bench_expect("bytes", n, game->size);
	if (*game->shared_left == 0)
		return;
	if (--*game->shared_left == 0)
		g_main_loop_quit(loop);
	else
		ping(game);
}

static void ping(struct game *game)
{
	g_output_stream_write_all_async(game->in, block, game->size,
					G_PRIORITY_DEFAULT, NULL, on_sent,
					NULL);
	g_input_stream_read_all_async(game->out, game->message, game->size,
				      G_PRIORITY_DEFAULT, NULL, on_pong, game);
}

static double ping_pong(size_t n, size_t size)
{
	struct game game = { .left = n, .size = size };
	GSubprocess *child;
	double start;

	loop = g_main_loop_new(NULL, FALSE);
	child = spawn(bench_argv("echo", 0, size),
		      G_SUBPROCESS_FLAGS_STDIN_PIPE);
	game.in = g_subprocess_get_stdin_pipe(child);
	game.out = g_subprocess_get_stdout_pipe(child);
	game.shared_left = &game.left;
	start = bench_now();
	ping(&game);
	g_main_loop_run(loop);
	return bench_now() - start;
}

/* Whenever a child has ended, another one is started, n in all. */
static size_t to_start, to_end;

struct seat {
	GSubprocess *child;
	unsigned ends; /* counts the ends of the child and of its output */
	char byte;
};

static void spawn_one(struct seat *seat);

static void on_half_end(struct seat *seat)
{
	if (++seat->ends < 2)
		return;
	g_object_unref(seat->child);
	if (--to_end == 0)
		g_main_loop_quit(loop);
	else if (to_start > 0)
		spawn_one(seat);
}

static void on_true_exit(GObject *child, GAsyncResult *result, void *seat)
{
	GError *error = NULL;

	check(g_subprocess_wait_check_finish(G_SUBPROCESS(child), result,
					     &error),
	      &error, "wait");
	on_half_end(seat);
}

static void on_true_output(GObject *out, GAsyncResult *result, void *seat)
{
	bench_expect("bytes", read_end(out, result), 0);
	on_half_end(seat);
}

static void spawn_one(struct seat *seat)
{
	to_start--;
	seat->ends = 0;
	seat->child = spawn(bench_true, 0);
	g_input_stream_read_async(g_subprocess_get_stdout_pipe(seat->child),
				  &seat->byte, 1, G_PRIORITY_DEFAULT, NULL,
				  on_true_output, seat);
	g_subprocess_wait_check_async(seat->child, NULL, on_true_exit, seat);
}

static double spawn_all(size_t n, size_t at_once)
{
	static struct seat seats[BENCH_AT_ONCE];
	double start = bench_now();

	loop = g_main_loop_new(NULL, FALSE);
	to_start = to_end = n;
	for (size_t i = 0; i < at_once && to_start > 0; i++)
		spawn_one(&seats[i]);
	g_main_loop_run(loop);
	return bench_now() - start;
}

static void echo(int *fds, size_t pairs, size_t n)
{
	struct game *games = calloc(pairs, sizeof(*games));
	GMainContext *context = g_main_context_new();

	g_main_context_push_thread_default(context);
	loop = g_main_loop_new(context, FALSE);
	for (size_t i = 0; i < pairs; i++) {
		GError *error = NULL;
		GSocket *socket = g_socket_new_from_fd(fds[i], &error);
		GIOStream *both;

		check(socket != NULL, &error, "g_socket_new_from_fd");
		both = G_IO_STREAM(
			g_socket_connection_factory_create_connection(socket));
		games[i].in = g_io_stream_get_output_stream(both);
		games[i].out = g_io_stream_get_input_stream(both);
		games[i].size = BENCH_MESSAGE;
		games[i].shared_left = &n;
		ping(&games[i]);
	}
	g_main_loop_run(loop);
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

static gboolean on_post(void *arg)
{
	(void)arg;
	if (bench_posted())
		g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

static void post_one(void)
{
	g_idle_add(on_post, NULL);
}

static void run_posts(void)
{
	loop = g_main_loop_new(NULL, FALSE);
	g_main_loop_run(loop);
}

double post_time(size_t n, size_t cores)
{
	return bench_post(n, cores, post_one, run_posts).seconds;
}

double post_wakes(size_t n, size_t cores)
{
	return (double)bench_post(n, cores, post_one, run_posts).wakes;
}

double file_read(size_t n, size_t size)
{
	GFile *path = g_file_new_for_path(bench_file_path);
	GError *error = NULL;
	GFileInputStream *file;
	size_t got = 0;
	double start;

	(void)size;
	close(bench_cold_file(n));
	start = bench_now();
	file = g_file_read(path, NULL, &error);
	check(file != NULL, &error, bench_file_path);
	loop = g_main_loop_new(NULL, FALSE);
	g_input_stream_read_async(G_INPUT_STREAM(file), block, sizeof(block),
				  G_PRIORITY_DEFAULT, NULL, on_bytes, &got);
	g_main_loop_run(loop);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

static void on_copied(GObject *file, GAsyncResult *result, void *arg)
{
	GError *error = NULL;

	(void)arg;
	check(g_file_copy_finish(G_FILE(file), result, &error), &error, "copy");
	g_main_loop_quit(loop);
}

double file_copy(size_t n, size_t size)
{
	GFile *from = g_file_new_for_path(bench_file_path);
	GFile *to = g_file_new_for_path(bench_copy_path);
	double start, took;

	(void)size;
	close(bench_cold_file(n));
	start = bench_now();
	loop = g_main_loop_new(NULL, FALSE);
	g_file_copy_async(from, to, G_FILE_COPY_OVERWRITE, G_PRIORITY_DEFAULT,
			  NULL, NULL, NULL, on_copied, NULL);
	g_main_loop_run(loop);
	took = bench_now() - start;
	bench_copied(n);
	return took;
}

static double idle(size_t n, size_t files)
{
	int *fds = bench_silent(files);
	static char byte;
	double before;

	(void)n;
	g_main_context_iteration(NULL, FALSE);
	before = bench_memory();
	for (size_t i = 0; i < files; i++)
		g_input_stream_read_async(g_unix_input_stream_new(fds[i], TRUE),
					  &byte, 1, G_PRIORITY_DEFAULT, NULL,
					  on_bytes, NULL);
	g_main_context_iteration(NULL, FALSE);
	return (bench_memory() - before) / (double)files;
}

int main(int argc, char **argv)
{
	static const struct bench_kind kinds[] = {
		{ "pipe-in", pipe_in, 0 },
		{ "through-memory", through_memory, 0 },
		{ "through-file", through_file, 4 },
		{ "lines", lines, 40 },
		{ "ping-pong", ping_pong, 0 },
		{ "spawn", spawn_all, 0 },
		{ "many", many, 4 },
		{ "threads", threads, 4 },
		{ "post", post_time, 10 },
		{ "post-wakes", post_wakes, 10 },
		{ "file-read", file_read, 0 },
		{ "file-copy", file_copy, 0 },
		{ "idle", idle, 0 },
		{ NULL, NULL, 0 },
	};

	return bench_main(argc, argv, kinds);
}
