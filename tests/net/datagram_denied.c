/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of datagrams where a system call fails: sendmsg(2) with ENOBUFS, as
 * through a busy network interface, and a recvmmsg(2) that is refused. The
 * library calls the sendmsg() of this program.
 */
#include <errno.h>
#include <unistd.h>

#include "support/datagrams.h"
#include "support/denied.h"

static struct rig rig;

/* The error of sendmsg(2), or 0; how often it was called. */
static int send_error, sends;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	sends++;
	if (!send_error)
		return syscall(SYS_sendmsg, fd, message, flags);
	errno = send_error;
	return -1;
}

static void open_rig(int i, int error)
{
	open_datagrams(&rig, FAMILY_OF(i), DRIVER_OF(i));
	send_error = error;
	sends = 0;
}

static struct af_future *send_with(const struct timeval *timeout)
{
	static struct address a;

	a = address_of(rig.out);
	return af_file_send_to(rig.reader, "abc", 3, &a.sa, a.len, 0, timeout);
}

/* 1, 2, 4 ... 50 ms apart. */
#define FEW 30

START_TEST(send_to_without_buffers_fails_enobufs_at_its_deadline)
{
	int64_t since;

	open_rig(_i, ENOBUFS);
	expect_error(&rig, send_with(MS(0)), -ENOBUFS);
	ck_assert_int_le(sends, 2);
	since = now_us();
	expect_error(&rig, send_with(MS(200)), -ENOBUFS);
	expect_elapsed(since, 200);
	ck_assert_int_ge(sends, 5);
	ck_assert_int_lt(sends, FEW);
	rig_close(&rig);
}
END_TEST

/* As when no port is free: the socket can be written, and no event helps. */
START_TEST(send_to_that_would_block_though_it_is_writable_does_not_spin)
{
	open_rig(_i, EAGAIN);
	expect_error(&rig, send_with(MS(0)), -ETIMEDOUT);
	expect_error(&rig, send_with(MS(200)), -ETIMEDOUT);
	ck_assert_int_ge(sends, 5);
	ck_assert_int_lt(sends, FEW);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_without_buffers_waits_until_there_are_some)
{
	struct af_future *f, *behind;

	open_rig(_i, ENOBUFS);
	f = send_with(NULL);
	behind = send_with(NULL);
	while (sends < 4)
		ck_assert_int_eq(af_await_for(f, MS(1)), -ETIMEDOUT);
	ck_assert(!af_future_is_done(f));
	send_error = 0;
	expect_count(&rig, f, 3, 0);
	expect_count(&rig, behind, 3, 0);
	plain_expect(rig.out, "abc", af_file_fd(rig.reader));
	plain_expect(rig.out, "abc", af_file_fd(rig.reader));
	rig_close(&rig);
}
END_TEST

