/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_each_datagram(): every message once and in order, whole and
 * with its sender; and when it ends early, none is lost that was read with
 * others.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "support/contexts.h"
#include "support/datagrams.h"
#include "support/dumped.h"
#include "support/fairness.h"
#include "support/kinds.h"
#include "support/pattern.h"

static struct rig rig;

/* What fn got, a bar after each message, and a letter for flags. */
static char text[4096];
static size_t text_len, calls;
/* After so many calls, fn returns this; 0: never. */
static size_t last_call;
static int last_answer;
/* Called in fn, if not NULL. */
static void (*act)(void);

static int take(const char *data, size_t len, const struct sockaddr *from,
		socklen_t from_len, unsigned flags, void *arg)
{
	ck_assert_ptr_eq(arg, &rig);
	ck_assert_uint_eq(flags, 0);
	ck_assert_uint_lt(text_len + len + 3, sizeof text);
	calls++;
	if (from)
		expect_address(from, from_len, rig.out);
	else
		text[text_len++] = '?';
	if (act)
		act();
	memcpy(text + text_len, data, len);
	text_len += len;
	text[text_len++] = '|';
	text[text_len] = '\0';
	return last_call && calls >= last_call ? last_answer : 0;
}

static struct af_future *each(void)
{
	return af_file_each_datagram(rig.reader, take, &rig);
}

/* Ends like expect_count(), or with an error after so many messages. */
static void expect_ended(struct af_future *f, int error, size_t count)
{
	ck_assert_int_eq(drive(&rig, f), error);
	ck_assert_uint_eq(af_future_count(f), count);
	af_future_unref(f);
}

static bool open_rig(int i)
{
	if (!have_family(FAMILY_OF(i)))
		return false;
	open_datagrams(&rig, FAMILY_OF(i), DRIVER_OF(i));
	text[0] = '\0';
	text_len = calls = last_call = 0;
	last_answer = 1;
	act = NULL;
	return true;
}

static void say_numbers(int from, int until)
{
	char number[12];

	for (int i = from; i < until; i++) {
		snprintf(number, sizeof number, "%d", i);
		say(&rig, number);
	}
}

static void expect_got(const char *expected)
{
	ck_assert_str_eq(text, expected);
}

static void until_calls(struct af_future *f, size_t n)
{
	while (calls < n)
		ck_assert_int_eq(af_await_for(f, MS(1)), -ETIMEDOUT);
}

static struct af_future *receive(void)
{
	return af_file_receive_from(rig.reader, 0, 0, MS(5000));
}

START_TEST(each_datagram_passes_every_message_on)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	say_numbers(0, 5);
	last_call = 12;
	f = each();
	ck_assert_uint_eq(calls, 0);
	until_calls(f, 5);
	ck_assert_uint_eq(af_future_count(f), 5);
	say_numbers(5, 7);
	until_calls(f, 7);
	say_numbers(7, 12);
	expect_count(&rig, f, 12, 0);
	expect_got("0|1|2|3|4|5|6|7|8|9|10|11|");
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_passes_empty_messages_on)
{
	if (!open_rig(_i))
		return;
	say(&rig, "");
	say(&rig, "a");
	say(&rig, "");
	last_call = 3;
	expect_count(&rig, each(), 3, 0);
	expect_got("|a||");
	rig_close(&rig);
}
END_TEST

/* Those that were read together with it keep their order and their sender. */
START_TEST(each_datagram_stopped_leaves_the_rest_to_others)
{
	if (!open_rig(_i))
		return;
	say_numbers(0, 5);
	last_call = 1;
	expect_count(&rig, each(), 1, 0);
	expect_from(&rig, receive(), "1", 0, rig.out);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "2", 0);
	calls = 0;
	expect_count(&rig, each(), 1, 0);
	expect_from(&rig, receive(), "4", 0, rig.out);
	expect_got("0|3|");
	expect_error(&rig, af_file_read(rig.reader, 9, 0, MS(0)), -ETIMEDOUT);
	say(&rig, "5");
	expect_from(&rig, receive(), "5", 0, rig.out);
	rig_close(&rig);
}
END_TEST

