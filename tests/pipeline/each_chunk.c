/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_pipe_each_chunk(), where it differs from af_pipe_each_line(): the
 * pieces that it hands out.
 */
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"

#define MIB ((size_t)1 << 20)

static struct rig rig;
static struct af_pipe *chain;

static struct {
	char text[3][64]; /* by stage, of stderr; 2: stdout */
	size_t out;	  /* bytes of stdout, a pattern */
	unsigned calls;
	int returns;
} got;

static void open_chain(int driver, const char *const *const stages[],
		       const struct af_spawn_options *options)
{
	memset(&got, 0, sizeof got);
	rig_open(&rig, driver);
	chain = start_chain(&rig, stages, options);
}

static void close_chain(void)
{
	af_pipe_close(chain);
	rig_close(&rig);
}

/* The time is not known better than that. */
static void check_chunk(const struct af_line *chunk, void *arg)
{
	ck_assert_ptr_eq(arg, &got);
	ck_assert_uint_gt(chunk->len, 0);
	ck_assert_uint_le(chunk->len, AFIO_MAX_LINE);
	ck_assert_uint_eq(chunk->flags, 0);
	ck_assert_int_gt(chunk->time.tv_sec, 0);
	got.calls++;
}

static int take_text(const struct af_line *chunk, void *arg)
{
	int i = chunk->stream == 1 ? 2 : chunk->stage;

	check_chunk(chunk, arg);
	ck_assert_uint_lt(strlen(got.text[i]) + chunk->len, 64);
	strncat(got.text[i], chunk->data, chunk->len);
	return got.returns;
}

static int take_pattern(const struct af_line *chunk, void *arg)
{
	check_chunk(chunk, arg);
	ck_assert_int_eq(chunk->stream, 1);
	ck_assert_uint_eq(pattern_match(chunk->data, chunk->len, got.out),
			  chunk->len);
	got.out += chunk->len;
	return 0;
}

static struct af_future *each(af_line_fn fn)
{
	return af_pipe_each_chunk(chain, fn, &got);
}

/* What has no newline comes at once; whose it is, is known. */
START_TEST(chunk_is_of_its_stage_and_stream)
{
	struct af_future *f;

	open_chain(_i, CHAIN(HELPER("tag", "a"), HELPER("tag", "b")),
		   WITH(IN_OUT_PIPES, .err.kind = AFIO_PIPE_EACH));
	f = each(take_text);
	expect_count(&rig, af_pipe_write(chain, "xyz", 3, AFIO_FULL, NULL), 3,
		     0);
	while (strcmp(got.text[2], "xyz") != 0)
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(af_pipe_close_stdin(chain), 0);
	expect_count(&rig, f, 7, AFIO_EOF);
	ck_assert_str_eq(got.text[0], "a\n");
	ck_assert_str_eq(got.text[1], "b\n");
	close_chain();
}
END_TEST

START_TEST(chunks_are_all_and_in_order)
{
	char number[32];

	snprintf(number, sizeof number, "%zu", 16 * MIB);
	open_chain(_i, CHAIN(HELPER("write", number)), WITH(ALL_PIPES));
	expect_count(&rig, each(take_pattern), 16 * MIB, AFIO_EOF);
	ck_assert_uint_eq(got.out, 16 * MIB);
	ck_assert_uint_ge(got.calls, 16 * MIB / AFIO_MAX_LINE);
	close_chain();
}
END_TEST

START_TEST(chunk_that_stops_or_fails_ends_it)
{
	struct af_future *f;

	open_chain(_i, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	for (int i = 0; i < 2; i++) {
		got.returns = i == 0 ? 1 : -EBADMSG;
		f = each(take_text);
		expect_count(&rig,
			     af_pipe_write(chain, "xyz", 3, AFIO_FULL, NULL), 3,
			     0);
		ck_assert_int_eq(drive(&rig, f), i == 0 ? 0 : -EBADMSG);
		ck_assert_uint_eq(af_future_count(f), 3);
		af_future_unref(f);
	}
	ck_assert_int_eq(af_pipe_close_stdin(chain), 0);
	expect_success(&rig, chain);
	chain = NULL;
	close_chain();
}
END_TEST

START_TEST(chunk_after_a_cancel_stays)
{
	struct af_future *f;

	open_chain(_i, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	f = each(take_text);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_count(&rig, af_pipe_write(chain, "xyz", 3, AFIO_FULL, NULL), 3,
		     0);
	expect_text(&rig, af_pipe_read(chain, 3, AFIO_FULL, NULL), "xyz", 0);
	ck_assert_uint_eq(got.calls, 0);
	expect_error(&rig, af_pipe_each_chunk(NULL, take_text, &got), -EINVAL);
	expect_error(&rig, af_pipe_each_chunk(chain, NULL, &got), -EINVAL);
	f = each(take_text);
	ck_assert_int_eq(af_process_signal(af_pipe_process(chain, 0), SIGKILL),
			 0);
	expect_count(&rig, f, 0, AFIO_EOF);
	close_chain();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/each_chunk");
	TCase *tc = test_case(s, "each chunk");

	tcase_add_loop_test(tc, chunk_is_of_its_stage_and_stream, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, chunks_are_all_and_in_order, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, chunk_that_stops_or_fails_ends_it, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, chunk_after_a_cancel_stays, 0, DRIVE_COUNT);
	return s;
}
