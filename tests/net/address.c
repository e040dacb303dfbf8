/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses: their text, whatever bytes are in them and however small the
 * buffer is, and those of both ends of a file.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "support/scratch.h"
#include "support/system.h"

#define UN_HEAD offsetof(struct sockaddr_un, sun_path)
#define UN_ROOM (sizeof(((struct sockaddr_un *)NULL)->sun_path))

static struct rig rig;

struct sample {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
};

static struct sample of_inet(const char *host, int port)
{
	struct sample s = { .len = sizeof s.in };

	s.in.sin_family = AF_INET;
	s.in.sin_port = htons((uint16_t)port);
	ck_assert_int_eq(inet_pton(AF_INET, host, &s.in.sin_addr), 1);
	return s;
}

static struct sample of_inet6(const char *host, int port, unsigned scope)
{
	struct sample s = { .len = sizeof s.in6 };

	s.in6.sin6_family = AF_INET6;
	s.in6.sin6_port = htons((uint16_t)port);
	s.in6.sin6_scope_id = scope;
	ck_assert_int_eq(inet_pton(AF_INET6, host, &s.in6.sin6_addr), 1);
	return s;
}

/* The name's n bytes are all that there is. */
static struct sample of_unix(const void *name, size_t n)
{
	struct sample s = { .len = (socklen_t)(UN_HEAD + n) };

	ck_assert_uint_le(n, UN_ROOM);
	/* What is behind the name must not be looked at. */
	memset(s.un.sun_path, 'z', sizeof s.un.sun_path);
	memcpy(s.un.sun_path, name, n);
	s.un.sun_family = AF_UNIX;
	return s;
}

static void expect_text_of(const struct sample *s, const char *text)
{
	char buf[512];
	int n = af_address_text(&s->sa, s->len, buf, sizeof buf);

	ck_assert_str_eq(buf, text);
	ck_assert_int_eq(n, (int)strlen(text));
}

static void expect_text_of_unix(const void *name, size_t n, const char *text)
{
	struct sample s = of_unix(name, n);

	expect_text_of(&s, text);
}

#define expect_unix(name, text)                                                \
	expect_text_of_unix(name, sizeof(name) - 1, text)

START_TEST(text_of_an_internet_address_has_its_port)
{
	struct sample s = of_inet("192.0.2.1", 80);

	expect_text_of(&s, "192.0.2.1:80");
	s = of_inet("0.0.0.0", 0);
	expect_text_of(&s, "0.0.0.0:0");
	s = of_inet("255.255.255.255", 65535);
	expect_text_of(&s, "255.255.255.255:65535");
	s = of_inet6("2001:db8::1", 443, 0);
	expect_text_of(&s, "[2001:db8::1]:443");
	s = of_inet6("::", 0, 0);
	expect_text_of(&s, "[::]:0");
	s = of_inet6("::ffff:192.0.2.1", 80, 0);
	expect_text_of(&s, "[::ffff:192.0.2.1]:80");
}
END_TEST

START_TEST(text_of_a_link_local_address_has_its_interface)
{
	char name[IF_NAMESIZE], text[100];
	struct sample s = of_inet6("fe80::1", 80, 1);

	if (!if_indextoname(1, name)) {
		fprintf(stderr, "skipped: there is no first interface\n");
		return;
	}
	snprintf(text, sizeof text, "[fe80::1%%%s]:80", name);
	expect_text_of(&s, text);
}
END_TEST

START_TEST(text_of_a_unix_socket_is_its_path_or_name)
{
	expect_unix("/run/server", "/run/server");
	expect_unix("relative", "relative");
	expect_unix("/run/server\0", "/run/server");
	expect_unix("/run/server\0garbage", "/run/server");
	expect_unix("\0server", "@server");
	expect_unix("\0", "@");
	expect_unix("", "unnamed");
	expect_unix("/\xc3\xa4", "/\xc3\xa4");
}
END_TEST

START_TEST(text_of_a_unix_socket_escapes_what_spoils_a_log)
{
	expect_unix("/a\nb\033[m\177\\", "/a\\x0ab\\x1b[m\\x7f\\x5c");
	expect_unix("\0a\0b\0", "@a\\x00b\\x00");
	expect_unix("\0\0", "@\\x00");
}
END_TEST

