/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_send_to(): one message, whole or not at all, to whoever it is
 * for; and how it waits for room, without spinning.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

#include <event2/buffer.h>

#include "support/contexts.h"
#include "support/datagrams.h"
#include "support/dumped.h"
#include "support/kinds.h"
#include "support/pattern.h"

static struct rig rig;

/* Makes rig.reader, the file that sends, and rig.out, which receives. */
static bool open_rig(int i)
{
	if (!have_family(FAMILY_OF(i)))
		return false;
	open_datagrams(&rig, FAMILY_OF(i), DRIVER_OF(i));
	return true;
}

static struct af_future *send_a(const char *text, int to)
{
	struct address a = address_of(to);

	return af_file_send_to(rig.reader, text, strlen(text), &a.sa, a.len, 0,
			       NULL);
}

static void expect_arrived(const char *text)
{
	plain_expect(rig.out, text, af_file_fd(rig.reader));
}

static void expect_nothing_arrived(void)
{
	char c;

	ck_assert_int_eq(recv(rig.out, &c, 1, MSG_DONTWAIT), -1);
}

static void connect_to(int fd)
{
	struct address a = address_of(fd);

	ck_assert_int_eq(connect(af_file_fd(rig.reader), &a.sa, a.len), 0);
}

START_TEST(send_to_sends_one_message_to_each)
{
	int other;

	if (!open_rig(_i))
		return;
	other = plain_socket(FAMILY_OF(_i));
	expect_count(&rig, send_a("one", rig.out), 3, 0);
	expect_count(&rig, send_a("three", other), 5, 0);
	expect_arrived("one");
	plain_expect(other, "three", af_file_fd(rig.reader));
	expect_nothing_arrived();
	close(other);
	rig_close(&rig);
}
END_TEST

/* Most are done when the call returns. */
START_TEST(send_to_is_tried_at_once)
{
	struct af_future *f;

	if (!open_rig(_i))
		return;
	f = send_a("one", rig.out);
	ck_assert(af_future_is_done(f));
	expect_count(&rig, f, 3, 0);
	expect_arrived("one");
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_nobody_sends_to_the_peer)
{
	if (!open_rig(_i))
		return;
	connect_to(rig.out);
	expect_count(&rig, af_file_send_to(rig.reader, "abc", 3, NULL, 0, 0,
					   NULL),
		     3, 0);
	expect_count(&rig, af_file_write(rig.reader, "de", 2, 0, NULL), 2, 0);
	expect_arrived("abc");
	expect_arrived("de");
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_nobody_without_a_peer_fails)
{
	struct af_future *f;
	int r;

	if (!open_rig(_i))
		return;
	f = af_file_send_to(rig.reader, "abc", 3, NULL, 0, 0, NULL);
	r = drive(&rig, f);
	ck_assert(r == -EDESTADDRREQ || r == -ENOTCONN);
	ck_assert_uint_eq(af_future_count(f), 0);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_of_an_empty_message_sends_it)
{
	struct address a;

	if (!open_rig(_i))
		return;
	a = address_of(rig.out);
	expect_count(&rig, send_a("", rig.out), 0, 0);
	expect_count(&rig,
		     af_file_send_to(rig.reader, NULL, 0, &a.sa, a.len,
				     AFIO_BORROW, MS(1000)),
		     0, 0);
	expect_count(&rig, send_a("x", rig.out), 1, 0);
	expect_arrived("");
	expect_arrived("");
	expect_arrived("x");
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_of_too_long_a_message_fails_emsgsize)
{
	const size_t len = 1 << 24;
	char *data = calloc(1, len);
	struct address a;

	if (!open_rig(_i)) {
		free(data);
		return;
	}
	a = address_of(rig.out);
	expect_error(&rig,
		     af_file_send_to(rig.reader, data, len, &a.sa, a.len, 0,
				     NULL),
		     -EMSGSIZE);
	expect_nothing_arrived();
	expect_count(&rig, send_a("next", rig.out), 4, 0);
	expect_arrived("next");
	free(data);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_of_the_longest_message_sends_it_whole)
{
	static unsigned char data[65507], got[65508];
	struct address a;

	if (!open_rig(_i))
		return;
	a = address_of(rig.out);
	pattern_fill(data, sizeof data, 0);
	expect_count(&rig,
		     af_file_send_to(rig.reader, data, sizeof data, &a.sa,
				     a.len, AFIO_BORROW, NULL),
		     sizeof data, 0);
	ck_assert_int_eq(recv(rig.out, got, sizeof got, 0), sizeof data);
	ck_assert_mem_eq(got, data, sizeof data);
	rig_close(&rig);
}
END_TEST

