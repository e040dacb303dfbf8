/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of options that are descriptors, closed streams, ignored signals and no
 * new privileges; and that nonsense in any option is refused, by its name.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/nobody.h"
#include "support/offers.h"
#include "support/scratch.h"

/* A descriptor that stands for a file, and need not be able to read it. */
#ifdef O_PATH
#define TO_NAME O_PATH
#else
#define TO_NAME O_RDONLY
#endif

START_TEST(cwd_fd_is_entered)
{
	char line[PATH_MAX + 16];
	int fd, old;
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("cwd", 0700), 0);
	snprintf(line, sizeof line, "%s/cwd\n", directory);
	fd = open("cwd", TO_NAME | O_DIRECTORY | O_CLOEXEC);
	expect_says(&rig, HELPER("cwd"), WITH(.cwd_fd = &fd), line);
	/* 0 is a descriptor like others, also where stdin is another. */
	old = fcntl(0, F_DUPFD_CLOEXEC, 100);
	dup2(fd, 0);
	expect_says(&rig, HELPER("cwd"),
		    WITH(.cwd_fd = &(int){ 0 }, .in.kind = AFIO_NULL), line);
	expect_says(&rig, HELPER("cwd"),
		    WITH(.cwd_fd = &(int){ 0 }, .in.kind = AFIO_CLOSED), line);
	dup2(old, 0);
	close(old);
	/* A number that is another one's in the child. */
	expect_says(&rig, HELPER("dump-fds"),
		    WITH(.cwd_fd = &fd, .n_fds = 1,
			 .fds = &(struct af_fd_map){ rig.in, fd }),
		    (snprintf(line, sizeof line, "0\n1\n2\n%d\n", fd), line));
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(cwd_fd_that_is_no_directory_is_refused)
{
	char text[64];
	struct rig rig;

	rig_open(&rig, 0);
	snprintf(text, sizeof text, "chdir %d: Not a directory", rig.in);
	expect_reason(&rig, HELPER("cwd"), WITH(ALL_PIPES, .cwd_fd = &rig.in),
		      ENOTDIR, text);
	rig_close(&rig);
}
END_TEST

