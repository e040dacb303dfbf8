/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outcome tables of reading on every kind of file: each row of read.c,
 * readline.c and each.c that a kind could break.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/kinds.h"
#include "support/pattern.h"

static struct rig rig;

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

static struct af_future *read_full(size_t size, const struct timeval *timeout)
{
	return af_file_read(rig.reader, size, AFIO_FULL, timeout);
}

static struct af_future *read_line(void)
{
	return af_file_readline(rig.reader, 0, 0, 0, NULL);
}

ROW(read_there_succeeds_with_at_most_size)
{
	send_text(&rig, "hello");
	expect_text(&rig, read_full(3, NULL), "hel", 0);
	expect_text(&rig, read_some(100), "lo", 0);
}

ROW(read_later_succeeds_with_it)
{
	struct af_future *f = read_some(100);

	turn(&rig);
	ck_assert(!af_future_is_done(f));
	send_text(&rig, "hello");
	expect_text(&rig, f, "hello", 0);
}

ROW(read_full_succeeds_with_exactly_size)
{
	struct af_future *f = read_full(6, NULL);

	send_text(&rig, "abc");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	send_text(&rig, "defgh");
	expect_text(&rig, f, "abcdef", 0);
	expect_text(&rig, read_full(2, NULL), "gh", 0);
}

/* One read brings one message, however many there are. */
ROW(read_of_messages_brings_one_each)
{
	if (!(kind_played()->traits & MESSAGES))
		return;
	send_text(&rig, "abc");
	send_text(&rig, "defg");
	expect_text(&rig, read_some(100), "abc", 0);
	expect_text(&rig, read_some(2), "de", AFIO_TRUNCATED);
	expect_text(&rig, read_some(100), "fg", 0);
}

ROW(read_full_at_eof_succeeds_with_part_and_eof)
{
	send_text(&rig, "abc");
	leave(&rig);
	expect_text(&rig, read_full(6, NULL), "abc", AFIO_EOF);
}

ROW(read_all_at_eof_succeeds_with_data_and_eof)
{
	send_text(&rig, "abc");
	leave(&rig);
	expect_text(&rig, read_some(0), "abc", AFIO_EOF);
}

ROW(read_some_before_eof_succeeds_without_eof)
{
	send_text(&rig, "abc");
	leave(&rig);
	expect_text(&rig, read_some(6), "abc", 0);
	expect_text(&rig, read_some(6), "", AFIO_EOF);
}

ROW(read_after_eof_succeeds_with_nothing_and_eof)
{
	leave(&rig);
	for (int i = 0; i < 3; i++) {
		expect_text(&rig, read_some(6), "", AFIO_EOF);
		expect_text(&rig, read_some(0), "", AFIO_EOF);
		expect_text(&rig, read_full(6, NULL), "", AFIO_EOF);
		expect_text(&rig, read_full(6, MS(0)), "", AFIO_EOF);
		expect_text(&rig, read_line(), "", AFIO_EOF);
	}
}

/*
 * "abc" is on its way, how fast is the machine's business: a deadline before it
 * comes finds nothing, and then there is a later one.
 */
static void
expect_abc_at_deadline(struct af_future *(*read)(const struct timeval *timeout))
{
	struct af_future *f = read(MS(8));

	for (int ms = 16; drive(&rig, f) == -ETIMEDOUT && ms < 20000; ms *= 2) {
		af_future_unref(f);
		f = read(MS(ms));
	}
	expect_text(&rig, f, "abc", AFIO_TIMEDOUT);
}

static struct af_future *read_six(const struct timeval *timeout)
{
	return read_full(6, timeout);
}

static struct af_future *read_all(const struct timeval *timeout)
{
	return af_file_read(rig.reader, 0, 0, timeout);
}

static struct af_future *read_line_by(const struct timeval *timeout)
{
	return af_file_readline(rig.reader, 0, 0, 0, timeout);
}

