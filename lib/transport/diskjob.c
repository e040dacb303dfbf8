/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs on a descriptor. A job may outlive its file; it then closes the
 * descriptor itself, when no call uses it any more.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/container.h"
#include "base/sigpipe.h"
#include "transport/device.h"
#include "transport/diskjob.h"
#include "transport/nowait.h"

/* What O_DIRECT wants positions, lengths and memory to be multiples of. */
#define BLOCK 4096
#define LARGE_BLOCK 65536

static struct afi_disk_job *diskjob_of(struct afi_job *job)
{
	return AFI_CONTAINER(job, struct afi_disk_job, job);
}

static void diskjob_drop(struct afi_job *job)
{
	afi_disk_job_put(diskjob_of(job));
}

/* Makes a job on a chunk, whose reference it takes; NULL: ENOMEM. */
static struct afi_disk_job *diskjob_make(struct af_file *file,
					 enum afi_direction direction,
					 struct afi_chunk *chunk, size_t len,
					 void (*work)(struct afi_job *))
{
	struct afi_disk_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->chunk = chunk;
	atomic_init(&job->refs, 1);
	atomic_init(&job->finished, false);
	job->job.work = work;
	job->job.drop = diskjob_drop;
	job->file = file;
	job->fd = file->fd;
	job->aligned = file->is_aligned;
	job->direction = direction;
	job->len = len;
	return job;
}

struct afi_disk_job *afi_disk_job_new(struct af_file *file,
				      enum afi_direction direction, size_t len,
				      void (*work)(struct afi_job *))
{
	struct afi_pool *pool = &file->loop->pool;
	size_t size = len > AFI_CHUNK_SIZE ? len : AFI_CHUNK_SIZE;
	struct afi_chunk *chunk = afi_chunk_get(pool, size);
	struct afi_disk_job *job = NULL;

	if (chunk)
		job = diskjob_make(file, direction, chunk, len, work);
	if (!job)
		afi_chunk_put(pool, chunk);
	return job;
}

static void diskjob_work_placed(struct afi_job *base)
{
	struct afi_disk_job *job = diskjob_of(base);

	if (job->direction == AFI_WRITE)
		afi_disk_work_write(base);
	else if (job->aligned)
		afi_disk_work_read_aligned(base);
	else
		afi_disk_work_read(base);
	atomic_store_explicit(&job->finished, true, memory_order_release);
}

struct afi_disk_job *afi_disk_job_new_placed(struct af_file *file,
					     enum afi_direction direction,
					     off_t at, struct afi_chunk *chunk,
					     size_t start, size_t len)
{
	struct afi_disk_job *job =
		diskjob_make(file, direction, chunk, len, diskjob_work_placed);

	if (!job)
		return NULL;
	job->placed = true;
	job->at = at;
	job->start = start;
	return job;
}

bool afi_disk_job_is_out(const struct afi_disk_job *job)
{
	return job &&
	       atomic_load_explicit(&job->refs, memory_order_acquire) > 1;
}

void afi_disk_job_orphan(struct afi_disk_job *job, size_t before)
{
	job->file = NULL;
	job->before = before;
}

/* Moves the position back over what an orphan has read for nobody. */
static void diskjob_put_back(const struct afi_disk_job *job)
{
	size_t n = job->before;

	if (job->direction == AFI_READ)
		n += job->done;
	if (n > 0)
		lseek(job->fd, -(off_t)n, SEEK_CUR);
}

void afi_disk_job_put(struct afi_disk_job *job)
{
	struct afi_disk_job *closer;
	struct af_file *file;

	for (; job && atomic_fetch_sub_explicit(&job->refs, 1,
						memory_order_acq_rel) == 1;
	     job = closer) {
		closer = job->closer;
		file = job->file;
		if (!file && !job->placed)
			diskjob_put_back(job);
		if (job->close_fd)
			close(job->fd);
		afi_chunk_put(file ? &file->loop->pool : NULL, job->chunk);
		free(job);
	}
}

struct afi_disk_job *afi_disk_job_leave(struct afi_disk_job *job,
					struct afi_disk_job *closer)
{
	if (!closer)
		return job;
	atomic_fetch_add(&closer->refs, 1);
	job->closer = closer;
	afi_disk_job_put(job);
	return closer;
}

/* The offset that it reads at. */
static off_t diskjob_at(const struct afi_disk_job *job)
{
	return job->placed ? job->at : lseek(job->fd, 0, SEEK_CUR);
}

/* The size of the file, so that an end that it finds can be found again. */
static void diskjob_note_size(struct afi_disk_job *job)
{
	if (!job->placed)
		job->size = afi_device_size(job->fd);
}

/* read(2) fails with EINVAL where it could go past the largest position. */
static bool diskjob_shrink(const struct afi_disk_job *job, struct iovec *iov)
{
	off_t at = diskjob_at(job);

	errno = EINVAL;
	if (at < 0 || (off_t)iov->iov_len <= AFI_DISK_END - at)
		return false;
	iov->iov_len = (size_t)(AFI_DISK_END - at);
	return true;
}

