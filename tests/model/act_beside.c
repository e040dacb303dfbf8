/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that wait beside the queues of a file, and their model: for its
 * other side to leave, and for no byte to be moved.
 */
#include <errno.h>

#include "model/world.h"
#include "support/harness.h"

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

/* Of two ways, the same file has ended both. */
static bool has_left(const struct stream *s, bool writes)
{
	return s->gone[writes] || (s->back && s->back->gone[!writes]);
}

/* It needs another side, and one of which the kernel tells. */
void hangup_end(const struct node *node)
{
	const struct stream *s = node->stream;
	bool mute = s->disk || s->endless;

	switch (node->error) {
	case 0:
		/* Without POLLRDHUP, an empty message looks like an end. */
		must(!mute && (has_left(s, !node->writes) ||
			       (s->emptied && !node->writes)),
		     node);
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

bool act_idle(const uint32_t *arg)
{
	struct node *node = beside(IDLE, arg[0], arg[1]);
	struct timeval time = { 0, arg[2] };
	struct af_future *f;

	if (!node)
		return false;
	node->time = arg[2];
	node->earliest = node->at + node->time;
	f = af_file_idle(file_of(node), &time);
	must(arg[2] > 0 || af_future_is_done(f), node);
	world_start(node, f);
	return true;
}

static void restart(const struct stream *s, bool writes, int64_t since)
{
	for (size_t i = 0; i < world.n_nodes; i++) {
		struct node *node = world.nodes[i];

		if (node->kind == IDLE &&
		    (node->stream == s ? node->writes == writes
				       : node->stream == s->back &&
						 node->writes != writes) &&
		    model_is_pending(node) &&
		    node->earliest < since + node->time)
			node->earliest = since + node->time;
	}
}

/* What is read was not there before it was written. */
void idle_moved(const struct node *by)
{
	if (by->stream)
		restart(by->stream, false, by->moved);
	if (by->to)
		restart(by->to, true, by->at);
}

void idle_end(const struct node *node)
{
	if (node->error == 0)
		must(now_us() >= node->earliest, node);
	else
		must(node->error == -ECANCELED ||
			     (node->error == -EBADF && node->barred),
		     node);
}
