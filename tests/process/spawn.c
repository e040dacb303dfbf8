/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of how a child is started: its program, directory, environment and
 * signals, its descriptors, and what a failure leaves: nothing.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/scratch.h"

#ifdef SIGRTMIN
#define ANOTHER_SIGNAL (SIGRTMIN + 3)
#else
#define ANOTHER_SIGNAL SIGUSR2
#endif

extern char **environ;

START_TEST(spawn_with_nonsense_is_invalid)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;

	rig_open(&rig, 0);
	errno = 0;
	ck_assert_ptr_null(af_spawn(NULL, argv, NULL));
	ck_assert_int_eq(errno, EINVAL);
	expect_refused(&rig, NULL, NULL, EINVAL);
	expect_refused(&rig, (const char *const[]){ NULL }, NULL, EINVAL);
	expect_refused(&rig, argv, WITH(.in.kind = AFIO_STDOUT), EINVAL);
	expect_refused(&rig, argv, WITH(.out.kind = AFIO_STDOUT), EINVAL);
	expect_refused(&rig, argv, WITH(.out.kind = AFIO_PROCESS), EINVAL);
	expect_refused(&rig, argv, WITH(.err.kind = AFIO_PROCESS), EINVAL);
	expect_refused(&rig, argv, WITH(.err.kind = 77), EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_cwd_starts_there)
{
	char line[PATH_MAX + 16];
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("cwd", 0700), 0);
	snprintf(line, sizeof line, "%s/cwd\n", directory);
	expect_says(&rig, HELPER("cwd"), WITH(.cwd = "cwd"), line);
	snprintf(line, sizeof line, "%s\n", directory);
	expect_says(&rig, HELPER("cwd"), NULL, line);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_cwd_finds_a_relative_program_there)
{
	const char *const argv[] = { "./program", "cwd", NULL };
	char line[PATH_MAX + 16];
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("there", 0700), 0);
	ck_assert_int_eq(symlink(helper_path(), "there/program"), 0);
	snprintf(line, sizeof line, "%s/there\n", directory);
	expect_says(&rig, argv, WITH(.cwd = "there"), line);
	expect_refused(&rig, argv, NULL, ENOENT);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_bad_cwd_is_refused)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;

	rig_open(&rig, 0);
	make_file("file", "", 0600);
	expect_refused(&rig, argv, WITH(ALL_PIPES, .cwd = "nowhere"), ENOENT);
	expect_refused(&rig, argv, WITH(ALL_PIPES, .cwd = "file"), ENOTDIR);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_env_gives_exactly_that)
{
	const char *const env[] = { "A=1", "B=two words", NULL };
	char *none[] = { NULL };
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("dump-env"), WITH(.env = env),
		    "A=1\nB=two words\n");
	expect_says(&rig, HELPER("dump-env"), WITH(.env = &env[2]), "");
	environ = none;
	setenv("C", "3", 1);
	expect_says(&rig, HELPER("dump-env"), WITH(.env = NULL), "C=3\n");
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_file_keeps_argv0)
{
	const char *const argv[] = { "-another name", "argv0", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, argv, WITH(.program = helper_path()),
		    "-another name\n");
	setenv("PATH", ".", 1);
	ck_assert_int_eq(symlink(helper_path(), "program"), 0);
	expect_says(&rig, argv, WITH(.program = "program"), "-another name\n");
	expect_refused(&rig, HELPER("argv0"), WITH(.program = "./none"),
		       ENOENT);
	rig_close(&rig);
}
END_TEST

