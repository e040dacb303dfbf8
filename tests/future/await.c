/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits inside continuations: what goes on meanwhile, what ends them, and the
 * waits that nothing can end.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/harness.h"

#define DEPTH 30

static struct rig rig;

/* A second pair on the same loop. */
static struct af_file *other;
static int other_out;

static void open_both(int way)
{
	int fds[2];

	rig_open(&rig, way);
	rig_reader(&rig);
	make_pair(rig.kind, fds);
	other = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(other);
	other_out = fds[1];
}

static void close_both(void)
{
	ck_assert_int_eq(af_file_close(other), 0);
	ck_assert_int_eq(close(other_out), 0);
	rig_close(&rig);
}

static struct af_future *read_some(struct af_file *file)
{
	return af_file_read(file, 9, 0, NULL);
}

/* What happened, in order, a word each. */
static char story[200];

static void tell(const char *word)
{
	strcat(story, word);
	strcat(story, " ");
}

static void tell_done(struct af_future *done, void *arg)
{
	(void)done;
	tell(arg);
}

/* Waits for other, and returns what it brought. */
static struct af_future *wait_for_other(struct af_future *done, void *arg)
{
	struct af_future *f = read_some(other);

	(void)done;
	(void)arg;
	tell("wait");
	ck_assert_int_eq(af_await(f), 0);
	tell("waited");
	return f;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

static void on_timer_put(evutil_socket_t fd, short what, void *arg)
{
	on_timer(fd, what, arg);
	put_text(other_out, "def");
}

static void after_ms(int ms, event_callback_fn fn, const char *word)
{
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, fn,
			(void *)word, MS(ms));
}

static void on_timer_put_first(evutil_socket_t fd, short what, void *arg)
{
	on_timer(fd, what, arg);
	put_text(rig.out, "xyz");
}

static void tell_and_put_other(struct af_future *done, void *arg)
{
	tell_done(done, arg);
	put_text(other_out, "def");
}

static struct af_future *set_timer_and_wait(struct af_future *done, void *arg)
{
	after_ms(5, on_timer_put_first, "timer");
	return wait_for_other(done, arg);
}

/* The wait ends by a continuation, which follows a timer of the program. */
START_TEST(await_in_a_continuation_lets_all_else_go_on)
{
	struct af_future *f;

	open_both(_i);
	f = af_then(af_file_read(rig.reader, 3, AFIO_FULL, NULL),
		    set_timer_and_wait, NULL);
	af_on_done(read_some(rig.reader), tell_and_put_other, "next");
	put_text(rig.out, "abc");
	expect_text(&rig, f, "def", 0);
	ck_assert_str_eq(story, "wait timer next waited ");
	close_both();
}
END_TEST

START_TEST(await_in_a_continuation_leaves_timers_pending)
{
	open_both(_i);
	after_ms(5, on_timer_put, "put");
	af_future_unref(af_then(read_some(rig.reader), wait_for_other, NULL));
	put_text(rig.out, "abc");
	after_ms(40, on_timer, "late");
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_ptr_nonnull(strstr(story, "waited "));
	ck_assert_ptr_nonnull(strstr(story, "late "));
	close_both();
}
END_TEST

/* What is ready is run by the inner wait, in its order. */
START_TEST(await_in_a_continuation_runs_others_that_are_ready)
{
	struct af_future *first, *f;

	open_both(_i);
	first = read_some(rig.reader);
	f = af_then(af_future_ref(first), wait_for_other, NULL);
	af_on_done(first, tell_done, "next");
	put_text(rig.out, "abc");
	put_text(other_out, "def");
	expect_text(&rig, f, "def", 0);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_ptr_nonnull(strstr(story, "next"));
	ck_assert_ptr_nonnull(strstr(story, "waited"));
	close_both();
}
END_TEST

START_TEST(await_of_data_there_already_completes)
{
	struct af_future *f;

	open_both(_i);
	put_text(rig.out, "abc");
	put_text(other_out, "def");
	f = af_then(read_some(rig.reader), wait_for_other, NULL);
	expect_text(&rig, f, "def", 0);
	close_both();
}
END_TEST