/* As before, but with as many read at once as can be. */
START_TEST(each_datagram_stopped_in_a_large_batch_loses_nothing)
{
	if (!open_rig(_i))
		return;
	/* Unix sockets take few. */
	for (int i = 0; i < 4; i++) {
		say_numbers(8 * i, 8 * i + 8);
		last_call = calls + 8;
		if (i < 3)
			expect_count(&rig, each(), 8, 0);
	}
	last_call = calls + 3;
	expect_count(&rig, each(), 3, 0);
	for (int i = 27; i < 32; i++) {
		char number[12];
		struct af_future *f = receive();

		snprintf(number, sizeof number, "%d", i);
		ck_assert_int_eq(drive(&rig, f), 0);
		ck_assert_str_eq(af_future_data(f, NULL), number);
		expect_sender(f, rig.out);
		af_future_unref(f);
	}
	rig_close(&rig);
}
END_TEST

/* Takes the next message in one of several ways. */
static void expect_next(int way, const char *number)
{
	struct af_future *f;

	if (way % 3 == 0)
		f = af_file_read(rig.reader, 9, 0, MS(5000));
	else if (way % 3 == 1)
		f = receive();
	else
		f = af_file_peek(rig.reader, 9, MS(5000));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), number);
	af_future_unref(f);
	if (way % 3 == 2)
		expect_next(0, number);
}

/* After any of ten, so that any number of those read with it is left. */
START_TEST(each_datagram_stopped_anywhere_loses_nothing)
{
	char number[12];

	if (!open_rig(_i))
		return;
	for (int stop = 1; stop <= 10; stop++) {
		for (int way = 0; way < 3; way++) {
			text_len = calls = 0;
			say_numbers(0, 10);
			last_call = (size_t)stop;
			expect_count(&rig, each(), last_call, 0);
			for (int i = stop; i < 10; i++) {
				snprintf(number, sizeof number, "%d", i);
				expect_next(way + i, number);
			}
			expect_error(&rig,
				     af_file_read(rig.reader, 9, 0, MS(0)),
				     -ETIMEDOUT);
		}
	}
	rig_close(&rig);
}
END_TEST

/* Nothing is in the socket: no event comes for what was read with it. */
START_TEST(each_datagram_stopped_before_empty_messages_leaves_what_follows)
{
	if (!open_rig(_i))
		return;
	for (int way = 0; way < 4; way++) {
		struct af_file *file = rig.reader;

		say(&rig, "a");
		say(&rig, "b");
		say(&rig, "");
		say(&rig, "");
		say(&rig, "c\n");
		text_len = calls = 0;
		last_call = 3;
		expect_count(&rig, each(), 3, 0);
		expect_got("a|b||");
		expect_text(&rig,
			    way == 0 ? af_file_readline(file, 0, 0, 0, MS(9000))
			    : way == 1 ? af_file_read(file, 2, AFIO_FULL,
						      MS(9000))
			    : way == 2 ? af_file_peek(file, 2, MS(9000))
				       : af_file_read_until(file, "\n", 1, 0, 0,
							    MS(9000)),
			    "c\n", 0);
		if (way == 2)
			expect_text(&rig, af_file_read(file, 9, 0, NULL), "c\n",
				    0);
	}
	rig_close(&rig);
}
END_TEST

