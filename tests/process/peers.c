/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Situations that the tests of other libraries for children are about (libuv,
 * CPython's subprocess, GLib, tokio, Go's os/exec, reproc, libpipeline), retold
 * for this one. Those that other tests here have already are left out.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/inside.h"
#include "support/scratch.h"

#define SH(command) ((const char *const[]){ "sh", "-c", (command), NULL })
#define RUN(...) (&(struct af_run_options){ __VA_ARGS__ })

static struct rig rig;

static struct af_future *read_all(struct af_file *file)
{
	return af_file_read(file, 0, 0, NULL);
}

/* What a child says on its stdout, and how it ends. */
static void expect_run(const char *const argv[],
		       const struct af_spawn_options *options, const char *out,
		       int status)
{
	struct af_spawn_options piped = { .in.kind = AFIO_NULL };
	struct af_process *process;

	if (options)
		piped = *options;
	piped.out.kind = AFIO_PIPE;
	process = start(&rig, argv, &piped);
	expect_bytes(&rig, read_all(af_process_stdout(process)), out,
		     strlen(out), AFIO_EOF);
	expect_status(&rig, af_process_wait(process, NULL), status);
	af_process_free(process);
}

/* Arguments, environment, directory */

START_TEST(argument_that_is_empty_is_passed)
{
	expect_run(SH("echo $#:$1:"), NULL, "0::\n", 0);
	expect_run(((const char *const[]){ "sh", "-c", "echo \"$#:$1:$2:\"",
					   "sh", "", "a  b", NULL }),
		   NULL, "2::a  b:\n", 0);
}
END_TEST

START_TEST(argument_with_quotes_and_newlines_is_passed_as_it_is)
{
	expect_run(HELPER("echo", "a\"b'c\\d\n$HOME *", "\xff\x01"), NULL,
		   "a\"b'c\\d\n$HOME * \xff\x01\n", 0);
}
END_TEST

START_TEST(argument_of_the_longest_length_is_passed)
{
	/* MAX_ARG_STRLEN, with the NUL. */
	const size_t len = 128 * 1024 - 1;
	char *arg = malloc(len + 2);

	memset(arg, 'x', len);
	arg[len] = '\0';
	expect_run(((const char *const[]){ "sh", "-c", "echo ${#1}", "sh", arg,
					   NULL }),
		   NULL, "131071\n", 0);
	arg[len] = 'x';
	arg[len + 1] = '\0';
	if (without_valgrind("dies of an execve() that fails"))
		expect_refused(&rig, HELPER("echo", arg), WITH(0), E2BIG);
	free(arg);
}
END_TEST

START_TEST(arguments_by_the_thousand_are_passed)
{
	const char *argv[4003] = { "sh", "-c", "echo $#" };

	argv[3] = "sh";
	for (size_t i = 4; i < 4002; i++)
		argv[i] = "x";
	expect_run(argv, NULL, "3998\n", 0);
}
END_TEST

START_TEST(environment_that_is_empty_stays_empty)
{
	static const char *const none[] = { NULL };

	expect_run(HELPER("dump-env"), WITH(.env = none), "", 0);
}
END_TEST

START_TEST(environment_with_odd_values_is_passed_as_it_is)
{
	static const char *const odd[] = { "EMPTY=",  "EQUAL=a=b=", "LINE=a\nb",
					   "noequal", "=x",	    NULL };

	expect_run(HELPER("dump-env"), WITH(.env = odd),
		   "EMPTY=\nEQUAL=a=b=\nLINE=a\nb\nnoequal\n=x\n", 0);
}
END_TEST

START_TEST(environment_is_the_parents_at_the_time_of_the_start)
{
	setenv("PEERS_VARIABLE", "before", 1);
	expect_run(SH("echo $PEERS_VARIABLE"), NULL, "before\n", 0);
	setenv("PEERS_VARIABLE", "after", 1);
	expect_run(SH("echo $PEERS_VARIABLE"), NULL, "after\n", 0);
}
END_TEST

