/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many of the files that a listener has accepted are still open. It lives
 * until the listener and all of them are gone, in any order.
 */
#ifndef AFI_NET_CONNECTIONS_H
#define AFI_NET_CONNECTIONS_H

#include "file/file.h"

struct af_listener;

struct afi_connections {
	struct afi_on_close on_close;
	size_t n;
	struct af_listener *listener; /* NULL: it is gone */
	/* Called when a file was closed, perhaps after the loop was freed. */
	void (*changed)(struct af_listener *listener);
};

/* NULL: no memory. */
struct afi_connections *afi_connections_new(struct af_listener *listener);
/* The listener is gone. */
void afi_connections_leave(struct afi_connections *connections);
/* Counts a file until it is closed, detached or finished. */
void afi_connections_add(struct afi_connections *connections,
			 struct af_file *file);

#endif
