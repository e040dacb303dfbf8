/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what a bufferevent reports to the file over it, also in the middle of
 * a read; and of one that sends its last bytes when the file is closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/harness.h"
#include "support/system.h"

static struct rig rig;
static struct bufferevent *bevs[2];
static struct af_file *files[2];

static void open_pair(int way)
{
	rig_open(&rig, way);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
}

/* Over a socket, whose other end is fds[1]. */
static struct af_file *wrap_socket(int fds[2], struct bufferevent **ret_bev)
{
	make_pair(KIND_SOCKETPAIR, fds);
	evutil_make_socket_nonblocking(fds[0]);
	*ret_bev = bufferevent_socket_new(af_loop_base(rig.loop), fds[0],
					  BEV_OPT_CLOSE_ON_FREE);
	return af_file_from_bufferevent(rig.loop, *ret_bev, 0);
}

/* A timeout is no failure: sending goes on when the file is closed. */
START_TEST(close_after_a_timeout_of_the_bufferevent_sends_what_was_counted)
{
	struct bufferevent *bev;
	struct af_file *file;
	struct af_future *f;
	char text[8] = "";
	size_t stuffed;
	int fds[2];

	rig_open(&rig, _i);
	file = wrap_socket(fds, &bev);
	stuffed = stuff(fds[0]);
	bufferevent_set_timeouts(bev, NULL, MS(1));
	f = af_file_write(file, "abc", 3, AFIO_FULL, NULL);
	af_future_cancel(f);
	ck_assert_uint_eq(af_future_count(f), 3);
	af_future_unref(f);
	/* Its timer is the later one of the two. */
	expect_count(&rig, af_sleep(rig.loop, MS(10)), 0, 0);
	ck_assert_int_eq(bufferevent_get_enabled(bev) & EV_WRITE, 0);
	/* Else the next one may be late, too. */
	bufferevent_set_timeouts(bev, NULL, NULL);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_pattern(fds[1], stuffed, 0);
	turn(&rig);
	turn(&rig);
	get(fds[1], text, 3);
	ck_assert_str_eq(text, "abc");
	ck_assert_int_eq(read(fds[1], text, 1), 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/*
 * As TLS and others report what happens below, and what comes of it. written is
 * 1 if a write succeeds, as it does in spite of an end.
 */
static const struct happening {
	short what[2]; /* one after the other */
	int error;     /* errno at that time */
	int read, written;
	bool of_a_pair;
} happenings[] = {
#define READING BEV_EVENT_READING
#define WRITING BEV_EVENT_WRITING
#define END BEV_EVENT_EOF
#define FAILURE BEV_EVENT_ERROR
	{ { READING | END }, 0, 0, 1, false },
	{ { WRITING | END }, 0, -ETIMEDOUT, -EPIPE, false },
	{ { END }, 0, 0, -EPIPE, false },
	{ { READING | END, END }, 0, 0, 1, false },
	{ { READING | END, READING | FAILURE }, EIO, 0, 1, false },
	{ { READING | FAILURE }, EIO, -EIO, 1, false },
	{ { READING | FAILURE }, EIO, -EIO, 1, true },
	{ { READING | FAILURE }, 0, -EIO, 1, false },
	{ { READING | FAILURE }, EINTR, -EIO, 1, false },
	{ { READING | FAILURE }, EPIPE, -EIO, 1, false },
	{ { READING | FAILURE }, ENOMEM, -ENOMEM, 1, false },
	{ { READING | FAILURE }, ECONNRESET, -ECONNRESET, -EPIPE, false },
	{ { WRITING | FAILURE }, ECONNRESET, -ETIMEDOUT, -EPIPE, false },
	{ { WRITING | FAILURE }, EIO, -ETIMEDOUT, -EIO, false },
	{ { FAILURE }, EIO, -EIO, -EPIPE, false },
	{ { FAILURE }, ENOBUFS, -ENOBUFS, -ENOBUFS, false },
};
#define N_HAPPENINGS ((int)(sizeof happenings / sizeof *happenings))

START_TEST(events_of_a_bufferevent_end_operations_as_the_table_says)
{
	const struct happening *row = &happenings[_i / DRIVE_COUNT];
	struct af_future *f;
	int fds[2] = { -1, -1 };

	if (row->of_a_pair) {
		open_pair(_i % DRIVE_COUNT);
		for (int i = 0; i < 2; i++)
			files[i] =
				af_file_from_bufferevent(rig.loop, bevs[i], 0);
	} else {
		rig_open(&rig, _i % DRIVE_COUNT);
		files[1] = wrap_socket(fds, &bevs[1]);
	}
	for (int i = 0; i < 2 && row->what[i]; i++) {
		errno = row->error;
		bufferevent_trigger_event(bevs[1], row->what[i], 0);
	}
	f = af_file_read(files[1], 1, 0,
			 row->read == -ETIMEDOUT ? MS(5) : NULL);
	if (row->read == 0)
		expect_text(&rig, f, "", AFIO_EOF);
	else
		expect_error(&rig, f, row->read);
	f = af_file_write(files[1], "x", 1, 0, NULL);
	if (row->of_a_pair)
		expect_text(&rig, af_file_read(files[0], 1, 0, NULL), "x", 0);
	if (row->written == 1)
		expect_count(&rig, f, 1, 0);
	else
		expect_error(&rig, f, row->written);
	ck_assert_int_eq(af_file_close(files[1]), 0);
	if (row->of_a_pair)
		ck_assert_int_eq(af_file_close(files[0]), 0);
	else
		close(fds[1]);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

/* A socket that listens on the loopback, and its address. */
static int make_listener(struct sockaddr_in *ret)
{
	socklen_t len = sizeof(*ret);
	int fd = cloexec_socket(AF_INET, SOCK_STREAM);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET };
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ret, len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, &len), 0);
	return fd;
}

