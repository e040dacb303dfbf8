/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that read.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/world.h"
#include "support/harness.h"

/* NULL: there is no file to read. */
static struct node *read_node(enum kind_of kind, uint32_t file, uint32_t size,
			      const struct timeval *time)
{
	struct stream *s = world_stream(file);
	struct node *node;

	if (!s || !s->reader)
		return NULL;
	node = world_node(kind);
	node->stream = s;
	node->timed = time;
	node->size = size;
	node->known = s->n_known;
	return node;
}

bool act_read(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[3]);
	struct node *node = read_node(READ, arg[0], arg[1], time);

	if (!node)
		return false;
	node->full = arg[2] || node->size == 0;
	world_start(node, af_file_read(node->stream->reader, node->size,
				       arg[2] ? AFIO_FULL : 0, time));
	return true;
}

bool act_line(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[3]);
	struct node *node = read_node(LINE, arg[0], arg[1], time);

	if (!node)
		return false;
	node->full = arg[2];
	world_start(node, af_file_readline(node->stream->reader, node->size, 0,
					   node->full ? AFIO_FULL : 0, time));
	return true;
}

bool act_until(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[3]);
	struct node *node = read_node(UNTIL, arg[0], arg[1], time);
	const struct af_text *texts;
	unsigned flags;
	struct af_file *file;

	if (!node)
		return false;
	file = node->stream->reader;
	node->full = arg[2];
	node->texts = arg[4] % 3;
	texts = model_texts(node->texts);
	flags = node->full ? AFIO_FULL : 0;
	if (node->texts == 0)
		world_start(node, af_file_read_until(file, texts[0].data,
						     texts[0].len, node->size,
						     flags, time));
	else
		world_start(node,
			    af_file_read_until_any(file, texts, 2, node->size,
						   flags, time));
	return true;
}

bool act_peek(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[2]);
	struct node *node = read_node(PEEK, arg[0], arg[1] ? arg[1] : 1, time);

	if (!node)
		return false;
	node->full = true;
	world_start(node, af_file_peek(node->stream->reader, node->size, time));
	return true;
}

/* One call of the function: whether to go on. */
static int take_piece(struct node *node, const char *data, size_t len,
		      unsigned flags)
{
	node->calls++;
	model_piece(node, data, len, flags);
	idle_moved(node);
	world_body(node->body);
	if (node->calls < node->limit || node->stop_with == 2)
		return 0;
	if (node->stop_with == 1 || node->slow)
		node->stopped = -EPROTO;
	else
		node->stopped = 1;
	return node->stopped;
}

static int on_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	return take_piece(arg, data, len, flags);
}

static struct af_future *on_slow_piece(const char *data, size_t len,
				       unsigned flags, void *arg)
{
	/* A stream may come in many thousand pieces. */
	const int most = 100;
	struct node *node = arg;
	struct timeval time = { 0, 50 };

	if (take_piece(node, data, len, flags) && world.loop)
		return af_failed(world.loop, -EPROTO);
	if (node->calls % 2 && node->calls < most && world.loop)
		return af_sleep(world.loop, &time);
	return NULL;
}

bool act_each(const uint32_t *arg)
{
	struct node *node = read_node(EACH, arg[0], 0, NULL);
	struct af_file *file;
	struct af_future *f;

	if (!node)
		return false;
	file = node->stream->reader;
	node->lines = arg[1] % 2 == 0;
	node->slow = arg[1] >= 2;
	node->body = arg[2];
	node->limit = 1 + arg[3];
	node->stop_with = arg[4];
	if (node->slow)
		f = af_file_each_async(
			file, node->lines ? AFIO_EACH_LINE : AFIO_EACH_CHUNK,
			on_slow_piece, node);
	else if (node->lines)
		f = af_file_each_line(file, on_piece, node);
	else
		f = af_file_each_chunk(file, on_piece, node);
	world_start(node, f);
	return true;
}
