/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Continuations: which are called, when, in what order, with whose outcome;
 * and chains that are cancelled, dropped, or very long.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "support/harness.h"

#define LONG_CHAIN 1000000

static struct rig rig;
static char calls[100]; /* a letter for each continuation that was called */

static void open_reader(int way)
{
	rig_open(&rig, way);
	rig_reader(&rig);
}

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

static struct af_future *read_full(size_t size)
{
	return af_file_read(rig.reader, size, AFIO_FULL, NULL);
}

/* A future that is done: it succeeded with nothing, or failed. */
static struct af_future *succeeded(void)
{
	return af_file_write(rig.writer, NULL, 0, 0, NULL);
}

static struct af_future *failed(void)
{
	return af_file_read(NULL, 0, 0, NULL);
}

static void note(const char *letter)
{
	strcat(calls, letter);
}

/* Continuations: each notes its letter. */
static void note_done(struct af_future *done, void *arg)
{
	ck_assert(af_future_is_done(done));
	note(arg);
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	note_done(done, arg);
	return NULL;
}

static struct af_future *read_more(struct af_future *done, void *arg)
{
	note_done(done, arg);
	return read_full(3);
}

static struct af_future *fail_too(struct af_future *done, void *arg)
{
	note_done(done, arg);
	return failed();
}

static struct af_future *succeed(struct af_future *done, void *arg)
{
	note_done(done, arg);
	return succeeded();
}

/* Runs what is left, and compares who was called. */
static void expect_calls(const char *letters)
{
	turn(&rig);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_str_eq(calls, letters);
	calls[0] = '\0';
}

START_TEST(then_after_success_is_called)
{
	open_reader(_i);
	put_text(rig.out, "abc");
	expect_text(&rig, af_then(read_some(9), pass, "t"), "abc", 0);
	expect_calls("t");
	rig_close(&rig);
}
END_TEST

START_TEST(then_after_failure_is_passed_by)
{
	open_reader(_i);
	expect_error(&rig,
		     af_then(af_file_read(rig.reader, 9, 0, MS(0)), pass, "t"),
		     -ETIMEDOUT);
	expect_error(&rig, af_then(failed(), pass, "t"), -EINVAL);
	expect_error(&rig, af_then(NULL, pass, "t"), -EINVAL);
	expect_calls("");
	rig_close(&rig);
}
END_TEST

START_TEST(catch_after_failure_is_called)
{
	open_reader(_i);
	expect_error(&rig,
		     af_catch(af_file_read(rig.reader, 9, 0, MS(0)), pass, "c"),
		     -ETIMEDOUT);
	expect_error(&rig, af_catch(failed(), pass, "d"), -EINVAL);
	expect_calls("cd");
	rig_close(&rig);
}
END_TEST

START_TEST(catch_after_success_is_passed_by)
{
	open_reader(_i);
	put_text(rig.out, "abc");
	expect_text(&rig, af_catch(read_some(9), pass, "c"), "abc", 0);
	expect_calls("");
	rig_close(&rig);
}
END_TEST

START_TEST(finally_is_called_after_either)
{
	open_reader(_i);
	put_text(rig.out, "abc");
	expect_text(&rig, af_finally(read_some(9), pass, "f"), "abc", 0);
	expect_error(
		&rig,
		af_finally(af_file_read(rig.reader, 9, 0, MS(0)), pass, "g"),
		-ETIMEDOUT);
	expect_calls("fg");
	rig_close(&rig);
}
END_TEST

START_TEST(chain_takes_outcome_of_returned_future)
{
	open_reader(_i);
	put_text(rig.out, "abcdef");
	expect_text(&rig, af_then(read_full(3), read_more, "a"), "def", 0);
	put_text(rig.out, "abcd");
	rig_hang_up(&rig);
	expect_text(&rig, af_then(read_full(3), read_more, "b"), "d", AFIO_EOF);
	expect_error(&rig, af_then(read_full(3), fail_too, "c"), -EINVAL);
	expect_calls("abc");
	rig_close(&rig);
}
END_TEST

START_TEST(chain_may_turn_failure_into_success)
{
	open_reader(_i);
	rig_writer(&rig);
	expect_count(&rig, af_catch(failed(), succeed, "a"), 0, 0);
	expect_count(&rig,
		     af_then(af_catch(af_file_read(rig.reader, 9, 0, MS(0)),
				      succeed, "b"),
			     pass, "c"),
		     0, 0);
	expect_calls("abc");
	rig_close(&rig);
}
END_TEST

START_TEST(failure_passes_to_the_next_catch)
{
	struct af_future *f;

	open_reader(_i);
	rig_writer(&rig);
	f = af_then(af_then(af_then(succeeded(), fail_too, "a"), pass, "x"),
		    pass, "y");
	f = af_then(af_catch(af_finally(f, pass, "b"), succeed, "c"), pass,
		    "d");
	expect_count(&rig, f, 0, 0);
	expect_calls("abcd");
	rig_close(&rig);
}
END_TEST

START_TEST(continuations_run_in_the_order_added_and_never_at_once)
{
	struct af_future *f;

	open_reader(_i);
	f = read_some(9);
	af_on_done(af_future_ref(f), note_done, "a");
	af_on_done(af_then(af_future_ref(f), pass, "b"), note_done, "d");
	af_on_done(af_future_ref(f), note_done, "c");
	put_text(rig.out, "abc");
	ck_assert_int_eq(drive(&rig, f), 0);
	expect_calls("abcd");
	/* Nor when it is done already. */
	af_on_done(af_future_ref(f), note_done, "a");
	af_on_done(af_catch(af_future_ref(f), pass, "x"), note_done, "c");
	af_on_done(f, note_done, "b");
	ck_assert_str_eq(calls, "");
	expect_calls("abc");
	rig_close(&rig);
}
END_TEST

