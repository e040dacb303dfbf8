/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the other side of a descriptor has left, and an event when it does.
 * Not every libevent backend reports that. hangup_watch_linux.c has an epoll
 * descriptor, which becomes readable then, and which all backends report.
 * hangup_watch_posix.c looks from time to time.
 */
#ifndef AFI_FILE_HANGUP_WATCH_H
#define AFI_FILE_HANGUP_WATCH_H

#include <stdbool.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "loop/loop.h"

struct afi_hangup_watch {
	int fd;
	bool is_socket, is_tty;
	bool halves; /* a peer that shut its writing half has left */
	/* It may have left. The function may close this watch. */
	void (*changed)(struct afi_hangup_watch *watch);
	struct af_loop *loop; /* the rest is set by afi_hangup_watch_open() */
	int ep;
	struct event event;
	struct afi_looked looked;
};

/* 1: the other side has left; 0; or -EBADF: the descriptor was closed. */
int afi_hangup_watch_poll(const struct afi_hangup_watch *watch);
/* Begins to watch; 0 or -errno. After that, close it in either case. */
int afi_hangup_watch_open(struct afi_hangup_watch *watch, struct af_loop *loop);
void afi_hangup_watch_close(struct afi_hangup_watch *watch);
/* halves has changed. */
void afi_hangup_watch_rearm(struct afi_hangup_watch *watch);
/* The loop has another base; 0 or -ENOMEM. */
int afi_hangup_watch_move(struct afi_hangup_watch *watch);

#endif
