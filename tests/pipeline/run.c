/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_run(): each row of its table, and that no child is left.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/pattern.h"

#define RUN(...) (&(struct af_run_options){ __VA_ARGS__ })
#define PROGRAM(name) ((const char *const[]){ (name), NULL })

/*
 * The output of a child is captured, so no test can wait until it is up. A run
 * is tried with more and more milliseconds, until the child was up in time.
 */
#define TRY(ms) for (int ms = 10;; ms *= 2)

/* Drives a run, and drops it if it was too early for all of out and err. */
static bool in_time(struct rig *rig, struct af_future *f, const char *out,
		    const char *err)
{
	const struct af_output *output;

	drive(rig, f);
	output = af_future_output(f);
	if (strcmp(output->out, out) == 0 && strcmp(output->err, err) == 0)
		return true;
	af_future_unref(f);
	return false;
}

/* Drives a run, compares its outcome, and drops it. */
static void expect_run(struct rig *rig, struct af_future *f, int error,
		       unsigned flags, int status, const char *out,
		       const char *err)
{
	const struct af_output *output = outcome(rig, f, error, flags);

	ck_assert_str_eq(output->out, out);
	ck_assert_str_eq(output->err, err);
	ck_assert_int_eq(output->status, status);
	ck_assert_uint_eq(output->input_taken, af_future_count(f));
	af_future_unref(f);
}

/* Runs the loop until it has reaped all. */
static void expect_all_reaped(struct rig *rig)
{
	struct event_base *base = af_loop_base(rig->loop);
	int64_t since = now_us();
	siginfo_t info;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		ck_assert_int_lt(now_us() - since, 20000000);
		event_base_once(base, -1, EV_TIMEOUT, on_tick, NULL, MS(5));
		event_base_loop(base, EVLOOP_ONCE);
	}
	ck_assert_int_eq(errno, ECHILD);
}

START_TEST(run_without_options_captures_and_has_no_input)
{
	struct rig rig;

	rig_open(&rig, _i);
	expect_run(&rig, af_run(rig.loop, HELPER("tag", "e"), NULL), 0, 0, 0,
		   "", "e\n");
	expect_run(&rig, af_run(rig.loop, HELPER("wait-eof"), RUN()), 0, 0, 0,
		   "eof\n", "");
	expect_run(&rig, af_run(rig.loop, HELPER("dump-link", "0"), NULL), 0, 0,
		   0, "/dev/null", "");
	expect_no_child();
	rig_close(&rig);
}
END_TEST

START_TEST(run_succeeds_whatever_the_status)
{
	struct rig rig;

	rig_open(&rig, _i);
	expect_run(&rig, af_run(rig.loop, HELPER("exit", "3"), NULL), 0, 0,
		   EXITED(3), "", "");
	expect_run(&rig, af_run(rig.loop, HELPER("kill-self", "9"), NULL), 0, 0,
		   SIGKILL, "", "");
	expect_no_child();
	rig_close(&rig);
}
END_TEST

START_TEST(run_feeds_its_input)
{
	static const struct af_stdio merged = { .kind = AFIO_STDOUT };
	struct rig rig;
	int fd;

	rig_open(&rig, _i);
	expect_run(&rig,
		   af_run(rig.loop, HELPER("cat"),
			  RUN(.communicate = { MEMORY("hello", 5) })),
		   0, 0, 0, "hello", "");
	expect_run(&rig,
		   af_run(rig.loop, HELPER("tag", "e"),
			  RUN(.spawn.err = merged,
			      .communicate = { MEMORY("hello", 5) })),
		   0, 0, 0, "e\nhello", "");
	put_text(rig.out, "from a descriptor");
	rig_hang_up(&rig);
	expect_run(&rig,
		   af_run(rig.loop, HELPER("cat"),
			  RUN(.communicate = { .input_kind = AFIO_INPUT_FD,
					       .input_fd = rig.in })),
		   0, 0, 0, "from a descriptor", "");
	/* What goes elsewhere is not captured. */
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	expect_run(&rig,
		   af_run(rig.loop, HELPER("tag", "e"),
			  RUN(.spawn = { .in.kind = AFIO_PIPE,
					 .out.kind = AFIO_NULL,
					 .err = TO_FD(fd) },
			      .communicate = { MEMORY("hello", 5) })),
		   0, 0, 0, "", "");
	close(fd);
	rig_close(&rig);
}
END_TEST

