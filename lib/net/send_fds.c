/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes that pass descriptors with their first byte. The descriptors are
 * duplicated only if they have to wait, and are never sent twice.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/op.h"
#include "transport/scm.h"

struct send_fds {
	struct af_future future; /* count: the bytes so far */
	struct afi_op op;
	const char *data; /* the bytes left */
	size_t len;
	const int *fds; /* the caller's, or our own; NULL: they were sent */
	int *own;	/* duplicates; NULL: there are none */
	size_t n;
};

static struct send_fds *send_fds_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct send_fds, future);
}

/* They were sent, or never will be. */
static void send_fds_drop(struct send_fds *send)
{
	for (size_t i = 0; send->own && i < send->n; i++)
		if (send->own[i] >= 0)
			close(send->own[i]);
	free(send->own);
	send->own = NULL;
	send->fds = NULL;
}

/* Duplicates the caller's descriptors; 0 or -errno. */
static int send_fds_keep(struct send_fds *send)
{
	int r = 0;

	if (!send->fds)
		return 0;
	send->own = malloc(send->n * sizeof(*send->own));
	if (!send->own)
		return -ENOMEM;
	for (size_t i = 0; i < send->n; i++) {
		send->own[i] =
			r == 0 ? fcntl(send->fds[i], F_DUPFD_CLOEXEC, 3) : -1;
		if (send->own[i] < 0 && r == 0)
			r = -errno;
	}
	send->fds = send->own;
	return r;
}

/* Copies the bytes that could not be sent at once; 0 or -ENOMEM. */
static int send_fds_keep_data(struct send_fds *send)
{
	struct af_future *f = &send->future;

	f->chunk = afi_chunk_get(&f->loop->pool, send->len);
	if (!f->chunk)
		return -ENOMEM;
	send->data = memcpy(f->chunk->data, send->data, send->len);
	return 0;
}

/* Leaves the queue. */
static void send_fds_finish(struct send_fds *send, int error)
{
	send_fds_drop(send);
	afi_op_finish(&send->op, error);
}

/* Likewise outside of a step: those behind it are stepped. */
static void send_fds_end(struct send_fds *send, int error)
{
	send_fds_drop(send);
	afi_op_end(&send->op, error);
}

static ssize_t send_fds_some(struct send_fds *send, struct af_file *file)
{
	const struct iovec iov = { (void *)send->data, send->len };
	ssize_t r = send->fds ? afi_scm_send(file, send->data, send->len,
					     send->fds, send->n)
			      : file->transport->write(file, &iov, 1);

	afi_file_note(file, r);
	return r;
}

static int send_fds_step(struct afi_op *queued)
{
	struct send_fds *send = send_fds_of(queued->future);
	struct af_file *file = queued->file;
	ssize_t r = send_fds_some(send, file);

	if (r >= 0) {
		send_fds_drop(send);
		send->future.count += (size_t)r;
		send->data += r;
		send->len -= (size_t)r;
		/* There is no room left: save the call that would fail. */
		r = send->len > 0 ? -EAGAIN : 0;
	}
	if (r == -EAGAIN)
		r = afi_file_await(file, AFI_WRITE);
	if (r == -EAGAIN)
		return -EAGAIN;
	send_fds_finish(send, (int)r);
	return 0;
}

static void send_fds_cancel(struct af_future *f)
{
	send_fds_end(send_fds_of(f), -ECANCELED);
}

static void send_fds_expire(struct af_future *f)
{
	if (f->count > 0)
		f->flags = AFIO_TIMEDOUT;
	send_fds_end(send_fds_of(f), f->count > 0 ? 0 : -ETIMEDOUT);
}

static void send_fds_describe(const struct af_future *f, FILE *out)
{
	const struct send_fds *send =
		AFI_CONTAINER(f, const struct send_fds, future);

	fprintf(out, " fd %d, %zu bytes left", send->op.file->user_fd,
		send->len);
}

static int send_fds_check(const struct af_file *file, const void *buf,
			  size_t len, const int *fds, size_t n)
{
	if (!fds || n == 0 || n > AFI_FDS_MAX || (!buf && len > 0))
		return -EINVAL;
	if (!file->is_socket || !afi_scm_is_unix(file->fd))
		return -ENOTSUP;
	return len == 0 && !file->is_message ? -EINVAL : 0;
}

/* It could not be done at once: what is the caller's must be copied. */
static void send_fds_wait(struct send_fds *send, unsigned flags,
			  const struct timeval *timeout)
{
	struct af_future *f = &send->future;
	int r;

	if (afi_timeout_zero(timeout) && !f->loop->held) {
		send_fds_expire(f);
		return;
	}
	r = send_fds_keep(send);
	if (r == 0 && !(flags & AFIO_BORROW))
		r = send_fds_keep_data(send);
	if (r == 0)
		r = afi_op_wait(f, timeout);
	if (r < 0)
		send_fds_end(send, r);
}

struct af_future *af_file_send_fds(struct af_file *file, const void *buf,
				   size_t len, const int *fds, size_t n,
				   unsigned flags,
				   const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "send",
		.size = sizeof(struct send_fds),
		.cancel = send_fds_cancel,
		.expire = send_fds_expire,
		.progress = afi_op_progress,
		.describe = send_fds_describe,
	};
	int r = afi_op_check(file, AFI_WRITE, flags, AFIO_BORROW, timeout);
	struct send_fds *send;
	struct af_future *f;

	if (r == 0)
		r = send_fds_check(file, buf, len, fds, n);
	f = afi_op_new(file, &ops, r);
	if (f->done)
		return f;
	send = send_fds_of(f);
	send->data = len > 0 ? buf : "";
	send->len = len;
	send->fds = fds;
	send->n = n;
	afi_op_init(&send->op, f, AFI_WRITE, send_fds_step);
	afi_file_queue(file, &send->op);
	if (!f->done)
		send_fds_wait(send, flags, timeout);
	return f;
}
