/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of making listeners: addresses, options, paths of Unix sockets, and
 * every error with its text.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/dial.h"
#include "support/server.h"

static struct rig rig;

static void open_rig(int driver)
{
	rig_open_loop(&rig, (enum driver)driver);
}

static in_port_t port_of(const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;

	return ntohs(address->sa_family == AF_INET6 ? in6->sin6_port
						    : in->sin_port);
}

static in_port_t listener_port(const struct af_listener *listener, size_t i)
{
	return port_of(af_listener_address(listener, i, NULL));
}

static int option_of(const struct af_listener *listener, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(af_listener_fd(listener, 0), level, name,
				    &value, &len),
			 0);
	return value;
}

/* Expects that a listener is not made, why, and what the text begins with. */
static void expect_not(struct af_listener *listener, int error,
		       const char *text)
{
	int got = errno;
	const char *said = af_listen_error(rig.loop);

	ck_assert_ptr_null(listener);
	ck_assert_msg(got == error, "%s, not %s (%s)", strerror(got),
		      strerror(error), said);
	ck_assert_msg(strncmp(said, text, strlen(text)) == 0, "%s", said);
}

#define expect_refusal(host, service, options, error, text)                    \
	expect_not((errno = 0, af_listen(rig.loop, host, service, options)),   \
		   error, text)