/* The empty rest of an input is none: stdin may lead anywhere. */
START_TEST(run_takes_empty_memory_for_no_input)
{
	struct rig rig;

	rig_open(&rig, _i);
	expect_run(&rig,
		   af_run(rig.loop, HELPER("dump-link", "0"),
			  RUN(.spawn.in.kind = AFIO_NULL,
			      .communicate = { MEMORY("", 0) })),
		   0, 0, 0, "/dev/null", "");
	rig_close(&rig);
}
END_TEST

START_TEST(run_on_a_terminal_captures_and_feeds_it)
{
	static const struct af_stdio pty = { .kind = AFIO_PTY };
	struct rig rig;

	rig_open(&rig, _i);
	expect_run(&rig,
		   af_run(rig.loop, HELPER("head", "5"),
			  RUN(.spawn = { .in = pty,
					 .out = pty,
					 .err = pty,
					 .pty_flags = AFIO_PTY_RAW },
			      .communicate = { MEMORY("hello", 5) })),
		   0, 0, 0, "hello", "");
	expect_run(&rig,
		   af_run(rig.loop, HELPER("tag", "e"),
			  RUN(.spawn = { .out = pty,
					 .err = pty,
					 .pty_flags = AFIO_PTY_RAW })),
		   0, 0, 0, "e\n", "");
	rig_close(&rig);
}
END_TEST

/* All that is copied is spoilt as soon as the call has returned. */
START_TEST(run_copies_its_options)
{
	char cwd[] = "/", mode[] = "grandchild", number[] = "3";
	const char *argv[] = { helper_path(), mode, number, NULL };
	struct timeval timeout = { .tv_sec = 50 }, linger = { 0 };
	struct timeval grace = { .tv_sec = 5 };
	struct af_run_options options;
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	options = (struct af_run_options){
		.spawn = { .in = TO_FD(rig.in), .cwd = cwd },
		.communicate = { .timeout = &timeout, .linger = &linger },
		.grace = &grace,
	};
	f = af_run(rig.loop, argv, &options);
	memset(cwd, 'x', 1);
	memset(mode, 'x', 4);
	memset(number, '4', 1);
	memset(argv, 0, sizeof argv);
	memset(&timeout, 0xff, sizeof timeout);
	memset(&linger, 0xff, sizeof linger);
	memset(&grace, 0xff, sizeof grace);
	memset(&options, 0xff, sizeof options);
	expect_run(&rig, f, 0, AFIO_TIMEDOUT, EXITED(3), "x\n", "");
	rig_close(&rig);
}
END_TEST

