/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of accepting: one connection and every one, turns between those who
 * wait, filters, limits, and what happens without descriptors.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "base/threads.h"
#include "support/contexts.h"
#include "support/dial.h"
#include "support/fairness.h"

static struct rig rig;
static struct af_listener *listener;

/* On TCP or on a path. */
#define PLACES 2
#define EVERY_PLACE (PLACES * DRIVE_COUNT)

static struct af_listener *listen_at(struct af_loop *loop, int place,
				     const struct af_listen_options *options)
{
	struct af_listener *made =
		place == 0 ? af_listen(loop, "127.0.0.1", "0", options)
			   : af_listen(loop, path_of("socket"), NULL, options);

	ck_assert_msg(made, "%s", af_listen_error(loop));
	return made;
}

static void open_place(int i, const struct af_listen_options *options)
{
	rig_open_loop(&rig, (enum driver)(i % DRIVE_COUNT));
	listener = listen_at(rig.loop, i / DRIVE_COUNT, options);
}

static void close_place(void)
{
	af_listener_close(listener);
	listener = NULL;
	rig_close(&rig);
}

static struct af_future *accept_for(const struct timeval *timeout)
{
	return af_listener_accept(listener, timeout);
}

static void expect_pending(struct af_future *f)
{
	expect_error(&rig, af_sleep(rig.loop, MS(2)), 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
}

static void expect_done(struct af_future *f, int error)
{
	ck_assert_msg(af_future_error(f) == error, "%s",
		      strerror(-af_future_error(f)));
	af_future_unref(f);
}

START_TEST(accept_before_and_after_the_peer_comes)
{
	struct af_future *f;
	struct af_file *file;
	char ours[200], theirs[200];
	struct sockaddr_storage address;
	socklen_t len;
	int fd;

	open_place(_i, NULL);
	f = accept_for(NULL);
	ck_assert_ptr_null(af_future_take_file(f));
	ck_assert_ptr_null(af_future_address(f, 0, NULL));
	expect_pending(f);
	fd = dial(listener, 0);
	file = accepted(&rig, f);
	expect_connected(&rig, file, fd);
	ck_assert_uint_eq(af_listener_connections(listener), 1);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_uint_eq(af_listener_connections(listener), 0);
	expect_hung_up(fd);
	fd = dial(listener, 0);
	f = accept_for(MS(20000));
	ck_assert_int_eq(drive(&rig, f), 0);
	/* The address of the peer, as it sees itself. */
	ck_assert_ptr_nonnull(af_future_address(f, 0, &len));
	af_address_text(af_future_address(f, 0, NULL), len, ours, sizeof ours);
	ck_assert_ptr_null(af_future_address(f, 1, NULL));
	len = sizeof address;
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len),
			 0);
	af_address_text((struct sockaddr *)&address, len, theirs,
			sizeof theirs);
	ck_assert_str_eq(ours, theirs);
	/* Nobody takes it. */
	af_future_unref(f);
	ck_assert_uint_eq(af_listener_connections(listener), 0);
	expect_hung_up(fd);
	close_place();
}
END_TEST

