/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accepts one connection: a future that has its file, and the address of its
 * other end.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "net/takers.h"

struct accept {
	struct af_future future;
	struct afi_taker taker;
	struct af_file *file; /* done, and nobody has taken it */
	struct afi_address peer;
};

static struct accept *accept_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct accept, future);
}

static void accept_end(struct afi_taker *taker, int error)
{
	afi_takers_remove(taker);
	afi_future_finish(taker->future, error);
}

static void accept_take(struct afi_taker *taker, struct af_file *file,
			const struct afi_address *peer)
{
	struct accept *accept = accept_of(taker->future);

	accept->file = file;
	accept->peer = *peer;
	accept_end(taker, 0);
}

static void accept_cancel(struct af_future *f)
{
	accept_end(&accept_of(f)->taker, -ECANCELED);
}

static void accept_expire(struct af_future *f)
{
	afi_takers_expire(&accept_of(f)->taker);
}

static void accept_destroy(struct af_future *f)
{
	af_file_close(accept_of(f)->file);
}

static struct af_file *accept_take_file(struct af_future *f)
{
	struct accept *accept = accept_of(f);
	struct af_file *file = accept->file;

	accept->file = NULL;
	return file;
}

static const struct afi_address *accept_address(const struct af_future *f,
						size_t i)
{
	return i == 0 ? &AFI_CONTAINER(f, const struct accept, future)->peer
		      : NULL;
}

static void accept_describe(const struct af_future *f, FILE *out)
{
	const struct accept *accept =
		AFI_CONTAINER(f, const struct accept, future);

	afi_listener_describe(accept->taker.listener, out);
}

static const struct afi_future_ops accept_ops = {
	.name = "accept",
	.size = sizeof(struct accept),
	.cancel = accept_cancel,
	.expire = accept_expire,
	.destroy = accept_destroy,
	.take_file = accept_take_file,
	.address = accept_address,
	.describe = accept_describe,
};

struct af_future *af_listener_accept(struct af_listener *listener,
				     const struct timeval *timeout)
{
	bool valid = listener && afi_timeout_valid(timeout);
	struct af_future *f = afi_operation_begin(
		listener ? listener->loop : NULL, valid, &accept_ops);
	struct accept *accept;
	int r;

	if (f->done)
		return f;
	accept = accept_of(f);
	r = afi_listener_check(listener);
	if (r < 0) {
		afi_future_finish(f, r);
		return f;
	}
	accept->taker.take = accept_take;
	accept->taker.end = accept_end;
	f->since = afi_now_coarse();
	afi_takers_add(listener, &accept->taker, f);
	/* With no time at all, it looks when that ends. */
	if (!afi_timeout_zero(timeout))
		afi_takers_look(&accept->taker);
	if (afi_future_limit(f, timeout) < 0)
		accept_end(&accept->taker, -ENOMEM);
	return f;
}
