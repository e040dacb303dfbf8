/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what a child's terminal is like from the start: its modes, its size
 * in pixels, its name, and the length of its lines; and of terminals that the
 * program has made itself.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "support/inside.h"

#define PTY                                                                    \
	{                                                                      \
		.kind = AFIO_PTY                                               \
	}
#define ALL_PTY .in = PTY, .out = PTY, .err = PTY

static struct rig rig;

static struct af_future *next_line(struct af_process *process)
{
	return af_file_readline(af_process_stdout(process), 0, 0, 0, NULL);
}

/* What a child says of the terminal on its stdin; its stdout is a pipe. */
static void expect_of_stdin(const struct af_spawn_options *options,
			    const char *const argv[], const char *text)
{
	struct af_spawn_options with = *options;

	with.in.kind = AFIO_PTY;
	expect_says(&rig, argv, &with, text);
}

START_TEST(modes_are_in_place_when_the_child_starts)
{
	rig_open(&rig, 0);
	expect_of_stdin(WITH(0), ASK("modes"), "lines echo cooked signals\n");
	expect_of_stdin(WITH(.pty_flags = AFIO_PTY_RAW), ASK("modes"),
			"bytes silent plain none\n");
	expect_of_stdin(WITH(.pty_flags = AFIO_PTY_NO_ECHO), ASK("modes"),
			"lines silent cooked signals\n");
	expect_of_stdin(WITH(.pty_flags = AFIO_PTY_RAW | AFIO_PTY_NO_ECHO),
			ASK("modes"), "bytes silent plain none\n");
	rig_close(&rig);
}
END_TEST

START_TEST(modes_of_the_programs_own_are_taken_and_flags_change_them)
{
	struct termios modes;
	int fds[2];

	rig_open(&rig, 0);
	make_pty(fds);
	ck_assert_int_eq(tcgetattr(fds[1], &modes), 0);
	modes.c_lflag |= ICANON | ECHO;
	modes.c_lflag &= ~(tcflag_t)ISIG;
	modes.c_oflag |= OPOST;
	expect_of_stdin(WITH(.pty_modes = &modes), ASK("modes"),
			"lines echo cooked none\n");
	expect_of_stdin(
		WITH(.pty_modes = &modes, .pty_flags = AFIO_PTY_NO_ECHO),
		ASK("modes"), "lines silent cooked none\n");
	ck_assert(modes.c_lflag & ECHO);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/* A child that sets them itself would have echoed it by then. */
START_TEST(input_written_at_once_is_not_echoed_if_asked)
{
	struct af_process *process;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("cat"),
			WITH(ALL_PTY, .pty_flags = AFIO_PTY_RAW));
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), "\4 \r\n\3", 5,
				   AFIO_FULL, NULL),
		     5, 0);
	expect_bytes(
		&rig,
		af_file_read(af_process_stdout(process), 5, AFIO_FULL, NULL),
		"\4 \r\n\3", 5, 0);
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(modes_without_a_pty_change_nothing)
{
	const struct termios modes = { 0 };

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("echo", "x"),
		    WITH(.pty_flags = AFIO_PTY_RAW, .pty_modes = &modes,
			 .pty_xpixel = 1),
		    "x\n");
	rig_close(&rig);
}
END_TEST

START_TEST(modes_that_are_unknown_are_refused)
{
	rig_open(&rig, 0);
	expect_reason(&rig, HELPER("cat"), WITH(ALL_PTY, .pty_flags = 4),
		      EINVAL, "option pty_flags: Invalid argument");
	rig_close(&rig);
}
END_TEST

