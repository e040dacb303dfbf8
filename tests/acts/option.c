/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes with options of every kind, and what is done to one that runs.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "acts/acts.h"
#include "support/cgroup.h"
#include "support/children.h"

/* What a child is given besides its streams. */
static struct af_process *start_with_all(struct scene *s, const int *cwd)
{
	static const struct af_limit limits[] = { { RLIMIT_CORE, 0, 0 } };
	static const int ignored[] = { SIGHUP, SIGUSR1 };
	static const char *const env[] = { "A=1", NULL };
	const gid_t gid = getgid();
	const uid_t uid = getuid();
	const struct af_fd_map maps[] = { { s->source, 9 }, { *cwd, 7 } };

	return made(af_spawn(
		s->loop, HELPER("cat"),
		WITH(IN_OUT_PIPES, .err = { .kind = AFIO_NULL }, .env = env,
		     .cwd_fd = cwd, .new_session = true, .fds = maps,
		     .n_fds = 2, .closefrom = 10, .uid = &uid, .gid = &gid,
		     .groups = geteuid() == 0 ? &gid : NULL,
		     .n_groups = geteuid() == 0, .umask = &(mode_t){ 022 },
		     .limits = limits, .n_limits = 1, .nice = 1,
		     .ignored_signals = ignored, .n_ignored_signals = 2,
		     .die_with_parent = have_linux("die_with_parent"),
		     .kill_on_free = true)));
}

void act_all_options(struct scene *s)
{
	int cwd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct af_process *process = start_with_all(s, &cwd);
	struct rusage usage;
	int r;

	close(cwd);
	if (!process)
		return;
	end(s,
	    af_file_write(af_process_stdin(process), "abc", 3, AFIO_FULL,
			  MS(20000)),
	    0);
	while (af_process_close_stdin(process) < 0)
		ck_assert_ptr_nonnull(af_process_stdin(process));
	while (end(s, af_file_read(af_process_stdout(process), 0, 0, NULL), 0) <
	       0)
		;
	ck_assert(s->n_got == 3 || disturbed());
	expect_end(s, process);
	/* Without pidfds, it is not known of one that leads a group. */
	r = af_process_usage(process, &usage);
	ck_assert(r == 0 || (r == -ECHILD && !have_linux("its usage")));
	af_process_free(process);
}

/* Paths of streams that the child opens itself, as another user may not. */
void act_late_paths(struct scene *s)
{
	char paths[2][20] = { "in.XXXXXX", "out.XXXXXX" };
	const uid_t uid = getuid();
	struct af_process *process;
	char got[4] = "";
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = mkstemp(paths[i]);
		ck_assert_int_ge(fds[i], 0);
	}
	put_text(fds[0], "abc");
	process = made(
		af_spawn(s->loop, HELPER("cat"),
			 WITH(.in = { .kind = AFIO_PATH, .path = paths[0] },
			      .out = { .kind = AFIO_PATH,
				       .path = paths[1],
				       .path_flags = AFIO_PATH_APPEND |
						     AFIO_PATH_FOLLOW },
			      .err.kind = AFIO_STDOUT, .uid = &uid,
			      .keep_gid = true, .cwd = ".")));
	if (process)
		expect_end(s, process);
	ck_assert_int_eq(read(fds[1], got, sizeof got), process ? 3 : 0);
	ck_assert_str_eq(got, process ? "abc" : "");
	af_process_free(process);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		unlink(paths[i]);
	}
}

/* Signals, and the size of a terminal; killed when it is freed. */
void act_signals(struct scene *s)
{
	struct af_process *process = made(af_spawn(
		s->loop, HELPER("pause"),
		WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY, .pty_rows = 25,
		     .pty_columns = 80, .kill_on_free = true)));
	int r, status = 0;

	if (!process)
		return;
	while ((r = af_process_resize(process, 50, 132)) < 0)
		ck_assert(excused(r));
	while ((r = af_process_signal_group(process, SIGCONT)) < 0)
		ck_assert(excused(r));
	ck_assert(!af_process_poll(process, &status));
	while ((r = af_process_signal(process, SIGKILL)) < 0)
		ck_assert(excused(r));
	expect_end(s, process);
	ck_assert(af_process_poll(process, &status));
	ck_assert(status == SIGKILL || disturbed());
	af_process_free(process);
	process = made(
		af_spawn(s->loop, HELPER("pause"), WITH(.kill_on_free = true)));
	af_process_free(process);
}

static int succeed(void *arg)
{
	(void)arg;
	return 0;
}

