/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Posts: calls that any thread can ask a loop for, in whatever state the loop
 * is, and several loops in several threads that ask each other.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/gate.h"

#define THREADS 4
#define POSTS 10000
#define LOOPS 3
#define LAPS 300

static struct stage stage;

static void count(void *arg)
{
	++*(int *)arg;
}

START_TEST(post_of_nonsense_fails_einval)
{
	int n = 0;

	stage_open(&stage, TOP_OWN);
	ck_assert_int_eq(af_loop_post(NULL, count, &n), -EINVAL);
	ck_assert_int_eq(af_loop_post(stage.loop, NULL, &n), -EINVAL);
	ck_assert_int_eq(af_loop_run(stage.loop), 0);
	ck_assert_int_eq(n, 0);
	stage_close(&stage);
}
END_TEST

/* A future that posts end, which keeps the loop waiting for them. */
static struct af_future *last;

static void end_wait(void *arg)
{
	ck_assert_int_eq(af_future_resolve(last, arg, NULL), 0);
}

/* One thread's posts run in their order; those of all run, once each. */
static struct poster {
	pthread_t thread;
	int next, wrong;
} posters[THREADS];

struct note {
	struct poster *poster;
	int number;
} notes[THREADS][POSTS];

static int notes_run;

static void take_note(void *arg)
{
	struct note *note = arg;

	note->poster->wrong += note->number != note->poster->next++;
	if (++notes_run == THREADS * POSTS)
		end_wait(NULL);
}

static void *post_notes(void *arg)
{
	struct poster *poster = arg;
	struct note *mine = notes[poster - posters];

	for (int i = 0; i < POSTS; i++) {
		mine[i] = (struct note){ poster, i };
		if (af_loop_post(stage.loop, take_note, &mine[i]) < 0)
			return poster;
	}
	return NULL;
}

static void await_notes(void *arg)
{
	void *failed;

	(void)arg;
	memset(posters, 0, sizeof posters);
	notes_run = 0;
	last = af_future_new(stage.loop, NULL, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&posters[i].thread, NULL, post_notes,
			       &posters[i]);
	ck_assert_int_eq(af_await(last), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(posters[i].thread, &failed);
		ck_assert_ptr_null(failed);
		ck_assert_int_eq(posters[i].next, POSTS);
		ck_assert_int_eq(posters[i].wrong, 0);
	}
	af_future_unref(last);
}

START_TEST(posts_of_many_threads_all_run_in_order)
{
	stage_open(&stage, (enum context)_i);
	stage_play(&stage, await_notes, NULL);
	stage_close(&stage);
}
END_TEST

/*
 * A loop that sleeps is woken: nothing else ends its wait for a long
 * time. That it sleeps already is likely, not sure; both must do.
 */
static void *post_end(void *arg)
{
	af_loop_post(stage.loop, end_wait, arg);
	return NULL;
}

static void await_post(void *arg)
{
	int64_t since = now_us();
	struct af_future *quiet;
	pthread_t thread;

	(void)arg;
	quiet = af_sleep(stage.loop, MS(30000));
	last = af_future_new(stage.loop, NULL, NULL);
	pthread_create(&thread, NULL, post_end, NULL);
	ck_assert_int_eq(af_await(last), 0);
	ck_assert_int_lt(now_us() - since, 20000000);
	ck_assert(!af_future_is_done(quiet));
	pthread_join(thread, NULL);
	af_future_cancel(quiet);
	af_future_unref(quiet);
	af_future_unref(last);
}

START_TEST(post_wakes_a_wait_that_sleeps)
{
	stage_open(&stage, (enum context)_i);
	for (int lap = 0; lap < 20; lap++)
		stage_play(&stage, await_post, NULL);
	stage_close(&stage);
}
END_TEST

/*
 * The same without a wait: under af_loop_run() and the program's own dispatch.
 * The latter is kept by an event of the program, which the post takes away.
 */
static struct event *keeper;

static void end_run(void *arg)
{
	end_wait(arg);
	event_del(keeper);
}

