/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures nested a million deep in one another, in any mixture, on a small
 * stack: made, awaited, cancelled, and freed in whatever state they are.
 */
#include <errno.h>
#include <pthread.h>

#include "support/harness.h"

#define DEPTH 1000000
#define STACK (256 << 10)
/* Enough to overflow it; a million once for each kind, as each takes long. */
#define LESS (DEPTH / 20)

enum nest {
	CHAIN,
	TIMEOUT,
	ALL,
	SETTLED,
	RACE,
	ANY,
	SHIELD,
	MAP,
	MIXTURE,
	NEST_COUNT
};
enum end {
	SUCCESS,
	FAILURE,
	CANCEL,
	LATE_CANCEL,
	LOOP_FREED,
	FORGET,
	DROP,
	END_COUNT
};

static struct af_future *keep(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

/* What a map has still to return. */
static struct af_future *maps[DEPTH];
static int n_maps;

static struct af_future *give_once(void *arg)
{
	struct af_future **place = arg, *f = *place;

	*place = NULL;
	n_maps -= f != NULL;
	return f;
}

static struct af_future *wrap(struct af_loop *loop, struct af_future *f,
			      enum nest nest, int level)
{
	static const struct timeval hour = { 3600, 0 };

	if (nest == MIXTURE)
		nest = level * 7 / 3 % MIXTURE;
	switch (nest) {
	case CHAIN:
		return af_finally(f, keep, NULL);
	case TIMEOUT:
		return af_with_timeout(f, &hour);
	case ALL:
		return af_all(loop, &f, 1);
	case SETTLED:
		return af_all_settled(loop, &f, 1);
	case RACE:
		return af_race(loop, &f, 1);
	case SHIELD:
		return af_shield(f);
	case MAP:
		maps[level] = f;
		n_maps++;
		return af_map(loop, give_once, &maps[level], 1, 0);
	default:
		return af_any(loop, &f, 1);
	}
}

/*
 * all_settled() of what has failed succeeds, and so does the whole then. A chain
 * whose root is done has its outcome, and so has a shield.
 */
static int wanted(enum nest nest, enum end end)
{
	if (end == SUCCESS ||
	    (end == LATE_CANCEL && (nest == CHAIN || nest == SHIELD)))
		return 0;
	if (end == CANCEL || end == LATE_CANCEL || end == FORGET)
		return -ECANCELED;
	if (nest == SETTLED || nest == MIXTURE)
		return 0;
	return end == FAILURE ? -EIO : -ECANCELED;
}

static int variant;

static void *nest(void *arg)
{
	enum nest kind = variant % NEST_COUNT;
	enum end end = variant / NEST_COUNT;
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *root, *f;
	int *ret = arg;

	f = root = af_future_new(loop, NULL, NULL);
	af_future_ref(root);
	for (int i = 0; i < (end == SUCCESS ? DEPTH : LESS); i++)
		f = wrap(loop, f, kind, i);
	while (n_maps > 0) { /* until each waits for its part */
		struct af_future *nap =
			af_sleep(loop, &(struct timeval){ 0, 1000 });

		af_await(nap);
		af_future_unref(nap);
	}
	*ret = af_await_for(f, &(struct timeval){ 0, 0 }) == -ETIMEDOUT;
	if (end == FORGET)
		af_future_forget(af_future_ref(f));
	else if (end == CANCEL)
		af_future_cancel(f);
	else if (end == FAILURE)
		af_future_fail(root, -EIO);
	else if (end != LOOP_FREED && end != DROP)
		af_future_resolve(root, NULL, NULL);
	if (end == LATE_CANCEL)
		af_future_cancel(f);
	if (end == LOOP_FREED)
		af_loop_free(loop);
	else if (end != DROP)
		*ret &= af_await(f) == wanted(kind, end);
	if (end != DROP)
		*ret &= af_future_error(f) == wanted(kind, end);
	af_future_unref(root);
	af_future_unref(f);
	if (end != LOOP_FREED)
		af_loop_free(loop);
	return NULL;
}

START_TEST(million_deep_ends_on_a_small_stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int right = 0;

	variant = _i;
	pthread_attr_init(&attr);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, nest, &right), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	ck_assert_int_eq(right, 1);
}
END_TEST

static struct af_future *give(struct af_future *done, void *arg)
{
	(void)done;
	return arg;
}

/* No walk along all of them for each. */
START_TEST(million_chains_return_one_another)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *root = af_future_new(loop, NULL, NULL), *f = root;

	af_future_ref(root);
	for (int i = 0; i < DEPTH; i++)
		f = af_then(af_succeeded(loop, NULL, NULL), give, f);
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ 0, 0 }),
			 -ETIMEDOUT);
	if (_i)
		af_future_cancel(f);
	else
		af_future_resolve(root, NULL, NULL);
	ck_assert_int_eq(af_await(f), _i ? -ECANCELED : 0);
	af_future_unref(root);
	af_future_unref(f);
	af_loop_free(loop);
}
END_TEST

/* A part twice in each group: not one walk for each way down. */
START_TEST(diamonds_are_walked_once)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *root = af_future_new(loop, NULL, NULL), *f = root;
	struct af_future *parts[2];

	for (int i = 0; i < 100; i++) {
		parts[0] = f;
		parts[1] = af_future_ref(f);
		f = i % 2 ? af_all(loop, parts, 2) : af_race(loop, parts, 2);
	}
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ 0, 0 }),
			 -ETIMEDOUT);
	if (_i)
		af_future_resolve(root, NULL, NULL);
	af_future_cancel(f);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	af_future_unref(f);
	af_loop_free(loop);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/depth");
	TCase *tc = test_case(s, "depth");

	tcase_add_loop_test(tc, million_deep_ends_on_a_small_stack, 0,
			    NEST_COUNT * END_COUNT);
	tcase_add_loop_test(tc, million_chains_return_one_another, 0, 2);
	tcase_add_loop_test(tc, diamonds_are_walked_once, 0, 2);
	return s;
}