/* A later start changes neither; a chain has the same. */
START_TEST(run_that_cannot_start_tells_the_step)
{
	struct af_future *exec, *chdir, *chain;
	struct rig rig;

	rig_open(&rig, _i);
	exec = af_run(rig.loop, PROGRAM("./missing"), NULL);
	chdir = af_run(rig.loop, HELPER("exit", "0"),
		       RUN(.spawn.cwd = "/nowhere"));
	ck_assert_int_eq(drive(&rig, exec), -ENOENT);
	ck_assert_int_eq(drive(&rig, chdir), -ENOENT);
	ck_assert_str_ne(af_spawn_error(rig.loop), "");
	chain = af_with_timeout(af_future_ref(chdir), MS(10000));
	outcome(&rig, chain, -ENOENT, 0);
	expect_run(&rig, af_run(rig.loop, HELPER("exit", "0"), NULL), 0, 0, 0,
		   "", "");
	ck_assert_str_eq(af_spawn_error(rig.loop), "");
	ck_assert_int_eq(af_future_spawn_step(exec), AFIO_STEP_EXEC);
	ck_assert_str_eq(af_future_spawn_error(exec),
			 "exec ./missing: No such file or directory");
	ck_assert_int_eq(af_future_spawn_step(chdir), AFIO_STEP_CHDIR);
	ck_assert_int_eq(af_future_spawn_step(chain), AFIO_STEP_CHDIR);
	ck_assert_str_eq(af_future_spawn_error(chain),
			 "chdir /nowhere: No such file or directory");
	af_future_unref(chain);
	expect_run(&rig, exec, -ENOENT, 0, -1, "", "");
	expect_run(&rig, chdir, -ENOENT, 0, -1, "", "");
	rig_close(&rig);
}
END_TEST

START_TEST(future_of_no_failed_start_has_no_step)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_run(rig.loop, HELPER("wait-eof"), NULL);
	ck_assert_str_eq(af_future_spawn_error(f), "");
	ck_assert_ptr_null(af_future_output(f));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_str_eq(af_future_spawn_error(f), "");
	ck_assert_int_eq(af_future_spawn_step(f), AFIO_STEP_NONE);
	ck_assert_str_eq(af_future_spawn_error(NULL), "");
	ck_assert_int_eq(af_future_spawn_step(NULL), AFIO_STEP_NONE);
	af_future_unref(f);
	f = af_sleep(rig.loop, MS(0));
	ck_assert_int_eq(af_future_spawn_step(f), AFIO_STEP_NONE);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(run_refuses_options_that_make_no_sense)
{
	const struct af_run_options *const asked[] = {
		RUN(.reserved = { [7] = 1 }),
		RUN(.communicate.reserved = { 1 }),
		RUN(.communicate.overflow = 7),
		RUN(.communicate.timeout = &(struct timeval){ -1, 0 }),
		RUN(.grace = &(struct timeval){ 0, 1000000 }),
		RUN(.grace = MS(-1)),
		RUN(.communicate.linger = MS(-1)),
		RUN(.communicate = { MEMORY(NULL, 1) }),
		RUN(.communicate.input_kind = AFIO_INPUT_FILE),
		RUN(.communicate.input_kind = AFIO_INPUT_CALLBACK),
		RUN(.communicate.input_kind = 77),
		RUN(.spawn.in.kind = AFIO_NULL,
		    .communicate = { MEMORY("x", 1) }),
		RUN(.spawn.in.kind = AFIO_CLOSED,
		    .communicate = { MEMORY("x", 1) }),
		RUN(.spawn.in = TO_FD(0), .communicate = { MEMORY("x", 1) }),
		RUN(.spawn.reserved = { 1 }),
		RUN(.spawn.err.kind = AFIO_PIPE_EACH),
	};
	static const char *const names[] = { "reserved",    "communicate",
					     "communicate", "communicate",
					     "grace",	    "grace",
					     "communicate", "communicate",
					     "communicate", "communicate",
					     "communicate", "in",
					     "in",	    "in",
					     "reserved",    "err" };
	struct af_future *f;
	struct rig rig;
	char text[99];

	rig_open(&rig, 0);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		f = af_run(rig.loop, HELPER("exit", "0"), asked[i]);
		snprintf(text, sizeof text, "option %s: Invalid argument",
			 names[i]);
		ck_assert_str_eq(af_future_spawn_error(f), text);
		ck_assert_int_eq(af_future_spawn_step(f), AFIO_STEP_OPTION);
		expect_spawn_error(&rig, text);
		expect_run(&rig, f, -EINVAL, 0, -1, "", "");
	}
	expect_run(&rig, af_run(rig.loop, NULL, NULL), -EINVAL, 0, -1, "", "");
	f = af_run(NULL, HELPER("exit", "0"), NULL);
	ck_assert_ptr_null(af_future_output(f));
	expect_error(&rig, f, -EINVAL);
	expect_no_child();
	rig_close(&rig);
}
END_TEST

