/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handshakes on an open connection. TLS becomes a layer of the file at once;
 * until the handshake is done nothing else uses the file, and its socket is
 * waited for directly.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include <asyncfile.h>

#include "tls/conn.h"
#include "tls/timeleft.h"

struct handshake {
	struct af_future *future; /* which holds itself while it is pending */
	struct af_future *wait;	  /* for the socket; or NULL */
	struct af_file *file;
	struct afi_conn *conn; /* of the file's layer */
	struct afi_timeleft timeleft;
	char who[AFI_TLS_TEXT]; /* the peer, for texts */
};

/* The future is done, or about to be: only the file may be left. */
static void handshake_free(struct handshake *handshake)
{
	/* What waits for it must not run any more. */
	af_future_cancel(handshake->wait);
	if (handshake->wait)
		af_future_forget(handshake->wait);
	free(handshake);
}

static void handshake_fail(struct handshake *handshake, int error,
			   const char *why)
{
	struct af_future *f = af_future_ref(handshake->future);
	char text[2 * AFI_TLS_TEXT + 2];

	af_file_close(handshake->file);
	snprintf(text, sizeof(text), "%s: %s", handshake->who, why);
	handshake_free(handshake);
	af_future_fail_text(f, error, text);
	af_future_unref(f);
}

static void handshake_fail_tls(struct handshake *handshake, int error)
{
	char why[AFI_TLS_TEXT];

	afi_conn_describe(handshake->conn, error, why);
	handshake_fail(handshake, error, why);
}

static void handshake_succeed(struct handshake *handshake)
{
	struct af_future *f = af_future_ref(handshake->future);
	struct af_file *file = handshake->file;

	handshake_free(handshake);
	/* It is pending: a cancel ends the handshake. */
	af_future_resolve_file(f, file);
	af_future_unref(f);
}

static void handshake_on_ready(struct af_future *done, void *arg);

/* Waits until the socket can be used: 0 or -errno. */
static int handshake_wait(struct handshake *handshake)
{
	struct timeval left;
	const struct timeval *timeout =
		afi_timeleft_get(&handshake->timeleft, &left);
	short what = handshake->conn->io.len > 0 ? EV_WRITE : EV_READ;
	struct af_future *wait;
	int error;

	/* A peer that never ends has bytes ready then, too. */
	if (timeout && !timeout->tv_sec && !timeout->tv_usec)
		return -ETIMEDOUT;
	wait = af_wait_fd(af_file_loop(handshake->file),
			  af_file_fd(handshake->file), what, timeout);
	error = af_future_error(wait);
	/* It may have no loop, and would call back at once. */
	if (error < 0 && error != -EINPROGRESS) {
		af_future_unref(wait);
		return error;
	}
	handshake->wait = af_future_ref(wait);
	af_on_done(wait, handshake_on_ready, handshake);
	return 0;
}

static void handshake_step(struct handshake *handshake)
{
	int r = afi_conn_handshake(handshake->conn);

	if (r == 0) {
		handshake_succeed(handshake);
		return;
	}
	if (r == -EAGAIN)
		r = handshake_wait(handshake);
	if (r < 0)
		handshake_fail_tls(handshake, r);
}

static void handshake_on_ready(struct af_future *done, void *arg)
{
	struct handshake *handshake = arg;
	int error = af_future_error(done);

	af_future_unref(handshake->wait);
	handshake->wait = NULL;
	if (error == 0)
		handshake_step(handshake);
	else
		handshake_fail_tls(handshake, error);
}

static void handshake_on_cancel(struct af_future *f, void *arg)
{
	struct handshake *handshake = arg;

	(void)f;
	af_file_close(handshake->file);
	handshake_free(handshake);
}

/* The peer, for texts: its name or, for a server, its address. */
static void handshake_name_peer(struct handshake *handshake, const char *name)
{
	struct sockaddr_storage peer;
	socklen_t len;

	if (name)
		snprintf(handshake->who, sizeof(handshake->who), "%s", name);
	else if (af_file_peer_address(handshake->file, &peer, &len) == 0)
		af_address_text((struct sockaddr *)&peer, len, handshake->who,
				sizeof(handshake->who));
	else
		snprintf(handshake->who, sizeof(handshake->who), "unknown");
}

/* Puts TLS on the file; 0 or -errno. */
static int handshake_set_layer(struct handshake *handshake, struct af_tls *tls,
			       const char *name)
{
	struct evbuffer *unread = evbuffer_new();
	struct afi_conn *conn = NULL;
	int r = -ENOMEM;

	if (!unread)
		return r;
	r = afi_conn_new(tls, af_file_fd(handshake->file), name, &conn);
	if (r == 0)
		r = af_file_set_layer(handshake->file, &afi_conn_layer, conn,
				      unread);
	if (r < 0) {
		afi_conn_free(conn);
		evbuffer_free(unread);
		return r;
	}
	conn->io.early = unread;
	handshake->conn = conn;
	return 0;
}

/* Begins it, with a tls that fits; file is not NULL. */
static struct af_future *handshake_begin(struct af_file *file, const char *name,
					 struct af_tls *tls,
					 const struct timeval *timeout)
{
	struct handshake *handshake = calloc(1, sizeof(*handshake));
	struct af_loop *loop = af_file_loop(file);
	struct af_future *f;
	int r;

	f = handshake ? af_future_new(loop, handshake_on_cancel, handshake)
		      : af_failed(loop, -ENOMEM);
	r = af_future_error(f);
	if (r != -EINPROGRESS) {
		/* Another thread's file must not be touched. */
		if (r != -EPERM)
			af_file_close(file);
		free(handshake);
		return f;
	}
	handshake->future = f;
	handshake->file = file;
	afi_timeleft_set(&handshake->timeleft, timeout);
	handshake_name_peer(handshake, name);
	r = handshake_set_layer(handshake, tls, name);
	if (r < 0)
		handshake_fail(handshake, r, strerror(-r));
	else
		handshake_step(handshake);
	return f;
}

/* One that fails before it begins. */
static struct af_future *handshake_refuse(struct af_file *file, int error)
{
	struct af_future *f = af_failed(af_file_loop(file), error);

	if (af_future_error(f) != -EPERM)
		af_file_close(file);
	return f;
}

struct af_future *af_accept_tls(struct af_file *file, struct af_tls *tls,
				const struct timeval *timeout)
{
	if (!file || !tls || !tls->server || !afi_timeleft_valid(timeout))
		return handshake_refuse(file, -EINVAL);
	return handshake_begin(file, NULL, tls, timeout);
}

struct af_future *af_start_tls(struct af_file *file, const char *name,
			       struct af_tls *tls,
			       const struct timeval *timeout)
{
	struct af_tls *own = tls ? NULL : af_tls_client_new(NULL, NULL, 0);
	struct af_future *f;

	tls = tls ? tls : own;
	if (!tls)
		return handshake_refuse(file, -errno);
	if (file && !tls->server && afi_timeleft_valid(timeout))
		f = handshake_begin(file, tls->name ? tls->name : name, tls,
				    timeout);
	else
		f = handshake_refuse(file, -EINVAL);
	af_tls_free(own);
	return f;
}
