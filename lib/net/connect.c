/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connects to a host: looks up its addresses, and those of this side where that
 * is asked for, has them tried, and makes a file of the socket that has won.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/reserved.h"
#include "future/future.h"
#include "net/lookup.h"
#include "net/race.h"
#include "transport/new.h"

/* RFC 8305 recommends this between two attempts. */
static const struct timeval connect_usual_delay = { 0, 250000 };

/* The addresses of one side. */
struct connect_side {
	struct connect *connect;
	struct afi_lookup *lookup; /* NULL: they are known, or not asked for */
	struct afi_names *names;
};

/*
 *  lookups of both sides --> race --> done: the file, or the text of what failed
 *             |                         ^
 *             +------(failure)----------+
 */
struct connect {
	struct af_future future;
	struct connect_side peer, source;
	struct afi_race race;
	unsigned file_flags;
	struct afi_address address; /* that has answered */
	struct af_file *file;	    /* done, and nobody has taken it */
	struct afi_report report;
};

static struct connect *connect_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct connect, future);
}

static void connect_forget(struct connect_side *side)
{
	if (side->lookup)
		afi_lookup_stop(side->lookup);
	side->lookup = NULL;
	free(side->names);
	side->names = NULL;
}

/* Ends all that is under way. */
static void connect_finish(struct connect *connect, int error)
{
	afi_race_stop(&connect->race);
	connect_forget(&connect->peer);
	connect_forget(&connect->source);
	afi_future_finish(&connect->future, error);
}

/* Makes the winner a file; 0 or -errno. */
static int connect_take_winner(struct connect *connect,
			       struct afi_attempt *winner)
{
	connect->file = af_file_new(connect->future.loop, winner->fd,
				    connect->file_flags);
	if (!connect->file) {
		winner->error = -errno;
		return winner->error;
	}
	afi_attempt_give(winner);
	connect->address = *winner->to;
	return 0;
}

static void connect_on_race(struct afi_race *race, struct afi_attempt *winner,
			    int error)
{
	struct connect *connect = AFI_CONTAINER(race, struct connect, race);

	if (winner)
		error = connect_take_winner(connect, winner);
	if (error < 0)
		afi_race_report(race, &connect->report);
	connect_finish(connect, error);
}

/* Once the addresses of both sides are known. */
static void connect_begin(struct connect *connect)
{
	afi_names_interleave(connect->peer.names);
	connect->race.peers = connect->peer.names;
	connect->race.sources = connect->source.names;
	if (afi_race_start(&connect->race) < 0)
		connect_finish(connect, -ENOMEM);
}

/* One side is known, or will not be. */
static void connect_on_found(const struct afi_found *found, void *arg)
{
	struct connect_side *side = arg;
	struct connect *connect = side->connect;

	side->lookup = NULL;
	side->names = found->names;
	if (found->error < 0) {
		afi_report_found(&connect->report, found);
		connect_finish(connect, found->error);
	} else if (connect->peer.names && !connect->source.lookup) {
		connect_begin(connect);
	}
}

static void connect_find(struct connect *connect, struct connect_side *side,
			 const struct afi_names_query *query)
{
	struct afi_found found;

	side->connect = connect;
	side->lookup = afi_lookup_start(connect->future.loop, query,
					!connect->race.at_once,
					connect_on_found, side, &found);
	if (!side->lookup)
		connect_on_found(&found, side);
}

static void connect_cancel(struct af_future *f)
{
	connect_finish(connect_of(f), -ECANCELED);
}

static void connect_report_lookup(struct connect *connect,
				  const struct connect_side *side)
{
	struct afi_found found;

	if (!side->lookup)
		return;
	found = afi_lookup_expired(side->lookup);
	afi_report_found(&connect->report, &found);
}

/* What became ready until now counts. */
static void connect_expire(struct af_future *f)
{
	struct connect *connect = connect_of(f);

	if (connect->race.attempts && afi_race_look(&connect->race))
		return;
	connect_report_lookup(connect, &connect->source);
	connect_report_lookup(connect, &connect->peer);
	afi_race_report(&connect->race, &connect->report);
	connect_finish(connect, -ETIMEDOUT);
}

static void connect_destroy(struct af_future *f)
{
	struct connect *connect = connect_of(f);

	af_file_close(connect->file);
	free(connect->report.text);
}

