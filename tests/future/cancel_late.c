/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cancels, timeouts and lost races that come after the root of a chain is done
 * and before its continuation ran: the continuation runs, and no byte is lost.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"

static struct rig rig;
static char got[64];
static int calls, cancels;

static struct af_future *take(struct af_future *done, void *arg)
{
	const char *data = af_future_data(done, NULL);

	(void)arg;
	calls++;
	if (data)
		strncat(got, data, sizeof got - strlen(got) - 1);
	return NULL;
}

static void count_cancel(struct af_future *f, void *arg)
{
	(void)f;
	(void)arg;
	cancels++;
}

static struct af_future *make(void)
{
	return af_future_new(rig.loop, count_cancel, NULL);
}

static struct af_future *make_next(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	calls++;
	return make();
}

static struct af_future *succeed(void)
{
	struct af_future *f = make();

	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	return f;
}

static struct af_future *read_line(void)
{
	return af_file_readline(rig.reader, 0, 0, 0, NULL);
}

static void open_reader(int driver)
{
	rig_open(&rig, driver);
	rig_reader(&rig);
	*got = '\0';
	calls = 0;
}

START_TEST(cancel_of_due_then_lets_it_take_the_bytes)
{
	struct af_future *f;

	open_reader(_i);
	put_text(rig.out, "one\ntwo\n");
	f = af_then(af_then(read_line(), take, NULL), take, NULL);
	af_future_cancel(f);
	ck_assert_int_eq(calls, 0);
	expect_text(&rig, f, "one\n", 0);
	ck_assert_str_eq(got, "one\none\n");
	expect_text(&rig, read_line(), "two\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(cancel_of_due_then_cancels_what_it_returns)
{
	struct af_future *f;

	rig_open(&rig, _i);
	calls = cancels = 0;
	f = af_then(af_then(succeed(), make_next, NULL), make_next, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(cancels, 1);
	rig_close(&rig);
}
END_TEST

/* The first one keeps the outcome; the chain is still a cancelled one. */
START_TEST(cancel_reaches_the_second_continuation)
{
	struct af_future *f;

	rig_open(&rig, _i);
	calls = cancels = 0;
	f = af_then(af_then(succeed(), take, NULL), make_next, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(cancels, 1);
	rig_close(&rig);
}
END_TEST

static struct af_future *nap(struct af_future *done, void *arg)
{
	(void)done;
	calls++;
	return af_sleep(rig.loop, arg);
}

/* Cleaning up takes its time; and after a cancel that was caught life goes on. */
START_TEST(cancel_spares_what_catch_and_finally_return)
{
	struct af_future *f;

	rig_open(&rig, _i);
	calls = cancels = 0;
	f = af_finally(succeed(), nap, MS(5));
	af_future_cancel(f);
	expect_error(&rig, f, 0);
	f = make();
	af_future_fail(f, -EIO);
	f = af_catch(f, nap, MS(5));
	af_future_cancel(f);
	expect_error(&rig, f, 0);
	f = af_then(succeed(), make_next, NULL);
	f = af_then(af_catch(f, nap, MS(5)), nap, MS(5));
	af_future_cancel(f);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(calls, 5);
	ck_assert_int_eq(cancels, 1);
	rig_close(&rig);
}
END_TEST

static struct af_future *read_more(struct af_future *done, void *arg)
{
	(void)done;
	calls++;
	return arg ? af_file_read(rig.reader, 9, 0, arg) : read_line();
}

/* From the descriptor, and from what was read ahead; also without waiting. */
START_TEST(cancelled_continuation_moves_no_byte)
{
	static struct timeval now;
	bool at_once = _i / DRIVE_COUNT & 1, ahead = _i / DRIVE_COUNT & 2;
	struct af_future *f;

	open_reader(_i % DRIVE_COUNT);
	put_text(rig.out, ahead ? "one\ntwo\n" : "one\n");
	f = af_then(read_line(), take, NULL);
	f = af_then(f, read_more, at_once ? &now : NULL);
	af_future_cancel(f);
	if (!ahead)
		put_text(rig.out, "two\n");
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(calls, 2);
	ck_assert_str_eq(got, "one\n");
	expect_text(&rig, read_line(), "two\n", 0);
	rig_close(&rig);
}
END_TEST

static struct af_future *write_some(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return af_file_write(rig.writer, "late", 4, AFIO_FULL, NULL);
}

START_TEST(cancelled_continuation_writes_no_byte)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_writer(&rig);
	f = af_then(succeed(), write_some, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	rig_hang_up(&rig);
	expect_pattern_to_eof(rig.in, 0, 0);
	rig_close(&rig);
}
END_TEST

static struct af_file *ends[2];

static struct af_future *copy_now(struct af_future *done, void *arg)
{
	(void)done;
	calls++;
	return arg ? af_file_copy_both(ends[0], ends[1], MS(0))
		   : af_file_copy(ends[0], ends[1], -1, MS(0));
}

START_TEST(cancelled_continuation_copies_no_byte)
{
	bool both = _i / DRIVE_COUNT & 1;
	struct af_future *f;
	int fds[2], peers[2];
	char byte;

	rig_open(&rig, _i % DRIVE_COUNT);
	calls = 0;
	for (int i = 0; i < 2; i++) {
		make_pair(KIND_SOCKETPAIR, fds);
		ends[i] = af_file_new(rig.loop, fds[0], 0);
		peers[i] = fds[1];
		put_text(peers[i], "late");
	}
	f = af_then(succeed(), copy_now, both ? &rig : NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(calls, 1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_lt(recv(peers[i], &byte, 1, MSG_DONTWAIT), 0);
		expect_text(&rig, af_file_read(ends[i], 9, 0, NULL), "late", 0);
		af_file_close(ends[i]);
		close(peers[i]);
	}
	rig_close(&rig);
}
END_TEST

static struct af_future *await_more(struct af_future *done, void *arg)
{
	struct af_future *f = read_line();

	(void)done;
	(void)arg;
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(af_await(f), 0);
	take(f, NULL);
	af_future_unref(f);
	return NULL;
}

START_TEST(cancelled_continuation_may_await)
{
	struct af_future *f;

	open_reader(_i);
	put_text(rig.out, "one\ntwo\n");
	f = af_then(read_line(), await_more, NULL);
	af_future_cancel(f);
	expect_text(&rig, f, "one\n", 0);
	ck_assert_str_eq(got, "two\n");
	rig_close(&rig);
}
END_TEST

static struct af_future *free_loop(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	calls++;
	af_future_unref(read_line());
	af_loop_free(rig.loop);
	rig.loop = NULL;
	return NULL;
}

/* The files that it has used move no byte, but they do not hold up the end. */
START_TEST(cancelled_continuation_may_free_the_loop)
{
	struct af_future *f;

	open_reader(_i);
	put_text(rig.out, "one\ntwo\n");
	f = af_then(read_line(), free_loop, NULL);
	af_future_cancel(f);
	if (rig.driver == DRIVE_AWAIT)
		af_await(f);
	else if (rig.driver == DRIVE_RUN)
		af_loop_run(rig.loop);
	else
		event_base_dispatch(rig.base);
	ck_assert(af_future_is_done(f));
	ck_assert_int_eq(calls, 1);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* A program that was busy past the deadline. */
START_TEST(timeout_of_due_chain_has_its_outcome)
{
	struct af_future *f;

	open_reader(_i);
	f = af_then(read_line(), take, NULL);
	f = af_with_timeout(af_with_timeout(f, MS(5)), MS(6));
	put_text(rig.out, "line\n");
	spin(20);
	expect_text(&rig, f, "line\n", 0);
	ck_assert_str_eq(got, "line\n");
	rig_close(&rig);
}
END_TEST

static void resolve_and_spin(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ck_assert_int_eq(af_future_resolve(arg, NULL, NULL), 0);
	spin(20);
}

/* What the due continuation returns is cancelled. */
START_TEST(timeout_of_due_chain_that_goes_on_is_etimedout)
{
	struct af_future *given, *f;

	rig_open(&rig, _i);
	calls = cancels = 0;
	given = make();
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			resolve_and_spin, given, MS(2));
	f = af_then(given, make_next, NULL);
	expect_error(&rig, af_with_timeout(f, MS(10)), -ETIMEDOUT);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(cancels, 1);
	rig_close(&rig);
}
END_TEST

/* Returns once a process is in a state, as /proc shows it. */
static void await_state(pid_t pid, char state)
{
	char path[32], line[64] = "";
	FILE *stat;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	while (!strstr(line, (char[]){ ')', ' ', state, ' ', '\0' })) {
		poll(NULL, 0, 1);
		stat = fopen(path, "r");
		if (!stat || !fgets(line, sizeof line, stat))
			_exit(1);
		fclose(stat);
	}
}

/* Stopped, as by SIGSTOP: libevent sees the timers before the descriptors. */
START_TEST(timeout_after_a_stop_serves_what_had_come)
{
	const struct timeval time = { 0, 500000 };
	struct timespec end;
	struct af_future *f;
	pid_t self = getpid(), pid;

	open_reader(_i);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += 600000000; /* past the deadline */
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	f = af_with_timeout(read_line(), &time);
	pid = fork();
	if (pid == 0) {
		await_state(self, 'S'); /* it polls */
		kill(self, SIGSTOP);
		await_state(self, 'T');
		put_text(rig.out, "line\n");
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
		kill(self, SIGCONT);
		_exit(0);
	}
	expect_text(&rig, f, "line\n", 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}
END_TEST

START_TEST(race_lost_by_due_chain_lets_it_take_the_bytes)
{
	struct af_future *parts[2], *f;

	open_reader(_i);
	put_text(rig.out, "line\n");
	parts[0] = succeed();
	parts[1] = af_then(read_line(), take, NULL);
	f = af_race(rig.loop, parts, 2);
	ck_assert_int_eq(af_future_error(f), 0);
	ck_assert_int_eq(af_future_error(af_future_part(f, 1)), -EINPROGRESS);
	expect_text(&rig, af_future_ref(af_future_part(f, 1)), "line\n", 0);
	ck_assert_str_eq(got, "line\n");
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

typedef struct af_future *(*group_fn)(struct af_loop *, struct af_future **,
				      size_t);

static const group_fn groups[] = { af_all, af_all_settled, af_race, af_any };
#define GROUPS (int)(sizeof groups / sizeof *groups)

/* The group ends at once; the part has its outcome when it has run. */
START_TEST(cancel_of_group_lets_due_parts_take_the_bytes)
{
	struct af_future *parts[2], *f;

	open_reader(_i % DRIVE_COUNT);
	put_text(rig.out, "line\n");
	cancels = 0;
	parts[0] = make();
	parts[1] = af_then(read_line(), take, NULL);
	f = groups[_i / DRIVE_COUNT](rig.loop, parts, 2);
	af_future_cancel(f);
	ck_assert_int_eq(cancels, 1);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	expect_text(&rig, af_future_ref(af_future_part(f, 1)), "line\n", 0);
	ck_assert_str_eq(got, "line\n");
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(cancel_of_finished_write_keeps_its_count)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_writer(&rig);
	f = af_finally(af_file_write(rig.writer, "abc", 3, AFIO_FULL, NULL),
		       take, NULL);
	af_future_cancel(f);
	expect_count(&rig, f, 3, 0);
	rig_close(&rig);
}
END_TEST

/* Lines with a deadline that comes at any time: every line arrives once. */
START_TEST(lines_with_short_timeouts_all_arrive)
{
	enum { LINES = 300 };
	struct af_future *f;
	int timeouts = 0, r;

	open_reader(_i);
	for (int sent = 0; calls < LINES;) {
		f = af_with_timeout(af_then(read_line(), take, NULL), MS(1));
		*got = '\0';
		if (sent < LINES && sent == calls && timeouts % 2 == 0) {
			put_text(rig.out, "line\n");
			sent++;
		}
		if (timeouts % 3 == 0)
			spin(1);
		r = drive(&rig, f);
		ck_assert(r == 0 || r == -ETIMEDOUT);
		timeouts += r != 0 || sent % 5 == 0;
		af_future_unref(f);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/cancel_late");
	TCase *tc = test_case(s, "chains");

/* With each way of waiting, on a pipe; n variants. */
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(cancel_of_due_then_lets_it_take_the_bytes, 1);
	ADD(cancel_of_due_then_cancels_what_it_returns, 1);
	ADD(cancel_reaches_the_second_continuation, 1);
	ADD(cancel_spares_what_catch_and_finally_return, 1);
	ADD(cancelled_continuation_moves_no_byte, 4);
	ADD(cancelled_continuation_writes_no_byte, 1);
	ADD(cancelled_continuation_copies_no_byte, 2);
	ADD(cancelled_continuation_may_await, 1);
	ADD(cancelled_continuation_may_free_the_loop, DRIVE_COUNT);
	ADD(cancel_of_finished_write_keeps_its_count, 1);

	tc = test_case(s, "timeouts");
	ADD(timeout_of_due_chain_has_its_outcome, 1);
	ADD(timeout_of_due_chain_that_goes_on_is_etimedout, 1);
	ADD(timeout_after_a_stop_serves_what_had_come, 1);
	ADD(lines_with_short_timeouts_all_arrive, 1);

	tc = test_case(s, "groups");
	ADD(race_lost_by_due_chain_lets_it_take_the_bytes, 1);
	ADD(cancel_of_group_lets_due_parts_take_the_bytes, GROUPS);
	return s;
}
