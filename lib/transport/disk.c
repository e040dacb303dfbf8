/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of on-disk files. Bytes in the page cache are read at once; a
 * worker reads the others. Reads and writes share one position, so they take
 * turns, see diskturn.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "transport/device.h"
#include "transport/disk.h"
#include "transport/diskturn.h"
#include "transport/diskat.h"

/* Returns bytes, or the error, of a worker's read. */
static ssize_t disk_take_read(struct afi_disk *disk, void *buf, size_t len)
{
	struct afi_disk_job *job = disk->jobs[AFI_READ];
	ssize_t r = job->error;

	if (r == 0) {
		r = (ssize_t)(job->done - job->start);
		r = (size_t)r < len ? r : (ssize_t)len;
		memcpy(buf, job->chunk->data + job->start, (size_t)r);
		job->start += (size_t)r;
	}
	if (job->start < job->done)
		return r;
	disk->in_a_row = job->done == job->len;
	afi_disk_discard(disk, AFI_READ);
	return r;
}

/* An end that was seen for an earlier read: there may be more since. */
static bool disk_saw_end_before(const struct af_file *file)
{
	const struct afi_disk_job *job = afi_disk_of(file)->jobs[AFI_READ];

	return job && job->done == 0 && job->reads_ended != file->reads_ended;
}

/* 0: the end that was found for nobody still stands; -EAGAIN: there is none. */
static ssize_t disk_take_end(struct afi_disk *disk)
{
	struct afi_disk_end end = disk->end;

	disk->end.size = -1;
	return end.size >= 0 && afi_device_size(disk->file.fd) == end.size &&
			       lseek(disk->file.fd, 0, SEEK_CUR) == end.at
		       ? 0
		       : -EAGAIN;
}

static ssize_t disk_read(struct af_file *file, void *buf, size_t len)
{
	struct afi_disk *disk = afi_disk_of(file);
	struct afi_disk_job *job;
	ssize_t r;

	if (afi_disk_must_wait(disk, AFI_READ))
		return -EAGAIN;
	if (disk_saw_end_before(file))
		afi_disk_discard(disk, AFI_READ);
	if (disk->jobs[AFI_READ])
		return disk_take_read(disk, buf, len);
	r = disk_take_end(disk);
	if (r == -EAGAIN)
		r = afi_nowait_read(&disk->nowait, buf, len, AFI_AT_POSITION);
	if (r != -EAGAIN)
		return r;
	job = afi_disk_job_new(file, AFI_READ,
			       len < AFI_PIECE_MAX ? len : AFI_PIECE_MAX,
			       file->is_aligned ? afi_disk_work_read_aligned
						: afi_disk_work_read);
	if (!job)
		return -ENOMEM;
	job->ahead = disk->in_a_row;
	job->reads_ended = file->reads_ended;
	r = afi_disk_give(disk, job);
	return r < 0 ? r : disk_take_read(disk, buf, len);
}

static size_t disk_held(const struct af_file *file)
{
	const struct afi_disk_job *job = afi_disk_of(file)->jobs[AFI_READ];

	return job && !afi_disk_job_is_out(job) ? job->done - job->start : 0;
}

/*
 * Drops the buffered bytes and moves the position back over them, if it can be
 * moved; in a child by fork(2) it is the parent's, too. No worker may be out.
 */
static void disk_drop_ahead(struct afi_disk *disk)
{
	struct af_file *file = &disk->file;
	size_t n = file->in.len + disk_held(file);

	if (n == 0 || !afi_loop_is_here(file->loop) ||
	    lseek(file->fd, -(off_t)n, SEEK_CUR) < 0)
		return;
	afi_file_consume(file, file->in.len);
	afi_disk_discard(disk, AFI_READ);
}

/* Returns the result of a worker's write or sync. */
static ssize_t disk_take_write(struct afi_disk *disk)
{
	struct afi_disk_job *job = disk->jobs[AFI_WRITE];
	ssize_t r = job->done > 0 ? (ssize_t)job->done : job->error;

	afi_disk_discard(disk, AFI_WRITE);
	return r;
}

static int disk_take_error(struct afi_disk *disk)
{
	int error = disk->error;

	disk->error = 0;
	return error;
}

/*
 * Returns the result of a job, or else the error of an earlier job whose
 * operation had ended; -EAGAIN: there is neither.
 */
static ssize_t disk_earlier_result(struct afi_disk *disk)
{
	int error;

	if (disk->jobs[AFI_WRITE])
		return disk_take_write(disk);
	error = disk_take_error(disk);
	return error ? error : -EAGAIN;
}

