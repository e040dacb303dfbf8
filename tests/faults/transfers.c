/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that move bytes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults/layer.h"
#include "faults/wrap.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

/* Whether a transfer of one byte leaves the rest for the next one. */
static bool is_stream(int fd)
{
	socklen_t len = sizeof(int);
	struct stat st;
	int type;

	if (fstat(fd, &st) < 0)
		return false;
	switch (st.st_mode & S_IFMT) {
	case S_IFSOCK:
		return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
		       type == SOCK_STREAM;
	case S_IFIFO:
		return !(fcntl(fd, F_GETFL) & O_DIRECT);
	case S_IFREG:
	case S_IFCHR:
		return true;
	default:
		return false;
	}
}

static bool is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/*
 * Neither a file on disk, nor what has room for every wake-up: an eventfd; and an
 * empty pipe, for one byte.
 */
static bool may_be_full(int fd, size_t len)
{
	struct stat st;
	int full = 1;

	if (fstat(fd, &st) < 0)
		return false;
	if (S_ISFIFO(st.st_mode) && len == 1)
		ioctl(fd, FIONREAD, &full);
	return !S_ISREG(st.st_mode) && (st.st_mode & S_IFMT) != 0 && full;
}

/* What nothing may show of, for a transfer of len bytes. */
static uint32_t harmless(int fd, size_t len, bool no_wait)
{
	int error = errno;
	uint32_t set = ON(EINTR);

	if (no_wait || (is_nonblocking(fd) && may_be_full(fd, len)))
		set |= ON(EAGAIN);
	if (len > 1 && is_stream(fd))
		set |= ON(SHORT);
	errno = error;
	return set;
}

/* Errors of a device or a disk; a pipe or a socket has none of these. */
static uint32_t errors(int fd, bool is_write)
{
	int error = errno;
	struct stat st;
	uint32_t set = 0;

	if (fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode))
			set = is_write ? ON(EIO) | ON(ENOSPC) : ON(EIO);
		else if (S_ISSOCK(st.st_mode))
			set = is_write ? ON(ENOBUFS) : ON(ENOMEM);
	}
	errno = error;
	return set;
}

