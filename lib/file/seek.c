/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only on-disk files have: a position, a size, and a disk to be sure of.
 */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/disk.h"

/* 0 or why there is no position. */
static int check(const struct af_file *file)
{
	if (!file)
		return -EINVAL;
	if (!afi_loop_alive(file->loop))
		return -ECANCELED;
	return file->is_disk ? 0 : -ESPIPE;
}

off_t af_file_seek(struct af_file *file, off_t offset, int whence)
{
	off_t r = check(file);

	if (r < 0)
		return r;
	if (!TAILQ_EMPTY(&file->ops[AFI_READ]) ||
	    !TAILQ_EMPTY(&file->ops[AFI_WRITE]))
		return -EBUSY;
	r = afi_disk_put_back(file);
	if (r < 0)
		return r;
	r = lseek(file->fd, offset, whence);
	if (r < 0)
		return -errno;
	file->read_error = 0;
	return r;
}

off_t af_file_size(struct af_file *file)
{
	struct stat st;
	int r = check(file);

	if (r < 0)
		return r;
	if (fstat(file->fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? st.st_size : -ESPIPE;
}

struct sync_op {
	struct af_future future;
	struct afi_op op;
};

static struct sync_op *of_future(struct af_future *f)
{
	return (struct sync_op *)f;
}

static void finish(struct sync_op *sync, int error)
{
	afi_file_remove(&sync->op);
	afi_future_finish(&sync->future, error);
}

static int sync_step(struct afi_op *op)
{
	int r = afi_disk_sync(op->file);

	if (r == -EAGAIN)
		r = afi_file_want(op->file, AFI_WRITE) ?: -EAGAIN;
	if (r != -EAGAIN)
		finish(of_future(op->future), r);
	return r == -EAGAIN ? r : 0;
}

static void end_early(struct af_future *f, int error)
{
	struct af_file *file = of_future(f)->op.file;

	finish(of_future(f), error);
	afi_file_resume(file, AFI_WRITE);
}

static void sync_cancel(struct af_future *f)
{
	end_early(f, -ECANCELED);
}

static void sync_expire(struct af_future *f)
{
	end_early(f, -ETIMEDOUT);
}

static void sync_describe(const struct af_future *f, FILE *out)
{
	const struct sync_op *sync = (const struct sync_op *)f;

	fprintf(out, " fd %d", sync->op.file->user_fd);
}

struct af_future *af_file_sync(struct af_file *file,
			       const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "sync",
		.size = sizeof(struct sync_op),
		.cancel = sync_cancel,
		.expire = sync_expire,
		.describe = sync_describe,
	};
	struct af_future *f;
	int r = check(file);

	if (!afi_timeout_valid(timeout) || r == -ESPIPE)
		r = -EINVAL; /* as fsync(2) */
	if (r < 0)
		return afi_future_failed(file ? file->loop : NULL, r);
	f = afi_operation_new(file->loop, &ops);
	if (!f)
		return afi_future_failed(file->loop, -ENOMEM);
	of_future(f)->op = (struct afi_op){ .direction = AFI_WRITE,
					    .step = sync_step,
					    .future = f };
	afi_file_start(file, &of_future(f)->op);
	if (afi_future_limit(f, timeout) < 0)
		end_early(f, -ENOMEM);
	return f;
}
