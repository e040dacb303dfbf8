/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A browser that follows a run by server-sent events. It gets the log in chunks,
 * the next one when it has taken the last, so that a slow one costs a chunk of
 * memory and slows nobody. Between them it is told what the stages do.
 */
#ifndef RUNWEB_FOLLOWER_H
#define RUNWEB_FOLLOWER_H

#include <stdbool.h>
#include <stddef.h>

struct evhttp_request;
struct run;

struct follower {
	struct follower *next;
	struct run *run;
	struct evhttp_request *req;
	size_t at; /* in the log */
	bool sending;
};

/* Answers the request with the log from there on. Returns 0, or -ENOMEM. */
int follower_new(struct run *run, struct evhttp_request *req, size_t at);
/* The log has grown. */
void follower_wake_all(struct follower *list);
/* Tells them what each stage does now. */
void follower_tell_all(struct run *run);

#endif