static void *run_elsewhere(void *loop)
{
	struct af_future *f = af_run(loop, HELPER("exit", "0"), NULL);

	ck_assert_int_eq(af_future_error(f), -EPERM);
	ck_assert_ptr_null(af_future_output(f));
	af_future_unref(f);
	return NULL;
}

START_TEST(run_on_another_thread_is_refused)
{
	pthread_t thread;
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_elsewhere, rig.loop),
			 0);
	pthread_join(thread, NULL);
	rig_close(&rig);
}
END_TEST

/* A child that ends by SIGTERM, and one that has to be killed. */
START_TEST(run_stops_the_child_at_its_timeout)
{
	struct af_future *f;
	struct rig rig;
	int64_t since;

	rig_open(&rig, _i);
	TRY(ms) {
		since = now_us();
		f = af_run(rig.loop, HELPER("talk", "0"),
			   RUN(.spawn.in = TO_FD(rig.in),
			       .communicate.timeout = MS(ms)));
		if (!in_time(&rig, f, "", "done\n"))
			continue;
		expect_run(&rig, f, -ETIMEDOUT, 0, SIGTERM, "", "done\n");
		expect_elapsed(since, ms);
		break;
	}
	expect_all_reaped(&rig);
	TRY(ms) {
		since = now_us();
		f = af_run(rig.loop, HELPER("defy", "2"),
			   RUN(.spawn.in = TO_FD(rig.in),
			       .communicate.timeout = MS(ms),
			       .grace = MS(ms)));
		if (!in_time(&rig, f, "", "up\nterm\n"))
			continue;
		expect_run(&rig, f, -ETIMEDOUT, 0, SIGKILL, "", "up\nterm\n");
		expect_elapsed(since, 2 * ms);
		break;
	}
	expect_all_reaped(&rig);
	rig_close(&rig);
}
END_TEST

/* Without a grace there is no SIGTERM that it could hear of. */
START_TEST(run_with_no_grace_kills_at_its_timeout)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	TRY(ms) {
		f = af_run(rig.loop, HELPER("defy", "2"),
			   RUN(.spawn.in = TO_FD(rig.in),
			       .communicate.timeout = MS(ms), .grace = MS(0)));
		ck_assert_int_eq(drive(&rig, f), -ETIMEDOUT);
		ck_assert_str_ne(af_future_output(f)->err, "up\nterm\n");
		if (!in_time(&rig, f, "", "up\n"))
			continue;
		expect_run(&rig, f, -ETIMEDOUT, 0, SIGKILL, "", "up\n");
		break;
	}
	expect_run(&rig,
		   af_run(rig.loop, HELPER("hold"),
			  RUN(.spawn.in = TO_FD(rig.in),
			      .communicate.timeout = MS(0), .grace = MS(0))),
		   -ETIMEDOUT, 0, -1, "", "");
	expect_all_reaped(&rig);
	rig_close(&rig);
}
END_TEST

/* The grandchild is deaf to SIGTERM: the end of the group gets it. */
START_TEST(run_stops_the_group_that_the_child_leads)
{
	struct af_future *f;
	struct pollfd end;
	struct rig rig;

	rig_open(&rig, _i);
	TRY(ms) {
		f = af_run(rig.loop, HELPER("brood"),
			   RUN(.spawn = { .in = TO_FD(rig.in),
					  .new_group = true },
			       .communicate.timeout = MS(ms)));
		if (!in_time(&rig, f, "up\n", ""))
			continue;
		expect_run(&rig, f, -ETIMEDOUT, 0, SIGTERM, "up\n", "");
		break;
	}
	expect_all_reaped(&rig);
	close(rig.in);
	rig.in = -1;
	end = (struct pollfd){ .fd = rig.out };
	/* It is killed, but may not be gone. */
	ck_assert_int_eq(poll(&end, 1, 20000), 1);
	ck_assert(end.revents & POLLERR);
	rig_close(&rig);
}
END_TEST

