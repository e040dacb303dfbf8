/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors of accept(2), which the kernel returns when it wants. The test has
 * accept4(2) and accept(2) of its own, in front of the C library's; that the
 * shared library calls them, too, is how ELF works. Likewise an event_add() that
 * sets no timers.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include <event2/event.h>

#include "support/dial.h"
#include "support/fairness.h"

static struct rig rig;
static struct af_listener *listener;

/* The errors that come next, until 0; and how many calls there were. */
static int script[100];
static int calls;

static int accept_as_told(int fd, struct sockaddr *address, socklen_t *len,
			  int flags)
{
	int n = calls++;

	if (n < (int)(sizeof script / sizeof *script) && script[n] != 0) {
		errno = script[n];
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, address, len, flags);
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict len,
	    int flags)
{
	return accept_as_told(fd, address, len, flags);
}

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
	return accept_as_told(fd, address, len, 0);
}

/* How many timers were refused, if any are to be. */
static bool refuses_timers;
static int timers_refused;

int event_add(struct event *event, const struct timeval *timeout)
{
	int (*add)(struct event *, const struct timeval *);

	if (refuses_timers && timeout) {
		timers_refused++;
		return -1;
	}
	*(void **)&add = dlsym(RTLD_NEXT, "event_add");
	return add(event, timeout);
}

static void open_listener(int driver)
{
	rig_open_loop(&rig, (enum driver)driver);
	listener = listen_on(&rig, "127.0.0.1", "0", NULL);
	calls = 0;
}

static void close_listener(int fd)
{
	close(fd);
	af_listener_close(listener);
	rig_close(&rig);
}

START_TEST(errors_of_connections_that_are_gone_are_passed_over)
{
	static const int errors[] = { ECONNABORTED, EPROTO,	 EPERM,
				      EINTR,	    ENETDOWN,	 ENETUNREACH,
				      EHOSTDOWN,    EHOSTUNREACH, ENONET,
				      ENOPROTOOPT,  EOPNOTSUPP,	 ETIMEDOUT,
				      ECONNRESET };
	const int n = sizeof errors / sizeof *errors;
	struct af_future *f;
	int fd;

	memcpy(script, errors, sizeof errors);
	open_listener(_i);
	fd = dial(listener, 0);
	f = af_listener_accept(listener, NULL);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	ck_assert_int_eq(calls, n + 1);
	/* Also where there is no time. */
	calls = 0;
	expect_error(&rig, af_listener_accept(listener, MS(0)), -ETIMEDOUT);
	ck_assert_int_eq(calls, n + 1);
	close_listener(fd);
}
END_TEST

/* A filter of a sandbox, for example, that refuses the call itself. */
START_TEST(errors_without_end_do_not_turn_round_and_round)
{
	struct af_future *f;
	int64_t cpu;
	int fd;

	for (int i = 0; i < 90; i++)
		script[i] = EPERM;
	open_listener(_i);
	fd = dial(listener, 0);
	expect_error(&rig, af_listener_accept(listener, MS(0)), -EPERM);
	f = af_listener_accept(listener, NULL);
	cpu = cpu_us();
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	ck_assert_int_lt(cpu_us() - cpu, 100000);
	close_listener(fd);
}
END_TEST

START_TEST(lack_of_something_pauses_and_is_the_error_of_a_deadline)
{
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	int error = errors[_i % 4], fd;
	struct af_future *f;
	int64_t start;

	script[0] = script[1] = script[2] = error;
	open_listener(_i / 4);
	fd = dial(listener, 0);
	expect_error(&rig, af_listener_accept(listener, MS(0)), -error);
	ck_assert_int_eq(calls, 1);
	expect_error(&rig, af_listener_accept(listener, MS(5)), -error);
	start = now_us();
	f = af_listener_accept(listener, NULL);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	expect_elapsed(start, 90);
	close_listener(fd);
}
END_TEST

static int keep_one(struct af_file *file, void *arg)
{
	*(struct af_file **)arg = file;
	return 0;
}

