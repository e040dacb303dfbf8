/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of sessions that a client resumes: with which server, how often, and
 * how many are kept.
 */
#include <stdio.h>
#include <unistd.h>

#include "support/server.h"
#include "support/tlsrig.h"

/* A server of one version of TLS, by a context of the program's. */
static SSL_CTX *make_context(int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	ck_assert_ptr_nonnull(context);
	SSL_CTX_set_min_proto_version(context, version);
	SSL_CTX_set_max_proto_version(context, version);
	ck_assert_int_eq(
		SSL_CTX_use_certificate_chain_file(context, "server.pem"), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(context, "server.pem",
						     SSL_FILETYPE_PEM),
			 1);
	return context;
}

static void open_version(int version)
{
	SSL_CTX *context = make_context(version);

	client_tls = CLIENT();
	server_tls = SERVER(.context = context);
	SSL_CTX_free(context);
}

/* With the ends open: hears of the server once, with which tickets come. */
static bool meet(const char *name)
{
	bool resumed;

	shake_well(name);
	resumed = af_tls_is_resumed(client);
	ck_assert_int_eq(af_tls_is_resumed(server), resumed);
	expect_passes(server, client);
	expect_passes(client, server);
	close_ends();
	rig_close(&rig);
	return resumed;
}

static bool connect_once(const char *name)
{
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	return meet(name);
}

static bool connect_to(const char *host, int listener)
{
	rig_open_loop(&rig, DRIVE_AWAIT);
	client = af_file_new(rig.loop,
			     server_visit(host, server_port(listener)), 0);
	server = af_file_new(rig.loop, server_accept(listener), 0);
	ck_assert(client && server);
	return meet("localhost");
}

static void end(void)
{
	af_tls_free(client_tls);
	af_tls_free(server_tls);
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

START_TEST(second_connection_resumes_the_session)
{
	open_version(versions[_i]);
	ck_assert(!connect_once("localhost"));
	ck_assert(connect_once("localhost"));
	ck_assert(connect_once("localhost"));
	end();
}
END_TEST

START_TEST(session_of_another_name_is_not_resumed)
{
	open_version(versions[_i]);
	ck_assert(!connect_once("localhost"));
	ck_assert(!connect_once("example.test"));
	ck_assert(connect_once("localhost"));
	end();
}
END_TEST

/* Another server has the port. Index: a version, and an address. */
START_TEST(session_of_another_port_is_not_resumed)
{
	const char *host = _i / 2 ? "::1" : "127.0.0.1";
	int a, b;

	if (_i / 2 && !have_ipv6())
		return;
	a = server_listen(host, 0, 8);
	b = server_listen(host, 0, 8);
	open_version(versions[_i % 2]);
	ck_assert(!connect_to(host, a));
	ck_assert(!connect_to(host, b));
	ck_assert(connect_to(host, a));
	ck_assert(connect_to(host, b));
	end();
	close(a);
	close(b);
}
END_TEST

START_TEST(session_is_kept_if_the_peer_breaks_off)
{
	open_version(versions[_i]);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	shake_well("localhost");
	expect_passes(server, client);
	shutdown(af_file_fd(server), SHUT_RDWR);
	close_ends();
	rig_close(&rig);
	ck_assert(connect_once("localhost"));
	end();
}
END_TEST

START_TEST(other_client_does_not_resume)
{
	open_version(versions[_i]);
	ck_assert(!connect_once("localhost"));
	af_tls_free(client_tls);
	client_tls = CLIENT();
	ck_assert(!connect_once("localhost"));
	end();
}
END_TEST

/* Names that no_verify accepts: more than there is room for. */
START_TEST(oldest_session_makes_room_for_a_new_one)
{
	char name[20];

	open_version(versions[_i]);
	af_tls_free(client_tls);
	client_tls = CLIENT(.no_verify = true);
	for (int i = 0; i <= 64; i++) {
		snprintf(name, sizeof name, "host%d.test", i);
		ck_assert(!connect_once(name));
	}
	ck_assert(connect_once("host64.test"));
	ck_assert(connect_once("host1.test"));
	ck_assert(!connect_once("host0.test"));
	end();
}
END_TEST

/* Versions before TLS 1.2 are off, whatever the peer would like. */
START_TEST(old_versions_are_refused)
{
	int r, s;

	open_version(TLS1_1_VERSION);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	shake("localhost", &r, &s);
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_int_eq(s, -EPROTO);
	rig_close(&rig);
	end();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls sessions");
	TCase *tc = tls_case(s, "sessions");

	tcase_add_loop_test(tc, second_connection_resumes_the_session, 0, 2);
	tcase_add_loop_test(tc, session_of_another_name_is_not_resumed, 0, 2);
	tcase_add_loop_test(tc, session_of_another_port_is_not_resumed, 0, 4);
	tcase_add_loop_test(tc, session_is_kept_if_the_peer_breaks_off, 0, 2);
	tcase_add_loop_test(tc, other_client_does_not_resume, 0, 2);
	tcase_add_loop_test(tc, oldest_session_makes_room_for_a_new_one, 0, 2);
	tcase_add_test(tc, old_versions_are_refused);
	return s;
}
