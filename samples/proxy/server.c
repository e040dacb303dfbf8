/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include <asyncfile.h>

#include "../common.h"
#include "../messages.h"
#include "relay.h"
#include "server.h"
#include "tls.h"

/* Each connection needs two descriptors; commands get the limit as it was. */
static void server_raise_limit(struct server *server)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	server->descriptors = limit.rlim_cur;
	server->descriptors_max = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int server_accept(struct af_file *client, void *arg)
{
	relay_new(arg, client);
	return 0;
}

static void server_accepted(struct af_future *each, void *arg)
{
	struct server *server = arg;
	int error = af_future_error(each);

	if (error == 0 || error == -ECANCELED)
		return;
	complain("accept", error);
	server->error = error;
	af_loop_stop(server->loop);
}

int server_listen(struct server *server)
{
	const struct af_listen_options options = {
		.max_connections = server->max,
		.no_delay = true,
	};
	const struct sockaddr *address;
	char text[512];
	socklen_t len;
	size_t i;

	server->listener = af_listen(server->loop, server->address.host,
				     server->address.service, &options);
	if (!server->listener) {
		fprintf(stderr, "%s: %s\n", program_name,
			af_listen_error(server->loop));
		return -1;
	}
	af_on_done(af_listener_each(server->listener, server_accept, server),
		   server_accepted, server);
	for (i = 0; (address = af_listener_address(server->listener, i, &len));
	     i++) {
		af_address_text(address, len, text, sizeof(text));
		printf("listening on %s\n", text);
	}
	if (fflush(stdout) == 0)
		return 0;
	complain("stdout", errno);
	return -1;
}

static int server_open_tls(struct server *server)
{
	char text[256];

	if (!server->cert)
		return 0;
	server->tls = tls_open(server->cert, server->key, text, sizeof(text));
	if (server->tls)
		return 0;
	fprintf(stderr, "%s: %s\n", program_name, text);
	return -1;
}

int server_open(struct server *server)
{
	server_raise_limit(server);
	server->loop = af_loop_new(NULL);
	if (server->loop)
		server->messages = messages_open(server->loop);
	if (!server->messages) {
		complain("loop", errno);
		return -1;
	}
	return server_open_tls(server);
}

void server_check_end(struct server *server)
{
	if (server->has_stopped && !server->relays)
		af_loop_stop(server->loop);
}

/* Commands may take a little longer than their connections. */
static void server_late(struct af_future *slept, void *arg)
{
	struct server *server = arg;

	if (af_future_error(slept) == 0)
		af_loop_stop(server->loop);
}

static void server_stopped(struct af_future *stopped, void *arg)
{
	static const struct timeval patience = { .tv_sec = 2 };
	struct server *server = arg;

	if (af_future_error(stopped) == -ECANCELED)
		return;
	if (af_future_error(stopped) == -ETIMEDOUT) {
		fprintf(stderr, "%s: stop: %zu connections are cut\n",
			program_name, af_future_count(stopped));
		af_loop_stop(server->loop);
		return;
	}
	server->has_stopped = true;
	server_check_end(server);
	af_on_done(af_sleep(server->loop, &patience), server_late, server);
}

void server_stop(struct server *server)
{
	if (server->stops)
		af_loop_stop(server->loop);
	else
		af_on_done(af_listener_stop(server->listener, &server->grace),
			   server_stopped, server);
	server->stops = true;
}

void server_print(const struct server *server)
{
	uintmax_t up = server->bytes_up, down = server->bytes_down;
	const struct relay *relay;
	size_t open = 0;
	char text[256];

	for (relay = server->relays; relay; relay = relay->next) {
		up += af_future_count(relay->up);
		down += af_future_count(relay->down);
		open++;
	}
	snprintf(text, sizeof(text),
		 "%zu open, %ju so far, %ju failed, %ju bytes there, "
		 "%ju bytes back",
		 open, server->connections, server->failed, up, down);
	messages_write(server->messages, "connections", text);
}

void server_close(struct server *server)
{
	af_listener_close(server->listener);
	af_loop_free(server->loop);
	af_file_close(server->messages);
	tls_close(server->tls);
}
