/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include <asyncfile.h>

#include "tls.h"

struct af_tls *tls_open(const char *cert, const char *key, char *text,
			size_t size)
{
	(void)cert;
	(void)key;
	snprintf(text, size, "built without TLS");
	return NULL;
}

void tls_close(struct af_tls *tls)
{
	(void)tls;
}

struct af_future *tls_accept(struct af_tls *tls, struct af_file *file,
			     const struct timeval *timeout)
{
	struct af_loop *loop = af_file_loop(file);

	(void)tls;
	(void)timeout;
	af_file_close(file);
	return af_failed(loop, -ENOTSUP);
}
