/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_copy_both(): a proxy between two sockets, with each side's
 * end passed on, and every row of its table.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/harness.h"
#include "support/pattern.h"

#define LEN ((size_t)2 << 20)

static struct rig rig;
static struct af_file *a, *b; /* the proxy's */
static int left, right;	      /* who talks through it: the other ends */
static struct af_future *both;

static struct af_file *open_side(enum kind kind, int *ret_end)
{
	struct af_file *file;
	int fds[2];

	make_pair(kind, fds);
	file = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(file);
	*ret_end = fds[1];
	return file;
}

static const enum kind sides[] = { KIND_SOCKETPAIR, KIND_TCP };
#define SIDES (2 * DRIVE_COUNT)

static void open_sides(int way)
{
	rig_open_loop(&rig, (enum driver)(way % DRIVE_COUNT));
	a = open_side(sides[way / DRIVE_COUNT], &left);
	b = open_side(sides[way / DRIVE_COUNT], &right);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		ck_assert_int_eq(close(*fd), 0);
	*fd = -1;
}

static void close_file(struct af_file **file)
{
	ck_assert_int_eq(af_file_close(*file), 0);
	*file = NULL;
}

static void close_sides(void)
{
	close_file(&a);
	close_file(&b);
	close_fd(&left);
	close_fd(&right);
	rig_close(&rig);
}

static struct af_future *begin(const struct timeval *timeout)
{
	both = af_file_copy_both(a, b, timeout);
	return both;
}

/* Drives the whole and compares it and its parts. */
static void expect_whole(int error, size_t count, unsigned flags)
{
	ck_assert_int_eq(drive(&rig, both), error);
	ck_assert_uint_eq(af_future_count(both), count);
	ck_assert_uint_eq(af_future_flags(both), flags);
}

static void expect_direction(size_t i, int error, size_t count, unsigned flags)
{
	struct af_future *part = af_future_part(both, i);

	ck_assert_ptr_nonnull(part);
	ck_assert_int_eq(af_future_error(part), error);
	ck_assert_uint_eq(af_future_count(part), count);
	ck_assert_uint_eq(af_future_flags(part), flags);
}

static void expect_heard(int fd, const char *text)
{
	char buf[99] = "";

	get(fd, buf, strlen(text));
	ck_assert_str_eq(buf, text);
}

static void expect_end(int fd)
{
	char c;

	ck_assert_int_eq(read(fd, &c, 1), 0);
}

/* Turns the loop until that many bytes have gone through. */
static void until_count(size_t count)
{
	while (af_future_count(both) < count)
		ck_assert_int_eq(af_await_for(both, MS(1)), -ETIMEDOUT);
	ck_assert_uint_eq(af_future_count(both), count);
}

START_TEST(copy_both_of_two_ends_succeeds_with_the_count_of_both)
{
	open_sides(_i);
	put_text(left, "question");
	put_text(right, "answer");
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	ck_assert_int_eq(shutdown(right, SHUT_WR), 0);
	begin(NULL);
	expect_whole(0, 14, AFIO_EOF);
	expect_direction(0, 0, 8, AFIO_EOF);
	expect_direction(1, 0, 6, AFIO_EOF);
	ck_assert_ptr_null(af_future_part(both, 2));
	expect_heard(right, "question");
	expect_heard(left, "answer");
	expect_end(left);
	expect_end(right);
	af_future_unref(both);
	close_sides();
}
END_TEST

/* A side that has ended still hears, and its end is passed on. */
START_TEST(copy_both_passes_an_end_on_and_copies_the_other_way)
{
	open_sides(_i);
	begin(NULL);
	put_text(left, "question");
	until_count(8);
	expect_heard(right, "question");
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	while (!af_future_is_done(af_future_part(both, 0)))
		ck_assert_int_eq(af_await_for(both, MS(1)), -ETIMEDOUT);
	expect_end(right);
	put_text(right, "answer");
	until_count(14);
	ck_assert_uint_eq(af_future_count(af_future_part(both, 1)), 6);
	close_fd(&right);
	expect_whole(0, 14, AFIO_EOF);
	expect_heard(left, "answer");
	expect_end(left);
	af_future_unref(both);
	close_sides();
}
END_TEST

