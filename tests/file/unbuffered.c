/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of AFIO_UNBUFFERED: after a header the descriptor goes to a child, which
 * goes on exactly there. And of the bound of reading ahead.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "support/children.h"
#include "support/pattern.h"
#include "support/system.h"

static struct rig rig;

/* Makes rig.in and rig.out. */
static void make_ends(enum kind kind)
{
	int fds[2];

	make_pair(kind, fds);
	rig.in = fds[0];
	rig.out = fds[1];
}

static void make_pipe(void)
{
	make_ends(KIND_PIPE);
}

static void make_stream(void)
{
	make_ends(KIND_SOCKETPAIR);
}

static void make_tcp(void)
{
	make_ends(KIND_TCP);
}

static void make_fifo(void)
{
	char dir[] = P_tmpdir "/asyncfile-XXXXXX", path[sizeof dir + 5];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	rig.in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fcntl(rig.in, F_SETFL, 0);
	rig.out = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void make_disk(void)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";

	rig.out = mkostemp(path, O_CLOEXEC);
	rig.in = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(rig.in, 0);
	ck_assert_int_eq(unlink(path), 0);
}

static void make_terminal(void)
{
	int fds[2];

	make_pty(fds);
	rig.out = fds[0];
	rig.in = fds[1];
}

static void (*const makers[])(void) = { make_pipe, make_stream, make_tcp,
					make_fifo, make_disk,	make_terminal };
#define N_MAKERS ((int)(sizeof makers / sizeof *makers))
#define EVERY_KIND (N_MAKERS * DRIVE_COUNT)

static void open_rig(int i, unsigned flags)
{
	rig_open_loop(&rig, (enum driver)(i % DRIVE_COUNT));
	makers[i / DRIVE_COUNT]();
	rig.reader = af_file_new(rig.loop, rig.in, AFIO_UNBUFFERED | flags);
	ck_assert_ptr_nonnull(rig.reader);
	if (!(flags & AFIO_KEEP_FD))
		rig.in = -1;
}

static struct af_future *read_line(void)
{
	return af_file_readline(rig.reader, 0, 0, 0, NULL);
}

/* A child that is given what is left says just this. */
static void expect_left(int fd, const char *text)
{
	char n[32];

	snprintf(n, sizeof n, "%zu", strlen(text));
	expect_says(&rig, HELPER("head", n), WITH(.in = TO_FD(fd)), text);
}

/* Hands the descriptor to such a child, and closes all. */
static void expect_handed_over(const char *text)
{
	rig.in = af_file_detach(rig.reader, NULL);
	rig.reader = NULL;
	expect_left(rig.in, text);
	rig_close(&rig);
}

START_TEST(child_goes_on_after_a_header_of_lines)
{
	struct evbuffer *unread = evbuffer_new();

	open_rig(_i, 0);
	put_text(rig.out, "first\nsecond\r\n--end--rest\nof it\n");
	expect_text(&rig, read_line(), "first\n", 0);
	expect_text(&rig, af_file_read_until(rig.reader, "\r\n", 2, 0, 0, NULL),
		    "second\r\n", 0);
	expect_text(&rig,
		    af_file_read_until(rig.reader, "-end--", 6, 0, 0, NULL),
		    "--end--", 0);
	rig.in = af_file_detach(rig.reader, unread);
	rig.reader = NULL;
	ck_assert_uint_eq(evbuffer_get_length(unread), 0);
	evbuffer_free(unread);
	expect_left(rig.in, "rest\nof it\n");
	rig_close(&rig);
}
END_TEST

START_TEST(child_goes_on_while_the_file_is_open)
{
	open_rig(_i, AFIO_KEEP_FD);
	put_text(rig.out, "line\n12345rest");
	expect_text(&rig, read_line(), "line\n", 0);
	expect_text(&rig, af_file_read(rig.reader, 3, 0, NULL), "123", 0);
	expect_text(&rig, af_file_read(rig.reader, 2, AFIO_FULL, NULL), "45",
		    0);
	expect_left(rig.in, "rest");
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	rig_close(&rig);
}
END_TEST

START_TEST(line_that_comes_in_pieces_leaves_what_follows)
{
	struct af_future *f;

	open_rig(_i, 0);
	if (makers[_i / DRIVE_COUNT] != make_disk) {
		f = read_line();
		put_text(rig.out, "one ");
		turn(&rig);
		put_text(rig.out, "two\nrest");
		turn(&rig);
		expect_text(&rig, f, "one two\n", 0);
	} else {
		put_text(rig.out, "rest");
	}
	expect_handed_over("rest");
}
END_TEST

