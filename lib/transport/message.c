/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Message sockets. The kernel drops the part of a message that does not fit in
 * the buffer, so make room before reading. Knows no operation.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "transport/message.h"

static ssize_t message_receive(int fd, void *buf, size_t len, int flags)
{
	ssize_t r;

	do
		r = recv(fd, buf, len, flags | MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return r;
}

/* A datagram socket has an end of file only after shutdown(2). */
static bool message_is_shut(const struct af_file *file)
{
	struct pollfd fd = { .fd = file->fd, .events = POLLRDHUP };

	return poll(&fd, 1, 0) > 0 && fd.revents & POLLRDHUP;
}

static ssize_t message_fill(struct af_file *file)
{
	/* Families that return 0 here have no message over AFI_READ_SIZE. */
	ssize_t r = message_receive(file->fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
	size_t room = r > 0 ? (size_t)r : AFI_READ_SIZE;

	if (r >= 0)
		r = afi_buffer_reserve(&file->in, &file->loop->pool, 0, room);
	if (r < 0)
		return r;
	r = message_receive(file->fd, afi_buffer_tail(&file->in), room, 0);
	if (r > 0)
		file->in.len += (size_t)r;
	else
		afi_file_consume(file, 0);
	return r;
}

ssize_t afi_message_fill(struct af_file *file)
{
	ssize_t r = message_fill(file);

	file->drained[AFI_READ] = r == -EAGAIN;
	return r;
}

ssize_t afi_message_fill_datagram(struct af_file *file)
{
	ssize_t r = message_fill(file);

	/* After a shutdown some families return 0, others EAGAIN. */
	if ((r == 0 || r == -EAGAIN) && message_is_shut(file))
		r = 0;
	else if (r == 0)
		r = AFI_EMPTY;
	file->drained[AFI_READ] = r == -EAGAIN;
	return r;
}