START_TEST(program_fd_is_executed)
{
	const char *const argv[] = { "any name", "argv0", NULL };
	int fd, old;
	struct rig rig;

	rig_open(&rig, 0);
	fd = open(helper_path(), TO_NAME | O_CLOEXEC);
	expect_says(&rig, argv, WITH(.program_fd = &fd), "any name\n");
	old = fcntl(0, F_DUPFD_CLOEXEC, 100);
	dup2(fd, 0);
	expect_says(&rig, argv,
		    WITH(.program_fd = &(int){ 0 }, .in.kind = AFIO_NULL),
		    "any name\n");
	dup2(old, 0);
	close(old);
	expect_says(&rig, argv,
		    WITH(.program_fd = &fd, .n_fds = 1,
			 .fds = &(struct af_fd_map){ rig.in, fd }),
		    "any name\n");
	/* The child does not keep it. */
	expect_says(&rig, (const char *const[]){ "x", "dump-fds", NULL },
		    WITH(.program_fd = &fd), "0\n1\n2\n");
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(program_fd_that_cannot_run_gives_the_exec_error)
{
	const char *const argv[] = { "x", NULL };
	char text[64];
	int fd;
	struct rig rig;

	rig_open(&rig, 0);
	make_file("plain", "", 0600);
	fd = open("plain", O_RDONLY | O_CLOEXEC);
	snprintf(text, sizeof text, "exec %d: Permission denied", fd);
	expect_reason(&rig, argv, WITH(.program_fd = &fd), EACCES, text);
	close(fd);
	make_file("script", "#!/bin/sh\n", 0700);
	fd = open("script", O_RDONLY | O_CLOEXEC);
	snprintf(text, sizeof text, "exec %d: No such file or directory", fd);
	expect_reason(&rig, argv, WITH(.program_fd = &fd), ENOENT, text);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(closed_streams_are_no_descriptors_of_the_child)
{
	const char *const says[] = { "sh", "-c", "echo x >&2", NULL };
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("dump-fds"), WITH(.in.kind = AFIO_CLOSED),
		    "1\n2\n");
	expect_says(&rig, HELPER("dump-fds"),
		    WITH(.in.kind = AFIO_CLOSED, .err.kind = AFIO_CLOSED),
		    "1\n");
	/* Something else of the child may have been there before. */
	expect_says(&rig, HELPER("dump-fds"),
		    WITH(.in.kind = AFIO_CLOSED, .err.kind = AFIO_CLOSED,
			 .n_fds = 2,
			 .fds = (struct af_fd_map[]){ { 0, 3 }, { 2, 4 } }),
		    "1\n3\n4\n");
	process = start(&rig, ASK("file:1", "file:2"),
			WITH(.out.kind = AFIO_CLOSED, .err.kind = AFIO_STDOUT));
	ck_assert_ptr_null(af_process_stdout(process));
	ck_assert_ptr_null(af_process_stderr(process));
	expect_exit(&rig, process, 0);
	process = start(&rig, says,
			WITH(.out.kind = AFIO_CLOSED, .err.kind = AFIO_STDOUT));
	expect_status(&rig, af_process_wait(process, NULL), EXITED(2));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(ignored_signals_stay_ignored)
{
	/* The last signal is valgrind's. */
	const int signals[] = { SIGHUP, SIGINT, SIGHUP,
				under_valgrind() ? 63 : 64 };
	char text[64];
	struct rig rig;

	rig_open(&rig, 0);
	snprintf(text, sizeof text, "blocked:\nignored: 1 2 %d\n", signals[3]);
	signal(SIGHUP, SIG_DFL); /* not so under nohup(1) */
	signal(SIGTERM, SIG_IGN);
	expect_says(&rig, HELPER("dump-signals"),
		    WITH(.ignored_signals = signals, .n_ignored_signals = 4),
		    text);
	expect_says(&rig, HELPER("dump-signals"),
		    WITH(.ignored_signals = signals), "blocked:\nignored:\n");
	signal(SIGTERM, SIG_DFL);
	ck_assert_ptr_eq((void *)signal(SIGHUP, SIG_DFL), (void *)SIG_DFL);
	rig_close(&rig);
}
END_TEST

START_TEST(no_new_privs_is_the_childs_alone)
{
	struct rig rig;

	if (!have_linux("no_new_privs"))
		return;
	rig_open(&rig, 0);
	expect_says(&rig, ASK("no-new-privs"), NULL, "0\n");
	expect_says(&rig, ASK("no-new-privs"), WITH(.no_new_privs = true),
		    "1\n");
	expect_says(&rig, ASK("no-new-privs"), NULL, "0\n");
	rig_close(&rig);
}
END_TEST

static const char *const no_edit[] = { "=", NULL };
static const int not_open = 1000, negative = -1, root = 0;
static const uid_t no_id = (uid_t)-1;
static const mode_t no_mode = 010000, no_mask = 01000;
static const mode_t no_umask = (mode_t)-1;

#define NONSENSE(what, ...)                                                    \
	{                                                                      \
		.option = (what), .error = EINVAL, .options = { __VA_ARGS__ }  \
	}
#define NOT_OPEN(what, ...)                                                    \
	{                                                                      \
		.option = (what), .error = EBADF, .options = { __VA_ARGS__ }   \
	}
#define SIGNALS(...)                                                           \
	.ignored_signals = (const int[]){ __VA_ARGS__ }, .n_ignored_signals = 1
#define PATH_WITH(...)                                                         \
	{                                                                      \
		.kind = AFIO_PATH, .path = "never-made", __VA_ARGS__           \
	}

/* Each option with nonsense, and each pair that excludes each other. */
static const struct bad {
	const char *option; /* that the text of af_spawn_error() names */
	int error;
	struct af_spawn_options options;
} bad[] = {
	NONSENSE("in", .in.kind = AFIO_STDOUT),
	NONSENSE("in", .in.kind = AFIO_PIPE_EACH),
	NONSENSE("in", .in.kind = 77),
	NONSENSE("in", .in.kind = (enum af_stdio_kind) - 1),
	NONSENSE("in", .in.kind = AFIO_PROCESS),
	NONSENSE("in", .in = PATH_WITH(.path_flags = AFIO_PATH_APPEND)),
	NONSENSE("in", .in = PATH_WITH(.path_flags = AFIO_PATH_EXCL)),
	NONSENSE("in", .in = PATH_WITH(.mode = &no_mask)),
	NONSENSE("in", .in = { .kind = AFIO_PIPE, .path_flags = 4 }),
	NONSENSE("in", .in.path_flags = AFIO_PATH_NOFOLLOW),
	NONSENSE("out", .out.kind = AFIO_PROCESS),
	NONSENSE("out", .out.kind = AFIO_STDOUT),
	NONSENSE("out", .out.kind = AFIO_PIPE_EACH),
	NONSENSE("out", .out.kind = AFIO_CLOSED + 1),
	NONSENSE("out", .out = PATH_WITH(.path_flags = 32)),
	NONSENSE("out", .out = PATH_WITH(.path_flags = ~0u)),
	NONSENSE("out", .out = PATH_WITH(.path_flags = AFIO_PATH_FOLLOW |
						       AFIO_PATH_NOFOLLOW)),
	NONSENSE("out", .out = PATH_WITH(.mode = &no_mode)),
	NONSENSE("out", .out = { .kind = AFIO_NULL, .mode = &no_mask }),
	NONSENSE("err", .err.kind = AFIO_PROCESS),
	NONSENSE("err", .err.kind = AFIO_PIPE_EACH),
	NONSENSE("err", .err = PATH_WITH(.path_flags = 32)),
	NONSENSE("err", .err.mode = &no_mask),
	NONSENSE("env_edits", .env_edits = no_edit),
	NONSENSE("search", .search = AFIO_SEARCH_NONE + 1),
	NONSENSE("search", .search = (enum af_search) - 1),
	NONSENSE("search_path", .search_path = "/bin",
		 .search = AFIO_SEARCH_PARENT),
	NONSENSE("search_path", .search_path = "/bin",
		 .search = AFIO_SEARCH_NONE),
	NONSENSE("program_fd", .program_fd = &root, .program = "x"),
	NONSENSE("program_fd", .program_fd = &root,
		 .search = AFIO_SEARCH_PARENT),
	NONSENSE("program_fd", .program_fd = &root, .search_path = "/bin"),
	NONSENSE("program_fd", .program_fd = &root, .sh_fallback = true),
	NOT_OPEN("program_fd", .program_fd = &not_open),
	NOT_OPEN("program_fd", .program_fd = &negative),
	NONSENSE("cwd_fd", .cwd_fd = &root, .cwd = "/"),
	NOT_OPEN("cwd_fd", .cwd_fd = &not_open),
	NOT_OPEN("cwd_fd", .cwd_fd = &negative),
	NOT_OPEN("cgroup_fd", .cgroup_fd = &not_open),
	NOT_OPEN("cgroup_fd", .cgroup_fd = &negative),
	NONSENSE("group", .group = -1),
	NONSENSE("group", .group = INT_MIN),
	NONSENSE("group", .group = 1, .new_session = true),
	NONSENSE("group", .group = 1, .in.kind = AFIO_PTY),
	NONSENSE("group", .group = 1, .out.kind = AFIO_PTY),
	NONSENSE("group", .group = 1, .err.kind = AFIO_PTY),
	NONSENSE("fds", .n_fds = 1),
	NONSENSE("closefrom", .closefrom = 1),
	NONSENSE("closefrom", .closefrom = 2),
	NONSENSE("closefrom", .closefrom = -1),
	NONSENSE("uid", .uid = &no_id),
	NONSENSE("uid", .uid = &no_id, .keep_gid = true),
	NONSENSE("gid", .gid = &no_id),
	NONSENSE("keep_gid", .uid = &nobody, .gid = &nogroup, .keep_gid = true),
	NONSENSE("keep_gid", .gid = &nogroup, .keep_gid = true),
	NONSENSE("reset_ids", .reset_ids = true, .uid = &nobody),
	NONSENSE("reset_ids", .reset_ids = true, .gid = &nogroup),
	NONSENSE("reset_ids", .reset_ids = true, .keep_gid = true),
	NONSENSE("groups", .n_groups = 1),
	NONSENSE("umask", .umask = &no_mask),
	NONSENSE("umask", .umask = &no_umask),
	NONSENSE("limits", .n_limits = 1),
	NONSENSE("ignored_signals", .n_ignored_signals = 1),
	NONSENSE("ignored_signals", SIGNALS(0)),
	NONSENSE("ignored_signals", SIGNALS(-1)),
	NONSENSE("ignored_signals", SIGNALS(65)),
	NONSENSE("ignored_signals", SIGNALS(SIGKILL)),
	NONSENSE("ignored_signals", SIGNALS(SIGSTOP)),
	NONSENSE("reserved", .reserved = { 1 }),
};

static int lowest_free(void)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);

	close(fd);
	return fd;
}

