/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what af_pipe_communicate() is fed with: each kind of input with each
 * outcome, and how much of it was taken. Then those of a function that gives it.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define MIB ((size_t)1 << 20)
/*
 * More than any test takes, and less than the address space. Valgrind looks at it
 * all before every write.
 */
#define MANY_MIB (SIZE_MAX > UINT32_MAX ? 16384 : 1024)
#define ENDLESS ((under_valgrind() ? 256 : MANY_MIB) * MIB)
#define KINDS (AFIO_INPUT_CALLBACK + 1)

static struct rig rig;
static struct af_pipe *chain;

/* The input: so many bytes of the pattern, or zeroes without an end. */
static struct input {
	struct af_communicate_options how;
	size_t len;
	char *data;
	int fd;
	struct af_file *file;
	size_t given; /* by the function */
	int calls;
} input;

static ssize_t give(void *buf, size_t len, void *arg)
{
	size_t left = input.len - input.given;

	ck_assert_ptr_eq(arg, &input);
	ck_assert_uint_le(len, 65536);
	input.calls++;
	len = len < left ? len : left;
	if (input.len == ENDLESS)
		memset(buf, 0, len);
	else
		pattern_fill(buf, len, input.given);
	input.given += len;
	return (ssize_t)len;
}

/* Zeroes that are only read take no memory. */
static char *map_bytes(size_t len)
{
	int access = len == ENDLESS ? PROT_READ : PROT_READ | PROT_WRITE;
	char *data = mmap(NULL, len, access,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(data, MAP_FAILED);
	if (len < ENDLESS)
		pattern_fill(data, len, 0);
	return data;
}

static int open_bytes(size_t len)
{
	int fd;

	if (len == ENDLESS)
		return open("/dev/zero", O_RDONLY | O_CLOEXEC);
	fd = open_file("input");
	put_pattern(fd, len, 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* _i is a kind of input and a driver. */
static void open_input(int i, size_t len)
{
	enum af_input_kind kind = (enum af_input_kind)(i % KINDS);

	rig_open(&rig, i / KINDS);
	input = (struct input){ .how.input_kind = kind,
				.how.input_fn = give,
				.how.input_arg = &input,
				.len = kind == AFIO_INPUT_NONE ? 0 : len,
				.fd = -1 };
	if (kind == AFIO_INPUT_MEMORY) {
		input.data = map_bytes(len);
		input.how.input = input.data;
		input.how.input_len = len;
	}
	if (kind == AFIO_INPUT_FD || kind == AFIO_INPUT_FILE)
		input.fd = input.how.input_fd = open_bytes(len);
	if (kind == AFIO_INPUT_FILE) {
		input.file = af_file_new(rig.loop, input.fd, AFIO_KEEP_FD);
		ck_assert_ptr_nonnull(input.file);
		input.how.input_file = input.file;
	}
}

static void close_input(struct af_future *f)
{
	af_future_unref(f);
	af_pipe_close(chain);
	af_file_close(input.file);
	if (input.fd >= 0)
		close(input.fd);
	if (input.data)
		munmap(input.data, input.how.input_len);
	rig_close(&rig);
}

static bool has_input(void)
{
	return input.how.input_kind != AFIO_INPUT_NONE;
}

static void start_one(const char *const argv[])
{
	chain = start_chain(&rig, CHAIN(argv), WITH(ALL_PIPES));
}

static struct af_process *child(void)
{
	return af_pipe_process(chain, 0);
}

static struct af_future *communicate(void)
{
	return af_pipe_communicate(chain, &input.how);
}

/* A child that has said "x" and "y", which is still to be read, and stopped. */
static void start_doze(void)
{
	start_one(HELPER("doze"));
	expect_text(&rig, af_pipe_readline(chain, 0, 0, 0, NULL), "x\n", 0);
	await_stopped(af_process_pid(child()));
}

/* Drives until stdin takes no more of the input. */
static void expect_full(void)
{
	struct pollfd in = { .events = POLLOUT };
	int64_t since = now_us();

	in.fd = af_file_fd(af_pipe_stdin(chain));
	while (has_input() && poll(&in, 1, 0) > 0) {
		ck_assert_int_lt(now_us() - since, 20000000);
		expect_error(&rig, af_sleep(rig.loop, MS(2)), 0);
	}
}

/* The stages end well once they are told that the input has. */
static void expect_end(void)
{
	af_pipe_close_stdin(chain);
	expect_status(&rig, af_pipe_wait(chain, NULL), 0);
}

/* The child wakes, and passes on just what was taken; some was read already. */
static void expect_taken(size_t taken, size_t before)
{
	struct af_future *rest;

	ck_assert_int_eq(af_process_signal(child(), SIGCONT), 0);
	af_pipe_close_stdin(chain);
	rest = af_pipe_read(chain, 0, 0, NULL);
	ck_assert_int_eq(drive(&rig, rest), 0);
	ck_assert_uint_eq(taken, before + af_future_count(rest));
	af_future_unref(rest);
	expect_end();
}

START_TEST(input_that_ends_is_taken_to_its_end)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, MIB);
	start_one(HELPER("cat"));
	f = communicate();
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, input.len);
	ck_assert_uint_eq(pattern_match(output->out, input.len, 0), input.len);
	ck_assert_uint_eq(output->input_taken, input.len);
	ck_assert_int_eq(output->status, 0);
	close_input(f);
}
END_TEST

