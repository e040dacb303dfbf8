/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many at once: long chains and large groups, on a stack too small for any
 * recursion, and in a time that grows as they do.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "support/harness.h"

#define STACK_SIZE (256 * 1024)
#define MANY 100000
#define FEW (MANY / 10)
#define LONG_CHAIN 1000000

static struct af_loop *loop;

/* Each makes n of something and ends it; it runs in a thread of its own. */
typedef void (*work_fn)(size_t n);

static struct {
	work_fn work;
	size_t n;
	int64_t us;
} job;

/* What this thread has used: the machine may be busy. */
static int64_t thread_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *run_job(void *arg)
{
	int64_t since;

	(void)arg;
	loop = af_loop_new(NULL);
	since = thread_us();
	job.work(job.n);
	job.us = thread_us() - since;
	af_loop_free(loop);
	return NULL;
}

static int64_t run(work_fn work, size_t n)
{
	pthread_attr_t attr;
	pthread_t thread;

	job.work = work;
	job.n = n;
	pthread_attr_init(&attr);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK_SIZE), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, run_job, NULL), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	return job.us;
}

static struct af_future *count_link(struct af_future *done, void *arg)
{
	(void)done;
	++*(size_t *)arg;
	return NULL;
}

static void count_done(struct af_future *done, void *arg)
{
	(void)done;
	++*(size_t *)arg;
}

static struct af_future *pending(void)
{
	return af_future_new(loop, NULL, NULL);
}

static struct af_future *chain(struct af_future *f, size_t n, size_t *links)
{
	for (size_t i = 0; i < n; i++)
		f = i % 2 ? af_then(f, count_link, links)
			  : af_finally(f, count_link, links);
	return f;
}

static void resolve_chain(size_t n)
{
	struct af_future *first = pending();
	size_t links = 0;
	struct af_future *last = chain(af_future_ref(first), n, &links);

	ck_assert_int_eq(af_future_resolve(first, NULL, NULL), 0);
	ck_assert_int_eq(af_await(last), 0);
	ck_assert_uint_eq(links, n);
	af_future_unref(first);
	af_future_unref(last);
}

static void cancel_chain(size_t n)
{
	size_t links = 0;
	struct af_future *last = chain(pending(), n, &links);

	af_future_cancel(last);
	ck_assert_int_eq(af_await(last), -ECANCELED);
	ck_assert_uint_eq(links, (n + 1) / 2);
	af_future_unref(last);
}

static void free_chain(size_t n)
{
	size_t links = 0;
	struct af_future *last = chain(pending(), n, &links);

	af_loop_free(loop);
	loop = NULL;
	ck_assert_int_eq(af_future_error(last), -ECANCELED);
	ck_assert_uint_eq(links, (n + 1) / 2);
	af_future_unref(last);
}

static struct af_future **make_parts(size_t n)
{
	struct af_future **parts = calloc(n, sizeof *parts);

	for (size_t i = 0; i < n; i++)
		parts[i] = pending();
	return parts;
}

static void resolve_all(size_t n)
{
	struct af_future **parts = make_parts(n), *all;

	for (size_t i = 0; i < n; i++)
		af_future_ref(parts[i]);
	all = af_all(loop, parts, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(af_future_resolve(parts[i], NULL, NULL), 0);
		af_future_unref(parts[i]);
	}
	ck_assert_int_eq(af_await(all), 0);
	af_future_unref(all);
	free(parts);
}

static void cancel_all(size_t n)
{
	struct af_future **parts = make_parts(n);
	struct af_future *all = af_all(loop, parts, n);

	af_future_cancel(all);
	ck_assert_int_eq(af_await(all), -ECANCELED);
	af_future_unref(all);
	free(parts);
}

static void resolve_any(size_t n)
{
	struct af_future **parts = make_parts(n);
	struct af_future *last = af_future_ref(parts[n - 1]);
	struct af_future *any = af_race(loop, parts, n);

	ck_assert_int_eq(af_future_resolve(last, NULL, NULL), 0);
	ck_assert_int_eq(af_await(any), 0);
	af_future_unref(last);
	af_future_unref(any);
	free(parts);
}

/* One future, and many who wait for it. */
static void resolve_watched(size_t n)
{
	struct af_future *f = pending();
	size_t told = 0;

	for (size_t i = 0; i < n; i++)
		af_on_done(af_future_ref(f), count_done, &told);
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	af_future_unref(f);
	ck_assert_int_eq(af_loop_run(loop), 0);
	ck_assert_uint_eq(told, n);
}

static const work_fn works[] = {
	resolve_chain, cancel_chain, free_chain,      resolve_all,
	cancel_all,    resolve_any,  resolve_watched,
};
#define N_WORKS (int)(sizeof works / sizeof *works)
#define N_CHAINS 3

START_TEST(million_links_need_no_stack)
{
	run(works[_i], LONG_CHAIN);
}
END_TEST

/*
 * Ten times is linear, and a hundred times quadratic; what lies between is
 * caches and fresh pages. The best of some, since the caches have other users.
 */
#define MUCH_MORE 60

START_TEST(ten_times_as_many_take_ten_times_as_long)
{
	int64_t few = INT64_MAX, many = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t us = run(works[_i], FEW);

		few = us < few ? us : few;
		us = run(works[_i], MANY);
		many = us < many ? us : many;
		if (many < MUCH_MORE * few)
			return;
	}
	ck_abort_msg("%d: %d us, and ten times: %d us", _i, (int)few,
		     (int)many);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/many_at_once");
	TCase *tc = test_case(s, "many");

	tcase_add_loop_test(tc, million_links_need_no_stack, 0, N_CHAINS);
	tcase_add_loop_test(tc, ten_times_as_many_take_ten_times_as_long, 0,
			    N_WORKS);
	return s;
}
