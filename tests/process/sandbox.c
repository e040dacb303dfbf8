/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of sandboxes: a system call that a filter refuses, by whatever error, is
 * taken for one that the kernel does not have; and an error that is about the
 * child itself is reported.
 */
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/denied.h"
#include "support/nobody.h"
#include "support/scratch.h"

#ifndef TIOCGDEV
#define TIOCGDEV 0x80045432u
#endif

static const int errors[] = { EPERM, ENOSYS, EACCES };
#define N_ERRORS ((int)(sizeof errors / sizeof errors[0]))

static const struct denied calls[] = {
	{ "pidfd_send_signal", SYS_pidfd_send_signal, 0, 0, 0 },
	DENIED_PIDFDS,
	DENIED_FACTS,
	{ "clone, CLONE_VFORK", SYS_clone, DENIED_CLONE_FLAGS, CLONE_VFORK,
	  CLONE_VFORK },
	{ "clone3", SYS_clone3, 0, 0, 0 },
	{ "close_range", SYS_close_range, 0, 0, 0 },
	{ "waitid, P_PIDFD", SYS_waitid, 1, ~0u, 3 },
	{ "waitid", SYS_waitid, 0, 0, 0 },
	{ "openat2", SYS_openat2, 0, 0, 0 },
	{ "faccessat2", SYS_faccessat2, 0, 0, 0 },
	{ "preadv2", SYS_preadv2, 0, 0, 0 },
	{ "pwritev2", SYS_pwritev2, 0, 0, 0 },
	{ "splice", SYS_splice, 0, 0, 0 },
#ifdef SYS_sendfile64
	{ "sendfile64", SYS_sendfile64, 0, 0, 0 },
#else
	{ "sendfile", SYS_sendfile, 0, 0, 0 },
#endif
	{ "tee", SYS_tee, 0, 0, 0 },
	{ "kcmp", SYS_kcmp, 0, 0, 0 },
	{ "TIOCGPTPEER", SYS_ioctl, 2, ~0u, TIOCGPTPEER },
	{ "TIOCGDEV", SYS_ioctl, 2, ~0u, TIOCGDEV },
	{ "FIONREAD", SYS_ioctl, 2, ~0u, FIONREAD },
/* The runtimes of sanitizers fail without it. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	{ "prlimit64", SYS_prlimit64, 0, 0, 0 },
#endif
};
#define N_CALLS ((int)(sizeof calls / sizeof calls[0]))

/* All that came after Linux 4.5 together, as old filters refuse it. */
static const struct denied newer[] = {
	{ "pidfd_send_signal", SYS_pidfd_send_signal, 0, 0, 0 },
	DENIED_PIDFDS,
	DENIED_FACTS,
	{ "clone3", SYS_clone3, 0, 0, 0 },
	{ "close_range", SYS_close_range, 0, 0, 0 },
	{ "openat2", SYS_openat2, 0, 0, 0 },
	{ "faccessat2", SYS_faccessat2, 0, 0, 0 },
	{ "preadv2", SYS_preadv2, 0, 0, 0 },
	{ "pwritev2", SYS_pwritev2, 0, 0, 0 },
	{ "TIOCGPTPEER", SYS_ioctl, 2, ~0u, TIOCGPTPEER },
};

static struct rig rig;

static void expect_group_stops(void)
{
	struct af_process *process =
		start(&rig, HELPER("hold", "0"),
		      WITH(.in = TO_FD(rig.in), .new_group = true));

	expect_status(&rig, af_process_stop(process, MS(10000)), SIGTERM);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
}

static void expect_children(void)
{
	struct af_process *process = start_held(&rig);
	pid_t pid = af_process_pid(process);

	expect_error(&rig, af_process_wait(process, MS(0)), -ETIMEDOUT);
	ck_assert_int_eq(af_process_signal(process, SIGUSR1), 0);
	expect_status(&rig, af_process_wait(process, MS(10000)), SIGUSR1);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
	process = start_held(&rig);
	expect_status(&rig, af_process_stop(process, MS(10000)), SIGTERM);
	af_process_free(process);
	expect_group_stops();
	process = start_held(&rig);
	pid = af_process_pid(process);
	af_process_signal(process, SIGKILL);
	af_process_free(process);
	expect_reaped(&rig, pid);
	ck_assert_ptr_null(af_spawn(
		rig.loop, (const char *const[]){ "/nowhere", NULL }, NULL));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(library_threads(), 0);
}

static void expect_pipelines(void)
{
	struct af_pipe *pipe = start_chain(
		&rig, CHAIN(HELPER("cat"), HELPER("cat")), WITH(IN_OUT_PIPES));
	struct af_future *f =
		af_pipe_communicate(pipe, HOW(MEMORY("hello", 5)));

	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "hello");
	ck_assert_int_eq(af_future_status(f), 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(.in = TO_FD(rig.in), .new_group = true));
	expect_status(&rig, af_pipe_stop(pipe, MS(10000)), SIGTERM);
	af_pipe_close(pipe);
}

