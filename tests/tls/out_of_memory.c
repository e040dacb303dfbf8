/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Out of memory: every allocation of a connection's life fails in turn, those of
 * both libraries and of libevent. The libraries are built into this program,
 * with their calls of malloc() and the others renamed. Those of OpenSSL fail, too,
 * but only where it makes what a connection has.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/event.h>

#include <openssl/crypto.h>

#include "support/memory.h"
#include "support/tlsrig.h"

/* Waits for f, and drops it: whether it succeeded. */
static bool end(struct af_future *f)
{
	int r = af_await(f);

	/* One side's failure is the other one's lost connection. */
	ck_assert_msg(r == 0 || memory.failed > 0, "%s", strerror(-r));
	af_future_unref(f);
	return r == 0;
}

static void converse(void)
{
	end(af_file_write(client, "question", 8, AFIO_FULL, MS(20000)));
	end(af_file_read(server, 8, AFIO_FULL, MS(2000)));
	end(af_file_write(server, "answer", 6, AFIO_FULL, MS(20000)));
	end(af_file_read(client, 6, AFIO_FULL, MS(2000)));
	end(af_file_finish(client, MS(20000)));
	end(af_file_read(server, 0, 0, MS(2000)));
}

static void connect_both(void)
{
	static const char *const alpn[] = { "h2", NULL };
	const struct af_tls_options for_server = { .cert_file = "server.pem",
						   .alpn = alpn };
	const struct af_tls_options for_client = { .ca_file = "ca.pem",
						   .name = "localhost",
						   .alpn = alpn };
	struct af_future *a, *b;

	server_tls = af_tls_server_new(&for_server, NULL, 0);
	client_tls = af_tls_client_new(&for_client, NULL, 0);
	ck_assert((server_tls && client_tls) ||
		  (errno == ENOMEM && memory.failed > 0));
	if (!server_tls || !client_tls) {
		close_ends();
		return;
	}
	/* It may fail at once, and then both ends are closed. */
	a = af_accept_tls(server, server_tls, MS(20000));
	b = af_start_tls(client, "example.test", client_tls, MS(20000));
	af_await(a);
	af_await(b);
	server = af_future_take_file(a);
	client = af_future_take_file(b);
	end(a);
	end(b);
	if (server && client)
		converse();
	close_ends();
}

static void play(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	int fds[2];

	ck_assert(loop || memory.failed > 0);
	if (!loop)
		return;
	make_pair(KIND_SOCKETPAIR, fds);
	server = af_file_new(loop, fds[0], 0);
	client = af_file_new(loop, fds[1], 0);
	if (!server)
		close(fds[0]);
	if (!client)
		close(fds[1]);
	if (server && client)
		connect_both();
	else
		close_ends();
	af_loop_free(loop);
	af_tls_free(client_tls);
	af_tls_free(server_tls);
	client_tls = server_tls = NULL;
}

START_TEST(allocation_fails_and_nothing_is_lost)
{
	size_t fails = 0;
	long live;

	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	event_set_log_callback(expect_cause);
	/* What OpenSSL makes once is made before. */
	play();
	do {
		live = memory.live;
		memory.n = memory.failed = 0;
		memory.from = fails;
		memory.until = ++fails;
		memory.watched = true;
		play();
		memory.watched = false;
		ck_assert_msg(memory.live == live, "%ld blocks lost after %zu",
			      memory.live - live, memory.from);
	} while (memory.failed > 0);
	ck_assert_uint_gt(fails, 20);
}
END_TEST

/* One of OpenSSL's allocations fails, after so many; -1: none does, or it has. */
static long openssl_left = -1;

static bool openssl_refused(void)
{
	return openssl_left >= 0 && openssl_left-- == 0;
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return openssl_refused() ? NULL : malloc(size);
}

static void *openssl_realloc(void *before, size_t size, const char *file,
			     int line)
{
	(void)file;
	(void)line;
	return openssl_refused() ? NULL : realloc(before, size);
}