/* The ICMP answer to one is an error of the next, once. */
START_TEST(send_to_after_a_refusal_fails_once)
{
	struct address a;
	int gone, peer;

	if (!open_rig(_i))
		return;
	gone = plain_socket(FAMILY_OF(_i));
	a = address_of(gone);
	connect_to(gone);
	close(gone);
	expect_count(&rig, af_file_send_to(rig.reader, "a", 1, NULL, 0, 0, NULL),
		     1, 0);
	/* It has arrived when the socket reports it. */
	poll(&(struct pollfd){ .fd = af_file_fd(rig.reader), .events = 0 }, 1,
	     -1);
	expect_error(&rig, af_file_send_to(rig.reader, "b", 1, NULL, 0, 0, NULL),
		     -ECONNREFUSED);
	peer = cloexec_socket(a.sa.sa_family, SOCK_DGRAM);
	ck_assert_int_eq(bind(peer, &a.sa, a.len), 0);
	expect_count(&rig, af_file_send_to(rig.reader, "c", 1, NULL, 0, 0, NULL),
		     1, 0);
	plain_expect(peer, "c", af_file_fd(rig.reader));
	close(peer);
	rig_close(&rig);
}
END_TEST

/* Without a connection, the kernel reports no refusal: each is sent. */
START_TEST(send_to_where_nobody_listens_succeeds_unconnected)
{
	struct address a;
	int gone;

	if (!open_rig(_i))
		return;
	gone = plain_socket(FAMILY_OF(_i));
	a = address_of(gone);
	close(gone);
	for (int i = 0; i < 5; i++)
		expect_count(&rig,
			     af_file_send_to(rig.reader, "a", 1, &a.sa, a.len, 0,
					     NULL),
			     1, 0);
	expect_count(&rig, send_a("next", rig.out), 4, 0);
	expect_arrived("next");
	rig_close(&rig);
}
END_TEST

/* A Unix socket knows at once. */
START_TEST(send_to_a_path_where_nobody_is_fails)
{
	struct address a = loopback(UNIX);
	int gone;

	open_rig(WAY(UNIX, _i));
	expect_error(&rig,
		     af_file_send_to(rig.reader, "a", 1, &a.sa, a.len, 0, NULL),
		     -ENOENT);
	gone = plain_socket(UNIX);
	a = address_of(gone);
	close(gone);
	expect_error(&rig,
		     af_file_send_to(rig.reader, "a", 1, &a.sa, a.len, 0, NULL),
		     -ECONNREFUSED);
	expect_count(&rig, send_a("next", rig.out), 4, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_after_shutdown_fails_epipe)
{
	open_rig(WAY(UNIX, _i));
	signal(SIGPIPE, SIG_DFL);
	connect_to(rig.out);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_WR), 0);
	expect_error(&rig, af_file_send_to(rig.reader, "a", 1, NULL, 0, 0, NULL),
		     -EPIPE);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_a_broadcast_address_needs_permission)
{
	struct sockaddr_in all = { .sin_family = AF_INET,
				   .sin_port = htons(9) };

	all.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	open_rig(WAY(IPV4, _i));
	/* A machine without a route has none for it, either. */
	for (int i = 0; i < 2; i++) {
		struct af_future *f =
			af_file_send_to(rig.reader, "a", 1,
					(struct sockaddr *)&all, sizeof all, 0,
					NULL);
		int r = drive(&rig, f);

		ck_assert(r == -EACCES || r == -ENETUNREACH);
		af_future_unref(f);
	}
	rig_close(&rig);
}
END_TEST

/*
 * A Unix receiver that does not receive takes a few messages, and then none.
 * Returns how many; the last one is pending.
 */
static int fill_receiver(struct af_future **ret_last)
{
	struct af_future *f = NULL;
	int n = 0;

	for (;; n++) {
		f = send_a("fill", rig.out);
		if (!af_future_is_done(f))
			break;
		expect_count(&rig, f, 4, 0);
		ck_assert_int_lt(n, 100000);
	}
	*ret_last = f;
	return n;
}

