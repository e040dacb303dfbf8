/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of sockets that carry messages: one read, one message, whole, whatever
 * its length.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/pattern.h"
#include "support/system.h"

static struct rig rig;

static void make_udp(int fds[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof address;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 2; i++)
		fds[i] = cloexec_socket(AF_INET, SOCK_DGRAM);
	ck_assert_int_eq(bind(fds[0], (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(getsockname(fds[0], (struct sockaddr *)&address, &len),
			 0);
	ck_assert_int_eq(connect(fds[1], (struct sockaddr *)&address, len), 0);
}

enum { UDP, UNIX_DATAGRAM, UNIX_SEQPACKET, N_SOCKETS };

static void make_sockets(int i, int fds[2])
{
	if (i == UDP)
		make_udp(fds);
	else
		ck_assert_int_eq(cloexec_socketpair(i == UNIX_DATAGRAM
							    ? SOCK_DGRAM
							    : SOCK_SEQPACKET,
						    fds),
				 0);
}

/* Makes rig.in and rig.out, of which the latter is the writer's. */
static void make_ends(int i)
{
	int fds[2];

	make_sockets(i, fds);
	rig.in = fds[0];
	rig.out = fds[1];
}

static void open_rig(int i)
{
	rig_open_loop(&rig, (enum driver)(i % DRIVE_COUNT));
	make_ends(i / DRIVE_COUNT);
	rig_reader(&rig);
}

#define EVERY_SOCKET (N_SOCKETS * DRIVE_COUNT)
#define EVERY_DATAGRAM (UNIX_SEQPACKET * DRIVE_COUNT)

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

START_TEST(read_brings_one_message)
{
	struct af_future *f;

	open_rig(_i);
	put_text(rig.out, "one");
	put_text(rig.out, "two");
	expect_text(&rig, read_some(100), "one", 0);
	expect_text(&rig, read_some(100), "two", 0);
	f = read_some(100);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	put_text(rig.out, "three");
	put_text(rig.out, "four");
	expect_text(&rig, f, "three", 0);
	expect_text(&rig, read_some(4), "four", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_smaller_than_a_message_brings_it_in_parts)
{
	open_rig(_i);
	put_text(rig.out, "abcdefg");
	put_text(rig.out, "next");
	expect_text(&rig, read_some(3), "abc", AFIO_TRUNCATED);
	expect_text(&rig, read_some(3), "def", AFIO_TRUNCATED);
	expect_text(&rig, read_some(3), "g", 0);
	expect_text(&rig, read_some(4), "next", 0);
	rig_close(&rig);
}
END_TEST

/* 65507 is the largest of UDP over IPv4. */
static const size_t sizes[] = { 1, 4095, 4096, 4097, 9000, 32768, 65507 };

START_TEST(large_message_comes_whole)
{
	struct af_future *f;

	open_rig(_i);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		put_pattern(rig.out, sizes[i], i);
		expect_data_pattern(&rig, read_some(100000), sizes[i], i, 0);
		f = read_some(100000);
		turn(&rig);
		put_pattern(rig.out, sizes[i], i);
		expect_data_pattern(&rig, f, sizes[i], i, 0);
	}
	rig_close(&rig);
}
END_TEST

/* Of a Unix socket, they are larger than any buffer is to begin with. */
START_TEST(huge_message_comes_whole_also_after_a_part)
{
	const int size = 1 << 20;
	const size_t len = 150000;
	struct af_future *f;
	const char *data;

	rig_open_loop(&rig, (enum driver)_i);
	make_ends(UNIX_SEQPACKET);
	setsockopt(rig.out, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(0)),
		     -ETIMEDOUT);
	put_pattern(rig.out, len, 0);
	f = af_file_read(rig.reader, 3 + len, AFIO_FULL, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	data = af_future_data(f, NULL);
	ck_assert_int_eq(memcmp(data, "abc", 3), 0);
	ck_assert_uint_eq(pattern_match(data + 3, len, 0), len);
	af_future_unref(f);
	put_pattern(rig.out, len, 0);
	expect_data_pattern(&rig, read_some(1 << 20), len, 0, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(write_sends_one_message)
{
	char buf[100];
	struct af_file *file;

	rig_open_loop(&rig, (enum driver)(_i % DRIVE_COUNT));
	make_ends(_i / DRIVE_COUNT);
	file = rig_writer(&rig);
	expect_count(&rig, af_file_write(file, "one", 3, 0, NULL), 3, 0);
	expect_count(&rig, af_file_write(file, "four", 4, AFIO_FULL, NULL), 4,
		     0);
	ck_assert_int_eq(recv(rig.in, buf, sizeof buf, 0), 3);
	ck_assert_int_eq(recv(rig.in, buf, sizeof buf, 0), 4);
	rig_close(&rig);
}
END_TEST

START_TEST(write_of_a_buffer_in_many_pieces_sends_one_message)
{
	struct evbuffer *buffer = evbuffer_new();
	char buf[100];

	rig_open_loop(&rig, (enum driver)(_i % DRIVE_COUNT));
	make_ends(_i / DRIVE_COUNT);
	rig_writer(&rig);
	for (int i = 0; i < 40; i++)
		evbuffer_add_reference(buffer, "ab", 2, NULL, NULL);
	expect_count(&rig,
		     af_file_write_buffer(rig.writer, buffer, AFIO_FULL, NULL),
		     80, 0);
	ck_assert_int_eq(recv(rig.in, buf, sizeof buf, 0), 80);
	evbuffer_free(buffer);
	rig_close(&rig);
}
END_TEST

START_TEST(write_of_too_large_a_message_fails_emsgsize)
{
	const size_t len = 70000;
	char *data = calloc(1, len);

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_ends(UDP);
	expect_error(&rig, af_file_write(rig_writer(&rig), data, len, 0, NULL),
		     -EMSGSIZE);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(empty_datagram_is_no_end)
{
	struct af_future *f;

	open_rig(_i);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "abc");
	expect_text(&rig, read_some(9), "", 0);
	expect_text(&rig, read_some(9), "abc", 0);
	f = read_some(9);
	turn(&rig);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	expect_text(&rig, f, "", 0);
	rig_close(&rig);
}
END_TEST

static int count_chunks(const char *data, size_t len, unsigned flags, void *arg)
{
	size_t *n = arg;

	(void)data;
	(void)flags;
	ck_assert_uint_eq(len, 3);
	return ++*n == 2;
}

START_TEST(empty_datagram_is_passed_over_by_other_reads)
{
	size_t n = 0;

	open_rig(_i);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "ab\n");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "ab\n",
		    0);
	put_text(rig.out, "abc");
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "def");
	expect_text(&rig, af_file_read(rig.reader, 6, AFIO_FULL, NULL),
		    "abcdef", 0);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "ghi");
	expect_text(&rig, af_file_peek(rig.reader, 9, NULL), "ghi", 0);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "jkl");
	expect_count(&rig, af_file_each_chunk(rig.reader, count_chunks, &n), 6,
		     0);
	rig_close(&rig);
}
END_TEST

