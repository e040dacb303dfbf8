/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests that pass descriptors: a file on one end of a pair of Unix
 * sockets, a peer that uses the other end by system calls, and descriptors that
 * tell whether a copy of them is open anywhere.
 */
#ifndef TESTS_PASSING_H
#define TESTS_PASSING_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/harness.h"

enum { STREAM, SEQPACKET, DATAGRAM, TYPE_COUNT };
static const int types[TYPE_COUNT] = { SOCK_STREAM, SOCK_SEQPACKET,
				       SOCK_DGRAM };

/* For indices: a type and a driver. */
#define EVERY_TYPE (TYPE_COUNT * DRIVE_COUNT)
#define MESSAGES (2 * DRIVE_COUNT)
#define TYPE_OF(i) ((i) / DRIVE_COUNT)

/* rig.reader is the file, rig.out the peer. */
static struct rig rig;

static inline void make_sockets(int type, int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, type, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fcntl(fds[i], F_SETFD, FD_CLOEXEC), 0);
}

static inline void open_type(int i, unsigned flags)
{
	int fds[2];

	rig_open_loop(&rig, (enum driver)(i % DRIVE_COUNT));
	make_sockets(types[TYPE_OF(i)], fds);
	rig.reader = af_file_new(rig.loop, fds[0], flags);
	ck_assert_ptr_nonnull(rig.reader);
	rig.out = fds[1];
}

static inline void open_messages(int i, unsigned flags)
{
	open_type(i + DRIVE_COUNT, flags);
}

/* A pipe: what is passed is its writing end, or copies of that. */
struct tag {
	int in, out;
};

static inline struct tag make_tag(void)
{
	int fds[2];

	make_pair(KIND_PIPE, fds);
	return (struct tag){ fds[0], fds[1] };
}

/* Whether nobody has the writing end open any more. */
static inline bool is_shut(const struct tag *tag)
{
	struct pollfd polled = { .fd = tag->in, .events = POLLIN };

	ck_assert_int_ge(poll(&polled, 1, 0), 0);
	return polled.revents & POLLHUP;
}

static inline void close_tag(struct tag *tag)
{
	ck_assert(is_shut(tag));
	ck_assert_int_eq(close(tag->in), 0);
}

/* Takes a received descriptor, which must be that of the tag, and closes it. */
static inline void take(struct af_future *f, size_t i, const struct tag *tag)
{
	int fd = af_future_take_fd(f, i);
	char byte = 0;

	ck_assert_int_gt(fd, 2);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(fd, "!", 1), 1);
	ck_assert_int_eq(read(tag->in, &byte, 1), 1);
	ck_assert_int_eq(byte, '!');
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(af_future_take_fd(f, i), -EBADF);
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(AFIO_MAX_FDS * sizeof(int)) + 64];
};

/* sendmsg(2) with n descriptors; its result. */
static inline ssize_t try_pass(int socket, const void *data, size_t len,
			       const int *fds, size_t n)
{
	union control control = { .bytes = { 0 } };
	struct iovec iov = { (void *)data, len };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The peer sends text with the tag, and has closed its own copy then. */
static inline struct tag pass(const char *text)
{
	struct tag tag = make_tag();
	size_t len = strlen(text);

	ck_assert_int_eq(try_pass(rig.out, text, len, &tag.out, 1),
			 (ssize_t)len);
	ck_assert_int_eq(close(tag.out), 0);
	return tag;
}

/*
 * The peer receives; how many bytes, 0 at the end, -1 if there is nothing. *n:
 * how many descriptors came, which are in fds.
 */
static inline ssize_t take_passed(int socket, void *buf, size_t size, int *fds,
				  size_t *n)
{
	union control control;
	struct iovec iov = { buf, size };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t r = recvmsg(socket, &message, MSG_DONTWAIT);
	struct cmsghdr *header;

	*n = 0;
	if (r < 0)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (!header)
		return r;
	ck_assert_int_eq(header->cmsg_type, SCM_RIGHTS);
	*n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(header), *n * sizeof(int));
	return r;
}

/* How many descriptors the process has open. */
static inline int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
