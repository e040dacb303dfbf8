/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of listening on names that a thread looks up, with a name server of the
 * test's own.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/dial.h"
#include "support/resolver.h"

static const struct resolver_name known[] = {
	{ .host = "here.test", .addresses = { "127.0.0.1", "127.0.0.2" } },
	{ .host = "partly.test", .addresses = { "192.0.2.1", "127.0.0.1" } },
	{ .host = "any.test", .addresses = { "::1", "0.0.0.0" } },
	{ .host = "elsewhere.test", .addresses = { "192.0.2.1" } },
	{ .host = "again.test", .code = EAI_AGAIN },
	{ .host = "slow.test", .addresses = { "127.0.0.1" }, .waits = true },
	{ .host = NULL },
};

static struct rig rig;

static void open_rig(int driver)
{
	resolver_setup();
	resolver_names = known;
	rig_open_loop(&rig, (enum driver)driver);
}

static struct af_listener *taken(struct af_future *f)
{
	struct af_listener *listener;
	int r = drive(&rig, f);

	ck_assert_msg(r == 0, "%s (%s)", strerror(-r), af_connect_error(f));
	ck_assert_str_eq(af_connect_error(f), "");
	listener = af_future_take_listener(f);
	ck_assert_ptr_nonnull(listener);
	ck_assert_ptr_null(af_future_take_listener(f));
	af_future_unref(f);
	return listener;
}

static void expect_serves(struct af_listener *listener, size_t i)
{
	int fd = dial(listener, i);
	struct af_file *file =
		accepted(&rig, af_listener_accept(listener, NULL));

	expect_connected(&rig, file, fd);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
}

