/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of files over a bufferevent that the program made, and has used: what is
 * in it already, what is left in it, how it comes back. The outcome tables are
 * in file/read_every_kind.c and its like.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/harness.h"

static struct rig rig;
static struct bufferevent *bevs[2];
static struct af_file *files[2];
static struct af_future *pending;

static void open_pair(int way)
{
	rig_open(&rig, way);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
	for (int i = 0; i < 2; i++) {
		files[i] = af_file_from_bufferevent(rig.loop, bevs[i], 0);
		ck_assert_ptr_nonnull(files[i]);
	}
}

static void close_pair(void)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		files[i] = NULL;
	}
	rig_close(&rig);
}

START_TEST(write_to_a_pair_arrives_and_is_counted)
{
	const size_t len = 300000;
	char *data = malloc(len);
	struct af_future *written;

	ck_assert_ptr_nonnull(data);
	memset(data, 'x', len - 1);
	data[len - 1] = '\n';
	open_pair(_i);
	written = af_file_write(files[0], data, len, AFIO_FULL, NULL);
	expect_bytes(&rig, af_file_readline(files[1], 0, 0, 0, NULL), data, len,
		     0);
	expect_count(&rig, written, len, 0);
	close_pair();
	free(data);
}
END_TEST

START_TEST(read_from_a_pair_whose_other_end_closed_is_eof)
{
	struct af_future *written;

	open_pair(_i);
	written = af_file_write(files[0], "abc", 3, AFIO_FULL, NULL);
	expect_text(&rig, af_file_read(files[1], 9, 0, NULL), "abc", 0);
	expect_count(&rig, written, 3, 0);
	ck_assert_int_eq(af_file_close(files[0]), 0);
	files[0] = NULL;
	expect_text(&rig, af_file_read(files[1], 0, 0, NULL), "", AFIO_EOF);
	expect_text(&rig, af_file_read(files[1], 9, 0, NULL), "", AFIO_EOF);
	close_pair();
}
END_TEST

START_TEST(read_from_a_pair_past_its_deadline_keeps_what_comes)
{
	struct af_future *written;

	open_pair(_i);
	expect_error(&rig, af_file_read(files[1], 9, 0, MS(5)), -ETIMEDOUT);
	written = af_file_write(files[0], "ab\ncd", 5, AFIO_FULL, NULL);
	expect_text(&rig, af_file_readline(files[1], 0, 0, 0, NULL), "ab\n", 0);
	expect_text(&rig, af_file_read(files[1], 2, AFIO_FULL, NULL), "cd", 0);
	expect_count(&rig, written, 5, 0);
	close_pair();
}
END_TEST

static void await_in_callback(evutil_socket_t fd, short what, void *arg)
{
	int *error = arg;
	struct af_future *f = af_sleep(rig.loop, MS(10000));

	(void)fd;
	(void)what;
	*error = af_await(f);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	af_future_unref(f);
	af_future_cancel(pending);
}

/* A pair cannot leave its base, where the program's events would run, too. */
START_TEST(await_in_a_callback_with_a_pair_pending_is_enotsup)
{
	int error = 0;

	open_pair(_i);
	pending = af_file_read(files[1], 9, 0, NULL);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			await_in_callback, &error, MS(1));
	expect_error(&rig, af_future_ref(pending), -ECANCELED);
	ck_assert_int_eq(error, -ENOTSUP);
	af_future_unref(pending);
	close_pair();
}
END_TEST

static void sleep_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f = af_sleep(rig.loop, MS(1));

	(void)fd;
	(void)what;
	*(int *)arg = af_await(f);
	af_future_unref(f);
}

START_TEST(await_in_a_callback_with_an_idle_pair_succeeds)
{
	int error = 1;

	open_pair(_i);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			sleep_in_callback, &error, MS(1));
	if (rig.driver == DRIVE_DISPATCH)
		ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	else
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(error, 0);
	close_pair();
}
END_TEST

