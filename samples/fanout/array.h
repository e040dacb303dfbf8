/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of an array of jobs: a folder that all nodes see. */
#ifndef FANOUT_ARRAY_H
#define FANOUT_ARRAY_H

#include <stddef.h>

/** What the files say of a job that has ended. */
struct array_end {
	char place[160]; /* "ARRAY_INDEX@NODE" */
	double start, runtime;
	int exit; /* as a shell has it */
};

/** Makes the folder, in the working directory. NULL with errno. */
char *array_make(void);

/** Writes the script that runs the job with the index of the array task. */
int array_write_script(const char *folder);

/** Writes the command of a job. 0, or a negative errno. */
int array_write_command(const char *folder, size_t index, char *const words[]);

/** Returns the path of a file of a job, which the caller must free. */
char *array_path(const char *folder, size_t index, const char *name);

/** Reads how a job ended: 0; 1: it has begun only; -1: not even that. */
int array_read_end(const char *folder, size_t index, struct array_end *ret);

/** Removes the files of n jobs, and the folder. */
void array_remove(const char *folder, size_t n);

#endif