/* Of a child that has ended, while a grandchild has its output open. */
START_TEST(run_ends_though_a_grandchild_goes_on)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	TRY(ms) {
		f = af_run(rig.loop, HELPER("grandchild", "3"),
			   RUN(.spawn.in = TO_FD(rig.in),
			       .communicate.timeout = MS(ms)));
		ck_assert_int_eq(drive(&rig, f), -ETIMEDOUT);
		if (af_future_status(f) == EXITED(3))
			break;
		af_future_unref(f); /* stopped before its end */
	}
	expect_run(&rig, f, -ETIMEDOUT, 0, EXITED(3), "x\n", "");
	expect_run(&rig,
		   af_run(rig.loop, HELPER("grandchild", "3"),
			  RUN(.spawn.in = TO_FD(rig.in),
			      .communicate.linger = MS(10))),
		   0, AFIO_TIMEDOUT, EXITED(3), "x\n", "");
	expect_all_reaped(&rig);
	rig_close(&rig);
}
END_TEST

/* And a grandchild that outlives a child which is stopped. */
START_TEST(run_stopped_does_not_wait_for_a_grandchild)
{
	struct af_future *f;
	struct rig rig;
	int64_t since;

	rig_open(&rig, _i);
	TRY(ms) {
		since = now_us();
		f = af_run(rig.loop, HELPER("brood"),
			   RUN(.spawn.in = TO_FD(rig.in),
			       .communicate.timeout = MS(ms)));
		if (!in_time(&rig, f, "up\n", ""))
			continue;
		expect_run(&rig, f, -ETIMEDOUT, 0, SIGTERM, "up\n", "");
		expect_elapsed(since, ms);
		break;
	}
	expect_all_reaped(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(run_with_too_much_output_is_stopped)
{
	struct af_future *f;
	struct rig rig;
	int status;

	rig_open(&rig, _i);
	f = af_run(rig.loop, HELPER("endless"),
		   RUN(.communicate.max_output = 4));
	ck_assert_str_eq(outcome(&rig, f, -EMSGSIZE, 0)->out, "y\ny\n");
	/* It is also one that writes where nobody reads. */
	status = af_future_status(f);
	ck_assert(status == SIGTERM || status == SIGPIPE);
	af_future_unref(f);
	expect_no_child();
	expect_run(&rig,
		   af_run(rig.loop, HELPER("tag", "long"),
			  RUN(.communicate.max_output = 2,
			      .communicate.overflow = AFIO_OVERFLOW_TRUNCATE)),
		   0, AFIO_TRUNCATED, 0, "", "lo");
	rig_close(&rig);
}
END_TEST

START_TEST(run_one_byte_around_the_limit_is_exact)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	for (size_t limit = 999; limit <= 1001; limit++) {
		f = af_run(rig.loop, HELPER("write", "1000"),
			   RUN(.communicate.max_output = limit));
		ck_assert_uint_eq(
			outcome(&rig, f, limit < 1000 ? -EMSGSIZE : 0, 0)
				->out_len,
			limit < 1000 ? limit : 1000);
		af_future_unref(f);
		f = af_run(rig.loop, HELPER("write", "1000"),
			   RUN(.communicate.max_output = limit,
			       .communicate.overflow = AFIO_OVERFLOW_TRUNCATE));
		ck_assert_uint_eq(
			outcome(&rig, f, 0, limit < 1000 ? AFIO_TRUNCATED : 0)
				->out_len,
			limit < 1000 ? limit : 1000);
		ck_assert_int_eq(af_future_status(f), 0);
		af_future_unref(f);
	}
	expect_no_child();
	rig_close(&rig);
}
END_TEST

START_TEST(run_with_more_output_than_the_loops_limit_is_stopped)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 4), 0);
	f = af_run(rig.loop, HELPER("endless"), NULL);
	ck_assert_str_eq(outcome(&rig, f, -EMSGSIZE, 0)->out, "y\ny\n");
	af_future_unref(f);
	expect_no_child();
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 1000), 0);
	f = af_run(rig.loop, HELPER("both", "1000"), NULL);
	ck_assert_uint_eq(outcome(&rig, f, 0, 0)->out_len, 1000);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static ssize_t give_error(void *buf, size_t len, void *arg)
{
	(void)buf;
	(void)len;
	(void)arg;
	return -EIO;
}

