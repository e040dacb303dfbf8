/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files over bufferevents whose loop moves to another base and back: what is
 * unsent leaves wherever the loop is, and callbacks that libevent has deferred on
 * a base that does not run are not needed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "support/contexts.h"

#define SIZE 400000

static struct stage stage;
static char bytes[SIZE];

/* A file over a bufferevent, and the other end of its socket. */
static struct over {
	struct bufferevent *bev;
	struct af_file *file;
	struct af_file *peer;
	int peer_fd;
	struct af_future *read, *write; /* that a body has begun */
} over;

static void open_over(enum context context, int options)
{
	int pair[2];

	stage_open(&stage, context);
	make_pair(KIND_SOCKETPAIR, pair);
	evutil_make_socket_nonblocking(pair[0]);
	over = (struct over){ .peer_fd = pair[1] };
	over.bev = bufferevent_socket_new(af_loop_base(stage.loop), pair[0],
					  BEV_OPT_CLOSE_ON_FREE | options);
	over.file = af_file_from_bufferevent(stage.loop, over.bev, 0);
	over.peer = af_file_new(stage.loop, pair[1], 0);
	ck_assert_ptr_nonnull(over.file);
	ck_assert_ptr_nonnull(over.peer);
}

static void close_over(void)
{
	ck_assert_int_eq(af_file_close(over.file), 0);
	if (over.peer)
		ck_assert_int_eq(af_file_close(over.peer), 0);
	stage_close(&stage);
}

static void expect_await(struct af_future *f, int error, size_t count)
{
	ck_assert_int_eq(af_await_for(f, MS(700)), error);
	ck_assert_uint_eq(af_future_count(f), count);
	af_future_unref(f);
}

static struct af_future *read_all_of_peer(size_t n)
{
	return af_file_read(over.peer, n, AFIO_FULL, NULL);
}

static void cancel(struct af_future *done, void *arg)
{
	(void)done;
	af_future_cancel(arg);
}

/*
 * A write that ends when the socket is full, in the same wait. It has bytes in
 * the output, too. Nothing is wanted of the file any more.
 */
static size_t write_some(void)
{
	struct af_future *f =
		af_file_write(over.file, bytes, SIZE, AFIO_FULL, NULL);
	struct pollfd full = { bufferevent_getfd(over.bev), POLLOUT, 0 };
	size_t n;

	do
		expect_await(af_sleep(stage.loop, MS(1)), 0, 0);
	while (poll(&full, 1, 0) > 0);
	af_on_done(af_sleep(stage.loop, MS(1)), cancel, f);
	expect_await(af_sleep(stage.loop, MS(9)), 0, 0);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	n = af_future_count(f);
	af_future_unref(f);
	ck_assert_uint_lt(n, SIZE);
	ck_assert_uint_gt(evbuffer_get_length(bufferevent_get_output(over.bev)),
			  0);
	return n;
}

static void write_some_in_a_wait(void *arg)
{
	(void)arg;
	over.read = read_all_of_peer(write_some());
}

START_TEST(bytes_of_a_write_that_ended_in_a_wait_leave_after_it)
{
	open_over((enum context)_i, 0);
	stage_play(&stage, write_some_in_a_wait, NULL);
	ck_assert_int_eq(af_future_error(over.read), 0);
	af_future_unref(over.read);
	close_over();
}
END_TEST

static void read_in_a_wait(void *arg)
{
	const size_t *n = arg;

	expect_await(read_all_of_peer(*n), 0, *n);
}

START_TEST(bytes_of_a_write_that_ended_before_a_wait_leave_in_it)
{
	size_t n;

	open_over((enum context)_i, 0);
	n = write_some();
	stage_play(&stage, read_in_a_wait, &n);
	close_over();
}
END_TEST

/* Closed while its bytes are in its output, before a poll. */
static void close_and_read(void *arg)
{
	struct af_future *f = af_file_write(over.file, "abc", 3, 0, NULL);

	(void)arg;
	ck_assert_int_eq(af_file_close(over.file), 0);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), 3);
	af_future_unref(f);
	expect_await(read_all_of_peer(3), 0, 3);
}

START_TEST(bytes_of_a_file_closed_before_a_wait_leave_in_it)
{
	open_over((enum context)_i, 0);
	stage_play(&stage, close_and_read, NULL);
	ck_assert_int_eq(af_file_close(over.peer), 0);
	stage_close(&stage);
}
END_TEST