/* Both ways at once, more than fits anywhere. */
START_TEST(copy_both_moves_every_byte_both_ways)
{
	struct af_file *ends[2];
	struct af_future *said[2], *heard[2];
	unsigned char *data = malloc(LEN);

	ck_assert_ptr_nonnull(data);
	pattern_fill(data, LEN, 0);
	open_sides(_i);
	ends[0] = af_file_new(rig.loop, left, 0);
	ends[1] = af_file_new(rig.loop, right, 0);
	left = right = -1;
	begin(NULL);
	for (int i = 0; i < 2; i++) {
		said[i] = af_file_write(ends[i], data, LEN,
					AFIO_FULL | AFIO_BORROW, NULL);
		ck_assert_int_eq(af_file_shutdown(ends[i], SHUT_WR), 0);
		heard[i] = af_file_read(ends[i], 0, 0, NULL);
	}
	expect_whole(0, 2 * LEN, AFIO_EOF);
	af_future_unref(both);
	for (int i = 0; i < 2; i++) {
		expect_count(&rig, said[i], LEN, 0);
		expect_data_pattern(&rig, heard[i], LEN, 0, AFIO_EOF);
		close_file(&ends[i]);
	}
	close_sides();
	free(data);
}
END_TEST

START_TEST(copy_both_whose_reader_left_fails_and_cancels_the_other)
{
	struct linger reset = { .l_onoff = 1 };

	open_sides(_i);
	begin(NULL);
	put_text(right, "answer");
	until_count(6);
	/* Both directions fail; which is first depends on the kind. */
	setsockopt(left, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close_fd(&left);
	put_text(right, "more");
	ck_assert_int_lt(drive(&rig, both), 0);
	ck_assert_uint_eq(af_future_flags(both), 0);
	ck_assert_uint_ge(af_future_count(both), 6);
	ck_assert_uint_eq(af_future_count(both),
			  af_future_count(af_future_part(both, 0)) +
				  af_future_count(af_future_part(both, 1)));
	ck_assert(af_future_is_done(af_future_part(both, 0)));
	ck_assert(af_future_is_done(af_future_part(both, 1)));
	af_future_unref(both);
	close_sides();
}
END_TEST

/* The direction to the reader that has left ends the other, which waits. */
START_TEST(copy_both_with_epipe_cancels_the_other)
{
	open_sides(_i % DRIVE_COUNT);
	ck_assert_int_eq(shutdown(left, SHUT_RD), 0);
	begin(NULL);
	put_text(right, "answer");
	expect_whole(-EPIPE, 0, 0);
	expect_direction(0, -ECANCELED, 0, 0);
	expect_direction(1, -EPIPE, 0, 0);
	af_future_unref(both);
	/* Not written, so it is still there. */
	expect_text(&rig, af_file_read(b, 9, 0, NULL), "answer", 0);
	close_sides();
}
END_TEST

START_TEST(copy_both_at_its_deadline_keeps_what_was_copied)
{
	int64_t start = now_us();

	open_sides(_i);
	put_text(left, "question");
	begin(MS(20));
	expect_whole(0, 8, AFIO_TIMEDOUT);
	expect_elapsed(start, 20);
	expect_direction(0, 0, 8, AFIO_TIMEDOUT);
	expect_direction(1, -ETIMEDOUT, 0, 0);
	af_future_unref(both);
	expect_heard(right, "question");
	close_sides();
}
END_TEST

START_TEST(copy_both_at_its_deadline_with_nothing_times_out)
{
	open_sides(_i);
	begin(MS(5));
	expect_whole(-ETIMEDOUT, 0, 0);
	af_future_unref(both);
	close_sides();
}
END_TEST

START_TEST(copy_both_without_time_takes_what_is_there)
{
	open_sides(_i % DRIVE_COUNT);
	put_text(left, "question");
	begin(MS(0));
	ck_assert(af_future_is_done(both));
	expect_whole(0, 8, AFIO_TIMEDOUT);
	af_future_unref(both);
	begin(MS(0));
	expect_whole(-ETIMEDOUT, 0, 0);
	af_future_unref(both);
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	ck_assert_int_eq(shutdown(right, SHUT_WR), 0);
	begin(MS(0));
	expect_whole(0, 0, AFIO_EOF);
	af_future_unref(both);
	close_sides();
}
END_TEST

/* A busy program wakes late, and the deadline has passed. */
START_TEST(copy_both_that_wakes_late_takes_what_has_come)
{
	open_sides(_i % DRIVE_COUNT);
	begin(MS(2));
	put_text(left, "question");
	put_text(right, "answer");
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	ck_assert_int_eq(shutdown(right, SHUT_WR), 0);
	spin(5);
	expect_whole(0, 14, AFIO_EOF);
	af_future_unref(both);
	close_sides();
}
END_TEST

START_TEST(copy_both_cancelled_keeps_its_counts)
{
	open_sides(_i);
	begin(NULL);
	put_text(left, "question");
	put_text(right, "answer");
	until_count(14);
	af_future_cancel(both);
	ck_assert(af_future_is_done(both));
	expect_whole(-ECANCELED, 14, 0);
	expect_direction(0, -ECANCELED, 8, 0);
	expect_direction(1, -ECANCELED, 6, 0);
	af_future_unref(both);
	put_text(left, "rest");
	expect_text(&rig, af_file_read(a, 9, 0, NULL), "rest", 0);
	close_sides();
}
END_TEST

/* What is done stays done, though nobody has been told yet. */
START_TEST(copy_both_cancelled_when_both_are_done_succeeds)
{
	open_sides(_i % DRIVE_COUNT);
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	ck_assert_int_eq(shutdown(right, SHUT_WR), 0);
	begin(NULL);
	ck_assert(af_future_is_done(af_future_part(both, 0)));
	ck_assert(af_future_is_done(af_future_part(both, 1)));
	ck_assert(!af_future_is_done(both));
	af_future_cancel(both);
	expect_whole(0, 0, AFIO_EOF);
	af_future_unref(both);
	close_sides();
}
END_TEST

START_TEST(copy_both_cancelled_when_one_is_done_keeps_its_count)
{
	open_sides(_i);
	put_text(left, "question");
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	begin(NULL);
	while (!af_future_is_done(af_future_part(both, 0)))
		ck_assert_int_eq(af_await_for(both, MS(1)), -ETIMEDOUT);
	af_future_cancel(both);
	expect_whole(-ECANCELED, 8, 0);
	expect_direction(0, 0, 8, AFIO_EOF);
	expect_direction(1, -ECANCELED, 0, 0);
	af_future_unref(both);
	close_sides();
}
END_TEST

/* A failure at once, which nobody has seen yet, is more than the deadline. */
START_TEST(copy_both_without_time_has_the_error_of_a_direction)
{
	open_sides(_i);
	put_text(left, "question");
	close_fd(&right);
	begin(MS(0));
	expect_whole(-EPIPE, 0, 0);
	af_future_unref(both);
	close_sides();
}
END_TEST

static void cancel_both(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	af_future_cancel(both);
}

/* With a function that is called once the bytes were written. */
static struct af_future *write_and_call(struct af_file *file,
					evbuffer_ref_cleanup_cb fn)
{
	struct evbuffer *buf = evbuffer_new();
	struct af_future *f;

	ck_assert_int_eq(evbuffer_add_reference(buf, "x", 1, fn, NULL), 0);
	f = af_file_write_buffer(file, buf, AFIO_FULL, NULL);
	evbuffer_free(buf);
	return f;
}

/*
 * What is written behind it when it ends cancels it again. Index: by a cancel, or
 * by the deadline; and a driver.
 */
START_TEST(copy_both_cancelled_while_it_ends_is_cancelled_once)
{
	struct af_future *behind;

	open_sides(_i % DRIVE_COUNT);
	/* From now on, code of the program may run in their steps. */
	expect_count(&rig, write_and_call(a, NULL), 1, 0);
	expect_count(&rig, write_and_call(b, NULL), 1, 0);
	begin(_i < DRIVE_COUNT ? NULL : MS(5));
	behind = write_and_call(b, cancel_both);
	if (_i < DRIVE_COUNT)
		af_future_cancel(both);
	expect_whole(-ECANCELED, 0, 0);
	expect_count(&rig, behind, 1, 0);
	expect_heard(right, "xx");
	af_future_unref(both);
	close_sides();
}
END_TEST

START_TEST(copy_both_whose_file_is_closed_is_cancelled)
{
	open_sides(_i);
	begin(NULL);
	put_text(left, "question");
	until_count(8);
	close_file(_i % 2 ? &a : &b);
	expect_whole(-ECANCELED, 8, 0);
	af_future_unref(both);
	close_sides();
}
END_TEST

START_TEST(copy_both_whose_loop_is_freed_is_cancelled)
{
	open_sides(_i);
	begin(NULL);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(both), -ECANCELED);
	expect_direction(0, -ECANCELED, 0, 0);
	expect_direction(1, -ECANCELED, 0, 0);
	af_future_unref(both);
	close_sides();
}
END_TEST