START_TEST(run_whose_input_fails_is_stopped)
{
	int directory = open("/", O_RDONLY | O_CLOEXEC);
	struct rig rig;

	rig_open(&rig, _i);
	expect_run(&rig,
		   af_run(rig.loop, HELPER("pause"),
			  RUN(.communicate = { .input_kind = AFIO_INPUT_FD,
					       .input_fd = directory })),
		   -EISDIR, 0, SIGTERM, "", "");
	close(directory);
	expect_run(
		&rig,
		af_run(rig.loop, HELPER("pause"),
		       RUN(.communicate = { .input_kind = AFIO_INPUT_CALLBACK,
					    .input_fn = give_error })),
		-EIO, 0, SIGTERM, "", "");
	expect_no_child();
	rig_close(&rig);
}
END_TEST

static void cancel_it(struct af_future *done, void *arg)
{
	(void)done;
	af_future_cancel(arg);
	af_future_unref(arg);
}

/* Cancels f once first, which it drops, is done. */
static void cancel_after(struct af_future *first, struct af_future *f)
{
	af_on_done(first, cancel_it, af_future_ref(f));
}

START_TEST(run_cancelled_kills_and_reaps)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	TRY(ms) {
		f = af_run(rig.loop, HELPER("defy"),
			   RUN(.spawn.in = TO_FD(rig.in)));
		cancel_after(af_sleep(rig.loop, MS(ms)), f);
		if (!in_time(&rig, f, "up\n", ""))
			continue;
		expect_run(&rig, f, -ECANCELED, 0, -1, "up\n", "");
		break;
	}
	expect_all_reaped(&rig);
	/* At once, and in the middle of a stop. */
	f = af_run(rig.loop, HELPER("defy"), RUN(.spawn.in = TO_FD(rig.in)));
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	TRY(ms) {
		f = af_run(rig.loop, HELPER("defy"),
			   RUN(.spawn.in = TO_FD(rig.in),
			       .communicate.timeout = MS(ms),
			       .grace = MS(20000)));
		cancel_after(af_sleep(rig.loop, MS(2 * ms)), f);
		if (!in_time(&rig, f, "up\nterm\n", ""))
			continue;
		expect_run(&rig, f, -ECANCELED, 0, -1, "up\nterm\n", "");
		break;
	}
	expect_all_reaped(&rig);
	rig_close(&rig);
}
END_TEST

static void note_error(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
}

/* A child that says on "said" that it is up, and that it got a SIGTERM. */
static struct af_future *run_deaf(struct rig *rig, int said,
				  const struct timeval *timeout, int *ret_error)
{
	const struct af_fd_map map = { said, 3 };
	struct af_future *f =
		af_run(rig->loop, HELPER("defy", "3"),
		       RUN(.spawn = { .in = TO_FD(rig->in),
				      .fds = &map,
				      .n_fds = 1 },
			   .communicate.timeout = timeout,
			   .grace = MS(20000)));

	af_on_done(af_future_ref(f), note_error, ret_error);
	return f;
}