ROW(read_at_deadline_succeeds_with_part_and_timedout)
{
	send_text(&rig, "abc");
	expect_abc_at_deadline(read_six);
	send_text(&rig, "abc");
	expect_abc_at_deadline(read_all);
	send_text(&rig, "ghi");
	expect_text(&rig, read_full(3, NULL), "ghi", 0);
}

ROW(read_nothing_at_deadline_fails_timedout)
{
	int64_t start = now_us();

	expect_error(&rig, af_file_read(rig.reader, 6, 0, MS(5)), -ETIMEDOUT);
	expect_elapsed(start, 5);
	expect_error(&rig, read_full(6, MS(0)), -ETIMEDOUT);
	send_text(&rig, "abc");
	expect_text(&rig, read_full(3, NULL), "abc", 0);
}

ROW(read_cancelled_fails_and_leaves_bytes)
{
	struct af_future *f = read_full(9, NULL);

	send_text(&rig, "abc");
	turn(&rig);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	send_text(&rig, "def");
	expect_text(&rig, read_full(6, NULL), "abcdef", 0);
}

/* Something that the writer has not read makes of its leaving a reset. */
ROW(read_error_after_data_fails_and_leaves_the_data)
{
	expect_count(&rig, af_file_write(rig.reader, "x", 1, AFIO_FULL, NULL),
		     1, 0);
	send_text(&rig, "abc");
	turn(&rig);
	rig_hang_up(&rig);
	expect_error(&rig, read_full(6, NULL), -ECONNRESET);
	expect_text(&rig, af_file_read(rig.reader, 6, 0, NULL), "abc",
		    AFIO_ERROR);
	expect_error(&rig, read_full(6, NULL), -ECONNRESET);
}

/* That the other side is gone is no end while there is data. */
ROW(read_in_bytes_after_the_writer_left_brings_all)
{
	bool messages = kind_played()->traits & MESSAGES;
	unsigned char data[2000];

	pattern_fill(data, sizeof data, 0);
	send_bytes(&rig, data, sizeof data);
	leave(&rig);
	for (size_t i = 0; i < sizeof data; i++)
		expect_data_pattern(
			&rig, read_some(1), 1, i,
			messages && i < sizeof data - 1 ? AFIO_TRUNCATED : 0);
	expect_text(&rig, read_some(1), "", AFIO_EOF);
}

ROW(read_queued_are_done_in_call_order)
{
	struct af_future *first = read_full(2, NULL);
	struct af_future *line = read_line();
	struct af_future *last = read_full(2, NULL);

	send_text(&rig, "ab");
	send_text(&rig, "cde\nfg");
	expect_text(&rig, last, "fg", 0);
	ck_assert(af_future_is_done(first) && af_future_is_done(line));
	expect_text(&rig, first, "ab", 0);
	expect_text(&rig, line, "cde\n", 0);
}

ROW(readline_succeeds_with_each_line)
{
	send_text(&rig, "ab\n\ncd");
	expect_text(&rig, read_line(), "ab\n", 0);
	expect_text(&rig, read_line(), "\n", 0);
	send_text(&rig, "e\n");
	expect_text(&rig, read_line(), "cde\n", 0);
}

ROW(readline_unterminated_at_eof_succeeds_with_eof)
{
	send_text(&rig, "ab\ncd");
	leave(&rig);
	expect_text(&rig, read_line(), "ab\n", 0);
	expect_text(&rig, read_line(), "cd", AFIO_EOF);
}

ROW(readline_longer_than_size_comes_in_pieces)
{
	send_text(&rig, "abcde\n");
	expect_text(&rig, af_file_readline(rig.reader, 4, 0, 0, NULL), "abcd",
		    AFIO_TRUNCATED);
	expect_text(&rig, af_file_readline(rig.reader, 4, 0, 0, NULL), "e\n",
		    0);
}

