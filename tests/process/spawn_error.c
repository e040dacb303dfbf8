/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_spawn_error() and af_spawn_error_step(): which step failed, in the
 * child and in the parent, and what it was about.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/scratch.h"

#define PROGRAM(name) ((const char *const[]){ (name), NULL })

START_TEST(error_text_is_empty_when_nothing_failed)
{
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_str_eq(af_spawn_error(NULL), "");
	ck_assert_int_eq(af_spawn_error_step(NULL), AFIO_STEP_NONE);
	expect_spawn_error(&rig, "");
	expect_reason(&rig, PROGRAM("nosuch"), NULL, ENOENT,
		      "exec nosuch: No such file or directory");
	expect_exit(&rig, start(&rig, HELPER("exit", "0"), NULL), 0);
	expect_spawn_error(&rig, "");
	rig_close(&rig);
}
END_TEST

START_TEST(error_text_names_what_cannot_be_executed)
{
	struct rig rig;

	rig_open(&rig, 0);
	make_file("shut", "#!/bin/sh\n", 0600);
	make_file("bad", "#!/nowhere/interpreter\n", 0700);
	expect_reason(&rig, PROGRAM("./missing"), WITH(ALL_PIPES), ENOENT,
		      "exec ./missing: No such file or directory");
	expect_reason(&rig, PROGRAM("./shut"), NULL, EACCES,
		      "exec ./shut: Permission denied");
	expect_reason(&rig, PROGRAM("/"), NULL, EACCES,
		      "exec /: Permission denied");
	expect_reason(&rig, PROGRAM("./bad"), NULL, ENOENT,
		      "exec ./bad: No such file or directory");
	expect_reason(&rig, PROGRAM(""), NULL, ENOENT,
		      "exec : No such file or directory");
	expect_reason(&rig, PROGRAM("name"), WITH(.program = "nofile"), ENOENT,
		      "exec nofile: No such file or directory");
	rig_close(&rig);
}
END_TEST

START_TEST(error_text_names_the_step_and_its_path)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;

	rig_open(&rig, 0);
	make_file("file", "", 0600);
	expect_reason(&rig, argv, WITH(ALL_PIPES, .cwd = "/nowhere"), ENOENT,
		      "chdir /nowhere: No such file or directory");
	expect_reason(&rig, argv, WITH(.cwd = "file"), ENOTDIR,
		      "chdir file: Not a directory");
	expect_reason(&rig, argv,
		      WITH(.in = { .kind = AFIO_PATH, .path = "x/y" }), ENOENT,
		      "open x/y: No such file or directory");
	expect_reason(&rig, argv,
		      WITH(.out = { .kind = AFIO_PATH, .path = "." }), EISDIR,
		      "open .: Is a directory");
	/* What is opened before it is tried to execute has been opened. */
	expect_reason(&rig, PROGRAM("/nowhere/it"),
		      WITH(.out = { .kind = AFIO_PATH, .path = "made" }),
		      ENOENT, "exec /nowhere/it: No such file or directory");
	ck_assert_int_eq(unlink("made"), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(error_text_names_the_number_or_the_option)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;

	rig_open(&rig, 0);
	expect_reason(&rig, argv, WITH(.in = TO_FD(-7)), EBADF,
		      "fd -7: Bad file descriptor");
	expect_reason(&rig, argv, WITH(.in.kind = AFIO_STDOUT), EINVAL,
		      "option in: Invalid argument");
	expect_reason(&rig, argv, WITH(.out.kind = AFIO_PROCESS), EINVAL,
		      "option out: Invalid argument");
	expect_reason(&rig, argv, WITH(.err.kind = 77), EINVAL,
		      "option err: Invalid argument");
	expect_reason(&rig, argv, WITH(.in.kind = AFIO_PATH), EINVAL,
		      "open: Invalid argument");
	expect_reason(&rig, NULL, NULL, EINVAL,
		      "option argv: Invalid argument");
	expect_reason(&rig, PROGRAM(NULL), NULL, EINVAL,
		      "option argv: Invalid argument");
	rig_close(&rig);
}
END_TEST

/* What the kernel takes for one argument at most, and then for all. */
START_TEST(error_text_of_too_long_arguments_is_of_exec)
{
	static const char expected[] = "exec true: Argument list too long";
	const size_t len = 2 << 20, part = 100000;
	const char *argv[200] = { "true" };
	char *text = malloc(len + 1);
	size_t n = 1;
	struct rlimit before, limit;
	struct rig rig;

	rig_open(&rig, 0);
	memset(text, 'x', len);
	text[len] = '\0';
	argv[1] = text;
	expect_reason(&rig, argv, WITH(ALL_PIPES), E2BIG, expected);

	/* The sum is bounded by a quarter of the stack. */
	getrlimit(RLIMIT_STACK, &before);
	limit = before;
	limit.rlim_cur = 8 << 20;
	setrlimit(RLIMIT_STACK, &limit);
	text[part] = '\0';
	for (; n * part <= len + part; n++)
		argv[n] = text;
	argv[n] = NULL;
	expect_reason(&rig, argv, WITH(ALL_PIPES), E2BIG, expected);
	setrlimit(RLIMIT_STACK, &before);
	free(text);
	rig_close(&rig);
}
END_TEST