/* Forgets what a child has said that was too late. */
static void forget_said(struct rig *rig, struct af_file *ear)
{
	struct af_future *f;
	int r;

	do {
		f = af_file_read(ear, 8, 0, MS(0));
		r = drive(rig, f);
		af_future_unref(f);
	} while (r == 0);
	ck_assert_int_eq(r, -ETIMEDOUT);
}

/* Makes one of these that is being stopped. */
static void run_and_stop(struct rig *rig, struct af_file *ear, int said,
			 int *ret_error)
{
	struct af_future *f, *heard;

	TRY(ms) {
		f = run_deaf(rig, said, MS(ms), ret_error);
		heard = af_file_read(ear, 8, AFIO_FULL, NULL);
		cancel_after(f, heard);
		if (drive(rig, heard) == 0)
			break;
		af_future_unref(heard);
		expect_all_reaped(rig);
		forget_said(rig, ear);
	}
	ck_assert_mem_eq(af_future_data(heard, NULL), "up\nterm\n", 8);
	af_future_unref(heard);
}

/*
 * One that is stopped, one that runs, one that was cancelled, and one that has
 * not started.
 */
START_TEST(run_ends_with_its_loop_and_leaves_no_child)
{
	int errors[4] = { 0 };
	struct af_file *ear;
	struct rig rig;
	int fds[2];

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, fds);
	ear = af_file_new(rig.loop, fds[0], 0);
	run_and_stop(&rig, ear, fds[1], &errors[0]);
	for (int i = 1; i < 4; i++) {
		struct af_future *f = run_deaf(&rig, fds[1], NULL, &errors[i]);

		if (i < 3)
			expect_text(&rig, af_file_read(ear, 3, AFIO_FULL, NULL),
				    "up\n", 0);
		if (i == 2)
			af_future_cancel(f);
		af_future_unref(f);
	}
	af_loop_free(rig.loop);
	rig.loop = NULL;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(errors[i], -ECANCELED);
	/* The one that had not started is reaped by its thread. */
	while (library_threads() > 0)
		sched_yield();
	expect_no_child();
	af_file_close(ear);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(run_says_how_much_input_was_taken)
{
	const size_t len = 1 << 20;
	char *data = malloc(len);
	struct af_future *f;
	struct rig rig;
	size_t taken;

	rig_open(&rig, _i);
	pattern_fill(data, len, 0);
	f = af_run(rig.loop, HELPER("pause"),
		   RUN(.communicate = { MEMORY(data, len) }));
	while ((taken = af_future_count(f)) == 0)
		ck_assert_int_eq(af_await_for(f, MS(1)), -ETIMEDOUT);
	ck_assert(taken > 0 && taken < len);
	af_future_cancel(f);
	ck_assert_uint_eq(af_future_count(f), taken);
	ck_assert_uint_eq(af_future_output(f)->input_taken, taken);
	af_future_unref(f);
	expect_all_reaped(&rig);
	free(data);
	rig_close(&rig);
}
END_TEST

static ssize_t await_itself(void *buf, size_t len, void *arg)
{
	(void)buf;
	(void)len;
	ck_assert_int_eq(af_await(*(struct af_future **)arg), -EDEADLK);
	return 0;
}

static ssize_t cancel_itself(void *buf, size_t len, void *arg)
{
	(void)buf;
	(void)len;
	af_future_cancel(*(struct af_future **)arg);
	return 5;
}

START_TEST(run_whose_input_awaits_or_cancels_it_ends)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_run(rig.loop, HELPER("cat"),
		   RUN(.communicate = { .input_kind = AFIO_INPUT_CALLBACK,
					.input_fn = await_itself,
					.input_arg = &f }));
	expect_run(&rig, f, 0, 0, 0, "", "");
	f = af_run(rig.loop, HELPER("cat"),
		   RUN(.communicate = { .input_kind = AFIO_INPUT_CALLBACK,
					.input_fn = cancel_itself,
					.input_arg = &f }));
	expect_run(&rig, f, -ECANCELED, 0, -1, "", "");
	expect_all_reaped(&rig);
	rig_close(&rig);
}
END_TEST

