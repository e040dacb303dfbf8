/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_read_until_any(): every row of its outcome table on every kind of
 * descriptor and with every way of waiting, and which text is found, against a
 * model and whatever pieces the input comes in.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/children.h"

static struct rig rig;

#define N_TEXTS(texts) (sizeof(texts) / sizeof(*(texts)))
#define TEXT(text)                                                             \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

static const struct af_text ends[] = { TEXT("$ "), TEXT("login: "),
				       TEXT("\n") };

static struct af_future *read_any(size_t size, unsigned flags,
				  const struct timeval *timeout)
{
	return af_file_read_until_any(rig.reader, ends, N_TEXTS(ends), size,
				      flags, timeout);
}

/* Expects the bytes, and which text it was; -1: none. */
static void expect_match(struct af_future *f, const char *text, unsigned flags,
			 int match)
{
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(af_future_match(f), match);
	ck_assert_int_eq(af_future_status(f), -1);
	expect_bytes(&rig, f, text, strlen(text), flags);
}

static void open_reader(int way)
{
	rig_open(&rig, way);
	rig_reader(&rig);
}

START_TEST(read_until_any_finds_the_first)
{
	struct af_future *f;

	open_reader(_i);
	put_text(rig.out, "one\nlogin: two$ th");
	expect_match(read_any(0, 0, NULL), "one\n", 0, 2);
	expect_match(read_any(0, 0, MS(0)), "login: ", 0, 1);
	expect_match(read_any(0, AFIO_FULL, NULL), "two$ ", 0, 0);
	f = read_any(0, 0, MS(20000));
	put_text(rig.out, "ree$");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(af_future_match(f), -1);
	put_text(rig.out, " x");
	expect_match(f, "three$ ", 0, 0);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "x", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_at_end_of_file_has_the_rest)
{
	open_reader(_i);
	put_text(rig.out, "a$ login:");
	rig_hang_up(&rig);
	expect_match(read_any(0, 0, NULL), "a$ ", 0, 0);
	expect_match(read_any(0, 0, NULL), "login:", AFIO_EOF, -1);
	expect_match(read_any(0, 0, NULL), "", AFIO_EOF, -1);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_longer_than_size_comes_in_pieces)
{
	open_reader(_i);
	put_text(rig.out, "abcdelogin: xy\nz");
	expect_match(read_any(4, 0, NULL), "abcd", AFIO_TRUNCATED, -1);
	expect_match(read_any(4, 0, NULL), "e", AFIO_TRUNCATED, -1);
	expect_match(read_any(4, 0, NULL), "login: ", 0, 1);
	expect_match(read_any(3, 0, NULL), "xy\n", 0, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_at_deadline_keeps_what_has_begun_together)
{
	open_reader(_i);
	put_text(rig.out, "ab login");
	expect_error(&rig, read_any(0, AFIO_FULL, MS(5)), -ETIMEDOUT);
	expect_match(read_any(0, 0, MS(5)), "ab ", AFIO_TIMEDOUT, -1);
	expect_error(&rig, read_any(0, 0, MS(5)), -ETIMEDOUT);
	expect_error(&rig, read_any(0, 0, MS(0)), -ETIMEDOUT);
	put_text(rig.out, ": ");
	expect_match(read_any(0, 0, MS(0)), "login: ", 0, 1);
	expect_error(&rig, read_any(0, 0, MS(5)), -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_cancelled_leaves_the_bytes)
{
	struct af_future *f;

	open_reader(_i);
	f = read_any(0, 0, NULL);
	put_text(rig.out, "ab");
	turn(&rig);
	af_future_cancel(f);
	ck_assert_int_eq(af_future_match(f), -1);
	expect_error(&rig, f, -ECANCELED);
	put_text(rig.out, "$ ");
	expect_match(read_any(0, 0, NULL), "ab$ ", 0, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_error_after_part_succeeds_and_the_next_fails)
{
	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	put_text(rig.in, "x");
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	rig_reader(&rig);
	expect_error(&rig, read_any(0, AFIO_FULL, NULL), -ECONNRESET);
	expect_match(read_any(0, 0, NULL), "abc", AFIO_ERROR, -1);
	expect_error(&rig, read_any(0, 0, NULL), -ECONNRESET);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_past_the_limit_fails_emsgsize)
{
	open_reader(_i);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	put_text(rig.out, "12345\n12$ ");
	expect_error(&rig, read_any(0, 0, NULL), -EMSGSIZE);
	expect_match(read_any(6, 0, NULL), "12345\n", 0, 2);
	expect_match(read_any(0, 0, NULL), "12$ ", 0, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_copies_its_texts)
{
	char first[] = "ab", second[] = "a long text of bytes";
	struct af_text texts[] = { { first, 2 }, { second, 20 } };
	struct af_future *f;

	open_reader(_i);
	f = af_file_read_until_any(rig.reader, texts, 2, 0, 0, NULL);
	memset(first, 'x', 2);
	memset(second, 'x', 20);
	memset(texts, 0, sizeof texts);
	put_text(rig.out, "xx a long text of bytesab");
	expect_match(f, "xx a long text of bytes", 0, 1);
	rig_close(&rig);
}
END_TEST

/* Where a text ends decides, then its length, then its place. */
START_TEST(read_until_any_of_several_takes_the_right_one)
{
	static const struct af_text texts[] = {
		TEXT("c"),   TEXT("bc"), TEXT("bc"), TEXT("abcd"),
		TEXT("xyz"), TEXT("y"),	 TEXT("z"),
	};

	open_reader(_i);
	put_text(rig.out, "abcdxyz");
	for (int i = 0; i < 3; i++) {
		static const char *const found[] = { "abc", "dxy", "z" };
		static const int matches[] = { 1, 5, 6 };

		expect_match(af_file_read_until_any(rig.reader, texts,
						    N_TEXTS(texts), 0, 0, NULL),
			     found[i], 0, matches[i]);
	}
	rig_close(&rig);
}
END_TEST

static struct af_future *pass(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_match(done);
	return NULL;
}

static struct af_future *nothing_more(struct af_future *done, void *arg)
{
	(void)done;
	return af_sleep(arg, MS(0));
}

START_TEST(match_is_passed_on_by_chains_and_groups)
{
	struct af_future *f;
	int match = -1;

	open_reader(_i);
	put_text(rig.out, "a\nb\nc\n");
	f = af_finally(af_then(read_any(0, 0, NULL), pass, &match), pass,
		       &match);
	ck_assert_int_eq(af_future_match(f), -1);
	expect_match(f, "a\n", 0, 2);
	ck_assert_int_eq(match, 2);
	f = read_any(0, 0, NULL);
	expect_match(af_race(rig.loop, &f, 1), "b\n", 0, 2);
	f = af_then(read_any(0, 0, NULL), nothing_more, rig.loop);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(af_future_match(f), -1);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(match_of_another_operation_is_none)
{
	struct af_future *f;

	open_reader(_i);
	put_text(rig.out, "a\n");
	expect_match(af_file_readline(rig.reader, 0, 0, 0, NULL), "a\n", 0, -1);
	put_text(rig.out, "a\n");
	expect_match(af_file_read_until(rig.reader, "a", 1, 0, 0, NULL), "a", 0,
		     -1);
	expect_match(af_file_read(rig.reader, 1, 0, NULL), "\n", 0, -1);
	ck_assert_int_eq(af_future_match(NULL), -1);
	f = af_file_read(NULL, 1, 0, NULL);
	ck_assert_int_eq(af_future_match(f), -1);
	af_future_unref(f);
	f = af_sleep(rig.loop, MS(0));
	ck_assert_int_eq(af_future_match(f), -1);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(read_until_any_with_nonsense_fails_einval)
{
	const struct af_text bad[] = { TEXT("a"), { NULL, 1 }, TEXT("") };

	open_reader(0);
	for (size_t i = 0; i < 3; i++)
		expect_error(&rig,
			     af_file_read_until_any(rig.reader, bad + i,
						    i == 0 ? 3 : 1, 0, 0, NULL),
			     -EINVAL);
	expect_error(&rig, af_file_read_until_any(NULL, ends, 3, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_read_until_any(rig.reader, NULL, 1, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_read_until_any(rig.reader, ends, 0, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_read_until_any(rig.reader, ends,
					    (size_t)INT_MAX + 1, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig, read_any(0, AFIO_BORROW, NULL), -EINVAL);
	expect_error(&rig, read_any(0, 0, MS(-1)), -EINVAL);
	rig_close(&rig);
}
END_TEST

/* What comes after the text stays on the descriptor. */
START_TEST(read_until_any_unbuffered_reads_no_further)
{
	rig_open(&rig, _i);
	rig.reader =
		af_file_new(rig.loop, rig.in, AFIO_UNBUFFERED | AFIO_KEEP_FD);
	put_text(rig.out, "a:b\nlogin: rest");
	expect_match(read_any(0, 0, NULL), "a:b\n", 0, 2);
	expect_match(read_any(0, 0, NULL), "login: ", 0, 1);
	get(rig.in, (char[4]){ 0 }, 4);
	rig_close(&rig);
}
END_TEST

/*
 * A model: what ends the record that begins at an offset of the text. The whole
 * text is known to it, so it does not depend on pieces.
 */
struct play {
	const char *text;
	const struct af_text *texts;
	size_t n, size;
	size_t done, record;
	bool ended;
};

static size_t model_find(const struct play *p, int *ret_match)
{
	size_t len = strlen(p->text), best = 0;

	*ret_match = -1;
	for (size_t end = p->record + 1; end <= len && *ret_match < 0; end++) {
		for (size_t i = 0; i < p->n; i++) {
			const struct af_text *t = &p->texts[i];

			if (t->len <= best || t->len > end - p->record ||
			    memcmp(p->text + end - t->len, t->data, t->len) !=
				    0)
				continue;
			best = t->len;
			*ret_match = (int)i;
		}
		if (*ret_match >= 0)
			return end;
	}
	return len;
}

static void check_piece(struct play *p, const struct af_future *f)
{
	unsigned flags = af_future_flags(f);
	size_t len = 0, end, start;
	const char *bytes;
	int match;

	end = model_find(p, &match);
	start = match < 0 ? end : end - p->texts[match].len;
	bytes = af_future_data(f, &len);
	ck_assert_ptr_nonnull(bytes);
	ck_assert(strncmp(p->text + p->done, bytes, len) == 0);
	p->done += len;
	if (p->size && len > p->size)
		ck_assert(match >= 0 && len == p->texts[match].len);
	if (flags == AFIO_TRUNCATED || flags == AFIO_TIMEDOUT) {
		ck_assert_uint_gt(len, 0);
		ck_assert_uint_le(p->done, start);
		ck_assert_int_eq(af_future_match(f), -1);
		return;
	}
	ck_assert_int_eq(flags, match < 0 ? AFIO_EOF : 0);
	ck_assert_int_eq(af_future_match(f), match);
	ck_assert_uint_eq(p->done, end);
	p->ended = match < 0;
	p->record = end;
}

/* Reads what there is; at the end, all. */
static void read_pieces(struct play *p, unsigned flags, bool at_end)
{
	struct af_future *f;
	int r = 0;

	while (r == 0 && !p->ended) {
		f = af_file_read_until_any(rig.reader, p->texts, p->n, p->size,
					   flags, at_end ? NULL : MS(0));
		r = af_await(f);
		if (r == 0)
			check_piece(p, f);
		af_future_unref(f);
	}
	ck_assert_int_eq(r, at_end ? 0 : -ETIMEDOUT);
}

static void play_pieces(const char *text, const struct af_text *texts, size_t n,
			size_t size, size_t step)
{
	struct play p = { .text = text, .texts = texts, .n = n, .size = size };
	size_t len = strlen(text), piece;

	rig_open(&rig, WAY(KIND_PIPE, 0));
	rig_reader(&rig);
	for (size_t at = 0; at < len; at += piece) {
		piece = len - at < step ? len - at : step;
		put(rig.out, text + at, piece);
		read_pieces(&p, step % 2 ? 0 : AFIO_FULL, false);
	}
	rig_hang_up(&rig);
	read_pieces(&p, 0, true);
	ck_assert_uint_eq(p.done, len);
	rig_close(&rig);
}

static unsigned seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* Of few letters, so that texts overlap and begin one another. */
START_TEST(read_until_any_finds_what_a_model_finds)
{
	char letters[6][9], text[41];
	struct af_text texts[6];

	seed = (unsigned)_i + 1;
	for (int round = 0; round < 400; round++) {
		size_t n = 1 + pick(6);

		for (size_t i = 0; i < n; i++) {
			texts[i].data = letters[i];
			texts[i].len = 1 + pick(pick(2) ? 9 : 4);
			for (size_t k = 0; k < texts[i].len; k++)
				letters[i][k] = "aaabbc"[pick(6)];
		}
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = "aaabbcd"[pick(7)];
		text[sizeof(text) - 1] = '\0';
		play_pieces(text, texts, n, pick(11),
			    pick(4) ? 1 + pick(7) : sizeof text);
	}
}
END_TEST

/* Each byte is looked at once, for each text. */
START_TEST(read_until_any_of_long_texts_by_bytes_is_not_quadratic)
{
	enum { TEXTS = 20, LONG = 3000, BYTES = 40000 };
	char *longest = malloc(LONG), *input = malloc(BYTES);
	struct af_text texts[TEXTS];
	struct af_future *f;

	memset(longest, 'a', LONG);
	memset(input, 'a', BYTES);
	longest[LONG - 1] = 'b';
	for (size_t i = 0; i < TEXTS; i++)
		texts[i] = (struct af_text){ longest + i, LONG - i };
	open_reader(0);
	f = af_file_read_until_any(rig.reader, texts, TEXTS, 0, 0, NULL);
	for (size_t i = 0; i < BYTES; i++) {
		put(rig.out, "a", 1);
		turn(&rig);
	}
	put(rig.out, "b", 1);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(af_future_match(f), 0);
	ck_assert_uint_eq(af_future_count(f), BYTES + 1);
	af_future_unref(f);
	rig_close(&rig);
	free(longest);
	free(input);
}
END_TEST

/* A rare text is not looked for beyond a frequent one each time. */
START_TEST(read_until_any_of_a_rare_text_is_not_quadratic)
{
	const struct af_text texts[] = { TEXT("aaaaaaaZ"), TEXT("\n") };
	const size_t len = (size_t)1 << 20;
	char *input = malloc(len);

	memset(input, 'a', len);
	for (size_t i = 1; i < len; i += 2)
		input[i] = '\n';
	open_reader(0);
	feed(&rig, input, len, true);
	for (size_t i = 0; i < len; i += 2) {
		struct af_future *f = af_file_read_until_any(rig.reader, texts,
							     2, 0, 0, NULL);

		ck_assert_int_eq(drive(&rig, f), 0);
		ck_assert_uint_eq(af_future_count(f), 2);
		ck_assert_int_eq(af_future_match(f), 1);
		af_future_unref(f);
	}
	rig_close(&rig);
	free(input);
}
END_TEST

static void answer(struct af_file *terminal, const char *text)
{
	expect_count(
		&rig,
		af_file_write(terminal, text, strlen(text), AFIO_FULL, NULL),
		strlen(text), 0);
}

/* A dialogue with a program on a terminal. Index: driver, and the password. */
START_TEST(prompts_are_answered_by_what_they_are)
{
	static const char *const argv[] = {
		"sh", "-c",
		"printf 'login: '; read name; printf 'password: '; read word; "
		"if [ $word = right ]; then printf 'hi $ '; read command; "
		"else printf 'denied'; fi",
		NULL
	};
	static const struct af_text prompts[] = { TEXT("login: "),
						  TEXT("password: "),
						  TEXT("$ "), TEXT("denied") };
	const char *const answers[] = { "me\n", _i % 2 ? "right\n" : "no\n",
					"exit\n" };
	struct af_process *process;
	struct af_file *terminal;
	struct af_future *f;
	int match = -1;

	rig_open_loop(&rig, (enum driver)(_i / 2));
	process = start(&rig, argv,
			WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY));
	terminal = af_process_stdout(process);
	while (match < 2) {
		f = af_file_read_until_any(terminal, prompts, 4, 0, 0,
					   MS(20000));
		ck_assert_int_eq(drive(&rig, f), 0);
		ck_assert_int_gt(af_future_match(f), match);
		match = af_future_match(f);
		af_future_unref(f);
		if (match < 3)
			answer(terminal, answers[match]);
	}
	ck_assert_int_eq(match, _i % 2 ? 2 : 3);
	expect_status(&rig, af_process_wait(process, NULL), 0);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/read_until_any");
	TCase *tc = test_case(s, "outcomes");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(read_until_any_finds_the_first);
	ADD(read_until_any_at_end_of_file_has_the_rest);
	ADD(read_until_any_longer_than_size_comes_in_pieces);
	ADD(read_until_any_at_deadline_keeps_what_has_begun_together);
	ADD(read_until_any_cancelled_leaves_the_bytes);
	tcase_add_loop_test(
		tc, read_until_any_error_after_part_succeeds_and_the_next_fails,
		0, DRIVE_COUNT);
	ADD(read_until_any_past_the_limit_fails_emsgsize);
	ADD(read_until_any_copies_its_texts);
	ADD(read_until_any_of_several_takes_the_right_one);
	ADD(match_is_passed_on_by_chains_and_groups);
	ADD(match_of_another_operation_is_none);
	tcase_add_test(tc, read_until_any_with_nonsense_fails_einval);
	ADD(read_until_any_unbuffered_reads_no_further);

	tc = test_case(s, "which");
	tcase_add_loop_test(tc, read_until_any_finds_what_a_model_finds, 0, 8);
	tcase_add_test(tc,
		       read_until_any_of_long_texts_by_bytes_is_not_quadratic);
	tcase_add_test(tc, read_until_any_of_a_rare_text_is_not_quadratic);
	tcase_add_loop_test(tc, prompts_are_answered_by_what_they_are, 0,
			    2 * DRIVE_COUNT);
	return s;
}
