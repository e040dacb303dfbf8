/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of handshakes: whose certificate is accepted, what fails them, what the
 * error and its text are, and that nothing is left of one that ended early.
 */
#include <pthread.h>
#include <sys/socket.h>

#include <event2/buffer.h>

#include "support/tlsrig.h"

static void close_all(void)
{
	close_tls();
}

static const struct {
	const char *cert, *name;
	int error;
	const char *why;
} rows[] = {
	{ "server.pem", "localhost", 0, NULL },
	{ "server.pem", "EXAMPLE.test", 0, NULL },
	{ "server.pem", "localhost.", 0, NULL },
	{ "server.pem", "127.0.0.1", 0, NULL },
	{ "server.pem", "::1", 0, NULL },
	{ "server.pem", "::1%lo", 0, NULL },
	{ "server.pem", "127.0.0.2", -EACCES, "certificate verify failed (" },
	{ "server.pem", "example.tes", -EACCES, "certificate verify failed (" },
	{ "server.pem", "a.localhost", -EACCES, "certificate verify failed (" },
	{ "wrong-name.pem", "localhost", -EACCES,
	  "certificate verify failed (" },
	{ "expired.pem", "localhost", -EACCES,
	  "certificate verify failed (certificate has expired)" },
	{ "self-signed.pem", "localhost", -EACCES,
	  "certificate verify failed (self" },
	{ "stranger.pem", "client.test", -EACCES,
	  "certificate verify failed (" },
};

static void expect_why(struct af_future *f, int error, const char *who,
		       const char *why)
{
	char text[600];

	ck_assert_int_eq(drive(&rig, f), error);
	snprintf(text, sizeof text, "%s: %s", who, why);
	ck_assert_msg(strncmp(af_connect_error(f), text, strlen(text)) == 0,
		      "%s, not %s", af_connect_error(f), text);
	ck_assert_ptr_null(af_future_take_file(f));
	af_future_unref(f);
}

START_TEST(certificate_decides_whether_a_client_connects)
{
	struct af_future *a, *b;

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER(.cert_file = rows[_i].cert);
	if (rows[_i].error == 0) {
		shake_well(rows[_i].name);
		expect_passes(client, server);
		expect_passes(server, client);
		ck_assert_str_eq(af_tls_alpn(client), "");
		ck_assert(!af_tls_is_resumed(client));
		close_all();
		return;
	}
	a = af_accept_tls(server, server_tls, MS(20000));
	b = af_start_tls(client, rows[_i].name, client_tls, MS(20000));
	server = client = NULL;
	expect_why(b, rows[_i].error, rows[_i].name, rows[_i].why);
	/* The server is told by an alert. */
	expect_why(a, -EPROTO, "unnamed", "handshake: ");
	close_all();
}
END_TEST

START_TEST(server_name_is_sent_but_not_an_address)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "::1" };
	const char *sent;

	open_ends(KIND_TCP, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	shake_well(names[_i]);
	sent = SSL_get_servername(af_tls_ssl(server),
				  TLSEXT_NAMETYPE_host_name);
	if (_i == 0)
		ck_assert_str_eq(sent, names[_i]);
	else
		ck_assert_ptr_null(sent);
	close_all();
}
END_TEST

START_TEST(name_of_the_options_is_verified_instead)
{
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.name = "example.test");
	server_tls = SERVER();
	shake_well(_i == 0 ? NULL : "/run/socket");
	close_all();
}
END_TEST

START_TEST(no_verify_accepts_any_certificate)
{
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.no_verify = true);
	server_tls = SERVER(.cert_file = "self-signed.pem");
	shake_well(_i == 0 ? NULL : "nobody.test");
	expect_passes(client, server);
	close_all();
}
END_TEST

static char too_long[257];

START_TEST(client_without_a_name_to_verify_fails_einval)
{
	/* A dot in front would stand for any name that ends so. */
	static const char *const names[] = { NULL, "",	    ".",
					     "..", ".test", too_long };
	struct af_future *f;

	memset(too_long, 'a', sizeof too_long - 1);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	f = af_start_tls(client, names[_i], client_tls, NULL);
	client = NULL;
	ck_assert(af_future_is_done(f));
	expect_error(&rig, f, -EINVAL);
	close_all();
}
END_TEST

