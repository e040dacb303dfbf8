/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives one datagram with its sender. The result is a chunk that has the
 * address in front of the bytes; so the operation itself stays small.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <asyncfile/datagram.h>

#include "file/fill.h"
#include "file/op.h"
#include "net/incoming.h"

struct receive_from {
	struct af_future future;
	struct afi_op op;
	size_t size;	   /* at most, or SIZE_MAX */
	bool knows_sender; /* it is at the beginning of future.chunk */
};

static struct receive_from *receive_from_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct receive_from, future);
}

/* How long a message may be that has no size to be cut to. */
static size_t receive_from_limit(const struct receive_from *op,
				 const struct af_file *file)
{
	return file->limit && op->size == SIZE_MAX ? file->limit : SIZE_MAX;
}

/* Makes a message the result of the future. */
static void receive_from_set(struct receive_from *op,
			     const struct afi_message *message)
{
	struct af_future *f = &op->future;

	f->chunk = message->chunk;
	f->data = afi_message_data(message);
	f->count = message->len;
	afi_message_data(message)[message->len] = '\0';
}

/* Copies the first n bytes, and the head if it has one; 1 or -ENOMEM. */
static int receive_from_copy(struct receive_from *op, struct afi_pool *pool,
			     const char *head, const char *data, size_t n)
{
	struct afi_message copy = { .start = head ? AFI_INCOMING_START : 0,
				    .len = n };

	copy.chunk = afi_chunk_get(pool, copy.start + n);
	if (!copy.chunk)
		return -ENOMEM;
	if (head)
		memcpy(copy.chunk->data, head, AFI_INCOMING_START);
	memcpy(afi_message_data(&copy), data, n);
	receive_from_set(op, &copy);
	op->knows_sender = head;
	return 1;
}

/* What another operation has left of a message: 1 or -errno. */
static int receive_from_rest(struct receive_from *op, struct af_file *file)
{
	size_t len = file->in.len, n = len < op->size ? len : op->size;
	int r;

	if (len > receive_from_limit(op, file))
		return -EMSGSIZE;
	r = receive_from_copy(op, &file->loop->pool, NULL,
			      afi_buffer_data(&file->in), n);
	if (r < 0)
		return r;
	afi_file_consume(file, n);
	if (n < len)
		op->future.flags = AFIO_TRUNCATED;
	else if (file->read_error)
		op->future.flags = AFIO_ERROR;
	return r;
}

/* The first part of a message; the rest of it goes to the file's buffer. */
static int receive_from_split(struct receive_from *op, struct af_file *file,
			      const struct afi_message *message)
{
	int r = receive_from_copy(op, &file->loop->pool, message->chunk->data,
				  afi_message_data(message), op->size);

	if (r < 0)
		return r;
	afi_arrived_move(file);
	afi_file_consume(file, op->size);
	op->future.flags = AFIO_TRUNCATED;
	return r;
}

/* One that was read together with others: 1 or -errno. */
static int receive_from_arrived(struct receive_from *op, struct af_file *file)
{
	struct afi_message message = *afi_arrived_first(file);

	if (message.len > receive_from_limit(op, file))
		return -EMSGSIZE;
	if (message.len > op->size)
		return receive_from_split(op, file, &message);
	afi_arrived_take(file);
	receive_from_set(op, &message);
	op->knows_sender = true;
	return 1;
}

/* One from the socket: 1; 0 at the end; -EAGAIN; or another negative errno. */
static int receive_from_socket(struct receive_from *op, struct af_file *file)
{
	struct afi_message message;
	int r = afi_fill_error(file);

	if (r < 0 || file->eof)
		return r;
	if (file->drained[AFI_READ])
		return -EAGAIN;
	r = afi_incoming_take(file, op->size, receive_from_limit(op, file),
			      &message);
	if (r <= 0)
		return r;
	receive_from_set(op, &message);
	op->knows_sender = true;
	if (file->in.len > 0)
		op->future.flags = AFIO_TRUNCATED;
	return r;
}

