/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS in front: in tls.c with libasyncfile-tls, in tls_none.c without it, where
 * it cannot be opened.
 */
#ifndef PROXY_TLS_H
#define PROXY_TLS_H

#include <stddef.h>
#include <sys/time.h>

struct af_file;
struct af_future;
struct af_tls;

/* Reads the files. Returns NULL, and text says why. */
struct af_tls *tls_open(const char *cert, const char *key, char *text,
			size_t size);
void tls_close(struct af_tls *tls);

/*
 * The handshake with a client. The file is the future's from here on; on success
 * af_future_take_file() is the same file again, for what TLS protects.
 */
struct af_future *tls_accept(struct af_tls *tls, struct af_file *file,
			     const struct timeval *timeout);

#endif
