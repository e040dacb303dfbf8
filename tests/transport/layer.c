/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of layers between a file and its socket. tests/support/kinds.c has one
 * among the kinds, so that the outcome tables are played on it; here is what a
 * layer adds to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/contexts.h"
#include "support/framed.h"
#include "support/pattern.h"
#include "support/system.h"

#define LARGE ((size_t)1 << 20)

static struct rig rig;
static struct framed *in, *out;
static int releases;
static unsigned char data[LARGE];

/* Both ends have the layer. */
static void open_framed(int driver)
{
	rig_open(&rig, WAY(KIND_SOCKETPAIR, driver));
	in = framed_on(rig_reader(&rig), &releases);
	out = framed_on(rig_writer(&rig), &releases);
	pattern_fill(data, LARGE, 0);
}

static void close_framed(void)
{
	rig_close(&rig);
	ck_assert_int_eq(releases, 2);
}

static struct af_future *write_for(const struct timeval *timeout)
{
	return af_file_write(rig.writer, data, LARGE, AFIO_FULL, timeout);
}

/* Reads so many bytes, in pieces that leave room for the next ones. */
static void drain(size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < 5000 ? len - at : 5000;
		expect_data_pattern(
			&rig, af_file_read(rig.reader, n, AFIO_FULL, MS(20000)),
			n, at, 0);
	}
}

START_TEST(bytes_buffered_before_are_the_layers)
{
	static const unsigned char frame[] = { 'x',	   0,
					       3,	   'a' ^ 0x55,
					       'b' ^ 0x55, 'c' ^ 0x55 };
	struct evbuffer *unread = evbuffer_new();

	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	rig_reader(&rig);
	put(rig.out, frame, sizeof frame);
	expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "x", 0);
	in = framed_new(rig.in, &releases);
	ck_assert_int_eq(af_file_set_layer(rig.reader, &framed_layer, in, NULL),
			 -EBUSY);
	evbuffer_freeze(unread, 0);
	ck_assert_int_eq(
		af_file_set_layer(rig.reader, &framed_layer, in, unread),
		-EINVAL);
	evbuffer_unfreeze(unread, 0);
	ck_assert_int_eq(
		af_file_set_layer(rig.reader, &framed_layer, in, unread), 0);
	ck_assert_uint_eq(evbuffer_get_length(unread), 5);
	in->in_len = 5;
	evbuffer_remove(unread, in->in, 5);
	evbuffer_free(unread);
	expect_text(&rig, af_file_read(rig.reader, 3, AFIO_FULL, NULL), "abc",
		    0);
	rig_close(&rig);
	ck_assert_int_eq(releases, 1);
}
END_TEST

START_TEST(set_layer_with_wrong_arguments_changes_nothing)
{
	struct af_layer layer = framed_layer;
	struct af_future *f;
	int way = WAY(_i == 4 ? KIND_PIPE : KIND_SOCKETPAIR, DRIVE_AWAIT);
	int r = -1, fds[2];

	rig_open(&rig, way);
	rig_reader(&rig);
	switch (_i) {
	case 0:
		r = af_file_set_layer(NULL, &layer, NULL, NULL);
		ck_assert_int_eq(r, -EINVAL);
		r = af_file_set_layer(rig.reader, NULL, NULL, NULL);
		break;
	case 1:
		layer.read = NULL;
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		ck_assert_int_eq(r, -EINVAL);
		layer.read = framed_layer.read;
		layer.write = NULL;
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		ck_assert_int_eq(r, -EINVAL);
		layer.write = framed_layer.write;
		layer.flush = NULL;
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		break;
	case 2:
		layer.reserved[7] = 1;
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		break;
	case 3:
		f = af_file_read(rig.reader, 1, 0, NULL);
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		ck_assert_int_eq(r, -EBUSY);
		af_future_cancel(f);
		af_future_unref(f);
		f = af_file_write(rig.reader, data, LARGE, AFIO_FULL, NULL);
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		ck_assert_int_eq(r, -EBUSY);
		af_future_cancel(f);
		af_future_unref(f);
		make_pair(KIND_SOCKETPAIR, fds);
		rig.writer = af_file_new(rig.loop, fds[0], AFIO_UNBUFFERED);
		r = af_file_set_layer(rig.writer, &layer, NULL, NULL);
		ck_assert_int_eq(r, -ENOTSUP);
		close(fds[1]);
		ck_assert_int_eq(af_file_close(rig.writer), 0);
		make_pair(KIND_SOCKETPAIR, fds);
		rig.writer = af_file_new(rig.loop, fds[0], AFIO_RECEIVE_FDS);
		r = af_file_set_layer(rig.writer, &layer, NULL, NULL);
		ck_assert_int_eq(r, -ENOTSUP);
		close(fds[1]);
		r = -EINVAL;
		break;
	case 4:
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		ck_assert_int_eq(r, -ENOTSOCK);
		ck_assert_int_eq(cloexec_socketpair(SOCK_DGRAM, fds), 0);
		rig.writer = af_file_new(rig.loop, fds[0], 0);
		r = af_file_set_layer(rig.writer, &layer, NULL, NULL);
		ck_assert_int_eq(r, -ENOTSOCK);
		close(fds[1]);
		r = -EINVAL;
		break;
	default:
		expect_error(&rig, af_file_finish(rig.reader, NULL), 0);
		r = af_file_set_layer(rig.reader, &layer, NULL, NULL);
		ck_assert_int_eq(r, -EBADF);
		r = -EINVAL;
	}
	ck_assert_int_eq(r, -EINVAL);
	rig_close(&rig);
}
END_TEST