/* Each waits for the others. */
static void meet(struct gate *gate, unsigned n)
{
	gate_arrive(gate);
	gate_await(gate, n);
}

static void *post_end_run(void *arg)
{
	meet(arg, 2);
	af_loop_post(stage.loop, end_run, NULL);
	return NULL;
}

/* From here on it can come at any time, also in a sleep. */
static void let_it_come(void *arg)
{
	last = af_future_new(stage.loop, NULL, NULL);
	af_future_unref(last);
	event_add(keeper, MS(30000));
	meet(arg, 2);
}

static void on_keeper(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ck_abort_msg("nobody woke the loop");
}

START_TEST(post_wakes_a_run_that_sleeps)
{
	pthread_t thread;

	if (contexts[_i].by == BY_AWAIT || contexts[_i].place == AT_TOP)
		return;
	stage_open(&stage, (enum context)_i);
	keeper = evtimer_new(af_loop_base(stage.loop), on_keeper, NULL);
	for (int lap = 0; lap < 20; lap++) {
		struct gate go = GATE_INIT;

		pthread_create(&thread, NULL, post_end_run, &go);
		stage_play(&stage, let_it_come, &go);
		pthread_join(thread, NULL);
	}
	event_free(keeper);
	stage_close(&stage);
}
END_TEST

/* A post is called as a continuation is: it may wait. */
static void wait_in_post(void *arg)
{
	struct af_future *f = af_sleep(stage.loop, MS(2));

	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	end_wait(arg);
}

static void await_waiting_post(void *arg)
{
	last = af_future_new(stage.loop, NULL, NULL);
	ck_assert_int_eq(af_loop_post(stage.loop, wait_in_post, arg), 0);
	ck_assert_int_eq(af_await(last), 0);
	ck_assert_ptr_eq(af_future_value(last), arg);
	af_future_unref(last);
}

START_TEST(post_may_wait_itself)
{
	stage_open(&stage, (enum context)_i);
	stage_play(&stage, await_waiting_post, &stage);
	stage_close(&stage);
}
END_TEST

/* Never inside the call, and never inside a callback of the program. */
static void post_now(void *arg)
{
	int *n = arg;

	ck_assert_int_eq(af_loop_post(stage.loop, count, n), 0);
	ck_assert_int_eq(*n, 0);
}

START_TEST(post_of_the_own_thread_runs_later)
{
	int n = 0;

	stage_open(&stage, (enum context)_i);
	stage_play(&stage, post_now, &n);
	ck_assert_int_eq(af_loop_run(stage.loop), 0);
	ck_assert_int_eq(n, 1);
	stage_close(&stage);
}
END_TEST

/* A post that is there is something to do, even if nothing else is. */
static void post_more(void *arg)
{
	int *n = arg;

	if (++*n < 3)
		ck_assert_int_eq(af_loop_post(stage.loop, post_more, n), 0);
}

static void post_when_done(struct af_future *f, void *arg)
{
	(void)f;
	post_more(arg);
}

START_TEST(post_runs_though_nothing_is_pending)
{
	int n = 0;

	stage_open(&stage, TOP_OWN);
	ck_assert_int_eq(af_loop_post(stage.loop, post_more, &n), 0);
	ck_assert_int_eq(af_loop_run(stage.loop), 0);
	ck_assert_int_eq(n, 3);
	/* Nor after what was pending is over. */
	n = 0;
	af_on_done(af_sleep(stage.loop, MS(1)), post_when_done, &n);
	ck_assert_int_eq(af_loop_run(stage.loop), 0);
	ck_assert_int_eq(n, 3);
	/* The program drives. */
	n = 0;
	ck_assert_int_eq(af_loop_post(stage.loop, post_more, &n), 0);
	ck_assert_int_ge(event_base_dispatch(af_loop_base(stage.loop)), 0);
	ck_assert_int_eq(n, 3);
	stage_close(&stage);
}
END_TEST

static void *post_count(void *arg)
{
	af_loop_post(stage.loop, count, arg);
	return NULL;
}

