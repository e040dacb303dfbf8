/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_pipe_communicate() to its end: each way to give input, and what
 * it brings.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define MIB ((size_t)1 << 20)

static char *new_pattern(size_t len)
{
	char *data = malloc(len + 1);

	ck_assert_ptr_nonnull(data);
	pattern_fill(data, len, 0);
	return data;
}

static void expect_out_pattern(const struct af_output *output, size_t len)
{
	ck_assert_uint_eq(output->out_len, len);
	ck_assert_uint_eq(pattern_match(output->out, len, 0), len);
}

/* A chain of one that echoes its input, at once or after its end. */
static struct af_pipe *start_echo(struct rig *rig, const char *mode)
{
	return start_chain(rig, CHAIN(HELPER(mode)), WITH(ALL_PIPES));
}

/* Empty, 1 and 16 MiB, through what echoes at once and what echoes late. */
START_TEST(communicate_through_echo_brings_all_back)
{
	static const size_t sizes[] = { 0, 1, 1 << 20, 16 << 20 };
	const char *mode = _i % 2 ? "slurp" : "cat";
	size_t len = sizes[_i / 2 % 4];
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	char *data;

	rig_open(&rig, _i / 8);
	data = new_pattern(len);
	pipe = start_echo(&rig, mode);
	f = af_pipe_communicate(pipe, HOW(MEMORY(data, len)));
	output = outcome(&rig, f, 0, 0);
	expect_out_pattern(output, len);
	ck_assert_uint_eq(output->err_len, 0);
	ck_assert_uint_eq(output->input_taken, len);
	ck_assert_int_eq(output->status, 0);
	ck_assert(af_pipe_poll(pipe, NULL));
	af_pipe_close(pipe);

	/* The result outlives the pipe. */
	expect_out_pattern(af_future_output(f), len);
	af_future_unref(f);
	free(data);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_without_options_ends_the_input)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_echo(&rig, "wait-eof");
	f = af_pipe_communicate(pipe, NULL);
	ck_assert_ptr_null(af_future_output(f));
	output = outcome(&rig, f, 0, 0);
	ck_assert_str_eq(output->out, "eof\n");
	ck_assert_uint_eq(output->out_len, 4);
	ck_assert_uint_eq(output->input_taken, 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* It is in the queue before the end of the input is. */
START_TEST(communicate_without_options_lets_a_write_end)
{
	const size_t len = 1 << 20;
	struct af_future *f, *written;
	struct af_pipe *pipe;
	struct rig rig;
	char *data = new_pattern(len);

	rig_open(&rig, _i);
	pipe = start_echo(&rig, "cat");
	written = af_pipe_write(pipe, data, len, AFIO_FULL, NULL);
	f = af_pipe_communicate(pipe, NULL);
	outcome(&rig, f, 0, 0);
	expect_out_pattern(af_future_output(f), len);
	expect_count(&rig, written, len, 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	free(data);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_without_pipes_waits_for_the_end)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "3")), NULL);
	f = af_pipe_communicate(pipe, NULL);
	ck_assert_uint_eq(af_future_count(f), 0);
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, 0);
	ck_assert_uint_eq(output->err_len, 0);
	ck_assert_int_eq(output->status, EXITED(3));
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* As after a timeout that came when stdin had taken all. */
START_TEST(communicate_with_empty_input_needs_no_stdin)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "3")), NULL);
	f = af_pipe_communicate(pipe, HOW(MEMORY(NULL, 0)));
	ck_assert_int_eq(outcome(&rig, f, 0, 0)->status, EXITED(3));
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* The child takes none, so that it is what the pipe holds. */
START_TEST(communicate_says_how_much_input_was_taken)
{
	const size_t len = 1 << 20;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	size_t before;
	char *data = new_pattern(len);

	rig_open(&rig, _i);
	pipe = start_echo(&rig, "pause");
	f = af_pipe_communicate(pipe, HOW(MEMORY(data, len)));
	before = af_future_count(f);
	ck_assert(before > 0 && before < len);
	af_future_cancel(f);
	ck_assert_uint_eq(af_future_count(f), before);
	ck_assert_uint_eq(outcome(&rig, f, -ECANCELED, 0)->input_taken, before);
	af_future_unref(f);
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	free(data);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_with_both_streams_full_reads_both)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("both", "4194304")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, NULL);
	output = outcome(&rig, f, 0, 0);
	expect_out_pattern(output, 4 * MIB);
	ck_assert_uint_eq(output->err_len, 4 * MIB);
	ck_assert_uint_eq(pattern_match(output->err, 4 * MIB, 0), 4 * MIB);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

enum { FROM_PIPE, FROM_SOCKET, FROM_PTY, FROM_DISK, FROM_NULL, SOURCES };

struct input {
	int fd;
	size_t len;		   /* so much of the pattern comes from it */
	struct af_process *feeder; /* who writes into the pipe */
};

