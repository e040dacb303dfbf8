/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A layer between a stream socket and its file: functions of the program that
 * move the bytes.
 */
#ifndef AFI_TRANSPORT_LAYER_H
#define AFI_TRANSPORT_LAYER_H

#include <event2/event_struct.h>

#include <asyncfile/layer.h>

#include "file/file.h"

struct afi_layer {
	const struct af_layer *fns;
	void *arg;
	struct af_file *file;
	/* Sends, in the background, what no operation waits for. */
	struct event event;
	struct afi_watch watch;
	size_t taken; /* of a write that is not done */
	int error;    /* of sending */
	bool unsent;  /* the socket had no room for all that was taken */
	bool counted; /* writes that ended early count bytes that are unsent */
	bool dry;     /* the last read said that there is no more */
	bool deaf;    /* it takes nothing before it has received something */
	bool ended;
	bool finished; /* its own last bytes were taken */
};

/* For the table of the transport. */
ssize_t afi_layer_read(struct af_file *file, void *buf, size_t len);
ssize_t afi_layer_fill(struct af_file *file, size_t want);
ssize_t afi_layer_write(struct af_file *file, const struct iovec *iov, int n);
size_t afi_layer_commit(struct af_file *file);
bool afi_layer_is_sending(const struct af_file *file);
int afi_layer_take_late_error(struct af_file *file);
int afi_layer_can_shutdown(const struct af_file *file, int how);
int afi_layer_shutdown(struct af_file *file, int how);
void afi_layer_farewell(struct af_file *file);
bool afi_layer_has_left(const struct af_file *file);
/* The part of release and destroy. */
void afi_layer_release(struct af_file *file);
void afi_layer_destroy(struct af_file *file);

#endif
