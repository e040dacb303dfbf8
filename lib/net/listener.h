/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listener: its sockets, their events, and those who wait for connections.
 */
#ifndef AFI_NET_LISTENER_H
#define AFI_NET_LISTENER_H

#include <event2/event_struct.h>

#include <asyncfile/listener.h>

#include "base/nonblock.h"
#include "file/file.h"
#include "future/future.h"
#include "loop/deadline.h"
#include "net/bound.h"
#include "net/connections.h"

/* One that waits for connections: an operation has it. */
struct afi_taker {
	TAILQ_ENTRY(afi_taker) entry;
	struct af_listener *listener; /* NULL: not in a queue */
	struct af_future *future;
	/*
	 * Is given a connection, which it owns then. It leaves the queue, unless
	 * it takes more. May run code of the program.
	 */
	void (*take)(struct afi_taker *taker, struct af_file *file,
		     const struct afi_address *peer);
	/* Leaves the queue, and completes the future. */
	void (*end)(struct afi_taker *taker, int error);
	bool ends_well;	 /* when the listener is stopped */
	bool busy;	 /* in take: it gets no other one meanwhile */
	bool late;	 /* its deadline has passed: what is there now counts */
	unsigned missed; /* connections turned away since, by the filter */
};
TAILQ_HEAD(afi_takers, afi_taker);

/* A listening socket. */
struct afi_listening {
	struct af_listener *listener;
	struct afi_bound bound;
	struct afi_nonblock *nonblock; /* NULL: no flag to clear on close */
	struct event event;
	bool ready; /* there may be a connection */
	bool given; /* by the program: other processes may have it, too */
};

/* A connection that was accepted, and that nobody has got yet. */
struct afi_arrival {
	int fd; /* -1: there is none */
	int type;
	bool passed; /* the filter has let it pass */
	struct afi_address peer;
};

/*
 *  open --(stop)--> stopping --(drained, or its deadline)--> stopped
 *    |                 |                                        |
 *    +---- close ------+------------- close -------------------+--> freed
 *
 * While it is attached, it is a member of its loop. Its events are on the base
 * while somebody waits and it is not paused.
 */
struct af_listener {
	struct af_loop *loop;
	struct afi_member member;
	bool attached;
	bool stopping; /* accepts what is queued, and no more */
	bool stopped;  /* its sockets are closed */
	bool closing;
	bool dead;	/* closed, and freed once nobody holds it */
	bool asking;	/* the filter runs */
	bool took;	/* a connection was given away in this turn */
	unsigned quick; /* connections accepted in calls, since the task ran */
	unsigned holds;

	struct afi_takers takers;
	struct afi_task task;		     /* gives connections away */
	void (*work)(struct afi_task *task); /* its function, see takers.c */
	struct afi_task settle;		     /* stops needless waits */
	struct afi_watch watch;
	bool wanted; /* the events are on the base */
	struct afi_arrival arrival;

	/* Descriptors or memory have run out: nothing is accepted for a while. */
	bool paused;
	int pause_error;
	struct afi_deadline pause;
	struct afi_task retry; /* without memory for that */

	struct afi_others stops; /* operations that wait for the end */
	void (*on_drained)(struct af_listener *listener);
	void (*on_change)(struct af_listener *listener);
	size_t drain_left; /* connections that it accepts, stopping */

	struct afi_connections *connections;
	bool no_delay, keep_alive;
	unsigned file_flags;
	int backlog;
	size_t max_connections; /* 0: any number */
	af_accept_filter_fn filter;
	void *filter_arg;
	void *data;  /* the program's own */
	size_t next; /* socket, whose turn it is */
	size_t n;
	struct afi_listening sockets[];
};

/* Whether the options make sense: 0 or -EINVAL. */
int afi_listener_check_options(const struct af_listen_options *options);
/*
 * Makes a listener with room for n sockets, which have no descriptors yet. NULL:
 * no memory.
 */
struct af_listener *afi_listener_make(struct af_loop *loop, size_t n,
				      const struct af_listen_options *options);
/* The last step: makes it a member of its loop. */
void afi_listener_attach(struct af_listener *listener);
/* Frees one that was not attached; its sockets stay open. */
void afi_listener_discard(struct af_listener *listener);

/* Whether something can be accepted, after code of the program has run. */
static inline bool afi_listener_is_open(const struct af_listener *listener)
{
	return listener->attached && !listener->stopped &&
	       afi_loop_alive(listener->loop) &&
	       afi_loop_is_here(listener->loop);
}
/*
 * Whether an operation can begin: 0; -ECANCELED while it is being closed, -EBADF
 * after it was stopped. The loop is checked elsewhere.
 */
int afi_listener_check(const struct af_listener *listener);
/* Keeps its memory, even if it is closed, and the base, while held. */
void afi_listener_hold(struct af_listener *listener);
void afi_listener_let_go(struct af_listener *listener);
/* Closes the sockets, and what was accepted and nobody has got. */
void afi_listener_close_sockets(struct af_listener *listener);
/* For the dump: where it listens. */
void afi_listener_describe(const struct af_listener *listener, FILE *out);

#endif
