/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_receive_from(): messages and their senders, of every family,
 * beside plain reads of the same file.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "support/system.h"
#include "support/contexts.h"
#include "support/datagrams.h"
#include "support/kinds.h"
#include "support/pattern.h"

static struct rig rig;

static bool open_rig(int i)
{
	if (!have_family(FAMILY_OF(i)))
		return false;
	open_datagrams(&rig, FAMILY_OF(i), DRIVER_OF(i));
	return true;
}

static struct af_future *receive(size_t size)
{
	return af_file_receive_from(rig.reader, size, 0, NULL);
}

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

static void expect_pending(struct af_future *f)
{
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	ck_assert_ptr_null(af_future_address(f, 0, NULL));
}

START_TEST(receive_from_brings_a_message_and_its_sender)
{
	struct af_future *f;
	int other;

	if (!open_rig(_i))
		return;
	other = plain_socket(FAMILY_OF(_i));
	say(&rig, "one");
	plain_say(other, af_file_fd(rig.reader), "two");
	expect_from(&rig, receive(100), "one", 0, rig.out);
	expect_from(&rig, receive(0), "two", 0, other);
	f = receive(0);
	expect_pending(f);
	plain_say(other, af_file_fd(rig.reader), "three");
	say(&rig, "four");
	expect_from(&rig, f, "three", 0, other);
	expect_from(&rig, receive(4), "four", 0, rig.out);
	ck_assert_int_eq(close(other), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_in_parts_has_the_sender_with_the_first)
{
	if (!open_rig(_i))
		return;
	say(&rig, "abcdefg");
	say(&rig, "next");
	expect_from(&rig, receive(3), "abc", AFIO_TRUNCATED, rig.out);
	expect_from(&rig, receive(3), "def", AFIO_TRUNCATED, -1);
	expect_from(&rig, receive(3), "g", 0, -1);
	expect_from(&rig, receive(3), "nex", AFIO_TRUNCATED, rig.out);
	expect_text(&rig, read_some(9), "t", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_continues_a_message_that_a_read_began)
{
	if (!open_rig(_i))
		return;
	say(&rig, "abcdef");
	say(&rig, "next");
	expect_text(&rig, read_some(3), "abc", AFIO_TRUNCATED);
	expect_from(&rig, receive(0), "def", 0, -1);
	expect_from(&rig, receive(0), "next", 0, rig.out);
	/* What is put back has no sender, either. */
	say(&rig, "last");
	ck_assert_int_eq(af_file_unread(rig.reader, "back", 4), 0);
	expect_from(&rig, receive(0), "back", 0, -1);
	expect_from(&rig, receive(0), "last", 0, rig.out);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_of_an_empty_message_is_no_end)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	say(&rig, "");
	say(&rig, "abc");
	expect_from(&rig, receive(0), "", 0, rig.out);
	expect_from(&rig, receive(0), "abc", 0, rig.out);
	f = receive(5);
	expect_pending(f);
	say(&rig, "");
	expect_from(&rig, f, "", 0, rig.out);
	rig_close(&rig);
}
END_TEST

/* 65507 is the largest of UDP over IPv4. */
static const size_t sizes[] = { 1, 95, 96, 97, 4096, 9000, 32768, 65507 };

START_TEST(receive_from_of_a_large_message_brings_it_whole)
{
	static unsigned char data[65507];
	struct af_future *f;

	if (!open_rig(_i))
		return;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		pattern_fill(data, sizes[i], i);
		plain_send(rig.out, af_file_fd(rig.reader), data, sizes[i]);
		expect_data_pattern(&rig, receive(i % 2 ? 0 : 100000), sizes[i],
				    i, 0);
		f = receive(0);
		turn(&rig);
		plain_send(rig.out, af_file_fd(rig.reader), data, sizes[i]);
		expect_data_pattern(&rig, f, sizes[i], i, 0);
	}
	pattern_fill(data, sizeof data, 0);
	plain_send(rig.out, af_file_fd(rig.reader), data, sizeof data);
	expect_data_pattern(&rig, receive(40000), 40000, 0, AFIO_TRUNCATED);
	expect_data_pattern(&rig, receive(0), sizeof data - 40000, 40000, 0);
	rig_close(&rig);
}
END_TEST

