/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of on-disk files. What is in memory is read at once; what is
 * not, a worker gets. Reads and writes have one position: one worker at a time
 * has a file's descriptor, and an operation is not begun in the middle of one
 * in the other direction.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "file/buffer.h"
#include "transport/disk.h"
#include "transport/diskjob.h"
#include "transport/nowait.h"

bool afi_disk_is_out(const struct af_file *file)
{
	return afi_disk_job_is_out(file->disk->jobs[AFI_READ]) ||
	       afi_disk_job_is_out(file->disk->jobs[AFI_WRITE]);
}

static bool must_wait(const struct af_file *file, enum afi_direction direction)
{
	return afi_disk_is_out(file) ||
	       (file->wanted[!direction] && file->disk->turn != direction);
}

static void discard(struct af_file *file, enum afi_direction direction)
{
	afi_disk_job_put(file->disk->jobs[direction]);
	file->disk->jobs[direction] = NULL;
}

static void wake(struct af_file *file, enum afi_direction direction)
{
	if (!file->wanted[direction])
		return;
	file->wanted[direction] = false;
	file->drained[direction] = false;
	afi_loop_unhold(file->loop);
	if (file->transport)
		afi_file_step(file, direction);
}

/* Who has the turn goes on; who has not, when the other is through. */
static void wake_both(struct af_file *file)
{
	enum afi_direction first = file->disk->turn;

	if (afi_disk_is_out(file))
		return;
	wake(file, first);
	if (!file->wanted[first])
		wake(file, !first);
}

static void on_task(struct afi_task *task)
{
	struct afi_disk *disk =
		(void *)((char *)task - offsetof(struct afi_disk, task));

	wake_both(disk->file);
}

static void schedule(struct af_file *file)
{
	if (!file->disk->task.run)
		afi_loop_ready(file->loop, &file->disk->task, on_task);
}

static void on_back(struct afi_job *base)
{
	struct afi_disk_job *job = (struct afi_disk_job *)base;
	struct af_file *file = job->file;
	enum afi_direction direction = job->direction;

	afi_disk_job_put(job);
	if (!file)
		return;
	if (job->counted)
		file->disk->error = job->error;
	if (job->job.work == afi_disk_work_warm)
		file->disk->warm = job->at + (off_t)job->len;
	/* An end or an error that nobody waits for is found again. */
	if (job->counted || job->job.work == afi_disk_work_warm ||
	    (job->done == 0 && TAILQ_EMPTY(&file->ops[direction])))
		discard(file, direction);
	wake_both(file);
}

/* 0: it is done already; -EAGAIN: it will come back. */
static int give(struct af_file *file, struct afi_disk_job *job)
{
	discard(file, job->direction); /* with nothing to take from it */
	file->disk->jobs[job->direction] = job;
	job->job.back = on_back;
	atomic_store(&job->refs, 2);
	if (!afi_workers_do(file->loop, &job->job))
		return -EAGAIN;
	afi_disk_job_put(job);
	return 0;
}

/* Takes back what no worker has begun with. */
static void recall(struct af_file *file)
{
	for (int i = AFI_READ; i <= AFI_WRITE; i++) {
		struct afi_disk_job *job = file->disk->jobs[i];

		if (!afi_disk_job_is_out(job) ||
		    !afi_workers_recall(file->loop, &job->job))
			continue;
		afi_disk_job_put(job);
		discard(file, i);
		/* Should it not end after all, its operation tries again. */
		schedule(file);
	}
}

/* What a read in a worker brought. */
static ssize_t take_read(struct af_file *file, void *buf, size_t len)
{
	struct afi_disk_job *job = file->disk->jobs[AFI_READ];
	ssize_t r = job->error;

	if (r == 0) {
		r = (ssize_t)(job->done - job->start);
		r = (size_t)r < len ? r : (ssize_t)len;
		memcpy(buf, job->chunk->data + job->start, (size_t)r);
		job->start += (size_t)r;
	}
	if (job->start == job->done)
		discard(file, AFI_READ);
	return r;
}