static void expect_terminal(void)
{
	struct af_process *process =
		start(&rig, HELPER("echo", "tty"),
		      WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY,
			   .err.kind = AFIO_PTY));

	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "tty\r\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
}

#define FROM(name, how)                                                        \
	{                                                                      \
		.kind = AFIO_PATH, .path = (name), .path_flags = (how)         \
	}

/* Longer than any file system has it. */
static void expect_long_name(const uid_t *uid, const gid_t *gid)
{
	char name[2 * NAME_MAX + 2];

	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	ck_assert_ptr_null(
		af_spawn(rig.loop, HELPER("cat"),
			 WITH(.uid = uid, .gid = gid,
			      .in = FROM(name, AFIO_PATH_AS_CHILD))));
	ck_assert_int_eq(errno, ENAMETOOLONG);
}

/* Goes where another user finds the program. */
static void expect_paths_there(void)
{
	static const uid_t root = 0;
	static const gid_t its_group = 0;
	static const struct {
		const char *path;
		int error;
	} links[] = { { "/proc/self/cwd/inside", ELOOP },
		      { "/proc/self/exe", ELOOP },
		      { "/dev/null/inside", ENOTDIR },
		      { "/dev/./nothing", ENOENT },
		      { "nothing", ENOENT },
		      { "", ENOENT } };

	expect_exit(
		&rig,
		start(&rig, HELPER("cat"), WITH(.in = FROM("/dev/null", 0))),
		0);
	expect_exit(
		&rig,
		start(&rig, HELPER("exit", "0"), WITH(.in = FROM("/dev/", 0))),
		0);
	ck_assert_ptr_null(
		af_spawn(rig.loop, HELPER("cat"), WITH(.in = FROM("", 0))));
	ck_assert_int_eq(errno, ENOENT);
	if (!can_be_nobody())
		return;
	expect_exit(&rig,
		    start(&rig, HELPER("exit", "0"),
			  WITH(.uid = &root, .gid = &its_group,
			       .in = FROM("/dev/", AFIO_PATH_AS_CHILD))),
		    0);
	expect_long_name(&root, &its_group);
	expect_says(&rig, HELPER("cat"),
		    WITH(.uid = &root, .gid = &its_group,
			 .in = FROM("//dev/./null", AFIO_PATH_AS_CHILD)),
		    "");
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		ck_assert_ptr_null(af_spawn(
			rig.loop, HELPER("cat"),
			WITH(.uid = &root, .gid = &its_group,
			     .in = FROM(links[i].path, AFIO_PATH_AS_CHILD))));
		ck_assert_int_eq(errno, links[i].error);
	}
	expect_exit(&rig,
		    start(&rig, ASK("umask"),
			  WITH(AS_NOBODY, .program = THE_PROGRAM,
			       .in = FROM("/dev/null", AFIO_PATH_AS_CHILD),
			       .out.kind = AFIO_NULL)),
		    0);
}

/* Opened by the parent, and by a child that is root or another user. */
static void expect_paths(void)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	expect_paths_there();
	ck_assert_int_eq(fchdir(here), 0);
	close(here);
}

