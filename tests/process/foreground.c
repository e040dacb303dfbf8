/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of children that have the program's controlling terminal. Each test is
 * done by a process that leads a session of its own, on a terminal whose other
 * side it has, too.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <termios.h>

#include "support/denied.h"
#include "support/nobody.h"

#define FOREGROUND .new_group = true, .foreground = true
#define CTRL_Z "\x1a"
#define CTRL_C "\x3"

static struct rig rig;
static int terminal, keyboard; /* its two sides */

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What cannot be awaited in any other way. */
static void pass_time(void)
{
	expect_count(&rig, af_sleep(rig.loop, MS(2)), 0, 0);
}

static void lead_session(void)
{
	struct termios modes;
	int fds[2];

	make_pty(fds);
	keyboard = fds[0];
	terminal = fds[1];
	ck_assert_int_eq(tcgetattr(terminal, &modes), 0);
	modes.c_lflag |= ISIG;
	ck_assert_int_eq(tcsetattr(terminal, TCSANOW, &modes), 0);
	ck_assert_int_gt(setsid(), 0);
	ck_assert_int_eq(ioctl(terminal, TIOCSCTTY, 0), 0);
}

static void in_session(void (*body)(void), int driver)
{
	int status, n;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(TEST_TIMEOUT);
		lead_session();
		n = count_descriptors();
		rig_open(&rig, driver);
		body();
		rig_close(&rig);
		ck_assert_int_eq(count_descriptors(), n);
		expect_no_child();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "status is %#x", (unsigned)status);
}

static pid_t owner(void)
{
	return tcgetpgrp(terminal);
}

static bool is_ours(void)
{
	return owner() == getpgrp();
}

/* Waits until the terminal is, with nothing else to wait for. */
static void await_terminal(void)
{
	int64_t since = now_us();

	while (!is_ours()) {
		ck_assert_int_lt(now_us() - since, 20000000);
		pass_time();
	}
}

/* As a shell does. */
static void give_terminal(pid_t group)
{
	sigset_t ttou;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, NULL);
	ck_assert_int_eq(tcsetpgrp(terminal, group), 0);
	sigprocmask(SIG_UNBLOCK, &ttou, NULL);
}

/* A child that lives until rig.out is closed. */
static struct af_process *start_in_foreground(void)
{
	struct af_process *process =
		start(&rig, HELPER("hold", "0"),
		      WITH(.in = TO_FD(rig.in), FOREGROUND));

	ck_assert_int_eq(owner(), af_process_pid(process));
	return process;
}

static struct af_future *change(struct af_process *process)
{
	return af_process_wait_change(process, NULL);
}

#define STOPPED(sig) ((sig) << 8 | 0x7f)

static void has_it(void)
{
	expect_says(&rig, ASK("foreground", "group"), WITH(FOREGROUND),
		    "foreground\nown\n");
	ck_assert(is_ours());
	expect_says(&rig, ASK("foreground", "group"), WITH(.new_group = true),
		    "background\nown\n");
	expect_says(&rig, ASK("foreground"), WITH(0), "foreground\n");
}

START_TEST(child_in_the_foreground_has_the_terminal_from_its_start)
{
	in_session(has_it, _i);
}
END_TEST

static void stops_and_goes_on(void)
{
	struct af_process *process = start_in_foreground();
	pid_t pid = af_process_pid(process);

	for (int i = 0; i < 3; i++) {
		struct af_future *f = change(process);

		put_text(keyboard, CTRL_Z);
		expect_status(&rig, f, STOPPED(SIGTSTP));
		ck_assert(is_ours());
		f = change(process);
		give_terminal(pid);
		af_process_signal_group(process, SIGCONT);
		expect_status(&rig, f, 0xffff);
		ck_assert_int_eq(owner(), pid);
	}
	put_text(keyboard, CTRL_C);
	expect_status(&rig, af_process_wait(process, NULL), SIGINT);
	ck_assert(is_ours());
	af_process_free(process);
}

START_TEST(terminal_comes_back_when_the_child_stops_and_when_it_ends)
{
	in_session(stops_and_goes_on, _i);
}
END_TEST