/* Small and large reads of what one recvmmsg(2) has brought. */
START_TEST(each_datagram_stopped_leaves_messages_for_every_read)
{
	struct evbuffer *unread = evbuffer_new();
	int fd;

	if (!open_rig(_i)) {
		evbuffer_free(unread);
		return;
	}
	for (int i = 0; i < 2; i++) {
		say(&rig, "go");
		say(&rig, "abcdef");
		say(&rig, "");
		say(&rig, "gh\n");
		say(&rig, "");
		say(&rig, "ijk");
		say(&rig, "lmn");
		last_call = calls + 1;
		expect_count(&rig, each(), 1, 0);
		expect_from(&rig,
			    af_file_receive_from(rig.reader, 2, 0, NULL), "ab",
			    AFIO_TRUNCATED, rig.out);
		expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "c",
			    AFIO_TRUNCATED);
		if (i == 1)
			break;
		expect_from(&rig, receive(), "def", 0, -1);
		expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL),
			    "gh\n", 0);
		expect_text(&rig, af_file_peek(rig.reader, 5, NULL), "ijk", 0);
		expect_text(&rig,
			    af_file_read(rig.reader, 6, AFIO_FULL, NULL),
			    "ijklmn", 0);
	}
	fd = af_file_detach(rig.reader, unread);
	rig.reader = NULL;
	ck_assert_int_ge(fd, 0);
	/* From UDP, the kernel had more of them in one call. */
	ck_assert_uint_ge(evbuffer_get_length(unread), 3);
	ck_assert_mem_eq(evbuffer_pullup(unread, 3), "def", 3);
	evbuffer_free(unread);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_stopped_leaves_messages_for_a_detach)
{
	struct evbuffer *unread = evbuffer_new();
	char rest[9] = "";
	int fd;

	if (!open_rig(_i))
		return;
	/* First one is read, then two at once, then four. */
	say_numbers(0, 8);
	last_call = 5;
	expect_ended(each(), 0, 5);
	fd = af_file_detach(rig.reader, unread);
	ck_assert_int_ge(fd, 0);
	rig.reader = NULL;
	/* What was read with others; the rest is on the descriptor. */
	ck_assert_int_ge(evbuffer_remove(unread, rest, 3), 0);
	for (size_t n = strlen(rest); n < 3; n++)
		ck_assert_int_eq(recv(fd, rest + n, 1, 0), 1);
	ck_assert_str_eq(rest, "567");
	evbuffer_free(unread);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_begins_with_the_rest_of_a_message)
{
	if (!open_rig(_i))
		return;
	say(&rig, "abcd");
	say(&rig, "ef");
	expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "a",
		    AFIO_TRUNCATED);
	last_call = 2;
	expect_count(&rig, each(), 2, 0);
	expect_got("?bcd|ef|");
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_whose_fn_fails_fails_with_its_error)
{
	if (!open_rig(_i))
		return;
	say_numbers(0, 3);
	last_call = 2;
	last_answer = -EPROTO;
	expect_ended(each(), -EPROTO, 2);
	expect_from(&rig, receive(), "2", 0, rig.out);
	rig_close(&rig);
}
END_TEST

static struct af_future *whole;

static void cancel_whole(void)
{
	if (calls == 2)
		af_future_cancel(whole);
}

START_TEST(each_datagram_cancelled_in_fn_leaves_the_rest)
{
	if (!open_rig(_i))
		return;
	say_numbers(0, 5);
	act = cancel_whole;
	whole = each();
	expect_ended(whole, -ECANCELED, 2);
	expect_got("0|1|");
	expect_from(&rig, receive(), "2", 0, rig.out);
	expect_from(&rig, receive(), "3", 0, rig.out);
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_cancelled_steps_what_is_behind_it)
{
	struct af_future *f, *behind;

	if (!open_rig(_i))
		return;
	say_numbers(0, 1);
	f = each();
	behind = receive();
	until_calls(f, 1);
	af_future_cancel(f);
	expect_ended(f, -ECANCELED, 1);
	say(&rig, "next");
	expect_from(&rig, behind, "next", 0, rig.out);
	rig_close(&rig);
}
END_TEST

static size_t close_at;

static void close_reader(void)
{
	if (calls < close_at)
		return;
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
}

/*
 * The message of the call stays valid. Index: the first or the last one of those
 * that are read together; a family and a driver.
 */
START_TEST(each_datagram_whose_fn_closes_the_file_ends)
{
	if (!open_rig(_i / 2))
		return;
	say_numbers(0, 5);
	act = close_reader;
	close_at = (size_t)_i % 2 + 1;
	expect_ended(each(), -ECANCELED, close_at);
	expect_got(_i % 2 ? "0|1|" : "0|");
	rig_close(&rig);
}
END_TEST