/* Whole lines, a line whose end is missing, and all there is. */
ROW(limit_passed_fails_emsgsize_and_leaves_the_bytes)
{
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	send_text(&rig, "four\ntoo long\nendle");
	expect_text(&rig, read_line(), "four\n", 0);
	for (int i = 0; i < 2; i++) {
		expect_error(&rig, read_line(), -EMSGSIZE);
		expect_error(&rig, read_some(0), -EMSGSIZE);
	}
	expect_text(&rig, af_file_readline(rig.reader, 6, 0, 0, NULL), "too lo",
		    AFIO_TRUNCATED);
	expect_text(&rig, read_line(), "ng\n", 0);
	send_text(&rig, "ss");
	expect_error(&rig, read_line(), -EMSGSIZE);
	expect_text(&rig, read_full(7, NULL), "endless", 0);
}

ROW(readline_at_deadline_succeeds_with_part_or_leaves_it)
{
	send_text(&rig, "abc");
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(8)),
		     -ETIMEDOUT);
	expect_abc_at_deadline(read_line_by);
	send_text(&rig, "d\n");
	expect_text(&rig, read_line(), "d\n", 0);
}

ROW(read_until_any_in_two_pieces_is_found)
{
	static const struct af_text texts[] = { { "c", 1 }, { "--", 2 } };
	struct af_future *f =
		af_file_read_until_any(rig.reader, texts, 2, 0, 0, NULL);

	send_text(&rig, "a-b-");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	send_text(&rig, "-c");
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(af_future_match(f), 1);
	expect_text(&rig, f, "a-b--", 0);
	expect_text(&rig, read_full(1, NULL), "c", 0);
}

ROW(read_until_delimiter_in_two_pieces_is_found)
{
	struct af_future *f =
		af_file_read_until(rig.reader, "--", 2, 0, 0, NULL);

	send_text(&rig, "a-b-");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	send_text(&rig, "-c");
	expect_text(&rig, f, "a-b--", 0);
	expect_text(&rig, read_full(1, NULL), "c", 0);
}

static int n_calls;
static char seen[64];

/* Stops at "stop". */
static int look(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	n_calls++;
	strncat(seen, data, len);
	return len == 5 && memcmp(data, "stop\n", 5) == 0;
}

ROW(each_line_gets_every_line_to_the_end)
{
	struct af_future *f = af_file_each_line(rig.reader, look, NULL);

	n_calls = 0;
	seen[0] = '\0';
	send_text(&rig, "ab\nc");
	send_text(&rig, "d\n\nef");
	leave(&rig);
	expect_count(&rig, f, 9, AFIO_EOF);
	ck_assert_int_eq(n_calls, 4);
	ck_assert_str_eq(seen, "ab\ncd\n\nef");
}

static struct af_future *look_and_nap(const char *data, size_t len,
				      unsigned flags, void *arg)
{
	look(data, len, flags, arg);
	return af_sleep(rig.loop, MS(1));
}

ROW(each_async_waits_after_every_line)
{
	struct af_future *f = af_file_each_async(rig.reader, AFIO_EACH_LINE,
						 look_and_nap, NULL);

	n_calls = 0;
	seen[0] = '\0';
	send_text(&rig, "ab\nc");
	send_text(&rig, "d\n\nef");
	leave(&rig);
	expect_count(&rig, f, 9, AFIO_EOF);
	ck_assert_int_eq(n_calls, 4);
	ck_assert_str_eq(seen, "ab\ncd\n\nef");
}

ROW(each_line_stopped_leaves_the_rest)
{
	struct af_future *f = af_file_each_line(rig.reader, look, NULL);

	seen[0] = '\0';
	send_text(&rig, "ab\nstop\ncd");
	expect_count(&rig, f, 8, 0);
	expect_text(&rig, read_full(2, NULL), "cd", 0);
}

static int check_chunk(const char *data, size_t len, unsigned flags, void *arg)
{
	size_t *at = arg;

	(void)flags;
	ck_assert_uint_eq(pattern_match(data, len, *at), len);
	*at += len;
	return 0;
}

