/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function that an operation calls waits for that operation: it could never
 * end, also while others can.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/scratch.h"
#include "support/system.h"

static struct rig rig;
static struct af_future *whole;
static int calls;

static void try_to_wait(void)
{
	calls++;
	ck_assert_int_eq(af_await_for(whole, MS(20000)), -EDEADLK);
	ck_assert(!af_future_is_done(whole));
}

static int on_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	try_to_wait();
	return 1;
}

static int on_datagram(const char *data, size_t len,
		       const struct sockaddr *from, socklen_t from_len,
		       unsigned flags, void *arg)
{
	(void)from;
	(void)from_len;
	return on_piece(data, len, flags, arg);
}

static struct af_future *on_piece_async(const char *data, size_t len,
					unsigned flags, void *arg)
{
	on_piece(data, len, flags, arg);
	return af_failed(rig.loop, -EPROTO);
}

/* Something else can end, as in any server. */
static void expect_whole(int error)
{
	struct af_future *other = af_sleep(rig.loop, MS(60000));

	ck_assert_int_eq(af_await_for(whole, MS(20000)), error);
	ck_assert_int_eq(calls, 1);
	af_future_unref(whole);
	af_future_cancel(other);
	af_future_unref(other);
}

/* Index: the kind of each; and who drives. */
START_TEST(await_of_an_each_in_its_function_fails_edeadlk)
{
	int kind = _i / DRIVE_COUNT, fds[2];
	struct af_file *file;

	rig_open(&rig, _i % DRIVE_COUNT);
	make_pair(KIND_PIPE, fds);
	file = af_file_new(rig.loop, fds[0], 0);
	put_text(fds[1], "one\ntwo\n");
	if (kind == 0)
		whole = af_file_each_line(file, on_piece, NULL);
	else if (kind == 1)
		whole = af_file_each_chunk(file, on_piece, NULL);
	else
		whole = af_file_each_async(file, AFIO_EACH_LINE, on_piece_async,
					   NULL);
	expect_whole(kind < 2 ? 0 : -EPROTO);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(await_of_a_follow_in_its_function_fails_edeadlk)
{
	rig_open(&rig, _i);
	make_file("log", "one\ntwo\n", 0600);
	whole = af_file_follow(rig.loop, "log", NULL, on_piece, NULL);
	expect_whole(0);
	rig_close(&rig);
}
END_TEST

START_TEST(await_of_each_datagram_in_its_function_fails_edeadlk)
{
	struct af_file *file;
	int fds[2];

	rig_open(&rig, _i);
	ck_assert_int_eq(cloexec_socketpair(SOCK_DGRAM, fds), 0);
	file = af_file_new(rig.loop, fds[0], 0);
	put_text(fds[1], "one");
	whole = af_file_each_datagram(file, on_datagram, NULL);
	expect_whole(0);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

static bool ask(const struct sockaddr *peer, socklen_t len, void *arg)
{
	(void)peer;
	(void)len;
	(void)arg;
	try_to_wait();
	return true;
}

START_TEST(await_of_an_accept_in_its_filter_fails_edeadlk)
{
	const struct af_listen_options options = { .filter = ask };
	struct af_listener *listener;
	const struct sockaddr *address;
	socklen_t len;
	int fd;

	rig_open(&rig, _i);
	listener = af_listen(rig.loop, "127.0.0.1", "0", &options);
	ck_assert_ptr_nonnull(listener);
	whole = af_listener_accept(listener, NULL);
	address = af_listener_address(listener, 0, &len);
	fd = cloexec_socket(address->sa_family, SOCK_STREAM);
	ck_assert_int_eq(connect(fd, address, len), 0);
	expect_whole(0);
	af_listener_close(listener);
	close(fd);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/await_in_functions");
	TCase *tc = scratch_case(s, "functions");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(await_of_an_each_in_its_function_fails_edeadlk, 3);
	ADD(await_of_a_follow_in_its_function_fails_edeadlk, 1);
	ADD(await_of_each_datagram_in_its_function_fails_edeadlk, 1);
	ADD(await_of_an_accept_in_its_filter_fails_edeadlk, 1);
	return s;
}
