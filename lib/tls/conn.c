/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS connections: their bytes, by OpenSSL, and how its results become errors.
 * The queue of errors of OpenSSL is empty before each call, because its results
 * depend on it.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "tls/conn.h"
#include "tls/name.h"

/* The bytes of a record, and room for those that are added to it. */
#define RECORD_MAX 16384
#define RECORD_MORE 1024

/* Whether OpenSSL says that the peer has left without a goodbye. */
static bool conn_is_cut_off(const struct afi_conn *conn)
{
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
	if (ERR_GET_REASON(ERR_peek_error()) ==
	    SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return true;
#endif
	return conn->io.ended && ERR_peek_error() == 0;
}

static bool conn_is_refused(void)
{
	return ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
	       ERR_GET_REASON(ERR_peek_error()) ==
		       SSL_R_CERTIFICATE_VERIFY_FAILED;
}

/* What a result of OpenSSL that is not positive means: 0 is an end. */
static int conn_error(struct afi_conn *conn, int result)
{
	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_SYSCALL:
	case SSL_ERROR_SSL:
		conn->failed = true;
		if (conn->io.error)
			return conn->io.error;
		if (conn_is_cut_off(conn))
			return -ECONNRESET;
		return conn_is_refused() ? -EACCES : -EPROTO;
	default: /* callbacks of the program's context that are not done */
		conn->failed = true;
		return -ENOTSUP;
	}
}

/* Reading is over if r, a result of OpenSSL, says so. Returns what r means. */
static int conn_end_read(struct afi_conn *conn, int r)
{
	r = conn_error(conn, r);
	conn->is_over = r != -EAGAIN;
	conn->over = r;
	return r;
}

static ssize_t conn_read(void *arg, void *buf, size_t len)
{
	struct afi_conn *conn = arg;
	int r;

	if (conn->is_over)
		return conn->over;
	ERR_clear_error();
	afi_bio_begin(&conn->io);
	r = SSL_read(conn->ssl, buf, len < INT_MAX ? (int)len : INT_MAX);
	if (r > 0)
		return r;
	r = conn_end_read(conn, r);
	ERR_clear_error();
	/* Answers of OpenSSL itself; what does not fit goes with a write. */
	afi_bio_flush(&conn->io);
	return r;
}

static ssize_t conn_write(void *arg, const void *buf, size_t len)
{
	struct afi_conn *conn = arg;
	int n = len < RECORD_MAX ? (int)len : RECORD_MAX, r;

	if (conn->failed)
		return -EPIPE;
	/* Before: a record cannot be made again. */
	r = afi_bio_reserve(&conn->io, (size_t)n + RECORD_MORE);
	if (r < 0)
		return r;
	ERR_clear_error();
	afi_bio_begin(&conn->io);
	r = SSL_write(conn->ssl, buf, n);
	if (r > 0)
		return r;
	/* -EAGAIN: it has received a part of a message that is not for us. */
	r = conn_error(conn, r);
	ERR_clear_error();
	return r == 0 || r == -ECONNRESET ? -EPIPE : r;
}

static int conn_flush(void *arg)
{
	struct afi_conn *conn = arg;

	return afi_bio_flush(&conn->io);
}

/*
 * Receives what is not for the program, such as tickets: a TCP socket that is
 * closed with unread bytes drops those that it has not sent.
 */
static void conn_take_in(struct afi_conn *conn)
{
	char byte;
	int r;

	if (conn->is_over)
		return;
	afi_bio_begin(&conn->io);
	r = SSL_peek(conn->ssl, &byte, 1);
	if (r <= 0)
		conn_end_read(conn, r);
	ERR_clear_error();
}

static int conn_finish(void *arg)
{
	struct afi_conn *conn = arg;
	int r;

	/* Not between the parts of a message: takes the rest, if it is there. */
	if (conn->shaken && !conn->failed && SSL_in_init(conn->ssl))
		conn_take_in(conn);
	if (conn->failed || SSL_in_init(conn->ssl))
		return -EPIPE;
	ERR_clear_error();
	r = SSL_shutdown(conn->ssl);
	ERR_clear_error();
	conn_take_in(conn);
	return r < 0 ? -EPIPE : 0;
}

const struct af_layer afi_conn_layer = {
	.read = conn_read,
	.write = conn_write,
	.flush = conn_flush,
	.finish = conn_finish,
	.release = afi_conn_free,
};