START_TEST(bad_option_is_refused_by_its_name)
{
	const struct bad *b = &bad[_i];
	struct af_spawn_options more = b->options;
	const char *const *argv = HELPER("exit", "0");
	char text[128];
	int fd;
	struct rig rig;

	rig_open(&rig, 0);
	fd = lowest_free();
	snprintf(text, sizeof text, "option %s: %s", b->option,
		 strerror(b->error));
	expect_reason(&rig, argv, &b->options, b->error, text);
	/* Nor does anything that it would have made stay. */
	if (more.in.kind == AFIO_DEFAULT && !more.in.path_flags)
		more.in.kind = AFIO_PIPE;
	if (more.out.kind == AFIO_DEFAULT)
		more.out = (struct af_stdio)PATH_WITH(.fd = 0);
	expect_reason(&rig, argv, &more, b->error, text);
	ck_assert_int_lt(access("never-made", F_OK), 0);
	ck_assert_int_eq(lowest_free(), fd);
	rig_close(&rig);
}
END_TEST

/* It would have been truncated. */
START_TEST(bad_stream_is_refused_before_a_path_is_opened)
{
	struct rig rig;

	rig_open(&rig, 0);
	make_file("kept", "kept", 0600);
	expect_reason(&rig, ASK("umask"),
		      WITH(.out = { .kind = AFIO_PATH, .path = "kept" },
			   .err = TO_FD(not_open)),
		      EBADF, "fd 1000: Bad file descriptor");
	expect_reason(&rig, ASK("umask"),
		      WITH(.out = { .kind = AFIO_PATH, .path = "kept" },
			   .err.kind = AFIO_PATH),
		      EINVAL, "open: Invalid argument");
	expect_file("kept", "kept");
	rig_close(&rig);
}
END_TEST

