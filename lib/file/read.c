/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all reads share, and reads of a number of bytes. They gather bytes in the
 * file's own buffer, and take them out once there are enough, so a read that
 * ends early leaves its bytes there.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "file/fds.h"
#include "file/fill.h"
#include "file/read.h"

/*
 * Moves n bytes from the file to the future; a small result overwrites
 * the operation. 0 or -ENOMEM.
 */
static int read_take(struct afi_read_op *op, struct af_file *file, size_t n)
{
	struct af_future *f = &op->future;
	char *data = op->small;

	if (n > 0 && afi_buffer_is_worth_giving(&file->in, n)) {
		data = afi_buffer_data(&file->in);
		data[n] = '\0';
		f->data = data;
		f->count = n;
		f->chunk = afi_buffer_give(&file->in);
		return 0;
	}
	if (n >= sizeof(op->small)) {
		f->chunk = afi_chunk_get(&file->loop->pool, n);
		if (!f->chunk)
			return -ENOMEM;
		data = f->chunk->data;
	}
	afi_read_copy(op, file, data, n);
	return 0;
}

static void read_free_delim(struct afi_read_op *op)
{
	if (op->delims) {
		afi_delims_free(op->delims);
		op->delims = NULL;
	}
	if (!op->delim)
		return;
	afi_delim_clear(op->delim);
	afi_block_put(afi_loop_pool(op->future.loop), op->delim,
		      sizeof(*op->delim));
	op->delim = NULL;
}

/* What is left to do where bytes are not all there is to a file. */
__attribute__((noinline)) static void
read_settle_more(struct afi_read_op *op, struct af_file *file, int error)
{
	struct af_future *f = &op->future;

	if (file->keeps_fds && error == 0)
		f->flags |= (uint8_t)afi_fds_drop(file, f->count == 0);
	if (file->unbuffered)
		afi_fill_put_back(file);
}

/* Gives a read that is in no queue an error or n bytes; its outcome. */
static inline int read_settle(struct afi_read_op *op, struct af_file *file,
			      int error, size_t n, unsigned flags)
{
	if (op->delim || op->delims)
		read_free_delim(op);
	/* Also of one that came whole: the pace of its peer does not matter. */
	if (file->limit && n > file->limit && op->size == AFI_UNBOUNDED)
		error = -EMSGSIZE;
	if (error == 0)
		error = read_take(op, file, n);
	op->future.flags = error ? 0 : (uint8_t)flags;
	/* One test of the two, as few files have either. */
	if (file->unbuffered | file->keeps_fds)
		read_settle_more(op, file, error);
	return error;
}

/* Ends a queued read, with an error or n bytes. Does not step the queue. */
static void read_finish(struct afi_read_op *op, int error, size_t n,
			unsigned flags)
{
	struct af_file *file = op->op.file;

	afi_file_unqueue(&op->op);
	error = read_settle(op, file, error, n, flags);
	afi_future_finish(&op->future, error);
}

static struct afi_read_op *read_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct afi_read_op, future);
}

/* How many bytes there are for an operation that does not get enough. */
static size_t read_part(const struct afi_read_op *op)
{
	size_t len = op->op.file->in.len;

	return len < op->size ? len : op->size;
}

static void read_finish_at_end(struct afi_read_op *op)
{
	size_t n = read_part(op);

	read_finish(op, 0, n,
		    n < op->op.file->in.len ? AFIO_TRUNCATED : AFIO_EOF);
}

/* Without memory the bytes stay where they are, whatever was asked for. */
static void read_finish_failed(struct afi_read_op *op, int error)
{
	size_t n = read_part(op);

	if (n == 0 || op->full || error == -ENOMEM)
		read_finish(op, error, 0, 0);
	else
		read_finish(op, 0, n, AFIO_ERROR);
}

/* The deadline: a part does not end inside a delimiter that has begun. */
static void read_finish_late(struct afi_read_op *op)
{
	size_t n = read_part(op);

	if (op->delim)
		n = op->delim->scanned - op->delim->matched;
	else if (op->delims)
		n = afi_delims_begun(op->delims);
	if (n == 0 || op->keep_part)
		read_finish(op, -ETIMEDOUT, 0, 0);
	else
		read_finish(op, 0, n, AFIO_TIMEDOUT);
}

static size_t read_enough_bytes(struct afi_read_op *op, const char *data,
				size_t len);

