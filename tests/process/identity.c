/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what a child that runs as another user keeps of its parent's rights,
 * which is nothing, and that its streams are its own.
 */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/denied.h"
#include "support/nobody.h"
#include "support/scratch.h"

static const char *const none_of_us[] = { "true", NULL };

/* Whether a start is refused with this text of its error. */
static bool refused(struct af_loop *loop,
		    const struct af_spawn_options *options, int error,
		    const char *text)
{
	return !af_spawn(loop, none_of_us, options) && errno == error &&
	       strcmp(af_spawn_error(loop), text) == 0;
}

static int try_with_groups(void)
{
	static const char text[] = "setgroups: Operation not permitted";
	const gid_t groups[] = { 100 };
	struct af_loop *loop;

	if (setgroups(1, groups) < 0 ||
	    setresgid(nogroup, nogroup, nogroup) < 0 ||
	    setresuid(nobody, nobody, nobody) < 0)
		return 1;
	loop = af_loop_new(NULL);
	if (!refused(loop, WITH(.uid = &nobody), EPERM, text))
		return 2;
	if (!refused(loop, WITH(AS_NOBODY), EPERM, text))
		return 3;
	if (!refused(loop, WITH(.gid = &nogroup), EPERM, text))
		return 4;
	if (waitpid(-1, NULL, 0) != -1 || errno != ECHILD)
		return 5;
	af_loop_free(loop);
	return 0;
}

START_TEST(groups_that_cannot_be_dropped_are_an_error)
{
	if (is_root())
		expect_in_fork(try_with_groups);
}
END_TEST

/* It is not taken for a program that may not, and has none. */
static int try_without_memory_for_groups(void)
{
	const struct denied setgroups_call = { "setgroups", SYS_setgroups, 0, 0,
					       0 };
	struct af_loop *loop = af_loop_new(NULL);

	if (!deny(&setgroups_call, 1, ENOMEM))
		return 0;
	if (!refused(loop, WITH(AS_NOBODY), ENOMEM,
		     reason_of("setgroups", ENOMEM)))
		return 1;
	af_loop_free(loop);
	return 0;
}

START_TEST(groups_that_cannot_be_set_are_an_error)
{
	if (is_root())
		expect_in_fork(try_without_memory_for_groups);
}
END_TEST

START_TEST(uid_without_gid_must_be_meant)
{
	struct rig rig;

	if (!can_be_nobody())
		return;
	rig_open(&rig, 0);
	expect_reason(&rig, ASK("uid"), WITH(ALL_PIPES, .uid = &nobody), EINVAL,
		      "option uid: Invalid argument");
	expect_says(
		&rig, ASK("uid", "gid"),
		WITH(.program = THE_PROGRAM, .uid = &nobody, .keep_gid = true),
		"65534 65534 65534\n0 0 0\n");
	expect_says(&rig, ASK("uid", "gid"),
		    WITH(.program = THE_PROGRAM, .gid = &nogroup),
		    "0 0 0\n65534 65534 65534\n");
	rig_close(&rig);
}
END_TEST

/* Makes one ambient, for this process and its children. */
static void raise_ambient(int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct sets[2];

	ck_assert_int_eq(syscall(SYS_capget, &header, sets), 0);
	sets[0].inheritable |= 1u << capability;
	ck_assert_int_eq(syscall(SYS_capset, &header, sets), 0);
	ck_assert_int_eq(
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0),
		0);
}

#define NO_CAPABILITY "0000000000000000\n"
#define NET_BIND "0000000000000400\n"

START_TEST(ambient_capabilities_are_kept_only_if_asked)
{
	struct rig rig;

	if (!have_linux("ambient capabilities"))
		return;
	if (!can_be_nobody())
		return;
	rig_open(&rig, 0);
	raise_ambient(CAP_NET_BIND_SERVICE);
	expect_says(&rig, ASK("ambient"), NULL, NET_BIND);
	expect_says(&rig, ASK("ambient"),
		    WITH(.program = THE_PROGRAM, .gid = &nogroup),
		    NO_CAPABILITY);
	expect_says(&rig, ASK("ambient", "effective"),
		    WITH(.program = THE_PROGRAM, AS_NOBODY),
		    NO_CAPABILITY NO_CAPABILITY);
	expect_says(
		&rig, ASK("ambient", "effective", "uid"),
		WITH(.program = THE_PROGRAM, AS_NOBODY, .keep_ambient = true),
		NET_BIND NET_BIND "65534 65534 65534\n");
	expect_says(&rig, ASK("ambient"),
		    WITH(.program = THE_PROGRAM, .gid = &nogroup,
			 .keep_ambient = true),
		    NET_BIND);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	expect_says(
		&rig, ASK("ambient"),
		WITH(.program = THE_PROGRAM, AS_NOBODY, .keep_ambient = true),
		NO_CAPABILITY);
	rig_close(&rig);
}
END_TEST