static void stops_and_is_asked(void)
{
	struct af_process *process = start_in_foreground();

	put_text(keyboard, CTRL_Z);
	await_change(af_process_pid(process), WSTOPPED | WNOWAIT);
	/* The loop has had no time to look for a stop by itself. */
	expect_status(&rig, af_process_wait_change(process, MS(0)),
		      STOPPED(SIGTSTP));
	ck_assert(is_ours());
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
}

START_TEST(terminal_comes_back_with_a_stop_that_is_asked_for)
{
	in_session(stops_and_is_asked, _i);
}
END_TEST

static void stops_unwatched(void)
{
	struct af_process *process = start_in_foreground();
	pid_t pid = af_process_pid(process);
	struct af_future *f;

	put_text(keyboard, CTRL_Z);
	await_terminal();
	/* That took no notice away. */
	expect_status(&rig, change(process), STOPPED(SIGTSTP));
	give_terminal(pid);
	f = change(process);
	af_process_signal_group(process, SIGCONT);
	expect_status(&rig, f, 0xffff);
	/* One that waits ended, and another one times out. */
	expect_error(&rig, af_process_wait(process, MS(5)), -ETIMEDOUT);
	put_text(keyboard, CTRL_Z);
	await_terminal();
	give_terminal(pid);
	ck_assert_int_eq(af_process_signal_group(process, SIGCONT), 0);
	rig_hang_up(&rig);
	await_terminal();
	expect_exit(&rig, process, 0);
}

START_TEST(terminal_comes_back_when_nobody_waits)
{
	in_session(stops_unwatched, _i);
}
END_TEST

static void ends_and_is_polled(void)
{
	struct af_process *process = start_in_foreground();
	int status;

	rig_hang_up(&rig);
	await_zombie(af_process_pid(process));
	ck_assert(!is_ours());
	ck_assert(af_process_poll(process, &status));
	ck_assert_int_eq(status, 0);
	ck_assert(is_ours());
	af_process_free(process);
}

START_TEST(terminal_comes_back_when_the_end_is_polled)
{
	in_session(ends_and_is_polled, 0);
}
END_TEST

static void ends_without_pidfds(void)
{
	const struct denied pidfds[] = { DENIED_PIDFDS };
	struct af_process *process;

	if (!deny(pidfds, 2, EPERM))
		return;
	process = start_in_foreground();
	put_text(keyboard, CTRL_Z);
	await_terminal();
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	ck_assert(is_ours());
	af_process_free(process);
}

START_TEST(terminal_comes_back_without_pidfds)
{
	in_session(ends_without_pidfds, _i);
}
END_TEST

/*
 * A look at whether it stops keeps no loop running, one at whether it ends does,
 * also if both are due together.
 */
static void is_awaited_without_pidfds(void)
{
	const struct denied pidfds[] = { DENIED_PIDFDS };
	struct af_process *process;
	struct af_future *f;

	if (!deny(pidfds, 2, EPERM))
		return;
	process = start_in_foreground();
	f = af_process_wait(process, NULL);
	rig_hang_up(&rig);
	expect_status(&rig, f, EXITED(0));
	af_process_free(process);
}

START_TEST(end_of_a_child_in_the_foreground_is_awaited_without_pidfds)
{
	in_session(is_awaited_without_pidfds, _i);
}
END_TEST

