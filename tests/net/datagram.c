/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_datagram_open(): the address of the socket, each option, and each
 * error.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/datagrams.h"

static struct rig rig;

#define WITH(...) (&(struct af_datagram_options){ __VA_ARGS__ })

static struct af_file *open_socket(const char *host, const char *service,
				   const struct af_datagram_options *options)
{
	struct af_file *file =
		af_datagram_open(rig.loop, host, service, options);

	ck_assert_msg(file, "%s: %s", host ? host : "NULL", strerror(errno));
	return file;
}

static void expect_no_socket(const char *host, const char *service,
			     const struct af_datagram_options *options,
			     int error)
{
	errno = 0;
	ck_assert_ptr_null(af_datagram_open(rig.loop, host, service, options));
	ck_assert_int_eq(errno, error);
}

static void close_socket(struct af_file *file)
{
	ck_assert_int_eq(af_file_close(file), 0);
}

static struct address local(struct af_file *file)
{
	struct address a = { .len = 0 };

	ck_assert_int_eq(af_file_local_address(file, &a.storage, &a.len), 0);
	return a;
}

static const char *text_of(const struct address *a)
{
	static char text[512];

	ck_assert_int_gt(af_address_text(&a->sa, a->len, text, sizeof text), 0);
	return text;
}

/* The number at the end of an address's text. */
static const char *port_of(struct af_file *file)
{
	struct address a = local(file);

	return strrchr(text_of(&a), ':') + 1;
}

static int option(struct af_file *file, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(af_file_fd(file), level, name, &value, &len),
			 0);
	return value;
}

/* A message from one to an address arrives at the other. */
static void expect_path(struct af_file *from, const struct address *to,
			struct af_file *at)
{
	expect_count(&rig,
		     af_file_send_to(from, "abc", 3, &to->sa, to->len, 0,
				     MS(5000)),
		     3, 0);
	expect_text(&rig, af_file_receive_from(at, 0, 0, MS(5000)), "abc", 0);
}

START_TEST(datagram_of_a_host_has_its_address_and_a_free_port)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	static const char *const begin[] = { "127.0.0.1:", "[::1]:" };
	struct af_file *a, *b, *c;
	struct address address;

	if (!have_family((enum family)_i))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	a = open_socket(hosts[_i], NULL, NULL);
	b = open_socket(hosts[_i], "0", NULL);
	address = local(a);
	ck_assert_int_eq(strncmp(text_of(&address), begin[_i],
				 strlen(begin[_i])),
			 0);
	ck_assert_str_ne(port_of(a), "0");
	expect_path(b, &address, a);
	/* The same port again: it is in use, and then it is free. */
	expect_no_socket(hosts[_i], port_of(a), NULL, EADDRINUSE);
	close_socket(a);
	c = open_socket(hosts[_i], text_of(&address) + strlen(begin[_i]), NULL);
	expect_path(b, &address, c);
	close_socket(b);
	close_socket(c);
	rig_close(&rig);
}
END_TEST

START_TEST(datagram_without_a_host_has_every_address)
{
	struct address to = loopback((enum family)_i);
	struct af_file *a, *b;

	if (!have_family((enum family)_i))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	a = open_socket(NULL, NULL,
			_i == IPV6 ? WITH(.family = AF_INET6) : NULL);
	b = open_socket(host_of((enum family)_i), NULL, NULL);
	if (_i == IPV6)
		((struct sockaddr_in6 *)&to.storage)->sin6_port =
			htons((uint16_t)atoi(port_of(a)));
	else
		((struct sockaddr_in *)&to.storage)->sin_port =
			htons((uint16_t)atoi(port_of(a)));
	expect_path(b, &to, a);
	close_socket(a);
	close_socket(b);
	rig_close(&rig);
}
END_TEST

START_TEST(datagram_of_a_path_is_there)
{
	char path[200];
	struct address a;
	struct stat st;
	struct af_file *server, *client;

	rig_open_loop(&rig, (enum driver)_i);
	strcpy(path, socket_path());
	server = open_socket(path, NULL, NULL);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	a = local(server);
	ck_assert_str_eq(text_of(&a), path);
	client = open_socket(socket_path(), NULL, WITH(.family = AF_UNIX));
	expect_path(client, &a, server);
	/* It is neither replaced nor removed. */
	expect_no_socket(path, NULL, NULL, EADDRINUSE);
	close_socket(server);
	ck_assert_int_eq(stat(path, &st), 0);
	expect_no_socket(path, NULL, NULL, EADDRINUSE);
	ck_assert_int_eq(unlink(path), 0);
	close_socket(open_socket(path, NULL, NULL));
	close_socket(client);
	rig_close(&rig);
}
END_TEST

