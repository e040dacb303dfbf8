/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of other kinds: disks, descriptors that come and go, bufferevents.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "acts/acts.h"
#include "support/framed.h"
#include "support/pattern.h"
#include "support/system.h"

static int stop_at_last(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	return len == 5 && memcmp(data, "last\n", 5) == 0;
}

/* A file that is there, and one that comes after it. */
void act_follow(struct scene *s)
{
	const struct af_follow_options options = { .poll = MS(1) };
	char path[] = "follow.XXXXXX", moved[] = "follow.XXXXXX.1";
	int fd = mkstemp(path), next;
	struct af_future *f;

	ck_assert_int_ge(fd, 0);
	memcpy(moved, path, strlen(path));
	put_text(fd, "one\ntwo\npart");
	f = af_file_follow(s->loop, path, &options, stop_at_last, NULL);
	end(s, af_file_read(s->in, 1, 0, MS(2)), -ETIMEDOUT);
	rename(path, moved);
	next = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	put_text(next, "next\nlast\n");
	end(s, f, 0);
	close(fd);
	close(next);
	unlink(path);
	unlink(moved);
}

void act_bufferevent(struct scene *s)
{
	struct bufferevent *bevs[2];
	struct af_file *files[2];
	size_t total = 0;

	/* If it fails half-way, libevent 2.1.12 crashes. */
	disturb(false);
	bufferevent_pair_new(af_loop_base(s->loop), 0, bevs);
	disturb(true);
	for (int i = 0; i < 2; i++) {
		files[i] = made(af_file_from_bufferevent(s->loop, bevs[i], 0));
		if (!files[i])
			bufferevent_free(bevs[i]);
	}
	if (files[0] && files[1]) {
		/* A pair's ends move bytes when both want to. */
		struct af_future *f = NULL;

		do {
			af_future_unref(f);
			f = af_file_read(files[1], 9, 0, MS(10000));
		} while (af_future_is_done(f));
		end_write(s,
			  af_file_write(files[0], "hello", 5, AFIO_FULL,
					MS(10000)),
			  &total);
		if (total == 0)
			af_future_cancel(f);
		while (end(s, f, total == 0 ? -ECANCELED : 0) == -ENOMEM &&
		       total > 0)
			f = af_file_read(files[1], 9, 0, MS(10000));
		ck_assert_uint_eq(s->n_got, total);
		ck_assert_mem_eq(s->got, "hello", total);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	/* libevent has deferred a callback of each, and frees it with that. */
	ck_assert_int_ge(
		event_base_loop(af_loop_base(s->loop), EVLOOP_NONBLOCK), 0);
}

/* What a bufferevent has taken was copied, also if the copy fails after that. */
void act_copy_away(struct scene *s)
{
	struct event_base *base = af_loop_base(s->loop);
	struct bufferevent *bev;
	struct af_file *away;
	size_t total = 0;
	int fds[2], left;

	/* A bufferevent is of no use after any error. */
	s->follows = -EPIPE;
	make_pair(KIND_SOCKETPAIR, fds);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	disturb(false);
	bev = bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE);
	/* That it cannot add its event libevent tells nobody: it can. */
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_enable(bev, EV_WRITE);
	disturb(true);
	away = made(af_file_from_bufferevent(s->loop, bev, 0));
	put_pattern(s->source, 300, 0);
	if (away) {
		end_write(s, af_file_copy(s->in, away, 100, MS(10000)), &total);
		end_write(s, af_file_copy(s->in, away, 50, NULL), &total);
	} else {
		bufferevent_free(bev);
	}
	for (int i = 0; i < 5; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	expect_pattern(fds[0], total, 0);
	ck_assert_int_eq(ioctl(fds[0], FIONREAD, &left), 0);
	ck_assert_int_eq(left, 0);
	while (s->n_got == 0)
		end(s, af_file_read(s->in, 80, AFIO_FULL, NULL), 0);
	ck_assert_uint_eq(pattern_match(s->got, 80, total), 80);
	ck_assert_int_eq(af_file_close(away), 0);
	close(fds[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

void act_disk(struct scene *s)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	unsigned char data[50];
	struct af_file *file;
	size_t total = 0;
	off_t at;

	/* Threads free what they have when they please. */
	ck_assert_int_eq(af_loop_set_workers(s->loop, 0), 0);
	close(mkostemp(path, O_CLOEXEC));
	file = made(af_file_open(s->loop, path, "w+"));
	unlink(path);
	if (!file)
		return;
	pattern_fill(data, sizeof data, 0);
	end_write(s, af_file_write(file, data, sizeof data, AFIO_FULL, NULL),
		  &total);
	end(s, af_file_sync(file, MS(20000)), 0);
	while ((at = af_file_size(file)) < 0)
		ck_assert(excused((int)at));
	ck_assert_int_eq(at, (off_t)total);
	while ((at = af_file_seek(file, 0, SEEK_SET)) < 0)
		ck_assert(excused((int)at));
	ck_assert_int_eq(at, 0);
	while (s->n_got < total)
		end(s, af_file_read(file, total - s->n_got, 0, NULL), 0);
	ck_assert_uint_eq(pattern_match(s->got, total, 0), total);
	ck_assert_int_eq(af_file_close(file), 0);
	/* The other ways to open it. */
	for (int i = 0; i < 3; i++) {
		static const char *const modes[] = { "wx", "a", "r+" };

		file = af_file_open(s->loop, path, modes[i]);
		/* After a failure it may be there, or not. */
		if (!file &&
		    !(disturbed() && (errno == EEXIST || errno == ENOENT)))
			made(file);
		ck_assert_int_eq(af_file_close(file), 0);
	}
	unlink(path);
}

struct af_file *direct_file(struct scene *s)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct af_file *file;

	unlink(path);
	fcntl(fd, F_SETFL, O_DIRECT);
	file = made(af_file_new(s->loop, fd, 0));
	if (file)
		fcntl(fd, F_SETFL, 0);
	else
		close(fd);
	return file;
}

/* At offsets, by jobs. */
void act_disk_at(struct scene *s)
{
	unsigned char data[50];
	struct af_file *file;
	size_t total = 0;

	ck_assert_int_eq(af_loop_set_workers(s->loop, 0), 0);
	file = direct_file(s);
	if (!file)
		return;
	pattern_fill(data, sizeof data, 0);
	end_write(s,
		  af_file_write_at(file, data, sizeof data, 0, AFIO_FULL, NULL),
		  &total);
	while (s->n_got < total)
		end(s,
		    af_file_read_at(file, total - s->n_got, (int64_t)s->n_got,
				    0, MS(20000)),
		    0);
	ck_assert_uint_eq(pattern_match(s->got, total, 0), total);
	end(s, af_file_read_at(file, 9, 1000, AFIO_FULL, NULL), 0);
	ck_assert_int_eq(af_file_close(file), 0);
}

/* Opened on threads; one is taken, one is not, one does not exist. */
void act_open_async(struct scene *s)
{
	struct af_future *f;

	for (int i = 0; i < 2; i++) {
		f = af_file_open_async(s->loop, "/proc/self/exe", "r");
		af_future_ref(f);
		if (end(s, f, 0) == 0 && i == 0)
			ck_assert_int_eq(af_file_close(af_future_take_file(f)),
					 0);
		af_future_unref(f);
	}
	end(s, af_file_open_async(s->loop, "/missing", "r"), -ENOENT);
}

void act_wait_fd(struct scene *s)
{
	int fd = fcntl(s->sink, F_DUPFD_CLOEXEC, 0);
	struct af_future *parts[2];

	ck_assert_int_ge(fd, 0);
	end(s, af_wait_fd(s->loop, fd, EV_WRITE, NULL), 0);
	end(s, af_wait_fd(s->loop, fd, EV_READ, MS(0)), -ETIMEDOUT);
	end(s, af_wait_fd(s->loop, fd, EV_READ, MS(1)), -ETIMEDOUT);
	for (int i = 0; i < 2; i++) {
		parts[i] = af_wait_fd(s->loop, fd, EV_READ, MS(20000));
		watch_end(s, af_future_ref(parts[i]));
	}
	put_text(af_file_fd(s->out), "abc");
	end(s, af_all(s->loop, parts, 2), 0);
	end(s, af_wait_fd(s->loop, fd, EV_READ, NULL), 0);
	close(fd);
}

/* Without memory to send in the background, the next write does it. */
void act_layer(struct scene *s)
{
	static unsigned char data[BULK];
	struct framed *framed = framed_new(af_file_fd(s->out), NULL);
	struct af_future *f;
	size_t total = 0;
	int r = af_file_set_layer(s->out, &framed_layer, framed, NULL);

	if (r < 0) {
		ck_assert(excused(r));
		framed_layer.release(framed);
		return;
	}
	end_write(s, af_file_write(s->out, data, 100, AFIO_FULL, NULL), &total);
	f = af_file_write(s->out, data, BULK, AFIO_FULL, MS(1));
	end(s, f, 0);
	end(s, af_file_finish(s->out, MS(1)), -ETIMEDOUT);
}

/* From a disk to a disk and to a socket, with threads. */
void act_copy_disk(struct scene *s)
{
	struct af_file *from, *to;
	char paths[2][20] = { "from.XXXXXX", "to.XXXXXX" };
	size_t total = 0, sent = 0;
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = mkstemp(paths[i]);
		ck_assert_int_ge(fds[i], 0);
	}
	put_pattern(fds[0], 20000, 0);
	from = made(af_file_open(s->loop, paths[0], "r"));
	to = made(af_file_open(s->loop, paths[1], "w"));
	if (from && to) {
		end_write(s, af_file_copy(from, to, 10000, MS(20000)), &total);
		expect_pattern(fds[1], total, 0);
		end_write(s, af_file_copy(from, s->out, 200, NULL), &sent);
		expect_pattern(s->sink, sent, total);
		if (end(s, af_file_sync(to, NULL), 0) == 0)
			end(s, af_file_finish(to, NULL), 0);
	}
	ck_assert_int_eq(af_file_close(from), 0);
	ck_assert_int_eq(af_file_close(to), 0);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		unlink(paths[i]);
	}
}

