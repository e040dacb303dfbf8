/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages that were read from a datagram socket together with others, and that
 * no operation has taken yet. They come after the bytes in the file's buffer.
 */
#ifndef AFI_TRANSPORT_ARRIVED_H
#define AFI_TRANSPORT_ARRIVED_H

#include "file/file.h"

/* As many as the pool keeps chunks for. */
#define AFI_ARRIVED_MAX AFI_CHUNKS

/* A message in a chunk; in front of it is what its reader wants to know. */
struct afi_message {
	struct afi_chunk *chunk;
	size_t start, len; /* of its bytes in the chunk */
	bool cut;	   /* the kernel has dropped the end of it */
};

struct afi_arrived {
	unsigned next, n; /* those from next up to n are left */
	struct afi_message messages[AFI_ARRIVED_MAX];
};

static inline char *afi_message_data(const struct afi_message *message)
{
	return message->chunk->data + message->start;
}

/* Moves a short one to a smaller chunk, if there is memory. */
void afi_message_shrink(struct afi_message *message, struct afi_pool *pool);

/* Room for messages, to be filled and given to a file, or freed; or NULL. */
struct afi_arrived *afi_arrived_new(struct afi_pool *pool);
/* Frees it and its messages; NULL does nothing. */
void afi_arrived_free(struct afi_pool *pool, struct afi_arrived *arrived);
/* The first one of the file, which has some. */
static inline struct afi_message *afi_arrived_first(const struct af_file *file)
{
	return &file->arrived->messages[file->arrived->next];
}
/* Takes the first one out; the chunk is the caller's. */
struct afi_message afi_arrived_take(struct af_file *file);
/*
 * Moves the first one to the end of the file's buffer: its length, or AFI_EMPTY;
 * -ENOMEM, and nothing has moved.
 */
ssize_t afi_arrived_move(struct af_file *file);
/*
 * The operation that has read them ends, and the file keeps them: the next one
 * finds them, and each takes little more memory than it is long, if it can.
 */
void afi_arrived_keep(struct af_file *file);

/* For the table of a transport. Of empty messages alone, held is not 0. */
size_t afi_arrived_held(const struct af_file *file);
int afi_arrived_move_held(struct af_file *file, struct evbuffer *buf);
void afi_arrived_destroy(struct af_file *file);

#endif