/* A stop that cannot be seen is none; the end is seen. */
static void stops_unseen(void)
{
	const struct denied stops = { "waitid, WSTOPPED", SYS_waitid, 4,
				      WSTOPPED, WSTOPPED };
	struct af_process *process;

	if (!deny(&stops, 1, EPERM))
		return;
	process = start_in_foreground();
	expect_error(&rig, af_process_wait(process, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(owner(), af_process_pid(process));
	rig_hang_up(&rig);
	await_terminal();
	expect_exit(&rig, process, 0);
}

START_TEST(terminal_comes_back_at_the_end_if_stops_cannot_be_seen)
{
	in_session(stops_unseen, _i);
}
END_TEST

/* That we have it stop is between us and it. */
static void is_traced(void)
{
	struct af_process *process = start_in_foreground();
	pid_t pid = af_process_pid(process);

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
		ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
		await_change(pid, WSTOPPED | WNOWAIT);
		expect_error(&rig, af_process_wait(process, MS(20)),
			     -ETIMEDOUT);
		ck_assert_int_eq(owner(), pid);
	} else {
		fprintf(stderr, "skipped: no ptrace\n");
	}
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	ck_assert(is_ours());
	af_process_free(process);
}

START_TEST(terminal_stays_with_a_child_that_we_trace)
{
	in_session(is_traced, _i);
}
END_TEST

static void does_not_keep_the_loop(void)
{
	struct af_process *process = start_in_foreground();

	expect_error(&rig, af_process_wait(process, MS(5)), -ETIMEDOUT);
	expect_error(&rig, af_process_wait_change(process, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(owner(), af_process_pid(process));
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
}

START_TEST(terminal_given_away_keeps_no_loop_running)
{
	in_session(does_not_keep_the_loop, 0);
}
END_TEST

static void cannot_start(void)
{
	static const char *const missing[] = { "./no", NULL };

	expect_reason(&rig, missing, WITH(FOREGROUND), ENOENT,
		      "exec ./no: No such file or directory");
	ck_assert(is_ours());
	expect_reason(
		&rig, HELPER("cat"),
		WITH(.in = { .kind = AFIO_PATH, .path = "./no" }, FOREGROUND),
		ENOENT, "open ./no: No such file or directory");
	ck_assert(is_ours());
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(
		rig.loop, CHAIN(HELPER("cat"), missing), WITH(FOREGROUND)));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert(is_ours());
}

START_TEST(terminal_of_a_start_that_fails_stays_the_programs)
{
	in_session(cannot_start, 0);
}
END_TEST

static void pipeline_has_it(void)
{
	struct af_pipe *pipe = start_chain(
		&rig, CHAIN(HELPER("head", "1"), HELPER("hold", "0")),
		WITH(.in.kind = AFIO_PIPE, FOREGROUND));
	pid_t group = af_process_pid(af_pipe_process(pipe, 0));

	ck_assert_int_eq(owner(), group);
	ck_assert_int_eq(getpgid(af_process_pid(af_pipe_process(pipe, 1))),
			 group);
	put_text(keyboard, CTRL_Z);
	await_terminal();
	for (size_t i = 0; i < 2; i++)
		expect_status(&rig, change(af_pipe_process(pipe, i)),
			      STOPPED(SIGTSTP));
	give_terminal(group);
	ck_assert_int_eq(af_pipe_signal_group(pipe, SIGCONT), 0);
	expect_count(&rig, af_pipe_write(pipe, "x", 1, AFIO_FULL, NULL), 1, 0);
	expect_success(&rig, pipe);
	ck_assert(is_ours());
}

START_TEST(terminal_of_a_pipeline_is_of_all_its_stages)
{
	in_session(pipeline_has_it, _i);
}
END_TEST

static void stages_end_in_turn(void)
{
	struct af_pipe *pipe = start_chain(
		&rig, CHAIN(HELPER("exit", "0"), ASK("foreground", "eof")),
		WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE, FOREGROUND));
	struct af_process *first = af_pipe_process(pipe, 0);
	struct af_pipe *held;
	pid_t group;

	expect_status(&rig, af_process_wait(first, NULL), 0);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "foreground\nend\n",
		    AFIO_EOF);
	expect_success(&rig, pipe);
	ck_assert(is_ours());

	held = start_chain(&rig, CHAIN(HELPER("exit", "0"), HELPER("pause")),
			   WITH(FOREGROUND));
	first = af_pipe_process(held, 0);
	group = af_process_pid(first);
	expect_status(&rig, af_process_wait(first, NULL), 0);
	ck_assert_int_eq(owner(), group);
	put_text(keyboard, CTRL_C);
	expect_status(&rig, af_pipe_wait(held, NULL), SIGINT);
	ck_assert(is_ours());
	af_pipe_close(held);
}

START_TEST(terminal_stays_with_the_stages_that_are_left)
{
	in_session(stages_end_in_turn, _i);
}
END_TEST

static void stage_with_options_of_its_own(void)
{
	const struct af_spawn_options own = { .cwd = "/" };
	const struct af_stage stages[] = {
		{ .argv = ASK("cwd", "foreground"), .options = &own },
		{ .argv = HELPER("cat") },
	};
	struct af_pipe *pipe = af_pipe_spawn_stages(
		rig.loop, stages, 2, WITH(.out.kind = AFIO_PIPE, FOREGROUND));

	ck_assert_ptr_nonnull(pipe);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "/\nforeground\n",
		    AFIO_EOF);
	expect_success(&rig, pipe);
	ck_assert(is_ours());
}