static ssize_t drip(void *arg, void *buf, size_t len)
{
	int *left = arg;

	ck_assert_uint_ge(len, 1);
	if (*left == 0)
		return -EAGAIN;
	--*left;
	*(char *)buf = 'x';
	return 1;
}

static ssize_t swallow(void *arg, const void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	return (ssize_t)len;
}

static int do_nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* More of them than a turn has. */
START_TEST(peek_of_a_layer_that_drips_gets_all_drops)
{
	static const struct af_layer layer = { .read = drip,
					       .write = swallow,
					       .flush = do_nothing };
	static char text[101];
	int left = 100;

	memset(text, 'x', 100);
	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_layer(rig.reader, &layer, &left, NULL), 0);
	expect_bytes(&rig, af_file_peek(rig.reader, 100, NULL), text, 100, 0);
	expect_bytes(&rig, af_file_read(rig.reader, 100, AFIO_FULL, NULL), text,
		     100, 0);
	rig_close(&rig);
}
END_TEST

/* Takes nothing before its peer has sent a byte. */
struct shy {
	int fd, calls;
};

static ssize_t hear_nothing(void *arg, void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return -EAGAIN;
}

static ssize_t answer(void *arg, const void *buf, size_t len)
{
	struct shy *shy = arg;
	char byte;

	(void)buf;
	shy->calls++;
	return recv(shy->fd, &byte, 1, MSG_DONTWAIT) == 1 ? (ssize_t)len
							  : -EAGAIN;
}

/* The socket is writable all the time, which is not what the layer waits for. */
START_TEST(write_that_the_layer_does_not_take_waits_for_the_peer)
{
	static const struct af_layer layer = { .read = hear_nothing,
					       .write = answer,
					       .flush = do_nothing };
	struct shy shy = { 0 };
	struct af_future *f;

	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	rig_reader(&rig);
	shy.fd = af_file_fd(rig.reader);
	ck_assert_int_eq(af_file_set_layer(rig.reader, &layer, &shy, NULL), 0);
	f = af_file_write(rig.reader, "abc", 3, AFIO_FULL, NULL);
	for (int i = 0; i < 20; i++)
		turn(&rig);
	ck_assert_int_eq(shy.calls, 1);
	put_text(rig.out, "x");
	expect_count(&rig, f, 3, 0);
	ck_assert_int_eq(shy.calls, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(second_layer_is_refused)
{
	open_framed(DRIVE_AWAIT);
	ck_assert_int_eq(
		af_file_set_layer(rig.reader, &framed_layer, NULL, NULL),
		-EALREADY);
	close_framed();
}
END_TEST

START_TEST(layer_is_found_by_its_functions)
{
	const struct af_layer other = framed_layer;

	open_framed(DRIVE_AWAIT);
	ck_assert_ptr_eq(af_file_layer(rig.reader, &framed_layer), in);
	ck_assert_ptr_null(af_file_layer(rig.reader, &other));
	ck_assert_ptr_null(af_file_layer(NULL, &framed_layer));
	close_framed();
}
END_TEST

static ssize_t take_nothing(void *arg, const void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return 0;
}

/* One that has no goodbye and nothing to release, and takes no bytes. */
START_TEST(layer_without_optional_functions_has_no_goodbye)
{
	const struct af_layer layer = {
		.read = framed_layer.read,
		.write = take_nothing,
		.flush = framed_layer.flush,
	};

	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	in = framed_new(rig.in, NULL);
	ck_assert_int_eq(af_file_set_layer(rig_reader(&rig), &layer, in, NULL),
			 0);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_WR), -ENOTSUP);
	expect_error(&rig, af_file_write(rig.reader, "x", 1, 0, NULL), -EIO);
	expect_error(&rig, af_file_finish(rig.reader, NULL), 0);
	ck_assert_int_eq(read(rig.out, data, 1), 0);
	rig_close(&rig);
	framed_layer.release(in);
}
END_TEST

