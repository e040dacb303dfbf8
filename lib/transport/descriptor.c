/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * System calls on pipes, sockets and terminals. Those of libevent read 4096
 * bytes at a time and raise SIGPIPE on pipes. Knows no libevent.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/nonblock.h"
#include "base/refused.h"
#include "base/sigpipe.h"
#include "base/tty.h"
#include "transport/descriptor.h"

/*
 * EIO is end of file on a hung-up terminal. A background process gets EIO, too;
 * a pty master never does.
 */
bool afi_descriptor_is_end(const struct af_file *file, int error)
{
	return error == EIO && file->is_tty &&
	       (afi_fd_is_hung_up(file->fd) || afi_tty_is_master(file->fd));
}

#ifdef HAVE_RWF
bool afi_descriptor_by_call(void)
{
	return true;
}

/*
 * The kernel, or its sandbox, does not know the flag: the description must be
 * non-blocking. True: try again.
 */
static bool descriptor_lacks_flag(struct af_file *file)
{
	if (errno != EOPNOTSUPP && errno != EINVAL && !afi_refused(errno))
		return false;
	if (afi_nonblock_hold(file->fd, &file->nonblock) < 0) {
		errno = ENOMEM;
		return false;
	}
	file->by_call = false;
	return true;
}

static ssize_t descriptor_read_by_call(struct af_file *file, void *buf,
				       size_t len)
{
	struct iovec iov = { buf, len };
	ssize_t r = preadv2(file->fd, &iov, 1, -1, RWF_NOWAIT);

	return r < 0 && descriptor_lacks_flag(file) ? read(file->fd, buf, len)
						    : r;
}

static ssize_t descriptor_write_by_call(struct af_file *file,
					const struct iovec *iov, int n)
{
	struct afi_sigpipe_hold hold;
	ssize_t r;

	afi_sigpipe_hold(&hold);
	r = pwritev2(file->fd, iov, n, -1, RWF_NOWAIT);
	if (r < 0 && descriptor_lacks_flag(file))
		r = writev(file->fd, iov, n);
	r = r < 0 ? -errno : r;
	afi_sigpipe_release(&hold, (int)(r < 0 ? r : 0));
	return r;
}
#else
bool afi_descriptor_by_call(void)
{
	return false;
}

static ssize_t descriptor_read_by_call(struct af_file *file, void *buf,
				       size_t len)
{
	return read(file->fd, buf, len);
}

static ssize_t descriptor_write_by_call(struct af_file *file,
					const struct iovec *iov, int n)
{
	return afi_sigpipe_writev(file->fd, iov, n);
}
#endif

/*
 * Whether reading 0 bytes was no end: a FIFO that waits for a writer; or a
 * terminal in non-canonical mode, whose line is up, that has nothing yet.
 */
static bool descriptor_is_empty_moment(const struct af_file *file)
{
	struct termios mode;

	if (file->is_fifo)
		return afi_fifo_is_early(file->fd);
	return file->is_tty && !afi_fd_is_hung_up(file->fd) &&
	       tcgetattr(file->fd, &mode) == 0 && !(mode.c_lflag & ICANON);
}

/*
 * Another process on the same description, or a child, may have cleared the flag:
 * the call would wait, and the loop with it.
 */
static void descriptor_unblock(const struct af_file *file)
{
	if (file->shares_mode)
		afi_fd_set_nonblock(file->fd, true);
}

ssize_t afi_descriptor_read(struct af_file *file, void *buf, size_t len)
{
	ssize_t r;
	int error;

	descriptor_unblock(file);
	do {
		if (file->is_socket)
			r = recv(file->fd, buf, len, MSG_DONTWAIT);
		else if (file->by_call)
			r = descriptor_read_by_call(file, buf, len);
		else
			r = read(file->fd, buf, len);
	} while (r < 0 && errno == EINTR);
	if (r == 0 && descriptor_is_empty_moment(file))
		return -EAGAIN;
	if (r >= 0)
		return r;
	error = errno;
	if (afi_descriptor_is_end(file, error))
		return 0;
	return error == EWOULDBLOCK ? -EAGAIN : -error;
}

/*
 * Whether the other side of a terminal is closed: nobody reads what was
 * written, so EAGAIN would never clear.
 */
static bool descriptor_is_abandoned(const struct af_file *file)
{
	return file->is_tty && afi_fd_is_hung_up(file->fd);
}

/* Where there is no MSG_MORE, a write goes at once. */
#ifndef MSG_MORE
#define MSG_MORE 0
#endif
/* See afi_sigpipe_quiet_socket(). */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static int descriptor_send_flags(const struct af_file *file)
{
	return MSG_DONTWAIT | MSG_NOSIGNAL | (file->more ? MSG_MORE : 0);
}

static ssize_t descriptor_send(const struct af_file *file,
			       const struct iovec *iov, int n)
{
	const int flags = descriptor_send_flags(file);
	const struct msghdr message = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)n,
	};
	ssize_t r;

	if (n == 1) /* cheaper */
		r = send(file->fd, iov->iov_base, iov->iov_len, flags);
	else
		r = sendmsg(file->fd, &message, flags);
	return r < 0 ? -errno : r;
}

/* What a write that has failed returns, for its -errno. */
static ssize_t descriptor_write_error(struct af_file *file, ssize_t r)
{
	/* The reader left with unread bytes. */
	if (r == -ECONNRESET) {
		file->reset = -ECONNRESET; /* no read will see it */
		return -EPIPE;
	}
	if (r == -EWOULDBLOCK)
		return descriptor_is_abandoned(file) ? -EPIPE : -EAGAIN;
	/* A background process gets EIO from a terminal that is still there. */
	if (r == -EIO && descriptor_is_abandoned(file))
		return -EPIPE;
	return r;
}

ssize_t afi_descriptor_send(struct af_file *file, const struct msghdr *message)
{
	ssize_t r;

	do
		r = sendmsg(file->fd, message, descriptor_send_flags(file));
	while (r < 0 && errno == EINTR);
	return r < 0 ? descriptor_write_error(file, -errno) : r;
}

ssize_t afi_descriptor_write(struct af_file *file, const struct iovec *iov,
			     int n)
{
	ssize_t r;

	descriptor_unblock(file);
	do {
		if (file->is_socket)
			r = descriptor_send(file, iov, n);
		else if (file->by_call)
			r = descriptor_write_by_call(file, iov, n);
		else
			r = afi_sigpipe_writev(file->fd, iov, n);
	} while (r == -EINTR);
	return r < 0 ? descriptor_write_error(file, r) : r;
}