static ssize_t disk_read(struct af_file *file, void *buf, size_t len)
{
	struct afi_disk_job *job;
	ssize_t r;

	if (must_wait(file, AFI_READ))
		return -EAGAIN;
	if (file->disk->jobs[AFI_READ])
		return take_read(file, buf, len);
	r = afi_nowait_read(file, buf, len);
	if (r != -EAGAIN)
		return r;
	job = afi_disk_job_new(file, AFI_READ,
			       len < AFI_PIECE_MAX ? len : AFI_PIECE_MAX,
			       afi_disk_work_read);
	if (!job)
		return -ENOMEM;
	r = give(file, job);
	return r < 0 ? r : take_read(file, buf, len);
}

static size_t disk_held(const struct af_file *file)
{
	const struct afi_disk_job *job = file->disk->jobs[AFI_READ];

	return job && !afi_disk_job_is_out(job) ? job->done - job->start : 0;
}

/* With no worker out: drops what was read ahead, if it can be read again. */
static void put_back(struct af_file *file)
{
	size_t n = file->len + disk_held(file);

	if (n == 0 || lseek(file->fd, -(off_t)n, SEEK_CUR) < 0)
		return;
	afi_consume(file, file->len);
	discard(file, AFI_READ);
}

/* What a write or sync in a worker came to. */
static ssize_t take_write(struct af_file *file)
{
	struct afi_disk_job *job = file->disk->jobs[AFI_WRITE];
	ssize_t r = job->done > 0 ? (ssize_t)job->done : job->error;

	discard(file, AFI_WRITE);
	return r;
}

/* The result of a job; of one that nobody waited for; or -EAGAIN: neither. */
static ssize_t earlier_result(struct af_file *file)
{
	int error = file->disk->error;

	if (file->disk->jobs[AFI_WRITE])
		return take_write(file);
	file->disk->error = 0;
	return error ? error : -EAGAIN;
}

static size_t gather(char *to, size_t max, const struct iovec *iov, int n)
{
	size_t len = 0, piece;

	for (int i = 0; i < n && len < max; i++, len += piece) {
		piece = iov[i].iov_len < max - len ? iov[i].iov_len : max - len;
		memcpy(to + len, iov[i].iov_base, piece);
	}
	return len;
}

static ssize_t disk_write(struct af_file *file, const struct iovec *iov, int n)
{
	struct afi_disk_job *job;
	size_t len = 0;
	ssize_t r;

	if (must_wait(file, AFI_WRITE))
		return -EAGAIN;
	r = earlier_result(file);
	if (r != -EAGAIN)
		return r;
	/* In the middle of a read nobody can say where a write should go. */
	if (TAILQ_EMPTY(&file->ops[AFI_READ]))
		put_back(file);
	r = afi_nowait_write(file, iov, n);
	if (r != -EAGAIN)
		return r;
	for (int i = 0; i < n && len < AFI_PIECE_MAX; i++)
		len += iov[i].iov_len;
	len = len < AFI_PIECE_MAX ? len : AFI_PIECE_MAX;
	job = afi_disk_job_new(file, AFI_WRITE, len, afi_disk_work_write);
	if (!job)
		return -ENOMEM;
	gather(job->chunk->data, len, iov, n);
	r = give(file, job);
	return r < 0 ? r : take_write(file);
}

int afi_disk_sync(struct af_file *file)
{
	struct afi_disk_job *job;
	int r;

	if (must_wait(file, AFI_WRITE))
		return -EAGAIN;
	if (file->disk->jobs[AFI_WRITE] || file->disk->error)
		return (int)earlier_result(file);
	job = afi_disk_job_new(file, AFI_WRITE, 0, afi_disk_work_sync);
	if (!job)
		return -ENOMEM;
	r = give(file, job);
	return r < 0 ? r : (int)take_write(file);
}

static size_t disk_commit(struct af_file *file)
{
	struct afi_disk_job *job = file->disk->jobs[AFI_WRITE];

	if (!job || job->counted)
		return 0;
	if (afi_disk_job_is_out(job))
		recall(file);
	if (!file->disk->jobs[AFI_WRITE])
		return 0;
	job->counted = true;
	return job->len;
}

