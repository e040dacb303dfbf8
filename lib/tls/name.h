/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The name of the server: what is verified, what is sent, and under which key
 * sessions are kept.
 */
#ifndef AFI_TLS_NAME_H
#define AFI_TLS_NAME_H

#include <stdbool.h>

#include <openssl/ssl.h>

/*
 * Has a client send a name, and verify it if verifies is set; NULL: none. 0;
 * -EINVAL: it cannot be a name, -ENOMEM.
 */
int afi_name_set(SSL *ssl, const char *name, bool verifies);
/* The key for sessions with this name and the socket's peer, or NULL. */
char *afi_name_key(const char *name, int fd);

#endif