static struct af_file *connect_take_file(struct af_future *f)
{
	struct af_file *file = connect_of(f)->file;

	connect_of(f)->file = NULL;
	return file;
}

static const struct afi_address *connect_address(const struct af_future *f,
						 size_t i)
{
	const struct connect *connect =
		AFI_CONTAINER(f, const struct connect, future);

	return i == 0 ? &connect->address : NULL;
}

static const char *connect_error_text(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct connect, future)->report.text;
}

/* With what it waits for: a name, or the address that was tried last. */
static void connect_describe(const struct af_future *f, FILE *out)
{
	const struct connect *connect =
		AFI_CONTAINER(f, const struct connect, future);
	const struct afi_lookup *lookup = connect->source.lookup
						  ? connect->source.lookup
						  : connect->peer.lookup;
	const struct afi_race *race = &connect->race;
	char buf[AFI_ADDRESS_TEXT];

	if (lookup)
		fprintf(out, ", looks up %s", afi_lookup_host(lookup));
	else
		fprintf(out, " to %s",
			afi_address_put(buf,
					race->attempts[race->started - 1].to));
}

static const struct afi_future_ops connect_ops = {
	.name = "connect",
	.size = sizeof(struct connect),
	.cancel = connect_cancel,
	.expire = connect_expire,
	.destroy = connect_destroy,
	.take_file = connect_take_file,
	.address = connect_address,
	.error_text = connect_error_text,
	.describe = connect_describe,
};

static void connect_set_up(struct connect *connect,
			   const struct af_connect_options *options)
{
	struct afi_race *race = &connect->race;

	race->loop = connect->future.loop;
	race->type = options->type ? options->type : SOCK_STREAM;
	race->no_delay = options->no_delay;
	race->keep_alive = options->keep_alive;
	race->between = options->attempt_delay ? *options->attempt_delay
					       : connect_usual_delay;
	race->ended = connect_on_race;
	connect->file_flags = options->file_flags;
}

/* Looks up both sides. That of this machine comes first: it is mostly a number. */
static void connect_start(struct connect *connect, const char *host,
			  const char *service,
			  const struct af_connect_options *options)
{
	const struct afi_names_query peer = {
		.host = host,
		.service = service,
		.family = options->family,
		.type = connect->race.type,
	};
	const struct afi_names_query source = {
		.host = options->local_host,
		.service = options->local_service,
		.family = options->family,
		.type = connect->race.type,
		.passive = true,
	};

	if (source.host || source.service)
		connect_find(connect, &connect->source, &source);
	if (!connect->future.done)
		connect_find(connect, &connect->peer, &peer);
}

static bool connect_is_valid(const char *host, const char *service,
			     const struct af_connect_options *o,
			     const struct timeval *timeout)
{
	bool is_unix = afi_address_is_unix(host);
	bool has_source = o->local_host || o->local_service;

	return (is_unix || service) &&
	       (!has_source || afi_address_is_unix(o->local_host) == is_unix) &&
	       (o->type == 0 || o->type == SOCK_STREAM ||
		o->type == SOCK_DGRAM ||
		(o->type == SOCK_SEQPACKET && is_unix)) &&
	       !(o->file_flags & AFIO_KEEP_FD) &&
	       afi_file_new_takes(o->file_flags) && AFI_RESERVED_CLEAR(o) &&
	       afi_timeout_valid(o->attempt_delay) &&
	       afi_timeout_valid(timeout);
}

struct af_future *af_connect(struct af_loop *loop, const char *host,
			     const char *service,
			     const struct af_connect_options *options,
			     const struct timeval *timeout)
{
	static const struct af_connect_options connect_defaults;
	const struct af_connect_options *o =
		options ? options : &connect_defaults;
	struct af_future *f = afi_operation_begin(
		loop, connect_is_valid(host, service, o, timeout),
		&connect_ops);
	struct connect *connect;

	if (f->done)
		return f;
	connect = connect_of(f);
	connect_set_up(connect, o);
	connect->race.at_once = afi_timeout_zero(timeout);
	if (!connect->race.at_once && afi_future_expire_after(f, timeout) < 0) {
		afi_future_finish(f, -ENOMEM);
		return f;
	}
	connect_start(connect, host, service, o);
	if (!f->done && connect->race.at_once)
		connect_expire(f);
	return f;
}
