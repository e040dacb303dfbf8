/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_process_finish_stdin() and af_pipe_finish_stdin(): each row of the
 * table.
 */
#include <pthread.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"

#define MIB ((size_t)1 << 20)

static struct rig rig;
static struct af_process *process;
static char *data;

static void open_child(int driver, const char *const argv[])
{
	rig_open(&rig, driver);
	data = malloc(MIB);
	pattern_fill(data, MIB, 0);
	process = start(&rig, argv, WITH(IN_OUT_PIPES));
}

static void close_child(void)
{
	if (process) {
		expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
		af_process_free(process);
	}
	free(data);
	rig_close(&rig);
}

static struct af_future *writing(size_t len)
{
	return af_file_write(af_process_stdin(process), data, len,
			     AFIO_FULL | AFIO_BORROW, NULL);
}

START_TEST(finish_closes_after_pending_writes)
{
	struct af_future *f, *written;

	open_child(_i, HELPER("cat"));
	written = writing(MIB);
	f = af_process_finish_stdin(process, NULL);
	ck_assert(!af_future_is_done(f));
	ck_assert_ptr_nonnull(af_process_stdin(process));
	expect_data_pattern(
		&rig, af_file_read(af_process_stdout(process), 0, 0, NULL), MIB,
		0, AFIO_EOF);
	ck_assert_int_eq(af_future_error(written), 0);
	af_future_unref(written);
	expect_error(&rig, f, 0);
	ck_assert_ptr_null(af_process_stdin(process));
	expect_exit(&rig, process, 0);
	process = NULL;
	close_child();
}
END_TEST

/* Within a limit, and with more than one that waits for it. */
START_TEST(finish_with_nothing_pending_closes)
{
	struct af_future *f, *second;

	open_child(_i, HELPER("wait-eof"));
	f = af_process_finish_stdin(process, MS(0));
	second = af_process_finish_stdin(process, MS(20000));
	expect_error(&rig, f, 0);
	expect_error(&rig, second, 0);
	ck_assert_ptr_null(af_process_stdin(process));
	/* There is none any more. */
	f = af_process_finish_stdin(process, NULL);
	ck_assert(af_future_is_done(f));
	expect_error(&rig, f, 0);
	expect_exit(&rig, process, 0);
	process = start(&rig, HELPER("exit", "0"), NULL);
	expect_error(&rig, af_process_finish_stdin(process, NULL), 0);
	expect_exit(&rig, process, 0);
	process = NULL;
	close_child();
}
END_TEST

START_TEST(finish_at_its_deadline_leaves_stdin_open)
{
	struct af_future *written;
	int64_t since;

	open_child(_i, HELPER("pause"));
	written = writing(MIB);
	expect_error(&rig, af_process_finish_stdin(process, MS(0)), -ETIMEDOUT);
	since = now_us();
	expect_error(&rig, af_process_finish_stdin(process, MS(20)),
		     -ETIMEDOUT);
	expect_elapsed(since, 20);
	ck_assert_ptr_nonnull(af_process_stdin(process));
	ck_assert(!af_future_is_done(written));
	af_future_unref(written);
	close_child();
}
END_TEST

