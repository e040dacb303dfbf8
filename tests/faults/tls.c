/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections with TLS: their handshakes, some bytes, and their ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asyncfile/tls.h>

#include "faults/tls.h"
#include "support/certs.h"
#include "support/server.h"

#define LENGTH 20000

struct ends {
	struct af_tls *tls[2];
	struct af_file *file[2]; /* of the client, and of the server */
};

/* Either end may lose the connection when the other one fails. */
static void wait_for(struct scene *s, struct af_future *f)
{
	int r = af_await(f);

	(void)s;
	ck_assert_msg(r == 0 || disturbed(), "%s", strerror(-r));
	af_future_unref(f);
}

static void converse(struct scene *s, struct ends *ends)
{
	static char sent[LENGTH];
	struct af_future *f;
	const char *got;
	size_t len;

	for (int i = 0; i < LENGTH; i++)
		sent[i] = (char)(i * 7 + i / 256);
	f = af_file_write(ends->file[0], sent, LENGTH, AFIO_FULL | AFIO_BORROW,
			  MS(20000));
	watch_end(s, af_future_ref(f));
	af_future_ref(f);
	wait_for(s, f);
	if (af_future_error(f) == 0)
		wait_for(s, af_file_finish(ends->file[0], MS(20000)));
	af_future_unref(f);
	f = af_file_read(ends->file[1], LENGTH, AFIO_FULL, MS(2000));
	af_future_ref(f);
	wait_for(s, f);
	got = af_future_data(f, &len);
	if (got) {
		ck_assert_mem_eq(got, sent, len);
		ck_assert(len == LENGTH || disturbed());
	}
	af_future_unref(f);
}

/* Waits for both handshakes, whose files take the place of those of before. */
static void meet(struct scene *s, struct ends *ends, struct af_future *client,
		 struct af_future *server)
{
	af_await(server);
	af_await(client);
	ends->file[0] = af_future_take_file(client);
	ends->file[1] = af_future_take_file(server);
	wait_for(s, server);
	wait_for(s, client);
	if (ends->file[0] && ends->file[1])
		converse(s, ends);
}

static void shake(struct scene *s, struct ends *ends)
{
	struct af_future *server =
		af_accept_tls(ends->file[1], ends->tls[1], MS(20000));

	meet(s, ends,
	     af_start_tls(ends->file[0], "localhost", ends->tls[0], MS(20000)),
	     server);
}

static void act_tls(struct scene *s)
{
	static const char *const alpn[] = { "h2", NULL };
	const struct af_tls_options options[] = {
		{ .ca_file = "ca.pem", .name = "localhost", .alpn = alpn },
		{ .cert_file = "server.pem", .alpn = alpn },
	};
	struct ends ends = { 0 };
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	for (int i = 0; i < 2; i++) {
		ends.tls[i] = made(i ? af_tls_server_new(&options[i], NULL, 0)
				     : af_tls_client_new(&options[i], NULL, 0));
		ends.file[i] = made(af_file_new(s->loop, fds[i], 0));
		if (!ends.file[i])
			close(fds[i]);
	}
	if (ends.tls[0] && ends.tls[1] && ends.file[0] && ends.file[1])
		shake(s, &ends);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(ends.file[i]), 0);
		af_tls_free(ends.tls[i]);
	}
}

/* The connection is in the queue at once, or there will be none. */
static void connect_and_meet(struct scene *s, struct ends *ends, int listener)
{
	struct af_future *f;
	char port[20];
	int fd;

	snprintf(port, sizeof port, "%d", server_port(listener));
	f = af_connect_tls(s->loop, "127.0.0.1", port, NULL, ends->tls[0],
			   MS(20000));
	fd = cloexec_accept(listener);
	if (fd < 0) {
		ck_assert(disturbed());
		wait_for(s, f);
		return;
	}
	ends->file[1] = made(af_file_new(s->loop, fd, 0));
	if (ends->file[1]) {
		meet(s, ends, f,
		     af_accept_tls(ends->file[1], ends->tls[1], MS(20000)));
		ck_assert(!ends->file[0] || af_tls_ssl(ends->file[0]));
	} else {
		close(fd);
		wait_for(s, f);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(ends->file[i]), 0);
		ends->file[i] = NULL;
	}
}

/* Twice, with certificates of both; then to nobody. */
static void act_connect_tls(struct scene *s)
{
	const struct af_tls_options options[] = {
		{ .ca_file = "ca.pem",
		  .cert_file = "client.pem",
		  .key_file = "client.pem" },
		{ .ca_file = "ca.pem",
		  .cert_file = "server.pem",
		  .verify_client = true },
	};
	int listener = server_listen("127.0.0.1", 0, 64);
	struct ends ends = { 0 };

	fcntl(listener, F_SETFL, O_NONBLOCK);
	ends.tls[0] = made(af_tls_client_new(&options[0], NULL, 0));
	ends.tls[1] = made(af_tls_server_new(&options[1], NULL, 0));
	for (int i = 0; i < 2 && ends.tls[0] && ends.tls[1]; i++)
		connect_and_meet(s, &ends, listener);
	close(listener);
	end(s,
	    af_connect_tls(s->loop, "127.0.0.1", "1", NULL, ends.tls[0],
			   MS(20000)),
	    -ECONNREFUSED);
	for (int i = 0; i < 2; i++)
		af_tls_free(ends.tls[i]);
}

const struct act tls_acts[] = {
	{ "tls", act_tls, true },
	{ "tls_borrowed", act_tls, false },
	{ "connect_tls", act_connect_tls, true },
	{ NULL, NULL, false },
};

void tls_acts_prepare(void)
{
	certs_make_all();
}