/* How much the buffer may hold when the next read is done. */
static size_t read_wanted(const struct afi_read_op *op, struct af_file *file)
{
	size_t want = afi_read_most(op);
	const char *last = "\n";
	size_t n = 1;

	if (file->limit && op->size == AFI_UNBOUNDED)
		want = file->limit + 1; /* one more shows that it is too much */
	if (!(file->unbuffered || (file->keeps_fds && !file->is_message)) ||
	    op->enough == read_enough_bytes)
		return want;
	if (op->delim)
		last = op->delim->bytes + op->delim->len - 1;
	if (op->delims) {
		last = op->delims->last;
		n = op->delims->n;
	}
	return afi_fill_span(file, want, last, n);
}

/* Out of memory, the buffer still grows by steps. */
static void read_reserve(struct af_file *file, size_t hint)
{
	struct afi_buffer *in = &file->in;

	if (hint > in->len)
		afi_buffer_reserve(in, &file->loop->pool, 0, hint - in->len);
}

static ssize_t read_fill(const struct afi_read_op *op, struct af_file *file)
{
	if (op->hint > AFI_READ_SIZE)
		read_reserve(file, op->hint);
	return afi_fill(file, read_wanted(op, file));
}

/* Asks to be woken; -EAGAIN, or an error. It may wait for long. */
static int read_await(const struct afi_read_op *op, struct af_file *file)
{
	if (file->in.len > 0 && op->hint <= AFI_READ_SIZE)
		afi_buffer_shrink(&file->in, &file->loop->pool);
	return afi_file_await(file, AFI_READ);
}

static int read_step(struct afi_op *queued)
{
	struct afi_read_op *op = read_of(queued->future);
	struct af_file *file = queued->file;
	ssize_t r;
	size_t n;

	for (int fills = 0;; fills++) {
		n = op->enough(op, afi_buffer_data(&file->in), file->in.len);
		if (n > 0) {
			read_finish(op, 0, n, op->future.flags);
			return 0;
		}
		r = afi_fill_error(file);
		if (r < 0 || file->eof)
			break;
		if (op->size == AFI_UNBOUNDED && afi_fill_is_too_much(file)) {
			read_finish(op, -EMSGSIZE, 0, 0);
			return 0;
		}
		r = -EAGAIN;
		if (!file->drained[AFI_READ] && fills < AFI_FILLS_MAX)
			r = read_fill(op, file);
		if (op->future.done)
			return 0;
		if (r == AFI_EMPTY && op->enough == read_enough_bytes &&
		    !op->full) {
			read_finish(op, 0, 0, 0);
			return 0;
		}
		if (r == -EAGAIN || r == AFI_EMPTY)
			r = read_await(op, file);
		if (r == -EAGAIN)
			return op->future.done ? 0 : -EAGAIN;
		if (r <= 0)
			break;
	}
	if (op->future.done)
		return 0;
	if (r == 0)
		file->eof = file->sticky_eof;
	if (r == 0)
		read_finish_at_end(op);
	else
		read_finish_failed(op, (int)r);
	return 0;
}

static void read_cancel(struct af_future *f)
{
	struct afi_read_op *op = read_of(f);
	struct af_file *file = op->op.file;

	read_finish(op, -ECANCELED, 0, 0);
	afi_file_resume(file, AFI_READ);
}

/*
 * Reads what has arrived by now, end of file included. The limit is for sources
 * that never run dry; it is no less than what a pipe holds, although a byte at a
 * time may be read.
 */
static void read_rest(struct afi_read_op *op, struct af_file *file)
{
	size_t first = file->in.len, before;
	int turns = 0;

	do {
		before = file->in.len;
		file->drained[AFI_READ] = false;
		afi_file_step(file, AFI_READ);
	} while (!op->future.done && file->in.len > before &&
		 (++turns < AFI_FILLS_MAX ||
		  file->in.len - first < AFI_READ_SIZE));
}

static void read_expire(struct af_future *f)
{
	struct afi_read_op *op = read_of(f);
	struct af_file *file = op->op.file;
	bool first = afi_file_is_first(&op->op);

	af_future_ref(f);
	/* A busy program is late: take what has arrived by now. */
	if (first)
		read_rest(op, file);
	if (!f->done) {
		if (first)
			read_finish_late(op);
		else
			read_finish(op, -ETIMEDOUT, 0, 0);
		afi_file_resume(file, AFI_READ);
	}
	af_future_unref(f);
}

static void read_describe(const struct af_future *f, FILE *out)
{
	const struct afi_read_op *op =
		AFI_CONTAINER(f, struct afi_read_op, future);

	afi_op_describe(f, out);
	fprintf(out, ", %zu bytes there", op->op.file->in.len);
}

