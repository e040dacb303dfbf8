/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What reads and writes at an offset have in common: they move bytes at once
 * where that does not wait for the disk, else piece by piece by workers. A job
 * may outlive its operation, and the file.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>

#include "transport/diskat.h"

void afi_disk_at_finish(struct afi_disk_at *op, int error, unsigned flags)
{
	struct af_future *f = &op->future;

	if (op->waits) {
		LIST_REMOVE(op, entry);
		afi_loop_unhold(f->loop);
		afi_task_cancel(&f->loop->ready, &op->task);
	}
	error = op->kind->settle(op, error);
	f->flags = error ? 0 : (uint8_t)flags;
	afi_future_finish(f, error);
}

static void diskat_wait(struct afi_disk_at *op)
{
	if (op->waits)
		return;
	op->waits = true;
	LIST_INSERT_HEAD(&afi_disk_of(op->file)->at_ops, op, entry);
	afi_loop_hold(op->future.loop);
}

static void diskat_on_task(struct afi_task *task)
{
	afi_disk_at_step(AFI_CONTAINER(task, struct afi_disk_at, task));
}

/* One that no worker has, and that is not queued. */
static void diskat_later(struct afi_disk_at *op)
{
	diskat_wait(op);
	afi_loop_ready(op->future.loop, &op->task, diskat_on_task);
}

size_t afi_disk_at_piece(const struct afi_disk_at *op)
{
	size_t left = op->size - op->future.count;
	off_t most = AFI_DISK_END - op->at;

	left = left < AFI_PIECE_MAX ? left : AFI_PIECE_MAX;
	return most < (off_t)left ? (size_t)most : left;
}

/* Drops a job that is back, or was recalled. */
static void diskat_drop_job(struct afi_disk *disk, struct afi_disk_job *job)
{
	TAILQ_REMOVE(&disk->placed, job, entry);
	afi_disk_job_put(job);
}

static ssize_t diskat_result(const struct afi_disk_job *job)
{
	return job->done > 0 ? (ssize_t)job->done : job->error;
}

/* A write whose operation has ended is done, or has failed. */
static void diskat_end_late(struct afi_disk *disk, int error)
{
	disk->at_late--;
	if (error)
		disk->error = error;
	afi_disk_wake_late(disk);
}

static void diskat_on_back(struct afi_job *base)
{
	struct afi_disk_job *job =
		AFI_CONTAINER(base, struct afi_disk_job, job);
	struct afi_disk_at *op = job->owner;
	ssize_t r = diskat_result(job);
	bool counted = job->counted;
	struct afi_disk *disk;
	int error = job->error;

	disk = job->file ? afi_disk_of(job->file) : NULL;
	afi_disk_job_put(job);
	if (!disk)
		return;
	diskat_drop_job(disk, job);
	if (op) {
		op->job = NULL;
		if (!op->kind->count(op, r))
			afi_disk_at_step(op);
	} else if (counted) {
		diskat_end_late(disk, error);
	}
}

/* Has a worker move the next piece: -EAGAIN; or the result, as of a move. */
static ssize_t diskat_give(struct afi_disk_at *op)
{
	struct afi_disk *disk = afi_disk_of(op->file);
	struct afi_disk_job *job = op->kind->new_job(op);
	ssize_t r;

	if (!job)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&disk->placed, job, entry);
	job->owner = op;
	op->job = job;
	job->job.back = diskat_on_back;
	atomic_store(&job->refs, 2);
	if (!afi_workers_do(op->future.loop, &job->job))
		return -EAGAIN;
	r = diskat_result(job);
	op->job = NULL;
	afi_disk_job_put(job);
	diskat_drop_job(disk, job);
	return r;
}

/* Moves one piece. -EAGAIN: a worker does; 0; 1: the operation has ended. */
static int diskat_move(struct afi_disk_at *op)
{
	ssize_t r = op->kind->move(op);

	/* A part is enough. */
	if (r == -EAGAIN && op->future.count > 0 && !op->full) {
		afi_disk_at_finish(op, 0, 0);
		return 1;
	}
	if (r == -EAGAIN)
		r = diskat_give(op);
	return r == -EAGAIN ? -EAGAIN : op->kind->count(op, r);
}

