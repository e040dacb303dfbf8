/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names by the system's own getaddrinfo(3), as far as that needs no network.
 */
#include <errno.h>
#include <string.h>

#include "support/harness.h"

static struct rig rig;

static void expect_first(const char *host, const char *service,
			 const struct af_resolve_options *options,
			 const char *text)
{
	struct af_future *f =
		af_resolve(rig.loop, host, service, options, NULL);
	const struct sockaddr *address;
	socklen_t len = 0;
	char buf[512];

	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_ge(af_future_count(f), 1);
	address = af_future_address(f, 0, &len);
	ck_assert_ptr_nonnull(address);
	af_address_text(address, len, buf, sizeof buf);
	ck_assert_str_eq(buf, text);
	af_future_unref(f);
}

START_TEST(numbers_are_their_own_addresses)
{
	const struct af_resolve_options four = { .family = AF_INET };
	const struct af_resolve_options any = { .family = AF_INET,
						.type = SOCK_STREAM,
						.passive = true };

	rig_open(&rig, _i);
	expect_first("127.0.0.1", "80", NULL, "127.0.0.1:80");
	expect_first("::1", "443", NULL, "[::1]:443");
	expect_first("::ffff:192.0.2.1", "1", NULL, "[::ffff:192.0.2.1]:1");
	expect_first("127.0.0.1", NULL, NULL, "127.0.0.1:0");
	expect_first(NULL, "80", &four, "127.0.0.1:80");
	expect_first(NULL, "80", &any, "0.0.0.0:80");
	ck_assert_int_eq(library_threads(), 0);
	rig_close(&rig);
}
END_TEST

static void expect_unknown(const char *host, const char *service, int family)
{
	const struct af_resolve_options options = { .family = family,
						    .type = SOCK_STREAM };
	struct af_future *f =
		af_resolve(rig.loop, host, service, &options, NULL);
	const char *text;

	ck_assert_int_eq(drive(&rig, f), -ENOENT);
	text = af_connect_error(f);
	ck_assert_msg(strncmp(text, host, strlen(host)) == 0 &&
			      strstr(text, ": "),
		      "%s", text);
	af_future_unref(f);
}

START_TEST(wrong_names_are_not_known)
{
	rig_open(&rig, _i);
	expect_unknown("", "80", AF_UNSPEC);
	expect_unknown("127.0.0.1", "nosuchservice", AF_UNSPEC);
	expect_unknown("127.0.0.1", "65536", AF_UNSPEC);
	expect_unknown("127.0.0.1", "65536x", AF_UNSPEC);
	expect_unknown("127.0.0.1", "80", AF_INET6);
	expect_unknown("::1", "80", AF_INET);
	rig_close(&rig);
}
END_TEST

/* The system's own may know SCTP, which has that type. */
START_TEST(connect_of_a_type_of_unix_sockets_is_invalid)
{
	const struct af_connect_options options = { .type = SOCK_SEQPACKET };

	rig_open(&rig, _i);
	expect_error(&rig,
		     af_connect(rig.loop, "127.0.0.1", "1", &options, NULL),
		     -EINVAL);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/names");
	TCase *tc = test_case(s, "names");

	tcase_add_loop_test(tc, numbers_are_their_own_addresses, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, wrong_names_are_not_known, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, connect_of_a_type_of_unix_sockets_is_invalid, 0,
			    DRIVE_COUNT);
	return s;
}
