/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps: how many futures are pending at a time, how a map ends, and what its
 * function may do.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/threads.h"
#include "support/contexts.h"

static struct rig rig;

/* What make works on. */
static struct work {
	int todo, made, pending, most; /* futures */
	int fails_at, error;	       /* one of them fails */
	int cancels;
	int slowness; /* of each, in milliseconds, times 0 to 3 */
	struct af_future *items[100];
	struct af_future *map;
} work;

static void count_cancel(struct af_future *f, void *arg)
{
	(void)f;
	(void)arg;
	work.cancels++;
}

static void open_rig(int driver, int todo)
{
	rig_open(&rig, driver);
	memset(&work, 0, sizeof work);
	work.todo = todo;
	work.fails_at = -1;
	work.slowness = 1;
}

static void settle(void)
{
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	turn(&rig);
}

/* Each is pending until the test ends it. */
static struct af_future *make_pending(void *arg)
{
	ck_assert_ptr_eq(arg, &work);
	if (work.made == work.todo)
		return NULL;
	return af_future_ref(work.items[work.made++] = af_future_new(
				     rig.loop, count_cancel, NULL));
}

static void drop_items(void)
{
	for (int i = 0; i < work.made; i++)
		af_future_unref(work.items[i]);
}

static struct af_future *make_done(void *arg)
{
	struct work *w = arg;

	if (w->made == w->todo)
		return NULL;
	if (w->made++ == w->fails_at)
		return af_failed(rig.loop, w->error);
	return af_succeeded(rig.loop, NULL, NULL);
}

static struct af_future *count_end(struct af_future *done, void *arg)
{
	(void)done;
	((struct work *)arg)->pending--;
	return NULL;
}

/* Each takes a little time, and every third is done already. */
static struct af_future *make_some(void *arg)
{
	struct work *w = arg;
	int i = w->made;

	if (i == w->todo)
		return NULL;
	w->made++;
	if (i % 3 == 2)
		return af_succeeded(rig.loop, NULL, NULL);
	w->pending++;
	w->most = w->pending > w->most ? w->pending : w->most;
	return af_finally(af_sleep(rig.loop, MS(i % 4 * w->slowness)),
			  count_end, w);
}

static void expect_map(struct af_future *map, int error, size_t n)
{
	ck_assert_int_eq(drive(&rig, map), error);
	ck_assert_int_eq(af_future_error(map), error);
	ck_assert_uint_eq(af_future_count(map), n);
	af_future_unref(map);
}

START_TEST(map_keeps_n_pending_and_makes_them_all)
{
	static const size_t ns[] = { 1, 2, 7, 1000, SIZE_MAX };
	size_t n = ns[_i / DRIVE_COUNT];
	struct af_future *map;

	open_rig(_i % DRIVE_COUNT, 300);
	/* None is done before the last one is made. */
	if (n >= 100)
		work.slowness = 200;
	map = af_map(rig.loop, make_some, &work, n, 0);
	ck_assert_int_eq(work.made, 0);
	expect_map(map, 0, 300);
	ck_assert_int_eq(work.made, 300);
	ck_assert_int_eq(work.pending, 0);
	if (n < 100)
		ck_assert_int_eq(work.most, (int)n);
	else
		ck_assert_int_gt(work.most, 100);
	rig_close(&rig);
}
END_TEST