/* Whoever closes a file has made room: it goes on at once. */
START_TEST(file_that_closes_ends_the_pause)
{
	struct af_file *file = NULL, *other = NULL;
	struct af_future *f;
	int64_t start;
	int fds[2];

	open_listener(_i);
	fds[0] = dial(listener, 0);
	file = accepted(&rig, af_listener_accept(listener, NULL));
	script[calls] = EMFILE;
	fds[1] = dial(listener, 0);
	f = af_listener_each(listener, keep_one, &other);
	while (script[calls - 1] != EMFILE)
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	start = now_us();
	ck_assert_int_eq(af_file_close(file), 0);
	while (!other && now_us() - start < 20000000)
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert_ptr_nonnull(other);
	if (now_us() - start > 80000)
		fprintf(stderr, "skipped: this machine is too slow\n");
	ck_assert_int_eq(af_file_close(other), 0);
	af_future_cancel(f);
	af_future_unref(f);
	close(fds[0]);
	close_listener(fds[1]);
}
END_TEST

/* Nobody is left who could be given what is queued. */
START_TEST(stop_ends_though_the_last_accept_is_cancelled_in_a_pause)
{
	struct af_future *f, *stop;
	int fd;

	open_listener(_i);
	for (int i = 0; i < 90; i++)
		script[i] = EMFILE;
	fd = dial(listener, 0);
	f = af_listener_accept(listener, NULL);
	stop = af_listener_stop(listener, NULL);
	expect_error(&rig, af_sleep(rig.loop, MS(2)), 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_int_eq(af_future_error(stop), -EINPROGRESS);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_error(&rig, stop, 0);
	ck_assert_int_eq(af_listener_fd(listener, 0), -EBADF);
	close_listener(fd);
}
END_TEST

/* Without a timer for the pause, it tries again in the next turn. */
START_TEST(lack_of_something_and_of_timers_is_tried_again)
{
	struct af_future *f;
	int fd;

	open_listener(_i);
	for (int i = 0; i < 3; i++)
		script[i] = ENOMEM;
	fd = dial(listener, 0);
	refuses_timers = true;
	f = af_listener_accept(listener, NULL);
	while (!af_future_is_done(f))
		turn(&rig);
	refuses_timers = false;
	ck_assert_int_ge(timers_refused, 3);
	ck_assert_int_eq(calls, 4);
	ck_assert_int_eq(af_file_close(accepted(&rig, f)), 0);
	close_listener(fd);
}
END_TEST

START_TEST(stop_without_a_timer_for_its_deadline_fails_enomem)
{
	struct af_future *accept, *stop;
	struct af_file *file;
	int fd;

	open_listener(_i);
	fd = dial(listener, 0);
	file = accepted(&rig, af_listener_accept(listener, NULL));
	refuses_timers = true;
	accept = af_listener_accept(listener, MS(20000));
	stop = af_listener_stop(listener, MS(20000));
	refuses_timers = false;
	expect_error(&rig, accept, -ENOMEM);
	ck_assert_int_eq(drive(&rig, stop), -ENOMEM);
	ck_assert_uint_eq(af_future_count(stop), 1);
	af_future_unref(stop);
	/* It stops nevertheless. */
	ck_assert_int_eq(af_listener_fd(listener, 0), -EBADF);
	ck_assert_int_eq(af_file_close(file), 0);
	close_listener(fd);
}
END_TEST

START_TEST(error_of_the_socket_ends_all_who_wait)
{
	struct af_file *file = NULL;
	struct af_future *f, *g;
	int fd;

	open_listener(_i);
	f = af_listener_accept(listener, NULL);
	g = af_listener_each(listener, keep_one, &file);
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	script[calls] = ENOTSOCK;
	fd = dial(listener, 0);
	expect_error(&rig, f, -ENOTSOCK);
	expect_error(&rig, g, -ENOTSOCK);
	/* It can be tried again. */
	ck_assert_int_eq(
		af_file_close(accepted(&rig,
				       af_listener_accept(listener, NULL))),
		0);
	close_listener(fd);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/accept_errors");
	TCase *tc = scratch_case(s, "errors");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(errors_of_connections_that_are_gone_are_passed_over, DRIVE_COUNT);
	ADD(errors_without_end_do_not_turn_round_and_round, DRIVE_COUNT);
	ADD(lack_of_something_pauses_and_is_the_error_of_a_deadline,
	    4 * DRIVE_COUNT);
	ADD(file_that_closes_ends_the_pause, DRIVE_COUNT);
	ADD(stop_ends_though_the_last_accept_is_cancelled_in_a_pause,
	    DRIVE_COUNT);
	ADD(lack_of_something_and_of_timers_is_tried_again, DRIVE_COUNT);
	ADD(stop_without_a_timer_for_its_deadline_fails_enomem, DRIVE_COUNT);
	ADD(error_of_the_socket_ends_all_who_wait, DRIVE_COUNT);
	return s;
}
