/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a bufferevent of the program: TLS, a filter, one end of a
 * pair, a rate-limited socket.
 */
#ifndef AFI_TRANSPORT_BUFFEREVENT_H
#define AFI_TRANSPORT_BUFFEREVENT_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "file/file.h"

struct afi_foreign {
	struct af_file *file;
	struct bufferevent *bev;
	struct afi_watch watch;
	struct afi_task task;
	struct evbuffer_cb_entry *on_sent;
	size_t in_output; /* not counted as written yet */
	size_t low, high; /* the program's watermarks */
	short enabled;	  /* the program's, too */
	int error[2];
	bool ended;
	bool on_pair; /* it stands on a bufferevent_pair, whose other end lived */
};

/* Makes it the transport of a file; 0 or -ENOMEM. */
int afi_foreign_attach(struct af_file *file, struct bufferevent *bev);
/* Whether it can be told that no more will be written; and telling it. */
bool afi_foreign_can_end(const struct af_file *file);
void afi_foreign_end(struct af_file *file);

#endif
