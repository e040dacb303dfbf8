/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TLS connection, as a layer of a file.
 */
#ifndef AFI_TLS_CONN_H
#define AFI_TLS_CONN_H

#include <asyncfile/layer.h>

#include "tls/bio.h"
#include "tls/tls.h"

/* Room for a text of what failed. */
#define AFI_TLS_TEXT 512

struct afi_conn {
	struct af_tls *tls;
	SSL *ssl;
	struct afi_bio io;
	char *key;	/* of its session; NULL: it has none */
	char alpn[256]; /* "": none */
	bool shaken;	/* the handshake is done */
	bool failed;	/* nothing more can be sent */
	bool is_over;	/* reading; over says how */
	int over;	/* 0: the peer's goodbye; or a negative errno */
};

extern const struct af_layer afi_conn_layer;

/*
 * Makes one on a socket. name: the server's, which a client verifies; NULL for a
 * server. 0; -EINVAL: that cannot be a name, -ENOMEM. afi_conn_free() frees it.
 */
int afi_conn_new(struct af_tls *tls, int fd, const char *name,
		 struct afi_conn **ret);
void afi_conn_free(void *conn);
/* Takes steps of the handshake: 0: it is done; -EAGAIN; another -errno. */
int afi_conn_handshake(struct afi_conn *conn);
/* After a failure of that, why, in buf of AFI_TLS_TEXT bytes. */
void afi_conn_describe(const struct afi_conn *conn, int error, char *buf);
/* For OpenSSL, when a client got a session: 1, and it is kept; or 0. */
int afi_conn_keep_session(SSL *ssl, SSL_SESSION *session);
/* The connection of a file; NULL: it has none. */
struct afi_conn *afi_conn_of(const struct af_file *file);

#endif