static int stop_at_part(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	*(size_t *)arg += len;
	return flags & AFIO_EOF ? 1 : 0;
}

/* In pieces, to an end that is no line's; and from the end on. */
void act_follow_parts(struct scene *s)
{
	struct af_follow_options options = { .must_exist = true,
					     .parts = true,
					     .max_line = 3 };
	char path[] = "parts.XXXXXX";
	int fd = mkstemp(path);
	size_t got = 0;

	ck_assert_int_ge(fd, 0);
	put_text(fd, "one\nlong line\npart");
	end(s, af_file_follow(s->loop, path, &options, stop_at_part, &got), 0);
	ck_assert(got == 18 || disturbed());
	options.from_end = true;
	end(s,
	    af_with_timeout(
		    af_file_follow(s->loop, path, &options, stop_at_part, &got),
		    MS(1)),
	    -ETIMEDOUT);
	close(fd);
	unlink(path);
}

/* A descriptor that stays the program's; its records; its end, again. */
static struct af_future *take_record(const char *data, size_t len,
				     unsigned flags, void *arg)
{
	struct scene *s = arg;

	(void)flags;
	memcpy(s->got + s->n_got, data, len);
	s->n_got += len;
	return s->n_got >= 5 ? af_failed(s->loop, -EPROTO) : NULL;
}

