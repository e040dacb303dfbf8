/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads at an offset. They gather bytes in a chunk of the future's own, which
 * workers fill, too; what is gathered for an operation that fails is dropped.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "transport/diskat.h"

/* Makes room in the chunk, which no worker uses; 0 or -ENOMEM. */
static int read_at_make_room(struct afi_disk_at *op)
{
	struct af_future *f = &op->future;
	size_t size;

	if (!f->chunk) {
		size = op->size < AFI_PIECE_MAX ? op->size : AFI_PIECE_MAX;
		if (op->size == SIZE_MAX)
			size = AFI_CHUNK_SIZE;
		f->chunk = afi_chunk_get(&f->loop->pool, size);
		return f->chunk ? 0 : -ENOMEM;
	}
	if (f->count < f->chunk->size)
		return 0;
	size = f->chunk->size <= SIZE_MAX / 2 ? 2 * f->chunk->size : SIZE_MAX;
	return afi_chunk_grow(&f->chunk, size < op->size ? size : op->size);
}

/* How many bytes to read next; there is room for them. */
static size_t read_at_next(const struct afi_disk_at *op)
{
	size_t room = op->future.chunk->size - op->future.count;
	size_t piece = afi_disk_at_piece(op);

	return room < piece ? room : piece;
}

static ssize_t read_at_move(struct afi_disk_at *op)
{
	struct afi_nowait *nowait = &afi_disk_of(op->file)->nowait;
	struct af_future *f = &op->future;
	int r = read_at_make_room(op);

	return r < 0 ? r
		     : afi_nowait_read(nowait, f->chunk->data + f->count,
				       read_at_next(op), op->at);
}

static struct afi_disk_job *read_at_new_job(struct afi_disk_at *op)
{
	struct afi_chunk *chunk = op->future.chunk;
	struct afi_disk_job *job;

	atomic_fetch_add(&chunk->refs, 1);
	job = afi_disk_job_new_placed(op->file, AFI_READ, op->at, chunk,
				      op->future.count, read_at_next(op));
	if (!job)
		afi_chunk_put(&op->future.loop->pool, chunk);
	return job;
}

static bool read_at_is_too_much(const struct afi_disk_at *op)
{
	return op->size == SIZE_MAX && op->file->limit &&
	       op->future.count > op->file->limit;
}

static bool read_at_count(struct afi_disk_at *op, ssize_t r)
{
	struct af_future *f = &op->future;
	/* The next read finds the end, or the error, again. */
	bool some = f->count > 0 && !op->full && r != -ENOMEM;

	if (r < 0) {
		afi_disk_at_finish(op, some ? 0 : (int)r,
				   some ? AFIO_ERROR : 0);
		return true;
	}
	if (r == 0) {
		afi_disk_at_finish(op, 0, some ? 0 : AFIO_EOF);
		return true;
	}
	f->count += (size_t)r;
	op->at += r;
	if (read_at_is_too_much(op))
		afi_disk_at_finish(op, -EMSGSIZE, 0);
	else if (f->count == op->size)
		afi_disk_at_finish(op, 0, 0);
	else
		return false;
	return true;
}

/*
 * Moves the bytes into a chunk of their size, if a worker still uses this one,
 * or if it is much too large; 0 or -ENOMEM.
 */
static int read_at_fit(struct af_future *f)
{
	bool shared = atomic_load(&f->chunk->refs) > 1;
	struct afi_chunk *copy;

	if (!shared && f->count >= f->chunk->size / 4)
		return 0;
	copy = afi_chunk_get(&f->loop->pool, f->count);
	if (!copy)
		return shared ? -ENOMEM : 0;
	memcpy(copy->data, f->chunk->data, f->count);
	afi_chunk_put(&f->loop->pool, f->chunk);
	f->chunk = copy;
	return 0;
}

static int read_at_settle(struct afi_disk_at *op, int error)
{
	struct af_future *f = &op->future;

	if (error == 0)
		error = read_at_fit(f);
	if (error) {
		f->count = 0;
		return error;
	}
	f->data = f->chunk->data;
	f->chunk->data[f->count] = '\0';
	return 0;
}

static const struct afi_disk_at_kind read_at_kind = {
	.move = read_at_move,
	.new_job = read_at_new_job,
	.count = read_at_count,
	.settle = read_at_settle,
};

struct af_future *af_file_read_at(struct af_file *file, size_t size,
				  int64_t offset, unsigned flags,
				  const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "read at",
		.size = sizeof(struct afi_disk_at),
		.cancel = afi_disk_at_cancel,
		.expire = afi_disk_at_expire,
		.describe = afi_disk_at_describe,
	};
	int r = afi_op_check(file, AFI_READ, flags, AFIO_FULL, timeout);
	struct af_future *f = afi_disk_at_new(file, &ops, &read_at_kind, offset,
					      size ? size : SIZE_MAX, r);

	if (f->done)
		return f;
	afi_disk_at_of(f)->full = flags & AFIO_FULL || size == 0;
	afi_disk_at_step(afi_disk_at_of(f));
	if (afi_op_wait(f, timeout) < 0)
		afi_disk_at_abort(afi_disk_at_of(f), -ENOMEM);
	return f;
}
