/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names, connections, and listeners.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/resolver.h"
#include "support/server.h"
#include "support/system.h"
#include "acts/acts.h"

static const struct resolver_name names[] = {
	{ .host = "both", .addresses = { "::1", "127.0.0.1" } },
	{ .host = NULL },
};

/* Names are looked up on threads, of both sides. */
void act_resolve(struct scene *s)
{
	const struct af_resolve_options to_listen = { .family = AF_INET6,
						      .type = SOCK_STREAM,
						      .passive = true };

	resolver_names = names;
	end(s, af_resolve(s->loop, "both", "80", NULL, MS(20000)), 0);
	end(s, af_resolve(s->loop, "missing", "80", NULL, NULL), -ENOENT);
	end(s, af_resolve(s->loop, "::1", "80", NULL, NULL), 0);
	end(s, af_resolve(s->loop, "/run/server", NULL, NULL, NULL), 0);
	end(s, af_resolve(s->loop, NULL, "80", &to_listen, NULL), 0);
}

/* One is taken, one is not, one is refused, and one is not answered. */
void act_connect(struct scene *s)
{
	const struct af_connect_options from = { .family = AF_INET,
						 .local_host = "both",
						 .no_delay = true,
						 .keep_alive = true,
						 .file_flags =
							 AFIO_UNBUFFERED };
	int listener = server_listen("127.0.0.1", 0, 64);
	struct server_hole hole = server_dig("127.0.0.1", 0);
	char service[20], no_answer[20];
	struct af_future *f;

	/* Of the two addresses, one has no server. */
	s->follows = -ECONNREFUSED;
	resolver_names = names;
	snprintf(service, sizeof service, "%d", server_port(listener));
	snprintf(no_answer, sizeof no_answer, "%d", server_port(hole.listener));
	for (int i = 0; i < 2; i++) {
		f = af_connect(s->loop, "both", service, i > 0 ? &from : NULL,
			       MS(20000));
		af_future_ref(f);
		if (end(s, f, 0) == 0 && i == 0)
			ck_assert_int_eq(af_file_close(af_future_take_file(f)),
					 0);
		af_future_unref(f);
	}
	close(listener);
	end(s, af_connect(s->loop, "127.0.0.1", service, NULL, NULL),
	    -ECONNREFUSED);
	end(s, af_connect(s->loop, "127.0.0.1", no_answer, NULL, MS(1)),
	    -ETIMEDOUT);
	server_fill(&hole);
}

/* A full queue of a Unix socket is tried again. */
void act_connect_again(struct scene *s)
{
	char name[50];
	struct server_hole hole;

	snprintf(name, sizeof name, "@asyncfile-memory-%d", (int)getpid());
	hole = server_dig(name, 0);
	end(s, af_connect(s->loop, name, NULL, NULL, MS(5)), -ETIMEDOUT);
	server_fill(&hole);
}

/* Peers that come, and hang up. */
static void come(const struct af_listener *listener, int n)
{
	socklen_t len;
	const struct sockaddr *address = af_listener_address(listener, 0, &len);

	for (; n > 0; n--) {
		int fd = cloexec_socket(address->sa_family, SOCK_STREAM);

		ck_assert_int_eq(connect(fd, address, len), 0);
		close(fd);
	}
}

static int close_accepted(struct af_file *file, void *arg)
{
	ck_assert_int_eq(af_file_close(file), 0);
	return ++*(int *)arg == 2;
}

/* Whatever fails, nobody who has come is lost. */
static void act_accept(struct scene *s, struct af_listener *listener)
{
	struct af_future *f = af_listener_accept(listener, MS(20000));
	int n = 0;

	come(listener, 2);
	if (end(s, f, 0) < 0)
		while (end(s, af_listener_accept(listener, NULL), 0) < 0)
			;
	while (end(s, af_listener_accept(listener, NULL), 0) < 0)
		;
	end(s, af_listener_accept(listener, MS(1)), -ETIMEDOUT);
	end(s, af_listener_accept(listener, MS(0)), -ETIMEDOUT);
	come(listener, 2);
	while (end(s, af_listener_each(listener, close_accepted, &n), 0) < 0)
		;
	ck_assert_int_eq(n, 2);
	while (end(s, af_listener_stop(listener, NULL), 0) < 0)
		;
	ck_assert_uint_eq(af_listener_connections(listener), 0);
}

static bool keep_peer(const struct sockaddr *peer, socklen_t len, void *arg)
{
	(void)peer;
	(void)len;
	++*(int *)arg;
	return true;
}

void act_listen(struct scene *s)
{
	static const struct af_listen_options of_tcp = { .family = AF_INET,
							 .backlog = 9,
							 .reuse_port = true,
							 .no_delay = true,
							 .keep_alive = true };
	int asked = 0;
	const struct af_listen_options options = { .filter = keep_peer,
						   .filter_arg = &asked };
	struct af_listener *listener;
	struct af_future *f;
	int fd = server_listen("127.0.0.1", 0, 64);

	listener = made(af_listen(s->loop, "127.0.0.1", "0", &of_tcp));
	if (listener)
		act_accept(s, listener);
	af_listener_close(listener);
	listener = made(af_listener_new(s->loop, &fd, 1, &options));
	if (listener) {
		act_accept(s, listener);
		/* Each of them once. */
		ck_assert_int_eq(asked, 4);
	} else {
		close(fd);
	}
	af_listener_close(listener);
	resolver_names = names;
	f = af_listen_async(s->loop, "both", "0", NULL);
	end(s, af_future_ref(f), 0);
	af_listener_close(af_future_take_listener(f));
	af_future_unref(f);
	end(s, af_file_idle(s->in, MS(2)), 0);
}