static void stop_hard(struct scene *s, struct af_process *process)
{
	while (end(s, af_process_stop(process, MS(0)), 0) < 0)
		;
}

/* Where one can be made: stopped, killed when it is freed, and cancelled. */
void act_cgroup(struct scene *s)
{
	struct af_process *process;
	struct af_future *f;
	int fd = -1;

#ifdef SYS_clone3
	/* Without arguments it fails, but in another way than a refusal. */
	if (have_linux("cgroups") && syscall(SYS_clone3, NULL, 0) < 0 &&
	    errno == EINVAL)
		fd = cgroup_make();
#endif
	if (fd < 0)
		return;
	process = made(
		af_spawn(s->loop, HELPER("pause"), WITH(.cgroup_fd = &fd)));
	if (process)
		stop_hard(s, process);
	af_process_free(process);
	process = made(
		af_spawn(s->loop, HELPER("pause"),
			 WITH(.cgroup_fd = &fd, .new_group = true,
			      .before_exec = succeed, .kill_on_free = true)));
	af_process_free(process);
	f = af_spawn_async(s->loop, HELPER("pause"), WITH(.cgroup_fd = &fd));
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	/* The loop reaps what was killed. */
	af_loop_free(s->loop);
	s->loop = NULL;
	cgroup_remove(fd);
}

/* A terminal that controls this process; its sides. False: it leads none. */
static bool lead_terminal(int fds[2])
{
	if (getsid(0) != getpid() && setsid() < 0)
		return false;
	signal(SIGHUP, SIG_IGN);
	make_pty(fds);
	ck_assert_int_eq(ioctl(fds[1], TIOCSCTTY, 0), 0);
	return true;
}

static void leave_terminal(const int fds[2])
{
	ck_assert_int_eq(ioctl(fds[1], TIOCNOTTY), 0);
	close(fds[0]);
	close(fds[1]);
}

/* One that has the terminal until its end, and one that is cancelled. */
void act_foreground(struct scene *s)
{
	struct af_process *process;
	struct af_future *f;
	int fds[2];

	if (!lead_terminal(fds))
		return;
	process = af_spawn(s->loop, HELPER("cat"),
			   WITH(.in.kind = AFIO_PIPE, .new_group = true,
				.foreground = true));
	/* Without /dev/tty it is not known. */
	if (!process && !(errno == ENOTTY && disturbed()))
		made(process);
	if (process) {
		while (af_process_close_stdin(process) < 0)
			ck_assert_ptr_nonnull(af_process_stdin(process));
		expect_end(s, process);
	}
	af_process_free(process);
	ck_assert(tcgetpgrp(fds[1]) == getpgrp() || disturbed());
	s->follows = -ENOTTY;
	f = af_spawn_async(s->loop, HELPER("pause"),
			   WITH(.new_group = true, .foreground = true));
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	/* The thread that has started it gives the terminal back. */
	while (tcgetpgrp(fds[1]) != getpgrp() && !disturbed())
		sched_yield();
	leave_terminal(fds);
}

/* A terminal that is passed, and one that is made with modes and pixels. */
void act_own_terminal(struct scene *s)
{
	struct termios modes;
	struct af_process *process;
	int fds[2], r;

	make_pty(fds);
	ck_assert_int_eq(tcgetattr(fds[1], &modes), 0);
	process = made(
		af_spawn(s->loop, HELPER("exit", "0"),
			 WITH(.in.kind = AFIO_PTY, .pty_flags = AFIO_PTY_RAW)));
	if (process)
		expect_end(s, process);
	af_process_free(process);
	process = made(af_spawn(s->loop, HELPER("exit", "0"),
				WITH(.in = TO_FD(fds[1]), .tty_fd = &fds[1])));
	if (process)
		expect_end(s, process);
	af_process_free(process);
	process = made(af_spawn(s->loop, HELPER("cat"),
				WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY,
				     .pty_modes = &modes, .pty_xpixel = 640,
				     .pty_ypixel = 480, .kill_on_free = true)));
	while (process &&
	       (r = af_process_resize_pixels(process, 50, 132, 99, 99)) < 0)
		ck_assert(excused(r));
	af_process_free(process);
	close(fds[0]);
	close(fds[1]);
}

