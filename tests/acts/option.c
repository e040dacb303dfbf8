/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes with options of every kind, and what is done to one that runs.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "acts/acts.h"
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
	ck_assert_int_eq(af_process_usage(process, &usage), 0);
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
				       .path_flags = AFIO_PATH_APPEND },
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