/* What is over is not pending, though the loop has not turned since. */
static void end_reads_and_sleep(evutil_socket_t fd, short what, void *arg)
{
	af_future_unref(af_file_read(files[0], 9, 0, MS(0)));
	af_future_cancel(pending);
	sleep_in_callback(fd, what, arg);
}

START_TEST(await_in_a_callback_after_the_reads_of_a_pair_succeeds)
{
	int error = 1;

	open_pair(DRIVE_DISPATCH);
	pending = af_file_read(files[1], 9, 0, NULL);
	event_base_once(rig.base, -1, EV_TIMEOUT, end_reads_and_sleep, &error,
			MS(1));
	ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(af_future_error(pending), -ECANCELED);
	af_future_unref(pending);
	close_pair();
}
END_TEST

static struct af_future *read_pair(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	pending = af_file_read(files[1], 9, 0, NULL);
	return NULL;
}

static void read_inside_a_wait(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f =
		af_then(af_sleep(rig.loop, MS(1)), read_pair, NULL);

	(void)fd;
	(void)what;
	*(int *)arg = af_await(f);
	af_future_unref(f);
}

START_TEST(read_of_a_pair_inside_an_await_in_a_callback_is_enotsup)
{
	struct af_future *written;
	int error = 1;

	open_pair(DRIVE_DISPATCH);
	event_base_once(rig.base, -1, EV_TIMEOUT, read_inside_a_wait, &error,
			MS(1));
	ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(af_future_error(pending), -ENOTSUP);
	af_future_unref(pending);
	written = af_file_write(files[0], "abc", 3, AFIO_FULL, NULL);
	expect_text(&rig, af_file_read(files[1], 9, 0, NULL), "abc", 0);
	expect_count(&rig, written, 3, 0);
	close_pair();
}
END_TEST

/* Over a socket, whose other end is fds[1]. */
static struct bufferevent *make_bufferevent(int fds[2], int options)
{
	make_pair(KIND_SOCKETPAIR, fds);
	evutil_make_socket_nonblocking(fds[0]);
	return bufferevent_socket_new(af_loop_base(rig.loop), fds[0], options);
}

/* Over a socket that the program has used before. */
static struct af_file *wrap_socket(int fds[2], struct bufferevent **ret_bev,
				   int options, unsigned flags)
{
	*ret_bev = make_bufferevent(fds, options);
	return af_file_from_bufferevent(rig.loop, *ret_bev, flags);
}

/*
 * The timer that refills a limit stays on the home base. Index: a limit of its
 * own or of a group; of both directions, or of writing.
 */
START_TEST(await_in_a_callback_with_a_rate_limit_is_enotsup)
{
	static const struct timeval tick = { 0, 100000 };
	const size_t most = _i / 2 ? EV_RATE_LIMIT_MAX : 2000;
	struct ev_token_bucket_cfg *limit =
		ev_token_bucket_cfg_new(most, most, 2000, 2000, &tick);
	struct bufferevent_rate_limit_group *group;
	struct bufferevent *bev;
	struct af_file *file;
	int fds[2], error = 0;

	rig_open(&rig, 0);
	group = bufferevent_rate_limit_group_new(af_loop_base(rig.loop), limit);
	file = wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, 0);
	if (_i % 2 == 0)
		bufferevent_set_rate_limit(bev, limit);
	else
		bufferevent_add_to_rate_limit_group(bev, group);
	pending = af_file_read(file, 9, 0, NULL);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			await_in_callback, &error, MS(1));
	expect_error(&rig, af_future_ref(pending), -ECANCELED);
	ck_assert_int_eq(error, -ENOTSUP);
	af_future_unref(pending);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[1]);
	turn(&rig);
	bufferevent_rate_limit_group_free(group);
	ev_token_bucket_cfg_free(limit);
	rig_close(&rig);
}
END_TEST

/* The same, over a filter. */
static struct af_file *wrap_filter(int fds[2])
{
	struct bufferevent *below, *bev;

