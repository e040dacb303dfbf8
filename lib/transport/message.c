/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets that carry messages: what does not fit in the buffer that one is read
 * into the kernel drops, so room is made before. Knows no operation.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "file/buffer.h"
#include "transport/message.h"

int afi_message_inspect(struct af_file *file)
{
	int type;
	socklen_t len = sizeof(type);

	if (getsockopt(file->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	file->is_message = type != SOCK_STREAM;
	file->is_datagram = file->is_message && type != SOCK_SEQPACKET;
	return 0;
}

static ssize_t receive(int fd, void *buf, size_t len, int flags)
{
	ssize_t r;

	do
		r = recv(fd, buf, len, flags | MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return r;
}

/* Datagrams have no end, but for who has shut that half. */
static bool is_shut(const struct af_file *file)
{
	struct pollfd fd = { .fd = file->fd, .events = POLLRDHUP };

	return poll(&fd, 1, 0) > 0 && fd.revents & POLLRDHUP;
}

static ssize_t fill(struct af_file *file)
{
	/* Some families do not say, and have none that are longer than that. */
	ssize_t r = receive(file->fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
	size_t room = r > 0 ? (size_t)r : AFI_READ_SIZE;

	if (r >= 0)
		r = afi_reserve(file, 0, room);
	if (r < 0)
		return r;
	r = receive(file->fd, file->in->data + file->start + file->len, room,
		    0);
	if (r > 0)
		file->len += (size_t)r;
	else
		afi_consume(file, 0);
	return r;
}

ssize_t afi_message_fill(struct af_file *file)
{
	ssize_t r = fill(file);

	/* Some say the one, some the other. */
	if (file->is_datagram && (r == 0 || r == -EAGAIN)) {
		if (is_shut(file))
			r = 0;
		else if (r == 0)
			r = AFI_EMPTY;
	}
	file->drained[AFI_READ] = r == -EAGAIN;
	return r;
}
