/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives datagrams with their senders. Knows no operation.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>

#include "net/batch.h"
#include "net/incoming.h"
#include "transport/message.h"

/*
 * Makes the two parts of the room for a message: the chunk, and what follows in
 * the file's buffer; 0 or -ENOMEM.
 */
static int incoming_make_room(struct af_file *file, size_t room, size_t size,
			      struct afi_message *message, struct iovec iov[2])
{
	struct afi_pool *pool = &file->loop->pool;
	size_t first = room < size ? room : size;

	message->start = AFI_INCOMING_START;
	message->chunk = afi_chunk_get(pool, message->start + first);
	if (!message->chunk)
		return -ENOMEM;
	if (room > first &&
	    afi_buffer_reserve(&file->in, pool, 0, room - first) < 0) {
		afi_chunk_put(pool, message->chunk);
		return -ENOMEM;
	}
	iov[0].iov_base = afi_message_data(message);
	iov[0].iov_len = first;
	iov[1].iov_base = room > first ? afi_buffer_tail(&file->in) : NULL;
	iov[1].iov_len = room - first;
	return 0;
}

/* Receives into that room: 0 or -errno. */
static int incoming_receive(struct af_file *file, struct afi_message *message,
			    struct iovec iov[2])
{
	struct afi_address *sender = afi_incoming_sender(message->chunk);
	struct msghdr header = {
		.msg_name = &sender->storage,
		.msg_namelen = sizeof(sender->storage),
		.msg_iov = iov,
		.msg_iovlen = iov[1].iov_len > 0 ? 2 : 1,
	};
	ssize_t r;

	do
		r = recvmsg(file->fd, &header, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	afi_file_note(file, 1);
	afi_incoming_seal(sender, header.msg_namelen);
	message->cut = header.msg_flags & MSG_TRUNC;
	message->len = (size_t)r < iov[0].iov_len ? (size_t)r : iov[0].iov_len;
	file->in.len = (size_t)r - message->len;
	return 0;
}

/*
 * Its length was not known: there was room for the longest one, and it may exceed
 * the limit. Then its sender is lost, but not its bytes.
 */
static int incoming_look_at(struct af_file *file, size_t limit,
			    struct afi_message *message)
{
	if (message->len <= limit) {
		afi_message_shrink(message, &file->loop->pool);
		return 0;
	}
	file->in.chunk = message->chunk;
	file->in.start = message->start;
	file->in.len = message->len;
	return -EMSGSIZE;
}

int afi_incoming_take(struct af_file *file, size_t size, size_t limit,
		      struct afi_message *ret)
{
	ssize_t len = afi_message_size(file);
	struct afi_message message;
	struct iovec iov[2];
	int r;

	if (len == 0 || len == -EAGAIN) {
		file->drained[AFI_READ] = len == -EAGAIN;
		if (afi_message_is_shut(file))
			return 0;
	}
	if (len < 0)
		return (int)len;
	if ((size_t)len > limit)
		return -EMSGSIZE;
	r = incoming_make_room(file, len > 0 ? (size_t)len : AFI_READ_SIZE,
			       size, &message, iov);
	if (r < 0)
		return r;
	r = incoming_receive(file, &message, iov);
	if (r < 0)
		afi_chunk_put(&file->loop->pool, message.chunk);
	afi_buffer_trim(&file->in, &file->loop->pool);
	if (r == 0 && len == 0)
		r = incoming_look_at(file, limit, &message);
	if (r < 0)
		return r;
	*ret = message;
	return 1;
}

/* Chunks for up to most messages, one at least; or NULL. */
static struct afi_arrived *incoming_many_room(struct afi_pool *pool,
					      unsigned most)
{
	struct afi_arrived *arrived = afi_arrived_new(pool);
	struct afi_chunk *chunk;

	for (unsigned i = 0; arrived && i < most; i++) {
		chunk = afi_chunk_get(pool, AFI_CHUNK_SIZE);
		if (!chunk)
			break;
		arrived->messages[arrived->n++] = (struct afi_message){
			.chunk = chunk,
			.start = AFI_INCOMING_START,
		};
	}
	if (arrived && arrived->n > 0)
		return arrived;
	afi_arrived_free(pool, arrived);
	return NULL;
}

/* How many of n are left without the empty ones at the end; 0 if n is an error. */
static int incoming_without_last_empty(const struct afi_arrived *arrived, int n)
{
	while (n > 0 && arrived->messages[n - 1].len == 0)
		n--;
	return n > 0 ? n : 0;
}

int afi_incoming_take_many(struct af_file *file, unsigned most)
{
	struct afi_pool *pool = &file->loop->pool;
	struct afi_arrived *arrived = incoming_many_room(pool, most);
	bool drained = false;
	int r;

	if (!arrived)
		return -ENOMEM;
	r = afi_batch_receive(file->fd, arrived->messages, arrived->n,
			      &drained);
	file->drained[AFI_READ] = drained;
	/* After a shutdown some systems return empty messages without end. */
	if ((r == -EAGAIN || (r > 0 && arrived->messages[r - 1].len == 0)) &&
	    afi_message_is_shut(file))
		r = incoming_without_last_empty(arrived, r);
	afi_file_note(file, r);
	while (arrived->n > (unsigned)(r > 0 ? r : 0))
		afi_chunk_put(pool, arrived->messages[--arrived->n].chunk);
	if (r > 0)
		file->arrived = arrived;
	else
		afi_arrived_free(pool, arrived);
	return r;
}
