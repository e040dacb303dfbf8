/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what broke in other libraries that start processes. Each is one
 * trap; the name of its test case is what it is about.
 */
#include "config.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "children.h"
#include "pattern.h"
#include "scratch.h"

#define MIB ((size_t)1 << 20)

/*
 * Trap 10, a descriptor closed twice. Whatever number became free, a canary
 * gets; a second close of that number kills it.
 */
#define MAX_CANARIES 100

struct canaries {
	int fds[MAX_CANARIES];
	int n;
};

static void plant(struct canaries *canaries)
{
	for (int i = 0; i < 10; i++) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		ck_assert_int_lt(canaries->n, MAX_CANARIES);
		ck_assert_int_ge(fd, 0);
		canaries->fds[canaries->n++] = fd;
	}
}

static void expect_alive(struct canaries *canaries)
{
	struct stat null, status;

	ck_assert_int_eq(stat("/dev/null", &null), 0);
	for (int i = 0; i < canaries->n; i++) {
		ck_assert_int_eq(fstat(canaries->fds[i], &status), 0);
		ck_assert(S_ISCHR(status.st_mode));
		ck_assert_uint_eq(status.st_rdev, null.st_rdev);
		ck_assert_int_eq(fcntl(canaries->fds[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(close(canaries->fds[i]), 0);
	}
}

START_TEST(close_of_everything_closes_each_descriptor_once)
{
	struct af_process *first, *second;
	struct canaries canaries = { .n = 0 };
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	ck_assert_ptr_null(af_spawn(rig.loop,
				    (const char *const[]){ "./no", NULL },
				    WITH(ALL_PIPES)));
	plant(&canaries);
	first = start(&rig, HELPER("cat"), WITH(ALL_PIPES));
	plant(&canaries);
	second = start(&rig, HELPER("cat"),
		       WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			    .out.kind = AFIO_PIPE));
	plant(&canaries);
	pipe = af_pipe_new(first, second);
	ck_assert_ptr_nonnull(pipe);
	expect_count(&rig, af_pipe_write(pipe, "text", 4, AFIO_FULL, NULL), 4,
		     0);
	af_pipe_close_stdin(pipe);
	plant(&canaries);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "text", AFIO_EOF);
	plant(&canaries);
	expect_status(&rig, af_pipe_wait(pipe, NULL), 0);
	plant(&canaries);
	af_pipe_close(pipe);
	plant(&canaries);
	event_base_loop(af_loop_base(rig.loop), EVLOOP_NONBLOCK);
	plant(&canaries);
	rig_close(&rig);
	expect_alive(&canaries);
}
END_TEST

/*
 * Trap 12, a pipe that another thread's child inherits. Two threads start at
 * the same moment: one a few children that live until the round is over, the
 * other quick ones, whose streams end at once unless a long one has them, too.
 */
#define ROUNDS 50
#define EACH 4

struct race {
	const char *helper;
	pthread_barrier_t go, over;
	atomic_int failures;
};

static void *start_long_ones(void *arg)
{
	struct race *race = arg;
	const char *const argv[] = { race->helper, "hold", "0", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *held[EACH];

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->go);
		for (int i = 0; i < EACH; i++)
			held[i] = af_spawn(loop, argv,
					   WITH(.in.kind = AFIO_PIPE));
		pthread_barrier_wait(&race->over);
		for (int i = 0; i < EACH; i++) {
			struct af_future *wait = af_process_wait(held[i], NULL);

			af_process_close_stdin(held[i]);
			race->failures += af_await(wait) != 0;
			af_future_unref(wait);
			af_process_free(held[i]);
		}
	}
	af_loop_free(loop);
	return NULL;
}

static void start_quick_one(struct race *race, struct af_loop *loop)
{
	const char *const argv[] = { race->helper, "echo", NULL };
	struct af_process *process =
		af_spawn(loop, argv, WITH(.out.kind = AFIO_PIPE));
	struct af_future *wait = af_process_wait(process, NULL);
	struct af_future *read =
		af_file_read(af_process_stdout(process), 0, 0, MS(10000));

	race->failures += af_await(read) != 0;
	race->failures += af_future_flags(read) != AFIO_EOF;
	race->failures += af_await(wait) != 0;
	af_future_unref(read);
	af_future_unref(wait);
	af_process_free(process);
}

