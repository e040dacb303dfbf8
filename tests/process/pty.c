/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of a child's terminal: what it is to the child, its size, both
 * directions of its one file, and its two ends.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <termios.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/pattern.h"

#define PTY                                                                    \
	{                                                                      \
		.kind = AFIO_PTY                                               \
	}
#define ALL_PTY .in = PTY, .out = PTY, .err = PTY
#define SH(command) ((const char *const[]){ "sh", "-c", (command), NULL })

static struct af_future *read_all(struct af_process *process)
{
	return af_file_read(af_process_stdout(process), 0, 0, NULL);
}

/* All that a child with a terminal says. */
static void expect_shows(struct rig *rig, const char *const argv[],
			 const struct af_spawn_options *options,
			 const char *text)
{
	struct af_process *process = start(rig, argv, options);

	expect_bytes(rig, read_all(process), text, strlen(text), AFIO_EOF);
	expect_exit(rig, process, 0);
}

START_TEST(pty_is_the_childs_controlling_terminal)
{
	struct rig rig;

	rig_open(&rig, _i);
	expect_shows(&rig, ASK("ttys", "session", "group", "fds"),
		     WITH(ALL_PTY), "012\r\nown\r\nown\r\n0 1 2 \r\n");
	expect_shows(&rig, ASK("ttys"), WITH(.in.kind = AFIO_NULL, .out = PTY),
		     "1\r\n");
	expect_shows(&rig, ASK("ttys"),
		     WITH(.in = PTY, .out = PTY, .new_session = true,
			  .new_group = true, .err.kind = AFIO_STDOUT),
		     "012\r\n");
	rig_close(&rig);
}
END_TEST

