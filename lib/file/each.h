/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines in place, from several streams to one function.
 */
#ifndef AFI_FILE_EACH_H
#define AFI_FILE_EACH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include <asyncfile/file.h>

/* What the streams share, so that one at a time hands out its lines. */
struct afi_gate {
	size_t limit;		/* a longer line comes in pieces of that */
	struct timeval read_at; /* when what is handed out was read */
	bool shut;		/* nothing is handed out, or read */
	bool missed; /* something was not: afi_each_resume(), once open */
};

/* af_file_each_line() through a gate. */
struct af_future *afi_each_line(struct af_file *file, struct afi_gate *gate,
				af_each_fn fn, void *arg);
/* Looks again, at a gate that is open now, for what was missed. */
void afi_each_resume(struct af_future *f);

#endif