static int64_t thread_time_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Connected or not: the kernel reports room in one case only. */
static void open_full(int i, int *ret_n, struct af_future **ret_last)
{
	open_rig(WAY(UNIX, i % DRIVE_COUNT));
	if (i >= DRIVE_COUNT)
		connect_to(rig.out);
	*ret_n = fill_receiver(ret_last);
	ck_assert_int_gt(*ret_n, 0);
}

#define EVERY_FULL (2 * DRIVE_COUNT)

START_TEST(send_to_a_full_receiver_waits_for_room)
{
	struct af_future *last, *next;
	int64_t used;
	int n;

	open_full(_i, &n, &last);
	next = send_a("next", rig.out);
	used = thread_time_us();
	ck_assert_int_eq(af_await_for(last, MS(200)), -ETIMEDOUT);
	/* It does not spin. */
	ck_assert_int_lt(thread_time_us() - used, 100000);
	ck_assert(!af_future_is_done(next));
	for (int i = 0; i < n; i++)
		expect_arrived("fill");
	expect_count(&rig, last, 4, 0);
	expect_count(&rig, next, 4, 0);
	expect_arrived("fill");
	expect_arrived("next");
	expect_nothing_arrived();
	rig_close(&rig);
}
END_TEST

/* A peer by connect(2): without an address. */
START_TEST(send_to_a_full_peer_waits_for_room)
{
	struct af_future *f;
	int n = 0;

	open_rig(WAY(UNIX, _i));
	connect_to(rig.out);
	for (;; n++) {
		f = af_file_send_to(rig.reader, "fill", 4, NULL, 0, 0, NULL);
		if (!af_future_is_done(f))
			break;
		expect_count(&rig, f, 4, 0);
	}
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	for (int i = 0; i < n; i++)
		expect_arrived("fill");
	expect_count(&rig, f, 4, 0);
	expect_arrived("fill");
	rig_close(&rig);
}
END_TEST

/* The event of a connected socket is about its peer, and not about another. */
START_TEST(send_to_another_than_a_full_peer_waits_for_that_one)
{
	struct af_future *peer, *last;
	int n, other = plain_socket(UNIX);

	open_full(DRIVE_COUNT + _i, &n, &peer);
	af_future_cancel(peer);
	expect_error(&rig, peer, -ECANCELED);
	for (n = 0;; n++) {
		last = send_a("fill", other);
		if (!af_future_is_done(last))
			break;
		expect_count(&rig, last, 4, 0);
	}
	ck_assert_int_eq(af_await_for(last, MS(5)), -ETIMEDOUT);
	for (int i = 0; i < n; i++)
		plain_expect(other, "fill", af_file_fd(rig.reader));
	expect_count(&rig, last, 4, 0);
	close(other);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_that_waits_has_copied_all)
{
	char data[] = "copied", borrowed[] = "borrow";
	struct address a;
	struct af_future *last, *copied, *lent;
	int n;

	open_full(_i, &n, &last);
	a = address_of(rig.out);
	copied = af_file_send_to(rig.reader, data, 6, &a.sa, a.len, 0, NULL);
	lent = af_file_send_to(rig.reader, borrowed, 6, &a.sa, a.len,
			       AFIO_BORROW, NULL);
	memset(data, 'x', 6);
	memset(&a, 'x', sizeof a);
	for (int i = 0; i < n; i++)
		expect_arrived("fill");
	memcpy(borrowed, "still ", 6);
	expect_count(&rig, last, 4, 0);
	expect_count(&rig, copied, 6, 0);
	expect_count(&rig, lent, 6, 0);
	expect_arrived("fill");
	expect_arrived("copied");
	expect_arrived("still ");
	rig_close(&rig);
}
END_TEST