/* The kernel does not cut a message of a Unix socket to 64 KiB. */
START_TEST(receive_from_of_a_huge_message_brings_it_whole)
{
	const int room = 1 << 20;
	const size_t len = 150000;
	unsigned char *data = malloc(len);

	open_datagrams(&rig, UNIX, (enum driver)_i);
	setsockopt(rig.out, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	pattern_fill(data, len, 0);
	for (int i = 0; i < 2; i++) {
		plain_send(rig.out, af_file_fd(rig.reader), data, len);
		if (i == 1)
			expect_data_pattern(&rig, receive(100), 100, 0,
					    AFIO_TRUNCATED);
		expect_data_pattern(&rig, receive(0), len - (i ? 100 : 0),
				    i ? 100 : 0, 0);
	}
	free(data);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_of_a_sender_without_a_name_says_so)
{
	const struct sockaddr *sa;
	struct af_future *f;
	char text[20];
	socklen_t len;
	int nameless;

	open_datagrams(&rig, UNIX, (enum driver)_i);
	nameless = cloexec_socket(AF_UNIX, SOCK_DGRAM);
	plain_say(nameless, af_file_fd(rig.reader), "abc");
	f = receive(0);
	ck_assert_int_eq(drive(&rig, f), 0);
	sa = af_future_address(f, 0, &len);
	ck_assert_ptr_nonnull(sa);
	ck_assert_int_eq(sa->sa_family, AF_UNIX);
	ck_assert_int_eq(af_address_text(sa, len, text, sizeof text), 7);
	ck_assert_str_eq(text, "unnamed");
	af_future_unref(f);
	ck_assert_int_eq(close(nameless), 0);
	rig_close(&rig);
}
END_TEST

/* It stays in the socket, and can be read in pieces. */
START_TEST(receive_from_of_a_message_over_the_limit_fails_emsgsize)
{
	if (!open_rig(_i))
		return;
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	say(&rig, "12345");
	say(&rig, "123456");
	expect_from(&rig, receive(0), "12345", 0, rig.out);
	expect_error(&rig, receive(0), -EMSGSIZE);
	expect_error(&rig, receive(0), -EMSGSIZE);
	expect_from(&rig, receive(100), "123456", 0, rig.out);
	say(&rig, "1234567");
	expect_from(&rig, receive(1), "1", AFIO_TRUNCATED, rig.out);
	expect_error(&rig, receive(0), -EMSGSIZE);
	expect_from(&rig, receive(3), "234", AFIO_TRUNCATED, -1);
	expect_from(&rig, receive(0), "567", 0, -1);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_times_out_and_loses_nothing)
{
	int64_t since;

	if (!open_rig(_i))
		return;
	expect_error(&rig, af_file_receive_from(rig.reader, 0, 0, MS(0)),
		     -ETIMEDOUT);
	since = now_us();
	expect_error(&rig, af_file_receive_from(rig.reader, 9, 0, MS(5)),
		     -ETIMEDOUT);
	expect_elapsed(since, 5);
	say(&rig, "abc");
	expect_from(&rig, af_file_receive_from(rig.reader, 0, 0, MS(0)), "abc",
		    0, rig.out);
	rig_close(&rig);
}
END_TEST

/* A busy program is late: what is there by now counts. */
START_TEST(receive_from_at_its_deadline_takes_what_came)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	f = af_file_receive_from(rig.reader, 0, 0, MS(1));
	spin(5);
	say(&rig, "abc");
	expect_from(&rig, f, "abc", 0, rig.out);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_cancelled_leaves_the_message)
{
	struct af_future *f, *behind;

	if (!open_rig(_i))
		return;
	f = receive(0);
	behind = receive(0);
	expect_pending(f);
	say(&rig, "abc");
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_from(&rig, behind, "abc", 0, rig.out);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_queues_with_reads_in_call_order)
{
	struct af_future *a, *b, *c;

	if (!open_rig(_i))
		return;
	a = read_some(100);
	b = receive(0);
	c = af_file_readline(rig.reader, 0, 0, 0, NULL);
	expect_pending(b);
	say(&rig, "one");
	say(&rig, "two");
	say(&rig, "");
	say(&rig, "three\n");
	expect_text(&rig, a, "one", 0);
	expect_from(&rig, b, "two", 0, rig.out);
	expect_text(&rig, c, "three\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_ends_with_its_file_or_loop)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	f = receive(0);
	expect_pending(f);
	if (_i % 2) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
	} else {
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_ends_when_reading_is_shut)
{
	struct af_future *f;

	open_datagrams(&rig, UNIX, (enum driver)_i);
	say(&rig, "abc");
	f = receive(0);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_from(&rig, f, "abc", 0, rig.out);
	expect_from(&rig, receive(0), "", AFIO_EOF, -1);
	expect_from(&rig, receive(9), "", AFIO_EOF, -1);
	rig_close(&rig);
	open_datagrams(&rig, UNIX, (enum driver)_i);
	f = receive(0);
	expect_pending(f);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_from(&rig, f, "", AFIO_EOF, -1);
	rig_close(&rig);
}
END_TEST

/* Nobody is there: reported once, and the file goes on. */
START_TEST(receive_from_on_a_refused_socket_fails_once)
{
	struct address a;
	struct af_future *f;
	int gone;

	if (!open_rig(_i))
		return;
	gone = plain_socket(FAMILY_OF(_i));
	a = address_of(gone);
	ck_assert_int_eq(connect(af_file_fd(rig.reader), &a.sa, a.len), 0);
	ck_assert_int_eq(close(gone), 0);
	f = receive(0);
	expect_pending(f);
	expect_count(&rig, af_file_send_to(rig.reader, "x", 1, NULL, 0, 0, NULL),
		     1, 0);
	expect_error(&rig, f, -ECONNREFUSED);
	expect_error(&rig, af_file_receive_from(rig.reader, 9, 0, MS(5)),
		     -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

/* Its error does not take the place of a message. */
START_TEST(receive_from_on_a_refused_socket_loses_no_message)
{
	struct address a;
	struct af_future *f;
	int errors = 0, messages = 0, r;

	if (!open_rig(_i))
		return;
	a = address_of(rig.out);
	ck_assert_int_eq(connect(af_file_fd(rig.reader), &a.sa, a.len), 0);
	say(&rig, "one");
	say(&rig, "two");
	ck_assert_int_eq(close(rig.out), 0);
	rig.out = -1;
	expect_count(&rig, af_file_send_to(rig.reader, "x", 1, NULL, 0, 0, NULL),
		     1, 0);
	for (int i = 0; i < 3; i++) {
		f = receive(0);
		r = drive(&rig, f);
		ck_assert(r == 0 || r == -ECONNREFUSED);
		errors += r < 0;
		messages += af_future_count(f) == 3;
		af_future_unref(f);
	}
	ck_assert_int_eq(errors, 1);
	ck_assert_int_eq(messages, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_of_a_connected_socket_knows_its_peer)
{
	struct address a;

	if (!open_rig(_i))
		return;
	a = address_of(rig.out);
	ck_assert_int_eq(connect(af_file_fd(rig.reader), &a.sa, a.len), 0);
	say(&rig, "abc");
	expect_from(&rig, receive(0), "abc", 0, rig.out);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_from_of_a_file_of_the_program_works)
{
	rig_open_loop(&rig, DRIVER_OF(_i));
	if (!have_family(FAMILY_OF(_i))) {
		rig_close(&rig);
		return;
	}
	rig.reader = af_file_new(rig.loop, plain_socket(FAMILY_OF(_i)),
				 AFIO_UNBUFFERED);
	ck_assert_ptr_nonnull(rig.reader);
	rig.out = plain_socket(FAMILY_OF(_i));
	say(&rig, "abc");
	say(&rig, "def");
	expect_from(&rig, receive(1), "a", AFIO_TRUNCATED, rig.out);
	expect_from(&rig, receive(0), "bc", 0, -1);
	/* The next one is in the socket. */
	plain_expect(af_file_fd(rig.reader), "def", rig.out);
	rig_close(&rig);
}
END_TEST

/* A continuation of each starts the next. */
static int left_to_receive;

static struct af_future *receive_next(struct af_future *done, void *arg)
{
	(void)arg;
	ck_assert_int_eq(af_future_error(done), 0);
	if (--left_to_receive == 0)
		return NULL;
	if (left_to_receive % 8 == 0)
		for (int i = 0; i < 8; i++)
			say(&rig, "abc");
	return af_then(receive(0), receive_next, NULL);
}

START_TEST(receive_from_in_continuations_goes_on)
{
	if (!open_rig(_i))
		return;
	left_to_receive = 200;
	for (int i = 0; i < 8; i++)
		say(&rig, "abc");
	expect_count(&rig, af_then(receive(0), receive_next, NULL), 3, 0);
	rig_close(&rig);
}
END_TEST

/* The file is closed by a continuation of its own read. */
static void close_reader(struct af_future *done, void *arg)
{
	expect_sender(done, rig.out);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	++*(int *)arg;
}

START_TEST(receive_from_whose_file_its_continuation_closes_is_whole)
{
	struct af_future *behind;
	int n = 0;

	if (!open_rig(_i))
		return;
	af_on_done(receive(0), close_reader, &n);
	behind = receive(0);
	say(&rig, "abc");
	expect_error(&rig, behind, -ECANCELED);
	ck_assert_int_eq(n, 1);
	rig_close(&rig);
}
END_TEST

ROW(receive_from_of_another_kind_is_not_supported)
{
	bool is_datagram = kind_played()->traits & NO_EOF;
	struct af_future *f = af_file_receive_from(rig.reader, 1, 0, MS(0));

	expect_error(&rig, f, is_datagram ? -ETIMEDOUT : -ENOTSUP);
}

static int take_none(const char *data, size_t len, const struct sockaddr *from,
		     socklen_t from_len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)from;
	(void)from_len;
	(void)flags;
	(void)arg;
	return 1;
}

/* Descriptors would be lost without a word. */
START_TEST(receive_from_of_a_file_that_keeps_descriptors_is_not_supported)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *f[2];
	struct af_file *file;
	int fds[2];

	ck_assert_int_eq(cloexec_socketpair(SOCK_DGRAM, fds), 0);
	file = af_file_new(loop, fds[0], AFIO_RECEIVE_FDS);
	ck_assert_ptr_nonnull(file);
	f[0] = af_file_receive_from(file, 0, 0, NULL);
	f[1] = af_file_each_datagram(file, take_none, NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_future_error(f[i]), -ENOTSUP);
		af_future_unref(f[i]);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[1]);
	af_loop_free(loop);
}
END_TEST

/* A message of each kind, now and then: it is not idle. */
enum traffic { SENT, RECEIVED, PASSED_ON, TRAFFICS };

static struct {
	enum traffic traffic;
	int left;
	int64_t last;
	struct event *event;
} ticks;

static int pass(const char *data, size_t len, const struct sockaddr *from,
		socklen_t from_len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)from;
	(void)from_len;
	(void)flags;
	(void)arg;
	return 0;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct address a = address_of(rig.out);

	(void)fd;
	(void)what;
	(void)arg;
	if (ticks.left-- == 0) {
		event_del(ticks.event);
		return;
	}
	ticks.last = now_us();
	if (ticks.traffic == SENT)
		af_future_unref(af_file_send_to(rig.reader, NULL, 0, &a.sa,
						a.len, 0, NULL));
	else
		say(&rig, "");
	if (ticks.traffic == RECEIVED)
		af_future_unref(receive(0));
}

