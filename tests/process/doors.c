/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of the program's functions that run in the child: when, with which
 * signals, as whom, and what their failure is.
 */
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/nobody.h"
#include "support/scratch.h"

static int calls;

static int set_mask(void *arg)
{
	calls++;
	umask(*(mode_t *)arg);
	return 0;
}

START_TEST(door_runs_in_a_child_that_shares_no_memory)
{
	mode_t first = 027, second = 077, before;
	struct rig rig;

	rig_open(&rig, 0);
	before = umask(022);
	expect_says(&rig, ASK("umask"),
		    WITH(.before_identity = set_mask,
			 .before_identity_arg = &first),
		    "027\n");
	expect_says(&rig, ASK("umask"),
		    WITH(.before_identity = set_mask,
			 .before_identity_arg = &first, .before_exec = set_mask,
			 .before_exec_arg = &second),
		    "077\n");
	ck_assert_uint_eq(umask(before), 022);
	ck_assert_int_eq(calls, 0);
	rig_close(&rig);
}
END_TEST

static int fail_with(void *arg)
{
	return *(int *)arg;
}

START_TEST(door_that_fails_is_a_step_of_the_start)
{
	int denied = -EPERM, positive = 5;
	int fd = open(inside_path(), O_RDONLY | O_CLOEXEC);
	struct rig rig;

	rig_open(&rig, 0);
	expect_reason(&rig, ASK("umask"),
		      WITH(ALL_PIPES, .before_identity = fail_with,
			   .before_identity_arg = &denied),
		      EPERM, "before_identity: Operation not permitted");
	expect_reason(&rig, ASK("umask"),
		      WITH(ALL_PIPES, .before_exec = fail_with,
			   .before_exec_arg = &denied),
		      EPERM, "before_exec: Operation not permitted");
	expect_reason(
		&rig, ASK("umask"),
		WITH(.before_exec = fail_with, .before_exec_arg = &positive),
		EINVAL, "before_exec: Invalid argument");
	expect_reason(&rig, ASK("umask"),
		      WITH(.program_fd = &fd, .before_exec = fail_with,
			   .before_exec_arg = &denied),
		      EPERM, "before_exec: Operation not permitted");
	close(fd);
	rig_close(&rig);
}
END_TEST

/* Its working directory, its ids, and that it is not yet there. */
static int look_before(void *arg)
{
	char path[PATH_MAX];

	return getcwd(path, sizeof path) && strcmp(path, arg) == 0 &&
			       geteuid() == 0
		       ? 0
		       : -ESTALE;
}

static int look_after(void *arg)
{
	char path[PATH_MAX];

	return getcwd(path, sizeof path) && strcmp(path, arg) == 0 ? 0
								   : -ESTALE;
}

START_TEST(door_is_before_the_identity_or_after_all_else)
{
	char there[PATH_MAX];
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("there", 0700), 0);
	snprintf(there, sizeof there, "%.4000s/there", directory);
	expect_says(&rig, ASK("cwd"),
		    WITH(.cwd = "there", .before_exec = look_after,
			 .before_exec_arg = there),
		    strcat(strcpy((char[PATH_MAX + 1]){ 0 }, there), "\n"));
	if (can_be_nobody()) {
		ck_assert_ptr_nonnull(getcwd(there, sizeof there));
		expect_says(&rig, ASK("uid"),
			    WITH(AS_NOBODY, .program = THE_PROGRAM,
				 .before_identity = look_before,
				 .before_identity_arg = there),
			    "65534 65534 65534\n");
	}
	rig_close(&rig);
}
END_TEST

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled = 1;
}

/* arg: whether signals are blocked. */
static int look_at_signals(void *arg)
{
	struct sigaction action;
	sigset_t mask;

	if (sigaction(SIGUSR1, NULL, &action) < 0 ||
	    action.sa_handler != SIG_DFL)
		return -ENOTRECOVERABLE;
	if (sigaction(SIGHUP, NULL, &action) < 0 ||
	    action.sa_handler != SIG_IGN)
		return -ENOTUNIQ;
	if (sigprocmask(SIG_SETMASK, NULL, &mask) < 0 ||
	    sigismember(&mask, SIGUSR1) != (arg != NULL) ||
	    sigismember(&mask, SIGTERM) != (arg != NULL))
		return -ELIBBAD;
	return 0;
}