START_TEST(stage_with_options_of_its_own_has_the_terminal_too)
{
	in_session(stage_with_options_of_its_own, 0);
}
END_TEST

static void two_in_turn(void)
{
	struct af_process *first = start_in_foreground(), *second;

	second = start(&rig, HELPER("pause"), WITH(FOREGROUND));
	ck_assert_int_eq(owner(), af_process_pid(second));
	rig_hang_up(&rig);
	expect_exit(&rig, first, 0);
	ck_assert_int_eq(owner(), af_process_pid(second));
	expect_status(&rig, af_process_stop(second, MS(0)), SIGKILL);
	ck_assert(is_ours());
	af_process_free(second);
}

START_TEST(terminal_given_to_another_child_stays_with_it)
{
	in_session(two_in_turn, _i);
}
END_TEST

/* A child that is in the background by now does not change who has it. */
static void one_stops_in_the_background(void)
{
	struct af_process *first = start_in_foreground(), *second;

	second = start(&rig, HELPER("pause"), WITH(FOREGROUND));
	ck_assert_int_eq(af_process_signal(first, SIGSTOP), 0);
	expect_status(&rig, change(first), STOPPED(SIGSTOP));
	ck_assert_int_eq(owner(), af_process_pid(second));
	expect_status(&rig, af_process_stop(first, MS(0)), SIGKILL);
	af_process_free(first);
	expect_status(&rig, af_process_stop(second, MS(0)), SIGKILL);
	af_process_free(second);
	ck_assert(is_ours());
}

START_TEST(stop_in_the_background_leaves_the_terminal_alone)
{
	in_session(one_stops_in_the_background, 0);
}
END_TEST

static void joins_a_group(void)
{
	struct af_process *leader =
		start(&rig, HELPER("hold", "0"),
		      WITH(.in = TO_FD(rig.in), .new_group = true));
	pid_t group = af_process_pid(leader);

	ck_assert(is_ours());
	expect_says(&rig, ASK("foreground"),
		    WITH(.group = group, .foreground = true), "foreground\n");
	/* The leader was not to have it. */
	ck_assert(is_ours());
	rig_hang_up(&rig);
	expect_exit(&rig, leader, 0);
}

START_TEST(terminal_of_a_group_that_is_joined_comes_back)
{
	in_session(joins_a_group, 0);
}
END_TEST

static void lives_on_without_its_process(void)
{
	struct af_process *process = start_in_foreground();
	pid_t pid = af_process_pid(process);

	af_process_free(process);
	ck_assert_int_eq(owner(), pid);
	put_text(keyboard, CTRL_Z);
	await_terminal();
	give_terminal(pid);
	ck_assert_int_eq(kill(-pid, SIGCONT), 0);
	rig_hang_up(&rig);
	await_terminal();
	expect_reaped(&rig, pid);
}

START_TEST(terminal_comes_back_from_a_child_whose_process_was_freed)
{
	in_session(lives_on_without_its_process, _i);
}
END_TEST

static void is_killed_with_its_loop(void)
{
	struct af_process *process = start(
		&rig, HELPER("pause"), WITH(FOREGROUND, .kill_on_free = true));

	ck_assert(!is_ours());
	af_process_free(process);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert(is_ours());
}

START_TEST(terminal_of_a_child_killed_with_its_loop_comes_back)
{
	in_session(is_killed_with_its_loop, 0);
}
END_TEST

static void is_released(void)
{
	struct af_process *process = start_in_foreground();
	pid_t pid = take_over(process, NULL, NULL);

	ck_assert_int_eq(owner(), pid);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(owner(), pid);
	give_terminal(getpgrp());
}

START_TEST(terminal_of_a_child_released_is_the_programs_to_take)
{
	in_session(is_released, 0);
}
END_TEST

