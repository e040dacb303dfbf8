/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads: bytes, a line, up to a delimiter. All gather in the file's own buffer
 * and take from it once there is enough, so a read that ends early leaves its
 * bytes there.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/fill.h"
#include "file/op.h"

#define UNBOUNDED SIZE_MAX

struct read_op {
	struct af_future future;
	union {
		struct {
			struct afi_op op;
			/* How many bytes to take now; 0: not enough yet. */
			size_t (*enough)(struct read_op *op, const char *data,
					 size_t len);
			size_t size;	/* at most; UNBOUNDED */
			size_t scanned; /* known to have no delimiter */
			const char *delim;
			size_t delim_len;
			char short_delim[6];
			bool full;
			bool keep_part; /* at the deadline, in the file */
		};
		/* Once it is done: a small result, saving an allocation. */
		char small[96];
	};
};

/*
 * Moves n bytes from the file to the future; a small result overwrites
 * the operation. 0 or -ENOMEM.
 */
static int read_take(struct read_op *op, struct af_file *file, size_t n)
{
	struct af_future *f = &op->future;
	char *data = op->small;

	if (n > 0 && afi_buffer_is_worth_giving(&file->in, n)) {
		data = afi_buffer_data(&file->in);
		f->chunk = afi_buffer_give(&file->in);
	} else if (n > 0) {
		if (n >= sizeof(op->small)) {
			f->chunk = afi_chunk_get(&file->loop->pool, n);
			if (!f->chunk)
				return -ENOMEM;
			data = f->chunk->data;
		}
		memcpy(data, afi_buffer_data(&file->in), n);
		afi_file_consume(file, n);
	}
	data[n] = '\0';
	f->data = data;
	f->count = n;
	return 0;
}

static void read_free_delim(struct read_op *op)
{
	if (op->delim_len > sizeof(op->short_delim))
		free((char *)op->delim);
	op->delim_len = 0;
}

/* Ends a read that is in no queue, with an error or n bytes. */
static void read_end(struct read_op *op, struct af_file *file, int error,
		     size_t n, unsigned flags)
{
	read_free_delim(op);
	if (error == 0)
		error = read_take(op, file, n);
	op->future.flags = error ? 0 : flags;
	if (file->unbuffered)
		afi_fill_put_back(file);
	afi_future_finish(&op->future, error);
}

/* Ends a queued read, with an error or n bytes. Does not step the queue. */
static void read_finish(struct read_op *op, int error, size_t n, unsigned flags)
{
	struct af_file *file = op->op.file;

	afi_file_unqueue(&op->op);
	read_end(op, file, error, n, flags);
}

static struct read_op *read_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct read_op, future);
}

/* Ends a read that gets no more: with the bytes there are, or the error. */
static void read_finish_early(struct read_op *op, int error, unsigned flags)
{
	struct af_file *file = op->op.file;
	size_t n = file->in.len < op->size ? file->in.len : op->size;

	if (n > 0 && error < 0) {
		/* The next read reports it. */
		file->read_error = error;
		error = 0;
	}
	read_finish(op, error, n, flags);
}

static size_t read_enough_bytes(struct read_op *op, const char *data,
				size_t len);

/* How many bytes the buffer may hold after the next read. */
static size_t read_wanted(const struct read_op *op, struct af_file *file)
{
	char last = '\n';

	if (!file->unbuffered || op->enough == read_enough_bytes)
		return op->size;
	if (op->delim_len > 0)
		last = op->delim[op->delim_len - 1];
	return afi_fill_span(file, op->size, last);
}

