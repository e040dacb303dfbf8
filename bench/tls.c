/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's side of TLS that is the same for all contenders.
 */
#include "tls.h"

SSL *tls_client(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = context ? SSL_new(context) : NULL;

	if (!ssl || !SSL_set_min_proto_version(ssl, TLS1_3_VERSION))
		bench_die("SSL_new");
	return ssl;
}
