/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translates a bufferevent's events, of which TLS sends several for one
 * condition. Knows no file.
 */
#include "config.h"

#include <errno.h>

#include <event2/bufferevent.h>
#include <event2/util.h>

#include "transport/bevstate.h"
#include "transport/linger.h"

static int bevstate_error_of(short what)
{
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_TIMEOUT)
		return -ETIMEDOUT;
	/* An error of TLS itself leaves errno as it was. */
	return error && error != EAGAIN && error != EINTR ? -error : -EIO;
}

static int bevstate_read_error(const struct afi_bevstate *state, int error)
{
	/* After its end, TLS still reports events of the layer below. */
	if (state->ended)
		return 0;
	return error == -EPIPE ? -EIO : error; /* errno is from a write */
}

/*
 * TLS passes on events of the layer below without their direction, so a peer
 * that has left is reported in several ways.
 */
static int bevstate_write_error(short what, int error)
{
	if (error == -ECONNRESET)
		return -EPIPE;
	return error == -EIO && !(what & BEV_EVENT_WRITING) ? -EPIPE : error;
}

bool afi_bevstate_has_failed(const struct afi_bevstate *state,
			     enum afi_direction direction)
{
	int error = state->error[direction];

	return error && error != -ETIMEDOUT;
}

bool afi_bevstate_is_over(const struct afi_bevstate *state)
{
	return state->ended || afi_bevstate_has_failed(state, AFI_READ);
}

int afi_bevstate_take_error(struct afi_bevstate *state,
			    enum afi_direction direction)
{
	int error = state->error[direction];

	if (error == -ETIMEDOUT)
		state->error[direction] = 0;
	return error;
}

static void bevstate_note_end(struct afi_bevstate *state, short what,
			      bool undirected)
{
	/* After TLS's close_notify, the layer below may end, too. */
	if (what & BEV_EVENT_WRITING || (undirected && !state->ended))
		state->error[AFI_WRITE] = -EPIPE;
	if (what & BEV_EVENT_READING || undirected)
		state->ended = true;
}

static void bevstate_note_error(struct afi_bevstate *state, short what,
				bool undirected)
{
	int error = bevstate_error_of(what);

	if (what & BEV_EVENT_READING || undirected)
		state->error[AFI_READ] = bevstate_read_error(state, error);
	if (what & BEV_EVENT_WRITING || undirected)
		state->error[AFI_WRITE] = bevstate_write_error(what, error);
	/* TLS may have nothing to write that would fail. */
	if (error == -ECONNRESET)
		state->error[AFI_WRITE] = -EPIPE;
}

/*
 * Whether bytes that wait in the output will never leave it. A handshake that
 * fails is reported as an error of reading, and perhaps only once: OpenSSL 3.5
 * then waits for more. An end is not taken for a failure the first time, because
 * the event may be late, and its peer may have shut down only its writing half.
 */
static bool bevstate_is_stuck(const struct afi_bevstate *state,
			      struct bufferevent *bev, short what, bool reading)
{
	if (what & BEV_EVENT_TIMEOUT)
		return false;
	if (what & BEV_EVENT_ERROR && !bufferevent_pair_get_partner(bev))
		return bevstate_error_of(what) != -ENOMEM &&
		       afi_lost_handshake(bev, true);
	return !reading && afi_lost_handshake(bev, afi_bevstate_is_over(state));
}

void afi_bevstate_note(struct afi_bevstate *state, struct bufferevent *bev,
		       short what, bool reading)
{
	/* An event without a direction applies to both. */
	bool undirected = !(what & (BEV_EVENT_READING | BEV_EVENT_WRITING));
	bool stuck = bevstate_is_stuck(state, bev, what, reading);

	if (what & BEV_EVENT_EOF)
		bevstate_note_end(state, what, undirected);
	else
		bevstate_note_error(state, what, undirected);
	if (stuck)
		state->error[AFI_WRITE] = -EPIPE;
}