START_TEST(client_certificate_is_asked_for_and_verified)
{
	static const struct {
		const char *cert;
		int error;
	} clients[] = { { "client.pem", 0 },
			{ NULL, -EPROTO },
			{ "stranger.pem", -EACCES } };
	int r, s;

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.cert_file = clients[_i].cert);
	server_tls = SERVER(.ca_file = "ca.pem", .verify_client = true);
	shake("localhost", &r, &s);
	ck_assert_int_eq(s, clients[_i].error);
	if (s == 0)
		expect_passes(client, server);
	else if (r == 0) /* TLS 1.3: only now it hears of it */
		expect_error(&rig, af_file_read(client, 1, 0, MS(20000)),
			     -EPROTO);
	close_all();
}
END_TEST

static int n_authorities;

/* Has no certificate to give. */
static int on_request(SSL *ssl, X509 **ret_cert, EVP_PKEY **ret_key)
{
	(void)ret_cert;
	(void)ret_key;
	n_authorities = sk_X509_NAME_num(SSL_get_client_CA_list(ssl));
	return 0;
}

START_TEST(client_is_told_whose_certificate_is_asked_for)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int r, s;

	SSL_CTX_set_client_cert_cb(context, on_request);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.context = context, .no_verify = true);
	server_tls = SERVER(.ca_file = "ca.pem", .verify_client = true);
	n_authorities = -1;
	shake("localhost", &r, &s);
	ck_assert_int_eq(n_authorities, 1);
	ck_assert_int_eq(s, -EPROTO);
	close_tls();
	SSL_CTX_free(context);
}
END_TEST

START_TEST(alpn_is_the_servers_choice)
{
	static const char *const offered[] = { "http/1.1", "h2", NULL };
	static const char *const known[] = { "h2", "http/1.1", NULL };

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.alpn = offered);
	server_tls = SERVER(.alpn = known);
	shake_well("localhost");
	ck_assert_str_eq(af_tls_alpn(client), "h2");
	ck_assert_str_eq(af_tls_alpn(server), "h2");
	close_all();
}
END_TEST

START_TEST(alpn_without_a_common_protocol_fails_eproto)
{
	static const char *const offered[] = { "h3", NULL };
	static const char *const known[] = { "h2", NULL };
	struct af_future *a, *b;

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.alpn = offered);
	server_tls = SERVER(.alpn = known);
	a = af_accept_tls(server, server_tls, MS(20000));
	b = af_start_tls(client, "localhost", client_tls, MS(20000));
	server = client = NULL;
	expect_why(b, -EPROTO, "localhost", "handshake: ");
	expect_why(a, -EPROTO, "unnamed", "handshake: ");
	close_all();
}
END_TEST

START_TEST(alpn_of_one_side_only_is_none)
{
	static const char *const known[] = { "h2", NULL };

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.alpn = _i == 0 ? known : NULL);
	server_tls = SERVER(.alpn = _i == 1 ? known : NULL);
	shake_well("localhost");
	ck_assert_str_eq(af_tls_alpn(client), "");
	ck_assert_str_eq(af_tls_alpn(server), "");
	close_all();
}
END_TEST

/* The socket of the other side, which speaks no TLS. */
static struct af_future *begin_one(bool accept, int *ret_peer,
				   const struct timeval *timeout)
{
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_SOCKETPAIR, fds);
	client = af_file_new(rig.loop, fds[0], 0);
	*ret_peer = fds[1];
	client_tls = CLIENT();
	server_tls = SERVER();
	return accept ? af_accept_tls(client, server_tls, timeout)
		      : af_start_tls(client, "localhost", client_tls, timeout);
}

static const char *who(bool accept)
{
	return accept ? "unnamed" : "localhost";
}

static void end_one(int peer)
{
	client = NULL;
	close(peer);
	close_all();
}

START_TEST(silent_peer_fails_at_the_deadline)
{
	int64_t since = now_us();
	int peer;
	struct af_future *f = begin_one(_i, &peer, MS(30));

	expect_why(f, -ETIMEDOUT, who(_i), "handshake: no answer");
	expect_elapsed(since, 30);
	end_one(peer);
}
END_TEST

