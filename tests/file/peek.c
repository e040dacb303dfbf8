/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of looking at bytes without taking them, and of putting bytes back: on
 * every kind of file, and on disk, where there is a position.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/kinds.h"
#include "support/pattern.h"
#include "support/scratch.h"

static struct rig rig;

static struct af_future *peek(size_t size)
{
	return af_file_peek(rig.reader, size, NULL);
}

static struct af_future *read_full(size_t size)
{
	return af_file_read(rig.reader, size, AFIO_FULL, NULL);
}

ROW(peek_succeeds_and_the_next_read_has_it_again)
{
	send_text(&rig, "hello");
	expect_text(&rig, peek(5), "hello", 0);
	expect_text(&rig, peek(3), "hel", 0);
	expect_text(&rig, read_full(5), "hello", 0);
}

ROW(peek_waits_for_as_much_as_asked)
{
	struct af_future *f = peek(6);

	send_text(&rig, "abc");
	for (int i = 0; i < 5; i++)
		turn(&rig);
	ck_assert(!af_future_is_done(f));
	send_text(&rig, "defgh");
	expect_text(&rig, f, "abcdef", 0);
	expect_text(&rig, read_full(8), "abcdefgh", 0);
}

ROW(peek_has_its_place_in_the_queue)
{
	struct af_future *a = read_full(2), *b = peek(2), *c = read_full(3);

	send_text(&rig, "abcde");
	expect_text(&rig, a, "ab", 0);
	expect_text(&rig, b, "cd", 0);
	expect_text(&rig, c, "cde", 0);
}

ROW(peek_at_eof_succeeds_with_part_and_eof)
{
	send_text(&rig, "abc");
	leave(&rig);
	expect_text(&rig, peek(6), "abc", AFIO_EOF);
	expect_text(&rig, af_file_read(rig.reader, 6, 0, NULL), "abc", 0);
	expect_text(&rig, peek(6), "", AFIO_EOF);
	expect_text(&rig, read_full(6), "", AFIO_EOF);
}

ROW(peek_at_deadline_succeeds_with_part_and_timedout)
{
	expect_error(&rig, af_file_peek(rig.reader, 6, MS(0)), -ETIMEDOUT);
	expect_error(&rig, af_file_peek(rig.reader, 6, MS(5)), -ETIMEDOUT);
	send_text(&rig, "abc");
	expect_text(&rig, af_file_peek(rig.reader, 6, MS(20)), "abc",
		    kind_played()->traits & MESSAGES ? 0 : AFIO_TIMEDOUT);
	expect_text(&rig, read_full(3), "abc", 0);
}

ROW(peek_cancelled_fails_and_leaves_bytes)
{
	struct af_future *f = peek(60);

	turn(&rig);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	send_text(&rig, "abc");
	expect_text(&rig, read_full(3), "abc", 0);
}

ROW(peek_of_a_lot_is_whole)
{
	const size_t len = 200000;
	unsigned char *data = malloc(len);

	pattern_fill(data, len, 0);
	send_bytes(&rig, data, len);
	expect_data_pattern(&rig, peek(len), len, 0, 0);
	expect_data_pattern(&rig, read_full(len), len, 0, 0);
	free(data);
}

ROW(unread_bytes_are_read_before_all_others)
{
	send_text(&rig, "hello");
	expect_text(&rig, read_full(3), "hel", 0);
	ck_assert_int_eq(af_file_unread(rig.reader, "l", 1), 0);
	ck_assert_int_eq(af_file_unread(rig.reader, "he", 2), 0);
	expect_text(&rig, read_full(5), "hello", 0);
}

ROW(unread_line_is_read_as_one)
{
	struct af_future *f;

	ck_assert_int_eq(af_file_unread(rig.reader, "pushed ", 7), 0);
	f = af_file_readline(rig.reader, 0, 0, 0, NULL);
	send_text(&rig, "line\n");
	expect_text(&rig, f, "pushed line\n", 0);
}

ROW(unread_during_a_read_fails_ebusy)
{
	struct af_future *f = read_full(3);

	turn(&rig);
	ck_assert_int_eq(af_file_unread(rig.reader, "x", 1), -EBUSY);
	send_text(&rig, "abc");
	expect_text(&rig, f, "abc", 0);
}