START_TEST(listen_async_on_a_name_listens_on_all_that_is_here)
{
	struct af_listener *listener;
	struct af_future *f;

	open_rig(_i);
	f = af_listen_async(rig.loop, "here.test", "0", NULL);
	ck_assert(!af_future_is_done(f));
	ck_assert_ptr_null(af_future_take_listener(f));
	listener = taken(f);
	expect_serves(listener, 0);
	expect_serves(listener, 1);
	ck_assert_ptr_null(af_listener_address(listener, 2, NULL));
	af_listener_close(listener);
	listener = taken(af_listen_async(rig.loop, "partly.test", NULL, NULL));
	expect_serves(listener, 0);
	ck_assert_ptr_null(af_listener_address(listener, 1, NULL));
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

/* No thread, and no wait: also with a loop that nobody drives. */
START_TEST(listen_async_of_what_is_no_name_is_done_at_once)
{
	const char *hosts[] = { "127.0.0.1", NULL, path_of("socket") };
	struct af_listener *listener;
	struct af_future *f;

	open_rig(_i);
	for (size_t i = 0; i < 3; i++) {
		f = af_listen_async(rig.loop, hosts[i], NULL,
				    LISTEN(.max_connections = 1));
		ck_assert(af_future_is_done(f));
		listener = taken(f);
		expect_serves(listener, 0);
		af_listener_close(listener);
	}
	ck_assert_uint_eq(resolver_calls, 0);
	rig_close(&rig);
}
END_TEST

static void expect_failure(const char *host, const char *service,
			   const struct af_listen_options *options, int error,
			   const char *text)
{
	struct af_future *f = af_listen_async(rig.loop, host, service, options);

	ck_assert_int_eq(drive(&rig, f), error);
	ck_assert_msg(strncmp(af_connect_error(f), text, strlen(text)) == 0,
		      "%s", af_connect_error(f));
	ck_assert_ptr_null(af_future_take_listener(f));
	af_future_unref(f);
}

START_TEST(listen_async_that_fails_says_why)
{
	open_rig(_i);
	expect_failure("nowhere.test", "0", NULL, -ENOENT, "nowhere.test: ");
	expect_failure("again.test", "0", NULL, -EAGAIN, "again.test: ");
	expect_failure("elsewhere.test", "0", NULL, -EADDRNOTAVAIL,
		       "bind 192.0.2.1:0: ");
	expect_failure("192.0.2.1", "0", NULL, -EADDRNOTAVAIL,
		       "bind 192.0.2.1:0: ");
	expect_failure(path_of("missing/socket"), NULL, NULL, -ENOENT,
		       "bind /");
	expect_failure(path_of("socket"), "0", NULL, -EINVAL, "option: ");
	expect_failure("here.test", "0", LISTEN(.reserved = { 1 }), -EINVAL,
		       "option: ");
	expect_error(&rig, af_listen_async(NULL, "here.test", "0", NULL),
		     -EINVAL);
	/* That is not the text of af_listen(). */
	ck_assert_str_eq(af_listen_error(rig.loop), "");
	rig_close(&rig);
}
END_TEST

START_TEST(listener_that_nobody_takes_is_closed)
{
	struct af_future *f;

	open_rig(_i);
	f = af_listen_async(rig.loop, path_of("socket"), NULL, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	expect_path("socket", true);
	af_future_unref(f);
	expect_path("socket", false);
	rig_close(&rig);
}
END_TEST

enum way_to_end { BY_CANCEL, BY_DEADLINE, BY_FREE, WAYS_TO_END };

START_TEST(listen_async_that_waits_for_a_name_ends_at_once)
{
	struct af_future *f;
	int error = -ECANCELED;

	open_rig(_i % DRIVE_COUNT);
	f = af_listen_async(rig.loop, "slow.test", "0", NULL);
	gate_await(&resolver_waiting, 1);
	switch ((enum way_to_end)(_i / DRIVE_COUNT)) {
	case BY_CANCEL:
		af_future_cancel(f);
		break;
	case BY_DEADLINE:
		f = af_with_timeout(f, MS(5));
		error = drive(&rig, f);
		ck_assert_int_eq(error, -ETIMEDOUT);
		break;
	default:
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	ck_assert_int_eq(af_future_error(f), error);
	af_future_unref(f);
	gate_arrive(&resolver_leave);
	rig_close(&rig);
}
END_TEST

START_TEST(listen_async_is_in_the_dump)
{
	char *text = NULL;
	struct af_future *f;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	open_rig(0);
	f = af_listen_async(rig.loop, "slow.test", "0", NULL);
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
	ck_assert_msg(strstr(text, "listen on slow.test"), "%s", text);
	free(text);
	af_future_cancel(f);
	af_future_unref(f);
	gate_arrive(&resolver_leave);
	rig_close(&rig);
}
END_TEST

/* A socket of ::1 does not take what comes over IPv4. */
START_TEST(listen_async_of_both_families_has_each_where_it_needs_one)
{
	struct af_listener *listener;

	open_rig(_i);
	listener = taken(af_listen_async(rig.loop, "any.test", "0",
					 LISTEN(.dual_stack = true)));
	expect_serves(listener, 0);
	if (af_listener_address(listener, 0, NULL)->sa_family == AF_INET6)
		expect_serves(listener, 1);
	else
		fprintf(stderr, "skipped: there is no IPv6\n");
	ck_assert_ptr_null(af_listener_address(listener, 2, NULL));
	af_listener_close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(listener_of_what_has_none_is_null)
{
	struct af_future *f;

	open_rig(_i);
	ck_assert_ptr_null(af_future_take_listener(NULL));
	f = af_sleep(rig.loop, MS(1));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_null(af_future_take_listener(f));
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static struct stage stage;

static void await_listen(void *arg)
{
	struct af_future *f =
		af_listen_async(stage.loop, "here.test", "0", NULL);
	struct af_future *early = arg;

	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_await(early), -ENOENT);
	af_future_unref(f);
}

START_TEST(listen_async_is_awaited_in_every_context)
{
	struct af_future *early;

	resolver_setup();
	resolver_names = known;
	stage_open(&stage, (enum context)_i);
	early = af_listen_async(stage.loop, "nowhere.test", "0", NULL);
	stage_play(&stage, await_listen, early);
	af_future_unref(early);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/listen_async");
	TCase *tc = scratch_case(s, "listen_async");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(listen_async_on_a_name_listens_on_all_that_is_here, DRIVE_COUNT);
	ADD(listen_async_of_what_is_no_name_is_done_at_once, DRIVE_COUNT);
	ADD(listen_async_that_fails_says_why, DRIVE_COUNT);
	ADD(listener_that_nobody_takes_is_closed, DRIVE_COUNT);
	ADD(listen_async_that_waits_for_a_name_ends_at_once,
	    WAYS_TO_END * DRIVE_COUNT);
	ADD(listen_async_of_both_families_has_each_where_it_needs_one,
	    DRIVE_COUNT);
	ADD(listener_of_what_has_none_is_null, DRIVE_COUNT);
	tcase_add_test(tc, listen_async_is_in_the_dump);
	ADD(listen_async_is_awaited_in_every_context, CONTEXT_COUNT);
	return s;
}
