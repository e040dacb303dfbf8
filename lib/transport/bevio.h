/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file over a bufferevent of the program, and how its bytes are moved. Each
 * call of libevent that moves them may run code of the program: filters, and
 * callbacks of the evbuffers.
 */
#ifndef AFI_TRANSPORT_BEVIO_H
#define AFI_TRANSPORT_BEVIO_H

#include <event2/bufferevent.h>

#include "base/container.h"
#include "file/file.h"
#include "transport/bevstate.h"

struct afi_bev_file {
	struct af_file file;
	struct bufferevent *bev;
	struct afi_watch watch;	  /* see bev_is_at_rest() */
	struct afi_looked looked; /* while it is deaf, and wanted */
	struct afi_task task;
	void (*on_task)(struct afi_task *task);
	struct evbuffer_cb_entry *on_sent;
	struct evbuffer *pulled; /* out of its input, not yet read */
	struct evbuffer *staged; /* on the way to its output */
	bool draining;		 /* inside of a drain of pulled */
	bool put_back;		 /* buffered bytes go back to its input */
	size_t in_output;	 /* not counted as written yet */
	size_t low, high;	 /* the program's read watermarks */
	short enabled;		 /* the program's EV_READ and EV_WRITE */
	struct afi_bevstate state;
	bool counted; /* writes that ended early count bytes in the outputs */
	bool on_pair; /* over a bufferevent_pair with both ends */
	bool shut;    /* by af_file_shutdown() */
	bool deaf;    /* see bevdeaf.h */
};

static inline struct afi_bev_file *afi_bev_of(const struct af_file *file)
{
	return AFI_CONTAINER(file, struct afi_bev_file, file);
}

static inline struct evbuffer *afi_bev_input(const struct af_file *file)
{
	return bufferevent_get_input(afi_bev_of(file)->bev);
}

/*
 * Called by the bufferevent's callbacks. These may run at any time, even inside
 * a call that moves bytes, so this only queues the task.
 */
static inline void afi_bev_wake(struct af_file *file)
{
	if (!afi_bev_of(file)->task.run)
		afi_loop_ready(file->loop, &afi_bev_of(file)->task,
			       afi_bev_of(file)->on_task);
}

/* Whether there is something to read, or an end or an error. */
bool afi_bev_has_news(const struct af_file *file);
/*
 * To be called before and after a call that may run code of the program:
 * libevent holds a reference to a bufferevent when it runs callbacks by itself,
 * but not when bytes are moved between its buffers. The second function returns
 * r; or -ECANCELED if the file was closed or its loop freed meanwhile.
 */
struct bufferevent *afi_bev_hold(struct af_file *file);
ssize_t afi_bev_let_go(struct af_file *file, struct bufferevent *bev,
		       ssize_t r);
/* Lets a filter whose input was full continue. The file must be held. */
void afi_bev_pull(struct af_file *file);

/* Puts buffered bytes back into its input, once that is possible. */
void afi_bev_put_back(struct af_file *file);

/* For the table of the transport. */
ssize_t afi_bev_read(struct af_file *file, void *buf, size_t len);
ssize_t afi_bev_fill(struct af_file *file, size_t want);
ssize_t afi_bev_write(struct af_file *file, const struct iovec *iov, int n);
size_t afi_bev_commit(struct af_file *file);
bool afi_bev_is_sending(const struct af_file *file);
int afi_bev_take_late_error(struct af_file *file);
size_t afi_bev_held(const struct af_file *file);

#endif