static void leaves_its_loop(void)
{
	struct af_process *process = start_in_foreground();
	pid_t pid = af_process_pid(process);

	af_loop_free(rig.loop);
	rig.loop = NULL;
	af_process_free(process);
	ck_assert_int_eq(owner(), pid);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(terminal_of_a_child_whose_loop_was_freed_stays_its_own)
{
	in_session(leaves_its_loop, 0);
}
END_TEST

static void gives_it_to_a_group_of_its_own(void)
{
	/* A shell with job control, and a job of it that does not end. */
	struct af_process *process =
		start(&rig,
		      ((const char *const[]){
			      "sh", "-c", "set -m; \"$0\" hold 0 & fg; exit 0",
			      helper_path(), NULL }),
		      WITH(.in = TO_FD(terminal), .out.kind = AFIO_NULL,
			   .err.kind = AFIO_NULL, FOREGROUND));
	pid_t pid = af_process_pid(process), job;
	int64_t since = now_us();

	while ((job = owner()) == pid) {
		ck_assert_int_lt(now_us() - since, 20000000);
		pass_time();
	}
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	ck_assert(is_ours());
	af_process_free(process);
	ck_assert_int_eq(kill(-job, SIGKILL), 0);
}

START_TEST(terminal_that_the_child_gave_away_comes_back_at_its_end)
{
	in_session(gives_it_to_a_group_of_its_own, 0);
}
END_TEST

/* One stage has a job in the foreground when another one ends. */
static void stage_gives_it_away(void)
{
	struct af_pipe *pipe = start_chain(
		&rig,
		CHAIN(HELPER("hold", "0"),
		      ((const char *const[]){
			      "sh", "-c", "set -m; \"$0\" pause & fg; exit 0",
			      helper_path(), NULL })),
		WITH(.in = TO_FD(rig.in), .out.kind = AFIO_NULL,
		     .err.kind = AFIO_NULL, FOREGROUND));
	struct af_process *first = af_pipe_process(pipe, 0);
	pid_t group = af_process_pid(first), job;
	pid_t shell = af_process_pid(af_pipe_process(pipe, 1));
	int64_t since = now_us();

	while ((job = owner()) == group || job == shell) {
		ck_assert_int_lt(now_us() - since, 20000000);
		pass_time();
	}
	rig_hang_up(&rig);
	expect_status(&rig, af_process_wait(first, NULL), 0);
	ck_assert_int_eq(owner(), job);
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	ck_assert(is_ours());
	af_pipe_close(pipe);
	ck_assert_int_eq(kill(-job, SIGKILL), 0);
}

START_TEST(terminal_that_a_stage_gave_away_stays_there_while_it_lives)
{
	in_session(stage_gives_it_away, 0);
}
END_TEST

static void is_in_the_background(void)
{
	struct af_process *other =
		start(&rig, HELPER("hold", "0"),
		      WITH(.in = TO_FD(rig.in), .new_group = true));
	pid_t group = af_process_pid(other);

	give_terminal(group);
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig.loop, HELPER("cat"), WITH(FOREGROUND)));
	ck_assert_int_eq(errno, EPERM);
	expect_spawn_error(&rig, "terminal: Operation not permitted");
	ck_assert_int_eq(owner(), group);
	/* A group that is no more has nothing to lose. */
	rig_hang_up(&rig);
	expect_exit(&rig, other, 0);
	ck_assert_int_eq(owner(), group);
	expect_says(&rig, ASK("foreground"), WITH(FOREGROUND), "foreground\n");
	ck_assert(is_ours());
}

START_TEST(terminal_that_the_program_does_not_have_is_not_given)
{
	in_session(is_in_the_background, 0);
}
END_TEST

/* It is somebody's, though we may not even ask who. */
static void another_user_has_it(void)
{
	struct af_process *other =
		start(&rig, HELPER("hold", "0"),
		      WITH(.in = TO_FD(rig.in), .new_group = true));
	pid_t group = af_process_pid(other);

	give_terminal(group);
	ck_assert_int_eq(syscall(SYS_setresuid, nobody, nobody, 0), 0);
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig.loop, HELPER("cat"), WITH(FOREGROUND)));
	ck_assert_int_eq(errno, EPERM);
	expect_spawn_error(&rig, "terminal: Operation not permitted");
	ck_assert_int_eq(syscall(SYS_setresuid, 0, 0, 0), 0);
	ck_assert_int_eq(owner(), group);
	rig_hang_up(&rig);
	expect_exit(&rig, other, 0);
}

START_TEST(terminal_that_another_user_has_is_not_given)
{
	if (is_root())
		in_session(another_user_has_it, 0);
}
END_TEST

/* What the library opens /dev/tty with. */
static const struct denied dev_tty = { "openat, O_NOCTTY", SYS_openat, 3,
				       O_NOCTTY, O_NOCTTY };