static void free_loop(void)
{
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

START_TEST(each_datagram_whose_fn_frees_the_loop_ends)
{
	struct af_loop *loop;

	if (!open_rig(_i * DRIVE_COUNT + DRIVE_RUN))
		return;
	say_numbers(0, 5);
	loop = rig.loop;
	act = free_loop;
	whole = each();
	af_loop_run(loop);
	ck_assert_int_eq(af_future_error(whole), -ECANCELED);
	af_future_unref(whole);
	expect_got("0|");
	rig_close(&rig);
}
END_TEST

static void await_a_moment(void)
{
	struct af_future *f = af_sleep(rig.loop, MS(1));

	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	/* Nothing is read, and fn is not called, meanwhile. */
	if (calls == 1)
		say(&rig, "late");
}

START_TEST(each_datagram_whose_fn_waits_goes_on_after_that)
{
	if (!open_rig(_i))
		return;
	say_numbers(0, 4);
	act = await_a_moment;
	last_call = 5;
	expect_count(&rig, each(), 5, 0);
	expect_got("0|1|2|3|late|");
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_ends_when_reading_is_shut)
{
	struct af_future *f;

	open_rig(WAY(UNIX, _i));
	say_numbers(0, 2);
	f = each();
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_count(&rig, f, 2, AFIO_EOF);
	expect_count(&rig, each(), 0, AFIO_EOF);
	rig_close(&rig);
	open_rig(WAY(UNIX, _i));
	f = each();
	turn(&rig);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_count(&rig, f, 0, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

#ifdef HAVE_RECVMMSG
/* Then an empty message ends it, unless others were read together with it. */
START_TEST(each_datagram_when_reading_is_shut_passes_on_what_came)
{
	struct sockaddr_storage self;
	socklen_t len;

	if (!open_rig(WAY(IPV4, _i)))
		return;
	say(&rig, "");
	say(&rig, "a");
	say(&rig, "b");
	/* Only a connected one can be shut. */
	ck_assert_int_eq(af_file_local_address(rig.reader, &self, &len), 0);
	ck_assert_int_eq(connect(af_file_fd(rig.reader),
				 (struct sockaddr *)&self, len),
			 0);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	last_call = 9;
	expect_count(&rig, each(), 3, AFIO_EOF);
	expect_got("|a|b|");
	rig_close(&rig);
}
END_TEST

/* There may be no end of those. */
START_TEST(each_datagram_when_reading_is_shut_ends_before_empty_messages)
{
	struct sockaddr_storage self;
	socklen_t len;

	if (!open_rig(WAY(IPV4, _i)))
		return;
	say(&rig, "a");
	say(&rig, "");
	ck_assert_int_eq(af_file_local_address(rig.reader, &self, &len), 0);
	ck_assert_int_eq(
		connect(af_file_fd(rig.reader), (struct sockaddr *)&self, len),
		0);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	last_call = 9;
	expect_count(&rig, each(), 1, AFIO_EOF);
	expect_got("a|");
	rig_close(&rig);
}
END_TEST
#endif

/* One failure; called again, it goes on. */
START_TEST(each_datagram_on_a_refused_socket_fails_once)
{
	struct address a;
	struct af_future *f;
	int peer;

	if (!open_rig(_i))
		return;
	a = address_of(rig.out);
	ck_assert_int_eq(connect(af_file_fd(rig.reader), &a.sa, a.len), 0);
	ck_assert_int_eq(close(rig.out), 0);
	f = each();
	turn(&rig);
	expect_count(&rig, af_file_send_to(rig.reader, "x", 1, NULL, 0, 0, NULL),
		     1, 0);
	expect_error(&rig, f, -ECONNREFUSED);
	peer = cloexec_socket(a.sa.sa_family, SOCK_DGRAM);
	ck_assert_int_eq(bind(peer, &a.sa, a.len), 0);
	rig.out = peer;
	last_call = 1;
	f = each();
	say(&rig, "again");
	expect_count(&rig, f, 1, 0);
	expect_got("again|");
	rig_close(&rig);
}
END_TEST

/* So that another process finds the next message in the socket. */
START_TEST(each_datagram_unbuffered_reads_one_at_a_time)
{
	if (!have_family(FAMILY_OF(_i)))
		return;
	rig_open_loop(&rig, DRIVER_OF(_i));
	rig.reader = af_file_new(rig.loop, plain_socket(FAMILY_OF(_i)),
				 AFIO_UNBUFFERED);
	rig.out = plain_socket(FAMILY_OF(_i));
	text_len = calls = 0;
	last_answer = 1;
	act = NULL;
	for (int i = 0; i < 3; i++) {
		say_numbers(4 * i, 4 * i + 4);
		last_call = calls + 3;
		expect_count(&rig, each(), 3, 0);
		plain_expect(af_file_fd(rig.reader),
			     i == 0   ? "3"
			     : i == 1 ? "7"
				      : "11",
			     rig.out);
	}
	rig_close(&rig);
}
END_TEST

/* The limit is for what operations gather. */
START_TEST(each_datagram_passes_on_what_is_over_the_limit)
{
	if (!open_rig(_i))
		return;
	ck_assert_int_eq(af_file_set_limit(rig.reader, 2), 0);
	say(&rig, "abcd");
	last_call = 1;
	expect_count(&rig, each(), 1, 0);
	expect_got("abcd|");
	rig_close(&rig);
}
END_TEST

static size_t expected_len;

static int check_pattern_of(const char *data, size_t len,
			    const struct sockaddr *from, socklen_t from_len,
			    unsigned flags, void *arg)
{
	(void)arg;
	ck_assert_uint_eq(len, expected_len);
	ck_assert_uint_eq(pattern_match((const unsigned char *)data, len, 0),
			  len);
	ck_assert_uint_eq(flags, 0);
	expect_address(from, from_len, rig.out);
	return 1;
}

START_TEST(each_datagram_passes_the_largest_message_whole)
{
	const int room = 1 << 20;
	unsigned char *data;

	if (!open_rig(_i))
		return;
	expected_len = FAMILY_OF(_i) == UNIX ? 150000 : 65507;
	data = malloc(expected_len);
	pattern_fill(data, expected_len, 0);
	setsockopt(rig.out, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	plain_send(rig.out, af_file_fd(rig.reader), data, expected_len);
	expect_count(&rig,
		     af_file_each_datagram(rig.reader, check_pattern_of, NULL),
		     1, 0);
	free(data);
	rig_close(&rig);
}
END_TEST

/* A flood that does not end: each message is answered by the next. */
static int flood(const char *data, size_t len, const struct sockaddr *from,
		 socklen_t from_len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)from;
	(void)from_len;
	(void)flags;
	(void)arg;
	say(&rig, "x");
	return is_enough();
}

START_TEST(each_datagram_of_a_flood_lets_timers_fire)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	for (int i = 0; i < 5; i++)
		say(&rig, "x");
	start_timer(&rig);
	f = af_file_each_datagram(rig.reader, flood, NULL);
	ck_assert_int_le(drive(&rig, until_enough(f)), 0);
	af_future_unref(f);
	stop_timer();
	rig_close(&rig);
}
END_TEST

/* It is not called in the callback of libevent that wakes it. */
static bool in_callback;

static void expect_outside(void)
{
	ck_assert(!in_callback);
}

static void say_in_callback(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	in_callback = true;
	say(&rig, "abc");
	af_future_unref(af_file_read(rig.reader, 1, 0, MS(0)));
	in_callback = false;
}

START_TEST(each_datagram_calls_fn_outside_of_callbacks)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	act = expect_outside;
	last_call = 1;
	in_callback = true;
	say(&rig, "abc");
	f = each();
	in_callback = false;
	ck_assert_uint_eq(calls, 0);
	expect_count(&rig, f, 1, 0);
	f = each();
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, say_in_callback,
			NULL, MS(0));
	expect_count(&rig, f, 1, 0);
	rig_close(&rig);
}
END_TEST

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