static int receive_from_take(struct receive_from *op, struct af_file *file)
{
	if (file->in.len > 0)
		return receive_from_rest(op, file);
	if (file->arrived)
		return receive_from_arrived(op, file);
	return receive_from_socket(op, file);
}

/* The outcome, from what was taken: 0 or -errno. */
static int receive_from_settle(struct receive_from *op, struct af_file *file,
			       int r)
{
	if (r == 0) {
		file->eof = file->sticky_eof;
		op->future.data = "";
		op->future.flags = AFIO_EOF;
	}
	return r < 0 ? r : 0;
}

static int receive_from_step(struct afi_op *queued)
{
	struct receive_from *op = receive_from_of(queued->future);
	struct af_file *file = queued->file;
	int r = receive_from_take(op, file);

	if (r == -EAGAIN)
		r = afi_file_await(file, AFI_READ);
	if (r == -EAGAIN)
		return r;
	afi_op_finish(queued, receive_from_settle(op, file, r));
	return 0;
}

/* A busy program is late: takes a message that has arrived by now. */
static void receive_from_expire(struct af_future *f)
{
	struct afi_op *op = &receive_from_of(f)->op;

	af_future_ref(f);
	if (afi_file_is_first(op)) {
		op->file->drained[AFI_READ] = false;
		afi_file_step(op->file, AFI_READ);
	}
	if (!f->done)
		afi_op_end(op, -ETIMEDOUT);
	af_future_unref(f);
}

static const struct afi_address *receive_from_address(const struct af_future *f,
						      size_t i)
{
	const struct receive_from *op =
		AFI_CONTAINER(f, const struct receive_from, future);

	return op->knows_sender && i == 0 ? afi_incoming_sender(f->chunk)
					  : NULL;
}

static const struct afi_future_ops receive_from_ops = {
	.name = "receive from",
	.size = sizeof(struct receive_from),
	.cancel = afi_op_cancel,
	.expire = receive_from_expire,
	.address = receive_from_address,
	.describe = afi_op_describe,
};

/* tried: it is the first in the queue, and nothing was there. */
static void receive_from_queue(struct receive_from *op, struct af_file *file,
			       bool tried, const struct timeval *timeout)
{
	struct af_future *f = &op->future;
	int r;

	afi_op_init(&op->op, f, AFI_READ, receive_from_step);
	if (tried) {
		afi_file_append(file, &op->op);
		r = afi_file_await(file, AFI_READ);
		if (r != -EAGAIN)
			afi_op_finish(&op->op, r);
	} else {
		afi_file_queue(file, &op->op);
	}
	if (f->done)
		return;
	if (afi_timeout_zero(timeout) && !file->loop->held)
		receive_from_expire(f);
	else if (afi_operation_wait(f, timeout) < 0)
		afi_op_end(&op->op, -ENOMEM);
}

struct af_future *af_file_receive_from(struct af_file *file, size_t size,
				       unsigned flags,
				       const struct timeval *timeout)
{
	int r = afi_op_check(file, AFI_READ, flags, 0, timeout);
	struct receive_from *op;
	struct af_future *f;
	bool tries;

	if (r == 0 && (!file->is_datagram || file->keeps_fds))
		r = -ENOTSUP;
	if (r < 0)
		return afi_op_failed(file, r);
	f = afi_future_take(file->loop, &receive_from_ops);
	if (!f)
		return afi_op_failed(file, -ENOMEM);
	op = receive_from_of(f);
	op->op.file = NULL;
	op->size = size ? size : SIZE_MAX;
	op->knows_sender = false;
	tries = TAILQ_EMPTY(&file->ops[AFI_READ]) && !file->careful &&
		!file->loop->held;
	r = tries ? receive_from_take(op, file) : -EAGAIN;
	if (r == -EAGAIN)
		receive_from_queue(op, file, tries, timeout);
	else
		afi_future_finish_new(f, receive_from_settle(op, file, r));
	return f;
}