START_TEST(door_is_free_of_the_programs_signal_handlers)
{
	const int hup = SIGHUP;
	sigset_t set, before;
	struct rig rig;

	rig_open(&rig, 0);
	signal(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	expect_says(&rig, HELPER("dump-signals"),
		    WITH(.before_identity = look_at_signals,
			 .before_identity_arg = &rig,
			 .before_exec = look_at_signals,
			 .ignored_signals = &hup, .n_ignored_signals = 1),
		    "blocked:\nignored: 1\n");
	sigprocmask(SIG_SETMASK, &before, NULL);
	ck_assert(!handled);
	rig_close(&rig);
}
END_TEST

START_TEST(door_before_exec_does_not_go_with_a_user)
{
	static const char expected[] = "option before_exec: Invalid argument";
	struct rig rig;

	rig_open(&rig, 0);
	expect_reason(&rig, ASK("uid"),
		      WITH(AS_NOBODY, .before_exec = look_after), EINVAL,
		      expected);
	expect_reason(&rig, ASK("uid"),
		      WITH(.gid = &nogroup, .before_exec = look_after), EINVAL,
		      expected);
	expect_reason(&rig, ASK("uid"),
		      WITH(.reset_ids = true, .before_exec = look_after),
		      EINVAL, expected);
	rig_close(&rig);
}
END_TEST

#define ALLOW(name)                                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                 \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Allows what process.h says that a start needs, and is deadly otherwise. */
static int forbid_the_rest(void *arg)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		ALLOW(execve),
		ALLOW(write),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	(void)arg;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno
									: 0;
}

/* The program, which needs more, starts; and a failure is still reported. */
START_TEST(door_may_install_a_filter)
{
	const char *const missing[] = { "./missing", NULL };
	struct af_process *process;
	struct af_future *ended;
	struct rig rig;
	int status;

	if (!have_linux("no_new_privs"))
		return;
	rig_open(&rig, 0);
	expect_reason(
		&rig, missing,
		WITH(.no_new_privs = true, .before_exec = forbid_the_rest),
		ENOENT, "exec ./missing: No such file or directory");
	process = start(
		&rig, ASK("umask"),
		WITH(.no_new_privs = true, .before_exec = forbid_the_rest));
	ended = af_process_wait(process, NULL);
	ck_assert_int_eq(drive(&rig, ended), 0);
	status = af_future_status(ended);
	ck_assert_int_eq(WTERMSIG(status), SIGSYS);
	af_future_unref(ended);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* What it documents, less what the library needs itself. */
static int use_the_stack(void *arg)
{
	volatile char room[60000];

	(void)arg;
	for (size_t i = 0; i < sizeof room; i++)
		room[i] = 1;
	return room[0] + room[sizeof room - 1] == 2 ? 0 : -EIO;
}

START_TEST(door_has_a_stack)
{
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("echo", "up"),
		    WITH(.before_identity = use_the_stack,
			 .before_exec = use_the_stack),
		    "up\n");
	rig_close(&rig);
}
END_TEST

static int end_itself(void *arg)
{
	_exit(*(int *)arg);
}

/* There is nothing to say that it should not. */
START_TEST(door_that_exits_is_the_end_of_the_child)
{
	int status = 7;
	struct rig rig;

	rig_open(&rig, 0);
	expect_exit(&rig,
		    start(&rig, ASK("umask"),
			  WITH(ALL_PIPES, .before_exec = end_itself,
			       .before_exec_arg = &status)),
		    7);
	rig_close(&rig);
}
END_TEST

/* A descriptor that it opens and leaves open is the program's. */
static int open_another(void *arg)
{
	int fd = dup2(0, 9);

	(void)arg;
	return fd < 0 ? -errno : 0;
}

START_TEST(door_may_leave_descriptors_to_the_program)
{
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("dump-fds"),
		    WITH(.before_identity = open_another), "0\n1\n2\n9\n");
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/doors");
	TCase *tc = scratch_case(s, "doors");

	tcase_add_test(tc, door_runs_in_a_child_that_shares_no_memory);
	tcase_add_test(tc, door_that_fails_is_a_step_of_the_start);
	tcase_add_test(tc, door_is_before_the_identity_or_after_all_else);
	tcase_add_test(tc, door_is_free_of_the_programs_signal_handlers);
	tcase_add_test(tc, door_before_exec_does_not_go_with_a_user);
	tcase_add_test(tc, door_has_a_stack);
	tcase_add_test(tc, door_that_exits_is_the_end_of_the_child);
	tcase_add_test(tc, door_may_leave_descriptors_to_the_program);
	if (without_valgrind("dies of an execve() that fails"))
		tcase_add_test(tc, door_may_install_a_filter);
	return s;
}
