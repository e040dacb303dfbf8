/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shutting a half of a connection: reading at once, writing when all that was
 * to be written before has been, for which it has a place in that queue.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>

#include "file/file.h"
#include "file/hangup.h"
#include "transport/bufferevent.h"

struct shutdown_op {
	struct af_future future;
	struct afi_op op;
};

static struct shutdown_op *of_future(struct af_future *f)
{
	return (struct shutdown_op *)f;
}

static int shut(struct af_file *file, int how)
{
	if (how != SHUT_WR) {
		/* Before it is: nobody is to take it for the peer's doing. */
		file->shut_read = true;
		afi_hangup_rearm(file);
	}
	if (file->is_foreign)
		afi_foreign_end(file);
	else if (shutdown(file->fd, how) < 0)
		return -errno;
	/* Who reads datagrams is not told by the kernel. */
	if (how != SHUT_WR) {
		file->drained[AFI_READ] = false;
		afi_file_step(file, AFI_READ);
	}
	return 0;
}

static int shutdown_step(struct afi_op *op)
{
	struct af_file *file = op->file;
	int r = shut(file, SHUT_WR);

	afi_file_remove(op);
	afi_future_finish(op->future, r);
	return 0;
}

static void shutdown_cancel(struct af_future *f)
{
	struct af_file *file = of_future(f)->op.file;

	afi_file_remove(&of_future(f)->op);
	afi_future_finish(f, -ECANCELED);
	afi_file_resume(file, AFI_WRITE);
}

static void shutdown_describe(const struct af_future *f, FILE *out)
{
	const struct shutdown_op *shutdown = (const struct shutdown_op *)f;

	fprintf(out, " fd %d", shutdown->op.file->user_fd);
}

/* Behind the writes that are in the queue; 0 or -ENOMEM. */
static int shut_later(struct af_file *file)
{
	static const struct afi_future_ops ops = {
		.name = "shutdown",
		.size = sizeof(struct shutdown_op),
		.cancel = shutdown_cancel,
		.describe = shutdown_describe,
	};
	struct af_future *f = afi_operation_new(file->loop, &ops);

	if (!f)
		return -ENOMEM;
	of_future(f)->op = (struct afi_op){ .direction = AFI_WRITE,
					    .step = shutdown_step,
					    .future = f };
	afi_file_start(file, &of_future(f)->op);
	af_future_unref(f);
	return 0;
}

int af_file_shutdown(struct af_file *file, int how)
{
	int r;

	if (!file || (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR))
		return -EINVAL;
	if (!afi_loop_alive(file->loop))
		return -ECANCELED;
	if (!file->is_socket && !file->is_foreign)
		return -ENOTSOCK;
	if (file->is_foreign && (how != SHUT_WR || !afi_foreign_can_end(file)))
		return -ENOTSUP;
	if (how == SHUT_RD || TAILQ_EMPTY(&file->ops[AFI_WRITE]))
		return shut(file, how);
	r = shut_later(file);
	if (r == 0 && how == SHUT_RDWR)
		r = shut(file, SHUT_RD);
	return r;
}
