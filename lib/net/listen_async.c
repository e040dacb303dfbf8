/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listens on the addresses of a host that a thread looks up. The sockets are
 * made on the loop's thread, which never waits for that.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "net/listen.h"
#include "net/lookup.h"

struct listen_async {
	struct af_future future;
	struct af_listen_options options;
	struct afi_lookup *lookup;    /* while it is pending */
	struct af_listener *listener; /* done, and nobody has taken it */
	char *text;		      /* failed: why; NULL: no memory */
};

static struct listen_async *listen_async_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct listen_async, future);
}

static void listen_async_finish(struct listen_async *async, int error,
				const struct afi_listen_failure *failure)
{
	if (error < 0)
		async->text = afi_listen_failure_text(failure);
	afi_future_finish(&async->future, error);
}

static void listen_async_found(struct listen_async *async,
			       const struct afi_found *found)
{
	struct afi_listen_failure failure;
	int r = found->error;

	if (r < 0)
		afi_listen_fail_names(&failure, found->query, r, found->text);
	else
		r = afi_listen_on(async->future.loop, found->names,
				  &async->options, &async->listener, &failure);
	free(found->names);
	listen_async_finish(async, r, &failure);
}

static void listen_async_back(const struct afi_found *found, void *arg)
{
	struct listen_async *async = arg;

	async->lookup = NULL;
	listen_async_found(async, found);
}

static void listen_async_cancel(struct af_future *f)
{
	struct listen_async *async = listen_async_of(f);

	afi_lookup_stop(async->lookup);
	async->lookup = NULL;
	afi_future_finish(f, -ECANCELED);
}

static void listen_async_destroy(struct af_future *f)
{
	af_listener_close(listen_async_of(f)->listener);
	free(listen_async_of(f)->text);
}

static struct af_listener *listen_async_take(struct af_future *f)
{
	struct listen_async *async = listen_async_of(f);
	struct af_listener *listener = async->listener;

	async->listener = NULL;
	return listener;
}

static const char *listen_async_error_text(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct listen_async, future)->text;
}

static void listen_async_describe(const struct af_future *f, FILE *out)
{
	const struct listen_async *async =
		AFI_CONTAINER(f, const struct listen_async, future);

	fprintf(out, " on %s", afi_lookup_host(async->lookup));
}

static const struct afi_future_ops listen_async_ops = {
	.name = "listen",
	.size = sizeof(struct listen_async),
	.cancel = listen_async_cancel,
	.destroy = listen_async_destroy,
	.take_listener = listen_async_take,
	.error_text = listen_async_error_text,
	.describe = listen_async_describe,
};

struct af_future *af_listen_async(struct af_loop *loop, const char *host,
				  const char *service,
				  const struct af_listen_options *options)
{
	struct af_future *f =
		afi_operation_begin(loop, true, &listen_async_ops);
	struct afi_listen_failure failure;
	struct afi_names_query query;
	struct listen_async *async;
	struct afi_found found;
	int r;

	if (f->done)
		return f;
	async = listen_async_of(f);
	if (options)
		async->options = *options;
	r = afi_listen_query(host, service, &async->options, &query, &failure);
	if (r < 0) {
		listen_async_finish(async, r, &failure);
		return f;
	}
	f->since = afi_now_coarse();
	async->lookup = afi_lookup_start(loop, &query, true, listen_async_back,
					 async, &found);
	if (!async->lookup)
		listen_async_found(async, &found);
	return f;
}

struct af_listener *af_future_take_listener(struct af_future *f)
{
	if (!f || !f->done || f->error)
		return NULL;
	f = afi_future_owner(f);
	return f->ops->take_listener ? f->ops->take_listener(f) : NULL;
}
