/* SPDX-License-Identifier: BSD-3-Clause */
/* tls HOST PORT [CA-FILE]: prints the header of an HTTPS server's answer. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct timeval limit = { .tv_sec = 10 };

/* Starts to connect. The bufferevent owns *ssl, and the file both. */
static struct af_file *open_tls(struct af_loop *loop, SSL_CTX *context,
				const char *host, int port, SSL **ssl)
{
	struct bufferevent *bev = NULL;
	struct af_file *file;

	*ssl = SSL_new(context);
	if (*ssl && SSL_set1_host(*ssl, host) == 1 &&
	    SSL_set_tlsext_host_name(*ssl, host) == 1)
		bev = bufferevent_openssl_socket_new(
			af_loop_base(loop), -1, *ssl,
			BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(*ssl);
		return NULL;
	}
	file = af_file_from_bufferevent(loop, bev, 0);
	if (file)
		bufferevent_socket_connect_hostname(bev, NULL, AF_UNSPEC, host,
						    port);
	else
		bufferevent_free(bev);
	return file;
}

/* Prints the lines of the answer, up to an empty one. */
static int ask(struct af_file *file, const char *host)
{
	struct af_future *line, *write;
	char request[512];
	size_t len;
	int r;

	snprintf(request, sizeof(request), "GET / HTTP/1.0\r\nHost: %s\r\n\r\n",
		 host);
	/* The read first: it gets the error of a connect that fails. */
	line = af_file_readline(file, 0, 0, 0, &limit);
	write = af_file_write(file, request, strlen(request), AFIO_FULL,
			      &limit);
	while ((r = af_await(line)) == 0) {
		printf("%s", af_future_data(line, &len));
		if (len <= 2) /* "\r\n", or the end */
			break;
		af_future_unref(line);
		line = af_file_readline(file, 0, 0, 0, &limit);
	}
	af_future_unref(line);
	af_future_unref(write);
	return r;
}

/* Sends close_notify, and reads until the server's. */
static int say_goodbye(struct af_file *file, SSL *ssl)
{
	struct af_future *rest;
	int r;

	if (SSL_shutdown(ssl) < 0)
		return -EIO;
	rest = af_file_read(file, 0, 0, &limit);
	r = af_await(rest);
	if (r == 0 && !(af_future_flags(rest) & AFIO_EOF))
		r = -ETIMEDOUT;
	af_future_unref(rest);
	return r;
}

static int talk(struct af_loop *loop, SSL_CTX *context, const char *host,
		int port)
{
	SSL *ssl;
	struct af_file *file = open_tls(loop, context, host, port, &ssl);
	int r = ask(file, host);
	long verified = file ? SSL_get_verify_result(ssl) : X509_V_OK;

	if (r == 0)
		r = say_goodbye(file, ssl);
	if (verified != X509_V_OK)
		fprintf(stderr, "%s: %s\n", host,
			X509_verify_cert_error_string(verified));
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", host, strerror(-r));
	af_file_close(file);
	return r;
}

int main(int argc, char *argv[])
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct af_loop *loop;
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: tls HOST PORT [CA-FILE]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* bufferevents raise it */
	r = argc > 3 ? SSL_CTX_load_verify_locations(context, argv[3], NULL)
		     : SSL_CTX_set_default_verify_paths(context);
	if (r != 1) {
		ERR_print_errors_fp(stderr);
		return 1;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	loop = af_loop_new(NULL);
	r = talk(loop, context, argv[1], atoi(argv[2]));
	af_loop_free(loop);
	SSL_CTX_free(context);
	return r != 0;
}