START_TEST(message_of_no_bytes_is_traffic)
{
	struct af_future *each = NULL, *f;

	if (!open_rig(_i / TRAFFICS))
		return;
	ticks.traffic = (enum traffic)(_i % TRAFFICS);
	ticks.left = 6;
	ticks.event = event_new(af_loop_base(rig.loop), -1, EV_PERSIST, on_tick,
				NULL);
	event_add(ticks.event, MS(20));
	if (ticks.traffic == PASSED_ON)
		each = af_file_each_datagram(rig.reader, pass, NULL);
	f = af_file_idle(rig.reader, MS(60));
	expect_count(&rig, f, 0, 0);
	/* A tick that came too late has put nothing off. */
	if (ticks.left > 0)
		fprintf(stderr, "skipped: this machine is too slow\n");
	else
		expect_elapsed(ticks.last, 60);
	af_future_cancel(each);
	af_future_unref(each);
	event_free(ticks.event);
	rig_close(&rig);
}
END_TEST

static void *receive_elsewhere(void *arg)
{
	ck_assert_int_eq(af_future_error(receive(0)), -EPERM);
	return arg;
}

START_TEST(receive_from_of_nonsense_fails)
{
	struct timeval odd = { 0, 1000000 };
	pthread_t thread;

	open_datagrams(&rig, IPV4, DRIVE_AWAIT);
	expect_error(&rig, af_file_receive_from(NULL, 0, 0, NULL), -EINVAL);
	expect_error(&rig,
		     af_file_receive_from(rig.reader, 0, AFIO_FULL, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_receive_from(rig.reader, 0, 0, &odd),
		     -EINVAL);
	pthread_create(&thread, NULL, receive_elsewhere, NULL);
	pthread_join(thread, NULL);
	expect_count(&rig, af_file_finish(rig.reader, NULL), 0, 0);
	expect_error(&rig, receive(0), -EBADF);
	rig_close(&rig);
}
END_TEST

static int take_one(const char *data, size_t len, const struct sockaddr *from,
		    socklen_t from_len, unsigned flags, void *arg)
{
	ck_assert(len == 1 && *data == 'a' && from && from_len && !flags);
	return ++*(int *)arg;
}

/* Those that another operation has read with one of its own. */
START_TEST(receive_from_of_what_was_read_before_keeps_to_the_limit)
{
	int calls = 0;

	if (!open_rig(_i))
		return;
	say(&rig, "a");
	say(&rig, "bcd");
	expect_count(&rig, af_file_each_datagram(rig.reader, take_one, &calls),
		     1, 0);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 2), 0);
	expect_error(&rig, receive(0), -EMSGSIZE);
	expect_from(&rig, receive(9), "bcd", 0, rig.out);
	rig_close(&rig);
}
END_TEST

