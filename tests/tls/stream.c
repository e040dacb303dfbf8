/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of the bytes of a TLS connection: that all arrive, both ways at once;
 * what an end is, a goodbye or not; and that nothing raises a signal.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/fairness.h"
#include "support/pattern.h"
#include "support/tlsrig.h"

#define LARGE ((size_t)4 << 20)

static unsigned char data[LARGE];

static struct af_future *write_large(struct af_file *file)
{
	return af_file_write(file, data, LARGE, AFIO_FULL | AFIO_BORROW,
			     MS(20000));
}

static struct af_future *read_large(struct af_file *file)
{
	return af_file_read(file, LARGE, AFIO_FULL, MS(20000));
}

START_TEST(both_ways_at_once_all_bytes_arrive)
{
	struct af_future *writes[2], *reads[2];

	open_tls((enum kind)(_i % 2 + 1), (enum driver)(_i / 2));
	pattern_fill(data, LARGE, 0);
	writes[0] = write_large(client);
	writes[1] = write_large(server);
	reads[0] = read_large(server);
	reads[1] = read_large(client);
	for (int i = 0; i < 2; i++) {
		expect_data_pattern(&rig, reads[i], LARGE, 0, 0);
		expect_count(&rig, writes[i], LARGE, 0);
	}
	close_tls();
}
END_TEST

START_TEST(lines_arrive_one_by_one)
{
	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	expect_count(
		&rig,
		af_file_write(client, "a\nbc\n\nlast", 10, AFIO_FULL, NULL), 10,
		0);
	expect_text(&rig, af_file_readline(server, 0, 0, 0, NULL), "a\n", 0);
	expect_text(&rig, af_file_readline(server, 0, 0, 0, NULL), "bc\n", 0);
	expect_text(&rig, af_file_readline(server, 0, 0, 0, NULL), "\n", 0);
	expect_error(&rig, af_file_finish(client, NULL), 0);
	expect_text(&rig, af_file_readline(server, 0, 0, 0, NULL), "last",
		    AFIO_EOF);
	close_tls();
}
END_TEST

/* A record holds more than a read asks for: the socket is empty then. */
START_TEST(small_reads_of_a_large_record_do_not_wait)
{
	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	pattern_fill(data, 60000, 0);
	expect_count(&rig, af_file_write(client, data, 60000, AFIO_FULL, NULL),
		     60000, 0);
	af_file_set_read_ahead(server, 1);
	for (size_t at = 0; at < 60000; at += 5000)
		expect_data_pattern(
			&rig, af_file_read(server, 5000, AFIO_FULL, MS(20000)),
			5000, at, 0);
	expect_error(&rig, af_file_read(server, 1, 0, MS(1)), -ETIMEDOUT);
	close_tls();
}
END_TEST

/* OpenSSL holds the rest of the record, and the socket has no byte. */
START_TEST(line_that_is_read_in_small_parts_does_not_wait)
{
	static char line[5000];

	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	memset(line, 'a', sizeof line);
	line[sizeof line - 1] = '\n';
	af_file_set_read_ahead(server, 10);
	expect_count(&rig,
		     af_file_write(client, line, sizeof line, AFIO_FULL, NULL),
		     sizeof line, 0);
	expect_count(&rig, af_file_readline(server, 0, 0, 0, MS(5000)),
		     sizeof line, 0);
	close_tls();
}
END_TEST

/* The answer of OpenSSL to it is sent by a read. */
START_TEST(new_keys_are_agreed_on_while_bytes_pass)
{
	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(SSL_key_update(af_tls_ssl(client),
						SSL_KEY_UPDATE_REQUESTED),
				 1);
		expect_passes(client, server);
		expect_passes(server, client);
	}
	close_tls();
}
END_TEST

START_TEST(finish_says_goodbye_and_the_peer_answers)
{
	struct af_file *ends[2];

	open_tls(KIND_SOCKETPAIR, DRIVE_AWAIT);
	ends[_i] = client;
	ends[1 - _i] = server;
	expect_passes(ends[0], ends[1]);
	expect_error(&rig, af_file_finish(ends[0], NULL), 0);
	expect_text(&rig, af_file_read(ends[1], 0, 0, NULL), "", AFIO_EOF);
	expect_text(&rig, af_file_read(ends[1], 1, 0, NULL), "", AFIO_EOF);
	expect_error(&rig, af_file_finish(ends[1], NULL), 0);
	close_tls();
}
END_TEST