/* Another user, who keeps all capabilities of root. */
static bool become_able_nobody(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct sets[2];

	prctl(PR_SET_KEEPCAPS, 1);
	become_nobody();
	if (syscall(SYS_capget, &header, sets) < 0)
		return false;
	sets[0].effective = sets[0].permitted;
	sets[1].effective = sets[1].permitted;
	return syscall(SYS_capset, &header, sets) == 0;
}

/* Not from root, which drops them by itself. */
static int try_ambient_as_nobody(void)
{
	const uid_t other = 65533;
	struct rig rig;

	if (!become_able_nobody())
		return 1;
	raise_ambient(CAP_SETUID);
	rig_open(&rig, 0);
	expect_says(
		&rig, ASK("ambient", "uid"),
		WITH(.program = THE_PROGRAM, .uid = &other, .keep_gid = true),
		NO_CAPABILITY "65533 65533 65533\n");
	expect_says(&rig, ASK("ambient", "uid"),
		    WITH(.program = THE_PROGRAM, .uid = &other,
			 .keep_gid = true, .keep_ambient = true),
		    "0000000000000080\n65533 65533 65533\n");
	/* It may change its user, so a group must be meant. */
	expect_reason(&rig, ASK("uid"), WITH(.uid = &other), EINVAL,
		      "option uid: Invalid argument");
	rig_close(&rig);
	return 0;
}

/* It cannot be asked, so that root is taken for who may do all. */
static int try_without_capget(void)
{
	const struct denied capget = { "capget", SYS_capget, 0, 0, 0 };
	struct af_loop *loop = af_loop_new(NULL);

	if (!deny(&capget, 1, EPERM))
		return 0;
	if (!refused(loop, WITH(.uid = &nobody), EINVAL,
		     "option uid: Invalid argument"))
		return 1;
	if (!refused(loop, WITH(AS_NOBODY), EPERM,
		     "setuid 65534: Operation not permitted"))
		return 2;
	af_loop_free(loop);
	return 0;
}

START_TEST(capabilities_that_cannot_be_asked_for_are_taken_for_all)
{
	if (is_root() && have_linux("capabilities"))
		expect_in_fork(try_without_capget);
}
END_TEST

START_TEST(ambient_capabilities_of_a_user_go_with_another_user)
{
	if (can_be_nobody() && have_linux("ambient capabilities"))
		expect_in_fork(try_ambient_as_nobody);
}
END_TEST

/* The program has forbidden it to itself and its children. */
static int try_ambient_forbidden(void)
{
	struct af_loop *loop;

	if (!have_linux("ambient capabilities"))
		return 0;
	raise_ambient(CAP_NET_BIND_SERVICE);
	loop = af_loop_new(NULL);
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE) < 0)
		return 1;
	if (!refused(loop, WITH(AS_NOBODY, .keep_ambient = true), EPERM,
		     "ambient 10: Operation not permitted"))
		return 2;
	if (prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED) < 0)
		return 3;
	if (!refused(loop, WITH(AS_NOBODY, .keep_ambient = true), EPERM,
		     "ambient: Operation not permitted"))
		return 4;
	af_loop_free(loop);
	return 0;
}

START_TEST(ambient_capabilities_that_cannot_be_kept_are_an_error)
{
	if (is_root())
		expect_in_fork(try_ambient_forbidden);
}
END_TEST

/* Only those of the second word that the kernel has for them. */
static int try_high_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct sets[2];
	struct rig rig;

	if (!become_able_nobody() || syscall(SYS_capget, &header, sets) < 0)
		return 1;
	sets[0].effective = 0;
	if (syscall(SYS_capset, &header, sets) < 0)
		return 2;
	rig_open(&rig, 0);
	expect_says(&rig, ASK("effective", "uid"),
		    WITH(.program = THE_PROGRAM, AS_NOBODY),
		    NO_CAPABILITY "65534 65534 65534\n");
	rig_close(&rig);
	return 0;
}

START_TEST(high_capabilities_of_a_user_are_dropped_too)
{
	if (can_be_nobody() && have_linux("capabilities"))
		expect_in_fork(try_high_capabilities);
}
END_TEST

