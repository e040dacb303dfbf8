/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A folder for what a fuzz target must have in a file. It is the working
 * directory from then on, and is removed when the program exits.
 */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

#include <ftw.h>
#include <sys/stat.h>

#include "fuzz/loop.h"

static char scratch[] = P_tmpdir "/asyncfile-XXXXXX";
static pid_t scratch_owner;

static inline int scratch_remove_one(const char *path, const struct stat *st,
				     int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void scratch_remove(void)
{
	if (getpid() == scratch_owner)
		nftw(scratch, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void need_scratch(void)
{
	if (scratch_owner)
		return;
	must(mkdtemp(scratch) && chdir(scratch) == 0);
	scratch_owner = getpid();
	atexit(scratch_remove);
}

/* Writes all that is left of the input to a file. */
static inline void scratch_file(const char *name, struct input *in,
				size_t *ret_size)
{
	FILE *file = fopen(name, "we");

	must(file);
	*ret_size = in->left;
	must(fwrite(in->data, 1, in->left, file) == in->left);
	must(fclose(file) == 0);
	in->left = 0;
}

static inline void scratch_check_last(const char *name, char last)
{
	FILE *file = fopen(name, "re");

	must(file && fseek(file, -1, SEEK_END) == 0);
	must(fgetc(file) == last);
	fclose(file);
}

#endif
