/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listens on the addresses of a host: checks what is asked for, finds the
 * addresses, and makes a listener of the sockets. Here the calling thread waits
 * for a name server.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net/listen.h"

static bool listen_is_valid(const char *host, const char *service,
			    const struct af_listen_options *options)
{
	int family = options->family, type = options->type;

	if (afi_listener_check_options(options) < 0 ||
	    (type != 0 && type != SOCK_STREAM && type != SOCK_SEQPACKET))
		return false;
	if (afi_address_is_unix(host))
		return !service && (family == AF_UNSPEC || family == AF_UNIX);
	return type != SOCK_SEQPACKET &&
	       (family == AF_UNSPEC || family == AF_INET || family == AF_INET6);
}

int afi_listen_query(const char *host, const char *service,
		     const struct af_listen_options *options,
		     struct afi_names_query *query,
		     struct afi_listen_failure *failure)
{
	if (!listen_is_valid(host, service, options))
		return afi_listen_fail(failure, "option", NULL, EINVAL);
	*query = (struct afi_names_query){
		.host = host,
		.service = afi_address_is_unix(host) || service ? service : "0",
		.family = options->family,
		.type = SOCK_STREAM,
		.passive = true,
	};
	return 0;
}

int afi_listen_fail_names(struct afi_listen_failure *failure,
			  const struct afi_names_query *query, int error,
			  const char *text)
{
	const char *subject = query->host ? query->host : query->service;

	return afi_listen_fail_text(failure, NULL, subject, -error, text);
}

/* What needs no name server; -ENOENT: perhaps it is a name. */
static int listen_find_now(const struct afi_names_query *query,
			   struct afi_names **ret, const char **text)
{
	struct afi_names_query numeric = *query;

	numeric.numeric = true;
	*text = NULL;
	return afi_address_is_unix(query->host)
		       ? afi_names_find_unix(query->host, ret)
		       : afi_names_find(&numeric, ret, text);
}

/* Waits for the name server, if it has to be asked. */
static int listen_find(const struct afi_names_query *query,
		       struct afi_names **ret,
		       struct afi_listen_failure *failure)
{
	const char *text = NULL;
	int r = afi_names_check(query);

	if (r == 0)
		r = listen_find_now(query, ret, &text);
	if (r == -ENOENT)
		r = afi_names_find(query, ret, &text);
	return r < 0 ? afi_listen_fail_names(failure, query, r, text) : 0;
}

static int listen_fail_memory(struct afi_listen_failure *failure)
{
	return afi_listen_fail(failure, "memory", NULL, ENOMEM);
}

int afi_listen_on(struct af_loop *loop, const struct afi_names *names,
		  const struct af_listen_options *options,
		  struct af_listener **ret, struct afi_listen_failure *failure)
{
	struct af_listener *listener =
		afi_listener_make(loop, names->n, options);
	struct afi_bound *bound = calloc(names->n, sizeof(*bound));
	int r = listener && bound ? 0 : listen_fail_memory(failure);

	if (r == 0)
		r = afi_bound_open(names, options, bound, &listener->n,
				   failure);
	if (r == 0) {
		for (size_t i = 0; i < listener->n; i++)
			listener->sockets[i].bound = bound[i];
		afi_listener_attach(listener);
		*ret = listener;
	} else if (listener) {
		afi_listener_discard(listener);
	}
	free(bound);
	return r;
}

static struct af_listener *listen_start(struct af_loop *loop, const char *host,
					const char *service,
					const struct af_listen_options *options)
{
	struct afi_listen_failure failure;
	struct afi_names_query query;
	struct afi_names *names = NULL;
	struct af_listener *listener = NULL;
	int r = afi_listen_query(host, service, options, &query, &failure);

	if (r == 0)
		r = listen_find(&query, &names, &failure);
	if (r == 0)
		r = afi_listen_on(loop, names, options, &listener, &failure);
	free(names);
	afi_listen_error_keep(loop, r < 0 ? &failure : NULL);
	errno = r < 0 ? -r : errno;
	return listener;
}

struct af_listener *af_listen(struct af_loop *loop, const char *host,
			      const char *service,
			      const struct af_listen_options *options)
{
	const struct af_listen_options defaults = { 0 };
	int r = afi_loop_usable(loop);

	if (r == 0)
		return listen_start(loop, host, service,
				    options ? options : &defaults);
	errno = -r;
	return NULL;
}
