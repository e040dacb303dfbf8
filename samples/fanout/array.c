/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files of an array of jobs. N.command is run by the script, which writes
 * N.begin, N.out, N.err and, in one step, N.end. They are small, and are read
 * and written on the spot.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "words.h"

static const char script[] =
	"#!/bin/sh\n"
	"now() { date +%%s.%%N; }\n"
	"n=%s/$SLURM_ARRAY_TASK_ID\n"
	"job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID@$SLURMD_NODENAME\n"
	"echo \"$job $(now)\" > \"$n.begin\"\n"
	"sh \"$n.command\" < /dev/null > \"$n.out\" 2> \"$n.err\"\n"
	"echo \"$? $(now)\" > \"$n.part\"\n"
	"mv \"$n.part\" \"$n.end\"\n";

static const char *const names[] = { "command", "begin", "out",
				     "err",	"part",	 "end" };

char *array_make(void)
{
	char *here = getcwd(NULL, 0), *path = NULL;

	if (here && asprintf(&path, "%s/fanout-XXXXXX", here) < 0)
		path = NULL;
	free(here);
	if (path && !mkdtemp(path)) {
		free(path);
		path = NULL;
	}
	return path;
}

/* Closes a file that was written. */
static int finish(FILE *out)
{
	int failed = ferror(out);

	errno = EIO;
	return fclose(out) < 0 || failed ? -errno : 0;
}

int array_write_script(const char *folder)
{
	char *words[] = { (char *)folder, NULL };
	char *quoted = words_quote(words), *path = NULL;
	FILE *out = NULL;
	int r = -ENOMEM;

	if (quoted && asprintf(&path, "%s/script", folder) >= 0) {
		out = fopen(path, "we");
		r = out ? 0 : -errno;
	} else {
		path = NULL;
	}
	if (out) {
		fprintf(out, script, quoted);
		r = finish(out);
	}
	free(path);
	free(quoted);
	return r;
}

char *array_path(const char *folder, size_t index, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%zu.%s", folder, index, name) < 0 ? NULL
								     : path;
}

static FILE *open_file(const char *folder, size_t index, const char *name,
		       const char *mode)
{
	char *path = array_path(folder, index, name);
	FILE *file = NULL;

	if (path)
		file = fopen(path, mode);
	free(path);
	return file;
}

int array_write_command(const char *folder, size_t index, char *const words[])
{
	char *text = words_quote(words);
	FILE *out = text ? open_file(folder, index, "command", "we") : NULL;
	int r = -errno;

	if (out) {
		fprintf(out, "exec %s\n", text);
		r = finish(out);
	}
	free(text);
	return r;
}

int array_read_end(const char *folder, size_t index, struct array_end *ret)
{
	FILE *in = open_file(folder, index, "begin", "re");
	double end = 0;
	int n;

	if (!in)
		return -1;
	n = fscanf(in, "%159s %lf", ret->place, &ret->start);
	fclose(in);
	if (n != 2)
		return -1;
	in = open_file(folder, index, "end", "re");
	if (!in)
		return 1;
	n = fscanf(in, "%d %lf", &ret->exit, &end);
	fclose(in);
	ret->runtime = end - ret->start;
	return n == 2 ? 0 : 1;
}

void array_remove(const char *folder, size_t n)
{
	size_t index, i;
	char *path;

	for (index = 1; index <= n; index++) {
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			path = array_path(folder, index, names[i]);
			if (path)
				unlink(path);
			free(path);
		}
	}
	if (asprintf(&path, "%s/script", folder) >= 0) {
		unlink(path);
		free(path);
	}
	rmdir(folder);
}
