/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Message sockets and other sources of records. The kernel drops the part of a
 * message that does not fit into the buffer, so room is made before a read.
 * Knows no operation.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "transport/arrived.h"
#include "transport/descriptor.h"
#include "transport/message.h"
#include "transport/scm.h"

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
#ifdef POLLRDHUP
bool afi_message_is_shut(const struct af_file *file)
{
	return afi_fd_poll(file->fd, POLLRDHUP) & POLLRDHUP;
}
#else
/* By us: one that the program itself made is not noticed. */
bool afi_message_is_shut(const struct af_file *file)
{
	return file->shut_read;
}
#endif

ssize_t afi_message_size(const struct af_file *file)
{
	return message_receive(file->fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
}

/* keeps_fds: what file->keeps_fds is, known where this is compiled. */
static inline ssize_t message_get(struct af_file *file, bool keeps_fds)
{
	/* Families that return 0 here have no message over AFI_READ_SIZE. */
	ssize_t r = afi_message_size(file);
	size_t room = r > 0 ? (size_t)r : AFI_READ_SIZE;

	if (r >= 0)
		r = afi_buffer_reserve(&file->in, &file->loop->pool, 0, room);
	if (r < 0)
		return r;
	if (keeps_fds)
		r = afi_scm_read_message(file, afi_buffer_tail(&file->in),
					 room);
	else
		r = message_receive(file->fd, afi_buffer_tail(&file->in), room,
				    0);
	if (r > 0)
		file->in.len += (size_t)r;
	else
		afi_file_consume(file, 0);
	return r;
}

static inline ssize_t message_fill(struct af_file *file, bool keeps_fds)
{
	ssize_t r = message_get(file, keeps_fds);

	/* The kernel reports it once only. */
	if (r < 0 && r != -EAGAIN && r != -ENOMEM && file->in.len > 0)
		file->read_error = (int16_t)r;
	return r;
}

ssize_t afi_message_fill(struct af_file *file, size_t want)
{
	ssize_t r = message_fill(file, false);

	(void)want;
	file->drained[AFI_READ] = r == -EAGAIN;
	return r;
}

ssize_t afi_message_fill_fds(struct af_file *file, size_t want)
{
	ssize_t r = message_fill(file, true);

	(void)want;
	file->drained[AFI_READ] = r == -EAGAIN;
	/* At the end nothing comes. */
	return r == 0 && file->fds->came ? AFI_EMPTY : r;
}

/* Of a datagram, what the result of reading it means. */
static ssize_t message_datagram(struct af_file *file, ssize_t r)
{
	/* After a shutdown some families return 0, others EAGAIN. */
	if ((r == 0 || r == -EAGAIN) && afi_message_is_shut(file))
		r = 0;
	else if (r == 0)
		r = AFI_EMPTY;
	file->drained[AFI_READ] = r == -EAGAIN;
	return r;
}

ssize_t afi_message_fill_datagram(struct af_file *file, size_t want)
{
	(void)want;
	if (file->arrived)
		return afi_arrived_move(file);
	return message_datagram(file, message_fill(file, false));
}

ssize_t afi_message_fill_datagram_fds(struct af_file *file, size_t want)
{
	ssize_t r;

	(void)want;
	if (file->arrived)
		return afi_arrived_move(file);
	r = message_fill(file, true);
	if (r != 0 || !file->fds->came)
		return message_datagram(file, r);
	file->drained[AFI_READ] = false;
	return AFI_EMPTY;
}

ssize_t afi_message_fill_record(struct af_file *file, size_t want)
{
	struct afi_pool *pool = &file->loop->pool;
	ssize_t r = afi_buffer_reserve(&file->in, pool, 0, AFI_READ_SIZE);

	(void)want;
	if (r < 0)
		return r;
	r = afi_descriptor_read(file, afi_buffer_tail(&file->in),
				AFI_READ_SIZE);
	/* A packet pipe may have more, which were written before. */
	file->drained[AFI_READ] = r == -EAGAIN || (r >= 0 && !file->is_fifo);
	if (r > 0)
		file->in.len += (size_t)r;
	else if (file->in.len == 0)
		afi_buffer_trim(&file->in, pool);
	else if (r < 0 && r != -EAGAIN)
		file->read_error = (int16_t)r;
	return r;
}

/* Where there is no tee(2), there are no packet pipes. */
#ifdef SPLICE_F_NONBLOCK
/*
 * Copies two bytes of the pipe, and reads size of them. How many are read, plus
 * how many are left; -1: the pipe does not hold two.
 */
static int message_sample(int fd, const int copy[2], size_t size)
{
	char bytes[2];
	ssize_t n;
	int left = 0;

	if (tee(fd, copy[1], sizeof(bytes), SPLICE_F_NONBLOCK) !=
	    (ssize_t)sizeof(bytes))
		return -1;
	n = read(copy[0], bytes, size);
	if (n < 0 || ioctl(copy[0], FIONREAD, &left) < 0)
		return -1;
	return size == sizeof(bytes) ? (int)n : (int)n + left;
}

/* FIONREAD; 0 at the end, and of what cannot say; -EAGAIN: nothing is there. */
static int message_available(int fd)
{
	int available = 0;

	if (ioctl(fd, FIONREAD, &available) < 0 || available > 0)
		return available;
	if (!afi_fd_poll(fd, POLLIN))
		return -EAGAIN;
	/* It may have come between the two. */
	ioctl(fd, FIONREAD, &available);
	return available;
}

/*
 * The reading end does not know whether the writing end has O_DIRECT. A packet
 * of one byte ends a read of two; a longer one loses its second byte in a read
 * of one.
 */
int afi_message_is_packet(int fd, size_t room)
{
	int available = message_available(fd), copy[2], both, one;

	if (available < 0)
		return available;
	if (available < 2 || (size_t)available <= room ||
	    afi_pipe_open(copy) < 0)
		return -ENODATA;
	both = message_sample(fd, copy, 2);
	one = both == 2 ? message_sample(fd, copy, 1) : 2;
	close(copy[0]);
	close(copy[1]);
	if (both < 0 || one < 0)
		return -ENODATA;
	return both < 2 || one < 2;
}
#else
int afi_message_is_packet(int fd, size_t room)
{
	(void)fd;
	(void)room;
	return 0;
}
#endif
