/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_receive_fds(): its outcomes, what becomes of descriptors that
 * nobody receives, and peers that mean harm.
 */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "support/contexts.h"
#include "support/dumped.h"
#include "support/passing.h"
#include "support/pattern.h"

static struct af_future *receive(size_t size)
{
	return af_file_receive_fds(rig.reader, size, 9, 0, NULL);
}

static struct af_future *receive_full(size_t size)
{
	return af_file_receive_fds(rig.reader, size, 9, AFIO_FULL, NULL);
}

static struct af_future *reading(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

/* Expects text and one descriptor, that of the tag, or none for NULL. */
static void expect_set(struct af_future *f, const char *text,
		       const struct tag *tag, unsigned flags)
{
	size_t len = strlen(text);

	af_future_ref(f);
	expect_bytes(&rig, f, text, len, flags);
	ck_assert_uint_eq(af_future_fds(f), tag != NULL);
	if (tag)
		take(f, 0, tag);
	af_future_unref(f);
}

START_TEST(receive_returns_bytes_and_their_descriptors)
{
	struct tag tags[3];
	struct af_future *f;
	int fds[3];

	open_type(_i, AFIO_RECEIVE_FDS);
	f = receive(99);
	ck_assert_uint_eq(af_future_fds(f), 0);
	ck_assert_int_eq(af_future_take_fd(f, 0), -EINVAL);
	for (int i = 0; i < 3; i++) {
		tags[i] = make_tag();
		fds[i] = tags[i].out;
	}
	ck_assert_int_eq(try_pass(rig.out, "abc", 3, fds, 3), 3);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	af_future_ref(f);
	expect_text(&rig, f, "abc", 0);
	ck_assert_uint_eq(af_future_fds(f), 3);
	ck_assert_int_eq(af_future_take_fd(f, 3), -EINVAL);
	take(f, 2, &tags[2]);
	take(f, 0, &tags[0]);
	ck_assert_uint_eq(af_future_fds(f), 3);
	ck_assert(!is_shut(&tags[1]));
	af_future_unref(f);
	for (int i = 0; i < 3; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

/* Linux reads bytes and those behind them, with descriptors, by one call. */
START_TEST(receive_after_bytes_without_descriptors_has_its_own)
{
	struct tag tag;

	open_type(_i, AFIO_RECEIVE_FDS);
	put_text(rig.out, "ab");
	tag = pass("cd");
	put_text(rig.out, "ef");
	expect_text(&rig, reading(2), "ab", 0);
	ck_assert(!is_shut(&tag));
	expect_set(receive(2), "cd", &tag, 0);
	expect_set(receive(99), "ef", NULL, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Index: where the set is, in bytes, and who drives. */
static const size_t places[] = { 1, 2, 3, 1000, 4095, 4096, 50001 };

START_TEST(receive_of_a_set_among_many_bytes_has_its_place)
{
	size_t at = places[_i / DRIVE_COUNT];
	struct tag tag;

	open_type(_i % DRIVE_COUNT, AFIO_RECEIVE_FDS);
	for (size_t i = 0; i < at; i += 1000)
		put_pattern(rig.out, at - i < 1000 ? at - i : 1000, i);
	tag = pass("x");
	put_text(rig.out, "yz");
	expect_data_pattern(&rig, af_file_read(rig.reader, at, AFIO_FULL, NULL),
			    at, 0, 0);
	expect_set(receive_full(3), "xyz", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_ends_before_a_second_set)
{
	struct tag tags[3];

	open_type(_i, AFIO_RECEIVE_FDS);
	put_text(rig.out, "xy");
	tags[0] = pass("ab");
	tags[1] = pass("cd");
	tags[2] = pass("ef");
	put_text(rig.out, "g");
	expect_set(receive_full(5), "xyab", &tags[0], AFIO_TRUNCATED);
	expect_set(receive_full(2), "cd", &tags[1], 0);
	shutdown(rig.out, SHUT_WR);
	if (TYPE_OF(_i) == DATAGRAM)
		ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_set(receive(0), "efg", &tags[2], AFIO_EOF);
	expect_set(receive(9), "", NULL, AFIO_EOF);
	for (int i = 0; i < 3; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_not_full_ends_before_a_second_set)
{
	struct tag tags[2];

	open_type(_i, AFIO_RECEIVE_FDS);
	tags[0] = pass("ab");
	tags[1] = pass("cd");
	expect_set(receive(99), "ab", &tags[0], 0);
	expect_set(receive(99), "cd", &tags[1], 0);
	for (int i = 0; i < 2; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

/* Of a stream, what is in front of the second set may be read with it. */
START_TEST(receive_of_all_ends_before_a_second_set)
{
	bool stream = TYPE_OF(_i) == STREAM;
	struct tag tags[2];

	open_type(_i, AFIO_RECEIVE_FDS);
	tags[0] = pass("ab");
	put_text(rig.out, "cd");
	tags[1] = pass("ef");
	if (stream)
		expect_set(receive(0), "ab", &tags[0], AFIO_TRUNCATED);
	else
		expect_set(receive(0), "abcd", &tags[0], AFIO_TRUNCATED);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 3), 0);
	put_text(rig.out, "gh");
	expect_error(&rig, receive(0), -EMSGSIZE);
	if (stream)
		expect_set(receive_full(6), "cdefgh", &tags[1], 0);
	else
		expect_set(receive_full(4), "efgh", &tags[1], 0);
	for (int i = 0; i < 2; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

/* A program that reads messages by their lengths has each with its set. */
START_TEST(receive_of_messages_of_a_length_has_each_its_own)
{
	struct tag tags[9];

	open_type(_i, AFIO_RECEIVE_FDS);
	for (int i = 0; i < 9; i++) {
		if (i % 3 == 2)
			tags[i] = pass("with");
		else
			put_text(rig.out, "none");
	}
	for (int i = 0; i < 9; i++) {
		if (i % 3 == 2) {
			expect_set(receive_full(4), "with", &tags[i], 0);
			close_tag(&tags[i]);
		} else {
			expect_set(receive_full(4), "none", NULL, 0);
		}
	}
	rig_close(&rig);
}
END_TEST

START_TEST(receive_of_a_part_has_the_set_first)
{
	unsigned cut = TYPE_OF(_i) == STREAM ? 0 : AFIO_TRUNCATED;
	struct tag tag;

	open_type(_i, AFIO_RECEIVE_FDS);
	tag = pass("abcdef");
	expect_set(receive(2), "ab", &tag, cut);
	expect_set(receive(2), "cd", NULL, cut);
	expect_set(receive(99), "ef", NULL, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_that_ends_early_leaves_bytes_and_descriptors)
{
	struct af_future *f;
	struct tag tag;

	open_type(_i, AFIO_RECEIVE_FDS);
	expect_error(&rig, af_file_receive_fds(rig.reader, 9, 9, 0, MS(0)),
		     -ETIMEDOUT);
	expect_error(&rig, af_file_receive_fds(rig.reader, 9, 9, 0, MS(5)),
		     -ETIMEDOUT);
	tag = pass("abc");
	f = receive_full(9);
	turn(&rig);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert(!is_shut(&tag));
	expect_text(&rig, af_file_peek(rig.reader, 9, MS(5)), "abc",
		    TYPE_OF(_i) == STREAM ? AFIO_TIMEDOUT : 0);
	ck_assert(!is_shut(&tag));
	expect_set(af_file_receive_fds(rig.reader, 9, 9, AFIO_FULL, MS(5)),
		   "abc", &tag, AFIO_TIMEDOUT);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* What a full one had gathered. */
START_TEST(receive_of_gathered_bytes_ends_before_a_second_set)
{
	struct af_future *f;
	struct tag tags[2];

	open_type(_i, AFIO_RECEIVE_FDS);
	tags[0] = pass("ab");
	f = af_file_read_until(rig.reader, ";", 1, 0, 0, NULL);
	turn(&rig);
	tags[1] = pass("cd");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_set(receive(9), "ab", &tags[0], 0);
	expect_set(receive(9), "cd", &tags[1], 0);
	for (int i = 0; i < 2; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_behind_another_times_out_alone)
{
	struct af_future *f;
	struct tag tag;

	open_type(_i, AFIO_RECEIVE_FDS);
	f = receive_full(3);
	expect_dumped(rig.loop, "receive fd %d, 0 bytes there",
		      af_file_fd(rig.reader));
	expect_error(&rig, af_file_receive_fds(rig.reader, 9, 9, 0, MS(5)),
		     -ETIMEDOUT);
	tag = pass("abc");
	expect_set(f, "abc", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* At its deadline it takes what is there, but not of a flood without end. */
START_TEST(receive_at_its_deadline_takes_a_bounded_number_of_messages)
{
	int room = 400000, n = 0;
	struct af_future *f;
	size_t count;

	open_messages(_i % DRIVE_COUNT, AFIO_RECEIVE_FDS);
	setsockopt(rig.out, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	while (send(rig.out, &"abc"[n % 3], 1, MSG_DONTWAIT) == 1)
		n++;
	f = af_file_receive_fds(rig.reader, 100000, 9, AFIO_FULL, MS(1));
	spin(5);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_TIMEDOUT);
	count = af_future_count(f);
	ck_assert_uint_ge(count, n < 32 ? (size_t)n : 32);
	ck_assert_uint_le(count, 16 * 18 + 1);
	af_future_unref(f);
	/* The others stay. */
	if (count < (size_t)n)
		expect_bytes(&rig, receive(9), &"abc"[count % 3], 1, 0);
	else
		fprintf(stderr, "skipped: no room for so many messages\n");
	rig_close(&rig);
}
END_TEST

START_TEST(receive_of_a_set_larger_than_wanted_closes_the_rest)
{
	struct tag tags[3];
	struct af_future *f;
	int fds[3];

	open_type(_i, AFIO_RECEIVE_FDS);
	for (int i = 0; i < 3; i++) {
		tags[i] = make_tag();
		fds[i] = tags[i].out;
	}
	ck_assert_int_eq(try_pass(rig.out, "abc", 3, fds, 3), 3);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	f = af_file_receive_fds(rig.reader, 99, 2, 0, NULL);
	af_future_ref(f);
	expect_text(&rig, f, "abc", AFIO_FDS_DROPPED);
	ck_assert_uint_eq(af_future_fds(f), 2);
	ck_assert(is_shut(&tags[2]));
	take(f, 1, &tags[1]);
	take(f, 0, &tags[0]);
	af_future_unref(f);
	for (int i = 0; i < 3; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

/* It is no end either. */
START_TEST(receive_of_an_empty_datagram_without_a_set_has_none)
{
	open_type(DATAGRAM * DRIVE_COUNT + _i, AFIO_RECEIVE_FDS);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "abc");
	expect_set(receive(9), "", NULL, 0);
	expect_set(receive(9), "abc", NULL, 0);
	rig_close(&rig);
}
END_TEST

/* Of messages only: no byte comes with the set. */
START_TEST(receive_of_an_empty_message_has_its_set)
{
	struct tag tag;

	open_messages(_i, AFIO_RECEIVE_FDS);
	tag = pass("");
	put_text(rig.out, "abc");
	expect_set(receive(9), "", &tag, 0);
	expect_set(receive(9), "abc", NULL, 0);
	close_tag(&tag);
	tag = pass("");
	expect_set(receive_full(9), "", &tag, 0);
	close_tag(&tag);
	tag = pass("");
	expect_text(&rig, reading(9), "", AFIO_FDS_DROPPED);
	close_tag(&tag);
	/* Behind bytes that an operation had gathered. */
	put_text(rig.out, "de");
	tag = pass("");
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(9)),
		     -ETIMEDOUT);
	expect_text(&rig, reading(2), "de", 0);
	expect_set(receive(9), "", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* It is no end of file, and nothing comes with it. */
START_TEST(receive_passes_over_empty_messages_only_if_it_is_full)
{
	struct tag tag;
	struct af_future *f;

	/* Of the others, it is the end. */
	open_messages(DRIVE_COUNT + _i, AFIO_RECEIVE_FDS);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	expect_set(receive(9), "", NULL, 0);
	f = receive_full(6);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	put_text(rig.out, "abc");
	turn(&rig);
	ck_assert_int_eq(send(rig.out, "", 0, 0), 0);
	tag = pass("def");
	expect_set(f, "abcdef", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_full_ends_before_an_empty_message_with_a_set)
{
	struct tag tag;

	open_messages(_i, AFIO_RECEIVE_FDS);
	put_text(rig.out, "abc");
	tag = pass("");
	expect_set(receive_full(9), "abc", NULL, AFIO_TRUNCATED);
	ck_assert(!is_shut(&tag));
	expect_set(receive(9), "", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Others have their turn meanwhile. */
START_TEST(receive_full_of_many_small_messages_has_all)
{
	struct af_future *f;
	char text[41] = "";

	open_messages(_i % DRIVE_COUNT, AFIO_RECEIVE_FDS);
	for (int i = 0; i < 40; i++) {
		text[i] = (char)('a' + i % 26);
		ck_assert_int_eq(send(rig.out, text + i, 1, 0), 1);
	}
	f = receive_full(40);
	ck_assert(!af_future_is_done(f));
	expect_set(f, text, NULL, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_takes_as_many_as_can_be_sent)
{
	int fds[AFIO_MAX_FDS], n = count_open();
	struct tag tag;
	struct af_future *f;

	open_type(_i, AFIO_RECEIVE_FDS);
	tag = make_tag();
	for (int i = 0; i < AFIO_MAX_FDS; i++)
		fds[i] = tag.out;
	ck_assert_int_eq(try_pass(rig.out, "x", 1, fds, AFIO_MAX_FDS), 1);
	close(tag.out);
	f = af_file_receive_fds(rig.reader, 1, 999, 0, NULL);
	af_future_ref(f);
	expect_text(&rig, f, "x", 0);
	ck_assert_uint_eq(af_future_fds(f), AFIO_MAX_FDS);
	ck_assert_int_ge(count_open(), n + AFIO_MAX_FDS);
	take(f, AFIO_MAX_FDS - 1, &tag);
	af_future_unref(f);
	close_tag(&tag);
	rig_close(&rig);
	ck_assert_int_eq(count_open(), n);
}
END_TEST

/* Each leaves what it does not need, and closes what it took the bytes of. */
START_TEST(read_over_descriptors_closes_them_and_says_so)
{
	struct tag tags[4];

	open_type(_i, AFIO_RECEIVE_FDS);
	tags[0] = pass("abc");
	expect_text(&rig, reading(99), "abc", AFIO_FDS_DROPPED);
	close_tag(&tags[0]);
	put_text(rig.out, "one\ntwo\n");
	tags[0] = pass("three\n");
	tags[1] = pass("four");
	tags[2] = pass(";five");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "one\n",
		    0);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "two\n",
		    0);
	ck_assert(!is_shut(&tags[0]));
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL),
		    "three\n", AFIO_FDS_DROPPED);
	close_tag(&tags[0]);
	expect_text(&rig, af_file_read_until(rig.reader, ";", 1, 0, 0, NULL),
		    "four;", AFIO_FDS_DROPPED);
	close_tag(&tags[1]);
	/* A message has its set until its last byte is taken. */
	if (TYPE_OF(_i) == STREAM)
		expect_set(receive(99), "five", NULL, 0);
	else
		expect_set(receive(99), "five", &tags[2], 0);
	close_tag(&tags[2]);
	tags[3] = pass("x");
	expect_text(&rig, af_file_read(rig.reader, 2, AFIO_FULL, MS(5)), "x",
		    AFIO_FDS_DROPPED | AFIO_TIMEDOUT);
	close_tag(&tags[3]);
	rig_close(&rig);
}
END_TEST

static int stop_at_end(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	return memchr(data, '.', len) != NULL;
}

/* Index: what takes the bytes, a type, and who drives. */
START_TEST(copy_or_each_over_descriptors_closes_them)
{
	struct tag tags[2];
	struct af_file *to;
	int fds[2];

	open_type(_i % EVERY_TYPE, AFIO_RECEIVE_FDS);
	make_pair(KIND_PIPE, fds);
	to = af_file_new(rig.loop, fds[1], 0);
	tags[0] = pass("abc\n");
	tags[1] = pass("de.\n");
	if (_i / EVERY_TYPE == 0)
		expect_count(&rig, af_file_copy(rig.reader, to, 8, NULL), 8, 0);
	else if (_i / EVERY_TYPE == 1)
		expect_count(&rig,
			     af_file_each_line(rig.reader, stop_at_end, NULL),
			     8, 0);
	else
		expect_count(&rig,
			     af_file_each_chunk(rig.reader, stop_at_end, NULL),
			     8, 0);
	for (int i = 0; i < 2; i++)
		close_tag(&tags[i]);
	tags[0] = pass("x");
	expect_set(receive(9), "x", &tags[0], 0);
	close_tag(&tags[0]);
	ck_assert_int_eq(af_file_close(to), 0);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

static struct af_future *no_wait(const char *data, size_t len, unsigned flags,
				 void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return NULL;
}

START_TEST(each_async_over_descriptors_closes_them)
{
	struct tag tags[2];

	open_messages(_i, AFIO_RECEIVE_FDS);
	tags[0] = pass("abc");
	tags[1] = pass("");
	put_text(rig.out, "d");
	shutdown(rig.out, SHUT_WR);
	if (TYPE_OF(_i) == 1)
		ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	expect_count(
		&rig,
		af_file_each_async(rig.reader, AFIO_EACH_RECORD, no_wait, NULL),
		4, AFIO_EOF);
	for (int i = 0; i < 2; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

/* Index: how it ends, a type, and who drives. */
START_TEST(end_of_a_file_closes_what_nobody_received)
{
	struct evbuffer *unread = evbuffer_new();
	struct tag tags[3];
	struct af_future *f;
	int fd;

	open_type(_i % EVERY_TYPE, AFIO_RECEIVE_FDS);
	tags[0] = pass("abc");
	tags[1] = pass("def");
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(9)),
		     -ETIMEDOUT);
	ck_assert(!is_shut(&tags[0]) && !is_shut(&tags[1]));
	f = af_file_receive_fds(rig.reader, 9, 9, AFIO_FULL, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	tags[2] = pass("ghi");
	switch (_i / EVERY_TYPE) {
	case 0:
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
		break;
	case 1:
		expect_error(&rig, af_file_finish(rig.reader, NULL), 0);
		break;
	case 2:
		fd = af_file_detach(rig.reader, unread);
		ck_assert_uint_eq(evbuffer_get_length(unread), 3);
		close(fd);
		rig.reader = NULL;
		break;
	case 3:
		af_loop_free(rig.loop);
		rig.loop = NULL;
		ck_assert(is_shut(&tags[1]));
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
		break;
	}
	ck_assert(is_shut(&tags[1]) && is_shut(&tags[2]));
	/* The future has its own. */
	take(f, 0, &tags[0]);
	af_future_unref(f);
	for (int i = 0; i < 3; i++)
		close_tag(&tags[i]);
	evbuffer_free(unread);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_pending_when_its_file_ends_is_canceled)
{
	struct af_future *f;
	struct tag tag;

	open_type(_i, AFIO_RECEIVE_FDS);
	tag = pass("abc");
	f = receive_full(9);
	turn(&rig);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	ck_assert_uint_eq(af_future_fds(f), 0);
	expect_error(&rig, f, -ECANCELED);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Without the flag: from the first receive on. */
START_TEST(receive_turns_keeping_on)
{
	struct af_future *f;
	struct tag tag;

	open_type(_i, 0);
	tag = pass("abc");
	expect_text(&rig, reading(9), "abc", 0);
	close_tag(&tag);
	/* Those of what is buffered are gone. */
	tag = pass("defg\n");
	expect_text(&rig, reading(1), "d",
		    TYPE_OF(_i) == STREAM ? 0 : AFIO_TRUNCATED);
	expect_set(receive(9), "efg\n", NULL, 0);
	close_tag(&tag);
	f = receive(9);
	turn(&rig);
	tag = pass("hi");
	expect_set(f, "hi", &tag, 0);
	close_tag(&tag);
	tag = pass("jk");
	expect_text(&rig, reading(9), "jk", AFIO_FDS_DROPPED);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* A read is waiting when it is turned on. */
START_TEST(receive_behind_a_read_turns_keeping_on_for_both)
{
	struct af_future *read, *f;
	struct tag tag;

	open_type(_i, 0);
	read = reading(9);
	turn(&rig);
	f = receive(9);
	put_text(rig.out, "abc");
	expect_text(&rig, read, "abc", 0);
	tag = pass("de");
	expect_set(f, "de", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_after_unread_has_the_set_in_its_place)
{
	struct tag tag;

	open_type(_i, AFIO_RECEIVE_FDS);
	ck_assert_int_eq(af_file_unread(rig.reader, "xy", 2), 0);
	expect_set(receive(9), "xy", NULL, 0);
	tag = pass("abc");
	expect_text(&rig, af_file_peek(rig.reader, 3, NULL), "abc", 0);
	ck_assert_int_eq(af_file_unread(rig.reader, "xy", 2), 0);
	expect_text(&rig, af_file_read(rig.reader, 2, AFIO_FULL, NULL), "xy",
		    0);
	ck_assert_int_eq(af_file_unread(rig.reader, "z", 1), 0);
	expect_set(receive_full(2), "za", &tag, 0);
	ck_assert_int_eq(af_file_unread(rig.reader, "za", 2), 0);
	expect_set(receive_full(4), "zabc", NULL, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_unbuffered_reads_no_further)
{
	struct tag tags[2];

	open_type(_i % DRIVE_COUNT, AFIO_RECEIVE_FDS | AFIO_UNBUFFERED);
	put_text(rig.out, "one\n");
	tags[0] = pass("two\n");
	tags[1] = pass("three\n");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "one\n",
		    0);
	expect_set(receive(2), "tw", &tags[0], 0);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "o\n",
		    0);
	/* Somebody else reads on. */
	get(af_file_fd(rig.reader), (char[6]){ 0 }, 6);
	for (int i = 0; i < 2; i++)
		close_tag(&tags[i]);
	rig_close(&rig);
}
END_TEST

#ifdef SO_PASSCRED
/* They come with every byte, and are no reason to read one by one. */
START_TEST(read_with_credentials_alone_reads_ahead)
{
	int on = 1, left = -1, fd;

	open_type(_i, AFIO_RECEIVE_FDS);
	fd = af_file_fd(rig.reader);
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	put_text(rig.out, "abcd\nef");
	expect_text(&rig, reading(1), "a", 0);
	ck_assert_int_eq(ioctl(fd, FIONREAD, &left), 0);
	ck_assert_int_eq(left, 0);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "bcd\n",
		    0);
	expect_text(&rig, reading(9), "ef", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_with_credentials_has_its_place_too)
{
	struct tag tag;
	int on = 1;

	open_type(_i, AFIO_RECEIVE_FDS);
	setsockopt(af_file_fd(rig.reader), SOL_SOCKET, SO_PASSCRED, &on,
		   sizeof on);
	put_text(rig.out, "abcd");
	tag = pass("efgh");
	put_text(rig.out, "ij");
	expect_text(&rig, af_file_read(rig.reader, 4, AFIO_FULL, NULL), "abcd",
		    0);
	expect_set(receive(9), "efgh", &tag, 0);
	expect_set(receive(9), "ij", NULL, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST
#endif

#define MANY 60

/* The file keeps so many, and no more: 506. */
START_TEST(hostile_peer_costs_a_bounded_number)
{
	int fds[AFIO_MAX_FDS], n, most = 0, now;
	struct tag tag = make_tag();
	struct af_future *f;

	open_type(_i, AFIO_RECEIVE_FDS);
	for (int i = 0; i < AFIO_MAX_FDS; i++)
		fds[i] = tag.out;
	n = count_open();
	f = af_file_read(rig.reader, MANY + 1, AFIO_FULL, NULL);
	for (int i = 0; i < MANY; i++) {
		while (try_pass(rig.out, "x", 1, fds, AFIO_MAX_FDS) < 0)
			turn(&rig);
		turn(&rig);
		now = count_open() - n;
		most = now > most ? now : most;
	}
	ck_assert_int_le(most, 2 * AFIO_MAX_FDS + 9);
	ck_assert_int_ge(most, AFIO_MAX_FDS);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	for (int i = 0; i < MANY; i++) {
		unsigned flags = i < 2 ? 0 : AFIO_FDS_DROPPED;

		if (i >= 2 && i < MANY - 1 && TYPE_OF(_i) != STREAM)
			flags |= AFIO_TRUNCATED;

		f = af_file_receive_fds(rig.reader, 1, 999, 0, NULL);
		af_future_ref(f);
		expect_text(&rig, f, "x", flags);
		ck_assert_uint_eq(af_future_fds(f), i < 2 ? AFIO_MAX_FDS : 0);
		af_future_unref(f);
	}
	close(tag.out);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Many small sets, likewise: 16. */
START_TEST(hostile_peer_of_many_sets_costs_a_bounded_number)
{
	struct tag tag = make_tag();
	int n, kept = 0;
	struct af_future *f;

	open_type(_i, AFIO_RECEIVE_FDS);
	n = count_open();
	f = af_file_read(rig.reader, MANY + 1, AFIO_FULL, NULL);
	for (int i = 0; i < MANY; i++) {
		while (try_pass(rig.out, "x", 1, &tag.out, 1) < 0)
			turn(&rig);
		turn(&rig);
	}
	while (count_open() < n + 16)
		turn(&rig);
	put_text(rig.out, "y");
	expect_count(&rig, f, MANY + 1, AFIO_FDS_DROPPED);
	ck_assert_int_le(count_open(), n);
	/* What is taken makes room. */
	for (int i = 0; i < MANY; i++) {
		while (try_pass(rig.out, "x", 1, &tag.out, 1) < 0)
			turn(&rig);
		f = receive(1);
		af_future_ref(f);
		expect_text(&rig, f, "x", 0);
		kept += (int)af_future_fds(f);
		af_future_unref(f);
	}
	ck_assert_int_eq(kept, MANY);
	close(tag.out);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* However many come one after another: what is taken is not kept. */
START_TEST(receive_of_many_descriptors_one_set_at_a_time_loses_none)
{
	struct tag tag = make_tag();
	int fds[AFIO_MAX_FDS];
	struct af_future *f;

	open_type(_i, AFIO_RECEIVE_FDS);
	for (int i = 0; i < AFIO_MAX_FDS; i++)
		fds[i] = tag.out;
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(try_pass(rig.out, "x", 1, fds, AFIO_MAX_FDS),
				 1);
		f = af_file_receive_fds(rig.reader, 1, 999, 0, NULL);
		af_future_ref(f);
		expect_text(&rig, f, "x", 0);
		ck_assert_uint_eq(af_future_fds(f), AFIO_MAX_FDS);
		af_future_unref(f);
	}
	close(tag.out);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Leaves room for so many descriptors, and no more. */
static void leave_room_for(int n)
{
	struct rlimit limit;
	int fds[9], last = 0;

	ck_assert_int_le(n, 9);
	for (int i = 0; i < n; i++) {
		fds[i] = dup(0);
		last = fds[i] > last ? fds[i] : last;
	}
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)last + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/* The system delivers no descriptor that is above the limit. */
static bool is_withheld(void)
{
	return without_valgrind("does not tell the system the limit");
}

/* Index: room for some of the set or for none, a type, and who drives. */
START_TEST(receive_without_room_is_emfile_once_and_the_bytes_stay)
{
	int fds[5], room = _i < EVERY_TYPE ? 2 : 1;
	struct rlimit limit;
	struct tag tag;

	if (!is_withheld())
		return;
	open_type(_i % EVERY_TYPE, AFIO_RECEIVE_FDS);
	getrlimit(RLIMIT_NOFILE, &limit);
	put_text(rig.out, "ab");
	tag = make_tag();
	for (int i = 0; i < 5; i++)
		fds[i] = tag.out;
	ck_assert_int_eq(try_pass(rig.out, "cd", 2, fds, 5), 2);
	ck_assert_int_eq(try_pass(rig.out, "ef", 2, fds, 5), 2);
	leave_room_for(room);
	expect_set(receive_full(2), "ab", NULL, 0);
	expect_error(&rig, receive(9), -EMFILE);
	expect_set(receive(2), "cd", NULL, AFIO_FDS_DROPPED);
	expect_text(&rig, reading(9), "ef", AFIO_FDS_DROPPED);
	setrlimit(RLIMIT_NOFILE, &limit);
	close(tag.out);
	close_tag(&tag);
	tag = pass("gh");
	expect_set(receive(9), "gh", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* What lines have read, and not passed on, is still there with its sets. */
START_TEST(receive_after_lines_that_were_cancelled_has_what_came)
{
	struct af_future *lines;
	struct rlimit limit;
	struct tag tag;

	if (TYPE_OF(_i) == STREAM && !is_withheld())
		return;
	open_type(_i, AFIO_RECEIVE_FDS);
	getrlimit(RLIMIT_NOFILE, &limit);
	put_text(rig.out, "ab");
	lines = af_file_each_line(rig.reader, stop_at_end, NULL);
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	tag = pass(TYPE_OF(_i) == STREAM ? "cd" : "");
	if (TYPE_OF(_i) == STREAM)
		leave_room_for(0);
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	af_future_cancel(lines);
	expect_error(&rig, lines, -ECANCELED);
	setrlimit(RLIMIT_NOFILE, &limit);
	expect_set(receive_full(2), "ab", NULL, 0);
	if (TYPE_OF(_i) == STREAM)
		expect_error(&rig, receive(2), -EMFILE);
	else
		expect_set(receive(2), "", &tag, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_refused_says_why)
{
	struct af_future *f;

	open_type(_i, AFIO_RECEIVE_FDS);
	expect_error(&rig, af_file_receive_fds(NULL, 1, 1, 0, NULL), -EINVAL);
	expect_error(&rig, af_file_receive_fds(rig.reader, 1, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_receive_fds(rig.reader, 1, 1, AFIO_BORROW, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_receive_fds(rig.reader, 1, 1, 0, MS(-1000)),
		     -EINVAL);
	ck_assert_uint_eq(af_future_fds(NULL), 0);
	ck_assert_int_eq(af_future_take_fd(NULL, 0), -EINVAL);
	f = af_succeeded(rig.loop, NULL, NULL);
	ck_assert_uint_eq(af_future_fds(f), 0);
	ck_assert_int_eq(af_future_take_fd(f, 0), -EINVAL);
	af_future_unref(f);
	expect_error(&rig, af_file_finish(rig.reader, NULL), 0);
	expect_error(&rig, receive(1), -EBADF);
	rig_close(&rig);
}
END_TEST

/* Index: a pipe, a TCP socket; not a Unix socket pair. */
START_TEST(receive_from_what_is_no_unix_socket_is_enotsup)
{
	struct event_base *base;
	struct bufferevent *bev[2];
	struct af_file *file;

	rig_open(&rig, _i);
	if (_i / DRIVE_COUNT == KIND_SOCKETPAIR) {
		rig_close(&rig);
		return;
	}
	rig.reader = af_file_new(rig.loop, rig.in, AFIO_RECEIVE_FDS);
	ck_assert_ptr_nonnull(rig.reader);
	rig.in = -1;
	put_text(rig.out, "abc");
	expect_text(&rig, reading(9), "abc", 0);
	expect_error(&rig, receive(9), -ENOTSUP);
	file = af_file_open(rig.loop, "/dev/null", "r");
	expect_error(&rig, af_file_receive_fds(file, 1, 1, 0, NULL), -ENOTSUP);
	af_file_close(file);
	base = af_loop_base(rig.loop);
	ck_assert_int_eq(bufferevent_pair_new(base, 0, bev), 0);
	file = af_file_from_bufferevent(rig.loop, bev[0], 0);
	expect_error(&rig, af_file_receive_fds(file, 1, 1, 0, NULL), -ENOTSUP);
	af_file_close(file);
	bufferevent_free(bev[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(receive_whose_peer_is_gone_says_so)
{
	struct tag tag;

	open_type(_i % DRIVE_COUNT, AFIO_RECEIVE_FDS);
	tag = pass("abc");
	put_text(af_file_fd(rig.reader), "unread");
	close(rig.out);
	rig.out = -1;
	/* Of what is there nothing is lost. */
	expect_set(receive_full(3), "abc", &tag, 0);
	expect_error(&rig, receive(1), -ECONNRESET);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* A full one leaves what there is: that comes before the error. */
START_TEST(receive_full_whose_peer_is_gone_leaves_the_bytes)
{
	struct tag tag;

	open_type(_i % DRIVE_COUNT, AFIO_RECEIVE_FDS);
	tag = pass("abc");
	put_text(af_file_fd(rig.reader), "unread");
	close(rig.out);
	rig.out = -1;
	expect_error(&rig, receive_full(9), -ECONNRESET);
	ck_assert(!is_shut(&tag));
	expect_set(receive(9), "abc", &tag, AFIO_ERROR);
	expect_error(&rig, receive(9), -ECONNRESET);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

static struct af_future *pass_on(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

START_TEST(receive_in_a_chain_is_taken_from_its_end)
{
	struct af_future *f;
	struct tag tag;

	open_type(_i, AFIO_RECEIVE_FDS);
	f = af_then(receive(9), pass_on, NULL);
	tag = pass("abc");
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_fds(f), 1);
	take(f, 0, &tag);
	af_future_unref(f);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

static struct stage stage;

static void receive_there(void *arg)
{
	struct af_future *f;
	struct tag tag;

	(void)arg;
	f = af_file_receive_fds(rig.reader, 9, 9, 0, NULL);
	tag = pass("abc");
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_uint_eq(af_future_fds(f), 1);
	take(f, 0, &tag);
	af_future_unref(f);
	close_tag(&tag);
}

/* Index: with the flag or without, and a context. */
START_TEST(receive_is_awaited_everywhere)
{
	int fds[2];

	stage_open(&stage, (enum context)(_i % CONTEXT_COUNT));
	make_sockets(SOCK_STREAM, fds);
	rig.reader = af_file_new(stage.loop, fds[0],
				 _i < CONTEXT_COUNT ? AFIO_RECEIVE_FDS : 0);
	ck_assert_ptr_nonnull(rig.reader);
	rig.out = fds[1];
	stage_play(&stage, receive_there, NULL);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	close(rig.out);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/receive_fds");
	TCase *tc = test_case(s, "outcomes");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(receive_returns_bytes_and_their_descriptors, EVERY_TYPE);
	ADD(receive_after_bytes_without_descriptors_has_its_own, EVERY_TYPE);
	ADD(receive_of_a_set_among_many_bytes_has_its_place,
	    (int)(sizeof places / sizeof *places) * DRIVE_COUNT);
	ADD(receive_ends_before_a_second_set, EVERY_TYPE);
	ADD(receive_not_full_ends_before_a_second_set, EVERY_TYPE);
	ADD(receive_of_all_ends_before_a_second_set, EVERY_TYPE);
	ADD(receive_of_messages_of_a_length_has_each_its_own, EVERY_TYPE);
	ADD(receive_of_a_part_has_the_set_first, EVERY_TYPE);
	ADD(receive_that_ends_early_leaves_bytes_and_descriptors, EVERY_TYPE);
	ADD(receive_of_gathered_bytes_ends_before_a_second_set, EVERY_TYPE);
	ADD(receive_behind_another_times_out_alone, EVERY_TYPE);
	ADD(receive_at_its_deadline_takes_a_bounded_number_of_messages,
	    DRIVE_COUNT);
	ADD(receive_of_a_set_larger_than_wanted_closes_the_rest, EVERY_TYPE);
	ADD(receive_of_an_empty_message_has_its_set, MESSAGES);
	ADD(receive_passes_over_empty_messages_only_if_it_is_full, DRIVE_COUNT);
	ADD(receive_full_ends_before_an_empty_message_with_a_set, MESSAGES);
	ADD(receive_full_of_many_small_messages_has_all, DRIVE_COUNT);
	ADD(receive_of_an_empty_datagram_without_a_set_has_none, DRIVE_COUNT);
	ADD(receive_takes_as_many_as_can_be_sent, EVERY_TYPE);
	ADD(receive_refused_says_why, EVERY_TYPE);
	ADD(receive_from_what_is_no_unix_socket_is_enotsup, EVERY_WAY);
	ADD(receive_whose_peer_is_gone_says_so, DRIVE_COUNT);
	ADD(receive_full_whose_peer_is_gone_leaves_the_bytes, DRIVE_COUNT);
	ADD(receive_in_a_chain_is_taken_from_its_end, EVERY_TYPE);
	tc = test_case(s, "others");
	ADD(read_over_descriptors_closes_them_and_says_so, EVERY_TYPE);
	ADD(copy_or_each_over_descriptors_closes_them, 3 * EVERY_TYPE);
	ADD(each_async_over_descriptors_closes_them, MESSAGES);
	ADD(receive_turns_keeping_on, EVERY_TYPE);
	ADD(receive_behind_a_read_turns_keeping_on_for_both, EVERY_TYPE);
	ADD(receive_after_unread_has_the_set_in_its_place, EVERY_TYPE);
	ADD(receive_unbuffered_reads_no_further, DRIVE_COUNT);
#ifdef SO_PASSCRED
	ADD(receive_with_credentials_has_its_place_too, EVERY_TYPE);
	ADD(read_with_credentials_alone_reads_ahead, DRIVE_COUNT);
#endif
	tc = test_case(s, "ends");
	ADD(end_of_a_file_closes_what_nobody_received, 4 * EVERY_TYPE);
	ADD(receive_pending_when_its_file_ends_is_canceled, EVERY_TYPE);
	tc = test_case(s, "hostile");
	ADD(hostile_peer_costs_a_bounded_number, EVERY_TYPE);
	ADD(hostile_peer_of_many_sets_costs_a_bounded_number, EVERY_TYPE);
	ADD(receive_of_many_descriptors_one_set_at_a_time_loses_none,
	    EVERY_TYPE);
	ADD(receive_without_room_is_emfile_once_and_the_bytes_stay,
	    2 * EVERY_TYPE);
	tc = test_case(s, "places");
	ADD(receive_is_awaited_everywhere, 2 * CONTEXT_COUNT);
	tcase_add_loop_test(
		tc, receive_after_lines_that_were_cancelled_has_what_came, 0,
		2 * DRIVE_COUNT);
	return s;
}
