/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What makes TLS connections: an OpenSSL context, the options of the program,
 * and the sessions of a client. Connections share it, on any thread.
 */
#ifndef AFI_TLS_TLS_H
#define AFI_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

/* Visible outside the library, unlike all else. */
#pragma GCC visibility push(default)
#include <asyncfile/tls.h>
#pragma GCC visibility pop

#include "tls/sessions.h"

struct af_tls {
	SSL_CTX *context;
	BIO_METHOD *method; /* see tls/bio.h */
	bool server;
	bool verifies; /* a client: the peer's certificate and its name */
	bool keeps;    /* a client: sessions, in its own context */
	char *name;    /* to verify instead of the host; or NULL */
	char *alpn;    /* as in the protocol: each with its length before it */
	size_t alpn_len;
	struct afi_sessions sessions;
	unsigned refs; /* under the lock of the sessions */
};

/* One without a context, to be filled in. NULL: no memory. */
struct af_tls *afi_tls_new(bool server);
struct af_tls *afi_tls_ref(struct af_tls *tls);

#endif
