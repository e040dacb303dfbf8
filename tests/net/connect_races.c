/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections to a name with several addresses, some of which do not answer, as
 * RFC 8305 has them tried. An address that does not answer is a server whose
 * queue is full, which Linux ignores; its clients ask again after a second.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/resolver.h"
#include "support/server.h"

/* Longer than a test may take. */
#define NEVER (&(struct timeval){ 600, 0 })

static struct rig rig;

/* All on loopback, of one port. */
static const struct resolver_name known[] = {
	{ .host = "dead alive", .addresses = { "127.0.0.1", "127.0.0.2" } },
	{ .host = "dead dead alive",
	  .addresses = { "127.0.0.1", "127.0.0.3", "127.0.0.2" } },
	{ .host = "dead dead", .addresses = { "127.0.0.1", "127.0.0.3" } },
	{ .host = "dead dead refused",
	  .addresses = { "127.0.0.1", "127.0.0.3", "127.0.0.4" } },
	{ .host = "refused alive", .addresses = { "127.0.0.4", "127.0.0.2" } },
	{ .host = "dead refused", .addresses = { "127.0.0.1", "127.0.0.4" } },
	{ .host = "dead refused alive",
	  .addresses = { "127.0.0.1", "127.0.0.4", "127.0.0.2" } },
	{ .host = "alive alive", .addresses = { "127.0.0.2", "127.0.0.5" } },
	{ .host = "six dead alive",
	  .addresses = { "::1", "127.0.0.1", "127.0.0.2" } },
	{ .host = NULL },
};

static int port, alive, alive_too, refuses;
static struct server_hole dead, dead_too;

/* A port that is free at all of these addresses. */
static void bind_all(const char *const hosts[], int fds[], int n)
{
	int i = 0;

	while (i < n) {
		if (server_try(hosts[i], i > 0 ? port : 0, SOCK_STREAM,
			       &fds[i])) {
			port = server_port(fds[i++]);
			continue;
		}
		while (i > 0)
			close(fds[--i]);
	}
}

static void open_servers(void)
{
	static const char *const hosts[] = { "127.0.0.1", "127.0.0.2",
					     "127.0.0.3", "127.0.0.4",
					     "127.0.0.5" };
	int fds[5];

	bind_all(hosts, fds, 5);
	dead = server_hole(fds[0], hosts[0]);
	alive = fds[1];
	dead_too = server_hole(fds[2], hosts[2]);
	refuses = fds[3]; /* nobody listens */
	alive_too = fds[4];
	ck_assert_int_eq(listen(alive, 8), 0);
	ck_assert_int_eq(listen(alive_too, 8), 0);
}

static void close_servers(void)
{
	close(alive);
	close(alive_too);
	close(refuses);
	server_fill(&dead);
	server_fill(&dead_too);
}

static void open_all(int driver)
{
	open_servers();
	rig_open_loop(&rig, (enum driver)driver);
}

static void close_all(void)
{
	rig_close(&rig);
	close_servers();
}

static struct af_future *connecting_in(struct af_loop *loop, const char *host,
				       const struct timeval *delay,
				       const struct timeval *timeout)
{
	const struct af_connect_options options = { .attempt_delay = delay };
	char service[20];

	snprintf(service, sizeof service, "%d", port);
	return af_connect(loop, host, service, &options, timeout);
}

static struct af_future *connecting(const char *host,
				    const struct timeval *delay,
				    const struct timeval *timeout)
{
	return connecting_in(rig.loop, host, delay, timeout);
}

static void expect_answer(const struct af_future *f, const char *host)
{
	char want[100], text[512];
	const struct sockaddr *address;
	socklen_t len = 0;

	ck_assert_msg(af_future_error(f) == 0, "%s", af_connect_error(f));
	address = af_future_address(f, 0, &len);
	ck_assert_ptr_nonnull(address);
	if (!host)
		return;
	af_address_text(address, len, text, sizeof text);
	snprintf(want, sizeof want, "%s:%d", host, port);
	ck_assert_str_eq(text, want);
}

/* Drives f, which must reach this address (NULL: any); drops it. */
static void expect_winner(struct af_future *f, const char *host)
{
	struct af_file *file;
	int fds;

	drive(&rig, f);
	expect_answer(f, host);
	fds = count_fds();
	file = af_future_take_file(f);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(count_fds(), fds - 1);
	af_future_unref(f);
}

