/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_connect_tls(): both of its parts, one deadline, and one text.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/contexts.h"
#include "support/system.h"
#include "support/tlsrig.h"

static int listener = -1;
static char port[16];

static void listen_on(const struct sockaddr *at, socklen_t len)
{
	listener = cloexec_socket(at->sa_family, SOCK_STREAM);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, at, len), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
}

static void listen_here(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof at;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listen_on((struct sockaddr *)&at, len);
	getsockname(listener, (struct sockaddr *)&at, &len);
	snprintf(port, sizeof port, "%d", ntohs(at.sin_port));
}

static void open_all(enum driver driver)
{
	rig_open_loop(&rig, driver);
	client_tls = CLIENT();
	server_tls = SERVER();
	listen_here();
}

static void close_all(void)
{
	if (listener >= 0)
		close(listener);
	close_tls();
}

/* Accepts the connection once it is there, and begins TLS on it. */
static struct af_future *accept_one(void)
{
	struct af_loop *loop = rig.loop;
	struct af_future *f = af_wait_fd(loop, listener, EV_READ, MS(20000));

	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	server = af_file_new(loop, cloexec_accept(listener), 0);
	return af_accept_tls(server, server_tls, MS(20000));
}

static struct af_future *begin(const char *host, const struct timeval *timeout)
{
	return af_connect_tls(rig.loop, host, port, NULL, client_tls, timeout);
}

static void expect_connected(struct af_future *b)
{
	struct af_future *a = accept_one();

	ck_assert_msg(drive(&rig, b) == 0, "%s", af_connect_error(b));
	ck_assert_int_eq(drive(&rig, a), 0);
	ck_assert_str_eq(af_connect_error(b), "");
	client = af_future_take_file(b);
	server = af_future_take_file(a);
	ck_assert_ptr_null(af_future_take_file(b));
	af_future_unref(a);
	af_future_unref(b);
	expect_passes(client, server);
	expect_passes(server, client);
}

START_TEST(connect_to_a_name_or_an_address_succeeds)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", NULL };

	open_all((enum driver)(_i / 3));
	expect_connected(begin(hosts[_i % 3], MS(20000)));
	close_all();
}
END_TEST

START_TEST(second_connect_resumes_the_session)
{
	open_all(DRIVE_AWAIT);
	expect_connected(begin("localhost", MS(20000)));
	ck_assert(!af_tls_is_resumed(client));
	close_ends();
	expect_connected(begin("localhost", MS(20000)));
	ck_assert(af_tls_is_resumed(client));
	close_all();
}
END_TEST

/* The port is part of what a session is kept for. */
START_TEST(second_connect_over_ipv6_resumes_the_session)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof at;

	rig_open_loop(&rig, DRIVE_AWAIT);
	listener = cloexec_socket(AF_INET6, SOCK_STREAM);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) < 0) {
		fprintf(stderr, "skipped: no IPv6\n");
		close_all();
		return;
	}
	ck_assert_int_eq(listen(listener, 5), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	snprintf(port, sizeof port, "%d", ntohs(at.sin6_port));
	client_tls = CLIENT();
	server_tls = SERVER();
	for (int i = 0; i < 2; i++) {
		expect_connected(begin("::1", MS(20000)));
		ck_assert_int_eq(af_tls_is_resumed(client), i);
		close_ends();
	}
	close_all();
}
END_TEST

START_TEST(connect_to_a_unix_socket_verifies_the_name_of_the_options)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char path[PATH_MAX + 8];

	rig_open_loop(&rig, DRIVE_AWAIT);
	strcpy(at.sun_path, "socket");
	listen_on((struct sockaddr *)&at, sizeof at);
	snprintf(path, sizeof path, "%s/socket", directory);
	client_tls = CLIENT(.name = "example.test");
	server_tls = SERVER();
	expect_connected(af_connect_tls(rig.loop, path, NULL, NULL, client_tls,
					MS(20000)));
	close_ends();
	/* Or none, if that is what the program wants. */
	af_tls_free(client_tls);
	client_tls = CLIENT(.no_verify = true);
	expect_connected(af_connect_tls(rig.loop, path, NULL, NULL, client_tls,
					MS(20000)));
	close_all();
}
END_TEST

START_TEST(connect_with_a_wrong_name_fails_eacces)
{
	struct af_future *a, *b;

	open_all(DRIVE_AWAIT);
	af_tls_free(server_tls);
	server_tls = SERVER(.cert_file = "wrong-name.pem");
	b = begin("127.0.0.1", MS(20000));
	a = accept_one();
	ck_assert_int_eq(drive(&rig, b), -EACCES);
	ck_assert_int_eq(strncmp(af_connect_error(b),
				 "127.0.0.1: certificate verify failed (", 38),
			 0);
	af_future_unref(b);
	ck_assert_int_eq(drive(&rig, a), -EPROTO);
	af_future_unref(a);
	server = NULL;
	close_all();
}
END_TEST

START_TEST(connect_refused_is_the_error_of_af_connect)
{
	char text[64];
	struct af_future *b;

	open_all(DRIVE_AWAIT);
	close(listener);
	listener = -1;
	b = begin("127.0.0.1", MS(20000));
	ck_assert_int_eq(drive(&rig, b), -ECONNREFUSED);
	snprintf(text, sizeof text, "127.0.0.1:%s: Connection refused", port);
	ck_assert_str_eq(af_connect_error(b), text);
	ck_assert_ptr_null(af_future_take_file(b));
	af_future_unref(b);
	close_all();
}
END_TEST

