/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions of the program on worker threads: their value and who frees it,
 * where; cancelling before and after they begin; that nothing waits for one
 * that hangs; and how many run at once.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/slowrig.h"

/* What the threads and the test share. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;     /* calls need not wait */
	int begun;     /* calls that began */
	int waiting;   /* of them: waiting */
	int freed;     /* values */
	bool freed_in; /* the loop's thread, the last one */
} gate = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static pthread_t loop_thread;

static void gate_open(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

/* Waits until a count is n; it only grows meanwhile. */
static void gate_expect(const int *count, int n)
{
	pthread_mutex_lock(&gate.lock);
	while (*count < n)
		pthread_cond_wait(&gate.changed, &gate.lock);
	ck_assert_int_eq(*count, n);
	pthread_mutex_unlock(&gate.lock);
}

static int gate_count(const int *count)
{
	int n;

	pthread_mutex_lock(&gate.lock);
	n = *count;
	pthread_mutex_unlock(&gate.lock);
	return n;
}

/* Hangs until the gate is open; returns a copy of arg. */
static void *hang(void *arg)
{
	pthread_mutex_lock(&gate.lock);
	gate.begun++;
	gate.waiting++;
	pthread_cond_broadcast(&gate.changed);
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.waiting--;
	pthread_mutex_unlock(&gate.lock);
	return arg ? strdup(arg) : NULL;
}

static void *open_gate(void *arg)
{
	gate_open();
	return arg;
}

static void *identity(void *arg)
{
	return arg;
}

static void free_value(void *value)
{
	free(value);
	pthread_mutex_lock(&gate.lock);
	gate.freed++;
	gate.freed_in = pthread_equal(pthread_self(), loop_thread);
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static char text[] = "value";

static struct af_future *hanging(void)
{
	return af_work(rig.loop, hang, text, free_value);
}

static void open_rig(int driver)
{
	loop_thread = pthread_self();
	open_way(driver);
}

static void free_loop(void)
{
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	ck_assert_str_eq(af_future_value(done), arg);
	return NULL;
}

START_TEST(work_returns_the_value_which_the_loops_thread_frees)
{
	struct af_future *f, *chain;

	open_rig(_i);
	gate_open();
	f = hanging();
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_ptr_null(af_future_value(f));
	ck_assert_uint_eq(af_future_count(f), 0);
	chain = af_then(af_future_ref(f), pass, text);
	ck_assert_int_eq(drive(&rig, chain), 0);
	ck_assert_str_eq(af_future_value(f), text);
	ck_assert_str_eq(af_future_value(chain), text);
	ck_assert_ptr_ne(af_future_value(f), text);
	ck_assert_uint_eq(af_future_count(f), 1);
	af_future_unref(f);
	ck_assert_int_eq(gate_count(&gate.freed), 0);
	af_future_unref(chain);
	ck_assert_int_eq(gate_count(&gate.freed), 1);
	ck_assert(gate.freed_in);
	rig_close(&rig);
}
END_TEST

START_TEST(work_that_returns_null_frees_null)
{
	struct af_future *f;

	open_rig(_i);
	gate_open();
	f = af_work(rig.loop, hang, NULL, free_value);
	expect_count(&rig, f, 1, 0);
	ck_assert_int_eq(gate_count(&gate.freed), 1);
	f = af_work(rig.loop, identity, text, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_eq(af_future_value(f), text);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static void *work_elsewhere(void *arg)
{
	struct af_future *f = af_work(rig.loop, identity, arg, NULL);

	ck_assert_int_eq(af_future_error(f), -EPERM);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 2), -EPERM);
	return arg;
}

START_TEST(work_of_nonsense_or_of_another_thread_fails)
{
	pthread_t thread;

	open_rig(DRIVE_AWAIT);
	expect_error(&rig, af_work(NULL, identity, text, NULL), -EINVAL);
	expect_error(&rig, af_work(rig.loop, NULL, text, NULL), -EINVAL);
	pthread_create(&thread, NULL, work_elsewhere, NULL);
	pthread_join(thread, NULL);
	ck_assert_int_eq(af_loop_set_work_threads(NULL, 1), -EINVAL);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 0), -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(limits_of_a_loop_are_told)
{
	open_rig(DRIVE_AWAIT);
	free_loop();
	rig.loop = af_loop_new(NULL);
	ck_assert_uint_eq(af_loop_max_depth(rig.loop), AFIO_DEFAULT_DEPTH);
	ck_assert_uint_eq(af_loop_workers(rig.loop), AFIO_DEFAULT_WORKERS);
	ck_assert_uint_eq(af_loop_work_threads(rig.loop),
			  AFIO_DEFAULT_WORK_THREADS);
	ck_assert_int_eq(af_loop_set_max_depth(rig.loop, 5), 0);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 6), 0);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 7), 0);
	ck_assert_uint_eq(af_loop_max_depth(rig.loop), 5);
	ck_assert_uint_eq(af_loop_workers(rig.loop), 6);
	ck_assert_uint_eq(af_loop_work_threads(rig.loop), 7);
	ck_assert_uint_eq(af_loop_max_depth(NULL), 0);
	ck_assert_uint_eq(af_loop_workers(NULL), 0);
	ck_assert_uint_eq(af_loop_work_threads(NULL), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(work_without_a_thread_fails_eagain)
{
	struct slow none = { .no_threads = true }, some = { .read.error = 0 };
	struct af_future *f;

	open_rig(DRIVE_AWAIT);
	slow_set(&none);
	f = hanging();
	expect_error(&rig, f, -EAGAIN);
	/* One thread is enough for all. */
	slow_set(&some);
	f = hanging();
	gate_expect(&gate.begun, 1);
	slow_set(&none);
	gate_open();
	expect_count(&rig, hanging(), 1, 0);
	expect_count(&rig, f, 1, 0);
	rig_close(&rig);
}
END_TEST

/* One hangs, and another one frees it. */
static void await_hanging(void *arg)
{
	struct stage *stage = arg;
	struct af_future *f = af_work(stage->loop, hang, text, free_value);

	gate_expect(&gate.begun, 1);
	af_future_unref(af_work(stage->loop, open_gate, NULL, NULL));
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_value(f), text);
	af_future_unref(f);
}