/* What is over its limit no longer ends it, and the grace goes on. */
START_TEST(run_with_too_much_output_while_it_is_stopped_has_its_grace)
{
	const char *const argv[] = {
		"sh", "-c",
		"trap 'echo 12345678901234567890' TERM; echo up;"
		"sleep 1000 & while :; do wait; done",
		NULL
	};
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	TRY(ms)
	{
		int64_t since = now_us();

		f = af_run(rig.loop, argv,
			   RUN(.spawn = { .new_group = true },
			       .communicate = { .timeout = MS(ms),
						.max_output = 10 },
			       .grace = MS(ms)));
		if (in_time(&rig, f, "up\n1234567", "")) {
			expect_elapsed(since, 2 * ms);
			break;
		}
	}
	expect_run(&rig, f, -ETIMEDOUT, 0, SIGKILL, "up\n1234567", "");
	expect_all_reaped(&rig);
	rig_close(&rig);
}
END_TEST

/* Nobody holds a reference any more. */
START_TEST(run_that_is_dropped_goes_on)
{
	struct rig rig;
	char byte;

	rig_open(&rig, 0);
	af_future_unref(af_run(rig.loop, HELPER("tag", "e"),
			       RUN(.spawn.err = TO_FD(rig.out))));
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	get(rig.in, &byte, 1);
	ck_assert_int_eq(byte, 'e');
	expect_no_child();
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/run");
	TCase *tc = test_case(s, "run");
	const struct {
		const TTest *test;
		int n;
	} tests[] = {
		{ run_without_options_captures_and_has_no_input, DRIVE_COUNT },
		{ run_succeeds_whatever_the_status, DRIVE_COUNT },
		{ run_feeds_its_input, DRIVE_COUNT },
		{ run_takes_empty_memory_for_no_input, DRIVE_COUNT },
		{ run_on_a_terminal_captures_and_feeds_it, DRIVE_COUNT },
		{ run_copies_its_options, DRIVE_COUNT },
		{ future_of_no_failed_start_has_no_step, DRIVE_COUNT },
		{ run_refuses_options_that_make_no_sense, 1 },
		{ run_on_another_thread_is_refused, 1 },
		{ run_stops_the_child_at_its_timeout, DRIVE_COUNT },
		{ run_with_no_grace_kills_at_its_timeout, DRIVE_COUNT },
		{ run_stops_the_group_that_the_child_leads, DRIVE_COUNT },
		{ run_ends_though_a_grandchild_goes_on, DRIVE_COUNT },
		{ run_stopped_does_not_wait_for_a_grandchild, DRIVE_COUNT },
		{ run_with_too_much_output_is_stopped, DRIVE_COUNT },
		{ run_one_byte_around_the_limit_is_exact, DRIVE_COUNT },
		{ run_with_more_output_than_the_loops_limit_is_stopped,
		  DRIVE_COUNT },
		{ run_whose_input_fails_is_stopped, DRIVE_COUNT },
		{ run_cancelled_kills_and_reaps, DRIVE_COUNT },
		{ run_ends_with_its_loop_and_leaves_no_child, DRIVE_COUNT },
		{ run_says_how_much_input_was_taken, 1 },
		{ run_whose_input_awaits_or_cancels_it_ends, DRIVE_COUNT },
		{ run_with_too_much_output_while_it_is_stopped_has_its_grace,
		  DRIVE_COUNT },
		{ run_that_is_dropped_goes_on, 1 },
		{ run_that_cannot_start_tells_the_step, DRIVE_COUNT },
	};

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_loop_test(tc, tests[i].test, 0, tests[i].n);
	return s;
}
