/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking turns on a descriptor, which has only one position. One worker at a
 * time uses it, and no operation begins in the middle of one in the other
 * direction.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "transport/diskturn.h"

bool afi_disk_is_out(const struct afi_disk *disk)
{
	return afi_disk_job_is_out(disk->jobs[AFI_READ]) ||
	       afi_disk_job_is_out(disk->jobs[AFI_WRITE]);
}

bool afi_disk_must_wait(const struct afi_disk *disk,
			enum afi_direction direction)
{
	return afi_disk_is_out(disk) ||
	       (direction == AFI_WRITE && disk->at_late > 0) ||
	       (disk->file.wanted[!direction] && disk->turn != direction);
}

void afi_disk_discard(struct afi_disk *disk, enum afi_direction direction)
{
	afi_disk_job_put(disk->jobs[direction]);
	disk->jobs[direction] = NULL;
}

static void diskturn_wake(struct af_file *file, enum afi_direction direction)
{
	if (!file->wanted[direction])
		return;
	file->wanted[direction] = false;
	file->drained[direction] = false;
	afi_loop_unhold(file->loop);
	afi_file_step(file, direction);
}

/* Wakes the direction whose turn it is; the other one once it is done. */
void afi_disk_wake(struct afi_disk *disk)
{
	enum afi_direction first = disk->turn;

	if (afi_disk_is_out(disk))
		return;
	afi_file_hold(&disk->file);
	diskturn_wake(&disk->file, first);
	if (!disk->file.wanted[first])
		diskturn_wake(&disk->file, !first);
	afi_file_let_go(&disk->file);
}

/* A write that goes on may close the file: cleanup functions run in it. */
void afi_disk_wake_late(struct afi_disk *disk)
{
	struct af_file *file = &disk->file;

	afi_file_hold(file);
	afi_file_step(file, AFI_WRITE);
	if (file->attached)
		afi_disk_wake(disk);
	afi_file_let_go(file);
}

static void diskturn_on_task(struct afi_task *task)
{
	afi_disk_wake(AFI_CONTAINER(task, struct afi_disk, task));
}

static void diskturn_schedule(struct afi_disk *disk)
{
	if (!disk->task.run)
		afi_loop_ready(disk->file.loop, &disk->task, diskturn_on_task);
}

void afi_disk_warmed(struct afi_disk *disk, const struct afi_disk_job *job)
{
	if (job->error)
		disk->never_warm = true;
	else
		disk->warm = job->at + (off_t)job->len;
}

static void diskturn_on_back(struct afi_job *base)
{
	struct afi_disk_job *job =
		AFI_CONTAINER(base, struct afi_disk_job, job);
	struct af_file *file = job->file;
	enum afi_direction direction = job->direction;
	bool counted = job->counted, warming, for_nobody;
	struct afi_disk *disk;

	afi_disk_job_put(job);
	if (!file)
		return;
	disk = afi_disk_of(file);
	if (counted && job->error)
		disk->error = job->error;
	warming = job->job.work == afi_disk_work_warm;
	for_nobody = TAILQ_EMPTY(&file->ops[direction]) && job->done == 0;
	if (warming)
		afi_disk_warmed(disk, job);
	else if (for_nobody && direction == AFI_READ && !job->error)
		disk->end = (struct afi_disk_end){ lseek(file->fd, 0, SEEK_CUR),
						   job->size };
	if (counted || warming || for_nobody)
		afi_disk_discard(disk, direction);
	if (counted)
		afi_disk_wake_late(disk);
	else
		afi_disk_wake(disk);
}

int afi_disk_give(struct afi_disk *disk, struct afi_disk_job *job)
{
	/* The previous job has no bytes left. */
	afi_disk_discard(disk, job->direction);
	disk->jobs[job->direction] = job;
	job->job.back = diskturn_on_back;
	atomic_store(&job->refs, 2);
	if (!afi_workers_do(disk->file.loop, &job->job))
		return -EAGAIN;
	afi_disk_job_put(job);
	return 0;
}

void afi_disk_recall(struct afi_disk *disk)
{
	for (int i = AFI_READ; i <= AFI_WRITE; i++) {
		struct afi_disk_job *job = disk->jobs[i];

		if (!afi_disk_job_is_out(job) ||
		    !afi_workers_recall(disk->file.loop, &job->job))
			continue;
		afi_disk_job_put(job);
		afi_disk_discard(disk, i);
		/* If the operation goes on, it must try again. */
		diskturn_schedule(disk);
	}
}

int afi_disk_want(struct af_file *file, enum afi_direction direction)
{
	struct afi_disk *disk = afi_disk_of(file);

	if (!file->wanted[!direction])
		disk->turn = direction;
	afi_loop_hold(file->loop);
	/* A write that counted bytes, and is still out, calls back, too. */
	if (disk->turn == direction && !afi_disk_is_out(disk) &&
	    (direction == AFI_READ || disk->at_late == 0))
		diskturn_schedule(disk);
	return 0;
}

void afi_disk_unwant(struct af_file *file, enum afi_direction direction)
{
	file->wanted[direction] = false;
	afi_loop_unhold(file->loop);
	if (file->wanted[!direction])
		diskturn_schedule(afi_disk_of(file));
}
