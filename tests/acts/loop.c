/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loops: who runs them, waits that move to another base, posts, and the end.
 */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event_struct.h>

#include "support/children.h"
#include "acts/acts.h"

static void count_call(void *arg)
{
	++*(unsigned *)arg;
}

/* Waits under the program's own dispatch. */
static void on_last(struct af_future *done, void *arg)
{
	struct scene *s = arg;

	(void)done;
	event_base_loopbreak(s->base);
	s->told++;
}

void act_dispatch(struct scene *s)
{
	struct af_future *f = af_then(af_sleep(s->loop, MS(1)), then_sleep, s);

	s->to_tell++;
	af_on_done(f, on_last, s);
	if (s->told == 0)
		event_base_dispatch(s->base);
	ck_assert_uint_eq(s->told, s->to_tell);
}

static void wait_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct scene *s = arg;
	struct af_process *process;

	(void)fd;
	(void)what;
	/* Of all kinds, to be moved to another base and back. */
	process = made(af_spawn(s->loop, HELPER("exit", "0"), NULL));
	watch_end(s, af_process_wait(process, NULL));
	watch_end(s, af_file_read(s->in, 1, 0, MS(100000)));
	act_groups(s);
	end(s, af_sleep(s->loop, MS(1)), 0);
	put_text(s->source, "abc");
	while (s->n_got < 2)
		end(s, af_file_read(s->in, 1, 0, NULL), 0);
	if (process)
		expect_end(s, process);
	af_process_free(process);
}

void act_callback(struct scene *s)
{
	struct event event;

	evtimer_assign(&event, s->base, wait_in_callback, s);
	event_active(&event, EV_TIMEOUT, 0);
	ck_assert_int_ge(event_base_loop(s->base, EVLOOP_NONBLOCK), 0);
}

static void try_to_wait(evutil_socket_t fd, short what, void *arg)
{
	struct scene *s = arg;
	struct af_future *f = af_sleep(s->loop, MS(100000));
	int r = af_await_for(f, MS(1));

	(void)fd;
	(void)what;
	ck_assert(r == -ETIMEDOUT || excused(r));
	af_future_cancel(f);
	af_future_unref(f);
}

/* Whether or not it could move, all goes on where it was before. */
void act_move(struct scene *s)
{
	struct af_process *process =
		made(af_spawn(s->loop, HELPER("wait-eof"), WITH(IN_OUT_PIPES)));
	struct event event;

	s->to_tell = 3;
	af_on_done(af_process_wait(process, NULL), on_last, s);
	af_on_done(af_file_read(s->in, 1, 0, NULL), on_last, s);
	af_on_done(af_sleep(s->loop, MS(5)), on_last, s);
	evtimer_assign(&event, s->base, try_to_wait, s);
	event_active(&event, EV_TIMEOUT, 0);
	ck_assert_int_ge(event_base_loop(s->base, EVLOOP_NONBLOCK), 0);
	event_del(&event);
	put_text(s->source, "a");
	af_process_close_stdin(process);
	while (s->told < s->to_tell)
		ck_assert_int_eq(event_base_dispatch(s->base), 0);
	if (process)
		expect_end(s, process);
	af_process_free(process);
}

/* Of each kind, left to end with their file, with the loop, and detached. */
void act_ends(struct scene *s)
{
	struct evbuffer *unread = evbuffer_new();
	FILE *null = fopen("/dev/null", "w");
	struct af_future *parts[2], *read;
	int fd, left, copied;
	bool done;

	put_text(s->source, "abc");
	end(s, af_file_read(s->in, 1, 0, NULL), 0);
	read = af_file_read(s->in, 9, AFIO_FULL, MS(100000));
	watch_end(s, af_future_ref(read));
	watch_end(s, af_file_copy(s->in, s->out, -1, MS(100000)));
	watch_end(s, af_finally(sleeping(s, 100000), then_sleep, s));
	parts[0] = af_future_new(s->loop, NULL, NULL);
	parts[1] = sleeping(s, 100000);
	watch_end(s, af_all(s->loop, parts, 2));
	watch_end(s, af_with_timeout(sleeping(s, 100000), MS(100000)));
	ck_assert_int_eq(af_loop_dump(s->loop, null), 0);
	fclose(null);
	s->n_got += af_future_count(read);
	done = af_future_is_done(read);
	fd = unread ? af_file_detach(s->in, unread) : -ENOMEM;
	while (unread && fd == -ENOMEM) {
		ck_assert_int_eq(af_future_is_done(read), done);
		fd = af_file_detach(s->in, unread);
	}
	af_future_unref(read);
	if (!unread)
		return;
	s->in = NULL;
	/* Each of the three bytes went one way. */
	ck_assert_int_eq(ioctl(fd, FIONREAD, &left), 0);
	ck_assert_int_eq(ioctl(s->sink, FIONREAD, &copied), 0);
	ck_assert_uint_eq(evbuffer_get_length(unread) + s->n_got +
				  (size_t)left + (size_t)copied,
			  3);
	close(fd);
	evbuffer_free(unread);
}

void act_post_handle(struct scene *s)
{
	struct af_post_handle *handle = made(af_post_handle_new(s->loop));
	unsigned posted = 0;
	int r;

	if (!handle)
		return;
	for (int i = 0; i < 2; i++) {
		r = af_post_handle_post(handle, count_call, &s->told);
		ck_assert(r == 0 || excused(r));
		posted += r == 0;
	}
	s->to_tell += posted;
	af_post_handle_unref(handle);
	ck_assert_int_eq(af_loop_run(s->loop), 0);
}

/* A loop that is not the program's. */
void act_loop(struct scene *s)
{
	struct af_loop *loop = made(af_loop_new(NULL));

	if (!loop)
		return;
	watch_end(s, af_sleep(loop, MS(1)));
	ck_assert_int_eq(af_loop_run(loop), 0);
	ck_assert_uint_eq(s->told, 1);
	af_loop_free(loop);
}

static void stop_loop(struct af_future *done, void *loop)
{
	(void)done;
	af_loop_stop(loop);
}

/* With limits; stopped while something is pending; a handle outlives it. */
void act_limits(struct scene *s)
{
	struct af_loop *loop = made(af_loop_new(NULL));
	struct af_post_handle *handle;
	int r;

	if (!loop)
		return;
	ck_assert_int_eq(af_loop_set_max_depth(loop, 2), 0);
	ck_assert_int_eq(af_loop_set_work_threads(loop, 1), 0);
	ck_assert_int_eq(af_loop_set_file_limit(loop, 1000), 0);
	handle = made(af_post_handle_new(loop));
	af_post_handle_unref(af_post_handle_ref(handle));
	watch_end(s, af_sleep(loop, MS(5)));
	af_on_done(af_sleep(loop, MS(1)), stop_loop, loop);
	ck_assert_int_eq(af_loop_run(loop), 0);
	af_loop_free(loop);
	if (handle) {
		r = af_post_handle_post(handle, count_call, s);
		ck_assert(r == -ECANCELED || excused(r));
	}
	af_post_handle_unref(handle);
}