START_TEST(no_time_fails_at_once_if_the_peer_is_silent)
{
	int peer;
	struct af_future *f = begin_one(_i, &peer, MS(0));

	ck_assert(af_future_is_done(f) || drive(&rig, f) < 0);
	expect_why(f, -ETIMEDOUT, who(_i), "handshake: no answer");
	end_one(peer);
}
END_TEST

/* A peer that drips, until this ends. */
static struct af_future *dripped;

static void drip(struct af_future *done, void *arg)
{
	int *peer = arg;

	(void)done;
	if (af_future_is_done(dripped))
		return;
	put(*peer, "\x16", 1);
	af_on_done(af_sleep(rig.loop, MS(3)), drip, arg);
}

/* Each byte must not begin the time anew. */
START_TEST(slow_peer_fails_at_the_deadline)
{
	static const char head[] = "\x16\x03\x03\x10";
	struct af_future *f;
	int64_t since;
	int peer, ms;

	/* With more time if it was over before it began. */
	for (ms = 40;; ms *= 2) {
		since = now_us();
		f = begin_one(_i, &peer, MS(ms));
		if (!af_future_is_done(f))
			break;
		af_future_unref(f);
		end_one(peer);
	}
	put(peer, head, 4);
	dripped = af_future_ref(f);
	af_on_done(af_sleep(rig.loop, MS(3)), drip, &peer);
	expect_why(f, -ETIMEDOUT, who(_i), "handshake: no answer");
	expect_elapsed(since, ms);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	af_future_unref(dripped);
	end_one(peer);
}
END_TEST

START_TEST(garbage_fails_eproto)
{
	int peer;
	struct af_future *f = begin_one(_i, &peer, MS(20000));

	put_text(peer, "220 this is no TLS, but SMTP, and rather long\r\n");
	expect_why(f, -EPROTO, who(_i), "handshake: ");
	end_one(peer);
}
END_TEST

START_TEST(peer_leaving_fails_econnreset)
{
	int peer;
	struct af_future *f = begin_one(_i, &peer, MS(20000));

	shutdown(peer, SHUT_WR);
	expect_why(f, -ECONNRESET, who(_i),
		   "handshake: the peer has closed the connection");
	end_one(peer);
}
END_TEST

/* It says goodbye before there is anything to end. */
START_TEST(goodbye_of_the_server_in_the_middle_fails_econnreset)
{
	static const char goodbye[] = "\x15\x03\x03\0\x02\x01";
	int peer;
	struct af_future *f = begin_one(false, &peer, MS(20000));

	put(peer, goodbye, sizeof goodbye);
	expect_why(f, -ECONNRESET, who(false),
		   "handshake: the peer has closed the connection");
	end_one(peer);
}
END_TEST

/* In TLS 1.2 the server has the last word, and the client waits for it. */
START_TEST(client_that_leaves_before_the_last_word_was_not_connected)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int peer;
	struct af_future *f = begin_one(true, &peer, MS(20000));
	SSL *ssl = SSL_new(context);

	SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
	SSL_set_fd(ssl, peer);
	fcntl(peer, F_SETFL, O_NONBLOCK);
	while (SSL_get_state(ssl) != TLS_ST_CW_FINISHED) {
		ck_assert_int_lt(SSL_connect(ssl), 1);
		ck_assert_int_eq(SSL_get_error(ssl, -1), SSL_ERROR_WANT_READ);
		if (SSL_get_state(ssl) != TLS_ST_CW_FINISHED)
			turn(&rig);
	}
	SSL_free(ssl);
	close(peer);
	expect_why(f, -ECONNRESET, who(true),
		   "handshake: the peer has closed the connection");
	client = NULL;
	close_all();
	SSL_CTX_free(context);
}
END_TEST

/* Its callback waits for something that only the program knows. */
static int wait_for_certificate(SSL *ssl, void *arg)
{
	(void)ssl;
	++*(int *)arg;
	return -1;
}