START_TEST(await_of_work_from_anywhere_ends_with_it)
{
	struct stage stage;

	stage_open(&stage, _i);
	stage_play(&stage, await_hanging, &stage);
	stage_close(&stage);
}
END_TEST

START_TEST(work_cancelled_before_it_begins_never_runs)
{
	struct af_future *f, *g;

	open_rig(_i);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 1), 0);
	f = hanging();
	gate_expect(&gate.begun, 1);
	g = hanging();
	af_future_cancel(g);
	ck_assert_int_eq(af_future_error(g), -ECANCELED);
	ck_assert_uint_eq(af_future_count(g), 0);
	ck_assert_ptr_null(af_future_value(g));
	af_future_unref(g);
	gate_open();
	expect_count(&rig, f, 1, 0);
	expect_count(&rig, af_work(rig.loop, identity, NULL, NULL), 1, 0);
	ck_assert_int_eq(gate_count(&gate.begun), 1);
	ck_assert_int_eq(gate_count(&gate.freed), 1);
	rig_close(&rig);
}
END_TEST

START_TEST(work_cancelled_while_it_runs_ends_at_once)
{
	struct af_future *f;

	open_rig(_i);
	f = hanging();
	gate_expect(&gate.begun, 1);
	af_future_cancel(f);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), 1);
	ck_assert_ptr_null(af_future_value(f));
	expect_life();
	ck_assert_int_eq(gate_count(&gate.freed), 0);
	gate_open();
	while (gate_count(&gate.freed) == 0)
		expect_life();
	ck_assert(gate.freed_in);
	ck_assert_ptr_null(af_future_value(f));
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(work_with_a_timeout_ends_in_time)
{
	struct af_future *f;

	open_rig(_i);
	f = hanging();
	gate_expect(&gate.begun, 1);
	expect_error(&rig, af_with_timeout(f, MS(2)), -ETIMEDOUT);
	gate_open();
	rig_close(&rig);
	gate_expect(&gate.freed, 1);
}
END_TEST

/* Cancelled before, or by the loop's end. */
START_TEST(loop_freed_while_work_hangs_does_not_wait)
{
	struct af_future *f, *queued;

	open_rig(_i % DRIVE_COUNT);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 1), 0);
	f = hanging();
	gate_expect(&gate.begun, 1);
	queued = hanging();
	if (_i >= DRIVE_COUNT)
		af_future_cancel(f);
	free_loop();
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), 1);
	ck_assert_int_eq(af_future_error(queued), -ECANCELED);
	ck_assert_uint_eq(af_future_count(queued), 0);
	af_future_unref(f);
	af_future_unref(queued);
	ck_assert_int_eq(gate_count(&gate.freed), 0);
	gate_open();
	gate_expect(&gate.freed, 1);
	ck_assert(!gate.freed_in);
	ck_assert_int_eq(gate_count(&gate.begun), 1);
	rig_close(&rig);
}
END_TEST