START_TEST(input_past_deadline_is_counted)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, ENDLESS);
	start_doze();
	input.how.timeout = MS(10);
	f = communicate();
	output = outcome(&rig, f, -ETIMEDOUT, 0);
	ck_assert_str_eq(output->out, "y\n");
	ck_assert_int_eq(output->status, -1);
	expect_taken(output->input_taken, 0);
	close_input(f);
}
END_TEST

START_TEST(input_canceled_is_counted)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, ENDLESS);
	start_doze();
	f = communicate();
	expect_full();
	af_future_cancel(f);
	output = outcome(&rig, f, -ECANCELED, 0);
	ck_assert_str_eq(output->out, "y\n");
	ck_assert_int_eq(output->status, -1);
	ck_assert(output->input_taken > 0 || !has_input());
	expect_taken(output->input_taken, 0);
	close_input(f);
}
END_TEST

static void close_pipe(void)
{
	af_pipe_close(chain);
	chain = NULL;
}

START_TEST(input_of_closed_pipe_is_counted)
{
	const struct af_output *output;
	struct af_future *f;
	pid_t pid;

	open_input(_i, ENDLESS);
	start_doze();
	pid = af_process_pid(child());
	f = communicate();
	expect_full();
	close_pipe();
	output = outcome(&rig, f, -ECANCELED, 0);
	ck_assert_str_eq(output->out, "y\n");
	ck_assert(output->input_taken > 0 || !has_input());
	kill(pid, SIGCONT);
	expect_reaped(&rig, pid);
	close_input(f);
}
END_TEST

/* The byte by which it was too much was read, too. */
START_TEST(input_with_too_much_output_is_counted)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, MIB);
	start_one(HELPER("cat"));
	input.how.max_output = 1000;
	f = communicate();
	output = outcome(&rig, f, has_input() ? -EMSGSIZE : 0, 0);
	if (has_input()) {
		ck_assert_uint_eq(output->out_len, 1000);
		expect_taken(output->input_taken, 1000);
	}
	close_input(f);
}
END_TEST

START_TEST(input_with_output_truncated_is_taken_to_its_end)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, MIB);
	start_one(HELPER("cat"));
	input.how.max_output = 1000;
	input.how.overflow = AFIO_OVERFLOW_TRUNCATE;
	f = communicate();
	output = outcome(&rig, f, 0, has_input() ? AFIO_TRUNCATED : 0);
	ck_assert_uint_eq(output->out_len, has_input() ? 1000 : 0);
	ck_assert_uint_eq(output->input_taken, input.len);
	ck_assert_int_eq(output->status, 0);
	close_input(f);
}
END_TEST

START_TEST(input_endless_ends_with_the_child)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, ENDLESS);
	start_one(HELPER("sink", "100000"));
	f = communicate();
	output = outcome(&rig, f, 0, 0);
	ck_assert_int_eq(output->status, has_input() ? 0 : EXITED(1));
	ck_assert_uint_ge(output->input_taken, has_input() ? 100000 : 0);
	ck_assert_uint_le(output->input_taken, input.len);
	close_input(f);
}
END_TEST

