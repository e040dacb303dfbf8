/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps messages that have arrived in a file, each in a chunk, in their order.
 * Reads nothing, and knows no address.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <event2/buffer.h>

#include "file/fill.h"
#include "transport/arrived.h"

struct afi_arrived *afi_arrived_new(struct afi_pool *pool)
{
	struct afi_arrived *arrived = afi_block_take(pool, sizeof(*arrived));

	if (arrived)
		arrived->next = arrived->n = 0;
	return arrived;
}

void afi_arrived_free(struct afi_pool *pool, struct afi_arrived *arrived)
{
	if (!arrived)
		return;
	for (unsigned i = arrived->next; i < arrived->n; i++)
		afi_chunk_put(pool, arrived->messages[i].chunk);
	afi_block_put(pool, arrived, sizeof(*arrived));
}

struct afi_message afi_arrived_take(struct af_file *file)
{
	struct afi_arrived *arrived = file->arrived;
	struct afi_message message = arrived->messages[arrived->next++];

	if (arrived->next == arrived->n) {
		file->arrived = NULL;
		afi_arrived_free(&file->loop->pool, arrived);
	}
	return message;
}

ssize_t afi_arrived_move(struct af_file *file)
{
	struct afi_pool *pool = &file->loop->pool;
	struct afi_buffer *in = &file->in;
	struct afi_message message = *afi_arrived_first(file);

	if (in->len > 0 && afi_buffer_reserve(in, pool, 0, message.len) < 0)
		return -ENOMEM;
	afi_arrived_take(file);
	if (message.len == 0) {
		afi_chunk_put(pool, message.chunk);
		return AFI_EMPTY;
	}
	if (in->len > 0) {
		memcpy(afi_buffer_tail(in), afi_message_data(&message),
		       message.len);
		in->len += message.len;
		afi_chunk_put(pool, message.chunk);
	} else {
		afi_buffer_trim(in, pool);
		in->chunk = message.chunk;
		in->start = message.start;
		in->len = message.len;
	}
	return (ssize_t)message.len;
}

void afi_message_shrink(struct afi_message *message, struct afi_pool *pool)
{
	size_t size = message->start + message->len;
	struct afi_chunk *smaller;

	if (size > message->chunk->size / 2)
		return;
	smaller = afi_chunk_get(pool, size);
	if (!smaller)
		return;
	memcpy(smaller->data, message->chunk->data, size);
	afi_chunk_put(pool, message->chunk);
	message->chunk = smaller;
}

void afi_arrived_keep(struct af_file *file)
{
	struct afi_arrived *arrived = file->arrived;

	if (!arrived || file->closing || !afi_loop_alive(file->loop))
		return;
	file->drained[AFI_READ] = false;
	for (unsigned i = arrived->next; i < arrived->n; i++)
		afi_message_shrink(&arrived->messages[i], &file->loop->pool);
}

size_t afi_arrived_held(const struct af_file *file)
{
	const struct afi_arrived *arrived = file->arrived;
	size_t len = 0;

	if (!arrived)
		return 0;
	for (unsigned i = arrived->next; i < arrived->n; i++)
		len += arrived->messages[i].len;
	return len > 0 ? len : 1;
}

int afi_arrived_move_held(struct af_file *file, struct evbuffer *buf)
{
	const struct afi_arrived *arrived = file->arrived;

	for (unsigned i = arrived->next; i < arrived->n; i++)
		if (evbuffer_add(buf, afi_message_data(&arrived->messages[i]),
				 arrived->messages[i].len) < 0)
			return -ENOMEM;
	return 0;
}

void afi_arrived_destroy(struct af_file *file)
{
	afi_arrived_free(afi_loop_pool(file->loop), file->arrived);
}