void act_records(struct scene *s)
{
	struct af_file *file = NULL;
	int fds[2];

	ck_assert_int_eq(cloexec_socketpair(SOCK_DGRAM, fds), 0);
	file = made(af_file_new(s->loop, fds[0], AFIO_KEEP_FD));
	put_text(fds[1], "abc");
	put_text(fds[1], "de");
	while (file && s->n_got < 5)
		end(s,
		    af_file_each_async(file, AFIO_EACH_RECORD, take_record, s),
		    -EPROTO);
	ck_assert_mem_eq(s->got, "abcde", s->n_got);
	if (file)
		end(s, af_file_write(file, "x", 1, AFIO_MORE, MS(20000)), 0);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[0]);
	close(fds[1]);
}

/* A FIFO whose writer has left, and another one comes. */
void act_fifo(struct scene *s)
{
	char path[60];
	struct af_file *file;
	int fd, r;

	snprintf(path, sizeof path, P_tmpdir "/asyncfile-fifo-%d",
		 (int)getpid());
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	file = made(af_file_open(s->loop, path, "r"));
	for (int i = 0; file && i < 2; i++) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		put_text(fd, "abc");
		close(fd);
		while (s->n_got < 3 * (size_t)(i + 1) &&
		       end(s, af_file_read(file, 0, 0, MS(20000)), 0) < 0)
			;
		while ((r = af_file_clear_eof(file)) < 0)
			ck_assert(excused(r));
	}
	ck_assert_uint_eq(s->n_got, file ? 6 : 0);
	ck_assert_int_eq(af_file_close(file), 0);
	unlink(path);
}