START_TEST(line_bounded_by_its_size_leaves_what_follows)
{
	open_rig(_i, 0);
	put_text(rig.out, "abcdefrest");
	expect_text(&rig, af_file_readline(rig.reader, 3, 0, 0, NULL), "abc",
		    AFIO_TRUNCATED);
	expect_text(&rig, af_file_read_until(rig.reader, "\n", 1, 3, 0, NULL),
		    "def", AFIO_TRUNCATED);
	expect_handed_over("rest");
}
END_TEST

/* Nobody wants it: nobody takes it. */
START_TEST(what_comes_between_reads_is_not_read)
{
	struct pollfd in = { .events = POLLIN };
	int n = -1;

	open_rig(_i, 0);
	in.fd = af_file_fd(rig.reader);
	put_text(rig.out, "line\n");
	expect_text(&rig, read_line(), "line\n", 0);
	put_text(rig.out, "rest");
	for (int i = 0; i < 3; i++)
		turn(&rig);
	/* It crosses a pty in its own time. */
	ck_assert_int_eq(poll(&in, 1, 10000), 1);
	turn(&rig);
	ck_assert_int_eq(ioctl(in.fd, FIONREAD, &n), 0);
	ck_assert_int_eq(n, 4);
	rig_close(&rig);
}
END_TEST

START_TEST(lines_longer_than_what_is_looked_at_are_whole)
{
	char line[5001];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	open_rig(_i, 0);
	put(rig.out, line, 3000);
	put(rig.out, line + 3000, sizeof line - 3000);
	put_text(rig.out, "rest");
	expect_bytes(&rig, read_line(), line, sizeof line, 0);
	expect_handed_over("rest");
}
END_TEST

/* From a pipe it comes a byte at a time. */
START_TEST(long_line_that_is_there_needs_no_waiting)
{
	char line[5001];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	open_rig(_i, 0);
	put(rig.out, line, sizeof line);
	put_text(rig.out, "rest");
	expect_bytes(&rig,
		     af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(0)), line,
		     sizeof line, 0);
	expect_handed_over("rest");
}
END_TEST

START_TEST(copy_takes_its_count_and_no_more)
{
	struct af_file *to;

	open_rig(_i, 0);
	to = af_file_open(rig.loop, "/dev/null", "w");
	put_text(rig.out, "headrest");
	expect_count(&rig, af_file_copy(rig.reader, to, 4, NULL), 4, 0);
	ck_assert_int_eq(af_file_close(to), 0);
	expect_handed_over("rest");
}
END_TEST

START_TEST(gathered_by_a_cancelled_read_stays_in_the_file)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_future *f;

	open_rig(_i, 0);
	f = af_file_read(rig.reader, 6, AFIO_FULL, NULL);
	put_text(rig.out, "abc");
	turn(&rig);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_text(&rig, af_file_read(rig.reader, 2, 0, NULL), "ab", 0);
	rig.in = af_file_detach(rig.reader, unread);
	rig.reader = NULL;
	ck_assert_uint_eq(evbuffer_get_length(unread), 1);
	evbuffer_free(unread);
	rig_close(&rig);
}
END_TEST