ROW(each_datagram_of_another_kind_is_not_supported)
{
	bool is_datagram = kind_played()->traits & NO_EOF;
	struct af_future *f =
		af_file_each_datagram(rig.reader, take_none, NULL);

	if (is_datagram)
		af_future_cancel(f);
	expect_error(&rig, f, is_datagram ? -ECANCELED : -ENOTSUP);
}

static void *each_elsewhere(void *arg)
{
	ck_assert_int_eq(af_future_error(each()), -EPERM);
	return arg;
}

START_TEST(each_datagram_of_nonsense_fails)
{
	pthread_t thread;

	open_rig(0);
	expect_error(&rig, af_file_each_datagram(NULL, take, &rig), -EINVAL);
	expect_error(&rig, af_file_each_datagram(rig.reader, NULL, &rig),
		     -EINVAL);
	pthread_create(&thread, NULL, each_elsewhere, NULL);
	pthread_join(thread, NULL);
	expect_count(&rig, af_file_finish(rig.reader, NULL), 0, 0);
	expect_error(&rig, each(), -EBADF);
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_ends_with_its_file_or_loop)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	say_numbers(0, 2);
	f = each();
	until_calls(f, 2);
	if (_i % 2) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
	} else {
		free_loop();
	}
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* Messages that are left when the file is closed, or its loop freed. */
START_TEST(each_datagram_stopped_and_closed_leaks_nothing)
{
	if (!open_rig(_i))
		return;
	say_numbers(0, 8);
	last_call = 3;
	expect_count(&rig, each(), 3, 0);
	if (_i % 2)
		free_loop();
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	rig_close(&rig);
}
END_TEST

