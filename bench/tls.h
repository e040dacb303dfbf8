/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS 1.3 on a socket pair: the context, and a child that is the server.
 */
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <openssl/ssl.h>

#include "bench.h"

/* A client's SSL, which trusts any server. */
SSL *tls_client(void);

#endif
