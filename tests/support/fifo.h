/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A FIFO in a directory of its own.
 */
#ifndef TESTS_FIFO_H
#define TESTS_FIFO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/harness.h"

static inline void make_fifo(char *path, size_t size)
{
	char dir[] = P_tmpdir "/asyncfile-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, size, "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static inline void remove_fifo(char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

#endif
