/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program's options: whether they go together, and what is made of them.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls/bio.h"
#include "tls/context.h"

/* Why the options do not go together, or NULL. */
static const char *settings_problem(const struct af_tls_options *options,
				    bool server)
{
	uint64_t any = 0;
	bool files = options->ca_file || options->ca_path ||
		     options->cert_file || options->key_file;

	for (size_t i = 0; i < 8; i++)
		any |= options->reserved[i];
	if (any)
		return "reserved is not zero";
	if (options->key_file && !options->cert_file)
		return "key_file without cert_file";
	if (server && (options->no_verify || options->name))
		return "no_verify or name for a server";
	if (options->context)
		return files || options->verify_client ||
				       (server && options->alpn)
			       ? "context, and options that it should have"
			       : NULL;
	if (!server)
		return options->verify_client ? "verify_client for a client"
					      : NULL;
	if (!options->cert_file)
		return "a server needs cert_file";
	return options->verify_client && !options->ca_file && !options->ca_path
		       ? "verify_client needs ca_file or ca_path"
		       : NULL;
}

/* The length of the protocols as TLS has them; 0: none; -1: not valid. */
static long settings_alpn_len(const char *const *alpn)
{
	size_t sum = 0;

	for (size_t i = 0; alpn && alpn[i]; i++) {
		size_t len = strlen(alpn[i]);

		if (len == 0 || len > 255 || sum + len + 1 > 65535)
			return -1;
		sum += len + 1;
	}
	return (long)sum;
}

static int settings_set_alpn(struct af_tls *tls, const char *const *alpn,
			     struct afi_tls_why *why)
{
	long len = settings_alpn_len(alpn);
	char *to;

	if (len < 0)
		afi_tls_say(why, "a protocol is empty or too long", NULL);
	if (len <= 0)
		return len < 0 ? -EINVAL : 0;
	tls->alpn = to = malloc((size_t)len);
	if (!to)
		return -ENOMEM;
	tls->alpn_len = (size_t)len;
	for (size_t i = 0; alpn[i]; i++) {
		size_t n = strlen(alpn[i]);

		*to++ = (char)n;
		memcpy(to, alpn[i], n);
		to += n;
	}
	return 0;
}

static int settings_apply(struct af_tls *tls,
			  const struct af_tls_options *options,
			  struct afi_tls_why *why)
{
	size_t size = options->name ? strlen(options->name) + 1 : 0;
	int r = settings_set_alpn(tls, options->alpn, why);

	tls->verifies = !tls->server && !options->no_verify;
	tls->method = afi_bio_method();
	if (size > 0)
		tls->name = malloc(size);
	if (r == 0 && (!tls->method || (size > 0 && !tls->name)))
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (size > 0)
		memcpy(tls->name, options->name, size);
	if (!options->context)
		return afi_context_make(tls, options, why);
	SSL_CTX_up_ref(options->context);
	tls->context = options->context;
	return 0;
}

static struct af_tls *settings_make(const struct af_tls_options *options,
				    bool server, struct afi_tls_why *why)
{
	static const struct af_tls_options none;
	struct af_tls *tls = NULL;
	const char *problem;
	int r = -EINVAL;

	options = options ? options : &none;
	afi_tls_say(why, "", NULL);
	problem = settings_problem(options, server);
	if (problem) {
		afi_tls_say(why, problem, NULL);
		goto out;
	}
	tls = afi_tls_new(server);
	r = tls ? settings_apply(tls, options, why) : -ENOMEM;
	if (r == -ENOMEM)
		afi_tls_say(why, strerror(ENOMEM), NULL);
out:
	if (r == 0)
		return tls;
	af_tls_free(tls);
	errno = -r;
	return NULL;
}

struct af_tls *af_tls_client_new(const struct af_tls_options *options,
				 char *text, size_t size)
{
	struct afi_tls_why why = { text, size };

	return settings_make(options, false, &why);
}

struct af_tls *af_tls_server_new(const struct af_tls_options *options,
				 char *text, size_t size)
{
	struct afi_tls_why why = { text, size };

	return settings_make(options, true, &why);
}