/*
 * That it is connected is no end. Index: a read waits meanwhile; none does; or
 * the file is closed, with bytes that are still to be sent.
 */
START_TEST(bufferevent_that_connects_carries_bytes_then)
{
	struct af_future *read = NULL, *f;
	struct sockaddr_in to;
	struct bufferevent *bev;
	struct af_file *file;
	int listener = make_listener(&to), peer;
	char text[8] = "";

	rig_open(&rig, _i % DRIVE_COUNT);
	bev = bufferevent_socket_new(af_loop_base(rig.loop), -1,
				     BEV_OPT_CLOSE_ON_FREE);
	ck_assert_int_eq(bufferevent_socket_connect(bev, (struct sockaddr *)&to,
						    sizeof to),
			 0);
	file = af_file_from_bufferevent(rig.loop, bev, 0);
	if (_i / DRIVE_COUNT == 0)
		read = af_file_read(file, 9, 0, NULL);
	f = af_file_write(file, "abc", 3, AFIO_FULL, NULL);
	if (_i / DRIVE_COUNT == 2) {
		af_future_cancel(f);
		ck_assert_int_eq(af_file_close(file), 0);
		file = NULL;
		ck_assert_int_eq(drive(&rig, f), -ECANCELED);
		ck_assert_uint_eq(af_future_count(f), 3);
		af_future_unref(f);
	} else {
		expect_count(&rig, f, 3, 0);
		ck_assert(!!(bufferevent_get_enabled(bev) & EV_READ) == !!read);
	}
	peer = cloexec_accept(listener);
	if (!file)
		for (int i = 0; i < 3; i++)
			turn(&rig);
	get(peer, text, 3);
	ck_assert_str_eq(text, "abc");
	if (file) {
		put_text(peer, "de");
		if (!read)
			read = af_file_read(file, 9, 0, NULL);
		expect_text(&rig, read, "de", 0);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	ck_assert_int_eq(recv(peer, text, 1, 0), 0);
	close(peer);
	close(listener);
	rig_close(&rig);
}
END_TEST

/* Found by a write that failed, or since a pair has one end only. */
START_TEST(hangup_of_a_bufferevent_whose_other_side_left_is_done)
{
	struct bufferevent *bev;
	struct af_file *file;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	if (_i % 2) {
		open_pair(_i / 2);
		file = af_file_from_bufferevent(rig.loop, bevs[1], 0);
		bufferevent_free(bevs[0]);
		turn(&rig);
	} else {
		rig_open(&rig, _i / 2);
		file = wrap_socket(fds, &bev);
		close(fds[1]);
		expect_error(&rig, af_file_write(file, "x", 1, 0, NULL),
			     -EPIPE);
	}
	expect_error(&rig, af_file_hangup(file), 0);
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

/* Closed by code of the program that a read has libevent call */

static void close_reader(void)
{
	struct af_file *file = files[1];

	files[1] = NULL;
	ck_assert_int_eq(af_file_close(file), 0);
}

static void close_on_input(struct evbuffer *buf,
			   const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)arg;
	if (info->n_added > 0 && files[1])
		close_reader();
}

/* Its other end has bytes for it, which come as soon as it wants some. */
START_TEST(read_of_a_pair_closed_by_a_callback_of_its_input_is_cancelled)
{
	open_pair(_i);
	files[1] = af_file_from_bufferevent(rig.loop, bevs[1], 0);
	evbuffer_add_cb(bufferevent_get_input(bevs[1]), close_on_input, NULL);
	bufferevent_write(bevs[0], "abc", 3);
	expect_error(&rig, af_file_read(files[1], 3, 0, NULL), -ECANCELED);
	ck_assert_ptr_null(files[1]);
	bufferevent_free(bevs[0]);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

static enum bufferevent_filter_result
close_in_filter(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
		enum bufferevent_flush_mode mode, void *arg)
{
	(void)limit;
	(void)mode;
	if (!*(bool *)arg)
		return BEV_NEED_MORE;
	evbuffer_add_buffer(to, from);
	if (files[1])
		close_reader();
	return BEV_OK;
}

/* A read that is woken asks the filter for what it has left below. */
START_TEST(read_closed_by_the_filter_that_it_asks_is_cancelled)
{
	struct bufferevent *filter;
	struct af_future *f;
	bool closes = false;

	open_pair(_i);
	filter = bufferevent_filter_new(bevs[1], close_in_filter, NULL,
					BEV_OPT_CLOSE_ON_FREE, NULL, &closes);
	files[1] = af_file_from_bufferevent(rig.loop, filter, 0);
	bufferevent_enable(bevs[1], EV_READ);
	f = af_file_read(files[1], 1, 0, NULL);
	bufferevent_write(bevs[0], "abcd", 4);
	closes = true;
	bufferevent_trigger(filter, EV_WRITE, 0);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_ptr_null(files[1]);
	bufferevent_free(bevs[0]);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

#ifdef __linux__
static _Atomic time_t later;

/*
 * In place of the C library's, for libevent, too: the time that passes between
 * two turns of a loop.
 */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ts);

	if (r == 0)
		ts->tv_sec += later;
	return r;
}

/* After half a minute the peer has had its time to read. */
START_TEST(close_with_bytes_that_nobody_reads_gives_up_after_a_while)
{
	struct bufferevent *bev;
	struct af_file *file;
	struct af_future *f;
	size_t stuffed;
	int fds[2];

	rig_open(&rig, _i);
	file = wrap_socket(fds, &bev);
	stuffed = stuff(fds[0]);
	f = af_file_write(file, "abc", 3, AFIO_FULL, NULL);
	af_future_cancel(f);
	af_future_unref(f);
	ck_assert_int_eq(af_file_close(file), 0);
	later = 29;
	turn(&rig);
	turn(&rig);
	ck_assert_int_ge(fcntl(fds[0], F_GETFD), 0);
	later = 31;
	turn(&rig);
	turn(&rig);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
	expect_pattern_to_eof(fds[1], stuffed, 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("transport/bufferevent_events");
	TCase *tc = test_case(s, "events");

#define ADD(test) tcase_add_loop_test(tc, test, DRIVE_RUN, DRIVE_COUNT)
	ADD(close_after_a_timeout_of_the_bufferevent_sends_what_was_counted);
	tcase_add_loop_test(
		tc, events_of_a_bufferevent_end_operations_as_the_table_says, 0,
		N_HAPPENINGS * DRIVE_COUNT);
	tcase_add_loop_test(tc, bufferevent_that_connects_carries_bytes_then, 0,
			    3 * DRIVE_COUNT);
	tcase_add_loop_test(
		tc, hangup_of_a_bufferevent_whose_other_side_left_is_done, 0,
		2 * DRIVE_COUNT);
	ADD(read_of_a_pair_closed_by_a_callback_of_its_input_is_cancelled);
	ADD(read_closed_by_the_filter_that_it_asks_is_cancelled);
#ifdef __linux__
	ADD(close_with_bytes_that_nobody_reads_gives_up_after_a_while);
#endif
	return s;
}
