/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libuv, on pipes that this program makes; with -s as the first argument, on
 * socket pairs, libuv's default for the streams of a child.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libuv.h"

_Thread_local uv_loop_t *loop;
static bool socket_pairs;
static _Thread_local char block[BENCH_BLOCK];

struct child {
	uv_process_t process;
	uv_pipe_t in, out;
	size_t got;
};

void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "uv: %s: %s\n", what, uv_strerror(r));
	exit(1);
}

static void on_exit_(uv_process_t *process, int64_t status, int term_signal)
{
	bench_expect("status of the child", (size_t)(status | term_signal), 0);
	uv_close((uv_handle_t *)process, NULL);
}

static void alloc_block(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	(void)handle;
	(void)hint;
	*buf = uv_buf_init(block, sizeof(block));
}

/*
 * Makes one stream of a child: index 0 is stdin, 1 stdout. Returns the child's
 * end, which the caller must close, or -1.
 */
static int stream(uv_stdio_container_t *to, uv_pipe_t *ours, int index)
{
	int ends[2];

	check(uv_pipe_init(loop, ours, 0), "uv_pipe_init");
	if (socket_pairs) {
		to->flags = UV_CREATE_PIPE |
			    (index == 0 ? UV_READABLE_PIPE : UV_WRITABLE_PIPE);
		to->data.stream = (uv_stream_t *)ours;
		return -1;
	}
	bench_pipe(ends);
	check(uv_pipe_open(ours, ends[!index]), "uv_pipe_open");
	to->flags = UV_INHERIT_FD;
	to->data.fd = ends[index];
	return ends[index];
}

static void spawn(struct child *child, char **argv, bool with_stdin,
		  uv_exit_cb on_exit_of)
{
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_INHERIT_FD, .data.fd = 0 },
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = argv[0],
		.args = argv,
		.stdio_count = 3,
		.stdio = stdio,
	};
	int in = -1, out;

	if (with_stdin)
		in = stream(&stdio[0], &child->in, 0);
	out = stream(&stdio[1], &child->out, 1);
	check(uv_spawn(loop, &child->process, &options), "uv_spawn");
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

static void on_bytes(uv_stream_t *out, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n > 0) {
		*(size_t *)out->data += (size_t)n;
		return;
	}
	if (n != 0 && n != UV_EOF)
		check((int)n, "read");
	if (n == UV_EOF)
		uv_close((uv_handle_t *)out, NULL);
}