	below = make_bufferevent(fds, BEV_OPT_CLOSE_ON_FREE);
	bev = bufferevent_filter_new(below, NULL, NULL, BEV_OPT_CLOSE_ON_FREE,
				     NULL, NULL);
	return af_file_from_bufferevent(rig.loop, bev, 0);
}

static void expect_refused(struct af_loop *loop, struct bufferevent *bev,
			   unsigned flags, int error)
{
	errno = 0;
	ck_assert_ptr_null(af_file_from_bufferevent(loop, bev, flags));
	ck_assert_int_eq(errno, error);
}

START_TEST(from_bufferevent_of_nonsense_fails_and_leaves_it)
{
	struct bufferevent *bev;
	struct af_loop *freed;
	struct af_file *file;
	int fds[2];

	rig_open(&rig, DRIVE_AWAIT);
	file = wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, AFIO_KEEP_FD);
	ck_assert_int_eq(af_file_detach(file, NULL), -EINVAL);
	put_text(fds[1], "abc");
	expect_text(&rig, af_file_read(file, 3, 0, NULL), "abc", 0);
	freed = af_loop_new(NULL);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_refused(NULL, bev, 0, EINVAL);
	expect_refused(rig.loop, NULL, 0, EINVAL);
	expect_refused(rig.loop, bev, AFIO_FULL, EINVAL);
	file = af_file_new(freed, fds[1], 0);
	af_loop_free(freed);
	/* It lives as long as what was made with it, but takes nothing more. */
	expect_refused(freed, bev, 0, ECANCELED);
	ck_assert_ptr_null(af_file_open(freed, "/dev/null", "r"));
	ck_assert_int_eq(errno, ECANCELED);
	ck_assert_int_eq(af_file_close(file), 0);
	bufferevent_free(bev);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

static int count_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)flags;
	(void)len;
	++*(int *)arg;
	return 0;
}

/* The loop is gone, and so is what the bytes went through. */
static void expect_canceled(struct af_file *file)
{
	struct evbuffer *buf = evbuffer_new();
	int pieces = 0;

	evbuffer_add(buf, "abc", 3);
	expect_error(&rig, af_file_read(file, 3, 0, NULL), -ECANCELED);
	expect_error(&rig, af_file_readline(file, 0, 0, 0, MS(1)), -ECANCELED);
	expect_error(&rig, af_file_read_until(file, "--", 2, 0, 0, NULL),
		     -ECANCELED);
	expect_error(&rig, af_file_peek(file, 3, NULL), -ECANCELED);
	ck_assert_int_eq(af_file_unread(file, "abc", 3), -ECANCELED);
	ck_assert_int_eq(af_file_set_read_ahead(file, 9), 0);
	expect_error(&rig, af_file_each_line(file, count_piece, &pieces),
		     -ECANCELED);
	expect_error(&rig, af_file_each_chunk(file, count_piece, &pieces),
		     -ECANCELED);
	ck_assert_int_eq(pieces, 0);
	expect_error(&rig, af_file_write(file, "abc", 3, AFIO_FULL, NULL),
		     -ECANCELED);
	expect_error(&rig, af_file_write_buffer(file, buf, 0, NULL),
		     -ECANCELED);
	ck_assert_uint_eq(evbuffer_get_length(buf), 3);
	expect_error(&rig, af_file_copy(file, file, -1, NULL), -ECANCELED);
	expect_error(&rig, af_file_hangup(file), -ECANCELED);
	expect_error(&rig, af_file_sync(file, NULL), -ECANCELED);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -ECANCELED);
	ck_assert_int_eq(af_file_size(file), -ECANCELED);
	ck_assert_int_eq(af_file_shutdown(file, SHUT_WR), -ECANCELED);
	ck_assert_int_eq(af_file_close(file), 0);
	evbuffer_free(buf);
}

