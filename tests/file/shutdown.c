/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_shutdown(): each half, with and without operations pending,
 * and what cannot be shut.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/harness.h"
#include "support/layers.h"
#include "support/pattern.h"
#include "support/system.h"

#define BULK ((size_t)4 << 20)

static struct rig rig;

static void open_writer(int way)
{
	rig_open(&rig, way);
	rig_writer(&rig);
}

START_TEST(shutdown_of_writing_ends_the_peers_reads)
{
	open_writer(_i);
	expect_count(&rig, af_file_write(rig.writer, "abc", 3, AFIO_FULL, NULL),
		     3, 0);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	rig_reader(&rig);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "abc",
		    AFIO_EOF);
	/* The other half is as it was. */
	expect_count(&rig, af_file_write(rig.reader, "x", 1, 0, NULL), 1, 0);
	expect_text(&rig, af_file_read(rig.writer, 9, 0, NULL), "x", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(write_after_shutdown_of_writing_fails_epipe)
{
	open_writer(_i);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), -EPIPE);
	rig_close(&rig);
}
END_TEST

START_TEST(shutdown_of_writing_waits_for_writes_in_the_queue)
{
	unsigned char *data = malloc(BULK);
	struct af_future *writes[3];

	pattern_fill(data, BULK, 0);
	open_writer(_i);
	writes[0] = af_file_write(rig.writer, data, BULK - 3, AFIO_FULL, NULL);
	writes[1] =
		af_file_write(rig.writer, data + BULK - 3, 3, AFIO_FULL, NULL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	writes[2] = af_file_write(rig.writer, "late", 4, AFIO_FULL, NULL);
	ck_assert(!af_future_is_done(writes[1]));
	rig_reader(&rig);
	expect_data_pattern(&rig, af_file_read(rig.reader, 0, 0, NULL), BULK, 0,
			    AFIO_EOF);
	expect_count(&rig, writes[0], BULK - 3, 0);
	expect_count(&rig, writes[1], 3, 0);
	expect_error(&rig, writes[2], -EPIPE);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(shutdown_of_writing_comes_after_a_cancelled_write)
{
	unsigned char *data = malloc(BULK);
	struct af_future *write;
	size_t count;

	pattern_fill(data, BULK, 0);
	open_writer(_i);
	write = af_file_write(rig.writer, data, BULK, AFIO_FULL, NULL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	turn(&rig);
	af_future_cancel(write);
	ck_assert_int_eq(af_future_error(write), -ECANCELED);
	count = af_future_count(write);
	af_future_unref(write);
	rig_reader(&rig);
	expect_data_pattern(&rig, af_file_read(rig.reader, 0, 0, NULL), count,
			    0, AFIO_EOF);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(close_before_a_shutdown_had_its_turn_is_clean)
{
	unsigned char *data = calloc(1, BULK);
	struct af_future *write;

	open_writer(_i);
	write = af_file_write(rig.writer, data, BULK, AFIO_FULL, NULL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	ck_assert_int_eq(af_file_close(rig.writer), 0);
	rig.writer = NULL;
	ck_assert_int_eq(drive(&rig, write), -ECANCELED);
	af_future_unref(write);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(shutdown_of_reading_ends_a_pending_read)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = af_file_read(rig.reader, 9, 0, NULL);
	turn(&rig);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_text(&rig, f, "", AFIO_EOF);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "", AFIO_EOF);
	expect_count(&rig, af_file_write(rig.reader, "x", 1, 0, NULL), 1, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(shutdown_of_reading_leaves_what_had_come)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "abc",
		    AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(shutdown_of_both_reads_no_more_and_writes_what_is_pending)
{
	unsigned char *data = malloc(BULK);
	struct af_future *read, *write;
	struct af_file *peer;

	pattern_fill(data, BULK, 0);
	open_writer(_i);
	read = af_file_read(rig.writer, 9, 0, NULL);
	write = af_file_write(rig.writer, data, BULK, AFIO_FULL, NULL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_RDWR), 0);
	expect_text(&rig, read, "", AFIO_EOF);
	ck_assert(!af_future_is_done(write));
	peer = rig_reader(&rig);
	expect_data_pattern(&rig, af_file_read(peer, 0, 0, NULL), BULK, 0,
			    AFIO_EOF);
	expect_count(&rig, write, BULK, 0);
	rig_close(&rig);
	free(data);
}
END_TEST

/* A socket is shut for all who have it. */
START_TEST(shutdown_is_felt_by_another_file_of_the_socket)
{
	struct af_file *other;

	open_writer(_i);
	other = af_file_new(rig.loop, dup(af_file_fd(rig.writer)), 0);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_RDWR), 0);
	expect_error(&rig, af_file_write(other, "x", 1, 0, NULL), -EPIPE);
	expect_text(&rig, af_file_read(other, 1, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(other), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(shutdown_of_a_pipe_fails_enotsock)
{
	open_writer(WAY(KIND_PIPE, DRIVE_AWAIT));
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), -ENOTSOCK);
	rig_close(&rig);
}
END_TEST

START_TEST(shutdown_with_nonsense_fails_einval)
{
	open_writer(WAY(KIND_SOCKETPAIR, DRIVE_AWAIT));
	ck_assert_int_eq(af_file_shutdown(NULL, SHUT_WR), -EINVAL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, 3), -EINVAL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, -1), -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(shutdown_of_an_unconnected_socket_fails_enotconn)
{
	struct af_file *file;

	rig_open_loop(&rig, DRIVE_AWAIT);
	file = af_file_new(rig.loop, cloexec_socket(AF_INET, SOCK_STREAM), 0);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(af_file_shutdown(file, SHUT_WR), -ENOTCONN);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(shutdown_after_the_loop_was_freed_fails_canceled)
{
	struct af_file *file;
	struct af_loop *loop = af_loop_new(NULL);
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	file = af_file_new(loop, fds[0], 0);
	af_loop_free(loop);
	ck_assert_int_eq(af_file_shutdown(file, SHUT_WR), -ECANCELED);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[1]);
}
END_TEST

static void open_layers(void (*layers)(struct event_base *,
				       struct bufferevent *[2]))
{
	struct bufferevent *bevs[2];

	rig_open_loop(&rig, (enum driver)DRIVE_AWAIT);
	layers(af_loop_base(rig.loop), bevs);
	rig.reader = af_file_from_bufferevent(rig.loop, bevs[0], 0);
	rig.writer = af_file_from_bufferevent(rig.loop, bevs[1], 0);
}

static void close_layers(void)
{
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	ck_assert_int_eq(af_file_close(rig.writer), 0);
	rig.reader = rig.writer = NULL;
	/* A base that is freed forgets what callbacks it deferred hold. */
	turn(&rig);
	rig_close(&rig);
}

START_TEST(shutdown_of_a_bufferevent_pair_ends_the_peers_reads)
{
	struct af_future *write, *read;

	open_layers(layer_pair);
	write = af_file_write(rig.writer, "abc", 3, AFIO_FULL, NULL);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "abc",
		    AFIO_EOF);
	expect_count(&rig, write, 3, 0);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), -EPIPE);
	read = af_file_read(rig.writer, 9, 0, NULL);
	expect_count(&rig, af_file_write(rig.reader, "back", 4, 0, NULL), 4, 0);
	expect_text(&rig, read, "back", 0);
	close_layers();
}
END_TEST

START_TEST(shutdown_of_a_pair_whose_other_end_is_closed_succeeds)
{
	open_layers(layer_pair);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	turn(&rig);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), -EPIPE);
	close_layers();
}
END_TEST