START_TEST(close_with_nothing_unsent_says_goodbye)
{
	open_tls(KIND_SOCKETPAIR, DRIVE_AWAIT);
	expect_count(&rig, af_file_write(client, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	af_file_close(client);
	client = NULL;
	expect_text(&rig, af_file_read(server, 0, 0, NULL), "abc", AFIO_EOF);
	close_tls();
}
END_TEST

/*
 * A client that only writes leaves the server's tickets in its socket. One that
 * is closed with unread bytes drops those that it has not sent yet.
 */
START_TEST(end_of_a_client_that_never_reads_loses_nothing)
{
	struct af_future *write, *read;

	open_tls(KIND_TCP, DRIVE_AWAIT);
	pattern_fill(data, LARGE, 0);
	read = read_large(server);
	write = write_large(client);
	if (_i == 0)
		expect_error(&rig, af_file_finish(client, MS(20000)), 0);
	expect_count(&rig, write, LARGE, 0);
	af_file_close(client);
	client = NULL;
	expect_data_pattern(&rig, read, LARGE, 0, 0);
	expect_text(&rig, af_file_read(server, 0, 0, MS(20000)), "", AFIO_EOF);
	close_tls();
}
END_TEST

START_TEST(shutdown_says_goodbye_and_reads_go_on)
{
	struct af_future *hangup;

	open_tls(KIND_SOCKETPAIR, DRIVE_AWAIT);
	hangup = af_file_hangup(server);
	ck_assert_int_eq(af_file_shutdown(client, SHUT_RD), -ENOTSUP);
	ck_assert_int_eq(af_file_shutdown(client, SHUT_RDWR), -ENOTSUP);
	ck_assert_int_eq(af_file_shutdown(client, SHUT_WR), 0);
	expect_error(&rig, af_file_write(client, "x", 1, 0, NULL), -EPIPE);
	expect_text(&rig, af_file_read(server, 0, 0, NULL), "", AFIO_EOF);
	expect_error(&rig, hangup, 0);
	expect_passes(server, client);
	expect_error(&rig, af_file_finish(server, NULL), 0);
	expect_text(&rig, af_file_read(client, 0, 0, NULL), "", AFIO_EOF);
	close_tls();
}
END_TEST

/* What the goodbye has received is for the read, which waits for the socket. */
START_TEST(shutdown_with_a_pending_read_leaves_it_its_bytes)
{
	struct af_future *read, *write;

	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	read = af_file_read(client, 3, AFIO_FULL, NULL);
	ck_assert(!af_future_is_done(read));
	write = af_file_write(server, "abc", 3, AFIO_FULL, NULL);
	ck_assert(af_future_is_done(write));
	ck_assert_int_eq(af_file_shutdown(client, SHUT_WR), 0);
	expect_text(&rig, read, "abc", 0);
	expect_count(&rig, write, 3, 0);
	close_tls();
}
END_TEST

/* Somebody on the way ends the connection: it must not look complete. */
START_TEST(end_without_a_goodbye_is_an_error)
{
	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	expect_count(&rig, af_file_write(client, "ab", 2, AFIO_FULL, NULL), 2,
		     0);
	shutdown(af_file_fd(client), SHUT_WR);
	expect_text(&rig, af_file_read(server, 2, AFIO_FULL, NULL), "ab", 0);
	expect_error(&rig, af_file_read(server, 0, 0, MS(20000)), -ECONNRESET);
	expect_error(&rig, af_file_read(server, 1, 0, MS(20000)), -ECONNRESET);
	close_tls();
}
END_TEST

START_TEST(record_that_was_changed_fails_eproto)
{
	static const char record[] = "\x17\x03\x03\x00\x20"
				     "0123456789abcdef0123456789abcdef";

	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	put(af_file_fd(client), record, sizeof record - 1);
	expect_error(&rig, af_file_read(server, 1, 0, MS(20000)), -EPROTO);
	expect_error(&rig, af_file_write(server, "x", 1, 0, NULL), -EPIPE);
	close_tls();
}
END_TEST

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

START_TEST(write_to_a_peer_that_left_raises_no_signal)
{
	struct sigaction action = { .sa_handler = count_signal }, before;
	int r = 0;

	sigaction(SIGPIPE, &action, NULL);
	open_tls(KIND_TCP, DRIVE_AWAIT);
	af_file_close(server);
	server = NULL;
	for (int i = 0; i < 1000 && r == 0; i++) {
		struct af_future *f = af_file_write(client, data, 10000,
						    AFIO_FULL, MS(20000));

		r = drive(&rig, f);
		af_future_unref(f);
	}
	ck_assert_int_eq(r, -EPIPE);
	ck_assert_int_eq(signals, 0);
	sigaction(SIGPIPE, NULL, &before);
	ck_assert(before.sa_handler == count_signal);
	close_tls();
}
END_TEST

/* That is the same for a program: nobody gets its bytes. */
START_TEST(write_to_a_peer_that_broke_off_fails_epipe)
{
	const struct linger at_once = { 1, 0 };

	open_tls(KIND_TCP, (enum driver)_i);
	expect_passes(server, client);
	ck_assert_int_eq(setsockopt(af_file_fd(server), SOL_SOCKET, SO_LINGER,
				    &at_once, sizeof at_once),
			 0);
	af_file_close(server);
	server = NULL;
	expect_error(&rig, af_file_write(client, "a", 1, 0, MS(20000)), -EPIPE);
	close_tls();
}
END_TEST

/* What the library receives at most for one call of OpenSSL. */
#define CALL_MAX 65536
/* The bytes of a message that a record has, and how long one of so many is. */
#define FRAGMENT 512
#define FULL_RECORD (5 + FRAGMENT + 17)

/* Between the two ends; what the server says is held back once there is some. */
static int relayed[2];
static unsigned char held[262144];
static size_t held_len;

static void relay(int from, int to)
{
	char buf[20000];
	ssize_t n = recv(from, buf, sizeof buf, MSG_DONTWAIT);

	if (n <= 0)
		return;
	if (to >= 0) {
		put(to, buf, (size_t)n);
		return;
	}
	ck_assert_uint_lt(held_len + (size_t)n, sizeof held);
	memcpy(held + held_len, buf, (size_t)n);
	held_len += (size_t)n;
}

/* The length of the record that is held there. */
static size_t record_at(size_t at)
{
	return 5 + 256 * (size_t)held[at + 3] + held[at + 4];
}

static size_t held_record(void)
{
	return record_at(0);
}

/*
 * A handshake through the relay, of a server whose tickets take more than one
 * record: they have the certificate of the client, and are held.
 */
static void open_relayed(enum driver driver, size_t tickets)
{
	struct af_future *a, *b;
	size_t before;
	int fds[2][2];

	rig_open_loop(&rig, driver);
	for (int i = 0; i < 2; i++) {
		make_pair(KIND_SOCKETPAIR, fds[i]);
		relayed[i] = fds[i][1];
	}
	server = af_file_new(rig.loop, fds[0][0], 0);
	client = af_file_new(rig.loop, fds[1][0], 0);
	client_tls = CLIENT(.cert_file = "client.pem");
	server_tls = SERVER(.verify_client = true, .ca_file = "ca.pem");
	a = af_accept_tls(server, server_tls, MS(20000));
	SSL_set_max_send_fragment(af_tls_ssl(server), FRAGMENT);
	SSL_set_num_tickets(af_tls_ssl(server), tickets);
	b = af_start_tls(client, "localhost", client_tls, MS(20000));
	while (!af_future_is_done(a) || !af_future_is_done(b)) {
		relay(relayed[1], relayed[0]);
		relay(relayed[0], af_future_is_done(b) ? -1 : relayed[1]);
		turn(&rig);
	}
	server = af_future_take_file(a);
	client = af_future_take_file(b);
	ck_assert(server && client);
	af_future_unref(a);
	af_future_unref(b);
	do {
		before = held_len;
		relay(relayed[0], -1);
	} while (held_len == 0 || held_len > before);
}

/*
 * A message of OpenSSL's own may be in several records, and no byte can be sent
 * between them. Index: a read is pending, or none is, or it takes the rest, and
 * who drives.
 */
START_TEST(write_after_a_part_of_a_ticket_waits_for_the_rest)
{
	int way = _i / DRIVE_COUNT;
	struct af_future *read = NULL, *write;
	size_t n;
	int64_t cpu;

	open_relayed((enum driver)(_i % DRIVE_COUNT), 2);
	n = held_record();
	ck_assert_uint_lt(n, held_len);
	put(relayed[1], held, n);
	if (way == 0)
		read = af_file_read(client, 3, AFIO_FULL, MS(20000));
	else
		expect_error(&rig, af_file_read(client, 3, 0, MS(1)),
			     -ETIMEDOUT);
	turn(&rig);
	ck_assert(SSL_in_init(af_tls_ssl(client)));
	write = af_file_write(client, "abc", 3, AFIO_FULL, NULL);
	cpu = cpu_us();
	expect_error(&rig, af_sleep(rig.loop, MS(50)), 0);
	ck_assert_int_lt(cpu_us() - cpu, 40000);
	ck_assert(!af_future_is_done(write));
	put(relayed[1], held + n, held_len - n);
	if (way == 2)
		expect_error(&rig, af_file_read(client, 3, 0, MS(0)),
			     -ETIMEDOUT);
	expect_count(&rig, write, 3, 0);
	relay(relayed[1], relayed[0]);
	expect_text(&rig, af_file_read(server, 3, AFIO_FULL, MS(20000)), "abc",
		    0);
	expect_count(&rig, af_file_write(server, "def", 3, AFIO_FULL, NULL), 3,
		     0);
	relay(relayed[0], relayed[1]);
	if (!read)
		read = af_file_read(client, 3, AFIO_FULL, MS(20000));
	expect_text(&rig, read, "def", 0);
	close_tls();
	close(relayed[0]);
	close(relayed[1]);
}
END_TEST

/* Where the first part of a ticket that is not its first begins, from there on. */
static size_t held_second_part(size_t from)
{
	size_t at = 0, before = 0;

	while (at < from || before != FULL_RECORD) {
		before = record_at(at);
		at += before;
		ck_assert_uint_lt(at + 5, held_len);
	}
	return at;
}

/* What the read has not received, because it was too much, the write does. */
START_TEST(write_after_a_read_that_received_its_share_goes_on)
{
	size_t from;

	open_relayed((enum driver)_i, 160);
	from = held_second_part(CALL_MAX) + 6 - CALL_MAX;
	put(relayed[1], held, from);
	expect_error(&rig, af_file_read(client, 3, 0, MS(0)), -ETIMEDOUT);
	/* Its call ends in that part. */
	put(relayed[1], held + from, held_len - from);
	expect_error(&rig, af_file_read(client, 3, 0, MS(0)), -ETIMEDOUT);
	ck_assert(SSL_in_init(af_tls_ssl(client)));
	expect_count(&rig,
		     af_file_write(client, "abc", 3, AFIO_FULL, MS(20000)), 3,
		     0);
	relay(relayed[1], relayed[0]);
	expect_text(&rig, af_file_read(server, 3, AFIO_FULL, MS(20000)), "abc",
		    0);
	close_tls();
	close(relayed[0]);
	close(relayed[1]);
}
END_TEST

static void bring_the_rest(struct af_future *done, void *arg)
{
	size_t n = held_record();

	(void)done;
	(void)arg;
	put(relayed[1], held + n, held_len - n);
}

/* The base of this wait is another one than that of the read. */
static void write_inside(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f = af_file_write(client, "abc", 3, AFIO_FULL, NULL);

	(void)fd;
	(void)what;
	ck_assert(!af_future_is_done(f));
	af_on_done(af_sleep(rig.loop, MS(5)), bring_the_rest, NULL);
	*(int *)arg = af_await(f);
	af_future_unref(f);
}

START_TEST(write_after_a_part_of_a_ticket_is_awaited_in_a_callback)
{
	struct af_future *read;
	int r = 1;

	open_relayed((enum driver)_i, 2);
	put(relayed[1], held, held_record());
	read = af_file_read(client, 3, AFIO_FULL, MS(20000));
	turn(&rig);
	ck_assert(SSL_in_init(af_tls_ssl(client)));
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, write_inside,
			&r, MS(1));
	while (r > 0)
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert_int_eq(r, 0);
	relay(relayed[1], relayed[0]);
	expect_text(&rig, af_file_read(server, 3, AFIO_FULL, MS(20000)), "abc",
		    0);
	expect_count(&rig, af_file_write(server, "def", 3, AFIO_FULL, NULL), 3,
		     0);
	relay(relayed[0], relayed[1]);
	expect_text(&rig, read, "def", 0);
	close_tls();
	close(relayed[0]);
	close(relayed[1]);
}
END_TEST

START_TEST(finish_after_a_part_of_a_ticket_says_goodbye)
{
	size_t n;

	open_relayed((enum driver)_i, 2);
	n = held_record();
	put(relayed[1], held, n);
	expect_error(&rig, af_file_read(client, 3, 0, MS(1)), -ETIMEDOUT);
	ck_assert(SSL_in_init(af_tls_ssl(client)));
	put(relayed[1], held + n, held_len - n);
	expect_error(&rig, af_file_finish(client, MS(20000)), 0);
	relay(relayed[1], relayed[0]);
	expect_text(&rig, af_file_read(server, 3, 0, MS(20000)), "", AFIO_EOF);
	close_tls();
	close(relayed[0]);
	close(relayed[1]);
}
END_TEST

/* It has not been sent, and will not be. */
START_TEST(write_after_a_part_of_a_ticket_ends_at_its_deadline)
{
	open_relayed((enum driver)_i, 2);
	put(relayed[1], held, held_record());
	expect_error(&rig, af_file_read(client, 3, 0, MS(1)), -ETIMEDOUT);
	expect_error(&rig, af_file_write(client, "abc", 3, 0, MS(5)),
		     -ETIMEDOUT);
	close(relayed[1]);
	expect_error(&rig, af_file_write(client, "abc", 3, 0, MS(20000)),
		     -EPIPE);
	close_tls();
	close(relayed[0]);
}
END_TEST

START_TEST(write_that_ends_early_counts_what_arrives)
{
	struct af_future *f;
	size_t sent = 0, n;

	open_tls(KIND_SOCKETPAIR, (enum driver)_i);
	pattern_fill(data, LARGE, 0);
	f = af_file_write(client, data, LARGE, AFIO_FULL, MS(5));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_TIMEDOUT);
	sent = af_future_count(f);
	ck_assert_uint_lt(sent, LARGE);
	af_future_unref(f);
	/* The rest is sent without another write. */
	for (size_t at = 0; at < sent; at += n) {
		n = sent - at < 8192 ? sent - at : 8192;
		expect_data_pattern(
			&rig, af_file_read(server, n, AFIO_FULL, MS(20000)), n,
			at, 0);
	}
	expect_error(&rig, af_file_read(server, 1, 0, MS(1)), -ETIMEDOUT);
	expect_passes(client, server);
	close_tls();
}
END_TEST

