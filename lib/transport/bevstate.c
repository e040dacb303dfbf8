/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The meaning of a bufferevent's events, which for TLS is in several pieces.
 * Knows no file.
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
	/* TLS has errors of its own, and leaves errno as it was. */
	return error && error != EAGAIN && error != EINTR ? -error : -EIO;
}

static int bevstate_read_error(const struct afi_bevstate *state, int error)
{
	/* TLS that has ended goes on to report what is below it. */
	if (state->ended)
		return 0;
	return error == -EPIPE ? -EIO : error; /* that was of a write */
}

/*
 * There are several ways to report that the other side is gone: TLS passes on
 * what is below it, and does not say of which direction it speaks.
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
	/* After a goodbye of TLS, what is below it may end, too. */
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
	/* TLS may have nothing to send that would fail for it. */
	if (error == -ECONNRESET)
		state->error[AFI_WRITE] = -EPIPE;
}

void afi_bevstate_note(struct afi_bevstate *state, struct bufferevent *bev,
		       short what, bool reading)
{
	/* An event without a direction is of both. */
	bool undirected = !(what & (BEV_EVENT_READING | BEV_EVENT_WRITING));
	bool gone = !(what & BEV_EVENT_TIMEOUT) && !reading &&
		    afi_lost_handshake(bev, afi_bevstate_is_over(state));

	if (what & BEV_EVENT_EOF)
		bevstate_note_end(state, what, undirected);
	else
		bevstate_note_error(state, what, undirected);
	if (gone)
		state->error[AFI_WRITE] = -EPIPE;
}