static void open_input(struct input *input, struct rig *rig, int source)
{
	int fds[2];

	*input = (struct input){ .len = source == FROM_NULL ? 0 : MIB };
	if (source <= FROM_PTY) {
		if (source == FROM_PTY)
			make_pty(fds);
		else
			make_pair(source == FROM_PIPE ? KIND_PIPE
						      : KIND_SOCKETPAIR,
				  fds);
		input->fd = fds[0];
		input->feeder = start(rig, HELPER("write", "1048576"),
				      WITH(.out = TO_FD(fds[1])));
		close(fds[1]);
	} else if (source == FROM_DISK) {
		input->fd = open_file("input");
		put_pattern(input->fd, MIB, 0);
		lseek(input->fd, 0, SEEK_SET);
	} else {
		input->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

static void close_input(struct input *input, struct rig *rig)
{
	ck_assert_int_eq(close(input->fd), 0);
	if (input->feeder)
		expect_exit(rig, input->feeder, 0);
}

START_TEST(communicate_from_descriptor_takes_it_to_its_end)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct input input;
	struct rig rig;
	int flags;

	rig_open(&rig, _i / SOURCES);
	open_input(&input, &rig, _i % SOURCES);
	flags = fcntl(input.fd, F_GETFL);
	pipe = start_echo(&rig, "cat");
	f = af_pipe_communicate(
		pipe, HOW(.input_kind = AFIO_INPUT_FD, .input_fd = input.fd));
	output = outcome(&rig, f, 0, 0);
	expect_out_pattern(output, input.len);
	ck_assert_uint_eq(output->input_taken, input.len);
	af_future_unref(f);
	af_pipe_close(pipe);
	ck_assert_int_eq(fcntl(input.fd, F_GETFL), flags);
	close_input(&input, &rig);
	rig_close(&rig);
}
END_TEST

/* Control-D is the end of what is typed, and the terminal stays open. */
START_TEST(communicate_from_terminal_takes_what_is_typed)
{
	const struct af_output *output;
	struct termios cooked;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	int ends[2];

	rig_open(&rig, _i);
	make_pty(ends);
	tcgetattr(ends[1], &cooked);
	cooked.c_lflag |= ICANON;
	cooked.c_cc[VEOF] = 4;
	tcsetattr(ends[1], TCSANOW, &cooked);
	put_text(ends[0], "one\ntwo\n\4");
	pipe = start_echo(&rig, "cat");
	f = af_pipe_communicate(
		pipe, HOW(.input_kind = AFIO_INPUT_FD, .input_fd = ends[1]));
	output = outcome(&rig, f, 0, 0);
	ck_assert_str_eq(output->out, "one\ntwo\n");
	ck_assert_uint_eq(output->input_taken, 8);
	ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	close(ends[0]);
	close(ends[1]);
	rig_close(&rig);
}
END_TEST

/* What the file has read ahead comes first. */
START_TEST(communicate_from_file_takes_what_is_left_of_it)
{
	const struct af_output *output;
	struct af_file *file;
	struct af_future *f;
	struct af_pipe *pipe;
	struct input input;
	size_t head, len;
	struct rig rig;

	rig_open(&rig, _i / SOURCES);
	open_input(&input, &rig, _i % SOURCES);
	file = af_file_new(rig.loop, input.fd, AFIO_KEEP_FD);
	ck_assert_ptr_nonnull(file);
	head = input.len > 0 ? 10 : 0;
	len = input.len - head;
	if (head > 0)
		expect_data_pattern(&rig,
				    af_file_read(file, head, AFIO_FULL, NULL),
				    head, 0, 0);
	pipe = start_echo(&rig, "slurp");
	f = af_pipe_communicate(
		pipe, HOW(.input_kind = AFIO_INPUT_FILE, .input_file = file));
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, len);
	ck_assert_uint_eq(pattern_match(output->out, len, head), len);
	ck_assert_uint_eq(output->input_taken, len);
	af_future_unref(f);
	af_pipe_close(pipe);
	ck_assert_int_eq(af_file_close(file), 0);
	close_input(&input, &rig);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_after_reads_brings_the_rest)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_echo(&rig, "cat");
	expect_count(&rig,
		     af_pipe_write(pipe, "one\ntwo\n", 8, AFIO_FULL, NULL), 8,
		     0);
	expect_text(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), "one\n", 0);
	f = af_pipe_communicate(pipe, HOW(MEMORY("three\n", 6)));
	output = outcome(&rig, f, 0, 0);
	ck_assert_str_eq(output->out, "two\nthree\n");
	ck_assert_uint_eq(output->input_taken, 6);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* A child with a socket for its stdout, from which it has not read all. */
static struct af_pipe *adopt_rude(struct rig *rig, const char *says)
{
	struct af_process *process;
	int pair[2];
	pid_t pid;

	make_pair(KIND_SOCKETPAIR, pair);
	put_text(pair[0], "unread");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		put_text(pair[1], says);
		_exit(0);
	}
	close(pair[1]);
	process = af_process_adopt(rig->loop, pid, -1, pair[0], -1);
	ck_assert_ptr_nonnull(process);
	return af_pipe_new(process, NULL);
}

