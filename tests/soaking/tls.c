/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS on connections, with certificates of the moment. */
#include "config.h"

#include <string.h>

#include "soaking/connections.h"
#include "soaking/loads.h"

#ifdef WITH_TLS
#include <asyncfile/tls.h>

#include "support/certs.h"

static struct af_tls *client_tls, *server_tls;

static void tls_shaken(struct connection *c)
{
	if (c->client && c->server)
		connection_talk(c);
}

static void tls_client_done(struct af_future *done, void *arg)
{
	struct connection *c = arg;

	c->client = af_future_take_file(done);
	tls_shaken(c);
}

static void tls_server_done(struct af_future *done, void *arg)
{
	struct connection *c = arg;

	c->server = af_future_take_file(done);
	tls_shaken(c);
}

/* If one handshake is cancelled, the other one fails. */
static void tls_ready(struct connection *c)
{
	struct af_file *client = c->client, *server = c->server;

	c->client = c->server = NULL;
	op_watch(&c->task, "accept TLS",
		 af_accept_tls(server, server_tls, deadline()), MAY_BREAK,
		 tls_server_done, c);
	op_watch(&c->task, "start TLS",
		 af_start_tls(client, "localhost", client_tls, deadline()),
		 MAY_BREAK, tls_client_done, c);
}

void load_tls(void)
{
	connection_begin("TLS", tls_ready);
}

void tls_prepare(void)
{
	certs_make_all();
}

void tls_open(void)
{
	static const struct af_tls_options client = { .ca_file = "ca.pem" };
	static const struct af_tls_options server = { .cert_file =
							      "server.pem" };
	char why[256];

	client_tls = af_tls_client_new(&client, why, sizeof why);
	server_tls =
		client_tls ? af_tls_server_new(&server, why, sizeof why) : NULL;
	if (!server_tls)
		soak_fail("TLS: %s", why);
}

void tls_close(void)
{
	af_tls_free(client_tls);
	af_tls_free(server_tls);
}
#else
void load_tls(void)
{
}

void tls_prepare(void)
{
}

void tls_open(void)
{
}

void tls_close(void)
{
}
#endif
