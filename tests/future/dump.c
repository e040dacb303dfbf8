/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dump of a loop: what is pending, on what and for how long, and who waits
 * for whom. Its format is free; what must be in it, and in which order, is not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/children.h"
#include "support/contexts.h"

static struct stage stage;
static struct af_file *file;
static int file_out;

static void open_stage(int context)
{
	stage_open(&stage, (enum context)context);
	file = stage_file(&stage, KIND_PIPE, &file_out);
}

static void close_stage(void)
{
	ck_assert_int_eq(af_file_close(file), 0);
	close(file_out);
	stage_close(&stage);
}

/* The dump as a string, to be freed. */
static char *dump(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_int_eq(af_loop_dump(stage.loop, out), 0);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* Finds words, in this order; fails if one is missing. */
#define expect_words(text, ...)                                                \
	check_words(__LINE__, (text),                                          \
		    (const char *const[]){ __VA_ARGS__, NULL })

static void check_words(int line, const char *text, const char *const words[])
{
	const char *at = text;

	for (; *words; words++) {
		at = strstr(at, *words);
		ck_assert_msg(at, "line %d: no \"%s\" in its place in\n%s",
			      line, *words, text);
		at += strlen(*words);
	}
}

START_TEST(dump_of_nonsense_fails_einval)
{
	open_stage(TOP_OWN);
	ck_assert_int_eq(af_loop_dump(NULL, stderr), -EINVAL);
	ck_assert_int_eq(af_loop_dump(stage.loop, NULL), -EINVAL);
	close_stage();
}
END_TEST

START_TEST(dump_that_cannot_be_written_fails_eio)
{
	FILE *full = fopen("/dev/full", "we");
	struct af_future *f;

	ck_assert_ptr_nonnull(full);
	setvbuf(full, NULL, _IONBF, 0);
	open_stage(TOP_OWN);
	f = af_file_read(file, 1, 0, NULL);
	ck_assert_int_eq(af_loop_dump(stage.loop, full), -EIO);
	fclose(full);
	af_future_unref(f);
	close_stage();
}
END_TEST

START_TEST(dump_of_an_idle_loop_is_empty)
{
	char *text;

	open_stage(TOP_OWN);
	text = dump();
	ck_assert_str_eq(text, "");
	free(text);
	close_stage();
}
END_TEST

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

static void ignore(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
}

/* Every operation once, with its descriptor or process. */
START_TEST(dump_names_operations_and_who_waits_for_them)
{
	char on_fd[32], on_process[32], *text;
	struct af_process *child;
	struct af_future *read, *wait, *made;

	open_stage(_i);
	child = af_spawn(stage.loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE));
	read = af_file_read(file, 1, 0, MS(50000));
	af_on_done(af_then(af_future_ref(read), pass, NULL), ignore, NULL);
	wait = af_process_wait(child, NULL);
	made = af_future_new(stage.loop, NULL, NULL);
	snprintf(on_fd, sizeof on_fd, "fd %d", af_file_fd(file));
	snprintf(on_process, sizeof on_process, "process %d",
		 (int)af_process_pid(child));
	text = dump();
	expect_words(text, "read", on_fd, " left", "for ", "\n", "chain", "\n",
		     "done callback\n", "wait", on_process, "\n");
	ck_assert_ptr_eq(strstr(strstr(text, on_fd) + 1, on_fd), NULL);
	ck_assert_ptr_null(strstr(text, "waiting for"));
	free(text);
	af_future_resolve(made, NULL, NULL);
	af_process_close_stdin(child);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await(read), 0);
	ck_assert_int_eq(af_await(wait), 0);
	text = dump();
	ck_assert_str_eq(text, "");
	free(text);
	af_future_unref(read);
	af_future_unref(wait);
	af_future_unref(made);
	af_process_free(child);
	close_stage();
}
END_TEST