/* The limit grows until all that a start needs fits. */
START_TEST(error_text_names_steps_of_the_parent)
{
	struct rlimit before, limit;
	bool pipe_failed = false, terminal_failed = false;
	struct af_process *process = NULL;
	struct rig rig;
	int unused;

	rig_open(&rig, 0);
	unused = dup(rig.in);
	close(unused);
	getrlimit(RLIMIT_NOFILE, &before);
	for (rlim_t more = 0; !process; more++) {
		const char *text;

		limit = before;
		limit.rlim_cur = (rlim_t)unused + more;
		setrlimit(RLIMIT_NOFILE, &limit);
		process = af_spawn(
			rig.loop, HELPER("exit", "0"),
			WITH(.in.kind = AFIO_PIPE, .out.kind = AFIO_PTY));
		setrlimit(RLIMIT_NOFILE, &before);
		text = af_spawn_error(rig.loop);
		if (strcmp(text, reason_of("pipe", EMFILE)) == 0)
			pipe_failed = true;
		else if (strcmp(text, reason_of("terminal", EMFILE)) == 0)
			terminal_failed = true;
		else
			ck_assert_msg(process || strstr(text, strerror(EMFILE)),
				      "%s", text);
		ck_assert_uint_lt(more, 50);
	}
	ck_assert(pipe_failed && terminal_failed);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

static void expect_chain_reason(struct rig *rig,
				const char *const *const stages[],
				const struct af_spawn_options *options,
				int error, const char *text)
{
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(rig->loop, stages, options));
	ck_assert_int_eq(errno, error);
	expect_spawn_error(rig, text);
	expect_no_child();
}

START_TEST(error_text_of_a_chain_names_the_stage)
{
	const char *const *cat = HELPER("cat");
	const char *const *empty = PROGRAM(NULL);
	const char *const *nosuch = PROGRAM("nosuch");
	struct rig rig;

	rig_open(&rig, 0);
	for (int i = 0; i < 20; i++)
		expect_chain_reason(
			&rig, CHAIN(cat, cat, nosuch), WITH(ALL_PIPES), ENOENT,
			"stage 2: exec nosuch: No such file or directory");
	expect_chain_reason(&rig, CHAIN(nosuch, cat), NULL, ENOENT,
			    "stage 0: exec nosuch: No such file or directory");
	expect_chain_reason(&rig, CHAIN(cat, empty), WITH(ALL_PIPES), EINVAL,
			    "stage 1: option argv: Invalid argument");
	expect_chain_reason(&rig, CHAIN(cat, cat),
			    WITH(.err = { .kind = AFIO_PATH, .path = "x/y" }),
			    ENOENT, "open x/y: No such file or directory");
	expect_chain_reason(&rig, NULL, NULL, EINVAL,
			    "option stages: Invalid argument");
	expect_chain_reason(&rig, CHAIN(cat), WITH(.program = "cat"), EINVAL,
			    "option program: Invalid argument");
	expect_success(&rig, start_chain(&rig, CHAIN(cat, cat),
					 WITH(.in.kind = AFIO_NULL)));
	expect_spawn_error(&rig, "");
	rig_close(&rig);
}
END_TEST

/* The first and the last field of each, in a process and in a pipeline. */
#define LAST_RESERVED                                                          \
	(sizeof(((struct af_spawn_options *)NULL)->reserved) /                 \
		 sizeof(uint64_t) -                                            \
	 1)

START_TEST(reserved_field_that_is_not_zero_is_refused)
{
	static const char expected[] = "option reserved: Invalid argument";
	const char *const *argv = HELPER("exit", "0");
	const struct af_spawn_options *asked[] = {
		WITH(.reserved = { 1 }),
		WITH(.reserved = { [LAST_RESERVED] = 1 }),
		WITH(.in.reserved = { 1 }),
		WITH(.out.reserved = { [1] = UINT64_C(1) << 63 }),
		WITH(.err = { .kind = AFIO_PIPE, .reserved = { [1] = 1 } }),
	};
	struct rig rig;

	rig_open(&rig, 0);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		expect_reason(&rig, argv, asked[i], EINVAL, expected);
		expect_chain_reason(&rig, CHAIN(argv, argv), asked[i], EINVAL,
				    expected);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(error_text_is_of_its_loop)
{
	struct af_loop *other = af_loop_new(NULL);
	struct rig rig;

	rig_open(&rig, 0);
	expect_refused(&rig, PROGRAM("nosuch"), NULL, ENOENT);
	ck_assert_str_eq(af_spawn_error(other), "");
	af_loop_free(other);
	ck_assert_str_ne(af_spawn_error(rig.loop), "");
	rig_close(&rig);
}
END_TEST

/* Without places that may not be searched, which would be told first. */
static void search_usual_places(void)
{
	setenv("PATH", "/bin:/usr/bin", 1);
}

Suite *suite(void)
{
	Suite *s = suite_create("process/spawn_error");
	TCase *tc = scratch_case(s, "text");

	tcase_add_checked_fixture(tc, search_usual_places, NULL);
	tcase_add_test(tc, error_text_is_empty_when_nothing_failed);
	tcase_add_test(tc, error_text_names_the_step_and_its_path);
	tcase_add_test(tc, error_text_names_the_number_or_the_option);
	tcase_add_test(tc, error_text_of_a_chain_names_the_stage);
	tcase_add_test(tc, reserved_field_that_is_not_zero_is_refused);
	tcase_add_test(tc, error_text_is_of_its_loop);
	if (!without_valgrind("dies of an execve() that fails"))
		return s;
	tcase_add_test(tc, error_text_names_what_cannot_be_executed);
	tcase_add_test(tc, error_text_of_too_long_arguments_is_of_exec);
	tcase_add_test(tc, error_text_names_steps_of_the_parent);
	return s;
}
