/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fastest that is possible: blocking system calls where one thing happens
 * at a time; poll or epoll where several do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

static _Thread_local char block[BENCH_BLOCK];

static double pipe_in(size_t n, size_t size)
{
	double start = bench_now();
	struct bench_child child;
	size_t got = 0;
	ssize_t r;

	(void)size;
	bench_spawn(&child, bench_argv("lines", n, 1), false);
	while ((r = read(child.out, block, sizeof(block))) > 0)
		got += (size_t)r;
	close(child.out);
	bench_reap(&child);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

/* The input of cat: memory, or a file, read and written or spliced. */
struct source {
	int file; /* -1: none */
	bool splice;
	const char *data;
	size_t len;
};

/* Writes as much as fits; returns 0 at the end of the source. */
static ssize_t feed(int fd, struct source *from)
{
	ssize_t r;

	if (from->splice)
		return splice(from->file, NULL, fd, NULL, BENCH_BLOCK,
			      SPLICE_F_NONBLOCK);
	if (from->len == 0 && from->file >= 0) {
		r = read(from->file, block, sizeof(block));
		if (r < 0)
			bench_die("read");
		from->data = block;
		from->len = (size_t)r;
	}
	if (from->len == 0)
		return 0;
	r = write(fd, from->data, from->len);
	if (r > 0) {
		from->data += r;
		from->len -= (size_t)r;
	}
	return r;
}

static double through(size_t n, struct source *from)
{
	static char back[BENCH_BLOCK];
	double start = bench_now();
	struct bench_child cat;
	struct pollfd fds[2];
	size_t got = 0;
	ssize_t r = 1;

	bench_spawn(&cat, bench_argv("cat", 0, 0), true);
	bench_nonblock(cat.in);
	fds[0] = (struct pollfd){ .fd = cat.out, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = cat.in, .events = POLLOUT };
	while (r != 0) {
		if (poll(fds, 2, -1) < 0)
			bench_die("poll");
		if (fds[1].revents && feed(cat.in, from) == 0) {
			close(cat.in);
			fds[1].fd = -1;
			fds[1].revents = 0;
		}
		if (fds[0].revents) {
			r = read(cat.out, back, sizeof(back));
			if (r < 0)
				bench_die("read");
			got += (size_t)r;
		}
	}
	close(cat.out);
	bench_reap(&cat);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

static double through_memory(size_t n, size_t size)
{
	struct source from = { .file = -1, .data = bench_bytes(n), .len = n };

	(void)size;
	return through(n, &from);
}

static double through_file(size_t n, size_t size)
{
	struct source from = { .file = bench_file(n) };

	(void)size;
	return through(n, &from);
}

static double through_splice(size_t n, size_t size)
{
	struct source from = { .file = bench_file(n), .splice = true };

	(void)size;
	return through(n, &from);
}

static double lines(size_t n, size_t size)
{
	static struct bench_split split;
	double start = bench_now();
	struct bench_child child;
	ssize_t r;

	bench_spawn(&child, bench_argv("lines", n, size), false);
	while ((r = read(child.out, bench_split_at(&split), BENCH_BLOCK)) > 0)
		bench_split(&split, (size_t)r);
	close(child.out);
	bench_reap(&child);
	bench_expect("lines", split.count.lines, n);
	return bench_now() - start;
}

static double lines_getline(size_t n, size_t size)
{
	struct bench_count count = { 0 };
	double start = bench_now();
	struct bench_child child;
	char *line = NULL;
	size_t room = 0;
	ssize_t r;
	FILE *in;

	bench_spawn(&child, bench_argv("lines", n, size), false);
	in = fdopen(child.out, "r");
	if (!in || setvbuf(in, NULL, _IOFBF, BENCH_BLOCK) != 0)
		bench_die("fdopen");
	while ((r = getline(&line, &room, in)) > 0)
		bench_line(line, (size_t)r, &count);
	fclose(in);
	free(line);
	bench_reap(&child);
	bench_expect("lines", count.lines, n);
	return bench_now() - start;
}

static double ping_pong(size_t n, size_t size)
{
	struct bench_child child;
	double start, took;

	bench_spawn(&child, bench_argv("echo", 0, size), true);
	start = bench_now();
	for (size_t i = 0; i < n; i++) {
		size_t got = 0;

		if (write(child.in, block, size) != (ssize_t)size)
			bench_die("write");
		while (got < size) {
			ssize_t r = read(child.out, block + got, size - got);

			if (r <= 0)
				bench_die("read");
			got += (size_t)r;
		}
	}
	took = bench_now() - start;
	close(child.in);
	close(child.out);
	bench_reap(&child);
	return took;
}

/* Runs at_once children at a time; each that has ended is replaced. */
static double spawn(size_t n, size_t at_once)
{
	struct bench_child children[BENCH_AT_ONCE];
	struct pollfd fds[BENCH_AT_ONCE];
	size_t started = 0, ended = 0;
	double start = bench_now();

	for (size_t i = 0; i < at_once; i++)
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	while (ended < n) {
		for (size_t i = 0; i < at_once && started < n; i++) {
			if (fds[i].fd >= 0)
				continue;
			bench_spawn(&children[i], bench_true, false);
			fds[i].fd = children[i].out;
			started++;
		}
		if (poll(fds, at_once, -1) < 0)
			bench_die("poll");
		for (size_t i = 0; i < at_once; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			bench_expect("bytes", (size_t)read(fds[i].fd, block, 1),
				     0);
			close(fds[i].fd);
			bench_reap(&children[i]);
			fds[i].fd = -1;
			ended++;
		}
	}
	return bench_now() - start;
}

static void send_message(int fd)
{
	if (write(fd, block, BENCH_MESSAGE) != BENCH_MESSAGE)
		bench_die("write");
}

static void echo(int *fds, size_t pairs, size_t n)
{
	struct epoll_event events[256], event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	size_t echoes = 0;

	for (size_t i = 0; i < pairs; i++) {
		event.data.fd = fds[i];
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) < 0)
			bench_die("epoll_ctl");
		send_message(fds[i]);
	}
	while (echoes < n) {
		int ready = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;

			if (read(fd, block, sizeof(block)) != BENCH_MESSAGE)
				bench_die("read");
			echoes++;
			send_message(fd);
		}
	}
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