void afi_conn_free(void *arg)
{
	struct afi_conn *conn = arg;

	if (!conn)
		return;
	/* Otherwise OpenSSL would make its session useless. */
	if (conn->ssl && !conn->failed)
		SSL_set_shutdown(conn->ssl,
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(conn->ssl);
	afi_bio_clear(&conn->io);
	free(conn->key);
	af_tls_free(conn->tls);
	free(conn);
}

struct afi_conn *afi_conn_of(const struct af_file *file)
{
	return af_file_layer(file, &afi_conn_layer);
}

/* The bytes that OpenSSL keeps for an idle connection are few. */
static int conn_set_up(struct afi_conn *conn)
{
	BIO *bio = afi_bio_new(conn->tls->method, &conn->io);

	if (!bio)
		return -ENOMEM;
	SSL_set_bio(conn->ssl, bio, bio);
	SSL_set_read_ahead(conn->ssl, 1);
	SSL_set_mode(conn->ssl, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
	SSL_set_options(conn->ssl, SSL_OP_NO_RENEGOTIATION);
	if (conn->tls->server)
		SSL_set_accept_state(conn->ssl);
	else
		SSL_set_connect_state(conn->ssl);
	return 0;
}

/* What a client says and wants: protocols, the name, an earlier session. */
static int conn_set_up_client(struct afi_conn *conn, const char *name)
{
	struct af_tls *tls = conn->tls;
	SSL_SESSION *session;
	int r = afi_name_set(conn->ssl, name, tls->verifies);

	if (r < 0)
		return r;
	if (tls->alpn_len > 0 &&
	    SSL_set_alpn_protos(conn->ssl, (const unsigned char *)tls->alpn,
				(unsigned)tls->alpn_len) != 0)
		return -ENOMEM;
	if (!tls->keeps)
		return 0;
	conn->key = afi_name_key(name, conn->io.fd);
	if (!conn->key)
		return 0;
	session = afi_sessions_get(&tls->sessions, conn->key);
	if (session)
		SSL_set_session(conn->ssl, session);
	SSL_SESSION_free(session);
	return 0;
}

int afi_conn_new(struct af_tls *tls, int fd, const char *name,
		 struct afi_conn **ret)
{
	struct afi_conn *conn = calloc(1, sizeof(*conn));
	int r = -ENOMEM;

	if (!conn)
		return r;
	conn->tls = afi_tls_ref(tls);
	conn->io.fd = fd;
	conn->ssl = SSL_new(tls->context);
	if (conn->ssl)
		r = conn_set_up(conn);
	if (r == 0 && !tls->server)
		r = conn_set_up_client(conn, name);
	ERR_clear_error();
	if (r < 0)
		afi_conn_free(conn);
	else
		*ret = conn;
	return r;
}

int afi_conn_keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct afi_bio *io = afi_bio_of(SSL_get_rbio(ssl));
	struct afi_conn *conn =
		(void *)((char *)io - offsetof(struct afi_conn, io));

	return conn->key &&
	       afi_sessions_put(&conn->tls->sessions, conn->key, session);
}

static void conn_keep_alpn(struct afi_conn *conn)
{
	const unsigned char *alpn;
	unsigned len;

	SSL_get0_alpn_selected(conn->ssl, &alpn, &len);
	if (len > 0)
		memcpy(conn->alpn, alpn, len);
}

/* Sends what the handshake has made, up to now or, if it is done, at its end. */
static int conn_flush_handshake(struct afi_conn *conn, bool done)
{
	int r = afi_bio_flush(&conn->io);

	if (r != -EPIPE)
		return r;
	/*
	 * These are tickets for later. The client has all it needs, and may
	 * have sent its bytes and left.
	 */
	if (done && conn->tls->server &&
	    SSL_version(conn->ssl) >= TLS1_3_VERSION)
		return 0;
	return -ECONNRESET;
}

int afi_conn_handshake(struct afi_conn *conn)
{
	int r, sent;

	ERR_clear_error();
	afi_bio_begin(&conn->io);
	r = SSL_do_handshake(conn->ssl);
	conn->shaken = r == 1;
	r = r == 1 ? 0 : conn_error(conn, r);
	if (r == 0 && !conn->shaken)
		r = -ECONNRESET; /* a goodbye in the middle of it */
	/* Also an alert that says why it failed. */
	sent = conn_flush_handshake(conn, r == 0);
	if (r == 0 || r == -EAGAIN)
		r = sent < 0 && sent != -EAGAIN ? sent : r;
	if (r == 0 && sent == 0)
		conn_keep_alpn(conn);
	return r == 0 ? sent : r;
}

void afi_conn_describe(const struct afi_conn *conn, int error, char *buf)
{
	long verified = SSL_get_verify_result(conn->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (error == -EACCES)
		snprintf(buf, AFI_TLS_TEXT, "certificate verify failed (%s)",
			 X509_verify_cert_error_string(verified));
	else if (error == -ECONNRESET)
		snprintf(buf, AFI_TLS_TEXT,
			 "handshake: the peer has closed the connection");
	else if (error == -ETIMEDOUT)
		snprintf(buf, AFI_TLS_TEXT, "handshake: no answer");
	else
		snprintf(buf, AFI_TLS_TEXT, "handshake: %s",
			 error == -EPROTO && reason ? reason
						    : strerror(-error));
	ERR_clear_error();
}