START_TEST(text_of_a_name_that_fills_the_address_is_whole)
{
	char name[UN_ROOM], text[4 * UN_ROOM + 1];
	struct sample s;

	memset(name, 'a', sizeof name);
	name[0] = '/';
	memcpy(text, name, sizeof name);
	text[sizeof name] = '\0';
	s = of_unix(name, sizeof name);
	expect_text_of(&s, text);
	memset(name, '\1', sizeof name);
	name[0] = '\0';
	strcpy(text, "@");
	for (size_t i = 1; i < sizeof name; i++)
		strcat(text, "\\x01");
	s = of_unix(name, sizeof name);
	expect_text_of(&s, text);
}
END_TEST

START_TEST(text_of_another_family_is_unknown)
{
	struct sample s = of_inet("192.0.2.1", 80);

	s.sa.sa_family = AF_UNSPEC;
	expect_text_of(&s, "unknown");
	/* One that is cut. */
	s = of_inet("192.0.2.1", 80);
	s.len = sizeof(s.sa.sa_family);
	expect_text_of(&s, "unknown");
}
END_TEST

START_TEST(text_in_a_small_buffer_is_cut_and_counted)
{
	static const char text[] = "[2001:db8::1]:443";
	struct sample s = of_inet6("2001:db8::1", 443, 0);
	const int len = sizeof text - 1;
	char buf[64];

	ck_assert_int_eq(af_address_text(&s.sa, s.len, NULL, 0), len);
	for (size_t size = 0; size < sizeof text + 2; size++) {
		memset(buf, 'x', sizeof buf);
		ck_assert_int_eq(af_address_text(&s.sa, s.len, buf, size), len);
		ck_assert_int_eq(buf[size < sizeof text ? size : sizeof text],
				 'x');
		if (size == 0)
			continue;
		ck_assert_int_eq(strncmp(buf, text, size - 1), 0);
		ck_assert_uint_eq(strlen(buf), size < sizeof text
						       ? size - 1
						       : sizeof text - 1);
	}
	/* Nor is an escape written beyond the end. */
	s = of_unix("\0\n", 2);
	memset(buf, 'x', sizeof buf);
	ck_assert_int_eq(af_address_text(&s.sa, s.len, buf, 4), 5);
	ck_assert_mem_eq(buf, "@\\x\0x", 5);
}
END_TEST

START_TEST(text_of_nothing_is_invalid)
{
	struct sample s = of_inet("192.0.2.1", 80);
	char buf[64] = "same";

	ck_assert_int_eq(af_address_text(NULL, s.len, buf, sizeof buf),
			 -EINVAL);
	ck_assert_int_eq(af_address_text(&s.sa, s.len, NULL, 1), -EINVAL);
	ck_assert_int_eq(af_address_text(&s.sa, 0, buf, sizeof buf), -EINVAL);
	ck_assert_str_eq(buf, "same");
}
END_TEST

static struct sample end_of(const struct af_file *file,
			    int (*get_end)(const struct af_file *,
					   struct sockaddr_storage *,
					   socklen_t *))
{
	struct sample s = { .len = 0 };

	ck_assert_int_eq(get_end(file, &s.storage, &s.len), 0);
	ck_assert_int_eq(get_end(file, &s.storage, NULL), 0);
	return s;
}

static void expect_same(const struct sample *a, const struct sample *b)
{
	ck_assert_uint_eq(a->len, b->len);
	ck_assert_mem_eq(&a->storage, &b->storage, a->len);
}

START_TEST(addresses_of_both_ends_of_tcp_agree)
{
	struct sample here, there, other;

	rig_open(&rig, WAY(KIND_TCP, _i));
	rig_reader(&rig);
	rig_writer(&rig);
	here = end_of(rig.reader, af_file_local_address);
	there = end_of(rig.reader, af_file_peer_address);
	ck_assert_int_eq(here.sa.sa_family, AF_INET);
	ck_assert_int_ne(here.in.sin_port, there.in.sin_port);
	other = end_of(rig.writer, af_file_peer_address);
	expect_same(&here, &other);
	other = end_of(rig.writer, af_file_local_address);
	expect_same(&there, &other);
	rig_close(&rig);
}
END_TEST

