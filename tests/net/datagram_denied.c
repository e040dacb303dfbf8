/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of datagrams where a system call fails: sendmsg(2) with ENOBUFS, as
 * through a busy network interface, and a recvmmsg(2) that is refused.
 */
#include <errno.h>
#include <time.h>

#include "support/datagrams.h"
#include "support/denied.h"

static struct rig rig;

static int64_t thread_time_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool deny_sendmsg(int error)
{
	static const struct denied calls[] = {
		{ "sendmsg", SYS_sendmsg, 0, 0, 0 },
	};

	return deny(calls, 1, error);
}

/* How long it is since something, and that it did not spin meanwhile. */
static void expect_idle(int64_t used)
{
	ck_assert_int_lt(thread_time_us() - used, 100000);
}

static struct af_future *send_with(const struct timeval *timeout)
{
	static struct address a;

	a = address_of(rig.out);
	return af_file_send_to(rig.reader, "abc", 3, &a.sa, a.len, 0, timeout);
}

START_TEST(send_to_without_buffers_fails_enobufs_at_its_deadline)
{
	int64_t since, used;

	open_datagrams(&rig, FAMILY_OF(_i), DRIVER_OF(_i));
	if (deny_sendmsg(ENOBUFS)) {
		expect_error(&rig, send_with(MS(0)), -ENOBUFS);
		since = now_us();
		used = thread_time_us();
		expect_error(&rig, send_with(MS(200)), -ENOBUFS);
		expect_elapsed(since, 200);
		expect_idle(used);
	}
	rig_close(&rig);
}
END_TEST

/* As when no port is free: the socket can be written, and no event helps. */
START_TEST(send_to_that_would_block_though_it_is_writable_does_not_spin)
{
	int64_t used;

	open_datagrams(&rig, FAMILY_OF(_i), DRIVER_OF(_i));
	if (deny_sendmsg(EAGAIN)) {
		expect_error(&rig, send_with(MS(0)), -ETIMEDOUT);
		used = thread_time_us();
		expect_error(&rig, send_with(MS(200)), -ETIMEDOUT);
		expect_idle(used);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_without_buffers_waits_until_it_is_cancelled)
{
	struct af_future *f, *behind;

	open_datagrams(&rig, FAMILY_OF(_i), DRIVER_OF(_i));
	if (deny_sendmsg(ENOBUFS)) {
		f = send_with(NULL);
		behind = send_with(MS(20));
		expect_error(&rig, af_file_receive_from(rig.reader, 0, 0,
							MS(10)),
			     -ETIMEDOUT);
		ck_assert(!af_future_is_done(f));
		/* It was not tried. */
		expect_error(&rig, behind, -ETIMEDOUT);
		af_future_cancel(f);
		expect_error(&rig, f, -ECANCELED);
	}
	rig_close(&rig);
}
END_TEST

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

Suite *suite(void)
{
	Suite *s = suite_create("net/datagram_denied");
	TCase *tc = sockets_case(s, "no buffers");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(send_to_without_buffers_fails_enobufs_at_its_deadline, DRIVE_COUNT);
	ADD(send_to_without_buffers_waits_until_it_is_cancelled, DRIVE_COUNT);
	ADD(send_to_that_would_block_though_it_is_writable_does_not_spin,
	    DRIVE_COUNT);

	tc = sockets_case(s, "refused");
	ADD(each_datagram_where_recvmmsg_is_refused_works, 3 * DRIVE_COUNT);
	return s;
}
