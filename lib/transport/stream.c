/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of pipes, sockets and terminals. A bufferevent says when;
 * the bytes are moved here, because libevent reads 4096 at a time, raises
 * SIGPIPE on pipes, and sends what is left of a write after its timeout.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sigpipe.h"
#include "transport/stream.h"
#include "transport/wake.h"

/*
 * A terminal whose other side went away has its end of file. But who may not
 * read it, in the background, gets the same; of a master that cannot be.
 */
bool afi_stream_is_end(const struct af_file *file, int error)
{
	unsigned number;

	return error == EIO && file->is_tty &&
	       (afi_fd_is_hung_up(file->fd) ||
		ioctl(file->fd, TIOCGPTN, &number) == 0);
}

ssize_t afi_stream_read(struct af_file *file, void *buf, size_t len)
{
	ssize_t r;
	int error;

	do {
		if (file->is_socket)
			r = recv(file->fd, buf, len, MSG_DONTWAIT);
		else
			r = read(file->fd, buf, len);
	} while (r < 0 && errno == EINTR);
	if (r == 0 && file->is_fifo && afi_fifo_is_early(file->fd))
		return -EAGAIN;
	if (r >= 0)
		return r;
	error = errno;
	if (afi_stream_is_end(file, error))
		return 0;
	return error == EWOULDBLOCK ? -EAGAIN : -error;
}

/*
 * A terminal whose other side nobody has open: what was written last stays for
 * ever, and that there is no room is no news, but looks like it.
 */
static bool is_abandoned(const struct af_file *file)
{
	return file->is_tty && afi_fd_is_hung_up(file->fd);
}

static ssize_t socket_write(int fd, const struct iovec *iov, int n)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	const struct msghdr message = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)n,
	};
	ssize_t r;

	if (n == 1) /* there is less for the kernel to look up */
		r = send(fd, iov->iov_base, iov->iov_len, flags);
	else
		r = sendmsg(fd, &message, flags);
	return r < 0 ? -errno : r;
}

static ssize_t stream_write(struct af_file *file, const struct iovec *iov,
			    int n)
{
	ssize_t r;

	do
		r = file->is_socket ? socket_write(file->fd, iov, n)
				    : afi_sigpipe_writev(file->fd, iov, n);
	while (r == -EINTR);
	/* That the reader went without reading all is said the same way. */
	if (r == -ECONNRESET)
		return -EPIPE;
	if (r == -EWOULDBLOCK)
		return is_abandoned(file) ? -EPIPE : -EAGAIN;
	/* Of a terminal; but who may not write to it gets the same. */
	if (r == -EIO && is_abandoned(file))
		return -EPIPE;
	return r;
}

static int move(struct afi_watch *watch)
{
	return afi_wake_move((void *)((char *)watch -
				      offsetof(struct af_file, stream.watch)));
}

static int stream_want(struct af_file *file, enum afi_direction direction)
{
	int r = afi_wake_add(file, direction);

	if (r == 0)
		afi_loop_watch(file->loop, &file->stream.watch, move);
	return r;
}

void afi_stream_stopped(struct af_file *file, enum afi_direction direction)
{
	file->wanted[direction] = false;
	/* Not on the base any more: nothing to move. */
	if (!file->wanted[AFI_READ] && !file->wanted[AFI_WRITE])
		afi_watch_stop(&file->stream.watch);
}

void afi_stream_unwant(struct af_file *file, enum afi_direction direction)
{
	if (!file->wanted[direction])
		return;
	afi_wake_del(file, direction);
	afi_stream_stopped(file, direction);
}

void afi_stream_ready(struct af_file *file, enum afi_direction direction)
{
	file->drained[direction] = false;
	file->needed[direction] = false;
	afi_file_step(file, direction);
	/*
	 * It is ready still, and libevent would say so over and over: stop it
	 * after this turn, in which somebody may yet want it.
	 */
	if (!file->needed[direction])
		afi_file_settle(file);
}

static void stream_release(struct af_file *file)
{
	afi_watch_stop(&file->stream.watch);
	afi_wake_close(file);
}

int afi_stream_attach(struct af_file *file)
{
	static const struct afi_transport transport = {
		.read = afi_wake_read,
		.write = stream_write,
		.want = stream_want,
		.unwant = afi_stream_unwant,
		.held = afi_wake_held,
		.unread = afi_wake_unread,
		.release = stream_release,
	};
	int r = afi_wake_open(file);

	if (r == 0)
		file->transport = &transport;
	return r;
}