START_TEST(finish_cancelled_leaves_stdin_open)
{
	struct af_future *f, *written;

	open_child(_i, HELPER("pause"));
	written = writing(MIB);
	f = af_process_finish_stdin(process, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	/* Also one that would be done. */
	af_future_cancel(written);
	expect_part(&rig, written, MIB, -ECANCELED, 0);
	f = af_process_finish_stdin(process, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert_ptr_nonnull(af_process_stdin(process));
	close_child();
}
END_TEST

/* With a write before it, and with none. */
START_TEST(finish_of_what_is_closed_is_cancelled)
{
	struct af_future *f[2];
	pid_t pid;

	open_child(_i, HELPER("pause"));
	af_future_unref(writing(MIB));
	f[0] = af_process_finish_stdin(process, NULL);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_error(&rig, f[0], -ECANCELED);
	close_child();

	/* Two whose turn would be the next. */
	open_child(_i, HELPER("wait-eof"));
	f[0] = af_process_finish_stdin(process, NULL);
	f[1] = af_process_finish_stdin(process, NULL);
	pid = af_process_pid(process);
	af_process_free(process);
	process = NULL;
	expect_error(&rig, f[0], -ECANCELED);
	expect_error(&rig, f[1], -ECANCELED);
	expect_reaped(&rig, pid);
	close_child();
}
END_TEST

START_TEST(finish_cancels_later_writes)
{
	struct af_future *f, *written, *later, *read;

	open_child(_i, HELPER("cat"));
	written = writing(MIB);
	f = af_process_finish_stdin(process, NULL);
	later = writing(MIB);
	read = af_file_read(af_process_stdout(process), 0, 0, NULL);
	expect_error(&rig, f, 0);
	expect_count(&rig, written, MIB, 0);
	ck_assert_int_eq(drive(&rig, later), -ECANCELED);
	ck_assert_int_eq(drive(&rig, read), 0);
	ck_assert_uint_eq(af_future_count(read), MIB);
	ck_assert_uint_eq(af_future_count(later), 0);
	af_future_unref(later);
	af_future_unref(read);
	expect_exit(&rig, process, 0);
	process = NULL;
	close_child();
}
END_TEST

/* The write says it; the finish has nothing to add. */
START_TEST(finish_succeeds_when_the_child_reads_no_more)
{
	struct af_future *f, *written;

	open_child(_i, HELPER("exit", "0"));
	expect_status(&rig, af_process_wait(process, NULL), 0);
	written = writing(MIB);
	f = af_process_finish_stdin(process, NULL);
	expect_error(&rig, f, 0);
	expect_error(&rig, written, -EPIPE);
	ck_assert_ptr_null(af_process_stdin(process));
	af_process_free(process);
	process = NULL;
	close_child();
}
END_TEST

START_TEST(finish_of_a_terminal_ends_its_input)
{
	struct af_future *f;

	open_child(_i, HELPER("pause"));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	process = start(&rig, HELPER("wait-eof"),
			WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PIPE));
	f = af_process_finish_stdin(process, MS(20000));
	expect_error(&rig, f, 0);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "eof\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
	process = NULL;
	close_child();
}
END_TEST

/* The program may finish the file itself. */
START_TEST(stdin_finished_as_a_file_is_closed)
{
	int fds[3];
	pid_t pid;

	open_child(_i, HELPER("wait-eof"));
	expect_error(&rig, af_file_finish(af_process_stdin(process), NULL), 0);
	ck_assert_ptr_null(af_process_stdin(process));
	expect_error(&rig, af_process_finish_stdin(process, NULL), 0);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_exit(&rig, process, 0);
	/* There is none to hand over. */
	process = start(&rig, HELPER("wait-eof"), WITH(IN_OUT_PIPES));
	expect_error(&rig, af_file_finish(af_process_stdin(process), NULL), 0);
	ck_assert_int_eq(af_process_release(process, &pid, fds, NULL), 0);
	process = NULL;
	ck_assert_int_eq(fds[0], -1);
	close(fds[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close_child();
}
END_TEST

START_TEST(terminal_finished_as_a_file_is_closed)
{
	open_child(_i, HELPER("pause"));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	process = start(&rig, HELPER("pause"),
			WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY));
	expect_error(&rig, af_file_finish(af_process_stdin(process), NULL), 0);
	ck_assert_ptr_null(af_process_stdin(process));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	ck_assert_int_eq(af_process_resize(process, 20, 20), -EBADF);
	expect_status(&rig, af_process_wait(process, NULL), SIGHUP);
	af_process_free(process);
	process = NULL;
	close_child();
}
END_TEST

/* Also one whose turn comes when stdin is closed already. */
START_TEST(finish_of_a_terminal_that_waits_can_end_early)
{
	struct af_future *f[2], *written;
	struct termios mode;

	open_child(_i, HELPER("pause"));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	process = start(&rig, HELPER("pause"), WITH(.in.kind = AFIO_PTY));
	/* Otherwise it would drop what is too long for a line. */
	tcgetattr(af_file_fd(af_process_stdin(process)), &mode);
	cfmakeraw(&mode);
	tcsetattr(af_file_fd(af_process_stdin(process)), TCSANOW, &mode);
	written = writing(MIB);
	expect_error(&rig, af_process_finish_stdin(process, MS(0)), -ETIMEDOUT);
	expect_error(&rig, af_process_finish_stdin(process, MS(5)), -ETIMEDOUT);
	f[0] = af_process_finish_stdin(process, NULL);
	f[1] = af_process_finish_stdin(process, NULL);
	af_future_cancel(f[0]);
	expect_error(&rig, f[0], -ECANCELED);
	ck_assert_ptr_nonnull(af_process_stdin(process));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	af_future_cancel(written);
	af_future_unref(written);
	expect_error(&rig, f[1], -ECANCELED);
	close_child();
}
END_TEST

static void *finish_elsewhere(void *arg)
{
	struct af_future *f = af_process_finish_stdin(arg, NULL);

	ck_assert_int_eq(af_future_error(f), -EPERM);
	af_future_unref(f);
	return NULL;
}

START_TEST(finish_refuses_nonsense)
{
	pthread_t thread;

	open_child(0, HELPER("pause"));
	expect_error(&rig, af_process_finish_stdin(NULL, NULL), -EINVAL);
	expect_error(&rig, af_pipe_finish_stdin(NULL, NULL), -EINVAL);
	expect_error(
		&rig,
		af_process_finish_stdin(process, &(struct timeval){ -1, 0 }),
		-EINVAL);
	ck_assert_int_eq(
		pthread_create(&thread, NULL, finish_elsewhere, process), 0);
	pthread_join(thread, NULL);
	ck_assert_ptr_nonnull(af_process_stdin(process));
	close_child();
}
END_TEST

static void note_error(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
}

START_TEST(finish_ends_with_its_loop)
{
	int error = 0;
	pid_t pid;

	open_child(_i, HELPER("pause"));
	af_future_unref(writing(MIB));
	af_on_done(af_process_finish_stdin(process, MS(20000)), note_error,
		   &error);
	pid = af_process_pid(process);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(error, -ECANCELED);
	af_process_free(process);
	process = NULL;
	/* It is the program's to reap. */
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close_child();
}
END_TEST

/* A pipeline's is that of its first stage. */
START_TEST(finish_of_a_pipeline_is_of_its_first_stage)
{
	struct af_future *f, *written;
	struct af_pipe *pipe;

	open_child(_i, HELPER("pause"));
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(IN_OUT_PIPES));
	written = af_pipe_write(pipe, data, MIB, AFIO_FULL | AFIO_BORROW, NULL);
	f = af_pipe_finish_stdin(pipe, NULL);
	expect_data_pattern(&rig, af_pipe_read(pipe, 0, 0, NULL), MIB, 0,
			    AFIO_EOF);
	expect_count(&rig, written, MIB, 0);
	expect_error(&rig, f, 0);
	ck_assert_ptr_null(af_pipe_stdin(pipe));
	expect_success(&rig, pipe);
	close_child();
}
END_TEST

START_TEST(data_is_the_programs)
{
	struct af_pipe *pipe;
	int one, two;

	open_child(0, HELPER("pause"));
	ck_assert_ptr_null(af_process_data(process));
	af_process_set_data(process, &one);
	ck_assert_ptr_eq(af_process_data(process), &one);
	pipe = af_pipe_new(process, NULL);
	ck_assert_ptr_null(af_pipe_data(pipe));
	af_pipe_set_data(pipe, &two);
	ck_assert_ptr_eq(af_pipe_data(pipe), &two);
	ck_assert_ptr_eq(af_process_data(af_pipe_process(pipe, 0)), &one);
	af_process_set_data(NULL, &one);
	af_pipe_set_data(NULL, &one);
	ck_assert_ptr_null(af_process_data(NULL));
	ck_assert_ptr_null(af_pipe_data(NULL));
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	process = NULL;
	close_child();
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/finish_stdin");
	TCase *tc = test_case(s, "finish");

	ADD(tc, finish_closes_after_pending_writes);
	ADD(tc, finish_with_nothing_pending_closes);
	ADD(tc, finish_at_its_deadline_leaves_stdin_open);
	ADD(tc, finish_cancelled_leaves_stdin_open);
	ADD(tc, finish_of_what_is_closed_is_cancelled);
	ADD(tc, finish_cancels_later_writes);
	ADD(tc, finish_succeeds_when_the_child_reads_no_more);
	ADD(tc, finish_of_a_terminal_ends_its_input);
	ADD(tc, stdin_finished_as_a_file_is_closed);
	ADD(tc, terminal_finished_as_a_file_is_closed);
	ADD(tc, finish_of_a_terminal_that_waits_can_end_early);
	tcase_add_test(tc, finish_refuses_nonsense);
	ADD(tc, finish_ends_with_its_loop);
	ADD(tc, finish_of_a_pipeline_is_of_its_first_stage);
	tcase_add_test(tc, data_is_the_programs);
	return s;
}