START_TEST(datagrams_end_when_reading_is_shut)
{
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)_i);
	make_ends(UNIX_DATAGRAM);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = af_file_read(rig.reader, 0, 0, NULL);
	turn(&rig);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_text(&rig, f, "abc", AFIO_EOF);
	expect_text(&rig, read_some(9), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static int refuse(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)arg;
	ck_assert_uint_eq(len, 2);
	ck_assert_uint_eq(flags, AFIO_EOF);
	return -EPROTO;
}

/* The kernel tells of such an end once only. */
START_TEST(empty_seqpacket_message_that_an_each_has_seen_stays_the_end)
{
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)_i);
	make_ends(UNIX_SEQPACKET);
	rig_reader(&rig);
	put_text(rig.out, "ab");
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "cd");
	f = af_file_each_line(rig.reader, refuse, NULL);
	ck_assert_int_eq(drive(&rig, f), -EPROTO);
	af_future_unref(f);
	expect_text(&rig, read_some(9), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

/* A read that does not wait is told of it, too. */
START_TEST(end_behind_a_part_of_a_line_of_seqpacket_stays)
{
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)_i);
	make_ends(UNIX_SEQPACKET);
	rig_reader(&rig);
	put_text(rig.out, "ab");
	rig_hang_up(&rig);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "ab",
		    AFIO_EOF);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, MS(0)), "", AFIO_EOF);
	f = af_file_each_line(rig.reader, refuse, NULL);
	expect_count(&rig, f, 0, AFIO_EOF);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, MS(0)), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