START_TEST(unbuffered_of_a_bufferevent_fails_einval)
{
	struct bufferevent *bevs[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
	errno = 0;
	ck_assert_ptr_null(
		af_file_from_bufferevent(rig.loop, bevs[0], AFIO_UNBUFFERED));
	ck_assert_int_eq(errno, EINVAL);
	bufferevent_free(bevs[0]);
	bufferevent_free(bevs[1]);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

/* How many bytes of 10000 are left on the descriptor after reading this. */
static int left_after(struct af_future *f)
{
	int left = -1;

	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	ck_assert_int_eq(ioctl(af_file_fd(rig.reader), FIONREAD, &left), 0);
	return left;
}

static int stop(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)flags;
	*(size_t *)arg = len;
	return 1;
}

/* In the plain build libevent takes a piece of its own. */
#ifdef HAVE_DIRECT_EVENTS
#define EXTRA 0
#else
#define EXTRA 4096
#endif

START_TEST(read_ahead_is_bounded_as_set)
{
	size_t len = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_read_ahead(rig.reader, 5000), 0);
	put_text(rig.out, "abc\n");
	put_pattern(rig.out, 19996, 4);
	ck_assert_int_ge(left_after(af_file_read(rig.reader, 4, 0, NULL)),
			 20000 - 5004 - EXTRA);
	left_after(af_file_each_chunk(rig.reader, stop, &len));
	ck_assert_uint_le(len, 5000 + EXTRA);
	expect_data_pattern(
		&rig, af_file_read(rig.reader, 19996 - len, AFIO_FULL, NULL),
		19996 - len, 4 + len, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_ahead_is_64_kib_unless_set)
{
	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig_reader(&rig);
	if (!enlarge_pipe(rig.out, 262144)) {
		rig_close(&rig);
		return;
	}
	put_pattern(rig.out, 200000, 0);
	ck_assert_int_ge(left_after(af_file_read(rig.reader, 10, 0, NULL)),
			 200000 - 10 - 65536 - EXTRA);
	rig_close(&rig);
}
END_TEST

START_TEST(read_ahead_bounds_a_bufferevents_input)
{
	struct bufferevent *bevs[2];

	rig_open(&rig, WAY(KIND_SOCKETPAIR, DRIVE_AWAIT));
	evutil_make_socket_nonblocking(rig.in);
	bevs[0] = bufferevent_socket_new(af_loop_base(rig.loop), rig.in,
					 BEV_OPT_CLOSE_ON_FREE);
	rig.in = -1;
	rig.reader = af_file_from_bufferevent(rig.loop, bevs[0], 0);
	ck_assert_int_eq(af_file_set_read_ahead(rig.reader, 100), 0);
	put_pattern(rig.out, 50000, 0);
	expect_data_pattern(&rig, af_file_read(rig.reader, 10, AFIO_FULL, NULL),
			    10, 0, 0);
	for (int i = 0; i < 10; i++)
		turn(&rig);
	ck_assert_uint_le(evbuffer_get_length(bufferevent_get_input(bevs[0])),
			  2 * 4096);
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, 49990, AFIO_FULL, NULL),
			    49990, 10, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_ahead_with_nonsense_fails_einval)
{
	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_read_ahead(NULL, 1), -EINVAL);
	ck_assert_int_eq(af_file_set_read_ahead(rig.reader, 0), -EINVAL);
	ck_assert_int_eq(af_file_set_read_ahead(rig.reader, SIZE_MAX), 0);
	put_text(rig.out, "abc\n");
	expect_text(&rig, read_line(), "abc\n", 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/unbuffered");
	TCase *tc = test_case(s, "handing over");

	tcase_add_loop_test(tc, child_goes_on_after_a_header_of_lines, 0,
			    EVERY_KIND);
	tcase_add_loop_test(tc, child_goes_on_while_the_file_is_open, 0,
			    EVERY_KIND);
	tcase_add_loop_test(tc, line_that_comes_in_pieces_leaves_what_follows,
			    0, EVERY_KIND);
	tcase_add_loop_test(tc, line_bounded_by_its_size_leaves_what_follows, 0,
			    EVERY_KIND);
	tcase_add_loop_test(tc, what_comes_between_reads_is_not_read, 0,
			    EVERY_KIND);
	tcase_add_loop_test(tc, lines_longer_than_what_is_looked_at_are_whole,
			    0, 5 * DRIVE_COUNT);
	tcase_add_loop_test(tc, long_line_that_is_there_needs_no_waiting, 0,
			    2 * DRIVE_COUNT);
	tcase_add_loop_test(tc, copy_takes_its_count_and_no_more, 0,
			    EVERY_KIND);
	tcase_add_loop_test(tc, gathered_by_a_cancelled_read_stays_in_the_file,
			    0, 4 * DRIVE_COUNT);
	tcase_add_test(tc, unbuffered_of_a_bufferevent_fails_einval);

	tc = test_case(s, "ahead");
	tcase_add_loop_test(tc, read_ahead_is_bounded_as_set, 0, EVERY_WAY);
	tcase_add_test(tc, read_ahead_is_64_kib_unless_set);
	tcase_add_test(tc, read_ahead_bounds_a_bufferevents_input);
	tcase_add_test(tc, read_ahead_with_nonsense_fails_einval);
	return s;
}
