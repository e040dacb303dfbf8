/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagram sockets for tests: files of the library, and plain sockets that talk
 * to them, over each family that this machine has. Only loopback addresses, free
 * ports, and Unix sockets in a folder that is removed after the tests.
 */
#ifndef TESTS_DATAGRAMS_H
#define TESTS_DATAGRAMS_H

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/system.h"

enum family { IPV4, IPV6, UNIX, FAMILIES };

#define SOCKETS_FOLDER P_tmpdir "/asyncfile-XXXXXX"
static char sockets_folder[sizeof SOCKETS_FOLDER];

static inline void make_sockets_folder(void)
{
	strcpy(sockets_folder, SOCKETS_FOLDER);
	if (!mkdtemp(sockets_folder))
		abort();
}

static inline int remove_socket(const char *path, const struct stat *status,
				int type, struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

static inline void remove_sockets_folder(void)
{
	nftw(sockets_folder, remove_socket, 8, FTW_DEPTH | FTW_PHYS);
}

/* test_case() for tests that make Unix sockets. */
static inline TCase *sockets_case(Suite *s, const char *name)
{
	TCase *tc = test_case(s, name);

	tcase_add_unchecked_fixture(tc, make_sockets_folder,
				    remove_sockets_folder);
	return tc;
}

/* A path in the folder that is not in use; valid until the next call. */
static inline const char *socket_path(void)
{
	static char path[sizeof sockets_folder + 24];
	static int n;

	snprintf(path, sizeof path, "%s/%ld-%d", sockets_folder, (long)getpid(),
		 n++);
	return path;
}

/* False, and a word: the machine has no such addresses. */
static inline bool have_family(enum family family)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
				     .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd;
	bool r;

	if (family != IPV6)
		return true;
	fd = cloexec_socket(AF_INET6, SOCK_DGRAM);
	r = fd >= 0 && bind(fd, (struct sockaddr *)&sin6, sizeof sin6) == 0;
	if (fd >= 0)
		close(fd);
	if (!r)
		fprintf(stderr, "skipped: no IPv6\n");
	return r;
}

/* A host for af_datagram_open(), where a port is free. */
static inline const char *host_of(enum family family)
{
	return family == IPV4	? "127.0.0.1"
	       : family == IPV6 ? "::1"
				: socket_path();
}

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

static inline struct address address_of(int fd)
{
	struct address a = { .len = sizeof a.storage };

	ck_assert_int_eq(getsockname(fd, &a.sa, &a.len), 0);
	return a;
}

static inline struct address loopback(enum family family)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
				     .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct address a = { .len = 0 };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == IPV4) {
		memcpy(&a.storage, &sin, a.len = sizeof sin);
	} else if (family == IPV6) {
		memcpy(&a.storage, &sin6, a.len = sizeof sin6);
	} else {
		a.un.sun_family = AF_UNIX;
		strcpy(a.un.sun_path, socket_path());
		a.len = sizeof a.un;
	}
	return a;
}

/* A plain socket at a free address. */
static inline int plain_socket(enum family family)
{
	struct address a = loopback(family);
	int fd = cloexec_socket(a.sa.sa_family, SOCK_DGRAM);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, &a.sa, a.len), 0);
	return fd;
}

/* Has a plain socket send to a file, or to another socket. */
static inline void plain_send(int from, int to, const void *buf, size_t len)
{
	struct address a = address_of(to);

	ck_assert_int_eq(sendto(from, buf, len, 0, &a.sa, a.len), (ssize_t)len);
}

static inline void plain_say(int from, int to, const char *text)
{
	plain_send(from, to, text, strlen(text));
}

/* Has a plain socket receive, and expects text from another one. */
static inline void plain_expect(int fd, const char *text, int from)
{
	struct address sent, a = address_of(from);
	char buf[300];
	ssize_t n;

	sent.len = sizeof sent.storage;
	n = recvfrom(fd, buf, sizeof buf, 0, &sent.sa, &sent.len);
	ck_assert_int_eq(n, (ssize_t)strlen(text));
	ck_assert_mem_eq(buf, text, (size_t)n);
	ck_assert_uint_eq(sent.len, a.len);
	ck_assert_mem_eq(&sent.storage, &a.storage, a.len);
}

static inline void expect_address(const struct sockaddr *sa, socklen_t len,
				  int fd)
{
	struct address a = address_of(fd);

	ck_assert_ptr_nonnull(sa);
	ck_assert_uint_eq(len, a.len);
	ck_assert_mem_eq(sa, &a.storage, a.len);
}

/* Expects that a future has the address of a socket as its sender. */
static inline void expect_sender(struct af_future *f, int fd)
{
	socklen_t len = 0;
	const struct sockaddr *sa = af_future_address(f, 0, &len);

	expect_address(sa, len, fd);
	ck_assert_ptr_null(af_future_address(f, 1, NULL));
}

/* expect_text() with the sender; from -1: it must not be known. */
#define expect_from(rig, f, text, flags, from)                                 \
	do {                                                                   \
		struct af_future *f_ = af_future_ref(f);                       \
                                                                               \
		expect_text(rig, f_, text, flags);                             \
		if ((from) >= 0)                                               \
			expect_sender(f_, from);                               \
		else                                                           \
			ck_assert_ptr_null(af_future_address(f_, 0, NULL));    \
		af_future_unref(f_);                                           \
	} while (0)

/*
 * Makes rig->reader, a file at a free address, with a loop; and rig->out, a
 * plain socket.
 */
static inline void open_datagrams(struct rig *rig, enum family family,
				  enum driver driver)
{
	rig_open_loop(rig, driver);
	rig->reader = af_datagram_open(rig->loop, host_of(family), NULL, NULL);
	ck_assert_ptr_nonnull(rig->reader);
	rig->out = plain_socket(family);
}

static inline void say(struct rig *rig, const char *text)
{
	plain_say(rig->out, af_file_fd(rig->reader), text);
}

/* For tcase_add_loop_test(): _i is a family and a driver. */
#define EVERY_FAMILY (FAMILIES * DRIVE_COUNT)
#define FAMILY_OF(i) ((enum family)((i) / DRIVE_COUNT))
#define DRIVER_OF(i) ((enum driver)((i) % DRIVE_COUNT))

#endif
