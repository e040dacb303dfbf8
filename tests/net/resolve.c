/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of names: each outcome, the order, and that a name server which
 * does not answer holds up nothing and leaves nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/dumped.h"
#include "support/resolver.h"
#include "support/slowrig.h"

/* How many lookups run at a time. */
#define THREADS 16

static const struct resolver_name known[] = {
	{ .host = "one", .addresses = { "192.0.2.1" } },
	{ .host = "both", .addresses = { "2001:db8::1", "192.0.2.1" } },
	{ .host = "many",
	  .addresses = { "2001:db8::1", "2001:db8::2", "2001:db8::3",
			 "192.0.2.1", "192.0.2.2" } },
	{ .host = "four first",
	  .addresses = { "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1",
			 "192.0.2.4" } },
	{ .host = "twice",
	  .addresses = { "192.0.2.1", "2001:db8::1", "192.0.2.1",
			 "2001:db8::1" } },
	{ .host = "slow", .addresses = { "192.0.2.1" }, .waits = true },
	{ .host = "slow failure", .code = EAI_AGAIN, .waits = true },
	{ .host = "again", .code = EAI_AGAIN },
	{ .host = "fail", .code = EAI_FAIL },
	{ .host = "memory", .code = EAI_MEMORY },
	{ .host = "family", .code = EAI_FAMILY },
	{ .host = "flags", .code = EAI_BADFLAGS },
	{ .host = "system", .code = EAI_SYSTEM, .error = ENFILE },
	{ .host = "no errno", .code = EAI_SYSTEM },
	{ .host = NULL },
};

static struct af_future *resolving(const char *host)
{
	return af_resolve(rig.loop, host, "80", NULL, NULL);
}

/* All addresses of a result, with spaces between. */
static const char *addresses_of(const struct af_future *f)
{
	static char all[1000];
	const struct sockaddr *address;
	char text[512];
	socklen_t len = 0;

	all[0] = '\0';
	for (size_t i = 0; (address = af_future_address(f, i, &len)); i++) {
		ck_assert_int_gt(
			af_address_text(address, len, text, sizeof text), 0);
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
			 i > 0 ? " " : "", text);
		ck_assert_uint_lt(i, af_future_count(f));
	}
	return all;
}

/* Drives f, which must find these, and drops it. */
static void expect_addresses(struct af_future *f, const char *all)
{
	int r = drive(&rig, f);

	ck_assert_msg(r == 0, "%s: %s, %s", all, strerror(-r),
		      af_connect_error(f));
	ck_assert_str_eq(addresses_of(f), all);
	ck_assert_str_eq(af_connect_error(f), "");
	ck_assert_ptr_null(af_future_take_file(f));
	af_future_unref(f);
}

/* Drives f, which must fail, and drops it. */
static void expect_failure(struct af_future *f, int error, const char *text)
{
	ck_assert_int_eq(drive(&rig, f), error);
	ck_assert_str_eq(af_connect_error(f), text);
	ck_assert_ptr_null(af_future_address(f, 0, NULL));
	ck_assert_uint_eq(af_future_count(f), 0);
	af_future_unref(f);
}

static const struct {
	const char *host, *service;
	struct af_resolve_options options;
	const char *all;
} numeric[] = {
	{ "192.0.2.1", "80", { .type = 0 }, "192.0.2.1:80" },
	{ "2001:db8::1",
	  "65535",
	  { .type = SOCK_STREAM },
	  "[2001:db8::1]:65535" },
	{ "192.0.2.1", NULL, { .type = SOCK_DGRAM }, "192.0.2.1:0" },
	{ NULL, "80", { .type = 0 }, "[::1]:80 127.0.0.1:80" },
	{ NULL, "80", { .family = AF_INET }, "127.0.0.1:80" },
	{ NULL, "80", { .passive = true }, "[::]:80 0.0.0.0:80" },
	{ NULL, "80", { .passive = true, .family = AF_INET6 }, "[::]:80" },
	{ "/run/server", NULL, { .type = 0 }, "/run/server" },
	{ "/run/server", NULL, { .family = AF_UNIX }, "/run/server" },
	{ "@server", NULL, { .type = SOCK_SEQPACKET }, "@server" },
};

START_TEST(resolve_of_a_number_is_done_at_once)
{
	struct af_future *f;

	rig_open(&rig, _i);
	for (size_t i = 0; i < sizeof numeric / sizeof *numeric; i++) {
		f = af_resolve(rig.loop, numeric[i].host, numeric[i].service,
			       &numeric[i].options, MS(0));
		ck_assert(af_future_is_done(f));
		expect_addresses(f, numeric[i].all);
	}
	ck_assert_int_eq(library_threads(), 0);
	ck_assert_uint_eq(resolver_calls, 0);
	rig_close(&rig);
}
END_TEST