/* Listens, connects and accepts, by a path in the scratch folder. */
static void connect_by_path(const char *path, int fds[2])
{
	struct sample s = of_unix(path, strlen(path) + 1);
	int listener = cloexec_socket(AF_UNIX, SOCK_STREAM);

	fds[0] = cloexec_socket(AF_UNIX, SOCK_STREAM);
	ck_assert_int_eq(bind(listener, &s.sa, s.len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(connect(fds[0], &s.sa, s.len), 0);
	fds[1] = cloexec_accept(listener);
	ck_assert_int_ge(fds[1], 0);
	close(listener);
}

START_TEST(addresses_of_a_unix_socket_are_a_path_and_none)
{
	struct sample s;
	int fds[2];

	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	s = end_of(rig_reader(&rig), af_file_peer_address);
	expect_text_of(&s, "unnamed");
	s = end_of(rig.reader, af_file_local_address);
	expect_text_of(&s, "unnamed");
	rig_close(&rig);
	rig_open_loop(&rig, _i);
	connect_by_path("server", fds);
	rig.in = fds[0];
	rig.out = fds[1];
	s = end_of(rig_reader(&rig), af_file_peer_address);
	expect_text_of(&s, "server");
	s = end_of(rig.reader, af_file_local_address);
	expect_text_of(&s, "unnamed");
	s = end_of(rig_writer(&rig), af_file_local_address);
	expect_text_of(&s, "server");
	rig_close(&rig);
	ck_assert_int_eq(unlink("server"), 0);
}
END_TEST

static void expect_none(const struct af_file *file, int error)
{
	struct sample before, s;

	memset(&before, 0x5a, sizeof before);
	s = before;
	ck_assert_int_eq(af_file_peer_address(file, &s.storage, &s.len), error);
	ck_assert_mem_eq(&s, &before, sizeof s);
	if (error == -ENOTCONN)
		return;
	ck_assert_int_eq(af_file_local_address(file, &s.storage, &s.len),
			 error);
	ck_assert_mem_eq(&s, &before, sizeof s);
}

START_TEST(addresses_of_what_is_no_connection_fail)
{
	struct bufferevent *pair[2];
	struct af_file *file;
	int fd;

	rig_open(&rig, WAY(KIND_PIPE, _i));
	expect_none(rig_reader(&rig), -ENOTSOCK);
	expect_none(NULL, -EINVAL);
	ck_assert_int_eq(af_file_peer_address(rig.reader, NULL, NULL), -EINVAL);
	ck_assert_int_eq(af_file_local_address(rig.reader, NULL, NULL),
			 -EINVAL);

	fd = cloexec_socket(AF_INET, SOCK_DGRAM);
	file = af_file_new(rig.loop, fd, 0);
	ck_assert_ptr_nonnull(file);
	expect_none(file, -ENOTCONN);
	end_of(file, af_file_local_address);
	ck_assert_int_eq(af_file_close(file), 0);

	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, pair),
			 0);
	file = af_file_from_bufferevent(rig.loop, pair[0], 0);
	ck_assert_ptr_nonnull(file);
	expect_none(file, -EBADF);
	af_file_close(file);
	bufferevent_free(pair[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(addresses_after_the_end_fail)
{
	struct af_file *file;

	rig_open(&rig, WAY(KIND_TCP, _i));
	expect_count(&rig, af_file_finish(rig_reader(&rig), NULL), 0, 0);
	expect_none(rig.reader, -EBADF);
	file = rig_writer(&rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	expect_none(file, -ECANCELED);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/address");
	TCase *tc = scratch_case(s, "address");

	tcase_add_test(tc, text_of_an_internet_address_has_its_port);
	tcase_add_test(tc, text_of_a_link_local_address_has_its_interface);
	tcase_add_test(tc, text_of_a_unix_socket_is_its_path_or_name);
	tcase_add_test(tc, text_of_a_unix_socket_escapes_what_spoils_a_log);
	tcase_add_test(tc, text_of_a_name_that_fills_the_address_is_whole);
	tcase_add_test(tc, text_of_another_family_is_unknown);
	tcase_add_test(tc, text_in_a_small_buffer_is_cut_and_counted);
	tcase_add_test(tc, text_of_nothing_is_invalid);
#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(addresses_of_both_ends_of_tcp_agree);
	ADD(addresses_of_a_unix_socket_are_a_path_and_none);
	ADD(addresses_of_what_is_no_connection_fail);
	ADD(addresses_after_the_end_fail);
	return s;
}
