/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of kinds that other acts do not have: what is unsent when a bufferevent
 * is closed, a disk with a worker, and a pipe that is read a byte at a time.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "support/pattern.h"
#include "acts/acts.h"

/* A filter over a socket without room, whose events have been added before. */
static struct bufferevent *full_filter(struct scene *s, int fd)
{
	struct bufferevent *below, *filter;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	disturb(false);
	below = bufferevent_socket_new(af_loop_base(s->loop), fd,
				       BEV_OPT_CLOSE_ON_FREE);
	bufferevent_enable(below, EV_READ | EV_WRITE);
	filter = bufferevent_filter_new(below, NULL, NULL,
					BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	disturb(true);
	return filter;
}

/* What is unsent when the file is closed is sent after that, or lost. */
void act_linger(struct scene *s)
{
	struct event_base *base = af_loop_base(s->loop);
	struct bufferevent *filter;
	struct af_file *file;
	struct af_future *f;
	char text[8] = "";
	size_t stuffed;
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	stuffed = stuff(fds[1]);
	filter = full_filter(s, fds[1]);
	file = made(af_file_from_bufferevent(s->loop, filter, 0));
	if (file) {
		f = af_file_write(file, "abc", 3, AFIO_FULL, NULL);
		af_future_cancel(f);
		af_future_unref(f);
		ck_assert_int_eq(af_file_close(file), 0);
	} else {
		bufferevent_free(filter);
	}
	expect_pattern(fds[0], stuffed, 0);
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert(recv(fds[0], text, 7, MSG_DONTWAIT) == 3 || disturbed());
	ck_assert_int_eq(strncmp(text, "abc", strlen(text)), 0);
	close(fds[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Its event is added when the file is first read. */
void act_over_socket(struct scene *s)
{
	struct event_base *base = af_loop_base(s->loop);
	struct bufferevent *bev;
	struct af_file *file;
	int fds[2], r;

	make_pair(KIND_SOCKETPAIR, fds);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	disturb(false);
	bev = bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE);
	disturb(true);
	file = made(af_file_from_bufferevent(s->loop, bev, 0));
	put_text(fds[0], "abc");
	if (file) {
		r = end(s, af_file_read(file, 3, AFIO_FULL, MS(20000)), 0);
		ck_assert_uint_eq(s->n_got, r == 0 ? 3 : 0);
		ck_assert_mem_eq(s->got, "abc", s->n_got);
		ck_assert_int_eq(af_file_close(file), 0);
	} else {
		bufferevent_free(bev);
	}
	event_base_loop(base, EVLOOP_NONBLOCK);
	close(fds[0]);
}

/* Each call is a worker's. */
void act_disk_late(struct scene *s)
{
	unsigned char data[50];
	struct af_file *file;
	size_t total = 0;

	ck_assert_int_eq(af_loop_set_workers(s->loop, 1), 0);
	file = direct_file(s);
	if (!file)
		return;
	pattern_fill(data, sizeof data, 0);
	end_write(s,
		  af_file_write_at(file, data, sizeof data, 0, AFIO_FULL,
				   MS(20000)),
		  &total);
	while (s->n_got < total)
		end(s,
		    af_file_read_at(file, total - s->n_got, (int64_t)s->n_got,
				    0, MS(20000)),
		    0);
	ck_assert_uint_eq(pattern_match(s->got, total, 0), total);
	s->n_got = 0;
	while (s->n_got < total)
		end(s, af_file_read(file, sizeof data, 0, MS(20000)), 0);
	ck_assert_uint_eq(pattern_match(s->got, total, 0), total);
	ck_assert_int_eq(af_file_close(file), 0);
}

/* Is it a pipe of packets? That is found out by a copy of what is in it. */
void act_pieces(struct scene *s)
{
	struct af_file *file;
	int fds[2];

	make_pair(KIND_PIPE, fds);
	file = made(af_file_new(s->loop, fds[0], AFIO_UNBUFFERED));
	put_text(fds[1], "abcd");
	while (file && s->n_got < 4)
		end(s, af_file_read(file, 1, 0, MS(20000)), 0);
	ck_assert_mem_eq(s->got, "abcd", s->n_got);
	if (file)
		ck_assert_int_eq(af_file_close(file), 0);
	else
		close(fds[0]);
	close(fds[1]);
}

/* A bufferevent that defers its callbacks, and has one queued already. */
static struct {
	struct scene *s;
	struct af_file *file;
	struct af_future *read;
	int peer;
} deferred;

static void wait_for_deferred(evutil_socket_t fd, short what, void *arg)
{
	struct scene *s = deferred.s;
	int r = end(s, deferred.read, 0);

	(void)fd;
	(void)what;
	(void)arg;
	deferred.read = NULL;
	put_text(deferred.peer, "bc");
	/* A bufferevent is of no use after any error. */
	while (r == 0 && s->n_got < 3)
		r = end(s,
			af_file_read(deferred.file, 3 - s->n_got, 0, MS(20000)),
			0);
	ck_assert_mem_eq(s->got, "abc", s->n_got);
}

void act_deferred(struct scene *s)
{
	struct bufferevent *bev;
	struct event *event;
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	disturb(false);
	bev = bufferevent_socket_new(s->base, fds[1],
				     BEV_OPT_CLOSE_ON_FREE |
					     BEV_OPT_DEFER_CALLBACKS);
	event = event_new(s->base, fds[1], EV_READ, wait_for_deferred, NULL);
	deferred.file = af_file_from_bufferevent(s->loop, bev, 0);
	deferred.s = s;
	deferred.peer = fds[0];
	/* Its event comes first. */
	deferred.read = af_file_read(deferred.file, 1, 0, NULL);
	event_add(event, NULL);
	disturb(true);
	put_text(fds[0], "a");
	while (deferred.read)
		event_base_loop(s->base, EVLOOP_ONCE);
	event_free(event);
	ck_assert_int_eq(af_file_close(deferred.file), 0);
	event_base_loop(s->base, EVLOOP_NONBLOCK);
	close(fds[0]);
}
