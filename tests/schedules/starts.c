/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All schedules of starts off the loop's thread, which end there, or are
 * abandoned while a thread is busy with them; and of the thread that never ends.
 */
#include <errno.h>
#include <stddef.h>

#include "process/starter.h"
#include "schedules/schedule.h"
#include "support/harness.h"

static const char *const missing[] = { "./there-is-no-such-program", NULL };
static const char *const lasting[] = { "sleep", "1000", NULL };

static struct af_loop *loop;

static void open_loop(void)
{
	loop = af_loop_new(NULL);
	schedule_expect(loop);
}

static void close_loop(void)
{
	af_loop_free(loop);
	schedule_join(0);
}

static void starts_that_fail(void)
{
	struct af_future *fs[2];

	open_loop();
	fs[0] = af_spawn_async(loop, missing, NULL);
	fs[1] = af_spawn_async(loop, missing, NULL);
	for (int i = 0; i < 2; i++) {
		schedule_expect(af_await(fs[i]) == -ENOENT);
		af_future_unref(fs[i]);
	}
	close_loop();
}

START_TEST(starts_that_fail_both_say_so)
{
	schedule_explore("starts_that_fail_both_say_so", starts_that_fail, 2);
}
END_TEST

static void start_cancelled(void)
{
	struct af_future *f;

	open_loop();
	f = af_spawn_async(loop, lasting, NULL);
	schedule_step("goes on");
	af_future_cancel(f);
	schedule_expect(af_await(f) == -ECANCELED);
	af_future_unref(f);
	close_loop();
}

START_TEST(start_cancelled_leaves_no_child)
{
	schedule_explore("start_cancelled_leaves_no_child", start_cancelled, 3);
}
END_TEST

static void loop_freed_during_starts(void)
{
	open_loop();
	af_future_unref(af_spawn_async(loop, lasting, NULL));
	af_future_unref(af_spawn_async(loop, missing, NULL));
	close_loop();
}

START_TEST(loop_freed_during_starts_leaves_no_child)
{
	schedule_explore("loop_freed_during_starts_leaves_no_child",
			 loop_freed_during_starts, 2);
}
END_TEST

/* Jobs for the one thread that never ends. */
struct kept {
	struct afi_starter_job job;
	int runs;
};

static void kept_work(struct afi_starter_job *job)
{
	((struct kept *)(void *)job)->runs++;
}

static int kept_jobs;

static void keep_one(void *arg)
{
	struct kept kept = { .job.work = kept_work };

	(void)arg;
	afi_starter_keep(&kept.job);
	schedule_expect(kept.runs == 1);
	kept_jobs++;
}

static void jobs_kept_by_two_threads(void)
{
	kept_jobs = 0;
	schedule_start(keep_one, NULL);
	keep_one(NULL);
	/* One or two threads have seen to that. */
	schedule_join(2);
	schedule_expect(kept_jobs == 2);
}

START_TEST(jobs_for_a_thread_that_stays_are_all_done)
{
	schedule_explore("jobs_for_a_thread_that_stays_are_all_done",
			 jobs_kept_by_two_threads, 2);
}
END_TEST

#define ADD(test)                                                              \
	tc = test_case(s, #test);                                              \
	tcase_add_test(tc, test)

Suite *suite(void)
{
	Suite *s = suite_create("schedules/starts");
	TCase *tc;

	ADD(starts_that_fail_both_say_so);
	ADD(start_cancelled_leaves_no_child);
	ADD(loop_freed_during_starts_leaves_no_child);
	ADD(jobs_for_a_thread_that_stays_are_all_done);
	return s;
}