START_TEST(finish_without_room_times_out_and_can_be_repeated)
{
	struct af_future *write, *f;
	size_t sent;

	open_tls(KIND_SOCKETPAIR, DRIVE_AWAIT);
	write = af_file_write(client, data, LARGE, AFIO_FULL, MS(5));
	ck_assert_int_eq(drive(&rig, write), 0);
	sent = af_future_count(write);
	af_future_unref(write);
	expect_error(&rig, af_file_finish(client, MS(5)), -ETIMEDOUT);
	f = af_file_finish(client, MS(20000));
	write = af_file_read(server, 0, 0, MS(20000));
	ck_assert_int_eq(drive(&rig, write), 0);
	ck_assert_uint_eq(af_future_count(write), sent);
	ck_assert_uint_eq(af_future_flags(write), AFIO_EOF);
	af_future_unref(write);
	expect_error(&rig, f, 0);
	close_tls();
}
END_TEST

START_TEST(copies_pass_the_end_on)
{
	struct af_future *copy, *finish;
	int fds[2];

	open_tls(KIND_SOCKETPAIR, DRIVE_AWAIT);
	make_pair(KIND_SOCKETPAIR, fds);
	rig.reader = af_file_new(rig.loop, fds[0], 0);
	copy = af_file_copy_both(server, rig.reader, MS(20000));
	expect_count(&rig, af_file_write(client, "to", 2, AFIO_FULL, NULL), 2,
		     0);
	finish = af_file_shutdown(client, SHUT_WR) == 0 ? NULL : copy;
	ck_assert_ptr_null(finish);
	rig.writer = af_file_new(rig.loop, fds[1], 0);
	expect_text(&rig, af_file_read(rig.writer, 0, 0, NULL), "to", AFIO_EOF);
	expect_count(&rig, af_file_write(rig.writer, "fro", 3, 0, NULL), 3, 0);
	ck_assert_int_eq(af_file_shutdown(rig.writer, SHUT_WR), 0);
	expect_text(&rig, af_file_read(client, 0, 0, NULL), "fro", AFIO_EOF);
	expect_count(&rig, copy, 5, AFIO_EOF);
	close_tls();
}
END_TEST

