/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filling a file's buffer, within the read-ahead limit. With AFIO_UNBUFFERED,
 * reads no further than was asked for, so that another process finds the rest
 * on the descriptor.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>

#include "file/fill.h"

/* How much of room to fill for an operation that needs want bytes in all. */
static size_t fill_limit(const struct af_file *file, size_t want, size_t room)
{
	size_t most = want == SIZE_MAX ? 0 : want - file->in.len;

	/* The operation asked for everything. */
	if (file->unbuffered && want == SIZE_MAX)
		return room;
	if (!file->unbuffered && most <= SIZE_MAX - file->read_ahead)
		most += file->read_ahead;
	return most < room ? most : room;
}

ssize_t afi_fill_by_read(struct af_file *file, size_t want)
{
	struct afi_pool *pool = &file->loop->pool;
	size_t room;
	ssize_t r;

	r = afi_buffer_extend(&file->in, pool, want);
	if (r < 0)
		return r;
	room = afi_buffer_room(&file->in);
	/* A large result takes the whole chunk: read nothing after it. */
	if (want > AFI_CHUNK_SIZE && want - file->in.len < room)
		room = want - file->in.len;
	room = fill_limit(file, want, room);
	if (room < AFI_PACKET_MAX && file->transport->look)
		r = file->transport->look(file, room);
	if (r > 0)
		return file->transport->fill(file, want);
	if (r == 0)
		r = file->transport->read(file, afi_buffer_tail(&file->in),
					  room);
	if (r == 0)
		r = afi_fill_end(file);
	/*
	 * After a full pipe look again: the read may have woken a writer that
	 * filled it. After an end or an error there is nothing to wait for: the
	 * next read is told again, unless this one keeps it.
	 */
	file->drained[AFI_READ] = r < (ssize_t)room && r < AFI_READ_SIZE &&
				  (r > 0 || r == -EAGAIN);
	if (r > 0)
		file->in.len += (size_t)r;
	else if (file->in.len == 0)
		afi_buffer_trim(&file->in, pool);
	else if (r < 0 && r != -EAGAIN && r != -ENOMEM)
		file->read_error = (int16_t)r;
	return r;
}

size_t afi_fill_span(struct af_file *file, size_t want, const char *last,
		     size_t n)
{
	size_t span;

	if (!file->transport->span)
		return want;
	span = file->transport->span(file, last, n);
	return want - file->in.len < span ? want : file->in.len + span;
}

void afi_fill_put_back(struct af_file *file)
{
	/* While a worker is busy this fails; closing the file does it then. */
	if (file->transport->put_back && TAILQ_EMPTY(&file->ops[AFI_READ]))
		file->transport->put_back(file);
}

int af_file_set_limit(struct af_file *file, size_t bytes)
{
	if (!file || bytes == SIZE_MAX)
		return -EINVAL;
	file->limit = bytes;
	return 0;
}

size_t af_file_limit(const struct af_file *file)
{
	return file ? file->limit : 0;
}

int af_loop_set_file_limit(struct af_loop *loop, size_t bytes)
{
	if (!loop || bytes == SIZE_MAX)
		return -EINVAL;
	if (!afi_loop_is_mine(loop))
		return -EPERM;
	loop->file_limit = bytes;
	return 0;
}

size_t af_loop_file_limit(const struct af_loop *loop)
{
	return loop ? loop->file_limit : 0;
}

int af_file_clear_eof(struct af_file *file)
{
	int r = afi_file_check(file);

	if (r < 0)
		return r;
	if (!file->eof)
		return 0;
	if (!file->transport->clear_eof)
		return -ENOTSUP;
	r = file->transport->clear_eof(file);
	if (r < 0)
		return r;
	file->eof = file->drained[AFI_READ] = false;
	return 0;
}

int af_file_set_read_ahead(struct af_file *file, size_t bytes)
{
	if (!file || bytes == 0)
		return -EINVAL;
	file->read_ahead = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
	return 0;
}

size_t af_file_read_ahead(const struct af_file *file)
{
	return file ? file->read_ahead : 0;
}