static const struct {
	const char *host;
	int family;
	const char *all;
} orders[] = {
	{ "one", AF_UNSPEC, "192.0.2.1:80" },
	{ "both", AF_UNSPEC, "[2001:db8::1]:80 192.0.2.1:80" },
	{ "both", AF_INET, "192.0.2.1:80" },
	{ "many", AF_UNSPEC,
	  "[2001:db8::1]:80 192.0.2.1:80 [2001:db8::2]:80 192.0.2.2:80 "
	  "[2001:db8::3]:80" },
	{ "many", AF_INET6,
	  "[2001:db8::1]:80 [2001:db8::2]:80 [2001:db8::3]:80" },
	{ "four first", AF_UNSPEC,
	  "192.0.2.1:80 [2001:db8::1]:80 192.0.2.2:80 192.0.2.3:80 "
	  "192.0.2.4:80" },
	{ "twice", AF_UNSPEC, "192.0.2.1:80 [2001:db8::1]:80" },
};

START_TEST(resolve_of_a_name_has_the_families_in_turns)
{
	struct af_resolve_options options = { .type = SOCK_STREAM };
	struct af_future *f;

	rig_open(&rig, _i);
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		options.family = orders[i].family;
		f = af_resolve(rig.loop, orders[i].host, "http", &options,
			       MS(60000));
		ck_assert(!af_future_is_done(f));
		ck_assert_ptr_null(af_future_address(f, 0, NULL));
		expect_addresses(f, orders[i].all);
	}
	rig_close(&rig);
}
END_TEST

static const struct {
	const char *host, *service;
	int error;
	const char *text;
} failures[] = {
	{ "missing", "80", ENOENT, NULL },
	{ "", "80", ENOENT, NULL },
	{ "again", "80", EAGAIN, NULL },
	{ "fail", "80", EIO, NULL },
	{ "memory", "80", ENOMEM, NULL },
	{ "family", "80", EAFNOSUPPORT, NULL },
	{ "flags", "80", EINVAL, NULL },
	{ "system", "80", ENFILE, NULL },
	{ "no errno", "80", EIO, NULL },
	{ "one", "nosuchservice", ENOENT,
	  "one:nosuchservice: no such service" },
	{ "one", "65536", ENOENT, "one:65536: no such service" },
	{ "192.0.2.1", "4294967376", ENOENT,
	  "192.0.2.1:4294967376: no such service" },
	{ NULL, "-1", ENOENT, "localhost:-1: no such service" },
};

/* Why it is not known: the resolver's reason, or that of the system. */
static const char *reason_of(const char *host, int error)
{
	const struct resolver_name *name = known;
	int code = EAI_NONAME;

	while (name->host && strcmp(name->host, host) != 0)
		name++;
	if (name->host)
		code = name->code;
	return code == EAI_SYSTEM ? strerror(error) : gai_strerror(code);
}

