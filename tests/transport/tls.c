/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of TLS, where a write cannot go out before the handshake is over, and
 * where an end may come without a goodbye. The outcome tables
 * are in file/read_every_kind.c and its like.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "support/harness.h"
#include "support/layers.h"

/* What differs from a test to the next: bits of its number. */
#define OVER 1	 /* over another bufferevent, not over the descriptor */
#define DIRTY 2	 /* with bufferevent_openssl_set_allow_dirty_shutdown() */
#define IGNORE 4 /* with SSL_OP_IGNORE_UNEXPECTED_EOF */
#define VARIANTS 8

static struct rig rig;
static struct af_file *file;
static int fd, peer;

static void set_up(struct bufferevent *bev, int variant)
{
	if (variant & DIRTY)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	if (variant & IGNORE)
		SSL_set_options(bufferevent_openssl_get_ssl(bev),
				SSL_OP_IGNORE_UNEXPECTED_EOF);
}

/* The file is a client of a peer that is no server. */
static void open_client(int i)
{
	struct bufferevent *bev;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	rig_open_loop(&rig, i / VARIANTS);
	make_pair(KIND_TCP, fds);
	fd = fds[0];
	peer = fds[1];
	evutil_make_socket_nonblocking(fd);
	bev = layer_tls_client(af_loop_base(rig.loop), fd, i & OVER);
	set_up(bev, i);
	file = af_file_from_bufferevent(rig.loop, bev, 0);
	ck_assert_ptr_nonnull(file);
}

static void close_client(void)
{
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	if (peer >= 0)
		close(peer);
	rig_close(&rig);
}

/* A write is under way, and has got to the peer as the first of a handshake. */
static struct af_future *begin(void)
{
	struct af_future *f = af_file_write(file, "hello", 5, AFIO_FULL, NULL);
	int there = 0;

	while (there == 0) {
		turn(&rig);
		ck_assert_int_eq(ioctl(peer, FIONREAD, &there), 0);
	}
	ck_assert(!af_future_is_done(f));
	return f;
}

static void expect_gone(struct af_future *f)
{
	int pipe[2];
	struct af_file *from;

	expect_error(&rig, f, -EPIPE);
	expect_error(&rig, af_file_write(file, "x", 1, 0, NULL), -EPIPE);
	make_pair(KIND_PIPE, pipe);
	put_text(pipe[1], "abc");
	close(pipe[1]);
	from = af_file_new(rig.loop, pipe[0], 0);
	expect_error(&rig, af_file_copy(from, file, -1, NULL), -EPIPE);
	ck_assert_int_eq(af_file_close(from), 0);
}

START_TEST(write_to_a_peer_that_left_before_the_handshake_fails_epipe)
{
	open_client(_i);
	close(peer);
	peer = -1;
	expect_gone(af_file_write(file, "hello", 5, AFIO_FULL, NULL));
	close_client();
}
END_TEST

START_TEST(write_after_a_read_that_saw_the_peer_gone_fails_epipe)
{
	struct af_future *f;

	open_client(_i);
	close(peer);
	peer = -1;
	f = af_file_read(file, 1, 0, NULL);
	drive(&rig, f);
	af_future_unref(f);
	expect_gone(af_file_write(file, "hello", 5, AFIO_FULL, NULL));
	close_client();
}
END_TEST

/* It leaves unread bytes, which is a reset. */
START_TEST(write_to_a_peer_that_resets_in_the_handshake_fails_epipe)
{
	struct af_future *f;

	open_client(_i);
	f = begin();
	close(peer);
	peer = -1;
	expect_gone(f);
	close_client();
}
END_TEST

START_TEST(write_to_a_peer_that_ends_in_the_handshake_fails_epipe)
{
	struct af_future *f;
	char hello[4096];

	open_client(_i);
	f = begin();
	ck_assert_int_gt(read(peer, hello, sizeof hello), 0);
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	expect_gone(f);
	close_client();
}
END_TEST

START_TEST(write_to_a_peer_that_speaks_no_tls_fails_epipe)
{
	struct af_future *f;

	open_client(_i);
	f = begin();
	put_text(peer, "220 good morning\r\n");
	expect_gone(f);
	close_client();
}
END_TEST