/* Of a bufferevent, a socket, and on disk. */
START_TEST(everything_after_the_loop_was_freed_fails_canceled)
{
	struct bufferevent *bev;
	struct af_file *made[3];
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	made[0] = wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, 0);
	made[1] = af_file_new(rig.loop, fds[1], 0);
	made[2] = af_file_open(rig.loop, "/dev/null", "r+");
	af_loop_free(rig.loop);
	rig.loop = NULL;
	for (int i = 0; i < 3; i++)
		expect_canceled(made[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(output_put_in_before_goes_out_first_and_is_not_counted)
{
	struct bufferevent *bev;
	struct af_file *file;
	char text[12] = "";
	int fds[2];

	rig_open(&rig, _i);
	bev = make_bufferevent(fds, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_disable(bev, EV_WRITE);
	bufferevent_write(bev, "before", 6);
	file = af_file_from_bufferevent(rig.loop, bev, 0);
	expect_count(&rig, af_file_write(file, "after", 5, AFIO_FULL, NULL), 5,
		     0);
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	get(fds[1], text, 11);
	ck_assert_str_eq(text, "beforeafter");
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/*
 * It comes back with its bytes, its watermarks and what was enabled. Index: its
 * high watermark is below or above what the library reads ahead.
 */
START_TEST(bufferevent_kept_is_given_back_as_it_was)
{
	const size_t most = _i % 2 ? 1 << 20 : 200;
	struct bufferevent *bev;
	struct af_file *file;
	char text[8] = "";
	size_t low, high;
	int fds[2];

	rig_open(&rig, _i / 2);
	file = wrap_socket(fds, &bev, 0, AFIO_KEEP_FD);
	ck_assert_int_eq(af_file_close(file), 0);
	bufferevent_setwatermark(bev, EV_READ, 100, most);
	bufferevent_enable(bev, EV_READ);
	file = af_file_from_bufferevent(rig.loop, bev, AFIO_KEEP_FD);
	put_text(fds[1], "ab\ncdef");
	/* A low watermark keeps nothing back. */
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "ab\n", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(bufferevent_read(bev, text, 7), 4);
	ck_assert_str_eq(text, "cdef");
	bufferevent_getwatermark(bev, EV_READ, &low, &high);
	ck_assert(low == 100 && high == most);
	ck_assert_int_eq(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
	bufferevent_free(bev);
	turn(&rig);
	ck_assert_int_eq(close(fds[0]), 0);
	ck_assert_int_eq(close(fds[1]), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(timeout_of_a_bufferevent_fails_one_read)
{
	struct bufferevent *bev;
	struct af_file *file;
	int fds[2];

	rig_open(&rig, _i);
	file = wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, 0);
	bufferevent_set_timeouts(bev, MS(5), NULL);
	expect_error(&rig, af_file_read(file, 3, 0, NULL), -ETIMEDOUT);
	/* Else the next one may be late, too. */
	bufferevent_set_timeouts(bev, NULL, NULL);
	put_text(fds[1], "abc");
	expect_text(&rig, af_file_read(file, 3, 0, NULL), "abc", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(eof_seen_before_is_seen_again)
{
	struct bufferevent *bev;
	struct af_file *file;
	int fds[2];

	rig_open(&rig, _i);
	file = wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, AFIO_KEEP_FD);
	ck_assert_int_eq(close(fds[1]), 0);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	file = af_file_from_bufferevent(rig.loop, bev, 0);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

static int await_now_and_then(const char *data, size_t len, unsigned flags,
			      void *arg)
{
	struct af_future *f = af_sleep(rig.loop, MS(1));

	(void)data;
	(void)flags;
	(void)arg;
	(void)len;
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	return 0;
}

/* A filter over what is there already, is held up, and ends meanwhile. */
START_TEST(filter_held_up_at_its_end_brings_all)
{
	const size_t len = 100000;
	char *data = calloc(1, len);
	struct bufferevent *filter;
	struct af_file *file;

	rig_open(&rig, _i);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
	bufferevent_enable(bevs[1], EV_READ);
	bufferevent_write(bevs[0], data, len);
	ck_assert_uint_eq(evbuffer_get_length(bufferevent_get_input(bevs[1])),
			  len);
	filter = bufferevent_filter_new(bevs[1], NULL, NULL,
					BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	bufferevent_setwatermark(filter, EV_READ, 0, 1000);
	file = af_file_from_bufferevent(rig.loop, filter, 0);
	bufferevent_flush(bevs[0], EV_WRITE, BEV_FINISHED);
	expect_count(&rig, af_file_each_chunk(file, await_now_and_then, NULL),
		     len, AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	bufferevent_free(bevs[0]);
	turn(&rig);
	rig_close(&rig);
	free(data);
}
END_TEST

/* bufferevent_free() would drop it. */
START_TEST(close_of_a_filter_with_bytes_below_sends_them)
{
	const size_t len = 100000;
	char *data = calloc(1, len), *got = malloc(len);
	struct af_file *file;
	struct af_future *f;
	size_t count;
	int fds[2];

	rig_open(&rig, _i);
	file = wrap_filter(fds);
	f = af_file_write(file, data, len, AFIO_FULL, NULL);
	ck_assert_int_eq(af_file_close(file), 0);
	drive(&rig, f);
	count = af_future_count(f);
	af_future_unref(f);
	ck_assert_uint_gt(count, 0);
	for (int i = 0; i < 10; i++)
		turn(&rig);
	get(fds[1], got, count);
	ck_assert_int_eq(memcmp(got, data, count), 0);
	ck_assert_int_eq(read(fds[1], got, 1), 0);
	close(fds[1]);
	rig_close(&rig);
	free(data);
	free(got);
}
END_TEST

/* What could not be sent while it was open is not tried for long after that. */
START_TEST(close_of_a_filter_after_epipe_is_at_once)
{
	const size_t len = 4 << 20;
	char *data = calloc(1, len);
	struct af_file *file;
	struct af_future *f;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	rig_open(&rig, _i);
	file = wrap_filter(fds);
	f = af_file_write(file, data, len, AFIO_FULL, NULL);
	for (int i = 0; i < 3; i++)
		turn(&rig);
	close(fds[1]);
	expect_part(&rig, f, len, -EPIPE, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
	rig_close(&rig);
	free(data);
}
END_TEST

/* It takes a turn of the loop for it to read. */
START_TEST(read_without_waiting_has_what_was_read_by_then)
{
	struct bufferevent *bev;
	struct af_file *file;
	int fds[2];

	rig_open(&rig, _i);
	file = wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, 0);
	put_text(fds[1], "abc");
	expect_error(&rig, af_file_read(file, 9, 0, MS(0)), -ETIMEDOUT);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "a", 0);
	expect_text(&rig, af_file_read(file, 9, 0, MS(0)), "bc", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/* That it sends no more does not mean that it reads no more. */
START_TEST(write_after_the_peer_shut_its_half_arrives)
{
	struct bufferevent *bev;
	struct af_file *file;
	struct af_future *f;
	char text[8] = "";
	int fds[2];

	rig_open(&rig, _i / 2);
	file = _i & 1 ? wrap_filter(fds)
		      : wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, 0);
	ck_assert_int_eq(shutdown(fds[1], SHUT_WR), 0);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	f = af_file_write(file, "answer", 6, AFIO_FULL, NULL);
	expect_count(&rig, f, 6, 0);
	get(fds[1], text, 6);
	ck_assert_str_eq(text, "answer");
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/* libevent's next allocation of a buffer fails, once. */
static bool no_memory;

static void *allocate(size_t size)
{
	if (!no_memory || size < 512)
		return malloc(size);
	no_memory = false;
	errno = ENOMEM;
	return NULL;
}

/* Bytes that wait for the peer are not lost with those that it has sent. */
START_TEST(write_beside_a_read_without_memory_arrives)
{
	static const char data[300000];
	struct bufferevent *bev;
	struct af_file *file, *peer;
	struct af_future *f;
	int fds[2];

	event_set_mem_functions(allocate, realloc, free);
	rig_open(&rig, _i);
	file = wrap_socket(fds, &bev, BEV_OPT_CLOSE_ON_FREE, 0);
	f = af_file_write(file, data, sizeof data, AFIO_FULL | AFIO_BORROW,
			  NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	put_text(fds[1], "abc");
	no_memory = true;
	expect_error(&rig, af_file_read(file, 3, 0, NULL), -ENOMEM);
	ck_assert(!no_memory);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	peer = af_file_new(rig.loop, fds[1], 0);
	expect_bytes(&rig, af_file_read(peer, sizeof data, AFIO_FULL, NULL),
		     data, sizeof data, 0);
	expect_count(&rig, f, sizeof data, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(af_file_close(peer), 0);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

static void close_both(struct af_future *done, void *arg)
{
	(void)arg;
	ck_assert_uint_eq(af_future_count(done), 1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		files[i] = NULL;
	}
}

/*
 * A callback that comes late: with nothing new, or for what was freed
 * when it was queued. Its memory goes a turn later.
 */
START_TEST(close_with_deferred_callbacks_queued_is_quiet)
{
	struct af_future *f;

	rig_open(&rig, _i);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop),
					      BEV_OPT_DEFER_CALLBACKS, bevs),
			 0);
	for (int i = 0; i < 2; i++)
		files[i] = af_file_from_bufferevent(rig.loop, bevs[i], 0);
	af_on_done(af_file_read(files[1], 1, 0, NULL), close_both, NULL);
	f = af_file_read(files[0], 1, 0, NULL);
	af_future_unref(af_file_write(files[0], "abc", 3, AFIO_FULL, NULL));
	af_future_unref(af_file_write(files[1], "abc", 3, AFIO_FULL, NULL));
	drive(&rig, f);
	af_future_unref(f);
	while (files[0])
		turn(&rig);
	for (int i = 0; i < 3; i++)
		turn(&rig);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/bufferevent");
	TCase *tc = test_case(s, "pair");

#define ADD(test) tcase_add_loop_test(tc, test, DRIVE_RUN, DRIVE_COUNT)
	ADD(write_to_a_pair_arrives_and_is_counted);
	ADD(read_from_a_pair_whose_other_end_closed_is_eof);
	ADD(read_from_a_pair_past_its_deadline_keeps_what_comes);
	ADD(await_in_a_callback_with_a_pair_pending_is_enotsup);
	ADD(await_in_a_callback_with_an_idle_pair_succeeds);
	tcase_add_test(tc,
		       await_in_a_callback_after_the_reads_of_a_pair_succeeds);
	ADD(close_with_deferred_callbacks_queued_is_quiet);

	tc = test_case(s, "of the program");
	tcase_add_test(tc,
		       read_of_a_pair_inside_an_await_in_a_callback_is_enotsup);
	tcase_add_test(tc, from_bufferevent_of_nonsense_fails_and_leaves_it);
	tcase_add_test(tc, everything_after_the_loop_was_freed_fails_canceled);
	tcase_add_loop_test(
		tc, await_in_a_callback_with_a_rate_limit_is_enotsup, 0, 4);
	ADD(output_put_in_before_goes_out_first_and_is_not_counted);
	tcase_add_loop_test(tc, bufferevent_kept_is_given_back_as_it_was, 0,
			    2 * DRIVE_COUNT);
	ADD(timeout_of_a_bufferevent_fails_one_read);
	ADD(eof_seen_before_is_seen_again);
	/* Elsewhere a filter's base cannot be turned by a wait. */
	tcase_add_loop_test(tc, filter_held_up_at_its_end_brings_all, DRIVE_RUN,
			    DRIVE_RUN + 1);
	ADD(close_of_a_filter_with_bytes_below_sends_them);
	ADD(close_of_a_filter_after_epipe_is_at_once);
	ADD(read_without_waiting_has_what_was_read_by_then);
	tcase_add_loop_test(tc, write_after_the_peer_shut_its_half_arrives, 0,
			    2 * DRIVE_COUNT);
	tcase_add_loop_test(tc, write_beside_a_read_without_memory_arrives, 0,
			    DRIVE_COUNT);
	return s;
}
