/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests of listeners: a rig with one, and peers that are plain
 * sockets of the test itself.
 */
#ifndef TESTS_DIAL_H
#define TESTS_DIAL_H

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/scratch.h"
#include "support/system.h"

/* A listener's options, valid until the end of the block. */
#define LISTEN(...) (&(struct af_listen_options){ __VA_ARGS__ })

/* Makes a listener, which must succeed. */
#define listen_on(rig, host, service, options)                                 \
	check_listener(__FILE__, __LINE__, (rig)->loop,                        \
		       af_listen((rig)->loop, (host), (service), (options)))

static inline struct af_listener *check_listener(const char *file, int line,
						 const struct af_loop *loop,
						 struct af_listener *listener)
{
	ck_assert_msg(listener, "%s:%d: %s (%s)", file, line, strerror(errno),
		      af_listen_error(loop));
	ck_assert_str_eq(af_listen_error(loop), "");
	return listener;
}

/* The path of a socket in the scratch directory, until the next call. */
static inline const char *path_of(const char *name)
{
	static char path[PATH_MAX + 100];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	if (strlen(directory) + 20 >= sizeof(struct sockaddr_un))
		snprintf(path, sizeof path, "/proc/self/cwd/%s", name);
	return path;
}

static inline struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	ck_assert_uint_lt(strlen(path), sizeof un.sun_path);
	strcpy(un.sun_path, path);
	return un;
}

/* A plain socket, connected or not: with errno. */
static inline int try_dial(const struct sockaddr *address, socklen_t len,
			   int type, int *ret_error)
{
	int fd = cloexec_socket(address->sa_family, type), r;

	ck_assert_int_ge(fd, 0);
	do
		r = connect(fd, address, len);
	while (r < 0 && errno == EINTR);
	*ret_error = r < 0 ? errno : 0;
	return fd;
}

/* Connects to the i-th address of a listener; the peer's descriptor. */
static inline int dial(const struct af_listener *listener, size_t i)
{
	socklen_t len = 0;
	const struct sockaddr *address = af_listener_address(listener, i, &len);
	int fd, error;

	ck_assert_ptr_nonnull(address);
	fd = try_dial(address, len, SOCK_STREAM, &error);
	ck_assert_msg(error == 0, "connect: %s", strerror(error));
	return fd;
}

/* Expects that nobody listens at an address any more. */
static inline void expect_deaf(const struct sockaddr *address, socklen_t len,
			       int error)
{
	int got, fd = try_dial(address, len, SOCK_STREAM, &got);

	ck_assert_msg(got == error, "connect: %s", strerror(got));
	close(fd);
}

static inline void expect_path(const char *path, bool there)
{
	struct stat st;

	ck_assert_msg((lstat(path, &st) == 0) == there, "%s: %s", path,
		      there ? "is not there" : "is there");
}

/* Waits until the other side has closed a peer's connection, and closes it. */
static inline void expect_hung_up(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "read: %zd", n);
	close(fd);
}

/* Drives an accept, which must succeed; the file. Drops f. */
static inline struct af_file *accepted(struct rig *rig, struct af_future *f)
{
	struct af_file *file;
	int r = drive(rig, f);

	ck_assert_msg(r == 0, "accept: %s", strerror(-r));
	file = af_future_take_file(f);
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_null(af_future_take_file(f));
	af_future_unref(f);
	return file;
}

/* Expects that bytes go from one to the other, both ways. */
static inline void expect_connected(struct rig *rig, struct af_file *file,
				    int fd)
{
	char buf[4];

	put_text(fd, "ping");
	expect_text(rig, af_file_read(file, 4, AFIO_FULL, NULL), "ping", 0);
	expect_count(rig, af_file_write(file, "pong", 4, AFIO_FULL, NULL), 4,
		     0);
	get(fd, buf, 4);
	ck_assert_mem_eq(buf, "pong", 4);
}

#endif