START_TEST(map_of_nothing_succeeds)
{
	open_rig(_i, 0);
	expect_map(af_map(rig.loop, make_pending, &work, 3, 0), 0, 0);
	expect_map(af_map(rig.loop, make_pending, &work, 3, AFIO_SETTLE), 0, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(map_counts_those_that_succeeded_so_far)
{
	struct af_future *map;

	open_rig(_i, 4);
	map = af_map(rig.loop, make_pending, &work, 2, 0);
	ck_assert_uint_eq(af_future_count(map), 0);
	settle();
	ck_assert_int_eq(work.made, 2);
	for (int i = 0; i < 4; i++) {
		af_future_resolve(work.items[i], NULL, NULL);
		settle();
		ck_assert_uint_eq(af_future_count(map), i + 1);
		ck_assert_int_eq(work.made, i < 2 ? i + 3 : 4);
		ck_assert_ptr_null(af_future_part(map, 0));
	}
	expect_map(map, 0, 4);
	drop_items();
	rig_close(&rig);
}
END_TEST

/* The first failure, after those that were pending then. */
START_TEST(map_stops_at_the_first_failure)
{
	struct af_future *map;

	open_rig(_i, 10);
	map = af_map(rig.loop, make_pending, &work, 3, 0);
	settle();
	af_future_resolve(work.items[1], NULL, NULL);
	settle();
	ck_assert_int_eq(work.made, 4);
	af_future_fail(work.items[2], -EIO);
	settle();
	ck_assert_int_eq(work.made, 4);
	af_future_fail(work.items[0], -EBADF);
	settle();
	ck_assert_int_eq(af_future_error(map), -EINPROGRESS);
	ck_assert_int_eq(work.cancels, 0);
	af_future_resolve(work.items[3], NULL, NULL);
	expect_map(map, -EIO, 2);
	ck_assert_int_eq(work.made, 4);
	drop_items();
	rig_close(&rig);
}
END_TEST

START_TEST(map_stops_at_a_failure_that_was_there_already)
{
	open_rig(_i, 10);
	work.fails_at = 4;
	work.error = -EIO;
	expect_map(af_map(rig.loop, make_done, &work, 3, 0), -EIO, 4);
	ck_assert_int_eq(work.made, 5);
	rig_close(&rig);
}
END_TEST

START_TEST(map_that_settles_goes_on_after_failures)
{
	struct af_future *map;

	open_rig(_i, 4);
	map = af_map(rig.loop, make_pending, &work, 2, AFIO_SETTLE);
	settle();
	for (int i = 0; i < 4; i++) {
		if (i % 2)
			af_future_resolve(work.items[i], NULL, NULL);
		else if (i)
			af_future_cancel(work.items[i]);
		else
			af_future_fail(work.items[i], -EIO);
		settle();
	}
	expect_map(map, 0, 2);
	drop_items();
	work.made = 0;
	work.fails_at = 2;
	work.error = -EIO;
	expect_map(af_map(rig.loop, make_done, &work, 2, AFIO_SETTLE), 0, 3);
	rig_close(&rig);
}
END_TEST

START_TEST(map_canceled_cancels_what_is_pending)
{
	struct af_future *map;

	open_rig(_i, 10);
	map = af_map(rig.loop, make_pending, &work, 3, 0);
	settle();
	af_future_resolve(work.items[0], NULL, NULL);
	settle();
	af_future_cancel(map);
	ck_assert_int_eq(af_future_error(map), -ECANCELED);
	ck_assert_int_eq(work.cancels, 3);
	settle();
	expect_map(map, -ECANCELED, 1);
	ck_assert_int_eq(work.made, 4);
	drop_items();
	rig_close(&rig);
}
END_TEST

START_TEST(map_canceled_before_its_first_call_makes_nothing)
{
	struct af_future *map;

	open_rig(_i, 10);
	map = af_map(rig.loop, make_pending, &work, 3, 0);
	af_future_cancel(map);
	expect_map(map, -ECANCELED, 0);
	settle();
	ck_assert_int_eq(work.made, 0);
	rig_close(&rig);
}
END_TEST

static struct af_future *take(struct af_future *done, void *arg)
{
	const char *data = af_future_data(done, NULL);

	if (data)
		strcat(arg, data);
	return NULL;
}

static struct af_future *make_line(void *arg)
{
	return af_then(af_file_readline(rig.reader, 0, 0, 0, NULL), take, arg);
}

/* A continuation that is due takes its bytes. */
START_TEST(map_canceled_lets_due_continuations_take_the_bytes)
{
	char got[20] = "";
	struct af_future *map, *late;

	open_rig(_i, 0);
	rig_reader(&rig);
	map = af_map(rig.loop, make_line, got, 1, 0);
	settle();
	late = af_then(af_file_readline(rig.reader, 0, 0, 0, NULL), take, got);
	put_text(rig.out, "one\ntwo\n");
	for (int i = 0; i < 100 && !*got; i++)
		settle();
	af_future_cancel(map);
	expect_map(map, -ECANCELED, 1);
	expect_text(&rig, late, "two\n", 0);
	ck_assert_str_eq(got, "one\ntwo\n");
	rig_close(&rig);
}
END_TEST

START_TEST(map_times_out)
{
	struct af_future *map;

	open_rig(_i, 10);
	map = af_map(rig.loop, make_pending, &work, 3, 0);
	expect_error(&rig, af_with_timeout(af_future_ref(map), MS(5)),
		     -ETIMEDOUT);
	ck_assert_int_eq(work.cancels, 3);
	expect_map(map, -ECANCELED, 0);
	drop_items();
	rig_close(&rig);
}
END_TEST

START_TEST(map_ends_with_its_loop)
{
	struct af_future *map, *due;

	open_rig(_i, 10);
	map = af_map(rig.loop, make_pending, &work, 3, AFIO_SETTLE);
	settle();
	due = af_map(rig.loop, make_pending, &work, 3, 0);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(map), -ECANCELED);
	ck_assert_int_eq(af_future_error(due), -ECANCELED);
	ck_assert_int_eq(work.made, 3);
	ck_assert_int_eq(work.cancels, 3);
	af_future_unref(map);
	af_future_unref(due);
	drop_items();
	rig_close(&rig);
}
END_TEST

/* Nobody has a reference to it. */
START_TEST(map_dropped_goes_on)
{
	open_rig(_i, 100);
	af_future_unref(af_map(rig.loop, make_some, &work, 3, 0));
	for (int i = 0; i < 1000 && work.made < 100; i++)
		settle();
	ck_assert_int_eq(work.made, 100);
	for (int i = 0; i < 1000 && work.pending > 0; i++)
		settle();
	ck_assert_int_eq(work.pending, 0);
	settle();
	rig_close(&rig);
}
END_TEST

/* What make may do. */

enum deed {
	AWAITS,
	AWAITS_THE_MAP,
	CANCELS,
	FREES,
	RETURNS_THE_MAP,
	RETURNS_A_CHAIN,
	RETURNS_A_GROUP,
	RETURNS_A_LARGE_GROUP,
	DROPS_THE_MAP,
	DEED_COUNT
};
static enum deed deed;
static int inside;

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

/* With one that it depends on last, after many others. */
static struct af_future *make_large_group(struct af_future *last)
{
	struct af_future *parts[1000];
	size_t n = sizeof parts / sizeof *parts;

	for (size_t i = 0; i < n - 1; i++)
		parts[i] = af_sleep(rig.loop, MS(100000));
	parts[n - 1] = last;
	return af_all(rig.loop, parts, n);
}

static struct af_future *make_deed(void *arg)
{
	struct work *w = arg;
	struct af_future *f;

	ck_assert_int_eq(inside++, 0);
	w->made++;
	f = af_future_ref(w->map);
	switch (deed) {
	case AWAITS:
		af_future_unref(f);
		if (w->made > 3) {
			f = NULL;
			break;
		}
		f = af_sleep(rig.loop, MS(2));
		ck_assert_int_eq(af_await(f), 0);
		break;
	case AWAITS_THE_MAP:
		ck_assert_int_eq(af_await(f), -EDEADLK);
		af_future_unref(f);
		f = NULL;
		break;
	case CANCELS:
		af_future_cancel(f);
		af_future_unref(f);
		f = af_future_new(rig.loop, count_cancel, NULL);
		break;
	case FREES:
		af_future_unref(f);
		f = af_future_new(rig.loop, count_cancel, NULL);
		af_loop_free(rig.loop);
		rig.loop = NULL;
		break;
	case RETURNS_THE_MAP:
		break;
	case RETURNS_A_CHAIN:
		f = af_shield(af_then(f, pass, NULL));
		break;
	case RETURNS_A_GROUP:
		f = af_all(rig.loop, &f, 1);
		break;
	case RETURNS_A_LARGE_GROUP:
		f = make_large_group(f);
		break;
	default:
		/* The last one but for the library's. */
		af_future_unref(f);
		af_future_unref(w->map);
		w->map = NULL;
		f = w->made < 4 ? af_sleep(rig.loop, MS(0)) : NULL;
		break;
	}
	inside--;
	return f;
}

START_TEST(make_may_do_anything)
{
	static const int errors[] = {
		[CANCELS] = -ECANCELED,
		[FREES] = -ECANCELED,
		[RETURNS_THE_MAP] = -EDEADLK,
		[RETURNS_A_CHAIN] = -EDEADLK,
		[RETURNS_A_GROUP] = -EDEADLK,
		[RETURNS_A_LARGE_GROUP] = -EDEADLK,
		[DROPS_THE_MAP] = 0,
	};
	struct af_future *f;

	open_rig(_i % DRIVE_COUNT, 0);
	deed = (enum deed)(_i / DRIVE_COUNT);
	if (deed == FREES && rig.driver != DRIVE_AWAIT)
		rig.driver = DRIVE_AWAIT;
	f = work.map = af_map(rig.loop, make_deed, &work, 2, AFIO_SETTLE);
	af_future_ref(f);
	ck_assert_int_eq(drive(&rig, f), errors[deed]);
	ck_assert_int_eq(af_future_error(f), errors[deed]);
	if (deed == CANCELS || deed == FREES)
		ck_assert_int_eq(work.cancels, 1);
	if (deed == AWAITS)
		ck_assert_uint_eq(af_future_count(f), 3);
	af_future_unref(f);
	af_future_unref(work.map);
	if (rig.loop)
		settle();
	rig_close(&rig);
}
END_TEST

static struct af_future *make_forked(void *arg)
{
	struct work *w = arg;
	int status;
	pid_t pid;

	if (w->made++ > 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		w->pending = 1; /* this is the child */
		return af_succeeded(rig.loop, NULL, NULL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return NULL;
}

/* In the child, nothing of the loop runs: no other call of make. */
START_TEST(make_may_fork)
{
	struct af_future *map;
	int r;

	open_rig(DRIVE_AWAIT, 0);
	map = af_map(rig.loop, make_forked, &work, 1, 0);
	r = af_await(map);
	if (work.pending)
		_exit(r == -EBADF && work.made == 1 ? 0 : 1);
	ck_assert_int_eq(r, 0);
	af_future_unref(map);
	rig_close(&rig);
}
END_TEST

static struct af_loop *other;

static struct af_future *make_elsewhere(void *arg)
{
	(void)arg;
	return af_future_new(other, NULL, NULL);
}

START_TEST(map_of_another_loops_future_fails_einval)
{
	open_rig(_i, 0);
	other = af_loop_new(NULL);
	expect_map(af_map(rig.loop, make_elsewhere, NULL, 1, AFIO_SETTLE),
		   -EINVAL, 0);
	af_loop_free(other);
	rig_close(&rig);
}
END_TEST

static struct af_future *make_strange(void *arg)
{
	return arg;
}

static void *map_strange(void *arg)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *map = af_map(loop, make_strange, arg, 1, 0);
	int r = af_await(map);

	af_future_unref(map);
	af_loop_free(loop);
	return r == -EINVAL ? arg : NULL;
}

START_TEST(map_of_another_threads_future_fails_einval_and_leaves_it)
{
	struct af_future *strange;
	pthread_t thread;
	void *result;

	open_rig(_i, 0);
	strange = af_future_new(rig.loop, NULL, NULL);
	pthread_create(&thread, NULL, map_strange, strange);
	pthread_join(thread, &result);
	ck_assert_ptr_eq(result, strange);
	/* A reference too few would be seen here. */
	ck_assert_int_eq(af_future_resolve(strange, NULL, NULL), 0);
	expect_error(&rig, strange, 0);
	rig_close(&rig);
}
END_TEST

/* The second one is of another loop; the first one is pending meanwhile. */
static struct af_future *make_second_elsewhere(void *arg)
{
	return work.made ? (work.made++, make_elsewhere(arg))
			 : make_pending(arg);
}

START_TEST(map_of_another_loops_future_waits_for_the_others)
{
	struct af_future *map;

	open_rig(_i % DRIVE_COUNT, 10);
	other = af_loop_new(NULL);
	map = af_map(rig.loop, make_second_elsewhere, &work, 5,
		     _i / DRIVE_COUNT ? AFIO_SETTLE : 0);
	settle();
	ck_assert_int_eq(work.made, 2);
	ck_assert_int_eq(af_future_error(map), -EINPROGRESS);
	ck_assert_int_eq(work.cancels, 0);
	af_future_resolve(work.items[0], NULL, NULL);
	expect_map(map, -EINVAL, 1);
	ck_assert_int_eq(work.made, 2);
	af_future_unref(work.items[0]);
	af_loop_free(other);
	rig_close(&rig);
}
END_TEST

/* Operations on NULL have futures without a loop, which are not another's. */
static struct af_future *make_failed(void *arg)
{
	struct work *w = arg;

	return w->made++ < w->todo ? af_file_read(NULL, 1, 0, NULL) : NULL;
}

START_TEST(map_of_futures_without_a_loop_takes_them_for_failed)
{
	open_rig(_i, 3);
	expect_map(af_map(rig.loop, make_failed, &work, 2, AFIO_SETTLE), 0, 0);
	ck_assert_int_eq(work.made, 4);
	work.made = 0;
	expect_map(af_map(rig.loop, make_failed, &work, 2, 0), -EINVAL, 0);
	ck_assert_int_eq(work.made, 1);
	rig_close(&rig);
}
END_TEST

/* Done already: nothing recurses, nothing grows, and timers fire. */
START_TEST(million_futures_that_are_done_are_fast_and_fair)
{
	struct af_future *map, *tick;
	size_t before;
	int ticks = 0;

	open_rig(_i, 1000000);
	map = af_map(rig.loop, make_done, &work, 3, 0);
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	before = heap_in_use();
	while (!af_future_is_done(map)) {
		int made = work.made;

		tick = af_sleep(rig.loop, MS(1));
		expect_error(&rig, tick, 0);
		ck_assert_int_lt(work.made - made, 500000);
		ticks++;
	}
	ck_assert_int_gt(ticks, 3);
	ck_assert_uint_le(heap_in_use(), before + 10000);
	expect_map(map, 0, 1000000);
	rig_close(&rig);
}
END_TEST

/* Each call of make takes its time: a timer does not wait for many. */
static struct af_future *make_slowly(void *arg)
{
	spin(1);
	return make_done(arg);
}

START_TEST(slow_calls_of_make_hold_up_no_timer)
{
	struct af_future *map;

	open_rig(_i, 1000);
	map = af_map(rig.loop, make_slowly, &work, 3, 0);
	expect_error(&rig, af_sleep(rig.loop, MS(3)), 0);
	ck_assert_int_lt(work.made, 500);
	af_future_cancel(map);
	af_future_unref(map);
	rig_close(&rig);
}
END_TEST

struct stuck {
	struct af_future *link, *part;
	bool grouped;
};

static struct af_future *make_stuck(void *arg)
{
	struct stuck *stuck = arg;
	struct af_future *f = af_future_ref(stuck->link);

	return stuck->grouped ? af_all(rig.loop, &f, 1) : f;
}

static struct af_future *await_stuck(struct af_future *done, void *arg)
{
	struct stuck *stuck = arg;
	struct af_future *map = af_map(rig.loop, make_stuck, stuck, 1, 0);

	(void)done;
	/* The call of make is due: that there is no end is seen after it. */
	ck_assert_int_eq(af_await(map), -EDEADLK);
	ck_assert_int_eq(af_await(map), -EDEADLK);
	af_future_cancel(map);
	af_future_unref(map);
	return NULL;
}

/* Of parts that depend on the continuation which waits for the map. */
START_TEST(await_of_a_map_that_cannot_end_fails_edeadlk)
{
	struct stuck stuck = { .grouped = _i / DRIVE_COUNT };
	struct af_future *root;

	open_rig(_i % DRIVE_COUNT, 0);
	root = af_future_new(rig.loop, NULL, NULL);
	stuck.link = af_then(af_future_ref(root), await_stuck, &stuck);
	af_future_resolve(root, NULL, NULL);
	af_future_unref(root);
	drive(&rig, stuck.link);
	af_future_unref(stuck.link);
	rig_close(&rig);
}
END_TEST

START_TEST(await_of_a_map_whose_parts_nobody_ends_fails_edeadlk)
{
	struct af_future *map;

	/* Another thread could post something that ends them. */
	if (afi_threads_possible())
		return;
	open_rig(DRIVE_AWAIT, 10);
	map = af_map(rig.loop, make_pending, &work, 3, 0);
	ck_assert_int_eq(af_await(map), -EDEADLK);
	ck_assert_int_eq(work.made, 3);
	af_future_cancel(map);
	af_future_unref(map);
	drop_items();
	rig_close(&rig);
}
END_TEST

static void await_map(void *arg)
{
	struct af_future *map = af_map(rig.loop, make_some, arg, 4, 0);

	ck_assert_int_eq(af_await(map), 0);
	ck_assert_uint_eq(af_future_count(map), 50);
	af_future_unref(map);
}

START_TEST(map_is_awaited_anywhere)
{
	struct stage stage;

	memset(&work, 0, sizeof work);
	work.todo = 50;
	stage_open(&stage, (enum context)_i);
	rig.loop = stage.loop;
	stage_play(&stage, await_map, &work);
	stage_close(&stage);
}
END_TEST

START_TEST(dump_shows_a_map)
{
	struct af_future *map;
	char *text = NULL;
	size_t len;
	FILE *out;

	open_rig(_i, 5);
	map = af_map(rig.loop, make_pending, &work, 3, 0);
	settle();
	af_future_resolve(work.items[0], NULL, NULL);
	settle();
	out = open_memstream(&text, &len);
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "map, 3 pending, 1 succeeded"));
	free(text);
	af_future_cancel(map);
	af_future_unref(map);
	drop_items();
	rig_close(&rig);
}
END_TEST