START_TEST(pty_of_sh_has_a_name_and_a_size)
{
	struct af_process *process;
	struct af_future *f;
	struct rig rig;
	char expected[64];

	rig_open(&rig, 0);
	process = start(&rig, SH("tty; stty size"), WITH(ALL_PTY));
	f = read_all(process);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(strncmp(af_future_data(f, NULL), "/dev/pts/", 9), 0);
	snprintf(expected, sizeof expected, "\r\n24 80\r\n");
	ck_assert_ptr_nonnull(strstr(af_future_data(f, NULL), expected));
	af_future_unref(f);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(pty_has_the_size_asked_for)
{
	struct rig rig;

	rig_open(&rig, 0);
	expect_shows(&rig, ASK("size"), WITH(ALL_PTY), "24 80\r\n");
	expect_shows(&rig, ASK("size"),
		     WITH(ALL_PTY, .pty_rows = 50, .pty_columns = 65535),
		     "50 65535\r\n");
	rig_close(&rig);
}
END_TEST

START_TEST(resize_is_seen_by_the_child)
{
	struct af_process *process;
	char question[16];
	struct rig rig;

	rig_open(&rig, _i);
	snprintf(question, sizeof question, "wait:%d", SIGWINCH);
	process = start(&rig, ASK(question, "size"), WITH(ALL_PTY));
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "waiting\r\n", 0);
	ck_assert_int_eq(af_process_resize(process, 31, 101), 0);
	expect_text(&rig, read_all(process), "it came\r\n31 101\r\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(resize_with_nonsense_is_refused)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(af_process_resize(NULL, 1, 1), -EINVAL);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PIPES));
	ck_assert_int_eq(af_process_resize(process, 1, 1), -ENOTTY);
	expect_exit(&rig, process, 0);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PTY));
	ck_assert_int_eq(af_process_resize(process, 0, 1), -EINVAL);
	ck_assert_int_eq(af_process_resize(process, 1, 0), -EINVAL);
	ck_assert_int_eq(af_process_resize(process, 65536, 1), -EINVAL);
	ck_assert_int_eq(af_process_resize(process, 1, 65536), -EINVAL);
	ck_assert_int_eq(af_process_resize(process, 65535, 1), 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(pty_is_one_file_for_both_directions)
{
	struct af_process *process;
	struct af_file *file;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("cat"), WITH(ALL_PTY));
	file = af_process_stdout(process);
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_eq(af_process_stdin(process), file);
	ck_assert_ptr_null(af_process_stderr(process));
	ck_assert_int_eq(fcntl(af_file_fd(file), F_GETFD), FD_CLOEXEC);
	expect_count(&rig, af_file_write(file, "abc\n", 4, AFIO_FULL, NULL), 4,
		     0);
	expect_text(&rig, af_file_read(file, 10, AFIO_FULL, NULL),
		    "abc\r\nabc\r\n", 0);
	expect_count(&rig, af_file_write(file, "\4", 1, AFIO_FULL, NULL), 1, 0);
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "", AFIO_EOF);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(pty_of_each_stream_is_the_file_of_that_stream)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	process = start(&rig, HELPER("tag", "err"),
			WITH(IN_OUT_PIPES, .err = PTY));
	af_process_close_stdin(process);
	expect_text(&rig, read_all(process), "", AFIO_EOF);
	expect_text(&rig, af_file_read(af_process_stderr(process), 0, 0, NULL),
		    "err\r\n", AFIO_EOF);
	expect_exit(&rig, process, 0);

	process = start(&rig, HELPER("tag", "err"),
			WITH(.in = PTY, .out.kind = AFIO_PIPE, .err = PTY));
	ck_assert_ptr_eq(af_process_stdin(process), af_process_stderr(process));
	ck_assert_ptr_nonnull(af_process_stdin(process));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	ck_assert_ptr_null(af_process_stdin(process));
	expect_text(&rig, af_file_read(af_process_stderr(process), 0, 0, NULL),
		    "err\r\n", AFIO_EOF);
	expect_exit(&rig, process, 0);

	process = start(
		&rig, ASK("dev-tty:x", "ttys"),
		WITH(.in = PTY, .out.kind = AFIO_PIPE, .err.kind = AFIO_NULL));
	expect_text(&rig, read_all(process), "0\n", AFIO_EOF);
	expect_text(&rig, af_file_read(af_process_stdin(process), 0, 0, NULL),
		    "x", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

/* "c" begins a line, which the first of two ends of file only ends. */
START_TEST(close_stdin_of_pty_ends_the_input_after_pending_writes)
{
	struct af_process *process;
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("slurp"), WITH(ALL_PTY));
	f = af_file_write(af_process_stdin(process), "a\nb\nc", 5, AFIO_FULL,
			  NULL);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	ck_assert_ptr_null(af_process_stdin(process));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_count(&rig, f, 5, 0);
	expect_text(&rig, read_all(process), "a\r\nb\r\nca\r\nb\r\nc",
		    AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(close_stdin_of_pty_at_once_ends_the_input)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, ASK("eof"), WITH(ALL_PTY));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_text(&rig, read_all(process), "end\r\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(close_stdin_of_pty_without_an_end_character_ends_nothing)
{
	struct af_process *process;
	struct termios modes;
	struct rig rig;
	int fds[2];

	make_pty(fds);
	ck_assert_int_eq(tcgetattr(fds[1], &modes), 0);
	close(fds[0]);
	close(fds[1]);
	modes.c_lflag |= ICANON;
	modes.c_cc[VEOF] = _POSIX_VDISABLE;
	rig_open(&rig, _i);
	process = start(&rig, ASK("eof"), WITH(ALL_PTY, .pty_modes = &modes));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	ck_assert_ptr_null(af_process_stdin(process));
	expect_error(&rig,
		     af_file_read(af_process_stdout(process), 1, 0, MS(20)),
		     -ETIMEDOUT);
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(close_stdin_of_pty_that_hung_up_is_fine)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PTY));
	expect_status(&rig, af_process_wait(process, NULL), 0);
	expect_text(&rig, read_all(process), "", AFIO_EOF);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	ck_assert_ptr_null(af_process_stdin(process));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* The end comes when all was read, however slowly; it is no EIO. */
START_TEST(pty_brings_all_output_before_its_end)
{
	const size_t len = 200000;
	struct af_process *process;
	struct af_future *f;
	size_t n = 0;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, SH("stty raw; yes abcdefg | head -c 200000"),
			WITH(ALL_PTY));
	f = af_file_read(af_process_stdout(process), 1, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	n = af_future_count(f);
	af_future_unref(f);
	f = read_all(process);
	ck_assert_int_eq(drive(&rig, f), 0);
	n += af_future_count(f);
	ck_assert_uint_eq(n, len);
	ck_assert_uint_eq(af_future_flags(f), AFIO_EOF);
	af_future_unref(f);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(pty_output_of_a_child_that_has_ended_is_there)
{
	static char expected[4 * 4096];
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, SH("stty raw; head -c 4000 /dev/zero"),
			WITH(ALL_PTY));
	expect_status(&rig, af_process_wait(process, NULL), 0);
	expect_bytes(&rig, read_all(process), expected, 4000, AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* More than a terminal holds, so that the writer has to wait. */
START_TEST(pty_takes_as_much_input_as_is_read)
{
	const size_t len = 300000;
	struct af_process *process;
	unsigned long sum = 0;
	unsigned char *data = malloc(len);
	char question[32], answer[64];
	struct rig rig;

	rig_open(&rig, _i);
	pattern_fill(data, len, 0);
	for (size_t i = 0; i < len; i++)
		sum += data[i];
	snprintf(question, sizeof question, "count:%zu", len);
	snprintf(answer, sizeof answer, "%zu %lu\n", len, sum);
	process = start(&rig, ASK("raw", question), WITH(ALL_PTY));
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "raw\n", 0);
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), data, len,
				   AFIO_FULL, NULL),
		     len, 0);
	expect_bytes(&rig, read_all(process), answer, strlen(answer), AFIO_EOF);
	expect_exit(&rig, process, 0);
	free(data);
	rig_close(&rig);
}
END_TEST

