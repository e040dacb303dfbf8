/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends a text to a TLS server that must have a name, and prints the answer. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LONGEST_PAUSE_MS 2000

static const struct timeval limit = { .tv_sec = 10 };

struct server {
	struct af_loop *loop;
	struct sockaddr_storage address;
	int address_len;
	const char *name;
	SSL_CTX *ctx;
};

/* Starts to connect. The file and its bufferevent own *ssl. */
static struct af_file *open_tls(struct server *server, SSL **ssl)
{
	struct sockaddr *address = (struct sockaddr *)&server->address;
	struct bufferevent *bev;
	struct af_file *file;

	*ssl = SSL_new(server->ctx);
	if (!*ssl || SSL_set1_host(*ssl, server->name) != 1 ||
	    SSL_set_tlsext_host_name(*ssl, server->name) != 1) {
		SSL_free(*ssl);
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(af_loop_base(server->loop), -1,
					     *ssl, BUFFEREVENT_SSL_CONNECTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(*ssl);
		return NULL;
	}
	file = af_file_from_bufferevent(server->loop, bev, 0);
	if (!file)
		bufferevent_free(bev);
	else
		bufferevent_socket_connect(bev, address, server->address_len);
	return file;
}

/* Tells the server that nothing more follows; its answer can still be read. */
static int send_goodbye(struct af_file *file, SSL *ssl)
{
	struct af_future *ready;
	int n, r = 0;

	ERR_clear_error();
	while (r == 0 && (n = SSL_shutdown(ssl)) < 0) {
		if (SSL_get_error(ssl, n) != SSL_ERROR_WANT_WRITE)
			return -EIO;
		ready = af_wait_fd(af_file_loop(file), af_file_fd(file),
				   EV_WRITE, &limit);
		r = af_await(ready);
		af_future_unref(ready);
	}
	return r;
}

/* Reading up to the end is what makes the close lose nothing. */
static int talk(struct server *server, const char *text)
{
	SSL *ssl = NULL;
	struct af_file *file = open_tls(server, &ssl);
	struct af_future *said, *heard;
	long verified;
	int r;

	heard = af_file_read(file, 0, 0, &limit);
	said = af_file_write(file, text, strlen(text), AFIO_FULL, &limit);
	r = af_await(said);
	if (r == 0)
		r = send_goodbye(file, ssl);
	if (r == 0 || af_future_is_done(heard)) /* it knows why */
		r = af_await(heard);
	if (r == 0)
		printf("%s", af_future_data(heard, NULL));
	if (r == 0 && !(af_future_flags(heard) & AFIO_EOF))
		r = -ETIMEDOUT;
	verified = file ? SSL_get_verify_result(ssl) : X509_V_OK;
	if (verified != X509_V_OK) {
		fprintf(stderr, "%s: %s\n", server->name,
			X509_verify_cert_error_string(verified));
		r = -EACCES;
	}
	af_future_unref(said);
	af_future_unref(heard);
	af_file_close(file);
	return r;
}

int main(int argc, char *argv[])
{
	struct server server = { .address_len = sizeof(server.address) };
	int r = -EINVAL;

	if (argc != 5 || evutil_parse_sockaddr_port(
				 argv[1], (struct sockaddr *)&server.address,
				 &server.address_len) < 0) {
		fprintf(stderr,
			"usage: tls_client ADDRESS:PORT NAME CA-FILE TEXT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* bufferevents raise it */
	server.name = argv[2];
	server.loop = af_loop_new(NULL);
	server.ctx = SSL_CTX_new(TLS_client_method());
	if (server.ctx &&
	    SSL_CTX_load_verify_locations(server.ctx, argv[3], NULL) == 1) {
		SSL_CTX_set_verify(server.ctx, SSL_VERIFY_PEER, NULL);
		r = talk(&server, argv[4]);
	}
	/* Again, with everything new; the server has seen nothing so far. */
	for (int ms = 100; ms < LONGEST_PAUSE_MS && r == -ECONNREFUSED;
	     ms *= 2) {
		const struct timeval pause = { ms / 1000, ms % 1000 * 1000 };
		struct af_future *sleep = af_sleep(server.loop, &pause);

		af_await(sleep);
		af_future_unref(sleep);
		r = talk(&server, argv[4]);
	}
	if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	SSL_CTX_free(server.ctx);
	af_loop_free(server.loop);
	return r != 0;
}