START_TEST(file_of_an_accept_is_like_any_other)
{
	struct af_file *file;
	int fd, other;

	open_place(_i, NULL);
	fd = dial(listener, 0);
	file = accepted(&rig, accept_for(NULL));
	ck_assert_int_gt(af_file_fd(file), 2);
	ck_assert(fcntl(af_file_fd(file), F_GETFD) & FD_CLOEXEC);
	/* Detached, it is as accept(2) gives it. */
	other = af_file_detach(file, NULL);
	ck_assert_int_ge(other, 0);
	ck_assert(!(fcntl(other, F_GETFL) & O_NONBLOCK));
	ck_assert_uint_eq(af_listener_connections(listener), 0);
	close(other);
	close(fd);
	fd = dial(listener, 0);
	file = accepted(&rig, accept_for(NULL));
	expect_count(&rig, af_file_finish(file, NULL), 0, 0);
	ck_assert_uint_eq(af_listener_connections(listener), 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_uint_eq(af_listener_connections(listener), 0);
	expect_hung_up(fd);
	close_place();
}
END_TEST

START_TEST(files_outlive_their_listener_and_its_loop)
{
	struct af_file *file;
	int fd;

	open_place(_i, NULL);
	fd = dial(listener, 0);
	file = accepted(&rig, accept_for(NULL));
	af_listener_close(listener);
	expect_connected(&rig, file, fd);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_file_close(file), 0);
	expect_hung_up(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(files_can_be_closed_in_any_order_after_the_loop)
{
	struct af_file *files[2];
	int fds[2];

	open_place(_i, LISTEN(.max_connections = 2));
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(listener, 0);
		files[i] = accepted(&rig, accept_for(NULL));
	}
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_file_close(files[0]), 0);
	ck_assert_uint_eq(af_listener_connections(listener), 1);
	af_listener_close(listener);
	ck_assert_int_eq(af_file_close(files[1]), 0);
	expect_hung_up(fds[0]);
	expect_hung_up(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(deadline_of_an_accept)
{
	struct af_future *f;
	int64_t start;
	int fd;

	open_place(_i, NULL);
	expect_done(accept_for(MS(0)), -ETIMEDOUT);
	start = now_us();
	expect_error(&rig, accept_for(MS(5)), -ETIMEDOUT);
	expect_elapsed(start, 5);
	fd = dial(listener, 0);
	f = accept_for(MS(0));
	ck_assert(af_future_is_done(f));
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	close(fd);
	close_place();
}
END_TEST

/* Both timers are due in one turn, and no event has said that a peer came. */
static void dial_late(evutil_socket_t ignored, short what, void *fd)
{
	(void)ignored;
	(void)what;
	*(int *)fd = dial(listener, 0);
	spin(20);
}

START_TEST(deadline_of_a_busy_program_takes_who_came)
{
	struct af_future *f;
	int fd = -1;

	open_place(_i, NULL);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, dial_late, &fd,
			MS(1));
	f = accept_for(MS(10));
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	close(fd);
	close_place();
}
END_TEST

START_TEST(accept_cancelled_leaves_the_peer_to_the_next)
{
	struct af_future *f;
	int fd;

	open_place(_i, NULL);
	f = accept_for(NULL);
	expect_pending(f);
	af_future_cancel(f);
	expect_done(f, -ECANCELED);
	f = accept_for(NULL);
	fd = dial(listener, 0);
	af_future_cancel(f);
	expect_done(f, -ECANCELED);
	ck_assert_int_eq(af_file_close(accepted(&rig, accept_for(NULL))), 0);
	expect_hung_up(fd);
	close_place();
}
END_TEST

START_TEST(accept_of_a_closed_listener_fails_canceled)
{
	struct af_future *f, *g;

	open_place(_i, NULL);
	f = accept_for(NULL);
	g = accept_for(MS(20000));
	expect_pending(f);
	af_listener_close(listener);
	expect_done(f, -ECANCELED);
	expect_done(g, -ECANCELED);
	rig_close(&rig);
}
END_TEST

static void accept_when_freed(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	expect_done(accept_for(NULL), -ECANCELED);
	expect_done(af_listener_stop(listener, NULL), -ECANCELED);
	*(bool *)arg = true;
}

START_TEST(loop_freed_while_an_accept_is_pending_cancels_it)
{
	bool called = false;

	open_place(_i, NULL);
	af_on_done(accept_for(NULL), accept_when_freed, &called);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert(called);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

static void *accept_elsewhere(void *arg)
{
	expect_done(accept_for(NULL), -EPERM);
	expect_done(af_listener_each(listener, NULL, NULL), -EPERM);
	expect_done(af_listener_stop(listener, NULL), -EPERM);
	return arg;
}

START_TEST(accept_of_nonsense_or_elsewhere_fails)
{
	struct timeval odd = { 0, 1000000 };
	pthread_t thread;

	open_place(0, NULL);
	expect_done(af_listener_accept(NULL, NULL), -EINVAL);
	expect_done(accept_for(MS(-1)), -EINVAL);
	expect_done(accept_for(&odd), -EINVAL);
	expect_done(af_listener_each(NULL, NULL, NULL), -EINVAL);
	expect_done(af_listener_each(listener, NULL, NULL), -EINVAL);
	pthread_create(&thread, NULL, accept_elsewhere, NULL);
	pthread_join(thread, NULL);
	close_place();
}
END_TEST

/* Nobody waits: af_loop_run() ends, and so does a dispatch. */
START_TEST(idle_listener_keeps_no_loop_running)
{
	struct af_future *f;
	int fd;

	open_place(_i, NULL);
	fd = dial(listener, 0);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(af_file_close(accepted(&rig, accept_for(NULL))), 0);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	f = accept_for(NULL);
	expect_pending(f);
	af_future_cancel(f);
	af_future_unref(f);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_ge(event_base_dispatch(af_loop_base(rig.loop)), 0);
	close(fd);
	close_place();
}
END_TEST

#define CROWD 5

START_TEST(accepts_are_served_in_order)
{
	struct af_future *all[CROWD];
	struct af_file *file;
	int fds[CROWD];
	char byte;

	open_place(_i, NULL);
	for (int i = 0; i < CROWD; i++)
		all[i] = accept_for(NULL);
	for (int i = 0; i < CROWD; i++) {
		byte = (char)('a' + i);
		fds[i] = dial(listener, 0);
		put(fds[i], &byte, 1);
	}
	for (int i = CROWD - 1; i >= 0; i--) {
		byte = (char)('a' + i);
		file = accepted(&rig, all[i]);
		expect_bytes(&rig, af_file_read(file, 1, 0, NULL), &byte, 1, 0);
		ck_assert_int_eq(af_file_close(file), 0);
		close(fds[i]);
	}
	close_place();
}
END_TEST

/* What an each does, and what it has seen. */
struct each {
	int calls, stop_at, result;
	struct af_future *await; /* in the call, if not NULL */
	void (*act)(struct each *each);
	struct af_future *self;
	bool inside;
};

static int on_connection(struct af_file *file, void *arg)
{
	struct each *each = arg;

	ck_assert(!each->inside);
	each->inside = true;
	each->calls++;
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(af_file_close(file), 0);
	if (each->act)
		each->act(each);
	each->inside = false;
	return each->calls == each->stop_at ? each->result : 0;
}

static struct af_future *each_of(struct each *each)
{
	each->self = af_listener_each(listener, on_connection, each);
	ck_assert_int_eq(each->calls, 0);
	return each->self;
}

static void dial_some(int n)
{
	for (int i = 0; i < n; i++)
		close(dial(listener, 0));
}

START_TEST(each_gets_all_until_it_stops)
{
	struct each each = { .stop_at = 7, .result = 1 };
	struct af_future *f;

	open_place(_i, NULL);
	dial_some(3);
	f = each_of(&each);
	ck_assert_uint_eq(af_future_count(f), 0);
	while (each.calls < 3)
		expect_pending(f);
	ck_assert_uint_eq(af_future_count(f), 3);
	dial_some(5);
	expect_count(&rig, f, 7, 0);
	ck_assert_int_eq(each.calls, 7);
	/* The eighth is the next one's. */
	ck_assert_int_eq(af_file_close(accepted(&rig, accept_for(NULL))), 0);
	close_place();
}
END_TEST

START_TEST(each_fails_with_the_error_of_its_function)
{
	struct each each = { .stop_at = 2, .result = -EIO };
	struct af_future *f;

	open_place(_i, NULL);
	f = each_of(&each);
	dial_some(2);
	ck_assert_int_eq(drive(&rig, f), -EIO);
	ck_assert_uint_eq(af_future_count(f), 2);
	af_future_unref(f);
	close_place();
}
END_TEST

static void cancel_self(struct each *each)
{
	af_future_cancel(each->self);
}

static void close_listener(struct each *each)
{
	(void)each;
	af_listener_close(listener);
	/* It is there until this has returned. */
	expect_done(accept_for(NULL), -ECANCELED);
	expect_done(af_listener_each(listener, on_connection, NULL),
		    -ECANCELED);
	expect_done(af_listener_stop(listener, NULL), -ECANCELED);
	af_listener_close(listener);
	listener = NULL;
}

static void free_loop(struct each *each)
{
	(void)each;
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

static void close_and_free(struct each *each)
{
	close_listener(each);
	free_loop(each);
}

static void free_and_close(struct each *each)
{
	free_loop(each);
	close_listener(each);
}

/* Drives until f is done, which may take the loop with it. */
static void run_until(struct af_future *f)
{
	if (rig.driver == DRIVE_AWAIT)
		ck_assert_int_eq(af_await(f), -ECANCELED);
	else if (rig.driver == DRIVE_RUN)
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	else
		ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	ck_assert(af_future_is_done(f));
	/* Its continuation. */
	if (rig.loop)
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
}

static void note_end(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
}

/* Its function may end everything that has called it. */
START_TEST(each_whose_function_ends_all_is_cancelled)
{
	static void (*const acts[])(struct each *) = {
		cancel_self, close_listener, free_loop, close_and_free,
		free_and_close,
	};
	/* Whatever it returns then. */
	struct each each = { .act = acts[_i / DRIVE_COUNT / 2],
			     .stop_at = 1,
			     .result = _i / DRIVE_COUNT % 2 };
	int error = 1;

	open_place(_i % DRIVE_COUNT, NULL);
	dial_some(3);
	af_on_done(af_future_ref(each_of(&each)), note_end, &error);
	run_until(each.self);
	ck_assert_int_eq(error, -ECANCELED);
	ck_assert_int_eq(each.calls, 1);
	af_future_unref(each.self);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

static void await_another(struct each *each)
{
	struct af_future *f;

	if (each->calls > 1)
		return;
	/* Not itself, which would never end. */
	ck_assert_int_eq(af_await(each->self), -EDEADLK);
	f = af_sleep(rig.loop, MS(5));
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	ck_assert_int_eq(each->calls, 1);
	/* Another one accepts meanwhile. */
	f = accept_for(NULL);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	ck_assert_int_eq(each->calls, 1);
}

START_TEST(each_whose_function_waits_is_not_called_again)
{
	struct each each = { .stop_at = 3, .result = 1,
			     .act = await_another };

	open_place(_i, NULL);
	dial_some(4);
	expect_count(&rig, each_of(&each), 3, 0);
	close_place();
}
END_TEST

START_TEST(those_who_wait_take_turns)
{
	struct each a = { .stop_at = 0 }, b = { .stop_at = 0 };
	struct af_future *f, *g, *h;

	open_place(_i, NULL);
	f = each_of(&a);
	g = each_of(&b);
	h = accept_for(NULL);
	expect_pending(h);
	dial_some(9);
	ck_assert_int_eq(af_file_close(accepted(&rig, h)), 0);
	while (a.calls + b.calls < 8)
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert_int_eq(a.calls, 4);
	af_future_cancel(f);
	af_future_cancel(g);
	expect_done(f, -ECANCELED);
	expect_done(g, -ECANCELED);
	close_place();
}
END_TEST

/* What a filter is asked. */
static struct {
	int calls;
	bool keep;
	void (*act)(void);
	struct af_future *accept;
} filter;

static bool filter_peer(const struct sockaddr *peer, socklen_t len, void *arg)
{
	ck_assert_ptr_eq(arg, &filter);
	ck_assert_int_gt(len, 0);
	ck_assert(peer->sa_family == AF_INET || peer->sa_family == AF_UNIX);
	filter.calls++;
	if (filter.act)
		filter.act();
	return filter.keep;
}

#define FILTERED LISTEN(.filter = filter_peer, .filter_arg = &filter)

START_TEST(filter_turns_peers_away)
{
	struct af_future *f;
	int fd;

	open_place(_i, FILTERED);
	f = accept_for(NULL);
	ck_assert_int_eq(filter.calls, 0);
	fd = dial(listener, 0);
	while (filter.calls < 1)
		expect_pending(f);
	ck_assert_int_eq(filter.calls, 1);
	expect_hung_up(fd);
	filter.keep = true;
	fd = dial(listener, 0);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	ck_assert_int_eq(filter.calls, 2);
	expect_hung_up(fd);
	close_place();
}
END_TEST

START_TEST(deadline_of_an_accept_with_a_filter)
{
	struct af_future *f;
	int fd;

	open_place(_i, FILTERED);
	filter.keep = true;
	expect_error(&rig, accept_for(MS(0)), -ETIMEDOUT);
	fd = dial(listener, 0);
	f = accept_for(MS(0));
	/* It does not run inside the call. */
	ck_assert_int_eq(filter.calls, 0);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	ck_assert_int_eq(filter.calls, 1);
	close(fd);
	filter.keep = false;
	fd = dial(listener, 0);
	expect_error(&rig, accept_for(MS(0)), -ETIMEDOUT);
	ck_assert_int_eq(filter.calls, 2);
	expect_hung_up(fd);
	close_place();
}
END_TEST

static void cancel_accept(void)
{
	af_future_cancel(filter.accept);
}

static void close_in_filter(void)
{
	close_listener(NULL);
}

static void free_in_filter(void)
{
	free_loop(NULL);
}

static void free_and_close_in_filter(void)
{
	free_and_close(NULL);
}

static void await_in_filter(void)
{
	struct af_future *f = af_sleep(rig.loop, MS(5));

	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	ck_assert_int_eq(filter.calls, 1);
	af_future_cancel(filter.accept);
}

START_TEST(filter_may_end_all_that_has_called_it)
{
	static void (*const acts[])(void) = {
		cancel_accept,	 close_in_filter, free_in_filter,
		await_in_filter, free_and_close_in_filter,
	};
	int error = 1, fds[2];

	open_place(_i % DRIVE_COUNT, FILTERED);
	filter.act = acts[_i / DRIVE_COUNT];
	filter.keep = true;
	fds[0] = dial(listener, 0);
	fds[1] = dial(listener, 0);
	filter.accept = accept_for(NULL);
	af_on_done(af_future_ref(filter.accept), note_end, &error);
	run_until(filter.accept);
	ck_assert_int_eq(error, -ECANCELED);
	ck_assert_int_eq(filter.calls, 1);
	af_future_unref(filter.accept);
	filter.act = NULL;
	/* The one that has passed is not lost, and is not asked again. */
	if (listener && rig.loop) {
		ck_assert_int_eq(
			af_file_close(accepted(&rig, accept_for(NULL))), 0);
		ck_assert_int_eq(filter.calls, 1);
		expect_hung_up(fds[0]);
		fds[0] = -1;
	}
	af_listener_close(listener);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

static void accept_in_filter(void)
{
	struct af_future *f = accept_for(MS(5)), *long_wait;

	/* So that the loop has something to wait for in any case. */
	long_wait = af_sleep(rig.loop, MS(20000));
	filter.act = NULL;
	ck_assert_int_eq(af_await(f), -ETIMEDOUT);
	ck_assert_int_eq(af_future_error(filter.accept), -ETIMEDOUT);
	ck_assert(!af_future_is_done(long_wait));
	af_future_cancel(long_wait);
	af_future_unref(long_wait);
	af_future_unref(f);
}

/* The peer that has passed the filter is the next one's. */
START_TEST(deadline_passes_while_a_filter_waits)
{
	int fd;

	open_place(_i, FILTERED);
	filter.act = accept_in_filter;
	filter.keep = true;
	fd = dial(listener, 0);
	filter.accept = accept_for(MS(5));
	expect_error(&rig, filter.accept, -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(accepted(&rig, accept_for(NULL))), 0);
	ck_assert_int_eq(filter.calls, 1);
	expect_hung_up(fd);
	close_place();
}
END_TEST

static void dial_in_filter(void)
{
	ck_assert_int_lt(filter.calls, 1000);
	close(dial(listener, 0));
}

START_TEST(deadline_passes_while_a_filter_turns_peers_away_without_end)
{
	struct af_future *f;

	open_place(_i, FILTERED);
	filter.act = dial_in_filter;
	close(dial(listener, 0));
	expect_error(&rig, accept_for(MS(0)), -ETIMEDOUT);
	ck_assert_int_eq(filter.calls, 32);
	f = accept_for(NULL);
	expect_error(&rig, accept_for(MS(0)), -ETIMEDOUT);
	ck_assert_int_ge(filter.calls, 64);
	/* The last one is let in. */
	filter.act = NULL;
	filter.keep = true;
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	close_place();
}
END_TEST

START_TEST(limit_of_connections_pauses_until_one_closes)
{
	struct af_file *files[2];
	struct af_future *f;
	int fds[3];

	open_place(_i, LISTEN(.max_connections = 2));
	for (int i = 0; i < 3; i++)
		fds[i] = dial(listener, 0);
	for (int i = 0; i < 2; i++)
		files[i] = accepted(&rig, accept_for(NULL));
	expect_done(accept_for(MS(0)), -ETIMEDOUT);
	expect_error(&rig, accept_for(MS(2)), -ETIMEDOUT);
	f = accept_for(NULL);
	expect_pending(f);
	ck_assert_uint_eq(af_listener_connections(listener), 2);
	ck_assert_int_eq(af_file_close(files[0]), 0);
	files[0] = accepted(&rig, f);
	expect_connected(&rig, files[0], fds[2]);
	ck_assert_uint_eq(af_listener_connections(listener), 2);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close_place();
}
END_TEST

/* Nobody can end such a wait. */
START_TEST(await_of_an_accept_beyond_the_limit_is_a_deadlock)
{
	struct af_future *f;
	struct af_file *file;
	int fd;

	/* With other threads there is always one that could post. */
	if (afi_threads_possible())
		return;
	open_place(DRIVE_AWAIT, LISTEN(.max_connections = 1));
	fd = dial(listener, 0);
	file = accepted(&rig, accept_for(NULL));
	f = accept_for(NULL);
	ck_assert_int_eq(af_await(f), -EDEADLK);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
	fd = dial(listener, 0);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	close(fd);
	close_place();
}
END_TEST

/* Leaves room for n more descriptors. */
static void limit_fds(int n, struct rlimit *before)
{
	int next = dup(0);
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, before);
	limit = *before;
	limit.rlim_cur = (rlim_t)(next + n);
	close(next);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The system leaves a connection for which there is no descriptor. */
static bool is_left(void)
{
	return without_valgrind("accepts it, and closes it");
}

START_TEST(without_descriptors_an_accept_waits_and_loses_nothing)
{
	struct rlimit before;
	struct af_file *file;
	struct af_future *f;
	int fds[2];
	int64_t cpu;

	if (!is_left())
		return;
	open_place(_i, NULL);
	fds[0] = dial(listener, 0);
	fds[1] = dial(listener, 0);
	/* Until a file of the listener closes. */
	file = accepted(&rig, accept_for(NULL));
	limit_fds(0, &before);
	expect_done(accept_for(MS(0)), -EMFILE);
	expect_error(&rig, accept_for(MS(5)), -EMFILE);
	f = accept_for(NULL);
	cpu = cpu_us();
	expect_error(&rig, af_sleep(rig.loop, MS(250)), 0);
	/* And does not turn round and round meanwhile. */
	ck_assert_int_lt(cpu_us() - cpu, 100000);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_int_eq(af_file_close(file), 0);
	file = accepted(&rig, f);
	expect_connected(&rig, file, fds[1]);
	ck_assert_int_eq(af_file_close(file), 0);
	setrlimit(RLIMIT_NOFILE, &before);
	close(fds[0]);
	close(fds[1]);
	close_place();
}
END_TEST

/* Without a file that could close: after a while. */
START_TEST(without_descriptors_an_accept_tries_again)
{
	struct rlimit before;
	struct af_future *f;
	int fd;

	if (!is_left())
		return;
	open_place(_i, NULL);
	fd = dial(listener, 0);
	limit_fds(0, &before);
	f = accept_for(NULL);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	setrlimit(RLIMIT_NOFILE, &before);
	/* Whoever stops waiting stops the pause. */
	af_future_cancel(f);
	expect_done(f, -ECANCELED);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	limit_fds(0, &before);
	f = accept_for(NULL);
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	expect_hung_up(fd);
	close_place();
}
END_TEST

/* A peer that has left before it is accepted. */
START_TEST(peer_that_left_is_seen_by_its_file)
{
	struct linger reset = { .l_onoff = 1 };
	struct af_file *file;
	int fd;

	open_place(_i, NULL);
	fd = dial(listener, 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	fd = dial(listener, 0);
	put_text(fd, "x");
	file = accepted(&rig, accept_for(NULL));
	af_future_unref(af_file_read(file, 1, 0, NULL));
	ck_assert_int_eq(af_file_close(file), 0);
	/* Linux gives the dead one, too; others pass it over. */
	close(fd);
	close_place();
}
END_TEST

START_TEST(socket_that_another_has_shut_fails_those_who_wait)
{
	struct each each = { 0 };
	struct af_future *f, *g;
	int other;

	if (!have_linux("shutdown(2) of a listening socket"))
		return;
	open_place(_i % DRIVE_COUNT, NULL);
	other = dup(af_listener_fd(listener, 0));
	f = accept_for(NULL);
	g = each_of(&each);
	expect_pending(f);
	ck_assert_int_eq(shutdown(other, SHUT_RD), 0);
	expect_error(&rig, f, -EINVAL);
	expect_error(&rig, g, -EINVAL);
	close(other);
	close_place();
}
END_TEST

/* Two processes with one socket: what the other one took is no error. */
START_TEST(socket_shared_with_a_process_gives_each_peer_once)
{
	struct af_future *f;
	int fds[2], status, other;
	pid_t pid;

	open_place(_i, NULL);
	f = accept_for(NULL);
	expect_pending(f);
	fds[0] = dial(listener, 0);
	pid = fork();
	if (pid == 0) {
		other = accept(af_listener_fd(listener, 0), NULL, NULL);
		_exit(other < 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_pending(f);
	fds[1] = dial(listener, 0);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	expect_hung_up(fds[0]);
	expect_hung_up(fds[1]);
	close_place();
}
END_TEST

/* Peers without end, that come as fast as they are accepted. */
static atomic_bool flooding;

static void *flood(void *arg)
{
	const struct sockaddr *address = arg;
	int fd;

	while (flooding) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			    0);
		connect(fd, address, sizeof(struct sockaddr_in));
		close(fd);
	}
	return NULL;
}

static struct af_future *accept_again(struct af_future *done, void *arg)
{
	(void)arg;
	if (af_future_error(done))
		return NULL;
	return af_finally(accept_for(NULL), accept_again, NULL);
}

START_TEST(flood_of_peers_holds_up_nobody)
{
	struct each each = { 0 };
	struct af_future *f;
	pthread_t thread;

	open_place(_i % DRIVE_COUNT, NULL);
	f = _i < DRIVE_COUNT ? each_of(&each)
			     : af_finally(accept_for(NULL), accept_again, NULL);
	flooding = true;
	pthread_create(&thread, NULL, flood,
		       (void *)af_listener_address(listener, 0, NULL));
	start_timer(&rig);
	drive(&rig, until_enough(f));
	stop_timer();
	flooding = false;
	pthread_join(thread, NULL);
	af_future_cancel(f);
	af_future_unref(f);
	close_place();
}
END_TEST

/* With nothing but awaits, which find one after the other done at once. */
static void on_posted(void *arg)
{
	*(bool *)arg = true;
}

START_TEST(accepts_that_are_done_at_once_let_others_run)
{
	bool posted = false;
	int n = 0;

	open_place(DRIVE_AWAIT, LISTEN(.backlog = 200));
	dial_some(100);
	ck_assert_int_eq(af_loop_post(rig.loop, on_posted, &posted), 0);
	while (!posted) {
		ck_assert_int_eq(
			af_file_close(accepted(&rig, accept_for(NULL))), 0);
		n++;
	}
	ck_assert_int_lt(n, 60);
	close_place();
}
END_TEST

static struct stage stage;

static void await_accepts(void *arg)
{
	struct af_future *f = af_listener_accept(listener, NULL), *g;
	struct af_future *early = arg;
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = dial(listener, 0);
	ck_assert_int_eq(af_await(early), 0);
	ck_assert_int_eq(af_await(f), 0);
	g = af_listener_accept(listener, MS(20000));
	ck_assert_int_eq(af_await(g), 0);
	af_future_unref(g);
	g = af_listener_accept(listener, NULL);
	ck_assert_int_eq(af_await_for(g, MS(5)), -ETIMEDOUT);
	af_future_cancel(g);
	af_future_unref(g);
	g = af_listener_accept(listener, MS(5));
	ck_assert_int_eq(af_await(g), -ETIMEDOUT);
	af_future_unref(g);
	af_future_unref(f);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

START_TEST(accept_is_awaited_in_every_context)
{
	struct af_future *early;

	stage_open(&stage, (enum context)(_i % CONTEXT_COUNT));
	listener = listen_at(stage.loop, _i / CONTEXT_COUNT, NULL);
	early = af_listener_accept(listener, NULL);
	stage_play(&stage, await_accepts, early);
	af_future_unref(early);
	af_listener_close(listener);
	stage_close(&stage);
}
END_TEST

static void await_each(void *arg)
{
	struct each *each = arg;

	dial_some(3);
	ck_assert_int_eq(af_await(each->self), 0);
	ck_assert_int_eq(each->calls, 3);
}

START_TEST(each_is_awaited_in_every_context)
{
	struct each each = { .stop_at = 3, .result = 1 };

	stage_open(&stage, (enum context)_i);
	listener = listen_at(stage.loop, 0, NULL);
	each_of(&each);
	stage_play(&stage, await_each, &each);
	af_future_unref(each.self);
	af_listener_close(listener);
	stage_close(&stage);
}
END_TEST

START_TEST(accepted_file_has_no_number_of_stdio_while_there_are_others)
{
	struct rlimit limit, before;
	struct af_file *file;
	int saved, fd;

	open_place(_i, NULL);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 3;
	saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
	for (int full = 0; full < 2; full++) {
		fd = dial(listener, 0);
		close(0);
		if (full)
			setrlimit(RLIMIT_NOFILE, &limit);
		file = accepted(&rig, accept_for(MS(0)));
		setrlimit(RLIMIT_NOFILE, &before);
		ck_assert_int_eq(af_file_fd(file) == 0, full);
		expect_connected(&rig, file, fd);
		ck_assert_int_eq(af_file_close(file), 0);
		ck_assert_int_eq(dup2(saved, 0), 0);
		close(fd);
	}
	close(saved);
	close_place();
}
END_TEST

/* The peer is the parent's, and so is the place that a file has had. */
START_TEST(child_by_fork_that_runs_the_base_accepts_nothing)
{
	struct af_file *file;
	struct af_future *f;
	int fds[2], status;
	pid_t pid;

	open_place(_i, LISTEN(.max_connections = 2));
	fds[0] = dial(listener, 0);
	file = accepted(&rig, accept_for(NULL));
	f = accept_for(NULL);
	expect_pending(f);
	fds[1] = dial(listener, 0);
	pid = fork();
	if (pid == 0) {
		struct event_base *base = af_loop_base(rig.loop);

		status = event_reinit(base);
		for (int i = 0; i < 3; i++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		status |= af_future_is_done(f);
		status |= af_file_close(file);
		status |= af_listener_connections(listener) != 0;
		for (int i = 0; i < 3; i++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		_exit(status || af_future_is_done(f));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_connected(&rig, file, fds[0]);
	ck_assert_int_eq(af_file_close(file), 0);
	file = accepted(&rig, f);
	expect_connected(&rig, file, fds[1]);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[0]);
	close(fds[1]);
	close_place();
}
END_TEST

START_TEST(dump_names_the_listener)
{
	struct each each = { 0 };
	struct af_future *f, *g, *h;
	char *text = NULL;
	struct af_file *file;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int fd;

	open_place(DRIVE_COUNT, NULL);
	fd = dial(listener, 0);
	file = accepted(&rig, accept_for(NULL));
	f = accept_for(NULL);
	g = each_of(&each);
	h = af_listener_stop(listener, NULL);
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "accept on /"));
	ck_assert_ptr_nonnull(strstr(text, "accept each on /"));
	ck_assert_ptr_nonnull(strstr(text, "stop on /"));
	ck_assert_ptr_nonnull(strstr(text, "/socket, 1 connections left"));
	free(text);
	ck_assert_int_eq(af_file_close(file), 0);
	af_listener_close(listener);
	expect_done(f, -ECANCELED);
	expect_done(g, -ECANCELED);
	expect_done(h, -ECANCELED);
	close(fd);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/accept");
	TCase *tc = scratch_case(s, "accept");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(accept_before_and_after_the_peer_comes, EVERY_PLACE);
	ADD(file_of_an_accept_is_like_any_other, EVERY_PLACE);
	ADD(files_outlive_their_listener_and_its_loop, EVERY_PLACE);
	ADD(files_can_be_closed_in_any_order_after_the_loop, EVERY_PLACE);
	ADD(deadline_of_an_accept, EVERY_PLACE);
	ADD(deadline_of_a_busy_program_takes_who_came, EVERY_PLACE);
	ADD(accept_cancelled_leaves_the_peer_to_the_next, EVERY_PLACE);
	ADD(accept_of_a_closed_listener_fails_canceled, EVERY_PLACE);
	ADD(loop_freed_while_an_accept_is_pending_cancels_it, EVERY_PLACE);
	tcase_add_test(tc, accept_of_nonsense_or_elsewhere_fails);
	ADD(idle_listener_keeps_no_loop_running, 1);
	ADD(accepts_are_served_in_order, EVERY_PLACE);
	ADD(each_gets_all_until_it_stops, EVERY_PLACE);
	ADD(each_fails_with_the_error_of_its_function, EVERY_PLACE);
	ADD(each_whose_function_ends_all_is_cancelled, 10 * DRIVE_COUNT);
	ADD(each_whose_function_waits_is_not_called_again, EVERY_PLACE);
	ADD(those_who_wait_take_turns, EVERY_PLACE);
	ADD(filter_turns_peers_away, EVERY_PLACE);
	ADD(deadline_of_an_accept_with_a_filter, EVERY_PLACE);
	ADD(filter_may_end_all_that_has_called_it, 5 * DRIVE_COUNT);
	ADD(deadline_passes_while_a_filter_waits, EVERY_PLACE);
	ADD(deadline_passes_while_a_filter_turns_peers_away_without_end,
	    EVERY_PLACE);
	ADD(limit_of_connections_pauses_until_one_closes, EVERY_PLACE);
	tcase_add_test(tc,
		       await_of_an_accept_beyond_the_limit_is_a_deadlock);
	ADD(without_descriptors_an_accept_waits_and_loses_nothing,
	    EVERY_PLACE);
	ADD(without_descriptors_an_accept_tries_again, EVERY_PLACE);
	ADD(peer_that_left_is_seen_by_its_file, DRIVE_COUNT);
	ADD(socket_that_another_has_shut_fails_those_who_wait, DRIVE_COUNT);
	ADD(socket_shared_with_a_process_gives_each_peer_once, EVERY_PLACE);
	ADD(flood_of_peers_holds_up_nobody, 2 * DRIVE_COUNT);
	tcase_add_test(tc, accepts_that_are_done_at_once_let_others_run);
	ADD(accept_is_awaited_in_every_context, PLACES * CONTEXT_COUNT);
	ADD(each_is_awaited_in_every_context, CONTEXT_COUNT);
	tcase_add_loop_test(
		tc, accepted_file_has_no_number_of_stdio_while_there_are_others,
		0, EVERY_PLACE);
	tcase_add_loop_test(tc,
			    child_by_fork_that_runs_the_base_accepts_nothing, 0,
			    EVERY_PLACE);
	tcase_add_test(tc, dump_names_the_listener);
	return s;
}
