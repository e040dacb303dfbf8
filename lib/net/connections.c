/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts open files. Knows of the listener only that it is to hear of changes.
 */
#include "config.h"

#include <stdlib.h>

#include "base/container.h"
#include "net/connections.h"

static void connections_free(struct afi_connections *connections)
{
	if (connections->n == 0 && !connections->listener)
		free(connections);
}

static void connections_on_close(struct afi_on_close *on_close)
{
	struct afi_connections *connections =
		AFI_CONTAINER(on_close, struct afi_connections, on_close);

	connections->n--;
	if (connections->listener)
		connections->changed(connections->listener);
	connections_free(connections);
}

struct afi_connections *afi_connections_new(struct af_listener *listener)
{
	struct afi_connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return NULL;
	connections->on_close.closed = connections_on_close;
	connections->listener = listener;
	return connections;
}

void afi_connections_leave(struct afi_connections *connections)
{
	connections->listener = NULL;
	connections_free(connections);
}

void afi_connections_add(struct afi_connections *connections,
			 struct af_file *file)
{
	file->on_close = &connections->on_close;
	connections->n++;
}