enum { CLOSE, FREE_LOOP };
static int act; /* at the arrival of a byte */

static void on_arrival(struct evbuffer *buf,
		       const struct evbuffer_cb_info *info, void *arg)
{
	struct af_file *file = rig.writer;

	(void)buf;
	(void)info;
	++*(int *)arg;
	if (act == CLOSE) {
		rig.writer = NULL;
		ck_assert_int_eq(af_file_close(file), 0);
	} else {
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
}

/*
 * It flushes a byte, and code of the program runs. Index: what that does; and
 * whether the shutdown waits behind a write.
 */
START_TEST(shutdown_of_a_bufferevent_pair_may_end_all)
{
	struct event_base *base = event_base_new();
	struct bufferevent *bevs[2];
	struct af_future *write;
	int arrivals = 0;

	act = _i / 2;
	rig_open_loop(&rig, DRIVE_AWAIT);
	af_loop_free(rig.loop);
	rig.loop = af_loop_new(base);
	layer_pair(base, bevs);
	rig.writer = af_file_from_bufferevent(rig.loop, bevs[1], 0);
	bufferevent_disable(bevs[0], EV_READ);
	evbuffer_add_cb(bufferevent_get_input(bevs[0]), on_arrival, &arrivals);
	write = af_file_write(rig.writer, "x", 1, AFIO_FULL,
			      _i % 2 ? NULL : MS(0));
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR),
			 _i % 2 ? 0 : -ECANCELED);
	if (_i % 2) {
		ck_assert_int_eq(arrivals, 0);
		af_future_cancel(write);
		for (int i = 0; i < 10 && arrivals == 0; i++)
			event_base_loop(base, EVLOOP_NONBLOCK);
	}
	ck_assert_int_eq(arrivals, 1);
	ck_assert_uint_eq(af_future_count(write), 1);
	af_future_unref(write);
	bufferevent_free(bevs[0]);
	ck_assert_int_eq(af_file_close(rig.writer), 0);
	rig.writer = NULL;
	event_base_loop(base, EVLOOP_NONBLOCK);
	rig_close(&rig);
	event_base_free(base);
}
END_TEST

