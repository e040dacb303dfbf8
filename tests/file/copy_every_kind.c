/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_copy() between any two kinds of file: what one sends arrives through
 * the copy at the other's reader, however it was cut into pieces.
 */
#include <errno.h>
#include <stdlib.h>

#include "support/kinds.h"
#include "support/pattern.h"

#define LEN ((size_t)1000000)

static struct rig rig, second; /* one loop; the second has only files */
static unsigned char data[LEN];

/* Makes a second pair on the first one's loop. */
static void make_second(int kind)
{
	second = rig;
	second.reader = second.writer = NULL;
	file_kinds[kind].make(&second);
}

static void close_second(void)
{
	ck_assert_int_eq(af_file_close(second.reader), 0);
	ck_assert_int_eq(af_file_close(second.writer), 0);
	turn(&rig);
}

static int to_kind;

static void copy_row(void)
{
	struct af_future *all, *copy, *write;
	size_t len = LEN;

	if ((kind_played()->traits | file_kinds[to_kind].traits) & MESSAGES)
		len = 1000;
	make_second(to_kind);
	all = af_file_read(second.reader, len, AFIO_FULL, NULL);
	copy = af_file_copy(rig.reader, second.writer, (off_t)len, NULL);
	write = af_file_write(rig.writer, data, len, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, len, 0, 0);
	expect_count(&rig, copy, len, 0);
	expect_count(&rig, write, len, 0);
	close_second();
}

START_TEST(copy_from_any_to_any_brings_all)
{
	to_kind = _i % n_file_kinds;
	play_row_once(&rig, _i / n_file_kinds, (enum driver)(_i % DRIVE_COUNT),
		      copy_row);
}
END_TEST

/* From a pipe to its end, to each kind. */
ROW(copy_from_each_to_its_end_succeeds_with_eof)
{
	struct af_future *copy;

	make_second(0);
	copy = af_file_copy(rig.reader, second.writer, -1, NULL);
	send_text(&rig, "abc");
	leave(&rig);
	expect_count(&rig, copy, 3, AFIO_EOF);
	expect_text(&rig, af_file_read(second.reader, 9, 0, NULL), "abc", 0);
	close_second();
}

/* What arrives is what was counted, and what was not stays in the source. */
ROW(copy_at_deadline_succeeds_with_part_and_loses_nothing)
{
	struct af_future *copy, *write;
	size_t count;

	make_second(0);
	/* From the pipe, whose writer goes on, to the kind. */
	write = af_file_write(second.writer, data, LEN, AFIO_FULL, NULL);
	copy = af_file_copy(second.reader, rig.writer, -1, MS(20));
	count = expect_part(&rig, copy, LEN, 0, AFIO_TIMEDOUT);
	expect_arrival(&rig, count, 0);
	expect_data_pattern(
		&rig, af_file_read(second.reader, LEN - count, AFIO_FULL, NULL),
		LEN - count, count, 0);
	expect_count(&rig, write, LEN, 0);
	close_second();
}

/* To a kind whose reader left. */
ROW(copy_reader_gone_fails_epipe)
{
	struct af_future *copy;
	int error;

	make_second(0);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	turn(&rig);
	expect_count(&rig, af_file_write(second.writer, data, 1000, 0, NULL),
		     1000, 0);
	copy = af_file_copy(second.reader, rig.writer, -1, NULL);
	/* Some take a little before they hear of it. */
	for (int i = 0; i < 1000 && !af_future_is_done(copy); i++) {
		struct af_future *f =
			af_file_write(second.writer, "x", 1, 0, NULL);

		drive(&rig, f);
		af_future_unref(f);
		turn(&rig);
	}
	error = drive(&rig, copy);
	ck_assert_int_eq(error, -EPIPE);
	af_future_unref(copy);
	close_second();
}

Suite *suite(void)
{
	Suite *s = suite_create("file/copy_every_kind");
	TCase *tc = test_case(s, "copy");

	pattern_fill(data, LEN, 0);
	tcase_add_loop_test(tc, copy_from_any_to_any_brings_all, 0,
			    n_file_kinds * n_file_kinds);
	ADD_ROW(tc, copy_from_each_to_its_end_succeeds_with_eof,
		NO_EOF | DROPS);
	ADD_ROW(tc, copy_at_deadline_succeeds_with_part_and_loses_nothing,
		MESSAGES | DROPS);
	ADD_ROW(tc, copy_reader_gone_fails_epipe, NO_EPIPE);
	return s;
}