START_TEST(each_datagram_is_in_the_dump_with_its_count)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	say_numbers(0, 2);
	f = each();
	until_calls(f, 2);
	expect_dumped(rig.loop, "each datagram fd %d, 2 so far",
		      af_file_fd(rig.reader));
	af_future_cancel(f);
	expect_ended(f, -ECANCELED, 2);
	rig_close(&rig);
}
END_TEST

/* Those that are there, in batches that become larger up to a limit. */
START_TEST(each_datagram_of_a_long_queue_passes_all_in_order)
{
	char expected[sizeof text] = "";
	size_t len = 0;

	if (!open_rig(_i))
		return;
	say_numbers(0, 120);
	for (int i = 0; i < 120; i++)
		len += (size_t)snprintf(expected + len, sizeof expected - len,
					"%d|", i);
	last_call = 120;
	expect_count(&rig, each(), 120, 0);
	expect_got(expected);
	rig_close(&rig);
}
END_TEST

/* When it ends, it steps what is first in the queue. */
static void cancel_a_read_behind(void)
{
	struct af_future *f = af_file_read(rig.reader, 9, 0, NULL);

	af_future_cancel(f);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
}

START_TEST(each_datagram_whose_fn_cancels_a_read_goes_on)
{
	if (!open_rig(_i))
		return;
	act = cancel_a_read_behind;
	say_numbers(0, 5);
	last_call = 5;
	expect_count(&rig, each(), 5, 0);
	expect_got("0|1|2|3|4|");
	rig_close(&rig);
}
END_TEST

/* A read has failed, and left its bytes: they come before its error. */
START_TEST(each_datagram_after_a_failed_read_passes_what_it_left)
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
	expect_ended(each(), -ECONNREFUSED, 1);
	expect_got("?abc|");
	rig_close(&rig);
}
END_TEST

/* Index: the one that was read together with the first is empty, or not. */
START_TEST(each_datagram_stopped_and_detached_hands_over_what_was_read)
{
	const char *second = _i % 2 ? "" : "ab";
	struct evbuffer *unread = evbuffer_new();
	char buf[9] = "";
	int fd;

	if (!open_rig(_i / 2 * DRIVE_COUNT))
		return;
	say(&rig, "0");
	say(&rig, second);
	say(&rig, "last");
	last_call = 1;
	expect_count(&rig, each(), 1, 0);
	fd = af_file_detach(rig.reader, unread);
	ck_assert_int_ge(fd, 0);
	rig.reader = NULL;
	if (have_linux("datagrams that are read together"))
		evbuffer_remove(unread, buf, sizeof buf - 1);
	else
		ck_assert_int_ge(recv(fd, buf, 8, MSG_DONTWAIT), 0);
	ck_assert_str_eq(buf, second);
	ck_assert_uint_eq(evbuffer_get_length(unread), 0);
	ck_assert_int_eq(recv(fd, buf, 8, MSG_DONTWAIT), 4);
	ck_assert_mem_eq(buf, "last", 4);
	evbuffer_free(unread);
	close(fd);
	rig_close(&rig);
}
END_TEST

/* A full read takes them behind the rest of another one. */
START_TEST(each_datagram_stopped_leaves_messages_behind_the_rest_of_one)
{
	if (!open_rig(_i))
		return;
	say_numbers(0, 3);
	say(&rig, "abc");
	say(&rig, "de");
	say(&rig, "fg");
	last_call = 3;
	expect_count(&rig, each(), 3, 0);
	expect_text(&rig, af_file_read(rig.reader, 2, AFIO_FULL, NULL), "ab",
		    0);
	expect_text(&rig, af_file_read(rig.reader, 4, AFIO_FULL, NULL), "cdef",
		    0);
	expect_text(&rig, af_file_read(rig.reader, 1, AFIO_FULL, NULL), "g", 0);
	rig_close(&rig);
}
END_TEST

/* In every place where a program may wait. */
static struct stage stage;

static void await_each(void *arg)
{
	struct af_future *f = each();

	(void)arg;
	say_numbers(0, 3);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_uint_eq(af_future_count(f), 3);
	af_future_unref(f);
}

