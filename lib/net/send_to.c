/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends one datagram: at once from the program's own memory, if it can. What is
 * needed to wait for room is allocated only then.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include <asyncfile/datagram.h>

#include "base/fd.h"
#include "file/op.h"
#include "loop/lookout.h"
#include "net/address.h"

/* See afi_sigpipe_quiet_socket(). */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* Milliseconds to the first look at what no event reports, see the lookout. */
#define FIRST_LOOK 1

/* At the beginning of future.chunk; the copied message may follow. */
struct send_to_wait {
	struct afi_looked looked;
	struct send_to *op;
	struct afi_address to;
};

struct send_to {
	struct af_future future;
	struct afi_op op;
	const void *data;
	size_t len;
	const struct sockaddr *to; /* NULL: the peer */
	socklen_t to_len;
	int error;		   /* of the last try */
	struct send_to_wait *wait; /* NULL: it was not queued */
};

static struct send_to *send_to_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct send_to, future);
}

/* 0; -EAGAIN or -ENOBUFS: there is no room; another negative errno. */
static int send_to_try(struct send_to *op, struct af_file *file)
{
	struct iovec iov = { (void *)op->data, op->len };
	const struct msghdr message = {
		.msg_name = (void *)op->to,
		.msg_namelen = op->to ? op->to_len : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t r;

	do
		r = sendmsg(file->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	op->error = r >= 0 ? 0 : errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (r < 0)
		return op->error;
	op->future.count = op->len;
	afi_file_note(file, 1);
	return 0;
}

static bool send_to_has_no_room(int error)
{
	return error == -EAGAIN || error == -ENOBUFS;
}

/*
 * Whether poll(2) reports when there is room: not in the queue of a network
 * interface, nor in that of a Unix receiver to which it is not connected. There
 * it says that the socket can be written, and an event would come again and
 * again.
 */
static bool send_to_can_poll(const struct send_to *op,
			     const struct af_file *file)
{
	if (op->error != -EAGAIN || (op->to && op->to->sa_family == AF_UNIX))
		return false;
	return !(afi_fd_poll(file->fd, POLLOUT) & POLLOUT);
}

static void send_to_stop_looking(struct send_to *op)
{
	afi_lookout_stop(op->future.loop, &op->wait->looked);
}

static void send_to_on_look(struct afi_looked *looked)
{
	struct send_to *op =
		AFI_CONTAINER(looked, struct send_to_wait, looked)->op;

	afi_file_step(op->op.file, AFI_WRITE);
}

/* -EAGAIN, or an error. */
static int send_to_await(struct send_to *op, struct af_file *file)
{
	int r;

	if (op->wait->looked.look)
		return -EAGAIN;
	if (send_to_can_poll(op, file))
		return afi_file_await(file, AFI_WRITE);
	r = afi_lookout_start(file->loop, &op->wait->looked, FIRST_LOOK, true,
			      send_to_on_look);
	return r < 0 ? r : -EAGAIN;
}

static int send_to_step(struct afi_op *queued)
{
	struct send_to *op = send_to_of(queued->future);
	int r = send_to_try(op, queued->file);

	if (send_to_has_no_room(r))
		r = send_to_await(op, queued->file);
	if (r == -EAGAIN)
		return r;
	send_to_stop_looking(op);
	afi_op_finish(queued, r);
	return 0;
}

static void send_to_end(struct send_to *op, int error)
{
	send_to_stop_looking(op);
	afi_op_end(&op->op, error);
}

static void send_to_cancel(struct af_future *f)
{
	send_to_end(send_to_of(f), -ECANCELED);
}

static void send_to_expire(struct af_future *f)
{
	struct send_to *op = send_to_of(f);
	int r = -EAGAIN;

	/* There may be room since the last look, or an event that is late. */
	if (afi_file_is_first(&op->op))
		r = send_to_try(op, op->op.file);
	send_to_end(op, r == -EAGAIN ? -ETIMEDOUT : r);
}

static void send_to_describe(const struct af_future *f, FILE *out)
{
	afi_op_describe(f, out);
	fprintf(out, ", %zu bytes",
		AFI_CONTAINER(f, const struct send_to, future)->len);
}

static const struct afi_future_ops send_to_ops = {
	.name = "send to",
	.size = sizeof(struct send_to),
	.cancel = send_to_cancel,
	.expire = send_to_expire,
	.describe = send_to_describe,
};

/*
 * Gets what is needed to wait: a copy of the address, and of the message unless
 * it is borrowed; 0 or -ENOMEM.
 */
static int send_to_keep(struct send_to *op, bool borrow)
{
	struct af_future *f = &op->future;
	size_t len = borrow ? 0 : op->len;
	struct send_to_wait *wait;

	if (len <= SIZE_MAX - sizeof(*wait))
		f->chunk = afi_chunk_get(&f->loop->pool, sizeof(*wait) + len);
	if (!f->chunk)
		return -ENOMEM;
	wait = (struct send_to_wait *)(void *)f->chunk->data;
	wait->looked = (struct afi_looked){ .look = NULL };
	wait->op = op;
	if (op->to) {
		afi_address_copy(&wait->to, op->to, op->to_len);
		op->to = &wait->to.sa;
	}
	if (len > 0)
		op->data = memcpy(wait + 1, op->data, len);
	op->wait = wait;
	return 0;
}

/* There is no room, or there are others before it. */
static void send_to_queue(struct send_to *op, struct af_file *file,
			  unsigned flags, const struct timeval *timeout)
{
	struct af_future *f = &op->future;
	bool first = TAILQ_EMPTY(&file->ops[AFI_WRITE]);
	int r = send_to_keep(op, flags & AFIO_BORROW);

	if (r < 0) {
		afi_future_finish(f, r);
		return;
	}
	afi_op_init(&op->op, f, AFI_WRITE, send_to_step);
	afi_file_append(file, &op->op);
	/* Most that are the first were tried already. */
	if (first && op->error == 0)
		afi_file_step(file, AFI_WRITE);
	else if (first)
		r = send_to_await(op, file);
	if (f->done)
		return;
	if (r < 0 && r != -EAGAIN)
		send_to_end(op, r);
	else if (afi_timeout_zero(timeout) && !file->loop->held)
		send_to_expire(f);
	else if (afi_operation_wait(f, timeout) < 0)
		send_to_end(op, -ENOMEM);
}

/* The checks of the arguments: 0 or -errno. */
static int send_to_check(const struct af_file *file, const void *buf,
			 size_t len, const struct sockaddr *to,
			 socklen_t to_len, unsigned flags,
			 const struct timeval *timeout)
{
	int r = afi_op_check(file, AFI_WRITE, flags, AFIO_BORROW, timeout);

	if (r < 0)
		return r;
	if (!file->is_datagram)
		return -ENOTSUP;
	if ((!buf && len > 0) ||
	    (to && (to_len < sizeof(to->sa_family) ||
		    to_len > sizeof(struct sockaddr_storage))))
		return -EINVAL;
	return 0;
}

struct af_future *af_file_send_to(struct af_file *file, const void *buf,
				  size_t len, const struct sockaddr *to,
				  socklen_t to_len, unsigned flags,
				  const struct timeval *timeout)
{
	int r = send_to_check(file, buf, len, to, to_len, flags, timeout);
	struct af_future *f;
	struct send_to *op;

	if (r < 0)
		return afi_op_failed(file, r);
	f = afi_future_take(file->loop, &send_to_ops);
	if (!f)
		return afi_op_failed(file, -ENOMEM);
	op = send_to_of(f);
	op->op.file = NULL;
	op->data = buf;
	op->len = len;
	op->to = to;
	op->to_len = to_len;
	op->error = 0;
	op->wait = NULL;
	r = -EAGAIN;
	if (TAILQ_EMPTY(&file->ops[AFI_WRITE]) && !file->careful &&
	    !file->loop->held)
		r = send_to_try(op, file);
	if (send_to_has_no_room(r))
		send_to_queue(op, file, flags, timeout);
	else
		afi_future_finish_new(f, r);
	return f;
}
