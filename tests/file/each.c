/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_each_line() and af_file_each_chunk(): every line and piece
 * once, in order and in place; stop, resume, failure, and whatever the function
 * that is called may do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/harness.h"
#include "support/pattern.h"

/* It failed, having handed out so many bytes. */
#define expect_ended(f, error, count)                                          \
	check_outcome(__FILE__, __LINE__, &rig, (f), (error), (count), 0)

static struct rig rig;

/* What was handed out, and what to do at the n-th time. */
static char text[4096];
static size_t text_len, calls, act_at;
static int act_returns;
static void (*act)(void);
static struct af_future *each;

static int take(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	ck_assert_uint_lt(text_len + len + 1, sizeof(text));
	memcpy(text + text_len, data, len);
	text_len += len;
	text[text_len++] = '|';
	text[text_len] = '\0';
	if (++calls != act_at)
		return 0;
	if (act)
		act();
	return act_returns;
}

static void open_reader(int way)
{
	rig_open(&rig, way);
	rig_reader(&rig);
	text[0] = '\0';
	text_len = calls = act_at = 0;
	act_returns = 0;
	act = NULL;
}

static struct af_future *each_line(void)
{
	return af_file_each_line(rig.reader, take, NULL);
}

START_TEST(each_line_gets_every_line_in_order)
{
	open_reader(_i);
	put_text(rig.out, "one\n\ntwo\r\nthree");
	rig_hang_up(&rig);
	expect_count(&rig, each_line(), 15, AFIO_EOF);
	ck_assert_str_eq(text, "one\n|\n|two\r\n|three|");
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static int append_flags(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	text[text_len++] = flags == AFIO_EOF ? 'e' : flags ? '?' : '.';
	text[text_len] = '\0';
	return 0;
}

START_TEST(each_line_says_which_line_lacks_its_newline)
{
	open_reader(_i);
	put_text(rig.out, "one\n\nthree");
	rig_hang_up(&rig);
	expect_count(&rig, af_file_each_line(rig.reader, append_flags, NULL),
		     10, AFIO_EOF);
	ck_assert_str_eq(text, "..e");
	rig_close(&rig);
}
END_TEST

START_TEST(each_line_of_an_empty_stream_is_eof_without_a_call)
{
	open_reader(_i);
	rig_hang_up(&rig);
	expect_count(&rig, each_line(), 0, AFIO_EOF);
	ck_assert_uint_eq(calls, 0);
	rig_close(&rig);
}
END_TEST

static size_t seen;

static int check_long_line(const char *data, size_t len, unsigned flags,
			   void *arg)
{
	const size_t *line = arg;

	(void)flags;
	ck_assert_uint_eq(len, *line);
	ck_assert_int_eq(data[len - 1], '\n');
	ck_assert_int_eq(data[0], (int)('a' + seen % 26));
	seen++;
	return 0;
}

/* Around the size of the buffer, and far beyond it. */
START_TEST(each_line_gets_long_lines_whole)
{
	static const size_t sizes[] = { 4095,  4096,  4097,  65535,
					65536, 65537, 300000 };
	const size_t n = 10;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i];
		char *data = malloc(n * size);

		ck_assert_ptr_nonnull(data);
		open_reader(_i);
		for (size_t line = 0; line < n; line++) {
			memset(data + line * size, (int)('a' + line), size);
			data[(line + 1) * size - 1] = '\n';
		}
		feed(&rig, data, n * size, true);
		seen = 0;
		expect_count(
			&rig,
			af_file_each_line(rig.reader, check_long_line, &size),
			n * size, AFIO_EOF);
		ck_assert_uint_eq(seen, n);
		rig_close(&rig);
		free(data);
	}
}
END_TEST

START_TEST(each_line_stopped_leaves_the_rest_in_the_file)
{
	open_reader(_i);
	put_text(rig.out, "one\ntwo\nthree\n");
	act_at = 2;
	act_returns = 1;
	expect_count(&rig, each_line(), 8, 0);
	ck_assert_str_eq(text, "one\n|two\n|");
	expect_text(&rig, af_file_read(rig.reader, 2, 0, NULL), "th", 0);
	rig_hang_up(&rig);
	expect_count(&rig, each_line(), 4, AFIO_EOF);
	ck_assert_str_eq(text, "one\n|two\n|ree\n|");
	rig_close(&rig);
}
END_TEST

START_TEST(each_line_failed_by_its_function_has_its_error)
{
	open_reader(_i);
	put_text(rig.out, "one\ntwo\nthree\n");
	act_at = 1;
	act_returns = -EPROTO;
	expect_ended(each_line(), -EPROTO, 4);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "two\n",
		    0);
	rig_close(&rig);
}
END_TEST

static void cancel_it(void)
{
	af_future_cancel(each);
}

