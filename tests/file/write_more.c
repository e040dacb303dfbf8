/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AFIO_MORE: TCP keeps an incomplete segment back until the next write, and
 * nothing else changes. The kernel sends it after 200 ms all the same, so on a
 * busy machine these tests try again.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/system.h"

#define TRIES 50

static struct rig rig;
static char bulk[1 << 20];

static void open_tcp(int driver)
{
	rig_open(&rig, WAY(KIND_TCP, driver));
	rig_writer(&rig);
}

/* How many bytes have arrived, which are read. */
static size_t arrived(void)
{
	static char buf[1 << 16];
	size_t sum = 0;
	ssize_t n;

	while ((n = recv(rig.in, buf, sizeof buf, MSG_DONTWAIT)) > 0)
		sum += (size_t)n;
	return sum;
}

static struct af_future *write_text(const char *text, unsigned flags)
{
	return af_file_write(rig.writer, text, strlen(text), flags, NULL);
}

static struct af_future *write_buffer(const char *text, unsigned flags)
{
	struct evbuffer *buf = evbuffer_new();
	struct af_future *f;

	evbuffer_add(buf, text, strlen(text));
	f = af_file_write_buffer(rig.writer, buf, flags, NULL);
	evbuffer_free(buf);
	return f;
}

/* Whether "head" is kept back until "body" follows. */
static bool joins(struct af_future *(*write)(const char *, unsigned))
{
	size_t before;
	char text[9] = "";

	expect_count(&rig, write("head", AFIO_MORE | AFIO_FULL), 4, 0);
	before = arrived();
	expect_count(&rig, write("body", AFIO_FULL), 4, 0);
	if (before > 0) {
		get(rig.in, text, 8 - before);
		return false;
	}
	get(rig.in, text, 8);
	ck_assert_str_eq(text, "headbody");
	return true;
}

START_TEST(write_with_more_waits_for_the_next)
{
	int tries = 0;

	open_tcp(_i);
	while (!joins(write_text))
		ck_assert_int_lt(++tries, TRIES);
	while (!joins(write_buffer))
		ck_assert_int_lt(++tries, TRIES);
	/* Without the flag, nothing is kept back. */
	expect_count(&rig, write_text("x", 0), 1, 0);
	get(rig.in, (char[1]){ 0 }, 1);
	rig_close(&rig);
}
END_TEST

/* Writes until there is no room, nor soon will be; returns how much. */
static size_t fill(void)
{
	struct pollfd out = { .fd = af_file_fd(rig.writer), .events = POLLOUT };
	size_t sum = 0;
	ssize_t n;

	do {
		n = send(out.fd, bulk, sizeof bulk, MSG_DONTWAIT);
		sum += n > 0 ? (size_t)n : 0;
	} while (poll(&out, 1, 20) == 1);
	return sum;
}

/* Whether a write that had to wait was kept back, too. */
static bool keeps_what_waited(void)
{
	size_t sum = fill(), got = 0;
	struct af_future *f;
	bool waited, kept;

	f = write_text("tail", AFIO_MORE | AFIO_FULL);
	waited = !af_future_is_done(f);
	while (got < sum)
		got += arrived();
	/* Nothing is under way: no acknowledgement makes the kernel send it. */
	expect_count(&rig, f, 4, 0);
	got += arrived();
	kept = got == sum;
	expect_count(&rig, write_text("x", 0), 1, 0);
	while (got < sum + 5)
		got += arrived();
	return waited && kept;
}

START_TEST(write_with_more_that_had_to_wait_waits_for_the_next)
{
	int tries = 0;

	open_tcp(_i);
	while (!keeps_what_waited())
		ck_assert_int_lt(++tries, TRIES);
	rig_close(&rig);
}
END_TEST

START_TEST(copy_after_a_write_with_more_is_sent)
{
	int fds[2];

	open_tcp(_i);
	make_pair(KIND_PIPE, fds);
	rig.reader = af_file_new(rig.loop, fds[0], 0);
	put_text(fds[1], "cdef");
	/* From its buffer, by the call that has the flag. */
	expect_text(&rig, af_file_peek(rig.reader, 4, NULL), "cdef", 0);
	expect_count(&rig, write_text("ab", AFIO_MORE), 2, 0);
	expect_count(&rig, af_file_copy(rig.reader, rig.writer, 4, NULL), 4, 0);
	get(rig.in, (char[6]){ 0 }, 6);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(close_after_a_write_with_more_sends_it)
{
	char text[5] = "";

	open_tcp(_i);
	expect_count(&rig, write_text("last", AFIO_MORE), 4, 0);
	rig_hang_up(&rig);
	get(rig.in, text, 4);
	ck_assert_str_eq(text, "last");
	rig_close(&rig);
}
END_TEST

/* On a pipe and on a Unix socket. */
START_TEST(write_with_more_elsewhere_is_a_write)
{
	char text[9] = "";

	rig_open(&rig, _i);
	rig_writer(&rig);
	expect_count(&rig, write_text("head", AFIO_MORE | AFIO_BORROW), 4, 0);
	get(rig.in, text, 4);
	expect_count(&rig, write_buffer("body", AFIO_MORE), 4, 0);
	get(rig.in, text + 4, 4);
	ck_assert_str_eq(text, "headbody");
	rig_close(&rig);
}
END_TEST

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

START_TEST(write_with_more_of_datagrams_joins_none)
{
	char text[9] = "";
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	make_udp(fds);
	rig.writer = af_file_new(rig.loop, fds[1], 0);
	expect_count(&rig, write_text("head", AFIO_MORE), 4, 0);
	expect_count(&rig, write_buffer("body!", AFIO_MORE), 5, 0);
	ck_assert_int_eq(recv(fds[0], text, 8, 0), 4);
	ck_assert_int_eq(recv(fds[0], text, 8, 0), 5);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

START_TEST(more_of_anything_but_a_write_fails_einval)
{
	open_tcp(0);
	expect_error(&rig, af_file_read(rig.writer, 1, AFIO_MORE, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_readline(rig.writer, 0, 0, AFIO_MORE, NULL),
		     -EINVAL);
	ck_assert_ptr_null(af_file_new(rig.loop, rig.in, AFIO_MORE));
	ck_assert_int_eq(errno, EINVAL);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/write_more");
	TCase *tc = test_case(s, "more");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(write_with_more_waits_for_the_next, DRIVE_COUNT);
	ADD(write_with_more_that_had_to_wait_waits_for_the_next, DRIVE_COUNT);
	ADD(copy_after_a_write_with_more_is_sent, DRIVE_COUNT);
	ADD(close_after_a_write_with_more_sends_it, DRIVE_COUNT);
	ADD(write_with_more_elsewhere_is_a_write, EVERY_WAY_BUT_TCP);
	ADD(write_with_more_of_datagrams_joins_none, DRIVE_COUNT);
	tcase_add_test(tc, more_of_anything_but_a_write_fails_einval);
	return s;
}