static ssize_t disk_prepare(struct af_file *file, size_t len)
{
	struct afi_disk_job *job;
	off_t at;

	if (must_wait(file, AFI_READ))
		return -EAGAIN;
	at = lseek(file->fd, 0, SEEK_CUR);
	if (file->disk->direct || at < 0)
		return (ssize_t)len;
	if (at >= file->disk->warm &&
	    afi_nowait_in_memory(file, at, at + (off_t)len))
		file->disk->warm = at + (off_t)len;
	if (at < file->disk->warm)
		return file->disk->warm - at < (off_t)len
			       ? (ssize_t)(file->disk->warm - at)
			       : (ssize_t)len;
	job = afi_disk_job_new(file, AFI_READ, 0, afi_disk_work_warm);
	if (!job)
		return -ENOMEM;
	job->at = at;
	job->len = len;
	/* Done here, without workers, it is warm as well. */
	if (give(file, job) < 0)
		return -EAGAIN;
	discard(file, AFI_READ);
	file->disk->warm = at + (off_t)len;
	return (ssize_t)len;
}

static int disk_want(struct af_file *file, enum afi_direction direction)
{
	if (!file->wanted[!direction])
		file->disk->turn = direction;
	afi_loop_hold(file->loop);
	if (file->disk->turn == direction && !afi_disk_is_out(file))
		schedule(file);
	return 0;
}

static void disk_unwant(struct af_file *file, enum afi_direction direction)
{
	file->wanted[direction] = false;
	afi_loop_unhold(file->loop);
	if (file->wanted[!direction])
		schedule(file);
}

static int disk_unread(struct af_file *file, struct evbuffer *buf)
{
	struct afi_disk_job *job = file->disk->jobs[AFI_READ];
	size_t n = disk_held(file);

	if (n > 0 && evbuffer_add(buf, job->chunk->data + job->start, n) < 0)
		return -ENOMEM;
	return 0;
}

static void disk_release(struct af_file *file)
{
	recall(file);
	if (!afi_disk_is_out(file))
		put_back(file);
	for (int i = AFI_READ; i <= AFI_WRITE; i++) {
		if (file->wanted[i])
			disk_unwant(file, i);
		if (afi_disk_job_is_out(file->disk->jobs[i]))
			afi_disk_job_orphan(file->disk->jobs[i], file->len);
		else
			discard(file, i);
	}
	afi_task_cancel(&file->loop->ready, &file->disk->task);
}

bool afi_disk_is_busy(struct af_file *file)
{
	if (file->transport)
		recall(file);
	return afi_disk_is_out(file);
}

int afi_disk_put_back(struct af_file *file)
{
	if (afi_disk_is_busy(file))
		return -EBUSY;
	if (file->transport)
		put_back(file);
	file->disk->warm = 0;
	return 0;
}

int afi_disk_close(struct af_file *file, bool close_fd)
{
	int r = 0;

	/* One that is out, or was when the loop went. */
	for (int i = AFI_READ; i <= AFI_WRITE; i++) {
		struct afi_disk_job *job = file->disk->jobs[i];

		if (!job)
			continue;
		job->close_fd = close_fd;
		close_fd = false;
		discard(file, i);
	}
	free(file->disk);
	if (close_fd)
		r = close(file->fd) < 0 ? -errno : 0;
	return r;
}

int afi_disk_attach(struct af_file *file, const struct stat *st)
{
	static const struct afi_transport transport = {
		.read = disk_read,
		.write = disk_write,
		.want = disk_want,
		.unwant = disk_unwant,
		.held = disk_held,
		.unread = disk_unread,
		.release = disk_release,
		.prepare = disk_prepare,
		.commit = disk_commit,
	};

	file->disk = calloc(1, sizeof(*file->disk));
	if (!file->disk)
		return -ENOMEM;
	file->disk->file = file;
	file->disk->direct = afi_nowait_always(st);
	file->disk->has_start = S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
	/* The program may close its own under a worker: that has another. */
	if (file->keep_fd && !file->disk->direct) {
		file->fd = fcntl(file->user_fd, F_DUPFD_CLOEXEC, 3);
		if (file->fd < 0) {
			file->fd = file->user_fd;
			free(file->disk);
			return -errno;
		}
	}
	file->is_disk = true;
	file->transport = &transport;
	return 0;
}