/* Also of those that have no deadline any more. */
START_TEST(dump_of_stops_says_since_when)
{
	struct af_future *stop, *stop_pipe;
	struct af_process *child;
	struct af_pipe *pipe;
	char *text;

	open_stage(TOP_OWN);
	child = af_spawn(stage.loop, HELPER("pause"), NULL);
	pipe = af_pipe_spawn(stage.loop, CHAIN(HELPER("pause")), NULL);
	stop = af_process_stop(child, MS(0));
	stop_pipe = af_pipe_stop(pipe, MS(0));
	text = dump();
	expect_words(text, "stop for process", ", for ", "\npipe stop, for ");
	ck_assert_ptr_null(strstr(text, "for -"));
	free(text);
	ck_assert_int_eq(af_await(stop), 0);
	ck_assert_int_eq(af_await(stop_pipe), 0);
	af_future_unref(stop);
	af_future_unref(stop_pipe);
	af_process_free(child);
	af_pipe_close(pipe);
	close_stage();
}
END_TEST

static int on_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return 0;
}

static ssize_t give_zeroes(void *buf, size_t len, void *arg)
{
	(void)arg;
	memset(buf, 0, len);
	return (ssize_t)len;
}

/* Of two socket pairs, the files of one end each, and the other ends. */
static void open_two(struct af_file *files[2], int ends[2])
{
	for (int i = 0; i < 2; i++)
		files[i] = stage_file(&stage, KIND_SOCKETPAIR, &ends[i]);
}

static void close_two(struct af_file *files[2], int ends[2])
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		close(ends[i]);
	}
}

/* Lets what is there be moved, which takes a few turns. */
static void settle(void)
{
	for (int i = 0; i < 10; i++) {
		struct af_future *f = af_sleep(stage.loop, MS(1));

		ck_assert_int_eq(af_await(f), 0);
		af_future_unref(f);
	}
}

static void drop_canceled(struct af_future *f)
{
	af_future_cancel(f);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
}

START_TEST(dump_says_how_far_reads_are)
{
	struct af_future *each, *peek, *both, *hangup;
	struct af_file *files[2], *talkers[2];
	int ends[2], talking[2];
	char *text;

	open_stage(TOP_OWN);
	open_two(files, ends);
	open_two(talkers, talking);
	put_text(file_out, "ab\nc");
	each = af_file_each_line(file, on_piece, NULL);
	put_text(ends[0], "de");
	peek = af_file_peek(files[0], 9, NULL);
	hangup = af_file_hangup(files[1]);
	both = af_file_copy_both(talkers[0], talkers[1], NULL);
	put_text(talking[0], "fgh");
	put_text(talking[1], "ij");
	settle();
	text = dump();
	expect_words(text, "each fd ", ", 3 bytes so far", "\npeek fd ",
		     ", 2 bytes there", "\nhangup fd ", "\n");
	expect_words(text, "copy both", ", 5 bytes so far", "\n");
	free(text);
	drop_canceled(each);
	drop_canceled(peek);
	drop_canceled(hangup);
	drop_canceled(both);
	close_two(files, ends);
	close_two(talkers, talking);
	close_stage();
}
END_TEST

START_TEST(dump_says_how_far_writes_are)
{
	const struct af_communicate_options options = {
		.input_kind = AFIO_INPUT_CALLBACK,
		.input_fn = give_zeroes,
	};
	struct af_future *write, *fed, *stop;
	struct af_file *files[2];
	struct af_pipe *pipe;
	char *text;
	int ends[2];

	open_stage(TOP_OWN);
	open_two(files, ends);
	stuff(af_file_fd(files[0]));
	write = af_file_write(files[0], "abc", 3, 0, NULL);
	pipe = af_pipe_spawn(stage.loop, CHAIN(HELPER("pause")),
			     WITH(.in.kind = AFIO_PIPE));
	ck_assert_ptr_nonnull(pipe);
	fed = af_pipe_communicate(pipe, &options);
	settle();
	text = dump();
	expect_words(text, "write fd ", ", 3 bytes left", "\n");
	expect_words(text, "feed fd ", " bytes so far", "\n");
	free(text);
	drop_canceled(write);
	drop_canceled(fed);
	stop = af_pipe_stop(pipe, MS(0));
	ck_assert_int_eq(af_await(stop), 0);
	af_future_unref(stop);
	af_pipe_close(pipe);
	close_two(files, ends);
	close_stage();
}
END_TEST

