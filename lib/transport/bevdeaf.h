/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bufferevent that has deferred a callback on a base that does not run calls
 * back no more until that runs: not on the base of a nested wait. Such a one is
 * deaf there, and has to be looked at. Only those of sockets move.
 */
#ifndef AFI_TRANSPORT_BEVDEAF_H
#define AFI_TRANSPORT_BEVDEAF_H

#include <stdbool.h>

#include "transport/bevio.h"

/*
 * Of one that has just moved. It has other callbacks then, and may call back for
 * nothing.
 */
bool afi_bevdeaf_is(struct bufferevent *bev);
/*
 * Reads what has come, as it has EV_READ disabled, and returns what else it
 * would call back for: BEV_EVENT_ flags, with errno.
 */
short afi_bevdeaf_look(struct afi_bev_file *over);

#endif
