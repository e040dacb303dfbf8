/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes that are looked at and stay, and bytes that are put back: what is done
 * to a file's buffer at its front.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "file/buffer.h"
#include "transport/disk.h"

/* Reads in a row before others get their turn. */
#define FILLS_MAX 16

struct peek_op {
	struct af_future future;
	struct afi_op op;
	size_t size;
};

static struct peek_op *of_future(struct af_future *f)
{
	return (struct peek_op *)f;
}

static void finish(struct peek_op *peek, int error, unsigned flags)
{
	struct af_future *f = &peek->future;
	struct af_file *file = peek->op.file;
	size_t n = file->len < peek->size ? file->len : peek->size;

	afi_file_remove(&peek->op);
	if (error == 0) {
		f->chunk = afi_chunk_get(&file->loop->pool, n);
		error = f->chunk ? 0 : -ENOMEM;
	}
	if (error == 0) {
		if (n > 0)
			memcpy(f->chunk->data, file->in->data + file->start, n);
		f->chunk->data[n] = '\0';
		f->data = f->chunk->data;
		f->count = n;
		f->flags = flags;
	}
	afi_future_finish(f, error);
}

static bool has_enough(const struct peek_op *peek, const struct af_file *file)
{
	/* There is no more of a message than what has come. */
	return file->len >= peek->size || (file->is_message && file->len > 0);
}

static int peek_step(struct afi_op *op)
{
	struct peek_op *peek = of_future(op->future);
	struct af_file *file = op->file;
	ssize_t r = 1;

	for (int fills = 0; r > 0 && !has_enough(peek, file); fills++) {
		if (file->read_error) {
			r = file->read_error;
		} else if (file->eof) {
			r = 0;
		} else if (file->drained[AFI_READ] || fills == FILLS_MAX) {
			r = -EAGAIN;
		} else {
			r = afi_fill(file, peek->size);
			file->eof = r == 0 && file->sticky_eof;
			/* Not taken, either: the next read has it. */
			if (r < 0 && r != -EAGAIN && r != -ENOMEM &&
			    r != AFI_EMPTY)
				file->read_error = (int)r;
		}
	}
	if (r == AFI_EMPTY)
		r = -EAGAIN;
	if (r == -EAGAIN)
		r = afi_file_want(file, AFI_READ) ?: -EAGAIN;
	if (r == -EAGAIN)
		return -EAGAIN;
	finish(peek, r < 0 && file->len == 0 ? (int)r : 0,
	       r == 0 ? AFIO_EOF : 0);
	return 0;
}

static void end_early(struct af_future *f, int error, unsigned flags)
{
	struct af_file *file = of_future(f)->op.file;

	finish(of_future(f), error, flags);
	afi_file_resume(file, AFI_READ);
}

static void peek_cancel(struct af_future *f)
{
	end_early(f, -ECANCELED, 0);
}

static void peek_expire(struct af_future *f)
{
	struct af_file *file = of_future(f)->op.file;
	bool first = TAILQ_FIRST(&file->ops[AFI_READ]) == &of_future(f)->op;

	af_future_ref(f);
	/* A busy program comes late: what has come meanwhile counts. */
	if (first) {
		file->drained[AFI_READ] = false;
		afi_file_step(file, AFI_READ);
	}
	if (!f->done && first && file->len > 0)
		end_early(f, 0, AFIO_TIMEDOUT);
	else if (!f->done)
		end_early(f, -ETIMEDOUT, 0);
	af_future_unref(f);
}

static void peek_describe(const struct af_future *f, FILE *out)
{
	const struct peek_op *peek = (const struct peek_op *)f;

	fprintf(out, " fd %d, %zu bytes there", peek->op.file->user_fd,
		peek->op.file->len);
}

struct af_future *af_file_peek(struct af_file *file, size_t size,
			       const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "peek",
		.size = sizeof(struct peek_op),
		.cancel = peek_cancel,
		.expire = peek_expire,
		.describe = peek_describe,
	};
	int r = afi_file_check(file, AFI_READ, 0, 0, timeout);
	struct peek_op *peek;

	if (r == 0 && size == 0)
		r = -EINVAL;
	if (r == 0 && file->unbuffered)
		r = -ENOTSUP;
	if (r < 0)
		return afi_future_failed(file ? file->loop : NULL, r);
	peek = (struct peek_op *)afi_operation_new(file->loop, &ops);
	if (!peek)
		return afi_future_failed(file->loop, -ENOMEM);
	peek->size = size;
	peek->op = (struct afi_op){ .direction = AFI_READ,
				    .step = peek_step,
				    .future = &peek->future };
	afi_file_start(file, &peek->op);
	if (afi_future_limit(&peek->future, timeout) < 0)
		end_early(&peek->future, -ENOMEM, 0);
	return &peek->future;
}

/* Whether a file on disk has len bytes before what would be read next. */
static int check_position(struct af_file *file, size_t len)
{
	off_t at;

	if (afi_disk_is_out(file))
		return -EBUSY;
	if (!file->disk->has_start)
		return 0;
	at = lseek(file->fd, 0, SEEK_CUR);
	if (at < 0)
		return 0; /* of /proc, perhaps: nothing to be put back to */
	return (size_t)at < afi_file_unread(file) + len ? -EINVAL : 0;
}

int af_file_unread(struct af_file *file, const void *data, size_t len)
{
	int r = afi_file_check(file, AFI_READ, 0, 0, NULL);

	if (r == 0 && !data && len > 0)
		r = -EINVAL;
	if (r == 0 && !TAILQ_EMPTY(&file->ops[AFI_READ]))
		r = -EBUSY;
	if (r == 0 && len > PTRDIFF_MAX - 2 * file->len)
		r = -ENOMEM;
	if (r == 0 && file->is_disk)
		r = check_position(file, len);
	if (r < 0 || len == 0)
		return r;
	r = afi_reserve(file, len, 0);
	if (r < 0)
		return r;
	file->start -= len;
	file->len += len;
	memcpy(file->in->data + file->start, data, len);
	return 0;
}
