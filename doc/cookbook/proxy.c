/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes TCP connections on to another address. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct proxy {
	struct af_loop *loop;
	struct sockaddr_storage target;
	int target_len;
};

struct relay {
	struct af_file *client, *server;
	int fd; /* is connecting to the server; then it belongs to the file */
};

static void on_end(struct af_future *done, void *arg)
{
	struct relay *relay = arg;
	int r = af_future_error(done);

	if (r < 0)
		fprintf(stderr, "a connection failed: %s\n", strerror(-r));
	af_file_close(relay->client);
	af_file_close(relay->server);
	if (relay->fd >= 0)
		close(relay->fd);
	free(relay);
}

static struct af_future *on_connected(struct af_future *ready, void *arg)
{
	struct af_loop *loop = af_future_loop(ready);
	struct relay *relay = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(relay->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error)
		return af_failed(loop, -error);
	relay->server = af_file_new(loop, relay->fd, 0);
	if (!relay->server)
		return af_failed(loop, -errno);
	relay->fd = -1;
	return af_file_copy_both(relay->client, relay->server, NULL);
}

static struct af_future *start(struct proxy *proxy, struct relay *relay,
			       int client)
{
	const struct timeval limit = { .tv_sec = 5 };
	const struct sockaddr *to = (const struct sockaddr *)&proxy->target;
	int r;

	relay->client = af_file_new(proxy->loop, client, 0);
	if (!relay->client) {
		r = -errno;
		close(client);
		return af_failed(proxy->loop, r);
	}
	relay->fd = socket(to->sa_family, SOCK_STREAM, 0);
	if (relay->fd < 0 || evutil_make_socket_closeonexec(relay->fd) < 0 ||
	    evutil_make_socket_nonblocking(relay->fd) < 0)
		return af_failed(proxy->loop, -errno);
	if (connect(relay->fd, to, (socklen_t)proxy->target_len) < 0 &&
	    errno != EINPROGRESS)
		return af_failed(proxy->loop, -errno);
	return af_then(af_wait_fd(proxy->loop, relay->fd, EV_WRITE, &limit),
		       on_connected, relay);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *from, int from_len, void *arg)
{
	struct relay *relay = malloc(sizeof(*relay));
	struct proxy *proxy = arg;

	(void)listener;
	(void)from;
	(void)from_len;
	if (!relay) {
		close(fd);
		return;
	}
	*relay = (struct relay){ .fd = -1 };
	af_on_done(start(proxy, relay, fd), on_end, relay);
}

static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	af_loop_stop(arg);
}

int main(int argc, char *argv[])
{
	struct proxy proxy = { .target_len = sizeof(proxy.target) };
	struct sockaddr_storage own;
	int own_len = sizeof(own), r = 1;
	struct evconnlistener *listener = NULL;
	struct event *sigterm;

	if (argc != 3 ||
	    evutil_parse_sockaddr_port(argv[1], (struct sockaddr *)&own,
				       &own_len) < 0 ||
	    evutil_parse_sockaddr_port(argv[2],
				       (struct sockaddr *)&proxy.target,
				       &proxy.target_len) < 0) {
		fprintf(stderr, "usage: proxy ADDRESS:PORT ADDRESS:PORT\n");
		return 2;
	}
	proxy.loop = af_loop_new(NULL);
	sigterm = evsignal_new(af_loop_base(proxy.loop), SIGTERM, on_sigterm,
			       proxy.loop);
	listener = evconnlistener_new_bind(
		af_loop_base(proxy.loop), on_accept, &proxy,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			LEV_OPT_REUSEABLE,
		-1, (struct sockaddr *)&own, own_len);
	if (sigterm && listener && event_add(sigterm, NULL) == 0)
		r = af_loop_run(proxy.loop);
	else
		perror(argv[1]);
	if (listener)
		evconnlistener_free(listener);
	if (sigterm)
		event_free(sigterm);
	af_loop_free(proxy.loop); /* ends what is left, by on_end() */
	return r != 0;
}