START_TEST(each_datagram_awaited_anywhere_succeeds)
{
	stage_open(&stage, (enum context)_i);
	rig.reader = af_datagram_open(stage.loop, "127.0.0.1", NULL, NULL);
	rig.out = plain_socket(IPV4);
	text_len = calls = 0;
	last_call = 3;
	last_answer = 1;
	stage_play(&stage, await_each, NULL);
	expect_got("0|1|2|");
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	close(rig.out);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/each_datagram");
	TCase *tc = sockets_case(s, "messages");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(each_datagram_passes_every_message_on, EVERY_FAMILY);
	ADD(each_datagram_passes_empty_messages_on, EVERY_FAMILY);
	ADD(each_datagram_begins_with_the_rest_of_a_message, EVERY_FAMILY);
	ADD(each_datagram_passes_the_largest_message_whole, EVERY_FAMILY);
	ADD(each_datagram_passes_on_what_is_over_the_limit, EVERY_FAMILY);
	ADD(each_datagram_unbuffered_reads_one_at_a_time, EVERY_FAMILY);
	ADD(each_datagram_whose_fn_waits_goes_on_after_that, EVERY_FAMILY);
	ADD(each_datagram_of_a_flood_lets_timers_fire, EVERY_FAMILY);
	ADD(each_datagram_calls_fn_outside_of_callbacks, EVERY_FAMILY);
	ADD(each_datagram_awaited_anywhere_succeeds, CONTEXT_COUNT);

	tc = sockets_case(s, "ends");
	ADD(each_datagram_stopped_leaves_the_rest_to_others, EVERY_FAMILY);
	ADD(each_datagram_stopped_in_a_large_batch_loses_nothing, EVERY_FAMILY);
	ADD(each_datagram_stopped_anywhere_loses_nothing, EVERY_FAMILY);
	ADD(each_datagram_stopped_before_empty_messages_leaves_what_follows,
	    EVERY_FAMILY);
	ADD(each_datagram_stopped_leaves_messages_for_every_read, EVERY_FAMILY);
	ADD(each_datagram_stopped_leaves_messages_for_a_detach, EVERY_FAMILY);
	ADD(each_datagram_whose_fn_fails_fails_with_its_error, EVERY_FAMILY);
	ADD(each_datagram_cancelled_in_fn_leaves_the_rest, EVERY_FAMILY);
	ADD(each_datagram_cancelled_steps_what_is_behind_it, EVERY_FAMILY);
	ADD(each_datagram_whose_fn_closes_the_file_ends, 2 * EVERY_FAMILY);
	ADD(each_datagram_whose_fn_frees_the_loop_ends, FAMILIES);
	ADD(each_datagram_ends_when_reading_is_shut, DRIVE_COUNT);
#ifdef HAVE_RECVMMSG
	ADD(each_datagram_when_reading_is_shut_passes_on_what_came,
	    DRIVE_COUNT);
	ADD(each_datagram_when_reading_is_shut_ends_before_empty_messages,
	    DRIVE_COUNT);
#endif
	ADD(each_datagram_on_a_refused_socket_fails_once, UNIX * DRIVE_COUNT);
	ADD(each_datagram_is_in_the_dump_with_its_count, EVERY_FAMILY);
	ADD(each_datagram_of_a_long_queue_passes_all_in_order,
	    UNIX * DRIVE_COUNT);
	ADD(each_datagram_whose_fn_cancels_a_read_goes_on, EVERY_FAMILY);
	ADD(each_datagram_after_a_failed_read_passes_what_it_left,
	    UNIX * DRIVE_COUNT);
	ADD(each_datagram_ends_with_its_file_or_loop, EVERY_FAMILY);
	ADD(each_datagram_stopped_and_closed_leaks_nothing, EVERY_FAMILY);
	/* Of Unix sockets one is read at a time. */
	ADD(each_datagram_stopped_and_detached_hands_over_what_was_read,
	    2 * UNIX);
	ADD(each_datagram_stopped_leaves_messages_behind_the_rest_of_one,
	    EVERY_FAMILY);
	ADD_ROW(tc, each_datagram_of_another_kind_is_not_supported, 0);
	tcase_add_test(tc, each_datagram_of_nonsense_fails);
	return s;
}
