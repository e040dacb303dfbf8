/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A BIO over a socket whose calls never block and raise no SIGPIPE, whatever
 * the mode of the socket: those of OpenSSL use read(2) and write(2).
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>

#include "tls/bio.h"

/*
 * What is received for one call of OpenSSL, which goes on until it has a byte of
 * the program: more than a record, so that there is always one in it, unless the
 * peer sends what has none.
 */
#define RECEIVE_MAX 65536

/*
 * What is gathered to be sent: more than writes and a handshake gather. A peer
 * that has us answer, and reads nothing, gets no more.
 */
#define SEND_MAX 262144

/* Elsewhere the library has set SO_NOSIGPIPE when it made the file. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

struct afi_bio *afi_bio_of(BIO *bio)
{
	return BIO_get_data(bio);
}

/* Bytes that were received before; 0: none are left. */
static int bio_read_early(struct afi_bio *io, char *buf, int len)
{
	int n = evbuffer_remove(io->early, buf, (size_t)len);

	if (n > 0)
		return n;
	evbuffer_free(io->early);
	io->early = NULL;
	return 0;
}

static int bio_read(BIO *bio, char *buf, int len)
{
	struct afi_bio *io = afi_bio_of(bio);
	ssize_t r = io->early ? bio_read_early(io, buf, len) : 0;

	BIO_clear_retry_flags(bio);
	if (r > 0)
		return (int)r;
	/* As if there were no more: the loop finds the rest in its next turn. */
	if (io->most == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	do
		r = recv(io->fd, buf,
			 (size_t)len < io->most ? (size_t)len : io->most,
			 MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r >= 0) {
		io->ended = r == 0;
		io->most -= (size_t)r;
		return (int)r;
	}
	if (errno == EWOULDBLOCK)
		BIO_set_retry_read(bio);
	else
		io->error = -errno;
	return -1;
}

void afi_bio_begin(struct afi_bio *io)
{
	io->most = RECEIVE_MAX;
}

int afi_bio_reserve(struct afi_bio *io, size_t n)
{
	size_t size;
	char *out;

	if (io->size - io->start - io->len >= n)
		return 0;
	size = io->len + n;
	size = size < 2 * io->len ? 2 * io->len : size;
	out = malloc(size);
	if (!out)
		return -ENOMEM;
	if (io->out)
		memcpy(out, io->out + io->start, io->len);
	free(io->out);
	io->out = out;
	io->start = 0;
	io->size = size;
	return 0;
}

static int bio_write(BIO *bio, const char *buf, int len)
{
	struct afi_bio *io = afi_bio_of(bio);

	BIO_clear_retry_flags(bio);
	if (io->len + (size_t)len > SEND_MAX)
		io->error = -EPROTO;
	else if (afi_bio_reserve(io, (size_t)len) < 0)
		io->error = -ENOMEM;
	if (io->error)
		return -1;
	memcpy(io->out + io->start + io->len, buf, (size_t)len);
	io->len += (size_t)len;
	return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return afi_bio_of(bio)->ended;
	default:
		return 0;
	}
}

BIO_METHOD *afi_bio_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "asyncfile");

	if (!method)
		return NULL;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

BIO *afi_bio_new(const BIO_METHOD *method, struct afi_bio *io)
{
	BIO *bio = BIO_new(method);

	if (!bio)
		return NULL;
	BIO_set_data(bio, io);
	BIO_set_init(bio, 1);
	return bio;
}

/* An idle connection needs no memory for what it sends. */
static void bio_sent(struct afi_bio *io)
{
	free(io->out);
	io->out = NULL;
	io->start = io->len = io->size = 0;
}

int afi_bio_flush(struct afi_bio *io)
{
	ssize_t r;

	while (io->len > 0) {
		r = send(io->fd, io->out + io->start, io->len,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r >= 0) {
			io->start += (size_t)r;
			io->len -= (size_t)r;
		} else if (errno == EWOULDBLOCK) {
			return -EAGAIN;
		} else if (errno == ECONNRESET) {
			return -EPIPE;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	bio_sent(io);
	return 0;
}

void afi_bio_clear(struct afi_bio *io)
{
	if (io->early)
		evbuffer_free(io->early);
	io->early = NULL;
	bio_sent(io);
}