/* Whether all is kept, a bound not reached, or the rest thrown away. */
START_TEST(communicate_with_error_behind_output_gives_both)
{
	static const size_t max[] = { 0, 100, 2, 5 };
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	for (int i = 0; i < 4; i++) {
		rig_open(&rig, _i);
		pipe = adopt_rude(&rig, "hello");
		f = af_pipe_communicate(
			pipe, HOW(.max_output = max[i],
				  .overflow = AFIO_OVERFLOW_TRUNCATE));
		output = outcome(&rig, f, -ECONNRESET,
				 i == 2 ? AFIO_TRUNCATED : 0);
		ck_assert_str_eq(output->out, i == 2 ? "he" : "hello");
		af_future_unref(f);
		expect_status(&rig, af_pipe_wait(pipe, NULL), 0);
		af_pipe_close(pipe);
		rig_close(&rig);
	}
}
END_TEST

START_TEST(communicate_with_unreadable_input_gives_its_error)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	pid_t pid;
	int fd;

	rig_open(&rig, _i);
	pipe = start_echo(&rig, "cat");
	pid = af_process_pid(af_pipe_process(pipe, 0));
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f = af_pipe_communicate(
		pipe, HOW(.input_kind = AFIO_INPUT_FD, .input_fd = fd));
	ck_assert_int_eq(drive(&rig, f), -EISDIR);
	af_future_unref(f);
	close(fd);
	af_pipe_close(pipe);
	expect_reaped(&rig, pid);

	pipe = start_echo(&rig, "cat");
	pid = af_process_pid(af_pipe_process(pipe, 0));
	f = af_pipe_communicate(
		pipe, HOW(.input_kind = AFIO_INPUT_FD, .input_fd = rig.out));
	ck_assert_int_eq(drive(&rig, f), -EBADF);
	af_future_unref(f);
	af_pipe_close(pipe);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_with_nonsense_is_invalid)
{
	struct timeval negative = { .tv_sec = -1 };
	const struct af_communicate_options *nonsense[] = {
		HOW(.input_kind = 77),
		HOW(.overflow = 77),
		HOW(MEMORY(NULL, 1)),
		HOW(.input_kind = AFIO_INPUT_FILE),
		HOW(.input_kind = AFIO_INPUT_CALLBACK),
		HOW(.timeout = &negative),
		HOW(.linger = &negative),
		HOW(.reserved = { 1 }),
		HOW(.reserved = { [7] = 1 }),
	};
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, 0);
	pipe = start_echo(&rig, "cat");
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
		expect_error(&rig, af_pipe_communicate(pipe, nonsense[i]),
			     -EINVAL);

	/* It has touched nothing. */
	f = af_pipe_communicate(pipe, HOW(MEMORY("text", 4)));
	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "text");
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_with_failed_stages_succeeds_with_status)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig,
			   CHAIN(HELPER("endless"), HELPER("head", "4"),
				 HELPER("exit", "5"), HELPER("cat")),
			   WITH(.out.kind = AFIO_PIPE));
	f = af_pipe_communicate(pipe, NULL);
	ck_assert_int_eq(outcome(&rig, f, 0, 0)->status, EXITED(5));
	af_future_unref(f);
	af_pipe_close(pipe);

	pipe = start_chain(
		&rig,
		CHAIN(HELPER("endless"), HELPER("head", "4"), HELPER("cat")),
		WITH(.out.kind = AFIO_PIPE));
	f = af_pipe_communicate(pipe, NULL);
	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "y\ny\n");
	ck_assert_int_eq(af_future_output(f)->status, 0);
	ck_assert_int_eq(af_pipe_status(pipe, 0), SIGPIPE);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/communicate");
	TCase *tc = scratch_case(s, "input");

	tcase_add_loop_test(tc, communicate_through_echo_brings_all_back, 0,
			    8 * DRIVE_COUNT);
	ADD(tc, communicate_without_options_ends_the_input);
	ADD(tc, communicate_without_options_lets_a_write_end);
	ADD(tc, communicate_with_error_behind_output_gives_both);
	ADD(tc, communicate_without_pipes_waits_for_the_end);
	ADD(tc, communicate_with_empty_input_needs_no_stdin);
	ADD(tc, communicate_says_how_much_input_was_taken);
	tcase_add_loop_test(tc, communicate_from_descriptor_takes_it_to_its_end,
			    0, SOURCES * DRIVE_COUNT);
	tcase_add_loop_test(tc, communicate_from_file_takes_what_is_left_of_it,
			    0, SOURCES * DRIVE_COUNT);
	ADD(tc, communicate_from_terminal_takes_what_is_typed);
	ADD(tc, communicate_after_reads_brings_the_rest);
	ADD(tc, communicate_with_unreadable_input_gives_its_error);
	ADD(tc, communicate_with_both_streams_full_reads_both);
	ADD(tc, communicate_with_failed_stages_succeeds_with_status);
	tcase_add_test(tc, communicate_with_nonsense_is_invalid);
	return s;
}
