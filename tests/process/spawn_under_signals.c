/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of starting children among signals: a thousand a second to the parent,
 * signals sent to the child only, and SIGCHLD ignored with all others blocked.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "support/fifo.h"
#include "support/inside.h"

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

/* Each child is sent what the parent has a handler for. */
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

static void *open_after_signals(void *path)
{
	int seen = storm_signals, fd;

	while (storm_signals - seen < 20)
		sched_yield();
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return (void *)(intptr_t)fd;
}

/* Its open waits for a writer, and is interrupted until one comes. */
START_TEST(spawn_from_a_fifo_in_a_signal_storm_succeeds)
{
	struct af_process *process;
	sigset_t storm, before;
	pthread_t thread;
	char path[200];
	struct rig rig;
	void *fd;

#ifdef __SANITIZE_THREAD__
	return; /* it puts handlers off until an open is over */
#endif
	rig_open(&rig, 0);
	make_fifo(path, sizeof path);
	sigemptyset(&storm);
	sigaddset(&storm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &storm, &before);
	pthread_create(&thread, NULL, open_after_signals, path);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	set_storm(true);
	process = start(&rig, HELPER("cat"),
			WITH(.in = { .kind = AFIO_PATH,
				     .path = path,
				     .path_flags = _i ? AFIO_PATH_FOLLOW : 0 },
			     .out.kind = AFIO_NULL));
	set_storm(false);
	catch (SIGALRM, SIG_DFL);
	pthread_join(thread, &fd);
	close((int)(intptr_t)fd);
	expect_exit(&rig, process, 0);
	remove_fifo(path);
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

/* In the child no handler of the parent's runs, not even before exec. */
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

/* What the parent ignores and blocks is default and open in the child. */
START_TEST(spawn_with_sigchld_ignored_and_all_blocked_starts_clean)
{
	sigset_t all, before, after;
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	signal(SIGCHLD, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	process = start(
		&rig, HELPER("dump-signals"),
		WITH(.out.kind = AFIO_PTY, .umask = &(mode_t){ 0 }, .nice = 1));
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

Suite *suite(void)
{
	Suite *s = suite_create("process/spawn_under_signals");
	TCase *tc = test_case(s, "signals");

	tcase_add_loop_test(tc, spawn_in_a_signal_storm_keeps_signals_apart, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, spawn_from_a_fifo_in_a_signal_storm_succeeds, 0,
			    2);
	tcase_add_test(tc, signal_to_a_child_that_starts_runs_no_handler);
	tcase_add_test(tc,
		       spawn_with_sigchld_ignored_and_all_blocked_starts_clean);
	return s;
}