START_TEST(resolve_of_what_is_not_known_says_what_and_why)
{
	char text[300];

	rig_open(&rig, _i);
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		if (failures[i].text)
			snprintf(text, sizeof text, "%s", failures[i].text);
		else
			snprintf(
				text, sizeof text, "%s: %s", failures[i].host,
				reason_of(failures[i].host, failures[i].error));
		expect_failure(af_resolve(rig.loop, failures[i].host,
					  failures[i].service, NULL, NULL),
			       -failures[i].error, text);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(resolve_error_has_no_control_characters)
{
	char text[300];

	rig_open(&rig, _i);
	snprintf(text, sizeof text, "a?b?[m?: %s", gai_strerror(EAI_NONAME));
	expect_failure(resolving("a\nb\033[m\177"), -ENOENT, text);
	rig_close(&rig);
}
END_TEST

static void fill(char *name, size_t size, char first)
{
	memset(name, 'a', size - 1);
	name[0] = first;
	name[size - 1] = '\0';
}

START_TEST(resolve_of_a_long_name_fails)
{
	/* A path has a NUL at its end, and a name has none. */
	const size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	char host[NI_MAXHOST + 1], text[NI_MAXHOST + 200];

	rig_open(&rig, _i);
	fill(host, NI_MAXHOST, 'a');
	snprintf(text, sizeof text, "%.511s: %s", host,
		 gai_strerror(EAI_NONAME));
	expect_failure(resolving(host), -ENOENT, text);
	fill(host, NI_MAXHOST + 1, 'a');
	snprintf(text, sizeof text, "%.511s: %s", host, strerror(ENAMETOOLONG));
	expect_failure(resolving(host), -ENAMETOOLONG, text);
	snprintf(text, sizeof text, "one: %s", strerror(ENAMETOOLONG));
	expect_failure(af_resolve(rig.loop, "one", host, NULL, NULL),
		       -ENAMETOOLONG, text);
	fill(host, room, '/');
	expect_addresses(af_resolve(rig.loop, host, NULL, NULL, NULL), host);
	fill(host, room + 1, '/');
	snprintf(text, sizeof text, "%s: %s", host, strerror(ENAMETOOLONG));
	expect_failure(af_resolve(rig.loop, host, NULL, NULL, NULL),
		       -ENAMETOOLONG, text);
	fill(host, room + 1, '@');
	expect_addresses(af_resolve(rig.loop, host, NULL, NULL, NULL), host);
	fill(host, room + 2, '@');
	snprintf(text, sizeof text, "%s: %s", host, strerror(ENAMETOOLONG));
	expect_failure(af_resolve(rig.loop, host, NULL, NULL, NULL),
		       -ENAMETOOLONG, text);
	rig_close(&rig);
}
END_TEST

static const struct {
	const char *host, *service;
	struct af_resolve_options options;
	int error;
} nonsense[] = {
	{ NULL, NULL, { .type = 0 }, EINVAL },
	{ NULL, NULL, { .passive = true }, EINVAL },
	{ "/run/server", "80", { .type = 0 }, EINVAL },
	{ "@server", "80", { .type = 0 }, EINVAL },
	{ "/run/server", NULL, { .family = AF_INET }, EINVAL },
	{ "one", "80", { .family = AF_UNIX }, EINVAL },
	{ "one", "80", { .family = 12345 }, EAFNOSUPPORT },
	{ "one", "80", { .type = 12345 }, EINVAL },
	{ "one", "80", { .type = SOCK_SEQPACKET }, EINVAL },
	{ "one", "80", { .reserved = { 1 } }, EINVAL },
	{ "one", "80", { .reserved = { [7] = 1 } }, EINVAL },
};

START_TEST(resolve_of_nonsense_is_invalid)
{
	struct af_future *f;

	rig_open(&rig, _i);
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
		f = af_resolve(rig.loop, nonsense[i].host, nonsense[i].service,
			       &nonsense[i].options, NULL);
		ck_assert(af_future_is_done(f));
		expect_error(&rig, f, -nonsense[i].error);
	}
	expect_error(&rig,
		     af_resolve(rig.loop, "one", "80", NULL,
				&(struct timeval){ -1, 0 }),
		     -EINVAL);
	expect_error(&rig,
		     af_resolve(rig.loop, "one", "80", NULL,
				&(struct timeval){ 0, 1000000 }),
		     -EINVAL);
	expect_error(&rig, af_resolve(NULL, "one", "80", NULL, NULL), -EINVAL);
	ck_assert_uint_eq(resolver_calls, 0);
	rig_close(&rig);
}
END_TEST

static void *resolve_elsewhere(void *arg)
{
	struct af_future *f = af_resolve(arg, "::1", "80", NULL, NULL);
	int r = af_future_error(f);

	af_future_unref(f);
	return r == -EPERM ? arg : NULL;
}

static void resolve_and_drop(struct af_future *done, void *arg)
{
	struct af_future *f = resolving("one");

	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	*(int *)arg = af_future_error(f);
	af_future_unref(f);
}

