/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of taking a file out of a process, which lives on.
 */
#include <pthread.h>

#include "support/contexts.h"
#include "support/inside.h"

#define PTY                                                                    \
	{                                                                      \
		.kind = AFIO_PTY                                               \
	}
#define ALL_PTY .in = PTY, .out = PTY, .err = PTY

static struct rig rig;
static struct af_process *process;

static void open_with(int way, const char *const argv[],
		      const struct af_spawn_options *options)
{
	rig_open(&rig, way);
	process = start(&rig, argv, options);
}

static struct af_file *take(struct af_process *from, int stream)
{
	struct af_file *file = af_process_take(from, stream);

	ck_assert_msg(file, "%d: %s", stream, strerror(errno));
	return file;
}

static void expect_untaken(struct af_process *from, int stream, int error)
{
	errno = 0;
	ck_assert_ptr_null(af_process_take(from, stream));
	ck_assert_int_eq(errno, error);
}

START_TEST(taken_file_outlives_its_process)
{
	struct af_file *out;

	open_with(_i, HELPER("cat"), WITH(IN_OUT_PIPES));
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), "abc", 3,
				   AFIO_FULL, NULL),
		     3, 0);
	out = take(process, 1);
	ck_assert_ptr_null(af_process_stdout(process));
	ck_assert_ptr_nonnull(af_process_stdin(process));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_exit(&rig, process, 0);
	expect_text(&rig, af_file_read(out, 0, 0, NULL), "abc", AFIO_EOF);
	ck_assert_int_eq(af_file_close(out), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(taken_file_keeps_what_was_read_ahead)
{
	struct af_file *out;

	open_with(_i, HELPER("doze"), WITH(IN_OUT_PIPES));
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "x\n", 0);
	out = take(process, 1);
	expect_text(&rig, af_file_readline(out, 0, 0, 0, NULL), "y\n", 0);
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	af_file_close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(operations_pending_on_a_taken_file_go_on)
{
	struct af_future *read, *wait;
	struct af_file *in, *out;

	open_with(_i, HELPER("cat"), WITH(IN_OUT_PIPES));
	read = af_file_read(af_process_stdout(process), 3, AFIO_FULL, NULL);
	wait = af_process_wait(process, NULL);
	in = take(process, 0);
	out = take(process, 1);
	expect_count(&rig, af_file_write(in, "abc", 3, AFIO_FULL, NULL), 3, 0);
	expect_text(&rig, read, "abc", 0);
	ck_assert(!af_future_is_done(wait));
	ck_assert_int_eq(af_file_close(in), 0);
	expect_text(&rig, af_file_read(out, 1, 0, NULL), "", AFIO_EOF);
	expect_status(&rig, wait, 0);
	af_process_free(process);
	af_file_close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(stdin_that_was_taken_is_the_callers_to_close)
{
	struct af_file *in;

	open_with(_i, HELPER("wait-eof"), WITH(ALL_PIPES));
	in = take(process, 0);
	ck_assert_ptr_null(af_process_stdin(process));
	/* As if it were closed already. */
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_count(&rig, af_process_finish_stdin(process, NULL), 0, 0);
	expect_error(&rig, af_process_wait(process, MS(20)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(in), 0);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "eof\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(stdin_that_was_finished_cannot_be_taken)
{
	struct af_file *in;
	struct af_future *f;

	open_with(_i, HELPER("wait-eof"), WITH(ALL_PIPES));
	expect_count(&rig, af_process_finish_stdin(process, NULL), 0, 0);
	expect_untaken(process, 0, EBADF);
	expect_exit(&rig, process, 0);

	/* One that is being finished is closed when it is the caller's. */
	process = start(&rig, HELPER("hold", "3"),
			WITH(ALL_PIPES, .n_fds = 1,
			     .fds = &(struct af_fd_map){ rig.in, 3 }));
	f = af_file_write(af_process_stdin(process), "abc", 3, AFIO_FULL, NULL);
	af_future_unref(f);
	f = af_process_finish_stdin(process, NULL);
	if (!af_future_is_done(f)) {
		in = take(process, 0);
		expect_count(&rig, f, 0, 0);
		af_file_close(in);
	} else {
		af_future_unref(f);
	}
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(take_of_what_is_not_there_is_ebadf)
{
	struct af_file *file;

	open_with(0, HELPER("cat"),
		  WITH(.in.kind = AFIO_PIPE, .out.kind = AFIO_NULL));
	expect_untaken(process, 1, EBADF);
	expect_untaken(process, 2, EBADF);
	file = take(process, 0);
	expect_untaken(process, 0, EBADF);
	af_file_close(file);
	expect_exit(&rig, process, 0);
	process = start(&rig, HELPER("cat"), WITH(ALL_PIPES));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_untaken(process, 0, EBADF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

static void *take_elsewhere(void *arg)
{
	(void)arg;
	errno = 0;
	if (af_process_take(process, 1))
		return NULL;
	return (void *)(intptr_t)errno;
}

START_TEST(take_of_nonsense_or_on_another_thread_is_refused)
{
	pthread_t thread;
	void *error;

	open_with(0, HELPER("cat"), WITH(ALL_PIPES));
	expect_untaken(NULL, 0, EINVAL);
	expect_untaken(process, -1, EINVAL);
	expect_untaken(process, 3, EINVAL);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_elsewhere, NULL),
			 0);
	ck_assert_int_eq(pthread_join(thread, &error), 0);
	ck_assert_int_eq((int)(intptr_t)error, EPERM);
	ck_assert_ptr_nonnull(af_process_stdout(process));
	af_process_close_stdin(process);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(taken_terminal_is_gone_from_every_stream)
{
	struct af_file *pty;
	char name[64];

	open_with(_i, HELPER("cat"), WITH(ALL_PTY));
	pty = take(process, _i % 2);
	ck_assert_ptr_null(af_process_stdin(process));
	ck_assert_ptr_null(af_process_stdout(process));
	for (int i = 0; i < 3; i++)
		expect_untaken(process, i, EBADF);
	ck_assert_int_eq(af_process_resize(process, 1, 1), -ENOTTY);
	ck_assert_int_eq(af_process_pty_name(process, name, sizeof name),
			 -ENOTTY);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_count(&rig, af_file_write(pty, "abc\n", 4, AFIO_FULL, NULL), 4,
		     0);
	expect_text(&rig, af_file_read(pty, 10, AFIO_FULL, NULL),
		    "abc\r\nabc\r\n", 0);
	/* It hangs up when it is closed, and not with the process. */
	ck_assert_int_eq(af_file_close(pty), 0);
	expect_status(&rig, af_process_wait(process, NULL), SIGHUP);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(taken_terminal_outlives_its_process)
{
	struct af_file *pty;
	pid_t pid;

	open_with(_i, HELPER("cat"), WITH(ALL_PTY));
	pid = af_process_pid(process);
	pty = take(process, 1);
	af_process_free(process);
	expect_count(&rig, af_file_write(pty, "abc\n\4", 5, AFIO_FULL, NULL), 5,
		     0);
	expect_text(&rig, af_file_read(pty, 0, 0, NULL), "abc\r\nabc\r\n",
		    AFIO_EOF);
	expect_reaped(&rig, pid);
	af_file_close(pty);
	rig_close(&rig);
}
END_TEST

/* The end of the input is still typed, though the process is no more. */
START_TEST(finish_pending_on_a_taken_terminal_goes_on)
{
	char text[20001], mode[] = "raw";
	struct af_future *write, *finish;
	struct af_file *pty;
	siginfo_t info;
	pid_t pid;

	rig_open(&rig, _i);
	memset(text, 'x', sizeof text);
	process = start(&rig, ASK(mode, "count:20001", "eof"),
			WITH(ALL_PTY, .pty_flags = AFIO_PTY_RAW));
	pid = af_process_pid(process);
	/* It reads nothing yet, however fast it is. */
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT),
			 0);
	write = af_file_write(af_process_stdin(process), text, sizeof text,
			      AFIO_FULL, NULL);
	finish = af_process_finish_stdin(process, NULL);
	ck_assert(!af_future_is_done(finish));
	pty = take(process, 0);
	af_process_free(process);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	expect_count(&rig, write, sizeof text, 0);
	expect_count(&rig, finish, 0, 0);
	af_file_close(pty);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(finish_pending_on_a_taken_terminal_ends_with_it)
{
	char text[200000];
	struct af_future *write, *finish;
	struct af_file *pty;

	open_with(_i, HELPER("pause"),
		  WITH(ALL_PTY, .pty_flags = AFIO_PTY_RAW));
	memset(text, 'x', sizeof text);
	write = af_file_write(af_process_stdin(process), text, sizeof text,
			      AFIO_FULL, NULL);
	finish = af_process_finish_stdin(process, NULL);
	pty = take(process, 1);
	af_file_close(pty);
	expect_error(&rig, finish, -ECANCELED);
	ck_assert_int_eq(drive(&rig, write), -ECANCELED);
	af_future_unref(write);
	expect_status(&rig, af_process_wait(process, NULL), SIGHUP);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_without_a_taken_file_is_as_with_one_closed)
{
	struct af_file *in, *out, *err;
	struct af_pipe *pipe;
	struct af_future *f;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(IN_OUT_PIPES, .err.kind = AFIO_PIPE_EACH));
	in = take(af_pipe_process(pipe, 0), 0);
	out = take(af_pipe_process(pipe, 1), 1);
	err = take(af_pipe_process(pipe, 1), 2);
	expect_untaken(af_pipe_process(pipe, 0), 1, EBADF);
	ck_assert_ptr_null(af_pipe_stdin(pipe));
	ck_assert_ptr_null(af_pipe_stdout(pipe));
	ck_assert_ptr_null(af_pipe_stderr(pipe));
	expect_error(&rig, af_pipe_write(pipe, "x", 1, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_read(pipe, 1, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_read_stderr(pipe, 1, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_readline_stderr(pipe, 0, 0, 0, NULL),
		     -EBADF);
	ck_assert_int_eq(af_pipe_close_stdin(pipe), 0);
	f = af_pipe_communicate(pipe, HOW(MEMORY("x", 1)));
	outcome(&rig, f, -EBADF, 0);
	af_future_unref(f);
	expect_count(&rig, af_file_write(in, "abc", 3, AFIO_FULL, NULL), 3, 0);
	af_file_close(in);
	f = af_pipe_communicate(pipe, NULL);
	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "");
	af_future_unref(f);
	expect_text(&rig, af_file_read(out, 0, 0, NULL), "abc", AFIO_EOF);
	expect_text(&rig, af_file_read(err, 0, 0, NULL), "", AFIO_EOF);
	af_pipe_close(pipe);
	af_file_close(out);
	af_file_close(err);
	rig_close(&rig);
}
END_TEST

static int on_line(const struct af_line *line, void *arg)
{
	(void)line;
	(void)arg;
	return 0;
}

static struct af_future *use_pipe(struct af_pipe *pipe, int how)
{
	switch (how) {
	case 0:
		return af_pipe_communicate(pipe, NULL);
	case 1:
		return af_pipe_each_line(pipe, on_line, NULL);
	default:
		return af_pipe_each_chunk(pipe, on_line, NULL);
	}
}

START_TEST(take_of_a_stage_in_use_is_ebusy)
{
	struct af_process *last;
	struct af_future *first, *second;
	struct af_file *out;
	struct af_pipe *pipe;

	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(HELPER("hold", "0"), HELPER("cat")),
			   WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE,
				.err.kind = AFIO_PIPE_EACH));
	last = af_pipe_process(pipe, 1);
	first = use_pipe(pipe, _i);
	second = use_pipe(pipe, _i);
	expect_untaken(last, 1, EBUSY);
	expect_untaken(last, 2, EBUSY);
	expect_untaken(last, 0, EBADF);
	expect_untaken(af_pipe_process(pipe, 0), 2, EBUSY);
	af_future_cancel(first);
	expect_untaken(last, 1, EBUSY);
	af_future_cancel(second);
	out = take(last, 1);
	expect_error(&rig, first, -ECANCELED);
	expect_error(&rig, second, -ECANCELED);
	/* Nobody reads there any more. */
	rig_hang_up(&rig);
	expect_text(&rig, af_file_read(out, 0, 0, NULL), "", AFIO_EOF);
	first = use_pipe(pipe, _i);
	ck_assert_int_eq(drive(&rig, first), 0);
	af_future_unref(first);
	af_pipe_close(pipe);
	af_file_close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(stderr_that_stages_share_is_of_none)
{
	struct af_pipe *pipe;

	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(ALL_PIPES));
	for (size_t i = 0; i < 2; i++)
		expect_untaken(af_pipe_process(pipe, i), 2, EBADF);
	ck_assert_ptr_nonnull(af_pipe_stderr(pipe));
	af_pipe_close_stdin(pipe);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(taken_stdout_is_nobody_elses_stdin)
{
	struct af_file *out;

	open_with(0, HELPER("echo", "x"), WITH(.out.kind = AFIO_PIPE));
	out = take(process, 1);
	errno = 0;
	ck_assert_ptr_null(af_spawn(
		rig.loop, HELPER("cat"),
		WITH(.in = { .kind = AFIO_PROCESS, .process = process })));
	ck_assert_int_eq(errno, EINVAL);
	expect_exit(&rig, process, 0);
	af_file_close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(release_after_a_take_hands_over_the_rest)
{
	struct af_file *out;
	int fds[3], status;
	pid_t pid;

	open_with(0, HELPER("cat"), WITH(ALL_PIPES));
	out = take(process, 1);
	pid = take_over(process, fds, NULL);
	ck_assert_int_ge(fds[0], 0);
	ck_assert_int_eq(fds[1], -1);
	ck_assert_int_ge(fds[2], 0);
	put_text(fds[0], "abc");
	close(fds[0]);
	close(fds[2]);
	expect_text(&rig, af_file_read(out, 0, 0, NULL), "abc", AFIO_EOF);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	af_file_close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(file_of_an_adopted_child_can_be_taken)
{
	struct af_file *out;
	int fds[2];
	pid_t pid;

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, fds);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		put_text(fds[1], "abc");
		_exit(3);
	}
	close(fds[1]);
	process = af_process_adopt(rig.loop, pid, -1, fds[0], -1);
	ck_assert_ptr_nonnull(process);
	out = take(process, 1);
	expect_text(&rig, af_file_read(out, 0, 0, NULL), "abc", AFIO_EOF);
	expect_exit(&rig, process, 3);
	af_file_close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(take_after_the_loop_was_freed_works)
{
	struct af_file *out;
	pid_t pid;

	open_with(0, HELPER("cat"), WITH(ALL_PIPES));
	pid = af_process_pid(process);
	rig.loop = (af_loop_free(rig.loop), NULL);
	out = take(process, 1);
	af_process_free(process);
	af_file_close(out);
	/* It has no input any more: maybe it had ended before it was freed. */
	ck_assert(waitpid(pid, NULL, 0) == pid || errno == ECHILD);
	rig_close(&rig);
}
END_TEST

static struct stage *played;

/* A read begun before the take ends after it. */
static void take_and_await(void *arg)
{
	struct af_process *child =
		af_spawn(played->loop, HELPER("cat"), WITH(IN_OUT_PIPES));
	struct af_future *read;
	struct af_file *out, *in;

	(void)arg;
	ck_assert_ptr_nonnull(child);
	read = af_file_read(af_process_stdout(child), 1, 0, NULL);
	in = take(child, 0);
	out = take(child, 1);
	af_future_unref(af_file_write(in, "x", 1, AFIO_FULL, NULL));
	ck_assert_int_eq(af_await(read), 0);
	ck_assert_uint_eq(af_future_count(read), 1);
	af_future_unref(read);
	af_file_close(in);
	read = af_process_wait(child, NULL);
	ck_assert_int_eq(af_await(read), 0);
	af_future_unref(read);
	af_process_free(child);
	af_file_close(out);
}

START_TEST(taken_anywhere_it_can_be_read)
{
	struct stage stage;

	stage_open(&stage, (enum context)_i);
	played = &stage;
	stage_play(&stage, take_and_await, NULL);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/take");
	TCase *tc = test_case(s, "pipes");

	tcase_add_loop_test(tc, taken_file_outlives_its_process, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, taken_file_keeps_what_was_read_ahead, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, operations_pending_on_a_taken_file_go_on, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, stdin_that_was_taken_is_the_callers_to_close, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, stdin_that_was_finished_cannot_be_taken, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, take_of_what_is_not_there_is_ebadf);
	tcase_add_test(tc, take_of_nonsense_or_on_another_thread_is_refused);
	tcase_add_test(tc, taken_stdout_is_nobody_elses_stdin);
	tcase_add_test(tc, release_after_a_take_hands_over_the_rest);
	tcase_add_loop_test(tc, file_of_an_adopted_child_can_be_taken, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, take_after_the_loop_was_freed_works);
	tcase_add_loop_test(tc, taken_anywhere_it_can_be_read, 0,
			    CONTEXT_COUNT);

	tc = test_case(s, "terminals");
	tcase_add_loop_test(tc, taken_terminal_is_gone_from_every_stream, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, taken_terminal_outlives_its_process, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, finish_pending_on_a_taken_terminal_goes_on, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, finish_pending_on_a_taken_terminal_ends_with_it,
			    0, DRIVE_COUNT);

	tc = test_case(s, "pipelines");
	tcase_add_loop_test(tc,
			    pipeline_without_a_taken_file_is_as_with_one_closed,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, take_of_a_stage_in_use_is_ebusy, 0, 3);
	tcase_add_test(tc, stderr_that_stages_share_is_of_none);
	return s;
}
