/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listeners on sockets of the program. Others may share them, so only their
 * blocking mode is changed, while the listener lives.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "net/listen_fds.h"

static int listen_fds_get(int fd, int name, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, name, ret, &len) < 0 ? -errno : 0;
}

/* Fills in what is known of a socket; 0 or -errno. */
static int listen_fds_look(struct afi_bound *bound, int fd)
{
	socklen_t len = sizeof(bound->address.storage);
	int listens = 0;
	int r = listen_fds_get(fd, SO_ACCEPTCONN, &listens);

	if (r == 0 && !listens)
		r = -EINVAL;
	if (r == 0)
		r = listen_fds_get(fd, SO_TYPE, &bound->type);
	if (r == 0 && getsockname(fd, &bound->address.sa, &len) < 0)
		r = -errno;
	bound->address.len = len;
	return r;
}

static bool listen_fds_has(const int *fds, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] == fd)
			return true;
	return false;
}

static int listen_fds_fail(struct afi_listen_failure *failure, int fd,
			   int error, const char *text)
{
	char number[32];

	snprintf(number, sizeof(number), "%d", fd);
	return afi_listen_fail_text(failure, "descriptor", number, -error,
				    text);
}

static int listen_fds_fill(struct af_listener *listener, const int *fds,
			   struct afi_listen_failure *failure)
{
	struct afi_listening *socket;
	int r;

	for (size_t i = 0; i < listener->n; i++) {
		socket = &listener->sockets[i];
		if (listen_fds_has(fds, i, fds[i]))
			return listen_fds_fail(failure, fds[i], -EINVAL,
					       "it is there twice");
		r = listen_fds_look(&socket->bound, fds[i]);
		if (r == -EINVAL)
			return listen_fds_fail(failure, fds[i], r,
					       "it is not listening");
		if (r == 0)
			r = afi_nonblock_hold(fds[i], &socket->nonblock);
		if (r < 0)
			return listen_fds_fail(failure, fds[i], r, NULL);
	}
	for (size_t i = 0; i < listener->n; i++) {
		listener->sockets[i].bound.fd = fds[i];
		listener->sockets[i].given = true;
	}
	return 0;
}

int afi_listen_fds_unblock(struct afi_listening *socket)
{
	int fd = socket->bound.fd, mode = fcntl(fd, F_GETFL);

	if (mode < 0)
		return -errno;
	if (mode & O_NONBLOCK)
		return 0;
	/* It was set when this listener was made: now it is ours to clear. */
	if (!socket->nonblock)
		return afi_nonblock_hold(fd, &socket->nonblock);
	return fcntl(fd, F_SETFL, mode | O_NONBLOCK) < 0 ? -errno : 0;
}

int afi_listen_fds(struct af_loop *loop, const int *fds, size_t n,
		   const struct af_listen_options *options,
		   struct af_listener **ret, struct afi_listen_failure *failure)
{
	struct af_listener *listener;
	int r;

	if (!fds || n == 0 || afi_listener_check_options(options) < 0)
		return afi_listen_fail(failure, "option", NULL, EINVAL);
	listener = afi_listener_make(loop, n, options);
	if (!listener)
		return afi_listen_fail(failure, "memory", NULL, ENOMEM);
	r = listen_fds_fill(listener, fds, failure);
	if (r < 0) {
		afi_listener_discard(listener);
		return r;
	}
	afi_listener_attach(listener);
	*ret = listener;
	return 0;
}

struct af_listener *af_listener_new(struct af_loop *loop, const int *fds,
				    size_t n,
				    const struct af_listen_options *options)
{
	const struct af_listen_options defaults = { 0 };
	struct afi_listen_failure failure;
	struct af_listener *listener = NULL;
	int r = afi_loop_usable(loop);

	if (r == 0) {
		r = afi_listen_fds(loop, fds, n, options ? options : &defaults,
				   &listener, &failure);
		afi_listen_error_keep(loop, r < 0 ? &failure : NULL);
	}
	if (r < 0)
		errno = -r;
	return listener;
}
