/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory for the files of a test program. It is made before the first test
 * of a case and removed after the last, whatever their outcome. Tests run in
 * it.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/harness.h"

/* Its absolute path, without symbolic links. */
static char directory[PATH_MAX];

static inline int remove_entry(const char *path, const struct stat *status,
			       int type, struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

static inline void make_directory(void)
{
	char *here = getcwd(NULL, 0);

	snprintf(directory, sizeof directory, "%s/scratch.XXXXXX", here);
	free(here);
	if (!mkdtemp(directory))
		abort();
}

static inline void remove_directory(void)
{
	nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void enter_directory(void)
{
	ck_assert_int_eq(chdir(directory), 0);
}

static inline int open_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = open_file(name);

	put(fd, text, strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static inline void expect_file(const char *name, const char *text)
{
	char buf[256];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	n = read(fd, buf, sizeof buf - 1);
	ck_assert_int_ge(n, 0);
	buf[n] = '\0';
	ck_assert_str_eq(buf, text);
	close(fd);
}

/* test_case() whose tests run in the directory. */
static inline TCase *scratch_case(Suite *s, const char *name)
{
	TCase *tc = test_case(s, name);

	tcase_add_unchecked_fixture(tc, make_directory, remove_directory);
	tcase_add_checked_fixture(tc, enter_directory, NULL);
	return tc;
}

#endif
