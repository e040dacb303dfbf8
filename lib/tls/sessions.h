/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The newest sessions of a client, by a key that says with whom. Any thread.
 */
#ifndef AFI_TLS_SESSIONS_H
#define AFI_TLS_SESSIONS_H

#include <pthread.h>
#include <stdbool.h>

#include <openssl/ssl.h>

/* As many as are kept; a new one replaces the oldest. */
#define AFI_SESSIONS_MAX 64

struct afi_sessions {
	pthread_mutex_t lock;
	unsigned long stored; /* so far */
	struct {
		char *key; /* NULL: free */
		SSL_SESSION *session;
		unsigned long number;
	} kept[AFI_SESSIONS_MAX];
};

/* 0 or -errno. */
int afi_sessions_init(struct afi_sessions *sessions);
void afi_sessions_clear(struct afi_sessions *sessions);
/* Keeps a session; false: it is still the caller's. */
bool afi_sessions_put(struct afi_sessions *sessions, const char *key,
		      SSL_SESSION *session);
/*
 * Returns the session for a key, which is the caller's to free, or NULL. One of
 * TLS 1.3 is returned once only, so that observers cannot link connections.
 */
SSL_SESSION *afi_sessions_get(struct afi_sessions *sessions, const char *key);

#endif
