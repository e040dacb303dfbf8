/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of waiting for a change of a child: stopped, continued or ended.
 */
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/contexts.h"
#include "support/denied.h"

#define CONTINUED 0xffff
#define STOPPED(sig) ((sig) << 8 | 0x7f)

static struct rig rig;
static struct af_process *process;

static void open_held(int way)
{
	rig_open(&rig, way);
	process = start_held(&rig);
}

static void close_child(void)
{
	af_process_free(process);
	rig_close(&rig);
}

static void signal_child(int sig)
{
	ck_assert_int_eq(af_process_signal(process, sig), 0);
}

static struct af_future *changing(const struct timeval *timeout)
{
	return af_process_wait_change(process, timeout);
}

START_TEST(change_of_each_kind_is_reported_in_order)
{
	struct af_future *f;

	open_held(_i);
	f = changing(NULL);
	signal_child(SIGSTOP);
	expect_status(&rig, f, STOPPED(SIGSTOP));
	f = changing(NULL);
	signal_child(SIGCONT);
	expect_status(&rig, f, CONTINUED);
	f = changing(NULL);
	signal_child(SIGTERM);
	expect_status(&rig, f, SIGTERM);
	/* An end stays. */
	expect_status(&rig, changing(NULL), SIGTERM);
	expect_status(&rig, changing(MS(0)), SIGTERM);
	expect_status(&rig, af_process_wait(process, NULL), SIGTERM);
	close_child();
}
END_TEST

START_TEST(change_before_the_wait_is_reported_once)
{
	open_held(_i);
	signal_child(SIGSTOP);
	await_change(af_process_pid(process), WSTOPPED | WNOWAIT);
	expect_status(&rig, changing(MS(0)), STOPPED(SIGSTOP));
	expect_error(&rig, changing(MS(0)), -ETIMEDOUT);
	signal_child(SIGCONT);
	await_change(af_process_pid(process), WCONTINUED);
	/* Another part of the program has it. */
	expect_error(&rig, changing(MS(20)), -ETIMEDOUT);
	signal_child(SIGKILL);
	await_zombie(af_process_pid(process));
	expect_status(&rig, changing(MS(0)), SIGKILL);
	close_child();
}
END_TEST

START_TEST(change_that_does_not_come_times_out_and_leaves_the_child)
{
	int64_t since = now_us();

	open_held(_i);
	expect_error(&rig, changing(MS(0)), -ETIMEDOUT);
	expect_error(&rig, changing(MS(30)), -ETIMEDOUT);
	expect_elapsed(since, 30);
	rig_hang_up(&rig);
	expect_status(&rig, changing(NULL), EXITED(0));
	close_child();
}
END_TEST

START_TEST(change_ends_all_waits_for_one_and_no_other)
{
	struct af_future *first, *second, *end;

	open_held(_i);
	end = af_process_wait(process, NULL);
	first = changing(NULL);
	second = changing(MS(600000));
	signal_child(SIGSTOP);
	expect_status(&rig, first, STOPPED(SIGSTOP));
	expect_status(&rig, second, STOPPED(SIGSTOP));
	ck_assert(!af_future_is_done(end));
	signal_child(SIGKILL);
	expect_status(&rig, end, SIGKILL);
	close_child();
}
END_TEST

