/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making bufferevents in pairs: sockets, filters, zlib, TLS with a certificate
 * of the moment. It knows neither the library nor Check.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>

#ifdef WITH_ZLIB
#include <zlib.h>
#endif
#ifdef WITH_TLS
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#endif

#include "support/layers.h"
#include "support/system.h"

/* For programs that are no tests, too. */
#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "layers: %s failed\n", #condition);    \
			abort();                                               \
		}                                                              \
	} while (0)

static void make_fds(int fds[2])
{
	must(cloexec_socketpair(SOCK_STREAM, fds) == 0);
	for (int i = 0; i < 2; i++)
		must(evutil_make_socket_nonblocking(fds[i]) == 0);
}

static void make_sockets(struct event_base *base, struct bufferevent *bevs[2],
			 int options)
{
	int fds[2];

	make_fds(fds);
	for (int i = 0; i < 2; i++) {
		bevs[i] = bufferevent_socket_new(
			base, fds[i], BEV_OPT_CLOSE_ON_FREE | options);
		must(bevs[i]);
	}
}

void layer_socket(struct event_base *base, struct bufferevent *bevs[2])
{
	make_sockets(base, bevs, 0);
}

void layer_deferred(struct event_base *base, struct bufferevent *bevs[2])
{
	make_sockets(base, bevs,
		     BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
}

void layer_limited(struct event_base *base, struct bufferevent *bevs[2])
{
	static struct ev_token_bucket_cfg *limit;
	struct timeval tick = { 0, 2000 };

	if (!limit)
		limit = ev_token_bucket_cfg_new(65536, 65536, 65536, 65536,
						&tick);
	make_sockets(base, bevs, 0);
	for (int i = 0; i < 2; i++)
		must(bufferevent_set_rate_limit(bevs[i], limit) == 0);
}

void layer_pair(struct event_base *base, struct bufferevent *bevs[2])
{
	must(bufferevent_pair_new(base, 0, bevs) == 0);
}

static enum bufferevent_filter_result
pass(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit,
     enum bufferevent_flush_mode mode, void *arg)
{
	size_t len = evbuffer_get_length(src);

	(void)mode;
	(void)arg;
	if (limit >= 0 && len > (size_t)limit)
		len = (size_t)limit;
	if (len == 0)
		return BEV_NEED_MORE;
	return evbuffer_remove_buffer(src, dst, len) > 0 ? BEV_OK : BEV_ERROR;
}

void layer_filter(struct event_base *base, struct bufferevent *bevs[2])
{
	make_sockets(base, bevs, 0);
	for (int i = 0; i < 2; i++) {
		bevs[i] = bufferevent_filter_new(
			bevs[i], pass, pass, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
		must(bevs[i]);
	}
}

#ifdef WITH_ZLIB
struct zlib {
	z_stream in, out;
};

static enum bufferevent_filter_result convert(z_stream *z,
					      int (*step)(z_stream *, int),
					      struct evbuffer *src,
					      struct evbuffer *dst, int flush)
{
	size_t len = evbuffer_get_length(src), made = 0;
	unsigned char out[4096];
	int r;

	z->next_in = evbuffer_pullup(src, -1);
	z->avail_in = (uInt)len;
	do {
		z->next_out = out;
		z->avail_out = sizeof out;
		r = step(z, flush);
		if (r < 0 && r != Z_BUF_ERROR)
			return BEV_ERROR;
		made += sizeof out - z->avail_out;
		evbuffer_add(dst, out, sizeof out - z->avail_out);
	} while (z->avail_out == 0);
	evbuffer_drain(src, len - z->avail_in);
	return made > 0 ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result
inflate_some(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit,
	     enum bufferevent_flush_mode mode, void *arg)
{
	struct zlib *zlib = arg;

	(void)limit;
	(void)mode;
	return convert(&zlib->in, inflate, src, dst, Z_NO_FLUSH);
}

static enum bufferevent_filter_result
deflate_some(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit,
	     enum bufferevent_flush_mode mode, void *arg)
{
	struct zlib *zlib = arg;

	(void)limit;
	return convert(&zlib->out, deflate, src, dst,
		       mode == BEV_FINISHED ? Z_FINISH : Z_SYNC_FLUSH);
}

static void free_zlib(void *arg)
{
	struct zlib *zlib = arg;

	inflateEnd(&zlib->in);
	deflateEnd(&zlib->out);
	free(zlib);
}

struct bufferevent *layer_zlib_over(struct bufferevent *below)
{
	struct zlib *zlib = calloc(1, sizeof *zlib);
	struct bufferevent *bev;

	/* As many bytes as before, or a test of full buffers would be none. */
	must(deflateInit(&zlib->out, Z_NO_COMPRESSION) == Z_OK);
	must(inflateInit(&zlib->in) == Z_OK);
	bev = bufferevent_filter_new(below, inflate_some, deflate_some,
				     BEV_OPT_CLOSE_ON_FREE, free_zlib, zlib);
	must(bev);
	return bev;
}

void layer_zlib(struct event_base *base, struct bufferevent *bevs[2])
{
	make_sockets(base, bevs, 0);
	for (int i = 0; i < 2; i++)
		bevs[i] = layer_zlib_over(bevs[i]);
}
#endif

#ifdef WITH_TLS
/* A certificate that its holder signed, good for a minute. */
static void certify(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	must(key && cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 60);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
				   MBSTRING_ASC, (const unsigned char *)"test",
				   -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	must(X509_sign(cert, key, EVP_sha256()) > 0);
	must(SSL_CTX_use_certificate(context, cert) == 1);
	must(SSL_CTX_use_PrivateKey(context, key) == 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static SSL *tls_writer;

/* The reader accepts, the writer connects. */
static SSL *make_tls(int i)
{
	static SSL_CTX *context;
	SSL *ssl;

	if (!context) {
		context = SSL_CTX_new(TLS_method());
		must(context);
		/* Nobody reads them where only one side reads. */
		SSL_CTX_set_num_tickets(context, 0);
		certify(context);
	}
	ssl = SSL_new(context);
	must(ssl);
	if (i == 1)
		tls_writer = ssl;
	return ssl;
}

static void on_connected(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	must(what == BEV_EVENT_CONNECTED);
	++*(int *)arg;
}

static void shake_hands(struct event_base *base, struct bufferevent *bevs[2])
{
	int connected = 0;

	for (int i = 0; i < 2; i++)
		bufferevent_setcb(bevs[i], NULL, NULL, on_connected,
				  &connected);
	while (connected < 2)
		must(event_base_loop(base, EVLOOP_ONCE) == 0);
}

static enum bufferevent_ssl_state role(int i)
{
	return i == 0 ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
}

void layer_tls(struct event_base *base, struct bufferevent *bevs[2])
{
	int fds[2];

	make_fds(fds);
	for (int i = 0; i < 2; i++)
		bevs[i] = bufferevent_openssl_socket_new(base, fds[i],
							 make_tls(i), role(i),
							 BEV_OPT_CLOSE_ON_FREE);
	shake_hands(base, bevs);
}

void layer_tls_filter(struct event_base *base, struct bufferevent *bevs[2])
{
	make_sockets(base, bevs, 0);
	for (int i = 0; i < 2; i++)
		bevs[i] = bufferevent_openssl_filter_new(base, bevs[i],
							 make_tls(i), role(i),
							 BEV_OPT_CLOSE_ON_FREE);
	shake_hands(base, bevs);
}

struct bufferevent *layer_tls_client(struct event_base *base, int fd, bool over)
{
	struct bufferevent *below;

	if (!over)
		return bufferevent_openssl_socket_new(
			base, fd, make_tls(1), BUFFEREVENT_SSL_CONNECTING,
			BEV_OPT_CLOSE_ON_FREE);
	below = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	return bufferevent_openssl_filter_new(base, below, make_tls(1),
					      BUFFEREVENT_SSL_CONNECTING,
					      BEV_OPT_CLOSE_ON_FREE);
}

struct bufferevent *layer_tls_server(struct event_base *base, int fd)
{
	tls_writer = make_tls(0);
	return bufferevent_openssl_socket_new(base, fd, tls_writer,
					      BUFFEREVENT_SSL_ACCEPTING,
					      BEV_OPT_CLOSE_ON_FREE);
}

void layer_tls_shutdown(void)
{
	SSL_shutdown(tls_writer);
	ERR_clear_error();
}
#endif
