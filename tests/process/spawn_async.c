/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_spawn_async(): each row of its table, what may be freed after the
 * call, and that nothing is left of a start that nobody waits for, at whatever
 * moment that happens.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/contexts.h"
#include "support/inside.h"
#include "support/scratch.h"

#define PROGRAM(name) ((const char *const[]){ (name), NULL })
#define FROM_PATH(name)                                                        \
	{                                                                      \
		.kind = AFIO_PATH, .path = (name)                              \
	}
/* As documented. */
#define MOST_STARTS 16

/* Drives a start, which must succeed, and takes the process. */
static struct af_process *started(struct rig *rig, struct af_future *f)
{
	struct af_process *process;
	int r = drive(rig, f);

	ck_assert_msg(r == 0, "%s", af_future_spawn_error(f));
	ck_assert_str_eq(af_future_spawn_error(f), "");
	process = af_future_take_process(f);
	ck_assert_ptr_nonnull(process);
	ck_assert_ptr_null(af_future_take_process(f));
	af_future_unref(f);
	return process;
}

static void await_no_threads(void)
{
	int64_t since = now_us();

	while (library_threads() > 0) {
		ck_assert_msg(now_us() - since < 20000000, "a thread is left");
		sched_yield();
	}
}

START_TEST(spawn_async_gives_a_process_that_talks)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = started(
		&rig, af_spawn_async(rig.loop, HELPER("cat"), WITH(ALL_PIPES)));
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), "hello\n", 6,
				   AFIO_FULL, NULL),
		     6, 0);
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "hello\n", 0);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_exit(&rig, process, 0);
	process =
		started(&rig, af_spawn_async(rig.loop, PROGRAM("true"), NULL));
	expect_exit(&rig, process, 0);
	ck_assert_str_eq(af_spawn_error(rig.loop), "");
	rig_close(&rig);
}
END_TEST

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	ck_assert_ptr_nonnull(copy);
	return copy;
}

/* All that is passed is overwritten after the call. */
static struct af_future *start_with_passing_options(struct rig *rig, int fd)
{
	char *argv0 = copy_of("a name"), *mode = copy_of("umask");
	char *fds = copy_of("fds"), *limit = copy_of("limit:4");
	char *program = copy_of(inside_path()), *cwd = copy_of(directory);
	char *edit = copy_of("A=1"), *out = copy_of("said");
	const char *argv[] = { argv0, mode, limit, fds, NULL };
	const char *edits[] = { edit, NULL };
	mode_t mask = 027;
	struct af_limit limits = { RLIMIT_CORE, 64, 64 };
	struct af_fd_map map = { fd, 9 };
	char *texts[] = { argv0, mode, fds, limit, program, cwd, edit, out };
	struct af_spawn_options options = {
		.program = program,
		.out = FROM_PATH(out),
		.env_edits = edits,
		.cwd = cwd,
		.fds = &map,
		.n_fds = 1,
		.umask = &mask,
		.limits = &limits,
		.n_limits = 1,
	};
	struct af_future *f = af_spawn_async(rig->loop, argv, &options);

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		memset(texts[i], 'x', strlen(texts[i]));
		free(texts[i]);
	}
	memset(argv, 0, sizeof argv);
	memset(edits, 0, sizeof edits);
	memset(&options, 0xff, sizeof options);
	memset(&limits, 0xff, sizeof limits);
	memset(&map, 0xff, sizeof map);
	mask = 0;
	return f;
}