/* A program that is a descriptor; a script without "#!", in a group. */
void act_programs(struct scene *s)
{
	int program = open(helper_path(), O_RDONLY | O_CLOEXEC), fd;
	const char *const script[] = { "sh", NULL };
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	struct af_process *process, *leader;
	pid_t group;

	process = made(af_spawn(s->loop, HELPER("exit", "0"),
				WITH(.program_fd = &program)));
	if (process)
		expect_end(s, process);
	af_process_free(process);
	close(program);
	leader = made(af_spawn(s->loop, HELPER("pause"),
			       WITH(.new_group = true, .kill_on_free = true)));
	group = leader ? af_process_pid(leader) : 0;
	fd = mkostemp(path, O_CLOEXEC);
	put_text(fd, "exit 0\n");
	fchmod(fd, 0700);
	close(fd);
	process = made(
		af_spawn(s->loop, script,
			 WITH(.program = path, .sh_fallback = true,
			      .group = group, .search = AFIO_SEARCH_PARENT)));
	if (process)
		expect_end(s, process);
	af_process_free(process);
	process = made(
		af_spawn(s->loop, script,
			 WITH(.program = path, .sh_fallback = true,
			      .group = group, .search = AFIO_SEARCH_NONE)));
	if (process)
		expect_end(s, process);
	af_process_free(process);
	af_process_free(leader);
	unlink(path);
}

/* Started with the real user's rights, by which it opens a file itself. */
void act_identity(struct scene *s)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	struct af_process *process;
	const mode_t mode = 0600;
	struct af_future *f;
	struct stat st;

	close(mkstemp(path));
	unlink(path);
	f = af_spawn_async(
		s->loop, HELPER("echo", "abc"),
		WITH(.in.kind = AFIO_CLOSED,
		     .out = { .kind = AFIO_PATH,
			      .path = path,
			      .path_flags = AFIO_PATH_AS_CHILD |
					    AFIO_PATH_EXCL | AFIO_PATH_NOFOLLOW,
			      .mode = &mode },
		     .reset_ids = true,
		     .keep_ambient = have_linux("keep_ambient"),
		     .before_identity = succeed));
	end(s, af_future_ref(f), 0);
	process = af_future_take_process(f);
	af_future_unref(f);
	if (process)
		expect_end(s, process);
	ck_assert(!process || stat(path, &st) == 0);
	af_process_free(process);
	unlink(path);
}

/* What one writes the other reads; and the program reaps both. */
void act_joined(struct scene *s)
{
	struct af_process *first, *last = NULL;
	int status, r;

	first = made(af_spawn(s->loop, HELPER("echo", "abc"),
			      WITH(.out.kind = AFIO_PIPE)));
	if (first)
		last = made(af_spawn(
			s->loop, HELPER("cat"),
			WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			     .out.kind = AFIO_NULL)));
	if (last) {
		ck_assert_int_eq(waitpid(af_process_pid(first), &status, 0),
				 af_process_pid(first));
		while ((r = af_loop_reaped(s->loop, af_process_pid(first),
					   status)) < 0)
			ck_assert(excused(r));
		ck_assert_int_eq(waitpid(af_process_pid(last), &status, 0),
				 af_process_pid(last));
		while ((r = af_process_set_status(last, status)) < 0)
			ck_assert(excused(r));
		expect_end(s, last);
	}
	if (first)
		expect_end(s, first);
	af_process_free(last);
	af_process_free(first);
}

/* The lowest number that is free above another one. */
static int free_number(int above)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, above + 1);

	close(fd);
	return fd;
}

/*
 * The numbers that the child gets are in use by the start itself: for the second
 * end of a pipe of its own, the working directory, the program, and a descriptor
 * that the child gets, too.
 */
void act_crowded(struct scene *s)
{
	int cwd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int program = open(helper_path(), O_RDONLY | O_CLOEXEC);
	int second = free_number(free_number(2));
	const struct af_fd_map maps[] = {
		{ s->sink, second },	{ s->sink, cwd },
		{ s->sink, program },	{ s->sink, s->source },
		{ s->source, s->sink },
	};
	struct af_process *process = made(af_spawn(
		s->loop, HELPER("exit", "0"),
		WITH(.cwd_fd = &cwd,
		     .program_fd = have_linux("execveat") ? &program : NULL,
		     .fds = maps, .n_fds = 5)));

	close(cwd);
	close(program);
	if (!process)
		return;
	expect_end(s, process);
	af_process_free(process);
}

/* What only root can do; and a terminal for another user. */
void act_user(struct scene *s)
{
	static const char *const argv[] = { "true", NULL };
	const uid_t nobody = 65534;
	const gid_t nogroup = 65534;
	struct af_process *process;

	if (geteuid() != 0)
		return;
	process = made(af_spawn(
		s->loop, argv,
		WITH(.uid = &nobody, .gid = &nogroup, .in.kind = AFIO_PTY)));
	if (!process)
		return;
	expect_end(s, process);
	af_process_free(process);
}
