/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a bufferevent has reported of its stream: ends, errors and timeouts, as
 * errors of reads and writes.
 */
#ifndef AFI_TRANSPORT_BEVSTATE_H
#define AFI_TRANSPORT_BEVSTATE_H

#include <stdbool.h>

#include "file/transport.h"

struct bufferevent;

struct afi_bevstate {
	int error[2]; /* by direction; 0 or a negative errno */
	bool ended;   /* no more comes in */
};

/* Takes in an event; reading: whether the bufferevent is to read now. */
void afi_bevstate_note(struct afi_bevstate *state, struct bufferevent *bev,
		       short what, bool reading);
/* Whether a direction failed for good: after a timeout it can go on. */
bool afi_bevstate_has_failed(const struct afi_bevstate *state,
			     enum afi_direction direction);
/* Whether nothing more comes in. */
bool afi_bevstate_is_over(const struct afi_bevstate *state);
/* The error to report of a direction: a timeout is reported once. */
int afi_bevstate_take_error(struct afi_bevstate *state,
			    enum afi_direction direction);

#endif