/* Behind another one, nothing is tried. */
START_TEST(send_to_that_cannot_be_copied_fails_enomem)
{
	struct address a;
	struct af_future *last;
	int n;

	open_full(_i, &n, &last);
	a = address_of(rig.out);
	for (int i = 0; i < 2; i++)
		expect_error(&rig,
			     af_file_send_to(rig.reader, "x", SIZE_MAX - 99 * i,
					     &a.sa, a.len, 0, NULL),
			     -ENOMEM);
	af_future_cancel(last);
	expect_error(&rig, last, -ECANCELED);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_a_full_receiver_times_out)
{
	struct address a;
	struct af_future *last;
	int64_t since;
	int n;

	open_full(_i, &n, &last);
	a = address_of(rig.out);
	af_future_cancel(last);
	expect_error(&rig, last, -ECANCELED);
	expect_error(&rig,
		     af_file_send_to(rig.reader, "late", 4, &a.sa, a.len, 0,
				     MS(0)),
		     -ETIMEDOUT);
	since = now_us();
	expect_error(&rig,
		     af_file_send_to(rig.reader, "late", 4, &a.sa, a.len, 0,
				     MS(20)),
		     -ETIMEDOUT);
	expect_elapsed(since, 20);
	for (int i = 0; i < n; i++)
		expect_arrived("fill");
	expect_nothing_arrived();
	expect_count(&rig, send_a("next", rig.out), 4, 0);
	expect_arrived("next");
	rig_close(&rig);
}
END_TEST

/* Those behind it go on, to another receiver. */
START_TEST(send_to_cancelled_steps_what_is_behind_it)
{
	struct af_future *last, *next;
	int n, other;

	open_full(_i, &n, &last);
	other = plain_socket(UNIX);
	next = send_a("next", other);
	ck_assert(!af_future_is_done(next));
	expect_dumped(rig.loop, "send to fd %d, 4 bytes",
		      af_file_fd(rig.reader));
	af_future_cancel(last);
	expect_error(&rig, last, -ECANCELED);
	expect_count(&rig, next, 4, 0);
	plain_expect(other, "next", af_file_fd(rig.reader));
	close(other);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_ends_with_its_file_or_loop)
{
	struct af_future *last, *next;
	int n;

	open_full(_i / 2, &n, &last);
	next = send_a("next", rig.out);
	if (_i % 2) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
	} else {
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	ck_assert_int_eq(af_future_error(last), -ECANCELED);
	ck_assert_int_eq(af_future_error(next), -ECANCELED);
	af_future_unref(last);
	af_future_unref(next);
	rig_close(&rig);
}
END_TEST

/* Full in between, writes and sends keep their order. */
START_TEST(send_to_queues_with_writes_in_call_order)
{
	struct af_future *last, *a, *b, *c;
	int n;

	open_full(DRIVE_COUNT + _i, &n, &last);
	a = af_file_write(rig.reader, "a", 1, 0, NULL);
	b = send_a("b", rig.out);
	c = af_file_write(rig.reader, "c", 1, AFIO_FULL, NULL);
	ck_assert(!af_future_is_done(b));
	for (int i = 0; i < n; i++)
		expect_arrived("fill");
	expect_count(&rig, last, 4, 0);
	expect_arrived("fill");
	expect_count(&rig, a, 1, 0);
	expect_arrived("a");
	expect_count(&rig, b, 1, 0);
	expect_arrived("b");
	expect_count(&rig, c, 1, 0);
	expect_arrived("c");
	rig_close(&rig);
}
END_TEST

/* From each continuation more are sent than the one before it took. */
static struct af_future *send_more(struct af_future *done, void *arg)
{
	static int left = 300;
	struct address *a = arg;

	ck_assert_int_eq(af_future_error(done), 0);
	if (--left == 0)
		return NULL;
	for (int i = 0; i < 8; i++)
		af_future_unref(af_file_send_to(rig.reader, "x", 1, &a->sa,
						a->len, 0, NULL));
	return af_then(af_file_send_to(rig.reader, "x", 1, &a->sa, a->len, 0,
				       NULL),
		       send_more, a);
}

START_TEST(send_to_in_continuations_ends)
{
	struct address a;

	if (!open_rig(_i))
		return;
	a = address_of(rig.out);
	expect_count(&rig,
		     af_then(send_a("x", rig.out), send_more, &a), 1, 0);
	rig_close(&rig);
}
END_TEST

/* Each side answers the other, both by the library. */
static int echo(const char *data, size_t len, const struct sockaddr *from,
		socklen_t from_len, unsigned flags, void *arg)
{
	(void)flags;
	af_future_unref(af_file_send_to(arg, data, len, from, from_len, 0,
					NULL));
	return 0;
}

