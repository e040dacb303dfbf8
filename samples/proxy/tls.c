/* SPDX-License-Identifier: BSD-3-Clause */
#include <asyncfile.h>
#include <asyncfile/tls.h>

#include "tls.h"

struct af_tls *tls_open(const char *cert, const char *key, char *text,
			size_t size)
{
	const struct af_tls_options options = {
		.cert_file = cert,
		.key_file = key,
	};

	return af_tls_server_new(&options, text, size);
}

void tls_close(struct af_tls *tls)
{
	af_tls_free(tls);
}

struct af_future *tls_accept(struct af_tls *tls, struct af_file *file,
			     const struct timeval *timeout)
{
	return af_accept_tls(file, tls, timeout);
}
