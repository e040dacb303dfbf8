/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outcome tables of writing, closing and handing over on every kind of
 * file. What counts is the reader's view: as many bytes as reported, these, and
 * no more. A bufferevent may send the last of them after the outcome.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "support/kinds.h"
#include "support/pattern.h"

#define LARGE ((size_t)1 << 20) /* more than any of them takes */

static struct rig rig;
static unsigned char data[LARGE];

static struct af_future *write_large(unsigned flags,
				     const struct timeval *timeout)
{
	return af_file_write(rig.writer, data, LARGE, flags, timeout);
}

static struct af_future *write_some(size_t len, size_t offset)
{
	return af_file_write(rig.writer, data + offset, len, AFIO_FULL, NULL);
}

ROW(write_with_room_succeeds_with_all)
{
	struct af_future *all = af_file_read(rig.reader, 12, AFIO_FULL, NULL);

	expect_count(&rig, af_file_write(rig.writer, data, 3, 0, NULL), 3, 0);
	expect_count(&rig, write_some(4, 3), 4, 0);
	expect_count(&rig,
		     af_file_write(rig.writer, data + 7, 5, AFIO_BORROW, MS(0)),
		     5, 0);
	expect_data_pattern(&rig, all, 12, 0, 0);
	expect_arrival(&rig, 0, 0);
}

ROW(write_more_than_room_succeeds_with_part)
{
	struct af_future *byte = af_file_read(rig.reader, 1, 0, NULL);
	size_t count = expect_part(&rig, write_large(0, NULL), LARGE, 0, 0);

	expect_data_pattern(&rig, byte, 1, 0, 0);
	expect_arrival(&rig, count - 1, 1);
}

ROW(write_full_succeeds_with_all)
{
	struct af_future *all =
		af_file_read(rig.reader, LARGE, AFIO_FULL, NULL);
	struct af_future *f = write_large(AFIO_FULL, NULL);

	memset(data, 'x', LARGE);
	expect_data_pattern(&rig, all, LARGE, 0, 0);
	expect_count(&rig, f, LARGE, 0);
	pattern_fill(data, LARGE, 0);
}

ROW(write_full_at_deadline_succeeds_with_part_and_timedout)
{
	size_t count = expect_part(&rig, write_large(AFIO_FULL, MS(8)), LARGE,
				   0, AFIO_TIMEDOUT);

	expect_arrival(&rig, count, 0);
}

ROW(write_full_zero_timeout_succeeds_with_part_and_timedout)
{
	size_t count = expect_part(&rig, write_large(AFIO_FULL, MS(0)), LARGE,
				   0, AFIO_TIMEDOUT);

	expect_arrival(&rig, count, 0);
}

/* What one that timed out has not counted is not sent before the next. */
ROW(write_after_one_that_timed_out_sends_only_its_own)
{
	size_t count = expect_part(&rig, write_large(AFIO_FULL, MS(8)), LARGE,
				   0, AFIO_TIMEDOUT);
	struct af_future *f = write_some(100, count);

	expect_arrival(&rig, count + 100, 0);
	ck_assert(af_future_is_done(f));
	af_future_unref(f);
}

/* Against a reader that reads nothing there is room only for a while. */
ROW(write_nothing_at_deadline_fails_timedout)
{
	size_t sum = expect_part(&rig, write_large(AFIO_FULL, MS(8)), LARGE, 0,
				 AFIO_TIMEDOUT);
	int error = 0;

	for (int i = 0; error == 0 && i < 100; i++) {
		struct af_future *f =
			af_file_write(rig.writer, data + sum, LARGE - sum,
				      i % 2 ? AFIO_FULL : 0, MS(i % 3));

		error = drive(&rig, f);
		sum += af_future_count(f);
		af_future_unref(f);
	}
	ck_assert_int_eq(error, -ETIMEDOUT);
	expect_arrival(&rig, sum, 0);
}

ROW(write_cancelled_fails_with_what_had_gone_out)
{
	struct af_future *f = write_large(AFIO_FULL, NULL);
	size_t count;

	turn(&rig);
	af_future_cancel(f);
	count = expect_part(&rig, f, LARGE, -ECANCELED, 0);
	expect_arrival(&rig, count, 0);
}