START_TEST(layer_of_a_freed_loop_is_released_with_the_file)
{
	open_framed(DRIVE_AWAIT);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(releases, 0);
	close_framed();
}
END_TEST

START_TEST(detach_with_a_layer_fails_einval)
{
	open_framed(DRIVE_AWAIT);
	ck_assert_int_eq(af_file_detach(rig.reader, NULL), -EINVAL);
	close_framed();
}
END_TEST

/* Through a large or a small buffer of the socket, in one go or in several. */
START_TEST(write_that_ends_early_is_sent_in_the_background)
{
	const int small = 1;
	struct af_future *f;
	size_t sent;

	open_framed(_i / 2);
	if (_i % 2)
		ck_assert_int_eq(setsockopt(out->fd, SOL_SOCKET, SO_SNDBUF,
					    &small, sizeof small),
				 0);
	f = write_for(MS(5));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_TIMEDOUT);
	sent = af_future_count(f);
	ck_assert_uint_lt(sent, LARGE);
	af_future_unref(f);
	ck_assert_uint_gt(out->out_len, 0);
	drain(sent);
	ck_assert_uint_eq(out->out_len, 0);
	close_framed();
}
END_TEST

START_TEST(write_of_several_large_pieces_is_sent_whole)
{
	struct evbuffer *pieces = evbuffer_new();
	struct af_future *f;

	open_framed(_i);
	for (size_t at = 0; at < LARGE; at += LARGE / 4)
		evbuffer_add_reference(pieces, data + at, LARGE / 4, NULL,
				       NULL);
	f = af_file_write_buffer(rig.writer, pieces, AFIO_FULL, NULL);
	drain(LARGE);
	expect_count(&rig, f, LARGE, 0);
	evbuffer_free(pieces);
	close_framed();
}
END_TEST

START_TEST(cancelled_write_counts_what_the_layer_has_taken)
{
	struct af_future *f;
	size_t sent;

	open_framed(_i);
	f = write_for(NULL);
	af_future_cancel(f);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	sent = af_future_count(f);
	ck_assert_uint_gt(sent, 0);
	af_future_unref(f);
	f = af_file_finish(rig.writer, MS(20000));
	drain(sent);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "", AFIO_EOF);
	expect_error(&rig, f, 0);
	close_framed();
}
END_TEST

/* They were counted, and now are lost: one operation reports it. */
START_TEST(late_error_is_reported_by_finish_or_the_next_write)
{
	struct af_future *f;

	open_framed(DRIVE_AWAIT);
	f = write_for(NULL);
	af_future_cancel(f);
	af_future_unref(f);
	af_file_close(rig.reader);
	rig.reader = NULL;
	if (_i == 0)
		expect_error(&rig, af_file_finish(rig.writer, MS(20000)),
			     -EPIPE);
	else
		expect_error(&rig,
			     af_file_write(rig.writer, "x", 1, 0, MS(20000)),
			     -EPIPE);
	/* What was to send them in the background ends, too. */
	if (_i == 1) {
		turn(&rig);
		expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL),
			     -EPIPE);
		expect_error(&rig, af_file_finish(rig.writer, NULL), 0);
	}
	close_framed();
}
END_TEST