/* Far more than fits in between, while the writer writes on. */
ROW(each_chunk_gets_every_byte_once)
{
	const size_t len = 300000;
	unsigned char *data = malloc(len);
	struct af_future *f;
	size_t at = 0;

	pattern_fill(data, len, 0);
	f = af_file_each_chunk(rig.reader, check_chunk, &at);
	expect_count(&rig,
		     af_file_write(rig.writer, data, len, AFIO_FULL, NULL), len,
		     0);
	leave(&rig);
	expect_count(&rig, f, len, AFIO_EOF);
	ck_assert_uint_eq(at, len);
	free(data);
}

static int stop(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return 1;
}

/* It has seen the end, and not told of it. */
ROW(read_behind_an_each_stopped_at_the_end_is_eof)
{
	struct af_future *each, *f;

	send_text(&rig, "abc");
	leave(&rig);
	each = af_file_each_line(rig.reader, stop, NULL);
	f = read_some(0);
	expect_count(&rig, each, 3, 0);
	expect_text(&rig, f, "", AFIO_EOF);
}

START_TEST(every_kind_is_listed)
{
	for (int i = 0; i < n_file_kinds; i++)
		ck_assert_ptr_nonnull(file_kinds[i].make);
	ck_assert_int_ge(n_file_kinds, 13);
}
END_TEST

Suite *suite(void)
{
	const unsigned no_end = NO_EOF | DROPS;
	Suite *s = suite_create("file/read_every_kind");
	TCase *tc = test_case(s, "read");

	tcase_add_test(tc, every_kind_is_listed);
	ADD_ROW(tc, read_there_succeeds_with_at_most_size, 0);
	ADD_ROW(tc, read_later_succeeds_with_it, 0);
	ADD_ROW(tc, read_full_succeeds_with_exactly_size, 0);
	ADD_ROW(tc, read_of_messages_brings_one_each, 0);
	ADD_ROW(tc, read_full_at_eof_succeeds_with_part_and_eof, no_end);
	ADD_ROW(tc, read_all_at_eof_succeeds_with_data_and_eof, no_end);
	ADD_ROW(tc, read_some_before_eof_succeeds_without_eof, no_end);
	ADD_ROW(tc, read_after_eof_succeeds_with_nothing_and_eof, NO_EOF);
	ADD_ROW(tc, read_at_deadline_succeeds_with_part_and_timedout, 0);
	ADD_ROW(tc, read_nothing_at_deadline_fails_timedout, 0);
	ADD_ROW(tc, read_cancelled_fails_and_leaves_bytes, 0);
	ADD_ROW(tc, read_error_after_data_fails_and_leaves_the_data,
		ONE_WAY | NO_RESET);
	ADD_ROW(tc, read_in_bytes_after_the_writer_left_brings_all, no_end);
	ADD_ROW(tc, read_queued_are_done_in_call_order, 0);

	tc = test_case(s, "lines");
	ADD_ROW(tc, readline_succeeds_with_each_line, 0);
	ADD_ROW(tc, readline_unterminated_at_eof_succeeds_with_eof, no_end);
	ADD_ROW(tc, readline_longer_than_size_comes_in_pieces, 0);
	ADD_ROW(tc, limit_passed_fails_emsgsize_and_leaves_the_bytes, 0);
	ADD_ROW(tc, readline_at_deadline_succeeds_with_part_or_leaves_it, 0);
	ADD_ROW(tc, read_until_any_in_two_pieces_is_found, 0);
	ADD_ROW(tc, read_until_delimiter_in_two_pieces_is_found, 0);

	tc = test_case(s, "each");
	ADD_ROW(tc, each_line_gets_every_line_to_the_end, no_end);
	ADD_ROW(tc, each_async_waits_after_every_line, no_end);
	ADD_ROW(tc, each_line_stopped_leaves_the_rest, 0);
	ADD_ROW(tc, each_chunk_gets_every_byte_once, no_end | MESSAGES);
	ADD_ROW(tc, read_behind_an_each_stopped_at_the_end_is_eof, no_end);
	return s;
}
