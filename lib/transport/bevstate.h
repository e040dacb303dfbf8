/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state that a bufferevent has reported of its stream (end, errors,
 * timeouts), translated to the errors of reads and writes.
 */
#ifndef AFI_TRANSPORT_BEVSTATE_H
#define AFI_TRANSPORT_BEVSTATE_H

#include <stdbool.h>

#include "file/transport.h"

struct bufferevent;

struct afi_bevstate {
	int error[2]; /* by direction; 0 or a negative errno */
	bool ended;   /* no more bytes arrive */
};

/* Records an event. reading: whether the bufferevent has EV_READ enabled. */
void afi_bevstate_note(struct afi_bevstate *state, struct bufferevent *bev,
		       short what, bool reading);
/* Whether a direction has failed. A timeout does not count. */
bool afi_bevstate_has_failed(const struct afi_bevstate *state,
			     enum afi_direction direction);
/* Whether no more bytes arrive. */
bool afi_bevstate_is_over(const struct afi_bevstate *state);
/* Returns the error of a direction; a timeout is returned only once. */
int afi_bevstate_take_error(struct afi_bevstate *state,
			    enum afi_direction direction);

#endif