START_TEST(finish_waits_for_the_last_bytes_of_the_layer)
{
	struct af_future *write, *f;

	open_framed(_i);
	write = write_for(NULL);
	f = af_file_finish(rig.writer, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(out->finishes, 0);
	drain(LARGE);
	expect_count(&rig, write, LARGE, 0);
	expect_error(&rig, f, 0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "", AFIO_EOF);
	close_framed();
}
END_TEST

/* The room is so small that the goodbye itself has to wait. */
START_TEST(finish_times_out_with_the_goodbye_on_its_way)
{
	size_t stuffed;
	struct af_future *f;
	int from;

	open_framed(DRIVE_AWAIT);
	stuffed = stuff(af_file_fd(rig.writer));
	expect_error(&rig, af_file_finish(rig.writer, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(out->finishes, 1);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), -EPIPE);
	expect_error(&rig, af_file_finish(rig.writer, MS(0)), -ETIMEDOUT);
	from = af_file_fd(rig.reader);
	expect_pattern(from, stuffed, 0);
	f = af_file_finish(rig.writer, MS(20000));
	expect_error(&rig, f, 0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "", AFIO_EOF);
	close_framed();
}
END_TEST

START_TEST(close_says_goodbye_only_if_nothing_is_unsent)
{
	struct af_future *f;
	size_t sent = 0;

	open_framed(DRIVE_AWAIT);
	if (_i == 1) {
		f = write_for(MS(1));
		ck_assert_int_eq(drive(&rig, f), 0);
		sent = af_future_count(f);
		af_future_unref(f);
	}
	rig_hang_up(&rig);
	f = af_file_read(rig.reader, 0, 0, MS(20000));
	if (_i == 0) {
		expect_text(&rig, f, "", AFIO_EOF);
	} else {
		expect_error(&rig, f, -ECONNRESET);
		ck_assert_uint_gt(sent, 0);
	}
	close_framed();
}
END_TEST

START_TEST(shutdown_says_goodbye_after_queued_writes)
{
	struct af_future *write;

	open_framed(_i);
	write = write_for(NULL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	ck_assert_int_eq(out->finishes, 0);
	drain(LARGE);
	expect_count(&rig, write, LARGE, 0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "", AFIO_EOF);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), -EPIPE);
	ck_assert_int_eq(out->finishes, 1);
	/* The other direction goes on. */
	expect_count(&rig, af_file_write(rig.reader, "abc", 3, 0, NULL), 3, 0);
	expect_text(&rig, af_file_read(rig.writer, 3, 0, NULL), "abc", 0);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_RDWR), -ENOTSUP);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_RD), -ENOTSUP);
	close_framed();
}
END_TEST

START_TEST(end_that_comes_with_the_last_bytes_is_reported)
{
	static const unsigned char frames[] = { 0, 1, 'a' ^ 0x55, 0, 0 };
	struct af_future *hangup;

	open_framed(_i);
	hangup = af_file_hangup(rig.reader);
	put(af_file_fd(rig.writer), frames, sizeof frames);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "a", 0);
	/* The socket is empty by now, and open. */
	expect_text(&rig, af_file_read(rig.reader, 9, 0, MS(20000)), "",
		    AFIO_EOF);
	expect_error(&rig, hangup, 0);
	expect_error(&rig, af_file_hangup(rig.reader), 0);
	close_framed();
}
END_TEST

START_TEST(error_of_the_layer_is_the_operations)
{
	open_framed(DRIVE_AWAIT);
	in->fail = -EBADMSG;
	out->fail = -EFAULT;
	put_text(af_file_fd(rig.writer), "x");
	expect_error(&rig, af_file_read(rig.reader, 1, 0, NULL), -EBADMSG);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), -EFAULT);
	out->fail = 0;
	expect_count(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), 1, 0);
	close_framed();
}
END_TEST

