/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hang-ups: notices that the other side of a file has left, without reading or
 * writing. Not every libevent backend reports that. So an epoll descriptor is
 * used, which becomes readable then: all backends report that. It is open while
 * an operation waits.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/container.h"
#include "base/evbase.h"
#include "base/fd.h"
#include "file/hangup.h"
#include "file/op.h"

struct hangup_op {
	struct af_future future;
	TAILQ_ENTRY(hangup_op) entry;
	struct af_file *file;
};

struct afi_hangup {
	TAILQ_HEAD(, hangup_op) ops; /* never empty */
	struct af_file *file;
	int fd;
	int ep; /* -1: fd is -1, and the transport reports the hang-up */
	bool is_socket;
	struct event event;
	struct afi_watch watch;
};

static struct hangup_op *hangup_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct hangup_op, future);
}

/* The poll(2) event for a peer that shut its writing half; 0: none. */
static short hangup_halves(const struct afi_hangup *hangup)
{
	return hangup->is_socket && !hangup->file->shut_read ? POLLRDHUP : 0;
}

/* 1: it has left; 0; or -EBADF: the program has closed the descriptor. */
static int hangup_polled(const struct afi_hangup *hangup)
{
	short left = POLLHUP | POLLRDHUP;
	int seen = afi_fd_poll(hangup->fd, hangup_halves(hangup));

	/* On a pipe: no readers. On a socket: an error, which is no hang-up. */
	if (!hangup->is_socket)
		left |= POLLERR;
	return seen & POLLNVAL ? -EBADF : (seen & left) != 0;
}

/* Whether the other side has left by now. */
static bool hangup_is_over(const struct afi_hangup *hangup)
{
	const struct af_file *file = hangup->file;

	if (file->transport->has_left && file->transport->has_left(file))
		return true;
	return hangup->fd >= 0 && hangup_polled(hangup) > 0;
}

static void hangup_free(struct afi_hangup *hangup)
{
	afi_watch_stop(&hangup->watch);
	if (hangup->ep >= 0) {
		event_del(&hangup->event);
		close(hangup->ep);
	}
	hangup->file->hangup = NULL;
	hangup->file->cancel_others = NULL;
	free(hangup);
}

static void hangup_finish(struct hangup_op *op, int error)
{
	struct afi_hangup *hangup = op->file->hangup;

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

static void hangup_cancel_all(struct af_file *file)
{
	hangup_finish_all(file, -ECANCELED);
}

static void hangup_on_readable(evutil_socket_t ep, short what, void *arg)
{
	struct afi_hangup *hangup = arg;
	struct epoll_event event;
	int r;

	(void)what;
	/* Edge-triggered: take the event, or it would wake us again. */
	epoll_wait(ep, &event, 1, 0);
	r = hangup_polled(hangup);
	if (r != 0)
		hangup_finish_all(hangup->file, r < 0 ? r : 0);
}

static int hangup_move(struct afi_watch *watch)
{
	struct afi_hangup *hangup =
		AFI_CONTAINER(watch, struct afi_hangup, watch);
	struct af_loop *loop = hangup->file->loop;

	/* The bufferevent reports it, and cannot leave its base. */
	if (hangup->ep < 0)
		return loop->base == loop->home ? 0 : -ENOTSUP;
	event_del(&hangup->event);
	event_base_set(loop->base, &hangup->event);
	return event_add(&hangup->event, NULL) < 0 ? -ENOMEM : 0;
}

static int hangup_arm(const struct afi_hangup *hangup, int op)
{
	struct epoll_event event = { .events = EPOLLET };

	if (hangup_halves(hangup))
		event.events |= EPOLLRDHUP;
	/* A terminal reports a hang-up only together with EPOLLIN. */
	if (hangup->file->is_tty)
		event.events |= EPOLLIN;
	return epoll_ctl(hangup->ep, op, hangup->fd, &event) < 0 ? -errno : 0;
}

void afi_hangup_rearm(struct af_file *file)
{
	if (file->hangup && file->hangup->ep >= 0)
		hangup_arm(file->hangup, EPOLL_CTL_MOD);
}

/* Finds the descriptor to watch; 0 or -errno. */
static int hangup_inspect(struct afi_hangup *hangup)
{
	struct af_file *file = hangup->file;
	int type = 0;
	socklen_t len = sizeof(type);
	struct stat st;

	if (!file->transport->hangup_fd)
		return -ENOTSUP;
	hangup->fd = file->transport->hangup_fd(file);
	if (hangup->fd < 0)
		return 0;
	if (fstat(hangup->fd, &st) < 0)
		return -errno;
	hangup->is_socket = S_ISSOCK(st.st_mode);
	if (hangup->is_socket &&
	    getsockopt(hangup->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (hangup->is_socket ? type == SOCK_DGRAM
			      : !S_ISFIFO(st.st_mode) && !file->is_tty)
		return -ENOTSUP;
	return 0;
}

static int hangup_watch(struct afi_hangup *hangup)
{
	struct af_loop *loop = hangup->file->loop;
	int r;

	if (hangup->fd >= 0) {
		hangup->ep = epoll_create1(EPOLL_CLOEXEC);
		if (hangup->ep < 0)
			return -errno;
		afi_event_assign(&hangup->event, loop->base, hangup->ep,
				 EV_READ | EV_PERSIST, hangup_on_readable,
				 hangup);
		r = hangup_arm(hangup, EPOLL_CTL_ADD);
		if (r < 0)
			return r;
		if (event_add(&hangup->event, NULL) < 0)
			return -ENOMEM;
	}
	afi_loop_watch(loop, &hangup->watch, hangup_move);
	return 0;
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
	hangup->ep = -1;
	file->hangup = hangup;
	file->cancel_others = hangup_cancel_all;
	r = hangup_inspect(hangup);
	if (r == 0)
		r = hangup_is_over(hangup);
	if (r == 0)
		r = hangup_watch(hangup);
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
	return &op->future;
}
