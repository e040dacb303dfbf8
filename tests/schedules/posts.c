/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All schedules of posts: what threads post runs once, in order, in the loop's
 * thread, and never after the loop was freed.
 */
#include <errno.h>
#include <stddef.h>

#include "schedules/schedule.h"
#include "support/harness.h"

static struct af_loop *loop;
static struct af_post_handle *handle;
static struct af_future *all;
static int wanted, arrived;
static bool gone; /* the loop */

struct letter {
	int number, before; /* of the same sender, that have arrived */
	int *received;
	int runs;
};

static struct letter letters[2][2];
static int received[2];

static void on_letter(void *arg)
{
	struct letter *letter = arg;

	schedule_expect(!gone);
	letter->runs++;
	schedule_expect(*letter->received == letter->number);
	++*letter->received;
	if (++arrived == wanted)
		af_future_resolve(all, NULL, NULL);
}

static void write_letters(int expected)
{
	wanted = expected;
	arrived = 0;
	gone = false;
	for (int s = 0; s < 2; s++) {
		received[s] = 0;
		for (int i = 0; i < 2; i++)
			letters[s][i] =
				(struct letter){ .number = i,
						 .received = &received[s] };
	}
	loop = af_loop_new(NULL);
	schedule_expect(loop);
	all = af_future_new(loop, NULL, NULL);
}

static void post_two(void *arg)
{
	struct letter *letter = arg;

	for (int i = 0; i < 2; i++)
		schedule_expect(af_loop_post(loop, on_letter, &letter[i]) == 0);
}

static void posts_of_two_threads(void)
{
	write_letters(4);
	schedule_start(post_two, letters[0]);
	schedule_start(post_two, letters[1]);
	schedule_expect(af_await(all) == 0);
	af_future_unref(all);
	schedule_expect(arrived == 4);
	schedule_join(0);
	af_loop_free(loop);
	schedule_expect(arrived == 4);
}

START_TEST(posts_of_two_threads_all_run_in_order)
{
	schedule_explore("posts_of_two_threads_all_run_in_order",
			 posts_of_two_threads, 2);
}
END_TEST

/* As a program that runs its loop until a post stops it. */
static void stop_loop(void *arg)
{
	on_letter(arg);
	if (arrived == wanted)
		af_loop_stop(loop);
}

static void post_stop(void *arg)
{
	schedule_expect(af_loop_post(loop, stop_loop, arg) == 0);
}

static void posts_end_a_run(void)
{
	write_letters(2);
	schedule_start(post_stop, &letters[0][0]);
	schedule_start(post_stop, &letters[1][0]);
	while (arrived < 2)
		schedule_expect(af_loop_run(loop) == 0);
	af_future_unref(all);
	/* The posters may not have returned yet. */
	af_loop_free(loop);
	gone = true;
	schedule_join(0);
}

START_TEST(posts_end_a_run_and_the_loop_is_freed_at_once)
{
	schedule_explore("posts_end_a_run_and_the_loop_is_freed_at_once",
			 posts_end_a_run, 2);
}
END_TEST

/* What the poster was answered. */
static int answers[2];

static void post_by_handle(void *arg)
{
	struct letter *letter = arg;

	for (int i = 0; i < 2; i++)
		answers[i] = af_post_handle_post(handle, on_letter, &letter[i]);
	af_post_handle_unref(handle);
}

static void posts_while_the_loop_is_freed(void)
{
	write_letters(0);
	handle = af_post_handle_new(loop);
	schedule_start(post_by_handle, letters[0]);
	af_loop_free(loop);
	gone = true;
	af_future_unref(all);
	schedule_join(0);
	for (int i = 0; i < 2; i++) {
		schedule_expect(answers[i] == 0 || answers[i] == -ECANCELED);
		schedule_expect(letters[0][i].runs == (answers[i] == 0));
	}
}

START_TEST(posts_while_the_loop_is_freed_run_or_are_refused)
{
	schedule_explore("posts_while_the_loop_is_freed_run_or_are_refused",
			 posts_while_the_loop_is_freed, 3);
}
END_TEST

static void unref_handle(void *arg)
{
	af_post_handle_unref(arg);
}

static void handles_dropped_by_all(void)
{
	write_letters(0);
	handle = af_post_handle_new(loop);
	schedule_start(unref_handle, af_post_handle_ref(handle));
	schedule_start(post_by_handle, letters[0]);
	af_loop_free(loop);
	gone = true;
	af_future_unref(all);
	schedule_join(0);
}

START_TEST(handle_dropped_by_three_threads_is_freed_once)
{
	schedule_explore("handle_dropped_by_three_threads_is_freed_once",
			 handles_dropped_by_all, 2);
}
END_TEST

/* Two loops, each in its thread, which wait for each other. */
static struct af_loop *other;
static struct af_future *question;
static bool other_ready;

static void on_answer(void *arg)
{
	af_future_resolve(all, arg, NULL);
}

static void on_question(void *arg)
{
	af_future_resolve(question, arg, NULL);
}

static void answer(void *arg)
{
	(void)arg;
	other = af_loop_new(NULL);
	question = af_future_new(other, NULL, NULL);
	other_ready = true;
	schedule_expect(af_await(question) == 0);
	schedule_expect(af_loop_post(loop, on_answer, NULL) == 0);
	af_future_unref(question);
	af_loop_free(other);
}

static void loops_that_post_to_each_other(void)
{
	write_letters(0);
	other_ready = false;
	schedule_start(answer, NULL);
	schedule_wait(&other_ready);
	schedule_expect(af_loop_post(other, on_question, NULL) == 0);
	schedule_expect(af_await(all) == 0);
	af_future_unref(all);
	af_loop_free(loop);
	schedule_join(0);
}

START_TEST(loops_that_post_to_each_other_both_wake)
{
	schedule_explore("loops_that_post_to_each_other_both_wake",
			 loops_that_post_to_each_other, 3);
}
END_TEST

#define ADD(test)                                                              \
	tc = test_case(s, #test);                                              \
	tcase_add_test(tc, test)

Suite *suite(void)
{
	Suite *s = suite_create("schedules/posts");
	TCase *tc;

	ADD(posts_of_two_threads_all_run_in_order);
	ADD(posts_end_a_run_and_the_loop_is_freed_at_once);
	ADD(posts_while_the_loop_is_freed_run_or_are_refused);
	ADD(handle_dropped_by_three_threads_is_freed_once);
	ADD(loops_that_post_to_each_other_both_wake);
	return s;
}
