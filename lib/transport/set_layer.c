/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts a layer on a file that is a stream socket.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "base/reserved.h"
#include "transport/layer.h"
#include "transport/stream.h"

static int set_layer_check(const struct af_file *file,
			   const struct af_layer *fns, struct evbuffer *unread)
{
	int r = afi_file_check(file);

	if (r < 0)
		return r;
	if (!fns || !fns->read || !fns->write || !fns->flush ||
	    !AFI_RESERVED_CLEAR(fns))
		return -EINVAL;
	/* A frozen one takes no bytes. */
	if (unread && evbuffer_add(unread, "", 0) < 0)
		return -EINVAL;
	if (file->layer)
		return -EALREADY;
	if (!file->is_socket || file->is_message)
		return -ENOTSOCK;
	if (file->unbuffered || file->keeps_fds)
		return -ENOTSUP;
	if (!TAILQ_EMPTY(&file->ops[AFI_READ]) ||
	    !TAILQ_EMPTY(&file->ops[AFI_WRITE]) ||
	    (!unread && afi_file_buffered(file) > 0))
		return -EBUSY;
	return file->read_error;
}

/* Appends the buffered bytes to buf; 0 or -ENOMEM. */
static int set_layer_collect(struct af_file *file, struct evbuffer *buf)
{
	if (file->in.len > 0 &&
	    evbuffer_add(buf, afi_buffer_data(&file->in), file->in.len) < 0)
		return -ENOMEM;
	return 0;
}

int af_file_set_layer(struct af_file *file, const struct af_layer *fns,
		      void *arg, struct evbuffer *unread)
{
	int r = set_layer_check(file, fns, unread);
	struct evbuffer *buf = NULL;
	struct afi_layer *layer = NULL;

	if (r < 0)
		return r;
	r = -ENOMEM;
	buf = evbuffer_new();
	layer = calloc(1, sizeof(*layer));
	if (!buf || !layer || set_layer_collect(file, buf) < 0)
		goto fail;
	layer->fns = fns;
	layer->arg = arg;
	layer->file = file;
	r = afi_stream_set_layer(file, layer, buf);
	if (r < 0)
		goto fail;
	if (file->in.len > 0)
		afi_file_consume(file, file->in.len);
	file->eof = file->drained[AFI_READ] = file->drained[AFI_WRITE] = false;
	if (unread)
		evbuffer_add_buffer(unread, buf);
	evbuffer_free(buf);
	return 0;
fail:
	free(layer);
	if (buf)
		evbuffer_free(buf);
	return r;
}

void *af_file_layer(const struct af_file *file, const struct af_layer *fns)
{
	return file && file->layer && file->layer->fns == fns ? file->layer->arg
							      : NULL;
}