/* At a path, which has a lock and a mode, and goes when it is closed. */
void act_listen_path(struct scene *s)
{
	const struct af_listen_options options = { .mode = 0600 };
	struct af_listener *listener;
	struct af_future *f;
	char path[60];
	int r;

	snprintf(path, sizeof path, P_tmpdir "/asyncfile-listen-%d",
		 (int)getpid());
	/* One that was left behind is removed. */
	close(server_bind(path, 0, SOCK_STREAM));
	listener = af_listen(s->loop, path, NULL, &options);
	/* It stays where it is not known that nobody listens. */
	if (!listener && !(errno == EADDRINUSE && disturbed()))
		made(listener);
	if (!listener) {
		unlink(path);
		return;
	}
	f = af_connect(s->loop, path, NULL, NULL, MS(20000));
	af_future_ref(f);
	if (end(s, f, 0) == 0) {
		struct af_file *file = af_future_take_file(f);
		uid_t uid = 0;
		gid_t gid;
		pid_t pid;

		while ((r = af_file_peer_credentials(file, &pid, &uid, &gid)) <
			       0 &&
		       r != -ENOTSUP)
			ck_assert(excused(r));
		/* POSIX alone has no such call. */
		ck_assert(r == 0 ? uid == geteuid() : !have_linux("peers"));
		ck_assert_int_eq(af_file_close(file), 0);
	}
	af_future_unref(f);
	while (end(s, af_listener_stop(listener, MS(20000)), 0) < 0)
		;
	af_listener_close(listener);
	unlink(path);
}

/* The first one that a service manager passes; or -1: another has it. */
static int passed = -1;

static int open_null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

void acts_prepare(void)
{
	int fd = open_null();

	if (fd == 3)
		passed = fd;
	else if (fd >= 0)
		close(fd);
}

/* fd becomes that one. */
static void pass(int fd)
{
	if (fd == passed)
		return;
	ck_assert_int_eq(dup3(fd, passed, O_CLOEXEC), passed);
	close(fd);
}

void act_inherited(struct scene *s)
{
	struct af_listener *listener;
	char pid[20];

	if (passed < 0)
		return;
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "web", 1);
	pass(server_listen("127.0.0.1", 0, 64));
	listener = af_listen_inherited(s->loop, "mail", NULL);
	ck_assert(!listener && (errno == ENOENT || excused(-errno)));
	ck_assert(*af_listen_error(s->loop) || disturbed());
	listener = made(af_listen_inherited(s->loop, "web", NULL));
	if (listener)
		act_accept(s, listener);
	af_listener_close(listener);
	pass(open_null());
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* One at a time, by a path that stays, from a path of its own. */
void act_listen_one(struct scene *s)
{
	const struct af_listen_options options = {
		.type = SOCK_SEQPACKET,
		.max_connections = 1,
		.keep_stale = true,
		.keep_path = true,
		.file_flags = AFIO_RECEIVE_FDS,
	};
	struct af_connect_options from = { .type = SOCK_SEQPACKET };
	struct af_listener *listener;
	struct af_future *f, *second;
	char path[60], own[60];
	int r;

	snprintf(path, sizeof path, P_tmpdir "/asyncfile-one-%d",
		 (int)getpid());
	snprintf(own, sizeof own, P_tmpdir "/asyncfile-own-%d", (int)getpid());
	listener = made(af_listen(s->loop, path, NULL, &options));
	if (!listener) {
		unlink(path);
		return;
	}
	from.local_host = own;
	r = end(s, af_connect(s->loop, path, NULL, &from, MS(20000)), 0);
	from.local_host = NULL;
	if (end(s, af_connect(s->loop, path, NULL, &from, MS(20000)), 0) == 0)
		r = 0;
	f = af_listener_accept(listener, r == 0 ? MS(20000) : MS(1));
	s->follows = r == 0 ? 0 : -ETIMEDOUT;
	af_future_ref(f);
	/* A listener that could not go on at once still has it. */
	if (end(s, f, 0) == 0) {
		second = af_listener_accept(listener, MS(1));
		end(s, second, -ETIMEDOUT);
	}
	af_future_unref(f);
	af_listener_close(listener);
	unlink(path);
	unlink(own);
}

/* Of both families; and datagrams to one peer, from a port. */
void act_dual_stack(struct scene *s)
{
	const struct af_listen_options options = { .dual_stack = true,
						   .wait_for_data = true,
						   .no_reuse_address = true };
	const struct af_datagram_options both = { .dual_stack = true,
						  .no_multicast_loop = true,
						  .file_flags =
							  AFIO_UNBUFFERED };
	const struct af_connect_options from = { .type = SOCK_DGRAM,
						 .local_host = "127.0.0.1",
						 .local_service = "0",
						 .attempt_delay = MS(0) };
	struct af_listener *listener;
	struct sockaddr_storage to;
	struct af_file *file;
	struct af_future *f;

	listener = af_listen(s->loop, NULL, "0", &options);
	if (!listener && errno != EAFNOSUPPORT)
		made(listener);
	af_listener_close(listener);
	file = af_datagram_open(s->loop, NULL, "0", &both);
	if (!file && errno != EAFNOSUPPORT)
		made(file);
	ck_assert_int_eq(af_file_close(file), 0);
	f = af_connect(s->loop, "127.0.0.1", "9", &from, MS(20000));
	af_future_ref(f);
	if (end(s, f, 0) == 0) {
		file = af_future_take_file(f);
		ck_assert_int_eq(af_file_peer_address(file, &to, NULL), 0);
		ck_assert_int_eq(af_file_close(file), 0);
	}
	af_future_unref(f);
}
