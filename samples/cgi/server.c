/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include <asyncfile.h>

#include "../common.h"
#include "../messages.h"
#include "client.h"
#include "request.h"
#include "server.h"

#define SERVER_FIELDS_MAX 32768

/* evhttp's listener passes evhttp's own argument to the error callback. */
static struct server *server_of_listener;

/* Gives turns to those that have waited the longest. */
static void server_give_turns(struct server *server)
{
	struct request *request = server->requests;

	for (; request && server->running < server->limits.programs;
	     request = request->next) {
		if (request->has_turn || request->why)
			continue;
		request->has_turn = true;
		server->running++;
		af_future_resolve(request->turn, NULL, NULL);
	}
}

void server_add(struct server *server, struct request *request)
{
	request->next = NULL;
	*server->last = request;
	server->last = &request->next;
	server_give_turns(server);
}

void server_remove(struct server *server, struct request *request)
{
	struct request **at = &server->requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	if (!*at)
		server->last = at;
	server->running -= request->has_turn;
	server_give_turns(server);
	if (!server->socket && !server->requests)
		af_loop_stop(server->loop);
}

static void server_request(struct evhttp_request *req, void *arg)
{
	const struct server *server = arg;

	if (server->socket)
		request_new(arg, req);
	else
		client_refuse(req, WHY_STOP);
}

/* No descriptor is left, perhaps: waits for requests to end. */
static void server_accept_failed(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = { .tv_usec = 100000 };

	(void)arg;
	evconnlistener_disable(listener);
	event_add(server_of_listener->resume, &pause);
}

static void server_resume(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	if (server->socket)
		evconnlistener_enable(
			evhttp_bound_socket_get_listener(server->socket));
}

/* Notes the address, which tells a port that the kernel has chosen. */
static int server_find_address(struct server *server)
{
	char name[sizeof(server->address.name) + 2];
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(evhttp_bound_socket_get_fd(server->socket),
			(struct sockaddr *)&address, &len) < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&address, len, server->address.name,
			sizeof(server->address.name) - 2, server->address.port,
			sizeof(server->address.port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EAFNOSUPPORT;
	if (address.ss_family != AF_INET6)
		return 0;
	snprintf(name, sizeof(name), "[%s]", server->address.name);
	strcpy(server->address.name, name);
	return 0;
}

static int server_listen_at(struct server *server, const struct addrinfo *at)
{
	struct evconnlistener *listener = evconnlistener_new_bind(
		server->base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			LEV_OPT_REUSEABLE,
		-1, at->ai_addr, (int)at->ai_addrlen);

	if (!listener)
		return errno ? -errno : -ENOMEM;
	server->socket = evhttp_bind_listener(server->http, listener);
	if (!server->socket) {
		evconnlistener_free(listener);
		return -ENOMEM;
	}
	server_of_listener = server;
	evconnlistener_set_error_cb(listener, server_accept_failed);
	return server_find_address(server);
}

/* HOST:PORT, "[::1]:80", ":80" for all addresses. May ask a name server. */
static int server_bind(struct server *server, const char *listen)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	const char *port = strrchr(listen, ':'), *host = listen;
	struct addrinfo *found;
	char *copy;
	size_t len;
	int r;

	if (!port || !port[1])
		return -EINVAL;
	len = (size_t)(port++ - listen);
	if (len > 2 && *host == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	copy = strndup(host, len);
	if (!copy)
		return -ENOMEM;
	r = getaddrinfo(*copy ? copy : NULL, port, &hints, &found);
	free(copy);
	if (r != 0)
		return r == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL;
	r = server_listen_at(server, found);
	freeaddrinfo(found);
	return r;
}

static int server_make(struct server *server)
{
	server->last = &server->requests;
	server->base = event_base_new();
	if (!server->base)
		return -ENOMEM;
	server->loop = af_loop_new(server->base);
	if (!server->loop)
		return -errno;
	server->messages = messages_open(server->loop);
	if (!server->messages)
		return -errno;
	server->resume = evtimer_new(server->base, server_resume, server);
	server->http = evhttp_new(server->base);
	if (!server->http || !server->resume)
		return -ENOMEM;
	evhttp_set_allowed_methods(
		server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD |
				      EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
				      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
				      EVHTTP_REQ_PATCH);
	evhttp_set_default_content_type(server->http, NULL);
	evhttp_set_timeout(server->http, CLIENT_PATIENCE);
	evhttp_set_max_headers_size(server->http, SERVER_FIELDS_MAX);
	/* It keeps the whole body in memory before the program is started. */
	evhttp_set_max_body_size(server->http, (ev_ssize_t)server->limits.body);
	evhttp_set_flags(server->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_gencb(server->http, server_request, server);
	return 0;
}

int server_open(struct server *server)
{
	int r = server_make(server);

	if (r < 0)
		complain("server", r);
	return r;
}

int server_listen(struct server *server, const char *listen)
{
	int r = server_bind(server, listen);

	if (r < 0) {
		complain(listen, r);
		return -1;
	}
	if (printf("listening on http://%s:%s/\n", server->address.name,
		   server->address.port) >= 0 &&
	    fflush(stdout) == 0)
		return 0;
	complain("stdout", errno);
	return -1;
}

/* Something does not end: it is killed. */
static void server_late(struct af_future *slept, void *arg)
{
	struct server *server = arg;

	if (af_future_error(slept) == 0)
		af_loop_stop(server->loop);
}

void server_stop(struct server *server)
{
	static const struct timeval patience = { .tv_sec = 5 };
	struct request *request;

	if (!server->socket || !server->requests)
		af_loop_stop(server->loop);
	if (!server->socket)
		return;
	evhttp_del_accept_socket(server->http, server->socket);
	server->socket = NULL;
	for (request = server->requests; request; request = request->next)
		request_end(request, WHY_STOP);
	af_on_done(af_sleep(server->loop, &patience), server_late, server);
}

/* The loop goes first: it ends the requests, while evhttp has them still. */
void server_close(struct server *server)
{
	af_loop_free(server->loop);
	af_file_close(server->messages);
	if (server->http)
		evhttp_free(server->http);
	if (server->resume)
		event_free(server->resume);
	if (server->base)
		event_base_free(server->base);
}