START_TEST(callback_that_is_not_done_fails_enotsup)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct af_future *a, *b;
	int calls = 0;

	SSL_CTX_set_cert_cb(context, wait_for_certificate, &calls);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER(.context = context);
	SSL_CTX_free(context);
	a = af_accept_tls(server, server_tls, MS(20000));
	b = af_start_tls(client, "localhost", client_tls, MS(20000));
	client = server = NULL;
	expect_why(a, -ENOTSUP, "unnamed", "handshake: ");
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(drive(&rig, b), -ECONNRESET);
	af_future_unref(b);
	close_all();
}
END_TEST

START_TEST(accept_of_what_has_no_peer_says_so)
{
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_PIPE, fds);
	server_tls = SERVER();
	expect_why(af_accept_tls(af_file_new(rig.loop, fds[0], 0), server_tls,
				 NULL),
		   -ENOTSOCK, "unknown", strerror(ENOTSOCK));
	close(fds[1]);
	close_all();
}
END_TEST

/* So long that no clock can tell. */
START_TEST(deadline_in_ages_is_none)
{
	struct timeval ages = { 0x7fffffff, 0 };
	struct af_future *a, *b;

	if (sizeof ages.tv_sec > 4)
		ages.tv_sec = (time_t)(INT64_MAX / 2);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	a = af_accept_tls(server, server_tls, &ages);
	b = af_start_tls(client, "localhost", client_tls, &ages);
	ck_assert_int_eq(drive(&rig, a), 0);
	ck_assert_int_eq(drive(&rig, b), 0);
	server = af_future_take_file(a);
	client = af_future_take_file(b);
	af_future_unref(a);
	af_future_unref(b);
	expect_passes(client, server);
	close_all();
}
END_TEST

/* Its file stays, as nothing of another thread's loop may be touched. */
static void *shake_elsewhere(void *arg)
{
	(void)arg;
	ck_assert_int_eq(af_future_error(af_start_tls(client, "localhost",
						      client_tls, NULL)),
			 -EPERM);
	ck_assert_int_eq(af_future_error(af_start_tls(client, "localhost",
						      server_tls, NULL)),
			 -EPERM);
	ck_assert_int_eq(
		af_future_error(af_accept_tls(server, server_tls, NULL)),
		-EPERM);
	return NULL;
}

START_TEST(handshake_in_another_thread_fails_eperm_and_leaves_the_file)
{
	pthread_t thread;

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	ck_assert_int_eq(pthread_create(&thread, NULL, shake_elsewhere, NULL),
			 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	expect_passes(client, server);
	shake_well("localhost");
	close_all();
}
END_TEST

START_TEST(peer_gone_before_fails_without_a_signal)
{
	int fds[2];
	struct af_future *f;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_SOCKETPAIR, fds);
	close(fds[1]);
	client_tls = CLIENT();
	f = af_start_tls(af_file_new(rig.loop, fds[0], 0), "localhost",
			 client_tls, NULL);
	ck_assert_int_eq(drive(&rig, f), -ECONNRESET);
	ck_assert_str_eq(af_connect_error(f),
			 "localhost: handshake: the peer has closed the "
			 "connection");
	af_future_unref(f);
	close_all();
}
END_TEST