/* The peer resets it, as there is something that it has not read. */
START_TEST(error_behind_a_message_is_reported_after_it)
{
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)_i);
	make_ends(UNIX_SEQPACKET);
	put_text(rig.in, "x");
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = af_file_readline(rig.reader, 0, 0, 0, NULL);
	turn(&rig);
	rig_hang_up(&rig);
	expect_text(&rig, f, "abc", AFIO_ERROR);
	expect_error(&rig, read_some(9), -ECONNRESET);
	expect_text(&rig, read_some(9), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(seqpacket_ends_when_the_peer_closes)
{
	rig_open_loop(&rig, (enum driver)_i);
	make_ends(UNIX_SEQPACKET);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	expect_text(&rig, read_some(9), "abc", 0);
	expect_text(&rig, read_some(9), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

/* Nobody is there: told once, and then it goes on. */
START_TEST(refused_datagram_is_an_error_of_the_next_read)
{
	struct af_future *f;
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	make_udp(fds);
	ck_assert_int_eq(close(fds[0]), 0);
	rig.writer = af_file_new(rig.loop, fds[1], 0);
	f = af_file_read(rig.writer, 9, 0, NULL);
	expect_count(&rig, af_file_write(rig.writer, "abc", 3, 0, NULL), 3, 0);
	expect_error(&rig, f, -ECONNREFUSED);
	expect_error(&rig, af_file_read(rig.writer, 9, 0, MS(5)), -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

START_TEST(copy_keeps_messages_apart)
{
	char buf[100];
	int fds[2];
	struct af_file *to;

	open_rig(_i);
	make_sockets(_i / DRIVE_COUNT, fds);
	to = af_file_new(rig.loop, fds[1], 0);
	put_text(rig.out, "abc");
	put_text(rig.out, "defg");
	expect_count(&rig, af_file_copy(rig.reader, to, 7, NULL), 7, 0);
	ck_assert_int_eq(recv(fds[0], buf, sizeof buf, 0), 3);
	ck_assert_int_eq(recv(fds[0], buf, sizeof buf, 0), 4);
	ck_assert_int_eq(af_file_close(to), 0);
	ck_assert_int_eq(close(fds[0]), 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/message");
	TCase *tc = test_case(s, "messages");

	tcase_add_loop_test(tc, read_brings_one_message, 0, EVERY_SOCKET);
	tcase_add_loop_test(tc, read_smaller_than_a_message_brings_it_in_parts,
			    0, EVERY_SOCKET);
	tcase_add_loop_test(tc, large_message_comes_whole, 0, EVERY_SOCKET);
	tcase_add_loop_test(tc, huge_message_comes_whole_also_after_a_part, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, write_sends_one_message, 0, EVERY_SOCKET);
	tcase_add_loop_test(tc,
			    write_of_a_buffer_in_many_pieces_sends_one_message,
			    0, EVERY_SOCKET);
	tcase_add_test(tc, write_of_too_large_a_message_fails_emsgsize);
	tcase_add_loop_test(tc, copy_keeps_messages_apart, 0, EVERY_SOCKET);

	tc = test_case(s, "ends");
	tcase_add_loop_test(tc, empty_datagram_is_no_end, 0, EVERY_DATAGRAM);
	tcase_add_loop_test(tc, empty_datagram_is_passed_over_by_other_reads, 0,
			    EVERY_DATAGRAM);
	tcase_add_loop_test(tc, datagrams_end_when_reading_is_shut, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(
		tc, empty_seqpacket_message_that_an_each_has_seen_stays_the_end,
		0, DRIVE_COUNT);
	tcase_add_loop_test(tc, end_behind_a_part_of_a_line_of_seqpacket_stays,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, error_behind_a_message_is_reported_after_it, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, seqpacket_ends_when_the_peer_closes, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, refused_datagram_is_an_error_of_the_next_read,
			    0, DRIVE_COUNT);
	return s;
}