START_TEST(resolve_elsewhere_or_after_the_loop_fails)
{
	struct af_future *f;
	pthread_t thread;
	void *result;
	int r = 0;

	rig_open(&rig, _i);
	pthread_create(&thread, NULL, resolve_elsewhere, rig.loop);
	pthread_join(thread, &result);
	ck_assert_ptr_eq(result, rig.loop);
	f = af_sleep(rig.loop, MS(60000));
	af_on_done(af_future_ref(f), resolve_and_drop, &r);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(r, -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(resolve_result_is_there_through_a_chain_and_in_its_bounds)
{
	struct af_future *f, *other;
	socklen_t len = 1;

	rig_open(&rig, _i);
	f = af_with_timeout(af_shield(resolving("both")), MS(60000));
	ck_assert_ptr_null(af_future_address(f, 0, &len));
	ck_assert_str_eq(af_connect_error(f), "");
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_nonnull(af_future_address(f, 1, NULL));
	ck_assert_ptr_null(af_future_address(f, SIZE_MAX, &len));
	ck_assert_ptr_null(af_future_address(f, 2, &len));
	ck_assert_ptr_null(af_future_address(NULL, 0, &len));
	ck_assert_str_eq(af_connect_error(NULL), "");
	ck_assert_uint_eq(len, 1);
	af_future_unref(f);
	f = af_with_timeout(resolving("missing"), MS(60000));
	ck_assert_int_eq(drive(&rig, f), -ENOENT);
	ck_assert(strncmp(af_connect_error(f), "missing: ", 9) == 0);
	af_future_unref(f);
	/* Of other kinds, too, there is nothing. */
	f = af_succeeded(rig.loop, NULL, NULL);
	other = af_failed(rig.loop, -EIO);
	ck_assert_ptr_null(af_future_address(f, 0, &len));
	ck_assert_str_eq(af_connect_error(other), "");
	af_future_unref(f);
	af_future_unref(other);
	rig_close(&rig);
}
END_TEST

enum end { BY_DEADLINE, BY_TIMEOUT, BY_CANCEL, BY_DROP, BY_FREE, ENDS };

/* What the thread finds after all is freed: the sanitizers look. */
START_TEST(resolve_that_hangs_ends_at_once)
{
	const char *host = _i % 2 ? "slow" : "slow failure";
	enum end end = (enum end)(_i / 2 / DRIVE_COUNT);
	int64_t start = now_us();
	struct af_future *f;

	rig_open(&rig, _i / 2 % DRIVE_COUNT);
	f = af_resolve(rig.loop, host, "80", NULL,
		       end == BY_DEADLINE ? MS(20) : NULL);
	gate_await(&resolver_waiting, 1);
	expect_life();
	switch (end) {
	case BY_DEADLINE:
		ck_assert_int_eq(drive(&rig, f), -ETIMEDOUT);
		expect_elapsed(start, 20);
		ck_assert_str_eq(af_connect_error(f) + strlen(host),
				 ": no answer from the name server");
		af_future_unref(f);
		break;
	case BY_TIMEOUT:
		expect_error(&rig, af_with_timeout(f, MS(20)), -ETIMEDOUT);
		break;
	case BY_CANCEL:
		af_future_cancel(f);
		expect_failure(f, -ECANCELED, "");
		break;
	case BY_DROP:
		af_future_unref(f);
		gate_arrive(&resolver_leave);
		break;
	default:
		af_loop_free(rig.loop);
		rig.loop = NULL;
		ck_assert_int_eq(af_future_error(f), -ECANCELED);
		af_future_unref(f);
	}
	if (rig.loop)
		expect_life();
	gate_arrive(&resolver_leave);
	if (rig.loop && end == BY_CANCEL)
		expect_addresses(resolving("one"), "192.0.2.1:80");
	rig_close(&rig);
}
END_TEST

START_TEST(resolve_of_a_name_with_no_time_asks_nobody)
{
	rig_open(&rig, _i);
	expect_failure(af_resolve(rig.loop, "one", "80", NULL, MS(0)),
		       -ETIMEDOUT, "one: no answer from the name server");
	expect_failure(af_resolve(rig.loop, "::1", "http", NULL, MS(0)),
		       -ETIMEDOUT, "::1: no answer from the name server");
	ck_assert_uint_eq(resolver_calls, 0);
	ck_assert_int_eq(library_threads(), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(resolve_without_a_thread_fails_and_waits_for_nobody)
{
	struct slow slow = { .no_threads = true };

	rig_open(&rig, _i);
	slow_set(&slow);
	expect_failure(resolving("one"), -EAGAIN,
		       "one: no thread to ask the name server");
	expect_addresses(resolving("192.0.2.1"), "192.0.2.1:80");
	ck_assert_uint_eq(resolver_calls, 0);
	rig_close(&rig);
}
END_TEST

static void *add_one(void *arg)
{
	++*(int *)arg;
	return arg;
}

START_TEST(lookups_that_hang_hold_up_only_lookups)
{
	struct af_future *stuck[THREADS], *last, *next;
	struct af_file *file;
	int n = 0;

	open_cold(_i);
	resolver_names = known;
	file = containing("abc", "r");
	for (int i = 0; i < THREADS; i++)
		stuck[i] = resolving("slow");
	gate_await(&resolver_waiting, THREADS);
	last = resolving("slow");
	next = resolving("one");
	expect_text(&rig, reading(file, 0), "abc", AFIO_EOF);
	expect_count(&rig, af_work(rig.loop, add_one, &n, NULL), 1, 0);
	ck_assert_int_eq(n, 1);
	expect_addresses(resolving("::1"), "[::1]:80");
	ck_assert_int_le(library_threads(), THREADS + AFIO_DEFAULT_WORKERS + 1);
	/* It has not begun, so it is taken back. */
	af_future_cancel(last);
	expect_failure(last, -ECANCELED, "");
	for (int i = 0; i < THREADS; i++) {
		af_future_cancel(stuck[i]);
		expect_failure(stuck[i], -ECANCELED, "");
	}
	gate_arrive(&resolver_leave);
	expect_addresses(next, "192.0.2.1:80");
	ck_assert_uint_eq(resolver_calls, THREADS + 1);
	close_all(file);
}
END_TEST

/* What was passed is the caller's again when the call returns. */
START_TEST(resolve_keeps_copies_of_the_names)
{
	struct af_future *stuck[THREADS], *f;
	char host[] = "one", service[] = "http";

	rig_open(&rig, _i);
	for (int i = 0; i < THREADS; i++)
		stuck[i] = resolving("slow");
	gate_await(&resolver_waiting, THREADS);
	f = af_resolve(rig.loop, host, service, NULL, NULL);
	memcpy(host, "xxx", 3);
	memcpy(service, "xxxx", 4);
	gate_arrive(&resolver_leave);
	expect_addresses(f, "192.0.2.1:80");
	for (int i = 0; i < THREADS; i++)
		expect_addresses(stuck[i], "192.0.2.1:80");
	rig_close(&rig);
}
END_TEST

START_TEST(resolve_is_in_the_dump_with_its_host)
{
	struct af_future *f;

	rig_open(&rig, _i);
	f = resolving("slow");
	expect_dumped(rig.loop, "resolve of slow");
	af_future_cancel(f);
	af_future_unref(f);
	f = af_resolve(rig.loop, NULL, "http", NULL, NULL);
	expect_dumped(rig.loop, "resolve of localhost");
	af_future_cancel(f);
	af_future_unref(f);
	gate_arrive(&resolver_leave);
	rig_close(&rig);
}
END_TEST

static struct stage stage;

static void await_lookups(void *arg)
{
	struct af_future *f = af_resolve(stage.loop, "both", "80", NULL, NULL);

	(void)arg;
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_uint_eq(af_future_count(f), 2);
	af_future_unref(f);
	f = af_resolve(stage.loop, "missing", "80", NULL, NULL);
	ck_assert_int_eq(af_await(f), -ENOENT);
	af_future_unref(f);
	f = af_resolve(stage.loop, "slow", "80", NULL, NULL);
	ck_assert_int_eq(af_await_for(f, MS(5)), -ETIMEDOUT);
	gate_arrive(&resolver_leave);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(resolve_is_awaited_in_every_context)
{
	stage_open(&stage, (enum context)_i);
	stage_play(&stage, await_lookups, NULL);
	stage_close(&stage);
}
END_TEST

static void know(void)
{
	resolver_setup();
	resolver_names = known;
}

Suite *suite(void)
{
	Suite *s = suite_create("net/resolve");
	TCase *tc = scratch_case(s, "resolve");

	tcase_add_checked_fixture(tc, know, NULL);
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(resolve_of_a_number_is_done_at_once, DRIVE_COUNT);
	ADD(resolve_of_a_name_has_the_families_in_turns, DRIVE_COUNT);
	ADD(resolve_of_what_is_not_known_says_what_and_why, DRIVE_COUNT);
	ADD(resolve_error_has_no_control_characters, DRIVE_COUNT);
	ADD(resolve_of_a_long_name_fails, DRIVE_COUNT);
	ADD(resolve_of_nonsense_is_invalid, DRIVE_COUNT);
	ADD(resolve_elsewhere_or_after_the_loop_fails, DRIVE_COUNT);
	ADD(resolve_result_is_there_through_a_chain_and_in_its_bounds,
	    DRIVE_COUNT);
	ADD(resolve_that_hangs_ends_at_once, 2 * ENDS * DRIVE_COUNT);
	ADD(resolve_of_a_name_with_no_time_asks_nobody, DRIVE_COUNT);
	ADD(resolve_without_a_thread_fails_and_waits_for_nobody, DRIVE_COUNT);
	ADD(lookups_that_hang_hold_up_only_lookups, DRIVE_COUNT);
	ADD(resolve_keeps_copies_of_the_names, DRIVE_COUNT);
	ADD(resolve_is_in_the_dump_with_its_host, DRIVE_COUNT);
	ADD(resolve_is_awaited_in_every_context, CONTEXT_COUNT);
	return s;
}