/* A file for both ends of the rig, shared with others and not. */
static void expect_transfers(int kind, unsigned flags)
{
	struct af_file *reader, *writer;
	int fds[2];

	if (kind == KIND_COUNT)
		make_pty(fds);
	else
		make_pair((enum kind)kind, fds);
	reader = af_file_new(rig.loop, fds[0], flags);
	writer = af_file_new(rig.loop, fds[1], flags);
	ck_assert(reader && writer);
	expect_count(&rig, af_file_write(writer, "hello", 5, AFIO_FULL, NULL),
		     5, 0);
	expect_text(&rig, af_file_read(reader, 5, AFIO_FULL, NULL), "hello", 0);
	expect_error(&rig, af_file_read(reader, 5, 0, MS(1)), -ETIMEDOUT);
	af_file_close(reader);
	af_file_close(writer);
	if (flags & AFIO_KEEP_FD) {
		close(fds[0]);
		close(fds[1]);
	}
}

static void expect_disk(void)
{
	struct af_file *file, *pipe;
	int fds[2];

	file = af_file_open(rig.loop, "sandbox", "w");
	ck_assert_ptr_nonnull(file);
	expect_count(&rig, af_file_write(file, "hello", 5, AFIO_FULL, NULL), 5,
		     0);
	af_file_close(file);
	for (int kind = KIND_PIPE; kind <= KIND_SOCKETPAIR; kind++) {
		make_pair((enum kind)kind, fds);
		file = af_file_open(rig.loop, "sandbox", "r");
		pipe = af_file_new(rig.loop, fds[1], 0);
		expect_count(&rig, af_file_copy(file, pipe, -1, NULL), 5,
			     AFIO_EOF);
		af_file_close(file);
		af_file_close(pipe);
		close(fds[0]);
	}
	file = af_file_open(rig.loop, "sandbox", "r");
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "hello", AFIO_EOF);
	af_file_close(file);
	file = af_file_open(rig.loop, "/dev/null", "r+");
	expect_count(&rig, af_file_write(file, "x", 1, 0, NULL), 1, 0);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	af_file_close(file);
}

static void expect_all_works(void)
{
	rig_open(&rig, DRIVE_RUN);
	expect_children();
	expect_pipelines();
	expect_terminal();
	expect_paths();
	for (int kind = 0; kind <= KIND_COUNT; kind++) {
		expect_transfers(kind, 0);
		expect_transfers(kind, AFIO_KEEP_FD);
	}
	rig_close(&rig);
}

/* Worker threads serve disks: last. */
static void expect_disks_work(void)
{
	rig_open(&rig, DRIVE_AWAIT);
	expect_disk();
	rig_close(&rig);
}

static bool may_fail(const struct denied *call)
{
	return call->nr != SYS_clone ||
	       without_valgrind("goes on with the stack of a child that it"
				" could not create");
}

START_TEST(call_refused_is_as_if_there_were_none)
{
	if (!may_fail(&calls[_i / N_ERRORS]))
		return;
	if (!deny(&calls[_i / N_ERRORS], 1, errors[_i % N_ERRORS]))
		return;
	expect_all_works();
	expect_disks_work();
}
END_TEST

START_TEST(all_newer_calls_refused_is_as_if_there_were_none)
{
	for (size_t i = 0; i < sizeof newer / sizeof newer[0]; i++)
		if (!may_fail(&newer[i]))
			return;
	if (!deny(newer, sizeof newer / sizeof newer[0], errors[_i]))
		return;
	expect_all_works();
	expect_disks_work();
}
END_TEST

/* Only their own errors say that the kernel does not have them. */
static const struct {
	struct denied call;
	int error;
} missing[] = {
	{ { "faccessat2", SYS_faccessat2, 0, 0, 0 }, EINVAL },
	{ { "PR_CAP_AMBIENT", SYS_prctl, 1, ~0u, 47 }, EINVAL },
};
#define N_MISSING ((int)(sizeof missing / sizeof missing[0]))

START_TEST(call_that_an_old_kernel_lacks_is_not_needed)
{
	if (!can_be_nobody() || !deny(&missing[_i].call, 1, missing[_i].error))
		return;
	rig_open(&rig, 0);
	expect_says(&rig, ASK("uid", "gid"),
		    WITH(AS_NOBODY, .program = THE_PROGRAM),
		    "65534 65534 65534\n65534 65534 65534\n");
	rig_close(&rig);
}
END_TEST

