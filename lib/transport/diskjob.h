/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A job is one call on a file's descriptor that may block. A worker makes it,
 * on memory of the job's own.
 */
#ifndef AFI_TRANSPORT_DISKJOB_H
#define AFI_TRANSPORT_DISKJOB_H

#include <stdatomic.h>
#include <stdint.h>

#include "loop/workers.h"
#include "file/file.h"

/* The most bytes that a job moves. */
#define AFI_PIECE_MAX (256 * 1024)
/* The largest position. */
#define AFI_DISK_END ((off_t)(sizeof(off_t) == 8 ? INT64_MAX : INT32_MAX))

struct afi_disk_job {
	struct afi_job job;
	atomic_int refs;      /* the file's; while it is out, the worker's */
	struct af_file *file; /* NULL: closed, or its loop is gone */
	int fd;
	bool close_fd; /* when the last reference is dropped */
	bool aligned;  /* O_DIRECT */
	bool counted;  /* the write ended early, and counted all of len */
	bool ahead;    /* the next reads will go on after this one */
	enum afi_direction direction;
	struct afi_chunk *chunk;
	off_t at; /* warming: the position */
	size_t len;
	size_t start, done; /* bytes returned by disk_read(); bytes moved */
	size_t before; /* orphans: bytes buffered before it and never taken */
	int error;
};

/* Makes a job with room for len bytes; NULL: ENOMEM. */
struct afi_disk_job *afi_disk_job_new(struct af_file *file,
				      enum afi_direction direction, size_t len,
				      void (*work)(struct afi_job *));
/* Drops a reference. */
void afi_disk_job_put(struct afi_disk_job *job);
/*
 * The file of a job that is out is closed, or its loop freed. When the job is
 * done, the position is moved back over the bytes that it has read and the
 * `before` bytes in front of them.
 */
void afi_disk_job_orphan(struct afi_disk_job *job, size_t before);
/* Whether a worker has the job, or will get it. */
bool afi_disk_job_is_out(const struct afi_disk_job *job);

/* Reads at the position; for O_DIRECT, reads the blocks around it. */
void afi_disk_work_read(struct afi_job *job);
void afi_disk_work_read_aligned(struct afi_job *job);
/* Writes all bytes at the position, or up to an error. */
void afi_disk_work_write(struct afi_job *job);
/*
 * Warms: reads len bytes from at into the page cache. Its error is -EINVAL if
 * they are not there afterwards.
 */
void afi_disk_work_warm(struct afi_job *job);
void afi_disk_work_sync(struct afi_job *job);

#endif