START_TEST(listen_on_an_address_accepts_there)
{
	static const char *const hosts[] = { "127.0.0.1", "::1", "localhost" };
	const char *host = hosts[_i / DRIVE_COUNT];
	struct af_listener *listener;
	struct af_file *file;
	int fd;

	if (!strcmp(host, "::1") && !have_ipv6())
		return;
	open_rig(_i % DRIVE_COUNT);
	listener = listen_on(&rig, host, "0", NULL);
	for (size_t i = 0; af_listener_address(listener, i, NULL); i++) {
		ck_assert_int_ne(listener_port(listener, i), 0);
		ck_assert_int_eq(listener_port(listener, i),
				 listener_port(listener, 0));
		fd = dial(listener, i);
		file = accepted(&rig, af_listener_accept(listener, NULL));
		expect_connected(&rig, file, fd);
		ck_assert_int_eq(af_file_close(file), 0);
		close(fd);
	}
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

static bool is_nonblocking_and_closes(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK &&
	       fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

/* One socket for each family, on one port that the system has chosen. */
START_TEST(listen_on_every_address_has_one_port)
{
	struct af_listener *listener;
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	size_t n = 0;
	int fd, error;

	open_rig(0);
	listener = listen_on(&rig, NULL, _i ? "0" : NULL, NULL);
	for (; af_listener_address(listener, n, NULL); n++) {
		ck_assert_int_eq(listener_port(listener, n),
				 listener_port(listener, 0));
		ck_assert(
			is_nonblocking_and_closes(af_listener_fd(listener, n)));
	}
	ck_assert_uint_eq(n, have_ipv6() ? 2 : 1);
	v4.sin_port = htons(listener_port(listener, 0));
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = try_dial((struct sockaddr *)&v4, sizeof v4, SOCK_STREAM, &error);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(
		af_file_close(accepted(&rig,
				       af_listener_accept(listener, NULL))),
		0);
	expect_hung_up(fd);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(dual_stack_takes_both_families_with_one_socket)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct af_listener *listener;
	struct af_future *f;
	struct af_file *file;
	char text[100];
	int fd, error;

	if (!have_ipv6())
		return;
	open_rig(0);
	listener = listen_on(&rig, NULL, "0", LISTEN(.dual_stack = true));
	ck_assert_ptr_null(af_listener_address(listener, 1, NULL));
	ck_assert_int_eq(option_of(listener, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	v4.sin_port = htons(listener_port(listener, 0));
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = try_dial((struct sockaddr *)&v4, sizeof v4, SOCK_STREAM, &error);
	ck_assert_int_eq(error, 0);
	f = af_listener_accept(listener, NULL);
	file = accepted(&rig, af_future_ref(f));
	af_address_text(af_future_address(f, 0, NULL),
			sizeof(struct sockaddr_in6), text, sizeof text);
	ck_assert_msg(strncmp(text, "[::ffff:127.0.0.1]", 18) == 0, "%s", text);
	af_future_unref(f);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
	af_listener_close(listener);
	listener = listen_on(&rig, "::1", "0", NULL);
	ck_assert_int_eq(option_of(listener, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	af_listener_close(listener);
	/* One that is in use is not left out. */
	listener = listen_on(&rig, "::", "0", NULL);
	snprintf(text, sizeof text, "%d", listener_port(listener, 0));
	expect_refusal(NULL, text, LISTEN(.dual_stack = true), EADDRINUSE,
		       "bind [::]:");
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(family_limits_the_addresses)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct af_listener *listener;

	if (families[_i] == AF_INET6 && !have_ipv6())
		return;
	open_rig(0);
	listener =
		listen_on(&rig, NULL, "0", LISTEN(.family = families[_i]));
	ck_assert_int_eq(af_listener_address(listener, 0, NULL)->sa_family,
			 families[_i]);
	ck_assert_ptr_null(af_listener_address(listener, 1, NULL));
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(options_of_sockets_are_set)
{
	struct af_listener *listener, *other;
	char port[10];

	open_rig(0);
	listener = listen_on(&rig, "127.0.0.1", "0", NULL);
	ck_assert_int_ne(option_of(listener, SOL_SOCKET, SO_REUSEADDR), 0);
	af_listener_close(listener);
	listener = listen_on(&rig, "127.0.0.1", "0",
			     LISTEN(.no_reuse_address = true, .backlog = 5));
	ck_assert_int_eq(option_of(listener, SOL_SOCKET, SO_REUSEADDR), 0);
	af_listener_close(listener);
#ifdef SO_REUSEPORT
	listener = listen_on(&rig, "127.0.0.1", "0",
			     LISTEN(.reuse_port = true));
	snprintf(port, sizeof port, "%d", listener_port(listener, 0));
	other = listen_on(&rig, "127.0.0.1", port, LISTEN(.reuse_port = true));
	ck_assert_int_eq(listener_port(other, 0), listener_port(listener, 0));
	af_listener_close(other);
	af_listener_close(listener);
#else
	(void)other;
	(void)port;
	expect_refusal("127.0.0.1", "0", LISTEN(.reuse_port = true), ENOTSUP,
		       "setsockopt 127.0.0.1:0: ");
#endif
	rig_close(&rig);
}
END_TEST

START_TEST(options_of_files_are_set)
{
	struct af_listener *listener;
	struct af_file *file;
	socklen_t len;
	int fd, value;

	open_rig(_i);
	listener = listen_on(&rig, "127.0.0.1", "0",
			     LISTEN(.no_delay = true, .keep_alive = true,
				    .file_flags = AFIO_UNBUFFERED));
	fd = dial(listener, 0);
	file = accepted(&rig, af_listener_accept(listener, NULL));
	len = sizeof value;
	ck_assert_int_eq(getsockopt(af_file_fd(file), IPPROTO_TCP, TCP_NODELAY,
				    &value, &len),
			 0);
	ck_assert_int_ne(value, 0);
	len = sizeof value;
	ck_assert_int_eq(getsockopt(af_file_fd(file), SOL_SOCKET, SO_KEEPALIVE,
				    &value, &len),
			 0);
	ck_assert_int_ne(value, 0);
	ck_assert(is_nonblocking_and_closes(af_file_fd(file)));
	/* Unbuffered files cannot peek. */
	expect_error(&rig, af_file_peek(file, 1, NULL), -ENOTSUP);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

#ifdef TCP_DEFER_ACCEPT
START_TEST(wait_for_data_accepts_once_bytes_have_come)
{
	struct af_listener *listener;
	struct af_future *f;
	struct af_file *file;
	int fd;

	open_rig(_i);
	listener = listen_on(&rig, "127.0.0.1", "0",
			     LISTEN(.wait_for_data = true));
	ck_assert_int_gt(option_of(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
	fd = dial(listener, 0);
	f = af_listener_accept(listener, NULL);
	put_text(fd, "ping");
	file = accepted(&rig, f);
	expect_text(&rig, af_file_read(file, 4, AFIO_FULL, MS(0)), "ping", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST
#endif

START_TEST(listen_on_a_path_accepts_there_and_removes_it)
{
	int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	int type = types[_i / DRIVE_COUNT], fd, error;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct af_listener *listener;
	struct af_file *file;

	open_rig(_i % DRIVE_COUNT);
	listener = listen_on(&rig, path_of("socket"), NULL,
			     LISTEN(.type = type));
	ck_assert_str_eq(((const struct sockaddr_un *)af_listener_address(
				  listener, 0, NULL))
				 ->sun_path,
			 path_of("socket"));
	expect_path("socket", true);
	expect_path("socket.lock", false);
	un = unix_address("socket");
	fd = try_dial((struct sockaddr *)&un, sizeof un, type, &error);
	ck_assert_int_eq(error, 0);
	file = accepted(&rig, af_listener_accept(listener, NULL));
	expect_connected(&rig, file, fd);
	af_listener_close(listener);
	expect_path("socket", false);
	/* It goes on after that. */
	expect_connected(&rig, file, fd);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

static void check_mode(const char *path, mode_t mode)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_msg((st.st_mode & 07777) == mode, "%o, not %o",
		      (unsigned)st.st_mode & 07777, (unsigned)mode);
}

START_TEST(mode_is_that_of_the_path_whatever_the_umask)
{
	struct af_listener *listener;
	mode_t mask = umask(_i ? 0177 : 0);

	open_rig(0);
	listener = listen_on(&rig, path_of("a"), NULL, LISTEN(.mode = 0660));
	check_mode("a", 0660);
	af_listener_close(listener);
	listener = listen_on(&rig, path_of("b"), NULL, LISTEN(.mode = 0600));
	check_mode("b", 0600);
	af_listener_close(listener);
	listener = listen_on(&rig, path_of("c"), NULL, NULL);
	check_mode("c", _i ? 0600 : 0777);
	af_listener_close(listener);
	rig_close(&rig);
	umask(mask);
}
END_TEST

/* What a server leaves that was killed. */
static void leave_stale(const char *name, int type)
{
	struct sockaddr_un un = unix_address(name);
	int fd = cloexec_socket(AF_UNIX, type);

	unlink(name);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	close(fd);
	expect_path(name, true);
}

START_TEST(stale_path_is_replaced)
{
	const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct af_listener *listener;

	open_rig(0);
	leave_stale("socket", types[_i]);
	expect_refusal(path_of("socket"), NULL, LISTEN(.keep_stale = true),
		       EADDRINUSE, "bind ");
	listener = listen_on(&rig, path_of("socket"), NULL, NULL);
	close(dial(listener, 0));
	expect_path("socket.lock", false);
	af_listener_close(listener);
	expect_path("socket", false);
	rig_close(&rig);
}
END_TEST

/* Not even one that does not listen yet, nor one of another type. */
START_TEST(path_of_a_living_socket_is_left_alone)
{
	const int types[] = { SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM,
			      SOCK_SEQPACKET };
	struct sockaddr_un un = unix_address("socket");
	int fd = cloexec_socket(AF_UNIX, types[_i]);

	open_rig(0);
	unlink("socket");
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	if (_i == 1)
		ck_assert_int_eq(listen(fd, 1), 0);
	expect_refusal(path_of("socket"), NULL, NULL, EADDRINUSE, "bind /");
	expect_path("socket", true);
	expect_path("socket.lock", false);
	if (_i == 1) {
		/* Nobody has connected to find that out. */
		fcntl(fd, F_SETFL, O_NONBLOCK);
		ck_assert_int_lt(cloexec_accept(fd), 0);
	}
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(path_of_another_file_is_left_alone)
{
	open_rig(0);
	make_file("file", "precious", 0600);
	ck_assert_int_eq(symlink("nowhere", "link"), 0);
	ck_assert_int_eq(mkdir("folder", 0700), 0);
	expect_refusal(path_of("file"), NULL, NULL, EADDRINUSE, "bind /");
	expect_refusal(path_of("link"), NULL, NULL, EADDRINUSE, "bind /");
	expect_refusal(path_of("folder"), NULL, NULL, EADDRINUSE, "bind /");
	expect_file("file", "precious");
	expect_path("link", true);
	ck_assert_int_eq(unlink("link") | rmdir("folder"), 0);
	rig_close(&rig);
}
END_TEST

/* Another server is between its look at the path and its listen(2). */
START_TEST(path_that_another_server_begins_to_use_is_in_use)
{
	struct af_listener *listener;
	int fd = open("socket.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	open_rig(0);
	leave_stale("socket", SOCK_STREAM);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	expect_refusal(path_of("socket"), NULL, NULL, EADDRINUSE, "bind /");
	expect_path("socket", true);
	close(fd);
	/* What one has left that was killed does no harm. */
	expect_path("socket.lock", true);
	listener = listen_on(&rig, path_of("socket"), NULL, NULL);
	expect_path("socket.lock", false);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

/* Which cannot be a lock. */
START_TEST(without_a_lock_a_stale_path_stays)
{
	struct af_listener *listener;

	open_rig(0);
	leave_stale("socket", SOCK_STREAM);
	ck_assert_int_eq(mkdir("socket.lock", 0700), 0);
	expect_refusal(path_of("socket"), NULL, NULL, EADDRINUSE, "bind /");
	expect_path("socket", true);
	ck_assert_int_eq(unlink("socket"), 0);
	listener = listen_on(&rig, path_of("socket"), NULL, NULL);
	af_listener_close(listener);
	ck_assert_int_eq(rmdir("socket.lock"), 0);
	rig_close(&rig);
}
END_TEST

/* It is whoever's who has made it. */
START_TEST(lock_that_is_no_file_is_left_alone)
{
	struct stat st;

	open_rig(0);
	leave_stale("socket", SOCK_STREAM);
	ck_assert_int_eq(mkfifo("socket.lock", 0600), 0);
	expect_refusal(path_of("socket"), NULL, NULL, EADDRINUSE, "bind /");
	ck_assert_int_eq(lstat("socket.lock", &st), 0);
	ck_assert(S_ISFIFO(st.st_mode));
	ck_assert_int_eq(unlink("socket") | unlink("socket.lock"), 0);
	rig_close(&rig);
}
END_TEST

#define SERVERS 8
#define STARTS 30

/* Whether whoever connects to its path comes to a listener. */
static bool is_reached(const struct af_listener *listener)
{
	struct sockaddr_un un = unix_address("socket");
	int error, fd = try_dial((struct sockaddr *)&un, sizeof un,
				 SOCK_STREAM, &error);
	int got = cloexec_accept(af_listener_fd(listener, 0));

	close(fd);
	if (got >= 0)
		close(got);
	return error == 0 && got >= 0;
}

/* Starts again and again on one path; its exit says whether it was robbed. */
static void run_server(int go)
{
	struct af_loop *loop = af_loop_new(NULL);
	const char *path = path_of("socket");
	char byte;

	while (read(go, &byte, 1) < 0 && errno == EINTR)
		;
	for (int i = 0; i < STARTS; i++) {
		struct af_listener *listener = af_listen(loop, path, NULL, NULL);

		if (!listener && errno != EADDRINUSE)
			leave_as_is(3);
		if (!listener)
			continue;
		if (!is_reached(listener))
			leave_as_is(4);
		sched_yield();
		if (!is_reached(listener))
			leave_as_is(5);
		/* As if it was killed. */
		if (i % 2 == 0) {
			close(af_listener_fd(listener, 0));
			continue;
		}
		af_listener_close(listener);
	}
	leave_as_is(0);
}

START_TEST(servers_that_start_at_once_never_rob_each_other)
{
	pid_t pids[SERVERS];
	int go[2], status;

	ck_assert_int_eq(cloexec_pipe(go), 0);
	for (int i = 0; i < SERVERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			run_server(go[0]);
	}
	put_text(go[1], "go, all of you");
	for (int i = 0; i < SERVERS; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_msg(status == 0, "status %#x", (unsigned)status);
	}
	close(go[0]);
	close(go[1]);
	expect_path("socket.lock", false);
}
END_TEST

START_TEST(path_that_is_anothers_by_now_is_not_removed)
{
	struct af_listener *listener, *other;

	open_rig(0);
	listener = listen_on(&rig, path_of("socket"), NULL, NULL);
	ck_assert_int_eq(unlink("socket"), 0);
	other = listen_on(&rig, path_of("socket"), NULL, NULL);
	af_listener_close(listener);
	expect_path("socket", true);
	close(dial(other, 0));
	af_listener_close(other);
	expect_path("socket", false);
	rig_close(&rig);
}
END_TEST

START_TEST(keep_path_leaves_it)
{
	struct af_listener *listener;

	open_rig(0);
	listener = listen_on(&rig, path_of("socket"), NULL,
			     LISTEN(.keep_path = true));
	af_listener_close(listener);
	expect_path("socket", true);
	ck_assert_int_eq(unlink("socket"), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(child_by_fork_does_not_remove_the_path)
{
	struct af_listener *listener;
	int status;
	pid_t pid;

	open_rig(0);
	listener = listen_on(&rig, path_of("socket"), NULL, NULL);
	pid = fork();
	if (pid == 0) {
		if (_i == 0)
			af_listener_close(listener);
		af_loop_free(rig.loop);
		if (_i == 1)
			af_listener_close(listener);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_path("socket", true);
	close(dial(listener, 0));
	ck_assert_int_eq(
		af_file_close(accepted(&rig,
				       af_listener_accept(listener, NULL))),
		0);
	af_listener_close(listener);
	expect_path("socket", false);
	rig_close(&rig);
}
END_TEST

#ifdef __linux__
START_TEST(abstract_name_has_no_path)
{
	struct af_listener *listener;
	char name[60], text[100];
	socklen_t len = 0;
	const struct sockaddr *address;
	struct af_file *file;
	int fd;

	open_rig(_i);
	snprintf(name, sizeof name, "@asyncfile-test-%d", (int)getpid());
	listener = listen_on(&rig, name, NULL, NULL);
	address = af_listener_address(listener, 0, &len);
	ck_assert_int_gt(af_address_text(address, len, text, sizeof text), 0);
	ck_assert_str_eq(text, name);
	expect_refusal(name, NULL, NULL, EADDRINUSE, "bind @asyncfile-test-");
	fd = dial(listener, 0);
	file = accepted(&rig, af_listener_accept(listener, NULL));
	expect_connected(&rig, file, fd);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST
#endif

/* With dual_stack, too, which tries the families one after the other. */
START_TEST(address_of_another_machine_has_one_error)
{
	int error;

	open_rig(0);
	ck_assert_ptr_null(af_listen(rig.loop, "2001:db8::1", "0",
				     LISTEN(.dual_stack = _i)));
	error = errno;
	ck_assert_msg(strstr(af_listen_error(rig.loop), strerror(error)),
		      "%s: %s", strerror(error), af_listen_error(rig.loop));
	rig_close(&rig);
}
END_TEST

START_TEST(port_in_use_is_named)
{
	struct af_listener *listener;
	char port[10], text[60];

	open_rig(0);
	listener = listen_on(&rig, "127.0.0.1", "0", NULL);
	snprintf(port, sizeof port, "%d", listener_port(listener, 0));
	snprintf(text, sizeof text, "bind 127.0.0.1:%s: ", port);
	if (_i)
		expect_refusal(NULL, port, NULL, EADDRINUSE, "");
	else
		expect_refusal("127.0.0.1", port, NULL, EADDRINUSE, text);
	ck_assert_ptr_nonnull(
		strstr(af_listen_error(rig.loop), strerror(EADDRINUSE)));
	af_listener_close(listener);
	/* And is the text of the last call only. */
	listener = listen_on(&rig, "127.0.0.1", "0", NULL);
	ck_assert_str_eq(af_listen_error(rig.loop), "");
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(what_cannot_be_listened_on_is_named)
{
	char name[200];

	open_rig(0);
	expect_refusal("192.0.2.1", "0", NULL, EADDRNOTAVAIL,
		       "bind 192.0.2.1:0: ");
	expect_refusal(path_of("missing/socket"), NULL, NULL, ENOENT, "bind /");
	memset(name, 'x', sizeof name);
	name[0] = '/';
	name[sizeof name - 1] = '\0';
	expect_refusal(name, NULL, NULL, ENAMETOOLONG, "/xxx");
	name[0] = '@';
	expect_refusal(name, NULL, NULL, ENAMETOOLONG, "@xxx");
	expect_refusal("127.0.0.1", "no-such-service", NULL, ENOENT,
		       "127.0.0.1: ");
	rig_close(&rig);
}
END_TEST

START_TEST(path_without_permission_is_named)
{
	if (geteuid() == 0) {
		fprintf(stderr, "skipped: root may do all\n");
		return;
	}
	open_rig(0);
	ck_assert_int_eq(mkdir("closed", 0500), 0);
	expect_refusal(path_of("closed/socket"), NULL, NULL, EACCES, "bind /");
	ck_assert_int_eq(rmdir("closed"), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	open_rig(0);
#define NONSENSE(host, service, ...)                                           \
	expect_refusal(host, service, LISTEN(__VA_ARGS__), EINVAL, "option: ")
	NONSENSE(path_of("socket"), "80", .backlog = 0);
	NONSENSE(path_of("socket"), NULL, .family = AF_INET);
	NONSENSE(path_of("socket"), NULL, .type = SOCK_DGRAM);
	NONSENSE(path_of("socket"), NULL, .mode = 01000);
	NONSENSE("127.0.0.1", "0", .family = AF_UNIX);
	NONSENSE(path_of("socket"), "80", .family = AF_UNIX);
	af_listener_close(listen_on(&rig, path_of("socket"), NULL,
				    LISTEN(.family = AF_UNIX)));
	NONSENSE("127.0.0.1", "0", .family = 12345);
	NONSENSE("127.0.0.1", "0", .type = SOCK_SEQPACKET);
	NONSENSE("127.0.0.1", "0", .type = SOCK_DGRAM);
	NONSENSE("127.0.0.1", "0", .backlog = -1);
	NONSENSE("127.0.0.1", "0", .file_flags = AFIO_KEEP_FD);
	NONSENSE("127.0.0.1", "0", .file_flags = AFIO_FULL);
	NONSENSE("127.0.0.1", "0", .reserved = { 0, 0, 1 });
	NONSENSE("127.0.0.1", "0", .reserved = { 0, 0, 0, 0, 0, 0, 0, 1 });
	errno = 0;
	ck_assert_ptr_null(af_listen(NULL, "127.0.0.1", "0", NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_str_eq(af_listen_error(NULL), "");
	expect_path("socket", false);
	rig_close(&rig);
}
END_TEST

static void *listen_elsewhere(void *arg)
{
	(void)arg;
	errno = 0;
	ck_assert_ptr_null(af_listen(rig.loop, "127.0.0.1", "0", NULL));
	ck_assert_int_eq(errno, EPERM);
	return NULL;
}

static void listen_when_freed(struct af_future *done, void *arg)
{
	struct af_loop *loop = af_future_loop(done);
	int fd = 0;

	errno = 0;
	ck_assert_ptr_null(af_listen(loop, "127.0.0.1", "0", NULL));
	ck_assert_int_eq(errno, ECANCELED);
	errno = 0;
	ck_assert_ptr_null(af_listener_new(loop, &fd, 1, NULL));
	ck_assert_int_eq(errno, ECANCELED);
	*(bool *)arg = true;
}

START_TEST(listen_elsewhere_or_after_the_loop_fails)
{
	bool called = false;
	pthread_t thread;

	open_rig(0);
	pthread_create(&thread, NULL, listen_elsewhere, NULL);
	pthread_join(thread, NULL);
	af_on_done(af_sleep(rig.loop, MS(100000)), listen_when_freed, &called);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert(called);
	rig_close(&rig);
}
END_TEST

/* A socket of the program, bound and, if told, listening. */
static int make_socket(bool listening)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = cloexec_socket(AF_INET, SOCK_STREAM);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(
		bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	if (listening)
		ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

START_TEST(sockets_of_the_program_are_owned)
{
	int fds[2] = { make_socket(true), make_socket(true) };
	int copy = dup(fds[0]), fd;
	struct af_listener *listener;
	struct af_file *file;

	open_rig(_i);
	listener = af_listener_new(rig.loop, fds, 2, NULL);
	ck_assert_ptr_nonnull(listener);
	ck_assert_int_eq(af_listener_fd(listener, 0), fds[0]);
	ck_assert_int_eq(af_listener_fd(listener, 1), fds[1]);
	ck_assert_int_eq(af_listener_fd(listener, 2), -EINVAL);
	/* It must not wait in the kernel, and others see that. */
	ck_assert(fcntl(copy, F_GETFL) & O_NONBLOCK);
	for (size_t i = 0; i < 2; i++) {
		fd = dial(listener, i);
		file = accepted(&rig, af_listener_accept(listener, NULL));
		expect_connected(&rig, file, fd);
		ck_assert_int_eq(af_file_close(file), 0);
		close(fd);
	}
	af_listener_close(listener);
	ck_assert(!(fcntl(copy, F_GETFL) & O_NONBLOCK));
	ck_assert_int_lt(fcntl(fds[0], F_GETFD), 0);
	close(copy);
	rig_close(&rig);
}
END_TEST

/*
 * As a listener of another process on the same socket does that is closed. If
 * it were not set again, accept(2) would wait.
 */
START_TEST(flag_that_another_process_clears_is_set_again)
{
	bool nonblocking = _i / DRIVE_COUNT;
	struct af_listener *listener;
	int fd, copy, peer;

	open_rig(_i % DRIVE_COUNT);
	fd = make_socket(true);
	copy = dup(fd);
	if (nonblocking)
		ck_assert_int_eq(fcntl(copy, F_SETFL, O_NONBLOCK), 0);
	listener = af_listener_new(rig.loop, &fd, 1, NULL);
	ck_assert_ptr_nonnull(listener);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fcntl(copy, F_SETFL, 0), 0);
		expect_error(&rig, af_listener_accept(listener, MS(5)),
			     -ETIMEDOUT);
		ck_assert(fcntl(copy, F_GETFL) & O_NONBLOCK);
	}
	ck_assert_int_eq(fcntl(copy, F_SETFL, 0), 0);
	peer = dial(listener, 0);
	af_file_close(accepted(&rig, af_listener_accept(listener, NULL)));
	close(peer);
	af_listener_close(listener);
	ck_assert(!(fcntl(copy, F_GETFL) & O_NONBLOCK));
	close(copy);
	rig_close(&rig);
}
END_TEST

#define expect_no_new(fds, n, options, error, text)                            \
	expect_not((errno = 0, af_listener_new(rig.loop, fds, n, options)),    \
		   error, text)

START_TEST(sockets_that_do_not_listen_are_refused_and_stay)
{
	int deaf = make_socket(false), pipe[2];
	int fds[2] = { make_socket(true), deaf };

	open_rig(0);
	ck_assert_int_eq(cloexec_pipe(pipe), 0);
	expect_no_new(fds, 2, NULL, EINVAL, "descriptor ");
	expect_no_new(NULL, 1, NULL, EINVAL, "option: ");
	expect_no_new(fds, 0, NULL, EINVAL, "option: ");
	expect_no_new(fds, 1, LISTEN(.backlog = -1), EINVAL, "option: ");
	fds[1] = fds[0];
	expect_no_new(fds, 2, NULL, EINVAL, "descriptor ");
	fds[1] = pipe[0];
	expect_no_new(fds, 2, NULL, ENOTSOCK, "descriptor ");
	fds[1] = -1;
	expect_no_new(fds, 2, NULL, EBADF, "descriptor -1: ");
	ck_assert(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
	close(fds[0]);
	close(pipe[0]);
	close(pipe[1]);
	close(deaf);
	rig_close(&rig);
}
END_TEST

START_TEST(getters_of_nothing_say_so)
{
	struct af_listener *listener;
	int x;

	open_rig(0);
	ck_assert_ptr_null(af_listener_address(NULL, 0, NULL));
	ck_assert_int_eq(af_listener_fd(NULL, 0), -EINVAL);
	ck_assert_uint_eq(af_listener_connections(NULL), 0);
	ck_assert_ptr_null(af_listener_loop(NULL));
	ck_assert_ptr_null(af_listener_data(NULL));
	af_listener_set_data(NULL, &x);
	af_listener_close(NULL);
	listener = listen_on(&rig, "127.0.0.1", NULL, NULL);
	ck_assert_ptr_eq(af_listener_loop(listener), rig.loop);
	ck_assert_ptr_null(af_listener_data(listener));
	af_listener_set_data(listener, &x);
	ck_assert_ptr_eq(af_listener_data(listener), &x);
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(listener_outlives_its_loop)
{
	struct af_listener *listener;

	open_rig(_i);
	listener = listen_on(&rig, path_of("socket"), NULL, NULL);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	expect_path("socket", true);
	af_listener_close(listener);
	expect_path("socket", false);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/listen");
	TCase *tc = scratch_case(s, "listen");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(listen_on_an_address_accepts_there, 3 * DRIVE_COUNT);
	ADD(listen_on_every_address_has_one_port, 2);
	tcase_add_test(tc, dual_stack_takes_both_families_with_one_socket);
	ADD(family_limits_the_addresses, 2);
	tcase_add_test(tc, options_of_sockets_are_set);
	ADD(options_of_files_are_set, DRIVE_COUNT);
#ifdef TCP_DEFER_ACCEPT
	ADD(wait_for_data_accepts_once_bytes_have_come, DRIVE_COUNT);
#endif
	ADD(listen_on_a_path_accepts_there_and_removes_it, 2 * DRIVE_COUNT);
	ADD(mode_is_that_of_the_path_whatever_the_umask, 2);
	ADD(stale_path_is_replaced, 3);
	ADD(path_of_a_living_socket_is_left_alone, 4);
	tcase_add_test(tc, path_of_another_file_is_left_alone);
	tcase_add_test(tc, path_that_another_server_begins_to_use_is_in_use);
	tcase_add_test(tc, lock_that_is_no_file_is_left_alone);
	tcase_add_test(tc, without_a_lock_a_stale_path_stays);
	tcase_add_test(tc, servers_that_start_at_once_never_rob_each_other);
	tcase_add_test(tc, path_that_is_anothers_by_now_is_not_removed);
	tcase_add_test(tc, keep_path_leaves_it);
	ADD(child_by_fork_does_not_remove_the_path, 2);
#ifdef __linux__
	ADD(abstract_name_has_no_path, DRIVE_COUNT);
#endif
	ADD(port_in_use_is_named, 2);
	ADD(address_of_another_machine_has_one_error, 2);
	tcase_add_test(tc, what_cannot_be_listened_on_is_named);
	tcase_add_test(tc, path_without_permission_is_named);
	tcase_add_test(tc, nonsense_is_refused);
	tcase_add_test(tc, listen_elsewhere_or_after_the_loop_fails);
	ADD(sockets_of_the_program_are_owned, DRIVE_COUNT);
	ADD(flag_that_another_process_clears_is_set_again, 2 * DRIVE_COUNT);
	tcase_add_test(tc, sockets_that_do_not_listen_are_refused_and_stay);
	tcase_add_test(tc, getters_of_nothing_say_so);
	ADD(listener_outlives_its_loop, DRIVE_COUNT);
	return s;
}
