/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OpenSSL contexts: versions, authorities, the own certificate, protocols,
 * sessions. A file is opened first, because OpenSSL's errors do not say well why
 * that fails.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tls/conn.h"
#include "tls/context.h"

void afi_tls_say(struct afi_tls_why *why, const char *what, const char *text)
{
	if (why->text && why->size > 0)
		snprintf(why->text, why->size, "%s%s%s", what, text ? ": " : "",
			 text ? text : "");
}

/* Says what OpenSSL has to say of a file; -EINVAL. */
static int context_bad(struct afi_tls_why *why, const char *path)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);

	afi_tls_say(why, path, reason ? reason : "not valid");
	ERR_clear_error();
	return -EINVAL;
}

/* Whether a file or a folder can be read: 0, or -errno, and says why not. */
static int context_look(struct afi_tls_why *why, const char *path)
{
	int fd, r;

	do
		fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	r = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	else
		afi_tls_say(why, path, strerror(-r));
	return r;
}

static int context_load_authorities(SSL_CTX *context,
				    const struct af_tls_options *options,
				    struct afi_tls_why *why)
{
	const char *file = options->ca_file, *path = options->ca_path;
	int r = 0;

	if (file)
		r = context_look(why, file);
	if (r == 0 && path)
		r = context_look(why, path);
	if (r < 0)
		return r;
	if (!SSL_CTX_load_verify_locations(context, file, path))
		return context_bad(why, file ? file : path);
	return 0;
}

static int context_set_authorities(struct af_tls *tls,
				   const struct af_tls_options *options,
				   struct afi_tls_why *why)
{
	if (options->ca_file || options->ca_path)
		return context_load_authorities(tls->context, options, why);
	if (!tls->server && !options->no_verify)
		SSL_CTX_set_default_verify_paths(tls->context);
	ERR_clear_error();
	return 0;
}

/* Instead of OpenSSL's own, which asks at the terminal. */
static int context_no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static int context_set_certificate(SSL_CTX *context,
				   const struct af_tls_options *options,
				   struct afi_tls_why *why)
{
	const char *cert = options->cert_file;
	const char *key = options->key_file ? options->key_file : cert;
	int r;

	if (!cert)
		return 0;
	SSL_CTX_set_default_passwd_cb(context, context_no_password);
	r = context_look(why, cert);
	if (r == 0)
		r = context_look(why, key);
	if (r < 0)
		return r;
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
		return context_bad(why, cert);
	/* This also fails if the key is of another certificate. */
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return context_bad(why, key);
	return 0;
}

/* The server's choice: the first of its own that the client offers. */
static int context_on_alpn(SSL *ssl, const unsigned char **ret,
			   unsigned char *ret_len, const unsigned char *offered,
			   unsigned offered_len, void *arg)
{
	const struct af_tls *tls = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, ret_len,
				  (const unsigned char *)tls->alpn,
				  (unsigned)tls->alpn_len, offered,
				  offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int context_set_up_server(struct af_tls *tls,
				 const struct af_tls_options *options)
{
	static const unsigned char id[] = "asyncfile";
	STACK_OF(X509_NAME) * names;

	if (tls->alpn_len > 0)
		SSL_CTX_set_alpn_select_cb(tls->context, context_on_alpn, tls);
	/* Sessions of clients that were verified need one. */
	SSL_CTX_set_session_id_context(tls->context, id, sizeof(id) - 1);
	if (!options->verify_client)
		return 0;
	SSL_CTX_set_verify(tls->context,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   NULL);
	names = options->ca_file ? SSL_load_client_CA_file(options->ca_file)
				 : NULL;
	if (names)
		SSL_CTX_set_client_CA_list(tls->context, names);
	return 0;
}

static int context_set_up_client(struct af_tls *tls)
{
	tls->keeps = true;
	SSL_CTX_set_session_cache_mode(tls->context,
				       SSL_SESS_CACHE_CLIENT |
					       SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(tls->context, afi_conn_keep_session);
	return 0;
}

int afi_context_make(struct af_tls *tls, const struct af_tls_options *options,
		     struct afi_tls_why *why)
{
	int r;

	ERR_clear_error();
	tls->context = SSL_CTX_new(tls->server ? TLS_server_method()
					       : TLS_client_method());
	if (!tls->context)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
	r = context_set_authorities(tls, options, why);
	if (r == 0)
		r = context_set_certificate(tls->context, options, why);
	if (r == 0)
		r = tls->server ? context_set_up_server(tls, options)
				: context_set_up_client(tls);
	ERR_clear_error();
	return r;
}