/* What a bufferevent took goes out after the close. */
ROW(write_closed_midway_sends_what_had_gone_out)
{
	struct af_future *f = write_large(AFIO_FULL, NULL);
	size_t count;

	turn(&rig);
	rig_hang_up(&rig);
	count = expect_part(&rig, f, LARGE, -ECANCELED, 0);
	if (kind_played()->say_goodbye) {
		/* TLS: it was cut off. */
		expect_data_pattern(
			&rig, af_file_read(rig.reader, count, AFIO_FULL, NULL),
			count, 0, 0);
		expect_error(&rig, af_file_read(rig.reader, 1, 0, NULL), -EIO);
	} else if (kind_played()->traits & LAYERED) {
		/* Likewise; and what the layer had taken is not counted. */
		expect_data_pattern(
			&rig, af_file_read(rig.reader, count, AFIO_FULL, NULL),
			count, 0, 0);
		expect_error(&rig, af_file_read(rig.reader, 0, 0, NULL),
			     -ECONNRESET);
	} else {
		expect_arrival(&rig, count, 0);
	}
}

ROW(write_buffer_cut_short_returns_the_rest)
{
	struct evbuffer *buf = evbuffer_new(), *rest;
	struct af_future *f;
	size_t count;

	evbuffer_add(buf, data, LARGE);
	f = af_file_write_buffer(rig.writer, buf, AFIO_FULL, MS(8));
	evbuffer_free(buf);
	ck_assert_int_eq(drive(&rig, f), 0);
	rest = af_future_buffer(f);
	count = af_future_count(f);
	ck_assert_uint_eq(evbuffer_get_length(rest), LARGE - count);
	ck_assert_uint_eq(
		pattern_match(evbuffer_pullup(rest, -1), LARGE - count, count),
		LARGE - count);
	ck_assert_uint_eq(expect_part(&rig, f, LARGE, 0, AFIO_TIMEDOUT), count);
	expect_arrival(&rig, count, 0);
}

ROW(write_nothing_succeeds_with_zero)
{
	expect_count(&rig, af_file_write(rig.writer, "", 0, 0, NULL), 0, 0);
	expect_count(&rig, af_file_write(rig.writer, NULL, 0, AFIO_FULL, MS(0)),
		     0, 0);
	expect_arrival(&rig, 0, 0);
}

static void reader_leaves(void)
{
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
}

/* With nothing queued. Some accept a few bytes before they report it. */
ROW(write_reader_gone_fails_epipe_each_time)
{
	int error = 0;

	reader_leaves();
	turn(&rig);
	for (int i = 0; error == 0 && i < 1000; i++) {
		struct af_future *f = write_some(1, 0);

		error = drive(&rig, f);
		ck_assert_uint_eq(af_future_count(f), error == 0);
		af_future_unref(f);
	}
	ck_assert_int_eq(error, -EPIPE);
	for (int i = 0; i < 2; i++)
		expect_error(&rig, write_some(1, 0), -EPIPE);
}

/* With a full queue. */
ROW(write_waiting_when_reader_goes_fails_epipe)
{
	struct af_future *f = write_large(AFIO_FULL, NULL);
	int error;

	turn(&rig);
	ck_assert(!af_future_is_done(f));
	reader_leaves();
	error = drive(&rig, f);
	/* TCP may say it another way when bytes are lost with the reader. */
	if (error != -ECONNRESET || !(kind_played()->traits & MOVES_ON))
		ck_assert_int_eq(error, -EPIPE);
	ck_assert_uint_lt(af_future_count(f), LARGE);
	af_future_unref(f);
}

ROW(write_queued_go_out_in_call_order)
{
	struct af_future *first = write_some(200000, 0);
	struct af_future *second = write_some(3, 200000);
	struct af_future *third = write_some(100000, 200003);

	expect_data_pattern(&rig,
			    af_file_read(rig.reader, 300003, AFIO_FULL, NULL),
			    300003, 0, 0);
	expect_count(&rig, third, 100000, 0);
	ck_assert(af_future_is_done(first) && af_future_is_done(second));
	expect_count(&rig, first, 200000, 0);
	expect_count(&rig, second, 3, 0);
}