/* One write for each queue that was empty. */
static int wakeup;

static void post_one(void)
{
	if (bench_queue_put())
		eventfd_write(wakeup, 1);
}

static void run_posts(void)
{
	eventfd_t count;

	do
		eventfd_read(wakeup, &count);
	while (!bench_queue_run());
}

double post_time(size_t n, size_t cores)
{
	wakeup = eventfd(0, EFD_CLOEXEC);
	return bench_post(n, cores, post_one, run_posts).seconds;
}

double post_wakes(size_t n, size_t cores)
{
	wakeup = eventfd(0, EFD_CLOEXEC);
	return (double)bench_post(n, cores, post_one, run_posts).wakes;
}

int main(int argc, char **argv)
{
	static const struct bench_kind kinds[] = {
		{ "pipe-in", pipe_in, 0 },
		{ "through-memory", through_memory, 0 },
		{ "through-file", through_file, 0 },
		{ "through-splice", through_splice, 0 },
		{ "lines", lines, 0 },
		{ "getline", lines_getline, 0 },
		{ "ping-pong", ping_pong, 0 },
		{ "spawn", spawn, 0 },
		{ "many", many, 0 },
		{ "accept", accept_all, 0 },
		{ "threads", threads, 0 },
		{ "post", post_time, 0 },
		{ "post-wakes", post_wakes, 0 },
		{ "file-read", file_read, 0 },
		{ "file-copy", file_copy, 0 },
#ifdef WITH_TLS
		{ "tls-in", tls_in, 0 },
#endif
		{ NULL, NULL, 0 },
	};

	return bench_main(argc, argv, kinds);
}
