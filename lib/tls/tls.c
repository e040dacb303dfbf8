/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of what connections have in common: it ends with the last of them
 * and with the program's own reference. Any thread.
 */
#include "config.h"

#include <stdlib.h>

#include "tls/tls.h"

struct af_tls *afi_tls_new(bool server)
{
	struct af_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	if (afi_sessions_init(&tls->sessions) < 0) {
		free(tls);
		return NULL;
	}
	tls->server = server;
	tls->refs = 1;
	return tls;
}

struct af_tls *afi_tls_ref(struct af_tls *tls)
{
	pthread_mutex_lock(&tls->sessions.lock);
	tls->refs++;
	pthread_mutex_unlock(&tls->sessions.lock);
	return tls;
}

void af_tls_free(struct af_tls *tls)
{
	unsigned left;

	if (!tls)
		return;
	pthread_mutex_lock(&tls->sessions.lock);
	left = --tls->refs;
	pthread_mutex_unlock(&tls->sessions.lock);
	if (left > 0)
		return;
	afi_sessions_clear(&tls->sessions);
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->method);
	free(tls->name);
	free(tls->alpn);
	free(tls);
}
