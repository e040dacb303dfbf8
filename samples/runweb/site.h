/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the server answers. Requests must name this host, so that no other page
 * reaches it by a name of its own, and must not come from another page.
 *
 * | request               | answer                                            |
 * |-----------------------|---------------------------------------------------|
 * | GET /                 | the page                                          |
 * | GET /pipelines        | what may be run, JSON                             |
 * | GET /runs             | the runs that are kept, JSON                      |
 * | POST /runs?name=NAME  | starts one: 201, and its JSON                     |
 * | GET /runs/N/events    | its events, from Last-Event-ID on                 |
 * | POST /runs/N/stop     | asks it to end                                    |
 */
#ifndef RUNWEB_SITE_H
#define RUNWEB_SITE_H

#include <stdint.h>

#include "run.h"

struct site {
	struct af_loop *loop;
	const struct allowed *allowed;
	struct limits limits;
	uint16_t port;
	struct run *runs; /* the newest first */
	unsigned last_id;
};

struct evhttp;

void site_serve(struct site *site, struct evhttp *http);
/* To be called once a second. */
void site_tick(struct site *site);
/* Frees the runs, once the loop and evhttp have been freed. */
void site_end(struct site *site);

#endif
