/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that wait beside the queues of a file, and their model: for its
 * other side to leave.
 */
#include <errno.h>

#include "model/world.h"

/* NULL: there is no such file. */
static struct node *beside(enum kind_of kind, uint32_t index, bool writes)
{
	struct stream *s = world_stream(index);
	struct node *node;

	if (!s || !(writes ? s->writer : s->reader))
		return NULL;
	node = world_node(kind);
	node->stream = s;
	node->writes = writes;
	node->barred = node->canceled = s->finishing[writes];
	return node;
}

static struct af_file *file_of(const struct node *node)
{
	return node->writes ? node->stream->writer : node->stream->reader;
}

bool act_hangup(const uint32_t *arg)
{
	struct node *node = beside(HANGUP, arg[0], arg[1]);
	struct af_future *f;

	if (!node)
		return false;
	f = af_file_hangup(file_of(node));
	/* Of a pipe whose other end is closed, it is seen at once. */
	if (node->stream->exact &&
	    !(node->writes ? node->stream->reader : node->stream->writer))
		must(af_future_is_done(f), node);
	world_start(node, f);
	return true;
}

/* It needs another side, and one of which the kernel tells. */
void hangup_end(const struct node *node)
{
	const struct stream *s = node->stream;
	bool mute = s->disk || s->endless;

	switch (node->error) {
	case 0:
		must(!mute && s->gone[!node->writes], node);
		break;
	case -ENOTSUP:
		must(mute || s->fixed, node);
		break;
	case -EBADF:
		must(node->barred, node);
		break;
	default:
		must(node->error == -ECANCELED, node);
	}
}