START_TEST(unref_of_a_chain_does_not_stop_it)
{
	open_reader(_i);
	af_future_unref(
		af_then(af_then(read_full(3), read_more, "a"), pass, "b"));
	put_text(rig.out, "abcdef");
	expect_calls("ab");
	rig_close(&rig);
}
END_TEST

START_TEST(cancel_of_a_chain_cancels_its_root)
{
	struct af_future *f;

	open_reader(_i);
	f = af_catch(af_then(read_full(9), pass, "x"), pass, "a");
	f = af_finally(f, pass, "b");
	put_text(rig.out, "abc");
	turn(&rig);
	af_future_cancel(f);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_calls("ab");
	expect_text(&rig, read_some(9), "abc", 0);
	rig_close(&rig);
}
END_TEST

static void note_later(struct af_future *done, void *arg)
{
	(void)done;
	*(bool *)arg = true;
}

/* The continuation has run: what it returned is the operation at the root. */
START_TEST(cancel_of_a_chain_under_way_cancels_what_is_pending)
{
	struct af_future *first, *f;
	bool under_way = false;

	open_reader(_i);
	first = read_full(3);
	f = af_finally(af_then(af_future_ref(first), read_more, "a"), pass,
		       "b");
	af_on_done(af_future_ref(first), note_later, &under_way);
	put_text(rig.out, "abcd");
	expect_text(&rig, first, "abc", 0);
	while (!under_way)
		turn(&rig);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_calls("ab");
	expect_text(&rig, read_some(9), "d", 0);
	rig_close(&rig);
}
END_TEST

static void count_done(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	++*(int *)arg;
}

START_TEST(chain_of_no_function_fails_einval)
{
	rig_open(&rig, _i);
	rig_writer(&rig);
	expect_error(&rig, af_then(succeeded(), NULL, NULL), -EINVAL);
	expect_error(&rig, af_catch(failed(), NULL, NULL), -EINVAL);
	expect_error(&rig, af_finally(NULL, NULL, NULL), -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(loop_freed_tells_every_continuation)
{
	struct af_file *stuffed;
	int told = 0, fds[2];

	open_reader(_i);
	make_pair(KIND_PIPE, fds);
	stuff(fds[1]);
	stuffed = af_file_new(rig.loop, fds[1], 0);
	for (int i = 0; i < 10; i++) {
		af_on_done(read_full(9), count_done, &told);
		af_on_done(af_then(read_full(9), pass, "x"), count_done, &told);
		af_on_done(af_file_write(stuffed, "x", 1, 0, MS(10000)),
			   count_done, &told);
	}
	turn(&rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(told, 30);
	ck_assert_str_eq(calls, "");
	ck_assert_int_eq(af_file_close(stuffed), 0);
	ck_assert_int_eq(close(fds[0]), 0);
	rig_close(&rig);
}
END_TEST

static struct af_future *count_link(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
	return NULL;
}

static struct af_future *make_long_chain(int *links)
{
	struct af_future *f = read_full(3);

	for (int i = 0; i < LONG_CHAIN; i++)
		f = af_finally(f, count_link, links);
	return f;
}

START_TEST(long_chain_runs_without_recursion)
{
	struct af_future *f;
	int links = 0;

	open_reader(_i);
	f = make_long_chain(&links);
	put_text(rig.out, "abc");
	expect_text(&rig, f, "abc", 0);
	ck_assert_int_eq(links, LONG_CHAIN);
	rig_close(&rig);
}
END_TEST

START_TEST(long_chain_is_cancelled_without_recursion)
{
	struct af_future *f;
	int links = 0;

	open_reader(_i);
	f = make_long_chain(&links);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(links, LONG_CHAIN);
	rig_close(&rig);
}
END_TEST

START_TEST(long_chain_ends_with_its_loop_without_recursion)
{
	struct af_future *f;
	int links = 0;

	open_reader(_i);
	f = make_long_chain(&links);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(links, LONG_CHAIN);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* A loop written as a continuation that returns its own next round. */
static struct af_future *count_down(struct af_future *done, void *arg)
{
	int *left = arg;

	(void)done;
	if (--*left == 0)
		return NULL;
	return af_then(succeeded(), count_down, left);
}

START_TEST(chain_that_returns_chains_runs_without_recursion)
{
	int left = LONG_CHAIN / 10;

	open_reader(_i);
	rig_writer(&rig);
	expect_count(&rig, af_then(succeeded(), count_down, &left), 0, 0);
	ck_assert_int_eq(left, 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/chain");
	TCase *tc = test_case(s, "outcomes");

/* With each way of waiting, on a pipe. */
#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(then_after_success_is_called);
	ADD(then_after_failure_is_passed_by);
	ADD(catch_after_failure_is_called);
	ADD(catch_after_success_is_passed_by);
	ADD(finally_is_called_after_either);
	ADD(chain_takes_outcome_of_returned_future);
	ADD(chain_may_turn_failure_into_success);
	ADD(failure_passes_to_the_next_catch);
	ADD(continuations_run_in_the_order_added_and_never_at_once);

	tc = test_case(s, "ends");
	ADD(unref_of_a_chain_does_not_stop_it);
	ADD(cancel_of_a_chain_cancels_its_root);
	ADD(cancel_of_a_chain_under_way_cancels_what_is_pending);
	ADD(chain_of_no_function_fails_einval);
	ADD(loop_freed_tells_every_continuation);

	tc = test_case(s, "length");
	ADD(long_chain_runs_without_recursion);
	ADD(long_chain_is_cancelled_without_recursion);
	ADD(long_chain_ends_with_its_loop_without_recursion);
	ADD(chain_that_returns_chains_runs_without_recursion);
	return s;
}
