/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of a child's attributes, each seen from inside the child: environment,
 * group and session, user, limits, and dying with its parent.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/nobody.h"
#include "support/scratch.h"

#define EDITS(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(env_edits_set_replace_and_remove)
{
	const char *const env[] = { "PA=1", "PATH=2", "PATHS=3", "B=4", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("dump-env"),
		    WITH(.env = env, .env_edits = EDITS("PATH=x=y", "C=")),
		    "PA=1\nPATHS=3\nB=4\nPATH=x=y\nC=\n");
	expect_says(&rig, HELPER("dump-env"),
		    WITH(.env = env, .env_edits = EDITS("PATH", "NONE")),
		    "PA=1\nPATHS=3\nB=4\n");
	expect_says(&rig, HELPER("dump-env"),
		    WITH(.env = env, .env_edits = EDITS("P=0", "PATHS", "B")),
		    "PA=1\nPATH=2\nP=0\n");
	expect_says(&rig, HELPER("dump-env"),
		    WITH(.env = env, .env_edits = &env[4]),
		    "PA=1\nPATH=2\nPATHS=3\nB=4\n");
	clearenv();
	setenv("FROM", "parent", 1);
	expect_says(&rig, HELPER("dump-env"), WITH(.env_edits = EDITS("A=1")),
		    "FROM=parent\nA=1\n");
	ck_assert_ptr_null(getenv("A"));
	rig_close(&rig);
}
END_TEST

/* Then there is not even an empty one. */
START_TEST(env_edits_after_clearenv_are_all_there_is)
{
	const char *const *argv = HELPER("dump-env");
	struct rig rig;

	rig_open(&rig, 0);
	clearenv();
	ck_assert_ptr_null(environ);
	expect_says(&rig, argv, WITH(.env_edits = EDITS("A=1", "B")), "A=1\n");
	expect_says(&rig, argv, NULL, "");
	rig_close(&rig);
}
END_TEST

START_TEST(env_edits_of_one_name_apply_in_order)
{
	const char *const env[] = { "A=1", "B=2", "A=3", "A", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("dump-env"),
		    WITH(.env = env, .env_edits = EDITS("A=4", "A=5")),
		    "B=2\nA\nA=5\n");
	expect_says(&rig, HELPER("dump-env"),
		    WITH(.env = env, .env_edits = EDITS("A=4", "A")),
		    "B=2\nA\n");
	expect_says(&rig, HELPER("dump-env"),
		    WITH(.env = env, .env_edits = EDITS("A", "A=4")),
		    "B=2\nA\nA=4\n");
	rig_close(&rig);
}
END_TEST

