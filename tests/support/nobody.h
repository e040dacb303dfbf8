/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another user than root, for tests that root runs.
 */
#ifndef TESTS_NOBODY_H
#define TESTS_NOBODY_H

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/inside.h"

static const uid_t nobody = 65534;
static const gid_t nogroup = 65534;

/* For WITH(): a child that is that user. */
#define AS_NOBODY .uid = &nobody, .gid = &nogroup

/*
 * Whether to go on with what only root may. Goes where another user finds the
 * program inside.c, of which the way there may be shut: for .program.
 */
#define THE_PROGRAM "./inside"

static inline bool can_be_nobody(void)
{
	char path[PATH_MAX];
	struct stat here, program;

	if (!is_root())
		return false;
	strcpy(path, inside_path());
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(chdir(path), 0);
	ck_assert_int_eq(stat(".", &here), 0);
	ck_assert_int_eq(stat(THE_PROGRAM, &program), 0);
	if (here.st_mode & program.st_mode & S_IXOTH)
		return true;
	fprintf(stderr, "skipped: others may not run %s\n", inside_path());
	return false;
}

/* Becomes that user, for good. */
static inline void become_nobody(void)
{
	if (setgroups(0, NULL) < 0 ||
	    setregid(nogroup, nogroup) < 0 ||
	    setreuid(nobody, nobody) < 0)
		_exit(99);
}

/* Runs a function in a child by fork(2); its result must be 0. */
static inline void expect_in_fork(int (*try)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(try());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "status is %#x", (unsigned)status);
}

#endif
