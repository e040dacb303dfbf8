/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers that keep to the letter of TLS, and send without end what costs them
 * little. A thread is the peer, so that it is never late.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "support/tlsrig.h"

static int peer_fd;
static pthread_t peer;

/* A loop, and a file whose other end a thread has. */
static struct af_file *open_with_peer(void *(*run)(void *), void *arg)
{
	int fds[2], size = 8 << 20;
	struct af_file *file;

	signal(SIGPIPE, SIG_IGN);
	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_SOCKETPAIR, fds);
	file = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(file);
	peer_fd = fds[1];
	/* So much that there are always some bytes to be received. */
	if (setsockopt(peer_fd, SOL_SOCKET, SO_SNDBUFFORCE, &size,
		       sizeof size) < 0)
		setsockopt(peer_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	ck_assert_int_eq(pthread_create(&peer, NULL, run, arg), 0);
	return file;
}

/* The file was closed, and so the thread ends. */
static void end_peer(void)
{
	pthread_join(peer, NULL);
	close(peer_fd);
	af_tls_free(client_tls);
	af_tls_free(server_tls);
	client_tls = server_tls = NULL;
	rig_close(&rig);
}

/* Records of HelloRequests, which are ignored during a handshake. */
static void *request_hellos(void *arg)
{
	static const char record[5 + 16384] = { 22, 3, 3, 64, 0 };

	(void)arg;
	while (send(peer_fd, record, sizeof record, MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

START_TEST(endless_handshake_fails_at_the_deadline)
{
	struct af_file *file = open_with_peer(request_hellos, NULL);
	struct af_future *f;

	client_tls = CLIENT();
	f = af_start_tls(file, "localhost", client_tls, MS(300));
	ck_assert_int_eq(drive(&rig, f), -ETIMEDOUT);
	ck_assert_str_eq(af_connect_error(f),
			 "localhost: handshake: no answer");
	af_future_unref(f);
	end_peer();
}
END_TEST

/* Connects, and then only sends messages of one kind. */
static void *update_keys(void *arg)
{
	const int *kind = arg;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);

	SSL_set_fd(ssl, peer_fd);
	if (SSL_connect(ssl) == 1)
		while (SSL_key_update(ssl, *kind) == 1 &&
		       SSL_do_handshake(ssl) == 1)
			;
	SSL_free(ssl);
	SSL_CTX_free(context);
	return NULL;
}

static struct af_file *open_with_updates(int *kind)
{
	struct af_file *file = open_with_peer(update_keys, kind);
	struct af_future *f;

	server_tls = SERVER();
	f = af_accept_tls(file, server_tls, MS(20000));
	ck_assert_int_eq(drive(&rig, f), 0);
	file = af_future_take_file(f);
	af_future_unref(f);
	return file;
}

START_TEST(read_of_endless_new_keys_ends_at_its_deadline)
{
	int kind = SSL_KEY_UPDATE_NOT_REQUESTED;
	struct af_file *file = open_with_updates(&kind);

	expect_error(&rig, af_file_read(file, 1, 0, MS(300)), -ETIMEDOUT);
	af_file_close(file);
	end_peer();
}
END_TEST

START_TEST(answers_that_the_peer_does_not_read_end_the_connection)
{
	int kind = SSL_KEY_UPDATE_REQUESTED;
	struct af_file *file = open_with_updates(&kind);

	/* It takes as many of them as the sockets hold: no deadline. */
	expect_error(&rig, af_file_read(file, 1, 0, NULL), -EPROTO);
	expect_error(&rig, af_file_write(file, "a", 1, 0, NULL), -EPIPE);
	af_file_close(file);
	end_peer();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls hostile");
	TCase *tc = tls_case(s, "hostile");

	tcase_add_test(tc, endless_handshake_fails_at_the_deadline);
	tcase_add_test(tc, read_of_endless_new_keys_ends_at_its_deadline);
	tcase_add_test(tc,
		       answers_that_the_peer_does_not_read_end_the_connection);
	return s;
}
