/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests of libasyncfile-tls: a loop, a connection with a client
 * and a server, and the certificates for both.
 */
#ifndef TESTS_TLSRIG_H
#define TESTS_TLSRIG_H

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <asyncfile/tls.h>

#include "support/certs.h"
#include "support/scratch.h"

static struct rig rig;
static struct af_tls *client_tls, *server_tls;
static struct af_file *client, *server; /* connected */

static inline struct af_tls *make_client(const struct af_tls_options *options)
{
	struct af_tls_options all = *options;
	char why[256];
	struct af_tls *tls;

	if (!all.ca_file && !all.context)
		all.ca_file = "ca.pem";
	tls = af_tls_client_new(&all, why, sizeof why);
	ck_assert_msg(tls && !*why, "no client: %s", why);
	return tls;
}

static inline struct af_tls *make_server(const struct af_tls_options *options)
{
	struct af_tls_options all = *options;
	char why[256];
	struct af_tls *tls;

	if (!all.cert_file && !all.context)
		all.cert_file = "server.pem";
	tls = af_tls_server_new(&all, why, sizeof why);
	ck_assert_msg(tls && !*why, "no server: %s", why);
	return tls;
}

#define CLIENT(...) make_client(&(struct af_tls_options){ __VA_ARGS__ })
#define SERVER(...) make_server(&(struct af_tls_options){ __VA_ARGS__ })

/* A loop, and both ends of a connection as files without TLS. */
static inline void open_ends(enum kind kind, enum driver driver)
{
	int fds[2];

	rig_open_loop(&rig, driver);
	make_pair(kind, fds);
	server = af_file_new(rig.loop, fds[0], 0);
	client = af_file_new(rig.loop, fds[1], 0);
	ck_assert(client && server);
}

/* Drives both handshakes; the outcome of each. */
static inline void shake(const char *name, int *ret_client, int *ret_server)
{
	struct af_future *a = af_accept_tls(server, server_tls, MS(20000));
	struct af_future *b = af_start_tls(client, name, client_tls, MS(20000));

	*ret_client = drive(&rig, b);
	*ret_server = drive(&rig, a);
	server = af_future_take_file(a);
	client = af_future_take_file(b);
	ck_assert_int_eq(!client, *ret_client < 0);
	ck_assert_int_eq(!server, *ret_server < 0);
	af_future_unref(a);
	af_future_unref(b);
}

static inline void shake_well(const char *name)
{
	int r, s;

	shake(name, &r, &s);
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(s, 0);
}

/* All of it, for tests of what comes after the handshake. */
static inline void open_tls(enum kind kind, enum driver driver)
{
	open_ends(kind, driver);
	client_tls = CLIENT();
	server_tls = SERVER();
	shake_well("localhost");
}

static inline void close_ends(void)
{
	ck_assert_int_eq(af_file_close(client), 0);
	ck_assert_int_eq(af_file_close(server), 0);
	client = server = NULL;
}

static inline void close_tls(void)
{
	close_ends();
	af_tls_free(client_tls);
	af_tls_free(server_tls);
	client_tls = server_tls = NULL;
	rig_close(&rig);
}

/* Bytes go one way, and the other one sees them. */
static inline void expect_passes(struct af_file *from, struct af_file *to)
{
	expect_count(&rig, af_file_write(from, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	expect_text(&rig, af_file_read(to, 3, AFIO_FULL, MS(20000)), "abc", 0);
}

static inline void make_certs(void)
{
	make_directory();
	if (chdir(directory) < 0)
		abort();
	certs_make_all();
}

static inline void remove_certs(void)
{
	if (chdir("..") < 0)
		abort();
	remove_directory();
}

/* test_case() whose tests run where the certificates are. */
static inline TCase *tls_case(Suite *s, const char *name)
{
	TCase *tc = test_case(s, name);

	tcase_add_unchecked_fixture(tc, make_certs, remove_certs);
	tcase_add_checked_fixture(tc, enter_directory, NULL);
	return tc;
}

#endif
