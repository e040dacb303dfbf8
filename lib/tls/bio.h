/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How OpenSSL reaches the socket: it receives from it directly, after bytes that
 * were read before; what it sends is gathered, and sent by afi_bio_flush().
 */
#ifndef AFI_TLS_BIO_H
#define AFI_TLS_BIO_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/bio.h>

struct evbuffer;

struct afi_bio {
	int fd;
	struct evbuffer *early; /* received already; NULL: no more */
	char *out;		/* to be sent */
	size_t start, len, size;
	size_t most; /* bytes to receive before others have a turn */
	int error;   /* a negative errno, which OpenSSL does not know */
	bool ended;
};

/* The method for afi_bio_new(); BIO_meth_free() frees it. NULL: no memory. */
BIO_METHOD *afi_bio_method(void);
/* A BIO for both directions, which does not own io. NULL: no memory. */
BIO *afi_bio_new(const BIO_METHOD *method, struct afi_bio *io);
/* The io of a BIO. */
struct afi_bio *afi_bio_of(BIO *bio);
/* To be called before OpenSSL is to receive. */
void afi_bio_begin(struct afi_bio *io);
/* Makes room for n more bytes to be sent; 0 or -ENOMEM. */
int afi_bio_reserve(struct afi_bio *io, size_t n);
/* Sends what was gathered: 0, -EAGAIN, -EPIPE or another negative errno. */
int afi_bio_flush(struct afi_bio *io);
void afi_bio_clear(struct afi_bio *io);

#endif