START_TEST(write_beside_a_read_of_a_peer_that_speaks_no_tls_fails_epipe)
{
	struct af_future *read, *f;

	open_client(_i);
	read = af_file_read(file, 1, 0, NULL);
	f = begin();
	errno = _i & 1 ? ENOENT : 0; /* which TLS leaves as it was */
	put_text(peer, "220 good morning\r\n");
	ck_assert_int_lt(drive(&rig, read), 0);
	af_future_unref(read);
	expect_gone(f);
	close_client();
}
END_TEST

/* Not after the time for which what is on its way is sent. */
START_TEST(close_in_a_handshake_ends_when_the_peer_does)
{
	int64_t start = now_us();
	struct af_future *f;
	char hello[4096];

	open_client(_i);
	f = begin();
	ck_assert_int_eq(af_file_close(file), 0);
	file = NULL;
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	af_future_unref(f);
	ck_assert_int_gt(read(peer, hello, sizeof hello), 0);
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	while (fcntl(fd, F_GETFD) >= 0) {
		turn(&rig);
		ck_assert_int_lt(now_us() - start, 20000000);
	}
	close_client();
}
END_TEST

/* A connection that is open; [0] reads and [1] writes. */
static void open_connection(int i, struct af_file *files[2])
{
	struct bufferevent *bevs[2];
	struct event_base *base;

	signal(SIGPIPE, SIG_IGN);
	rig_open_loop(&rig, i / VARIANTS);
	base = af_loop_base(rig.loop);
	if (i & OVER)
		layer_tls_filter(base, bevs);
	else
		layer_tls(base, bevs);
	for (int end = 0; end < 2; end++) {
		set_up(bevs[end], i);
		files[end] = af_file_from_bufferevent(rig.loop, bevs[end], 0);
	}
}

START_TEST(write_after_a_goodbye_of_the_peer_arrives)
{
	struct af_file *files[2];
	struct af_future *f;

	open_connection(_i, files);
	layer_tls_shutdown();
	expect_text(&rig, af_file_read(files[0], 9, 0, NULL), "", AFIO_EOF);
	f = af_file_write(files[0], "answer", 6, AFIO_FULL, NULL);
	expect_text(&rig, af_file_read(files[1], 6, AFIO_FULL, NULL), "answer",
		    0);
	expect_count(&rig, f, 6, 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

/* As documented with af_file_from_bufferevent(). */
static bool may_end_dirty(int variant)
{
	/* Over a descriptor, libevent knows it from OpenSSL 3 since 2.1.13. */
	bool known = event_get_version_number() >= 0x02010d00;

	if (variant & OVER)
		return variant & DIRTY;
	return variant & IGNORE || (known && variant & DIRTY);
}

START_TEST(end_without_a_goodbye_is_an_end_only_where_allowed)
{
	bool allowed = may_end_dirty(_i);
	struct af_file *files[2];
	struct af_future *f;

	open_connection(_i, files);
	f = af_file_write(files[1], "abc", 3, AFIO_FULL, NULL);
	expect_text(&rig, af_file_read(files[0], 3, AFIO_FULL, NULL), "abc", 0);
	expect_count(&rig, f, 3, 0);
	ck_assert_int_eq(af_file_close(files[1]), 0);
	f = af_file_read(files[0], 9, 0, NULL);
	if (allowed)
		expect_text(&rig, f, "", AFIO_EOF);
	else
		expect_error(&rig, f, -EIO);
	if (allowed && _i & OVER)
		expect_error(&rig, af_file_write(files[0], "x", 1, 0, NULL),
			     -EPIPE);
	ck_assert_int_eq(af_file_close(files[0]), 0);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/tls");
	TCase *tc = test_case(s, "handshake");

#define ADD(test) tcase_add_loop_test(tc, test, 0, VARIANTS *DRIVE_COUNT)
	ADD(write_to_a_peer_that_left_before_the_handshake_fails_epipe);
	ADD(write_after_a_read_that_saw_the_peer_gone_fails_epipe);
	ADD(write_to_a_peer_that_resets_in_the_handshake_fails_epipe);
	ADD(write_to_a_peer_that_ends_in_the_handshake_fails_epipe);
	ADD(write_to_a_peer_that_speaks_no_tls_fails_epipe);
	ADD(write_beside_a_read_of_a_peer_that_speaks_no_tls_fails_epipe);
	ADD(close_in_a_handshake_ends_when_the_peer_does);

	tc = test_case(s, "end");
	ADD(write_after_a_goodbye_of_the_peer_arrives);
	ADD(end_without_a_goodbye_is_an_end_only_where_allowed);
	return s;
}
