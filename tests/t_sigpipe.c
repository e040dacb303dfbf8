/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A write to a reader that left is -EPIPE and never SIGPIPE, whatever the
 * program does about that signal; and what the program does stays as it is.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "harness.h"

static struct rig rig;
static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

/* A file whose reader leaves after it was made. */
static void open_broken(int way)
{
	rig_open(&rig, way);
	rig_writer(&rig);
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
}

/* At once, and from the loop: TCP lets the first ones pass. */
static void write_until_epipe(void)
{
	struct evbuffer *buf = evbuffer_new();
	struct af_future *f;
	int error = 0;

	while (error == 0) {
		f = af_file_write(rig.writer, "x", 1, 0, NULL);
		error = drive(&rig, f);
		af_future_unref(f);
	}
	ck_assert_int_eq(error, -EPIPE);
	evbuffer_add_printf(buf, "abc");
	expect_error(&rig, af_file_write_buffer(rig.writer, buf, 0, NULL),
		     -EPIPE);
	evbuffer_free(buf);
}

static bool is_pending(void)
{
	sigset_t set;

	ck_assert_int_eq(sigpending(&set), 0);
	return sigismember(&set, SIGPIPE);
}

static bool is_blocked(void)
{
	sigset_t set;

	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	return sigismember(&set, SIGPIPE);
}

static void block_sigpipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

/* Does the action for SIGPIPE stand as the test set it? */
static void expect_action(void (*handler)(int))
{
	struct sigaction action;

	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &action), 0);
	ck_assert(action.sa_handler == handler);
}

START_TEST(write_broken_with_default_action_survives)
{
	signal(SIGPIPE, SIG_DFL);
	open_broken(_i);
	write_until_epipe();
	ck_assert(!is_blocked());
	ck_assert(!is_pending());
	expect_action(SIG_DFL);
	rig_close(&rig);
}
END_TEST

START_TEST(write_broken_with_handler_does_not_call_it)
{
	signal(SIGPIPE, count_signal);
	open_broken(_i);
	write_until_epipe();
	ck_assert(!is_blocked());
	ck_assert_int_eq(signals, 0);
	expect_action(count_signal);
	raise(SIGPIPE);
	ck_assert_int_eq(signals, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(write_broken_with_signal_ignored_fails_alike)
{
	signal(SIGPIPE, SIG_IGN);
	open_broken(_i);
	write_until_epipe();
	expect_action(SIG_IGN);
	rig_close(&rig);
}
END_TEST

START_TEST(write_broken_with_signal_blocked_leaves_none_pending)
{
	block_sigpipe();
	open_broken(_i);
	write_until_epipe();
	ck_assert(is_blocked());
	ck_assert(!is_pending());
	rig_close(&rig);
}
END_TEST

/* The signal that the program is owed: to the thread, or to the process. */
START_TEST(write_broken_with_signal_pending_keeps_it)
{
	signal(SIGPIPE, count_signal);
	block_sigpipe();
	open_broken(_i / 2);
	if (_i % 2)
		kill(getpid(), SIGPIPE);
	else
		raise(SIGPIPE);
	write_until_epipe();
	ck_assert(is_blocked());
	ck_assert(is_pending());
	ck_assert_int_eq(signals, 0);
	sigprocmask(SIG_SETMASK, &(sigset_t){ 0 }, NULL);
	ck_assert_int_eq(signals, 1);
	rig_close(&rig);
}
END_TEST

/* From the wake-up, not from the call. */
START_TEST(write_waiting_when_reader_goes_raises_no_signal)
{
	static char data[8 << 20];
	struct af_future *f;

	signal(SIGPIPE, count_signal);
	rig_open(&rig, _i);
	f = af_file_write(rig_writer(&rig), data, sizeof data, AFIO_FULL, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	ck_assert_int_lt(drive(&rig, f), 0);
	af_future_unref(f);
	ck_assert_int_eq(signals, 0);
	rig_close(&rig);
}
END_TEST

/* Idle, with the reader gone: nothing is said until a write (trap 8). */
START_TEST(idle_writer_when_reader_goes_stays_quiet)
{
	struct af_future *f;
	char read_byte;

	signal(SIGPIPE, SIG_DFL);
	rig_open(&rig, _i);
	rig_writer(&rig);
	expect_count(&rig, af_file_write(rig.writer, "x", 1, 0, NULL), 1, 0);
	get(rig.in, &read_byte, 1);
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	for (int i = 0; i < 10; i++)
		turn(&rig);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	f = af_file_write(rig.writer, "x", 1, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), rig.kind == KIND_TCP ? 0 : -EPIPE);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("sigpipe");
	TCase *tc = test_case(s, "sigpipe");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(write_broken_with_default_action_survives);
	ADD(write_broken_with_handler_does_not_call_it);
	ADD(write_broken_with_signal_ignored_fails_alike);
	ADD(write_broken_with_signal_blocked_leaves_none_pending);
	tcase_add_loop_test(tc, write_broken_with_signal_pending_keeps_it, 0,
			    2 * EVERY_WAY);
	ADD(write_waiting_when_reader_goes_raises_no_signal);
	ADD(idle_writer_when_reader_goes_stays_quiet);
	return s;
}