/* What a child cannot do without. The harness needs these calls, too. */
static const struct needed {
	struct denied calls[2];
	int error;
	const char *text;
} needed[] = {
	{ { { "close_range", SYS_close_range, 0, 0, 0 },
	    { "openat", SYS_openat, 3, O_DIRECTORY, O_DIRECTORY } },
	  EPERM,
	  "open /proc/self/fd: Operation not permitted" },
	{ { { "close_range", SYS_close_range, 0, 0, 0 },
	    { "fstatfs", SYS_fstatfs, 0, 0, 0 } },
	  ENOENT,
	  "open /proc/self/fd: No such file or directory" },
	{ { { "close_range", SYS_close_range, 0, 0, 0 },
	    { "getdents64", SYS_getdents64, 0, 0, 0 } },
	  EPERM,
	  "open /proc/self/fd: Operation not permitted" },
	{ { { "rt_sigprocmask", SYS_rt_sigprocmask, 0, 0, 0 },
	    { "close_range", SYS_close_range, 0, 0, 0 } },
	  EPERM,
	  "sigprocmask: Operation not permitted" },
	{ { { "execve", SYS_execve, 0, 0, 0 },
	    { "close_range", SYS_close_range, 0, 0, 0 } },
	  EPERM,
	  "exec sh: Operation not permitted" },
};
#define N_NEEDED ((int)(sizeof needed / sizeof needed[0]))
#define N_LISTED 3

static const char *const shell[] = { "sh", "-c", ":", NULL };

static int try_needed(const struct needed *without)
{
	struct af_loop *loop = af_loop_new(NULL);

	if (!deny(without->calls, 2, EPERM))
		return 0;
	if (af_spawn(loop, shell, NULL) || errno != without->error)
		return 1;
	if (strcmp(af_spawn_error(loop), without->text) != 0)
		return 2;
	if (waitpid(-1, NULL, 0) != -1 || errno != ECHILD)
		return 3;
	af_loop_free(loop);
	return 0;
}

START_TEST(call_that_a_child_needs_is_a_step_that_fails)
{
	int status;
	pid_t pid;

	/* The others have no close_range(2) to do without. */
	if (_i < N_LISTED && !have_linux("/proc/self/fd"))
		return;
	if (_i >= N_LISTED &&
	    !without_valgrind("needs this call, or dies without it"))
		return;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(try_needed(&needed[_i]));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "status is %#x", (unsigned)status);
}
END_TEST

/* After these a program may be in another directory of its path. */
START_TEST(exec_that_fails_everywhere_gives_its_error)
{
	static const int elsewhere[] = { ESTALE, ENODEV, ETIMEDOUT,
					 ENAMETOOLONG };
	const struct denied execve = { "execve", SYS_execve, 0, 0, 0 };

	if (!deny(&execve, 1, elsewhere[_i]))
		return;
	rig_open(&rig, 0);
	expect_reason(&rig, shell, WITH(.search_path = "/bin:/usr/bin"),
		      elsewhere[_i], reason_of("exec sh", elsewhere[_i]));
	rig_close(&rig);
}
END_TEST

/* Where waitid(2) cannot be used, only wait4(2), which takes what it finds. */

static const struct denied waitid_calls[] = {
	{ "waitid", SYS_waitid, 0, 0, 0 },
	DENIED_FACTS,
};