ROW(write_and_read_both_ways_at_once_bring_all)
{
	const size_t len = 500000;
	struct af_future *there =
		af_file_read(rig.reader, len, AFIO_FULL, NULL);
	struct af_future *back = af_file_read(rig.writer, len, AFIO_FULL, NULL);
	struct af_future *out = write_some(len, 0);
	struct af_future *answer =
		af_file_write(rig.reader, data, len, AFIO_FULL, NULL);

	expect_data_pattern(&rig, there, len, 0, 0);
	expect_data_pattern(&rig, back, len, 0, 0);
	expect_count(&rig, out, len, 0);
	expect_count(&rig, answer, len, 0);
}

/* A slow reader holds up a fast writer, and what is read ahead is bounded. */
ROW(write_to_a_slow_reader_is_held_up)
{
	struct af_future *f = write_large(AFIO_FULL, NULL);
	size_t count;

	for (size_t i = 0; i < 50; i++) {
		expect_data_pattern(&rig, af_file_read(rig.reader, 1, 0, NULL),
				    1, i, 0);
		turn(&rig);
	}
	af_future_cancel(f);
	count = expect_part(&rig, f, LARGE, -ECANCELED, 0);
	ck_assert_uint_lt(count, 600000);
	expect_arrival(&rig, count - 50, 50);
}

ROW(close_with_pending_cancels)
{
	struct af_future *read = af_file_read(rig.reader, 9, 0, NULL);
	struct af_future *until =
		af_file_read_until(rig.reader, "xx", 2, 0, 0, NULL);
	struct af_future *write = write_large(AFIO_FULL, NULL);

	turn(&rig);
	reader_leaves();
	rig_hang_up(&rig);
	af_future_unref(write);
	drive(&rig, read);
	af_future_unref(read);
	expect_error(&rig, until, -ECANCELED);
}

ROW(detach_with_pending_returns_descriptor_and_unread)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_future *line = af_file_readline(rig.reader, 0, 0, 0, NULL);
	int fd;

	send_text(&rig, "abc");
	turn(&rig);
	fd = af_file_detach(rig.reader, unread);
	if (kind_played()->traits & (FOREIGN | LAYERED)) {
		ck_assert_int_eq(fd, -EINVAL);
		af_future_cancel(line);
	} else {
		rig.reader = NULL;
		ck_assert_int_ge(fd, 0);
		evbuffer_read(unread, fd,
			      (int)(3 - evbuffer_get_length(unread)));
		ck_assert_uint_eq(evbuffer_get_length(unread), 3);
		ck_assert_int_eq(memcmp(evbuffer_pullup(unread, 3), "abc", 3),
				 0);
		ck_assert_int_eq(close(fd), 0);
	}
	expect_error(&rig, line, -ECANCELED);
	evbuffer_free(unread);
}

static int awaited;

static void await_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f = af_sleep(rig.loop, MS(1));

	(void)fd;
	(void)what;
	(void)arg;
	awaited = af_await(f);
	af_future_unref(f);
}

/* In a libevent callback: it moves along, or says at once that it cannot. */
ROW(await_in_a_callback_while_pending_succeeds_or_is_enotsup)
{
	bool fixed = kind_played()->traits & FIXED_BASE;
	struct af_future *f = af_file_readline(rig.reader, 0, 0, 0, NULL);

	awaited = 1;
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			await_in_callback, NULL, MS(0));
	while (awaited == 1)
		turn(&rig);
	ck_assert_int_eq(awaited, fixed ? -ENOTSUP : 0);
	send_text(&rig, "abc\n");
	expect_text(&rig, f, "abc\n", 0);
	send_text(&rig, "d\n");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "d\n",
		    0);
}

static void read_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f = af_file_readline(rig.reader, 0, 0, 0, NULL);

	(void)fd;
	(void)what;
	(void)arg;
	send_text(&rig, "ab");
	send_text(&rig, "c\n");
	awaited = af_await(f);
	ck_assert_str_eq(awaited == 0 ? af_future_data(f, NULL) : "",
			 awaited == 0 ? "abc\n" : "");
	af_future_cancel(f);
	af_future_unref(f);
}