/* With the tty closed by all, nothing is ever taken from what fills it. */
START_TEST(write_to_pty_whose_reader_left_is_epipe)
{
	const size_t len = 1 << 20;
	char *data = calloc(1, len);
	struct af_process *process;
	struct af_future *f;
	struct rig rig;
	bool told;

	rig_open(&rig, _i);
	/* select(2) knows of the end of a terminal only when reading. */
	told = strcmp(event_base_get_method(af_loop_base(rig.loop)),
		      "select") != 0;
	process = start(&rig, ASK("raw", "count:1"), WITH(ALL_PTY));
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "raw\n", 0);
	f = af_file_write(af_process_stdin(process), data, len, AFIO_FULL,
			  MS(told ? 20000 : 500));
	ck_assert_int_eq(drive(&rig, f), told ? -EPIPE : 0);
	ck_assert_uint_lt(af_future_count(f), len);
	af_future_unref(f);
	expect_status(&rig, af_process_wait(process, NULL), 0);
	/* Its end could not be written, either, and nobody needs it. */
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	af_process_free(process);
	free(data);
	rig_close(&rig);
}
END_TEST

/* Of streams that are a terminal, which slot the one descriptor is in. */
static const struct {
	bool in, out, err;
	int slot;
} handed[] = {
	{ true, true, true, 1 },
	{ true, false, true, 2 },
	{ true, false, false, 0 },
	{ false, true, true, 1 },
};