/* The kernel knows these, and the step names the option. */
START_TEST(bad_number_is_refused_by_its_step)
{
	const struct af_limit limit = { -1, 0, 0 };
	const struct af_fd_map low = { 0, 2 }, twice[] = { { 0, 5 }, { 1, 5 } };
	struct rig rig;
	int fd;

	rig_open(&rig, 0);
	fd = lowest_free();
	expect_reason(&rig, ASK("umask"), WITH(.limits = &limit, .n_limits = 1),
		      EINVAL, "setrlimit -1: Invalid argument");
	expect_reason(&rig, ASK("umask"), WITH(.fds = &low, .n_fds = 1), EINVAL,
		      "fd 2: Invalid argument");
	expect_reason(&rig, ASK("umask"), WITH(.fds = twice, .n_fds = 2),
		      EINVAL, "fd 5: Invalid argument");
	expect_reason(&rig, ASK("umask"), WITH(.group = INT_MAX), EPERM,
		      "setpgid 2147483647: Operation not permitted");
	if (is_root())
		expect_reason(&rig, ASK("umask"),
			      WITH(.groups = &no_id, .n_groups = SIZE_MAX / 2),
			      EINVAL, "setgroups: Invalid argument");
	ck_assert_int_eq(lowest_free(), fd);
	rig_close(&rig);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Suite *suite(void)
{
	Suite *s = suite_create("process/options");
	TCase *tc = scratch_case(s, "options");

	tcase_add_test(tc, cwd_fd_is_entered);
	tcase_add_test(tc, cwd_fd_that_is_no_directory_is_refused);
	tcase_add_test(tc, ignored_signals_stay_ignored);
	tcase_add_test(tc, no_new_privs_is_the_childs_alone);
	if (offers_execveat()) {
		tcase_add_test(tc, program_fd_is_executed);
		if (without_valgrind("dies of an execve() that fails"))
			tcase_add_test(
				tc,
				program_fd_that_cannot_run_gives_the_exec_error);
	}
	tcase_add_test(tc, closed_streams_are_no_descriptors_of_the_child);

	tc = scratch_case(s, "nonsense");
	tcase_add_loop_test(tc, bad_option_is_refused_by_its_name, 0,
			    COUNT(bad));
	tcase_add_test(tc, bad_stream_is_refused_before_a_path_is_opened);
	tcase_add_test(tc, bad_number_is_refused_by_its_step);
	return s;
}