static void has_it_by_a_stream(void)
{
	int before = fcntl(0, F_DUPFD_CLOEXEC, 3);
	struct af_process *process;

	ck_assert_int_eq(dup2(terminal, 0), 0);
	if (deny(&dev_tty, 1, ENOENT)) {
		process = start_in_foreground();
		rig_hang_up(&rig);
		expect_exit(&rig, process, 0);
		ck_assert(is_ours());
	}
	ck_assert_int_eq(dup2(before, 0), 0);
	close(before);
}

START_TEST(terminal_that_a_stream_leads_to_needs_no_name)
{
	in_session(has_it_by_a_stream, 0);
}
END_TEST

static void cannot_give_it(void)
{
	const struct denied give = { "TIOCSPGRP", SYS_ioctl, 2, ~0u,
				     TIOCSPGRP };

	if (deny(&give, 1, EIO))
		expect_reason(&rig, HELPER("cat"), WITH(FOREGROUND), EIO,
			      reason_of("terminal", EIO));
	ck_assert(is_ours());
}

START_TEST(terminal_that_cannot_be_given_is_a_start_that_fails)
{
	in_session(cannot_give_it, 0);
}
END_TEST

static int dev_tty_error;

static void has_no_room(void)
{
	if (deny(&dev_tty, 1, dev_tty_error))
		expect_reason(&rig, HELPER("cat"), WITH(FOREGROUND),
			      dev_tty_error,
			      reason_of("terminal", dev_tty_error));
}

START_TEST(terminal_for_which_the_system_has_no_room_is_not_given)
{
	dev_tty_error = _i ? ENOMEM : ENFILE;
	in_session(has_no_room, 0);
}
END_TEST

static void hangs_up(void)
{
	struct af_process *process;

	signal(SIGHUP, SIG_IGN);
	process = start_in_foreground();
	close(keyboard);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	keyboard = open("/dev/null", O_RDONLY | O_CLOEXEC);
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig.loop, HELPER("cat"), WITH(FOREGROUND)));
	ck_assert_int_eq(errno, ENOTTY);
}

START_TEST(terminal_that_hangs_up_is_none)
{
	in_session(hangs_up, 0);
}
END_TEST

static void makes_no_sense(void)
{
	static const char text[] = "option foreground: Invalid argument";

	expect_reason(&rig, HELPER("cat"), WITH(.foreground = true), EINVAL,
		      text);
	expect_reason(&rig, HELPER("cat"),
		      WITH(.new_session = true, FOREGROUND), EINVAL, text);
	expect_reason(&rig, HELPER("cat"),
		      WITH(.in.kind = AFIO_PTY, FOREGROUND), EINVAL, text);
}

START_TEST(foreground_without_a_group_makes_no_sense)
{
	in_session(makes_no_sense, 0);
}
END_TEST

/* /dev/tty is the only way to a terminal that no stream leads to. */
static void has_no_descriptor_left(void)
{
	struct rlimit limit, none;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd;
	close(fd);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_reason(&rig, HELPER("cat"), WITH(FOREGROUND), EMFILE,
		      reason_of("terminal", EMFILE));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(is_ours());
}

START_TEST(foreground_without_a_descriptor_for_it_is_emfile)
{
	in_session(has_no_descriptor_left, 0);
}
END_TEST

static void await_no_threads(void)
{
	int64_t since = now_us();

	while (library_threads() > 0)
		ck_assert_int_lt(now_us() - since, 20000000);
}

static bool to_nobody = true;

/* A group that ends at once has it. */
static void leave_to_nobody(int tty)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	setpgid(pid, pid);
	tcsetpgrp(tty, pid);
	waitpid(pid, NULL, 0);
}

/*
 * In the child, whose helper outlives it: takes the terminal only when told to,
 * and keeps the start from ending before.
 */
static int leave_a_late_taker(void *arg)
{
	pid_t group = getpgrp();
	char byte = 0;

	if (fork() == 0) {
		if (write(6, "x", 1) != 1 || read(5, &byte, 1) != 1)
			_exit(1);
		if (arg)
			leave_to_nobody(8);
		else
			tcsetpgrp(8, group);
		_exit(0);
	}
	for (;;)
		pause();
}