static size_t disk_gather(char *to, size_t max, const struct iovec *iov, int n)
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
	struct afi_disk *disk = afi_disk_of(file);
	struct afi_disk_job *job;
	size_t len = 0;
	ssize_t r;

	if (afi_disk_must_wait(disk, AFI_WRITE))
		return -EAGAIN;
	r = disk_earlier_result(disk);
	if (r != -EAGAIN)
		return r;
	/* While reads are pending, the position of a write is unspecified. */
	if (TAILQ_EMPTY(&file->ops[AFI_READ]))
		disk_drop_ahead(disk);
	r = afi_nowait_write(&disk->nowait, iov, n, AFI_AT_POSITION);
	if (r != -EAGAIN)
		return r;
	for (int i = 0; i < n && len < AFI_PIECE_MAX; i++)
		len += iov[i].iov_len;
	len = len < AFI_PIECE_MAX ? len : AFI_PIECE_MAX;
	job = afi_disk_job_new(file, AFI_WRITE, len, afi_disk_work_write);
	if (!job)
		return -ENOMEM;
	disk_gather(job->chunk->data, len, iov, n);
	r = afi_disk_give(disk, job);
	return r < 0 ? r : disk_take_write(disk);
}

static int disk_sync(struct af_file *file)
{
	struct afi_disk *disk = afi_disk_of(file);
	struct afi_disk_job *job;
	int r;

	if (afi_disk_must_wait(disk, AFI_WRITE))
		return -EAGAIN;
	if (disk->jobs[AFI_WRITE] || disk->error)
		return (int)disk_earlier_result(disk);
	job = afi_disk_job_new(file, AFI_WRITE, 0, afi_disk_work_sync);
	if (!job)
		return -ENOMEM;
	r = afi_disk_give(disk, job);
	return r < 0 ? r : (int)disk_take_write(disk);
}

static size_t disk_commit(struct af_file *file)
{
	struct afi_disk *disk = afi_disk_of(file);
	struct afi_disk_job *job = disk->jobs[AFI_WRITE];

	if (!job || job->counted)
		return 0;
	/* It is out, else its result would have been taken. */
	afi_disk_recall(disk);
	if (!disk->jobs[AFI_WRITE])
		return 0;
	job->counted = true;
	return job->len;
}

static bool disk_is_sending(const struct af_file *file)
{
	const struct afi_disk *disk = afi_disk_of(file);

	return disk->at_late > 0 || afi_disk_job_is_out(disk->jobs[AFI_WRITE]);
}

static int disk_take_late_error(struct af_file *file)
{
	/* Nothing is out: the result of each other job has been taken. */
	return disk_take_error(afi_disk_of(file));
}

/*
 * Gets the next len bytes into the page cache: len; -EAGAIN; -EINVAL: they do
 * not stay there; -ENOMEM.
 */
static ssize_t disk_warm(struct afi_disk *disk, off_t at, size_t len)
{
	struct af_file *file = &disk->file;
	struct afi_disk_job *job;

	job = afi_disk_job_new(file, AFI_READ, 0, afi_disk_work_warm);
	if (!job)
		return -ENOMEM;
	job->at = at;
	job->len = len;
	/* 0: done here, without workers. */
	if (afi_disk_give(disk, job) < 0)
		return -EAGAIN;
	afi_disk_warmed(disk, job);
	afi_disk_discard(disk, AFI_READ);
	return disk->never_warm ? -EINVAL : (ssize_t)len;
}

static ssize_t disk_prepare(struct af_file *file, size_t len)
{
	struct afi_disk *disk = afi_disk_of(file);
	off_t at;

	if (afi_disk_must_wait(disk, AFI_READ))
		return -EAGAIN;
	at = lseek(file->fd, 0, SEEK_CUR);
	if (disk->nowait.direct || at < 0 || at == AFI_DISK_END)
		return (ssize_t)len;
	if (disk->never_warm)
		return -EINVAL;
	if ((off_t)len > AFI_DISK_END - at)
		len = (size_t)(AFI_DISK_END - at);
	if (at >= disk->warm &&
	    afi_nowait_in_memory(file->fd, at, at + (off_t)len) == 1)
		disk->warm = at + (off_t)len;
	if (at < disk->warm)
		return disk->warm - at < (off_t)len ? (ssize_t)(disk->warm - at)
						    : (ssize_t)len;
	return disk_warm(disk, at, len);
}

static int disk_move_held(struct af_file *file, struct evbuffer *buf)
{
	struct afi_disk_job *job = afi_disk_of(file)->jobs[AFI_READ];
	const char *data = job->chunk->data + job->start;

	return evbuffer_add(buf, data, disk_held(file)) < 0 ? -ENOMEM : 0;
}

static void disk_release(struct af_file *file)
{
	struct afi_disk *disk = afi_disk_of(file);

	afi_disk_at_release(disk);
	afi_disk_recall(disk);
	if (!afi_disk_is_out(disk))
		disk_drop_ahead(disk);
	for (int i = AFI_READ; i <= AFI_WRITE; i++) {
		if (file->wanted[i])
			afi_disk_unwant(file, i);
		if (afi_disk_job_is_out(disk->jobs[i]))
			afi_disk_job_orphan(disk->jobs[i], file->in.len);
		else
			afi_disk_discard(disk, i);
	}
	afi_task_cancel(&file->loop->ready, &disk->task);
}