/* Without input the grandchild, which lives as long as stdin, ends at once. */
START_TEST(input_endless_ends_after_linger)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, ENDLESS);
	start_one(HELPER("grandchild", "3"));
	input.how.linger = has_input() ? MS(10) : MS(20000);
	f = communicate();
	output = outcome(&rig, f, 0, has_input() ? AFIO_TIMEDOUT : 0);
	ck_assert_str_eq(output->out, "x\n");
	ck_assert_int_eq(output->status, EXITED(3));
	close_input(f);
}
END_TEST

START_TEST(input_without_a_pipe_for_it_is_ebadf)
{
	const struct af_output *output;
	struct af_future *f;

	open_input(_i, MIB);
	chain = start_chain(&rig, CHAIN(HELPER("exit", "0")), NULL);
	f = communicate();
	output = outcome(&rig, f, has_input() ? -EBADF : 0, 0);
	ck_assert_uint_eq(output->input_taken, 0);
	ck_assert_int_eq(input.calls, 0);
	expect_status(&rig, af_pipe_wait(chain, NULL), 0);
	close_input(f);
}
END_TEST

/* Sources that cannot be read; the last gives 10 bytes first. */
static ssize_t give_and_fail(void *buf, size_t len, void *arg)
{
	ck_assert_uint_ge(len, 10);
	memset(buf, 0, 10);
	return input.calls++ == 0 ? 10 : *(int *)arg;
}

START_TEST(input_that_fails_gives_its_error)
{
	/* Also those that are the child's right when writing. */
	static const int errors[] = { -EISDIR, -EBADF,	   -EIO,
				      -EPIPE,  -ECANCELED, -EAGAIN };
	int error = errors[_i % 6];
	const struct af_output *output;
	struct af_future *f;

	open_input(_i / 6 * KINDS, 0);
	start_doze();
	input.how = (struct af_communicate_options){
		.input_kind = AFIO_INPUT_CALLBACK,
		.input_fn = give_and_fail,
		.input_arg = &error,
	};
	if (error == -EBADF || error == -EISDIR)
		input.how.input_kind = AFIO_INPUT_FD;
	input.how.input_fd = rig.out;
	if (error == -EISDIR)
		input.fd = input.how.input_fd = open(".", O_RDONLY | O_CLOEXEC);
	f = communicate();
	output = outcome(&rig, f, error, 0);
	ck_assert_str_eq(output->out, "y\n");
	ck_assert_uint_eq(output->input_taken,
			  input.how.input_kind == AFIO_INPUT_FD ? 0 : 10);
	expect_taken(output->input_taken, 0);
	close_input(f);
}
END_TEST

/* From here on: a function that gives the input. */

/* As open_input(), of the only kind, with a cat that it is for. */
static void open_cat(int i, size_t len)
{
	open_input(i * KINDS + AFIO_INPUT_CALLBACK, len);
	start_one(HELPER("cat"));
}

static ssize_t give_little(void *buf, size_t len, void *arg)
{
	(void)len;
	return give(buf, 1, arg);
}

START_TEST(callback_giving_single_bytes_is_asked_for_each)
{
	const struct af_output *output;
	struct af_future *f;

	open_cat(_i, 3000);
	input.how.input_fn = give_little;
	f = communicate();
	ck_assert_int_eq(input.calls, 0); /* not inside the call */
	output = outcome(&rig, f, 0, 0);
	ck_assert_int_eq(input.calls, 3001);
	ck_assert_uint_eq(output->input_taken, 3000);
	ck_assert_uint_eq(pattern_match(output->out, 3000, 0), 3000);
	close_input(f);
}
END_TEST

START_TEST(callback_with_stdin_full_is_not_asked_for_more)
{
	struct af_future *f;
	size_t given;

	open_input(_i * KINDS + AFIO_INPUT_CALLBACK, ENDLESS);
	start_doze();
	f = communicate();
	expect_full();
	turn(&rig);
	given = input.given;
	expect_error(&rig, af_sleep(rig.loop, MS(20)), 0);
	ck_assert_uint_eq(input.given, given);
	af_future_cancel(f);
	drive(&rig, f);
	/* One buf, and no more, is written for nobody. */
	ck_assert_uint_le(input.given - af_future_output(f)->input_taken,
			  65536);
	expect_taken(af_future_output(f)->input_taken, 0);
	close_input(f);
}
END_TEST

