/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A job is one call on a file's descriptor that may block. A worker makes it,
 * on memory of the job's own. Most use the descriptor's position, so one of them
 * is out at a time; a placed one is at an offset, beside any others.
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

struct afi_disk_at;

struct afi_disk_job {
	struct afi_job job;
	TAILQ_ENTRY(afi_disk_job) entry; /* placed: among those of its file */
	atomic_int refs;      /* the file's; while it is out, the worker's */
	struct af_file *file; /* NULL: closed, or its loop is gone */
	int fd;
	bool close_fd; /* when the last reference is dropped */
	/* Closes the descriptor, once it does not use it; NULL: nobody. */
	struct afi_disk_job *closer;
	bool aligned; /* O_DIRECT */
	bool placed;  /* at an offset */
	bool counted; /* the write ended early, and counted all of len */
	bool ahead;   /* the next reads will go on after this one */
	enum afi_direction direction;
	struct afi_chunk *chunk;
	off_t at; /* placed, or warming: the offset */
	size_t len;
	size_t start, done;   /* bytes returned by disk_read(); bytes moved */
	unsigned reads_ended; /* a read: of the file, when it was made */
	off_t size;    /* a read that is not placed: of the file, before it */
	size_t before; /* orphans: bytes buffered before it and never taken */
	int error;
	/* Placed: whose it is; NULL: that one has ended, or has the result. */
	struct afi_disk_at *owner;
	atomic_bool finished; /* placed: the result is there, if not back yet */
};
TAILQ_HEAD(afi_disk_jobs, afi_disk_job);

/* Makes a job with room for len bytes; NULL: ENOMEM. */
struct afi_disk_job *afi_disk_job_new(struct af_file *file,
				      enum afi_direction direction, size_t len,
				      void (*work)(struct afi_job *));
/*
 * Makes a placed job that moves len bytes between the offset `at` and the chunk,
 * from its byte `start` on. It takes the caller's reference to the chunk, if it
 * is made. NULL: ENOMEM.
 */
struct afi_disk_job *afi_disk_job_new_placed(struct af_file *file,
					     enum afi_direction direction,
					     off_t at, struct afi_chunk *chunk,
					     size_t start, size_t len);
/* Drops a reference. */
void afi_disk_job_put(struct afi_disk_job *job);
/*
 * The file of a job that is out is closed, or its loop freed. When the job is
 * done, the position is moved back over the bytes that it has read and the
 * `before` bytes in front of them.
 */
void afi_disk_job_orphan(struct afi_disk_job *job, size_t before);
/*
 * The file is closed: drops its reference to a job, which may be out. Returns the
 * job that is to close the descriptor, with a reference: closer, or if that is
 * NULL, this one.
 */
struct afi_disk_job *afi_disk_job_leave(struct afi_disk_job *job,
					struct afi_disk_job *closer);
/* Whether a worker has the job, or will get it. */
bool afi_disk_job_is_out(const struct afi_disk_job *job);

/* Reads once; for O_DIRECT, reads the blocks around. */
void afi_disk_work_read(struct afi_job *job);
void afi_disk_work_read_aligned(struct afi_job *job);
/* Writes all bytes, or up to an error. */
void afi_disk_work_write(struct afi_job *job);
/*
 * Warms: reads len bytes from at into the page cache. Its error is -EINVAL if
 * they are not there afterwards.
 */
void afi_disk_work_warm(struct afi_job *job);
void afi_disk_work_sync(struct afi_job *job);

#endif
