/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_readline() and af_file_read_until(): every row of their outcome table
 * on every kind of descriptor and with every way of waiting, what a line is,
 * and delimiters that come in pieces.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/harness.h"

static struct rig rig;

static struct af_future *readline(size_t size)
{
	return af_file_readline(rig.reader, size, 0, 0, NULL);
}

static struct af_future *read_until(const char *delim)
{
	return af_file_read_until(rig.reader, delim, strlen(delim), 0, 0, NULL);
}

START_TEST(readline_lines_there_succeeds_with_each)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "one\n\nthree\nfo");
	expect_text(&rig, readline(0), "one\n", 0);
	expect_text(&rig, readline(0), "\n", 0);
	expect_text(&rig, readline(0), "three\n", 0);
	put_text(rig.out, "ur\n");
	expect_text(&rig, readline(0), "four\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_in_pieces_succeeds_with_the_whole)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = readline(0);
	put_text(rig.out, "a");
	turn(&rig);
	put_text(rig.out, "b");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	put_text(rig.out, "\nc");
	expect_text(&rig, f, "ab\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_unterminated_at_eof_succeeds_with_eof)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "one\ntwo");
	rig_hang_up(&rig);
	expect_text(&rig, readline(0), "one\n", 0);
	expect_text(&rig, readline(0), "two", AFIO_EOF);
	expect_text(&rig, readline(0), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_terminated_before_eof_succeeds_without_eof)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "one\n");
	rig_hang_up(&rig);
	expect_text(&rig, readline(0), "one\n", 0);
	for (int i = 0; i < 3; i++)
		expect_text(&rig, readline(0), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_keeps_carriage_return_and_nul)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put(rig.out, "a\r\n\0\n\0b\0\n\r\n", 11);
	expect_text(&rig, readline(0), "a\r\n", 0);
	expect_text(&rig, readline(0), "\0\n", 0);
	expect_text(&rig, readline(0), "\0b\0\n", 0);
	expect_text(&rig, readline(0), "\r\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_longer_than_size_comes_in_pieces)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abcdefghi\nxyz\n");
	expect_text(&rig, readline(4), "abcd", AFIO_TRUNCATED);
	expect_text(&rig, readline(4), "efgh", AFIO_TRUNCATED);
	expect_text(&rig, readline(4), "i\n", 0);
	expect_text(&rig, readline(4), "xyz\n", 0);
	put_text(rig.out, "abcd\n");
	expect_text(&rig, readline(4), "abcd", AFIO_TRUNCATED);
	expect_text(&rig, readline(0), "\n", 0);
	rig_close(&rig);
}
END_TEST

/* It is not waited for what may come after. */
START_TEST(readline_of_just_size_at_the_end_is_truncated)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abcd");
	rig_hang_up(&rig);
	expect_text(&rig, readline(4), "abcd", AFIO_TRUNCATED);
	expect_text(&rig, readline(4), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_size_one_comes_in_bytes)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "ab\n\nc");
	rig_hang_up(&rig);
	expect_text(&rig, readline(1), "a", AFIO_TRUNCATED);
	expect_text(&rig, readline(1), "b", AFIO_TRUNCATED);
	expect_text(&rig, readline(1), "\n", 0);
	expect_text(&rig, readline(1), "\n", 0);
	expect_text(&rig, readline(2), "c", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_at_deadline_succeeds_with_part_and_timedout)
{
	int64_t start = now_us();

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, MS(30)), "abc",
		    AFIO_TIMEDOUT);
	expect_elapsed(start, 30);
	put_text(rig.out, "\n");
	expect_text(&rig, readline(0), "\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_full_at_deadline_fails_and_leaves_part)
{
	int64_t start = now_us();

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	expect_error(&rig,
		     af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(30)),
		     -ETIMEDOUT);
	expect_elapsed(start, 30);
	put_text(rig.out, "d\n");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(0)),
		    "abcd\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_nothing_at_deadline_fails_timedout)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, 0, MS(20)),
		     -ETIMEDOUT);
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, 0, MS(0)),
		     -ETIMEDOUT);
	put_text(rig.out, "a\nb");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, MS(0)), "a\n",
		    0);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, MS(0)), "b",
		    AFIO_TIMEDOUT);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_cancelled_fails_and_leaves_part)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = readline(0);
	put_text(rig.out, "abc");
	turn(&rig);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	put_text(rig.out, "d\n");
	expect_text(&rig, readline(0), "abcd\n", 0);
	rig_close(&rig);
}
END_TEST