/* Whatever the child takes, it takes at once, so that it is always asked. */
static struct af_future *communicate_endless(int i, const struct timeval *limit)
{
	open_input(i * KINDS + AFIO_INPUT_CALLBACK, ENDLESS);
	input.len = SIZE_MAX;
	chain = start_chain(&rig, CHAIN(HELPER("cat")),
			    WITH(.in.kind = AFIO_PIPE, .out.kind = AFIO_NULL));
	input.how.timeout = limit;
	return communicate();
}

START_TEST(callback_without_end_lets_others_have_their_turn)
{
	struct af_future *f = communicate_endless(_i, NULL);

	put_text(rig.out, "line\n");
	expect_text(&rig, af_file_readline(rig_reader(&rig), 0, 0, 0, NULL),
		    "line\n", 0);
	expect_error(&rig, af_sleep(rig.loop, MS(50)), 0);
	ck_assert_int_gt(input.calls, 0);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	outcome(&rig, f, -ECANCELED, 0);
	expect_end();
	close_input(f);
}
END_TEST

static bool had_turn;

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	had_turn = true;
}

/* Long before stdin is full, which would be a turn's end, too. */
static ssize_t give_and_look(void *buf, size_t len, void *arg)
{
	if (input.calls == 0)
		event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, on_turn,
				NULL, MS(0));
	ck_assert(had_turn || input.calls < 1000);
	return give_little(buf, len, arg);
}

START_TEST(callback_giving_little_lets_libevent_have_its_turn)
{
	struct af_future *f;

	open_cat(_i, 2000);
	had_turn = false;
	input.how.input_fn = give_and_look;
	f = communicate();
	ck_assert_uint_eq(outcome(&rig, f, 0, 0)->input_taken, 2000);
	close_input(f);
}
END_TEST

START_TEST(callback_without_end_is_ended_by_deadline)
{
	int64_t since = now_us();
	struct af_future *f = communicate_endless(_i, MS(50));

	outcome(&rig, f, -ETIMEDOUT, 0);
	expect_elapsed(since, 50);
	ck_assert_uint_gt(af_future_output(f)->input_taken, 0);
	expect_end();
	close_input(f);
}
END_TEST

static ssize_t give_too_much(void *buf, size_t len, void *arg)
{
	(void)buf;
	(void)arg;
	return (ssize_t)len + 1;
}

START_TEST(callback_giving_more_than_fits_is_invalid)
{
	struct af_future *f;

	open_cat(_i, 0);
	input.how.input_fn = give_too_much;
	f = communicate();
	ck_assert_uint_eq(outcome(&rig, f, -EINVAL, 0)->input_taken, 0);
	expect_end();
	close_input(f);
}
END_TEST

static ssize_t give_after_a_wait(void *buf, size_t len, void *arg)
{
	struct af_future *sleep = af_sleep(rig.loop, MS(1));

	ck_assert_int_eq(af_await(sleep), 0);
	af_future_unref(sleep);
	return give(buf, len < 100 ? len : 100, arg);
}

START_TEST(callback_that_waits_holds_nobody_up)
{
	const struct af_output *output;
	struct af_future *f;

	open_cat(_i, 1000);
	input.how.input_fn = give_after_a_wait;
	f = communicate();
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->input_taken, 1000);
	ck_assert_uint_eq(pattern_match(output->out, 1000, 0), 1000);
	close_input(f);
}
END_TEST

static struct af_future *whole;

static ssize_t wait_for_the_whole(void *buf, size_t len, void *arg)
{
	ck_assert_int_eq(af_await(whole), -EDEADLK);
	return give(buf, len, arg);
}

START_TEST(callback_that_waits_for_the_whole_is_a_deadlock)
{
	open_cat(_i, 1000);
	input.how.input_fn = wait_for_the_whole;
	whole = communicate();
	ck_assert_uint_eq(outcome(&rig, whole, 0, 0)->input_taken, 1000);
	close_input(whole);
}
END_TEST

