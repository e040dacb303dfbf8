/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that Unix sockets carry beside bytes. Linux reads bytes together
 * with those in front of them, and does not say with which of them descriptors
 * came. So while some are on their way, no more is read than was asked for.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "transport/descriptor.h"
#include "transport/scm.h"

/* Room for descriptors, and for what else programs may ask sockets for. */
union scm_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(AFI_FDS_MAX * sizeof(int)) + 1024];
};

/* Descriptors that came with a message. */
struct scm_set {
	int fds[AFI_FDS_MAX];
	unsigned n;
	bool lost; /* one at least */
};

#ifdef MSG_CMSG_CLOEXEC
#define SCM_CLOEXEC MSG_CMSG_CLOEXEC
static void scm_protect(int fd)
{
	(void)fd;
}
#else
#define SCM_CLOEXEC 0
static void scm_protect(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}
#endif

bool afi_scm_is_unix(int fd)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t len = sizeof(storage);

	return getsockname(fd, (struct sockaddr *)&storage, &len) == 0 &&
	       storage.ss_family == AF_UNIX;
}

static void scm_take_fds(struct scm_set *set, const void *data, size_t n)
{
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, (const char *)data + i * sizeof(fd), sizeof(fd));
		scm_protect(fd);
		fd = afi_fd_above_stdio(fd);
		if (fd >= 0 && set->n < AFI_FDS_MAX) {
			set->fds[set->n++] = fd;
			continue;
		}
		/* Not on Linux: it came in a second list. */
		if (fd >= 0)
			close(fd);
		set->lost = true;
	}
}

/* A descriptor of the sender, if the program asked for it: nobody takes it. */
#ifdef SO_PASSPIDFD
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
static void scm_drop_pidfd(const struct cmsghdr *header)
{
	int fd;

	memcpy(&fd, CMSG_DATA((struct cmsghdr *)header), sizeof(fd));
	if (header->cmsg_type == SCM_PIDFD)
		close(fd);
}
#else
static void scm_drop_pidfd(const struct cmsghdr *header)
{
	(void)header;
}
#endif

static void scm_take(struct scm_set *set, struct msghdr *message)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_RIGHTS)
			scm_take_fds(set, CMSG_DATA(header),
				     (header->cmsg_len - CMSG_LEN(0)) /
					     sizeof(int));
		else
			scm_drop_pidfd(header);
	}
	/* There was no room for them in the table of descriptors. */
	if (message->msg_flags & MSG_CTRUNC)
		set->lost = true;
	/* A part of them is of no use. */
	while (set->lost && set->n > 0)
		close(set->fds[--set->n]);
}

/* recvmsg(2), never waiting; -errno. */
static ssize_t scm_recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t r;

	do
		r = recvmsg(fd, message, flags | MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return r;
}

static ssize_t scm_receive(int fd, void *buf, size_t len, struct scm_set *set)
{
	union scm_control control;
	struct iovec iov = { buf, len };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t r = scm_recvmsg(fd, &message, SCM_CLOEXEC);

	set->n = 0;
	set->lost = false;
	if (r >= 0)
		scm_take(set, &message);
	return r;
}

/* Gives the file what came with len bytes. */
static void scm_keep(struct af_file *file, size_t len,
		     const struct scm_set *set)
{
	if (set->lost)
		afi_fds_add_lost(file, len);
	else
		afi_fds_add(file, len, set->fds, set->n);
}

ssize_t afi_scm_read_message(struct af_file *file, void *buf, size_t len)
{
	struct scm_set set;
	ssize_t r = afi_fds_prepare(file);

	if (r == 0)
		r = scm_receive(file->fd, buf, len, &set);
	file->fds->came = false;
	if (r >= 0)
		scm_keep(file, (size_t)r, &set);
	return r;
}

/*
 * Whether descriptors come with what has arrived. other: how much room what else
 * comes with it takes.
 */
static bool scm_look(int fd, size_t other)
{
	union scm_control control;
	char none;
	struct iovec iov = { &none, 0 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = other > 0 ? &control : NULL,
		.msg_controllen = other,
	};

	/* There is no room for them here, and that is said. */
	return scm_recvmsg(fd, &message, MSG_PEEK) >= 0 &&
	       message.msg_flags & MSG_CTRUNC;
}

/* The sender's credentials, three numbers, if the program asked for them. */
#ifdef SO_PASSCRED
static size_t scm_room_for_other(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, &len) == 0 && on
		       ? CMSG_SPACE(3 * sizeof(int))
		       : 0;
}
#else
static size_t scm_room_for_other(int fd)
{
	(void)fd;
	return 0;
}
#endif

bool afi_scm_is_ahead(struct af_file *file)
{
	int n = 0, fd = file->fd;
	size_t other;

	file->fds->most = SIZE_MAX;
	/* A look at an empty socket may take an error out of it. */
	ioctl(fd, FIONREAD, &n);
	if (n <= 0)
		return false;
	if (scm_look(fd, 0)) {
		other = scm_room_for_other(fd);
		if (other == 0 || scm_look(fd, other))
			return true;
	}
	/* What arrives from now on may bring some. */
	file->fds->most = (size_t)n;
	return false;
}

ssize_t afi_scm_read(struct af_file *file, void *buf, size_t len)
{
	size_t most = file->fds->most;
	struct scm_set set;
	ssize_t r = afi_fds_prepare(file);

	if (r < 0)
		return r;
	r = scm_receive(file->fd, buf, len < most ? len : most, &set);
	file->fds->came = false;
	if (r > 0)
		scm_keep(file, (size_t)r, &set);
	return r;
}

ssize_t afi_scm_send(struct af_file *file, const void *buf, size_t len,
		     const int *fds, size_t n)
{
	union scm_control control;
	struct iovec iov = { (void *)buf, len };
	const struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *header;

	memset(&control, 0, message.msg_controllen);
	header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	return afi_descriptor_send(file, &message);
}