START_TEST(pixels_are_those_asked_for_and_of_the_last_resize)
{
	struct af_process *process;
	char question[16];

	rig_open(&rig, 0);
	expect_of_stdin(WITH(0), ASK("pixels"), "0 0\n");
	expect_of_stdin(WITH(.pty_xpixel = 65535, .pty_ypixel = 600),
			ASK("pixels"), "65535 600\n");
	snprintf(question, sizeof question, "wait:%d", SIGWINCH);
	process =
		start(&rig, ASK(question, "pixels", question, "pixels", "size"),
		      WITH(ALL_PTY, .pty_xpixel = 800, .pty_ypixel = 600));
	expect_text(&rig, next_line(process), "waiting\r\n", 0);
	ck_assert_int_eq(af_process_resize_pixels(process, 24, 80, 640, 0), 0);
	expect_text(&rig, next_line(process), "it came\r\n", 0);
	expect_text(&rig, next_line(process), "640 0\r\n", 0);
	expect_text(&rig, next_line(process), "waiting\r\n", 0);
	ck_assert_int_eq(af_process_resize(process, 25, 80), 0);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "it came\r\n0 0\r\n25 80\r\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(pixels_of_nonsense_are_refused)
{
	struct af_process *process;

	rig_open(&rig, 0);
	ck_assert_int_eq(af_process_resize_pixels(NULL, 1, 1, 1, 1), -EINVAL);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PIPES));
	ck_assert_int_eq(af_process_resize_pixels(process, 1, 1, 1, 1),
			 -ENOTTY);
	expect_exit(&rig, process, 0);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PTY));
	ck_assert_int_eq(af_process_resize_pixels(process, 0, 1, 1, 1),
			 -EINVAL);
	ck_assert_int_eq(af_process_resize_pixels(process, 1, 1, 65536, 1),
			 -EINVAL);
	ck_assert_int_eq(af_process_resize_pixels(process, 1, 1, 1, 65536),
			 -EINVAL);
	ck_assert_int_eq(af_process_resize_pixels(process, 1, 1, 65535, 0), 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(name_is_that_of_the_childs_terminal)
{
	struct af_process *process;
	char name[64], line[80], small[64] = "unchanged";
	size_t len;

	rig_open(&rig, 0);
	process = start(&rig, ((const char *const[]){ "tty", NULL }),
			WITH(ALL_PTY));
	ck_assert_int_eq(af_process_pty_name(process, name, sizeof name), 0);
	len = strlen(name);
	ck_assert_int_eq(af_process_pty_name(process, small, len), -ERANGE);
	ck_assert_int_eq(af_process_pty_name(process, small, 0), -ERANGE);
	ck_assert_str_eq(small, "unchanged");
	ck_assert_int_eq(af_process_pty_name(process, small, len + 1), 0);
	ck_assert_str_eq(small, name);
	snprintf(line, sizeof line, "%s\r\n", name);
	expect_bytes(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		     line, strlen(line), AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(name_where_there_is_no_terminal_is_enotty)
{
	struct af_process *process;
	char name[64];

	rig_open(&rig, 0);
	process = start(&rig, HELPER("cat"), WITH(ALL_PIPES));
	ck_assert_int_eq(af_process_pty_name(process, name, sizeof name),
			 -ENOTTY);
	ck_assert_int_eq(af_process_pty_name(process, NULL, 64), -EINVAL);
	ck_assert_int_eq(af_process_pty_name(NULL, name, sizeof name), -EINVAL);
	af_process_close_stdin(process);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

/* The header says so: 4,095 bytes of a line, and the rest is dropped. */
START_TEST(line_too_long_for_a_terminal_is_cut_and_its_write_succeeds)
{
	char line[5001];
	struct af_process *process;

	rig_open(&rig, _i);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	process = start(&rig, ASK("line", "line"),
			WITH(.in = PTY, .out.kind = AFIO_PIPE,
			     .pty_flags = AFIO_PTY_NO_ECHO));
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), line, sizeof line,
				   AFIO_FULL, NULL),
		     sizeof line, 0);
	expect_text(&rig, next_line(process), "4095\n", 0);
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), line + 901, 4100,
				   AFIO_FULL, NULL),
		     4100, 0);
	expect_text(&rig, next_line(process), "4095\n", 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(line_of_any_length_is_whole_in_raw_mode)
{
	char line[20001];
	struct af_process *process;

	rig_open(&rig, _i);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	process = start(&rig, ASK("line"),
			WITH(.in = PTY, .out.kind = AFIO_PIPE,
			     .pty_flags = AFIO_PTY_RAW));
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), line, sizeof line,
				   AFIO_FULL, NULL),
		     sizeof line, 0);
	expect_text(&rig, next_line(process), "20000\n", 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(tty_fd_is_the_childs_controlling_terminal)
{
	char buf[4];
	int fds[2];

	rig_open(&rig, 0);
	make_pty(fds);
	expect_says(&rig, ASK("ttys", "session", "foreground", "fds"),
		    WITH(.in = TO_FD(fds[1]), .err.kind = AFIO_NULL,
			 .tty_fd = &fds[1]),
		    "0\nown\nforeground\n0 1 2 \n");
	/* Once its session has ended, another one may have it. */
	expect_says(&rig, ASK("ttys", "dev-tty:abc"),
		    WITH(.in.kind = AFIO_NULL, .new_session = true,
			 .new_group = true, .tty_fd = &fds[1]),
		    "\n");
	get(fds[0], buf, 3);
	ck_assert_mem_eq(buf, "abc", 3);
	ck_assert_int_ge(fcntl(fds[1], F_GETFD), 0);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/* It has a low number, which one of the child's streams gets. */
START_TEST(tty_fd_may_be_a_number_that_the_child_reuses)
{
	int fds[2], kept;

	rig_open(&rig, 0);
	make_pty(fds);
	kept = fcntl(0, F_DUPFD_CLOEXEC, 10);
	ck_assert_int_eq(dup2(fds[1], 0), 0);
	expect_says(&rig, ASK("ttys", "foreground"),
		    WITH(.in.kind = AFIO_NULL, .err = TO_FD(0),
			 .tty_fd = &(int){ 0 }),
		    "2\nforeground\n");
	if (kept >= 0)
		dup2(kept, 0);
	close(kept);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(tty_fd_of_another_session_is_eperm)
{
	struct af_process *process;
	char text[64];
	int fds[2];

	rig_open(&rig, 0);
	make_pty(fds);
	process = start(&rig, HELPER("hold", "0"),
			WITH(.in = TO_FD(rig.in), .tty_fd = &fds[1]));
	errno = 0;
	ck_assert_ptr_null(
		af_spawn(rig.loop, HELPER("cat"), WITH(.tty_fd = &fds[1])));
	ck_assert_int_eq(errno, EPERM);
	snprintf(text, sizeof text, "terminal %d: Operation not permitted",
		 fds[1]);
	expect_spawn_error(&rig, text);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(tty_fd_that_is_none_is_refused)
{
	char step[64];
	int closed = 999, fds[2];

	rig_open(&rig, 0);
	snprintf(step, sizeof step, "terminal %d", rig.in);
	expect_reason(&rig, HELPER("cat"), WITH(.tty_fd = &rig.in), ENOTTY,
		      reason_of(step, ENOTTY));
	expect_reason(&rig, HELPER("cat"), WITH(.tty_fd = &closed), EBADF,
		      "option tty_fd: Bad file descriptor");
	make_pty(fds);
	expect_reason(&rig, HELPER("cat"), WITH(.tty_fd = &fds[1], .in = PTY),
		      EINVAL, "option tty_fd: Invalid argument");
	expect_reason(&rig, HELPER("cat"),
		      WITH(.tty_fd = &fds[1], .group = getpgrp()), EINVAL,
		      "option tty_fd: Invalid argument");
	expect_reason(
		&rig, HELPER("cat"),
		WITH(.tty_fd = &fds[1], .new_group = true, .foreground = true),
		EINVAL, "option tty_fd: Invalid argument");
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(tty_fd_in_a_pipeline_is_for_one_stage)
{
	struct af_spawn_options own = { 0 };
	struct af_stage stages[] = { { .argv = HELPER("cat") },
				     { .argv = ASK("ttys", "foreground", "eof"),
				       .options = &own } };
	struct af_pipe *pipeline;
	int fds[2];

	rig_open(&rig, 0);
	make_pty(fds);
	ck_assert_ptr_null(af_pipe_spawn(rig.loop,
					 CHAIN(HELPER("cat"), HELPER("cat")),
					 WITH(.tty_fd = &fds[1])));
	ck_assert_int_eq(errno, EINVAL);
	expect_spawn_error(&rig, "option tty_fd: Invalid argument");
	own.tty_fd = &fds[1];
	pipeline = af_pipe_spawn_stages(
		rig.loop, stages, 2,
		WITH(IN_OUT_PIPES, .err.kind = AFIO_NULL, .new_group = true));
	ck_assert_ptr_nonnull(pipeline);
	af_pipe_close_stdin(pipeline);
	expect_text(&rig, af_pipe_read(pipeline, 0, 0, NULL),
		    "\nforeground\nend\n", AFIO_EOF);
	expect_success(&rig, pipeline);
	pipeline = start_chain(&rig, CHAIN(ASK("ttys", "foreground")),
			       WITH(.in.kind = AFIO_NULL, .out.kind = AFIO_PIPE,
				    .err.kind = AFIO_NULL, .tty_fd = &fds[1],
				    .new_group = true));
	expect_text(&rig, af_pipe_read(pipeline, 0, 0, NULL), "\nforeground\n",
		    AFIO_EOF);
	expect_success(&rig, pipeline);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/terminals");
	TCase *tc = test_case(s, "own");

	tcase_add_test(tc, modes_are_in_place_when_the_child_starts);
	tcase_add_test(
		tc, modes_of_the_programs_own_are_taken_and_flags_change_them);
	tcase_add_loop_test(tc, input_written_at_once_is_not_echoed_if_asked, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, modes_without_a_pty_change_nothing);
	tcase_add_test(tc, modes_that_are_unknown_are_refused);
	tcase_add_test(tc, pixels_are_those_asked_for_and_of_the_last_resize);
	tcase_add_test(tc, pixels_of_nonsense_are_refused);
	tcase_add_test(tc, name_is_that_of_the_childs_terminal);
	tcase_add_test(tc, name_where_there_is_no_terminal_is_enotty);
	tcase_add_loop_test(
		tc, line_too_long_for_a_terminal_is_cut_and_its_write_succeeds,
		0, DRIVE_COUNT);
	tcase_add_loop_test(tc, line_of_any_length_is_whole_in_raw_mode, 0,
			    DRIVE_COUNT);

	tc = test_case(s, "given");
	tcase_add_test(tc, tty_fd_is_the_childs_controlling_terminal);
	tcase_add_test(tc, tty_fd_may_be_a_number_that_the_child_reuses);
	tcase_add_test(tc, tty_fd_of_another_session_is_eperm);
	tcase_add_test(tc, tty_fd_that_is_none_is_refused);
	tcase_add_test(tc, tty_fd_in_a_pipeline_is_for_one_stage);
	return s;
}
