/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles for posts: like posts while the loop lives, harmless once it was
 * freed, and at the moment between the two.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "support/contexts.h"

#define THREADS 4
#define LAPS 50

static struct stage stage;
static struct af_post_handle *handle;
static struct af_future *last;

static void count(void *arg)
{
	++*(int *)arg;
}

static void close_stage(void)
{
	af_post_handle_unref(handle);
	stage_close(&stage);
}

static void open_stage(int context)
{
	stage_open(&stage, (enum context)context);
	handle = af_post_handle_new(stage.loop);
	ck_assert_ptr_nonnull(handle);
}

static void free_loop(void)
{
	af_loop_free(stage.loop);
	stage.loop = NULL;
}

static void *make_elsewhere(void *arg)
{
	errno = 0;
	ck_assert_ptr_null(af_post_handle_new(stage.loop));
	ck_assert_int_eq(errno, EPERM);
	return arg;
}

START_TEST(handle_of_nonsense_or_of_another_thread_fails)
{
	pthread_t thread;
	int n = 0;

	open_stage(TOP_OWN);
	ck_assert_ptr_null(af_post_handle_new(NULL));
	ck_assert_int_eq(errno, EINVAL);
	pthread_create(&thread, NULL, make_elsewhere, NULL);
	pthread_join(thread, NULL);
	ck_assert_int_eq(af_post_handle_post(NULL, count, &n), -EINVAL);
	ck_assert_int_eq(af_post_handle_post(handle, NULL, &n), -EINVAL);
	ck_assert_ptr_null(af_post_handle_ref(NULL));
	af_post_handle_unref(NULL);
	ck_assert_int_eq(af_loop_run(stage.loop), 0);
	ck_assert_int_eq(n, 0);
	close_stage();
}
END_TEST

static void end_wait(void *arg)
{
	ck_assert_int_eq(af_future_resolve(last, arg, NULL), 0);
}

static void *post_end(void *arg)
{
	int r = af_post_handle_post(arg, end_wait, arg);

	af_post_handle_unref(arg);
	return r == 0 ? NULL : arg;
}

static void await_post(void *arg)
{
	pthread_t thread;
	void *failed;

	(void)arg;
	last = af_future_new(stage.loop, NULL, NULL);
	pthread_create(&thread, NULL, post_end, af_post_handle_ref(handle));
	ck_assert_int_eq(af_await(last), 0);
	ck_assert_ptr_eq(af_future_value(last), handle);
	pthread_join(thread, &failed);
	ck_assert_ptr_null(failed);
	af_future_unref(last);
}

START_TEST(post_by_a_handle_wakes_a_wait)
{
	open_stage(_i);
	for (int lap = 0; lap < 20; lap++)
		stage_play(&stage, await_post, NULL);
	close_stage();
}
END_TEST

/* Both ways into the loop are one: what a thread posts stays in order. */
static int story[4], n_story;

static void tell(void *arg)
{
	story[n_story++] = *(int *)arg;
}

static void *post_both_ways(void *arg)
{
	int *numbers = arg;

	for (int i = 0; i < 4; i += 2) {
		if (af_loop_post(stage.loop, tell, &numbers[i]) < 0 ||
		    af_post_handle_post(handle, tell, &numbers[i + 1]) < 0)
			return arg;
	}
	return NULL;
}

START_TEST(posts_by_a_handle_and_by_the_loop_run_in_order)
{
	int numbers[] = { 0, 1, 2, 3 };
	pthread_t thread;

	open_stage(_i);
	for (int lap = 0; lap < 2; lap++) {
		n_story = 0;
		if (lap == 0) {
			ck_assert_ptr_null(post_both_ways(numbers));
		} else {
			pthread_create(&thread, NULL, post_both_ways, numbers);
			pthread_join(thread, NULL);
		}
		ck_assert_int_eq(n_story, 0);
		ck_assert_int_eq(af_loop_run(stage.loop), 0);
		ck_assert_int_eq(n_story, 4);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(story[i], i);
	}
	close_stage();
}
END_TEST

/* What was posted runs; what is posted by that, or later, does not. */
static void post_again(void *arg)
{
	int *n = arg;

	++*n;
	ck_assert_int_eq(af_post_handle_post(handle, count, n), -ECANCELED);
	errno = 0;
	ck_assert_ptr_null(af_post_handle_new(stage.loop));
	ck_assert_int_eq(errno, ECANCELED);
}