/* It is the caller's then: a terminal that still works. */
START_TEST(release_with_pty_hands_it_over_once)
{
	struct af_spawn_options options = { .in.kind = AFIO_PIPE,
					    .out.kind = AFIO_PIPE,
					    .err.kind = AFIO_PIPE };
	struct af_process *process;
	int fds[3], slot = handed[_i].slot;
	struct rig rig;
	char text[7];
	pid_t pid;

	rig_open(&rig, 0);
	if (handed[_i].in)
		options.in.kind = AFIO_PTY;
	if (handed[_i].out)
		options.out.kind = AFIO_PTY;
	if (handed[_i].err)
		options.err.kind = AFIO_PTY;
	process = start(&rig, HELPER("pause"), &options);
	pid = take_over(process, fds, NULL);
	ck_assert(isatty(fds[slot]));
	ck_assert_int_eq(fcntl(fds[slot], F_GETFL) & O_NONBLOCK, 0);
	put_text(fds[slot], "typed\n");
	get(fds[slot], text, 7); /* its echo */
	ck_assert_mem_eq(text, "typed\r\n", 7);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 3; i++) {
		if (i == slot)
			continue;
		ck_assert(fds[i] == -1 || !isatty(fds[i]));
		if (fds[i] >= 0)
			close(fds[i]);
	}
	close(fds[slot]);
	rig_close(&rig);
}
END_TEST

START_TEST(free_process_with_pty_hangs_up)
{
	struct af_process *process;
	char question[16];
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	snprintf(question, sizeof question, "wait:%d", SIGUSR1);
	process = start(&rig, ASK(question), WITH(ALL_PTY));
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "waiting\r\n", 0);
	pid = af_process_pid(process);
	af_process_free(process);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

static void expect_conversation(struct rig *rig, const char *const argv[],
				const char *input, const char *output)
{
	struct af_pipe *pipe = start_chain(rig, CHAIN(argv), WITH(ALL_PTY));
	struct af_future *f = af_pipe_communicate(
		pipe, HOW(MEMORY(input, strlen(input)), .timeout = MS(30000)));

	ck_assert_str_eq(outcome(rig, f, 0, 0)->out, output);
	af_future_unref(f);
	af_pipe_close(pipe);
}

START_TEST(communicate_with_pty_children_works)
{
	const char *const cat[] = { "cat", NULL };
	const char *const sort[] = { "sort", NULL };
	struct rig rig;

	rig_open(&rig, _i);
	expect_conversation(&rig, SH("stty -echo; echo ready; cat"), "",
			    "ready\r\n");
	expect_conversation(&rig, sort, "b\na\n", "b\r\na\r\na\r\nb\r\n");
	expect_conversation(&rig, HELPER("slurp"), "b\na", "b\r\nab\r\na");
	expect_conversation(&rig, cat, "", "");
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_from_an_fd_fills_a_pty)
{
	const size_t len = 100000;
	char question[32], answer[64];
	unsigned char *data = malloc(len);
	struct af_pipe *pipe;
	struct af_future *f;
	unsigned long sum = 0;
	struct rig rig;
	FILE *input = tmpfile();

	rig_open(&rig, _i);
	pattern_fill(data, len, 0);
	for (size_t i = 0; i < len; i++)
		sum += data[i];
	ck_assert_uint_eq(fwrite(data, 1, len, input), len);
	rewind(input);
	snprintf(question, sizeof question, "count:%zu", len);
	snprintf(answer, sizeof answer, "%zu %lu\n", len, sum);
	pipe = start_chain(&rig, CHAIN(ASK("raw", question)), WITH(ALL_PTY));
	expect_text(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), "raw\n", 0);
	f = af_pipe_communicate(pipe, HOW(.input_kind = AFIO_INPUT_FD,
					  .input_fd = fileno(input),
					  .timeout = MS(30000)));
	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, answer);
	af_future_unref(f);
	af_pipe_close(pipe);
	fclose(input);
	free(data);
	rig_close(&rig);
}
END_TEST