static ssize_t cancel_the_whole(void *buf, size_t len, void *arg)
{
	af_future_cancel(whole);
	return give(buf, len, arg);
}

START_TEST(callback_that_cancels_is_not_asked_again)
{
	open_cat(_i, 1000);
	input.how.input_fn = cancel_the_whole;
	whole = communicate();
	ck_assert_uint_eq(outcome(&rig, whole, -ECANCELED, 0)->input_taken, 0);
	ck_assert_int_eq(input.calls, 1);
	expect_end();
	close_input(whole);
}
END_TEST

/* A write behind it has no turn, and leaves no byte. */
static ssize_t cancel_behind(void *buf, size_t len, void *arg)
{
	struct af_future *behind =
		af_file_write(af_pipe_stdin(chain), "x", 1, 0, NULL);

	af_future_cancel(behind);
	ck_assert_int_eq(af_future_error(behind), -ECANCELED);
	af_future_unref(behind);
	return give(buf, len < 100 ? len : 100, arg);
}

START_TEST(callback_may_cancel_what_is_behind_it)
{
	const struct af_output *output;
	struct af_future *f;

	open_cat(_i, 1000);
	input.how.input_fn = cancel_behind;
	f = communicate();
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->input_taken, 1000);
	ck_assert_uint_eq(pattern_match(output->out, 1000, 0), 1000);
	close_input(f);
}
END_TEST

static ssize_t close_the_pipe(void *buf, size_t len, void *arg)
{
	close_pipe();
	return give(buf, len, arg);
}

START_TEST(callback_that_closes_the_pipe_is_not_asked_again)
{
	pid_t pid;

	open_cat(_i, 1000);
	pid = af_process_pid(child());
	input.how.input_fn = close_the_pipe;
	whole = communicate();
	outcome(&rig, whole, -ECANCELED, 0);
	ck_assert_int_eq(input.calls, 1);
	expect_reaped(&rig, pid);
	close_input(whole);
}
END_TEST

/* Nobody else has a reference. */
START_TEST(callback_whose_future_was_dropped_goes_on)
{
	open_cat(_i, MIB);
	af_future_unref(communicate());
	expect_status(&rig, af_pipe_wait(chain, NULL), 0);
	ck_assert_uint_eq(input.given, MIB);
	close_input(NULL);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
#define ADD_KINDS(tc, test) tcase_add_loop_test(tc, test, 0, KINDS *DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/communicate_input");
	TCase *tc = scratch_case(s, "each kind");

	ADD_KINDS(tc, input_that_ends_is_taken_to_its_end);
	ADD_KINDS(tc, input_past_deadline_is_counted);
	ADD_KINDS(tc, input_canceled_is_counted);
	ADD_KINDS(tc, input_of_closed_pipe_is_counted);
	ADD_KINDS(tc, input_with_too_much_output_is_counted);
	ADD_KINDS(tc, input_with_output_truncated_is_taken_to_its_end);
	ADD_KINDS(tc, input_endless_ends_with_the_child);
	ADD_KINDS(tc, input_endless_ends_after_linger);
	ADD_KINDS(tc, input_without_a_pipe_for_it_is_ebadf);
	tcase_add_loop_test(tc, input_that_fails_gives_its_error, 0,
			    6 * DRIVE_COUNT);

	tc = scratch_case(s, "callback");
	ADD(tc, callback_giving_single_bytes_is_asked_for_each);
	ADD(tc, callback_with_stdin_full_is_not_asked_for_more);
	ADD(tc, callback_without_end_lets_others_have_their_turn);
	ADD(tc, callback_giving_little_lets_libevent_have_its_turn);
	ADD(tc, callback_without_end_is_ended_by_deadline);
	ADD(tc, callback_giving_more_than_fits_is_invalid);
	ADD(tc, callback_that_waits_holds_nobody_up);
	ADD(tc, callback_that_waits_for_the_whole_is_a_deadlock);
	ADD(tc, callback_that_cancels_is_not_asked_again);
	ADD(tc, callback_that_closes_the_pipe_is_not_asked_again);
	ADD(tc, callback_whose_future_was_dropped_goes_on);
	tcase_add_loop_test(tc, callback_may_cancel_what_is_behind_it, 0,
			    DRIVE_COUNT);
	return s;
}