#define OTHER .uid = &other, .keep_gid = true

/* A directory, a file and a program of root, for root alone. */
static void make_guarded(void)
{
	make_file("secret", "12345", 0600);
	make_file("program", "#!/bin/sh\n", 0700);
	ck_assert_int_eq(mkdir("private", 0700), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
}

/* The program may do all that root may, and its child's user nothing of it. */
static int try_files_as_able_nobody(void)
{
	static const char *const guarded[] = { "./program", NULL };
	const uid_t other = 65533;
	const struct af_stdio out = { .kind = AFIO_PATH,
				      .path = "secret",
				      .path_flags = AFIO_PATH_AS_CHILD };
	struct stat st;
	struct rig rig;

	make_guarded();
	if (!become_able_nobody())
		return 1;
	rig_open(&rig, 0);
	expect_reason(&rig, none_of_us, WITH(OTHER, .cwd = "private"), EACCES,
		      "chdir private: Permission denied");
	expect_reason(&rig, none_of_us, WITH(OTHER, .out = out), EACCES,
		      "open secret: Permission denied");
	expect_reason(&rig, guarded, WITH(OTHER), EACCES,
		      "exec ./program: Permission denied");
	expect_reason(&rig, guarded, WITH(OTHER, .keep_ambient = true), EACCES,
		      "exec ./program: Permission denied");
	if (stat("secret", &st) < 0 || st.st_size != 5)
		return 2;
	/* Those of the program itself are as they were. */
	expect_exit(&rig, start(&rig, none_of_us, WITH(.cwd = "private")), 0);
	rig_close(&rig);
	return 0;
}

START_TEST(files_are_used_with_the_rights_of_the_user_alone)
{
	if (is_root() && have_linux("capabilities"))
		expect_in_fork(try_files_as_able_nobody);
}
END_TEST

/* It may be executed, and yet cannot be. */
START_TEST(program_without_its_interpreter_may_be_elsewhere_in_the_path)
{
	const char *const argv[] = { "program", NULL };
	struct rig rig;

	if (!is_root())
		return;
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert_int_eq(mkdir("a", 0755), 0);
	ck_assert_int_eq(mkdir("b", 0755), 0);
	make_file("a/program", "#!/nowhere/sh\n", 0755);
	make_file("b/program", "#!/bin/sh\nexit 3\n", 0755);
	rig_open(&rig, 0);
	expect_exit(&rig,
		    start(&rig, argv, WITH(AS_NOBODY, .search_path = "a:b")),
		    3);
	expect_reason(&rig, argv, WITH(AS_NOBODY, .search_path = "a:a"), ENOENT,
		      "exec program: No such file or directory");
	rig_close(&rig);
}
END_TEST

/* As a set-user-ID program of root has them. */
static int try_ids_apart(void)
{
	const char *const reopen[] = { "sh", "-c", "echo hi >/dev/stdout",
				       NULL };
	struct rig rig;

	if (setresgid(nogroup, 0, 0) < 0 || setresuid(nobody, 0, 0) < 0)
		return 1;
	rig_open(&rig, 0);
	expect_says(&rig, ASK("uid", "gid"), NULL, "65534 0 0\n65534 0 0\n");
	expect_says(&rig, ASK("uid", "gid"),
		    WITH(.program = THE_PROGRAM, .reset_ids = true),
		    "65534 65534 65534\n65534 65534 65534\n");
	expect_says(&rig, reopen, WITH(.reset_ids = true, .cwd = "/"), "hi\n");
	rig_close(&rig);
	/* The other way round: back to root. */
	return setresuid(0, nobody, 0) == 0 ? 0 : 2;
}

START_TEST(ids_that_are_apart_are_reset_if_asked)
{
	if (can_be_nobody())
		expect_in_fork(try_ids_apart);
}
END_TEST

/* It is no root's set, and stays the user's own. */
static int try_reset_with_groups(void)
{
	const gid_t groups[] = { 100, nogroup };
	struct rig rig;

	if (setgroups(2, groups) < 0 || setresgid(nogroup, 0, 0) < 0 ||
	    setresuid(nobody, 0, 0) < 0)
		return 1;
	rig_open(&rig, 0);
	expect_says(&rig, ASK("groups"),
		    WITH(.program = THE_PROGRAM, .reset_ids = true),
		    "2: 100 65534\n");
	rig_close(&rig);
	return 0;
}

START_TEST(ids_that_are_reset_leave_the_groups)
{
	if (can_be_nobody())
		expect_in_fork(try_reset_with_groups);
}
END_TEST

static void expect_reopened(struct rig *rig, const char *command,
			    enum af_stdio_kind in, enum af_stdio_kind out,
			    const char *text)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	struct af_process *process =
		start(rig, argv,
		      WITH(AS_NOBODY, .in.kind = in, .out.kind = out,
			   .err.kind = AFIO_STDOUT, .cwd = "/"));

	if (in == AFIO_PIPE) {
		expect_count(rig,
			     af_file_write(af_process_stdin(process), "in\n", 3,
					   AFIO_FULL, NULL),
			     3, 0);
		af_process_close_stdin(process);
	}
	expect_bytes(rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		     text, strlen(text), AFIO_EOF);
	expect_exit(rig, process, 0);
}

