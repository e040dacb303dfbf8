/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does with a file's descriptor: one call that may block, on
 * memory of its own.
 */
#ifndef AFI_TRANSPORT_DISKJOB_H
#define AFI_TRANSPORT_DISKJOB_H

#include <stdatomic.h>

#include "loop/workers.h"
#include "file/file.h"

/* What a job moves at most. */
#define AFI_PIECE_MAX (256 * 1024)

struct afi_disk_job {
	struct afi_job job;
	atomic_int refs;      /* the file's, and one while it is out */
	struct af_file *file; /* NULL: closed, or its loop is gone */
	int fd;
	bool close_fd; /* with the last reference */
	bool counted;  /* a write that has ended, and not by this */
	enum afi_direction direction;
	struct afi_chunk *chunk;
	off_t at; /* where to warm */
	size_t len;
	size_t start, done; /* bytes taken of what was read; moved */
	size_t before; /* bytes buffered before it and never taken, without a file */
	int error;
};

/* A job of the file's loop, with room for len bytes; NULL: ENOMEM. */
struct afi_disk_job *afi_disk_job_new(struct af_file *file,
				      enum afi_direction direction, size_t len,
				      void (*work)(struct afi_job *));
/* Drops a reference. */
void afi_disk_job_put(struct afi_disk_job *job);
/*
 * One that is out has no file any more: what it reads, and as many bytes before
 * that, will be as if they had not been read.
 */
void afi_disk_job_orphan(struct afi_disk_job *job, size_t before);
/* Whether a worker has it, or will. */
bool afi_disk_job_is_out(const struct afi_disk_job *job);

/* Reads, at the position. */
void afi_disk_work_read(struct afi_job *job);
/* Writes it all, at the position, or up to an error. */
void afi_disk_work_write(struct afi_job *job);
/* Has the kernel read what is from at on. */
void afi_disk_work_warm(struct afi_job *job);
void afi_disk_work_sync(struct afi_job *job);

#endif