/* The server cannot send what TLS 1.3 has it say after the handshake. */
START_TEST(client_that_leaves_after_its_bytes_was_connected)
{
	struct af_future *a, *b;

	open_ends(_i == 0 ? KIND_SOCKETPAIR : KIND_TCP, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	a = af_accept_tls(server, server_tls, MS(20000));
	b = af_start_tls(client, "localhost", client_tls, MS(20000));
	ck_assert_int_eq(drive(&rig, b), 0);
	client = af_future_take_file(b);
	af_future_unref(b);
	ck_assert(!af_future_is_done(a));
	expect_count(&rig, af_file_write(client, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	ck_assert_int_eq(af_file_close(client), 0);
	client = NULL;
	ck_assert_msg(drive(&rig, a) == 0, "%s", af_connect_error(a));
	server = af_future_take_file(a);
	af_future_unref(a);
	expect_text(&rig, af_file_read(server, 0, 0, MS(20000)), "abc",
		    AFIO_EOF);
	ck_assert_int_eq(af_file_close(server), 0);
	server = NULL;
	close_all();
}
END_TEST

START_TEST(cancel_closes_the_connection)
{
	char byte;
	int peer;
	struct af_future *f = begin_one(_i % 2, &peer, NULL);

	if (_i >= 2)
		turn(&rig);
	af_future_cancel(f);
	ck_assert_str_eq(af_connect_error(f), "");
	expect_error(&rig, f, -ECANCELED);
	while (read(peer, &byte, 1) == 1)
		;
	end_one(peer);
}
END_TEST

START_TEST(cancel_at_each_stage_leaves_nothing)
{
	struct af_future *a, *b;
	int turns = 0;

	for (bool done = false; !done; turns++) {
		open_ends(KIND_SOCKETPAIR, DRIVE_DISPATCH);
		client_tls = CLIENT();
		server_tls = SERVER();
		a = af_accept_tls(server, server_tls, NULL);
		b = af_start_tls(client, "localhost", client_tls, NULL);
		server = client = NULL;
		for (int i = 0; i < turns; i++)
			turn(&rig);
		done = af_future_is_done(a) && af_future_is_done(b);
		af_future_cancel(_i == 0 ? a : b);
		drive(&rig, a);
		drive(&rig, b);
		af_future_unref(a);
		af_future_unref(b);
		close_all();
		ck_assert_int_lt(turns, 1000);
	}
	ck_assert_int_gt(turns, 1);
}
END_TEST

START_TEST(loop_freed_during_a_handshake_ends_it)
{
	int peer;
	struct af_future *f = begin_one(_i, &peer, MS(20000));

	turn(&rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	client = NULL;
	close(peer);
	af_tls_free(client_tls);
	af_tls_free(server_tls);
	rig_close(&rig);
}
END_TEST

START_TEST(future_dropped_after_success_closes_the_file)
{
	struct af_future *a, *b;

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	a = af_accept_tls(server, server_tls, NULL);
	b = af_start_tls(client, "localhost", client_tls, NULL);
	ck_assert_int_eq(drive(&rig, a), 0);
	ck_assert_int_eq(drive(&rig, b), 0);
	client = af_future_take_file(b);
	ck_assert_ptr_null(af_future_take_file(b));
	af_future_unref(a);
	af_future_unref(b);
	server = NULL;
	expect_text(&rig, af_file_read(client, 0, 0, NULL), "", AFIO_EOF);
	close_all();
}
END_TEST

/* What an attacker put behind the answer to STARTTLS. */
START_TEST(start_tls_does_not_take_plain_bytes_for_protected_ones)
{
	int peer;
	struct af_future *f;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_SOCKETPAIR, fds);
	peer = fds[1];
	client = af_file_new(rig.loop, fds[0], 0);
	put_text(peer,
		 "220 go ahead\r\n250 and this is inserted, as plain\r\n");
	expect_text(&rig, af_file_readline(client, 0, 0, 0, NULL),
		    "220 go ahead\r\n", 0);
	client_tls = CLIENT();
	server_tls = SERVER();
	f = _i == 0 ? af_start_tls(client, "localhost", client_tls, MS(20000))
		    : af_accept_tls(client, server_tls, MS(20000));
	expect_why(f, -EPROTO, who(_i), "handshake: ");
	end_one(peer);
}
END_TEST

static struct af_future *answer(struct af_future *line, void *arg)
{
	(void)arg;
	ck_assert_str_eq(af_future_data(line, NULL), "STARTTLS\r\n");
	return af_file_write(server, "220 go ahead\r\n", 14, AFIO_FULL, NULL);
}

START_TEST(start_tls_after_a_plain_exchange_goes_on)
{
	struct af_future *f;
	int data;

	open_ends(KIND_TCP, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	af_file_set_data(client, &data);
	f = af_then(af_file_readline(server, 0, 0, 0, NULL), answer, NULL);
	expect_count(&rig, af_file_write(client, "STARTTLS\r\n", 10, 0, NULL),
		     10, 0);
	expect_count(&rig, f, 14, 0);
	expect_text(&rig, af_file_readline(client, 0, 0, 0, NULL),
		    "220 go ahead\r\n", 0);
	shake_well("localhost");
	ck_assert_ptr_eq(af_file_data(client), &data);
	expect_passes(client, server);
	expect_passes(server, client);
	close_all();
}
END_TEST

/* A server looks whether the first byte is that of TLS. */
START_TEST(accept_tls_begins_with_bytes_that_were_peeked_at)
{
	struct af_future *b, *peek;
	char first;

	open_ends(KIND_SOCKETPAIR, (enum driver)_i);
	client_tls = CLIENT();
	server_tls = SERVER();
	b = af_start_tls(client, "localhost", client_tls, NULL);
	peek = af_file_peek(server, 1, NULL);
	ck_assert_int_eq(drive(&rig, peek), 0);
	first = *af_future_data(peek, NULL);
	ck_assert_int_eq(first, 0x16);
	af_future_unref(peek);
	peek = af_accept_tls(server, server_tls, NULL);
	ck_assert_int_eq(drive(&rig, peek), 0);
	ck_assert_int_eq(drive(&rig, b), 0);
	server = af_future_take_file(peek);
	client = af_future_take_file(b);
	af_future_unref(peek);
	af_future_unref(b);
	expect_passes(client, server);
	close_all();
}
END_TEST

static struct af_future *wrong(int row)
{
	static const struct timeval odd = { 0, -1 }, more = { 0, 1000000 };
	struct af_future *read;
	int fds[2];

	switch (row) {
	case 0:
		return af_start_tls(NULL, "localhost", client_tls, NULL);
	case 1:
		return af_accept_tls(NULL, server_tls, NULL);
	case 2:
		return af_start_tls(client, "localhost", server_tls, NULL);
	case 3:
		return af_accept_tls(client, client_tls, NULL);
	case 4:
		return af_accept_tls(client, NULL, NULL);
	case 5:
		return af_start_tls(client, "localhost", client_tls, &odd);
	case 6:
		read = af_file_read(client, 1, 0, NULL);
		af_future_unref(read);
		return af_start_tls(client, "localhost", client_tls, NULL);
	case 7:
		af_file_close(client);
		make_pair(KIND_PIPE, fds);
		close(fds[1]);
		client = af_file_new(rig.loop, fds[0], 0);
		return af_start_tls(client, "localhost", client_tls, NULL);
	case 8:
		af_file_close(client);
		make_pair(KIND_SOCKETPAIR, fds);
		close(fds[1]);
		client = af_file_new(rig.loop, fds[0], AFIO_UNBUFFERED);
		return af_start_tls(client, "localhost", client_tls, NULL);
	case 9:
		return af_accept_tls(client, server_tls, &odd);
	case 10:
		return af_start_tls(client, "localhost", client_tls, &more);
	default:
		shake_well("localhost");
		return af_start_tls(client, "localhost", client_tls, NULL);
	}
}

START_TEST(wrong_arguments_fail_and_close_the_file)
{
	static const int errors[] = {
		-EINVAL, -EINVAL,   -EINVAL,  -EINVAL, -EINVAL, -EINVAL,
		-EBUSY,	 -ENOTSOCK, -ENOTSUP, -EINVAL, -EINVAL, -EALREADY,
	};
	struct af_future *f;

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	f = wrong(_i);
	if (_i > 1)
		client = NULL;
	ck_assert(af_future_is_done(f));
	expect_error(&rig, f, errors[_i]);
	close_all();
}
END_TEST

START_TEST(questions_of_a_file_without_tls_have_no_answer)
{
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	ck_assert_str_eq(af_tls_alpn(client), "");
	ck_assert_str_eq(af_tls_alpn(NULL), "");
	ck_assert(!af_tls_is_resumed(client));
	ck_assert(!af_tls_is_resumed(NULL));
	ck_assert_ptr_null(af_tls_ssl(client));
	ck_assert_ptr_null(af_tls_ssl(NULL));
	close_all();
}
END_TEST

/* NULL is a client that trusts the system, which does not know the test. */
START_TEST(null_tls_trusts_the_systems_authorities)
{
	struct af_future *a, *b;

	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	server_tls = SERVER();
	a = af_accept_tls(server, server_tls, MS(20000));
	b = af_start_tls(client, "localhost", NULL, MS(20000));
	server = client = NULL;
	expect_why(b, -EACCES, "localhost", "certificate verify failed (");
	ck_assert_int_eq(drive(&rig, a), -EPROTO);
	af_future_unref(a);
	close_all();
}
END_TEST

/* What the others have in common may go. */
START_TEST(tls_freed_before_its_connections_lives_on)
{
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls = SERVER();
	shake_well("localhost");
	af_tls_free(client_tls);
	af_tls_free(server_tls);
	client_tls = server_tls = NULL;
	expect_passes(client, server);
	close_all();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls handshake");
	TCase *tc = tls_case(s, "certificates");

	tcase_add_loop_test(tc, certificate_decides_whether_a_client_connects,
			    0, sizeof rows / sizeof *rows);
	tcase_add_loop_test(tc, server_name_is_sent_but_not_an_address, 0, 3);
	tcase_add_loop_test(tc, name_of_the_options_is_verified_instead, 0, 2);
	tcase_add_loop_test(tc, no_verify_accepts_any_certificate, 0, 2);
	tcase_add_loop_test(tc, client_without_a_name_to_verify_fails_einval, 0,
			    6);
	tcase_add_loop_test(tc, client_certificate_is_asked_for_and_verified, 0,
			    3);
	tcase_add_test(tc, client_is_told_whose_certificate_is_asked_for);
	tcase_add_test(tc, null_tls_trusts_the_systems_authorities);

	tc = tls_case(s, "protocols");
	tcase_add_test(tc, alpn_is_the_servers_choice);
	tcase_add_test(tc, alpn_without_a_common_protocol_fails_eproto);
	tcase_add_loop_test(tc, alpn_of_one_side_only_is_none, 0, 2);

	tc = tls_case(s, "failures");
	tcase_add_loop_test(tc, silent_peer_fails_at_the_deadline, 0, 2);
	tcase_add_loop_test(tc, no_time_fails_at_once_if_the_peer_is_silent, 0,
			    2);
	tcase_add_loop_test(tc, slow_peer_fails_at_the_deadline, 0, 2);
	tcase_add_loop_test(tc, garbage_fails_eproto, 0, 2);
	tcase_add_loop_test(tc, peer_leaving_fails_econnreset, 0, 2);
	tcase_add_test(tc,
		       goodbye_of_the_server_in_the_middle_fails_econnreset);
	tcase_add_test(
		tc, client_that_leaves_before_the_last_word_was_not_connected);
	tcase_add_test(tc, callback_that_is_not_done_fails_enotsup);
	tcase_add_test(tc, accept_of_what_has_no_peer_says_so);
	tcase_add_test(tc, deadline_in_ages_is_none);
	tcase_add_test(tc, peer_gone_before_fails_without_a_signal);
	tcase_add_loop_test(
		tc, client_that_leaves_after_its_bytes_was_connected, 0, 2);
	tcase_add_loop_test(tc, cancel_closes_the_connection, 0, 4);
	tcase_add_loop_test(tc, cancel_at_each_stage_leaves_nothing, 0, 2);
	tcase_add_loop_test(tc, loop_freed_during_a_handshake_ends_it, 0, 2);
	tcase_add_test(tc, future_dropped_after_success_closes_the_file);
	tcase_add_loop_test(tc, wrong_arguments_fail_and_close_the_file, 0, 12);
	tcase_add_test(
		tc,
		handshake_in_another_thread_fails_eperm_and_leaves_the_file);

	tc = tls_case(s, "on an open connection");
	tcase_add_loop_test(
		tc, start_tls_does_not_take_plain_bytes_for_protected_ones, 0,
		2);
	tcase_add_test(tc, start_tls_after_a_plain_exchange_goes_on);
	tcase_add_loop_test(tc,
			    accept_tls_begins_with_bytes_that_were_peeked_at, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, questions_of_a_file_without_tls_have_no_answer);
	tcase_add_test(tc, tls_freed_before_its_connections_lives_on);
	return s;
}