/* A terminal cannot be shut by halves: the other direction just goes on. */
START_TEST(copy_both_to_a_pty_goes_on_until_that_has_ended)
{
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	a = open_side(KIND_SOCKETPAIR, &left);
	make_pty(fds);
	b = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(b);
	right = fds[1];
	put_text(left, "question");
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	begin(NULL);
	until_count(8);
	expect_heard(right, "question");
	put_text(right, "answer");
	until_count(14);
	close_fd(&right);
	expect_whole(0, 14, AFIO_EOF);
	expect_heard(left, "answer");
	expect_end(left);
	af_future_unref(both);
	close_sides();
}
END_TEST

/* Over a bufferevent_pair the end is passed on, too. */
START_TEST(copy_both_passes_an_end_on_to_a_bufferevent_pair)
{
	struct bufferevent *bevs[2];
	struct af_file *far_end;

	rig_open_loop(&rig, (enum driver)_i);
	a = open_side(KIND_SOCKETPAIR, &left);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
	b = af_file_from_bufferevent(rig.loop, bevs[0], 0);
	far_end = af_file_from_bufferevent(rig.loop, bevs[1], 0);
	right = -1;
	put_text(left, "question");
	ck_assert_int_eq(shutdown(left, SHUT_WR), 0);
	begin(NULL);
	expect_text(&rig, af_file_read(far_end, 0, 0, NULL), "question",
		    AFIO_EOF);
	expect_count(&rig, af_file_write(far_end, "answer", 6, AFIO_FULL, NULL),
		     6, 0);
	close_file(&far_end);
	expect_whole(0, 14, AFIO_EOF);
	expect_heard(left, "answer");
	af_future_unref(both);
	close_sides();
}
END_TEST