START_TEST(env_edit_without_a_name_is_invalid)
{
	struct rig rig;

	rig_open(&rig, 0);
	expect_reason(&rig, HELPER("dump-env"),
		      WITH(ALL_PIPES, .env_edits = EDITS("A=1", "")), EINVAL,
		      "option env_edits: Invalid argument");
	expect_refused(&rig, HELPER("dump-env"),
		       WITH(ALL_PIPES, .env_edits = EDITS("=1")), EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(child_has_a_group_or_session_of_its_own_if_asked)
{
	char ours[64];
	struct rig rig;

	rig_open(&rig, 0);
	snprintf(ours, sizeof ours, "%d\n%d\n", (int)getpgrp(), (int)getsid(0));
	expect_says(&rig, ASK("group", "session"), NULL, ours);
	snprintf(ours, sizeof ours, "own\n%d\n", (int)getsid(0));
	expect_says(&rig, ASK("group", "session"), WITH(.new_group = true),
		    ours);
	expect_says(&rig, ASK("group", "session"), WITH(.new_session = true),
		    "own\nown\n");
	expect_says(&rig, ASK("group", "session", "ttys"),
		    WITH(.new_session = true, .new_group = true),
		    "own\nown\n none\n");
	rig_close(&rig);
}
END_TEST

START_TEST(child_joins_a_group_that_is_there)
{
	struct af_process *leader;
	char theirs[32];
	struct rig rig;

	rig_open(&rig, 0);
	leader = start(&rig, HELPER("hold", "0"),
		       WITH(.in = TO_FD(rig.in), .new_group = true));
	snprintf(theirs, sizeof theirs, "%d\n", (int)af_process_pid(leader));
	expect_says(&rig, ASK("group"), WITH(.group = af_process_pid(leader)),
		    theirs);
	expect_says(&rig, ASK("group"),
		    WITH(.group = af_process_pid(leader), .new_group = true),
		    theirs);
	rig_hang_up(&rig);
	expect_exit(&rig, leader, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(child_cannot_join_what_is_no_group)
{
	struct rig rig;
	pid_t gone;

	rig_open(&rig, 0);
	gone = fork();
	if (gone == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(gone, NULL, 0), gone);
	expect_refused(&rig, ASK("group"), WITH(ALL_PIPES, .group = gone),
		       EPERM);
	expect_refused(&rig, ASK("group"), WITH(ALL_PIPES, .group = -1),
		       EINVAL);
	expect_refused(&rig, ASK("group"),
		       WITH(.group = getpgrp(), .new_session = true), EINVAL);
	expect_refused(&rig, ASK("group"),
		       WITH(.group = getpgrp(), .out.kind = AFIO_PTY), EINVAL);
	rig_close(&rig);
}
END_TEST

/* How often it happens that the first is gone is up to the kernel. */
static void expect_one_group(struct rig *rig, bool reaped)
{
	struct af_pipe *pipe = start_chain(
		rig, CHAIN(HELPER("cat"), HELPER("cat"), ASK("group", "eof")),
		WITH(.in.kind = AFIO_PIPE, .out.kind = AFIO_PIPE,
		     .new_group = true));
	pid_t first = af_process_pid(af_pipe_process(pipe, 0));
	char theirs[32];

	ck_assert_int_eq(getpgid(first), first);
	for (int i = 1; i < 3; i++)
		ck_assert_int_eq(
			getpgid(af_process_pid(af_pipe_process(pipe, i))),
			first);
	snprintf(theirs, sizeof theirs, "%d\nend\n", (int)first);
	af_pipe_close_stdin(pipe);
	expect_bytes(rig, af_pipe_read(pipe, 0, 0, NULL), theirs,
		     strlen(theirs), AFIO_EOF);
	if (!reaped)
		expect_success(rig, pipe);
	else
		af_pipe_close(pipe);
}

START_TEST(chain_with_new_group_is_one_group)
{
	struct rig rig;

	rig_open(&rig, _i);
	expect_one_group(&rig, false);
	rig_close(&rig);
}
END_TEST

/* The first stages are gone, and reaped, before the last has started. */
START_TEST(chain_with_new_group_and_sigchld_ignored_starts)
{
	const char *const *gone = HELPER("exit", "0");
	struct rig rig;

	rig_open(&rig, 0);
	signal(SIGCHLD, SIG_IGN);
	expect_one_group(&rig, true);
	for (int i = 0; i < 50; i++)
		af_pipe_close(start_chain(&rig,
					  CHAIN(gone, gone, gone, gone, gone),
					  WITH(.new_group = true)));
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	signal(SIGCHLD, SIG_DFL);
	rig_close(&rig);
}
END_TEST

START_TEST(umask_is_the_childs_alone)
{
	const mode_t mask = 027;
	mode_t before;
	struct rig rig;

	rig_open(&rig, 0);
	before = umask(022);
	expect_says(&rig, ASK("umask"), NULL, "022\n");
	expect_says(&rig, ASK("umask"), WITH(.umask = &mask), "027\n");
	expect_says(&rig, ASK("umask"), WITH(.umask = &(mode_t){ 0 }), "000\n");
	ck_assert_uint_eq(umask(before), 022);
	rig_close(&rig);
}
END_TEST

START_TEST(limits_are_the_childs_alone)
{
	const struct af_limit limits[] = { { RLIMIT_NOFILE, 10, 20 },
					   { RLIMIT_CORE, 0, 0 } };
	struct rlimit before, after;
	char nofile[16], core[16];
	struct rig rig;

	rig_open(&rig, 0);
	getrlimit(RLIMIT_NOFILE, &before);
	snprintf(nofile, sizeof nofile, "limit:%d", RLIMIT_NOFILE);
	snprintf(core, sizeof core, "limit:%d", RLIMIT_CORE);
	expect_says(&rig, ASK(nofile, core),
		    WITH(.limits = limits, .n_limits = 2), "10 20\n0 0\n");
	getrlimit(RLIMIT_NOFILE, &after);
	ck_assert_uint_eq(after.rlim_cur, before.rlim_cur);
	ck_assert_uint_eq(after.rlim_max, before.rlim_max);
	/* Also where the descriptors that it is given are beyond the limit. */
	expect_says(&rig, ASK(nofile),
		    WITH(.limits = limits, .n_limits = 1,
			 .fds = &(struct af_fd_map){ rig.in, 30 }, .n_fds = 1),
		    "10 20\n");
	rig_close(&rig);
}
END_TEST

START_TEST(no_limit_is_unlimited)
{
	const struct af_limit none = { RLIMIT_CPU, AFIO_NO_LIMIT,
				       AFIO_NO_LIMIT };
	const struct af_limit infinity = { RLIMIT_CPU, 500, RLIM_INFINITY };
	struct rlimit before, limit;
	char cpu[16];
	struct rig rig;

	getrlimit(RLIMIT_CPU, &before);
	if (before.rlim_max != RLIM_INFINITY)
		return;
	rig_open(&rig, 0);
	limit = before;
	limit.rlim_cur = 1000;
	setrlimit(RLIMIT_CPU, &limit);
	snprintf(cpu, sizeof cpu, "limit:%d", RLIMIT_CPU);
	expect_says(&rig, ASK(cpu), WITH(.limits = &none, .n_limits = 1),
		    "-1 -1\n");
	expect_says(&rig, ASK(cpu), WITH(.limits = &infinity, .n_limits = 1),
		    "500 -1\n");
	setrlimit(RLIMIT_CPU, &before);
	rig_close(&rig);
}
END_TEST

START_TEST(bad_limits_are_refused)
{
	const struct af_limit unknown = { 77, 1, 1 };
	const struct af_limit reversed = { RLIMIT_NOFILE, 20, 10 };
	struct rig rig;

	rig_open(&rig, 0);
	expect_reason(&rig, ASK("umask"),
		      WITH(ALL_PIPES, .limits = &unknown, .n_limits = 1),
		      EINVAL, "setrlimit 77: Invalid argument");
	expect_refused(&rig, ASK("umask"),
		       WITH(ALL_PIPES, .limits = &reversed, .n_limits = 1),
		       EINVAL);
	expect_refused(&rig, ASK("umask"), WITH(ALL_PIPES, .n_limits = 1),
		       EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(nice_is_added_to_the_parents)
{
	int before = getpriority(PRIO_PROCESS, 0);
	char expected[16];
	struct rig rig;

	rig_open(&rig, 0);
	snprintf(expected, sizeof expected, "%d\n",
		 before + 3 < 19 ? before + 3 : 19);
	expect_says(&rig, ASK("nice"), WITH(.nice = 3), expected);
	expect_says(&rig, ASK("nice"), WITH(.nice = 100), "19\n");
	expect_says(&rig, ASK("nice"), WITH(.nice = INT_MAX), "19\n");
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), before);
	if (is_root()) {
		snprintf(expected, sizeof expected, "%d\n",
			 before - 3 > -20 ? before - 3 : -20);
		expect_says(&rig, ASK("nice"), WITH(.nice = -3), expected);
		expect_says(&rig, ASK("nice"), WITH(.nice = -100), "-20\n");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(user_and_group_are_real_effective_and_saved)
{
	struct rig rig;

	if (!can_be_nobody())
		return;
	rig_open(&rig, 0);
	expect_says(
		&rig, ASK("uid", "gid"),
		WITH(.program = THE_PROGRAM, .uid = &nobody, .gid = &nogroup),
		"65534 65534 65534\n65534 65534 65534\n");
	expect_says(&rig, ASK("uid", "gid"),
		    WITH(.program = THE_PROGRAM, .gid = &nogroup),
		    "0 0 0\n65534 65534 65534\n");
	ck_assert_uint_eq(getuid(), 0);
	ck_assert_uint_eq(getgid(), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(user_without_groups_has_none_of_the_parents)
{
	const gid_t ours[] = { 0, 4, 27 };
	const gid_t theirs[] = { 100, 1000 };
	gid_t before[64], after[64];
	int n_before;
	struct rig rig;

	if (!can_be_nobody())
		return;
	rig_open(&rig, 0);
	n_before = getgroups(64, before);
	ck_assert_int_eq(setgroups(3, ours), 0);
	expect_says(&rig, ASK("groups"), NULL, "3: 0 4 27\n");
	expect_says(
		&rig, ASK("groups"),
		WITH(.program = THE_PROGRAM, .uid = &nobody, .keep_gid = true),
		"0:\n");
	expect_says(&rig, ASK("groups"),
		    WITH(.program = THE_PROGRAM, .gid = &nogroup), "0:\n");
	expect_says(&rig, ASK("groups"),
		    WITH(.program = THE_PROGRAM, .uid = &nobody,
			 .gid = &nogroup, .groups = theirs, .n_groups = 2),
		    "2: 100 1000\n");
	expect_says(&rig, ASK("groups"),
		    WITH(.program = THE_PROGRAM, .groups = theirs), "0:\n");
	ck_assert_int_eq(getgroups(64, after), 3);
	setgroups((size_t)n_before, before);
	rig_close(&rig);
}
END_TEST

/* What a user may not, in a process that is one. */
static int try_as_nobody(void)
{
	const char *const *argv = HELPER("exit", "0");
	const struct rlimit none = { 0, 0 }, one = { 1, 1 };
	const struct af_limit more = { RLIMIT_CORE, 1, 1 };
	struct af_loop *loop;
	struct af_future *f;
	uid_t root = 0;

	if (setgroups(0, NULL) < 0 ||
	    setresgid(nogroup, nogroup, nogroup) < 0 ||
	    setresuid(nobody, nobody, nobody) < 0)
		return 1;
	loop = af_loop_new(NULL);
	if (af_spawn(loop, argv, WITH(.uid = &root)) || errno != EPERM ||
	    strcmp(af_spawn_error(loop), "setuid 0: Operation not permitted"))
		return 2;
	if (af_spawn(loop, argv, WITH(.gid = &root)) || errno != EPERM ||
	    strcmp(af_spawn_error(loop), "setgid 0: Operation not permitted"))
		return 3;
	if (af_spawn(loop, argv, WITH(.groups = &root, .n_groups = 1)) ||
	    errno != EPERM ||
	    strcmp(af_spawn_error(loop), "setgroups: Operation not permitted"))
		return 4;
	if (af_spawn(loop, argv, WITH(.nice = -1)) || errno != EACCES ||
	    strcmp(af_spawn_error(loop), "nice -1: Permission denied"))
		return 5;
	setrlimit(RLIMIT_CORE, &none);
	if (af_spawn(loop, argv, WITH(.limits = &more, .n_limits = 1)) ||
	    errno != EPERM)
		return 8;
	/* To what it is already it may, without a word of groups. */
	af_process_free(af_spawn(loop, (const char *const[]){ "true", NULL },
				 WITH(.uid = &nobody)));
	if (strcmp(af_spawn_error(loop), "") != 0)
		return 6;
	while (wait(NULL) > 0)
		;
	/* One, of its own: that is itself. */
	setrlimit(RLIMIT_NPROC, &one);
	if (af_spawn(loop, argv, NULL) || errno != EAGAIN ||
	    strcmp(af_spawn_error(loop),
		   "clone: Resource temporarily unavailable"))
		return 7;
	/* Nor can there be a thread that it dies with. */
	if (af_spawn(loop, argv, WITH(.die_with_parent = true)) ||
	    errno != EAGAIN ||
	    strcmp(af_spawn_error(loop),
		   "clone: Resource temporarily unavailable"))
		return 9;
	f = af_spawn_async(loop, argv, WITH(.die_with_parent = true));
	if (af_await(f) != -EAGAIN ||
	    strcmp(af_future_spawn_error(f),
		   "clone: Resource temporarily unavailable"))
		return 10;
	af_future_unref(f);
	af_loop_free(loop);
	return 0;
}

START_TEST(user_may_not_become_another)
{
	int status;
	pid_t pid;

	if (!is_root())
		return;
	pid = fork();
	if (pid == 0)
		_exit(try_as_nobody());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Root is then as others are to those of another user. */
static void give_up_killing(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct sets[2];

	ck_assert_int_eq(syscall(SYS_capget, &header, sets), 0);
	sets[0].effective &= ~CAP_TO_MASK(CAP_KILL);
	sets[0].permitted &= ~CAP_TO_MASK(CAP_KILL);
	ck_assert_int_eq(syscall(SYS_capset, &header, sets), 0);
}

/* The chain may not wait for the end of this one. */
START_TEST(user_that_may_not_be_killed_is_left_and_reaped)
{
	const char *const cat[] = { "cat", NULL };
	const char *const missing[] = { "./missing", NULL };
	siginfo_t info;
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	give_up_killing();
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(
		rig.loop, CHAIN(cat, missing),
		WITH(.in = TO_FD(rig.in), .uid = &nobody, .gid = &nogroup)));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT),
			 0);
	rig_hang_up(&rig);
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		expect_error(&rig, af_sleep(rig.loop, MS(5)), 0);
	rig_close(&rig);
}
END_TEST

/* Index: the grace, of which 0 and NULL are special. */
START_TEST(user_that_may_not_be_killed_goes_on)
{
	const struct timeval graces[] = { { 0, 0 }, { 0, 1000 }, { 600, 0 } };
	const struct timeval *grace = _i < 3 ? &graces[_i] : NULL;
	const char *const cat[] = { "cat", NULL };
	struct af_process *process;
	struct af_pipe *pipe;
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(cat),
			   WITH(.in = TO_FD(rig.in), .uid = &nobody,
				.gid = &nogroup, .new_group = true));
	process = af_pipe_process(pipe, 0);
	give_up_killing();
	ck_assert_int_eq(af_process_signal(process, SIGTERM), -EPERM);
	ck_assert_int_eq(af_process_signal_group(process, SIGTERM), -EPERM);
	expect_error(&rig, af_process_stop(process, grace), -EPERM);
	ck_assert(!af_process_poll(process, NULL));
	rig_hang_up(&rig);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

/* But not before every stage that may be stopped has ended. */
START_TEST(user_that_may_not_be_killed_is_no_part_of_a_stop)
{
	const char *const cat[] = { "cat", NULL };
	struct af_process *first, *last;
	struct af_pipe *pipe;
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	first = start(
		&rig, cat,
		WITH(.in = TO_FD(rig.in), .uid = &nobody, .gid = &nogroup));
	last = start(&rig, HELPER("pause"), NULL);
	pipe = af_pipe_new(first, last);
	give_up_killing();
	expect_error(&rig, af_pipe_stop(pipe, NULL), -EPERM);
	ck_assert_int_eq(af_pipe_status(pipe, 0), -1);
	ck_assert_int_eq(af_pipe_status(pipe, 1), SIGTERM);
	rig_hang_up(&rig);
	expect_status(&rig, af_process_wait(first, NULL), 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* setresuid(2) would leave it as it is, and the child root. */
START_TEST(user_of_minus_one_is_invalid)
{
	const uid_t none = (uid_t)-1;
	struct rig rig;

	rig_open(&rig, 0);
	expect_refused(&rig, ASK("uid"), WITH(.uid = &none), EINVAL);
	expect_refused(&rig, ASK("uid"), WITH(.gid = &none), EINVAL);
	expect_refused(&rig, ASK("uid"), WITH(.n_groups = 1), EINVAL);
	rig_close(&rig);
}
END_TEST

/* The memory is shared, and what protects it from the user stays. */
START_TEST(user_of_a_child_leaves_the_parent_as_it_is)
{
	struct rig rig;

	if (!can_be_nobody())
		return;
	rig_open(&rig, 0);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 1);
	expect_says(
		&rig, ASK("uid"),
		WITH(.program = THE_PROGRAM, .uid = &nobody, .gid = &nogroup),
		"65534 65534 65534\n");
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 1);
	prctl(PR_SET_DUMPABLE, 0);
	expect_says(
		&rig, ASK("uid"),
		WITH(.program = THE_PROGRAM, .uid = &nobody, .gid = &nogroup),
		"65534 65534 65534\n");
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
	prctl(PR_SET_DUMPABLE, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(cwd_is_entered_as_the_user)
{
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("private", 0700), 0);
	expect_reason(&rig, (const char *const[]){ "true", NULL },
		      WITH(.uid = &nobody, .gid = &nogroup, .cwd = "private"),
		      EACCES, "chdir private: Permission denied");
	rig_close(&rig);
}
END_TEST

START_TEST(death_signal_is_set_only_if_asked)
{
	struct rig rig;

	if (!have_linux("die_with_parent"))
		return;
	rig_open(&rig, 0);
	expect_says(&rig, ASK("deathsig"), NULL, "0\n");
	expect_says(&rig, ASK("deathsig"), WITH(.die_with_parent = true),
		    "9\n");
	/* setuid(2) clears it, if it was set before that. */
	if (can_be_nobody())
		expect_says(&rig, ASK("deathsig", "uid"),
			    WITH(.program = THE_PROGRAM,
				 .die_with_parent = true, .uid = &nobody,
				 .gid = &nogroup),
			    "9\n65534 65534 65534\n");
	rig_close(&rig);
}
END_TEST

/* A child that would hold fd for ever, as it waits for what only it has. */
static void start_holder(int fd, struct af_spawn_options *options)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_fd_map fds[] = { { fd, 5 }, { -1, 6 } };
	int stay[2];

	make_pair(KIND_PIPE, stay);
	fds[1].fd = stay[1];
	options->in = (struct af_stdio)TO_FD(stay[0]);
	options->fds = fds;
	options->n_fds = 2;
	options->die_with_parent = true;
	if (!af_spawn(loop, (const char *const[]){ "cat", NULL }, options))
		_exit(1);
}

static _Noreturn void start_and_die(int fd, const uid_t *uid)
{
	start_holder(fd, WITH(.uid = uid, .keep_gid = true));
	put(fd, "x", 1);
	raise(SIGKILL);
	abort();
}

START_TEST(child_dies_with_its_parent)
{
	const uid_t *users[] = { NULL, &nobody };
	int fds[2];
	pid_t pid;
	char byte;

	if (!have_linux("die_with_parent"))
		return;
	if (_i == 1 && !is_root())
		return;
	make_pair(KIND_PIPE, fds);
	pid = fork();
	if (pid == 0)
		start_and_die(fds[1], users[_i]);
	close(fds[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	get(fds[0], &byte, 1);
	/* The end comes when the child, which would wait for ever, is gone. */
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}
END_TEST

/* Enough to keep a child busy before it can ask for the signal. */
static struct af_limit many_limits[500000];

static _Noreturn void start_slowly(int fd)
{
	const size_t n = sizeof many_limits / sizeof *many_limits;

	for (size_t i = 0; i < n; i++)
		many_limits[i] = (struct af_limit){ RLIMIT_CORE, 0, 0 };
	put(fd, "x", 1);
	start_holder(fd, WITH(.limits = many_limits, .n_limits = n));
	_exit(0);
}

/* The child is not yet at its prctl(2), so no signal is sent to it. */
START_TEST(child_whose_parent_dies_while_it_starts_dies)
{
	char byte;
	int fds[2];
	pid_t pid;

	make_pair(KIND_PIPE, fds);
	pid = fork();
	if (pid == 0)
		start_slowly(fds[1]);
	close(fds[1]);
	get(fds[0], &byte, 1);
	spin(20);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}
END_TEST

struct thread_child {
	int in;
	pid_t pid;
};

static void *spawn_and_end(void *arg)
{
	struct thread_child *child = arg;
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *process =
		af_spawn(loop, (const char *const[]){ "cat", NULL },
			 WITH(.in = TO_FD(child->in), .die_with_parent = true));

	child->pid = af_process_pid(process);
	af_process_free(process);
	af_loop_free(loop);
	return NULL;
}

/* Though to the kernel a thread is the parent. */
START_TEST(child_outlives_the_thread_that_asked_for_its_death)
{
	struct thread_child child;
	pthread_t thread;
	siginfo_t info;
	int fds[2];

	if (!have_linux("die_with_parent"))
		return;
	make_pair(KIND_PIPE, fds);
	child.in = fds[0];
	ck_assert_int_eq(pthread_create(&thread, NULL, spawn_and_end, &child),
			 0);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(waitid(P_PID, (id_t)child.pid, &info, WEXITED), 0);
	ck_assert_int_eq(info.si_code, CLD_EXITED);
	ck_assert_int_eq(info.si_status, 0);
}
END_TEST

/* All at once, and with a terminal. */
START_TEST(attributes_go_together)
{
	const mode_t mask = 077;
	const struct af_limit limit = { RLIMIT_NOFILE, 64, 64 };
	struct af_process *process;
	struct rig rig;

	if (!have_linux("die_with_parent"))
		return;
	if (!can_be_nobody())
		return;
	rig_open(&rig, _i);
	process = start(&rig,
			ASK("uid", "gid", "groups", "umask", "nice", "deathsig",
			    "session", "ttys", "fds"),
			WITH(.program = THE_PROGRAM, .in.kind = AFIO_PTY,
			     .out.kind = AFIO_PIPE, .err.kind = AFIO_PTY,
			     .uid = &nobody, .gid = &nogroup, .umask = &mask,
			     .nice = 19, .limits = &limit, .n_limits = 1,
			     .cwd = ".", .die_with_parent = true,
			     .fds = &(struct af_fd_map){ rig.in, 40 },
			     .n_fds = 1));
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "65534 65534 65534\n65534 65534 65534\n0:\n077\n19\n9\n"
		    "own\n02\n0 1 2 40 \n",
		    AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/attributes");
	TCase *tc = scratch_case(s, "environment");

	tcase_add_test(tc, env_edits_set_replace_and_remove);
	tcase_add_test(tc, env_edits_after_clearenv_are_all_there_is);
	tcase_add_test(tc, env_edits_of_one_name_apply_in_order);
	tcase_add_test(tc, env_edit_without_a_name_is_invalid);

	tc = test_case(s, "group");
	tcase_add_test(tc, child_has_a_group_or_session_of_its_own_if_asked);
	tcase_add_test(tc, child_joins_a_group_that_is_there);
	tcase_add_test(tc, child_cannot_join_what_is_no_group);
	tcase_add_loop_test(tc, chain_with_new_group_is_one_group, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, chain_with_new_group_and_sigchld_ignored_starts);

	tc = test_case(s, "limits");
	tcase_add_test(tc, umask_is_the_childs_alone);
	tcase_add_test(tc, no_limit_is_unlimited);
	tcase_add_test(tc, bad_limits_are_refused);
	tcase_add_test(tc, nice_is_added_to_the_parents);

	tc = test_case(s, "user");
	tcase_add_test(tc, user_and_group_are_real_effective_and_saved);
	tcase_add_test(tc, user_without_groups_has_none_of_the_parents);
	tcase_add_test(tc, user_may_not_become_another);
	tcase_add_test(tc, user_that_may_not_be_killed_is_left_and_reaped);
	tcase_add_loop_test(tc, user_that_may_not_be_killed_goes_on, 0, 4);
	tcase_add_test(tc, user_that_may_not_be_killed_is_no_part_of_a_stop);
	tcase_add_test(tc, user_of_minus_one_is_invalid);
	tcase_add_test(tc, user_of_a_child_leaves_the_parent_as_it_is);
	tc = scratch_case(s, "directory");
	tcase_add_test(tc, cwd_is_entered_as_the_user);

	tc = test_case(s, "death");
	tcase_add_test(tc, death_signal_is_set_only_if_asked);
	tcase_add_loop_test(tc, child_dies_with_its_parent, 0, 2);
	tcase_add_test(tc, child_whose_parent_dies_while_it_starts_dies);
	tcase_add_test(tc, child_outlives_the_thread_that_asked_for_its_death);

	if (!without_valgrind("refuses a hard limit of descriptors"))
		return s;

	tc = test_case(s, "descriptor limit");
	tcase_add_test(tc, limits_are_the_childs_alone);
	tcase_add_loop_test(tc, attributes_go_together, 0, DRIVE_COUNT);
	return s;
}