/* The connection is the parent's, and so is the goodbye. */
START_TEST(child_of_fork_says_no_goodbye)
{
	int status;
	pid_t pid;

	open_framed(DRIVE_AWAIT);
	pid = fork();
	if (pid == 0) {
		af_file_close(rig.writer);
		af_loop_free(rig.loop);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_error(&rig, af_file_read(rig.reader, 1, 0, MS(5)), -ETIMEDOUT);
	close_framed();
}
END_TEST

/* A child goes on with the base: what is unsent is its parent's to send. */
START_TEST(child_of_fork_sends_nothing_in_the_background)
{
	struct af_future *f;
	size_t unsent;
	int status;
	pid_t pid;

	open_framed(DRIVE_DISPATCH);
	f = write_for(MS(5));
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	unsent = out->out_len;
	ck_assert_uint_gt(unsent, 0);
	pid = fork();
	if (pid == 0) {
		event_reinit(rig.base);
		while (recv(in->fd, data, LARGE, MSG_DONTWAIT) > 0)
			;
		for (int i = 0; i < 3; i++)
			event_base_loop(rig.base, EVLOOP_NONBLOCK);
		_exit(out->out_len != unsent);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close_framed();
}
END_TEST

static struct stage stage;

/* What is unsent moves to the base of a wait, and goes on there. */
static void wait_for_the_rest(void *arg)
{
	struct af_future *f;
	size_t sent;

	(void)arg;
	f = write_for(MS(5));
	ck_assert_int_eq(af_await(f), 0);
	sent = af_future_count(f);
	af_future_unref(f);
	f = af_file_read(rig.reader, sent, AFIO_FULL, MS(20000));
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_uint_eq(af_future_count(f), sent);
	af_future_unref(f);
}

START_TEST(await_of_a_layer_works_everywhere)
{
	int fds[2];

	stage_open(&stage, (enum context)_i);
	make_pair(KIND_SOCKETPAIR, fds);
	rig.reader = af_file_new(stage.loop, fds[0], 0);
	rig.writer = af_file_new(stage.loop, fds[1], 0);
	framed_on(rig.reader, &releases);
	framed_on(rig.writer, &releases);
	stage_play(&stage, wait_for_the_rest, NULL);
	af_file_close(rig.reader);
	af_file_close(rig.writer);
	stage_close(&stage);
	ck_assert_int_eq(releases, 2);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("layer");
	TCase *tc = test_case(s, "making");

	tcase_add_loop_test(tc, bytes_buffered_before_are_the_layers, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, set_layer_with_wrong_arguments_changes_nothing,
			    0, 6);
	tcase_add_test(tc, second_layer_is_refused);
	tcase_add_test(tc, layer_is_found_by_its_functions);
	tcase_add_loop_test(tc, layer_without_optional_functions_has_no_goodbye,
			    0, DRIVE_COUNT);
	tcase_add_test(tc, layer_of_a_freed_loop_is_released_with_the_file);
	tcase_add_test(tc, detach_with_a_layer_fails_einval);

	tc = test_case(s, "bytes");
	tcase_add_loop_test(tc, write_that_ends_early_is_sent_in_the_background,
			    0, 2 * DRIVE_COUNT);
	tcase_add_loop_test(tc, write_of_several_large_pieces_is_sent_whole, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, cancelled_write_counts_what_the_layer_has_taken,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(
		tc, late_error_is_reported_by_finish_or_the_next_write, 0, 2);
	tcase_add_loop_test(tc, end_that_comes_with_the_last_bytes_is_reported,
			    0, DRIVE_COUNT);
	tcase_add_test(tc, error_of_the_layer_is_the_operations);
	tcase_add_loop_test(
		tc, write_that_the_layer_does_not_take_waits_for_the_peer, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, await_of_a_layer_works_everywhere, 0,
			    CONTEXT_COUNT);

	tc = test_case(s, "ends");
	tcase_add_loop_test(tc, finish_waits_for_the_last_bytes_of_the_layer, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, finish_times_out_with_the_goodbye_on_its_way);
	tcase_add_loop_test(tc, close_says_goodbye_only_if_nothing_is_unsent, 0,
			    2);
	tcase_add_loop_test(tc, shutdown_says_goodbye_after_queued_writes, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, child_of_fork_says_no_goodbye);
	tcase_add_loop_test(tc, peek_of_a_layer_that_drips_gets_all_drops, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, child_of_fork_sends_nothing_in_the_background);
	return s;
}
