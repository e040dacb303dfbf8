/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hang-ups: notices that the other side of a file has left, without reading or
 * writing. What watches for that is open while an operation waits.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/container.h"
#include "file/hangup.h"
#include "file/hangup_watch.h"
#include "file/op.h"

struct hangup_op {
	struct af_future future;
	struct afi_other other;
	TAILQ_ENTRY(hangup_op) entry;
	struct af_file *file;
};

struct afi_hangup {
	TAILQ_HEAD(, hangup_op) ops; /* never empty */
	struct af_file *file;
	struct afi_hangup_watch other; /* fd -1: the transport reports it */
	struct afi_watch watch;
};

static struct hangup_op *hangup_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct hangup_op, future);
}

/* Whether a peer that shut its writing half has left. */
static bool hangup_halves(const struct afi_hangup *hangup)
{
	return hangup->other.is_socket && !hangup->file->shut_read;
}

/* Whether the other side has left by now. */
static bool hangup_is_over(const struct afi_hangup *hangup)
{
	const struct af_file *file = hangup->file;

	if (file->transport->has_left && file->transport->has_left(file))
		return true;
	return hangup->other.fd >= 0 &&
	       afi_hangup_watch_poll(&hangup->other) > 0;
}

static void hangup_free(struct afi_hangup *hangup)
{
	afi_watch_stop(&hangup->watch);
	if (hangup->other.fd >= 0)
		afi_hangup_watch_close(&hangup->other);
	hangup->file->hangup = NULL;
	free(hangup);
}

static void hangup_finish(struct hangup_op *op, int error)
{
	struct afi_hangup *hangup = op->file->hangup;

	afi_file_drop_other(&op->other);
	TAILQ_REMOVE(&hangup->ops, op, entry);
	if (TAILQ_EMPTY(&hangup->ops))
		hangup_free(hangup);
	afi_future_finish(&op->future, error);
}

static void hangup_finish_all(struct af_file *file, int error)
{
	while (file->hangup)
		hangup_finish(TAILQ_FIRST(&file->hangup->ops), error);
}

void afi_hangup_seen(struct af_file *file)
{
	hangup_finish_all(file, 0);
}

static void hangup_changed(struct afi_hangup_watch *other)
{
	struct afi_hangup *hangup =
		AFI_CONTAINER(other, struct afi_hangup, other);
	int r = afi_hangup_watch_poll(other);

	if (r != 0)
		hangup_finish_all(hangup->file, r < 0 ? r : 0);
}

static int hangup_move(struct afi_watch *watch)
{
	struct afi_hangup *hangup =
		AFI_CONTAINER(watch, struct afi_hangup, watch);
	struct af_loop *loop = hangup->file->loop;

	/* The bufferevent reports it, and cannot leave its base. */
	if (hangup->other.fd < 0)
		return loop->base == loop->home ? 0 : -ENOTSUP;
	return afi_hangup_watch_move(&hangup->other);
}

void afi_hangup_rearm(struct af_file *file)
{
	struct afi_hangup *hangup = file->hangup;

	if (!hangup || hangup->other.fd < 0)
		return;
	hangup->other.halves = hangup_halves(hangup);
	afi_hangup_watch_rearm(&hangup->other);
}

/* Finds the descriptor to watch; 0 or -errno. */
static int hangup_inspect(struct afi_hangup *hangup)
{
	struct af_file *file = hangup->file;
	struct afi_hangup_watch *other = &hangup->other;
	int type = 0;
	socklen_t len = sizeof(type);
	struct stat st;

	if (!file->transport->hangup_fd)
		return -ENOTSUP;
	other->fd = file->transport->hangup_fd(file);
	if (other->fd < 0)
		return 0;
	if (fstat(other->fd, &st) < 0)
		return -errno;
	other->is_tty = file->is_tty;
	other->is_socket = S_ISSOCK(st.st_mode);
	other->halves = hangup_halves(hangup);
	if (other->is_socket &&
	    getsockopt(other->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (other->is_socket ? type == SOCK_DGRAM
			     : !S_ISFIFO(st.st_mode) && !file->is_tty)
		return -ENOTSUP;
	return 0;
}

static int hangup_start_watch(struct afi_hangup *hangup)
{
	struct af_loop *loop = hangup->file->loop;
	int r = 0;

	if (hangup->other.fd >= 0)
		r = afi_hangup_watch_open(&hangup->other, loop);
	if (r == 0)
		afi_loop_watch(loop, &hangup->watch, hangup_move);
	return r;
}

/* 1: the other side has left; 0: it is watched; -errno. */
static int hangup_start(struct af_file *file)
{
	struct afi_hangup *hangup = file->hangup;
	int r;

	/* The event may not have been reported yet. */
	if (hangup)
		return hangup_is_over(hangup);
	hangup = calloc(1, sizeof(*hangup));
	if (!hangup)
		return -ENOMEM;
	TAILQ_INIT(&hangup->ops);
	hangup->file = file;
	hangup->other.fd = hangup->other.ep = -1;
	hangup->other.changed = hangup_changed;
	file->hangup = hangup;
	r = hangup_inspect(hangup);
	if (r == 0)
		r = hangup_is_over(hangup);
	if (r == 0)
		r = hangup_start_watch(hangup);
	if (r != 0)
		hangup_free(hangup);
	return r;
}

static void hangup_cancel(struct af_future *f)
{
	hangup_finish(hangup_of(f), -ECANCELED);
}

static void hangup_describe(const struct af_future *f, FILE *out)
{
	fprintf(out, " fd %d",
		AFI_CONTAINER(f, struct hangup_op, future)->file->user_fd);
}

struct af_future *af_file_hangup(struct af_file *file)
{
	static const struct afi_future_ops ops = {
		.name = "hangup",
		.size = sizeof(struct hangup_op),
		.cancel = hangup_cancel,
		.describe = hangup_describe,
	};
	struct hangup_op *op;
	struct af_future *f;
	int r;

	if (!file)
		return afi_op_failed(NULL, -EINVAL);
	f = afi_op_new(file, &ops, afi_file_check(file));
	if (f->done)
		return f;
	op = hangup_of(f);
	r = hangup_start(file);
	if (r != 0) {
		afi_future_finish(&op->future, r < 0 ? r : 0);
		return &op->future;
	}
	op->file = file;
	TAILQ_INSERT_TAIL(&file->hangup->ops, op, entry);
	afi_file_add_other(file, &op->other, f);
	return &op->future;
}