void afi_disk_at_step(struct afi_disk_at *op)
{
	struct af_loop *loop = op->future.loop;
	int r = 0;

	if (loop->held) {
		diskat_later(op);
		return;
	}
	do
		r = diskat_move(op);
	while (r == 0 && !afi_loop_is_late(loop));
	if (r == -EAGAIN)
		diskat_wait(op);
	else if (r == 0 && !op->full)
		afi_disk_at_finish(op, 0, 0);
	else if (r == 0)
		diskat_later(op);
}

/* Whether no worker has begun the job: then it is dropped. */
static bool diskat_recall(struct afi_disk *disk, struct afi_disk_job *job)
{
	if (!job->owner || !afi_workers_recall(disk->file.loop, &job->job))
		return false;
	job->owner->job = NULL;
	afi_disk_job_put(job);
	diskat_drop_job(disk, job);
	return true;
}

static bool diskat_is_finished(const struct afi_disk_job *job)
{
	return atomic_load_explicit(&job->finished, memory_order_acquire);
}

/* The job has ended, or ends, without its operation. */
static void diskat_leave_job(struct afi_disk_at *op)
{
	op->job->owner = NULL;
	op->job = NULL;
}

void afi_disk_at_abort(struct afi_disk_at *op, int error)
{
	struct afi_disk *disk = afi_disk_of(op->file);
	struct afi_disk_job *job = op->job;

	if (job && !diskat_recall(disk, job)) {
		diskat_leave_job(op);
		if (job->direction == AFI_WRITE && diskat_is_finished(job)) {
			op->future.count += job->done;
		} else if (job->direction == AFI_WRITE) {
			job->counted = true;
			disk->at_late++;
			op->future.count += job->len;
		}
	}
	if (error == -ETIMEDOUT && op->future.count > 0)
		afi_disk_at_finish(
			op, 0, op->future.count < op->size ? AFIO_TIMEDOUT : 0);
	else
		afi_disk_at_finish(op, error, 0);
}

void afi_disk_at_cancel(struct af_future *f)
{
	afi_disk_at_abort(afi_disk_at_of(f), -ECANCELED);
}

void afi_disk_at_expire(struct af_future *f)
{
	struct afi_disk_at *op = afi_disk_at_of(f);
	struct afi_disk_job *job = op->job;

	/* A busy program is late: what a worker has done by now counts. */
	if (job && diskat_is_finished(job)) {
		diskat_leave_job(op);
		if (op->kind->count(op, diskat_result(job)))
			return;
		if (!op->full) {
			afi_disk_at_finish(op, 0, 0);
			return;
		}
	}
	afi_disk_at_abort(op, -ETIMEDOUT);
}

void afi_disk_at_describe(const struct af_future *f, FILE *out)
{
	const struct afi_disk_at *op =
		AFI_CONTAINER(f, const struct afi_disk_at, future);

	fprintf(out, " fd %d, next at %lld", op->file->user_fd,
		(long long)op->at);
}

void afi_disk_at_release(struct afi_disk *disk)
{
	struct afi_disk_at *op;
	struct afi_disk_job *job;

	while ((op = LIST_FIRST(&disk->at_ops)))
		afi_disk_at_abort(op, -ECANCELED);
	TAILQ_FOREACH (job, &disk->placed, entry)
		afi_disk_job_orphan(job, 0);
}

bool afi_disk_at_is_busy(struct afi_disk *disk)
{
	struct afi_disk_job *job = TAILQ_FIRST(&disk->placed), *next;
	struct afi_disk_at *op;
	bool busy = false;

	for (; job; job = next) {
		next = TAILQ_NEXT(job, entry);
		op = job->owner;
		if (disk->file.attached && diskat_recall(disk, job))
			diskat_later(op);
		else if (afi_disk_job_is_out(job))
			busy = true;
	}
	return busy;
}

struct af_future *afi_disk_at_new(struct af_file *file,
				  const struct afi_future_ops *ops,
				  const struct afi_disk_at_kind *kind,
				  int64_t offset, size_t size, int r)
{
	struct afi_disk_at *op;
	struct af_future *f;

	if (r == 0 && !file->transport->put_back)
		r = -ESPIPE;
	if (r == 0 && offset < 0)
		r = -EINVAL;
	if (r == 0 && (off_t)offset != offset)
		r = -EOVERFLOW;
	f = afi_op_new(file, ops, r);
	if (f->done)
		return f;
	op = afi_disk_at_of(f);
	op->kind = kind;
	op->file = file;
	op->at = (off_t)offset;
	op->size = size;
	return f;
}