static void *start_quick_ones(void *arg)
{
	struct race *race = arg;
	struct af_loop *loop = af_loop_new(NULL);

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->go);
		for (int i = 0; i < EACH && race->failures == 0; i++)
			start_quick_one(race, loop);
		pthread_barrier_wait(&race->over);
	}
	af_loop_free(loop);
	return NULL;
}

START_TEST(read_while_another_thread_spawns_sees_eof_at_once)
{
	struct race race = { .helper = helper_path() };
	pthread_t threads[2];

	pthread_barrier_init(&race.go, NULL, 2);
	pthread_barrier_init(&race.over, NULL, 2);
	ck_assert_int_eq(
		pthread_create(&threads[0], NULL, start_long_ones, &race), 0);
	ck_assert_int_eq(
		pthread_create(&threads[1], NULL, start_quick_ones, &race), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&race.go);
	pthread_barrier_destroy(&race.over);
	ck_assert_int_eq(race.failures, 0);
}
END_TEST

/* Trap 13, a later child that holds an earlier one's pipes. */
START_TEST(close_stdin_with_later_sibling_alive_is_seen)
{
	struct af_process *first, *later;
	struct rig rig;

	rig_open(&rig, _i);
	first = start(&rig, HELPER("wait-eof"), WITH(ALL_PIPES));
	later = start(&rig, HELPER("hold", "0"), WITH(ALL_PIPES));
	af_process_close_stdin(first);
	expect_text(&rig,
		    af_file_read(af_process_stdout(first), 0, 0, MS(30000)),
		    "eof\n", AFIO_EOF);
	expect_exit(&rig, first, 0);
	ck_assert(!af_process_poll(later, NULL));
	af_process_close_stdin(later);
	expect_exit(&rig, later, 0);
	rig_close(&rig);
}
END_TEST

/* Trap 14, a grandchild that holds stdout: it lives until rig.out hangs up. */
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

/* Trap 15, output lost because the exit was seen first. */
START_TEST(read_after_exit_was_seen_brings_all)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("write", "4000"),
			WITH(.out.kind = AFIO_PIPE));
	expect_status(&rig, af_process_wait(process, NULL), 0);
	expect_data_pattern(
		&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		4000, 0, AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(read_in_small_pieces_brings_all)
{
	const size_t piece = 1000;
	struct af_process *process;
	struct af_future *wait;
	struct rig rig;
	size_t done;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("write", "1048576"),
			WITH(.out.kind = AFIO_PIPE));
	wait = af_process_wait(process, NULL);
	for (done = 0; done + piece < MIB; done += piece)
		expect_data_pattern(&rig,
				    af_file_read(af_process_stdout(process),
						 piece, AFIO_FULL, NULL),
				    piece, done, 0);
	expect_status(&rig, wait, 0);
	expect_data_pattern(
		&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		MIB - done, done, AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/*
 * Trap 20, a signal for a child that is gone hits a stranger. Starts one with
 * that very number, which lives until fd ends; -1 where that is not allowed.
 */
static pid_t start_stranger(pid_t pid, struct rig *rig)
{
#ifdef HAVE_PIDFD
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	long r = syscall(SYS_clone3, &args, sizeof args);
	char byte;

	if (r == 0) {
		syscall(SYS_close, rig->out);
		syscall(SYS_read, rig->in, &byte, 1);
		syscall(SYS_exit_group, 0);
	}
	return (pid_t)r;
#else
	/* Then two children with one number cannot be told apart. */
	(void)pid;
	(void)rig;
	return -1;
#endif
}

static void expect_stranger_unharmed(struct rig *rig,
				     struct af_process *process)
{
	pid_t pid = af_process_pid(process);
	pid_t stranger = start_stranger(pid, rig);
	int status;

	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_hang_up(rig);
	if (stranger < 0)
		return;
	ck_assert_int_eq(stranger, pid);
	ck_assert_int_eq(waitpid(stranger, &status, 0), stranger);
	ck_assert_int_eq(status, 0);
}

START_TEST(signal_reaped_child_is_esrch_and_hits_nobody)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), NULL);
	expect_status(&rig, af_process_wait(process, NULL), 0);
	expect_stranger_unharmed(&rig, process);
	rig_close(&rig);
}
END_TEST

START_TEST(signal_child_that_another_reaped_hits_nobody)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), NULL);
	ck_assert_int_eq(waitpid(af_process_pid(process), NULL, 0),
			 af_process_pid(process));
	expect_stranger_unharmed(&rig, process);
	rig_close(&rig);
}
END_TEST

