/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that leave their process, and become the program's.
 */
#include "config.h"

#include <errno.h>

#include "process/finish_stdin.h"
#include "process/process.h"

/* 0, or what forbids to take this file, which may be NULL. */
static int take_check(const struct af_process *process,
		      const struct af_file *file)
{
	/* A finished one is kept only to be freed. */
	if (!file || file->finished)
		return -EBADF;
	return process->users ? -EBUSY : 0;
}

struct af_file *af_process_take(struct af_process *process, int stream)
{
	struct af_file *file = NULL;
	int r = -EINVAL;

	if (process && stream >= 0 && stream < 3)
		r = afi_loop_is_mine(process->loop) ? 0 : -EPERM;
	if (r == 0) {
		file = process->files[stream];
		r = take_check(process, file);
	}
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	if (file == process->pty) {
		afi_finish_stdin_leave(file);
		process->pty = NULL;
	}
	for (int i = 0; i < 3; i++)
		if (process->files[i] == file)
			process->files[i] = NULL;
	return file;
}