static void *post_one(void *arg)
{
	return af_post_handle_post(handle, post_again, arg) < 0 ? arg : NULL;
}

START_TEST(free_runs_what_was_posted_and_refuses_the_rest)
{
	pthread_t thread;
	int n = 0, m = 0;

	open_stage(_i);
	ck_assert_int_eq(af_post_handle_post(handle, count, &m), 0);
	pthread_create(&thread, NULL, post_one, &n);
	pthread_join(thread, NULL);
	ck_assert_int_eq(n, 0);
	free_loop();
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(m, 1);
	ck_assert_int_eq(af_post_handle_post(handle, count, &m), -ECANCELED);
	pthread_create(&thread, NULL, post_one, &n);
	pthread_join(thread, NULL);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(m, 1);
	close_stage();
}
END_TEST

START_TEST(references_are_taken_and_dropped_in_any_order)
{
	struct af_post_handle *second, *third;
	int n = 0;

	open_stage(TOP_OWN);
	second = af_post_handle_new(stage.loop);
	ck_assert_ptr_nonnull(second);
	ck_assert_int_eq(af_post_handle_post(second, count, &n), 0);
	af_post_handle_unref(handle);
	af_post_handle_unref(second);
	/* None is left; another one can be made. */
	handle = af_post_handle_new(stage.loop);
	ck_assert_ptr_nonnull(handle);
	ck_assert_int_eq(af_post_handle_post(handle, count, &n), 0);
	free_loop();
	ck_assert_int_eq(n, 2);
	third = af_post_handle_ref(handle);
	ck_assert_ptr_eq(third, handle);
	af_post_handle_unref(third);
	ck_assert_int_eq(af_post_handle_post(handle, count, &n), -ECANCELED);
	close_stage();
}
END_TEST

/* Threads that post until they are refused, while the loop is freed. */
static struct poster {
	pthread_t thread;
	struct af_post_handle *handle;
	int posted, run;
} posters[THREADS];

static atomic_int n_posting;

static void count_post(void *arg)
{
	((struct poster *)arg)->run++;
}

static void *post_until_refused(void *arg)
{
	struct poster *poster = arg;
	int r;

	while ((r = af_post_handle_post(poster->handle, count_post, poster)) ==
	       0)
		if (poster->posted++ == 0)
			atomic_fetch_add(&n_posting, 1);
	af_post_handle_unref(poster->handle);
	return r == -ECANCELED ? NULL : poster;
}

START_TEST(posting_while_the_loop_is_freed_loses_and_invents_nothing)
{
	struct af_loop *loop;
	void *failed;

	for (int lap = 0; lap < LAPS; lap++) {
		loop = af_loop_new(NULL);
		atomic_store(&n_posting, 0);
		for (int i = 0; i < THREADS; i++) {
			posters[i] = (struct poster){
				.handle = af_post_handle_new(loop),
			};
			pthread_create(&posters[i].thread, NULL,
				       post_until_refused, &posters[i]);
		}
		while (atomic_load(&n_posting) < 1 + lap % THREADS)
			event_base_loop(af_loop_base(loop), EVLOOP_NONBLOCK);
		af_loop_free(loop);
		for (int i = 0; i < THREADS; i++) {
			pthread_join(posters[i].thread, &failed);
			ck_assert_ptr_null(failed);
			ck_assert_int_eq(posters[i].run, posters[i].posted);
		}
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/post_handle");
	TCase *tc = test_case(s, "post handle");

	tcase_add_test(tc, handle_of_nonsense_or_of_another_thread_fails);
#define ADD(test) tcase_add_loop_test(tc, test, 0, CONTEXT_COUNT)
	ADD(post_by_a_handle_wakes_a_wait);
	ADD(posts_by_a_handle_and_by_the_loop_run_in_order);
	ADD(free_runs_what_was_posted_and_refuses_the_rest);
	tcase_add_test(tc, references_are_taken_and_dropped_in_any_order);
	tcase_add_test(
		tc,
		posting_while_the_loop_is_freed_loses_and_invents_nothing);
	return s;
}