/* In text, # is the port. */
static void expect_failure(struct af_future *f, int error, const char *text)
{
	char want[300] = "", *end = want;

	ck_assert_int_eq(drive(&rig, f), error);
	for (; *text; text++)
		if (*text == '#')
			end += sprintf(end, "%d", port);
		else
			*end++ = *text;
	*end = '\0';
	ck_assert_str_eq(af_connect_error(f), want);
	af_future_unref(f);
}

START_TEST(connect_with_a_dead_address_takes_the_delay)
{
	int64_t start = now_us();
	int fds;

	open_all(_i);
	fds = count_fds();
	expect_winner(connecting("dead alive", NULL, MS(60000)), "127.0.0.2");
	expect_elapsed(start, 250);
	start = now_us();
	expect_winner(connecting("dead dead alive", MS(10), NULL), "127.0.0.2");
	expect_elapsed(start, 20);
	ck_assert_int_eq(count_fds(), fds);
	close_all();
}
END_TEST

START_TEST(connect_after_a_refusal_does_not_wait)
{
	open_all(_i);
	expect_winner(connecting("refused alive", NEVER, NULL), "127.0.0.2");
	close_all();
}
END_TEST

/* A failure ends the wait that began with the attempt before it. */
START_TEST(connect_after_a_refusal_during_an_attempt_does_not_wait)
{
	const struct timeval *delay = MS(20);
	int64_t start = now_us();

	open_all(_i);
	expect_winner(connecting("dead refused alive", delay, NULL),
		      "127.0.0.2");
	expect_elapsed(start, 20);
	close_all();
}
END_TEST

