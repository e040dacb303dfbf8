/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a bufferevent of the program: TLS, a filter, one end of a
 * pair, a rate-limited socket.
 */
#ifndef AFI_TRANSPORT_BEV_H
#define AFI_TRANSPORT_BEV_H

#include "file/file.h"

/* Makes a file over bev, with loop and flags of like; NULL: ENOMEM. */
struct af_file *afi_bev_new(const struct af_file *like,
			    struct bufferevent *bev);

#endif