static void drop_stop(struct rig *rig, struct af_future *stop)
{
	int r = drive(rig, stop);

	ck_assert(r == 0 || r == -ECHILD);
	af_future_unref(stop);
}

/* The same of a group, whose leader is a stranger with that number. */
START_TEST(signal_group_whose_leader_another_reaped_hits_nobody)
{
	struct af_process *process;
	pid_t pid, stranger;
	struct rig rig;
	int status;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("lead", "exit", "0"), NULL);
	pid = af_process_pid(process);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	stranger = start_stranger(pid, &rig);
	if (stranger > 0)
		ck_assert_int_eq(setpgid(stranger, stranger), 0);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	drop_stop(&rig, af_process_stop(process, MS(0)));
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_hang_up(&rig);
	if (stranger > 0) {
		ck_assert_int_eq(waitpid(stranger, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	rig_close(&rig);
}
END_TEST

/* Trap 21, what is left of a program that could not be run. */
START_TEST(spawn_failing_often_leaves_neither_zombie_nor_descriptor)
{
	static const char *const programs[] = { "./missing", "./",
						"./bad-interpreter" };
	static const int errors[] = { ENOENT, EACCES, ENOENT };
	int unused, n = under_valgrind() ? 2 : 3;
	struct rig rig;

	rig_open(&rig, 0);
	make_file("bad-interpreter", "#!/nowhere/interpreter\n", 0700);
	unused = dup(rig.in);
	close(unused);
	for (int i = 0; i < 99; i++) {
		const char *const argv[] = { programs[i % n], NULL };

		expect_refused(&rig, argv, WITH(ALL_PIPES), errors[i % n]);
		ck_assert_int_eq(dup(rig.in), unused);
		close(unused);
	}
	expect_exit(&rig, start(&rig, HELPER("exit", "0"), NULL), 0);
	rig_close(&rig);
}
END_TEST

/* Were the error's way back open in the child, this would never return. */
START_TEST(spawn_of_long_lived_child_returns_while_it_lives)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	process = start_held(&rig);
	ck_assert(!af_process_poll(process, NULL));
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

/* Trap 22, new pipes that are 0, 1 or 2: _i has a bit for each one closed. */
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
 * Trap 27, communicate that hangs: each manner of child, with no input, and with
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

/* Trap 28, EPIPE of a child that needs no more is no failure. */
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
	Suite *s = suite_create("traps");

	add_case(s, "trap 10, descriptor closed twice",
		 close_of_everything_closes_each_descriptor_once, DRIVE_COUNT);
	add_case(s, "trap 12, inherited by another thread's child",
		 read_while_another_thread_spawns_sees_eof_at_once, 1);
	add_case(s, "trap 13, inherited by a later child",
		 close_stdin_with_later_sibling_alive_is_seen, DRIVE_COUNT);
	add_case(s, "trap 14, grandchild holds stdout",
		 communicate_with_grandchild_left_ends_after_linger,
		 DRIVE_COUNT);
	add_case(s, "trap 15, exit before output",
		 read_after_exit_was_seen_brings_all, DRIVE_COUNT);
	add_case(s, "trap 15, slow reader", read_in_small_pieces_brings_all,
		 DRIVE_COUNT);
	add_case(s, "trap 20, signal after the end",
		 signal_reaped_child_is_esrch_and_hits_nobody, DRIVE_COUNT);
	add_case(s, "trap 20, signal after a foreign wait",
		 signal_child_that_another_reaped_hits_nobody, DRIVE_COUNT);
	add_case(s, "trap 20, signal to a group after a foreign wait",
		 signal_group_whose_leader_another_reaped_hits_nobody,
		 DRIVE_COUNT);
	add_case(s, "trap 21, program that cannot run",
		 spawn_failing_often_leaves_neither_zombie_nor_descriptor, 1);
	add_case(s, "trap 21, error descriptor inherited",
		 spawn_of_long_lived_child_returns_while_it_lives, 1);
	add_case(s, "trap 22, standard descriptors closed",
		 communicate_with_standard_descriptors_closed_works, 8);
	add_case(s, "trap 27, communicate hangs",
		 communicate_with_any_child_and_input_ends, 36 * DRIVE_COUNT);
	add_case(s, "trap 28, child needs no input",
		 communicate_with_early_leaver_succeeds, DRIVE_COUNT);
	return s;
}