static int left_to_hear;

static int hear(const char *data, size_t len, const struct sockaddr *from,
		socklen_t from_len, unsigned flags, void *arg)
{
	ck_assert_uint_eq(len, 4);
	ck_assert_mem_eq(data, "ping", 4);
	/* The last is not answered, or the other would hear one more in time. */
	if (--left_to_hear == 0)
		return 1;
	return echo(data, len, from, from_len, flags, arg);
}

START_TEST(send_to_and_each_datagram_play_ping_pong)
{
	struct af_future *pong, *ping;

	if (!open_rig(_i))
		return;
	rig.writer = af_file_new(rig.loop, rig.out, 0);
	rig.out = -1;
	left_to_hear = 200;
	pong = af_file_each_datagram(rig.writer, echo, rig.writer);
	ping = af_file_each_datagram(rig.reader, hear, rig.reader);
	expect_count(&rig, send_a("ping", af_file_fd(rig.writer)), 4, 0);
	expect_count(&rig, ping, 200, 0);
	af_future_cancel(pong);
	ck_assert_int_eq(af_future_error(pong), -ECANCELED);
	ck_assert_uint_eq(af_future_count(pong), 200);
	af_future_unref(pong);
	rig_close(&rig);
}
END_TEST

ROW(send_to_of_another_kind_is_not_supported)
{
	struct address a = loopback(IPV4);
	bool is_datagram = kind_played()->traits & NO_EOF;

	if (!is_datagram)
		expect_error(&rig,
			     af_file_send_to(rig.writer, "a", 1, &a.sa, a.len, 0,
					     NULL),
			     -ENOTSUP);
	else
		expect_count(&rig,
			     af_file_send_to(rig.writer, "a", 1, NULL, 0, 0,
					     NULL),
			     1, 0);
}

static void *send_elsewhere(void *arg)
{
	ck_assert_int_eq(af_future_error(send_a("a", rig.out)), -EPERM);
	return arg;
}