START_TEST(dump_after_a_deadline_says_that_nothing_is_left)
{
	struct af_future *f;
	char *text;

	open_stage(TOP_OWN);
	f = af_file_read(file, 1, 0, MS(1));
	spin(2);
	text = dump();
	expect_words(text, "read fd ", ", 0.000 s left");
	free(text);
	ck_assert_int_eq(af_await(f), -ETIMEDOUT);
	af_future_unref(f);
	close_stage();
}
END_TEST

START_TEST(dump_of_a_long_chain_ends_soon)
{
	struct af_future *f;
	char *text;

	open_stage(TOP_OWN);
	f = af_file_read(file, 1, 0, NULL);
	for (int i = 0; i < 100; i++)
		f = af_then(f, pass, NULL);
	text = dump();
	expect_words(text, "read fd ", "chain", "chain", "and so on\n");
	ck_assert_uint_lt(strlen(text), 400);
	free(text);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	close_stage();
}
END_TEST

/* The waits on the stack, the innermost first, and the chain that is running */
static char *nested_dump;

static struct af_future *dump_inside(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	nested_dump = dump();
	put_text(file_out, "x");
	return NULL;
}

static void wait_inside(struct af_future *done, void *arg)
{
	struct af_future *f =
		af_then(af_sleep(stage.loop, MS(1)), dump_inside, NULL);

	(void)done;
	(void)arg;
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

static void wait_outside(void *arg)
{
	struct af_future *f = af_file_read(file, 1, 0, NULL);

	(void)arg;
	af_on_done(af_sleep(stage.loop, MS(0)), wait_inside, NULL);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(dump_inside_waits_names_them)
{
	char on_fd[32];

	open_stage(_i);
	snprintf(on_fd, sizeof on_fd, "fd %d", af_file_fd(file));
	stage_play(&stage, wait_outside, NULL);
	expect_words(nested_dump, "read", on_fd, "waiting for ", "chain",
		     "running", "\n", "below it ", "read", on_fd);
	free(nested_dump);
	close_stage();
}
END_TEST

static struct af_future *outside;

/* What the wait outside waits for is done meanwhile. */
static void wait_until_it_is_done(struct af_future *done, void *arg)
{
	struct af_future *f;

	(void)done;
	(void)arg;
	put_text(file_out, "x");
	while (!af_future_is_done(outside)) {
		f = af_sleep(stage.loop, MS(1));
		ck_assert_int_eq(af_await(f), 0);
		af_future_unref(f);
	}
	nested_dump = dump();
}

static void wait_for_a_byte(void *arg)
{
	(void)arg;
	outside = af_file_read(file, 1, 0, NULL);
	af_on_done(af_sleep(stage.loop, MS(0)), wait_until_it_is_done, NULL);
	ck_assert_int_eq(af_await(outside), 0);
	af_future_unref(outside);
}

START_TEST(dump_inside_a_wait_that_is_over_says_done)
{
	open_stage(_i);
	stage_play(&stage, wait_for_a_byte, NULL);
	expect_words(nested_dump, "waiting for read, done", "\n");
	free(nested_dump);
	close_stage();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/dump");
	TCase *tc = test_case(s, "dump");

	tcase_add_test(tc, dump_of_nonsense_fails_einval);
	tcase_add_test(tc, dump_that_cannot_be_written_fails_eio);
	tcase_add_test(tc, dump_of_an_idle_loop_is_empty);
	tcase_add_loop_test(tc, dump_names_operations_and_who_waits_for_them, 0,
			    CONTEXT_COUNT);
	tcase_add_test(tc, dump_of_stops_says_since_when);
	tcase_add_test(tc, dump_says_how_far_reads_are);
	tcase_add_test(tc, dump_says_how_far_writes_are);
	tcase_add_test(tc, dump_after_a_deadline_says_that_nothing_is_left);
	tcase_add_test(tc, dump_of_a_long_chain_ends_soon);
	tcase_add_loop_test(tc, dump_inside_waits_names_them, 0, CONTEXT_COUNT);
	tcase_add_loop_test(tc, dump_inside_a_wait_that_is_over_says_done, 0,
			    CONTEXT_COUNT);
	return s;
}
