/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connecting with TLS: af_connect(), then a handshake, both before one deadline.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "tls/tls.h"
#include "tls/timeleft.h"

struct connect_tls {
	struct af_future *future; /* which holds itself while it is pending */
	struct af_future *step;	  /* the connection, then the handshake */
	struct af_tls *tls;
	struct afi_timeleft timeleft;
	char name[]; /* "": none */
};

static void connect_tls_free(struct connect_tls *connect)
{
	af_tls_free(connect->tls);
	free(connect);
}

/* The step that is done has failed, and so has all. */
static void connect_tls_fail(struct connect_tls *connect,
			     struct af_future *done)
{
	struct af_future *f = af_future_ref(connect->future);
	const char *text = af_connect_error(done);

	connect_tls_free(connect);
	af_future_fail_text(f, af_future_error(done), *text ? text : NULL);
	af_future_unref(f);
}

/* Waits for a step, which is consumed. */
static void connect_tls_wait(struct connect_tls *connect,
			     struct af_future *step, af_done_fn fn)
{
	connect->step = af_future_ref(step);
	af_on_done(step, fn, connect);
}

/* A step that is done: its reference; the caller drops it. */
static struct af_future *connect_tls_take_step(struct connect_tls *connect)
{
	struct af_future *step = connect->step;

	connect->step = NULL;
	return step;
}

static void connect_tls_on_handshake(struct af_future *done, void *arg)
{
	struct connect_tls *connect = arg;
	struct af_future *step = connect_tls_take_step(connect), *f;
	struct af_file *file;

	if (af_future_error(done) < 0) {
		connect_tls_fail(connect, done);
	} else {
		f = af_future_ref(connect->future);
		file = af_future_take_file(done);
		connect_tls_free(connect);
		/* It is pending: a cancel ends all. */
		af_future_resolve_file(f, file);
		af_future_unref(f);
	}
	af_future_unref(step);
}

static void connect_tls_on_connected(struct af_future *done, void *arg)
{
	struct connect_tls *connect = arg;
	struct af_future *step = connect_tls_take_step(connect), *handshake;
	const char *name = *connect->name ? connect->name : NULL;
	struct timeval left;

	if (af_future_error(done) < 0) {
		connect_tls_fail(connect, done);
	} else {
		handshake = af_start_tls(
			af_future_take_file(done), name, connect->tls,
			afi_timeleft_get(&connect->timeleft, &left));
		connect_tls_wait(connect, handshake, connect_tls_on_handshake);
	}
	af_future_unref(step);
}

static void connect_tls_on_cancel(struct af_future *f, void *arg)
{
	struct connect_tls *connect = arg;
	struct af_future *step = connect_tls_take_step(connect);

	(void)f;
	/* In this order: what waits for it must not run any more. */
	af_future_cancel(step);
	af_future_forget(step);
	connect_tls_free(connect);
}

/* The name that is verified; NULL: none. */
static const char *connect_tls_name(const char *host)
{
	if (!host)
		return "localhost";
	return host[0] == '/' || host[0] == '@' ? NULL : host;
}

/* Begins it, with a client's tls, to which the future has its own reference. */
static struct af_future *
connect_tls_begin(struct af_loop *loop, const char *host, const char *service,
		  const struct af_connect_options *options, struct af_tls *tls,
		  const struct timeval *timeout)
{
	const char *name = connect_tls_name(host);
	size_t size = name ? strlen(name) + 1 : 1;
	struct connect_tls *connect = calloc(1, sizeof(*connect) + size);
	struct af_future *f;

	if (!connect)
		return af_failed(loop, -ENOMEM);
	f = af_future_new(loop, connect_tls_on_cancel, connect);
	if (af_future_is_done(f)) {
		free(connect);
		return f;
	}
	connect->future = f;
	connect->tls = afi_tls_ref(tls);
	memcpy(connect->name, name ? name : "", size);
	afi_timeleft_set(&connect->timeleft, timeout);
	connect_tls_wait(connect,
			 af_connect(loop, host, service, options, timeout),
			 connect_tls_on_connected);
	return f;
}

/* Whether the name of a host can be verified, or need not be. */
static bool connect_tls_can_verify(const struct af_tls *tls, const char *host)
{
	return !tls->verifies || tls->name || connect_tls_name(host);
}

struct af_future *af_connect_tls(struct af_loop *loop, const char *host,
				 const char *service,
				 const struct af_connect_options *options,
				 struct af_tls *tls,
				 const struct timeval *timeout)
{
	struct af_tls *own = tls ? NULL : af_tls_client_new(NULL, NULL, 0);
	struct af_future *f;

	tls = tls ? tls : own;
	if (!tls)
		return af_failed(loop, -errno);
	if (!tls->server && afi_timeleft_valid(timeout) &&
	    connect_tls_can_verify(tls, host))
		f = connect_tls_begin(loop, host, service, options, tls,
				      timeout);
	else
		f = af_failed(loop, -EINVAL);
	af_tls_free(own);
	return f;
}