/* As execvp(3): what may not be run is passed over, and told if all else fails. */
START_TEST(spawn_searches_path_past_what_may_not_run)
{
	const char *const argv[] = { "found", "echo", "found", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("a", 0700), 0);
	ck_assert_int_eq(mkdir("b", 0700), 0);
	ck_assert_int_eq(mkdir("b/shut", 0700), 0);
	make_file("a/found", "", 0600);
	ck_assert_int_eq(symlink(helper_path(), "b/found"), 0);

	setenv("PATH", "nowhere:a:b", 1);
	expect_says(&rig, argv, NULL, "found\n");
	setenv("PATH", "a:nowhere", 1);
	expect_refused(&rig, argv, NULL, EACCES);
	setenv("PATH", "a:b", 1);
	expect_refused(&rig, (const char *const[]){ "shut", NULL }, NULL,
		       EACCES);
	expect_refused(&rig, (const char *const[]){ "no", NULL }, NULL, ENOENT);
	expect_refused(&rig, (const char *const[]){ "", NULL }, NULL, ENOENT);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_without_path_searches_the_usual_places)
{
	struct rig rig;

	rig_open(&rig, 0);
	unsetenv("PATH");
	expect_says(&rig, (const char *const[]){ "echo", "usual", NULL },
		    WITH(.in.kind = AFIO_NULL), "usual\n");
	rig_close(&rig);
}
END_TEST