START_TEST(child_changes_hands_also_without_waitid)
{
	struct af_process *process;
	int status;
	pid_t pid;

	if (!deny(waitid_calls, 1, errors[_i]))
		return;
	rig_open(&rig, 0);
	process = start_held(&rig);
	pid = take_over(process, NULL, NULL);
	process = af_process_adopt(rig.loop, pid, -1, -1, -1);
	ck_assert_ptr_nonnull(process);
	expect_error(&rig, af_process_wait_change(process, MS(5)), -ETIMEDOUT);
	rig_hang_up(&rig);
	expect_status(&rig, af_process_wait_change(process, NULL), 0);
	ck_assert_int_eq(af_process_release(process, &pid, NULL, NULL), -ESRCH);
	af_process_free(process);
	ck_assert_ptr_null(af_process_adopt(rig.loop, pid, -1, -1, -1));
	ck_assert_int_eq(errno, ECHILD);
	pid = fork();
	if (pid == 0)
		_exit(7);
	process = af_process_adopt(rig.loop, pid, -1, -1, -1);
	ck_assert_ptr_nonnull(process);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, status), 1);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(status_taken_without_waitid_is_unknown)
{
	struct af_process *process;
	int status = 0;

	if (!deny(waitid_calls, 2, errors[_i]))
		return;
	rig_open(&rig, 0);
	process = start(&rig, HELPER("exit", "7"), NULL);
	ck_assert_int_eq(waitpid(af_process_pid(process), NULL, 0),
			 af_process_pid(process));
	ck_assert(af_process_poll(process, &status));
	ck_assert_int_eq(status, -1);
	expect_error(&rig, af_process_wait(process, NULL), -ECHILD);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* How it ends where nothing is refused. */
static int dump_core(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(child_that_dumps_core_says_so_also_without_waitid)
{
	const char *const argv[] = { "sh", "-c", "kill -ABRT $$", NULL };
	struct af_process *process;
	struct rlimit limit;
	int status;

	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_CORE, &limit), 0);
	status = dump_core(argv);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	if (!WCOREDUMP(status))
		fprintf(stderr, "skipped: no core is dumped here\n");
	if (_i > 0 && !deny(waitid_calls, 1, errors[_i - 1]))
		return;
	rig_open(&rig, 0);
	process = start(&rig, argv, NULL);
	expect_status(&rig, af_process_wait(process, NULL), status);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* What may not be signalled stays so: a child that has become another user. */

static bool become(uid_t uid)
{
	return syscall(SYS_setresuid, uid, uid, 0) == 0;
}

START_TEST(signal_of_another_users_child_is_eperm_also_in_a_sandbox)
{
	const struct denied send = calls[0];
	struct af_process *process, *leader;

	if (getuid() != 0 || (_i > 0 && !deny(&send, 1, errors[_i - 1])))
		return;
	rig_open(&rig, DRIVE_AWAIT);
	process = start_held(&rig);
	leader = start(&rig, HELPER("hold", "0"),
		       WITH(.in = TO_FD(rig.in), .new_group = true));
	ck_assert(become(nobody));
	ck_assert_int_eq(af_process_signal(process, SIGTERM), -EPERM);
	ck_assert_int_eq(af_process_signal_group(leader, SIGTERM), -EPERM);
	expect_error(&rig, af_process_stop(process, MS(0)), -EPERM);
	expect_error(&rig, af_process_stop(leader, MS(0)), -EPERM);
	ck_assert(!af_process_poll(process, NULL));
	ck_assert(become(0));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	expect_status(&rig, af_process_stop(leader, MS(0)), SIGKILL);
	af_process_free(process);
	af_process_free(leader);
	rig_close(&rig);
}
END_TEST

/* By its number alone that is all that can be known of it. */
START_TEST(child_of_another_user_can_be_adopted_without_waitid)
{
	struct af_process *process;
	pid_t pid;

	if (getuid() != 0 || !deny(waitid_calls, 1, errors[_i]))
		return;
	rig_open(&rig, 0);
	pid = take_over(start_held(&rig), NULL, NULL);
	ck_assert(become(nobody));
	process = af_process_adopt(rig.loop, pid, -1, -1, -1);
	ck_assert_ptr_nonnull(process);
	ck_assert_int_eq(af_process_signal(process, SIGTERM), -EPERM);
	ck_assert(become(0));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* Without pidfds */

/* There is nothing to wait for but time. */
START_TEST(free_of_the_loop_reaps_what_it_killed_without_pidfds)
{
	static const struct denied pidfds[] = { DENIED_PIDFDS };
	struct af_process *process;

	if (!deny(pidfds, 2, EPERM))
		return;
	rig_open(&rig, 0);
	for (int i = 0; i < 10; i++) {
		process =
			start(&rig, HELPER("hold", "0"),
			      WITH(.in = TO_FD(rig.in), .kill_on_free = true));
		af_process_free(process);
		af_loop_free(rig.loop);
		rig.loop = af_loop_new(NULL);
		expect_no_child();
	}
	rig_close(&rig);
}
END_TEST

static int64_t used_us(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

#define MANY 40

/* A zombie of the program's own must not wake anybody, either. */
START_TEST(many_children_without_pidfds_need_no_thread_and_little_time)
{
	static const struct denied pidfds[] = { DENIED_PIDFDS };
	struct af_process *processes[MANY];
	struct af_future *waits[MANY];
	int64_t used;
	pid_t zombie;

	if (!deny(pidfds, 2, EPERM))
		return;
	rig_open(&rig, _i);
	zombie = fork();
	if (zombie == 0)
		_exit(0);
	for (int i = 0; i < MANY; i++) {
		processes[i] = start_held(&rig);
		waits[i] = af_process_wait(processes[i], NULL);
	}
	expect_count(&rig, af_sleep(rig.loop, MS(200)), 0, 0);
	ck_assert_int_eq(library_threads(), 0);
	used = used_us();
	expect_count(&rig, af_sleep(rig.loop, MS(400)), 0, 0);
	ck_assert_int_lt(used_us() - used, 120000);
	rig_hang_up(&rig);
	for (int i = 0; i < MANY; i++) {
		expect_status(&rig, waits[i], 0);
		af_process_free(processes[i]);
	}
	ck_assert_int_eq(waitpid(zombie, NULL, 0), zombie);
	rig_close(&rig);
}
END_TEST

static void ignore_epoll(int severity, const char *message)
{
	ck_assert_msg(!strncmp(message, "Epoll ADD", strlen("Epoll ADD")),
		      "%d: %s", severity, message);
}

/* Nothing more can be watched: neither at first nor when it is tried again. */
START_TEST(child_whose_pidfd_cannot_be_watched_is_awaited)
{
	const struct denied add = { "epoll_ctl, EPOLL_CTL_ADD", SYS_epoll_ctl,
				    2, ~0u, EPOLL_CTL_ADD };
	struct af_process *process;
	struct af_future *wait;

	event_set_log_callback(ignore_epoll);
	rig_open(&rig, _i);
	expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	if (deny(&add, 1, ENOMEM)) {
		process = start_held(&rig);
		wait = af_process_wait(process, NULL);
		expect_count(&rig, af_sleep(rig.loop, MS(20)), 0, 0);
		ck_assert(!af_future_is_done(wait));
		rig_hang_up(&rig);
		expect_status(&rig, wait, 0);
		af_process_free(process);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/sandbox");
	TCase *tc = scratch_case(s, "refused");

	tcase_add_loop_test(tc, call_refused_is_as_if_there_were_none, 0,
			    N_CALLS * N_ERRORS);
	tcase_add_loop_test(tc,
			    all_newer_calls_refused_is_as_if_there_were_none, 0,
			    N_ERRORS);
	tcase_add_loop_test(
		tc, signal_of_another_users_child_is_eperm_also_in_a_sandbox, 0,
		N_ERRORS + 1);
	tcase_add_loop_test(tc, call_that_an_old_kernel_lacks_is_not_needed, 0,
			    N_MISSING);
	tcase_add_loop_test(tc, call_that_a_child_needs_is_a_step_that_fails, 0,
			    N_NEEDED);
	if (without_valgrind("dies of an execve() that fails"))
		tcase_add_loop_test(
			tc, exec_that_fails_everywhere_gives_its_error, 0, 4);

	tc = scratch_case(s, "without waitid");
	tcase_add_loop_test(tc, child_changes_hands_also_without_waitid, 0,
			    N_ERRORS);
	tcase_add_loop_test(tc, status_taken_without_waitid_is_unknown, 0,
			    N_ERRORS);
	tcase_add_loop_test(tc,
			    child_of_another_user_can_be_adopted_without_waitid,
			    0, N_ERRORS);
	tcase_add_loop_test(tc,
			    child_that_dumps_core_says_so_also_without_waitid,
			    0, N_ERRORS + 1);

	tc = test_case(s, "without pidfds");
	tcase_add_test(tc,
		       free_of_the_loop_reaps_what_it_killed_without_pidfds);
	tcase_add_loop_test(
		tc, many_children_without_pidfds_need_no_thread_and_little_time,
		0, DRIVE_COUNT);

	tc = test_case(s, "without events");
	tcase_add_loop_test(tc, child_whose_pidfd_cannot_be_watched_is_awaited,
			    0, DRIVE_COUNT);
	return s;
}
