/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking turns on an on-disk file: the loop and a worker, reads and writes.
 */
#ifndef AFI_TRANSPORT_DISKTURN_H
#define AFI_TRANSPORT_DISKTURN_H

#include "base/container.h"
#include "transport/diskjob.h"
#include "transport/nowait.h"

/* The end that a read found which had ended before: told to the next one. */
struct afi_disk_end {
	off_t at, size; /* the position and the size then; -1: there is none */
};

struct afi_disk {
	struct af_file file;
	struct afi_task task;
	struct afi_disk_job *jobs[2]; /* out, or back with a result */
	enum afi_direction turn;      /* whose turn it is, when both wait */
	bool has_start;		      /* its position cannot be below 0 */
	dev_t dev;		      /* which file it is, of those */
	ino_t ino;
	struct afi_nowait nowait;
	int error; /* of a write whose operation had ended */
	struct afi_disk_end end;
	bool in_a_row;	 /* the last read by a worker found all it asked for */
	off_t warm;	 /* the file is in the page cache up to here */
	bool never_warm; /* the page cache is bypassed */
	/* Reads and writes at an offset, see diskat.c: jobs that are out ... */
	struct afi_disk_jobs placed;
	LIST_HEAD(, afi_disk_at) at_ops; /* and operations that wait */
	unsigned at_late; /* of the jobs: counted writes, see above */
};

static inline struct afi_disk *afi_disk_of(const struct af_file *file)
{
	return AFI_CONTAINER(file, struct afi_disk, file);
}

/* Whether a job that uses the position is out. */
bool afi_disk_is_out(const struct afi_disk *disk);
/* Whether an operation in this direction cannot begin now. */
bool afi_disk_must_wait(const struct afi_disk *disk,
			enum afi_direction direction);
/* Gives a job to the workers. 0: already done; -EAGAIN: it is out. */
int afi_disk_give(struct afi_disk *disk, struct afi_disk_job *job);
/* What a job that has warmed the page cache has found. */
void afi_disk_warmed(struct afi_disk *disk, const struct afi_disk_job *job);
/* Takes back jobs that no worker has begun. */
void afi_disk_recall(struct afi_disk *disk);
/* Drops the reference to a job; one that is out still ends. */
void afi_disk_discard(struct afi_disk *disk, enum afi_direction direction);

/* A worker is done: goes on with what waited for it. */
void afi_disk_wake(struct afi_disk *disk);
/* The same, of a write that has ended before: an af_file_finish() waits for it. */
void afi_disk_wake_late(struct afi_disk *disk);

/* See struct afi_transport. */
int afi_disk_want(struct af_file *file, enum afi_direction direction);
void afi_disk_unwant(struct af_file *file, enum afi_direction direction);

#endif
