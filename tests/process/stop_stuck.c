/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of stops and failed starts that something is in the way of: a child
 * that may not be signalled, which needs root; and zombies in a pid namespace.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/scratch.h"

#define NOBODY 65534

static struct rig rig;

static bool become(uid_t uid)
{
	return syscall(SYS_setresuid, uid, uid, 0) == 0;
}

static bool have_root(void)
{
	if (getuid() == 0)
		return true;
	fprintf(stderr, "skipped: not root\n");
	return false;
}

/* Others find it there, though the way there may be shut to them. */
static void go_to_helper(void)
{
	char path[PATH_MAX];

	strcpy(path, helper_path());
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(chdir(path), 0);
}

/* The group of a leader that may not be signalled has a member that may. */
START_TEST(stop_of_a_leader_that_may_not_be_signalled_is_eperm)
{
	struct af_process *leader, *member;
	const uid_t uid = NOBODY;
	int grace = _i / DRIVE_COUNT * 10000;

	if (!have_root())
		return;
	go_to_helper();
	rig_open(&rig, _i % DRIVE_COUNT);
	leader = start(&rig, HELPER("hold", "0"),
		       WITH(.in = TO_FD(rig.in), .new_group = true));
	member = start(&rig, HELPER("hold", "0"),
		       WITH(.program = "./helper", .in = TO_FD(rig.in),
			    .gid = &uid, .uid = &uid,
			    .group = af_process_pid(leader)));
	ck_assert(become(NOBODY));
	expect_error(&rig, af_process_stop(leader, MS(grace)), -EPERM);
	expect_status(&rig, af_process_wait(member, NULL),
		      grace ? SIGTERM : SIGKILL);
	ck_assert(!af_process_poll(leader, NULL));
	ck_assert(become(0));
	expect_status(&rig, af_process_stop(leader, NULL), SIGTERM);
	rig_hang_up(&rig);
	af_process_free(member);
	af_process_free(leader);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_of_an_ended_leader_of_another_user_has_its_status)
{
	struct af_process *leader;

	if (!have_root())
		return;
	rig_open(&rig, _i);
	leader = start(&rig, HELPER("exit", "3"), WITH(.new_group = true));
	await_zombie(af_process_pid(leader));
	ck_assert(become(NOBODY));
	expect_status(&rig, af_process_stop(leader, MS(0)), EXITED(3));
	af_process_free(leader);
	rig_close(&rig);
	ck_assert(become(0));
}
END_TEST

/* A copy of the helper that becomes root; false: not possible here. */
static bool make_set_uid(const char *name)
{
	char command[2 * PATH_MAX];
	struct statvfs fs;

	snprintf(command, sizeof command, "cp '%s' '%s'", helper_path(), name);
	if (statvfs(".", &fs) < 0 || fs.f_flag & ST_NOSUID ||
	    system(command) != 0 || chmod(name, 04755) < 0 ||
	    chmod(".", 0755) < 0) {
		fprintf(stderr, "skipped: no set-uid programs\n");
		return false;
	}
	return true;
}

/* As the program may leave it running, the loop reaps it when it ends. */
START_TEST(failed_start_of_a_chain_whose_leader_became_root_returns)
{
	const char *const become_root[] = { "./root", "hold", "0", NULL };
	const char *const cat[] = { "cat", NULL };
	const char *const nothing[] = { "/nowhere", NULL };
	int64_t since;

	if (!have_root() || !make_set_uid("root"))
		return;
	rig_open(&rig, _i);
	ck_assert(become(NOBODY));
	errno = 0;
	since = now_us();
	ck_assert_ptr_null(af_pipe_spawn(
		rig.loop, CHAIN(become_root, cat, nothing),
		WITH(.in = TO_FD(rig.in), .new_group = true)));
	ck_assert_int_eq(errno, ENOENT);
	expect_elapsed(since, 0);
	rig_hang_up(&rig);
	while (waitid(P_ALL, 0, &(siginfo_t){ .si_signo = 0 },
		      WEXITED | WNOHANG | WNOWAIT) == 0)
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	ck_assert(become(0));
	rig_close(&rig);
}
END_TEST

/* What is left in the namespace when its first process is killed. */
enum left { ENDED, LIVING, FREED, LEFT_COUNT };

static struct af_process *start_leader(void)
{
	return start(&rig, HELPER("hold", "0"),
		     WITH(.in = TO_FD(rig.in), .new_group = true));
}

/* Stops a child at once: whether SIGKILL has ended it. */
static bool is_killed(struct af_process *process)
{
	struct af_future *f = af_process_stop(process, MS(0));
	bool killed = af_await(f) == 0 && af_future_status(f) == SIGKILL;

	af_future_unref(f);
	return killed;
}

/*
 * In a process of its own, which can have no more children afterwards. 0, or
 * which step went wrong.
 */
static int stop_init(enum left left)
{
	struct af_process *init, *other;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return 77;
	rig_open(&rig, DRIVE_AWAIT);
	init = start_leader();
	other = start_leader();
	if (left == ENDED && !is_killed(other))
		return 1;
	if (left == FREED)
		af_process_free(other);
	if (!is_killed(init))
		return 2;
	if (left != FREED) {
		if (!is_killed(other))
			return 3;
		if (af_process_signal_group(other, SIGKILL) != -ESRCH)
			return 4;
		af_process_free(other);
	}
	af_process_free(init);
	rig_close(&rig);
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 5;
}

START_TEST(stop_of_an_init_whose_namespace_has_our_zombies_ends)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(stop_init((enum left)_i));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "skipped: no namespace may be made here\n");
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/stop_stuck");
	TCase *tc = scratch_case(s, "another user");

	tcase_add_loop_test(tc,
			    stop_of_a_leader_that_may_not_be_signalled_is_eperm,
			    0, 2 * DRIVE_COUNT);
	tcase_add_loop_test(
		tc, stop_of_an_ended_leader_of_another_user_has_its_status, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(
		tc, failed_start_of_a_chain_whose_leader_became_root_returns, 0,
		DRIVE_COUNT);

	tc = test_case(s, "pid namespace");
	tcase_add_loop_test(
		tc, stop_of_an_init_whose_namespace_has_our_zombies_ends, 0,
		LEFT_COUNT);
	return s;
}
