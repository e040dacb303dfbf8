/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of stops and failed starts that something is in the way of: a child
 * that may not be signalled, which needs root; and zombies in a pid namespace.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/ptrace.h>
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

/* In the child: has another process trace it for as long as let_go is open. */
static int be_traced(void *arg)
{
	const int *let_go = arg;
	pid_t pid = getpid();
	int up[2];
	char byte;

	if (pipe(up) < 0)
		return -errno;
	if (fork() == 0) {
		/* Not what tells of the exec, either. */
		for (int fd = 3; fd < 256; fd++)
			if (fd != let_go[0] && fd != up[1])
				close(fd);
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
			_exit(1);
		put(up[1], "x", 1);
		byte = (char)read(let_go[0], &byte, 1);
		_exit(0);
	}
	close(up[1]);
	return read(up[0], &byte, 1) == 1 ? 0 : -ESRCH;
}

/* The tracer holds the stage at its end; it is reaped when that lets go. */
START_TEST(failed_start_of_a_chain_whose_stage_is_traced_returns)
{
	const char *const cat[] = { "cat", NULL };
	const char *const nothing[] = { "/nowhere", NULL };
	struct af_spawn_options own = { .before_exec = be_traced };
	const struct af_stage stages[] = { { .argv = cat, .options = &own },
					   { .argv = nothing } };
	int let_go[2];

	make_pair(KIND_PIPE, let_go);
	own.before_exec_arg = let_go;
	rig_open(&rig, _i);
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn_stages(rig.loop, stages, 2,
						WITH(.in = TO_FD(rig.in))));
	if (errno == ESRCH)
		fprintf(stderr, "skipped: no ptrace\n");
	else
		ck_assert_int_eq(errno, ENOENT);
	close(let_go[1]);
	while (waitid(P_ALL, 0, &(siginfo_t){ .si_signo = 0 },
		      WEXITED | WNOHANG | WNOWAIT) == 0)
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	close(let_go[0]);
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
	struct af_process *outside, *init, *reaped, *stolen, *other;

	rig_open(&rig, DRIVE_AWAIT);
	outside = start_leader();
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return 77;
	init = start_leader();
	reaped = start(&rig, HELPER("exit", "0"), NULL);
	expect_status(&rig, af_process_wait(reaped, NULL), 0);
	/* The program has reaped it, and says nothing. */
	stolen = start(&rig, HELPER("exit", "0"), NULL);
	if (waitpid(af_process_pid(stolen), NULL, 0) < 0)
		return 6;
	other = start_leader();
	if (left == ENDED && !is_killed(other))
		return 1;
	if (left == FREED)
		af_process_free(other);
	if (!is_killed(init))
		return 2;
	/* These are not in the way. */
	if (af_process_poll(outside, NULL) || !is_killed(outside))
		return 7;
	af_process_free(outside);
	af_process_free(reaped);
	af_process_free(stolen);
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

/* Runs one of these in a process of its own. */
static void expect_in_namespace(int (*body)(enum left left), int left)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(body((enum left)left));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "skipped: no namespace may be made here\n");
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}

START_TEST(stop_of_an_init_whose_namespace_has_our_zombies_ends)
{
	expect_in_namespace(stop_init, _i);
}
END_TEST

/* Traces what it is told, for as long as let_go is open; says whether it can. */
static pid_t start_tracer(int ask[2], int let_go[2])
{
	char answer = 'y', byte;
	pid_t tracer, pid;

	make_pair(KIND_SOCKETPAIR, ask);
	make_pair(KIND_PIPE, let_go);
	tracer = fork();
	if (tracer != 0)
		return tracer;
	close(let_go[1]);
	get(ask[1], &pid, sizeof pid);
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		answer = 'n';
	put(ask[1], &answer, 1);
	_exit(read(let_go[0], &byte, 1) != 0);
}

static void pass_time(void)
{
	expect_count(&rig, af_sleep(rig.loop, MS(100)), 0, 0);
}

/* A tracer that is not in the namespace holds another one at its end. */
static int stop_init_of_traced(enum left left)
{
	struct af_process *init, *other;
	struct af_future *stop, *stop_init;
	int ask[2], let_go[2];
	pid_t tracer, pid;
	char answer;

	rig_open(&rig, DRIVE_AWAIT);
	tracer = start_tracer(ask, let_go);
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return 77;
	init = start_leader();
	other = start_leader();
	pid = af_process_pid(other);
	put(ask[0], &pid, sizeof pid);
	get(ask[0], &answer, 1);
	if (answer != 'y')
		return 77;
	stop = af_process_stop(other, MS(0));
	pass_time();
	if (af_future_is_done(stop))
		return 1;
	if (left == FREED)
		af_process_free(other);
	stop_init = af_process_stop(init, MS(0));
	pass_time();
	if (af_future_is_done(stop_init))
		return 2;
	close(let_go[1]);
	expect_status(&rig, stop_init, SIGKILL);
	if (left == FREED)
		expect_error(&rig, stop, -ECANCELED);
	else
		expect_status(&rig, stop, SIGKILL);
	if (left != FREED)
		af_process_free(other);
	af_process_free(init);
	rig_close(&rig);
	return waitpid(tracer, NULL, 0) == tracer ? 0 : 3;
}

START_TEST(stop_of_an_init_ends_when_a_tracer_lets_go_of_another)
{
	expect_in_namespace(stop_init_of_traced, _i ? FREED : LIVING);
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

	tc = test_case(s, "traced");
	tcase_add_loop_test(
		tc, failed_start_of_a_chain_whose_stage_is_traced_returns, 0,
		DRIVE_COUNT);

	tc = test_case(s, "pid namespace");
	tcase_add_loop_test(
		tc, stop_of_an_init_whose_namespace_has_our_zombies_ends, 0,
		LEFT_COUNT);
	tcase_add_loop_test(
		tc, stop_of_an_init_ends_when_a_tracer_lets_go_of_another, 0,
		2);
	return s;
}
