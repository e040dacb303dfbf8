/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All schedules of worker threads: each job is done once and comes back, or is
 * dropped once, whatever its loop, its limits and the idle workers do meanwhile.
 */
#include <errno.h>
#include <stddef.h>

#include "schedules/schedule.h"
#include "support/harness.h"

#define MOST 3

static struct af_loop *loop;

/* What became of a function on a worker. */
static struct job {
	int calls, freed;
	bool open; /* it may return */
	bool waits;
} jobs[MOST];

static void *work(void *arg)
{
	struct job *job = arg;

	job->calls++;
	if (job->waits)
		schedule_wait(&job->open);
	schedule_step("worked");
	return job;
}

static void free_value(void *value)
{
	((struct job *)value)->freed++;
}

static void open_loop(unsigned threads)
{
	for (int i = 0; i < MOST; i++)
		jobs[i] = (struct job){ 0 };
	loop = af_loop_new(NULL);
	schedule_expect(loop);
	schedule_expect(af_loop_set_work_threads(loop, threads) == 0);
}

static struct af_future *start(int i)
{
	return af_work(loop, work, &jobs[i], free_value);
}

static void expect_done(struct af_future *f, int i)
{
	schedule_expect(af_await(f) == 0);
	schedule_expect(af_future_value(f) == &jobs[i]);
	schedule_expect(jobs[i].calls == 1 && jobs[i].freed == 0);
	af_future_unref(f);
	schedule_expect(jobs[i].freed == 1);
}

/* Each was called and its value freed, or neither. */
static void expect_balance(void)
{
	for (int i = 0; i < MOST; i++) {
		schedule_expect(jobs[i].calls <= 1);
		schedule_expect(jobs[i].freed == jobs[i].calls);
	}
}

static void close_loop(void)
{
	af_loop_free(loop);
	schedule_join(0);
	expect_balance();
}

static void jobs_of_two_workers(void)
{
	struct af_future *fs[MOST];

	open_loop(2);
	for (int i = 0; i < MOST; i++)
		fs[i] = start(i);
	for (int i = 0; i < MOST; i++)
		expect_done(fs[i], i);
	close_loop();
}

START_TEST(jobs_of_two_workers_all_come_back)
{
	schedule_explore("jobs_of_two_workers_all_come_back",
			 jobs_of_two_workers, 1);
}
END_TEST

static void job_while_a_worker_leaves(void)
{
	open_loop(1);
	for (int i = 0; i < MOST; i++)
		expect_done(start(i), i);
	close_loop();
}

START_TEST(job_while_the_idle_worker_leaves_is_done)
{
	schedule_explore("job_while_the_idle_worker_leaves_is_done",
			 job_while_a_worker_leaves, 3);
}
END_TEST

/* The first one holds its worker up until the others are done. */
static void jobs_beside_a_stuck_one(void)
{
	struct af_future *fs[MOST];

	open_loop(2);
	jobs[0].waits = true;
	for (int i = 0; i < MOST; i++)
		fs[i] = start(i);
	expect_done(fs[1], 1);
	expect_done(fs[2], 2);
	jobs[0].open = true;
	expect_done(fs[0], 0);
	close_loop();
}

START_TEST(jobs_beside_a_stuck_one_are_done)
{
	schedule_explore("jobs_beside_a_stuck_one_are_done",
			 jobs_beside_a_stuck_one, 2);
}
END_TEST

static void limit_lowered_and_raised(void)
{
	struct af_future *fs[MOST];

	open_loop(2);
	fs[0] = start(0);
	fs[1] = start(1);
	schedule_expect(af_loop_set_work_threads(loop, 1) == 0);
	fs[2] = start(2);
	expect_done(fs[0], 0);
	schedule_expect(af_loop_set_work_threads(loop, 2) == 0);
	expect_done(fs[1], 1);
	expect_done(fs[2], 2);
	close_loop();
}

START_TEST(limit_lowered_and_raised_loses_no_job)
{
	schedule_explore("limit_lowered_and_raised_loses_no_job",
			 limit_lowered_and_raised, 2);
}
END_TEST

static void note_end(struct af_future *f, void *arg)
{
	int *error = arg;

	*error = af_future_error(f);
}

static void loop_freed_with_jobs(void)
{
	int errors[MOST];

	open_loop(2);
	for (int i = 0; i < MOST; i++) {
		errors[i] = 1;
		af_on_done(start(i), note_end, &errors[i]);
	}
	close_loop();
	for (int i = 0; i < MOST; i++)
		schedule_expect(errors[i] == 0 || errors[i] == -ECANCELED);
}

START_TEST(loop_freed_with_jobs_drops_each_once)
{
	schedule_explore("loop_freed_with_jobs_drops_each_once",
			 loop_freed_with_jobs, 2);
}
END_TEST

static void job_cancelled(void)
{
	struct af_future *first, *second;

	open_loop(1);
	first = start(0);
	second = start(1);
	af_future_cancel(second);
	schedule_expect(af_await(second) == -ECANCELED);
	af_future_cancel(first);
	af_future_unref(first);
	af_future_unref(second);
	expect_done(start(2), 2);
	close_loop();
}

START_TEST(job_cancelled_is_called_once_or_never)
{
	schedule_explore("job_cancelled_is_called_once_or_never", job_cancelled,
			 3);
}
END_TEST

/* Of a name that only a thread may ask for, with answers from a file. */
static struct af_future *ask(void)
{
	return af_resolve(loop, "localhost", "80", NULL, NULL);
}

static void question_abandoned(void)
{
	struct af_future *first, *second;

	open_loop(1);
	first = ask();
	second = ask();
	af_future_cancel(first);
	af_await(second);
	schedule_expect(af_future_is_done(second));
	af_future_unref(first);
	af_future_unref(second);
	close_loop();
}

START_TEST(question_abandoned_leaves_nothing)
{
	schedule_explore("question_abandoned_leaves_nothing",
			 question_abandoned, 2);
}
END_TEST

#define ADD(test)                                                              \
	tc = test_case(s, #test);                                              \
	tcase_add_test(tc, test)

Suite *suite(void)
{
	Suite *s = suite_create("schedules/workers");
	TCase *tc;

	ADD(jobs_of_two_workers_all_come_back);
	ADD(job_while_the_idle_worker_leaves_is_done);
	ADD(jobs_beside_a_stuck_one_are_done);
	ADD(limit_lowered_and_raised_loses_no_job);
	ADD(loop_freed_with_jobs_drops_each_once);
	ADD(job_cancelled_is_called_once_or_never);
	ADD(question_abandoned_leaves_nothing);
	return s;
}