static void on_timer_await(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ck_assert_int_eq(af_await(arg), 0);
	tell("callback");
}

static void on_deferred_await(struct bufferevent *bev, void *arg)
{
	(void)bev;
	ck_assert_int_eq(af_await(arg), 0);
	tell("deferred");
}

/* To find out where it is called from does no harm anywhere. */
START_TEST(await_of_done_returns_at_once_in_callbacks)
{
	struct bufferevent *pair[2];
	struct af_future *f;

	open_both(_i);
	put_text(rig.out, "abc");
	f = read_some(rig.reader);
	ck_assert_int_eq(drive(&rig, f), 0);
	bufferevent_pair_new(af_loop_base(rig.loop), BEV_OPT_DEFER_CALLBACKS,
			     pair);
	bufferevent_setcb(pair[1], on_deferred_await, NULL, NULL, f);
	bufferevent_enable(pair[1], EV_READ);
	bufferevent_write(pair[0], "x", 1);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, on_timer_await,
			f, MS(0));
	if (rig.driver == DRIVE_DISPATCH)
		ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	else
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_ptr_nonnull(strstr(story, "callback "));
	ck_assert_ptr_nonnull(strstr(story, "deferred "));
	bufferevent_free(pair[0]);
	bufferevent_free(pair[1]);
	af_future_unref(f);
	turn(&rig);
	close_both();
}
END_TEST

/* Waits for the chain that it is part of. */
static struct af_future *wait_for_own_end(struct af_future *done, void *arg)
{
	struct af_future **end = arg;

	(void)done;
	ck_assert_int_eq(af_await(*end), -EDEADLK);
	ck_assert(!af_future_is_done(*end));
	tell("stuck");
	return NULL;
}

START_TEST(await_of_own_chain_fails_edeadlk)
{
	struct af_future *end;

	open_both(_i);
	end = af_then(read_some(rig.reader), wait_for_own_end, &end);
	put_text(rig.out, "abc");
	expect_text(&rig, end, "abc", 0);
	ck_assert_str_eq(story, "stuck ");
	close_both();
}
END_TEST

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

START_TEST(await_of_what_follows_own_chain_fails_edeadlk)
{
	struct af_future *end;

	open_both(_i);
	end = af_then(read_some(rig.reader), wait_for_own_end, &end);
	end = af_finally(af_then(end, pass, NULL), pass, NULL);
	put_text(rig.out, "abc");
	expect_text(&rig, end, "abc", 0);
	ck_assert_str_eq(story, "stuck ");
	close_both();
}
END_TEST

/* The inner of two waits waits for the continuation that the outer is in. */
static struct af_future *wait_with_another_inside(struct af_future *done,
						  void *arg)
{
	struct af_future *inner =
		af_then(read_some(other), wait_for_own_end, arg);

	(void)done;
	ck_assert_int_eq(af_await(inner), 0);
	tell("outer");
	af_future_unref(inner);
	return NULL;
}

START_TEST(await_of_a_wait_below_fails_edeadlk)
{
	struct af_future *end;

	open_both(_i);
	end = af_then(read_some(rig.reader), wait_with_another_inside, &end);
	put_text(other_out, "def");
	put_text(rig.out, "abc");
	expect_text(&rig, end, "abc", 0);
	ck_assert_str_eq(story, "stuck outer ");
	close_both();
}
END_TEST

/* Waits in a wait in a wait; each for the next byte of other. */
static struct af_future *wait_deeper(struct af_future *done, void *arg)
{
	int *depth = arg;
	struct af_future *f;

	(void)done;
	if (++*depth == DEPTH)
		return NULL;
	put_text(other_out, "x");
	f = af_then(af_file_read(other, 1, 0, NULL), wait_deeper, depth);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(*depth, DEPTH);
	return f;
}