/* Unix sockets only: unread bytes the other way make the hang-up an error. */
START_TEST(readline_error_after_part_succeeds_and_the_next_fails)
{
	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	put_text(rig.in, "x");
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	rig_reader(&rig);
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, NULL),
		     -ECONNRESET);
	expect_text(&rig, readline(0), "abc", AFIO_ERROR);
	expect_error(&rig, readline(0), -ECONNRESET);
	rig_close(&rig);
}
END_TEST

START_TEST(readline_nonsense_fails_einval)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	expect_error(&rig, af_file_readline(NULL, 0, 0, 0, NULL), -EINVAL);
	expect_error(&rig,
		     af_file_readline(rig.reader, 0, 0, AFIO_BORROW, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, 0, MS(-1)),
		     -EINVAL);
	expect_error(&rig, af_file_read_until(NULL, "x", 1, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_read_until(rig.reader, "", 0, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_read_until(rig.reader, NULL, 1, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_read_until(rig.reader, "x", 1, 0, 1u << 31, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_read_until(rig.reader, "x", 1, 0, 0, MS(-1)),
		     -EINVAL);
	rig_close(&rig);
}
END_TEST

/* The newline at each offset around where buffers end. */
START_TEST(readline_newline_around_buffer_ends_brings_the_line)
{
	static const size_t middles[] = { 4096, 8192, 65536, 131072 };
	char *line = malloc(131072 + 10);

	rig_open(&rig, _i);
	rig_reader(&rig);
	memset(line, 'x', 131072 + 10);
	for (size_t i = 0; i < 4; i++) {
		for (size_t len = middles[i] - 2; len <= middles[i] + 2;
		     len++) {
			memcpy(line + len - 1, "\nab\n", 4);
			feed(&rig, line, len + 3, false);
			expect_bytes(&rig, readline(0), line, len, 0);
			expect_text(&rig, readline(0), "ab\n", 0);
			memset(line + len - 1, 'x', 4);
		}
	}
	rig_close(&rig);
	free(line);
}
END_TEST

START_TEST(readline_longer_than_announced_brings_the_line)
{
	const size_t len = 300000;
	char *line = malloc(len);

	memset(line, 'x', len);
	line[len - 1] = '\n';
	rig_open(&rig, _i);
	rig_reader(&rig);
	feed(&rig, line, len, false);
	expect_bytes(&rig, af_file_readline(rig.reader, 0, 70000, 0, NULL),
		     line, len, 0);
	rig_close(&rig);
	free(line);
}
END_TEST

START_TEST(read_until_a_delimiter_beyond_memory_fails_enomem)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	expect_error(&rig,
		     af_file_read_until(rig.reader, "x", SIZE_MAX, 0, 0, NULL),
		     -ENOMEM);
	rig_close(&rig);
}
END_TEST

/* Lines of 0, 1, 2... bytes; what sizehint says must not matter. */
START_TEST(readline_many_lines_brings_each_whatever_the_hint)
{
	static const size_t hints[] = { 0, 1, 100, (size_t)-1 };
	const size_t lines = 700;
	char *text = malloc(lines * (lines + 1) / 2), *p = text;

	for (size_t len = 0; len < lines; len++) {
		memset(p, 'a' + (int)(len % 26), len);
		p += len;
		*p++ = '\n';
	}
	rig_open(&rig, _i);
	rig_reader(&rig);
	feed(&rig, text, (size_t)(p - text), true);
	p = text;
	for (size_t len = 1; len <= lines; p += len++)
		expect_bytes(&rig,
			     af_file_readline(rig.reader, 0, hints[len % 4], 0,
					      NULL),
			     p, len, 0);
	expect_text(&rig, readline(0), "", AFIO_EOF);
	rig_close(&rig);
	free(text);
}
END_TEST

START_TEST(read_until_delimiter_in_two_reads_is_found)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = read_until("\r\n");
	put_text(rig.out, "ab\r");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	put_text(rig.out, "\ncd\re\r\n");
	expect_text(&rig, f, "ab\r\n", 0);
	expect_text(&rig, read_until("\r\n"), "cd\re\r\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_delimiter_split_anywhere_is_found)
{
	char delim[64], text[64 + 2];

	rig_open(&rig, _i);
	rig_reader(&rig);
	memset(delim, '=', sizeof delim);
	delim[63] = '!';
	text[0] = 'a';
	memcpy(text + 1, delim, sizeof delim);
	text[65] = 'z';
	for (size_t split = 1; split < 65; split++) {
		struct af_future *f = af_file_read_until(
			rig.reader, delim, sizeof delim, 0, 0, NULL);

		put(rig.out, text, split);
		turn(&rig);
		ck_assert(!af_future_is_done(f));
		put(rig.out, text + split, sizeof text - split);
		expect_bytes(&rig, f, text, 65, 0);
		expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "z", 0);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_delimiter_that_repeats_itself_is_found)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "aaabaaaaabaabababac-xx-x--xxx;");
	expect_text(&rig, read_until("aab"), "aaab", 0);
	expect_text(&rig, read_until("aab"), "aaaaab", 0);
	expect_text(&rig, read_until("abac"), "aabababac", 0);
	expect_text(&rig, read_until("-x--x"), "-xx-x--x", 0);
	expect_text(&rig, read_until(";"), "xx;", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_delimiter_is_copied_and_may_hold_nul)
{
	char delim[] = { 'b', '\0', 'c' };
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = af_file_read_until(rig.reader, delim, sizeof delim, 0, 0, NULL);
	memset(delim, 'a', sizeof delim);
	put(rig.out, "aaab\0\0b\0cd", 10);
	expect_text(&rig, f, "aaab\0\0b\0c", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_size_below_delimiter_comes_in_pieces)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abcdef--");
	expect_text(&rig, af_file_read_until(rig.reader, "--", 2, 1, 0, NULL),
		    "a", AFIO_TRUNCATED);
	expect_text(&rig,
		    af_file_read_until(rig.reader, "-----", 5, 3, 0, NULL),
		    "bcd", AFIO_TRUNCATED);
	expect_text(&rig, af_file_read_until(rig.reader, "--", 2, 4, 0, NULL),
		    "ef--", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_ends_as_readline_does)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "ab-");
	expect_error(
		&rig,
		af_file_read_until(rig.reader, "--", 2, 0, AFIO_FULL, MS(20)),
		-ETIMEDOUT);
	expect_text(&rig, af_file_read_until(rig.reader, "--", 2, 0, 0, MS(20)),
		    "ab", AFIO_TIMEDOUT);
	/* The delimiter that has begun stays together. */
	expect_error(&rig,
		     af_file_read_until(rig.reader, "--", 2, 0, 0, MS(20)),
		     -ETIMEDOUT);
	put_text(rig.out, "-c-");
	rig_hang_up(&rig);
	expect_text(&rig, read_until("--"), "--", 0);
	expect_text(&rig, read_until("--"), "c-", AFIO_EOF);
	expect_text(&rig, read_until("--"), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

/*
 * A model of reading in pieces: they are the text; put together up to one that
 * is not truncated they are its records; and none is longer than it may be, but
 * for a delimiter alone.
 */
struct pieces {
	const char *text, *delim;
	size_t size, done, record;
	bool ended;
};

static void check_piece(struct pieces *p, const struct af_future *f)
{
	const char *from = p->text + p->record, *end = strstr(from, p->delim);
	unsigned flags = af_future_flags(f);
	const char *data;
	size_t len = 0;

	data = af_future_data(f, &len);
	ck_assert_ptr_nonnull(data);
	ck_assert(strncmp(p->text + p->done, data, len) == 0);
	p->done += len;
	if (p->size && len > p->size)
		ck_assert_str_eq(data, p->delim);
	if (flags == AFIO_TRUNCATED) {
		ck_assert_uint_gt(len, 0);
		ck_assert(!end || p->text + p->done <= end);
		return;
	}
	ck_assert_int_eq(flags, end ? 0 : AFIO_EOF);
	p->ended = !end;
	p->record = end ? (size_t)(end - p->text) + strlen(p->delim)
			: strlen(p->text);
	ck_assert_uint_eq(p->done, p->record);
}

/* Reads what there is; at the end, all. */
static void read_pieces(struct pieces *p, bool at_end)
{
	struct af_future *f;
	int r = 0;

	while (r == 0 && !p->ended) {
		f = af_file_read_until(rig.reader, p->delim, strlen(p->delim),
				       p->size, AFIO_FULL,
				       at_end ? NULL : MS(0));
		r = af_await(f);
		if (r == 0)
			check_piece(p, f);
		af_future_unref(f);
	}
	ck_assert_int_eq(r, at_end ? 0 : -ETIMEDOUT);
}

static void play_pieces(const char *text, const char *delim, size_t size,
			size_t step)
{
	struct pieces p = { .text = text, .delim = delim, .size = size };
	size_t len = strlen(text), n;

	rig_open(&rig, WAY(KIND_PIPE, 0));
	rig_reader(&rig);
	for (size_t at = 0; at < len; at += n) {
		n = len - at < step ? len - at : step;
		put(rig.out, text + at, n);
		read_pieces(&p, false);
	}
	rig_hang_up(&rig);
	read_pieces(&p, true);
	ck_assert_uint_eq(p.done, len);
	rig_close(&rig);
}

START_TEST(read_until_pieces_never_split_a_delimiter)
{
	static const char *const delims[] = { "a",	"ab",	   "aa",
					      "aab",	"aba",	   "abab",
					      "aabaab", "abcabca", "aaaaaaaa" };
	unsigned random = 1;
	char text[41];

	for (int round = 0; round < 6; round++) {
		for (size_t i = 0; i < sizeof(text) - 1; i++) {
			random = random * 1103515245 + 12345;
			text[i] = "aaabbc"[(random >> 16) % 6];
		}
		text[sizeof(text) - 1] = '\0';
		for (size_t d = 0; d < sizeof(delims) / sizeof(*delims); d++)
			for (size_t size = 0; size <= 9; size++)
				play_pieces(text, delims[d], size,
					    round % 3 ? (size_t)round : 41);
	}
	for (size_t size = 1; size <= 6; size++)
		play_pieces("abc\r\nde\r\nf\r\n", "\r\n", size, 20);
}
END_TEST

/* Nothing is lost, and what has a size is not limited. */
START_TEST(limit_passed_fails_emsgsize_and_leaves_the_bytes)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	put_text(rig.out, "12345\n1234\n");
	expect_error(&rig, readline(0), -EMSGSIZE);
	expect_error(&rig, read_until("--"), -EMSGSIZE);
	expect_error(&rig, af_file_read(rig.reader, 0, 0, NULL), -EMSGSIZE);
	expect_text(&rig, readline(6), "12345\n", 0);
	expect_text(&rig, readline(0), "1234\n", 0);
	put_text(rig.out, "12345");
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(5)),
		     -ETIMEDOUT);
	rig_hang_up(&rig);
	expect_text(&rig, readline(0), "12345", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static void *set_elsewhere(void *arg)
{
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 7), -EPERM);
	return arg;
}

