/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of starting children in rough places: under a storm of signals, with
 * signals sent to the child only, with SIGCHLD ignored and all blocked, and as
 * the first process of a pid namespace.
 */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

static volatile sig_atomic_t storm_signals;
static volatile sig_atomic_t stray_signals;

static void on_storm(int sig)
{
	(void)sig;
	storm_signals++;
}

static void on_stray(int sig)
{
	(void)sig;
	stray_signals++;
}

static void catch (int sig, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	ck_assert_int_eq(sigaction(sig, &action, NULL), 0);
}

/* A thousand a second. */
static void set_storm(bool on)
{
	const struct itimerval storm = { { 0, on ? 1000 : 0 },
					 { 0, on ? 1000 : 0 } };

	catch (SIGALRM, on_storm);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &storm, NULL), 0);
}

/* Trap 33, and 23: each child is sent what the parent has a handler for. */
START_TEST(spawn_in_a_signal_storm_keeps_signals_apart)
{
	struct rig rig;

	rig_open(&rig, _i);
	catch (SIGTERM, on_stray);
	catch (SIGUSR1, on_stray);
	set_storm(true);
	for (int i = 0; i < 200; i++) {
		int sig = i % 2 ? SIGTERM : SIGUSR1;
		struct af_process *process =
			start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));

		ck_assert_int_eq(af_process_signal(process, sig), 0);
		expect_status(&rig, af_process_wait(process, NULL), sig);
		af_process_free(process);
	}
	while (storm_signals == 0)
		;
	set_storm(false);
	ck_assert_int_eq(stray_signals, 0);
	ck_assert_int_eq(sigaction(SIGTERM, NULL, NULL), 0);
	catch (SIGTERM, SIG_DFL);
	catch (SIGUSR1, SIG_DFL);
	catch (SIGALRM, SIG_DFL);
	rig_close(&rig);
}
END_TEST

/* Another thread signals all of a group while children are started in it. */
static atomic_int group;
static atomic_bool over;

static void *signal_group(void *arg)
{
	(void)arg;
	while (!over) {
		if (group > 0)
			kill(-group, SIGUSR2);
		sched_yield();
	}
	return NULL;
}

/* Trap 23: in the child no handler of the parent's runs, not even before exec. */
START_TEST(signal_to_a_child_that_starts_runs_no_handler)
{
	const char *const deaf[] = { "sh", "-c", "trap '' USR2; echo; cat",
				     NULL };
	struct af_process *leader;
	pthread_t thread;
	struct rig rig;

	rig_open(&rig, 0);
	catch (SIGUSR2, on_stray);
	leader = start(&rig, deaf,
		       WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE,
			    .new_group = true));
	expect_text(&rig, af_file_read(af_process_stdout(leader), 1, 0, NULL),
		    "\n", 0);
	over = false;
	group = af_process_pid(leader);
	pthread_create(&thread, NULL, signal_group, NULL);
	for (int i = 0; i < 200; i++) {
		struct af_process *process =
			start(&rig, HELPER("wait-eof"),
			      WITH(IN_OUT_PIPES, .group = group));
		struct af_future *f = af_process_wait(process, NULL);

		ck_assert_int_eq(drive(&rig, f), 0);
		ck_assert_int_eq(af_future_status(f), SIGUSR2);
		af_future_unref(f);
		af_process_free(process);
	}
	over = true;
	pthread_join(thread, NULL);
	ck_assert_int_eq(stray_signals, 0);
	catch (SIGUSR2, SIG_DFL);
	rig_hang_up(&rig);
	expect_exit(&rig, leader, 0);
	rig_close(&rig);
}
END_TEST

/* Trap 32. */
START_TEST(spawn_with_sigchld_ignored_and_all_blocked_starts_clean)
{
	sigset_t all, before, after;
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	signal(SIGCHLD, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	process = start(&rig, HELPER("dump-signals"),
			WITH(.out.kind = AFIO_PTY, .umask = &(mode_t){ 0 },
			     .nice = 1, .die_with_parent = true));
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "blocked:\r\nignored:\r\n", AFIO_EOF);
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig.loop,
				    (const char *const[]){ "./no", NULL },
				    WITH(.in.kind = AFIO_PTY)));
	ck_assert_int_eq(errno, ENOENT);
	sigprocmask(SIG_SETMASK, &before, &after);
	ck_assert_int_eq(sigismember(&after, SIGTERM), 1);
	ck_assert_ptr_eq(signal(SIGCHLD, SIG_DFL), SIG_IGN);
	af_process_free(process);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	rig_close(&rig);
}
END_TEST

