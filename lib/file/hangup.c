/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hang-ups: that the other side has left is told without a read or a write. Not
 * every backend of libevent can say so; but an epoll descriptor can, and is
 * itself readable then, which all of them see. It is there while somebody waits.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/evbase.h"
#include "file/hangup.h"
#include "transport/bufferevent.h"
#include "transport/linger.h"

struct hangup_op {
	struct af_future future;
	TAILQ_ENTRY(hangup_op) entry;
	struct af_file *file;
};

struct afi_hangup {
	TAILQ_HEAD(, hangup_op) ops; /* never empty */
	struct af_file *file;
	int fd;
	int ep; /* -1: no descriptor, its bufferevent will say it */
	bool is_socket;
	struct event event;
	struct afi_watch watch;
};

static struct hangup_op *of_future(struct af_future *f)
{
	return (struct hangup_op *)f;
}

/* For poll(2), and the same to epoll: that the peer writes no more. */
static short halves(const struct afi_hangup *hangup)
{
	return hangup->is_socket && !hangup->file->shut_read ? POLLRDHUP : 0;
}

static bool has_left(const struct afi_hangup *hangup)
{
	struct pollfd fd = { .fd = hangup->fd, .events = halves(hangup) };
	short left = POLLHUP | POLLRDHUP;

	/* Of a pipe: nobody reads it. Of a socket: there is an error to read */
	if (!hangup->is_socket)
		left |= POLLERR;
	return poll(&fd, 1, 0) > 0 && fd.revents & left;
}

/* Whether what is over, or is not, is known without being told. */
static bool has_left_already(const struct afi_hangup *hangup)
{
	struct af_file *file = hangup->file;

	if (file->is_foreign &&
	    (file->foreign->ended || file->foreign->error[AFI_WRITE] == -EPIPE))
		return true;
	if (hangup->fd >= 0)
		return has_left(hangup);
	/* Without a descriptor a socket's is one that is not connected yet. */
	return file->foreign->on_pair &&
	       !bufferevent_pair_get_partner(afi_bottom(file->foreign->bev));
}

static void hangup_free(struct afi_hangup *hangup)
{
	afi_watch_stop(&hangup->watch);
	if (hangup->ep >= 0) {
		event_del(&hangup->event);
		close(hangup->ep);
	}
	hangup->file->hangup = NULL;
	free(hangup);
}

static void finish(struct hangup_op *op, int error)
{
	struct afi_hangup *hangup = op->file->hangup;

	TAILQ_REMOVE(&hangup->ops, op, entry);
	if (TAILQ_EMPTY(&hangup->ops))
		hangup_free(hangup);
	afi_future_finish(&op->future, error);
}

static void finish_all(struct af_file *file, int error)
{
	while (file->hangup)
		finish(TAILQ_FIRST(&file->hangup->ops), error);
}

void afi_hangup_said(struct af_file *file)
{
	finish_all(file, 0);
}

void afi_hangup_cancel(struct af_file *file)
{
	finish_all(file, -ECANCELED);
}

static void on_readable(evutil_socket_t ep, short what, void *arg)
{
	struct afi_hangup *hangup = arg;
	struct epoll_event event;

	(void)what;
	/* It is told once: what was no hang-up must not be told again. */
	epoll_wait(ep, &event, 1, 0);
	if (has_left(hangup))
		finish_all(hangup->file, 0);
}

static int move(struct afi_watch *watch)
{
	struct afi_hangup *hangup =
		(void *)((char *)watch - offsetof(struct afi_hangup, watch));
	struct af_loop *loop = hangup->file->loop;

	/* What is told by a bufferevent is told on its own base. */
	if (hangup->ep < 0)
		return loop->base == loop->home ? 0 : -ENOTSUP;
	event_del(&hangup->event);
	event_base_set(loop->base, &hangup->event);
	return event_add(&hangup->event, NULL) < 0 ? -ENOMEM : 0;
}

static int arm(const struct afi_hangup *hangup, int op)
{
	struct epoll_event event = { .events = EPOLLET };

	if (halves(hangup))
		event.events |= EPOLLRDHUP;
	/* A terminal's hang-up is told to those who read it. */
	if (hangup->file->is_tty)
		event.events |= EPOLLIN;
	return epoll_ctl(hangup->ep, op, hangup->fd, &event) < 0 ? -errno : 0;
}

void afi_hangup_rearm(struct af_file *file)
{
	if (file->hangup && file->hangup->ep >= 0)
		arm(file->hangup, EPOLL_CTL_MOD);
}

/* What it is to watch; -ENOTSUP: there is nobody at the other side. */
static int inspect(struct afi_hangup *hangup)
{
	struct af_file *file = hangup->file;
	int type = 0;
	socklen_t len = sizeof(type);
	struct stat st;

	hangup->fd = file->fd;
	if (file->is_foreign)
		hangup->fd = bufferevent_getfd(afi_bottom(file->foreign->bev));
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

static int watch(struct afi_hangup *hangup)
{
	struct af_loop *loop = hangup->file->loop;
	int r;

	if (hangup->fd >= 0) {
		hangup->ep = epoll_create1(EPOLL_CLOEXEC);
		if (hangup->ep < 0)
			return -errno;
		afi_event_assign(&hangup->event, loop->base, hangup->ep,
				 EV_READ | EV_PERSIST, on_readable, hangup);
		r = arm(hangup, EPOLL_CTL_ADD);
		if (r < 0)
			return r;
		if (event_add(&hangup->event, NULL) < 0)
			return -ENOMEM;
	}
	afi_loop_watch(loop, &hangup->watch, move);
	return 0;
}

/* 1: the other side has left; 0: it is watched; -errno. */
static int start(struct af_file *file)
{
	struct afi_hangup *hangup = file->hangup;
	int r;

	/* The event may be on its way. */
	if (hangup)
		return has_left_already(hangup);
	hangup = calloc(1, sizeof(*hangup));
	if (!hangup)
		return -ENOMEM;
	TAILQ_INIT(&hangup->ops);
	hangup->file = file;
	hangup->ep = -1;
	file->hangup = hangup;
	r = inspect(hangup);
	if (r == 0)
		r = has_left_already(hangup);
	if (r == 0)
		r = watch(hangup);
	if (r != 0)
		hangup_free(hangup);
	return r;
}

static void hangup_cancel(struct af_future *f)
{
	finish(of_future(f), -ECANCELED);
}

static void hangup_describe(const struct af_future *f, FILE *out)
{
	const struct hangup_op *op = (const struct hangup_op *)f;

	fprintf(out, " fd %d", op->file->user_fd);
}

struct af_future *af_file_on_hangup(struct af_file *file)
{
	static const struct afi_future_ops ops = {
		.name = "hangup",
		.size = sizeof(struct hangup_op),
		.cancel = hangup_cancel,
		.describe = hangup_describe,
	};
	struct hangup_op *op;
	int r;

	if (!file)
		return afi_future_failed(NULL, -EINVAL);
	if (!afi_loop_alive(file->loop))
		return afi_future_failed(file->loop, -ECANCELED);
	op = (struct hangup_op *)afi_operation_new(file->loop, &ops);
	if (!op)
		return afi_future_failed(file->loop, -ENOMEM);
	r = start(file);
	if (r != 0) {
		afi_future_finish(&op->future, r < 0 ? r : 0);
		return &op->future;
	}
	op->file = file;
	op->future.since = afi_now_coarse();
	TAILQ_INSERT_TAIL(&file->hangup->ops, op, entry);
	return &op->future;
}