/* A client that can be answered, if the system has such names. */
START_TEST(datagram_without_anything_of_a_unix_socket_gets_a_name)
{
	struct af_file *server, *client;
	struct af_future *f;
	struct address a;

	rig_open_loop(&rig, (enum driver)_i);
	server = open_socket(socket_path(), NULL, NULL);
	client = open_socket(NULL, NULL, WITH(.family = AF_UNIX));
	a = local(server);
	expect_count(&rig,
		     af_file_send_to(client, "abc", 3, &a.sa, a.len, 0, NULL),
		     3, 0);
	f = af_file_receive_from(server, 0, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_nonnull(af_future_address(f, 0, &a.len));
	memcpy(&a.storage, af_future_address(f, 0, NULL), a.len);
	af_future_unref(f);
#ifdef __linux__
	ck_assert_int_eq(text_of(&a)[0], '@');
	expect_path(server, &a, client);
#endif
	close_socket(server);
	close_socket(client);
	rig_close(&rig);
}
END_TEST

#ifdef __linux__
START_TEST(datagram_of_an_abstract_name_has_it)
{
	char name[40];
	struct address a;
	struct af_file *server, *client;

	rig_open_loop(&rig, (enum driver)_i);
	snprintf(name, sizeof name, "@asyncfile-%ld", (long)getpid());
	server = open_socket(name, NULL, NULL);
	a = local(server);
	ck_assert_str_eq(text_of(&a), name);
	client = open_socket(NULL, NULL, WITH(.family = AF_UNIX));
	expect_path(client, &a, server);
	expect_no_socket(name, NULL, NULL, EADDRINUSE);
	close_socket(server);
	close_socket(client);
	rig_close(&rig);
}
END_TEST
#endif

START_TEST(datagram_is_close_on_exec_and_above_stdio)
{
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 3);
	struct af_file *file;

	rig_open_loop(&rig, DRIVE_AWAIT);
	close(0);
	file = open_socket("127.0.0.1", NULL, NULL);
	ck_assert_int_gt(af_file_fd(file), 2);
	ck_assert_int_eq(fcntl(af_file_fd(file), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	ck_assert_int_eq(dup2(saved, 0), 0);
	close(saved);
	close_socket(file);
	rig_close(&rig);
}
END_TEST

START_TEST(datagram_options_of_sockets_are_set)
{
	struct af_file *file;

	if (!have_family((enum family)_i))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = open_socket(host_of((enum family)_i), NULL, NULL);
	ck_assert_int_eq(option(file, SOL_SOCKET, SO_BROADCAST), 0);
	ck_assert_int_eq(option(file, SOL_SOCKET, SO_REUSEADDR), 0);
	ck_assert_int_eq(option(file, SOL_SOCKET, SO_REUSEPORT), 0);
	close_socket(file);
	file = open_socket(host_of((enum family)_i), NULL,
			   WITH(.broadcast = true));
	ck_assert_int_ne(option(file, SOL_SOCKET, SO_BROADCAST), 0);
	close_socket(file);
	file = open_socket(host_of((enum family)_i), NULL,
			   WITH(.reuse_address = true));
	ck_assert_int_ne(option(file, SOL_SOCKET, SO_REUSEADDR), 0);
	/* A second one, with the same port. */
	close_socket(open_socket(host_of((enum family)_i), port_of(file),
				 WITH(.reuse_address = true)));
	close_socket(file);
	file = open_socket(host_of((enum family)_i), NULL,
			   WITH(.reuse_port = true));
	ck_assert_int_ne(option(file, SOL_SOCKET, SO_REUSEPORT), 0);
	close_socket(open_socket(host_of((enum family)_i), port_of(file),
				 WITH(.reuse_port = true)));
	expect_no_socket(host_of((enum family)_i), port_of(file), NULL,
			 EADDRINUSE);
	close_socket(file);
	rig_close(&rig);
}
END_TEST

static unsigned loopback_interface(void)
{
	unsigned index = if_nametoindex("lo");

	return index ? index : if_nametoindex("lo0");
}

/* Of one byte on some systems. */
static int byte_option(struct af_file *file, int name)
{
	unsigned char value = 0;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(af_file_fd(file), IPPROTO_IP, name, &value,
				    &len),
			 0);
	return value;
}

START_TEST(datagram_options_of_ipv4_are_set)
{
	unsigned lo = loopback_interface();
	struct af_file *file;
	int before;

	rig_open_loop(&rig, DRIVE_AWAIT);
	file = open_socket("127.0.0.1", NULL, NULL);
	before = option(file, IPPROTO_IP, IP_TTL);
	ck_assert_int_eq(byte_option(file, IP_MULTICAST_TTL), 1);
	ck_assert_int_eq(byte_option(file, IP_MULTICAST_LOOP), 1);
	close_socket(file);
	file = open_socket("127.0.0.1", NULL,
			   WITH(.ttl = 7, .multicast_ttl = 255,
				.no_multicast_loop = true, .interface = lo,
				.dual_stack = true));
	ck_assert_int_eq(option(file, IPPROTO_IP, IP_TTL), 7);
	ck_assert_int_eq(byte_option(file, IP_MULTICAST_TTL), 255);
	ck_assert_int_eq(byte_option(file, IP_MULTICAST_LOOP), 0);
#ifdef __linux__
	struct ip_mreqn by = { .imr_ifindex = 0 };
	socklen_t len = sizeof by;

	ck_assert_int_eq(getsockopt(af_file_fd(file), IPPROTO_IP,
				    IP_MULTICAST_IF, &by, &len),
			 0);
#endif
	close_socket(file);
	file = open_socket("127.0.0.1", NULL, WITH(.multicast_ttl = 3));
	ck_assert_int_eq(option(file, IPPROTO_IP, IP_TTL), before);
	ck_assert_int_eq(byte_option(file, IP_MULTICAST_TTL), 3);
	close_socket(file);
	expect_no_socket("127.0.0.1", NULL, WITH(.interface = 0x7ffffff0),
			 ENODEV);
	rig_close(&rig);
}
END_TEST

START_TEST(datagram_options_of_ipv6_are_set)
{
	unsigned lo = loopback_interface();
	struct af_file *file;

	if (!have_family(IPV6))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = open_socket("::1", NULL, NULL);
	ck_assert_int_eq(option(file, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	ck_assert_int_eq(option(file, IPPROTO_IPV6, IPV6_MULTICAST_LOOP), 1);
	close_socket(file);
	file = open_socket("::1", NULL,
			   WITH(.ttl = 7, .multicast_ttl = 9,
				.no_multicast_loop = true, .interface = lo));
	ck_assert_int_eq(option(file, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 7);
	ck_assert_int_eq(option(file, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 9);
	ck_assert_int_eq(option(file, IPPROTO_IPV6, IPV6_MULTICAST_LOOP), 0);
	ck_assert_int_eq(option(file, IPPROTO_IPV6, IPV6_MULTICAST_IF),
			 (int)lo);
	close_socket(file);
	/* Bound to one address, it has that only. */
	file = open_socket("::", NULL, WITH(.dual_stack = true));
	ck_assert_int_eq(option(file, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	close_socket(file);
	expect_no_socket("::1", NULL, WITH(.interface = 0x7ffffff0), ENODEV);
	rig_close(&rig);
}
END_TEST

/* One socket for both; or each its own, on the same port. */
START_TEST(datagram_of_ipv6_takes_ipv4_only_if_it_is_dual_stack)
{
	struct sockaddr_in to;
	struct address a = loopback(IPV4);
	struct af_file *both, *four;
	char port[8];

	if (!have_family(IPV6))
		return;
	rig_open_loop(&rig, (enum driver)_i);
	both = open_socket(NULL, NULL, WITH(.dual_stack = true));
	four = open_socket("127.0.0.1", NULL, NULL);
	memcpy(&to, &a.storage, sizeof to);
	to.sin_port = htons((uint16_t)atoi(port_of(both)));
	memcpy(&a.storage, &to, sizeof to);
	expect_path(four, &a, both);
	a = local(four);
	ck_assert_int_eq(a.sa.sa_family, AF_INET);
	close_socket(four);
	close_socket(both);
	both = open_socket(NULL, NULL, WITH(.family = AF_INET6));
	strcpy(port, port_of(both));
	four = open_socket(NULL, port, WITH(.family = AF_INET));
	close_socket(four);
	close_socket(both);
	rig_close(&rig);
}
END_TEST

START_TEST(datagram_of_nonsense_fails_einval)
{
	static const char *const hosts[] = {
		"localhost", "example.invalid", "", "256.0.0.1", "::g",
	};
	static const char *const services[] = {
		"domain", "", " 5", "-1", "65536", "70000", "5x",
		"99999999999999999999",
	};

	rig_open_loop(&rig, DRIVE_AWAIT);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		expect_no_socket(hosts[i], NULL, NULL, EINVAL);
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		expect_no_socket("127.0.0.1", services[i], NULL, EINVAL);
	expect_no_socket("127.0.0.1", NULL, WITH(.family = AF_INET6), EINVAL);
	expect_no_socket("::1", NULL, WITH(.family = AF_INET), EINVAL);
	expect_no_socket("127.0.0.1", NULL, WITH(.family = AF_UNIX), EINVAL);
	expect_no_socket(socket_path(), "5", NULL, EINVAL);
	expect_no_socket(socket_path(), NULL, WITH(.family = AF_INET), EINVAL);
	expect_no_socket(NULL, "5", WITH(.family = AF_UNIX), EINVAL);
	expect_no_socket(NULL, NULL, WITH(.ttl = 256), EINVAL);
	expect_no_socket(NULL, NULL, WITH(.ttl = -1), EINVAL);
	expect_no_socket(NULL, NULL, WITH(.multicast_ttl = 256), EINVAL);
	expect_no_socket(NULL, NULL, WITH(.multicast_ttl = -1), EINVAL);
	expect_no_socket(NULL, NULL, WITH(.file_flags = AFIO_KEEP_FD), EINVAL);
	expect_no_socket(NULL, NULL, WITH(.file_flags = 1u << 31), EINVAL);
	for (size_t i = 0; i < 8; i++) {
		struct af_datagram_options options = { .family = 0 };

		options.reserved[i] = 1;
		expect_no_socket(NULL, NULL, &options, EINVAL);
	}
	rig_close(&rig);
	errno = 0;
	ck_assert_ptr_null(af_datagram_open(NULL, NULL, NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(datagram_where_it_cannot_be_fails)
{
	char long_path[200] = "/";

	rig_open_loop(&rig, DRIVE_AWAIT);
	/* For documentation, and no machine's. */
	expect_no_socket("192.0.2.1", NULL, NULL, EADDRNOTAVAIL);
	expect_no_socket("/missing/folder/socket", NULL, NULL, ENOENT);
	memset(long_path + 1, 'x', sizeof long_path - 2);
	expect_no_socket(long_path, NULL, NULL, ENAMETOOLONG);
	expect_no_socket(NULL, NULL, WITH(.family = 99), EAFNOSUPPORT);
	rig_close(&rig);
}
END_TEST

START_TEST(datagram_without_descriptors_fails_emfile)
{
	struct rlimit before, none;
	int fd;

	rig_open_loop(&rig, DRIVE_AWAIT);
	fd = dup(0);
	close(fd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)fd;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_no_socket("127.0.0.1", NULL, NULL, EMFILE);
	expect_no_socket(socket_path(), NULL, NULL, EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	rig_close(&rig);
}
END_TEST

static void *open_elsewhere(void *arg)
{
	expect_no_socket("127.0.0.1", NULL, NULL, EPERM);
	return arg;
}

static void open_late(struct af_future *done, void *arg)
{
	(void)done;
	expect_no_socket("127.0.0.1", NULL, NULL, ECANCELED);
	++*(int *)arg;
}

START_TEST(datagram_of_another_threads_or_a_freed_loop_fails)
{
	pthread_t thread;
	int n = 0;

	rig_open_loop(&rig, DRIVE_AWAIT);
	pthread_create(&thread, NULL, open_elsewhere, NULL);
	pthread_join(thread, NULL);
	af_on_done(af_sleep(rig.loop, MS(100000)), open_late, &n);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(n, 1);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/datagram");
	TCase *tc = sockets_case(s, "addresses");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(datagram_of_a_host_has_its_address_and_a_free_port, UNIX);
	ADD(datagram_without_a_host_has_every_address, UNIX);
	ADD(datagram_of_a_path_is_there, DRIVE_COUNT);
	ADD(datagram_without_anything_of_a_unix_socket_gets_a_name,
	    DRIVE_COUNT);
#ifdef __linux__
	ADD(datagram_of_an_abstract_name_has_it, DRIVE_COUNT);
#endif
	tcase_add_test(tc, datagram_is_close_on_exec_and_above_stdio);

	tc = sockets_case(s, "options");
	ADD(datagram_options_of_sockets_are_set, UNIX);
	tcase_add_test(tc, datagram_options_of_ipv4_are_set);
	tcase_add_test(tc, datagram_options_of_ipv6_are_set);
	ADD(datagram_of_ipv6_takes_ipv4_only_if_it_is_dual_stack, DRIVE_COUNT);

	tc = sockets_case(s, "errors");
	tcase_add_test(tc, datagram_of_nonsense_fails_einval);
	tcase_add_test(tc, datagram_where_it_cannot_be_fails);
	tcase_add_test(tc, datagram_without_descriptors_fails_emfile);
	tcase_add_test(tc, datagram_of_another_threads_or_a_freed_loop_fails);
	return s;
}