START_TEST(post_of_a_thread_runs_though_nothing_is_pending)
{
	pthread_t thread;
	int n = 0;

	stage_open(&stage, TOP_OWN);
	for (int lap = 1; lap <= 3; lap++) {
		pthread_create(&thread, NULL, post_count, &n);
		pthread_join(thread, NULL);
		ck_assert_int_eq(af_loop_run(stage.loop), 0);
		ck_assert_int_eq(n, lap);
	}
	stage_close(&stage);
}
END_TEST

/* What was posted before the loop is freed runs, and what that posts. */
static void post_again(void *arg)
{
	count(arg);
	if (*(int *)arg < 5)
		ck_assert_int_eq(af_loop_post(stage.loop, post_again, arg), 0);
}

START_TEST(free_runs_what_was_posted)
{
	struct af_future *f;
	int n = 0, m = 0;

	stage_open(&stage, (enum context)_i);
	f = af_file_read(stage.door, 1, 0, NULL);
	ck_assert_int_eq(af_loop_post(stage.loop, count, &m), 0);
	ck_assert_int_eq(af_loop_post(stage.loop, post_again, &n), 0);
	ck_assert_int_eq(n, 0);
	af_loop_free(stage.loop);
	stage.loop = NULL;
	ck_assert_int_eq(m, 1);
	ck_assert_int_eq(n, 5);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	stage_close(&stage);
}
END_TEST

/*
 * Loops in threads, in a ring: each waits for its turn, which the one before
 * posts to it, and posts to the next one.
 */
static struct ring {
	pthread_t thread;
	struct af_loop *loop;
	struct af_future *turn;
	int turns;
	bool ok;
} rings[LOOPS];

static struct gate ready = GATE_INIT, over = GATE_INIT;

static void take_turn(void *arg)
{
	struct ring *ring = arg;

	ring->turns++;
	af_future_resolve(ring->turn, NULL, NULL);
}

static void *run_ring(void *arg)
{
	struct ring *ring = arg;
	struct ring *next = &rings[(ring - rings + 1) % LOOPS];

	ring->loop = af_loop_new(NULL);
	ring->turn = af_future_new(ring->loop, NULL, NULL);
	meet(&ready, LOOPS);
	if (ring == rings)
		af_loop_post(ring->loop, take_turn, ring);
	for (int lap = 0; lap < LAPS; lap++) {
		ring->ok &= af_await(ring->turn) == 0;
		af_future_unref(ring->turn);
		ring->turn = af_future_new(ring->loop, NULL, NULL);
		if (lap < LAPS - 1 || next != rings)
			af_loop_post(next->loop, take_turn, next);
	}
	meet(&over, LOOPS);
	af_loop_free(ring->loop);
	ring->ok &= af_future_error(ring->turn) == -ECANCELED;
	af_future_unref(ring->turn);
	return NULL;
}

START_TEST(loops_in_threads_post_to_each_other)
{
	for (int i = 0; i < LOOPS; i++) {
		rings[i].ok = true;
		pthread_create(&rings[i].thread, NULL, run_ring, &rings[i]);
	}
	for (int i = 0; i < LOOPS; i++) {
		pthread_join(rings[i].thread, NULL);
		ck_assert(rings[i].ok);
		ck_assert_int_eq(rings[i].turns, LAPS);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/post");
	TCase *tc = test_case(s, "post");

	tcase_add_test(tc, post_of_nonsense_fails_einval);
#define ADD(test) tcase_add_loop_test(tc, test, 0, CONTEXT_COUNT)
	ADD(posts_of_many_threads_all_run_in_order);
	ADD(post_wakes_a_wait_that_sleeps);
	ADD(post_wakes_a_run_that_sleeps);
	ADD(post_may_wait_itself);
	ADD(post_of_the_own_thread_runs_later);
	tcase_add_test(tc, post_runs_though_nothing_is_pending);
	tcase_add_test(tc, post_of_a_thread_runs_though_nothing_is_pending);
	ADD(free_runs_what_was_posted);
	tcase_add_test(tc, loops_in_threads_post_to_each_other);
	return s;
}