/* Whether a worker uses the position. */
static bool disk_is_moving(struct af_file *file)
{
	if (file->attached)
		afi_disk_recall(afi_disk_of(file));
	return afi_disk_is_out(afi_disk_of(file));
}

static bool disk_is_busy(struct af_file *file)
{
	return disk_is_moving(file) || afi_disk_at_is_busy(afi_disk_of(file));
}

static int disk_put_back(struct af_file *file)
{
	if (disk_is_moving(file))
		return -EBUSY;
	if (file->attached)
		disk_drop_ahead(afi_disk_of(file));
	afi_disk_of(file)->end.size = -1;
	afi_disk_of(file)->warm = 0;
	afi_disk_of(file)->in_a_row = false;
	return 0;
}

/* Whether the position of the next read is at least len. */
static int disk_can_unread(struct af_file *file, size_t len)
{
	off_t at;

	if (afi_disk_is_out(afi_disk_of(file)))
		return -EBUSY;
	if (!afi_disk_of(file)->has_start)
		return 0;
	at = lseek(file->fd, 0, SEEK_CUR);
	if (at < 0)
		return 0; /* no position to move back, perhaps in /proc */
	return (uintmax_t)at < (uintmax_t)afi_file_buffered(file) + len
		       ? -EINVAL
		       : 0;
}

/* Not as the target, nor with O_DIRECT: it may wait for the disk. */
static bool disk_can_splice(const struct af_file *file,
			    enum afi_direction direction)
{
	return direction == AFI_READ && !file->is_aligned;
}

static bool disk_worker_writes(const struct af_file *file)
{
	const struct afi_nowait *nowait = &afi_disk_of(file)->nowait;

	return !nowait->direct && nowait->slow[AFI_WRITE];
}

/* Jobs that are out, or were when the loop was freed, close it. */
static int disk_close(struct af_file *file, bool close_fd)
{
	struct afi_disk *disk = afi_disk_of(file);
	struct afi_disk_job *closer = NULL, *job;

	for (int i = AFI_READ; i <= AFI_WRITE; i++) {
		job = disk->jobs[i];
		disk->jobs[i] = NULL;
		if (job)
			closer = afi_disk_job_leave(job, closer);
	}
	while ((job = TAILQ_FIRST(&disk->placed))) {
		TAILQ_REMOVE(&disk->placed, job, entry);
		closer = afi_disk_job_leave(job, closer);
	}
	if (!closer)
		return close_fd && close(file->fd) < 0 ? -errno : 0;
	closer->close_fd = close_fd;
	afi_disk_job_put(closer);
	return 0;
}

static bool disk_is_same(const struct af_file *a, const struct af_file *b)
{
	const struct afi_disk *one = afi_disk_of(a), *other = afi_disk_of(b);

	return one->has_start && other->has_start && one->dev == other->dev &&
	       one->ino == other->ino;
}

struct af_file *afi_disk_new(const struct af_file *like, const struct stat *st)
{
	static const struct afi_transport transport = {
		.read = disk_read,
		.write = disk_write,
		.want = afi_disk_want,
		.unwant = afi_disk_unwant,
		.held = disk_held,
		.move_held = disk_move_held,
		.release = disk_release,
		.put_back = disk_put_back,
		.is_same = disk_is_same,
		.is_busy = disk_is_busy,
		.can_unread = disk_can_unread,
		.prepare = disk_prepare,
		.commit = disk_commit,
		.is_sending = disk_is_sending,
		.take_late_error = disk_take_late_error,
		.sync = disk_sync,
		.can_splice = disk_can_splice,
		.worker_writes = disk_worker_writes,
		.close = disk_close,
		.always_ready = true,
		.part_fills = true,
	};
	struct af_file *file = afi_file_new(like, sizeof(struct afi_disk));
	struct afi_disk *disk;

	if (!file)
		return NULL;
	disk = afi_disk_of(file);
	disk->nowait.direct = afi_device_never_waits(st);
	disk->has_start = S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
	disk->dev = st->st_dev;
	disk->ino = st->st_ino;
	/* The program may close its descriptor under a worker: use another. */
	if (file->keep_fd && !disk->nowait.direct) {
		file->fd = fcntl(file->user_fd, F_DUPFD_CLOEXEC, 3);
		if (file->fd < 0) {
			free(file);
			return NULL;
		}
	}
	disk->end.size = -1;
	TAILQ_INIT(&disk->placed);
	LIST_INIT(&disk->at_ops);
	disk->nowait.fd = file->fd;
	disk->nowait.slow[AFI_READ] = file->is_aligned;
	file->transport = &transport;
	return file;
}
