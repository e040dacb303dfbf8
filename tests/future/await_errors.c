/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits that fail instead of hanging, waits of a limited time, and those that
 * are over before they begin.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/threads.h"
#include "support/waits.h"

/* Errors */

static void await_nonsense(void *arg)
{
	struct af_future *f = read_one(file);

	(void)arg;
	ck_assert_int_eq(af_await(NULL), -EINVAL);
	ck_assert_int_eq(af_await_for(NULL, NULL), -EINVAL);
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ -1, 0 }), -EINVAL);
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ 0, -1 }), -EINVAL);
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ 0, 1000000 }),
			 -EINVAL);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	af_future_unref(f);
}

START_TEST(await_of_nonsense_fails_einval)
{
	open_stage(_i);
	stage_play(&stage, await_nonsense, NULL);
	close_stage();
}
END_TEST

/* Nothing on the base, nothing ready, and nobody who could post. */
static void await_nothing(void *arg)
{
	struct af_future *f = af_future_new(stage.loop, NULL, NULL);

	(void)arg;
	ck_assert_int_eq(af_await(f), -EDEADLK);
	ck_assert_int_eq(af_await_for(f, MS(3)), -ETIMEDOUT);
	ck_assert_int_eq(af_await(f), -EDEADLK);
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(await_with_nothing_pending_fails_edeadlk)
{
	/* With other threads there is always one that could post. */
	if (afi_threads_possible())
		return;
	open_stage(_i);
	/* Under af_await() there is what that one waits for. */
	if (contexts[_i].by != BY_AWAIT)
		stage_play(&stage, await_nothing, NULL);
	close_stage();
}
END_TEST

/* Waits that depend on a continuation which is running, below the wait. */
static struct af_future *end;

static struct af_future *await_own_end(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	ck_assert_int_eq(af_await(end), -EDEADLK);
	ck_assert_int_eq(af_await_for(end, MS(1)), -EDEADLK);
	ck_assert(!af_future_is_done(end));
	tell("stuck ");
	return NULL;
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

static struct af_future *return_end(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	tell("adopted ");
	return af_future_ref(end);
}

/* What it waits for comes to depend on it while it waits. */
static struct af_future *await_adopter(struct af_future *done, void *arg)
{
	struct af_future *adopter = af_then(nap(1), return_end, NULL);

	(void)done;
	(void)arg;
	ck_assert_int_eq(af_await(adopter), -EDEADLK);
	ck_assert(!af_future_is_done(adopter));
	af_future_unref(adopter);
	tell("stuck ");
	return NULL;
}

/* An inner wait, for the continuation that an outer wait is in. */
static struct af_future *await_with_one_inside(struct af_future *done,
					       void *arg)
{
	struct af_future *inner = af_then(nap(1), await_own_end, arg);

	(void)done;
	ck_assert_int_eq(af_await(inner), 0);
	af_future_unref(inner);
	tell("outer ");
	return NULL;
}

static const struct {
	af_continuation_fn fn;
	bool longer; /* there is more after it, and the last is awaited */
	const char *story;
} knots[] = {
	{ await_own_end, false, "stuck " },
	{ await_own_end, true, "stuck " },
	{ await_adopter, false, "adopted stuck " },
	{ await_adopter, true, "adopted stuck " },
	{ await_with_one_inside, false, "stuck outer " },
	{ await_with_one_inside, true, "stuck outer " },
};
#define KNOT_COUNT ((int)(sizeof knots / sizeof *knots))

static void tie(void *arg)
{
	const int *knot = arg;

	end = af_then(nap(0), knots[*knot].fn, NULL);
	if (knots[*knot].longer)
		end = af_finally(af_then(end, pass, NULL), pass, NULL);
	ck_assert_int_eq(af_await(end), 0);
	af_future_unref(end);
}

START_TEST(await_of_what_waits_for_us_fails_edeadlk)
{
	int knot = _i % KNOT_COUNT;

	open_stage(_i / KNOT_COUNT);
	stage_play(&stage, tie, &knot);
	ck_assert_str_eq(story, knots[knot].story);
	close_stage();
}
END_TEST

/* Deeper and deeper, until it is too deep; the last one goes no further. */
static unsigned depth;
static bool too_deep;

static struct af_future *go_deeper(struct af_future *done, void *arg)
{
	struct af_future *f;
	int r;

	(void)done;
	(void)arg;
	if (too_deep)
		return NULL;
	f = af_then(nap(0), go_deeper, NULL);
	r = af_await(f);
	if (r == -ELOOP)
		too_deep = true;
	else
		ck_assert_int_eq(r, 0);
	depth += r == 0;
	af_future_unref(f);
	return NULL;
}

static void go_deep(void *arg)
{
	(void)arg;
	af_future_unref(go_deeper(NULL, NULL));
}

START_TEST(await_past_the_limit_fails_eloop)
{
	unsigned below = contexts[_i].by == BY_AWAIT;

	open_stage(_i);
	ck_assert_int_eq(af_loop_set_max_depth(NULL, 3), -EINVAL);
	ck_assert_int_eq(af_loop_set_max_depth(stage.loop, 0), -EINVAL);
	stage_play(&stage, go_deep, NULL);
	ck_assert_uint_eq(depth, AFIO_MAX_DEPTH - below);
	depth = 0;
	too_deep = false;
	ck_assert_int_eq(af_loop_set_max_depth(stage.loop, 3), 0);
	stage_play(&stage, go_deep, NULL);
	ck_assert_uint_eq(depth, 3 - below);
	close_stage();
}
END_TEST

static void await_in_fork(void *arg)
{
	struct af_future *f = read_one(file), *done = nap(0);
	int status;
	pid_t pid;

	(void)arg;
	ck_assert_int_eq(af_await(done), 0);
	pid = fork();
	if (pid == 0) {
		alarm(20); /* rather than wait for ever */
		leave_as_is(af_await(f) != -EBADF ||
			    af_await_for(f, MS(1)) != -EBADF ||
			    af_await(done) != 0 ||
			    af_loop_run(stage.loop) != -EBADF);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	af_future_unref(done);
}

START_TEST(await_in_a_forked_child_fails_ebadf)
{
	open_stage(_i);
	stage_play(&stage, await_in_fork, NULL);
	close_stage();
}
END_TEST

static void *await_in_thread(void *arg)
{
	static int errors[2];

	errors[0] = af_await(arg);
	errors[1] = af_loop_run(stage.loop);
	return errors;
}

static void await_elsewhere(void *arg)
{
	struct af_future *f = read_one(file);
	pthread_t thread;
	void *errors;

	(void)arg;
	pthread_create(&thread, NULL, await_in_thread, f);
	pthread_join(thread, &errors);
	ck_assert_int_eq(((int *)errors)[0], -EPERM);
	ck_assert_int_eq(((int *)errors)[1], -EPERM);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(await_in_another_thread_fails_eperm)
{
	open_stage(_i);
	stage_play(&stage, await_elsewhere, NULL);
	close_stage();
}
END_TEST

/* Waits of a limited time */

static void await_for_a_while(void *arg)
{
	struct af_future *f = af_file_read(file, 2, AFIO_FULL, NULL);
	int64_t since = now_us();

	(void)arg;
	put_text(file_out, "a");
	ck_assert_int_eq(af_await_for(f, MS(10)), -ETIMEDOUT);
	expect_elapsed(since, 10);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(af_await_for(f, MS(0)), -ETIMEDOUT);
	put_text(file_out, "b");
	ck_assert_int_eq(af_await_for(f, MS(50000)), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "ab");
	af_future_unref(f);
}

START_TEST(await_for_times_out_and_the_operation_goes_on)
{
	open_stage(_i);
	stage_play(&stage, await_for_a_while, NULL);
	close_stage();
}
END_TEST

/* The operation's own deadline is another thing. */
static void await_for_longer(void *arg)
{
	struct af_future *f = af_file_read(file, 1, 0, MS(5));

	(void)arg;
	ck_assert_int_eq(af_await_for(f, MS(50000)), -ETIMEDOUT);
	ck_assert(af_future_is_done(f));
	af_future_unref(f);
}

START_TEST(await_for_of_what_times_out_itself_is_done)
{
	open_stage(_i);
	stage_play(&stage, await_for_longer, NULL);
	close_stage();
}
END_TEST

static void look_once(void *arg)
{
	struct af_future *f = read_one(file);

	(void)arg;
	ck_assert_int_eq(af_await_for(f, MS(0)), -ETIMEDOUT);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await_for(f, MS(0)), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "x");
	af_future_unref(f);
}

START_TEST(await_for_no_time_looks_once)
{
	open_stage(_i);
	stage_play(&stage, look_once, NULL);
	close_stage();
}
END_TEST

static void tell_done(struct af_future *done, void *arg)
{
	(void)done;
	tell(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

/* There are a continuation, a timer and bytes that could be seen to. */
static void await_done(void *arg)
{
	struct af_future *f, *pending = read_one(file);

	(void)arg;
	f = af_file_write(other, NULL, 0, 0, NULL);
	ck_assert_int_eq(af_future_error(f), -EBADF);
	af_on_done(af_future_ref(f), tell_done, "continuation ");
	put_text(file_out, "x");
	if (stage.context != TOP_OWN)
		event_base_once(af_loop_base(stage.loop), -1, EV_TIMEOUT,
				on_timer, "timer ", MS(0));
	ck_assert_int_eq(af_await(f), -EBADF);
	ck_assert_int_eq(af_await_for(f, MS(0)), -EBADF);
	ck_assert_int_eq(af_await_for(f, MS(100)), -EBADF);
	ck_assert_str_eq(story, "");
	ck_assert(!af_future_is_done(pending));
	ck_assert_int_eq(af_await(pending), 0);
	ck_assert_ptr_nonnull(strstr(story, "continuation "));
	af_future_unref(pending);
	af_future_unref(f);
}

START_TEST(await_of_done_returns_at_once_and_runs_nothing)
{
	open_stage(_i);
	stage_play(&stage, await_done, NULL);
	close_stage();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/await_errors");
	TCase *tc = test_case(s, "errors");

#define ADD_TIMES(test, n) tcase_add_loop_test(tc, test, 0, CONTEXT_COUNT *(n))
#define ADD(test) ADD_TIMES(test, 1)
	ADD(await_of_nonsense_fails_einval);
	ADD(await_with_nothing_pending_fails_edeadlk);
	ADD_TIMES(await_of_what_waits_for_us_fails_edeadlk, KNOT_COUNT);
	ADD(await_past_the_limit_fails_eloop);
	ADD(await_in_a_forked_child_fails_ebadf);
	ADD(await_in_another_thread_fails_eperm);

	tc = test_case(s, "time");
	ADD(await_for_times_out_and_the_operation_goes_on);
	ADD(await_for_of_what_times_out_itself_is_done);
	ADD(await_for_no_time_looks_once);
	ADD(await_of_done_returns_at_once_and_runs_nothing);
	return s;
}