START_TEST(spawn_async_needs_no_argument_after_the_call)
{
	char text[256] = "";
	struct rig rig;
	int fd;

	rig_open(&rig, 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	expect_exit(&rig, started(&rig, start_with_passing_options(&rig, fd)),
		    0);
	close(fd);
	fd = open("said", O_RDONLY | O_CLOEXEC);
	ck_assert_int_gt(read(fd, text, sizeof text - 1), 0);
	close(fd);
	ck_assert_msg(strstr(text, "27\n") && strstr(text, "64") &&
			      strstr(text, "9"),
		      "%s", text);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_async_needs_no_list_of_signals_after_the_call)
{
	int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct af_process *process;
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, 0);
	signal(SIGHUP, SIG_DFL); /* not so under nohup(1) */
	f = af_spawn_async(rig.loop, HELPER("dump-signals"),
			   WITH(.out.kind = AFIO_PIPE,
				.ignored_signals = signals,
				.n_ignored_signals = 4));
	memset(signals, 0, sizeof signals);
	process = started(&rig, f);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "blocked:\nignored: 1 2 3 15\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

/* Drives a start that fails; compares its errors, and drops it. */
static void expect_failed(struct rig *rig, struct af_future *f, int error,
			  const char *text)
{
	int r = drive(rig, f);

	ck_assert_str_eq(af_future_spawn_error(f), text);
	ck_assert_int_eq(r, error);
	ck_assert_int_eq(af_future_spawn_step(f), step_of(text));
	ck_assert_str_eq(af_spawn_error(rig->loop), text);
	ck_assert_ptr_null(af_future_take_process(f));
	af_future_unref(f);
	expect_no_child();
}

START_TEST(spawn_async_that_fails_tells_the_step)
{
	struct rig rig;

	rig_open(&rig, _i);
	expect_failed(&rig,
		      af_spawn_async(rig.loop, PROGRAM("./missing"), NULL),
		      -ENOENT, "exec ./missing: No such file or directory");
	expect_failed(&rig,
		      af_spawn_async(rig.loop, PROGRAM("true"),
				     WITH(.cwd = "nowhere")),
		      -ENOENT, "chdir nowhere: No such file or directory");
	expect_failed(&rig,
		      af_spawn_async(rig.loop, PROGRAM("true"),
				     WITH(.out.kind = AFIO_PIPE,
					  .in = FROM_PATH("no"))),
		      -ENOENT, "open no: No such file or directory");
	expect_failed(
		&rig,
		af_with_timeout(af_spawn_async(rig.loop, PROGRAM("./missing"),
					       WITH(ALL_PIPES)),
				MS(20000)),
		-ENOENT, "exec ./missing: No such file or directory");
	rig_close(&rig);
}
END_TEST

static void *spawn_elsewhere(void *loop)
{
	struct af_future *f = af_spawn_async(loop, PROGRAM("true"), NULL);
	int r = af_future_error(f);

	af_future_unref(f);
	return (void *)(intptr_t)r;
}

START_TEST(spawn_async_of_nonsense_fails_at_once)
{
	struct af_future *f;
	pthread_t thread;
	struct rig rig;
	void *r;

	ck_assert_int_eq(
		af_future_error(af_spawn_async(NULL, PROGRAM("true"), NULL)),
		-EINVAL);
	ck_assert_ptr_null(af_future_take_process(NULL));
	rig_open(&rig, 0);
	f = af_spawn_async(rig.loop, NULL, NULL);
	ck_assert(af_future_is_done(f));
	expect_failed(&rig, f, -EINVAL, "option argv: Invalid argument");
	f = af_spawn_async(rig.loop, PROGRAM(NULL), NULL);
	ck_assert(af_future_is_done(f));
	expect_failed(&rig, f, -EINVAL, "option argv: Invalid argument");
	f = af_spawn_async(rig.loop, PROGRAM("true"), WITH(.in = TO_FD(-7)));
	ck_assert(af_future_is_done(f));
	expect_failed(&rig, f, -EBADF, "fd -7: Bad file descriptor");
	f = af_spawn_async(rig.loop, PROGRAM("true"), WITH(.reserved = { 1 }));
	ck_assert(af_future_is_done(f));
	expect_failed(&rig, f, -EINVAL, "option reserved: Invalid argument");
	f = af_sleep(rig.loop, MS(0));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_null(af_future_take_process(f));
	af_future_unref(f);
	pthread_create(&thread, NULL, spawn_elsewhere, rig.loop);
	pthread_join(thread, &r);
	ck_assert_int_eq((int)(intptr_t)r, -EPERM);
	rig_close(&rig);
}
END_TEST

START_TEST(process_can_be_taken_from_a_chain)
{
	struct af_future *f, *chain;
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_spawn_async(rig.loop, HELPER("exit", "3"), NULL);
	ck_assert_ptr_null(af_future_take_process(f));
	chain = af_with_timeout(af_future_ref(f), MS(20000));
	ck_assert_int_eq(drive(&rig, chain), 0);
	process = af_future_take_process(chain);
	ck_assert_ptr_nonnull(process);
	ck_assert_ptr_null(af_future_take_process(f));
	af_future_unref(chain);
	af_future_unref(f);
	expect_exit(&rig, process, 3);
	rig_close(&rig);
}
END_TEST

/* Reads the end of file that comes when no child has the other end. */
static void expect_all_gone(struct rig *rig)
{
	char byte;

	close(rig->out);
	rig->out = -1;
	ck_assert_int_eq(read(rig->in, &byte, 1), 0);
}

START_TEST(process_that_nobody_takes_is_killed_and_reaped)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_spawn_async(rig.loop, HELPER("pause"),
			   WITH(ALL_PIPES,
				.fds = &(struct af_fd_map){ rig.out, 5 },
				.n_fds = 1));
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	expect_all_gone(&rig);
	while (waitid(P_ALL, 0, &(siginfo_t){ 0 },
		      WEXITED | WNOHANG | WNOWAIT) == 0)
		expect_error(&rig, af_sleep(rig.loop, MS(5)), 0);
	/* And with a loop that ends first. */
	f = af_spawn_async(rig.loop, HELPER("pause"), NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	af_future_unref(f);
	expect_no_child();
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_async_takes_the_stdout_of_another_process)
{
	struct af_process *first, *second;
	struct rig rig;

	rig_open(&rig, 0);
	first = started(&rig, af_spawn_async(rig.loop, HELPER("tag", "x", "1"),
					     WITH(.out.kind = AFIO_PIPE,
						  .err.kind = AFIO_STDOUT)));
	ck_assert_ptr_nonnull(af_process_stdout(first));
	second = started(&rig, af_spawn_async(rig.loop, HELPER("cat"),
					      WITH(.in = { .kind = AFIO_PROCESS,
							   .process = first },
						   .out.kind = AFIO_PIPE)));
	ck_assert_ptr_null(af_process_stdout(first));
	expect_text(&rig, af_file_read(af_process_stdout(second), 0, 0, NULL),
		    "x\n", AFIO_EOF);
	expect_exit(&rig, first, 0);
	expect_exit(&rig, second, 0);
	/* It is closed if the start fails. */
	first = started(&rig, af_spawn_async(rig.loop, HELPER("endless"),
					     WITH(.out.kind = AFIO_PIPE)));
	expect_error(&rig,
		     af_spawn_async(rig.loop, PROGRAM("./missing"),
				    WITH(.in = { .kind = AFIO_PROCESS,
						 .process = first })),
		     -ENOENT);
	expect_status(&rig, af_process_wait(first, NULL), SIGPIPE);
	af_process_free(first);
	rig_close(&rig);
}
END_TEST

/* A start that hangs for as long as nobody opens the other end of a FIFO. */
static struct af_future *start_stuck(struct rig *rig)
{
	return af_spawn_async(
		rig->loop, HELPER("exit", "0"),
		WITH(.in = FROM_PATH("fifo"), .out.kind = AFIO_PIPE));
}

START_TEST(spawn_async_with_more_groups_than_there_can_be_fails)
{
	const gid_t group = 0;
	int error = geteuid() == 0 ? EINVAL : EPERM;
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_spawn_async(rig.loop, HELPER("exit", "0"),
			   WITH(.groups = &group, .n_groups = 1u << 20));
	ck_assert_int_eq(drive(&rig, f), -error);
	ck_assert_str_eq(af_future_spawn_error(f),
			 reason_of("setgroups", error));
	af_future_unref(f);
	expect_no_child();
	rig_close(&rig);
}
END_TEST

static void make_fifo(void)
{
	unlink("fifo");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
}

/* Succeeds once the other end is being opened. */
static int open_fifo(void)
{
	int fd;

	while ((fd = open("fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		sched_yield();
	return fd;
}

/* Also one that has yet to open the FIFO. */
static void let_them_end(void)
{
	int fd = open_fifo();

	await_no_threads();
	close(fd);
}

static void await_threads(int n)
{
	while (library_threads() < n)
		sched_yield();
}

/* The loop goes on, and so do other starts. */
START_TEST(start_that_hangs_in_open_holds_up_nobody)
{
	struct af_future *stuck;
	struct rig rig;
	int fd;

	rig_open(&rig, _i);
	make_fifo();
	stuck = start_stuck(&rig);
	expect_exit(
		&rig,
		started(&rig, af_spawn_async(rig.loop, PROGRAM("true"), NULL)),
		0);
	expect_error(&rig, af_sleep(rig.loop, MS(20)), 0);
	ck_assert(!af_future_is_done(stuck));
	fd = open_fifo();
	expect_exit(&rig, started(&rig, stuck), 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(start_cancelled_in_open_ends_at_once_and_leaves_nothing)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	make_fifo();
	f = start_stuck(&rig);
	await_threads(1);
	expect_error(&rig, af_sleep(rig.loop, MS(20)), 0);
	af_future_cancel(f);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	f = af_with_timeout(start_stuck(&rig), MS(20));
	expect_error(&rig, f, -ETIMEDOUT);
	ck_assert_int_gt(library_threads(), 0);
	let_them_end();
	expect_no_child();
	rig_close(&rig);
}
END_TEST

/* Against the rules: but the parent must not pay for it. */
START_TEST(start_cancelled_in_a_fork_goes_on_in_the_parent)
{
	struct af_process *process;
	struct af_future *f;
	struct rig rig;
	int status, fd;
	pid_t pid;

	make_fifo();
	rig_open(&rig, 0);
	f = start_stuck(&rig);
	pid = fork();
	if (pid == 0) {
		af_future_cancel(f);
		leave_as_is(af_future_error(f) != -ECANCELED);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	fd = open_fifo();
	process = started(&rig, f);
	close(fd);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(loop_ends_though_a_start_hangs)
{
	int64_t since = now_us();
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	make_fifo();
	f = start_stuck(&rig);
	await_threads(1);
	expect_error(&rig, af_sleep(rig.loop, MS(20)), 0);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	expect_elapsed(since, 0);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_int_gt(library_threads(), 0);
	let_them_end();
	expect_no_child();
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* One more than there may be threads. */
START_TEST(starts_beyond_the_limit_wait_and_can_be_cancelled)
{
	struct af_future *stuck[MOST_STARTS], *more[2];
	struct rig rig;
	int fd;

	rig_open(&rig, _i);
	make_fifo();
	for (int i = 0; i < MOST_STARTS; i++)
		stuck[i] = start_stuck(&rig);
	more[0] = af_spawn_async(rig.loop, PROGRAM("true"), WITH(ALL_PIPES));
	more[1] = af_spawn_async(rig.loop, PROGRAM("true"), WITH(ALL_PIPES));
	expect_error(&rig, af_sleep(rig.loop, MS(50)), 0);
	await_threads(MOST_STARTS);
	ck_assert_int_eq(library_threads(), MOST_STARTS);
	ck_assert(!af_future_is_done(more[0]));
	af_future_cancel(more[0]);
	expect_error(&rig, more[0], -ECANCELED);
	fd = open_fifo();
	for (int i = 0; i < MOST_STARTS; i++)
		expect_exit(&rig, started(&rig, stuck[i]), 0);
	close(fd);
	expect_exit(&rig, started(&rig, more[1]), 0);
	rig_close(&rig);
}
END_TEST

/* A new loop may be where the old one was. */
START_TEST(starts_stuck_for_a_freed_loop_hold_up_no_other)
{
	struct af_future *f;
	struct rig rig, other;

	rig_open(&rig, 0);
	make_fifo();
	for (int i = 0; i < MOST_STARTS; i++)
		af_future_unref(start_stuck(&rig));
	await_threads(MOST_STARTS);
	expect_error(&rig, af_sleep(rig.loop, MS(20)), 0);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	rig_open(&other, 0);
	f = af_with_timeout(
		af_spawn_async(other.loop, HELPER("exit", "2"), NULL),
		MS(20000));
	expect_exit(&other, started(&other, f), 2);
	rig_close(&other);
	let_them_end();
	expect_no_child();
	rig_close(&rig);
}
END_TEST

/* Enough to keep a child busy before its exec, so that it can be stopped. */
static struct af_limit many_limits[500000];

/* Whether the child was still on its way to its program. */
static bool stop_early(struct rig *rig, const struct af_future *f, pid_t pid)
{
	siginfo_t info;

	if (kill(pid, SIGSTOP) < 0 ||
	    waitid(P_PID, (id_t)pid, &info, WSTOPPED) < 0)
		return false;
	if (!af_future_is_done(f))
		expect_error(rig, af_sleep(rig->loop, MS(20)), 0);
	if (!af_future_is_done(f))
		return true;
	kill(pid, SIGCONT);
	return false;
}

/*
 * A start whose child is stopped on its way to its program. One that had the
 * processor for longer than we may have come there before: then another one.
 */
static struct af_future *start_stopped(struct rig *rig,
				       const struct af_spawn_options *options,
				       pid_t *ret_pid)
{
	const size_t n = sizeof many_limits / sizeof *many_limits;
	struct af_spawn_options busy = *options;
	struct af_future *f;

	for (size_t i = 0; i < n; i++)
		many_limits[i] = (struct af_limit){ RLIMIT_CORE, 0, 0 };
	busy.limits = many_limits;
	busy.n_limits = n;
	for (;;) {
		f = af_spawn_async(rig->loop, HELPER("exit", "0"), &busy);
		*ret_pid = find_child();
		if (stop_early(rig, f, *ret_pid))
			return f;
		expect_exit(rig, started(rig, f), 0);
	}
}

/* With a child that shares memory, with one that does not, by the keeper. */
static struct af_spawn_options ways_of_start(int i)
{
	static const uid_t root = 0;
	static const gid_t its_group = 0;
	bool as_user = i == 1 && geteuid() == 0;

	return (struct af_spawn_options){
		.uid = as_user ? &root : NULL,
		.gid = as_user ? &its_group : NULL,
		.die_with_parent = i == 2 && have_linux("die_with_parent"),
	};
}
#define WAYS_OF_START 3

static bool can_be_stopped(void)
{
	return without_valgrind("holds up every thread until the child runs");
}

START_TEST(start_whose_child_hangs_holds_up_nobody)
{
	struct af_spawn_options options = ways_of_start(_i);
	struct af_future *f;
	struct rig rig;
	pid_t pid;

	if (!can_be_stopped())
		return;
	rig_open(&rig, 0);
	f = start_stopped(&rig, &options, &pid);
	/* The C library stops every thread for these. */
	ck_assert_int_eq(setegid(getegid()), 0);
	ck_assert_int_eq(seteuid(geteuid()), 0);
	options.out.kind = AFIO_PIPE;
	expect_exit(&rig,
		    started(&rig, af_spawn_async(rig.loop, HELPER("exit", "1"),
						 &options)),
		    1);
	ck_assert(!af_future_is_done(f));
	kill(pid, SIGCONT);
	expect_exit(&rig, started(&rig, f), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(start_cancelled_while_its_child_hangs_kills_it)
{
	struct af_spawn_options options = ways_of_start(_i);
	struct af_future *f;
	struct rig rig;
	pid_t pid;

	if (!can_be_stopped())
		return;
	rig_open(&rig, 0);
	f = start_stopped(&rig, &options, &pid);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	while (kill(pid, 0) == 0)
		sched_yield();
	expect_no_child();
	f = start_stopped(&rig, &options, &pid);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	while (kill(pid, 0) == 0)
		sched_yield();
	expect_no_child();
	rig_close(&rig);
}
END_TEST

/* After none, one, two … turns of the loop, and some time. */
START_TEST(start_cancelled_at_any_moment_leaves_nothing)
{
	struct af_future *f;
	struct rig rig;

	for (int i = 0; i < 200; i++) {
		rig_open(&rig, 0);
		f = af_spawn_async(
			rig.loop, HELPER("pause"),
			WITH(ALL_PIPES, .die_with_parent = i % 5 == 0));
		for (int64_t end = now_us() + 20 * i; now_us() < end;)
			if (i % 2)
				event_base_loop(af_loop_base(rig.loop),
						EVLOOP_NONBLOCK);
		if (i % 3)
			af_future_cancel(f);
		if (i % 7)
			af_future_unref(f);
		af_loop_free(rig.loop);
		rig.loop = NULL;
		if (i % 7 == 0)
			af_future_unref(f);
		rig_close(&rig);
	}
	await_no_threads();
	while (waitid(P_ALL, 0, &(siginfo_t){ 0 },
		      WEXITED | WNOHANG | WNOWAIT) == 0)
		sched_yield();
}
END_TEST

START_TEST(many_starts_at_once_all_succeed)
{
	enum { N = 100 };
	const bool here = have_linux("die_with_parent");
	struct af_future *f[N];
	struct rig rig;

	rig_open(&rig, _i);
	for (int i = 0; i < N; i++)
		f[i] = af_spawn_async(
			rig.loop, HELPER("exit", "7"),
			WITH(.in.kind = AFIO_PIPE,
			     .die_with_parent = here && i % 4 == 0));
	for (int i = 0; i < N; i++)
		expect_exit(&rig, started(&rig, f[i]), 7);
	rig_close(&rig);
}
END_TEST

/* Such as its nice value, which threads have for themselves. */
START_TEST(child_inherits_from_the_thread_that_asked)
{
	struct rig rig;

	rig_open(&rig, 0);
	for (int nice = 1; nice < 4; nice++) {
		ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, nice), 0);
		expect_exit(
			&rig,
			started(&rig,
				af_spawn_async(rig.loop, ASK("nice"),
					       WITH(.out = FROM_PATH("nice")))),
			0);
		expect_file("nice", (char[]){ (char)('0' + nice), '\n', 0 });
	}
	rig_close(&rig);
}
END_TEST

/*
 * The thread that made the first of them is not in the copy of us. Such a copy
 * may not start threads under ThreadSanitizer.
 */
#ifndef __SANITIZE_THREAD__
START_TEST(child_that_dies_with_its_parent_starts_after_fork)
{
	const struct af_spawn_options dying = { .die_with_parent = true };
	struct rig rig;
	int status;
	pid_t pid;

	if (!have_linux("die_with_parent"))
		return;
	rig_open(&rig, 0);
	expect_exit(&rig, start(&rig, HELPER("exit", "0"), &dying), 0);
	expect_exit(&rig,
		    started(&rig, af_spawn_async(rig.loop, HELPER("exit", "0"),
						 &dying)),
		    0);
	pid = fork();
	if (pid == 0) {
		struct rig own;

		rig_open(&own, 0);
		expect_exit(&own, start(&own, HELPER("exit", "0"), &dying), 0);
		expect_exit(&own,
			    started(&own, af_spawn_async(own.loop,
							 HELPER("exit", "0"),
							 &dying)),
			    0);
		leave_as_is(5);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, EXITED(5));
	rig_close(&rig);
}
END_TEST
#endif

static void spawn_and_await(void *arg)
{
	struct af_future *f = af_spawn_async(arg, HELPER("exit", "4"), NULL);
	struct af_process *process;

	ck_assert_int_eq(af_await(f), 0);
	process = af_future_take_process(f);
	af_future_unref(f);
	f = af_process_wait(process, NULL);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_future_status(f), EXITED(4));
	af_future_unref(f);
	af_process_free(process);
}

START_TEST(spawn_async_can_be_awaited_anywhere)
{
	struct stage stage;

	stage_open(&stage, (enum context)_i);
	stage_play(&stage, spawn_and_await, stage.loop);
	stage_close(&stage);
}
END_TEST

static void take_when_done(struct af_future *done, void *process)
{
	*(struct af_process **)process = af_future_take_process(done);
}

/* With nothing but the start to wait for. */
START_TEST(base_of_the_program_runs_until_the_child_has_started)
{
	struct event_base *base = event_base_new();
	struct af_loop *loop = af_loop_new(base);
	struct af_process *process = NULL;
	struct af_future *f;

	af_on_done(af_spawn_async(loop, HELPER("exit", "0"), NULL),
		   take_when_done, &process);
	event_base_dispatch(base);
	ck_assert_ptr_nonnull(process);
	f = af_process_wait(process, NULL);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	af_process_free(process);
	af_loop_free(loop);
	event_base_free(base);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/spawn_async");
	TCase *tc = scratch_case(s, "spawn_async");

	tcase_add_loop_test(tc, spawn_async_gives_a_process_that_talks, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, spawn_async_needs_no_argument_after_the_call);
	tcase_add_test(tc, spawn_async_needs_no_list_of_signals_after_the_call);
	tcase_add_loop_test(tc, spawn_async_that_fails_tells_the_step, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, spawn_async_of_nonsense_fails_at_once);
	tcase_add_loop_test(tc, process_can_be_taken_from_a_chain, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, process_that_nobody_takes_is_killed_and_reaped,
			    0, DRIVE_COUNT);
	tcase_add_test(tc, spawn_async_takes_the_stdout_of_another_process);
	tcase_add_loop_test(
		tc, spawn_async_with_more_groups_than_there_can_be_fails, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, start_that_hangs_in_open_holds_up_nobody, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(
		tc, start_cancelled_in_open_ends_at_once_and_leaves_nothing, 0,
		DRIVE_COUNT);
	tcase_add_test(tc, start_cancelled_in_a_fork_goes_on_in_the_parent);
	tcase_add_loop_test(tc, loop_ends_though_a_start_hangs, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    starts_beyond_the_limit_wait_and_can_be_cancelled,
			    0, DRIVE_COUNT);
	tcase_add_test(tc, starts_stuck_for_a_freed_loop_hold_up_no_other);
	tcase_add_loop_test(tc, start_whose_child_hangs_holds_up_nobody, 0,
			    WAYS_OF_START);
	tcase_add_loop_test(tc, start_cancelled_while_its_child_hangs_kills_it,
			    0, WAYS_OF_START);
	tcase_add_test(tc, start_cancelled_at_any_moment_leaves_nothing);
	tcase_add_loop_test(tc, many_starts_at_once_all_succeed, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, child_inherits_from_the_thread_that_asked);
#ifndef __SANITIZE_THREAD__
	tcase_add_test(tc, child_that_dies_with_its_parent_starts_after_fork);
#endif
	tcase_add_loop_test(tc, spawn_async_can_be_awaited_anywhere, 0,
			    CONTEXT_COUNT);
	tcase_add_test(tc,
		       base_of_the_program_runs_until_the_child_has_started);
	return s;
}