START_TEST(environment_and_arguments_may_change_after_the_start)
{
	char word[] = "before", variable[] = "V=before";
	const char *argv[] = { "sh", "-c", "read x; echo $1 $V",
			       "sh", word, NULL };
	const char *env[] = { variable, NULL };
	struct af_process *process =
		start(&rig, argv, WITH(IN_OUT_PIPES, .env = env));

	memcpy(word, "after!", 6);
	memcpy(variable, "V=after!", 8);
	af_process_close_stdin(process);
	expect_text(&rig, read_all(af_process_stdout(process)),
		    "before before\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
}
END_TEST

START_TEST(cwd_of_the_child_is_not_the_parents)
{
	char before[PATH_MAX], after[PATH_MAX];

	ck_assert_ptr_nonnull(getcwd(before, sizeof before));
	expect_run(HELPER("cwd"), WITH(.cwd = "/"), "/\n", 0);
	ck_assert_ptr_nonnull(getcwd(after, sizeof after));
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(cwd_that_was_removed_is_an_error)
{
	ck_assert_int_eq(mkdir("gone", 0700), 0);
	ck_assert_int_eq(rmdir("gone"), 0);
	expect_reason(&rig, HELPER("cwd"), WITH(.cwd = "gone"), ENOENT,
		      "chdir gone: No such file or directory");
}
END_TEST

START_TEST(cwd_that_is_a_file_is_an_error)
{
	expect_reason(&rig, HELPER("cwd"), WITH(.cwd = "/dev/null"), ENOTDIR,
		      "chdir /dev/null: Not a directory");
}
END_TEST

/* What cannot be executed */

START_TEST(program_that_is_a_directory_is_eacces)
{
	expect_refused(&rig, ((const char *const[]){ "/", NULL }), WITH(0),
		       EACCES);
}
END_TEST

START_TEST(program_whose_name_is_empty_is_enoent)
{
	expect_refused(&rig, ((const char *const[]){ "", NULL }), WITH(0),
		       ENOENT);
}
END_TEST

START_TEST(program_below_a_file_is_enotdir)
{
	expect_refused(&rig, ((const char *const[]){ "/dev/null/x", NULL }),
		       WITH(0), ENOTDIR);
}
END_TEST

START_TEST(program_whose_name_is_too_long_is_enametoolong)
{
	char name[5000];

	memset(name, 'x', sizeof name);
	name[0] = '/';
	name[sizeof name - 1] = '\0';
	expect_refused(&rig, ((const char *const[]){ name, NULL }), WITH(0),
		       ENAMETOOLONG);
}
END_TEST

START_TEST(program_that_does_not_exist_leaves_the_next_start_alone)
{
	for (int i = 0; i < 20; i++) {
		expect_refused(&rig, ((const char *const[]){ "./no", NULL }),
			       WITH(ALL_PIPES), ENOENT);
		expect_run(HELPER("echo", "x"), NULL, "x\n", 0);
		ck_assert_str_eq(af_spawn_error(rig.loop), "");
	}
}
END_TEST

/* Streams */

START_TEST(stdin_of_nothing_is_at_its_end)
{
	expect_run(HELPER("wait-eof"), WITH(.in.kind = AFIO_NULL), "eof\n", 0);
}
END_TEST

START_TEST(input_larger_than_a_pipe_comes_back_whole)
{
	const size_t len = 1 << 20;
	char *data = malloc(len);
	struct af_pipe *pipe =
		start_chain(&rig, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	struct af_future *f;
	const struct af_output *output;

	memset(data, 'x', len);
	f = af_pipe_communicate(pipe, HOW(MEMORY(data, len)));
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, len);
	ck_assert_mem_eq(output->out, data, len);
	af_future_unref(f);
	af_pipe_close(pipe);
	free(data);
}
END_TEST

START_TEST(input_for_a_child_that_reads_none_is_no_error)
{
	const size_t len = 1 << 20;
	char *data = calloc(1, len);
	struct af_future *f = af_run(rig.loop, HELPER("exit", "4"),
				     RUN(.communicate = { MEMORY(data, len) }));
	const struct af_output *output = outcome(&rig, f, 0, 0);

	ck_assert_int_eq(output->status, EXITED(4));
	ck_assert_uint_lt(output->input_taken, len);
	af_future_unref(f);
	free(data);
}
END_TEST

START_TEST(write_to_a_child_that_has_ended_is_epipe)
{
	struct af_process *process =
		start(&rig, HELPER("exit", "0"), WITH(.in.kind = AFIO_PIPE));

	expect_status(&rig, af_process_wait(process, NULL), 0);
	expect_error(&rig,
		     af_file_write(af_process_stdin(process), "x", 1, 0, NULL),
		     -EPIPE);
	af_process_free(process);
}
END_TEST

START_TEST(output_with_nul_bytes_is_whole)
{
	struct af_process *process = start(&rig, SH("printf 'a\\000b\\000'"),
					   WITH(.out.kind = AFIO_PIPE));

	expect_bytes(&rig, read_all(af_process_stdout(process)), "a\0b\0", 4,
		     AFIO_EOF);
	expect_exit(&rig, process, 0);
}
END_TEST

START_TEST(output_that_is_empty_is_an_end_and_no_error)
{
	expect_run(HELPER("exit", "0"), NULL, "", 0);
}
END_TEST

START_TEST(output_without_a_newline_at_its_end_is_a_line)
{
	struct af_process *process =
		start(&rig, SH("printf 'a\\nb'"), WITH(.out.kind = AFIO_PIPE));
	struct af_file *out = af_process_stdout(process);

	expect_text(&rig, af_file_readline(out, 0, 0, 0, NULL), "a\n", 0);
	expect_text(&rig, af_file_readline(out, 0, 0, 0, NULL), "b", AFIO_EOF);
	expect_exit(&rig, process, 0);
}
END_TEST

START_TEST(outputs_to_one_place_keep_their_order)
{
	char buf[4];

	expect_run(SH("echo a; echo b >&2; echo c; echo d >&2"),
		   WITH(.err.kind = AFIO_STDOUT), "a\nb\nc\nd\n", 0);
	expect_exit(&rig,
		    start(&rig, SH("echo a; echo b >&2"),
			  WITH(.out = TO_FD(rig.out), .err = TO_FD(rig.out))),
		    0);
	get(rig.in, buf, 4);
	ck_assert_mem_eq(buf, "a\nb\n", 4);
}
END_TEST

START_TEST(outputs_to_one_file_that_is_appended_to_lose_nothing)
{
	make_file("log", "0\n", 0600);
	expect_exit(&rig,
		    start(&rig, SH("echo a; echo b >&2; echo c"),
			  WITH(.out = { .kind = AFIO_PATH,
					.path = "log",
					.path_flags = AFIO_PATH_APPEND },
			       .err.kind = AFIO_STDOUT)),
		    0);
	expect_file("log", "0\na\nb\nc\n");
}
END_TEST

START_TEST(input_from_a_file_goes_on_where_its_descriptor_is)
{
	char buf[2];
	int fd;

	make_file("input", "a\nb\nc\n", 0600);
	fd = open("input", O_RDONLY | O_CLOEXEC);
	get(fd, buf, 2);
	expect_run(HELPER("head", "2"), WITH(.in = TO_FD(fd)), "b\n", 0);
	get(fd, buf, 2);
	ck_assert_mem_eq(buf, "c\n", 2);
	close(fd);
}
END_TEST

START_TEST(output_to_a_file_is_there_when_the_child_has_ended)
{
	int fd = open_file("output");

	expect_exit(&rig,
		    start(&rig, HELPER("echo", "x"), WITH(.out = TO_FD(fd))),
		    0);
	expect_file("output", "x\n");
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 2);
	close(fd);
}
END_TEST

START_TEST(output_to_a_full_device_fails_in_the_child_only)
{
	struct af_process *process =
		start(&rig, SH("exec 2>/dev/null; echo x || exit 3"),
		      WITH(.out = { .kind = AFIO_PATH, .path = "/dev/full" }));

	expect_exit(&rig, process, 3);
}
END_TEST

START_TEST(output_that_nobody_reads_ends_the_child_by_sigpipe)
{
	struct af_process *process =
		start(&rig, HELPER("endless"), WITH(.out.kind = AFIO_PIPE));
	struct af_file *out = af_process_take(process, 1);

	expect_text(&rig, af_file_read(out, 2, AFIO_FULL, NULL), "y\n", 0);
	ck_assert_int_eq(af_file_close(out), 0);
	expect_status(&rig, af_process_wait(process, NULL), SIGPIPE);
	af_process_free(process);
}
END_TEST

START_TEST(conversation_goes_line_by_line)
{
	struct af_process *process =
		start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	struct af_file *in = af_process_stdin(process);
	struct af_file *out = af_process_stdout(process);

	for (int i = 0; i < 100; i++) {
		char line[16];
		int len = snprintf(line, sizeof line, "line %d\n", i);

		expect_count(
			&rig,
			af_file_write(in, line, (size_t)len, AFIO_FULL, NULL),
			(size_t)len, 0);
		expect_bytes(&rig, af_file_readline(out, 0, 0, 0, NULL), line,
			     (size_t)len, 0);
	}
	af_process_close_stdin(process);
	expect_exit(&rig, process, 0);
}
END_TEST

START_TEST(socket_as_stdin_and_stdout_is_one_for_both)
{
	struct af_process *process;
	char buf[3];
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	process = start(&rig, HELPER("cat"),
			WITH(.in = TO_FD(fds[1]), .out = TO_FD(fds[1])));
	put_text(fds[0], "abc");
	get(fds[0], buf, 3);
	ck_assert_mem_eq(buf, "abc", 3);
	ck_assert_int_eq(shutdown(fds[0], SHUT_WR), 0);
	expect_exit(&rig, process, 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(descriptor_above_the_childs_limit_is_not_needed_by_it)
{
	const struct af_limit few = { RLIMIT_NOFILE, 16, 16 };
	int high;

	if (!without_valgrind("refuses a hard limit of descriptors"))
		return;
	high = fcntl(rig.in, F_DUPFD_CLOEXEC, 200);
	ck_assert_int_ge(high, 200);
	put_text(rig.out, "x");
	expect_run(HELPER("head", "1"),
		   WITH(.in = TO_FD(high), .limits = &few, .n_limits = 1), "x",
		   0);
	close(high);
}
END_TEST

/* Ends */

START_TEST(status_of_every_kind_of_end_is_told)
{
	for (int code = 0; code < 256; code += 51) {
		char text[16];

		snprintf(text, sizeof text, "%d", code);
		expect_run(HELPER("exit", text), NULL, "", EXITED(code));
	}
	expect_run(SH("kill -KILL $$"), NULL, "", SIGKILL);
	expect_run(SH("kill -TERM $$"), NULL, "", SIGTERM);
	expect_run(SH("kill -USR1 $$"), NULL, "", SIGUSR1);
}
END_TEST

START_TEST(status_of_a_core_dump_is_its_signal)
{
	const struct af_limit no_core = { RLIMIT_CORE, 0, 0 };

	expect_run(SH("kill -ABRT $$"), WITH(.limits = &no_core, .n_limits = 1),
		   "", SIGABRT);
}
END_TEST

START_TEST(status_is_there_again_and_again)
{
	struct af_process *process = start(&rig, HELPER("exit", "7"), WITH(0));
	int status;

	for (int i = 0; i < 3; i++)
		expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	ck_assert(af_process_poll(process, &status));
	ck_assert_int_eq(status, EXITED(7));
	af_process_free(process);
}
END_TEST

START_TEST(signal_of_zero_asks_whether_it_lives)
{
	struct af_process *process =
		start(&rig, HELPER("hold", "0"), WITH(.in = TO_FD(rig.in)));

	ck_assert_int_eq(af_process_signal(process, 0), 0);
	rig_hang_up(&rig);
	expect_status(&rig, af_process_wait(process, NULL), 0);
	ck_assert_int_eq(af_process_signal(process, 0), -ESRCH);
	af_process_free(process);
}
END_TEST

START_TEST(signal_that_the_child_handles_does_not_end_it)
{
	struct af_process *process = start_up(&rig, HELPER("defy"));

	ck_assert_int_eq(af_process_signal(process, SIGTERM), 0);
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "term\n", 0);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
}
END_TEST

START_TEST(stop_of_a_child_that_is_ending_is_no_race)
{
	for (int i = 0; i < 100; i++) {
		struct af_process *process =
			start(&rig, HELPER("exit", "0"), WITH(0));
		struct af_future *f = af_process_stop(process, MS(0));
		int status;

		ck_assert_int_eq(drive(&rig, f), 0);
		status = af_future_status(f);
		ck_assert(status == 0 || status == SIGKILL);
		af_future_unref(f);
		af_process_free(process);
	}
}
END_TEST

/* Several children */

START_TEST(children_end_in_the_order_of_their_ends)
{
	struct af_process *children[8];
	int outs[8];

	for (int i = 0; i < 8; i++) {
		int fds[2];

		make_pair(KIND_PIPE, fds);
		children[i] = start(&rig, HELPER("hold", "0"),
				    WITH(.in = TO_FD(fds[0])));
		close(fds[0]);
		outs[i] = fds[1];
	}
	for (int i = 7; i >= 0; i--) {
		close(outs[i]);
		expect_status(&rig, af_process_wait(children[i], NULL), 0);
		for (int j = 0; j < i; j++)
			ck_assert(!af_process_poll(children[j], NULL));
	}
	for (int i = 0; i < 8; i++)
		af_process_free(children[i]);
}
END_TEST

START_TEST(child_started_in_the_continuation_of_another_works)
{
	for (int i = 0; i < 3; i++) {
		struct af_process *process =
			start(&rig, HELPER("exit", "0"), WITH(0));

		expect_status(&rig, af_process_wait(process, NULL), 0);
		expect_run(HELPER("echo", "next"), NULL, "next\n", 0);
		af_process_free(process);
	}
}
END_TEST

START_TEST(pipeline_tells_the_status_of_each_stage)
{
	struct af_pipe *pipe =
		start_chain(&rig,
			    CHAIN(HELPER("exit", "1"), HELPER("exit", "2"),
				  HELPER("exit", "0")),
			    WITH(.in.kind = AFIO_NULL));

	expect_status(&rig, af_pipe_wait(pipe, NULL), EXITED(2));
	ck_assert_int_eq(af_pipe_status(pipe, 0), EXITED(1));
	ck_assert_int_eq(af_pipe_status(pipe, 1), EXITED(2));
	ck_assert_int_eq(af_pipe_status(pipe, 2), 0);
	af_pipe_close(pipe);
}
END_TEST

START_TEST(group_of_a_shell_goes_with_its_children)
{
	struct af_process *process =
		start(&rig, SH("sleep 60 & sleep 60 & echo up; wait"),
		      WITH(.out.kind = AFIO_PIPE, .new_group = true));
	struct af_file *out = af_process_stdout(process);

	expect_text(&rig, af_file_readline(out, 0, 0, 0, NULL), "up\n", 0);
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	/* They had it open. */
	expect_text(&rig, read_all(out), "", AFIO_EOF);
	af_process_free(process);
}
END_TEST

static void open_rig(void)
{
	rig_open(&rig, 0);
}

static void close_rig(void)
{
	rig_close(&rig);
}

Suite *suite(void)
{
	Suite *s = suite_create("process/peers");
	TCase *tc = scratch_case(s, "peers");

	tcase_add_checked_fixture(tc, open_rig, close_rig);
	tcase_add_test(tc, argument_that_is_empty_is_passed);
	tcase_add_test(tc,
		       argument_with_quotes_and_newlines_is_passed_as_it_is);
	tcase_add_test(tc, argument_of_the_longest_length_is_passed);
	tcase_add_test(tc, arguments_by_the_thousand_are_passed);
	tcase_add_test(tc, environment_that_is_empty_stays_empty);
	tcase_add_test(tc, environment_with_odd_values_is_passed_as_it_is);
	tcase_add_test(tc, environment_is_the_parents_at_the_time_of_the_start);
	tcase_add_test(tc,
		       environment_and_arguments_may_change_after_the_start);
	tcase_add_test(tc, cwd_of_the_child_is_not_the_parents);
	tcase_add_test(tc, cwd_that_was_removed_is_an_error);
	tcase_add_test(tc, cwd_that_is_a_file_is_an_error);
	tcase_add_test(tc, program_that_is_a_directory_is_eacces);
	tcase_add_test(tc, program_whose_name_is_empty_is_enoent);
	tcase_add_test(tc, program_below_a_file_is_enotdir);
	tcase_add_test(tc, program_whose_name_is_too_long_is_enametoolong);
	tcase_add_test(tc,
		       program_that_does_not_exist_leaves_the_next_start_alone);
	tcase_add_test(tc, stdin_of_nothing_is_at_its_end);
	tcase_add_test(tc, input_larger_than_a_pipe_comes_back_whole);
	tcase_add_test(tc, input_for_a_child_that_reads_none_is_no_error);
	tcase_add_test(tc, write_to_a_child_that_has_ended_is_epipe);
	tcase_add_test(tc, output_with_nul_bytes_is_whole);
	tcase_add_test(tc, output_that_is_empty_is_an_end_and_no_error);
	tcase_add_test(tc, output_without_a_newline_at_its_end_is_a_line);
	tcase_add_test(tc, outputs_to_one_place_keep_their_order);
	tcase_add_test(tc,
		       outputs_to_one_file_that_is_appended_to_lose_nothing);
	tcase_add_test(tc, input_from_a_file_goes_on_where_its_descriptor_is);
	tcase_add_test(tc, output_to_a_file_is_there_when_the_child_has_ended);
	tcase_add_test(tc, output_to_a_full_device_fails_in_the_child_only);
	tcase_add_test(tc, output_that_nobody_reads_ends_the_child_by_sigpipe);
	tcase_add_test(tc, conversation_goes_line_by_line);
	tcase_add_test(tc, socket_as_stdin_and_stdout_is_one_for_both);
	tcase_add_test(tc,
		       descriptor_above_the_childs_limit_is_not_needed_by_it);
	tcase_add_test(tc, status_of_every_kind_of_end_is_told);
	tcase_add_test(tc, status_of_a_core_dump_is_its_signal);
	tcase_add_test(tc, status_is_there_again_and_again);
	tcase_add_test(tc, signal_of_zero_asks_whether_it_lives);
	tcase_add_test(tc, signal_that_the_child_handles_does_not_end_it);
	tcase_add_test(tc, stop_of_a_child_that_is_ending_is_no_race);
	tcase_add_test(tc, children_end_in_the_order_of_their_ends);
	tcase_add_test(tc, child_started_in_the_continuation_of_another_works);
	tcase_add_test(tc, pipeline_tells_the_status_of_each_stage);
	tcase_add_test(tc, group_of_a_shell_goes_with_its_children);
	return s;
}