/* What a namespace's first process does; 0, or which step went wrong. */
static int spawn_as_first(bool inside)
{
	const char *const cat[] = { "cat", NULL };
	const char *const no[] = { "./no", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *process;
	struct af_future *f;
	int status;

	if (inside && getpid() != 1)
		return 1;
	if (af_spawn(loop, no, WITH(ALL_PIPES)) || errno != ENOENT)
		return 2;
	process = af_spawn(loop, cat,
			   WITH(IN_OUT_PIPES, .new_session = true,
				.die_with_parent = true));
	if (!process)
		return 3;
	f = af_file_write(af_process_stdin(process), "x", 1, 0, NULL);
	if (af_await(f) != 0)
		return 4;
	af_future_unref(f);
	f = af_file_read(af_process_stdout(process), 1, 0, NULL);
	if (af_await(f) != 0 || af_future_count(f) != 1)
		return 5;
	af_future_unref(f);
	af_process_close_stdin(process);
	f = af_process_wait(process, NULL);
	if (af_await(f) != 0)
		return 6;
	status = af_future_status(f);
	af_future_unref(f);
	af_process_free(process);
	af_loop_free(loop);
	return status == 0 ? 0 : 7;
}

/*
 * Trap 24: as pid 1; and as one whose children are in a namespace of which it
 * is no part, the first of them being pid 1 there.
 */
START_TEST(spawn_in_a_pid_namespace_works)
{
	bool as_first = _i == 0;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
			_exit(77);
		if (!as_first) {
			/* One process keeps the namespace alive. */
			pid_t init = fork();

			if (init == 0)
				for (;;)
					pause();
			status = spawn_as_first(false);
			kill(init, SIGKILL);
			while (wait(NULL) > 0)
				;
			_exit(status);
		}
		pid = fork();
		if (pid == 0)
			_exit(spawn_as_first(true));
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			_exit(78);
		_exit(WEXITSTATUS(status));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "skipped: no namespace may be made here\n");
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

#if defined(HAVE_CLONE_VFORK) && !defined(__SANITIZE_THREAD__)
#define SHARES_MEMORY

/* The best of some, as the machine may be busy. */
static int64_t time_spawns(struct rig *rig)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 20; i++) {
		int64_t since = now_us();
		struct af_process *process =
			start(rig, HELPER("exit", "0"),
			      WITH(.new_session = true, .nice = 1,
				   .die_with_parent = true,
				   .umask = &(mode_t){ 022 }));
		int64_t took = now_us() - since;

		best = took < best ? took : best;
		expect_exit(rig, process, 0);
	}
	return best;
}

START_TEST(spawn_of_a_large_parent_takes_as_long_as_a_small_ones)
{
	const size_t len = (size_t)512 << 20;
	int64_t small, large;
	struct rig rig;
	char *memory;

	rig_open(&rig, 0);
	small = time_spawns(&rig);
	memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	/* Small pages, of which fork(2) would copy the tables. */
	madvise(memory, len, MADV_NOHUGEPAGE);
	memset(memory, 1, len);
	large = time_spawns(&rig);
	munmap(memory, len);
	ck_assert_msg(large < small * 4 + 1000,
		      "%lld us, and %lld us with much memory", (long long)small,
		      (long long)large);
	rig_close(&rig);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("storm");
	TCase *tc = test_case(s, "signals");

	tcase_add_loop_test(tc, spawn_in_a_signal_storm_keeps_signals_apart, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, signal_to_a_child_that_starts_runs_no_handler);
	tcase_add_test(tc,
		       spawn_with_sigchld_ignored_and_all_blocked_starts_clean);

	tc = test_case(s, "namespace");
	/* Whoever has left its namespace can start no thread to wait. */
#ifdef HAVE_PIDFD
	tcase_add_loop_test(tc, spawn_in_a_pid_namespace_works, 0, 2);
#else
	tcase_add_loop_test(tc, spawn_in_a_pid_namespace_works, 0, 1);
#endif
#ifdef SHARES_MEMORY
	if (!under_valgrind()) {
		tc = test_case(s, "time");
		tcase_add_test(
			tc,
			spawn_of_a_large_parent_takes_as_long_as_a_small_ones);
	}
#endif
	return s;
}
