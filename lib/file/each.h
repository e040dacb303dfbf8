/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Passes lines or pieces, in place, from several streams to one function.
 */
#ifndef AFI_FILE_EACH_H
#define AFI_FILE_EACH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include <asyncfile/file.h>

/* Shared by several streams, so that one at a time passes on its lines. */
struct afi_gate {
	size_t limit;		/* longest piece passed at once */
	struct timeval read_at; /* when the bytes passed on were read */
	bool shut;		/* no line is passed on, no byte read */
	bool missed; /* a stream had work: afi_each_resume() it once open */
};

/* af_file_each_line() and af_file_each_chunk() through a gate. */
struct af_future *afi_each_line(struct af_file *file, struct afi_gate *gate,
				af_each_fn fn, void *arg);
struct af_future *afi_each_chunk(struct af_file *file, struct afi_gate *gate,
				 af_each_fn fn, void *arg);
/* Once the gate is open: steps the operation again. */
void afi_each_resume(struct af_future *f);

#endif