/*
 * From here on the body is called when the file has a byte, too, and is to be
 * called back for it: in a callback of the same turn of the base.
 */

static void play_deferred(enum context context, void (*body)(void *))
{
	int cue[2];

	open_over(context, BEV_OPT_DEFER_CALLBACKS);
	make_pair(KIND_PIPE, cue);
	over.read = af_file_read(over.file, 1, 0, NULL);
	put_text(over.peer_fd, "x");
	put_text(cue[1], "x");
	stage.cue = cue[0];
	stage_play(&stage, body, NULL);
	close(cue[0]);
	close(cue[1]);
}

static void after_a_moment(af_done_fn fn)
{
	af_on_done(af_sleep(stage.loop, MS(5)), fn, NULL);
}

static void send_abc(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	put_text(over.peer_fd, "abc");
}

static void expect_abc(void)
{
	after_a_moment(send_abc);
	expect_await(af_file_read(over.file, 3, AFIO_FULL, NULL), 0, 3);
}

static void read_twice(void *arg)
{
	(void)arg;
	expect_await(over.read, 0, 1);
	expect_abc();
	expect_abc();
}

START_TEST(read_goes_on_in_a_wait_although_a_callback_is_deferred)
{
	play_deferred((enum context)_i, read_twice);
	expect_abc();
	close_over();
}
END_TEST

/* In a wait that is left before the read is done. */
static void read_in_part(void *arg)
{
	(void)arg;
	expect_await(over.read, 0, 1);
	over.read = af_file_read(over.file, 3, AFIO_FULL, NULL);
	expect_await(af_sleep(stage.loop, MS(3)), 0, 0);
	send_abc(NULL, NULL);
}

START_TEST(read_that_such_a_wait_leaves_goes_on_after_it)
{
	play_deferred((enum context)_i, read_in_part);
	expect_await(over.read, 0, 3);
	close_over();
}
END_TEST

static void shut_peer(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	ck_assert_int_eq(shutdown(over.peer_fd, SHUT_WR), 0);
}

static void read_end(void *arg)
{
	struct af_future *f;

	(void)arg;
	expect_await(over.read, 0, 1);
	after_a_moment(shut_peer);
	f = af_file_read(over.file, 9, 0, NULL);
	ck_assert_int_eq(af_await_for(f, MS(700)), 0);
	ck_assert_uint_eq(af_future_count(f), 0);
	ck_assert(af_future_flags(f) & AFIO_EOF);
	af_future_unref(f);
}

START_TEST(end_is_told_in_a_wait_although_a_callback_is_deferred)
{
	play_deferred((enum context)_i, read_end);
	close_over();
}
END_TEST

static void close_peer(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	ck_assert_int_eq(af_file_close(over.peer), 0);
	over.peer = NULL;
}

/* A peer that leaves bytes unread resets the connection. */
static void read_reset(void *arg)
{
	(void)arg;
	expect_await(over.read, 0, 1);
	expect_await(af_file_write(over.file, "abc", 3, 0, NULL), 0, 3);
	after_a_moment(close_peer);
	expect_await(af_file_read(over.file, 9, 0, NULL), -ECONNRESET, 0);
}

START_TEST(reset_is_told_in_a_wait_although_a_callback_is_deferred)
{
	play_deferred((enum context)_i, read_reset);
	close_over();
}
END_TEST

static void write_all(void *arg)
{
	struct af_future *read = read_all_of_peer(SIZE);

	(void)arg;
	expect_await(over.read, 0, 1);
	expect_await(af_file_write(over.file, bytes, SIZE, AFIO_FULL, NULL), 0,
		     SIZE);
	expect_await(read, 0, SIZE);
}

START_TEST(write_goes_on_in_a_wait_although_a_callback_is_deferred)
{
	play_deferred((enum context)_i, write_all);
	close_over();
}
END_TEST

static void write_to_nobody(void *arg)
{
	struct af_future *f;

	(void)arg;
	expect_await(over.read, 0, 1);
	after_a_moment(close_peer);
	f = af_file_write(over.file, bytes, SIZE, AFIO_FULL, NULL);
	ck_assert_int_eq(af_await_for(f, MS(700)), -EPIPE);
	ck_assert_uint_lt(af_future_count(f), SIZE);
	af_future_unref(f);
}

