/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes that were read and that no operation has taken: room for more, more
 * of them, and fewer. One chunk holds them, which a result may take as it is.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "file/ahead.h"
#include "file/buffer.h"
#include "transport/message.h"

/*
 * A function of each_line() may be looking at the buffer still, having cancelled
 * its operation: what is left goes to a buffer of its own. 0 or -ENOMEM.
 */
static int unshare_buffer(struct af_file *file)
{
	struct afi_pool *pool = &file->loop->pool;
	struct afi_chunk *own = afi_chunk_get(pool, file->in->size);

	if (!own)
		return -ENOMEM;
	memcpy(own->data, file->in->data + file->start, file->len);
	afi_chunk_put(pool, file->in);
	file->in = own;
	file->start = 0;
	return 0;
}

/*
 * Makes room in the file's buffer: at least one byte, and as much as a pipe
 * holds if that costs no more than what was taken has saved. 0 or -ENOMEM.
 */
static int make_room(struct af_file *file, size_t want)
{
	struct afi_chunk *in = file->in;
	size_t size, room;

	if (!in) {
		file->in = afi_chunk_get(&file->loop->pool, AFI_CHUNK_SIZE);
		return file->in ? 0 : -ENOMEM;
	}
	room = in->size - file->start - file->len;
	if (room >= AFI_READ_SIZE || (room > 0 && file->start < file->len))
		return 0;
	if (atomic_load_explicit(&in->refs, memory_order_relaxed) > 1) {
		if (unshare_buffer(file) < 0)
			return -ENOMEM;
		in = file->in;
	} else if (file->start > 0) {
		memmove(in->data, in->data + file->start, file->len);
		file->start = 0;
	}
	if (file->len < in->size)
		return 0;
	size = in->size <= SIZE_MAX / 2 ? in->size * 2 : SIZE_MAX;
	if (size > want && want > in->size)
		size = want;
	return afi_chunk_grow(&file->in, size);
}

static void drop_empty(struct af_file *file)
{
	if (file->len > 0)
		return;
	afi_chunk_put(&file->loop->pool, file->in);
	file->in = NULL;
	file->start = 0;
}

void afi_consume(struct af_file *file, size_t n)
{
	file->start += n;
	file->len -= n;
	drop_empty(file);
}

ssize_t afi_fill(struct af_file *file, size_t want)
{
	size_t room, end;
	ssize_t r;

	if (file->is_message)
		return afi_message_fill(file);
	r = make_room(file, want);
	if (r < 0)
		return r;
	end = file->start + file->len;
	room = file->in->size - end;
	/* A large result is handed on as it is: nothing may follow it. */
	if (want > AFI_CHUNK_SIZE && want - file->len < room)
		room = want - file->len;
	room = afi_ahead_limit(file, want, room);
	r = file->transport->read(file, file->in->data + end, room);
	/*
	 * After a whole pipe look again: its writer may have been woken by the
	 * read, and have filled it. After an error there is nothing to wait for.
	 */
	file->drained[AFI_READ] = r < (ssize_t)room && r < AFI_READ_SIZE &&
				  (r >= 0 || r == -EAGAIN);
	if (r > 0)
		file->len += (size_t)r;
	else
		drop_empty(file);
	return r;
}

int afi_reserve(struct af_file *file, size_t before, size_t after)
{
	struct afi_pool *pool = &file->loop->pool;
	struct afi_chunk *in = file->in, *larger;
	size_t size = 2 * file->len + before + after;

	/* A shared one others may be looking at: its front is not free. */
	if (in && (before == 0 || atomic_load(&in->refs) == 1) &&
	    file->start >= before &&
	    in->size - file->start - file->len >= after)
		return 0;
	larger = afi_chunk_get(pool,
			       size > AFI_CHUNK_SIZE ? size : AFI_CHUNK_SIZE);
	if (!larger)
		return -ENOMEM;
	if (in)
		memcpy(larger->data + before, in->data + file->start,
		       file->len);
	afi_chunk_put(pool, in);
	file->in = larger;
	file->start = before;
	return 0;
}