START_TEST(change_canceled_takes_no_notice)
{
	struct af_future *f;

	open_held(_i);
	f = changing(NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	signal_child(SIGSTOP);
	expect_count(&rig, af_sleep(rig.loop, MS(60)), 0, 0);
	await_stopped(af_process_pid(process));
	signal_child(SIGKILL);
	expect_status(&rig, af_process_wait(process, NULL), SIGKILL);
	close_child();
}
END_TEST

START_TEST(change_when_process_or_loop_is_freed_is_canceled)
{
	struct af_future *f;
	pid_t pid;

	open_held(_i);
	pid = af_process_pid(process);
	f = changing(NULL);
	af_process_free(process);
	expect_error(&rig, f, -ECANCELED);
	rig_hang_up(&rig);
	expect_reaped(&rig, pid);
	rig_close(&rig);

	open_held(_i);
	pid = af_process_pid(process);
	f = changing(NULL);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	f = changing(NULL);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close_child();
}
END_TEST

START_TEST(change_of_nonsense_is_invalid)
{
	open_held(0);
	expect_error(&rig, af_process_wait_change(NULL, NULL), -EINVAL);
	expect_error(&rig, changing(MS(-1)), -EINVAL);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(change_of_a_child_that_was_stolen_is_echild_or_told)
{
	struct af_future *f;
	int r;

	open_held(_i);
	f = changing(NULL);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(af_process_pid(process), NULL, 0),
			 af_process_pid(process));
	r = drive(&rig, f);
	ck_assert(r == 0 || r == -ECHILD);
	ck_assert_int_eq(af_future_status(f), r == 0 ? EXITED(0) : -1);
	af_future_unref(f);
	close_child();
}
END_TEST

START_TEST(change_without_pidfds_is_reported)
{
	static const struct denied pidfds[] = { DENIED_PIDFDS };
	struct af_future *f;

	if (!deny(pidfds, 2, EPERM))
		return;
	open_held(_i);
	f = changing(NULL);
	signal_child(SIGSTOP);
	expect_status(&rig, f, STOPPED(SIGSTOP));
	f = changing(NULL);
	signal_child(SIGKILL);
	expect_status(&rig, f, SIGKILL);
	close_child();
}
END_TEST

/* From wherever a program waits, with another wait pending outside of it. */
static void change_here(void *arg)
{
	struct stage *stage = arg;
	struct af_future *outer, *f;

	process =
		af_spawn(stage->loop, HELPER("hold", "0"), WITH(IN_OUT_PIPES));
	ck_assert_ptr_nonnull(process);
	outer = af_process_wait(process, NULL);
	f = changing(MS(30000));
	signal_child(SIGSTOP);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_future_status(f), STOPPED(SIGSTOP));
	af_future_unref(f);
	signal_child(SIGKILL);
	ck_assert_int_eq(af_await(outer), 0);
	af_future_unref(outer);
	af_process_free(process);
}

START_TEST(change_awaited_anywhere_is_reported)
{
	struct stage stage;

	stage_open(&stage, (enum context)_i);
	stage_play(&stage, change_here, &stage);
	stage_close(&stage);
}
END_TEST

static struct af_future *await_change_again(struct af_future *done, void *arg)
{
	struct af_future *inner = arg;

	ck_assert_int_eq(af_future_error(done), 0);
	signal_child(SIGSTOP);
	ck_assert_int_eq(af_await(inner), 0);
	ck_assert_int_eq(af_future_status(inner), STOPPED(SIGSTOP));
	af_future_unref(inner);
	return NULL;
}

/* The timer moves with a nested wait, and back. */
START_TEST(change_begun_outside_of_a_nested_wait_is_reported_inside)
{
	struct af_future *second;

	open_held(_i);
	expect_error(&rig,
		     af_then(af_sleep(rig.loop, MS(1)), await_change_again,
			     changing(NULL)),
		     0);
	second = changing(NULL);
	signal_child(SIGCONT);
	expect_status(&rig, second, CONTINUED);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/change");
	TCase *tc = test_case(s, "change");

	ADD(tc, change_of_each_kind_is_reported_in_order);
	ADD(tc, change_before_the_wait_is_reported_once);
	ADD(tc, change_that_does_not_come_times_out_and_leaves_the_child);
	ADD(tc, change_ends_all_waits_for_one_and_no_other);
	ADD(tc, change_canceled_takes_no_notice);
	ADD(tc, change_when_process_or_loop_is_freed_is_canceled);
	tcase_add_test(tc, change_of_nonsense_is_invalid);
	ADD(tc, change_of_a_child_that_was_stolen_is_echild_or_told);
	ADD(tc, change_without_pidfds_is_reported);
	tcase_add_loop_test(tc, change_awaited_anywhere_is_reported, 0,
			    CONTEXT_COUNT);
	ADD(tc, change_begun_outside_of_a_nested_wait_is_reported_inside);
	return s;
}