/* Its client asks again after a second, and is refused then. */
START_TEST(connect_after_a_late_refusal_does_not_wait)
{
	struct af_future *f;

	open_all(_i);
	f = connecting("dead alive", NEVER, NULL);
	expect_count(&rig, af_sleep(rig.loop, MS(5)), 0, 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	close(dead.listener);
	expect_winner(f, "127.0.0.2");
	dead.listener = server_bind("127.0.0.1", 0, SOCK_STREAM);
	close_all();
}
END_TEST

/* An attempt goes on while others are made, and may win after all. */
START_TEST(connect_is_won_by_the_first_that_answers)
{
	struct af_future *f;
	int fd;

	open_all(_i);
	f = connecting("dead dead", MS(0), NULL);
	expect_count(&rig, af_sleep(rig.loop, MS(5)), 0, 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	fd = server_accept(dead.listener);
	expect_winner(f, "127.0.0.1");
	close(fd);
	close_all();
}
END_TEST

static void expect_closed(int listener)
{
	int fd = server_accept(listener);
	char byte;

	ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

START_TEST(connect_closes_the_losers)
{
	int fds;

	open_all(_i);
	fds = count_fds();
	expect_winner(connecting("alive alive", MS(0), NULL), NULL);
	ck_assert_int_eq(count_fds(), fds);
	expect_closed(alive);
	expect_closed(alive_too);
	close_all();
}
END_TEST

START_TEST(connect_without_a_delay_tries_all_at_once)
{
	int fds;
	struct af_future *f;

	open_all(_i);
	expect_winner(connecting("dead dead alive", MS(0), MS(60000)),
		      "127.0.0.2");
	fds = count_fds();
	f = connecting("dead dead", MS(0), MS(500));
	expect_failure(f, -ETIMEDOUT,
		       "127.0.0.1:#: no answer; 127.0.0.3:#: no answer");
	ck_assert_int_eq(count_fds(), fds);
	close_all();
}
END_TEST

START_TEST(connect_with_no_time_tries_each_once)
{
	open_all(_i);
	/* A name takes time; so numbers stand for it here. */
	expect_failure(connecting("127.0.0.1", NULL, MS(0)), -ETIMEDOUT,
		       "127.0.0.1:#: no answer");
	expect_winner(connecting("127.0.0.2", NULL, MS(0)), "127.0.0.2");
	close_all();
}
END_TEST

START_TEST(connect_at_the_deadline_says_what_became_of_each)
{
	struct af_future *f = NULL;
	char text[200];
	int ms = 250;

	open_all(_i);
	snprintf(text, sizeof text, "127.0.0.1:#: no answer; 127.0.0.4:#: %s",
		 strerror(ECONNREFUSED));
	/* With more time until there was enough for the second attempt. */
	do {
		af_future_unref(f);
		ms *= 2;
		f = connecting("dead refused", MS(1), MS(ms));
		drive(&rig, f);
	} while (!strchr(af_connect_error(f), ';'));
	expect_failure(f, -ETIMEDOUT, text);
	/* The second one was not tried. */
	expect_failure(connecting("dead alive", NEVER, MS(500)), -ETIMEDOUT,
		       "127.0.0.1:#: no answer");
	close_all();
}
END_TEST

START_TEST(connect_tries_the_other_family_next)
{
	open_all(_i);
	/* Nobody is at ::1, and the next one is dead. */
	expect_winner(connecting("six dead alive", MS(10), NULL), "127.0.0.2");
	close_all();
}
END_TEST

/* The second attempt fails for want of a descriptor, and the first goes on. */
START_TEST(connect_with_one_descriptor_left_goes_on_with_it)
{
	struct rlimit limit, few;
	struct af_future *f;
	int fd, fds;

	open_all(_i);
	expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	fds = count_fds();
	f = connecting("dead alive", MS(500), NULL);
	while (count_fds() == fds)
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	few = limit;
	few.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &few);
	expect_count(&rig, af_sleep(rig.loop, MS(600)), 0, 0);
	setrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	fd = server_accept(dead.listener);
	expect_winner(f, "127.0.0.1");
	close(fd);
	close_all();
}
END_TEST

enum end { BY_CANCEL, BY_FREE, BY_DROP_AND_FREE, ENDS };

/* In the second attempt, and with a third one due. */
START_TEST(connect_that_is_ended_between_attempts_leaves_nothing)
{
	enum end by = (enum end)(_i / DRIVE_COUNT);
	struct af_future *f;
	int fds;

	open_all(_i % DRIVE_COUNT);
	expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	fds = count_fds();
	f = connecting("dead dead refused", MS(20), NULL);
	while (count_fds() < fds + 2)
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	if (by == BY_CANCEL) {
		af_future_cancel(f);
		ck_assert_str_eq(af_connect_error(f), "");
		expect_error(&rig, f, -ECANCELED);
		ck_assert_int_eq(count_fds(), fds);
	} else if (by == BY_FREE) {
		af_loop_free(rig.loop);
		rig.loop = NULL;
		ck_assert_int_eq(af_future_error(f), -ECANCELED);
		af_future_unref(f);
	} else {
		af_future_unref(f);
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	close_all();
}
END_TEST

static struct stage stage;
static struct af_future *early;

/* Both move with the base: attempts, and the wait for the next one. */
static void await_connections(void *arg)
{
	struct af_future *f =
		connecting_in(stage.loop, "dead dead alive", MS(5), MS(60000));
	struct af_future *pending =
		connecting_in(stage.loop, "dead dead", MS(5), MS(40));

	(void)arg;
	ck_assert_int_eq(af_await(f), 0);
	expect_answer(f, "127.0.0.2");
	af_future_unref(f);
	ck_assert_int_eq(af_await(early), 0);
	expect_answer(early, "127.0.0.2");
	ck_assert_int_eq(af_await(pending), -ETIMEDOUT);
	af_future_unref(pending);
	f = connecting_in(stage.loop, "127.0.0.4", NULL, NULL);
	ck_assert_int_eq(af_await(f), -ECONNREFUSED);
	af_future_unref(f);
}

START_TEST(connect_is_awaited_in_every_context)
{
	open_servers();
	stage_open(&stage, (enum context)_i);
	early = connecting_in(stage.loop, "dead alive", MS(20), NULL);
	stage_play(&stage, await_connections, NULL);
	af_future_unref(early);
	stage_close(&stage);
	close_servers();
}
END_TEST

/* What is pending before a wait in a callback, and after it. */
static void await_something_else(void *arg)
{
	struct af_future *nap = af_sleep(stage.loop, MS(5));

	(void)arg;
	ck_assert_int_eq(af_await(nap), 0);
	af_future_unref(nap);
}

START_TEST(connect_goes_on_after_a_wait_in_every_context)
{
	open_servers();
	stage_open(&stage, (enum context)_i);
	early = connecting_in(stage.loop, "dead alive", MS(20), NULL);
	stage_play(&stage, await_something_else, NULL);
	ck_assert_int_eq(af_await(early), 0);
	expect_answer(early, "127.0.0.2");
	af_future_unref(early);
	stage_close(&stage);
	close_servers();
}
END_TEST

/* Of connect(2), after which it goes on. */
static bool interrupted;
/* Its errors, instead of calls; until 0. */
static int script[4];
static size_t scripted;

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	long r;

	if (scripted < 4 && script[scripted]) {
		errno = script[scripted++];
		return -1;
	}
	r = syscall(SYS_connect, fd, address, len);
	if (interrupted && (r == 0 || errno == EINPROGRESS)) {
		errno = EINTR;
		return -1;
	}
	return (int)r;
}

START_TEST(connect_that_is_interrupted_goes_on)
{
	open_all(_i);
	interrupted = true;
	expect_winner(connecting("127.0.0.2", NULL, NULL), "127.0.0.2");
	expect_winner(connecting("dead alive", MS(5), NULL), "127.0.0.2");
	interrupted = false;
	close_all();
}
END_TEST

/* Once there is room, which no event reports. */
START_TEST(connect_to_a_unix_socket_that_is_interrupted_goes_on)
{
	struct server_hole hole;
	struct af_future *f;
	char name[60];
	int fd;

	rig_open_loop(&rig, (enum driver)_i);
	snprintf(name, sizeof name, "@asyncfile-interrupted-%d", (int)getpid());
	hole = server_dig(name, 0);
	f = af_connect(rig.loop, name, NULL, NULL, NULL);
	interrupted = true;
	expect_count(&rig, af_sleep(rig.loop, MS(3)), 0, 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	fd = server_accept(hole.listener);
	expect_winner(f, NULL);
	interrupted = false;
	close(fd);
	server_fill(&hole);
	rig_close(&rig);
}
END_TEST

/* That there is no way to a peer says less than its refusal. */
START_TEST(connect_error_is_that_which_says_most)
{
	static const int ways[] = { EHOSTUNREACH, EAFNOSUPPORT, ENETUNREACH,
				    EADDRNOTAVAIL };
	int way = ways[_i / DRIVE_COUNT];
	char text[300];

	open_all(_i % DRIVE_COUNT);
	for (int i = 0; i < 2; i++) {
		script[i] = way;
		script[!i] = ECONNREFUSED;
		snprintf(text, sizeof text, "127.0.0.2:#: %s; 127.0.0.5:#: %s",
			 strerror(script[0]), strerror(script[1]));
		expect_failure(connecting("alive alive", NULL, NULL),
			       -ECONNREFUSED, text);
		ck_assert_uint_eq(scripted, 2);
		scripted = 0;
	}
	script[0] = script[1] = way;
	snprintf(text, sizeof text, "127.0.0.2:#: %s; 127.0.0.5:#: %s",
		 strerror(way), strerror(way));
	expect_failure(connecting("alive alive", NULL, NULL), -way, text);
	close_all();
}
END_TEST

/* Unlike that of a Unix socket, a lack of ports does not pass soon. */
START_TEST(connect_that_finds_no_port_fails_eagain)
{
	open_all(_i);
	script[0] = EAGAIN;
	expect_failure(connecting("127.0.0.2", NULL, NULL), -EAGAIN,
		       "127.0.0.2:#: Resource temporarily unavailable");
	close_all();
}
END_TEST

static void know(void)
{
	resolver_setup();
	resolver_names = known;
}

Suite *suite(void)
{
	Suite *s = suite_create("net/connect_races");
	TCase *tc = test_case(s, "races");

	tcase_add_checked_fixture(tc, know, NULL);
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(connect_with_a_dead_address_takes_the_delay, DRIVE_COUNT);
	ADD(connect_after_a_refusal_does_not_wait, DRIVE_COUNT);
	ADD(connect_after_a_refusal_during_an_attempt_does_not_wait,
	    DRIVE_COUNT);
	ADD(connect_after_a_late_refusal_does_not_wait, DRIVE_COUNT);
	ADD(connect_is_won_by_the_first_that_answers, DRIVE_COUNT);
	ADD(connect_closes_the_losers, DRIVE_COUNT);
	ADD(connect_without_a_delay_tries_all_at_once, DRIVE_COUNT);
	ADD(connect_with_no_time_tries_each_once, DRIVE_COUNT);
	ADD(connect_at_the_deadline_says_what_became_of_each, DRIVE_COUNT);
	ADD(connect_tries_the_other_family_next, DRIVE_COUNT);
	ADD(connect_with_one_descriptor_left_goes_on_with_it, DRIVE_COUNT);
	ADD(connect_that_is_ended_between_attempts_leaves_nothing,
	    ENDS * DRIVE_COUNT);
	ADD(connect_is_awaited_in_every_context, CONTEXT_COUNT);
	ADD(connect_goes_on_after_a_wait_in_every_context, CONTEXT_COUNT);
	ADD(connect_that_is_interrupted_goes_on, DRIVE_COUNT);
	ADD(connect_to_a_unix_socket_that_is_interrupted_goes_on, DRIVE_COUNT);
	ADD(connect_error_is_that_which_says_most, 4 * DRIVE_COUNT);
	ADD(connect_that_finds_no_port_fails_eagain, DRIVE_COUNT);
	return s;
}