START_TEST(chain_with_pty_at_both_ends_has_two)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(.in = PTY, .out = PTY, .new_group = true));
	ck_assert_ptr_ne(af_pipe_stdin(pipe), af_pipe_stdout(pipe));
	expect_count(&rig, af_pipe_write(pipe, "x\n", 2, AFIO_FULL, NULL), 2,
		     0);
	af_pipe_close_stdin(pipe);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "x\r\n", AFIO_EOF);
	expect_success(&rig, pipe);

	pipe = start_chain(
		&rig, CHAIN(HELPER("cat"), HELPER("cat"), ASK("ttys", "eof")),
		WITH(.in.kind = AFIO_NULL, .out = PTY, .new_group = true));
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "1\r\nend\r\n",
		    AFIO_EOF);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(chain_of_one_may_have_its_stderr_on_a_pty)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "0")), WITH(.err = PTY));
	ck_assert(isatty(af_file_fd(af_pipe_stderr(pipe))));
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(pty_where_it_does_not_belong_is_refused)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(rig.loop,
					 CHAIN(HELPER("cat"), HELPER("cat")),
					 WITH(.err = PTY)));
	ck_assert_int_eq(errno, EINVAL);
	expect_refused(&rig, HELPER("cat"), WITH(.in = PTY, .group = getpgrp()),
		       EINVAL);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PTY));
	errno = 0;
	ck_assert_ptr_null(af_spawn(
		rig.loop, HELPER("cat"),
		WITH(.in = { .kind = AFIO_PROCESS, .process = process })));
	ck_assert_int_eq(errno, EINVAL);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_failing_with_pty_leaves_nothing)
{
	struct rig rig;

	rig_open(&rig, 0);
	for (int i = 0; i < 20; i++)
		expect_reason(&rig, (const char *const[]){ "./no", NULL },
			      WITH(ALL_PTY), ENOENT,
			      "exec ./no: No such file or directory");
	rig_close(&rig);
}
END_TEST

START_TEST(pty_belongs_to_the_childs_user)
{
	const uid_t nobody = 65534;
	const gid_t nogroup = 65534;
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	expect_shows(&rig, SH("exec 3<>$(tty) && id -u"),
		     WITH(ALL_PTY, .uid = &nobody, .gid = &nogroup),
		     "65534\r\n");
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/pty");
	TCase *tc = test_case(s, "terminal");

	tcase_add_loop_test(tc, pty_is_the_childs_controlling_terminal, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, pty_of_sh_has_a_name_and_a_size);
	tcase_add_test(tc, pty_has_the_size_asked_for);
	tcase_add_loop_test(tc, resize_is_seen_by_the_child, 0, DRIVE_COUNT);
	tcase_add_test(tc, resize_with_nonsense_is_refused);
	tcase_add_test(tc, chain_of_one_may_have_its_stderr_on_a_pty);
	tcase_add_test(tc, pty_where_it_does_not_belong_is_refused);
	tcase_add_test(tc, spawn_failing_with_pty_leaves_nothing);
	tcase_add_test(tc, pty_belongs_to_the_childs_user);

	tc = test_case(s, "file");
	tcase_add_loop_test(tc, pty_is_one_file_for_both_directions, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, pty_of_each_stream_is_the_file_of_that_stream);
	tcase_add_loop_test(
		tc, close_stdin_of_pty_ends_the_input_after_pending_writes, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, close_stdin_of_pty_at_once_ends_the_input, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(
		tc, close_stdin_of_pty_without_an_end_character_ends_nothing, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, close_stdin_of_pty_that_hung_up_is_fine, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, pty_brings_all_output_before_its_end, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, pty_output_of_a_child_that_has_ended_is_there,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, pty_takes_as_much_input_as_is_read, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, write_to_pty_whose_reader_left_is_epipe, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, release_with_pty_hands_it_over_once, 0,
			    sizeof(handed) / sizeof(handed[0]));
	tcase_add_loop_test(tc, free_process_with_pty_hangs_up, 0, DRIVE_COUNT);

	tc = test_case(s, "pipe");
	tcase_add_loop_test(tc, communicate_with_pty_children_works, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, communicate_from_an_fd_fills_a_pty, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, chain_with_pty_at_both_ends_has_two, 0,
			    DRIVE_COUNT);
	return s;
}