/* What another process of the program does with its copy hurts nobody. */
START_TEST(blocking_mode_of_the_socket_is_not_changed)
{
	open_tls(KIND_TCP, DRIVE_AWAIT);
	expect_passes(client, server);
	ck_assert_int_eq(fcntl(af_file_fd(client), F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(af_file_fd(server), F_GETFL) & O_NONBLOCK, 0);
	close_tls();
}
END_TEST

static struct stage stage;

/* All of it inside waits: handshakes, a read, a write, a goodbye. */
static void play_all(void *arg)
{
	struct af_future *a, *b, *read;
	int fds[2];

	(void)arg;
	make_pair(KIND_SOCKETPAIR, fds);
	server = af_file_new(stage.loop, fds[0], 0);
	client = af_file_new(stage.loop, fds[1], 0);
	a = af_accept_tls(server, server_tls, MS(20000));
	b = af_start_tls(client, "localhost", client_tls, MS(20000));
	ck_assert_int_eq(af_await(b), 0);
	ck_assert_int_eq(af_await(a), 0);
	server = af_future_take_file(a);
	client = af_future_take_file(b);
	af_future_unref(a);
	af_future_unref(b);
	read = af_file_read(server, LARGE, AFIO_FULL, MS(20000));
	a = write_large(client);
	ck_assert_int_eq(af_await(read), 0);
	ck_assert_int_eq(af_await(a), 0);
	af_future_unref(read);
	af_future_unref(a);
	/* One that is pending moves to the base of the wait, and back. */
	read = af_file_read(server, 1, 0, NULL);
	a = af_file_finish(client, NULL);
	ck_assert_int_eq(af_await(a), 0);
	ck_assert_int_eq(af_await(read), 0);
	ck_assert_uint_eq(af_future_flags(read), AFIO_EOF);
	af_future_unref(read);
	af_future_unref(a);
	close_ends();
}

START_TEST(await_of_tls_works_everywhere)
{
	client_tls = CLIENT();
	server_tls = SERVER();
	stage_open(&stage, (enum context)_i);
	stage_play(&stage, play_all, NULL);
	stage_close(&stage);
	af_tls_free(client_tls);
	af_tls_free(server_tls);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls stream");
	TCase *tc = tls_case(s, "bytes");

	tcase_add_loop_test(tc, both_ways_at_once_all_bytes_arrive, 0,
			    2 * DRIVE_COUNT);
	tcase_add_loop_test(tc, lines_arrive_one_by_one, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, line_that_is_read_in_small_parts_does_not_wait,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, new_keys_are_agreed_on_while_bytes_pass, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, small_reads_of_a_large_record_do_not_wait, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, write_to_a_peer_that_broke_off_fails_epipe, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    write_after_a_part_of_a_ticket_waits_for_the_rest,
			    0, 3 * DRIVE_COUNT);
	tcase_add_loop_test(
		tc, write_after_a_part_of_a_ticket_is_awaited_in_a_callback, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, finish_after_a_part_of_a_ticket_says_goodbye, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    write_after_a_part_of_a_ticket_ends_at_its_deadline,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    write_after_a_read_that_received_its_share_goes_on,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, write_that_ends_early_counts_what_arrives, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, write_to_a_peer_that_left_raises_no_signal);
	tcase_add_test(tc, copies_pass_the_end_on);
	tcase_add_test(tc, blocking_mode_of_the_socket_is_not_changed);

	tc = tls_case(s, "ends");
	tcase_add_loop_test(tc, finish_says_goodbye_and_the_peer_answers, 0, 2);
	tcase_add_test(tc, close_with_nothing_unsent_says_goodbye);
	tcase_add_loop_test(tc, end_of_a_client_that_never_reads_loses_nothing,
			    0, 2);
	tcase_add_loop_test(tc,
			    shutdown_with_a_pending_read_leaves_it_its_bytes, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, shutdown_says_goodbye_and_reads_go_on);
	tcase_add_loop_test(tc, end_without_a_goodbye_is_an_error, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, record_that_was_changed_fails_eproto, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, finish_without_room_times_out_and_can_be_repeated);

	tc = tls_case(s, "waits");
	tcase_add_loop_test(tc, await_of_tls_works_everywhere, 0,
			    CONTEXT_COUNT);
	return s;
}
