/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests that af_pipe_communicate() ends with every manner of child and input:
 * with a grandchild that holds a stream, one that reads nothing, and with the
 * standard descriptors closed in the parent.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define MIB ((size_t)1 << 20)

/* A grandchild that holds stdout: it lives until rig.out hangs up. */
START_TEST(communicate_with_grandchild_left_ends_after_linger)
{
	const struct af_output *output;
	struct af_future *f, *wait;
	struct af_pipe *pipe;
	struct rig rig;
	int64_t since;

	rig_open(&rig, _i);
	since = now_us();
	pipe = start_chain(&rig, CHAIN(HELPER("grandchild", "3")),
			   WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE,
				.err.kind = AFIO_PIPE));
	wait = af_process_wait(af_pipe_process(pipe, 0), NULL);
	f = af_pipe_communicate(pipe, HOW(.linger = MS(200)));
	expect_status(&rig, wait, EXITED(3));
	output = outcome(&rig, f, 0, AFIO_TIMEDOUT);
	expect_elapsed(since, 200);
	ck_assert_str_eq(output->out, "x\n");
	ck_assert_int_eq(output->status, EXITED(3));
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* New pipes that are 0, 1 or 2: _i has a bit for each one closed. */
static void communicate_while_closed(bool merged)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(HELPER("tag", "e"), HELPER("cat")),
			   WITH(IN_OUT_PIPES,
				.err.kind = merged ? AFIO_STDOUT : AFIO_PIPE));
	f = af_pipe_communicate(pipe, HOW(MEMORY("text", 4)));
	output = outcome(&rig, f, 0, 0);
	ck_assert_str_eq(output->out, merged ? "e\ntext" : "text");
	ck_assert_str_eq(output->err, merged ? "" : "e\n");
	ck_assert_uint_eq(output->input_taken, 4);
	ck_assert_int_eq(output->status, 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	expect_says(&rig, HELPER("dump-fds"),
		    WITH(.in.kind = AFIO_NULL, .err = TO_FD(rig.out)),
		    "0\n1\n2\n");
	expect_refused(&rig, (const char *const[]){ "./no", NULL },
		       WITH(ALL_PIPES), ENOENT);
	rig_close(&rig);
}

START_TEST(communicate_with_standard_descriptors_closed_works)
{
	int kept[3];

	for (int fd = 0; fd < 3; fd++)
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	for (int fd = 0; fd < 3; fd++)
		if (_i & (1 << fd))
			close(fd);
	communicate_while_closed(false);
	communicate_while_closed(true);
	for (int fd = 0; fd < 3; fd++) {
		ck_assert_int_eq(fcntl(fd, F_GETFD) < 0, (_i & (1 << fd)) != 0);
		dup2(kept[fd], fd);
		close(kept[fd]);
	}
}
END_TEST

/*
 * No hang: each manner of child, with no input, and with
 * an empty and a large one of each kind.
 */
static const struct manner {
	const char *mode, *arg;
	bool echoes, ends;
} manners[] = {
	{ "cat", NULL, true, true },
	{ "slurp", NULL, true, true },
	{ "exit", "0", false, true },
	{ "endless", NULL, false, false },
};

static void expect_manner(const struct manner *manner,
			  const struct af_output *output, const char *data,
			  size_t len)
{
	if (!manner->ends) {
		ck_assert_uint_eq(output->out_len, MIB + 1);
		ck_assert_int_eq(output->status, -1);
		return;
	}
	ck_assert_int_eq(output->status, 0);
	ck_assert_uint_eq(output->out_len, manner->echoes ? len : 0);
	ck_assert_int_eq(memcmp(output->out, data, output->out_len), 0);
	ck_assert_uint_le(output->input_taken, len);
	if (manner->echoes)
		ck_assert_uint_eq(output->input_taken, len);
}

