/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Newlines found 64 bytes at a time, and lines of every length handed out of
 * them.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "file/newlines.h"
#include "support/harness.h"

/* Bytes that are easily taken for a newline. */
static const unsigned char alike[] = { '\n', '\n' | 0x80, '\n' + 1, '\n' - 1,
				       0,    0xff,	  0x7f,	    0x80 };

START_TEST(newlines_are_found_among_bytes_alike)
{
	char data[AFI_NEWLINES + 1];
	uint64_t expected;

	srand((unsigned)_i);
	for (int round = 0; round < 20000; round++) {
		char *at = data + round % 2; /* aligned, and not */

		expected = 0;
		for (unsigned i = 0; i < AFI_NEWLINES; i++) {
			at[i] = (char)alike[rand() % 8];
			if (at[i] == '\n')
				expected |= (uint64_t)1 << i;
		}
		ck_assert_uint_eq(afi_newlines(at), expected);
		ck_assert_uint_eq(afi_newlines_portable(at), expected);
	}
}
END_TEST

/* What is read: lines of all lengths around a block, and the last without end. */
static char text[1 << 18];
static size_t handed_out, stop_at;

static int check_line(const char *data, size_t len, unsigned flags, void *arg)
{
	const char *expected = text + handed_out;
	const char *newline = memchr(expected, '\n', sizeof(text) - handed_out);
	size_t whole = newline ? (size_t)(newline - expected) + 1
			       : sizeof(text) - handed_out;

	ck_assert_ptr_null(arg);
	ck_assert_uint_eq(len, whole);
	ck_assert_uint_eq(flags, newline ? 0 : AFIO_EOF);
	ck_assert_int_eq(memcmp(data, expected, len), 0);
	handed_out += len;
	return stop_at && handed_out >= stop_at;
}

static void fill_text(unsigned seed)
{
	static const size_t longest[] = { 3, 64, 100, 200, 5000, 70000 };
	size_t at = 0, len;

	srand(seed);
	memset(text, 'x', sizeof(text));
	for (;;) {
		len = (size_t)rand() % longest[rand() % 6] + 1;
		if (sizeof(text) - at <= len)
			return;
		at += len;
		text[at - 1] = '\n';
	}
}

/* Stopped anywhere, the rest is there for the next one. */
START_TEST(lines_of_every_length_come_whole)
{
	struct af_future *each;
	struct rig rig;

	for (unsigned seed = 0; seed < 20; seed++) {
		fill_text(seed);
		rig_open(&rig, _i);
		rig_reader(&rig);
		feed(&rig, text, sizeof(text), true);
		handed_out = 0;
		stop_at = (size_t)rand() % sizeof(text) + 1;
		each = af_file_each_line(rig.reader, check_line, NULL);
		ck_assert_int_eq(drive(&rig, each), 0);
		ck_assert_uint_eq(af_future_count(each), handed_out);
		af_future_unref(each);
		stop_at = 0;
		expect_count(&rig,
			     af_file_each_line(rig.reader, check_line, NULL),
			     sizeof(text) - handed_out, AFIO_EOF);
		ck_assert_uint_eq(handed_out, sizeof(text));
		rig_close(&rig);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/newlines");
	TCase *tc = test_case(s, "newlines");

	tcase_add_loop_test(tc, newlines_are_found_among_bytes_alike, 0, 2);
	tcase_add_loop_test(tc, lines_of_every_length_come_whole, 0, EVERY_WAY);
	return s;
}
