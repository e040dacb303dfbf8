/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of making listeners where a system call is refused, as on a machine
 * without IPv6, or in a sandbox.
 */
#include <netinet/in.h>

#include "support/denied.h"
#include "support/dial.h"

static struct rig rig;

/* Expects that nobody can listen, and why. */
static void expect_refusal(const char *host,
			   const struct af_listen_options *options, int error,
			   const char *text)
{
	const char *got;

	errno = 0;
	ck_assert_ptr_null(af_listen(rig.loop, host, NULL, options));
	ck_assert_msg(errno == error, "%s", strerror(errno));
	got = af_listen_error(rig.loop);
	ck_assert_msg(strncmp(got, text, strlen(text)) == 0, "%s", got);
	ck_assert_msg(strstr(got, strerror(error)), "%s", got);
}

#ifdef SYS_socket
START_TEST(both_families_without_ipv6_are_ipv4)
{
	const struct denied call = { "socket", SYS_socket, 1, 0xffffffff,
				     AF_INET6 };
	struct af_listener *listener;
	const struct sockaddr *address;

	rig_open_loop(&rig, DRIVE_AWAIT);
	if (deny(&call, 1, EAFNOSUPPORT)) {
		for (int both = 0; both < 2; both++) {
			listener = listen_on(&rig, NULL, NULL,
					     LISTEN(.dual_stack = both));
			address = af_listener_address(listener, 0, NULL);
			ck_assert_int_eq(address->sa_family, AF_INET);
			ck_assert_ptr_null(
				af_listener_address(listener, 1, NULL));
			close(dial(listener, 0));
			af_listener_close(listener);
		}
		expect_refusal("::1", NULL, EAFNOSUPPORT, "socket [::1]:0: ");
	}
	rig_close(&rig);
}
END_TEST
#endif

#ifdef SYS_bind
/* The system chooses one port after the other, and each is in use. */
START_TEST(port_that_is_never_free_is_in_use)
{
	const struct denied call = { "bind", SYS_bind, 0, 0, 0 };

	rig_open_loop(&rig, DRIVE_AWAIT);
	if (deny(&call, 1, EADDRINUSE))
		expect_refusal("127.0.0.1", NULL, EADDRINUSE,
			       "bind 127.0.0.1:0: ");
	rig_close(&rig);
}
END_TEST
#endif

#ifdef SYS_setsockopt
START_TEST(port_that_may_not_be_shared_says_so)
{
	const struct denied call = { "setsockopt", SYS_setsockopt, 3,
				     0xffffffff, SO_REUSEPORT };

	rig_open_loop(&rig, DRIVE_AWAIT);
	if (deny(&call, 1, EPERM))
		expect_refusal("127.0.0.1", LISTEN(.reuse_port = true), EPERM,
			       "setsockopt 127.0.0.1:0: ");
	rig_close(&rig);
}
END_TEST
#endif

/* The path is not there with more permissions. */
START_TEST(mode_that_cannot_be_set_says_so)
{
	static const struct denied calls[] = {
#ifdef SYS_chmod
		{ "chmod", SYS_chmod, 0, 0, 0 },
#endif
		{ "fchmodat", SYS_fchmodat, 0, 0, 0 },
		{ "fchmod", SYS_fchmod, 0, 0, 0 },
	};

	rig_open_loop(&rig, DRIVE_AWAIT);
	umask(0);
	if (deny(calls, sizeof calls / sizeof *calls, EPERM))
		expect_refusal(path_of("socket"), LISTEN(.mode = 0600), EPERM,
			       "chmod /");
	expect_path("socket", false);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/listen_denied");
	TCase *tc = scratch_case(s, "refused");

#ifdef SYS_socket
	tcase_add_test(tc, both_families_without_ipv6_are_ipv4);
#endif
#ifdef SYS_bind
	tcase_add_test(tc, port_that_is_never_free_is_in_use);
#endif
#ifdef SYS_setsockopt
	tcase_add_test(tc, port_that_may_not_be_shared_says_so);
#endif
	tcase_add_test(tc, mode_that_cannot_be_set_says_so);
	return s;
}
