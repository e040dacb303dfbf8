/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose turn it is on an on-disk file: the workers', and of reads and writes
 * which.
 */
#ifndef AFI_TRANSPORT_DISKTURN_H
#define AFI_TRANSPORT_DISKTURN_H

#include "base/container.h"
#include "transport/diskjob.h"
#include "transport/nowait.h"

struct afi_disk {
	struct af_file file;
	struct afi_task task;
	struct afi_disk_job *jobs[2]; /* out, or come back */
	enum afi_direction turn;      /* whose, when both wait */
	bool has_start;		      /* there is nothing before position 0 */
	struct afi_nowait nowait;
	int error;  /* of a write that nobody waited for */
	off_t warm; /* up to here it is in memory */
};

static inline struct afi_disk *afi_disk_of(const struct af_file *file)
{
	return AFI_CONTAINER(file, struct afi_disk, file);
}

/* Whether a worker has the descriptor. */
bool afi_disk_is_out(const struct afi_disk *disk);
/* Whether an operation in that direction cannot begin now. */
bool afi_disk_must_wait(const struct afi_disk *disk,
			enum afi_direction direction);
/* Gives a job to the workers. 0: it is done already; -EAGAIN: it comes back. */
int afi_disk_give(struct afi_disk *disk, struct afi_disk_job *job);
/* Takes back what no worker has begun with. */
void afi_disk_recall(struct afi_disk *disk);
/* Drops a job that has come back, or the interest in one that has not. */
void afi_disk_discard(struct afi_disk *disk, enum afi_direction direction);

/* See struct afi_transport. */
int afi_disk_want(struct af_file *file, enum afi_direction direction);
void afi_disk_unwant(struct af_file *file, enum afi_direction direction);

#endif