const struct afi_future_ops afi_read_ops = {
	.name = "read",
	.size = sizeof(struct afi_read_op),
	.cancel = read_cancel,
	.expire = read_expire,
	.describe = read_describe,
	.has_match = true,
};

/* Makes an operation, or the failed future in *ret_failed. */
static inline struct afi_read_op *read_new(struct af_file *file, unsigned flags,
					   const struct timeval *timeout,
					   struct af_future **ret_failed)
{
	int r = afi_op_check(file, AFI_READ, flags, AFIO_FULL, timeout);
	struct afi_read_op *op;
	struct af_future *f;

	if (r < 0) {
		*ret_failed = afi_op_failed(file, r);
		return NULL;
	}
	f = afi_future_take(file->loop, &afi_read_ops);
	if (!f) {
		*ret_failed = afi_op_failed(file, -ENOMEM);
		return NULL;
	}
	op = read_of(f);
	afi_op_init(&op->op, f, AFI_READ, read_step);
	op->op.file = NULL;
	op->scanned = 0;
	op->delim = NULL;
	op->delims = NULL;
	op->hint = 0;
	op->full = op->keep_part = false;
	return op;
}

/* Takes buffered bytes without queueing. */
static inline bool read_at_once(struct afi_read_op *op, struct af_file *file)
{
	size_t n;
	int error;

	if (!afi_read_may_take(file))
		return false;
	op->op.file = file;
	n = op->enough(op, afi_buffer_data(&file->in), file->in.len);
	if (n == 0)
		return false;
	error = read_settle(op, file, 0, n, op->future.flags);
	afi_future_finish_new(&op->future, error);
	return true;
}

/* Whether a read would find nothing; that is not asked of code of the program. */
static inline bool read_must_wait(const struct af_file *file)
{
	return file->drained[AFI_READ] && file->in.len == 0 && !file->eof &&
	       !file->careful && !file->loop->held &&
	       TAILQ_EMPTY(&file->ops[AFI_READ]);
}

static struct af_future *read_queue(struct afi_read_op *op,
				    struct af_file *file,
				    const struct timeval *timeout)
{
	struct af_future *f = &op->future;
	int r;

	if (read_must_wait(file)) {
		afi_file_append(file, &op->op);
		r = afi_file_await(file, AFI_READ);
		if (r != -EAGAIN)
			read_finish_failed(op, r);
	} else {
		afi_file_queue(file, &op->op);
	}
	if (f->done)
		return f;
	if (afi_timeout_zero(timeout) && !file->loop->held) {
		read_expire(f);
	} else if (afi_operation_wait(f, timeout) < 0) {
		read_finish(op, -ENOMEM, 0, 0);
		afi_file_resume(file, AFI_READ);
	}
	return f;
}

static inline struct af_future *read_start(struct afi_read_op *op,
					   struct af_file *file,
					   const struct timeval *timeout)
{
	return read_at_once(op, file) ? &op->future
				      : read_queue(op, file, timeout);
}

static size_t read_enough_bytes(struct afi_read_op *op, const char *data,
				size_t len)
{
	(void)data;
	if (op->full)
		return len >= op->size ? op->size : 0;
	if (len > op->size) {
		/* The rest of the message stays for the next read. */
		if (op->op.file->is_message)
			op->future.flags = AFIO_TRUNCATED;
		return op->size;
	}
	if (op->op.file->read_error)
		op->future.flags = AFIO_ERROR;
	return len;
}

struct af_future *af_file_read(struct af_file *file, size_t size,
			       unsigned flags, const struct timeval *timeout)
{
	struct af_future *failed;
	struct afi_read_op *op = read_new(file, flags, timeout, &failed);

	if (!op)
		return failed;
	op->enough = read_enough_bytes;
	op->full = flags & AFIO_FULL || size == 0;
	op->size = size ? size : AFI_UNBOUNDED;
	return read_start(op, file, timeout);
}

struct afi_read_op *afi_read_new(struct af_file *file, unsigned flags,
				 const struct timeval *timeout,
				 struct af_future **ret_failed)
{
	return read_new(file, flags, timeout, ret_failed);
}

struct af_future *afi_read_start(struct afi_read_op *op, struct af_file *file,
				 const struct timeval *timeout)
{
	return read_start(op, file, timeout);
}

struct af_future *afi_read_abandon(struct afi_read_op *op)
{
	read_free_delim(op);
	afi_future_finish(&op->future, -ENOMEM);
	return &op->future;
}