ROW(unread_after_eof_is_read_and_then_eof_again)
{
	leave(&rig);
	expect_text(&rig, read_full(1), "", AFIO_EOF);
	ck_assert_int_eq(af_file_unread(rig.reader, "abc", 3), 0);
	expect_text(&rig, read_full(2), "ab", 0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "c", AFIO_EOF);
	expect_text(&rig, read_full(1), "", AFIO_EOF);
}

ROW(unread_of_a_lot_is_whole)
{
	const size_t len = 200000;
	unsigned char *data = malloc(len);

	pattern_fill(data, len, 0);
	ck_assert_int_eq(af_file_unread(rig.reader, data + 100, len - 100), 0);
	ck_assert_int_eq(af_file_unread(rig.reader, data, 100), 0);
	memset(data, 0, len);
	expect_data_pattern(&rig, read_full(len), len, 0, 0);
	send_text(&rig, "abc");
	expect_text(&rig, read_full(3), "abc", 0);
	free(data);
}

START_TEST(peek_error_is_the_next_reads_as_well)
{
	struct linger at_once = { 1, 0 };

	rig_open(&rig, WAY(KIND_TCP, _i));
	rig_reader(&rig);
	setsockopt(rig.out, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	rig_hang_up(&rig);
	expect_error(&rig, peek(1), -ECONNRESET);
	expect_error(&rig, read_full(1), -ECONNRESET);
	expect_text(&rig, read_full(1), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static const char *pushed;

static int stop(const char *data, size_t len, unsigned flags,
		void *arg)
{
	struct af_future **each = arg;

	(void)flags;
	af_future_cancel(*each);
	ck_assert_int_eq(af_file_unread(rig.reader, "PUSHED", 6), 0);
	/* What it was given stays as it was until it returns. */
	ck_assert_uint_eq(len, 7);
	ck_assert_int_eq(memcmp(data, "abcdef\n", 7), 0);
	pushed = "PUSHED";
	return 0;
}

START_TEST(unread_inside_each_line_leaves_what_it_looks_at)
{
	static struct af_future *each;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abcdef\nrest");
	each = af_file_each_line(rig.reader, stop, &each);
	ck_assert_int_eq(drive(&rig, each), -ECANCELED);
	ck_assert_ptr_nonnull(pushed);
	expect_text(&rig, read_full(10), "PUSHEDrest", 0);
	af_future_unref(each);
	rig_close(&rig);
}
END_TEST

START_TEST(unread_bytes_are_handed_over_by_detach)
{
	struct evbuffer *unread = evbuffer_new();

	rig_open(&rig, _i);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_unread(rig.reader, "abc", 3), 0);
	rig.in = af_file_detach(rig.reader, unread);
	rig.reader = NULL;
	ck_assert_uint_eq(evbuffer_get_length(unread), 3);
	evbuffer_free(unread);
	rig_close(&rig);
}
END_TEST

START_TEST(peek_and_unread_with_nonsense_fail)
{
	struct af_file *file;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	file = rig_reader(&rig);
	rig_writer(&rig);
	expect_error(&rig, af_file_peek(NULL, 1, NULL), -EINVAL);
	expect_error(&rig, af_file_peek(file, 0, NULL), -EINVAL);
	expect_error(&rig, af_file_peek(file, 1, MS(-1)), -EINVAL);
	expect_error(&rig, af_file_peek(rig.writer, 1, NULL), -EBADF);
	ck_assert_int_eq(af_file_unread(NULL, "a", 1), -EINVAL);
	ck_assert_int_eq(af_file_unread(file, NULL, 1), -EINVAL);
	ck_assert_int_eq(af_file_unread(file, "a", SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(af_file_unread(file, NULL, 0), 0);
	ck_assert_int_eq(af_file_unread(rig.writer, "a", 1), -EBADF);
	/* With these, the sum would be small. */
	ck_assert_int_eq(af_file_unread(file, "abc", 3), 0);
	ck_assert_int_eq(af_file_unread(file, "a", SIZE_MAX - 1), -ENOMEM);
	rig_close(&rig);
}
END_TEST

START_TEST(peek_of_an_unbuffered_file_fails_notsup)
{
	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig.reader = af_file_new(rig.loop, rig.in, AFIO_UNBUFFERED);
	rig.in = -1;
	expect_error(&rig, peek(1), -ENOTSUP);
	rig_close(&rig);
}
END_TEST

static struct af_file *open_disk(int driver, const char *text)
{
	rig_open_loop(&rig, (enum driver)driver);
	make_file("file", text, 0600);
	rig.reader = af_file_open(rig.loop, "file", "r+");
	ck_assert_ptr_nonnull(rig.reader);
	return rig.reader;
}

START_TEST(peek_on_disk_moves_no_position)
{
	open_disk(_i, "abcdef");
	expect_text(&rig, peek(3), "abc", 0);
	expect_text(&rig, peek(9), "abcdef", AFIO_EOF);
	ck_assert_int_eq(af_file_seek(rig.reader, 0, SEEK_CUR), 0);
	expect_text(&rig, read_full(2), "ab", 0);
	ck_assert_int_eq(af_file_seek(rig.reader, 0, SEEK_CUR), 2);
	rig_close(&rig);
}
END_TEST

START_TEST(unread_on_disk_moves_the_position_back)
{
	struct af_file *file = open_disk(_i, "abcdef");

	expect_text(&rig, read_full(4), "abcd", 0);
	ck_assert_int_eq(af_file_unread(file, "XY", 2), 0);
	expect_text(&rig, read_full(3), "XYe", 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 5);
	ck_assert_int_eq(af_file_unread(file, "XY", 2), 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 3);
	expect_text(&rig, read_full(3), "def", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(unread_on_disk_is_where_the_next_write_goes)
{
	struct af_file *file = open_disk(_i, "abcdef");

	expect_text(&rig, read_full(6), "abcdef", 0);
	ck_assert_int_eq(af_file_unread(file, "ef", 2), 0);
	expect_count(&rig, af_file_write(file, "12", 2, AFIO_FULL, NULL), 2, 0);
	expect_file("file", "abcd12");
	rig_close(&rig);
}
END_TEST

START_TEST(unread_before_the_beginning_on_disk_fails_einval)
{
	struct af_file *file = open_disk(_i, "abcdef");

	ck_assert_int_eq(af_file_unread(file, "x", 1), -EINVAL);
	expect_text(&rig, read_full(2), "ab", 0);
	ck_assert_int_eq(af_file_unread(file, "xyz", 3), -EINVAL);
	ck_assert_int_eq(af_file_unread(file, "yz", 2), 0);
	ck_assert_int_eq(af_file_unread(file, "x", 1), -EINVAL);
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "yzcdef", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	const unsigned no_end = NO_EOF | DROPS;
	Suite *s = suite_create("file/peek");
	TCase *tc = test_case(s, "peek");

	ADD_ROW(tc, peek_succeeds_and_the_next_read_has_it_again, 0);
	ADD_ROW(tc, peek_waits_for_as_much_as_asked, MESSAGES);
	ADD_ROW(tc, peek_has_its_place_in_the_queue, 0);
	ADD_ROW(tc, peek_at_eof_succeeds_with_part_and_eof, no_end | MESSAGES);
	ADD_ROW(tc, peek_at_deadline_succeeds_with_part_and_timedout, 0);
	ADD_ROW(tc, peek_cancelled_fails_and_leaves_bytes, 0);
	ADD_ROW(tc, peek_of_a_lot_is_whole, MESSAGES);
	tcase_add_loop_test(tc, peek_error_is_the_next_reads_as_well, 0,
			    DRIVE_COUNT);

	tc = test_case(s, "unread");
	ADD_ROW(tc, unread_bytes_are_read_before_all_others, 0);
	ADD_ROW(tc, unread_line_is_read_as_one, 0);
	ADD_ROW(tc, unread_during_a_read_fails_ebusy, 0);
	ADD_ROW(tc, unread_after_eof_is_read_and_then_eof_again, NO_EOF);
	ADD_ROW(tc, unread_of_a_lot_is_whole, 0);
	tcase_add_loop_test(tc, unread_inside_each_line_leaves_what_it_looks_at,
			    0, EVERY_WAY);
	tcase_add_loop_test(tc, unread_bytes_are_handed_over_by_detach, 0,
			    EVERY_WAY);

	tc = test_case(s, "errors");
	tcase_add_test(tc, peek_and_unread_with_nonsense_fail);
	tcase_add_test(tc, peek_of_an_unbuffered_file_fails_notsup);

	tc = scratch_case(s, "disk");
	tcase_add_loop_test(tc, peek_on_disk_moves_no_position, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, unread_on_disk_moves_the_position_back, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, unread_on_disk_is_where_the_next_write_goes, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    unread_before_the_beginning_on_disk_fails_einval, 0,
			    DRIVE_COUNT);
	return s;
}