/* The value has come back, and the loop has not run since. */
START_TEST(loop_freed_after_work_has_returned_frees_the_value)
{
	struct af_future *f;

	open_rig(DRIVE_AWAIT);
	f = hanging();
	gate_expect(&gate.begun, 1);
	gate_open();
	while (library_threads() > 0)
		sched_yield();
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	if (_i == 1)
		af_future_cancel(f);
	free_loop();
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_int_eq(gate_count(&gate.freed), 1);
	ck_assert(gate.freed_in);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static void note_error(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
	expect_error(&rig, af_work(af_future_loop(done), identity, NULL, NULL),
		     -ECANCELED);
}

START_TEST(work_begun_while_the_loop_is_freed_fails_ecanceled)
{
	int error = 0;

	open_rig(DRIVE_AWAIT);
	af_on_done(hanging(), note_error, &error);
	free_loop();
	ck_assert_int_eq(error, -ECANCELED);
	gate_open();
	rig_close(&rig);
}
END_TEST

#define MANY 8

START_TEST(work_runs_on_as_many_threads_as_allowed)
{
	static const unsigned sizes[] = { 1, 2, 4, 16 };
	unsigned size = sizes[_i], expected = size < MANY ? size : MANY;
	struct af_future *works[MANY];

	open_rig(DRIVE_AWAIT);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, size), 0);
	for (int i = 0; i < MANY; i++)
		works[i] = hanging();
	gate_expect(&gate.begun, (int)expected);
	expect_life();
	ck_assert_int_eq(gate_count(&gate.waiting), (int)expected);
	ck_assert_int_eq(library_threads(), (int)expected);
	gate_open();
	for (int i = 0; i < MANY; i++)
		expect_count(&rig, works[i], 1, 0);
	ck_assert_int_eq(gate_count(&gate.begun), MANY);
	while (library_threads() > 0)
		expect_life();
	rig_close(&rig);
}
END_TEST

/* Nothing else would start a thread: all that there are hang. */
START_TEST(more_work_threads_take_effect_at_once)
{
	struct af_future *works[MANY];

	open_rig(DRIVE_AWAIT);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 1), 0);
	for (int i = 0; i < MANY; i++)
		works[i] = hanging();
	gate_expect(&gate.begun, 1);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 3), 0);
	gate_expect(&gate.begun, 3);
	ck_assert_int_eq(library_threads(), 3);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 1), 0);
	gate_open();
	for (int i = 0; i < MANY; i++)
		expect_count(&rig, works[i], 1, 0);
	rig_close(&rig);
}
END_TEST

/* How many calls of it run at a time, at most. */
static atomic_int running, most_running;

static void *run_a_little(void *arg)
{
	int now = ++running;

	if (now > most_running)
		most_running = now;
	for (int i = 0; i < 100; i++)
		sched_yield();
	running--;
	return arg;
}

START_TEST(fewer_work_threads_end_after_their_present_calls)
{
	struct af_future *stuck[3], *works[MANY];

	open_rig(_i);
	for (int i = 0; i < 3; i++)
		stuck[i] = hanging();
	gate_expect(&gate.begun, 3);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 1), 0);
	for (int i = 0; i < MANY; i++)
		works[i] = af_work(rig.loop, run_a_little, NULL, NULL);
	expect_life();
	ck_assert_int_eq(library_threads(), 3);
	gate_open();
	for (int i = 0; i < MANY; i++)
		expect_count(&rig, works[i], 1, 0);
	ck_assert_int_eq(most_running, 1);
	/* None of the present calls was cut short. */
	for (int i = 0; i < 3; i++)
		expect_count(&rig, stuck[i], 1, 0);
	ck_assert_int_eq(gate_count(&gate.freed), 3);
	rig_close(&rig);
}
END_TEST

START_TEST(disk_is_served_while_all_work_threads_hang)
{
	struct af_future *works[MANY];
	struct af_file *file;

	loop_thread = pthread_self();
	open_cold(_i);
	for (int i = 0; i < MANY; i++)
		works[i] = hanging();
	gate_expect(&gate.begun, AFIO_DEFAULT_WORK_THREADS);
	file = containing("abc", "r+");
	expect_text(&rig, reading(file, 3), "abc", 0);
	expect_count(&rig, writing(file, "def"), 3, 0);
	gate_open();
	for (int i = 0; i < MANY; i++)
		expect_count(&rig, works[i], 1, 0);
	close_all(file);
	expect_file("file", "abcdef");
}
END_TEST

START_TEST(work_is_done_while_all_disk_workers_hang)
{
	struct af_future *reads[MANY];
	struct af_file *files[MANY];

	loop_thread = pthread_self();
	open_cold(_i);
	make_file("file", "abc", 0600);
	slow_stop(0);
	for (int i = 0; i < MANY; i++) {
		files[i] = opened("file", "r");
		reads[i] = reading(files[i], 3);
	}
	slow_expect(AFIO_DEFAULT_WORKERS);
	gate_open();
	expect_count(&rig, hanging(), 1, 0);
	slow_go();
	for (int i = 0; i < MANY; i++) {
		expect_text(&rig, reads[i], "abc", 0);
		ck_assert_int_eq(af_file_close(files[i]), 0);
	}
	rig_close(&rig);
}
END_TEST