/* By name, it is only if that is asked for. */
START_TEST(spawn_script_without_interpreter_is_run_by_sh_if_found)
{
	const char *const searched[] = { "script", "a b", "c", NULL };
	const char *const named[] = { "./script", "a b", "c", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	make_file("script", "echo \"$#: $1, $2\"\n", 0700);
	setenv("PATH", ".", 1);
	expect_says(&rig, searched, NULL, "2: a b, c\n");
	expect_reason(&rig, named, NULL, ENOEXEC,
		      "exec ./script: Exec format error");
	expect_says(&rig, named, WITH(.sh_fallback = true), "2: a b, c\n");
	expect_refused(&rig, searched, WITH(.search = AFIO_SEARCH_NONE),
		       ENOEXEC);
	rig_close(&rig);
}
END_TEST

/* The last one is not for valgrind. */
static const struct refusal {
	const char *program;
	int error;
} refusals[] = {
	{ "./missing", ENOENT }, { "./shut", EACCES },
	{ "./", EACCES },	 { "./shut/program", ENOTDIR },
	{ "./circle", ELOOP },	 { "./bad-interpreter", ENOENT },
};

START_TEST(spawn_of_what_cannot_run_gives_the_exec_error)
{
	const struct refusal *refusal = &refusals[_i];
	const char *const argv[] = { refusal->program, "x", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	make_file("shut", "#!/bin/sh\n", 0600);
	make_file("bad-interpreter", "#!/nowhere/interpreter\n", 0700);
	(void)remove("circle");
	ck_assert_int_eq(symlink("circle", "circle"), 0);
	for (int i = 0; i < 10; i++)
		expect_refused(&rig, argv, WITH(ALL_PIPES), refusal->error);
	expect_exit(&rig, start(&rig, HELPER("exit", "0"), WITH(ALL_PIPES)), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_too_long_arguments_is_e2big)
{
	size_t len = 16 << 20;
	char *text = malloc(len);
	struct rig rig;

	rig_open(&rig, 0);
	memset(text, 'x', len);
	text[len - 1] = '\0';
	expect_refused(&rig, HELPER("echo", text), WITH(ALL_PIPES), E2BIG);
	free(text);
	rig_close(&rig);
}
END_TEST

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* The limit grows until all that a start needs fits: every step fails once. */
START_TEST(spawn_short_of_descriptors_is_emfile_and_leaks_none)
{
	struct af_process *process = NULL;
	struct rlimit before, limit;
	struct rig rig;
	int failures, unused, n_then;

	rig_open(&rig, 0);
	unused = dup(rig.in);
	close(unused);
	getrlimit(RLIMIT_NOFILE, &before);
	for (failures = 0; !process; failures++) {
		limit = before;
		limit.rlim_cur = (rlim_t)(unused + failures);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		errno = 0;
		process = af_spawn(rig.loop, HELPER("exit", "0"),
				   WITH(ALL_PIPES));
		ck_assert(process || errno == EMFILE);
		setrlimit(RLIMIT_NOFILE, &before);
		ck_assert_int_le(failures, 50);
		if (!process) {
			expect_no_child();
			ck_assert_int_eq(dup(rig.in), unused);
			close(unused);
		}
	}
	ck_assert_int_ge(failures, 4);
	/* Nor has it fewer than one that was started in plenty. */
	n_then = count_descriptors();
	expect_exit(&rig, process, 0);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PIPES));
	ck_assert_int_eq(count_descriptors(), n_then);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

/* In a root without it, too, and root may create anything. */
START_TEST(spawn_with_null_never_creates_it)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;
	int root;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(mkdir("dev", 0755), 0);
	ck_assert_int_eq(chroot("."), 0);
	expect_reason(&rig, argv, WITH(.out.kind = AFIO_NULL), ENOENT,
		      "open /dev/null: No such file or directory");
	ck_assert_int_lt(access("/dev/null", F_OK), 0);
	ck_assert_int_eq(fchdir(root), 0);
	ck_assert_int_eq(chroot("."), 0);
	close(root);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_many_descriptors_open_gives_three)
{
	int fds[20];
	struct rig rig;

	rig_open(&rig, 0);
	for (int i = 0; i < 20; i++) {
		fds[i] = fcntl(rig.in, F_DUPFD, i < 10 ? 3 : 3 + i * 40);
		ck_assert_int_ge(fds[i], 3);
	}
	expect_says(&rig, HELPER("dump-fds"), WITH(.in = TO_FD(fds[3])),
		    "0\n1\n2\n");
	expect_says(&rig, HELPER("dump-fds"), WITH(ALL_PIPES), "0\n1\n2\n");
	expect_says(&rig, HELPER("dump-fds"), NULL, "0\n1\n2\n");
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_signals_blocked_and_ignored_gives_defaults)
{
	static const int ignored[] = { SIGHUP,	SIGINT,	 SIGQUIT, SIGPIPE,
				       SIGTERM, SIGUSR1, SIGCONT, SIGTSTP };
	sigset_t all, before;
	struct rig rig;

	rig_open(&rig, 0);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	signal(ANOTHER_SIGNAL, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	expect_says(&rig, HELPER("dump-signals"), NULL, "blocked:\nignored:\n");
	sigprocmask(SIG_SETMASK, &before, NULL);
	rig_close(&rig);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Suite *suite(void)
{
	Suite *s = suite_create("process/spawn");
	TCase *tc = scratch_case(s, "program");

	tcase_add_test(tc, spawn_with_nonsense_is_invalid);
	tcase_add_test(tc, spawn_with_cwd_starts_there);
	tcase_add_test(tc, spawn_with_cwd_finds_a_relative_program_there);
	tcase_add_test(tc, spawn_with_bad_cwd_is_refused);
	tcase_add_test(tc, spawn_with_env_gives_exactly_that);
	tcase_add_test(tc, spawn_with_file_keeps_argv0);
	tcase_add_test(tc, spawn_searches_path_past_what_may_not_run);
	tcase_add_test(tc, spawn_without_path_searches_the_usual_places);
	tcase_add_test(tc,
		       spawn_script_without_interpreter_is_run_by_sh_if_found);
	tcase_add_loop_test(tc, spawn_of_what_cannot_run_gives_the_exec_error,
			    0, COUNT(refusals) - under_valgrind());

	tc = scratch_case(s, "child");
	tcase_add_test(tc, spawn_with_null_never_creates_it);
	tcase_add_test(tc, spawn_with_many_descriptors_open_gives_three);
	tcase_add_test(tc,
		       spawn_with_signals_blocked_and_ignored_gives_defaults);
	if (!without_valgrind("dies of some execve() that fail, and for want of"
			      " a descriptor"))
		return s;

	tc = scratch_case(s, "shortage");
	tcase_add_test(tc, spawn_with_too_long_arguments_is_e2big);
	tcase_add_test(tc, spawn_short_of_descriptors_is_emfile_and_leaks_none);
	return s;
}