/* A start that waits there, in a group (0: its own); say "go" by *ret_go. */
static struct af_future *start_taker(pid_t group, void *arg, int *ret_go)
{
	int go[2], up[2];
	struct af_fd_map fds[3];
	struct af_future *f;
	char byte;

	make_pair(KIND_PIPE, go);
	make_pair(KIND_PIPE, up);
	fds[0] = (struct af_fd_map){ go[0], 5 };
	fds[1] = (struct af_fd_map){ up[1], 6 };
	fds[2] = (struct af_fd_map){ terminal, 8 };
	f = af_spawn_async(rig.loop, HELPER("pause"),
			   WITH(.new_group = group == 0, .group = group,
				.foreground = true, .fds = fds, .n_fds = 3,
				.before_identity = leave_a_late_taker,
				.before_identity_arg = arg));
	get(up[0], &byte, 1);
	ck_assert(!is_ours());
	close(go[0]);
	close(up[0]);
	close(up[1]);
	*ret_go = go[1];
	return f;
}

static struct af_future *start_late_taker(pid_t group, int *ret_go)
{
	return start_taker(group, NULL, ret_go);
}

static void let_take(int go)
{
	put_text(go, "x");
	close(go);
	await_no_threads();
}

static void is_cancelled(void)
{
	int go;
	struct af_future *f = start_late_taker(0, &go);

	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert(is_ours());
	let_take(go);
	ck_assert(is_ours());
	f = start_late_taker(0, &go);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	af_future_unref(f);
	ck_assert(is_ours());
	let_take(go);
	ck_assert(is_ours());
}

START_TEST(terminal_taken_late_by_a_cancelled_start_comes_back)
{
	in_session(is_cancelled, _i);
}
END_TEST

/* Nobody has it then. */
static void hangs_up_with_a_start(void)
{
	struct af_future *f;
	int go;

	signal(SIGHUP, SIG_IGN);
	f = start_late_taker(0, &go);
	close(keyboard);
	keyboard = open("/dev/null", O_RDONLY | O_CLOEXEC);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	let_take(go);
}

START_TEST(terminal_that_hangs_up_before_a_start_is_cancelled_is_left)
{
	in_session(hangs_up_with_a_start, 0);
}
END_TEST

static void leaves_it_to_nobody(void)
{
	int go;
	struct af_future *f = start_taker(0, &to_nobody, &go);

	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	let_take(go);
	ck_assert(is_ours());
}

START_TEST(terminal_left_to_nobody_by_a_cancelled_start_comes_back)
{
	in_session(leaves_it_to_nobody, 0);
}
END_TEST

/* Index: whether the leader has the terminal, too. */
static void is_cancelled_in_a_group(int shared)
{
	struct af_process *leader =
		start(&rig, HELPER("hold", "0"),
		      WITH(.in = TO_FD(rig.in), .new_group = true,
			   .foreground = shared));
	pid_t group = af_process_pid(leader);
	struct af_future *f;
	int go;

	f = start_late_taker(group, &go);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(owner(), shared ? group : getpgrp());
	let_take(go);
	ck_assert_int_eq(owner(), shared ? group : getpgrp());
	rig_hang_up(&rig);
	expect_exit(&rig, leader, 0);
	ck_assert(is_ours());
}

static void is_cancelled_alone(void)
{
	is_cancelled_in_a_group(false);
}

static void is_cancelled_beside_another(void)
{
	is_cancelled_in_a_group(true);
}

START_TEST(terminal_of_a_cancelled_start_in_a_group_is_of_the_rest)
{
	in_session(_i ? is_cancelled_beside_another : is_cancelled_alone, 0);
}
END_TEST

static void is_cancelled_at_any_moment(void)
{
	struct af_future *f;

	for (int i = 0; i < 200; i++) {
		f = af_spawn_async(rig.loop, HELPER("pause"), WITH(FOREGROUND));
		for (int64_t end = now_us() + 5 * i; now_us() < end;)
			if (i % 2)
				event_base_loop(af_loop_base(rig.loop),
						EVLOOP_NONBLOCK);
		if (i % 3)
			af_future_cancel(f);
		af_future_unref(f);
		await_no_threads();
		await_terminal();
	}
	while (waitid(P_ALL, 0, &(siginfo_t){ 0 },
		      WEXITED | WNOHANG | WNOWAIT) == 0)
		pass_time();
}