ROW(await_of_a_line_in_a_callback_brings_it)
{
	awaited = 1;
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			read_in_callback, NULL, MS(0));
	while (awaited == 1)
		turn(&rig);
	ck_assert_int_eq(awaited, 0);
	expect_arrival(&rig, 0, 0);
}

/* The master of a pty cannot be opened anew: only in the end. */
static void shared_row(void)
{
	bool pty = kind_played()->traits & PTY;
	struct af_future *line = af_file_readline(rig.reader, 0, 0, 0, NULL);

	send_text(&rig, "abc\n");
	if (!pty)
		expect_flags_unchanged();
	expect_text(&rig, line, "abc\n", 0);
	if (!pty)
		expect_flags_unchanged();
}

START_TEST(flags_of_another_holder_stay)
{
	play_row_shared(&rig, _i, shared_row);
}
END_TEST

/*
 * What is opened right after a close is not closed by it. A
 * bufferevent closes its descriptor a turn later, and only its own.
 */
ROW(close_leaves_what_is_opened_after_it_alone)
{
	int canaries[2];

	send_text(&rig, "abc");
	expect_text(&rig, af_file_read(rig.reader, 3, AFIO_FULL, NULL), "abc",
		    0);
	reader_leaves();
	canaries[0] = dup(0);
	rig_hang_up(&rig);
	canaries[1] = dup(0);
	turn(&rig);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(close(canaries[i]), 0);
}

Suite *suite(void)
{
	const unsigned no_count = MESSAGES | DROPS;
	Suite *s = suite_create("file/write_every_kind");
	TCase *tc = test_case(s, "write");

	pattern_fill(data, LARGE, 0);
	ADD_ROW(tc, write_with_room_succeeds_with_all, 0);
	ADD_ROW(tc, write_more_than_room_succeeds_with_part, no_count);
	ADD_ROW(tc, write_full_succeeds_with_all, MESSAGES);
	ADD_ROW(tc, write_full_at_deadline_succeeds_with_part_and_timedout,
		no_count);
	ADD_ROW(tc, write_full_zero_timeout_succeeds_with_part_and_timedout,
		no_count);
	ADD_ROW(tc, write_after_one_that_timed_out_sends_only_its_own,
		no_count);
	ADD_ROW(tc, write_nothing_at_deadline_fails_timedout,
		no_count | MOVES_ON);
	ADD_ROW(tc, write_cancelled_fails_with_what_had_gone_out, no_count);
	ADD_ROW(tc, write_closed_midway_sends_what_had_gone_out, no_count);
	ADD_ROW(tc, write_buffer_cut_short_returns_the_rest, no_count);
	ADD_ROW(tc, write_nothing_succeeds_with_zero, 0);
	ADD_ROW(tc, write_reader_gone_fails_epipe_each_time, NO_EPIPE);
	ADD_ROW(tc, write_waiting_when_reader_goes_fails_epipe,
		NO_EPIPE | MESSAGES);
	ADD_ROW(tc, write_queued_go_out_in_call_order, MESSAGES);
	ADD_ROW(tc, write_and_read_both_ways_at_once_bring_all,
		ONE_WAY | MESSAGES);
	ADD_ROW(tc, write_to_a_slow_reader_is_held_up, no_count);

	tc = test_case(s, "close");
	ADD_ROW(tc, close_with_pending_cancels, 0);
	ADD_ROW(tc, detach_with_pending_returns_descriptor_and_unread, 0);

	ADD_ROW(tc, close_leaves_what_is_opened_after_it_alone, 0);
	for (int kind = 0; kind < n_file_kinds; kind++)
		if (!(file_kinds[kind].traits & FOREIGN))
			tcase_add_loop_test(tc, flags_of_another_holder_stay,
					    kind, kind + 1);

	tc = test_case(s, "await");
	ADD_ROW(tc, await_in_a_callback_while_pending_succeeds_or_is_enotsup,
		0);
	ADD_ROW(tc, await_of_a_line_in_a_callback_brings_it, FIXED_BASE);
	return s;
}