static size_t total(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

/* The first byte of them. */
static struct iovec first_byte(const struct iovec *iov)
{
	while (iov->iov_len == 0)
		iov++;
	return (struct iovec){ iov->iov_base, 1 };
}

#define TRANSFER(name, params, fd, len, no_wait, is_write, full, part)         \
	ssize_t __wrap_##name params;                                          \
	ssize_t __wrap_##name params                                           \
	{                                                                      \
		enum fault f = MEET(name, errors(fd, is_write),                \
				    harmless(fd, len, no_wait));               \
                                                                               \
		if (f == FAULT_SHORT)                                          \
			return part;                                           \
		return f != FAULT_NONE ? faults_fail(f) : full;                \
	}

TRANSFER(read, (int fd, void *buf, size_t len), fd, len, false, false,
	 read(fd, buf, len), read(fd, buf, 1))
TRANSFER(write, (int fd, const void *buf, size_t len), fd, len, false, true,
	 write(fd, buf, len), write(fd, buf, 1))
TRANSFER(pread, (int fd, void *buf, size_t len, off_t at), fd, len, false,
	 false, pread(fd, buf, len, at), pread(fd, buf, 1, at))
TRANSFER(pwrite, (int fd, const void *buf, size_t len, off_t at), fd, len,
	 false, true, pwrite(fd, buf, len, at), pwrite(fd, buf, 1, at))
TRANSFER(recv, (int fd, void *buf, size_t len, int flags), fd, len,
	 flags &MSG_DONTWAIT, false, recv(fd, buf, len, flags),
	 recv(fd, buf, 1, flags))
TRANSFER(send, (int fd, const void *buf, size_t len, int flags), fd, len,
	 flags &MSG_DONTWAIT, true, send(fd, buf, len, flags),
	 send(fd, buf, 1, flags))
TRANSFER(readv, (int fd, const struct iovec *iov, int n), fd, total(iov, n),
	 false, false, readv(fd, iov, n),
	 readv(fd, &(struct iovec[]){ first_byte(iov) }[0], 1))
TRANSFER(writev, (int fd, const struct iovec *iov, int n), fd, total(iov, n),
	 false, true, writev(fd, iov, n),
	 writev(fd, &(struct iovec[]){ first_byte(iov) }[0], 1))

/* Whether a kernel, a file system or a filter has none of its flags. */
static uint32_t without_flags(int flags)
{
	return flags ? ON(EOPNOTSUPP) | ON(EINVAL) | ON(ENOSYS) | ON(EPERM) : 0;
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		       int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		       int flags)
{
	enum fault f = MEET(preadv2, errors(fd, false),
			    harmless(fd, total(iov, n), flags & RWF_NOWAIT) |
				    without_flags(flags));
	struct iovec first;

	if (f == FAULT_SHORT) {
		first = first_byte(iov);
		return preadv2(fd, &first, 1, at, flags);
	}
	return f != FAULT_NONE ? faults_fail(f)
			       : preadv2(fd, iov, n, at, flags);
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
			int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
			int flags)
{
	enum fault f = MEET(pwritev2, errors(fd, true),
			    harmless(fd, total(iov, n), flags & RWF_NOWAIT) |
				    without_flags(flags));
	struct iovec first;

	if (f == FAULT_SHORT) {
		first = first_byte(iov);
		return pwritev2(fd, &first, 1, at, flags);
	}
	return f != FAULT_NONE ? faults_fail(f)
			       : pwritev2(fd, iov, n, at, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	enum fault f =
		MEET(recvmsg, errors(fd, false),
		     harmless(fd, total(msg->msg_iov, (int)msg->msg_iovlen),
			      flags & MSG_DONTWAIT));
	struct iovec first, *all = msg->msg_iov;
	size_t n = msg->msg_iovlen;
	ssize_t r;

	if (f != FAULT_SHORT)
		return f != FAULT_NONE ? faults_fail(f)
				       : recvmsg(fd, msg, flags);
	first = first_byte(all);
	msg->msg_iov = &first;
	msg->msg_iovlen = 1;
	r = recvmsg(fd, msg, flags);
	msg->msg_iov = all;
	msg->msg_iovlen = n;
	return r;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	enum fault f =
		MEET(sendmsg, errors(fd, true),
		     harmless(fd, total(msg->msg_iov, (int)msg->msg_iovlen),
			      flags & MSG_DONTWAIT));
	struct msghdr part = *msg;
	struct iovec first;

	if (f != FAULT_SHORT)
		return f != FAULT_NONE ? faults_fail(f)
				       : sendmsg(fd, msg, flags);
	first = first_byte(msg->msg_iov);
	part.msg_iov = &first;
	part.msg_iovlen = 1;
	return sendmsg(fd, &part, flags);
}

/* SHORT: one message. */
int __wrap_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags,
		    struct timespec *timeout);
int __wrap_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags,
		    struct timespec *timeout)
{
	enum fault f = MEET(recvmmsg, ON(ENOMEM),
			    ON(EINTR) | ON(EAGAIN) | ON(ENOSYS) | ON(EPERM) |
				    (n > 1 ? ON(SHORT) : 0));

	if (f == FAULT_SHORT)
		return recvmmsg(fd, msgs, 1, flags, timeout);
	return f != FAULT_NONE ? faults_fail(f)
			       : recvmmsg(fd, msgs, n, flags, timeout);
}

/* A copy in the kernel has another way, whatever is wrong with it. */
#define COPY_HARMLESS(fd, len)                                                 \
	(harmless(fd, len, false) | ON(EINVAL) | ON(ENOSYS) | ON(EPERM))

TRANSFER(sendfile, (int to, int from, off_t *at, size_t len), to, len, false,
	 true, sendfile(to, from, at, len), sendfile(to, from, at, 1))

ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at,
		      size_t len, unsigned flags);
ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at,
		      size_t len, unsigned flags)
{
	enum fault f = MEET(splice, ON(ENOMEM), COPY_HARMLESS(to, len));

	if (f == FAULT_SHORT)
		return splice(from, from_at, to, to_at, 1, flags);
	return f != FAULT_NONE ? faults_fail(f)
			       : splice(from, from_at, to, to_at, len, flags);
}

ssize_t __wrap_tee(int from, int to, size_t len, unsigned flags);
ssize_t __wrap_tee(int from, int to, size_t len, unsigned flags)
{
	enum fault f = MEET(tee, ON(ENOMEM), COPY_HARMLESS(to, len));

	if (f == FAULT_SHORT)
		return tee(from, to, 1, flags);
	return f != FAULT_NONE ? faults_fail(f) : tee(from, to, len, flags);
}