/* There is room at the deadline, though nobody has looked since. */
START_TEST(send_to_at_its_deadline_is_tried_once_more)
{
	struct af_future *f;

	open_rig(_i, ENOBUFS);
	f = send_with(MS(1));
	spin(5);
	send_error = 0;
	expect_count(&rig, f, 3, 0);
	plain_expect(rig.out, "abc", af_file_fd(rig.reader));
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_without_buffers_can_be_cancelled)
{
	struct af_future *f, *behind;

	open_rig(_i, ENOBUFS);
	f = send_with(NULL);
	behind = send_with(MS(20));
	expect_error(&rig, af_file_receive_from(rig.reader, 0, 0, MS(10)),
		     -ETIMEDOUT);
	ck_assert(!af_future_is_done(f));
	/* It was not tried. */
	expect_error(&rig, behind, -ETIMEDOUT);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	send_error = 0;
	turn(&rig);
	ck_assert_int_eq(recv(rig.out, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	rig_close(&rig);
}
END_TEST

#ifdef SYS_setsockopt
/* Each option of IPv6 is asked for, and its refusal is reported. */
START_TEST(datagram_option_of_ipv6_that_is_refused_says_so)
{
	static const unsigned names[] = { IPV6_V6ONLY, IPV6_UNICAST_HOPS,
					  IPV6_MULTICAST_HOPS,
					  IPV6_MULTICAST_LOOP };
	const struct denied call = { "setsockopt", SYS_setsockopt, 3,
				     0xffffffff, names[_i] };
	const struct af_datagram_options options = {
		.ttl = 9,
		.multicast_ttl = 8,
		.no_multicast_loop = true,
		.dual_stack = true,
	};
	struct af_file *file;

	if (!have_family(IPV6))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = af_datagram_open(rig.loop, "::1", NULL, &options);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(af_file_close(file), 0);
	if (deny(&call, 1, EPERM)) {
		errno = 0;
		ck_assert_ptr_null(
			af_datagram_open(rig.loop, "::1", NULL, &options));
		ck_assert_int_eq(errno, EPERM);
	}
	rig_close(&rig);
}
END_TEST
#endif

#ifdef SYS_bind
/* As where the system gives no names by itself. */
START_TEST(datagram_that_can_have_no_name_has_none)
{
	static const int errors[] = { EINVAL, ENOENT };
	const struct denied call = { "bind", SYS_bind, 0, 0, 0 };
	const struct af_datagram_options options = { .family = AF_UNIX };
	struct address a;

	rig_open_loop(&rig, DRIVE_AWAIT);
	rig.out = plain_socket(UNIX);
	if (deny(&call, 1, errors[_i])) {
		rig.reader = af_datagram_open(rig.loop, NULL, NULL, &options);
		ck_assert_ptr_nonnull(rig.reader);
		a = address_of(af_file_fd(rig.reader));
		ck_assert_uint_eq(a.len,
				  offsetof(struct sockaddr_un, sun_path));
		a = address_of(rig.out);
		expect_count(&rig,
			     af_file_send_to(rig.reader, "abc", 3, &a.sa, a.len,
					     0, NULL),
			     3, 0);
		errno = 0;
		ck_assert_ptr_null(
			af_datagram_open(rig.loop, socket_path(), NULL, NULL));
		ck_assert_int_eq(errno, errors[_i]);
	}
	rig_close(&rig);
}
END_TEST
#endif

static int take(const char *data, size_t len, const struct sockaddr *from,
		socklen_t from_len, unsigned flags, void *arg)
{
	size_t *n = arg;

	ck_assert_uint_eq(flags, 0);
	ck_assert_uint_eq(len, 1);
	ck_assert_int_eq(*data, (int)('0' + *n));
	expect_address(from, from_len, rig.out);
	return ++*n == 6;
}

static bool deny_recvmmsg(int error)
{
	static const struct denied calls[] = {
		{ "recvmmsg", SYS_recvmmsg, 0, 0, 0 },
#ifdef SYS_recvmmsg_time64
		{ "recvmmsg", SYS_recvmmsg_time64, 0, 0, 0 },
#endif
	};

	return deny(calls, sizeof calls / sizeof *calls, error);
}

START_TEST(each_datagram_where_recvmmsg_is_refused_works)
{
	static const int errors[] = { ENOSYS, EPERM, EACCES };
	struct af_future *f;
	char text[2] = "0";
	size_t n = 0;

	open_datagrams(&rig, IPV4, (enum driver)(_i % DRIVE_COUNT));
	if (deny_recvmmsg(errors[_i / DRIVE_COUNT])) {
		for (; *text < '5'; ++*text)
			say(&rig, text);
		f = af_file_each_datagram(rig.reader, take, &n);
		while (n < 5)
			ck_assert_int_eq(af_await_for(f, MS(1)), -ETIMEDOUT);
		say(&rig, "5");
		expect_count(&rig, f, 6, 0);
	}
	rig_close(&rig);
}
END_TEST

static int take_empty(const char *data, size_t len, const struct sockaddr *from,
		      socklen_t from_len, unsigned flags, void *arg)
{
	(void)data;
	(void)arg;
	ck_assert_uint_eq(flags, 0);
	ck_assert_uint_eq(len, 0);
	expect_address(from, from_len, rig.out);
	return 1;
}

/* It has no bytes, and is none the less a message. */
START_TEST(empty_datagram_where_recvmmsg_is_refused_is_received)
{
	struct af_future *f;

	open_datagrams(&rig, FAMILY_OF(_i), DRIVER_OF(_i));
	if (deny_recvmmsg(ENOSYS)) {
		say(&rig, "");
		say(&rig, "abc");
		f = af_file_each_datagram(rig.reader, take_empty, NULL);
		expect_count(&rig, f, 1, 0);
		expect_from(&rig,
			    af_file_receive_from(rig.reader, 0, 0, MS(20000)),
			    "abc", 0, rig.out);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/datagram_denied");
	TCase *tc = sockets_case(s, "no buffers");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(send_to_without_buffers_fails_enobufs_at_its_deadline, DRIVE_COUNT);
	ADD(send_to_that_would_block_though_it_is_writable_does_not_spin,
	    DRIVE_COUNT);
	ADD(send_to_without_buffers_waits_until_there_are_some, DRIVE_COUNT);
	ADD(send_to_at_its_deadline_is_tried_once_more, DRIVE_COUNT);
	ADD(send_to_without_buffers_can_be_cancelled, DRIVE_COUNT);

	tc = sockets_case(s, "opening");
#ifdef SYS_setsockopt
	ADD(datagram_option_of_ipv6_that_is_refused_says_so, 4);
#endif
#ifdef SYS_bind
	ADD(datagram_that_can_have_no_name_has_none, 2);
#endif

	tc = sockets_case(s, "refused");
	ADD(each_datagram_where_recvmmsg_is_refused_works, 3 * DRIVE_COUNT);
	ADD(empty_datagram_where_recvmmsg_is_refused_is_received, EVERY_FAMILY);
	return s;
}
