/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the OpenSSL context that the program's options describe.
 */
#ifndef AFI_TLS_CONTEXT_H
#define AFI_TLS_CONTEXT_H

#include "tls/tls.h"

/* Why it failed, for users. */
struct afi_tls_why {
	char *text;
	size_t size;
};

/* Says it: "what: why", or what alone if why is NULL. */
void afi_tls_say(struct afi_tls_why *why, const char *what, const char *text);
/* Makes tls->context; 0 or -errno. tls->alpn must be set. */
int afi_context_make(struct af_tls *tls, const struct af_tls_options *options,
		     struct afi_tls_why *why);

#endif