START_TEST(broken_pipe_is_told_in_a_wait_although_a_callback_is_deferred)
{
	signal(SIGPIPE, SIG_IGN);
	play_deferred((enum context)_i, write_to_nobody);
	close_over();
}
END_TEST

/* The program's timeout of a write, which libevent tells by a callback, too. */
static void write_too_slowly(void *arg)
{
	struct af_future *f;

	(void)arg;
	expect_await(over.read, 0, 1);
	bufferevent_set_timeouts(over.bev, NULL, MS(20));
	f = af_file_write(over.file, bytes, SIZE, AFIO_FULL, NULL);
	ck_assert_int_eq(af_await_for(f, MS(700)), -ETIMEDOUT);
	af_future_unref(f);
}

START_TEST(timeout_is_told_in_a_wait_although_a_callback_is_deferred)
{
	play_deferred((enum context)_i, write_too_slowly);
	close_over();
}
END_TEST

static struct af_future *return_nothing(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

/* What it waits for is done before its base is polled. */
static void wait_briefly(void *arg)
{
	struct af_future *f = af_future_new(stage.loop, NULL, NULL);

	(void)arg;
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	expect_await(af_then(f, return_nothing, NULL), 0, 0);
}

START_TEST(callback_deferred_in_a_wait_comes_after_it)
{
	open_over((enum context)_i, BEV_OPT_DEFER_CALLBACKS);
	over.read = af_file_read(over.file, 3, AFIO_FULL, NULL);
	after_a_moment(send_abc);
	stage_play(&stage, wait_briefly, NULL);
	expect_await(over.read, 0, 3);
	close_over();
}
END_TEST

/* A pair cannot move: the other one goes there, and comes back. */
static void try_to_wait(void *arg)
{
	struct af_future *f = af_sleep(stage.loop, MS(1));
	int r = af_await(f);

	(void)arg;
	ck_assert_int_eq(r, contexts[stage.context].private ? -ENOTSUP : 0);
	af_future_cancel(f);
	af_future_unref(f);
}

START_TEST(callback_deferred_in_a_wait_that_fails_comes_after_it)
{
	struct bufferevent *pair[2];
	struct af_future *none;
	struct af_file *file;

	open_over((enum context)_i, BEV_OPT_DEFER_CALLBACKS);
	bufferevent_pair_new(af_loop_base(stage.loop), 0, pair);
	file = af_file_from_bufferevent(stage.loop, pair[0], 0);
	/* Watches move from the last one that was added. */
	none = af_file_read(file, 1, 0, NULL);
	over.read = af_file_read(over.file, 3, AFIO_FULL, NULL);
	after_a_moment(send_abc);
	af_on_done(af_sleep(stage.loop, MS(20)), cancel, none);
	stage_play(&stage, try_to_wait, NULL);
	af_future_unref(none);
	ck_assert_int_eq(af_file_close(file), 0);
	bufferevent_free(pair[1]);
	expect_await(over.read, 0, 3);
	close_over();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/bufferevent_moves");
	TCase *tc = test_case(s, "unsent");

#define ADD(test) tcase_add_loop_test(tc, test, 0, CONTEXT_COUNT)
	ADD(bytes_of_a_write_that_ended_in_a_wait_leave_after_it);
	ADD(bytes_of_a_write_that_ended_before_a_wait_leave_in_it);
	ADD(bytes_of_a_file_closed_before_a_wait_leave_in_it);

	tc = test_case(s, "deferred");
	ADD(read_goes_on_in_a_wait_although_a_callback_is_deferred);
	ADD(read_that_such_a_wait_leaves_goes_on_after_it);
	ADD(end_is_told_in_a_wait_although_a_callback_is_deferred);
	ADD(reset_is_told_in_a_wait_although_a_callback_is_deferred);
	ADD(write_goes_on_in_a_wait_although_a_callback_is_deferred);
	ADD(broken_pipe_is_told_in_a_wait_although_a_callback_is_deferred);
	ADD(timeout_is_told_in_a_wait_although_a_callback_is_deferred);
	ADD(callback_deferred_in_a_wait_comes_after_it);
	ADD(callback_deferred_in_a_wait_that_fails_comes_after_it);
	return s;
}