/* A file that may run code of the program is stepped one at a time. */
START_TEST(receive_from_beside_writes_of_evbuffers_works)
{
	struct evbuffer *buf = evbuffer_new();
	struct address a;

	if (!open_rig(_i)) {
		evbuffer_free(buf);
		return;
	}
	a = address_of(rig.out);
	ck_assert_int_eq(connect(af_file_fd(rig.reader), &a.sa, a.len), 0);
	evbuffer_add(buf, "to", 2);
	expect_count(&rig, af_file_write_buffer(rig.reader, buf, 0, NULL), 2,
		     0);
	evbuffer_free(buf);
	plain_expect(rig.out, "to", af_file_fd(rig.reader));
	say(&rig, "back");
	expect_from(&rig, receive(0), "back", 0, rig.out);
	expect_error(&rig, af_file_receive_from(rig.reader, 0, 0, MS(0)),
		     -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

/* The first one has what comes. */
START_TEST(receive_from_behind_another_times_out_alone)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	f = receive(0);
	expect_error(&rig, af_file_receive_from(rig.reader, 0, 0, MS(5)),
		     -ETIMEDOUT);
	say(&rig, "abc");
	expect_from(&rig, f, "abc", 0, rig.out);
	rig_close(&rig);
}
END_TEST

static struct af_future *receive_for_nobody(struct af_future *done, void *arg)
{
	(void)done;
	return af_file_receive_from(rig.reader, 0, 0, arg);
}

START_TEST(receive_from_of_a_cancelled_chain_leaves_the_message)
{
	struct af_future *chain;

	if (!open_rig(_i))
		return;
	say(&rig, "abc");
	for (int i = 0; i < 2; i++) {
		chain = af_then(af_succeeded(rig.loop, NULL, NULL),
				receive_for_nobody, i ? MS(0) : NULL);
		af_future_cancel(chain);
		expect_error(&rig, chain, -ECANCELED);
	}
	expect_from(&rig, receive(0), "abc", 0, rig.out);
	rig_close(&rig);
}
END_TEST

/* The bytes that a failed read has left come before its error. */
START_TEST(receive_from_after_a_failed_read_takes_what_it_left)
{
	struct address a;
	struct af_future *f;

	if (!open_rig(_i))
		return;
	a = address_of(rig.out);
	ck_assert_int_eq(connect(af_file_fd(rig.reader), &a.sa, a.len), 0);
	say(&rig, "abc");
	f = af_file_read(rig.reader, 9, AFIO_FULL, NULL);
	turn(&rig);
	ck_assert_int_eq(close(rig.out), 0);
	rig.out = -1;
	expect_count(&rig,
		     af_file_send_to(rig.reader, "x", 1, NULL, 0, 0, NULL), 1,
		     0);
	expect_error(&rig, f, -ECONNREFUSED);
	expect_from(&rig, receive(2), "ab", AFIO_TRUNCATED, -1);
	expect_from(&rig, receive(2), "c", AFIO_ERROR, -1);
	expect_error(&rig, receive(2), -ECONNREFUSED);
	expect_error(&rig, af_file_receive_from(rig.reader, 2, 0, MS(0)),
		     -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

/* In every place where a program may wait. */
struct scene {
	struct stage stage;
	struct af_file *file;
	int out;
};

static void await_message(void *arg)
{
	struct scene *scene = arg;
	struct af_future *f =
		af_file_receive_from(scene->file, 0, 0, MS(20000));

	ck_assert(!af_future_is_done(f));
	plain_say(scene->out, af_file_fd(scene->file), "abc");
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_uint_eq(af_future_count(f), 3);
	expect_sender(f, scene->out);
	af_future_unref(f);
}

START_TEST(receive_from_awaited_anywhere_succeeds)
{
	struct scene scene = { .out = plain_socket(IPV4) };

	stage_open(&scene.stage, (enum context)_i);
	scene.file = af_datagram_open(scene.stage.loop, "127.0.0.1", NULL, NULL);
	ck_assert_ptr_nonnull(scene.file);
	stage_play(&scene.stage, await_message, &scene);
	ck_assert_int_eq(af_file_close(scene.file), 0);
	close(scene.out);
	stage_close(&scene.stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/receive_from");
	TCase *tc = sockets_case(s, "messages");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(receive_from_brings_a_message_and_its_sender, EVERY_FAMILY);
	ADD(receive_from_in_parts_has_the_sender_with_the_first, EVERY_FAMILY);
	ADD(receive_from_continues_a_message_that_a_read_began, EVERY_FAMILY);
	ADD(receive_from_of_an_empty_message_is_no_end, EVERY_FAMILY);
	ADD(receive_from_of_a_large_message_brings_it_whole, EVERY_FAMILY);
	ADD(receive_from_of_a_huge_message_brings_it_whole, DRIVE_COUNT);
	ADD(receive_from_of_a_sender_without_a_name_says_so, DRIVE_COUNT);
	ADD(receive_from_of_a_message_over_the_limit_fails_emsgsize,
	    EVERY_FAMILY);
	ADD(receive_from_of_a_connected_socket_knows_its_peer, EVERY_FAMILY);
	ADD(receive_from_of_a_file_of_the_program_works, EVERY_FAMILY);
	ADD(receive_from_of_what_was_read_before_keeps_to_the_limit,
	    UNIX * DRIVE_COUNT);
	ADD(receive_from_beside_writes_of_evbuffers_works, EVERY_FAMILY);
	ADD(receive_from_in_continuations_goes_on, EVERY_FAMILY);
	ADD(message_of_no_bytes_is_traffic, TRAFFICS * EVERY_FAMILY);

	tc = sockets_case(s, "ends");
	ADD(receive_from_times_out_and_loses_nothing, EVERY_FAMILY);
	ADD(receive_from_at_its_deadline_takes_what_came, EVERY_FAMILY);
	ADD(receive_from_cancelled_leaves_the_message, EVERY_FAMILY);
	ADD(receive_from_queues_with_reads_in_call_order, EVERY_FAMILY);
	ADD(receive_from_behind_another_times_out_alone, EVERY_FAMILY);
	ADD(receive_from_of_a_cancelled_chain_leaves_the_message, EVERY_FAMILY);
	ADD(receive_from_after_a_failed_read_takes_what_it_left,
	    UNIX * DRIVE_COUNT);
	ADD(receive_from_ends_with_its_file_or_loop, EVERY_FAMILY);
	ADD(receive_from_ends_when_reading_is_shut, DRIVE_COUNT);
	ADD(receive_from_on_a_refused_socket_fails_once, UNIX * DRIVE_COUNT);
	ADD(receive_from_on_a_refused_socket_loses_no_message,
	    UNIX * DRIVE_COUNT);
	ADD(receive_from_whose_file_its_continuation_closes_is_whole,
	    EVERY_FAMILY);
	ADD_ROW(tc, receive_from_of_another_kind_is_not_supported, 0);
	tcase_add_test(
		tc,
		receive_from_of_a_file_that_keeps_descriptors_is_not_supported);
	tcase_add_test(tc, receive_from_of_nonsense_fails);
	ADD(receive_from_awaited_anywhere_succeeds, CONTEXT_COUNT);
	return s;
}