#define CROWD 1000

static int order[CROWD], n_order;

/* On one thread alone. */
static void *note_order(void *arg)
{
	order[n_order++] = *(int *)arg;
	return NULL;
}

START_TEST(works_on_one_thread_run_in_order)
{
	static struct af_future *works[CROWD];
	static int numbers[CROWD];

	open_rig(_i);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 1), 0);
	for (int i = 0; i < CROWD; i++) {
		numbers[i] = i;
		works[i] = af_work(rig.loop, note_order, &numbers[i], NULL);
	}
	expect_count(&rig, af_all(rig.loop, works, CROWD), 0, 0);
	ck_assert_int_eq(n_order, CROWD);
	for (int i = 0; i < CROWD; i++)
		ck_assert_int_eq(order[i], i);
	rig_close(&rig);
}
END_TEST

static void *get_mask(void *arg)
{
	pthread_sigmask(SIG_BLOCK, NULL, arg);
	return arg;
}

START_TEST(work_has_all_signals_blocked)
{
	sigset_t mask;

	open_rig(DRIVE_AWAIT);
	sigemptyset(&mask);
	expect_count(&rig, af_work(rig.loop, get_mask, &mask, NULL), 1, 0);
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			ck_assert_msg(sigismember(&mask, sig), "%d", sig);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGUSR1));
	rig_close(&rig);
}
END_TEST

START_TEST(dump_names_work)
{
	char *dumped = NULL;
	size_t len;
	FILE *out = open_memstream(&dumped, &len);
	struct af_future *f;

	open_rig(DRIVE_AWAIT);
	f = hanging();
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(dumped, "work, for "));
	free(dumped);
	gate_open();
	expect_count(&rig, f, 1, 0);
	rig_close(&rig);
}
END_TEST

/* In the child there is no such thread, and nothing that runs in its place. */
static void fork_and_go_on(struct af_future *done, void *arg)
{
	pid_t pid = fork();
	int status;

	(void)done;
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		alarm(20); /* rather than wait for ever */
		event_reinit(rig.base);
		gate.open = true;
		event_base_loop(rig.base, EVLOOP_NONBLOCK);
		_exit(library_threads() != 0 || gate.begun != 1 ||
		      gate.freed != 0 || af_future_is_done(arg) ||
		      af_await(arg) != -EBADF);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(child_by_fork_runs_nothing_of_the_work)
{
	struct af_future *f, *g;

	open_rig(DRIVE_DISPATCH);
	ck_assert_int_eq(af_loop_set_work_threads(rig.loop, 1), 0);
	f = hanging();
	gate_expect(&gate.begun, 1);
	g = hanging();
	af_on_done(af_sleep(rig.loop, MS(0)), fork_and_go_on, f);
	expect_life();
	gate_open();
	expect_count(&rig, f, 1, 0);
	expect_count(&rig, g, 1, 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/work");
	TCase *tc = scratch_case(s, "work");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(work_returns_the_value_which_the_loops_thread_frees, DRIVE_COUNT);
	ADD(work_that_returns_null_frees_null, DRIVE_COUNT);
	tcase_add_test(tc, work_of_nonsense_or_of_another_thread_fails);
	tcase_add_test(tc, limits_of_a_loop_are_told);
	tcase_add_test(tc, work_without_a_thread_fails_eagain);
	ADD(await_of_work_from_anywhere_ends_with_it, CONTEXT_COUNT);
	ADD(work_cancelled_before_it_begins_never_runs, DRIVE_COUNT);
	ADD(work_cancelled_while_it_runs_ends_at_once, DRIVE_COUNT);
	ADD(work_with_a_timeout_ends_in_time, DRIVE_COUNT);
	ADD(loop_freed_while_work_hangs_does_not_wait, 2 * DRIVE_COUNT);
	ADD(loop_freed_after_work_has_returned_frees_the_value, 2);
	tcase_add_test(tc,
		       work_begun_while_the_loop_is_freed_fails_ecanceled);
	ADD(work_runs_on_as_many_threads_as_allowed, 4);
	tcase_add_test(tc, more_work_threads_take_effect_at_once);
	ADD(fewer_work_threads_end_after_their_present_calls, DRIVE_COUNT);
	ADD(disk_is_served_while_all_work_threads_hang, DRIVE_COUNT);
	ADD(work_is_done_while_all_disk_workers_hang, DRIVE_COUNT);
	ADD(works_on_one_thread_run_in_order, DRIVE_COUNT);
	tcase_add_test(tc, work_has_all_signals_blocked);
	tcase_add_test(tc, dump_names_work);
	tcase_add_test(tc, child_by_fork_runs_nothing_of_the_work);
	return s;
}
