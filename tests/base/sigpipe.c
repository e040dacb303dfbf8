/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A write or a copy to a reader that left is -EPIPE and never SIGPIPE, whatever
 * the program does about that signal; and what the program does stays as it is.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/copies.h"
#include "support/scratch.h"
#ifdef HAVE_RWF
#include "support/denied.h"
#endif

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

#ifdef HAVE_RWF
/* It then blocks the signal. */
START_TEST(write_broken_without_its_system_call_survives)
{
	static const struct denied call = { "pwritev2", SYS_pwritev2, 0, 0, 0 };

	if (!deny(&call, 1, ENOSYS))
		return;
	signal(SIGPIPE, SIG_DFL);
	open_broken(_i);
	write_until_epipe();
	expect_action(SIG_DFL);
	rig_close(&rig);
}
END_TEST
#endif

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
	struct af_future *f;

	signal(SIGPIPE, count_signal);
	rig_open(&rig, _i);
	f = af_file_write(rig_writer(&rig), data, LEN, AFIO_FULL, NULL);
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

/* Idle, with the reader gone: nothing is reported until a write. */
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

/* What the program does about SIGPIPE, and whether it is owed one. */
enum disposition {
	BY_DEFAULT,
	HANDLED,
	IGNORED,
	ANOTHER_BLOCKED, /* SIGXFSZ, which a copy blocks, too */
	BLOCKED,
	PENDING,
	PENDING_FOR_ALL,
	DISPOSITION_COUNT
};

/* Returns what is blocked. */
static sigset_t dispose(enum disposition what)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	if (what == BY_DEFAULT)
		signal(SIGPIPE, SIG_DFL);
	else
		signal(SIGPIPE, what == IGNORED ? SIG_IGN : count_signal);
	if (what == ANOTHER_BLOCKED)
		sigaddset(&blocked, SIGXFSZ);
	if (what >= BLOCKED)
		sigaddset(&blocked, SIGPIPE);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	if (what == PENDING)
		raise(SIGPIPE);
	if (what == PENDING_FOR_ALL)
		kill(getpid(), SIGPIPE);
	return blocked;
}

/* Index: what is done about the signal, a way, and who drives. */
START_TEST(copy_to_nobody_fails_epipe_without_a_signal)
{
	enum disposition what = (enum disposition)(_i / ALL_WAYS);
	struct af_future *f;
	sigset_t blocked;
	int error;

	open_way(_i % ALL_WAYS);
	blocked = dispose(what);
	close_sink();
	do { /* TCP lets the first ones pass */
		put_text(rig.out, "x");
		f = copying(1, NULL);
		error = drive(&rig, f);
		ck_assert_uint_eq(af_future_count(f), error == 0);
		af_future_unref(f);
	} while (error == 0);
	ck_assert_int_eq(error, -EPIPE);
	expect_text(&rig, reading(1), "x", 0);
	ck_assert_int_eq(signals, 0);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	ck_assert_int_eq(signals, what >= PENDING);
	close_way();
}
END_TEST

struct leaver {
	int fd;
	size_t after;
};

static void *leave_early(void *arg)
{
	const struct leaver *leaver = arg;
	char buf[4096];

	for (size_t got = 0; got < leaver->after;) {
		ssize_t n = read(leaver->fd, buf, sizeof buf);

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	ck_assert_int_eq(close(leaver->fd), 0);
	return NULL;
}

/* Who leaves in the middle of one sendfile(2), which has a result then. */
START_TEST(copy_of_which_a_part_went_raises_no_signal)
{
	char name[] = "file";
	struct af_file *file;
	pthread_t thread;

	rig_open_loop(&rig, DRIVE_AWAIT);
	signal(SIGPIPE, SIG_DFL);
	make_file(name, "", 0600);
	ck_assert_int_eq(truncate(name, 1 << 20), 0);
	file = af_file_open(rig.loop, name, "r");
	for (size_t i = 0; i < 300; i++) {
		struct leaver leaver = { .after = 4096 + i * 1000 };

		open_target(KIND_SOCKETPAIR, true);
		leaver.fd = sink;
		sink = -1;
		ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
		pthread_create(&thread, NULL, leave_early, &leaver);
		expect_end(af_file_copy(file, target, 1 << 20, NULL), -EPIPE,
			   0);
		pthread_join(thread, NULL);
		close_target();
	}
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("base/sigpipe");
	TCase *tc = test_case(s, "write");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(write_broken_with_default_action_survives);
	ADD(write_broken_with_handler_does_not_call_it);
	ADD(write_broken_with_signal_ignored_fails_alike);
	ADD(write_broken_with_signal_blocked_leaves_none_pending);
	tcase_add_loop_test(tc, write_broken_with_signal_pending_keeps_it, 0,
			    2 * EVERY_WAY);
	ADD(write_waiting_when_reader_goes_raises_no_signal);
	ADD(idle_writer_when_reader_goes_stays_quiet);

	tc = scratch_case(s, "copy");
	tcase_add_loop_test(tc, copy_to_nobody_fails_epipe_without_a_signal, 0,
			    DISPOSITION_COUNT * ALL_WAYS);
	tcase_add_test(tc, copy_of_which_a_part_went_raises_no_signal);
#ifdef HAVE_RWF
	tcase_add_loop_test(tc, write_broken_without_its_system_call_survives,
			    0, EVERY_WAY);
#endif
	return s;
}
