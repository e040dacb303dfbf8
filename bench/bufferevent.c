/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plain bufferevents, as most programs use them. libevent cannot start
 * processes, so children are started as in raw.c, and the spawn works are left
 * out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "bench.h"

static _Thread_local struct event_base *base;
static _Thread_local char block[BENCH_BLOCK];

static struct bufferevent *new_stream(int fd)
{
	struct bufferevent *bev;

	bench_nonblock(fd);
	bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		bench_die("bufferevent_socket_new");
	return bev;
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (!(what & BEV_EVENT_EOF))
		bench_die("bufferevent");
	bufferevent_free(bev);
	event_base_loopbreak(base);
}

static void on_bytes(struct bufferevent *bev, void *got)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(input);

	evbuffer_drain(input, len);
	*(size_t *)got += len;
}

static double pipe_in(size_t n, size_t size)
{
	double start = bench_now();
	struct bench_child child;
	struct bufferevent *out;
	size_t got = 0;

	(void)size;
	base = event_base_new();
	bench_spawn(&child, bench_argv("lines", n, 1), false);
	out = new_stream(child.out);
	bufferevent_setcb(out, on_bytes, NULL, on_end, &got);
	bufferevent_enable(out, EV_READ);
	event_base_dispatch(base);
	bench_reap(&child);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

/* Everything has been written. */
static void on_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
}

static double through(size_t n, const char *memory, int file)
{
	double start = bench_now();
	struct bufferevent *in, *out;
	struct bench_child cat;
	size_t got = 0;
	int r;

	base = event_base_new();
	bench_spawn(&cat, bench_argv("cat", 0, 0), true);
	in = new_stream(cat.in);
	bufferevent_disable(in, EV_READ);
	bufferevent_setcb(in, NULL, on_written, on_end, NULL);
	if (memory)
		r = evbuffer_add_reference(bufferevent_get_output(in), memory,
					   n, NULL, NULL);
	else
		r = evbuffer_add_file(bufferevent_get_output(in), file, 0,
				      (ev_off_t)n);
	if (r < 0)
		bench_die("evbuffer_add");
	out = new_stream(cat.out);
	bufferevent_setcb(out, on_bytes, NULL, on_end, &got);
	bufferevent_enable(out, EV_READ);
	event_base_dispatch(base);
	bench_reap(&cat);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

static double through_memory(size_t n, size_t size)
{
	(void)size;
	return through(n, bench_bytes(n), -1);
}

static double through_file(size_t n, size_t size)
{
	(void)size;
	return through(n, NULL, bench_file(n));
}

static void on_lines(struct bufferevent *bev, void *count)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	char *line;
	size_t len;

	while ((line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF))) {
		bench_line(line, len, count);
		free(line);
	}
}

static double lines(size_t n, size_t size)
{
	struct bench_count count = { 0 };
	double start = bench_now();
	struct bench_child child;
	struct bufferevent *out;

	base = event_base_new();
	bench_spawn(&child, bench_argv("lines", n, size), false);
	out = new_stream(child.out);
	bufferevent_setcb(out, on_lines, NULL, on_end, &count);
	bufferevent_enable(out, EV_READ);
	event_base_dispatch(base);
	bench_reap(&child);
	bench_expect("lines", count.lines, n);
	return bench_now() - start;
}

/* Messages to a child and back: how many are left, and their size. */
struct game {
	struct bufferevent *in;
	size_t left, size;
};

static void on_pong(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	struct game *game = arg;

	evbuffer_remove(input, block, game->size);
	if (--game->left == 0)
		event_base_loopbreak(base);
	else
		bufferevent_write(game->in, block, game->size);
}

static double ping_pong(size_t n, size_t size)
{
	struct game game = { .left = n, .size = size };
	struct bufferevent *out;
	struct bench_child child;
	double start;

	base = event_base_new();
	bench_spawn(&child, bench_argv("echo", 0, size), true);
	game.in = new_stream(child.in);
	bufferevent_disable(game.in, EV_READ);
	out = new_stream(child.out);
	bufferevent_setcb(out, on_pong, NULL, on_end, &game);
	bufferevent_setwatermark(out, EV_READ, size, 0);
	bufferevent_enable(out, EV_READ);
	start = bench_now();
	bufferevent_write(game.in, block, size);
	event_base_dispatch(base);
	bench_expect("round trips left", game.left, 0);
	return bench_now() - start;
}

static void on_echo(struct bufferevent *bev, void *arg)
{
	struct game *game = arg;

	evbuffer_remove(bufferevent_get_input(bev), block, BENCH_MESSAGE);
	if (--game->left == 0)
		event_base_loopbreak(base);
	else
		bufferevent_write(bev, block, BENCH_MESSAGE);
}

static void echo(int *fds, size_t pairs, size_t n)
{
	struct game game = { .left = n };

	base = event_base_new();
	for (size_t i = 0; i < pairs; i++) {
		struct bufferevent *bev = new_stream(fds[i]);

		bufferevent_setcb(bev, on_echo, NULL, on_end, &game);
		bufferevent_setwatermark(bev, EV_READ, BENCH_MESSAGE, 0);
		bufferevent_enable(bev, EV_READ);
		bufferevent_write(bev, block, BENCH_MESSAGE);
	}
	event_base_dispatch(base);
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
	base = event_base_new();
	event_base_loop(base, EVLOOP_NONBLOCK);
	before = bench_memory();
	for (size_t i = 0; i < files; i++)
		bufferevent_enable(new_stream(fds[i]), EV_READ);
	event_base_loop(base, EVLOOP_NONBLOCK);
	return (bench_memory() - before) / (double)files;
}

int main(int argc, char **argv)
{
	static const struct bench_kind kinds[] = {
		{ "pipe-in", pipe_in, 0 },
		{ "through-memory", through_memory, 0 },
		{ "through-file", through_file, 0 },
		{ "lines", lines, 4 },
		{ "ping-pong", ping_pong, 0 },
		{ "many", many, 0 },
		{ "accept", accept_all, 0 },
		{ "threads", threads, 0 },
		{ "idle", idle, 0 },
#ifdef WITH_TLS
		{ "tls-in", tls_in, 0 },
#endif
		{ NULL, NULL, 0 },
	};

	return bench_main(argc, argv, kinds);
}