START_TEST(shutdown_of_another_bufferevent_fails_notsup)
{
	open_layers(layer_pair);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_RD), -ENOTSUP);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_RDWR), -ENOTSUP);
	close_layers();
	open_layers(layer_socket);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), -ENOTSUP);
	close_layers();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/shutdown");
	TCase *tc = test_case(s, "halves");

/* Of sockets, in every way. */
#define ADD(test)                                                              \
	tcase_add_loop_test(tc, test, WAY(KIND_SOCKETPAIR, 0), EVERY_WAY)
	ADD(shutdown_of_writing_ends_the_peers_reads);
	ADD(write_after_shutdown_of_writing_fails_epipe);
	ADD(shutdown_of_writing_waits_for_writes_in_the_queue);
	ADD(shutdown_of_writing_comes_after_a_cancelled_write);
	ADD(close_before_a_shutdown_had_its_turn_is_clean);
	ADD(shutdown_of_reading_ends_a_pending_read);
	ADD(shutdown_of_reading_leaves_what_had_come);
	ADD(shutdown_of_both_reads_no_more_and_writes_what_is_pending);
	ADD(shutdown_is_felt_by_another_file_of_the_socket);
	tcase_add_test(tc, shutdown_of_a_bufferevent_pair_ends_the_peers_reads);
	tcase_add_test(tc,
		       shutdown_of_a_pair_whose_other_end_is_closed_succeeds);

	tc = test_case(s, "errors");
	tcase_add_test(tc, shutdown_of_a_pipe_fails_enotsock);
	tcase_add_test(tc, shutdown_with_nonsense_fails_einval);
	tcase_add_test(tc, shutdown_of_an_unconnected_socket_fails_enotconn);
	tcase_add_test(tc, shutdown_after_the_loop_was_freed_fails_canceled);
	tcase_add_test(tc, shutdown_of_another_bufferevent_fails_notsup);
	tcase_add_loop_test(tc, shutdown_of_a_bufferevent_pair_may_end_all, 0,
			    4);
	return s;
}