START_TEST(each_line_cancelled_by_its_function_ends_there)
{
	open_reader(_i);
	each = each_line();
	act_at = 1;
	act = cancel_it;
	put_text(rig.out, "one\ntwo\n");
	expect_ended(each, -ECANCELED, 4);
	ck_assert_str_eq(text, "one\n|");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "two\n",
		    0);
	rig_close(&rig);
}
END_TEST

static void close_it(void)
{
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
}

START_TEST(each_line_whose_function_closes_the_file_is_cancelled)
{
	open_reader(_i);
	act_at = 2;
	act = close_it;
	put_text(rig.out, "one\ntwo\nthree\n");
	expect_ended(each_line(), -ECANCELED, 8);
	ck_assert_str_eq(text, "one\n|two\n|");
	rig_close(&rig);
}
END_TEST

/* Cancels or closes, and then looks at what it was given. */
static int end_and_look(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	void (**end_it)(void) = arg;

	(*end_it)();
	ck_assert_int_eq(data[0], 'a');
	ck_assert_int_eq(data[len - 1], 'a');
	return 0;
}

START_TEST(each_line_last_one_whose_function_closes_the_file_stays_valid)
{
	void (*close_file)(void) = close_it;

	open_reader(_i);
	put_text(rig.out, "aaaaa");
	rig_hang_up(&rig);
	expect_ended(af_file_each_line(rig.reader, end_and_look, &close_file),
		     -ECANCELED, 5);
	rig_close(&rig);
}
END_TEST

/* The read behind it needs room where the piece is that is looked at. */
START_TEST(each_chunk_cancelled_with_a_read_queued_stays_valid)
{
	const size_t len = 600000;
	void (*cancel)(void) = cancel_it;
	struct af_future *queued;
	char *data = malloc(len);

	ck_assert_ptr_nonnull(data);
	memset(data, 'a', len);
	open_reader(_i);
	feed(&rig, data, len, true);
	each = af_file_each_chunk(rig.reader, end_and_look, &cancel);
	queued = af_file_read(rig.reader, 0, 0, NULL);
	ck_assert_int_eq(drive(&rig, each), -ECANCELED);
	expect_count(&rig, queued, len - af_future_count(each), AFIO_EOF);
	af_future_unref(each);
	rig_close(&rig);
	free(data);
}
END_TEST

static void wait_for_more(void)
{
	struct af_future *f = af_sleep(rig.loop, MS(2));

	put_text(rig.out, "four\n");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

/* Though lines come meanwhile, they wait for the one under way. */
START_TEST(each_line_whose_function_awaits_goes_on_in_order)
{
	open_reader(_i);
	act_at = 1;
	act = wait_for_more;
	put_text(rig.out, "one\ntwo\nthree\n");
	each = each_line();
	while (calls < 4)
		ck_assert_int_eq(af_await_for(each, MS(1)), -ETIMEDOUT);
	ck_assert_str_eq(text, "one\n|two\n|three\n|four\n|");
	rig_hang_up(&rig);
	expect_count(&rig, each, 19, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static int match_chunk(const char *data, size_t len, unsigned flags, void *arg)
{
	size_t *offset = arg;

	(void)flags;
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_eq(pattern_match(data, len, *offset), len);
	*offset += len;
	return 0;
}

START_TEST(each_chunk_gets_every_byte_once)
{
	const size_t len = (size_t)5 << 20;
	unsigned char *data = malloc(len);
	size_t offset = 0;

	ck_assert_ptr_nonnull(data);
	pattern_fill(data, len, 0);
	open_reader(_i);
	feed(&rig, data, len, true);
	expect_count(&rig, af_file_each_chunk(rig.reader, match_chunk, &offset),
		     len, AFIO_EOF);
	ck_assert_uint_eq(offset, len);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(each_with_nonsense_is_invalid)
{
	open_reader(_i);
	rig_writer(&rig);
	expect_error(&rig, af_file_each_line(NULL, take, NULL), -EINVAL);
	expect_error(&rig, af_file_each_line(rig.reader, NULL, NULL), -EINVAL);
	if (rig.kind == KIND_PIPE)
		expect_error(&rig, af_file_each_chunk(rig.writer, take, NULL),
			     -EBADF);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/each");
	TCase *tc = test_case(s, "each");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(each_line_gets_every_line_in_order);
	ADD(each_line_says_which_line_lacks_its_newline);
	ADD(each_line_of_an_empty_stream_is_eof_without_a_call);
	ADD(each_line_gets_long_lines_whole);
	ADD(each_line_stopped_leaves_the_rest_in_the_file);
	ADD(each_line_failed_by_its_function_has_its_error);
	ADD(each_line_cancelled_by_its_function_ends_there);
	ADD(each_line_whose_function_closes_the_file_is_cancelled);
	ADD(each_line_last_one_whose_function_closes_the_file_stays_valid);
	ADD(each_chunk_cancelled_with_a_read_queued_stays_valid);
	ADD(each_line_whose_function_awaits_goes_on_in_order);
	ADD(each_chunk_gets_every_byte_once);
	ADD(each_with_nonsense_is_invalid);
	return s;
}