START_TEST(send_to_of_nonsense_fails)
{
	struct timeval odd = { 0, 1000000 };
	struct address a;
	pthread_t thread;

	open_rig(0);
	a = address_of(rig.out);
	expect_error(&rig, af_file_send_to(NULL, "a", 1, &a.sa, a.len, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_send_to(rig.reader, NULL, 1, &a.sa, a.len, 0, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_send_to(rig.reader, "a", 1, &a.sa, 1, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_send_to(rig.reader, "a", 1, &a.sa,
				     sizeof a.storage + 1, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_send_to(rig.reader, "a", 1, &a.sa, a.len, AFIO_FULL,
				     NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_send_to(rig.reader, "a", 1, &a.sa, a.len, 0, &odd),
		     -EINVAL);
	pthread_create(&thread, NULL, send_elsewhere, NULL);
	pthread_join(thread, NULL);
	expect_nothing_arrived();
	expect_count(&rig, af_file_finish(rig.reader, NULL), 0, 0);
	expect_error(&rig, send_a("a", rig.out), -EBADF);
	rig_close(&rig);
}
END_TEST

/* Then all steps of the file are made one at a time. */
START_TEST(send_to_beside_writes_of_evbuffers_works)
{
	struct evbuffer *buf = evbuffer_new();

	if (!open_rig(_i)) {
		evbuffer_free(buf);
		return;
	}
	connect_to(rig.out);
	evbuffer_add(buf, "one", 3);
	expect_count(&rig, af_file_write_buffer(rig.reader, buf, 0, NULL), 3,
		     0);
	evbuffer_free(buf);
	expect_count(&rig,
		     af_file_send_to(rig.reader, "two", 3, NULL, 0, 0, MS(0)),
		     3, 0);
	expect_arrived("one");
	expect_arrived("two");
	rig_close(&rig);
}
END_TEST

static struct af_future *send_for_nobody(struct af_future *done, void *arg)
{
	struct address a = address_of(rig.out);

	(void)done;
	return af_file_send_to(rig.reader, "abc", 3, &a.sa, a.len, 0, arg);
}

START_TEST(send_to_of_a_cancelled_chain_sends_nothing)
{
	struct af_future *chain;

	if (!open_rig(_i))
		return;
	for (int i = 0; i < 2; i++) {
		chain = af_then(af_succeeded(rig.loop, NULL, NULL),
				send_for_nobody, i ? MS(0) : NULL);
		af_future_cancel(chain);
		expect_error(&rig, chain, -ECANCELED);
	}
	expect_nothing_arrived();
	rig_close(&rig);
}
END_TEST

/* In every place where a program may wait, for each kind of room. */
struct scene {
	struct stage stage;
	struct af_future *last;
	int n;
};

static void receive_all(struct af_future *done, void *arg)
{
	struct scene *scene = arg;

	(void)done;
	for (int i = 0; i < scene->n; i++)
		expect_arrived("fill");
}

static void await_room(void *arg)
{
	struct scene *scene = arg;

	af_on_done(af_sleep(scene->stage.loop, MS(2)), receive_all, scene);
	ck_assert_int_eq(af_await(scene->last), 0);
	af_future_unref(scene->last);
}

START_TEST(send_to_awaited_anywhere_succeeds)
{
	struct scene scene;

	stage_open(&scene.stage, (enum context)(_i % CONTEXT_COUNT));
	rig.reader = af_datagram_open(scene.stage.loop, host_of(UNIX), NULL,
				      NULL);
	rig.loop = scene.stage.loop;
	rig.driver = DRIVE_AWAIT;
	rig.out = plain_socket(UNIX);
	if (_i >= CONTEXT_COUNT)
		connect_to(rig.out);
	scene.n = fill_receiver(&scene.last);
	stage_play(&scene.stage, await_room, &scene);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	close(rig.out);
	stage_close(&scene.stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/send_to");
	TCase *tc = sockets_case(s, "messages");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(send_to_sends_one_message_to_each, EVERY_FAMILY);
	ADD(send_to_is_tried_at_once, EVERY_FAMILY);
	ADD(send_to_nobody_sends_to_the_peer, EVERY_FAMILY);
	ADD(send_to_of_an_empty_message_sends_it, EVERY_FAMILY);
	ADD(send_to_beside_writes_of_evbuffers_works, EVERY_FAMILY);
	ADD(send_to_of_a_cancelled_chain_sends_nothing, EVERY_FAMILY);
	ADD(send_to_of_the_longest_message_sends_it_whole, EVERY_FAMILY);
	ADD(send_to_in_continuations_ends, UNIX * DRIVE_COUNT);
	ADD(send_to_and_each_datagram_play_ping_pong, EVERY_FAMILY);

	tc = sockets_case(s, "errors");
	ADD(send_to_nobody_without_a_peer_fails, EVERY_FAMILY);
	ADD(send_to_of_too_long_a_message_fails_emsgsize, EVERY_FAMILY);
	ADD(send_to_after_a_refusal_fails_once, UNIX * DRIVE_COUNT);
	ADD(send_to_where_nobody_listens_succeeds_unconnected,
	    UNIX * DRIVE_COUNT);
	ADD(send_to_a_path_where_nobody_is_fails, DRIVE_COUNT);
	ADD(send_to_after_shutdown_fails_epipe, DRIVE_COUNT);
	ADD(send_to_a_broadcast_address_needs_permission, DRIVE_COUNT);
	ADD_ROW(tc, send_to_of_another_kind_is_not_supported, 0);
	tcase_add_test(tc, send_to_of_nonsense_fails);

	tc = sockets_case(s, "room");
	ADD(send_to_a_full_receiver_waits_for_room, EVERY_FULL);
	ADD(send_to_a_full_peer_waits_for_room, DRIVE_COUNT);
	ADD(send_to_another_than_a_full_peer_waits_for_that_one, DRIVE_COUNT);
	ADD(send_to_that_waits_has_copied_all, EVERY_FULL);
	ADD(send_to_that_cannot_be_copied_fails_enomem, EVERY_FULL);
	ADD(send_to_a_full_receiver_times_out, EVERY_FULL);
	ADD(send_to_cancelled_steps_what_is_behind_it, EVERY_FULL);
	ADD(send_to_ends_with_its_file_or_loop, 2 * EVERY_FULL);
	ADD(send_to_queues_with_writes_in_call_order, DRIVE_COUNT);
	ADD(send_to_awaited_anywhere_succeeds, 2 * CONTEXT_COUNT);
	return s;
}