static ssize_t diskjob_read(const struct afi_disk_job *job,
			    const struct iovec *iov)
{
	return job->placed
		       ? pread(job->fd, iov->iov_base, iov->iov_len, job->at)
		       : readv(job->fd, iov, 1);
}

void afi_disk_work_read(struct afi_job *base)
{
	struct afi_disk_job *job = diskjob_of(base);
	struct iovec iov = { job->chunk->data + job->start, job->len };
	ssize_t r;

	diskjob_note_size(job);
	do
		r = diskjob_read(job, &iov);
	while (r < 0 && (errno == EINTR ||
			 (errno == EINVAL && diskjob_shrink(job, &iov))));
	if (r >= 0)
		job->done = (size_t)r;
	else
		job->error = errno == EAGAIN ? -EIO : -errno;
	if (job->ahead)
		afi_device_read_ahead(job->fd);
}

/* Memory that O_DIRECT accepts; *ret is to be freed. NULL: ENOMEM. */
static char *diskjob_align(size_t align, size_t size, void **ret)
{
	uintptr_t start;

	*ret = malloc(size + align);
	start = (uintptr_t)*ret;
	return *ret ? (char *)*ret + (align - start % align) : NULL;
}

/* Reads whole blocks, of a size that is a multiple of any disk's. */
static int diskjob_read_blocks(struct afi_disk_job *job, size_t block)
{
	off_t at = diskjob_at(job);
	size_t skip = at < 0 ? 0 : (size_t)(at % (off_t)block);
	size_t size = (skip + job->len + block - 1) / block * block;
	void *memory;
	char *data;
	ssize_t r;
	int error;

	if (at < 0)
		return -errno;
	/* As diskjob_shrink(), which would not leave whole blocks. */
	if ((off_t)size > AFI_DISK_END - (at - (off_t)skip))
		size = (size_t)(AFI_DISK_END - (at - (off_t)skip)) / block *
		       block;
	data = diskjob_align(block, size, &memory);
	if (!data)
		return -ENOMEM;
	do
		r = pread(job->fd, data, size, at - (off_t)skip);
	while (r < 0 && errno == EINTR);
	error = r < 0 ? -errno : 0;
	if (r > (ssize_t)skip) {
		job->done = (size_t)r - skip;
		job->done = job->done < job->len ? job->done : job->len;
		memcpy(job->chunk->data + job->start, data + skip, job->done);
		if (!job->placed)
			lseek(job->fd, at + (off_t)job->done, SEEK_SET);
	}
	free(memory);
	return error;
}

void afi_disk_work_read_aligned(struct afi_job *base)
{
	struct afi_disk_job *job = diskjob_of(base);

	diskjob_note_size(job);
	job->error = diskjob_read_blocks(job, BLOCK);
	if (job->error == -EINVAL)
		job->error = diskjob_read_blocks(job, LARGE_BLOCK);
	if (job->error == -EAGAIN)
		job->error = -EIO;
}

static ssize_t diskjob_write(const struct afi_disk_job *job,
			     const struct iovec *iov)
{
	return job->placed ? pwrite(job->fd, iov->iov_base, iov->iov_len,
				    job->at + (off_t)job->done)
			   : writev(job->fd, iov, 1);
}

void afi_disk_work_write(struct afi_job *base)
{
	struct afi_disk_job *job = diskjob_of(base);
	char *data = job->chunk->data + job->start;
	struct afi_sigpipe_hold hold;
	void *memory = NULL;
	struct iovec iov;
	ssize_t r;

	if (job->aligned) {
		data = diskjob_align(BLOCK, job->len, &memory);
		job->error = data ? 0 : -ENOMEM;
	}
	if (data && memory)
		memcpy(data, job->chunk->data + job->start, job->len);
	afi_sigpipe_hold(&hold);
	while (job->done < job->len && job->error == 0) {
		iov.iov_base = data + job->done;
		iov.iov_len = job->len - job->done;
		r = diskjob_write(job, &iov);
		if (r > 0)
			job->done += (size_t)r;
		else if (r == 0 || errno == EAGAIN)
			job->error = -EIO; /* no poll: it cannot wait */
		else if (errno != EINTR)
			job->error = -errno;
	}
	afi_sigpipe_release(&hold, job->error);
	free(memory);
}

void afi_disk_work_warm(struct afi_job *base)
{
	struct afi_disk_job *job = diskjob_of(base);
	off_t at = job->at, end = at + (off_t)job->len;
	bool known = afi_nowait_in_memory(job->fd, at, at + 1) != -ENOTSUP;
	ssize_t r = 1;

	job->error = -EINVAL;
	if (!known && !afi_device_keeps(job->fd))
		return;
	for (; at < end && r > 0; at += r)
		r = pread(job->fd, job->chunk->data, job->chunk->size, at);
	if (r < 0)
		return;
	/* Where the page cache is bypassed, the bytes must be read again. */
	if (!known || afi_nowait_in_memory(job->fd, job->at, at) == 1)
		job->error = 0;
}

void afi_disk_work_sync(struct afi_job *base)
{
	struct afi_disk_job *job = diskjob_of(base);
	int r;

	do
		r = fsync(job->fd);
	while (r < 0 && errno == EINTR);
	job->error = r < 0 ? -errno : 0;
}