START_TEST(streams_of_a_user_can_be_opened_again)
{
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, _i);
	expect_reopened(&rig, "echo hi >/dev/stdout", AFIO_NULL, AFIO_PIPE,
			"hi\n");
	expect_reopened(&rig, "echo hi >/dev/stderr", AFIO_NULL, AFIO_PIPE,
			"hi\n");
	expect_reopened(&rig, "cat </dev/stdin", AFIO_PIPE, AFIO_PIPE, "in\n");
	expect_reopened(&rig, "echo hi >/dev/stdout", AFIO_NULL, AFIO_PTY,
			"hi\r\n");
	rig_close(&rig);
}
END_TEST

/* What the program gave is not given away. */
START_TEST(streams_of_the_program_remain_its_own)
{
	struct stat status;
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	expect_exit(&rig,
		    start(&rig, none_of_us,
			  WITH(AS_NOBODY, .in = TO_FD(rig.in), .cwd = "/",
			       .fds = &(struct af_fd_map){ rig.out, 7 },
			       .n_fds = 1)),
		    0);
	ck_assert_int_eq(fstat(rig.in, &status), 0);
	ck_assert_uint_eq(status.st_uid, 0);
	rig_close(&rig);
}
END_TEST

static int try_without_chown(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct sets[2];
	struct rig rig;

	if (syscall(SYS_capget, &header, sets) < 0)
		return 1;
	sets[0].effective &= ~(1u << CAP_CHOWN);
	sets[0].permitted &= ~(1u << CAP_CHOWN);
	if (syscall(SYS_capset, &header, sets) < 0)
		return 2;
	rig_open(&rig, 0);
	expect_says(&rig, ASK("uid"), WITH(.program = THE_PROGRAM, AS_NOBODY),
		    "65534 65534 65534\n");
	/* All but a terminal, of which the user may not change the mode. */
	expect_reason(&rig, ASK("uid"), WITH(AS_NOBODY, .in.kind = AFIO_PTY),
		      EPERM, "terminal: Operation not permitted");
	rig_close(&rig);
	return 0;
}

START_TEST(streams_that_cannot_be_given_away_still_work)
{
	if (can_be_nobody())
		expect_in_fork(try_without_chown);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/identity");
	TCase *tc = test_case(s, "identity");

	tcase_add_test(tc, groups_that_cannot_be_dropped_are_an_error);
	tcase_add_test(tc, groups_that_cannot_be_set_are_an_error);
	tcase_add_test(tc, uid_without_gid_must_be_meant);
	tcase_add_test(tc, ids_that_are_apart_are_reset_if_asked);
	tcase_add_test(tc, ids_that_are_reset_leave_the_groups);
	tcase_add_test(tc, streams_of_the_program_remain_its_own);
	tcase_add_test(tc, streams_that_cannot_be_given_away_still_work);
	tcase_add_loop_test(tc, streams_of_a_user_can_be_opened_again, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, ambient_capabilities_are_kept_only_if_asked);
	tcase_add_test(tc, ambient_capabilities_of_a_user_go_with_another_user);
	tcase_add_test(tc,
		       ambient_capabilities_that_cannot_be_kept_are_an_error);
	tcase_add_test(tc, high_capabilities_of_a_user_are_dropped_too);
	tcase_add_test(tc,
		       capabilities_that_cannot_be_asked_for_are_taken_for_all);

	tc = scratch_case(s, "files");
	tcase_add_test(tc, files_are_used_with_the_rights_of_the_user_alone);
	if (without_valgrind("dies of an execve() that fails"))
		tcase_add_test(
			tc,
			program_without_its_interpreter_may_be_elsewhere_in_the_path);
	return s;
}
