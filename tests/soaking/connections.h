/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections whose two ends are in this process. */
#ifndef TESTS_SOAKING_CONNECTIONS_H
#define TESTS_SOAKING_CONNECTIONS_H

#include "soaking/flow.h"

struct connection {
	struct task task;
	struct flow flows[2];
	struct af_file *client, *server;
	uint32_t number;
	struct connection *next; /* that waits for its other end */
	void (*ready)(struct connection *c);
};

/* Connects, and calls ready once both files are there. */
void connection_begin(const char *name, void (*ready)(struct connection *c));
/* Lets bytes flow in both directions, up to their ends. */
void connection_talk(struct connection *c);
void connection_close(struct connection *c);

#endif