static int read_step(struct afi_op *queued)
{
	struct read_op *op = read_of(queued->future);
	struct af_file *file = queued->file;
	ssize_t r;
	size_t n;

	for (int fills = 0;; fills++) {
		n = op->enough(op, afi_buffer_data(&file->in), file->in.len);
		if (n > 0) {
			read_finish(op, 0, n, op->future.flags);
			return 0;
		}
		if (file->read_error) {
			r = file->read_error;
			file->read_error = 0;
			break;
		}
		r = 0;
		if (file->eof)
			break;
		r = -EAGAIN;
		if (!file->drained[AFI_READ] && fills < AFI_FILLS_MAX)
			r = afi_fill(file, read_wanted(op, file));
		if (r == AFI_EMPTY && op->enough == read_enough_bytes &&
		    !op->full) {
			read_finish(op, 0, 0, 0);
			return 0;
		}
		if (r == -EAGAIN || r == AFI_EMPTY)
			r = afi_file_await(file, AFI_READ);
		if (r == -EAGAIN)
			return -EAGAIN;
		if (r <= 0)
			break;
	}
	if (r == 0)
		file->eof = file->sticky_eof;
	read_finish_early(op, (int)r, r == 0 ? AFIO_EOF : 0);
	return 0;
}

static void read_cancel(struct af_future *f)
{
	struct read_op *op = read_of(f);
	struct af_file *file = op->op.file;

	read_finish(op, -ECANCELED, 0, 0);
	afi_file_resume(file, AFI_READ);
}

/*
 * Reads what has arrived by now, end of file included. The limit is for sources
 * that never run dry.
 */
static void read_rest(struct read_op *op, struct af_file *file)
{
	size_t before;
	int turns = 0;

	do {
		before = file->in.len;
		file->drained[AFI_READ] = false;
		afi_file_step(file, AFI_READ);
	} while (!op->future.done && file->in.len > before &&
		 ++turns < AFI_FILLS_MAX);
}

static void read_expire(struct af_future *f)
{
	struct read_op *op = read_of(f);
	struct af_file *file = op->op.file;
	bool first = afi_file_is_first(&op->op);

	af_future_ref(f);
	/* A busy program is late: take what has arrived by now. */
	if (first)
		read_rest(op, file);
	if (!f->done) {
		if (first && file->in.len > 0 && !op->keep_part)
			read_finish_early(op, 0, AFIO_TIMEDOUT);
		else
			read_finish(op, -ETIMEDOUT, 0, 0);
		afi_file_resume(file, AFI_READ);
	}
	af_future_unref(f);
}

static void read_describe(const struct af_future *f, FILE *out)
{
	const struct read_op *op = AFI_CONTAINER(f, struct read_op, future);

	afi_op_describe(f, out);
	fprintf(out, ", %zu bytes there", op->op.file->in.len);
}

/* Makes an operation, or the failed future in *ret_failed. */
static inline struct read_op *read_new(struct af_file *file, unsigned flags,
				       const struct timeval *timeout,
				       struct af_future **ret_failed)
{
	static const struct afi_future_ops ops = {
		.name = "read",
		.size = sizeof(struct read_op),
		.cancel = read_cancel,
		.expire = read_expire,
		.describe = read_describe,
	};
	struct af_loop *loop = file ? file->loop : NULL;
	int r = afi_op_check(file, AFI_READ, flags, AFIO_FULL, timeout);
	struct af_future *f = NULL;

	if (r == 0) {
		f = afi_future_new(loop, &ops);
		r = f ? 0 : -ENOMEM;
	}
	if (r < 0) {
		*ret_failed = afi_future_failed(loop, r);
		return NULL;
	}
	afi_op_init(&read_of(f)->op, f, AFI_READ, read_step);
	return read_of(f);
}

/* Takes buffered bytes without queueing, if no read is ahead. */
static inline bool read_at_once(struct read_op *op, struct af_file *file)
{
	size_t n;

	if (file->in.len == 0 || !TAILQ_EMPTY(&file->ops[AFI_READ]))
		return false;
	op->op.file = file;
	n = op->enough(op, afi_buffer_data(&file->in), file->in.len);
	if (n > 0)
		read_end(op, file, 0, n, op->future.flags);
	return n > 0;
}