static void openssl_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}

/* Whether there were fewer allocations than that. */
static bool openssl_had_all(void)
{
	bool had = openssl_left >= 0;

	openssl_left = -1;
	return had;
}

/* OpenSSL does without some, and does not always say that it was for memory. */
START_TEST(client_without_memory_of_openssl_is_not_made)
{
	static const char *const alpn[] = { "h2", NULL };
	const struct af_tls_options options = { .alpn = alpn,
						.no_verify = true };
	int refused = 0;
	char why[300];

	af_tls_free(af_tls_client_new(&options, NULL, 0));
	for (long n = 0;; n++) {
		openssl_left = n;
		errno = 0;
		client_tls = af_tls_client_new(&options, why, sizeof why);
		if (!client_tls) {
			ck_assert_int_eq(errno, ENOMEM);
			ck_assert_str_eq(why, strerror(ENOMEM));
			refused++;
		}
		af_tls_free(client_tls);
		if (openssl_had_all())
			break;
	}
	ck_assert_int_gt(refused, 3);
}
END_TEST

START_TEST(connection_without_memory_of_openssl_fails)
{
	static const char *const names[] = { "localhost", "127.0.0.1" };
	static const char *const alpn[] = { "h2", NULL };
	int refused = 0, fds[2], r;
	struct af_future *f;

	rig_open_loop(&rig, DRIVE_AWAIT);
	client_tls = CLIENT(.alpn = alpn);
	for (long n = -1;; n++) {
		make_pair(KIND_SOCKETPAIR, fds);
		client = af_file_new(rig.loop, fds[0], 0);
		openssl_left = n;
		f = af_start_tls(client, names[_i], client_tls, NULL);
		if (openssl_had_all()) {
			ck_assert(!af_future_is_done(f));
			af_future_cancel(f);
			af_future_unref(f);
			close(fds[1]);
			break;
		}
		r = af_future_error(f);
		/* In the handshake OpenSSL goes on without, or fails. */
		ck_assert(r == -ENOMEM || r == -EPROTO || r == -EINPROGRESS);
		refused += r == -ENOMEM;
		af_future_cancel(f);
		af_future_unref(f);
		close(fds[1]);
	}
	ck_assert_int_gt(refused, 3);
	client = NULL;
	close_tls();
}
END_TEST

/* Those that need no tls make one. */
START_TEST(connection_that_cannot_be_begun_fails_enomem)
{
	struct af_future *f;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_SOCKETPAIR, fds);
	client = af_file_new(rig.loop, fds[0], 0);
	openssl_left = 0;
	f = af_start_tls(client, "localhost", NULL, NULL);
	ck_assert(!openssl_had_all());
	expect_error(&rig, f, -ENOMEM);
	client = NULL;
	ck_assert_int_eq(read(fds[1], &(char){ 0 }, 1), 0);
	close(fds[1]);
	openssl_left = 0;
	f = af_connect_tls(rig.loop, "localhost", "1", NULL, NULL, NULL);
	ck_assert(!openssl_had_all());
	expect_error(&rig, f, -ENOMEM);
	client_tls = CLIENT();
	memory.n = memory.failed = memory.from = 0;
	memory.until = 1;
	memory.watched = true;
	f = af_connect_tls(rig.loop, "localhost", "1", NULL, client_tls, NULL);
	memory.watched = false;
	ck_assert_uint_eq(memory.failed, 1);
	expect_error(&rig, f, -ENOMEM);
	close_tls();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls out of memory");
	TCase *tc = tls_case(s, "out of memory");

	/* Before its first one. */
	if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc,
				      openssl_free))
		abort();

	tcase_add_test(tc, allocation_fails_and_nothing_is_lost);
	tcase_add_test(tc, client_without_memory_of_openssl_is_not_made);
	tcase_add_loop_test(tc, connection_without_memory_of_openssl_fails, 0,
			    2);
	tcase_add_test(tc, connection_that_cannot_be_begun_fails_enomem);
	return s;
}