static double pipe_in(size_t n, size_t size)
{
	double start = bench_now();
	struct child child;
	size_t got = 0;

	(void)size;
	loop = uv_default_loop();
	spawn(&child, bench_argv("lines", n, 1), false, on_exit_);
	child.out.data = &got;
	uv_read_start((uv_stream_t *)&child.out, alloc_block, on_bytes);
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

static void on_written(uv_write_t *write, int status)
{
	check(status, "uv_write");
	uv_close((uv_handle_t *)write->handle, NULL);
}

static double through_memory(size_t n, size_t size)
{
	uv_buf_t buf = { .base = bench_bytes(n), .len = n };
	double start = bench_now();
	struct child cat;
	uv_write_t write;
	size_t got = 0;

	(void)size;
	loop = uv_default_loop();
	spawn(&cat, bench_argv("cat", 0, 0), true, on_exit_);
	cat.out.data = &got;
	uv_read_start((uv_stream_t *)&cat.out, alloc_block, on_bytes);
	check(uv_write(&write, (uv_stream_t *)&cat.in, &buf, 1, on_written),
	      "uv_write");
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

/* A file is sent in blocks: each is read by the thread pool, then written. */
static struct {
	int fd;
	int64_t at;
	char block[BENCH_BLOCK];
	uv_fs_t read;
	uv_write_t write;
	uv_stream_t *to;
} file;

static void read_file(void);

static void on_block_written(uv_write_t *write, int status)
{
	(void)write;
	check(status, "uv_write");
	read_file();
}

static void on_block(uv_fs_t *read)
{
	uv_buf_t buf = uv_buf_init(file.block, (unsigned)read->result);

	check((int)read->result, "uv_fs_read");
	uv_fs_req_cleanup(read);
	if (buf.len == 0) {
		uv_close((uv_handle_t *)file.to, NULL);
		return;
	}
	file.at += (int64_t)buf.len;
	check(uv_write(&file.write, file.to, &buf, 1, on_block_written),
	      "uv_write");
}

static void read_file(void)
{
	uv_buf_t buf = uv_buf_init(file.block, sizeof(file.block));

	check(uv_fs_read(loop, &file.read, file.fd, &buf, 1, file.at, on_block),
	      "uv_fs_read");
}

static double through_file(size_t n, size_t size)
{
	struct child cat;
	double start;
	size_t got = 0;

	(void)size;
	loop = uv_default_loop();
	file.fd = bench_file(n);
	start = bench_now();
	spawn(&cat, bench_argv("cat", 0, 0), true, on_exit_);
	cat.out.data = &got;
	uv_read_start((uv_stream_t *)&cat.out, alloc_block, on_bytes);
	file.to = (uv_stream_t *)&cat.in;
	read_file();
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

static void alloc_split(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	(void)hint;
	*buf = uv_buf_init(bench_split_at(handle->data), BENCH_BLOCK);
}

static void on_lines(uv_stream_t *out, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n > 0)
		bench_split(out->data, (size_t)n);
	else if (n == UV_EOF)
		uv_close((uv_handle_t *)out, NULL);
}

static double lines(size_t n, size_t size)
{
	static struct bench_split split;
	double start = bench_now();
	struct child child;

	loop = uv_default_loop();
	spawn(&child, bench_argv("lines", n, size), false, on_exit_);
	child.out.data = &split;
	uv_read_start((uv_stream_t *)&child.out, alloc_split, on_lines);
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("lines", split.count.lines, n);
	return bench_now() - start;
}

struct game {
	uv_stream_t *in;
	size_t left, size;
	size_t got; /* bytes of the present message */
};

/* Writes at once, as programs that need speed do. */
static void send_message(uv_stream_t *to, size_t len)
{
	uv_buf_t buf = uv_buf_init(block, (unsigned)len);

	bench_expect("bytes written", (size_t)uv_try_write(to, &buf, 1), len);
}

static void on_pong(uv_stream_t *out, ssize_t n, const uv_buf_t *buf)
{
	struct game *game = out->data;

	(void)buf;
	check((int)n, "read");
	game->got += (size_t)n;
	if (game->got < game->size || game->left == 0)
		return;
	game->got = 0;
	if (--game->left == 0)
		uv_stop(loop);
	else
		send_message(game->in ? game->in : out, game->size);
}

static double ping_pong(size_t n, size_t size)
{
	struct game game = { .left = n, .size = size };
	struct child child;
	double start;

	loop = uv_default_loop();
	spawn(&child, bench_argv("echo", 0, size), true, on_exit_);
	game.in = (uv_stream_t *)&child.in;
	child.out.data = &game;
	uv_read_start((uv_stream_t *)&child.out, alloc_block, on_pong);
	start = bench_now();
	send_message(game.in, size);
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("round trips left", game.left, 0);
	return bench_now() - start;
}

/* Whenever a child has ended, another one is started, n in all. */
static size_t to_start, to_end;

static void spawn_one(struct child *child);

/* Called twice: for the process and for its output, in either order. */
static void on_closed(uv_handle_t *handle)
{
	struct child *child = handle->data;

	if (++child->got < 2)
		return;
	to_end--;
	if (to_start > 0)
		spawn_one(child);
}

static void on_true_exit(uv_process_t *process, int64_t status, int term_signal)
{
	bench_expect("status of the child", (size_t)(status | term_signal), 0);
	uv_close((uv_handle_t *)process, on_closed);
}

static void on_true_output(uv_stream_t *out, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n == UV_EOF)
		uv_close((uv_handle_t *)out, on_closed);
}

static void spawn_one(struct child *child)
{
	to_start--;
	child->got = 0;
	spawn(child, bench_true, false, on_true_exit);
	child->process.data = child->out.data = child;
	uv_read_start((uv_stream_t *)&child->out, alloc_block, on_true_output);
}

static double spawn_all(size_t n, size_t at_once)
{
	static struct child children[BENCH_AT_ONCE];
	double start = bench_now();

	loop = uv_default_loop();
	to_start = to_end = n;
	for (size_t i = 0; i < at_once && to_start > 0; i++)
		spawn_one(&children[i]);
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("children left", to_end, 0);
	return bench_now() - start;
}

static uv_stream_t *open_stream(uv_pipe_t *pipe, int fd)
{
	check(uv_pipe_init(loop, pipe, 0), "uv_pipe_init");
	check(uv_pipe_open(pipe, fd), "uv_pipe_open");
	return (uv_stream_t *)pipe;
}

static void echo(int *fds, size_t pairs, size_t n)
{
	struct game game = { .left = n, .size = BENCH_MESSAGE };
	uv_pipe_t *pipes = calloc(pairs, sizeof(*pipes));

	loop = malloc(sizeof(*loop));
	check(uv_loop_init(loop), "uv_loop_init");
	for (size_t i = 0; i < pairs; i++) {
		uv_stream_t *to = open_stream(&pipes[i], fds[i]);

		to->data = &game;
		uv_read_start(to, alloc_block, on_pong);
		send_message(to, BENCH_MESSAGE);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("echoes left", game.left, 0);
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

static double idle(size_t n, size_t files)
{
	int *fds = bench_silent(files);
	double before;

	(void)n;
	loop = uv_default_loop();
	uv_run(loop, UV_RUN_NOWAIT);
	before = bench_memory();
	for (size_t i = 0; i < files; i++)
		uv_read_start(open_stream(malloc(sizeof(uv_pipe_t)), fds[i]),
			      alloc_block, on_bytes);
	uv_run(loop, UV_RUN_NOWAIT);
	return (bench_memory() - before) / (double)files;
}

int main(int argc, char **argv)
{
	static const struct bench_kind kinds[] = {
		{ "pipe-in", pipe_in, 0 },
		{ "through-memory", through_memory, 0 },
		{ "through-file", through_file, 0 },
		{ "lines", lines, 0 },
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
		{ NULL, NULL, 0 },
	};

	if (argc > 1 && strcmp(argv[1], "-s") == 0) {
		socket_pairs = true;
		argc--;
		argv++;
	}
	return bench_main(argc, argv, kinds);
}
