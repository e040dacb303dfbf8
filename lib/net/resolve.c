/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of a host as the result of a future. Opens no socket.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/reserved.h"
#include "future/future.h"
#include "net/lookup.h"
#include "net/report.h"

struct resolve {
	struct af_future future;
	struct afi_lookup *lookup; /* while it is pending */
	struct afi_names *names;   /* done */
	struct afi_report report;
};

static struct resolve *resolve_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct resolve, future);
}

static void resolve_finish(struct resolve *resolve,
			   const struct afi_found *found)
{
	if (found->error < 0) {
		afi_report_found(&resolve->report, found);
	} else {
		afi_names_interleave(found->names);
		resolve->names = found->names;
		resolve->future.count = found->names->n;
	}
	afi_future_finish(&resolve->future, found->error);
}

static void resolve_back(const struct afi_found *found, void *arg)
{
	struct resolve *resolve = arg;

	resolve->lookup = NULL;
	resolve_finish(resolve, found);
}

/* Ends one that is pending. */
static void resolve_stop(struct resolve *resolve, int error)
{
	afi_lookup_stop(resolve->lookup);
	resolve->lookup = NULL;
	afi_future_finish(&resolve->future, error);
}

static void resolve_cancel(struct af_future *f)
{
	resolve_stop(resolve_of(f), -ECANCELED);
}

static void resolve_expire(struct af_future *f)
{
	struct resolve *resolve = resolve_of(f);
	struct afi_found found = afi_lookup_expired(resolve->lookup);

	afi_report_found(&resolve->report, &found);
	resolve_stop(resolve, -ETIMEDOUT);
}

static void resolve_destroy(struct af_future *f)
{
	struct resolve *resolve = resolve_of(f);

	free(resolve->names);
	free(resolve->report.text);
}

static const struct afi_address *resolve_address(const struct af_future *f,
						 size_t i)
{
	const struct resolve *resolve =
		AFI_CONTAINER(f, const struct resolve, future);

	return i < resolve->names->n ? &resolve->names->addresses[i] : NULL;
}

static const char *resolve_error_text(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct resolve, future)->report.text;
}

static void resolve_describe(const struct af_future *f, FILE *out)
{
	const struct resolve *resolve =
		AFI_CONTAINER(f, const struct resolve, future);

	fprintf(out, " of %s", afi_lookup_host(resolve->lookup));
}

static const struct afi_future_ops resolve_ops = {
	.name = "resolve",
	.size = sizeof(struct resolve),
	.cancel = resolve_cancel,
	.expire = resolve_expire,
	.destroy = resolve_destroy,
	.address = resolve_address,
	.error_text = resolve_error_text,
	.describe = resolve_describe,
};

struct af_future *af_resolve(struct af_loop *loop, const char *host,
			     const char *service,
			     const struct af_resolve_options *options,
			     const struct timeval *timeout)
{
	static const struct af_resolve_options resolve_defaults;
	const struct af_resolve_options *o =
		options ? options : &resolve_defaults;
	const struct afi_names_query query = {
		.host = host,
		.service = service,
		.family = o->family,
		.type = o->type,
		.passive = o->passive,
	};
	struct af_future *f = afi_operation_begin(
		loop, afi_timeout_valid(timeout) && AFI_RESERVED_CLEAR(o),
		&resolve_ops);
	struct resolve *resolve;
	struct afi_found found;

	if (f->done)
		return f;
	resolve = resolve_of(f);
	resolve->lookup =
		afi_lookup_start(loop, &query, !afi_timeout_zero(timeout),
				 resolve_back, resolve, &found);
	if (!resolve->lookup)
		resolve_finish(resolve, &found);
	else if (afi_future_expire_after(f, timeout) < 0)
		resolve_stop(resolve, -ENOMEM);
	return f;
}