static void *map_elsewhere(void *arg)
{
	return af_map(arg, make_done, &work, 1, 0);
}

START_TEST(map_of_nonsense_fails)
{
	pthread_t thread;
	void *result;

	open_rig(DRIVE_AWAIT, 0);
	expect_error(&rig, af_map(NULL, make_done, &work, 1, 0), -EINVAL);
	expect_error(&rig, af_map(rig.loop, NULL, &work, 1, 0), -EINVAL);
	expect_error(&rig, af_map(rig.loop, make_done, &work, 0, 0), -EINVAL);
	for (unsigned bit = 1; bit != 0; bit <<= 1)
		if (bit != AFIO_SETTLE)
			expect_error(&rig,
				     af_map(rig.loop, make_done, &work, 1, bit),
				     -EINVAL);
	pthread_create(&thread, NULL, map_elsewhere, rig.loop);
	pthread_join(thread, &result);
	ck_assert_int_eq(af_future_error(result), -EPERM);
	ck_assert_int_eq(work.made, 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/map");
	TCase *tc = test_case(s, "ends");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(map_keeps_n_pending_and_makes_them_all, 5);
	ADD(map_of_nothing_succeeds, 1);
	ADD(map_counts_those_that_succeeded_so_far, 1);
	ADD(map_stops_at_the_first_failure, 1);
	ADD(map_stops_at_a_failure_that_was_there_already, 1);
	ADD(map_of_another_threads_future_fails_einval_and_leaves_it, 1);
	ADD(map_of_another_loops_future_waits_for_the_others, 2);
	ADD(map_of_futures_without_a_loop_takes_them_for_failed, 1);
	ADD(map_that_settles_goes_on_after_failures, 1);
	ADD(map_canceled_cancels_what_is_pending, 1);
	ADD(map_canceled_before_its_first_call_makes_nothing, 1);
	ADD(map_canceled_lets_due_continuations_take_the_bytes, 1);
	ADD(map_times_out, 1);
	ADD(map_ends_with_its_loop, 1);
	ADD(map_dropped_goes_on, 1);
	tcase_add_test(tc, map_of_nonsense_fails);

	tc = test_case(s, "calls");
	ADD(make_may_do_anything, DEED_COUNT);
	tcase_add_test(tc, make_may_fork);
	ADD(map_of_another_loops_future_fails_einval, 1);
	ADD(million_futures_that_are_done_are_fast_and_fair, 1);
	ADD(slow_calls_of_make_hold_up_no_timer, 1);

	tc = test_case(s, "waits");
	ADD(await_of_a_map_that_cannot_end_fails_edeadlk, 2);
	tcase_add_test(tc,
		       await_of_a_map_whose_parts_nobody_ends_fails_edeadlk);
	tcase_add_loop_test(tc, map_is_awaited_anywhere, 0, CONTEXT_COUNT);
	ADD(dump_shows_a_map, 1);
	return s;
}