START_TEST(terminal_of_a_start_cancelled_at_any_moment_comes_back)
{
	in_session(is_cancelled_at_any_moment, 0);
}
END_TEST

static void has_no_terminal(void)
{
	int mine = open("/dev/tty", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(ioctl(mine, TIOCNOTTY), 0);
	close(mine);
	expect_reason(&rig, HELPER("cat"), WITH(FOREGROUND), ENOTTY,
		      reason_of("terminal", ENOTTY));
}

START_TEST(foreground_without_a_terminal_is_enotty)
{
	signal(SIGHUP, SIG_IGN);
	in_session(has_no_terminal, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/foreground");
	TCase *tc = test_case(s, "one");

	tcase_add_loop_test(
		tc, child_in_the_foreground_has_the_terminal_from_its_start, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(
		tc, terminal_comes_back_when_the_child_stops_and_when_it_ends,
		0, DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    terminal_comes_back_with_a_stop_that_is_asked_for,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, terminal_comes_back_when_nobody_waits, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, terminal_comes_back_when_the_end_is_polled);
	tcase_add_loop_test(tc, terminal_comes_back_without_pidfds, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(
		tc, end_of_a_child_in_the_foreground_is_awaited_without_pidfds,
		0, DRIVE_COUNT);
	tcase_add_loop_test(
		tc, terminal_comes_back_at_the_end_if_stops_cannot_be_seen, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, terminal_stays_with_a_child_that_we_trace, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, terminal_given_away_keeps_no_loop_running);
	tcase_add_test(tc, terminal_of_a_start_that_fails_stays_the_programs);
	tcase_add_test(tc, terminal_of_a_group_that_is_joined_comes_back);
	tcase_add_test(tc,
		       terminal_that_the_child_gave_away_comes_back_at_its_end);
	tcase_add_test(tc,
		       terminal_that_the_program_does_not_have_is_not_given);
	tcase_add_test(tc, terminal_that_another_user_has_is_not_given);
	tcase_add_test(tc, terminal_that_a_stream_leads_to_needs_no_name);
	tcase_add_test(tc, terminal_that_cannot_be_given_is_a_start_that_fails);
	tcase_add_loop_test(
		tc, terminal_for_which_the_system_has_no_room_is_not_given, 0,
		2);
	tcase_add_test(tc, terminal_that_hangs_up_is_none);
	tcase_add_test(tc, foreground_without_a_group_makes_no_sense);
	tcase_add_test(tc, foreground_without_a_terminal_is_enotty);
	tcase_add_test(tc, foreground_without_a_descriptor_for_it_is_emfile);

	tc = test_case(s, "several");
	tcase_add_loop_test(tc, terminal_of_a_pipeline_is_of_all_its_stages, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, terminal_stays_with_the_stages_that_are_left, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, stage_with_options_of_its_own_has_the_terminal_too);
	tcase_add_test(
		tc, terminal_that_a_stage_gave_away_stays_there_while_it_lives);
	tcase_add_loop_test(tc, terminal_given_to_another_child_stays_with_it,
			    0, DRIVE_COUNT);
	tcase_add_test(tc, stop_in_the_background_leaves_the_terminal_alone);

	tc = test_case(s, "end");
	tcase_add_loop_test(
		tc, terminal_comes_back_from_a_child_whose_process_was_freed, 0,
		DRIVE_COUNT);
	tcase_add_test(tc, terminal_of_a_child_killed_with_its_loop_comes_back);
	tcase_add_test(tc,
		       terminal_of_a_child_released_is_the_programs_to_take);
	tcase_add_test(tc,
		       terminal_of_a_child_whose_loop_was_freed_stays_its_own);

	tc = test_case(s, "cancelled");
	tcase_add_test(tc,
		       terminal_taken_late_by_a_cancelled_start_comes_back);
	tcase_add_test(
		tc, terminal_that_hangs_up_before_a_start_is_cancelled_is_left);
	tcase_add_test(tc,
		       terminal_left_to_nobody_by_a_cancelled_start_comes_back);
	tcase_add_loop_test(
		tc, terminal_of_a_cancelled_start_in_a_group_is_of_the_rest, 0,
		2);
	tcase_add_test(tc,
		       terminal_of_a_start_cancelled_at_any_moment_comes_back);
	return s;
}