static inline struct af_future *read_start(struct read_op *op,
					   struct af_file *file,
					   const struct timeval *timeout)
{
	struct af_future *f = &op->future;

	if (read_at_once(op, file))
		return f;
	afi_file_queue(file, &op->op);
	if (f->done)
		return f;
	if (afi_timeout_zero(timeout)) {
		read_expire(f);
	} else if (afi_operation_wait(f, timeout) < 0) {
		read_finish(op, -ENOMEM, 0, 0);
		afi_file_resume(file, AFI_READ);
	}
	return f;
}

static size_t read_enough_bytes(struct read_op *op, const char *data,
				size_t len)
{
	(void)data;
	/* The rest of the message stays for the next read. */
	if (len > op->size && !op->full && op->op.file->is_message)
		op->future.flags = AFIO_TRUNCATED;
	if (len >= op->size)
		return op->size;
	return op->full ? 0 : len;
}

struct af_future *af_file_read(struct af_file *file, size_t size,
			       unsigned flags, const struct timeval *timeout)
{
	struct af_future *failed;
	struct read_op *op = read_new(file, flags, timeout, &failed);

	if (!op)
		return failed;
	op->enough = read_enough_bytes;
	op->full = flags & AFIO_FULL || size == 0;
	op->size = size ? size : UNBOUNDED;
	return read_start(op, file, timeout);
}

/* A piece of a line longer than size; 0: not that long yet. */
static size_t read_enough_piece(struct read_op *op, size_t len)
{
	if (len < op->size)
		return 0;
	op->future.flags = AFIO_TRUNCATED;
	return op->size;
}

static size_t read_enough_line(struct read_op *op, const char *data, size_t len)
{
	size_t end = len < op->size ? len : op->size;
	const char *newline;

	newline = memchr(data + op->scanned, '\n', end - op->scanned);
	if (newline)
		return (size_t)(newline - data) + 1;
	op->scanned = end;
	return read_enough_piece(op, len);
}

struct af_future *af_file_readline(struct af_file *file, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout)
{
	struct af_future *failed;
	struct read_op *op = read_new(file, flags, timeout, &failed);

	(void)sizehint; /* the buffer starts large and doubles */
	if (!op)
		return failed;
	op->enough = read_enough_line;
	op->keep_part = flags & AFIO_FULL;
	op->size = size ? size : UNBOUNDED;
	return read_start(op, file, timeout);
}

static size_t read_enough_until(struct read_op *op, const char *data,
				size_t len)
{
	size_t end = len < op->size ? len : op->size;
	const char *found = memmem(data + op->scanned, end - op->scanned,
				   op->delim, op->delim_len);

	if (found)
		return (size_t)(found - data) + op->delim_len;
	/* The last bytes may be the beginning of a delimiter. */
	if (end >= op->delim_len)
		op->scanned = end - op->delim_len + 1;
	return read_enough_piece(op, len);
}

struct af_future *af_file_read_until(struct af_file *file, const void *delim,
				     size_t delim_len, size_t size,
				     unsigned flags,
				     const struct timeval *timeout)
{
	struct af_future *failed;
	struct read_op *op;
	char *copy;

	if (!delim || delim_len == 0)
		return afi_op_failed(file, -EINVAL);
	op = read_new(file, flags, timeout, &failed);
	if (!op)
		return failed;
	op->enough = read_enough_until;
	op->keep_part = flags & AFIO_FULL;
	op->size = size ? size : UNBOUNDED;
	copy = op->short_delim;
	if (delim_len > sizeof(op->short_delim))
		copy = malloc(delim_len);
	if (!copy) {
		afi_future_finish(&op->future, -ENOMEM);
		return &op->future;
	}
	op->delim = memcpy(copy, delim, delim_len);
	op->delim_len = delim_len;
	return read_start(op, file, timeout);
}