START_TEST(limit_of_the_loop_is_what_its_files_begin_with)
{
	pthread_t thread;

	rig_open(&rig, _i);
	ck_assert_uint_eq(af_loop_file_limit(rig.loop), 0);
	ck_assert_int_eq(af_loop_set_file_limit(NULL, 5), -EINVAL);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, SIZE_MAX), -EINVAL);
	pthread_create(&thread, NULL, set_elsewhere, NULL);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(af_loop_file_limit(NULL), 0);
	ck_assert_uint_eq(af_loop_file_limit(rig.loop), 0);
	rig_writer(&rig);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 5), 0);
	ck_assert_uint_eq(af_loop_file_limit(rig.loop), 5);
	rig_reader(&rig);
	/* What is made keeps its limit. */
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 0), 0);
	expect_count(&rig,
		     af_file_write(rig.writer, "12345\n1234\n", 11, AFIO_FULL,
				   NULL),
		     11, 0);
	expect_error(&rig, readline(0), -EMSGSIZE);
	expect_text(&rig, readline(6), "12345\n", 0);
	expect_text(&rig, readline(0), "1234\n", 0);
	rig_close(&rig);
}
END_TEST

static int no_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)flags;
	*(size_t *)arg += len;
	return 0;
}

START_TEST(limit_of_all_there_can_be_is_invalid_and_changes_nothing)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	ck_assert_int_eq(af_file_set_limit(rig.reader, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(af_file_set_limit(NULL, 5), -EINVAL);
	ck_assert_uint_eq(af_file_limit(rig.reader), 5);
	put_text(rig.out, "123456\n");
	expect_error(&rig, readline(0), -EMSGSIZE);
	ck_assert_int_eq(af_file_set_limit(rig.reader, SIZE_MAX - 1), 0);
	expect_text(&rig, readline(0), "123456\n", 0);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 0), 0);
	ck_assert_uint_eq(af_file_limit(rig.reader), 0);
	put_text(rig.out, "1\n");
	expect_text(&rig, readline(0), "1\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(limit_passed_by_a_line_of_each_fails_emsgsize)
{
	size_t seen = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	ck_assert_int_eq(af_file_set_limit(NULL, 5), -EINVAL);
	put_text(rig.out, "1\n2\n345678");
	check_outcome(__FILE__, __LINE__, &rig,
		      af_file_each_line(rig.reader, no_line, &seen), -EMSGSIZE,
		      4, 0);
	ck_assert_uint_eq(seen, 4);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 0), 0);
	rig_hang_up(&rig);
	expect_text(&rig, readline(0), "345678", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/readline");
	TCase *tc = test_case(s, "outcomes");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(readline_lines_there_succeeds_with_each);
	ADD(readline_in_pieces_succeeds_with_the_whole);
	ADD(readline_unterminated_at_eof_succeeds_with_eof);
	ADD(readline_terminated_before_eof_succeeds_without_eof);
	ADD(readline_longer_than_size_comes_in_pieces);
	ADD(readline_of_just_size_at_the_end_is_truncated);
	ADD(readline_size_one_comes_in_bytes);
	ADD(readline_at_deadline_succeeds_with_part_and_timedout);
	ADD(readline_full_at_deadline_fails_and_leaves_part);
	ADD(readline_nothing_at_deadline_fails_timedout);
	ADD(readline_cancelled_fails_and_leaves_part);
	tcase_add_loop_test(
		tc, readline_error_after_part_succeeds_and_the_next_fails, 0,
		DRIVE_COUNT);
	ADD(readline_nonsense_fails_einval);

	tc = test_case(s, "lines");
	ADD(readline_keeps_carriage_return_and_nul);
	ADD(readline_newline_around_buffer_ends_brings_the_line);
	ADD(readline_many_lines_brings_each_whatever_the_hint);

	tc = test_case(s, "delimiters");
	ADD(read_until_delimiter_in_two_reads_is_found);
	ADD(read_until_delimiter_split_anywhere_is_found);
	ADD(read_until_delimiter_that_repeats_itself_is_found);
	ADD(read_until_delimiter_is_copied_and_may_hold_nul);
	ADD(read_until_size_below_delimiter_comes_in_pieces);
	ADD(read_until_ends_as_readline_does);
	ADD(limit_passed_fails_emsgsize_and_leaves_the_bytes);
	ADD(limit_of_all_there_can_be_is_invalid_and_changes_nothing);
	ADD(limit_passed_by_a_line_of_each_fails_emsgsize);
	ADD(limit_of_the_loop_is_what_its_files_begin_with);
	tcase_add_test(tc, read_until_pieces_never_split_a_delimiter);
	tcase_add_loop_test(tc, readline_longer_than_announced_brings_the_line,
			    0, EVERY_WAY);
	tcase_add_loop_test(tc,
			    read_until_a_delimiter_beyond_memory_fails_enomem,
			    0, DRIVE_COUNT);
	return s;
}