static void await_and_note(struct af_future *done, void *arg)
{
	(void)done;
	*(int *)arg = af_await(both);
}

START_TEST(await_of_copy_both_anywhere_ends)
{
	struct af_future *nap;
	int r = 1;

	open_sides(_i);
	begin(NULL);
	nap = af_sleep(rig.loop, MS(0));
	af_on_done(af_future_ref(nap), await_and_note, &r);
	put_text(left, "question");
	close_fd(&left);
	close_fd(&right);
	ck_assert_int_eq(drive(&rig, nap), 0);
	af_future_unref(nap);
	ck_assert_int_eq(drive(&rig, both), af_future_error(both));
	while (r == 1)
		turn(&rig);
	ck_assert_int_eq(r, af_future_error(both));
	af_future_unref(both);
	close_sides();
}
END_TEST

START_TEST(copy_both_with_nonsense_is_invalid)
{
	struct af_loop *other = af_loop_new(NULL);
	struct af_file *stranger;
	int fds[2], pipe_end;

	open_sides(_i % DRIVE_COUNT);
	make_pair(KIND_SOCKETPAIR, fds);
	stranger = af_file_new(other, fds[0], 0);
	expect_error(&rig, af_file_copy_both(a, NULL, NULL), -EINVAL);
	expect_error(&rig, af_file_copy_both(NULL, b, NULL), -EINVAL);
	expect_error(&rig, af_file_copy_both(a, a, NULL), -EINVAL);
	expect_error(&rig, af_file_copy_both(a, stranger, NULL), -EINVAL);
	expect_error(&rig, af_file_copy_both(a, b, MS(-1)), -EINVAL);
	close_file(&stranger);
	stranger = open_side(KIND_PIPE, &pipe_end);
	expect_error(&rig, af_file_copy_both(a, stranger, NULL), -EBADF);
	expect_error(&rig, af_file_copy_both(stranger, a, NULL), -EBADF);
	close_file(&stranger);
	close(pipe_end);
	close(fds[1]);
	af_loop_free(other);
	close_sides();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/copy_both");
	TCase *tc = test_case(s, "copy both");

#define ADD(test) tcase_add_loop_test(tc, test, 0, SIDES)
#define ADD_ONCE(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(copy_both_of_two_ends_succeeds_with_the_count_of_both);
	ADD(copy_both_passes_an_end_on_and_copies_the_other_way);
	ADD(copy_both_moves_every_byte_both_ways);
	ADD(copy_both_whose_reader_left_fails_and_cancels_the_other);
	ADD_ONCE(copy_both_with_epipe_cancels_the_other);
	ADD(copy_both_at_its_deadline_keeps_what_was_copied);
	ADD(copy_both_at_its_deadline_with_nothing_times_out);
	ADD_ONCE(copy_both_without_time_takes_what_is_there);
	ADD_ONCE(copy_both_that_wakes_late_takes_what_has_come);
	ADD(copy_both_cancelled_keeps_its_counts);
	ADD_ONCE(copy_both_cancelled_when_both_are_done_succeeds);
	ADD(copy_both_cancelled_when_one_is_done_keeps_its_count);
	ADD_ONCE(copy_both_without_time_has_the_error_of_a_direction);
	tcase_add_loop_test(tc,
			    copy_both_cancelled_while_it_ends_is_cancelled_once,
			    0, 2 * DRIVE_COUNT);
	ADD(copy_both_whose_file_is_closed_is_cancelled);
	ADD_ONCE(copy_both_whose_loop_is_freed_is_cancelled);
	ADD_ONCE(copy_both_to_a_pty_goes_on_until_that_has_ended);
	ADD_ONCE(copy_both_passes_an_end_on_to_a_bufferevent_pair);
	ADD(await_of_copy_both_anywhere_ends);
	ADD_ONCE(copy_both_with_nonsense_is_invalid);
	return s;
}