/* It is accepted by the kernel, and nobody answers. */
START_TEST(connect_to_a_silent_peer_fails_at_the_deadline)
{
	int64_t since = now_us();
	struct af_future *b;

	open_all(DRIVE_AWAIT);
	b = begin("127.0.0.1", MS(40));
	ck_assert_int_eq(drive(&rig, b), -ETIMEDOUT);
	expect_elapsed(since, 40);
	ck_assert_str_eq(af_connect_error(b),
			 "127.0.0.1: handshake: no answer");
	af_future_unref(b);
	close_all();
}
END_TEST

START_TEST(connect_cancelled_leaves_nothing)
{
	int turns = _i;
	struct af_future *b;

	open_all(DRIVE_DISPATCH);
	b = begin("127.0.0.1", NULL);
	while (turns-- > 0)
		turn(&rig);
	af_future_cancel(b);
	expect_error(&rig, b, -ECANCELED);
	close_all();
}
END_TEST

START_TEST(loop_freed_during_a_connect_ends_it)
{
	int turns = _i;
	struct af_future *b;

	open_all(DRIVE_AWAIT);
	b = begin("127.0.0.1", NULL);
	while (turns-- > 0)
		turn(&rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(b), -ECANCELED);
	af_future_unref(b);
	close_all();
}
END_TEST

START_TEST(connect_with_wrong_arguments_fails_einval)
{
	static const struct timeval odd = { -1, 0 };
	struct af_connect_options wrong = { .reserved = { 1 } };
	struct af_future *f = NULL;

	open_all(DRIVE_AWAIT);
	switch (_i) {
	case 0:
		f = af_connect_tls(NULL, "localhost", port, NULL, client_tls,
				   NULL);
		break;
	case 1:
		f = af_connect_tls(rig.loop, "localhost", port, NULL,
				   server_tls, NULL);
		break;
	case 2:
		f = begin("localhost", &odd);
		break;
	case 3: /* a name cannot be verified */
		f = af_connect_tls(rig.loop, "/run/x", NULL, NULL, client_tls,
				   NULL);
		break;
	case 4:
		f = af_connect_tls(rig.loop, "@x", NULL, NULL, client_tls,
				   NULL);
		break;
	default:
		f = af_connect_tls(rig.loop, "localhost", port, &wrong,
				   client_tls, NULL);
	}
	expect_error(&rig, f, -EINVAL);
	close_all();
}
END_TEST

/* Nobody told it whom to trust, and the system does not know the test. */
START_TEST(connect_without_tls_trusts_the_system)
{
	struct af_future *a, *b;

	open_all(DRIVE_AWAIT);
	b = af_connect_tls(rig.loop, "localhost", port, NULL, NULL, MS(20000));
	a = accept_one();
	expect_error(&rig, b, -EACCES);
	ck_assert_int_eq(drive(&rig, a), -EPROTO);
	af_future_unref(a);
	server = NULL;
	close_all();
}
END_TEST

static struct stage stage;

static void play_connect(void *arg)
{
	struct af_future *a, *b, *ready;

	(void)arg;
	b = af_connect_tls(stage.loop, "localhost", port, NULL, client_tls,
			   MS(20000));
	ready = af_wait_fd(stage.loop, listener, EV_READ, MS(20000));
	ck_assert_int_eq(af_await(ready), 0);
	af_future_unref(ready);
	server = af_file_new(stage.loop, cloexec_accept(listener), 0);
	a = af_accept_tls(server, server_tls, MS(20000));
	ck_assert_int_eq(af_await(b), 0);
	ck_assert_int_eq(af_await(a), 0);
	client = af_future_take_file(b);
	server = af_future_take_file(a);
	af_future_unref(a);
	af_future_unref(b);
	close_ends();
}

START_TEST(await_of_a_connect_works_everywhere)
{
	client_tls = CLIENT();
	server_tls = SERVER();
	listen_here();
	stage_open(&stage, (enum context)_i);
	stage_play(&stage, play_connect, NULL);
	stage_close(&stage);
	close(listener);
	af_tls_free(client_tls);
	af_tls_free(server_tls);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls connect");
	TCase *tc = tls_case(s, "connect");

	tcase_add_loop_test(tc, connect_to_a_name_or_an_address_succeeds, 0,
			    3 * DRIVE_COUNT);
	tcase_add_test(tc, second_connect_resumes_the_session);
	tcase_add_test(tc, second_connect_over_ipv6_resumes_the_session);
	tcase_add_test(
		tc, connect_to_a_unix_socket_verifies_the_name_of_the_options);
	tcase_add_test(tc, connect_with_a_wrong_name_fails_eacces);
	tcase_add_test(tc, connect_refused_is_the_error_of_af_connect);
	tcase_add_test(tc, connect_to_a_silent_peer_fails_at_the_deadline);
	tcase_add_loop_test(tc, connect_cancelled_leaves_nothing, 0, 6);
	tcase_add_loop_test(tc, loop_freed_during_a_connect_ends_it, 0, 6);
	tcase_add_loop_test(tc, connect_with_wrong_arguments_fails_einval, 0,
			    6);
	tcase_add_test(tc, connect_without_tls_trusts_the_system);
	tcase_add_loop_test(tc, await_of_a_connect_works_everywhere, 0,
			    CONTEXT_COUNT);
	return s;
}