START_TEST(await_nested_deeply_unwinds)
{
	int depth = 0;

	open_both(_i);
	put_text(rig.out, "abc");
	expect_text(&rig, af_then(read_some(rig.reader), wait_deeper, &depth),
		    "x", 0);
	ck_assert_int_eq(depth, DEPTH);
	close_both();
}
END_TEST

static void on_timer_stop(evutil_socket_t fd, short what, void *arg)
{
	on_timer(fd, what, arg);
	af_loop_stop(rig.loop);
	put_text(other_out, "def");
}

static struct af_future *wait_past_the_stop(struct af_future *done, void *arg)
{
	struct af_future **f = arg;

	(void)done;
	after_ms(5, on_timer_stop, "stop");
	ck_assert_int_eq(af_await(*f), 0);
	tell("data");
	return NULL;
}

START_TEST(stop_lets_the_inner_wait_end_and_then_the_run)
{
	struct af_future *f;

	open_both(WAY(KIND_PIPE, DRIVE_RUN));
	f = read_some(other);
	af_future_unref(af_then(read_some(rig.reader), wait_past_the_stop, &f));
	put_text(rig.out, "abc");
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_str_eq(story, "stop data ");
	expect_text(&rig, f, "def", 0);
	close_both();
}
END_TEST

/* What ends the wait of wait_until_cancelled(), once that has begun. */
struct ender {
	event_callback_fn fn;
	const char *word;
};

static struct af_future *wait_until_cancelled(struct af_future *done, void *arg)
{
	struct af_future *f = read_some(other);
	const struct ender *ender = arg;

	(void)done;
	after_ms(5, ender->fn, ender->word);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	tell("cancelled");
	af_future_unref(f);
	return NULL;
}

static void on_timer_close(evutil_socket_t fd, short what, void *arg)
{
	on_timer(fd, what, arg);
	ck_assert_int_eq(af_file_close(other), 0);
	other = NULL;
}

START_TEST(close_of_the_file_ends_the_inner_wait)
{
	struct ender ender = { on_timer_close, "close" };

	open_both(_i);
	put_text(rig.out, "abc");
	expect_text(
		&rig,
		af_then(read_some(rig.reader), wait_until_cancelled, &ender),
		"abc", 0);
	ck_assert_str_eq(story, "close cancelled ");
	close_both();
}
END_TEST

static void on_timer_free(evutil_socket_t fd, short what, void *arg)
{
	on_timer(fd, what, arg);
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

START_TEST(free_of_the_loop_ends_every_wait)
{
	struct ender ender = { on_timer_free, "free" };
	struct af_future *f;

	open_both(_i);
	f = af_then(read_some(rig.reader), wait_until_cancelled, &ender);
	put_text(rig.out, "abc");
	if (rig.driver == DRIVE_RUN)
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	af_await(f);
	ck_assert(af_future_is_done(f));
	ck_assert_str_eq(story, "free cancelled ");
	af_future_unref(f);
	close_both();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/await");
	TCase *tc = test_case(s, "nested");

/* Under af_await() and under af_loop_run(), on a pipe. */
#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_DISPATCH)
	ADD(await_in_a_continuation_lets_all_else_go_on);
	ADD(await_in_a_continuation_leaves_timers_pending);
	ADD(await_in_a_continuation_runs_others_that_are_ready);
	ADD(await_of_data_there_already_completes);
	ADD(await_nested_deeply_unwinds);
	tcase_add_loop_test(tc, await_of_done_returns_at_once_in_callbacks, 0,
			    DRIVE_COUNT);

	tc = test_case(s, "ends");
	ADD(await_of_own_chain_fails_edeadlk);
	ADD(await_of_what_follows_own_chain_fails_edeadlk);
	ADD(await_of_a_wait_below_fails_edeadlk);
	tcase_add_test(tc, stop_lets_the_inner_wait_end_and_then_the_run);
	ADD(close_of_the_file_ends_the_inner_wait);
	ADD(free_of_the_loop_ends_every_wait);
	return s;
}
