/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of stopping a server: what is queued is served, then the sockets close,
 * and the future is done with the last connection.
 */
#include <fcntl.h>
#include <stdlib.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/dial.h"

static struct rig rig;
static struct af_listener *listener;
static struct sockaddr_storage address; /* of the listener */
static socklen_t address_len;

#define EVERY_PLACE (2 * DRIVE_COUNT)

static void open_place(int i, const struct af_listen_options *options)
{
	rig_open_loop(&rig, (enum driver)(i % DRIVE_COUNT));
	listener = i / DRIVE_COUNT == 0
			   ? listen_on(&rig, "127.0.0.1", "0", options)
			   : listen_on(&rig, path_of("socket"), NULL, options);
	memcpy(&address, af_listener_address(listener, 0, &address_len),
	       sizeof address);
}

static void close_place(void)
{
	af_listener_close(listener);
	rig_close(&rig);
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

static int take_none(struct af_file *file, void *arg)
{
	ck_abort_msg("a connection");
	return file != arg;
}

static void expect_stopped(void)
{
	bool path = address.ss_family == AF_UNIX;

	expect_deaf((struct sockaddr *)&address, address_len,
		    path ? ENOENT : ECONNREFUSED);
	ck_assert_int_eq(af_listener_fd(listener, 0), -EBADF);
	ck_assert_ptr_nonnull(af_listener_address(listener, 0, NULL));
	expect_done(af_listener_accept(listener, NULL), -EBADF);
	expect_done(af_listener_each(listener, take_none, NULL), -EBADF);
}

/* The files that an each keeps. */
static struct af_file *kept[64];
static size_t n_kept;

static int keep(struct af_file *file, void *arg)
{
	(void)arg;
	ck_assert_uint_lt(n_kept, sizeof kept / sizeof *kept);
	kept[n_kept++] = file;
	return 0;
}

static void close_kept(void)
{
	while (n_kept > 0)
		ck_assert_int_eq(af_file_close(kept[--n_kept]), 0);
}

START_TEST(stop_of_an_idle_listener_is_done_at_once)
{
	open_place(_i, NULL);
	expect_done(af_listener_stop(listener, _i % 2 ? MS(0) : NULL), 0);
	expect_stopped();
	/* And again. */
	expect_done(af_listener_stop(listener, NULL), 0);
	expect_done(af_listener_stop(listener, MS(0)), 0);
	close_place();
}
END_TEST

START_TEST(stop_serves_what_is_queued_and_waits_for_the_files)
{
	struct af_future *each, *stop;
	int fds[5];

	open_place(_i, NULL);
	each = af_listener_each(listener, keep, NULL);
	for (int i = 0; i < 5; i++)
		fds[i] = dial(listener, 0);
	stop = af_listener_stop(listener, MS(20000));
	expect_count(&rig, each, 5, 0);
	ck_assert_uint_eq(n_kept, 5);
	expect_stopped();
	expect_pending(stop);
	ck_assert_uint_eq(af_future_count(stop), 5);
	expect_connected(&rig, kept[2], fds[2]);
	/* Each of the ways in which a file can end counts. */
	ck_assert_int_eq(af_file_close(kept[4]), 0);
	close(af_file_detach(kept[3], NULL));
	expect_count(&rig, af_file_finish(kept[2], NULL), 0, 0);
	ck_assert_uint_eq(af_future_count(stop), 2);
	ck_assert_int_eq(af_file_close(kept[1]), 0);
	ck_assert_int_eq(af_file_close(kept[2]), 0);
	expect_pending(stop);
	ck_assert_int_eq(af_file_close(kept[0]), 0);
	expect_count(&rig, stop, 0, 0);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	close_place();
}
END_TEST

START_TEST(stop_cancels_accepts_that_get_nobody)
{
	struct af_future *a, *b, *stop;
	struct af_file *file;
	int fd;

	open_place(_i, NULL);
	a = af_listener_accept(listener, NULL);
	b = af_listener_accept(listener, NULL);
	expect_pending(b);
	fd = dial(listener, 0);
	stop = af_listener_stop(listener, NULL);
	file = accepted(&rig, a);
	expect_error(&rig, b, -ECANCELED);
	expect_stopped();
	ck_assert_int_eq(af_file_close(file), 0);
	expect_count(&rig, stop, 0, 0);
	close(fd);
	close_place();
}
END_TEST

/* One that accepts one after the other, and has its file closed. */
static struct af_future *accept_again(struct af_future *done, void *arg)
{
	struct af_file *file = af_future_take_file(done);

	if (!file)
		return NULL;
	++*(int *)arg;
	ck_assert_int_eq(af_file_close(file), 0);
	return af_finally(af_listener_accept(listener, NULL), accept_again,
			  arg);
}

START_TEST(stop_serves_what_is_queued_one_by_one)
{
	struct af_future *loop, *stop;
	int calls = 0, fds[5];

	open_place(_i, NULL);
	loop = af_finally(af_listener_accept(listener, NULL), accept_again,
			  &calls);
	for (int i = 0; i < 5; i++)
		fds[i] = dial(listener, 0);
	stop = af_listener_stop(listener, NULL);
	expect_count(&rig, stop, 0, 0);
	ck_assert_int_eq(drive(&rig, loop), -ECANCELED);
	af_future_unref(loop);
	ck_assert_int_eq(calls, 5);
	expect_stopped();
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	close_place();
}
END_TEST

/* The same with a wait for each. */
START_TEST(stop_serves_what_is_queued_to_one_who_awaits)
{
	struct af_future *f, *stop;
	int n, fds[5], r;

	open_place(_i, NULL);
	f = af_listener_accept(listener, NULL);
	expect_pending(f);
	for (int i = 0; i < 5; i++)
		fds[i] = dial(listener, 0);
	stop = af_listener_stop(listener, NULL);
	for (n = 0; (r = af_await(f)) == 0; n++) {
		af_future_unref(f);
		f = af_listener_accept(listener, NULL);
	}
	ck_assert_int_eq(r, -ECANCELED);
	af_future_unref(f);
	ck_assert_int_eq(n, 5);
	expect_count(&rig, stop, 0, 0);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	close_place();
}
END_TEST

START_TEST(deadline_of_a_stop_says_how_many_are_open)
{
	struct af_future *each, *stop;
	int fds[3];

	open_place(_i, NULL);
	each = af_listener_each(listener, keep, NULL);
	for (int i = 0; i < 3; i++)
		fds[i] = dial(listener, 0);
	while (n_kept < 3)
		expect_pending(each);
	stop = af_listener_stop(listener, MS(5));
	ck_assert_int_eq(drive(&rig, stop), -ETIMEDOUT);
	ck_assert_uint_eq(af_future_count(stop), 3);
	af_future_unref(stop);
	expect_count(&rig, each, 3, 0);
	expect_stopped();
	stop = af_listener_stop(listener, MS(0));
	ck_assert_uint_eq(af_future_count(stop), 3);
	expect_done(stop, -ETIMEDOUT);
	expect_connected(&rig, kept[0], fds[0]);
	stop = af_listener_stop(listener, NULL);
	close_kept();
	expect_done(stop, 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close_place();
}
END_TEST

START_TEST(stop_without_time_accepts_nothing_more)
{
	struct af_future *each;
	int fd;

	open_place(_i, NULL);
	fd = dial(listener, 0);
	each = af_listener_each(listener, keep, NULL);
	expect_done(af_listener_stop(listener, MS(0)), 0);
	expect_done(each, 0);
	ck_assert_uint_eq(n_kept, 0);
	expect_stopped();
	expect_hung_up(fd);
	close_place();
}
END_TEST

START_TEST(cancelled_stop_stops_nevertheless)
{
	struct af_future *each, *a, *b;
	int fd;

	open_place(_i, NULL);
	each = af_listener_each(listener, keep, NULL);
	fd = dial(listener, 0);
	a = af_listener_stop(listener, NULL);
	b = af_listener_stop(listener, NULL);
	af_future_cancel(a);
	expect_done(a, -ECANCELED);
	expect_count(&rig, each, 1, 0);
	expect_stopped();
	expect_pending(b);
	close_kept();
	expect_count(&rig, b, 0, 0);
	close(fd);
	close_place();
}
END_TEST

START_TEST(stop_of_a_listener_that_closes_fails_canceled)
{
	struct af_future *each, *stop;
	int fd;

	open_place(_i % EVERY_PLACE, NULL);
	each = af_listener_each(listener, keep, NULL);
	fd = dial(listener, 0);
	while (n_kept < 1)
		expect_pending(each);
	stop = af_listener_stop(listener, NULL);
	if (_i < EVERY_PLACE) {
		af_listener_close(listener);
	} else {
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	expect_done(each, -ECANCELED);
	expect_done(stop, -ECANCELED);
	close_kept();
	close(fd);
	if (_i >= EVERY_PLACE)
		af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

/* With a limit, those who are queued come when others have left. */
START_TEST(stop_at_the_limit_serves_the_rest_as_others_leave)
{
	struct af_future *each, *stop;
	int fds[4];

	open_place(_i, LISTEN(.max_connections = 2));
	each = af_listener_each(listener, keep, NULL);
	for (int i = 0; i < 4; i++)
		fds[i] = dial(listener, 0);
	while (n_kept < 2)
		expect_pending(each);
	ck_assert_uint_eq(n_kept, 2);
	stop = af_listener_stop(listener, NULL);
	expect_pending(each);
	ck_assert_uint_eq(af_future_count(stop), 2);
	close_kept();
	while (n_kept < 2)
		expect_pending(each);
	ck_assert_uint_eq(n_kept, 2);
	close_kept();
	expect_count(&rig, each, 4, 0);
	expect_count(&rig, stop, 0, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close_place();
}
END_TEST

/* The path is free at once, and the old server does not remove the new one. */
START_TEST(next_server_starts_while_the_old_one_stops)
{
	struct af_listener *next;
	struct af_future *each, *stop;
	int fds[2];

	open_place(DRIVE_COUNT + _i, NULL);
	each = af_listener_each(listener, keep, NULL);
	fds[0] = dial(listener, 0);
	stop = af_listener_stop(listener, NULL);
	next = listen_on(&rig, path_of("socket"), NULL, NULL);
	fds[1] = dial(next, 0);
	expect_count(&rig, each, 1, 0);
	close_kept();
	expect_count(&rig, stop, 0, 0);
	af_listener_close(listener);
	expect_path("socket", true);
	ck_assert_int_eq(
		af_file_close(accepted(&rig, af_listener_accept(next, NULL))),
		0);
	af_listener_close(next);
	expect_path("socket", false);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/* Peers that never stop coming do not hold up a stop. */
static int dial_another(struct af_file *file, void *arg)
{
	++*(int *)arg;
	ck_assert_int_eq(af_file_close(file), 0);
	close(dial(listener, 0));
	return 0;
}

START_TEST(stop_ends_though_peers_never_stop_coming)
{
	struct af_future *each, *stop;
	int calls = 0;

	open_place(_i, LISTEN(.backlog = 10));
	each = af_listener_each(listener, dial_another, &calls);
	close(dial(listener, 0));
	while (calls == 0)
		expect_pending(each);
	stop = af_listener_stop(listener, NULL);
	expect_count(&rig, stop, 0, 0);
	ck_assert(af_future_is_done(each));
	af_future_unref(each);
	close_place();
}
END_TEST

static struct stage stage;

static void await_stop(void *arg)
{
	struct af_future *each = af_listener_each(listener, keep, NULL);
	struct af_future *stop, *f;
	int fd = dial(listener, 0);

	(void)arg;
	stop = af_listener_stop(listener, NULL);
	ck_assert_int_eq(af_await(each), 0);
	ck_assert_int_eq(af_await_for(stop, MS(5)), -ETIMEDOUT);
	f = af_listener_stop(listener, MS(5));
	ck_assert_int_eq(af_await(f), -ETIMEDOUT);
	af_future_unref(f);
	close_kept();
	ck_assert_int_eq(af_await(stop), 0);
	af_future_unref(each);
	af_future_unref(stop);
	close(fd);
}

START_TEST(stop_is_awaited_in_every_context)
{
	stage_open(&stage, (enum context)_i);
	listener = af_listen(stage.loop, "127.0.0.1", "0", NULL);
	ck_assert_ptr_nonnull(listener);
	stage_play(&stage, await_stop, NULL);
	af_listener_close(listener);
	stage_close(&stage);
}
END_TEST

/* A function of each that stops the server from within. */
static int stop_inside(struct af_file *file, void *arg)
{
	struct af_future **stop = arg;

	if (!*stop)
		*stop = af_listener_stop(listener, NULL);
	ck_assert_int_eq(af_file_close(file), 0);
	return 0;
}

START_TEST(each_whose_function_stops_the_server_ends_well)
{
	struct af_future *each, *stop = NULL;
	int fds[3];

	open_place(_i, NULL);
	each = af_listener_each(listener, stop_inside, &stop);
	for (int i = 0; i < 3; i++)
		fds[i] = dial(listener, 0);
	expect_count(&rig, each, 3, 0);
	expect_count(&rig, stop, 0, 0);
	expect_stopped();
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close_place();
}
END_TEST

/* Nobody else could take those who are queued meanwhile. */
static int stop_and_wait_inside(struct af_file *file, void *arg)
{
	struct af_future *f;

	if (!*(struct af_future **)arg) {
		f = af_sleep(rig.loop, MS(5));
		ck_assert_int_eq(stop_inside(file, arg), 0);
		ck_assert_int_eq(af_await(f), 0);
		af_future_unref(f);
		return 0;
	}
	return stop_inside(file, arg);
}

START_TEST(each_whose_function_stops_the_server_and_waits_gets_the_rest)
{
	struct af_future *each, *stop = NULL;
	int fds[3];

	open_place(_i, NULL);
	each = af_listener_each(listener, stop_and_wait_inside, &stop);
	for (int i = 0; i < 3; i++)
		fds[i] = dial(listener, 0);
	expect_count(&rig, each, 3, 0);
	expect_count(&rig, stop, 0, 0);
	expect_stopped();
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close_place();
}
END_TEST

START_TEST(stop_of_nonsense_fails)
{
	struct timeval odd = { 0, 1000000 };

	open_place(0, NULL);
	expect_done(af_listener_stop(NULL, NULL), -EINVAL);
	expect_done(af_listener_stop(listener, &odd), -EINVAL);
	expect_done(af_listener_stop(listener, MS(-1)), -EINVAL);
	close(dial(listener, 0));
	close_place();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/listener_stop");
	TCase *tc = scratch_case(s, "stop");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(stop_of_an_idle_listener_is_done_at_once, EVERY_PLACE);
	ADD(stop_serves_what_is_queued_and_waits_for_the_files, EVERY_PLACE);
	ADD(stop_cancels_accepts_that_get_nobody, EVERY_PLACE);
	ADD(stop_serves_what_is_queued_one_by_one, EVERY_PLACE);
	ADD(stop_serves_what_is_queued_to_one_who_awaits, EVERY_PLACE);
	ADD(deadline_of_a_stop_says_how_many_are_open, EVERY_PLACE);
	ADD(stop_without_time_accepts_nothing_more, EVERY_PLACE);
	ADD(cancelled_stop_stops_nevertheless, EVERY_PLACE);
	ADD(stop_of_a_listener_that_closes_fails_canceled, 2 * EVERY_PLACE);
	ADD(stop_at_the_limit_serves_the_rest_as_others_leave, EVERY_PLACE);
	ADD(next_server_starts_while_the_old_one_stops, DRIVE_COUNT);
	ADD(stop_ends_though_peers_never_stop_coming, DRIVE_COUNT);
	ADD(stop_is_awaited_in_every_context, CONTEXT_COUNT);
	ADD(each_whose_function_stops_the_server_ends_well, EVERY_PLACE);
	ADD(each_whose_function_stops_the_server_and_waits_gets_the_rest,
	    EVERY_PLACE);
	tcase_add_test(tc, stop_of_nonsense_fails);
	return s;
}
