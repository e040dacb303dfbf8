/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <asyncfile.h>

#include "../messages.h"
#include "relay.h"
#include "server.h"
#include "tls.h"

static const struct timeval relay_grace = { .tv_sec = 2 };

/* The steps, in the order in which they run. */
static struct af_future *relay_secured(struct af_future *accepted, void *arg);
static struct af_future *relay_connect(struct af_future *ready, void *arg);
static struct af_future *relay_copy(struct af_future *connected, void *arg);
static struct af_future *relay_run(struct af_future *started, void *arg);
static struct af_future *relay_over(struct af_future *work, void *arg);
static void relay_free(struct af_future *over, void *arg);

static void relay_name(struct relay *relay)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (af_file_peer_address(relay->client, &peer, &len) < 0)
		len = 0;
	if (len == 0 || af_address_text((struct sockaddr *)&peer, len,
					relay->name, sizeof(relay->name)) < 0)
		snprintf(relay->name, sizeof(relay->name), "a client");
}

static void relay_is_idle(struct af_future *idle, void *arg)
{
	struct relay *relay = arg;

	relay->is_idle = af_future_error(idle) == 0;
	if (relay->is_idle)
		af_future_cancel(relay->work);
}

static void relay_watch(struct relay *relay)
{
	if (!timerisset(&relay->server->idle))
		return;
	relay->idle = af_file_idle(relay->client, &relay->server->idle);
	af_on_done(af_future_ref(relay->idle), relay_is_idle, relay);
}

static void relay_link(struct relay *relay)
{
	struct server *server = relay->server;

	relay->next = server->relays;
	relay->at = &server->relays;
	if (relay->next)
		relay->next->at = &relay->next;
	server->relays = relay;
	server->connections++;
}

void relay_new(struct server *server, struct af_file *client)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	struct af_future *work;

	if (!relay) {
		af_file_close(client);
		server->failed++;
		return;
	}
	relay->server = server;
	relay->client = client;
	relay_name(relay);
	relay_link(relay);
	if (server->tls) {
		relay->client = NULL;
		work = af_then(
			tls_accept(server->tls, client, &server->handshake),
			relay_secured, relay);
	} else {
		work = af_succeeded(server->loop, NULL, NULL);
	}
	relay->work = af_then(work, relay_connect, relay);
	if (relay->client)
		relay_watch(relay);
	work = af_finally(af_future_ref(relay->work), relay_over, relay);
	af_on_done(work, relay_free, relay);
}

static struct af_future *relay_secured(struct af_future *accepted, void *arg)
{
	struct relay *relay = arg;

	relay->client = af_future_take_file(accepted);
	relay_watch(relay);
	return NULL;
}

static struct af_future *relay_start(struct relay *relay)
{
	const struct af_limit limit = {
		.resource = RLIMIT_NOFILE,
		.soft = relay->server->descriptors,
		.hard = relay->server->descriptors_max,
	};
	const struct af_spawn_options options = {
		.in.kind = AFIO_PIPE,
		.out.kind = AFIO_PIPE,
		.new_group = true,
		.kill_on_free = true,
		.limits = &limit,
		.n_limits = 1,
	};

	return af_spawn_async(relay->server->loop, relay->server->command,
			      &options);
}

static struct af_future *relay_connect(struct af_future *ready, void *arg)
{
	struct relay *relay = arg;
	struct server *server = relay->server;

	(void)ready;
	if (server->command)
		return af_then(relay_start(relay), relay_run, relay);
	return af_then(targets_connect(&server->targets, server->loop,
				       &relay->attempt),
		       relay_copy, relay);
}

static struct af_future *relay_copy(struct af_future *connected, void *arg)
{
	struct relay *relay = arg;
	struct af_future *both;

	relay->target = af_future_take_file(connected);
	both = af_file_copy_both(relay->client, relay->target, NULL);
	relay->up = af_future_ref(af_future_part(both, 0));
	relay->down = af_future_ref(af_future_part(both, 1));
	return both;
}

/* The client has sent all, or the command takes no more. */
static struct af_future *relay_end_input(struct af_future *up, void *arg)
{
	struct relay *relay = arg;

	af_process_close_stdin(relay->child);
	return af_future_error(up) == -EPIPE
		       ? af_succeeded(relay->server->loop, NULL, NULL)
		       : NULL;
}

static struct af_future *relay_end_output(struct af_future *down, void *arg)
{
	struct relay *relay = arg;

	(void)down;
	af_file_shutdown(relay->client, SHUT_WR);
	return NULL;
}

/*
 * As for a command of inetd(8): the connection ends when the output has ended,
 * and either the input, too, or the command.
 */
static struct af_future *relay_run(struct af_future *started, void *arg)
{
	struct relay *relay = arg;
	struct af_loop *loop = relay->server->loop;
	struct af_future *input[2], *ends[2];

	relay->child = af_future_take_process(started);
	relay->up = af_file_copy(relay->client, af_process_stdin(relay->child),
				 -1, NULL);
	relay->down = af_file_copy(af_process_stdout(relay->child),
				   relay->client, -1, NULL);
	input[0] = af_finally(af_future_ref(relay->up), relay_end_input, relay);
	input[1] = af_process_wait(relay->child, NULL);
	ends[0] = af_any(loop, input, 2);
	ends[1] = af_then(af_future_ref(relay->down), relay_end_output, relay);
	return af_all(loop, ends, 2);
}

/* Writes why a connection has not come to its end. */
static void relay_complain(struct relay *relay, const struct af_future *work)
{
	const char *text = af_connect_error(work);
	int error = af_future_error(work);

	if (relay->is_idle)
		text = "idle";
	else if (!*text)
		text = af_future_spawn_error(work);
	if (!*text)
		text = strerror(-error);
	if (error == -ECANCELED && !relay->is_idle)
		return;
	relay->server->failed++;
	messages_write(relay->server->messages, relay->name, text);
}

/* A command may go on after its connection has come to its end. */
static struct af_future *relay_over(struct af_future *work, void *arg)
{
	struct relay *relay = arg;
	int error = af_future_error(work);

	if (error < 0)
		relay_complain(relay, work);
	af_file_close(relay->client);
	relay->client = NULL;
	if (!relay->child)
		return NULL;
	return error < 0 ? af_process_stop(relay->child, &relay_grace)
			 : af_process_wait(relay->child, NULL);
}

/* Forgets what need not end, and what would follow. */
static void relay_drop(struct af_future *f)
{
	af_future_cancel(f);
	af_future_forget(f);
}

static void relay_free(struct af_future *over, void *arg)
{
	struct relay *relay = arg;
	struct server *server = relay->server;

	(void)over;
	server->bytes_up += af_future_count(relay->up);
	server->bytes_down += af_future_count(relay->down);
	relay_drop(relay->idle);
	relay_drop(relay->up);
	relay_drop(relay->down);
	relay_drop(relay->work);
	af_process_free(relay->child);
	af_file_close(relay->client);
	af_file_close(relay->target);
	*relay->at = relay->next;
	if (relay->next)
		relay->next->at = relay->at;
	free(relay);
	server_check_end(server);
}
