/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of what cannot be polled: on-disk files, /dev/null and its
 * like. What may wait for a disk is done by workers.
 */
#ifndef AFI_TRANSPORT_DISK_H
#define AFI_TRANSPORT_DISK_H

#include <sys/stat.h>

#include "file/file.h"

struct afi_disk {
	struct af_file *file;
	struct afi_task task;
	struct afi_disk_job *jobs[2]; /* out, or come back */
	enum afi_direction turn;      /* whose, when both wait */
	bool direct;		      /* it never waits */
	bool has_start;		      /* there is nothing before position 0 */
	bool slow[2];		      /* a try without waiting is no use */
	int error;		      /* of a write that nobody waited for */
	off_t warm;		      /* up to here it is in memory */
};

/* Makes it the transport of a file with an fd; 0 or -errno. */
int afi_disk_attach(struct af_file *file, const struct stat *st);

/* Whether a worker has the descriptor, and will not give it back at once. */
bool afi_disk_is_busy(struct af_file *file);
/* Whether a worker has the descriptor. */
bool afi_disk_is_out(const struct af_file *file);
/*
 * Moves the position back over what was read ahead. 0, also where there is no
 * position to move; -EBUSY: a worker has the descriptor. A read or write that
 * waits must be on its way to its end.
 */
int afi_disk_put_back(struct af_file *file);
/*
 * Lets go of the descriptor and closes it, or leaves that to the worker that
 * has it; 0 or the negative errno of close(2).
 */
int afi_disk_close(struct af_file *file, bool close_fd);

/* fsync(2), as a transport's write is: 0, -EAGAIN or another negative errno. */
int afi_disk_sync(struct af_file *file);

#endif