/* An input of some kind: none, or all of data. */
struct source {
	struct af_communicate_options how;
	const char *data;
	size_t left; /* for the function */
	struct af_file *file;
};

static ssize_t give_rest(void *buf, size_t len, void *arg)
{
	struct source *source = arg;

	len = len < source->left ? len : source->left;
	memcpy(buf, source->data, len);
	source->data += len;
	source->left -= len;
	return (ssize_t)len;
}

static void open_source(struct source *source, struct rig *rig,
			enum af_input_kind kind, const char *data, size_t len)
{
	*source = (struct source){ .data = data, .left = len };
	source->how = (struct af_communicate_options){
		.input_kind = kind,
		.input = data,
		.input_len = len,
		.input_fd = open_file("input"),
		.input_fn = give_rest,
		.input_arg = source,
		.max_output = MIB + 1,
	};
	put(source->how.input_fd, data, len);
	lseek(source->how.input_fd, 0, SEEK_SET);
	source->file = af_file_new(rig->loop, source->how.input_fd, 0);
	source->how.input_file = source->file;
}

START_TEST(communicate_with_any_child_and_input_ends)
{
	static const enum af_input_kind kinds[] = { AFIO_INPUT_MEMORY,
						    AFIO_INPUT_FD,
						    AFIO_INPUT_FILE,
						    AFIO_INPUT_CALLBACK };
	const struct manner *manner = &manners[_i % 4];
	int input = _i / 4 % 9; /* two of each kind, and none */
	enum af_input_kind kind =
		input == 8 ? AFIO_INPUT_NONE : kinds[input / 2];
	size_t len = input % 2 ? MIB : 0;
	const struct af_output *output;
	struct source source;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	char *data;
	pid_t pid;

	rig_open(&rig, _i / 36);
	data = malloc(len + 1);
	pattern_fill(data, len, 0);
	open_source(&source, &rig, kind, data, len);
	pipe = start_chain(&rig, CHAIN(HELPER(manner->mode, manner->arg)),
			   WITH(ALL_PIPES));
	pid = af_process_pid(af_pipe_process(pipe, 0));
	f = af_pipe_communicate(pipe, &source.how);
	output = outcome(&rig, f, manner->ends ? 0 : -EMSGSIZE, 0);
	expect_manner(manner, output, data, len);
	af_future_unref(f);
	af_pipe_close(pipe);
	expect_reaped(&rig, pid);
	ck_assert_int_eq(af_file_close(source.file), 0);
	free(data);
	rig_close(&rig);
}
END_TEST

/* EPIPE of a child that needs no more is no failure. */
START_TEST(communicate_with_early_leaver_succeeds)
{
	const size_t len = 10 * MIB;
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	char *data;

	rig_open(&rig, _i);
	data = calloc(1, len);
	pipe = start_chain(&rig, CHAIN(HELPER("sink", "1")), WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(MEMORY(data, len)));
	output = outcome(&rig, f, 0, 0);
	ck_assert_int_eq(output->status, 0);
	ck_assert_uint_ge(output->input_taken, 1);
	ck_assert_uint_lt(output->input_taken, len);
	af_future_unref(f);
	af_pipe_close(pipe);
	free(data);
	rig_close(&rig);
}
END_TEST

static void add_case(Suite *s, const char *name, const TTest *test, int n)
{
	tcase_add_loop_test(scratch_case(s, name), test, 0, n);
}

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/communicate_any_child");

	add_case(s, "grandchild holds stdout",
		 communicate_with_grandchild_left_ends_after_linger,
		 DRIVE_COUNT);
	add_case(s, "standard descriptors closed",
		 communicate_with_standard_descriptors_closed_works, 8);
	add_case(s, "any child and input",
		 communicate_with_any_child_and_input_ends, 36 * DRIVE_COUNT);
	add_case(s, "child needs no input",
		 communicate_with_early_leaver_succeeds, DRIVE_COUNT);
	return s;
}
